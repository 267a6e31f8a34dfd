/* One source, of a kind that the model can learn from, and no keys of another kind. */
#include "jobs/data_check.h"

#include <string.h>

#include "jobs/method_check.h"

static void check_partition(const struct vain_job *job, const struct vain_spec *spec,
                            const struct vain_data_source *source, struct vain_problems *problems)
{
    static const char *const of_dirichlet[] = {"data.dirichlet_alpha", NULL};
    const int partition = job->data.partition;
    const bool tasks = source->kind == VAIN_DATA_EPISODES;
    if (partition > VAIN_PARTITION_NAMED && source->kind == VAIN_DATA_TEXT)
        vain_spec_problem_at(spec, problems, "data.partition",
                             "use disjoint, shared or named, or data with labels",
                             "a text has no labels to be parted by");
    else if (tasks &&
             (partition == VAIN_PARTITION_BY_LABEL || partition == VAIN_PARTITION_DIRICHLET))
        vain_spec_problem_at(spec, problems, "data.partition",
                             "use shared, disjoint, iid or by-group",
                             "classes of few-shot tasks have no labels to be parted by");
    else if (!tasks && partition == VAIN_PARTITION_BY_GROUP)
        vain_spec_problem_at(
            spec, problems, "data.partition", "use shared, disjoint, iid, by-label or dirichlet",
            "%s has no groups; those are of classes of few-shot tasks", source->key);
    else if (source->kind != VAIN_DATA_TEXT && partition != VAIN_PARTITION_DIRICHLET)
        vain_refuse_idle(spec, problems, of_dirichlet, "set data.partition: dirichlet",
                         "the partition is another");
}

static void check_source(const struct vain_job *job, const struct vain_spec *spec,
                         const struct vain_data_source *source, struct vain_problems *problems)
{
    const int partition = job->data.partition;
    const bool named = strstr(source->path, "{name}") != NULL;
    if (job->data.vocabulary > 0 && source->path != job->data.tokens)
        vain_spec_problem_at(spec, problems, "data.vocabulary", "remove it",
                             "%lld tokens are counted, but %s has none",
                             (long long)job->data.vocabulary, source->key);
    if (partition == VAIN_PARTITION_NAMED && !named)
        vain_spec_problem_at(
            spec, problems, "data.partition", "write the path as parts/{name} with its ending",
            "partition 'named' gives every member its own file, but '%s' holds no {name}",
            source->path);
    if (partition != VAIN_PARTITION_NAMED && named)
        vain_spec_problem_at(spec, problems, source->key, "set data.partition: named",
                             "'%s' names a file a member, which needs data.partition: named",
                             source->path);
    const bool images = source->kind == VAIN_DATA_IMAGES || source->kind == VAIN_DATA_EPISODES;
    if (images != (job->model.kind == VAIN_MODEL_CONVNET))
        vain_spec_problem_at(spec, problems, "model.kind",
                             images ? "use model.kind: convnet" : "give data.images",
                             images ? "a model of symbols cannot learn from images (%s)"
                                    : "a convnet cannot learn from a text (%s)",
                             source->key);
    if ((source->kind == VAIN_DATA_SENTENCES) != (job->model.kind == VAIN_MODEL_ENCODER))
        vain_spec_problem_at(spec, problems, "model.kind",
                             source->kind == VAIN_DATA_SENTENCES ? "use model.kind: encoder"
                                                                 : "give data.pairs",
                             source->kind == VAIN_DATA_SENTENCES
                                 ? "only an encoder learns from labelled sentences (%s)"
                                 : "an encoder learns from labelled sentences only, not from %s",
                             source->key);
    check_partition(job, spec, source, problems);
}

/* Keys of one kind of data are refused beside a source of another: they would do nothing. */
static void check_idle(const struct vain_spec *spec, const struct vain_data_source *source,
                       struct vain_problems *problems)
{
    enum { TEXT = 1 << VAIN_DATA_TEXT, IMAGES = 1 << VAIN_DATA_IMAGES };
    enum { EPISODES = 1 << VAIN_DATA_EPISODES, SENTENCES = 1 << VAIN_DATA_SENTENCES };
    static const struct {
        unsigned kinds;
        const char *why, *keys[9]; /* NULL-ended */
    } rows[] = {
        {TEXT, "it is of texts", {"data.symbols", "data.validation"}},
        {IMAGES,
         "it is of labelled images",
         {"data.train_images", "data.train_labels", "data.test_images", "data.test_labels",
          "data.classes"}},
        {EPISODES,
         "it is of few-shot tasks",
         {"data.episode_images", "data.episode_order", "data.episode_groups", "data.train_classes",
          "data.rotations", "data.way", "data.shot", "data.query"}},
        {SENTENCES,
         "it is of labelled sentences",
         {"data.train_split", "data.validation_split", "data.test_split"}},
        {IMAGES | EPISODES,
         "it is of images",
         {"data.invert", "data.pixel_maximum", "data.mean", "data.deviation"}},
        {IMAGES | EPISODES | SENTENCES, "it is of labelled data", {"data.dirichlet_alpha"}},
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(rows); i++) {
        VAIN_ASSERT(rows[i].keys[VAIN_COUNT_OF(rows[i].keys) - 1] == NULL);
        if ((rows[i].kinds & 1u << source->kind) == 0)
            vain_refuse_idle(spec, problems, rows[i].keys, "remove it", rows[i].why);
    }
}

void vain_data_check(const struct vain_job *job, const struct vain_spec *spec,
                     struct vain_problems *problems)
{
    struct vain_data_source all[VAIN_DATA_SOURCES];
    const struct vain_data_source *source = NULL;
    vain_data_sources(&job->data, all);
    for (int i = 0; i < VAIN_DATA_SOURCES; i++) {
        if (all[i].path[0] == '\0')
            continue;
        if (source != NULL)
            vain_spec_problem_at(spec, problems, all[i].key, "remove one of the two",
                                 "%s and %s are both given, but a job has one source", source->key,
                                 all[i].key);
        source = &all[i];
    }
    if (source == NULL) {
        vain_spec_problem_at(spec, problems, "data.text",
                             "add 'text: FILE' under 'data', or --set data.text=FILE",
                             "nothing to train on: give data.text (a text file), data.tokens (a "
                             ".bin file of uint16), data.images (labelled images), "
                             "data.episodes (few-shot tasks) or data.pairs (labelled sentences)");
        return;
    }
    check_source(job, spec, source, problems);
    check_idle(spec, source, problems);
}

/* Which keys a kind of model or a loss looks at stands in one table a choice; one that it does not
 * look at is refused where it is given, with what was chosen. */
#include "jobs/model_check.h"

#include <stdio.h>
#include <string.h>

#include "jobs/method_check.h"
#include "models/losses.h"

/* Keys (NULL-ended) that only some choices look at: a bit a choice. */
struct keys_of {
    unsigned choices;
    const char *why, *hint, *keys[4];
};

/* Refuses the keys that choice `chosen` of key `choice` does not look at. */
static void refuse_unread(const struct vain_spec *spec, struct vain_problems *problems,
                          const struct keys_of *rows, size_t count, const char *choice, int chosen)
{
    const struct vain_spec_place *place = vain_spec_place(spec, choice);
    char name[32], text[160];
    VAIN_ASSERT(place != NULL);
    vain_option_format(place->option, place->section->values, name, sizeof name);
    for (size_t i = 0; i < count; i++) {
        VAIN_ASSERT(rows[i].keys[VAIN_COUNT_OF(rows[i].keys) - 1] == NULL);
        if ((rows[i].choices & 1u << chosen) != 0)
            continue;
        (void)snprintf(text, sizeof text, "%s, and %s is %s", rows[i].why, choice, name);
        vain_refuse_idle(spec, problems, rows[i].keys, rows[i].hint, text);
    }
}

enum { TRANSFORMER = 1 << VAIN_MODEL_TRANSFORMER, MLP = 1 << VAIN_MODEL_MLP };
enum { CONVNET = 1 << VAIN_MODEL_CONVNET, ENCODER = 1 << VAIN_MODEL_ENCODER };

static const struct keys_of of_kind[] = {
    {TRANSFORMER | ENCODER,
     "it is of transformers and encoders",
     "remove it, or use model.kind: transformer or encoder",
     {"model.layers", "model.heads", "model.width"}},
    {TRANSFORMER | ENCODER | MLP,
     "it is of models that read tokens",
     "remove it, or use a model.kind that reads tokens",
     {"model.context"}},
    {MLP, "it is of an mlp", "remove it, or use model.kind: mlp", {"model.sizes"}},
    {ENCODER, "it is of an encoder", "remove it, or use model.kind: encoder", {"model.features"}},
    {CONVNET,
     "it is of a convnet",
     "remove it, or use model.kind: convnet",
     {"model.preset", "model.network"}},
    {ENCODER,
     "only an encoder has a choice of losses",
     "remove it, or use model.kind: encoder",
     {"loss.kind", "loss.temperature", "loss.dropped_words"}},
    {ENCODER,
     "only an encoder has a choice of losses",
     "remove it, or use model.kind: encoder",
     {"loss.labels_a_batch", "loss.clusters", "loss.balance"}},
    {ENCODER,
     "only an encoder's features vote",
     "remove it, or use model.kind: encoder",
     {"loss.neighbours"}},
};

static const char no_dropout[] = "a convnet drops where model.network says so";

static void check_kind(const struct vain_job *job, const struct vain_spec *spec,
                       struct vain_problems *problems)
{
    static const char *const dropout[] = {"model.dropout", NULL};
    refuse_unread(spec, problems, of_kind, VAIN_COUNT_OF(of_kind), "model.kind", job->model.kind);
    if (job->model.kind == VAIN_MODEL_CONVNET && job->model.dropout == 0) /* else the model's own */
        vain_refuse_idle(spec, problems, dropout, "remove it", no_dropout);
}

const char *vain_model_ignores(int kind, const char *key)
{
    if (kind == VAIN_MODEL_CONVNET && strcmp(key, "model.dropout") == 0)
        return no_dropout;
    for (size_t i = 0; i < VAIN_COUNT_OF(of_kind); i++)
        for (int k = 0; of_kind[i].keys[k] != NULL; k++)
            if (strcmp(of_kind[i].keys[k], key) == 0 && (of_kind[i].choices & 1u << kind) == 0)
                return of_kind[i].why;
    return NULL;
}

/* Clusters and neighbours are of what features are measured by, whatever the loss. */
static void check_loss(const struct vain_job *job, const struct vain_spec *spec,
                       struct vain_problems *problems)
{
    enum { CONTRASTIVE = 1 << VAIN_LOSS_CONTRASTIVE, CLUSTERING = 1 << VAIN_LOSS_CLUSTERING };
    static const struct keys_of rows[] = {
        {CONTRASTIVE,
         "it is of the contrastive loss",
         "remove it, or use loss.kind: contrastive",
         {"loss.labels_a_batch"}},
        {CLUSTERING,
         "it is of the clustering loss",
         "remove it, or use loss.kind: clustering",
         {"loss.balance"}},
    };
    const int64_t batch = job->train.batch, labels = vain_loss_labels(&job->model, batch);
    const int kind = job->model.loss.kind;
    refuse_unread(spec, problems, rows, VAIN_COUNT_OF(rows), "loss.kind", kind);
    if (kind == VAIN_LOSS_CONTRASTIVE && (batch % labels != 0 || batch / labels < 2))
        vain_spec_problem_at(spec, problems, "loss.labels_a_batch",
                             "such as train.batch: 256 with loss.labels_a_batch: 64",
                             "%lld sentences (train.batch) are not %lld labels with equally many "
                             "each, 2 at least: the contrastive loss compares sentences of a label",
                             (long long)batch, (long long)labels);
    if (kind == VAIN_LOSS_CLUSTERING && batch % 2 != 0)
        vain_spec_problem_at(spec, problems, "train.batch", "use an even number",
                             "%lld sentences (train.batch) are not two views of equally many, as "
                             "the clustering loss needs",
                             (long long)batch);
}

void vain_model_check(const struct vain_job *job, const struct vain_spec *spec,
                      struct vain_problems *problems)
{
    check_kind(job, spec, problems);
    if (job->model.kind == VAIN_MODEL_ENCODER)
        check_loss(job, spec, problems);
}

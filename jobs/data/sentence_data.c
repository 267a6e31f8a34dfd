/* The cut is one over clients, of which a member is one. */
#include "jobs/data/sentence_data.h"

#include <string.h>

#include "base/memory.h"

static enum vain_status cut(const struct vain_data_options *options, uint64_t seed, int clients,
                            struct vain_sentence_data *out)
{
    static const int kinds[] = {[VAIN_PARTITION_DISJOINT] = VAIN_CLIENTS_IID,
                                [VAIN_PARTITION_SHARED] = VAIN_CLIENTS_IID,
                                [VAIN_PARTITION_NAMED] = VAIN_CLIENTS_IID,
                                [VAIN_PARTITION_IID] = VAIN_CLIENTS_IID,
                                [VAIN_PARTITION_BY_LABEL] = VAIN_CLIENTS_BY_LABEL,
                                [VAIN_PARTITION_DIRICHLET] = VAIN_CLIENTS_DIRICHLET};
    const struct vain_sentence_split *train = &out->set.splits[VAIN_SPLIT_TRAIN];
    if (options->partition == VAIN_PARTITION_BY_GROUP)
        return vain_fail(VAIN_ERR_INPUT,
                         "data.partition: sentences have no groups; use shared, disjoint, iid, "
                         "by-label or dirichlet");
    const struct vain_client_options split = {.kind = kinds[options->partition],
                                              .client_count = clients,
                                              .alpha = options->dirichlet_alpha,
                                              .what = out->set.path,
                                              .count = train->count,
                                              .labels = train->labels,
                                              .class_count = out->set.class_count};
    return vain_clients_split(&split, vain_random_stream(seed, VAIN_PURPOSE_DATA, "clients"),
                              &out->clients);
}

static enum vain_status name_words(struct vain_sentence_data *out)
{
    const struct vain_vocabulary *vocabulary = &out->set.vocabulary;
    void *words;
    VAIN_TRY(vain_take_array(vocabulary->symbol_count, VAIN_WORD_BYTES, "names of words", &words));
    out->words = words;
    for (int64_t i = 0; i < vocabulary->symbol_count; i++)
        vain_vocabulary_name(vocabulary, i, out->words + i * VAIN_WORD_BYTES);
    return VAIN_OK;
}

/* What is trained on is no measure. */
static enum vain_status check_splits(const struct vain_data_options *options)
{
    const bool validation = strcmp(options->train_split, options->validation_split) == 0;
    if (!validation && strcmp(options->train_split, options->test_split) != 0)
        return VAIN_OK;
    return vain_fail(VAIN_ERR_INPUT,
                     "%s: '%s' is data.train_split, and what is trained on is no measure; name "
                     "another split, or \"\" for none",
                     validation ? "data.validation_split" : "data.test_split",
                     options->train_split);
}

enum vain_status vain_sentence_data_open(const struct vain_data_options *options, const char *path,
                                         int64_t context, uint64_t seed, int member,
                                         int member_count, struct vain_sentence_data *out)
{
    const bool same = strcmp(options->test_split, options->validation_split) == 0;
    const bool all =
        options->partition == VAIN_PARTITION_SHARED || options->partition == VAIN_PARTITION_NAMED;
    /* Named alike, one split serves both. */
    const struct vain_sentence_source source = {.path = path,
                                                .splits = {options->train_split,
                                                           options->validation_split,
                                                           same ? "" : options->test_split},
                                                .context = context};
    memset(out, 0, sizeof *out);
    VAIN_TRY(check_splits(options));
    VAIN_TRY(vain_sentences_open(&source, &out->set));
    out->client = all ? 0 : member;
    enum vain_status status = cut(options, seed, all ? 1 : member_count, out);
    if (status == VAIN_OK)
        status = name_words(out);
    if (status != VAIN_OK)
        vain_sentence_data_close(out);
    return status;
}

void vain_sentence_data_close(struct vain_sentence_data *data)
{
    vain_clients_release(&data->clients);
    vain_sentences_close(&data->set);
    vain_release(data->words);
    memset(data, 0, sizeof *data);
}

int vain_sentence_data_measured(const struct vain_sentence_data *data, bool last)
{
    const int wanted = last ? VAIN_SPLIT_TEST : VAIN_SPLIT_VALIDATION;
    const int other = last ? VAIN_SPLIT_VALIDATION : VAIN_SPLIT_TEST;
    return data->set.splits[wanted].count > 0 ? wanted : other;
}

const int64_t *vain_sentence_data_rows(const struct vain_sentence_data *data, int64_t *count)
{
    return vain_clients_examples(&data->clients, data->client, count);
}

/* A member's text: opening it, and cutting windows out of it.
 *
 *   file ── symbols ── [ training                          | validation ]
 *                        part 0 | part 1 | ... (sorted names)
 *
 * A training window is T tokens and the T symbols one further, so it takes T + 1 symbols, and it
 * never leaves the part of its member. Where it begins is read from the member's Philox stream at
 * (rank, position, row): no state, so a resumed run, another number of threads or another order of
 * ranks draws the same windows. */
#include "jobs/data/corpus.h"

#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/memory.h"
#include "jobs/data/file.h"
#include "jobs/data/order.h"
#include "jobs/data/partition.h"
#include "jobs/data/symbols.h"

/* Why a corpus of these numbers cannot be trained on, in the terms of the spec. */
static enum vain_status check_length(const struct vain_data_options *options, const char *path,
                                     int parts, int64_t context, const struct vain_corpus *corpus)
{
    const int64_t part = corpus->train_count / parts;
    if (part < context + 1) {
        char ways_out[160] = "";
        if (part >= 2)
            snprintf(ways_out, sizeof ways_out, ", model.context of at most %lld",
                     (long long)part - 1);
        return vain_fail(
            VAIN_ERR_INPUT,
            "%s: too short: %lld symbols, of which %lld are for training (data.validation is %g), "
            "for %d part%s of %lld; a window of model.context + 1 takes %lld. Use a longer "
            "text%s%s",
            path, (long long)corpus->count, (long long)corpus->train_count, options->validation,
            parts, parts == 1 ? "" : "s", (long long)part, (long long)context + 1, ways_out,
            parts > 1 ? ", fewer members or data.partition: shared" : "");
    }
    if (options->validation > 0 && corpus->count - corpus->train_count < 2)
        return vain_fail(
            VAIN_ERR_INPUT,
            "%s: too short to validate: %lld symbols, of which data.validation %g leaves %lld, and "
            "a loss takes 2. Use a longer text or data.validation: 0",
            path, (long long)corpus->count, options->validation,
            (long long)(corpus->count - corpus->train_count));
    return VAIN_OK;
}

static const char *kind_of(const struct vain_data_options *options)
{
    if (options->tokens[0] != '\0')
        return "tokens";
    return options->symbols == VAIN_SYMBOLS_BYTES ? "bytes" : "characters";
}

/* Characters were copied, so their file need not stay mapped. */
static void drop_mapping(struct vain_corpus *corpus)
{
    vain_file_unmap(corpus->mapping, corpus->mapping_bytes);
    corpus->mapping = NULL;
    corpus->mapping_bytes = 0;
}

static enum vain_status read_file(const char *kind, const char *path, struct vain_corpus *out)
{
    void *mapping;
    size_t bytes;
    VAIN_TRY(vain_file_map(path, &mapping, &bytes));
    const enum vain_status status = vain_symbols_read(kind, path, mapping, bytes, out);
    out->mapping = mapping;
    out->mapping_bytes = bytes;
    if (status != VAIN_OK || out->owned != NULL)
        drop_mapping(out);
    return status;
}

/* The vocabulary that members agree on, where the file's own largest token says nothing about the
 * others'. */
static enum vain_status widen_vocabulary(const struct vain_data_options *options, const char *path,
                                         struct vain_corpus *corpus)
{
    if (options->vocabulary == 0)
        return VAIN_OK;
    if (!corpus->wide || corpus->vocabulary != NULL)
        return vain_fail(VAIN_ERR_INPUT,
                         "data.vocabulary is %lld, but only the tokens of data.tokens are counted "
                         "by it; remove it",
                         (long long)options->vocabulary);
    for (int64_t i = 0; corpus->symbol_count > options->vocabulary && i < corpus->count; i++) {
        const int32_t token = vain_symbols_at(corpus, i);
        if (token >= options->vocabulary)
            return vain_fail(VAIN_ERR_INPUT,
                             "%s: token %lld (offset %lld) is %d, but data.vocabulary is %lld, "
                             "which ends at %lld; set what the tokenizer that made the file has",
                             path, (long long)i + 1, 2 * (long long)i, (int)token,
                             (long long)options->vocabulary, (long long)options->vocabulary - 1);
    }
    corpus->symbol_count = options->vocabulary;
    return VAIN_OK;
}

enum vain_status vain_corpus_open(const struct vain_data_options *options, const char *spec_folder,
                                  const char *const *names, int name_count, const char *own_name,
                                  int64_t context, struct vain_corpus *out)
{
    *out = (struct vain_corpus){0};
    VAIN_ASSERT(context >= 1);
    VAIN_ASSERT(name_count >= 1);
    char path[VAIN_PATH_BYTES];
    int place;
    VAIN_TRY(vain_partition_place(names, name_count, own_name, &place));
    VAIN_TRY(vain_partition_path(options, spec_folder, own_name, path));
    VAIN_TRY(read_file(kind_of(options), path, out));
    memcpy(out->path, path, sizeof out->path);
    const bool disjoint = options->partition == VAIN_PARTITION_DISJOINT;
    const int parts = disjoint ? name_count : 1;
    out->train_count = vain_partition_train_count(out->count, options->validation);
    vain_partition_part(out->train_count, disjoint ? place : 0, parts, &out->part_begin,
                        &out->part_end);
    enum vain_status status = widen_vocabulary(options, path, out);
    if (status == VAIN_OK)
        status = check_length(options, path, parts, context, out);
    if (status != VAIN_OK)
        vain_corpus_close(out);
    return status;
}

void vain_corpus_close(struct vain_corpus *corpus)
{
    drop_mapping(corpus);
    vain_release(corpus->vocabulary);
    vain_release(corpus->owned);
    *corpus = (struct vain_corpus){0};
}

static void hash_u32(struct vain_hash_state *state, uint32_t value)
{
    const uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                              (uint8_t)(value >> 24)};
    vain_hash_update(state, bytes, sizeof bytes);
}

void vain_corpus_hash(const struct vain_corpus *corpus, uint8_t out[VAIN_MIN_LEN(32)])
{
    struct vain_hash_state state;
    vain_hash_init(&state, "vain/vocabulary");
    vain_hash_update(&state, corpus->symbol_kind, strlen(corpus->symbol_kind) + 1);
    hash_u32(&state, (uint32_t)corpus->symbol_count);
    for (int64_t i = 0; corpus->vocabulary != NULL && i < corpus->symbol_count; i++)
        hash_u32(&state, corpus->vocabulary[i]);
    vain_hash_final(&state, out);
}

/* A mapped file that somebody rewrites could show a token that no row of the embedding belongs to.
 */
static enum vain_status fail_changed(const struct vain_corpus *corpus, int64_t index,
                                     int32_t symbol)
{
    return vain_fail(
        VAIN_ERR_INPUT,
        "%s: token %lld (offset %lld) is %d now, outside the vocabulary of %lld that the file was "
        "opened with: it was changed while it is read; put back what it was, then resume",
        corpus->path, (long long)index + 1, 2 * (long long)index, (int)symbol,
        (long long)corpus->symbol_count);
}

/* T tokens from `offset` and their successors. */
static enum vain_status copy_window(const struct vain_corpus *corpus, int64_t offset, int64_t T,
                                    int32_t *tokens, int32_t *targets)
{
    for (int64_t t = 0; t <= T; t++) {
        const int32_t symbol = vain_symbols_at(corpus, offset + t);
        if (symbol >= corpus->symbol_count)
            return fail_changed(corpus, offset + t, symbol);
        if (t < T)
            tokens[t] = symbol;
        if (t > 0)
            targets[t - 1] = symbol;
    }
    return VAIN_OK;
}

enum vain_status vain_corpus_batch(const struct vain_corpus *corpus, struct vain_random random,
                                   int64_t position, int rank, int64_t B, int64_t T,
                                   int32_t *tokens, int32_t *targets)
{
    VAIN_ASSERT(position >= 0);
    VAIN_ASSERT(rank >= 0);
    VAIN_ASSERT(B >= 0 && B <= UINT32_MAX);
    VAIN_ASSERT(T >= 1);
    const int64_t symbols = corpus->part_end - corpus->part_begin;
    for (int64_t b = 0; b < B; b++) {
        const int64_t offset =
            corpus->part_begin + vain_order_offset(random, rank, position * B + b, symbols, T);
        VAIN_TRY(copy_window(corpus, offset, T, tokens + b * T, targets + b * T));
    }
    return VAIN_OK;
}

int64_t vain_corpus_validation_windows(const struct vain_corpus *corpus, int64_t T)
{
    VAIN_ASSERT(T >= 1);
    const int64_t target_count = corpus->count - corpus->train_count - 1;
    return target_count < 1 ? 0 : (target_count + T - 1) / T;
}

enum vain_status vain_corpus_validation_window(const struct vain_corpus *corpus, int64_t index,
                                               int64_t T, int32_t *tokens, int32_t *targets,
                                               int64_t *length)
{
    VAIN_ASSERT(index >= 0 && index < vain_corpus_validation_windows(corpus, T));
    const int64_t offset = corpus->train_count + index * T;
    const int64_t left = corpus->count - 1 - offset;
    *length = left < T ? left : T;
    return copy_window(corpus, offset, *length, tokens, targets);
}

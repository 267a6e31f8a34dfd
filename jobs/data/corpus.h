/* What the language models train on: one long sequence of symbols, split into training and
 * validation, the training part cut among the members.
 *
 * Symbols are bytes, characters of the file (Unicode code points in ascending order), or the uint16
 * tokens of nanoGPT's .bin files. Files of bytes and tokens are mapped, never copied, so they must
 * not change while a run reads them: it would train on the change, and is refused where a token is
 * larger than any was. Parts and random streams follow the member's name, never its
 * rank. Everything here is local and blocks on nothing but the disk. */
#pragma once

#include "base/philox.h"
#include "base/status.h"
#include "jobs/data/options.h"

struct vain_corpus {
    bool wide; /* uint16 tokens instead of bytes */
    const void
        *symbols;  /* mapped or owned: bytes or little-endian uint16, indices into the vocabulary */
    int64_t count; /* symbols in all */
    int64_t train_count;          /* the first so many are for training */
    int64_t part_begin, part_end; /* this member's part of the training symbols */
    int64_t symbol_count; /* V: 256 for bytes; distinct characters; data.vocabulary or 1 + largest
                             token */
    uint32_t *vocabulary; /* (V) byte values or code points; NULL for tokens; owned */
    const char *symbol_kind; /* "bytes", "characters", "tokens" */
    void *mapping;           /* owned */
    size_t mapping_bytes;
    void *owned;                /* owned */
    char path[VAIN_PATH_BYTES]; /* for messages */
};

/* Open for a member. `names` (name_count) are all members' names in any order, all different,
 * `own_name` among them; `spec_folder` resolves relative paths ("" or NULL: the working folder; "~"
 * is not expanded). On failure `out` is empty and needs no close. The message says file, place,
 * numbers and the way out:
 * VAIN_ERR_NOT_FOUND  no such file
 * VAIN_ERR_REFUSED    not readable by this user
 * VAIN_ERR_INPUT      a folder, FIFO or device; empty; not UTF-8 (line and column of the first bad
 *                     byte); a token file of odd size; a token outside data.vocabulary (and where);
 *                     more than VAIN_SYMBOLS_MAX different characters; too short for a window of
 *                     context + 1 at this split and partition; options that contradict each other
 * VAIN_ERR_STORAGE    it cannot be opened or read
 * VAIN_ERR_MEMORY
 * All members reach the same verdict on one file, because the smallest part is what is checked.
 * With `named` partitions every member opens its own file; vocabularies must then be equal, which
 * the caller checks by vain_corpus_hash (bytes are always equal). */
enum vain_status vain_corpus_open(const struct vain_data_options *options, const char *spec_folder,
                                  const char *const *names, int name_count, const char *own_name,
                                  int64_t context, struct vain_corpus *out) VAIN_MUST_USE;
/* A corpus that is zero or closed is fine. */
void vain_corpus_close(struct vain_corpus *corpus);
/* BLAKE2b over kind, V and vocabulary: equal at all members or they cannot train together. */
void vain_corpus_hash(const struct vain_corpus *corpus, uint8_t out[VAIN_MIN_LEN(32)]);

/* Training batch number `position` (from 0) of rank `rank` of the member's site: B windows of T
 * tokens in the order that `random` (the stream DATA of the member's name) gives its part (see
 * order.h), never past its end; T is at most the context that the corpus was opened for. Writes
 * tokens and targets (B, T); targets are the tokens one further. A pure function of its arguments,
 * so resuming needs only the position. VAIN_ERR_INPUT names a token that was not in the file when
 * it was opened. */
enum vain_status vain_corpus_batch(const struct vain_corpus *corpus, struct vain_random random,
                                   int64_t position, int rank, int64_t B, int64_t T,
                                   int32_t *tokens, int32_t *targets) VAIN_MUST_USE;
/* Validation windows of up to T tokens: together their targets are every symbol of the validation
 * split but its first, each once. How many there are; all have T tokens but the last, which may be
 * shorter. */
int64_t vain_corpus_validation_windows(const struct vain_corpus *corpus, int64_t T);
/* Window `index` (from 0): writes up to T tokens and targets, `length` says how many. Statuses of
 * vain_corpus_batch. */
enum vain_status vain_corpus_validation_window(const struct vain_corpus *corpus, int64_t index,
                                               int64_t T, int32_t *tokens, int32_t *targets,
                                               int64_t *length) VAIN_MUST_USE;

/* Text to symbols, with a vocabulary (ascending; NULL for tokens) that may come from a checkpoint.
 * `out` holds `capacity`; `count` is 0 on failure. Tokens are written "<123>". VAIN_ERR_INPUT names
 * the first character that the vocabulary lacks and its place, VAIN_ERR_CORRUPT a vocabulary that
 * is not ascending. */
enum vain_status vain_symbols_encode(const char *kind, const uint32_t *vocabulary,
                                     int64_t symbol_count, const char *text, int32_t *out,
                                     int64_t capacity, int64_t *count) VAIN_MUST_USE;
/* And back: UTF-8 (bytes as they are; tokens as "<123>"), NUL-ended within `bytes`; whatever does
 * not fit whole is left out. A symbol that the vocabulary lacks, or a code point that is none,
 * shows as U+FFFD. Gives the bytes written without the NUL. */
size_t vain_symbols_decode(const char *kind, const uint32_t *vocabulary, int64_t symbol_count,
                           const int32_t *symbols, int64_t count, char *out, size_t bytes);

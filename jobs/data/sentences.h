/* Labelled sentences: a text file of three columns with tabs between them, split name, label
 * number, text, one sentence a line and no heading (as in clinc150.tsv).
 *
 * Three splits are read by their names, for training, validation and test; lines of other splits
 * are counted and left aside. Words become symbols by a vocabulary (vocabulary.h) that is learned
 * from the training split or given; each sentence is padded to T symbols with VAIN_TOKEN_PADDING.
 * No sentence is cut: one that is too long is an error that names its line. */
#pragma once

#include "jobs/data/vocabulary.h"

enum { VAIN_SPLIT_TRAIN, VAIN_SPLIT_VALIDATION, VAIN_SPLIT_TEST, VAIN_SPLITS };
/* Read whole into memory, and sorted word by word. */
#define VAIN_SENTENCES_BYTES_MAX ((size_t)64 << 20)

struct vain_sentence_source {
    const char *path;
    const char *splits[VAIN_SPLITS]; /* names in the file, "" or NULL: none (not for training) */
    int64_t context;                 /* T; 0: as many symbols as the longest sentence has */
    int64_t min_count;               /* of a word in training, to have a symbol; 0 stands for 2 */
};

struct vain_sentence_split {
    int64_t count;
    int32_t *tokens;  /* (count, T), padded; owned */
    int32_t *lengths; /* (count) symbols before the padding, 1 to T; owned */
    int32_t *labels;  /* (count); owned */
    int64_t *lines;   /* (count) lines of the file, from 1; owned */
};

struct vain_sentences {
    struct vain_sentence_split splits[VAIN_SPLITS];
    struct vain_vocabulary vocabulary;
    int64_t T;           /* symbols of a padded sentence */
    int64_t longest;     /* symbols of the longest */
    int64_t class_count; /* 1 + the largest label of the three splits */
    int64_t other_count; /* lines of other splits */
    char path[VAIN_PATH_BYTES];
};

/* Local; blocks on the disk. On failure `out` is empty. VAIN_ERR_NOT_FOUND, VAIN_ERR_REFUSED,
 * VAIN_ERR_STORAGE as for other files; VAIN_ERR_INPUT with file, line and column (in characters):
 * not UTF-8, not three columns, a label that is no number from 0 to VAIN_CLASSES_MAX - 1, a text
 * without a word, a sentence of more than T symbols, a split without a line (with the names that
 * are there); a file beyond VAIN_SENTENCES_BYTES_MAX,
 * or VAIN_ARRAY_BYTES_MAX of symbols; VAIN_ERR_MEMORY. */
enum vain_status vain_sentences_open(const struct vain_sentence_source *source,
                                     struct vain_sentences *out) VAIN_MUST_USE;
/* The same from the content of the file, so that it can be fuzzed; source->path is for messages. */
enum vain_status vain_sentences_read(const struct vain_sentence_source *source, const void *data,
                                     size_t bytes, struct vain_sentences *out) VAIN_MUST_USE;
/* Sentences that are zero or closed are fine. */
void vain_sentences_close(struct vain_sentences *sentences);

/* Batch of the B sentences `rows` (B) of a split: `tokens` (B, T), `labels` (B); each may be NULL.
 * Local, allocates nothing. Rows come from an order (order.h) or as pairs (pairs.h). */
void vain_sentences_batch(const struct vain_sentences *sentences, int split, const int64_t *rows,
                          int64_t B, int32_t *tokens, int32_t *labels);

/* Labelled sentences of a job, and which of the training split are this member's. */
#pragma once

#include "jobs/data/clients.h"
#include "jobs/data/options.h"
#include "jobs/data/sentences.h"

struct vain_sentence_data {
    struct vain_sentences set;
    struct vain_clients clients; /* who has which rows of the training split */
    int client;                  /* this member's */
    char *words; /* (symbol_count, VAIN_WORD_BYTES) names of the symbols, NUL-padded; owned */
};

/* Read the file at `path`. All members with the same file have the same vocabulary, that of the
 * whole training split; the rows are cut by data.partition: disjoint and iid by chance, by-label,
 * dirichlet; shared and named: all of them. Local; blocks on the disk. On failure `out` is empty.
 * Statuses of vain_sentences_open and vain_clients_split; VAIN_ERR_INPUT for by-group. `context` as
 * in struct vain_sentence_source. */
enum vain_status vain_sentence_data_open(const struct vain_data_options *options, const char *path,
                                         int64_t context, uint64_t seed, int member,
                                         int member_count,
                                         struct vain_sentence_data *out) VAIN_MUST_USE;
/* Data that are zero or closed are fine. */
void vain_sentence_data_close(struct vain_sentence_data *data);
/* The split that parameters are measured on, after the last round or before: the test split and the
 * validation split, or the one of them that is there. */
int vain_sentence_data_measured(const struct vain_sentence_data *data, bool last);
/* Rows of the training split that are this member's, ascending; borrowed. */
const int64_t *vain_sentence_data_rows(const struct vain_sentence_data *data, int64_t *count);

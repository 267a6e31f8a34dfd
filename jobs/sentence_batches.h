/* Batches of labelled sentences in device memory for encoders, and what their features are worth.
 *
 * How a batch is drawn depends on the loss: for contrastive, loss.labels_a_batch labels with
 * equally many sentences each; for clustering, half as many sentences twice, as two views; for
 * cross-entropy, each sentence once an epoch. Local; blocks on nothing. */
#pragma once

#include "jobs/data/pairs.h"
#include "jobs/method.h"
#include "models/metrics.h"

struct vain_sentence_batches {
    const struct vain_method_config *config;           /* borrowed */
    struct vain_pairs pairs[VAIN_SPLITS];              /* contrastive */
    struct vain_random drop_random;                    /* which words are left out */
    int64_t *rows;                                     /* (B) drawn; owned, as all that follows */
    int32_t *host_tokens, *host_lengths, *host_labels; /* (B, T), (B), (B) */
    int32_t *tokens, *lengths, *labels;                /* the same in device memory */
    float *known;        /* (rows of training, F) features, device memory */
    float *asked;        /* (rows of the largest other split, F) features, device memory */
    float *similarities; /* (a block, rows of training), device memory */
    float *host_similarities, *host_asked;
    struct vain_neighbour *nearest; /* (loss.neighbours) */
    int32_t *clusters;              /* (rows of the largest other split) */
    void *workspace;                /* the model's, for batches of train.batch; borrowed */
};

/* Memory that they take. */
int64_t vain_sentence_batches_memory_bytes(const struct vain_method_config *config);
/* `config` and `workspace` are borrowed until the close. VAIN_ERR_INPUT: too few labels with enough
 * sentences in this member's part (vain_pairs_open), no split to measure on, fewer sentences than
 * neighbours or clusters. VAIN_ERR_UNAVAILABLE: the device has no ops for sentences. On failure
 * what was taken is released by vain_sentence_batches_close. */
enum vain_status vain_sentence_batches_open(const struct vain_method_config *config,
                                            void *workspace,
                                            struct vain_sentence_batches *out) VAIN_MUST_USE;
/* Zeroed ones are fine. */
void vain_sentence_batches_close(struct vain_sentence_batches *batches);

/* Training batch number `position` of rank `rank`: a pure function of its arguments. `out` borrows
 * the buffers until the next call. */
void vain_sentence_batches_draw(struct vain_sentence_batches *batches, struct vain_random random,
                                int64_t position, int rank, struct vain_batch *out);
/* Measures `share` of the validation split, or of the test split if `share->last`, and adds to
 * `sums`:
 *
 *   accuracy  whether the nearest training sentences vote for a sentence's label; they are those
 *             of the whole file, not of this member's part alone
 *   loss      counts each sentence once, in batches as equal as can be. Only the contrastive loss
 *             is that of whole batches, drawn as in training: as many as the split would fill, at
 *             least one (a sentence alone with its label is no pair, and a smaller batch has fewer
 *             to repel)
 *   normalised mutual information
 *             what clusters of the whole split know of the labels: from the first share only, if
 *             `share->last`, and always for the clustering loss
 *
 * VAIN_STOPPED: it was left off, since share->signal is set. VAIN_ERR_MEMORY. */
enum vain_status vain_sentence_batches_evaluate(struct vain_sentence_batches *batches,
                                                const float *parameters,
                                                const struct vain_method_share *share,
                                                struct vain_measure_sums *sums) VAIN_MUST_USE;

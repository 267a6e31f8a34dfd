/* Batches of a job's data in device memory, whatever kind the data are: what a method trains on,
 * and what it measures on. Local; blocks on nothing but the disk. */
#pragma once

#include "jobs/sentence_batches.h"
#include "jobs/teacher.h"

struct vain_batches {
    const struct vain_method_config *config; /* borrowed */
    int64_t B, T;                            /* examples of a batch; tokens of each, or 1 */
    int64_t pixels;                          /* numbers of an image; 0: no images */
    int32_t *tokens, *targets;               /* (B, T) owned, device memory; tokens of texts */
    float *images;                           /* (B, pixels) owned, device memory; or NULL */
    int32_t *host_tokens, *host_targets;     /* the same in host memory, where they are drawn */
    float *host_images;
    int64_t *examples; /* (B) owned: which images */
    struct vain_sentence_batches sentences;
    struct vain_teacher teacher; /* zeroed: nobody teaches */
    void *workspace;             /* activations; owned, device memory */
};

/* Memory that they take. */
int64_t vain_batches_memory_bytes(const struct vain_method_config *config);
/* Takes all memory, for batches of train.batch examples. `config` is borrowed until the close. On
 * failure what was taken is released by vain_batches_close. */
enum vain_status vain_batches_open(const struct vain_method_config *config,
                                   struct vain_batches *out) VAIN_MUST_USE;
/* Zeroed ones are fine. */
void vain_batches_close(struct vain_batches *batches);

/* Training batch number `position` (from 0) of rank `rank` of the site, in the order that `random`
 * gives this member's part: a pure function of its arguments. `out` borrows the buffers until the
 * next call. Statuses of vain_corpus_batch. */
enum vain_status vain_batches_draw(struct vain_batches *batches, struct vain_random random,
                                   int64_t position, int rank,
                                   struct vain_batch *out) VAIN_MUST_USE;
/* Images: batch `index` of epoch `epoch` of this member's own client `client`; the last of an epoch
 * may be short. */
void vain_batches_draw_client(struct vain_batches *batches, struct vain_random random, int client,
                              int64_t epoch, int64_t index, struct vain_batch *out);
/* Measures of `parameters` (N, device memory) over this share of what nobody trains on, added to
 * `sums`. */
enum vain_status vain_batches_evaluate(struct vain_batches *batches, const float *parameters,
                                       const struct vain_method_share *share,
                                       struct vain_measure_sums *sums) VAIN_MUST_USE;

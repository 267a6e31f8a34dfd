/* Distillation (Hinton, Vinyals & Dean 2015): the model of a checkpoint teaches the one that is
 * trained what it makes of each image. It stays with its member: nothing of it is exchanged, and
 * members may have different ones. */
#pragma once

#include "jobs/method.h"

struct vain_teacher {
    struct vain_model_options model; /* of the checkpoint, fitted to the data */
    struct vain_layout layout;       /* owned */
    float *parameters;               /* (N) owned, device memory, as the next two */
    void *workspace;                 /* for batches of train.batch */
    float *logits;                   /* (train.batch, classes) of the batch last asked about */
};

/* Reads config->teacher. `config` is borrowed for the call. Local; blocks on the disk. On failure
 * what was taken is released by the close. Statuses of vain_checkpoint_open, vain_checkpoint_read
 * and vain_fit_layout; VAIN_ERR_REFUSED: it does not tell the data's classes apart, or sees pixels
 * as other numbers; VAIN_ERR_CORRUPT: its spec cannot be read; VAIN_ERR_NUMERIC: a parameter is not
 * finite; VAIN_ERR_MEMORY. */
enum vain_status vain_teacher_open(const struct vain_method_config *config,
                                   struct vain_teacher *out) VAIN_MUST_USE;
/* A zeroed one is fine. `queue` is that of the opening. Local. */
void vain_teacher_close(struct vain_teacher *teacher, struct vain_queue *queue);
/* The teacher's logits of a batch of at most train.batch images, and how much they count, become
 * part of the batch; borrowed until the next call. Local, queued. */
void vain_teacher_ask(struct vain_teacher *teacher, const struct vain_method_config *config,
                      struct vain_batch *batch);

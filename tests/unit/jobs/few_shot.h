/* Learning to learn without files: a small set of classes in memory, and a linear model that the
 * tests can compute by themselves and that notes what it is shown. */
#pragma once

#include "jobs/meta.h"

enum { FEW_WAY = 3, FEW_PIXELS = 4, FEW_N = FEW_WAY * FEW_PIXELS + FEW_WAY, FEW_NOTES_MAX = 4096 };

/* What the model was shown, in order, if `on`; one learner only. */
struct few_notes {
    bool on;
    int batches, images;
    int64_t batch_count[FEW_NOTES_MAX]; /* images of each batch */
    float first_pixel[FEW_NOTES_MAX];   /* of each image: its number in the set */
};
extern struct few_notes few_notes;
extern double few_loss_added; /* to every loss that the model tells; not to its gradient */

struct few_shot {
    struct vain_job job; /* defaults, method, shapes; change before few_open */
    struct vain_model_options model;
    struct vain_layout layout;
    struct vain_data data;
    struct vain_device device;
    struct vain_queue queue;
    struct vain_site site;
    const struct vain_method_ops *ops;
    struct vain_method method;
    float initial[FEW_N];
    bool is_open;
};
/* Set the defaults of a job with the method; seed 5. */
void few_init(struct few_shot *few, int method);
/* Open the device with so many threads, and the method as member `name`. */
enum vain_status few_open(struct few_shot *few, int threads, const char *name);
void few_close(struct few_shot *few);
/* `count` local steps from step `first` of the run on. */
enum vain_status few_steps(struct few_shot *few, int64_t first, int64_t count);
/* Images and labels of a task, support before query; what the method must have used. */
void few_draw(const struct few_shot *few, const char *name, const struct vain_inner *inner,
              int64_t task, float *images, int32_t *labels);
/* Mean loss of B images in double, and its gradient (FEW_N) if not NULL. */
double few_loss(const double *parameters, int64_t B, const float *images, const int32_t *labels,
                double *gradient);

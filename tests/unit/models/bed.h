/* A test bed: a model with parameters, a batch and a workspace on the CPU device, and the
 * properties that every kind of model has. Each test_<kind>.c runs all of them on its kind. */
#pragma once

#include "kernels/device.h"
#include "models/model.h"

struct bed {
    struct vain_device device;
    struct vain_queue queue;
    struct vain_model_options options;
    const struct vain_model_ops *model;
    struct vain_layout layout;
    int64_t N;
    float *parameters, *gradients; /* (N) */
    int32_t *tokens, *targets;     /* (B, T) */
    float *images;                 /* (B, height, width, channels) of a convnet, else NULL */
    int32_t *lengths;              /* (B) of an encoder's sentences; NULL otherwise */
    struct vain_batch batch;
    unsigned char *workspace; /* followed by a guard that nothing may touch */
    size_t workspace_bytes;
    int64_t correct; /* of the last evaluation */
};

/* Small options of a kind with V symbols and the other keys of `base`; parameters are random and
 * large enough for every gradient to count, tokens or images are random. */
void bed_open(struct bed *bed, const struct vain_model_options *options, int64_t B, int64_t T,
              int threads);
void bed_close(struct bed *bed);
/* Symbols, or classes. */
int64_t bed_logit_count(const struct vain_model_options *options);
/* Zeroes the gradients, makes every byte of the workspace a NaN, runs forward_backward, checks the
 * guard. */
double bed_forward_backward(struct bed *bed, const struct vain_batch_place *place);
/* Loss sum under evaluate, in a NaN workspace of the evaluation's size. */
double bed_evaluate(struct bed *bed);
/* A place in a run, from small numbers. */
struct vain_batch_place bed_place(uint32_t round, uint32_t step, uint32_t micro_batch);

/* The properties. Each opens its own bed. */
void bed_check_gradients(const struct vain_model_options *options, int64_t B, int64_t T,
                         const struct vain_batch_place *place);
/* The same for images and a teacher whose logits the test makes up. */
void bed_check_taught_gradients(const struct vain_model_options *options, int64_t B, float weight,
                                float temperature);
void bed_check_threads(const struct vain_model_options *options, int64_t B, int64_t T);
void bed_check_dropout_places(const struct vain_model_options *options, int64_t B, int64_t T);
void bed_check_accumulation(const struct vain_model_options *options, int64_t T);
void bed_check_next_logits(const struct vain_model_options *options);
void bed_check_workspace(const struct vain_model_options *options, int64_t B, int64_t T);
void bed_check_layout(const struct vain_model_options *options, int64_t parameter_count);
/* AdamW steps on one batch from the initial values; the loss must fall below `floor_nats`. */
void bed_check_overfit(const struct vain_model_options *options, int64_t B, int64_t T, int steps,
                       double floor_nats);

/* check() refuses the options for `key`, and the message holds each of the NULL-ended texts; layout
 * refuses too. */
void bed_check_refused(const struct vain_model_options *options, const char *key,
                       const char *const *texts);

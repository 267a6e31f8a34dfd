/* A method of one member on labelled images that the test makes: idx files in a folder of their
 * own, a job with changed keys, and all that a method is opened with. */
#pragma once

#include "jobs/method.h"

struct image_bed {
    char folder[128];
    struct vain_job job;
    struct vain_data data;
    struct vain_device device;
    struct vain_queue queue;
    struct vain_model_options model;
    struct vain_layout layout;
    struct vain_site site; /* of one rank */
    struct vain_method_config config;
    float *initial; /* (N) */
};

enum { IMAGE_BED_CLASSES = 6, IMAGE_BED_TRAIN = 360, IMAGE_BED_TEST = 96 };

/* `member` of `members`, on `threads` workers; `sets` is a NULL-ended list of "key=value". Classes
 * are bright rows of 6 x 6 pixels in noise; image i is of class i % 6. */
void image_bed_open(struct image_bed *bed, const char *const *sets, int member, int members,
                    int threads);
void image_bed_close(struct image_bed *bed);

/* Images with a label each, in memory: what classifiers learn from.
 *
 * Bytes stay bytes (60 000 images of 28 x 28 are 47 MB, four times less than as floats) and are
 * turned into numbers when a batch is drawn. What a pixel becomes is
 *
 *     x = pixel / full        full is the pixel value that means 1: 255 for bytes, 1 for floats
 *     x = 1 - x               if `invert`
 *     (x - mean) / deviation
 *
 * in binary32, one operation after the other, so it is the same on every machine; for bytes a table
 * of 256 entries holds it. Batches are (B, H, W, C), channels last. */
#pragma once

#include "jobs/data/array.h"

enum {
    VAIN_CLASSES_MAX = 65536,  /* labels of a set */
    VAIN_IMAGE_SIDE_MAX = 4096 /* pixels of an edge, and channels */
};

/* What a pixel becomes; see above. Zero: bytes / 255 or floats as they are. */
struct vain_pixel_options {
    double full;      /* 0: 255 for uint8, 1 for floats */
    bool invert;      /* paper to 0, ink to 1, or back */
    double mean;      /* after the division, such as 0.1307 for MNIST */
    double deviation; /* > 0; 0 stands for 1 */
};

struct vain_image_source {
    const char *path;   /* HDF5 file, idx file or folder of idx files: vain_array_read */
    const char *images; /* data set (count, H, W) or (count, H, W, C): uint8, float32, float64 */
    const char *labels_path; /* NULL: `path` */
    const char *labels;      /* data set (count) of integers */
    int64_t class_count;     /* 0: 1 + the largest label */
    struct vain_pixel_options pixels;
};

struct vain_images {
    int64_t count;                    /* images */
    int64_t height, width, channels;  /* H, W, C */
    int64_t class_count;              /* labels are below it */
    int32_t *labels;                  /* (count); owned */
    struct vain_array array;          /* (count, H, W, C), uint8 or float32; owned */
    struct vain_pixel_options pixels; /* nothing left at 0 but `mean` */
    float of_byte[256];               /* what each byte becomes */
    char path[VAIN_PATH_BYTES];       /* for messages */
    char name[VAIN_ARRAY_NAME_BYTES]; /* of the images' data set */
};

/* Read and check all of it. Local; blocks on the disk. On failure `out` is empty. Statuses of
 * vain_array_read, and VAIN_ERR_INPUT with file, data set, index and value: another rank or type,
 * no image, sizes beyond VAIN_IMAGE_SIDE_MAX, not as many labels as images, a label below 0 or not
 * below the number of classes, a pixel that is NaN or infinite, a deviation that is not above 0. */
enum vain_status vain_images_open(const struct vain_image_source *source,
                                  struct vain_images *out) VAIN_MUST_USE;
/* Images without labels of their own, as few-shot sets hold them: all but the last two (or three,
 * with `channels`) sizes of `array` count images. Takes `array` (empty afterwards, also on
 * failure); `out` has no labels. Statuses of vain_images_open. */
enum vain_status vain_images_adopt(const char *path, const char *name, bool channels,
                                   const struct vain_pixel_options *pixels,
                                   struct vain_array *array, struct vain_images *out) VAIN_MUST_USE;
/* A set that is zero or closed is fine. */
void vain_images_close(struct vain_images *images);

/* Numbers of an image: H * W * C. */
int64_t vain_images_pixels(const struct vain_images *images);
/* Write image `index`, turned by `quarter_turns` times 90 degrees against the clock (a quarter or
 * three ask for H = W), to `out` (H, W, C). Local, allocates nothing. */
void vain_images_write(const struct vain_images *images, int64_t index, int quarter_turns,
                       float *out);
/* Batch of the B images `indices` (B): `pixels` (B, H, W, C) and `targets` (B). Local, allocates
 * nothing. */
void vain_images_batch(const struct vain_images *images, const int64_t *indices, int64_t B,
                       float *pixels, int32_t *targets);

/* The patches of a convolution: row m = (b, y, x) of a matrix (M, K) holds what the window sees
 * when it makes output pixel (y, x) of image b, K = window height * width * C, zeros outside of the
 * image. The matrix is never there as a whole: convolution.c asks for the parts that it multiplies
 * next. */
#pragma once

#include "kernels/image.h"

struct vain_patches {
    int64_t H, W, C;
    struct vain_window window;
    int64_t rows, columns; /* of the output */
    int64_t top, left;     /* zeros before the image */
    int64_t M, K;
};

struct vain_patches vain_patches_of(int64_t B, int64_t H, int64_t W, int64_t C,
                                    struct vain_window window);

/* Elements k .. k + width - 1 of patches m .. m + count - 1, written to target, rows `stride`
 * apart.
 */
void vain_patches_read(const struct vain_patches *patches, const float *images, int64_t m,
                       int64_t count, int64_t k, int64_t width, int64_t stride, float *target);
/* The other way: add them to where they came from, in order of m, then k; zeros outside are
 * dropped.
 */
void vain_patches_add(const struct vain_patches *patches,
                      void (*add)(int64_t N, const float *source, float *target),
                      const float *source, int64_t m, int64_t count, int64_t k, int64_t width,
                      int64_t stride, float *images);

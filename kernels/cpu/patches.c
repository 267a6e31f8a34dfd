/* Patches, read and written row by row: of each line of the window the pixels inside of the image
 * are one run of floats, because channels and pixels of a line lie side by side. */
#include "kernels/cpu/patches.h"

#include "kernels/cpu/cpu.h"

#include <string.h>

struct vain_patches vain_patches_of(int64_t B, int64_t H, int64_t W, int64_t C,
                                    struct vain_window window)
{
    struct vain_patches p = {.H = H, .W = W, .C = C, .window = window};
    p.rows = vain_window_count(H, window.height, window.stride, window.same);
    p.columns = vain_window_count(W, window.width, window.stride, window.same);
    p.top = vain_window_padding(H, window.height, window.stride, window.same);
    p.left = vain_window_padding(W, window.width, window.stride, window.same);
    p.M = B * p.rows * p.columns;
    p.K = window.height * window.width * C;
    return p;
}

/* Where a patch begins: image, and the place of its upper left corner, which may lie outside. */
struct corner {
    int64_t b, y, x;
};

static struct corner corner_of(const struct vain_patches *p, int64_t m)
{
    const int64_t column = m % p->columns, line = m / p->columns;
    return (struct corner){line / p->rows, line % p->rows * p->window.stride - p->top,
                           column * p->window.stride - p->left};
}

static void next_corner(const struct vain_patches *p, struct corner *corner)
{
    corner->x += p->window.stride;
    if (corner->x < p->columns * p->window.stride - p->left)
        return;
    corner->x = -p->left;
    corner->y += p->window.stride;
    if (corner->y < p->rows * p->window.stride - p->top)
        return;
    corner->y = -p->top;
    corner->b++;
}

/* The part of elements [first, end) of a patch that is in line `line` of the window: [from, to) of
 * the patch, of which [inside, outside) is in the image, at `index` of the images. */
struct run {
    int64_t from, to, inside, outside, index;
};

static struct run run_of(const struct vain_patches *p, const struct corner *corner, int64_t line,
                         int64_t first, int64_t end)
{
    const int64_t begin = line * p->window.width * p->C, y = corner->y + line;
    struct run run = {.from = vain_larger(first, begin),
                      .to = vain_smaller(end, begin + p->window.width * p->C)};
    run.inside = run.outside = run.to;
    if (y < 0 || y >= p->H)
        return run;
    const int64_t left = begin - vain_smaller(corner->x, 0) * p->C,
                  right = begin + (p->W - corner->x) * p->C;
    run.inside = vain_smaller(vain_larger(run.from, left), run.to);
    run.outside = vain_larger(vain_smaller(run.to, right), run.inside);
    run.index = ((corner->b * p->H + y) * p->W + corner->x) * p->C + run.inside - begin;
    return run;
}

/* Calls for a few floats cost more than the floats. */
static void copy_run(float *restrict target, const float *restrict source, int64_t count)
{
    if (count <= 8)
        for (int64_t i = 0; i < count; i++)
            target[i] = source[i];
    else
        memcpy(target, source, (size_t)count * sizeof(float));
}

static void zero_run(float *target, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        target[i] = 0;
}

void vain_patches_read(const struct vain_patches *p, const float *images, int64_t m, int64_t count,
                       int64_t k, int64_t width, int64_t stride, float *target)
{
    struct corner corner = corner_of(p, m);
    const int64_t line_floats = p->window.width * p->C, first = k / line_floats,
                  end = vain_parts_of(k + width, line_floats);
    for (int64_t i = 0; i < count; i++) {
        for (int64_t line = first; line < end; line++) {
            const struct run run = run_of(p, &corner, line, k, k + width);
            zero_run(target + (run.from - k), run.inside - run.from);
            if (run.outside > run.inside)
                copy_run(target + (run.inside - k), images + run.index, run.outside - run.inside);
            zero_run(target + (run.outside - k), run.to - run.outside);
        }
        next_corner(p, &corner);
        target += stride;
    }
}

void vain_patches_add(const struct vain_patches *p,
                      void (*add)(int64_t N, const float *source, float *target),
                      const float *source, int64_t m, int64_t count, int64_t k, int64_t width,
                      int64_t stride, float *images)
{
    struct corner corner = corner_of(p, m);
    const int64_t line_floats = p->window.width * p->C, first = k / line_floats,
                  end = vain_parts_of(k + width, line_floats);
    for (int64_t i = 0; i < count; i++) {
        for (int64_t line = first; line < end; line++) {
            const struct run run = run_of(p, &corner, line, k, k + width);
            if (run.outside > run.inside)
                add(run.outside - run.inside, source + (run.inside - k), images + run.index);
        }
        next_corner(p, &corner);
        source += stride;
    }
}

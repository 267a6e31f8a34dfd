/* The optimiser group on both devices: bit for bit. */
#include "tests/gpu/twins.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SEGMENTS = 7, LARGE = 124439808 /* parameters of GPT-2's smallest */ };

static const int64_t sizes[] = {1,     2,     3,     4,      5,      15,     16,    17,
                                63,    255,   1000,  1023,   4096,   4097,   16384, 65535,
                                65536, 65537, 70001, 131072, 200003, 1048579};

/* Every size, and pointers one element off, which keeps them from 16-byte accesses. */
struct shape {
    int64_t N, offset;
};

enum { SHAPES = 2 * VAIN_COUNT_OF(sizes) };

static struct shape shape_of(int i)
{
    return (struct shape){sizes[i / 2], i % 2};
}

static float *host(const struct vain_twin *twin, struct shape shape)
{
    return (float *)twin->host + shape.offset;
}

static float *gpu(const struct vain_twin *twin, struct shape shape)
{
    return (float *)twin->gpu + shape.offset;
}

struct bench {
    struct vain_twins *twins;
    struct vain_twin a, b, c, d;
    struct vain_adamw adamw;
    double out;
    int64_t index;
};

/* ---- AdamW ---- */

static void make_segments(struct vain_segment segments[SEGMENTS], int64_t N)
{
    for (int s = 0; s < SEGMENTS; s++) {
        const int64_t from = N * s / SEGMENTS, to = N * (s + 1) / SEGMENTS;
        /* Some leave a gap of an element. */
        const int64_t gap = s % 3 == 1 && to - from > 1;
        segments[s] = (struct vain_segment){from + gap, to - from - gap, s % 2 ? 0.1f : 0.0f};
    }
}

static struct vain_adamw adamw_of(const struct vain_segment *segments)
{
    return (struct vain_adamw){.learning_rate = 6e-4f,
                               .beta1 = 0.9f,
                               .beta2 = 0.95f,
                               .epsilon = 1e-8f,
                               .gradient_scale = 0.7f,
                               .correction1 = 0.271f,
                               .correction2 = 0.142625f,
                               .segments = segments,
                               .segment_count = SEGMENTS};
}

static int64_t adamw_shape(struct vain_twins *t, struct shape s)
{
    struct vain_segment segments[SEGMENTS];
    make_segments(segments, s.N);
    const struct vain_adamw adamw = adamw_of(segments);
    struct vain_twin g = vain_twin_floats(t, s.N + 1, 1, 1), p = vain_twin_floats(t, s.N + 1, 1, 2),
                     m = vain_twin_floats(t, s.N + 1, 0.1f, 3),
                     v = vain_twin_floats(t, s.N + 1, 0.1f, 4);
    for (int64_t i = 0; i <= s.N; i++)
        ((float *)v.host)[i] = fabsf(((float *)v.host)[i]);
    vain_twin_send(t, &v);
    t->cpu.ops->optimiser.adamw(&t->on_cpu, &adamw, host(&g, s), host(&p, s), host(&m, s),
                                host(&v, s));
    t->gpu.ops->optimiser.adamw(&t->on_gpu, &adamw, gpu(&g, s), gpu(&p, s), gpu(&m, s), gpu(&v, s));
    const int64_t differences =
        vain_twin_differences(t, &p) + vain_twin_differences(t, &m) + vain_twin_differences(t, &v);
    vain_twin_release(t, &g);
    vain_twin_release(t, &p);
    vain_twin_release(t, &m);
    vain_twin_release(t, &v);
    return differences;
}

static void time_adamw(void *context)
{
    struct bench *b = context;
    b->twins->gpu.ops->optimiser.adamw(&b->twins->on_gpu, &b->adamw, b->a.gpu, b->b.gpu, b->c.gpu,
                                       b->d.gpu);
}

/* ---- The others ---- */

static int64_t scalars_shape(struct vain_twins *t, struct shape s)
{
    struct vain_twin x = vain_twin_floats(t, s.N + 1, 3, 5);
    double on_cpu = -1, on_gpu = -2;
    int64_t differences = 0;
    t->cpu.ops->optimiser.sum_squares(&t->on_cpu, s.N, host(&x, s), &on_cpu);
    t->gpu.ops->optimiser.sum_squares(&t->on_gpu, s.N, gpu(&x, s), &on_gpu);
    differences += !vain_twins_wait(t) || memcmp(&on_cpu, &on_gpu, sizeof on_cpu) != 0;
    /* No bad one, then two: the first counts. */
    for (int bad = 0; bad < 3; bad++) {
        int64_t first_cpu = -1, first_gpu = -2;
        if (bad > 0)
            host(&x, s)[bad == 1 ? s.N - 1 : s.N / 2] = bad == 1 ? -INFINITY : NAN;
        vain_twin_send(t, &x);
        t->cpu.ops->optimiser.first_not_finite(&t->on_cpu, s.N, host(&x, s), &first_cpu);
        t->gpu.ops->optimiser.first_not_finite(&t->on_gpu, s.N, gpu(&x, s), &first_gpu);
        differences += !vain_twins_wait(t) || first_cpu != first_gpu;
    }
    vain_twin_release(t, &x);
    return differences;
}

static int64_t elementwise_shape(struct vain_twins *t, struct shape s)
{
    const struct vain_optimiser_ops *c = &t->cpu.ops->optimiser, *g = &t->gpu.ops->optimiser;
    struct vain_twin x = vain_twin_floats(t, s.N + 1, 1, 6), y = vain_twin_floats(t, s.N + 1, 1, 7),
                     z = vain_twin_floats(t, s.N + 1, 1, 8);
    int64_t differences = 0;
    c->add(&t->on_cpu, s.N, host(&x, s), host(&y, s));
    g->add(&t->on_gpu, s.N, gpu(&x, s), gpu(&y, s));
    c->scale(&t->on_cpu, s.N, 1.0f / 3.0f, host(&y, s));
    g->scale(&t->on_gpu, s.N, 1.0f / 3.0f, gpu(&y, s));
    for (int kind = 0; kind < 3; kind++) { /* plain, heavy ball, Nesterov */
        c->outer_step(&t->on_cpu, s.N, 0.7f, 0.9f, kind == 2, host(&x, s),
                      kind == 0 ? NULL : host(&y, s), host(&z, s));
        g->outer_step(&t->on_gpu, s.N, 0.7f, 0.9f, kind == 2, gpu(&x, s),
                      kind == 0 ? NULL : gpu(&y, s), gpu(&z, s));
        differences += vain_twin_differences(t, &y) + vain_twin_differences(t, &z);
    }
    vain_twin_release(t, &x);
    vain_twin_release(t, &y);
    vain_twin_release(t, &z);
    return differences;
}

static void over_shapes(struct vain_twins *t, const char *op,
                        int64_t (*run)(struct vain_twins *, struct shape))
{
    struct vain_twins_row row = {.op = op, .shape = "44 shapes to 2^20, off by one"};
    const int step = t->timed ? 1 : 5; /* compute-sanitizer is slow */
    for (int i = 0; i < (int)SHAPES; i += step)
        row.differences += run(t, shape_of(i));
    vain_twins_row(t, &row);
}

/* ---- Times ---- */

static void time_squares(void *context)
{
    struct bench *b = context;
    b->twins->gpu.ops->optimiser.sum_squares(&b->twins->on_gpu, LARGE, b->a.gpu, &b->out);
}

static void time_search(void *context)
{
    struct bench *b = context;
    b->twins->gpu.ops->optimiser.first_not_finite(&b->twins->on_gpu, LARGE, b->a.gpu, &b->index);
}

static void time_add(void *context)
{
    struct bench *b = context;
    b->twins->gpu.ops->optimiser.add(&b->twins->on_gpu, LARGE, b->a.gpu, b->b.gpu);
}

static void time_scale(void *context)
{
    struct bench *b = context;
    b->twins->gpu.ops->optimiser.scale(&b->twins->on_gpu, LARGE, 1.0000001f, b->a.gpu);
}

static void time_outer(void *context)
{
    struct bench *b = context;
    b->twins->gpu.ops->optimiser.outer_step(&b->twins->on_gpu, LARGE, 0.7f, 0.9f, true, b->a.gpu,
                                            b->b.gpu, b->c.gpu);
}

static void time_all(struct vain_twins *t)
{
    static const struct {
        const char *op;
        void (*run)(void *context);
        double bytes;
    } rows[] = {
        {"adamw", time_adamw, 28},
        {"sum_squares", time_squares, 4},
        {"first_not_finite", time_search, 4},
        {"add", time_add, 12},
        {"scale", time_scale, 8},
        {"outer_step nesterov", time_outer, 20},
    };
    struct vain_segment segments[SEGMENTS];
    struct bench bench = {.twins = t};
    make_segments(segments, LARGE);
    bench.adamw = adamw_of(segments);
    bench.a = vain_twin_large(t, LARGE, 1, 11);
    bench.b = vain_twin_large(t, LARGE, 1, 12);
    bench.c = vain_twin_large(t, LARGE, 1, 13);
    bench.d = vain_twin_large(t, LARGE, 0, 14);
    for (size_t i = 0; i < VAIN_COUNT_OF(rows); i++) {
        const struct vain_twins_row row = {.op = rows[i].op,
                                           .shape = "N = 124439808",
                                           .seconds = vain_twins_time(t, rows[i].run, &bench),
                                           .bytes = rows[i].bytes * LARGE,
                                           .differences = -2};
        vain_twins_row(t, &row);
    }
    vain_twin_release(t, &bench.a);
    vain_twin_release(t, &bench.b);
    vain_twin_release(t, &bench.c);
    vain_twin_release(t, &bench.d);
}

void vain_twins_optimiser(struct vain_twins *twins)
{
    over_shapes(twins, "adamw", adamw_shape);
    over_shapes(twins, "sum_squares, finite", scalars_shape);
    over_shapes(twins, "add, scale, outer_step", elementwise_shape);
    if (twins->timed)
        time_all(twins);
}

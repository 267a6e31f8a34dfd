#include "jobs/data/draw.h"

#include <math.h>

static const double LN2 = 0.69314718055994530942;
static const double SQRT_HALF = 0.70710678118654752440;

struct vain_draw vain_draw_start(struct vain_random random, uint32_t round, uint32_t step)
{
    return (struct vain_draw){.random = random, .round = round, .step = step};
}

struct vain_draw vain_draw_start_at(struct vain_random random, int64_t number)
{
    VAIN_ASSERT(number >= 0);
    return vain_draw_start(random, (uint32_t)(number >> 32), (uint32_t)number);
}

uint32_t vain_draw_word(struct vain_draw *draw)
{
    if (draw->left == 0) {
        vain_random_block(draw->random, draw->round, draw->step, draw->next++, draw->words);
        draw->left = 4;
    }
    return draw->words[4 - draw->left--];
}

static uint64_t draw_wide(struct vain_draw *draw)
{
    const uint64_t high = vain_draw_word(draw);
    return high << 32 | vain_draw_word(draw);
}

int64_t vain_draw_below(struct vain_draw *draw, int64_t bound)
{
    VAIN_ASSERT(bound >= 1);
    const uint64_t range = (uint64_t)bound;
    const uint64_t spare = UINT64_MAX % range + 1; /* 2^64 mod range, or range itself */
    uint64_t value = draw_wide(draw);
    while (spare != range && value > UINT64_MAX - spare)
        value = draw_wide(draw);
    return (int64_t)(value % range);
}

double vain_draw_unit(struct vain_draw *draw)
{
    return ((double)(draw_wide(draw) >> 12) + 0.5) * (1.0 / 4503599627370496.0);
}

void vain_draw_shuffle(struct vain_draw *draw, int64_t *items, int64_t count)
{
    for (int64_t i = count - 1; i > 0; i--) {
        const int64_t other = vain_draw_below(draw, i + 1);
        const int64_t item = items[i];
        items[i] = items[other];
        items[other] = item;
    }
}

static bool holds(const int64_t *items, int64_t count, int64_t item)
{
    for (int64_t i = 0; i < count; i++) {
        if (items[i] == item)
            return true;
    }
    return false;
}

void vain_draw_subset(struct vain_draw *draw, int64_t count, int64_t size, int64_t *out)
{
    VAIN_ASSERT(size >= 0 && size <= count);
    for (int64_t i = 0; i < size; i++) {
        const int64_t last = count - size + i;
        const int64_t item = vain_draw_below(draw, last + 1);
        out[i] = holds(out, i, item) ? last : item;
    }
    vain_draw_shuffle(draw, out, size);
}

/* ---- Real numbers ---- */

/* x = m 2^e with m in [sqrt(1/2), sqrt(2)); ln m = 2 artanh((m - 1) / (m + 1)), whose series in
 * powers of at most 0.0295 ends after 12 terms. */
double vain_draw_log(double x)
{
    VAIN_ASSERT(x > 0);
    int exponent;
    double m = frexp(x, &exponent);
    if (m < SQRT_HALF) {
        m *= 2;
        exponent--;
    }
    const double s = (m - 1) / (m + 1), square = s * s;
    double sum = 0;
    for (int k = 12; k >= 0; k--)
        sum = sum * square + 1.0 / (2 * k + 1);
    return exponent * LN2 + 2 * s * sum;
}

/* x = k ln 2 + r with |r| <= 0.35, and Taylor's series for e^r. */
double vain_draw_exp(double x)
{
    VAIN_ASSERT(x <= 700);
    if (x < -700)
        return 0;
    const double k = floor(x / LN2 + 0.5);
    const double r = x - k * LN2;
    double sum = 1;
    for (int i = 18; i >= 1; i--)
        sum = 1 + sum * r / i;
    return ldexp(sum, (int)k);
}

double vain_draw_normal(struct vain_draw *draw)
{
    double x, square;
    do {
        x = 2 * vain_draw_unit(draw) - 1;
        const double y = 2 * vain_draw_unit(draw) - 1;
        square = x * x + y * y;
    } while (square >= 1 || square == 0);
    return x * sqrt(-2 * vain_draw_log(square) / square);
}

double vain_draw_log_gamma(struct vain_draw *draw, double shape)
{
    VAIN_ASSERT(shape > 0);
    const double factor = shape < 1 ? vain_draw_log(vain_draw_unit(draw)) / shape : 0;
    const double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        const double x = vain_draw_normal(draw), root = 1 + c * x;
        if (root <= 0)
            continue;
        const double log_v = 3 * vain_draw_log(root), v = root * root * root;
        const double u = vain_draw_unit(draw);
        if (vain_draw_log(u) < 0.5 * x * x + d - d * v + d * log_v)
            return vain_draw_log(d) + log_v + factor;
    }
}

/* The range of the coming round's integers and its L2 bound: the rule of codec.h, in integers of
 * 128 bits, so that every member and every device comes to the same exponents.
 *
 * Both come from one comparison: the smallest t with Q <= L * 4^t, for the exact sum of squares Q
 * and L = N n^2 (mean square of an element) or L = n^2 (of the whole vector). Q < 2^126 since the
 * summed integers have 31 bits and N < 2^63 counts them; L < 2^95. */
#include "collectives/codec_range.h"

#include <math.h>

enum {
    ROOM_ABOVE_FLOOR = 6, /* how far saturation may open the range */
    BOUND_FACTOR_EXPONENT = 2
};

/* high * 2^64 + low. */
struct wide {
    uint64_t high, low;
};

static bool at_most(struct wide a, struct wide b)
{
    return a.high != b.high ? a.high < b.high : a.low <= b.low;
}

static int bit_length(struct wide a)
{
    int bits = 0;
    for (uint64_t rest = a.high != 0 ? a.high : a.low; rest != 0; rest >>= 1)
        bits++;
    return a.high != 0 ? 64 + bits : bits;
}

/* a / 2^shift, rounded down; `inexact` says whether anything was lost. */
static struct wide shift_down(struct wide a, int shift, bool *inexact)
{
    struct wide out = a;
    *inexact = false;
    VAIN_ASSERT(shift < 128); /* Q < 2^126 and L >= 1 end the search before */
    if (shift >= 64) {
        *inexact = out.low != 0;
        out = (struct wide){0, out.high};
        shift -= 64;
    }
    if (shift > 0) {
        *inexact = *inexact || (out.low & (((uint64_t)1 << shift) - 1)) != 0;
        out.low = out.low >> shift | out.high << (64 - shift);
        out.high >>= shift;
    }
    return out;
}

/* q <= l * 4^t, for t of either sign. */
static bool fits(struct wide q, struct wide l, int t)
{
    bool inexact;
    if (t < 0)
        return at_most(q, shift_down(l, -2 * t, &inexact));
    /* q <= l * 4^t  <=>  q / 4^t rounded up <= l  <=>  rounded down <= l, and < l if inexact. */
    const struct wide down = shift_down(q, 2 * t, &inexact);
    return at_most(down, l) && !(inexact && at_most(l, down));
}

/* The smallest t with q <= l * 4^t; q and l positive. */
static int smallest_exponent(struct wide q, struct wide l)
{
    /* q < 2^bits(q) and l >= 2^(bits(l) - 1), so this t holds, and at most two smaller ones may. */
    const int difference = bit_length(q) - bit_length(l) + 1;
    int t = difference > 0 ? (difference + 1) / 2 : -(-difference / 2);
    while (fits(q, l, t - 1))
        t--;
    return t;
}

/* a < 2^63, b <= 2^32. */
static struct wide product(uint64_t a, uint64_t b)
{
    const uint64_t low = (a & 0xffffffffu) * b, high = (a >> 32) * b;
    const uint64_t sum = low + (high << 32);
    return (struct wide){(high >> 32) + (sum < low ? 1 : 0), sum};
}

/* The smallest h with 4^h >= value. */
static int half_bits(uint64_t value)
{
    return smallest_exponent((struct wide){0, value}, (struct wide){0, 1});
}

static int clamp(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

static int kappa_exponent(const struct vain_fixed *fixed)
{
    return fixed->fields == 1 ? 10 : 3;
}

struct vain_codec_state vain_codec_first(const struct vain_codec *codec, double step_bound)
{
    int above = 0; /* step_bound < 2^above: exact */
    frexp(step_bound, &above);
    const int headroom = codec->fixed.fields == 1 ? 6 : 1;
    above = clamp(above, -1024, 1024);
    return (struct vain_codec_state){
        .range_exponent = clamp(above + headroom, VAIN_RANGE_EXPONENT_MIN, VAIN_RANGE_EXPONENT_MAX),
        .bound_exponent =
            clamp(above + BOUND_FACTOR_EXPONENT + half_bits((uint64_t)codec->parameter_count),
                  VAIN_BOUND_EXPONENT_MIN, VAIN_BOUND_EXPONENT_MAX),
    };
}

struct vain_codec_state vain_codec_next(const struct vain_codec *codec,
                                        const uint64_t sum_squares[2], int64_t saturated)
{
    const struct wide q = {sum_squares[0], sum_squares[1]};
    const uint64_t members = (uint64_t)codec->members;
    const struct vain_codec_state last = vain_codec_state(codec);
    struct vain_codec_state next = last;
    int floor_exponent = last.range_exponent;
    if (q.high != 0 || q.low != 0) {
        const int scale = codec->fixed.scale_exponent;
        const struct wide squares_of_unit = product(members, members);
        floor_exponent =
            kappa_exponent(&codec->fixed) - scale +
            smallest_exponent(q, product((uint64_t)codec->parameter_count, members * members));
        next.bound_exponent = BOUND_FACTOR_EXPONENT + half_bits(members) - scale +
                              smallest_exponent(q, squares_of_unit);
    }
    next.range_exponent = clamp(last.range_exponent + (saturated > 0 ? 1 : -1), floor_exponent,
                                floor_exponent + ROOM_ABOVE_FLOOR);
    next.range_exponent =
        clamp(next.range_exponent, VAIN_RANGE_EXPONENT_MIN, VAIN_RANGE_EXPONENT_MAX);
    next.bound_exponent =
        clamp(next.bound_exponent, VAIN_BOUND_EXPONENT_MIN, VAIN_BOUND_EXPONENT_MAX);
    return next;
}

/* Thin rooms around libsodium's ristretto255. What is ours is one meaning where the library has
 * two: its multiplications say -1 for "not a point" and for "the result is the neutral element"
 * alike; here the neutral element is a result. */
#include "base/ristretto.h"

#include "base/crypto.h"

#include <assert.h>
#include <string.h>

#include <sodium.h>

static_assert(VAIN_SCALAR_BYTES == crypto_core_ristretto255_SCALARBYTES, "scalar");
static_assert(2 * VAIN_SCALAR_BYTES == crypto_core_ristretto255_NONREDUCEDSCALARBYTES, "wide");
static_assert(VAIN_POINT_BYTES == crypto_core_ristretto255_BYTES, "point");

/* ---- Scalars -------------------------------------------------------------------------------- */

void vain_scalar_reduce(const uint8_t wide[VAIN_MIN_LEN(2 * VAIN_SCALAR_BYTES)],
                        struct vain_scalar *out)
{
    crypto_core_ristretto255_scalar_reduce(out->bytes, wide);
}

/* 512 bits modulo L are uniform to within 2^-259. */
void vain_scalar_random(struct vain_scalar *out)
{
    uint8_t wide[2 * VAIN_SCALAR_BYTES];
    vain_random_bytes(wide, sizeof wide);
    vain_scalar_reduce(wide, out);
    vain_wipe(wide, sizeof wide);
}

void vain_scalar_of_number(uint64_t number, struct vain_scalar *out)
{
    *out = (struct vain_scalar){{0}};
    for (int i = 0; i < 8; i++)
        out->bytes[i] = (uint8_t)(number >> (8 * i));
}

bool vain_scalar_valid(const struct vain_scalar *scalar)
{
    uint8_t wide[2 * VAIN_SCALAR_BYTES] = {0};
    struct vain_scalar reduced;
    memcpy(wide, scalar->bytes, VAIN_SCALAR_BYTES);
    vain_scalar_reduce(wide, &reduced);
    const bool valid = vain_equal(&reduced, scalar, sizeof reduced);
    vain_wipe(wide, sizeof wide);
    vain_wipe(&reduced, sizeof reduced);
    return valid;
}

void vain_scalar_add(const struct vain_scalar *a, const struct vain_scalar *b,
                     struct vain_scalar *out)
{
    crypto_core_ristretto255_scalar_add(out->bytes, a->bytes, b->bytes);
}

void vain_scalar_subtract(const struct vain_scalar *a, const struct vain_scalar *b,
                          struct vain_scalar *out)
{
    crypto_core_ristretto255_scalar_sub(out->bytes, a->bytes, b->bytes);
}

void vain_scalar_multiply(const struct vain_scalar *a, const struct vain_scalar *b,
                          struct vain_scalar *out)
{
    crypto_core_ristretto255_scalar_mul(out->bytes, a->bytes, b->bytes);
}

void vain_scalar_invert(const struct vain_scalar *a, struct vain_scalar *out)
{
    VAIN_ASSERT(crypto_core_ristretto255_scalar_invert(out->bytes, a->bytes) == 0);
}

/* ---- Points --------------------------------------------------------------------------------- */

bool vain_point_valid(const struct vain_point *point)
{
    return crypto_core_ristretto255_is_valid_point(point->bytes) == 1;
}

void vain_point_of_scalar(const struct vain_scalar *scalar, struct vain_point *out)
{
    struct vain_point product;
    if (crypto_scalarmult_ristretto255_base(product.bytes, scalar->bytes) != 0)
        product = (struct vain_point){{0}}; /* the neutral element */
    *out = product;
}

bool vain_point_add(const struct vain_point *a, const struct vain_point *b, struct vain_point *out)
{
    struct vain_point sum;
    const bool both = crypto_core_ristretto255_add(sum.bytes, a->bytes, b->bytes) == 0;
    if (!both)
        sum = (struct vain_point){{0}};
    *out = sum;
    return both;
}

bool vain_point_multiply(const struct vain_scalar *scalar, const struct vain_point *point,
                         struct vain_point *out)
{
    struct vain_point product;
    const bool known =
        crypto_scalarmult_ristretto255(product.bytes, scalar->bytes, point->bytes) == 0;
    const bool valid = known || vain_point_valid(point);
    if (!known)
        product = (struct vain_point){{0}};
    *out = product;
    return valid;
}

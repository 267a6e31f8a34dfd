/* Arithmetic in the prime-order group ristretto255 (RFC 9496) and modulo its order
 * L = 2^252 + 27742317777372353535851937790883648493: what verifiable secret sharing is made of.
 *
 * A scalar is a number below L, a point an element of the group; both are 32 bytes in one spelling
 * only. The neutral element is a point like any other and is spelt as zeros. Functions on scalars
 * and the multiplications run in constant time. Everything here is local and a plain function of
 * its arguments; outputs may be inputs. Scalars that come from outside go through
 * vain_scalar_valid, points through vain_point_valid, before anything else sees them. */
#pragma once

#include "base/status.h"

enum { VAIN_SCALAR_BYTES = 32, VAIN_POINT_BYTES = 32 };
struct vain_scalar {
    uint8_t bytes[VAIN_SCALAR_BYTES]; /* little-endian */
};
struct vain_point {
    uint8_t bytes[VAIN_POINT_BYTES];
};

/* Uniform below L, from the operating system; zero is as likely as any other. */
void vain_scalar_random(struct vain_scalar *out);
void vain_scalar_of_number(uint64_t number, struct vain_scalar *out);
/* 64 uniform bytes to a uniform scalar; also any smaller little-endian number modulo L. */
void vain_scalar_reduce(const uint8_t wide[VAIN_MIN_LEN(2 * VAIN_SCALAR_BYTES)],
                        struct vain_scalar *out);
/* Whether the bytes are a number below L. */
bool vain_scalar_valid(const struct vain_scalar *scalar);

void vain_scalar_add(const struct vain_scalar *a, const struct vain_scalar *b,
                     struct vain_scalar *out);
void vain_scalar_subtract(const struct vain_scalar *a, const struct vain_scalar *b,
                          struct vain_scalar *out);
void vain_scalar_multiply(const struct vain_scalar *a, const struct vain_scalar *b,
                          struct vain_scalar *out);
/* 1 / a. Zero has no inverse: to ask for it is a bug. */
void vain_scalar_invert(const struct vain_scalar *a, struct vain_scalar *out);

/* Whether the bytes are a point. */
bool vain_point_valid(const struct vain_point *point);
/* scalar times the generator. */
void vain_point_of_scalar(const struct vain_scalar *scalar, struct vain_point *out);
/* False, and zeros in `out`, if what should be a point is none. */
bool vain_point_add(const struct vain_point *a, const struct vain_point *b,
                    struct vain_point *out) VAIN_MUST_USE;
bool vain_point_multiply(const struct vain_scalar *scalar, const struct vain_point *point,
                         struct vain_point *out) VAIN_MUST_USE;

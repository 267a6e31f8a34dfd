#include "tests/sim/stand_in.h"

#include <string.h>

#include "base/ristretto.h"
#include "tests/sim/random.h"

static bool is_on;
static struct vain_sim_random source;
static struct stand_in_counts counts;

void stand_in_use(bool on, uint64_t seed)
{
    is_on = on;
    source = vain_sim_random_named(seed, 0x57);
    counts = (struct stand_in_counts){0};
}

const struct stand_in_counts *stand_in_counts(void)
{
    return &counts;
}

/* What the linker calls the functions that are in the way, and those behind them. */
#define WRAPPED(type, name, ...)                                                                   \
    type __real_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__)

/* ---- randomness ------------------------------------------------------------------------------ */

static void draw_bytes(void *out, size_t bytes)
{
    unsigned char *next = out;
    while (bytes > 0) {
        const uint64_t word = vain_sim_next(&source);
        const size_t part = bytes < sizeof word ? bytes : sizeof word;
        memcpy(next, &word, part);
        next += part;
        bytes -= part;
    }
}

WRAPPED(void, vain_random_bytes, void *out, size_t bytes)
{
    if (is_on)
        draw_bytes(out, bytes);
    else
        __real_vain_random_bytes(out, bytes);
}

/* ---- X25519: the secret is the public key, and a shared one the difference ------------------- */

WRAPPED(void, vain_x25519_keypair, uint8_t *secret, uint8_t *public_key)
{
    if (!is_on) {
        __real_vain_x25519_keypair(secret, public_key);
        return;
    }
    draw_bytes(secret, VAIN_X25519_BYTES);
    memcpy(public_key, secret, VAIN_X25519_BYTES);
}

WRAPPED(bool, vain_x25519_shared, const uint8_t *secret, const uint8_t *peer, uint8_t *out)
{
    if (!is_on)
        return __real_vain_x25519_shared(secret, peer, out);
    for (int i = 0; i < VAIN_X25519_BYTES; i++)
        out[i] = secret[i] ^ peer[i];
    return true;
}

/* ---- Ed25519: a hash under the public key ---------------------------------------------------- */

static void sign(const uint8_t *key, const void *message, size_t bytes, uint8_t *out)
{
    memset(out, 0, VAIN_SIGNATURE_BYTES);
    vain_hash_keyed(key, "test/sign", message, bytes, out);
}

WRAPPED(bool, vain_signature_valid, const uint8_t *key, const void *message, size_t bytes,
        const uint8_t *signature)
{
    uint8_t expected[VAIN_SIGNATURE_BYTES];
    counts.checked++;
    if (!is_on)
        return __real_vain_signature_valid(key, message, bytes, signature);
    sign(key, message, bytes, expected);
    return memcmp(expected, signature, sizeof expected) == 0;
}

static enum vain_status signer_sign(struct vain_signer *signer, const void *message, size_t bytes,
                                    uint8_t out[VAIN_SIGNATURE_BYTES])
{
    counts.made++;
    sign(signer->certificate.current_key, message, bytes, out);
    return VAIN_OK;
}

static void signer_close(struct vain_signer *signer)
{
    (void)signer;
}

enum vain_status stand_in_signer(int index, struct vain_signer *out)
{
    static const struct vain_signer_ops ops = {"stand-in", signer_sign, signer_close};
    if (!is_on)
        return vain_signer_open_throw_away(out, 1800000000000);
    *out = (struct vain_signer){.ops = &ops};
    vain_hash("test/key", &index, sizeof index, out->certificate.current_key);
    return VAIN_OK;
}

/* ---- points: the scalar itself, so that sums and multiples are those of numbers -------------- */

static const struct vain_scalar *number_of(const struct vain_point *point, struct vain_scalar *out)
{
    memcpy(out->bytes, point->bytes, sizeof out->bytes);
    return out;
}

WRAPPED(bool, vain_point_valid, const struct vain_point *point)
{
    struct vain_scalar number;
    return is_on ? vain_scalar_valid(number_of(point, &number)) : __real_vain_point_valid(point);
}

WRAPPED(void, vain_point_of_scalar, const struct vain_scalar *scalar, struct vain_point *out)
{
    if (is_on)
        memcpy(out->bytes, scalar->bytes, sizeof out->bytes);
    else
        __real_vain_point_of_scalar(scalar, out);
}

WRAPPED(bool, vain_point_add, const struct vain_point *a, const struct vain_point *b,
        struct vain_point *out)
{
    struct vain_scalar left, right;
    if (!is_on)
        return __real_vain_point_add(a, b, out);
    vain_scalar_add(number_of(a, &left), number_of(b, &right), &left);
    memcpy(out->bytes, left.bytes, sizeof out->bytes);
    return true;
}

WRAPPED(bool, vain_point_multiply, const struct vain_scalar *scalar, const struct vain_point *point,
        struct vain_point *out)
{
    struct vain_scalar number;
    if (!is_on)
        return __real_vain_point_multiply(scalar, point, out);
    vain_scalar_multiply(scalar, number_of(point, &number), &number);
    memcpy(out->bytes, number.bytes, sizeof out->bytes);
    return true;
}

/* Polynomials by Horner's rule, in the exponent too; the way back is Lagrange's formula at 0. */
#include "collectives/share.h"

#include "base/crypto.h"

/* ---- the dealer ------------------------------------------------------------------------------ */

void vain_share_polynomial(const struct vain_scalar *secret, int threshold,
                           struct vain_scalar *coefficients)
{
    VAIN_ASSERT(threshold >= 1);
    coefficients[0] = *secret;
    for (int k = 1; k < threshold; k++)
        vain_scalar_random(&coefficients[k]);
}

void vain_share_commit(const struct vain_scalar *coefficients, int threshold,
                       struct vain_point *commitments)
{
    for (int k = 0; k < threshold; k++)
        vain_point_of_scalar(&coefficients[k], &commitments[k]);
}

/* Where the share of a member is: 0 is the secret's place. */
static void place_of(int index, struct vain_scalar *out)
{
    VAIN_ASSERT(index >= 0);
    VAIN_ASSERT(index < VAIN_MEMBERS_MAX);
    vain_scalar_of_number((uint64_t)index + 1, out);
}

void vain_share_deal(const struct vain_scalar *coefficients, int threshold, int index,
                     struct vain_scalar *out)
{
    struct vain_scalar place;
    place_of(index, &place);
    VAIN_ASSERT(threshold >= 1);
    *out = coefficients[threshold - 1];
    for (int k = threshold - 2; k >= 0; k--) {
        vain_scalar_multiply(out, &place, out);
        vain_scalar_add(out, &coefficients[k], out);
    }
}

/* ---- checks ---------------------------------------------------------------------------------- */

bool vain_share_secret_fits(const struct vain_point *commitment, const struct vain_scalar *secret)
{
    struct vain_point point;
    if (!vain_scalar_valid(secret))
        return false;
    vain_point_of_scalar(secret, &point);
    return vain_equal(&point, commitment, sizeof point);
}

bool vain_share_fits(const struct vain_point *commitments, int threshold, int index,
                     const struct vain_scalar *share)
{
    struct vain_scalar place;
    place_of(index, &place);
    VAIN_ASSERT(threshold >= 1);
    struct vain_point expected = commitments[threshold - 1];
    for (int k = threshold - 2; k >= 0; k--) {
        if (!vain_point_multiply(&place, &expected, &expected) ||
            !vain_point_add(&expected, &commitments[k], &expected))
            return false;
    }
    return vain_share_secret_fits(&expected, share);
}

/* ---- back to the secret ---------------------------------------------------------------------- */

/* What the share at `own` counts for at 0: the product of x_j / (x_j - x_own) over all others. */
static void weight_of(const struct vain_share *shares, int count, int own, struct vain_scalar *out)
{
    struct vain_scalar above, below, own_place;
    place_of(shares[own].index, &own_place);
    vain_scalar_of_number(1, &above);
    vain_scalar_of_number(1, &below);
    for (int j = 0; j < count; j++) {
        struct vain_scalar place, difference;
        if (j == own)
            continue;
        VAIN_ASSERT(shares[j].index != shares[own].index);
        place_of(shares[j].index, &place);
        vain_scalar_subtract(&place, &own_place, &difference);
        vain_scalar_multiply(&above, &place, &above);
        vain_scalar_multiply(&below, &difference, &below);
    }
    vain_scalar_invert(&below, &below);
    vain_scalar_multiply(&above, &below, out);
}

void vain_share_combine(const struct vain_share *shares, int count, struct vain_scalar *out)
{
    struct vain_scalar part;
    VAIN_ASSERT(count >= 1);
    vain_scalar_of_number(0, out);
    for (int i = 0; i < count; i++) {
        weight_of(shares, count, i, &part);
        vain_scalar_multiply(&part, &shares[i].value, &part);
        vain_scalar_add(out, &part, out);
    }
    vain_wipe(&part, sizeof part);
}

/* Those that fit come first; how many there are. */
static int sort_out(const struct vain_point *commitments, int threshold, struct vain_share *shares,
                    int count)
{
    int good = 0;
    for (int i = 0; i < count; i++) {
        if (!shares[i].checked)
            shares[i].wrong =
                !vain_share_fits(commitments, threshold, shares[i].index, &shares[i].value);
        shares[i].checked = true;
        if (shares[i].wrong)
            continue;
        const struct vain_share share = shares[i];
        shares[i] = shares[good];
        shares[good++] = share;
    }
    return good;
}

static bool combine_and_check(const struct vain_point *commitments, int threshold,
                              const struct vain_share *shares, struct vain_scalar *secret)
{
    vain_share_combine(shares, threshold, secret);
    if (vain_share_secret_fits(&commitments[0], secret))
        return true;
    vain_wipe(secret, sizeof *secret);
    return false;
}

bool vain_share_recover(const struct vain_point *commitments, int threshold,
                        struct vain_share *shares, int count, struct vain_scalar *secret)
{
    vain_scalar_of_number(0, secret);
    if (count < threshold)
        return false;
    /* Once they do not fit together, each is looked at alone. */
    if (!shares[0].checked && combine_and_check(commitments, threshold, shares, secret))
        return true;
    if (sort_out(commitments, threshold, shares, count) < threshold)
        return false;
    /* t shares on one polynomial of degree t - 1 whose value at 0 is committed to by C_0. */
    VAIN_ASSERT(combine_and_check(commitments, threshold, shares, secret));
    return true;
}

/* Verifiable secret sharing (Shamir 1979, Feldman 1987) of one scalar over ristretto255.
 *
 * The dealer picks f(x) = a_0 + a_1 x + ... + a_(t-1) x^(t-1) modulo L with a_0 the secret and the
 * other coefficients uniform. The share of the member at index j is f(j + 1). Any t shares give the
 * secret; t - 1 of them fit every secret equally well. The commitments C_k = a_k G let anybody
 * check a share, f(x) G = SUM_k x^k C_k, and a disclosed secret, a_0 G = C_0. They hide a uniform
 * secret as far as discrete logarithms are hard, which is enough: what is shared here is random.
 *
 * Cost: t multiplications of the generator for the commitments, t of a point to check one share.
 * Shares are therefore not checked as they come; a value that was put together is compared with C_0
 * (one multiplication), and only if it does not fit are the shares looked at one by one.
 *
 * Everything here is local and a plain function of its arguments. Scalars are canonical, as
 * vain_scalar_valid says, commitments are points: who takes them from outside has checked. */
#pragma once

#include "base/limits.h"
#include "base/ristretto.h"

/* Coefficients (threshold): `secret` first, the others from the operating system. */
void vain_share_polynomial(const struct vain_scalar *secret, int threshold,
                           struct vain_scalar *coefficients);
/* commitments (threshold) of coefficients (threshold). */
void vain_share_commit(const struct vain_scalar *coefficients, int threshold,
                       struct vain_point *commitments);
/* The share of the member at `index` (0 <= index < VAIN_MEMBERS_MAX). */
void vain_share_deal(const struct vain_scalar *coefficients, int threshold, int index,
                     struct vain_scalar *out);

/* Whether `share` is that of the member at `index` under commitments (threshold). What is no scalar
 * or no point does not fit. */
bool vain_share_fits(const struct vain_point *commitments, int threshold, int index,
                     const struct vain_scalar *share);
/* Whether a disclosed `secret` is the one behind C_0. */
bool vain_share_secret_fits(const struct vain_point *commitment, const struct vain_scalar *secret);

/* One member's share of a secret that is being put together. */
struct vain_share {
    int index; /* of the member that holds it */
    struct vain_scalar value;
    bool checked; /* it was compared with the commitments by itself */
    bool wrong;   /* checked, and does not fit: its holder or its dealer lies */
};
/* The value at 0 of the polynomial through shares (count), whose indexes differ (asserted: the
 * caller keeps one a member). Right if count is at least the threshold and all shares are. */
void vain_share_combine(const struct vain_share *shares, int count, struct vain_scalar *out);
/* The secret behind commitments (threshold) from shares (count). Puts the first `threshold`
 * together; if the result is not the one behind C_0 every share is checked, `wrong` is set where it
 * does not fit, and those that do are put together. Shares are put in another order: wrong ones
 * last. `secret` is written, and true returned, if `threshold` of them fit; else it is zeros. A new
 * share is neither checked nor wrong. With the same shares and more behind them only the new ones
 * are checked, so that wrong ones cost a check each and not one for every share that follows. */
bool vain_share_recover(const struct vain_point *commitments, int threshold,
                        struct vain_share *shares, int count,
                        struct vain_scalar *secret) VAIN_MUST_USE;

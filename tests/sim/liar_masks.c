#include "collectives/own_mask.h"
#include "tests/sim/federation_member.h"
#include "tests/sim/liar.h"

static struct member *dealing; /* it lies about shares just now; NULL: nobody */
static uint32_t spoilt_ppm;    /* of its shares */

static void spoil(struct member *member, uint8_t *bytes, size_t count)
{
    struct vain_sim_random *random = &member->liar.random;
    bytes[vain_sim_draw(random, (uint32_t)count)] ^= (uint8_t)(1 + vain_sim_draw(random, 255));
}

/* ---- what it deals --------------------------------------------------------------------------- */

/* The linker puts this in the way of what a member deals (--wrap). The sum of a share and a number
 * above 0 is a scalar, and another share. */
void __real_vain_own_mask_share(const struct vain_own_mask *own, int index,
                                struct vain_scalar *out);
void __wrap_vain_own_mask_share(const struct vain_own_mask *own, int index,
                                struct vain_scalar *out);

void __wrap_vain_own_mask_share(const struct vain_own_mask *own, int index, struct vain_scalar *out)
{
    struct vain_scalar other;
    __real_vain_own_mask_share(own, index, out);
    if (dealing == NULL || !vain_sim_chance(&dealing->liar.random, spoilt_ppm))
        return;
    vain_scalar_of_number(1 + vain_sim_draw(&dealing->liar.random, UINT32_MAX), &other);
    vain_scalar_add(out, &other, out);
    liar_tells(dealing);
}

void liar_deals(struct member *member, uint8_t *mine, size_t bytes)
{
    struct liar *liar = &member->liar;
    if (liar_lies(member) && (liar->lie == LIE_DEALT || liar->lie == LIE_LOSE)) {
        dealing = member;
        spoilt_ppm = liar->lie == LIE_LOSE ? 1000000 : 1 + vain_sim_draw(&liar->random, 1000000);
    }
    vain_opening_deal(member->use.opening, mine);
    dealing = NULL;
    if (!liar_lies(member) || liar->lie != LIE_DEAL)
        return;
    for (int i = 1 + (int)vain_sim_draw(&liar->random, 3); i > 0; i--)
        spoil(member, mine, bytes);
    liar_tells(member);
}

/* ---- what it gives out ----------------------------------------------------------------------- */

enum telling liar_gives(struct member *member, bool secret, uint8_t *value)
{
    const enum lie lie = member->liar.lie;
    const bool hides = lie == LIE_HIDE || lie == LIE_LOSE;
    if (!liar_lies(member) || !(hides || lie == (secret ? LIE_SECRET : LIE_SHARE)))
        return TELLS_TRUTH;
    liar_tells(member);
    if (hides)
        return TELLS_NOTHING;
    spoil(member, value, VAIN_SCALAR_BYTES);
    return TELLS_LIE;
}

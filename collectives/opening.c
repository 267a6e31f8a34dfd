#include "collectives/opening.h"

#include <string.h>

#include "base/memory.h"
#include "collectives/own_mask.h"

/* A member's secret, as far as it is known. */
struct part {
    bool known;
    int share_count;
    struct vain_share_message message; /* points into deals */
    struct vain_share *shares;         /* (members) of its secret */
};

struct vain_opening {
    struct vain_secagg *secagg;
    int members, own, threshold;
    size_t deal_bytes;
    uint8_t *deals;              /* (members, deal_bytes) */
    struct part *parts;          /* (members) */
    struct vain_share *shares;   /* (members, members) */
    struct vain_scalar *secrets; /* (members) */
};

enum vain_status vain_opening_open(struct vain_secagg *secagg, int members, int own, int threshold,
                                   struct vain_opening **out)
{
    struct vain_opening *opening = NULL;
    enum vain_status status;
    *out = NULL;
    VAIN_TRY(vain_take(sizeof *opening, "own masks", (void **)&opening));
    opening->secagg = secagg;
    opening->members = members;
    opening->own = own;
    opening->threshold = threshold;
    opening->deal_bytes = vain_share_message_bytes(members, threshold);
    VAIN_TRY_OUT(vain_take_array(members, opening->deal_bytes, "shares of own masks",
                                 (void **)&opening->deals));
    VAIN_TRY_OUT(
        vain_take_array(members, sizeof *opening->parts, "own masks", (void **)&opening->parts));
    VAIN_TRY_OUT(vain_take_array((int64_t)members * members, sizeof *opening->shares,
                                 "shares of own masks", (void **)&opening->shares));
    VAIN_TRY_OUT(vain_take_array(members, sizeof *opening->secrets, "own masks",
                                 (void **)&opening->secrets));
    for (int i = 0; i < members; i++)
        opening->parts[i].shares = opening->shares + (size_t)i * (size_t)members;
    *out = opening;
    return VAIN_OK;
out:
    vain_opening_close(&opening);
    return status;
}

static void wipe(struct vain_opening *opening)
{
    const size_t members = (size_t)opening->members;
    if (opening->secrets != NULL)
        vain_wipe(opening->secrets, members * sizeof *opening->secrets);
    if (opening->shares != NULL)
        vain_wipe(opening->shares, members * members * sizeof *opening->shares);
}

void vain_opening_close(struct vain_opening **opening)
{
    if (*opening == NULL)
        return;
    wipe(*opening);
    vain_release((*opening)->deals);
    vain_release((*opening)->parts);
    vain_release((*opening)->shares);
    vain_release((*opening)->secrets);
    vain_release(*opening);
    *opening = NULL;
}

size_t vain_opening_deal_bytes(const struct vain_opening *opening)
{
    return opening->deal_bytes;
}

void vain_opening_deal(struct vain_opening *opening, uint8_t *out)
{
    vain_secagg_deal(opening->secagg, out);
}

enum vain_share_fault vain_opening_begin(struct vain_opening *opening, const uint8_t *deals,
                                         int *dealer)
{
    wipe(opening);
    memcpy(opening->deals, deals, (size_t)opening->members * opening->deal_bytes);
    for (int i = 0; i < opening->members; i++) {
        struct part *part = &opening->parts[i];
        const uint8_t *deal = opening->deals + (size_t)i * opening->deal_bytes;
        *dealer = i;
        part->known = false;
        part->share_count = 0;
        enum vain_share_fault fault;
        if (i != opening->own)
            fault = vain_secagg_check_deal(opening->secagg, i, deal, opening->deal_bytes,
                                           &part->message);
        else
            fault = vain_share_message_decode(deal, opening->deal_bytes, &part->message);
        if (fault != VAIN_SHARE_FINE)
            return fault;
    }
    return VAIN_SHARE_FINE;
}

void vain_opening_disclose(struct vain_opening *opening,
                           uint8_t out[VAIN_MIN_LEN(VAIN_SCALAR_BYTES)])
{
    struct vain_scalar *secret = &opening->secrets[opening->own];
    if (!opening->parts[opening->own].known)
        vain_secagg_disclose(opening->secagg, secret);
    opening->parts[opening->own].known = true;
    memcpy(out, secret->bytes, VAIN_SCALAR_BYTES);
}

bool vain_opening_share(struct vain_opening *opening, int dealer,
                        uint8_t out[VAIN_MIN_LEN(VAIN_SCALAR_BYTES)])
{
    struct vain_share share;
    const uint8_t *deal = opening->deals + (size_t)dealer * opening->deal_bytes;
    VAIN_ASSERT(dealer != opening->own);
    const enum vain_share_fault fault =
        vain_secagg_disclose_share(opening->secagg, dealer, deal, opening->deal_bytes, &share);
    memcpy(out, share.value.bytes, VAIN_SCALAR_BYTES);
    return fault == VAIN_SHARE_FINE;
}

bool vain_opening_take_secret(struct vain_opening *opening, int dealer,
                              const uint8_t secret[VAIN_MIN_LEN(VAIN_SCALAR_BYTES)])
{
    struct part *part = &opening->parts[dealer];
    struct vain_scalar scalar;
    memcpy(scalar.bytes, secret, VAIN_SCALAR_BYTES);
    if (part->known)
        return vain_equal(opening->secrets[dealer].bytes, secret, VAIN_SCALAR_BYTES);
    if (!vain_scalar_valid(&scalar) ||
        !vain_share_secret_fits(&part->message.commitments[0], &scalar))
        return false;
    opening->secrets[dealer] = scalar;
    part->known = true;
    return true;
}

/* The share that `holder` has given out already; NULL: none. */
static const struct vain_share *given(const struct part *part, int holder)
{
    for (int i = 0; i < part->share_count; i++) {
        if (part->shares[i].index == holder)
            return &part->shares[i];
    }
    return NULL;
}

bool vain_opening_take_share(struct vain_opening *opening, int holder, int dealer,
                             const uint8_t share[VAIN_MIN_LEN(VAIN_SCALAR_BYTES)])
{
    struct part *part = &opening->parts[dealer];
    struct vain_share taken = {.index = holder};
    memcpy(taken.value.bytes, share, VAIN_SCALAR_BYTES);
    const struct vain_share *before = given(part, holder);
    if (before != NULL)
        return vain_equal(before->value.bytes, share, VAIN_SCALAR_BYTES);
    if (!vain_scalar_valid(&taken.value))
        return false;
    part->shares[part->share_count++] = taken;
    if (!part->known && part->share_count >= opening->threshold)
        part->known =
            vain_share_recover(part->message.commitments, opening->threshold, part->shares,
                               part->share_count, &opening->secrets[dealer]);
    return true;
}

bool vain_opening_share_is_wrong(const struct vain_opening *opening, int dealer)
{
    const struct part *part = &opening->parts[dealer];
    const struct vain_share *own = given(part, opening->own);
    if (own != NULL && own->checked)
        return own->wrong;
    return own != NULL && !vain_share_fits(part->message.commitments, opening->threshold,
                                           opening->own, &own->value);
}

bool vain_opening_knows(const struct vain_opening *opening, int member)
{
    return opening->parts[member].known;
}

int vain_opening_missing(const struct vain_opening *opening)
{
    int missing = 0;
    for (int i = 0; i < opening->members; i++)
        missing += !opening->parts[i].known;
    return missing;
}

int vain_opening_members(const struct vain_opening *opening)
{
    return opening->members;
}

int vain_opening_own(const struct vain_opening *opening)
{
    return opening->own;
}

const uint8_t *vain_opening_secret(const struct vain_opening *opening, int member)
{
    VAIN_ASSERT(opening->parts[member].known);
    return opening->secrets[member].bytes;
}

enum vain_status vain_opening_remove(struct vain_opening *opening, struct vain_queue *queue,
                                     uint32_t *words, int64_t count)
{
    VAIN_ASSERT(vain_opening_missing(opening) == 0);
    return vain_own_masks_remove(queue, opening->secrets, opening->members, 0, count, words);
}

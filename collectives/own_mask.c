/* Own masks. The polynomial lies behind the struct in one block, which is wiped when it is given
 * back. */
#include "collectives/own_mask.h"

#include <string.h>

#include "base/memory.h"
#include "collectives/share_message.h"

/* For which attempt something was disclosed last. */
struct disclosure {
    bool any;
    uint64_t epoch, round;
    uint8_t attempt[VAIN_HASH_BYTES]; /* as vain_share_attempt names it */
};

struct vain_own_mask {
    int threshold;
    bool live;                        /* between begin and end */
    uint8_t attempt[VAIN_HASH_BYTES]; /* that the secret is for */
    struct disclosure disclosed;
    struct vain_scalar coefficients[]; /* (threshold) of the polynomial; [0] is b */
};

enum vain_status vain_own_mask_open(int threshold, struct vain_own_mask **out)
{
    struct vain_own_mask *own = NULL;
    *out = NULL;
    VAIN_ASSERT(threshold >= 1);
    VAIN_ASSERT(threshold <= VAIN_MEMBERS_MAX);
    VAIN_TRY(vain_take(sizeof *own + (size_t)threshold * sizeof own->coefficients[0], "own mask",
                       (void **)&own));
    own->threshold = threshold;
    *out = own;
    return VAIN_OK;
}

void vain_own_mask_close(struct vain_own_mask **own)
{
    vain_release_wiped(*own);
    *own = NULL;
}

int vain_own_mask_threshold(const struct vain_own_mask *own)
{
    return own->threshold;
}

void vain_own_mask_seed(const struct vain_scalar *secret,
                        uint8_t out[VAIN_MIN_LEN(VAIN_MASK_SEED_BYTES)])
{
    vain_hash("vain/secagg/self", secret->bytes, sizeof secret->bytes, out);
}

/* ---- an attempt ------------------------------------------------------------------------------ */

void vain_own_mask_begin(struct vain_own_mask *own, const struct vain_context *context,
                         struct vain_mask *mask)
{
    struct vain_scalar secret;
    VAIN_ASSERT(!own->live);
    own->live = true;
    vain_share_attempt(context, own->attempt);
    vain_scalar_random(&secret);
    vain_share_polynomial(&secret, own->threshold, own->coefficients);
    mask->domain = VAIN_MASK_OWN;
    mask->subtract = false;
    vain_own_mask_seed(&secret, mask->seed);
    vain_wipe(&secret, sizeof secret);
}

void vain_own_mask_commit(const struct vain_own_mask *own, struct vain_point *commitments)
{
    VAIN_ASSERT(own->live);
    vain_share_commit(own->coefficients, own->threshold, commitments);
}

void vain_own_mask_share(const struct vain_own_mask *own, int index, struct vain_scalar *out)
{
    VAIN_ASSERT(own->live);
    vain_share_deal(own->coefficients, own->threshold, index, out);
}

void vain_own_mask_end(struct vain_own_mask *own)
{
    vain_wipe(own->coefficients, (size_t)own->threshold * sizeof own->coefficients[0]);
    own->live = false;
}

/* ---- disclosure ------------------------------------------------------------------------------ */

void vain_own_mask_mark_disclosed(struct vain_own_mask *own, const struct vain_context *context)
{
    struct disclosure *last = &own->disclosed;
    uint8_t attempt[VAIN_HASH_BYTES];
    VAIN_ASSERT(own->live);
    vain_share_attempt(context, attempt);
    VAIN_ASSERT(memcmp(attempt, own->attempt, sizeof attempt) == 0);
    /* One attempt a round; a later epoch does rounds again, with other words. */
    VAIN_ASSERT(!last->any || context->epoch > last->epoch ||
                (context->epoch == last->epoch && context->round > last->round) ||
                memcmp(attempt, last->attempt, sizeof attempt) == 0);
    last->any = true;
    last->epoch = context->epoch;
    last->round = context->round;
    memcpy(last->attempt, attempt, sizeof attempt);
}

void vain_own_mask_disclose(struct vain_own_mask *own, const struct vain_context *context,
                            struct vain_scalar *out)
{
    vain_own_mask_mark_disclosed(own, context);
    *out = own->coefficients[0];
}

/* ---- removal --------------------------------------------------------------------------------- */

enum { TOGETHER = 64 }; /* streams of one pass over the words */

enum vain_status vain_own_masks_remove(struct vain_queue *queue, const struct vain_scalar *secrets,
                                       int count, uint64_t first, int64_t words_count,
                                       uint32_t *words)
{
    struct vain_mask list[TOGETHER];
    enum vain_status status = VAIN_OK;
    for (int done = 0; done < count && status == VAIN_OK; done += TOGETHER) {
        const int left = count - done, now = left < TOGETHER ? left : TOGETHER;
        const struct vain_masks masks = {.count = now, .masks = list};
        for (int i = 0; i < now; i++) {
            list[i] = (struct vain_mask){.domain = VAIN_MASK_OWN, .subtract = true};
            vain_own_mask_seed(&secrets[done + i], list[i].seed);
        }
        queue->device->ops->codec.add_masks(queue, &masks, first, words_count, words);
        status = vain_queue_wait(queue); /* `list` is read until then */
    }
    vain_wipe(list, sizeof list);
    return status;
}

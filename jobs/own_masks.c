#include "jobs/own_masks.h"

#include <string.h>

#include "base/memory.h"
#include "jobs/commitments.h"
#include "jobs/content.h"

bool vain_own_masks_used(const struct vain_run *run)
{
    const struct vain_exchange_options *exchange = &run->job->exchange;
    return exchange->privacy == VAIN_PRIVACY_MASKED && exchange->level == VAIN_LEVEL_2;
}

enum vain_status vain_own_masks_open(struct vain_run *run, const struct vain_roster *roster)
{
    if (!vain_own_masks_used(run))
        return VAIN_OK;
    VAIN_TRY(vain_secagg_use_own_masks(run->secagg, roster->threshold));
    return vain_opening_open(run->secagg, roster->member_count, roster->own_index,
                             roster->threshold, &run->opening);
}

void vain_own_masks_close(struct vain_run *run)
{
    vain_opening_close(&run->opening);
}

void vain_own_masks_forget(struct vain_run *run)
{
    if (vain_own_masks_used(run) && run->secagg != NULL)
        vain_secagg_end_attempt(run->secagg);
}

/* Everybody's `bytes` to all, in the order of ids. */
static enum vain_status gather(struct vain_run *run, const struct vain_roster *roster,
                               const uint8_t *mine, size_t bytes, uint8_t *by_index)
{
    uint8_t *by_rank = NULL;
    VAIN_TRY(vain_take_array(roster->member_count, bytes, "own masks", (void **)&by_rank));
    const enum vain_status status =
        vain_comm_all_gather(roster->comm, run->config->world, run->driver.deadline_ms,
                             VAIN_TAG_START, mine, bytes, by_rank);
    for (int i = 0; i < roster->member_count; i++)
        memcpy(by_index + (size_t)i * bytes, by_rank + (size_t)roster->member_rank[i] * bytes,
               bytes);
    vain_release_wiped(by_rank);
    return status;
}

/* Commitments come behind the deals; they are put aside, and the deals moved together. */
static void take_commitments(struct vain_run *run, int members, size_t deal_bytes, uint8_t *deals)
{
    const size_t stride = deal_bytes + VAIN_HASH_BYTES;
    for (size_t i = 0; i < (size_t)members; i++) {
        memcpy(run->commitment_roots + i * VAIN_HASH_BYTES, deals + i * stride + deal_bytes,
               VAIN_HASH_BYTES);
        memmove(deals + i * deal_bytes, deals + i * stride, deal_bytes);
    }
}

enum vain_status vain_own_masks_deal(struct vain_run *run, const struct vain_roster *roster)
{
    uint8_t *deals = NULL, *mine = NULL;
    int dealer = 0;
    enum vain_status status;
    if (!vain_own_masks_used(run))
        return VAIN_OK;
    const bool commits = vain_commitments_used(run);
    const size_t deal_bytes = vain_opening_deal_bytes(run->opening);
    const size_t bytes = deal_bytes + (commits ? VAIN_HASH_BYTES : 0);
    VAIN_TRY_OUT(vain_take(bytes, "shares of the own mask", (void **)&mine));
    VAIN_TRY_OUT(
        vain_take_array(roster->member_count, bytes, "shares of own masks", (void **)&deals));
    vain_opening_deal(run->opening, mine);
    if (commits)
        memcpy(mine + deal_bytes, run->commitment.root, VAIN_HASH_BYTES);
    VAIN_TRY_OUT(gather(run, roster, mine, bytes, deals));
    vain_content_note_deals(run, deals, (size_t)roster->member_count * bytes);
    if (commits)
        take_commitments(run, roster->member_count, deal_bytes, deals);
    const enum vain_share_fault fault = vain_opening_begin(run->opening, deals, &dealer);
    if (fault != VAIN_SHARE_FINE) {
        run->federation->spoilt = true;
        run->federation->spoilt_by = dealer;
        status = vain_fail(VAIN_ERR_PEER,
                           "round %lld: what member '%s' dealt of its own mask's secret does not "
                           "hold: %s; nothing was sent",
                           (long long)run->round + 1, roster->members[dealer].name,
                           vain_share_fault_text(fault));
    }
out:
    vain_release(mine);
    vain_release(deals);
    return status;
}

/* Where nobody can die alone secrets are simply given to all. */
static enum vain_status open_together(struct vain_run *run, const struct vain_roster *roster)
{
    uint8_t mine[VAIN_SCALAR_BYTES], *all = NULL;
    vain_opening_disclose(run->opening, mine);
    enum vain_status status =
        vain_take_array(roster->member_count, sizeof mine, "own masks", (void **)&all);
    if (status == VAIN_OK)
        status = gather(run, roster, mine, sizeof mine, all);
    for (int i = 0; i < roster->member_count && status == VAIN_OK; i++) {
        if (!vain_opening_take_secret(run->opening, i, all + (size_t)i * sizeof mine))
            status = vain_fail(VAIN_ERR_PEER,
                               "round %lld: member '%s' disclosed another secret than it dealt",
                               (long long)run->round + 1, roster->members[i].name);
    }
    vain_wipe(mine, sizeof mine);
    vain_release_wiped(all);
    return status;
}

enum vain_status vain_own_masks_take_off(struct vain_run *run, const struct vain_roster *roster)
{
    if (!vain_own_masks_used(run))
        return VAIN_OK;
    run->disclosed = true;
    const enum vain_status status = run->federation->ops->open != NULL
                                        ? run->federation->ops->open(run->federation, run->opening)
                                        : open_together(run, roster);
    vain_secagg_end_attempt(run->secagg);
    VAIN_TRY(status);
    return vain_opening_remove(run->opening, &run->host_queue, run->words, run->codec.word_count);
}

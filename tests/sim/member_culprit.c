/* Attempts with evidence, as jobs/culprit.c: what a member states is gathered from all before and
 * after the reduce, and the exchange's own judge says who is the culprit. */
#include <string.h>

#include "base/memory.h"
#include "tests/sim/federation_member.h"

void member_culprit_close(struct member_use *use)
{
    vain_evidence_close(&use->evidence);
    vain_release(use->shown);
    vain_release(use->all_shown);
}

bool member_culprit_sought(int members)
{
    return members >= 2 && members <= VAIN_EVIDENCE_MEMBERS_MAX;
}

/* For the use; later attempts of it use the same. */
static enum vain_status open_evidence(struct member *member)
{
    struct member_use *use = &member->use;
    uint8_t keys[VAIN_EVIDENCE_MEMBERS_MAX][VAIN_PUBLIC_KEY_BYTES];
    const struct vain_evidence_config config = {.members = use->size,
                                                .own = use->rank,
                                                .keys = keys[0],
                                                .signer = &member->plan->signers[member->index]};
    const size_t bytes = vain_evidence_hops_bytes(use->size); /* more than those of own words */
    if (use->evidence != NULL)
        return VAIN_OK;
    for (int i = 0; i < use->size; i++)
        memcpy(keys[i], use->cards[i].certificate.current_key, VAIN_PUBLIC_KEY_BYTES);
    VAIN_TRY(vain_take(bytes, "evidence", (void **)&use->shown));
    VAIN_TRY(vain_take_array(use->size, bytes, "evidence", (void **)&use->all_shown));
    return vain_evidence_open(&config, &use->evidence);
}

static enum vain_status start_gather(struct member *member, const uint8_t *mine, size_t bytes,
                                     uint8_t *all)
{
    struct member_use *use = &member->use;
    const enum vain_status status = gather_start(&use->gather, &use->comm, member->world,
                                                 member->plan->deadline_ms, mine, bytes, all);
    return status == VAIN_AGAIN ? gather_poll(&use->gather, member->world) : status;
}

/* ---- before the reduce ----------------------------------------------------------------------- */

enum vain_status member_culprit_begin(struct member *member)
{
    struct member_use *use = &member->use;
    const size_t bytes = vain_evidence_own_bytes(use->size);
    VAIN_TRY(open_evidence(member));
    VAIN_TRY(vain_exchange_set_evidence(use->exchange, use->evidence));
    memcpy(use->shown, vain_evidence_own(use->evidence), bytes);
    liar_states_own(member, use->shown);
    return start_gather(member, use->shown, bytes, use->all_shown);
}

enum vain_status member_culprit_take_own(struct member *member)
{
    const int rank = vain_evidence_take_own(member->use.evidence, member->use.all_shown);
    if (rank < 0)
        return VAIN_OK;
    member_names(member, rank, true);
    return vain_fail(VAIN_ERR_PEER, "what place %d states of its own words is not signed", rank);
}

/* ---- after the check of the sum -------------------------------------------------------------- */

bool member_culprit_note_check(struct member *member, enum vain_status checked)
{
    const bool wrong = checked == VAIN_ERR_NUMERIC;
    const bool has_evidence = vain_exchange_has_evidence(member->use.exchange);
    member->use.checked = checked;
    if (checked != VAIN_OK && !wrong)
        return false;
    member->spoilt = wrong;
    if (wrong) {
        judge_finds_wrong(member->plan->judge, member->index, &member->proposal);
        member->evidence_rounds = MEMBER_EVIDENCE_ROUNDS;
    }
    member->sought = wrong && !has_evidence && member_culprit_sought(member->use.size);
    return has_evidence;
}

enum vain_status member_culprit_show(struct member *member)
{
    struct member_use *use = &member->use;
    const size_t bytes = vain_evidence_hops_bytes(use->size);
    memcpy(use->shown, vain_evidence_hops(use->evidence), bytes);
    liar_shows_hops(member, use->shown);
    return start_gather(member, use->shown, bytes, use->all_shown);
}

enum vain_status member_culprit_judge(struct member *member)
{
    const struct member_use *use = &member->use;
    struct vain_evidence_verdict verdict;
    vain_evidence_judge_hops(use->evidence, use->codec.checks_masked, use->all_shown, &verdict);
    if (verdict.culprit < 0) {
        judge_names_nobody(member->plan->judge, member->index, &member->proposal);
        return use->checked;
    }
    member_names(member, verdict.culprit, true);
    member->evidence_rounds = MEMBER_EVIDENCE_ROUNDS;
    return vain_fail(VAIN_ERR_PEER, "place %d has changed words (%d)", verdict.culprit,
                     (int)verdict.fault);
}

/* Nobody ends the attempt before all have what shows it to them. */
enum vain_status member_culprit_wait(struct member *member)
{
    return start_gather(member, member->use.mine, 1, member->use.theirs);
}

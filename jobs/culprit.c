#include "jobs/culprit.h"

#include <string.h>

#include "base/memory.h"

bool vain_culprit_sought(const struct vain_run *run, int members)
{
    return run->config->on_own_host && members >= 2 && members <= VAIN_EVIDENCE_MEMBERS_MAX;
}

void vain_culprit_close(struct vain_run *run)
{
    vain_evidence_close(&run->evidence);
}

/* For the group; later attempts of it use the same. */
static enum vain_status open_evidence(struct vain_run *run, const struct vain_roster *roster)
{
    uint8_t keys[VAIN_EVIDENCE_MEMBERS_MAX][VAIN_PUBLIC_KEY_BYTES];
    const struct vain_evidence_config config = {.members = roster->member_count,
                                                .own = roster->comm->rank,
                                                .order = run->ring_order,
                                                .keys = keys[0],
                                                .signer = &run->signer};
    if (run->evidence != NULL)
        return VAIN_OK;
    for (int i = 0; i < roster->member_count; i++)
        memcpy(keys[roster->member_rank[i]], roster->members[i].certificate.current_key,
               VAIN_PUBLIC_KEY_BYTES);
    return vain_evidence_open(&config, &run->evidence);
}

/* Everybody's `bytes` to all, by rank; `out` is the caller's to release. */
static enum vain_status gather(struct vain_run *run, const struct vain_roster *roster,
                               const uint8_t *mine, size_t bytes, uint8_t **out)
{
    *out = NULL;
    VAIN_TRY(vain_take_array(roster->member_count, bytes, "evidence", (void **)out));
    return vain_comm_all_gather(roster->comm, run->config->world, run->driver.deadline_ms,
                                VAIN_TAG_EVIDENCE, mine, bytes, *out);
}

/* The member with this rank has spoilt the exchange; its name. */
static const char *name_culprit(struct vain_run *run, const struct vain_roster *roster, int rank)
{
    for (int i = 0; i < roster->member_count; i++) {
        if (roster->member_rank[i] == rank)
            run->federation->spoilt_by = i;
    }
    run->federation->spoilt = true;
    return run->names_by_rank[rank];
}

enum vain_status vain_culprit_begin(struct vain_run *run, const struct vain_roster *roster)
{
    uint8_t *all = NULL;
    if (!vain_exchange_has_evidence(run->exchange))
        return VAIN_OK;
    VAIN_TRY(open_evidence(run, roster));
    VAIN_TRY(vain_exchange_set_evidence(run->exchange, run->evidence));
    enum vain_status status = gather(run, roster, vain_evidence_own(run->evidence),
                                     vain_evidence_own_bytes(roster->member_count), &all);
    const int unsigned_rank = status == VAIN_OK ? vain_evidence_take_own(run->evidence, all) : -1;
    if (unsigned_rank >= 0)
        status = vain_fail(VAIN_ERR_PEER,
                           "round %lld: what member '%s' states of its own words is not signed by "
                           "it; nothing was sent",
                           (long long)run->round + 1, name_culprit(run, roster, unsigned_rank));
    vain_release(all);
    return status;
}

/* A sentence that the log keeps, whatever becomes of the attempt. */
static enum vain_status name(struct vain_run *run, const struct vain_roster *roster,
                             const struct vain_evidence_verdict *verdict)
{
    char text[VAIN_EVIDENCE_TEXT_BYTES];
    const char *culprit = name_culprit(run, roster, verdict->culprit);
    run->evidence_rounds = VAIN_CULPRIT_ROUNDS;
    vain_evidence_text(verdict, roster->member_count, run->names_by_rank, text);
    vain_event_notice(run->config->events,
                      "round %lld, attempt %u: signed statements show that member '%s' %s; its "
                      "memory or its program is not as it should be",
                      (long long)run->round + 1, roster->attempt, culprit, text);
    return vain_fail(VAIN_ERR_PEER, "signed statements show that member '%s' has changed words",
                     culprit);
}

static enum vain_status say_nobody(const struct vain_run *run, const struct vain_roster *roster)
{
    vain_event_notice(run->config->events,
                      "round %lld, attempt %u: the sum does not hold, though by their signed "
                      "statements all members passed words on as they should; so the own words of "
                      "one of them were not those of its check word, and nobody knows whose",
                      (long long)run->round + 1, roster->attempt);
    return vain_fail(VAIN_ERR_NUMERIC, "a member's own words are not those of its check word");
}

/* All that was stated, by rank, and whether all have it. Who finds a culprit ends the attempt, and
 * with it the communicator: not before the others have what shows them the same. */
static enum vain_status gather_hops(struct vain_run *run, const struct vain_roster *roster,
                                    uint8_t **out)
{
    VAIN_TRY(gather(run, roster, vain_evidence_hops(run->evidence),
                    vain_evidence_hops_bytes(roster->member_count), out));
    const enum vain_status all_have_it =
        vain_comm_barrier(roster->comm, run->config->world, run->driver.deadline_ms);
    if (all_have_it != VAIN_OK)
        vain_fail_clear(); /* this member has */
    return VAIN_OK;
}

static enum vain_status judge(struct vain_run *run, const struct vain_roster *roster,
                              enum vain_status checked)
{
    const bool masked = run->job->exchange.privacy == VAIN_PRIVACY_MASKED;
    struct vain_evidence_verdict verdict = {.culprit = -1};
    uint8_t *all = NULL;
    const enum vain_status status = gather_hops(run, roster, &all);
    if (status == VAIN_OK)
        vain_evidence_judge_hops(run->evidence, !masked || run->codec.checks_masked, all, &verdict);
    vain_release(all);
    VAIN_TRY(status);
    if (verdict.culprit >= 0)
        return name(run, roster, &verdict);
    return checked == VAIN_OK ? VAIN_OK : say_nobody(run, roster);
}

enum vain_status vain_culprit_find(struct vain_run *run, const struct vain_roster *roster,
                                   enum vain_status checked)
{
    const bool wrong = checked == VAIN_ERR_NUMERIC;
    if (checked != VAIN_OK && !wrong)
        return checked;
    run->federation->spoilt = wrong;
    if (wrong)
        run->evidence_rounds = VAIN_CULPRIT_ROUNDS;
    if (vain_exchange_has_evidence(run->exchange))
        return judge(run, roster, checked);
    run->federation->sought = wrong && vain_culprit_sought(run, roster->member_count);
    return checked;
}

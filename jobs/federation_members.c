/* The federation of members on their own hosts: what a round asks, put to the assembly, and what
 * the assembly says, done. */
#include "jobs/federation_members.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "collectives/quorum.h"
#include "collectives/secagg.h"
#include "jobs/members_state.h"
#include "jobs/vote_file.h"

enum { DURATION_BYTES = 32, FIRST_WAITING_MS = 5000 /* until it is said for whom */ };

/* ---- what the assembly asks for -------------------------------------------------------------- */

static void send_letter(void *context, int member, uint16_t kind, const void *body, size_t bytes)
{
    vain_members_send(context, member, kind, body, bytes);
}

static enum vain_status sign_letter(void *context, const void *message, size_t bytes,
                                    uint8_t out[VAIN_SIGNATURE_BYTES])
{
    struct vain_members *members = context;
    return vain_signer_sign(members->config.signer, message, bytes, out);
}

static bool verify_letter(void *context, int member, const void *message, size_t bytes,
                          const uint8_t signature[VAIN_SIGNATURE_BYTES])
{
    const struct vain_acquaintance *known = &((struct vain_members *)context)->known[member];
    return known->met &&
           vain_signature_valid(known->member.certificate.current_key, message, bytes, signature);
}

static void note_evidence(void *context, int member, const struct vain_vote *first,
                          const struct vain_vote *second)
{
    struct vain_members *members = context;
    (void)second;
    vain_event_notice(members->config.events,
                      "round %llu: member '%s' has signed two different votes",
                      (unsigned long long)first->round + 1, vain_members_name(members, member));
}

static const struct vain_assembly_ops assembly_ops = {send_letter, sign_letter, verify_letter,
                                                      note_evidence};

/* ---- standing -------------------------------------------------------------------------------- */

static void take_stand(struct vain_members *members)
{
    struct vain_assembly_stand stand = {.epoch = members->epoch,
                                        .round = (uint64_t)members->holding->round,
                                        .starting = !members->running,
                                        .voters = members->voters};
    struct vain_state_letter state;
    vain_members_describe(members, &state);
    vain_state_letter_hash(&state, stand.state_hash);
    vain_assembly_stand(members->assembly, &stand);
}

static enum vain_status members_hold(struct vain_federation *federation,
                                     struct vain_holding *holding)
{
    struct vain_members *members = (struct vain_members *)federation;
    if (members->held_round != holding->round)
        members->failed_attempts = 0;
    members->held_round = holding->round;
    members->holding = holding;
    /* Who was in the last round decides about the next one. */
    if (members->running && members->fetched_round != holding->round &&
        (uint64_t)holding->round == members->proposal.round + 1)
        members->voters = members->proposal.set;
    vain_members_lend(members);
    members->lends = true;
    take_stand(members);
    return vain_members_pump(members);
}

/* ---- votes ----------------------------------------------------------------------------------- */

static enum vain_status vote(struct vain_members *members, const struct vain_vote *vote)
{
    struct vain_vote mine = *vote;
    mine.voter = (uint16_t)members->own;
    memset(mine.signature, 0, sizeof mine.signature);
    VAIN_TRY(vain_vote_file_write(members->config.directory,
                                  vain_members_name(members, members->own), members->config.world,
                                  &mine));
    return vain_assembly_vote(members->assembly, &mine);
}

/* Nobody that is here holds the sum that was voted for, or has given up to agree on one: from the
 * state before, in a new epoch. */
static void begin_new_epoch(struct vain_members *members)
{
    vain_event_notice(
        members->config.events,
        "round %lld cannot be ended as it was begun: those who held its sum, or what "
        "opens it, or too many of the last round's members, are gone; it is done again "
        "from what is here",
        (long long)members->holding->round + 1);
    members->base.input_spent = true;
    if (!vain_assembly_is_split(members->assembly))
        members->failed_attempts = 0;
    members->epoch = vain_assembly_epoch(members->assembly);
    members->running = false;
    take_stand(members);
}

void vain_members_lose_sum(struct vain_members *members)
{
    members->voters = vain_assembly_voters(members->assembly);
    take_stand(members);
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* "30m", as a spec would say it. */
static const char *duration_text(int64_t ms, char out[VAIN_MIN_LEN(DURATION_BYTES)])
{
    static const struct vain_option duration = {.key = "", .type = VAIN_OPTION_DURATION};
    vain_option_format(&duration, &ms, out, DURATION_BYTES);
    return out;
}

/* How long the others have been too few, and since when this member is to stop (0: it is not). */
struct patience {
    uint64_t since_ms, asked_ms;
    bool waits;
};

/* "'bob' (link to 10.0.0.1:4000: Connection refused), 'carol' (it dials this member, and has not
 * come through)". */
static void say_who_is_missing(const struct vain_members *members, char *out, size_t bytes)
{
    struct vain_connector *connector = members->config.connector;
    const struct vain_set present = vain_assembly_present(members->assembly);
    size_t length = 0;
    out[0] = '\0';
    for (int i = 0; i < members->count && length < bytes; i++) {
        if (vain_set_has(&present, i))
            continue;
        const char *why = members->known[i].other[0] != '\0'
                              ? members->known[i].other
                              : connector->ops->trouble(connector, members->known[i].listed);
        length += (size_t)snprintf(out + length, bytes - length, "%s'%s'%s%s%s",
                                   length > 0 ? ", " : "", vain_members_name(members, i),
                                   why[0] != '\0' ? " (" : "", why, why[0] != '\0' ? ")" : "");
    }
}

/* So many have left after the last round that one of them at least is honest. */
static bool others_have_finished(const struct vain_members *members)
{
    int finished = 0;
    for (int i = 0; i < members->count; i++)
        finished += members->known[i].finished;
    return finished >= vain_quorum_witnesses(members->count);
}

/* VAIN_STOPPED when a signal came, or when too few have been here for the deadline. */
static enum vain_status wait_for_others(struct vain_members *members, struct patience *patience)
{
    const int64_t deadline_ms = members->config.job->exchange.deadline_ms;
    const uint64_t now_ms = vain_members_now_ms(members);
    const bool enough = vain_assembly_quorum_present(members->assembly);
    if (atomic_load(members->config.signal) != 0)
        return VAIN_STOPPED;
    if (!enough && others_have_finished(members)) {
        vain_event_notice(
            members->config.events,
            "round %lld: the others have finished the run and left, so nobody is here "
            "to catch up with; start another member again with the same command, or "
            "take its last checkpoint",
            (long long)members->holding->round + 1);
        return VAIN_STOPPED;
    }
    if (enough || !patience->waits) {
        patience->waits = !enough;
        patience->since_ms = now_ms;
    }
    if (!enough && now_ms - patience->since_ms > (uint64_t)deadline_ms) {
        char missing[600], waited[DURATION_BYTES];
        say_who_is_missing(members, missing, sizeof missing);
        vain_event_notice(
            members->config.events,
            "round %lld: %s not there for %s (exchange.deadline); with fewer "
            "than %d of %d members nothing can be agreed, so this one stops and can "
            "be started again",
            (long long)members->holding->round + 1, missing, duration_text(deadline_ms, waited),
            vain_quorum(vain_set_count(&members->voters)), vain_set_count(&members->voters));
        return VAIN_STOPPED;
    }
    return vain_members_wait(members);
}

/* Letters that wait have a moment to leave. */
static enum vain_status flush(struct vain_members *members, uint64_t most_ms)
{
    const uint64_t start_ms = vain_members_now_ms(members);
    for (bool waits = true; waits && vain_members_now_ms(members) - start_ms < most_ms;) {
        waits = false;
        for (int i = 0; i < members->count; i++)
            waits = waits || (i != members->own && vain_mailbox_queued(members->mailbox, i) > 0);
        if (waits)
            VAIN_TRY(vain_members_wait(members));
    }
    return VAIN_OK;
}

/* ---- attempts -------------------------------------------------------------------------------- */

/* Whoever died within it is noticed in a moment, and is the better reason. */
static void note_failure(struct vain_members *members, enum vain_status status)
{
    snprintf(members->failure, sizeof members->failure, "%s", vain_fail_message());
    vain_fail_clear();
    members->failed_set = members->proposal.set;
    members->failed_late = status == VAIN_ERR_TIMEOUT;
    members->unjudged = true;
}

/* Before the next attempt. Whoever dies makes an exchange fail once, and is gone by now; whoever
 * makes it fail otherwise is still there, and most members only see others end it. */
static void suspect(struct vain_members *members)
{
    const struct vain_set *set = &members->failed_set;
    struct vain_federation *federation = &members->base;
    const struct vain_set present = vain_assembly_present(members->assembly);
    const struct vain_set there = vain_set_both(set, &present);
    const bool unexplained =
        members->failed_attempts >= (members->failed_late ? 1 : 2) && vain_set_equal(&there, set);
    if (members->unjudged && !federation->sought && (federation->spoilt || unexplained))
        vain_assembly_suspect(members->assembly, set,
                              federation->spoilt_by < 0 ? -1
                                                        : vain_set_at(set, federation->spoilt_by));
    members->unjudged = federation->spoilt = federation->sought = false;
    federation->spoilt_by = -1;
}

static void end_attempt(struct vain_members *members)
{
    vain_members_close_use(members);
    members->failed_attempts++;
    members->epoch = members->proposal.epoch;
    members->voters = vain_assembly_voters(members->assembly);
    members->running = true;
    vain_assembly_failed(members->assembly);
}

/* For another attempt of the round, if it may have one. */
static enum vain_status become_ready(struct vain_members *members)
{
    const int64_t most = members->config.job->exchange.attempts;
    if (members->failed_attempts >= most)
        return vain_fail(VAIN_ERR_PEER,
                         "round %lld: %lld attempts came to nothing (exchange.attempts); what was "
                         "said of each stands above",
                         (long long)members->holding->round + 1, (long long)most);
    VAIN_TRY(vain_members_pump(members)); /* who is gone */
    suspect(members);
    vain_assembly_ready(members->assembly);
    return VAIN_OK;
}

static enum vain_status start_attempt(struct vain_members *members,
                                      const struct vain_assembly_news *news,
                                      struct vain_roster *out)
{
    const enum vain_status status = vain_members_open_use(members, news);
    if (status == VAIN_OK) {
        vain_members_roster(members, out);
        /* Nobody reads or writes letters while the exchange runs. */
        return flush(members, VAIN_MEMBERS_ANSWER_MS);
    }
    if (status != VAIN_ERR_PEER)
        return status;
    note_failure(members, status);
    end_attempt(members);
    VAIN_TRY(become_ready(members));
    return VAIN_AGAIN;
}

/* What the assembly says while this member waits. VAIN_AGAIN: nothing that ends the waiting. */
static enum vain_status follow(struct vain_members *members, const struct vain_assembly_news *news)
{
    switch (news->verdict) {
    case VAIN_ASSEMBLY_VOTE:
        VAIN_TRY(vote(members, &news->vote));
        vain_members_sign_nothing(members, &news->vote);
        return VAIN_AGAIN;
    case VAIN_ASSEMBLY_BEHIND:
        return VAIN_BEHIND;
    default:
        return VAIN_AGAIN;
    }
}

static enum vain_status members_form(struct vain_federation *federation, int64_t round,
                                     struct vain_roster *out)
{
    struct vain_members *members = (struct vain_members *)federation;
    struct patience patience = {0};
    VAIN_ASSERT(members->holding != NULL && members->holding->round == round);
    VAIN_TRY(become_ready(members));
    for (;;) {
        struct vain_assembly_news news;
        vain_assembly_news(members->assembly, &news);
        if (news.verdict == VAIN_ASSEMBLY_START) {
            const enum vain_status status = start_attempt(members, &news, out);
            if (status != VAIN_AGAIN)
                return status;
        } else if (news.verdict == VAIN_ASSEMBLY_BURNED) {
            vain_assembly_begin_anew(members->assembly);
            vain_assembly_ready(members->assembly);
        } else if (news.verdict == VAIN_ASSEMBLY_LOST) {
            begin_new_epoch(members);
            return VAIN_AGAIN;
        } else {
            const enum vain_status status = follow(members, &news);
            if (status != VAIN_AGAIN)
                return status;
        }
        if (news.verdict == VAIN_ASSEMBLY_WAIT)
            VAIN_TRY(wait_for_others(members, &patience));
    }
}

static enum vain_status members_failed(struct vain_federation *federation, enum vain_status status)
{
    struct vain_members *members = (struct vain_members *)federation;
    /* Keys and proofs of others that do not hold are theirs to answer for. */
    federation->spoilt = federation->spoilt || status == VAIN_ERR_AUTH;
    if (status != VAIN_ERR_PEER && status != VAIN_ERR_TIMEOUT && !federation->spoilt)
        return status;
    note_failure(members, status);
    end_attempt(members);
    VAIN_TRY(vain_members_pump(members)); /* who is gone is told before what it costs */
    return VAIN_AGAIN;
}

/* Who has voted and is asked to stop waits for the end of the round all the same, a while: others
 * may have seen it already, and cannot open its sum without this member. */
static enum vain_status wait_for_votes(struct vain_members *members, struct patience *patience)
{
    const uint64_t now_ms = vain_members_now_ms(members);
    if (atomic_load(members->config.signal) == 0)
        return wait_for_others(members, patience);
    if (patience->asked_ms == 0)
        patience->asked_ms = now_ms;
    return now_ms - patience->asked_ms < VAIN_MEMBERS_ANSWER_MS &&
                   vain_assembly_quorum_present(members->assembly)
               ? vain_members_wait(members)
               : wait_for_others(members, patience);
}

/* One of the set has told its members different things, and they have seen it by their votes. Where
 * there are enough without it one after another is left out (collectives/suspicion.h). The attempt
 * counts as one that came to nothing. */
static void note_split(struct vain_members *members, const char *whose)
{
    if (!vain_assembly_is_split(members->assembly))
        return;
    vain_event_notice(
        members->config.events,
        "round %lld, attempt %u: members voted for different sums of the same set, so "
        "one of them has told others different things; %s",
        (long long)members->holding->round + 1, members->proposal.attempt, whose);
    vain_assembly_suspect(members->assembly, &members->proposal.set, -1);
    members->failed_attempts++;
}

static enum vain_status members_commit(struct vain_federation *federation,
                                       const uint8_t content[VAIN_MIN_LEN(VAIN_HASH_BYTES)])
{
    struct vain_members *members = (struct vain_members *)federation;
    struct patience patience = {0};
    struct vain_vote own;
    /* Who restarts while votes travel is to be told of the epoch that they are in. */
    members->epoch = members->proposal.epoch;
    members->voters = vain_assembly_voters(members->assembly);
    members->running = true;
    vain_assembly_own_vote(members->assembly, content, &own);
    VAIN_TRY(vote(members, &own));
    for (;;) {
        struct vain_assembly_news news;
        VAIN_TRY(vain_members_pump(members));
        vain_assembly_news(members->assembly, &news);
        switch (news.verdict) {
        case VAIN_ASSEMBLY_COMPLETE:
            vain_members_say_left_out(members);
            members->epoch = news.vote.epoch;
            members->running = true;
            /* Vectors move now, unless the sum is still to be opened. */
            members->lends = members->config.job->exchange.privacy == VAIN_PRIVACY_MASKED &&
                             members->config.job->exchange.level == VAIN_LEVEL_2;
            return VAIN_OK;
        case VAIN_ASSEMBLY_BURNED:
            note_split(members, "this sum is nobody's");
            vain_assembly_begin_anew(members->assembly);
            return VAIN_AGAIN;
        case VAIN_ASSEMBLY_BEHIND:
            note_split(members, "the others have gone on with another one than this member's");
            return VAIN_BEHIND;
        case VAIN_ASSEMBLY_LOST:
            note_split(members, "this sum is nobody's");
            begin_new_epoch(members);
            return VAIN_AGAIN;
        default:
            VAIN_TRY(wait_for_votes(members, &patience));
        }
    }
}

static enum vain_status members_disown(struct vain_federation *federation)
{
    struct vain_members *members = (struct vain_members *)federation;
    vain_event_notice(
        members->config.events,
        "%s; it is nobody's, and one of the members in it is left out for some rounds",
        vain_fail_message());
    vain_fail_clear();
    vain_assembly_suspect(members->assembly, &members->proposal.set, -1);
    vain_members_lose_sum(members);
    vain_assembly_disown(members->assembly);
    members->lends = true; /* what it held before */
    return VAIN_AGAIN;
}

/* ---- the end of a round ---------------------------------------------------------------------- */

/* Signatures of all that are there; nobody waits long for who is stuck, since the round is complete
 * without it. */
static enum vain_status members_gather(struct vain_federation *federation, const void *mine,
                                       size_t bytes, void *all)
{
    struct vain_members *members = (struct vain_members *)federation;
    const struct vain_set *set = &members->proposal.set;
    const uint64_t start_ms = vain_members_now_ms(members);
    const struct vain_signature_letter letter = {.epoch = members->proposal.epoch,
                                                 .round = members->proposal.round,
                                                 .body = mine,
                                                 .bytes = bytes};
    members->signed_set = *set;
    members->signature_bytes = vain_signature_letter_encode(&letter, members->signature);
    for (int i = vain_set_next(set, 0); i >= 0; i = vain_set_next(set, i + 1)) {
        if (members->known[i].greeted)
            vain_members_send_signature(members, i);
    }
    while (!vain_members_all_have_signed(members, bytes) &&
           vain_members_now_ms(members) - start_ms <= VAIN_MEMBERS_SIGN_MS)
        VAIN_TRY(vain_members_wait(members));
    int place = 0;
    for (int i = vain_set_next(set, 0); i >= 0; i = vain_set_next(set, i + 1), place++) {
        uint8_t *slot = (uint8_t *)all + (size_t)place * bytes;
        memset(slot, 0, bytes);
        if (i == members->own)
            memcpy(slot, mine, bytes);
        else if (vain_members_has_signed(members, i, bytes))
            memcpy(slot, members->known[i].signature, bytes);
    }
    return VAIN_OK;
}

static enum vain_status members_record(struct vain_federation *federation, const uint8_t *frame,
                                       size_t bytes)
{
    struct vain_members *members = (struct vain_members *)federation;
    return vain_record_file_append(members->config.record, frame, bytes);
}

/* ---- between rounds -------------------------------------------------------------------------- */

/* Before an attempt is formed nobody knows who will be in it. */
static enum vain_status members_roster(struct vain_federation *federation, int64_t round,
                                       struct vain_roster *out)
{
    (void)federation;
    (void)round;
    memset(out, 0, sizeof *out);
    return VAIN_OK;
}

static int64_t members_weight(struct vain_federation *federation, int index)
{
    (void)federation;
    (void)index;
    return 1000000;
}

static enum vain_status members_drain(struct vain_federation *federation, bool in_exchange)
{
    struct vain_members *members = (struct vain_members *)federation;
    if (in_exchange)
        return VAIN_OK;
    VAIN_TRY(vain_members_pump(members));
    return atomic_load(members->config.signal) != 0 ? VAIN_STOPPED : VAIN_OK;
}

/* Others may still need what it holds of the last round: votes, and what opens its sum. */
static enum vain_status members_left(struct vain_federation *federation)
{
    struct vain_members *members = (struct vain_members *)federation;
    const uint64_t start_ms = vain_members_now_ms(members);
    while (members->running &&
           !vain_assembly_all_at(members->assembly, (uint64_t)members->holding->round) &&
           vain_members_now_ms(members) - start_ms < VAIN_MEMBERS_ANSWER_MS)
        VAIN_TRY(vain_members_wait(members));
    members->leaving = true;
    vain_assembly_leave(members->assembly);
    return flush(members, VAIN_MEMBERS_ANSWER_MS);
}

/* Somebody who has died a moment ago, and may be on its way back; -1: nobody. */
static int who_may_come_back(const struct vain_members *members)
{
    const uint64_t now_ms = vain_members_now_ms(members);
    for (int i = 0; i < members->count; i++) {
        const struct vain_acquaintance *known = &members->known[i];
        if (known->lost_ms != 0 && !known->left_in_order &&
            now_ms - known->lost_ms < (uint64_t)members->config.job->exchange.linger_ms)
            return i;
    }
    return -1;
}

/* Who has nothing left to do stays until the others have come to the end too, since they may need
 * what it holds. */
static enum vain_status members_finish(struct vain_federation *federation)
{
    struct vain_members *members = (struct vain_members *)federation;
    const uint64_t start_ms = vain_members_now_ms(members);
    const uint64_t most_ms = (uint64_t)members->config.job->exchange.deadline_ms;
    const int lost = who_may_come_back(members);
    if (lost >= 0)
        vain_event_notice(members->config.events,
                          "all rounds are done; member '%s' was lost a moment ago and has up to "
                          "%lld s to come back for the result (exchange.linger)",
                          vain_members_name(members, lost),
                          (long long)members->config.job->exchange.linger_ms / 1000);
    while (atomic_load(members->config.signal) == 0 &&
           (who_may_come_back(members) >= 0 ||
            (!vain_assembly_all_at(members->assembly, (uint64_t)members->holding->round) &&
             vain_members_now_ms(members) - start_ms < most_ms)))
        VAIN_TRY(vain_members_wait(members));
    members->leaving = true;
    vain_assembly_leave(members->assembly);
    return flush(members, VAIN_MEMBERS_ANSWER_MS);
}

static enum vain_status too_few(struct vain_members *members, int quorum)
{
    const struct vain_set present = vain_assembly_present(members->assembly);
    char missing[600], waited[DURATION_BYTES];
    say_who_is_missing(members, missing, sizeof missing);
    return vain_fail(VAIN_ERR_TIMEOUT,
                     "%d of %d members are there after %s, and %d must be (start.quorum, "
                     "start.timeout); missing: %s. Start them, or look at their addresses, keys "
                     "and logs",
                     vain_set_count(&present), members->count,
                     duration_text(members->config.job->start.timeout_ms, waited), quorum, missing);
}

int vain_members_start_quorum(const struct vain_members *members)
{
    const int64_t quorum = members->config.job->start.quorum;
    return quorum > 0 ? (int)quorum : members->count;
}

/* Whoever was met since the start, this one included. One that has nothing left to do may be gone
 * again by the time that the last has come. */
static int count_met(const struct vain_members *members)
{
    int count = 1;
    for (int i = 0; i < members->count; i++)
        count += i != members->own && members->known[i].met;
    return count;
}

/* While people wait they are told for whom: after 5 s, and each time after twice as long. */
static void say_waiting(const struct vain_members *members, int quorum, uint64_t waited_ms,
                        uint64_t *next_ms)
{
    const struct vain_set present = vain_assembly_present(members->assembly);
    char missing[600];
    if (waited_ms < *next_ms)
        return;
    *next_ms *= 2;
    say_who_is_missing(members, missing, sizeof missing);
    vain_event_notice(members->config.events,
                      "%d of %d members are there after %llu s, %d must be; waiting for %s",
                      vain_set_count(&present), members->count,
                      (unsigned long long)waited_ms / 1000, quorum, missing);
}

/* A run that begins without some is told to have. */
static void say_beginning(const struct vain_members *members)
{
    const struct vain_set present = vain_assembly_present(members->assembly);
    char missing[600];
    if (vain_set_count(&present) >= members->count)
        return;
    say_who_is_missing(members, missing, sizeof missing);
    vain_event_notice(
        members->config.events,
        "%d of %d members are there, enough to begin (start.quorum); not there yet: %s. "
        "Whoever comes later is given what it missed",
        vain_set_count(&present), members->count, missing);
}

static enum vain_status members_meet(struct vain_federation *federation)
{
    struct vain_members *members = (struct vain_members *)federation;
    const int quorum = vain_members_start_quorum(members);
    const uint64_t start_ms = vain_members_now_ms(members);
    uint64_t next_ms = FIRST_WAITING_MS;
    for (;;) {
        struct vain_assembly_news news;
        VAIN_TRY(vain_members_wait(members));
        const bool behind = vain_assembly_behind(members->assembly, &news);
        if (behind && (news.target.flags & VAIN_POSITION_STARTING) == 0)
            return VAIN_BEHIND;
        if (count_met(members) >= quorum) {
            say_beginning(members);
            return behind ? VAIN_BEHIND : VAIN_OK;
        }
        if (atomic_load(members->config.signal) != 0)
            return VAIN_STOPPED;
        const uint64_t waited_ms = vain_members_now_ms(members) - start_ms;
        if (waited_ms > (uint64_t)members->config.job->start.timeout_ms)
            return too_few(members, quorum);
        say_waiting(members, quorum, waited_ms, &next_ms);
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

static void members_close(struct vain_federation *federation)
{
    struct vain_members *members = (struct vain_members *)federation;
    if (members->assembly != NULL)
        vain_members_close_use(members);
    vain_members_talk_close(members);
    vain_assembly_close(&members->assembly);
    vain_fetch_close(&members->fetch);
    vain_release(members->known);
    vain_release(members->streams);
    vain_release(members->roster_members);
    vain_release(members->roster_ranks);
    vain_release(members->awaited_since_ms);
    vain_release_wiped(members->waiting_open); /* secrets of others */
    vain_release(members);
}

static const struct vain_federation_ops members_ops = {
    .name = "members",
    .roster = members_roster,
    .weight = members_weight,
    .hold = members_hold,
    .meet = members_meet,
    .form = members_form,
    .failed = members_failed,
    .commit = members_commit,
    .open = vain_members_open,
    .disown = members_disown,
    .gather = members_gather,
    .fetch = vain_members_fetch,
    .record = members_record,
    .drain = members_drain,
    .left = members_left,
    .finish = members_finish,
    .close = members_close,
};

static int compare_ids(const void *a, const void *b)
{
    const struct vain_acquaintance *left = a, *right = b;
    return memcmp(left->member.member_id, right->member.member_id, VAIN_HASH_BYTES);
}

/* The spec's members in the order of their ids. */
static enum vain_status list_members(struct vain_members *members)
{
    const struct vain_federation_members_config *config = &members->config;
    for (int i = 0; i < members->count; i++) {
        const struct vain_option_member *listed = &config->spec->members[i];
        struct vain_acquaintance *known = &members->known[i];
        known->listed = i;
        snprintf(known->member.name, sizeof known->member.name, "%s", listed->name);
        if (!vain_from_hex(listed->key, known->member.member_id, VAIN_HASH_BYTES))
            return vain_fail(VAIN_ERR_INPUT,
                             "member '%s' has no key in the spec; members on their own hosts are "
                             "known by their keys ('vain key show' prints them)",
                             listed->name);
    }
    qsort(members->known, (size_t)members->count, sizeof *members->known, compare_ids);
    for (int i = 0; i < members->count; i++) {
        if (members->known[i].listed == config->own_member)
            members->own = i;
    }
    return VAIN_OK;
}

static enum vain_status take_memory(struct vain_members *members)
{
    const int64_t connections = members->config.job->exchange.connections;
    VAIN_TRY(vain_take_array(members->count, sizeof *members->known, "members",
                             (void **)&members->known));
    VAIN_TRY(vain_take_array(members->count * connections, sizeof *members->streams, "streams",
                             (void **)&members->streams));
    VAIN_TRY(vain_take_array(members->count, sizeof *members->roster_members, "members",
                             (void **)&members->roster_members));
    VAIN_TRY(vain_take_array(members->count, sizeof *members->roster_ranks, "member ranks",
                             (void **)&members->roster_ranks));
    members->waiting_open_capacity = VAIN_MEMBERS_OPEN_EACH * members->count;
    VAIN_TRY(vain_take_array(members->waiting_open_capacity, sizeof *members->waiting_open,
                             "disclosed own masks", (void **)&members->waiting_open));
    return vain_take_array(members->count, sizeof *members->awaited_since_ms, "members",
                           (void **)&members->awaited_since_ms);
}

static enum vain_status open_assembly(struct vain_members *members)
{
    const struct vain_federation_members_config *config = &members->config;
    const bool masked = config->job->exchange.privacy == VAIN_PRIVACY_MASKED;
    struct vain_assembly_config assembly = {
        .ops = &assembly_ops,
        .context = members,
        .members = members->count,
        .own = members->own,
        .start_quorum = vain_members_start_quorum(members),
        .set_min = masked && !config->job->exchange.allow_small ? VAIN_SECAGG_MEMBERS_MIN : 1,
        .patience_ms = (uint64_t)config->job->exchange.deadline_ms};
    VAIN_TRY(vain_vote_file_read(config->directory, vain_members_name(members, members->own),
                                 members->count, &assembly.voted));
    if (assembly.voted.epoch != 0)
        memcpy(assembly.ballot, assembly.voted.ballot, VAIN_BALLOT_BYTES);
    else
        config->world->ops->random(config->world, assembly.ballot, VAIN_BALLOT_BYTES);
    members->epoch = assembly.voted.epoch;
    members->voters = vain_set_first(members->count);
    return vain_assembly_open(&assembly, &members->assembly);
}

enum vain_status vain_federation_members_open(const struct vain_federation_members_config *config,
                                              struct vain_federation **out)
{
    struct vain_members *members = NULL;
    enum vain_status status;
    *out = NULL;
    VAIN_TRY(vain_take(sizeof *members, "federation", (void **)&members));
    members->base.ops = &members_ops;
    members->base.spoilt_by = -1;
    members->config = *config;
    members->count = config->spec->member_count;
    memcpy(members->corpus_hash, config->corpus_hash, VAIN_HASH_BYTES);
    vain_hash("vain/group/id", config->job->general.name, strlen(config->job->general.name),
              members->group_id);
    VAIN_TRY_OUT(take_memory(members));
    VAIN_TRY_OUT(list_members(members));
    VAIN_TRY_OUT(vain_members_talk_open(members));
    VAIN_TRY_OUT(open_assembly(members));
    *out = &members->base;
    return VAIN_OK;
out:
    members_close(&members->base);
    return status;
}

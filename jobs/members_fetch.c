/* Catching up: what the others hold is described by them, named by the hash that their positions
 * carry; then come the records that are missing, each signed by who took part, and last the
 * vectors, from all holders at once, verified leaf by leaf. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "collectives/quorum.h"
#include "jobs/members_state.h"
#include "jobs/store/record_read.h"
#include "jobs/store/set_aside.h"

/* Nothing is fetched from it for a while, the longer the more often. */
static void distrust(struct vain_members *members, int member, const char *why)
{
    vain_event_notice(members->config.events,
                      "member '%s' %s while this member caught up; it is not asked for a while",
                      vain_members_name(members, member), why);
    vain_assembly_distrust(members->assembly, member);
}

/* ---- what they hold -------------------------------------------------------------------------- */

static bool describes(const struct vain_acquaintance *known, const uint8_t *state_hash)
{
    uint8_t hash[VAIN_HASH_BYTES];
    if (!known->answered)
        return false;
    vain_state_letter_hash(&known->state, hash);
    return memcmp(hash, state_hash, VAIN_HASH_BYTES) == 0;
}

/* What was answered before is forgotten: who is not asked now is not judged by it either. */
static void ask_holders(struct vain_members *members, const struct vain_set *holders)
{
    for (int i = 0; i < members->count; i++)
        members->known[i].answered = false;
    for (int i = vain_set_next(holders, 0); i >= 0; i = vain_set_next(holders, i + 1)) {
        members->known[i].asked++;
        vain_members_send(members, i, VAIN_LETTER_STATE_ASK, "", 0);
    }
}

/* What most holders say, among those whose description has the hash; NULL: none has answered. */
static const struct vain_state_letter *most_said(const struct vain_members *members,
                                                 const struct vain_assembly_news *news)
{
    const struct vain_state_letter *best = NULL;
    int best_count = 0;
    for (int i = 0; i < members->count; i++) {
        const struct vain_acquaintance *known = &members->known[i];
        int count = 0;
        if (!vain_set_has(&news->holders, i) || !describes(known, news->target.state_hash))
            continue;
        for (int j = 0; j < members->count; j++)
            count += vain_set_has(&news->holders, j) && members->known[j].answered &&
                     memcmp(&members->known[j].state, &known->state, sizeof known->state) == 0;
        if (count > best_count) {
            best = &known->state;
            best_count = count;
        }
    }
    return best;
}

static bool all_answered(const struct vain_members *members, const struct vain_set *holders)
{
    for (int i = vain_set_next(holders, 0); i >= 0; i = vain_set_next(holders, i + 1)) {
        if (members->known[i].asked > 0 && vain_mailbox_has(members->mailbox, i))
            return false;
    }
    return true;
}

/* Who still says that it holds the state and does not describe it, has told one untruth at least.
 */
static void distrust_liars(struct vain_members *members, const struct vain_assembly_news *news)
{
    struct vain_assembly_news now;
    if (!vain_assembly_behind(members->assembly, &now) ||
        memcmp(now.target.state_hash, news->target.state_hash, VAIN_HASH_BYTES) != 0)
        return;
    for (int i = vain_set_next(&now.holders, 0); i >= 0; i = vain_set_next(&now.holders, i + 1)) {
        if (members->known[i].answered && !describes(&members->known[i], now.target.state_hash))
            distrust(members, i, "does not describe the state that it says it holds");
    }
}

/* VAIN_AGAIN: nobody has said what fits; look again who is there. */
static enum vain_status learn_state(struct vain_members *members,
                                    const struct vain_assembly_news *news,
                                    struct vain_state_letter *out)
{
    const uint64_t start_ms = vain_members_now_ms(members);
    ask_holders(members, &news->holders);
    while (!all_answered(members, &news->holders) &&
           vain_members_now_ms(members) - start_ms < VAIN_MEMBERS_ANSWER_MS)
        VAIN_TRY(vain_members_wait(members));
    distrust_liars(members, news);
    const struct vain_state_letter *said = most_said(members, news);
    if (said == NULL)
        return VAIN_AGAIN;
    *out = *said;
    return VAIN_OK;
}

static bool says(const struct vain_members *members, const struct vain_assembly_news *news,
                 int member, const struct vain_state_letter *target)
{
    const struct vain_acquaintance *known = &members->known[member];
    uint8_t said[VAIN_STATE_LETTER_BYTES], wanted[VAIN_STATE_LETTER_BYTES];
    if (!vain_set_has(&news->holders, member) || !known->answered)
        return false;
    vain_state_letter_encode(&known->state, said);
    vain_state_letter_encode(target, wanted);
    return memcmp(said, wanted, sizeof said) == 0;
}

/* Whether so many say so that one of them is honest. */
static bool is_supported(const struct vain_members *members, const struct vain_assembly_news *news,
                         const struct vain_state_letter *target)
{
    int count = 0;
    for (int i = 0; i < members->count; i++)
        count += says(members, news, i, target);
    return count >= vain_quorum_witnesses(members->count);
}

/* ---- records --------------------------------------------------------------------------------- */

/* Those who took part, by the spec's list. */
static enum vain_status find_members(const struct vain_members *members,
                                     const struct vain_record *record, struct vain_set *out,
                                     struct vain_set *signers)
{
    *out = *signers = (struct vain_set){{0}};
    for (int i = 0, at = 0; i < record->member_count; i++) {
        while (at < members->count && memcmp(members->known[at].member.member_id,
                                             record->members[i].member_id, VAIN_HASH_BYTES) != 0)
            at++;
        if (at == members->count)
            return vain_fail(VAIN_ERR_AUTH,
                             "the record of round %llu names member '%s', whom the spec does not "
                             "list",
                             (unsigned long long)record->round, record->members[i].name);
        vain_set_add(out, at);
        if (!vain_is_zero(record->signatures + (size_t)i * VAIN_SIGNATURE_BYTES,
                          VAIN_SIGNATURE_BYTES))
            vain_set_add(signers, at);
    }
    return VAIN_OK;
}

/* Of one that does not follow the last record here, though it is of the next round: rounds are done
 * again in a later epoch, and more than f of all that are listed have signed that this one was. */
static bool shows_rounds_done_again(const struct vain_members *members,
                                    const struct vain_record *record,
                                    const struct vain_set *signers)
{
    return record->round == members->record_round + 1 &&
           record->epoch > members->record_line.epoch &&
           vain_set_count(signers) >= vain_quorum_witnesses(members->count);
}

/* Whether those who took part could agree on the round, and enough of them have signed. */
static enum vain_status check_record(struct vain_members *members,
                                     const struct vain_record_decoded *decoded,
                                     const struct vain_set *set, const struct vain_set *signers)
{
    const struct vain_record *record = &decoded->record;
    struct vain_record_needs needs;
    if (memcmp(record->spec_hash, members->config.spec_hash, VAIN_HASH_BYTES) != 0)
        return vain_fail(VAIN_ERR_REFUSED, "the record of round %llu is of another spec",
                         (unsigned long long)record->round);
    if (decoded->signature_count < vain_quorum_witnesses(record->member_count))
        return vain_fail(VAIN_ERR_AUTH,
                         "the record of round %llu has %d signatures of %d members, too few to "
                         "contain an honest one",
                         (unsigned long long)record->round, decoded->signature_count,
                         record->member_count);
    members->other_chain =
        memcmp(record->previous, members->holding->record_head, VAIN_HASH_BYTES) != 0;
    members->done_again = members->other_chain && shows_rounds_done_again(members, record, signers);
    if (members->other_chain)
        return vain_fail(VAIN_ERR_CORRUPT,
                         "the record of round %llu does not follow the one that is here",
                         (unsigned long long)record->round);
    if (record->round <= members->record_until &&
        !vain_record_line_take(&members->record_line, record->epoch, set, signers, &needs))
        return vain_fail(VAIN_ERR_AUTH,
                         "the record of round %llu, epoch %llu, has %d members and %d signatures: "
                         "fewer than %d members, or %d signatures, of those who decide about it",
                         (unsigned long long)record->round, (unsigned long long)record->epoch,
                         record->member_count, decoded->signature_count, needs.members,
                         needs.signatures);
    return VAIN_OK;
}

/* The record with the own head, from the one of `record_round` on: a fetch that was cut short may
 * have put more of them there. Not known: there is none, or none that this build and list can read.
 */
static enum vain_status find_own_record(struct vain_members *members, const char *path,
                                        struct vain_record_member *record_members,
                                        uint8_t *signatures)
{
    struct vain_record_decoded decoded;
    struct vain_set set, signers;
    int64_t offset = 0;
    for (uint64_t round = members->record_round; round > 0;) {
        size_t got = 0, used = 0;
        enum vain_status status = vain_record_read_after(path, round - 1, members->record_part,
                                                         VAIN_RECORD_BYTES_MAX, &got, &offset);
        if (status == VAIN_OK && got > 0)
            status = vain_record_decode(members->record_part, got, record_members, signatures,
                                        members->count, &decoded, &used);
        if (status == VAIN_OK && got > 0)
            status = find_members(members, &decoded.record, &set, &signers);
        if (status != VAIN_OK || got == 0)
            break;
        members->record_round = decoded.record.round;
        round = decoded.record.round + 1;
        if (memcmp(decoded.hash, members->holding->record_head, VAIN_HASH_BYTES) != 0)
            continue;
        vain_record_line_trust(&members->record_line, decoded.record.epoch, &set);
        vain_recorded_state_note(&members->recorded, &decoded.record, &set);
        break;
    }
    vain_fail_clear();
    return VAIN_OK;
}

/* What the own file ends with is what others' records go on from. */
static enum vain_status read_last_record(struct vain_members *members)
{
    struct vain_record_member *record_members = NULL;
    uint8_t *signatures = NULL;
    char path[VAIN_PATH_BYTES];
    enum vain_status status;
    vain_record_line_start(&members->record_line, members->count);
    members->recorded.known = false;
    /* It may have got some of them when it had finished none. */
    if (members->record_round == 0 && !vain_is_zero(members->holding->record_head, VAIN_HASH_BYTES))
        members->record_round = 1;
    vain_record_path(members->config.directory, path);
    VAIN_TRY_OUT(vain_take_array(members->count, sizeof *record_members, "members of a record",
                                 (void **)&record_members));
    VAIN_TRY_OUT(vain_take_array(members->count, VAIN_SIGNATURE_BYTES, "signatures of a record",
                                 (void **)&signatures));
    VAIN_TRY_OUT(find_own_record(members, path, record_members, signatures));
out:
    vain_release(record_members);
    vain_release(signatures);
    return status;
}

static enum vain_status take_frame(struct vain_members *members, const uint8_t *data, size_t bytes,
                                   size_t *used)
{
    struct vain_record_decoded decoded;
    struct vain_record_member *record_members = NULL;
    uint8_t *signatures = NULL;
    struct vain_set set, signers;
    enum vain_status status;
    VAIN_TRY_OUT(vain_take_array(members->count, sizeof *record_members, "members of a record",
                                 (void **)&record_members));
    VAIN_TRY_OUT(vain_take_array(members->count, VAIN_SIGNATURE_BYTES, "signatures of a record",
                                 (void **)&signatures));
    VAIN_TRY_OUT(vain_record_decode(data, bytes, record_members, signatures, members->count,
                                    &decoded, used));
    VAIN_TRY_OUT(find_members(members, &decoded.record, &set, &signers));
    VAIN_TRY_OUT(check_record(members, &decoded, &set, &signers));
    if (decoded.record.round > members->record_until) {
        status = VAIN_END;
        goto out;
    }
    VAIN_TRY_OUT(vain_record_file_append(members->config.record, data, *used));
    memcpy(members->holding->record_head, decoded.hash, VAIN_HASH_BYTES);
    members->record_round = decoded.record.round;
    vain_recorded_state_note(&members->recorded, &decoded.record, &set);
out:
    vain_release(record_members);
    vain_release(signatures);
    return status;
}

/* The frames of a letter into the record file, as far as the state goes that is fetched: those who
 * give it have gone on meanwhile. */
static void take_frames(struct vain_members *members, int member, const uint8_t *frames,
                        size_t bytes)
{
    if (member != members->record_giver)
        return;
    for (size_t used = 0; bytes > 0 && members->record_status == VAIN_OK;
         frames += used, bytes -= used) {
        members->record_status = take_frame(members, frames, bytes, &used);
        if (members->record_status == VAIN_END) {
            members->record_status = VAIN_OK;
            return;
        }
        if (members->record_status == VAIN_ERR_STORAGE || members->record_status == VAIN_ERR_MEMORY)
            vain_members_end_run(members, members->record_status); /* no fault of the giver's */
        if (members->record_status > 0)
            members->record_status =
                vain_fail(VAIN_ERR_CORRUPT, "a record is cut short in a letter");
    }
}

/* VAIN_OK: an answer has come and was taken. */
static enum vain_status ask_records(struct vain_members *members)
{
    const int giver = members->record_giver;
    const uint64_t start_ms = vain_members_now_ms(members);
    uint8_t body[VAIN_RECORD_ASK_BYTES];
    for (int i = 0; i < VAIN_RECORD_ASK_BYTES; i++)
        body[i] = (uint8_t)(members->record_round >> 8 * i);
    members->record_came = false;
    vain_members_send(members, giver, VAIN_LETTER_RECORD_ASK, body, sizeof body);
    while (!members->record_came && vain_mailbox_has(members->mailbox, giver) &&
           vain_members_now_ms(members) - start_ms < VAIN_MEMBERS_ANSWER_MS)
        VAIN_TRY(vain_members_wait(members));
    VAIN_TRY(members->record_status);
    return members->record_came ? VAIN_OK : VAIN_AGAIN;
}

/* Records from the one that this member has to that of the state. A member that holds it holds them
 * too: VAIN_ERR_CORRUPT otherwise. */
static enum vain_status fetch_from(struct vain_members *members, int giver)
{
    enum vain_status status = VAIN_OK;
    members->record_giver = giver;
    members->record_status = VAIN_OK;
    members->other_chain = members->done_again = false;
    members->take_record = take_frames;
    while (status == VAIN_OK && members->record_round < members->record_until) {
        const uint64_t before = members->record_round;
        if (atomic_load(members->config.signal) != 0) {
            status = VAIN_STOPPED;
            break;
        }
        status = ask_records(members);
        if (status == VAIN_OK && members->record_round == before)
            status = vain_fail(VAIN_ERR_CORRUPT, "member '%s' has no record of round %llu",
                               vain_members_name(members, giver), (unsigned long long)before + 1);
    }
    members->take_record = NULL;
    return status;
}

static bool has_records_of(const struct vain_members *members,
                           const struct vain_state_letter *target)
{
    return memcmp(members->holding->record_head, target->record_head, VAIN_HASH_BYTES) == 0;
}

/* Each time another one: who was asked last may stand still. */
static int next_giver(struct vain_members *members, const struct vain_set *holders)
{
    const int giver = vain_set_next(holders, members->record_giver + 1);
    return giver >= 0 ? giver : vain_set_next(holders, 0);
}

/* The own chain has left theirs somewhere. What was saved of it goes first: a start in between must
 * not find a checkpoint whose record is not there. Nor is what is held any to go on from now. */
static enum vain_status leave_chain(struct vain_members *members)
{
    static const uint8_t none[VAIN_HASH_BYTES];
    struct vain_holding *holding = members->holding;
    int64_t discarded = 0;
    int files = 0;
    VAIN_TRY(vain_store_set_aside(members->config.directory, members->config.world, -1, true,
                                  vain_members_name(members, members->own), &files));
    VAIN_TRY(vain_record_file_rewind(members->config.record, none, &discarded));
    if (discarded > 0)
        vain_event_notice(members->config.events,
                          "the others have done again rounds that this member had signed, and "
                          "went on from theirs; its %lld records are set aside in "
                          "record-discarded-*.bin of its folder, its %d checkpoints and files in "
                          "*.aside-*, and theirs are taken",
                          (long long)discarded, files);
    memset(holding->record_head, 0, VAIN_HASH_BYTES);
    memset(holding->parameters_hash, 0, VAIN_HASH_BYTES);
    members->record_round = 0;
    members->recorded.known = false;
    vain_record_line_start(&members->record_line, members->count);
    return VAIN_OK;
}

/* The own chain goes on with theirs, or, if it has left theirs somewhere, is set aside and fetched
 * from its start: for what more than f have signed and say, and not because one has none to give.
 */
static enum vain_status fetch_records(struct vain_members *members,
                                      const struct vain_assembly_news *news,
                                      const struct vain_state_letter *target)
{
    const int giver = next_giver(members, &news->holders);
    members->record_until = target->round;
    VAIN_TRY(read_last_record(members));
    if (has_records_of(members, target))
        return VAIN_OK;
    enum vain_status status = fetch_from(members, giver);
    const bool other_end = status == VAIN_OK && !has_records_of(members, target);
    if (other_end || members->other_chain) {
        const bool shown = other_end || members->done_again;
        vain_fail_clear();
        if (members->record_round > 0 && !(shown && is_supported(members, news, target)))
            return VAIN_AGAIN;
        VAIN_TRY(leave_chain(members));
        status = fetch_from(members, giver);
    }
    if (members->fatal != VAIN_OK)
        return status;
    if (status < 0) {
        vain_event_notice(members->config.events, "%s", vain_fail_message());
        distrust(members, giver, "gave records that do not hold");
    }
    VAIN_TRY(status < 0 ? VAIN_AGAIN : status);
    return has_records_of(members, target) ? VAIN_OK : VAIN_AGAIN;
}

/* ---- what was signed ------------------------------------------------------------------------- */

/* Of the state that is here others need only say how it stands in the common work. */
static bool is_own_state(const struct vain_members *members, const struct vain_state_letter *target)
{
    const struct vain_holding *holding = members->holding;
    return (uint64_t)holding->round == target->round && has_records_of(members, target) &&
           memcmp(holding->parameters_hash, target->parameters_hash, VAIN_HASH_BYTES) == 0;
}

/* No honest member counts epochs so far ahead that they could be used up. */
static bool is_far_ahead(const struct vain_members *members, const struct vain_state_letter *target)
{
    const uint64_t recorded = members->recorded.known ? members->recorded.epoch : 0;
    const uint64_t here = members->epoch > recorded ? members->epoch : recorded;
    return target->epoch > here && target->epoch - here > VAIN_EPOCHS_AHEAD;
}

static const char *contradiction(const struct vain_members *members,
                                 const struct vain_state_letter *target)
{
    const bool without_record = vain_is_zero(target->record_head, VAIN_HASH_BYTES);
    const char *wrong = NULL;
    if (without_record && target->round != 0)
        return "it has finished rounds and no record of them";
    if (is_far_ahead(members, target))
        return "its epoch is out of all reach";
    if (!is_own_state(members, target))
        wrong = vain_recorded_state_contradiction(&members->recorded, target);
    return wrong != NULL ? wrong
                         : vain_recorded_state_epoch_contradiction(&members->recorded, target,
                                                                   members->count);
}

/* Whatever a holder says of the state, its record is signed by members of that round: a state that
 * is not the one there is not taken. What no record says takes more than f who say it: the state
 * before the first round, and that a later epoch is under way. VAIN_AGAIN: not now. */
static enum vain_status check_target(struct vain_members *members,
                                     const struct vain_assembly_news *news,
                                     const struct vain_state_letter *target)
{
    const char *wrong = contradiction(members, target);
    char text[256];
    if (wrong == NULL)
        return vain_recorded_state_settles(&members->recorded, target) ||
                       is_supported(members, news, target)
                   ? VAIN_OK
                   : VAIN_AGAIN;
    snprintf(text, sizeof text, "describes a state that is not the one that was signed: %s,",
             wrong);
    for (int i = 0; i < members->count; i++) {
        if (says(members, news, i, target))
            distrust(members, i, text);
    }
    return VAIN_AGAIN;
}

/* ---- vectors --------------------------------------------------------------------------------- */

static enum vain_status send_ask(void *context, int member, uint16_t kind, const void *body,
                                 size_t bytes)
{
    struct vain_members *members = context;
    return vain_mailbox_send(members->mailbox, member, kind, body, bytes);
}

static void say_verdicts(struct vain_members *members)
{
    struct vain_fetch_verdict verdict;
    while (vain_fetch_next_verdict(members->fetch, &verdict))
        distrust(members, verdict.member, vain_fetch_fault_text(verdict.fault));
}

/* Those who were asked and give nothing for too long. False: nobody else can be asked. */
static bool note_late(struct vain_members *members)
{
    const uint64_t now_ms = vain_members_now_ms(members);
    bool others = true;
    for (int i = 0; i < members->count; i++) {
        if (i == members->own || vain_fetch_awaited(members->fetch, i) == 0)
            members->awaited_since_ms[i] = now_ms;
        else if (now_ms - members->awaited_since_ms[i] > VAIN_MEMBERS_PART_MS)
            others = vain_fetch_late(members->fetch, i) && others;
    }
    return others;
}

/* VAIN_AGAIN: nobody who was asked gives it; look again who holds what. */
static enum vain_status run_fetch(struct vain_members *members)
{
    const struct vain_fetch_sender sender = {send_ask, members};
    for (;;) {
        enum vain_status status = vain_fetch_step(members->fetch, &sender);
        if (status < 0)
            return status;
        say_verdicts(members);
        const bool others = note_late(members);
        status = vain_fetch_outcome(members->fetch);
        if (status == VAIN_ERR_PEER)
            return VAIN_AGAIN;
        if (status != VAIN_AGAIN)
            return status;
        if (atomic_load(members->config.signal) != 0)
            return VAIN_STOPPED;
        if (!others)
            return VAIN_AGAIN;
        VAIN_TRY(vain_members_wait(members));
    }
}

static enum vain_status fetch_vector(struct vain_members *members,
                                     const struct vain_assembly_news *news, const uint8_t *root,
                                     float *vector)
{
    const struct vain_fetch_config config = {.root = root,
                                             .state = (uint8_t *)(void *)vector,
                                             .bytes = (size_t)members->holding->parameter_count *
                                                      sizeof(float),
                                             .members = members->count,
                                             .own = members->own,
                                             .number = ++members->fetch_number};
    VAIN_TRY(vain_fetch_open(&config, &members->fetch));
    vain_fetch_have(members->fetch);
    for (int i = 0; i < members->count; i++)
        members->awaited_since_ms[i] = vain_members_now_ms(members);
    for (int i = vain_set_next(&news->holders, 0); i >= 0;
         i = vain_set_next(&news->holders, i + 1)) {
        if (vain_mailbox_has(members->mailbox, i))
            vain_fetch_joined(members->fetch, i);
    }
    const enum vain_status status = run_fetch(members);
    members->holding->fetched_bytes += (int64_t)config.bytes;
    vain_fetch_close(&members->fetch);
    return status;
}

static enum vain_status fetch_vectors(struct vain_members *members,
                                      const struct vain_assembly_news *news,
                                      const struct vain_state_letter *target)
{
    struct vain_holding *holding = members->holding;
    if (target->parameter_count != (uint64_t)holding->parameter_count)
        return VAIN_AGAIN;
    if (memcmp(target->parameters_hash, holding->parameters_hash, VAIN_HASH_BYTES) != 0)
        VAIN_TRY(fetch_vector(members, news, target->parameters_hash, holding->parameters));
    if (holding->momentum != NULL && !vain_is_zero(target->momentum_hash, VAIN_HASH_BYTES))
        VAIN_TRY(fetch_vector(members, news, target->momentum_hash, holding->momentum));
    return VAIN_OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* Where the state stands in the common work. */
static enum vain_status take_place(struct vain_members *members,
                                   const struct vain_state_letter *target)
{
    if (!target->starting || target->epoch > members->epoch)
        members->epoch = target->epoch;
    members->running = !target->starting;
    members->voters = target->voters;
    members->fetched_round = members->holding->round;
    return VAIN_OK;
}

/* A few that claim a state and do not give it, or too few say what only they can know. If they are
 * honest, others will say so soon. */
static void doubt_few(struct vain_members *members, const struct vain_assembly_news *news)
{
    const struct vain_set *holders = &news->holders;
    if (vain_set_count(holders) >= vain_quorum_witnesses(members->count))
        return;
    for (int i = vain_set_next(holders, 0); i >= 0; i = vain_set_next(holders, i + 1)) {
        vain_event_notice(members->config.events,
                          "member '%s' says that it is ahead, and what it holds could not be had "
                          "or is not borne out; it is not heard for some seconds",
                          vain_members_name(members, i));
        vain_assembly_doubt(members->assembly, i);
    }
}

/* One try with those who hold the latest state now. */
static enum vain_status try_fetch(struct vain_members *members,
                                  const struct vain_assembly_news *news)
{
    struct vain_holding *holding = members->holding;
    struct vain_state_letter target;
    int files;
    VAIN_TRY(learn_state(members, news, &target));
    VAIN_TRY(fetch_records(members, news, &target));
    VAIN_TRY(check_target(members, news, &target));
    if (is_own_state(members, &target))
        return take_place(members, &target);
    /* From here on the vectors are neither what they were nor what they will be. */
    const bool other = memcmp(target.parameters_hash, holding->parameters_hash, VAIN_HASH_BYTES);
    holding->codec = target.codec;
    const enum vain_status status = fetch_vectors(members, news, &target);
    if (other && status != VAIN_OK)
        memset(holding->parameters_hash, 0, VAIN_HASH_BYTES);
    VAIN_TRY(status);
    holding->round = (int64_t)target.round;
    memcpy(holding->run_id, target.run_id, VAIN_RUN_ID_BYTES);
    memcpy(holding->parameters_hash, target.parameters_hash, VAIN_HASH_BYTES);
    VAIN_TRY(take_place(members, &target));
    return vain_store_set_aside(members->config.directory, members->config.world, holding->round,
                                true, vain_members_name(members, members->own), &files);
}

enum vain_status vain_members_fetch(struct vain_federation *federation,
                                    struct vain_holding *holding)
{
    struct vain_members *members = (struct vain_members *)federation;
    const int64_t deadline_ms = members->config.job->exchange.deadline_ms;
    uint64_t since_ms = vain_members_now_ms(members), fruitless_since_ms = since_ms;
    vain_assembly_unready(members->assembly);
    members->holding = holding;
    members->lends = false;
    members->record_round = (uint64_t)holding->round;
    holding->fetched_bytes = 0;
    vain_members_close_use(members);
    for (;;) {
        struct vain_assembly_news news;
        const bool behind = vain_assembly_behind(members->assembly, &news);
        /* Half of another state is none to go on from. */
        if (!behind && !vain_is_zero(holding->parameters_hash, VAIN_HASH_BYTES))
            return VAIN_OK;
        uint8_t head[VAIN_HASH_BYTES];
        memcpy(head, holding->record_head, sizeof head);
        const enum vain_status status = behind ? try_fetch(members, &news) : VAIN_AGAIN;
        if (status != VAIN_AGAIN)
            return status;
        /* The others go on meanwhile; as long as something comes, this one comes nearer. */
        const uint64_t now_ms = vain_members_now_ms(members);
        if (memcmp(head, holding->record_head, sizeof head) != 0)
            since_ms = fruitless_since_ms = now_ms;
        if (behind && now_ms - fruitless_since_ms > VAIN_MEMBERS_FRUITLESS_MS) {
            doubt_few(members, &news);
            fruitless_since_ms = now_ms;
        }
        if (atomic_load(members->config.signal) != 0)
            return VAIN_STOPPED;
        if (now_ms - since_ms > (uint64_t)deadline_ms)
            return vain_fail(VAIN_ERR_TIMEOUT,
                             "member '%s' is behind the others, and nobody could give it what they "
                             "hold within %lld ms (exchange.deadline)",
                             vain_members_name(members, members->own), (long long)deadline_ms);
        VAIN_TRY(vain_members_wait(members));
    }
}

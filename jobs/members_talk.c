/* Letters in and out. The first one each way is a hello: who it is, and that the agreed keys of the
 * specs are equal; nothing else is looked at before. A member that writes what does not fit is cut
 * off, and may come again. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "collectives/quorum.h"
#include "jobs/counted_stream.h"
#include "jobs/member_card.h"
#include "jobs/members_state.h"
#include "jobs/store/record_read.h"

uint64_t vain_members_now_ms(const struct vain_members *members)
{
    return members->config.world->ops->now_ns(members->config.world) / 1000000;
}

const char *vain_members_name(const struct vain_members *members, int member)
{
    return members->known[member].member.name;
}

void vain_members_list(const struct vain_members *members, const struct vain_set *set, char *out,
                       size_t bytes)
{
    size_t length = 0;
    out[0] = '\0';
    for (int i = vain_set_next(set, 0); i >= 0 && length < bytes; i = vain_set_next(set, i + 1))
        length += (size_t)snprintf(out + length, bytes - length, "%s'%s'", length > 0 ? ", " : "",
                                   vain_members_name(members, i));
}

void vain_members_send(struct vain_members *members, int member, uint16_t kind, const void *body,
                       size_t bytes)
{
    const enum vain_status status = vain_mailbox_send(members->mailbox, member, kind, body, bytes);
    if (status == VAIN_AGAIN) /* it has not read 4 MiB of letters */
        vain_mailbox_drop(members->mailbox, member, "it does not read its letters");
}

void vain_members_send_signature(struct vain_members *members, int member)
{
    if (members->signature_bytes > 0 && vain_set_has(&members->signed_set, member) &&
        member != members->own)
        vain_members_send(members, member, VAIN_LETTER_SIGNATURE, members->signature,
                          members->signature_bytes);
}

/* ---- how much is read ------------------------------------------------------------------------ */

/* What a member sends costs the others' time: verifying a signature 0.1 ms, a part of the state as
 * much. So a pump reads so many letters and lets the assembly know the time, and each member has a
 * stock of letters that fills up as time passes. A thousand a second are what an honest member can
 * need: votes of all for one that stands still, or parts of a state, 512 MiB a second. Beyond that
 * letters wait in their stream, and hold their sender back. */
enum {
    PUMP_LETTERS = 64,   /* and ... */
    PUMP_EACH = 16,      /* ... of each member, which says a second where it stands */
    STOCK_LETTERS = 256, /* and two a member; one comes back each millisecond */
    WALK_LETTERS = 512,  /* what an ask for records costs by which the file is walked once more */
    MISFITS_MAX = 16,    /* on one stream */
    SAY_AGAIN_MS = 60000
};

static void begin_pump(struct vain_members *members)
{
    const uint64_t now_ms = vain_members_now_ms(members);
    const int most = STOCK_LETTERS + 2 * members->count;
    members->letters = PUMP_LETTERS + PUMP_EACH * members->count;
    for (int i = 0; i < members->count; i++) {
        struct vain_acquaintance *known = &members->known[i];
        const uint64_t more = now_ms - known->letters_ms, room = (uint64_t)(most - known->letters);
        known->letters += (int)(more < room ? more : room);
        known->letters_ms = now_ms;
        if (i != members->own)
            vain_mailbox_hold(members->mailbox, i, known->letters <= 0);
    }
}

static void charge(struct vain_members *members, int member, int letters)
{
    struct vain_acquaintance *known = &members->known[member];
    known->letters -= letters;
    if (known->letters <= 0)
        vain_mailbox_hold(members->mailbox, member, true);
}

/* Whether it may be said that `member` was cut off. */
static bool may_say(struct vain_members *members, int member)
{
    struct vain_acquaintance *known = &members->known[member];
    const uint64_t now_ms = vain_members_now_ms(members);
    if (known->cut_off_said_ms != 0 && now_ms - known->cut_off_said_ms < SAY_AGAIN_MS)
        return false;
    known->cut_off_said_ms = now_ms;
    return true;
}

/* ---- meeting --------------------------------------------------------------------------------- */

static void greet(struct vain_members *members, int member)
{
    members->known[member].greeted = false;
    vain_members_send(members, member, VAIN_LETTER_HELLO, members->hello, members->hello_bytes);
}

void vain_members_cut_off(struct vain_members *members, int member, const char *why)
{
    if (may_say(members, member))
        vain_event_notice(members->config.events, "member '%s' was cut off: %s",
                          vain_members_name(members, member), why);
    vain_mailbox_drop(members->mailbox, member, why);
}

/* Other things may be said before anybody looks. */
void vain_members_end_run(struct vain_members *members, enum vain_status status)
{
    members->fatal = status;
    snprintf(members->fatal_message, sizeof members->fatal_message, "%s", vain_fail_message());
}

/* Whether the run is on its way: here, before this start too, or as somebody says who is there. */
static bool has_begun(struct vain_members *members)
{
    struct vain_assembly_news news;
    if (members->running || members->epoch != 0 ||
        (members->holding != NULL && members->holding->round > 0))
        return true;
    return vain_assembly_behind(members->assembly, &news) &&
           ((news.target.flags & VAIN_POSITION_STARTING) == 0 || news.target.round > 0);
}

/* A member that trains something else counts as not there. The run does not begin if that leaves
 * too few; one that is on its way goes on, also where it goes on from a file or in a new epoch, so
 * that no letter ends it. */
static void set_aside(struct vain_members *members, int member, const char *what,
                      const char *way_out)
{
    struct vain_acquaintance *known = &members->known[member];
    const bool news = strcmp(known->other, what) != 0;
    int fitting = 0;
    snprintf(known->other, sizeof known->other, "%s", what);
    for (int i = 0; i < members->count; i++)
        fitting += members->known[i].other[0] == '\0';
    if (news && may_say(members, member))
        vain_event_notice(members->config.events, "member '%s' was cut off: %s; %s",
                          vain_members_name(members, member), what, way_out);
    if (fitting < vain_members_start_quorum(members) && !has_begun(members))
        vain_members_end_run(members, vain_fail(VAIN_ERR_REFUSED, "member '%s': %s; %s",
                                                vain_members_name(members, member), what, way_out));
    vain_mailbox_drop(members->mailbox, member, what);
}

/* Specs differ: the other side is sent the own text, and says in what. */
static void send_spec(struct vain_members *members, int member)
{
    const char *text = members->config.spec_resolved;
    const size_t bytes = strlen(text);
    vain_members_send(members, member, VAIN_LETTER_SPEC, text,
                      bytes < VAIN_LETTER_BYTES_MAX ? bytes : VAIN_LETTER_BYTES_MAX);
}

static void take_hello(struct vain_members *members, int member, const uint8_t *body, size_t bytes)
{
    struct vain_acquaintance *known = &members->known[member];
    const struct vain_federation_members_config *config = &members->config;
    struct vain_hello_letter hello;
    struct vain_record_member claimed;
    if (!vain_hello_letter_decode(body, bytes, &hello)) {
        vain_members_cut_off(members, member, "its first letter is no hello of this version");
        return;
    }
    if (vain_member_card_accept(hello.card, hello.card_bytes, config->world, &claimed) != VAIN_OK ||
        vain_member_card_check(&claimed, &config->spec->members[known->listed],
                               "a member that connected") != VAIN_OK) {
        vain_members_cut_off(members, member, vain_fail_message());
        vain_fail_clear();
        return;
    }
    if (memcmp(hello.spec_hash, config->spec_hash, VAIN_HASH_BYTES) != 0) {
        send_spec(members, member);
        return; /* it is not greeted; its own spec is on its way here */
    }
    if (memcmp(hello.group_id, members->group_id, VAIN_HASH_BYTES) != 0 ||
        memcmp(hello.corpus_hash, members->corpus_hash, VAIN_HASH_BYTES) != 0) {
        set_aside(members, member, "its data have other symbols than those here",
                  "use data.symbols: bytes, or files with the same characters");
        return;
    }
    known->member = claimed;
    snprintf(known->platform, sizeof known->platform, "%s", hello.platform);
    known->met = known->greeted = true;
    known->other[0] = '\0';
    known->lost_ms = 0;
    known->misfits = 0;
    known->finished = false;
    vain_assembly_link(members->assembly, member, true);
    vain_members_send_signature(members, member); /* it may have been lost with the last link */
}

static void take_spec(struct vain_members *members, int member, const uint8_t *body, size_t bytes)
{
    char differences[192], what[sizeof members->known[member].other];
    char *there = NULL;
    if (vain_take(bytes + 1, "another member's spec", (void **)&there) != VAIN_OK)
        return;
    memcpy(there, body, bytes);
    there[bytes] = '\0';
    vain_spec_differences(members->config.spec, there, members->config.spec_resolved, differences,
                          sizeof differences);
    vain_release(there);
    snprintf(what, sizeof what, "its spec has other agreed keys: %s",
             differences[0] != '\0' ? differences : "compare what 'vain explain' prints");
    set_aside(members, member, what, "use one spec at all members");
}

/* ---- state ----------------------------------------------------------------------------------- */

void vain_members_lend(struct vain_members *members)
{
    members->lent_parameters.hashed = members->lent_momentum.hashed = false;
}

static size_t vector_bytes(const struct vain_members *members)
{
    return (size_t)members->holding->parameter_count * sizeof(float);
}

static enum vain_status hash_lent(struct vain_members *members, struct vain_lent *lent,
                                  const float *vector)
{
    const size_t bytes = vector_bytes(members);
    const size_t count = vain_merkle_leaf_count(bytes, VAIN_MERKLE_LEAF_BYTES);
    if (lent->hashed)
        return VAIN_OK;
    if (lent->leaves == NULL)
        VAIN_TRY(vain_take_array((int64_t)count, VAIN_HASH_BYTES, "hashes of the state",
                                 (void **)&lent->leaves));
    vain_merkle_leaves(vector, bytes, VAIN_MERKLE_LEAF_BYTES, members->config.pool, lent->leaves);
    vain_merkle_root_of_leaves(lent->leaves, count, lent->root);
    lent->hashed = true;
    return VAIN_OK;
}

void vain_members_describe(struct vain_members *members, struct vain_state_letter *out)
{
    const struct vain_holding *holding = members->holding;
    memset(out, 0, sizeof *out);
    out->epoch = members->epoch;
    out->round = (uint64_t)holding->round;
    out->starting = !members->running;
    out->voters = vain_assembly_voters(members->assembly);
    memcpy(out->run_id, holding->run_id, VAIN_RUN_ID_BYTES);
    memcpy(out->parameters_hash, holding->parameters_hash, VAIN_HASH_BYTES);
    memcpy(out->record_head, holding->record_head, VAIN_HASH_BYTES);
    out->codec = holding->codec;
    out->parameter_count = (uint64_t)holding->parameter_count;
}

static void answer_state(struct vain_members *members, int member)
{
    struct vain_state_letter state;
    uint8_t body[VAIN_STATE_LETTER_BYTES];
    if (members->holding == NULL || !members->lends) { /* not now: an answer without a body */
        vain_members_send(members, member, VAIN_LETTER_STATE, "", 0);
        return;
    }
    vain_members_describe(members, &state);
    if (members->holding->momentum != NULL) {
        if (hash_lent(members, &members->lent_momentum, members->holding->momentum) != VAIN_OK)
            return;
        memcpy(state.momentum_hash, members->lent_momentum.root, VAIN_HASH_BYTES);
    }
    vain_state_letter_encode(&state, body);
    vain_members_send(members, member, VAIN_LETTER_STATE, body, sizeof body);
}

/* Which of the two vectors has the root that is asked for; NULL: neither. */
static const struct vain_fetch_source *source_of(struct vain_members *members, const uint8_t *body,
                                                 size_t bytes, struct vain_fetch_source *out)
{
    const struct vain_holding *holding = members->holding;
    struct vain_lent *lent = &members->lent_parameters;
    const float *vector = NULL;
    if (holding == NULL || !members->lends || bytes < VAIN_HASH_BYTES)
        return NULL;
    if (memcmp(body, holding->parameters_hash, VAIN_HASH_BYTES) == 0) {
        vector = holding->parameters;
    } else if (members->lent_momentum.hashed &&
               memcmp(body, members->lent_momentum.root, VAIN_HASH_BYTES) == 0) {
        vector = holding->momentum;
        lent = &members->lent_momentum;
    }
    if (vector == NULL || hash_lent(members, lent, vector) != VAIN_OK)
        return NULL;
    *out = (struct vain_fetch_source){.root = lent->root,
                                      .state = (const uint8_t *)(const void *)vector,
                                      .bytes = vector_bytes(members),
                                      .leaves = lent->leaves,
                                      .leaf_bytes = VAIN_MERKLE_LEAF_BYTES};
    return out;
}

static void answer_fetch(struct vain_members *members, int member,
                         const struct vain_mailbox_event *event)
{
    struct vain_fetch_source source;
    const struct vain_fetch_source *found = source_of(members, event->body, event->bytes, &source);
    if (vain_fetch_answer(found, event->letter, event->body, event->bytes, members->answer) !=
        VAIN_OK) {
        vain_members_cut_off(members, member, vain_fail_message());
        vain_fail_clear();
        return;
    }
    vain_members_send(members, member, (uint16_t)members->answer->kind, members->answer->body,
                      members->answer->bytes);
}

static void answer_record(struct vain_members *members, int member, const uint8_t *body,
                          size_t bytes)
{
    char path[VAIN_PATH_BYTES];
    size_t got = 0;
    uint64_t round = 0;
    if (bytes != VAIN_RECORD_ASK_BYTES) {
        vain_members_cut_off(members, member, "it asks for records in no way that is known");
        return;
    }
    for (int i = 7; i >= 0; i--)
        round = round << 8 | body[i];
    int64_t *hint = &members->known[member].record_offset;
    const int64_t before = *hint;
    vain_record_path(members->config.directory, path);
    if (vain_record_read_after(path, round, members->record_part, VAIN_RECORD_BYTES_MAX, &got,
                               hint) != VAIN_OK) {
        vain_fail_clear();
        got = 0;
    }
    if (*hint < before)
        charge(members, member, WALK_LETTERS);
    vain_members_send(members, member, VAIN_LETTER_RECORD, members->record_part, got);
}

static void take_state(struct vain_members *members, int member, const uint8_t *body, size_t bytes)
{
    struct vain_acquaintance *known = &members->known[member];
    known->asked -= known->asked > 0;
    if (bytes == 0)
        return;
    if (vain_state_letter_decode(body, bytes, members->count, &known->state))
        known->answered = known->asked == 0; /* an earlier answer may be of an earlier state */
    else
        vain_members_cut_off(members, member, "it describes what it holds in no way that is known");
}

static void take_fetched(struct vain_members *members, const struct vain_mailbox_event *event)
{
    const int member = event->member, awaited = vain_fetch_awaited(members->fetch, member);
    vain_fetch_take(members->fetch, member, event->letter, event->body, event->bytes);
    if (vain_fetch_awaited(members->fetch, member) < awaited)
        members->awaited_since_ms[member] = vain_members_now_ms(members);
}

void vain_members_sign_nothing(struct vain_members *members, const struct vain_vote *vote)
{
    uint8_t body[VAIN_SIGNATURE_LETTER_BYTES_MAX];
    const struct vain_signature_letter letter = {
        .epoch = vote->epoch, .round = vote->round, .body = body};
    const size_t bytes = vain_signature_letter_encode(&letter, body);
    for (int i = vain_set_next(&vote->set, 0); i >= 0; i = vain_set_next(&vote->set, i + 1)) {
        if (i != members->own && members->known[i].greeted)
            vain_members_send(members, i, VAIN_LETTER_SIGNATURE, body, bytes);
    }
}

static bool has_answered(const struct vain_members *members, int member)
{
    const struct vain_acquaintance *known = &members->known[member];
    return known->signed_epoch == members->proposal.epoch &&
           known->signed_round == members->proposal.round;
}

bool vain_members_has_signed(const struct vain_members *members, int member, size_t bytes)
{
    return has_answered(members, member) && members->known[member].signature_bytes == bytes;
}

bool vain_members_all_have_signed(const struct vain_members *members, size_t bytes)
{
    const struct vain_set *set = &members->proposal.set;
    const int needed = vain_quorum_witnesses(vain_set_count(set));
    int signatures = 1, to_come = 0, to_come_back = 0;
    for (int i = vain_set_next(set, 0); i >= 0; i = vain_set_next(set, i + 1)) {
        const struct vain_acquaintance *known = &members->known[i];
        if (i == members->own)
            continue;
        if (vain_members_has_signed(members, i, bytes))
            signatures++;
        else if (known->greeted)
            to_come += !(has_answered(members, i) && known->signature_bytes == 0);
        else
            to_come_back += !known->left_in_order;
    }
    return to_come == 0 && (signatures >= needed || to_come_back == 0);
}

static void take_signature(struct vain_members *members, int member, const uint8_t *body,
                           size_t bytes)
{
    struct vain_acquaintance *known = &members->known[member];
    struct vain_signature_letter letter;
    if (!vain_signature_letter_decode(body, bytes, &letter)) {
        vain_members_cut_off(members, member, "its signature of a round is none");
        return;
    }
    known->signed_epoch = letter.epoch;
    known->signed_round = letter.round;
    known->signature_bytes = letter.bytes;
    memcpy(known->signature, letter.body, letter.bytes);
}

/* ---- the mailbox ----------------------------------------------------------------------------- */

/* A vote of another member that this one passed on may be signed with a key which that one had at
 * the time, and only here its next one is known: it is nobody's fault. */
static bool is_own_doing(const struct vain_members *members, const struct vain_mailbox_event *event)
{
    struct vain_vote vote;
    return event->letter != VAIN_LETTER_VOTE ||
           !vain_vote_decode(event->body, event->bytes, members->count, &vote) ||
           vote.voter == event->member;
}

static void take_assembly_letter(struct vain_members *members,
                                 const struct vain_mailbox_event *event)
{
    struct vain_acquaintance *known = &members->known[event->member];
    const uint64_t before = vain_assembly_misfits(members->assembly);
    vain_assembly_letter(members->assembly, event->member, event->letter, event->body,
                         event->bytes);
    if (vain_assembly_misfits(members->assembly) == before || !is_own_doing(members, event))
        return;
    known->misfits++;
    if (known->misfits >= MISFITS_MAX)
        vain_members_cut_off(members, event->member,
                             "it goes on to send letters that do not fit, or that it has not "
                             "signed");
}

static void take_letter(struct vain_members *members, const struct vain_mailbox_event *event)
{
    const int member = event->member;
    const uint8_t *body = event->body;
    switch (event->letter) {
    case VAIN_LETTER_POSITION:
    case VAIN_LETTER_PROPOSAL:
    case VAIN_LETTER_ACK:
    case VAIN_LETTER_VOTE:
        take_assembly_letter(members, event);
        break;
    case VAIN_LETTER_STATE_ASK:
        answer_state(members, member);
        break;
    case VAIN_LETTER_STATE:
        take_state(members, member, body, event->bytes);
        break;
    case VAIN_LETTER_RECORD_ASK:
        answer_record(members, member, body, event->bytes);
        break;
    case VAIN_LETTER_RECORD:
        if (members->take_record == NULL || member != members->record_giver)
            break; /* of nobody who was asked */
        members->record_came = true;
        members->take_record(members, member, body, event->bytes);
        break;
    case VAIN_LETTER_OPEN:
        vain_members_take_open(members, member, body, event->bytes);
        break;
    case VAIN_LETTER_SIGNATURE:
        take_signature(members, member, body, event->bytes);
        break;
    case VAIN_LETTER_FETCH_LEAVES_ASK:
    case VAIN_LETTER_FETCH_PART_ASK:
        answer_fetch(members, member, event);
        break;
    case VAIN_LETTER_FETCH_LEAVES:
    case VAIN_LETTER_FETCH_PART:
        if (members->fetch != NULL)
            take_fetched(members, event);
        break;
    default:
        vain_members_cut_off(members, member, "it sent a letter of a kind that is not known");
    }
}

static void take_first_letter(struct vain_members *members, const struct vain_mailbox_event *event)
{
    if (event->letter == VAIN_LETTER_HELLO)
        take_hello(members, event->member, event->body, event->bytes);
    else if (event->letter == VAIN_LETTER_SPEC)
        take_spec(members, event->member, event->body, event->bytes);
    else
        vain_members_cut_off(members, event->member, "its first letter is no hello");
}

void vain_members_say_loss(struct vain_members *members, int member, const char *how)
{
    struct vain_acquaintance *known = &members->known[member];
    struct vain_set left = vain_assembly_present(members->assembly);
    left = vain_set_both(&left, &members->voters);
    vain_set_remove(&left, member);
    known->left_out = false;
    if (known->told_lost)
        return;
    known->told_lost = true;
    members->base.counts.members_lost++;
    const int left_count = vain_set_count(&left), voter_count = vain_set_count(&members->voters);
    const char *again = members->failure[0] != '\0' ? ", and the exchange is done again" : "";
    const long long round = (long long)members->holding->round + 1;
    const char *name = vain_members_name(members, member);
    if (left_count >= vain_quorum(voter_count))
        vain_event_notice(members->config.events, "round %lld: member '%s' %s; %d of %d go on%s",
                          round, name, how, left_count, voter_count, again);
    else
        vain_event_notice(members->config.events,
                          "round %lld: member '%s' %s; %d of the last round's %d are left, and to "
                          "go on takes %d of them, or %d of all %d that are listed: waiting for "
                          "others to come back%s",
                          round, name, how, left_count, voter_count, vain_quorum(voter_count),
                          vain_quorum(members->count), members->count, again);
    members->failure[0] = '\0';
}

/* Those who were in it and have been told to be lost are the reason. */
void vain_members_say_failure(struct vain_members *members)
{
    struct vain_set lost = {{0}};
    const long long round = (long long)members->holding->round + 1;
    char names[400];
    if (members->failure[0] == '\0')
        return;
    for (int i = vain_set_next(&members->failed_set, 0); i >= 0;
         i = vain_set_next(&members->failed_set, i + 1)) {
        if (members->known[i].left_out)
            return; /* told with it */
        if (members->known[i].told_lost)
            vain_set_add(&lost, i);
    }
    vain_members_list(members, &lost, names, sizeof names);
    if (names[0] != '\0')
        vain_event_notice(members->config.events,
                          "round %lld: the exchange is done again without %s", round, names);
    else
        vain_event_notice(members->config.events,
                          "round %lld: the exchange came to nothing and is done again: %s", round,
                          members->failure);
    members->failure[0] = '\0';
}

static void note_loss(struct vain_members *members, int member, const char *why)
{
    struct vain_acquaintance *known = &members->known[member];
    struct vain_connector *connector = members->config.connector;
    const bool goes_on = members->running && !members->leaving &&
                         members->holding->round < members->config.job->train.rounds;
    if (known->greeted && goes_on && vain_set_has(&members->voters, member)) {
        char how[256];
        snprintf(how, sizeof how, "is gone (%s)", why);
        vain_members_say_loss(members, member,
                              vain_assembly_leaves(members->assembly, member) ? "has left" : how);
    }
    if (known->greeted) {
        known->lost_ms = vain_members_now_ms(members);
        known->left_in_order = vain_assembly_leaves(members->assembly, member);
        known->finished = known->left_in_order &&
                          vain_assembly_is_at(members->assembly, member,
                                              (uint64_t)members->config.job->train.rounds);
        vain_assembly_link(members->assembly, member, false);
    }
    known->greeted = known->answered = false;
    known->asked = 0;
    if (members->fetch != NULL)
        vain_fetch_lost(members->fetch, member);
    if (!vain_mailbox_has(members->mailbox, member))
        connector->ops->lost_mailbox(connector, known->listed);
}

static void take_letters(struct vain_members *members)
{
    struct vain_mailbox_event event = {.kind = VAIN_MAILBOX_NOTHING};
    while (members->letters > 0) {
        vain_mailbox_poll(members->mailbox, &event);
        if (event.kind == VAIN_MAILBOX_NOTHING)
            return;
        if (event.kind == VAIN_MAILBOX_JOINED)
            greet(members, event.member);
        if (event.kind == VAIN_MAILBOX_LOST)
            note_loss(members, event.member, event.why);
        if (event.kind != VAIN_MAILBOX_LETTER)
            continue;
        members->letters--;
        charge(members, event.member, 1);
        if (members->known[event.member].greeted)
            take_letter(members, &event);
        else
            take_first_letter(members, &event);
    }
}

/* What came on the stream that `inner` replaces is read first: it may say why that one ended. */
static void take_stream(struct vain_members *members, int member, struct vain_stream *inner)
{
    struct vain_connector *connector = members->config.connector;
    struct vain_acquaintance *known = &members->known[member];
    struct vain_stream *counted = NULL;
    take_letters(members);
    /* Nothing but a hello goes out first on what is new. */
    if (known->greeted)
        vain_assembly_link(members->assembly, member, false);
    known->greeted = false;
    if (vain_counted_stream(inner, &members->base.counts.bytes_sent, &counted) == VAIN_OK)
        vain_mailbox_set_stream(members->mailbox, member, counted);
    else
        connector->ops->lost_mailbox(connector, known->listed);
}

enum vain_status vain_members_pump(struct vain_members *members)
{
    struct vain_connector *connector = members->config.connector;
    begin_pump(members);
    for (int i = 0; i < members->count; i++) {
        struct vain_stream *inner = NULL;
        if (i != members->own &&
            connector->ops->take_mailbox(connector, members->known[i].listed, &inner) == VAIN_OK)
            take_stream(members, i, inner);
    }
    take_letters(members);
    vain_assembly_tick(members->assembly, vain_members_now_ms(members));
    return members->fatal == VAIN_OK ? VAIN_OK
                                     : vain_fail(members->fatal, "%s", members->fatal_message);
}

enum vain_status vain_members_wait(struct vain_members *members)
{
    const struct vain_connector *connector = members->config.connector;
    const int descriptor =
        connector->ops->descriptor != NULL ? connector->ops->descriptor(connector) : -1;
    vain_mailbox_wait(members->mailbox, descriptor, VAIN_MEMBERS_WAIT_MS);
    return vain_members_pump(members);
}

enum vain_status vain_members_talk_open(struct vain_members *members)
{
    const struct vain_federation_members_config *config = &members->config;
    uint8_t card[VAIN_CARD_BYTES_MAX];
    struct vain_hello_letter hello;
    memset(&hello, 0, sizeof hello);
    memcpy(hello.group_id, members->group_id, VAIN_HASH_BYTES);
    memcpy(hello.spec_hash, config->spec_hash, VAIN_HASH_BYTES);
    memcpy(hello.corpus_hash, members->corpus_hash, VAIN_HASH_BYTES);
    snprintf(hello.platform, sizeof hello.platform, "%s", config->platform);
    VAIN_TRY(vain_member_card_make(config->signer, vain_members_name(members, members->own), card,
                                   &hello.card_bytes));
    hello.card = card;
    members->hello_bytes = vain_hello_letter_encode(&hello, members->hello);
    VAIN_TRY(vain_member_card_accept(card, hello.card_bytes, config->world,
                                     &members->known[members->own].member));
    snprintf(members->known[members->own].platform, VAIN_PLATFORM_BYTES, "%s", config->platform);
    VAIN_TRY(
        vain_take(VAIN_RECORD_BYTES_MAX, "records for others", (void **)&members->record_part));
    VAIN_TRY(vain_take(sizeof *members->answer, "a part for others", (void **)&members->answer));
    return vain_mailbox_open(members->count, members->own, &members->mailbox);
}

void vain_members_talk_close(struct vain_members *members)
{
    vain_mailbox_close(&members->mailbox);
    vain_release(members->lent_parameters.leaves);
    vain_release(members->lent_momentum.leaves);
    vain_release(members->record_part);
    vain_release(members->answer);
}

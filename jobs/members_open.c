/* Opening a sum among members on their own hosts: every member gives its secret to all; of who is
 * gone, or silent, the others give their shares. Who has everything stays helpful: a share that
 * comes later says that its sender lacks a secret, which it is then given. */
#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "base/memory.h"
#include "jobs/members_state.h"

enum {
    SECRET = 1,
    SHARE = 2,
    SILENCE_MS = 2000, /* a member that lives has given its secret in that time */
    GIVE_UP_MS = 15000 /* without any progress: too few are left that hold shares */
};

/* u64 epoch | u64 round | u32 attempt | u16 what | u16 dealer's place in the set | value[32] */
struct open_letter {
    uint64_t epoch, round;
    uint32_t attempt;
    uint16_t what, dealer;
    uint8_t value[VAIN_SCALAR_BYTES];
};

static void encode(const struct open_letter *letter,
                   uint8_t out[VAIN_MIN_LEN(VAIN_OPEN_LETTER_BYTES)])
{
    struct vain_writer writer;
    vain_writer_init(&writer, out, VAIN_OPEN_LETTER_BYTES);
    vain_write_u64(&writer, letter->epoch);
    vain_write_u64(&writer, letter->round);
    vain_write_u32(&writer, letter->attempt);
    vain_write_u16(&writer, letter->what);
    vain_write_u16(&writer, letter->dealer);
    vain_write_bytes(&writer, letter->value, sizeof letter->value);
    VAIN_ASSERT(!writer.failed && writer.position == VAIN_OPEN_LETTER_BYTES);
}

static bool decode(const uint8_t *data, size_t bytes, struct open_letter *out)
{
    struct vain_reader reader;
    vain_reader_init(&reader, data, bytes);
    out->epoch = vain_read_u64(&reader);
    out->round = vain_read_u64(&reader);
    out->attempt = vain_read_u32(&reader);
    out->what = vain_read_u16(&reader);
    out->dealer = vain_read_u16(&reader);
    vain_read_bytes(&reader, out->value, sizeof out->value);
    return vain_reader_done(&reader) && (out->what == SECRET || out->what == SHARE);
}

static void start_letter(const struct vain_members *members, uint16_t what, int dealer,
                         struct open_letter *out)
{
    *out = (struct open_letter){.epoch = members->proposal.epoch,
                                .round = members->proposal.round,
                                .attempt = members->proposal.attempt,
                                .what = what,
                                .dealer = (uint16_t)dealer};
}

static void send_to_set(struct vain_members *members, const struct open_letter *letter)
{
    const struct vain_set *set = &members->proposal.set;
    uint8_t body[VAIN_OPEN_LETTER_BYTES];
    encode(letter, body);
    for (int i = vain_set_next(set, 0); i >= 0; i = vain_set_next(set, i + 1)) {
        if (i != members->own && members->known[i].greeted)
            vain_members_send(members, i, VAIN_LETTER_OPEN, body, sizeof body);
    }
    vain_wipe(body, sizeof body);
}

/* ---- what comes ------------------------------------------------------------------------------ */

static bool same_attempt(const struct vain_waiting_open *slot, const struct open_letter *letter)
{
    return slot->epoch == letter->epoch && slot->round == letter->round &&
           slot->attempt == letter->attempt;
}

/* Letters come before this member has begun to open: they wait, one of each kind and dealer, of
 * each sender a few, of the attempt that it spoke of last. */
static void keep_letter(struct vain_members *members, int member, const struct open_letter *letter)
{
    struct vain_waiting_open *slot = NULL;
    int kept = 0;
    for (int i = 0; i < members->waiting_open_count && slot == NULL; i++) {
        struct vain_waiting_open *there = &members->waiting_open[i];
        if (there->member != member)
            continue;
        kept++;
        if (!same_attempt(there, letter) ||
            (there->what == letter->what && there->dealer == letter->dealer))
            slot = there;
    }
    if (letter->dealer >= members->count || (slot == NULL && kept == VAIN_MEMBERS_OPEN_EACH))
        return; /* it is asked for again when it is missing */
    if (slot == NULL)
        slot = &members->waiting_open[members->waiting_open_count++];
    *slot = (struct vain_waiting_open){.member = member,
                                       .epoch = letter->epoch,
                                       .round = letter->round,
                                       .attempt = letter->attempt,
                                       .what = letter->what,
                                       .dealer = letter->dealer};
    memcpy(slot->value, letter->value, sizeof slot->value);
}

/* Its sender lacks a secret that is known here. */
static void help(struct vain_members *members, int member, int dealer)
{
    struct open_letter letter;
    uint8_t body[VAIN_OPEN_LETTER_BYTES];
    start_letter(members, SECRET, dealer, &letter);
    memcpy(letter.value, vain_opening_secret(members->opening, dealer), sizeof letter.value);
    encode(&letter, body);
    vain_members_send(members, member, VAIN_LETTER_OPEN, body, sizeof body);
}

static void say_wrong(struct vain_members *members, int member, const char *what, int dealer)
{
    const int of = vain_set_at(&members->proposal.set, dealer);
    struct vain_acquaintance *known = &members->known[member];
    if (vain_set_has(&known->wrong_said, dealer))
        return;
    vain_set_add(&known->wrong_said, dealer);
    vain_event_notice(members->config.events,
                      "round %lld: member '%s' disclosed %s of the own mask of '%s' that is not "
                      "what was dealt",
                      (long long)members->proposal.round + 1, vain_members_name(members, member),
                      what, vain_members_name(members, of));
}

static void use_letter(struct vain_members *members, int member, const struct open_letter *letter)
{
    const int holder = vain_set_place(&members->proposal.set, member), dealer = letter->dealer;
    if (holder < 0 || dealer >= vain_opening_members(members->opening))
        return;
    if (letter->what == SECRET) {
        if (!vain_opening_take_secret(members->opening, dealer, letter->value))
            say_wrong(members, member, "a secret", dealer);
        return;
    }
    if (dealer != holder &&
        !vain_opening_take_share(members->opening, holder, dealer, letter->value))
        say_wrong(members, member, "a share", dealer);
    if (vain_opening_knows(members->opening, dealer))
        help(members, member, dealer);
}

static bool is_of_opening(const struct vain_members *members, uint64_t epoch, uint64_t round,
                          uint32_t attempt)
{
    return members->opening != NULL && epoch == members->proposal.epoch &&
           round == members->proposal.round && attempt == members->proposal.attempt;
}

void vain_members_take_open(struct vain_members *members, int member, const uint8_t *body,
                            size_t bytes)
{
    struct open_letter letter;
    if (!decode(body, bytes, &letter)) {
        vain_members_cut_off(members, member, "it discloses in no way that is known");
        return;
    }
    if (is_of_opening(members, letter.epoch, letter.round, letter.attempt))
        use_letter(members, member, &letter);
    else
        keep_letter(members, member, &letter);
    vain_wipe(&letter, sizeof letter);
}

static void use_waiting(struct vain_members *members)
{
    for (int i = 0; i < members->waiting_open_count; i++) {
        const struct vain_waiting_open *slot = &members->waiting_open[i];
        struct open_letter letter = {slot->epoch, slot->round,  slot->attempt,
                                     slot->what,  slot->dealer, {0}};
        memcpy(letter.value, slot->value, sizeof letter.value);
        if (is_of_opening(members, slot->epoch, slot->round, slot->attempt))
            use_letter(members, slot->member, &letter);
        vain_wipe(&letter, sizeof letter);
    }
    vain_wipe(members->waiting_open,
              (size_t)members->waiting_open_capacity * sizeof *members->waiting_open);
    members->waiting_open_count = 0;
}

/* ---- the way of an opening ------------------------------------------------------------------- */

static void disclose_own(struct vain_members *members)
{
    struct open_letter letter;
    start_letter(members, SECRET, vain_opening_own(members->opening), &letter);
    vain_opening_disclose(members->opening, letter.value);
    send_to_set(members, &letter);
    vain_wipe(&letter, sizeof letter);
}

/* Of a member that gives nothing: the own share, to all. */
static void disclose_share(struct vain_members *members, int dealer)
{
    struct open_letter letter;
    const int holder = vain_opening_own(members->opening);
    start_letter(members, SHARE, dealer, &letter);
    if (vain_opening_share(members->opening, dealer, letter.value)) {
        (void)vain_opening_take_share(members->opening, holder, dealer, letter.value);
        send_to_set(members, &letter);
    }
    vain_wipe(&letter, sizeof letter);
}

/* Shares of all that are missing and gone, or silent for a while; again each while, since others
 * may have come back meanwhile. */
static void disclose_shares(struct vain_members *members, bool *given, bool silence)
{
    const struct vain_set *set = &members->proposal.set;
    for (int i = vain_set_next(set, 0), place = 0; i >= 0; i = vain_set_next(set, i + 1), place++) {
        if (i == members->own || vain_opening_knows(members->opening, place))
            continue;
        if (silence || (!members->known[i].greeted && !given[place])) {
            given[place] = true;
            disclose_share(members, place);
        }
    }
}

static enum vain_status wait_for_secrets(struct vain_members *members, bool *given)
{
    uint64_t progress_ms = vain_members_now_ms(members), silent_since_ms = progress_ms;
    for (int before = -1; vain_opening_missing(members->opening) > 0;) {
        const uint64_t now_ms = vain_members_now_ms(members);
        const bool silence = now_ms - silent_since_ms > SILENCE_MS;
        if (silence)
            silent_since_ms = now_ms;
        disclose_shares(members, given, silence);
        const int missing = vain_opening_missing(members->opening);
        if (missing != before)
            progress_ms = now_ms;
        before = missing;
        if (now_ms - progress_ms > GIVE_UP_MS)
            return VAIN_AGAIN;
        if (missing > 0)
            VAIN_TRY(vain_members_wait(members));
    }
    return VAIN_OK;
}

/* Whose secret neither came nor could be put together. Who has dealt this member a share that does
 * not fit is to blame, wherever it is; who has not, and is there, gave nothing. It costs the round,
 * so the next ones are tried without it. */
static void suspect_silent(struct vain_members *members)
{
    const struct vain_set *set = &members->proposal.set;
    struct vain_set silent = {{0}};
    for (int i = vain_set_next(set, 0), place = 0; i >= 0; i = vain_set_next(set, i + 1), place++) {
        if (i == members->own || vain_opening_knows(members->opening, place))
            continue;
        const bool wrong = vain_opening_share_is_wrong(members->opening, place);
        vain_event_notice(members->config.events,
                          "round %lld: the own mask of member '%s'%s cannot be taken off%s; the "
                          "sum is lost",
                          (long long)members->proposal.round + 1, vain_members_name(members, i),
                          members->known[i].greeted ? ", which is there," : "",
                          wrong ? ", and a share of it that it dealt is wrong" : "");
        if (wrong)
            vain_assembly_suspect(members->assembly, set, i);
        else if (members->known[i].greeted)
            vain_set_add(&silent, i);
    }
    if (vain_set_count(&silent) > 0)
        vain_assembly_suspect(members->assembly, &silent, -1);
}

enum vain_status vain_members_open(struct vain_federation *federation, struct vain_opening *opening)
{
    struct vain_members *members = (struct vain_members *)federation;
    bool *given = NULL;
    members->opening = opening;
    for (int i = 0; i < members->count; i++)
        members->known[i].wrong_said = (struct vain_set){{0}};
    VAIN_TRY(vain_take_array(vain_opening_members(opening), sizeof *given, "own masks",
                             (void **)&given));
    disclose_own(members);
    use_waiting(members);
    const enum vain_status status = wait_for_secrets(members, given);
    vain_release(given);
    if (status == VAIN_AGAIN) {
        suspect_silent(members);
        vain_members_lose_sum(members);
    }
    members->lends = status != VAIN_OK; /* vectors move now */
    return status;
}

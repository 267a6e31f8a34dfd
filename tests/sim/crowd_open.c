/* Own masks come off in a crowd: who has given out its secret, and of whom there are shares enough,
 * without their numbers. A letter names all whose secrets or shares its sender gives. */
#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "tests/sim/crowd.h"

enum { SECRET = 1, SHARE = 2 };

struct open_letter {
    uint64_t epoch, round;
    uint32_t attempt;
    uint32_t what;
    struct vain_set dealers; /* places in the set */
};
static_assert(sizeof(struct open_letter) <= sizeof((struct crowd_early *)0)->body, "one is kept");

static struct open_letter start_letter(const struct member *member, uint32_t what)
{
    return (struct open_letter){.epoch = member->proposal.epoch,
                                .round = member->proposal.round,
                                .attempt = member->proposal.attempt,
                                .what = what};
}

static void send_to_set(struct member *member, const struct open_letter *letter)
{
    const struct vain_set *set = &member->proposal.set;
    for (int place = vain_set_next(&letter->dealers, 0);
         place >= 0 && vain_sim_is_up(member->plan->sim, member->index);
         place = vain_set_next(&letter->dealers, place + 1))
        judge_discloses(member->plan->judge, member->index, vain_set_at(set, place),
                        &member->proposal);
    for (int i = vain_set_next(set, 0); i >= 0; i = vain_set_next(set, i + 1)) {
        if (i != member->index && member->greeted[i])
            member_send(member, i, VAIN_LETTER_OPEN, letter, sizeof *letter);
    }
}

/* ---- what comes ------------------------------------------------------------------------------ */

static void know(struct crowd_seat *seat, int place)
{
    vain_set_add(&seat->known, place);
    seat->known_count++;
}

static void take_secret(struct member *member, int place)
{
    struct crowd_seat *seat = crowd_seat_of(member);
    if (vain_set_has(&seat->known, place))
        return;
    member->plan->crowd->counts.secrets_checked++;
    know(seat, place);
}

static void take_share(struct member *member, int holder, int place)
{
    struct crowd_seat *seat = crowd_seat_of(member);
    struct crowd_counts *counts = &member->plan->crowd->counts;
    const uint64_t threshold = (uint64_t)member->use.threshold;
    if (vain_set_has(&seat->known, place) || vain_set_has(&seat->givers[place], holder))
        return;
    vain_set_add(&seat->givers[place], holder);
    if (++seat->shares[place] < member->use.threshold)
        return;
    counts->share_steps += 2 * threshold * threshold;
    counts->secrets_checked++;
    counts->secrets_recovered++;
    know(seat, place);
}

static void use_letter(struct member *member, int from, const struct open_letter *letter)
{
    const struct crowd_seat *seat = crowd_seat_of(member);
    const int holder = vain_set_place(&member->proposal.set, from);
    struct open_letter help = start_letter(member, SECRET);
    for (int place = vain_set_next(&letter->dealers, 0); place >= 0;
         place = vain_set_next(&letter->dealers, place + 1)) {
        if (letter->what == SECRET)
            take_secret(member, place);
        else if (vain_set_has(&seat->known, place))
            vain_set_add(&help.dealers, place); /* its sender lacks what is known here */
        else
            take_share(member, holder, place);
    }
    if (vain_set_next(&help.dealers, 0) >= 0)
        member_send(member, from, VAIN_LETTER_OPEN, &help, sizeof help);
}

static bool is_of_opening(const struct member *member, const struct open_letter *letter)
{
    return member->phase == MEMBER_OPEN && letter->epoch == member->proposal.epoch &&
           letter->round == member->proposal.round && letter->attempt == member->proposal.attempt;
}

void member_open_take(struct member *member, int from, const uint8_t *body, size_t bytes)
{
    struct crowd_seat *seat = crowd_seat_of(member);
    struct open_letter letter;
    VAIN_ASSERT(bytes == sizeof letter);
    memcpy(&letter, body, bytes);
    if (is_of_opening(member, &letter)) {
        use_letter(member, from, &letter);
        return;
    }
    if (member->phase == MEMBER_OPEN || member->phase == MEMBER_DONE)
        return;
    seat->early =
        judge_room(seat->early, seat->early_count, &seat->early_room, sizeof *seat->early);
    struct crowd_early *early = &seat->early[seat->early_count++];
    early->from = from;
    early->bytes = bytes;
    memcpy(early->body, body, bytes);
}

/* ---- the way of an opening ------------------------------------------------------------------- */

static void use_early_letters(struct member *member)
{
    struct crowd_seat *seat = crowd_seat_of(member);
    for (int i = 0; i < seat->early_count; i++) {
        struct open_letter letter;
        memcpy(&letter, seat->early[i].body, sizeof letter);
        if (is_of_opening(member, &letter))
            use_letter(member, seat->early[i].from, &letter);
    }
    seat->early_count = 0;
}

void member_open_begin(struct member *member)
{
    struct crowd_seat *seat = crowd_seat_of(member);
    const size_t members = (size_t)member->plan->members;
    struct open_letter letter = start_letter(member, SECRET);
    member_enter(member, MEMBER_OPEN);
    member->disclosed = true;
    member->progress_ms = member->silent_since_ms = member_now_ms(member);
    member->missing_before = -1;
    memset(member->given, 0, members * sizeof *member->given);
    memset(seat->shares, 0, members * sizeof *seat->shares);
    memset(seat->givers, 0, members * sizeof *seat->givers);
    seat->known = (struct vain_set){{0}};
    seat->known_count = 0;
    know(seat, member->use.rank);
    vain_set_add(&letter.dealers, member->use.rank);
    send_to_set(member, &letter);
    use_early_letters(member);
}

static void give_shares(struct member *member, bool silence)
{
    const struct vain_set *set = &member->proposal.set;
    const struct crowd_seat *seat = crowd_seat_of(member);
    struct open_letter letter = start_letter(member, SHARE);
    for (int i = vain_set_next(set, 0), place = 0; i >= 0; i = vain_set_next(set, i + 1), place++) {
        if (vain_set_has(&seat->known, place) || (!silence && member->greeted[i]) ||
            (member->given[place] && !silence))
            continue;
        vain_set_add(&letter.dealers, place);
        take_share(member, member->use.rank, place);
        member->given[place] = true;
    }
    const int given = vain_set_count(&letter.dealers);
    member->plan->crowd->counts.shares_sent += (uint64_t)given;
    if (given > 0)
        send_to_set(member, &letter);
}

enum vain_status member_open_look(struct member *member)
{
    const struct crowd_seat *seat = crowd_seat_of(member);
    const uint64_t now_ms = member_now_ms(member);
    const bool silence = now_ms - member->silent_since_ms > MEMBER_SILENCE_MS;
    if (seat->known_count < member->use.size) {
        if (silence)
            member->silent_since_ms = now_ms;
        give_shares(member, silence);
    }
    const int missing = member->use.size - seat->known_count;
    if (missing == 0)
        return VAIN_OK;
    if (missing != member->missing_before)
        member->progress_ms = now_ms;
    member->missing_before = missing;
    return now_ms - member->progress_ms > MEMBER_GIVE_UP_MS ? VAIN_ERR_TIMEOUT : VAIN_AGAIN;
}

/* Nobody lies in a crowd: who is there has given its secret. */
void member_open_suspect(struct member *member)
{
    (void)member;
}

void member_open_end(struct member *member)
{
    (void)member;
}

/* Own masks come off, as jobs/members_open.c: everybody gives its secret to all; of who is gone, or
 * silent, the others give their shares. */
#include <string.h>

#include "base/memory.h"
#include "tests/sim/federation_member.h"

enum { SECRET = 1, SHARE = 2, EARLY_EACH = 4 };

struct open_letter {
    uint64_t epoch, round;
    uint32_t attempt;
    uint16_t what, dealer; /* its place in the set */
    uint8_t value[VAIN_SCALAR_BYTES];
};
struct member_early {
    int from;
    struct open_letter letter;
};

static struct open_letter start_letter(const struct member *member, uint16_t what, int dealer)
{
    return (struct open_letter){.epoch = member->proposal.epoch,
                                .round = member->proposal.round,
                                .attempt = member->proposal.attempt,
                                .what = what,
                                .dealer = (uint16_t)dealer};
}

/* What is given out, not only passed on, is the judge's to see, if it is what it should be. */
static void send_to_set(struct member *member, struct open_letter *letter)
{
    const struct vain_set *set = &member->proposal.set;
    const enum telling telling = liar_gives(member, letter->what == SECRET, letter->value);
    if (telling == TELLS_NOTHING)
        return;
    if (telling == TELLS_TRUTH && vain_sim_is_up(member->plan->sim, member->index))
        judge_discloses(member->plan->judge, member->index, vain_set_at(set, letter->dealer),
                        &member->proposal);
    for (int i = vain_set_next(set, 0); i >= 0; i = vain_set_next(set, i + 1)) {
        if (i != member->index && member->greeted[i])
            member_send(member, i, VAIN_LETTER_OPEN, letter, sizeof *letter);
    }
}

/* ---- what comes ------------------------------------------------------------------------------ */

static void keep_letter(struct member *member, int from, const struct open_letter *letter)
{
    struct member_early *slot = NULL;
    for (int i = 0; i < member->early_count && slot == NULL; i++) {
        struct member_early *there = &member->early[i];
        if (there->from == from && there->letter.what == letter->what &&
            there->letter.dealer == letter->dealer)
            slot = there;
    }
    if (slot == NULL && member->early_count == EARLY_EACH * member->plan->members)
        return; /* it is asked for again when it is missing */
    if (slot == NULL) {
        member->early = judge_room(member->early, member->early_count, &member->early_room,
                                   sizeof *member->early);
        slot = &member->early[member->early_count++];
    }
    *slot = (struct member_early){from, *letter};
}

/* Its sender lacks a secret that is known here. */
static void help(struct member *member, int to, int dealer)
{
    struct open_letter letter = start_letter(member, SECRET, dealer);
    memcpy(letter.value, vain_opening_secret(member->use.opening, dealer), sizeof letter.value);
    if (liar_gives(member, true, letter.value) == TELLS_NOTHING)
        return;
    member_send(member, to, VAIN_LETTER_OPEN, &letter, sizeof letter);
}

static void use_letter(struct member *member, int from, const struct open_letter *letter)
{
    struct vain_opening *opening = member->use.opening;
    const int holder = vain_set_place(&member->proposal.set, from), dealer = letter->dealer;
    bool good = true;
    if (holder < 0 || dealer >= vain_opening_members(opening))
        return;
    if (letter->what == SECRET)
        good = vain_opening_take_secret(opening, dealer, letter->value);
    else if (dealer != holder)
        good = vain_opening_take_share(opening, holder, dealer, letter->value);
    if (!good)
        judge_finds_undealt(member->plan->judge, member->index, &member->proposal, from,
                            vain_set_at(&member->proposal.set, dealer));
    if (letter->what == SHARE && vain_opening_knows(opening, dealer))
        help(member, from, dealer);
}

static bool is_of_opening(const struct member *member, const struct open_letter *letter)
{
    return member->use.opening != NULL && letter->epoch == member->proposal.epoch &&
           letter->round == member->proposal.round && letter->attempt == member->proposal.attempt;
}

void member_open_take(struct member *member, int from, const uint8_t *body, size_t bytes)
{
    struct open_letter letter;
    VAIN_ASSERT(bytes == sizeof letter);
    memcpy(&letter, body, bytes);
    if (is_of_opening(member, &letter))
        use_letter(member, from, &letter);
    else
        keep_letter(member, from, &letter);
}

/* ---- the way of an opening ------------------------------------------------------------------- */

void member_open_begin(struct member *member)
{
    struct open_letter letter = start_letter(member, SECRET, member->use.rank);
    member_enter(member, MEMBER_OPEN);
    member->disclosed = true;
    member->progress_ms = member->silent_since_ms = member_now_ms(member);
    member->missing_before = -1;
    memset(member->given, 0, (size_t)member->plan->members * sizeof *member->given);
    vain_opening_disclose(member->use.opening, letter.value);
    send_to_set(member, &letter);
    for (int i = 0; i < member->early_count; i++) {
        if (is_of_opening(member, &member->early[i].letter))
            use_letter(member, member->early[i].from, &member->early[i].letter);
    }
    member->early_count = 0;
}

static void give_share(struct member *member, int dealer)
{
    struct open_letter letter = start_letter(member, SHARE, dealer);
    if (!vain_opening_share(member->use.opening, dealer, letter.value))
        return;
    (void)vain_opening_take_share(member->use.opening, member->use.rank, dealer, letter.value);
    send_to_set(member, &letter);
}

static void give_shares(struct member *member, bool silence)
{
    const struct vain_set *set = &member->proposal.set;
    for (int i = vain_set_next(set, 0), place = 0; i >= 0; i = vain_set_next(set, i + 1), place++) {
        if (i == member->index || vain_opening_knows(member->use.opening, place))
            continue;
        if (silence || (!member->greeted[i] && !member->given[place])) {
            member->given[place] = true;
            give_share(member, place);
        }
    }
}

enum vain_status member_open_look(struct member *member)
{
    const uint64_t now_ms = member_now_ms(member);
    const bool silence = now_ms - member->silent_since_ms > MEMBER_SILENCE_MS;
    if (vain_opening_missing(member->use.opening) > 0) {
        if (silence)
            member->silent_since_ms = now_ms;
        give_shares(member, silence);
    }
    const int missing = vain_opening_missing(member->use.opening);
    if (missing == 0)
        return VAIN_OK;
    if (missing != member->missing_before)
        member->progress_ms = now_ms;
    member->missing_before = missing;
    return now_ms - member->progress_ms > MEMBER_GIVE_UP_MS ? VAIN_ERR_TIMEOUT : VAIN_AGAIN;
}

static void blame(struct member *member, int dealer)
{
    judge_finds_undealt(member->plan->judge, member->index, &member->proposal, dealer, dealer);
    vain_assembly_suspect(member->assembly, &member->proposal.set, dealer);
}

void member_open_suspect(struct member *member)
{
    const struct vain_set *set = &member->proposal.set;
    struct vain_set silent = {{0}};
    for (int i = vain_set_next(set, 0), place = 0; i >= 0; i = vain_set_next(set, i + 1), place++) {
        if (i == member->index || vain_opening_knows(member->use.opening, place))
            continue;
        if (vain_opening_share_is_wrong(member->use.opening, place))
            blame(member, i);
        else if (member->greeted[i])
            vain_set_add(&silent, i);
    }
    if (vain_set_count(&silent) > 0)
        vain_assembly_suspect(member->assembly, &silent, -1);
}

void member_open_end(struct member *member)
{
    vain_secagg_end_attempt(member->use.secagg);
}

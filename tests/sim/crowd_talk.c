/* Letters of a crowd. One body lies in memory once; receivers take what has had its time to come.
 * Letters from one member come in order, those of different ones in any. */
#include <string.h>

#include "base/memory.h"
#include "tests/sim/crowd.h"

enum { LATENCY_MS = 40, NOTICE_MS = 400 };

/* ---- out ------------------------------------------------------------------------------------- */

static void let_go(struct crowd_letter *letter)
{
    if (letter != NULL && --letter->references == 0)
        vain_release(letter);
}

/* The last letter once more, if it says the same at the same time. */
static struct crowd_letter *letter_of(struct member *member, uint16_t kind, const void *body,
                                      size_t bytes)
{
    struct crowd_seat *seat = crowd_seat_of(member);
    struct crowd_letter *letter = seat->last;
    const uint64_t now_ns = vain_sim_now_ns(member->plan->sim);
    if (letter != NULL && letter->kind == kind && letter->sent_ns == now_ns &&
        letter->bytes == bytes && memcmp(letter->body, body, bytes) == 0)
        return letter;
    let_go(letter);
    VAIN_ASSERT(vain_take(sizeof *letter + bytes, "letter", (void **)&letter) == VAIN_OK);
    letter->references = 1;
    letter->from = member->index;
    letter->life = seat->life;
    letter->kind = kind;
    letter->sent_ns = now_ns;
    letter->bytes = bytes;
    memcpy(letter->body, body, bytes);
    seat->last = letter;
    return letter;
}

void member_send(struct member *member, int to, uint16_t kind, const void *body, size_t bytes)
{
    const struct federation_plan *plan = member->plan;
    if (!plan->all[to].alive || !vain_sim_is_up(plan->sim, member->index))
        return;
    struct crowd_lane *lane = &plan->crowd->seats[to].lanes[member->index % CROWD_LANES];
    lane->letters =
        judge_room(lane->letters, lane->count, &lane->room, sizeof(struct crowd_letter *));
    struct crowd_letter *letter = letter_of(member, kind, body, bytes);
    letter->references++;
    lane->letters[lane->count++] = letter;
    plan->crowd->counts.letters++;
}

/* ---- who is there ---------------------------------------------------------------------------- */

void crowd_note_change(struct member *member, bool up)
{
    struct crowd *crowd = member->plan->crowd;
    crowd->changes = judge_room(crowd->changes, crowd->change_count, &crowd->change_room,
                                sizeof *crowd->changes);
    crowd->changes[crowd->change_count++] = (struct crowd_change){
        vain_sim_now_ns(member->plan->sim), member->index, crowd->seats[member->index].life, up};
}

static void lose(struct member *member, int other)
{
    struct crowd_seat *seat = crowd_seat_of(member);
    if (seat->greeted[other] == 0)
        return;
    seat->greeted[other] = 0;
    member->greeted[other] = false;
    vain_assembly_link(member->assembly, other, false);
}

/* True: `other` is seen in this life, from now on at the latest. */
static bool meet(struct member *member, int other, uint32_t life)
{
    struct crowd_seat *seat = crowd_seat_of(member);
    if (seat->greeted[other] == life)
        return true;
    if (life < seat->greeted[other] || life < member->plan->crowd->seats[other].life ||
        !member->plan->all[other].alive)
        return false; /* late news of a life that is over */
    lose(member, other);
    seat->greeted[other] = life;
    member->greeted[other] = true;
    vain_assembly_link(member->assembly, other, true);
    return true;
}

static void look_around(struct member *member)
{
    const struct crowd *crowd = member->plan->crowd;
    struct crowd_seat *seat = crowd_seat_of(member);
    const uint64_t now_ns = vain_sim_now_ns(member->plan->sim);
    for (; seat->changes_seen < crowd->change_count; seat->changes_seen++) {
        const struct crowd_change *change = &crowd->changes[seat->changes_seen];
        if (change->at_ns + seat->notice_ns > now_ns)
            return;
        if (change->member == member->index)
            continue;
        if (change->up)
            (void)meet(member, change->member, change->life);
        else if (!change->up && seat->greeted[change->member] == change->life)
            lose(member, change->member);
    }
}

/* ---- in -------------------------------------------------------------------------------------- */

static void read_lane(struct member *member, struct crowd_lane *lane)
{
    const uint64_t now_ns = vain_sim_now_ns(member->plan->sim);
    while (lane->first < lane->count) {
        struct crowd_letter *letter = lane->letters[lane->first];
        if (letter->sent_ns + lane->latency_ns > now_ns)
            break;
        lane->first++;
        if (meet(member, letter->from, letter->life))
            member_take_letter(member, letter->from, letter->kind, letter->body, letter->bytes);
        let_go(letter);
    }
    if (lane->first > 0) {
        memmove(lane->letters, lane->letters + lane->first,
                (size_t)(lane->count - lane->first) * sizeof(struct crowd_letter *));
        lane->count -= lane->first;
        lane->first = 0;
    }
}

void member_pump(struct member *member)
{
    struct crowd_seat *seat = crowd_seat_of(member);
    look_around(member);
    for (int i = 0; i < CROWD_LANES; i++)
        read_lane(member, &seat->lanes[i]);
    vain_assembly_tick(member->assembly, member_now_ms(member));
}

/* ---- life ------------------------------------------------------------------------------------ */

enum vain_status member_talk_open(struct member *member)
{
    struct crowd_seat *seat = crowd_seat_of(member);
    const int64_t members = member->plan->members;
    seat->life++;
    seat->changes_seen = 0;
    seat->notice_ns = (1 + vain_sim_draw(&member->random, NOTICE_MS)) * (uint64_t)VAIN_SIM_MS;
    for (int i = 0; i < CROWD_LANES; i++)
        seat->lanes[i].latency_ns =
            (1 + vain_sim_draw(&member->random, LATENCY_MS)) * (uint64_t)VAIN_SIM_MS;
    VAIN_TRY(vain_take_array(members, sizeof *seat->greeted, "crowd", (void **)&seat->greeted));
    VAIN_TRY(vain_take_array(members, sizeof *member->greeted, "crowd", (void **)&member->greeted));
    crowd_note_change(member, true);
    return member_open_assembly(member);
}

static void drop_letters(struct crowd_seat *seat)
{
    for (int i = 0; i < CROWD_LANES; i++) {
        struct crowd_lane *lane = &seat->lanes[i];
        for (int k = lane->first; k < lane->count; k++)
            let_go(lane->letters[k]);
        vain_release((void *)lane->letters);
        *lane = (struct crowd_lane){0};
    }
    let_go(seat->last);
    seat->last = NULL;
}

void member_talk_close(struct member *member)
{
    struct crowd_seat *seat = crowd_seat_of(member);
    drop_letters(seat);
    vain_assembly_close(&member->assembly);
    vain_release(seat->greeted);
    vain_release(member->greeted);
    seat->greeted = NULL;
    member->greeted = NULL;
    seat->early_count = 0;
}

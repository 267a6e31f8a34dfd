#include "tests/unit/collectives/meeting_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"

uint64_t meeting_roll(struct meeting *meeting, uint64_t below)
{
    uint64_t x = meeting->dice += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return (x ^ x >> 31) % below;
}

static void violated(struct meeting *meeting, const struct seat *seat, const char *what)
{
    if (meeting->broken[0] == '\0')
        snprintf(meeting->broken, sizeof meeting->broken,
                 "seed %llu, %llu ms, member %d, round %llu: %s",
                 (unsigned long long)meeting->settings.seed, (unsigned long long)meeting->now_ms,
                 seat->index, (unsigned long long)seat->state.round, what);
}

/* ---- letters --------------------------------------------------------------------------------- */

static struct pair *pair_of(struct meeting *meeting, int from, int to)
{
    return &meeting->pairs[from * meeting->settings.members + to];
}

static void *or_abort(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

static void append(struct letters *letters, const struct letter *letter)
{
    if (letters->count == letters->room) {
        letters->room = letters->room * 2 + 16;
        letters->letter =
            or_abort(realloc(letters->letter, letters->room * sizeof *letters->letter));
    }
    letters->letter[letters->count++] = *letter;
}

static void drop_body(struct body *body)
{
    if (body != NULL && --body->references == 0)
        free(body);
}

static void drop_letters(struct letters *letters)
{
    for (size_t i = 0; i < letters->count; i++)
        drop_body(letters->letter[i].body);
    free(letters->letter);
    *letters = (struct letters){0};
}

/* The last one of the sender if it says the same. */
static struct body *body_of(struct seat *seat, uint16_t kind, const void *data, size_t bytes)
{
    struct body *told = seat->told;
    if (told == NULL || told->kind != kind || told->bytes != bytes ||
        memcmp(told->data, data, bytes) != 0) {
        drop_body(told);
        seat->told = told = or_abort(calloc(1, sizeof *told));
        told->references = 1;
        told->kind = kind;
        told->bytes = bytes;
        memcpy(told->data, data, bytes);
    }
    told->references++;
    return told;
}

void meeting_post(struct seat *seat, int member, uint16_t kind, const void *body, size_t bytes)
{
    struct meeting *meeting = seat->meeting;
    struct pair *pair = pair_of(meeting, seat->index, member);
    if (!pair->up)
        return;
    uint64_t at = meeting->now_ms + 1 + meeting_roll(meeting, MEETING_DELAY_MS_MAX);
    at = at < pair->last_at_ms ? pair->last_at_ms : at;
    pair->last_at_ms = at;
    const uint64_t step = (at + MEETING_STEP_MS - 1) / MEETING_STEP_MS;
    append(&meeting->coming[step % MEETING_SLOTS],
           &(struct letter){seat->index, member, pair->link, body_of(seat, kind, body, bytes)});
    meeting->result.letters++;
}

/* Letters wait for a member that is in an exchange. */
static void hand_over(struct meeting *meeting, const struct letter *letter)
{
    struct seat *to = &meeting->seats[letter->to];
    const struct pair *pair = pair_of(meeting, letter->from, letter->to);
    if (pair->up && pair->link == letter->link) {
        if (to->work == EXCHANGING) {
            append(&to->held, letter);
            return;
        }
        vain_assembly_letter(to->assembly, letter->from, letter->body->kind, letter->body->data,
                             letter->body->bytes);
    }
    drop_body(letter->body);
}

static void hand_over_all(struct meeting *meeting, struct letters *letters)
{
    struct letters now = *letters;
    *letters = (struct letters){0};
    for (size_t i = 0; i < now.count; i++)
        hand_over(meeting, &now.letter[i]);
    free(now.letter);
}

static void deliver(struct meeting *meeting)
{
    for (int i = 0; i < meeting->settings.members; i++) {
        if (meeting->seats[i].held.count > 0 && meeting->seats[i].work != EXCHANGING)
            hand_over_all(meeting, &meeting->seats[i].held);
    }
    hand_over_all(meeting, &meeting->coming[meeting->now_ms / MEETING_STEP_MS % MEETING_SLOTS]);
}

/* ---- what the assembly asks for -------------------------------------------------------------- */

static void seat_send(void *context, int member, uint16_t kind, const void *body, size_t bytes)
{
    struct seat *seat = context;
    if (seat->liar)
        liar_send(seat, member, kind, body, bytes);
    else
        meeting_post(seat, member, kind, body, bytes);
}

enum vain_status meeting_sign(void *context, const void *message, size_t bytes,
                              uint8_t out[VAIN_SIGNATURE_BYTES])
{
    const struct seat *seat = context;
    /* A stand-in that is as good here: keyed by the member's secret, checked with the same. */
    memset(out, 0, VAIN_SIGNATURE_BYTES);
    vain_hash_keyed(seat->seed, "test/sign", message, bytes, out);
    return VAIN_OK;
}

static bool seat_verify(void *context, int member, const void *message, size_t bytes,
                        const uint8_t signature[VAIN_SIGNATURE_BYTES])
{
    const struct seat *seat = context;
    uint8_t expected[VAIN_SIGNATURE_BYTES] = {0};
    vain_hash_keyed(seat->meeting->seats[member].seed, "test/sign", message, bytes, expected);
    return memcmp(expected, signature, sizeof expected) == 0;
}

static void seat_evidence(void *context, int member, const struct vain_vote *first,
                          const struct vain_vote *second)
{
    struct seat *seat = context;
    (void)first;
    (void)second;
    if (!seat->liar && !seat->meeting->seats[member].liar)
        violated(seat->meeting, seat, "a member has voted for two things in one round");
}

static const struct vain_assembly_ops seat_ops = {seat_send, meeting_sign, seat_verify,
                                                  seat_evidence};

/* ---- members --------------------------------------------------------------------------------- */

static void take_stand(struct seat *seat)
{
    struct vain_assembly_stand stand = {.epoch = seat->state.epoch,
                                        .round = seat->state.round,
                                        .starting = !seat->running,
                                        .voters = seat->state.voters};
    memcpy(stand.state_hash, seat->state.hash, VAIN_HASH_BYTES);
    vain_assembly_stand(seat->assembly, &stand);
}

static void work_on(struct seat *seat, enum work work, uint64_t most_ms)
{
    seat->work = work;
    seat->work_ends_ms = seat->meeting->now_ms + 1 + meeting_roll(seat->meeting, most_ms);
}

static void start(struct seat *seat)
{
    struct meeting *meeting = seat->meeting;
    struct vain_assembly_config config = {.ops = &seat_ops,
                                          .context = seat,
                                          .members = meeting->settings.members,
                                          .own = seat->index,
                                          .start_quorum = meeting->settings.start_quorum,
                                          .set_min = meeting->settings.set_min,
                                          .patience_ms = 3000,
                                          .voted = seat->saved_vote};
    memset(config.ballot, seat->index + 1, VAIN_BALLOT_BYTES);
    seat->alive = true;
    seat->running = false;
    seat->state = seat->saved;
    if (seat->saved_vote.epoch > seat->state.epoch)
        seat->state.epoch = seat->saved_vote.epoch;
    if (vain_assembly_open(&config, &seat->assembly) != VAIN_OK)
        abort();
    vain_assembly_tick(seat->assembly, meeting->now_ms);
    take_stand(seat);
    work_on(seat, TRAINING, 300);
}

static void set_link(struct meeting *meeting, int a, int b, bool up)
{
    struct pair *there = pair_of(meeting, a, b), *back = pair_of(meeting, b, a);
    if (there->up == up)
        return;
    there->up = back->up = up;
    there->link++;
    back->link++;
    there->last_at_ms = back->last_at_ms = 0;
    if (meeting->seats[a].alive)
        vain_assembly_link(meeting->seats[a].assembly, b, up);
    if (meeting->seats[b].alive)
        vain_assembly_link(meeting->seats[b].assembly, a, up);
}

static void crash(struct seat *seat)
{
    struct meeting *meeting = seat->meeting;
    vain_assembly_close(&seat->assembly);
    seat->alive = seat->exchanging = false;
    seat->work = TALKING;
    seat->back_at_ms = meeting->now_ms + 200 + meeting_roll(meeting, 4000);
    for (int other = 0; other < meeting->settings.members; other++)
        set_link(meeting, seat->index, other, false);
    meeting->result.restarts++;
}

/* Durable, or the member is dead before or after it is. */
static bool save_vote(struct seat *seat, const struct vain_vote *vote)
{
    struct meeting *meeting = seat->meeting;
    const bool faults = meeting->now_ms < meeting->settings.faults_end_ms &&
                        meeting->settings.crashes_per_mille > 0;
    const uint64_t fate = faults ? meeting_roll(meeting, 100) : 99;
    if (fate == 0) {
        crash(seat);
        return false;
    }
    if (!meeting->settings.forget_votes)
        seat->saved_vote = *vote;
    if (fate == 1) {
        crash(seat);
        return false;
    }
    return true;
}

/* ---- the checker ----------------------------------------------------------------------------- */

/* All members that end a round of an epoch end it with the same attempt and set, from the same
 * state. */
static void note_end(struct seat *seat, const struct vain_vote *vote)
{
    struct meeting *meeting = seat->meeting;
    if (seat->liar)
        return;
    for (int i = 0; i < meeting->end_count; i++) {
        const struct fact *fact = &meeting->ends[i];
        if (fact->epoch != vote->epoch || fact->round != vote->round)
            continue;
        if (memcmp(fact->content, vote->content, VAIN_HASH_BYTES) != 0)
            violated(meeting, seat, "two sums of one set have both completed one round");
        if (fact->attempt != vote->attempt || !vain_set_equal(&fact->set, &vote->set) ||
            memcmp(fact->before, seat->state.hash, VAIN_HASH_BYTES) != 0)
            violated(meeting, seat, "two sets have both completed one round");
        return;
    }
    if (meeting->end_count == MEETING_ENDS_MAX)
        abort();
    struct fact *fact = &meeting->ends[meeting->end_count++];
    *fact = (struct fact){vote->epoch, vote->round, vote->attempt, vote->set, {0}, {0}};
    memcpy(fact->before, seat->state.hash, VAIN_HASH_BYTES);
    memcpy(fact->content, vote->content, VAIN_HASH_BYTES);
}

/* ---- the exchange, played -------------------------------------------------------------------- */

static void begin_exchange(struct seat *seat, const struct vain_proposal *proposal)
{
    seat->proposal = *proposal;
    vain_proposal_hash(proposal, seat->proposal_hash);
    seat->exchanging = true;
    if (!vain_set_has(&proposal->set, seat->index))
        violated(seat->meeting, seat, "it is to run an exchange that it is not in");
    work_on(seat, EXCHANGING, 60);
    seat->work_ends_ms += 60;
}

/* Its end at this member: all must have come; whoever died or gave up on the way may have left
 * others with the sum, or not. So may a liar, while faults last; afterwards it exchanges well,
 * since whoever does not is the caller's to find out. */
static bool exchange_succeeds(struct seat *seat)
{
    struct meeting *meeting = seat->meeting;
    bool certain = true;
    for (int i = vain_set_next(&seat->proposal.set, 0); i >= 0;
         i = vain_set_next(&seat->proposal.set, i + 1)) {
        const struct seat *other = &meeting->seats[i];
        const bool there =
            i == seat->index || (other->alive && pair_of(meeting, seat->index, i)->up);
        if (other->liar) {
            certain = certain && (meeting->now_ms >= meeting->settings.faults_end_ms ||
                                  meeting_roll(meeting, 4) > 0);
            continue;
        }
        if (!other->exchanging ||
            memcmp(seat->proposal_hash, other->proposal_hash, VAIN_HASH_BYTES) != 0)
            return false;
        certain = certain && there;
    }
    return certain || meeting_roll(meeting, 2) == 0;
}

/* While faults last a liar gives some members another sum than the others, now and then. */
static void content_of(const struct seat *seat, uint8_t content[VAIN_HASH_BYTES])
{
    const struct meeting *meeting = seat->meeting;
    bool split = false;
    memcpy(content, seat->proposal_hash, VAIN_HASH_BYTES);
    for (int i = 0; i < meeting->settings.members; i++)
        split =
            split || (meeting->seats[i].liar && vain_set_has(&seat->proposal.set, i) &&
                      meeting->now_ms < meeting->settings.faults_end_ms && content[i % 8] % 4 == 0);
    if (split)
        content[8] = (uint8_t)(content[9] >> seat->index % 8 & 1);
}

/* ---- moves ----------------------------------------------------------------------------------- */

static void complete(struct seat *seat, const struct vain_vote *vote)
{
    uint8_t bytes[VAIN_HASH_BYTES + 8 + 4 + sizeof vote->set];
    note_end(seat, vote);
    memcpy(bytes, seat->state.hash, VAIN_HASH_BYTES);
    memcpy(bytes + VAIN_HASH_BYTES, &vote->round, 8);
    memcpy(bytes + VAIN_HASH_BYTES + 8, &vote->attempt, 4);
    memcpy(bytes + VAIN_HASH_BYTES + 12, &vote->set, sizeof vote->set);
    vain_hash("test/state", bytes, sizeof bytes, seat->state.hash);
    seat->state.epoch = vote->epoch;
    seat->state.round++;
    seat->state.voters = vote->set;
    if (seat->state.round % MEETING_CHECKPOINT_EVERY == 0)
        seat->saved = seat->state;
    take_stand(seat);
    work_on(seat, TRAINING, 100);
}

static void take_state(struct seat *seat, const struct seat *holder)
{
    const uint64_t epoch = seat->state.epoch;
    seat->state = holder->state;
    seat->state.epoch = vain_assembly_epoch(holder->assembly);
    seat->state.voters = vain_assembly_voters(holder->assembly);
    seat->running = holder->running;
    if (!seat->running && epoch > seat->state.epoch)
        seat->state.epoch = epoch;
    seat->meeting->result.fetched++;
}

/* From one that says that it holds it; it may have gone on meanwhile, or have lied. */
static void fetch(struct seat *seat, const struct vain_assembly_news *news)
{
    struct meeting *meeting = seat->meeting;
    const int place = (int)meeting_roll(meeting, (uint64_t)vain_set_count(&news->holders));
    const int member = vain_set_at(&news->holders, place);
    const struct seat *holder = &meeting->seats[member];
    if (holder->liar) {
        meeting->result.distrusted++;
        vain_assembly_distrust(seat->assembly, member);
    } else if (holder->alive && pair_of(meeting, seat->index, member)->up &&
               memcmp(holder->state.hash, news->target.state_hash, VAIN_HASH_BYTES) == 0) {
        take_state(seat, holder);
    }
    take_stand(seat);
    work_on(seat, TRAINING, 50);
}

static void vote(struct seat *seat, const struct vain_vote *vote)
{
    if (save_vote(seat, vote) && vain_assembly_vote(seat->assembly, vote) != VAIN_OK)
        abort();
}

static void end_exchange(struct seat *seat)
{
    struct vain_vote own;
    seat->work = TALKING;
    seat->running = true;
    seat->state.voters = vain_assembly_voters(seat->assembly);
    if (exchange_succeeds(seat)) {
        uint8_t content[VAIN_HASH_BYTES];
        content_of(seat, content);
        vain_assembly_own_vote(seat->assembly, content, &own);
        vote(seat, &own);
        return;
    }
    seat->meeting->result.failed_attempts++;
    seat->state.epoch = seat->proposal.epoch;
    seat->exchanging = false;
    vain_assembly_failed(seat->assembly);
    if (seat->meeting->settings.redo)
        work_on(seat, TRAINING, 200);
    else
        vain_assembly_ready(seat->assembly);
}

static void end_work(struct seat *seat)
{
    const enum work work = seat->work;
    seat->work = TALKING;
    if (work == EXCHANGING)
        end_exchange(seat);
    else if (seat->state.round < (uint64_t)seat->meeting->settings.rounds)
        vain_assembly_ready(seat->assembly);
}

static void follow_news(struct seat *seat)
{
    struct vain_assembly_news news;
    vain_assembly_news(seat->assembly, &news);
    switch (news.verdict) {
    case VAIN_ASSEMBLY_WAIT:
        break;
    case VAIN_ASSEMBLY_START:
        begin_exchange(seat, &news.proposal);
        break;
    case VAIN_ASSEMBLY_VOTE:
        vote(seat, &news.vote);
        break;
    case VAIN_ASSEMBLY_COMPLETE:
        complete(seat, &news.vote);
        break;
    case VAIN_ASSEMBLY_BURNED:
        seat->meeting->result.burned++;
        vain_assembly_begin_anew(seat->assembly);
        work_on(seat, TRAINING, 100);
        break;
    case VAIN_ASSEMBLY_LOST:
        seat->meeting->result.lost++;
        seat->running = false;
        seat->state.epoch = vain_assembly_epoch(seat->assembly);
        take_stand(seat);
        work_on(seat, TRAINING, 100);
        break;
    case VAIN_ASSEMBLY_BEHIND:
        fetch(seat, &news);
        break;
    }
}

static void step_seat(struct seat *seat)
{
    struct meeting *meeting = seat->meeting;
    if (!seat->alive) {
        if (meeting->now_ms >= seat->back_at_ms)
            start(seat);
        return;
    }
    vain_assembly_tick(seat->assembly, meeting->now_ms);
    if (seat->work != TALKING && meeting->now_ms >= seat->work_ends_ms)
        end_work(seat);
    if (seat->alive && seat->work == TALKING)
        follow_news(seat);
}

/* ---- the world ------------------------------------------------------------------------------- */

static void make_faults(struct meeting *meeting)
{
    const struct meeting_settings *settings = &meeting->settings;
    for (int i = 0; i < settings->members; i++) {
        if (meeting->seats[i].alive &&
            meeting_roll(meeting, 1000) < (uint64_t)settings->crashes_per_mille)
            crash(&meeting->seats[i]);
        for (int j = 0; j < i; j++) {
            if (meeting_roll(meeting, 1000) >= (uint64_t)settings->cuts_per_mille)
                continue;
            pair_of(meeting, i, j)->cut_until_ms = meeting->now_ms + meeting_roll(meeting, 3000);
            set_link(meeting, i, j, false);
        }
    }
}

static void mend_links(struct meeting *meeting)
{
    for (int i = 0; i < meeting->settings.members; i++) {
        for (int j = 0; j < i; j++) {
            const struct pair *pair = pair_of(meeting, i, j);
            if (!pair->up && meeting->seats[i].alive && meeting->seats[j].alive &&
                meeting->now_ms >= pair->cut_until_ms && meeting_roll(meeting, 20) == 0)
                set_link(meeting, i, j, true);
        }
    }
}

static bool all_done(const struct meeting *meeting)
{
    for (int i = 0; i < meeting->settings.members; i++) {
        const struct seat *seat = &meeting->seats[i];
        if (!seat->liar && (!seat->alive || seat->state.round < (uint64_t)meeting->settings.rounds))
            return false;
    }
    return true;
}

static void check_end(struct meeting *meeting)
{
    const struct seat *first = &meeting->seats[0]; /* liars come last */
    for (int i = 0; i < meeting->settings.members - meeting->settings.liars; i++) {
        const struct seat *seat = &meeting->seats[i];
        if (!seat->alive || seat->state.round < (uint64_t)meeting->settings.rounds)
            violated(meeting, seat, "it has not come to the end");
        if (memcmp(first->state.hash, seat->state.hash, VAIN_HASH_BYTES) != 0)
            violated(meeting, seat, "it ends with another state");
    }
}

static void open_meeting(struct meeting *meeting, const struct meeting_settings *settings)
{
    const size_t members = (size_t)settings->members;
    memset(meeting, 0, sizeof *meeting);
    meeting->settings = *settings;
    meeting->dice = settings->seed * 7919;
    meeting->seats = or_abort(calloc(members, sizeof *meeting->seats));
    meeting->pairs = or_abort(calloc(members * members, sizeof *meeting->pairs));
    for (int i = 0; i < settings->members; i++) {
        struct seat *seat = &meeting->seats[i];
        seat->meeting = meeting;
        seat->index = i;
        seat->liar = i >= settings->members - settings->liars;
        seat->back_at_ms = meeting_roll(meeting, 1000);
        seat->seed[0] = (uint8_t)(i + 1);
        seat->seed[1] = (uint8_t)((i + 1) >> 8);
    }
}

static void close_meeting(struct meeting *meeting)
{
    for (int i = 0; i < meeting->settings.members; i++) {
        vain_assembly_close(&meeting->seats[i].assembly);
        drop_letters(&meeting->seats[i].held);
        drop_body(meeting->seats[i].told);
    }
    for (int i = 0; i < MEETING_SLOTS; i++)
        drop_letters(&meeting->coming[i]);
    free(meeting->seats);
    free(meeting->pairs);
}

static void step_world(struct meeting *meeting)
{
    const struct meeting_settings *settings = &meeting->settings;
    meeting->now_ms += MEETING_STEP_MS;
    if (meeting->now_ms < settings->faults_end_ms && meeting->now_ms % 100 == 0)
        make_faults(meeting);
    mend_links(meeting);
    deliver(meeting);
    for (int i = 0; i < settings->members; i++) {
        struct seat *seat = &meeting->seats[i];
        step_seat(seat);
        if (seat->liar && seat->alive && meeting->now_ms % 100 == 0)
            liar_talk(seat);
    }
}

const char *meeting_run(const struct meeting_settings *settings, struct meeting_result *out)
{
    static struct meeting meeting;
    open_meeting(&meeting, settings);
    while (meeting.now_ms < settings->end_ms && meeting.broken[0] == '\0' && !all_done(&meeting))
        step_world(&meeting);
    check_end(&meeting);
    meeting.result.rounds = (int)meeting.seats[0].state.round;
    meeting.result.ms = meeting.now_ms;
    for (int i = 0; i < settings->members - settings->liars; i++) {
        if (meeting.seats[i].alive)
            meeting.result.misfits += vain_assembly_misfits(meeting.seats[i].assembly);
    }
    close_meeting(&meeting);
    if (out != NULL)
        *out = meeting.result;
    return meeting.broken;
}

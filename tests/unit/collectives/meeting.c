#include "tests/unit/collectives/meeting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"

enum { STEP_MS = 5, DELAY_MS_MAX = 40, CHECKPOINT_EVERY = 3 };

struct letter {
    uint64_t at_ms;
    int from, to;
    uint16_t kind;
    size_t bytes;
    uint8_t body[VAIN_ASSEMBLY_LETTER_BYTES_MAX];
};

/* What a member knows of the common work. */
struct state {
    uint64_t epoch, round;
    struct vain_set voters;
    uint8_t hash[VAIN_HASH_BYTES];
};

enum work { TRAINING, TALKING, EXCHANGING, FETCHING };

struct seat {
    struct meeting *meeting;
    int index;
    bool alive;
    struct vain_assembly *assembly;
    uint8_t seed[VAIN_SEED_BYTES]; /* its secret */
    struct state state, saved;     /* saved: durable */
    struct vain_vote saved_vote;   /* durable */
    enum work work;
    uint64_t work_ends_ms, back_at_ms;
    bool running; /* takes part since its start */
    /* The exchange under way. */
    struct vain_proposal proposal;
    bool will_succeed;
};

/* A vote or an end of a round, as the checker saw it. */
struct fact {
    uint64_t epoch, round;
    uint32_t attempt;
    struct vain_set set;
    uint8_t before[VAIN_HASH_BYTES];
};

struct meeting {
    struct meeting_settings settings;
    struct meeting_result result;
    uint64_t now_ms, dice;
    struct seat seats[MEETING_MEMBERS_MAX];
    bool link[MEETING_MEMBERS_MAX][MEETING_MEMBERS_MAX];
    uint64_t cut_until_ms[MEETING_MEMBERS_MAX][MEETING_MEMBERS_MAX];
    struct letter *letters; /* a heap of none: scanned */
    int letter_count;
    uint64_t last_at_ms[MEETING_MEMBERS_MAX][MEETING_MEMBERS_MAX];
    struct fact ends[4096];
    int end_count;
    char broken[256];
};

static uint64_t roll(struct meeting *meeting, uint64_t below)
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

/* ---- what the assembly asks for -------------------------------------------------------------- */

static void seat_send(void *context, int member, uint16_t kind, const void *body, size_t bytes)
{
    struct seat *seat = context;
    struct meeting *meeting = seat->meeting;
    if (!meeting->link[seat->index][member] || meeting->letter_count == MEETING_LETTERS_MAX) {
        if (meeting->letter_count == MEETING_LETTERS_MAX)
            violated(meeting, seat, "too many letters are under way");
        return;
    }
    uint64_t *last = &meeting->last_at_ms[seat->index][member];
    uint64_t at = meeting->now_ms + 1 + roll(meeting, DELAY_MS_MAX);
    at = at < *last ? *last : at;
    *last = at;
    struct letter *letter = &meeting->letters[meeting->letter_count++];
    *letter = (struct letter){
        .at_ms = at, .from = seat->index, .to = member, .kind = kind, .bytes = bytes};
    memcpy(letter->body, body, bytes);
}

static enum vain_status seat_sign(void *context, const void *message, size_t bytes,
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
    (void)member;
    (void)first;
    (void)second;
    violated(seat->meeting, seat, "a member has voted for two things in one round");
}

static const struct vain_assembly_ops seat_ops = {seat_send, seat_sign, seat_verify, seat_evidence};

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
    seat->work_ends_ms = seat->meeting->now_ms + 1 + roll(seat->meeting, most_ms);
}

static void start(struct seat *seat)
{
    struct meeting *meeting = seat->meeting;
    const struct vain_assembly_config config = {.ops = &seat_ops,
                                                .context = seat,
                                                .members = meeting->settings.members,
                                                .own = seat->index,
                                                .start_quorum = meeting->settings.start_quorum,
                                                .set_min = meeting->settings.set_min,
                                                .patience_ms = 3000,
                                                .voted = seat->saved_vote};
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
    if (meeting->link[a][b] == up)
        return;
    meeting->link[a][b] = meeting->link[b][a] = up;
    if (!up) { /* what is under way is lost */
        for (int i = meeting->letter_count - 1; i >= 0; i--) {
            const struct letter *letter = &meeting->letters[i];
            if ((letter->from == a && letter->to == b) || (letter->from == b && letter->to == a))
                meeting->letters[i] = meeting->letters[--meeting->letter_count];
        }
        meeting->last_at_ms[a][b] = meeting->last_at_ms[b][a] = 0;
    }
    if (meeting->seats[a].alive)
        vain_assembly_link(meeting->seats[a].assembly, b, up);
    if (meeting->seats[b].alive)
        vain_assembly_link(meeting->seats[b].assembly, a, up);
}

static void crash(struct seat *seat)
{
    struct meeting *meeting = seat->meeting;
    vain_assembly_close(&seat->assembly);
    seat->alive = false;
    seat->back_at_ms = meeting->now_ms + 200 + roll(meeting, 4000);
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
    const uint64_t fate = faults ? roll(meeting, 100) : 99;
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
    for (int i = 0; i < meeting->end_count; i++) {
        const struct fact *fact = &meeting->ends[i];
        if (fact->epoch != vote->epoch || fact->round != vote->round)
            continue;
        if (fact->attempt != vote->attempt || !vain_set_equal(&fact->set, &vote->set) ||
            memcmp(fact->before, seat->state.hash, VAIN_HASH_BYTES) != 0)
            violated(meeting, seat, "two sets have both completed one round");
        return;
    }
    struct fact *fact = &meeting->ends[meeting->end_count++];
    *fact = (struct fact){vote->epoch, vote->round, vote->attempt, vote->set, {0}};
    memcpy(fact->before, seat->state.hash, VAIN_HASH_BYTES);
}

/* ---- the exchange, played -------------------------------------------------------------------- */

static bool same_exchange(const struct seat *a, const struct seat *b)
{
    return memcmp(&a->proposal, &b->proposal, sizeof a->proposal) == 0;
}

static void begin_exchange(struct seat *seat, const struct vain_proposal *proposal)
{
    seat->proposal = *proposal;
    if (!vain_set_has(&proposal->set, seat->index))
        violated(seat->meeting, seat, "it is to run an exchange that it is not in");
    work_on(seat, EXCHANGING, 60);
    seat->work_ends_ms += 60;
}

/* Its end at this member: all must have come; whoever died or gave up on the way may have left
 * others with the sum, or not. */
static bool exchange_succeeds(struct seat *seat)
{
    struct meeting *meeting = seat->meeting;
    bool certain = true;
    for (int i = vain_set_next(&seat->proposal.set, 0); i >= 0;
         i = vain_set_next(&seat->proposal.set, i + 1)) {
        const struct seat *other = &meeting->seats[i];
        const bool there = i == seat->index || (other->alive && meeting->link[seat->index][i]);
        if (!same_exchange(seat, other))
            return false;
        certain = certain && there;
    }
    return certain || roll(meeting, 2) == 0;
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
    if (seat->state.round % CHECKPOINT_EVERY == 0)
        seat->saved = seat->state;
    take_stand(seat);
    work_on(seat, TRAINING, 100);
}

/* From one that holds what was said; it may have gone on meanwhile. */
static void fetch(struct seat *seat, const struct vain_assembly_news *news)
{
    struct meeting *meeting = seat->meeting;
    for (int i = vain_set_next(&news->holders, 0); i >= 0;
         i = vain_set_next(&news->holders, i + 1)) {
        const struct seat *holder = &meeting->seats[i];
        if (!holder->alive || !meeting->link[seat->index][i] ||
            memcmp(holder->state.hash, news->target.state_hash, VAIN_HASH_BYTES) != 0)
            continue;
        const uint64_t epoch = seat->state.epoch;
        seat->state = holder->state;
        seat->state.epoch = vain_assembly_epoch(holder->assembly);
        seat->state.voters = vain_assembly_voters(holder->assembly);
        seat->running = holder->running;
        if (!seat->running && epoch > seat->state.epoch)
            seat->state.epoch = epoch;
        meeting->result.fetched++;
        break;
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
    if (exchange_succeeds(seat)) {
        vain_assembly_own_vote(seat->assembly, &own);
        vote(seat, &own);
        return;
    }
    seat->meeting->result.failed_attempts++;
    seat->state.epoch = seat->proposal.epoch;
    memset(&seat->proposal, 0, sizeof seat->proposal);
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

/* Letters wait for a member that is in an exchange. */
static void deliver(struct meeting *meeting)
{
    bool held[MEETING_MEMBERS_MAX][MEETING_MEMBERS_MAX] = {{false}};
    int kept = 0;
    for (int i = 0; i < meeting->letter_count; i++) {
        struct letter letter = meeting->letters[i];
        struct seat *to = &meeting->seats[letter.to];
        if (!meeting->link[letter.from][letter.to])
            continue;
        if (letter.at_ms > meeting->now_ms || to->work == EXCHANGING ||
            held[letter.from][letter.to]) {
            held[letter.from][letter.to] = true;
            meeting->letters[kept++] = letter;
            continue;
        }
        vain_assembly_letter(to->assembly, letter.from, letter.kind, letter.body, letter.bytes);
    }
    meeting->letter_count = kept;
}

static void make_faults(struct meeting *meeting)
{
    const struct meeting_settings *settings = &meeting->settings;
    for (int i = 0; i < settings->members; i++) {
        if (meeting->seats[i].alive && roll(meeting, 1000) < (uint64_t)settings->crashes_per_mille)
            crash(&meeting->seats[i]);
        for (int j = 0; j < i; j++) {
            if (roll(meeting, 1000) >= (uint64_t)settings->cuts_per_mille)
                continue;
            meeting->cut_until_ms[i][j] = meeting->now_ms + roll(meeting, 3000);
            set_link(meeting, i, j, false);
        }
    }
}

static void mend_links(struct meeting *meeting)
{
    for (int i = 0; i < meeting->settings.members; i++) {
        for (int j = 0; j < i; j++) {
            if (meeting->seats[i].alive && meeting->seats[j].alive && !meeting->link[i][j] &&
                meeting->now_ms >= meeting->cut_until_ms[i][j] && roll(meeting, 20) == 0)
                set_link(meeting, i, j, true);
        }
    }
}

static bool all_done(const struct meeting *meeting)
{
    for (int i = 0; i < meeting->settings.members; i++) {
        const struct seat *seat = &meeting->seats[i];
        if (!seat->alive || seat->state.round < (uint64_t)meeting->settings.rounds)
            return false;
    }
    return true;
}

static void check_end(struct meeting *meeting)
{
    const struct seat *first = &meeting->seats[0];
    if (!all_done(meeting)) {
        for (int i = 0; i < meeting->settings.members; i++) {
            const struct seat *seat = &meeting->seats[i];
            if (!seat->alive || seat->state.round < (uint64_t)meeting->settings.rounds)
                violated(meeting, seat, "it has not come to the end");
        }
    }
    for (int i = 1; i < meeting->settings.members; i++) {
        if (memcmp(first->state.hash, meeting->seats[i].state.hash, VAIN_HASH_BYTES) != 0)
            violated(meeting, &meeting->seats[i], "it ends with another state");
    }
}

const char *meeting_run(const struct meeting_settings *settings, struct meeting_result *out)
{
    static struct meeting meeting;
    memset(&meeting, 0, sizeof meeting);
    meeting.settings = *settings;
    meeting.dice = settings->seed * 7919;
    meeting.letters = calloc(MEETING_LETTERS_MAX, sizeof *meeting.letters);
    if (meeting.letters == NULL)
        abort();
    for (int i = 0; i < settings->members; i++) {
        meeting.seats[i].meeting = &meeting;
        meeting.seats[i].index = i;
        meeting.seats[i].back_at_ms = roll(&meeting, 1000);
        meeting.seats[i].seed[0] = (uint8_t)(i + 1);
    }
    while (meeting.now_ms < settings->end_ms && meeting.broken[0] == '\0' && !all_done(&meeting)) {
        meeting.now_ms += STEP_MS;
        if (meeting.now_ms < settings->faults_end_ms && meeting.now_ms % 100 == 0)
            make_faults(&meeting);
        mend_links(&meeting);
        deliver(&meeting);
        for (int i = 0; i < settings->members; i++)
            step_seat(&meeting.seats[i]);
    }
    check_end(&meeting);
    meeting.result.rounds = (int)meeting.seats[0].state.round;
    meeting.result.ms = meeting.now_ms;
    for (int i = 0; i < settings->members; i++)
        vain_assembly_close(&meeting.seats[i].assembly);
    free(meeting.letters);
    if (out != NULL)
        *out = meeting.result;
    return meeting.broken;
}

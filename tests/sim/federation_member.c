/* A member's life and its way through the rounds. Each step is what jobs does at the same place;
 * where jobs waits this returns, and is stepped again. */
#include "tests/sim/federation_member.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

uint64_t member_now_ms(const struct member *member)
{
    return member->world->ops->now_ns(member->world) / VAIN_SIM_MS;
}

void member_says(const struct member *member, const char *format, ...)
{
    va_list arguments;
    if (!member->plan->verbose)
        return;
    printf("%10.3f s  m%d  round %llu, epoch %llu, input %llu: ",
           (double)vain_sim_now_ns(member->plan->sim) * 1e-9, member->index,
           (unsigned long long)member->state.round, (unsigned long long)member->epoch,
           (unsigned long long)member->input);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

void member_enter(struct member *member, enum member_phase phase)
{
    member->phase = phase;
    member->phase_since_ms = member_now_ms(member);
}

static void enter_for(struct member *member, enum member_phase phase, uint32_t most_ms)
{
    member_enter(member, phase);
    member->phase_ends_ms = member->phase_since_ms + 1 + vain_sim_draw(&member->random, most_ms);
}

/* A disk that fails ends a program; so does what no honest world makes, and then the seed too. */
void member_fail(struct member *member, enum vain_status status)
{
    struct vain_sim *sim = member->plan->sim;
    if (status != VAIN_ERR_STORAGE && vain_sim_is_up(sim, member->index))
        judge_says(&member->plan->judge->base, "member %d, round %llu, phase %d: %s: %s",
                   member->index, (unsigned long long)member->state.round, (int)member->phase,
                   vain_status_name(status), vain_fail_message());
    vain_sim_crash(sim, member->index);
}

/* ---- standing -------------------------------------------------------------------------------- */

void member_hash_state(struct member *member)
{
    struct vain_hash_state state;
    vain_hash_init(&state, "test/state");
    vain_hash_update(&state, &member->state.round, sizeof member->state.round);
    vain_hash_update(&state, member->state.parameters,
                     (size_t)member->plan->parameters * sizeof(float));
    vain_hash_final(&state, member->state.hash);
}

void member_stand(struct member *member)
{
    struct vain_assembly_stand stand = {.epoch = member->epoch,
                                        .round = member->state.round,
                                        .starting = !member->running,
                                        .voters = member->voters};
    memcpy(stand.state_hash, member->state.hash, VAIN_HASH_BYTES);
    vain_assembly_stand(member->assembly, &stand);
}

/* Who was in the last round decides about the next one. */
static void hold(struct member *member)
{
    if (member->running && member->fetched_round != (int64_t)member->state.round &&
        member->state.round == member->proposal.round + 1)
        member->voters = member->proposal.set;
    member_stand(member);
}

/* ---- life ------------------------------------------------------------------------------------ */

enum vain_status member_open(const struct federation_plan *plan, int index, struct member *out)
{
    *out = (struct member){
        .plan = plan,
        .index = index,
        .random = vain_sim_random_named(plan->judge->base.seed, UINT64_C(0x3e3) + (uint64_t)index),
        .world = vain_sim_world(plan->sim, index)};
    snprintf(out->name, sizeof out->name, "m%d", index);
    VAIN_TRY(vain_take_array(plan->members, sizeof *out->given, "given", (void **)&out->given));
    VAIN_TRY(
        vain_take_array(plan->parameters, sizeof(float), "state", (void **)&out->state.parameters));
    VAIN_TRY(vain_take_array(plan->parameters, sizeof(float), "delta", (void **)&out->delta));
    return vain_take_array(plan->parameters, sizeof(float), "mean", (void **)&out->mean);
}

void member_close(struct member *member)
{
    if (member->alive)
        member_crash(member);
    vain_release(member->promised);
    vain_release(member->early);
    vain_release(member->given);
    vain_release(member->state.parameters);
    vain_release(member->delta);
    vain_release(member->mean);
}

void member_start(struct member *member)
{
    member->alive = true;
    member->lives++;
    member_read_disk(member);
    member->epoch = member->voted.epoch;
    member->running = false;
    member->voters = vain_set_first(member->plan->members);
    member->fetched_round = 0;
    member->proposal = (struct vain_proposal){0};
    member->sent = member->disclosed = member->spent = member->unjudged = false;
    member->spoilt = member->sought = false;
    member->spoilt_by = -1;
    member->round_failures = member->evidence_rounds = 0;
    member->early_count = 0;
    member->next_look_ms = 0;
    const enum vain_status status = member_talk_open(member);
    VAIN_ASSERT(status == VAIN_OK);
    vain_assembly_tick(member->assembly, member_now_ms(member));
    hold(member);
    member_says(member, "begins");
    member_enter(member, MEMBER_MEET);
    vain_sim_wake(member->plan->sim, member->index);
}

void member_crash(struct member *member)
{
    member_says(member, "is gone");
    member->alive = false;
    member_use_close(member);
    member_talk_close(member);
    VAIN_ASSERT(member->relays.first == NULL);
}

/* ---- between attempts ------------------------------------------------------------------------ */

/* Local steps on an input that nobody has been promised. */
static void train(struct member *member)
{
    if (member->state.round >= (uint64_t)member->plan->rounds) {
        member_enter(member, MEMBER_DONE);
        return;
    }
    while (member_has_promised(member, member->input))
        member->input++;
    enter_for(member, MEMBER_TRAIN, member->plan->train_ms);
}

/* As jobs/federation_members.c does. */
static void suspect(struct member *member)
{
    const struct vain_set *set = &member->failed_set;
    const struct vain_set present = vain_assembly_present(member->assembly);
    const struct vain_set there = vain_set_both(set, &present);
    const bool unexplained =
        member->round_failures >= (member->failed_late ? 1 : 2) && vain_set_equal(&there, set);
    if (member->unjudged && !member->sought && (member->spoilt || unexplained)) {
        vain_assembly_suspect(member->assembly, set, member->spoilt_by);
        member->suspicions++;
    }
    member->unjudged = member->spoilt = member->sought = false;
    member->spoilt_by = -1;
}

void member_names(struct member *member, int rank, bool by_evidence)
{
    const int culprit = vain_set_at(&member->proposal.set, rank);
    member_says(member, "names m%d", culprit);
    member->spoilt = true;
    member->spoilt_by = culprit;
    judge_names(member->plan->judge, member->index, &member->proposal, culprit, by_evidence);
}

/* A message that does not fit its tag, or its statement, is who sent it's doing. */
static void note_wrong_message(struct member *member)
{
    const struct vain_exchange *exchange = member->use.exchange;
    const int rank = exchange != NULL ? vain_exchange_wrong_from(exchange) : -1;
    if (rank >= 0)
        member_names(member, rank, false);
}

static void note_failure(struct member *member, enum vain_status status)
{
    if (member->failed_round != member->state.round)
        member->round_failures = 0;
    member->failed_round = member->state.round;
    member->round_failures++;
    member->failed_set = member->proposal.set;
    member->failed_late = status == VAIN_ERR_TIMEOUT;
    member->unjudged = true;
}

static void form(struct member *member)
{
    member_pump(member); /* who is gone */
    suspect(member);
    vain_assembly_ready(member->assembly);
    member_enter(member, MEMBER_FORM);
}

/* The attempt has come to nothing: with the same input, or, if its words may be known, another. */
static void again(struct member *member)
{
    if (member->sent && (member->plan->level == 1 || member->disclosed || member->spent)) {
        member->rounds_burned++;
        train(member);
    } else {
        form(member);
    }
}

static void end_attempt(struct member *member, enum vain_status status)
{
    note_wrong_message(member);
    if (status != VAIN_ERR_PEER && status != VAIN_ERR_TIMEOUT && !member->spoilt) {
        member_fail(member, status);
        return;
    }
    member_says(member, "attempt %u fails in phase %d: %s", member->proposal.attempt,
                (int)member->phase, vain_fail_message());
    note_failure(member, status);
    member_use_close(member);
    member->failed_attempts++;
    member->epoch = member->proposal.epoch;
    member->voters = vain_assembly_voters(member->assembly);
    member->running = true;
    vain_assembly_failed(member->assembly);
    again(member);
}

static void begin_new_epoch(struct member *member)
{
    member_says(member, "the round is lost");
    member->lost++;
    member->spent = true;
    member->epoch = vain_assembly_epoch(member->assembly);
    member->running = false;
    member_stand(member);
}

static void fetch(struct member *member)
{
    member_says(member, "is behind");
    vain_assembly_unready(member->assembly);
    member_use_close(member);
    enter_for(member, MEMBER_FETCH, member->plan->fetch_ms);
}

static bool vote(struct member *member, const struct vain_vote *vote)
{
    struct vain_vote mine = *vote;
    mine.voter = (uint16_t)member->index;
    memset(mine.signature, 0, sizeof mine.signature);
    enum vain_status status = member_save_vote(member, &mine);
    if (status == VAIN_OK)
        status = vain_assembly_vote(member->assembly, &mine);
    if (status != VAIN_OK)
        member_fail(member, status);
    member_says(member, "%s %u", mine.burn ? "votes for a burn of" : "votes for attempt",
                mine.attempt);
    return status == VAIN_OK;
}

/* ---- catching up, played --------------------------------------------------------------------- */

static bool is_in_exchange(const struct member *member)
{
    return member->phase >= MEMBER_KEYS && member->phase <= MEMBER_REDUCE;
}

/* One that says that it holds it, and can be asked now. */
static const struct member *find_holder(struct member *member,
                                        const struct vain_assembly_news *news)
{
    const int count = vain_set_count(&news->holders);
    if (count == 0)
        return NULL;
    const int i = vain_set_at(&news->holders, (int)vain_sim_draw(&member->random, (uint32_t)count));
    const struct member *holder = &member->plan->all[i];
    if (i == member->index || !holder->alive || !member->greeted[i] || is_in_exchange(holder))
        return NULL;
    if (memcmp(holder->state.hash, news->target.state_hash, VAIN_HASH_BYTES) == 0)
        return holder;
    if (member->plan->judge->members[i].lies_in_letters)
        vain_assembly_distrust(member->assembly, i);
    return NULL;
}

static void copy_state(struct member *member, const struct member *holder)
{
    float *parameters = member->state.parameters;
    memcpy(parameters, holder->state.parameters,
           (size_t)member->plan->parameters * sizeof *parameters);
    member->state = holder->state;
    member->state.parameters = parameters;
    if (holder->running || holder->epoch > member->epoch)
        member->epoch = holder->epoch;
    member->running = holder->running;
    member->voters = vain_assembly_voters(holder->assembly);
    member->fetched_round = (int64_t)member->state.round;
    if (member->input < member->state.round)
        member->input = member->state.round;
    member->fetches++;
    member_says(member, "has caught up, from m%d", holder->index);
}

static bool move_fetch(struct member *member)
{
    struct vain_assembly_news news;
    if (member_now_ms(member) < member->phase_ends_ms)
        return false;
    if (vain_assembly_behind(member->assembly, &news)) {
        const struct member *holder = find_holder(member, &news);
        if (holder == NULL) {
            enter_for(member, MEMBER_FETCH, member->plan->fetch_ms);
            return false;
        }
        copy_state(member, holder);
    }
    hold(member);
    train(member);
    return true;
}

/* ---- phases: each moves on, and says whether there may be more to do at once ----------------- */

static bool move_meet(struct member *member)
{
    struct vain_assembly_news news;
    const bool behind = vain_assembly_behind(member->assembly, &news);
    const struct vain_set present = vain_assembly_present(member->assembly);
    const bool enough = vain_set_count(&present) >= member->plan->start_quorum;
    if (behind && (enough || (news.target.flags & VAIN_POSITION_STARTING) == 0))
        fetch(member);
    else if (enough)
        train(member);
    else
        return false;
    return true;
}

static bool move_train(struct member *member)
{
    if (member_now_ms(member) < member->phase_ends_ms)
        return false;
    member->sent = member->disclosed = member->spent = false;
    form(member);
    return true;
}

static void go_on(struct member *member);

static bool start_attempt(struct member *member, const struct vain_assembly_news *news)
{
    member->proposal = news->proposal;
    member_says(member, "attempt %u starts, set %llx, %s streams", member->proposal.attempt,
                (unsigned long long)member->proposal.set.words[0], news->new_use ? "new" : "old");
    if (!vain_set_has(&news->proposal.set, member->index))
        judge_says(&member->plan->judge->base, "member %d is to be in an attempt without it",
                   member->index);
    member_enter(member, MEMBER_CONNECT);
    const enum vain_status status = member_use_begin(member, news->new_use);
    if (status == VAIN_OK)
        go_on(member);
    else if (status != VAIN_AGAIN)
        end_attempt(member, status);
    return true;
}

static bool move_form(struct member *member)
{
    struct vain_assembly_news news;
    vain_assembly_news(member->assembly, &news);
    switch (news.verdict) {
    case VAIN_ASSEMBLY_START:
        return start_attempt(member, &news);
    case VAIN_ASSEMBLY_BURNED:
        vain_assembly_begin_anew(member->assembly);
        vain_assembly_ready(member->assembly);
        return true;
    case VAIN_ASSEMBLY_VOTE:
        return vote(member, &news.vote);
    case VAIN_ASSEMBLY_LOST:
        begin_new_epoch(member);
        again(member);
        return true;
    case VAIN_ASSEMBLY_BEHIND:
        fetch(member);
        return true;
    default:
        return false;
    }
}

static void take_sum(struct member *member)
{
    enum vain_status status = member_take_sum(member);
    if (status == VAIN_OK)
        status = member_save(member);
    if (status != VAIN_OK) {
        member_fail(member, status);
        return;
    }
    member_says(member, "holds the sum");
    member->evidence_rounds -= member->evidence_rounds > 0;
    hold(member);
    train(member);
}

static bool move_commit(struct member *member)
{
    struct vain_assembly_news news;
    vain_assembly_news(member->assembly, &news);
    switch (news.verdict) {
    case VAIN_ASSEMBLY_COMPLETE:
        member->epoch = news.vote.epoch;
        member->running = true;
        if (member->plan->level == 2)
            member_open_begin(member);
        else
            take_sum(member);
        return true;
    case VAIN_ASSEMBLY_BURNED:
        vain_assembly_begin_anew(member->assembly);
        again(member);
        return true;
    case VAIN_ASSEMBLY_BEHIND:
        fetch(member);
        return true;
    case VAIN_ASSEMBLY_LOST:
        begin_new_epoch(member);
        again(member);
        return true;
    default:
        return false;
    }
}

static bool move_open(struct member *member)
{
    const enum vain_status status = member_open_look(member);
    if (status == VAIN_AGAIN)
        return false;
    if (status != VAIN_OK)
        member_open_suspect(member);
    member_open_end(member);
    if (status == VAIN_OK) {
        take_sum(member);
        return true;
    }
    member_says(member, "what opens the sum is lost");
    member->lost++;
    member->voters = vain_assembly_voters(member->assembly);
    member_stand(member);
    again(member);
    return true;
}

/* From here on it takes part in the epoch, whoever asks: who comes back meanwhile takes over where
 * this member stands, and adds its vote to those that are missing. */
static void commit(struct member *member)
{
    uint8_t content[VAIN_HASH_BYTES];
    struct vain_vote own;
    vain_hash("sim/content", member->use.words,
              (size_t)member->use.codec.word_count * sizeof *member->use.words, content);
    member->epoch = member->proposal.epoch;
    member->running = true;
    member->voters = vain_assembly_voters(member->assembly);
    vain_assembly_own_vote(member->assembly, content, &own);
    member_enter(member, MEMBER_COMMIT);
    (void)vote(member, &own);
}

/* From a use that is open, or the end of a step, to where something must be waited for. */
static void go_on(struct member *member)
{
    enum vain_status status = VAIN_OK;
    if (member->phase == MEMBER_CONNECT || member->phase == MEMBER_KEYS)
        status = member_agree(member);
    if (status == VAIN_OK && member->phase == MEMBER_AGREE) {
        status = member_save_promise(member);
        if (status == VAIN_OK)
            status = member_encode(member);
        if (status == VAIN_OK)
            status = member_deal(member);
    }
    if (status == VAIN_OK && (member->phase == MEMBER_AGREE || member->phase == MEMBER_DEAL))
        status = member_reduce(member);
    if (status == VAIN_OK)
        commit(member);
    else if (status != VAIN_AGAIN)
        end_attempt(member, status);
}

static bool move_exchange(struct member *member)
{
    enum vain_status status;
    switch (member->phase) {
    case MEMBER_CONNECT:
        status = member_use_connect(member);
        if (status == VAIN_AGAIN && member->use.secagg != NULL) {
            member_enter(member, MEMBER_KEYS);
            return true;
        }
        break;
    case MEMBER_KEYS:
        status = member_use_keys(member);
        break;
    case MEMBER_AGREE:
        status = member_agree(member);
        break;
    case MEMBER_DEAL:
        status = member_deal(member);
        break;
    default:
        status = member_reduce(member);
        if (status == VAIN_OK) {
            commit(member);
            return true;
        }
    }
    if (status == VAIN_AGAIN)
        return false;
    if (status == VAIN_OK)
        go_on(member);
    else
        end_attempt(member, status);
    return true;
}

static bool move(struct member *member)
{
    switch (member->phase) {
    case MEMBER_MEET:
        return move_meet(member);
    case MEMBER_TRAIN:
        return move_train(member);
    case MEMBER_FORM:
        return move_form(member);
    case MEMBER_COMMIT:
        return move_commit(member);
    case MEMBER_OPEN:
        return move_open(member);
    case MEMBER_FETCH:
        return move_fetch(member);
    case MEMBER_DONE:
        return false;
    default:
        return move_exchange(member);
    }
}

/* It looks again soon, whatever comes. */
static void look_later(struct member *member)
{
    const uint64_t now_ms = member_now_ms(member);
    if (now_ms < member->next_look_ms)
        return;
    member->next_look_ms = now_ms + MEMBER_LOOK_MS;
    vain_sim_timer(member->plan->sim, member->index, member->next_look_ms * VAIN_SIM_MS);
}

void member_step(struct member *member)
{
    struct vain_sim *sim = member->plan->sim;
    relay_note(&member->relays);
    const bool in_exchange = is_in_exchange(member);
    if (!in_exchange)
        member_pump(member);
    while (vain_sim_is_up(sim, member->index) && move(member)) {
    }
    if (!vain_sim_is_up(sim, member->index))
        return;
    if (in_exchange && !is_in_exchange(member))
        vain_sim_wake(sim, member->index);
    look_later(member);
}

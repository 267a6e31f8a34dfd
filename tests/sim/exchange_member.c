#include "tests/sim/exchange_member.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

/* ---- life ------------------------------------------------------------------------------------ */

static enum vain_status take_buffers(struct exchange_member *member)
{
    const struct exchange_plan *plan = member->plan;
    VAIN_TRY(vain_take_array(plan->parameters, sizeof(float), "delta", (void **)&member->delta));
    VAIN_TRY(
        vain_take_array(plan->parameters, sizeof(float), "residual", (void **)&member->residual));
    VAIN_TRY(vain_take_array(plan->parameters, sizeof(float), "mean", (void **)&member->mean));
    VAIN_TRY(vain_take_array(member->codec.word_count, sizeof(uint32_t), "words",
                             (void **)&member->words));
    VAIN_TRY(vain_take_array(plan->members, plan->block_bytes, "blocks", (void **)&member->blocks));
    return vain_take_array(plan->members, sizeof *member->masks, "masks", (void **)&member->masks);
}

static enum vain_status open_exchange(struct exchange_member *member)
{
    const struct exchange_plan *plan = member->plan;
    const struct vain_exchange_config config = {.member_index = member->index,
                                                .member_count = plan->members,
                                                .member_names = plan->names,
                                                .codec = &member->codec,
                                                .queue = plan->queue,
                                                .gather_bytes_max = JUDGE_BLOCK_BYTES_MAX,
                                                .algorithm = plan->algorithm,
                                                .chunk_words = plan->chunk_words};
    /* Nothing is ever clipped: inputs must come out as they went in. */
    VAIN_TRY(vain_codec_init(&member->codec, plan->parameters, plan->members, plan->field_bits,
                             1e30, 0.25));
    VAIN_TRY(take_buffers(member));
    return vain_exchange_open(&config, &member->exchange);
}

enum vain_status exchange_member_open(const struct exchange_plan *plan, int index,
                                      struct vain_stream **streams, struct exchange_member *out)
{
    const struct vain_stream_links links = {.rank = index,
                                            .size = plan->members,
                                            .connections = plan->connections,
                                            .streams = streams,
                                            .world = vain_sim_world(plan->sim, index)};
    *out = (struct exchange_member){.plan = plan, .index = index, .round = -1};
    VAIN_TRY(vain_stream_comm_open(&links, &out->comm));
    return open_exchange(out);
}

void exchange_member_close(struct exchange_member *member)
{
    if (member->comm.ops != NULL)
        member->comm.ops->close(&member->comm); /* lets go of what is under way */
    vain_exchange_close(&member->exchange);
    vain_release(member->delta);
    vain_release(member->residual);
    vain_release(member->mean);
    vain_release(member->words);
    vain_release(member->blocks);
    vain_release(member->masks);
    member->delta = member->residual = member->mean = NULL;
    member->words = NULL;
    member->blocks = NULL;
    member->masks = NULL;
}

static void end(struct exchange_member *member, enum vain_status status)
{
    struct vain_sim *sim = member->plan->sim;
    member->ended = true;
    member->status = status;
    member->ended_ns = vain_sim_now_ns(sim);
    if (status != VAIN_OK)
        snprintf(member->why, sizeof member->why, "%s", vain_fail_message());
    vain_sim_note(sim, (uint64_t)(uint32_t)status << 32 | (uint32_t)member->index);
    if (member->hasty)
        exchange_member_close(member);
}

/* ---- a round --------------------------------------------------------------------------------- */

/* Masks that cancel over all: a seed for each pair and round, added by the lower of the two. */
static struct vain_masks make_masks(struct exchange_member *member)
{
    int count = 0;
    for (int peer = 0; peer < member->plan->members; peer++) {
        if (peer == member->index)
            continue;
        const int low = peer < member->index ? peer : member->index;
        const uint64_t name = (uint64_t)(low + 1) << 40 |
                              (uint64_t)(peer + member->index - low) << 20 |
                              (uint64_t)member->round;
        const uint64_t seed = vain_sim_mix(name ^ member->plan->judge->seed);
        struct vain_mask *mask = &member->masks[count++];
        *mask = (struct vain_mask){.domain = VAIN_MASK_PAIR, .subtract = peer < member->index};
        memcpy(mask->seed, &seed, sizeof seed);
    }
    return (struct vain_masks){.count = count, .masks = member->masks};
}

static enum vain_status encode(struct exchange_member *member, struct vain_random check)
{
    const struct exchange_plan *plan = member->plan;
    const struct vain_masks masks = make_masks(member);
    const struct vain_codec_attempt attempt = {
        .check = check, .round = (uint32_t)member->round, .masks = plan->masked ? &masks : NULL};
    const int64_t weight = judge_weight(member->index, member->round);
    const struct vain_counters mine = {.weight = weight, .loss_micro = 2 * weight};
    struct vain_codec_report report;
    for (int64_t i = 0; i < plan->parameters; i++)
        member->delta[i] = (float)ldexp(judge_input(plan->judge, member->index, member->round, i),
                                        -member->codec.fixed.scale_exponent);
    return vain_codec_encode(&member->codec, plan->queue, member->delta, &mine, &attempt,
                             member->words, member->residual, &report);
}

static enum vain_status poll(struct exchange_member *member)
{
    struct vain_world *world = vain_sim_world(member->plan->sim, member->index);
    const uint64_t deadline_ns = vain_exchange_deadline_ns(member->exchange);
    const enum vain_status status = vain_exchange_poll(member->exchange);
    if (status == VAIN_AGAIN && world->ops->now_ns(world) >= deadline_ns)
        judge_says(member->plan->judge, "member %d, round %d: a call went on past its deadline",
                   member->index, member->round);
    return status;
}

static enum vain_status start(struct exchange_member *member, enum vain_exchange_event_kind call)
{
    const struct exchange_plan *plan = member->plan;
    const struct vain_exchange_driver driver = {.comm = &member->comm,
                                                .world = vain_sim_world(plan->sim, member->index),
                                                .deadline_ms = plan->deadline_ms};
    member->call = call;
    const enum vain_status status = vain_exchange_start(member->exchange, call, &driver);
    if (status != VAIN_AGAIN)
        return status;
    vain_sim_timer(plan->sim, member->index, vain_exchange_deadline_ns(member->exchange));
    return poll(member);
}

static enum vain_status begin_round(struct exchange_member *member)
{
    const struct vain_random check = {{17, 18}};
    struct vain_context context = {.masked = member->plan->masked};
    member->round++;
    context.round = (uint64_t)member->round;
    VAIN_TRY(encode(member, check));
    vain_exchange_set_round(member->exchange, &context, check);
    return start(member, VAIN_EXCHANGE_BEGIN_AGREE);
}

/* The sum is there, verified. */
static enum vain_status judge_and_gather(struct exchange_member *member)
{
    const struct exchange_plan *plan = member->plan;
    const int scale_exponent = member->codec.fixed.scale_exponent;
    uint8_t mine[JUDGE_BLOCK_BYTES_MAX];
    struct vain_counters sums;
    VAIN_ASSERT(vain_codec_decode(&member->codec, plan->queue, member->words, member->mean,
                                  &sums) == VAIN_OK);
    judge_sum(plan->judge, member->index, member->round, scale_exponent, member->mean, &sums);
    for (size_t i = 0; i < plan->block_bytes; i++)
        mine[i] = judge_block(plan->judge, member->index, member->round, i);
    /* The driver sends from the member's own place in `blocks`, which holds the same. */
    uint8_t *own = member->blocks + (size_t)member->index * plan->block_bytes;
    memcpy(own, mine, plan->block_bytes);
    vain_exchange_set_gather(member->exchange, own, plan->block_bytes, member->blocks);
    return start(member, VAIN_EXCHANGE_BEGIN_GATHER);
}

/* A call has ended well: the next one. VAIN_AGAIN: it is under way, or there is none. */
static enum vain_status next_call(struct exchange_member *member)
{
    const struct exchange_plan *plan = member->plan;
    switch (member->call) {
    case VAIN_EXCHANGE_BEGIN_AGREE:
        vain_exchange_set_words(member->exchange, member->words, plan->masked);
        return start(member, VAIN_EXCHANGE_BEGIN_REDUCE);
    case VAIN_EXCHANGE_BEGIN_REDUCE:
        return start(member, VAIN_EXCHANGE_BEGIN_VERIFY);
    case VAIN_EXCHANGE_BEGIN_VERIFY:
        return judge_and_gather(member);
    default:
        break;
    }
    if (vain_sim_tally(plan->sim)->flips == 0) /* blocks are not tagged: signatures protect them */
        judge_blocks(plan->judge, member->index, member->round, member->blocks);
    if (member->round + 1 < plan->rounds)
        return begin_round(member);
    end(member, VAIN_OK);
    return VAIN_AGAIN;
}

void exchange_member_step(struct exchange_member *member)
{
    if (member->ended) {
        if (member->comm.ops != NULL)
            member->comm.ops->wait(&member->comm, 0); /* word of an abort may still leave */
        return;
    }
    enum vain_status status = member->round < 0 ? begin_round(member) : poll(member);
    while (status == VAIN_OK)
        status = next_call(member);
    if (status != VAIN_AGAIN)
        end(member, status);
}

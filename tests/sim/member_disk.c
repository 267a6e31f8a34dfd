/* What a member keeps: a checkpoint every few rounds, its last vote, and what inputs it has
 * promised to somebody. Each is durable before anything follows from it. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "tests/sim/federation_member.h"

struct checkpoint {
    uint64_t round, input;
    struct vain_codec_state codec;
};
struct promise {
    uint64_t input, check; /* check: of a line that is whole */
};

static uint64_t check_of(uint64_t input)
{
    return vain_sim_mix(input + 1);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void read_checkpoint(struct member *member)
{
    const struct federation_plan *plan = member->plan;
    const size_t vector = (size_t)plan->parameters * sizeof(float);
    const unsigned char *data;
    struct checkpoint head;
    struct vain_codec codec;
    size_t bytes;
    memset(member->state.parameters, 0, vector);
    member->state.round = member->input = 0;
    VAIN_ASSERT(vain_codec_init(&codec, plan->parameters, plan->members, plan->field_bits, 1e30,
                                0.25) == VAIN_OK);
    member->state.codec = vain_codec_state(&codec);
    if (vain_sim_read(plan->sim, member->index, "checkpoint", &data, &bytes) == VAIN_OK) {
        VAIN_ASSERT(bytes == sizeof head + vector);
        memcpy(&head, data, sizeof head);
        memcpy(member->state.parameters, data + sizeof head, vector);
        member->state.round = head.round;
        member->state.codec = head.codec;
        member->input = head.input;
    }
    member_hash_state(member);
}

static void note_promise(struct member *member, uint64_t input)
{
    member->promised = judge_room(member->promised, member->promise_count, &member->promise_room,
                                  sizeof *member->promised);
    member->promised[member->promise_count++] = input;
}

static void cut_off(struct member *member, const unsigned char *data, size_t bytes)
{
    unsigned char *copy = NULL;
    VAIN_ASSERT(vain_take(bytes + 1, "promises", (void **)&copy) == VAIN_OK);
    memcpy(copy, data, bytes);
    if (member->world->ops->replace(member->world, "promises", copy, bytes, 0600) != VAIN_OK)
        vain_sim_crash(member->plan->sim, member->index);
    vain_release(copy);
}

/* A last line that is cut short was not durable, and is cut off. */
static void read_promises(struct member *member)
{
    const unsigned char *data;
    struct promise line;
    size_t bytes, at = 0;
    member->promise_count = 0;
    if (vain_sim_read(member->plan->sim, member->index, "promises", &data, &bytes) != VAIN_OK)
        return;
    for (; at + sizeof line <= bytes; at += sizeof line) {
        memcpy(&line, data + at, sizeof line);
        if (line.check != check_of(line.input))
            break;
        note_promise(member, line.input);
    }
    if (at < bytes)
        cut_off(member, data, at);
}

static void read_vote(struct member *member)
{
    const unsigned char *data;
    size_t bytes;
    member->voted = (struct vain_vote){0};
    if (vain_sim_read(member->plan->sim, member->index, "vote", &data, &bytes) == VAIN_OK)
        VAIN_ASSERT(vain_vote_decode(data, bytes, member->plan->members, &member->voted));
}

void member_read_disk(struct member *member)
{
    read_checkpoint(member);
    read_promises(member);
    read_vote(member);
}

/* ---- writing --------------------------------------------------------------------------------- */

enum vain_status member_save(struct member *member)
{
    const size_t vector = (size_t)member->plan->parameters * sizeof(float);
    const struct checkpoint head = {member->state.round, member->input, member->state.codec};
    unsigned char *data = NULL;
    if (member->state.round % (uint64_t)member->plan->checkpoint_every != 0)
        return VAIN_OK;
    VAIN_TRY(vain_take(sizeof head + vector, "checkpoint", (void **)&data));
    memcpy(data, &head, sizeof head);
    memcpy(data + sizeof head, member->state.parameters, vector);
    const enum vain_status status =
        member->world->ops->replace(member->world, "checkpoint", data, sizeof head + vector, 0644);
    vain_release(data);
    return status;
}

enum vain_status member_save_vote(struct member *member, const struct vain_vote *vote)
{
    uint8_t data[VAIN_VOTE_BYTES];
    vain_vote_encode(vote, data);
    VAIN_TRY(member->world->ops->replace(member->world, "vote", data, sizeof data, 0600));
    member->voted = *vote;
    return VAIN_OK;
}

bool member_has_promised(const struct member *member, uint64_t input)
{
    for (int i = member->promise_count - 1; i >= 0; i--) {
        if (member->promised[i] == input)
            return true;
    }
    return false;
}

enum vain_status member_save_promise(struct member *member)
{
    const struct promise line = {member->input, check_of(member->input)};
    const bool anew = member->sent && !member->disclosed && !member->spent;
    VAIN_ASSERT(anew || !member_has_promised(member, member->input));
    member->sent = true;
    VAIN_TRY(member->world->ops->append(member->world, "promises", &line, sizeof line));
    note_promise(member, member->input);
    return VAIN_OK;
}

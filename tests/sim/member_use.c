/* The streams, keys and exchange of an attempt, as jobs/members_use.c and jobs/group.c: new ones
 * whenever the proposal asks for them. */
#include <string.h>

#include "base/memory.h"
#include "tests/sim/federation_member.h"

enum { DIAL_AGAIN_MS = 50, GATHER_BYTES_MAX = 64 };

/* ---- closing --------------------------------------------------------------------------------- */

static void close_comm(struct vain_comm *comm)
{
    if (comm->ops != NULL && comm->size > 0)
        comm->ops->close(comm);
    *comm = (struct vain_comm){0};
}

/* Of the comm, once it is closed or nothing travels on it. */
static void close_group(struct member_use *use)
{
    gather_close(&use->gather);
    vain_exchange_close(&use->exchange);
    member_culprit_close(use);
    vain_opening_close(&use->opening);
    vain_secagg_close(&use->secagg);
    vain_release(use->cards);
    vain_release((void *)use->names);
    vain_release(use->words);
    vain_release(use->mine);
    vain_release(use->theirs);
    vain_release((void *)use->streams);
}

static void close_streams(struct member *member)
{
    struct member_use *use = &member->use;
    for (int i = 0; use->streams != NULL && i < use->size * member->plan->connections; i++) {
        if (use->streams[i] != NULL)
            use->streams[i]->ops->close(use->streams[i]);
    }
    vain_release((void *)use->streams);
    use->streams = NULL;
}

void member_use_close(struct member *member)
{
    struct member_use *use = &member->use;
    if (use->comm.ops != NULL && use->comm.size > 0)
        use->comm.ops->abort(&use->comm);
    close_comm(&use->comm);
    close_comm(&member->retired);
    close_streams(member);
    close_group(use);
    *use = (struct member_use){0};
    if (member->assembly != NULL)
        vain_assembly_use(member->assembly, NULL);
}

/* ---- streams --------------------------------------------------------------------------------- */

enum vain_status member_use_begin(struct member *member, bool anew)
{
    struct member_use *use = &member->use;
    const struct vain_set *set = &member->proposal.set;
    close_comm(&member->retired);
    if (!anew) {
        VAIN_ASSERT(use->open && vain_set_equal(set, &use->set));
        return VAIN_OK;
    }
    member->retired = use->comm;
    close_group(use);
    *use = (struct member_use){.size = vain_set_count(set),
                               .rank = vain_set_place(set, member->index),
                               .threshold = member_threshold(member, set),
                               .set = *set};
    vain_proposal_hash(&member->proposal, use->key);
    member->bulk_dial_at_ms = 0;
    VAIN_TRY(vain_take_array(use->size * (int64_t)member->plan->connections,
                             sizeof(struct vain_stream *), "streams", (void **)&use->streams));
    return VAIN_AGAIN;
}

/* The lower one of two makes the stream. */
static void dial(struct member *member, int to, int connection, struct vain_stream **out)
{
    struct vain_sim *sim = member->plan->sim;
    struct member *other = &member->plan->all[to];
    struct vain_stream *here, *there;
    if (!other->alive || vain_sim_connect(sim, member->index, to, &here, &there) != VAIN_OK)
        return;
    struct member_arrival *arrival =
        &other->bulk[member->index * member->plan->connections + connection];
    if (arrival->stream != NULL)
        arrival->stream->ops->close(arrival->stream);
    arrival->stream = relay_open(&other->relays, there);
    memcpy(arrival->key, member->use.key, VAIN_HASH_BYTES);
    vain_sim_wake(sim, to);
    *out = relay_open(&member->relays, here);
}

static void take(struct member *member, int from, int connection, struct vain_stream **out)
{
    struct member_arrival *arrival = &member->bulk[from * member->plan->connections + connection];
    if (arrival->stream == NULL || memcmp(arrival->key, member->use.key, VAIN_HASH_BYTES) != 0)
        return;
    *out = arrival->stream;
    arrival->stream = NULL;
}

/* A member whose streams are not all there; -1: none. */
static int connect_all(struct member *member, bool may_dial)
{
    struct member_use *use = &member->use;
    int missing = -1, place = 0;
    for (int i = vain_set_next(&use->set, 0); i >= 0;
         i = vain_set_next(&use->set, i + 1), place++) {
        for (int c = 0; i != member->index && c < member->plan->connections; c++) {
            struct vain_stream **slot = &use->streams[place * member->plan->connections + c];
            if (*slot == NULL && i < member->index)
                take(member, i, c, slot);
            else if (*slot == NULL && may_dial)
                dial(member, i, c, slot);
            if (*slot == NULL)
                missing = i;
        }
    }
    return missing;
}

static enum vain_status begin_keys(struct member *member);

enum vain_status member_use_connect(struct member *member)
{
    struct member_use *use = &member->use;
    const uint64_t now_ms = member_now_ms(member);
    const bool may_dial = now_ms >= member->bulk_dial_at_ms;
    const int missing = connect_all(member, may_dial);
    if (may_dial)
        member->bulk_dial_at_ms = now_ms + DIAL_AGAIN_MS;
    if (missing >= 0 && !vain_mailbox_has(member->mailbox, missing))
        return vain_fail(VAIN_ERR_PEER, "member %d was lost while its connections were made",
                         missing);
    if (missing >= 0 && now_ms - member->phase_since_ms > MEMBER_USE_MS)
        return vain_fail(VAIN_ERR_PEER, "no connection for words to member %d", missing);
    if (missing >= 0)
        return VAIN_AGAIN;
    const struct vain_stream_links links = {.rank = use->rank,
                                            .size = use->size,
                                            .connections = member->plan->connections,
                                            .streams = use->streams,
                                            .world = member->world};
    VAIN_TRY(vain_stream_comm_open(&links, &use->comm));
    vain_release((void *)use->streams);
    use->streams = NULL;
    vain_assembly_use(member->assembly, use->key);
    return begin_keys(member);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static enum vain_status take_group(struct member *member)
{
    const struct federation_plan *plan = member->plan;
    struct member_use *use = &member->use;
    int place = 0;
    size_t block = (size_t)use->size * VAIN_SECAGG_PROOF_BYTES + VAIN_SECAGG_ANNOUNCEMENT_BYTES;
    const size_t deal = vain_share_message_bytes(use->size, use->threshold);
    block = block > deal ? block : deal;
    VAIN_TRY(vain_take_array(use->size, sizeof *use->cards, "cards", (void **)&use->cards));
    VAIN_TRY(vain_take_array(use->size, sizeof *use->names, "names", (void **)&use->names));
    VAIN_TRY(vain_take(block, "blocks", (void **)&use->mine));
    VAIN_TRY(vain_take_array(use->size, block, "blocks", (void **)&use->theirs));
    for (int i = vain_set_next(&use->set, 0); i >= 0;
         i = vain_set_next(&use->set, i + 1), place++) {
        use->cards[place] = plan->cards[i];
        use->names[place] = use->cards[place].name;
    }
    return VAIN_OK;
}

static enum vain_status start_gather(struct member *member, size_t bytes)
{
    struct member_use *use = &member->use;
    return gather_start(&use->gather, &use->comm, member->world, member->plan->deadline_ms,
                        use->mine, bytes, use->theirs);
}

static enum vain_status begin_keys(struct member *member)
{
    struct member_use *use = &member->use;
    VAIN_TRY(take_group(member));
    VAIN_TRY(vain_secagg_open(use->cards, use->size, use->rank, false, &use->secagg));
    member->world->ops->random(member->world, use->mine, VAIN_SECAGG_NONCE_BYTES);
    return start_gather(member, VAIN_SECAGG_NONCE_BYTES);
}

static enum vain_status open_exchange(struct member *member)
{
    const struct federation_plan *plan = member->plan;
    struct member_use *use = &member->use;
    const struct vain_exchange_config config = {.member_index = use->rank,
                                                .member_count = use->size,
                                                .member_names = use->names,
                                                .codec = &use->codec,
                                                .queue = plan->queue,
                                                .gather_bytes_max = GATHER_BYTES_MAX,
                                                .algorithm = plan->ring ? VAIN_ALGORITHM_RING
                                                                        : VAIN_ALGORITHM_TREE,
                                                .chunk_words = plan->chunk_words,
                                                .gives_evidence = member_culprit_sought(use->size)};
    if (plan->level == 2) {
        VAIN_TRY(vain_secagg_use_own_masks(use->secagg, use->threshold));
        VAIN_TRY(
            vain_opening_open(use->secagg, use->size, use->rank, use->threshold, &use->opening));
    }
    /* Nothing is ever clipped: inputs must come out as they went in. */
    VAIN_TRY(
        vain_codec_init(&use->codec, plan->parameters, use->size, plan->field_bits, 1e30, 0.25));
    VAIN_TRY(vain_codec_restore(&use->codec, member->state.codec));
    use->codec.checks_masked = plan->level == 2;
    VAIN_TRY(
        vain_take_array(use->codec.word_count, sizeof *use->words, "words", (void **)&use->words));
    VAIN_TRY(vain_exchange_open(&config, &use->exchange));
    use->open = true;
    return VAIN_OK;
}

/* One of the three gathers has ended. */
static enum vain_status next_key_step(struct member *member)
{
    struct member_use *use = &member->use;
    switch (use->key_step++) {
    case 0:
        vain_secagg_set_session(use->secagg, use->theirs);
        VAIN_TRY(
            vain_secagg_announce(use->secagg, &member->plan->signers[member->index], use->mine));
        return start_gather(member, VAIN_SECAGG_ANNOUNCEMENT_BYTES);
    case 1:
        VAIN_TRY(vain_secagg_accept(use->secagg, use->theirs));
        vain_secagg_prove(use->secagg, use->mine);
        return start_gather(member, (size_t)use->size * VAIN_SECAGG_PROOF_BYTES);
    default:
        VAIN_TRY(vain_secagg_check(use->secagg, use->theirs));
        return open_exchange(member);
    }
}

enum vain_status member_use_keys(struct member *member)
{
    struct member_use *use = &member->use;
    enum vain_status status = gather_poll(&use->gather, member->world);
    while (status == VAIN_OK && !use->open) {
        status = next_key_step(member);
        if (status == VAIN_AGAIN)
            status = gather_poll(&use->gather, member->world);
    }
    return status;
}

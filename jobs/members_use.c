/* The streams of an attempt. Those of the last one are kept as long as the same members go on and
 * nothing has failed; otherwise all are made anew, so that nothing of what failed can be taken for
 * a part of what follows. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "collectives/quorum.h"
#include "jobs/counted_stream.h"
#include "jobs/members_state.h"

static void close_comm(struct vain_comm *comm)
{
    if (comm->ops != NULL && comm->size > 0)
        comm->ops->close(comm);
    *comm = (struct vain_comm){0};
}

void vain_members_close_use(struct vain_members *members)
{
    if (members->comm.ops != NULL && members->comm.size > 0)
        members->comm.ops->abort(&members->comm);
    close_comm(&members->comm);
    close_comm(&members->retired);
    members->opening = NULL; /* the group that it belongs to goes as well */
    memset(members->use_key, 0, VAIN_HASH_BYTES);
    vain_assembly_use(members->assembly, NULL);
}

/* A member of the set but this one whose stream `connection` is still to come; -1: none. */
static int first_missing(const struct vain_members *members, const struct vain_set *set,
                         int connections)
{
    for (int i = vain_set_next(set, 0), place = 0; i >= 0; i = vain_set_next(set, i + 1), place++) {
        for (int c = 0; i != members->own && c < connections; c++) {
            if (members->streams[place * connections + c] == NULL)
                return i;
        }
    }
    return -1;
}

static enum vain_status take_streams(struct vain_members *members, const struct vain_set *set,
                                     int connections)
{
    struct vain_connector *connector = members->config.connector;
    for (int i = vain_set_next(set, 0), place = 0; i >= 0; i = vain_set_next(set, i + 1), place++) {
        for (int c = 0; i != members->own && c < connections; c++) {
            struct vain_stream **slot = &members->streams[place * connections + c];
            struct vain_stream *inner = NULL;
            if (*slot != NULL)
                continue;
            const enum vain_status status =
                connector->ops->take(connector, members->known[i].listed, c, &inner);
            if (status == VAIN_AGAIN)
                continue;
            VAIN_TRY(status);
            VAIN_TRY(vain_counted_stream(inner, &members->base.counts.bytes_sent, slot));
        }
    }
    return VAIN_OK;
}

/* Until all streams are there, or one of those who should make them is lost. */
static enum vain_status gather_streams(struct vain_members *members, const struct vain_set *set,
                                       int connections)
{
    const uint64_t start_ms = vain_members_now_ms(members);
    for (;;) {
        VAIN_TRY(take_streams(members, set, connections));
        const int missing = first_missing(members, set, connections);
        if (missing < 0)
            return VAIN_OK;
        if (!vain_mailbox_has(members->mailbox, missing))
            return vain_fail(VAIN_ERR_PEER, "member '%s' was lost while its connections were made",
                             vain_members_name(members, missing));
        if (vain_members_now_ms(members) - start_ms > VAIN_MEMBERS_USE_MS)
            return vain_fail(VAIN_ERR_PEER, "no connection for words to member '%s' in %d s: %s",
                             vain_members_name(members, missing), VAIN_MEMBERS_USE_MS / 1000,
                             members->config.connector->ops->trouble(
                                 members->config.connector, members->known[missing].listed));
        VAIN_TRY(vain_members_wait(members));
    }
}

static enum vain_status make_streams(struct vain_members *members, const struct vain_set *set,
                                     int connections)
{
    struct vain_connector_use use = {.connections = connections};
    int *listed = NULL;
    memcpy(use.key, members->use_key, VAIN_HASH_BYTES);
    VAIN_TRY(vain_take_array(members->count, sizeof *listed, "members", (void **)&listed));
    for (int i = vain_set_next(set, 0); i >= 0; i = vain_set_next(set, i + 1))
        listed[use.count++] = members->known[i].listed;
    use.members = listed;
    enum vain_status status =
        members->config.connector->ops->begin_use(members->config.connector, &use);
    vain_release(listed);
    VAIN_TRY(status);
    return gather_streams(members, set, connections);
}

static enum vain_status make_comm(struct vain_members *members, const struct vain_set *set)
{
    const int connections = (int)members->config.job->exchange.connections;
    const int size = vain_set_count(set);
    const struct vain_stream_links links = {.rank = vain_set_place(set, members->own),
                                            .size = size,
                                            .connections = connections,
                                            .streams = members->streams,
                                            .world = members->config.world};
    memset(members->streams, 0, (size_t)(members->count * connections) * sizeof(void *));
    enum vain_status status = make_streams(members, set, connections);
    if (status == VAIN_OK)
        status = vain_stream_comm_open(&links, &members->comm);
    for (int i = 0; status != VAIN_OK && i < size * connections; i++) {
        if (members->streams[i] != NULL)
            members->streams[i]->ops->close(members->streams[i]);
    }
    return status;
}

/* ---- the roster ------------------------------------------------------------------------------ */

/* The platform string of all of the set, "" if they differ. */
static void compare_platforms(struct vain_members *members, const struct vain_set *set)
{
    const int first = vain_set_next(set, 0);
    snprintf(members->platform, sizeof members->platform, "%s", members->known[first].platform);
    for (int i = first; i >= 0; i = vain_set_next(set, i + 1)) {
        if (strcmp(members->platform, members->known[i].platform) != 0)
            members->platform[0] = '\0';
    }
}

static void hash_set(struct vain_members *members, const struct vain_set *set)
{
    struct vain_hash_state state;
    vain_hash_init(&state, "vain/group/set");
    for (int i = vain_set_next(set, 0); i >= 0; i = vain_set_next(set, i + 1))
        vain_hash_update(&state, members->known[i].member.member_id, VAIN_HASH_BYTES);
    vain_hash_final(&state, members->set_hash);
}

/* Who was in the last exchange and is not in this one, although there is a link to it: that may be
 * lost in a moment, and is only then told, or when the round has been ended without it. */
static void note_left_out(struct vain_members *members, const struct vain_set *set)
{
    const struct vain_set present = vain_assembly_present(members->assembly);
    for (int i = vain_set_next(&members->comm_set, 0); i >= 0;
         i = vain_set_next(&members->comm_set, i + 1))
        members->known[i].left_out |= !vain_set_has(set, i) && vain_set_has(&present, i);
}

static const char *why_left_out(const struct vain_members *members, int member)
{
    if (vain_assembly_leaves(members->assembly, member))
        return "has left";
    return vain_assembly_suspects(members->assembly, member)
               ? "is left out for some rounds, since exchanges with it came to nothing"
               : "is there but silent";
}

void vain_members_say_left_out(struct vain_members *members)
{
    for (int i = 0; i < members->count; i++) {
        if (members->known[i].left_out)
            vain_members_say_loss(members, i, why_left_out(members, i));
    }
}

static void note_joined(struct vain_members *members, const struct vain_set *set)
{
    for (int i = vain_set_next(set, 0); i >= 0; i = vain_set_next(set, i + 1)) {
        if (vain_set_has(&members->comm_set, i))
            continue;
        members->known[i].told_lost = members->known[i].left_out = false;
        members->base.counts.members_joined++;
        vain_event_notice(members->config.events,
                          "round %llu: member '%s' has joined; %d of %d take part",
                          (unsigned long long)members->proposal.round + 1,
                          vain_members_name(members, i), vain_set_count(set), members->count);
    }
}

/* Against the last exchange that this member was in, if any. */
static void note_changes(struct vain_members *members, const struct vain_set *set)
{
    if (vain_set_next(&members->comm_set, 0) < 0)
        return;
    note_left_out(members, set);
    note_joined(members, set);
}

enum vain_status vain_members_open_use(struct vain_members *members,
                                       const struct vain_assembly_news *news)
{
    members->proposal = news->proposal;
    const struct vain_set *set = &members->proposal.set;
    compare_platforms(members, set);
    hash_set(members, set);
    /* Streams are as many as their ends: a smaller set needs others, whoever proposed the old. */
    const bool fresh = news->new_use || !vain_set_equal(set, &members->comm_set);
    note_changes(members, set);
    vain_members_say_failure(members);
    close_comm(&members->retired);
    if (fresh) {
        members->opening = NULL;
        members->retired = members->comm;
        members->comm = (struct vain_comm){0};
        vain_proposal_hash(&news->proposal, members->use_key);
        const enum vain_status status = make_comm(members, set);
        if (status != VAIN_OK)
            return status;
        members->use++;
        vain_assembly_use(members->assembly, members->use_key);
    }
    members->comm_set = *set;
    return VAIN_OK;
}

/* Of shares: a quorum of those who may vote, and of those who are in it. */
static int threshold_of(const struct vain_members *members, const struct vain_set *set)
{
    const struct vain_set voters = vain_assembly_voters(members->assembly);
    const int of_voters = vain_quorum(vain_set_count(&voters));
    const int of_set = vain_quorum(vain_set_count(set));
    return of_voters > of_set ? of_voters : of_set;
}

void vain_members_roster(struct vain_members *members, struct vain_roster *out)
{
    const struct vain_set *set = &members->proposal.set;
    int place = 0;
    memset(out, 0, sizeof *out);
    for (int i = vain_set_next(set, 0); i >= 0; i = vain_set_next(set, i + 1), place++) {
        members->roster_members[place] = members->known[i].member;
        members->roster_ranks[place] = place;
        if (i == members->own)
            out->own_index = place;
    }
    memcpy(out->group_id, members->group_id, VAIN_HASH_BYTES);
    memcpy(out->set_hash, members->set_hash, VAIN_HASH_BYTES);
    memcpy(out->lasting_hash, members->set_hash, VAIN_HASH_BYTES); /* all keys are pinned */
    out->keys_pinned = true;
    out->epoch = members->proposal.epoch;
    out->attempt = members->proposal.attempt;
    out->member_count = place;
    out->members = members->roster_members;
    out->member_rank = members->roster_ranks;
    out->comm = &members->comm;
    out->use = members->use;
    out->threshold = threshold_of(members, set);
    out->platform = members->platform;
}

/* The fixed federation: the members of the launcher's world, the same for the whole run.
 *
 * At the start every member gives its card to all others. Later a round asks only for the roster
 * (which never changes), whether somebody wants to stop, and for its record to be kept. */
#include "jobs/federation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "collectives/quorum.h"
#include "jobs/member_card.h"

struct fixed {
    struct vain_federation base; /* first: what callers hold points here */
    struct vain_federation_fixed_config config;
    struct vain_control *control;       /* owned */
    struct vain_record_member *members; /* (size) by id, owned */
    int *member_rank;                   /* (size) owned */
    uint8_t group_id[VAIN_HASH_BYTES], set_hash[VAIN_HASH_BYTES], lasting_hash[VAIN_HASH_BYTES];
    bool keys_pinned;
    int own_index;
    int heard_signal;
};

/* A card on the wire of the start: length and content, padded, so that all are equally long. */
enum { CARD_SLOT_BYTES = 2 + VAIN_CARD_BYTES_MAX };

static enum vain_status fixed_roster(struct vain_federation *federation, int64_t round,
                                     struct vain_roster *out)
{
    struct fixed *fixed = (struct fixed *)federation;
    (void)round;
    memcpy(out->group_id, fixed->group_id, VAIN_HASH_BYTES);
    memcpy(out->set_hash, fixed->set_hash, VAIN_HASH_BYTES);
    memcpy(out->lasting_hash, fixed->lasting_hash, VAIN_HASH_BYTES);
    out->keys_pinned = fixed->keys_pinned;
    out->epoch = 0;
    out->member_count = fixed->config.comm->size;
    out->members = fixed->members;
    out->member_rank = fixed->member_rank;
    out->own_index = fixed->own_index;
    out->attempt = 0;
    out->comm = fixed->config.comm;
    out->use = 1;
    out->threshold = vain_quorum(fixed->config.comm->size);
    out->platform = NULL;
    return VAIN_OK;
}

/* There is one attempt: who dies takes all with it. */
static enum vain_status fixed_failed(struct vain_federation *federation, enum vain_status status)
{
    (void)federation;
    return status;
}

static enum vain_status fixed_commit(struct vain_federation *federation,
                                     const uint8_t content[VAIN_MIN_LEN(VAIN_HASH_BYTES)])
{
    (void)federation;
    (void)content;
    return VAIN_OK;
}

static int64_t fixed_weight(struct vain_federation *federation, int index)
{
    (void)federation;
    (void)index;
    return 1000000;
}

static enum vain_status fixed_record(struct vain_federation *federation, const uint8_t *frame,
                                     size_t bytes)
{
    struct fixed *fixed = (struct fixed *)federation;
    if (fixed->config.record == NULL)
        return VAIN_OK;
    return vain_record_file_append(fixed->config.record, frame, bytes);
}

/* Own signals are passed on once; a word from another member is enough to stop. Inside an exchange
 * only the word of somebody who will never come counts (collectives/control.h). */
static enum vain_status fixed_drain(struct vain_federation *federation, bool in_exchange)
{
    struct fixed *fixed = (struct fixed *)federation;
    const int own = atomic_load(fixed->config.signal);
    if (own != 0) {
        VAIN_TRY(vain_control_say(fixed->control, VAIN_CONTROL_ASK, own));
        fixed->heard_signal = own;
    }
    enum vain_control_word word;
    int32_t signal_number;
    VAIN_TRY(vain_control_poll(fixed->control, &word, &signal_number));
    if (word != VAIN_CONTROL_NONE && fixed->heard_signal == 0)
        fixed->heard_signal = signal_number;
    if (in_exchange)
        return word == VAIN_CONTROL_OUTSIDE ? VAIN_STOPPED : VAIN_OK;
    return own != 0 || word != VAIN_CONTROL_NONE ? VAIN_STOPPED : VAIN_OK;
}

static enum vain_status fixed_left(struct vain_federation *federation)
{
    struct fixed *fixed = (struct fixed *)federation;
    return vain_control_say(fixed->control, VAIN_CONTROL_OUTSIDE, fixed->heard_signal);
}

static void fixed_close(struct vain_federation *federation)
{
    struct fixed *fixed = (struct fixed *)federation;
    vain_control_close(&fixed->control);
    vain_release(fixed->members);
    vain_release(fixed->member_rank);
    vain_release(fixed);
}

static const struct vain_federation_ops fixed_ops = {
    .name = "fixed",
    .roster = fixed_roster,
    .form = fixed_roster,
    .failed = fixed_failed,
    .commit = fixed_commit,
    .weight = fixed_weight,
    .record = fixed_record,
    .drain = fixed_drain,
    .left = fixed_left,
    .close = fixed_close,
};

static enum vain_status make_own_slot(const struct vain_federation_fixed_config *config,
                                      uint8_t *slot)
{
    size_t bytes = 0;
    memset(slot, 0, CARD_SLOT_BYTES);
    VAIN_TRY(vain_member_card_make(config->signer, config->own_name, slot + 2, &bytes));
    slot[0] = (uint8_t)(bytes & 255);
    slot[1] = (uint8_t)(bytes >> 8);
    return VAIN_OK;
}

/* Whom the spec lists at this rank is who must be there, with the pinned key if there is one. */
static enum vain_status accept_slot(const struct fixed *fixed, const uint8_t *slot, int rank,
                                    struct vain_record_member *out)
{
    const size_t bytes = (size_t)slot[0] | (size_t)slot[1] << 8;
    char where[32];
    if (bytes > VAIN_CARD_BYTES_MAX)
        return vain_fail(VAIN_ERR_AUTH,
                         "member card of rank %d says %zu bytes, at most %d are possible", rank,
                         bytes, VAIN_CARD_BYTES_MAX);
    VAIN_TRY(vain_member_card_accept(slot + 2, bytes, fixed->config.world, out));
    snprintf(where, sizeof where, "rank %d", rank);
    return fixed->config.listed == NULL
               ? VAIN_OK
               : vain_member_card_check(out, &fixed->config.listed[rank], where);
}

struct indexed_member {
    struct vain_record_member member;
    int rank;
};

static int compare_members(const void *a, const void *b)
{
    const struct indexed_member *left = a, *right = b;
    return memcmp(left->member.member_id, right->member.member_id, VAIN_HASH_BYTES);
}

static enum vain_status refuse_equal(const struct indexed_member *sorted, int count)
{
    for (int i = 0; i < count; i++) {
        for (int j = i + 1; j < count; j++) {
            const struct vain_record_member *a = &sorted[i].member, *b = &sorted[j].member;
            if (memcmp(a->member_id, b->member_id, VAIN_HASH_BYTES) == 0)
                return vain_fail(VAIN_ERR_REFUSED,
                                 "members '%s' and '%s' have the same id: every member needs its "
                                 "own key; make one "
                                 "with 'vain key new'",
                                 a->name, b->name);
            if (strcmp(a->name, b->name) == 0)
                return vain_fail(VAIN_ERR_REFUSED, "two members are called '%s': names must differ",
                                 a->name);
        }
    }
    return VAIN_OK;
}

/* All cards, verified, into fixed->members and member_rank in order of id. */
static enum vain_status gather_members(struct fixed *fixed)
{
    const int size = fixed->config.comm->size;
    uint8_t own[CARD_SLOT_BYTES];
    uint8_t *slots = NULL;
    struct indexed_member *sorted = NULL;
    enum vain_status status;
    VAIN_TRY_OUT(make_own_slot(&fixed->config, own));
    VAIN_TRY_OUT(vain_take_array(size, CARD_SLOT_BYTES, "member cards", (void **)&slots));
    VAIN_TRY_OUT(vain_take_array(size, sizeof *sorted, "member list", (void **)&sorted));
    VAIN_TRY_OUT(vain_comm_all_gather(fixed->config.comm, fixed->config.world,
                                      fixed->config.deadline_ms, VAIN_TAG_START, own, sizeof own,
                                      slots));
    for (int rank = 0; rank < size; rank++) {
        VAIN_TRY_OUT(
            accept_slot(fixed, slots + (size_t)rank * CARD_SLOT_BYTES, rank, &sorted[rank].member));
        sorted[rank].rank = rank;
    }
    qsort(sorted, (size_t)size, sizeof *sorted, compare_members);
    VAIN_TRY_OUT(refuse_equal(sorted, size));
    for (int i = 0; i < size; i++) {
        fixed->members[i] = sorted[i].member;
        fixed->member_rank[i] = sorted[i].rank;
        if (sorted[i].rank == fixed->config.comm->rank)
            fixed->own_index = i;
    }
out:
    vain_release(slots);
    vain_release(sorted);
    return status;
}

static bool is_pinned(const struct fixed *fixed, int index)
{
    const struct vain_option_member *listed = fixed->config.listed;
    return listed != NULL && listed[fixed->member_rank[index]].key[0] != '\0';
}

/* The member whose name comes next after `last` ("": first). */
static int next_by_name(const struct fixed *fixed, const char *last)
{
    int next = -1;
    for (int i = 0; i < fixed->config.comm->size; i++) {
        const char *name = fixed->members[i].name;
        if (strcmp(name, last) > 0 && (next < 0 || strcmp(name, fixed->members[next].name) < 0))
            next = i;
    }
    return next;
}

/* In the order of names, since throw-away ids have another order at every start. */
static void hash_lasting_set(struct fixed *fixed)
{
    static const uint8_t no_id[VAIN_HASH_BYTES];
    struct vain_hash_state state;
    vain_hash_init(&state, "vain/group/last");
    fixed->keys_pinned = true;
    for (int i = next_by_name(fixed, ""); i >= 0; i = next_by_name(fixed, fixed->members[i].name)) {
        const bool pinned = is_pinned(fixed, i);
        vain_hash_update(&state, fixed->members[i].name, strlen(fixed->members[i].name) + 1);
        vain_hash_update(&state, pinned ? fixed->members[i].member_id : no_id, VAIN_HASH_BYTES);
        fixed->keys_pinned = fixed->keys_pinned && pinned;
    }
    vain_hash_final(&state, fixed->lasting_hash);
}

static void hash_identities(struct fixed *fixed)
{
    struct vain_hash_state state;
    vain_hash_init(&state, "vain/group/set");
    for (int i = 0; i < fixed->config.comm->size; i++)
        vain_hash_update(&state, fixed->members[i].member_id, VAIN_HASH_BYTES);
    vain_hash_final(&state, fixed->set_hash);
    vain_hash("vain/group/id", fixed->config.job_name, strlen(fixed->config.job_name),
              fixed->group_id);
}

enum vain_status vain_federation_fixed_open(const struct vain_federation_fixed_config *config,
                                            struct vain_federation **out)
{
    *out = NULL;
    if (config->comm->size > VAIN_MEMBERS_MAX)
        return vain_fail(VAIN_ERR_INPUT, "%d members, at most %d can train together",
                         config->comm->size, VAIN_MEMBERS_MAX);
    struct fixed *fixed = NULL;
    enum vain_status status = vain_take(sizeof *fixed, "federation", (void **)&fixed);
    if (status != VAIN_OK)
        return status;
    fixed->base.ops = &fixed_ops;
    fixed->config = *config;
    VAIN_TRY_OUT(vain_take_array(config->comm->size, sizeof *fixed->members, "members",
                                 (void **)&fixed->members));
    VAIN_TRY_OUT(vain_take_array(config->comm->size, sizeof *fixed->member_rank, "member ranks",
                                 (void **)&fixed->member_rank));
    VAIN_TRY_OUT(gather_members(fixed));
    hash_identities(fixed);
    hash_lasting_set(fixed);
    VAIN_TRY_OUT(vain_control_open(config->comm, &fixed->control));
    *out = &fixed->base;
    return VAIN_OK;
out:
    fixed_close(&fixed->base);
    return status;
}

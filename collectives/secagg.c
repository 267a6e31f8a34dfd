/* Keys and masks of secure aggregation. Every secret lies in one block that is wiped when it is
 * given back, and every copy on the stack is wiped on the way out. */
#include "collectives/secagg.h"

#include <assert.h>
#include <string.h>

#include "base/cursor.h"
#include "base/memory.h"
#include "collectives/mask_graph.h"
#include "collectives/own_mask.h"

#define ANNOUNCEMENT_DOMAIN "vain/secagg/key/v1" /* signed with its NUL */

static_assert((int)VAIN_MASK_SEED_BYTES == (int)VAIN_HASH_BYTES, "a seed is a hash");

enum { MESSAGE_BYTES = sizeof ANNOUNCEMENT_DOMAIN + VAIN_HASH_BYTES + 32 + VAIN_X25519_BYTES };

/* What was masked last. */
struct masked_input {
    bool any;
    bool opened; /* a sum with it can be known, so that another set must not get it */
    uint64_t input, epoch, round;
    uint32_t attempt; /* of the round, in its epoch */
    uint8_t set_hash[VAIN_HASH_BYTES];
};

struct vain_secagg {
    const struct vain_record_member *members; /* borrowed */
    int member_count, own_index;
    uint8_t session[VAIN_HASH_BYTES];
    uint8_t secret[VAIN_X25519_BYTES]; /* until the pair keys are made */
    uint8_t public_key[VAIN_X25519_BYTES];
    uint8_t (*pair_keys)[VAIN_HASH_BYTES]; /* (n) by member index, own zero; in this block */
    struct vain_mask *mask_list;           /* (n) in this block */
    struct vain_masks masks;
    bool accepted; /* the secret has been used and wiped */
    bool proved;   /* every pair has shown that it has one key */
    struct masked_input last;
    struct vain_own_mask *own;     /* owned; NULL: level 1 */
    struct vain_mask_graph *graph; /* owned; NULL: masks with all */
    int neighbours;                /* in the graph */
    struct vain_context attempt;   /* under way */
};

/* ---- life ------------------------------------------------------------------------------------ */

static enum vain_status check_members(const struct vain_record_member *members, int member_count,
                                      bool allow_small)
{
    for (int i = 1; i < member_count; i++) {
        const int order = memcmp(members[i - 1].member_id, members[i].member_id, VAIN_HASH_BYTES);
        if (order == 0)
            return vain_fail(VAIN_ERR_REFUSED,
                             "members '%s' and '%s' have the same id, so there is no mask between "
                             "them; every member needs its own key (vain key new)",
                             members[i - 1].name, members[i].name);
        VAIN_ASSERT(order < 0);
    }
    if (member_count < VAIN_SECAGG_MEMBERS_MIN && !allow_small)
        return vain_fail(
            VAIN_ERR_INPUT,
            "exchange.privacy: masked with %d member%s: %s; start at least %d members (mpirun -n "
            "%d, srun -n %d, or --members %d on this machine). To run it all the same set "
            "exchange.allow_small: true, or exchange.privacy: none",
            member_count, member_count == 1 ? "" : "s",
            member_count == 1 ? "there is nobody whose delta could hide this one"
                              : "each would get the other's delta by subtracting its own",
            VAIN_SECAGG_MEMBERS_MIN, VAIN_SECAGG_MEMBERS_MIN, VAIN_SECAGG_MEMBERS_MIN,
            VAIN_SECAGG_MEMBERS_MIN);
    return VAIN_OK;
}

enum vain_status vain_secagg_open(const struct vain_record_member *members, int member_count,
                                  int own_index, bool allow_small, struct vain_secagg **out)
{
    struct vain_secagg *secagg = NULL;
    *out = NULL;
    VAIN_ASSERT(own_index >= 0);
    VAIN_ASSERT(own_index < member_count);
    VAIN_TRY(check_members(members, member_count, allow_small));
    const size_t keys_bytes = (size_t)member_count * VAIN_HASH_BYTES;
    const size_t masks_bytes = (size_t)member_count * sizeof *secagg->mask_list;
    VAIN_TRY(vain_take(sizeof *secagg + keys_bytes + masks_bytes, "mask keys", (void **)&secagg));
    secagg->members = members;
    secagg->member_count = member_count;
    secagg->own_index = own_index;
    secagg->pair_keys = (uint8_t(*)[VAIN_HASH_BYTES])(void *)(secagg + 1);
    secagg->mask_list = (struct vain_mask *)(void *)(secagg->pair_keys + member_count);
    vain_x25519_keypair(secagg->secret, secagg->public_key);
    *out = secagg;
    return VAIN_OK;
}

void vain_secagg_close(struct vain_secagg **secagg)
{
    if (*secagg != NULL) {
        vain_own_mask_close(&(*secagg)->own);
        vain_mask_graph_close(&(*secagg)->graph);
    }
    vain_release_wiped(*secagg);
    *secagg = NULL;
}

/* ---- start ----------------------------------------------------------------------------------- */

void vain_secagg_set_session(struct vain_secagg *secagg, const uint8_t *nonces)
{
    struct vain_hash_state state;
    vain_hash_init(&state, "vain/secagg/run");
    for (int i = 0; i < secagg->member_count; i++) {
        vain_hash_update(&state, secagg->members[i].member_id, VAIN_HASH_BYTES);
        vain_hash_update(&state, nonces + (size_t)i * VAIN_SECAGG_NONCE_BYTES,
                         VAIN_SECAGG_NONCE_BYTES);
    }
    vain_hash_final(&state, secagg->session);
}

/* What a member signs: domain || session || its id || its X25519 key. */
static void announcement_message(const uint8_t *session, const uint8_t *member_id,
                                 const uint8_t *public_key, uint8_t out[MESSAGE_BYTES])
{
    struct vain_writer writer;
    vain_writer_init(&writer, out, MESSAGE_BYTES);
    vain_write_bytes(&writer, ANNOUNCEMENT_DOMAIN, sizeof ANNOUNCEMENT_DOMAIN);
    vain_write_bytes(&writer, session, VAIN_HASH_BYTES);
    vain_write_bytes(&writer, member_id, VAIN_HASH_BYTES);
    vain_write_bytes(&writer, public_key, VAIN_X25519_BYTES);
    VAIN_ASSERT(!writer.failed);
    VAIN_ASSERT(writer.position == MESSAGE_BYTES);
}

enum vain_status vain_secagg_announce(const struct vain_secagg *secagg, struct vain_signer *signer,
                                      uint8_t out[VAIN_MIN_LEN(VAIN_SECAGG_ANNOUNCEMENT_BYTES)])
{
    uint8_t message[MESSAGE_BYTES];
    announcement_message(secagg->session, secagg->members[secagg->own_index].member_id,
                         secagg->public_key, message);
    memcpy(out, secagg->session, VAIN_HASH_BYTES);
    memcpy(out + VAIN_HASH_BYTES, secagg->public_key, VAIN_X25519_BYTES);
    return vain_signer_sign(signer, message, sizeof message,
                            out + VAIN_HASH_BYTES + VAIN_X25519_BYTES);
}

static enum vain_status check_announcement(const struct vain_secagg *secagg, int index,
                                           const uint8_t *announcement)
{
    const struct vain_record_member *member = &secagg->members[index];
    const uint8_t *public_key = announcement + VAIN_HASH_BYTES;
    uint8_t message[MESSAGE_BYTES];
    announcement_message(announcement, member->member_id, public_key, message);
    if (!vain_signature_valid(member->certificate.current_key, message, sizeof message,
                              public_key + VAIN_X25519_BYTES))
        return vain_fail(VAIN_ERR_AUTH,
                         "mask key of member '%s': its signature is not that member's; somebody "
                         "else speaks for it, or the message changed on its way",
                         member->name);
    if (!vain_equal(announcement, secagg->session, VAIN_HASH_BYTES))
        return vain_fail(VAIN_ERR_AUTH,
                         "mask key of member '%s' was announced for another start of a run: "
                         "somebody replays it; start all members anew",
                         member->name);
    if (index == secagg->own_index &&
        !vain_equal(public_key, secagg->public_key, VAIN_X25519_BYTES))
        return vain_fail(VAIN_ERR_AUTH,
                         "mask key of member '%s', this one, came back as another: a second "
                         "process uses the same key file",
                         member->name);
    return VAIN_OK;
}

enum vain_status vain_secagg_pair_key(const uint8_t secret[VAIN_MIN_LEN(VAIN_X25519_BYTES)],
                                      const uint8_t peer[VAIN_MIN_LEN(VAIN_X25519_BYTES)],
                                      const uint8_t low_public[VAIN_MIN_LEN(VAIN_X25519_BYTES)],
                                      const uint8_t high_public[VAIN_MIN_LEN(VAIN_X25519_BYTES)],
                                      uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)])
{
    uint8_t material[3 * VAIN_X25519_BYTES];
    memset(out, 0, VAIN_HASH_BYTES);
    if (!vain_x25519_shared(secret, peer, material))
        return vain_fail(VAIN_ERR_AUTH, "an X25519 point of low order: anybody would know the key");
    memcpy(material + VAIN_X25519_BYTES, low_public, VAIN_X25519_BYTES);
    memcpy(material + (size_t)2 * VAIN_X25519_BYTES, high_public, VAIN_X25519_BYTES);
    vain_hash("vain/secagg/pair", material, sizeof material, out);
    vain_wipe(material, sizeof material);
    return VAIN_OK;
}

static enum vain_status make_pair_key(struct vain_secagg *secagg, int index, const uint8_t *peer)
{
    const bool peer_is_low = index < secagg->own_index;
    const enum vain_status status =
        vain_secagg_pair_key(secagg->secret, peer, peer_is_low ? peer : secagg->public_key,
                             peer_is_low ? secagg->public_key : peer, secagg->pair_keys[index]);
    if (status == VAIN_OK)
        return VAIN_OK;
    return vain_fail(VAIN_ERR_AUTH,
                     "mask key of member '%s' is a point of low order, so anybody would know the "
                     "masks; the member is refused",
                     secagg->members[index].name);
}

enum vain_status vain_secagg_accept(struct vain_secagg *secagg, const uint8_t *announcements)
{
    enum vain_status status = VAIN_OK;
    VAIN_ASSERT(!secagg->accepted);
    for (int i = 0; i < secagg->member_count && status == VAIN_OK; i++) {
        const uint8_t *announcement = announcements + (size_t)i * VAIN_SECAGG_ANNOUNCEMENT_BYTES;
        status = check_announcement(secagg, i, announcement);
        if (status == VAIN_OK && i != secagg->own_index)
            status = make_pair_key(secagg, i, announcement + VAIN_HASH_BYTES);
    }
    if (status != VAIN_OK) /* nothing can be done with it but to close it, which wipes */
        return status;
    secagg->accepted = true;
    vain_wipe(secagg->secret, sizeof secagg->secret);
    return VAIN_OK;
}

/* What `from` shows `to`: a hash under their key that only they can make. */
static void make_proof(const struct vain_secagg *secagg, int from, int to,
                       uint8_t out[VAIN_SECAGG_PROOF_BYTES])
{
    uint8_t data[3 * VAIN_HASH_BYTES];
    const int peer = from == secagg->own_index ? to : from;
    memcpy(data, secagg->session, VAIN_HASH_BYTES);
    memcpy(data + VAIN_HASH_BYTES, secagg->members[from].member_id, VAIN_HASH_BYTES);
    memcpy(data + (size_t)2 * VAIN_HASH_BYTES, secagg->members[to].member_id, VAIN_HASH_BYTES);
    vain_hash_keyed(secagg->pair_keys[peer], "vain/secagg/have", data, sizeof data, out);
}

void vain_secagg_prove(const struct vain_secagg *secagg, uint8_t *out)
{
    memset(out, 0, (size_t)secagg->member_count * VAIN_SECAGG_PROOF_BYTES);
    for (int i = 0; i < secagg->member_count; i++) {
        if (i != secagg->own_index)
            make_proof(secagg, secagg->own_index, i, out + (size_t)i * VAIN_SECAGG_PROOF_BYTES);
    }
}

enum vain_status vain_secagg_check(struct vain_secagg *secagg, const uint8_t *proofs)
{
    const int own = secagg->own_index;
    for (int i = 0; i < secagg->member_count; i++) {
        uint8_t expected[VAIN_SECAGG_PROOF_BYTES];
        if (i == own)
            continue;
        make_proof(secagg, i, own, expected);
        const uint8_t *shown = proofs + ((size_t)i * (size_t)secagg->member_count + (size_t)own) *
                                            VAIN_SECAGG_PROOF_BYTES;
        if (!vain_equal(expected, shown, sizeof expected))
            return vain_fail(VAIN_ERR_AUTH,
                             "members '%s' and '%s' do not have the same key for their masks: one "
                             "of them was given another key than was announced; their masks would "
                             "not cancel, nothing was sent",
                             secagg->members[i].name, secagg->members[own].name);
    }
    secagg->proved = true;
    return VAIN_OK;
}

/* ---- rounds ---------------------------------------------------------------------------------- */

void vain_secagg_seed(const uint8_t pair_key[VAIN_MIN_LEN(VAIN_HASH_BYTES)],
                      const struct vain_context *context,
                      uint8_t out[VAIN_MIN_LEN(VAIN_MASK_SEED_BYTES)])
{
    uint8_t bytes[VAIN_CONTEXT_BYTES];
    vain_context_encode(context, bytes);
    vain_hash_keyed(pair_key, "vain/secagg/seed", bytes, sizeof bytes, out);
}

/* Rounds begin anew in a later epoch, and attempts in a later round. */
static bool comes_after(const struct vain_context *context, const struct masked_input *last)
{
    if (context->epoch != last->epoch)
        return context->epoch > last->epoch;
    if (context->round != last->round)
        return context->round > last->round;
    return context->attempt > last->attempt;
}

/* The promise "one set an input", within this process: at level 1 as soon as words may have left,
 * at level 2 once something was disclosed that opens their sum. And no context twice, since seeds
 * come from it: words of two inputs would lie under the same stream. */
static void remember(struct vain_secagg *secagg, const struct vain_context *context, uint64_t input)
{
    struct masked_input *last = &secagg->last;
    const bool again = last->any && last->input == input;
    if (last->any) {
        VAIN_ASSERT(!again || !last->opened ||
                    memcmp(last->set_hash, context->set_hash, VAIN_HASH_BYTES) == 0);
        VAIN_ASSERT(comes_after(context, last));
    }
    last->any = true;
    last->opened = secagg->own == NULL || (again && last->opened);
    last->input = input;
    last->epoch = context->epoch;
    last->round = context->round;
    last->attempt = context->attempt;
    memcpy(last->set_hash, context->set_hash, VAIN_HASH_BYTES);
}

enum vain_status vain_secagg_use_graph(struct vain_secagg *secagg, int neighbours)
{
    VAIN_ASSERT(secagg->graph == NULL);
    secagg->neighbours = neighbours;
    return vain_mask_graph_open(secagg->member_count, &secagg->graph);
}

static bool has_mask_with(const struct vain_secagg *secagg, int peer)
{
    if (peer == secagg->own_index)
        return false;
    return secagg->graph == NULL || vain_mask_graph_joins(secagg->graph, secagg->own_index, peer);
}

const struct vain_masks *vain_secagg_begin(struct vain_secagg *secagg,
                                           const struct vain_context *context, uint64_t input)
{
    int count = 0;
    VAIN_ASSERT(secagg->proved);
    VAIN_ASSERT(secagg->masks.count == 0);
    remember(secagg, context, input);
    if (secagg->graph != NULL)
        vain_mask_graph_draw(secagg->graph, context, secagg->neighbours);
    for (int i = 0; i < secagg->member_count; i++) {
        if (!has_mask_with(secagg, i))
            continue;
        struct vain_mask *mask = &secagg->mask_list[count++];
        mask->domain = VAIN_MASK_PAIR;
        mask->subtract = i < secagg->own_index;
        vain_secagg_seed(secagg->pair_keys[i], context, mask->seed);
    }
    secagg->attempt = *context;
    if (secagg->own != NULL)
        vain_own_mask_begin(secagg->own, context, &secagg->mask_list[count++]);
    secagg->masks = (struct vain_masks){.count = count, .masks = secagg->mask_list};
    return &secagg->masks;
}

void vain_secagg_wipe_seeds(struct vain_secagg *secagg)
{
    vain_wipe(secagg->mask_list, (size_t)secagg->member_count * sizeof *secagg->mask_list);
    secagg->masks.count = 0;
}

/* ---- own masks ------------------------------------------------------------------------------- */

enum vain_status vain_secagg_use_own_masks(struct vain_secagg *secagg, int threshold)
{
    VAIN_ASSERT(secagg->own == NULL);
    VAIN_ASSERT(threshold >= 1 && threshold <= secagg->member_count);
    if (secagg->member_count > VAIN_MASK_COMPLETE_MAX)
        VAIN_TRY(vain_secagg_use_graph(secagg, vain_mask_degree(secagg->member_count).neighbours));
    return vain_own_mask_open(threshold, &secagg->own);
}

static struct vain_share_box box_of(const struct vain_secagg *secagg, int dealer, int holder)
{
    const int peer = dealer == secagg->own_index ? holder : dealer;
    return (struct vain_share_box){.pair_key = secagg->pair_keys[peer],
                                   .context = &secagg->attempt,
                                   .dealer = dealer,
                                   .holder = holder};
}

void vain_secagg_deal(const struct vain_secagg *secagg, uint8_t *out)
{
    struct vain_scalar share;
    VAIN_ASSERT(secagg->own != NULL);
    struct vain_share_message message = {.members = secagg->member_count,
                                         .threshold = vain_own_mask_threshold(secagg->own),
                                         .dealer = secagg->own_index};
    vain_share_attempt(&secagg->attempt, message.attempt);
    const struct vain_share_places places = vain_share_message_start(&message, out);
    vain_own_mask_commit(secagg->own, places.commitments);
    for (int i = 0; i < secagg->member_count; i++) {
        if (i == secagg->own_index)
            continue;
        const struct vain_share_box box = box_of(secagg, secagg->own_index, i);
        vain_own_mask_share(secagg->own, i, &share);
        vain_share_seal(&box, &share, &places.boxes[i]);
    }
    vain_wipe(&share, sizeof share);
}

/* The share that `dealer` has dealt to this member. */
static enum vain_share_fault open_deal(const struct vain_secagg *secagg, int dealer,
                                       const uint8_t *data, size_t bytes,
                                       struct vain_share_message *message,
                                       struct vain_scalar *share)
{
    VAIN_ASSERT(secagg->own != NULL);
    VAIN_ASSERT(dealer >= 0 && dealer < secagg->member_count);
    VAIN_ASSERT(dealer != secagg->own_index);
    const struct vain_share_expected expected = {.members = secagg->member_count,
                                                 .threshold = vain_own_mask_threshold(secagg->own),
                                                 .dealer = dealer,
                                                 .context = &secagg->attempt};
    vain_scalar_of_number(0, share);
    const enum vain_share_fault fault = vain_share_message_read(data, bytes, &expected, message);
    if (fault != VAIN_SHARE_FINE)
        return fault;
    const struct vain_share_box box = box_of(secagg, dealer, secagg->own_index);
    return vain_share_open(&box, &message->boxes[secagg->own_index], share);
}

enum vain_share_fault vain_secagg_check_deal(const struct vain_secagg *secagg, int dealer,
                                             const uint8_t *data, size_t bytes,
                                             struct vain_share_message *out)
{
    struct vain_scalar share;
    const enum vain_share_fault fault = open_deal(secagg, dealer, data, bytes, out, &share);
    vain_wipe(&share, sizeof share);
    return fault;
}

void vain_secagg_disclose(struct vain_secagg *secagg, struct vain_scalar *out)
{
    VAIN_ASSERT(secagg->own != NULL);
    vain_own_mask_disclose(secagg->own, &secagg->attempt, out);
    secagg->last.opened = true;
}

enum vain_share_fault vain_secagg_disclose_share(struct vain_secagg *secagg, int dealer,
                                                 const uint8_t *data, size_t bytes,
                                                 struct vain_share *out)
{
    struct vain_share_message message;
    *out = (struct vain_share){.index = secagg->own_index};
    const enum vain_share_fault fault =
        open_deal(secagg, dealer, data, bytes, &message, &out->value);
    if (fault != VAIN_SHARE_FINE)
        return fault;
    vain_own_mask_mark_disclosed(secagg->own, &secagg->attempt);
    secagg->last.opened = true;
    return VAIN_SHARE_FINE;
}

void vain_secagg_end_attempt(struct vain_secagg *secagg)
{
    if (secagg->own != NULL)
        vain_own_mask_end(secagg->own);
}

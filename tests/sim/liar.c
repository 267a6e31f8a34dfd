#include "tests/sim/liar.h"

#include "collectives/exchange_state.h"
#include "tests/sim/federation_member.h"

static const struct federation_plan *watched;

void liar_watch(const struct federation_plan *plan)
{
    watched = plan;
}

bool liar_lies(const struct member *member)
{
    return member->plan->members_lie && member->liar.lie != LIE_NONE;
}

void liar_tells(struct member *member)
{
    struct liar *liar = &member->liar;
    const enum judged_lie_about about = liar->lie >= LIE_DEAL  ? JUDGED_LIE_MASKS
                                        : liar->lie == LIE_OWN ? JUDGED_LIE_OWN_WORDS
                                                               : JUDGED_LIE_WORDS;
    if (liar->told)
        return;
    liar->told = true;
    member_says(member, "lies (%d)", (int)liar->lie);
    judge_lies(member->plan->judge, member->index, &member->proposal, about,
               liar->lie != LIE_DEAL && liar->lie != LIE_LOSE);
}

/* A lie about words is told once. */
static void tell(struct member *member)
{
    liar_tells(member);
    member->liar.lie = LIE_NONE;
}

static void spoil_word(struct member *member, uint32_t *words, int64_t count)
{
    struct vain_sim_random *random = &member->liar.random;
    words[vain_sim_draw(random, (uint32_t)count)] += 1 + vain_sim_draw(random, UINT32_MAX);
}

static void spoil_byte(struct member *member, uint8_t *bytes, size_t count)
{
    struct vain_sim_random *random = &member->liar.random;
    bytes[vain_sim_draw(random, (uint32_t)count)] ^= (uint8_t)(1 + vain_sim_draw(random, 255));
}

/* ---- own words, and statements --------------------------------------------------------------- */

/* Where a ring sums: up to all its steps; a leaf of a tree sends one message. */
static int messages_before(struct member *member, bool ring)
{
    const uint32_t most = ring ? 2 * (uint32_t)member->use.size - 2 : 2;
    return (int)vain_sim_draw(&member->liar.random, most);
}

void liar_begin(struct member *member)
{
    struct liar *liar = &member->liar;
    const bool has_evidence = vain_exchange_has_evidence(member->use.exchange);
    liar->lie = LIE_NONE;
    liar->told = false;
    if (liar->about == LIAR_LETTERS || !vain_sim_chance(&liar->random, liar->lies_ppm))
        return;
    if (liar->about == LIAR_MASKS) {
        liar->lie = LIE_DEAL + vain_sim_draw(&liar->random, LIES - LIE_DEAL);
        return;
    }
    const uint32_t kinds = has_evidence ? LIE_DEAL : LIE_UNTAGGED + 1;
    liar->lie = 1 + vain_sim_draw(&liar->random, kinds - 1);
    liar->messages = messages_before(member, has_evidence || member->plan->ring);
    if (liar->lie != LIE_OWN || !liar_lies(member))
        return;
    spoil_word(member, member->use.words, member->use.codec.word_count);
    tell(member);
}

void liar_states_own(struct member *member, uint8_t *own)
{
    if (!liar_lies(member) || member->liar.lie != LIE_SIGNED)
        return;
    spoil_byte(member, own, vain_evidence_own_bytes(member->use.size));
    tell(member);
}

/* As docs/protocol.md says it. */
static void sign_hop(struct member *member, int step, struct vain_statement *statement)
{
    const struct member_use *use = &member->use;
    const int parts[3] = {use->rank, step, vain_evidence_shard(use->size, use->rank, step)};
    uint8_t message[16 + VAIN_HASH_BYTES] = "vain/hop/v1", context_hash[VAIN_HASH_BYTES];
    struct vain_hash_state state;
    vain_context_message_hash(use->exchange->wire->mine, context_hash);
    vain_hash_init(&state, "vain/evid/hop");
    vain_hash_update(&state, context_hash, sizeof context_hash);
    for (int i = 0; i < 3; i++) {
        const uint8_t part[4] = {(uint8_t)parts[i], (uint8_t)(parts[i] >> 8)};
        vain_hash_update(&state, part, sizeof part);
    }
    vain_hash_update(&state, statement->forms, sizeof statement->forms);
    vain_hash_final(&state, message + 16);
    VAIN_ASSERT(vain_signer_sign(&member->plan->signers[member->index], message, sizeof message,
                                 statement->signature) == VAIN_OK);
}

void liar_shows_hops(struct member *member, uint8_t *hops)
{
    const size_t half = vain_evidence_hops_bytes(member->use.size) / 2;
    const enum lie lie = member->liar.lie;
    if (!liar_lies(member) || lie < LIE_SENT || lie >= LIE_DEAL)
        return;
    if (lie == LIE_TWO) {
        const int step = (int)vain_sim_draw(&member->liar.random,
                                            (uint32_t)vain_evidence_steps(member->use.size));
        struct vain_statement *statement = (struct vain_statement *)(void *)hops + step;
        spoil_byte(member, statement->forms, sizeof statement->forms);
        sign_hop(member, step, statement);
    } else {
        spoil_byte(member, hops + (lie == LIE_CAME ? half : 0), half);
    }
    tell(member);
}

/* ---- words that leave ------------------------------------------------------------------------ */

static struct member *member_of(const struct vain_exchange *exchange)
{
    for (int i = 0; watched != NULL && watched->members_lie && i < watched->members; i++) {
        struct member *member = &watched->all[i];
        if (member->use.exchange == exchange)
            return member->liar.lies_ppm > 0 ? member : NULL;
    }
    return NULL;
}

/* Whether this is the message that is spoilt. */
static bool is_due(struct member *member, int64_t count)
{
    struct liar *liar = &member->liar;
    if (!liar_lies(member) || liar->lie > LIE_UNTAGGED || count == 0)
        return false;
    return liar->messages-- == 0;
}

/* The linker puts these in the way of the exchange's own calls (--wrap). The first is only a
 * ring's, and comes before the second. */
enum vain_status __real_vain_hops_leave(struct vain_exchange *exchange, int64_t number,
                                        int64_t first, int64_t count, const uint32_t *words);
enum vain_status __wrap_vain_hops_leave(struct vain_exchange *exchange, int64_t number,
                                        int64_t first, int64_t count, const uint32_t *words);
void __real_vain_parcel_send(struct vain_exchange *exchange, struct vain_exchange_out *out, int id,
                             struct vain_message_place place, const uint64_t *content,
                             struct vain_parcel *parcel);
void __wrap_vain_parcel_send(struct vain_exchange *exchange, struct vain_exchange_out *out, int id,
                             struct vain_message_place place, const uint64_t *content,
                             struct vain_parcel *parcel);

enum vain_status __wrap_vain_hops_leave(struct vain_exchange *exchange, int64_t number,
                                        int64_t first, int64_t count, const uint32_t *words)
{
    struct member *member = member_of(exchange);
    if (member != NULL && member->liar.lie == LIE_PASSED && is_due(member, count)) {
        spoil_word(member, exchange->words + first, count);
        member->liar.spoils = true;
        tell(member);
    }
    return __real_vain_hops_leave(exchange, number, first, count, words);
}

void __wrap_vain_parcel_send(struct vain_exchange *exchange, struct vain_exchange_out *out, int id,
                             struct vain_message_place place, const uint64_t *content,
                             struct vain_parcel *parcel)
{
    struct member *member = member_of(exchange);
    const bool of_tree = place.tag == VAIN_TAG_TREE || place.tag == VAIN_TAG_SPREAD;
    if (member == NULL) {
        __real_vain_parcel_send(exchange, out, id, place, content, parcel);
        return;
    }
    struct liar *liar = &member->liar;
    const bool is_other = (of_tree || liar->lie != LIE_PASSED) && is_due(member, parcel->count);
    const bool tagged = liar->lie != LIE_UNTAGGED;
    if (is_other && tagged)
        spoil_word(member, parcel->words, parcel->count);
    /* The tag of a message that is passed on is known already. */
    const bool hides = liar->spoils || (is_other && tagged);
    __real_vain_parcel_send(exchange, out, id, place, hides ? NULL : content, parcel);
    if (is_other && !tagged)
        spoil_word(member, parcel->words, parcel->count);
    liar->spoils = false;
    if (is_other)
        tell(member);
}

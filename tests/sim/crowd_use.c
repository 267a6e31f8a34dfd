/* Attempts of a crowd: one place each, where its members wait for each other and words are summed.
 * What would be calculated on the curve is counted. */
#include <string.h>

#include "base/memory.h"
#include "collectives/own_mask.h"
#include "tests/sim/crowd.h"

/* ---- places ---------------------------------------------------------------------------------- */

static struct crowd_attempt *find_attempt(struct crowd *crowd, const struct vain_proposal *proposal)
{
    uint8_t key[VAIN_HASH_BYTES];
    struct crowd_attempt *attempt = crowd->attempts;
    vain_proposal_hash(proposal, key);
    while (attempt != NULL && memcmp(attempt->key, key, sizeof key) != 0)
        attempt = attempt->next;
    if (attempt != NULL)
        return attempt;
    VAIN_ASSERT(vain_take(sizeof *attempt, "attempt", (void **)&attempt) == VAIN_OK);
    *attempt = (struct crowd_attempt){.proposal = *proposal,
                                      .size = vain_set_count(&proposal->set),
                                      .fails_ns = UINT64_MAX,
                                      .next = crowd->attempts};
    memcpy(attempt->key, key, sizeof key);
    VAIN_ASSERT(vain_take_array(attempt->size, sizeof *attempt->secrets, "attempt",
                                (void **)&attempt->secrets) == VAIN_OK);
    VAIN_ASSERT(vain_mask_graph_open(attempt->size, &attempt->graph) == VAIN_OK);
    crowd->attempts = attempt;
    return attempt;
}

/* Those that have ended it keep their sums. */
static void fail_soon(struct crowd_attempt *attempt, uint64_t now_ns)
{
    if (attempt->ended < attempt->size && now_ns < attempt->fails_ns)
        attempt->fails_ns = now_ns;
}

void crowd_leave_attempts(struct member *member)
{
    const struct federation_plan *plan = member->plan;
    for (struct crowd_attempt *at = plan->crowd->attempts; at != NULL; at = at->next) {
        if (vain_set_has(&at->proposal.set, member->index))
            fail_soon(at, vain_sim_now_ns(plan->sim) + crowd_seat_of(member)->notice_ns);
    }
}

void crowd_arrive(struct member *member, enum crowd_stage stage)
{
    crowd_seat_of(member)->attempt->arrived[stage]++;
}

enum vain_status crowd_wait(struct member *member, enum crowd_stage stage, uint64_t most_ms)
{
    struct crowd_attempt *attempt = crowd_seat_of(member)->attempt;
    const uint64_t now_ns = vain_sim_now_ns(member->plan->sim);
    if (now_ns >= attempt->fails_ns)
        return vain_fail(VAIN_ERR_PEER, "somebody has left the attempt");
    if (attempt->arrived[stage] == attempt->size)
        return VAIN_OK;
    if (member_now_ms(member) - member->phase_since_ms <= most_ms)
        return VAIN_AGAIN;
    fail_soon(attempt, now_ns);
    return vain_fail(VAIN_ERR_TIMEOUT, "somebody does not come to step %d", (int)stage);
}

/* ---- use ------------------------------------------------------------------------------------- */

void member_use_close(struct member *member)
{
    struct crowd_seat *seat = crowd_seat_of(member);
    if (seat->attempt != NULL)
        fail_soon(seat->attempt, vain_sim_now_ns(member->plan->sim));
    seat->attempt = NULL;
    seat->connected = false;
    vain_release(member->use.words);
    member->use = (struct member_use){0};
    if (member->assembly != NULL)
        vain_assembly_use(member->assembly, NULL);
}

enum vain_status member_use_begin(struct member *member, bool anew)
{
    struct member_use *use = &member->use;
    struct crowd_seat *seat = crowd_seat_of(member);
    const struct vain_set *set = &member->proposal.set;
    seat->attempt = find_attempt(member->plan->crowd, &member->proposal);
    if (!anew) {
        VAIN_ASSERT(use->open && vain_set_equal(set, &use->set));
        return VAIN_OK;
    }
    vain_release(use->words);
    *use = (struct member_use){.size = vain_set_count(set),
                               .rank = vain_set_place(set, member->index),
                               .threshold = member_threshold(member, set),
                               .set = *set};
    vain_proposal_hash(&member->proposal, use->key);
    seat->connected = false;
    return VAIN_AGAIN;
}

static enum vain_status open_use(struct member *member)
{
    const struct federation_plan *plan = member->plan;
    struct member_use *use = &member->use;
    const uint64_t others = (uint64_t)use->size - 1;
    plan->crowd->counts.key_pairs++;
    plan->crowd->counts.shared_keys += others;
    VAIN_TRY(
        vain_codec_init(&use->codec, plan->parameters, use->size, plan->field_bits, 1e30, 0.25));
    VAIN_TRY(vain_codec_restore(&use->codec, member->state.codec));
    VAIN_TRY(
        vain_take_array(use->codec.word_count, sizeof *use->words, "words", (void **)&use->words));
    use->open = true;
    vain_assembly_use(member->assembly, use->key);
    return VAIN_OK;
}

enum vain_status member_use_connect(struct member *member)
{
    struct crowd_seat *seat = crowd_seat_of(member);
    if (!seat->connected)
        crowd_arrive(member, CROWD_CONNECT);
    seat->connected = true;
    VAIN_TRY(crowd_wait(member, CROWD_CONNECT, MEMBER_USE_MS));
    return open_use(member);
}

/* Connecting has done it. */
enum vain_status member_use_keys(struct member *member)
{
    (void)member;
    return VAIN_OK;
}

/* ---- the attempt ----------------------------------------------------------------------------- */

enum vain_status member_agree(struct member *member)
{
    if (member->phase != MEMBER_AGREE) {
        member_enter(member, MEMBER_AGREE);
        crowd_arrive(member, CROWD_AGREE);
    }
    return crowd_wait(member, CROWD_AGREE, (uint64_t)member->plan->deadline_ms);
}

/* What the two have agreed on, though nobody else has not. */
static void pair_seed(const struct vain_context *context, int a, int b, struct vain_mask *mask)
{
    const int32_t pair[2] = {a < b ? a : b, a < b ? b : a};
    uint8_t key[VAIN_HASH_BYTES] = {0};
    memcpy(key, pair, sizeof pair);
    vain_secagg_seed(key, context, mask->seed);
}

static struct vain_masks make_masks(struct member *member, const struct vain_context *context)
{
    struct crowd *crowd = member->plan->crowd;
    const struct member_use *use = &member->use;
    struct vain_scalar *secret = &crowd_seat_of(member)->attempt->secrets[use->rank];
    struct vain_mask_graph *graph = crowd_seat_of(member)->attempt->graph;
    int count = 0, rank = -1;
    vain_mask_graph_draw(graph, context, vain_mask_degree(use->size).neighbours);
    for (int i = vain_set_next(&use->set, 0); i >= 0; i = vain_set_next(&use->set, i + 1)) {
        rank++;
        if (!vain_mask_graph_joins(graph, use->rank, rank))
            continue;
        crowd->masks[count] =
            (struct vain_mask){.domain = VAIN_MASK_PAIR, .subtract = i < member->index};
        pair_seed(context, member->index, i, &crowd->masks[count++]);
    }
    vain_scalar_random(secret);
    crowd->masks[count] = (struct vain_mask){.domain = VAIN_MASK_OWN};
    vain_own_mask_seed(secret, crowd->masks[count++].seed);
    return (struct vain_masks){.count = count, .masks = crowd->masks};
}

enum vain_status member_encode(struct member *member)
{
    struct vain_context context;
    member_context(member, &context);
    const struct vain_masks masks = make_masks(member, &context);
    return member_encode_under(member, &masks);
}

/* A polynomial of t coefficients is committed to, has a share sealed for each other member, and
 * those of all others come: points are checked, boxes are opened. */
static void count_deal(struct crowd_counts *counts, const struct member_use *use)
{
    const uint64_t others = (uint64_t)use->size - 1, threshold = (uint64_t)use->threshold;
    counts->commitments += threshold;
    counts->share_steps += others * (threshold - 1);
    counts->boxes_sealed += others;
    counts->points_checked += others * threshold;
    counts->boxes_opened += others;
}

enum vain_status member_deal(struct member *member)
{
    if (member->phase != MEMBER_DEAL) {
        member_enter(member, MEMBER_DEAL);
        count_deal(&member->plan->crowd->counts, &member->use);
        crowd_arrive(member, CROWD_DEAL);
    }
    return crowd_wait(member, CROWD_DEAL, (uint64_t)member->plan->deadline_ms);
}

static void add_words(struct crowd_attempt *attempt, const struct member_use *use)
{
    attempt->word_count = use->codec.word_count;
    if (attempt->sum == NULL)
        VAIN_ASSERT(vain_take_array(attempt->word_count, sizeof *attempt->sum, "sum",
                                    (void **)&attempt->sum) == VAIN_OK);
    for (int64_t i = 0; i < attempt->word_count; i++)
        attempt->sum[i] += use->words[i];
}

enum vain_status member_reduce(struct member *member)
{
    struct crowd_attempt *attempt = crowd_seat_of(member)->attempt;
    if (member->phase != MEMBER_REDUCE) {
        member_enter(member, MEMBER_REDUCE);
        judge_words_leave(member->plan->judge, member->index, &member->proposal, member->input);
        add_words(attempt, &member->use);
        crowd_arrive(member, CROWD_REDUCE);
    }
    VAIN_TRY(crowd_wait(member, CROWD_REDUCE, (uint64_t)member->plan->deadline_ms));
    attempt->ended++;
    memcpy(member->use.words, attempt->sum, (size_t)attempt->word_count * sizeof *attempt->sum);
    return VAIN_OK;
}

enum vain_status member_take_sum(struct member *member)
{
    struct member_use *use = &member->use;
    struct vain_queue *queue = member->plan->queue;
    VAIN_TRY(vain_own_masks_remove(queue, crowd_seat_of(member)->attempt->secrets, use->size, 0,
                                   use->codec.word_count, use->words));
    VAIN_TRY(vain_codec_verify(&use->codec, queue, member_check_random,
                               (uint32_t)member->proposal.round, member->proposal.attempt,
                               use->words));
    return member_apply_sum(member);
}

#include "tests/unit/collectives/givers.h"

#include <string.h>

#include "tests/unit/collectives/trickle.h"
#include "tests/unit/suite.h"

enum { OWN = 0, TURNS_MAX = 100000, NUMBER = 77, NAME_BYTES = VAIN_HASH_BYTES + 4 };

static uint64_t random_below(struct givers *givers, uint64_t end)
{
    return trickle_random(&givers->random) % end;
}

void givers_open(struct givers *givers, uint64_t seed, size_t bytes)
{
    memset(givers, 0, sizeof *givers);
    CU_ASSERT_FATAL(bytes <= GIVERS_BYTES_MAX);
    givers->random = seed;
    givers->bytes = bytes;
    givers->room = GIVERS_ASKS_MAX;
    for (size_t i = 0; i < bytes; i++)
        givers->truth[i] = (uint8_t)trickle_random(&givers->random);
    vain_merkle_leaves(givers->truth, bytes, GIVERS_LEAF_BYTES, NULL, givers->leaves[0]);
    vain_merkle_root_of_leaves(givers->leaves[0], vain_merkle_leaf_count(bytes, GIVERS_LEAF_BYTES),
                               givers->root);
    const struct vain_fetch_config config = {.root = givers->root,
                                             .state = givers->state,
                                             .bytes = bytes,
                                             .number = NUMBER,
                                             .members = GIVERS_MEMBERS,
                                             .own = OWN,
                                             .leaf_bytes = GIVERS_LEAF_BYTES,
                                             .part_bytes = GIVERS_PART_BYTES};
    CU_ASSERT_EQUAL_FATAL(vain_fetch_open(&config, &givers->fetch), VAIN_OK);
}

void givers_close(struct givers *givers)
{
    for (size_t i = 0; i < vain_merkle_leaf_count(givers->bytes, GIVERS_LEAF_BYTES); i++) {
        const size_t start = i * GIVERS_LEAF_BYTES, left = givers->bytes - start;
        if (vain_fetch_has(givers->fetch, i))
            CU_ASSERT_EQUAL(memcmp(givers->state + start, givers->truth + start,
                                   left < GIVERS_LEAF_BYTES ? left : GIVERS_LEAF_BYTES),
                            0);
    }
    vain_fetch_close(&givers->fetch);
    CU_ASSERT_PTR_NULL(givers->fetch);
}

static void take_verdicts(struct givers *givers)
{
    struct vain_fetch_verdict verdict;
    while (vain_fetch_next_verdict(givers->fetch, &verdict)) {
        const enum giver_kind kind = givers->kinds[verdict.member];
        CU_ASSERT_FALSE(givers->found_out[verdict.member]);
        givers->found_out[verdict.member] = true;
        givers->verdicts[verdict.member] = verdict;
        switch (verdict.fault) {
        case VAIN_FETCH_WRONG_HASHES:
            CU_ASSERT_EQUAL(kind, GIVER_WRONG_HASHES);
            break;
        case VAIN_FETCH_WRONG_LEAF:
            CU_ASSERT_EQUAL(kind, GIVER_WRONG_BYTES);
            CU_ASSERT_TRUE(verdict.leaf < GIVERS_LEAVES_MAX);
            break;
        case VAIN_FETCH_WRONG_ANSWER:
            CU_ASSERT_TRUE(kind == GIVER_WRONG_LENGTH || kind == GIVER_WRONG_HEAD ||
                           kind == GIVER_REPEATS || kind == GIVER_OTHER_FETCH ||
                           kind == GIVER_UNASKED);
            break;
        }
    }
}

/* ---- the wire -------------------------------------------------------------------------------- */

static enum vain_status take_ask(void *context, int member, uint16_t kind, const void *body,
                                 size_t bytes)
{
    struct givers *givers = context;
    struct vain_fetch_ask ask;
    if (givers->failure != VAIN_OK)
        return vain_fail(givers->failure, "givers: on purpose");
    CU_ASSERT_TRUE(givers->here[member]);
    CU_ASSERT_FALSE(givers->found_out[member]);
    CU_ASSERT_EQUAL_FATAL(bytes, VAIN_FETCH_ASK_BYTES);
    CU_ASSERT_EQUAL_FATAL(vain_fetch_ask_decode(kind, body, bytes, &ask), VAIN_OK);
    CU_ASSERT_EQUAL(memcmp(ask.root, givers->root, sizeof ask.root), 0);
    CU_ASSERT_EQUAL(ask.number, NUMBER);
    if (givers->ask_count[member] >= givers->room)
        return VAIN_AGAIN;
    struct giver_ask *kept = &givers->asks[member][givers->ask_count[member]++];
    kept->kind = kind;
    kept->bytes = bytes;
    memcpy(kept->body, body, bytes);
    givers->asked[member]++;
    if (kind == VAIN_LETTER_FETCH_PART_ASK)
        givers->leaf_asked[ask.leaf] += ask.offset == 0;
    return VAIN_OK;
}

enum vain_status givers_step(struct givers *givers)
{
    const struct vain_fetch_sender sender = {take_ask, givers};
    const enum vain_status status = vain_fetch_step(givers->fetch, &sender);
    for (int member = 1; member < GIVERS_MEMBERS; member++)
        CU_ASSERT_TRUE(vain_fetch_awaited(givers->fetch, member) <= VAIN_FETCH_WINDOW);
    return status;
}

void givers_join(struct givers *givers, int member)
{
    givers->here[member] = true;
    givers->ask_count[member] = 0;
    vain_fetch_joined(givers->fetch, member);
}

void givers_lose(struct givers *givers, int member)
{
    givers->here[member] = false;
    givers->ask_count[member] = 0;
    vain_fetch_lost(givers->fetch, member);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void change_byte(struct givers *givers, struct vain_fetch_answer *answer, size_t from)
{
    answer->body[from + random_below(givers, answer->bytes - from)] ^=
        (uint8_t)(1 + random_below(givers, 255));
}

/* How a member that is not honest changes its answer. */
static void spoil(struct givers *givers, enum giver_kind kind, struct vain_fetch_answer *answer)
{
    const bool hashes = answer->kind == VAIN_LETTER_FETCH_LEAVES;
    const bool sometimes = random_below(givers, 4) == 0;
    if (kind == GIVER_WRONG_BYTES && !hashes && sometimes)
        change_byte(givers, answer, VAIN_FETCH_ASK_BYTES);
    if (kind == GIVER_WRONG_HASHES && hashes)
        change_byte(givers, answer, VAIN_FETCH_ASK_BYTES);
    if (kind == GIVER_WRONG_HEAD && sometimes)
        answer->body[NAME_BYTES + random_below(givers, VAIN_FETCH_ASK_BYTES - NAME_BYTES)] ^= 1;
    if (kind == GIVER_OTHER_FETCH && sometimes)
        answer->body[random_below(givers, NAME_BYTES)] ^= 1;
    if (kind == GIVER_WRONG_LENGTH && sometimes)
        answer->bytes =
            random_below(givers, 2) == 0 ? answer->bytes + 1 : random_below(givers, answer->bytes);
    if (answer->bytes == VAIN_FETCH_ASK_BYTES && kind == GIVER_WRONG_LENGTH)
        answer->bytes--; /* just the ask would be honest */
}

static void deliver(struct givers *givers, int member, const struct vain_fetch_answer *answer)
{
    vain_fetch_take(givers->fetch, member, (uint16_t)answer->kind, answer->body, answer->bytes);
    take_verdicts(givers);
}

bool givers_answer(struct givers *givers, int member)
{
    static struct vain_fetch_answer answer;
    const enum giver_kind kind = givers->kinds[member];
    uint8_t other[VAIN_HASH_BYTES] = {1};
    const struct vain_fetch_source source = {kind == GIVER_WITHOUT ? other : givers->root,
                                             givers->truth, givers->bytes, givers->leaves[0],
                                             GIVERS_LEAF_BYTES};
    if (!givers->here[member] || kind == GIVER_SILENT)
        return false;
    if (kind == GIVER_UNASKED && !givers->found_out[member] && random_below(givers, 3) == 0) {
        const struct vain_fetch_ask ask = {
            .kind = VAIN_LETTER_FETCH_PART_ASK, .number = NUMBER, .leaf = 1 << 20, .count = 12};
        answer = (struct vain_fetch_answer){.kind = VAIN_LETTER_FETCH_PART, .bytes = 60};
        vain_fetch_ask_encode(&ask, answer.body);
        memcpy(answer.body, givers->root, sizeof givers->root);
        deliver(givers, member, &answer);
    }
    if (givers->ask_count[member] == 0)
        return false;
    struct giver_ask *asks = givers->asks[member];
    CU_ASSERT_EQUAL_FATAL(
        vain_fetch_answer(&source, asks[0].kind, asks[0].body, asks[0].bytes, &answer), VAIN_OK);
    memmove(asks, asks + 1, (size_t)--givers->ask_count[member] * sizeof asks[0]);
    spoil(givers, kind, &answer);
    deliver(givers, member, &answer);
    if (kind == GIVER_REPEATS && givers->here[member])
        deliver(givers, member, &answer);
    return true;
}

void givers_settle(struct givers *givers)
{
    int quiet = 0;
    for (int i = 0; i < TURNS_MAX && quiet < 100; i++) {
        const enum vain_status status = givers_step(givers);
        CU_ASSERT_TRUE(status == VAIN_OK || status == VAIN_AGAIN);
        const int member = 1 + (int)random_below(givers, GIVERS_MEMBERS - 1);
        quiet = givers_answer(givers, member) ? 0 : quiet + 1;
    }
    CU_ASSERT_EQUAL(quiet, 100);
}

void givers_expect_whole(const struct givers *givers)
{
    CU_ASSERT_EQUAL(vain_fetch_outcome(givers->fetch), VAIN_OK);
    CU_ASSERT_EQUAL(vain_fetch_verified_bytes(givers->fetch), givers->bytes);
    CU_ASSERT_EQUAL(memcmp(givers->state, givers->truth, givers->bytes), 0);
}

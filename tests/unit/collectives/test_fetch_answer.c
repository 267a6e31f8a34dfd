/* What is asked and answered when a state is fetched: one encoding, every refusal by name, and
 * answers that are the state's bytes or none. */
#include "collectives/fetch_answer.h"

#include <string.h>

#include "tests/unit/base/helpers.h"
#include "tests/unit/suite.h"

enum { BYTES = 250, LEAF = 100, LEAVES = 3 };

static struct {
    uint8_t state[BYTES], leaves[LEAVES][VAIN_HASH_BYTES], root[VAIN_HASH_BYTES];
    struct vain_fetch_source source;
    struct vain_fetch_answer answer;
} given;

static void make_source(void)
{
    for (size_t i = 0; i < BYTES; i++)
        given.state[i] = (uint8_t)(i * 7);
    vain_merkle_leaves(given.state, BYTES, LEAF, NULL, given.leaves[0]);
    CU_ASSERT_EQUAL(vain_merkle_root(given.state, BYTES, LEAF, NULL, given.root), VAIN_OK);
    given.source =
        (struct vain_fetch_source){given.root, given.state, BYTES, given.leaves[0], LEAF};
}

static struct vain_fetch_ask make_ask(enum vain_letter_kind kind, uint32_t leaf, uint32_t offset,
                                      uint32_t count)
{
    struct vain_fetch_ask ask = {.kind = kind, .leaf = leaf, .offset = offset, .count = count};
    memcpy(ask.root, given.root, sizeof ask.root);
    return ask;
}

static enum vain_status answer_to(const struct vain_fetch_source *source,
                                  const struct vain_fetch_ask *ask)
{
    uint8_t body[VAIN_FETCH_ASK_BYTES];
    vain_fetch_ask_encode(ask, body);
    const enum vain_status status =
        vain_fetch_answer(source, (uint16_t)ask->kind, body, sizeof body, &given.answer);
    if (status == VAIN_OK)
        CU_ASSERT_EQUAL(memcmp(given.answer.body, body, sizeof body), 0);
    return status;
}

static void asks_are_these_bytes(void)
{
    uint8_t expected[VAIN_FETCH_ASK_BYTES], data[VAIN_FETCH_ASK_BYTES];
    struct vain_fetch_ask ask = {.kind = VAIN_LETTER_FETCH_PART_ASK,
                                 .number = 0x0d0c0b0a,
                                 .leaf = 0x01020304,
                                 .offset = 0x00300000,
                                 .count = VAIN_FETCH_PART_BYTES},
                          back;
    memset(ask.root, 0xab, sizeof ask.root);
    CU_ASSERT_EQUAL_FATAL(
        test_hex("abababababababababababababababababababababababababababababababab"
                 "0a0b0c0d040302010000300000000800",
                 expected, sizeof expected),
        sizeof expected);
    vain_fetch_ask_encode(&ask, data);
    CU_ASSERT_EQUAL(memcmp(data, expected, sizeof data), 0);
    CU_ASSERT_EQUAL(vain_fetch_ask_decode(VAIN_LETTER_FETCH_PART_ASK, data, sizeof data, &back),
                    VAIN_OK);
    CU_ASSERT_EQUAL(back.kind, ask.kind);
    CU_ASSERT_EQUAL(memcmp(back.root, ask.root, sizeof back.root), 0);
    CU_ASSERT_EQUAL(back.number, ask.number);
    CU_ASSERT_EQUAL(back.leaf, ask.leaf);
    CU_ASSERT_EQUAL(back.offset, ask.offset);
    CU_ASSERT_EQUAL(back.count, ask.count);
}

static void what_nobody_would_ask_is_refused_by_name(void)
{
    static const struct {
        enum vain_letter_kind kind;
        uint32_t offset, count;
        const char *why;
    } rows[] = {
        {VAIN_LETTER_FETCH_LEAVES_ASK, 0, 0, "fetch of a state: an ask for nothing"},
        {VAIN_LETTER_FETCH_PART_ASK, 0, 0, "fetch of a state: an ask for nothing"},
        {VAIN_LETTER_FETCH_LEAVES_ASK, 1, 1,
         "fetch of a state: an ask for hashes of leaves from the middle of one"},
        {VAIN_LETTER_FETCH_LEAVES_ASK, 0, VAIN_FETCH_LEAVES_MAX + 1,
         "fetch of a state: an ask for more than a letter holds"},
        {VAIN_LETTER_FETCH_PART_ASK, 0, VAIN_FETCH_PART_BYTES + 1,
         "fetch of a state: an ask for more than a letter holds"},
        {VAIN_LETTER_FETCH_PART_ASK, 0, UINT32_MAX,
         "fetch of a state: an ask for more than a letter holds"},
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(rows); i++) {
        uint8_t body[VAIN_FETCH_ASK_BYTES] = {0};
        for (int byte = 0; byte < 4; byte++) {
            body[40 + byte] = (uint8_t)(rows[i].offset >> 8 * byte);
            body[44 + byte] = (uint8_t)(rows[i].count >> 8 * byte);
        }
        CU_ASSERT_EQUAL(
            vain_fetch_answer(NULL, (uint16_t)rows[i].kind, body, sizeof body, &given.answer),
            VAIN_ERR_CORRUPT);
        CU_ASSERT_STRING_EQUAL(vain_fail_message(), rows[i].why);
        CU_ASSERT_EQUAL(given.answer.bytes, 0);
    }
}

static void asks_of_another_length_are_refused(void)
{
    const struct vain_fetch_ask ask = make_ask(VAIN_LETTER_FETCH_PART_ASK, 0, 0, 1);
    uint8_t body[VAIN_FETCH_ASK_BYTES + 1] = {0};
    struct vain_fetch_ask back;
    vain_fetch_ask_encode(&ask, body);
    for (size_t bytes = 0; bytes <= sizeof body; bytes++) {
        if (bytes == VAIN_FETCH_ASK_BYTES)
            continue;
        CU_ASSERT_EQUAL(vain_fetch_ask_decode(VAIN_LETTER_FETCH_PART_ASK, body, bytes, &back),
                        VAIN_ERR_CORRUPT);
        CU_ASSERT_STRING_EQUAL(vain_fail_message(), "fetch of a state: an ask of another length");
    }
    vain_fail_clear();
}

static void answers_are_what_was_asked_for(void)
{
    make_source();
    for (uint32_t leaf = 0; leaf < LEAVES; leaf++) {
        const uint32_t end = leaf == LEAVES - 1 ? BYTES % LEAF : LEAF;
        for (uint32_t offset = 0; offset < end; offset += 7)
            for (uint32_t count = 1; count <= end - offset; count++) {
                const struct vain_fetch_ask ask =
                    make_ask(VAIN_LETTER_FETCH_PART_ASK, leaf, offset, count);
                CU_ASSERT_EQUAL(answer_to(&given.source, &ask), VAIN_OK);
                CU_ASSERT_EQUAL(given.answer.kind, VAIN_LETTER_FETCH_PART);
                CU_ASSERT_EQUAL(given.answer.bytes, VAIN_FETCH_ASK_BYTES + count);
                CU_ASSERT_EQUAL(memcmp(given.answer.body + VAIN_FETCH_ASK_BYTES,
                                       given.state + (size_t)leaf * LEAF + offset, count),
                                0);
            }
        for (uint32_t count = 1; count <= LEAVES - leaf; count++) {
            const struct vain_fetch_ask ask =
                make_ask(VAIN_LETTER_FETCH_LEAVES_ASK, leaf, 0, count);
            const size_t bytes = (size_t)count * VAIN_HASH_BYTES;
            CU_ASSERT_EQUAL(answer_to(&given.source, &ask), VAIN_OK);
            CU_ASSERT_EQUAL(given.answer.kind, VAIN_LETTER_FETCH_LEAVES);
            CU_ASSERT_EQUAL(given.answer.bytes, VAIN_FETCH_ASK_BYTES + bytes);
            CU_ASSERT_EQUAL(
                memcmp(given.answer.body + VAIN_FETCH_ASK_BYTES, given.leaves[leaf], bytes), 0);
        }
    }
}

/* The state's last byte is the last that anybody can get. */
static void nothing_beyond_the_state_is_given(void)
{
    static const struct {
        enum vain_letter_kind kind;
        uint32_t leaf, offset, count;
    } rows[] = {
        {VAIN_LETTER_FETCH_PART_ASK, 0, 0, LEAF + 1},
        {VAIN_LETTER_FETCH_PART_ASK, 0, LEAF - 1, 2},
        {VAIN_LETTER_FETCH_PART_ASK, 0, LEAF, 1},
        {VAIN_LETTER_FETCH_PART_ASK, 0, UINT32_MAX, 1},
        {VAIN_LETTER_FETCH_PART_ASK, 2, 49, 2},
        {VAIN_LETTER_FETCH_PART_ASK, 2, 50, 1},
        {VAIN_LETTER_FETCH_PART_ASK, 3, 0, 1},
        {VAIN_LETTER_FETCH_PART_ASK, UINT32_MAX, 0, 1},
        {VAIN_LETTER_FETCH_LEAVES_ASK, 0, 0, 4},
        {VAIN_LETTER_FETCH_LEAVES_ASK, 2, 0, 2},
        {VAIN_LETTER_FETCH_LEAVES_ASK, 3, 0, 1},
        {VAIN_LETTER_FETCH_LEAVES_ASK, UINT32_MAX, 0, 1},
    };
    make_source();
    for (size_t i = 0; i < VAIN_COUNT_OF(rows); i++) {
        const struct vain_fetch_ask ask =
            make_ask(rows[i].kind, rows[i].leaf, rows[i].offset, rows[i].count);
        CU_ASSERT_EQUAL(answer_to(&given.source, &ask), VAIN_ERR_CORRUPT);
        CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "an ask for what is not in it"));
        CU_ASSERT_EQUAL(given.answer.bytes, 0);
    }
    vain_fail_clear();
}

static void who_has_another_state_says_so(void)
{
    make_source();
    for (int i = 0; i < 2; i++) {
        struct vain_fetch_ask ask = make_ask(
            i == 0 ? VAIN_LETTER_FETCH_PART_ASK : VAIN_LETTER_FETCH_LEAVES_ASK, 70000, 0, 5);
        CU_ASSERT_EQUAL(answer_to(NULL, &ask), VAIN_OK);
        CU_ASSERT_EQUAL(given.answer.bytes, VAIN_FETCH_ASK_BYTES);
        ask.root[31] ^= 1;
        CU_ASSERT_EQUAL(answer_to(&given.source, &ask), VAIN_OK);
        CU_ASSERT_EQUAL(given.answer.bytes, VAIN_FETCH_ASK_BYTES);
    }
}

static const struct vain_test tests[] = {
    {"asks are these bytes", asks_are_these_bytes},
    {"what nobody would ask is refused by name", what_nobody_would_ask_is_refused_by_name},
    {"asks of another length are refused", asks_of_another_length_are_refused},
    {"answers are what was asked for", answers_are_what_was_asked_for},
    {"nothing beyond the state is given", nothing_beyond_the_state_is_given},
    {"who has another state says so", who_has_another_state_says_so},
    {NULL, NULL},
};
const struct vain_suite vain_suite_fetch_answer = {"fetch answer", tests};

/* Letters of members on their own hosts: one encoding each, and every other form refused. */
#include "jobs/member_letter.h"

#include <string.h>

#include "tests/unit/base/helpers.h"
#include "tests/unit/suite.h"

enum { MEMBERS = 5 };

#define FOUR(hex)       hex hex hex hex
#define SIXTEEN(hex)    FOUR(hex) FOUR(hex) FOUR(hex) FOUR(hex)
#define THIRTY_TWO(hex) SIXTEEN(hex) SIXTEEN(hex)

static const uint8_t card[] = {0xc0, 0xc1, 0xc2};

static struct vain_hello_letter make_hello(void)
{
    struct vain_hello_letter hello = {.platform = "vain", .card = card, .card_bytes = sizeof card};
    memset(hello.group_id, 0x11, VAIN_HASH_BYTES);
    memset(hello.spec_hash, 0x22, VAIN_HASH_BYTES);
    memset(hello.corpus_hash, 0x33, VAIN_HASH_BYTES);
    return hello;
}

static struct vain_state_letter make_state(void)
{
    struct vain_state_letter state = {.epoch = 0x0102,
                                      .round = 0x030405,
                                      .starting = true,
                                      .codec = {-7, 3},
                                      .parameter_count = UINT64_C(0x060708090a)};
    vain_set_add(&state.voters, 0);
    vain_set_add(&state.voters, 4);
    memset(state.run_id, 0x44, VAIN_RUN_ID_BYTES);
    memset(state.parameters_hash, 0x55, VAIN_HASH_BYTES);
    memset(state.momentum_hash, 0x66, VAIN_HASH_BYTES);
    memset(state.record_head, 0x77, VAIN_HASH_BYTES);
    return state;
}

static const char hello_hex[] = "0300" THIRTY_TWO("11") THIRTY_TWO("22") THIRTY_TWO("33") "0400"
                                                                                          "7661696e"
                                                                                          "0300"
                                                                                          "c0c1c2";
static const char state_hex[] = "0201000000000000"
                                "0504030000000000"
                                "0100"
                                "1100000000000000"
    /* 1024 members: 15 words more */
    THIRTY_TWO("00") THIRTY_TWO("00") THIRTY_TWO("00") SIXTEEN("00") FOUR("00") FOUR("00")
        SIXTEEN("44") THIRTY_TWO("55") THIRTY_TWO("66") THIRTY_TWO("77") "f9ffffff"
                                                                         "03000000"
                                                                         "0a09080706000000";
static const char signature_hex[] = "0900000000000000"
                                    "0807000000000000"
                                    "abcdef";

static size_t bytes_of(const char *hex, uint8_t *out, size_t capacity)
{
    const size_t bytes = test_hex(hex, out, capacity);
    CU_ASSERT_EQUAL_FATAL(bytes, strlen(hex) / 2);
    return bytes;
}

/* ---- the bytes ------------------------------------------------------------------------------- */

static void a_hello_is_these_bytes(void)
{
    const struct vain_hello_letter hello = make_hello();
    uint8_t expected[VAIN_HELLO_LETTER_BYTES_MAX], data[VAIN_HELLO_LETTER_BYTES_MAX];
    const size_t bytes = bytes_of(hello_hex, expected, sizeof expected);
    struct vain_hello_letter back;
    CU_ASSERT_EQUAL_FATAL(vain_hello_letter_encode(&hello, data), bytes);
    CU_ASSERT_EQUAL(memcmp(data, expected, bytes), 0);
    CU_ASSERT_TRUE_FATAL(vain_hello_letter_decode(expected, bytes, &back));
    CU_ASSERT_EQUAL(memcmp(back.group_id, hello.group_id, VAIN_HASH_BYTES), 0);
    CU_ASSERT_EQUAL(memcmp(back.spec_hash, hello.spec_hash, VAIN_HASH_BYTES), 0);
    CU_ASSERT_EQUAL(memcmp(back.corpus_hash, hello.corpus_hash, VAIN_HASH_BYTES), 0);
    CU_ASSERT_STRING_EQUAL(back.platform, "vain");
    CU_ASSERT_EQUAL_FATAL(back.card_bytes, sizeof card);
    CU_ASSERT_EQUAL(memcmp(back.card, card, sizeof card), 0);
}

static void a_state_is_these_bytes(void)
{
    const struct vain_state_letter state = make_state();
    uint8_t expected[VAIN_STATE_LETTER_BYTES], data[VAIN_STATE_LETTER_BYTES];
    struct vain_state_letter back;
    CU_ASSERT_EQUAL_FATAL(bytes_of(state_hex, expected, sizeof expected), sizeof expected);
    vain_state_letter_encode(&state, data);
    CU_ASSERT_EQUAL(memcmp(data, expected, sizeof data), 0);
    CU_ASSERT_TRUE_FATAL(vain_state_letter_decode(expected, sizeof expected, MEMBERS, &back));
    CU_ASSERT_EQUAL(back.epoch, state.epoch);
    CU_ASSERT_EQUAL(back.round, state.round);
    CU_ASSERT_TRUE(back.starting);
    CU_ASSERT_TRUE(vain_set_equal(&back.voters, &state.voters));
    CU_ASSERT_EQUAL(memcmp(back.run_id, state.run_id, VAIN_RUN_ID_BYTES), 0);
    CU_ASSERT_EQUAL(memcmp(back.parameters_hash, state.parameters_hash, VAIN_HASH_BYTES), 0);
    CU_ASSERT_EQUAL(memcmp(back.momentum_hash, state.momentum_hash, VAIN_HASH_BYTES), 0);
    CU_ASSERT_EQUAL(memcmp(back.record_head, state.record_head, VAIN_HASH_BYTES), 0);
    CU_ASSERT_EQUAL(back.codec.range_exponent, -7);
    CU_ASSERT_EQUAL(back.codec.bound_exponent, 3);
    CU_ASSERT_EQUAL(back.parameter_count, state.parameter_count);
}

static void a_signature_is_these_bytes(void)
{
    static const uint8_t body[] = {0xab, 0xcd, 0xef};
    const struct vain_signature_letter letter = {9, 0x0708, body, sizeof body};
    uint8_t expected[VAIN_SIGNATURE_LETTER_BYTES_MAX], data[VAIN_SIGNATURE_LETTER_BYTES_MAX];
    const size_t bytes = bytes_of(signature_hex, expected, sizeof expected);
    struct vain_signature_letter back;
    CU_ASSERT_EQUAL_FATAL(vain_signature_letter_encode(&letter, data), bytes);
    CU_ASSERT_EQUAL(memcmp(data, expected, bytes), 0);
    CU_ASSERT_TRUE_FATAL(vain_signature_letter_decode(expected, bytes, &back));
    CU_ASSERT_EQUAL(back.epoch, 9);
    CU_ASSERT_EQUAL(back.round, 0x0708);
    CU_ASSERT_EQUAL_FATAL(back.bytes, sizeof body);
    CU_ASSERT_EQUAL(memcmp(back.body, body, sizeof body), 0);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void every_cut_and_one_byte_more_is_refused(void)
{
    uint8_t hello[VAIN_HELLO_LETTER_BYTES_MAX], state[VAIN_STATE_LETTER_BYTES + 1] = {0};
    const size_t hello_bytes = bytes_of(hello_hex, hello, sizeof hello);
    const size_t state_bytes = bytes_of(state_hex, state, sizeof state);
    struct vain_hello_letter hello_back;
    struct vain_state_letter state_back;
    for (size_t cut = 0; cut < hello_bytes; cut++)
        CU_ASSERT_FALSE(vain_hello_letter_decode(hello, cut, &hello_back));
    CU_ASSERT_FALSE(vain_hello_letter_decode(hello, hello_bytes + 1, &hello_back));
    for (size_t cut = 0; cut < state_bytes; cut++)
        CU_ASSERT_FALSE(vain_state_letter_decode(state, cut, MEMBERS, &state_back));
    CU_ASSERT_FALSE(vain_state_letter_decode(state, state_bytes + 1, MEMBERS, &state_back));
}

static void expect_hello_refused(size_t place, uint8_t value)
{
    uint8_t data[VAIN_HELLO_LETTER_BYTES_MAX];
    const size_t bytes = bytes_of(hello_hex, data, sizeof data);
    struct vain_hello_letter back;
    CU_ASSERT_NOT_EQUAL(data[place], value);
    data[place] = value;
    CU_ASSERT_FALSE(vain_hello_letter_decode(data, bytes, &back));
}

static void a_hello_of_another_form_is_refused(void)
{
    const size_t platform = 2 + 3 * VAIN_HASH_BYTES;
    expect_hello_refused(0, 1); /* the version */
    expect_hello_refused(1, 1);
    expect_hello_refused(platform, 3); /* lengths */
    expect_hello_refused(platform + 1, 1);
    expect_hello_refused(platform + 2, '\n'); /* what is no text */
    expect_hello_refused(platform + 2, 0);
    expect_hello_refused(platform + 2 + 4, 2);
    expect_hello_refused(platform + 2 + 4, 4);
}

/* As long as they say, but longer than there may be. */
static void texts_and_cards_have_a_greatest_length(void)
{
    static uint8_t data[VAIN_HELLO_LETTER_BYTES_MAX + 1];
    const struct vain_hello_letter hello = make_hello();
    const size_t platform = 2 + 3 * VAIN_HASH_BYTES, at = platform + 2 + 4;
    struct vain_hello_letter back;
    (void)vain_hello_letter_encode(&hello, data);
    data[at] = VAIN_CARD_BYTES_MAX & 255;
    data[at + 1] = VAIN_CARD_BYTES_MAX >> 8;
    CU_ASSERT_TRUE(vain_hello_letter_decode(data, at + 2 + VAIN_CARD_BYTES_MAX, &back));
    data[at] = (VAIN_CARD_BYTES_MAX + 1) & 255;
    data[at + 1] = (VAIN_CARD_BYTES_MAX + 1) >> 8;
    CU_ASSERT_FALSE(vain_hello_letter_decode(data, at + 2 + VAIN_CARD_BYTES_MAX + 1, &back));

    memset(data + platform + 2, 'x', VAIN_PLATFORM_BYTES);
    memset(data + platform + 2 + VAIN_PLATFORM_BYTES - 1, 0, 3); /* no card */
    data[platform] = VAIN_PLATFORM_BYTES - 1;
    data[platform + 1] = 0;
    CU_ASSERT_TRUE(
        vain_hello_letter_decode(data, platform + 2 + VAIN_PLATFORM_BYTES - 1 + 2, &back));
    CU_ASSERT_EQUAL(strlen(back.platform), VAIN_PLATFORM_BYTES - 1);
    data[platform + 2 + VAIN_PLATFORM_BYTES - 1] = 'x';
    data[platform] = VAIN_PLATFORM_BYTES;
    CU_ASSERT_FALSE(vain_hello_letter_decode(data, platform + 2 + VAIN_PLATFORM_BYTES + 2, &back));
}

static bool state_is_taken(const struct vain_state_letter *state, int members)
{
    uint8_t data[VAIN_STATE_LETTER_BYTES];
    struct vain_state_letter back;
    vain_state_letter_encode(state, data);
    return vain_state_letter_decode(data, sizeof data, members, &back);
}

static void a_state_that_cannot_be_is_refused(void)
{
    struct vain_state_letter state = make_state();
    CU_ASSERT_FALSE(state_is_taken(&state, 4)); /* there is no fifth member */
    state.round = (uint64_t)INT64_MAX;
    CU_ASSERT_TRUE(state_is_taken(&state, MEMBERS));
    state.round++;
    CU_ASSERT_FALSE(state_is_taken(&state, MEMBERS));
    state = make_state();
    memset(&state.voters, 0, sizeof state.voters);
    CU_ASSERT_FALSE(state_is_taken(&state, MEMBERS));
    vain_set_add(&state.voters, VAIN_MEMBERS_MAX - 1);
    CU_ASSERT_FALSE(state_is_taken(&state, MEMBERS));
    CU_ASSERT_TRUE(state_is_taken(&state, VAIN_MEMBERS_MAX));
    uint8_t data[VAIN_STATE_LETTER_BYTES];
    struct vain_state_letter back;
    (void)bytes_of(state_hex, data, sizeof data);
    data[16] = 2; /* neither starting nor not */
    CU_ASSERT_FALSE(vain_state_letter_decode(data, sizeof data, MEMBERS, &back));
}

static void a_signature_has_a_greatest_length(void)
{
    static const uint8_t data[VAIN_SIGNATURE_LETTER_BYTES_MAX + 1];
    struct vain_signature_letter back;
    for (size_t cut = 0; cut < 16; cut++)
        CU_ASSERT_FALSE(vain_signature_letter_decode(data, cut, &back));
    CU_ASSERT_TRUE(vain_signature_letter_decode(data, 16, &back));
    CU_ASSERT_EQUAL(back.bytes, 0);
    CU_ASSERT_TRUE(vain_signature_letter_decode(data, sizeof data - 1, &back));
    CU_ASSERT_EQUAL(back.bytes, VAIN_SIGNATURE_LETTER_BODY_MAX);
    CU_ASSERT_FALSE(vain_signature_letter_decode(data, sizeof data, &back));
}

/* ---- the hash -------------------------------------------------------------------------------- */

static bool same_hash(const struct vain_state_letter *a, const struct vain_state_letter *b)
{
    uint8_t left[VAIN_HASH_BYTES], right[VAIN_HASH_BYTES];
    vain_state_letter_hash(a, left);
    vain_state_letter_hash(b, right);
    return memcmp(left, right, VAIN_HASH_BYTES) == 0;
}

/* Positions are compared by it: what must be equal to go on together, and no more. */
static void a_state_is_named_by_what_it_is(void)
{
    const struct vain_state_letter state = make_state();
    struct vain_state_letter other = state;
    other.epoch++;
    other.starting = false;
    other.voters = vain_set_first(3);
    CU_ASSERT_TRUE(same_hash(&state, &other));
    for (int part = 0; part < 4; part++) {
        other = state;
        other.round += part == 0;
        other.run_id[15] ^= part == 1;
        other.parameters_hash[31] ^= part == 2;
        other.record_head[0] ^= part == 3;
        CU_ASSERT_FALSE(same_hash(&state, &other));
    }
}

static void before_its_first_round_a_run_has_no_name(void)
{
    struct vain_state_letter state = make_state(), other;
    state.round = 0;
    other = state;
    other.run_id[3] ^= 1;
    CU_ASSERT_TRUE(same_hash(&state, &other));
    other.parameters_hash[3] ^= 1;
    CU_ASSERT_FALSE(same_hash(&state, &other));
}

static const struct vain_test tests[] = {
    {"a hello is these bytes", a_hello_is_these_bytes},
    {"a state is these bytes", a_state_is_these_bytes},
    {"a signature is these bytes", a_signature_is_these_bytes},
    {"every cut, and one byte more, is refused", every_cut_and_one_byte_more_is_refused},
    {"a hello of another form is refused", a_hello_of_another_form_is_refused},
    {"texts and cards have a greatest length", texts_and_cards_have_a_greatest_length},
    {"a state that cannot be is refused", a_state_that_cannot_be_is_refused},
    {"a signature has a greatest length", a_signature_has_a_greatest_length},
    {"a state is named by what it is", a_state_is_named_by_what_it_is},
    {"before its first round a run has no name", before_its_first_round_a_run_has_no_name},
    {NULL, NULL},
};
const struct vain_suite vain_suite_member_letter = {"jobs/member letter", tests};

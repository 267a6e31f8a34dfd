/* Contexts as bytes: every field has its place, and what is compared is what was meant to be. */
#include "collectives/context.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/suite.h"

static void fill(struct vain_context *context)
{
    memset(context, 0, sizeof *context);
    for (int i = 0; i < VAIN_HASH_BYTES; i++) {
        context->group_id[i] = (uint8_t)i;
        context->set_hash[i] = (uint8_t)(i + 52);
        context->parameters_hash[i] = (uint8_t)(i + 84);
        context->spec_hash[i] = (uint8_t)(i + 116);
        context->order_hash[i] = (uint8_t)(i + 148);
    }
    context->epoch = UINT64_C(0x2726252423222120);
    context->round = UINT64_C(0x2f2e2d2c2b2a2928);
    context->attempt = 0x33323130;
}

/* group 0, epoch 32, round 40, attempt 48, set 52, parameters 84: byte i of ctx is i. */
static void every_field_has_its_place(void)
{
    struct vain_context context;
    uint8_t bytes[VAIN_CONTEXT_BYTES + 1];
    fill(&context);
    bytes[VAIN_CONTEXT_BYTES] = 0xee;
    vain_context_encode(&context, bytes);
    for (int i = 0; i < VAIN_CONTEXT_BYTES; i++)
        CU_ASSERT_EQUAL(bytes[i], i);
    CU_ASSERT_EQUAL(bytes[VAIN_CONTEXT_BYTES], 0xee);
}

static void message_of(const struct vain_context *context, const struct vain_codec *codec,
                       uint8_t *out)
{
    memset(out, 0xaa, VAIN_CONTEXT_MESSAGE_BYTES);
    vain_context_message(context, codec, out);
}

/* A message begins with ctx; then the job spec and what words mean; last what is only told. */
static void a_message_says_it_all(void)
{
    static const uint8_t rest[] = {0xd2, 4,    0,    0,    0, 0, 0, 0, /* 1234 words */
                                   9,    0,    0,    0,                /* range 2^9 */
                                   0xfd, 0xff, 0xff, 0xff,             /* bound 2^-3 */
                                   2,    0,    0,    0,                /* algorithm */
                                   1,    0,    0,    0};               /* masked */
    static const uint8_t last[] = {7, 0, 0, 0,                         /* dropped */
                                   1, 0, 0, 0};                        /* wants evidence */
    struct vain_context context;
    struct vain_codec codec = {.word_count = 1234, .bound_exponent = -3};
    codec.fixed = (struct vain_fixed){.scale_exponent = 20, .bits = 30, .fields = 1};
    uint8_t message[VAIN_CONTEXT_MESSAGE_BYTES], ctx[VAIN_CONTEXT_BYTES];
    fill(&context);
    context.algorithm = 2;
    context.masked = 1;
    context.dropped = 7;
    context.wants_evidence = 1;
    message_of(&context, &codec, message);
    vain_context_encode(&context, ctx);
    CU_ASSERT_EQUAL(memcmp(message, ctx, sizeof ctx), 0);
    CU_ASSERT_EQUAL(memcmp(message + sizeof ctx, context.spec_hash, VAIN_HASH_BYTES), 0);
    CU_ASSERT_EQUAL(memcmp(message + sizeof ctx + VAIN_HASH_BYTES, rest, sizeof rest), 0);
    const uint8_t *order = message + sizeof ctx + VAIN_HASH_BYTES + sizeof rest;
    CU_ASSERT_EQUAL(memcmp(order, context.order_hash, VAIN_HASH_BYTES), 0);
    CU_ASSERT_EQUAL(memcmp(order + VAIN_HASH_BYTES, last, sizeof last), 0);
    CU_ASSERT_PTR_EQUAL(order + VAIN_HASH_BYTES + sizeof last, message + sizeof message);
    CU_ASSERT_EQUAL(vain_context_message_dropped(message), 7);
    CU_ASSERT_TRUE(vain_context_message_wants_evidence(message));
    message[VAIN_CONTEXT_MESSAGE_BYTES - 4] = 0;
    CU_ASSERT_FALSE(vain_context_message_wants_evidence(message));
}

/* Who differs is refused, by hash and by comparison alike, but for what a member tells of itself.
 */
static void every_compared_bit_counts(void)
{
    static const char *const names[] = {"ada", "bob"};
    struct vain_context context;
    const struct vain_codec codec = {.word_count = 5};
    uint8_t mine[VAIN_CONTEXT_MESSAGE_BYTES], theirs[2 * VAIN_CONTEXT_MESSAGE_BYTES];
    uint8_t hash[VAIN_HASH_BYTES], other[VAIN_HASH_BYTES];
    uint8_t *bob = theirs + VAIN_CONTEXT_MESSAGE_BYTES;
    fill(&context);
    message_of(&context, &codec, mine);
    memset(theirs, 0, sizeof theirs); /* the own place is not looked at */
    memcpy(bob, mine, sizeof mine);
    vain_context_message_hash(mine, hash);
    for (int bit = 0; bit < 8 * VAIN_CONTEXT_MESSAGE_BYTES; bit++) {
        const bool compared = bit < 8 * VAIN_CONTEXT_COMPARED_BYTES;
        bob[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CU_ASSERT_EQUAL(vain_context_compare(&context, 0, 2, names, mine, theirs),
                        compared ? VAIN_ERR_PEER : VAIN_OK);
        vain_context_message_hash(bob, other);
        CU_ASSERT_EQUAL(memcmp(hash, other, sizeof hash) != 0, compared);
        bob[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    CU_ASSERT_EQUAL(vain_context_compare(&context, 0, 2, names, mine, theirs), VAIN_OK);
}

/* Masks at one and none at the other, another algorithm or another order of the ring would not sum
 * up: named as such. */
static void masks_algorithms_and_orders_are_named(void)
{
    static const char *const names[] = {"ada", "bob"};
    struct vain_context context, other;
    const struct vain_codec codec = {.word_count = 5};
    uint8_t mine[VAIN_CONTEXT_MESSAGE_BYTES], theirs[2 * VAIN_CONTEXT_MESSAGE_BYTES];
    fill(&context);
    other = context;
    other.masked = 1;
    other.algorithm = 3;
    other.order_hash[31] ^= 1;
    message_of(&context, &codec, mine);
    message_of(&context, &codec, theirs);
    message_of(&other, &codec, theirs + VAIN_CONTEXT_MESSAGE_BYTES);
    CU_ASSERT_EQUAL(vain_context_compare(&context, 0, 2, names, mine, theirs), VAIN_ERR_PEER);
    CU_ASSERT_PTR_NOT_NULL(strstr(
        vain_fail_message(), "'bob' (algorithm 3 instead of 0, masks 1 instead of 0, ring order)"));
}

/* A member that is told anything else has another ctx, and with it other seeds. */
static void the_group_binds_all_that_is_agreed(void)
{
    struct vain_context plain, bound, other;
    struct vain_codec codec = {.word_count = 100};
    codec.fixed = (struct vain_fixed){.scale_exponent = 20, .bits = 30, .fields = 1};
    fill(&plain);
    bound = plain;
    vain_context_bind(&bound, &codec);
    CU_ASSERT_NOT_EQUAL(memcmp(bound.group_id, plain.group_id, VAIN_HASH_BYTES), 0);
    for (int change = 0; change < 9; change++) {
        struct vain_codec told = codec;
        other = plain;
        other.dropped = change == 0; /* told to others, not agreed */
        other.spec_hash[31] ^= change == 1;
        other.algorithm ^= change == 2;
        other.masked ^= change == 3;
        other.group_id[0] ^= change == 4;
        told.word_count += change == 5;
        told.fixed.scale_exponent += change == 6;
        told.bound_exponent += change == 7;
        other.order_hash[5] ^= change == 8;
        vain_context_bind(&other, &told);
        CU_ASSERT_EQUAL(memcmp(other.group_id, bound.group_id, VAIN_HASH_BYTES) == 0, change == 0);
    }
}

/* Long names that differ in everything: as much as there is room for, from the beginning. */
static void a_long_difference_is_cut(void)
{
    static const char name[] = "a-name-that-is-as-long-as-names-may-be-and-takes-much-room";
    static const char *const names[] = {"ada", name, name, name, name};
    struct vain_context context, other;
    const struct vain_codec codec = {.word_count = 5}, far = {.word_count = INT64_MAX};
    uint8_t mine[VAIN_CONTEXT_MESSAGE_BYTES], theirs[5 * VAIN_CONTEXT_MESSAGE_BYTES];
    char beginning[200];
    fill(&context);
    memset(&other, 0xff, sizeof other);
    message_of(&context, &codec, mine);
    for (int i = 0; i < 5; i++)
        message_of(&other, &far, theirs + (size_t)i * VAIN_CONTEXT_MESSAGE_BYTES);
    CU_ASSERT_EQUAL(vain_context_compare(&context, 0, 5, names, mine, theirs), VAIN_ERR_PEER);
    snprintf(beginning, sizeof beginning, "member 'ada': '%s' (group, epoch -1 instead of", name);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), beginning));
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "4 of 5 members differ"));
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "from the same spec and checkpoint"));
}

static const struct vain_test tests[] = {
    {"every field of a context has its place", every_field_has_its_place},
    {"a message says it all", a_message_says_it_all},
    {"every compared bit counts, and no other", every_compared_bit_counts},
    {"the group binds all that is agreed", the_group_binds_all_that_is_agreed},
    {"masks, algorithms and orders that differ are named", masks_algorithms_and_orders_are_named},
    {"a long difference is cut", a_long_difference_is_cut},
    {NULL, NULL},
};
const struct vain_suite vain_suite_context = {"context", tests};

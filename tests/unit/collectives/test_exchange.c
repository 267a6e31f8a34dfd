/* The state machine by hand: events in, actions out, no transport. */
#include "collectives/exchange.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/device.h"
#include "tests/unit/suite.h"

enum { MEMBERS_MAX = 6, PARAMETERS = 2 };

static const char *const names[MEMBERS_MAX] = {"ada", "bob", "carol", "dave", "erin", "frank"};
static const struct vain_random check = {{1, 2}};

/* Members whose messages the test carries. */
struct table {
    int size;
    struct vain_device device;
    struct vain_queue queue;
    struct vain_codec codec;
    struct vain_context contexts[MEMBERS_MAX];
    struct vain_exchange *exchanges[MEMBERS_MAX];
    struct vain_exchange_out out[MEMBERS_MAX];
    struct vain_exchange_action actions[MEMBERS_MAX][2 * MEMBERS_MAX];
    uint32_t words[MEMBERS_MAX][PARAMETERS + VAIN_COUNTER_WORDS + 1];
};
static struct table table;

static void set_table(int size)
{
    memset(&table, 0, sizeof table);
    table.size = size;
    CU_ASSERT_EQUAL_FATAL(vain_device_open_cpu(1, NULL, &table.device), VAIN_OK);
    table.queue.device = &table.device;
    CU_ASSERT_EQUAL_FATAL(vain_codec_init(&table.codec, PARAMETERS, size, 32, NAN, 1.0), VAIN_OK);
    for (int member = 0; member < size; member++) {
        const struct vain_exchange_config config = {.member_index = member,
                                                    .member_count = size,
                                                    .member_names = names,
                                                    .codec = &table.codec,
                                                    .queue = &table.queue,
                                                    .gather_bytes_max = 8,
                                                    .algorithm = VAIN_ALGORITHM_NATIVE};
        CU_ASSERT_EQUAL_FATAL(vain_exchange_open(&config, &table.exchanges[member]), VAIN_OK);
        CU_ASSERT_EQUAL(vain_exchange_wrong_from(table.exchanges[member]), -1);
        table.contexts[member].round = 4;
    }
}

static void clear_table(void)
{
    for (int member = 0; member < table.size; member++)
        vain_exchange_close(&table.exchanges[member]);
    vain_device_close(&table.device);
}

static enum vain_status step(int member, enum vain_exchange_event_kind kind, int id)
{
    struct vain_exchange_out *out = &table.out[member];
    vain_exchange_step(table.exchanges[member], &(struct vain_exchange_event){kind, id}, out);
    for (int i = 0; i < out->action_count; i++)
        table.actions[member][i] = out->actions[i];
    return out->status;
}

static void begin_agree(int member)
{
    vain_exchange_set_round(table.exchanges[member], &table.contexts[member], check);
    CU_ASSERT_EQUAL(step(member, VAIN_EXCHANGE_BEGIN_AGREE, 0),
                    table.size == 1 ? VAIN_OK : VAIN_AGAIN);
}

static enum vain_status begin_reduce(int member)
{
    vain_exchange_set_words(table.exchanges[member], table.words[member], false);
    return step(member, VAIN_EXCHANGE_BEGIN_REDUCE, 0);
}

/* The action of `member` of this kind with `peer`. */
static const struct vain_exchange_action *action_of(int member, enum vain_exchange_action_kind kind,
                                                    int peer)
{
    for (int i = 0; i < 2 * (table.size - 1); i++) {
        if (table.actions[member][i].kind == kind && table.actions[member][i].peer == peer)
            return &table.actions[member][i];
    }
    CU_FAIL_FATAL("no such action");
    return NULL;
}

/* The message from one to the other arrives; the receiver's answer. */
static enum vain_status carry(int from, int to)
{
    const struct vain_exchange_action *send = action_of(from, VAIN_EXCHANGE_SEND, to);
    const struct vain_exchange_action *receive = action_of(to, VAIN_EXCHANGE_RECEIVE, from);
    CU_ASSERT_EQUAL_FATAL(send->bytes, receive->bytes);
    CU_ASSERT_EQUAL(send->tag, receive->tag);
    memcpy(receive->buffer, send->buffer, send->bytes);
    return step(to, VAIN_EXCHANGE_DONE_ACTION, receive->id);
}

static enum vain_status sent(int from, int to)
{
    return step(from, VAIN_EXCHANGE_DONE_ACTION, action_of(from, VAIN_EXCHANGE_SEND, to)->id);
}

static enum vain_exchange_phase phase_of(int member)
{
    return vain_exchange_phase(table.exchanges[member]);
}

/* ---- contexts -------------------------------------------------------------------------------- */

static void a_context_has_one_hash(void)
{
    struct vain_context context = {.epoch = 5, .round = 7, .attempt = 2};
    uint8_t hash[VAIN_HASH_BYTES];
    char text[2 * VAIN_HASH_BYTES + 1];
    memset(context.group_id, 0x11, VAIN_HASH_BYTES);
    for (int i = 0; i < VAIN_HASH_BYTES; i++)
        context.set_hash[i] = (uint8_t)i;
    memset(context.parameters_hash, 0x22, VAIN_HASH_BYTES);
    memset(context.spec_hash, 0x33, VAIN_HASH_BYTES);
    memset(context.order_hash, 0x44, VAIN_HASH_BYTES);
    context.algorithm = 3;
    context.masked = 1;
    context.dropped = 9; /* said, but not part of what is compared */
    struct vain_codec codec = {.word_count = 1234, .bound_exponent = -3};
    codec.fixed = (struct vain_fixed){.scale_exponent = 20, .bits = 30, .fields = 1};
    uint8_t message[VAIN_CONTEXT_MESSAGE_BYTES];
    vain_context_message(&context, &codec, message);
    CU_ASSERT_EQUAL(vain_context_message_dropped(message), 9);
    vain_context_message_hash(message, hash);
    vain_to_hex(hash, sizeof hash, text);
    /* Python: blake2b(group || <QQI epoch round attempt || set || parameters || spec || <QiiII
     * words range bound algorithm masked || order, digest_size=32, person=b"vain/context/v1") */
    CU_ASSERT_STRING_EQUAL(text,
                           "f20a82d54c37f7a228d05c9b76b481191b8c9973ac6a293a0c06b2eac12402ab");
}

/* All contexts of the table travel; every member's answer after its last message. */
static void carry_all(enum vain_status expected)
{
    for (int member = 0; member < table.size; member++)
        begin_agree(member);
    for (int to = 0; to < table.size; to++) {
        struct vain_exchange_action kept[2 * MEMBERS_MAX];
        memcpy(kept, table.actions[to], sizeof kept);
        for (int peer = 0; peer < table.size; peer++) {
            if (peer == to)
                continue;
            CU_ASSERT_EQUAL(sent(to, peer), VAIN_AGAIN);
            memcpy(table.actions[to], kept, sizeof kept);
        }
        for (int from = 0, left = table.size - 1; from < table.size; from++) {
            if (from == to)
                continue;
            const enum vain_status status = carry(from, to);
            CU_ASSERT_EQUAL(status, --left == 0 ? expected : VAIN_AGAIN);
            if (left > 0 || expected < 0)
                memcpy(table.actions[to], kept, sizeof kept);
        }
        /* The others still send what this one posted. */
        memcpy(table.actions[to], kept, sizeof kept);
    }
}

static void many_that_differ_are_summed_up(void)
{
    set_table(6);
    for (int member = 1; member < 6; member++)
        table.contexts[member].round = 10 + (uint64_t)member;
    carry_all(VAIN_ERR_PEER);
    for (int member = 0; member < 6; member++)
        CU_ASSERT_EQUAL(phase_of(member), VAIN_EXCHANGE_FAILED);
    const char *message = vain_fail_message(); /* the last one to fail: frank */
    CU_ASSERT_PTR_NOT_NULL(strstr(message, "5 of 6 members differ from member 'frank'"));
    CU_ASSERT_PTR_NOT_NULL(strstr(message, "'ada' (round 4 instead of 15)"));
    CU_ASSERT_PTR_NOT_NULL(strstr(message, "'carol' (round 12 instead of 15) and others"));
    CU_ASSERT_PTR_NULL(strstr(message, "'dave'"));
    clear_table();
}

static void all_differences_of_one_are_listed(void)
{
    set_table(2);
    struct vain_context *odd = &table.contexts[1];
    odd->group_id[0] = odd->set_hash[0] = odd->parameters_hash[0] = odd->spec_hash[0] = 1;
    odd->epoch = 1;
    odd->round = 5;
    odd->attempt = 1;
    carry_all(VAIN_ERR_PEER);
    CU_ASSERT_PTR_NOT_NULL(strstr(
        vain_fail_message(), "'ada' (group, epoch 0 instead of 1, round 4 instead of 5, attempt "
                             "0 instead of 1, member set, parameters, job spec)"));
    clear_table();
}

/* ---- phases ---------------------------------------------------------------------------------- */

static void one_member_needs_nobody(void)
{
    uint64_t block = 77, blocks[1] = {0};
    const float delta[PARAMETERS] = {1, 2};
    float residual[PARAMETERS];
    struct vain_codec_report report;
    set_table(1);
    const struct vain_counters mine = {0};
    CU_ASSERT_EQUAL_FATAL(vain_codec_encode(&table.codec, &table.queue, delta, &mine,
                                            &(struct vain_codec_attempt){check, 4, 0, NULL, NULL},
                                            table.words[0], residual, &report),
                          VAIN_OK);
    begin_agree(0);
    CU_ASSERT_EQUAL(phase_of(0), VAIN_EXCHANGE_AGREED);
    CU_ASSERT_EQUAL(begin_reduce(0), VAIN_OK);
    CU_ASSERT_EQUAL(table.out[0].action_count, 0);
    CU_ASSERT_EQUAL(phase_of(0), VAIN_EXCHANGE_REDUCED);
    CU_ASSERT_EQUAL(step(0, VAIN_EXCHANGE_BEGIN_VERIFY, 0), VAIN_OK);
    vain_exchange_set_gather(table.exchanges[0], &block, sizeof block, blocks);
    CU_ASSERT_EQUAL(step(0, VAIN_EXCHANGE_BEGIN_GATHER, 0), VAIN_OK);
    CU_ASSERT_EQUAL(table.out[0].action_count, 0);
    CU_ASSERT_EQUAL(blocks[0], 77);
    CU_ASSERT_EQUAL(phase_of(0), VAIN_EXCHANGE_VERIFIED);
    clear_table();
}

static void words_travel_only_after_all_agree(void)
{
    set_table(3);
    carry_all(VAIN_OK);
    for (int member = 0; member < 3; member++) {
        CU_ASSERT_EQUAL(phase_of(member), VAIN_EXCHANGE_AGREED);
        CU_ASSERT_EQUAL(begin_reduce(member), VAIN_AGAIN);
        CU_ASSERT_EQUAL(phase_of(member), VAIN_EXCHANGE_REDUCE);
        const struct vain_exchange_out *out = &table.out[member];
        CU_ASSERT_EQUAL_FATAL(out->action_count, 1);
        CU_ASSERT_EQUAL(out->actions[0].kind, VAIN_EXCHANGE_ALL_REDUCE);
        CU_ASSERT_EQUAL(out->actions[0].count, table.codec.word_count);
        CU_ASSERT_PTR_EQUAL(out->actions[0].buffer, table.words[member]);
        CU_ASSERT_EQUAL(step(member, VAIN_EXCHANGE_DONE_ACTION, out->actions[0].id), VAIN_OK);
        CU_ASSERT_EQUAL(phase_of(member), VAIN_EXCHANGE_REDUCED);
    }
    clear_table();
}

static void leaving_needs_a_missing_context(void)
{
    set_table(3);
    for (int member = 0; member < 3; member++)
        begin_agree(member);
    /* One of two is there: member 0 may leave, and stays out whatever comes later. */
    CU_ASSERT_EQUAL(carry(1, 0), VAIN_AGAIN);
    CU_ASSERT_EQUAL(step(0, VAIN_EXCHANGE_LEAVE, 0), VAIN_STOPPED);
    CU_ASSERT_EQUAL(phase_of(0), VAIN_EXCHANGE_LEFT);
    CU_ASSERT_EQUAL(carry(2, 0), VAIN_STOPPED);
    CU_ASSERT_EQUAL(step(0, VAIN_EXCHANGE_LEAVE, 0), VAIN_STOPPED);
    CU_ASSERT_EQUAL(phase_of(0), VAIN_EXCHANGE_LEFT);
    /* Both are there, only an own message is still under way: member 1 stays in. */
    CU_ASSERT_EQUAL(carry(0, 1), VAIN_AGAIN);
    CU_ASSERT_EQUAL(carry(2, 1), VAIN_AGAIN);
    CU_ASSERT_EQUAL(sent(1, 0), VAIN_AGAIN);
    CU_ASSERT_EQUAL(step(1, VAIN_EXCHANGE_LEAVE, 0), VAIN_AGAIN);
    CU_ASSERT_EQUAL(phase_of(1), VAIN_EXCHANGE_CONTEXT);
    CU_ASSERT_EQUAL(sent(1, 2), VAIN_OK);
    CU_ASSERT_EQUAL(phase_of(1), VAIN_EXCHANGE_AGREED);
    CU_ASSERT_EQUAL(begin_reduce(1), VAIN_AGAIN);
    CU_ASSERT_EQUAL(step(1, VAIN_EXCHANGE_LEAVE, 0), VAIN_AGAIN);
    CU_ASSERT_EQUAL(phase_of(1), VAIN_EXCHANGE_REDUCE);
    clear_table();
}

static void a_lost_exchange_is_over_and_another_may_start(void)
{
    set_table(2);
    for (int member = 0; member < 2; member++)
        begin_agree(member);
    CU_ASSERT_EQUAL(step(0, VAIN_EXCHANGE_LOST, 0), VAIN_ERR_PEER);
    CU_ASSERT_EQUAL(phase_of(0), VAIN_EXCHANGE_FAILED);
    CU_ASSERT_EQUAL(carry(1, 0), VAIN_ERR_PEER); /* late news change nothing */
    CU_ASSERT_EQUAL(step(1, VAIN_EXCHANGE_LOST, 0), VAIN_ERR_PEER);
    carry_all(VAIN_OK);
    CU_ASSERT_EQUAL(begin_reduce(0), VAIN_AGAIN);
    CU_ASSERT_EQUAL(phase_of(0), VAIN_EXCHANGE_REDUCE);
    CU_ASSERT_EQUAL(step(0, VAIN_EXCHANGE_LOST, 0), VAIN_ERR_PEER);
    CU_ASSERT_EQUAL(step(0, VAIN_EXCHANGE_LEAVE, 0), VAIN_ERR_PEER);
    clear_table();
}

static void a_sum_that_does_not_hold_is_never_opened(void)
{
    set_table(2);
    carry_all(VAIN_OK);
    CU_ASSERT_EQUAL(begin_reduce(0), VAIN_AGAIN);
    table.words[0][1] ^= 0x100;
    CU_ASSERT_EQUAL(step(0, VAIN_EXCHANGE_DONE_ACTION, table.out[0].actions[0].id), VAIN_OK);
    CU_ASSERT_EQUAL(step(0, VAIN_EXCHANGE_BEGIN_VERIFY, 0), VAIN_ERR_NUMERIC);
    CU_ASSERT_EQUAL(phase_of(0), VAIN_EXCHANGE_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "round 4, attempt 0: the check word"));
    clear_table();
}

static void nothing_is_closed_twice(void)
{
    struct vain_exchange *exchange = NULL;
    vain_exchange_close(&exchange);
    CU_ASSERT_PTR_NULL(exchange);
}

static const struct vain_test tests[] = {
    {"a context has one hash", a_context_has_one_hash},
    {"one member needs nobody", one_member_needs_nobody},
    {"words travel only after all agree", words_travel_only_after_all_agree},
    {"leaving needs a missing context", leaving_needs_a_missing_context},
    {"a lost exchange is over, and another may start",
     a_lost_exchange_is_over_and_another_may_start},
    {"a sum that does not hold is never opened", a_sum_that_does_not_hold_is_never_opened},
    {"many that differ are summed up", many_that_differ_are_summed_up},
    {"all differences of one member are listed", all_differences_of_one_are_listed},
    {"closing nothing is fine", nothing_is_closed_twice},
    {NULL, NULL},
};
const struct vain_suite vain_suite_exchange = {"exchange", tests};

/* What only loop can show: both ends in one thread, so that every order of calls is ours. */
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "collectives/transport.h"
#include "tests/unit/suite.h"

enum { LONG = 100000, WORDS = 20000 };

static struct vain_loop_hub *hub;
static struct vain_comm comms[3];

static void open_comms(int size)
{
    CU_ASSERT_EQUAL_FATAL(vain_loop_hub_open(size, &hub), VAIN_OK);
    for (int rank = 0; rank < size; rank++)
        CU_ASSERT_EQUAL_FATAL(vain_loop_comm_open(hub, rank, &comms[rank]), VAIN_OK);
}

static void close_comms(int size)
{
    for (int rank = 0; rank < size; rank++)
        if (comms[rank].ops != NULL)
            comms[rank].ops->close(&comms[rank]);
    vain_loop_hub_close(&hub);
}

static enum vain_status test(struct vain_request *request)
{
    return request->comm->ops->test(request);
}

static void sizes_and_ranks_are_checked(void)
{
    struct vain_comm comm;
    CU_ASSERT_EQUAL(vain_loop_hub_open(0, &hub), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NULL(hub);
    CU_ASSERT_EQUAL(vain_loop_hub_open(VAIN_RANKS_MAX + 1, &hub), VAIN_ERR_INPUT);
    open_comms(2);
    CU_ASSERT_EQUAL(vain_loop_comm_open(hub, 2, &comm), VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(vain_loop_comm_open(hub, -1, &comm), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NULL(comm.ops);
    close_comms(2);
    vain_loop_hub_close(&hub);
}

/* A long message waits for somebody to test, whoever posted first. */
static void post_pair(bool send_first, const unsigned char *out, unsigned char *in,
                      struct vain_request *send, struct vain_request *receive)
{
    if (send_first)
        CU_ASSERT_EQUAL(comms[0].ops->post_send(&comms[0], 1, 1, out, LONG, send), VAIN_OK);
    CU_ASSERT_EQUAL(comms[1].ops->post_receive(&comms[1], 0, 1, in, LONG, receive), VAIN_OK);
    if (!send_first)
        CU_ASSERT_EQUAL(comms[0].ops->post_send(&comms[0], 1, 1, out, LONG, send), VAIN_OK);
}

static void either_side_copies_a_long_message(void)
{
    static unsigned char out[LONG], in[LONG];
    for (int kind = 0; kind < 4; kind++) {
        struct vain_request send = {0}, receive = {0};
        open_comms(2);
        memset(out, 0x40 + kind, LONG);
        post_pair(kind % 2 == 0, out, in, &send, &receive);
        CU_ASSERT_EQUAL(test(kind < 2 ? &send : &receive), VAIN_OK);
        CU_ASSERT_EQUAL(test(kind < 2 ? &receive : &send), VAIN_OK);
        CU_ASSERT_EQUAL(memcmp(in, out, LONG), 0);
        close_comms(2);
    }
}

static void an_abort_ends_a_met_message_on_both_sides(void)
{
    static unsigned char out[LONG], in[LONG];
    for (int tester = 0; tester < 2; tester++) {
        struct vain_request send = {0}, receive = {0};
        open_comms(3);
        memset(out, 1, LONG);
        memset(in, 2, LONG);
        CU_ASSERT_EQUAL(comms[0].ops->post_send(&comms[0], 1, 1, out, LONG, &send), VAIN_OK);
        CU_ASSERT_EQUAL(comms[1].ops->post_receive(&comms[1], 0, 1, in, LONG, &receive), VAIN_OK);
        comms[2].ops->abort(&comms[2]);
        CU_ASSERT_EQUAL(test(tester == 0 ? &send : &receive), VAIN_ERR_PEER);
        CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "rank 2 ended the common work"));
        CU_ASSERT_EQUAL(test(tester == 0 ? &receive : &send), VAIN_ERR_PEER);
        CU_ASSERT_EQUAL(in[0], 2);
        close_comms(3);
    }
}

/* A message that has met its receive is delivered although its sender is gone, and one that has not
 * is forgotten. */
static void close_delivers_what_has_met(void)
{
    static unsigned char in[LONG], late[LONG];
    unsigned char *out = NULL;
    struct vain_request send = {0}, receive = {0}, unmet = {0}, never = {0};
    open_comms(3);
    CU_ASSERT_EQUAL_FATAL(vain_take(LONG, "out", (void **)&out), VAIN_OK);
    memset(out, 7, LONG);
    CU_ASSERT_EQUAL(comms[0].ops->post_send(&comms[0], 1, 1, out, LONG, &send), VAIN_OK);
    CU_ASSERT_EQUAL(comms[0].ops->post_send(&comms[0], 1, 2, out, LONG, &unmet), VAIN_OK);
    CU_ASSERT_EQUAL(comms[1].ops->post_receive(&comms[1], 0, 1, in, LONG, &receive), VAIN_OK);
    comms[0].ops->close(&comms[0]);
    vain_release(out);
    CU_ASSERT_EQUAL(test(&receive), VAIN_OK);
    CU_ASSERT_EQUAL(in[LONG - 1], 7);
    CU_ASSERT_EQUAL(comms[1].ops->post_receive(&comms[1], 0, 2, late, LONG, &never), VAIN_OK);
    CU_ASSERT_EQUAL(test(&never), VAIN_AGAIN);
    close_comms(3);
}

/* ---- all-reduce ------------------------------------------------------------------------------ */

static void a_sum_needs_all_and_no_more_than_one_tester(void)
{
    static uint32_t words[3][WORDS];
    struct vain_request requests[3] = {{0}, {0}, {0}};
    open_comms(3);
    for (int turn = 0; turn < 2; turn++) {
        int wrong = 0, tests_of_one = 0;
        for (int rank = 0; rank < 3; rank++) {
            for (int i = 0; i < WORDS; i++)
                words[rank][i] = 0xf0000000u * (uint32_t)(rank + 1) + (uint32_t)i;
            if (rank > 0)
                CU_ASSERT_EQUAL(test(&requests[0]), VAIN_AGAIN);
            CU_ASSERT_EQUAL(
                comms[rank].ops->post_all_reduce(&comms[rank], words[rank], WORDS, &requests[rank]),
                VAIN_OK);
        }
        while (test(&requests[1]) == VAIN_AGAIN)
            tests_of_one++;
        CU_ASSERT_EQUAL(tests_of_one, 2); /* chunks of 8192 words */
        CU_ASSERT_EQUAL(test(&requests[0]), VAIN_OK);
        CU_ASSERT_EQUAL(test(&requests[2]), VAIN_OK);
        for (int rank = 0; rank < 3; rank++)
            for (int i = 0; i < WORDS; i++)
                wrong += words[rank][i] != 0xa0000000u + 3 * (uint32_t)i;
        CU_ASSERT_EQUAL(wrong, 0);
    }
    close_comms(3);
}

static void sums_of_different_lengths_are_refused(void)
{
    static uint32_t words[2][WORDS];
    struct vain_request requests[2] = {{0}, {0}};
    open_comms(2);
    CU_ASSERT_EQUAL(comms[0].ops->post_all_reduce(&comms[0], words[0], 100, &requests[0]), VAIN_OK);
    CU_ASSERT_EQUAL(comms[1].ops->post_all_reduce(&comms[1], words[1], 99, &requests[1]),
                    VAIN_ERR_PEER);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "99 words, others have 100"));
    CU_ASSERT_PTR_NULL(requests[1].comm);
    CU_ASSERT_EQUAL(test(&requests[0]), VAIN_ERR_PEER);
    close_comms(2);
}

static void an_abort_ends_a_sum_half_way(void)
{
    static uint32_t words[2][WORDS];
    struct vain_request requests[2] = {{0}, {0}};
    open_comms(2);
    for (int rank = 0; rank < 2; rank++)
        CU_ASSERT_EQUAL(
            comms[rank].ops->post_all_reduce(&comms[rank], words[rank], WORDS, &requests[rank]),
            VAIN_OK);
    CU_ASSERT_EQUAL(test(&requests[0]), VAIN_AGAIN); /* the first of three chunks */
    comms[0].ops->abort(&comms[0]);
    CU_ASSERT_EQUAL(test(&requests[0]), VAIN_ERR_PEER);
    CU_ASSERT_EQUAL(test(&requests[1]), VAIN_ERR_PEER);
    close_comms(2);
}

static void closing_in_a_sum_ends_it_for_the_others(void)
{
    static uint32_t words[2][WORDS];
    struct vain_request requests[2] = {{0}, {0}};
    open_comms(2);
    for (int rank = 0; rank < 2; rank++)
        CU_ASSERT_EQUAL(
            comms[rank].ops->post_all_reduce(&comms[rank], words[rank], WORDS, &requests[rank]),
            VAIN_OK);
    comms[0].ops->close(&comms[0]);
    CU_ASSERT_EQUAL(test(&requests[1]), VAIN_ERR_PEER);
    close_comms(2);
}

static void an_aborted_group_does_not_split(void)
{
    struct vain_comm child;
    open_comms(2);
    comms[1].ops->abort(&comms[1]);
    CU_ASSERT_EQUAL(comms[0].ops->split(&comms[0], 0, &child), VAIN_ERR_PEER);
    CU_ASSERT_EQUAL(child.size, 0);
    close_comms(2);
}

static const struct vain_test tests[] = {
    {"sizes and ranks are checked", sizes_and_ranks_are_checked},
    {"either side copies a long message", either_side_copies_a_long_message},
    {"an abort ends a met message on both sides", an_abort_ends_a_met_message_on_both_sides},
    {"close delivers what has met", close_delivers_what_has_met},
    {"a sum needs all, and one may do all the work", a_sum_needs_all_and_no_more_than_one_tester},
    {"sums of different lengths are refused", sums_of_different_lengths_are_refused},
    {"an abort ends a sum half way", an_abort_ends_a_sum_half_way},
    {"closing in a sum ends it for the others", closing_in_a_sum_ends_it_for_the_others},
    {"an aborted group does not split", an_aborted_group_does_not_split},
    {NULL, NULL},
};
const struct vain_suite vain_suite_transport_loop = {"transport_loop", tests};

/* The driver without waiting: two members in one thread. */
#include <math.h>
#include <string.h>

#include "collectives/exchange.h"
#include "kernels/device.h"
#include "tests/mpi/clock.h"
#include "tests/unit/collectives/network.h"
#include "tests/unit/suite.h"

enum { PARAMETERS = 2, WORDS = PARAMETERS + VAIN_COUNTER_WORDS + 1, DEADLINE_MS = 10 };

static const char *const names[] = {"ada", "bob"};

static struct vain_device device;
static struct vain_queue queue;
static struct network network;
static struct test_clock the_clock;
static struct vain_world world;
static struct member {
    struct vain_comm comm;
    struct vain_codec codec;
    struct vain_exchange *exchange;
    struct vain_exchange_driver driver;
    uint32_t words[WORDS];
} members[2];

static void open_members(void)
{
    CU_ASSERT_EQUAL_FATAL(vain_device_open_cpu(1, NULL, &device), VAIN_OK);
    queue.device = &device;
    the_clock = (struct test_clock){.now_ns = 1000};
    test_clock_world(&the_clock, &world);
    for (int i = 0; i < 2; i++) {
        struct member *member = &members[i];
        const struct vain_exchange_config config = {.member_index = i,
                                                    .member_count = 2,
                                                    .member_names = names,
                                                    .codec = &member->codec,
                                                    .queue = &queue,
                                                    .gather_bytes_max = 8,
                                                    .algorithm = VAIN_ALGORITHM_TREE};
        const struct vain_context context = {.round = 3};
        CU_ASSERT_EQUAL_FATAL(vain_codec_init(&member->codec, PARAMETERS, 2, 32, NAN, 1.0),
                              VAIN_OK);
        CU_ASSERT_EQUAL_FATAL(vain_exchange_open(&config, &member->exchange), VAIN_OK);
        vain_exchange_set_round(member->exchange, &context, (struct vain_random){{1, 2}});
        member->driver = (struct vain_exchange_driver){
            .comm = &member->comm, .world = &world, .deadline_ms = DEADLINE_MS};
    }
}

static void close_members(void)
{
    for (int i = 0; i < 2; i++) {
        vain_exchange_close(&members[i].exchange);
        members[i].comm.ops->close(&members[i].comm);
    }
    vain_device_close(&device);
}

static enum vain_status start(int i, enum vain_exchange_event_kind call)
{
    return vain_exchange_start(members[i].exchange, call, &members[i].driver);
}

static enum vain_status poll(int i)
{
    return vain_exchange_poll(members[i].exchange);
}

static void deliver_all(void)
{
    while (network_deliver(&network)) {
    }
}

static void begin_reduce(int i)
{
    vain_exchange_set_words(members[i].exchange, members[i].words, false);
    CU_ASSERT_EQUAL(start(i, VAIN_EXCHANGE_BEGIN_REDUCE), VAIN_AGAIN);
}

/* The last member of a tree asks for the sum when its own words have left. Here the sum has come
 * before: nothing new will tell of it, so the same poll takes it. */
static void a_poll_goes_on_with_what_is_there(void)
{
    open_members();
    network_init(&network, 2, 1);
    for (int i = 0; i < 2; i++) {
        network_comm(&network, i, &members[i].comm);
        memset(members[i].words, i + 1, sizeof members[i].words);
        CU_ASSERT_EQUAL(start(i, VAIN_EXCHANGE_BEGIN_AGREE), VAIN_AGAIN);
    }
    CU_ASSERT_EQUAL(poll(0), VAIN_AGAIN);
    deliver_all();
    CU_ASSERT_EQUAL(poll(0), VAIN_OK);
    CU_ASSERT_EQUAL(poll(1), VAIN_OK);
    begin_reduce(1);
    deliver_all();
    begin_reduce(0);
    CU_ASSERT_EQUAL(poll(0), VAIN_AGAIN);
    deliver_all();
    CU_ASSERT_EQUAL(poll(1), VAIN_OK);
    CU_ASSERT_EQUAL(poll(0), VAIN_OK);
    for (int i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(members[i].words[1], 0x03030303);
    close_members();
}

/* The other one never comes. */
static void a_poll_ends_at_the_deadline(void)
{
    const uint64_t deadline_ns = 1000 + DEADLINE_MS * 1000000;
    struct vain_loop_hub *hub = NULL;
    open_members();
    CU_ASSERT_EQUAL_FATAL(vain_loop_hub_open(2, &hub), VAIN_OK);
    for (int i = 0; i < 2; i++)
        CU_ASSERT_EQUAL_FATAL(vain_loop_comm_open(hub, i, &members[i].comm), VAIN_OK);
    CU_ASSERT_EQUAL(vain_exchange_deadline_ns(members[0].exchange), UINT64_MAX);
    CU_ASSERT_EQUAL(start(0, VAIN_EXCHANGE_BEGIN_AGREE), VAIN_AGAIN);
    CU_ASSERT_EQUAL(vain_exchange_deadline_ns(members[0].exchange), deadline_ns);
    the_clock.now_ns = deadline_ns - 1;
    CU_ASSERT_EQUAL(poll(0), VAIN_AGAIN);
    the_clock.now_ns = deadline_ns;
    CU_ASSERT_EQUAL(poll(0), VAIN_ERR_TIMEOUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "nothing came from 'bob'"));
    CU_ASSERT_EQUAL(vain_exchange_phase(members[0].exchange), VAIN_EXCHANGE_FAILED);
    CU_ASSERT_EQUAL(vain_exchange_deadline_ns(members[0].exchange), UINT64_MAX);
    CU_ASSERT_EQUAL(start(1, VAIN_EXCHANGE_BEGIN_AGREE), VAIN_ERR_PEER);
    close_members();
    vain_loop_hub_close(&hub);
}

static const struct vain_test tests[] = {
    {"a poll goes on with what is there", a_poll_goes_on_with_what_is_there},
    {"a poll ends at the deadline", a_poll_ends_at_the_deadline},
    {NULL, NULL},
};
const struct vain_suite vain_suite_drive = {"drive", tests};

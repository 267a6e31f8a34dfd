/* Names become addresses without holding anybody up: what is kept how long, what is said while
 * there is no answer, and that a lookup without an end outlives the resolver. */
#include "p2p/resolver.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "tests/unit/p2p/bed.h"
#include "tests/unit/suite.h"

/* A name service: answers one lookup for each that was allowed, with the port that is in force. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int allowed, asked, answered;
    bool knows;
    char address[32];
} service = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static enum vain_status look_up(const char *text, bool names, struct vain_addresses *out)
{
    pthread_mutex_lock(&service.lock);
    service.asked++;
    pthread_cond_broadcast(&service.changed);
    while (service.allowed == 0)
        pthread_cond_wait(&service.changed, &service.lock);
    service.allowed--;
    *out = (struct vain_addresses){0};
    const enum vain_status status =
        service.knows && names ? vain_address_resolve(service.address, false, out)
                               : vain_fail(VAIN_ERR_NOT_FOUND, "address '%s': nobody knows", text);
    pthread_mutex_unlock(&service.lock);
    return status;
}

static void note_answer(void *context)
{
    (void)context;
    pthread_mutex_lock(&service.lock);
    service.answered++;
    pthread_cond_broadcast(&service.changed);
    pthread_mutex_unlock(&service.lock);
}

/* So many of its lookups may go on. */
static void allow(int count, bool knows, const char *address)
{
    pthread_mutex_lock(&service.lock);
    service.allowed += count;
    service.knows = knows;
    snprintf(service.address, sizeof service.address, "%s", address);
    pthread_cond_broadcast(&service.changed);
    pthread_mutex_unlock(&service.lock);
}

static int value_of(const int *count)
{
    pthread_mutex_lock(&service.lock);
    const int value = *count;
    pthread_mutex_unlock(&service.lock);
    return value;
}

static void wait_for(const int *count, int wanted)
{
    pthread_mutex_lock(&service.lock);
    while (*count < wanted)
        pthread_cond_wait(&service.changed, &service.lock);
    pthread_mutex_unlock(&service.lock);
}

static uint64_t clock_ns;

static uint64_t now_ns(struct vain_world *world)
{
    (void)world;
    return clock_ns;
}

static const struct vain_world_ops clock_ops = {.now_ns = now_ns};
static struct vain_world clock_world = {.ops = &clock_ops};

static void pass_ms(uint64_t ms)
{
    clock_ns += ms * 1000000;
}

static struct vain_resolver *open_resolver(void)
{
    const struct vain_resolver_config config = {
        .world = &clock_world, .look_up = look_up, .answered = note_answer};
    struct vain_resolver *resolver = NULL;
    service.allowed = service.asked = service.answered = 0;
    clock_ns = 1000000000;
    CU_ASSERT_EQUAL_FATAL(vain_resolver_open(&config, &resolver), VAIN_OK);
    return resolver;
}

/* And waits until its threads have let go of it. */
static void close_resolver(struct vain_resolver **resolver, int64_t blocks_before)
{
    vain_resolver_close(resolver);
    CU_ASSERT_PTR_NULL(*resolver);
    while (vain_memory_blocks() > blocks_before)
        sched_yield();
}

/* What the first address is, "" if it is not known now. */
static const char *ask(struct vain_resolver *resolver, const char *text, enum vain_status wanted)
{
    static char printed[VAIN_LINK_ADDRESS_BYTES];
    struct vain_addresses found;
    const enum vain_status status = vain_resolver_ask(resolver, text, &found);
    CU_ASSERT_EQUAL(status, wanted);
    printed[0] = '\0';
    if (status == VAIN_OK)
        vain_address_print(&found.at[0].name, found.at[0].bytes, printed);
    return printed;
}

static void numbers_need_no_lookup(void)
{
    const int64_t blocks = vain_memory_blocks();
    struct vain_resolver *resolver = open_resolver();
    CU_ASSERT_STRING_EQUAL(ask(resolver, "10.0.0.1:4000", VAIN_OK), "10.0.0.1:4000");
    CU_ASSERT_STRING_EQUAL(ask(resolver, "[2001:db8::1]:1", VAIN_OK), "[2001:db8::1]:1");
    CU_ASSERT_EQUAL(value_of(&service.asked), 0);
    close_resolver(&resolver, blocks);
}

static void an_answer_is_kept_for_a_while_and_stands_until_the_next(void)
{
    const int64_t blocks = vain_memory_blocks();
    struct vain_resolver *resolver = open_resolver();
    ask(resolver, "node:1", VAIN_AGAIN);
    ask(resolver, "node:1", VAIN_AGAIN);
    allow(1, true, "10.0.0.1:1");
    wait_for(&service.answered, 1);
    CU_ASSERT_STRING_EQUAL(ask(resolver, "node:1", VAIN_OK), "10.0.0.1:1");
    clock_ns--; /* as it was when somebody began to ask while the answer came */
    ask(resolver, "node:1", VAIN_OK);
    clock_ns++;
    pass_ms(VAIN_RESOLVER_KEEP_MS - 1);
    ask(resolver, "node:1", VAIN_OK);
    CU_ASSERT_EQUAL(value_of(&service.asked), 1);
    pass_ms(1);
    CU_ASSERT_STRING_EQUAL(ask(resolver, "node:1", VAIN_OK), "10.0.0.1:1");
    allow(1, true, "10.0.0.2:1");
    wait_for(&service.answered, 2);
    CU_ASSERT_STRING_EQUAL(ask(resolver, "node:1", VAIN_OK), "10.0.0.2:1");
    CU_ASSERT_EQUAL(value_of(&service.asked), 2);
    /* The service is away: what was known still is. */
    pass_ms(VAIN_RESOLVER_KEEP_MS);
    ask(resolver, "node:1", VAIN_OK);
    allow(1, false, "");
    wait_for(&service.answered, 3);
    CU_ASSERT_STRING_EQUAL(ask(resolver, "node:1", VAIN_OK), "10.0.0.2:1");
    close_resolver(&resolver, blocks);
}

static void who_is_not_known_is_said_and_asked_for_again(void)
{
    const int64_t blocks = vain_memory_blocks();
    struct vain_resolver *resolver = open_resolver();
    ask(resolver, "nobody:1", VAIN_AGAIN);
    allow(1, false, "");
    wait_for(&service.answered, 1);
    ask(resolver, "nobody:1", VAIN_ERR_NOT_FOUND);
    CU_ASSERT_TRUE(bed_message_has("address 'nobody:1': nobody knows"));
    CU_ASSERT_EQUAL(value_of(&service.asked), 1);
    pass_ms(VAIN_RESOLVER_FAILED_MS);
    ask(resolver, "nobody:1", VAIN_AGAIN);
    allow(1, true, "10.0.0.3:1");
    wait_for(&service.answered, 2);
    CU_ASSERT_STRING_EQUAL(ask(resolver, "nobody:1", VAIN_OK), "10.0.0.3:1");
    close_resolver(&resolver, blocks);
}

/* Also when its thread is still at it. */
static void patience_ends(void)
{
    const int64_t blocks = vain_memory_blocks();
    struct vain_resolver *resolver = open_resolver();
    ask(resolver, "slow:1", VAIN_AGAIN);
    pass_ms(VAIN_RESOLVER_PATIENCE_MS);
    ask(resolver, "slow:1", VAIN_ERR_TIMEOUT);
    CU_ASSERT_TRUE(bed_message_has("has not answered for 10 s"));
    wait_for(&service.asked, 1);
    allow(1, true, "10.0.0.4:1");
    wait_for(&service.answered, 1);
    CU_ASSERT_STRING_EQUAL(ask(resolver, "slow:1", VAIN_OK), "10.0.0.4:1");
    close_resolver(&resolver, blocks);
}

static void threads_are_few_and_the_rest_waits(void)
{
    const int64_t blocks = vain_memory_blocks();
    struct vain_resolver *resolver = open_resolver();
    char name[16];
    for (int i = 0; i <= VAIN_RESOLVER_THREADS; i++) {
        snprintf(name, sizeof name, "n%d:1", i);
        ask(resolver, name, VAIN_AGAIN);
    }
    wait_for(&service.asked, VAIN_RESOLVER_THREADS);
    CU_ASSERT_EQUAL(value_of(&service.asked), VAIN_RESOLVER_THREADS);
    allow(VAIN_RESOLVER_THREADS, true, "10.0.0.5:1");
    wait_for(&service.answered, VAIN_RESOLVER_THREADS);
    allow(1, true, "10.0.0.6:1");
    /* The threads are let go of after that. */
    for (bool known = false; !known; sched_yield()) {
        struct vain_addresses found;
        known = vain_resolver_ask(resolver, name, &found) == VAIN_OK;
    }
    CU_ASSERT_STRING_EQUAL(ask(resolver, name, VAIN_OK), "10.0.0.6:1");
    close_resolver(&resolver, blocks);
}

static void a_lookup_without_an_end_outlives_the_resolver(void)
{
    const int64_t blocks = vain_memory_blocks();
    struct vain_resolver *resolver = open_resolver();
    ask(resolver, "stuck:1", VAIN_AGAIN);
    wait_for(&service.asked, 1);
    vain_resolver_close(&resolver); /* does not wait */
    CU_ASSERT_PTR_NULL(resolver);
    CU_ASSERT_EQUAL(value_of(&service.answered), 0);
    allow(1, true, "10.0.0.7:1");
    while (vain_memory_blocks() > blocks)
        sched_yield();
    CU_ASSERT_EQUAL(value_of(&service.answered), 0); /* nobody is told any more */
}

static void old_names_make_room(void)
{
    const int64_t blocks = vain_memory_blocks();
    struct vain_resolver *resolver = open_resolver();
    char name[16];
    for (int i = 0; i <= VAIN_RESOLVER_NAMES; i++) {
        snprintf(name, sizeof name, "n%d:1", i);
        allow(1, true, "10.0.0.8:1");
        for (bool known = false; !known; sched_yield()) {
            struct vain_addresses found;
            known = vain_resolver_ask(resolver, name, &found) == VAIN_OK;
        }
        pass_ms(1);
    }
    CU_ASSERT_EQUAL(value_of(&service.asked), VAIN_RESOLVER_NAMES + 1);
    ask(resolver, "n1:1", VAIN_OK);
    CU_ASSERT_EQUAL(value_of(&service.asked), VAIN_RESOLVER_NAMES + 1);
    ask(resolver, "n0:1", VAIN_AGAIN); /* it was the oldest */
    allow(1, true, "10.0.0.9:1");
    wait_for(&service.answered, VAIN_RESOLVER_NAMES + 2);
    close_resolver(&resolver, blocks);
}

static void what_is_no_address_is_said(void)
{
    const struct vain_resolver_config config = {.world = &clock_world, .answered = note_answer};
    const int64_t blocks = vain_memory_blocks();
    struct vain_resolver *resolver = NULL;
    char longest[VAIN_LINK_ADDRESS_BYTES + 1];
    struct vain_addresses found;
    service.answered = 0;
    CU_ASSERT_EQUAL_FATAL(vain_resolver_open(&config, &resolver), VAIN_OK);
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    CU_ASSERT_EQUAL(vain_resolver_ask(resolver, longest, &found), VAIN_ERR_INPUT);
    ask(resolver, "no port", VAIN_AGAIN);
    wait_for(&service.answered, 1);
    ask(resolver, "no port", VAIN_ERR_INPUT);
    CU_ASSERT_TRUE(bed_message_has("expected host:port"));
    close_resolver(&resolver, blocks);
}

static const struct vain_test tests[] = {
    {"numbers need no lookup", numbers_need_no_lookup},
    {"an answer is kept for a while, and stands until the next",
     an_answer_is_kept_for_a_while_and_stands_until_the_next},
    {"who is not known is said, and asked for again", who_is_not_known_is_said_and_asked_for_again},
    {"patience ends", patience_ends},
    {"threads are few and the rest waits", threads_are_few_and_the_rest_waits},
    {"a lookup without an end outlives the resolver",
     a_lookup_without_an_end_outlives_the_resolver},
    {"old names make room", old_names_make_room},
    {"what is no address is said", what_is_no_address_is_said},
    {NULL, NULL},
};
const struct vain_suite vain_suite_resolver = {"p2p/resolver", tests};

/* How failures are told: codes, names, messages of a thread, and the end by a bug. */
#include "base/status.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/base/helpers.h"
#include "tests/unit/suite.h"

static const struct {
    enum vain_status status;
    int exit_code;
    const char *name;
} table[] = {
    {VAIN_OK, 0, "ok"},
    {VAIN_AGAIN, 75, "again"},
    {VAIN_STOPPED, 75, "stopped"},
    {VAIN_END, 0, "end"},
    {VAIN_ERR_INPUT, 2, "input"},
    {VAIN_ERR_AUTH, 3, "auth"},
    {VAIN_ERR_TIMEOUT, 4, "timeout"},
    {VAIN_ERR_NOT_FOUND, 5, "not found"},
    {VAIN_ERR_REFUSED, 5, "refused"},
    {VAIN_ERR_CORRUPT, 5, "corrupt"},
    {VAIN_ERR_STORAGE, 1, "storage"},
    {VAIN_ERR_MEMORY, 1, "memory"},
    {VAIN_ERR_NUMERIC, 1, "numeric"},
    {VAIN_ERR_PEER, 1, "peer"},
    {VAIN_ERR_UNAVAILABLE, 2, "unavailable"},
};

static void codes_and_names(void)
{
    for (size_t i = 0; i < VAIN_COUNT_OF(table); i++) {
        CU_ASSERT_EQUAL(vain_exit_code(table[i].status), table[i].exit_code);
        CU_ASSERT_STRING_EQUAL(vain_status_name(table[i].status), table[i].name);
    }
    /* A number from elsewhere is a failure, never success. */
    CU_ASSERT_EQUAL(vain_exit_code((enum vain_status) - 99), 1);
    CU_ASSERT_STRING_EQUAL(vain_status_name((enum vain_status) - 99), "unknown");
}

static void message_is_kept(void)
{
    CU_ASSERT_EQUAL(vain_fail(VAIN_ERR_INPUT, "%s: %d", "x", 7), VAIN_ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(vain_fail_message(), "x: 7");
    /* A message may quote the one before. */
    CU_ASSERT_EQUAL(vain_fail(VAIN_ERR_AUTH, "file: %s", vain_fail_message()), VAIN_ERR_AUTH);
    CU_ASSERT_STRING_EQUAL(vain_fail_message(), "file: x: 7");
    vain_fail_clear();
    CU_ASSERT_STRING_EQUAL(vain_fail_message(), "");
}

static void message_is_cut(void)
{
    static char text[5000];
    memset(text, 'a', sizeof text - 1);
    CU_ASSERT_EQUAL(vain_fail(VAIN_ERR_INPUT, "%s", text), VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(strlen(vain_fail_message()), 1023);
    CU_ASSERT_STRING_EQUAL(vain_fail_message() + 1019, "a...");
    text[1023] = '\0'; /* the longest that fits is whole */
    CU_ASSERT_EQUAL(vain_fail(VAIN_ERR_INPUT, "%s", text), VAIN_ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(vain_fail_message(), text);
    vain_fail_clear();
}

static void *other_thread(void *seen_empty)
{
    *(bool *)seen_empty = vain_fail_message()[0] == '\0';
    (void)!vain_fail(VAIN_ERR_PEER, "theirs");
    return NULL;
}

static void message_is_of_the_thread(void)
{
    CU_ASSERT_EQUAL(vain_fail(VAIN_ERR_INPUT, "ours"), VAIN_ERR_INPUT);
    bool seen_empty = false;
    pthread_t thread;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, other_thread, &seen_empty), 0);
    pthread_join(thread, NULL);
    CU_ASSERT_TRUE(seen_empty);
    CU_ASSERT_STRING_EQUAL(vain_fail_message(), "ours");
    vain_fail_clear();
}

static enum vain_status tried(enum vain_status first, int *reached)
{
    VAIN_TRY(first);
    *reached += 1;
    return VAIN_OK;
}

static enum vain_status tried_out(enum vain_status first, int *reached, int *cleaned)
{
    enum vain_status status;
    VAIN_TRY_OUT(first);
    *reached += 1;
out:
    *cleaned += 1;
    return status;
}

/* Whatever a peer or a file says, no terminal is told to do anything. */
static void what_cannot_be_printed_is_replaced(void)
{
    CU_ASSERT_EQUAL(vain_fail(VAIN_ERR_PEER, "%s", "caf\xc3\xa9 \x1b[2J\n\x7f\xc2\x9b \xff."),
                    VAIN_ERR_PEER);
    CU_ASSERT_STRING_EQUAL(vain_fail_message(), "caf\xc3\xa9 ?[2J??? ?.");
    char longest[VAIN_MESSAGE_BYTES];
    memset(longest, '\r', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    CU_ASSERT_EQUAL(vain_fail(VAIN_ERR_PEER, "%s", longest), VAIN_ERR_PEER);
    CU_ASSERT_EQUAL(strspn(vain_fail_message(), "?"), sizeof longest - 1);
    vain_fail_clear();
}

static void failures_pass_on(void)
{
    int reached = 0, cleaned = 0;
    CU_ASSERT_EQUAL(tried(VAIN_ERR_PEER, &reached), VAIN_ERR_PEER);
    CU_ASSERT_EQUAL(tried(VAIN_AGAIN, &reached), VAIN_AGAIN);
    CU_ASSERT_EQUAL(tried_out(VAIN_ERR_MEMORY, &reached, &cleaned), VAIN_ERR_MEMORY);
    CU_ASSERT_EQUAL(reached, 0);
    CU_ASSERT_EQUAL(cleaned, 1);
    CU_ASSERT_EQUAL(tried(VAIN_OK, &reached), VAIN_OK);
    CU_ASSERT_EQUAL(tried_out(VAIN_OK, &reached, &cleaned), VAIN_OK);
    CU_ASSERT_EQUAL(reached, 2);
    CU_ASSERT_EQUAL(cleaned, 2);
}

static void handler(void)
{
    fprintf(stderr, "handler ran\n");
}

static void assert_false(void)
{
    atexit(handler);
    vain_process_name("member alice");
    const int answer = 41;
    VAIN_ASSERT(answer == 42);
}

static void assert_true(void)
{
    int calls = 0;
    VAIN_ASSERT(++calls == 1); /* evaluated once, and no more than that */
    if (calls != 1)
        _Exit(1);
}

static void a_bug_ends_the_process(void)
{
    char text[4096];
    CU_ASSERT_EQUAL(test_exit_code(assert_false, text, sizeof text), 70);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "vain: bug in member alice: "));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "test_status.c:"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, ": answer == 42\n"));
    CU_ASSERT_PTR_NULL(strstr(text, "handler ran"));
    CU_ASSERT_EQUAL(test_exit_code(assert_true, NULL, 0), 0);
}

static void long_name(void)
{
    char name[200];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    vain_process_name(name);
    VAIN_ASSERT(false);
}

static void a_process_name_is_cut(void)
{
    char text[4096], expected[200];
    CU_ASSERT_EQUAL(test_exit_code(long_name, text, sizeof text), 70);
    memset(expected, 'n', 63);
    memcpy(expected + 63, ": ", 3);
    const char *found = strstr(text, "vain: bug in ");
    CU_ASSERT_PTR_NOT_NULL_FATAL(found);
    CU_ASSERT_EQUAL(strncmp(found + strlen("vain: bug in "), expected, 65), 0);
}

static const struct vain_test tests[] = {
    {"every status has its exit code and name", codes_and_names},
    {"a message is kept, quoted and forgotten", message_is_kept},
    {"a message that is too long is cut and says so", message_is_cut},
    {"a message belongs to its thread", message_is_of_the_thread},
    {"what cannot be printed is replaced", what_cannot_be_printed_is_replaced},
    {"failures pass on and clean up", failures_pass_on},
    {"a bug ends the process with 70 and runs no handlers", a_bug_ends_the_process},
    {"a long process name is cut", a_process_name_is_cut},
    {NULL, NULL},
};
const struct vain_suite vain_suite_status = {"base/status", tests};

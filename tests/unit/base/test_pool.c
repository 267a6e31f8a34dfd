/* The pool: every task once, on a worker that exists, done when the call returns. */
#include "base/pool.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "tests/unit/base/helpers.h"
#include "tests/unit/suite.h"

enum { TASKS = 1000, THREADS = 8 };

struct counts {
    int threads;
    int64_t offset;
    int64_t runs[TASKS]; /* plain: a task run twice at once is a race that TSan reports */
    int64_t by_worker[THREADS][16]; /* plain too: a worker number held twice is a race */
    int strangers[THREADS];
};

static void count_run(void *context, int64_t index, int worker)
{
    struct counts *counts = context;
    if (worker < 0 || worker >= counts->threads || index < 0 || index >= TASKS)
        abort();
    counts->runs[index] += counts->offset + index;
    counts->by_worker[worker][0]++;
}

static void every_task_runs_once(void)
{
    static const int threads[] = {1, 2, 3, 8};
    static const int64_t loops[] = {0, 1, 2, 3, 7, 64, TASKS};
    for (size_t t = 0; t < VAIN_COUNT_OF(threads); t++) {
        struct vain_pool *pool;
        CU_ASSERT_EQUAL_FATAL(vain_pool_open(threads[t], &pool), VAIN_OK);
        CU_ASSERT_EQUAL(vain_pool_threads(pool), threads[t]);
        for (size_t l = 0; l < VAIN_COUNT_OF(loops); l++) {
            static struct counts counts;
            memset(&counts, 0, sizeof counts);
            counts.threads = threads[t];
            counts.offset = 17;
            vain_pool_run(pool, loops[l], count_run, &counts);
            int64_t wrong = 0, total = 0;
            for (int64_t i = 0; i < TASKS; i++)
                wrong += counts.runs[i] != (i < loops[l] ? 17 + i : 0);
            for (int w = 0; w < THREADS; w++)
                total += counts.by_worker[w][0];
            CU_ASSERT_EQUAL(wrong, 0);
            CU_ASSERT_EQUAL(total, loops[l]);
        }
        vain_pool_close(&pool);
        CU_ASSERT_PTR_NULL(pool);
    }
}

/* Each loop reads what the one before wrote in other tasks: a join that comes too early, or writes
 * that are not yet visible, give a wrong sum. */
struct chain {
    int64_t from[64], to[64];
};

static void link_task(void *context, int64_t index, int worker)
{
    (void)worker;
    struct chain *chain = context;
    chain->to[index] = chain->from[(index + 1) % 64] + 1;
}

static void copy_task(void *context, int64_t index, int worker)
{
    (void)worker;
    struct chain *chain = context;
    chain->from[index] = chain->to[(index + 63) % 64];
}

static void loops_follow_each_other(void)
{
    static const int threads[] = {1, 2, 5};
    for (size_t t = 0; t < VAIN_COUNT_OF(threads); t++) {
        struct vain_pool *pool;
        CU_ASSERT_EQUAL_FATAL(vain_pool_open(threads[t], &pool), VAIN_OK);
        struct chain chain = {{0}, {0}};
        for (int64_t i = 0; i < 64; i++)
            chain.from[i] = i * i;
        enum { LOOPS = 2000 };
        for (int loop = 0; loop < LOOPS; loop++) {
            vain_pool_run(pool, 64, link_task, &chain);
            vain_pool_run(pool, 64, copy_task, &chain);
        }
        /* to[i] = from[i+1] + 1, then from[i] = to[i-1]: back in place, one more a loop. */
        int wrong = 0;
        for (int64_t i = 0; i < 64; i++)
            wrong += chain.from[i] != i * i + LOOPS;
        CU_ASSERT_EQUAL(wrong, 0);
        vain_pool_close(&pool);
    }
}

/* Between two loops the caller is busy for long enough that workers fall asleep. */
static void sleepers_wake_or_miss(void)
{
    struct vain_pool *pool;
    CU_ASSERT_EQUAL_FATAL(vain_pool_open(3, &pool), VAIN_OK);
    static struct counts counts;
    memset(&counts, 0, sizeof counts);
    counts.threads = 3;
    counts.offset = 1;
    for (int loop = 0; loop < 20; loop++) {
        for (int i = 0; i < 20000; i++)
            sched_yield();
        vain_pool_run(pool, TASKS, count_run, &counts);
    }
    int wrong = 0;
    for (int64_t i = 0; i < TASKS; i++)
        wrong += counts.runs[i] != 20 * (1 + i);
    CU_ASSERT_EQUAL(wrong, 0);
    vain_pool_close(&pool);
}

static void pools_open_and_close(void)
{
    struct vain_pool *pool = NULL;
    vain_pool_close(&pool);
    for (int i = 0; i < 50; i++) { /* closed while workers start, wait or sleep */
        CU_ASSERT_EQUAL_FATAL(vain_pool_open(1 + i % 4, &pool), VAIN_OK);
        vain_pool_close(&pool);
    }
    CU_ASSERT_EQUAL(vain_pool_open(0, &pool), VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(vain_pool_open(-1, &pool), VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(vain_pool_open(VAIN_THREADS_MAX + 1, &pool), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NULL(pool);
    CU_ASSERT_STRING_EQUAL(vain_fail_message(), "threads: found 257, expected 1 to 256");
    vain_fail_clear();
}

static struct vain_pool *nested_pool;

static void do_nothing(void *context, int64_t index, int worker)
{
    (void)context;
    (void)index;
    (void)worker;
}

static void run_nested(void *context, int64_t index, int worker)
{
    (void)context;
    (void)index;
    (void)worker;
    vain_pool_run(nested_pool, 10, do_nothing, NULL);
}

static void nest(void)
{
    if (vain_pool_open(2, &nested_pool) != VAIN_OK)
        _Exit(1);
    vain_pool_run(nested_pool, 10, run_nested, NULL);
}

static void run_negative(void)
{
    if (vain_pool_open(1, &nested_pool) != VAIN_OK)
        _Exit(1);
    vain_pool_run(nested_pool, -1, do_nothing, NULL);
}

static void misuse_is_a_bug(void)
{
    CU_ASSERT_EQUAL(test_exit_code(nest, NULL, 0), 70);
    CU_ASSERT_EQUAL(test_exit_code(run_negative, NULL, 0), 70);
}

static const struct vain_test tests[] = {
    {"every task runs once, for any number of threads", every_task_runs_once},
    {"a loop sees all that the one before wrote", loops_follow_each_other},
    {"workers that sleep wake or miss the loop, never half", sleepers_wake_or_miss},
    {"pools open and close at once; wrong sizes are refused", pools_open_and_close},
    {"a loop inside a loop is a bug", misuse_is_a_bug},
    {NULL, NULL},
};
const struct vain_suite vain_suite_pool = {"base/pool", tests};

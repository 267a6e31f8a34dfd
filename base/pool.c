/* Fork and join of one loop, as cheap as two cache lines allow.
 *
 * A training step is one to two hundred short loops, so a fork must not cost a system call. One
 * atomic word says it all: the number of the loop, whether it is open, and how many workers are
 * inside. The caller fills in the loop, opens it, takes indices like everybody else, and closes it
 * when none is left; a worker enters only an open loop, by compare and swap. So the caller waits
 * only for workers that are inside. One that sleeps or has lost its core when a loop ends simply
 * misses it, which is what keeps more threads than cores usable.
 *
 * A worker without a loop pauses on the word for some tens of microseconds (the next loop of a step
 * is nearer than that), then gives its core away again and again for about a millisecond, then
 * sleeps until the caller wakes it. Indices come from one fetch-and-add. */
#include "base/pool.h"

#include "base/host.h"
#include "base/limits.h"
#include "base/memory.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#if defined(__x86_64__)
#define PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define PAUSE() __asm__ volatile("yield")
#else
#define PAUSE() ((void)0)
#endif

enum { SPINS = 2000, YIELDS = 3000 };

/* The word: workers inside in the low 16 bits, then whether the loop is open, then its number. */
#define INSIDE_MASK     UINT64_C(0xffff)
#define OPEN_BIT        UINT64_C(0x10000)
#define NUMBER_ONE      UINT64_C(0x20000)
#define NUMBER_OF(word) ((word) / NUMBER_ONE)

struct worker {
    struct vain_pool *pool; /* borrowed */
    pthread_t thread;
    int number; /* 1 .. threads - 1 */
};

struct vain_pool {
    /* Each on a cache line of its own: the first is polled, the second is written all the time. */
    _Alignas(64) _Atomic uint64_t word;
    _Alignas(64) _Atomic int64_t next_index;
    /* The loop: written by the caller while nobody is inside, read by those who are. */
    _Alignas(64) vain_pool_task task;
    void *context;
    int64_t count;

    _Alignas(64) _Atomic int sleepers;
    atomic_bool closing;
    pthread_mutex_t mutex; /* protects falling asleep: no wake-up comes between look and sleep */
    pthread_cond_t wake;

    int threads, started, spins;
    struct worker *workers; /* (threads - 1) owned */
};

static void run_tasks(struct vain_pool *pool, int worker)
{
    for (;;) {
        const int64_t index = atomic_fetch_add_explicit(&pool->next_index, 1, memory_order_relaxed);
        if (index >= pool->count)
            return;
        pool->task(pool->context, index, worker);
    }
}

/* A loop that this worker has not been in is open. */
static bool is_new(uint64_t word, uint64_t last_number)
{
    return (word & OPEN_BIT) != 0 && NUMBER_OF(word) != last_number;
}

static bool called(struct vain_pool *pool, uint64_t last_number)
{
    return is_new(atomic_load(&pool->word), last_number) || atomic_load(&pool->closing);
}

static void sleep_until_called(struct vain_pool *pool, uint64_t last_number)
{
    pthread_mutex_lock(&pool->mutex);
    /* First counted, then looked: the caller first opens, then counts sleepers. One sees the other.
     */
    atomic_fetch_add(&pool->sleepers, 1);
    while (!called(pool, last_number))
        pthread_cond_wait(&pool->wake, &pool->mutex);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->mutex);
}

static void wait_until_called(struct vain_pool *pool, uint64_t last_number)
{
    for (int i = 0; i < pool->spins; i++) {
        if (called(pool, last_number))
            return;
        PAUSE();
    }
    for (int i = 0; i < YIELDS; i++) {
        if (called(pool, last_number))
            return;
        sched_yield();
    }
    sleep_until_called(pool, last_number);
}

/* Enter the open loop if there is a new one; *last_number becomes its number. */
static bool enter(struct vain_pool *pool, uint64_t *last_number)
{
    uint64_t word = atomic_load(&pool->word);
    while (is_new(word, *last_number)) {
        if (atomic_compare_exchange_weak(&pool->word, &word, word + 1)) {
            *last_number = NUMBER_OF(word);
            return true;
        }
    }
    return false;
}

static void *work(void *argument)
{
    const struct worker *worker = argument;
    struct vain_pool *pool = worker->pool;
    uint64_t last_number = 0;
    while (!atomic_load(&pool->closing)) {
        wait_until_called(pool, last_number);
        if (!enter(pool, &last_number))
            continue;
        run_tasks(pool, worker->number);
        atomic_fetch_sub_explicit(&pool->word, 1, memory_order_release);
    }
    return NULL;
}

static void wake_sleepers(struct vain_pool *pool)
{
    if (atomic_load(&pool->sleepers) == 0)
        return;
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
}

void vain_pool_run(struct vain_pool *pool, int64_t count, vain_pool_task task, void *context)
{
    VAIN_ASSERT(count >= 0);
    if (pool->threads == 1 || count <= 1) {
        for (int64_t i = 0; i < count; i++)
            task(context, i, 0);
        return;
    }
    const uint64_t before = atomic_load_explicit(&pool->word, memory_order_relaxed);
    VAIN_ASSERT((before & (OPEN_BIT | INSIDE_MASK)) == 0); /* one caller, no loop inside a loop */
    pool->task = task;
    pool->context = context;
    pool->count = count;
    atomic_store_explicit(&pool->next_index, 0, memory_order_relaxed);
    atomic_store(&pool->word, before + NUMBER_ONE + OPEN_BIT);
    wake_sleepers(pool);
    run_tasks(pool, 0);
    atomic_fetch_and_explicit(&pool->word, ~OPEN_BIT, memory_order_relaxed);
    /* Those inside are at their last task, or have lost their core: pause first, then yield. */
    int spins = 0;
    while ((atomic_load_explicit(&pool->word, memory_order_acquire) & INSIDE_MASK) != 0) {
        if (spins < pool->spins) {
            spins++;
            PAUSE();
        } else {
            sched_yield();
        }
    }
}

/* ---- Life ----------------------------------------------------------------------------------- */

static enum vain_status start_workers(struct vain_pool *pool)
{
    /* Signals are for the caller's thread, which looks at them between steps. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = 0;
    for (int i = 0; i < pool->threads - 1 && error == 0; i++) {
        struct worker *worker = &pool->workers[i];
        worker->pool = pool;
        worker->number = i + 1;
        error = pthread_create(&worker->thread, NULL, work, worker);
        if (error == 0)
            pool->started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0)
        return vain_fail(VAIN_ERR_MEMORY, "thread %d of %d does not start: %s; use fewer threads",
                         pool->started + 1, pool->threads, strerror(error));
    return VAIN_OK;
}

enum vain_status vain_pool_open(int threads, struct vain_pool **out)
{
    *out = NULL;
    if (threads < 1 || threads > VAIN_THREADS_MAX)
        return vain_fail(VAIN_ERR_INPUT, "threads: found %d, expected 1 to %d", threads,
                         VAIN_THREADS_MAX);
    void *memory;
    VAIN_TRY(vain_take(sizeof(struct vain_pool), "thread pool", &memory));
    struct vain_pool *pool = memory;
    pool->threads = threads;
    /* With more threads than cores, the one that is waited for may be waiting for this very core.
     */
    pool->spins = threads > vain_cores() ? 0 : SPINS;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->wake, NULL);
    enum vain_status status;
    VAIN_TRY_OUT(vain_take_array(threads - 1, sizeof(struct worker), "threads", &memory));
    pool->workers = memory;
    VAIN_TRY_OUT(start_workers(pool));
    *out = pool;
    return VAIN_OK;
out:
    vain_pool_close(&pool);
    return status;
}

void vain_pool_close(struct vain_pool **pool_pointer)
{
    struct vain_pool *pool = *pool_pointer;
    *pool_pointer = NULL;
    if (pool == NULL)
        return;
    atomic_store(&pool->closing, true);
    wake_sleepers(pool);
    for (int i = 0; i < pool->started; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->mutex);
    vain_release(pool->workers);
    vain_release(pool);
}

int vain_pool_threads(const struct vain_pool *pool)
{
    return pool->threads;
}

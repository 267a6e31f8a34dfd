#include "tests/unit/jobs/wipe_watch.h"

#include <pthread.h>
#include <string.h>

#include "base/crypto.h"
#include "base/memory.h"
#include "collectives/share.h"
#include "tests/unit/shortage.h"

enum { BLOCKS_MAX = 64 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* protects all that follows */
static struct {
    void *memory;
    size_t bytes;
} blocks[BLOCKS_MAX];
static int released_count, unwiped_count;

/* What others disclose of their own masks: one scalar each, or with where it belongs. */
static void note(const char *what, void *memory, int64_t count, size_t element_bytes)
{
    const bool plain = strcmp(what, "own masks") == 0 && element_bytes == VAIN_SCALAR_BYTES;
    if (!plain && strcmp(what, "disclosed own masks") != 0)
        return;
    pthread_mutex_lock(&lock);
    int i = 0;
    while (i < BLOCKS_MAX && blocks[i].memory != NULL)
        i++;
    VAIN_ASSERT(i < BLOCKS_MAX);
    blocks[i].memory = memory;
    blocks[i].bytes = (size_t)count * element_bytes;
    pthread_mutex_unlock(&lock);
}

/* The linker puts this in the way (--wrap). */
void __real_vain_release(void *memory);
void __wrap_vain_release(void *memory);

void __wrap_vain_release(void *memory)
{
    pthread_mutex_lock(&lock);
    for (int i = 0; i < BLOCKS_MAX && memory != NULL; i++) {
        if (blocks[i].memory != memory)
            continue;
        released_count++;
        unwiped_count += !vain_is_zero(memory, blocks[i].bytes);
        blocks[i].memory = NULL;
    }
    pthread_mutex_unlock(&lock);
    __real_vain_release(memory);
}

/* What was wiped and given back in one call has left its place for another block by now. */
void __real_vain_release_wiped(void *memory);
void __wrap_vain_release_wiped(void *memory);

void __wrap_vain_release_wiped(void *memory)
{
    pthread_mutex_lock(&lock);
    for (int i = 0; i < BLOCKS_MAX && memory != NULL; i++) {
        if (blocks[i].memory != memory)
            continue;
        released_count++;
        blocks[i].memory = NULL;
    }
    pthread_mutex_unlock(&lock);
    __real_vain_release_wiped(memory);
}

void wipe_watch_begin(void)
{
    memset(blocks, 0, sizeof blocks);
    released_count = unwiped_count = 0;
    shortage_watch(note);
}

void wipe_watch_end(int *released, int *unwiped)
{
    shortage_watch(NULL);
    *released = released_count;
    *unwiped = unwiped_count;
}

/* Blocks with a header, counted; the only file that asks the system for memory.
 *
 * Before each block stand 64 bytes that say how large it is and where it came from, so that a
 * release needs no size and a wipe covers all of it. Large blocks come straight from the kernel as
 * zero pages: nothing is written to them here, so what a part never touches never becomes resident,
 * and huge pages are asked for, since sweeping over a few hundred megabytes of parameters otherwise
 * spends its time on the page table. Small ones come from aligned_alloc. */
#include "base/memory.h"

#include "base/crypto.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Under an address sanitizer every block comes from the heap, where it watches the ends. */
#if defined(__SANITIZE_ADDRESS__)
#define MAP_FROM_BYTES SIZE_MAX
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MAP_FROM_BYTES SIZE_MAX
#endif
#endif
#if !defined(MAP_FROM_BYTES)
#define MAP_FROM_BYTES ((size_t)4 << 20)
#endif

enum { ALIGNMENT_BYTES = 64 };
#define BLOCK_MARK                                                                                 \
    UINT64_C(0x6b636f6c426e6961) /* "ainBlock": a release of anything else is a bug */

struct block {
    uint64_t mark;
    size_t bytes;       /* what was asked for */
    size_t total_bytes; /* with this header, rounded up */
    bool mapped;
};
static_assert(sizeof(struct block) <= ALIGNMENT_BYTES, "the header fits before an aligned block");

static atomic_int_fast64_t held_bytes, held_blocks;

static size_t round_up(size_t bytes)
{
    return (bytes + ALIGNMENT_BYTES - 1) & ~(size_t)(ALIGNMENT_BYTES - 1);
}

static void *map_pages(size_t bytes)
{
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return NULL;
    /* Only a wish: a kernel without huge pages works as well, slower. */
    (void)madvise(pages, bytes, MADV_HUGEPAGE);
    return pages;
}

static void *take_heap(size_t bytes)
{
    void *memory = aligned_alloc(ALIGNMENT_BYTES, bytes);
    if (memory != NULL)
        memset(memory, 0, bytes);
    return memory;
}

enum vain_status vain_take(size_t bytes, const char *what, void **out)
{
    *out = NULL;
    if (bytes == 0)
        return VAIN_OK;
    if (bytes > (size_t)PTRDIFF_MAX - 2 * ALIGNMENT_BYTES)
        return vain_fail(VAIN_ERR_MEMORY, "%s: %zu bytes are more than an address space", what,
                         bytes);
    const size_t total = ALIGNMENT_BYTES + round_up(bytes);
    const bool mapped = total >= MAP_FROM_BYTES;
    unsigned char *start = mapped ? map_pages(total) : take_heap(total);
    if (start == NULL)
        return vain_fail(VAIN_ERR_MEMORY, "%s: no memory for %zu bytes; %lld are held already",
                         what, bytes, (long long)vain_memory_bytes());
    *(struct block *)start =
        (struct block){.mark = BLOCK_MARK, .bytes = bytes, .total_bytes = total, .mapped = mapped};
    atomic_fetch_add(&held_bytes, (int_fast64_t)bytes);
    atomic_fetch_add(&held_blocks, 1);
    *out = start + ALIGNMENT_BYTES;
    return VAIN_OK;
}

enum vain_status vain_take_array(int64_t count, size_t element_bytes, const char *what, void **out)
{
    *out = NULL;
    if (count < 0 || (element_bytes > 0 && (uint64_t)count > SIZE_MAX / element_bytes))
        return vain_fail(VAIN_ERR_MEMORY, "%s: %lld elements of %zu bytes do not fit in memory",
                         what, (long long)count, element_bytes);
    return vain_take((size_t)count * element_bytes, what, out);
}

static struct block *block_of(void *memory)
{
    struct block *block = (struct block *)((unsigned char *)memory - ALIGNMENT_BYTES);
    VAIN_ASSERT(block->mark == BLOCK_MARK);
    return block;
}

void vain_release(void *memory)
{
    if (memory == NULL)
        return;
    struct block *block = block_of(memory);
    atomic_fetch_sub(&held_bytes, (int_fast64_t)block->bytes);
    atomic_fetch_sub(&held_blocks, 1);
    block->mark = 0;
    if (block->mapped)
        VAIN_ASSERT(munmap(block, block->total_bytes) == 0);
    else
        free(block);
}

void vain_release_wiped(void *memory)
{
    if (memory != NULL)
        vain_wipe(memory, block_of(memory)->bytes);
    vain_release(memory);
}

int64_t vain_memory_bytes(void)
{
    return (int64_t)atomic_load(&held_bytes);
}

int64_t vain_memory_blocks(void)
{
    return (int64_t)atomic_load(&held_blocks);
}

/* ---- Arena ---------------------------------------------------------------------------------- */

enum vain_status vain_arena_init(struct vain_arena *arena, size_t bytes, const char *what)
{
    *arena = (struct vain_arena){0};
    void *base;
    VAIN_TRY(vain_take(bytes, what, &base));
    arena->base = base;
    arena->bytes = bytes;
    return VAIN_OK;
}

void *vain_arena_cut(struct vain_arena *arena, size_t bytes)
{
    VAIN_ASSERT(!arena->sealed);
    VAIN_ASSERT(arena->base != NULL);
    /* The last part may end before the boundary that a next one would start at. */
    VAIN_ASSERT(arena->used <= arena->bytes);
    VAIN_ASSERT(bytes <= arena->bytes - arena->used);
    unsigned char *part = arena->base + arena->used;
    const size_t left = arena->bytes - arena->used;
    const size_t cut = vain_arena_cut_bytes(bytes);
    arena->used += cut < left ? cut : left;
    return part;
}

void vain_arena_seal(struct vain_arena *arena)
{
    arena->sealed = true;
}

void vain_arena_fini(struct vain_arena *arena)
{
    vain_release(arena->base);
    *arena = (struct vain_arena){0};
}

size_t vain_arena_cut_bytes(size_t bytes)
{
    return round_up(bytes);
}

/* Memory: the only place that calls malloc.
 *
 * A program part takes what it needs at start (arena, or one vain_take a lifetime) and nothing in
 * the hot path. Every block is counted, so that a test can say "nothing is left" without a tool,
 * and a run can say what it holds. */
#pragma once

#include "base/status.h"

/* Zeroed memory, aligned to 64 bytes (a cache line, an AVX-512 vector). Gives ownership: release
 * with vain_release. VAIN_ERR_MEMORY names `what` and the size. bytes = 0 gives NULL. Local,
 * thread-safe. */
enum vain_status vain_take(size_t bytes, const char *what, void **out) VAIN_MUST_USE;
/* `count` elements of `element_bytes`, refused if the product does not fit. */
enum vain_status vain_take_array(int64_t count, size_t element_bytes, const char *what,
                                 void **out) VAIN_MUST_USE;
/* Takes ownership; NULL is fine. */
void vain_release(void *memory);
/* The same after wiping: for keys. */
void vain_release_wiped(void *memory);
/* Bytes and blocks held now by the whole process. */
int64_t vain_memory_bytes(void);
int64_t vain_memory_blocks(void);

/* An arena is one block from which parts of one lifetime are cut, in order, until it is sealed. */
struct vain_arena {
    unsigned char *base; /* owned */
    size_t bytes, used;
    bool sealed;
};
enum vain_status vain_arena_init(struct vain_arena *arena, size_t bytes,
                                 const char *what) VAIN_MUST_USE;
/* `bytes` at a 64-byte boundary, never NULL: running out is a bug, since the plan sized the arena.
 */
void *vain_arena_cut(struct vain_arena *arena, size_t bytes);
/* No cuts after this. */
void vain_arena_seal(struct vain_arena *arena);
void vain_arena_fini(struct vain_arena *arena);
/* What a cut of `bytes` takes from an arena: rounded up to 64. */
size_t vain_arena_cut_bytes(size_t bytes);

/* Words on their way: sums, masks, check words and tags. All of it is exact modulo 2^32 or 2^64, so
 * blocks are added in any order; they are added in order all the same. */
#include "kernels/cpu/cpu.h"
#include "kernels/mix.h"

struct words {
    const struct vain_device *device;
    const struct vain_integer_code *code;
    int64_t count, block; /* words, words of a block */
    const uint32_t *source;
    uint32_t *target; /* or the sums of blocks */
    uint64_t *tags;   /* of blocks */
    uint64_t tag_key;
    struct vain_check_key key;
    const struct vain_masks *masks;
    uint64_t first; /* element that target[0] is */
};

static struct words words_of(struct vain_queue *queue, int64_t count)
{
    return (struct words){.device = queue->device,
                          .code = queue->device->code->integer,
                          .count = count,
                          .block = VAIN_BLOCK};
}

/* ---- Sums and check words ---- */

enum { CHECK_BLOCKS = VAIN_SHARED_BYTES / sizeof(uint32_t) };

static void check_block(void *context, int64_t index, int worker)
{
    const struct words *w = context;
    const int64_t first = index * w->block;
    (void)worker;
    w->target[index] = w->code->check_word(vain_smaller(w->block, w->count - first),
                                           w->source + first, w->key.k, (uint64_t)first);
}

void vain_cpu_check_word(struct vain_queue *queue, int64_t words_count, const uint32_t *words,
                         struct vain_random random, uint32_t round, uint32_t attempt, uint32_t *out)
{
    struct words w = words_of(queue, words_count);
    w.source = words;
    w.target = (uint32_t *)(void *)queue->device->shared;
    w.key = vain_check_key_of(random, round, attempt);
    w.block = vain_larger(w.block, vain_parts_of(words_count, CHECK_BLOCKS));
    const int64_t blocks = vain_parts_of(words_count, w.block);
    vain_cpu_run(queue->device, blocks, check_block, &w);
    *out = 0;
    for (int64_t b = 0; b < blocks; b++)
        *out += w.target[b];
}

static void add_words_block(void *context, int64_t index, int worker)
{
    const struct words *w = context;
    const int64_t first = index * w->block;
    (void)worker;
    w->code->add_words(vain_smaller(w->block, w->count - first), w->source + first,
                       w->target + first);
}

void vain_cpu_add_words(struct vain_queue *queue, int64_t words_count, const uint32_t *source,
                        uint32_t *target)
{
    struct words w = words_of(queue, words_count);
    w.source = source;
    w.target = target;
    vain_cpu_run(queue->device, vain_parts_of(words_count, VAIN_BLOCK), add_words_block, &w);
}

/* ---- Masks ---- */

enum { LINE_WORDS = 16, FETCH_WORDS = 256 /* 1 KiB: what the processor can await at once */ };

/* Words on their way from memory while the cipher works on those before them. */
static void fetch(const struct words *w, int64_t first, int64_t count)
{
    for (int64_t i = first; i < first + count && i < w->count; i += LINE_WORDS)
        __builtin_prefetch(w->target + i, 0, 2);
}

/* In pieces of at most `piece` words; before each the one after it is fetched, if the words are not
 * in the cache yet. */
static void mask_range(const struct words *w, const struct vain_mask *mask,
                       struct vain_mask_stream *stream, int64_t first, int64_t count, bool cold)
{
    const int64_t piece = cold ? FETCH_WORDS : count;
    vain_mask_stream_start(stream, mask->seed, mask->domain, w->first + (uint64_t)first);
    for (int64_t done = 0; done < count;) {
        const uint32_t *stream_words = NULL;
        if (cold)
            fetch(w, first + done + piece, piece);
        const int64_t made =
            vain_mask_stream_next(stream, vain_smaller(piece, count - done), &stream_words);
        if (mask->subtract)
            w->code->subtract_words(made, stream_words, w->target + first + done);
        else
            w->code->add_words(made, stream_words, w->target + first + done);
        done += made;
    }
}

static void add_streams(const struct words *w, int worker, int64_t first, int64_t count, bool cold)
{
    for (int i = 0; i < w->masks->count; i++)
        mask_range(w, &w->masks->masks[i], w->device->mask_streams[worker], first, count,
                   cold && i == 0);
}

static void masks_block(void *context, int64_t index, int worker)
{
    const struct words *w = context;
    const int64_t first = index * w->block;
    add_streams(w, worker, first, vain_smaller(w->block, w->count - first), true);
}

void vain_cpu_mask_block(const struct vain_device *device, int worker,
                         const struct vain_masks *masks, uint64_t first, int64_t count,
                         uint32_t *words)
{
    const struct words w = {.device = device,
                            .code = device->code->integer,
                            .count = count,
                            .target = words,
                            .masks = masks,
                            .first = first};
    VAIN_ASSERT(device->mask_streams != NULL); /* vain_device_can_mask was asked */
    add_streams(&w, worker, 0, count, false);
}

void vain_cpu_forget_masks(const struct vain_device *device)
{
    for (int i = 0; i < vain_pool_threads(device->pool); i++)
        vain_mask_stream_forget(device->mask_streams[i]);
}

void vain_cpu_add_masks(struct vain_queue *queue, const struct vain_masks *masks, uint64_t first,
                        int64_t words_count, uint32_t *words)
{
    struct words w = words_of(queue, words_count);
    VAIN_ASSERT(queue->device->mask_streams != NULL); /* vain_device_can_mask was asked */
    w.target = words;
    w.masks = masks;
    w.first = first;
    vain_cpu_run(queue->device, vain_parts_of(words_count, VAIN_BLOCK), masks_block, &w);
    vain_cpu_forget_masks(queue->device);
}

/* ---- Tags ---- */

enum { TAG_BLOCKS = VAIN_SHARED_BYTES / sizeof(uint64_t) };
_Static_assert(VAIN_BLOCK % VAIN_TAG_WORDS == 0, "a block holds whole blocks of a tag");

static void tag_block(void *context, int64_t index, int worker)
{
    const struct words *w = context;
    const int64_t first = index * w->block;
    (void)worker;
    w->tags[index] = w->code->tag_words(vain_smaller(w->block, w->count - first), w->source + first,
                                        w->tag_key, (uint64_t)(first / VAIN_TAG_WORDS));
}

void vain_cpu_tag_words(struct vain_queue *queue, int64_t words_count, const uint32_t *words,
                        uint64_t key, uint64_t *out)
{
    struct words w = words_of(queue, words_count);
    w.source = words;
    w.tags = (uint64_t *)(void *)queue->device->shared;
    w.tag_key = key;
    while (vain_parts_of(words_count, w.block) > (int64_t)TAG_BLOCKS)
        w.block *= 2;
    const int64_t blocks = vain_parts_of(words_count, w.block);
    vain_cpu_run(queue->device, blocks, tag_block, &w);
    *out = 0;
    for (int64_t b = 0; b < blocks; b++)
        *out += w.tags[b];
}

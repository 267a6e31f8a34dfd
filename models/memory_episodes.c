/* Keys lie one after the other, so that the cosines of many queries with all keys are one matrix
 * product; choosing the nearest from a row of it is a pass of insertions. */
#include "models/memory_episodes.h"

#include <string.h>

#include "models/memory_integer.h"

int64_t vain_memory_episode_floats(const struct vain_memory_shape *shape)
{
    return 3 + shape->width + shape->pixels;
}

void vain_memory_episodes_bind(const struct vain_memory_shape *shape, int64_t low, int64_t high,
                               float *block, struct vain_memory_episodes *out)
{
    VAIN_ASSERT(low >= 1 && low < high);
    *out = (struct vain_memory_episodes){
        .low = low, .high = high, .shape = *shape, .count = block, .labels = block + 2};
    out->used = out->labels + high;
    out->keys = out->used + 2 * high;
    out->examples = out->keys + high * shape->width;
}

int64_t vain_memory_episodes_count(const struct vain_memory_episodes *episodes)
{
    return vain_memory_get_integer(episodes->count);
}

int32_t vain_memory_episodes_label(const struct vain_memory_episodes *episodes, int64_t index)
{
    return (int32_t)episodes->labels[index];
}

void vain_memory_episodes_touch(struct vain_memory_episodes *episodes, int64_t index, int64_t now)
{
    vain_memory_put_integer(episodes->used + 2 * index, now);
}

static void put(struct vain_memory_episodes *episodes, int64_t index, float label, const float *key,
                const float *example)
{
    const int64_t width = episodes->shape.width, pixels = episodes->shape.pixels;
    episodes->labels[index] = label;
    memcpy(episodes->keys + index * width, key, (size_t)width * sizeof(float));
    memcpy(episodes->examples + index * pixels, example, (size_t)pixels * sizeof(float));
}

static int64_t least_recently_used(const struct vain_memory_episodes *episodes, int64_t count)
{
    int64_t oldest = 0;
    for (int64_t i = 1; i < count; i++)
        if (vain_memory_get_integer(episodes->used + 2 * i) <
            vain_memory_get_integer(episodes->used + 2 * oldest))
            oldest = i;
    return oldest;
}

/* The last one moves to the place that becomes free. */
static void remove_at(struct vain_memory_episodes *episodes, int64_t index, int64_t last)
{
    const int64_t width = episodes->shape.width, pixels = episodes->shape.pixels;
    if (index == last)
        return;
    put(episodes, index, episodes->labels[last], episodes->keys + last * width,
        episodes->examples + last * pixels);
    memcpy(episodes->used + 2 * index, episodes->used + 2 * last, 2 * sizeof(float));
}

int64_t vain_memory_episodes_add(struct vain_memory_episodes *episodes, int64_t now, int32_t label,
                                 const float *key, const float *example)
{
    int64_t count = vain_memory_episodes_count(episodes), removed = 0;
    VAIN_ASSERT(count < episodes->high);
    put(episodes, count, (float)label, key, example);
    vain_memory_episodes_touch(episodes, count, now);
    count++;
    if (count >= episodes->high) {
        for (; count > episodes->low; removed++, count--)
            remove_at(episodes, least_recently_used(episodes, count), count - 1);
    }
    vain_memory_put_integer(episodes->count, count);
    return removed;
}

/* A row of cosines becomes the nearest of it. */
static void choose(const struct vain_memory_search *search, int64_t count, int64_t query)
{
    const float *scores = search->scores + query * count;
    const int64_t skipped = search->skip != NULL ? search->skip[query] : -1;
    struct vain_memory_neighbour *found = search->found + query * search->neighbours;
    int64_t filled = 0;
    for (int64_t n = 0; n < search->neighbours; n++)
        found[n] = (struct vain_memory_neighbour){.index = -1};
    for (int64_t i = 0; i < count; i++) {
        int64_t place = filled;
        if (i == skipped)
            continue;
        while (place > 0 && scores[i] > found[place - 1].similarity)
            place--;
        if (place >= search->neighbours)
            continue;
        filled += filled < search->neighbours;
        for (int64_t n = filled - 1; n > place; n--)
            found[n] = found[n - 1];
        found[place] = (struct vain_memory_neighbour){i, scores[i]};
    }
}

void vain_memory_episodes_search(const struct vain_memory_episodes *episodes,
                                 struct vain_queue *queue, const struct vain_memory_search *search)
{
    const int64_t count = vain_memory_episodes_count(episodes);
    if (count > 0 && search->M > 0) {
        const struct vain_linear cosines = {
            .M = search->M,
            .N = count,
            .K = episodes->shape.width,
            .input = search->queries,
            .weight = episodes->keys,
            .output = search->scores,
        };
        queue->device->ops->matmul.linear(queue, &cosines);
        VAIN_ASSERT(vain_queue_wait(queue) == VAIN_OK);
    }
    for (int64_t m = 0; m < search->M; m++)
        choose(search, count, m);
}

bool vain_memory_episodes_are_sound(const struct vain_memory_episodes *episodes)
{
    if (!vain_memory_is_integer(episodes->count, episodes->high - 1))
        return false;
    for (int64_t i = 0; i < vain_memory_episodes_count(episodes); i++)
        if (!vain_memory_is_whole(episodes->labels[i], episodes->shape.classes) ||
            !vain_memory_is_integer(episodes->used + 2 * i, VAIN_MEMORY_INTEGER_MAX))
            return false;
    return true;
}

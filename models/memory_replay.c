/* A store holds some thousand episodes at most of which a batch takes a few, so counting a class by
 * looking at every label costs less than an index would that has to follow evictions. */
#include "models/memory_replay.h"

#include <string.h>

#include "models/memory_integer.h"

enum { REPLAY_PURPOSE = 2, TASK_PURPOSE = 3 };

static int64_t count_class(const struct vain_memory *memory, int64_t label)
{
    const int64_t count = vain_memory_episodes_count(&memory->episodes);
    int64_t found = 0;
    for (int64_t i = 0; i < count; i++)
        found += vain_memory_episodes_label(&memory->episodes, i) == label;
    return found;
}

/* Classes with at least `least` episodes. */
static int64_t count_classes(const struct vain_memory *memory, int64_t least)
{
    int64_t found = 0;
    for (int64_t c = 0; c < memory->options.shape.classes; c++)
        found += count_class(memory, c) >= least;
    return found;
}

/* Number `nth` (from 0) of the classes with at least `least` episodes. */
static int64_t class_at(const struct vain_memory *memory, int64_t least, int64_t nth)
{
    for (int64_t c = 0; c < memory->options.shape.classes; c++)
        if (count_class(memory, c) >= least && nth-- == 0)
            return c;
    VAIN_ASSERT(false);
    return -1;
}

/* Number `nth` of the episodes of a class. */
static int64_t episode_at(const struct vain_memory *memory, int64_t label, int64_t nth)
{
    for (int64_t i = 0; i < vain_memory_episodes_count(&memory->episodes); i++)
        if (vain_memory_episodes_label(&memory->episodes, i) == label && nth-- == 0)
            return i;
    VAIN_ASSERT(false);
    return -1;
}

static void take_example(struct vain_memory *memory, int64_t episode, float *out)
{
    const int64_t pixels = memory->options.shape.pixels;
    memcpy(out, memory->episodes.examples + episode * pixels, (size_t)pixels * sizeof(float));
    vain_memory_episodes_touch(&memory->episodes, episode, vain_memory_now(memory));
}

int64_t vain_memory_replay(struct vain_memory *memory, uint64_t number, int64_t M, float *examples,
                           int32_t *labels, int64_t *episodes)
{
    const int64_t pixels = memory->options.shape.pixels;
    const int64_t classes = count_classes(memory, 1);
    struct vain_memory_draw draw = {memory->random, REPLAY_PURPOSE, number, 0};
    if (classes == 0)
        return 0;
    for (int64_t m = 0; m < M; m++) {
        const int64_t label = class_at(memory, 1, vain_memory_draw_below(&draw, classes));
        const int64_t count = count_class(memory, label);
        episodes[m] = episode_at(memory, label, vain_memory_draw_below(&draw, count));
        labels[m] = (int32_t)label;
        take_example(memory, episodes[m], examples + m * pixels);
    }
    return M;
}

/* Number `nth` of the classes with at least `least` episodes that are not among the first `taken`.
 */
static int64_t new_class_at(const struct vain_memory *memory, int64_t least, const int64_t *classes,
                            int taken, int64_t nth)
{
    for (int64_t c = 0; c < memory->options.shape.classes; c++) {
        bool is_taken = false;
        for (int t = 0; t < taken; t++)
            is_taken = is_taken || classes[t] == c;
        if (!is_taken && count_class(memory, c) >= least && nth-- == 0)
            return c;
    }
    VAIN_ASSERT(false);
    return -1;
}

/* Number `nth` of the episodes of class `label` that are used no later than `before`: the drawn
 * ones are, and are so passed over. */
static int64_t old_episode_at(const struct vain_memory *memory, int64_t label, int64_t before,
                              int64_t nth)
{
    for (int64_t i = 0; i < vain_memory_episodes_count(&memory->episodes); i++)
        if (vain_memory_episodes_label(&memory->episodes, i) == label &&
            vain_memory_get_integer(memory->episodes.used + 2 * i) <= before && nth-- == 0)
            return i;
    VAIN_ASSERT(false);
    return -1;
}

bool vain_memory_task_draw(struct vain_memory *memory, const struct vain_memory_task_shape *shape,
                           uint64_t number, const struct vain_memory_task *task)
{
    const int64_t pixels = memory->options.shape.pixels;
    const int64_t least = shape->shot + shape->query,
                  before = vain_memory_get_integer(memory->clock);
    const int64_t classes = count_classes(memory, least);
    struct vain_memory_draw draw = {memory->random, TASK_PURPOSE, number, 0};
    if (classes < shape->way)
        return false;
    for (int w = 0; w < shape->way; w++) {
        task->classes[w] = new_class_at(memory, least, task->classes, w,
                                        vain_memory_draw_below(&draw, classes - w));
        const int64_t count = count_class(memory, task->classes[w]);
        for (int i = 0; i < least; i++) {
            const int64_t episode = old_episode_at(memory, task->classes[w], before,
                                                   vain_memory_draw_below(&draw, count - i));
            const bool asked = i >= shape->shot;
            const int place = asked ? w * shape->query + i - shape->shot : w * shape->shot + i;
            (asked ? task->query_labels : task->support_labels)[place] = w;
            take_example(memory, episode, (asked ? task->query : task->support) + place * pixels);
        }
    }
    return true;
}

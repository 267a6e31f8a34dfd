#include "jobs/data/episodes.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "jobs/data/draw.h"

enum { QUARTERS = 4 };

/* ---- Opening ---- */

/* Labels of images that lie in a rectangle of (classes, examples). */
static enum vain_status index_rectangle(int64_t class_count, int64_t count,
                                        struct vain_label_index *out)
{
    void *memory;
    VAIN_TRY(vain_take_array(count, sizeof(int32_t), "classes of images", &memory));
    int32_t *labels = memory;
    for (int64_t i = 0; i < count; i++)
        labels[i] = (int32_t)(i / (count / class_count));
    const enum vain_status status = vain_label_index_make(labels, count, class_count, NULL, 0, out);
    vain_release(memory);
    return status;
}

static enum vain_status check_rank(const struct vain_episode_source *source,
                                   const struct vain_array *array)
{
    char shape[VAIN_ARRAY_SHAPE_BYTES];
    if (array->rank != (source->channels ? 5 : 4))
        return vain_fail(VAIN_ERR_INPUT,
                         "%s: data set '%s' has shape %s; expected (classes, examples, H, W%s), or "
                         "name the data set of the classes of single images",
                         source->path, source->images, vain_array_shape_text(array, shape),
                         source->channels ? ", C" : "");
    if (array->shape[0] > VAIN_CLASSES_MAX)
        return vain_fail(VAIN_ERR_INPUT, "%s: data set '%s' has %lld classes, at most %d are read",
                         source->path, source->images, (long long)array->shape[0],
                         VAIN_CLASSES_MAX);
    return VAIN_OK;
}

static enum vain_status read_rectangle(const struct vain_episode_source *source,
                                       struct vain_episodes *out)
{
    struct vain_array array;
    VAIN_TRY(vain_array_read(source->path, source->images, &array));
    const enum vain_status status = check_rank(source, &array);
    if (status != VAIN_OK) {
        vain_array_release(&array);
        return status;
    }
    out->class_count = array.shape[0];
    VAIN_TRY(vain_images_adopt(source->path, source->images, source->channels, &source->pixels,
                               &array, &out->images));
    return index_rectangle(out->class_count, out->images.count, &out->index);
}

static enum vain_status read_labelled(const struct vain_episode_source *source,
                                      struct vain_episodes *out)
{
    const struct vain_image_source images = {.path = source->path,
                                             .images = source->images,
                                             .labels = source->labels,
                                             .pixels = source->pixels};
    VAIN_TRY(vain_images_open(&images, &out->images));
    out->class_count = out->images.class_count;
    return vain_label_index_make(out->images.labels, out->images.count, out->class_count, NULL, 0,
                                 &out->index);
}

/* One integer a class; gives the array. */
static enum vain_status read_column(const struct vain_episode_source *source, const char *name,
                                    const char *meaning, int64_t class_count,
                                    struct vain_array *out)
{
    VAIN_TRY(vain_array_read(source->path, name, out));
    if (vain_array_is_integer(out->type) && out->rank == 1 && out->count == class_count)
        return VAIN_OK;
    char shape[VAIN_ARRAY_SHAPE_BYTES];
    const enum vain_status status = vain_fail(
        VAIN_ERR_INPUT,
        "%s: data set '%s' is %s of shape %s; expected %s: integers of shape (%lld), one a class "
        "of '%s'",
        source->path, name, vain_array_type_name(out->type), vain_array_shape_text(out, shape),
        meaning, (long long)class_count, source->images);
    vain_array_release(out);
    return status;
}

/* `order` from the file's column: each class once. `seen` is zero. */
static enum vain_status copy_order(const struct vain_episode_source *source,
                                   const struct vain_array *column, uint8_t *seen, int64_t *order)
{
    for (int64_t i = 0; i < column->count; i++) {
        const int64_t class = vain_array_integer(column, i);
        if (class < 0 || class >= column->count)
            return vain_fail(VAIN_ERR_INPUT,
                             "%s: data set '%s': element %lld is %lld; expected a class, 0 to %lld",
                             source->path, source->order, (long long)i, (long long)class,
                             (long long)column->count - 1);
        if (seen[class] != 0)
            return vain_fail(VAIN_ERR_INPUT,
                             "%s: data set '%s': class %lld stands there twice, the second time as "
                             "element %lld; expected each class once",
                             source->path, source->order, (long long)class, (long long)i);
        seen[class] = 1;
        order[i] = class;
    }
    return VAIN_OK;
}

static enum vain_status read_order(const struct vain_episode_source *source,
                                   struct vain_episodes *out)
{
    void *order, *seen = NULL;
    VAIN_TRY(vain_take_array(out->class_count, sizeof *out->order, "order of classes", &order));
    out->order = order;
    for (int64_t i = 0; i < out->class_count; i++)
        out->order[i] = i;
    if (source->order[0] == '\0')
        return VAIN_OK;
    struct vain_array column;
    VAIN_TRY(read_column(source, source->order, "an order", out->class_count, &column));
    enum vain_status status = vain_take_array(out->class_count, 1, "classes seen", &seen);
    if (status == VAIN_OK)
        status = copy_order(source, &column, seen, out->order);
    vain_release(seen);
    vain_array_release(&column);
    return status;
}

static enum vain_status read_groups(const struct vain_episode_source *source,
                                    struct vain_episodes *out)
{
    if (source->groups[0] == '\0')
        return VAIN_OK;
    struct vain_array column;
    VAIN_TRY(read_column(source, source->groups, "groups", out->class_count, &column));
    void *groups = NULL;
    enum vain_status status =
        vain_take_array(out->class_count, sizeof *out->groups, "groups of classes", &groups);
    out->groups = groups;
    for (int64_t i = 0; i < out->class_count && status == VAIN_OK; i++) {
        const int64_t group = vain_array_integer(&column, i);
        if (group < 0 || group >= VAIN_GROUPS_MAX)
            status = vain_fail(
                VAIN_ERR_INPUT, "%s: data set '%s': group of class %lld is %lld; expected 0 to %d",
                source->path, source->groups, (long long)i, (long long)group, VAIN_GROUPS_MAX - 1);
        else
            out->groups[i] = (int32_t)group;
    }
    vain_array_release(&column);
    return status;
}

static enum vain_status set_sides(const struct vain_episode_source *source,
                                  struct vain_episodes *out)
{
    const int64_t train = source->train_classes;
    const int64_t test = source->test_classes > 0 ? source->test_classes : out->class_count - train;
    if (train < 1 || train > out->class_count || test < 1 || test > out->class_count - train)
        return vain_fail(VAIN_ERR_INPUT,
                         "%s: data set '%s' has %lld classes, too few for %lld to train and %lld "
                         "to test, each at least 1",
                         source->path, source->images, (long long)out->class_count,
                         (long long)train, (long long)(test > 1 ? test : 1));
    if (source->rotations && out->images.height != out->images.width)
        return vain_fail(VAIN_ERR_INPUT,
                         "%s: data set '%s' has images of %lld x %lld; only square ones can be "
                         "rotated by 90 degrees: switch rotations off",
                         source->path, source->images, (long long)out->images.height,
                         (long long)out->images.width);
    out->train_count = train;
    out->test_count = test;
    out->rotations = source->rotations;
    return VAIN_OK;
}

static enum vain_status read_all(const struct vain_episode_source *source,
                                 struct vain_episodes *out)
{
    VAIN_TRY(source->labels[0] == '\0' ? read_rectangle(source, out) : read_labelled(source, out));
    VAIN_TRY(read_order(source, out));
    VAIN_TRY(read_groups(source, out));
    return set_sides(source, out);
}

enum vain_status vain_episodes_open(const struct vain_episode_source *source,
                                    struct vain_episodes *out)
{
    *out = (struct vain_episodes){0};
    const enum vain_status status = read_all(source, out);
    if (status != VAIN_OK)
        vain_episodes_close(out);
    return status;
}

void vain_episodes_close(struct vain_episodes *episodes)
{
    vain_images_close(&episodes->images);
    vain_label_index_release(&episodes->index);
    vain_release(episodes->order);
    vain_release(episodes->groups);
    *episodes = (struct vain_episodes){0};
}

/* ---- Pools ---- */

/* Keep of the pool's classes those that the split gives to this member. */
static enum vain_status keep_share(const struct vain_class_share *share, const int32_t *groups,
                                   struct vain_class_pool *pool)
{
    const struct vain_images *images = &pool->episodes->images;
    char what[VAIN_PATH_BYTES + VAIN_ARRAY_NAME_BYTES + 32];
    (void)snprintf(what, sizeof what, "%s: classes of data set '%s'", images->path, images->name);
    const struct vain_client_options options = {.kind = share->kind,
                                                .client_count = share->member_count,
                                                .what = what,
                                                .count = pool->class_count,
                                                .groups = groups};
    struct vain_clients clients;
    VAIN_TRY(vain_clients_split(&options, share->random, &clients));
    const int64_t *own = vain_clients_examples(&clients, share->member, &pool->class_count);
    for (int64_t i = 0; i < pool->class_count; i++)
        pool->classes[i] = pool->classes[own[i]]; /* ascending, so own[i] >= i */
    vain_clients_release(&clients);
    return VAIN_OK;
}

static enum vain_status take_share(const struct vain_class_share *share,
                                   struct vain_class_pool *pool)
{
    const struct vain_episodes *episodes = pool->episodes;
    if (share->kind == VAIN_CLIENTS_IID)
        return keep_share(share, NULL, pool);
    VAIN_ASSERT(share->kind == VAIN_CLIENTS_BY_GROUP);
    if (episodes->groups == NULL)
        return vain_fail(VAIN_ERR_INPUT,
                         "%s: data set '%s' cannot be split by group: no data set of groups is "
                         "named, such as class_alphabet",
                         episodes->images.path, episodes->images.name);
    void *memory;
    VAIN_TRY(vain_take_array(pool->class_count, sizeof(int32_t), "groups of a side", &memory));
    int32_t *groups = memory;
    for (int64_t i = 0; i < pool->class_count; i++)
        groups[i] = episodes->groups[pool->classes[i]];
    const enum vain_status status = keep_share(share, groups, pool);
    vain_release(memory);
    return status;
}

enum vain_status vain_class_pool_open(const struct vain_episodes *episodes,
                                      enum vain_episode_side side,
                                      const struct vain_class_share *share,
                                      struct vain_class_pool *out)
{
    const bool train = side == VAIN_EPISODES_TRAIN;
    *out = (struct vain_class_pool){.episodes = episodes, .turns = 1};
    out->class_count = train ? episodes->train_count : episodes->test_count;
    if (train && episodes->rotations)
        out->turns = QUARTERS;
    void *classes;
    enum vain_status status =
        vain_take_array(out->class_count, sizeof *out->classes, "pool of classes", &classes);
    if (status == VAIN_OK) {
        out->classes = classes;
        memcpy(out->classes, episodes->order + (train ? 0 : episodes->train_count),
               (size_t)out->class_count * sizeof *out->classes);
        status = share != NULL ? take_share(share, out) : VAIN_OK;
    }
    if (status != VAIN_OK)
        vain_class_pool_close(out);
    return status;
}

void vain_class_pool_close(struct vain_class_pool *pool)
{
    vain_release(pool->classes);
    *pool = (struct vain_class_pool){0};
}

enum vain_status vain_class_pool_check(const struct vain_class_pool *pool,
                                       const struct vain_task_shape *shape)
{
    VAIN_ASSERT(shape->way >= 1 && shape->way <= VAIN_TASK_WAY_MAX);
    VAIN_ASSERT(shape->shot >= 1 && shape->query >= 0);
    VAIN_ASSERT(shape->shot <= VAIN_TASK_EXAMPLES_MAX - shape->query);
    const struct vain_images *images = &pool->episodes->images;
    if (shape->way > pool->class_count * pool->turns)
        return vain_fail(VAIN_ERR_INPUT,
                         "%s: data set '%s': a task takes %d classes, and there are %lld%s to draw "
                         "from; lower the way or give more classes",
                         images->path, images->name, shape->way,
                         (long long)(pool->class_count * pool->turns),
                         pool->turns > 1 ? " with their rotations" : "");
    for (int64_t i = 0; i < pool->class_count; i++) {
        const int64_t rows = vain_label_index_count(&pool->episodes->index, pool->classes[i]);
        if (rows < shape->shot + shape->query)
            return vain_fail(VAIN_ERR_INPUT,
                             "%s: data set '%s': class %lld has %lld examples, but a task takes %d "
                             "of each class: %d to learn from and %d to be asked about",
                             images->path, images->name, (long long)pool->classes[i],
                             (long long)rows, shape->shot + shape->query, shape->shot,
                             shape->query);
    }
    return VAIN_OK;
}

/* ---- Tasks ---- */

static struct vain_draw draw_classes(const struct vain_class_pool *pool,
                                     const struct vain_task_shape *shape, struct vain_random random,
                                     int64_t number, int64_t *chosen)
{
    struct vain_draw draw = vain_draw_start_at(random, number);
    vain_draw_subset(&draw, pool->class_count * pool->turns, shape->way, chosen);
    return draw;
}

/* `count` drawings of one class, from `rows`, to a task's buffers from place `first` on. */
static void write_class(const struct vain_class_pool *pool, const int64_t *rows, int count,
                        int quarter_turns, int label, float *pixels, int32_t *labels)
{
    const struct vain_images *images = &pool->episodes->images;
    const int64_t size = vain_images_pixels(images);
    for (int i = 0; i < count; i++) {
        const int64_t place = (int64_t)label * count + i;
        vain_images_write(images, rows[i], quarter_turns, pixels + place * size);
        labels[place] = label;
    }
}

void vain_episodes_draw(const struct vain_class_pool *pool, const struct vain_task_shape *shape,
                        struct vain_random random, int64_t number, const struct vain_task *task)
{
    int64_t chosen[VAIN_TASK_WAY_MAX], rows[VAIN_TASK_EXAMPLES_MAX];
    const struct vain_label_index *index = &pool->episodes->index;
    struct vain_draw draw = draw_classes(pool, shape, random, number, chosen);
    for (int label = 0; label < shape->way; label++) {
        const int64_t class = pool->classes[chosen[label] / pool->turns];
        const int turns = (int)(chosen[label] % pool->turns);
        const int count = shape->shot + shape->query;
        vain_draw_subset(&draw, vain_label_index_count(index, class), count, rows);
        for (int i = 0; i < count; i++)
            rows[i] = index->rows[index->begin[class] + rows[i]];
        write_class(pool, rows, shape->shot, turns, label, task->support, task->support_labels);
        if (shape->query > 0)
            write_class(pool, rows + shape->shot, shape->query, turns, label, task->query,
                        task->query_labels);
    }
}

void vain_episodes_classes(const struct vain_class_pool *pool, const struct vain_task_shape *shape,
                           struct vain_random random, int64_t number, int64_t *classes,
                           int *quarter_turns)
{
    (void)draw_classes(pool, shape, random, number, classes);
    for (int label = 0; label < shape->way; label++) {
        quarter_turns[label] = (int)(classes[label] % pool->turns);
        classes[label] = pool->classes[classes[label] / pool->turns];
    }
}

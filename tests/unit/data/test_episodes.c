/* Few-shot tasks: what is in one, that sides and members share nothing, and what is refused. */
#include "jobs/data/episodes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "tests/unit/data/maker.h"
#include "tests/unit/data/scratch.h"
#include "tests/unit/suite.h"

enum { CLASSES = 12, DRAWINGS = 6, SIDE = 3, PIXELS = SIDE * SIDE };
static const struct vain_random stream = {{21, 22}}, other_stream = {{21, 23}};
static const uint16_t order[CLASSES] = {11, 0, 10, 1, 9, 2, 8, 3, 7, 4, 6, 5};
static const uint8_t alphabets[CLASSES] = {0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 3, 4};
static uint8_t pictures[CLASSES][DRAWINGS][PIXELS];

/* The corner says the class, the middle the drawing; the rest tells how it is turned. */
static const char *make_file(const char *file)
{
    uint8_t labels[CLASSES * DRAWINGS];
    for (int c = 0; c < CLASSES; c++) {
        for (int d = 0; d < DRAWINGS; d++) {
            memset(pictures[c][d], 0, PIXELS);
            pictures[c][d][0] = (uint8_t)(100 + c);
            pictures[c][d][PIXELS / 2] = (uint8_t)(1 + d);
            labels[c * DRAWINGS + d] = (uint8_t)(c == 3 && d == 5 ? 4 : c);
        }
    }
    static const uint8_t wrong_order[CLASSES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 3, 11};
    static const int32_t far_order[CLASSES] = {0, 1, 12, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    const hid_t byte = H5T_NATIVE_UINT8;
    const struct maker_set sets[] = {
        {"images", byte, byte, 4, {CLASSES, DRAWINGS, SIDE, SIDE}, 5, pictures},
        {"wide", byte, byte, 4, {CLASSES, DRAWINGS, 1, PIXELS}, 0, pictures},
        {"single", byte, byte, 3, {CLASSES * DRAWINGS, SIDE, SIDE}, 0, pictures},
        {"labels", byte, byte, 1, {CLASSES * DRAWINGS}, 0, labels},
        {"order", H5T_NATIVE_UINT16, H5T_STD_U16LE, 1, {CLASSES}, 0, order},
        {"wrong_order", byte, byte, 1, {CLASSES}, 0, wrong_order},
        {"far_order", H5T_NATIVE_INT32, H5T_STD_I32LE, 1, {CLASSES}, 0, far_order},
        {"short_order", byte, byte, 1, {CLASSES - 1}, 0, wrong_order},
        {"alphabets", byte, byte, 1, {CLASSES}, 0, alphabets}};
    return maker_hdf5(file, sets, (int)VAIN_COUNT_OF(sets));
}

static struct vain_episode_source source_of(const char *file)
{
    return (struct vain_episode_source){.path = make_file(file),
                                        .images = "images",
                                        .labels = "",
                                        .order = "order",
                                        .groups = "alphabets",
                                        .train_classes = 8,
                                        .pixels = {.full = 1}};
}

static struct vain_episodes open_set(const struct vain_episode_source *source)
{
    struct vain_episodes episodes;
    const enum vain_status status = vain_episodes_open(source, &episodes);
    if (status != VAIN_OK)
        printf("message: %s\n", vain_fail_message());
    CU_ASSERT_EQUAL_FATAL(status, VAIN_OK);
    return episodes;
}

static struct vain_class_pool open_pool(const struct vain_episodes *episodes,
                                        enum vain_episode_side side,
                                        const struct vain_class_share *share)
{
    struct vain_class_pool pool;
    CU_ASSERT_EQUAL_FATAL(vain_class_pool_open(episodes, side, share, &pool), VAIN_OK);
    return pool;
}

static void expect(const struct vain_episode_source *source, const char *words)
{
    struct vain_episodes episodes;
    CU_ASSERT_EQUAL(vain_episodes_open(source, &episodes), VAIN_ERR_INPUT);
    CU_ASSERT(episodes.images.array.data == NULL && episodes.order == NULL);
    if (strstr(vain_fail_message(), words) == NULL)
        printf("message: %s\n", vain_fail_message());
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), words));
    CU_ASSERT_EQUAL(vain_memory_blocks(), 0);
}

/* A picture's class, or -1 - and how it is turned, by where the corner went. */
static int class_of(const float *picture, int *turns)
{
    static const int corners[4] = {0, 6, 8, 2};
    for (int t = 0; t < 4; t++) {
        if (picture[corners[t]] >= 100) {
            *turns = t;
            return (int)picture[corners[t]] - 100;
        }
    }
    return -1;
}

static void sides_follow_the_order(void)
{
    const struct vain_episode_source source = source_of("sides.h5");
    struct vain_episodes episodes = open_set(&source);
    struct vain_class_pool train = open_pool(&episodes, VAIN_EPISODES_TRAIN, NULL);
    struct vain_class_pool test = open_pool(&episodes, VAIN_EPISODES_TEST, NULL);
    CU_ASSERT(train.class_count == 8 && test.class_count == 4);
    for (int i = 0; i < 8; i++)
        CU_ASSERT_EQUAL(train.classes[i], order[i]);
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(test.classes[i], order[8 + i]);
    vain_class_pool_close(&train);
    vain_class_pool_close(&test);
    vain_episodes_close(&episodes);
    vain_episodes_close(&episodes);
    CU_ASSERT_EQUAL(vain_memory_blocks(), 0);
}

enum { WAY = 3, SHOT = 2, QUERY = 3 };
static const struct vain_task_shape shape = {WAY, SHOT, QUERY};
struct buffers {
    float support[WAY * SHOT * PIXELS], query[WAY * QUERY * PIXELS];
    int32_t support_labels[WAY * SHOT], query_labels[WAY * QUERY];
};

static void draw(const struct vain_class_pool *pool, struct vain_random random, int64_t number,
                 struct buffers *out)
{
    const struct vain_task task = {out->support, out->support_labels, out->query,
                                   out->query_labels};
    memset(out, 0xff, sizeof *out);
    vain_episodes_draw(pool, &shape, random, number, &task);
}

/* Note picture `picture` of label `label`: of the label's class and turn, and not seen before. */
static void check_picture(const float *picture, int32_t label, const int64_t *classes,
                          const int *turns, bool *seen)
{
    int turn = 0;
    const int drawing = (int)picture[PIXELS / 2] - 1;
    CU_ASSERT_FATAL(label >= 0 && label < WAY && drawing >= 0 && drawing < DRAWINGS);
    CU_ASSERT_EQUAL(class_of(picture, &turn), classes[label]);
    CU_ASSERT_EQUAL(turn, turns[label]);
    CU_ASSERT_FALSE(seen[label * DRAWINGS + drawing]);
    seen[label * DRAWINGS + drawing] = true;
}

static void check_task(const struct vain_class_pool *pool, int64_t number)
{
    struct buffers task, again;
    int64_t classes[WAY];
    int turns[WAY];
    bool seen[WAY * DRAWINGS] = {false};
    draw(pool, stream, number, &task);
    draw(pool, stream, number, &again);
    CU_ASSERT_EQUAL(memcmp(&task, &again, sizeof task), 0);
    vain_episodes_classes(pool, &shape, stream, number, classes, turns);
    for (int a = 0; a < WAY; a++) {
        for (int b = 0; b < a; b++)
            CU_ASSERT(classes[a] != classes[b] || turns[a] != turns[b]);
    }
    int counts[WAY] = {0};
    for (int i = 0; i < WAY * SHOT; i++) {
        check_picture(task.support + i * PIXELS, task.support_labels[i], classes, turns, seen);
        counts[task.support_labels[i]]++;
    }
    for (int i = 0; i < WAY * QUERY; i++)
        check_picture(task.query + i * PIXELS, task.query_labels[i], classes, turns, seen);
    for (int label = 0; label < WAY; label++)
        CU_ASSERT_EQUAL(counts[label], SHOT);
}

static void a_task_has_its_classes_and_no_drawing_twice(void)
{
    struct vain_episode_source source = source_of("tasks.h5");
    for (int rotations = 0; rotations < 2; rotations++) {
        source.rotations = rotations != 0;
        struct vain_episodes episodes = open_set(&source);
        for (int side = VAIN_EPISODES_TRAIN; side <= VAIN_EPISODES_TEST; side++) {
            struct vain_class_pool pool = open_pool(&episodes, (enum vain_episode_side)side, NULL);
            CU_ASSERT_EQUAL(pool.turns, rotations && side == VAIN_EPISODES_TRAIN ? 4 : 1);
            CU_ASSERT_EQUAL(vain_class_pool_check(&pool, &shape), VAIN_OK);
            for (int64_t number = 0; number < 300; number++)
                check_task(&pool, number);
            vain_class_pool_close(&pool);
        }
        vain_episodes_close(&episodes);
    }
}

/* Every class has every label equally often, in each of its rotations. */
static void classes_labels_and_turns_are_equally_likely(void)
{
    enum { TASKS = 6400 };
    struct vain_episode_source source = source_of("likely.h5");
    source.rotations = true;
    struct vain_episodes episodes = open_set(&source);
    struct vain_class_pool pool = open_pool(&episodes, VAIN_EPISODES_TRAIN, NULL);
    int first[CLASSES][4] = {{0}};
    for (int64_t number = 0; number < TASKS; number++) {
        int64_t classes[WAY];
        int turns[WAY];
        vain_episodes_classes(&pool, &shape, stream, number, classes, turns);
        first[classes[0]][turns[0]]++;
    }
    for (int i = 0; i < 8; i++) {
        for (int t = 0; t < 4; t++)
            CU_ASSERT(fabs(first[order[i]][t] - TASKS / 32.0) < 5 * sqrt(TASKS / 32.0));
    }
    vain_class_pool_close(&pool);
    vain_episodes_close(&episodes);
}

static void numbers_and_streams_have_tasks_of_their_own(void)
{
    const struct vain_episode_source source = source_of("own.h5");
    struct vain_episodes episodes = open_set(&source);
    struct vain_class_pool pool = open_pool(&episodes, VAIN_EPISODES_TRAIN, NULL);
    struct buffers a, b, c;
    draw(&pool, stream, 0, &a);
    draw(&pool, stream, 1, &b);
    draw(&pool, other_stream, 0, &c);
    CU_ASSERT(memcmp(&a, &b, sizeof a) != 0 && memcmp(&a, &c, sizeof a) != 0);
    draw(&pool, stream, INT64_C(1) << 32, &b); /* no number comes back after 2^32 */
    CU_ASSERT(memcmp(&a, &b, sizeof a) != 0);
    vain_class_pool_close(&pool);
    vain_episodes_close(&episodes);
}

static void members_share_no_class_and_alphabets_stay_whole(void)
{
    const struct vain_episode_source source = source_of("members.h5");
    struct vain_episodes episodes = open_set(&source);
    for (int kind = 0; kind < 2; kind++) {
        int owner[CLASSES], alphabet_owner[5];
        memset(owner, 0xff, sizeof owner);
        memset(alphabet_owner, 0xff, sizeof alphabet_owner);
        for (int member = 0; member < 3; member++) {
            const struct vain_class_share share = {kind ? VAIN_CLIENTS_BY_GROUP : VAIN_CLIENTS_IID,
                                                   member, 3, stream};
            struct vain_class_pool pool = open_pool(&episodes, VAIN_EPISODES_TRAIN, &share);
            for (int64_t i = 0; i < pool.class_count; i++) {
                CU_ASSERT_EQUAL(owner[pool.classes[i]], -1);
                owner[pool.classes[i]] = member;
                int *alphabet = &alphabet_owner[alphabets[pool.classes[i]]];
                if (kind)
                    CU_ASSERT(*alphabet == -1 || *alphabet == member);
                *alphabet = member;
            }
            vain_class_pool_close(&pool);
        }
        for (int i = 0; i < CLASSES; i++)
            CU_ASSERT_EQUAL(owner[order[i]] >= 0, i < 8);
    }
    vain_episodes_close(&episodes);
}

static void single_images_with_labels_are_a_set_too(void)
{
    struct vain_episode_source source = source_of("single.h5");
    source.images = "single";
    source.labels = "labels";
    struct vain_episodes episodes = open_set(&source);
    CU_ASSERT_EQUAL(episodes.class_count, CLASSES);
    struct vain_class_pool pool = open_pool(&episodes, VAIN_EPISODES_TRAIN, NULL);
    static const struct vain_task_shape all = {2, 3, 3};
    CU_ASSERT_EQUAL(vain_class_pool_check(&pool, &shape), VAIN_OK);
    CU_ASSERT_EQUAL(vain_class_pool_check(&pool, &all), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(),
                                  "data set 'single': class 3 has 5 examples, but a task takes 6"));
    vain_class_pool_close(&pool);
    vain_episodes_close(&episodes);
}

static void tasks_without_questions_and_inverted_ones(void)
{
    struct vain_episode_source source = source_of("invert.h5");
    source.pixels = (struct vain_pixel_options){.full = 255, .invert = true};
    struct vain_episodes episodes = open_set(&source);
    struct vain_class_pool pool = open_pool(&episodes, VAIN_EPISODES_TEST, NULL);
    float support[2 * DRAWINGS * PIXELS];
    int32_t labels[2 * DRAWINGS];
    const struct vain_task task = {support, labels, NULL, NULL};
    static const struct vain_task_shape whole = {2, DRAWINGS, 0};
    CU_ASSERT_EQUAL(vain_class_pool_check(&pool, &whole), VAIN_OK);
    vain_episodes_draw(&pool, &whole, stream, 5, &task);
    CU_ASSERT_EQUAL(support[1], 1.0F);
    CU_ASSERT(support[0] < 0.7F && support[0] > 0.5F);
    CU_ASSERT(labels[0] == 0 && labels[2 * DRAWINGS - 1] == 1);
    vain_class_pool_close(&pool);
    vain_episodes_close(&episodes);
}

static void wrong_sets_are_refused(void)
{
    struct vain_episode_source source = source_of("wrong.h5");
    source.order = "wrong_order";
    expect(&source, "data set 'wrong_order': class 3 stands there twice, the second time as "
                    "element 10");
    source.order = "far_order";
    expect(&source, "data set 'far_order': element 2 is 12; expected a class, 0 to 11");
    source.order = "short_order";
    expect(&source, "data set 'short_order' is uint8 of shape (11); expected an order");
    source.order = "";
    source.train_classes = 12;
    expect(&source, "has 12 classes, too few for 12 to train and 1 to test");
    source.train_classes = 8;
    source.test_classes = 5;
    expect(&source, "has 12 classes, too few for 8 to train and 5 to test");
    source.test_classes = 0;
    source.images = "single";
    expect(&source, "has shape (72, 3, 3); expected (classes, examples, H, W)");
    source.images = "wide";
    source.rotations = true;
    expect(&source, "has images of 1 x 9; only square ones");
}

static void wrong_tasks_are_refused(void)
{
    struct vain_episode_source source = source_of("tasks2.h5");
    source.groups = "";
    struct vain_episodes episodes = open_set(&source);
    struct vain_class_pool pool = open_pool(&episodes, VAIN_EPISODES_TEST, NULL);
    static const struct vain_task_shape wide = {5, 1, 1}, deep = {2, 5, 2};
    CU_ASSERT_EQUAL(vain_class_pool_check(&pool, &wide), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(vain_fail_message(), "a task takes 5 classes, and there are 4 to draw from"));
    CU_ASSERT_EQUAL(vain_class_pool_check(&pool, &deep), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "tasks2.h5: data set 'images': class 7 has 6"
                                                       " examples, but a task takes 7"));
    vain_class_pool_close(&pool);
    const struct vain_class_share share = {VAIN_CLIENTS_BY_GROUP, 0, 2, stream};
    CU_ASSERT_EQUAL(vain_class_pool_open(&episodes, VAIN_EPISODES_TRAIN, &share, &pool),
                    VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NULL(pool.classes);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "no data set of groups is named"));
    vain_episodes_close(&episodes);
    CU_ASSERT_EQUAL(vain_memory_blocks(), 0);
}

static const struct vain_test tests[] = {
    {"sides follow the order", sides_follow_the_order},
    {"a task has its classes and no drawing twice", a_task_has_its_classes_and_no_drawing_twice},
    {"classes, labels and turns are equally likely", classes_labels_and_turns_are_equally_likely},
    {"numbers and streams have tasks of their own", numbers_and_streams_have_tasks_of_their_own},
    {"members share no class and alphabets stay whole",
     members_share_no_class_and_alphabets_stay_whole},
    {"single images with labels are a set too", single_images_with_labels_are_a_set_too},
    {"tasks without questions, and inverted ones", tasks_without_questions_and_inverted_ones},
    {"wrong sets are refused", wrong_sets_are_refused},
    {"wrong tasks are refused", wrong_tasks_are_refused},
    {NULL, NULL}};
const struct vain_suite vain_suite_episodes = {"data: episodes", tests};

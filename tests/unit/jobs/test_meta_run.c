/* Whole runs of members that learn to learn, on an idx file of small drawings: the same bits masked
 * or not, stopped or not, with any number of threads; and what is refused. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/philox.h"
#include "jobs/plan.h"
#include "tests/unit/jobs/bed.h"
#include "tests/unit/suite.h"

enum { CLASSES = 16, EXAMPLES = 6, SIDE = 6, IMAGE = SIDE * SIDE, SETS_MAX = 40 };

static struct bed bed;
static char episodes[200];

/* Each class has pixels of its own that are mostly ink. */
static bool write_drawings(const char *path)
{
    static const unsigned char header[] = {0, 0,        8, 4, 0, 0,    0, CLASSES, 0, 0,
                                           0, EXAMPLES, 0, 0, 0, SIDE, 0, 0,       0, SIDE};
    const struct vain_random random = vain_random_stream(9, VAIN_PURPOSE_INITIAL, "drawings");
    unsigned char pixels[CLASSES * EXAMPLES * IMAGE];
    for (int i = 0; i < CLASSES * EXAMPLES * IMAGE; i++) {
        uint32_t of_class[4], noise[4];
        const int class = i / (EXAMPLES * IMAGE);
        vain_random_block(random, 0, (uint32_t) class, (uint64_t)(i % IMAGE), of_class);
        vain_random_block(random, 1, 0, (uint64_t)i, noise);
        const bool ink = of_class[0] % 3 == 0;
        pixels[i] = (unsigned char)(ink != (noise[0] % 8 == 0) ? 1 : 0);
    }
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return false;
    const bool whole = fwrite(header, 1, sizeof header, file) == sizeof header &&
                       fwrite(pixels, 1, sizeof pixels, file) == sizeof pixels;
    return fclose(file) == 0 && whole;
}

/* The bed's spec with tasks for its text, and `more` (NULL-ended) over it. */
static enum vain_status read_spec(const char *method, const char *const *more)
{
    static const char *const common[] = {"data.text=",
                                         "data.episode_images=drawings-idx4-ubyte",
                                         "data.train_classes=10",
                                         "data.pixel_maximum=1",
                                         "data.partition=shared",
                                         "data.way=3",
                                         "model.kind=convnet",
                                         "model.network=conv 4 3x3 same batch-norm relu, dense",
                                         "meta.batch=3",
                                         "meta.train_shots=3",
                                         "meta.inner_batch=4",
                                         "meta.inner_iterations=2",
                                         "meta.evaluation_iterations=3",
                                         "meta.evaluation_tasks=10",
                                         "meta.final_tasks=20"};
    static char name[60], path[230]; /* the spec borrows them */
    static const char *sets[SETS_MAX];
    int count = 0;
    snprintf(name, sizeof name, "train.method=%s", method);
    snprintf(path, sizeof path, "data.episodes=%s", episodes);
    sets[count++] = name;
    sets[count++] = path;
    for (size_t i = 0; i < VAIN_COUNT_OF(common); i++)
        sets[count++] = common[i];
    if (strcmp(method, "maml") == 0)
        sets[count++] = "meta.inner_optimizer=sgd";
    for (; more != NULL && *more != NULL && count < SETS_MAX - 1; more++)
        sets[count++] = *more;
    sets[count] = NULL;
    return bed_spec(&bed, sets, NULL);
}

static void open_bed(const char *method, const char *const *more)
{
    char path[220];
    CU_ASSERT_FATAL(bed_open(&bed));
    snprintf(episodes, sizeof episodes, "%s", bed.folder);
    snprintf(path, sizeof path, "%s/drawings-idx4-ubyte", bed.folder);
    CU_ASSERT_FATAL(write_drawings(path));
    CU_ASSERT_EQUAL_FATAL(read_spec(method, more), VAIN_OK);
}

static void run(const struct bed_options *options, enum vain_status expected,
                struct bed_outcome *out)
{
    bed_run(&bed, options, out);
    for (int i = 0; i < options->ranks; i++) {
        CU_ASSERT_EQUAL(out->status[i], expected);
        if (out->status[i] != expected)
            printf("rank %d: %s: %s\n", i, vain_status_name(out->status[i]), out->message[i]);
    }
}

static void expect_equal(const struct bed_outcome *a, const struct bed_outcome *b)
{
    CU_ASSERT_EQUAL(
        memcmp(a->result[0].parameters_hash, b->result[0].parameters_hash, VAIN_HASH_BYTES), 0);
    for (int kind = 0; kind < VAIN_MEASURE_NORMALISED_MUTUAL_INFORMATION; kind++)
        CU_ASSERT_EQUAL(a->result[0].measures.of[kind].mean, b->result[0].measures.of[kind].mean);
}

static const char *const methods[] = {"reptile", "maml"};

static void test_masks_change_no_bit(void)
{
    static const char *const masked[] = {"exchange.privacy=masked", NULL};
    static const char *const level_2[] = {"exchange.privacy=masked", "exchange.level=2", NULL};
    const struct bed_options four = {.ranks = 4};
    for (int m = 0; m < 2; m++) {
        struct bed_outcome bare, hidden;
        open_bed(methods[m], NULL);
        run(&four, VAIN_OK, &bare);
        CU_ASSERT_EQUAL(bare.result[0].member_count, 4);
        CU_ASSERT(bare.result[0].measures.of[VAIN_MEASURE_ACCURACY].mean > 0);
        CU_ASSERT(bare.result[0].measures.of[VAIN_MEASURE_ACCURACY].interval > 0);
        for (int level = 1; level <= 2; level++) {
            bed_clear_output(&bed);
            CU_ASSERT_EQUAL(read_spec(methods[m], level == 1 ? masked : level_2), VAIN_OK);
            run(&four, VAIN_OK, &hidden);
            expect_equal(&bare, &hidden);
        }
        bed_close(&bed);
    }
}

static void test_stop_anywhere_and_go_on(void)
{
    for (int m = 0; m < 2; m++) {
        for (int64_t step = 1; step <= 10; step += 3) {
            struct bed_outcome straight, stopped, resumed;
            open_bed(methods[m], NULL);
            run(&(struct bed_options){.ranks = 2}, VAIN_OK, &straight);
            bed_clear_output(&bed);
            run(&(struct bed_options){.ranks = 2,
                                      .signal_rank = (int)step % 2,
                                      .signal_step = step},
                VAIN_STOPPED, &stopped);
            run(&(struct bed_options){.ranks = 2}, VAIN_OK, &resumed);
            expect_equal(&straight, &resumed);
            bed_close(&bed);
        }
    }
}

static void test_a_stop_is_heard_while_it_is_measured(void)
{
    for (int m = 0; m < 2; m++) {
        struct bed_outcome straight, stopped, resumed;
        open_bed(methods[m], NULL);
        run(&(struct bed_options){.ranks = 2}, VAIN_OK, &straight);
        const int64_t rounds = straight.result[0].rounds;
        bed_clear_output(&bed);
        run(&(struct bed_options){.ranks = 2, .signal_rank = m, .signal_round = rounds},
            VAIN_STOPPED, &stopped);
        CU_ASSERT_EQUAL(stopped.result[0].rounds, rounds);
        CU_ASSERT_NOT_EQUAL(stopped.result[0].measured_round, rounds);
        run(&(struct bed_options){.ranks = 2}, VAIN_OK, &resumed);
        expect_equal(&straight, &resumed);
        CU_ASSERT_EQUAL(resumed.result[0].measured_round, rounds);
        bed_close(&bed);
    }
}

static void test_threads_do_not_matter(void)
{
    for (int m = 0; m < 2; m++) {
        struct bed_outcome one, other;
        open_bed(methods[m], NULL);
        run(&(struct bed_options){.ranks = 2, .threads = 1}, VAIN_OK, &one);
        for (int threads = 2; threads <= 4; threads += 2) {
            bed_clear_output(&bed);
            run(&(struct bed_options){.ranks = 2, .threads = threads}, VAIN_OK, &other);
            expect_equal(&one, &other);
        }
        bed_close(&bed);
    }
}

/* Two ranks of a site with two tasks each are one rank with four, but for the order of additions;
 * and a site that stops goes on. */
static void test_ranks_of_a_site_share_the_tasks(void)
{
    static const char *const two[] = {"site=world", "meta.batch=2", "meta.inner_optimizer=sgd",
                                      NULL};
    static const char *const four[] = {"meta.batch=4", "meta.inner_optimizer=sgd", NULL};
    static const char *const adam[] = {"site=world", NULL};
    struct bed_outcome together, alone, stopped, resumed;
    open_bed("reptile", two);
    run(&(struct bed_options){.ranks = 2}, VAIN_OK, &together);
    CU_ASSERT_EQUAL(together.result[0].member_count, 1);
    bed_clear_output(&bed);
    CU_ASSERT_EQUAL(read_spec("reptile", four), VAIN_OK);
    run(&(struct bed_options){.ranks = 1}, VAIN_OK, &alone);
    CU_ASSERT_DOUBLE_EQUAL(together.result[0].measures.of[VAIN_MEASURE_LOSS].mean,
                           alone.result[0].measures.of[VAIN_MEASURE_LOSS].mean, 1e-4);
    CU_ASSERT_DOUBLE_EQUAL(together.result[0].final_loss, alone.result[0].final_loss, 1e-4);
    bed_clear_output(&bed);
    CU_ASSERT_EQUAL(read_spec("reptile", adam), VAIN_OK);
    run(&(struct bed_options){.ranks = 2}, VAIN_OK, &together);
    bed_clear_output(&bed);
    run(&(struct bed_options){.ranks = 2, .signal_rank = 1, .signal_step = 5}, VAIN_STOPPED,
        &stopped);
    run(&(struct bed_options){.ranks = 2}, VAIN_OK, &resumed);
    expect_equal(&together, &resumed);
    bed_close(&bed);
}

/* Data that tasks cannot be drawn from: the message has set, class and numbers. */
static void test_data_without_such_tasks(void)
{
    static const struct {
        const char *set[3];
        const char *part;
    } cases[] = {
        {{"data.way=7"}, "a task takes 7 classes, and there are 6"},
        {{"data.shot=6"}, "class 10 has 6 examples, but a task takes 7 of each class"},
        {{"meta.train_shots=7"}, "class 0 has 6 examples, but a task takes 7 of each class"},
        {{"data.train_classes=16"}, "16 classes"},
        {{"data.episode_images=nothing"}, "nothing"},
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(cases); i++) {
        struct bed_outcome out;
        open_bed("reptile", cases[i].set);
        bed_run(&bed, &(struct bed_options){.ranks = 1}, &out);
        CU_ASSERT(out.status[0] < 0 && out.status[0] != VAIN_ERR_MEMORY);
        CU_ASSERT_PTR_NOT_NULL(strstr(out.message[0], "drawings-idx4-ubyte") != NULL
                                   ? strstr(out.message[0], cases[i].part)
                                   : strstr(out.message[0], "nothing"));
        if (strstr(out.message[0], cases[i].part) == NULL)
            printf("%s: %s\n", cases[i].set[0], out.message[0]);
        bed_close(&bed);
    }
}

/* The problem of key `key`, NULL if there is none. */
static const struct vain_problem *problem_of(const char *method, const char *const *more,
                                             const char *key)
{
    open_bed(method, more);
    memset(&bed.problems, 0, sizeof bed.problems);
    vain_plan_check(&bed.job, &bed.spec, &bed.problems);
    const struct vain_problem *found = NULL;
    for (int i = 0; i < bed.problems.count; i++) {
        if (strcmp(bed.problems.items[i].key, key) == 0)
            found = &bed.problems.items[i];
    }
    bed_close(&bed);
    return found;
}

static void test_keys_that_do_not_fit(void)
{
    static const struct {
        const char *method, *set[3], *key, *part;
    } cases[] = {
        {"reptile", {"data.episodes="}, "train.method", "data.episodes names none"},
        {"maml", {"data.episodes="}, "train.method", "maml learns from few-shot tasks"},
        {"supervised", {NULL}, "data.episodes", "only methods that learn to learn"},
        {"supervised", {NULL}, "meta.inner_batch", "would do nothing"},
        {"reptile", {"train.accumulate=2"}, "train.accumulate", "expected 1"},
        {"reptile", {NULL}, "train.learning_rate", "would do nothing"},
        {"reptile", {NULL}, "train.batch", "within tasks"},
        {"reptile",
         {"meta.inner_optimizer=sgd", "meta.inner_beta2=0.9"},
         "meta.inner_beta2",
         "sgd has no moments"},
        {"maml", {"meta.inner_optimizer=adam"}, "meta.inner_optimizer", "plain gradient steps"},
        {"maml", {"meta.step=0.5"}, "meta.step", "would do nothing"},
        {"reptile", {"data.shot=1024"}, "data.shot", "at most 1024 of a class"},
        {"maml", {"meta.train_shots=1024"}, "meta.train_shots", "at most 1024 of a class"},
        {"reptile", {"model.kind=mlp"}, "model.kind", "cannot learn from images"},
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(cases); i++) {
        const struct vain_problem *found = problem_of(cases[i].method, cases[i].set, cases[i].key);
        CU_ASSERT_PTR_NOT_NULL(found);
        CU_ASSERT(found != NULL && strstr(found->message, cases[i].part) != NULL);
        if (found == NULL)
            printf("no problem of %s\n", cases[i].key);
    }
    CU_ASSERT_PTR_NULL(problem_of("reptile", NULL, "train.method"));
    CU_ASSERT_PTR_NULL(problem_of("reptile", NULL, "data.shot"));
    CU_ASSERT_PTR_NULL(problem_of("maml", NULL, "train.learning_rate"));
    CU_ASSERT_PTR_NULL(problem_of("maml", NULL, "meta.inner_optimizer"));
}

static const struct vain_test tests[] = {
    {"masks change no bit", test_masks_change_no_bit},
    {"a stop anywhere goes on to the same bits", test_stop_anywhere_and_go_on},
    {"a stop is heard while it is measured", test_a_stop_is_heard_while_it_is_measured},
    {"threads do not matter", test_threads_do_not_matter},
    {"ranks of a site share the tasks", test_ranks_of_a_site_share_the_tasks},
    {"data without such tasks are refused", test_data_without_such_tasks},
    {"keys that do not fit are named", test_keys_that_do_not_fit},
    {NULL, NULL},
};
const struct vain_suite vain_suite_meta_run = {"jobs/meta_run", tests};

/* Federated averaging: what one input trains, what its delta weighs, and that a dropped input never
 * comes again. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "tests/unit/jobs/image_bed.h"
#include "tests/unit/suite.h"

enum { LOCAL_STEPS = 3 };
static const char *const sets[] = {"train.method=fedavg",      "train.optimizer=sgd",
                                   "train.learning_rate=0.1",  "train.schedule=constant",
                                   "train.local_steps=3",      "train.batch=8",
                                   "data.partition=dirichlet", "data.clients=12",
                                   "fedavg.epochs=2",          NULL};
static const struct vain_method_ops *const ops = &vain_method_fedavg;

static void open_method(struct image_bed *bed, struct vain_method *method)
{
    CU_ASSERT_EQUAL_FATAL(ops->open(&bed->config, bed->initial, method), VAIN_OK);
}

/* Local steps `first` to `end` - 1 of round `round`. */
static void steps(struct vain_method *method, int64_t round, int64_t first, int64_t end)
{
    struct vain_step_report report;
    for (int64_t s = first; s < end; s++) {
        CU_ASSERT_EQUAL_FATAL(ops->step(method, round, s, false, &report), VAIN_OK);
        CU_ASSERT(isfinite(report.loss) && report.loss > 0);
    }
}

static bool equal(const struct vain_method *a, const struct vain_method *b)
{
    return memcmp(a->parameters, b->parameters,
                  (size_t)a->config.layout->parameter_count * sizeof(float)) == 0;
}

/* What was promised to one set must not be summed with another: the round begun anew, with the
 * batches of its input passed over, trains other clients; the same input trains the same. */
static void a_dropped_input_never_comes_again(void)
{
    struct image_bed bed;
    struct vain_method first, again, passed;
    image_bed_open(&bed, sets, 0, 1, 1);
    open_method(&bed, &first);
    open_method(&bed, &again);
    open_method(&bed, &passed);
    passed.data_position = LOCAL_STEPS; /* as vain_masks_drop_promised leaves it */
    steps(&first, 0, 0, LOCAL_STEPS);
    steps(&again, 0, 0, LOCAL_STEPS);
    steps(&passed, 0, 0, LOCAL_STEPS);
    CU_ASSERT(equal(&first, &again));
    CU_ASSERT_FALSE(equal(&first, &passed));
    CU_ASSERT_EQUAL(first.data_position, LOCAL_STEPS);
    CU_ASSERT_EQUAL(passed.data_position, 2 * LOCAL_STEPS);
    ops->close(&first);
    ops->close(&again);
    ops->close(&passed);
    image_bed_close(&bed);
}

/* Stopped after a step, with what a member's file keeps: the parameters of the middle of the round
 * and the counts. */
static void a_round_goes_on_from_its_middle(void)
{
    struct image_bed bed;
    struct vain_method straight, stopped, resumed;
    image_bed_open(&bed, sets, 0, 1, 2);
    open_method(&bed, &straight);
    open_method(&bed, &stopped);
    open_method(&bed, &resumed);
    steps(&straight, 4, 0, LOCAL_STEPS);
    steps(&stopped, 4, 0, 1);
    CU_ASSERT_EQUAL(stopped.memory_count, 0);
    memcpy(resumed.parameters, stopped.parameters,
           (size_t)bed.layout.parameter_count * sizeof(float));
    resumed.step_in_round = stopped.step_in_round;
    resumed.data_position = stopped.data_position;
    steps(&resumed, 4, 1, LOCAL_STEPS);
    CU_ASSERT(equal(&straight, &resumed));
    CU_ASSERT_EQUAL(ops->weight(&straight, 4), ops->weight(&resumed, 4));
    ops->close(&straight);
    ops->close(&stopped);
    ops->close(&resumed);
    image_bed_close(&bed);
}

/* With all clients in every round the weights of the members add up to the examples there are. */
static void weights_are_examples(void)
{
    static const char *const all[] = {"train.method=fedavg",
                                      "train.optimizer=sgd",
                                      "train.local_steps=4",
                                      "train.batch=8",
                                      "data.partition=dirichlet",
                                      "data.clients=12",
                                      NULL};
    int64_t sum = 0, distinct = 0, last = -1;
    for (int member = 0; member < 3; member++) {
        struct image_bed bed;
        struct vain_method method;
        image_bed_open(&bed, all, member, 3, 1);
        open_method(&bed, &method);
        const int64_t weight = ops->weight(&method, 0);
        distinct += weight != last;
        last = weight;
        sum += weight;
        CU_ASSERT_DOUBLE_EQUAL(ops->weight_unit(&method.config), IMAGE_BED_TRAIN / 12.0 * 4, 1e-9);
        ops->close(&method);
        image_bed_close(&bed);
    }
    CU_ASSERT_EQUAL(sum, IMAGE_BED_TRAIN);
    CU_ASSERT(distinct > 1);
}

/* One client, one epoch in one batch: the move is that of one SGD step on its mean gradient, and
 * what stands in the parameters is the move times its weight over the unit. */
static void one_batch_is_one_step(void)
{
    static const char *const one[] = {
        "train.method=fedavg",     "train.optimizer=sgd", "train.learning_rate=0.5",
        "train.schedule=constant", "train.local_steps=1", "train.batch=360",
        "data.clients=1",          "fedavg.epochs=1",     NULL};
    struct image_bed bed;
    struct vain_method method;
    image_bed_open(&bed, one, 0, 1, 1);
    open_method(&bed, &method);
    const int64_t N = bed.layout.parameter_count;
    steps(&method, 0, 0, 1);
    CU_ASSERT_EQUAL(ops->weight(&method, 0), IMAGE_BED_TRAIN);
    float largest = 0;
    for (int64_t i = 0; i < N;
         i++) { /* gradients are those of the last batch, which was the first */
        const float expected = bed.initial[i] - 0.5f * method.gradients[i];
        const float off = fabsf(method.parameters[i] - expected);
        largest = off > largest ? off : largest;
    }
    CU_ASSERT(largest < 1e-6f);
    ops->close(&method);
    image_bed_close(&bed);
}

static const struct vain_test tests[] = {
    {"a dropped input never comes again", a_dropped_input_never_comes_again},
    {"a round goes on from its middle", a_round_goes_on_from_its_middle},
    {"weights are examples", weights_are_examples},
    {"one batch is one step", one_batch_is_one_step},
    {NULL, NULL},
};
const struct vain_suite vain_suite_fedavg = {"jobs/fedavg", tests};

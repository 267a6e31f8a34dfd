/* Tasks beside each other, each on a device of its own. */
#include "tests/unit/kernels/bed.h"

#include <string.h>

#include "kernels/team.h"

enum { TASKS = 23, M = 37, C = 65 };

struct work {
    float *inputs;  /* (TASKS, M, C) */
    float *outputs; /* (TASKS, M, M) */
    int runs[TASKS];
    bool strange; /* a worker or its device is not what it should be */
};

static void multiply(void *context, int64_t index, int worker, struct vain_queue *queue)
{
    struct work *work = context;
    work->runs[index]++;
    if (worker < 0 || worker >= 4 || vain_pool_threads(queue->device->pool) != 1)
        work->strange = true;
    for (int again = 0; again < 20; again++)
        queue->device->ops->pair.dot_products(queue, M, C, work->inputs + index * M * C,
                                              work->outputs + index * M * M);
}

static void tasks_give_what_they_give_alone(void)
{
    bed_seed(5);
    float *inputs = bed_random_floats((int64_t)TASKS * M * C, 1);
    float *alone = bed_floats((int64_t)TASKS * M * M);
    for (int i = 0; i < TASKS; i++)
        bed_queue(0)->device->ops->pair.dot_products(bed_queue(0), M, C, inputs + i * M * C,
                                                     alone + i * M * M);
    for (int workers = 1; workers <= 4; workers++) {
        struct work work = {.inputs = inputs, .outputs = bed_floats((int64_t)TASKS * M * M)};
        struct vain_team team;
        CU_ASSERT_EQUAL_FATAL(vain_team_open(workers, NULL, &team), VAIN_OK);
        CU_ASSERT_EQUAL(team.count, workers);
        vain_team_run(&team, TASKS, multiply, &work);
        vain_team_run(&team, 0, multiply, &work);
        vain_team_close(&team);
        for (int i = 0; i < TASKS; i++)
            CU_ASSERT_EQUAL(work.runs[i], 1);
        CU_ASSERT_FALSE(work.strange);
        CU_ASSERT_EQUAL(memcmp(work.outputs, alone, (size_t)TASKS * M * M * sizeof(float)), 0);
    }
    bed_end();
}

static void what_cannot_be_opened_leaves_nothing(void)
{
    struct vain_team team;
    CU_ASSERT_EQUAL(vain_team_open(2, "mmx", &team), VAIN_ERR_UNAVAILABLE);
    CU_ASSERT(team.pool == NULL && team.devices == NULL && team.count == 0);
    vain_team_close(&team);
    vain_fail_clear();
}

static const struct vain_test tests[] = {
    {"tasks give what they give alone", tasks_give_what_they_give_alone},
    {"what cannot be opened leaves nothing", what_cannot_be_opened_leaves_nothing},
    {NULL, NULL},
};

const struct vain_suite vain_suite_team = {"team", tests};

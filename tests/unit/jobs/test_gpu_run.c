/* Whole runs on a device whose memory the host cannot reach: the same parameters as on the CPU, or
 * a crash. */
#include "tests/unit/jobs/bed.h"
#include "tests/unit/jobs/stand_in_gpu.h"
#include "tests/unit/suite.h"

#include <stdio.h>
#include <string.h>

enum { SETS_MOST = 8 };

static struct bed bed;

static void expect_all(const struct bed_outcome *out, int ranks, enum vain_status status)
{
    for (int r = 0; r < ranks; r++) {
        CU_ASSERT_EQUAL(out->status[r], status);
        if (out->status[r] != status)
            printf("rank %d: %s\n", r, out->message[r]);
    }
}

static bool same_hash(const struct bed_outcome *a, const struct bed_outcome *b)
{
    return memcmp(a->result[0].parameters_hash, b->result[0].parameters_hash, VAIN_HASH_BYTES) == 0;
}

/* Run with `sets` and the device; from the files that are there, or from none. */
static void run_on(const char *device, const char *const *sets, const struct bed_options *options,
                   struct bed_outcome *out)
{
    const char *all[SETS_MOST + 3] = {device, "device_shared=true"};
    for (int i = 0; sets != NULL && sets[i] != NULL && i < SETS_MOST; i++)
        all[2 + i] = sets[i];
    CU_ASSERT_EQUAL_FATAL(bed_spec(&bed, all, NULL), VAIN_OK);
    stand_in_gpu_use(true);
    bed_run(&bed, options, out);
    stand_in_gpu_use(false);
}

/* The same run on both devices. */
static void compare(const char *const *sets, int ranks)
{
    const struct bed_options options = {.ranks = ranks};
    struct bed_outcome cpu, gpu;
    CU_ASSERT_FATAL(bed_open(&bed));
    run_on("device=cpu", sets, &options, &cpu);
    expect_all(&cpu, ranks, VAIN_OK);
    bed_clear_output(&bed);
    const long before = stand_in_gpu_ops();
    run_on("device=cuda", sets, &options, &gpu);
    expect_all(&gpu, ranks, VAIN_OK);
    CU_ASSERT(stand_in_gpu_ops() > before);
    CU_ASSERT(same_hash(&cpu, &gpu));
    CU_ASSERT_EQUAL(cpu.result[0].measures.of[VAIN_MEASURE_LOSS].mean,
                    gpu.result[0].measures.of[VAIN_MEASURE_LOSS].mean);
    CU_ASSERT_PTR_NOT_NULL(strstr(gpu.result[0].device, "cuda:0 stand-in"));
    bed_close(&bed);
}

static void test_bare_words(void)
{
    compare(NULL, 3);
}

static void test_masked_words(void)
{
    static const char *const sets[] = {"exchange.privacy=masked", "exchange.level=1", NULL};
    compare(sets, 3);
}

static void test_own_masks_and_momentum(void)
{
    static const char *const sets[] = {"exchange.privacy=masked", "exchange.level=2",
                                       "outer.optimizer=nesterov", "exchange.bits=16", NULL};
    compare(sets, 3);
}

static void test_a_site_of_several_ranks(void)
{
    static const char *const sets[] = {"site=world", NULL};
    compare(sets, 3);
}

static void test_an_mlp(void)
{
    static const char *const sets[] = {"model.kind=mlp", "model.context=8", "model.sizes=[64, 32]",
                                       "model.dropout=0.1", NULL};
    compare(sets, 2);
}

/* Stopped in the middle of a round on one device, gone on on either: what the files hold is all. */
static void stop_and_go_on(const char *first, const char *second, const char *const *sets)
{
    struct bed_outcome straight, stopped, resumed;
    CU_ASSERT_FATAL(bed_open(&bed));
    run_on("device=cpu", sets, &(struct bed_options){.ranks = 2}, &straight);
    expect_all(&straight, 2, VAIN_OK);
    bed_clear_output(&bed);
    run_on(first, sets, &(struct bed_options){.ranks = 2, .signal_rank = 1, .signal_step = 5},
           &stopped);
    expect_all(&stopped, 2, VAIN_STOPPED);
    run_on(second, sets, &(struct bed_options){.ranks = 2}, &resumed);
    expect_all(&resumed, 2, VAIN_OK);
    CU_ASSERT(same_hash(&straight, &resumed));
    bed_close(&bed);
}

static void test_stop_and_resume(void)
{
    static const char *const nesterov[] = {"outer.optimizer=nesterov", NULL};
    stop_and_go_on("device=cuda", "device=cuda", nesterov);
    stop_and_go_on("device=cuda", "device=cpu", NULL);
    stop_and_go_on("device=cpu", "device=cuda", NULL);
}

/* The leader gives its ranks what it read. */
static void test_a_site_resumes(void)
{
    static const char *const world[] = {"site=world", NULL};
    stop_and_go_on("device=cuda", "device=cuda", world);
}

static void test_ranks_without_a_gpu_of_their_own(void)
{
    static const char *const sets[] = {"device=cuda", NULL};
    struct bed_outcome out;
    CU_ASSERT_FATAL(bed_open(&bed));
    CU_ASSERT_EQUAL_FATAL(bed_spec(&bed, sets, NULL), VAIN_OK);
    stand_in_gpu_use(true);
    bed_run(&bed, &(struct bed_options){.ranks = 1}, &out);
    expect_all(&out, 1, VAIN_OK);
    stand_in_gpu_use(false);
    bed_run(&bed, &(struct bed_options){.ranks = 1}, &out);
    CU_ASSERT_EQUAL(out.status[0], VAIN_ERR_UNAVAILABLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(out.message[0], "no GPU: "));
    bed_close(&bed);
}

static const struct vain_test tests[] = {
    {"bare words", test_bare_words},
    {"masked words", test_masked_words},
    {"own masks, momentum, two fields", test_own_masks_and_momentum},
    {"a site of several ranks", test_a_site_of_several_ranks},
    {"an mlp with dropout", test_an_mlp},
    {"stopped and resumed, on either device", test_stop_and_resume},
    {"a site stopped and resumed", test_a_site_resumes},
    {"no GPU for a rank that wants one", test_ranks_without_a_gpu_of_their_own},
    {NULL, NULL},
};

extern const struct vain_suite vain_suite_gpu_run;
const struct vain_suite vain_suite_gpu_run = {"jobs/runs on a GPU", tests};

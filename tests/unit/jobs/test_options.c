/* The schedule against hand-computed values, and the tables against themselves. */
#include <math.h>
#include <string.h>

#include "jobs/options.h"
#include "tests/unit/suite.h"

/* nanoGPT's get_lr (learning_rate 1e-3, min_lr 1e-4, warmup_iters 100, lr_decay_iters 2000),
 * computed independently. */
static void test_cosine_matches_nanogpt(void)
{
    static const struct {
        int64_t step;
        double rate;
    } expected[] = {{0, 9.900990099009901e-06},    {50, 5.04950495049505e-04},
                    {99, 9.900990099009901e-04},   {100, 1.0e-3},
                    {575, 8.681980515339464e-04},  {1050, 5.5e-04},
                    {1999, 1.0000061514140841e-04}};
    const struct vain_train_options train = {.learning_rate = 1e-3,
                                             .minimum_learning_rate = 1e-4,
                                             .warmup = 100,
                                             .schedule = VAIN_SCHEDULE_COSINE,
                                             .local_steps = 20,
                                             .rounds = 100};
    for (size_t i = 0; i < VAIN_COUNT_OF(expected); i++)
        CU_ASSERT_DOUBLE_EQUAL(vain_learning_rate(&train, expected[i].step), expected[i].rate,
                               1e-12);
}

static void test_constant_stays(void)
{
    const struct vain_train_options train = {.learning_rate = 0.5,
                                             .warmup = 1,
                                             .schedule = VAIN_SCHEDULE_CONSTANT,
                                             .local_steps = 5,
                                             .rounds = 2};
    CU_ASSERT_DOUBLE_EQUAL(vain_learning_rate(&train, 0), 0.25, 0);
    CU_ASSERT_DOUBLE_EQUAL(vain_learning_rate(&train, 1), 0.5, 0);
    CU_ASSERT_DOUBLE_EQUAL(vain_learning_rate(&train, 9), 0.5, 0);
}

/* Members must agree on the bound to the last bit: neither cosine nor warm-up is in it. */
static void test_round_bound_is_one_product(void)
{
    struct vain_train_options train = {.learning_rate = 0.7e-3,
                                       .warmup = 20,
                                       .schedule = VAIN_SCHEDULE_COSINE,
                                       .minimum_learning_rate = 1,
                                       .local_steps = 30,
                                       .rounds = 3};
    CU_ASSERT_EQUAL(vain_round_step_bound(&train), 30.0 * 0.7e-3);
    for (int64_t round = 0; round < train.rounds; round++) {
        double sum = 0;
        for (int64_t i = 0; i < train.local_steps; i++)
            sum += vain_learning_rate(&train, round * train.local_steps + i);
        CU_ASSERT(sum <= vain_round_step_bound(&train));
    }
    train.schedule = VAIN_SCHEDULE_CONSTANT;
    CU_ASSERT_EQUAL(vain_round_step_bound(&train), 30.0 * 0.7e-3);
}

static void test_every_key_is_named_once_and_its_default_reads(void)
{
    struct vain_job job;
    struct vain_option_section sections[VAIN_JOB_SECTIONS];
    vain_job_sections(&job, sections);
    vain_option_defaults(sections, VAIN_JOB_SECTIONS);
    for (int s = 0; s < VAIN_JOB_SECTIONS; s++) {
        for (int i = 0; i < sections[s].count; i++) {
            const struct vain_option *row = &sections[s].options[i];
            const struct vain_option_section *owner = NULL;
            CU_ASSERT_PTR_EQUAL(vain_option_find(sections, VAIN_JOB_SECTIONS, row->key, &owner),
                                row);
            CU_ASSERT_PTR_EQUAL(owner, &sections[s]);
            CU_ASSERT(row->help != NULL && strlen(row->help) > 10);
        }
    }
    CU_ASSERT_EQUAL(job.train.local_steps, 20);
    CU_ASSERT_EQUAL(job.exchange.bits, VAIN_FIELD_32);
    CU_ASSERT(isnan(job.exchange.clip));
    CU_ASSERT_EQUAL(job.exchange.deadline_ms, 30 * 60 * 1000);
    CU_ASSERT_EQUAL(job.exchange.level, VAIN_LEVEL_1);
    CU_ASSERT_EQUAL(job.exchange.attempts, 32);
    CU_ASSERT_EQUAL(job.exchange.connections, 1);
    CU_ASSERT_EQUAL(job.exchange.linger_ms, 30 * 1000);
    CU_ASSERT_EQUAL(job.start.quorum, 0);
    CU_ASSERT_EQUAL(job.start.timeout_ms, 10 * 60 * 1000);
}

/* Set one key; false if its row refuses the value. */
static bool set(struct vain_job *job, const char *key, const char *value)
{
    char message[256], hint[160];
    struct vain_option_section sections[VAIN_JOB_SECTIONS];
    const struct vain_option_section *section = NULL;
    vain_job_sections(job, sections);
    const struct vain_option *row = vain_option_find(sections, VAIN_JOB_SECTIONS, key, &section);
    return row != NULL && vain_option_parse(row, value, section->values, message, sizeof message,
                                            hint, sizeof hint) == VAIN_OK;
}

/* The words of a choice stand in the order of its enum, and counts end where they should. */
static void test_keys_of_hosts(void)
{
    static const struct {
        const char *key, *least, *most, *below, *above;
    } rows[] = {
        {"exchange.attempts", "1", "1000", "0", "1001"},
        {"exchange.connections", "1", "16", "0", "17"},
        {"exchange.level", "1", "2", "0", "3"},
        {"exchange.linger", "0s", "7d", "-1s", "169h"},
        {"start.quorum", "0", "1024", "-1", "1025"},
        {"start.timeout", "1s", "7d", "999ms", "169h"},
    };
    struct vain_job job = {0};
    for (size_t i = 0; i < VAIN_COUNT_OF(rows); i++) {
        CU_ASSERT_TRUE(set(&job, rows[i].key, rows[i].least));
        CU_ASSERT_TRUE(set(&job, rows[i].key, rows[i].most));
        CU_ASSERT_FALSE(set(&job, rows[i].key, rows[i].below));
        CU_ASSERT_FALSE(set(&job, rows[i].key, rows[i].above));
    }
    CU_ASSERT_EQUAL(job.exchange.attempts, 1000);
    CU_ASSERT_EQUAL(job.exchange.connections, 16);
    CU_ASSERT_EQUAL(job.exchange.level, VAIN_LEVEL_2);
    CU_ASSERT_EQUAL(job.start.quorum, VAIN_MEMBERS_MAX);
    CU_ASSERT_EQUAL(job.start.timeout_ms, 7 * 24 * 3600 * 1000);
    CU_ASSERT_TRUE(set(&job, "exchange.transport", "tls"));
    CU_ASSERT_EQUAL(job.exchange.transport, VAIN_TRANSPORT_TLS);
    CU_ASSERT_TRUE(set(&job, "exchange.transport", "mpi"));
    CU_ASSERT_EQUAL(job.exchange.transport, VAIN_TRANSPORT_MPI);
}

static void hash_with(const char *key, const char *value, uint8_t hash[VAIN_MIN_LEN(32)])
{
    struct vain_job job;
    struct vain_option_section sections[VAIN_JOB_SECTIONS];
    vain_job_sections(&job, sections);
    vain_option_defaults(sections, VAIN_JOB_SECTIONS);
    if (key != NULL)
        CU_ASSERT_TRUE(set(&job, key, value));
    vain_option_agreed_hash(sections, VAIN_JOB_SECTIONS, NULL, 0, hash);
}

/* What both ends must have, and how patient each may be for itself. */
static void test_which_keys_are_agreed(void)
{
    static const struct {
        const char *key, *value;
        bool agreed;
    } rows[] = {{"exchange.level", "2", true},     {"exchange.connections", "2", true},
                {"start.quorum", "3", true},       {"start.timeout", "1m", false},
                {"exchange.attempts", "9", false}, {"exchange.deadline", "1m", false},
                {"exchange.linger", "1m", false},  {"exchange.transport", "tls", false}};
    uint8_t plain[32], other[32];
    hash_with(NULL, NULL, plain);
    for (size_t i = 0; i < VAIN_COUNT_OF(rows); i++) {
        hash_with(rows[i].key, rows[i].value, other);
        CU_ASSERT_EQUAL(memcmp(plain, other, sizeof plain) != 0, rows[i].agreed);
    }
}

static const struct vain_test tests[] = {
    {"the cosine schedule is nanoGPT's", test_cosine_matches_nanogpt},
    {"a constant schedule stays after the warm-up", test_constant_stays},
    {"the bound of a round is one product", test_round_bound_is_one_product},
    {"every key is named once and its default reads",
     test_every_key_is_named_once_and_its_default_reads},
    {"the keys of members on their own hosts", test_keys_of_hosts},
    {"which of them are agreed", test_which_keys_are_agreed},
    {NULL, NULL},
};
const struct vain_suite vain_suite_job_options = {"jobs/options", tests};

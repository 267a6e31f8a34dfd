/* Whole runs of members in one process: same bits however they are started, stopped, split and
 * ordered. */
#include <math.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/world.h"
#include "jobs/store/checkpoint.h"
#include "jobs/store/record_file.h"
#include "tests/unit/jobs/bed.h"
#include "tests/unit/suite.h"

static struct bed bed;

static void run_spec(const char *const *sets, const char *members,
                     const struct bed_options *options, struct bed_outcome *out)
{
    CU_ASSERT_EQUAL_FATAL(bed_spec(&bed, sets, members), VAIN_OK);
    bed_run(&bed, options, out);
}

/* All ranks ended alike, with one hash. */
static void expect_all(const struct bed_outcome *out, int ranks, enum vain_status status)
{
    for (int i = 0; i < ranks; i++) {
        CU_ASSERT_EQUAL(out->status[i], status);
        if (out->status[i] != status)
            printf("rank %d: %s: %s\n", i, vain_status_name(out->status[i]), out->message[i]);
    }
}

static bool same_hash(const struct bed_outcome *a, const struct bed_outcome *b)
{
    return memcmp(a->result[0].parameters_hash, b->result[0].parameters_hash, VAIN_HASH_BYTES) == 0;
}

static void expect_record(int64_t records)
{
    struct vain_record_summary summary;
    char path[256];
    snprintf(path, sizeof path, "%s/record.bin", bed.output);
    CU_ASSERT_EQUAL(vain_record_file_verify(path, &summary, NULL, NULL), VAIN_OK);
    CU_ASSERT_EQUAL(summary.records, records);
    CU_ASSERT_EQUAL(summary.missing_signatures, 0);
    CU_ASSERT_FALSE(summary.torn_tail);
}

/* Rounds of whose curve points something was measured. */
static int count_measured(const char *path)
{
    struct vain_checkpoint_file *file;
    int count = 0;
    CU_ASSERT_EQUAL_FATAL(vain_checkpoint_open(path, &file), VAIN_OK);
    const struct vain_checkpoint *content = vain_checkpoint_content(file);
    for (int64_t i = 0; i < content->curve_count; i++)
        count += isnan(content->curve[i].validation_loss) ? 0 : 1;
    vain_checkpoint_close(&file);
    return count;
}

static void test_members_learn_together(void)
{
    static const char *const sets[] = {"train.rounds=12", "train.local_steps=5", NULL};
    struct bed_outcome out;
    CU_ASSERT_FATAL(bed_open(&bed));
    run_spec(sets, NULL, &(struct bed_options){.ranks = 3}, &out);
    expect_all(&out, 3, VAIN_OK);
    CU_ASSERT(out.result[0].measures.of[VAIN_MEASURE_LOSS].mean <
              0.75 * out.result[0].first_validation_loss);
    CU_ASSERT(out.result[0].final_loss < out.first_loss);
    CU_ASSERT_EQUAL(out.result[0].rounds, 12);
    CU_ASSERT_EQUAL(out.result[0].steps, 60);
    CU_ASSERT_EQUAL(out.result[0].member_count, 3);
    expect_record(12);
    bed_close(&bed);
}

static void test_threads_do_not_matter(void)
{
    struct bed_outcome one, other;
    CU_ASSERT_FATAL(bed_open(&bed));
    run_spec(NULL, NULL, &(struct bed_options){.ranks = 2, .threads = 1}, &one);
    expect_all(&one, 2, VAIN_OK);
    for (int threads = 2; threads <= 4; threads += 2) {
        bed_clear_output(&bed);
        bed_run(&bed, &(struct bed_options){.ranks = 2, .threads = threads}, &other);
        expect_all(&other, 2, VAIN_OK);
        CU_ASSERT(same_hash(&one, &other));
    }
    bed_close(&bed);
}

/* The list's order decides which rank is whom, and nothing else. */
static void test_order_of_members_does_not_matter(void)
{
    struct bed_outcome one, other;
    CU_ASSERT_FATAL(bed_open(&bed));
    run_spec(NULL, "members: [{name: ann}, {name: bob}, {name: cid}]\n",
             &(struct bed_options){.ranks = 3}, &one);
    expect_all(&one, 3, VAIN_OK);
    bed_clear_output(&bed);
    run_spec(NULL, "members: [{name: cid}, {name: ann}, {name: bob}]\n",
             &(struct bed_options){.ranks = 3}, &other);
    expect_all(&other, 3, VAIN_OK);
    CU_ASSERT(same_hash(&one, &other));
    bed_clear_output(&bed);
    run_spec(NULL, "members: [{name: ann}, {name: bob}, {name: dan}]\n",
             &(struct bed_options){.ranks = 3}, &other);
    CU_ASSERT_FALSE(same_hash(&one, &other));
    bed_close(&bed);
}

static void stop_and_go_on(int ranks, int signal_rank, int64_t signal_step, const char *const *sets)
{
    struct bed_outcome straight, stopped, resumed;
    CU_ASSERT_FATAL(bed_open(&bed));
    run_spec(sets, NULL, &(struct bed_options){.ranks = ranks}, &straight);
    expect_all(&straight, ranks, VAIN_OK);
    bed_clear_output(&bed);
    bed_run(&bed,
            &(struct bed_options){
                .ranks = ranks, .signal_rank = signal_rank, .signal_step = signal_step},
            &stopped);
    expect_all(&stopped, ranks, VAIN_STOPPED);
    CU_ASSERT_EQUAL(stopped.result[0].signal, 15);
    bed_run(&bed, &(struct bed_options){.ranks = ranks}, &resumed);
    expect_all(&resumed, ranks, VAIN_OK);
    CU_ASSERT(same_hash(&straight, &resumed));
    CU_ASSERT_EQUAL(straight.result[0].final_loss, resumed.result[0].final_loss);
    CU_ASSERT_EQUAL(straight.result[0].measures.of[VAIN_MEASURE_LOSS].mean,
                    resumed.result[0].measures.of[VAIN_MEASURE_LOSS].mean);
    expect_record(4);
    bed_close(&bed);
}

static void test_stop_anywhere_and_go_on(void)
{
    static const char *const nesterov[] = {"outer.optimizer=nesterov", "exchange.bits=16", NULL};
    static const char *const dropout[] = {"model.dropout=0.1", "train.accumulate=2", NULL};
    for (int64_t step = 1; step <= 10; step += 3)
        stop_and_go_on(3, (int)step % 3, step, nesterov);
    stop_and_go_on(1, 0, 5, dropout);
    stop_and_go_on(2, 1, 6, dropout);
}

/* What is measured then is not waited for; who goes on measures it. */
static void test_a_stop_is_heard_while_it_is_measured(void)
{
    static const char *const each[] = {"train.evaluate_every=1", NULL};
    for (int64_t round = 1; round <= 4; round++) {
        struct bed_outcome straight, stopped, resumed;
        CU_ASSERT_FATAL(bed_open(&bed));
        run_spec(each, NULL, &(struct bed_options){.ranks = 3}, &straight);
        expect_all(&straight, 3, VAIN_OK);
        bed_clear_output(&bed);
        bed_run(
            &bed,
            &(struct bed_options){.ranks = 3, .signal_rank = (int)round % 3, .signal_round = round},
            &stopped);
        expect_all(&stopped, 3, VAIN_STOPPED);
        CU_ASSERT_EQUAL(stopped.result[0].signal, 15);
        CU_ASSERT_EQUAL(stopped.result[0].rounds, round);
        CU_ASSERT_EQUAL(stopped.result[0].measured_round, round - 1);
        bed_run(&bed, &(struct bed_options){.ranks = 3}, &resumed);
        expect_all(&resumed, 3, VAIN_OK);
        CU_ASSERT(same_hash(&straight, &resumed));
        CU_ASSERT_EQUAL(resumed.result[0].measured_round, 4);
        CU_ASSERT_EQUAL(count_measured(straight.result[0].checkpoint), 5);
        CU_ASSERT_EQUAL(count_measured(resumed.result[0].checkpoint), 5);
        CU_ASSERT_EQUAL(straight.result[0].measures.of[VAIN_MEASURE_LOSS].mean,
                        resumed.result[0].measures.of[VAIN_MEASURE_LOSS].mean);
        expect_record(4);
        bed_close(&bed);
    }
}

/* The checkpoint of round 2 is written once and told once, with its size, also when the run stops
 * in round 3. */
static void test_a_checkpoint_is_told_when_it_is_written(void)
{
    for (int64_t signal_step = 0; signal_step <= 8; signal_step += 8) {
        struct bed_outcome out;
        CU_ASSERT_FATAL(bed_open(&bed));
        run_spec(NULL, NULL, &(struct bed_options){.ranks = 2, .signal_step = signal_step}, &out);
        expect_all(&out, 2, signal_step == 0 ? VAIN_OK : VAIN_STOPPED);
        CU_ASSERT_EQUAL(out.checkpoints, signal_step == 0 ? 2 : 1);
        CU_ASSERT(out.bytes > 1000);
        bed_close(&bed);
    }
}

static void test_one_site_averages_gradients(void)
{
    static const char *const world[] = {"site=world", NULL};
    struct bed_outcome out, other;
    CU_ASSERT_FATAL(bed_open(&bed));
    run_spec(world, NULL, &(struct bed_options){.ranks = 3}, &out);
    expect_all(&out, 3, VAIN_OK);
    CU_ASSERT_EQUAL(out.result[0].member_count, 1);
    expect_record(4);
    bed_clear_output(&bed);
    bed_run(&bed, &(struct bed_options){.ranks = 3, .threads = 2}, &other);
    CU_ASSERT(same_hash(&out, &other));
    bed_close(&bed);
    static const char *const stop[] = {"site=host", NULL};
    stop_and_go_on(3, 2, 5, stop);
}

/* A follower's clock, which its leader can put forward while the follower waits. */
static struct {
    atomic_long looks;       /* at the clock, by the follower */
    atomic_uint_fast64_t ns; /* that it is ahead */
    bool done;               /* the leader's, once is enough */
} ahead;
static const uint64_t hour_ns = UINT64_C(3600) * 1000000000;

static uint64_t follower_now_ns(struct vain_world *world)
{
    (void)world;
    atomic_fetch_add(&ahead.looks, 1);
    struct vain_world *real = vain_world_real();
    return real->ops->now_ns(real) + atomic_load(&ahead.ns);
}

/* The record is written after all of the exchange. Some looks at the clock later the follower has
 * left the local steps, so it waits for nothing but this leader. */
static enum vain_status slow_append(struct vain_world *world, const char *path, const void *data,
                                    size_t bytes)
{
    (void)world;
    struct vain_world *real = vain_world_real();
    if (!ahead.done) {
        const long before = atomic_load(&ahead.looks);
        while (atomic_load(&ahead.looks) < before + 16)
            sched_yield();
        atomic_store(&ahead.ns, 5 * hour_ns / 2);
        ahead.done = true;
    }
    return real->ops->append(real, path, data, bytes);
}

/* Each call of the exchange may take its leader a whole deadline, so the site's other ranks wait
 * longer than one. */
static void test_a_site_waits_for_its_leader(void)
{
    static const char *const sets[] = {"site=world", "exchange.deadline=1h", NULL};
    struct vain_world_ops leader_ops = *vain_world_real()->ops;
    struct vain_world_ops follower_ops = *vain_world_real()->ops;
    leader_ops.append = slow_append;
    follower_ops.now_ns = follower_now_ns;
    struct vain_world leader = {.ops = &leader_ops}, follower = {.ops = &follower_ops};
    struct bed_outcome out;
    ahead.done = false;
    CU_ASSERT_FATAL(bed_open(&bed));
    run_spec(sets, NULL, &(struct bed_options){.ranks = 2, .world = {&leader, &follower}}, &out);
    expect_all(&out, 2, VAIN_OK);
    CU_ASSERT_TRUE(ahead.done);
    bed_close(&bed);
}

/* Another number of members goes on from the same checkpoint; the new ones say that they start
 * empty. */
static void test_another_number_of_members_goes_on(void)
{
    struct bed_outcome out;
    static const char *const sets[] = {"train.rounds=4", NULL};
    CU_ASSERT_FATAL(bed_open(&bed));
    run_spec(sets, NULL, &(struct bed_options){.ranks = 2, .signal_step = 7}, &out);
    expect_all(&out, 2, VAIN_STOPPED);
    bed_run(&bed, &(struct bed_options){.ranks = 4}, &out);
    expect_all(&out, 4, VAIN_OK);
    CU_ASSERT_EQUAL(out.result[0].member_count, 4);
    CU_ASSERT_EQUAL(bed_count_notices(&out, "start empty"), 2);
    CU_ASSERT_EQUAL(bed_count_notices(&out, "member 'member-2' has no file of its own"), 1);
    CU_ASSERT_EQUAL(bed_count_notices(&out, "member 'member-3' has no file of its own"), 1);
    bed_close(&bed);
}

static void test_nothing_is_overwritten(void)
{
    struct bed_outcome out;
    static const char *const seed[] = {"seed=8", NULL};
    static const char *const wider[] = {"model.width=32", NULL};
    char checkpoint[256];
    CU_ASSERT_FATAL(bed_open(&bed));
    run_spec(NULL, NULL, &(struct bed_options){.ranks = 1}, &out);
    expect_all(&out, 1, VAIN_OK);
    bed_run(&bed, &(struct bed_options){.ranks = 1, .resume = "none"}, &out);
    expect_all(&out, 1, VAIN_ERR_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(out.message[0], "--resume auto"));
    run_spec(seed, NULL, &(struct bed_options){.ranks = 1}, &out);
    expect_all(&out, 1, VAIN_ERR_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(out.message[0], "other agreed keys"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out.message[0], "(seed: 7 there, 8 here)"));
    snprintf(checkpoint, sizeof checkpoint, "%s/checkpoint-000004.h5", bed.output);
    bed_run(&bed, &(struct bed_options){.ranks = 1, .resume = checkpoint}, &out);
    expect_all(&out, 1, VAIN_OK);
    CU_ASSERT_EQUAL(bed_count_notices(&out, "(seed: 7 there, 8 here)"), 1);
    run_spec(wider, NULL, &(struct bed_options){.ranks = 1, .resume = checkpoint}, &out);
    expect_all(&out, 1, VAIN_ERR_REFUSED);
    bed_run(&bed, &(struct bed_options){.ranks = 2, .resume = "/nowhere/checkpoint-000001.h5"},
            &out);
    expect_all(&out, 2, VAIN_ERR_NOT_FOUND);
    for (int rank = 0; rank < 2; rank++)
        CU_ASSERT_PTR_NOT_NULL(strstr(out.message[rank],
                                      "--resume /nowhere/checkpoint-000001.h5: there is no such "
                                      "file; expected auto, none or a checkpoint file"));
    bed_close(&bed);
}

static void own_file(int member, int round, char out[256])
{
    snprintf(out, 256, "%s/member-member-%d-%06d.h5", bed.output, member, round);
}

/* A job script names the checkpoint at every start: the second one goes on from what the first has
 * made of it, if it is the same spec. */
static void test_a_named_start_goes_on_where_it_was(void)
{
    static const char *const longer[] = {"train.rounds=8", "checkpoint.every=1",
                                         "checkpoint.keep=20", NULL};
    static const char *const other[] = {"train.rounds=8", "checkpoint.every=1",
                                        "checkpoint.keep=20", "seed=8", NULL};
    for (int elsewhere = 0; elsewhere < 2; elsewhere++) {
        struct bed_outcome out, straight;
        char own[sizeof bed.output], there[256], checkpoint[256], file[256];
        CU_ASSERT_FATAL(bed_open(&bed));
        snprintf(own, sizeof own, "%s", bed.output);
        snprintf(there, sizeof there, "%.100s/elsewhere", bed.folder);
        snprintf(checkpoint, sizeof checkpoint, "%s/checkpoint-000004.h5", bed.output);
        run_spec(NULL, NULL, &(struct bed_options){.ranks = 2}, &out);
        expect_all(&out, 2, VAIN_OK);
        if (elsewhere == 1) {
            CU_ASSERT_EQUAL_FATAL(mkdir(there, 0755), 0);
            snprintf(bed.output, sizeof bed.output, "%.150s", there);
        }
        const struct bed_options named = {.ranks = 2, .resume = checkpoint};
        struct bed_options stopped = named;
        stopped.signal_rank = 1;
        stopped.signal_step = elsewhere == 1 ? 13 : 18; /* in the first round, and later */
        run_spec(longer, NULL, &stopped, &out);
        expect_all(&out, 2, VAIN_STOPPED);
        CU_ASSERT_EQUAL(bed_count_notices(&out, "goes on from there"), 0);
        const int64_t steps = out.result[0].steps;
        bed_run(&bed, &named, &out);
        expect_all(&out, 2, VAIN_OK);
        CU_ASSERT_EQUAL(bed_count_notices(&out, "goes on from there; to start from that file"), 1);
        CU_ASSERT_EQUAL(bed_count_notices(&out, "set aside"), 0);
        CU_ASSERT_EQUAL(out.first_step, steps + 1);
        bed_run(&bed, &named, &out); /* nothing is left to do, nothing is done again */
        expect_all(&out, 2, VAIN_OK);
        CU_ASSERT_EQUAL(bed_count_notices(&out, "all 8 rounds are done"), 1);
        /* A leader without its file of the newest round, or a broken checkpoint: the one before. */
        own_file(1, 8, file);
        CU_ASSERT_EQUAL(unlink(file), 0);
        snprintf(file, sizeof file, "%s/checkpoint-000007.h5", bed.output);
        CU_ASSERT_EQUAL(truncate(file, 3000), 0);
        bed_run(&bed, &named, &straight);
        expect_all(&straight, 2, VAIN_OK);
        CU_ASSERT_EQUAL(bed_count_notices(&straight, " to round 6 in "), 1);
        CU_ASSERT(same_hash(&straight, &out));
        /* Another spec starts from the file, as it says. */
        run_spec(other, NULL, &named, &out);
        expect_all(&out, 2, VAIN_OK);
        CU_ASSERT_EQUAL(bed_count_notices(&out, "goes on from there"), 0);
        CU_ASSERT_EQUAL(bed_count_notices(&out, "set aside: those rounds are done again"), 2);
        CU_ASSERT_EQUAL(out.first_step, 4 * bed.job.train.local_steps + 1);
        bed_clear_output(&bed);
        CU_ASSERT_EQUAL(elsewhere == 1 ? rmdir(there) : 0, 0);
        snprintf(bed.output, sizeof bed.output, "%s", own);
        bed_close(&bed);
    }
}

/* A run whose record went away does not start a new one in silence; in another folder it may, also
 * if it is stopped there before its first round ends. */
static void test_a_missing_record_is_noticed(void)
{
    struct bed_outcome out;
    char own[sizeof bed.output], record[256], elsewhere[sizeof bed.output], checkpoint[256];
    char dotted[256];
    CU_ASSERT_FATAL(bed_open(&bed));
    snprintf(own, sizeof own, "%s", bed.output);
    snprintf(record, sizeof record, "%s/record.bin", bed.output);
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", bed.folder);
    snprintf(checkpoint, sizeof checkpoint, "%s/checkpoint-000002.h5", bed.output);
    snprintf(dotted, sizeof dotted, "%s/./checkpoint-000002.h5", bed.output);
    run_spec(NULL, NULL, &(struct bed_options){.ranks = 2}, &out);
    expect_all(&out, 2, VAIN_OK);
    CU_ASSERT_EQUAL(unlink(record), 0);
    const char *const resumes[] = {NULL, checkpoint, dotted};
    for (size_t i = 0; i < VAIN_COUNT_OF(resumes); i++) {
        bed_run(&bed, &(struct bed_options){.ranks = 2, .resume = resumes[i]}, &out);
        expect_all(&out, 2, VAIN_ERR_NOT_FOUND);
        CU_ASSERT_PTR_NOT_NULL(strstr(out.message[0], "record.bin is missing"));
        CU_ASSERT_PTR_NOT_NULL(strstr(out.message[1], "--resume FILE --out DIR"));
    }
    CU_ASSERT_EQUAL(access(record, F_OK), -1);
    CU_ASSERT_EQUAL_FATAL(mkdir(elsewhere, 0755), 0);
    snprintf(bed.output, sizeof bed.output, "%s", elsewhere);
    bed_run(
        &bed,
        &(struct bed_options){.ranks = 2, .resume = checkpoint, .signal_rank = 1, .signal_step = 7},
        &out);
    expect_all(&out, 2, VAIN_STOPPED);
    bed_run(&bed, &(struct bed_options){.ranks = 2}, &out);
    expect_all(&out, 2, VAIN_OK);
    expect_record(2);
    bed_clear_output(&bed);
    CU_ASSERT_EQUAL(rmdir(elsewhere), 0);
    snprintf(bed.output, sizeof bed.output, "%s", own);
    bed_close(&bed);
}

/* A broken newest checkpoint: all members go back to the one before and arrive at the same
 * parameters. */
static void test_broken_files_are_left_for_older_ones(void)
{
    struct bed_outcome straight, out;
    static const char *const victims[] = {"checkpoint-000004.h5", "member-member-1-000004.h5"};
    for (size_t i = 0; i < VAIN_COUNT_OF(victims); i++) {
        char path[256];
        CU_ASSERT_FATAL(bed_open(&bed));
        run_spec(NULL, NULL, &(struct bed_options){.ranks = 2}, &straight);
        expect_all(&straight, 2, VAIN_OK);
        snprintf(path, sizeof path, "%s/%s", bed.output, victims[i]);
        CU_ASSERT_EQUAL_FATAL(truncate(path, 3000), 0);
        bed_run(&bed, &(struct bed_options){.ranks = 2}, &out);
        expect_all(&out, 2, VAIN_OK);
        CU_ASSERT(out.notices >= 1);
        CU_ASSERT(same_hash(&straight, &out));
        expect_record(4);
        bed_close(&bed);
    }
}

/* A file of the same name that another run wrote is none of this run; the notice says whose it is.
 */
static void test_a_file_of_another_run_is_told(void)
{
    struct bed_outcome out;
    char own[256], kept[256];
    CU_ASSERT_FATAL(bed_open(&bed));
    own_file(1, 4, own);
    snprintf(kept, sizeof kept, "%s/kept.h5", bed.folder);
    run_spec(NULL, NULL, &(struct bed_options){.ranks = 2}, &out);
    expect_all(&out, 2, VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(rename(own, kept), 0);
    bed_clear_output(&bed);
    bed_run(&bed, &(struct bed_options){.ranks = 2}, &out);
    expect_all(&out, 2, VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(rename(kept, own), 0);
    bed_run(&bed, &(struct bed_options){.ranks = 2}, &out);
    expect_all(&out, 2, VAIN_OK);
    CU_ASSERT_EQUAL(out.notices, 3);
    CU_ASSERT_EQUAL(bed_count_notices(&out, "all 4 rounds are done"), 1);
    CU_ASSERT_EQUAL(bed_count_notices(&out, "exchange.algorithm: auto took '"), 1);
    CU_ASSERT_EQUAL(bed_count_notices(&out, "000004.h5 belongs to another run: the optimiser and "
                                            "residual of member 'member-1' start empty"),
                    1);
    bed_close(&bed);
}

/* A file under the name of another member or round is broken: all go back together. */
static void test_a_file_under_another_name_is_not_taken(void)
{
    static const struct {
        int member, round;
    } others[] = {{0, 4}, {1, 2}};
    for (size_t i = 0; i < VAIN_COUNT_OF(others); i++) {
        struct bed_outcome straight, out;
        char own[256], other[256], part[128];
        CU_ASSERT_FATAL(bed_open(&bed));
        own_file(1, 4, own);
        own_file(others[i].member, others[i].round, other);
        run_spec(NULL, NULL, &(struct bed_options){.ranks = 2}, &straight);
        expect_all(&straight, 2, VAIN_OK);
        CU_ASSERT_EQUAL_FATAL(unlink(own), 0);
        CU_ASSERT_EQUAL_FATAL(link(other, own), 0);
        bed_run(&bed, &(struct bed_options){.ranks = 2}, &out);
        expect_all(&out, 2, VAIN_OK);
        snprintf(part, sizeof part, "it is the file of member 'member-%d' for round %d,",
                 others[i].member, others[i].round);
        CU_ASSERT_EQUAL(bed_count_notices(&out, part), 1);
        CU_ASSERT(same_hash(&straight, &out));
        bed_close(&bed);
    }
}

/* Root may read everything, so the child gives root up first. 0: the run was refused as it must be.
 */
static int resume_without_permission(void)
{
    struct bed_outcome out;
    if (geteuid() == 0 && setuid(65534) != 0)
        return 2;
    bed_run(&bed, &(struct bed_options){.ranks = 2}, &out);
    const bool refused = out.status[1] == VAIN_ERR_REFUSED && out.status[0] < 0 &&
                         strstr(out.message[1], "member-1-000004.h5: cannot be opened") != NULL;
    return refused && bed_count_notices(&out, "start empty") == 0 ? 0 : 1;
}

/* A file that is there and cannot be read is not the same as none: the start ends, and nothing is
 * written over. */
static void test_an_unreadable_file_ends_the_start(void)
{
    struct bed_outcome out;
    char own[256];
    CU_ASSERT_FATAL(bed_open(&bed));
    own_file(1, 4, own);
    run_spec(NULL, NULL, &(struct bed_options){.ranks = 2}, &out);
    expect_all(&out, 2, VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(chmod(bed.folder, 0777), 0);
    CU_ASSERT_EQUAL_FATAL(chmod(bed.output, 0777), 0);
    for (int member = 0; geteuid() == 0 && member < 2; member++) {
        char path[256];
        own_file(member, 4, path);
        CU_ASSERT_EQUAL_FATAL(chown(path, 65534, 65534), 0);
    }
    CU_ASSERT_EQUAL_FATAL(chmod(own, 0), 0);
    const pid_t child = fork();
    if (child == 0)
        _exit(resume_without_permission());
    int ended = -1;
    CU_ASSERT_EQUAL(waitpid(child, &ended, 0), child);
    CU_ASSERT_EQUAL(ended, 0);
    bed_close(&bed);
}

/* Nor is one that the system cannot open: here a link to itself. */
static void test_a_file_that_cannot_be_opened_ends_the_start(void)
{
    struct bed_outcome out;
    char own[256];
    CU_ASSERT_FATAL(bed_open(&bed));
    own_file(1, 4, own);
    run_spec(NULL, NULL, &(struct bed_options){.ranks = 2}, &out);
    expect_all(&out, 2, VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(unlink(own), 0);
    CU_ASSERT_EQUAL_FATAL(symlink(own, own), 0);
    bed_run(&bed, &(struct bed_options){.ranks = 2}, &out);
    CU_ASSERT_EQUAL(out.status[1], VAIN_ERR_STORAGE);
    CU_ASSERT_EQUAL(bed_count_notices(&out, "start empty"), 0);
    bed_close(&bed);
}

/* Weights that grow a hundredfold a step reach infinity within the first round. */
static void test_nan_stops_the_member_that_made_it(void)
{
    struct bed_outcome out;
    static const char *const wild[] = {"train.learning_rate=10",
                                       "train.gradient_clip=0",
                                       "train.warmup=0",
                                       "train.local_steps=200",
                                       "train.beta1=0",
                                       "train.weight_decay=10",
                                       NULL};
    CU_ASSERT_FATAL(bed_open(&bed));
    run_spec(wild, NULL, &(struct bed_options){.ranks = 2}, &out);
    if (out.status[0] == VAIN_OK)
        printf("no NaN: loss %g\n", out.result[0].final_loss);
    int numeric = 0;
    for (int i = 0; i < 2; i++) {
        CU_ASSERT(out.status[i] < 0);
        if (out.status[i] == VAIN_ERR_NUMERIC && strstr(out.message[i], "slice") != NULL &&
            strstr(out.message[i], "nothing was sent") != NULL)
            numeric++;
    }
    CU_ASSERT(numeric >= 1);
    bed_close(&bed);
}

/* The same, with so few steps a round that the loss is still finite when it should travel. */
static void test_an_absurd_loss_stops_the_member_that_made_it(void)
{
    struct bed_outcome out;
    static const char *const wild[] = {"train.learning_rate=10",
                                       "train.gradient_clip=0",
                                       "train.warmup=0",
                                       "train.rounds=200",
                                       "train.beta1=0",
                                       "train.weight_decay=10",
                                       NULL};
    CU_ASSERT_FATAL(bed_open(&bed));
    run_spec(wild, NULL, &(struct bed_options){.ranks = 1}, &out);
    CU_ASSERT_EQUAL(out.status[0], VAIN_ERR_NUMERIC);
    CU_ASSERT_PTR_NOT_NULL(strstr(out.message[0], "the mean training loss is"));
    bed_close(&bed);
}

static void test_a_clip_is_reported(void)
{
    struct bed_outcome out;
    static const char *const clip[] = {"exchange.clip=0.01", NULL};
    CU_ASSERT_FATAL(bed_open(&bed));
    run_spec(clip, NULL, &(struct bed_options){.ranks = 2}, &out);
    expect_all(&out, 2, VAIN_OK);
    CU_ASSERT(bed_count_notices(&out, "scaled down to the bound") >= 2);
    CU_ASSERT(bed_count_notices(&out, "member 'member-1': delta of norm") >= 1);
    /* With masks nobody's clip is told, only how many there were. */
    static const char *const hidden[] = {"exchange.clip=0.01", "exchange.privacy=masked", NULL};
    bed_clear_output(&bed);
    run_spec(hidden, NULL, &(struct bed_options){.ranks = 3}, &out);
    expect_all(&out, 3, VAIN_OK);
    CU_ASSERT(bed_count_notices(&out, "deltas of 3 of 3 members were scaled down") >= 1);
    CU_ASSERT_EQUAL(bed_count_notices(&out, "delta of norm"), 0);
    CU_ASSERT_EQUAL(bed_count_notices(&out, "member 'member-1'"), 0);
    bed_close(&bed);
}

/* Tokens 0 to largest, in a circle. */
static void write_tokens(const char *name, int largest)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", bed.folder, name);
    FILE *file = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    for (int i = 0; i < 2000; i++) {
        const int token = i % (largest + 1);
        fputc(token & 255, file);
        fputc(token >> 8, file);
    }
    CU_ASSERT_EQUAL(fclose(file), 0);
}

/* Members' own token files hardly ever have the same largest token: what they agree on is the
 * vocabulary. */
static void test_own_token_files_share_a_vocabulary(void)
{
    static const char *const own[] = {"data.text=", "data.tokens={name}.bin",
                                      "data.partition=named", NULL};
    static const char *const shared[] = {"data.text=", "data.tokens={name}.bin",
                                         "data.partition=named", "data.vocabulary=300", NULL};
    static const char *const small[] = {"data.text=", "data.tokens={name}.bin",
                                        "data.partition=named", "data.vocabulary=256", NULL};
    struct bed_outcome out;
    CU_ASSERT_FATAL(bed_open(&bed));
    write_tokens("member-0.bin", 250);
    write_tokens("member-1.bin", 260);
    run_spec(own, NULL, &(struct bed_options){.ranks = 2}, &out);
    int told = 0;
    for (int i = 0; i < 2; i++) {
        CU_ASSERT(out.status[i] < 0);
        told += out.status[i] == VAIN_ERR_REFUSED &&
                strstr(out.message[i], "set data.vocabulary") != NULL;
    }
    CU_ASSERT(told >= 1);
    run_spec(small, NULL, &(struct bed_options){.ranks = 2}, &out);
    CU_ASSERT_EQUAL(out.status[1], VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(out.message[1], "member-1.bin: token 257 (offset 512) is 256"));
    run_spec(shared, NULL, &(struct bed_options){.ranks = 2}, &out);
    expect_all(&out, 2, VAIN_OK);
    expect_record(4);
    bed_close(&bed);
}

static void test_wrong_members_are_refused(void)
{
    struct bed_outcome out;
    CU_ASSERT_FATAL(bed_open(&bed));
    run_spec(NULL, "members: [{name: ann}, {name: bob}]\n", &(struct bed_options){.ranks = 3},
             &out);
    CU_ASSERT_EQUAL(out.status[0], VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(out.message[0], "2 members"));
    run_spec(NULL,
             "members: [{name: ann, key: "
             "0000000000000000000000000000000000000000000000000000000000000000}, "
             "{name: bob}]\n",
             &(struct bed_options){.ranks = 2}, &out);
    CU_ASSERT_EQUAL(out.status[0], VAIN_ERR_NOT_FOUND);
    CU_ASSERT(out.status[1] < 0);
    bed_close(&bed);
}

/* Keys made by the tool pin the members; a key that is not the pinned one is refused. */
static void test_pinned_keys(void)
{
    struct bed_outcome out;
    char ann[65], bob[65], members[512], keys[200], path[256];
    uint8_t id[VAIN_HASH_BYTES];
    CU_ASSERT_FATAL(bed_open(&bed));
    snprintf(keys, sizeof keys, "%s/out", bed.folder);
    struct vain_world *world = vain_world_real();
    CU_ASSERT_EQUAL_FATAL(vain_key_create(keys, "ann", world->ops->unix_ms(world), id), VAIN_OK);
    vain_to_hex(id, sizeof id, ann);
    CU_ASSERT_EQUAL_FATAL(vain_key_create(keys, "bob", world->ops->unix_ms(world), id), VAIN_OK);
    vain_to_hex(id, sizeof id, bob);
    snprintf(members, sizeof members, "members: [{name: ann, key: %s}, {name: bob, key: %s}]\n",
             ann, bob);
    run_spec(NULL, members, &(struct bed_options){.ranks = 2, .key_folder = keys}, &out);
    expect_all(&out, 2, VAIN_OK);
    expect_record(4);
    snprintf(members, sizeof members, "members: [{name: ann, key: %s}, {name: bob, key: %s}]\n",
             bob, ann);
    run_spec(NULL, members, &(struct bed_options){.ranks = 2, .key_folder = keys}, &out);
    CU_ASSERT_EQUAL(out.status[0], VAIN_ERR_AUTH);
    /* Another key is another member, so making one is no way out. */
    snprintf(members, sizeof members, "members: [{name: ann, key: %s}, {name: bob, key: %s}]\n",
             ann, bob);
    snprintf(path, sizeof path, "%s/bob.key", keys);
    CU_ASSERT_EQUAL(unlink(path), 0);
    run_spec(NULL, members, &(struct bed_options){.ranks = 2, .key_folder = keys}, &out);
    CU_ASSERT_EQUAL(out.status[1], VAIN_ERR_NOT_FOUND);
    CU_ASSERT_PTR_NOT_NULL(strstr(out.message[1], "member 'bob' is pinned as "));
    CU_ASSERT_PTR_NOT_NULL(strstr(out.message[1], path));
    bed_close(&bed);
}

static const struct vain_test tests[] = {
    {"members learn together and sign every round", test_members_learn_together},
    {"the number of threads does not matter", test_threads_do_not_matter},
    {"the order of the members does not matter", test_order_of_members_does_not_matter},
    {"a stop anywhere goes on to the same bits", test_stop_anywhere_and_go_on},
    {"a stop is heard while it is measured", test_a_stop_is_heard_while_it_is_measured},
    {"a checkpoint is told when it is written", test_a_checkpoint_is_told_when_it_is_written},
    {"the ranks of one site average their gradients", test_one_site_averages_gradients},
    {"a site waits for its leader longer than one deadline", test_a_site_waits_for_its_leader},
    {"another number of members goes on", test_another_number_of_members_goes_on},
    {"nothing is overwritten", test_nothing_is_overwritten},
    {"a start that names a file goes on where it was", test_a_named_start_goes_on_where_it_was},
    {"a missing record is noticed", test_a_missing_record_is_noticed},
    {"broken files are left for older ones", test_broken_files_are_left_for_older_ones},
    {"a file of another run is told", test_a_file_of_another_run_is_told},
    {"a file under another name is not taken", test_a_file_under_another_name_is_not_taken},
    {"an unreadable file ends the start", test_an_unreadable_file_ends_the_start},
    {"a file that cannot be opened ends the start",
     test_a_file_that_cannot_be_opened_ends_the_start},
    {"a NaN stops the member that made it", test_nan_stops_the_member_that_made_it},
    {"an absurd loss stops the member that made it",
     test_an_absurd_loss_stops_the_member_that_made_it},
    {"a clip is reported", test_a_clip_is_reported},
    {"members' own token files share a vocabulary", test_own_token_files_share_a_vocabulary},
    {"wrong members are refused", test_wrong_members_are_refused},
    {"keys are pinned", test_pinned_keys},
    {NULL, NULL},
};
const struct vain_suite vain_suite_run = {"jobs/run", tests};

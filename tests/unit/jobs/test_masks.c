/* Masks over whole runs: they change no bit of the result, and an input that was promised to one
 * set of members is never sent to another, however often the members start anew. */
#include "jobs/masks.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/record_extension.h"
#include "cmd/world.h"
#include "jobs/round_record.h"
#include "jobs/store/record_file.h"
#include "tests/unit/jobs/bed.h"
#include "tests/unit/suite.h"

static struct bed bed;

enum { HEARD_WORDS = 64 };

static const char *const masked[] = {"exchange.privacy=masked", NULL};
static const char *const bare[] = {"exchange.privacy=none", NULL};

static void run_with(const char *const *sets, int ranks, struct bed_outcome *out)
{
    CU_ASSERT_EQUAL_FATAL(bed_spec(&bed, sets, NULL), VAIN_OK);
    bed_run(&bed, &(struct bed_options){.ranks = ranks}, out);
    for (int i = 0; i < ranks; i++) {
        CU_ASSERT_EQUAL(out->status[i], VAIN_OK);
        if (out->status[i] != VAIN_OK)
            printf("rank %d: %s\n", i, out->message[i]);
    }
}

static bool same_hash(const struct bed_outcome *a, const struct bed_outcome *b)
{
    return memcmp(a->result[0].parameters_hash, b->result[0].parameters_hash, VAIN_HASH_BYTES) == 0;
}

/* The members' files of the last round are gone: the next start goes back to round 2 of 4. */
static void lose_the_last_files(void)
{
    DIR *directory = opendir(bed.output);
    CU_ASSERT_PTR_NOT_NULL_FATAL(directory);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", bed.output, entry->d_name);
        if (strstr(entry->d_name, "-000004.h5") != NULL)
            unlink(path);
    }
    closedir(directory);
}

static void forget_promises(int members)
{
    for (int i = 0; i < members; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/promises-member-%d.bin", bed.output, i);
        CU_ASSERT_EQUAL(unlink(path), 0);
    }
}

/* Sums of dropped inputs by round, as the record names them. */
struct drops {
    uint32_t of_round[8];
    int members_of_round[8];
    bool masked;
};

static enum vain_status note_drops(void *context, const struct vain_record_decoded *decoded)
{
    struct drops *drops = context;
    const struct vain_record *record = &decoded->record;
    VAIN_ASSERT(record->round < VAIN_COUNT_OF(drops->of_round));
    drops->masked = vain_record_privacy_of(record).masked;
    drops->members_of_round[record->round] = record->member_count;
    for (int i = 0; i < record->member_count; i++)
        drops->of_round[record->round] += vain_record_dropped_of(record, i);
    return VAIN_OK;
}

static struct drops read_drops(void)
{
    struct drops drops = {{0}, {0}, false};
    struct vain_record_summary summary;
    char path[256];
    snprintf(path, sizeof path, "%s/record.bin", bed.output);
    CU_ASSERT_EQUAL(vain_record_file_verify(path, &summary, note_drops, &drops), VAIN_OK);
    return drops;
}

/* ---- bits ------------------------------------------------------------------------------------ */

static void masks_and_ways_change_no_bit(void)
{
    static const char *const ways[][4] = {
        {"exchange.algorithm=native", NULL},
        {"exchange.algorithm=ring", NULL},
        {"exchange.algorithm=tree", NULL},
        {"exchange.algorithm=native", "exchange.privacy=masked", NULL},
        {"exchange.algorithm=ring", "exchange.privacy=masked", NULL},
        {"exchange.algorithm=tree", "exchange.privacy=masked", NULL},
        {"exchange.algorithm=auto", "exchange.privacy=masked", NULL},
    };
    static const int sizes[] = {3, 4, 5, 8};
    for (size_t s = 0; s < VAIN_COUNT_OF(sizes); s++) {
        struct bed_outcome first, other;
        CU_ASSERT_FATAL(bed_open(&bed));
        run_with(ways[0], sizes[s], &first);
        for (size_t w = 1 + s % VAIN_TEST_STRIDE; w < VAIN_COUNT_OF(ways); w += VAIN_TEST_STRIDE) {
            bed_clear_output(&bed);
            run_with(ways[w], sizes[s], &other);
            CU_ASSERT(same_hash(&first, &other));
            CU_ASSERT_EQUAL(first.result[0].final_loss, other.result[0].final_loss);
        }
        bed_close(&bed);
    }
}

/* What rank 1 hears first from rank 0 in the first reduce, of a ring. */
static void hear(const char *const *sets, uint32_t words[HEARD_WORDS])
{
    struct bed_outcome out;
    CU_ASSERT_EQUAL_FATAL(bed_spec(&bed, sets, NULL), VAIN_OK);
    bed_run(&bed,
            &(struct bed_options){.ranks = 3,
                                  .spoilt_rank = 1,
                                  .spoilt_tag = VAIN_TAG_RING,
                                  .spoilt_bytes = HEARD_WORDS * sizeof *words,
                                  .heard = words},
            &out);
    CU_ASSERT_EQUAL(out.status[0], VAIN_OK);
    bed_clear_output(&bed);
}

static int count_equal(const uint32_t *a, const uint32_t *b)
{
    int equal = 0;
    for (int i = 0; i < HEARD_WORDS; i++)
        equal += a[i] == b[i];
    return equal;
}

/* A whole run: what leaves a member is not its bare words, and never the same twice. */
static void what_leaves_is_masked(void)
{
    static const char *const ring[] = {"exchange.algorithm=ring", NULL};
    static const char *const hidden[] = {"exchange.algorithm=ring", "exchange.privacy=masked",
                                         NULL};
    uint32_t open[HEARD_WORDS], again[HEARD_WORDS], one[HEARD_WORDS], other[HEARD_WORDS];
    CU_ASSERT_FATAL(bed_open(&bed));
    hear(ring, open);
    hear(ring, again);
    hear(hidden, one);
    hear(hidden, other);
    CU_ASSERT_EQUAL(count_equal(open, again), HEARD_WORDS);
    CU_ASSERT_EQUAL(count_equal(open, one), 0);
    CU_ASSERT_EQUAL(count_equal(one, other), 0);
    bed_close(&bed);
}

static void packed_words_are_masked_too(void)
{
    static const char *const open[] = {"exchange.bits=16", NULL};
    static const char *const hidden[] = {"exchange.bits=16", "exchange.privacy=masked",
                                         "exchange.algorithm=ring", NULL};
    struct bed_outcome first, other;
    CU_ASSERT_FATAL(bed_open(&bed));
    run_with(open, 5, &first);
    bed_clear_output(&bed);
    run_with(hidden, 5, &other);
    CU_ASSERT(same_hash(&first, &other));
    bed_close(&bed);
}

static void a_stop_goes_on_to_the_same_bits(void)
{
    struct bed_outcome straight, stopped, resumed;
    CU_ASSERT_FATAL(bed_open(&bed));
    run_with(masked, 3, &straight);
    bed_clear_output(&bed);
    bed_run(&bed, &(struct bed_options){.ranks = 3, .signal_rank = 1, .signal_step = 7}, &stopped);
    CU_ASSERT_EQUAL(stopped.status[0], VAIN_STOPPED);
    run_with(masked, 3, &resumed);
    CU_ASSERT(same_hash(&straight, &resumed));
    CU_ASSERT_EQUAL(read_drops().of_round[3], 0);
    bed_close(&bed);
}

/* ---- one set an input ------------------------------------------------------------------------ */

static void the_same_set_sends_again(void)
{
    struct bed_outcome straight, again;
    CU_ASSERT_FATAL(bed_open(&bed));
    run_with(masked, 4, &straight);
    CU_ASSERT(read_drops().masked);
    lose_the_last_files();
    run_with(masked, 4, &again);
    CU_ASSERT(same_hash(&straight, &again));
    for (int round = 1; round <= 4; round++)
        CU_ASSERT_EQUAL(read_drops().of_round[round], 0);
    bed_close(&bed);
}

static void another_set_never_gets_a_promised_input(void)
{
    struct bed_outcome four, three, three_again, four_again;
    CU_ASSERT_FATAL(bed_open(&bed));
    run_with(masked, 4, &four);

    /* What four were promised in rounds 3 and 4 three never get: each of them passes over both
     * inputs at once, and the record says so. */
    lose_the_last_files();
    run_with(masked, 3, &three);
    CU_ASSERT_EQUAL(bed_count_notices(&three, "promised to another set"), 3);
    CU_ASSERT_EQUAL(bed_count_notices(&three, "6 batches are passed over"), 3);
    CU_ASSERT_EQUAL(read_drops().members_of_round[3], 3);
    CU_ASSERT_EQUAL(read_drops().of_round[3], 6);
    CU_ASSERT_EQUAL(read_drops().of_round[4], 0);

    /* Back once more: three find their own promise behind the one to four, and four theirs. */
    lose_the_last_files();
    run_with(masked, 3, &three_again);
    CU_ASSERT(same_hash(&three, &three_again));
    CU_ASSERT_EQUAL(read_drops().of_round[3], 6);
    lose_the_last_files();
    run_with(masked, 4, &four_again);
    CU_ASSERT_EQUAL(read_drops().of_round[3], 0);
    CU_ASSERT(same_hash(&four, &four_again));
    bed_close(&bed);
}

/* From round 2 on with another spec. */
static void go_on_with(const char *const *sets, int ranks, struct bed_outcome *out)
{
    char path[256];
    snprintf(path, sizeof path, "%s/checkpoint-000002.h5", bed.output);
    lose_the_last_files();
    CU_ASSERT_EQUAL_FATAL(bed_spec(&bed, sets, NULL), VAIN_OK);
    bed_run(&bed, &(struct bed_options){.ranks = ranks, .resume = path}, out);
}

/* What was summed under masks does not travel bare in another sum: a run that goes on without masks
 * keeps its promises, and makes more. */
static void promises_hold_without_masks(void)
{
    struct bed_outcome four, three, three_again, four_again;
    CU_ASSERT_FATAL(bed_open(&bed));
    run_with(masked, 4, &four);
    go_on_with(bare, 3, &three);
    CU_ASSERT_EQUAL(three.status[0], VAIN_OK);
    CU_ASSERT_EQUAL(bed_count_notices(&three, "6 batches are passed over"), 3);
    CU_ASSERT_FALSE(read_drops().masked);
    CU_ASSERT_EQUAL(read_drops().of_round[3], 6);
    go_on_with(bare, 3, &three_again);
    CU_ASSERT(same_hash(&three, &three_again));
    go_on_with(bare, 4, &four_again);
    CU_ASSERT_EQUAL(read_drops().of_round[3], 0);
    CU_ASSERT(same_hash(&four, &four_again));
    /* And the way back: what three sent bare is not what masks hide now. */
    go_on_with(masked, 5, &four_again);
    CU_ASSERT_EQUAL(four_again.status[0], VAIN_OK);
    CU_ASSERT_EQUAL(bed_count_notices(&four_again, "promised to another set"), 4);
    forget_promises(5);
    go_on_with(bare, 5, &four_again);
    CU_ASSERT(four_again.status[0] < 0);
    bed_close(&bed);
}

/* A member file that knows of promises is not taken without them. */
static void lost_promises_stop_the_start(void)
{
    struct bed_outcome out;
    char path[256];
    CU_ASSERT_FATAL(bed_open(&bed));
    run_with(masked, 3, &out);
    forget_promises(3);
    bed_run(&bed, &(struct bed_options){.ranks = 3}, &out);
    bool told = false;
    for (int rank = 0; rank < 3; rank++) {
        CU_ASSERT(out.status[rank] < 0);
        told = told || strstr(out.message[rank], "4 promises had been made") != NULL;
    }
    CU_ASSERT(told);
    bed_clear_output(&bed);
    run_with(masked, 3, &out);
    snprintf(path, sizeof path, "%s/promises-member-2.bin", bed.output);
    CU_ASSERT_EQUAL(truncate(path, 3 * VAIN_PROMISE_BYTES + 40), 0);
    bed_run(&bed, &(struct bed_options){.ranks = 3}, &out);
    CU_ASSERT_EQUAL(out.status[2], VAIN_ERR_REFUSED);
    bed_close(&bed);
}

static void damaged_promises_stop_the_start(void)
{
    struct bed_outcome out;
    char path[256];
    CU_ASSERT_FATAL(bed_open(&bed));
    run_with(masked, 3, &out);
    snprintf(path, sizeof path, "%s/promises-member-1.bin", bed.output);
    FILE *file = fopen(path, "r+");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fputc('X', file), 'X');
    fclose(file);
    lose_the_last_files();
    bed_run(&bed, &(struct bed_options){.ranks = 3}, &out);
    CU_ASSERT_EQUAL(out.status[1], VAIN_ERR_CORRUPT);
    CU_ASSERT_PTR_NOT_NULL(strstr(out.message[1], "promises-member-1.bin"));
    bed_close(&bed);
}

/* A run that consists of what a drop touches. */
struct scene {
    struct vain_job job;
    struct vain_event_log events;
    struct vain_run_config config;
    struct vain_federation federation;
    struct vain_run run;
    float residual[4], common[4];
    int adopted, forgotten;
};
static struct scene scene;

enum { STEPS = 3, ACCUMULATE = 2, BATCHES = STEPS * ACCUMULATE };

static enum vain_status roster_of_scene(struct vain_federation *federation, int64_t round,
                                        struct vain_roster *out)
{
    (void)federation;
    (void)round;
    memset(out, 0, sizeof *out);
    out->lasting_hash[0] = 'B';
    return VAIN_OK;
}

static void adopt_in_scene(struct vain_method *method, const float *parameters)
{
    CU_ASSERT_PTR_EQUAL(parameters, scene.common);
    method->step_in_round = 0;
    scene.adopted++;
}

static void forget_in_scene(struct vain_method *method)
{
    method->optimiser_step = 0;
    scene.forgotten++;
}

static void promise_in_scene(int64_t position, uint8_t set)
{
    struct vain_promise promise = {
        .round = 3, .input = (uint64_t)position, .batches = BATCHES, .set_hash = {set}};
    CU_ASSERT_EQUAL(vain_promises_make(scene.run.promises, &promise), VAIN_OK);
}

static void open_scene(void)
{
    static const struct vain_federation_ops federation_ops = {.roster = roster_of_scene};
    static const struct vain_method_ops method_ops = {.adopt = adopt_in_scene,
                                                      .forget = forget_in_scene};
    memset(&scene, 0, sizeof scene);
    scene.job.exchange.privacy = VAIN_PRIVACY_MASKED;
    scene.run.keeps_promises = true;
    scene.job.train.local_steps = STEPS;
    scene.job.train.accumulate = ACCUMULATE;
    vain_event_log_init(&scene.events, vain_world_real());
    scene.config.events = &scene.events;
    scene.config.world = vain_world_real();
    scene.federation.ops = &federation_ops;
    struct vain_run *run = &scene.run;
    run->config = &scene.config;
    run->job = &scene.job;
    run->federation = &scene.federation;
    run->method_ops = &method_ops;
    run->leader = true;
    run->round = 7;
    run->residual = scene.residual;
    run->common = scene.common;
    run->layout.parameter_count = 4;
    run->site.comm.size = 1;
    run->method.optimiser_step = 50;
    for (int i = 0; i < 4; i++)
        scene.residual[i] = 1.5f;
    CU_ASSERT_EQUAL_FATAL(vain_device_open_cpu(1, NULL, &run->device), VAIN_OK);
    run->queue.device = run->host_queue.device = &run->device;
    CU_ASSERT_EQUAL_FATAL(vain_promises_open(bed.output, "ann", vain_world_real(), &run->promises),
                          VAIN_OK);
}

static void close_scene(void)
{
    vain_promises_close(&scene.run.promises);
    vain_device_close(&scene.run.device);
}

/* Stopped after two steps of an input that another set was promised, as was the one after it: the
 * residual is gone, the steps are undone, and the third input is the next. */
static void a_dropped_input_leaves_nothing_behind(void)
{
    CU_ASSERT_FATAL(bed_open(&bed));
    open_scene();
    struct vain_method *method = &scene.run.method;
    method->step_in_round = 2;
    method->data_position = 100 + 2 * ACCUMULATE;
    promise_in_scene(100, 'A');
    promise_in_scene(100 + BATCHES, 'A');
    promise_in_scene(100 + 2 * BATCHES, 'B');
    CU_ASSERT_EQUAL(vain_masks_drop_promised(&scene.run), VAIN_OK);
    CU_ASSERT_EQUAL(scene.run.dropped_inputs, 2);
    CU_ASSERT_EQUAL(scene.adopted, 1);
    CU_ASSERT_EQUAL(method->step_in_round, 0);
    CU_ASSERT_EQUAL(method->data_position, 100 + 2 * BATCHES);
    CU_ASSERT_EQUAL(method->optimiser_step, 0);
    CU_ASSERT_EQUAL(scene.forgotten, 1);
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(scene.residual[i], 0);
    close_scene();
    /* Nothing of the input had been trained on: the optimiser keeps what it learnt before. */
    open_scene();
    method->data_position = 100;
    CU_ASSERT_EQUAL(vain_masks_drop_promised(&scene.run), VAIN_OK);
    CU_ASSERT_EQUAL(scene.run.dropped_inputs, 2);
    CU_ASSERT_EQUAL(method->optimiser_step, 50);
    CU_ASSERT_EQUAL(scene.forgotten, 0);
    CU_ASSERT_EQUAL(scene.residual[2], 0);
    close_scene();
    bed_close(&bed);
}

static void an_input_that_is_free_stays(void)
{
    CU_ASSERT_FATAL(bed_open(&bed));
    open_scene();
    scene.run.method.step_in_round = 1;
    scene.run.method.data_position = 100 + ACCUMULATE;
    promise_in_scene(100, 'B');           /* the same set */
    promise_in_scene(100 + BATCHES, 'A'); /* not this input */
    CU_ASSERT_EQUAL(vain_masks_drop_promised(&scene.run), VAIN_OK);
    CU_ASSERT_EQUAL(scene.run.dropped_inputs, 0);
    CU_ASSERT_EQUAL(scene.adopted, 0);
    CU_ASSERT_EQUAL(scene.run.method.step_in_round, 1);
    CU_ASSERT_EQUAL(scene.residual[3], 1.5f);
    close_scene();
    bed_close(&bed);
}

/* Other parameters under the same hash would show a member's delta in the sum: it looks itself. */
static void other_parameters_are_noticed_before_a_word_leaves(void)
{
    struct bed_outcome out;
    bool told = false;
    CU_ASSERT_FATAL(bed_open(&bed));
    CU_ASSERT_EQUAL_FATAL(bed_spec(&bed, masked, NULL), VAIN_OK);
    bed_run(&bed, &(struct bed_options){.ranks = 3, .signal_rank = 0, .signal_step = 7}, &out);
    CU_ASSERT_EQUAL(out.status[0], VAIN_STOPPED);
    bed_run(
        &bed,
        &(struct bed_options){
            .ranks = 3, .spoilt_rank = 2, .spoilt_tag = VAIN_TAG_BROADCAST, .spoilt_bytes = 4096},
        &out);
    for (int rank = 0; rank < 3; rank++) {
        CU_ASSERT(out.status[rank] < 0);
        told = told || strstr(out.message[rank],
                              "member 'member-2': the parameters that came for round 2 are not "
                              "those") != NULL;
    }
    CU_ASSERT(told);
    run_with(masked, 3, &out);
    bed_close(&bed);
}

/* After the outer step roots are compared before anything is recorded. */
static void other_parameters_after_a_round_are_named(void)
{
    struct bed_outcome out;
    CU_ASSERT_FATAL(bed_open(&bed));
    CU_ASSERT_EQUAL_FATAL(bed_spec(&bed, masked, NULL), VAIN_OK);
    bed_run(&bed,
            &(struct bed_options){.ranks = 3,
                                  .spoilt_rank = 1,
                                  .spoilt_tag = VAIN_TAG_GATHER,
                                  .spoilt_bytes = VAIN_ROUND_SIGNATURE_BYTES},
            &out);
    CU_ASSERT_EQUAL(out.status[1], VAIN_ERR_PEER);
    CU_ASSERT_PTR_NOT_NULL(strstr(out.message[1], "round 1, gather: member '"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out.message[1], "than member 'member-1'"));
    bed_close(&bed);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void too_few_are_refused(void)
{
    static const char *const small[] = {"exchange.privacy=masked", "exchange.allow_small=true",
                                        NULL};
    static const char *const one_site[] = {"exchange.privacy=masked", "exchange.allow_small=true",
                                           "site=world", NULL};
    struct bed_outcome out;
    CU_ASSERT_FATAL(bed_open(&bed));
    for (int ranks = 1; ranks <= 2; ranks++) {
        CU_ASSERT_EQUAL_FATAL(bed_spec(&bed, masked, NULL), VAIN_OK);
        bed_run(&bed, &(struct bed_options){.ranks = ranks}, &out);
        CU_ASSERT_EQUAL(out.status[0], VAIN_ERR_INPUT);
        CU_ASSERT_PTR_NOT_NULL(strstr(out.message[0], "allow_small"));
        run_with(small, ranks, &out);
        bed_clear_output(&bed);
    }
    run_with(one_site, 3, &out);
    CU_ASSERT_EQUAL(out.result[0].member_count, 1);
    bed_close(&bed);
}

static void who_is_not_pinned_is_told(void)
{
    struct bed_outcome out;
    CU_ASSERT_FATAL(bed_open(&bed));
    run_with(masked, 3, &out);
    CU_ASSERT_EQUAL(bed_count_notices(&out, "keys not pinned"), 1);
    bed_close(&bed);
}

static const struct vain_test tests[] = {
    {"masks and ways of summing change no bit", masks_and_ways_change_no_bit},
    {"what leaves is masked", what_leaves_is_masked},
    {"packed words are masked too", packed_words_are_masked_too},
    {"a stop goes on to the same bits", a_stop_goes_on_to_the_same_bits},
    {"the same set sends again", the_same_set_sends_again},
    {"another set never gets a promised input", another_set_never_gets_a_promised_input},
    {"a dropped input leaves nothing behind", a_dropped_input_leaves_nothing_behind},
    {"an input that is free stays", an_input_that_is_free_stays},
    {"promises hold without masks", promises_hold_without_masks},
    {"lost promises stop the start", lost_promises_stop_the_start},
    {"damaged promises stop the start", damaged_promises_stop_the_start},
    {"other parameters are noticed before a word leaves",
     other_parameters_are_noticed_before_a_word_leaves},
    {"other parameters after a round are named", other_parameters_after_a_round_are_named},
    {"too few members are refused", too_few_are_refused},
    {"who is not pinned is told", who_is_not_pinned_is_told},
    {NULL, NULL},
};
const struct vain_suite vain_suite_masks = {"jobs/masks", tests};

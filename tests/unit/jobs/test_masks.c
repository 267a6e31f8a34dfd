/* Masks over whole runs: they change no bit of the result, and an input that was promised to one
 * set of members is never sent to another, however often the members start anew. */
#include "jobs/masks.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "jobs/store/record_file.h"
#include "base/record_extension.h"
#include "tests/unit/jobs/bed.h"
#include "tests/unit/suite.h"

static struct bed bed;

static const char *const masked[] = {"exchange.privacy=masked", NULL};

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
        for (size_t w = 1; w < VAIN_COUNT_OF(ways); w++) {
            bed_clear_output(&bed);
            run_with(ways[w], sizes[s], &other);
            CU_ASSERT(same_hash(&first, &other));
            CU_ASSERT_EQUAL(first.result[0].final_loss, other.result[0].final_loss);
        }
        bed_close(&bed);
    }
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
    struct bed_outcome four, three, free, three_again, four_again;
    CU_ASSERT_FATAL(bed_open(&bed));
    run_with(masked, 4, &four);

    /* Round 3 was promised to four: each of three drops one input there, and the record says so.
     * Round 4 starts from other parameters, so nothing of it was promised. */
    lose_the_last_files();
    run_with(masked, 3, &three);
    CU_ASSERT_EQUAL(bed_count_notices(&three, "promised to another set"), 3);
    CU_ASSERT_EQUAL(bed_count_notices(&three, "3 batches are passed over"), 3);
    CU_ASSERT_EQUAL(read_drops().members_of_round[3], 3);
    CU_ASSERT_EQUAL(read_drops().of_round[3], 3);
    CU_ASSERT_EQUAL(read_drops().of_round[4], 0);

    /* Back once more: three find their own promise behind the one to four, and four theirs. */
    lose_the_last_files();
    run_with(masked, 3, &three_again);
    CU_ASSERT(same_hash(&three, &three_again));
    CU_ASSERT_EQUAL(read_drops().of_round[3], 3);
    lose_the_last_files();
    run_with(masked, 4, &four_again);
    CU_ASSERT_EQUAL(read_drops().of_round[3], 0);

    /* Without promises three would have sent what four were sent: that is what is prevented. */
    lose_the_last_files();
    forget_promises(4);
    run_with(masked, 3, &free);
    CU_ASSERT_EQUAL(read_drops().of_round[3], 0);
    CU_ASSERT_FALSE(same_hash(&three, &free));
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
        CU_ASSERT_EQUAL(out.status[0], VAIN_ERR_REFUSED);
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
    {"packed words are masked too", packed_words_are_masked_too},
    {"a stop goes on to the same bits", a_stop_goes_on_to_the_same_bits},
    {"the same set sends again", the_same_set_sends_again},
    {"another set never gets a promised input", another_set_never_gets_a_promised_input},
    {"damaged promises stop the start", damaged_promises_stop_the_start},
    {"too few members are refused", too_few_are_refused},
    {"who is not pinned is told", who_is_not_pinned_is_told},
    {NULL, NULL},
};
const struct vain_suite vain_suite_masks = {"jobs/masks", tests};

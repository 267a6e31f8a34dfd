/* A member that catches up with the others, and what goes wrong meanwhile: what it had is not lost,
 * and it does not wait for ever. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/world.h"
#include "jobs/vote_file.h"
#include "tests/unit/base/helpers.h"
#include "tests/unit/jobs/hosts.h"
#include "tests/unit/jobs/letter_count.h"
#include "tests/unit/jobs/wipe_watch.h"
#include "tests/unit/suite.h"

enum { MEMBERS = 4, FILE_BYTES_MAX = 1 << 18 };

static struct hosts hosts;
static struct host *const late = &hosts.hosts[3];

/* The others have done all rounds; it has rounds 1 to 3 in its record, and a checkpoint of 2. */
static void begin_behind(const char *const *sets)
{
    CU_ASSERT_TRUE_FATAL(hosts_open(&hosts, MEMBERS));
    late->fate.dies_after_step = 3 * 3 + 1;
    hosts_run(&hosts, sets);
    hosts_expect_end(&hosts, 7, 9);
    CU_ASSERT_EQUAL(late->status, VAIN_ERR_STORAGE);
}

static const char *const nesterov[] = {"train.rounds=9", "checkpoint.every=2",
                                       "outer.optimizer=nesterov", NULL};

/* ---- stops ----------------------------------------------------------------------------------- */

/* It has the others' parameters already, and their momentum cannot be had any more when it is asked
 * to stop. */
static void a_stop_in_between_leaves_the_checkpoint_alone(void)
{
    static uint8_t before[FILE_BYTES_MAX], after[FILE_BYTES_MAX];
    char path[TEST_PATH_BYTES];
    begin_behind(nesterov);
    snprintf(path, sizeof path, "%s/checkpoint-000002.h5", late->bed.output);
    const size_t bytes = test_read_file(path, before, sizeof before);
    CU_ASSERT(bytes > 0 && bytes < sizeof before);
    late->fate.fetch_trouble = FETCH_WITHOUT;
    late->fate.fetch_number = 2;
    late->fate.stops_in_fetch = true;
    hosts_run(&hosts, nesterov);
    hosts_expect_end(&hosts, 7, 9);
    CU_ASSERT_EQUAL(late->status, VAIN_STOPPED);
    CU_ASSERT_EQUAL(late->result.signal, 15);
    CU_ASSERT_EQUAL(test_read_file(path, after, sizeof after), bytes);
    CU_ASSERT_EQUAL(memcmp(before, after, bytes), 0);
    CU_ASSERT_EQUAL(hosts_count_notices(late, "half of what it was to hold"), 1);
    hosts_run(&hosts, nesterov);
    hosts_expect_end(&hosts, 15, 9);
    CU_ASSERT_EQUAL(hosts_count_notices(late, "was at round 2 and has caught up"), 1);
    hosts_close(&hosts);
}

/* The other rank of its site hears of it, and both end in order. */
static void a_stop_in_between_is_heard_by_the_whole_site(void)
{
    begin_behind(nesterov);
    late->fate.fetch_trouble = FETCH_WITHOUT;
    late->fate.fetch_number = 2;
    late->fate.stops_in_fetch = late->fate.has_site = true;
    hosts_run(&hosts, nesterov);
    CU_ASSERT_EQUAL(late->status, VAIN_STOPPED);
    CU_ASSERT_EQUAL(late->site_status, VAIN_STOPPED);
    CU_ASSERT_EQUAL(hosts_count_notices(late, "half of what it was to hold"), 1);
    late->fate.has_site = true;
    hosts_run(&hosts, nesterov);
    hosts_expect_end(&hosts, 15, 9);
    CU_ASSERT_EQUAL(late->site_status, VAIN_OK);
    hosts_close(&hosts);
}

/* ---- silence --------------------------------------------------------------------------------- */

static const char *const patient[] = {"train.rounds=9", "checkpoint.every=2",
                                      "exchange.deadline=300s", "start.timeout=300s", NULL};

/* No answer of its first fetch comes: all that it asks in turn are silent for 30 s. */
static void who_is_given_nothing_looks_for_others_anew(void)
{
    begin_behind(patient);
    hosts.speed = 30;
    late->fate.fetch_trouble = FETCH_SILENT;
    late->fate.fetch_number = 1;
    hosts_run(&hosts, patient);
    hosts_expect_end(&hosts, 15, 9);
    CU_ASSERT_EQUAL(hosts_count_notices(late, "was at round 2 and has caught up"), 1);
    hosts_close(&hosts);
}

static void who_is_given_nothing_stops_when_asked_to(void)
{
    begin_behind(nesterov);
    late->fate.fetch_trouble = FETCH_SILENT;
    late->fate.fetch_number = 1;
    late->fate.stops_in_fetch = true;
    const uint64_t start_ns = vain_world_real()->ops->now_ns(vain_world_real());
    hosts_run(&hosts, nesterov);
    const uint64_t took_ns = vain_world_real()->ops->now_ns(vain_world_real()) - start_ns;
    CU_ASSERT_EQUAL(late->status, VAIN_STOPPED);
    CU_ASSERT(took_ns < UINT64_C(10000000000)); /* the others leave after 20 s */
    hosts_run(&hosts, nesterov);
    hosts_expect_end(&hosts, 15, 9);
    hosts_close(&hosts);
}

/* ---- records --------------------------------------------------------------------------------- */

/* It is no reason to give up the own ones. Who is asked first is the first but one by id, of those
 * who have told by then where they stand. */
static void records_that_one_member_lacks_come_from_another(void)
{
    begin_behind(nesterov);
    for (int i = 0; i < 3; i++) {
        const int place = hosts_place_of(&hosts, i);
        hosts.hosts[i].fate.withholds_records = place == 1 || place == 2;
    }
    hosts_run(&hosts, nesterov);
    hosts_expect_end(&hosts, 15, 9);
    CU_ASSERT_EQUAL(hosts_count_notices(late, "have done again rounds"), 0);
    hosts_close(&hosts);
}

/* It is nobody else's fault. */
static void a_full_disk_ends_the_run_and_is_told(void)
{
    begin_behind(nesterov);
    late->fate.disk_is_full = true;
    hosts_run(&hosts, nesterov);
    CU_ASSERT_EQUAL(late->status, VAIN_ERR_STORAGE);
    CU_ASSERT_PTR_NOT_NULL(strstr(late->message, "record.bin: no space left"));
    CU_ASSERT_EQUAL(hosts_count_notices(late, "gave records that do not hold"), 0);
    hosts_run(&hosts, nesterov);
    hosts_expect_end(&hosts, 15, 9);
    hosts_close(&hosts);
}

static const char *const without_one[] = {"train.rounds=9", "checkpoint.every=2", "start.quorum=3",
                                          "exchange.linger=5m", NULL};

static void remove_folder(const char *name, int member)
{
    char path[TEST_PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", hosts.hosts[member].bed.folder, name);
    test_remove_folder(path);
}

static void copy_folder(const char *from, const char *to, int member)
{
    char command[TEST_PATH_BYTES];
    const char *folder = hosts.hosts[member].bed.folder;
    snprintf(command, sizeof command, "cp -a %s/%s %s/%s", folder, from, folder, to);
    CU_ASSERT_EQUAL(system(command), 0);
}

/* Also before it has met anybody. */
static void votes_come_along_into_another_folder(void)
{
    static const char *const sets[] = {"start.timeout=1s", NULL};
    struct vain_vote before, after;
    char path[TEST_PATH_BYTES], checkpoint[TEST_PATH_BYTES];
    CU_ASSERT_TRUE_FATAL(hosts_open(&hosts, MEMBERS));
    hosts_run(&hosts, NULL);
    hosts_expect_end(&hosts, 15, 4);
    copy_folder("out", "kept", 3);
    bed_clear_output(&late->bed);
    for (int i = 0; i < 3; i++)
        hosts.hosts[i].fate.absent = true;
    snprintf(checkpoint, sizeof checkpoint, "%.128s/kept/checkpoint-000004.h5", late->bed.folder);
    late->fate.resume = checkpoint;
    hosts_run(&hosts, sets);
    CU_ASSERT_EQUAL(late->status, VAIN_ERR_TIMEOUT);
    snprintf(path, sizeof path, "%.128s/kept", late->bed.folder);
    CU_ASSERT_EQUAL(vain_vote_file_read(path, "m3", MEMBERS, &before), VAIN_OK);
    CU_ASSERT_EQUAL(vain_vote_file_read(late->bed.output, "m3", MEMBERS, &after), VAIN_OK);
    CU_ASSERT(before.epoch != 0);
    CU_ASSERT_EQUAL(after.epoch, before.epoch);
    CU_ASSERT_EQUAL(after.round, before.round);
    CU_ASSERT(vain_set_equal(&after.set, &before.set));
    remove_folder("kept", 3);
    hosts_close(&hosts);
}

static void stop_all_after(int steps)
{
    for (int i = 0; i < MEMBERS; i++)
        hosts.hosts[i].fate.stops_after_step = steps;
    hosts_run(&hosts, without_one);
    for (int i = 0; i < MEMBERS; i++)
        CU_ASSERT(hosts.hosts[i].status == VAIN_STOPPED || hosts.hosts[i].status == VAIN_OK);
}

/* All have finished round 4; the others go back behind round 3 and come to round 6 without the last
 * one, whose records and checkpoints are then of rounds that were done again. */
static void begin_parted(void)
{
    char path[TEST_PATH_BYTES];
    CU_ASSERT_TRUE_FATAL(hosts_open(&hosts, MEMBERS));
    hosts.speed = 8;
    stop_all_after(3 * 4 + 1);
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/checkpoint-000004.h5", hosts.hosts[i].bed.output);
        CU_ASSERT_EQUAL(unlink(path), 0);
    }
    late->fate.absent = true;
    stop_all_after(3 * 4 + 1);
    for (int i = 0; i < MEMBERS; i++)
        copy_folder("out", "kept", i);
}

/* It is killed before each of its writes in turn, and started again. */
static void rounds_done_again_are_taken_whatever_dies(void)
{
    int told = 0;
    begin_parted();
    for (int write = 1; write < 24; write += 1 + VAIN_TEST_STRIDE) {
        for (int i = 0; i < MEMBERS; i++) {
            remove_folder("out", i);
            copy_folder("kept", "out", i);
        }
        hosts.hosts[0].fate.waits_after_round = 7;
        hosts.hosts[0].fate.waits_for = 3;
        late->fate.dies_before_write = write;
        late->fate.comes_back_after = 7;
        hosts_run(&hosts, without_one);
        hosts_expect_end(&hosts, 15, 9);
        told += hosts_count_notices(late, "have done again rounds");
    }
    CU_ASSERT(told >= 1);
    for (int i = 0; i < MEMBERS; i++)
        remove_folder("kept", i);
    hosts_close(&hosts);
}

/* ---- signatures ------------------------------------------------------------------------------ */

/* Links of these members end after the third round was agreed on and before it is signed. */
static void expect_flap_is_borne(unsigned who)
{
    static const char *const sets[] = {"train.rounds=6", NULL};
    CU_ASSERT_TRUE_FATAL(hosts_open(&hosts, MEMBERS));
    for (int i = 0; i < MEMBERS; i++)
        hosts.hosts[i].fate.flaps_in_round = (who >> i & 1) != 0 ? 3 : 0;
    hosts_run(&hosts, sets);
    hosts_expect_end(&hosts, 15, 6);
    hosts_close(&hosts);
}

static void links_that_end_before_a_round_is_signed_do_no_harm(void)
{
    expect_flap_is_borne(8);
    expect_flap_is_borne(12);
    expect_flap_is_borne(15);
}

/* ---- secrets --------------------------------------------------------------------------------- */

/* ... of others' own masks, among members in one process and on their own hosts. */
static void what_others_disclose_is_wiped(void)
{
    static const char *const sets[] = {"exchange.privacy=masked", "exchange.level=2", NULL};
    uint8_t hash[VAIN_HASH_BYTES];
    int released, unwiped;
    wipe_watch_begin();
    hosts_run_over_loop(MEMBERS, sets, hash);
    wipe_watch_end(&released, &unwiped);
    CU_ASSERT(released >= 4 * MEMBERS);
    CU_ASSERT_EQUAL(unwiped, 0);
    CU_ASSERT_TRUE_FATAL(hosts_open(&hosts, MEMBERS));
    wipe_watch_begin();
    hosts_run(&hosts, sets);
    wipe_watch_end(&released, &unwiped);
    CU_ASSERT(released >= MEMBERS);
    CU_ASSERT_EQUAL(unwiped, 0);
    hosts_close(&hosts);
}

/* Of three members all must vote. One dies before any of its durable writes and comes back at once:
 * where the other two have voted it joins them, has nothing to sign, and says so. */
static void who_joins_a_vote_says_that_it_signs_nothing(void)
{
    static const char *const all[] = {"train.rounds=4", NULL};
    const int before = letter_count_empty_signatures();
    bool died = true;
    CU_ASSERT_TRUE_FATAL(hosts_open(&hosts, 3));
    for (int write = 4; died && letter_count_empty_signatures() == before; write++) {
        for (int i = 0; i < 3; i++)
            bed_clear_output(&hosts.hosts[i].bed);
        hosts.hosts[2].fate.dies_before_write = write;
        hosts.hosts[2].fate.comes_back_after = 1;
        hosts_run(&hosts, all);
        died = hosts.hosts[0].result.counts.members_lost > 0;
        for (int i = 0; i < 3; i++) {
            CU_ASSERT_EQUAL(hosts.hosts[i].status, VAIN_OK);
            CU_ASSERT_EQUAL(hosts.hosts[i].result.rounds, 4);
        }
    }
    CU_ASSERT_EQUAL(letter_count_empty_signatures(), before + 2);
    hosts_close(&hosts);
}

static const struct vain_test tests[] = {
    {"a stop in between leaves the checkpoint alone",
     a_stop_in_between_leaves_the_checkpoint_alone},
    {"a stop in between is heard by the whole site", a_stop_in_between_is_heard_by_the_whole_site},
    {"who is given nothing looks for others anew", who_is_given_nothing_looks_for_others_anew},
    {"who is given nothing stops when asked to", who_is_given_nothing_stops_when_asked_to},
    {"records that one member lacks come from another",
     records_that_one_member_lacks_come_from_another},
    {"a full disk ends the run, and is told", a_full_disk_ends_the_run_and_is_told},
    {"votes come along into another folder", votes_come_along_into_another_folder},
    {"links that end before a round is signed do no harm",
     links_that_end_before_a_round_is_signed_do_no_harm},
    {"what others disclose is wiped", what_others_disclose_is_wiped},
    {"rounds done again are taken, whatever dies", rounds_done_again_are_taken_whatever_dies},
    {"who joins a vote says that it signs nothing", who_joins_a_vote_says_that_it_signs_nothing},
    {NULL, NULL},
};
const struct vain_suite vain_suite_catch_up = {"jobs/catching up", tests};

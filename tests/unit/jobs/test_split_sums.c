/* Members of one set who were told different things hold different sums, and say so by their
 * votes: no two of them count. */
#include <stdio.h>
#include <string.h>

#include "jobs/store/record_file.h"
#include "tests/unit/jobs/hosts.h"
#include "tests/unit/suite.h"

enum { MEMBERS = 4, ROUNDS = 6 };

static struct hosts hosts;

/* The run in which `told` members were told something else once: all end alike, and `split` says
 * whether they had to do a round again. */
static void expect_borne(int told, const char *const *sets, bool split)
{
    CU_ASSERT_TRUE_FATAL(hosts_open(&hosts, MEMBERS));
    hosts.speed = 20;
    for (int i = 0; i < told; i++)
        hosts.hosts[1 + 2 * i].fate.mishears_after_step = 7;
    hosts_run(&hosts, sets);
    for (int i = 0; i < MEMBERS; i++) {
        const struct host *host = &hosts.hosts[i];
        struct vain_record_summary summary;
        char path[256];
        if (host->status != VAIN_OK)
            printf("m%d: %s: %s\n", i, vain_status_name(host->status), host->message);
        CU_ASSERT_EQUAL(host->status, VAIN_OK);
        CU_ASSERT_EQUAL(host->result.rounds, ROUNDS);
        CU_ASSERT_EQUAL(memcmp(host->result.parameters_hash, hosts.hosts[0].result.parameters_hash,
                               VAIN_HASH_BYTES),
                        0);
        CU_ASSERT_EQUAL(hosts_count_notices(host, "this sum is nobody's"), split);
        CU_ASSERT_EQUAL(hosts_count_notices(host, "the others have gone on with another one"),
                        !split && i == 1);
        snprintf(path, sizeof path, "%s/record.bin", host->bed.output);
        CU_ASSERT_EQUAL(vain_record_file_verify(path, &summary, NULL, NULL), VAIN_OK);
        CU_ASSERT_EQUAL(summary.records, ROUNDS);
    }
    hosts_close(&hosts);
}

static const char *const clear[] = {"train.rounds=6", NULL};
static const char *const own_masks[] = {"train.rounds=6", "exchange.privacy=masked",
                                        "exchange.level=2", NULL};

/* The others are a quorum, and it takes their sum. */
static void one_of_four_follows_the_others(void)
{
    expect_borne(1, clear, false);
    expect_borne(1, own_masks, false);
}

/* Nobody opens either sum. */
static void two_of_four_split_them(void)
{
    expect_borne(2, clear, true);
    expect_borne(2, own_masks, true);
}

/* After votes for one sum: its machine has made another record of it. */
static void mishear_late(int told)
{
    for (int i = 0; i < told; i++) {
        hosts.hosts[1 + 2 * i].fate.mishears_after_step = 7;
        hosts.hosts[1 + 2 * i].fate.mishears_late = true;
    }
    hosts_run(&hosts, clear);
}

/* While those who differ may all be liars, the others go on; it ends, and catches up later. */
static void one_of_four_with_another_record_ends(void)
{
    CU_ASSERT_TRUE_FATAL(hosts_open(&hosts, MEMBERS));
    mishear_late(1);
    for (int i = 0; i < MEMBERS; i++) {
        CU_ASSERT_EQUAL(hosts.hosts[i].status, i == 1 ? VAIN_ERR_AUTH : VAIN_OK);
        CU_ASSERT_EQUAL(hosts_count_notices(&hosts.hosts[i], "signed another record"), i != 1);
    }
    hosts_close(&hosts);
}

/* No two parts go on with different records: nobody does. */
static void two_of_four_with_another_record_end_all(void)
{
    CU_ASSERT_TRUE_FATAL(hosts_open(&hosts, MEMBERS));
    mishear_late(2);
    for (int i = 0; i < MEMBERS; i++)
        CU_ASSERT_EQUAL(hosts.hosts[i].status, VAIN_ERR_AUTH);
    hosts_run(&hosts, clear);
    for (int i = 0; i < MEMBERS; i++) {
        CU_ASSERT_EQUAL(hosts.hosts[i].status, VAIN_OK);
        CU_ASSERT_EQUAL(hosts.hosts[i].result.rounds, ROUNDS);
    }
    hosts_close(&hosts);
}

static const struct vain_test tests[] = {
    {"one of four follows the others", one_of_four_follows_the_others},
    {"two of four split them, and the round is done again", two_of_four_split_them},
    {"one of four with another record ends", one_of_four_with_another_record_ends},
    {"two of four with another record end all", two_of_four_with_another_record_end_all},
    {NULL, NULL},
};
const struct vain_suite vain_suite_split_sums = {"jobs/split sums", tests};

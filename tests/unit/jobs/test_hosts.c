/* Members on their own hosts: they reach the bits of members under a launcher, whoever dies, comes
 * late or comes back, and what they cannot do together is said. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/record_extension.h"
#include "jobs/store/record_file.h"
#include "jobs/store/salt_file.h"
#include "tests/unit/jobs/hosts.h"
#include "tests/unit/suite.h"

enum { MEMBERS = 4 };

static struct hosts hosts;

static void begin(void)
{
    CU_ASSERT_TRUE_FATAL(hosts_open(&hosts, MEMBERS));
}

/* Members of the bit set came to the end alike. */
static void expect_end(unsigned who, int64_t rounds)
{
    hosts_expect_end(&hosts, who, rounds);
}

static void forget_files(void)
{
    for (int i = 0; i < MEMBERS; i++)
        bed_clear_output(&hosts.hosts[i].bed);
}

/* ---- the same bits --------------------------------------------------------------------------- */

static void expect_bits_of_loop(const char *const *sets)
{
    uint8_t hash[VAIN_HASH_BYTES];
    begin();
    hosts_run_over_loop(MEMBERS, sets, hash);
    hosts_run(&hosts, sets);
    expect_end(15, 4);
    CU_ASSERT_EQUAL(memcmp(hosts.hosts[0].result.parameters_hash, hash, sizeof hash), 0);
    for (int i = 0; i < MEMBERS; i++) {
        CU_ASSERT_EQUAL(hosts.hosts[i].result.counts.members_lost, 0);
        CU_ASSERT_EQUAL(hosts.hosts[i].result.counts.members_joined, 0);
        CU_ASSERT_EQUAL(hosts.hosts[i].result.counts.rounds_burned, 0);
        CU_ASSERT(hosts.hosts[i].result.counts.bytes_sent > 0);
    }
    hosts_close(&hosts);
}

static void bits_are_those_of_members_under_a_launcher(void)
{
    static const char *const clear[] = {"outer.optimizer=nesterov", NULL};
    static const char *const masked[] = {"exchange.privacy=masked", NULL};
    static const char *const own[] = {"exchange.privacy=masked", "exchange.level=2", NULL};
    static const char *const committed[] = {"exchange.privacy=masked", "exchange.level=2",
                                            "exchange.commitments=true", NULL};
    static const char *const wide[] = {"exchange.connections=3", "exchange.algorithm=ring", NULL};
    expect_bits_of_loop(clear);
    expect_bits_of_loop(masked);
    expect_bits_of_loop(own);
    expect_bits_of_loop(committed);
    expect_bits_of_loop(wide);
}

/* ---- commitments ----------------------------------------------------------------------------- */

enum { SALTS_MAX = 64 };

/* A member's salts, and the record that they are compared with. */
struct salts {
    const char *name;
    uint8_t lines[SALTS_MAX * VAIN_SALT_LINE_BYTES];
    size_t bytes;
    int opened; /* commitments of its own that its salts are for */
};

static enum vain_status compare_salts(void *context, const struct vain_record_decoded *decoded)
{
    struct salts *salts = context;
    const struct vain_record *record = &decoded->record;
    for (int i = 0; i < record->member_count; i++) {
        const uint8_t *root = vain_record_commitment_of(record, i);
        CU_ASSERT_PTR_NOT_NULL_FATAL(root);
        CU_ASSERT_FALSE(vain_is_zero(root, VAIN_HASH_BYTES));
        if (strcmp(record->members[i].name, salts->name) != 0)
            continue;
        for (size_t at = 0; at < salts->bytes; at += VAIN_SALT_LINE_BYTES)
            salts->opened += memcmp(salts->lines + at + 64, root, VAIN_HASH_BYTES) == 0 &&
                             salts->lines[at + 24] == record->round - 1;
    }
    return VAIN_OK;
}

/* Every record has the roots of all its members, and each member the salts of its own. */
static void what_members_commit_to_is_in_the_record(void)
{
    static const char *const sets[] = {"exchange.privacy=masked", "exchange.level=2",
                                       "exchange.commitments=true", NULL};
    begin();
    hosts.hosts[2].fate.dies_after_step = 5; /* in the second round; three go on */
    hosts_run(&hosts, sets);
    expect_end(11, 4);
    for (int i = 0; i < MEMBERS; i++) {
        struct vain_record_summary summary;
        struct salts salts = {.name = hosts.hosts[i].bed.spec.members[i].name};
        char path[256];
        if (i == 2)
            continue;
        snprintf(path, sizeof path, "%s/salts-%s.bin", hosts.hosts[i].bed.output, salts.name);
        FILE *file = fopen(path, "rb");
        CU_ASSERT_PTR_NOT_NULL_FATAL(file);
        salts.bytes = fread(salts.lines, 1, sizeof salts.lines, file);
        fclose(file);
        snprintf(path, sizeof path, "%s/record.bin", hosts.hosts[i].bed.output);
        CU_ASSERT_EQUAL(vain_record_file_verify(path, &summary, compare_salts, &salts), VAIN_OK);
        CU_ASSERT_EQUAL(salts.opened, 4);
    }
    hosts_close(&hosts);
}

/* ---- deaths ---------------------------------------------------------------------------------- */

/* Member 2 dies before each of its durable writes in turn: those that are left finish alike, and it
 * does as well when it is started again. */
static void expect_deaths_are_borne(const char *const *sets)
{
    bool died = true;
    int deaths = 0;
    begin();
    for (int write = 1; died; write += VAIN_TEST_STRIDE) {
        forget_files();
        hosts.hosts[2].fate.dies_before_write = write;
        hosts_run(&hosts, sets);
        died = hosts.hosts[2].status != VAIN_OK;
        deaths += died;
        expect_end(died ? 11 : 15, 4);
        if (!died || deaths % 4 != 1)
            continue;
        hosts_run(&hosts, sets);
        expect_end(15, 4);
    }
    CU_ASSERT(deaths >= 12 / VAIN_TEST_STRIDE);
    hosts_close(&hosts);
}

static void a_death_anywhere_is_borne(void)
{
    static const char *const clear[] = {"outer.optimizer=nesterov", NULL};
    expect_deaths_are_borne(clear);
}

static void a_death_anywhere_is_borne_under_masks(void)
{
    static const char *const masked[] = {"exchange.privacy=masked", NULL};
    expect_deaths_are_borne(masked);
}

static void a_death_anywhere_is_borne_under_own_masks(void)
{
    static const char *const own[] = {"exchange.privacy=masked", "exchange.level=2", NULL};
    expect_deaths_are_borne(own);
}

static void a_death_is_counted_and_told_once(void)
{
    static const char *const sets[] = {"train.rounds=6", NULL};
    begin();
    hosts.hosts[2].fate.dies_after_step = 8; /* in the middle of round 3 */
    hosts_run(&hosts, sets);
    expect_end(11, 6);
    for (int i = 0; i < MEMBERS; i++) {
        const struct host *host = &hosts.hosts[i];
        if (i == 2)
            continue;
        CU_ASSERT_EQUAL(host->result.counts.members_lost, 1);
        CU_ASSERT_EQUAL(host->result.member_count, 3);
        CU_ASSERT_EQUAL(hosts_count_notices(host, "'m2' is gone"), 1);
        CU_ASSERT_EQUAL(hosts_count_notices(host, "3 of 4 go on"), 1);
        CU_ASSERT_EQUAL(hosts_count_notices(host, "came to nothing"), 0);
    }
    hosts_close(&hosts);
}

/* ---- lies ------------------------------------------------------------------------------------ */

/* What member 2 sends is wrong from round 3 on, and those whom it sends to see so, or nobody sees
 * by whom. No wrong sum is used: the others do exchanges again until they do without it, and it
 * catches up from them. */
static void expect_spoiler_is_borne(const char *const *sets, bool seen)
{
    int told = 0;
    begin();
    if (seen)
        hosts.hosts[2].fate.spoils_after_step = 7;
    else
        hosts.hosts[2].fate.lies_after_step = 7;
    hosts_run(&hosts, sets);
    expect_end(15, 6);
    for (int i = 0; i < MEMBERS; i++)
        told += i != 2 && hosts_count_notices(&hosts.hosts[i], "'m2' is left out for some") > 0;
    CU_ASSERT(told >= 1);
    hosts_close(&hosts);
}

static void who_spoils_sums_is_left_out(void)
{
    static const char *const clear[] = {"train.rounds=6", NULL};
    static const char *const masked[] = {"train.rounds=6", "exchange.privacy=masked", NULL};
    static const char *const own[] = {"train.rounds=6", "exchange.privacy=masked",
                                      "exchange.level=2", NULL};
    for (int seen = 0; seen < 2; seen++) {
        expect_spoiler_is_borne(clear, seen == 1);
        expect_spoiler_is_borne(masked, seen == 1);
        expect_spoiler_is_borne(own, seen == 1);
    }
}

/* It costs a round, and another one when it is let in again. */
static void who_makes_sums_be_lost_is_left_out(void)
{
    static const char *const sets[] = {"train.rounds=6", "exchange.privacy=masked",
                                       "exchange.level=2", NULL};
    begin();
    hosts.speed = 4;
    hosts.hosts[2].fate.loses_after_step = 3;
    hosts_run(&hosts, sets);
    expect_end(11, 6);
    for (int i = 0; i < MEMBERS; i++) {
        const struct host *host = &hosts.hosts[i];
        const int lost = hosts_count_notices(host, "'m2', which is there, cannot be taken off");
        if (i == 2)
            continue;
        CU_ASSERT(lost >= 1 && lost <= 2);
        CU_ASSERT_EQUAL(lost, hosts_count_notices(host, "cannot be taken off"));
        if (lost < 1 || lost > 2)
            hosts_tell(host, i);
    }
    hosts_close(&hosts);
}

/* What the first failure of a round's sum is followed by: the attempt after it is with evidence. */
static void expect_shown_at_once(const struct host *host, const char *what)
{
    int failures = 0;
    for (int i = 0; i < host->notices; i++) {
        failures += strstr(host->notice[i], "came to nothing and is done again") != NULL;
        if (strstr(host->notice[i], "signed statements show") == NULL)
            continue;
        CU_ASSERT_EQUAL(failures, 1);
        CU_ASSERT_PTR_NOT_NULL(strstr(host->notice[i], what));
        if (failures != 1 || strstr(host->notice[i], what) == NULL)
            printf("\n    %s\n", host->notice[i]);
        return;
    }
    CU_FAIL("nothing is shown");
}

/* Member 2, whose fate is set, is shown to be the one, at once and by all others; they go on
 * without it, and nobody else is ever shown. */
static void expect_culprit_is_shown(const char *const *sets, const char *what)
{
    hosts_run(&hosts, sets);
    expect_end(15, 6);
    for (int i = 0; i < MEMBERS; i++) {
        const struct host *host = &hosts.hosts[i];
        if (i == 2)
            continue;
        expect_shown_at_once(host, what);
        CU_ASSERT_EQUAL(hosts_count_notices(host, "signed statements show that member 'm2'"),
                        hosts_count_notices(host, "signed statements show"));
        CU_ASSERT(hosts_count_notices(host, "'m2' is left out for some") >= 1);
        /* Nobody else was left out of an attempt meanwhile. */
        CU_ASSERT_EQUAL(hosts_count_notices(host, "'m2' has joined"),
                        hosts_count_notices(host, "has joined"));
    }
    hosts_close(&hosts);
}

static const char *const clear_ring[] = {"train.rounds=6", "exchange.algorithm=ring", NULL};
static const char *const masked_ring[] = {"train.rounds=6", "exchange.algorithm=ring",
                                          "exchange.privacy=masked", NULL};
static const char *const own_ring[] = {"train.rounds=6", "exchange.algorithm=ring",
                                       "exchange.privacy=masked", "exchange.level=2", NULL};
static const char *const *const rings[] = {clear_ring, masked_ring, own_ring};

static void who_corrupts_partial_sums_is_shown(void)
{
    for (size_t i = 0; i < VAIN_COUNT_OF(rings); i++) {
        begin();
        hosts.hosts[2].fate.corrupts_after_step = 7;
        expect_culprit_is_shown(rings[i], "than it was given and its own words together, in step");
    }
}

/* Evidence goes on beyond the round, so it spoils one sum and no more. */
static void who_fears_evidence_spoils_once(void)
{
    begin();
    hosts.hosts[2].fate.corrupts_after_step = 4;
    hosts.hosts[2].fate.is_shy = true;
    hosts_run(&hosts, clear_ring);
    expect_end(15, 6);
    for (int i = 0; i < MEMBERS; i++) {
        CU_ASSERT_EQUAL(hosts_count_notices(&hosts.hosts[i], "came to nothing and is done again"),
                        1);
        CU_ASSERT_EQUAL(hosts_count_notices(&hosts.hosts[i], "signed statements"), 0);
    }
    hosts_close(&hosts);
}

/* A tree without evidence, a ring with it; and where check words go bare, whose does not fit is
 * known. */
static void whose_check_word_is_wrong_is_shown(void)
{
    static const char *const clear[] = {"train.rounds=6", NULL};
    static const char *const own[] = {"train.rounds=6", "exchange.privacy=masked",
                                      "exchange.level=2", NULL};
    for (int level = 0; level < 2; level++) {
        begin();
        hosts.hosts[2].fate.lies_after_step = 7;
        expect_culprit_is_shown(level == 0 ? clear : own,
                                "sent words that are not those of its check word");
    }
}

/* With check words under masks it is not, and nobody is accused. */
static void whose_masked_check_word_is_wrong_nobody_knows(void)
{
    begin();
    hosts.hosts[2].fate.lies_after_step = 7;
    hosts_run(&hosts, masked_ring);
    expect_end(15, 6);
    for (int i = 0; i < MEMBERS; i++) {
        CU_ASSERT_EQUAL(hosts_count_notices(&hosts.hosts[i], "signed statements show that member"),
                        0);
        CU_ASSERT(i == 2 || hosts_count_notices(&hosts.hosts[i], "nobody knows whose") >= 1);
    }
    hosts_close(&hosts);
}

/* The sum of this round, opened, is found to be none, once at each member; 0: of no round. */
static atomic_int refused_round;
static _Thread_local bool has_refused;

enum vain_status __real_vain_codec_verify(const struct vain_codec *codec, struct vain_queue *queue,
                                          struct vain_random check, uint32_t round,
                                          uint32_t attempt, const uint32_t *words);
enum vain_status __wrap_vain_codec_verify(const struct vain_codec *codec, struct vain_queue *queue,
                                          struct vain_random check, uint32_t round,
                                          uint32_t attempt, const uint32_t *words);

enum vain_status __wrap_vain_codec_verify(const struct vain_codec *codec, struct vain_queue *queue,
                                          struct vain_random check, uint32_t round,
                                          uint32_t attempt, const uint32_t *words)
{
    if ((int)round + 1 != atomic_load(&refused_round) || has_refused)
        return __real_vain_codec_verify(codec, queue, check, round, attempt, words);
    has_refused = true;
    return vain_fail(VAIN_ERR_NUMERIC, "round %u: a counter that nobody can count", round + 1);
}

/* Own masks are off: what was sent is not sent again, and the round begins anew. */
static void a_sum_that_is_none_is_nobodys(void)
{
    static const char *const sets[] = {"train.rounds=4", "exchange.privacy=masked",
                                       "exchange.level=2", NULL};
    begin();
    atomic_store(&refused_round, 3);
    hosts_run(&hosts, sets);
    atomic_store(&refused_round, 0);
    expect_end(15, 4);
    for (int i = 0; i < MEMBERS; i++) {
        CU_ASSERT_EQUAL(hosts_count_notices(&hosts.hosts[i], "nobody can count; it is nobody's"),
                        1);
        CU_ASSERT_EQUAL(hosts.hosts[i].result.counts.rounds_burned, 1);
    }
    hosts_close(&hosts);
}

/* ---- coming late, coming back ---------------------------------------------------------------- */

static void who_starts_late_catches_up(void)
{
    static const char *const sets[] = {"train.rounds=9", "start.quorum=3",
                                       "outer.optimizer=nesterov", NULL};
    begin();
    hosts.hosts[3].fate.starts_after_round = 3;
    hosts.hosts[0].fate.waits_after_round = 3;
    hosts.hosts[0].fate.waits_for = 3;
    hosts_run(&hosts, sets);
    expect_end(15, 9);
    CU_ASSERT_EQUAL(hosts_count_notices(&hosts.hosts[3], "has caught up"), 1);
    CU_ASSERT(hosts.hosts[0].result.counts.members_joined >= 1);
    CU_ASSERT_EQUAL(hosts.hosts[0].result.member_count, 4);
    hosts_close(&hosts);
}

/* It has rounds 1 to 3 in its record and round 2 in its checkpoint; the others are at 6. */
static void expect_comes_back(const char *const *sets)
{
    begin();
    hosts.hosts[3].fate.dies_after_step = 3 * 3 + 1;
    hosts.hosts[3].fate.comes_back_after = 6;
    hosts.hosts[0].fate.waits_after_round = 6;
    hosts.hosts[0].fate.waits_for = 3;
    hosts.hosts[0].fate.waits_for_starts = 2;
    hosts_run(&hosts, sets);
    expect_end(15, 9);
    CU_ASSERT_EQUAL(hosts_count_notices(&hosts.hosts[3], "has caught up"), 1);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(hosts.hosts[i].result.counts.members_lost, 1);
        CU_ASSERT_EQUAL(hosts.hosts[i].result.counts.members_joined, 1);
        CU_ASSERT_EQUAL(hosts.hosts[i].result.member_count, 4);
    }
    hosts_close(&hosts);
}

/* A round is recorded without it, and said to be. m2 signs for m3 what holds for nobody. */
static void a_signature_of_another_record_is_told(void)
{
    static const char *const sets[] = {"train.rounds=6", NULL};
    begin();
    hosts.hosts[2].fate.claims_after_step = 7;
    hosts.hosts[2].fate.claim = STATE_LIE_SIGNATURE;
    hosts.hosts[2].fate.claims_to = hosts_place_of(&hosts, 3);
    hosts_run(&hosts, sets);
    CU_ASSERT_EQUAL(hosts.hosts[3].status, VAIN_OK);
    CU_ASSERT(hosts_count_notices(&hosts.hosts[3], "'m2' signed another record") >= 1);
    hosts_close(&hosts);
}

/* Whatever one member says that it holds, nobody takes what the members of the round have not
 * signed. m2 claims it to m3, which has come late. */
static void no_state_is_taken_that_was_not_signed(void)
{
    static const char *const sets[] = {"train.rounds=9", "outer.optimizer=nesterov",
                                       "start.quorum=3", "exchange.linger=5m", NULL};
    static const struct {
        enum state_lie claim;
        const char *part;
    } cases[] = {
        {STATE_LIE_PARAMETERS, "it has other parameters"},
        {STATE_LIE_MOMENTUM, "it has another outer momentum"},
        {STATE_LIE_CODEC, "it has another state of the codec"},
        {STATE_LIE_VOTERS, "it names other voters"},
        {STATE_LIE_EPOCH, "is not borne out"},
    };
    int said = 0;
    for (size_t i = 0; i < VAIN_COUNT_OF(cases); i++) {
        begin();
        hosts.speed = 4;
        hosts.hosts[2].fate.claims_after_step = 7;
        hosts.hosts[2].fate.claim = cases[i].claim;
        hosts.hosts[2].fate.claims_to = hosts_place_of(&hosts, 3);
        hosts.hosts[3].fate.starts_after_round = 4;
        hosts_run(&hosts, sets);
        expect_end(15, 9);
        said += hosts_count_notices(&hosts.hosts[3], cases[i].part) >= 1;
        hosts_close(&hosts);
    }
    CU_ASSERT(said >= 1); /* to who has met others first m2 is one of four */
}

static void who_comes_back_with_an_old_checkpoint_catches_up(void)
{
    static const char *const clear[] = {"train.rounds=9", "checkpoint.every=2",
                                        "outer.optimizer=nesterov", NULL};
    static const char *const masked[] = {"train.rounds=9", "checkpoint.every=2",
                                         "exchange.privacy=masked", NULL};
    expect_comes_back(clear);
    expect_comes_back(masked);
}

/* The others have done the last round; they would be gone, had they not seen it die. */
static void who_comes_back_at_the_end_is_given_the_result(void)
{
    static const char *const sets[] = {"train.rounds=4", "exchange.linger=5m", NULL};
    begin();
    hosts.hosts[3].fate.dies_after_step = 3 * 2 + 1;
    hosts.hosts[3].fate.comes_back_after = 4;
    hosts_run(&hosts, sets);
    expect_end(15, 4);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(hosts_count_notices(&hosts.hosts[i], "member 'm3' was lost a moment ago"),
                        1);
    hosts_close(&hosts);
}

/* Nothing is left of it but its key. */
static void who_has_lost_its_folder_is_given_all(void)
{
    static const char *const sets[] = {"train.rounds=9", "outer.optimizer=nesterov", NULL};
    begin();
    hosts_run(&hosts, sets);
    expect_end(15, 9);
    bed_clear_output(&hosts.hosts[1].bed);
    hosts_run(&hosts, sets);
    expect_end(15, 9);
    hosts_close(&hosts);
}

/* ---- stops ----------------------------------------------------------------------------------- */

/* Two of four cannot agree on anything: they stop, saved, and all go on together. */
static void fewer_than_a_quorum_stop_and_go_on(void)
{
    static const char *const sets[] = {"train.rounds=6", "checkpoint.every=4",
                                       "exchange.deadline=500ms", NULL};
    uint8_t hash[VAIN_HASH_BYTES];
    begin();
    hosts_run_over_loop(MEMBERS, sets, hash);
    hosts.hosts[1].fate.dies_after_step = 7;
    hosts.hosts[2].fate.dies_after_step = 7;
    hosts_run(&hosts, sets);
    for (int i = 0; i < MEMBERS; i += 3) {
        const struct host *host = &hosts.hosts[i];
        CU_ASSERT_EQUAL(host->status, VAIN_STOPPED);
        CU_ASSERT_TRUE(host->result.stopped);
        CU_ASSERT_EQUAL(host->result.signal, 0);
        CU_ASSERT_EQUAL(host->result.rounds, 2);
        CU_ASSERT_EQUAL(hosts_count_notices(host, "exchange.deadline"), 1);
        CU_ASSERT_EQUAL(hosts_count_notices(host, "'m1'"), 2);
        CU_ASSERT_EQUAL(hosts_count_notices(host, "'m2'"), 2);
    }
    hosts_run(&hosts, sets);
    expect_end(15, 6);
    hosts_close(&hosts);
}

/* The network fails between member 3 and the others, who are enough to go on. It is not: it stops,
 * saved. When the network is back it is started again, and the others, who have done all rounds
 * meanwhile, are still there to give it the result. */
static void expect_partition_is_borne(const char *const *sets)
{
    static const char *const impatient[] = {"exchange.deadline=1s", NULL};
    begin();
    struct host *alone = &hosts.hosts[3];
    alone->fate.parts_after_step = 3 * 3 + 1; /* in round 4 */
    alone->fate.heals = true;
    alone->fate.extra = impatient;
    hosts_run(&hosts, sets);
    expect_end(15, 9);
    CU_ASSERT_EQUAL(alone->parted_status, VAIN_STOPPED);
    CU_ASSERT_EQUAL(hosts_count_notices(alone, "(exchange.deadline)"), 1);
    CU_ASSERT_EQUAL(hosts_count_notices(alone, "was at round 3 and has caught up"), 1);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(hosts.hosts[i].result.counts.members_lost, 1);
        CU_ASSERT_EQUAL(hosts.hosts[i].result.member_count, 3);
        CU_ASSERT_EQUAL(hosts_count_notices(&hosts.hosts[i], "3 of 4 go on"), 1);
    }
    hosts_close(&hosts);
}

static void the_side_with_a_quorum_goes_on_and_the_other_stops(void)
{
    static const char *const clear[] = {"train.rounds=9", "exchange.linger=5m", NULL};
    static const char *const masked[] = {"train.rounds=9", "exchange.linger=5m",
                                         "exchange.privacy=masked", NULL};
    static const char *const own[] = {"train.rounds=9", "exchange.linger=5m",
                                      "exchange.privacy=masked", "exchange.level=2", NULL};
    expect_partition_is_borne(clear);
    expect_partition_is_borne(masked);
    expect_partition_is_borne(own);
}

/* The network fails before each of member 3's durable writes in turn, in the exchange that is: what
 * it holds then fits what the others did without it. */
static void a_partition_anywhere_is_borne(void)
{
    static const char *const sets[] = {"exchange.privacy=masked", "exchange.level=2", NULL};
    static const char *const impatient[] = {"exchange.deadline=300ms", NULL};
    bool parted = true;
    int stops = 0;
    begin();
    for (int write = 1; parted; write += VAIN_TEST_STRIDE) {
        struct host *alone = &hosts.hosts[3];
        forget_files();
        alone->fate.parts_before_write = write;
        alone->fate.extra = impatient;
        hosts_run(&hosts, sets);
        expect_end(7, 4);
        parted = alone->parted;
        stops += alone->status == VAIN_STOPPED;
        CU_ASSERT(alone->status == VAIN_STOPPED || alone->status == VAIN_OK);
        hosts_run(&hosts, sets);
        expect_end(15, 4);
    }
    CU_ASSERT(stops >= 6 / VAIN_TEST_STRIDE);
    hosts_close(&hosts);
}

/* All are asked to stop at different steps, and arrive where nobody was asked. */
static void a_stop_of_all_goes_on_to_the_same_bits(void)
{
    static const char *const sets[] = {"train.rounds=6", NULL};
    uint8_t hash[VAIN_HASH_BYTES];
    begin();
    hosts_run_over_loop(MEMBERS, sets, hash);
    for (int i = 0; i < MEMBERS; i++)
        hosts.hosts[i].fate.stops_after_step = 7;
    hosts_run(&hosts, sets);
    for (int i = 0; i < MEMBERS; i++) {
        CU_ASSERT_EQUAL(hosts.hosts[i].status, VAIN_STOPPED);
        CU_ASSERT_EQUAL(hosts.hosts[i].result.signal, 15);
        CU_ASSERT_EQUAL(hosts.hosts[i].result.steps, 8); /* the one under way is finished */
    }
    hosts_run(&hosts, sets);
    expect_end(15, 6);
    CU_ASSERT_EQUAL(memcmp(hosts.hosts[0].result.parameters_hash, hash, sizeof hash), 0);
    hosts_close(&hosts);
}

static void one_that_is_asked_to_stop_leaves_the_others(void)
{
    static const char *const sets[] = {"train.rounds=6", NULL};
    begin();
    hosts.hosts[1].fate.stops_after_step = 7;
    hosts_run(&hosts, sets);
    CU_ASSERT_EQUAL(hosts.hosts[1].status, VAIN_STOPPED);
    expect_end(13, 6);
    CU_ASSERT_EQUAL(hosts.hosts[0].result.member_count, 3);
    hosts_run(&hosts, sets);
    expect_end(15, 6);
    hosts_close(&hosts);
}

/* ---- what cannot be -------------------------------------------------------------------------- */

static void too_few_at_the_start_are_named(void)
{
    static const char *const sets[] = {"start.timeout=1s", NULL};
    begin();
    hosts.hosts[1].fate.absent = hosts.hosts[3].fate.absent = true;
    hosts_run(&hosts, sets);
    for (int i = 0; i < MEMBERS; i += 2) {
        CU_ASSERT_EQUAL(hosts.hosts[i].status, VAIN_ERR_TIMEOUT);
        CU_ASSERT_PTR_NOT_NULL(strstr(hosts.hosts[i].message, "of 4 members are there"));
        CU_ASSERT_PTR_NOT_NULL(strstr(hosts.hosts[i].message, "'m1'"));
        CU_ASSERT_PTR_NOT_NULL(strstr(hosts.hosts[i].message, "'m3'"));
    }
    hosts_close(&hosts);
}

/* The two that meet: a third may see others go before it has met member 1. */
static void begin_two(void)
{
    begin();
    hosts.hosts[2].fate.absent = hosts.hosts[3].fate.absent = true;
}

static void expect_refused_for(const char *what)
{
    for (int i = 0; i < 2; i++) {
        const struct host *host = &hosts.hosts[i];
        if (host->status != VAIN_ERR_REFUSED)
            hosts_tell(host, i);
        CU_ASSERT_EQUAL(host->status, VAIN_ERR_REFUSED);
        CU_ASSERT_PTR_NOT_NULL(strstr(host->message, what));
        CU_ASSERT_PTR_NOT_NULL(strstr(host->message, i == 0 ? "'m1'" : "'m0'"));
    }
}

static void other_specs_are_refused_with_the_key(void)
{
    static const char *const sets[] = {"start.timeout=60s", NULL};
    static const char *const other[] = {"train.batch=3", NULL};
    begin_two();
    hosts.hosts[1].fate.extra = other;
    hosts_run(&hosts, sets);
    expect_refused_for("train.batch");
    hosts_close(&hosts);
}

/* As long as there are enough without it, whoever has another spec is refused, and nobody else. */
static void one_with_another_spec_does_not_end_the_others(void)
{
    static const char *const sets[] = {"start.timeout=60s", "start.quorum=3", "train.rounds=4",
                                       NULL};
    static const char *const other[] = {"train.batch=3", NULL};
    begin();
    hosts.hosts[1].fate.extra = other;
    hosts.hosts[0].fate.waits_after_round = 1; /* until it has ended, lest it finds nobody */
    hosts.hosts[0].fate.waits_for = 1;
    hosts_run(&hosts, sets);
    expect_end(13, 4);
    CU_ASSERT_EQUAL(hosts.hosts[1].status, VAIN_ERR_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(hosts.hosts[1].message, "train.batch"));
    for (int i = 0; i < MEMBERS; i++) {
        CU_ASSERT(hosts_count_notices(&hosts.hosts[i], "'m1' was cut off") <= (i != 1));
        CU_ASSERT_EQUAL(hosts_count_notices(&hosts.hosts[i], "3 of 4 members are there, enough"),
                        i != 1);
    }
    hosts_close(&hosts);
}

static void other_symbols_are_refused(void)
{
    static const char *const sets[] = {"start.timeout=60s", NULL};
    char path[256];
    begin_two();
    snprintf(path, sizeof path, "%s/corpus.txt", hosts.hosts[1].bed.folder);
    FILE *corpus = fopen(path, "a");
    CU_ASSERT_PTR_NOT_NULL_FATAL(corpus);
    fputs("a mask's word: XYZ\n", corpus);
    CU_ASSERT_EQUAL(fclose(corpus), 0);
    hosts_run(&hosts, sets);
    expect_refused_for("other symbols");
    hosts_close(&hosts);
}

static const struct vain_test tests[] = {
    {"bits are those of members under a launcher", bits_are_those_of_members_under_a_launcher},
    {"what members commit to is in the record", what_members_commit_to_is_in_the_record},
    {"a death anywhere is borne", a_death_anywhere_is_borne},
    {"a death anywhere is borne under masks", a_death_anywhere_is_borne_under_masks},
    {"a death anywhere is borne under own masks", a_death_anywhere_is_borne_under_own_masks},
    {"a death is counted and told once", a_death_is_counted_and_told_once},
    {"who spoils sums is left out", who_spoils_sums_is_left_out},
    {"who makes sums be lost is left out", who_makes_sums_be_lost_is_left_out},
    {"who corrupts partial sums is shown", who_corrupts_partial_sums_is_shown},
    {"who fears evidence spoils once", who_fears_evidence_spoils_once},
    {"whose check word is wrong is shown", whose_check_word_is_wrong_is_shown},
    {"whose masked check word is wrong nobody knows",
     whose_masked_check_word_is_wrong_nobody_knows},
    {"a sum that is none is nobody's", a_sum_that_is_none_is_nobodys},
    {"who starts late catches up", who_starts_late_catches_up},
    {"a signature of another record is told", a_signature_of_another_record_is_told},
    {"no state is taken that was not signed", no_state_is_taken_that_was_not_signed},
    {"who comes back with an old checkpoint catches up",
     who_comes_back_with_an_old_checkpoint_catches_up},
    {"who comes back at the end is given the result",
     who_comes_back_at_the_end_is_given_the_result},
    {"who has lost its folder is given all", who_has_lost_its_folder_is_given_all},
    {"fewer than a quorum stop and go on", fewer_than_a_quorum_stop_and_go_on},
    {"the side with a quorum goes on and the other stops",
     the_side_with_a_quorum_goes_on_and_the_other_stops},
    {"a partition anywhere is borne", a_partition_anywhere_is_borne},
    {"a stop of all goes on to the same bits", a_stop_of_all_goes_on_to_the_same_bits},
    {"one that is asked to stop leaves the others", one_that_is_asked_to_stop_leaves_the_others},
    {"too few at the start are named", too_few_at_the_start_are_named},
    {"other specs are refused with the key", other_specs_are_refused_with_the_key},
    {"one with another spec does not end the others",
     one_with_another_spec_does_not_end_the_others},
    {"other symbols are refused", other_symbols_are_refused},
    {NULL, NULL},
};
const struct vain_suite vain_suite_hosts = {"jobs/members on their own hosts", tests};

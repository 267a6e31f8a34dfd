/* The content of a vote: whatever a member was told otherwise makes it another one. */
#include <math.h>
#include <string.h>

#include "jobs/content.h"
#include "tests/unit/suite.h"

enum { MEMBERS = 3, WORDS = 100 };

/* One member's side of an attempt, with an exchange in which nobody has said anything yet. */
struct side {
    struct vain_run run;
    struct vain_run_config config;
    struct vain_device device;
    struct vain_roster roster;
    struct vain_context context;
    struct vain_record_member members[MEMBERS];
    int ranks[MEMBERS];
    uint32_t words[WORDS + VAIN_COUNTER_WORDS + 1];
};

static void open_side(struct side *side)
{
    static const char *const names[MEMBERS] = {"ann", "bob", "carol"};
    memset(side, 0, sizeof *side);
    CU_ASSERT_EQUAL_FATAL(vain_device_open_cpu(2, NULL, &side->device), VAIN_OK);
    side->config.on_own_host = true;
    side->run.config = &side->config;
    side->run.host_queue.device = &side->device;
    side->run.words = side->words;
    side->run.roster_members = side->members;
    CU_ASSERT_EQUAL_FATAL(vain_codec_init(&side->run.codec, WORDS, MEMBERS, 32, NAN, 1.0), VAIN_OK);
    const struct vain_exchange_config config = {.member_count = MEMBERS,
                                                .member_names = names,
                                                .codec = &side->run.codec,
                                                .queue = &side->run.host_queue,
                                                .gather_bytes_max = 8,
                                                .algorithm = VAIN_ALGORITHM_RING};
    CU_ASSERT_EQUAL_FATAL(vain_exchange_open(&config, &side->run.exchange), VAIN_OK);
    side->roster = (struct vain_roster){.member_count = MEMBERS, .member_rank = side->ranks};
    for (int i = 0; i < MEMBERS; i++)
        side->ranks[i] = MEMBERS - 1 - i;
}

static void close_side(struct side *side)
{
    vain_exchange_close(&side->run.exchange);
    vain_device_close(&side->device);
}

static void content_of(struct side *side, uint8_t out[VAIN_HASH_BYTES])
{
    CU_ASSERT_EQUAL(vain_content_hash(&side->run, &side->roster, &side->context, out), VAIN_OK);
}

static void what_was_told_makes_the_content(void)
{
    static struct side side;
    uint8_t first[VAIN_HASH_BYTES], other[VAIN_HASH_BYTES], deals[] = {1, 2, 3};
    for (int change = 0; change < 8; change++) {
        open_side(&side);
        content_of(&side, first);
        CU_ASSERT_FALSE(vain_is_zero(first, sizeof first));
        if (change == 1)
            side.context.group_id[4] = 1;
        if (change == 2)
            side.run.common_platform[0] = 'x';
        if (change == 3)
            side.members[1].certificate.not_after_ms = 7;
        if (change == 4)
            vain_content_note_deals(&side.run, deals, sizeof deals);
        if (change == 5)
            side.words[0] = 1;
        if (change == 6)
            side.words[WORDS + VAIN_COUNTER_WORDS] = 1; /* the last: the check word */
        if (change == 7)
            side.context.attempt = 1;
        content_of(&side, other);
        CU_ASSERT_EQUAL(memcmp(first, other, sizeof first) == 0, change == 0);
        close_side(&side);
    }
}

/* Where all ranks start together nobody votes, and nothing is hashed. */
static void under_a_launcher_there_is_none(void)
{
    static struct side side;
    uint8_t content[VAIN_HASH_BYTES];
    open_side(&side);
    side.config.on_own_host = false;
    content_of(&side, content);
    CU_ASSERT_TRUE(vain_is_zero(content, sizeof content));
    close_side(&side);
}

static const struct vain_test tests[] = {
    {"what was told makes the content", what_was_told_makes_the_content},
    {"under a launcher there is none", under_a_launcher_there_is_none},
    {NULL, NULL},
};
const struct vain_suite vain_suite_content = {"jobs/content", tests};

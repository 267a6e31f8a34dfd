/* A state comes whole from whoever is honest, nothing wrong is kept, and who lied is named. */
#include "collectives/fetch.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "collectives/mailbox.h"
#include "tests/unit/collectives/givers.h"
#include "tests/unit/collectives/pipes.h"
#include "tests/unit/collectives/trickle.h"
#include "tests/unit/shortage.h"
#include "tests/unit/suite.h"

enum {
    PARTS = (GIVERS_LEAF_BYTES + GIVERS_PART_BYTES - 1) / GIVERS_PART_BYTES, /* of a leaf */
    BYTES = 2050,                                                            /* 21 leaves */
    LEAVES = 21
};

static struct givers givers;

static void open_with(uint64_t seed, size_t bytes, int members)
{
    givers_open(&givers, seed, bytes);
    for (int member = 1; member <= members; member++)
        givers_join(&givers, member);
}

/* ---- honest members -------------------------------------------------------------------------- */

static void a_state_of_any_length_comes_from_any_number(void)
{
    static const size_t lengths[] = {1, 15, 16, 17, 99, 100, 101, 200, 201, 1000, GIVERS_BYTES_MAX};
    for (size_t i = 0; i < VAIN_COUNT_OF(lengths); i++)
        for (int members = 1; members < GIVERS_MEMBERS; members++) {
            open_with(i, lengths[i], members);
            givers.room = 1 + (int)i % 4;
            givers_settle(&givers);
            givers_expect_whole(&givers);
            for (int member = 1; member <= members && lengths[i] > 1000; member++)
                CU_ASSERT_TRUE(givers.asked[member] > 0);
            givers_close(&givers);
        }
}

/* One leaf is the root's own: nobody is asked for hashes. */
static void a_single_leaf_needs_no_hashes(void)
{
    open_with(1, 90, 1);
    givers_settle(&givers);
    CU_ASSERT_EQUAL(givers.asked[1], 6);
    givers_expect_whole(&givers);
    givers_close(&givers);
}

static void who_is_faster_gives_more(void)
{
    open_with(2, GIVERS_BYTES_MAX, 2);
    for (int i = 0; vain_fetch_outcome(givers.fetch) == VAIN_AGAIN && i < 10000; i++) {
        CU_ASSERT_EQUAL(givers_step(&givers), VAIN_OK);
        givers_answer(&givers, 1);
        if (i % 3 == 0)
            givers_answer(&givers, 2);
    }
    givers_expect_whole(&givers);
    CU_ASSERT_TRUE(givers.asked[1] > 2 * givers.asked[2]);
    CU_ASSERT_TRUE(givers.asked[2] >= PARTS);
    givers_close(&givers);
}

/* Parts under way never exceed the window, and fill it. */
static void each_member_has_a_window(void)
{
    open_with(3, BYTES, 3);
    CU_ASSERT_EQUAL(givers_step(&givers), VAIN_OK);
    CU_ASSERT_EQUAL(givers.asked[1] + givers.asked[2] + givers.asked[3], 1); /* for hashes */
    CU_ASSERT_TRUE(givers_answer(&givers, 1));
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(givers_step(&givers), VAIN_OK);
        for (int member = 1; member <= 3; member++)
            CU_ASSERT_EQUAL(vain_fetch_awaited(givers.fetch, member), VAIN_FETCH_WINDOW);
    }
    CU_ASSERT_TRUE(givers_answer(&givers, 2));
    CU_ASSERT_EQUAL(vain_fetch_awaited(givers.fetch, 2), VAIN_FETCH_WINDOW - 1);
    CU_ASSERT_EQUAL(givers_step(&givers), VAIN_OK);
    CU_ASSERT_EQUAL(vain_fetch_awaited(givers.fetch, 2), VAIN_FETCH_WINDOW);
    givers_close(&givers);
}

static void no_leaf_is_asked_twice_of_honest_members(void)
{
    open_with(4, BYTES, 4);
    givers_settle(&givers);
    givers_expect_whole(&givers);
    for (int leaf = 0; leaf < LEAVES; leaf++)
        CU_ASSERT_EQUAL(givers.leaf_asked[leaf], 1);
    givers_close(&givers);
}

/* ---- members that come, go and wait ---------------------------------------------------------- */

static void what_a_lost_member_was_giving_others_give(void)
{
    for (int steps = 0; steps < 40; steps++) {
        open_with(5, BYTES, 2);
        for (int i = 0; i < steps; i++) {
            CU_ASSERT_EQUAL(givers_step(&givers), VAIN_OK);
            givers_answer(&givers, 1 + i % 2);
        }
        givers_lose(&givers, 1);
        CU_ASSERT_EQUAL(vain_fetch_awaited(givers.fetch, 1), 0);
        givers_settle(&givers);
        givers_expect_whole(&givers);
        givers_close(&givers);
    }
}

/* Letters that come of a member after its loss was told are of no use, and no fault. */
static void letters_of_who_is_lost_are_ignored(void)
{
    uint8_t body[60] = {0};
    open_with(6, BYTES, 1);
    givers_lose(&givers, 1);
    vain_fetch_take(givers.fetch, 1, VAIN_LETTER_FETCH_PART, body, sizeof body);
    struct vain_fetch_verdict verdict;
    CU_ASSERT_FALSE(vain_fetch_next_verdict(givers.fetch, &verdict));
    givers_join(&givers, 1);
    givers_settle(&givers);
    givers_expect_whole(&givers);
    givers_close(&givers);
}

/* Answers to an earlier fetch may come in the middle of this one, whole or as word that there is
 * nothing. Of this fetch's own, none may be too short to tell. */
static void answers_to_another_fetch_are_ignored(void)
{
    static const int changed[] = {0, 31, 32, 35}; /* in root and number */
    uint8_t body[VAIN_FETCH_ASK_BYTES + GIVERS_PART_BYTES];
    struct vain_fetch_verdict verdict;
    open_with(17, BYTES, 1);
    for (int turn = 0; turn < 40; turn++) {
        CU_ASSERT_EQUAL(givers_step(&givers), VAIN_OK);
        for (size_t i = 0; i < VAIN_COUNT_OF(changed); i++) {
            memset(body, 0, sizeof body);
            memcpy(body, givers.asks[1][0].body, VAIN_FETCH_ASK_BYTES);
            body[changed[i]] ^= 1;
            vain_fetch_take(givers.fetch, 1, VAIN_LETTER_FETCH_PART, body, sizeof body);
            vain_fetch_take(givers.fetch, 1, VAIN_LETTER_FETCH_PART, body, VAIN_FETCH_ASK_BYTES);
        }
        CU_ASSERT_TRUE(givers_answer(&givers, 1));
    }
    givers_settle(&givers);
    givers_expect_whole(&givers);
    CU_ASSERT_FALSE(vain_fetch_next_verdict(givers.fetch, &verdict));
    vain_fetch_take(givers.fetch, 1, VAIN_LETTER_FETCH_PART, body, VAIN_FETCH_ASK_BYTES - 1);
    CU_ASSERT_TRUE(vain_fetch_next_verdict(givers.fetch, &verdict));
    CU_ASSERT_EQUAL(verdict.fault, VAIN_FETCH_WRONG_ANSWER);
    givers_close(&givers);
}

/* Also when it was asked for hashes: nobody else is asked for those before it is late. */
static void who_is_late_is_asked_no_more_until_it_answers(void)
{
    for (int answered = 0; answered < 3; answered++) {
        open_with(7, BYTES, 2);
        for (int i = 0; i < answered; i++) {
            CU_ASSERT_EQUAL(givers_step(&givers), VAIN_OK);
            CU_ASSERT_TRUE(givers_answer(&givers, 1));
        }
        givers.kinds[1] = GIVER_SILENT;
        givers_settle(&givers);
        CU_ASSERT_EQUAL(vain_fetch_outcome(givers.fetch), VAIN_AGAIN);
        CU_ASSERT_TRUE(vain_fetch_awaited(givers.fetch, 1) > 0);
        const int asked = givers.asked[1];
        CU_ASSERT_TRUE(vain_fetch_late(givers.fetch, 1));
        givers_settle(&givers);
        givers_expect_whole(&givers);
        CU_ASSERT_EQUAL(givers.asked[1], asked);
        givers.kinds[1] = GIVER_HONEST; /* what it says in the end is no fault, and no use */
        givers_settle(&givers);
        CU_ASSERT_EQUAL(vain_fetch_awaited(givers.fetch, 1), 0);
        givers_expect_whole(&givers);
        givers_close(&givers);
    }
}

static void who_was_late_gives_again_once_it_answers(void)
{
    open_with(8, BYTES, 2);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(givers_step(&givers), VAIN_OK);
        givers_answer(&givers, 1);
    }
    const int asked = givers.asked[1];
    vain_fetch_late(givers.fetch, 1);
    CU_ASSERT_EQUAL(givers_step(&givers), VAIN_OK);
    CU_ASSERT_EQUAL(givers.asked[1], asked);
    givers_lose(&givers, 2);
    givers_settle(&givers);
    givers_expect_whole(&givers);
    CU_ASSERT_TRUE(givers.asked[1] > asked);
    givers_close(&givers);
}

/* With nobody to take over, word of lateness takes nothing away, and the caller is told. */
static void the_only_member_is_waited_for(void)
{
    open_with(9, BYTES, 1);
    for (int i = 0; vain_fetch_outcome(givers.fetch) == VAIN_AGAIN && i < 1000; i++) {
        CU_ASSERT_EQUAL(givers_step(&givers), VAIN_OK);
        CU_ASSERT_FALSE(vain_fetch_late(givers.fetch, 1));
        CU_ASSERT_TRUE(givers_answer(&givers, 1));
    }
    givers_expect_whole(&givers);
    for (int leaf = 0; leaf < LEAVES; leaf++)
        CU_ASSERT_EQUAL(givers.leaf_asked[leaf], 1);
    givers_close(&givers);
}

static void what_the_sender_cannot_take_is_sent_later(void)
{
    open_with(10, BYTES, 2);
    givers.failure = VAIN_ERR_PEER; /* word of the loss is on its way */
    CU_ASSERT_EQUAL(givers_step(&givers), VAIN_OK);
    givers.failure = VAIN_ERR_MEMORY;
    CU_ASSERT_EQUAL(givers_step(&givers), VAIN_ERR_MEMORY);
    givers.failure = VAIN_OK;
    givers.room = 0;
    CU_ASSERT_EQUAL(givers_step(&givers), VAIN_AGAIN);
    givers.room = 1;
    CU_ASSERT_EQUAL(givers_step(&givers), VAIN_OK);
    CU_ASSERT_TRUE(givers_answer(&givers, 1));
    CU_ASSERT_EQUAL(givers_step(&givers), VAIN_AGAIN);
    givers.failure = VAIN_ERR_PEER;
    CU_ASSERT_EQUAL(givers_step(&givers), VAIN_OK);
    givers.failure = VAIN_ERR_MEMORY;
    CU_ASSERT_EQUAL(givers_step(&givers), VAIN_ERR_MEMORY);
    givers.failure = VAIN_OK;
    givers_settle(&givers);
    givers_expect_whole(&givers);
    for (int leaf = 0; leaf < LEAVES; leaf++)
        CU_ASSERT_EQUAL(givers.leaf_asked[leaf], 1);
    givers_close(&givers);
}

/* ---- what is there already ------------------------------------------------------------------- */

static void what_is_there_already_is_not_asked_for(void)
{
    enum { KEPT = 18, SPOILT = 5 };
    open_with(11, BYTES, 2);
    memcpy(givers.state, givers.truth, (size_t)KEPT * GIVERS_LEAF_BYTES);
    givers.state[SPOILT * GIVERS_LEAF_BYTES + 99] ^= 1;
    vain_fetch_have(givers.fetch);
    givers_settle(&givers);
    givers_expect_whole(&givers);
    for (int leaf = 0; leaf < LEAVES; leaf++)
        CU_ASSERT_EQUAL(givers.leaf_asked[leaf], leaf == SPOILT || leaf >= KEPT);
    givers_close(&givers);
}

/* A step verifies some of it, and asks to be called again. */
static void what_is_there_is_verified_in_steps(void)
{
    open_with(12, BYTES, 1);
    memcpy(givers.state, givers.truth, BYTES);
    vain_fetch_have(givers.fetch);
    CU_ASSERT_EQUAL(givers_step(&givers), VAIN_OK);
    CU_ASSERT_TRUE(givers_answer(&givers, 1));
    CU_ASSERT_EQUAL(givers_step(&givers), VAIN_AGAIN);
    const size_t verified = vain_fetch_verified_bytes(givers.fetch);
    CU_ASSERT_TRUE(verified > 0);
    CU_ASSERT_TRUE(verified < BYTES);
    CU_ASSERT_EQUAL(givers_step(&givers), VAIN_OK);
    givers_expect_whole(&givers);
    CU_ASSERT_EQUAL(givers.asked[1], 1);
    givers_close(&givers);
}

/* Without word of it, what lies there counts for nothing. */
static void what_is_not_said_to_be_there_is_asked_for(void)
{
    open_with(13, BYTES, 1);
    memcpy(givers.state, givers.truth, BYTES);
    givers_settle(&givers);
    CU_ASSERT_EQUAL(givers.leaf_asked[0], 1);
    givers_close(&givers);
}

/* ---- liars ----------------------------------------------------------------------------------- */

/* Each kind of liar among honest members, whoever is asked first. */
static void every_liar_is_found_out_and_the_state_comes(void)
{
    for (uint64_t seed = 0; seed < 20; seed++)
        for (int kind = GIVER_WRONG_BYTES; kind < GIVER_SILENT; kind++)
            for (int liar = 1; liar <= 3; liar++) {
                open_with(seed, BYTES, 3);
                givers.kinds[liar] = (enum giver_kind)kind;
                givers_settle(&givers);
                givers_expect_whole(&givers);
                if (kind != GIVER_WRONG_HASHES) /* it may never be asked for them */
                    CU_ASSERT_TRUE(givers.found_out[liar]);
                givers_close(&givers);
            }
}

static void a_wrong_leaf_names_its_giver_and_comes_from_another(void)
{
    static struct vain_fetch_answer answer;
    open_with(14, BYTES, 2);
    CU_ASSERT_EQUAL(givers_step(&givers), VAIN_OK);
    CU_ASSERT_TRUE(givers_answer(&givers, 1));
    CU_ASSERT_EQUAL(givers_step(&givers), VAIN_OK);
    const struct vain_fetch_source source = {givers.root, givers.truth, BYTES, givers.leaves[0],
                                             GIVERS_LEAF_BYTES};
    struct vain_fetch_verdict verdict;
    for (int part = 0; part < PARTS; part++) {
        CU_ASSERT_FALSE(vain_fetch_next_verdict(givers.fetch, &verdict));
        const struct giver_ask *ask = &givers.asks[1][part];
        CU_ASSERT_EQUAL(vain_fetch_answer(&source, ask->kind, ask->body, ask->bytes, &answer),
                        VAIN_OK);
        if (part == 2)
            answer.body[VAIN_FETCH_ASK_BYTES] ^= 0x80;
        vain_fetch_take(givers.fetch, 1, (uint16_t)answer.kind, answer.body, answer.bytes);
        CU_ASSERT_EQUAL(givers_step(&givers), VAIN_OK);
    }
    CU_ASSERT_TRUE_FATAL(vain_fetch_next_verdict(givers.fetch, &verdict));
    CU_ASSERT_EQUAL(verdict.member, 1);
    CU_ASSERT_EQUAL(verdict.fault, VAIN_FETCH_WRONG_LEAF);
    CU_ASSERT_EQUAL(verdict.leaf, 0);
    CU_ASSERT_FALSE(vain_fetch_next_verdict(givers.fetch, &verdict));
    givers.ask_count[1] = 0;
    const int asked = givers.asked[1];
    givers_lose(&givers, 1);
    givers_join(&givers, 1); /* to leave and come back makes no other member of it */
    givers_settle(&givers);
    givers_expect_whole(&givers);
    CU_ASSERT_EQUAL(givers.asked[1], asked);
    CU_ASSERT_EQUAL(givers.leaf_asked[0], 2);
    givers_close(&givers);
}

static void when_nobody_can_give_it_the_reasons_are_named(void)
{
    givers_open(&givers, 15, BYTES);
    CU_ASSERT_EQUAL(vain_fetch_outcome(givers.fetch), VAIN_ERR_PEER);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(),
                                  ": nobody who is here can give it: 5 of 5 other members are not "
                                  "here; it goes on when one of them joins"));
    static const enum giver_kind kinds[] = {GIVER_WRONG_BYTES, GIVER_WITHOUT, GIVER_WRONG_HEAD,
                                            GIVER_UNASKED};
    for (int member = 1; member <= 4; member++) {
        givers.kinds[member] = kinds[member - 1];
        givers_join(&givers, member);
    }
    CU_ASSERT_EQUAL(vain_fetch_outcome(givers.fetch), VAIN_AGAIN);
    givers_settle(&givers);
    CU_ASSERT_EQUAL(vain_fetch_outcome(givers.fetch), VAIN_ERR_PEER);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "member 1 gave a wrong leaf ("));
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "member 2 does not have it; "));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(vain_fail_message(), "member 4 answered what it was not asked; "));
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "; 1 of 5 other members are not here"));
    givers_join(&givers, 5);
    givers_settle(&givers);
    givers_expect_whole(&givers);
    givers_close(&givers);
}

/* Who does not have it is asked again only when it has been away: it may have it then. */
static void who_did_not_have_it_may_have_it_later(void)
{
    open_with(16, BYTES, 1);
    givers.kinds[1] = GIVER_WITHOUT;
    givers_settle(&givers);
    CU_ASSERT_EQUAL(vain_fetch_outcome(givers.fetch), VAIN_ERR_PEER);
    givers.kinds[1] = GIVER_HONEST;
    givers_settle(&givers);
    CU_ASSERT_EQUAL(vain_fetch_outcome(givers.fetch), VAIN_ERR_PEER);
    givers_join(&givers, 1);
    givers_settle(&givers);
    givers_expect_whole(&givers);
    givers_close(&givers);
}

/* ---- everything at once ---------------------------------------------------------------------- */

/* What the caller's clock would do when nothing moves any more. */
static void lose_patience(uint64_t *random)
{
    for (int member = 1; member < GIVERS_MEMBERS; member++) {
        if (vain_fetch_awaited(givers.fetch, member) == 0)
            continue;
        vain_fetch_late(givers.fetch, member);
        if (trickle_random(random) % 2 == 0)
            givers_lose(&givers, member);
    }
}

static void disturb(uint64_t *random)
{
    const int member = 1 + (int)(trickle_random(random) % (GIVERS_MEMBERS - 1));
    switch (trickle_random(random) % 24) {
    case 0:
        givers_lose(&givers, member);
        break;
    case 1:
    case 2:
        givers_join(&givers, member);
        break;
    case 3:
        vain_fetch_late(givers.fetch, member);
        break;
    case 4:
        givers.room = (int)(trickle_random(random) % 8);
        break;
    default:
        break;
    }
}

/* Members of all kinds come, go, are late and lie. Whatever was verified is right (givers_close),
 * nobody honest is found out (givers.c), and one honest member who stays in the end is enough. */
static void whatever_happens_the_state_comes_or_nobody_has_it(void)
{
    int whole = 0, none = 0;
    for (uint64_t seed = 0; seed < 1500; seed++) {
        uint64_t random = seed;
        bool honest = false;
        givers_open(&givers, seed, 1 + trickle_random(&random) % GIVERS_BYTES_MAX);
        for (int member = 1; member < GIVERS_MEMBERS; member++) {
            givers.kinds[member] =
                trickle_random(&random) % 4 == 0
                    ? GIVER_HONEST
                    : (enum giver_kind)(1 + trickle_random(&random) % (GIVER_KINDS - 1));
            honest |= givers.kinds[member] == GIVER_HONEST;
        }
        for (int i = 0; i < 300; i++) {
            disturb(&random);
            const enum vain_status status = givers_step(&givers);
            CU_ASSERT_TRUE(status == VAIN_OK || status == VAIN_AGAIN);
            givers_answer(&givers, 1 + (int)(trickle_random(&random) % (GIVERS_MEMBERS - 1)));
        }
        givers.room = 3;
        for (int member = 1; member < GIVERS_MEMBERS; member++) {
            if (givers.kinds[member] == GIVER_HONEST)
                givers_join(&givers, member);
        }
        for (int i = 0; i < 20 && vain_fetch_outcome(givers.fetch) == VAIN_AGAIN; i++) {
            givers_settle(&givers);
            if (vain_fetch_outcome(givers.fetch) == VAIN_AGAIN)
                lose_patience(&random);
            for (int member = 1; honest && member < GIVERS_MEMBERS; member++) {
                if (givers.kinds[member] == GIVER_HONEST && !givers.here[member])
                    givers_join(&givers, member);
            }
        }
        const enum vain_status outcome = vain_fetch_outcome(givers.fetch);
        CU_ASSERT_TRUE(outcome == VAIN_OK || (!honest && outcome == VAIN_ERR_PEER));
        if (outcome == VAIN_OK)
            givers_expect_whole(&givers);
        whole += outcome == VAIN_OK;
        none += outcome == VAIN_ERR_PEER;
        givers_close(&givers);
    }
    CU_ASSERT_TRUE(whole > 500);
    CU_ASSERT_TRUE(none > 50);
}

static void a_shortage_of_memory_is_told(void)
{
    uint8_t root[VAIN_HASH_BYTES] = {0}, state[10];
    const struct vain_fetch_config config = {
        .root = root, .state = state, .bytes = sizeof state, .members = 2, .leaf_bytes = 3};
    struct vain_fetch *fetch = NULL;
    for (int takes = 0; takes < 4; takes++) {
        shortage_after(takes);
        CU_ASSERT_EQUAL(vain_fetch_open(&config, &fetch), VAIN_ERR_MEMORY);
        shortage_end();
        CU_ASSERT_PTR_NULL(fetch);
    }
    vain_fetch_close(&fetch);
}

/* ---- over mailboxes, with leaves of their real size ------------------------------------------ */

enum { JOINER = 0, MAILBOXES = 3, REAL_BYTES = 2 * VAIN_MERKLE_LEAF_BYTES + 100001 };

struct real {
    uint8_t *truth, *state, root[VAIN_HASH_BYTES], leaves[3][VAIN_HASH_BYTES];
    struct pipes pipes;
    struct vain_mailbox *mailboxes[MAILBOXES];
    struct vain_fetch *fetch;
};

static enum vain_status send_by_mailbox(void *context, int member, uint16_t kind, const void *body,
                                        size_t bytes)
{
    return vain_mailbox_send(context, member, kind, body, bytes);
}

static void open_real(struct real *real)
{
    uint64_t random = 1;
    CU_ASSERT_EQUAL_FATAL(vain_take(REAL_BYTES, "truth", (void **)&real->truth), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(vain_take(REAL_BYTES, "state", (void **)&real->state), VAIN_OK);
    for (size_t i = 0; i < REAL_BYTES; i++)
        real->truth[i] = (uint8_t)(i % 64 == 0 ? trickle_random(&random) : random >> i % 64);
    vain_merkle_leaves(real->truth, REAL_BYTES, VAIN_MERKLE_LEAF_BYTES, NULL, real->leaves[0]);
    CU_ASSERT_EQUAL(
        vain_merkle_root(real->truth, REAL_BYTES, VAIN_MERKLE_LEAF_BYTES, NULL, real->root),
        VAIN_OK);
    CU_ASSERT_TRUE_FATAL(pipes_open(&real->pipes, MAILBOXES, 1, 1 << 20));
    for (int own = 0; own < MAILBOXES; own++) {
        CU_ASSERT_EQUAL_FATAL(vain_mailbox_open(MAILBOXES, own, &real->mailboxes[own]), VAIN_OK);
        for (int other = 0; other < MAILBOXES; other++) {
            if (other != own)
                vain_mailbox_set_stream(real->mailboxes[own], other,
                                        real->pipes.streams[own][other][0]);
        }
    }
    const struct vain_fetch_config config = {.root = real->root,
                                             .state = real->state,
                                             .bytes = REAL_BYTES,
                                             .members = MAILBOXES,
                                             .own = JOINER};
    CU_ASSERT_EQUAL_FATAL(vain_fetch_open(&config, &real->fetch), VAIN_OK);
}

static void serve(const struct real *real, int own)
{
    static struct vain_fetch_answer answer;
    const struct vain_fetch_source source = {real->root, real->truth, REAL_BYTES, real->leaves[0],
                                             VAIN_MERKLE_LEAF_BYTES};
    struct vain_mailbox_event event;
    vain_mailbox_poll(real->mailboxes[own], &event);
    if (event.kind != VAIN_MAILBOX_LETTER)
        return;
    CU_ASSERT_EQUAL_FATAL(
        vain_fetch_answer(&source, event.letter, event.body, event.bytes, &answer), VAIN_OK);
    /* A window of parts always has room in a queue. */
    CU_ASSERT_EQUAL_FATAL(vain_mailbox_send(real->mailboxes[own], event.member,
                                            (uint16_t)answer.kind, answer.body, answer.bytes),
                          VAIN_OK);
}

static void join(const struct real *real)
{
    struct vain_mailbox_event event;
    vain_mailbox_poll(real->mailboxes[JOINER], &event);
    if (event.kind == VAIN_MAILBOX_JOINED)
        vain_fetch_joined(real->fetch, event.member);
    if (event.kind == VAIN_MAILBOX_LETTER)
        vain_fetch_take(real->fetch, event.member, event.letter, event.body, event.bytes);
    const struct vain_fetch_sender sender = {send_by_mailbox, real->mailboxes[JOINER]};
    CU_ASSERT_EQUAL(vain_fetch_step(real->fetch, &sender), VAIN_OK);
}

static void a_state_comes_by_letters(void)
{
    static struct real real;
    open_real(&real);
    join(&real);
    join(&real);
    for (int i = 0; i < 100000 && vain_fetch_outcome(real.fetch) == VAIN_AGAIN; i++) {
        join(&real);
        serve(&real, 1);
        if (i % 5 == 0) /* slower: its answers wait */
            serve(&real, 2);
    }
    CU_ASSERT_EQUAL(vain_fetch_outcome(real.fetch), VAIN_OK);
    CU_ASSERT_EQUAL(memcmp(real.state, real.truth, REAL_BYTES), 0);
    vain_fetch_close(&real.fetch);
    for (int own = 0; own < MAILBOXES; own++)
        vain_mailbox_close(&real.mailboxes[own]);
    vain_release(real.truth);
    vain_release(real.state);
}

static const struct vain_test tests[] = {
    {"a state of any length comes from any number", a_state_of_any_length_comes_from_any_number},
    {"a single leaf needs no hashes", a_single_leaf_needs_no_hashes},
    {"who is faster gives more", who_is_faster_gives_more},
    {"each member has a window", each_member_has_a_window},
    {"no leaf is asked twice of honest members", no_leaf_is_asked_twice_of_honest_members},
    {"what a lost member was giving others give", what_a_lost_member_was_giving_others_give},
    {"letters of who is lost are ignored", letters_of_who_is_lost_are_ignored},
    {"answers to another fetch are ignored", answers_to_another_fetch_are_ignored},
    {"who is late is asked no more until it answers",
     who_is_late_is_asked_no_more_until_it_answers},
    {"who was late gives again once it answers", who_was_late_gives_again_once_it_answers},
    {"the only member is waited for", the_only_member_is_waited_for},
    {"what the sender cannot take is sent later", what_the_sender_cannot_take_is_sent_later},
    {"what is there already is not asked for", what_is_there_already_is_not_asked_for},
    {"what is there is verified in steps", what_is_there_is_verified_in_steps},
    {"what is not said to be there is asked for", what_is_not_said_to_be_there_is_asked_for},
    {"every liar is found out and the state comes", every_liar_is_found_out_and_the_state_comes},
    {"a wrong leaf names its giver and comes from another",
     a_wrong_leaf_names_its_giver_and_comes_from_another},
    {"when nobody can give it the reasons are named",
     when_nobody_can_give_it_the_reasons_are_named},
    {"who did not have it may have it later", who_did_not_have_it_may_have_it_later},
    {"whatever happens the state comes or nobody has it",
     whatever_happens_the_state_comes_or_nobody_has_it},
    {"a shortage of memory is told", a_shortage_of_memory_is_told},
    {"a state comes by letters", a_state_comes_by_letters},
    {NULL, NULL},
};
const struct vain_suite vain_suite_fetch = {"fetch", tests};

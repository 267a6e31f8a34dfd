/* Opening a sum: everybody's secrets, those of the gone from shares, and no wrong one is taken. */
#include "collectives/opening.h"

#include <string.h>

#include "collectives/mask_graph.h"
#include "collectives/quorum.h"
#include "kernels/device.h"
#include "tests/unit/base/helpers.h"
#include "tests/unit/collectives/pairs.h"
#include "tests/unit/suite.h"

enum { WORDS = 50, DEAL_MOST = 6300 };

static struct pairs pairs;
static struct vain_device device;
static struct vain_queue queue = {.device = &device};
static struct vain_opening *openings[PAIRS_MOST];
static uint8_t deals[PAIRS_MOST * DEAL_MOST];
static uint32_t sum[WORDS], expected[WORDS];

static void open_all(int count)
{
    CU_ASSERT_EQUAL_FATAL(vain_device_open_cpu(1, NULL, &device), VAIN_OK);
    pairs_start(&pairs, count);
    for (int i = 0; i < count; i++) {
        CU_ASSERT_EQUAL_FATAL(vain_secagg_use_own_masks(pairs.secaggs[i], vain_quorum(count)),
                              VAIN_OK);
        CU_ASSERT_EQUAL_FATAL(
            vain_opening_open(pairs.secaggs[i], count, i, vain_quorum(count), &openings[i]),
            VAIN_OK);
    }
}

static void close_all(void)
{
    for (int i = 0; i < pairs.count; i++)
        vain_opening_close(&openings[i]);
    pairs_close(&pairs);
    vain_device_close(&device);
}

static uint8_t *deal_of(int dealer)
{
    return deals + (size_t)dealer * vain_opening_deal_bytes(openings[0]);
}

/* Words of all under masks into sum; deals made. */
static void mask_all(uint32_t attempt)
{
    struct vain_context context = {.attempt = attempt};
    memset(sum, 0, sizeof sum);
    memset(expected, 0, sizeof expected);
    CU_ASSERT_FATAL(vain_opening_deal_bytes(openings[0]) <= DEAL_MOST);
    for (int member = 0; member < pairs.count; member++) {
        const struct vain_masks *masks = vain_secagg_begin(pairs.secaggs[member], &context, 1);
        for (int i = 0; i < WORDS; i++) {
            sum[i] += (uint32_t)(member * 1000 + i);
            expected[i] += (uint32_t)(member * 1000 + i);
        }
        device.ops->codec.add_masks(&queue, masks, 0, WORDS, sum);
        vain_secagg_wipe_seeds(pairs.secaggs[member]);
        vain_opening_deal(openings[member], deal_of(member));
    }
}

static void begin_all(void)
{
    int dealer;
    for (int i = 0; i < pairs.count; i++)
        CU_ASSERT_EQUAL(vain_opening_begin(openings[i], deals, &dealer), VAIN_SHARE_FINE);
}

static void disclose_to(int from, int to)
{
    uint8_t secret[VAIN_SCALAR_BYTES];
    vain_opening_disclose(openings[from], secret);
    if (from != to)
        CU_ASSERT_TRUE(vain_opening_take_secret(openings[to], from, secret));
}

static void share_to(int from, int dealer, int to)
{
    uint8_t share[VAIN_SCALAR_BYTES];
    CU_ASSERT_TRUE(vain_opening_share(openings[from], dealer, share));
    CU_ASSERT_TRUE(vain_opening_take_share(openings[to], from, dealer, share));
}

static void expect_sum(int at)
{
    CU_ASSERT_EQUAL_FATAL(vain_opening_missing(openings[at]), 0);
    CU_ASSERT_NOT_EQUAL(memcmp(sum, expected, sizeof sum), 0);
    CU_ASSERT_EQUAL(vain_opening_remove(openings[at], &queue, sum, WORDS), VAIN_OK);
    CU_ASSERT_EQUAL(memcmp(sum, expected, sizeof sum), 0);
}

static void opens_when_all_disclose(void)
{
    for (int count = 3; count <= 9; count += 3) {
        open_all(count);
        mask_all(0);
        begin_all();
        for (int i = 0; i < count; i++) {
            CU_ASSERT_EQUAL(vain_opening_missing(openings[1]), count - i);
            CU_ASSERT_FALSE(vain_opening_knows(openings[1], i));
            disclose_to(i, 1);
            CU_ASSERT_TRUE(vain_opening_knows(openings[1], i));
        }
        expect_sum(1);
        close_all();
    }
}

/* 7 members, threshold 5: two may be gone; shares of the five others open them. */
static void opens_without_those_who_are_gone(void)
{
    open_all(7);
    mask_all(0);
    begin_all();
    for (int i = 0; i < 5; i++)
        disclose_to(i, 0);
    for (int gone = 5; gone < 7; gone++) {
        for (int i = 0; i < 5; i++) {
            CU_ASSERT_FALSE(vain_opening_knows(openings[0], gone));
            share_to(i, gone, 0);
        }
        CU_ASSERT_TRUE(vain_opening_knows(openings[0], gone));
    }
    expect_sum(0);
    close_all();
}

/* More members than have masks with all: each has 30 and its own, and still the sum comes out, of
 * two that are gone from the shares of a quorum. */
static void a_large_group_has_masks_with_neighbours(void)
{
    const int count = PAIRS_MOST, quorum = vain_quorum(count);
    const struct vain_context context = {.attempt = 3};
    open_all(count);
    const struct vain_masks *masks = vain_secagg_begin(pairs.secaggs[0], &context, 1);
    CU_ASSERT_EQUAL(masks->count, vain_mask_degree(count).neighbours + 1);
    CU_ASSERT_EQUAL(masks->count, 31);
    vain_secagg_wipe_seeds(pairs.secaggs[0]);
    vain_secagg_end_attempt(pairs.secaggs[0]);
    mask_all(4);
    begin_all();
    for (int i = 0; i < count - 2; i++)
        disclose_to(i, 0);
    for (int gone = count - 2; gone < count; gone++) {
        for (int i = 0; i < quorum; i++) {
            CU_ASSERT_FALSE(vain_opening_knows(openings[0], gone));
            share_to(i, gone, 0);
        }
        CU_ASSERT_TRUE(vain_opening_knows(openings[0], gone));
    }
    expect_sum(0);
    close_all();
}

static void one_share_too_few_opens_nothing(void)
{
    open_all(4);
    mask_all(0);
    begin_all();
    for (int i = 0; i < 3; i++)
        disclose_to(i, 0);
    share_to(0, 3, 0);
    share_to(1, 3, 0);
    share_to(1, 3, 0); /* the same again counts once */
    CU_ASSERT_EQUAL(vain_opening_missing(openings[0]), 1);
    close_all();
}

static void wrong_secrets_are_refused(void)
{
    uint8_t secret[VAIN_SCALAR_BYTES];
    open_all(3);
    mask_all(0);
    begin_all();
    vain_opening_disclose(openings[2], secret);
    for (int bit = 0; bit < 8 * VAIN_SCALAR_BYTES; bit++) {
        secret[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CU_ASSERT_FALSE(vain_opening_take_secret(openings[0], 2, secret));
        secret[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    CU_ASSERT_FALSE(vain_opening_take_secret(openings[0], 1, secret));
    CU_ASSERT_FALSE(vain_opening_knows(openings[0], 2));
    CU_ASSERT_TRUE(vain_opening_take_secret(openings[0], 2, secret));
    secret[0] ^= 1;
    CU_ASSERT_FALSE(
        vain_opening_take_secret(openings[0], 2, secret)); /* and not another one later */
    close_all();
}

/* 7 members, threshold 5: with one wrong share of five nothing comes out, with a sixth it does. */
static void wrong_shares_open_nothing_wrong(void)
{
    uint8_t share[VAIN_SCALAR_BYTES];
    open_all(7);
    mask_all(0);
    begin_all();
    for (int i = 0; i < 6; i++)
        disclose_to(i, 0);
    CU_ASSERT_TRUE(vain_opening_share(openings[1], 6, share));
    share[0] ^= 1;
    CU_ASSERT_TRUE(vain_opening_take_share(openings[0], 1, 6, share)); /* nobody can tell yet */
    share[0] ^= 2;
    CU_ASSERT_FALSE(vain_opening_take_share(openings[0], 1, 6, share)); /* two things */
    memset(share, 0xff, sizeof share);
    CU_ASSERT_FALSE(vain_opening_take_share(openings[0], 2, 6, share)); /* no scalar */
    for (int i = 2; i < 6; i++)
        share_to(i, 6, 0);
    CU_ASSERT_FALSE(vain_opening_knows(openings[0], 6));
    share_to(0, 6, 0);
    CU_ASSERT_TRUE(vain_opening_knows(openings[0], 6));
    expect_sum(0);
    close_all();
}

static void bad_deals_name_their_dealer(void)
{
    int dealer = -1;
    open_all(4);
    mask_all(0);
    deal_of(2)[8] ^= 1; /* of another attempt */
    CU_ASSERT_NOT_EQUAL(vain_opening_begin(openings[0], deals, &dealer), VAIN_SHARE_FINE);
    CU_ASSERT_EQUAL(dealer, 2);
    deal_of(2)[8] ^= 1;
    deal_of(3)[vain_opening_deal_bytes(openings[0]) - 1] ^= 1; /* the last box: its own */
    CU_ASSERT_NOT_EQUAL(vain_opening_begin(openings[0], deals, &dealer), VAIN_SHARE_FINE);
    CU_ASSERT_EQUAL(dealer, 3);
    close_all();
}

/* An attempt that failed before it was opened leaves nothing behind for the next. */
static void attempts_do_not_mix(void)
{
    open_all(3);
    mask_all(0);
    begin_all();
    uint8_t first[DEAL_MOST];
    memcpy(first, deal_of(1), vain_opening_deal_bytes(openings[0]));
    for (int i = 0; i < 3; i++)
        vain_secagg_end_attempt(pairs.secaggs[i]);
    mask_all(1);
    CU_ASSERT_NOT_EQUAL(memcmp(first, deal_of(1), vain_opening_deal_bytes(openings[0])), 0);
    begin_all();
    for (int i = 0; i < 3; i++)
        disclose_to(i, 0);
    expect_sum(0);
    begin_all();
    CU_ASSERT_EQUAL(vain_opening_missing(openings[0]), 3);
    close_all();
}

static const struct vain_test tests[] = {
    {"a sum opens when all disclose", opens_when_all_disclose},
    {"those who are gone are made up for", opens_without_those_who_are_gone},
    {"a large group has masks with neighbours", a_large_group_has_masks_with_neighbours},
    {"one share too few opens nothing", one_share_too_few_opens_nothing},
    {"wrong secrets are refused", wrong_secrets_are_refused},
    {"wrong shares open nothing wrong", wrong_shares_open_nothing_wrong},
    {"bad deals name their dealer", bad_deals_name_their_dealer},
    {"attempts do not mix", attempts_do_not_mix},
    {NULL, NULL},
};
const struct vain_suite vain_suite_opening = {"opening", tests};

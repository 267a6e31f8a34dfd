/* Own masks: the golden vector, whole attempts of members in one process with lost and lying ones,
 * and what must never be disclosed. */
#include "collectives/own_mask.h"

#include <string.h>

#include "collectives/quorum.h"
#include "kernels/device.h"
#include "tests/unit/base/helpers.h"
#include "tests/unit/collectives/pairs.h"
#include "tests/unit/shortage.h"
#include "tests/unit/suite.h"

enum { WORDS = 300, FIRST = 7, MESSAGE_MOST = 2000 };

static struct pairs pairs;
static struct vain_device device;
static struct vain_queue queue = {.device = &device};
static uint8_t messages[PAIRS_MOST][MESSAGE_MOST]; /* by dealer */
static uint32_t sum[WORDS], expected[WORDS];

static size_t message_bytes(void)
{
    return vain_share_message_bytes(pairs.count, vain_quorum(pairs.count));
}

static void open_all(int count)
{
    CU_ASSERT_EQUAL_FATAL(vain_device_open_cpu(1, NULL, &device), VAIN_OK);
    pairs_start(&pairs, count);
    CU_ASSERT_FATAL(message_bytes() <= MESSAGE_MOST);
    for (int i = 0; i < count; i++)
        CU_ASSERT_EQUAL_FATAL(vain_secagg_use_own_masks(pairs.secaggs[i], vain_quorum(count)),
                              VAIN_OK);
}

static void close_all(void)
{
    pairs_close(&pairs);
    vain_device_close(&device);
}

static uint32_t word_of(int member, int i)
{
    return (uint32_t)(member + 1) * 2654435761u + (uint32_t)i * 97u;
}

/* Begin at all members, deal, and sum the masked words. */
static void sum_up(const struct vain_context *context, uint64_t input)
{
    memset(sum, 0, sizeof sum);
    memset(expected, 0, sizeof expected);
    for (int member = 0; member < pairs.count; member++) {
        const struct vain_masks *masks = vain_secagg_begin(pairs.secaggs[member], context, input);
        CU_ASSERT_EQUAL(masks->count, pairs.count);
        CU_ASSERT_EQUAL(masks->masks[pairs.count - 1].domain, VAIN_MASK_OWN);
        CU_ASSERT_FALSE(masks->masks[pairs.count - 1].subtract);
        vain_secagg_deal(pairs.secaggs[member], messages[member]);
        for (int i = 0; i < WORDS; i++) {
            sum[i] += word_of(member, i);
            expected[i] += word_of(member, i);
        }
        device.ops->codec.add_masks(&queue, masks, FIRST, WORDS, sum);
        vain_secagg_wipe_seeds(pairs.secaggs[member]);
    }
}

static void finish_all(void)
{
    for (int i = 0; i < pairs.count; i++)
        vain_secagg_end_attempt(pairs.secaggs[i]);
}

static enum vain_share_fault check_by(int holder, int dealer)
{
    struct vain_share_message message;
    return vain_secagg_check_deal(pairs.secaggs[holder], dealer, messages[dealer], message_bytes(),
                                  &message);
}

static struct vain_share_message message_of(int dealer)
{
    struct vain_share_message message;
    CU_ASSERT_EQUAL_FATAL(vain_share_message_decode(messages[dealer], message_bytes(), &message),
                          VAIN_SHARE_FINE);
    return message;
}

static int words_that_agree(void)
{
    int agree = 0;
    for (int i = 0; i < WORDS; i++)
        agree += sum[i] == expected[i];
    return agree;
}

static void remove_masks(const struct vain_scalar *secrets, int count)
{
    CU_ASSERT_EQUAL(vain_own_masks_remove(&queue, secrets, count, FIRST, WORDS, sum), VAIN_OK);
}

/* ---- the golden vector ----------------------------------------------------------------------- */

static void seeds_and_words_are_the_golden_ones(void)
{
    const struct golden_secagg *golden = golden_secagg();
    uint8_t seed[VAIN_MASK_SEED_BYTES];
    uint32_t total[GOLDEN_WORDS] = {0};
    CU_ASSERT_EQUAL_FATAL(vain_device_open_cpu(1, NULL, &device), VAIN_OK);
    vain_own_mask_seed(&golden->own_secrets[0], seed);
    CU_ASSERT_EQUAL(memcmp(seed, golden->own_seed_0, sizeof seed), 0);
    for (int own = 0; own < GOLDEN_MEMBERS; own++) {
        struct vain_mask list[GOLDEN_MEMBERS];
        struct vain_masks masks = golden_masks(own, &golden->context, list);
        uint32_t words[GOLDEN_WORDS];
        struct vain_mask *mask = &list[masks.count++];
        *mask = (struct vain_mask){.domain = VAIN_MASK_OWN};
        vain_own_mask_seed(&golden->own_secrets[own], mask->seed);
        memcpy(words, golden->x[own], sizeof words);
        device.ops->codec.add_masks(&queue, &masks, 0, GOLDEN_WORDS, words);
        CU_ASSERT_EQUAL(memcmp(words, golden->own_y[own], sizeof words), 0);
        for (int i = 0; i < GOLDEN_WORDS; i++)
            total[i] += words[i];
    }
    CU_ASSERT_NOT_EQUAL(memcmp(total, golden->sum, sizeof total), 0);
    /* A shard at a time, as their owners do it. */
    for (int first = 0; first < GOLDEN_WORDS; first += 3) {
        const int count = GOLDEN_WORDS - first < 3 ? GOLDEN_WORDS - first : 3;
        CU_ASSERT_EQUAL(vain_own_masks_remove(&queue, golden->own_secrets, GOLDEN_MEMBERS,
                                              (uint64_t)first, count, total + first),
                        VAIN_OK);
    }
    CU_ASSERT_EQUAL(memcmp(total, golden->sum, sizeof total), 0);
    vain_device_close(&device);
}

/* More streams than one pass over the words takes. */
static void many_masks_come_off(void)
{
    enum { MANY = 150 };
    struct vain_scalar secrets[MANY];
    CU_ASSERT_EQUAL_FATAL(vain_device_open_cpu(1, NULL, &device), VAIN_OK);
    memset(sum, 0, sizeof sum);
    for (int i = 0; i < MANY; i++) {
        struct vain_mask mask = {.domain = VAIN_MASK_OWN};
        const struct vain_masks masks = {.count = 1, .masks = &mask};
        vain_scalar_random(&secrets[i]);
        vain_own_mask_seed(&secrets[i], mask.seed);
        device.ops->codec.add_masks(&queue, &masks, FIRST, WORDS, sum);
    }
    remove_masks(secrets, MANY);
    for (int i = 0; i < WORDS; i++)
        CU_ASSERT_EQUAL(sum[i], 0);
    vain_device_close(&device);
}

/* ---- attempts -------------------------------------------------------------------------------- */

/* The sum of masked words is the sum of words once every own mask is off, and not before. */
static void masks_cancel_once_all_own_masks_are_off(void)
{
    for (int count = 3; count <= PAIRS_EACH; count++) {
        struct vain_scalar secrets[PAIRS_MOST];
        const struct vain_context context = {.round = 4};
        open_all(count);
        sum_up(&context, 0);
        for (int i = 0; i < count; i++) {
            vain_secagg_disclose(pairs.secaggs[i], &secrets[i]);
            CU_ASSERT_TRUE(vain_share_secret_fits(&message_of(i).commitments[0], &secrets[i]));
            CU_ASSERT_EQUAL(words_that_agree(), 0);
            remove_masks(&secrets[i], 1);
        }
        CU_ASSERT_EQUAL(words_that_agree(), WORDS);
        finish_all();
        close_all();
    }
}

/* Everybody reads everybody's; shares of the lost ones come from those who are left. */
static void lost_secrets_are_put_together(void)
{
    for (int count = 4; count <= PAIRS_EACH; count += 3) {
        const struct vain_context context = {.round = 5, .attempt = 1};
        const int threshold = vain_quorum(count), lost = count - threshold;
        struct vain_scalar secret;
        open_all(count);
        sum_up(&context, 0);
        for (int holder = 0; holder < count; holder++)
            for (int dealer = 0; dealer < count; dealer++)
                if (holder != dealer)
                    CU_ASSERT_EQUAL(check_by(holder, dealer), VAIN_SHARE_FINE);
        for (int dealer = 0; dealer < count; dealer++) {
            struct vain_share shares[PAIRS_MOST];
            if (dealer >= lost) {
                vain_secagg_disclose(pairs.secaggs[dealer], &secret);
            } else {
                for (int i = 0; i < threshold; i++)
                    CU_ASSERT_EQUAL(vain_secagg_disclose_share(pairs.secaggs[lost + i], dealer,
                                                               messages[dealer], message_bytes(),
                                                               &shares[i]),
                                    VAIN_SHARE_FINE);
                CU_ASSERT_EQUAL(shares[0].index, lost);
                vain_share_combine(shares, threshold - 1, &secret);
                CU_ASSERT_FALSE(
                    vain_share_secret_fits(&message_of(dealer).commitments[0], &secret));
                CU_ASSERT_TRUE(vain_share_recover(message_of(dealer).commitments, threshold, shares,
                                                  threshold, &secret));
            }
            remove_masks(&secret, 1);
        }
        CU_ASSERT_EQUAL(words_that_agree(), WORDS);
        finish_all();
        close_all();
    }
}

/* Whether the last word is the check word of those before it. */
static bool check_word_holds(void)
{
    uint32_t check = 0;
    device.ops->codec.check_word(&queue, WORDS - 1, sum, (struct vain_random){{1, 2}}, 3, 0,
                                 &check);
    return check == sum[WORDS - 1];
}

/* A sum with one own mask left on is a stream more: about half of its bits differ. */
static void one_mask_left_on_hides_the_sum(void)
{
    const struct vain_context context = {.round = 9};
    uint32_t check = 0;
    open_all(4);
    sum_up(&context, 0);
    device.ops->codec.check_word(&queue, WORDS - 1, expected, (struct vain_random){{1, 2}}, 3, 0,
                                 &check);
    sum[WORDS - 1] += check - expected[WORDS - 1];
    expected[WORDS - 1] = check;
    struct vain_scalar secret;
    for (int i = 0; i < 3; i++) {
        vain_secagg_disclose(pairs.secaggs[i], &secret);
        remove_masks(&secret, 1);
        CU_ASSERT_FALSE(check_word_holds());
    }
    int differ = 0;
    for (int i = 0; i < WORDS; i++)
        for (uint32_t rest = sum[i] ^ expected[i]; rest != 0; rest /= 2)
            differ += (int)(rest % 2);
    /* 9600 fair coins: 4800 +- 49, so eight standard deviations. */
    CU_ASSERT_TRUE(differ > 4400 && differ < 5200);
    vain_secagg_disclose(pairs.secaggs[3], &secret);
    remove_masks(&secret, 1);
    CU_ASSERT_TRUE(check_word_holds());
    finish_all();
    close_all();
}

static void every_attempt_has_another_secret(void)
{
    struct vain_context context = {.round = 2};
    uint8_t first[VAIN_MASK_SEED_BYTES];
    struct vain_point commitment;
    open_all(3);
    memcpy(first, vain_secagg_begin(pairs.secaggs[0], &context, 0)->masks[2].seed, sizeof first);
    vain_secagg_deal(pairs.secaggs[0], messages[0]);
    commitment = message_of(0).commitments[0];
    vain_secagg_wipe_seeds(pairs.secaggs[0]);
    vain_secagg_end_attempt(pairs.secaggs[0]);
    context.attempt = 1;
    CU_ASSERT_NOT_EQUAL(
        memcmp(vain_secagg_begin(pairs.secaggs[0], &context, 0)->masks[2].seed, first, 32), 0);
    vain_secagg_deal(pairs.secaggs[0], messages[0]);
    CU_ASSERT_NOT_EQUAL(memcmp(&message_of(0).commitments[0], &commitment, sizeof commitment), 0);
    vain_secagg_wipe_seeds(pairs.secaggs[0]);
    close_all();
}

/* The secret is there until the attempt ends; then it is wiped with its polynomial. */
static void a_secret_is_wiped_at_the_end(void)
{
    const struct vain_context context = {.round = 1};
    struct vain_own_mask *own = NULL;
    struct vain_mask mask;
    struct vain_scalar share;
    CU_ASSERT_EQUAL_FATAL(vain_own_mask_open(3, &own), VAIN_OK);
    CU_ASSERT_EQUAL(vain_own_mask_threshold(own), 3);
    vain_own_mask_begin(own, &context, &mask);
    vain_own_mask_share(own, 1, &share);
    const uint8_t *bytes = (const uint8_t *)own; /* the polynomial is the block's end */
    size_t at = 0;
    struct vain_scalar secret;
    vain_own_mask_disclose(own, &context, &secret);
    while (at < 400 && memcmp(bytes + at, &secret, sizeof secret) != 0)
        at++;
    CU_ASSERT_FATAL(at < 400);
    vain_own_mask_end(own);
    CU_ASSERT_TRUE(vain_is_zero(bytes + at, (size_t)3 * VAIN_SCALAR_BYTES));
    vain_own_mask_close(&own);
    CU_ASSERT_PTR_NULL(own);
    vain_own_mask_close(&own);
}

static void without_memory_there_is_no_own_mask(void)
{
    open_all(3);
    struct vain_own_mask *own = NULL;
    shortage_after(0);
    CU_ASSERT_EQUAL(vain_own_mask_open(3, &own), VAIN_ERR_MEMORY);
    shortage_end();
    CU_ASSERT_PTR_NULL(own);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "own mask"));
    close_all();
}

/* ---- lies ------------------------------------------------------------------------------------ */

static void deal_all(uint32_t attempt)
{
    const struct vain_context context = {.round = 7, .attempt = attempt};
    sum_up(&context, 0);
}

static void messages_for_others_are_refused(void)
{
    static uint8_t old[MESSAGE_MOST];
    struct vain_share_message message;
    open_all(5);
    deal_all(0);
    memcpy(old, messages[1], sizeof old);
    finish_all();
    deal_all(1);
    /* The attempt before; the same with the new attempt's name on it; another dealer's. */
    CU_ASSERT_EQUAL(vain_secagg_check_deal(pairs.secaggs[2], 1, old, message_bytes(), &message),
                    VAIN_SHARE_ATTEMPT);
    memcpy(old + 8, messages[1] + 8, VAIN_HASH_BYTES);
    CU_ASSERT_EQUAL(vain_secagg_check_deal(pairs.secaggs[2], 1, old, message_bytes(), &message),
                    VAIN_SHARE_BOX);
    CU_ASSERT_EQUAL(
        vain_secagg_check_deal(pairs.secaggs[2], 1, messages[3], message_bytes(), &message),
        VAIN_SHARE_NUMBERS);
    CU_ASSERT_EQUAL(
        vain_secagg_check_deal(pairs.secaggs[2], 1, messages[1], message_bytes() - 1, &message),
        VAIN_SHARE_LENGTH);
    CU_ASSERT_EQUAL(check_by(2, 1), VAIN_SHARE_FINE);
    finish_all();
    close_all();
}

static uint8_t *box_in(int dealer, int holder)
{
    return messages[dealer] + VAIN_SHARE_HEAD_BYTES + vain_quorum(pairs.count) * VAIN_POINT_BYTES +
           holder * VAIN_SHARE_BOX_BYTES;
}

/* Somebody else's box, or one that comes back to its sender, opens for nobody. */
static void boxes_do_not_move(void)
{
    open_all(4);
    deal_all(0);
    memcpy(box_in(0, 1), box_in(0, 2), VAIN_SHARE_BOX_BYTES);
    CU_ASSERT_EQUAL(check_by(1, 0), VAIN_SHARE_BOX);
    CU_ASSERT_EQUAL(check_by(2, 0), VAIN_SHARE_FINE);
    memcpy(box_in(3, 2), box_in(2, 3), VAIN_SHARE_BOX_BYTES); /* the same pair, the other way */
    CU_ASSERT_EQUAL(check_by(2, 3), VAIN_SHARE_BOX);
    CU_ASSERT_EQUAL(check_by(1, 3), VAIN_SHARE_FINE);
    finish_all();
    close_all();
}

/* Nobody looks at commitments that are points until a secret does not fit; then the shares of that
 * dealer say so, all of them, or the one that a holder changed. */
static void lies_are_found_when_a_secret_does_not_fit(void)
{
    enum { MEMBERS = 7, LOST = 0 };
    open_all(MEMBERS);
    deal_all(0);
    struct vain_share shares[MEMBERS];
    struct vain_scalar secret;
    const int threshold = vain_quorum(MEMBERS);
    for (int i = 1; i < MEMBERS; i++)
        CU_ASSERT_EQUAL(vain_secagg_disclose_share(pairs.secaggs[i], LOST, messages[LOST],
                                                   message_bytes(), &shares[i - 1]),
                        VAIN_SHARE_FINE);
    shares[2].value.bytes[0] ^= 1; /* holder 3 */
    CU_ASSERT_TRUE(
        vain_share_recover(message_of(LOST).commitments, threshold, shares, MEMBERS - 1, &secret));
    for (int i = 0; i < MEMBERS - 1; i++)
        CU_ASSERT_EQUAL(shares[i].wrong, shares[i].index == 3);
    for (int i = 0; i < MEMBERS - 1; i++)
        shares[i].checked = shares[i].wrong = false; /* under the commitments that follow */
    memcpy(messages[LOST] + VAIN_SHARE_HEAD_BYTES, messages[1] + VAIN_SHARE_HEAD_BYTES,
           VAIN_POINT_BYTES); /* C_0 of another */
    CU_ASSERT_EQUAL(check_by(1, LOST), VAIN_SHARE_FINE);
    CU_ASSERT_FALSE(vain_share_secret_fits(&message_of(LOST).commitments[0], &secret));
    CU_ASSERT_FALSE(
        vain_share_recover(message_of(LOST).commitments, threshold, shares, MEMBERS - 1, &secret));
    for (int i = 0; i < MEMBERS - 1; i++)
        CU_ASSERT_TRUE(shares[i].wrong);
    memset(messages[LOST] + VAIN_SHARE_HEAD_BYTES, 0xff, VAIN_POINT_BYTES);
    CU_ASSERT_EQUAL(check_by(1, LOST), VAIN_SHARE_COMMITMENT);
    finish_all();
    close_all();
}

static void a_share_that_does_not_open_is_not_disclosed(void)
{
    struct vain_share share;
    open_all(4);
    deal_all(0);
    box_in(0, 1)[50] ^= 4;
    CU_ASSERT_EQUAL(
        vain_secagg_disclose_share(pairs.secaggs[1], 0, messages[0], message_bytes(), &share),
        VAIN_SHARE_BOX);
    CU_ASSERT_EQUAL(share.index, 1);
    CU_ASSERT_TRUE(vain_is_zero(&share.value, sizeof share.value));
    finish_all();
    close_all();
}

/* ---- bugs ------------------------------------------------------------------------------------ */

/* What member 0 discloses in two attempts: the own secret, or a share of member 1's. */
static bool shares_first, shares_second;
static struct vain_context second;

static void disclose(bool share)
{
    struct vain_scalar secret;
    struct vain_share found;
    if (share) {
        CU_ASSERT_EQUAL(
            vain_secagg_disclose_share(pairs.secaggs[0], 1, messages[1], message_bytes(), &found),
            VAIN_SHARE_FINE);
    } else {
        vain_secagg_disclose(pairs.secaggs[0], &secret);
    }
}

static void disclose_in_two_attempts(void)
{
    const struct vain_context first = {.round = 5};
    sum_up(&first, 0);
    disclose(shares_first);
    disclose(shares_first); /* the same again tells nothing new */
    finish_all();
    sum_up(&second, 0);
    disclose(shares_second);
    finish_all();
}

static void a_round_is_opened_for_one_attempt(void)
{
    open_all(3);
    for (int which = 0; which < 4; which++) {
        shares_first = which % 2 == 1;
        shares_second = which / 2 == 1;
        second = (struct vain_context){.round = 5, .attempt = 1};
        CU_ASSERT_EQUAL(test_exit_code(disclose_in_two_attempts, NULL, 0), 70);
        second = (struct vain_context){.round = 6};
        CU_ASSERT_EQUAL(test_exit_code(disclose_in_two_attempts, NULL, 0), 0);
        second = (struct vain_context){.epoch = 1, .round = 5}; /* done again */
        CU_ASSERT_EQUAL(test_exit_code(disclose_in_two_attempts, NULL, 0), 0);
    }
    close_all();
}

/* An input goes to set 1, to set 1 again, and to set 2; opened after which of the first two. */
static int opened_after;

static void try_another_set(void)
{
    struct vain_context context = {.round = 5, .set_hash = {1}};
    for (int attempt = 0; attempt < 3; attempt++) {
        context.attempt = (uint32_t)attempt;
        if (attempt == 2)
            context.set_hash[0] = 2;
        sum_up(&context, 11);
        if (attempt == opened_after)
            disclose(shares_first);
        finish_all();
    }
}

static void an_input_that_was_opened_stays_with_its_set(void)
{
    open_all(3);
    for (int which = 0; which < 2; which++) {
        shares_first = which == 1;
        for (opened_after = 0; opened_after < 3; opened_after++)
            CU_ASSERT_EQUAL(test_exit_code(try_another_set, NULL, 0), opened_after < 2 ? 70 : 0);
    }
    close_all();
}

static void disclose_at_level_1(void)
{
    struct vain_scalar secret;
    vain_secagg_disclose(pairs.secaggs[0], &secret);
}

static void level_1_has_nothing_to_disclose(void)
{
    pairs_start(&pairs, 3);
    CU_ASSERT_EQUAL(test_exit_code(disclose_at_level_1, NULL, 0), 70);
    pairs_close(&pairs);
}

static struct vain_own_mask *bare;

static void begin_bare(void)
{
    const struct vain_context context = {.round = 3};
    struct vain_mask mask;
    vain_own_mask_begin(bare, &context, &mask);
}

static void begin_twice(void)
{
    begin_bare();
    begin_bare();
}

static void disclose_for_another_attempt(void)
{
    const struct vain_context other = {.round = 3, .attempt = 1};
    struct vain_scalar secret;
    begin_bare();
    vain_own_mask_disclose(bare, &other, &secret);
}

static void disclose_after_the_end(void)
{
    const struct vain_context context = {.round = 3};
    struct vain_scalar secret;
    begin_bare();
    vain_own_mask_end(bare);
    vain_own_mask_disclose(bare, &context, &secret);
}

static void share_before_the_beginning(void)
{
    struct vain_scalar share;
    vain_own_mask_share(bare, 0, &share);
}

static void commit_before_the_beginning(void)
{
    struct vain_point commitments[3];
    vain_own_mask_commit(bare, commitments);
}

static void disclose_in(uint64_t round)
{
    const struct vain_context context = {.round = round};
    struct vain_mask mask;
    vain_own_mask_begin(bare, &context, &mask);
    vain_own_mask_mark_disclosed(bare, &context);
    vain_own_mask_end(bare);
}

static void go_on_a_round(void)
{
    disclose_in(3);
    disclose_in(4);
}

static void go_back_a_round(void)
{
    disclose_in(4);
    disclose_in(3);
}

static void mark_before_the_beginning(void)
{
    const struct vain_context context = {.round = 3};
    vain_own_mask_mark_disclosed(bare, &context);
}

static void misuse_is_a_bug(void)
{
    void (*const acts[])(void) = {begin_twice,
                                  disclose_for_another_attempt,
                                  disclose_after_the_end,
                                  share_before_the_beginning,
                                  commit_before_the_beginning,
                                  mark_before_the_beginning,
                                  go_back_a_round};
    CU_ASSERT_EQUAL_FATAL(vain_own_mask_open(3, &bare), VAIN_OK);
    CU_ASSERT_EQUAL(test_exit_code(begin_bare, NULL, 0), 0);
    CU_ASSERT_EQUAL(test_exit_code(go_on_a_round, NULL, 0), 0);
    for (size_t i = 0; i < VAIN_COUNT_OF(acts); i++)
        CU_ASSERT_EQUAL(test_exit_code(acts[i], NULL, 0), 70);
    vain_own_mask_close(&bare);
}

static const struct vain_test tests[] = {
    {"seeds and words are the golden ones", seeds_and_words_are_the_golden_ones},
    {"many masks come off", many_masks_come_off},
    {"masks of 3 to 16 members cancel once all own masks are off",
     masks_cancel_once_all_own_masks_are_off},
    {"lost secrets are put together", lost_secrets_are_put_together},
    {"one mask left on hides the sum", one_mask_left_on_hides_the_sum},
    {"every attempt has another secret", every_attempt_has_another_secret},
    {"a secret is wiped at the end", a_secret_is_wiped_at_the_end},
    {"without memory there is no own mask", without_memory_there_is_no_own_mask},
    {"messages for others are refused", messages_for_others_are_refused},
    {"boxes do not move", boxes_do_not_move},
    {"lies are found when a secret does not fit", lies_are_found_when_a_secret_does_not_fit},
    {"a share that does not open is not disclosed", a_share_that_does_not_open_is_not_disclosed},
    {"a round is opened for one attempt", a_round_is_opened_for_one_attempt},
    {"an input that was opened stays with its set", an_input_that_was_opened_stays_with_its_set},
    {"level 1 has nothing to disclose", level_1_has_nothing_to_disclose},
    {"misuse is a bug", misuse_is_a_bug},
    {NULL, NULL},
};
const struct vain_suite vain_suite_own_mask = {"own mask", tests};

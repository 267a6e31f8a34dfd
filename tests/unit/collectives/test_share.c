/* Verifiable secret sharing: the vector of RFC 9591, every subset of a small group, and shares and
 * commitments that lie. */
#include "collectives/share.h"

#include <string.h>

#include "base/crypto.h"
#include "collectives/quorum.h"
#include "tests/unit/base/helpers.h"
#include "tests/unit/suite.h"

enum { MOST = 16 };

struct dealt {
    int threshold, members;
    struct vain_scalar coefficients[MOST];
    struct vain_point commitments[MOST];
    struct vain_share shares[MOST];
};

static void commit_and_deal(struct dealt *dealt)
{
    vain_share_commit(dealt->coefficients, dealt->threshold, dealt->commitments);
    for (int i = 0; i < dealt->members; i++) {
        dealt->shares[i] = (struct vain_share){.index = i};
        vain_share_deal(dealt->coefficients, dealt->threshold, i, &dealt->shares[i].value);
    }
}

static struct dealt deal(int members, int threshold)
{
    struct dealt dealt = {.threshold = threshold, .members = members};
    struct vain_scalar secret;
    vain_scalar_random(&secret);
    vain_share_polynomial(&secret, threshold, dealt.coefficients);
    commit_and_deal(&dealt);
    return dealt;
}

static bool is_secret(const struct dealt *dealt, const struct vain_scalar *value)
{
    return memcmp(value, &dealt->coefficients[0], sizeof *value) == 0;
}

static bool fits(const struct dealt *dealt, int i)
{
    return vain_share_fits(dealt->commitments, dealt->threshold, dealt->shares[i].index,
                           &dealt->shares[i].value);
}

/* ---- quorum ---------------------------------------------------------------------------------- */

/* The three claims of quorum.h, and that t is the least number with the first. */
static void quorums_share_an_honest_member(void)
{
    for (int n = 1; n <= VAIN_MEMBERS_MAX; n++) {
        const int t = vain_quorum(n), faulty = (n + 2) / 3 - 1;
        CU_ASSERT_TRUE(3 * (2 * t - n) > n);
        CU_ASSERT_TRUE(2 * t - n > faulty);
        CU_ASSERT_FALSE(3 * (2 * (t - 1) - n) > n);
        CU_ASSERT_TRUE(t > 2 * faulty);
        CU_ASSERT_EQUAL(n - faulty, t);
        CU_ASSERT_TRUE(t <= n);
    }
    CU_ASSERT_EQUAL(vain_quorum(3), 3);
    CU_ASSERT_EQUAL(vain_quorum(4), 3);
    CU_ASSERT_EQUAL(vain_quorum(16), 11);
    CU_ASSERT_EQUAL(vain_quorum(64), 43);
}

static void no_members(void)
{
    (void)vain_quorum(0);
}

static void a_quorum_of_nobody_is_a_bug(void)
{
    CU_ASSERT_EQUAL(test_exit_code(no_members, NULL, 0), 70);
}

/* ---- shares ---------------------------------------------------------------------------------- */

/* RFC 9591, appendix E.3: FROST(ristretto255, SHA-512), 2 of 3. */
static void shares_are_those_of_the_rfc(void)
{
    static const char *const scalars[] = {
        "1b25a55e463cfd15cf14a5d3acc3d15053f08da49c8afcf3ab265f2ebc4f970b", /* the secret key */
        "410f8b744b19325891d73736923525a4f596c805d060dfb9c98009d34e3fec02",
    };
    static const char public_key[] =
        "e2a62f39eede11269e3bd5a7d97554f5ca384f9f6d3dd9c3c0d05083c7254f57";
    static const char *const shares[] = {
        "5c3430d391552f6e60ecdc093ff9f6f4488756aa6cebdbad75a768010b8f830e",
        "b06fc5eac20b4f6e1b271d9df2343d843e1e1fb03c4cbb673f2872d459ce6f01",
        "f17e505f0e2581c6acfe54d3846a622834b5e7b50cad9a2109a97ba7a80d5c04",
    };
    struct dealt dealt = {.threshold = 2, .members = 3};
    struct vain_scalar expected, found;
    struct vain_point point;
    for (int k = 0; k < 2; k++)
        CU_ASSERT_EQUAL(test_hex(scalars[k], dealt.coefficients[k].bytes, 32), 32);
    commit_and_deal(&dealt);
    CU_ASSERT_EQUAL(test_hex(public_key, point.bytes, 32), 32);
    CU_ASSERT_EQUAL(memcmp(&point, &dealt.commitments[0], sizeof point), 0);
    CU_ASSERT_TRUE(vain_share_secret_fits(&point, &dealt.coefficients[0]));
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(test_hex(shares[i], expected.bytes, 32), 32);
        CU_ASSERT_EQUAL(memcmp(&expected, &dealt.shares[i].value, sizeof expected), 0);
        CU_ASSERT_TRUE(fits(&dealt, i));
        const struct vain_share two[] = {dealt.shares[i], dealt.shares[(i + 1) % 3]};
        vain_share_combine(two, 2, &found);
        CU_ASSERT_TRUE(is_secret(&dealt, &found));
    }
}

/* Every subset of 6 members' shares, 4 of them needed. */
static void only_enough_shares_give_the_secret(void)
{
    enum { MEMBERS = 6, THRESHOLD = 4 };
    const struct dealt dealt = deal(MEMBERS, THRESHOLD);
    for (unsigned set = 1; set < 1u << MEMBERS; set++) {
        struct vain_share some[MEMBERS];
        struct vain_scalar found;
        int count = 0;
        for (int i = 0; i < MEMBERS; i++)
            if ((set >> i & 1) != 0)
                some[count++] = dealt.shares[i];
        vain_share_combine(some, count, &found);
        CU_ASSERT_EQUAL(is_secret(&dealt, &found), count >= THRESHOLD);
        CU_ASSERT_EQUAL(vain_share_recover(dealt.commitments, THRESHOLD, some, count, &found),
                        count >= THRESHOLD);
        CU_ASSERT_EQUAL(is_secret(&dealt, &found), count >= THRESHOLD);
    }
}

/* With t - 1 shares known any value of one more gives a secret: all of them are as likely. */
static void fewer_shares_fit_every_secret(void)
{
    enum { THRESHOLD = 3 };
    const struct dealt dealt = deal(THRESHOLD, THRESHOLD);
    struct vain_share some[THRESHOLD];
    struct vain_scalar last, found;
    memcpy(some, dealt.shares, sizeof some);
    vain_share_combine(some, THRESHOLD, &last);
    for (int i = 0; i < 50; i++) {
        vain_scalar_random(&some[THRESHOLD - 1].value);
        vain_share_combine(some, THRESHOLD, &found);
        CU_ASSERT_NOT_EQUAL(memcmp(&found, &last, sizeof found), 0);
        last = found;
    }
}

static void one_share_may_be_enough(void)
{
    struct dealt dealt = deal(2, 1);
    struct vain_scalar found;
    CU_ASSERT_TRUE(fits(&dealt, 1));
    CU_ASSERT_TRUE(vain_share_recover(dealt.commitments, 1, dealt.shares + 1, 1, &found));
    CU_ASSERT_TRUE(is_secret(&dealt, &found));
}

/* The dealer's coefficients are new each time. */
static void polynomials_are_random(void)
{
    enum { THRESHOLD = 3 };
    struct vain_scalar secret, first[THRESHOLD], second[THRESHOLD];
    vain_scalar_random(&secret);
    vain_share_polynomial(&secret, THRESHOLD, first);
    vain_share_polynomial(&secret, THRESHOLD, second);
    CU_ASSERT_EQUAL(memcmp(&first[0], &secret, sizeof secret), 0);
    CU_ASSERT_EQUAL(memcmp(&second[0], &secret, sizeof secret), 0);
    for (int k = 1; k < THRESHOLD; k++) {
        CU_ASSERT_NOT_EQUAL(memcmp(&first[k], &second[k], sizeof secret), 0);
        CU_ASSERT_NOT_EQUAL(memcmp(&first[k], &first[k - 1], sizeof secret), 0);
    }
}

/* ---- lies ------------------------------------------------------------------------------------ */

static void a_share_fits_its_place_only(void)
{
    const struct dealt dealt = deal(5, 4), other = deal(5, 4);
    for (int i = 0; i < 5; i++) {
        for (int j = 0; j < 5; j++)
            CU_ASSERT_EQUAL(vain_share_fits(dealt.commitments, 4, j, &dealt.shares[i].value),
                            i == j);
        CU_ASSERT_FALSE(vain_share_fits(other.commitments, 4, i, &dealt.shares[i].value));
    }
}

static void every_flipped_bit_of_a_share_is_found(void)
{
    struct dealt dealt = deal(3, 2);
    for (int bit = 0; bit < 256; bit++) {
        dealt.shares[1].value.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CU_ASSERT_FALSE(fits(&dealt, 1));
        dealt.shares[1].value.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    CU_ASSERT_TRUE(fits(&dealt, 1));
}

static void another_commitment_fits_no_share(void)
{
    for (int k = 0; k < 4; k++) {
        struct dealt dealt = deal(5, 4);
        const struct vain_scalar secret = dealt.coefficients[0];
        struct vain_scalar found;
        CU_ASSERT_TRUE(
            vain_point_add(&dealt.commitments[k], &dealt.commitments[0], &dealt.commitments[k]));
        for (int i = 0; i < 5; i++)
            CU_ASSERT_FALSE(fits(&dealt, i));
        CU_ASSERT_EQUAL(vain_share_secret_fits(&dealt.commitments[0], &secret), k != 0);
        /* Only C_0 stands for the secret: the others are looked at when that does not fit. */
        CU_ASSERT_EQUAL(vain_share_recover(dealt.commitments, 4, dealt.shares, 5, &found), k != 0);
        for (int i = 0; i < 5; i++)
            CU_ASSERT_EQUAL(dealt.shares[i].wrong, k == 0);
    }
}

static void what_is_no_point_or_scalar_does_not_fit(void)
{
    for (int k = 0; k < 3; k++) {
        struct dealt dealt = deal(3, 3);
        memset(&dealt.commitments[k], 0xff, sizeof dealt.commitments[k]);
        CU_ASSERT_FALSE(fits(&dealt, 0));
    }
    struct dealt dealt = deal(3, 3);
    memset(&dealt.shares[0].value, 0xff, sizeof dealt.shares[0].value);
    CU_ASSERT_FALSE(fits(&dealt, 0));
    CU_ASSERT_FALSE(vain_share_secret_fits(&dealt.commitments[0], &dealt.shares[0].value));
}

/* The same number modulo L in another spelling is another share: there is one spelling. */
static void a_share_beyond_the_order_does_not_fit(void)
{
    static const char order[] = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
    struct dealt dealt = deal(3, 2);
    uint8_t l[VAIN_SCALAR_BYTES];
    unsigned carry = 0;
    CU_ASSERT_EQUAL(test_hex(order, l, sizeof l), sizeof l);
    for (int i = 0; i < VAIN_SCALAR_BYTES; i++) {
        carry += (unsigned)dealt.shares[0].value.bytes[i] + l[i];
        dealt.shares[0].value.bytes[i] = (uint8_t)carry;
        carry >>= 8;
    }
    CU_ASSERT_FALSE(fits(&dealt, 0));
}

static int wrong_ones(const struct dealt *dealt)
{
    int wrong = 0;
    for (int i = 0; i < dealt->members; i++)
        wrong += dealt->shares[i].wrong;
    return wrong;
}

/* 7 shares, 4 needed: up to 3 may be wrong, whichever they are, and those are named. */
static void wrong_shares_are_named(void)
{
    enum { MEMBERS = 7, THRESHOLD = 4 };
    const struct dealt right = deal(MEMBERS, THRESHOLD);
    for (unsigned set = 0; set < 1u << MEMBERS; set++) {
        struct dealt dealt = right;
        struct vain_scalar found;
        int bad = 0, bad_first = 0;
        for (int i = 0; i < MEMBERS; i++)
            if ((set >> i & 1) != 0) {
                dealt.shares[i].value.bytes[i] ^= 0x10; /* errors of one size might cancel */
                bad++;
                bad_first += i < THRESHOLD;
            }
        const bool recovered =
            vain_share_recover(dealt.commitments, THRESHOLD, dealt.shares, MEMBERS, &found);
        CU_ASSERT_EQUAL(recovered, bad <= MEMBERS - THRESHOLD);
        CU_ASSERT_EQUAL(is_secret(&right, &found), recovered);
        CU_ASSERT_EQUAL(vain_is_zero(&found, sizeof found), !recovered);
        /* As long as the first ones do, the others are not looked at. */
        CU_ASSERT_EQUAL(wrong_ones(&dealt), bad_first == 0 ? 0 : bad);
        for (int i = 0; i < MEMBERS; i++)
            if (bad_first > 0)
                CU_ASSERT_EQUAL(dealt.shares[i].wrong, (set >> dealt.shares[i].index & 1) != 0);
    }
}

static void too_few_shares_name_nobody(void)
{
    struct dealt dealt = deal(5, 4);
    struct vain_scalar found;
    memset(&found, 0x77, sizeof found);
    dealt.shares[1].value.bytes[0] ^= 1;
    CU_ASSERT_FALSE(vain_share_recover(dealt.commitments, 4, dealt.shares, 3, &found));
    CU_ASSERT_TRUE(vain_is_zero(&found, sizeof found));
    CU_ASSERT_EQUAL(wrong_ones(&dealt), 0);
}

/* A verdict stays, so a wrong share costs one check however many others follow it. */
static void a_share_is_checked_once(void)
{
    struct dealt dealt = deal(5, 3);
    struct vain_scalar found;
    dealt.shares[0].value.bytes[0] ^= 1;
    CU_ASSERT_FALSE(vain_share_recover(dealt.commitments, 3, dealt.shares, 3, &found));
    CU_ASSERT_EQUAL(wrong_ones(&dealt), 1);
    CU_ASSERT_TRUE(dealt.shares[2].wrong); /* the wrong one is last */
    CU_ASSERT_FALSE(dealt.shares[3].checked);
    dealt.shares[2].value.bytes[0] ^= 1;
    CU_ASSERT_TRUE(vain_share_recover(dealt.commitments, 3, dealt.shares, 4, &found));
    CU_ASSERT_TRUE(is_secret(&dealt, &found));
    CU_ASSERT_EQUAL(wrong_ones(&dealt), 1);
    CU_ASSERT_FALSE(dealt.shares[4].checked);
}

/* ---- bugs ------------------------------------------------------------------------------------ */

static void combine_one_member_twice(void)
{
    struct dealt dealt = deal(3, 2);
    struct vain_scalar out;
    dealt.shares[1].index = 0;
    vain_share_combine(dealt.shares, 2, &out);
}

static void deal_beyond_the_members(void)
{
    struct dealt dealt = deal(3, 2);
    vain_share_deal(dealt.coefficients, 2, VAIN_MEMBERS_MAX, &dealt.coefficients[0]);
}

/* Index -1 would be the secret itself. */
static void deal_the_secret(void)
{
    struct dealt dealt = deal(3, 2);
    vain_share_deal(dealt.coefficients, 2, -1, &dealt.coefficients[0]);
}

static void misuse_is_a_bug(void)
{
    CU_ASSERT_EQUAL(test_exit_code(combine_one_member_twice, NULL, 0), 70);
    CU_ASSERT_EQUAL(test_exit_code(deal_beyond_the_members, NULL, 0), 70);
    CU_ASSERT_EQUAL(test_exit_code(deal_the_secret, NULL, 0), 70);
}

static const struct vain_test tests[] = {
    {"quorums share an honest member", quorums_share_an_honest_member},
    {"a quorum of nobody is a bug", a_quorum_of_nobody_is_a_bug},
    {"shares are those of RFC 9591", shares_are_those_of_the_rfc},
    {"only enough shares give the secret", only_enough_shares_give_the_secret},
    {"fewer shares fit every secret", fewer_shares_fit_every_secret},
    {"one share may be enough", one_share_may_be_enough},
    {"polynomials are random", polynomials_are_random},
    {"a share fits its place only", a_share_fits_its_place_only},
    {"every flipped bit of a share is found", every_flipped_bit_of_a_share_is_found},
    {"another commitment fits no share", another_commitment_fits_no_share},
    {"what is no point or scalar does not fit", what_is_no_point_or_scalar_does_not_fit},
    {"a share beyond the order does not fit", a_share_beyond_the_order_does_not_fit},
    {"wrong shares are named", wrong_shares_are_named},
    {"a share is checked once", a_share_is_checked_once},
    {"too few shares name nobody", too_few_shares_name_nobody},
    {"misuse is a bug", misuse_is_a_bug},
    {NULL, NULL},
};
const struct vain_suite vain_suite_share = {"share", tests};

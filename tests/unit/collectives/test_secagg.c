/* Keys and masks of secure aggregation: the golden vector, whole starts of members in one process,
 * and every message of a start that is not what it should be. */
#include "collectives/secagg.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "kernels/device.h"
#include "kernels/ops.h"
#include "tests/unit/base/helpers.h"
#include "tests/unit/collectives/pairs.h"
#include "tests/unit/shortage.h"
#include "tests/unit/suite.h"

static struct pairs pairs;
static const uint8_t zeros[64];

#define REFUSED(expected, call, ...)                                                               \
    do {                                                                                           \
        vain_fail_clear();                                                                         \
        CU_ASSERT_EQUAL((call), (expected));                                                       \
        const char *const parts_[] = {__VA_ARGS__};                                                \
        for (size_t p_ = 0; p_ < VAIN_COUNT_OF(parts_); p_++) {                                    \
            if (strstr(vain_fail_message(), parts_[p_]) == NULL)                                   \
                printf("\n    \"%s\" is not in: %s\n", parts_[p_], vain_fail_message());           \
            CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), parts_[p_]));                       \
        }                                                                                          \
    } while (0)

static enum vain_status accept_by(int member)
{
    return vain_secagg_accept(pairs.secaggs[member], pairs.announcements);
}

static void announce_all(int count)
{
    pairs_open(&pairs, count);
    pairs_set_session(&pairs);
    pairs_announce(&pairs);
}

/* ---- the golden vector ----------------------------------------------------------------------- */

static void the_key_schedule_is_the_golden_one(void)
{
    const struct golden_secagg *golden = golden_secagg();
    uint8_t bytes[VAIN_CONTEXT_BYTES], key[VAIN_HASH_BYTES], seed[VAIN_MASK_SEED_BYTES];
    vain_context_encode(&golden->context, bytes);
    CU_ASSERT_EQUAL(memcmp(bytes, golden->context_bytes, sizeof bytes), 0);
    CU_ASSERT_EQUAL(golden->context.epoch, 3);
    CU_ASSERT_EQUAL(golden->context.round, 42);
    for (int i = 0; i < GOLDEN_MEMBERS; i++) {
        uint8_t public_key[VAIN_X25519_BYTES];
        vain_x25519_public(golden->secrets[i], public_key);
        CU_ASSERT_EQUAL(memcmp(public_key, golden->publics[i], sizeof public_key), 0);
    }
    for (int own = 0; own < 2; own++) {
        CU_ASSERT_EQUAL(vain_secagg_pair_key(golden->secrets[own], golden->publics[1 - own],
                                             golden->publics[0], golden->publics[1], key),
                        VAIN_OK);
        CU_ASSERT_EQUAL(memcmp(key, golden->pair_key_01, sizeof key), 0);
        vain_secagg_seed(key, &golden->context, seed);
        CU_ASSERT_EQUAL(memcmp(seed, golden->seed_01, sizeof seed), 0);
    }
}

static void masked_words_are_the_golden_ones(void)
{
    const struct golden_secagg *golden = golden_secagg();
    struct vain_device device;
    CU_ASSERT_EQUAL_FATAL(vain_device_open_cpu(1, NULL, &device), VAIN_OK);
    struct vain_queue queue = {.device = &device};
    uint32_t sum[GOLDEN_WORDS] = {0};
    for (int own = 0; own < GOLDEN_MEMBERS; own++) {
        struct vain_mask list[GOLDEN_MEMBERS];
        const struct vain_masks masks = golden_masks(own, &golden->context, list);
        uint32_t words[GOLDEN_WORDS];
        memcpy(words, golden->x[own], sizeof words);
        device.ops->codec.add_masks(&queue, &masks, 0, GOLDEN_WORDS, words);
        CU_ASSERT_EQUAL(memcmp(words, golden->y[own], sizeof words), 0);
        for (int i = 0; i < GOLDEN_WORDS; i++)
            sum[i] += words[i];
    }
    CU_ASSERT_EQUAL(memcmp(sum, golden->sum, sizeof sum), 0);
    vain_device_close(&device);
}

/* ---- starts ---------------------------------------------------------------------------------- */

enum { WORDS = 300 };

static uint32_t word_of(int member, int i)
{
    return (uint32_t)(member + 1) * 2654435761u + (uint32_t)i * 97u;
}

/* One masked sum of all members: gone are the masks, and nobody sent its words. */
static void sum_up(const struct vain_context *context, uint64_t input)
{
    struct vain_device device;
    CU_ASSERT_EQUAL_FATAL(vain_device_open_cpu(1, NULL, &device), VAIN_OK);
    struct vain_queue queue = {.device = &device};
    uint32_t sum[WORDS] = {0}, expected[WORDS] = {0};
    for (int member = 0; member < pairs.count; member++) {
        const struct vain_masks *masks = vain_secagg_begin(pairs.secaggs[member], context, input);
        CU_ASSERT_EQUAL(masks->count, pairs.count - 1);
        uint32_t words[WORDS];
        int equal = 0;
        for (int i = 0; i < WORDS; i++)
            words[i] = word_of(member, i);
        device.ops->codec.add_masks(&queue, masks, 7, WORDS, words);
        for (int i = 0; i < WORDS; i++) {
            equal += words[i] == word_of(member, i);
            expected[i] += word_of(member, i);
            sum[i] += words[i];
        }
        CU_ASSERT_EQUAL(equal, pairs.count == 1 ? WORDS : 0);
        vain_secagg_wipe_seeds(pairs.secaggs[member]);
    }
    CU_ASSERT_EQUAL(memcmp(sum, expected, sizeof sum), 0);
    vain_device_close(&device);
}

/* Keys are new each time, so ids come in other orders. */
static void masks_cancel_for_every_number_of_members(void)
{
    for (int count = 1; count <= PAIRS_EACH; count++)
        for (int order = 0; order < 3; order++) {
            pairs_start(&pairs, count);
            for (uint64_t round = 0; round < 3; round++) {
                const struct vain_context context = {.round = round, .attempt = (uint32_t)order};
                sum_up(&context, round);
            }
            pairs_close(&pairs);
        }
}

/* Both members of a pair have one seed, no other pair has it, and the sign follows the ids. */
static void seeds_belong_to_pairs(void)
{
    enum { COUNT = 5 };
    const struct vain_masks *masks[COUNT];
    const struct vain_context context = {.round = 3};
    pairs_start(&pairs, COUNT);
    for (int i = 0; i < COUNT; i++)
        masks[i] = vain_secagg_begin(pairs.secaggs[i], &context, 0);
    for (int i = 0; i < COUNT; i++)
        for (int j = 0; j < COUNT; j++)
            for (int k = 0; k < COUNT && i != j; k++) {
                if (k == i)
                    continue;
                const struct vain_mask *mine = &masks[i]->masks[j < i ? j : j - 1];
                const struct vain_mask *theirs = &masks[k]->masks[i < k ? i : i - 1];
                CU_ASSERT_EQUAL(memcmp(mine->seed, theirs->seed, sizeof mine->seed) == 0, k == j);
                CU_ASSERT_EQUAL(mine->domain, VAIN_MASK_PAIR);
                CU_ASSERT_EQUAL(mine->subtract, j < i);
            }
    for (int i = 0; i < COUNT; i++)
        vain_secagg_wipe_seeds(pairs.secaggs[i]);
    pairs_close(&pairs);
}

static void seeds_are_wiped_at_the_end(void)
{
    const struct vain_context context = {.round = 1};
    pairs_start(&pairs, 4);
    const struct vain_masks *masks = vain_secagg_begin(pairs.secaggs[1], &context, 0);
    const struct vain_mask *list = masks->masks; /* the secagg's memory, which lives on */
    CU_ASSERT_EQUAL_FATAL(masks->count, 3);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_NOT_EQUAL(memcmp(list[i].seed, zeros, VAIN_MASK_SEED_BYTES), 0);
    vain_secagg_wipe_seeds(pairs.secaggs[1]);
    CU_ASSERT_EQUAL(masks->count, 0);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(memcmp(list[i].seed, zeros, VAIN_MASK_SEED_BYTES), 0);
    pairs_close(&pairs);
}

static int bits_that_differ(const uint8_t *a, const uint8_t *b)
{
    int count = 0;
    for (int i = 0; i < VAIN_MASK_SEED_BYTES; i++)
        for (unsigned rest = a[i] ^ b[i]; rest != 0; rest /= 2)
            count += (int)(rest % 2);
    return count;
}

/* About half of 256 bits: 64 to 192 is eight standard deviations. */
static bool are_unrelated(const uint8_t *a, const uint8_t *b)
{
    const int differ = bits_that_differ(a, b);
    return differ > 64 && differ < 192;
}

/* Another round, attempt, set, group, epoch, or other parameters: each field, each bit of it. */
static void every_context_has_seeds_of_its_own(void)
{
    const struct golden_secagg *golden = golden_secagg();
    uint8_t fields[sizeof(struct vain_context)];
    uint8_t first[VAIN_MASK_SEED_BYTES], last[VAIN_MASK_SEED_BYTES];
    struct vain_context context = golden->context;
    static const struct {
        size_t at, bytes;
    } parts[] = {
        {offsetof(struct vain_context, group_id), VAIN_HASH_BYTES},
        {offsetof(struct vain_context, epoch), 8},
        {offsetof(struct vain_context, round), 8},
        {offsetof(struct vain_context, attempt), 4},
        {offsetof(struct vain_context, set_hash), VAIN_HASH_BYTES},
        {offsetof(struct vain_context, parameters_hash), VAIN_HASH_BYTES},
    };
    vain_secagg_seed(golden->pair_key_01, &context, first);
    memcpy(last, first, sizeof last);
    int bits = 0;
    for (size_t p = 0; p < VAIN_COUNT_OF(parts); p++)
        for (size_t bit = 0; bit < 8 * parts[p].bytes; bit++) {
            uint8_t seed[VAIN_MASK_SEED_BYTES];
            memcpy(fields, &golden->context, sizeof context);
            fields[parts[p].at + bit / 8] ^= (uint8_t)(1u << bit % 8);
            memcpy(&context, fields, sizeof context);
            vain_secagg_seed(golden->pair_key_01, &context, seed);
            CU_ASSERT_TRUE(are_unrelated(seed, first));
            if (bits++ > 0)
                CU_ASSERT_TRUE(are_unrelated(seed, last));
            memcpy(last, seed, sizeof last);
        }
    CU_ASSERT_EQUAL(bits, 8 * VAIN_CONTEXT_BYTES);
}

static void another_attempt_has_other_masks(void)
{
    struct vain_context context = {.round = 6};
    uint8_t first[VAIN_MASK_SEED_BYTES];
    pairs_start(&pairs, 3);
    memcpy(first, vain_secagg_begin(pairs.secaggs[0], &context, 9)->masks[0].seed, sizeof first);
    vain_secagg_wipe_seeds(pairs.secaggs[0]);
    context.attempt = 1;
    const struct vain_masks *again = vain_secagg_begin(pairs.secaggs[0], &context, 9);
    CU_ASSERT_TRUE(are_unrelated(again->masks[0].seed, first));
    CU_ASSERT_TRUE(are_unrelated(again->masks[0].seed, again->masks[1].seed));
    vain_secagg_wipe_seeds(pairs.secaggs[0]);
    pairs_close(&pairs);
}

/* ---- refusals: who takes part ---------------------------------------------------------------- */

static void equal_ids_are_refused(void)
{
    struct vain_secagg *secagg = NULL;
    pairs_open(&pairs, 3);
    memcpy(pairs.members[2].member_id, pairs.members[1].member_id, VAIN_HASH_BYTES);
    REFUSED(VAIN_ERR_REFUSED, vain_secagg_open(pairs.members, 3, 0, false, &secagg),
            "members 'm1' and 'm2' have the same id", "vain key new");
    CU_ASSERT_PTR_NULL(secagg);
    REFUSED(VAIN_ERR_REFUSED, vain_secagg_open(pairs.members, 3, 0, true, &secagg), "the same id");
    pairs_close(&pairs);
}

static void too_few_members_are_refused(void)
{
    struct vain_secagg *secagg = NULL;
    pairs_open(&pairs, 3);
    REFUSED(VAIN_ERR_INPUT, vain_secagg_open(pairs.members, 1, 0, false, &secagg),
            "masked with 1 member: there is nobody whose delta could hide this one",
            "start at least 3 members (mpirun -n 3, srun -n 3, or --members 3 on this machine). To "
            "run it all the same",
            "exchange.allow_small: true", "exchange.privacy: none");
    CU_ASSERT_PTR_NULL(secagg);
    REFUSED(VAIN_ERR_INPUT, vain_secagg_open(pairs.members, 2, 1, false, &secagg),
            "masked with 2 members: each would get the other's delta by subtracting its own");
    CU_ASSERT_PTR_NULL(secagg);
    for (int count = 1; count <= 3; count++) {
        CU_ASSERT_EQUAL(vain_secagg_open(pairs.members, count, 0, count < 3, &secagg), VAIN_OK);
        vain_secagg_close(&secagg);
    }
    vain_secagg_close(&secagg);
    CU_ASSERT_PTR_NULL(secagg);
    pairs_close(&pairs);
}

static void without_memory_there_are_no_keys(void)
{
    struct vain_secagg *secagg = NULL;
    pairs_open(&pairs, 3);
    shortage_after(0);
    REFUSED(VAIN_ERR_MEMORY, vain_secagg_open(pairs.members, 3, 0, false, &secagg), "mask keys");
    shortage_end();
    CU_ASSERT_PTR_NULL(secagg);
    pairs_close(&pairs);
}

/* ---- refusals: announcements ----------------------------------------------------------------- */

static enum vain_status refuse_to_sign(struct vain_signer *signer, const void *message,
                                       size_t bytes, uint8_t *out)
{
    (void)signer;
    (void)message;
    (void)bytes;
    memset(out, 0, VAIN_SIGNATURE_BYTES);
    return vain_fail(VAIN_ERR_AUTH, "the token was taken out");
}

static void a_signer_that_fails_stops_the_start(void)
{
    static const struct vain_signer_ops ops = {.name = "none", .sign = refuse_to_sign};
    struct vain_signer signer = {.ops = &ops};
    uint8_t announcement[VAIN_SECAGG_ANNOUNCEMENT_BYTES];
    announce_all(3);
    REFUSED(VAIN_ERR_AUTH, vain_secagg_announce(pairs.secaggs[0], &signer, announcement),
            "the token was taken out");
    pairs_close(&pairs);
}

static void a_replayed_announcement_is_refused(void)
{
    uint8_t old[VAIN_SECAGG_ANNOUNCEMENT_BYTES];
    announce_all(3);
    memcpy(old, pairs_announcement(&pairs, 1), sizeof old);
    pairs_set_session(&pairs); /* the next start, with the same keys */
    pairs_announce(&pairs);
    memcpy(pairs_announcement(&pairs, 1), old, sizeof old);
    REFUSED(VAIN_ERR_AUTH, accept_by(0), "mask key of member 'm1'", "another start");
    /* With the session put in its place the signature does not hold. */
    memcpy(pairs_announcement(&pairs, 1), pairs_announcement(&pairs, 0), VAIN_HASH_BYTES);
    REFUSED(VAIN_ERR_AUTH, accept_by(2), "mask key of member 'm1'", "signature");
    pairs_close(&pairs);
}

/* Any member's other nonce makes another session. */
static void every_nonce_makes_the_session(void)
{
    for (int changed = 0; changed < 3; changed++) {
        announce_all(3);
        pairs.nonces[(changed + 1) * VAIN_SECAGG_NONCE_BYTES - 1] ^= 0x40;
        vain_secagg_set_session(pairs.secaggs[0], pairs.nonces);
        CU_ASSERT_EQUAL(vain_secagg_announce(pairs.secaggs[0], &pairs.signers[0],
                                             pairs_announcement(&pairs, 0)),
                        VAIN_OK);
        REFUSED(VAIN_ERR_AUTH, accept_by(0), "mask key of member 'm1'", "another start");
        REFUSED(VAIN_ERR_AUTH, accept_by(1), "mask key of member 'm0'", "another start");
        pairs_close(&pairs);
    }
}

static void every_flipped_bit_of_an_announcement_is_refused(void)
{
    announce_all(3);
    for (int bit = 0; bit < 8 * VAIN_SECAGG_ANNOUNCEMENT_BYTES; bit++) {
        uint8_t *byte = pairs_announcement(&pairs, 2) + bit / 8;
        *byte ^= (uint8_t)(1u << bit % 8);
        vain_fail_clear();
        CU_ASSERT_EQUAL(accept_by(0), VAIN_ERR_AUTH);
        CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "mask key of member 'm2'"));
        *byte ^= (uint8_t)(1u << bit % 8);
    }
    pairs_close(&pairs);
}

static void somebody_elses_announcement_is_refused(void)
{
    uint8_t kept[VAIN_SECAGG_ANNOUNCEMENT_BYTES];
    announce_all(4);
    memcpy(kept, pairs_announcement(&pairs, 1), sizeof kept);
    memcpy(pairs_announcement(&pairs, 1), pairs_announcement(&pairs, 2), sizeof kept);
    memcpy(pairs_announcement(&pairs, 2), kept, sizeof kept);
    REFUSED(VAIN_ERR_AUTH, accept_by(0), "mask key of member 'm1'", "somebody else speaks for it");
    /* Signed by another member's key, with this member's id in it. */
    memcpy(pairs_announcement(&pairs, 2), pairs_announcement(&pairs, 1), sizeof kept);
    memcpy(pairs_announcement(&pairs, 1), kept, sizeof kept);
    const struct vain_signer theirs = pairs.signers[1];
    pairs.signers[1] = pairs.signers[3];
    pairs_sign(&pairs, 1, kept, kept + VAIN_HASH_BYTES, pairs_announcement(&pairs, 1));
    pairs.signers[1] = theirs;
    REFUSED(VAIN_ERR_AUTH, accept_by(0), "mask key of member 'm1'", "signature");
    pairs_close(&pairs);
}

static void the_own_announcement_must_come_back(void)
{
    uint8_t secret[VAIN_X25519_BYTES], public_key[VAIN_X25519_BYTES];
    announce_all(3);
    vain_x25519_keypair(secret, public_key);
    pairs_sign(&pairs, 1, pairs_announcement(&pairs, 0), public_key, pairs_announcement(&pairs, 1));
    REFUSED(VAIN_ERR_AUTH, accept_by(1), "mask key of member 'm1', this one, came back as another",
            "second process");
    CU_ASSERT_EQUAL(accept_by(0), VAIN_OK); /* to others it is a good key */
    pairs_close(&pairs);
}

static void points_of_low_order_are_refused_by_name(void)
{
    FILE *file = test_open_golden("low_order_points.txt");
    char line[200];
    int count = 0;
    while (test_next_line(file, line, sizeof line)) {
        uint8_t point[VAIN_X25519_BYTES], key[VAIN_HASH_BYTES];
        CU_ASSERT_EQUAL(test_hex(line, point, sizeof point), sizeof point);
        announce_all(3);
        pairs_sign(&pairs, 2, pairs_announcement(&pairs, 0), point, pairs_announcement(&pairs, 2));
        for (int member = 0; member < 2; member++)
            REFUSED(VAIN_ERR_AUTH, accept_by(member),
                    "mask key of member 'm2' is a point of low order");
        memset(key, 0xaa, sizeof key);
        REFUSED(VAIN_ERR_AUTH,
                vain_secagg_pair_key(golden_secagg()->secrets[0], point, point, point, key),
                "low order");
        CU_ASSERT_EQUAL(memcmp(key, zeros, sizeof key), 0);
        pairs_close(&pairs);
        count++;
    }
    CU_ASSERT_EQUAL(count, 14);
    if (file != NULL)
        fclose(file);
}

/* ---- refusals: proofs ------------------------------------------------------------------------ */

static void accept_all(void)
{
    for (int i = 0; i < pairs.count; i++)
        CU_ASSERT_EQUAL(accept_by(i), VAIN_OK);
}

/* A member that gives two others two keys, both signed: nobody sees it before the proofs. */
static void a_pair_with_two_keys_is_found(void)
{
    uint8_t secret[VAIN_X25519_BYTES], public_key[VAIN_X25519_BYTES];
    announce_all(3);
    CU_ASSERT_EQUAL(accept_by(0), VAIN_OK);
    CU_ASSERT_EQUAL(accept_by(1), VAIN_OK);
    vain_x25519_keypair(secret, public_key);
    pairs_sign(&pairs, 0, pairs_announcement(&pairs, 1), public_key, pairs_announcement(&pairs, 0));
    CU_ASSERT_EQUAL(accept_by(2), VAIN_OK);
    pairs_prove(&pairs);
    CU_ASSERT_EQUAL(vain_secagg_check(pairs.secaggs[1], pairs.proofs), VAIN_OK);
    REFUSED(VAIN_ERR_AUTH, vain_secagg_check(pairs.secaggs[2], pairs.proofs),
            "members 'm0' and 'm2' do not have the same key", "nothing was sent");
    REFUSED(VAIN_ERR_AUTH, vain_secagg_check(pairs.secaggs[0], pairs.proofs),
            "members 'm2' and 'm0' do not have the same key");
    pairs_close(&pairs);
}

static void every_flipped_bit_of_a_proof_is_found(void)
{
    announce_all(3);
    accept_all();
    pairs_prove(&pairs);
    for (int bit = 0; bit < 8 * VAIN_SECAGG_PROOF_BYTES; bit++) {
        uint8_t *byte = pairs_proof(&pairs, 2, 1) + bit / 8;
        *byte ^= (uint8_t)(1u << bit % 8);
        REFUSED(VAIN_ERR_AUTH, vain_secagg_check(pairs.secaggs[1], pairs.proofs), "'m2' and 'm1'");
        CU_ASSERT_EQUAL(vain_secagg_check(pairs.secaggs[0], pairs.proofs), VAIN_OK);
        *byte ^= (uint8_t)(1u << bit % 8);
    }
    CU_ASSERT_EQUAL(vain_secagg_check(pairs.secaggs[1], pairs.proofs), VAIN_OK);
    pairs_close(&pairs);
}

/* What a member shows cannot be given back to it, and is no use with anybody else. */
static void proofs_have_a_direction(void)
{
    announce_all(4);
    accept_all();
    pairs_prove(&pairs);
    for (int from = 0; from < 4; from++) {
        CU_ASSERT_EQUAL(memcmp(pairs_proof(&pairs, from, from), zeros, VAIN_SECAGG_PROOF_BYTES), 0);
        for (int to = 0; to < 4; to++) {
            if (to == from)
                continue;
            CU_ASSERT_NOT_EQUAL(
                memcmp(pairs_proof(&pairs, from, to), zeros, VAIN_SECAGG_PROOF_BYTES), 0);
            CU_ASSERT_NOT_EQUAL(memcmp(pairs_proof(&pairs, from, to), pairs_proof(&pairs, to, from),
                                       VAIN_SECAGG_PROOF_BYTES),
                                0);
        }
    }
    memcpy(pairs_proof(&pairs, 1, 0), pairs_proof(&pairs, 0, 1), VAIN_SECAGG_PROOF_BYTES);
    REFUSED(VAIN_ERR_AUTH, vain_secagg_check(pairs.secaggs[0], pairs.proofs), "'m1' and 'm0'");
    pairs_close(&pairs);
}

/* ---- bugs ------------------------------------------------------------------------------------ */

static struct vain_context second;
static uint64_t second_input;

static void begin_a_second_time(void)
{
    const struct vain_context first = {.epoch = 2, .round = 5};
    (void)vain_secagg_begin(pairs.secaggs[0], &first, 11);
    vain_secagg_wipe_seeds(pairs.secaggs[0]);
    (void)vain_secagg_begin(pairs.secaggs[0], &second, second_input);
    vain_secagg_wipe_seeds(pairs.secaggs[0]);
}

static int second_time(struct vain_context context, uint64_t input)
{
    second = context;
    second_input = input;
    return test_exit_code(begin_a_second_time, NULL, 0);
}

static void one_input_goes_to_one_set(void)
{
    const int bug = 70;
    pairs_start(&pairs, 3);
    CU_ASSERT_EQUAL(
        second_time((struct vain_context){.epoch = 2, .round = 5, .attempt = 1, .set_hash = {1}},
                    11),
        bug);
    CU_ASSERT_EQUAL(
        second_time((struct vain_context){.epoch = 2, .round = 5, .attempt = 1, .set_hash[31] = 1},
                    11),
        bug);
    CU_ASSERT_EQUAL(second_time((struct vain_context){.epoch = 2, .round = 6, .set_hash = {1}}, 11),
                    bug);
    CU_ASSERT_EQUAL(second_time((struct vain_context){.epoch = 3, .round = 5, .set_hash = {1}}, 11),
                    bug);
    /* The same set again, or another input. */
    CU_ASSERT_EQUAL(second_time((struct vain_context){.epoch = 2, .round = 5, .attempt = 1}, 11),
                    0);
    CU_ASSERT_EQUAL(second_time((struct vain_context){.epoch = 2, .round = 6, .set_hash = {1}}, 12),
                    0);
    pairs_close(&pairs);
}

/* Whatever is masked, a round's streams are used once. */
static void a_context_is_used_once(void)
{
    const int bug = 70;
    pairs_start(&pairs, 3);
    CU_ASSERT_EQUAL(second_time((struct vain_context){.epoch = 2, .round = 5}, 11), bug);
    CU_ASSERT_EQUAL(second_time((struct vain_context){.epoch = 2, .round = 5}, 12), bug);
    CU_ASSERT_EQUAL(second_time((struct vain_context){.epoch = 2, .round = 4, .attempt = 9}, 12),
                    bug);
    CU_ASSERT_EQUAL(second_time((struct vain_context){.epoch = 1, .round = 6}, 12), bug);
    CU_ASSERT_EQUAL(second_time((struct vain_context){.epoch = 2, .round = 5, .attempt = 1}, 12),
                    0);
    CU_ASSERT_EQUAL(second_time((struct vain_context){.epoch = 2, .round = 6}, 12), 0);
    /* A round that is begun anew, in a later epoch. */
    CU_ASSERT_EQUAL(second_time((struct vain_context){.epoch = 3, .round = 5}, 12), 0);
    CU_ASSERT_EQUAL(second_time((struct vain_context){.epoch = 3, .round = 4}, 12), 0);
    pairs_close(&pairs);
}

/* The same set again, or another input in another attempt or round. */
static void other_inputs_go_anywhere(void)
{
    static const struct {
        struct vain_context context;
        uint64_t input;
    } fine[] = {
        {{.epoch = 2, .round = 5, .attempt = 1}, 11},
        {{.epoch = 2, .round = 5, .attempt = 1, .set_hash = {1}}, 12},
        {{.epoch = 2, .round = 6, .set_hash = {1}}, 12},
        {{.epoch = 2, .round = 6}, 11},
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(fine); i++) {
        pairs_start(&pairs, 3);
        second = fine[i].context;
        second_input = fine[i].input;
        begin_a_second_time();
        pairs_close(&pairs);
    }
    pairs_start(&pairs, 3);
    pairs_close(&pairs);
}

static void begin_without_proofs(void)
{
    const struct vain_context context = {.round = 5};
    (void)vain_secagg_begin(pairs.secaggs[0], &context, 0);
}

static void begin_without_an_end(void)
{
    begin_without_proofs();
    begin_without_proofs();
}

static void masks_need_proofs_and_an_end(void)
{
    char text[2000];
    announce_all(3);
    CU_ASSERT_EQUAL(test_exit_code(begin_without_proofs, text, sizeof text), 70);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "proved"));
    accept_all();
    CU_ASSERT_EQUAL(test_exit_code(begin_without_proofs, NULL, 0), 70);
    pairs_prove(&pairs);
    pairs_proof(&pairs, 1, 0)[0] ^= 1;
    CU_ASSERT_EQUAL(vain_secagg_check(pairs.secaggs[0], pairs.proofs), VAIN_ERR_AUTH);
    CU_ASSERT_EQUAL(test_exit_code(begin_without_proofs, NULL, 0), 70);
    pairs_proof(&pairs, 1, 0)[0] ^= 1;
    CU_ASSERT_EQUAL(vain_secagg_check(pairs.secaggs[0], pairs.proofs), VAIN_OK);
    CU_ASSERT_EQUAL(test_exit_code(begin_without_proofs, NULL, 0), 0);
    CU_ASSERT_EQUAL(test_exit_code(begin_without_an_end, text, sizeof text), 70);
    pairs_close(&pairs);
}

static void open_out_of_order(void)
{
    struct vain_secagg *secagg = NULL;
    const struct vain_record_member kept = pairs.members[0];
    pairs.members[0] = pairs.members[1];
    pairs.members[1] = kept;
    (void)!vain_secagg_open(pairs.members, 3, 0, false, &secagg);
}

static void members_out_of_order_are_a_bug(void)
{
    pairs_open(&pairs, 3);
    CU_ASSERT_EQUAL(test_exit_code(open_out_of_order, NULL, 0), 70);
    pairs_close(&pairs);
}

static const struct vain_test tests[] = {
    {"the key schedule is the golden one", the_key_schedule_is_the_golden_one},
    {"masked words are the golden ones, and their sum", masked_words_are_the_golden_ones},
    {"masks cancel for 1 to 16 members in any order", masks_cancel_for_every_number_of_members},
    {"seeds belong to pairs", seeds_belong_to_pairs},
    {"seeds are wiped at the end", seeds_are_wiped_at_the_end},
    {"every context has seeds of its own", every_context_has_seeds_of_its_own},
    {"another attempt has other masks", another_attempt_has_other_masks},
    {"equal ids are refused", equal_ids_are_refused},
    {"one and two members are refused unless allowed", too_few_members_are_refused},
    {"without memory there are no keys", without_memory_there_are_no_keys},
    {"a signer that fails stops the start", a_signer_that_fails_stops_the_start},
    {"a replayed announcement is refused", a_replayed_announcement_is_refused},
    {"every member's nonce makes the session", every_nonce_makes_the_session},
    {"every flipped bit of an announcement is refused",
     every_flipped_bit_of_an_announcement_is_refused},
    {"somebody else's announcement is refused", somebody_elses_announcement_is_refused},
    {"the own announcement must come back", the_own_announcement_must_come_back},
    {"points of low order are refused by name", points_of_low_order_are_refused_by_name},
    {"a pair with two keys is found", a_pair_with_two_keys_is_found},
    {"every flipped bit of a proof is found", every_flipped_bit_of_a_proof_is_found},
    {"proofs have a direction", proofs_have_a_direction},
    {"one input goes to one set, or it is a bug", one_input_goes_to_one_set},
    {"a context is used once", a_context_is_used_once},
    {"other inputs go anywhere", other_inputs_go_anywhere},
    {"masks need proofs, and an end before the next", masks_need_proofs_and_an_end},
    {"members out of order are a bug", members_out_of_order_are_a_bug},
    {NULL, NULL},
};
const struct vain_suite vain_suite_secagg = {"secagg", tests};

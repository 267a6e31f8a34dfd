/* Transport certificates against an independent model's, good and spoilt. */
#include "p2p/certificate.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "tests/unit/base/helpers.h"
#include "tests/unit/p2p/bed.h"
#include "tests/unit/suite.h"

#define DAY_MS INT64_C(86400000)

static bool is_zeros(const struct vain_link_peer *peer)
{
    static const struct vain_link_peer zeros;
    return vain_equal(peer->member_id, zeros.member_id, VAIN_HASH_BYTES) &&
           vain_is_zero(&peer->certificate, sizeof peer->certificate) && peer->not_after_ms == 0;
}

/* ---- Golden certificates -------------------------------------------------------------------- */

struct tally {
    int good, bad;
};

static void check_row(const struct bed_row *row, void *context)
{
    struct tally *tally = context;
    struct vain_link_peer peer;
    struct vain_signer member;
    const enum vain_status status =
        vain_link_certificate_check(row->der, row->bytes, BED_NOW_MS, &peer);
    if (strcmp(row->says, "-") == 0) {
        bed_signer(strcmp(row->name, "another-member") == 0 ? 2 : 1, &member);
        CU_ASSERT_EQUAL(status, VAIN_OK);
        CU_ASSERT_EQUAL(memcmp(peer.member_id, member.member_id, VAIN_HASH_BYTES), 0);
        CU_ASSERT_EQUAL(memcmp(peer.certificate.current_key, member.certificate.current_key,
                               VAIN_PUBLIC_KEY_BYTES),
                        0);
        tally->good++;
    } else {
        CU_ASSERT_EQUAL(status, VAIN_ERR_AUTH);
        CU_ASSERT_TRUE(is_zeros(&peer));
        const bool told = bed_message_has(row->says);
        CU_ASSERT_TRUE(told);
        if (!told)
            printf("  at %s\n", row->name);
        tally->bad++;
    }
    if (status != (strcmp(row->says, "-") == 0 ? VAIN_OK : VAIN_ERR_AUTH))
        printf("%s: %s [%s]\n", row->name, vain_status_name(status), vain_fail_message());
}

static void certificates_of_the_model_are_judged(void)
{
    struct tally tally = {0};
    CU_ASSERT_EQUAL(bed_visit_rows(check_row, &tally), 56);
    CU_ASSERT_EQUAL(tally.good, 8);
    CU_ASSERT_EQUAL(tally.bad, 48);
}

/* Every bit, every shorter prefix. */
static void nothing_may_change(void)
{
    static struct bed_row row;
    struct vain_link_peer peer;
    bed_find_row("good", &row);
    for (size_t bit = 0; bit < 8 * row.bytes; bit++) {
        row.der[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CU_ASSERT_EQUAL(vain_link_certificate_check(row.der, row.bytes, BED_NOW_MS, &peer),
                        VAIN_ERR_AUTH);
        row.der[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t bytes = 0; bytes < row.bytes; bytes++)
        CU_ASSERT_EQUAL(vain_link_certificate_check(row.der, bytes, BED_NOW_MS, &peer),
                        VAIN_ERR_AUTH);
    CU_ASSERT_EQUAL(vain_link_certificate_check(row.der, row.bytes, BED_NOW_MS, &peer), VAIN_OK);
    vain_fail_clear();
}

static void time_is_the_callers(void)
{
    static struct bed_row row;
    struct vain_link_peer peer;
    bed_find_row("good", &row);
    const int64_t start = BED_NOW_MS - VAIN_LINK_SKEW_MS, end = BED_NOW_MS + DAY_MS;
    const struct {
        int64_t now_ms;
        enum vain_status status;
    } times[] = {
        {start, VAIN_OK},           {end, VAIN_OK},
        {start - 1, VAIN_ERR_AUTH}, {end + 1, VAIN_ERR_AUTH},
        {0, VAIN_ERR_AUTH},         {-1, VAIN_ERR_AUTH},
        {INT64_MIN, VAIN_ERR_AUTH}, {INT64_MAX, VAIN_ERR_AUTH},
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(times); i++)
        CU_ASSERT_EQUAL(vain_link_certificate_check(row.der, row.bytes, times[i].now_ms, &peer),
                        times[i].status);
    vain_fail_clear();
}

/* Calls `look` with each certificate that libp2p publishes; the count. */
static int visit_libp2p(void (*look)(uint8_t *der, size_t bytes))
{
    static char line[BED_LINE_BYTES];
    uint8_t der[BED_LINE_BYTES / 2];
    FILE *file = test_open_golden("libp2p_certificates.txt");
    int count = 0;
    for (; test_next_line(file, line, sizeof line); count++) {
        const size_t bytes = test_hex(line, der, sizeof der - 1);
        look(der, bytes);
    }
    if (file != NULL)
        fclose(file);
    return count;
}

static void expect_refused(const uint8_t *der, size_t bytes, const char *why)
{
    struct vain_link_peer peer;
    CU_ASSERT_EQUAL(vain_link_certificate_check(der, bytes, BED_NOW_MS, &peer), VAIN_ERR_AUTH);
    CU_ASSERT_TRUE(is_zeros(&peer));
    CU_ASSERT_TRUE(why == NULL || bed_message_has(why));
}

static void look_at_key(uint8_t *der, size_t bytes)
{
    expect_refused(der, bytes, "key type is not Ed25519");
}

/* Certificates that others made, with keys that are not ours: they are understood, and refused for
 * what they are. */
static void certificates_of_libp2p_are_refused_for_their_keys(void)
{
    CU_ASSERT_EQUAL(visit_libp2p(look_at_key), 4);
}

/* What is cut or grown is not understood; what is changed may be, and is no better. */
static void spoil(uint8_t *der, size_t bytes)
{
    for (size_t part = 0; part < bytes; part++)
        expect_refused(der, part, "are no X.509 certificate");
    der[bytes] = 0;
    expect_refused(der, bytes + 1, "are no X.509 certificate");
    for (size_t bit = 0; bit < 8 * bytes; bit++) {
        der[bit / 8] ^= (uint8_t)(1u << bit % 8);
        expect_refused(der, bytes, NULL);
        der[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    vain_fail_clear();
}

static void certificates_of_libp2p_are_refused_when_they_are_spoilt(void)
{
    CU_ASSERT_EQUAL(visit_libp2p(spoil), 4);
}

/* ---- Own certificates ----------------------------------------------------------------------- */

static enum vain_status make_and_check(struct vain_signer *signer, int64_t made_ms, int64_t now_ms,
                                       struct vain_link_peer *peer)
{
    struct vain_link_certificate certificate;
    uint8_t der[VAIN_LINK_CERTIFICATE_BYTES_MAX];
    size_t bytes;
    *peer = (struct vain_link_peer){0};
    VAIN_TRY(vain_link_certificate_make(signer, made_ms, &certificate));
    vain_link_certificate_encode(&certificate, der, &bytes);
    vain_link_certificate_fini(&certificate);
    return vain_link_certificate_check(der, bytes, now_ms, peer);
}

static void own_certificates_pass(void)
{
    struct vain_signer signer;
    struct vain_link_peer peer;
    bed_signer(3, &signer);
    const int64_t made_ms = BED_NOW_MS + 123; /* no whole second */
    CU_ASSERT_EQUAL(make_and_check(&signer, made_ms, made_ms, &peer), VAIN_OK);
    CU_ASSERT_EQUAL(memcmp(peer.member_id, signer.member_id, VAIN_HASH_BYTES), 0);
    CU_ASSERT_EQUAL(memcmp(&peer.certificate, &signer.certificate, sizeof signer.certificate), 0);
    CU_ASSERT_EQUAL(peer.not_after_ms, BED_NOW_MS + DAY_MS);
    CU_ASSERT_EQUAL(make_and_check(&signer, made_ms, made_ms - VAIN_LINK_SKEW_MS, &peer), VAIN_OK);
    CU_ASSERT_EQUAL(make_and_check(&signer, made_ms, BED_NOW_MS + DAY_MS, &peer), VAIN_OK);
    CU_ASSERT_EQUAL(make_and_check(&signer, made_ms, BED_NOW_MS + DAY_MS + 1, &peer),
                    VAIN_ERR_AUTH);
    CU_ASSERT_TRUE(bed_message_has("expired"));
    CU_ASSERT_EQUAL(make_and_check(&signer, made_ms, made_ms - VAIN_LINK_SKEW_MS - 1000, &peer),
                    VAIN_ERR_AUTH);
    CU_ASSERT_TRUE(bed_message_has("clocks"));
    vain_signer_close(&signer);
}

static void keys_are_fresh(void)
{
    struct vain_signer signer;
    struct vain_link_certificate one, two;
    uint8_t keys[2][VAIN_PUBLIC_KEY_BYTES];
    size_t bytes = VAIN_PUBLIC_KEY_BYTES;
    bed_signer(1, &signer);
    CU_ASSERT_EQUAL_FATAL(vain_link_certificate_make(&signer, BED_NOW_MS, &one), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(vain_link_certificate_make(&signer, BED_NOW_MS, &two), VAIN_OK);
    CU_ASSERT_EQUAL(EVP_PKEY_get_raw_public_key(one.key, keys[0], &bytes), 1);
    CU_ASSERT_EQUAL(EVP_PKEY_get_raw_public_key(two.key, keys[1], &bytes), 1);
    CU_ASSERT_NOT_EQUAL(memcmp(keys[0], keys[1], sizeof keys[0]), 0);
    CU_ASSERT_NOT_EQUAL(memcmp(keys[0], signer.certificate.current_key, sizeof keys[0]), 0);
    vain_link_certificate_fini(&one);
    vain_link_certificate_fini(&two);
    CU_ASSERT_PTR_NULL(one.key);
    vain_link_certificate_fini(&one); /* again is fine */
}

static void a_life_ends_with_the_members_key(void)
{
    struct vain_signer signer;
    struct vain_link_peer peer;
    struct vain_link_certificate certificate;
    bed_signer(1, &signer);
    const int64_t end_ms = signer.certificate.not_after_ms;
    CU_ASSERT_EQUAL(make_and_check(&signer, end_ms - 5000, end_ms - 5000, &peer), VAIN_OK);
    CU_ASSERT_EQUAL(peer.not_after_ms, end_ms);
    CU_ASSERT_EQUAL(vain_link_certificate_make(&signer, end_ms, &certificate), VAIN_ERR_AUTH);
    CU_ASSERT_TRUE(bed_message_has("make the next one"));
    CU_ASSERT_PTR_NULL(certificate.x509);
    static const int64_t impossible[] = {0, -1, INT64_MIN, INT64_MAX, INT64_C(253402300799000)};
    for (size_t i = 0; i < VAIN_COUNT_OF(impossible); i++) {
        CU_ASSERT_EQUAL(vain_link_certificate_make(&signer, impossible[i], &certificate),
                        VAIN_ERR_INPUT);
        CU_ASSERT_TRUE(bed_message_has("set the clock"));
    }
}

static enum vain_status sign_nothing(struct vain_signer *signer, const void *message, size_t bytes,
                                     uint8_t out[VAIN_SIGNATURE_BYTES])
{
    (void)signer;
    (void)message;
    (void)bytes;
    (void)out;
    return vain_fail(VAIN_ERR_AUTH, "the token is not there");
}

static void a_signer_that_fails_is_told(void)
{
    static const struct vain_signer_ops broken = {.name = "broken", .sign = sign_nothing};
    struct vain_signer signer;
    struct vain_link_certificate certificate;
    bed_signer(1, &signer);
    signer.ops = &broken;
    CU_ASSERT_EQUAL(vain_link_certificate_make(&signer, BED_NOW_MS, &certificate), VAIN_ERR_AUTH);
    CU_ASSERT_TRUE(bed_message_has("the token is not there"));
    CU_ASSERT_PTR_NULL(certificate.key);
    CU_ASSERT_PTR_NULL(certificate.x509);
}

static const struct vain_test tests[] = {
    {"certificates of an independent model are accepted or refused with the reason",
     certificates_of_the_model_are_judged},
    {"no bit may change, no byte be missing", nothing_may_change},
    {"validity is judged by the caller's clock", time_is_the_callers},
    {"libp2p's certificates are refused for their keys",
     certificates_of_libp2p_are_refused_for_their_keys},
    {"libp2p's certificates are refused when they are spoilt, too",
     certificates_of_libp2p_are_refused_when_they_are_spoilt},
    {"own certificates pass, for a day", own_certificates_pass},
    {"each certificate has a fresh key", keys_are_fresh},
    {"a certificate does not outlive the member's key", a_life_ends_with_the_members_key},
    {"a signer that fails is told", a_signer_that_fails_is_told},
    {NULL, NULL},
};
const struct vain_suite vain_suite_certificate = {"p2p/certificate", tests};

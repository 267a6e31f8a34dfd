/* Cards at a meeting: who he says and proves that he is, now, and whether he is expected. */
#include "jobs/member_card.h"

#include <stdio.h>
#include <string.h>

#include "cmd/world.h"
#include "tests/unit/suite.h"

enum { HOUR_MS = 3600 * 1000 };

static int64_t clock_ms;

static int64_t shown_ms(struct vain_world *world)
{
    (void)world;
    return clock_ms;
}

/* The real world with a clock of the test's. */
static struct vain_world_ops ops;
static struct vain_world world = {.ops = &ops};
static struct vain_signer signer;
static uint8_t card[VAIN_CARD_BYTES_MAX];
static size_t card_bytes;

static void begin(void)
{
    ops = *vain_world_real()->ops;
    ops.unix_ms = shown_ms;
    clock_ms = INT64_C(1750000000000);
    CU_ASSERT_EQUAL_FATAL(vain_signer_open_throw_away(&signer, clock_ms), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(vain_member_card_make(&signer, "alice", card, &card_bytes), VAIN_OK);
}

static void a_card_says_who_its_maker_is(void)
{
    struct vain_record_member member;
    begin();
    CU_ASSERT_EQUAL_FATAL(vain_member_card_accept(card, card_bytes, &world, &member), VAIN_OK);
    CU_ASSERT_STRING_EQUAL(member.name, "alice");
    CU_ASSERT_EQUAL(memcmp(member.member_id, signer.member_id, VAIN_HASH_BYTES), 0);
    CU_ASSERT_EQUAL(memcmp(&member.certificate, &signer.certificate, sizeof member.certificate), 0);
    vain_signer_close(&signer);
}

static void every_flipped_byte_is_refused(void)
{
    static const struct vain_record_member nobody;
    struct vain_record_member member;
    begin();
    for (size_t place = 0; place < card_bytes; place++) {
        card[place] ^= 1;
        const enum vain_status status = vain_member_card_accept(card, card_bytes, &world, &member);
        CU_ASSERT(status == VAIN_ERR_AUTH || status == VAIN_ERR_CORRUPT);
        CU_ASSERT_EQUAL(memcmp(&member, &nobody, sizeof member), 0);
        card[place] ^= 1;
    }
    CU_ASSERT_EQUAL(vain_member_card_accept(card, card_bytes, &world, &member), VAIN_OK);
    vain_fail_clear();
    vain_signer_close(&signer);
}

static enum vain_status accept_at(int64_t ms)
{
    struct vain_record_member member;
    clock_ms = ms;
    const enum vain_status status = vain_member_card_accept(card, card_bytes, &world, &member);
    if (status != VAIN_OK)
        CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "member 'alice': its key's"));
    vain_fail_clear();
    return status;
}

static void a_certificate_holds_from_when_to_when_give_or_take_an_hour(void)
{
    begin();
    const int64_t from = signer.certificate.not_before_ms, to = signer.certificate.not_after_ms;
    CU_ASSERT_EQUAL(accept_at(from - HOUR_MS), VAIN_OK);
    CU_ASSERT_EQUAL(accept_at(from - HOUR_MS - 1), VAIN_ERR_AUTH);
    CU_ASSERT_EQUAL(accept_at(to + HOUR_MS), VAIN_OK);
    CU_ASSERT_EQUAL(accept_at(to + HOUR_MS + 1), VAIN_ERR_AUTH);
    vain_signer_close(&signer);
}

static enum vain_status check(const char *name, const char *key, const char *said)
{
    struct vain_record_member member;
    struct vain_option_member listed;
    CU_ASSERT_EQUAL_FATAL(vain_member_card_accept(card, card_bytes, &world, &member), VAIN_OK);
    memset(&listed, 0, sizeof listed);
    snprintf(listed.name, sizeof listed.name, "%s", name);
    snprintf(listed.key, sizeof listed.key, "%s", key);
    const enum vain_status status = vain_member_card_check(&member, &listed, "a stranger");
    if (status != VAIN_OK)
        CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), said));
    vain_fail_clear();
    return status;
}

static void name_and_key_are_the_listed_ones(void)
{
    char own[2 * VAIN_HASH_BYTES + 1], other[2 * VAIN_HASH_BYTES + 1];
    begin();
    vain_to_hex(signer.member_id, VAIN_HASH_BYTES, own);
    memcpy(other, own, sizeof other);
    other[63] = other[63] == '0' ? '1' : '0';
    CU_ASSERT_EQUAL(check("alice", own, ""), VAIN_OK);
    CU_ASSERT_EQUAL(check("alice", "", ""), VAIN_OK);
    CU_ASSERT_EQUAL(check("bob", own, "a stranger says that it is 'alice', but the spec lists"),
                    VAIN_ERR_AUTH);
    CU_ASSERT_EQUAL(check("alice", other, "but the spec pins"), VAIN_ERR_AUTH);
    vain_signer_close(&signer);
}

static const struct vain_test tests[] = {
    {"a card says who its maker is", a_card_says_who_its_maker_is},
    {"every flipped byte is refused", every_flipped_byte_is_refused},
    {"a certificate holds from when to when, give or take an hour",
     a_certificate_holds_from_when_to_when_give_or_take_an_hour},
    {"name and key are the listed ones", name_and_key_are_the_listed_ones},
    {NULL, NULL},
};
const struct vain_suite vain_suite_member_card = {"jobs/member card", tests};

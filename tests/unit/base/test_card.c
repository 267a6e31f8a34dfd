/* Member cards: one encoding each, nothing else accepted. */
#include "base/card.h"

#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "tests/unit/base/helpers.h"
#include "tests/unit/suite.h"

#define NOW_MS INT64_C(1750000000000)

static void fill_card(struct vain_card *card)
{
    *card = (struct vain_card){.sequence = 3,
                               .expires_ms = NOW_MS,
                               .name = "bob",
                               .region = "eu",
                               .device = "cpu",
                               .software = "vain 0.1.0",
                               .capacity_tokens_per_second = 99,
                               .address_count = 2,
                               .addresses = {"10.0.0.1:7000", "[::1]:65535"}};
}

static enum vain_status encode(const struct vain_card *card, uint8_t *data, size_t *bytes)
{
    struct vain_signer signer;
    VAIN_TRY(vain_signer_open_throw_away(&signer, NOW_MS));
    const enum vain_status status = vain_card_encode(card, &signer, data, bytes);
    vain_signer_close(&signer);
    return status;
}

static void card_of_version_1_is_read(void)
{
    uint8_t data[VAIN_CARD_BYTES_MAX];
    struct vain_card card;
    const size_t bytes = test_read_golden_hex("card.hex", data, sizeof data);
    CU_ASSERT_EQUAL_FATAL(vain_card_decode(data, bytes, &card), VAIN_OK);
    CU_ASSERT_STRING_EQUAL(card.name, "alice");
    CU_ASSERT_STRING_EQUAL(card.region, "eu-north");
    CU_ASSERT_STRING_EQUAL(card.device, "cpu x 2");
    CU_ASSERT_STRING_EQUAL(card.software, "vain 0.1.0");
    CU_ASSERT_EQUAL(card.capacity_tokens_per_second, 12345);
    CU_ASSERT_EQUAL(card.sequence, 7);
    CU_ASSERT_EQUAL(card.expires_ms, NOW_MS + 1000);
    CU_ASSERT_EQUAL(card.address_count, 2);
    CU_ASSERT_STRING_EQUAL(card.addresses[0], "node1.example.org:7000");
    CU_ASSERT_STRING_EQUAL(card.addresses[1], "[2001:db8::1]:7000");
    /* The same key signs it again to the same bytes: Ed25519 is deterministic. */
    uint8_t key[VAIN_KEY_FILE_BYTES], again[VAIN_CARD_BYTES_MAX];
    struct vain_signer signer;
    char folder[TEST_PATH_BYTES], path[600];
    size_t again_bytes;
    test_make_folder(folder);
    snprintf(path, sizeof path, "%s/alice.key", folder);
    test_write_file(path, key, test_read_golden_hex("key.hex", key, sizeof key), 0600);
    CU_ASSERT_EQUAL_FATAL(vain_signer_open_file(&signer, path), VAIN_OK);
    CU_ASSERT_EQUAL(vain_card_encode(&card, &signer, again, &again_bytes), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(again_bytes, bytes);
    CU_ASSERT_EQUAL(memcmp(data, again, bytes), 0);
    CU_ASSERT_EQUAL(memcmp(card.member_id, signer.member_id, VAIN_HASH_BYTES), 0);
    vain_signer_close(&signer);
    test_remove_folder(folder);
}

static void every_cut_and_flip_is_refused(void)
{
    uint8_t data[VAIN_CARD_BYTES_MAX + 1] = {0};
    struct vain_card card;
    const size_t bytes = test_read_golden_hex("card.hex", data, sizeof data);
    for (size_t cut = 0; cut < bytes; cut++)
        CU_ASSERT_EQUAL(vain_card_decode(data, cut, &card), VAIN_ERR_CORRUPT);
    CU_ASSERT_EQUAL(vain_card_decode(data, bytes + 1, &card), VAIN_ERR_CORRUPT);
    CU_ASSERT_EQUAL(vain_card_decode(data, sizeof data, &card), VAIN_ERR_CORRUPT);
    for (size_t bit = 0; bit < 8 * bytes; bit++) {
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        const enum vain_status status = vain_card_decode(data, bytes, &card);
        CU_ASSERT_TRUE(status == VAIN_ERR_CORRUPT || status == VAIN_ERR_AUTH);
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    vain_fail_clear();
}

static void the_largest_and_smallest_card_fit(void)
{
    struct vain_card card, back;
    uint8_t data[VAIN_CARD_BYTES_MAX];
    size_t bytes;
    fill_card(&card);
    memset(card.name, 'n', VAIN_NAME_BYTES - 1);
    memset(card.region, '~', VAIN_CARD_TEXT_BYTES - 1);
    memset(card.device, ' ', VAIN_CARD_TEXT_BYTES - 1);
    memset(card.software, 's', VAIN_CARD_TEXT_BYTES - 1);
    card.address_count = VAIN_CARD_ADDRESSES_MAX;
    for (int i = 0; i < VAIN_CARD_ADDRESSES_MAX; i++) {
        memset(card.addresses[i], 'a' + i, VAIN_CARD_ADDRESS_BYTES - 1);
        memcpy(card.addresses[i] + VAIN_CARD_ADDRESS_BYTES - 7, ":65535", 7);
    }
    CU_ASSERT_EQUAL_FATAL(encode(&card, data, &bytes), VAIN_OK);
    CU_ASSERT_EQUAL(vain_card_decode(data, bytes, &back), VAIN_OK);
    CU_ASSERT_STRING_EQUAL(back.addresses[3], card.addresses[3]);
    card = (struct vain_card){.name = "a"};
    CU_ASSERT_EQUAL_FATAL(encode(&card, data, &bytes), VAIN_OK);
    CU_ASSERT_EQUAL(vain_card_decode(data, bytes, &back), VAIN_OK);
    CU_ASSERT_EQUAL(back.address_count, 0);
}

static void addresses_are_host_and_port(void)
{
    static const char *const right[] = {"a:1", "host.example:65535", "[2001:db8::1]:80"};
    static const char *const wrong[] = {"",        "host",     ":80",        "host:",
                                        "host:0",  "host:080", "host:65536", "host:99999999999",
                                        "host:8o", "ho st:80", "a/b:80",     "user@host:80",
                                        "host:-1", "h:+1",     "h: 1"};
    struct vain_card card, back;
    uint8_t data[VAIN_CARD_BYTES_MAX];
    size_t bytes;
    for (size_t i = 0; i < VAIN_COUNT_OF(right); i++) {
        fill_card(&card);
        snprintf(card.addresses[1], sizeof card.addresses[1], "%s", right[i]);
        CU_ASSERT_EQUAL(encode(&card, data, &bytes), VAIN_OK);
        CU_ASSERT_EQUAL(vain_card_decode(data, bytes, &back), VAIN_OK);
    }
    for (size_t i = 0; i < VAIN_COUNT_OF(wrong); i++) {
        fill_card(&card);
        snprintf(card.addresses[1], sizeof card.addresses[1], "%s", wrong[i]);
        CU_ASSERT_EQUAL(encode(&card, data, &bytes), VAIN_ERR_INPUT);
        CU_ASSERT_EQUAL(bytes, 0);
    }
    vain_fail_clear();
}

static void bad_cards_are_not_made(void)
{
    struct vain_card card;
    uint8_t data[VAIN_CARD_BYTES_MAX];
    size_t bytes;
    fill_card(&card);
    memcpy(card.name, "Bob", 4);
    CU_ASSERT_EQUAL(encode(&card, data, &bytes), VAIN_ERR_INPUT);
    fill_card(&card);
    card.expires_ms = -1;
    CU_ASSERT_EQUAL(encode(&card, data, &bytes), VAIN_ERR_INPUT);
    fill_card(&card);
    card.address_count = VAIN_CARD_ADDRESSES_MAX + 1;
    CU_ASSERT_EQUAL(encode(&card, data, &bytes), VAIN_ERR_INPUT);
    card.address_count = -1;
    CU_ASSERT_EQUAL(encode(&card, data, &bytes), VAIN_ERR_INPUT);
    fill_card(&card);
    memcpy(card.addresses[1], card.addresses[0], sizeof card.addresses[0]);
    CU_ASSERT_EQUAL(encode(&card, data, &bytes), VAIN_ERR_INPUT);
    fill_card(&card);
    memcpy(card.region, "\xc3\xa9", 3);
    CU_ASSERT_EQUAL(encode(&card, data, &bytes), VAIN_ERR_INPUT);
    vain_fail_clear();
}

/* A card whose fields are right byte by byte but break a rule, with a right signature. */
static enum vain_status decode_forged(const char *name, int64_t expires_ms, int addresses,
                                      const char *address, unsigned version)
{
    struct vain_signer signer;
    VAIN_TRY(vain_signer_open_throw_away(&signer, NOW_MS));
    uint8_t data[VAIN_CARD_BYTES_MAX], certificate[VAIN_CERTIFICATE_BYTES];
    struct vain_writer writer;
    vain_writer_init(&writer, data, sizeof data);
    vain_write_bytes(&writer, "VAINCARD", 8);
    vain_write_u16(&writer, (uint16_t)version);
    vain_certificate_encode(&signer.certificate, certificate);
    vain_write_bytes(&writer, certificate, sizeof certificate);
    vain_write_u64(&writer, 1);
    vain_write_u64(&writer, (uint64_t)expires_ms);
    vain_write_text(&writer, name);
    vain_write_text(&writer, "eu");
    vain_write_text(&writer, "cpu");
    vain_write_u64(&writer, 1);
    vain_write_text(&writer, "vain");
    vain_write_u8(&writer, (uint8_t)addresses);
    for (int i = 0; i < addresses; i++)
        vain_write_text(&writer, address);
    uint8_t message[13 + VAIN_HASH_BYTES], signature[VAIN_SIGNATURE_BYTES];
    memcpy(message, "vain/card/v1", 13);
    vain_hash("vain/card", data, writer.position, message + 13);
    enum vain_status status = vain_signer_sign(&signer, message, sizeof message, signature);
    vain_write_bytes(&writer, signature, sizeof signature);
    struct vain_card card;
    if (status == VAIN_OK)
        status = vain_card_decode(data, writer.position, &card);
    vain_signer_close(&signer);
    return status;
}

static void forged_cards_are_refused(void)
{
    CU_ASSERT_EQUAL(decode_forged("bob", 0, 1, "a:1", 1), VAIN_OK);
    CU_ASSERT_EQUAL(decode_forged("Bob", 0, 1, "a:1", 1), VAIN_ERR_CORRUPT);
    CU_ASSERT_EQUAL(decode_forged("", 0, 1, "a:1", 1), VAIN_ERR_CORRUPT);
    CU_ASSERT_EQUAL(decode_forged("bob", -1, 1, "a:1", 1), VAIN_ERR_CORRUPT);
    CU_ASSERT_EQUAL(decode_forged("bob", 0, 2, "a:1", 1), VAIN_ERR_CORRUPT);
    CU_ASSERT_EQUAL(decode_forged("bob", 0, 5, "a:1", 1), VAIN_ERR_CORRUPT);
    CU_ASSERT_EQUAL(decode_forged("bob", 0, 1, "a", 1), VAIN_ERR_CORRUPT);
    CU_ASSERT_EQUAL(decode_forged("bob", 0, 1, "a:1", 2), VAIN_ERR_CORRUPT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "version 2"));
    vain_fail_clear();
}

static const struct vain_test tests[] = {
    {"a card of version 1 is read and made again byte for byte", card_of_version_1_is_read},
    {"every cut and every flipped bit is refused", every_cut_and_flip_is_refused},
    {"the largest and the smallest card fit", the_largest_and_smallest_card_fit},
    {"addresses are host and port in one spelling", addresses_are_host_and_port},
    {"cards that break a rule are not made", bad_cards_are_not_made},
    {"cards that break a rule are refused though signed", forged_cards_are_refused},
    {NULL, NULL},
};
const struct vain_suite vain_suite_card = {"base/card", tests};

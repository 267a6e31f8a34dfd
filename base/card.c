/* Encoding and checking a member card.
 *
 * One table of limits, checked from both sides: what the encoder puts in is what the decoder takes,
 * so every accepted card is its own only encoding. The signature is over a hash, which keeps what
 * is signed short (hardware keys) and apart from everything else that a member signs:
 *     "vain/card/v1\0" || BLAKE2b-256(personal "vain/card", all bytes before the signature) */
#include "base/card.h"

#include "base/cursor.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CARD_MAGIC  "VAINCARD"
#define CARD_DOMAIN "vain/card/v1" /* signed with its NUL */

enum {
    MAGIC_BYTES = 8,
    CARD_VERSION = 1,
    MESSAGE_BYTES = sizeof CARD_DOMAIN + VAIN_HASH_BYTES,
    /* Every text as long as it may be (2 bytes of length, no NUL). */
    LARGEST_CARD_BYTES = MAGIC_BYTES + 2 + VAIN_CERTIFICATE_BYTES + 8 + 8 +
                         (2 + VAIN_NAME_BYTES - 1) + 3 * (2 + VAIN_CARD_TEXT_BYTES - 1) + 8 + 1 +
                         VAIN_CARD_ADDRESSES_MAX * (2 + VAIN_CARD_ADDRESS_BYTES - 1) +
                         VAIN_SIGNATURE_BYTES
};
static_assert((int)LARGEST_CARD_BYTES <= (int)VAIN_CARD_BYTES_MAX, "every card that is valid fits");

/* What a member signs: `bytes` of the card before its signature. */
static void card_message(const uint8_t *data, size_t bytes,
                         uint8_t out[VAIN_MIN_LEN(MESSAGE_BYTES)])
{
    memcpy(out, CARD_DOMAIN, sizeof CARD_DOMAIN);
    vain_hash("vain/card", data, bytes, out + sizeof CARD_DOMAIN);
}

/* host:port, the port in its one decimal spelling from 1 to 65535. */
static bool address_valid(const char *address)
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL || colon == address)
        return false;
    const size_t host_bytes = strcspn(address, " /@");
    const char *port = colon + 1;
    const size_t digits = strspn(port, "0123456789");
    if (address[host_bytes] != '\0' || port[digits] != '\0' || digits < 1 || digits > 5)
        return false;
    return port[0] != '0' && strtoul(port, NULL, 10) <= 65535;
}

static bool address_repeated(const struct vain_card *card, int index)
{
    for (int i = 0; i < index; i++) {
        if (strcmp(card->addresses[i], card->addresses[index]) == 0)
            return true;
    }
    return false;
}

/* The rules beyond layout. NULL, or what is wrong. */
static const char *card_fault(const struct vain_card *card)
{
    if (!vain_name_valid(card->name))
        return "the name is not 1 to 63 of a-z 0-9 . _ - that begin with a letter or digit";
    if (card->expires_ms < 0)
        return "it expires before 1970";
    if (card->address_count < 0 || card->address_count > VAIN_CARD_ADDRESSES_MAX)
        return "more than 4 addresses";
    for (int i = 0; i < card->address_count; i++) {
        if (!address_valid(card->addresses[i]))
            return "an address is not host:port";
        if (address_repeated(card, i))
            return "an address stands there twice";
    }
    return NULL;
}

enum vain_status vain_card_encode(const struct vain_card *card, struct vain_signer *signer,
                                  uint8_t out[VAIN_MIN_LEN(VAIN_CARD_BYTES_MAX)], size_t *out_bytes)
{
    *out_bytes = 0;
    const char *fault = card_fault(card);
    if (fault != NULL)
        return vain_fail(VAIN_ERR_INPUT, "card of '%.64s': %s", card->name, fault);
    uint8_t certificate[VAIN_CERTIFICATE_BYTES];
    vain_certificate_encode(&signer->certificate, certificate);
    struct vain_writer writer;
    vain_writer_init(&writer, out, VAIN_CARD_BYTES_MAX);
    vain_write_bytes(&writer, CARD_MAGIC, MAGIC_BYTES);
    vain_write_u16(&writer, CARD_VERSION);
    vain_write_bytes(&writer, certificate, sizeof certificate);
    vain_write_u64(&writer, card->sequence);
    vain_write_u64(&writer, (uint64_t)card->expires_ms);
    vain_write_text(&writer, card->name);
    vain_write_text(&writer, card->region);
    vain_write_text(&writer, card->device);
    vain_write_u64(&writer, card->capacity_tokens_per_second);
    vain_write_text(&writer, card->software);
    vain_write_u8(&writer, (uint8_t)card->address_count);
    for (int i = 0; i < card->address_count; i++)
        vain_write_text(&writer, card->addresses[i]);
    if (writer.failed)
        return vain_fail(VAIN_ERR_INPUT,
                         "card of %s: a text holds something else than printable "
                         "ASCII",
                         card->name);
    uint8_t message[MESSAGE_BYTES], signature[VAIN_SIGNATURE_BYTES];
    card_message(out, writer.position, message);
    VAIN_TRY(vain_signer_sign(signer, message, sizeof message, signature));
    vain_write_bytes(&writer, signature, sizeof signature);
    VAIN_ASSERT(!writer.failed);
    *out_bytes = writer.position;
    return VAIN_OK;
}

/* Reads the fields after the certificate, up to the signature. */
static void read_fields(struct vain_reader *reader, struct vain_card *card)
{
    card->sequence = vain_read_u64(reader);
    card->expires_ms = (int64_t)vain_read_u64(reader);
    vain_read_text(reader, card->name, sizeof card->name);
    vain_read_text(reader, card->region, sizeof card->region);
    vain_read_text(reader, card->device, sizeof card->device);
    card->capacity_tokens_per_second = vain_read_u64(reader);
    vain_read_text(reader, card->software, sizeof card->software);
    const int address_count = vain_read_u8(reader);
    if (address_count > VAIN_CARD_ADDRESSES_MAX)
        reader->failed = true;
    for (int i = 0; i < address_count && !reader->failed; i++)
        vain_read_text(reader, card->addresses[i], sizeof card->addresses[i]);
    card->address_count = reader->failed ? 0 : address_count;
}

enum vain_status vain_card_decode(const uint8_t *data, size_t bytes, struct vain_card *out)
{
    *out = (struct vain_card){0};
    if (bytes > VAIN_CARD_BYTES_MAX)
        return vain_fail(VAIN_ERR_CORRUPT, "card: %zu bytes, expected at most %d", bytes,
                         VAIN_CARD_BYTES_MAX);
    struct vain_reader reader;
    vain_reader_init(&reader, data, bytes);
    const uint8_t *magic = vain_read_view(&reader, MAGIC_BYTES);
    if (magic == NULL || memcmp(magic, CARD_MAGIC, MAGIC_BYTES) != 0)
        return vain_fail(VAIN_ERR_CORRUPT, "card: does not begin like a member card");
    const unsigned version = vain_read_u16(&reader);
    if (!reader.failed && version != CARD_VERSION)
        return vain_fail(VAIN_ERR_CORRUPT, "card: version %u, this build reads %d", version,
                         CARD_VERSION);
    const uint8_t *certificate = vain_read_view(&reader, VAIN_CERTIFICATE_BYTES);
    read_fields(&reader, out);
    const size_t signed_bytes = reader.position;
    const uint8_t *signature = vain_read_view(&reader, VAIN_SIGNATURE_BYTES);
    if (!vain_reader_done(&reader))
        return vain_fail(VAIN_ERR_CORRUPT, "card: its parts do not add up to its %zu bytes", bytes);
    const char *fault = card_fault(out);
    if (fault != NULL)
        return vain_fail(VAIN_ERR_CORRUPT, "card of '%s': %s", out->name, fault);
    VAIN_TRY(vain_certificate_decode(certificate, &out->certificate));
    uint8_t message[MESSAGE_BYTES];
    card_message(data, signed_bytes, message);
    if (!vain_signature_valid(out->certificate.current_key, message, sizeof message, signature))
        return vain_fail(VAIN_ERR_AUTH, "card of %s: the signature is wrong", out->name);
    vain_member_id(out->certificate.root_key, out->member_id);
    return VAIN_OK;
}

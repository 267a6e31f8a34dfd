#include "jobs/member_card.h"

#include <stdio.h>
#include <string.h>

enum { TOLERANCE_MS = 3600 * 1000 };

enum vain_status vain_member_key_open(const char *folder, const char *name, const char *pinned,
                                      struct vain_signer *out)
{
    char path[VAIN_PATH_BYTES], id[2 * VAIN_HASH_BYTES + 1];
    const int length = snprintf(path, sizeof path, "%s/%s.key", folder, name);
    if (length < 0 || (size_t)length >= sizeof path)
        return vain_fail(VAIN_ERR_INPUT, "the key folder's path is too long: %s", folder);
    const enum vain_status status = vain_signer_open_file(out, path);
    if (status == VAIN_ERR_NOT_FOUND)
        return vain_fail(
            status,
            "member '%s' is pinned as %s, but its key file %s is not there; put it "
            "there, make the next one with 'vain key renew', or pin another key in the "
            "spec of every member",
            name, pinned, path);
    VAIN_TRY(status);
    vain_to_hex(out->member_id, VAIN_HASH_BYTES, id);
    if (strcmp(id, pinned) == 0)
        return VAIN_OK;
    vain_signer_close(out);
    return vain_fail(VAIN_ERR_AUTH, "member '%s': %s is the key of %s, but the spec pins %s", name,
                     path, id, pinned);
}

enum vain_status vain_member_card_make(struct vain_signer *signer, const char *name,
                                       uint8_t out[VAIN_MIN_LEN(VAIN_CARD_BYTES_MAX)],
                                       size_t *out_bytes)
{
    struct vain_card card;
    memset(&card, 0, sizeof card);
    card.sequence = 1;
    card.expires_ms = signer->certificate.not_after_ms;
    snprintf(card.name, sizeof card.name, "%s", name);
    snprintf(card.software, sizeof card.software, "vain %s", VAIN_VERSION);
    return vain_card_encode(&card, signer, out, out_bytes);
}

enum vain_status vain_member_card_accept(const uint8_t *bytes_of_card, size_t bytes,
                                         struct vain_world *world, struct vain_record_member *out)
{
    struct vain_card card;
    memset(out, 0, sizeof *out);
    VAIN_TRY(vain_card_decode(bytes_of_card, bytes, &card));
    const int64_t now_ms = world->ops->unix_ms(world);
    if (now_ms + TOLERANCE_MS < card.certificate.not_before_ms ||
        now_ms > card.certificate.not_after_ms + TOLERANCE_MS)
        return vain_fail(
            VAIN_ERR_AUTH,
            "member '%s': its key's certificate does not hold now ('vain key show' says "
            "from when to when); make it the next one with 'vain key renew', or set the clock of "
            "the machine",
            card.name);
    memcpy(out->name, card.name, sizeof out->name);
    out->certificate = card.certificate;
    memcpy(out->member_id, card.member_id, VAIN_HASH_BYTES);
    return VAIN_OK;
}

enum vain_status vain_member_card_check(const struct vain_record_member *member,
                                        const struct vain_option_member *listed, const char *where)
{
    char id[2 * VAIN_HASH_BYTES + 1];
    if (strcmp(listed->name, member->name) != 0)
        return vain_fail(VAIN_ERR_AUTH, "%s says that it is '%s', but the spec lists '%s' there",
                         where, member->name, listed->name);
    vain_to_hex(member->member_id, VAIN_HASH_BYTES, id);
    if (listed->key[0] != '\0' && strcmp(listed->key, id) != 0)
        return vain_fail(VAIN_ERR_AUTH, "member '%s' came with the key of %s, but the spec pins %s",
                         member->name, id, listed->key);
    return VAIN_OK;
}

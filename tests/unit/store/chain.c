#include "tests/unit/store/chain.h"

#include <stdio.h>
#include <string.h>

enum vain_status chain_open(struct chain_maker *maker)
{
    memset(maker, 0, sizeof *maker);
    for (int i = 0; i < CHAIN_MEMBERS; i++)
        VAIN_TRY(vain_signer_open_throw_away(&maker->signers[i], INT64_C(1750000000000)));
    if (memcmp(maker->signers[0].member_id, maker->signers[1].member_id, VAIN_HASH_BYTES) > 0) {
        const struct vain_signer first = maker->signers[0];
        maker->signers[0] = maker->signers[1];
        maker->signers[1] = first;
    }
    for (int i = 0; i < CHAIN_MEMBERS; i++) {
        snprintf(maker->members[i].name, VAIN_NAME_BYTES, "member-%d", i);
        maker->members[i].certificate = maker->signers[i].certificate;
        memcpy(maker->members[i].member_id, maker->signers[i].member_id, VAIN_HASH_BYTES);
    }
    return VAIN_OK;
}

void chain_close(struct chain_maker *maker)
{
    for (int i = 0; i < CHAIN_MEMBERS; i++)
        vain_signer_close(&maker->signers[i]);
}

void chain_parameters(uint64_t round, uint8_t out[VAIN_HASH_BYTES])
{
    vain_hash("test/parameters", &round, sizeof round, out);
}

static struct vain_record make_record(uint64_t round)
{
    struct vain_record record = {
        .round = round,
        .attempt = 0,
        .counters = {.weight = 1000, .loss_micro = 2500000, .clipped = 0, .saturated = 1},
        .platform = "vain \"0.1.0\" \\ test",
        .member_count = CHAIN_MEMBERS,
        .extension_count = 1,
        .extensions = {{3, 4, (const uint8_t *)"data"}},
    };
    memset(record.run_id, 0x11, sizeof record.run_id);
    memset(record.spec_hash, 0x22, sizeof record.spec_hash);
    chain_parameters(round - 1, record.parameters_before);
    chain_parameters(round, record.parameters_after);
    return record;
}

enum vain_status chain_frame(struct chain_maker *maker, uint64_t round,
                             const uint8_t previous[VAIN_HASH_BYTES], int signers,
                             uint8_t out[CHAIN_FRAME_BYTES], size_t *bytes)
{
    struct vain_record record = make_record(round);
    record.members = maker->members;
    record.epoch = maker->epoch;
    memcpy(record.previous, previous, VAIN_HASH_BYTES);
    uint8_t body[CHAIN_FRAME_BYTES], signatures[CHAIN_MEMBERS][VAIN_SIGNATURE_BYTES] = {{0}};
    uint8_t message[VAIN_RECORD_MESSAGE_BYTES];
    size_t body_bytes;
    VAIN_TRY(vain_record_encode_body(&record, body, sizeof body, &body_bytes));
    vain_record_hash(body, body_bytes, maker->head);
    vain_record_message(maker->head, message);
    for (int i = 0; i < signers; i++)
        VAIN_TRY(vain_signer_sign(&maker->signers[i], message, sizeof message, signatures[i]));
    return vain_record_encode_frame(body, body_bytes, signatures[0], CHAIN_MEMBERS, out,
                                    CHAIN_FRAME_BYTES, bytes);
}

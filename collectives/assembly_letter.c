/* Encoders and decoders side by side; what is encoded decodes to the same and nothing else does. */
#include "collectives/assembly_letter.h"

#include <string.h>

#include "base/cursor.h"

void vain_position_encode(const struct vain_position *position,
                          uint8_t out[VAIN_MIN_LEN(VAIN_POSITION_BYTES)])
{
    struct vain_writer writer;
    vain_writer_init(&writer, out, VAIN_POSITION_BYTES);
    vain_write_u64(&writer, position->epoch);
    vain_write_u64(&writer, position->round);
    vain_write_u32(&writer, position->attempt);
    vain_write_u32(&writer, position->flags);
    vain_write_bytes(&writer, position->state_hash, VAIN_HASH_BYTES);
    vain_write_bytes(&writer, position->use_key, VAIN_HASH_BYTES);
    vain_write_bytes(&writer, position->ballot, VAIN_BALLOT_BYTES);
    VAIN_ASSERT(!writer.failed && writer.position == VAIN_POSITION_BYTES);
}

bool vain_position_decode(const uint8_t *data, size_t bytes, struct vain_position *out)
{
    struct vain_reader reader;
    vain_reader_init(&reader, data, bytes);
    out->epoch = vain_read_u64(&reader);
    out->round = vain_read_u64(&reader);
    out->attempt = vain_read_u32(&reader);
    out->flags = vain_read_u32(&reader);
    vain_read_bytes(&reader, out->state_hash, VAIN_HASH_BYTES);
    vain_read_bytes(&reader, out->use_key, VAIN_HASH_BYTES);
    vain_read_bytes(&reader, out->ballot, VAIN_BALLOT_BYTES);
    return vain_reader_done(&reader) && (out->flags & ~(uint32_t)VAIN_POSITION_FLAGS) == 0;
}

void vain_proposal_encode(const struct vain_proposal *proposal,
                          uint8_t out[VAIN_MIN_LEN(VAIN_PROPOSAL_BYTES)])
{
    struct vain_writer writer;
    vain_writer_init(&writer, out, VAIN_PROPOSAL_BYTES);
    vain_write_u64(&writer, proposal->epoch);
    vain_write_u64(&writer, proposal->round);
    vain_write_u32(&writer, proposal->attempt);
    vain_write_u32(&writer, 0);
    vain_write_bytes(&writer, proposal->state_hash, VAIN_HASH_BYTES);
    vain_write_bytes(&writer, proposal->use_key, VAIN_HASH_BYTES);
    vain_set_write(&writer, &proposal->set);
    VAIN_ASSERT(!writer.failed && writer.position == VAIN_PROPOSAL_BYTES);
}

bool vain_proposal_decode(const uint8_t *data, size_t bytes, int members, struct vain_proposal *out)
{
    struct vain_reader reader;
    vain_reader_init(&reader, data, bytes);
    out->epoch = vain_read_u64(&reader);
    out->round = vain_read_u64(&reader);
    out->attempt = vain_read_u32(&reader);
    const uint32_t zero = vain_read_u32(&reader);
    vain_read_bytes(&reader, out->state_hash, VAIN_HASH_BYTES);
    vain_read_bytes(&reader, out->use_key, VAIN_HASH_BYTES);
    const bool listed = vain_set_read(&reader, members, &out->set);
    return vain_reader_done(&reader) && zero == 0 && listed;
}

void vain_ack_encode(const struct vain_ack *ack, uint8_t out[VAIN_MIN_LEN(VAIN_ACK_BYTES)])
{
    struct vain_writer writer;
    vain_writer_init(&writer, out, VAIN_ACK_BYTES);
    vain_write_u64(&writer, ack->epoch);
    vain_write_u64(&writer, ack->round);
    vain_write_u32(&writer, ack->attempt);
    vain_write_u32(&writer, 0);
    vain_write_bytes(&writer, ack->proposal_hash, VAIN_HASH_BYTES);
    vain_write_bytes(&writer, ack->signature, VAIN_SIGNATURE_BYTES);
    VAIN_ASSERT(!writer.failed && writer.position == VAIN_ACK_BYTES);
}

bool vain_ack_decode(const uint8_t *data, size_t bytes, struct vain_ack *out)
{
    struct vain_reader reader;
    vain_reader_init(&reader, data, bytes);
    out->epoch = vain_read_u64(&reader);
    out->round = vain_read_u64(&reader);
    out->attempt = vain_read_u32(&reader);
    const uint32_t zero = vain_read_u32(&reader);
    vain_read_bytes(&reader, out->proposal_hash, VAIN_HASH_BYTES);
    vain_read_bytes(&reader, out->signature, VAIN_SIGNATURE_BYTES);
    return vain_reader_done(&reader) && zero == 0;
}

void vain_vote_encode(const struct vain_vote *vote, uint8_t out[VAIN_MIN_LEN(VAIN_VOTE_BYTES)])
{
    struct vain_writer writer;
    vain_writer_init(&writer, out, VAIN_VOTE_BYTES);
    vain_write_u64(&writer, vote->epoch);
    vain_write_u64(&writer, vote->round);
    vain_write_u32(&writer, vote->attempt);
    vain_write_u16(&writer, vote->burn ? 1 : 0);
    vain_write_u16(&writer, vote->voter);
    vain_set_write(&writer, &vote->set);
    vain_write_bytes(&writer, vote->ballot, VAIN_BALLOT_BYTES);
    vain_write_bytes(&writer, vote->content, VAIN_HASH_BYTES);
    vain_write_bytes(&writer, vote->signature, VAIN_SIGNATURE_BYTES);
    VAIN_ASSERT(!writer.failed && writer.position == VAIN_VOTE_BYTES);
}

bool vain_vote_decode(const uint8_t *data, size_t bytes, int members, struct vain_vote *out)
{
    static const struct vain_set nobody;
    struct vain_reader reader;
    vain_reader_init(&reader, data, bytes);
    out->epoch = vain_read_u64(&reader);
    out->round = vain_read_u64(&reader);
    out->attempt = vain_read_u32(&reader);
    const uint16_t burn = vain_read_u16(&reader);
    out->burn = burn == 1;
    out->voter = vain_read_u16(&reader);
    const bool listed = vain_set_read(&reader, members, &out->set);
    vain_read_bytes(&reader, out->ballot, VAIN_BALLOT_BYTES);
    vain_read_bytes(&reader, out->content, VAIN_HASH_BYTES);
    vain_read_bytes(&reader, out->signature, VAIN_SIGNATURE_BYTES);
    return vain_reader_done(&reader) && burn <= 1 && out->voter < members && listed &&
           out->burn == vain_set_equal(&out->set, &nobody) &&
           (!out->burn || vain_is_zero(out->content, VAIN_HASH_BYTES));
}

void vain_proposal_hash(const struct vain_proposal *proposal,
                        uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)])
{
    uint8_t bytes[VAIN_PROPOSAL_BYTES];
    vain_proposal_encode(proposal, bytes);
    vain_hash("vain/proposal", bytes, sizeof bytes, out);
}

static void label(const char *text, uint8_t out[VAIN_MIN_LEN(16)])
{
    memset(out, 0, 16);
    for (size_t i = 0; text[i] != '\0'; i++)
        out[i] = (uint8_t)text[i];
}

void vain_ack_message(const struct vain_ack *ack,
                      uint8_t out[VAIN_MIN_LEN(VAIN_ASSEMBLY_MESSAGE_BYTES)])
{
    uint8_t bytes[VAIN_ACK_BYTES];
    vain_ack_encode(ack, bytes);
    label("vain/ack/v1", out);
    vain_hash("vain/ack", bytes, sizeof bytes - VAIN_SIGNATURE_BYTES, out + 16);
}

void vain_vote_message(const struct vain_vote *vote,
                       uint8_t out[VAIN_MIN_LEN(VAIN_ASSEMBLY_MESSAGE_BYTES)])
{
    struct vain_vote common = *vote;
    uint8_t bytes[VAIN_VOTE_BYTES];
    common.voter = 0;
    vain_vote_encode(&common, bytes);
    label("vain/vote/v2", out);
    vain_hash("vain/vote", bytes, sizeof bytes - VAIN_SIGNATURE_BYTES, out + 16);
}

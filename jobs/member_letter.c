#include "jobs/member_letter.h"

#include <string.h>

#include "base/cursor.h"

enum { HELLO_VERSION = 3 };

size_t vain_hello_letter_encode(const struct vain_hello_letter *hello, uint8_t *out)
{
    struct vain_writer writer;
    vain_writer_init(&writer, out, VAIN_HELLO_LETTER_BYTES_MAX);
    vain_write_u16(&writer, HELLO_VERSION);
    vain_write_bytes(&writer, hello->group_id, VAIN_HASH_BYTES);
    vain_write_bytes(&writer, hello->spec_hash, VAIN_HASH_BYTES);
    vain_write_bytes(&writer, hello->corpus_hash, VAIN_HASH_BYTES);
    vain_write_text(&writer, hello->platform);
    vain_write_u16(&writer, (uint16_t)hello->card_bytes);
    vain_write_bytes(&writer, hello->card, hello->card_bytes);
    VAIN_ASSERT(!writer.failed);
    return writer.position;
}

bool vain_hello_letter_decode(const uint8_t *data, size_t bytes, struct vain_hello_letter *out)
{
    struct vain_reader reader;
    memset(out, 0, sizeof *out);
    vain_reader_init(&reader, data, bytes);
    const uint16_t version = vain_read_u16(&reader);
    vain_read_bytes(&reader, out->group_id, VAIN_HASH_BYTES);
    vain_read_bytes(&reader, out->spec_hash, VAIN_HASH_BYTES);
    vain_read_bytes(&reader, out->corpus_hash, VAIN_HASH_BYTES);
    vain_read_text(&reader, out->platform, sizeof out->platform);
    out->card_bytes = vain_read_u16(&reader);
    out->card = vain_read_view(&reader, out->card_bytes);
    return vain_reader_done(&reader) && version == HELLO_VERSION &&
           out->card_bytes <= VAIN_CARD_BYTES_MAX;
}

void vain_state_letter_encode(const struct vain_state_letter *state,
                              uint8_t out[VAIN_MIN_LEN(VAIN_STATE_LETTER_BYTES)])
{
    struct vain_writer writer;
    vain_writer_init(&writer, out, VAIN_STATE_LETTER_BYTES);
    vain_write_u64(&writer, state->epoch);
    vain_write_u64(&writer, state->round);
    vain_write_u16(&writer, state->starting ? 1 : 0);
    vain_set_write(&writer, &state->voters);
    vain_write_bytes(&writer, state->run_id, VAIN_RUN_ID_BYTES);
    vain_write_bytes(&writer, state->parameters_hash, VAIN_HASH_BYTES);
    vain_write_bytes(&writer, state->momentum_hash, VAIN_HASH_BYTES);
    vain_write_bytes(&writer, state->record_head, VAIN_HASH_BYTES);
    vain_write_u32(&writer, (uint32_t)state->codec.range_exponent);
    vain_write_u32(&writer, (uint32_t)state->codec.bound_exponent);
    vain_write_u64(&writer, state->parameter_count);
    VAIN_ASSERT(!writer.failed && writer.position == VAIN_STATE_LETTER_BYTES);
}

bool vain_state_letter_decode(const uint8_t *data, size_t bytes, int members,
                              struct vain_state_letter *out)
{
    struct vain_reader reader;
    memset(out, 0, sizeof *out);
    vain_reader_init(&reader, data, bytes);
    out->epoch = vain_read_u64(&reader);
    out->round = vain_read_u64(&reader);
    const uint16_t starting = vain_read_u16(&reader);
    out->starting = starting == 1;
    const bool listed = vain_set_read(&reader, members, &out->voters);
    vain_read_bytes(&reader, out->run_id, VAIN_RUN_ID_BYTES);
    vain_read_bytes(&reader, out->parameters_hash, VAIN_HASH_BYTES);
    vain_read_bytes(&reader, out->momentum_hash, VAIN_HASH_BYTES);
    vain_read_bytes(&reader, out->record_head, VAIN_HASH_BYTES);
    out->codec.range_exponent = (int32_t)vain_read_u32(&reader);
    out->codec.bound_exponent = (int32_t)vain_read_u32(&reader);
    out->parameter_count = vain_read_u64(&reader);
    return vain_reader_done(&reader) && starting <= 1 && out->round <= INT64_MAX &&
           vain_set_next(&out->voters, 0) >= 0 && listed;
}

size_t vain_signature_letter_encode(const struct vain_signature_letter *letter, uint8_t *out)
{
    struct vain_writer writer;
    vain_writer_init(&writer, out, VAIN_SIGNATURE_LETTER_BYTES_MAX);
    vain_write_u64(&writer, letter->epoch);
    vain_write_u64(&writer, letter->round);
    vain_write_bytes(&writer, letter->body, letter->bytes);
    VAIN_ASSERT(!writer.failed);
    return writer.position;
}

bool vain_signature_letter_decode(const uint8_t *data, size_t bytes,
                                  struct vain_signature_letter *out)
{
    struct vain_reader reader;
    memset(out, 0, sizeof *out);
    vain_reader_init(&reader, data, bytes);
    out->epoch = vain_read_u64(&reader);
    out->round = vain_read_u64(&reader);
    if (reader.failed || bytes - reader.position > VAIN_SIGNATURE_LETTER_BODY_MAX)
        return false;
    out->bytes = bytes - reader.position;
    out->body = vain_read_view(&reader, out->bytes);
    return vain_reader_done(&reader);
}

void vain_state_letter_hash(const struct vain_state_letter *state,
                            uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)])
{
    uint8_t bytes[8 + VAIN_RUN_ID_BYTES + 2 * VAIN_HASH_BYTES];
    struct vain_writer writer;
    vain_writer_init(&writer, bytes, sizeof bytes);
    vain_write_u64(&writer, state->round);
    /* Before its first round a run has no name. */
    if (state->round > 0)
        vain_write_bytes(&writer, state->run_id, VAIN_RUN_ID_BYTES);
    vain_write_bytes(&writer, state->parameters_hash, VAIN_HASH_BYTES);
    vain_write_bytes(&writer, state->record_head, VAIN_HASH_BYTES);
    vain_hash("vain/state", bytes, writer.position, out);
}

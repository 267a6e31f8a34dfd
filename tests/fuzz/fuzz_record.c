/* Round records: a log is read frame by frame; every accepted frame encodes to the same bytes
 * again, and its extensions can be asked for every member. */
#include "base/record_extension.h"

#include <string.h>

#include "tests/fuzz/fuzz_keys.h"

enum { MEMBERS = 8 };

static size_t read_frame(const uint8_t *data, size_t bytes)
{
    static struct vain_record_member members[MEMBERS];
    static uint8_t signatures[MEMBERS * VAIN_SIGNATURE_BYTES];
    static uint8_t body[VAIN_RECORD_BYTES_MAX], frame[VAIN_RECORD_BYTES_MAX];
    struct vain_record_decoded decoded;
    size_t used, body_bytes, frame_bytes;
    if (vain_record_decode(data, bytes, members, signatures, MEMBERS, &decoded, &used) != VAIN_OK) {
        fuzz_expect(used == 0);
        return 0;
    }
    fuzz_expect(used <= bytes);
    (void)vain_record_privacy_of(&decoded.record);
    for (int i = 0; i < decoded.record.member_count; i++) {
        const uint8_t *root = vain_record_commitment_of(&decoded.record, i);
        (void)vain_record_dropped_of(&decoded.record, i);
        fuzz_expect(root == NULL || (root > data && root + VAIN_HASH_BYTES <= data + used));
    }
    fuzz_expect(vain_record_encode_body(&decoded.record, body, sizeof body, &body_bytes) ==
                VAIN_OK);
    fuzz_expect(vain_record_encode_frame(body, body_bytes, decoded.record.signatures,
                                         decoded.record.member_count, frame, sizeof frame,
                                         &frame_bytes) == VAIN_OK);
    fuzz_expect(frame_bytes == used);
    fuzz_expect(memcmp(frame, data, used) == 0);
    return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    for (size_t used = 1; used > 0; data += used, bytes -= used)
        used = read_frame(data, bytes);
    return 0;
}

/* Three times out of four only the body changes, and whoever is picked signs what came out. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t capacity, unsigned seed)
{
    enum { HEAD_BYTES = 12, TAIL_BYTES = 2 + FUZZ_KEYS * (2 + VAIN_SIGNATURE_BYTES) };
    const size_t said = bytes < HEAD_BYTES ? 0
                                           : (size_t)data[8] | (size_t)data[9] << 8 |
                                                 (size_t)data[10] << 16 | (size_t)data[11] << 24;
    if (seed % 4 == 0 || bytes < HEAD_BYTES || said > bytes - HEAD_BYTES ||
        capacity < HEAD_BYTES + TAIL_BYTES + said || capacity > VAIN_RECORD_BYTES_MAX)
        return LLVMFuzzerMutate(data, bytes, capacity);
    static uint8_t body[VAIN_RECORD_BYTES_MAX];
    memcpy(body, data + HEAD_BYTES, said);
    const size_t body_bytes = LLVMFuzzerMutate(body, said, capacity - HEAD_BYTES - TAIL_BYTES);
    uint8_t hash[VAIN_HASH_BYTES], message[VAIN_RECORD_MESSAGE_BYTES];
    uint8_t signatures[FUZZ_KEYS * VAIN_SIGNATURE_BYTES] = {0};
    vain_record_hash(body, body_bytes, hash);
    vain_record_message(hash, message);
    for (int i = 0; i < FUZZ_KEYS; i++) {
        if ((seed >> (4 + i) & 1) != 0)
            vain_sign_with_seed(fuzz_signing_seed(i), message, sizeof message,
                                signatures + i * VAIN_SIGNATURE_BYTES);
    }
    size_t frame_bytes;
    fuzz_expect(vain_record_encode_frame(body, body_bytes, signatures, FUZZ_KEYS, data, capacity,
                                         &frame_bytes) == VAIN_OK);
    return frame_bytes;
}

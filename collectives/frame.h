/* Frames: how messages travel over streams (transport `stream`). A message is cut into fragments,
 * each behind a header, so that word of an abort need not wait for the end of a long one.
 *
 *   u16 version (1) | u16 kind | u32 tag | u64 group | u64 index | u64 message bytes | u64 offset |
 *   u32 fragment bytes | u32 zero                                           48 bytes, little-endian
 *
 * group: the communicator. index: the message's number among those of its pair, group and tag, so
 * that a receive finds its message on whichever connection it comes. "Ready" names a message in the
 * same way, with its length: there is a place for it, send it; long messages wait for this, so that
 * they never stand in the way of what is behind them. An abort has neither tag nor bytes; its index
 * is the rank, in the group, that ended it. */
#pragma once

#include "base/status.h"

enum vain_frame_kind { VAIN_FRAME_MESSAGE = 1, VAIN_FRAME_READY = 2, VAIN_FRAME_ABORT = 3 };
enum {
    VAIN_FRAME_BYTES = 48,
    VAIN_FRAGMENT_BYTES = 128 << 10 /* at most: a millisecond at 1 Gbit/s */
};

struct vain_frame {
    enum vain_frame_kind kind;
    uint32_t tag;
    uint64_t group, index, message_bytes, offset;
    uint32_t bytes; /* of this fragment */
};

void vain_frame_encode(const struct vain_frame *frame, uint8_t out[VAIN_MIN_LEN(VAIN_FRAME_BYTES)]);
/* VAIN_ERR_CORRUPT says what is wrong; encode(decode(b)) == b for all that is accepted. */
enum vain_status vain_frame_decode(const uint8_t data[VAIN_MIN_LEN(VAIN_FRAME_BYTES)],
                                   struct vain_frame *out) VAIN_MUST_USE;

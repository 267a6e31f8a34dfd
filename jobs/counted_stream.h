/* A stream that counts the bytes that it takes, and is the one within in all else. */
#pragma once

#include <stdatomic.h>

#include "base/stream.h"

/* Takes `inner`; gives the stream. `count` is borrowed, and outlives it. On failure `inner` is
 * closed. */
enum vain_status vain_counted_stream(struct vain_stream *inner, int64_t *count,
                                     struct vain_stream **out) VAIN_MUST_USE;

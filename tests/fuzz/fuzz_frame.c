/* Headers of frames, one behind another: every accepted one encodes to the same bytes again. */
#include "collectives/frame.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct vain_frame frame;
    uint8_t again[VAIN_FRAME_BYTES];
    for (; bytes >= sizeof again; data += sizeof again, bytes -= sizeof again) {
        if (vain_frame_decode(data, &frame) != VAIN_OK)
            continue;
        vain_frame_encode(&frame, again);
        if (memcmp(again, data, sizeof again) != 0)
            abort();
    }
    return 0;
}

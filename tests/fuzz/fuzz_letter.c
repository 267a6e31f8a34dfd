/* Heads of letters, one behind another: every accepted one encodes to the same bytes again. */
#include "collectives/letter.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct vain_letter_head head;
    uint8_t again[VAIN_LETTER_HEAD_BYTES];
    for (; bytes >= sizeof again; data += sizeof again, bytes -= sizeof again) {
        if (vain_letter_head_decode(data, &head) != VAIN_OK)
            continue;
        vain_letter_head_encode(&head, again);
        if (memcmp(again, data, sizeof again) != 0)
            abort();
    }
    return 0;
}

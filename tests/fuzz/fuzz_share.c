/* Messages of shares: whatever is accepted encodes to the same bytes again, and its boxes are read
 * without opening. */
#include "collectives/share_message.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check_again(const struct vain_share_message *message, const uint8_t *data, size_t bytes)
{
    uint8_t *again = malloc(bytes);
    if (again == NULL || vain_share_message_bytes(message->members, message->threshold) != bytes)
        abort();
    const struct vain_share_places places = vain_share_message_start(message, again);
    memcpy(places.commitments, message->commitments,
           (size_t)message->threshold * sizeof *message->commitments);
    memcpy(places.boxes, message->boxes, (size_t)message->members * sizeof *message->boxes);
    if (memcmp(again, data, bytes) != 0)
        abort();
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const uint8_t pair_key[VAIN_HASH_BYTES];
    static const struct vain_context context;
    struct vain_share_message message;
    struct vain_scalar share;
    if (vain_share_message_decode(data, bytes, &message) != VAIN_SHARE_FINE)
        return 0;
    check_again(&message, data, bytes);
    const int holder = message.dealer == 0 ? message.members - 1 : 0;
    const struct vain_share_box box = {pair_key, &context, message.dealer, holder};
    if (holder != message.dealer &&
        vain_share_open(&box, &message.boxes[holder], &share) == VAIN_SHARE_FINE &&
        !vain_scalar_valid(&share))
        abort();
    return 0;
}

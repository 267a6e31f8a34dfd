/* Streams whose node looks at them when it likes. The simulator steps a node again at once while a
 * stream of it is ready; a member that is in an exchange leaves its letters where they are. So what
 * is ready is noted here, and kept until it is looked at. */
#pragma once

#include "base/stream.h"

struct relay;
struct relay_list {
    struct relay *first;
};
/* Takes `inner`; the stream that it gives leaves the list when it is closed. Ends the program if
 * there is no memory. */
struct vain_stream *relay_open(struct relay_list *list, struct vain_stream *inner);
/* Notes what has become ready. */
void relay_note(struct relay_list *list);

/* Buffers that a request borrows: each on the heap, so that a touch after its release is seen, with
 * a guard behind it. What they should hold is a puppet's message (puppets_byte). */
#pragma once

#include "collectives/transport.h"

struct box {
    unsigned char *data; /* owned */
    size_t bytes;
    struct vain_request request;
};

void box_make(struct box *box, size_t bytes);
/* Releases the buffer; a changed guard fails the test. */
void box_drop(struct box *box);
/* Whether these bytes are as box_make left them. */
bool box_is_untouched(const unsigned char *data, size_t bytes);

/* Make it and post. */
void box_post_receive(struct vain_comm *comm, int peer, uint32_t tag, size_t bytes,
                      struct box *box);
void box_post_send(struct vain_comm *comm, int peer, uint32_t tag, size_t bytes, unsigned seed,
                   struct box *box);
/* Whether its request is still open when nothing moves any more. */
bool box_is_open(struct box *box);
/* Tests its request until it ends, at most long enough for all that a test sends. */
enum vain_status box_finish(struct box *box) VAIN_MUST_USE;
/* It ends well and holds message `seed`; it ends well; it ends with VAIN_ERR_PEER and `why`. It is
 * dropped then. Any other end is fatal to the test: the transport would go on with the buffer. */
void box_check_arrives(struct box *box, unsigned seed);
void box_check_leaves(struct box *box);
void box_check_fails(struct box *box, const char *why);

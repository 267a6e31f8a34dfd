/* A block of bytes of each member of a communicator to all, without waiting. */
#pragma once

#include "base/world.h"
#include "collectives/transport.h"

struct gather {
    struct vain_request *requests; /* (2 * size) owned; NULL: none is under way */
    struct vain_comm *comm;
    uint64_t deadline_ns;
    int left;
};
/* mine (bytes) and all (size, bytes), borrowed until it has ended. */
enum vain_status gather_start(struct gather *gather, struct vain_comm *comm,
                              struct vain_world *world, int64_t deadline_ms, const void *mine,
                              size_t bytes, void *all) VAIN_MUST_USE;
/* VAIN_AGAIN: under way. */
enum vain_status gather_poll(struct gather *gather, struct vain_world *world) VAIN_MUST_USE;
/* After its communicator was closed, if it was under way. */
void gather_close(struct gather *gather);

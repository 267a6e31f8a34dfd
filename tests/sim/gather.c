#include "tests/sim/gather.h"

#include <string.h>

#include "base/memory.h"

enum vain_status gather_start(struct gather *gather, struct vain_comm *comm,
                              struct vain_world *world, int64_t deadline_ms, const void *mine,
                              size_t bytes, void *all)
{
    const int size = comm->size;
    VAIN_TRY(vain_take_array(2 * (int64_t)size, sizeof *gather->requests, "gather",
                             (void **)&gather->requests));
    gather->comm = comm;
    gather->left = 2 * size;
    gather->deadline_ns = world->ops->now_ns(world) + (uint64_t)deadline_ms * 1000000;
    memcpy((uint8_t *)all + (size_t)comm->rank * bytes, mine, bytes);
    for (int peer = 0; peer < size; peer++) {
        if (peer == comm->rank)
            continue;
        VAIN_TRY(comm->ops->post_receive(comm, peer, VAIN_TAG_START,
                                         (uint8_t *)all + (size_t)peer * bytes, bytes,
                                         &gather->requests[2 * peer]));
        VAIN_TRY(comm->ops->post_send(comm, peer, VAIN_TAG_START, mine, bytes,
                                      &gather->requests[2 * peer + 1]));
    }
    return VAIN_AGAIN;
}

enum vain_status gather_poll(struct gather *gather, struct vain_world *world)
{
    struct vain_comm *comm = gather->comm;
    bool open = false;
    comm->ops->wait(comm, 0);
    for (int i = 0; i < 2 * comm->size; i++) {
        struct vain_request *request = &gather->requests[i];
        if (request->comm == NULL)
            continue;
        const enum vain_status status = comm->ops->test(request);
        if (status != VAIN_OK && status != VAIN_AGAIN)
            return status;
        open = open || status == VAIN_AGAIN;
    }
    if (!open) {
        gather_close(gather);
        return VAIN_OK;
    }
    if (world->ops->now_ns(world) >= gather->deadline_ns)
        return vain_fail(VAIN_ERR_TIMEOUT, "a gather: no answer in time");
    return VAIN_AGAIN;
}

void gather_close(struct gather *gather)
{
    vain_release(gather->requests);
    gather->requests = NULL;
}

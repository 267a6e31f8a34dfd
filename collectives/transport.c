/* What every transport gets for nothing: waiting with a deadline, and the small collectives over
 * post and test.
 *
 * Waiting spins a few times and then yields the core between tests: with more ranks than cores a
 * rank that sleeps comes back late, and one that spins keeps the others from what it waits for.
 * A collective that fails takes its communicator down, because its open requests cannot be taken
 * back one by one and everybody else would wait for ever. */
#include "collectives/transport.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/world.h"

enum {
    SPINS_BEFORE_YIELD = 32,
    WAIT_MS = 1 /* then the deadline and whoever wants to leave are asked again */
};

struct vain_patience vain_patience_start(struct vain_comm *comm, struct vain_world *world,
                                         int64_t deadline_ms)
{
    struct vain_patience patience = {.comm = comm, .world = world};
    if (deadline_ms > 0) {
        patience.limit_ns = (uint64_t)deadline_ms * 1000000;
        patience.start_ns = world->ops->now_ns(world);
    }
    return patience;
}

bool vain_patience_wait(struct vain_patience *patience)
{
    if (patience->spins < SPINS_BEFORE_YIELD) {
        patience->spins++;
        return true;
    }
    if (patience->comm->ops->wait != NULL)
        patience->comm->ops->wait(patience->comm, WAIT_MS);
    else
        sched_yield();
    return patience->limit_ns == 0 ||
           patience->world->ops->now_ns(patience->world) - patience->start_ns < patience->limit_ns;
}

static enum vain_status too_late(const char *what, int64_t deadline_ms,
                                 const struct vain_comm *comm)
{
    return vain_fail(
        VAIN_ERR_TIMEOUT,
        "%s: not done after %lld ms on rank %d of %d (%s); a rank is gone or slow, raise "
        "exchange.deadline if it is slow",
        what, (long long)deadline_ms, comm->rank, comm->size, comm->ops->name);
}

enum vain_status vain_request_wait(struct vain_request *request, struct vain_world *world,
                                   int64_t deadline_ms, const char *what)
{
    struct vain_comm *comm = request->comm;
    VAIN_ASSERT(comm != NULL);
    struct vain_patience patience = vain_patience_start(comm, world, deadline_ms);
    for (;;) {
        const enum vain_status status = comm->ops->test(request);
        if (status != VAIN_AGAIN)
            return status;
        if (!vain_patience_wait(&patience))
            return too_late(what, deadline_ms, comm);
    }
}

/* One round of tests; VAIN_AGAIN while some are in flight. */
static enum vain_status test_all(struct vain_request *requests, int count)
{
    enum vain_status all = VAIN_OK;
    for (int i = 0; i < count; i++) {
        if (requests[i].comm == NULL)
            continue;
        const enum vain_status status = requests[i].comm->ops->test(&requests[i]);
        if (status < 0)
            return status;
        if (status == VAIN_AGAIN)
            all = VAIN_AGAIN;
    }
    return all;
}

enum vain_status vain_request_wait_all(struct vain_comm *comm, struct vain_request *requests,
                                       int count, struct vain_world *world, int64_t deadline_ms,
                                       const char *what)
{
    struct vain_patience patience = vain_patience_start(comm, world, deadline_ms);
    enum vain_status status;
    for (;;) {
        status = test_all(requests, count);
        if (status != VAIN_AGAIN)
            break;
        if (!vain_patience_wait(&patience)) {
            status = too_late(what, deadline_ms, comm);
            break;
        }
    }
    if (status != VAIN_OK)
        vain_request_abandon(comm, requests, count);
    return status;
}

void vain_request_abandon(struct vain_comm *comm, struct vain_request *requests, int count)
{
    /* The first failure is the one to report; those that follow from the abort are not. */
    char message[VAIN_MESSAGE_BYTES];
    snprintf(message, sizeof message, "%s", vain_fail_message());
    comm->ops->abort(comm);
    for (int i = 0; i < count; i++) {
        while (requests[i].comm != NULL && comm->ops->test(&requests[i]) == VAIN_AGAIN)
            sched_yield();
    }
    const enum vain_status kept = vain_fail(VAIN_ERR_PEER, "%s", message);
    (void)kept;
}

static enum vain_status take_requests(int count, struct vain_request **out)
{
    return vain_take_array(count, sizeof **out, "transport requests", (void **)out);
}

static enum vain_status post_gather(struct vain_comm *comm, uint32_t tag, const void *mine,
                                    size_t bytes, unsigned char *all, struct vain_request *requests)
{
    for (int step = 1; step < comm->size; step++) {
        const int source = (comm->rank + comm->size - step) % comm->size;
        VAIN_TRY(comm->ops->post_receive(comm, source, tag, all + (size_t)source * bytes, bytes,
                                         &requests[2 * step]));
    }
    for (int step = 1; step < comm->size; step++) {
        const int target = (comm->rank + step) % comm->size;
        VAIN_TRY(comm->ops->post_send(comm, target, tag, mine, bytes, &requests[2 * step + 1]));
    }
    return VAIN_OK;
}

enum vain_status vain_comm_all_gather(struct vain_comm *comm, struct vain_world *world,
                                      int64_t deadline_ms, uint32_t tag, const void *mine,
                                      size_t bytes, void *all)
{
    struct vain_request *requests = NULL;
    const int count = 2 * comm->size;
    memcpy((unsigned char *)all + (size_t)comm->rank * bytes, mine, bytes);
    if (comm->size == 1)
        return VAIN_OK;
    VAIN_TRY(take_requests(count, &requests));
    enum vain_status status = post_gather(comm, tag, mine, bytes, all, requests);
    if (status == VAIN_OK)
        status = vain_request_wait_all(comm, requests, count, world, deadline_ms, "all-gather");
    else
        vain_request_abandon(comm, requests, count);
    vain_release(requests);
    return status;
}

/* One request after another; the failure of one takes the communicator down. */
static enum vain_status finish(struct vain_request *request, enum vain_status posted,
                               struct vain_comm *comm, struct vain_world *world,
                               int64_t deadline_ms, const char *what)
{
    if (posted != VAIN_OK) {
        vain_request_abandon(comm, request, 0);
        return posted;
    }
    return vain_request_wait_all(comm, request, 1, world, deadline_ms, what);
}

enum vain_status vain_comm_broadcast(struct vain_comm *comm, struct vain_world *world,
                                     int64_t deadline_ms, int root, void *buffer, size_t bytes)
{
    VAIN_ASSERT(root >= 0 && root < comm->size);
    /* Ranks counted from the root: number v gets its bytes from v without its lowest bit, and
     * passes them to v + every smaller power of two. */
    const int own = (comm->rank + comm->size - root) % comm->size;
    int bit = 1;
    while (bit < comm->size && (own & bit) == 0)
        bit *= 2;
    if (own != 0) {
        struct vain_request receive = {0};
        const int source = (own - bit + root) % comm->size;
        const enum vain_status posted =
            comm->ops->post_receive(comm, source, VAIN_TAG_BROADCAST, buffer, bytes, &receive);
        VAIN_TRY(finish(&receive, posted, comm, world, deadline_ms, "broadcast"));
    }
    for (bit /= 2; bit > 0; bit /= 2) {
        if (own + bit >= comm->size)
            continue;
        struct vain_request send = {0};
        const int target = (own + bit + root) % comm->size;
        const enum vain_status posted =
            comm->ops->post_send(comm, target, VAIN_TAG_BROADCAST, buffer, bytes, &send);
        VAIN_TRY(finish(&send, posted, comm, world, deadline_ms, "broadcast"));
    }
    return VAIN_OK;
}

enum vain_status vain_comm_barrier(struct vain_comm *comm, struct vain_world *world,
                                   int64_t deadline_ms)
{
    /* After step k everybody knows of 2^(k+1) ranks that they have come. */
    for (int distance = 1; distance < comm->size; distance *= 2) {
        struct vain_request requests[2] = {{0}, {0}};
        const int target = (comm->rank + distance) % comm->size;
        const int source = (comm->rank + comm->size - distance) % comm->size;
        const uint8_t said = 1;
        uint8_t heard = 0;
        enum vain_status status =
            comm->ops->post_receive(comm, source, VAIN_TAG_BARRIER, &heard, 1, &requests[0]);
        if (status == VAIN_OK)
            status = comm->ops->post_send(comm, target, VAIN_TAG_BARRIER, &said, 1, &requests[1]);
        if (status == VAIN_OK)
            status = vain_request_wait_all(comm, requests, 2, world, deadline_ms, "barrier");
        else
            vain_request_abandon(comm, requests, 2);
        VAIN_TRY(status);
    }
    return VAIN_OK;
}

void vain_comm_keep(struct vain_comm *comm, void *block)
{
    memcpy(block, &comm->kept, sizeof comm->kept);
    comm->kept = block;
}

void vain_comm_empty(struct vain_comm *comm)
{
    while (comm->kept != NULL) {
        void *block = comm->kept;
        memcpy(&comm->kept, block, sizeof comm->kept);
        vain_release(block);
    }
    *comm = (struct vain_comm){0};
}

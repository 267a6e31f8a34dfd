/* Gradient averaging inside a site, over direct messages.
 *
 * Rank r owns elements [r * part, (r + 1) * part). First every rank gets the others' values of its
 * part and adds them in rank order, then it gives the result to the others. Each rank sends and
 * receives 2 (n - 1) / n of the vector, which no all-reduce can beat. Parts that are empty (fewer
 * elements than ranks) send nothing. */
#include "collectives/site.h"

#include "base/memory.h"
#include "kernels/device.h"

enum vain_status vain_site_open(struct vain_comm comm, struct vain_world *world,
                                struct vain_queue *queue, int64_t count, int64_t deadline_ms,
                                struct vain_site *out)
{
    enum vain_status status;
    *out = (struct vain_site){
        .comm = comm, .world = world, .queue = queue, .count = count, .deadline_ms = deadline_ms};
    VAIN_ASSERT(comm.size >= 1);
    VAIN_ASSERT(count >= 1);
    out->part = (count + comm.size - 1) / comm.size;
    if (comm.size == 1)
        return VAIN_OK;
    const size_t bytes = (size_t)(comm.size - 1) * (size_t)out->part * sizeof(float);
    VAIN_TRY_OUT(queue->device->ops->memory.take(queue->device, bytes, "gradients of the site",
                                                 (void **)&out->received));
    VAIN_TRY_OUT(vain_take_array(2 * (int64_t)comm.size, sizeof *out->requests, "site requests",
                                 (void **)&out->requests));
    return VAIN_OK;
out:
    vain_site_close(out);
    return status;
}

static int64_t part_start(const struct vain_site *site, int rank)
{
    const int64_t start = rank * site->part;
    return start < site->count ? start : site->count;
}

static int64_t part_count(const struct vain_site *site, int rank)
{
    return part_start(site, rank + 1) - part_start(site, rank);
}

/* Where the values of another rank for the own part arrive. */
static float *received_of(const struct vain_site *site, int rank)
{
    const int slot = rank < site->comm.rank ? rank : rank - 1;
    return site->received + slot * site->part;
}

/* Both phases: from every other rank `get_count` elements, to it `give_count`; 0 means no message.
 */
static enum vain_status post_pair(struct vain_site *site, int peer, float *get, int64_t get_count,
                                  const float *give, int64_t give_count)
{
    struct vain_comm *comm = &site->comm;
    struct vain_request *pair = &site->requests[2 * peer];
    if (get_count > 0)
        VAIN_TRY(comm->ops->post_receive(comm, peer, VAIN_TAG_SITE, get,
                                         (size_t)get_count * sizeof(float), &pair[0]));
    if (give_count > 0)
        VAIN_TRY(comm->ops->post_send(comm, peer, VAIN_TAG_SITE, give,
                                      (size_t)give_count * sizeof(float), &pair[1]));
    return VAIN_OK;
}

static enum vain_status wait_for_phase(struct vain_site *site, enum vain_status posted)
{
    const int count = 2 * site->comm.size;
    if (posted != VAIN_OK) {
        vain_request_abandon(&site->comm, site->requests, count);
        return posted;
    }
    return vain_request_wait_all(&site->comm, site->requests, count, site->world, site->deadline_ms,
                                 "averaging gradients in the site");
}

static enum vain_status scatter(struct vain_site *site, float *vector)
{
    const int own = site->comm.rank;
    enum vain_status posted = VAIN_OK;
    for (int step = 1; step < site->comm.size && posted == VAIN_OK; step++) {
        const int peer = (own + step) % site->comm.size;
        posted = post_pair(site, peer, received_of(site, peer), part_count(site, own),
                           vector + part_start(site, peer), part_count(site, peer));
    }
    return wait_for_phase(site, posted);
}

static enum vain_status gather(struct vain_site *site, float *vector)
{
    const int own = site->comm.rank;
    enum vain_status posted = VAIN_OK;
    for (int step = 1; step < site->comm.size && posted == VAIN_OK; step++) {
        const int peer = (own + step) % site->comm.size;
        posted = post_pair(site, peer, vector + part_start(site, peer), part_count(site, peer),
                           vector + part_start(site, own), part_count(site, own));
    }
    return wait_for_phase(site, posted);
}

/* ((v0 + v1) + v2) + ...: rank 0's values are where the sum grows. */
static void add_in_rank_order(struct vain_site *site, float *own_part, int64_t count)
{
    const struct vain_ops *ops = site->queue->device->ops;
    const int own = site->comm.rank;
    float *sum = own == 0 ? own_part : received_of(site, 0);
    for (int rank = 1; rank < site->comm.size; rank++)
        ops->optimiser.add(site->queue, count, rank == own ? own_part : received_of(site, rank),
                           sum);
    ops->optimiser.scale(site->queue, count, 1.0f / (float)site->comm.size, sum);
    if (sum != own_part)
        ops->memory.copy(site->queue, own_part, sum, (size_t)count * sizeof(float));
}

enum vain_status vain_site_average(struct vain_site *site, float *vector)
{
    const int own = site->comm.rank;
    if (site->comm.size == 1)
        return VAIN_OK;
    VAIN_TRY(vain_queue_wait(site->queue));
    VAIN_TRY(scatter(site, vector));
    if (part_count(site, own) > 0)
        add_in_rank_order(site, vector + part_start(site, own), part_count(site, own));
    VAIN_TRY(vain_queue_wait(site->queue));
    return gather(site, vector);
}

void vain_site_close(struct vain_site *site)
{
    if (site->comm.ops != NULL)
        site->comm.ops->close(&site->comm);
    if (site->received != NULL)
        site->queue->device->ops->memory.release(site->queue->device, site->received);
    vain_release(site->requests);
    *site = (struct vain_site){0};
}

/* A team: a pool whose workers bring a device of their own. */
#include "kernels/team.h"

#include "base/memory.h"

enum vain_status vain_team_open(int workers, const char *isa, struct vain_team *out)
{
    *out = (struct vain_team){.count = 0};
    enum vain_status status = vain_pool_open(workers, &out->pool);
    if (status == VAIN_OK)
        status = vain_take_array(workers, sizeof *out->devices, "devices", (void **)&out->devices);
    if (status == VAIN_OK)
        status = vain_take_array(workers, sizeof *out->queues, "queues", (void **)&out->queues);
    for (int i = 0; i < workers && status == VAIN_OK; i++) {
        status = vain_device_open_cpu(1, isa, &out->devices[i]);
        if (status != VAIN_OK)
            break;
        out->queues[i].device = &out->devices[i];
        out->count++;
    }
    if (status != VAIN_OK)
        vain_team_close(out);
    return status;
}

void vain_team_close(struct vain_team *team)
{
    for (int i = 0; i < team->count; i++)
        vain_device_close(&team->devices[i]);
    vain_release(team->queues);
    vain_release(team->devices);
    vain_pool_close(&team->pool);
    *team = (struct vain_team){.count = 0};
}

struct call {
    struct vain_team *team;
    vain_team_task task;
    void *context;
};

static void run_task(void *context, int64_t index, int worker)
{
    const struct call *call = context;
    call->task(call->context, index, worker, &call->team->queues[worker]);
}

void vain_team_run(struct vain_team *team, int64_t count, vain_team_task task, void *context)
{
    struct call call = {team, task, context};
    vain_pool_run(team->pool, count, run_task, &call);
}

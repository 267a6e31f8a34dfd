#include "jobs/commitments.h"

#include <assert.h>
#include <string.h>

#include "base/record_extension.h"
#include "jobs/own_masks.h"
#include "jobs/store/salt_file.h"

static_assert((int)VAIN_SALT_BYTES == (int)VAIN_COMMIT_SALT_BYTES, "a line holds a salt");

bool vain_commitments_used(const struct vain_run *run)
{
    return run->job->exchange.commitments && vain_own_masks_used(run);
}

struct vain_codec_commitment *vain_commitments_begin(struct vain_run *run)
{
    struct vain_world *world = run->config->world;
    if (!vain_commitments_used(run))
        return NULL;
    world->ops->random(world, run->commitment.salt, sizeof run->commitment.salt);
    return &run->commitment;
}

enum vain_status vain_commitments_keep(const struct vain_run *run,
                                       const struct vain_context *context)
{
    struct vain_salt_line line = {
        .epoch = context->epoch, .round = context->round, .attempt = context->attempt};
    if (!vain_commitments_used(run))
        return VAIN_OK;
    memcpy(line.salt, run->commitment.salt, sizeof line.salt);
    memcpy(line.root, run->commitment.root, sizeof line.root);
    return vain_salt_file_append(run->config->directory, run->name, run->config->world, &line);
}

void vain_commitments_record(const struct vain_run *run, struct vain_record *record)
{
    if (vain_commitments_used(run))
        vain_record_add_commitments(record, run->commitment_roots);
}

#include "jobs/store/set_aside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "jobs/store/checkpoint.h"
#include "jobs/store/member.h"

static enum vain_status set_file_aside(struct vain_world *world, const char *path)
{
    char aside[VAIN_PATH_BYTES];
    const int length =
        snprintf(aside, sizeof aside, "%s.aside-%lld", path, (long long)world->ops->unix_ms(world));
    if (length < 0 || (size_t)length >= sizeof aside)
        return vain_fail(VAIN_ERR_STORAGE, "%s: its path is too long to set it aside", path);
    if (rename(path, aside) != 0)
        return vain_fail(VAIN_ERR_STORAGE, "%s: cannot be set aside: %s", path, strerror(errno));
    return VAIN_OK;
}

enum vain_status vain_store_set_aside(const char *folder, struct vain_world *world, int64_t round,
                                      bool checkpoints, const char *name, int *count)
{
    char path[VAIN_PATH_BYTES];
    int64_t *rounds = NULL, *own_rounds = NULL;
    int round_count = 0, own_count = 0;
    enum vain_status status = VAIN_OK;
    *count = 0;
    if (checkpoints)
        VAIN_TRY_OUT(vain_checkpoint_list(folder, &rounds, &round_count));
    if (name != NULL)
        VAIN_TRY_OUT(vain_member_list(folder, name, &own_rounds, &own_count));
    for (int i = 0; i < round_count; i++) {
        if (rounds[i] <= round)
            continue;
        vain_checkpoint_path(folder, rounds[i], path, sizeof path);
        VAIN_TRY_OUT(set_file_aside(world, path));
        *count += 1;
    }
    for (int i = 0; i < own_count; i++) {
        if (own_rounds[i] <= round)
            continue;
        vain_member_path(folder, name, own_rounds[i], path, sizeof path);
        VAIN_TRY_OUT(set_file_aside(world, path));
        *count += 1;
    }
out:
    vain_release(rounds);
    vain_release(own_rounds);
    return status;
}

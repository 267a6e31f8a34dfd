/* After save_loop was killed or failed: is what lies in the folder what it must be?
 *
 *   save_check FOLDER ACKNOWLEDGED
 *
 * ACKNOWLEDGED is the last round that save_loop acknowledged, -1 for none. Every file under a final
 * name must be whole and hold what its round must hold; the newest checkpoint is of the
 * acknowledged round or later, and the member's file of the acknowledged round is there; the record
 * verifies up to a torn tail and holds the head that the newest checkpoint names. Exit 0 if so, 1
 * with the reason on stderr. */
#include "jobs/store/checkpoint.h"
#include "jobs/store/inspect.h"
#include "jobs/store/member.h"
#include "jobs/store/record_file.h"
#include "tests/fault/save_scene.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct scene_vectors found, expected;

static enum vain_status check_checkpoint(const char *folder, int64_t round,
                                         uint8_t head[VAIN_HASH_BYTES])
{
    char path[VAIN_PATH_BYTES];
    vain_checkpoint_path(folder, round, path, sizeof path);
    struct vain_checkpoint_file *file;
    VAIN_TRY(vain_checkpoint_open(path, &file));
    const enum vain_status status =
        vain_checkpoint_read(file, NULL, found.parameters, found.momentum);
    const int64_t written = vain_checkpoint_content(file)->round;
    memcpy(head, vain_checkpoint_content(file)->record_head, VAIN_HASH_BYTES);
    vain_checkpoint_close(&file);
    VAIN_TRY(status);
    scene_fill(round, &expected);
    if (written != round ||
        memcmp(found.parameters, expected.parameters, sizeof found.parameters) != 0 ||
        memcmp(found.momentum, expected.momentum, sizeof found.momentum) != 0)
        return vain_fail(VAIN_ERR_CORRUPT, "%s: other values than round %lld has", path,
                         (long long)round);
    return VAIN_OK;
}

static enum vain_status check_member(const char *folder, int64_t round)
{
    char path[VAIN_PATH_BYTES];
    vain_member_path(folder, SCENE_MEMBER, round, path, sizeof path);
    struct vain_member_state state;
    scene_member(round, &found, &state);
    VAIN_TRY(vain_member_read(path, NULL, &state));
    scene_fill(round, &expected);
    if (state.round != round || memcmp(&found, &expected, sizeof found) != 0)
        return vain_fail(VAIN_ERR_CORRUPT, "%s: other values than round %lld has", path,
                         (long long)round);
    return VAIN_OK;
}

static bool contains(const int64_t *rounds, int count, int64_t round)
{
    for (int i = 0; i < count; i++) {
        if (rounds[i] == round)
            return true;
    }
    return false;
}

struct search {
    const uint8_t *head;
    bool found;
};
static enum vain_status look(void *context, const struct vain_record_decoded *record)
{
    struct search *search = context;
    search->found = search->found || memcmp(record->hash, search->head, VAIN_HASH_BYTES) == 0;
    return VAIN_OK;
}

static enum vain_status check_record(const char *folder, int64_t newest,
                                     const uint8_t head[VAIN_HASH_BYTES])
{
    char path[VAIN_PATH_BYTES];
    snprintf(path, sizeof path, "%s/record.bin", folder);
    struct search search = {head, newest <= 0};
    struct vain_record_summary summary;
    const enum vain_status status = vain_record_file_verify(path, &summary, look, &search);
    if (status == VAIN_ERR_NOT_FOUND && newest <= 0)
        return VAIN_OK;
    VAIN_TRY(status);
    if (!search.found)
        return vain_fail(VAIN_ERR_CORRUPT, "%s: the record of round %lld is missing", path,
                         (long long)newest);
    return VAIN_OK;
}

static enum vain_status check_rounds(const char *folder, int64_t acknowledged,
                                     const int64_t *checkpoints, int checkpoint_count,
                                     const int64_t *members, int member_count)
{
    uint8_t head[VAIN_HASH_BYTES] = {0};
    for (int i = 0; i < checkpoint_count; i++)
        VAIN_TRY(check_checkpoint(folder, checkpoints[i], head));
    for (int i = 0; i < member_count; i++)
        VAIN_TRY(check_member(folder, members[i]));
    const int64_t newest = checkpoint_count > 0 ? checkpoints[checkpoint_count - 1] : -1;
    if (newest < acknowledged || newest > acknowledged + 1)
        return vain_fail(VAIN_ERR_CORRUPT, "newest checkpoint %lld, acknowledged %lld",
                         (long long)newest, (long long)acknowledged);
    if (acknowledged >= 0 && (!contains(members, member_count, acknowledged) ||
                              !contains(checkpoints, checkpoint_count, acknowledged)))
        return vain_fail(VAIN_ERR_CORRUPT, "round %lld was acknowledged and is not there",
                         (long long)acknowledged);
    return check_record(folder, newest, head);
}

int main(int argc, char **argv)
{
    if (argc != 3 || vain_crypto_init() != VAIN_OK)
        return 2;
    const char *folder = argv[1];
    int64_t *checkpoints = NULL, *members = NULL;
    int checkpoint_count = 0, member_count = 0;
    enum vain_status status;
    VAIN_TRY_OUT(vain_checkpoint_list(folder, &checkpoints, &checkpoint_count));
    VAIN_TRY_OUT(vain_member_list(folder, SCENE_MEMBER, &members, &member_count));
    status = check_rounds(folder, strtoll(argv[2], NULL, 10), checkpoints, checkpoint_count,
                          members, member_count);
out:
    vain_release(checkpoints);
    vain_release(members);
    if (status != VAIN_OK)
        fprintf(stderr, "%s\n", vain_fail_message());
    return status == VAIN_OK ? 0 : 1;
}

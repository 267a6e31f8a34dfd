/* Saves a run's files round after round, as a training run does: record, checkpoint, member file,
 * pruning. Goes on from what is in the folder. After each round that is durable it writes the
 * round's number to stdout ("acknowledged").
 *
 *   save_loop FOLDER
 *
 * Exit 0: all rounds saved; 1: a status said that one could not be, its message on stderr. */
#include "cmd/world.h"
#include "jobs/store/checkpoint.h"
#include "jobs/store/member.h"
#include "jobs/store/record_file.h"
#include "tests/fault/save_scene.h"
#include "tests/unit/store/chain.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct scene_vectors vectors;

/* The newest round of which checkpoint and member file are there, and its record; -1 if there is
 * none. */
static enum vain_status find_newest(const char *folder, int64_t *round,
                                    uint8_t head[VAIN_HASH_BYTES])
{
    int64_t *rounds;
    int count;
    memset(head, 0, VAIN_HASH_BYTES);
    *round = -1;
    VAIN_TRY(vain_checkpoint_list(folder, &rounds, &count));
    for (int i = count - 1; i >= 0 && *round < 0; i--) {
        char path[VAIN_PATH_BYTES];
        struct vain_member_state state;
        vain_member_path(folder, SCENE_MEMBER, rounds[i], path, sizeof path);
        if (vain_member_peek(path, &state) == VAIN_OK)
            *round = rounds[i];
    }
    vain_release(rounds);
    if (*round < 0)
        return VAIN_OK;
    char path[VAIN_PATH_BYTES];
    vain_checkpoint_path(folder, *round, path, sizeof path);
    struct vain_checkpoint_file *file;
    VAIN_TRY(vain_checkpoint_open(path, &file));
    memcpy(head, vain_checkpoint_content(file)->record_head, VAIN_HASH_BYTES);
    vain_checkpoint_close(&file);
    return VAIN_OK;
}

static enum vain_status save_round(const char *folder, int64_t round,
                                   struct vain_record_file *record, struct chain_maker *maker,
                                   uint8_t head[VAIN_HASH_BYTES])
{
    struct vain_world *world = vain_world_real();
    if (round > 0) {
        uint8_t frame[CHAIN_FRAME_BYTES];
        size_t bytes;
        VAIN_TRY(chain_frame(maker, (uint64_t)round, head, CHAIN_MEMBERS, frame, &bytes));
        VAIN_TRY(vain_record_file_append(record, frame, bytes));
        memcpy(head, maker->head, VAIN_HASH_BYTES);
    }
    scene_fill(round, &vectors);
    struct vain_checkpoint checkpoint;
    VAIN_TRY(scene_checkpoint(round, &vectors, head, &checkpoint));
    VAIN_TRY(vain_checkpoint_write(&checkpoint, folder, world, NULL));
    struct vain_member_state member;
    scene_member(round, &vectors, &member);
    VAIN_TRY(vain_member_write(&member, folder, world));
    return vain_checkpoint_prune(folder, SCENE_KEEP, SCENE_MEMBER, SCENE_KEEP);
}

static enum vain_status run(const char *folder)
{
    struct chain_maker maker;
    struct vain_record_file *record;
    int64_t round;
    uint8_t head[VAIN_HASH_BYTES];
    VAIN_TRY(vain_crypto_init());
    VAIN_TRY(chain_open(&maker));
    VAIN_TRY(find_newest(folder, &round, head));
    VAIN_TRY(vain_record_file_open(folder, vain_world_real(), &record));
    VAIN_TRY(vain_record_file_rewind(record, head, NULL));
    while (++round < SCENE_ROUNDS) {
        VAIN_TRY(save_round(folder, round, record, &maker, head));
        printf("%lld\n", (long long)round);
        fflush(stdout);
    }
    vain_record_file_close(&record);
    chain_close(&maker);
    return VAIN_OK;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    if (run(argv[1]) == VAIN_OK)
        return 0;
    fprintf(stderr, "%s\n", vain_fail_message());
    return 1;
}

#include "jobs/resume_newer.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "jobs/store/checkpoint.h"
#include "jobs/store/record_file.h"

/* Where a checkpoint stands in its run. */
struct place {
    int64_t round;
    uint8_t run_id[VAIN_RUN_ID_BYTES], record_head[VAIN_HASH_BYTES], spec_hash[VAIN_HASH_BYTES];
};

static bool read_place(const char *path, struct place *out)
{
    struct vain_checkpoint_file *file = NULL;
    if (vain_checkpoint_open(path, &file) != VAIN_OK) {
        vain_fail_clear();
        return false;
    }
    const struct vain_checkpoint *content = vain_checkpoint_content(file);
    out->round = content->round;
    memcpy(out->run_id, content->run_id, VAIN_RUN_ID_BYTES);
    memcpy(out->record_head, content->record_head, VAIN_HASH_BYTES);
    memcpy(out->spec_hash, content->spec_hash, VAIN_HASH_BYTES);
    vain_checkpoint_close(&file);
    return true;
}

/* A walk along the record: from the one place, and on to the others. */
struct walk {
    const struct place *from;
    const struct place *others; /* (count) */
    int count;
    bool left;     /* a record links to where it begins */
    bool *reached; /* (count) */
};

static enum vain_status step(void *context, const struct vain_record_decoded *record)
{
    struct walk *walk = context;
    walk->left = walk->left ||
                 memcmp(record->record.previous, walk->from->record_head, VAIN_HASH_BYTES) == 0;
    for (int i = 0; i < walk->count; i++)
        walk->reached[i] =
            walk->reached[i] ||
            (walk->left && memcmp(record->hash, walk->others[i].record_head, VAIN_HASH_BYTES) == 0);
    return VAIN_OK;
}

/* A record that is damaged further on has said what it says up to there. */
static void walk_record(const struct vain_run *run, struct walk *walk)
{
    struct vain_record_summary summary;
    char path[VAIN_PATH_BYTES];
    vain_record_path(run->config->directory, path);
    if (vain_record_file_verify(path, &summary, step, walk) != VAIN_OK)
        vain_fail_clear();
}

static bool is_candidate(const struct vain_run *run, const struct place *from, bool own,
                         const struct place *place)
{
    return (own ? place->round > from->round : place->round >= from->round) &&
           memcmp(place->run_id, from->run_id, VAIN_RUN_ID_BYTES) == 0 &&
           memcmp(place->spec_hash, run->config->spec_hash, VAIN_HASH_BYTES) == 0;
}

/* The folder's checkpoints that may go on from `from`; `places` (count). How many. */
static int read_candidates(const struct vain_run *run, const struct place *from, bool own,
                           const int64_t *rounds, int count, struct place *places)
{
    int kept = 0;
    for (int i = 0; i < count; i++) {
        char path[VAIN_PATH_BYTES];
        if (rounds[i] < from->round)
            continue;
        vain_checkpoint_path(run->config->directory, rounds[i], path, sizeof path);
        if (read_place(path, &places[kept]) && places[kept].round == rounds[i] &&
            is_candidate(run, from, own, &places[kept]))
            kept++;
    }
    return kept;
}

enum vain_status vain_resume_list_newer(const struct vain_run *run, const char *path, bool own,
                                        int64_t **rounds, int *count)
{
    struct place from, *places = NULL;
    bool *reached = NULL;
    int64_t *all = NULL;
    int all_count = 0;
    enum vain_status status;
    *rounds = NULL;
    *count = 0;
    if (!read_place(path, &from))
        return VAIN_OK;
    VAIN_TRY_OUT(vain_checkpoint_list(run->config->directory, &all, &all_count));
    if (all_count == 0)
        goto out;
    VAIN_TRY_OUT(vain_take_array(all_count, sizeof *places, "checkpoints", (void **)&places));
    VAIN_TRY_OUT(vain_take_array(all_count, sizeof *reached, "checkpoints", (void **)&reached));
    const int kept = read_candidates(run, &from, own, all, all_count, places);
    struct walk walk = {.from = &from, .others = places, .count = kept, .reached = reached};
    if (kept > 0)
        walk_record(run, &walk);
    for (int i = 0; i < kept; i++) {
        const bool same = memcmp(places[i].record_head, from.record_head, VAIN_HASH_BYTES) == 0;
        if (places[i].round == from.round ? same : reached[i])
            all[(*count)++] = places[i].round;
    }
    *rounds = all;
    all = NULL;
out:
    vain_release(all);
    vain_release(reached);
    vain_release(places);
    return status;
}

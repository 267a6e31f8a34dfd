/* Where a start goes on from: found by all ranks together, loaded by each.
 *
 * The first member's leader reads the checkpoint and gives it to all, so no shared file system is
 * needed for what is common; every leader reads its own member file and gives it to its site. A
 * round counts only if every member that has files of its own holds that one; a member without any
 * starts its own part empty and says so. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "jobs/host_vector.h"
#include "jobs/resume_newer.h"
#include "jobs/save.h"
#include "jobs/store/member.h"
#include "jobs/store/set_aside.h"
#include "jobs/vote_file.h"

enum { CANDIDATES_MAX = 64 };

/* What a leader holds, newest first. */
struct holdings {
    int32_t count;
    int32_t leads; /* this rank has files, or should */
    int64_t rounds[CANDIDATES_MAX];
};

/* What the writer tells the others about the checkpoint it loaded. */
struct common_header {
    int32_t status; /* enum vain_status of the load */
    int32_t has_momentum;
    int32_t
        measured; /* the curve, which the writer has, says how good the round's parameters are */
    int32_t reserved; /* no bytes between */
    int64_t round;    /* -1: the very start */
    int32_t range_exponent, bound_exponent;
    uint8_t run_id[VAIN_RUN_ID_BYTES];
    uint8_t parameters_hash[VAIN_HASH_BYTES], record_head[VAIN_HASH_BYTES];
    /* Why the load failed: whichever rank is heard first, it says the cause. */
    char reason[VAIN_MESSAGE_BYTES];
};

static enum vain_status broadcast_world(struct vain_run *run, void *data, size_t bytes)
{
    return vain_comm_broadcast(&run->world_comm, run->config->world, run->driver.deadline_ms, 0,
                               data, bytes);
}

static void keep_newest(const int64_t *rounds, int count, struct holdings *out)
{
    out->count = 0;
    for (int i = count - 1; i >= 0 && out->count < CANDIDATES_MAX; i--)
        out->rounds[out->count++] = rounds[i];
}

static bool holds(const struct holdings *holdings, int64_t round)
{
    for (int i = 0; i < holdings->count; i++) {
        if (holdings->rounds[i] == round)
            return true;
    }
    return false;
}

/* Member files of this leader (other ranks hold none). */
static enum vain_status list_own(const struct vain_run *run, struct holdings *out)
{
    memset(out, 0, sizeof *out);
    if (!run->leader)
        return VAIN_OK;
    out->leads = 1;
    int64_t *rounds = NULL;
    int count = 0;
    VAIN_TRY(vain_member_list(run->config->directory, run->name, &rounds, &count));
    keep_newest(rounds, count, out);
    vain_release(rounds);
    return VAIN_OK;
}

/* Newest round of `common` that every rank with files holds, or, if so asked, every leader. -1:
 * there is none. */
static int64_t choose_held(const struct holdings *common, const struct holdings *all, int ranks,
                           bool by_all_leaders)
{
    for (int i = 0; i < common->count; i++) {
        bool everywhere = true;
        for (int rank = 0; rank < ranks; rank++) {
            const bool counts = by_all_leaders ? all[rank].leads != 0 : all[rank].count > 0;
            everywhere = everywhere && (!counts || holds(&all[rank], common->rounds[i]));
        }
        if (everywhere)
            return common->rounds[i];
    }
    return -1;
}

/* The same, or the newest of `common`. -1: no round. */
static int64_t choose_round(const struct holdings *common, const struct holdings *all, int ranks)
{
    const int64_t held = choose_held(common, all, ranks, false);
    return held < 0 && common->count > 0 ? common->rounds[0] : held;
}

/* The writer's `common` to all, and what each leader holds into `all` (ranks). */
static enum vain_status share_holdings(struct vain_run *run, struct holdings *common,
                                       struct holdings *all)
{
    struct holdings own;
    VAIN_TRY(broadcast_world(run, common, sizeof *common));
    VAIN_TRY(list_own(run, &own));
    return vain_comm_all_gather(&run->world_comm, run->config->world, run->driver.deadline_ms,
                                VAIN_TAG_START, &own, sizeof own, all);
}

/* Other agreed keys are fine where the file is named, and never a surprise. */
static enum vain_status check_spec(const struct vain_run *run,
                                   const struct vain_checkpoint *content, const char *path,
                                   bool named)
{
    char keys[384];
    if (memcmp(content->spec_hash, run->config->spec_hash, VAIN_HASH_BYTES) == 0)
        return VAIN_OK;
    vain_spec_differences(run->config->spec, content->spec_resolved, run->config->spec_resolved,
                          keys, sizeof keys);
    if (keys[0] == '\0')
        snprintf(keys, sizeof keys, "compare its /spec_resolved with what 'vain explain' prints");
    if (!named)
        return vain_fail(VAIN_ERR_REFUSED,
                         "%s was made with other agreed keys than this spec has (%s); to go on "
                         "from it all the same name it with --resume FILE, or start anew with "
                         "another --out folder",
                         path, keys);
    vain_event_notice(run->config->events,
                      "%s was made with other agreed keys than this spec has (%s)", path, keys);
    return VAIN_OK;
}

static enum vain_status check_symbols(const struct vain_run *run,
                                      const struct vain_checkpoint *content, const char *path)
{
    if (strcmp(content->symbol_kind, run->data.symbol_kind) != 0)
        return vain_fail(VAIN_ERR_REFUSED,
                         "%s was trained on %lld %s, and the data are %lld %s: symbols of another "
                         "kind; give the data that it was trained on, or start anew with another "
                         "--out folder",
                         path, (long long)content->symbol_count, content->symbol_kind,
                         (long long)run->data.symbol_count, run->data.symbol_kind);
    const int64_t first = vain_data_first_difference(&run->data, content->symbol_count,
                                                     content->symbols, content->words);
    if (first >= 0)
        return vain_fail(VAIN_ERR_REFUSED,
                         "%s was trained on other symbols (%lld %s) than the data have (%lld %s), "
                         "the first is number %lld; use the file that it was trained on, or one "
                         "with the same %s",
                         path, (long long)content->symbol_count, content->symbol_kind,
                         (long long)run->data.symbol_count, run->data.symbol_kind, (long long)first,
                         run->data.symbol_kind);
    return VAIN_OK;
}

static enum vain_status check_fits(const struct vain_run *run,
                                   const struct vain_checkpoint *content, const char *path,
                                   bool named)
{
    const bool same_kind = strcmp(content->model, run->model_ops->name) == 0;
    if (same_kind)
        VAIN_TRY(check_symbols(run, content, path));
    if (content->parameter_count != run->layout.parameter_count || !same_kind) {
        char keys[384];
        vain_spec_differences(run->config->spec, content->spec_resolved, run->config->spec_resolved,
                              keys, sizeof keys);
        return vain_fail(
            VAIN_ERR_REFUSED,
            "%s: kind %s, %lld parameters, but the spec describes kind %s, %lld%s%s%s; "
            "use the spec that made it, or another --out folder",
            path, content->model, (long long)content->parameter_count, run->model_ops->name,
            (long long)run->layout.parameter_count, keys[0] != '\0' ? " (" : "", keys,
            keys[0] != '\0' ? ")" : "");
    }
    for (int i = 0; i < content->slice_count; i++) {
        if (content->slice_count != run->layout.slice_count ||
            strcmp(content->slices[i].name, run->layout.slices[i].name) != 0 ||
            content->slices[i].count != run->layout.slices[i].count)
            return vain_fail(VAIN_ERR_REFUSED,
                             "%s: its slices are not those of the spec's model (first: '%s')", path,
                             content->slices[i].name);
    }
    VAIN_TRY(check_spec(run, content, path, named));
    if (!run->config->on_own_host && content->member_count > 0 &&
        content->member_count != run->codec.members)
        vain_event_notice(run->config->events,
                          "%s was made by %d member%s, and %d take part here: each trains on "
                          "another part of the data from here on, if they share it",
                          path, content->member_count, content->member_count == 1 ? "" : "s",
                          run->codec.members);
    if (content->round > run->job->train.rounds)
        return vain_fail(VAIN_ERR_REFUSED,
                         "%s is of round %lld, the spec ends at round %lld (train.rounds)", path,
                         (long long)content->round, (long long)run->job->train.rounds);
    return VAIN_OK;
}

static void restore_curve(struct vain_run *run, const struct vain_checkpoint *content)
{
    run->curve_count = 0;
    for (int64_t i = 0; i < content->curve_count && i <= run->job->train.rounds; i++) {
        if (content->curve[i].round > content->round)
            continue;
        run->curve[run->curve_count++] = content->curve[i];
        vain_note_target(run, content->curve[i].round, content->curve[i].accuracy);
    }
    if (run->curve_count > 0)
        run->first_validation_loss = run->curve[0].validation_loss;
}

static bool round_is_measured(const struct vain_run *run, int64_t round)
{
    if (run->curve_count == 0)
        return false;
    const struct vain_curve_point *last = &run->curve[run->curve_count - 1];
    return last->round == round && (!isnan(last->validation_loss) || !isnan(last->accuracy));
}

static void folder_of(const char *path, char out[VAIN_MIN_LEN(VAIN_PATH_BYTES)])
{
    snprintf(out, VAIN_PATH_BYTES, "%s", path);
    char *slash = strrchr(out, '/');
    if (slash == NULL)
        snprintf(out, VAIN_PATH_BYTES, ".");
    else
        *slash = '\0';
}

/* Does the checkpoint lie in the run's own folder, under whatever path? */
static bool is_own(const struct vain_run *run, const char *checkpoint)
{
    char folder[VAIN_PATH_BYTES];
    struct stat there, here;
    folder_of(checkpoint, folder);
    return stat(folder, &there) == 0 && stat(run->config->directory, &here) == 0 &&
           there.st_dev == here.st_dev && there.st_ino == here.st_ino;
}

enum vain_status vain_resume_votes(const struct vain_run *run)
{
    const struct vain_run_config *config = run->config;
    char folder[VAIN_PATH_BYTES];
    if (strcmp(config->resume, "auto") == 0 || strcmp(config->resume, "none") == 0)
        return VAIN_OK;
    folder_of(config->resume, folder);
    return vain_vote_file_adopt(folder, config->directory, run->name, config->world);
}

/* Writer only: a checkpoint after round 0 has its record beside it. A run that goes on in another
 * folder has none yet: an empty file is the sign that none is missing, also before its first round
 * ends. */
static enum vain_status check_record(const struct vain_run *run,
                                     const struct vain_checkpoint *content, const char *path)
{
    static const uint8_t none[VAIN_HASH_BYTES];
    struct vain_world *world = run->config->world;
    char record[VAIN_PATH_BYTES];
    vain_record_path(run->config->directory, record);
    if (memcmp(content->record_head, none, sizeof none) == 0 || access(record, F_OK) == 0)
        return VAIN_OK;
    if (!is_own(run, path))
        return world->ops->append(world, record, "", 0);
    return vain_fail(VAIN_ERR_NOT_FOUND,
                     "%s is missing, though %s was made after %lld rounds, which it records; put "
                     "it back, or start from the checkpoint in another folder with --resume FILE "
                     "--out DIR",
                     record, path, (long long)content->round);
}

/* Writer only: the checkpoint into run->common and run->momentum, its facts into the header. */
static enum vain_status load_common(struct vain_run *run, const char *path, bool named,
                                    struct common_header *header)
{
    struct vain_checkpoint_file *file = NULL;
    enum vain_status status;
    status = vain_checkpoint_open(path, &file);
    if (status == VAIN_ERR_NOT_FOUND && named)
        status = vain_fail(status,
                           "--resume %s: there is no such file; expected auto, none or a "
                           "checkpoint file",
                           path);
    VAIN_TRY_OUT(status);
    const struct vain_checkpoint *content = vain_checkpoint_content(file);
    VAIN_TRY_OUT(check_fits(run, content, path, named));
    VAIN_TRY_OUT(check_record(run, content, path));
    header->has_momentum = vain_checkpoint_has_momentum(file) && run->momentum != NULL;
    VAIN_TRY_OUT(vain_checkpoint_read(
        file, run->host_queue.device->pool, vain_host_vector(run, VAIN_VECTOR_COMMON),
        header->has_momentum ? vain_host_vector(run, VAIN_VECTOR_MOMENTUM) : NULL));
    if (!header->has_momentum && run->momentum != NULL)
        vain_event_notice(run->config->events, "%s holds no outer momentum: it starts at zero",
                          path);
    header->round = content->round;
    header->range_exponent = content->range_exponent;
    header->bound_exponent = content->bound_exponent;
    memcpy(header->run_id, content->run_id, VAIN_RUN_ID_BYTES);
    memcpy(header->parameters_hash, content->parameters_hash, VAIN_HASH_BYTES);
    memcpy(header->record_head, content->record_head, VAIN_HASH_BYTES);
    restore_curve(run, content);
    header->measured = round_is_measured(run, content->round);
out:
    vain_checkpoint_close(&file);
    return status;
}

/* What came is what the writer says it gave: a member that was given other parameters under the
 * same hash would send a delta from another place than the rest, and the sum would show it. */
static enum vain_status check_common(const struct vain_run *run, const struct common_header *header)
{
    uint8_t root[VAIN_HASH_BYTES];
    VAIN_TRY(vain_merkle_root(vain_host_vector(run, VAIN_VECTOR_COMMON),
                              (size_t)run->layout.parameter_count * sizeof(float),
                              VAIN_MERKLE_LEAF_BYTES, run->host_queue.device->pool, root));
    if (memcmp(root, header->parameters_hash, VAIN_HASH_BYTES) == 0)
        return VAIN_OK;
    return vain_fail(VAIN_ERR_PEER,
                     "member '%s': the parameters that came for round %lld are not those that the "
                     "first member says it sent; nothing was sent. Check memory and network, and "
                     "who runs the other ranks",
                     run->name, (long long)header->round);
}

/* All ranks: the header and vectors that the writer loaded. */
static enum vain_status adopt_common(struct vain_run *run, const struct common_header *header)
{
    const size_t vector = (size_t)run->layout.parameter_count * sizeof(float);
    VAIN_TRY(broadcast_world(run, vain_host_vector(run, VAIN_VECTOR_COMMON), vector));
    VAIN_TRY(check_common(run, header));
    VAIN_TRY(vain_host_vector_write(run, VAIN_VECTOR_COMMON));
    if (header->has_momentum) {
        VAIN_TRY(broadcast_world(run, vain_host_vector(run, VAIN_VECTOR_MOMENTUM), vector));
        VAIN_TRY(vain_host_vector_write(run, VAIN_VECTOR_MOMENTUM));
    }
    run->round = header->round;
    run->resumed_measured = header->measured != 0;
    memcpy(run->run_id, header->run_id, VAIN_RUN_ID_BYTES);
    memcpy(run->record_head, header->record_head, VAIN_HASH_BYTES);
    memcpy(run->parameters_hash, header->parameters_hash, VAIN_HASH_BYTES);
    VAIN_TRY(vain_codec_restore(
        &run->codec, (struct vain_codec_state){header->range_exponent, header->bound_exponent}));
    run->method_ops->adopt(&run->method, run->common);
    return VAIN_OK;
}

/* What the leader of a site tells its ranks about the own state. */
struct own_header {
    int32_t status;
    int64_t step_in_round, optimiser_step, data_position, dropped_inputs;
    double loss_sum;
};

/* A file of the run that goes on says whose it is and of which round: names of files can be changed
 * by hand. */
static enum vain_status check_own(const struct vain_run *run, const char *path,
                                  const struct vain_member_state *state)
{
    if (strcmp(state->name, run->name) != 0 || state->round != run->round)
        return vain_fail(VAIN_ERR_CORRUPT,
                         "%s: it is the file of member '%s' for round %lld, under the name of "
                         "member '%s' for round %lld; give it its own name back",
                         path, state->name, (long long)state->round, run->name,
                         (long long)run->round);
    if (memcmp(state->parameters_hash, run->parameters_hash, VAIN_HASH_BYTES) != 0)
        return vain_fail(VAIN_ERR_CORRUPT, "%s belongs to other parameters of this run", path);
    if (state->promises > vain_promises_count(run->promises))
        return vain_fail(VAIN_ERR_REFUSED,
                         "%s: %lld promises had been made when it was written, but promises-%s.bin "
                         "beside it holds %lld, so it is not known to whom the member's input was "
                         "sent; put the whole file there, or start anew with another --out folder "
                         "and another seed",
                         path, (long long)state->promises, run->name,
                         (long long)vain_promises_count(run->promises));
    if (state->step_in_round > run->job->train.local_steps)
        return vain_fail(VAIN_ERR_INPUT,
                         "%s stands at step %lld of its round, but train.local_steps is %lld; use "
                         "the spec that made it",
                         path, (long long)state->step_in_round,
                         (long long)run->job->train.local_steps);
    return VAIN_OK;
}

/* What a member's file held, to the device. */
static enum vain_status write_own(struct vain_run *run)
{
    VAIN_TRY(vain_host_vector_write(run, VAIN_VECTOR_RESIDUAL));
    VAIN_TRY(vain_host_vector_write(run, VAIN_VECTOR_LOCAL));
    for (int i = 0; i < run->method.memory_count; i++)
        VAIN_TRY(vain_host_vector_write(run, (enum vain_vector)(VAIN_VECTOR_MEMORIES + i)));
    return VAIN_OK;
}

/* `foreign`: the file is whole, but another run's, so this run has none here. */
static enum vain_status load_own(struct vain_run *run, const char *folder,
                                 struct own_header *header, bool *foreign)
{
    *foreign = false;
    char path[VAIN_PATH_BYTES];
    vain_member_path(folder, run->name, run->round, path, sizeof path);
    struct vain_member_state state;
    memset(&state, 0, sizeof state);
    vain_list_memories(run, &state);
    state.residual = vain_host_vector(run, VAIN_VECTOR_RESIDUAL);
    state.parameters = vain_host_vector(run, VAIN_VECTOR_LOCAL);
    state.parameter_count = run->layout.parameter_count;
    VAIN_TRY(vain_host_vector_read(run, VAIN_VECTOR_LOCAL)); /* stays where the file has none */
    VAIN_TRY(vain_member_read(path, run->host_queue.device->pool, &state));
    *foreign = memcmp(state.run_id, run->run_id, VAIN_RUN_ID_BYTES) != 0;
    if (*foreign)
        return vain_fail(VAIN_ERR_REFUSED, "%s belongs to another run", path);
    VAIN_TRY(check_own(run, path, &state));
    VAIN_TRY(write_own(run));
    header->step_in_round = state.step_in_round;
    header->optimiser_step = state.optimiser_step;
    header->data_position = state.data_position;
    header->loss_sum = state.loss_sum;
    header->dropped_inputs = state.dropped_inputs;
    return VAIN_OK;
}

/* A member that joins late takes its place in the schedule of data: nothing of the others' is drawn
 * twice by it. */
static void start_own_empty(struct vain_run *run, struct own_header *header)
{
    const size_t vector = (size_t)run->layout.parameter_count * sizeof(float);
    const struct vain_memory_ops *memory = &run->device.ops->memory;
    run->method_ops->forget(&run->method);
    memory->zero(&run->queue, run->residual, vector);
    run->method_ops->adopt(&run->method, run->common);
    memset(header, 0, sizeof *header);
    header->data_position = run->round * run->job->train.local_steps * run->job->train.accumulate;
}

/* A vector of the leader reaches its site's ranks. */
static enum vain_status share_vector(struct vain_run *run, enum vain_vector which)
{
    VAIN_TRY(vain_host_vector_read(run, which));
    VAIN_TRY(vain_comm_broadcast(&run->site.comm, run->config->world, run->driver.deadline_ms, 0,
                                 vain_host_vector(run, which), vain_host_vector_bytes(run, which)));
    return vain_host_vector_write(run, which);
}

/* The leader's own state reaches its site's ranks. */
static enum vain_status share_own(struct vain_run *run, struct own_header *header)
{
    struct vain_comm *site = &run->site.comm;
    struct vain_world *world = run->config->world;
    if (site->size > 1) {
        VAIN_TRY(
            vain_comm_broadcast(site, world, run->driver.deadline_ms, 0, header, sizeof *header));
        for (int i = 0; i < run->method.memory_count; i++)
            VAIN_TRY(share_vector(run, (enum vain_vector)(VAIN_VECTOR_MEMORIES + i)));
        VAIN_TRY(share_vector(run, VAIN_VECTOR_LOCAL));
    }
    run->method.step_in_round = header->step_in_round;
    run->method.optimiser_step = header->optimiser_step;
    run->method.data_position = header->data_position;
    run->method.loss_sum = header->loss_sum;
    run->dropped_inputs = (uint32_t)header->dropped_inputs;
    return VAIN_OK;
}

/* Own state for run->round: from the member's file, or empty if there is none of this run. A file
 * that is there and cannot be read now ends the start: going on without it would prune it later.
 * `valid` is false when the file is broken and `may_go_back`, so that all members can choose an
 * older round together. */
static enum vain_status resume_own(struct vain_run *run, const char *folder, bool may_go_back,
                                   bool *valid)
{
    struct own_header header = {0};
    *valid = true;
    if (run->leader) {
        bool foreign;
        const enum vain_status status = load_own(run, folder, &header, &foreign);
        const bool absent = status == VAIN_ERR_NOT_FOUND;
        const bool broken = status == VAIN_ERR_CORRUPT && may_go_back;
        if (status < 0 && !absent && !foreign && !broken)
            return status;
        if (broken) {
            vain_event_notice(run->config->events, "%s", vain_fail_message());
            *valid = false;
        }
        if (foreign)
            vain_event_notice(run->config->events,
                              "%s: the optimiser and residual of member '%s' start empty",
                              vain_fail_message(), run->name);
        if (absent)
            vain_event_notice(run->config->events,
                              "member '%s' has no file of its own for round %lld: its optimiser "
                              "and residual start empty",
                              run->name, (long long)run->round);
        if (status != VAIN_OK) {
            vain_fail_clear();
            start_own_empty(run, &header);
        }
    }
    return share_own(run, &header);
}

/* Did every rank load its part? */
static enum vain_status all_valid(struct vain_run *run, bool valid, bool *all)
{
    uint8_t mine = valid ? 1 : 0;
    uint8_t *everybody = NULL;
    VAIN_TRY(vain_take((size_t)run->world_comm.size, "resume answers", (void **)&everybody));
    const enum vain_status status =
        vain_comm_all_gather(&run->world_comm, run->config->world, run->driver.deadline_ms,
                             VAIN_TAG_START, &mine, sizeof mine, everybody);
    *all = true;
    for (int i = 0; i < run->world_comm.size; i++)
        *all = *all && everybody[i] == 1;
    vain_release(everybody);
    return status;
}

/* What the folder holds of rounds after this one belongs to a branch that is left: records, and at
 * every leader its files, are set aside, so that the next start cannot take them for the newest. */
static enum vain_status leave_later_rounds(struct vain_run *run)
{
    const struct vain_run_config *config = run->config;
    int64_t discarded = 0;
    int files = 0;
    if (run->leader)
        VAIN_TRY(vain_store_set_aside(config->directory, config->world, run->round, run->writer,
                                      run->name, &files));
    if (run->writer)
        VAIN_TRY(vain_record_file_rewind(run->record, run->record_head, &discarded));
    if (discarded > 0 || files > 0)
        vain_event_notice(config->events,
                          "%lld records and %d files of rounds after %lld were set aside: those "
                          "rounds are done again",
                          (long long)discarded, files, (long long)run->round);
    return VAIN_OK;
}

/* One round tried by all ranks: `done` if everybody has it; if a file of it is broken somewhere and
 * it was not named, the caller tries an older one. */
static enum vain_status try_round(struct vain_run *run, const char *path, const char *folder,
                                  bool named, bool *done)
{
    struct common_header header = {.round = -1};
    if (run->writer) {
        header.status = (int32_t)load_common(run, path, named, &header);
        if (header.status != VAIN_OK)
            snprintf(header.reason, sizeof header.reason, "%s", vain_fail_message());
        if (header.status == VAIN_ERR_CORRUPT && !named) {
            vain_event_notice(run->config->events, "%s", vain_fail_message());
            vain_fail_clear();
        }
    }
    VAIN_TRY(broadcast_world(run, &header, sizeof header));
    *done = false;
    if (header.status == VAIN_ERR_CORRUPT && !named)
        return VAIN_OK;
    header.reason[sizeof header.reason - 1] = '\0';
    if (header.status != VAIN_OK)
        return run->writer ? (enum vain_status)header.status
                           : vain_fail((enum vain_status)header.status, "%s", header.reason);
    VAIN_TRY(adopt_common(run, &header));
    bool valid = true;
    VAIN_TRY(resume_own(run, folder, !named, &valid));
    return all_valid(run, valid, done);
}

static enum vain_status start_new(struct vain_run *run)
{
    float *common = vain_host_vector(run, VAIN_VECTOR_COMMON);
    if (run->method_ops->initial != NULL)
        run->method_ops->initial(run->job, common);
    else
        vain_model_init(&run->layout, run->job->general.seed, common);
    VAIN_TRY(vain_host_vector_write(run, VAIN_VECTOR_COMMON));
    VAIN_TRY(vain_merkle_root(common, (size_t)run->layout.parameter_count * sizeof(float),
                              VAIN_MERKLE_LEAF_BYTES, run->host_queue.device->pool,
                              run->parameters_hash));
    /* Members on their own hosts name a run together, when its first group meets. */
    if (run->writer && !run->config->on_own_host)
        run->config->world->ops->random(run->config->world, run->run_id, VAIN_RUN_ID_BYTES);
    VAIN_TRY(broadcast_world(run, run->run_id, VAIN_RUN_ID_BYTES));
    run->round = 0;
    run->method_ops->adopt(&run->method, run->common);
    return leave_later_rounds(run);
}

/* Drop a round that turned out broken somewhere. */
static void forget_round(struct holdings *common, int64_t round)
{
    int kept = 0;
    for (int i = 0; i < common->count; i++) {
        if (common->rounds[i] != round)
            common->rounds[kept++] = common->rounds[i];
    }
    common->count = kept;
}

/* Has the same command been here before, and got further? The writer's word counts for what is
 * common; a round counts only if every leader has its file, since the bits are to be those of the
 * start from the named file. */
static enum vain_status resume_newer(struct vain_run *run, bool *done)
{
    const struct vain_run_config *config = run->config;
    const int ranks = run->world_comm.size;
    struct holdings common = {0}, *all = NULL;
    enum vain_status status;
    *done = false;
    if (run->writer) {
        int64_t *rounds = NULL;
        int count = 0;
        VAIN_TRY(vain_resume_list_newer(run, config->resume, is_own(run, config->resume), &rounds,
                                        &count));
        keep_newest(rounds, count, &common);
        vain_release(rounds);
    }
    VAIN_TRY(vain_take_array(ranks, sizeof *all, "resume survey", (void **)&all));
    VAIN_TRY_OUT(share_holdings(run, &common, all));
    for (int64_t round; !*done && (round = choose_held(&common, all, ranks, true)) >= 0;
         forget_round(&common, round)) {
        char path[VAIN_PATH_BYTES];
        vain_checkpoint_path(config->directory, round, path, sizeof path);
        VAIN_TRY_OUT(try_round(run, path, config->directory, false, done));
    }
    if (*done && run->writer)
        vain_event_notice(config->events,
                          "this spec has got from %s to round %lld in %s already, and goes on from "
                          "there; to start from that file again, choose another --out folder or "
                          "move the later checkpoints away",
                          config->resume, (long long)run->round, config->directory);
out:
    vain_release(all);
    return status;
}

/* A checkpoint of the run's own folder is there already: it is not written again under other keys
 * than those it was trained with. The writer's word counts. */
static enum vain_status resume_named(struct vain_run *run)
{
    bool newer;
    VAIN_TRY(resume_newer(run, &newer));
    if (newer) {
        run->saved_round = run->resumed_measured ? run->round : run->saved_round;
        return leave_later_rounds(run);
    }
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    uint8_t own = is_own(run, run->config->resume) ? 1 : 0;
    folder_of(run->config->resume, folder);
    bool done = false;
    if (run->leader && !is_own(run, run->config->resume))
        VAIN_TRY(vain_promises_adopt(run->promises, folder, run->name));
    VAIN_TRY(try_round(run, run->config->resume, folder, true, &done));
    VAIN_ASSERT(done);
    vain_checkpoint_path(run->config->directory, run->round, path, sizeof path);
    own = own != 0 && access(path, F_OK) == 0 ? 1 : 0;
    VAIN_TRY(broadcast_world(run, &own, sizeof own));
    run->saved_round = own != 0 ? run->round : run->saved_round;
    return leave_later_rounds(run);
}

/* What lies in the folders: `common` of the writer's checkpoints, `all` (ranks) of everybody's
 * member files. */
static enum vain_status survey(struct vain_run *run, struct holdings *common, struct holdings *all)
{
    memset(common, 0, sizeof *common);
    if (run->writer) {
        int64_t *rounds = NULL;
        int count = 0;
        VAIN_TRY(vain_checkpoint_list(run->config->directory, &rounds, &count));
        keep_newest(rounds, count, common);
        vain_release(rounds);
    }
    return share_holdings(run, common, all);
}

static enum vain_status resume_newest(struct vain_run *run, struct holdings *common,
                                      const struct holdings *all)
{
    const bool had_any = common->count > 0;
    for (;;) {
        const int64_t round = choose_round(common, all, run->world_comm.size);
        if (round < 0 && !had_any)
            return start_new(run);
        if (round < 0)
            return vain_fail(VAIN_ERR_CORRUPT,
                             "%s: no checkpoint is whole; move them away to start anew, or name "
                             "one with --resume FILE",
                             run->config->directory);
        char path[VAIN_PATH_BYTES];
        vain_checkpoint_path(run->config->directory, round, path, sizeof path);
        bool done = false;
        VAIN_TRY(try_round(run, path, run->config->directory, false, &done));
        if (done)
            return leave_later_rounds(run);
        forget_round(common, round);
    }
}

/* `--resume none`: nothing of another run may lie here. Only the writer can know of records. */
static enum vain_status refuse_used_folder(struct vain_run *run, const struct holdings *common)
{
    char path[VAIN_PATH_BYTES];
    vain_record_path(run->config->directory, path);
    if (common->count == 0 && (!run->writer || access(path, F_OK) != 0))
        return VAIN_OK;
    return vain_fail(VAIN_ERR_REFUSED,
                     "%s holds %s of a run, and nothing is overwritten; choose another --out "
                     "folder, or go on with --resume auto",
                     run->config->directory, common->count > 0 ? "checkpoints" : "records");
}

enum vain_status vain_resume(struct vain_run *run)
{
    if (strcmp(run->config->resume, "auto") != 0 && strcmp(run->config->resume, "none") != 0)
        return resume_named(run);
    struct holdings common, *all = NULL;
    enum vain_status status;
    VAIN_TRY(vain_take_array(run->world_comm.size, sizeof *all, "resume survey", (void **)&all));
    VAIN_TRY_OUT(survey(run, &common, all));
    if (strcmp(run->config->resume, "none") == 0) {
        VAIN_TRY_OUT(refuse_used_folder(run, &common));
        status = start_new(run);
        goto out;
    }
    status = resume_newest(run, &common, all);
out:
    vain_release(all);
    return status;
}

/* The set-up, in an order that follows from who needs what: sites decide who leads, leaders decide
 * names, names decide keys and data, data decide the model's symbols, and the number of members
 * decides the words. Whatever members must agree on is compared before the first step, so that a
 * difference costs seconds and not a night. All vectors of a run are taken here. */
#include "jobs/setup.h"

#include <gnu/libc-version.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/host.h"
#include "base/memory.h"
#include "jobs/federation_members.h"
#include "jobs/fit.h"
#include "jobs/group.h"
#include "jobs/host_vector.h"
#include "jobs/job_device.h"
#include "jobs/masks.h"
#include "jobs/member_card.h"
#include "jobs/outer.h"
#include "jobs/save.h"

/* ------------------------------------------------------------------ sites and members */

/* Ranks of one colour form a site; the colour of a host is the first rank on it. */
static enum vain_status host_colour(struct vain_run *run, int *colour)
{
    char mine[VAIN_HOST_BYTES], *all = NULL;
    VAIN_TRY(vain_host_name(mine));
    VAIN_TRY(vain_take_array(run->world_comm.size, sizeof mine, "host names", (void **)&all));
    const enum vain_status status =
        vain_comm_all_gather(&run->world_comm, run->config->world, run->job->exchange.deadline_ms,
                             VAIN_TAG_START, mine, sizeof mine, all);
    *colour = run->world_comm.rank;
    for (int rank = run->world_comm.size - 1; rank >= 0; rank--) {
        if (memcmp(all + (size_t)rank * sizeof mine, mine, sizeof mine) == 0)
            *colour = rank;
    }
    vain_release(all);
    return status;
}

static enum vain_status split_sites(struct vain_run *run, struct vain_comm *site)
{
    struct vain_comm *world = &run->world_comm;
    const bool alone = run->config->on_own_host; /* all ranks here are one member */
    int colour = alone ? 0 : world->rank;
    if (run->job->general.site == VAIN_SITE_WORLD)
        colour = 0;
    if (run->job->general.site == VAIN_SITE_HOST && !alone)
        VAIN_TRY(host_colour(run, &colour));
    VAIN_TRY(world->ops->split(world, colour, site));
    run->leader = site->rank == 0;
    run->writer = world->rank == 0;
    if (alone)
        return VAIN_OK;
    return world->ops->split(world, run->leader ? 0 : -1, &run->members_comm);
}

/* The member's name: the spec's entry of this site, or member-<number>. The whole site learns it
 * from its leader. */
static enum vain_status choose_name(struct vain_run *run, struct vain_comm *site)
{
    const struct vain_spec *spec = run->config->spec;
    if (run->config->on_own_host) {
        snprintf(run->name, sizeof run->name, "%s", spec->members[run->config->own_member].name);
        return VAIN_OK;
    }
    int32_t number = run->leader ? run->members_comm.rank : 0;
    int32_t members = run->leader ? run->members_comm.size : 0;
    VAIN_TRY(vain_comm_broadcast(site, run->config->world, run->job->exchange.deadline_ms, 0,
                                 &number, sizeof number));
    VAIN_TRY(vain_comm_broadcast(site, run->config->world, run->job->exchange.deadline_ms, 0,
                                 &members, sizeof members));
    if (spec->member_count > 0 && spec->member_count != members)
        return vain_fail(VAIN_ERR_INPUT,
                         "the spec lists %d members, but %d %s started; start all of them, with "
                         "--members %d in one process or as %d ranks under a launcher (site: "
                         "rank), or change 'members' or 'site'",
                         spec->member_count, (int)members, members == 1 ? "has" : "have",
                         spec->member_count, spec->member_count);
    if (spec->member_count > 0)
        snprintf(run->name, sizeof run->name, "%s", spec->members[number].name);
    else
        snprintf(run->name, sizeof run->name, "member-%d", (int)number);
    return VAIN_OK;
}

/* A pinned member signs with its key file; others with a throw-away key. */
static enum vain_status open_signer(struct vain_run *run)
{
    const struct vain_spec *spec = run->config->spec;
    if (run->config->signer != NULL) {
        run->signer = *run->config->signer;
        return VAIN_OK;
    }
    const char *pinned = spec->member_count > 0 ? spec->members[run->members_comm.rank].key : "";
    if (pinned[0] == '\0')
        return vain_signer_open_throw_away(&run->signer,
                                           run->config->world->ops->unix_ms(run->config->world));
    return vain_member_key_open(run->config->key_folder, run->name, pinned, &run->signer);
}

/* ------------------------------------------------------------------ what is trained */

static enum vain_status open_data(struct vain_run *run)
{
    const struct vain_spec *spec = run->config->spec;
    const int count = spec->member_count > 0 ? spec->member_count : run->codec.members;
    char(*names)[VAIN_NAME_BYTES] = NULL;
    const char **list = NULL;
    enum vain_status status;
    VAIN_TRY_OUT(vain_take_array(count, sizeof *names, "member names", (void **)&names));
    VAIN_TRY_OUT(vain_take_array(count, sizeof *list, "member names", (void **)&list));
    for (int i = 0; i < count; i++) {
        if (spec->member_count > 0)
            snprintf(names[i], sizeof names[i], "%s", spec->members[i].name);
        else
            snprintf(names[i], sizeof names[i], "member-%d", i);
        list[i] = names[i];
    }
    const struct vain_data_place place = {.spec_folder = run->config->spec_folder,
                                          .names = list,
                                          .name_count = count,
                                          .own_name = run->name,
                                          .context = run->job->model.context,
                                          .seed = run->job->general.seed};
    VAIN_TRY_OUT(vain_data_open(&run->job->data, &place, &run->data));
out:
    vain_release(names);
    vain_release(list);
    return status;
}

static enum vain_status make_slices(struct vain_run *run)
{
    VAIN_TRY(vain_take_array(run->layout.slice_count, sizeof *run->slices, "slice table",
                             (void **)&run->slices));
    for (int i = 0; i < run->layout.slice_count; i++) {
        const struct vain_slice *from = &run->layout.slices[i];
        struct vain_store_slice *to = &run->slices[i];
        memcpy(to->name, from->name, sizeof to->name);
        to->offset = from->offset;
        to->count = from->count;
        to->shape_count = from->shape_count;
        for (int d = 0; d < from->shape_count; d++) {
            to->shape[d] = from->shape[d];
            to->dims[d] = from->dims[d];
        }
    }
    return VAIN_OK;
}

static enum vain_status take_common(struct vain_run *run)
{
    const struct vain_memory_ops *memory = &run->device.ops->memory;
    const size_t vector = (size_t)run->layout.parameter_count * sizeof(float);
    VAIN_TRY(memory->take(&run->device, vector, "common parameters", (void **)&run->common));
    if (vain_outer_keeps_momentum(&run->job->outer))
        VAIN_TRY(memory->take(&run->device, vector, "outer momentum", (void **)&run->momentum));
    if (!run->leader)
        return VAIN_OK;
    VAIN_TRY(memory->take(&run->device, vector, "residual", (void **)&run->residual));
    return memory->take(&run->device, vector, "next residual", (void **)&run->next_residual);
}

/* Every dropout site of a step has a stream of its own: (rank, micro-batch, layer) must be tellable
 * apart in 28 bits (models/parts.c). */
static enum vain_status check_dropout(const struct vain_run *run)
{
    const int64_t ranks = run->site.comm.size, accumulate = run->job->train.accumulate;
    const int64_t sites = 2 * run->model.layers + 1;
    if (run->model.dropout > 0 && ranks * accumulate * sites >= (int64_t)1 << 28)
        return vain_fail(
            VAIN_ERR_INPUT,
            "dropout in %lld ranks x %lld micro-batches x %lld places of a step: at most 2^28 "
            "can be told apart; lower train.accumulate",
            (long long)ranks, (long long)accumulate, (long long)sites);
    return VAIN_OK;
}

static enum vain_status open_model(struct vain_run *run)
{
    VAIN_TRY(vain_spec_path(run->config->spec, run->job->teacher.checkpoint, run->teacher));
    if (run->teacher[0] != '\0')
        vain_event_notice(run->config->events, "member '%s' is taught by %s", run->name,
                          run->teacher);
    run->model = run->job->model;
    vain_fit_model(&run->data, &run->model);
    run->model_ops = vain_model_ops_of(&run->model);
    VAIN_TRY(check_dropout(run));
    VAIN_TRY(vain_method_layout(run->job, &run->model, &run->layout));
    VAIN_TRY(make_slices(run));
    VAIN_TRY(take_common(run));
    run->method_ops = vain_method_ops_of(run->job);
    const struct vain_method_config method = {
        .job = run->job,
        .model = &run->model,
        .model_ops = run->model_ops,
        .layout = &run->layout,
        .data = &run->data,
        .queue = &run->queue,
        .site = &run->site,
        .member_name = run->name,
        .teacher = run->teacher[0] != '\0' ? run->teacher : NULL,
    };
    VAIN_TRY(run->method_ops->open(&method, run->common, &run->method));
    return vain_host_vectors_take(run);
}

/* ------------------------------------------------------------------ what is exchanged */

static bool leave_exchange(void *context)
{
    struct vain_run *run = context;
    return run->federation->ops->drain(run->federation, true) == VAIN_STOPPED;
}

/* The ranks of the launcher's world: one group, for good. */
static enum vain_status open_fixed(struct vain_run *run)
{
    const struct vain_federation_fixed_config fixed = {
        .comm = &run->members_comm,
        .world = run->config->world,
        .signer = &run->signer,
        .own_name = run->name,
        .job_name = run->job->general.name,
        .listed = run->config->spec->members,
        .record = run->record,
        .signal = run->config->signal,
        .deadline_ms = run->job->exchange.deadline_ms,
    };
    struct vain_roster roster;
    VAIN_TRY(vain_federation_fixed_open(&fixed, &run->federation));
    VAIN_TRY(run->federation->ops->roster(run->federation, 0, &roster));
    return vain_group_open(run, &roster);
}

/* Members on their own hosts: a group is opened when an attempt is formed. */
static enum vain_status open_members(struct vain_run *run)
{
    uint8_t corpus_hash[VAIN_HASH_BYTES];
    VAIN_TRY(vain_resume_votes(run));
    vain_data_hash(&run->data, corpus_hash);
    const struct vain_federation_members_config members = {
        .connector = run->config->connector,
        .world = run->config->world,
        .signer = &run->signer,
        .events = run->config->events,
        .pool = run->host_queue.device->pool,
        .job = run->job,
        .spec = run->config->spec,
        .spec_hash = run->config->spec_hash,
        .spec_resolved = run->config->spec_resolved,
        .own_member = run->config->own_member,
        .corpus_hash = corpus_hash,
        .platform = run->platform,
        .directory = run->config->directory,
        .record = run->record,
        .signal = run->config->signal,
    };
    run->driver.leave = NULL; /* who takes part is agreed on already */
    return vain_federation_members_open(&members, &run->federation);
}

/* Beside a GPU the words that travel have a vector of their own. */
static enum vain_status take_words(struct vain_run *run)
{
    const size_t bytes = (size_t)run->codec.word_count * sizeof(uint32_t);
    VAIN_TRY(
        run->device.ops->memory.take(&run->device, bytes, "words", (void **)&run->device_words));
    if (vain_device_is_host(&run->device)) {
        run->words = run->device_words;
        return VAIN_OK;
    }
    VAIN_TRY(vain_take(bytes, "words that travel", (void **)&run->words));
    run->device.ops->memory.pin(&run->device, run->words, bytes);
    return VAIN_OK;
}

static enum vain_status open_exchange(struct vain_run *run)
{
    const struct vain_exchange_options *options = &run->job->exchange;
    VAIN_TRY(vain_codec_init(&run->codec, run->layout.parameter_count, run->codec.members,
                             options->bits == VAIN_FIELD_16 ? 16 : 32, options->clip,
                             run->method_ops->step_bound(run->job)));
    run->check_random = vain_random_stream(run->job->general.seed, VAIN_PURPOSE_CHECK, "");
    run->rule = &vain_rule_mean;
    run->driver = (struct vain_exchange_driver){
        .world = run->config->world,
        .deadline_ms = options->deadline_ms,
        .leave = leave_exchange,
        .leave_context = run,
    };
    if (!run->leader)
        return VAIN_OK;
    VAIN_TRY(take_words(run));
    VAIN_TRY(
        vain_promises_open(run->config->directory, run->name, run->config->world, &run->promises));
    if (run->writer)
        VAIN_TRY(vain_record_file_open(run->config->directory, run->config->world, &run->record));
    VAIN_TRY(vain_group_take(run, run->codec.members));
    return run->config->on_own_host ? open_members(run) : open_fixed(run);
}

/* ------------------------------------------------------------------ what all must agree on */

struct start_card {
    uint8_t corpus_hash[VAIN_HASH_BYTES];
    char name[VAIN_NAME_BYTES], platform[VAIN_PLATFORM_BYTES];
};

static const char *what_differs(const struct vain_run *run)
{
    static const char *const all[] = {[VAIN_DATA_TEXT] = "symbols",
                                      [VAIN_DATA_IMAGES] = "classes or sizes of images",
                                      [VAIN_DATA_EPISODES] = "classes a task or sizes of images",
                                      [VAIN_DATA_SENTENCES] = "vocabularies"};
    return all[run->data.kind];
}

static const char *how_to_agree(const struct vain_run *run)
{
    static const char *const all[] = {
        [VAIN_DATA_TEXT] = "use data.symbols: bytes, or files with the same characters",
        [VAIN_DATA_IMAGES] = "say with data.classes how many there are, and use images of one size",
        [VAIN_DATA_EPISODES] = "use one data.way and images of one size",
        [VAIN_DATA_SENTENCES] = "use one file, whose training split all words are learned from"};
    return all[run->data.kind];
}

static enum vain_status compare_start(struct vain_run *run, const struct start_card *mine,
                                      const struct start_card *all)
{
    snprintf(run->common_platform, sizeof run->common_platform, "%s", run->platform);
    for (int rank = 0; rank < run->world_comm.size; rank++) {
        const struct start_card *other = &all[rank];
        const bool equal = memcmp(mine->corpus_hash, other->corpus_hash, VAIN_HASH_BYTES) == 0;
        if (!equal && strcmp(run->data.symbol_kind, "tokens") == 0)
            return vain_fail(VAIN_ERR_REFUSED,
                             "member '%s' trains on a vocabulary of %lld tokens, member '%.63s' on "
                             "another or on a text; set data.vocabulary to what the tokenizer "
                             "has (50257 for GPT-2's), and data.tokens at all members",
                             run->name, (long long)run->data.symbol_count, other->name);
        if (!equal)
            return vain_fail(VAIN_ERR_REFUSED,
                             "the data of member '%.63s' and member '%s' have different %s; %s",
                             other->name, run->name, what_differs(run), how_to_agree(run));
        if (strncmp(mine->platform, other->platform, sizeof mine->platform) != 0)
            run->common_platform[0] = '\0';
    }
    return VAIN_OK;
}

static enum vain_status agree_on_start(struct vain_run *run)
{
    struct start_card mine, *all = NULL;
    memset(&mine, 0, sizeof mine);
    vain_data_hash(&run->data, mine.corpus_hash);
    snprintf(mine.name, sizeof mine.name, "%s", run->name);
    snprintf(mine.platform, sizeof mine.platform, "%s", run->platform);
    VAIN_TRY(vain_take_array(run->world_comm.size, sizeof *all, "start cards", (void **)&all));
    enum vain_status status =
        vain_comm_all_gather(&run->world_comm, run->config->world, run->job->exchange.deadline_ms,
                             VAIN_TAG_START, &mine, sizeof mine, all);
    if (status == VAIN_OK)
        status = compare_start(run, &mine, all);
    vain_release(all);
    return status;
}

/* How many members there are, at every rank. */
static enum vain_status count_members(struct vain_run *run, struct vain_comm *site)
{
    int32_t members = run->leader ? run->members_comm.size : 0;
    if (run->config->on_own_host)
        members = run->config->spec->member_count;
    else
        VAIN_TRY(vain_comm_broadcast(site, run->config->world, run->job->exchange.deadline_ms, 0,
                                     &members, sizeof members));
    run->codec.members = members;
    return VAIN_OK;
}

/* The first thing of all: what follows depends on the spec, so ranks with different agreed keys
 * would wait for each other in different places. */
static enum vain_status compare_specs(struct vain_run *run)
{
    uint8_t *all = NULL;
    const uint8_t *mine = run->config->spec_hash;
    VAIN_TRY(vain_take_array(run->world_comm.size, VAIN_HASH_BYTES, "spec hashes", (void **)&all));
    enum vain_status status =
        vain_comm_all_gather(&run->world_comm, run->config->world, run->job->exchange.deadline_ms,
                             VAIN_TAG_START, mine, VAIN_HASH_BYTES, all);
    for (int rank = 0; rank < run->world_comm.size && status == VAIN_OK; rank++) {
        if (memcmp(mine, all + (size_t)rank * VAIN_HASH_BYTES, VAIN_HASH_BYTES) != 0)
            status = vain_fail(VAIN_ERR_REFUSED,
                               "rank %d and rank %d have specs whose agreed keys differ; compare "
                               "what 'vain explain SPEC' prints at both",
                               rank, run->world_comm.rank);
    }
    vain_release(all);
    return status;
}

/* Sites first, since the name decides key and data; memory last but for the words, whose size the
 * members decide. */
static enum vain_status set_up_members(struct vain_run *run, struct vain_comm *site)
{
    VAIN_TRY(compare_specs(run));
    VAIN_TRY(split_sites(run, site));
    VAIN_TRY(choose_name(run, site));
    VAIN_TRY(count_members(run, site));
    if (run->leader)
        VAIN_TRY(open_signer(run));
    return open_data(run);
}

/* The device of the spec, and the CPU beside it for what travels. */
static enum vain_status open_device(struct vain_run *run)
{
    const struct vain_general_options *general = &run->job->general;
    const struct vain_device_wish wish = {
        .name = general->device,
        .threads = run->config->threads,
        .local_rank = run->config->local_rank,
        .shared = general->device_shared,
        .precision = (enum vain_precision)general->precision,
    };
    char why[VAIN_DEVICE_WHY_BYTES];
    VAIN_TRY(vain_job_device_open(run->job, &wish, &run->device, why));
    run->queue.device = run->host_queue.device = &run->device;
    if (!vain_device_is_host(&run->device)) {
        VAIN_TRY(vain_device_open_cpu(run->config->threads, NULL, &run->host_device));
        run->host_queue.device = &run->host_device;
    }
    snprintf(run->device_told, sizeof run->device_told, "%s (%s)", run->device.name, why);
    return VAIN_OK;
}

enum vain_status vain_setup(struct vain_run *run, const struct vain_run_config *config)
{
    memset(run, 0, sizeof *run);
    run->config = config;
    run->job = config->job;
    run->world_comm = config->world_comm;
    run->saved_round = -1;
    run->first_validation_loss = run->round_loss = NAN;
    vain_measures_clear(&run->measures);
    run->measured_round = -1;
    run->rounds_to_target = -1;
    VAIN_TRY(open_device(run));
    snprintf(run->platform, sizeof run->platform, "vain=%s device=%s libm=glibc-%s %s",
             VAIN_VERSION, run->device.ops->name, gnu_get_libc_version(),
             vain_device_platform(&run->device));
    struct vain_comm site = {0};
    enum vain_status status = set_up_members(run, &site);
    run->site.comm = site;
    if (status != VAIN_OK)
        return status;
    VAIN_TRY(open_model(run));
    VAIN_TRY(vain_site_open(site, config->world, &run->host_queue, run->layout.parameter_count + 2,
                            run->job->exchange.deadline_ms, &run->site));
    VAIN_TRY(agree_on_start(run));
    VAIN_TRY(open_exchange(run));
    return vain_take_array(run->job->train.rounds + 1, sizeof *run->curve, "loss curve",
                           (void **)&run->curve);
}

void vain_teardown(struct vain_run *run)
{
    const struct vain_memory_ops *memory =
        run->device.ops != NULL ? &run->device.ops->memory : NULL;
    vain_release(run->curve);
    vain_group_close(run);
    vain_promises_close(&run->promises);
    if (run->federation != NULL)
        run->federation->ops->close(run->federation);
    vain_record_file_close(&run->record);
    vain_group_release(run);
    if (run->method_ops != NULL)
        run->method_ops->close(&run->method);
    vain_site_close(&run->site);
    vain_host_vectors_release(run);
    if (run->words != NULL && run->words != run->device_words) {
        run->device.ops->memory.unpin(&run->device, run->words);
        vain_release(run->words);
    }
    if (memory != NULL) {
        memory->release(&run->device, run->device_words);
        memory->release(&run->device, run->next_residual);
        memory->release(&run->device, run->residual);
        memory->release(&run->device, run->momentum);
        memory->release(&run->device, run->common);
    }
    vain_release(run->slices);
    vain_layout_fini(&run->layout);
    vain_data_close(&run->data);
    vain_signer_close(&run->signer);
    if (run->members_comm.ops != NULL && run->members_comm.size > 0)
        run->members_comm.ops->close(&run->members_comm);
    if (run->config->connector != NULL)
        run->config->connector->ops->close(run->config->connector);
    if (run->world_comm.ops != NULL)
        run->world_comm.ops->close(&run->world_comm);
    vain_device_close(&run->host_device);
    vain_device_close(&run->device);
}

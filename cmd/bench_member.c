/* What a member of `vain bench exchange` does in a run: encode, agree, reduce, open, decode, as in
 * a round of training, and then the parts of it alone. With masks twice: ready words get them
 * before the reduce, which is the time that is asked for, and then in the codec's pass, as a round
 * does it.
 *
 * A run is as long as its slowest member takes, so all members note their own times and compare
 * them at the end. Each part starts behind a barrier, lest one member's lateness counts as
 * another's work. Words are encoded anew for every reduce and every sum is verified: a transport or
 * a mask that is wrong ends the bench instead of being fast. */
#include "cmd/bench_member.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/host.h"
#include "base/memory.h"
#include "cmd/bench.h"
#include "cmd/launch.h"
#include "cmd/system.h"
#include "cmd/world.h"
#include "collectives/choose.h"

enum {
    NAME_BYTES = 24,
    FILL_BLOCK = 64 << 10,
    TAIL_WORDS = VAIN_COUNTER_WORDS + 1,
    STREAM_BYTES = 4 << 20 /* shorter vectors are passed over again: the clock itself takes 1 us */
};

struct member {
    const struct vain_bench_exchange *options;
    struct vain_comm *comm;
    struct vain_device device, single; /* `single` has one thread */
    struct vain_queue queue, single_queue;
    struct vain_codec codec;
    struct vain_exchange *exchange;
    struct vain_exchange_driver driver;
    struct vain_random check;
    struct vain_masks masks;
    struct vain_mask *mask_list; /* (members) of this one's words */
    struct vain_mask *own_list;  /* (members) own masks of all */
    char (*names)[NAME_BYTES];   /* (members) */
    const char **name_list;      /* (members) */
    float *delta, *mean;         /* (parameters); the residual lies in `mean` until it is decoded */
    uint32_t *words;             /* (word_count) */
    double mine[VAIN_BENCH_PARTS][VAIN_BENCH_RUNS_MAX];
    double (*all)[VAIN_BENCH_PARTS][VAIN_BENCH_RUNS_MAX]; /* (members) */
};

/* ------------------------------------------------------------------ life */

/* Within +-1/4, which neither field width clips or saturates. */
static void fill(void *context, int64_t index, int worker)
{
    const struct member *member = context;
    const struct vain_random random = vain_random_stream(1, VAIN_PURPOSE_INITIAL, "bench");
    const int64_t count = member->codec.parameter_count, start = index * FILL_BLOCK;
    const int64_t end = start + FILL_BLOCK < count ? start + FILL_BLOCK : count;
    (void)worker;
    for (int64_t i = start; i < end; i += 4) {
        uint32_t block[4];
        vain_random_block(random, 0, (uint32_t)member->comm->rank, (uint64_t)i, block);
        for (int64_t j = 0; j < 4 && i + j < end; j++)
            member->delta[i + j] = 0.5f * (vain_random_unit(block[j]) - 0.5f);
    }
}

static enum vain_status take_memory(struct member *member)
{
    const struct vain_memory_ops *memory = &member->device.ops->memory;
    const size_t delta_bytes = (size_t)member->codec.parameter_count * sizeof(float);
    const int members = member->comm->size;
    VAIN_TRY(memory->take(&member->device, delta_bytes, "delta", (void **)&member->delta));
    VAIN_TRY(memory->take(&member->device, delta_bytes, "mean", (void **)&member->mean));
    VAIN_TRY(memory->take(&member->device, (size_t)member->options->bytes, "words",
                          (void **)&member->words));
    VAIN_TRY(
        vain_take_array(members, sizeof *member->names, "member names", (void **)&member->names));
    VAIN_TRY(vain_take_array(members, sizeof *member->name_list, "member names",
                             (void **)&member->name_list));
    VAIN_TRY(
        vain_take_array(members, sizeof *member->mask_list, "masks", (void **)&member->mask_list));
    VAIN_TRY(
        vain_take_array(members, sizeof *member->own_list, "masks", (void **)&member->own_list));
    VAIN_TRY(vain_take_array(members, sizeof *member->all, "times", (void **)&member->all));
    for (int i = 0; i < members; i++) {
        snprintf(member->names[i], NAME_BYTES, "member-%d", i);
        member->name_list[i] = member->names[i];
    }
    return VAIN_OK;
}

/* Memory that is taken is only there once it is written, and then it is too late to say no. */
static enum vain_status check_memory(const struct member *member, int ranks_here)
{
    const struct vain_codec *codec = &member->codec;
    int64_t total = 0, available = 0;
    const int64_t limit = vain_system_memory_limit();
    if (!vain_system_memory(&total, &available))
        return VAIN_OK;
    if (limit > 0 && limit < available)
        available = limit;
    const int64_t vectors = 2 * codec->parameter_count * (int64_t)sizeof(float);
    const int64_t own =
        vectors + member->options->bytes +
        vain_exchange_memory_bytes(codec->members, codec->word_count, VAIN_ALGORITHM_RING, 0);
    VAIN_ASSERT(ranks_here >= 1);
    if (own <= available / ranks_here)
        return VAIN_OK;
    const double gib = (double)(1 << 30);
    return vain_fail(VAIN_ERR_MEMORY,
                     "%d members on this machine take %.1f GiB each, and %.1f GiB are free; give a "
                     "smaller --mib or fewer members",
                     ranks_here, (double)own / gib, (double)available / gib);
}

static enum vain_status open_member(struct member *member, int sharers, int ranks_here)
{
    const int fields = 32 / member->options->bits;
    const int64_t vector_words = member->options->bytes / (int64_t)sizeof(uint32_t) - TAIL_WORDS;
    VAIN_TRY(vain_codec_init(&member->codec, vector_words * fields, member->comm->size,
                             member->options->bits, NAN, 0.25));
    VAIN_TRY(check_memory(member, ranks_here));
    VAIN_TRY(vain_device_open_cpu(vain_launch_threads(0, sharers), NULL, &member->device));
    VAIN_TRY(vain_device_open_cpu(1, NULL, &member->single));
    member->queue.device = &member->device;
    member->single_queue.device = &member->single;
    member->driver =
        (struct vain_exchange_driver){.comm = member->comm, .world = vain_world_real()};
    member->check = vain_random_stream(1, VAIN_PURPOSE_CHECK, "bench");
    return take_memory(member);
}

static void close_member(struct member *member)
{
    vain_exchange_close(&member->exchange);
    if (member->device.ops != NULL) {
        const struct vain_memory_ops *memory = &member->device.ops->memory;
        memory->release(&member->device, member->words);
        memory->release(&member->device, member->mean);
        memory->release(&member->device, member->delta);
    }
    vain_release(member->all);
    vain_release(member->own_list);
    vain_release(member->mask_list);
    vain_release(member->name_list);
    vain_release(member->names);
    vain_device_close(&member->single);
    vain_device_close(&member->device);
    vain_release(member);
}

/* Members on this machine: they share its memory, if not its cores. Collective. */
static enum vain_status count_here(struct vain_comm *comm, int *out)
{
    char mine[VAIN_HOST_BYTES], (*all)[VAIN_HOST_BYTES] = NULL;
    *out = 0;
    VAIN_TRY(vain_host_name(mine));
    VAIN_TRY(vain_take_array(comm->size, sizeof mine, "host names", (void **)&all));
    const enum vain_status status =
        vain_comm_all_gather(comm, vain_world_real(), 0, VAIN_TAG_START, mine, sizeof mine, all);
    for (int i = 0; i < comm->size && status == VAIN_OK; i++)
        *out += memcmp(all[i], mine, sizeof mine) == 0;
    vain_release(all);
    return status;
}

/* A member that could not start would leave the others waiting, so all tell each other. `status` is
 * this one's; collective. */
static enum vain_status compare_starts(struct vain_comm *comm, enum vain_status status,
                                       bool *all_know)
{
    int32_t mine = (int32_t)status, *all = NULL;
    VAIN_TRY(vain_take_array(comm->size, sizeof *all, "starts", (void **)&all));
    const enum vain_status gathered =
        vain_comm_all_gather(comm, vain_world_real(), 0, VAIN_TAG_START, &mine, sizeof mine, all);
    int failed = 0;
    while (gathered == VAIN_OK && failed < comm->size && all[failed] == VAIN_OK)
        failed++;
    *all_know = gathered == VAIN_OK && failed < comm->size;
    vain_release(all);
    if (status != VAIN_OK)
        return status;
    return *all_know ? vain_fail(VAIN_ERR_PEER, "member %d of %d could not start; it says why",
                                 failed + 1, comm->size)
                     : gathered;
}

static enum vain_status open_exchange(struct member *member, enum vain_algorithm *algorithm)
{
    struct vain_exchange_config config = {
        .member_index = member->comm->rank,
        .member_count = member->comm->size,
        .member_names = member->name_list,
        .codec = &member->codec,
        .queue = &member->queue,
        .algorithm = member->options->algorithm,
    };
    if (config.algorithm == VAIN_ALGORITHM_AUTO)
        VAIN_TRY(vain_algorithm_choose(&config, &member->driver, member->words, &config.algorithm));
    *algorithm = config.algorithm;
    return vain_exchange_open(&config, &member->exchange);
}

/* ------------------------------------------------------------------ a run */

/* A seed for each pair and run, and with own masks one for each member, added by the lower rank and
 * taken off by the higher one, so that all are gone in the sum. They hide nothing: anybody can work
 * them out. */
static struct vain_mask own_mask(uint32_t rank, int run, bool subtract)
{
    const uint32_t from[] = {rank, rank, (uint32_t)run};
    struct vain_mask mask = {.domain = VAIN_MASK_OWN, .subtract = subtract};
    memcpy(mask.seed, from, sizeof from);
    return mask;
}

static void make_masks(struct member *member, int run)
{
    const uint32_t own = (uint32_t)member->comm->rank;
    member->masks = (struct vain_masks){.masks = member->mask_list};
    for (uint32_t peer = 0; peer < (uint32_t)member->comm->size; peer++) {
        const uint32_t from[] = {peer < own ? peer : own, peer < own ? own : peer, (uint32_t)run};
        if (peer == own)
            continue;
        struct vain_mask *mask = &member->mask_list[member->masks.count++];
        *mask = (struct vain_mask){.domain = VAIN_MASK_PAIR, .subtract = peer < own};
        static_assert(sizeof from <= sizeof mask->seed, "a seed holds what names it");
        memcpy(mask->seed, from, sizeof from);
    }
    if (member->options->own_masks)
        member->mask_list[member->masks.count++] = own_mask(own, run, false);
}

static enum vain_status barrier(struct member *member)
{
    return vain_comm_barrier(member->comm, member->driver.world, 0);
}

/* masks: NULL for words that are masked later or not at all. */
static enum vain_status encode(struct member *member, int run, uint32_t attempt,
                               const struct vain_masks *masks, double *seconds)
{
    const struct vain_counters counters = {.weight = 1000, .loss_micro = 2500000};
    const struct vain_codec_attempt codec_attempt = {
        .check = member->check, .round = (uint32_t)run, .attempt = attempt, .masks = masks};
    struct vain_codec_report report;
    VAIN_TRY(barrier(member));
    const double start = vain_bench_seconds();
    VAIN_TRY(vain_codec_encode(&member->codec, &member->queue, member->delta, &counters,
                               &codec_attempt, member->words, member->mean, &report));
    *seconds = vain_bench_seconds() - start;
    return VAIN_OK;
}

static enum vain_status add_masks(struct member *member)
{
    member->device.ops->codec.add_masks(&member->queue, &member->masks, 0, member->codec.word_count,
                                        member->words);
    return vain_queue_wait(&member->queue);
}

/* Own masks do not cancel: those of all members come off the sum, once it is agreed who is in it.
 */
static enum vain_status open_own(struct member *member, int run, double *seconds)
{
    const int size = member->comm->size;
    *seconds = 0;
    if (!member->options->own_masks)
        return VAIN_OK;
    const double start = vain_bench_seconds();
    for (int rank = 0; rank < size; rank++)
        member->own_list[rank] = own_mask((uint32_t)rank, run, true);
    const struct vain_masks all = {.count = size, .masks = member->own_list};
    member->device.ops->codec.add_masks(&member->queue, &all, 0, member->codec.word_count,
                                        member->words);
    VAIN_TRY(vain_queue_wait(&member->queue));
    *seconds = vain_bench_seconds() - start;
    return VAIN_OK;
}

/* The sum of ready words; only the reduce is timed, and the masks that words get before it. */
static enum vain_status reduce(struct member *member, int run, uint32_t attempt, bool mask_first,
                               double *seconds, double parts[VAIN_BENCH_PARTS])
{
    const struct vain_context context = {.round = (uint64_t)run, .attempt = attempt};
    const struct vain_exchange_driver *driver = &member->driver;
    vain_exchange_set_round(member->exchange, &context, member->check);
    VAIN_TRY(vain_exchange_drive(member->exchange, VAIN_EXCHANGE_BEGIN_AGREE, driver));
    vain_exchange_set_words(member->exchange, member->words, false);
    VAIN_TRY(barrier(member));
    const double start = vain_bench_seconds();
    if (mask_first)
        VAIN_TRY(add_masks(member));
    VAIN_TRY(vain_exchange_drive(member->exchange, VAIN_EXCHANGE_BEGIN_REDUCE, driver));
    VAIN_TRY(open_own(member, run, &parts[VAIN_BENCH_OPEN]));
    const double summed = vain_bench_seconds();
    *seconds = summed - start;
    const enum vain_status status =
        vain_exchange_drive(member->exchange, VAIN_EXCHANGE_BEGIN_VERIFY, driver);
    parts[VAIN_BENCH_CHECK] = vain_bench_seconds() - summed;
    return status;
}

static enum vain_status decode(struct member *member, double *seconds)
{
    struct vain_codec codec = member->codec; /* whose next state no run is to see */
    struct vain_counters sums;
    VAIN_TRY(barrier(member));
    const double start = vain_bench_seconds();
    VAIN_TRY(vain_codec_decode(&codec, &member->queue, member->words, member->mean, &sums));
    *seconds = vain_bench_seconds() - start;
    return VAIN_OK;
}

static enum vain_status time_masks(struct member *member, double *seconds)
{
    VAIN_TRY(barrier(member));
    const double start = vain_bench_seconds();
    VAIN_TRY(add_masks(member));
    *seconds = vain_bench_seconds() - start;
    return VAIN_OK;
}

static enum vain_status hash(struct member *member, double *seconds)
{
    uint8_t root[VAIN_HASH_BYTES];
    VAIN_TRY(barrier(member));
    const double start = vain_bench_seconds();
    VAIN_TRY(vain_merkle_root(member->words, (size_t)member->options->bytes, VAIN_MERKLE_LEAF_BYTES,
                              member->device.pool, root));
    *seconds = vain_bench_seconds() - start;
    return VAIN_OK;
}

static enum vain_status commit(struct member *member, double *seconds)
{
    static const uint8_t salt[VAIN_COMMIT_SALT_BYTES];
    const struct vain_commit_data data = {.data = member->words,
                                          .bytes = (size_t)member->codec.vector_words *
                                                   sizeof *member->words,
                                          .chunk_bytes = VAIN_COMMIT_CHUNK_BYTES};
    uint8_t root[VAIN_HASH_BYTES];
    *seconds = 0;
    if (!member->options->own_masks)
        return VAIN_OK;
    VAIN_TRY(barrier(member));
    const double start = vain_bench_seconds();
    VAIN_TRY(vain_commit_root(salt, &data, member->device.pool, root));
    *seconds = vain_bench_seconds() - start;
    return VAIN_OK;
}

static double thread_seconds(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* By this thread's own time: members that share a core take turns, which says nothing of how fast
 * a stream is. */
static enum vain_status add_stream(struct member *member, double *seconds)
{
    const struct vain_mask mask = {.domain = VAIN_MASK_PAIR};
    const struct vain_masks one = {.count = 1, .masks = &mask};
    const int64_t bytes = member->options->bytes;
    const int64_t passes = bytes < STREAM_BYTES ? (STREAM_BYTES + bytes - 1) / bytes : 1;
    VAIN_TRY(barrier(member));
    const double start = thread_seconds();
    for (int64_t pass = 0; pass < passes; pass++)
        member->single.ops->codec.add_masks(&member->single_queue, &one, 0,
                                            member->codec.word_count, member->words);
    VAIN_TRY(vain_queue_wait(&member->single_queue));
    *seconds = (thread_seconds() - start) / (double)passes;
    return VAIN_OK;
}

static enum vain_status run_once(struct member *member, int run, double seconds[VAIN_BENCH_PARTS])
{
    double decoding = 0;
    const bool masked = member->options->masked;
    make_masks(member, run);
    VAIN_TRY(encode(member, run, 0, NULL, &seconds[VAIN_BENCH_CODEC]));
    VAIN_TRY(reduce(member, run, 0, masked, &seconds[VAIN_BENCH_REDUCE], seconds));
    VAIN_TRY(decode(member, &decoding));
    seconds[VAIN_BENCH_CODEC] += decoding;
    seconds[VAIN_BENCH_CODEC_MASKED] = seconds[VAIN_BENCH_CODEC];
    seconds[VAIN_BENCH_MASKS] = 0;
    seconds[VAIN_BENCH_TRANSFER] = seconds[VAIN_BENCH_REDUCE];
    if (masked) { /* as a round does it: masks in the codec's pass */
        VAIN_TRY(encode(member, run, 1, &member->masks, &seconds[VAIN_BENCH_CODEC_MASKED]));
        seconds[VAIN_BENCH_CODEC_MASKED] += decoding;
        VAIN_TRY(reduce(member, run, 1, false, &seconds[VAIN_BENCH_TRANSFER], seconds));
        VAIN_TRY(time_masks(member, &seconds[VAIN_BENCH_MASKS]));
    }
    VAIN_TRY(commit(member, &seconds[VAIN_BENCH_COMMITMENT]));
    VAIN_TRY(hash(member, &seconds[VAIN_BENCH_HASH]));
    return add_stream(member, &seconds[VAIN_BENCH_STREAM]);
}

/* ------------------------------------------------------------------ all runs */

static enum vain_status take_slowest(struct member *member, struct vain_bench_times *out)
{
    VAIN_TRY(vain_comm_all_gather(member->comm, member->driver.world, 0, VAIN_TAG_START,
                                  member->mine, sizeof member->mine, member->all));
    for (int i = 0; i < member->comm->size; i++) {
        for (int part = 0; part < VAIN_BENCH_PARTS; part++) {
            for (int run = 0; run < member->options->runs; run++) {
                const double theirs = member->all[i][part][run];
                double *slowest = &out->seconds[part][run];
                *slowest = theirs > *slowest ? theirs : *slowest;
            }
        }
    }
    return VAIN_OK;
}

static enum vain_status run_all(struct member *member, struct vain_bench_times *out)
{
    const int64_t blocks = (member->codec.parameter_count + FILL_BLOCK - 1) / FILL_BLOCK;
    vain_pool_run(member->device.pool, blocks, fill, member);
    VAIN_TRY(open_exchange(member, &out->algorithm));
    for (int run = 0; run <= member->options->runs; run++) {
        double seconds[VAIN_BENCH_PARTS];
        VAIN_TRY(run_once(member, run, seconds));
        for (int part = 0; part < VAIN_BENCH_PARTS && run > 0; part++)
            member->mine[part][run - 1] = seconds[part];
    }
    return take_slowest(member, out);
}

static enum vain_status run_member(struct member *member, int sharers, struct vain_bench_times *out)
{
    int ranks_here;
    VAIN_TRY(count_here(member->comm, &ranks_here));
    const enum vain_status opened = open_member(member, sharers, ranks_here);
    VAIN_TRY(compare_starts(member->comm, opened, &out->all_know));
    out->parameter_count = member->codec.parameter_count;
    out->threads = vain_pool_threads(member->device.pool);
    return run_all(member, out);
}

enum vain_status vain_bench_member_run(const struct vain_bench_exchange *options,
                                       struct vain_comm *comm, int sharers,
                                       struct vain_bench_times *out)
{
    struct member *member = NULL;
    memset(out, 0, sizeof *out);
    enum vain_status status = vain_take(sizeof *member, "member", (void **)&member);
    if (status == VAIN_OK) {
        member->options = options;
        member->comm = comm;
        status = run_member(member, sharers, out);
    }
    if (status != VAIN_OK && !out->all_know)
        comm->ops->abort(comm);
    if (member != NULL)
        close_member(member);
    return status;
}

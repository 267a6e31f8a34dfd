/* vain bench checkpoint: how fast a checkpoint gets to the disk, hashing included.
 *
 * A disk's own speed differs tenfold between machines and from minute to minute, so the number that
 * means something is the ratio to a raw write + fsync of as many bytes, measured in turns with it
 * in the same run. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/philox.h"
#include "cmd/bench.h"
#include "cmd/checkpoint.h"
#include "cmd/json.h"
#include "cmd/report.h"
#include "cmd/world.h"

enum {
    RUNS = 5,
    MIB_MAX = 65536, /* 64 GiB: the slices below then just fit VAIN_SLICES_MAX */
    SLICE_ROWS = 4096,
    SLICE_COLUMNS = 1024,
    PIECE_BYTES = 8 << 20
};

struct arguments {
    const char *directory;
    int64_t mib;
    bool json;
};

struct bench {
    const struct arguments *arguments;
    char folder[VAIN_PATH_BYTES]; /* a fresh one in the directory, removed at the end; "" before */
    int64_t count;                /* parameters */
    float *parameters;            /* (N) */
    struct vain_store_slice *slices;
    int slice_count;
    struct vain_pool *pool;
    double seconds[RUNS], raw_seconds[RUNS];
};

/* ------------------------------------------------------------------ what is written */

/* Random, so that no file system compresses it. */
static void fill(void *context, int64_t index, int worker)
{
    const struct bench *bench = context;
    const struct vain_random random = vain_random_stream(1, VAIN_PURPOSE_INITIAL, "bench");
    const int64_t block = SLICE_ROWS * SLICE_COLUMNS;
    const int64_t end = (index + 1) * block < bench->count ? (index + 1) * block : bench->count;
    (void)worker;
    for (int64_t i = index * block; i < end; i += 4) {
        uint32_t words[4];
        vain_random_block(random, 0, 0, (uint64_t)i, words);
        for (int64_t j = 0; j < 4 && i + j < end; j++)
            bench->parameters[i + j] = vain_random_unit(words[j]) - 0.5f;
    }
}

/* Matrices of 16 MiB, as a model of some size has them. */
static enum vain_status make_content(struct bench *bench)
{
    const int64_t block = SLICE_ROWS * SLICE_COLUMNS;
    bench->count = bench->arguments->mib * (INT64_C(1) << 20) / (int64_t)sizeof(float);
    bench->slice_count = (int)((bench->count + block - 1) / block);
    VAIN_TRY(
        vain_take_array(bench->count, sizeof(float), "parameters", (void **)&bench->parameters));
    VAIN_TRY(vain_take_array(bench->slice_count, sizeof *bench->slices, "slices",
                             (void **)&bench->slices));
    for (int i = 0; i < bench->slice_count; i++) {
        struct vain_store_slice *slice = &bench->slices[i];
        snprintf(slice->name, sizeof slice->name, "blocks.%d.weight", i);
        slice->offset = i * block;
        slice->count = bench->count - slice->offset < block ? bench->count - slice->offset : block;
        slice->shape_count = 2;
        slice->shape[0] = slice->count / SLICE_COLUMNS;
        slice->shape[1] = SLICE_COLUMNS;
        slice->dims[0] = "out";
        slice->dims[1] = "in";
    }
    vain_pool_run(bench->pool, bench->slice_count, fill, bench);
    return VAIN_OK;
}

/* ------------------------------------------------------------------ the two ways */

static enum vain_status write_checkpoint(struct bench *bench, int64_t round, double *seconds)
{
    struct vain_world *world = vain_world_real();
    char path[VAIN_PATH_BYTES + 64];
    const struct vain_checkpoint checkpoint = {
        .round = round,
        .created_unix_ms = world->ops->unix_ms(world),
        .parameter_count = bench->count,
        .slice_count = bench->slice_count,
        .slices = bench->slices,
        .parameters = bench->parameters,
        .job_name = "bench",
        .model = "bench",
        .symbol_kind = "tokens",
        .pool = bench->pool,
        .hash_parameters = true,
    };
    const double start = vain_bench_seconds();
    VAIN_TRY(vain_checkpoint_write(&checkpoint, bench->folder, world, NULL));
    *seconds = vain_bench_seconds() - start;
    vain_checkpoint_path(bench->folder, round, path, sizeof path);
    if (unlink(path) != 0)
        return vain_fail(VAIN_ERR_STORAGE, "%s: cannot be removed: %s", path, strerror(errno));
    return VAIN_OK;
}

static bool write_all(int descriptor, const char *data, size_t bytes)
{
    for (size_t at = 0; at < bytes;) {
        const size_t piece = bytes - at < PIECE_BYTES ? bytes - at : PIECE_BYTES;
        const ssize_t written = write(descriptor, data + at, piece);
        if (written < 0 && errno != EINTR)
            return false;
        at += written > 0 ? (size_t)written : 0;
    }
    return fsync(descriptor) == 0;
}

static enum vain_status write_raw(struct bench *bench, double *seconds)
{
    char path[VAIN_PATH_BYTES + 64];
    snprintf(path, sizeof path, "%s/raw", bench->folder);
    const double start = vain_bench_seconds();
    const int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return vain_fail(VAIN_ERR_STORAGE, "%s: %s", path, strerror(errno));
    const bool written = write_all(descriptor, (const char *)bench->parameters,
                                   (size_t)bench->count * sizeof(float));
    const int reason = errno;
    close(descriptor);
    *seconds = vain_bench_seconds() - start;
    unlink(path);
    if (!written)
        return vain_fail(VAIN_ERR_STORAGE, "%s: %s; free some space, or give --directory", path,
                         strerror(reason));
    return VAIN_OK;
}

/* ------------------------------------------------------------------ the bench */

static enum vain_status make_folder(struct bench *bench)
{
    char path[VAIN_PATH_BYTES];
    struct statvfs about;
    const char *directory = bench->arguments->directory;
    const double needed = (double)bench->arguments->mib * (1 << 20) * 1.1;
    if (snprintf(path, sizeof path, "%s/vain-bench-XXXXXX", directory) > VAIN_PATH_BYTES - 64)
        return vain_fail(VAIN_ERR_INPUT, "--directory: the path is too long");
    if (statvfs(directory, &about) != 0)
        return vain_fail(VAIN_ERR_NOT_FOUND, "--directory %s: %s", directory, strerror(errno));
    if ((double)about.f_bavail * (double)about.f_frsize < needed)
        return vain_fail(VAIN_ERR_STORAGE,
                         "--directory %s has %.0f MiB free, and %.0f are needed; give --mib or "
                         "another --directory",
                         directory, (double)about.f_bavail * (double)about.f_frsize / (1 << 20),
                         needed / (1 << 20));
    if (mkdtemp(path) == NULL)
        return vain_fail(VAIN_ERR_STORAGE, "--directory %s: no folder can be made there: %s",
                         directory, strerror(errno));
    snprintf(bench->folder, sizeof bench->folder, "%s", path);
    return VAIN_OK;
}

static enum vain_status measure(struct bench *bench)
{
    VAIN_TRY(make_folder(bench));
    VAIN_TRY(vain_ckpt_pool(&bench->pool));
    VAIN_TRY(make_content(bench));
    for (int run = 0; run < RUNS; run++) {
        VAIN_TRY(write_raw(bench, &bench->raw_seconds[run]));
        VAIN_TRY(write_checkpoint(bench, run + 1, &bench->seconds[run]));
    }
    vain_bench_sort(bench->seconds, RUNS);
    vain_bench_sort(bench->raw_seconds, RUNS);
    return VAIN_OK;
}

static void close_bench(struct bench *bench)
{
    if (bench->folder[0] != '\0' && rmdir(bench->folder) != 0)
        fprintf(stderr, "vain: %s: cannot be removed: %s\n", bench->folder, strerror(errno));
    vain_pool_close(&bench->pool);
    vain_release(bench->slices);
    vain_release(bench->parameters);
    vain_release(bench);
}

static int print_result(const struct bench *bench)
{
    const double median = bench->seconds[RUNS / 2], raw_median = bench->raw_seconds[RUNS / 2];
    const double bytes = (double)bench->count * sizeof(float);
    if (!bench->arguments->json) {
        char size[32], rate[32], raw_rate[32];
        printf("checkpoint of %s: %.3f s (%.3f to %.3f), %s/s\n"
               "raw write + fsync:  %.3f s (%.3f to %.3f), %s/s\n"
               "ratio of the rates: %.2f (medians of %d)\n",
               vain_format_bytes(bytes, size), median, bench->seconds[0], bench->seconds[RUNS - 1],
               vain_format_bytes(bytes / median, rate), raw_median, bench->raw_seconds[0],
               bench->raw_seconds[RUNS - 1], vain_format_bytes(bytes / raw_median, raw_rate),
               raw_median / median, RUNS);
        return vain_finish_output();
    }
    struct json_object *data = json_object_new_object(), *all = json_object_new_array(),
                       *raw = json_object_new_array();
    for (int run = 0; run < RUNS; run++) {
        json_object_array_add(all, vain_json_number(bench->seconds[run]));
        json_object_array_add(raw, vain_json_number(bench->raw_seconds[run]));
    }
    json_object_object_add(data, "bytes", json_object_new_int64((int64_t)bytes));
    json_object_object_add(data, "seconds_median", vain_json_number(median));
    json_object_object_add(data, "raw_seconds_median", vain_json_number(raw_median));
    json_object_object_add(data, "ratio", vain_json_number(raw_median / median));
    json_object_object_add(data, "seconds", all);
    json_object_object_add(data, "raw_seconds", raw);
    return vain_print_data(data);
}

/* ------------------------------------------------------------------ the verb */

enum { KEY_MIB = 1, KEY_DIRECTORY, KEY_JSON };

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    char *end = NULL;
    switch (key) {
    case KEY_MIB:
        arguments->mib = strtoll(argument, &end, 10);
        if (end == argument || *end != '\0' || arguments->mib < 1 || arguments->mib > MIB_MAX)
            argp_error(state, "--mib %s: expected a whole number from 1 to %d", argument, MIB_MAX);
        return 0;
    case KEY_DIRECTORY:
        arguments->directory = argument;
        return 0;
    case KEY_JSON:
        arguments->json = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s' is one argument too many", argument);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int vain_bench_checkpoint(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"mib", KEY_MIB, "N", 0, "Size of the checkpoint in MiB (500)", 0},
        {"directory", KEY_DIRECTORY, "DIR", 0,
         "Where to write (the current folder); everything is removed again", 0},
        {"json", KEY_JSON, NULL, 0, "Print one JSON object", 0},
        {0},
    };
    static const struct argp argp = {
        .options = options,
        .parser = parse_option,
        .doc = "Write a hashed checkpoint and, in turns with it, as many raw bytes; five times "
               "each.\v"
               "Examples:\n"
               "  vain bench checkpoint\n"
               "  vain bench checkpoint --mib 2000 --directory /scratch --json",
    };
    struct arguments arguments = {.directory = ".", .mib = 500};
    struct bench *bench = NULL;
    const int wrong = vain_parse_arguments(&argp, argc, argv, &arguments);
    if (wrong != 0)
        return wrong;
    enum vain_status status = vain_take(sizeof *bench, "bench", (void **)&bench);
    if (status != VAIN_OK)
        return vain_report_failure(status, arguments.json);
    bench->arguments = &arguments;
    status = measure(bench);
    const int code =
        status == VAIN_OK ? print_result(bench) : vain_report_failure(status, arguments.json);
    close_bench(bench);
    return code;
}

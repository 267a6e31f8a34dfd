/* vain bench step: how fast a training step is, for one process, without exchange or files.
 *
 * The step is the method's own (batch, forward, backward, clip, AdamW). Data come from the spec's
 * file if it is there, else random symbols take its place; the rate does not depend on them.
 * Several windows of time are measured and the median is given, with the flop rate by 6N + 12 L C T
 * beside the machine's own matrix rate, so that a busy machine shows. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cmd/bench.h"
#include "cmd/launch.h"
#include "cmd/report.h"
#include "cmd/spec_file.h"
#include "cmd/verb.h"
#include "jobs/fit.h"
#include "jobs/job_device.h"
#include "jobs/method.h"

struct arguments {
    const char *spec;
    const char *sets[VAIN_SETS_MAX];
    int set_count;
    int windows;
    double window_seconds;
    bool json;
};

enum { KEY_SET = 1, KEY_JSON, KEY_WINDOWS, KEY_SECONDS, WINDOWS_MAX = 100, RANDOM_SYMBOLS = 65 };

static const struct argp_option option_rows[] = {
    {"set", KEY_SET, "KEY=VALUE", 0, "Override a key of the spec; may be repeated", 0},
    {"windows", KEY_WINDOWS, "N", 0, "Windows of time to measure (5)", 0},
    {"seconds", KEY_SECONDS, "S", 0, "Length of a window (2)", 0},
    {"json", KEY_JSON, NULL, 0, "Answer with one JSON object", 0},
    {0}};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case KEY_SET:
        if (arguments->set_count == VAIN_SETS_MAX)
            argp_error(state, "more than %d --set", VAIN_SETS_MAX);
        arguments->sets[arguments->set_count++] = argument;
        return 0;
    case KEY_JSON:
        arguments->json = true;
        return 0;
    case KEY_WINDOWS:
        arguments->windows = atoi(argument);
        if (arguments->windows < 1 || arguments->windows > WINDOWS_MAX)
            argp_error(state, "--windows %s: expected a number from 1 to %d", argument,
                       WINDOWS_MAX);
        return 0;
    case KEY_SECONDS:
        arguments->window_seconds = atof(argument);
        if (!(arguments->window_seconds > 0.01 && arguments->window_seconds < 3600))
            argp_error(state, "--seconds %s: expected a number from 0.01 to 3600", argument);
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->spec != NULL)
            argp_error(state, "one SPEC, but '%s' and '%s' were given", arguments->spec, argument);
        arguments->spec = argument;
        return 0;
    case ARGP_KEY_END:
        if (arguments->spec == NULL)
            argp_error(state, "SPEC is missing: the job spec whose step is measured");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp step_argp = {
    .options = option_rows,
    .parser = parse_option,
    .args_doc = "SPEC",
    .doc =
        "Measure the training step of SPEC in this process.\v"
        "Example:\n  vain bench step examples/shakespeare-tiny.yaml --set train.threads=2 --json",
};

/* A corpus of random symbols, so that a machine without the data can be measured. */
static enum vain_status random_data(int64_t context, struct vain_data *out)
{
    const int64_t count = 100 * (context + 1);
    uint8_t *symbols = NULL;
    memset(out, 0, sizeof *out);
    struct vain_corpus corpus = {0};
    VAIN_TRY(vain_take((size_t)count, "random symbols", (void **)&symbols));
    const struct vain_random random = vain_random_stream(1, VAIN_PURPOSE_DATA, "bench");
    for (int64_t i = 0; i < count; i++) {
        uint32_t block[4];
        vain_random_block(random, 0, 0, (uint64_t)i, block);
        symbols[i] = (uint8_t)(block[0] % RANDOM_SYMBOLS);
    }
    corpus.symbols = corpus.owned = symbols;
    corpus.count = corpus.train_count = corpus.part_end = count;
    corpus.symbol_count = RANDOM_SYMBOLS;
    corpus.symbol_kind = "bytes";
    vain_data_of_corpus(&corpus, out);
    return VAIN_OK;
}

struct bench {
    char teacher[VAIN_PATH_BYTES]; /* "": nobody teaches */
    struct vain_device device;
    struct vain_queue queue;
    struct vain_data data;
    struct vain_model_options model;
    struct vain_layout layout;
    struct vain_site site;
    const struct vain_method_ops *method_ops;
    struct vain_method method;
    float *initial; /* (N) device memory */
    int threads;
};

static enum vain_status open_device(struct bench *bench, const struct vain_job *job)
{
    bench->threads = vain_launch_threads(job->train.threads, 1);
    const struct vain_device_wish wish = {
        .name = job->general.device,
        .threads = bench->threads,
        .precision = (enum vain_precision)job->general.precision,
    };
    char why[VAIN_DEVICE_WHY_BYTES];
    bench->queue.device = &bench->device;
    return vain_job_device_open(job, &wish, &bench->device, why);
}

static enum vain_status take_initial(struct bench *bench, uint64_t seed)
{
    const struct vain_memory_ops *memory = &bench->device.ops->memory;
    const int64_t N = bench->layout.parameter_count;
    float *values = NULL;
    VAIN_TRY(memory->take(&bench->device, (size_t)N * sizeof(float), "initial parameters",
                          (void **)&bench->initial));
    VAIN_TRY(vain_take_array(N, sizeof *values, "initial parameters", (void **)&values));
    vain_model_init(&bench->layout, seed, values);
    memory->copy_in(&bench->queue, bench->initial, values, (size_t)N * sizeof *values);
    const enum vain_status status = vain_queue_wait(&bench->queue);
    vain_release(values);
    return status;
}

static enum vain_status open_bench(struct bench *bench, const struct vain_loaded_spec *loaded,
                                   const char *name)
{
    const struct vain_job *job = &loaded->job;
    const char *const names[] = {name};
    VAIN_TRY(vain_spec_path(&loaded->spec, job->teacher.checkpoint, bench->teacher));
    VAIN_TRY(open_device(bench, job));
    const struct vain_data_place place = {.spec_folder = loaded->folder,
                                          .names = names,
                                          .name_count = 1,
                                          .own_name = name,
                                          .context = job->model.context,
                                          .seed = job->general.seed};
    if (vain_data_open(&job->data, &place, &bench->data) != VAIN_OK) {
        fprintf(stderr, "vain: %s; measuring on random symbols\n", vain_fail_message());
        vain_fail_clear();
        VAIN_TRY(random_data(job->model.context, &bench->data));
    }
    bench->model = job->model;
    bench->method_ops = vain_method_ops_of(job);
    if (bench->method_ops->layout != NULL)
        return vain_fail(VAIN_ERR_INPUT,
                         "train.method: a step of method %s trains no model; set train.method: "
                         "supervised to measure the model's speed",
                         bench->method_ops->name);
    vain_fit_model(&bench->data, &bench->model);
    const struct vain_model_ops *model_ops = vain_model_ops_of(&bench->model);
    VAIN_TRY(model_ops->layout(&bench->model, &bench->layout));
    VAIN_TRY(take_initial(bench, job->general.seed));
    bench->site.comm.size = 1;
    const struct vain_method_config method = {
        .job = job,
        .model = &bench->model,
        .model_ops = model_ops,
        .layout = &bench->layout,
        .data = &bench->data,
        .queue = &bench->queue,
        .site = &bench->site,
        .member_name = name,
        .teacher = bench->teacher[0] != '\0' ? bench->teacher : NULL,
    };
    return bench->method_ops->open(&method, bench->initial, &bench->method);
}

static void close_bench(struct bench *bench)
{
    if (bench->method_ops != NULL)
        bench->method_ops->close(&bench->method);
    if (bench->initial != NULL)
        bench->device.ops->memory.release(&bench->device, bench->initial);
    vain_layout_fini(&bench->layout);
    vain_data_close(&bench->data);
    vain_device_close(&bench->device);
}

/* Steps a second in each window, after a few steps to warm up. */
static enum vain_status measure(struct bench *bench, const struct arguments *arguments,
                                double *rates)
{
    struct vain_step_report report;
    const int64_t in_round = bench->method.config.job->train.local_steps;
    int64_t step = 0;
    for (; step < 3; step++)
        VAIN_TRY(bench->method_ops->step(&bench->method, 0, step % in_round, false, &report));
    for (int window = 0; window < arguments->windows; window++) {
        const double start = vain_bench_seconds();
        int64_t steps = 0;
        while (vain_bench_seconds() - start < arguments->window_seconds) {
            VAIN_TRY(bench->method_ops->step(&bench->method, 0, step++ % in_round, false, &report));
            steps++;
        }
        rates[window] = (double)steps / (vain_bench_seconds() - start);
    }
    vain_bench_sort(rates, arguments->windows);
    return VAIN_OK;
}

static int print_rates(const struct bench *bench, const struct arguments *arguments,
                       const double *rates)
{
    const struct vain_method_ops *method_ops = bench->method_ops;
    const struct vain_job *job = bench->method.config.job;
    const double step_tokens = (double)method_ops->step_size(job);
    const double median = rates[arguments->windows / 2] * step_tokens;
    const double step_examples =
        method_ops->step_examples != NULL ? (double)method_ops->step_examples(job) : step_tokens;
    const double flops = vain_model_flops_per_token(&bench->model, &bench->layout) *
                         rates[arguments->windows / 2] * step_examples;
    if (arguments->json) {
        struct json_object *data = json_object_new_object();
        json_object_object_add(data, "tokens_per_second", json_object_new_double(median));
        json_object_object_add(data, "unit", json_object_new_string(method_ops->unit(job)));
        json_object_object_add(data, "minimum", json_object_new_double(rates[0] * step_tokens));
        json_object_object_add(data, "maximum",
                               json_object_new_double(rates[arguments->windows - 1] * step_tokens));
        json_object_object_add(data, "windows", json_object_new_int(arguments->windows));
        json_object_object_add(data, "gflops_per_second", json_object_new_double(flops * 1e-9));
        json_object_object_add(data, "parameter_count",
                               json_object_new_int64(bench->layout.parameter_count));
        json_object_object_add(data, "threads", json_object_new_int(bench->threads));
        json_object_object_add(data, "device", json_object_new_string(bench->device.name));
        json_object_object_add(data, "platform",
                               json_object_new_string(vain_device_platform(&bench->device)));
        return vain_print_data(data);
    }
    char rate[32], low[32], high[32];
    printf("%s %s/s (%s to %s in %d windows), %.1f GFLOP/s, %d threads, %s\n",
           vain_format_count(median, rate), method_ops->unit(job),
           vain_format_count(rates[0] * step_tokens, low),
           vain_format_count(rates[arguments->windows - 1] * step_tokens, high), arguments->windows,
           flops * 1e-9, bench->threads, vain_device_platform(&bench->device));
    return vain_finish_output();
}

int vain_bench_step(int argc, char **argv)
{
    struct arguments arguments = {.windows = 5, .window_seconds = 2};
    struct vain_loaded_spec loaded;
    struct bench bench;
    double rates[WINDOWS_MAX];
    bool reported = false;
    const int wrong = vain_parse_arguments(&step_argp, argc, argv, &arguments);
    if (wrong != 0)
        return wrong;
    enum vain_status status = vain_loaded_spec_open(
        arguments.spec, arguments.sets, arguments.set_count, arguments.json, &loaded, &reported);
    if (status != VAIN_OK)
        return reported ? vain_exit_code(status) : vain_report_failure(status, arguments.json);
    memset(&bench, 0, sizeof bench);
    const char *name = loaded.spec.member_count > 0 ? loaded.spec.members[0].name : "member-0";
    status = open_bench(&bench, &loaded, name);
    if (status == VAIN_OK)
        status = measure(&bench, &arguments, rates);
    const int code = status == VAIN_OK ? print_rates(&bench, &arguments, rates)
                                       : vain_report_failure(status, arguments.json);
    close_bench(&bench);
    vain_loaded_spec_fini(&loaded);
    return code;
}

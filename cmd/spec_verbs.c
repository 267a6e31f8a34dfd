/* vain validate, explain, schema: what a job spec says, without starting anything. */
#include <hdf5.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/memory.h"
#include "cmd/explain_hosts.h"
#include "cmd/explain_privacy.h"
#include "cmd/hosts.h"
#include "cmd/launch.h"
#include "cmd/report.h"
#include "cmd/spec_file.h"
#include "cmd/verb.h"
#include "jobs/data/data.h"
#include "jobs/plan.h"

struct arguments {
    const char *spec;
    const char *sets[VAIN_SETS_MAX];
    int set_count;
    int members;
    const char *member;
    bool json, markdown;
};

enum { KEY_SET = 1, KEY_JSON, KEY_MEMBERS, KEY_MEMBER, KEY_MARKDOWN };

static error_t parse_common(int key, char *argument, struct argp_state *state)
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
    case KEY_MEMBERS: {
        char *end = NULL;
        const long members = strtol(argument, &end, 10);
        if (end == argument || *end != '\0' || members < 1 || members > VAIN_MEMBERS_MAX)
            argp_error(state, "--members %s: expected a number from 1 to %d", argument,
                       VAIN_MEMBERS_MAX);
        arguments->members = (int)members;
        return 0;
    }
    case KEY_MEMBER:
        arguments->member = argument;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->spec != NULL)
            argp_error(state, "one SPEC, but '%s' and '%s' were given", arguments->spec, argument);
        arguments->spec = argument;
        return 0;
    case ARGP_KEY_END:
        if (arguments->spec == NULL)
            argp_error(state, "SPEC is missing: the job spec to read");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

#define SET_ROW                                                                                    \
    {                                                                                              \
        "set", KEY_SET, "KEY=VALUE", 0, "Override a key of the spec; may be repeated", 0           \
    }
#define JSON_ROW                                                                                   \
    {                                                                                              \
        "json", KEY_JSON, NULL, 0, "Answer with one JSON object", 0                                \
    }

/* ------------------------------------------------------------------ validate */

static const struct argp_option validate_rows[] = {SET_ROW, JSON_ROW, {0}};
static const struct argp validate_argp = {
    .options = validate_rows,
    .parser = parse_common,
    .args_doc = "SPEC",
    .doc = "Check a job spec: every error in one pass, with file:line:column and the way out.\v"
           "Example:\n  vain validate job.yaml --set train.batch=8\n\nExit codes: 0 fine, 2 "
           "errors, 5 no such file. The data are not opened: 'vain explain' does that.",
};

int vain_verb_validate(int argc, char **argv)
{
    struct arguments arguments = {0};
    struct vain_loaded_spec loaded;
    bool reported = false;
    char hash[65];
    const int wrong = vain_parse_arguments(&validate_argp, argc, argv, &arguments);
    if (wrong != 0)
        return wrong;
    const enum vain_status status = vain_loaded_spec_open(
        arguments.spec, arguments.sets, arguments.set_count, arguments.json, &loaded, &reported);
    if (status != VAIN_OK)
        return reported ? vain_exit_code(status) : vain_report_failure(status, arguments.json);
    vain_to_hex(loaded.hash, sizeof loaded.hash, hash);
    int code = 0;
    if (arguments.json) {
        struct json_object *data = json_object_new_object();
        json_object_object_add(data, "valid", json_object_new_boolean(true));
        json_object_object_add(data, "name", json_object_new_string(loaded.job.general.name));
        json_object_object_add(data, "agreed_hash", json_object_new_string(hash));
        code = vain_print_data(data);
    } else {
        printf("%s: fine (job '%s', agreed keys %.16s)\n", arguments.spec, loaded.job.general.name,
               hash);
    }
    vain_loaded_spec_fini(&loaded);
    return code;
}

/* ------------------------------------------------------------------ explain */

static const struct argp_option explain_rows[] = {
    SET_ROW,
    JSON_ROW,
    {"members", KEY_MEMBERS, "N", 0, "Explain it for N members (default: the spec's list, else 1)",
     0},
    {"member", KEY_MEMBER, "NAME", 0,
     "Whose data to look at, where every member has its own (default: whose key is here, else the "
     "first one's)",
     0},
    {0}};
static const struct argp explain_argp = {
    .options = explain_rows,
    .parser = parse_common,
    .args_doc = "SPEC",
    .doc = "Say what a job spec means: the resolved keys, the model, the memory of a process, the "
           "bytes of a round.\v"
           "Example:\n  vain explain job.yaml --members 4",
};

/* What the program holds before a run takes anything: libraries, their buffers, stacks. */
static int64_t resident_bytes(void)
{
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%ld %ld", &pages, &resident) != 2)
        resident = 0;
    fclose(file);
    return (int64_t)resident * sysconf(_SC_PAGESIZE);
}

/* Open what a run opens besides the planned vectors, so that resident_bytes sees it: workers, the
 * scratch of products, HDF5. */
static enum vain_status measure_base(int threads, int64_t *bytes)
{
    enum { SIDE = 256 };
    struct vain_device device;
    float *matrices = NULL;
    VAIN_TRY(vain_device_open_cpu(threads, NULL, &device));
    struct vain_queue queue = {.device = &device};
    const enum vain_status status =
        vain_take_array(3 * SIDE * SIDE, sizeof(float), "matrices", (void **)&matrices);
    if (status == VAIN_OK) {
        const struct vain_linear linear = {.M = SIDE,
                                           .N = SIDE,
                                           .K = SIDE,
                                           .input = matrices,
                                           .weight = matrices + SIDE * SIDE,
                                           .output = matrices + 2 * SIDE * SIDE};
        device.ops->matmul.linear(&queue, &linear);
        vain_release(matrices);
        memset(device.scratch, 0, (size_t)threads * VAIN_SCRATCH_BYTES);
        memset(device.shared, 0, VAIN_SHARED_BYTES);
        (void)H5open();
        *bytes = resident_bytes();
    }
    vain_device_close(&device);
    return status;
}

struct explanation {
    struct vain_plan plan;
    int threads;
    char kind[16];
    char data[160]; /* what there is to train on, as it was read */
};

static void describe_images(const struct vain_images *images, const char *what, char *out,
                            size_t bytes)
{
    snprintf(out, bytes, "%lld %s of %lld x %lld pixels with %lld number%s each",
             (long long)images->count, what, (long long)images->height, (long long)images->width,
             (long long)images->channels, images->channels == 1 ? "" : "s");
}

static void describe_data(const struct vain_data *data, char *out, size_t bytes)
{
    const struct vain_sentences *sentences = &data->sentences.set;
    if (data->kind == VAIN_DATA_IMAGES)
        describe_images(&data->images.train, "images", out, bytes);
    else if (data->kind == VAIN_DATA_EPISODES)
        describe_images(&data->episodes.set.images, "drawings", out, bytes);
    else if (data->kind == VAIN_DATA_SENTENCES)
        snprintf(out, bytes, "%lld sentences of at most %lld symbols, %lld labels",
                 (long long)sentences->splits[VAIN_SPLIT_TRAIN].count,
                 (long long)sentences->longest, (long long)sentences->class_count);
    else
        snprintf(out, bytes, "%lld %s", (long long)data->corpus.count, data->symbol_kind);
}

static enum vain_status explain(const struct vain_loaded_spec *loaded,
                                const struct arguments *arguments, struct explanation *out)
{
    memset(out, 0, sizeof *out);
    const int listed = loaded->spec.member_count;
    const int asked = arguments->members;
    const int members = asked > 0 ? asked : (listed > 0 ? listed : 1);
    if (listed > 0 && members != listed)
        return vain_fail(VAIN_ERR_INPUT,
                         "--members %d, but the spec lists %d members; leave --members out, or "
                         "change 'members'",
                         members, listed);
    const struct vain_job *job = &loaded->job;
    struct vain_data data;
    int64_t base_bytes = 0;
    const char *name;
    VAIN_TRY(vain_hosts_shown(&loaded->spec, arguments->member, &name));
    const char *const names[] = {name};
    const struct vain_data_place place = {.spec_folder = loaded->folder,
                                          .names = names,
                                          .name_count = 1,
                                          .own_name = name,
                                          .context = job->model.context,
                                          .seed = job->general.seed};
    VAIN_TRY(vain_data_open(&job->data, &place, &data));
    snprintf(out->kind, sizeof out->kind, "%s", data.symbol_kind);
    describe_data(&data, out->data, sizeof out->data);
    out->threads = vain_launch_threads(job->train.threads, 1);
    enum vain_status status = measure_base(out->threads, &base_bytes);
    if (status == VAIN_OK)
        status = vain_plan_make(job, members, 1, &data, base_bytes, &out->plan);
    vain_data_close(&data);
    return status;
}

static int print_explanation(const struct vain_loaded_spec *loaded,
                             const struct explanation *explanation)
{
    const struct vain_plan *plan = &explanation->plan;
    const struct vain_train_options *train = &loaded->job.train;
    char a[32], b[32], c[32];
    printf("# the spec with all defaults that count\n%s\n", loaded->resolved);
    printf("# what it means\n");
    printf("model       %s, %s parameters in %lld slices, %lld symbols (%s), %s flop a token or "
           "example\n",
           vain_model_ops_of(&loaded->job.model)->name,
           vain_format_count((double)plan->parameter_count, a), (long long)plan->slice_count,
           (long long)plan->symbols, explanation->kind,
           vain_format_count(plan->flops_per_token, b));
    printf("data        %s\n", explanation->data);
    printf("members     %d; each does %lld rounds x %lld local steps = %lld steps on %s %s\n",
           plan->members, (long long)train->rounds, (long long)train->local_steps,
           (long long)plan->steps, vain_format_count((double)plan->units, a), plan->unit);
    printf(
        "a round     a member sends %s; values have %d bits, which leaves room for the sum of %d\n",
        vain_format_bytes((double)plan->round_bytes, a), plan->value_bits, plan->members);
    const bool hosts = loaded->job.exchange.transport == VAIN_TRANSPORT_TLS;
    if (hosts)
        vain_explain_hosts_print(&loaded->job, &loaded->spec);
    vain_explain_privacy_print(&loaded->job, &loaded->spec, plan->members);
    printf("trust       any member can spoil the sum unnoticed: robust rules need groups, which "
           "this version has not\n");
    printf("files       checkpoint %s every %lld rounds, own file %s a member\n",
           vain_format_bytes((double)plan->checkpoint_bytes, a),
           (long long)loaded->job.checkpoint.every,
           vain_format_bytes((double)plan->member_file_bytes, b));
    printf("memory      %s a process with %d thread%s:\n",
           vain_format_bytes((double)plan->memory_bytes, a), explanation->threads,
           explanation->threads == 1 ? "" : "s");
    for (int i = 0; i < plan->item_count; i++)
        printf("            %10s  %s\n", vain_format_bytes((double)plan->items[i].bytes, c),
               plan->items[i].what);
    if (plan->members > 1 && !hosts)
        printf("            %s with all %d members in one process (--members %d)\n",
               vain_format_bytes((double)plan->together_bytes, a), plan->members, plan->members);
    return vain_finish_output();
}

static int print_explanation_json(const struct vain_loaded_spec *loaded,
                                  const struct explanation *explanation)
{
    const struct vain_plan *plan = &explanation->plan;
    char hash[65];
    vain_to_hex(loaded->hash, sizeof loaded->hash, hash);
    struct json_object *data = json_object_new_object(), *memory = json_object_new_array();
    for (int i = 0; i < plan->item_count; i++) {
        struct json_object *item = json_object_new_object();
        json_object_object_add(item, "what", json_object_new_string(plan->items[i].what));
        json_object_object_add(item, "bytes", json_object_new_int64(plan->items[i].bytes));
        json_object_array_add(memory, item);
    }
    json_object_object_add(data, "resolved", json_object_new_string(loaded->resolved));
    json_object_object_add(data, "agreed_hash", json_object_new_string(hash));
    json_object_object_add(data, "members", json_object_new_int(plan->members));
    json_object_object_add(data, "parameter_count", json_object_new_int64(plan->parameter_count));
    json_object_object_add(data, "slices", json_object_new_int64(plan->slice_count));
    json_object_object_add(data, "symbols", json_object_new_int64(plan->symbols));
    json_object_object_add(data, "privacy",
                           vain_explain_privacy_json(&loaded->job, &loaded->spec, plan->members));
    if (loaded->job.exchange.transport == VAIN_TRANSPORT_TLS)
        json_object_object_add(data, "hosts", vain_explain_hosts_json(&loaded->job, &loaded->spec));
    json_object_object_add(data, "steps", json_object_new_int64(plan->steps));
    json_object_object_add(data, plan->unit, json_object_new_int64(plan->units));
    json_object_object_add(data, "flops_per_token", json_object_new_double(plan->flops_per_token));
    json_object_object_add(data, "round_bytes", json_object_new_int64(plan->round_bytes));
    json_object_object_add(data, "value_bits", json_object_new_int(plan->value_bits));
    json_object_object_add(data, "checkpoint_bytes", json_object_new_int64(plan->checkpoint_bytes));
    json_object_object_add(data, "member_file_bytes",
                           json_object_new_int64(plan->member_file_bytes));
    json_object_object_add(data, "memory_bytes", json_object_new_int64(plan->memory_bytes));
    json_object_object_add(data, "memory_bytes_in_one_process",
                           json_object_new_int64(plan->together_bytes));
    json_object_object_add(data, "memory", memory);
    return vain_print_data(data);
}

int vain_verb_explain(int argc, char **argv)
{
    struct arguments arguments = {0};
    struct vain_loaded_spec loaded;
    struct explanation explanation;
    bool reported = false;
    const int wrong = vain_parse_arguments(&explain_argp, argc, argv, &arguments);
    if (wrong != 0)
        return wrong;
    enum vain_status status = vain_loaded_spec_open(
        arguments.spec, arguments.sets, arguments.set_count, arguments.json, &loaded, &reported);
    if (status != VAIN_OK)
        return reported ? vain_exit_code(status) : vain_report_failure(status, arguments.json);
    status = explain(&loaded, &arguments, &explanation);
    int code = 0;
    if (status != VAIN_OK)
        code = vain_report_failure(status, arguments.json);
    else
        code = arguments.json ? print_explanation_json(&loaded, &explanation)
                              : print_explanation(&loaded, &explanation);
    vain_loaded_spec_fini(&loaded);
    return code;
}

/* ------------------------------------------------------------------ schema */

static error_t parse_schema(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    if (key == KEY_MARKDOWN)
        arguments->markdown = true;
    else if (key == KEY_JSON)
        arguments->json = true;
    else if (key == ARGP_KEY_ARG)
        argp_error(state, "no argument is expected, but '%s' was given", argument);
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

static const struct argp_option schema_rows[] = {
    {"markdown", KEY_MARKDOWN, NULL, 0,
     "The reference table of docs/job-spec.md instead of the JSON Schema", 0},
    {"json", KEY_JSON, NULL, 0, "The schema inside the usual JSON envelope", 0},
    {0}};
static const struct argp schema_argp = {
    .options = schema_rows,
    .parser = parse_schema,
    .doc = "Print the JSON Schema (draft-07) of the job spec, for editors and checkers.\v"
           "Example:\n  vain schema > vain-job.schema.json",
};

int vain_verb_schema(int argc, char **argv)
{
    struct arguments arguments = {0};
    struct vain_job job;
    struct vain_option_section sections[VAIN_JOB_SECTIONS];
    char *text = NULL;
    const int wrong = vain_parse_arguments(&schema_argp, argc, argv, &arguments);
    if (wrong != 0)
        return wrong;
    vain_job_sections(&job, sections);
    const enum vain_status status =
        arguments.markdown ? vain_spec_reference_markdown(sections, VAIN_JOB_SECTIONS, &text)
                           : vain_spec_schema_json(sections, VAIN_JOB_SECTIONS, &text);
    if (status != VAIN_OK)
        return vain_report_failure(status, arguments.json);
    int code = 0;
    if (arguments.json) {
        struct json_object *data = json_object_new_object();
        json_object_object_add(data, "schema", json_tokener_parse(text));
        code = vain_print_data(data);
    } else {
        fputs(text, stdout);
        code = vain_finish_output();
    }
    vain_release(text);
    return code;
}

/* vain ckpt verify, diff and export: whether a checkpoint is sound, equal to another, and how to
 * take its parameters elsewhere. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "cmd/checkpoint.h"
#include "cmd/json.h"
#include "cmd/report.h"
#include "cmd/world.h"
#include "jobs/options.h"
#include "jobs/spec/spec.h"
#include "jobs/store/inspect.h"
#include "jobs/store/safetensors.h"

/* ------------------------------------------------------------------ verify */

static enum vain_status verify(const char *path, struct vain_checkpoint_verdict *verdict)
{
    struct vain_pool *pool = NULL;
    enum vain_status status;
    VAIN_TRY_OUT(vain_ckpt_pool(&pool));
    VAIN_TRY_OUT(vain_checkpoint_verify(path, pool, verdict));
    if (verdict->not_finite > 0)
        status =
            vain_fail(VAIN_ERR_NUMERIC,
                      "%s: the file is what was written, but %lld of %lld parameters are NaN "
                      "or infinite; take an earlier checkpoint",
                      path, (long long)verdict->not_finite, (long long)verdict->parameter_count);
out:
    vain_pool_close(&pool);
    return status;
}

static int print_verdict(const char *path, const struct vain_checkpoint_verdict *verdict, bool json)
{
    char hex[2 * VAIN_HASH_BYTES + 1], size[32];
    vain_to_hex(verdict->parameters_hash, VAIN_HASH_BYTES, hex);
    if (!json) {
        printf("%s: complete and unchanged\n", path);
        vain_print_rowf("place", "round %lld, step %lld", (long long)verdict->round,
                        (long long)verdict->step);
        vain_print_rowf("holds", "%lld parameters in %d slices, %s outer momentum; %s",
                        (long long)verdict->parameter_count, verdict->slice_count,
                        verdict->has_momentum ? "with" : "without",
                        vain_format_bytes((double)verdict->bytes, size));
        vain_print_row("parameters hash", hex);
        return vain_finish_output();
    }
    struct json_object *data = json_object_new_object();
    json_object_object_add(data, "file", vain_json_text(path));
    json_object_object_add(data, "round", json_object_new_int64(verdict->round));
    json_object_object_add(data, "step", json_object_new_int64(verdict->step));
    json_object_object_add(data, "bytes", json_object_new_int64(verdict->bytes));
    json_object_object_add(data, "parameter_count",
                           json_object_new_int64(verdict->parameter_count));
    json_object_object_add(data, "slice_count", json_object_new_int(verdict->slice_count));
    json_object_object_add(data, "outer_momentum", json_object_new_boolean(verdict->has_momentum));
    json_object_object_add(data, "parameters_hash", json_object_new_string(hex));
    json_object_object_add(data, "spec_hash", vain_json_hex(verdict->spec_hash, VAIN_HASH_BYTES));
    json_object_object_add(data, "record_head",
                           vain_json_hex(verdict->record_head, VAIN_HASH_BYTES));
    return vain_print_data(data);
}

static const struct argp_option json_option[] = {
    {"json", VAIN_CKPT_JSON, NULL, 0, "Print one JSON object", 0},
    {0},
};

int vain_ckpt_verify(int argc, char **argv)
{
    static const struct argp argp = {
        .options = json_option,
        .parser = vain_ckpt_parse,
        .args_doc = "FILE",
        .doc = "Check everything that a resume would check: that the file is complete, its shapes, "
               "and the Merkle roots of its vectors, computed anew.\v"
               "Examples:\n"
               "  vain ckpt verify runs/job/checkpoint-000100.h5\n\n"
               "Exit codes: 0 sound, 1 sound but with parameters that are not finite, 5 not there "
               "or damaged.",
    };
    struct vain_ckpt_arguments arguments = {
        .least = 1, .most = 1, .missing = "FILE is missing: a checkpoint"};
    struct vain_checkpoint_verdict verdict;
    const int wrong = vain_parse_arguments(&argp, argc, argv, &arguments);
    if (wrong != 0)
        return wrong;
    const enum vain_status status = verify(arguments.words[0], &verdict);
    return status != VAIN_OK ? vain_report_failure(status, arguments.json)
                             : print_verdict(arguments.words[0], &verdict, arguments.json);
}

/* ------------------------------------------------------------------ diff */

/* What the comparison told so far. */
struct findings {
    bool json;
    enum vain_status status; /* of looking for keys */
    struct json_object *differences, *provenance;
    bool parameters_differ;
};

/* A value for people and programs: of several lines, such as the list of members, no more than that
 * it is there. A copy is in `owned` (vain_release). */
static const char *value_text(struct findings *findings, struct vain_spec_piece piece, char **owned)
{
    *owned = NULL;
    if (piece.bytes == NULL)
        return "absent";
    if (memchr(piece.bytes, '\n', piece.length) != NULL)
        return "a list";
    const enum vain_status status = vain_take(piece.length + 1, "a key's value", (void **)owned);
    if (status != VAIN_OK) {
        findings->status = status;
        return "";
    }
    memcpy(*owned, piece.bytes, piece.length);
    return *owned;
}

static void take_key(void *context, const char *key, struct vain_spec_piece a,
                     struct vain_spec_piece b)
{
    struct findings *findings = context;
    char *owned[2], name[200];
    const char *left = value_text(findings, a, &owned[0]);
    const char *right = value_text(findings, b, &owned[1]);
    if (strcmp(left, right) == 0)
        right = "another";
    if (!findings->json) {
        printf("%s: %s -> %s\n", key, left, right);
    } else {
        struct json_object *item = json_object_new_object();
        (void)snprintf(name, sizeof name, "spec_resolved/%s", key);
        json_object_object_add(item, "name", vain_json_text(name));
        json_object_object_add(item, "a", vain_json_text(left));
        json_object_object_add(item, "b", vain_json_text(right));
        json_object_array_add(findings->differences, item);
    }
    vain_release(owned[0]);
    vain_release(owned[1]);
}

/* Of resolved specs each key that differs, instead of both texts; whether it was they. */
static bool take_keys(struct findings *findings, const struct vain_difference *difference)
{
    struct vain_job job;
    struct vain_option_section sections[VAIN_JOB_SECTIONS];
    if (strcmp(difference->name, "spec_resolved") != 0)
        return false;
    vain_job_sections(&job, sections);
    const enum vain_status status = vain_spec_each_difference(
        sections, VAIN_JOB_SECTIONS, difference->a, difference->b, take_key, findings);
    if (status != VAIN_OK)
        findings->status = status;
    return true;
}

static void print_difference(const struct vain_difference *difference)
{
    if (strcmp(difference->name, "spec") == 0)
        printf("%-56s a text of %zu bytes | another of %zu\n", difference->name,
               strlen(difference->a), strlen(difference->b));
    else if (difference->a != NULL)
        printf("%-56s %s | %s\n", difference->name, difference->a, difference->b);
    else
        printf("%-56s %lld values differ, by %.6g at most\n", difference->name,
               (long long)difference->count, difference->maximum);
}

static void take_difference(void *context, const struct vain_difference *difference)
{
    struct findings *findings = context;
    if (strcmp(difference->name, "parameters_hash") == 0)
        findings->parameters_differ = true;
    if (take_keys(findings, difference))
        return;
    if (!findings->json && !difference->provenance) {
        print_difference(difference);
        return;
    }
    struct json_object *item = json_object_new_object();
    json_object_object_add(item, "name", vain_json_text(difference->name));
    if (difference->a != NULL) {
        json_object_object_add(item, "a", vain_json_text(difference->a));
        json_object_object_add(item, "b", vain_json_text(difference->b));
    } else {
        json_object_object_add(item, "count", json_object_new_int64(difference->count));
        json_object_object_add(item, "maximum", vain_json_number(difference->maximum));
    }
    json_object_array_add(difference->provenance ? findings->provenance : findings->differences,
                          item);
}

/* 1 means "different", so no failure may end with it. */
static int report_diff_failure(enum vain_status status, bool json)
{
    char message[VAIN_MESSAGE_BYTES];
    if (vain_exit_code(status) != 1)
        return vain_report_failure(status, json);
    snprintf(message, sizeof message, "%s", vain_fail_message());
    return vain_report_failure(vain_fail(VAIN_ERR_UNAVAILABLE, "%s", message), json);
}

static void print_provenance(struct json_object *provenance)
{
    const size_t count = json_object_array_length(provenance);
    if (count > 0)
        printf("made by different runs: ");
    for (size_t i = 0; i < count; i++) {
        struct json_object *item = json_object_array_get_idx(provenance, i);
        printf("%s%s", json_object_get_string(json_object_object_get(item, "name")),
               i + 1 < count ? ", " : "\n");
    }
}

static int print_differences(const struct findings *findings, int64_t count)
{
    int code;
    if (findings->json) {
        struct json_object *data = json_object_new_object();
        json_object_object_add(data, "equal", json_object_new_boolean(count == 0));
        json_object_object_add(data, "parameters_equal",
                               json_object_new_boolean(!findings->parameters_differ));
        json_object_object_add(
            data, "difference_count",
            json_object_new_int64((int64_t)json_object_array_length(findings->differences)));
        json_object_object_add(data, "differences", json_object_get(findings->differences));
        json_object_object_add(data, "provenance", json_object_get(findings->provenance));
        code = vain_print_data(data);
    } else {
        print_provenance(findings->provenance);
        if (count == 0)
            printf("equal\n");
        else if (!findings->parameters_differ)
            printf("the parameters are equal, bit for bit\n");
        code = vain_finish_output();
    }
    return code != 0 ? 2 : (count > 0 ? 1 : 0);
}

int vain_ckpt_diff(int argc, char **argv)
{
    static const struct argp argp = {
        .options = json_option,
        .parser = vain_ckpt_parse,
        .args_doc = "A B",
        .doc = "Show what two checkpoints hold that differs. When and by which version they were "
               "written does not count, nor which run made them (run_id, record_head, ids of the "
               "peers), which is listed apart.\v"
               "Examples:\n"
               "  vain ckpt diff runs/a/checkpoint-000100.h5 runs/b/checkpoint-000100.h5\n\n"
               "Exit codes: 0 equal, 1 different, 2 and above could not be compared.",
    };
    struct vain_ckpt_arguments arguments = {
        .least = 2, .most = 2, .missing = "two checkpoints are needed"};
    struct vain_pool *pool = NULL;
    int64_t count = 0;
    const int wrong = vain_parse_arguments(&argp, argc, argv, &arguments);
    if (wrong != 0)
        return wrong;
    struct findings findings = {.json = arguments.json,
                                .differences = json_object_new_array(),
                                .provenance = json_object_new_array()};
    enum vain_status status = vain_ckpt_pool(&pool);
    if (status == VAIN_OK)
        status = vain_checkpoint_diff(arguments.words[0], arguments.words[1], pool, take_difference,
                                      &findings, &count);
    vain_pool_close(&pool);
    if (status == VAIN_OK)
        status = findings.status;
    const int code = status != VAIN_OK ? report_diff_failure(status, arguments.json)
                                       : print_differences(&findings, count);
    json_object_put(findings.differences);
    json_object_put(findings.provenance);
    return code;
}

/* ------------------------------------------------------------------ export */

static int print_exported(const struct vain_ckpt_arguments *arguments,
                          const struct vain_checkpoint *content)
{
    char count[32];
    if (!arguments->json) {
        printf("%s: %s parameters in %d tensors\n", arguments->target,
               vain_format_count((double)content->parameter_count, count), content->slice_count);
        return vain_finish_output();
    }
    struct json_object *data = json_object_new_object();
    json_object_object_add(data, "file", vain_json_text(arguments->target));
    json_object_object_add(data, "tensors", json_object_new_int(content->slice_count));
    json_object_object_add(data, "parameter_count",
                           json_object_new_int64(content->parameter_count));
    return vain_print_data(data);
}

/* What method genetic exchanges are no weights of a model, though they lie where those would. */
static enum vain_status refuse_population(const struct vain_ckpt_file *file, const char *path)
{
    static const char prefix[] = "population.";
    if (strncmp(file->content->slices[0].name, prefix, sizeof prefix - 1) != 0)
        return VAIN_OK;
    return vain_fail(
        VAIN_ERR_REFUSED,
        "%s holds a population (method genetic): fitness and seeds, not the weights of "
        "a model; 'vain eval' measures its fittest",
        path);
}

int vain_ckpt_export(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"to", VAIN_CKPT_TO, "FILE", 0, "The file to write, such as model.safetensors", 0},
        {"force", VAIN_CKPT_FORCE, NULL, 0, "Replace the file if it is there", 0},
        {"json", VAIN_CKPT_JSON, NULL, 0, "Print one JSON object", 0},
        {0},
    };
    static const struct argp argp = {
        .options = options,
        .parser = vain_ckpt_parse,
        .args_doc = "FILE",
        .doc = "Write the parameters of a checkpoint as safetensors, which PyTorch, JAX and others "
               "read. An existing file is kept unless --force is given.\v"
               "Examples:\n"
               "  vain ckpt export runs/job/checkpoint-000100.h5 --to model.safetensors",
    };
    struct vain_ckpt_arguments arguments = {
        .least = 1, .most = 1, .missing = "FILE is missing: a checkpoint"};
    struct vain_ckpt_file file;
    const int wrong = vain_parse_arguments(&argp, argc, argv, &arguments);
    if (wrong != 0)
        return wrong;
    if (arguments.target == NULL)
        return vain_report_failure(vain_fail(VAIN_ERR_INPUT,
                                             "--to is missing: the file to write, such as "
                                             "--to model.safetensors"),
                                   arguments.json);
    enum vain_status status = vain_ckpt_open(arguments.words[0], true, &file);
    if (status != VAIN_OK)
        return vain_report_failure(status, arguments.json);
    status = refuse_population(&file, arguments.words[0]);
    if (status == VAIN_OK)
        status = vain_safetensors_export(file.content, file.parameters, arguments.target,
                                         arguments.force, vain_world_real());
    const int code = status != VAIN_OK ? vain_report_failure(status, arguments.json)
                                       : print_exported(&arguments, file.content);
    vain_ckpt_close(&file);
    return code;
}

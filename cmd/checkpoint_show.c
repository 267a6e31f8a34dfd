/* vain ckpt show: what a checkpoint says of itself; with a slice, that slice in numbers. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "cmd/checkpoint.h"
#include "cmd/json.h"
#include "cmd/report.h"
#include "jobs/store/inspect.h"
#include "base/timestamp.h"

enum { ROWS_SHOWN = 6, COLUMNS_SHOWN = 6, NEAREST_DISTANCE = 8 };

static bool has_parameters(const struct vain_ckpt_file *file)
{
    return file->parameters != NULL;
}

static struct vain_slice_statistics statistics_of(const struct vain_ckpt_file *file,
                                                  const struct vain_store_slice *slice)
{
    return vain_slice_statistics(file->parameters + slice->offset, slice->count);
}

/* ------------------------------------------------------------------ the whole file as JSON */

static struct json_object *statistics_json(const struct vain_slice_statistics *statistics)
{
    struct json_object *item = json_object_new_object();
    json_object_object_add(item, "minimum", vain_json_number(statistics->minimum));
    json_object_object_add(item, "maximum", vain_json_number(statistics->maximum));
    json_object_object_add(item, "mean", vain_json_number(statistics->mean));
    json_object_object_add(item, "deviation", vain_json_number(statistics->deviation));
    json_object_object_add(item, "not_finite", json_object_new_int64(statistics->not_finite));
    return item;
}

static struct json_object *slice_json(const struct vain_ckpt_file *file,
                                      const struct vain_store_slice *slice)
{
    struct json_object *item = json_object_new_object(), *dims = json_object_new_array();
    for (int i = 0; i < slice->shape_count; i++)
        json_object_array_add(dims, vain_json_text(slice->dims[i]));
    json_object_object_add(item, "name", vain_json_text(slice->name));
    json_object_object_add(item, "shape", vain_json_shape(slice->shape, slice->shape_count));
    json_object_object_add(item, "dims", dims);
    json_object_object_add(item, "offset", json_object_new_int64(slice->offset));
    json_object_object_add(item, "count", json_object_new_int64(slice->count));
    if (has_parameters(file)) {
        const struct vain_slice_statistics statistics = statistics_of(file, slice);
        json_object_object_add(item, "statistics", statistics_json(&statistics));
    }
    return item;
}

static struct json_object *members_json(const struct vain_checkpoint *content)
{
    struct json_object *list = json_object_new_array();
    for (int i = 0; i < content->member_count; i++) {
        struct json_object *item = json_object_new_object();
        json_object_object_add(item, "name", vain_json_text(content->members[i].name));
        json_object_object_add(item, "member_id",
                               vain_json_hex(content->members[i].member_id, VAIN_HASH_BYTES));
        json_object_array_add(list, item);
    }
    return list;
}

static void last_losses(const struct vain_checkpoint *content, double *loss, double *validation)
{
    const bool any = content->curve_count > 0;
    *loss = any ? content->curve[content->curve_count - 1].loss : NAN;
    *validation = any ? content->curve[content->curve_count - 1].validation_loss : NAN;
}

static int show_json(const char *path, const struct vain_ckpt_file *file)
{
    const struct vain_checkpoint *content = file->content;
    struct json_object *data = json_object_new_object(), *slices = json_object_new_array();
    double loss, validation_loss;
    last_losses(content, &loss, &validation_loss);
    for (int i = 0; i < content->slice_count; i++)
        json_object_array_add(slices, slice_json(file, &content->slices[i]));
    json_object_object_add(data, "file", vain_json_text(path));
    json_object_object_add(data, "job_name", vain_json_text(content->job_name));
    json_object_object_add(data, "run_id", vain_json_hex(content->run_id, VAIN_RUN_ID_BYTES));
    json_object_object_add(data, "round", json_object_new_int64(content->round));
    json_object_object_add(data, "step", json_object_new_int64(content->step));
    json_object_object_add(data, "created", vain_json_time(content->created_unix_ms));
    json_object_object_add(data, "model", vain_json_text(content->model));
    json_object_object_add(data, "parameter_count",
                           json_object_new_int64(content->parameter_count));
    json_object_object_add(data, "parameters_hash",
                           vain_json_hex(content->parameters_hash, VAIN_HASH_BYTES));
    json_object_object_add(data, "record_head",
                           vain_json_hex(content->record_head, VAIN_HASH_BYTES));
    json_object_object_add(data, "spec_hash", vain_json_hex(content->spec_hash, VAIN_HASH_BYTES));
    json_object_object_add(data, "outer_momentum",
                           json_object_new_boolean(vain_checkpoint_has_momentum(file->file)));
    json_object_object_add(data, "platform", vain_json_text(content->platform));
    json_object_object_add(data, "symbol_kind", vain_json_text(content->symbol_kind));
    json_object_object_add(data, "symbol_count", json_object_new_int64(content->symbol_count));
    json_object_object_add(data, "loss", vain_json_number(loss));
    json_object_object_add(data, "validation_loss", vain_json_number(validation_loss));
    json_object_object_add(data, "members", members_json(content));
    json_object_object_add(data, "slices", slices);
    return vain_print_data(data);
}

/* ------------------------------------------------------------------ the whole file as text */

static void print_hash(const char *label, const uint8_t hash[VAIN_MIN_LEN(VAIN_HASH_BYTES)])
{
    char hex[2 * VAIN_HASH_BYTES + 1];
    vain_to_hex(hash, VAIN_HASH_BYTES, hex);
    vain_print_row(label, hex);
}

static void print_facts(const struct vain_ckpt_file *file)
{
    const struct vain_checkpoint *content = file->content;
    char created[VAIN_TIMESTAMP_BYTES], count[32];
    double loss, validation_loss;
    last_losses(content, &loss, &validation_loss);
    vain_timestamp_format(content->created_unix_ms, created);
    vain_print_row("job", content->job_name);
    vain_print_rowf("place", "round %lld, step %lld", (long long)content->round,
                    (long long)content->step);
    vain_print_row("created", created);
    vain_print_rowf("model", "%s, %s parameters in %d slices", content->model,
                    vain_format_count((double)content->parameter_count, count),
                    content->slice_count);
    vain_print_rowf("symbols", "%lld %s", (long long)content->symbol_count, content->symbol_kind);
    vain_print_rowf("loss", "%.4f, validation %.4f nats", loss, validation_loss);
    vain_print_row("outer optimiser",
                   vain_checkpoint_has_momentum(file->file) ? "with momentum" : "without momentum");
    print_hash("parameters hash", content->parameters_hash);
    print_hash("record head", content->record_head);
    print_hash("spec hash", content->spec_hash);
    vain_print_row("platform", content->platform);
    for (int i = 0; i < content->member_count; i++) {
        char label[32];
        snprintf(label, sizeof label, "member %d", i + 1);
        vain_print_row(label, content->members[i].name);
    }
}

static void print_slices(const struct vain_ckpt_file *file)
{
    const bool statistics = has_parameters(file);
    printf("\n%-56s %-16s %12s%s\n", "slice", "shape", "count",
           statistics ? "    minimum    maximum       mean  deviation" : "");
    for (int i = 0; i < file->content->slice_count; i++) {
        const struct vain_store_slice *slice = &file->content->slices[i];
        char shape[96];
        printf("%-56s %-16s %12lld", slice->name,
               vain_format_shape(slice->shape, slice->shape_count, shape), (long long)slice->count);
        if (statistics) {
            const struct vain_slice_statistics numbers = statistics_of(file, slice);
            printf(" %10.4g %10.4g %10.3g %10.4g", numbers.minimum, numbers.maximum, numbers.mean,
                   numbers.deviation);
        }
        printf("\n");
    }
}

static int show_text(const struct vain_ckpt_file *file)
{
    print_facts(file);
    print_slices(file);
    return vain_finish_output();
}

/* ------------------------------------------------------------------ one slice */

/* "blocks.0.attention.query_key_value.weight", or the path of its dataset in the file. */
static void normalise(const char *word, char *out, size_t bytes)
{
    static const char prefix[] = "model/";
    word += strspn(word, "/");
    if (strncmp(word, prefix, sizeof prefix - 1) == 0)
        word += sizeof prefix - 1;
    snprintf(out, bytes, "%s", word);
    for (char *slash = strchr(out, '/'); slash != NULL; slash = strchr(slash, '/'))
        *slash = '.';
}

static enum vain_status find_slice(const char *path, const struct vain_checkpoint *content,
                                   const char *word, const struct vain_store_slice **out)
{
    char name[2 * VAIN_SLICE_NAME_BYTES];
    int best_distance = NEAREST_DISTANCE;
    const char *best = NULL;
    normalise(word, name, sizeof name);
    for (int i = 0; i < content->slice_count; i++) {
        const int distance = vain_edit_distance(content->slices[i].name, name);
        *out = &content->slices[i];
        if (distance == 0)
            return VAIN_OK;
        if (distance < best_distance) {
            best_distance = distance;
            best = content->slices[i].name;
        }
    }
    *out = NULL;
    if (best != NULL)
        return vain_fail(VAIN_ERR_NOT_FOUND, "%s: no slice '%s'; did you mean '%s'?", path, word,
                         best);
    return vain_fail(VAIN_ERR_NOT_FOUND, "%s: no slice '%s'; 'vain ckpt show %s' lists them", path,
                     word, path);
}

/* The upper left corner, with the last axis as columns. */
static void print_corner(const struct vain_ckpt_file *file, const struct vain_store_slice *slice)
{
    const float *values = file->parameters + slice->offset;
    const int64_t columns = slice->shape_count > 0 ? slice->shape[slice->shape_count - 1] : 1;
    const int64_t rows = columns > 0 ? slice->count / columns : 0;
    for (int64_t row = 0; row < rows && row < ROWS_SHOWN; row++) {
        for (int64_t column = 0; column < columns && column < COLUMNS_SHOWN; column++)
            printf(" %12.6g", (double)values[row * columns + column]);
        printf("%s\n", columns > COLUMNS_SHOWN ? "  ..." : "");
    }
    if (rows > ROWS_SHOWN)
        printf("          ...\n");
}

static int show_slice(const struct vain_ckpt_file *file, const struct vain_store_slice *slice,
                      bool json)
{
    VAIN_ASSERT(slice != NULL);
    if (json)
        return vain_print_data(slice_json(file, slice));
    const struct vain_slice_statistics statistics = statistics_of(file, slice);
    char shape[96];
    vain_print_row("slice", slice->name);
    vain_print_rowf("shape", "%s: %lld values from %lld on",
                    vain_format_shape(slice->shape, slice->shape_count, shape),
                    (long long)slice->count, (long long)slice->offset);
    for (int i = 0; i < slice->shape_count; i++) {
        char label[32];
        snprintf(label, sizeof label, "axis %d", i);
        vain_print_row(label, slice->dims[i]);
    }
    vain_print_rowf("range", "%.6g to %.6g", statistics.minimum, statistics.maximum);
    vain_print_rowf("mean", "%.6g, deviation %.6g", statistics.mean, statistics.deviation);
    if (statistics.not_finite > 0)
        vain_print_rowf("not finite", "%lld values", (long long)statistics.not_finite);
    print_corner(file, slice);
    return vain_finish_output();
}

/* ------------------------------------------------------------------ the verb */

static int show(const struct vain_ckpt_arguments *arguments)
{
    const char *path = arguments->words[0];
    const bool one_slice = arguments->word_count == 2;
    char chosen[VAIN_PATH_BYTES];
    struct vain_ckpt_file file;
    enum vain_status status = vain_ckpt_choose(&path, chosen);
    if (status == VAIN_OK)
        status = vain_ckpt_open(path, one_slice || arguments->statistics, &file);
    if (status != VAIN_OK)
        return vain_report_failure(status, arguments->json);
    const struct vain_store_slice *slice = NULL;
    int code;
    if (one_slice) {
        const enum vain_status found = find_slice(path, file.content, arguments->words[1], &slice);
        code = found != VAIN_OK ? vain_report_failure(found, arguments->json)
                                : show_slice(&file, slice, arguments->json);
    } else {
        code = arguments->json ? show_json(path, &file) : show_text(&file);
    }
    vain_ckpt_close(&file);
    return code;
}

int vain_ckpt_show(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"statistics", VAIN_CKPT_STATISTICS, NULL, 0,
         "Range, mean and deviation of every slice (reads all of the file)", 0},
        {"json", VAIN_CKPT_JSON, NULL, 0, "Print one JSON object", 0},
        {0},
    };
    static const struct argp argp = {
        .options = options,
        .parser = vain_ckpt_parse,
        .args_doc = "FILE|DIR [SLICE]",
        .doc =
            "Show what a checkpoint says of itself; with SLICE, that slice in numbers. DIR: the "
            "newest checkpoint in it that is whole.\v"
            "Examples:\n"
            "  vain ckpt show runs/job\n"
            "  vain ckpt show runs/job/checkpoint-000100.h5\n"
            "  vain ckpt show runs/job/checkpoint-000100.h5 --statistics\n"
            "  vain ckpt show runs/job/checkpoint-000100.h5 blocks.0.attention.projection.weight",
    };
    struct vain_ckpt_arguments arguments = {
        .least = 1,
        .most = 2,
        .missing = "FILE is missing: a checkpoint, such as runs/job/checkpoint-000100.h5",
    };
    const int wrong = vain_parse_arguments(&argp, argc, argv, &arguments);
    return wrong != 0 ? wrong : show(&arguments);
}

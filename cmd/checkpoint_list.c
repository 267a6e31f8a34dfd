/* vain ckpt ls: the checkpoints of a folder, or the objects of one file. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "cmd/checkpoint.h"
#include "cmd/json.h"
#include "cmd/report.h"
#include "jobs/store/inspect.h"
#include "base/timestamp.h"

/* ------------------------------------------------------------------ a folder */

/* One checkpoint of a folder; `reason` is why it cannot be read, "" if it can. */
struct row {
    char path[VAIN_PATH_BYTES];
    char reason[512];
    int64_t round, step, bytes, created_unix_ms, parameter_count;
    double loss, validation_loss;
};

static void read_row(const char *folder, int64_t round, struct row *row)
{
    struct vain_ckpt_file file;
    struct stat about;
    memset(row, 0, sizeof *row);
    row->round = round;
    row->loss = row->validation_loss = NAN;
    vain_checkpoint_path(folder, round, row->path, sizeof row->path);
    row->bytes = stat(row->path, &about) == 0 ? about.st_size : 0;
    if (vain_ckpt_open(row->path, false, &file) != VAIN_OK) {
        snprintf(row->reason, sizeof row->reason, "%s", vain_fail_message());
        vain_fail_clear();
        return;
    }
    const struct vain_checkpoint *content = file.content;
    row->step = content->step;
    row->created_unix_ms = content->created_unix_ms;
    row->parameter_count = content->parameter_count;
    if (content->curve_count > 0) {
        row->loss = content->curve[content->curve_count - 1].loss;
        row->validation_loss = content->curve[content->curve_count - 1].validation_loss;
    }
    vain_ckpt_close(&file);
}

static struct json_object *row_json(const struct row *row)
{
    struct json_object *item = json_object_new_object();
    const bool readable = row->reason[0] == '\0';
    json_object_object_add(item, "file", vain_json_text(row->path));
    json_object_object_add(item, "round", json_object_new_int64(row->round));
    json_object_object_add(item, "bytes", json_object_new_int64(row->bytes));
    json_object_object_add(item, "readable", json_object_new_boolean(readable));
    if (!readable) {
        json_object_object_add(item, "reason", vain_json_text(row->reason));
        return item;
    }
    json_object_object_add(item, "step", json_object_new_int64(row->step));
    json_object_object_add(item, "created", vain_json_time(row->created_unix_ms));
    json_object_object_add(item, "parameter_count", json_object_new_int64(row->parameter_count));
    json_object_object_add(item, "loss", vain_json_number(row->loss));
    json_object_object_add(item, "validation_loss", vain_json_number(row->validation_loss));
    return item;
}

/* "1.5324"; "-" for what was not measured. */
static const char *format_loss(double loss, char out[32])
{
    snprintf(out, 32, isnan(loss) ? "-" : "%.4f", loss);
    return out;
}

static void print_row(const struct row *row)
{
    char size[32], loss[32], validation[32], created[VAIN_TIMESTAMP_BYTES];
    vain_format_bytes((double)row->bytes, size);
    if (row->reason[0] != '\0') {
        printf("%8lld %10s %10s  cannot be read: %s\n", (long long)row->round, "", size,
               row->reason);
        return;
    }
    vain_timestamp_format(row->created_unix_ms, created);
    printf("%8lld %10lld %10s %10s %11s  %s  %s\n", (long long)row->round, (long long)row->step,
           size, format_loss(row->loss, loss), format_loss(row->validation_loss, validation),
           created, row->path);
}

static int list_folder(const char *folder, bool json)
{
    int64_t *rounds = NULL;
    int count = 0;
    const enum vain_status status = vain_checkpoint_list(folder, &rounds, &count);
    if (status != VAIN_OK)
        return vain_report_failure(status, json);
    struct json_object *list = json_object_new_array();
    if (!json && count > 0)
        printf("%8s %10s %10s %10s %11s  %-24s  %s\n", "round", "step", "size", "loss",
               "validation", "created", "file");
    for (int i = 0; i < count; i++) {
        struct row row;
        read_row(folder, rounds[i], &row);
        if (json)
            json_object_array_add(list, row_json(&row));
        else
            print_row(&row);
    }
    vain_release(rounds);
    if (json) {
        struct json_object *data = json_object_new_object();
        json_object_object_add(data, "folder", vain_json_text(folder));
        json_object_object_add(data, "checkpoints", list);
        return vain_print_data(data);
    }
    json_object_put(list);
    if (count == 0)
        printf("no checkpoints in %s\n", folder);
    return vain_finish_output();
}

/* ------------------------------------------------------------------ a file */

static void print_entry(void *context, const struct vain_tree_entry *entry)
{
    (void)context;
    char shape[96], size[32];
    if (strcmp(entry->type, "group") == 0) {
        printf("%-64s group\n", entry->path);
        return;
    }
    printf("%-64s %-8s %-20s %s\n", entry->path, entry->type,
           vain_format_shape(entry->shape, entry->shape_count, shape),
           vain_format_bytes((double)entry->bytes, size));
}

static void collect_entry(void *context, const struct vain_tree_entry *entry)
{
    struct json_object *item = json_object_new_object();
    json_object_object_add(item, "path", vain_json_text(entry->path));
    json_object_object_add(item, "type", json_object_new_string(entry->type));
    json_object_object_add(item, "shape", vain_json_shape(entry->shape, entry->shape_count));
    json_object_object_add(item, "bytes", json_object_new_int64(entry->bytes));
    json_object_array_add(context, item);
}

static int list_file(const char *path, bool json)
{
    struct json_object *entries = json_object_new_array();
    const enum vain_status status =
        vain_checkpoint_tree(path, json ? collect_entry : print_entry, entries);
    if (status != VAIN_OK || !json) {
        json_object_put(entries);
        const int code = vain_finish_output();
        return status != VAIN_OK ? vain_report_failure(status, json) : code;
    }
    struct json_object *data = json_object_new_object();
    json_object_object_add(data, "file", vain_json_text(path));
    json_object_object_add(data, "entries", entries);
    return vain_print_data(data);
}

int vain_ckpt_list(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"json", VAIN_CKPT_JSON, NULL, 0, "Print one JSON object", 0},
        {0},
    };
    static const struct argp argp = {
        .options = options,
        .parser = vain_ckpt_parse,
        .args_doc = "FILE|DIR",
        .doc = "List the checkpoints of a folder, or every object of a checkpoint or member file.\v"
               "Examples:\n"
               "  vain ckpt ls runs/job\n"
               "  vain ckpt ls runs/job/checkpoint-000100.h5",
    };
    struct vain_ckpt_arguments arguments = {
        .least = 1,
        .most = 1,
        .missing = "FILE or DIR is missing: a checkpoint, or the folder of a run",
    };
    struct stat about;
    const int wrong = vain_parse_arguments(&argp, argc, argv, &arguments);
    if (wrong != 0)
        return wrong;
    if (stat(arguments.words[0], &about) != 0)
        return vain_report_failure(
            vain_fail(VAIN_ERR_NOT_FOUND, "%s: %s", arguments.words[0], strerror(errno)),
            arguments.json);
    return S_ISDIR(about.st_mode) ? list_folder(arguments.words[0], arguments.json)
                                  : list_file(arguments.words[0], arguments.json);
}

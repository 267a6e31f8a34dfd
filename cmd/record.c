/* vain record: check and show what the members of a run signed.
 *
 * A record that verifies says that its members, and nobody else, agreed on every round in it. Who
 * they are is for the reader to compare: anybody can make keys and sign a record of his own. */
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/record_extension.h"
#include "cmd/json.h"
#include "cmd/report.h"
#include "cmd/subverb.h"
#include "jobs/store/record_file.h"

struct arguments {
    const char *file;
    bool json;
};

enum { KEY_JSON = 1, ID_SHOWN_BYTES = 8 };

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case KEY_JSON:
        arguments->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->file != NULL)
            argp_error(state, "one file, but '%s' and '%s' were given", arguments->file, argument);
        arguments->file = argument;
        return 0;
    case ARGP_KEY_END:
        if (arguments->file == NULL)
            argp_error(state, "FILE is missing: a record.bin, or the folder of a run");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option option_rows[] = {
    {"json", KEY_JSON, NULL, 0, "Print one JSON object", 0},
    {0},
};

/* A folder stands for the record.bin in it. */
static enum vain_status locate(const char *file, char out[VAIN_MIN_LEN(VAIN_PATH_BYTES)])
{
    struct stat about;
    const bool folder = stat(file, &about) == 0 && S_ISDIR(about.st_mode);
    if (snprintf(out, VAIN_PATH_BYTES, "%s%s", file, folder ? "/record.bin" : "") >=
        VAIN_PATH_BYTES)
        return vain_fail(VAIN_ERR_INPUT, "the path of the record is too long");
    return VAIN_OK;
}

/* ------------------------------------------------------------------ verify */

/* The members of the last record, and whether they were the same all along: by name, and by key.
 * Members without pinned keys have others after every start. */
struct members {
    int count;
    int64_t committed; /* rounds in which all committed to their words */
    bool changed, keys_changed;
    struct {
        char name[VAIN_NAME_BYTES];
        uint8_t member_id[VAIN_HASH_BYTES];
    } items[VAIN_MEMBERS_MAX];
};

/* The member's place among those of the record before, -1 if it is new. */
static int find_member(const struct members *members, const char *name)
{
    for (int i = 0; i < members->count; i++) {
        if (strcmp(members->items[i].name, name) == 0)
            return i;
    }
    return -1;
}

static enum vain_status note_members(void *context, const struct vain_record_decoded *decoded)
{
    struct members *members = context;
    const struct vain_record *record = &decoded->record;
    VAIN_ASSERT(record->member_count <= VAIN_MEMBERS_MAX);
    members->committed += record->member_count > 0 && vain_record_commitment_of(record, 0) != NULL;
    if (members->count != 0 && members->count != record->member_count)
        members->changed = true;
    for (int i = 0; i < record->member_count && members->count > 0; i++) {
        const int place = find_member(members, record->members[i].name);
        if (place < 0)
            members->changed = true;
        else if (memcmp(members->items[place].member_id, record->members[i].member_id,
                        VAIN_HASH_BYTES) != 0)
            members->keys_changed = true;
    }
    for (int i = 0; i < record->member_count; i++) {
        memcpy(members->items[i].member_id, record->members[i].member_id, VAIN_HASH_BYTES);
        memcpy(members->items[i].name, record->members[i].name, VAIN_NAME_BYTES);
    }
    members->count = record->member_count;
    return VAIN_OK;
}

static int print_verified_json(const char *path, const struct vain_record_summary *summary,
                               const struct members *members)
{
    struct json_object *data = json_object_new_object(), *list = json_object_new_array();
    for (int i = 0; i < members->count; i++) {
        struct json_object *member = json_object_new_object();
        json_object_object_add(member, "name", vain_json_text(members->items[i].name));
        json_object_object_add(member, "member_id",
                               vain_json_hex(members->items[i].member_id, VAIN_HASH_BYTES));
        json_object_array_add(list, member);
    }
    json_object_object_add(data, "file", vain_json_text(path));
    json_object_object_add(data, "records", json_object_new_int64(summary->records));
    json_object_object_add(data, "first_round",
                           json_object_new_int64((int64_t)summary->first_round));
    json_object_object_add(data, "last_round", json_object_new_int64((int64_t)summary->last_round));
    json_object_object_add(data, "head", vain_json_hex(summary->head, VAIN_HASH_BYTES));
    json_object_object_add(data, "links_to", vain_json_hex(summary->before, VAIN_HASH_BYTES));
    json_object_object_add(data, "absent_signatures",
                           json_object_new_int64(summary->absent_signatures));
    json_object_object_add(data, "torn_tail", json_object_new_boolean(summary->torn_tail));
    json_object_object_add(data, "rounds_committed", json_object_new_int64(members->committed));
    json_object_object_add(data, "members", list);
    json_object_object_add(data, "members_changed", json_object_new_boolean(members->changed));
    json_object_object_add(data, "keys_changed", json_object_new_boolean(members->keys_changed));
    return vain_print_data(data);
}

static int print_verified(const struct vain_record_summary *summary, const struct members *members)
{
    char hex[2 * VAIN_HASH_BYTES + 1];
    static const uint8_t start[VAIN_HASH_BYTES];
    printf("%lld records, rounds %llu to %llu: every signature and every link is right\n",
           (long long)summary->records, (unsigned long long)summary->first_round,
           (unsigned long long)summary->last_round);
    vain_to_hex(summary->head, VAIN_HASH_BYTES, hex);
    vain_print_row("head", hex);
    vain_to_hex(summary->before, VAIN_HASH_BYTES, hex);
    vain_print_row("starts after",
                   memcmp(summary->before, start, VAIN_HASH_BYTES) == 0 ? "nothing" : hex);
    for (int i = 0; i < members->count; i++) {
        vain_to_hex(members->items[i].member_id, VAIN_HASH_BYTES, hex);
        vain_print_row(members->items[i].name, hex);
    }
    if (members->changed)
        printf("The members changed on the way; these are the last round's.\n");
    else if (members->keys_changed)
        printf(
            "The members are the same by name, but keys changed at a restart, as throw-away keys "
            "do; these are the last round's.\n");
    if (members->committed > 0)
        printf("In %lld rounds every member has committed to its words; 'vain record show --json' "
               "has the roots.\n",
               (long long)members->committed);
    if (summary->absent_signatures > 0)
        printf("%lld signatures are of members that were lost before they had signed; those of the "
               "others are there.\n",
               (long long)summary->absent_signatures);
    if (summary->torn_tail)
        printf("The last record was cut short by a crash; it counts as never written.\n");
    printf("Compare the ids with those that the members gave you.\n");
    return vain_finish_output();
}

static enum vain_status verify(const char *path, struct vain_record_summary *summary,
                               struct members *members)
{
    VAIN_TRY(vain_record_file_verify(path, summary, note_members, members));
    if (summary->missing_signatures > 0)
        return vain_fail(VAIN_ERR_AUTH,
                         "%s: %lld signatures are missing in rounds %llu to %llu; all members of a "
                         "round sign it, so somebody took them out",
                         path, (long long)summary->missing_signatures,
                         (unsigned long long)summary->first_round,
                         (unsigned long long)summary->last_round);
    return VAIN_OK;
}

static int verb_verify(int argc, char **argv)
{
    static const struct argp argp = {
        .options = option_rows,
        .parser = parse_option,
        .args_doc = "FILE|DIR",
        .doc = "Check every signature and every link of a run's record.\v"
               "Examples:\n"
               "  vain record verify runs/job/record.bin\n"
               "  vain record verify runs/job --json\n\n"
               "Exit codes: 0 all is right, 3 a signature is wrong or missing, 5 the file is not "
               "there or damaged.",
    };
    struct arguments arguments = {0};
    struct vain_record_summary summary;
    struct members *members = NULL;
    char path[VAIN_PATH_BYTES];
    const int wrong = vain_parse_arguments(&argp, argc, argv, &arguments);
    if (wrong != 0)
        return wrong;
    enum vain_status status = vain_take(sizeof *members, "members", (void **)&members);
    if (status == VAIN_OK)
        status = locate(arguments.file, path);
    if (status == VAIN_OK)
        status = verify(path, &summary, members);
    int code;
    if (status != VAIN_OK)
        code = vain_report_failure(status, arguments.json);
    else if (arguments.json)
        code = print_verified_json(path, &summary, members);
    else
        code = print_verified(&summary, members);
    vain_release(members);
    return code;
}

/* ------------------------------------------------------------------ show */

static double mean_loss(const struct vain_record *record)
{
    const double members = record->member_count > 0 ? record->member_count : 1;
    return (double)record->counters.loss_micro / 1e6 / members;
}

static enum vain_status show_line(void *context, const struct vain_record_decoded *decoded)
{
    const struct vain_record *record = &decoded->record;
    char parameters[2 * ID_SHOWN_BYTES + 1], hash[2 * ID_SHOWN_BYTES + 1];
    bool *started = context;
    if (!*started)
        printf("%8s %8s %10s %12s %8s %10s  %-6s  %-16s  %s\n", "round", "members", "loss",
               "weight", "clipped", "saturated", "words", "parameters", "record");
    *started = true;
    vain_to_hex(record->parameters_after, ID_SHOWN_BYTES, parameters);
    vain_to_hex(decoded->hash, ID_SHOWN_BYTES, hash);
    const struct vain_record_privacy privacy = vain_record_privacy_of(record);
    printf("%8llu %8d %10.4f %12lld %8lld %10lld  %-6s  %s  %s\n",
           (unsigned long long)record->round, record->member_count, mean_loss(record),
           (long long)record->counters.weight, (long long)record->counters.clipped,
           (long long)record->counters.saturated,
           !privacy.known   ? "-"
           : privacy.masked ? "masked"
                            : "none",
           parameters, hash);
    return VAIN_OK;
}

static struct json_object *members_json(const struct vain_record *record)
{
    struct json_object *list = json_object_new_array();
    for (int i = 0; i < record->member_count; i++)
        json_object_array_add(list, vain_json_text(record->members[i].name));
    return list;
}

static void add_privacy(struct json_object *item, const struct vain_record *record)
{
    const struct vain_record_privacy privacy = vain_record_privacy_of(record);
    struct json_object *dropped = json_object_new_object();
    if (privacy.known) {
        json_object_object_add(item, "masked", json_object_new_boolean(privacy.masked));
        json_object_object_add(item, "keys_pinned", json_object_new_boolean(privacy.keys_pinned));
    }
    for (int i = 0; i < record->member_count; i++) {
        const uint32_t inputs = vain_record_dropped_of(record, i);
        if (inputs > 0)
            json_object_object_add(dropped, record->members[i].name, json_object_new_int64(inputs));
    }
    json_object_object_add(item, "dropped_inputs", dropped);
}

static void add_commitments(struct json_object *item, const struct vain_record *record)
{
    struct json_object *roots = json_object_new_object();
    for (int i = 0; i < record->member_count; i++) {
        const uint8_t *root = vain_record_commitment_of(record, i);
        if (root != NULL)
            json_object_object_add(roots, record->members[i].name,
                                   vain_json_hex(root, VAIN_HASH_BYTES));
    }
    json_object_object_add(item, "commitments", roots);
}

static enum vain_status collect_round(void *context, const struct vain_record_decoded *decoded)
{
    const struct vain_record *record = &decoded->record;
    struct json_object *rounds = context, *item = json_object_new_object();
    json_object_object_add(item, "round", json_object_new_int64((int64_t)record->round));
    json_object_object_add(item, "attempt", json_object_new_int64(record->attempt));
    json_object_object_add(item, "members", members_json(record));
    json_object_object_add(item, "signatures", json_object_new_int(decoded->signature_count));
    json_object_object_add(item, "loss", vain_json_number(mean_loss(record)));
    json_object_object_add(item, "weight", json_object_new_int64(record->counters.weight));
    json_object_object_add(item, "clipped", json_object_new_int64(record->counters.clipped));
    json_object_object_add(item, "saturated", json_object_new_int64(record->counters.saturated));
    json_object_object_add(item, "parameters_before",
                           vain_json_hex(record->parameters_before, VAIN_HASH_BYTES));
    json_object_object_add(item, "parameters_after",
                           vain_json_hex(record->parameters_after, VAIN_HASH_BYTES));
    add_privacy(item, record);
    add_commitments(item, record);
    json_object_object_add(item, "platform", vain_json_text(record->platform));
    json_object_object_add(item, "previous", vain_json_hex(record->previous, VAIN_HASH_BYTES));
    json_object_object_add(item, "hash", vain_json_hex(decoded->hash, VAIN_HASH_BYTES));
    json_object_array_add(rounds, item);
    return VAIN_OK;
}

static int show_json(const char *path)
{
    struct vain_record_summary summary;
    struct json_object *rounds = json_object_new_array();
    const enum vain_status status = vain_record_file_verify(path, &summary, collect_round, rounds);
    if (status != VAIN_OK) {
        json_object_put(rounds);
        return vain_report_failure(status, true);
    }
    struct json_object *data = json_object_new_object();
    json_object_object_add(data, "file", vain_json_text(path));
    json_object_object_add(data, "rounds", rounds);
    return vain_print_data(data);
}

static int show_text(const char *path)
{
    struct vain_record_summary summary;
    bool started = false;
    const enum vain_status status = vain_record_file_verify(path, &summary, show_line, &started);
    if (status != VAIN_OK) {
        fflush(stdout);
        return vain_report_failure(status, false);
    }
    if (!started)
        printf("no records\n");
    return vain_finish_output();
}

static int verb_show(int argc, char **argv)
{
    static const struct argp argp = {
        .options = option_rows,
        .parser = parse_option,
        .args_doc = "FILE|DIR",
        .doc = "Print one line for each round of a run's record, checking it on the way. Loss is "
               "the mean over the members, weight the number of their training examples.\v"
               "Examples:\n"
               "  vain record show runs/job/record.bin\n"
               "  vain record show runs/job --json",
    };
    struct arguments arguments = {0};
    char path[VAIN_PATH_BYTES];
    const int wrong = vain_parse_arguments(&argp, argc, argv, &arguments);
    if (wrong != 0)
        return wrong;
    const enum vain_status status = locate(arguments.file, path);
    if (status != VAIN_OK)
        return vain_report_failure(status, arguments.json);
    return arguments.json ? show_json(path) : show_text(path);
}

/* ------------------------------------------------------------------ the verb */

int vain_verb_record(int argc, char **argv)
{
    static const struct vain_verb rows[] = {
        {"verify", "check every signature and link", verb_verify},
        {"show", "one line a round", verb_show},
    };
    static const struct vain_subverbs subverbs = {
        .purpose = "Check and show the signed, hash-chained record of a run.",
        .examples = "  vain record verify runs/job/record.bin\n"
                    "  vain record show runs/job/record.bin\n",
        .rows = rows,
        .count = VAIN_COUNT_OF(rows),
    };
    return vain_subverb_run(&subverbs, argc, argv);
}

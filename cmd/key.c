/* vain key: make, show and renew the keys of a member.
 *
 * The root key is the member's identity for ever and no run needs it; the current key signs, for 90
 * days. So `new` says at once where the root key should go, and `renew` asks for it. `show` reads
 * the current key's file only. */
#include <stdlib.h>
#include <string.h>

#include "base/identity.h"
#include "base/memory.h"
#include "cmd/json.h"
#include "cmd/report.h"
#include "cmd/subverb.h"
#include "cmd/system.h"
#include "cmd/world.h"
#include "base/timestamp.h"

#define DAY_MS INT64_C(86400000)

struct arguments {
    const char *name, *folder, *root;
    int64_t epoch; /* -1: not given */
    bool json;
};

enum { KEY_FOLDER = 1, KEY_JSON, KEY_EPOCH, KEY_ROOT };

static int64_t parse_epoch(const char *argument, struct argp_state *state)
{
    char *end = NULL;
    const long epoch = strtol(argument, &end, 10);
    if (end == argument || *end != '\0' || epoch < 0 || epoch > INT32_MAX)
        argp_error(state, "--epoch %s: expected a number from 0 to %d", argument, INT32_MAX);
    return epoch;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case KEY_FOLDER:
        arguments->folder = argument;
        return 0;
    case KEY_JSON:
        arguments->json = true;
        return 0;
    case KEY_ROOT:
        arguments->root = argument;
        return 0;
    case KEY_EPOCH:
        arguments->epoch = parse_epoch(argument, state);
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->name != NULL)
            argp_error(state, "one name, but '%s' and '%s' were given", arguments->name, argument);
        arguments->name = argument;
        return 0;
    case ARGP_KEY_END:
        if (arguments->name == NULL)
            argp_error(state, "the name is missing, such as 'alice'");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

#define FOLDER_ROW                                                                                 \
    {                                                                                              \
        "folder", KEY_FOLDER, "DIR", 0,                                                            \
            "Folder of the key files (default: $VAIN_HOME/keys, else ~/.config/vain/keys)", 0      \
    }
#define JSON_ROW                                                                                   \
    {                                                                                              \
        "json", KEY_JSON, NULL, 0, "Print one JSON object", 0                                      \
    }
static const struct argp_option option_rows[] = {FOLDER_ROW, JSON_ROW, {0}};
static const struct argp_option renew_rows[] = {
    FOLDER_ROW,
    {"root", KEY_ROOT, "FILE", 0, "The root key (default: NAME.root.key in the folder)", 0},
    {"epoch", KEY_EPOCH, "N", 0,
     "Which key of the member it is (default: the one after that of NAME.key)", 0},
    JSON_ROW,
    {0}};

static enum vain_status choose_folder(const struct arguments *arguments,
                                      char out[VAIN_MIN_LEN(VAIN_PATH_BYTES)])
{
    if (arguments->folder == NULL)
        return vain_key_folder(out, VAIN_PATH_BYTES);
    if (snprintf(out, VAIN_PATH_BYTES, "%s", arguments->folder) >= VAIN_PATH_BYTES)
        return vain_fail(VAIN_ERR_INPUT, "--folder: the path is too long");
    return VAIN_OK;
}

static enum vain_status join(const char *folder, const char *name, const char *ending,
                             char out[VAIN_MIN_LEN(VAIN_PATH_BYTES)])
{
    if (snprintf(out, VAIN_PATH_BYTES, "%s/%s%s", folder, name, ending) >= VAIN_PATH_BYTES)
        return vain_fail(VAIN_ERR_INPUT, "the path of the key '%s' is too long", name);
    return VAIN_OK;
}

/* ------------------------------------------------------------------ new */

struct new_key {
    char folder[VAIN_PATH_BYTES], root_path[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    uint8_t member_id[VAIN_HASH_BYTES];
};

static int print_new(const struct new_key *made, const struct arguments *arguments)
{
    char id[2 * VAIN_HASH_BYTES + 1];
    vain_to_hex(made->member_id, VAIN_HASH_BYTES, id);
    if (arguments->json) {
        struct json_object *data = json_object_new_object();
        json_object_object_add(data, "name", vain_json_text(arguments->name));
        json_object_object_add(data, "member_id", json_object_new_string(id));
        json_object_object_add(data, "root_key", vain_json_text(made->root_path));
        json_object_object_add(data, "key", vain_json_text(made->path));
        return vain_print_data(data);
    }
    printf(
        "member id  %s\n"
        "root key   %s\n"
        "key        %s\n\n"
        "The root key is who %s is. No run needs it: copy it to a safe place that is not on\n"
        "this machine (a USB stick in a drawer), then remove it here. Whoever loses it cannot\n"
        "make the next key, which is due in %d days ('vain key renew %s'); whoever copies it can\n"
        "speak as %s.\n\n"
        "Others pin %s by this entry in their job spec:\n"
        "  members:\n"
        "    - {name: %s, key: %s}\n"
        "For members on hosts of their own (exchange.transport: tls) it also says where others\n"
        "dial it: addresses: HOST:PORT\n",
        id, made->root_path, made->path, arguments->name, VAIN_CERTIFICATE_DAYS, arguments->name,
        arguments->name, arguments->name, arguments->name, id);
    return vain_finish_output();
}

static enum vain_status make_key(const struct arguments *arguments, struct new_key *made)
{
    struct vain_world *world = vain_world_real();
    vain_system_hide_memory(false);
    VAIN_TRY(choose_folder(arguments, made->folder));
    VAIN_TRY(vain_key_create(made->folder, arguments->name, world->ops->unix_ms(world),
                             made->member_id));
    VAIN_TRY(join(made->folder, arguments->name, ".root.key", made->root_path));
    return join(made->folder, arguments->name, ".key", made->path);
}

static int verb_new(int argc, char **argv)
{
    static const struct argp argp = {
        .options = option_rows,
        .parser = parse_option,
        .args_doc = "NAME",
        .doc = "Make the keys of the member NAME: NAME.root.key, its identity, and NAME.key, which "
               "signs. Existing keys are never overwritten.\v"
               "Examples:\n"
               "  vain key new alice\n"
               "  vain key new alice --folder /secure/keys --json",
    };
    struct arguments arguments = {0};
    struct new_key *made = NULL;
    const int wrong = vain_parse_arguments(&argp, argc, argv, &arguments);
    if (wrong != 0)
        return wrong;
    enum vain_status status = vain_take(sizeof *made, "paths of the keys", (void **)&made);
    if (status == VAIN_OK)
        status = make_key(&arguments, made);
    const int code = status == VAIN_OK ? print_new(made, &arguments)
                                       : vain_report_failure(status, arguments.json);
    vain_release(made);
    return code;
}

/* ------------------------------------------------------------------ show */

struct shown_key {
    char path[VAIN_PATH_BYTES];
    struct vain_certificate certificate;
    uint8_t member_id[VAIN_HASH_BYTES];
    int64_t now_ms;
};

static const char *validity(const struct shown_key *key)
{
    if (key->now_ms < key->certificate.not_before_ms)
        return "not yet valid";
    return key->now_ms <= key->certificate.not_after_ms ? "valid" : "expired";
}

static int print_json(const struct shown_key *key)
{
    const struct vain_certificate *certificate = &key->certificate;
    struct json_object *data = json_object_new_object();
    json_object_object_add(data, "member_id", vain_json_hex(key->member_id, VAIN_HASH_BYTES));
    json_object_object_add(data, "root_key",
                           vain_json_hex(certificate->root_key, VAIN_PUBLIC_KEY_BYTES));
    json_object_object_add(data, "current_key",
                           vain_json_hex(certificate->current_key, VAIN_PUBLIC_KEY_BYTES));
    json_object_object_add(data, "key_epoch",
                           json_object_new_int64((int64_t)certificate->key_epoch));
    json_object_object_add(data, "not_before", vain_json_time(certificate->not_before_ms));
    json_object_object_add(data, "not_after", vain_json_time(certificate->not_after_ms));
    json_object_object_add(data, "validity", json_object_new_string(validity(key)));
    json_object_object_add(data, "file", vain_json_text(key->path));
    return vain_print_data(data);
}

static int print_text(const struct shown_key *key)
{
    char id[2 * VAIN_HASH_BYTES + 1], current[2 * VAIN_PUBLIC_KEY_BYTES + 1];
    char from[VAIN_TIMESTAMP_BYTES], until[VAIN_TIMESTAMP_BYTES];
    const struct vain_certificate *certificate = &key->certificate;
    vain_to_hex(key->member_id, VAIN_HASH_BYTES, id);
    vain_to_hex(certificate->current_key, VAIN_PUBLIC_KEY_BYTES, current);
    vain_timestamp_format(certificate->not_before_ms, from);
    vain_timestamp_format(certificate->not_after_ms, until);
    printf("member id    %s\n"
           "current key  %s\n"
           "key epoch    %llu\n"
           "valid        %s to %s: %s",
           id, current, (unsigned long long)certificate->key_epoch, from, until, validity(key));
    if (strcmp(validity(key), "valid") == 0)
        printf(", %lld days left", (long long)((certificate->not_after_ms - key->now_ms) / DAY_MS));
    printf("\nfile         %s\n", key->path);
    return vain_finish_output();
}

/* A word with a slash, or one that ends in ".key", is a file; anything else a name in the folder.
 */
static enum vain_status locate(const struct arguments *arguments,
                               char out[VAIN_MIN_LEN(VAIN_PATH_BYTES)])
{
    const char *name = arguments->name;
    const size_t length = strlen(name);
    if (strchr(name, '/') != NULL || (length > 4 && strcmp(name + length - 4, ".key") == 0)) {
        if (snprintf(out, VAIN_PATH_BYTES, "%s", name) >= VAIN_PATH_BYTES)
            return vain_fail(VAIN_ERR_INPUT, "the path of the key file is too long");
        return VAIN_OK;
    }
    if (!vain_name_valid(name))
        return vain_fail(VAIN_ERR_INPUT,
                         "'%s' is no name of a key: 1 to 63 of a-z, 0-9, '.', '_' and '-', the "
                         "first a letter or a digit; a file is named with a slash, such as ./%s",
                         name, name);
    char folder[VAIN_PATH_BYTES];
    VAIN_TRY(choose_folder(arguments, folder));
    return join(folder, name, ".key", out);
}

static int verb_show(int argc, char **argv)
{
    static const struct argp argp = {
        .options = option_rows,
        .parser = parse_option,
        .args_doc = "NAME|FILE",
        .doc = "Show who a key file belongs to and how long it is valid. Nothing secret is "
               "printed.\v"
               "Examples:\n"
               "  vain key show alice\n"
               "  vain key show ./alice.key --json",
    };
    struct arguments arguments = {0};
    struct shown_key key = {0};
    struct vain_world *world = vain_world_real();
    const int wrong = vain_parse_arguments(&argp, argc, argv, &arguments);
    if (wrong != 0)
        return wrong;
    vain_system_hide_memory(false);
    key.now_ms = world->ops->unix_ms(world);
    enum vain_status status = locate(&arguments, key.path);
    if (status == VAIN_OK)
        status = vain_key_read_public(key.path, &key.certificate, key.member_id);
    if (status != VAIN_OK)
        return vain_report_failure(status, arguments.json);
    return arguments.json ? print_json(&key) : print_text(&key);
}

/* ------------------------------------------------------------------ renew */

static enum vain_status renew_key(const struct arguments *arguments, struct shown_key *key)
{
    char folder[VAIN_PATH_BYTES];
    vain_system_hide_memory(false);
    VAIN_TRY(choose_folder(arguments, folder));
    VAIN_TRY(join(folder, arguments->name, ".key", key->path));
    return vain_key_renew(folder, arguments->name, arguments->root, key->now_ms, arguments->epoch,
                          &key->certificate, key->member_id);
}

static int verb_renew(int argc, char **argv)
{
    static const struct argp argp = {
        .options = renew_rows,
        .parser = parse_option,
        .args_doc = "NAME",
        .doc = "Make the next key of the member NAME, good for 90 days from now, in the place of "
               "NAME.key. Needs the root key, for the moment. The member's id stays, so nothing "
               "changes for the others, nor in any spec; a run that is under way takes the new key "
               "when it is started again.\v"
               "Examples:\n"
               "  vain key renew alice\n"
               "  vain key renew alice --root /media/stick/alice.root.key",
    };
    struct arguments arguments = {.epoch = -1};
    struct shown_key key = {0};
    struct vain_world *world = vain_world_real();
    const int wrong = vain_parse_arguments(&argp, argc, argv, &arguments);
    if (wrong != 0)
        return wrong;
    key.now_ms = world->ops->unix_ms(world);
    const enum vain_status status = renew_key(&arguments, &key);
    if (status != VAIN_OK)
        return vain_report_failure(status, arguments.json);
    return arguments.json ? print_json(&key) : print_text(&key);
}

/* ------------------------------------------------------------------ the verb */

int vain_verb_key(int argc, char **argv)
{
    static const struct vain_verb rows[] = {
        {"new", "make the keys of a member", verb_new},
        {"show", "whose key a file is, and until when it is valid", verb_show},
        {"renew", "make the next key, when the one that is there ends", verb_renew},
    };
    static const struct vain_subverbs subverbs = {
        .purpose = "Make, show and renew the keys with which a member signs.",
        .examples = "  vain key new alice\n"
                    "  vain key show alice\n"
                    "  vain key renew alice\n",
        .rows = rows,
        .count = VAIN_COUNT_OF(rows),
    };
    return vain_subverb_run(&subverbs, argc, argv);
}

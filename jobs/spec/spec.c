/* Reading a spec: defaults, then the file, then the command line, then what is still missing.
 *
 * The parent of the folder: it decides the order and owns the memory; tree.c knows YAML, check.c
 * the table, problem.c the places. Nothing stops at the first problem unless the YAML itself cannot
 * be read. */
#include "jobs/spec/spec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "jobs/spec/parts.h"

/* ---- the table ------------------------------------------------------------------------------ */

/* Bytes of a key before its dot; 0 for a top-level key. */
static size_t group_length(const char *key)
{
    const char *dot = strchr(key, '.');
    return dot != NULL ? (size_t)(dot - key) : 0;
}

const char *vain_spec_leaf(const char *key)
{
    const char *dot = strchr(key, '.');
    return dot != NULL ? dot + 1 : key;
}

bool vain_spec_in_group(const struct vain_option *option, const struct vain_spec_group *group)
{
    const size_t length = group_length(option->key);
    if (group == NULL)
        return length == 0;
    return length == (size_t)group->name_length && strncmp(option->key, group->name, length) == 0;
}

struct vain_spec_group *vain_spec_group_find(const struct vain_spec *spec, const char *name,
                                             size_t length)
{
    for (int i = 0; i < spec->group_count; i++) {
        if ((size_t)spec->groups[i].name_length == length &&
            memcmp(spec->groups[i].name, name, length) == 0)
            return &spec->groups[i];
    }
    return NULL;
}

struct vain_spec_group *vain_spec_group_of(const struct vain_spec *spec,
                                           const struct vain_option *option)
{
    const size_t length = group_length(option->key);
    return length > 0 ? vain_spec_group_find(spec, option->key, length) : NULL;
}

struct vain_spec_place *vain_spec_place_find(const struct vain_spec *spec, const char *key)
{
    for (int i = 0; i < spec->place_count; i++) {
        if (strcmp(spec->places[i].option->key, key) == 0)
            return &spec->places[i];
    }
    return NULL;
}

const struct vain_spec_place *vain_spec_place(const struct vain_spec *spec, const char *key)
{
    return vain_spec_place_find(spec, key);
}

void vain_spec_note_idle(const struct vain_spec *spec, const char *key)
{
    struct vain_spec_place *place = vain_spec_place_find(spec, key);
    VAIN_ASSERT(place != NULL);
    place->idle = true;
}

bool vain_spec_is_set(const struct vain_spec *spec, const char *key)
{
    if (strcmp(key, "members") == 0)
        return spec->members_mark.line > 0;
    const struct vain_spec_place *place = vain_spec_place(spec, key);
    return place != NULL && place->origin != VAIN_SPEC_DEFAULT;
}

enum vain_status vain_spec_open_table(struct vain_spec *spec)
{
    const struct vain_spec_source *source = &spec->source;
    int rows = 0;
    for (int i = 0; i < source->section_count; i++)
        rows += source->sections[i].count;
    void *places, *groups;
    VAIN_TRY(vain_take_array(rows, sizeof *spec->places, "spec places", &places));
    spec->places = places;
    VAIN_TRY(vain_take_array(rows, sizeof *spec->groups, "spec groups", &groups));
    spec->groups = groups;
    for (int i = 0; i < source->section_count; i++) {
        for (int j = 0; j < source->sections[i].count; j++) {
            const struct vain_option *option = &source->sections[i].options[j];
            const size_t length = group_length(option->key);
            VAIN_ASSERT(vain_spec_place_find(spec, option->key) == NULL);
            VAIN_ASSERT(strchr(vain_spec_leaf(option->key), '.') == NULL);
            spec->places[spec->place_count++] =
                (struct vain_spec_place){.option = option, .section = &source->sections[i]};
            if (length > 0 && vain_spec_group_find(spec, option->key, length) == NULL)
                spec->groups[spec->group_count++] =
                    (struct vain_spec_group){.name = option->key, .name_length = (int)length};
        }
    }
    return VAIN_OK;
}

void vain_spec_fini(struct vain_spec *spec)
{
    vain_release(spec->text);
    vain_release(spec->members);
    vain_release(spec->places);
    vain_release(spec->groups);
    *spec = (struct vain_spec){0};
}

/* ---- the command line ----------------------------------------------------------------------- */

static int characters_in(const char *text, size_t bytes)
{
    int count = 0;
    for (uint32_t code; bytes > 0; count++) {
        const int length = vain_text_character(text, bytes, &code);
        text += length > 0 ? length : 1;
        bytes -= (size_t)(length > 0 ? length : 1);
    }
    return count;
}

/* Say why `key` of a --set is none, with the nearest one that is. */
static void add_unknown_set(const struct vain_spec *spec, struct vain_problems *problems, int set,
                            const char *key, struct vain_spec_mark mark)
{
    char message[256], hint[320] = "", excerpt[96];
    vain_text_excerpt(key, 60, excerpt, sizeof excerpt);
    const size_t length = group_length(key);
    const struct vain_spec_group *group = vain_spec_group_find(spec, key, strlen(key));
    const struct vain_spec_group *parent = vain_spec_group_find(spec, key, length);
    const char *nearest =
        vain_option_nearest(spec->source.sections, spec->source.section_count, key);
    if (strcmp(key, "members") == 0 || strncmp(key, "members.", 8) == 0) {
        snprintf(message, sizeof message, "members cannot be set on the command line");
        snprintf(hint, sizeof hint, "list them in the spec under 'members:'");
    } else if (group != NULL) {
        snprintf(message, sizeof message, "'%s' is a group of keys", excerpt);
        vain_spec_list_keys(spec, group, hint, sizeof hint);
    } else {
        snprintf(message, sizeof message, "unknown key '%s'", excerpt);
        if (nearest != NULL)
            snprintf(hint, sizeof hint, "did you mean '%s'?", nearest);
        else
            vain_spec_suggest(spec, parent, length > 0 ? key + length + 1 : key, hint, sizeof hint);
    }
    vain_spec_problem_add_set(spec, problems, set, mark, key, hint, message);
}

static void apply_set(struct vain_spec *spec, int set, struct vain_problems *problems)
{
    char key[128], message[256], hint[160];
    const char *text = spec->source.sets[set];
    const char *equals = strchr(text, '=');
    const size_t length = equals != NULL ? (size_t)(equals - text) : strlen(text);
    struct vain_spec_mark mark = {set + 1, 1, characters_in(text, length)};
    if (equals == NULL || length == 0 || length >= sizeof key) {
        vain_spec_problem_add_set(spec, problems, set, mark, "", "write it as --set train.batch=8",
                                  "expected key.path=value");
        return;
    }
    memcpy(key, text, length);
    key[length] = '\0';
    struct vain_spec_place *place = vain_spec_place_find(spec, key);
    if (place == NULL) {
        add_unknown_set(spec, problems, set, key, mark);
        return;
    }
    const char *value = equals + 1;
    mark.column += mark.span + 1;
    mark.span = *value != '\0' ? characters_in(value, strlen(value)) : 1;
    place->origin = VAIN_SPEC_COMMAND_LINE;
    place->mark = mark;
    if (vain_option_parse(place->option, value, place->section->values, message, sizeof message,
                          hint, sizeof hint) != VAIN_OK)
        vain_spec_problem_add_set(spec, problems, set, mark, key, hint, message);
}

/* ---- what holds for the whole --------------------------------------------------------------- */

static void check_required(const struct vain_spec *spec, struct vain_problems *problems)
{
    for (int i = 0; i < spec->place_count; i++) {
        const struct vain_spec_place *place = &spec->places[i];
        const struct vain_spec_group *group = vain_spec_group_of(spec, place->option);
        if (place->option->fallback != NULL || place->origin != VAIN_SPEC_DEFAULT)
            continue;
        if (group != NULL && group->broken)
            continue;
        char expected[192], hint[256];
        vain_option_expected(place->option, expected, sizeof expected);
        snprintf(hint, sizeof hint, "it is %s", expected);
        const struct vain_spec_mark top = {1, 1, 1};
        vain_spec_problem_add(spec, problems, group != NULL && group->given ? group->mark : top,
                              place->option->key, hint, "required key '%s' is missing",
                              place->option->key);
    }
}

/* Later versions of the format will be told apart by this key, so its value is checked whatever the
 * table says. */
static void check_version(const struct vain_spec *spec, struct vain_problems *problems)
{
    const struct vain_spec_place *place = vain_spec_place(spec, "version");
    char value[64];
    if (place == NULL || place->origin == VAIN_SPEC_DEFAULT ||
        place->option->type != VAIN_OPTION_COUNT)
        return;
    vain_option_format(place->option, place->section->values, value, sizeof value);
    if (strcmp(value, "1") != 0 && strcmp(value, "0") != 0)
        vain_spec_problem_at(spec, problems, "version", "write 'version: 1'",
                             "version %s of job specs is unknown to this program", value);
}

static enum vain_status read_everything(struct vain_spec *spec, struct vain_problems *problems)
{
    struct vain_yaml_tree tree;
    enum vain_status status = vain_tree_parse(spec, &tree, problems);
    const bool readable = status == VAIN_OK;
    if (readable)
        status = vain_spec_check(spec, &tree, problems);
    vain_tree_fini(&tree);
    if (status != VAIN_OK && status != VAIN_ERR_INPUT)
        return status;
    for (int i = 0; i < spec->source.set_count; i++)
        apply_set(spec, i, problems);
    if (readable) {
        check_version(spec, problems);
        check_required(spec, problems);
    }
    return VAIN_OK;
}

static enum vain_status copy_text(struct vain_spec *spec, const char *text, size_t bytes)
{
    void *copy;
    if (bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        bytes -= 3;
    }
    VAIN_TRY(vain_take(bytes + 1, "spec text", &copy));
    if (bytes > 0)
        memcpy(copy, text, bytes);
    spec->text = copy;
    spec->text_bytes = bytes;
    return VAIN_OK;
}

static enum vain_status parse(struct vain_spec *spec, const char *text, size_t bytes,
                              struct vain_problems *problems)
{
    if (bytes > VAIN_SPEC_BYTES_MAX) {
        vain_spec_problem_add(
            spec, problems, (struct vain_spec_mark){0}, "", "is this the right file?",
            "the file has more than %d bytes, the most a spec may have", VAIN_SPEC_BYTES_MAX);
        return VAIN_OK;
    }
    VAIN_TRY(copy_text(spec, text, bytes));
    VAIN_TRY(vain_spec_open_table(spec));
    return read_everything(spec, problems);
}

enum vain_status vain_spec_parse(const struct vain_spec_source *source, const char *text,
                                 size_t bytes, struct vain_spec *spec,
                                 struct vain_problems *problems)
{
    *spec = (struct vain_spec){.source = *source};
    *problems = (struct vain_problems){0};
    vain_option_defaults(source->sections, source->section_count);
    enum vain_status status = parse(spec, text, bytes, problems);
    vain_spec_problems_sort(problems);
    if (status == VAIN_OK && problems->total > 0)
        status = vain_fail(VAIN_ERR_INPUT, "%s: %d error%s in the job spec", source->path,
                           problems->total, problems->total == 1 ? "" : "s");
    if (status != VAIN_OK)
        vain_spec_fini(spec);
    return status;
}

/* ---- the file ------------------------------------------------------------------------------- */

/* Up to `capacity` bytes; one more than a spec may have is enough to know that it is too long. */
static bool read_bytes(int file, char *text, size_t capacity, size_t *bytes)
{
    for (*bytes = 0; *bytes < capacity;) {
        const ssize_t got = read(file, text + *bytes, capacity - *bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (got == 0)
            break;
        *bytes += (size_t)got;
    }
    return true;
}

/* A file that cannot be read at all is one problem without a place, and the failure's message. */
static enum vain_status refuse_file(const struct vain_spec *spec, struct vain_problems *problems,
                                    enum vain_status status, const char *reason, const char *hint)
{
    vain_spec_problem_add(spec, problems, (struct vain_spec_mark){0}, "", hint, "%s", reason);
    return vain_fail(status, "%s: %s", spec->source.path, reason);
}

static enum vain_status load_open_file(const struct vain_spec_source *source, int file,
                                       struct vain_spec *spec, struct vain_problems *problems)
{
    struct stat about;
    size_t bytes;
    void *text;
    if (fstat(file, &about) != 0 || !S_ISREG(about.st_mode))
        return refuse_file(spec, problems, VAIN_ERR_INPUT, "it is no regular file",
                           "give the YAML file itself");
    VAIN_TRY(vain_take(VAIN_SPEC_BYTES_MAX + 1, "spec file", &text));
    enum vain_status status;
    if (read_bytes(file, text, VAIN_SPEC_BYTES_MAX + 1, &bytes))
        status = vain_spec_parse(source, text, bytes, spec, problems);
    else
        status = refuse_file(spec, problems, VAIN_ERR_INPUT, strerror(errno), NULL);
    vain_release(text);
    return status;
}

enum vain_status vain_spec_load(const struct vain_spec_source *source, struct vain_spec *spec,
                                struct vain_problems *problems)
{
    *spec = (struct vain_spec){.source = *source};
    *problems = (struct vain_problems){0};
    /* Non-blocking, or a named pipe in the place of the file would hold us for ever. */
    const int file = open(source->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    enum vain_status status;
    if (file < 0) {
        const bool missing = errno == ENOENT || errno == ENOTDIR;
        status = refuse_file(spec, problems, missing ? VAIN_ERR_NOT_FOUND : VAIN_ERR_INPUT,
                             strerror(errno),
                             missing ? "name a job spec, such as examples/quickstart.yaml" : NULL);
    } else {
        status = load_open_file(source, file, spec, problems);
        close(file);
    }
    if (status != VAIN_OK)
        vain_spec_fini(spec);
    return status;
}

enum vain_status vain_spec_path(const struct vain_spec *spec, const char *path,
                                char out[VAIN_MIN_LEN(VAIN_PATH_BYTES)])
{
    const char *folder = spec->source.path;
    const char *slash = strrchr(folder, '/');
    const int length =
        slash == NULL || path[0] == '/' || path[0] == '\0' ? 0 : (int)(slash - folder) + 1;
    out[0] = '\0';
    if ((size_t)length + strlen(path) >= VAIN_PATH_BYTES)
        return vain_fail(VAIN_ERR_INPUT,
                         "%.*s%.60s...: a path of more than %d bytes; move the spec nearer to it",
                         length, folder, path, VAIN_PATH_BYTES - 1);
    snprintf(out, VAIN_PATH_BYTES, "%.*s%s", length, folder, path);
    return VAIN_OK;
}

#include "cmd/spec_file.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cmd/json.h"
#include "cmd/verb.h"
#include "jobs/plan.h"

/* A file that cannot be read is a problem of its own, not one of the spec. */
static struct json_object *message_of(const struct vain_problems *problems)
{
    const struct vain_problem *first = &problems->items[0];
    char text[sizeof first->file + sizeof first->message + sizeof first->hint + 8];
    if (problems->total > 1 || first->line > 0)
        return json_object_new_string("the spec has errors; nothing was started");
    snprintf(text, sizeof text, "%s: %s%s%s", first->file, first->message,
             first->hint[0] != '\0' ? "; " : "", first->hint);
    return vain_json_text(text);
}

static void print_problems(const struct vain_problems *problems, enum vain_status status, bool json)
{
    vain_spec_problems_print(problems, stderr, vain_wants_colour(stderr));
    if (!json)
        return;
    struct json_object *error = json_object_new_object();
    json_object_object_add(error, "code", json_object_new_string(vain_status_name(status)));
    json_object_object_add(error, "message", message_of(problems));
    json_object_object_add(error, "exit_code", json_object_new_int(vain_exit_code(status)));
    json_object_object_add(error, "problems", vain_spec_problems_json(problems));
    struct json_object *envelope = json_object_new_object();
    json_object_object_add(envelope, "schema_version", json_object_new_string("1"));
    json_object_object_add(envelope, "status", json_object_new_string("error"));
    json_object_object_add(envelope, "error", error);
    printf("%s\n", json_object_to_json_string_ext(envelope, JSON_C_TO_STRING_PLAIN |
                                                                JSON_C_TO_STRING_NOSLASHESCAPE));
    fflush(stdout);
    json_object_put(envelope);
}

static void folder_of(const char *path, char out[VAIN_PATH_BYTES])
{
    snprintf(out, VAIN_PATH_BYTES, "%s", path);
    char *slash = strrchr(out, '/');
    if (slash == NULL)
        snprintf(out, VAIN_PATH_BYTES, ".");
    else if (slash == out)
        out[1] = '\0';
    else
        *slash = '\0';
}

static enum vain_status finish(struct vain_loaded_spec *loaded)
{
    vain_option_agreed_hash(loaded->sections, VAIN_JOB_SECTIONS, loaded->spec.members,
                            loaded->spec.member_count, loaded->hash);
    return vain_spec_resolved_yaml(&loaded->spec, &loaded->resolved);
}

/* Members that are given take the place of those of the file; none: the file's stay. */
struct given {
    const struct vain_option_member *members;
    int count;
};

static enum vain_status replace_members(struct vain_loaded_spec *loaded, const struct given *given)
{
    struct vain_spec *spec = &loaded->spec;
    struct vain_option_member *members = NULL;
    if (given == NULL)
        return VAIN_OK;
    VAIN_TRY(vain_take_array(given->count, sizeof *members, "members", (void **)&members));
    memcpy(members, given->members, (size_t)given->count * sizeof *members);
    loaded->replaced_members = spec->member_count;
    vain_release(spec->members);
    spec->members = members;
    spec->member_count = given->count;
    return VAIN_OK;
}

static enum vain_status open_spec(const char *path, const char *const *sets, int set_count,
                                  const struct given *given, struct vain_loaded_spec *out,
                                  struct vain_problems *problems)
{
    memset(out, 0, sizeof *out);
    vain_job_sections(&out->job, out->sections);
    folder_of(path, out->folder);
    const struct vain_spec_source source = {path, sets, set_count, out->sections,
                                            VAIN_JOB_SECTIONS};
    enum vain_status status = vain_spec_load(&source, &out->spec, problems);
    if (status == VAIN_OK)
        status = replace_members(out, given);
    if (status == VAIN_OK) {
        vain_plan_check(&out->job, &out->spec, problems);
        if (problems->total > 0)
            status =
                vain_fail(VAIN_ERR_INPUT, "%s: %s%s%s", path, problems->items[0].message,
                          problems->items[0].hint[0] != '\0' ? "; " : "", problems->items[0].hint);
    }
    if (status == VAIN_OK)
        status = finish(out);
    if (status != VAIN_OK)
        vain_loaded_spec_fini(out);
    return status;
}

static enum vain_status open_aloud(const char *path, const char *const *sets, int set_count,
                                   const struct given *given, bool json,
                                   struct vain_loaded_spec *out, bool *reported)
{
    struct vain_problems *problems = NULL;
    *reported = false;
    VAIN_TRY(vain_take(sizeof *problems, "problems of the spec", (void **)&problems));
    const enum vain_status status = open_spec(path, sets, set_count, given, out, problems);
    if (problems->total > 0) {
        print_problems(problems, status, json);
        *reported = true;
    }
    vain_release(problems);
    return status;
}

enum vain_status vain_loaded_spec_open(const char *path, const char *const *sets, int set_count,
                                       bool json, struct vain_loaded_spec *out, bool *reported)
{
    return open_aloud(path, sets, set_count, NULL, json, out, reported);
}

enum vain_status vain_loaded_spec_open_quietly(const char *path, const char *const *sets,
                                               int set_count, struct vain_loaded_spec *out)
{
    struct vain_problems *problems = NULL;
    VAIN_TRY(vain_take(sizeof *problems, "problems of the spec", (void **)&problems));
    const enum vain_status status = open_spec(path, sets, set_count, NULL, out, problems);
    vain_release(problems);
    return status;
}

enum vain_status vain_loaded_spec_open_with(const char *path, const char *const *sets,
                                            int set_count, const struct vain_option_member *members,
                                            int count, bool json, struct vain_loaded_spec *out,
                                            bool *reported)
{
    const struct given given = {members, count};
    return open_aloud(path, sets, set_count, &given, json, out, reported);
}

enum vain_status vain_loaded_spec_parse(const char *text, const char *name,
                                        struct vain_loaded_spec *out)
{
    struct vain_problems *problems = NULL;
    memset(out, 0, sizeof *out);
    VAIN_TRY(vain_take(sizeof *problems, "problems of the spec", (void **)&problems));
    vain_job_sections(&out->job, out->sections);
    const struct vain_spec_source source = {name, NULL, 0, out->sections, VAIN_JOB_SECTIONS};
    enum vain_status status = vain_spec_parse(&source, text, strlen(text), &out->spec, problems);
    if (status == VAIN_ERR_INPUT && problems->count > 0)
        status = vain_fail(VAIN_ERR_CORRUPT, "%s: the spec inside cannot be read: %s", name,
                           problems->items[0].message);
    if (status == VAIN_OK)
        status = finish(out);
    vain_release(problems);
    if (status != VAIN_OK)
        vain_loaded_spec_fini(out);
    return status;
}

void vain_loaded_spec_fini(struct vain_loaded_spec *loaded)
{
    vain_spec_fini(&loaded->spec);
    vain_release(loaded->resolved);
    loaded->resolved = NULL;
}

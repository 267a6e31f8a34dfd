/* json_line ok|error [PATH...]: check that standard input is one answer of a verb's --json, and
 * print values of it.
 *
 * One line, one object, nothing else; strict JSON (RFC 8259) in UTF-8; schema_version and status
 * right; "data" where it went well, "error" with code, message and exit_code where not. Each PATH
 * ("data.slices.0.name", "data.slices.#" for a length) is printed on a line of its own; a path that
 * is not there fails. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_BYTES_MAX = 16 << 20, PATH_BYTES = 256 };

static int refuse(const char *what)
{
    fprintf(stderr, "json_line: %s\n", what);
    return 1;
}

static struct json_object *member_of(struct json_object *object, const char *name)
{
    struct json_object *value = NULL;
    if (json_object_is_type(object, json_type_object))
        json_object_object_get_ex(object, name, &value);
    return value;
}

static int print_path(struct json_object *root, const char *path)
{
    char copy[PATH_BYTES];
    struct json_object *at = root;
    snprintf(copy, sizeof copy, "%s", path);
    for (char *rest = copy, *part = strsep(&rest, "."); part != NULL; part = strsep(&rest, ".")) {
        if (strcmp(part, "#") == 0 && json_object_is_type(at, json_type_array)) {
            printf("%zu\n", json_object_array_length(at));
            return 0;
        }
        if (json_object_is_type(at, json_type_array)) {
            const size_t index = (size_t)strtoull(part, NULL, 10);
            if (index >= json_object_array_length(at))
                return refuse(path);
            at = json_object_array_get_idx(at, index);
        } else if (!json_object_is_type(at, json_type_object) ||
                   !json_object_object_get_ex(at, part, &at)) {
            fprintf(stderr, "json_line: no %s\n", path);
            return 1;
        }
    }
    printf("%s\n", at == NULL ? "null" : json_object_get_string(at));
    return 0;
}

static int check_envelope(struct json_object *root, const char *wanted)
{
    if (!json_object_is_type(root, json_type_object))
        return refuse("not an object");
    const char *version = json_object_get_string(member_of(root, "schema_version"));
    const char *status = json_object_get_string(member_of(root, "status"));
    if (version == NULL || strcmp(version, "1") != 0)
        return refuse("schema_version is not \"1\"");
    if (status == NULL || strcmp(status, wanted) != 0)
        return refuse("another status");
    if (json_object_object_length(root) != 3)
        return refuse("not three members");
    if (strcmp(wanted, "ok") == 0)
        return json_object_is_type(member_of(root, "data"), json_type_object) ? 0
                                                                              : refuse("no data");
    struct json_object *error = member_of(root, "error");
    if (!json_object_is_type(member_of(error, "code"), json_type_string) ||
        !json_object_is_type(member_of(error, "message"), json_type_string) ||
        !json_object_is_type(member_of(error, "exit_code"), json_type_int))
        return refuse("an error without code, message and exit_code");
    return json_object_get_string_len(member_of(error, "message")) > 0 ? 0 : refuse("no message");
}

static struct json_object *parse(const char *text, size_t length)
{
    struct json_tokener *tokener = json_tokener_new();
    struct json_object *root = NULL;
    if (length == 0 || text[length - 1] != '\n' || memchr(text, '\n', length) != text + length - 1)
        fprintf(stderr, "json_line: not exactly one line, but: %.*s\n", (int)length, text);
    else {
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        root = json_tokener_parse_ex(tokener, text, (int)length - 1);
        if (json_tokener_get_error(tokener) != json_tokener_success ||
            json_tokener_get_parse_end(tokener) != length - 1) {
            fprintf(stderr, "json_line: not JSON: %.*s\n", (int)length, text);
            json_object_put(root);
            root = NULL;
        }
    }
    json_tokener_free(tokener);
    return root;
}

int main(int argc, char **argv)
{
    char *text = malloc(INPUT_BYTES_MAX);
    if (text == NULL || argc < 2)
        return refuse("usage: json_line ok|error [PATH...]");
    struct json_object *root = parse(text, fread(text, 1, INPUT_BYTES_MAX, stdin));
    int code = root == NULL ? 1 : check_envelope(root, argv[1]);
    for (int i = 2; code == 0 && i < argc; i++)
        code = print_path(root, argv[i]);
    json_object_put(root);
    free(text);
    return code;
}

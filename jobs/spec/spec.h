/* The job spec: one strict YAML file, typed by the option table.
 *
 * Reading finds every problem in one pass, each with its place and a way out, and changes nothing
 * on the way: unknown, misplaced and doubled keys are errors, and a value is typed by its row in
 * the table, never by how YAML would guess it. What comes from the file is bounded before memory is
 * taken for it (base/limits.h), so a spec from a stranger can be refused but cannot harm.
 *
 * Order of precedence: --set, then the file, then the table's defaults. A path in the spec, also
 * one from --set, is relative to the spec's folder (vain_spec_path). All calls are local; only
 * vain_spec_load touches the disk, and only a regular file, so none can wait for ever. */
#pragma once

#include <stdio.h>

#include "base/option.h"

struct json_object;

/* Where the values come from; everything is borrowed until vain_spec_fini. */
struct vain_spec_source {
    const char *path;        /* of the file; in messages also for text from memory */
    const char *const *sets; /* "key.path=value", the last one of a key counts */
    int set_count;
    const struct vain_option_section *sections; /* filled with the values */
    int section_count;
};

enum vain_spec_origin { VAIN_SPEC_DEFAULT, VAIN_SPEC_FILE, VAIN_SPEC_COMMAND_LINE };

/* Lines and columns count from 1 and in characters; span is how many are meant. A line of 0 is the
 * whole file. */
struct vain_spec_mark {
    int line, column, span;
};

/* Where one key of the table got its value. `mark` is the value's; on the command line, line is the
 * number of the --set. */
struct vain_spec_place {
    const struct vain_option *option;
    const struct vain_option_section *section;
    enum vain_spec_origin origin;
    struct vain_spec_mark mark;
    bool idle; /* nothing in this job looks at it: vain_spec_note_idle */
};

/* A mapping of the file that holds keys: "train". */
struct vain_spec_group {
    const char *name; /* not NUL-ended: the front of a dotted key */
    int name_length;
    bool given, broken;         /* stands in the file; is no mapping there */
    struct vain_spec_mark mark; /* of the key */
};

struct vain_spec {
    struct vain_spec_source source;
    char *text; /* owned: the file as it is, NUL-ended, without a byte-order mark */
    size_t text_bytes;
    struct vain_option_member *members; /* owned, in the file's order; NULL if there are none */
    int member_count;
    struct vain_spec_mark members_mark; /* of the key `members`; line 0: not given */
    struct vain_spec_place *places;     /* owned: one a row, in the table's order */
    int place_count;
    struct vain_spec_group *groups; /* owned, in the order in which the table first names them */
    int group_count;
};

/* Read the file, then the --sets, into the sections. `problems` is filled in any case. On success
 * `spec` holds memory until vain_spec_fini; on failure it is empty (fini is allowed).
 * VAIN_ERR_NOT_FOUND: no such file; VAIN_ERR_INPUT: at least one problem; VAIN_ERR_MEMORY. */
enum vain_status vain_spec_load(const struct vain_spec_source *source, struct vain_spec *spec,
                                struct vain_problems *problems) VAIN_MUST_USE;
/* The same from `bytes` at `text` (copied). */
enum vain_status vain_spec_parse(const struct vain_spec_source *source, const char *text,
                                 size_t bytes, struct vain_spec *spec,
                                 struct vain_problems *problems) VAIN_MUST_USE;
void vain_spec_fini(struct vain_spec *spec);

/* Where `key` was set; NULL if the table has no such key. */
const struct vain_spec_place *vain_spec_place(const struct vain_spec *spec, const char *key);
/* Whether the file or the command line sets `key` (of the table, or "members"). */
bool vain_spec_is_set(const struct vain_spec *spec, const char *key);
/* Nothing looks at `key` (of the table) beside what the spec chooses: the resolved text leaves it
 * out, so that it passes the checks that refuse idle keys where they are given. */
void vain_spec_note_idle(const struct vain_spec *spec, const char *key);
/* Add a problem at the place where `key` (of the table, or "members") was set; if it was not, at
 * its group, else at the whole file. `hint` may be NULL. The message names the values and the
 * arithmetic. */
void vain_spec_problem_at(const struct vain_spec *spec, struct vain_problems *problems,
                          const char *key, const char *hint, const char *format, ...)
    VAIN_FORMAT(5, 6);
/* A path of the spec as the process can open it: absolute, or below the spec's folder. "" stays "".
 * VAIN_ERR_INPUT if the whole is too long. */
enum vain_status vain_spec_path(const struct vain_spec *spec, const char *path,
                                char out[VAIN_MIN_LEN(VAIN_PATH_BYTES)]) VAIN_MUST_USE;

/* Print as gcc does, with source line and caret, and an ending line such as "3 errors; nothing was
 * started." Nothing at all if there are none. */
void vain_spec_problems_print(const struct vain_problems *problems, FILE *out, bool colour);
/* The same as a JSON array of {file, line, column, key, message, hint}; gives a reference
 * (json_object_put). */
struct json_object *vain_spec_problems_json(const struct vain_problems *problems);

/* The spec with every default written out but those of idle keys; it reads back as the same values
 * and, checked alike, prints the same again. Gives the text (vain_release). */
enum vain_status vain_spec_resolved_yaml(const struct vain_spec *spec, char **out) VAIN_MUST_USE;
/* The agreed keys in which two resolved texts of this table differ, first those that both have, the
 * first three with both values ("train.rounds: 4 there, 6 here; seed: 1 there, 2 here; and 2
 * more"); "" if there are none. `spec` gives the table. */
void vain_spec_differences(const struct vain_spec *spec, const char *there, const char *here,
                           char *out, size_t bytes);
/* A piece of a resolved text, not NUL-ended; bytes NULL: not there. */
struct vain_spec_piece {
    const char *bytes;
    size_t length;
};
typedef void (*vain_spec_difference_visitor)(void *context, const char *key,
                                             struct vain_spec_piece a, struct vain_spec_piece b);
/* Visit each key of the table, agreed or not, whose value differs between two resolved texts, last
 * `members`, whose value is its lines. Keys that the table lacks are not looked at. Local.
 * VAIN_ERR_MEMORY. */
enum vain_status vain_spec_each_difference(const struct vain_option_section *sections, int count,
                                           const char *a, const char *b,
                                           vain_spec_difference_visitor visit,
                                           void *context) VAIN_MUST_USE;
/* JSON Schema draft-07 of what vain_spec_load takes, for editors. Gives the text. */
enum vain_status vain_spec_schema_json(const struct vain_option_section *sections, int count,
                                       char **out) VAIN_MUST_USE;
/* The key reference as Markdown, one table a group. Gives the text. */
enum vain_status vain_spec_reference_markdown(const struct vain_option_section *sections, int count,
                                              char **out) VAIN_MUST_USE;

/* What the files of this folder share. */
#pragma once

#include "jobs/spec/tree.h"

/* Add a problem of the file at `mark` with its source line. `hint` may be NULL. */
void vain_spec_problem_add(const struct vain_spec *spec, struct vain_problems *problems,
                           struct vain_spec_mark mark, const char *key, const char *hint,
                           const char *format, ...) VAIN_FORMAT(6, 7);
/* The same for the --set of index `set`, `column` and `span` in its text. */
void vain_spec_problem_add_set(const struct vain_spec *spec, struct vain_problems *problems,
                               int set, struct vain_spec_mark mark, const char *key,
                               const char *hint, const char *message);
/* By file, then place, stable: what people read from top to bottom. */
void vain_spec_problems_sort(struct vain_problems *problems);

/* Fill sections, members and places from the tree. Problems are added; the status is for memory
 * only. */
enum vain_status vain_spec_check(struct vain_spec *spec, const struct vain_yaml_tree *tree,
                                 struct vain_problems *problems) VAIN_MUST_USE;
enum vain_status vain_spec_check_members(struct vain_spec *spec, const struct vain_yaml_tree *tree,
                                         int node, struct vain_problems *problems) VAIN_MUST_USE;

/* What is wrong with `text` as the address of a member, static; NULL: it is "host:port". */
const char *vain_spec_address_fault(const char *text);

/* Group called by `length` bytes at `name`, NULL if there is none. */
struct vain_spec_group *vain_spec_group_find(const struct vain_spec *spec, const char *name,
                                             size_t length);
/* The group of a row: NULL for a top-level one. */
struct vain_spec_group *vain_spec_group_of(const struct vain_spec *spec,
                                           const struct vain_option *option);
/* The last part of a dotted key. */
const char *vain_spec_leaf(const char *key);
struct vain_spec_place *vain_spec_place_find(const struct vain_spec *spec, const char *key);

/* What a reader of "unknown key `name` in `group`" (NULL: top level) may have meant; "" if there is
 * nothing to say. */
void vain_spec_suggest(const struct vain_spec *spec, const struct vain_spec_group *group,
                       const char *name, char *hint, size_t bytes);
/* "batch, accumulate, learning_rate, ...": the keys of a group (NULL: top level). */
void vain_spec_list_keys(const struct vain_spec *spec, const struct vain_spec_group *group,
                         char *out, size_t bytes);

/* Places and groups for the table of `spec->source`; undone by vain_spec_fini. */
enum vain_status vain_spec_open_table(struct vain_spec *spec) VAIN_MUST_USE;
/* A row of group `group` (NULL: top level). */
bool vain_spec_in_group(const struct vain_option *option, const struct vain_spec_group *group);

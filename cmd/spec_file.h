/* A job spec as the verbs need it: all sections read, cross-checked, hashed, resolved. */
#pragma once

#include "jobs/options.h"
#include "jobs/spec/spec.h"

struct vain_loaded_spec {
    struct vain_job job;
    struct vain_option_section sections[VAIN_JOB_SECTIONS];
    struct vain_spec spec;
    char *resolved;               /* owned */
    uint8_t hash[32];             /* of the agreed keys */
    char folder[VAIN_PATH_BYTES]; /* of the spec file */
    int replaced_members;         /* of the file, which those given took the place of */
};
enum { VAIN_SETS_MAX = 256 };

/* Load `path` with --sets. Problems are printed here (stderr, or the JSON envelope on stdout) and
 * give VAIN_ERR_INPUT with `reported` true, so that the caller only returns the exit code. On
 * success release with vain_loaded_spec_fini. */
enum vain_status vain_loaded_spec_open(const char *path, const char *const *sets, int set_count,
                                       bool json, struct vain_loaded_spec *out,
                                       bool *reported) VAIN_MUST_USE;
/* The same with `members` (count, copied) in place of those of the file. */
enum vain_status vain_loaded_spec_open_with(const char *path, const char *const *sets,
                                            int set_count, const struct vain_option_member *members,
                                            int count, bool json, struct vain_loaded_spec *out,
                                            bool *reported) VAIN_MUST_USE;
/* The first one without a word: for ranks other than the first, which all read the same file. */
enum vain_status vain_loaded_spec_open_quietly(const char *path, const char *const *sets,
                                               int set_count,
                                               struct vain_loaded_spec *out) VAIN_MUST_USE;
/* The same from text in memory: the spec that a checkpoint holds. */
enum vain_status vain_loaded_spec_parse(const char *text, const char *name,
                                        struct vain_loaded_spec *out) VAIN_MUST_USE;
void vain_loaded_spec_fini(struct vain_loaded_spec *loaded);

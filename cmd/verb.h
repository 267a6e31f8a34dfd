/* The verbs of the command line: one file a verb, one row a verb in main.c's table.
 *
 * Results go to stdout, everything else to stderr; with --json stdout's last line is one object. A
 * verb returns an exit code (0, 1, 2, 3, 4, 5, 70 or 75, see docs/vain.1) and prints its own
 * failure through vain_report_failure. */
#pragma once

#include <argp.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/status.h"

struct json_object;

struct vain_verb {
    const char *name;                  /* "run" */
    const char *summary;               /* one line for the overview */
    int (*run)(int argc, char **argv); /* argv[0] is "vain run" */
};

int vain_verb_run(int argc, char **argv);
int vain_verb_validate(int argc, char **argv);
int vain_verb_explain(int argc, char **argv);
int vain_verb_schema(int argc, char **argv);
int vain_verb_key(int argc, char **argv);
int vain_verb_record(int argc, char **argv);
int vain_verb_ckpt(int argc, char **argv);
int vain_verb_generate(int argc, char **argv);
int vain_verb_eval(int argc, char **argv);
int vain_verb_doctor(int argc, char **argv);
int vain_verb_bench(int argc, char **argv);
int vain_verb_version(int argc, char **argv);

/* ------------------------------------------------------------------ output */

/* Every machine-readable answer has this shape: {"schema_version":"1","status":"ok","data":{...}}.
 * Prints one line and flushes; takes `data`. Returns 0, or 1 if stdout cannot be written (a full
 * disk, a closed pipe). */
int vain_print_data(struct json_object *data);
/* The same for a failure: {"schema_version":"1","status":"error","error":{"code","message",
 * "exit_code"}} on stdout. */
void vain_print_error(enum vain_status status, const char *message);
/* Print the failure that vain_fail described: "vain: error: ..." on stderr, and with `json`
 * vain_print_error. Returns the exit code. */
int vain_report_failure(enum vain_status status, bool json);
/* Whether to colour what goes to `stream`: a terminal, NO_COLOR unset or empty, TERM not dumb. */
bool vain_wants_colour(FILE *stream);
/* "12.3 MiB", "4.5 s", "1.2 M": for people. `out` holds 32 bytes. */
const char *vain_format_bytes(double bytes, char out[32]);
const char *vain_format_seconds(double seconds, char out[32]);
const char *vain_format_count(double count, char out[32]);

/* ------------------------------------------------------------------ options */

/* argp_parse with our rules: --help prints the page and exits 0; a wrong option exits with 2 and
 * names the nearest one, with --json in an object as well. Returns 0 to go on. Parsers report wrong
 * values with argp_error (exit 2).
 */
int vain_parse_arguments(const struct argp *argp, int argc, char **argv, void *input);
/* Whether --json is among the arguments, for what is wrong before they are parsed. */
bool vain_asks_json(int argc, char **argv);
/* "PROGRAM: ..." on stderr, and with `json` vain_print_error. Returns the exit code, 2. */
int vain_report_usage(bool json, const char *program, const char *format, ...) VAIN_FORMAT(3, 4);

/* Folder of key files: $VAIN_HOME/keys, else $XDG_CONFIG_HOME/vain/keys, else ~/.config/vain/keys.
 */
enum vain_status vain_key_folder(char *out, size_t bytes) VAIN_MUST_USE;

/* What verbs print for people. */
#pragma once

#include "base/status.h"

/* Flush standard output at the end of a verb. Returns 0, or 1 after saying that it cannot be
 * written (a full disk, a closed pipe). */
int vain_finish_output(void);
/* "label           text", where the text comes from a file that somebody else may have made: one
 * line, nothing that moves the cursor. */
void vain_print_row(const char *label, const char *text);
/* The same from a format. */
void vain_print_rowf(const char *label, const char *format, ...) VAIN_FORMAT(2, 3);
/* A text in lines of at most 100 columns, each behind 12 blanks but the first, which begins with
 * `label`. */
void vain_print_wrapped(const char *label, const char *text);
/* "(65, 128)" of a shape, "scalar" without dimensions. `out` holds 96 bytes. */
const char *vain_format_shape(const int64_t *shape, int count, char out[96]);

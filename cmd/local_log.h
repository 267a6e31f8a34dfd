/* What members that are processes of this machine write to standard error.
 *
 * Each has a file, DIR/member-1.log beside its folder DIR/member-1, to which every start of it
 * adds. That of member 0 is shown as well, as it comes: its standard error is a pipe to whoever
 * started it. All local. */
#pragma once

#include "base/status.h"

enum { VAIN_LOCAL_LINE_BYTES = 400 };

/* Opens the log of member `name` in `folder` and writes who starts when. Gives a descriptor. */
enum vain_status vain_local_log_open(const char *folder, const char *name, int *out) VAIN_MUST_USE;
/* "FOLDER/NAME.log", cut to fit. */
void vain_local_log_path(const char *folder, const char *name, char *out, size_t bytes);
/* The last line of the log that is not empty, cut to fit; "" if it cannot be read. */
void vain_local_log_last_line(const char *folder, const char *name,
                              char out[VAIN_MIN_LEN(VAIN_LOCAL_LINE_BYTES)]);

/* From a pipe to the terminal and to a file. Lines that rewrite themselves ("\r") are for the
 * terminal alone. */
struct vain_local_tee {
    int pipe, file; /* owned; -1: closed */
    bool rewriting; /* since a "\r" */
};
/* What the pipe holds now; closes both at its end. Does not block: the pipe is O_NONBLOCK. */
void vain_local_tee_pass(struct vain_local_tee *tee);
void vain_local_tee_close(struct vain_local_tee *tee);

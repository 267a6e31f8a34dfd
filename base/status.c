/* The last failure of a thread, and the end of a process that found a bug in itself.
 *
 * A message belongs to the thread that failed: members of one process (transport loop) run in
 * threads of their own and must not read each other's reasons. It is kept in a fixed buffer,
 * because a failure may be "no memory". A message that is longer is cut and ends in "...". */
#include "base/status.h"

#include "base/text.h"

#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROCESS_NAME_BYTES = 64, STACK_FRAMES_MAX = 64 };

static _Thread_local char message[VAIN_MESSAGE_BYTES];
/* For bug reports only; written once at start, before there are threads. */
static char process_name[PROCESS_NAME_BYTES] = "process";

int vain_exit_code(enum vain_status status)
{
    switch (status) {
    case VAIN_OK:
    case VAIN_END:
        return 0;
    case VAIN_AGAIN:
    case VAIN_STOPPED:
    case VAIN_BEHIND:
        return 75;
    case VAIN_ERR_INPUT:
    case VAIN_ERR_UNAVAILABLE:
        return 2;
    case VAIN_ERR_AUTH:
        return 3;
    case VAIN_ERR_TIMEOUT:
        return 4;
    case VAIN_ERR_NOT_FOUND:
    case VAIN_ERR_REFUSED:
    case VAIN_ERR_CORRUPT:
        return 5;
    case VAIN_ERR_STORAGE:
    case VAIN_ERR_MEMORY:
    case VAIN_ERR_NUMERIC:
    case VAIN_ERR_PEER:
        return 1;
    }
    return 1;
}

const char *vain_status_name(enum vain_status status)
{
    switch (status) {
    case VAIN_OK:
        return "ok";
    case VAIN_AGAIN:
        return "again";
    case VAIN_STOPPED:
        return "stopped";
    case VAIN_END:
        return "end";
    case VAIN_BEHIND:
        return "behind";
    case VAIN_ERR_INPUT:
        return "input";
    case VAIN_ERR_AUTH:
        return "auth";
    case VAIN_ERR_TIMEOUT:
        return "timeout";
    case VAIN_ERR_NOT_FOUND:
        return "not found";
    case VAIN_ERR_REFUSED:
        return "refused";
    case VAIN_ERR_CORRUPT:
        return "corrupt";
    case VAIN_ERR_STORAGE:
        return "storage";
    case VAIN_ERR_MEMORY:
        return "memory";
    case VAIN_ERR_NUMERIC:
        return "numeric";
    case VAIN_ERR_PEER:
        return "peer";
    case VAIN_ERR_UNAVAILABLE:
        return "unavailable";
    }
    return "unknown";
}

enum vain_status vain_fail(enum vain_status status, const char *format, ...)
{
    /* Through a second buffer, since a caller may put vain_fail_message() into its own message. */
    char text[VAIN_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length < 0)
        memcpy(text, "?", 2);
    if (length >= (int)sizeof text)
        memcpy(text + sizeof text - 4, "...", 4);
    /* Names of files and texts of other members stand in it, and it goes to terminals. */
    vain_text_excerpt(text, VAIN_MESSAGE_BYTES, message, sizeof message);
    return status;
}

const char *vain_fail_message(void)
{
    return message;
}

void vain_fail_clear(void)
{
    message[0] = '\0';
}

void vain_process_name(const char *name)
{
    snprintf(process_name, sizeof process_name, "%s", name);
}

void vain_bug(const char *file, int line, const char *condition)
{
    fprintf(stderr, "vain: bug in %s: %s:%d: %s\n", process_name, file, line, condition);
    void *frames[STACK_FRAMES_MAX];
    const int frame_count = backtrace(frames, STACK_FRAMES_MAX);
    backtrace_symbols_fd(frames, frame_count, fileno(stderr));
    /* Not exit(): what a broken process would still do in its handlers is not to be trusted. */
    _Exit(70);
}

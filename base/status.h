/* How calls say how they went.
 *
 * Three kinds of failure, never mixed:
 *   a bug         VAIN_ASSERT: on in release too, prints where and a stack, aborts;
 *   an operation  enum vain_status: 0 done, > 0 not an error but not the plain outcome, < 0 failed;
 *   a peer        misconduct of another member is data with evidence, never a status.
 * The one who notices a failed operation says so once, with vain_fail(); everybody above passes the
 * status on with VAIN_TRY; cmd/ prints the message and turns the status into an exit code. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define VAIN_MUST_USE                    __attribute__((warn_unused_result))
#define VAIN_FORMAT(string_index, first) __attribute__((format(printf, string_index, first)))
#define VAIN_NORETURN                    __attribute__((noreturn))
#else
#define VAIN_MUST_USE
#define VAIN_FORMAT(string_index, first)
#define VAIN_NORETURN
#endif

/* Array lengths in prototypes: `const uint8_t key[VAIN_MIN_LEN(32)]` is `static 32` in C. */
#if defined(__cplusplus)
#define VAIN_MIN_LEN(n) n
#else
#define VAIN_MIN_LEN(n) static n
#endif

enum vain_status {
    VAIN_OK = 0,
    VAIN_AGAIN = 1,            /* not yet: ask again */
    VAIN_STOPPED = 2,          /* asked to stop; state is saved: exit 75 */
    VAIN_END = 3,              /* nothing more to read */
    VAIN_BEHIND = 4,           /* the others hold a later state: fetch it */
    VAIN_ERR_INPUT = -1,       /* a spec, option or argument is wrong: exit 2 */
    VAIN_ERR_AUTH = -2,        /* key, signature or connection: exit 3 */
    VAIN_ERR_TIMEOUT = -3,     /* a deadline passed: exit 4 */
    VAIN_ERR_NOT_FOUND = -4,   /* a file or name is not there: exit 5 */
    VAIN_ERR_REFUSED = -5,     /* understood, but not done by rule: exit 5 */
    VAIN_ERR_CORRUPT = -6,     /* a file or message is not what it says it is: exit 5 */
    VAIN_ERR_STORAGE = -7,     /* the disk failed or is full: exit 1 */
    VAIN_ERR_MEMORY = -8,      /* no memory: exit 1 */
    VAIN_ERR_NUMERIC = -9,     /* NaN, infinity, or a check word that does not hold: exit 1 */
    VAIN_ERR_PEER = -10,       /* another member is gone, so the common work ends: exit 1 */
    VAIN_ERR_UNAVAILABLE = -11 /* this build or machine cannot do it: exit 2 */
};

/* Exit code of the program: 0, 1, 2, 3, 4, 5 or 75 (70, our bug, is VAIN_ASSERT's). Local. */
int vain_exit_code(enum vain_status status);
/* Static name such as "refused", never NULL. */
const char *vain_status_name(enum vain_status status);

enum { VAIN_MESSAGE_BYTES = 1024 }; /* of a failure with its NUL; longer ones are cut */

/* Keep the message of a failure for this thread and return `status`, so that
 *     return vain_fail(VAIN_ERR_STORAGE, "%s: %s; free some space and resume", path, reason);
 * reads as one sentence: the thing, the place, the expectation, the way out. Local. */
enum vain_status vain_fail(enum vain_status status, const char *format, ...)
    VAIN_FORMAT(2, 3) VAIN_MUST_USE;
/* This thread's last message, "" if there was none; borrowed until the next vain_fail here. */
const char *vain_fail_message(void);
/* Forget it (a caller that handled the failure). */
void vain_fail_clear(void);

/* Pass a failure on. */
#define VAIN_TRY(call)                                                                             \
    do {                                                                                           \
        const enum vain_status try_status_ = (call);                                               \
        if (try_status_ != VAIN_OK)                                                                \
            return try_status_;                                                                    \
    } while (0)
/* The same where resources are held: sets `status` and jumps to `out:`. */
#define VAIN_TRY_OUT(call)                                                                         \
    do {                                                                                           \
        status = (call);                                                                           \
        if (status != VAIN_OK)                                                                     \
            goto out;                                                                              \
    } while (0)

/* Name of this process in bug reports, such as "member alice" (copied, at most 63 bytes). */
void vain_process_name(const char *name);
/* Print file, line and condition with a stack, exit code 70. Never returns. */
void vain_bug(const char *file, int line, const char *condition) VAIN_NORETURN;
#define VAIN_ASSERT(condition) ((condition) ? (void)0 : vain_bug(__FILE__, __LINE__, #condition))

#define VAIN_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The lock around HDF5, and what it says when it fails.
 *
 * Its own error output is switched off under the lock (per thread in a thread-safe build): a
 * library does not print. Of its stack of errors the innermost says what happened; for a failed
 * system call the reason stands inside a long line, and only that is taken out. */
#include "jobs/store/hdf5_file.h"

#include <stdio.h>
#include <string.h>

#include "base/library_lock.h"

enum { REASON_BYTES = 200 };

static _Thread_local char reason[REASON_BYTES];

void vain_h5_lock(void)
{
    vain_library_lock();
    VAIN_ASSERT(H5Eset_auto2(H5E_DEFAULT, NULL, NULL) >= 0);
}

void vain_h5_unlock(void)
{
    vain_library_unlock();
}

static herr_t take_innermost(unsigned index, const H5E_error2_t *error, void *context)
{
    (void)context;
    if (index == 0 && error->desc != NULL) {
        static const char mark[] = "error message = '";
        const char *message = strstr(error->desc, mark);
        if (message != NULL) {
            message += strlen(mark);
            const size_t length = strcspn(message, "'");
            snprintf(reason, sizeof reason, "%.*s", (int)length, message);
        } else {
            snprintf(reason, sizeof reason, "%s", error->desc);
        }
    }
    return 0;
}

const char *vain_h5_reason(void)
{
    reason[0] = '\0';
    (void)H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_innermost, NULL);
    return reason[0] != '\0' ? reason : "no reason given by HDF5";
}

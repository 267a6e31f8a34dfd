#include "base/library_lock.h"

#include <pthread.h>

#include "base/status.h"

/* Protects every call of the HDF5 library in this process. */
static pthread_mutex_t library_lock = PTHREAD_MUTEX_INITIALIZER;

void vain_library_lock(void)
{
    VAIN_ASSERT(pthread_mutex_lock(&library_lock) == 0);
}

void vain_library_unlock(void)
{
    VAIN_ASSERT(pthread_mutex_unlock(&library_lock) == 0);
}

/* The two questions about the machine that have no portable answer, in one file.
 *
 * A seat is compared byte by byte, so everything behind the name and every core that is not there
 * is zero. Masks that overlap without being equal count as different: launchers either bind ranks
 * to sets of their own or give all ranks of a machine the same one. */
#define _GNU_SOURCE /* sched_getaffinity: the only way to ask for the cores of this process */
#include "base/host.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"

_Static_assert(VAIN_HOST_BYTES > HOST_NAME_MAX, "the longest name and its NUL");
_Static_assert(VAIN_SEAT_CORES_BYTES == sizeof(cpu_set_t), "a mask as the system gives it");
_Static_assert(sizeof(struct vain_seat) == VAIN_HOST_BYTES + VAIN_SEAT_CORES_BYTES, "no holes");

enum vain_status vain_host_name(char out[VAIN_MIN_LEN(VAIN_HOST_BYTES)])
{
    memset(out, 0, VAIN_HOST_BYTES);
    if (gethostname(out, VAIN_HOST_BYTES) == 0 && out[VAIN_HOST_BYTES - 1] == '\0')
        return VAIN_OK;
    const int reason = out[VAIN_HOST_BYTES - 1] == '\0' ? errno : ENAMETOOLONG;
    memset(out, 0, VAIN_HOST_BYTES);
    return vain_fail(VAIN_ERR_UNAVAILABLE,
                     "the name of this machine cannot be read: %s; set one of 1 to %d bytes with "
                     "hostname(1)",
                     strerror(reason), VAIN_HOST_BYTES - 1);
}

enum vain_status vain_seat_here(struct vain_seat *out)
{
    cpu_set_t cores;
    memset(out, 0, sizeof *out);
    if (sched_getaffinity(0, sizeof cores, &cores) == 0)
        memcpy(out->cores, &cores, sizeof cores);
    return vain_host_name(out->host);
}

int vain_seat_sharers(const struct vain_seat *seats, int count, int own)
{
    int sharers = 0;
    VAIN_ASSERT(own >= 0);
    VAIN_ASSERT(own < count);
    for (int i = 0; i < count; i++)
        sharers += memcmp(&seats[i], &seats[own], sizeof seats[own]) == 0;
    return sharers;
}

int vain_cores(void)
{
    cpu_set_t cores;
    if (sched_getaffinity(0, sizeof cores, &cores) == 0)
        return CPU_COUNT(&cores);
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 && online <= INT32_MAX ? (int)online : 1;
}

int vain_cores_share(int cores, int sharers)
{
    VAIN_ASSERT(sharers >= 1);
    const int share = cores / sharers;
    return share < 1 ? 1 : (share > VAIN_THREADS_MAX ? VAIN_THREADS_MAX : share);
}

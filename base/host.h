/* Where this process runs: the machine's name and the cores that it may use.
 *
 * Ranks that were started on one machine tell each other their seat, so that those that share
 * cores also share the threads: what a process sees of its own mask alone does not say whether it
 * has those cores to itself (a bound rank) or with others (all ranks of a cpuset or of `srun -c`).
 * All local, nothing blocks. */
#pragma once

#include "base/status.h"

enum {
    VAIN_HOST_BYTES = 65,       /* HOST_NAME_MAX of Linux and a NUL */
    VAIN_SEAT_CORES_BYTES = 128 /* a bit for each of 1024 cores, glibc's cpu_set_t */
};

/* Plain bytes without holes, so that it can be sent and compared as it is. */
struct vain_seat {
    char host[VAIN_HOST_BYTES]; /* zeros behind its end */
    uint8_t cores[VAIN_SEAT_CORES_BYTES];
};

/* The machine's name, zeros behind its end. VAIN_ERR_UNAVAILABLE with the system's reason. */
enum vain_status vain_host_name(char out[VAIN_MIN_LEN(VAIN_HOST_BYTES)]) VAIN_MUST_USE;
/* This process's seat. A mask that the system does not give (more than 1024 cores) is empty: then
 * all processes of the machine count as sharing it. VAIN_ERR_UNAVAILABLE as above. */
enum vain_status vain_seat_here(struct vain_seat *out) VAIN_MUST_USE;
/* Of `count` seats those that have the machine and the cores of seats[own], itself included. */
int vain_seat_sharers(const struct vain_seat *seats, int count, int own);

/* Cores that this process may run on (its affinity mask). */
int vain_cores(void);
/* Threads for one of `sharers` that use the same `cores`: 1 to VAIN_THREADS_MAX. */
int vain_cores_share(int cores, int sharers);

/* What `vain doctor` looks at: one function a check, in two files, one for the machine and one for
 * the libraries. A check never fails as a call: whatever it meets becomes a finding. */
#pragma once

#include "base/status.h"

enum vain_health { VAIN_HEALTH_FINE, VAIN_HEALTH_WARNING, VAIN_HEALTH_BROKEN };

struct vain_finding {
    const char *check; /* static: "memory" */
    enum vain_health health;
    char found[320];
    char fix[320]; /* "" if there is nothing to do */
};

enum { VAIN_FINDINGS_MAX = 24 };
struct vain_checkup {
    int count;
    struct vain_finding findings[VAIN_FINDINGS_MAX];
};

/* Add a finding; more than the maximum is a bug. Then, where something is to be done, say what. */
struct vain_finding *vain_checkup_add(struct vain_checkup *checkup, const char *check,
                                      enum vain_health health, const char *format, ...)
    VAIN_FORMAT(4, 5);
void vain_finding_fix(struct vain_finding *finding, const char *format, ...) VAIN_FORMAT(2, 3);

/* Cores, memory, key folder, current folder, clock. */
void vain_checkup_machine(struct vain_checkup *checkup);
/* Vector code, GPU, MPI, HDF5, libsodium. */
void vain_checkup_libraries(struct vain_checkup *checkup);

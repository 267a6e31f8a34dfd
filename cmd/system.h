/* What Linux says about this machine in /proc and /sys. Local; reads small files only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Before a key is read or made: nothing of this process's memory gets into a core dump, nor into
 * what a program is given that the kernel pipes dumps to, which no limit on core files stops. And
 * no other process of its user may look into it, unless `shared`: MPI copies words between the
 * processes of a machine that way. What the system does not let be is left as it is. */
void vain_system_hide_memory(bool shared);
/* Memory of the machine, and what of it could be taken now. False if it is not said. */
bool vain_system_memory(int64_t *total_bytes, int64_t *available_bytes);
/* The narrowest memory limit of this process's control groups, in bytes; 0: none. */
int64_t vain_system_memory_limit(void);
/* Processors' worth of time that its control groups grant; 0: no limit. */
double vain_system_cpu_quota(void);

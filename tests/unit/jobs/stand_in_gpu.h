/* A GPU for machines that have none: the CPU's ops on memory that only ops can reach.
 *
 * Device memory is mapped without access but while an op runs, so whoever reads or writes it from
 * the host dies of it; scalars that an op gives are poison until the queue is waited for. What runs
 * on it gives the CPU's bits. It stands behind vain_device_module (wrapped by the linker). */
#pragma once

#include <stdbool.h>

/* Whether a GPU is found from now on; not before, nor by other suites. */
void stand_in_gpu_use(bool used);
/* Ops that ran on any stand-in so far. */
long stand_in_gpu_ops(void);

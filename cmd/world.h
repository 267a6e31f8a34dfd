/* The real world: this machine's clocks, randomness and files (base/world.h has the contract). */
#pragma once

#include "base/world.h"

/* One for the whole process, without state: any thread may use it at any time. */
struct vain_world *vain_world_real(void);

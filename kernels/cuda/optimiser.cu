/* The GPU's optimiser ops. */
#include "kernels/cuda/cuda.h"

const struct vain_optimiser_ops vain_cuda_optimiser = {};

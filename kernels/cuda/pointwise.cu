/* The GPU's pointwise ops. */
#include "kernels/cuda/cuda.h"

const struct vain_pointwise_ops vain_cuda_pointwise = {};

/* The GPU's attention ops. */
#include "kernels/cuda/cuda.h"

const struct vain_attention_ops vain_cuda_attention = {};

/* The GPU's codec ops. */
#include "kernels/cuda/cuda.h"

const struct vain_codec_ops vain_cuda_codec = {};

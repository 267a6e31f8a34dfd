/* The GPU's matmul ops. */
#include "kernels/cuda/cuda.h"

enum vain_status vain_cuda_matmul_open(struct vain_cuda *cuda)
{
    cuda->matmul = NULL;
    return VAIN_OK;
}

void vain_cuda_matmul_close(struct vain_cuda *cuda)
{
    cuda->matmul = NULL;
}

const struct vain_matmul_ops vain_cuda_matmul = {};

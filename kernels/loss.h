/* Losses over rows of scores, beyond cross entropy: value and gradient in one op, as there.
 *
 * Each writes the gradient times `scale` over the scores that it is given (scale = 0: they stay).
 * All sums are taken in double, in the order of rows and columns, with the exponentials of the C
 * library: the platform string names it. Letters: M rows, V columns. */
#pragma once

#include "kernels/device.h"

#include <stdint.h>

struct vain_loss_ops {
    /* Supervised contrastive loss L_out (Khosla et al. 2020, equation 2) of M anchors, mean over
     * those that have a positive; products (M, M) of all features, labels (M). An anchor's
     * positives are the others with its label; the anchor itself is in neither sum:
     *
     *   L_i = - mean over positives p of log(e^(s_ip / temperature) / Z_i)
     *   Z_i = sum over a != i of e^(s_ia / temperature)
     *
     * mean_loss is 0 where no anchor has a positive. */
    void (*contrastive)(struct vain_queue *queue, int64_t M, const int32_t *labels,
                        float temperature, float scale, float *products, double *mean_loss);
    /* Sum over rows of the cross entropy of targets (M, V), each row a distribution, against
     * softmax(logits / temperature). */
    void (*soft_cross_entropy)(struct vain_queue *queue, int64_t M, int64_t V, const float *targets,
                               float temperature, float scale, float *logits, double *loss_sum);
    /* Sum over rows of temperature^2 KL(softmax(teacher / temperature) || softmax(logits /
     * temperature)) (Hinton, Vinyals & Dean 2015), teacher and logits (M, V). */
    void (*distillation)(struct vain_queue *queue, int64_t M, int64_t V, const float *teacher,
                         float temperature, float scale, float *logits, double *loss_sum);
    /* targets (M, V) = soft assignments of rows to columns that use all columns equally:
     * e^(scores / temperature), columns and rows scaled in turn `iterations` times so that columns
     * hold M / V each and rows 1 each, rows last (Sinkhorn & Knopp 1967; Cuturi 2013; as SwAV:
     * Caron et al. 2020, section 3.1). Needs V doubles of scratch: V <= 2^19. */
    void (*balance)(struct vain_queue *queue, int64_t M, int64_t V, const float *scores,
                    float temperature, int iterations, float *targets);
};

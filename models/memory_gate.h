/* The gate: how far a retrieved prediction is believed against the computed one.
 *
 *     p(y) = g retrieved(y) + (1 - g) computed(y),   g = 1 / (1 + exp(-weights . inputs))
 *
 * as the continuous cache and kNN language models interpolate (Grave et al. 2017; Khandelwal et al.
 * 2020), with a share that depends on the case. The weights learn online, a gradient step of
 * -log p(label) an experience:
 *
 *     d loss / d (weights . inputs) = g - g retrieved(label) / p(label)
 *
 * All logarithms, so nothing overflows whatever the logits are. All local. */
#pragma once

#include "base/status.h"

/* Inputs, each in [-1, 1]. */
enum vain_memory_gate_input {
    VAIN_GATE_ONE,        /* 1 */
    VAIN_GATE_SIMILARITY, /* cosine of the nearest episode */
    VAIN_GATE_RETRIEVED,  /* 1 - entropy of the retrieved prediction / its largest */
    VAIN_GATE_COMPUTED,   /* the same of the computed one */
    VAIN_GATE_AGREEMENT,  /* 1 if both name the same class */
    VAIN_GATE_PROTOTYPE,  /* 1: the nearest prototype is for the retrieved class, -1: for the
                             computed one, 0: for both, or neither */
    VAIN_GATE_INPUTS
};

/* One question: predictions as logarithms of probabilities (C), and the gate's inputs. */
struct vain_memory_answer {
    bool found; /* something was retrieved; else g is 0 */
    double inputs[VAIN_GATE_INPUTS];
    const double *retrieved; /* (C) -INFINITY where nothing speaks for a class; borrowed */
    const double *computed;  /* (C) borrowed */
};

/* g in [0, 1]. `weights` is (VAIN_GATE_INPUTS); zeros believe both alike. */
double vain_memory_gate_share(const float *weights, const struct vain_memory_answer *answer);
/* log p(label): finite wherever the computed one is. */
double vain_memory_gate_log_probability(const float *weights,
                                        const struct vain_memory_answer *answer, int64_t label);
/* The first most probable class of C. */
int64_t vain_memory_gate_choice(const float *weights, const struct vain_memory_answer *answer,
                                int64_t C);
/* d -log p(label) / d (weights . inputs), in (-1, 1); 0 where nothing was found. */
double vain_memory_gate_slope(const float *weights, const struct vain_memory_answer *answer,
                              int64_t label);
/* A step of `rate` down that slope. */
void vain_memory_gate_learn(float *weights, const struct vain_memory_answer *answer, int64_t label,
                            double rate);

/* The hybrid memory of one agent: what it lived through lately, what of it was worth keeping, what
 * it knows of names, and how far it believes its memories.
 *
 *   experiences -> ring (models/memory_ring.h)
 *        when it has been filled anew: clusters of features (memory_clusters.h), their medoids
 *        -> episodes (memory_episodes.h), found again by the nearest keys
 *   "class 3" -> symbols (memory_symbols.h): how often, when last, mean feature
 *   nearest episodes -> a retrieved prediction; the gate (memory_gate.h) mixes it with the model's
 *   episodes -> replay, and few-shot tasks (memory_replay.h)
 *
 * All of it is one vector of floats (whole numbers as memory_integer.h says), which its owner takes
 * at the start, keeps in a file of its own and gives to nobody: clock (2), clusterings (2), gate
 * (VAIN_GATE_INPUTS), ring, symbols, episodes, in this order. Zeros are an empty memory.
 *
 * The budget, exactly. Ring, symbols and the numbers before them are taken whole: `fixed_bytes`. An
 * episode takes `episode_bytes`. Used are fixed_bytes + count * episode_bytes. When an episode has
 * been added and used >= 90 % of the budget, the least recently used episodes are removed, one by
 * one, until used <= 80 % of it. Used is an episode when it is added, when it is the nearest of an
 * experience, and when it is drawn for replay or a task. The vector ends where the 90 % are
 * reached, so it is never as large as the budget.
 *
 * Local; nothing takes memory but what is said to. */
#pragma once

#include "models/memory_episodes.h"
#include "models/memory_gate.h"
#include "models/memory_symbols.h"

struct vain_memory_options {
    struct vain_memory_shape shape;
    int64_t budget_bytes;
    int64_t ring;       /* experiences of the short-term ring */
    int64_t clusters;   /* of a full ring; 1 <= clusters <= ring */
    int64_t neighbours; /* that make a retrieved prediction */
    int64_t symbols;    /* keys of the symbolic store */
    double gate_rate;   /* of the gate's steps */
};

/* What fits into a budget. */
struct vain_memory_plan {
    int64_t fixed_bytes, episode_bytes;
    int64_t low, high; /* episodes at 80 %, and at which 90 % are reached */
    int64_t floats;    /* of the vector */
};
/* VAIN_ERR_INPUT with the arithmetic and the least budget, if not one episode fits below the lower
 * mark, or one is larger than the room between the upper mark and the budget. */
enum vain_status vain_memory_plan_make(const struct vain_memory_options *options,
                                       struct vain_memory_plan *out) VAIN_MUST_USE;

struct vain_memory {
    struct vain_memory_options options;
    struct vain_memory_plan plan;
    struct vain_random random; /* of clusterings and replay */
    float *block;              /* (plan.floats) borrowed; host and device read it */
    float *clock, *clusterings, *gate;
    struct vain_memory_ring ring;
    struct vain_memory_symbols symbols;
    struct vain_memory_episodes episodes;
};
/* Bind a memory to its vector. */
void vain_memory_bind(const struct vain_memory_options *options,
                      const struct vain_memory_plan *plan, struct vain_random random, float *block,
                      struct vain_memory *out);
/* Forget everything. */
void vain_memory_clear(struct vain_memory *memory);
/* A vector that was read from a file: VAIN_ERR_CORRUPT unless all its counts, labels and times are
 * such that no other call can go astray. `owner` is named in the message. */
enum vain_status vain_memory_check(const struct vain_memory *memory,
                                   const char *owner) VAIN_MUST_USE;
/* By the rule of the budget above. */
int64_t vain_memory_used_bytes(const struct vain_memory *memory);
/* The next time of the memory's clock, which counts uses. */
int64_t vain_memory_now(struct vain_memory *memory);

/* Room for the answers to B questions at once; memories of one shape share it. */
struct vain_memory_scratch {
    int64_t B, C;
    float *scores;                       /* (B, high) device memory */
    struct vain_device *device;          /* borrowed */
    struct vain_memory_neighbour *found; /* (B, neighbours) */
    double *retrieved, *computed;        /* (B, C) logarithms of probabilities */
    struct vain_memory_answer *answers;  /* (B) */
    int64_t *medoids, *assignment;       /* (clusters) and (ring) */
    double *centroids, *distances;       /* (clusters, width) and (ring) */
    int64_t *prototypes;                 /* (symbols) classes of the symbols at hand, -1: none */
};
int64_t vain_memory_scratch_bytes(const struct vain_memory_options *options,
                                  const struct vain_memory_plan *plan, int64_t B);
/* Takes all of it; on failure what was taken is released by the close. */
enum vain_status vain_memory_scratch_open(const struct vain_memory_options *options,
                                          const struct vain_memory_plan *plan, int64_t B,
                                          struct vain_device *device,
                                          struct vain_memory_scratch *out) VAIN_MUST_USE;
/* Zeroed ones are fine. */
void vain_memory_scratch_close(struct vain_memory_scratch *scratch);

/* M questions, M <= B. */
struct vain_memory_questions {
    int64_t M;
    const float *features; /* (M, width) of norm 1; host and device read them */
    const float *logits;   /* (M, C) the model's; host memory */
    const int64_t *skip;   /* as in struct vain_memory_search */
};
/* Predictions and the gate's inputs for each question, into scratch->answers. Changes nothing in
 * the memory. Waits for the queue. The retrieved prediction of the nearest episodes n is
 * proportional to the sum of exp(10 * cosine_n) over those of a class. */
void vain_memory_ask(const struct vain_memory *memory, struct vain_queue *queue,
                     const struct vain_memory_questions *questions,
                     struct vain_memory_scratch *scratch);
/* What was asked turned out to be `labels` (M): the gate takes a step a question, in their order,
 * and the nearest episode of each is used now. */
void vain_memory_learn(struct vain_memory *memory, const struct vain_memory_scratch *scratch,
                       int64_t M, const int32_t *labels);
/* An experience: into the ring, and what is known of its class. When the ring has been filled anew
 * its clusters' medoids become episodes. Gives how many episodes were evicted. */
int64_t vain_memory_remember(struct vain_memory *memory, const struct vain_memory_scratch *scratch,
                             int32_t label, float loss, const float *feature, const float *example);

/* What the symbolic store holds of a class. */
struct vain_memory_class {
    int64_t count, last_seen; /* experiences; the time of the last one */
    const float *prototype;   /* (width) running mean of their features; borrowed */
};
/* Whether the class is known. */
bool vain_memory_class_of(const struct vain_memory *memory, int64_t label,
                          struct vain_memory_class *out);
/* The model has changed: episodes first to first + M - 1 have these features (M, width) now. */
void vain_memory_renew_keys(struct vain_memory *memory, int64_t first, int64_t M,
                            const float *features);
/* After all keys were renewed: the prototype of each class that has episodes becomes their mean. */
void vain_memory_renew_prototypes(struct vain_memory *memory);

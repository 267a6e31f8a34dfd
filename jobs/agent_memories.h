/* The memories of a member's agents: one vector for all of them, and what asking the model for
 * features takes.
 *
 * The agents share the member's model; each has a memory of its own (models/memory.h) with a budget
 * of its own. The vector is what the member's file keeps; it enters no exchange: nothing here
 * writes a parameter, and of an agent's memory only replayed examples reach the gradients of its
 * own member. Local; all memory is taken at the opening. */
#pragma once

#include "jobs/method.h"
#include "models/memory.h"

struct vain_agent_memories {
    const struct vain_method_config *config; /* borrowed */
    int count;                               /* agents */
    int64_t B, width, C;                     /* examples at once, of a feature, classes */
    int64_t pixels;
    float *block; /* (count, plan.floats) owned; device memory that the host reads */
    struct vain_memory_plan plan;
    struct vain_memory *of; /* (count) owned, bound to the block */
    struct vain_memory_scratch scratch;
    float *bare, *features, *norms; /* (B, width) of any norm, of norm 1, and (B); device memory
                                       that the host reads; owned */
    float *device_logits, *logits;  /* (B, C) on the device and for the host; owned */
    int64_t *skip, *replayed;       /* (B) episodes; owned */
    void *workspace;                /* the model's for an evaluation; owned */
};

/* What the memory.* keys and the model ask of a memory. */
void vain_agent_memory_options(const struct vain_method_config *config,
                               struct vain_memory_options *out);
/* Bytes that they take; 0 if the budget is refused by the opening. */
int64_t vain_agent_memories_bytes(const struct vain_method_config *config);
/* Of that, what the member's file keeps. */
int64_t vain_agent_memories_kept_bytes(const struct vain_method_config *config);
/* `config` is borrowed until the close. Statuses of vain_memory_plan_make; VAIN_ERR_INPUT if the
 * model has no features. On failure what was taken is released by the close. */
enum vain_status vain_agent_memories_open(const struct vain_method_config *config,
                                          struct vain_agent_memories *out) VAIN_MUST_USE;
/* Zeroed ones are fine. */
void vain_agent_memories_close(struct vain_agent_memories *memories);
/* VAIN_ERR_CORRUPT names the member and agent whose memory no file should hold. */
enum vain_status
vain_agent_memories_check(const struct vain_agent_memories *memories) VAIN_MUST_USE;
void vain_agent_memories_forget(struct vain_agent_memories *memories);

/* Features (of norm 1) and logits of a batch under `parameters` (N), and the answers of an agent's
 * memory to them, in memories->scratch. `skip` (B) as in struct vain_memory_search, or NULL. Waits
 * for the queue. */
void vain_agent_memories_ask(struct vain_agent_memories *memories, int agent,
                             const float *parameters, const struct vain_batch *batch,
                             const int64_t *skip);
/* An agent's experiences: the first `fresh` examples (fresh, pixels) of the batch that was asked
 * about last, of which `labels` (B) are the labels; the others, to `count`, were replayed from the
 * episodes memories->replayed. The gate learns from all, keys of replayed ones are renewed, fresh
 * ones are remembered. */
void vain_agent_memories_live(struct vain_agent_memories *memories, int agent, int64_t fresh,
                              int64_t count, const float *examples, const int32_t *labels);
/* The model has changed: all keys become the features under `parameters` (N). */
void vain_agent_memories_renew(struct vain_agent_memories *memories, const float *parameters);

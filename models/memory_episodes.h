/* The episodic store: examples that are worth keeping, under the model's own feature of each (its
 * key, of L2 norm 1), found again by the nearest keys (Pritzel et al. 2017, neural episodic
 * control; the nearest are exact here: every key is compared).
 *
 * Episodes lie densely at 0 to count - 1; one that is removed gives its place to the last. `used`
 * is the memory's clock when an episode was last added, retrieved or replayed; no two are equal.
 *
 * Eviction, exactly: an episode that is added counts as used now. If the count has then reached
 * `high`, the least recently used are removed, one by one, until `low` are left. So the count never
 * passes `high` and is below it between two calls. All local; nothing takes memory. */
#pragma once

#include "kernels/ops.h"
#include "models/memory_ring.h"

struct vain_memory_episodes {
    int64_t low, high; /* marks of eviction, 1 <= low < high */
    struct vain_memory_shape shape;
    float *count;    /* (2) a whole number */
    float *labels;   /* (high) */
    float *used;     /* (high, 2) whole numbers */
    float *keys;     /* (high, width) */
    float *examples; /* (high, pixels) */
};

/* One of the nearest: which episode, and the cosine of its key and the query. index -1: none. */
struct vain_memory_neighbour {
    int64_t index;
    float similarity;
};

/* Queries to be answered at once. */
struct vain_memory_search {
    int64_t M;            /* queries */
    const float *queries; /* (M, width) of norm 1; device memory */
    const int64_t *skip; /* (M) an episode that is not to be found for a query, -1: none; or NULL */
    int64_t neighbours;  /* of each query */
    float *scores;       /* (M, high) scratch; device memory */
    struct vain_memory_neighbour *found; /* (M, neighbours), the nearest first */
};

/* Floats of one episode. */
int64_t vain_memory_episode_floats(const struct vain_memory_shape *shape);
/* Bind `out` to its piece of `block`: 2 + high * vain_memory_episode_floats. */
void vain_memory_episodes_bind(const struct vain_memory_shape *shape, int64_t low, int64_t high,
                               float *block, struct vain_memory_episodes *out);
int64_t vain_memory_episodes_count(const struct vain_memory_episodes *episodes);
int32_t vain_memory_episodes_label(const struct vain_memory_episodes *episodes, int64_t index);
/* Add one, used at `now`, and evict by the rule above. Gives how many went. */
int64_t vain_memory_episodes_add(struct vain_memory_episodes *episodes, int64_t now, int32_t label,
                                 const float *key, const float *example);
/* Episode `index` was used at `now`. */
void vain_memory_episodes_touch(struct vain_memory_episodes *episodes, int64_t index, int64_t now);
/* The nearest of all episodes for each query, found by comparing with every key; of equally near
 * ones the lower index comes first. Waits for the queue. */
void vain_memory_episodes_search(const struct vain_memory_episodes *episodes,
                                 struct vain_queue *queue, const struct vain_memory_search *search);
/* As vain_memory_ring_is_sound. */
bool vain_memory_episodes_are_sound(const struct vain_memory_episodes *episodes);

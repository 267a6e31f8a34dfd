/* How the parts of a memory work together. Whatever decides which episodes stay is whole numbers or
 * a fixed order of additions, so a memory is the same for any number of threads. */
#include "models/memory.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "models/memory_clusters.h"
#include "models/memory_integer.h"

enum {
    HEAD_FLOATS = 2 + 2 + VAIN_GATE_INPUTS,
    CLASS_FLOATS = 4, /* count and last time, before the prototype */
    HIGH_PERCENT = 90,
    LOW_PERCENT = 80,
    PROTOTYPE_SPAN = 128 /* experiences that a running mean reaches back */
};
static const double SHARPNESS = 10; /* of cosines, in retrieved predictions */
#define CLASS_KEY "class"

/* ------------------------------------------------------------------ the budget */

static int64_t symbol_width(const struct vain_memory_options *options)
{
    return CLASS_FLOATS + options->shape.width;
}

static int64_t fixed_floats(const struct vain_memory_options *options)
{
    return HEAD_FLOATS + vain_memory_ring_floats(&options->shape, options->ring) +
           vain_memory_symbols_floats(options->symbols, symbol_width(options)) +
           2; /* how many episodes */
}

enum vain_status vain_memory_plan_make(const struct vain_memory_options *options,
                                       struct vain_memory_plan *out)
{
    const int64_t budget = options->budget_bytes, size = (int64_t)sizeof(float);
    const int64_t fixed = fixed_floats(options) * size;
    const int64_t episode = vain_memory_episode_floats(&options->shape) * size;
    const int64_t for_marks = episode * 100 / (100 - HIGH_PERCENT) + 1;
    const int64_t for_one = (fixed + episode) * 100 / LOW_PERCENT + 1;
    const int64_t least = for_marks > for_one ? for_marks : for_one;
    *out = (struct vain_memory_plan){0};
    if (budget < least)
        return vain_fail(VAIN_ERR_INPUT,
                         "memory.budget: %lld bytes an agent, but ring and symbols take %lld and "
                         "an episode %lld (%lld numbers of an example, %lld of a feature), of "
                         "which one must fit below 80 %% and above 90 %%; give at least %lld "
                         "bytes, or lower memory.ring",
                         (long long)budget, (long long)fixed, (long long)episode,
                         (long long)options->shape.pixels, (long long)options->shape.width,
                         (long long)least);
    const int64_t low_bytes = budget / 100 * LOW_PERCENT + budget % 100 * LOW_PERCENT / 100;
    const int64_t high_room = budget / 100 * HIGH_PERCENT +
                              (budget % 100 * HIGH_PERCENT + 99) / 100 - fixed; /* upwards */
    out->fixed_bytes = fixed;
    out->episode_bytes = episode;
    out->low = (low_bytes - fixed) / episode;
    out->high = (high_room + episode - 1) / episode;
    out->floats = (fixed + out->high * episode) / size;
    VAIN_ASSERT(out->low >= 1 && out->low < out->high && out->floats * size <= budget);
    return VAIN_OK;
}

/* ------------------------------------------------------------------ one vector */

void vain_memory_bind(const struct vain_memory_options *options,
                      const struct vain_memory_plan *plan, struct vain_random random, float *block,
                      struct vain_memory *out)
{
    *out =
        (struct vain_memory){.options = *options, .plan = *plan, .random = random, .block = block};
    out->clock = block;
    out->clusterings = block + 2;
    out->gate = block + 4;
    float *next = block + HEAD_FLOATS;
    vain_memory_ring_bind(&options->shape, options->ring, next, &out->ring);
    next += vain_memory_ring_floats(&options->shape, options->ring);
    vain_memory_symbols_bind(options->symbols, symbol_width(options), next, &out->symbols);
    next += vain_memory_symbols_floats(options->symbols, symbol_width(options));
    vain_memory_episodes_bind(&options->shape, plan->low, plan->high, next, &out->episodes);
}

void vain_memory_clear(struct vain_memory *memory)
{
    memset(memory->block, 0, (size_t)memory->plan.floats * sizeof(float));
}

/* What a symbol of a class holds besides its prototype. */
static bool symbols_are_sound(const struct vain_memory *memory)
{
    if (!vain_memory_symbols_are_sound(&memory->symbols))
        return false;
    for (int64_t i = 0; i < vain_memory_symbols_count(&memory->symbols); i++) {
        const float *value = vain_memory_symbols_value(&memory->symbols, i);
        if (!vain_memory_is_integer(value, VAIN_MEMORY_INTEGER_MAX - 1) ||
            !vain_memory_is_integer(value + 2, VAIN_MEMORY_INTEGER_MAX))
            return false;
    }
    return true;
}

enum vain_status vain_memory_check(const struct vain_memory *memory, const char *owner)
{
    const int64_t most = VAIN_MEMORY_INTEGER_MAX / 2; /* so that clocks can go on */
    const char *wrong = NULL;
    if (!vain_memory_is_integer(memory->clock, most) ||
        !vain_memory_is_integer(memory->clusterings, most))
        wrong = "clock";
    else if (!vain_memory_ring_is_sound(&memory->ring))
        wrong = "ring";
    else if (!symbols_are_sound(memory))
        wrong = "symbolic store";
    else if (!vain_memory_episodes_are_sound(&memory->episodes))
        wrong = "episodic store";
    if (wrong == NULL)
        return VAIN_OK;
    return vain_fail(VAIN_ERR_CORRUPT,
                     "the memory of %s: its %s holds counts, labels or times that no memory has; "
                     "restore the member's file, or start anew with another --out folder",
                     owner, wrong);
}

int64_t vain_memory_used_bytes(const struct vain_memory *memory)
{
    return memory->plan.fixed_bytes +
           vain_memory_episodes_count(&memory->episodes) * memory->plan.episode_bytes;
}

int64_t vain_memory_now(struct vain_memory *memory)
{
    const int64_t now = vain_memory_get_integer(memory->clock) + 1;
    vain_memory_put_integer(memory->clock, now);
    return now;
}

/* ------------------------------------------------------------------ scratch */

int64_t vain_memory_scratch_bytes(const struct vain_memory_options *options,
                                  const struct vain_memory_plan *plan, int64_t B)
{
    const int64_t of_question =
        plan->high * (int64_t)sizeof(float) +
        options->neighbours * (int64_t)sizeof(struct vain_memory_neighbour) +
        2 * options->shape.classes * (int64_t)sizeof(double) +
        (int64_t)sizeof(struct vain_memory_answer);
    return B * of_question + 8 * (options->clusters * (1 + options->shape.width) +
                                  2 * options->ring + options->symbols);
}

enum vain_status vain_memory_scratch_open(const struct vain_memory_options *options,
                                          const struct vain_memory_plan *plan, int64_t B,
                                          struct vain_device *device,
                                          struct vain_memory_scratch *out)
{
    const int64_t C = options->shape.classes;
    const size_t scores = (size_t)(B * plan->high) * sizeof(float);
    *out = (struct vain_memory_scratch){.B = B, .C = C, .device = device};
    VAIN_TRY(device->ops->memory.take(device, scores, "similarities", (void **)&out->scores));
    VAIN_TRY(vain_take_array(B * options->neighbours, sizeof *out->found, "neighbours",
                             (void **)&out->found));
    VAIN_TRY(
        vain_take_array(B * C, sizeof *out->retrieved, "predictions", (void **)&out->retrieved));
    VAIN_TRY(vain_take_array(B * C, sizeof *out->computed, "predictions", (void **)&out->computed));
    VAIN_TRY(vain_take_array(B, sizeof *out->answers, "answers", (void **)&out->answers));
    VAIN_TRY(vain_take_array(options->clusters, sizeof *out->medoids, "medoids",
                             (void **)&out->medoids));
    VAIN_TRY(vain_take_array(options->ring, sizeof *out->assignment, "clusters",
                             (void **)&out->assignment));
    VAIN_TRY(vain_take_array(options->clusters * options->shape.width, sizeof *out->centroids,
                             "centroids", (void **)&out->centroids));
    VAIN_TRY(vain_take_array(options->ring, sizeof *out->distances, "distances",
                             (void **)&out->distances));
    return vain_take_array(options->symbols, sizeof *out->prototypes, "prototypes",
                           (void **)&out->prototypes);
}

void vain_memory_scratch_close(struct vain_memory_scratch *scratch)
{
    if (scratch->device == NULL)
        return;
    scratch->device->ops->memory.release(scratch->device, scratch->scores);
    vain_release(scratch->found);
    vain_release(scratch->retrieved);
    vain_release(scratch->computed);
    vain_release(scratch->answers);
    vain_release(scratch->medoids);
    vain_release(scratch->assignment);
    vain_release(scratch->centroids);
    vain_release(scratch->distances);
    vain_release(scratch->prototypes);
    *scratch = (struct vain_memory_scratch){0};
}

/* ------------------------------------------------------------------ questions */

static int64_t largest(const double *row, int64_t C)
{
    int64_t best = 0;
    for (int64_t c = 1; c < C; c++)
        best = row[c] > row[best] ? c : best;
    return best;
}

/* 1 - entropy / log C of logarithms of probabilities; 1 where there is one class. */
static double certainty(const double *row, int64_t C)
{
    double entropy = 0;
    for (int64_t c = 0; c < C; c++)
        if (row[c] > -INFINITY)
            entropy -= exp(row[c]) * row[c];
    return C > 1 ? 1 - entropy / log((double)C) : 1;
}

/* row (C) = log softmax of logits. */
static void log_softmax(const float *logits, int64_t C, double *row)
{
    double most = (double)logits[0], sum = 0;
    for (int64_t c = 1; c < C; c++)
        most = fmax(most, (double)logits[c]);
    for (int64_t c = 0; c < C; c++)
        sum += exp((double)logits[c] - most);
    for (int64_t c = 0; c < C; c++)
        row[c] = (double)logits[c] - most - log(sum);
}

/* The nearest episodes' labels as logarithms of probabilities; false if there are none. */
static bool retrieve(const struct vain_memory *memory, const struct vain_memory_neighbour *found,
                     double *row)
{
    const int64_t C = memory->options.shape.classes;
    double sum = 0;
    memset(row, 0, (size_t)C * sizeof *row);
    for (int64_t n = 0; n < memory->options.neighbours && found[n].index >= 0; n++) {
        const double weight =
            exp(SHARPNESS * ((double)found[n].similarity - (double)found[0].similarity));
        row[vain_memory_episodes_label(&memory->episodes, found[n].index)] += weight;
        sum += weight;
    }
    for (int64_t c = 0; c < C; c++)
        row[c] = row[c] > 0 ? log(row[c] / sum) : -INFINITY;
    return found[0].index >= 0;
}

/* Which symbols are classes. */
static void list_prototypes(const struct vain_memory *memory, int64_t *classes)
{
    const int64_t count = vain_memory_symbols_count(&memory->symbols);
    for (int64_t i = 0; i < count; i++)
        classes[i] = -1;
    for (int64_t c = 0; c < memory->options.shape.classes; c++) {
        char key[VAIN_MEMORY_KEY_BYTES];
        vain_memory_key_of(CLASS_KEY, c, key);
        const int64_t place = vain_memory_symbols_find(&memory->symbols, key);
        if (place >= 0)
            classes[place] = c;
    }
}

/* The class whose prototype has the largest cosine with `feature`; -1 without prototypes. */
static int64_t nearest_prototype(const struct vain_memory *memory, const int64_t *classes,
                                 const float *feature)
{
    const int64_t width = memory->options.shape.width;
    int64_t best = -1;
    double most = -INFINITY;
    for (int64_t i = 0; i < vain_memory_symbols_count(&memory->symbols); i++) {
        const float *prototype = vain_memory_symbols_value(&memory->symbols, i) + CLASS_FLOATS;
        double product = 0, squares = 1e-12;
        for (int64_t w = 0; classes[i] >= 0 && w < width; w++) {
            product += (double)prototype[w] * (double)feature[w];
            squares += (double)prototype[w] * (double)prototype[w];
        }
        if (classes[i] >= 0 && product / sqrt(squares) > most) {
            most = product / sqrt(squares);
            best = classes[i];
        }
    }
    return best;
}

static void fill_inputs(const struct vain_memory *memory, int64_t prototype,
                        const struct vain_memory_neighbour *nearest,
                        struct vain_memory_answer *answer)
{
    const int64_t C = memory->options.shape.classes;
    const int64_t retrieved = largest(answer->retrieved, C),
                  computed = largest(answer->computed, C);
    answer->inputs[VAIN_GATE_ONE] = 1;
    answer->inputs[VAIN_GATE_SIMILARITY] = (double)nearest->similarity;
    answer->inputs[VAIN_GATE_RETRIEVED] = certainty(answer->retrieved, C);
    answer->inputs[VAIN_GATE_COMPUTED] = certainty(answer->computed, C);
    answer->inputs[VAIN_GATE_AGREEMENT] = retrieved == computed ? 1 : 0;
    answer->inputs[VAIN_GATE_PROTOTYPE] =
        (prototype == retrieved ? 1 : 0) - (prototype == computed ? 1 : 0);
}

void vain_memory_ask(const struct vain_memory *memory, struct vain_queue *queue,
                     const struct vain_memory_questions *questions,
                     struct vain_memory_scratch *scratch)
{
    const int64_t C = scratch->C, width = memory->options.shape.width;
    VAIN_ASSERT(questions->M <= scratch->B);
    const struct vain_memory_search search = {.M = questions->M,
                                              .queries = questions->features,
                                              .skip = questions->skip,
                                              .neighbours = memory->options.neighbours,
                                              .scores = scratch->scores,
                                              .found = scratch->found};
    vain_memory_episodes_search(&memory->episodes, queue, &search);
    list_prototypes(memory, scratch->prototypes);
    for (int64_t m = 0; m < questions->M; m++) {
        const struct vain_memory_neighbour *found = scratch->found + m * search.neighbours;
        struct vain_memory_answer *answer = &scratch->answers[m];
        double *retrieved = scratch->retrieved + m * C, *computed = scratch->computed + m * C;
        *answer = (struct vain_memory_answer){.retrieved = retrieved, .computed = computed};
        log_softmax(questions->logits + m * C, C, computed);
        answer->found = retrieve(memory, found, retrieved);
        if (answer->found)
            fill_inputs(
                memory,
                nearest_prototype(memory, scratch->prototypes, questions->features + m * width),
                found, answer);
    }
}

/* ------------------------------------------------------------------ experiences */

void vain_memory_learn(struct vain_memory *memory, const struct vain_memory_scratch *scratch,
                       int64_t M, const int32_t *labels)
{
    for (int64_t m = 0; m < M; m++) {
        const struct vain_memory_answer *answer = &scratch->answers[m];
        if (!answer->found)
            continue;
        vain_memory_gate_learn(memory->gate, answer, labels[m], memory->options.gate_rate);
        vain_memory_episodes_touch(&memory->episodes,
                                   scratch->found[m * memory->options.neighbours].index,
                                   vain_memory_now(memory));
    }
}

/* Count, time and running mean of a class: the mean of all, later of about the last 128. */
static void note_class(struct vain_memory *memory, int32_t label, const float *feature, int64_t now)
{
    char key[VAIN_MEMORY_KEY_BYTES];
    vain_memory_key_of(CLASS_KEY, label, key);
    const int64_t place = vain_memory_symbols_put(&memory->symbols, key, now);
    float *value = vain_memory_symbols_value(&memory->symbols, place);
    float *prototype = value + CLASS_FLOATS;
    const int64_t count = vain_memory_get_integer(value) + 1;
    const double share = 1.0 / (double)(count < PROTOTYPE_SPAN ? count : PROTOTYPE_SPAN);
    for (int64_t w = 0; w < memory->options.shape.width; w++)
        prototype[w] =
            (float)((double)prototype[w] + share * ((double)feature[w] - (double)prototype[w]));
    vain_memory_put_integer(value, count);
    vain_memory_put_integer(value + 2, now);
}

/* The ring's clusters become episodes: of each the experience in its middle. */
static int64_t consolidate(struct vain_memory *memory, const struct vain_memory_scratch *scratch)
{
    const struct vain_memory_ring *ring = &memory->ring;
    const int64_t number = vain_memory_get_integer(memory->clusterings);
    const struct vain_memory_clustering clustering = {
        .points = ring->capacity,
        .width = ring->shape.width,
        .clusters = memory->options.clusters,
        .features = ring->features,
        .random = memory->random,
        .number = (uint64_t)number,
        .centroids = scratch->centroids,
        .distances = scratch->distances,
        .assignment = scratch->assignment,
        .medoids = scratch->medoids,
    };
    const int64_t count = vain_memory_cluster(&clustering);
    int64_t evicted = 0;
    for (int64_t i = 0; i < count; i++) {
        const int64_t place = scratch->medoids[i];
        evicted += vain_memory_episodes_add(&memory->episodes, vain_memory_now(memory),
                                            (int32_t)ring->labels[place],
                                            ring->features + place * ring->shape.width,
                                            ring->examples + place * ring->shape.pixels);
    }
    vain_memory_put_integer(memory->clusterings, number + 1);
    return evicted;
}

int64_t vain_memory_remember(struct vain_memory *memory, const struct vain_memory_scratch *scratch,
                             int32_t label, float loss, const float *feature, const float *example)
{
    vain_memory_ring_push(&memory->ring, label, loss, feature, example);
    note_class(memory, label, feature, vain_memory_now(memory));
    if (vain_memory_ring_pushed(&memory->ring) % memory->ring.capacity != 0)
        return 0;
    return consolidate(memory, scratch);
}

/* ------------------------------------------------------------------ classes and keys */

bool vain_memory_class_of(const struct vain_memory *memory, int64_t label,
                          struct vain_memory_class *out)
{
    char key[VAIN_MEMORY_KEY_BYTES];
    vain_memory_key_of(CLASS_KEY, label, key);
    const int64_t place = vain_memory_symbols_find(&memory->symbols, key);
    *out = (struct vain_memory_class){0};
    if (place < 0)
        return false;
    const float *value = vain_memory_symbols_value(&memory->symbols, place);
    *out = (struct vain_memory_class){vain_memory_get_integer(value),
                                      vain_memory_get_integer(value + 2), value + CLASS_FLOATS};
    return true;
}

void vain_memory_renew_keys(struct vain_memory *memory, int64_t first, int64_t M,
                            const float *features)
{
    const int64_t width = memory->options.shape.width;
    VAIN_ASSERT(first >= 0 && first + M <= vain_memory_episodes_count(&memory->episodes));
    memcpy(memory->episodes.keys + first * width, features, (size_t)(M * width) * sizeof(float));
}

void vain_memory_renew_prototypes(struct vain_memory *memory)
{
    const int64_t width = memory->options.shape.width;
    const int64_t count = vain_memory_episodes_count(&memory->episodes);
    for (int64_t c = 0; c < memory->options.shape.classes; c++) {
        char key[VAIN_MEMORY_KEY_BYTES];
        vain_memory_key_of(CLASS_KEY, c, key);
        const int64_t place = vain_memory_symbols_find(&memory->symbols, key);
        int64_t of_class = 0;
        for (int64_t i = 0; i < count; i++)
            of_class += vain_memory_episodes_label(&memory->episodes, i) == c;
        if (place < 0 || of_class == 0)
            continue;
        float *prototype = vain_memory_symbols_value(&memory->symbols, place) + CLASS_FLOATS;
        for (int64_t w = 0; w < width; w++) {
            double sum = 0;
            for (int64_t i = 0; i < count; i++)
                if (vain_memory_episodes_label(&memory->episodes, i) == c)
                    sum += (double)memory->episodes.keys[i * width + w];
            prototype[w] = (float)(sum / (double)of_class);
        }
    }
}

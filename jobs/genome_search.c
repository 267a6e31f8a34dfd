/* An individual is a way to train: values of keys of the spec. It is measured by training a model
 * from the common initial parameters for genetic.steps supervised steps, and taking its loss on
 * every second sample of the validation data; the samples between are for the result, so that what
 * was chosen is not praised by what it was chosen with.
 *
 * Each rank of a site trains a model of its own, and the method takes the mean of their losses. */
#include "jobs/genome.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "jobs/genetic_search.h"

struct search {
    const struct vain_method_config *config;
    struct vain_search search;
    struct vain_random random;
    struct vain_site alone; /* a rank for itself */
    /* Of the individual at hand. */
    struct vain_search_values values;
    struct vain_job job;
    struct vain_model_options model;
    struct vain_layout layout;
    float *initial; /* (n) device memory */
    struct vain_method trained;
};

static struct vain_method_config config_of(struct search *own)
{
    struct vain_method_config config = *own->config;
    config.job = &own->job;
    config.model = &own->model;
    config.model_ops = vain_model_ops_of(&own->model);
    config.layout = &own->layout;
    config.site = &own->alone;
    return config;
}

/* The job with these values: one round of so many steps, so that schedules end with them. */
static void apply(struct search *own)
{
    own->job = *own->config->job;
    vain_search_apply(&own->search, &own->values, &own->job);
    own->job.train.method = VAIN_METHOD_SUPERVISED;
    own->job.train.rounds = 1;
    own->job.train.local_steps = own->job.genetic.steps;
    own->model = own->job.model;
    own->model.symbols = own->config->model->symbols; /* what is no key comes from the data */
    own->model.image = own->config->model->image;
    own->model.classes = own->config->model->classes;
}

/* Whether there is a model with these values. */
static bool is_possible(const struct search *own)
{
    char key[128], message[256];
    return vain_model_ops_of(&own->model)
               ->check(&own->model, key, sizeof key, message, sizeof message) == VAIN_OK;
}

/* With every key at the upper end of its range where there is such a model, else with the spec's.
 */
static void apply_largest(struct search *own)
{
    for (int i = 0; i < own->search.count; i++) {
        const struct vain_search_key *key = &own->search.keys[i];
        snprintf(own->values.texts[i], VAIN_SEARCH_VALUE_BYTES, key->whole ? "%.0f" : "%.17g",
                 key->high);
    }
    apply(own);
    if (is_possible(own))
        return;
    static const struct vain_chain none = {.length = 0};
    vain_search_values_of(&own->search, own->config->job, own->random, 0, &none, &own->values);
    apply(own);
}

static int64_t search_memory_bytes(const struct vain_method_config *config)
{
    struct search *own = NULL;
    int64_t bytes = 0;
    if (vain_take(sizeof *own, "a search", (void **)&own) != VAIN_OK)
        return 0;
    own->config = config;
    if (vain_search_open(config->job, &own->search) == VAIN_OK) {
        apply_largest(own);
        const struct vain_method_config largest = config_of(own);
        if (largest.model_ops->layout(&own->model, &own->layout) == VAIN_OK)
            bytes = vain_method_supervised.memory_bytes(&largest) +
                    2 * own->layout.parameter_count * (int64_t)sizeof(float);
        vain_layout_fini(&own->layout);
    }
    vain_release(own);
    return bytes;
}

static enum vain_status search_open(const struct vain_method_config *config, void **out)
{
    struct search *own = NULL;
    *out = NULL;
    VAIN_TRY(vain_take(sizeof *own, "a search", (void **)&own));
    own->config = config;
    own->random = vain_search_random(config->job->general.seed);
    own->alone.comm = (struct vain_comm){.rank = config->site->comm.rank, .size = 1};
    const enum vain_status status = vain_search_open(config->job, &own->search);
    if (status != VAIN_OK) {
        vain_release(own);
        return status;
    }
    *out = own;
    return VAIN_OK;
}

static void forget_individual(struct search *own)
{
    struct vain_device *device = own->config->queue->device;
    vain_method_supervised.close(&own->trained);
    device->ops->memory.release(device, own->initial);
    own->initial = NULL;
    vain_layout_fini(&own->layout);
}

static void search_close(void *opened)
{
    vain_release(opened);
}

static void search_describe(void *opened, const struct vain_chain *chain, char *out, size_t bytes)
{
    struct search *own = opened;
    struct vain_search_values values;
    vain_search_values_of(&own->search, own->config->job, own->random,
                          vain_genetic_deviation(own->config->job), chain, &values);
    vain_search_print(&own->search, &values, out, bytes);
}

static enum vain_status take_steps(struct search *own, int64_t position)
{
    struct vain_step_report report;
    own->trained.data_position = position;
    for (int64_t step = 0; step < own->job.genetic.steps; step++) {
        const enum vain_status status =
            vain_method_supervised.step(&own->trained, 0, step, false, &report);
        if (status == VAIN_ERR_NUMERIC) { /* the method says what it means */
            vain_fail_clear();
            return VAIN_AGAIN;
        }
        VAIN_TRY(status);
    }
    return VAIN_OK;
}

/* The common initial parameters of a model of these options. */
static enum vain_status take_initial(struct search *own)
{
    struct vain_queue *queue = own->config->queue;
    const struct vain_memory_ops *memory = &queue->device->ops->memory;
    const size_t bytes = (size_t)own->layout.parameter_count * sizeof(float);
    float *drawn = NULL;
    VAIN_TRY(memory->take(queue->device, bytes, "initial parameters", (void **)&own->initial));
    VAIN_TRY(vain_take(bytes, "initial parameters", (void **)&drawn));
    vain_model_init(&own->layout, own->job.general.seed, drawn);
    memory->copy_in(queue, own->initial, drawn, bytes);
    const enum vain_status status = vain_queue_wait(queue);
    vain_release(drawn);
    return status;
}

/* Train what the chain stands for on inputs from `position` on. VAIN_AGAIN: its numbers are no
 * longer finite. */
static enum vain_status train(struct search *own, int64_t position)
{
    const struct vain_method_config config = config_of(own);
    VAIN_TRY(config.model_ops->layout(&own->model, &own->layout));
    VAIN_TRY(take_initial(own));
    VAIN_TRY(vain_method_supervised.open(&config, own->initial, &own->trained));
    return take_steps(own, position);
}

static void express(struct search *own, const struct vain_chain *chain)
{
    vain_search_values_of(&own->search, own->config->job, own->random,
                          vain_genetic_deviation(own->config->job), chain, &own->values);
    apply(own);
}

static enum vain_status mean_loss(struct search *own, double *loss)
{
    struct vain_measure_sums sums = {0};
    const struct vain_method_share every_second = {.share = 0, .shares = 2};
    VAIN_TRY(vain_method_supervised.evaluate(&own->trained, own->trained.parameters, &every_second,
                                             &sums));
    const struct vain_measure_sum *sum = &sums.of[VAIN_MEASURE_LOSS];
    if (sum->count == 0)
        return vain_fail(VAIN_ERR_INPUT, "genetic.search: there are no validation data to measure "
                                         "individuals on; give data.validation a share, such as "
                                         "0.1");
    *loss = sum->sum / (double)sum->count;
    return VAIN_OK;
}

static enum vain_status search_measure(void *opened, const struct vain_chain *chain,
                                       const struct vain_genome_input *input, double *loss)
{
    struct search *own = opened;
    express(own, chain);
    *loss = VAIN_GENOME_LOSS_MAX;
    if (!is_possible(own))
        return VAIN_OK;
    enum vain_status status =
        train(own, input->number * own->job.genetic.steps * own->job.train.accumulate);
    if (status == VAIN_OK)
        status = mean_loss(own, loss);
    if (status == VAIN_AGAIN) {
        *loss = (double)NAN;
        status = VAIN_OK;
    }
    forget_individual(own);
    return status;
}

/* Always on the same batches, so that the spec's own values and the best ones can be compared. */
static enum vain_status search_evaluate(void *opened, const struct vain_chain *chain,
                                        const struct vain_method_share *share,
                                        struct vain_measure_sums *sums)
{
    struct search *own = opened;
    const struct vain_method_share others = {.share = 2 * share->share + 1,
                                             .shares = 2 * share->shares,
                                             .last = share->last,
                                             .signal = share->signal};
    express(own, chain);
    if (!is_possible(own))
        return VAIN_OK;
    enum vain_status status = train(own, 0);
    if (status == VAIN_OK)
        status =
            vain_method_supervised.evaluate(&own->trained, own->trained.parameters, &others, sums);
    if (status == VAIN_AGAIN) {
        char values[512];
        search_describe(own, chain, values, sizeof values);
        status = vain_fail(VAIN_ERR_NUMERIC,
                           "member '%s': training with %s gives numbers that are not finite",
                           own->config->member_name, values);
    }
    forget_individual(own);
    return status;
}

static void search_found(void *opened, const struct vain_chain *chain, struct vain_found *out)
{
    struct search *own = opened;
    express(own, chain);
    out->count = own->search.count;
    for (int i = 0; i < out->count; i++) {
        memcpy(out->keys[i], own->search.keys[i].key, sizeof out->keys[i]);
        memcpy(out->values[i], own->values.texts[i], sizeof out->values[i]);
    }
}

const struct vain_genome_ops vain_genome_search = {
    .memory_bytes = search_memory_bytes,
    .open = search_open,
    .measure = search_measure,
    .evaluate = search_evaluate,
    .describe = search_describe,
    .found = search_found,
    .close = search_close,
};

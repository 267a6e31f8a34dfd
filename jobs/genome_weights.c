/* An individual is a model: initial weights plus its mutations, measured by its loss on batches of
 * the member's own training data. */
#include "jobs/genome.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/pool.h"
#include "jobs/batches.h"
#include "jobs/genetic_search.h"
#include "models/normal.h"

enum { BLOCK = 4096 }; /* elements of a task, even */

struct weights {
    struct vain_method_config config; /* with the model's own layout */
    struct vain_layout layout;
    struct vain_random data_random; /* order of the member's batches */
    struct vain_batches batches;
    float *initial, *expressed; /* (n) host memory */
    float *parameters;          /* (n) device memory */
};

float vain_genome_fitness(double loss)
{
    const double counted = loss < VAIN_GENOME_LOSS_MAX ? loss : VAIN_GENOME_LOSS_MAX;
    return (float)(2 - counted / VAIN_GENOME_LOSS_MAX);
}

/* ---- what seeds stand for -------------------------------------------------------------------- */

struct expression {
    struct vain_random random;
    double deviation;
    const struct vain_chain *chain;
    int64_t count;
    const float *initial;
    float *weights;
};

/* Two elements share a block of the stream. */
static void express_block(void *context, int64_t index, int worker)
{
    const struct expression *e = context;
    double sums[BLOCK];
    const int64_t first = index * BLOCK;
    const int64_t count = e->count - first < BLOCK ? e->count - first : BLOCK;
    (void)worker;
    for (int64_t i = 0; i < count; i++)
        sums[i] = (double)e->initial[first + i];
    for (int k = 0; k < e->chain->length; k++) {
        const double deviation = vain_chain_step(e->deviation, e->chain->seeds[k]);
        for (int64_t i = 0; i < count; i += 2) {
            uint32_t words[4];
            vain_random_block(e->random, e->chain->seeds[k], 1, (uint64_t)(first + i) / 2, words);
            sums[i] += deviation * vain_normal_of_words(words[0], words[1]);
            if (i + 1 < count)
                sums[i + 1] += deviation * vain_normal_of_words(words[2], words[3]);
        }
    }
    for (int64_t i = 0; i < count; i++)
        e->weights[first + i] = (float)sums[i];
}

void vain_genome_express(struct vain_pool *pool, struct vain_random random, double deviation,
                         const struct vain_chain *chain, int64_t count, const float *initial,
                         float *weights)
{
    struct expression e = {random, deviation, chain, count, initial, weights};
    vain_pool_run(pool, (count + BLOCK - 1) / BLOCK, express_block, &e);
}

/* ---- the genome ------------------------------------------------------------------------------ */

static size_t vector_bytes(const struct vain_layout *layout)
{
    return (size_t)layout->parameter_count * sizeof(float);
}

static int64_t weights_memory_bytes(const struct vain_method_config *config)
{
    struct vain_layout layout;
    if (config->model_ops->layout(config->model, &layout) != VAIN_OK) {
        vain_fail_clear();
        return 0;
    }
    const size_t vectors = 3 * vector_bytes(&layout);
    vain_layout_fini(&layout);
    return (int64_t)vectors + vain_batches_memory_bytes(config);
}

static void weights_close(void *opened)
{
    struct weights *own = opened;
    struct vain_device *device = own->config.queue->device;
    device->ops->memory.release(device, own->parameters);
    vain_batches_close(&own->batches);
    vain_release(own->initial);
    vain_release(own->expressed);
    vain_layout_fini(&own->layout);
    vain_release(own);
}

static enum vain_status take_memory(struct weights *own)
{
    struct vain_device *device = own->config.queue->device;
    VAIN_TRY(own->config.model_ops->layout(own->config.model, &own->layout));
    const int64_t count = own->layout.parameter_count;
    VAIN_TRY(vain_take_array(count, sizeof(float), "initial weights", (void **)&own->initial));
    VAIN_TRY(vain_take_array(count, sizeof(float), "an individual", (void **)&own->expressed));
    VAIN_TRY(device->ops->memory.take(device, vector_bytes(&own->layout), "an individual's weights",
                                      (void **)&own->parameters));
    return vain_batches_open(&own->config, &own->batches);
}

static enum vain_status weights_open(const struct vain_method_config *config, void **out)
{
    struct weights *own = NULL;
    *out = NULL;
    VAIN_TRY(vain_take(sizeof *own, "the weights of individuals", (void **)&own));
    own->config = *config;
    own->config.layout = &own->layout;
    own->data_random =
        vain_random_stream(config->job->general.seed, VAIN_PURPOSE_DATA, config->member_name);
    const enum vain_status status = take_memory(own);
    if (status != VAIN_OK) {
        weights_close(own);
        return status;
    }
    vain_model_init(&own->layout, config->job->general.seed, own->initial);
    *out = own;
    return VAIN_OK;
}

static void express(struct weights *own, const struct vain_chain *chain)
{
    const struct vain_job *job = own->config.job;
    struct vain_queue *queue = own->config.queue;
    vain_genome_express(queue->device->pool, vain_search_random(job->general.seed),
                        vain_genetic_deviation(job), chain, own->layout.parameter_count,
                        own->initial, own->expressed);
    queue->device->ops->memory.copy_in(queue, own->parameters, own->expressed,
                                       vector_bytes(&own->layout));
}

static enum vain_status weights_measure(void *opened, const struct vain_chain *chain,
                                        const struct vain_genome_input *input, double *loss)
{
    struct weights *own = opened;
    const struct vain_method_config *config = &own->config;
    const int64_t batches = config->job->train.accumulate;
    express(own, chain);
    *loss = 0;
    for (int64_t i = 0; i < batches; i++) {
        struct vain_batch batch;
        struct vain_measure measure = {0};
        VAIN_TRY(vain_batches_draw(&own->batches, own->data_random, input->position + i,
                                   config->site->comm.rank, &batch));
        config->model_ops->evaluate(config->model, &own->layout, config->queue, own->parameters,
                                    &batch, own->batches.workspace, &measure);
        *loss += measure.loss_sum / (double)(measure.count * batches);
    }
    return VAIN_OK;
}

static enum vain_status weights_evaluate(void *opened, const struct vain_chain *chain,
                                         const struct vain_method_share *share,
                                         struct vain_measure_sums *sums)
{
    struct weights *own = opened;
    express(own, chain);
    return vain_batches_evaluate(&own->batches, own->parameters, share, sums);
}

static void weights_describe(void *opened, const struct vain_chain *chain, char *out, size_t bytes)
{
    (void)opened;
    snprintf(out, bytes, "%d mutation%s", chain->length, chain->length == 1 ? "" : "s");
}

const struct vain_genome_ops vain_genome_weights = {
    .memory_bytes = weights_memory_bytes,
    .open = weights_open,
    .measure = weights_measure,
    .evaluate = weights_evaluate,
    .describe = weights_describe,
    .close = weights_close,
};

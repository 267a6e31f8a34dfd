/* Agents that remember: supervised learning over a stream of tasks, by agents that share their
 * member's model and have a memory each (models/memory.h).
 *
 *     batch of an agent: fresh examples of the phase + examples replayed from its episodes
 *     -> what memory and model say of them -> the gate learns, the memory remembers
 *     -> forward, backward (accumulated) -> check finite -> clip + optimiser
 *
 * The agents take turns with the micro-batches. Evaluation asks one agent a batch of test images,
 * in turns, of the classes that have come so far: what counts is the mixture of the retrieved and
 * the computed prediction (with memory.retrieval: false the latter alone). With memory.enabled:
 * false all is the same run without memories.
 *
 * What is exchanged is the model. Memories are the member's own: they lie in one vector that its
 * file keeps (jobs/agent_memories.h). They reach parameters by replay alone. */
#include "jobs/method.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "jobs/agent_memories.h"
#include "jobs/batches.h"
#include "jobs/data/order.h"
#include "jobs/optimiser.h"
#include "jobs/task_stream.h"
#include "models/memory_replay.h"

struct agents {
    struct vain_optimiser optimiser;
    struct vain_batches batches;
    struct vain_task_stream stream;
    struct vain_agent_memories memories; /* with memory.enabled, else zero */
    struct vain_random data_random, dropout_random;
    int64_t *test;       /* (test images) those whose classes have come */
    bool memories_sound; /* what a file gave was looked at */
};

static int64_t agents_memory_bytes(const struct vain_method_config *config)
{
    return 2 * (int64_t)vain_method_vector_bytes(config) + vain_optimiser_memory_bytes(config) +
           vain_batches_memory_bytes(config) +
           (config->job->memory.enabled ? vain_agent_memories_bytes(config) : 0);
}

static int64_t agents_kept_bytes(const struct vain_method_config *config)
{
    return vain_optimiser_memory_bytes(config) +
           (config->job->memory.enabled ? vain_agent_memories_kept_bytes(config) : 0);
}

static int64_t agents_step_size(const struct vain_job *job)
{
    return job->train.batch * job->train.accumulate;
}

static const char *agents_unit(const struct vain_job *job)
{
    (void)job;
    return "images";
}

static double agents_step_bound(const struct vain_job *job)
{
    return vain_round_step_bound(&job->train);
}

static void agents_close(struct vain_method *method)
{
    if (method->config.queue == NULL)
        return;
    struct agents *own = method->own;
    vain_method_release_vectors(method);
    if (own != NULL) {
        vain_optimiser_close(&own->optimiser);
        vain_batches_close(&own->batches);
        vain_task_stream_close(&own->stream);
        vain_agent_memories_close(&own->memories);
        vain_release(own->test);
    }
    vain_release(own);
    memset(method, 0, sizeof *method);
}

static enum vain_status check(const struct vain_method_config *config)
{
    if (config->data->kind != VAIN_DATA_IMAGES)
        return vain_fail(VAIN_ERR_INPUT,
                         "train.method: agents remember labelled images; give data.images");
    if (config->site->comm.size > 1)
        return vain_fail(VAIN_ERR_INPUT,
                         "site: a site of %d ranks, but an agent's memory lives at one; use site: "
                         "rank",
                         config->site->comm.size);
    return VAIN_OK;
}

static enum vain_status take_all(struct vain_method *method, const float *initial)
{
    const struct vain_method_config *config = &method->config;
    struct agents *own = method->own;
    VAIN_TRY(vain_method_take_vectors(method, initial));
    VAIN_TRY(vain_optimiser_open(config, &own->optimiser));
    VAIN_TRY(vain_batches_open(config, &own->batches));
    VAIN_TRY(vain_take_array(config->data->images.test.count, sizeof *own->test, "test images",
                             (void **)&own->test));
    VAIN_TRY(vain_task_stream_open(config->job, &config->data->images, config->member_name,
                                   &own->stream));
    return config->job->memory.enabled ? vain_agent_memories_open(config, &own->memories) : VAIN_OK;
}

/* What the member's file keeps. */
static void list_kept(struct vain_method *method)
{
    const struct agents *own = method->own;
    const struct vain_agent_memories *memories = &own->memories;
    vain_optimiser_list(&own->optimiser, method);
    if (!method->config.job->memory.enabled)
        return;
    VAIN_ASSERT(method->memory_count < VAIN_MEMORIES_MAX);
    method->memories[method->memory_count++] = (struct vain_member_memory){
        "agent_memories", "memories of the member's agents, one after the other", memories->block,
        memories->count * memories->plan.floats};
}

static enum vain_status agents_open(const struct vain_method_config *config, const float *initial,
                                    struct vain_method *out)
{
    const uint64_t seed = config->job->general.seed;
    memset(out, 0, sizeof *out);
    VAIN_TRY(check(config));
    out->config = *config;
    struct agents *own = NULL;
    VAIN_TRY(vain_take(sizeof *own, "the method's state", (void **)&own));
    out->own = own;
    own->data_random = vain_random_stream(seed, VAIN_PURPOSE_DATA, config->member_name);
    own->dropout_random = vain_random_stream(seed, VAIN_PURPOSE_DROPOUT, config->member_name);
    const enum vain_status status = take_all(out, initial);
    if (status != VAIN_OK) {
        agents_close(out);
        return status;
    }
    list_kept(out);
    return VAIN_OK;
}

/* Once a start: a member's file may have filled the memories. */
static enum vain_status check_memories(struct agents *own)
{
    if (!own->memories_sound)
        VAIN_TRY(vain_agent_memories_check(&own->memories));
    own->memories_sound = true;
    return VAIN_OK;
}

static void copy_batch(struct agents *own, int64_t count, struct vain_batch *out)
{
    struct vain_batches *batches = &own->batches;
    struct vain_queue *queue = batches->config->queue;
    const struct vain_memory_ops *memory = &queue->device->ops->memory;
    memory->copy_in(queue, batches->images, batches->host_images,
                    (size_t)(count * batches->pixels) * sizeof(float));
    memory->copy_in(queue, batches->targets, batches->host_targets,
                    (size_t)count * sizeof(int32_t));
    *out = (struct vain_batch){
        .B = count, .T = 1, .targets = batches->targets, .images = batches->images};
}

/* Batch number `position` of the member: whose turn it is, how many of its examples are fresh, and
 * all of them: the others were replayed and stand behind. */
static int draw_batch(struct vain_method *method, int64_t round, int64_t position, int64_t *fresh,
                      struct vain_batch *out)
{
    const struct vain_agent_options *options = &method->config.job->memory;
    struct agents *own = method->own;
    struct vain_batches *batches = &own->batches;
    const int agent = (int)(position % options->agents);
    const int64_t turn = position / options->agents, B = batches->B;
    int64_t count, replayed = 0;
    const int64_t *examples = vain_task_stream_examples(
        &own->stream, vain_task_stream_phase(&own->stream, round), agent, &count);
    if (options->enabled)
        replayed = vain_memory_replay(&own->memories.of[agent], (uint64_t)position,
                                      (int64_t)(options->replay * (double)B), batches->host_images,
                                      batches->host_targets, own->memories.replayed);
    *fresh = B - replayed;
    memmove(batches->host_images + *fresh * batches->pixels, batches->host_images,
            (size_t)(replayed * batches->pixels) * sizeof(float));
    memmove(batches->host_targets + *fresh, batches->host_targets,
            (size_t)replayed * sizeof(int32_t));
    for (int64_t b = 0; b < *fresh; b++) {
        const int64_t sample = turn * B + b;
        batches->examples[b] =
            examples[vain_order_place(own->data_random, sample / count, count, sample % count)];
    }
    vain_images_batch(&method->config.data->images.train, batches->examples, *fresh,
                      batches->host_images, batches->host_targets);
    copy_batch(own, B, out);
    return agent;
}

/* What the agent makes of its batch before the model learns from it. */
static void live(struct vain_method *method, int agent, int64_t fresh,
                 const struct vain_batch *batch)
{
    struct agents *own = method->own;
    struct vain_agent_memories *memories = &own->memories;
    for (int64_t b = 0; b < batch->B; b++)
        memories->skip[b] = b < fresh ? -1 : memories->replayed[b - fresh];
    vain_agent_memories_ask(memories, agent, method->parameters, batch, memories->skip);
    vain_agent_memories_live(memories, agent, fresh, batch->B, own->batches.host_images,
                             own->batches.host_targets);
}

/* Gradients of `accumulate` micro-batches, averaged, and their mean loss. */
static double accumulate_gradients(struct vain_method *method, int64_t round, int64_t step_in_round)
{
    const struct vain_method_config *config = &method->config;
    const struct vain_train_options *train = &config->job->train;
    struct agents *own = method->own;
    double loss_sum = 0;
    config->queue->device->ops->memory.zero(config->queue, method->gradients,
                                            vain_method_vector_bytes(config));
    for (int64_t i = 0; i < train->accumulate; i++) {
        struct vain_batch batch;
        int64_t fresh;
        const int agent = draw_batch(method, round, method->data_position++, &fresh, &batch);
        if (config->job->memory.enabled)
            live(method, agent, fresh, &batch);
        const struct vain_batch_place place = {.dropout_random = own->dropout_random,
                                               .round = (uint32_t)round,
                                               .step = (uint32_t)step_in_round,
                                               .micro_batch = (uint32_t)i};
        double loss = 0;
        config->model_ops->forward_backward(
            config->model, config->layout, config->queue, method->parameters, &batch, &place,
            1.0f / (float)train->accumulate, own->batches.workspace, method->gradients, &loss);
        loss_sum += loss;
    }
    return loss_sum / (double)train->accumulate;
}

/* NaN and infinity stop here, at the member that made them (promise 7). */
static enum vain_status refuse_not_finite(const struct vain_method *method, double loss,
                                          int64_t round, int64_t step_in_round)
{
    const struct vain_method_config *config = &method->config;
    const int64_t N = config->layout->parameter_count;
    int64_t index = N;
    config->queue->device->ops->optimiser.first_not_finite(config->queue, N, method->gradients,
                                                           &index);
    return vain_fail(VAIN_ERR_NUMERIC,
                     "member '%s', round %lld, local step %lld: its agents came to a loss of %g "
                     "and gradients that are %s%s; nothing was sent. Lower train.learning_rate, "
                     "set train.gradient_clip, or look at the data",
                     config->member_name, (long long)round + 1, (long long)step_in_round + 1, loss,
                     index < N ? "not finite, first in slice " : "finite",
                     index < N ? vain_layout_slice_at(config->layout, index)->name : "");
}

static enum vain_status agents_step(struct vain_method *method, int64_t round,
                                    int64_t step_in_round, bool want_stop,
                                    struct vain_step_report *report)
{
    const struct vain_method_config *config = &method->config;
    const struct vain_train_options *train = &config->job->train;
    struct agents *own = method->own;
    double squares = 0;
    VAIN_TRY(check_memories(own));
    const double loss = accumulate_gradients(method, round, step_in_round);
    config->queue->device->ops->optimiser.sum_squares(
        config->queue, config->layout->parameter_count, method->gradients, &squares);
    if (!isfinite(squares) || !isfinite(loss))
        return refuse_not_finite(method, loss, round, step_in_round);
    const double norm = sqrt(squares), limit = train->gradient_clip;
    *report = (struct vain_step_report){
        .loss = loss,
        .gradient_norm = norm,
        .learning_rate = vain_learning_rate(train, round * train->local_steps + step_in_round),
        .stop_heard = want_stop};
    method->optimiser_step++;
    vain_optimiser_step(&own->optimiser, method->optimiser_step, report->learning_rate,
                        limit > 0 && norm > limit ? limit / norm : 1.0, method->gradients,
                        method->parameters);
    method->step_in_round = step_in_round + 1;
    method->loss_sum += loss;
    return VAIN_OK;
}

/* The model that all share has moved, so what it says of remembered examples has too. A memory that
 * a file has spoilt is left for the next step to refuse. */
static void agents_adopt(struct vain_method *method, const float *parameters)
{
    struct agents *own = method->own;
    vain_method_adopt(method, parameters);
    if (vain_agent_memories_check(&own->memories) == VAIN_OK)
        vain_agent_memories_renew(&own->memories, method->parameters);
    else
        vain_fail_clear();
}

static void agents_forget(struct vain_method *method)
{
    struct agents *own = method->own;
    vain_optimiser_forget(&own->optimiser);
    vain_agent_memories_forget(&own->memories);
    method->optimiser_step = 0;
}

/* A batch of test images under the model alone. */
static void measure_alone(struct vain_method *method, const float *parameters,
                          const struct vain_batch *batch, struct vain_measure_sums *sums)
{
    const struct vain_method_config *config = &method->config;
    struct agents *own = method->own;
    struct vain_measure measure = {0};
    config->model_ops->evaluate(config->model, config->layout, config->queue, parameters, batch,
                                own->batches.workspace, &measure);
    sums->of[VAIN_MEASURE_LOSS].sum += measure.loss_sum;
    sums->of[VAIN_MEASURE_LOSS].count += measure.count;
    vain_measure_add_right(sums, VAIN_MEASURE_ACCURACY, measure.correct, measure.count);
}

/* The same with what an agent remembers. */
static void measure_with_memory(struct vain_method *method, int agent, const float *parameters,
                                const struct vain_batch *batch, struct vain_measure_sums *sums)
{
    struct agents *own = method->own;
    struct vain_agent_memories *memories = &own->memories;
    const float *gate = memories->of[agent].gate;
    int64_t right = 0;
    vain_agent_memories_ask(memories, agent, parameters, batch, NULL);
    for (int64_t b = 0; b < batch->B; b++) {
        const struct vain_memory_answer *answer = &memories->scratch.answers[b];
        const int32_t label = own->batches.host_targets[b];
        right += vain_memory_gate_choice(gate, answer, memories->C) == label;
        sums->of[VAIN_MEASURE_LOSS].sum -= vain_memory_gate_log_probability(gate, answer, label);
    }
    sums->of[VAIN_MEASURE_LOSS].count += batch->B;
    vain_measure_add_right(sums, VAIN_MEASURE_ACCURACY, right, batch->B);
}

/* Test images whose classes have come. */
static int64_t list_test(const struct vain_method *method, int64_t rounds)
{
    const struct vain_images *test = &method->config.data->images.test;
    const struct agents *own = method->own;
    int64_t count = 0;
    for (int64_t i = 0; i < test->count; i++)
        if (vain_task_stream_has_come(&own->stream, test->labels[i], rounds))
            own->test[count++] = i;
    return count;
}

static enum vain_status agents_evaluate(struct vain_method *method, const float *parameters,
                                        const struct vain_method_share *share,
                                        struct vain_measure_sums *sums)
{
    const struct vain_agent_options *options = &method->config.job->memory;
    struct agents *own = method->own;
    struct vain_batches *batches = &own->batches;
    VAIN_TRY(check_memories(own));
    const int64_t count = list_test(method, share->round);
    const int64_t batch_count = vain_order_batch_count(count, batches->B);
    for (int64_t i = share->share; i < batch_count; i += share->shares) {
        const int64_t first = i * batches->B, left = count - first;
        const int64_t drawn = left < batches->B ? left : batches->B;
        struct vain_batch batch;
        if (vain_method_leaves_off(share))
            return VAIN_STOPPED;
        vain_images_batch(&method->config.data->images.test, own->test + first, drawn,
                          batches->host_images, batches->host_targets);
        copy_batch(own, drawn, &batch);
        if (options->enabled && options->retrieval)
            measure_with_memory(method, (int)(i / share->shares % options->agents), parameters,
                                &batch, sums);
        else
            measure_alone(method, parameters, &batch, sums);
    }
    return VAIN_OK;
}

const struct vain_method_ops vain_method_agents = {
    .name = "agents",
    .measures_with_memories = true,
    .memory_bytes = agents_memory_bytes,
    .kept_bytes = agents_kept_bytes,
    .step_size = agents_step_size,
    .unit = agents_unit,
    .step_bound = agents_step_bound,
    .open = agents_open,
    .step = agents_step,
    .adopt = agents_adopt,
    .forget = agents_forget,
    .evaluate = agents_evaluate,
    .close = agents_close,
};

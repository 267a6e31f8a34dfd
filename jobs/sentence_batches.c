/* Sentences are gathered in host memory, padded to the longest of their batch, and copied to the
 * device in the order of the queue. */
#include "jobs/sentence_batches.h"

#include <string.h>

#include "base/memory.h"
#include "jobs/data/order.h"
#include "models/losses.h"

enum { BLOCK_ROWS = 64 }; /* sentences that are compared with all training sentences at once */

/* Sizes of what is taken. */
struct sizes {
    int64_t B, T, F, known, asked;
};

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static struct sizes sizes_of(const struct vain_method_config *config)
{
    const struct vain_sentence_split *splits = config->data->sentences.set.splits;
    return (struct sizes){
        .B = config->job->train.batch,
        .T = config->data->sentences.set.T,
        .F = vain_encoder_width(config->model),
        .known = splits[VAIN_SPLIT_TRAIN].count,
        .asked = larger(splits[VAIN_SPLIT_VALIDATION].count, splits[VAIN_SPLIT_TEST].count),
    };
}

int64_t vain_sentence_batches_memory_bytes(const struct vain_method_config *config)
{
    const struct sizes s = sizes_of(config);
    const int64_t words = 2 * s.B * (s.T + 2) + s.known * s.F + 2 * s.asked * s.F +
                          2 * BLOCK_ROWS * s.known + s.asked;
    return words * (int64_t)sizeof(float) + s.B * (int64_t)sizeof(int64_t) +
           config->job->model.loss.neighbours * (int64_t)sizeof(struct vain_neighbour);
}

/* ------------------------------------------------------------------ opening */

static enum vain_status check_counts(const struct vain_method_config *config)
{
    const struct vain_sentences *set = &config->data->sentences.set;
    const struct vain_loss_options *loss = &config->job->model.loss;
    const struct sizes s = sizes_of(config);
    if (config->model_ops->features == NULL)
        return vain_fail(VAIN_ERR_INPUT, "%s: sentences are learned by model.kind: encoder, not %s",
                         set->path, config->model_ops->name);
    if (config->queue->device->ops->sequence.mean_pool == NULL)
        return vain_fail(VAIN_ERR_UNAVAILABLE,
                         "model.kind: encoders run on the CPU only; set device: cpu");
    if (s.asked == 0)
        return vain_fail(VAIN_ERR_INPUT,
                         "%s: no split to measure on; name one with data.validation_split or "
                         "data.test_split",
                         set->path);
    if (loss->neighbours > s.known)
        return vain_fail(VAIN_ERR_INPUT,
                         "%s: %lld sentences to train on are fewer than loss.neighbours, %lld",
                         set->path, (long long)s.known, (long long)loss->neighbours);
    for (int i = VAIN_SPLIT_VALIDATION; i < VAIN_SPLITS; i++)
        if (set->splits[i].count > 0 && set->splits[i].count < vain_loss_clusters(config->model))
            return vain_fail(VAIN_ERR_INPUT,
                             "%s: %lld sentences of a split to measure on are fewer than "
                             "loss.clusters, %lld",
                             set->path, (long long)set->splits[i].count,
                             (long long)vain_loss_clusters(config->model));
    return VAIN_OK;
}

/* Pairs of this member's training sentences, and of those to measure on, where there are enough of
 * them: else their loss is not known. */
static enum vain_status open_pairs(struct vain_sentence_batches *batches)
{
    const struct vain_method_config *config = batches->config;
    const struct vain_sentence_data *data = &config->data->sentences;
    const int64_t batch = config->job->train.batch, P = vain_loss_labels(config->model, batch);
    int64_t count;
    if (config->model->loss.kind != VAIN_LOSS_CONTRASTIVE)
        return VAIN_OK;
    const int64_t *rows = vain_sentence_data_rows(data, &count);
    for (int s = 0; s < VAIN_SPLITS; s++) {
        const struct vain_sentence_split *split = &data->set.splits[s];
        const bool train = s == VAIN_SPLIT_TRAIN;
        const enum vain_status status = vain_pairs_open(
            data->set.path, split->labels, split->count, data->set.class_count, train ? rows : NULL,
            train ? count : 0, P, batch / P, &batches->pairs[s]);
        if (status == VAIN_ERR_INPUT && !train)
            vain_fail_clear();
        else if (status != VAIN_OK)
            return status;
    }
    return VAIN_OK;
}

static enum vain_status take_host(const struct sizes *s, int64_t neighbours,
                                  struct vain_sentence_batches *out)
{
    VAIN_TRY(vain_take_array(s->B, sizeof(int64_t), "drawn sentences", (void **)&out->rows));
    VAIN_TRY(
        vain_take_array(s->B * s->T, sizeof(int32_t), "drawn tokens", (void **)&out->host_tokens));
    VAIN_TRY(vain_take_array(s->B, sizeof(int32_t), "drawn lengths", (void **)&out->host_lengths));
    VAIN_TRY(vain_take_array(s->B, sizeof(int32_t), "drawn labels", (void **)&out->host_labels));
    VAIN_TRY(vain_take_array(BLOCK_ROWS * s->known, sizeof(float), "similarities",
                             (void **)&out->host_similarities));
    VAIN_TRY(
        vain_take_array(s->asked * s->F, sizeof(float), "features", (void **)&out->host_asked));
    VAIN_TRY(vain_take_array(s->asked, sizeof(int32_t), "clusters", (void **)&out->clusters));
    return vain_take_array(neighbours, sizeof *out->nearest, "neighbours", (void **)&out->nearest);
}

static enum vain_status take_device(const struct sizes *s, struct vain_device *device,
                                    struct vain_sentence_batches *out)
{
    const struct vain_memory_ops *memory = &device->ops->memory;
    const size_t B = (size_t)s->B, T = (size_t)s->T, F = (size_t)s->F;
    VAIN_TRY(memory->take(device, B * T * sizeof(int32_t), "tokens", (void **)&out->tokens));
    VAIN_TRY(memory->take(device, B * sizeof(int32_t), "lengths", (void **)&out->lengths));
    VAIN_TRY(memory->take(device, B * sizeof(int32_t), "labels", (void **)&out->labels));
    VAIN_TRY(memory->take(device, (size_t)s->known * F * sizeof(float), "features",
                          (void **)&out->known));
    VAIN_TRY(memory->take(device, (size_t)s->asked * F * sizeof(float), "features",
                          (void **)&out->asked));
    return memory->take(device, BLOCK_ROWS * (size_t)s->known * sizeof(float), "similarities",
                        (void **)&out->similarities);
}

enum vain_status vain_sentence_batches_open(const struct vain_method_config *config,
                                            void *workspace, struct vain_sentence_batches *out)
{
    *out = (struct vain_sentence_batches){.config = config, .workspace = workspace};
    out->drop_random =
        vain_random_stream(config->job->general.seed, VAIN_PURPOSE_SAMPLE, config->member_name);
    VAIN_TRY(check_counts(config));
    VAIN_TRY(open_pairs(out));
    const struct sizes s = sizes_of(config);
    VAIN_TRY(take_host(&s, config->job->model.loss.neighbours, out));
    return take_device(&s, config->queue->device, out);
}

void vain_sentence_batches_close(struct vain_sentence_batches *batches)
{
    if (batches->config == NULL)
        return;
    struct vain_device *device = batches->config->queue->device;
    void *const on_device[] = {batches->tokens, batches->lengths, batches->labels,
                               batches->known,  batches->asked,   batches->similarities};
    void *const on_host[] = {batches->rows,        batches->host_tokens, batches->host_lengths,
                             batches->host_labels, batches->nearest,     batches->host_similarities,
                             batches->host_asked,  batches->clusters};
    for (size_t i = 0; i < VAIN_COUNT_OF(on_device); i++)
        device->ops->memory.release(device, on_device[i]);
    for (size_t i = 0; i < VAIN_COUNT_OF(on_host); i++)
        vain_release(on_host[i]);
    for (int s = 0; s < VAIN_SPLITS; s++)
        vain_pairs_close(&batches->pairs[s]);
    memset(batches, 0, sizeof *batches);
}

/* ------------------------------------------------------------------ batches */

/* The first `count` of batches->rows of a split, into host memory: (count, T) tokens, T being the
 * longest of theirs, which is returned. */
static int64_t gather(struct vain_sentence_batches *batches, int split, int64_t count)
{
    const struct vain_sentences *set = &batches->config->data->sentences.set;
    const struct vain_sentence_split *from = &set->splits[split];
    int64_t T = 1;
    for (int64_t b = 0; b < count; b++)
        T = larger(T, from->lengths[batches->rows[b]]);
    for (int64_t b = 0; b < count; b++) {
        const int64_t row = batches->rows[b];
        memcpy(batches->host_tokens + b * T, from->tokens + row * set->T,
               (size_t)T * sizeof(int32_t));
        batches->host_lengths[b] = from->lengths[row];
        batches->host_labels[b] = from->labels[row];
    }
    return T;
}

/* Leaves words of training batch `batch` out by chance; if all went, the first stays. */
static void drop_words(struct vain_sentence_batches *batches, int64_t batch, int64_t count,
                       int64_t T)
{
    const double dropped = batches->config->model->loss.dropped_words * 4294967296.0;
    for (int64_t b = 0; b < count && dropped > 0; b++) {
        int32_t *tokens = batches->host_tokens + b * T, kept = 0;
        for (int32_t t = 0; t < batches->host_lengths[b]; t++) {
            uint32_t words[4];
            vain_random_block(batches->drop_random, (uint32_t)(batch >> 32), (uint32_t)batch,
                              (uint64_t)(b * T + t), words);
            if ((double)words[0] >= dropped)
                tokens[kept++] = tokens[t];
        }
        batches->host_lengths[b] = kept > 0 ? kept : 1;
    }
}

/* What was gathered, to the device. */
static void send(struct vain_sentence_batches *batches, int64_t count, int64_t T,
                 struct vain_batch *out)
{
    struct vain_queue *queue = batches->config->queue;
    const struct vain_memory_ops *memory = &queue->device->ops->memory;
    memory->copy_in(queue, batches->tokens, batches->host_tokens,
                    (size_t)(count * T) * sizeof(int32_t));
    memory->copy_in(queue, batches->lengths, batches->host_lengths,
                    (size_t)count * sizeof(int32_t));
    memory->copy_in(queue, batches->labels, batches->host_labels, (size_t)count * sizeof(int32_t));
    *out = (struct vain_batch){.B = count,
                               .T = T,
                               .tokens = batches->tokens,
                               .targets = batches->labels,
                               .lengths = batches->lengths};
}

/* The member's sentences in an order of each epoch's own, dealt to batches and ranks. */
static void draw_in_order(struct vain_sentence_batches *batches, struct vain_random random,
                          int64_t batch, int64_t size)
{
    int64_t count;
    const int64_t *own = vain_sentence_data_rows(&batches->config->data->sentences, &count);
    for (int64_t b = 0; b < size; b++) {
        const int64_t sample = batch * size + b;
        batches->rows[b] = own[vain_order_place(random, sample / count, count, sample % count)];
    }
}

void vain_sentence_batches_draw(struct vain_sentence_batches *batches, struct vain_random random,
                                int64_t position, int rank, struct vain_batch *out)
{
    const struct vain_method_config *config = batches->config;
    const int64_t B = config->job->train.batch, batch = position * config->site->comm.size + rank;
    switch (config->model->loss.kind) {
    case VAIN_LOSS_CONTRASTIVE:
        vain_pairs_draw(&batches->pairs[VAIN_SPLIT_TRAIN], random, batch, batches->rows);
        break;
    case VAIN_LOSS_CLUSTERING:
        draw_in_order(batches, random, batch, B / 2);
        memcpy(batches->rows + B / 2, batches->rows, (size_t)(B / 2) * sizeof *batches->rows);
        break;
    default:
        draw_in_order(batches, random, batch, B);
    }
    const int64_t T = gather(batches, VAIN_SPLIT_TRAIN, B);
    drop_words(batches, batch, B, T);
    send(batches, B, T, out);
}

/* ------------------------------------------------------------------ measures */

/* Features of rows `first` to `end` of a split, into `target` from its row `first` on. */
static void encode(struct vain_sentence_batches *batches, const float *parameters, int split,
                   int64_t first, int64_t end, float *target)
{
    const struct vain_method_config *config = batches->config;
    const int64_t B = config->job->train.batch, F = vain_encoder_width(config->model);
    for (int64_t at = first; at < end; at += B) {
        const int64_t count = end - at < B ? end - at : B;
        struct vain_batch batch;
        for (int64_t b = 0; b < count; b++)
            batches->rows[b] = at + b;
        send(batches, count, gather(batches, split, count), &batch);
        config->model_ops->features(config->model, config->layout, config->queue, parameters,
                                    &batch, batches->workspace, target + at * F, NULL);
    }
}

/* How many of `count` sentences from `first` on have the label that their neighbours vote for. */
static int64_t count_right(struct vain_sentence_batches *batches, int split, int64_t first,
                           int64_t count)
{
    const struct vain_method_config *config = batches->config;
    const struct vain_sentence_split *splits = config->data->sentences.set.splits;
    const struct vain_sentence_split *train = &splits[VAIN_SPLIT_TRAIN];
    const struct vain_ops *ops = config->queue->device->ops;
    const int64_t F = vain_encoder_width(config->model);
    const struct vain_linear similarities = {.M = count,
                                             .N = train->count,
                                             .K = F,
                                             .input = batches->asked + first * F,
                                             .weight = batches->known,
                                             .output = batches->similarities,
                                             .epilogue = VAIN_EPILOGUE_NONE};
    int64_t right = 0;
    ops->matmul.linear(config->queue, &similarities);
    ops->memory.copy_out(config->queue, batches->host_similarities, batches->similarities,
                         (size_t)(count * train->count) * sizeof(float));
    if (vain_queue_wait(config->queue) != VAIN_OK)
        return 0;
    for (int64_t i = 0; i < count; i++) {
        const int32_t voted =
            vain_metric_vote(train->count, batches->host_similarities + i * train->count,
                             train->labels, config->job->model.loss.neighbours, batches->nearest);
        right += voted == splits[split].labels[first + i] ? 1 : 0;
    }
    return right;
}

/* All of a split in as many clusters as loss.clusters says, against its labels. */
static enum vain_status measure_clusters(struct vain_sentence_batches *batches, int split,
                                         struct vain_measure_sums *sums)
{
    const struct vain_method_config *config = batches->config;
    const struct vain_sentences *set = &config->data->sentences.set;
    const int64_t M = set->splits[split].count, F = vain_encoder_width(config->model),
                  V = vain_loss_clusters(config->model);
    const struct vain_random random =
        vain_random_stream(config->job->general.seed, VAIN_PURPOSE_SAMPLE, "clusters");
    double information = 0;
    config->queue->device->ops->memory.copy_out(config->queue, batches->host_asked, batches->asked,
                                                (size_t)(M * F) * sizeof(float));
    VAIN_TRY(vain_queue_wait(config->queue));
    VAIN_TRY(vain_metric_cluster(M, F, batches->host_asked, V, random, batches->clusters));
    VAIN_TRY(vain_metric_mutual_information(M, batches->clusters, V, set->splits[split].labels,
                                            set->class_count, &information));
    vain_measure_add(sums, VAIN_MEASURE_NORMALISED_MUTUAL_INFORMATION, information);
    return VAIN_OK;
}

/* Sentences of a batch to measure on at most: those of the clustering loss stand in it twice. */
static int64_t measured_at_once(const struct vain_method_config *config)
{
    const int64_t B = config->job->train.batch;
    const int64_t most = config->model->loss.kind == VAIN_LOSS_CLUSTERING ? B / 2 : B;
    VAIN_ASSERT(most > 0); /* vain_model_check: an even batch */
    return most;
}

/* In how many batches a split is measured. Pairs are drawn for whole batches, so the contrastive
 * loss has as many as the split would fill, one at least; for the others each sentence is in one.
 */
static int64_t measured_batches(const struct vain_method_config *config, int split)
{
    const int64_t count = config->data->sentences.set.splits[split].count;
    const int64_t most = measured_at_once(config);
    if (config->model->loss.kind == VAIN_LOSS_CONTRASTIVE)
        return larger(count / most, 1);
    return (count + most - 1) / most;
}

/* Rows of batch number `index` of `batch_count` of a split to measure on, always the same; gives
 * how many sentences they are. Batches are as equal as can be: balanced clusters of a small rest
 * would be worth little. */
static int64_t choose_rows(struct vain_sentence_batches *batches, int split, int64_t index,
                           int64_t batch_count)
{
    const struct vain_method_config *config = batches->config;
    const struct vain_random random =
        vain_random_stream(config->job->general.seed, VAIN_PURPOSE_SAMPLE, "loss");
    const int64_t count = config->data->sentences.set.splits[split].count;
    if (config->model->loss.kind == VAIN_LOSS_CONTRASTIVE) {
        vain_pairs_draw(&batches->pairs[split], random, index, batches->rows);
        return config->job->train.batch;
    }
    const int64_t first = count * index / batch_count;
    const int64_t size = count * (index + 1) / batch_count - first;
    VAIN_ASSERT(size > 0 && size <= measured_at_once(config));
    for (int64_t b = 0; b < size; b++)
        batches->rows[b] = vain_order_place(random, 0, count, first + b);
    return size;
}

/* The loss, without dropout, of batches like those of training. A sentence that stands in its batch
 * as two views counts once. */
static enum vain_status measure_loss(struct vain_sentence_batches *batches, const float *parameters,
                                     int split, const struct vain_method_share *share,
                                     struct vain_measure_sums *sums)
{
    const struct vain_method_config *config = batches->config;
    const int views = config->model->loss.kind == VAIN_LOSS_CLUSTERING ? 2 : 1;
    const int64_t batch_count = measured_batches(config, split);
    if (config->model->loss.kind == VAIN_LOSS_CONTRASTIVE && batches->pairs[split].P == 0)
        return VAIN_OK;
    for (int64_t i = share->share; i < batch_count; i += share->shares) {
        if (vain_method_leaves_off(share))
            return VAIN_STOPPED;
        struct vain_batch batch;
        struct vain_measure measure = {0};
        const int64_t size = choose_rows(batches, split, i, batch_count), rows = views * size;
        if (views == 2)
            memcpy(batches->rows + size, batches->rows, (size_t)size * sizeof *batches->rows);
        send(batches, rows, gather(batches, split, rows), &batch);
        config->model_ops->evaluate(config->model, config->layout, config->queue, parameters,
                                    &batch, batches->workspace, &measure);
        sums->of[VAIN_MEASURE_LOSS].sum += measure.loss_sum / views;
        sums->of[VAIN_MEASURE_LOSS].count += measure.count / views;
    }
    return VAIN_OK;
}

enum vain_status vain_sentence_batches_evaluate(struct vain_sentence_batches *batches,
                                                const float *parameters,
                                                const struct vain_method_share *share,
                                                struct vain_measure_sums *sums)
{
    const struct vain_method_config *config = batches->config;
    const struct vain_sentence_split *splits = config->data->sentences.set.splits;
    const int split = vain_sentence_data_measured(&config->data->sentences, share->last);
    const int64_t count = splits[split].count;
    const bool clusters =
        share->share == 0 && (share->last || config->model->loss.kind == VAIN_LOSS_CLUSTERING);
    encode(batches, parameters, VAIN_SPLIT_TRAIN, 0, splits[VAIN_SPLIT_TRAIN].count,
           batches->known);
    if (clusters)
        encode(batches, parameters, split, 0, count, batches->asked);
    for (int64_t first = (int64_t)share->share * BLOCK_ROWS; first < count;
         first += (int64_t)share->shares * BLOCK_ROWS) {
        const int64_t rows = count - first < BLOCK_ROWS ? count - first : BLOCK_ROWS;
        if (vain_method_leaves_off(share))
            return VAIN_STOPPED;
        if (!clusters)
            encode(batches, parameters, split, first, first + rows, batches->asked);
        vain_measure_add_right(sums, VAIN_MEASURE_ACCURACY,
                               count_right(batches, split, first, rows), rows);
    }
    VAIN_TRY(measure_loss(batches, parameters, split, share, sums));
    return clusters ? measure_clusters(batches, split, sums) : VAIN_OK;
}

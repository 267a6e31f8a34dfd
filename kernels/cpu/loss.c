/* Losses over rows of scores. Batches are small beside the model (a thousand rows), so rows are
 * computed plainly and in double; a task is a block of rows, and losses of rows are added in order
 * at the end. */
#include "kernels/cpu/cpu.h"

#include <math.h>

struct rows {
    int64_t M, V, block; /* rows of a task */
    const int32_t *labels;
    const float *targets; /* or the teacher's logits */
    double temperature;
    float scale;
    float *scores;
    double *losses; /* (M) in the shared area */
    int64_t anchors;
};

enum { ROWS_MOST = VAIN_SHARED_BYTES / sizeof(double) };

/* Runs `task` over blocks of rows; the sum of the losses in the order of rows. */
static double run_rows(struct vain_queue *queue, struct rows *rows, vain_pool_task task)
{
    VAIN_ASSERT(rows->M <= (int64_t)ROWS_MOST);
    VAIN_ASSERT(rows->temperature > 0);
    rows->losses = (double *)(void *)queue->device->shared;
    rows->block = vain_rows_of_block(rows->V);
    vain_cpu_run(queue->device, vain_parts_of(rows->M, rows->block), task, rows);
    double sum = 0;
    for (int64_t i = 0; i < rows->M; i++)
        sum += rows->losses[i];
    return sum;
}

static bool wanted(const struct rows *rows)
{
    return rows->scale < 0 || rows->scale > 0;
}

/* Logarithm of the sum of e^(x / temperature) over the row but element `skipped` (-1: none). */
static double log_sum(const struct rows *rows, const float *x, int64_t skipped)
{
    double maximum = -INFINITY, sum = 0;
    for (int64_t j = 0; j < rows->V; j++)
        if (j != skipped && !((double)x[j] <= maximum))
            maximum = (double)x[j];
    for (int64_t j = 0; j < rows->V; j++)
        if (j != skipped)
            sum += exp(((double)x[j] - maximum) / rows->temperature);
    return maximum / rows->temperature + log(sum);
}

/* ---- Supervised contrastive ---- */

static int64_t count_positives(const struct rows *rows, int64_t i)
{
    int64_t count = -1; /* the anchor has its own label */
    for (int64_t j = 0; j < rows->M; j++)
        count += rows->labels[j] == rows->labels[i] ? 1 : 0;
    return count;
}

/* x (V) becomes scale / (anchors temperature) (softmax - [positive] / positives), 0 at the anchor.
 */
static void contrastive_gradient(const struct rows *rows, int64_t i, int64_t positives,
                                 double denominator, float *x)
{
    const double factor = (double)rows->scale / ((double)rows->anchors * rows->temperature);
    for (int64_t j = 0; j < rows->M; j++) {
        const double share = rows->labels[j] == rows->labels[i] ? 1.0 / (double)positives : 0.0;
        x[j] = (float)(factor * (exp((double)x[j] / rows->temperature - denominator) - share));
    }
    x[i] = 0;
}

static void contrastive_row(const struct rows *rows, int64_t i)
{
    const int64_t positives = count_positives(rows, i);
    float *x = rows->scores + i * rows->M;
    rows->losses[i] = 0;
    if (positives == 0) {
        for (int64_t j = 0; j < rows->M && wanted(rows); j++)
            x[j] = 0;
        return;
    }
    const double denominator = log_sum(rows, x, i);
    double sum = 0;
    for (int64_t j = 0; j < rows->M; j++)
        if (j != i && rows->labels[j] == rows->labels[i])
            sum += (double)x[j];
    rows->losses[i] = denominator - sum / rows->temperature / (double)positives;
    if (wanted(rows))
        contrastive_gradient(rows, i, positives, denominator, x);
}

static void contrastive_rows(void *context, int64_t index, int worker)
{
    const struct rows *rows = context;
    const int64_t first = index * rows->block, end = vain_smaller(first + rows->block, rows->M);
    (void)worker;
    for (int64_t i = first; i < end; i++)
        contrastive_row(rows, i);
}

void vain_cpu_contrastive(struct vain_queue *queue, int64_t M, const int32_t *labels,
                          float temperature, float scale, float *products, double *mean_loss)
{
    struct rows rows = {.M = M,
                        .V = M,
                        .labels = labels,
                        .temperature = (double)temperature,
                        .scale = scale,
                        .scores = products};
    for (int64_t i = 0; i < M; i++)
        rows.anchors += count_positives(&rows, i) > 0 ? 1 : 0;
    const double sum = run_rows(queue, &rows, contrastive_rows);
    *mean_loss = rows.anchors > 0 ? sum / (double)rows.anchors : 0;
}

/* ---- Against distributions ---- */

/* x becomes scale / temperature (mass softmax - target). */
static void soft_rows(void *context, int64_t index, int worker)
{
    const struct rows *rows = context;
    const int64_t V = rows->V, first = index * rows->block,
                  end = vain_smaller(first + rows->block, rows->M);
    const double factor = (double)rows->scale / rows->temperature;
    (void)worker;
    for (int64_t i = first; i < end; i++) {
        float *x = rows->scores + i * V;
        const float *target = rows->targets + i * V;
        const double denominator = log_sum(rows, x, -1);
        double loss = 0, mass = 0;
        for (int64_t j = 0; j < V; j++) {
            loss += (double)target[j] * (denominator - (double)x[j] / rows->temperature);
            mass += (double)target[j];
        }
        rows->losses[i] = loss;
        for (int64_t j = 0; j < V && wanted(rows); j++)
            x[j] = (float)(factor * (mass * exp((double)x[j] / rows->temperature - denominator) -
                                     (double)target[j]));
    }
}

void vain_cpu_soft_cross_entropy(struct vain_queue *queue, int64_t M, int64_t V,
                                 const float *targets, float temperature, float scale,
                                 float *logits, double *loss_sum)
{
    struct rows rows = {.M = M,
                        .V = V,
                        .targets = targets,
                        .temperature = (double)temperature,
                        .scale = scale,
                        .scores = logits};
    *loss_sum = run_rows(queue, &rows, soft_rows);
}

/* With t = temperature:  d / dx of t^2 KL = t (softmax(x / t) - softmax(teacher / t)). */
static void distillation_rows(void *context, int64_t index, int worker)
{
    const struct rows *rows = context;
    const int64_t V = rows->V, first = index * rows->block,
                  end = vain_smaller(first + rows->block, rows->M);
    const double t = rows->temperature;
    (void)worker;
    for (int64_t i = first; i < end; i++) {
        float *x = rows->scores + i * V;
        const float *teacher = rows->targets + i * V;
        const double own = log_sum(rows, x, -1), taught = log_sum(rows, teacher, -1);
        double loss = 0;
        for (int64_t j = 0; j < V; j++) {
            const double log_target = (double)teacher[j] / t - taught,
                         log_own = (double)x[j] / t - own;
            loss += exp(log_target) * (log_target - log_own);
            if (wanted(rows))
                x[j] = (float)((double)rows->scale * t * (exp(log_own) - exp(log_target)));
        }
        rows->losses[i] = t * t * loss;
    }
}

void vain_cpu_distillation(struct vain_queue *queue, int64_t M, int64_t V, const float *teacher,
                           float temperature, float scale, float *logits, double *loss_sum)
{
    struct rows rows = {.M = M,
                        .V = V,
                        .targets = teacher,
                        .temperature = (double)temperature,
                        .scale = scale,
                        .scores = logits};
    *loss_sum = run_rows(queue, &rows, distillation_rows);
}

/* ---- Balanced assignments: one task, since every iteration sums over all rows ---- */

struct balance {
    const struct vain_device *device;
    int64_t M, V;
    const float *scores;
    double temperature;
    int iterations;
    float *targets;
};

/* Columns to sums of M / V. */
static void scale_columns(const struct balance *b, double *sums)
{
    for (int64_t j = 0; j < b->V; j++)
        sums[j] = 0;
    for (int64_t i = 0; i < b->M; i++)
        for (int64_t j = 0; j < b->V; j++)
            sums[j] += (double)b->targets[i * b->V + j];
    /* A column that nothing is near keeps its zeros. */
    for (int64_t j = 0; j < b->V; j++)
        sums[j] = sums[j] <= 0 ? 0 : (double)b->M / (double)b->V / sums[j];
    for (int64_t i = 0; i < b->M; i++)
        for (int64_t j = 0; j < b->V; j++)
            b->targets[i * b->V + j] = (float)((double)b->targets[i * b->V + j] * sums[j]);
}

/* Rows to sums of 1. */
static void scale_rows(const struct balance *b)
{
    for (int64_t i = 0; i < b->M; i++) {
        float *row = b->targets + i * b->V;
        double sum = 0;
        for (int64_t j = 0; j < b->V; j++)
            sum += (double)row[j];
        for (int64_t j = 0; j < b->V; j++)
            row[j] = (float)((double)row[j] / sum);
    }
}

static void balance_all(void *context, int64_t index, int worker)
{
    const struct balance *b = context;
    double *sums = vain_scratch_of(b->device, worker);
    (void)index;
    /* The largest of each row becomes 1, so that no row vanishes; rows are scaled anyway. */
    for (int64_t i = 0; i < b->M; i++) {
        const float *x = b->scores + i * b->V;
        float maximum = x[0];
        for (int64_t j = 1; j < b->V; j++)
            maximum = x[j] > maximum ? x[j] : maximum;
        for (int64_t j = 0; j < b->V; j++)
            b->targets[i * b->V + j] =
                (float)exp(((double)x[j] - (double)maximum) / b->temperature);
    }
    for (int n = 0; n < b->iterations; n++) {
        scale_columns(b, sums);
        scale_rows(b);
    }
}

void vain_cpu_balance(struct vain_queue *queue, int64_t M, int64_t V, const float *scores,
                      float temperature, int iterations, float *targets)
{
    struct balance balance = {queue->device,       M,          V,      scores,
                              (double)temperature, iterations, targets};
    VAIN_ASSERT(V > 0 && V <= (int64_t)(VAIN_SCRATCH_BYTES / sizeof(double)));
    VAIN_ASSERT(temperature > 0);
    vain_cpu_run(queue->device, 1, balance_all, &balance);
}

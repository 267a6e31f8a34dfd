/* Batches of sentences: what each loss draws, and measures against brute force. */
#include "jobs/sentence_batches.h"

#include <CUnit/CUnit.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "jobs/fit.h"
#include "models/losses.h"
#include "tests/unit/suite.h"

enum { LABELS = 6, TRAIN = 9, HELD = 31, B = 12 };

/* An encoder, its data and its batches. */
struct desk {
    char path[64];
    struct vain_job job;
    struct vain_data data;
    struct vain_model_options model;
    struct vain_layout layout;
    struct vain_device device;
    struct vain_queue queue;
    struct vain_site site;
    struct vain_method_config config;
    struct vain_sentence_batches batches;
    float *parameters;
    void *workspace;
};

/* Sentence i of a label: one word of its own label, some of all, of several lengths. */
static void write_sentences(FILE *file, const char *split, int count)
{
    static const char *const words[] = {"ring", "tree", "sum", "mask", "vote"};
    for (int i = 0; i < count; i++)
        for (int label = 0; label < LABELS; label++) {
            fprintf(file, "%s\t%d\ttopic%c", split, label, 'a' + (label + i / 4) % LABELS);
            for (int w = 0; w <= i % 4; w++)
                fprintf(file, " %s", words[(i * 3 + w * 2 + label) % 5]);
            fputc('\n', file);
        }
}

static enum vain_status desk_open(struct desk *desk, int loss, bool held, int64_t neighbours,
                                  int64_t clusters)
{
    static const char *const names[] = {"alone"};
    memset(desk, 0, sizeof *desk);
    snprintf(desk->path, sizeof desk->path, "/tmp/vain-sentences-XXXXXX");
    const int descriptor = mkstemp(desk->path);
    CU_ASSERT_FATAL(descriptor >= 0);
    FILE *file = fdopen(descriptor, "w");
    write_sentences(file, "train", TRAIN);
    write_sentences(file, "val", HELD);
    write_sentences(file, "test", 3);
    CU_ASSERT_FATAL(fclose(file) == 0);
    struct vain_job *job = &desk->job;
    struct vain_option_section sections[VAIN_JOB_SECTIONS];
    vain_job_sections(job, sections);
    vain_option_defaults(sections, VAIN_JOB_SECTIONS);
    snprintf(job->data.pairs, sizeof job->data.pairs, "%s", desk->path);
    if (!held)
        job->data.validation_split[0] = job->data.test_split[0] = '\0';
    job->model.kind = VAIN_MODEL_ENCODER;
    job->model.layers = 1;
    job->model.heads = 2;
    job->model.width = 8;
    job->model.context = 7;
    job->model.loss.kind = loss;
    job->model.loss.neighbours = neighbours;
    job->model.loss.clusters = clusters;
    job->model.loss.labels_a_batch = 4;
    job->train.batch = B;
    const struct vain_data_place place = {"/", names, 1, "alone", job->model.context, 1};
    CU_ASSERT_FATAL(vain_data_open(&job->data, &place, &desk->data) == VAIN_OK);
    desk->model = job->model;
    vain_fit_model(&desk->data, &desk->model);
    CU_ASSERT_FATAL(vain_encoder_ops.layout(&desk->model, &desk->layout) == VAIN_OK);
    CU_ASSERT_FATAL(vain_device_open_cpu(2, NULL, &desk->device) == VAIN_OK);
    desk->queue.device = &desk->device;
    desk->site.comm.size = 1;
    desk->config = (struct vain_method_config){.job = job,
                                               .model = &desk->model,
                                               .model_ops = &vain_encoder_ops,
                                               .layout = &desk->layout,
                                               .data = &desk->data,
                                               .queue = &desk->queue,
                                               .site = &desk->site,
                                               .member_name = "alone"};
    void *memory = NULL;
    CU_ASSERT_FATAL(
        vain_take_array(desk->layout.parameter_count, sizeof(float), "a test", &memory) == VAIN_OK);
    desk->parameters = memory;
    vain_model_init(&desk->layout, 5, desk->parameters);
    CU_ASSERT_FATAL(vain_take(vain_encoder_ops.workspace_bytes(&desk->model, B, 7, true), "a test",
                              &desk->workspace) == VAIN_OK);
    return vain_sentence_batches_open(&desk->config, desk->workspace, &desk->batches);
}

static void desk_close(struct desk *desk)
{
    vain_sentence_batches_close(&desk->batches);
    vain_release(desk->workspace);
    vain_release(desk->parameters);
    vain_device_close(&desk->device);
    vain_layout_fini(&desk->layout);
    vain_data_close(&desk->data);
    (void)unlink(desk->path);
}

static const struct vain_sentence_split *split_of(const struct desk *desk, int split)
{
    return &desk->data.sentences.set.splits[split];
}

static struct vain_batch draw(struct desk *desk, int64_t position)
{
    struct vain_batch batch;
    vain_sentence_batches_draw(&desk->batches, vain_random_stream(1, VAIN_PURPOSE_DATA, "alone"),
                               position, 0, &batch);
    CU_ASSERT_EQUAL(batch.B, B);
    return batch;
}

static void contrastive_batches_have_pairs(void)
{
    struct desk desk;
    int64_t before[B] = {0};
    CU_ASSERT_EQUAL_FATAL(desk_open(&desk, VAIN_LOSS_CONTRASTIVE, true, 3, 0), VAIN_OK);
    for (int64_t position = 0; position < 20; position++) {
        const struct vain_batch batch = draw(&desk, position);
        int64_t rows[B];
        memcpy(rows, desk.batches.rows, sizeof rows);
        CU_ASSERT_NOT_EQUAL(memcmp(rows, before, sizeof rows), 0);
        memcpy(before, rows, sizeof rows);
        for (int i = 0; i < B; i++) {
            int alike = 0;
            for (int j = 0; j < B; j++) {
                alike += batch.targets[j] == batch.targets[i];
                CU_ASSERT((i == j) == (rows[i] == rows[j]));
            }
            CU_ASSERT_EQUAL(alike, B / 4);
            CU_ASSERT_EQUAL(batch.targets[i], split_of(&desk, VAIN_SPLIT_TRAIN)->labels[rows[i]]);
        }
        (void)draw(&desk, position);
        CU_ASSERT_EQUAL(memcmp(rows, desk.batches.rows, sizeof rows), 0);
    }
    desk_close(&desk);
}

/* As many rows of each batch as `count` have been seen once after an epoch. */
static void check_epoch(int loss, int count)
{
    struct desk desk;
    int seen[LABELS * TRAIN] = {0};
    CU_ASSERT_EQUAL_FATAL(desk_open(&desk, loss, true, 3, 0), VAIN_OK);
    for (int64_t position = 0; position < LABELS * TRAIN / count; position++) {
        const struct vain_batch batch = draw(&desk, position);
        int64_t longest = 0;
        for (int i = 0; i < B; i++) {
            const int64_t row = desk.batches.rows[i];
            const struct vain_sentence_split *train = split_of(&desk, VAIN_SPLIT_TRAIN);
            seen[row] += i < count ? 1 : 0;
            CU_ASSERT_EQUAL(row, desk.batches.rows[i % count]);
            CU_ASSERT_EQUAL(batch.lengths[i], train->lengths[row]);
            CU_ASSERT_EQUAL(memcmp(batch.tokens + i * batch.T, train->tokens + row * 7,
                                   (size_t)batch.lengths[i] * sizeof(int32_t)),
                            0);
            longest = batch.lengths[i] > longest ? batch.lengths[i] : longest;
        }
        CU_ASSERT_EQUAL(batch.T, longest);
    }
    for (int i = 0; i < LABELS * TRAIN; i++)
        CU_ASSERT(seen[i] <= 1);
    desk_close(&desk);
}

static void an_epoch_has_each_sentence_once(void)
{
    check_epoch(VAIN_LOSS_CROSS_ENTROPY, B);
    check_epoch(VAIN_LOSS_CLUSTERING, B / 2);
}

/* What is left of a sentence is in its order, at least a word, and another part in each view. */
static void words_are_left_out(void)
{
    struct desk desk;
    int64_t words = 0, kept = 0, differ = 0;
    CU_ASSERT_EQUAL_FATAL(desk_open(&desk, VAIN_LOSS_CLUSTERING, true, 3, 0), VAIN_OK);
    desk.model.loss.dropped_words = 0.5;
    for (int64_t position = 0; position < 200; position++) {
        const struct vain_batch batch = draw(&desk, position);
        for (int i = 0; i < B; i++) {
            const int64_t row = desk.batches.rows[i];
            const int32_t *whole = split_of(&desk, VAIN_SPLIT_TRAIN)->tokens + row * 7;
            const int32_t *left = batch.tokens + i * batch.T;
            int32_t length = split_of(&desk, VAIN_SPLIT_TRAIN)->lengths[row], at = 0;
            for (int32_t t = 0; t < length && at < batch.lengths[i]; t++)
                at += whole[t] == left[at] ? 1 : 0;
            CU_ASSERT(batch.lengths[i] >= 1);
            CU_ASSERT_EQUAL(at, batch.lengths[i]);
            words += length;
            kept += batch.lengths[i];
            differ += batch.lengths[i] != batch.lengths[(i + B / 2) % B];
        }
    }
    CU_ASSERT((double)kept > 0.45 * (double)words && (double)kept < 0.65 * (double)words);
    CU_ASSERT(differ > 200);
    desk_close(&desk);
}

static void features_of(struct desk *desk, int split, float *out)
{
    const struct vain_sentence_split *from = split_of(desk, split);
    for (int64_t row = 0; row < from->count; row++) {
        const struct vain_batch one = {
            .B = 1, .T = 7, .tokens = from->tokens + row * 7, .lengths = from->lengths + row};
        vain_encoder_ops.features(&desk->model, &desk->layout, &desk->queue, desk->parameters, &one,
                                  desk->workspace, out + row * 8, NULL);
    }
}

/* Right votes of all sentences of a split, each against each training sentence. */
static int brute_force(struct desk *desk, int split, int64_t k)
{
    static float known[LABELS * TRAIN * 8], asked[LABELS * HELD * 8];
    const struct vain_sentence_split *train = split_of(desk, VAIN_SPLIT_TRAIN);
    struct vain_neighbour nearest[16];
    float similarities[LABELS * TRAIN];
    int right = 0;
    features_of(desk, VAIN_SPLIT_TRAIN, known);
    features_of(desk, split, asked);
    for (int64_t i = 0; i < split_of(desk, split)->count; i++) {
        for (int64_t j = 0; j < train->count; j++) {
            double dot = 0;
            for (int f = 0; f < 8; f++)
                dot += (double)asked[i * 8 + f] * (double)known[j * 8 + f];
            similarities[j] = (float)(round(dot * 1e5) / 1e5);
        }
        right += vain_metric_vote(train->count, similarities, train->labels, k, nearest) ==
                 split_of(desk, split)->labels[i];
    }
    return right;
}

static struct vain_measure_sums measure(struct desk *desk, int shares, bool last)
{
    struct vain_measure_sums sums = {0};
    for (int i = 0; i < shares; i++) {
        const struct vain_method_share share = {.share = i, .shares = shares, .last = last};
        CU_ASSERT_EQUAL(
            vain_sentence_batches_evaluate(&desk->batches, desk->parameters, &share, &sums),
            VAIN_OK);
    }
    return sums;
}

static void measures_equal_brute_force(void)
{
    struct desk desk;
    double first_loss = 0;
    CU_ASSERT_EQUAL_FATAL(desk_open(&desk, VAIN_LOSS_CONTRASTIVE, true, 1, 0), VAIN_OK);
    for (int last = 0; last < 2; last++) {
        const int split = last != 0 ? VAIN_SPLIT_TEST : VAIN_SPLIT_VALIDATION;
        const int right = brute_force(&desk, split, 1);
        CU_ASSERT(right > 0 && (last != 0 || right < split_of(&desk, split)->count));
        for (int shares = 1; shares <= 3; shares++) {
            const struct vain_measure_sums sums = measure(&desk, shares, last != 0);
            const struct vain_measure_sum *accuracy = &sums.of[VAIN_MEASURE_ACCURACY];
            CU_ASSERT_EQUAL(accuracy->count, split_of(&desk, split)->count);
            /* Equal features up to rounding may vote in another order. */
            CU_ASSERT_DOUBLE_EQUAL(accuracy->sum, right, 2);
            /* Batches of the loss are the same, whoever takes them. */
            const struct vain_measure_sum *loss = &sums.of[VAIN_MEASURE_LOSS];
            const int batch_count = (int)split_of(&desk, split)->count / B;
            CU_ASSERT_EQUAL(loss->count, B * (batch_count > 0 ? batch_count : 1));
            first_loss = shares == 1 ? loss->sum : first_loss;
            CU_ASSERT_DOUBLE_EQUAL(loss->sum, first_loss, 1e-9 * first_loss);
            CU_ASSERT(loss->sum > 0.5 * B && loss->sum < 10.0 * (double)loss->count);
            /* Clusters are for the end, but where they are what is learned. */
            CU_ASSERT_EQUAL(sums.of[VAIN_MEASURE_NORMALISED_MUTUAL_INFORMATION].count, last);
        }
    }
    desk_close(&desk);
    CU_ASSERT_EQUAL_FATAL(desk_open(&desk, VAIN_LOSS_CLUSTERING, true, 3, 0), VAIN_OK);
    const struct vain_measure_sums sums = measure(&desk, 2, false);
    const struct vain_measure_sum *known = &sums.of[VAIN_MEASURE_NORMALISED_MUTUAL_INFORMATION];
    CU_ASSERT(known->count == 1 && known->sum > 0 && known->sum <= 1);
    desk_close(&desk);
}

/* The loss of each sentence of a split alone, which for cross entropy is what it is in a batch. */
static double losses_alone(struct desk *desk, int split)
{
    const struct vain_sentence_split *from = split_of(desk, split);
    double sum = 0;
    for (int64_t row = 0; row < from->count; row++) {
        const struct vain_batch one = {.B = 1,
                                       .T = 7,
                                       .tokens = from->tokens + row * 7,
                                       .targets = from->labels + row,
                                       .lengths = from->lengths + row};
        struct vain_measure alone = {0};
        vain_encoder_ops.evaluate(&desk->model, &desk->layout, &desk->queue, desk->parameters, &one,
                                  desk->workspace, &alone);
        sum += alone.loss_sum;
    }
    return sum;
}

/* Splits of 186 and 18 sentences, no multiple of the 12 of a batch. */
static void the_loss_counts_each_sentence_once(void)
{
    static const int losses[] = {VAIN_LOSS_CROSS_ENTROPY, VAIN_LOSS_CLUSTERING};
    for (size_t l = 0; l < VAIN_COUNT_OF(losses); l++) {
        struct desk desk;
        CU_ASSERT_EQUAL_FATAL(desk_open(&desk, losses[l], true, 3, 0), VAIN_OK);
        for (int last = 0; last < 2; last++) {
            const int split = last != 0 ? VAIN_SPLIT_TEST : VAIN_SPLIT_VALIDATION;
            const double alone = l == 0 ? losses_alone(&desk, split) : 0;
            double first = 0;
            for (int shares = 1; shares <= 3; shares++) {
                const struct vain_measure_sums sums = measure(&desk, shares, last != 0);
                const struct vain_measure_sum *loss = &sums.of[VAIN_MEASURE_LOSS];
                first = shares == 1 ? loss->sum : first;
                CU_ASSERT_EQUAL(loss->count, split_of(&desk, split)->count);
                CU_ASSERT_DOUBLE_EQUAL(loss->sum, first, 1e-9 * first);
                if (l == 0)
                    CU_ASSERT_DOUBLE_EQUAL(loss->sum, alone, 1e-5 * alone);
            }
        }
        desk_close(&desk);
    }
}

static void check_refused(int loss, bool held, int64_t neighbours, int64_t clusters,
                          int64_t labels_a_batch, const char *part)
{
    struct desk desk;
    const enum vain_status status = desk_open(&desk, loss, held, neighbours, clusters);
    if (status == VAIN_OK) { /* what is found when it is opened with other options */
        vain_sentence_batches_close(&desk.batches);
        desk.job.model.loss.labels_a_batch = desk.model.loss.labels_a_batch = labels_a_batch;
        CU_ASSERT_EQUAL(vain_sentence_batches_open(&desk.config, desk.workspace, &desk.batches),
                        VAIN_ERR_INPUT);
    } else {
        CU_ASSERT_EQUAL(status, VAIN_ERR_INPUT);
    }
    CU_ASSERT(strstr(vain_fail_message(), part) != NULL);
    CU_ASSERT(strstr(vain_fail_message(), desk.path) != NULL);
    vain_fail_clear();
    desk_close(&desk);
}

static void what_cannot_be_is_refused(void)
{
    check_refused(VAIN_LOSS_CONTRASTIVE, false, 3, 0, 4, "data.validation_split");
    check_refused(VAIN_LOSS_CONTRASTIVE, true, LABELS * TRAIN + 1, 0, 4, "loss.neighbours");
    check_refused(VAIN_LOSS_CONTRASTIVE, true, 3, LABELS * 3 + 1, 4, "loss.clusters");
    check_refused(VAIN_LOSS_CONTRASTIVE, true, 3, 0, 1, "label");
}

static const struct vain_test tests[] = {
    {"contrastive batches have pairs", contrastive_batches_have_pairs},
    {"an epoch has each sentence once", an_epoch_has_each_sentence_once},
    {"words are left out", words_are_left_out},
    {"measures equal brute force", measures_equal_brute_force},
    {"the loss counts each sentence once", the_loss_counts_each_sentence_once},
    {"what cannot be is refused", what_cannot_be_is_refused},
    {NULL, NULL},
};
const struct vain_suite vain_suite_sentence_batches = {"jobs/sentence_batches", tests};

/* A teacher: its answers are those of the model that its checkpoint holds, and a checkpoint that
 * cannot teach these data is refused by what is wrong with it. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "cmd/world.h"
#include "jobs/store/checkpoint.h"
#include "jobs/teacher.h"
#include "tests/unit/jobs/image_bed.h"
#include "tests/unit/suite.h"

enum { SLICES_MAX = 8, BATCH = 8, ROUND = 3 };
static const char *const sets[] = {"train.method=supervised", "teacher.weight=0.25",
                                   "teacher.temperature=3", NULL};
/* The teacher has a wider layer than the pupil, whose network is the bed's. */
#define HEAD "version: 1\nname: teacher\n"
static const char teacher_spec[] = HEAD "model:\n  kind: convnet\n  network: dense 20 relu, dense\n"
                                        "train: {method: supervised, batch: 8}\n"
                                        "data: {images: any.h5}\n";
static const char *const teacher_sets[] = {"train.method=supervised",
                                           "model.network=dense 20 relu, dense", NULL};

/* A checkpoint of the bed `of`, as `change` left it, in the folder of `bed`; `bed` learns from it.
 */
static void write_teacher(struct image_bed *bed, const struct image_bed *of,
                          const struct vain_checkpoint *change)
{
    static char path[200];
    struct vain_store_slice slices[SLICES_MAX];
    struct vain_checkpoint checkpoint = *change;
    CU_ASSERT_FATAL(of->layout.slice_count <= SLICES_MAX);
    memset(slices, 0, sizeof slices);
    for (int i = 0; i < of->layout.slice_count; i++) {
        const struct vain_slice *from = &of->layout.slices[i];
        memcpy(slices[i].name, from->name, sizeof slices[i].name);
        memcpy(slices[i].shape, from->shape, sizeof slices[i].shape);
        slices[i].offset = from->offset;
        slices[i].count = from->count;
        slices[i].shape_count = from->shape_count;
    }
    checkpoint.round = ROUND;
    checkpoint.parameter_count = of->layout.parameter_count;
    checkpoint.slice_count = of->layout.slice_count;
    checkpoint.slices = slices;
    checkpoint.parameters = of->initial;
    checkpoint.model = "convnet";
    checkpoint.symbol_kind = "classes";
    checkpoint.hash_parameters = true;
    CU_ASSERT_EQUAL_FATAL(vain_checkpoint_write(&checkpoint, bed->folder, vain_world_real(), NULL),
                          VAIN_OK);
    vain_checkpoint_path(bed->folder, ROUND, path, sizeof path);
    bed->config.teacher = path;
}

static void close_bed(struct image_bed *bed)
{
    (void)unlink(bed->config.teacher);
    image_bed_close(bed);
}

/* The first images of the training set, as the bed reads them. */
static void take_images(const struct image_bed *bed, struct vain_batch *out)
{
    static const int64_t indices[BATCH] = {0, 1, 2, 3, 4, 5, 6, 7};
    static float images[BATCH * 36];
    static int32_t labels[BATCH];
    vain_images_batch(&bed->data.images.train, indices, BATCH, images, labels);
    *out = (struct vain_batch){.B = BATCH, .T = 1, .targets = labels, .images = images};
}

/* Bit for bit what a model of those parameters says, weighed as the spec of the pupil has it. */
static void a_teacher_answers_as_its_model(void)
{
    const struct vain_checkpoint stored = {.symbol_count = IMAGE_BED_CLASSES,
                                           .spec_resolved = teacher_spec};
    struct image_bed bed, master;
    struct vain_teacher teacher;
    struct vain_batch batch;
    float expected[BATCH * IMAGE_BED_CLASSES];
    void *workspace = NULL;
    image_bed_open(&bed, sets, 0, 1, 2);
    image_bed_open(&master, teacher_sets, 0, 1, 1);
    CU_ASSERT_NOT_EQUAL(bed.layout.parameter_count, master.layout.parameter_count);
    write_teacher(&bed, &master, &stored);
    const enum vain_status status = vain_teacher_open(&bed.config, &teacher);
    if (status != VAIN_OK)
        printf("\n    %s\n", vain_fail_message());
    CU_ASSERT_EQUAL_FATAL(status, VAIN_OK);
    take_images(&bed, &batch);
    CU_ASSERT_EQUAL_FATAL(
        vain_take(master.config.model_ops->workspace_bytes(&master.model, BATCH, 1, false),
                  "a test", &workspace),
        VAIN_OK);
    master.config.model_ops->logits(&master.model, &master.layout, &master.queue, master.initial,
                                    &batch, workspace, expected);
    vain_teacher_ask(&teacher, &bed.config, &batch);
    CU_ASSERT_EQUAL(vain_queue_wait(&bed.queue), VAIN_OK);
    CU_ASSERT_PTR_NOT_NULL_FATAL(batch.teacher);
    CU_ASSERT_EQUAL(memcmp(batch.teacher, expected, sizeof expected), 0);
    CU_ASSERT_DOUBLE_EQUAL(batch.teacher_weight, 0.25, 0);
    CU_ASSERT_DOUBLE_EQUAL(batch.teacher_temperature, 3, 0);
    vain_release(workspace);
    vain_teacher_close(&teacher, &bed.queue);
    image_bed_close(&master);
    close_bed(&bed);
}

/* Opened with a checkpoint that is `stored`, it fails so; what it took is given back. */
static void expect_refused(struct image_bed *bed, const struct image_bed *of,
                           const struct vain_checkpoint *stored, enum vain_status status,
                           const char *part)
{
    struct vain_teacher teacher;
    write_teacher(bed, of, stored);
    CU_ASSERT_EQUAL(vain_teacher_open(&bed->config, &teacher), status);
    if (strstr(vain_fail_message(), part) == NULL) {
        printf("\n    '%s' is not in: %s\n", part, vain_fail_message());
        CU_FAIL("the message");
    }
    vain_teacher_close(&teacher, &bed->queue);
    vain_fail_clear();
}

static void what_cannot_teach_is_refused(void)
{
    static const struct {
        const char *spec, *part;
        int64_t symbols;
        enum vain_status status;
    } cases[] = {
        {teacher_spec, "is a convnet of 5 classes; a teacher of these data tells 6", 5,
         VAIN_ERR_REFUSED},
        {HEAD "data: {episodes: drawings.h5}\nmodel: {kind: convnet}\n", "of few-shot tasks", 6,
         VAIN_ERR_REFUSED},
        {HEAD "model: {kind: convnet, network: dense}\ntrain: {method: genetic}\ndata: {images: "
              "any.h5}\n",
         "a population that was bred", 6, VAIN_ERR_REFUSED},
        {HEAD "model: {kind: convnet, network: 'dense 20 relu, dense'}\ndata: {images: any.h5, "
              "mean: 0.5}\n",
         "data.mean: 0.5", 6, VAIN_ERR_REFUSED},
        {HEAD "model: {kind: convnet, network: 'dense 21 relu, dense'}\ndata: {images: any.h5}\n",
         "images of another size", 6, VAIN_ERR_REFUSED},
        {HEAD "model: {kind: a thing}\n", "the spec inside cannot be read", 6, VAIN_ERR_CORRUPT},
    };
    struct image_bed bed, master;
    image_bed_open(&bed, sets, 0, 1, 1);
    image_bed_open(&master, teacher_sets, 0, 1, 1);
    for (size_t i = 0; i < VAIN_COUNT_OF(cases); i++) {
        const struct vain_checkpoint stored = {.symbol_count = cases[i].symbols,
                                               .spec_resolved = cases[i].spec};
        expect_refused(&bed, &master, &stored, cases[i].status, cases[i].part);
    }
    image_bed_close(&master);
    close_bed(&bed);
}

/* A parameter that is not finite is named with its slice before anything is learned from it. */
static void a_parameter_that_is_not_finite_is_named(void)
{
    const struct vain_checkpoint stored = {.symbol_count = IMAGE_BED_CLASSES,
                                           .spec_resolved = teacher_spec};
    struct image_bed bed, master;
    char part[128];
    image_bed_open(&bed, sets, 0, 1, 1);
    image_bed_open(&master, teacher_sets, 0, 1, 1);
    const struct vain_slice *last = &master.layout.slices[master.layout.slice_count - 1];
    master.initial[last->offset + 1] = NAN;
    snprintf(part, sizeof part, "parameter %lld, in slice '%s', is not finite",
             (long long)last->offset + 1, last->name);
    expect_refused(&bed, &master, &stored, VAIN_ERR_NUMERIC, part);
    image_bed_close(&master);
    close_bed(&bed);
}

static const struct vain_test tests[] = {
    {"a teacher answers as its model", a_teacher_answers_as_its_model},
    {"what cannot teach is refused", what_cannot_teach_is_refused},
    {"a parameter that is not finite is named", a_parameter_that_is_not_finite_is_named},
    {NULL, NULL},
};
const struct vain_suite vain_suite_teacher = {"jobs/teacher", tests};

#include "tests/unit/jobs/image_bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "jobs/fit.h"
#include "tests/unit/suite.h"

enum { SIDE = 6, IMAGE_TYPE = 3, LABEL_TYPE = 1 };

static const char *const file_names[] = {"train_images", "train_labels", "test_images",
                                         "test_labels"};

/* The head of an idx file of bytes: `sizes` numbers of four bytes, the largest first. */
static void write_head(FILE *file, int sizes, int count)
{
    const int all[] = {count, SIDE, SIDE};
    const unsigned char magic[] = {0, 0, 8, (unsigned char)sizes};
    (void)fwrite(magic, 1, sizeof magic, file);
    for (int i = 0; i < sizes; i++)
        for (int byte = 3; byte >= 0; byte--)
            (void)fputc(all[i] >> (8 * byte) & 0xFF, file);
}

static void write_file(const struct image_bed *bed, int which, int count)
{
    char path[200];
    const bool labels = which % 2 == 1;
    uint32_t noise = 1 + (uint32_t)which;
    snprintf(path, sizeof path, "%s/%s", bed->folder, file_names[which]);
    FILE *file = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    write_head(file, labels ? LABEL_TYPE : IMAGE_TYPE, count);
    for (int i = 0; i < count; i++) {
        for (int pixel = 0; pixel < SIDE * SIDE && !labels; pixel++) {
            noise = noise * 1664525u + 1013904223u;
            const bool bright = pixel / SIDE == i % IMAGE_BED_CLASSES;
            (void)fputc((int)(noise >> 25) + (bright ? 120 : 0), file);
        }
        if (labels)
            (void)fputc(i % IMAGE_BED_CLASSES, file);
    }
    CU_ASSERT_EQUAL(fclose(file), 0);
}

static void read_keys(struct image_bed *bed, const char *const *sets)
{
    struct vain_option_section sections[VAIN_JOB_SECTIONS];
    vain_job_sections(&bed->job, sections);
    vain_option_defaults(sections, VAIN_JOB_SECTIONS);
    for (int i = 0; sets[i] != NULL; i++) {
        char key[128], message[256], hint[160];
        const char *value = strchr(sets[i], '=') + 1;
        const struct vain_option_section *section;
        snprintf(key, sizeof key, "%.*s", (int)(value - 1 - sets[i]), sets[i]);
        const struct vain_option *row =
            vain_option_find(sections, VAIN_JOB_SECTIONS, key, &section);
        CU_ASSERT_PTR_NOT_NULL_FATAL(row);
        CU_ASSERT_EQUAL_FATAL(vain_option_parse(row, value, section->values, message,
                                                sizeof message, hint, sizeof hint),
                              VAIN_OK);
    }
}

static void open_data(struct image_bed *bed, int member, int members)
{
    static const char *const names[] = {"member-0", "member-1", "member-2", "member-3"};
    const struct vain_data_place place = {.spec_folder = "",
                                          .names = names,
                                          .name_count = members,
                                          .own_name = names[member],
                                          .context = 1,
                                          .seed = bed->job.general.seed};
    snprintf(bed->job.data.images, sizeof bed->job.data.images, "%s", bed->folder);
    const enum vain_status status = vain_data_open(&bed->job.data, &place, &bed->data);
    if (status != VAIN_OK)
        printf("\n    %s\n", vain_fail_message());
    CU_ASSERT_EQUAL_FATAL(status, VAIN_OK);
    bed->config.member_name = names[member];
}

void image_bed_open(struct image_bed *bed, const char *const *sets, int member, int members,
                    int threads)
{
    static const char *const always[] = {"train.method=agents",
                                         "model.kind=convnet",
                                         "model.network=dense 12 relu, dense",
                                         "data.partition=iid",
                                         "train.batch=8",
                                         "train.learning_rate=3e-3",
                                         "train.schedule=constant",
                                         "memory.budget=40KiB",
                                         "memory.ring=16",
                                         "memory.clusters=6",
                                         NULL};
    const char *all[32] = {NULL};
    const char *parent = getenv("TMPDIR");
    int count = 0;
    memset(bed, 0, sizeof *bed);
    snprintf(bed->folder, sizeof bed->folder, "%.80s/vain-images-XXXXXX",
             parent != NULL ? parent : "/tmp");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(bed->folder));
    for (int which = 0; which < 4; which++)
        write_file(bed, which, which < 2 ? IMAGE_BED_TRAIN : IMAGE_BED_TEST);
    for (int i = 0; always[i] != NULL; i++)
        all[count++] = always[i];
    for (int i = 0; sets[i] != NULL; i++)
        all[count++] = sets[i];
    read_keys(bed, all);
    open_data(bed, member, members);
    CU_ASSERT_EQUAL_FATAL(vain_device_open_cpu(threads, NULL, &bed->device), VAIN_OK);
    bed->queue.device = &bed->device;
    bed->model = bed->job.model;
    vain_fit_model(&bed->data, &bed->model);
    const struct vain_model_ops *ops = vain_model_ops_of(&bed->model);
    CU_ASSERT_EQUAL_FATAL(ops->layout(&bed->model, &bed->layout), VAIN_OK);
    bed->site.comm.size = 1;
    bed->config = (struct vain_method_config){.job = &bed->job,
                                              .model = &bed->model,
                                              .model_ops = ops,
                                              .layout = &bed->layout,
                                              .data = &bed->data,
                                              .queue = &bed->queue,
                                              .site = &bed->site,
                                              .member_name = bed->config.member_name};
    CU_ASSERT_EQUAL_FATAL(vain_take_array(bed->layout.parameter_count, sizeof(float), "a test",
                                          (void **)&bed->initial),
                          VAIN_OK);
    vain_model_init(&bed->layout, bed->job.general.seed, bed->initial);
}

void image_bed_close(struct image_bed *bed)
{
    vain_release(bed->initial);
    vain_layout_fini(&bed->layout);
    vain_device_close(&bed->device);
    vain_data_close(&bed->data);
    for (int which = 0; which < 4; which++) {
        char path[200];
        snprintf(path, sizeof path, "%s/%s", bed->folder, file_names[which]);
        (void)unlink(path);
    }
    (void)rmdir(bed->folder);
}

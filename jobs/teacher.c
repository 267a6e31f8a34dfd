/* The spec inside the checkpoint says what its parameters are; the images are the job's own. */
#include "jobs/teacher.h"

#include <string.h>

#include "base/memory.h"
#include "jobs/fit.h"
#include "jobs/spec/spec.h"
#include "jobs/store/checkpoint.h"

static enum vain_status read_spec(const struct vain_checkpoint *content, const char *path,
                                  struct vain_job *job, struct vain_problems *problems)
{
    struct vain_option_section sections[VAIN_JOB_SECTIONS];
    struct vain_spec spec = {0};
    vain_job_sections(job, sections);
    const struct vain_spec_source source = {path, NULL, 0, sections, VAIN_JOB_SECTIONS};
    enum vain_status status = vain_spec_parse(&source, content->spec_resolved,
                                              strlen(content->spec_resolved), &spec, problems);
    if (status == VAIN_ERR_INPUT && problems->count > 0)
        status = vain_fail(VAIN_ERR_CORRUPT, "%s: the spec inside cannot be read: %s", path,
                           problems->items[0].message);
    vain_spec_fini(&spec);
    return status;
}

/* A model that tells the classes of the data's own images apart, and sees them as it did then. */
static enum vain_status fit(const struct vain_method_config *config,
                            const struct vain_checkpoint *content, const struct vain_job *job,
                            struct vain_teacher *out)
{
    const char *path = config->teacher;
    const int method = job->train.method;
    if (job->data.images[0] == '\0' || content->symbol_count != config->model->classes)
        return vain_fail(VAIN_ERR_REFUSED,
                         "teacher.checkpoint: %s is a %s of %lld %s%s; a teacher of these data "
                         "tells %lld classes of images apart",
                         path, content->model, (long long)content->symbol_count,
                         content->symbol_kind,
                         job->data.episodes[0] != '\0' ? " of few-shot tasks" : "",
                         (long long)config->model->classes);
    if (method == VAIN_METHOD_GENETIC)
        return vain_fail(VAIN_ERR_REFUSED,
                         "teacher.checkpoint: %s holds a population that was bred, not one model; "
                         "give one that was trained",
                         path);
    VAIN_TRY(vain_fit_compare_pixels(path, &job->data, &config->job->data));
    out->model = job->model;
    vain_fit_model(config->data, &out->model);
    return vain_fit_layout(path, content, job, &out->model, &out->layout);
}

static enum vain_status understand(const struct vain_method_config *config,
                                   const struct vain_checkpoint *content, struct vain_teacher *out)
{
    struct vain_job *job = NULL;
    struct vain_problems *problems = NULL;
    enum vain_status status;
    VAIN_TRY_OUT(vain_take(sizeof *job, "the teacher's spec", (void **)&job));
    VAIN_TRY_OUT(vain_take(sizeof *problems, "problems of a spec", (void **)&problems));
    VAIN_TRY_OUT(read_spec(content, config->teacher, job, problems));
    status = fit(config, content, job, out);
out:
    vain_release(job);
    vain_release(problems);
    return status;
}

static enum vain_status refuse_not_finite(const struct vain_method_config *config,
                                          const struct vain_teacher *teacher)
{
    const int64_t N = teacher->layout.parameter_count;
    int64_t index = N;
    config->queue->device->ops->optimiser.first_not_finite(config->queue, N, teacher->parameters,
                                                           &index);
    VAIN_TRY(vain_queue_wait(config->queue));
    if (index == N)
        return VAIN_OK;
    return vain_fail(VAIN_ERR_NUMERIC,
                     "teacher.checkpoint: %s: parameter %lld, in slice '%s', is not finite; take "
                     "an earlier checkpoint",
                     config->teacher, (long long)index,
                     vain_layout_slice_at(&teacher->layout, index)->name);
}

static enum vain_status load(const struct vain_method_config *config,
                             struct vain_checkpoint_file *file, struct vain_teacher *out)
{
    struct vain_device *device = config->queue->device;
    const struct vain_memory_ops *memory = &device->ops->memory;
    const size_t bytes = (size_t)out->layout.parameter_count * sizeof(float);
    float *host = NULL;
    VAIN_TRY(memory->take(device, bytes, "the teacher's parameters", (void **)&out->parameters));
    VAIN_TRY(vain_take(bytes, "the teacher's parameters", (void **)&host));
    enum vain_status status = vain_checkpoint_read(file, device->pool, host, NULL);
    if (status == VAIN_OK) {
        memory->copy_in(config->queue, out->parameters, host, bytes);
        status = refuse_not_finite(config, out);
    }
    vain_release(host);
    return status;
}

static enum vain_status take_buffers(const struct vain_method_config *config,
                                     struct vain_teacher *out)
{
    struct vain_device *device = config->queue->device;
    const struct vain_memory_ops *memory = &device->ops->memory;
    const int64_t B = config->job->train.batch;
    const size_t workspace =
        vain_model_ops_of(&out->model)->workspace_bytes(&out->model, B, 1, false);
    VAIN_TRY(memory->take(device, workspace, "the teacher's activations", &out->workspace));
    return memory->take(device, (size_t)(B * out->model.classes) * sizeof(float),
                        "the teacher's logits", (void **)&out->logits);
}

enum vain_status vain_teacher_open(const struct vain_method_config *config,
                                   struct vain_teacher *out)
{
    struct vain_checkpoint_file *file = NULL;
    memset(out, 0, sizeof *out);
    enum vain_status status = vain_checkpoint_open(config->teacher, &file);
    if (status != VAIN_OK)
        return vain_fail(status, "teacher.checkpoint: %s", vain_fail_message());
    status = understand(config, vain_checkpoint_content(file), out);
    if (status == VAIN_OK)
        status = load(config, file, out);
    if (status == VAIN_OK)
        status = take_buffers(config, out);
    vain_checkpoint_close(&file);
    return status;
}

void vain_teacher_close(struct vain_teacher *teacher, struct vain_queue *queue)
{
    struct vain_device *device = queue->device;
    device->ops->memory.release(device, teacher->parameters);
    device->ops->memory.release(device, teacher->workspace);
    device->ops->memory.release(device, teacher->logits);
    vain_layout_fini(&teacher->layout);
    memset(teacher, 0, sizeof *teacher);
}

void vain_teacher_ask(struct vain_teacher *teacher, const struct vain_method_config *config,
                      struct vain_batch *batch)
{
    VAIN_ASSERT(batch->B <= config->job->train.batch);
    vain_model_ops_of(&teacher->model)
        ->logits(&teacher->model, &teacher->layout, config->queue, teacher->parameters, batch,
                 teacher->workspace, teacher->logits);
    batch->teacher = teacher->logits;
    batch->teacher_weight = (float)config->job->teacher.weight;
    batch->teacher_temperature = (float)config->job->teacher.temperature;
}

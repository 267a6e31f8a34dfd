#include "cmd/trained.h"

#include <string.h>

#include "base/host.h"
#include "base/memory.h"
#include "jobs/fit.h"
#include "jobs/method.h"

static enum vain_status load_parameters(struct vain_trained *trained)
{
    struct vain_ckpt_file *checkpoint = &trained->checkpoint;
    const int64_t count = checkpoint->content->parameter_count;
    const struct vain_memory_ops *memory = &trained->device.ops->memory;
    VAIN_TRY(vain_take_array(count, sizeof(float), "parameters", (void **)&checkpoint->parameters));
    VAIN_TRY(
        vain_checkpoint_read(checkpoint->file, trained->device.pool, checkpoint->parameters, NULL));
    VAIN_TRY(memory->take(&trained->device, (size_t)count * sizeof(float), "parameters",
                          (void **)&trained->parameters));
    memory->copy_in(&trained->queue, trained->parameters, checkpoint->parameters,
                    (size_t)count * sizeof(float));
    VAIN_TRY(vain_queue_wait(&trained->queue));
    vain_release(checkpoint->parameters);
    checkpoint->parameters = NULL;
    return VAIN_OK;
}

/* How many symbols there are is in the checkpoint, how large an image is only in the data. */
static enum vain_status fit_model(const char *path, const struct vain_data *data,
                                  struct vain_trained *trained)
{
    const struct vain_checkpoint *content = trained->checkpoint.content;
    trained->model = trained->spec.job.model;
    const bool classes = strcmp(content->symbol_kind, "classes") == 0;
    if (data != NULL && !vain_fit_suits(data, &trained->model))
        return vain_fail(VAIN_ERR_REFUSED,
                         "%s holds a model of kind %s of %s, but the spec's data are %s; give the "
                         "checkpoint's own spec",
                         path, vain_model_ops_of(&trained->model)->name, content->symbol_kind,
                         data->symbol_kind);
    if (data != NULL && classes && content->symbol_count != data->symbol_count)
        return vain_fail(VAIN_ERR_REFUSED,
                         "%s tells %lld classes apart, the spec's data have %lld; give the "
                         "checkpoint's own spec (data.way, data.classes)",
                         path, (long long)content->symbol_count, (long long)data->symbol_count);
    if (data != NULL)
        vain_fit_model(data, &trained->model);
    else if (trained->model.kind == VAIN_MODEL_CONVNET)
        return vain_fail(VAIN_ERR_REFUSED,
                         "%s holds a convnet, which tells images apart and writes no text; 'vain "
                         "eval' measures it",
                         path);
    trained->model.symbols = content->symbol_count;
    return VAIN_OK;
}

static enum vain_status open_all(const char *path, const struct vain_data *data,
                                 struct vain_trained *trained)
{
    const int cores = vain_cores();
    VAIN_TRY(vain_ckpt_open(path, false, &trained->checkpoint));
    const struct vain_checkpoint *content = trained->checkpoint.content;
    VAIN_TRY(vain_loaded_spec_parse(content->spec_resolved, path, &trained->spec));
    VAIN_TRY(fit_model(path, data, trained));
    trained->model_ops = vain_model_ops_of(&trained->model);
    VAIN_TRY(vain_fit_layout(path, content, &trained->spec.job, &trained->model, &trained->layout));
    VAIN_TRY(vain_device_open_cpu(cores < VAIN_THREADS_MAX ? cores : VAIN_THREADS_MAX, NULL,
                                  &trained->device));
    trained->queue.device = &trained->device;
    return load_parameters(trained);
}

enum vain_status vain_trained_open(const char *path, const struct vain_data *data,
                                   struct vain_trained **out)
{
    *out = NULL;
    struct vain_trained *trained = NULL;
    VAIN_TRY(vain_take(sizeof *trained, "model of the checkpoint", (void **)&trained));
    const enum vain_status status = open_all(path, data, trained);
    if (status == VAIN_OK)
        *out = trained;
    else
        vain_trained_close(&trained);
    return status;
}

/* `held` (of the layout that is held) into `trained`. */
static enum vain_status express(struct vain_trained *trained, float *held)
{
    const struct vain_method_ops *method = vain_method_ops_of(&trained->spec.job);
    struct vain_device *device = &trained->device;
    const struct vain_memory_ops *memory = &device->ops->memory;
    float *expressed = NULL;
    struct vain_layout layout;
    enum vain_status status;
    VAIN_TRY(trained->model_ops->layout(&trained->model, &layout));
    const size_t bytes = (size_t)layout.parameter_count * sizeof(float);
    memory->copy_out(&trained->queue, held, trained->parameters,
                     (size_t)trained->layout.parameter_count * sizeof(float));
    VAIN_TRY_OUT(vain_queue_wait(&trained->queue));
    VAIN_TRY_OUT(vain_take(bytes, "parameters", (void **)&expressed));
    VAIN_TRY_OUT(
        method->express(&trained->spec.job, &trained->model, device->pool, held, expressed));
    memory->release(device, trained->parameters);
    trained->parameters = NULL;
    VAIN_TRY_OUT(memory->take(device, bytes, "parameters", (void **)&trained->parameters));
    memory->copy_in(&trained->queue, trained->parameters, expressed, bytes);
    VAIN_TRY_OUT(vain_queue_wait(&trained->queue));
    vain_layout_fini(&trained->layout);
    trained->layout = layout;
    layout = (struct vain_layout){0};
out:
    vain_layout_fini(&layout);
    vain_release(expressed);
    return status;
}

enum vain_status vain_trained_express(struct vain_trained *trained)
{
    float *held = NULL;
    if (vain_method_ops_of(&trained->spec.job)->layout == NULL)
        return VAIN_OK;
    VAIN_TRY(vain_take_array(trained->layout.parameter_count, sizeof(float), "parameters",
                             (void **)&held));
    const enum vain_status status = express(trained, held);
    vain_release(held);
    return status;
}

void vain_trained_close(struct vain_trained **trained)
{
    struct vain_trained *closing = *trained;
    *trained = NULL;
    if (closing == NULL)
        return;
    if (closing->device.ops != NULL) {
        closing->device.ops->memory.release(&closing->device, closing->parameters);
        vain_device_close(&closing->device);
    }
    vain_layout_fini(&closing->layout);
    vain_loaded_spec_fini(&closing->spec);
    vain_ckpt_close(&closing->checkpoint);
    vain_release(closing);
}

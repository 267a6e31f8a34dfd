/* What comes from the data, and whether a file holds what its spec describes. */
#include "jobs/fit.h"

#include <string.h>

#include "jobs/method.h"

static void fit_images(const struct vain_images *images, int64_t classes,
                       struct vain_model_options *model)
{
    model->image = (struct vain_image_shape){images->height, images->width, images->channels};
    model->classes = classes;
}

void vain_fit_model(const struct vain_data *data, struct vain_model_options *model)
{
    switch (data->kind) {
    case VAIN_DATA_TEXT:
        model->symbols = data->symbol_count;
        break;
    case VAIN_DATA_SENTENCES:
        model->symbols = data->symbol_count;
        model->classes = data->sentences.set.class_count;
        break;
    case VAIN_DATA_IMAGES:
        fit_images(&data->images.train, data->symbol_count, model);
        break;
    case VAIN_DATA_EPISODES:
        fit_images(&data->episodes.set.images, data->symbol_count, model);
        break;
    }
}

bool vain_fit_suits(const struct vain_data *data, const struct vain_model_options *model)
{
    const bool images = data->kind == VAIN_DATA_IMAGES || data->kind == VAIN_DATA_EPISODES;
    if (model->kind == VAIN_MODEL_CONVNET)
        return images;
    return (model->kind == VAIN_MODEL_ENCODER) == (data->kind == VAIN_DATA_SENTENCES) && !images;
}

static bool slices_are_equal(const struct vain_store_slice *stored, const struct vain_slice *wanted)
{
    bool equal = strcmp(stored->name, wanted->name) == 0 && stored->offset == wanted->offset &&
                 stored->shape_count == wanted->shape_count;
    for (int d = 0; equal && d < wanted->shape_count; d++)
        equal = stored->shape[d] == wanted->shape[d];
    return equal;
}

static enum vain_status compare_slices(const char *path, const struct vain_checkpoint *content,
                                       const struct vain_layout *layout)
{
    if (content->slice_count != layout->slice_count ||
        content->parameter_count != layout->parameter_count)
        return vain_fail(VAIN_ERR_CORRUPT,
                         "%s: holds %lld parameters in %d slices, but the spec inside describes "
                         "%lld in %d; the file was put together by hand",
                         path, (long long)content->parameter_count, content->slice_count,
                         (long long)layout->parameter_count, layout->slice_count);
    for (int i = 0; i < layout->slice_count; i++) {
        if (!slices_are_equal(&content->slices[i], &layout->slices[i]))
            return vain_fail(VAIN_ERR_CORRUPT,
                             "%s: slice %d is '%s', but the spec inside describes '%s' of another "
                             "place or shape; the file was put together by hand",
                             path, i, content->slices[i].name, layout->slices[i].name);
    }
    return VAIN_OK;
}

enum vain_status vain_fit_layout(const char *path, const struct vain_checkpoint *content,
                                 const struct vain_job *job, const struct vain_model_options *model,
                                 struct vain_layout *out)
{
    const struct vain_image_shape *image = &model->image;
    enum vain_status status = vain_method_layout(job, model, out);
    if (status == VAIN_OK)
        status = compare_slices(path, content, out);
    const bool unlike = status == VAIN_ERR_INPUT || status == VAIN_ERR_CORRUPT;
    if (unlike && model->kind == VAIN_MODEL_CONVNET)
        return vain_fail(VAIN_ERR_REFUSED,
                         "%s was trained on images of another size than the data's (%lld x %lld "
                         "pixels of %lld numbers); give data of that size",
                         path, (long long)image->height, (long long)image->width,
                         (long long)image->channels);
    return status;
}

enum vain_status vain_fit_compare_pixels(const char *path, const struct vain_data_options *stored,
                                         const struct vain_data_options *given)
{
    const struct {
        const char *key;
        double stored, given;
    } keys[] = {
        {"data.invert", stored->invert, given->invert},
        {"data.pixel_maximum", stored->pixel_maximum, given->pixel_maximum},
        {"data.mean", stored->mean, given->mean},
        {"data.deviation", stored->deviation, given->deviation},
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(keys); i++) {
        const bool flag = i == 0;
        if (keys[i].stored == keys[i].given)
            continue;
        if (flag)
            return vain_fail(VAIN_ERR_REFUSED,
                             "%s was trained with %s: %s, which the spec has not: the same pixels "
                             "would be other numbers; give --set %s=%s",
                             path, keys[i].key, stored->invert ? "true" : "false", keys[i].key,
                             stored->invert ? "true" : "false");
        return vain_fail(VAIN_ERR_REFUSED,
                         "%s was trained with %s: %g, the spec says %g: the same pixels would be "
                         "other numbers; give --set %s=%.17g",
                         path, keys[i].key, keys[i].stored, keys[i].given, keys[i].key,
                         keys[i].stored);
    }
    return VAIN_OK;
}

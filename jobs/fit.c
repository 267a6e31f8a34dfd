/* What comes from the data, and whether a file holds what its spec describes. */
#include "jobs/fit.h"

#include <string.h>

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

enum vain_status vain_fit_compare(const char *path, const struct vain_checkpoint *content,
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
        const struct vain_store_slice *stored = &content->slices[i];
        const struct vain_slice *wanted = &layout->slices[i];
        bool equal = strcmp(stored->name, wanted->name) == 0 && stored->offset == wanted->offset &&
                     stored->shape_count == wanted->shape_count;
        for (int d = 0; equal && d < wanted->shape_count; d++)
            equal = stored->shape[d] == wanted->shape[d];
        if (!equal)
            return vain_fail(VAIN_ERR_CORRUPT,
                             "%s: slice %d is '%s', but the spec inside describes '%s' of another "
                             "place or shape; the file was put together by hand",
                             path, i, stored->name, wanted->name);
    }
    return VAIN_OK;
}

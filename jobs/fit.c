#include "jobs/fit.h"

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

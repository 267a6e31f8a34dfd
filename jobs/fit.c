#include "jobs/fit.h"

void vain_fit_model(const struct vain_data *data, struct vain_model_options *model)
{
    if (data->kind != VAIN_DATA_IMAGES) {
        model->symbols = data->symbol_count;
        return;
    }
    const struct vain_images *images = &data->images.train;
    model->image = (struct vain_image_shape){images->height, images->width, images->channels};
    model->classes = data->symbol_count;
}

#include "jobs/data/images.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { BYTE_VALUES = 256, BYTE_FULL = 255 };

/* ---- Pixels ---- */

static float number_of(const struct vain_pixel_options *pixels, float value)
{
    float x = value / (float)pixels->full;
    if (pixels->invert)
        x = 1.0F - x;
    return (x - (float)pixels->mean) / (float)pixels->deviation;
}

static enum vain_status take_pixel_options(const struct vain_pixel_options *given,
                                           struct vain_images *out)
{
    struct vain_pixel_options *pixels = &out->pixels;
    *pixels = *given;
    if (pixels->full == 0)
        pixels->full = out->array.type == VAIN_ARRAY_UINT8 ? BYTE_FULL : 1;
    if (pixels->deviation == 0)
        pixels->deviation = 1;
    const bool fine = pixels->full > 0 && pixels->full <= 1e6 && pixels->deviation > 0 &&
                      pixels->deviation <= 1e6 && fabs(pixels->mean) <= 1e6;
    if (!fine)
        return vain_fail(VAIN_ERR_INPUT,
                         "%s: data set '%s': pixels cannot be scaled by %g, mean %g and deviation "
                         "%g; scale and deviation are above 0, all at most 1e6",
                         out->path, out->name, pixels->full, pixels->mean, pixels->deviation);
    for (int i = 0; i < BYTE_VALUES; i++)
        out->of_byte[i] = number_of(pixels, (float)i);
    return VAIN_OK;
}

/* Floats as they are, doubles rounded to floats in place: the front half of the memory stays in
 * use. Neither may hold a NaN or an infinity. */
static enum vain_status settle_floats(struct vain_images *out)
{
    struct vain_array *array = &out->array;
    if (array->type == VAIN_ARRAY_UINT8)
        return VAIN_OK;
    float *to = array->data;
    for (int64_t i = 0; i < array->count; i++) {
        const float value = (float)vain_array_number(array, i);
        if (!isfinite(value)) {
            const int64_t pixels = vain_images_pixels(out);
            return vain_fail(VAIN_ERR_INPUT,
                             "%s: data set '%s': image %lld, element %lld is %g; all must be "
                             "finite numbers",
                             out->path, out->name, (long long)(i / pixels), (long long)(i % pixels),
                             (double)value);
        }
        memcpy(&to[i], &value, sizeof value);
    }
    array->type = VAIN_ARRAY_FLOAT32;
    return VAIN_OK;
}

static enum vain_status check_shape(const struct vain_images *images, int rank_min, int rank_max,
                                    const char *expected)
{
    const struct vain_array *array = &images->array;
    char shape[VAIN_ARRAY_SHAPE_BYTES];
    const bool type = array->type == VAIN_ARRAY_UINT8 || array->type == VAIN_ARRAY_FLOAT32 ||
                      array->type == VAIN_ARRAY_FLOAT64;
    if (!type || array->rank < rank_min || array->rank > rank_max)
        return vain_fail(VAIN_ERR_INPUT,
                         "%s: data set '%s' is %s of shape %s; expected images: uint8, float32 or "
                         "float64 of shape %s",
                         images->path, images->name, vain_array_type_name(array->type),
                         vain_array_shape_text(array, shape), expected);
    if (array->count == 0)
        return vain_fail(VAIN_ERR_INPUT, "%s: data set '%s' has shape %s: there is no image in it",
                         images->path, images->name, vain_array_shape_text(array, shape));
    return VAIN_OK;
}

static enum vain_status set_sizes(bool channels, struct vain_images *out)
{
    const struct vain_array *array = &out->array;
    const int at = array->rank - (channels ? 3 : 2);
    out->height = array->shape[at];
    out->width = array->shape[at + 1];
    out->channels = channels ? array->shape[at + 2] : 1;
    if (out->height > VAIN_IMAGE_SIDE_MAX || out->width > VAIN_IMAGE_SIDE_MAX ||
        out->channels > VAIN_IMAGE_SIDE_MAX) {
        char shape[VAIN_ARRAY_SHAPE_BYTES];
        return vain_fail(VAIN_ERR_INPUT,
                         "%s: data set '%s' has shape %s; an image has at most %d pixels an edge "
                         "and as many channels",
                         out->path, out->name, vain_array_shape_text(array, shape),
                         VAIN_IMAGE_SIDE_MAX);
    }
    out->count = array->count / vain_images_pixels(out);
    return VAIN_OK;
}

static void set_names(const char *path, const char *name, struct vain_images *out)
{
    (void)snprintf(out->path, sizeof out->path, "%s", path);
    (void)snprintf(out->name, sizeof out->name, "%s", name);
}

static enum vain_status settle(bool channels, const struct vain_pixel_options *pixels,
                               struct vain_images *out)
{
    VAIN_TRY(set_sizes(channels, out));
    VAIN_TRY(take_pixel_options(pixels, out));
    return settle_floats(out);
}

enum vain_status vain_images_adopt(const char *path, const char *name, bool channels,
                                   const struct vain_pixel_options *pixels,
                                   struct vain_array *array, struct vain_images *out)
{
    *out = (struct vain_images){.array = *array};
    *array = (struct vain_array){0};
    set_names(path, name, out);
    enum vain_status status = check_shape(out, channels ? 3 : 2, VAIN_ARRAY_RANK_MAX,
                                          channels ? "(..., H, W, C)" : "(..., H, W)");
    if (status == VAIN_OK)
        status = settle(channels, pixels, out);
    if (status != VAIN_OK)
        vain_images_close(out);
    return status;
}

/* ---- Labels ---- */

static enum vain_status check_label_shape(const char *path, const char *name,
                                          const struct vain_array *array,
                                          const struct vain_images *images)
{
    char shape[VAIN_ARRAY_SHAPE_BYTES];
    if (!vain_array_is_integer(array->type) || array->rank != 1)
        return vain_fail(VAIN_ERR_INPUT,
                         "%s: data set '%s' is %s of shape %s; expected labels: integers of shape "
                         "(%lld)",
                         path, name, vain_array_type_name(array->type),
                         vain_array_shape_text(array, shape), (long long)images->count);
    if (array->count != images->count)
        return vain_fail(VAIN_ERR_INPUT,
                         "%s: data set '%s' has %lld labels, but data set '%s' of %s has %lld "
                         "images; both must be equally many",
                         path, name, (long long)array->count, images->name, images->path,
                         (long long)images->count);
    return VAIN_OK;
}

static enum vain_status copy_labels(const char *path, const char *name,
                                    const struct vain_array *array, int64_t class_count,
                                    struct vain_images *out)
{
    const int64_t most = class_count > 0 ? class_count : VAIN_CLASSES_MAX;
    void *labels;
    VAIN_TRY(vain_take_array(array->count, sizeof *out->labels, "labels", &labels));
    out->labels = labels;
    int64_t largest = 0;
    for (int64_t i = 0; i < array->count; i++) {
        const int64_t label = vain_array_integer(array, i);
        if (label < 0 || label >= most)
            return vain_fail(
                VAIN_ERR_INPUT,
                "%s: data set '%s': the label of image %lld is %lld; expected 0 to %lld", path,
                name, (long long)i, (long long)label, (long long)most - 1);
        largest = label > largest ? label : largest;
        out->labels[i] = (int32_t)label;
    }
    out->class_count = class_count > 0 ? class_count : largest + 1;
    return VAIN_OK;
}

static enum vain_status read_labels(const struct vain_image_source *source, struct vain_images *out)
{
    const char *path = source->labels_path != NULL ? source->labels_path : source->path;
    struct vain_array array;
    VAIN_TRY(vain_array_read(path, source->labels, &array));
    enum vain_status status = check_label_shape(path, source->labels, &array, out);
    if (status == VAIN_OK)
        status = copy_labels(path, source->labels, &array, source->class_count, out);
    vain_array_release(&array);
    return status;
}

enum vain_status vain_images_open(const struct vain_image_source *source, struct vain_images *out)
{
    *out = (struct vain_images){0};
    VAIN_ASSERT(source->class_count >= 0 && source->class_count <= VAIN_CLASSES_MAX);
    set_names(source->path, source->images, out);
    VAIN_TRY(vain_array_read(source->path, source->images, &out->array));
    enum vain_status status = check_shape(out, 3, 4, "(count, H, W) or (count, H, W, C)");
    if (status == VAIN_OK)
        status = settle(out->array.rank == 4, &source->pixels, out);
    if (status == VAIN_OK)
        status = read_labels(source, out);
    if (status != VAIN_OK)
        vain_images_close(out);
    return status;
}

void vain_images_close(struct vain_images *images)
{
    vain_release(images->labels);
    vain_array_release(&images->array);
    *images = (struct vain_images){0};
}

/* ---- Batches ---- */

int64_t vain_images_pixels(const struct vain_images *images)
{
    return images->height * images->width * images->channels;
}

static void write_plain(const struct vain_images *images, int64_t first, float *out)
{
    const int64_t pixels = vain_images_pixels(images);
    if (images->array.type == VAIN_ARRAY_UINT8) {
        const uint8_t *from = (const uint8_t *)images->array.data + first;
        for (int64_t i = 0; i < pixels; i++)
            out[i] = images->of_byte[from[i]];
        return;
    }
    const float *from = (const float *)images->array.data + first;
    for (int64_t i = 0; i < pixels; i++)
        out[i] = number_of(&images->pixels, from[i]);
}

/* A picture that is turned, read in the order in which it is written: where the first pixel stands,
 * and how far it is from a row and from a column to the next, in pixels. */
struct walk {
    int64_t first, row, column;
};

/* A quarter against the clock brings the right edge to the top (numpy.rot90). */
static struct walk walk_of(const struct vain_images *images, int quarter_turns)
{
    const int64_t width = images->width, last = images->height * width - 1;
    switch (quarter_turns) {
    case 1:
        return (struct walk){width - 1, -1, width};
    case 2:
        return (struct walk){last, -width, -1};
    default:
        return (struct walk){last - (width - 1), 1, -width};
    }
}

static void write_turned(const struct vain_images *images, int64_t first, int quarter_turns,
                         float *out)
{
    const int64_t C = images->channels;
    const struct walk walk = walk_of(images, quarter_turns);
    const bool plain = images->array.type == VAIN_ARRAY_UINT8;
    const uint8_t *bytes = plain ? (const uint8_t *)images->array.data + first : NULL;
    const float *floats = plain ? NULL : (const float *)images->array.data + first;
    for (int64_t y = 0; y < images->height; y++) {
        int64_t from = C * (walk.first + y * walk.row);
        for (int64_t x = 0; x < images->width; x++, from += C * walk.column) {
            for (int64_t c = 0; c < C; c++)
                *out++ = plain ? images->of_byte[bytes[from + c]]
                               : number_of(&images->pixels, floats[from + c]);
        }
    }
}

void vain_images_write(const struct vain_images *images, int64_t index, int quarter_turns,
                       float *out)
{
    VAIN_ASSERT(index >= 0 && index < images->count);
    VAIN_ASSERT(quarter_turns >= 0 && quarter_turns < 4);
    VAIN_ASSERT(quarter_turns % 2 == 0 || images->height == images->width);
    const int64_t first = index * vain_images_pixels(images);
    if (quarter_turns == 0)
        write_plain(images, first, out);
    else
        write_turned(images, first, quarter_turns, out);
}

void vain_images_batch(const struct vain_images *images, const int64_t *indices, int64_t B,
                       float *pixels, int32_t *targets)
{
    const int64_t size = vain_images_pixels(images);
    for (int64_t i = 0; i < B; i++) {
        vain_images_write(images, indices[i], 0, pixels + i * size);
        targets[i] = images->labels[indices[i]];
    }
}

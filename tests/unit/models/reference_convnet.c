/* The convnet in double precision (see reference.h): pixel by pixel, from the formulas. The layers
 * are read by models/network.c, whose own tests hold it; slices are found by name. */
#include "tests/unit/models/reference_convnet.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NUMBERS = 8192 }; /* of all images of a batch after any layer */

struct run {
    const struct vain_layout *layout;
    const double *parameters;
    const struct vain_batch *batch;
    const struct vain_batch_place *place;
    int64_t layers;
};

static const double *named(const struct run *run, int64_t layer, const char *name)
{
    char full[VAIN_SLICE_NAME_BYTES];
    (void)snprintf(full, sizeof full, "layers.%d.%s", (int)layer, name);
    for (int s = 0; s < run->layout->slice_count; s++)
        if (strcmp(run->layout->slices[s].name, full) == 0)
            return run->parameters + run->layout->slices[s].offset;
    fprintf(stderr, "no slice is called %s\n", full);
    vain_bug(__FILE__, __LINE__, "a slice that the model should have");
}

static int64_t before(int64_t side, int64_t window, int64_t outputs, const struct vain_window *w)
{
    const int64_t over = (outputs - 1) * w->stride + window - side;
    return w->same && over > 0 ? over / 2 : 0;
}

/* A place in the output, and the image's corner that its window begins at. */
struct spot {
    int64_t b, y, x;
};

static struct spot spot_of(const struct vain_network_layer *l, int64_t pixel)
{
    const struct vain_window *w = &l->window;
    return (struct spot){pixel / (l->rows * l->columns),
                         pixel / l->columns % l->rows * w->stride -
                             before(l->H, w->height, l->rows, w),
                         pixel % l->columns * w->stride - before(l->W, w->width, l->columns, w)};
}

/* Number at (y, x) below the spot, channel c; `outside` beyond the image. */
static double seen(const struct vain_network_layer *l, const double *in, const struct spot *s,
                   int64_t tap, int64_t c, double outside)
{
    const int64_t y = s->y + tap / l->window.width, x = s->x + tap % l->window.width;
    if (y < 0 || y >= l->H || x < 0 || x >= l->W)
        return outside;
    return in[((s->b * l->H + y) * l->W + x) * l->C + c];
}

static void product(const struct run *run, int64_t i, const struct vain_network_layer *l,
                    const double *in, double *out)
{
    const bool image = l->kind == VAIN_NETWORK_CONVOLUTION;
    const int64_t taps = image ? l->window.height * l->window.width : 1, F = l->channels;
    const double *weight = named(run, i, "weight");
    for (int64_t o = 0; o < run->batch->B * l->rows * l->columns * F; o++) {
        const struct spot spot = image ? spot_of(l, o / F) : (struct spot){o / F, 0, 0};
        out[o] = l->batch_norm ? 0 : named(run, i, "bias")[o % F];
        for (int64_t tap = 0; tap < taps; tap++)
            for (int64_t c = 0; c < l->C; c++)
                out[o] += (image ? seen(l, in, &spot, tap, c, 0) : in[spot.b * l->C + c]) *
                          weight[(o % F * taps + tap) * l->C + c];
    }
}

static void batch_norm(const struct run *run, int64_t i, int64_t rows, int64_t C, double *x)
{
    for (int64_t c = 0; c < C; c++) {
        double mean = 0, variance = 0;
        for (int64_t r = 0; r < rows; r++)
            mean += x[r * C + c] / (double)rows;
        for (int64_t r = 0; r < rows; r++)
            variance += pow(x[r * C + c] - mean, 2) / (double)rows;
        for (int64_t r = 0; r < rows; r++)
            x[r * C + c] =
                (x[r * C + c] - mean) / sqrt(variance + 1e-3) * named(run, i, "norm.gain")[c] +
                named(run, i, "norm.shift")[c];
    }
}

static void pool(const struct run *run, const struct vain_network_layer *l, const double *in,
                 double *out)
{
    const int64_t taps = l->window.height * l->window.width;
    for (int64_t o = 0; o < run->batch->B * l->rows * l->columns * l->C; o++) {
        const struct spot spot = spot_of(l, o / l->C);
        double sum = 0, largest = -INFINITY;
        int count = 0;
        for (int64_t tap = 0; tap < taps; tap++) {
            const double x = seen(l, in, &spot, tap, o % l->C, (double)NAN);
            count += !isnan(x);
            sum += isnan(x) ? 0 : x;
            largest = fmax(largest, x);
        }
        out[o] = l->kind == VAIN_NETWORK_MAX_POOL ? largest : sum / count;
    }
}

static double dropped(const struct run *run, int64_t i, double share, int64_t e, double value)
{
    if (run->place == NULL)
        return value;
    const struct vain_batch_place *place = run->place;
    const uint64_t index =
        ((place->micro_batch * (uint64_t)run->layers + (uint64_t)i) << 36) + (uint64_t)e;
    uint32_t words[4];
    vain_random_block(place->dropout_random, place->round, place->step, index / 4, words);
    const double p = (double)(float)share;
    return (double)words[index % 4] >= p * 4294967296.0 ? value / (1 - p) : 0;
}

void reference_convnet_logits(const struct vain_model_options *options,
                              const struct vain_layout *layout, const double *parameters,
                              const struct vain_batch *batch, const struct vain_batch_place *place,
                              double *logits)
{
    static double in[NUMBERS], out[NUMBERS];
    struct vain_network network;
    char message[256];
    const struct vain_image_shape *image = &options->image;
    VAIN_ASSERT(vain_network_parse(options->network, &network, message, sizeof message) == VAIN_OK);
    VAIN_ASSERT(vain_network_shape(&network, image->height, image->width, image->channels,
                                   options->classes, message, sizeof message) == VAIN_OK);
    const struct run run = {layout, parameters, batch, place, network.count};
    for (int64_t e = 0; e < batch->B * image->height * image->width * image->channels; e++)
        in[e] = (double)batch->images[e];
    for (int64_t i = 0; i < network.count; i++) {
        const struct vain_network_layer *l = &network.layers[i];
        const int64_t rows = batch->B * l->rows * l->columns, count = rows * l->channels;
        VAIN_ASSERT(count <= NUMBERS);
        if (l->kind == VAIN_NETWORK_DROPOUT)
            for (int64_t e = 0; e < count; e++)
                out[e] = dropped(&run, i, l->dropout, e, in[e]);
        else if (l->kind == VAIN_NETWORK_CONVOLUTION || l->kind == VAIN_NETWORK_DENSE)
            product(&run, i, l, in, out);
        else
            pool(&run, l, in, out);
        if (l->batch_norm)
            batch_norm(&run, i, rows, l->channels, out);
        for (int64_t e = 0; e < count; e++)
            in[e] = l->relu ? fmax(out[e], 0) : out[e];
    }
    memcpy(logits, in, (size_t)(batch->B * options->classes) * sizeof *logits);
}

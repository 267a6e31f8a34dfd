/* Layers from words, and shapes from layers. A layer is its name, what it must say, then what it
 * may say; each word is looked at once, in order, so that a complaint can quote it. */
#include "models/network.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/model.h"

enum { WORDS_MAX = 12, WINDOW_MAX = 1024 };

struct reader {
    char *message;
    size_t message_bytes;
    int number; /* of the layer, from 1 */
    struct vain_network_layer *layer;
    char text[VAIN_NETWORK_WORDS_BYTES]; /* the words, NUL-ended each */
    const char *words[WORDS_MAX];
    int word_count, next;
};

VAIN_FORMAT(2, 3) static enum vain_status complain(const struct reader *r, const char *format, ...)
{
    char what[192];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    (void)snprintf(r->message, r->message_bytes, "layer %d (%s): %s", r->number, r->layer->words,
                   what);
    return VAIN_ERR_INPUT;
}

static const char *peek(const struct reader *r)
{
    return r->next < r->word_count ? r->words[r->next] : "";
}

/* Take the next word if it is `word`. */
static bool take(struct reader *r, const char *word)
{
    if (strcmp(peek(r), word) != 0)
        return false;
    r->next++;
    return true;
}

/* Digits up to `end`, at most `most`; 0 if there are none or the number is larger. */
static int64_t digits(const char *text, char end, int64_t most, const char **rest)
{
    int64_t value = 0;
    const char *at = text;
    for (; isdigit((unsigned char)*at) && value <= most; at++)
        value = value * 10 + (*at - '0');
    *rest = at + (*at == end && end != '\0');
    return at == text || *at != end || value > most ? 0 : value;
}

static enum vain_status read_count(struct reader *r, const char *what, int64_t most, int64_t *out)
{
    const char *rest;
    *out = digits(peek(r), '\0', most, &rest);
    if (*out < 1)
        return complain(r, "\"%s\" is not a number of %s from 1 to %lld", peek(r), what,
                        (long long)most);
    r->next++;
    return VAIN_OK;
}

/* Height x width, such as 3x3. */
static enum vain_status read_window(struct reader *r, struct vain_window *window)
{
    const char *rest;
    window->height = digits(peek(r), 'x', WINDOW_MAX, &rest);
    window->width = window->height > 0 ? digits(rest, '\0', WINDOW_MAX, &rest) : 0;
    if (window->width < 1)
        return complain(r, "\"%s\" is not a window such as 3x3, of 1 to %d pixels a side", peek(r),
                        WINDOW_MAX);
    r->next++;
    return VAIN_OK;
}

/* Stride and padding, in any order. */
static enum vain_status read_movement(struct reader *r, struct vain_window *window)
{
    for (;;) {
        if (take(r, "stride"))
            VAIN_TRY(read_count(r, "pixels", WINDOW_MAX, &window->stride));
        else if (take(r, "same"))
            window->same = true;
        else if (!take(r, "valid"))
            return VAIN_OK;
    }
}

static void read_activation(struct reader *r)
{
    r->layer->batch_norm = take(r, "batch-norm");
    r->layer->relu = take(r, "relu");
}

static enum vain_status read_convolution(struct reader *r)
{
    struct vain_network_layer *layer = r->layer;
    layer->kind = VAIN_NETWORK_CONVOLUTION;
    layer->window.stride = 1;
    VAIN_TRY(read_count(r, "filters", VAIN_FILTER_MOST, &layer->units));
    VAIN_TRY(read_window(r, &layer->window));
    VAIN_TRY(read_movement(r, &layer->window));
    read_activation(r);
    return VAIN_OK;
}

static enum vain_status read_dense(struct reader *r)
{
    r->layer->kind = VAIN_NETWORK_DENSE;
    if (isdigit((unsigned char)peek(r)[0]))
        VAIN_TRY(read_count(r, "channels", VAIN_WIDTH_MAX, &r->layer->units));
    read_activation(r);
    return VAIN_OK;
}

static enum vain_status read_pool(struct reader *r, enum vain_network_kind kind)
{
    struct vain_network_layer *layer = r->layer;
    layer->kind = kind;
    VAIN_TRY(read_window(r, &layer->window));
    if (layer->window.height == layer->window.width)
        layer->window.stride = layer->window.height;
    VAIN_TRY(read_movement(r, &layer->window));
    if (layer->window.stride == 0)
        return complain(r,
                        "a window that is not square has no stride of its own; add \"stride 2\"");
    return VAIN_OK;
}

static enum vain_status read_dropout(struct reader *r)
{
    char *end;
    r->layer->kind = VAIN_NETWORK_DROPOUT;
    r->layer->dropout = strtod(peek(r), &end);
    /* Written so that NaN is refused too. The kernels take a float, in which 0.99999999 is 1. */
    if (*peek(r) == '\0' || *end != '\0' ||
        !(r->layer->dropout > 0 && (float)r->layer->dropout < 1))
        return complain(r, "\"%s\" is not a share above 0 and below 1", peek(r));
    r->next++;
    return VAIN_OK;
}

static enum vain_status read_words(struct reader *r)
{
    enum vain_status status;
    if (take(r, "conv"))
        status = read_convolution(r);
    else if (take(r, "dense"))
        status = read_dense(r);
    else if (take(r, "max-pool"))
        status = read_pool(r, VAIN_NETWORK_MAX_POOL);
    else if (take(r, "average-pool"))
        status = read_pool(r, VAIN_NETWORK_AVERAGE_POOL);
    else if (take(r, "dropout"))
        status = read_dropout(r);
    else
        return complain(r,
                        "\"%s\" is no layer; there are conv, dense, max-pool, average-pool and "
                        "dropout",
                        peek(r));
    VAIN_TRY(status);
    if (r->next == r->word_count)
        return VAIN_OK;
    if (take(r, "batch-norm"))
        return complain(r, r->layer->relu ? "batch-norm stands before relu"
                                          : "batch-norm follows conv and dense only");
    return complain(r,
                    "\"%s\" is not understood here; docs/job-spec.md lists the words of each layer",
                    peek(r));
}

/* Split [text, text + length) into words and read them. */
static enum vain_status read_layer(struct reader *r, const char *text, size_t length)
{
    while (length > 0 && isspace((unsigned char)*text)) {
        text++;
        length--;
    }
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        length--;
    (void)snprintf(r->layer->words, sizeof r->layer->words, "%.*s", (int)length, text);
    if (length >= sizeof r->text)
        return complain(r, "%zu characters are too many for a layer; a comma ends each", length);
    memcpy(r->text, r->layer->words, sizeof r->text);
    r->word_count = r->next = 0;
    char *place = NULL;
    for (char *word = strtok_r(r->text, " \t", &place); word != NULL;
         word = strtok_r(NULL, " \t", &place)) {
        if (r->word_count == WORDS_MAX)
            return complain(r, "more than %d words; a comma ends a layer", WORDS_MAX);
        r->words[r->word_count++] = word;
    }
    if (r->word_count == 0)
        return complain(r, "there is nothing between two commas");
    return read_words(r);
}

enum vain_status vain_network_parse(const char *text, struct vain_network *out, char *message,
                                    size_t message_bytes)
{
    size_t length = strlen(text);
    *out = (struct vain_network){.count = 0};
    if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
        text++;
        length -= 2;
    }
    struct reader r = {.message = message, .message_bytes = message_bytes};
    for (const char *end = text + length;;) {
        const char *comma = memchr(text, ',', (size_t)(end - text)),
                   *stop = comma != NULL ? comma : end;
        if (out->count == VAIN_NETWORK_LAYERS_MAX) {
            (void)snprintf(message, message_bytes, "more than %d layers", VAIN_NETWORK_LAYERS_MAX);
            return VAIN_ERR_INPUT;
        }
        r.layer = &out->layers[out->count];
        r.number = ++out->count;
        VAIN_TRY(read_layer(&r, text, (size_t)(stop - text)));
        if (comma == NULL)
            break;
        text = comma + 1;
    }
    for (int i = 0; i < out->count; i++) {
        const struct vain_network_layer *layer = &out->layers[i];
        const bool classes = layer->kind == VAIN_NETWORK_DENSE && layer->units == 0;
        r.layer = &out->layers[i];
        r.number = i + 1;
        if (i + 1 == out->count && (!classes || layer->batch_norm || layer->relu))
            return complain(&r, "the last layer is a plain \"dense\", with as many channels as "
                                "there are classes");
        if (i + 1 < out->count && classes)
            return complain(&r, "\"dense\" without a number makes the classes, so it comes last");
    }
    return VAIN_OK;
}

/* ---- Shapes ---- */

static bool wants_image(const struct vain_network_layer *layer)
{
    return layer->kind == VAIN_NETWORK_CONVOLUTION || layer->kind == VAIN_NETWORK_MAX_POOL ||
           layer->kind == VAIN_NETWORK_AVERAGE_POOL;
}

static enum vain_status shape_window(const struct reader *r)
{
    struct vain_network_layer *layer = r->layer;
    const struct vain_window *w = &layer->window;
    layer->rows = vain_window_count(layer->H, w->height, w->stride, w->same);
    layer->columns = vain_window_count(layer->W, w->width, w->stride, w->same);
    layer->channels = layer->kind == VAIN_NETWORK_CONVOLUTION ? layer->units : layer->C;
    if (layer->rows < 1 || layer->columns < 1)
        return complain(r,
                        "the window is larger than the %lldx%lld pixels that reach it; a smaller "
                        "window, less pooling before, or \"same\" would do",
                        (long long)layer->H, (long long)layer->W);
    if (layer->kind == VAIN_NETWORK_CONVOLUTION &&
        w->height * w->width > VAIN_FILTER_MOST / layer->C)
        return complain(r, "%lldx%lld pixels of %lld channels are more than a filter's %d numbers",
                        (long long)w->height, (long long)w->width, (long long)layer->C,
                        VAIN_FILTER_MOST);
    return VAIN_OK;
}

enum vain_status vain_network_shape(struct vain_network *network, int64_t H, int64_t W, int64_t C,
                                    int64_t classes, char *message, size_t message_bytes)
{
    struct reader r = {.message = message, .message_bytes = message_bytes};
    int first_dense = -1;
    for (int i = 0; i < network->count; i++) {
        struct vain_network_layer *layer = &network->layers[i];
        r.layer = layer;
        r.number = i + 1;
        if (wants_image(layer) && first_dense >= 0)
            return complain(&r,
                            "it looks at an image, and layer %d (%s) has made a vector of it; "
                            "dense layers come last",
                            first_dense + 1, network->layers[first_dense].words);
        layer->H = H;
        layer->W = W;
        layer->C = C;
        layer->rows = H;
        layer->columns = W;
        layer->channels = C;
        if (wants_image(layer))
            VAIN_TRY(shape_window(&r));
        if (layer->kind == VAIN_NETWORK_DENSE) {
            layer->C = H * W * C;
            layer->H = layer->W = layer->rows = layer->columns = 1;
            layer->channels = layer->units > 0 ? layer->units : classes;
            first_dense = first_dense < 0 ? i : first_dense;
        }
        H = layer->rows;
        W = layer->columns;
        C = layer->channels;
    }
    return VAIN_OK;
}

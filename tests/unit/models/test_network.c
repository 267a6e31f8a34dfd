/* Layers as a spec writes them: what is read, and what is refused with which words. */
#include "models/network.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/suite.h"

static struct vain_network parsed(const char *text)
{
    struct vain_network network;
    char message[256] = "";
    const enum vain_status status = vain_network_parse(text, &network, message, sizeof message);
    if (status != VAIN_OK)
        printf("\n    %s\n", message);
    CU_ASSERT_EQUAL_FATAL(status, VAIN_OK);
    return network;
}

static void layers_are_read(void)
{
    const struct vain_network n =
        parsed("[conv 32 5x3 stride 2 same batch-norm relu,max-pool 2x2 , "
               "average-pool 3x2 stride 1 same, dense 512 relu, "
               "dropout 0.4, dense]");
    CU_ASSERT_EQUAL_FATAL(n.count, 6);
    const struct vain_network_layer *l = n.layers;
    CU_ASSERT_EQUAL(l[0].kind, VAIN_NETWORK_CONVOLUTION);
    CU_ASSERT(l[0].units == 32 && l[0].window.height == 5 && l[0].window.width == 3);
    CU_ASSERT(l[0].window.stride == 2 && l[0].window.same && l[0].batch_norm && l[0].relu);
    CU_ASSERT_STRING_EQUAL(l[0].words, "conv 32 5x3 stride 2 same batch-norm relu");
    CU_ASSERT_EQUAL(l[1].kind, VAIN_NETWORK_MAX_POOL);
    CU_ASSERT(l[1].window.height == 2 && l[1].window.stride == 2 && !l[1].window.same);
    CU_ASSERT_EQUAL(l[2].kind, VAIN_NETWORK_AVERAGE_POOL);
    CU_ASSERT(l[2].window.width == 2 && l[2].window.stride == 1 && l[2].window.same);
    CU_ASSERT_EQUAL(l[3].kind, VAIN_NETWORK_DENSE);
    CU_ASSERT(l[3].units == 512 && l[3].relu && !l[3].batch_norm);
    CU_ASSERT(l[4].kind == VAIN_NETWORK_DROPOUT && l[4].dropout == 0.4);
    CU_ASSERT(l[5].kind == VAIN_NETWORK_DENSE && l[5].units == 0);
}

static void defaults_are_a_stride_of_one_and_no_padding(void)
{
    const struct vain_network n =
        parsed("conv 3 2x2, conv 3 2x2 valid, max-pool 3x3 stride 2, dense");
    CU_ASSERT(n.layers[0].window.stride == 1 && !n.layers[0].window.same);
    CU_ASSERT(!n.layers[0].relu && !n.layers[0].batch_norm && !n.layers[1].window.same);
    CU_ASSERT(n.layers[2].window.stride == 2);
}

static void wrong_words_are_quoted_with_their_layer(void)
{
    static const struct {
        const char *text;
        const char *says[3];
    } rows[] = {
        {"", {"layer 1 ()", "nothing between two commas"}},
        {"dense 5,, dense", {"layer 2 ()", "nothing between two commas"}},
        {"dense 5, convolution 3, dense",
         {"layer 2 (convolution 3)", "\"convolution\" is no layer", "average-pool"}},
        {"conv", {"layer 1 (conv)", "\"\" is not a number of filters"}},
        {"conv 3x3 64, dense", {"\"3x3\" is not a number of filters", "1 to 32768"}},
        {"conv 0 3x3, dense", {"\"0\" is not a number of filters"}},
        {"conv 99999999999999999999 3x3, dense", {"is not a number of filters"}},
        {"conv 8 3, dense", {"\"3\" is not a window such as 3x3"}},
        {"conv 8 3x0, dense", {"\"3x0\" is not a window"}},
        {"conv 8 3x3x3, dense", {"\"3x3x3\" is not a window"}},
        {"conv 8 3x2000, dense", {"is not a window", "1 to 1024"}},
        {"conv 8 3x3 stride, dense", {"\"\" is not a number of pixels"}},
        {"conv 8 3x3 stride 2x2, dense", {"\"2x2\" is not a number of pixels"}},
        {"conv 8 3x3 gelu, dense", {"\"gelu\" is not understood here"}},
        {"conv 8 3x3 relu batch-norm, dense", {"batch-norm stands before relu"}},
        {"max-pool 2x2 batch-norm, dense", {"follows conv and dense only"}},
        {"max-pool 2x3, dense", {"layer 1 (max-pool 2x3)", "add \"stride 2\""}},
        {"dropout, dense", {"\"\" is not a share"}},
        {"dropout 1, dense", {"\"1\" is not a share above 0 and below 1"}},
        {"dropout nan, dense", {"\"nan\" is not a share"}},
        {"dropout 0.5x, dense", {"\"0.5x\" is not a share"}},
        {"dense 70000, dense", {"\"70000\" is not a number of channels", "65536"}},
        {"dense 5 relu", {"layer 1 (dense 5 relu)", "the last layer is a plain \"dense\""}},
        {"dense relu", {"the last layer is a plain \"dense\""}},
        {"dense, dense", {"layer 1 (dense)", "comes last"}},
        {"dense 5 5, dense", {"\"5\" is not understood here"}},
        {"conv 8 3x3 same same same same same same same same same same, dense",
         {"layer 1", "more than 12 words"}},
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(rows); i++) {
        struct vain_network network;
        char message[256] = "";
        CU_ASSERT_EQUAL(vain_network_parse(rows[i].text, &network, message, sizeof message),
                        VAIN_ERR_INPUT);
        for (int s = 0; s < 3 && rows[i].says[s] != NULL; s++) {
            if (strstr(message, rows[i].says[s]) == NULL)
                printf("\n    \"%s\": \"%s\" does not say \"%s\"\n", rows[i].text, message,
                       rows[i].says[s]);
            CU_ASSERT(strstr(message, rows[i].says[s]) != NULL);
        }
    }
}

static void too_much_is_refused(void)
{
    struct vain_network network;
    char text[1024] = "", message[256] = "";
    for (size_t i = 0; i < VAIN_NETWORK_LAYERS_MAX; i++)
        memcpy(text + 8 * i, "dense 5,", 8);
    memcpy(text + 8 * VAIN_NETWORK_LAYERS_MAX, "dense", 6);
    CU_ASSERT_EQUAL(vain_network_parse(text, &network, message, sizeof message), VAIN_ERR_INPUT);
    CU_ASSERT(strstr(message, "more than 64 layers") != NULL);
    memset(text, ' ', 100);
    memcpy(text, "dense", 5);
    memcpy(text + 90, "x, dense", 9);
    CU_ASSERT_EQUAL(vain_network_parse(text, &network, message, sizeof message), VAIN_ERR_INPUT);
    CU_ASSERT(strstr(message, "91 characters are too many") != NULL);
}

/* Worked out by hand. */
static void shapes_follow_from_the_image(void)
{
    struct vain_network n = parsed("conv 6 3x3 stride 2 same relu, max-pool 2x2, conv 5 3x2 same, "
                                   "average-pool 2x2 same, dropout 0.1, dense 7, dense");
    char message[256];
    CU_ASSERT_EQUAL(vain_network_shape(&n, 15, 12, 3, 10, message, sizeof message), VAIN_OK);
    static const int64_t shapes[][6] = {
        {15, 12, 3, 8, 6, 6}, {8, 6, 6, 4, 3, 6},  {4, 3, 6, 4, 3, 5},  {4, 3, 5, 2, 2, 5},
        {2, 2, 5, 2, 2, 5},   {1, 1, 20, 1, 1, 7}, {1, 1, 7, 1, 1, 10},
    };
    for (int i = 0; i < n.count; i++) {
        const struct vain_network_layer *l = &n.layers[i];
        const int64_t found[] = {l->H, l->W, l->C, l->rows, l->columns, l->channels};
        CU_ASSERT_EQUAL(memcmp(found, shapes[i], sizeof found), 0);
    }
}

static void layers_that_cannot_be_are_refused(void)
{
    static const struct {
        const char *text;
        const char *says[2];
    } rows[] = {
        {"dense 9 relu, conv 8 3x3, dense",
         {"layer 2 (conv 8 3x3): it looks at an image", "layer 1 (dense 9 relu)"}},
        {"dense 9, dropout 0.5, max-pool 2x2, dense",
         {"layer 3 (max-pool 2x2)", "layer 1 (dense 9)"}},
        {"max-pool 4x4, max-pool 3x3, dense",
         {"layer 2 (max-pool 3x3): the window is larger than the 2x2 pixels", "\"same\""}},
        {"conv 8 9x1, dense", {"layer 1 (conv 8 9x1)", "8x8 pixels"}},
        {"conv 32768 1x1, conv 8 2x2, dense",
         {"layer 2 (conv 8 2x2)", "2x2 pixels of 32768 channels are more than a filter's 32768"}},
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(rows); i++) {
        struct vain_network network = parsed(rows[i].text);
        char message[256] = "";
        CU_ASSERT_EQUAL(vain_network_shape(&network, 8, 8, 1, 10, message, sizeof message),
                        VAIN_ERR_INPUT);
        for (int s = 0; s < 2; s++) {
            if (strstr(message, rows[i].says[s]) == NULL)
                printf("\n    \"%s\" does not say \"%s\"\n", message, rows[i].says[s]);
            CU_ASSERT(strstr(message, rows[i].says[s]) != NULL);
        }
    }
}

static const struct vain_test tests[] = {
    {"layers are read", layers_are_read},
    {"defaults are a stride of one and no padding", defaults_are_a_stride_of_one_and_no_padding},
    {"wrong words are quoted with their layer", wrong_words_are_quoted_with_their_layer},
    {"too much is refused", too_much_is_refused},
    {"shapes follow from the image", shapes_follow_from_the_image},
    {"layers that cannot be are refused", layers_that_cannot_be_are_refused},
    {NULL, NULL},
};
const struct vain_suite vain_suite_network = {"models/network", tests};

/* Labelled images: what a batch holds, and that nothing wrong in a file gets that far. */
#include "jobs/data/images.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "tests/unit/data/maker.h"
#include "tests/unit/data/scratch.h"
#include "tests/unit/suite.h"

enum { IMAGES = 5, SIDE = 2 };
static const uint8_t bytes[IMAGES * SIDE * 3] = {0,  51, 102, 153, 204, 255, 1,  2,  3,  4,
                                                 5,  6,  7,   8,   9,   10,  11, 12, 20, 21,
                                                 22, 23, 24,  25,  30,  31,  32, 33, 34, 35};
static const uint8_t labels[IMAGES] = {3, 0, 1, 3, 2};

static const char *make_set(const char *file)
{
    const struct maker_set sets[] = {
        {"images", H5T_NATIVE_UINT8, H5T_NATIVE_UINT8, 3, {IMAGES, SIDE, 3}, 2, bytes},
        {"colours", H5T_NATIVE_UINT8, H5T_NATIVE_UINT8, 4, {IMAGES, SIDE, 1, 3}, 0, bytes},
        {"labels", H5T_NATIVE_UINT8, H5T_NATIVE_UINT8, 1, {IMAGES}, 0, labels},
        {"few", H5T_NATIVE_UINT8, H5T_NATIVE_UINT8, 1, {IMAGES - 1}, 0, labels}};
    return maker_hdf5(file, sets, 4);
}

static struct vain_images open_set(const struct vain_image_source *source)
{
    struct vain_images images;
    const enum vain_status status = vain_images_open(source, &images);
    if (status != VAIN_OK)
        printf("message: %s\n", vain_fail_message());
    CU_ASSERT_EQUAL_FATAL(status, VAIN_OK);
    return images;
}

static void expect(const struct vain_image_source *source, const char *words)
{
    struct vain_images images;
    memset(&images, 0xff, sizeof images);
    CU_ASSERT_EQUAL(vain_images_open(source, &images), VAIN_ERR_INPUT);
    CU_ASSERT(images.labels == NULL && images.array.data == NULL);
    if (strstr(vain_fail_message(), words) == NULL)
        printf("message: %s\n", vain_fail_message());
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), words));
    CU_ASSERT_EQUAL(vain_memory_blocks(), 0);
}

static void a_batch_has_the_images_asked_for(void)
{
    const struct vain_image_source source = {
        .path = make_set("images.h5"), .images = "images", .labels = "labels"};
    struct vain_images images = open_set(&source);
    CU_ASSERT(images.count == IMAGES && images.height == 2 && images.width == 3);
    CU_ASSERT(images.channels == 1 && images.class_count == 4);
    static const int64_t indices[3] = {4, 0, 4};
    float pixels[3 * 6];
    int32_t targets[3];
    vain_images_batch(&images, indices, 3, pixels, targets);
    CU_ASSERT(targets[0] == 2 && targets[1] == 3 && targets[2] == 2);
    for (int i = 0; i < 6; i++) {
        CU_ASSERT_EQUAL(pixels[i], (float)bytes[24 + i] / 255.0F);
        CU_ASSERT_EQUAL(pixels[6 + i], (float)bytes[i] / 255.0F);
        CU_ASSERT_EQUAL(pixels[12 + i], pixels[i]);
    }
    CU_ASSERT_EQUAL(pixels[6 + 5], 1.0F);
    vain_images_close(&images);
    vain_images_close(&images);
    CU_ASSERT_EQUAL(vain_memory_blocks(), 0);
}

static void pixels_are_inverted_and_normalised(void)
{
    struct vain_image_source source = {
        .path = make_set("n.h5"), .images = "colours", .labels = "labels", .class_count = 10};
    source.pixels = (struct vain_pixel_options){.invert = true, .mean = 0.25, .deviation = 0.5};
    struct vain_images images = open_set(&source);
    CU_ASSERT(images.channels == 3 && images.width == 1 && images.class_count == 10);
    float pixels[6];
    vain_images_write(&images, 0, 0, pixels);
    CU_ASSERT_EQUAL(pixels[0], 1.5F);  /* (1 - 0 - 0.25) / 0.5 */
    CU_ASSERT_EQUAL(pixels[5], -0.5F); /* (1 - 1 - 0.25) / 0.5 */
    vain_images_close(&images);
    source.pixels = (struct vain_pixel_options){.full = 51};
    images = open_set(&source);
    vain_images_write(&images, 0, 0, pixels);
    CU_ASSERT(pixels[1] == 1.0F && pixels[2] == 2.0F);
    vain_images_close(&images);
}

/* Floats go through the same arithmetic as bytes; doubles become floats. */
static void floats_are_taken_as_they_are(void)
{
    static const double doubles[8] = {0, 0.5, 1, -1, 0.1, 1e-3, 7, 8};
    static const int64_t wide[2] = {0, 1};
    const struct maker_set sets[] = {
        {"f32", H5T_NATIVE_DOUBLE, H5T_IEEE_F32LE, 3, {2, 2, 2}, 0, doubles},
        {"f64", H5T_NATIVE_DOUBLE, H5T_IEEE_F64LE, 3, {2, 2, 2}, 0, doubles},
        {"labels", H5T_NATIVE_INT64, H5T_STD_I64BE, 1, {2}, 0, wide}};
    struct vain_image_source source = {
        .path = maker_hdf5("f.h5", sets, 3), .images = "f32", .labels = "labels"};
    for (int wide_set = 0; wide_set < 2; wide_set++) {
        source.images = wide_set ? "f64" : "f32";
        struct vain_images images = open_set(&source);
        static const int64_t both[2] = {0, 1};
        float pixels[8];
        int32_t targets[2];
        vain_images_batch(&images, both, 2, pixels, targets);
        for (int i = 0; i < 8; i++)
            CU_ASSERT_EQUAL(pixels[i], (float)doubles[i]);
        CU_ASSERT(targets[0] == 0 && targets[1] == 1);
        vain_images_close(&images);
    }
}

static void idx_folders_are_image_sets_too(void)
{
    (void)maker_idx("t-images-idx3-ubyte.gz", 0x08, 3, (uint32_t[]){IMAGES, SIDE, 3}, bytes,
                    sizeof bytes);
    (void)maker_idx("t-labels-idx1-ubyte", 0x08, 1, (uint32_t[]){IMAGES}, labels, IMAGES);
    struct vain_image_source source = {
        .path = scratch_folder(), .images = "t-images-idx3-ubyte", .labels = "t-labels-idx1-ubyte"};
    struct vain_images images = open_set(&source);
    CU_ASSERT(images.count == IMAGES && images.class_count == 4 && images.labels[4] == 2);
    vain_images_close(&images);
    source.path = scratch_path("t-images-idx3-ubyte.gz");
    source.labels_path = scratch_path("t-labels-idx1-ubyte");
    source.images = source.labels = "";
    images = open_set(&source);
    CU_ASSERT_EQUAL(images.count, IMAGES);
    vain_images_close(&images);
}

/* numpy.rot90([[1, 2, 3], [4, 5, 6], [7, 8, 9]]) = [[3, 6, 9], [2, 5, 8], [1, 4, 7]]. */
static void turned_images_are_numpys(void)
{
    static const float square[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    static const float turned[4][9] = {{1, 2, 3, 4, 5, 6, 7, 8, 9},
                                       {3, 6, 9, 2, 5, 8, 1, 4, 7},
                                       {9, 8, 7, 6, 5, 4, 3, 2, 1},
                                       {7, 4, 1, 8, 5, 2, 9, 6, 3}};
    static const uint8_t square_bytes[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    for (int kind = 0; kind < 2; kind++) {
        struct vain_array array;
        const enum vain_array_type type = kind ? VAIN_ARRAY_UINT8 : VAIN_ARRAY_FLOAT32;
        CU_ASSERT_EQUAL(vain_array_take("t", type, 3, (int64_t[]){1, 3, 3}, &array), VAIN_OK);
        memcpy(array.data, kind ? (const void *)square_bytes : square,
               kind ? sizeof square_bytes : sizeof square);
        const struct vain_pixel_options pixels = {.full = 1};
        struct vain_images images;
        CU_ASSERT_EQUAL_FATAL(vain_images_adopt("f", "s", false, &pixels, &array, &images),
                              VAIN_OK);
        CU_ASSERT_PTR_NULL(array.data);
        for (int turns = 0; turns < 4; turns++) {
            float out[9];
            vain_images_write(&images, 0, turns, out);
            CU_ASSERT_EQUAL(memcmp(out, turned[turns], sizeof out), 0);
        }
        vain_images_close(&images);
    }
}

static void wrong_sets_are_refused_with_their_numbers(void)
{
    struct vain_image_source source = {
        .path = make_set("wrong.h5"), .images = "labels", .labels = "labels"};
    expect(&source, "data set 'labels' is uint8 of shape (5); expected images");
    source.images = "images";
    source.labels = "few";
    expect(&source, "data set 'few' has 4 labels, but data set 'images'");
    source.labels = "images";
    expect(&source, "expected labels: integers of shape (5)");
    source.labels = "labels";
    source.class_count = 3;
    expect(&source, "data set 'labels': the label of image 0 is 3; expected 0 to 2");
    source.class_count = 0;
    source.pixels.deviation = -1;
    expect(&source, "deviation -1");
    source.pixels.deviation = NAN;
    expect(&source, "deviation");
}

static void wrong_values_are_refused_with_their_place(void)
{
    static const float odd[8] = {0, 1, 2, 3, 4, 5, NAN, 7};
    static const int32_t negative[2] = {0, -4};
    const struct maker_set sets[] = {
        {"images", H5T_NATIVE_FLOAT, H5T_NATIVE_FLOAT, 3, {2, 2, 2}, 0, odd},
        {"good", H5T_NATIVE_FLOAT, H5T_NATIVE_FLOAT, 3, {2, 1, 2}, 0, odd},
        {"none", H5T_NATIVE_FLOAT, H5T_NATIVE_FLOAT, 3, {0, 2, 2}, 0, NULL},
        {"labels", H5T_NATIVE_INT32, H5T_NATIVE_INT32, 1, {2}, 0, negative}};
    struct vain_image_source source = {
        .path = maker_hdf5("values.h5", sets, 4), .images = "images", .labels = "labels"};
    expect(&source, "data set 'images': image 1, element 2 is nan");
    source.images = "good";
    expect(&source, "data set 'labels': the label of image 1 is -4; expected 0 to 65535");
    source.images = "none";
    expect(&source, "there is no image in it");
}

static const struct vain_test tests[] = {
    {"a batch has the images asked for", a_batch_has_the_images_asked_for},
    {"pixels are inverted and normalised", pixels_are_inverted_and_normalised},
    {"floats are taken as they are", floats_are_taken_as_they_are},
    {"idx folders are image sets too", idx_folders_are_image_sets_too},
    {"turned images are numpy's", turned_images_are_numpys},
    {"wrong sets are refused with their numbers", wrong_sets_are_refused_with_their_numbers},
    {"wrong values are refused with their place", wrong_values_are_refused_with_their_place},
    {NULL, NULL}};
const struct vain_suite vain_suite_images = {"data: images", tests};

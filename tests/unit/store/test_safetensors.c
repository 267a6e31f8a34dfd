#include "jobs/store/safetensors.h"

#include "tests/unit/store/bed.h"
#include "tests/unit/suite.h"

#include "base/memory.h"
#include "cmd/world.h"

#include <json.h>
#include <stdio.h>
#include <string.h>

/* A reader of the format after its specification, for this test alone. */
struct tensors {
    struct json_object *header;
    const uint8_t *data; /* after the header */
    size_t data_bytes;
};

static void parse(const uint8_t *image, size_t bytes, struct tensors *out)
{
    uint64_t length = 0;
    CU_ASSERT_FATAL(bytes >= 8);
    for (int i = 0; i < 8; i++)
        length |= (uint64_t)image[i] << (8 * i);
    CU_ASSERT_FATAL(length <= bytes - 8);
    CU_ASSERT_EQUAL(length % 8, 0);
    CU_ASSERT_EQUAL(image[8], '{');
    struct json_tokener *tokener = json_tokener_new();
    out->header = json_tokener_parse_ex(tokener, (const char *)image + 8, (int)length);
    CU_ASSERT_PTR_NOT_NULL_FATAL(out->header);
    const size_t end = json_tokener_get_parse_end(tokener);
    for (size_t i = end; i < length; i++)
        CU_ASSERT_EQUAL(image[8 + i], ' ');
    json_tokener_free(tokener);
    out->data = image + 8 + length;
    out->data_bytes = bytes - 8 - (size_t)length;
}

static int64_t number_at(struct json_object *array, size_t index)
{
    return json_object_get_int64(json_object_array_get_idx(array, index));
}

static void check_tensor(const struct tensors *tensors, const struct vain_store_slice *slice,
                         const float *parameters)
{
    struct json_object *entry, *field;
    CU_ASSERT_TRUE_FATAL(json_object_object_get_ex(tensors->header, slice->name, &entry));
    CU_ASSERT_TRUE_FATAL(json_object_object_get_ex(entry, "dtype", &field));
    CU_ASSERT_STRING_EQUAL(json_object_get_string(field), "F32");
    CU_ASSERT_TRUE_FATAL(json_object_object_get_ex(entry, "shape", &field));
    CU_ASSERT_EQUAL_FATAL(json_object_array_length(field), (size_t)slice->shape_count);
    for (int i = 0; i < slice->shape_count; i++)
        CU_ASSERT_EQUAL(number_at(field, (size_t)i), slice->shape[i]);
    CU_ASSERT_TRUE_FATAL(json_object_object_get_ex(entry, "data_offsets", &field));
    const size_t start = (size_t)number_at(field, 0), end = (size_t)number_at(field, 1);
    CU_ASSERT_FATAL(start <= end && end <= tensors->data_bytes);
    CU_ASSERT_EQUAL_FATAL(end - start, (size_t)slice->count * sizeof(float));
    CU_ASSERT_EQUAL(memcmp(tensors->data + start, parameters + slice->offset, end - start), 0);
}

static void check_metadata(const struct tensors *tensors)
{
    struct json_object *metadata, *field;
    CU_ASSERT_TRUE_FATAL(json_object_object_get_ex(tensors->header, "__metadata__", &metadata));
    json_object_object_foreach(metadata, key, value)
    {
        CU_ASSERT_PTR_NOT_NULL(key);
        CU_ASSERT_EQUAL(json_object_get_type(value), json_type_string);
    }
    CU_ASSERT_TRUE(json_object_object_get_ex(metadata, "round", &field));
    CU_ASSERT_STRING_EQUAL(json_object_get_string(field), "7");
    CU_ASSERT_TRUE(json_object_object_get_ex(metadata, "job_name", &field));
    CU_ASSERT_STRING_EQUAL(json_object_get_string(field), "café");
    CU_ASSERT_TRUE(json_object_object_get_ex(metadata, "run_id", &field));
    CU_ASSERT_STRING_EQUAL(json_object_get_string(field), "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf");
}

static void test_export_is_what_the_format_says(void)
{
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    bed_join(folder, "model.safetensors", path);
    struct bed_checkpoint sample;
    bed_make_checkpoint(&sample);
    /* Names of every length, so that every padding occurs. */
    for (int i = 0; i < 8; i++) {
        memcpy(sample.slices[4].name, "head_bias_________", 18);
        sample.slices[4].name[9 + i] = '\0';
        BED_OK(vain_safetensors_export(&sample.content, sample.parameters, path, true,
                                       vain_world_real()));
        size_t bytes;
        uint8_t *image = bed_read_file(path, &bytes);
        struct tensors tensors;
        parse(image, bytes, &tensors);
        CU_ASSERT_EQUAL(tensors.data_bytes, sizeof sample.parameters);
        CU_ASSERT_EQUAL(json_object_object_length(tensors.header), BED_SLICES + 1);
        for (int s = 0; s < BED_SLICES; s++)
            check_tensor(&tensors, &sample.slices[s], sample.parameters);
        check_metadata(&tensors);
        json_object_put(tensors.header);
        vain_release(image);
    }
    CU_ASSERT_EQUAL(bed_count_files(folder), 1);
    bed_remove_folder(folder);
}

static void test_export_replaces_only_when_asked(void)
{
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    bed_join(folder, "model.safetensors", path);
    struct bed_checkpoint sample;
    bed_make_checkpoint(&sample);
    struct vain_world *world = vain_world_real();
    bed_write_file(path, "mine", 4);
    BED_FAILS(vain_safetensors_export(&sample.content, sample.parameters, path, false, world),
              VAIN_ERR_REFUSED);
    size_t bytes;
    vain_release(bed_read_file(path, &bytes));
    CU_ASSERT_EQUAL(bytes, 4);
    BED_OK(vain_safetensors_export(&sample.content, sample.parameters, path, true, world));
    vain_release(bed_read_file(path, &bytes));
    CU_ASSERT(bytes > sizeof sample.parameters);
    CU_ASSERT_EQUAL(remove(path), 0);
    sample.content.job_name = NULL;
    BED_OK(vain_safetensors_export(&sample.content, sample.parameters, path, false, world));
    BED_FAILS(
        vain_safetensors_export(&sample.content, sample.parameters, "/nowhere/x", false, world),
        VAIN_ERR_STORAGE);
    bed_remove_folder(folder);
}

static const struct vain_test tests[] = {
    {"an export is what the format says", test_export_is_what_the_format_says},
    {"an export replaces a file only when asked to", test_export_replaces_only_when_asked},
    {NULL, NULL},
};
const struct vain_suite vain_suite_safetensors = {"store/safetensors", tests};

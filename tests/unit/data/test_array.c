/* Arrays out of HDF5 and idx files: what was written comes back, what is wrong is named. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "jobs/data/array.h"
#include "jobs/data/idx.h"
#include "tests/unit/data/maker.h"
#include "tests/unit/data/scratch.h"
#include "tests/unit/suite.h"

static void expect(const char *path, const char *name, enum vain_status status, const char *words)
{
    struct vain_array array;
    memset(&array, 0xff, sizeof array);
    CU_ASSERT_EQUAL(vain_array_read(path, name, &array), status);
    CU_ASSERT_PTR_NULL(array.data);
    if (strstr(vain_fail_message(), words) == NULL)
        printf("message: %s\n", vain_fail_message());
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), words));
}

/* Every element type, in both byte orders, contiguous and in deflated chunks. */
static void every_type_comes_back(void)
{
    static const uint8_t u8[6] = {0, 1, 127, 128, 254, 255};
    static const uint16_t u16[6] = {0, 1, 255, 256, 65534, 65535};
    static const int32_t i32[6] = {0, -1, 1, INT32_MIN, INT32_MAX, 7};
    static const int64_t i64[6] = {0, -1, 1, INT64_MIN, INT64_MAX, 7};
    static const float f32[6] = {0, -1, 0.5F, 1e-30F, 3e38F, 7};
    static const double f64[6] = {0, -1, 0.1, 1e-300, 1e300, 7};
    const hid_t native[] = {H5T_NATIVE_UINT8, H5T_NATIVE_UINT16, H5T_NATIVE_INT32,
                            H5T_NATIVE_INT64, H5T_NATIVE_FLOAT,  H5T_NATIVE_DOUBLE};
    const hid_t big[] = {H5T_STD_U8BE,  H5T_STD_U16BE,  H5T_STD_I32BE,
                         H5T_STD_I64BE, H5T_IEEE_F32BE, H5T_IEEE_F64BE};
    const void *const data[] = {u8, u16, i32, i64, f32, f64};
    for (int t = 0; t < 6; t++) {
        const struct maker_set sets[] = {{"a", native[t], native[t], 2, {3, 2}, 0, data[t]},
                                         {"b", native[t], big[t], 2, {3, 2}, 2, data[t]}};
        const char *path = maker_hdf5("types.h5", sets, 2);
        for (int s = 0; s < 2; s++) {
            struct vain_array array;
            CU_ASSERT_EQUAL_FATAL(vain_array_read(path, sets[s].name, &array), VAIN_OK);
            CU_ASSERT_EQUAL((int)array.type, t);
            CU_ASSERT_EQUAL(array.rank, 2);
            CU_ASSERT(array.shape[0] == 3 && array.shape[1] == 2 && array.count == 6);
            CU_ASSERT_EQUAL(memcmp(array.data, data[t], 6 * vain_array_element_bytes(array.type)),
                            0);
            vain_array_release(&array);
        }
    }
    CU_ASSERT_EQUAL(vain_memory_blocks(), 0);
}

static void elements_are_read_as_numbers(void)
{
    static const int32_t i32[2] = {-5, 70000};
    static const float f32[2] = {0.25F, -2};
    const struct maker_set sets[] = {{"i", H5T_NATIVE_INT32, H5T_STD_I32LE, 1, {2}, 0, i32},
                                     {"f", H5T_NATIVE_FLOAT, H5T_IEEE_F32LE, 1, {2}, 0, f32}};
    const char *path = maker_hdf5("numbers.h5", sets, 2);
    struct vain_array array;
    char text[VAIN_ARRAY_SHAPE_BYTES];
    CU_ASSERT_EQUAL_FATAL(vain_array_read(path, "i", &array), VAIN_OK);
    CU_ASSERT(vain_array_integer(&array, 0) == -5 && vain_array_number(&array, 1) == 70000);
    CU_ASSERT_STRING_EQUAL(vain_array_shape_text(&array, text), "(2)");
    vain_array_release(&array);
    CU_ASSERT_EQUAL_FATAL(vain_array_read(path, "f", &array), VAIN_OK);
    CU_ASSERT(vain_array_number(&array, 0) == 0.25 && vain_array_number(&array, 1) == -2);
    vain_array_release(&array);
}

static void a_missing_data_set_is_named_beside_those_there(void)
{
    static const uint8_t one[1] = {1};
    const struct maker_set sets[] = {
        {"test_images", H5T_NATIVE_UINT8, H5T_NATIVE_UINT8, 1, {1}, 0, one},
        {"labels", H5T_NATIVE_UINT8, H5T_NATIVE_UINT8, 1, {1}, 0, one}};
    const char *path = maker_hdf5("missing.h5", sets, 2);
    expect(path, "train_images", VAIN_ERR_NOT_FOUND, "data set 'train_images' of ");
    expect(path, "train_images", VAIN_ERR_NOT_FOUND,
           "missing.h5 is missing; it has: labels, test_images");
    expect(path, "labels/x", VAIN_ERR_NOT_FOUND, "is missing");
    expect(path, "", VAIN_ERR_INPUT, "name one of its data sets");
    expect(scratch_path("nowhere.h5"), "a", VAIN_ERR_NOT_FOUND, "nowhere.h5: no such file");
}

static void a_path_of_groups_leads_to_a_data_set(void)
{
    static const uint8_t three[3] = {1, 2, 3};
    const char *path = maker_hdf5("groups.h5", NULL, 0);
    const hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    const hid_t group = H5Gcreate2(file, "train", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    const hsize_t size = 3;
    const hid_t space = H5Screate_simple(1, &size, NULL);
    const hid_t set =
        H5Dcreate2(group, "images", H5T_NATIVE_UINT8, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    CU_ASSERT(H5Dwrite(set, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, three) >= 0);
    CU_ASSERT(H5Lcreate_soft("/train/images", file, "soft", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    H5Dclose(set);
    H5Sclose(space);
    H5Gclose(group);
    H5Fclose(file);
    struct vain_array array;
    CU_ASSERT_EQUAL_FATAL(vain_array_read(path, "train/images", &array), VAIN_OK);
    CU_ASSERT_EQUAL(array.count, 3);
    vain_array_release(&array);
    CU_ASSERT_EQUAL_FATAL(vain_array_read(path, "/train/images", &array), VAIN_OK);
    vain_array_release(&array);
    expect(path, "train", VAIN_ERR_INPUT, "is a group");
    expect(path, "soft", VAIN_ERR_INPUT, "soft or external link");
}

static void types_and_shapes_that_are_not_read_are_named(void)
{
    static const int8_t bytes[64] = {0};
    const hid_t text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, 16);
    const struct maker_set sets[] = {
        {"signed", H5T_NATIVE_INT8, H5T_NATIVE_INT8, 1, {2}, 0, bytes},
        {"unsigned", H5T_NATIVE_UINT32, H5T_NATIVE_UINT32, 1, {2}, 0, bytes},
        {"text", text, text, 1, {2}, 0, bytes},
        {"deep", H5T_NATIVE_UINT8, H5T_NATIVE_UINT8, 6, {1, 1, 2, 1, 1, 1}, 0, bytes},
        {"huge", H5T_NATIVE_UINT8, H5T_NATIVE_UINT8, 2, {1 << 20, 1 << 20}, 1, NULL}};
    const char *path = maker_hdf5("refused.h5", sets, 4);
    H5Tclose(text);
    expect(path, "signed", VAIN_ERR_INPUT, "data set 'signed': holds integers of 1 bytes;");
    expect(path, "unsigned", VAIN_ERR_INPUT, "integers of 4 bytes without a sign");
    expect(path, "text", VAIN_ERR_INPUT, "holds texts of 16 bytes");
    expect(path, "deep", VAIN_ERR_INPUT, "has 6 dimensions, at most 5");
    path = maker_hdf5("huge.h5", sets + 4, 1);
    expect(path, "huge", VAIN_ERR_INPUT, "has shape (1048576, 1048576), more than the 4294967296");
}

/* A file that was cut off must not come back as zeros. */
static void a_cut_hdf5_file_is_refused(void)
{
    static uint8_t data[5000], file[1 << 16];
    memset(data, 7, sizeof data);
    const struct maker_set set = {"a", H5T_NATIVE_UINT8, H5T_NATIVE_UINT8, 1, {5000}, 0, data};
    const char *path = maker_hdf5("whole.h5", &set, 1);
    FILE *stream = fopen(path, "rb");
    const size_t bytes = fread(file, 1, sizeof file, stream);
    fclose(stream);
    CU_ASSERT(bytes > 5000 && bytes < sizeof file);
    path = scratch_write("cut.h5", file, bytes - 3000);
    expect(path, "a", VAIN_ERR_CORRUPT, "cut.h5: data set 'a': ");
    file[0] = 'x';
    path = scratch_write("other.h5", file, bytes);
    expect(path, "a", VAIN_ERR_INPUT, "is neither an HDF5 file nor an idx file");
}

static void idx_files_come_back_plain_and_packed(void)
{
    static const uint8_t bytes[12] = {0, 1, 2, 3, 0xff, 0xff, 0xff, 0xfe, 0x80, 0, 0, 0};
    static const uint8_t floats[8] = {0x3f, 0x80, 0, 0, 0xc0, 0x20, 0, 0};
    static const uint8_t doubles[8] = {0x3f, 0xf8, 0, 0, 0, 0, 0, 0};
    static const char *const names[] = {"a.idx", "a.idx.gz"};
    for (int packed = 0; packed < 2; packed++) {
        struct vain_array array;
        const char *path = maker_idx(names[packed], 0x08, 3, (uint32_t[]){3, 2, 2}, bytes, 12);
        CU_ASSERT_EQUAL_FATAL(vain_array_read(path, "", &array), VAIN_OK);
        CU_ASSERT(array.rank == 3 && array.shape[0] == 3 && array.shape[2] == 2);
        CU_ASSERT_EQUAL(memcmp(array.data, bytes, 12), 0);
        vain_array_release(&array);
        path = maker_idx(names[packed], 0x0c, 1, (uint32_t[]){3}, bytes, 12);
        CU_ASSERT_EQUAL_FATAL(vain_array_read(path, "", &array), VAIN_OK);
        CU_ASSERT_EQUAL(vain_array_integer(&array, 0), 0x010203);
        CU_ASSERT_EQUAL(vain_array_integer(&array, 1), -2);
        CU_ASSERT_EQUAL(vain_array_integer(&array, 2), INT32_MIN);
        vain_array_release(&array);
        path = maker_idx(names[packed], 0x0d, 1, (uint32_t[]){2}, floats, 8);
        CU_ASSERT_EQUAL_FATAL(vain_array_read(path, "", &array), VAIN_OK);
        CU_ASSERT(vain_array_number(&array, 0) == 1.0 && vain_array_number(&array, 1) == -2.5);
        vain_array_release(&array);
        path = maker_idx(names[packed], 0x0e, 1, (uint32_t[]){1}, doubles, 8);
        CU_ASSERT_EQUAL_FATAL(vain_array_read(path, "", &array), VAIN_OK);
        CU_ASSERT_EQUAL(vain_array_number(&array, 0), 1.5);
        vain_array_release(&array);
    }
}

static void a_folder_of_idx_files_is_read_by_name(void)
{
    static const uint8_t two[2] = {8, 9};
    (void)maker_idx("plain-idx1-ubyte", 0x08, 1, (uint32_t[]){2}, two, 2);
    (void)maker_idx("packed-idx1-ubyte.gz", 0x08, 1, (uint32_t[]){2}, two, 2);
    static const char *const names[] = {"plain-idx1-ubyte", "packed-idx1-ubyte",
                                        "packed-idx1-ubyte.gz"};
    for (int i = 0; i < 3; i++) {
        struct vain_array array;
        CU_ASSERT_EQUAL_FATAL(vain_array_read(scratch_folder(), names[i], &array), VAIN_OK);
        CU_ASSERT_EQUAL(vain_array_integer(&array, 1), 9);
        vain_array_release(&array);
    }
    expect(scratch_folder(), "absent", VAIN_ERR_NOT_FOUND, "neither 'absent' nor 'absent.gz'");
    expect(scratch_folder(), "", VAIN_ERR_INPUT, "is a folder; say which");
    expect(scratch_path("plain-idx1-ubyte"), "x", VAIN_ERR_INPUT, "one array without a name");
}

static void idx_files_that_lie_are_refused(void)
{
    static const uint8_t bytes[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const char *const names[] = {"l.idx", "l.idx.gz"};
    for (int packed = 0; packed < 2; packed++) {
        const char *name = names[packed];
        expect(maker_idx(name, 0x08, 1, (uint32_t[]){9}, bytes, 8), "", VAIN_ERR_CORRUPT,
               "ends early");
        expect(maker_idx(name, 0x08, 1, (uint32_t[]){7}, bytes, 8), "", VAIN_ERR_CORRUPT,
               "holds more than the shape");
        expect(maker_idx(name, 0x09, 1, (uint32_t[]){8}, bytes, 8), "", VAIN_ERR_INPUT,
               "idx type 0x09");
        expect(maker_idx(name, 0x08, 6, (uint32_t[]){8, 1, 1, 1, 1, 1}, bytes, 8), "",
               VAIN_ERR_INPUT, "has 6 dimensions, expected 1 to 5");
        expect(maker_idx(name, 0x08, 3, (uint32_t[]){0xffffffff, 0xffffffff, 0xffffffff}, bytes, 8),
               "", VAIN_ERR_CORRUPT, "cannot hold them");
    }
}

/* Each cut and each changed byte of a packed file is an error, never wrong numbers: gzip has a
 * checksum. (Bytes 3 to 9 of its header are flags, time and system, which say nothing of it.) */
static void damage_of_a_packed_file_is_seen(void)
{
    uint8_t elements[40], file[256];
    for (size_t i = 0; i < sizeof elements; i++)
        elements[i] = (uint8_t)(i * i);
    const char *path = maker_idx("d.idx.gz", 0x08, 1, (uint32_t[]){40}, elements, 40);
    FILE *stream = fopen(path, "rb");
    const size_t bytes = fread(file, 1, sizeof file, stream);
    fclose(stream);
    CU_ASSERT(bytes > 20 && bytes < sizeof file);
    struct vain_array array;
    for (size_t cut = 2; cut < bytes; cut++)
        CU_ASSERT(vain_idx_read("d", file, cut, &array) < 0);
    for (size_t i = 10; i < bytes; i++) {
        file[i] ^= 0x20;
        CU_ASSERT(vain_idx_read("d", file, bytes, &array) < 0);
        file[i] ^= 0x20;
    }
    CU_ASSERT_EQUAL(vain_memory_blocks(), 0);
}

/* HDF5 is one in a process, members are threads. (A build of it that knows threads would pass
 * without our lock.) */
static void *read_again_and_again(void *path)
{
    intptr_t wrong = 0;
    for (int i = 0; i < 200; i++) {
        struct vain_array array;
        const bool there = vain_array_read(path, "there", &array) == VAIN_OK;
        wrong += !there || array.count != 3000 || vain_array_integer(&array, 2999) != 7;
        vain_array_release(&array);
        wrong += vain_array_read(path, "absent", &array) != VAIN_ERR_NOT_FOUND;
    }
    return wrong == 0 ? NULL : path;
}

static void members_read_at_once(void)
{
    static uint8_t data[3000];
    static char path[512];
    memset(data, 7, sizeof data);
    const struct maker_set set = {"there", H5T_NATIVE_UINT8, H5T_NATIVE_UINT8, 1, {3000}, 100,
                                  data};
    (void)snprintf(path, sizeof path, "%s", maker_hdf5("threads.h5", &set, 1));
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, read_again_and_again, path), 0);
    for (int i = 0; i < 4; i++) {
        void *wrong = path;
        CU_ASSERT_EQUAL(pthread_join(threads[i], &wrong), 0);
        CU_ASSERT_PTR_NULL(wrong);
    }
}

static const struct vain_test tests[] = {
    {"every type comes back", every_type_comes_back},
    {"elements are read as numbers", elements_are_read_as_numbers},
    {"a missing data set is named beside those there",
     a_missing_data_set_is_named_beside_those_there},
    {"a path of groups leads to a data set", a_path_of_groups_leads_to_a_data_set},
    {"types and shapes that are not read are named", types_and_shapes_that_are_not_read_are_named},
    {"a cut HDF5 file is refused", a_cut_hdf5_file_is_refused},
    {"idx files come back, plain and packed", idx_files_come_back_plain_and_packed},
    {"a folder of idx files is read by name", a_folder_of_idx_files_is_read_by_name},
    {"idx files that lie are refused", idx_files_that_lie_are_refused},
    {"damage of a packed file is seen", damage_of_a_packed_file_is_seen},
    {"members read at once", members_read_at_once},
    {NULL, NULL}};
const struct vain_suite vain_suite_array = {"data: array", tests};

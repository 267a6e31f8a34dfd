/* Damaged and foreign checkpoint files. */
#include "tests/unit/store/bed.h"
#include "tests/unit/suite.h"

#include "base/memory.h"
#include "cmd/world.h"

#include <stdio.h>
#include <string.h>

/* Coprime to all sizes in the file, so the flips fall on every kind of place. */
enum { FLIP_STRIDE = 7 };

static void write_sample(const char *folder, const struct vain_checkpoint *content,
                         char path[VAIN_PATH_BYTES])
{
    BED_OK(vain_checkpoint_write(content, folder, vain_world_real(), NULL));
    vain_checkpoint_path(folder, content->round, path, VAIN_PATH_BYTES);
}

/* ---- Damage --------------------------------------------------------------------------------- */

/* Whether the image opens and its vectors read; then content and values must be those of the
 * sample. */
static bool accepted(const uint8_t *image, size_t bytes, const struct bed_checkpoint *sample)
{
    struct vain_checkpoint_file *file;
    if (vain_checkpoint_open_image(image, bytes, &file) != VAIN_OK)
        return false;
    float parameters[BED_PARAMETERS], momentum[BED_PARAMETERS];
    bool same = false;
    const bool fits = vain_checkpoint_content(file)->parameter_count == BED_PARAMETERS &&
                      vain_checkpoint_has_momentum(file);
    CU_ASSERT_TRUE(fits);
    if (fits && vain_checkpoint_read(file, NULL, parameters, momentum) == VAIN_OK) {
        bed_assert_equal_content(vain_checkpoint_content(file), &sample->content);
        CU_ASSERT_EQUAL(memcmp(parameters, sample->parameters, sizeof parameters), 0);
        CU_ASSERT_EQUAL(memcmp(momentum, sample->momentum, sizeof momentum), 0);
        same = true;
    }
    vain_checkpoint_close(&file);
    return same;
}

/* Bits all over a small file: refused, or it did not matter (padding, labels for people). */
static void test_any_flipped_bit_is_noticed(void)
{
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    struct bed_checkpoint sample;
    bed_make_checkpoint(&sample);
    write_sample(folder, &sample.content, path);
    size_t bytes;
    uint8_t *image = bed_read_file(path, &bytes);
    CU_ASSERT_TRUE(accepted(image, bytes, &sample));
    size_t refused = 0;
    for (size_t i = 0; i < bytes; i += FLIP_STRIDE) {
        const uint8_t bit = (uint8_t)(1u << (i * 5 % 8));
        image[i] ^= bit;
        refused += accepted(image, bytes, &sample) ? 0 : 1;
        image[i] ^= bit;
    }
    /* Headers, texts and vectors are well over a third of it; the rest is unused room. */
    CU_ASSERT(refused > bytes / FLIP_STRIDE / 3);
    vain_release(image);
    bed_remove_folder(folder);
}

/* Where a dataset's bytes lie in the file. */
static void dataset_extent(const char *path, const char *name, size_t *offset, size_t *bytes)
{
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    const hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
    CU_ASSERT_FATAL(dataset >= 0);
    *offset = (size_t)H5Dget_offset(dataset);
    *bytes = (size_t)H5Dget_storage_size(dataset);
    H5Dclose(dataset);
    H5Fclose(file);
}

static void test_a_bit_in_any_dataset_is_noticed(void)
{
    static const char *const names[] = {"/spec",
                                        "/spec_resolved",
                                        "/model/tokens/weight",
                                        "/model/head_bias",
                                        "/model/blocks/0/filter",
                                        "/outer/momentum/blocks/1/norm/gain",
                                        "/data/symbols",
                                        "/peers/id",
                                        "/peers/name",
                                        "/run/loss/step",
                                        "/run/loss/round",
                                        "/run/loss/loss",
                                        "/run/loss/val_loss",
                                        "/run/loss/accuracy",
                                        "/integrity/parameters",
                                        "/integrity/outer_momentum",
                                        "/integrity/content",
                                        "/complete"};
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    struct bed_checkpoint sample;
    bed_make_checkpoint(&sample);
    write_sample(folder, &sample.content, path);
    size_t bytes;
    uint8_t *image = bed_read_file(path, &bytes);
    for (size_t i = 0; i < VAIN_COUNT_OF(names); i++) {
        size_t offset, length;
        dataset_extent(path, names[i], &offset, &length);
        CU_ASSERT_FATAL(offset + length <= bytes);
        const size_t at = offset + (length > 3 ? 2 : 0);
        image[at] ^= 0x10;
        if (accepted(image, bytes, &sample)) {
            printf("\n    a bit of %s\n", names[i]);
            CU_FAIL("a flipped bit was not noticed");
        }
        image[at] ^= 0x10;
    }
    vain_release(image);
    bed_remove_folder(folder);
}

static void test_a_cut_file_is_refused(void)
{
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    struct bed_checkpoint sample;
    bed_make_checkpoint(&sample);
    write_sample(folder, &sample.content, path);
    size_t bytes;
    uint8_t *image = bed_read_file(path, &bytes);
    struct vain_checkpoint_file *file;
    for (size_t length = 0; length < bytes; length += length < 128 ? 1 : 97) {
        BED_FAILS(vain_checkpoint_open_image(image, length, &file), VAIN_ERR_CORRUPT);
        CU_ASSERT_PTR_NULL(file);
    }
    bed_write_file(path, image, bytes - 1);
    BED_FAILS(vain_checkpoint_open(path, &file), VAIN_ERR_CORRUPT);
    bed_write_file(path, image, 0);
    BED_FAILS(vain_checkpoint_open(path, &file), VAIN_ERR_CORRUPT);
    vain_release(image);
    bed_remove_folder(folder);
}

static void test_files_that_are_none(void)
{
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    struct vain_checkpoint_file *file;
    bed_join(folder, "absent.h5", path);
    BED_FAILS(vain_checkpoint_open(path, &file), VAIN_ERR_NOT_FOUND);
    BED_FAILS(vain_checkpoint_open(folder, &file), VAIN_ERR_CORRUPT);
    bed_write_file(path, "version: 1\nname: no file of ours\n", 33);
    BED_FAILS(vain_checkpoint_open(path, &file), VAIN_ERR_CORRUPT);
    /* An HDF5 file of the oldest format, as h5py writes by default. */
    const hid_t other = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    CU_ASSERT_FATAL(other >= 0);
    H5Fclose(other);
    BED_FAILS(vain_checkpoint_open(path, &file), VAIN_ERR_CORRUPT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "superblock"));
    char longer[VAIN_PATH_BYTES + 10];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    BED_FAILS(vain_checkpoint_open(longer, &file), VAIN_ERR_INPUT);
    bed_remove_folder(folder);
}

/* ---- Foreign files: each edit breaks one rule ------------------------------------------------ */

static void no_complete(hid_t file)
{
    bed_delete_link(file, "/complete");
}
static void complete_is_two(hid_t file)
{
    const uint8_t two = 2;
    bed_set_dataset(file, "/complete", H5T_STD_U8LE, 0, NULL, &two);
}
static void complete_is_a_group(hid_t file)
{
    bed_delete_link(file, "/complete");
    H5Gclose(H5Gcreate2(file, "/complete", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
}
static void complete_is_a_column(hid_t file)
{
    const hsize_t two = 2;
    bed_set_dataset(file, "/complete", H5T_STD_U8LE, 1, &two, "\1\1");
}
static void other_file_type(hid_t file)
{
    bed_set_text(file, "/", "file_type", "vain-member");
}
static void no_file_type(hid_t file)
{
    bed_delete_attribute(file, "/", "file_type");
}
static void file_type_is_a_number(hid_t file)
{
    bed_set_integer(file, "/", "file_type", 1);
}
static void newer_format(hid_t file)
{
    bed_set_integer(file, "/", "format_version", VAIN_CHECKPOINT_FORMAT + 1);
}
static void format_is_a_text(hid_t file)
{
    bed_set_text(file, "/", "format_version", "2");
}
static void negative_round(hid_t file)
{
    bed_set_integer(file, "/", "round", -1);
}
static void other_round(hid_t file)
{
    bed_set_integer(file, "/", "round", 8);
}
static void no_time(hid_t file)
{
    bed_set_text(file, "/", "created", "yesterday");
}
static void other_time(hid_t file)
{
    bed_set_text(file, "/", "created", "2026-10-29T12:00:00.124Z");
}
static void run_id_is_no_hex(hid_t file)
{
    bed_set_text(file, "/", "run_id", "g0a1a2a3a4a5a6a7a8a9aaabacadaeaf");
}
static void long_platform(hid_t file)
{
    char text[400];
    memset(text, 'p', sizeof text);
    text[sizeof text - 1] = '\0';
    bed_set_text(file, "/", "platform", text);
}
static void other_hash(hid_t file)
{
    bed_set_text(file, "/", "parameters_hash",
                 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
}
static void parameters_without_bounds(hid_t file)
{
    bed_set_integer(file, "/", "parameter_count", INT64_MAX / 2);
}
static void one_parameter_less(hid_t file)
{
    bed_set_integer(file, "/", "parameter_count", BED_PARAMETERS - 1);
}
static void no_model(hid_t file)
{
    bed_delete_link(file, "/model");
}
static void model_is_a_dataset(hid_t file)
{
    const float one = 1;
    bed_set_dataset(file, "/model", H5T_IEEE_F32LE, 0, NULL, &one);
}
static void a_slice_is_missing(hid_t file)
{
    bed_delete_link(file, "/model/blocks/0/filter");
}
static void a_slice_is_soft(hid_t file)
{
    bed_delete_link(file, "/model/head_bias");
    H5Lcreate_soft("/outer/momentum/head_bias", file, "/model/head_bias", H5P_DEFAULT, H5P_DEFAULT);
}
static void a_slice_is_external(hid_t file)
{
    bed_delete_link(file, "/model/head_bias");
    H5Lcreate_external("/etc/passwd", "/x", file, "/model/head_bias", H5P_DEFAULT, H5P_DEFAULT);
}
static void a_group_is_external(hid_t file)
{
    bed_delete_link(file, "/codec");
    H5Lcreate_external("other.h5", "/codec", file, "/codec", H5P_DEFAULT, H5P_DEFAULT);
}
static void a_slice_is_double(hid_t file)
{
    const double one = 1;
    const hsize_t size = 1;
    bed_set_dataset(file, "/model/head_bias", H5T_IEEE_F64LE, 1, &size, &one);
}
static void a_slice_is_big_endian(hid_t file)
{
    const hsize_t size = 1;
    bed_set_dataset(file, "/model/head_bias", H5T_IEEE_F32BE, 1, &size, NULL);
}
static void a_slice_has_five_dimensions(hid_t file)
{
    const hsize_t sizes[5] = {1, 1, 1, 1, 1};
    bed_set_dataset(file, "/model/head_bias", H5T_IEEE_F32LE, 5, sizes, NULL);
}
static void a_slice_is_a_scalar(hid_t file)
{
    const float one = 1;
    bed_set_dataset(file, "/model/head_bias", H5T_IEEE_F32LE, 0, NULL, &one);
}
static void a_slice_is_null(hid_t file)
{
    bed_delete_link(file, "/model/head_bias");
    const hid_t space = H5Screate(H5S_NULL);
    H5Dclose(H5Dcreate2(file, "/model/head_bias", H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT,
                        H5P_DEFAULT));
    H5Sclose(space);
}
/* What belongs to a slice, so that only its data are wrong. */
static void add_slice_attributes(hid_t dataset)
{
    const hsize_t one = 1;
    const hid_t scalar = H5Screate(H5S_SCALAR), column = H5Screate_simple(1, &one, NULL);
    const int64_t offset = BED_PARAMETERS - 1;
    hid_t id = H5Acreate2(dataset, "flat_offset", H5T_STD_I64LE, scalar, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(id, H5T_STD_I64LE, &offset);
    H5Aclose(id);
    id = H5Acreate2(dataset, "dims", H5T_C_S1, column, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(id, H5T_C_S1, "x");
    H5Aclose(id);
    H5Sclose(column);
    H5Sclose(scalar);
}
/* A dataset of `count` elements with the layout that `creation` says. */
static void set_slice_with(hid_t file, hid_t creation, hsize_t count)
{
    bed_delete_link(file, "/model/head_bias");
    const hid_t space = H5Screate_simple(1, &count, NULL);
    const hid_t id = H5Dcreate2(file, "/model/head_bias", H5T_IEEE_F32LE, space, H5P_DEFAULT,
                                creation, H5P_DEFAULT);
    CU_ASSERT_FATAL(id >= 0);
    add_slice_attributes(id);
    H5Dclose(id);
    H5Sclose(space);
    H5Pclose(creation);
}
static void a_slice_is_compressed(hid_t file)
{
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    const hsize_t chunk = 1;
    H5Pset_chunk(creation, 1, &chunk);
    H5Pset_deflate(creation, 1);
    set_slice_with(file, creation, 1);
}
static void a_slice_is_compact(hid_t file)
{
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_layout(creation, H5D_COMPACT);
    set_slice_with(file, creation, 1);
}
static void a_slice_lies_in_another_file(hid_t file)
{
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(creation, "/etc/passwd", 0, 4);
    set_slice_with(file, creation, 1);
}
static void a_slice_is_huge(hid_t file)
{
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_alloc_time(creation, H5D_ALLOC_TIME_LATE);
    set_slice_with(file, creation, (hsize_t)1 << 40);
}
static void a_slice_was_never_written(hid_t file)
{
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_alloc_time(creation, H5D_ALLOC_TIME_LATE);
    set_slice_with(file, creation, 1);
}
static void no_offset(hid_t file)
{
    bed_delete_attribute(file, "/model/head_bias", "flat_offset");
}
static void wrong_offset(hid_t file)
{
    bed_set_integer(file, "/model/head_bias", "flat_offset", 45);
}
static void dims_for_another_shape(hid_t file)
{
    bed_set_text(file, "/model/tokens/weight", "dims", "symbol");
}
static void dim_is_too_long(hid_t file)
{
    bed_set_text(file, "/model/head_bias", "dims", "a name of an axis that is longer than any is");
}
static void a_name_with_capitals(hid_t file)
{
    H5Lmove(file, "/model/head_bias", file, "/model/Head", H5P_DEFAULT, H5P_DEFAULT);
}
static void a_name_with_a_dot(hid_t file)
{
    H5Lmove(file, "/model/head_bias", file, "/model/head.bias", H5P_DEFAULT, H5P_DEFAULT);
}
static void a_named_type_among_slices(hid_t file)
{
    const hid_t type = H5Tcopy(H5T_IEEE_F32LE);
    H5Tcommit2(file, "/model/type", type, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Tclose(type);
}
static void a_circle_of_groups(hid_t file)
{
    H5Lcreate_hard(file, "/model", file, "/model/blocks/again", H5P_DEFAULT, H5P_DEFAULT);
}
/* Each level has three times as many groups as the one above it. */
static void a_bush_of_circles(hid_t file)
{
    static const char *const names[] = {"/model/q/x", "/model/q/y", "/model/q/z"};
    H5Gclose(H5Gcreate2(file, "/model/q", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    for (size_t i = 0; i < VAIN_COUNT_OF(names); i++)
        H5Lcreate_hard(file, "/model/q", file, names[i], H5P_DEFAULT, H5P_DEFAULT);
}
/* To an object that is right in all but the way that leads to it. */
static void a_group_is_soft(hid_t file)
{
    H5Lmove(file, "/codec", file, "/moved", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/moved", file, "/codec", H5P_DEFAULT, H5P_DEFAULT);
}
static void momentum_of_another_shape(hid_t file)
{
    const hsize_t sizes[2] = {4, 3};
    const float values[12] = {0};
    bed_set_dataset(file, "/outer/momentum/tokens/weight", H5T_IEEE_F32LE, 2, sizes, values);
    const hid_t object = H5Oopen(file, "/outer/momentum/tokens/weight", H5P_DEFAULT);
    const hid_t space = H5Screate(H5S_SCALAR), type = H5Tcopy(H5T_C_S1);
    const hsize_t two = 2;
    const hid_t pair = H5Screate_simple(1, &two, NULL);
    const int64_t zero = 0;
    hid_t id = H5Acreate2(object, "flat_offset", H5T_STD_I64LE, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(id, H5T_STD_I64LE, &zero);
    H5Aclose(id);
    id = H5Acreate2(object, "dims", type, pair, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(id, type, "ab");
    H5Aclose(id);
    H5Tclose(type);
    H5Sclose(pair);
    H5Sclose(space);
    H5Oclose(object);
}
static void momentum_is_gone(hid_t file)
{
    bed_delete_link(file, "/outer/momentum");
}
static void symbols_are_fewer(hid_t file)
{
    const hsize_t two = 2;
    const uint32_t values[2] = {10, 0xe9};
    bed_set_dataset(file, "/data/symbols", H5T_STD_U32LE, 1, &two, values);
}
static void symbols_are_gone(hid_t file)
{
    bed_delete_link(file, "/data/symbols");
}
static void symbols_have_two_dimensions(hid_t file)
{
    const hsize_t sizes[2] = {3, 1};
    const uint32_t values[3] = {10, 0xe9, 0x1f600};
    bed_set_dataset(file, "/data/symbols", H5T_STD_U32LE, 2, sizes, values);
}
static void too_many_symbols(hid_t file)
{
    bed_set_integer(file, "/data", "symbol_count", 0x110001);
}
static void exponent_out_of_range(hid_t file)
{
    bed_set_integer(file, "/codec", "range_exponent", INT64_C(1) << 40);
}
static void id_is_no_hex(hid_t file)
{
    const hid_t dataset = H5Dopen2(file, "/peers/id", H5P_DEFAULT);
    const hid_t type = H5Dget_type(dataset);
    char texts[2][65];
    memset(texts, 'x', sizeof texts);
    texts[0][64] = texts[1][64] = '\0';
    H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts);
    H5Tclose(type);
    H5Dclose(dataset);
}
static void id_does_not_end(hid_t file)
{
    const hid_t dataset = H5Dopen2(file, "/peers/name", H5P_DEFAULT);
    const hid_t type = H5Dget_type(dataset);
    char texts[2][64];
    memset(texts, 'x', sizeof texts);
    H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts);
    H5Tclose(type);
    H5Dclose(dataset);
}
static void ids_are_numbers(hid_t file)
{
    const hsize_t two = 2;
    const uint8_t values[2] = {1, 2};
    bed_set_dataset(file, "/peers/id", H5T_STD_U8LE, 1, &two, values);
}
static void names_are_fewer(hid_t file)
{
    const hsize_t one = 1;
    const hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, 64);
    bed_set_dataset(file, "/peers/name", type, 1, &one, NULL);
    H5Tclose(type);
}
static void spec_is_of_variable_length(hid_t file)
{
    const hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, H5T_VARIABLE);
    const char *text = "version: 1\n";
    bed_set_dataset(file, "/spec", type, 0, NULL, &text);
    H5Tclose(type);
}
static void spec_is_a_column(hid_t file)
{
    const hsize_t one = 1;
    const hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, 8);
    bed_set_dataset(file, "/spec", type, 1, &one, "version");
    H5Tclose(type);
}
static void job_name_is_of_variable_length(hid_t file)
{
    bed_delete_attribute(file, "/", "job_name");
    const hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    H5Tset_size(type, H5T_VARIABLE);
    const char *text = "name";
    const hid_t id = H5Acreate2(file, "job_name", type, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(id, type, &text);
    H5Aclose(id);
    H5Sclose(space);
    H5Tclose(type);
}
static void a_column_is_shorter(hid_t file)
{
    const hsize_t two = 2;
    const double values[2] = {1, 2};
    bed_set_dataset(file, "/run/loss/loss", H5T_IEEE_F64LE, 1, &two, values);
}
static void no_integrity(hid_t file)
{
    bed_delete_link(file, "/integrity");
}
static void other_leaves(hid_t file)
{
    bed_set_integer(file, "/integrity", "leaf_bytes", 1024);
}
static void a_short_hash(hid_t file)
{
    const hsize_t size = 16;
    const uint8_t values[16] = {0};
    bed_set_dataset(file, "/integrity/content", H5T_STD_U8LE, 1, &size, values);
}

static const struct {
    bed_edit edit;
    const char *part; /* of the message: what it is about */
} foreign[] = {
    {no_complete, "/complete"},
    {complete_is_two, "/complete"},
    {complete_is_a_group, "not a dataset"},
    {complete_is_a_column, "/complete"},
    {other_file_type, "file_type"},
    {no_file_type, "file_type"},
    {file_type_is_a_number, "file_type"},
    {newer_format, "format_version"},
    {format_is_a_text, "format_version"},
    {negative_round, "round"},
    {other_round, "content"},
    {no_time, "created"},
    {other_time, "content"},
    {run_id_is_no_hex, "run_id"},
    {long_platform, "platform"},
    {other_hash, "/integrity/parameters"},
    {parameters_without_bounds, "parameter_count"},
    {one_parameter_less, "head_bias"},
    {no_model, "/model"},
    {model_is_a_dataset, "not a group"},
    {a_slice_is_missing, "begin where"},
    {a_slice_is_soft, "hard link"},
    {a_slice_is_external, "hard link"},
    {a_group_is_external, "external link"},
    {a_slice_is_double,
     "holds floating-point numbers of 8 bytes; expected floating-point numbers of 4 bytes"},
    {a_slice_is_big_endian, "of 4 bytes, big-endian; expected"},
    {a_slice_has_five_dimensions, "dimensions"},
    {a_slice_is_a_scalar, "head_bias"},
    {a_slice_is_null, "dimensions"},
    {a_slice_is_compressed, "chunked"},
    {a_slice_is_compact, "contiguous"},
    {a_slice_lies_in_another_file, "another file"},
    {a_slice_is_huge, "head_bias"},
    {a_slice_was_never_written, "cut off"},
    {no_offset, "flat_offset"},
    {wrong_offset, "begin where"},
    {dims_for_another_shape, "dims"},
    {dim_is_too_long, "dims"},
    {a_name_with_capitals, "name"},
    {a_name_with_a_dot, "name"},
    {a_named_type_among_slices, "/model"},
    {a_circle_of_groups, "name"},
    {a_bush_of_circles, "more than"},
    {a_group_is_soft, "soft"},
    {momentum_of_another_shape, "other slices"},
    {momentum_is_gone, "content"},
    {symbols_are_fewer, "symbol"},
    {symbols_are_gone, "missing"},
    {symbols_have_two_dimensions, "one dimension"},
    {too_many_symbols, "symbol_count"},
    {exponent_out_of_range, "range_exponent"},
    {id_is_no_hex, "member id"},
    {id_does_not_end, "does not end"},
    {ids_are_numbers, "holds unsigned integers of 1 byte; expected texts"},
    {names_are_fewer, "/peers/name"},
    {spec_is_of_variable_length, "holds texts of any length; expected texts of a fixed"},
    {spec_is_a_column, "one text"},
    {job_name_is_of_variable_length, "fixed length"},
    {a_column_is_shorter, "length"},
    {no_integrity, "/integrity"},
    {other_leaves, "leaf_bytes"},
    {a_short_hash, "/integrity/content"},
};

static void test_foreign_files_are_refused(void)
{
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    struct bed_checkpoint sample;
    bed_make_checkpoint(&sample);
    write_sample(folder, &sample.content, path);
    size_t bytes;
    uint8_t *image = bed_read_file(path, &bytes);
    for (size_t i = 0; i < VAIN_COUNT_OF(foreign); i++) {
        bed_write_file(path, image, bytes);
        bed_edit_file(path, foreign[i].edit);
        struct vain_checkpoint_file *file;
        BED_FAILS(vain_checkpoint_open(path, &file), VAIN_ERR_CORRUPT);
        if (strstr(vain_fail_message(), foreign[i].part) == NULL) {
            printf("\n    edit %zu: '%s' has no '%s'\n", i, vain_fail_message(), foreign[i].part);
            CU_FAIL("another reason than expected");
        }
        CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), path));
        vain_checkpoint_close(&file);
    }
    vain_release(image);
    bed_remove_folder(folder);
}

/* Symbols that nobody could look a prompt up in, in files whose hashes are right: whoever makes
 * such a file makes them too. */
static void test_odd_symbols_are_refused(void)
{
    static const uint32_t falling[BED_SYMBOLS] = {10, 9, 0x1f600},
                          twice[BED_SYMBOLS] = {10, 10, 11}, wide[BED_SYMBOLS] = {10, 32, 256},
                          beyond[BED_SYMBOLS] = {1, 2, 0x110000};
    static const struct {
        const char *kind;
        const uint32_t *symbols;
        int64_t count;
        const char *part;
    } odd[] = {
        {"foo", falling, BED_SYMBOLS, "symbol_kind is 'foo'"},
        {"foo", NULL, BED_SYMBOLS, "symbol_kind is 'foo'"},
        {"", NULL, BED_SYMBOLS, "symbol_kind is ''"},
        {"characters", NULL, BED_SYMBOLS, "'/data/symbols' is missing"},
        {"bytes", NULL, 256, "'/data/symbols' is missing"},
        {"tokens", twice, BED_SYMBOLS, "'/data/symbols' is there"},
        {"characters", falling, BED_SYMBOLS, "value 1 (9) does not come after 10"},
        {"bytes", twice, BED_SYMBOLS, "value 1 (10) does not come after 10"},
        {"bytes", wide, BED_SYMBOLS, "value 2 (256) is none of bytes"},
        {"characters", beyond, BED_SYMBOLS, "value 2 (1114112) is none of characters"},
        {"words", NULL, BED_SYMBOLS, "'/data/symbols' is missing"},
        {"words", falling, BED_SYMBOLS, "'/data/symbols'"},
        {"tokens", NULL, 0, "symbol_count"},
    };
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    struct bed_checkpoint sample;
    bed_make_checkpoint(&sample);
    for (size_t i = 0; i < VAIN_COUNT_OF(odd); i++) {
        struct vain_checkpoint_file *file;
        sample.content.symbol_kind = odd[i].kind;
        sample.content.symbols = odd[i].symbols;
        sample.content.symbol_count = odd[i].count;
        write_sample(folder, &sample.content, path);
        BED_FAILS(vain_checkpoint_open(path, &file), VAIN_ERR_CORRUPT);
        if (strstr(vain_fail_message(), odd[i].part) == NULL) {
            printf("\n    '%s' has no '%s'\n", vain_fail_message(), odd[i].part);
            CU_FAIL("another reason than expected");
        }
        vain_checkpoint_close(&file);
    }
    bed_remove_folder(folder);
}

static const struct vain_test tests[] = {
    {"a flipped bit anywhere is noticed or does not matter", test_any_flipped_bit_is_noticed},
    {"a flipped bit in any dataset is noticed", test_a_bit_in_any_dataset_is_noticed},
    {"a file that was cut is refused", test_a_cut_file_is_refused},
    {"files that are no checkpoints are refused", test_files_that_are_none},
    {"foreign files are refused with the reason", test_foreign_files_are_refused},
    {"odd symbols are refused in a file whose hashes are right", test_odd_symbols_are_refused},
    {NULL, NULL},
};
const struct vain_suite vain_suite_damage = {"store/damage", tests};

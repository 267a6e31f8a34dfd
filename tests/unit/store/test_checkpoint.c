/* Round trip and layout of checkpoints, and writes that fail. */
#include "tests/unit/store/bed.h"
#include "tests/unit/suite.h"

#include "base/memory.h"
#include "cmd/world.h"
#include "jobs/store/checkpoint_layout.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static void write_sample(const char *folder, const struct vain_checkpoint *content,
                         char path[VAIN_PATH_BYTES])
{
    int64_t bytes;
    BED_OK(vain_checkpoint_write(content, folder, vain_world_real(), &bytes));
    vain_checkpoint_path(folder, content->round, path, VAIN_PATH_BYTES);
    struct stat about;
    CU_ASSERT_EQUAL_FATAL(stat(path, &about), 0);
    CU_ASSERT_EQUAL(bytes, (int64_t)about.st_size);
}

static void test_round_trip(void)
{
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    struct bed_checkpoint sample;
    bed_make_checkpoint(&sample);
    write_sample(folder, &sample.content, path);
    CU_ASSERT_EQUAL(bed_count_files(folder), 1);

    struct vain_checkpoint_file *file;
    BED_OK(vain_checkpoint_open(path, &file));
    bed_assert_equal_content(vain_checkpoint_content(file), &sample.content);
    CU_ASSERT_PTR_NULL(vain_checkpoint_content(file)->parameters);
    CU_ASSERT_TRUE(vain_checkpoint_has_momentum(file));
    float parameters[BED_PARAMETERS], momentum[BED_PARAMETERS];
    BED_OK(vain_checkpoint_read(file, NULL, parameters, momentum));
    CU_ASSERT_EQUAL(memcmp(parameters, sample.parameters, sizeof parameters), 0);
    CU_ASSERT_EQUAL(memcmp(momentum, sample.momentum, sizeof momentum), 0);
    memset(parameters, 0, sizeof parameters);
    BED_OK(vain_checkpoint_read(file, NULL, NULL, momentum));
    BED_OK(vain_checkpoint_read(file, NULL, parameters, NULL));
    CU_ASSERT_EQUAL(memcmp(parameters, sample.parameters, sizeof parameters), 0);
    vain_checkpoint_close(&file);
    CU_ASSERT_PTR_NULL(file);
    vain_checkpoint_close(&file);
    bed_remove_folder(folder);
}

/* A model of words: their column is text. */
static const char sample_words[BED_SYMBOLS][VAIN_WORD_BYTES] = {"<padding>", "caf\xc3\xa9",
                                                                "~\\xc3e>"};

static void test_round_trip_of_words(void)
{
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    struct bed_checkpoint sample;
    bed_make_checkpoint(&sample);
    sample.content.symbols = NULL;
    sample.content.words = sample_words[0];
    sample.content.symbol_kind = "words";
    write_sample(folder, &sample.content, path);
    struct vain_checkpoint_file *file;
    BED_OK(vain_checkpoint_open(path, &file));
    bed_assert_equal_content(vain_checkpoint_content(file), &sample.content);
    vain_checkpoint_close(&file);
    sample.content.symbol_count = VAIN_SYMBOLS_MAX + 1;
    BED_FAILS(vain_checkpoint_write(&sample.content, folder, vain_world_real(), NULL),
              VAIN_ERR_INPUT);
    bed_remove_folder(folder);
}

/* The least that a run may have: token files, mean as outer optimiser, round 0. */
static void test_round_trip_of_the_least(void)
{
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    struct bed_checkpoint sample;
    bed_make_checkpoint(&sample);
    sample.content.outer_momentum = NULL;
    sample.content.symbols = NULL;
    sample.content.symbol_count = 50257;
    sample.content.symbol_kind = "tokens";
    sample.content.curve_count = 0;
    sample.content.curve = NULL;
    sample.content.member_count = 0;
    sample.content.members = NULL;
    sample.content.round = 0;
    sample.content.spec = NULL;
    write_sample(folder, &sample.content, path);
    struct vain_checkpoint_file *file;
    BED_OK(vain_checkpoint_open(path, &file));
    sample.content.spec = "";
    bed_assert_equal_content(vain_checkpoint_content(file), &sample.content);
    CU_ASSERT_FALSE(vain_checkpoint_has_momentum(file));
    float vector[BED_PARAMETERS];
    BED_OK(vain_checkpoint_read(file, NULL, vector, NULL));
    BED_FAILS(vain_checkpoint_read(file, NULL, NULL, vector), VAIN_ERR_INPUT);
    vain_checkpoint_close(&file);
    bed_remove_folder(folder);
}

/* A vector of several pieces and several leaves, hashed while it is written, by a pool. */
static void test_large_vector_hashed_meanwhile(void)
{
    enum { ROWS = 3001, WIDTH = 1000, N = ROWS * WIDTH };
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    struct bed_checkpoint sample;
    bed_make_checkpoint(&sample);
    void *memory;
    BED_OK(vain_take_array(2 * N, sizeof(float), "test", &memory));
    float *vector = memory, *read = vector + N;
    for (int i = 0; i < N; i++)
        vector[i] = (float)(i % 8191) - 4000.0f;
    const struct vain_store_slice slice = {
        "embedding.weight", 0, N, 3, {ROWS, 10, WIDTH / 10}, {"row", "group", "column"}};
    sample.content.slices = &slice;
    sample.content.slice_count = 1;
    sample.content.parameter_count = N;
    sample.content.parameters = vector;
    sample.content.outer_momentum = vector;
    sample.content.hash_parameters = true;
    memset(sample.content.parameters_hash, 0xee, VAIN_HASH_BYTES);
    uint8_t stored[VAIN_HASH_BYTES], expected[VAIN_HASH_BYTES];
    sample.content.parameters_hash_out = stored;
    BED_OK(vain_pool_open(2, &sample.content.pool));
    write_sample(folder, &sample.content, path);
    BED_OK(vain_merkle_root(vector, N * sizeof(float), VAIN_MERKLE_LEAF_BYTES, NULL, expected));
    CU_ASSERT_EQUAL(memcmp(stored, expected, sizeof stored), 0);

    struct vain_checkpoint_file *file;
    BED_OK(vain_checkpoint_open(path, &file));
    CU_ASSERT_EQUAL(
        memcmp(vain_checkpoint_content(file)->parameters_hash, expected, sizeof expected), 0);
    BED_OK(vain_checkpoint_read(file, sample.content.pool, read, NULL));
    CU_ASSERT_EQUAL(memcmp(read, vector, N * sizeof(float)), 0);
    memset(read, 0, N * sizeof(float));
    BED_OK(vain_checkpoint_read(file, NULL, NULL, read));
    CU_ASSERT_EQUAL(memcmp(read, vector, N * sizeof(float)), 0);
    vain_checkpoint_close(&file);
    vain_pool_close(&sample.content.pool);
    vain_release(memory);
    bed_remove_folder(folder);
}

static void test_equal_inputs_give_equal_files(void)
{
    char folders[2][VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    uint8_t *images[2];
    size_t bytes[2];
    for (int i = 0; i < 2; i++) {
        struct bed_checkpoint sample;
        memset(&sample, i, sizeof sample); /* what was there before must not matter */
        bed_make_checkpoint(&sample);
        bed_make_folder(folders[i]);
        write_sample(folders[i], &sample.content, path);
        images[i] = bed_read_file(path, &bytes[i]);
    }
    CU_ASSERT_EQUAL_FATAL(bytes[0], bytes[1]);
    CU_ASSERT_EQUAL(memcmp(images[0], images[1], bytes[0]), 0);
    for (int i = 0; i < 2; i++) {
        vain_release(images[i]);
        bed_remove_folder(folders[i]);
    }
}

/* ---- The documented layout ------------------------------------------------------------------ */

/* docs/checkpoint-format.md as a table: every object and attribute, its kind and, where it is one
 * text, the text. */
struct documented {
    const char *object, *attribute; /* attribute NULL: the object itself */
    const char *kind;               /* "text", "texts", "int64", "group", "float32 3 4", ... */
    const char *value;              /* of a text; NULL: any */
};
static const struct documented layout[] = {
    {"/", "NX_class", "text", "NXroot"},
    {"/", "default", "text", "run"},
    {"/", "file_type", "text", "vain-checkpoint"},
    {"/", "format_version", "int64", "2"},
    {"/", "conventions", "text", "VAIN-1.0"},
    {"/", "creator", "text", "vain " VAIN_VERSION},
    {"/", "hdf5_version", "text", NULL},
    {"/", "created", "text", "2026-10-29T12:00:00.123Z"},
    {"/", "job_name", "text", "café"},
    {"/", "run_id", "text", "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"},
    {"/", "round", "int64", "7"},
    {"/", "step", "int64", "140"},
    {"/", "model", "text", "transformer"},
    {"/", "parameter_count", "int64", "47"},
    {"/", "platform", "text", "vain=0.1.0 device=cpu libm=glibc-2.36 product=fused"},
    {"/", "spec_hash", "text", NULL},
    {"/", "record_head", "text", NULL},
    {"/", "parameters_hash", "text", NULL},
    {"/spec", NULL, "text", "name: café\nseed: 1\n"},
    {"/spec", "long_name", "text", NULL},
    {"/spec_resolved", NULL, "text", NULL},
    {"/model", NULL, "group", NULL},
    {"/model/tokens/weight", NULL, "float32 3 4", NULL},
    {"/model/tokens/weight", "units", "text", "1"},
    {"/model/tokens/weight", "long_name", "text", "parameters of tokens.weight"},
    {"/model/tokens/weight", "dims", "texts 2", "symbol"},
    {"/model/tokens/weight", "flat_offset", "int64", "0"},
    {"/model/blocks/0/norm/gain", NULL, "float32 3", NULL},
    {"/model/blocks/0/filter", NULL, "float32 2 3 2 2", NULL},
    {"/model/blocks/0/filter", "flat_offset", "int64", "15"},
    {"/model/blocks/1/norm/gain", NULL, "float32 7", NULL},
    {"/model/head_bias", NULL, "float32 1", NULL},
    {"/outer/momentum/tokens/weight", NULL, "float32 3 4", NULL},
    {"/outer/momentum/tokens/weight", "long_name", "text", "outer momentum of tokens.weight"},
    {"/outer/momentum/head_bias", "flat_offset", "int64", "46"},
    {"/data", "symbol_kind", "text", "characters"},
    {"/data", "symbol_count", "int64", "3"},
    {"/data/symbols", NULL, "uint32 3", NULL},
    {"/data/symbols", "kind", "text", "characters"},
    {"/data/symbols", "units", "text", "1"},
    {"/codec", "range_exponent", "int64", "-23"},
    {"/codec", "bound_exponent", "int64", "5"},
    {"/peers/id", NULL, "texts 2",
     "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"},
    {"/peers/name", NULL, "texts 2", "alice"},
    {"/run", "NX_class", "text", "NXentry"},
    {"/run", "default", "text", "loss"},
    {"/run/loss", "NX_class", "text", "NXdata"},
    {"/run/loss", "signal", "text", "loss"},
    {"/run/loss", "axes", "texts 1", "step"},
    {"/run/loss", "auxiliary_signals", "texts 2", "val_loss"},
    {"/run/loss/title", NULL, "text", NULL},
    {"/run/loss/step", NULL, "int64 3", NULL},
    {"/run/loss/step", "CLASS", "text", "DIMENSION_SCALE"},
    {"/run/loss/step", "NAME", "text", "step"},
    {"/run/loss/step", "REFERENCE_LIST", "compound 3", NULL},
    {"/run/loss/round", NULL, "int64 3", NULL},
    {"/run/loss/loss", NULL, "float64 3", NULL},
    {"/run/loss/loss", "units", "text", "1"},
    {"/run/loss/loss", "DIMENSION_LIST", "references 1", NULL},
    {"/run/loss/val_loss", NULL, "float64 3", NULL},
    {"/run/loss/val_loss", "DIMENSION_LIST", "references 1", NULL},
    {"/run/loss/accuracy", NULL, "float64 3", NULL},
    {"/integrity", "algorithm", "text", "BLAKE2b-256"},
    {"/integrity", "leaf_bytes", "int64", "4194304"},
    {"/integrity/parameters", NULL, "uint8 32", NULL},
    {"/integrity/outer_momentum", NULL, "uint8 32", NULL},
    {"/integrity/content", NULL, "uint8 32", NULL},
    {"/complete", NULL, "uint8", NULL},
};

static const char *class_text(hid_t type, bool scalar)
{
    switch (H5Tget_class(type)) {
    case H5T_STRING:
        CU_ASSERT_EQUAL(H5Tis_variable_str(type), 0);
        CU_ASSERT_EQUAL(H5Tget_cset(type), H5T_CSET_UTF8);
        return scalar ? "text" : "texts";
    case H5T_INTEGER:
        return H5Tequal(type, H5T_STD_I64LE) > 0   ? "int64"
               : H5Tequal(type, H5T_STD_U8LE) > 0  ? "uint8"
               : H5Tequal(type, H5T_STD_U32LE) > 0 ? "uint32"
                                                   : "other integer";
    case H5T_FLOAT:
        return H5Tequal(type, H5T_IEEE_F32LE) > 0   ? "float32"
               : H5Tequal(type, H5T_IEEE_F64LE) > 0 ? "float64"
                                                    : "other float";
    case H5T_COMPOUND:
        return "compound";
    case H5T_VLEN:
        return "references";
    default:
        return "other";
    }
}

static void kind_text(hid_t type, hid_t space, char out[64])
{
    hsize_t sizes[H5S_MAX_RANK];
    const int rank = H5Sget_simple_extent_dims(space, sizes, NULL);
    int used = snprintf(out, 64, "%s", class_text(type, rank == 0));
    for (int i = 0; i < rank; i++)
        used += snprintf(out + used, (size_t)(64 - used), " %d", (int)sizes[i]);
}

/* The first value as text, for texts and 64-bit integers. */
static void check_value(const struct documented *row, hid_t type, const unsigned char *raw)
{
    char text[32];
    if (row->value == NULL)
        return;
    if (H5Tget_class(type) == H5T_STRING) {
        CU_ASSERT_STRING_EQUAL((const char *)raw, row->value);
        return;
    }
    int64_t number;
    memcpy(&number, raw, sizeof number);
    snprintf(text, sizeof text, "%lld", (long long)number);
    CU_ASSERT_STRING_EQUAL(text, row->value);
}

static void check_row(hid_t file, const struct documented *row)
{
    unsigned char raw[4096] = {0};
    char kind[64];
    const hid_t object = H5Oopen(file, row->object, H5P_DEFAULT);
    CU_ASSERT_FATAL(object >= 0);
    if (row->attribute == NULL && H5Iget_type(object) == H5I_GROUP) {
        CU_ASSERT_STRING_EQUAL(row->kind, "group");
        H5Oclose(object);
        return;
    }
    const hid_t id = row->attribute == NULL ? object : H5Aopen(object, row->attribute, H5P_DEFAULT);
    if (id < 0)
        printf("\n    %s@%s is missing\n", row->object, row->attribute);
    CU_ASSERT_FATAL(id >= 0);
    const hid_t type = row->attribute == NULL ? H5Dget_type(id) : H5Aget_type(id);
    const hid_t space = row->attribute == NULL ? H5Dget_space(id) : H5Aget_space(id);
    kind_text(type, space, kind);
    CU_ASSERT_STRING_EQUAL(kind, row->kind);
    if (H5Tget_class(type) != H5T_VLEN) {
        CU_ASSERT_FATAL(H5Tget_size(type) * (size_t)H5Sget_simple_extent_npoints(space) <
                        sizeof raw);
        if (row->attribute == NULL)
            H5Dread(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, raw);
        else
            H5Aread(id, type, raw);
        check_value(row, type, raw);
    }
    H5Sclose(space);
    H5Tclose(type);
    if (row->attribute != NULL)
        H5Aclose(id);
    H5Oclose(object);
}

static void test_layout_is_the_documented_one(void)
{
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    struct bed_checkpoint sample;
    bed_make_checkpoint(&sample);
    write_sample(folder, &sample.content, path);
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    CU_ASSERT_FATAL(file >= 0);
    for (size_t i = 0; i < VAIN_COUNT_OF(layout); i++)
        check_row(file, &layout[i]);
    /* Root attributes in the order of the table, and nothing besides. */
    H5O_info_t about;
    CU_ASSERT_FATAL(H5Oget_info2(file, &about, H5O_INFO_ALL) >= 0);
    CU_ASSERT_EQUAL(about.mtime, 0); /* no times, so that equal contents are equal files */
    CU_ASSERT_EQUAL(about.num_attrs, 18);
    for (hsize_t i = 0; i < about.num_attrs; i++) {
        char name[64];
        CU_ASSERT(H5Aget_name_by_idx(file, ".", H5_INDEX_CRT_ORDER, H5_ITER_INC, i, name,
                                     sizeof name, H5P_DEFAULT) > 0);
        CU_ASSERT_STRING_EQUAL(name, layout[i].attribute);
    }
    static const char *const links[] = {"spec",  "spec_resolved", "model", "outer",     "data",
                                        "codec", "peers",         "run",   "integrity", "complete"};
    CU_ASSERT_FATAL(
        H5Oget_info_by_name2(file, "/model/head_bias", &about, H5O_INFO_ALL, H5P_DEFAULT) >= 0);
    CU_ASSERT_EQUAL(about.mtime, 0);
    H5G_info_t group;
    CU_ASSERT_FATAL(H5Gget_info(file, &group) >= 0);
    CU_ASSERT_EQUAL_FATAL(group.nlinks, VAIN_COUNT_OF(links));
    for (hsize_t i = 0; i < group.nlinks; i++) {
        char name[64];
        CU_ASSERT(H5Lget_name_by_idx(file, ".", H5_INDEX_CRT_ORDER, H5_ITER_INC, i, name,
                                     sizeof name, H5P_DEFAULT) > 0);
        CU_ASSERT_STRING_EQUAL(name, links[i]);
    }
    H5Fclose(file);
    bed_remove_folder(folder);
}

/* ---- Writing what cannot be read ------------------------------------------------------------- */

static void test_wrong_contents_are_not_written(void)
{
    char folder[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    char text[VAIN_JOB_NAME_BYTES + 1];
    memset(text, 'n', sizeof text);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < 17; i++) {
        struct bed_checkpoint sample;
        bed_make_checkpoint(&sample);
        struct vain_checkpoint *content = &sample.content;
        switch (i) {
        case 0:
            sample.slices[1].offset = 13;
            break;
        case 1:
            sample.slices[2].shape[3] = 3;
            break;
        case 2:
            content->parameter_count = BED_PARAMETERS + 1;
            break;
        case 3:
            content->parameter_count = BED_PARAMETERS - 1;
            break;
        case 4:
            content->slice_count = 0;
            break;
        case 5:
            memcpy(sample.slices[0].name, "Tokens", 7);
            break;
        case 6:
            memcpy(sample.slices[0].name, "a..b", 5);
            break;
        case 7:
            memcpy(sample.slices[0].name, ".a", 3);
            break;
        case 8:
            sample.slices[0].shape_count = 0;
            break;
        case 9:
            sample.slices[3].shape[0] = -7;
            break;
        case 10:
            sample.slices[0].dims[0] = text;
            break;
        case 11:
            content->job_name = text;
            break;
        case 12:
            content->member_count = VAIN_MEMBERS_MAX + 1;
            break;
        case 13:
            content->curve_count = -1;
            break;
        case 14:
            content->symbol_count = -1;
            break;
        case 15:
            content->round = -1;
            break;
        default:
            sample.slices[3].shape_count = 2;
            sample.slices[3].shape[1] = INT64_MAX;
            break;
        }
        BED_FAILS(vain_checkpoint_write(content, folder, vain_world_real(), NULL), VAIN_ERR_INPUT);
        CU_ASSERT_EQUAL(bed_count_files(folder), 0);
    }
    bed_remove_folder(folder);
}

/* A slice's dataset cannot at the same time be a group on the way to another. */
static void test_names_that_clash_are_storage_errors(void)
{
    char folder[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    struct bed_checkpoint sample;
    bed_make_checkpoint(&sample);
    memcpy(sample.slices[0].name, "head", 5);
    memcpy(sample.slices[1].name, "head.gain", 10);
    BED_FAILS(vain_checkpoint_write(&sample.content, folder, vain_world_real(), NULL),
              VAIN_ERR_STORAGE);
    CU_ASSERT_EQUAL(bed_count_files(folder), 0);
    BED_FAILS(vain_checkpoint_write(&sample.content, "/nowhere/at/all", vain_world_real(), NULL),
              VAIN_ERR_STORAGE);
    bed_remove_folder(folder);
}

/* Room for `bytes` a file only, as on a disk that fills up; gives what the write says. */
static enum vain_status write_with_room(const struct bed_checkpoint *sample, const char *folder,
                                        bool member, rlim_t bytes)
{
    struct rlimit before, limit;
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = bytes;
    void (*const handler)(int) = signal(SIGXFSZ, SIG_IGN);
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
    float vector[BED_PARAMETERS] = {0};
    const struct vain_member_state state = {
        .name = "alice",
        .parameter_count = BED_PARAMETERS,
        .memory_count = 2,
        .memories = {{"moment1", "first", vector, BED_PARAMETERS},
                     {"moment2", "second", vector, BED_PARAMETERS}},
        .residual = vector};
    const enum vain_status status =
        member ? vain_member_write(&state, folder, vain_world_real())
               : vain_checkpoint_write(&sample->content, folder, vain_world_real(), NULL);
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    return status;
}

/* Wherever the room ends: a named error, the file that was there stays, no handle of HDF5 is left
 * behind. */
static void test_a_disk_that_fills_up(void)
{
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    struct bed_checkpoint sample;
    bed_make_checkpoint(&sample);
    write_sample(folder, &sample.content, path);
    size_t bytes, after;
    uint8_t *image = bed_read_file(path, &bytes);
    for (size_t room = 0; room < bytes; room += 700) {
        vain_fail_clear();
        CU_ASSERT_EQUAL(write_with_room(&sample, folder, false, room), VAIN_ERR_STORAGE);
        CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "File too large"));
        CU_ASSERT_EQUAL(bed_count_files(folder), 1);
        CU_ASSERT_EQUAL(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
    }
    uint8_t *again = bed_read_file(path, &after);
    CU_ASSERT_EQUAL_FATAL(after, bytes);
    CU_ASSERT_EQUAL(memcmp(image, again, bytes), 0);
    for (size_t room = 0; room < 3000; room += 300) {
        CU_ASSERT_EQUAL(write_with_room(&sample, folder, true, room), VAIN_ERR_STORAGE);
        CU_ASSERT_EQUAL(bed_count_files(folder), 1);
    }
    /* With room again (HDF5 gives some back at the end) it works. */
    CU_ASSERT_EQUAL(write_with_room(&sample, folder, false, 2 * bytes), VAIN_OK);
    vain_release(image);
    vain_release(again);
    bed_remove_folder(folder);
}

/* The content hash by an independent model (tests/golden/checkpoint_content.py). */
static void test_content_hash_is_the_documented_one(void)
{
    struct bed_checkpoint sample;
    bed_make_checkpoint(&sample);
    uint8_t root[VAIN_HASH_BYTES], hash[VAIN_HASH_BYTES];
    char text[2 * VAIN_HASH_BYTES + 1];
    BED_OK(vain_merkle_root(sample.momentum, sizeof sample.momentum, VAIN_MERKLE_LEAF_BYTES, NULL,
                            root));
    vain_checkpoint_content_hash(&sample.content, root, hash);
    vain_to_hex(hash, sizeof hash, text);
    CU_ASSERT_STRING_EQUAL(text,
                           "e4c7bcf7076ad949e3a3d1e0a99ca37bef2cb02537584e432c93f50d2ac51b77");
    sample.content.outer_momentum = NULL;
    vain_checkpoint_content_hash(&sample.content, NULL, hash);
    vain_to_hex(hash, sizeof hash, text);
    CU_ASSERT_STRING_EQUAL(text,
                           "f59c2dee346c364d27a8782dd1506051363bd049c0615d73a88b86a72618f86f");
    sample.content.symbols = NULL;
    sample.content.words = sample_words[0];
    sample.content.symbol_kind = "words";
    vain_checkpoint_content_hash(&sample.content, NULL, hash);
    vain_to_hex(hash, sizeof hash, text);
    CU_ASSERT_STRING_EQUAL(text,
                           "ea39c6f6cb52008070a927cb1f5ed994211b87ef4932f2aa4b077bcca507f372");
}

static const struct vain_test tests[] = {
    {"what was written is what is read", test_round_trip},
    {"a checkpoint may have no momentum, symbols, curve", test_round_trip_of_the_least},
    {"a large vector is hashed while it is written", test_large_vector_hashed_meanwhile},
    {"equal inputs give equal files", test_equal_inputs_give_equal_files},
    {"names, types and attributes are the documented ones", test_layout_is_the_documented_one},
    {"a round trip of words", test_round_trip_of_words},
    {"the content hash is the documented one", test_content_hash_is_the_documented_one},
    {"what could not be read is not written", test_wrong_contents_are_not_written},
    {"a disk that fills up is named, anywhere", test_a_disk_that_fills_up},
    {"a failed write leaves nothing behind", test_names_that_clash_are_storage_errors},
    {NULL, NULL},
};
const struct vain_suite vain_suite_checkpoint = {"store/checkpoint", tests};

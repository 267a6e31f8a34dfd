/* The reader of checkpoint files, on three kinds of input.
 *
 * First byte 0 modulo 4: the rest is a file. HDF5 refuses nearly everything of that by its
 * checksums, which is what keeps strangers out; so, first byte odd: the rest is a list of edits
 * that HDF5 itself makes in a good file (links deleted, moved and made, attributes and datasets of
 * other types, shapes and values), with its checksums right. That reaches our own checks. First
 * byte 2 modulo 4: the rest is kind and table of the symbols, which our own writer puts into a
 * file, so that every hash is right. What is accepted must read, its slices must tile the vector,
 * and its symbols must be fit for a prompt. */
#include "cmd/world.h"
#include "jobs/data/corpus.h"
#include "jobs/store/checkpoint.h"
#include "jobs/store/checkpoint_layout.h"

#include "base/cursor.h"
#include "base/memory.h"

#include <hdf5.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    N = 30,
    EDITS_MAX = 12,
    TEXT_MAX = 96,
    SYMBOLS_MAX = 300,
    INPUT_MAX = 1 << 20,
    IMAGE_MAX = 1 << 22
};

static char folder[64]; /* for what our writer writes */
/* The good file. */
static uint8_t *good;
static size_t good_bytes;

static const char *const paths[] = {
    "/complete",
    "/spec",
    "/spec_resolved",
    "/model",
    "/model/a",
    "/model/a/w",
    "/model/b",
    "/outer",
    "/outer/momentum",
    "/outer/momentum/a/w",
    "/outer/momentum/b",
    "/data",
    "/data/symbols",
    "/codec",
    "/peers",
    "/peers/id",
    "/peers/name",
    "/run/loss",
    "/run/loss/step",
    "/run/loss/loss",
    "/run/loss/round",
    "/run/loss/val_loss",
    "/integrity",
    "/integrity/parameters",
    "/integrity/content",
    "/integrity/outer_momentum",
    "/model/c",
    "/model/a/d",
};
static const char *const attributes[] = {
    "file_type",   "format_version", "created",         "job_name",        "run_id",
    "round",       "step",           "model",           "parameter_count", "platform",
    "spec_hash",   "record_head",    "parameters_hash", "flat_offset",     "dims",
    "symbol_kind", "symbol_count",   "range_exponent",  "bound_exponent",  "leaf_bytes",
};
/* Attribute i belongs to this object, so that an edit hits something. */
static const char *owner_of(size_t attribute)
{
    if (attribute < 13)
        return "/";
    if (attribute < 15)
        return "/model/a/w";
    return attribute < 17 ? "/data" : attribute < 19 ? "/codec" : "/integrity";
}

/* Bytes of a file with these symbols, written by our own writer; `out` holds IMAGE_MAX. */
static size_t written_image(const char *symbol_kind, const uint32_t *symbols, int64_t symbol_count,
                            uint8_t *out)
{
    char path[VAIN_PATH_BYTES];
    float vector[N];
    for (int i = 0; i < N; i++)
        vector[i] = (float)i;
    const struct vain_store_slice slices[] = {{"a.w", 0, 24, 2, {4, 6}, {"out", "in"}},
                                              {"b", 24, 6, 1, {6}, {"out"}}};
    const struct vain_record_member members[1] = {{.name = "alice"}};
    const struct vain_curve_point curve[] = {{0, 0, NAN, 4.0, NAN}, {1, 10, 3.0, 3.5, NAN}};
    const struct vain_checkpoint checkpoint = {.parameter_count = N,
                                               .slice_count = 2,
                                               .slices = slices,
                                               .parameters = vector,
                                               .outer_momentum = vector,
                                               .hash_parameters = true,
                                               .spec = "version: 1\n",
                                               .spec_resolved = "version: 1\n",
                                               .job_name = "fuzz",
                                               .platform = "fuzz",
                                               .model = "mlp",
                                               .member_count = 1,
                                               .members = members,
                                               .symbol_count = symbol_count,
                                               .symbols = symbols,
                                               .symbol_kind = symbol_kind,
                                               .curve_count = 2,
                                               .curve = curve};
    if (vain_checkpoint_write(&checkpoint, folder, vain_world_real(), NULL) != VAIN_OK)
        abort();
    vain_checkpoint_path(folder, 0, path, sizeof path);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        abort();
    const size_t bytes = fread(out, 1, IMAGE_MAX, file);
    fclose(file);
    (void)remove(path);
    return bytes;
}

static void make_good_file(void)
{
    static const uint32_t symbols[] = {10, 32};
    good = malloc(IMAGE_MAX);
    if (vain_crypto_init() != VAIN_OK || good == NULL)
        abort();
    snprintf(folder, sizeof folder, "/dev/shm/vain-fuzz-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        snprintf(folder, sizeof folder, "/tmp/vain-fuzz-XXXXXX");
        if (mkdtemp(folder) == NULL)
            abort();
    }
    good_bytes = written_image("bytes", symbols, 2, good);
}

/* A byte for the kind (known or not), one for whether there is a table, then its values as steps up
 * from the one before, so that many ascend. */
static size_t symbols_image(struct vain_reader *input, uint8_t *out)
{
    static const char *const kinds[] = {"bytes", "characters", "tokens", "foo", ""};
    uint32_t symbols[SYMBOLS_MAX];
    const char *kind = kinds[vain_read_u8(input) % VAIN_COUNT_OF(kinds)];
    const bool table = vain_read_u8(input) % 4 != 0;
    int64_t count = 0;
    for (uint32_t last = 0; count < SYMBOLS_MAX; last = symbols[count++]) {
        const uint8_t step = vain_read_u8(input);
        if (input->failed)
            break;
        symbols[count] = step == 255 ? last + 0x10000 : last + step;
    }
    return written_image(kind, table && count > 0 ? symbols : NULL, count, out);
}

/* ---- Edits ---------------------------------------------------------------------------------- */

static const char *pick_path(struct vain_reader *input)
{
    return paths[vain_read_u8(input) % VAIN_COUNT_OF(paths)];
}

static void put_attribute(hid_t file, const char *object, const char *name, hid_t type, int count,
                          const void *value)
{
    const hsize_t size = (hsize_t)count;
    (void)H5Adelete_by_name(file, object, name, H5P_DEFAULT);
    const hid_t space = count == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &size, NULL);
    const hid_t attribute =
        H5Acreate_by_name(file, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute >= 0) {
        H5Awrite(attribute, type, value);
        H5Aclose(attribute);
    }
    H5Sclose(space);
}

static void edit_attribute(hid_t file, struct vain_reader *input)
{
    const size_t index = vain_read_u8(input) % VAIN_COUNT_OF(attributes);
    const char *object = owner_of(index), *name = attributes[index];
    const uint8_t kind = vain_read_u8(input);
    char text[4 * TEXT_MAX] = {0};
    if (kind % 4 == 0) {
        (void)H5Adelete_by_name(file, object, name, H5P_DEFAULT);
    } else if (kind % 4 == 1) {
        const uint64_t value = vain_read_u64(input);
        put_attribute(file, object, name, H5T_STD_I64LE, 0, &value);
    } else if (kind % 4 == 2) {
        const double value = (double)vain_read_u32(input);
        put_attribute(file, object, name, H5T_IEEE_F64LE, kind & 4 ? 1 : 0, &value);
    } else {
        const size_t bytes = vain_read_u8(input) % TEXT_MAX + 1u;
        vain_read_bytes(input, text, bytes);
        const hid_t type = H5Tcopy(H5T_C_S1);
        H5Tset_size(type, bytes);
        put_attribute(file, object, name, type, kind >> 2 & 3, text);
        H5Tclose(type);
    }
}

static hid_t pick_type(uint8_t index)
{
    switch (index % 8) {
    case 0:
        return H5T_IEEE_F32LE;
    case 1:
        return H5T_IEEE_F64LE;
    case 2:
        return H5T_STD_I64LE;
    case 3:
        return H5T_STD_U8LE;
    case 4:
        return H5T_STD_U32LE;
    case 5:
        return H5T_IEEE_F32BE;
    case 6:
        return H5T_C_S1;
    default:
        return H5T_STD_REF_OBJ;
    }
}

static void edit_dataset(hid_t file, struct vain_reader *input)
{
    const char *path = pick_path(input);
    const hid_t type = pick_type(vain_read_u8(input));
    const int rank = vain_read_u8(input) % 6;
    const uint8_t layout = vain_read_u8(input);
    hsize_t sizes[6], elements = 1;
    for (int i = 0; i < rank; i++) {
        sizes[i] = vain_read_u8(input) % 34;
        elements *= sizes[i];
    }
    if (layout == 1 && rank > 0)
        sizes[0] = vain_read_u64(input) >> 8;
    (void)H5Ldelete(file, path, H5P_DEFAULT);
    const hid_t space = rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(rank, sizes, NULL);
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    if (layout == 2)
        H5Pset_layout(creation, H5D_COMPACT);
    const hid_t dataset = H5Dcreate2(file, path, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    if (dataset >= 0 && layout != 1 && elements <= 4096) {
        static uint8_t data[4096 * 8];
        memset(data, vain_read_u8(input), sizeof data);
        H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
    }
    if (dataset >= 0)
        H5Dclose(dataset);
    H5Pclose(creation);
    H5Sclose(space);
}

static void edit(hid_t file, struct vain_reader *input)
{
    switch (vain_read_u8(input) % 8) {
    case 0:
        (void)H5Ldelete(file, pick_path(input), H5P_DEFAULT);
        break;
    case 1:
    case 2:
    case 3:
        edit_attribute(file, input);
        break;
    case 4:
    case 5:
        edit_dataset(file, input);
        break;
    case 6: {
        const char *target = pick_path(input), *name = pick_path(input);
        (void)H5Ldelete(file, name, H5P_DEFAULT);
        if (vain_read_u8(input) % 2 == 0)
            (void)H5Lcreate_soft(target, file, name, H5P_DEFAULT, H5P_DEFAULT);
        else
            (void)H5Lcreate_hard(file, target, file, name, H5P_DEFAULT, H5P_DEFAULT);
        break;
    }
    default: {
        const char *name = pick_path(input);
        (void)H5Ldelete(file, name, H5P_DEFAULT);
        const hid_t group = H5Gcreate2(file, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        if (group >= 0)
            H5Gclose(group);
        break;
    }
    }
}

/* The file that edits are made in: HDF5's image of an open file does not have its checksums right.
 */
static char scratch_path[64];
static int scratch;

static void open_scratch(void)
{
    snprintf(scratch_path, sizeof scratch_path, "/dev/shm/vain-fuzz-XXXXXX");
    scratch = mkstemp(scratch_path);
    if (scratch < 0) {
        snprintf(scratch_path, sizeof scratch_path, "/tmp/vain-fuzz-XXXXXX");
        scratch = mkstemp(scratch_path);
    }
    if (scratch < 0)
        abort();
}

static void remove_scratch(void)
{
    (void)unlink(scratch_path);
    (void)rmdir(folder);
}

/* Bytes of the edited file in `out`, 0 if it does not fit. */
static size_t edited_image(struct vain_reader *input, uint8_t *out)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    if (ftruncate(scratch, 0) != 0 || pwrite(scratch, good, good_bytes, 0) != (ssize_t)good_bytes)
        abort();
    const hid_t file = H5Fopen(scratch_path, H5F_ACC_RDWR, H5P_DEFAULT);
    if (file < 0)
        abort();
    const int count = vain_read_u8(input) % EDITS_MAX + 1;
    for (int i = 0; i < count && !input->failed; i++)
        edit(file, input);
    if (H5Fclose(file) < 0)
        abort();
    const ssize_t bytes = pread(scratch, out, IMAGE_MAX, 0);
    return bytes > 0 && bytes < IMAGE_MAX ? (size_t)bytes : 0;
}

/* ---- Target --------------------------------------------------------------------------------- */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    make_good_file();
    open_scratch();
    (void)atexit(remove_scratch);
    return 0;
}

/* HDF5 1.10 loses a few bytes of its own when an object header is broken. What we hold of it is
 * counted instead. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5";
}

static void expect_nothing_held(void)
{
    if (H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL) != 0)
        abort();
}

/* As `vain generate` uses the symbols of a file that a stranger made. */
static void use_symbols(const struct vain_checkpoint *content)
{
    static const char prompt[] = "a\n <1>\xc3\xa9";
    int32_t symbols[sizeof prompt];
    char text[16 * sizeof prompt];
    int64_t count;
    const enum vain_status status =
        vain_symbols_encode(content->symbol_kind, content->symbols, content->symbol_count, prompt,
                            symbols, (int64_t)sizeof prompt, &count);
    if (status != VAIN_OK && status != VAIN_ERR_INPUT)
        abort();
    const int32_t wild[] = {0, (int32_t)content->symbol_count - 1, -1, INT32_MAX};
    (void)vain_symbols_decode(content->symbol_kind, content->symbols, content->symbol_count,
                              symbols, count, text, sizeof text);
    (void)vain_symbols_decode(content->symbol_kind, content->symbols, content->symbol_count, wild,
                              4, text, sizeof text);
}

static void read_all(struct vain_checkpoint_file *file)
{
    const struct vain_checkpoint *content = vain_checkpoint_content(file);
    int index;
    if (vain_slices_problem(content->slices, content->slice_count, content->parameter_count,
                            &index) != NULL)
        abort();
    use_symbols(content);
    void *memory;
    if (vain_take_array(content->parameter_count, 2 * sizeof(float), "fuzz", &memory) != VAIN_OK)
        abort();
    float *vector = memory;
    const enum vain_status status = vain_checkpoint_read(
        file, NULL, vector,
        vain_checkpoint_has_momentum(file) ? vector + content->parameter_count : NULL);
    if (status != VAIN_OK && status != VAIN_ERR_CORRUPT)
        abort();
    vain_release(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t image[IMAGE_MAX];
    if (size < 2 || size > INPUT_MAX)
        return 0;
    const uint8_t *bytes = data + 1;
    size_t length = size - 1;
    if (data[0] % 4 != 0) {
        struct vain_reader input;
        vain_reader_init(&input, data + 1, size - 1);
        length = data[0] % 2 == 1 ? edited_image(&input, image) : symbols_image(&input, image);
        bytes = image;
        if (length == 0)
            return 0;
    }
    struct vain_checkpoint_file *file;
    const enum vain_status status = vain_checkpoint_open_image(bytes, length, &file);
    if (status == VAIN_OK)
        read_all(file);
    else if (status != VAIN_ERR_CORRUPT || vain_fail_message()[0] == '\0')
        abort();
    vain_checkpoint_close(&file);
    expect_nothing_held();
    return 0;
}

/* Arrays in memory, and which reader a file goes to: it is told by its first bytes, since names
 * such as "train-images-idx3-ubyte" say nothing that could be relied on. */
#include "jobs/data/array.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "jobs/data/array_hdf5.h"
#include "jobs/data/file.h"
#include "jobs/data/idx.h"

static const struct {
    const char *name;
    size_t bytes;
    bool integer;
} types[] = {
    [VAIN_ARRAY_UINT8] = {"uint8", 1, true},      [VAIN_ARRAY_UINT16] = {"uint16", 2, true},
    [VAIN_ARRAY_INT32] = {"int32", 4, true},      [VAIN_ARRAY_INT64] = {"int64", 8, true},
    [VAIN_ARRAY_FLOAT32] = {"float32", 4, false}, [VAIN_ARRAY_FLOAT64] = {"float64", 8, false},
};

size_t vain_array_element_bytes(enum vain_array_type type)
{
    return types[type].bytes;
}

const char *vain_array_type_name(enum vain_array_type type)
{
    return types[type].name;
}

bool vain_array_is_integer(enum vain_array_type type)
{
    return types[type].integer;
}

int64_t vain_array_integer(const struct vain_array *array, int64_t index)
{
    VAIN_ASSERT(index >= 0 && index < array->count);
    switch (array->type) {
    case VAIN_ARRAY_UINT8:
        return ((const uint8_t *)array->data)[index];
    case VAIN_ARRAY_UINT16:
        return ((const uint16_t *)array->data)[index];
    case VAIN_ARRAY_INT32:
        return ((const int32_t *)array->data)[index];
    default:
        VAIN_ASSERT(array->type == VAIN_ARRAY_INT64);
        return ((const int64_t *)array->data)[index];
    }
}

double vain_array_number(const struct vain_array *array, int64_t index)
{
    VAIN_ASSERT(index >= 0 && index < array->count);
    if (array->type == VAIN_ARRAY_FLOAT32)
        return (double)((const float *)array->data)[index];
    if (array->type == VAIN_ARRAY_FLOAT64)
        return ((const double *)array->data)[index];
    return (double)vain_array_integer(array, index);
}

const char *vain_array_shape_text(const struct vain_array *array,
                                  char out[VAIN_MIN_LEN(VAIN_ARRAY_SHAPE_BYTES)])
{
    size_t used = (size_t)snprintf(out, VAIN_ARRAY_SHAPE_BYTES, "(");
    for (int i = 0; i < array->rank; i++)
        used += (size_t)snprintf(out + used, VAIN_ARRAY_SHAPE_BYTES - used, "%s%lld",
                                 i > 0 ? ", " : "", (long long)array->shape[i]);
    (void)snprintf(out + used, VAIN_ARRAY_SHAPE_BYTES - used, ")");
    return out;
}

enum vain_status vain_array_take(const char *where, enum vain_array_type type, int rank,
                                 const int64_t *shape, struct vain_array *out)
{
    *out = (struct vain_array){0};
    if (rank > VAIN_ARRAY_RANK_MAX)
        return vain_fail(VAIN_ERR_INPUT, "%s: has %d dimensions, at most %d are read", where, rank,
                         VAIN_ARRAY_RANK_MAX);
    const int64_t most = VAIN_ARRAY_BYTES_MAX / (int64_t)types[type].bytes;
    struct vain_array array = {.type = type, .rank = rank, .count = 1};
    bool fits = true;
    for (int i = 0; i < rank; i++) {
        array.shape[i] = shape[i];
        fits = fits && shape[i] >= 0 && (array.count == 0 || shape[i] <= most / array.count);
        if (fits)
            array.count *= shape[i];
    }
    if (!fits) {
        char text[VAIN_ARRAY_SHAPE_BYTES];
        return vain_fail(VAIN_ERR_INPUT,
                         "%s: has shape %s, more than the %lld bytes of %s that are held in "
                         "memory; cut it into smaller ones",
                         where, vain_array_shape_text(&array, text),
                         (long long)VAIN_ARRAY_BYTES_MAX, types[type].name);
    }
    VAIN_TRY(vain_take_array(array.count, types[type].bytes, "data set", &array.data));
    *out = array;
    return VAIN_OK;
}

void vain_array_release(struct vain_array *array)
{
    vain_release(array->data);
    *array = (struct vain_array){0};
}

/* ---- Which file, which reader ---- */

static enum vain_status read_idx_file(const char *path, const char *name, const void *data,
                                      size_t bytes, struct vain_array *out)
{
    if (name[0] != '\0')
        return vain_fail(VAIN_ERR_INPUT,
                         "%s: is an idx file, which holds one array without a name, but data set "
                         "'%s' was asked for; name its folder here and the file as data set",
                         path, name);
    return vain_idx_read(path, data, bytes, out);
}

static enum vain_status read_file(const char *path, const char *name, struct vain_array *out)
{
    void *data;
    size_t bytes;
    VAIN_TRY(vain_file_map(path, &data, &bytes));
    enum vain_status status;
    const bool hdf5 = vain_array_hdf5_is(data, bytes);
    if (hdf5)
        status = VAIN_OK;
    else if (vain_idx_is(data, bytes))
        status = read_idx_file(path, name, data, bytes, out);
    else
        status = vain_fail(VAIN_ERR_INPUT,
                           "%s: is neither an HDF5 file nor an idx file (plain or .gz)", path);
    vain_file_unmap(data, bytes);
    return hdf5 ? vain_array_hdf5_read(path, name, (int64_t)bytes, out) : status;
}

static bool is_there(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0;
}

static enum vain_status read_from_folder(const char *folder, const char *name,
                                         struct vain_array *out)
{
    char path[VAIN_PATH_BYTES], packed[VAIN_PATH_BYTES];
    if (name[0] == '\0')
        return vain_fail(VAIN_ERR_INPUT, "%s: is a folder; say which idx file in it to read",
                         folder);
    const int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    const int longer = snprintf(packed, sizeof packed, "%s/%s.gz", folder, name);
    if (length < 0 || longer < 0 || longer >= VAIN_PATH_BYTES)
        return vain_fail(VAIN_ERR_INPUT, "%s: the path with '%s' has more than %d bytes", folder,
                         name, VAIN_PATH_BYTES - 1);
    if (!is_there(path) && is_there(packed))
        return read_file(packed, "", out);
    if (!is_there(path))
        return vain_fail(VAIN_ERR_NOT_FOUND,
                         "%s: the folder has neither '%s' nor '%s.gz'; name the idx files, such as "
                         "data.train_images: train-images-idx3-ubyte",
                         folder, name, name);
    return read_file(path, "", out);
}

enum vain_status vain_array_read(const char *path, const char *name, struct vain_array *out)
{
    *out = (struct vain_array){0};
    struct stat about;
    const bool folder = stat(path, &about) == 0 && S_ISDIR(about.st_mode);
    const enum vain_status status =
        folder ? read_from_folder(path, name, out) : read_file(path, name, out);
    VAIN_ASSERT(status == VAIN_OK || out->data == NULL);
    return status;
}

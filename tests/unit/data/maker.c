#include "tests/unit/data/maker.h"

#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "tests/unit/data/scratch.h"

#include <zlib.h>

static void put_set(hid_t file, const struct maker_set *set)
{
    const hid_t space =
        set->rank > 0 ? H5Screate_simple(set->rank, set->shape, NULL) : H5Screate(H5S_SCALAR);
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    if (set->chunk > 0) {
        hsize_t chunk[6];
        memcpy(chunk, set->shape, sizeof chunk);
        chunk[0] = set->chunk;
        VAIN_ASSERT(H5Pset_chunk(creation, set->rank, chunk) >= 0);
        VAIN_ASSERT(H5Pset_shuffle(creation) >= 0);
        VAIN_ASSERT(H5Pset_deflate(creation, 6) >= 0);
    }
    const hid_t made =
        H5Dcreate2(file, set->name, set->stored, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    VAIN_ASSERT(made >= 0);
    if (set->data != NULL)
        VAIN_ASSERT(H5Dwrite(made, set->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, set->data) >= 0);
    H5Dclose(made);
    H5Pclose(creation);
    H5Sclose(space);
}

const char *maker_hdf5(const char *name, const struct maker_set *sets, int count)
{
    const char *path = scratch_path(name);
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    VAIN_ASSERT(file >= 0);
    for (int i = 0; i < count; i++)
        put_set(file, &sets[i]);
    VAIN_ASSERT(H5Fclose(file) >= 0);
    return path;
}

const char *maker_gzip(const char *name, const void *data, size_t bytes)
{
    const char *path = scratch_path(name);
    gzFile file = gzopen(path, "wb");
    VAIN_ASSERT(file != NULL);
    VAIN_ASSERT(gzwrite(file, data, (unsigned)bytes) == (int)bytes);
    VAIN_ASSERT(gzclose(file) == Z_OK);
    return path;
}

const char *maker_idx(const char *name, uint8_t type, int rank, const uint32_t *shape,
                      const void *data, size_t bytes)
{
    static uint8_t whole[1 << 20];
    size_t used = 4;
    whole[0] = whole[1] = 0;
    whole[2] = type;
    whole[3] = (uint8_t)rank;
    for (int i = 0; i < rank; i++) {
        for (int shift = 24; shift >= 0; shift -= 8)
            whole[used++] = (uint8_t)(shape[i] >> shift);
    }
    VAIN_ASSERT(bytes <= sizeof whole - used);
    memcpy(whole + used, data, bytes);
    used += bytes;
    const size_t length = strlen(name);
    if (length > 3 && strcmp(name + length - 3, ".gz") == 0)
        return maker_gzip(name, whole, used);
    return scratch_write(name, whole, used);
}

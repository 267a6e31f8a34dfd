/* Data sets that others made, so more is accepted than of our own checkpoints (chunks, deflate, any
 * superblock) and still nothing without a bound: hard links only, known element types, the filters
 * named below, the shape checked before memory is taken. A file that decompresses to more than
 * VAIN_ARRAY_BYTES_MAX is refused by its shape; a chunk, which HDF5 holds in memory as a whole, may
 * be no larger than the array and one megabyte. Files of superblock 0, as
 * most tools write them, have no checksums over their headers, and data have one only if fletcher32
 * was asked for: damage that still reads as a file comes back as other numbers. */
#include "jobs/data/array_hdf5.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/library_lock.h"

#include <hdf5.h>

enum { LISTED_BYTES = 600, REASON_BYTES = 200, CHUNK_SLACK_BYTES = 1 << 20 };

/* What is being read, for messages and for the one place that closes everything. */
struct reading {
    const char *path, *name;
    char where[VAIN_PATH_BYTES + VAIN_ARRAY_NAME_BYTES + 32]; /* "FILE: data set 'NAME'" */
    hid_t file, set, type, space, creation;                   /* owned; invalid until opened */
};

bool vain_array_hdf5_is(const void *data, size_t bytes)
{
    static const uint8_t signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    return bytes >= sizeof signature && memcmp(data, signature, sizeof signature) == 0;
}

static herr_t take_innermost(unsigned index, const H5E_error2_t *error, void *context)
{
    if (index == 0 && error->desc != NULL)
        (void)snprintf(context, REASON_BYTES, "%s", error->desc);
    return 0;
}

static enum vain_status fail_hdf5(const struct reading *reading, const char *what)
{
    char reason[REASON_BYTES] = "no reason given by HDF5";
    (void)H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_innermost, reason);
    return vain_fail(VAIN_ERR_CORRUPT, "%s: %s: %s", reading->where, what, reason);
}

/* ---- Finding it ---- */

struct listing {
    char text[LISTED_BYTES];
    size_t used;
    int left_out;
};

static herr_t list_link(hid_t group, const char *name, const H5L_info_t *link, void *context)
{
    (void)group;
    struct listing *listing = context;
    const size_t length = strlen(name);
    if (link->type != H5L_TYPE_HARD)
        return 0;
    if (listing->used + length + 3 > sizeof listing->text) {
        listing->left_out++;
        return 0;
    }
    listing->used +=
        (size_t)snprintf(listing->text + listing->used, sizeof listing->text - listing->used,
                         "%s%s", listing->used > 0 ? ", " : "", name);
    return 0;
}

static enum vain_status fail_missing(const struct reading *reading)
{
    struct listing listing = {.text = ""};
    char more[32] = "";
    (void)H5Literate(reading->file, H5_INDEX_NAME, H5_ITER_INC, NULL, list_link, &listing);
    if (listing.left_out > 0)
        (void)snprintf(more, sizeof more, " and %d more", listing.left_out);
    return vain_fail(VAIN_ERR_NOT_FOUND, "data set '%s' of %s is missing; it has: %s%s",
                     reading->name, reading->path,
                     listing.used > 0 ? listing.text : "nothing at its root", more);
}

/* Each step of the path is a hard link: a soft or external one could lead to another file. */
static enum vain_status check_links(const struct reading *reading)
{
    char prefix[VAIN_ARRAY_NAME_BYTES];
    const size_t length = strlen(reading->name);
    for (size_t end = 1; end <= length; end++) {
        if (reading->name[end] != '/' && reading->name[end] != '\0')
            continue;
        memcpy(prefix, reading->name, end);
        prefix[end] = '\0';
        H5L_info_t link;
        if (H5Lexists(reading->file, prefix, H5P_DEFAULT) <= 0 ||
            H5Lget_info(reading->file, prefix, &link, H5P_DEFAULT) < 0)
            return fail_missing(reading);
        if (link.type != H5L_TYPE_HARD)
            return vain_fail(VAIN_ERR_INPUT,
                             "%s: '%s' is a soft or external link, and only hard ones are "
                             "followed; copy the data set into this file",
                             reading->where, prefix);
    }
    return VAIN_OK;
}

static enum vain_status open_file(struct reading *reading)
{
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    VAIN_ASSERT(access >= 0);
    VAIN_ASSERT(H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0);
    if (getenv("HDF5_USE_FILE_LOCKING") == NULL)
        VAIN_ASSERT(H5Pset_file_locking(access, false, true) >= 0);
    reading->file = H5Fopen(reading->path, H5F_ACC_RDONLY, access);
    const enum vain_status status =
        reading->file >= 0 ? VAIN_OK : fail_hdf5(reading, "HDF5 cannot open the file");
    H5Pclose(access);
    return status;
}

static enum vain_status open_set(struct reading *reading)
{
    VAIN_TRY(open_file(reading));
    VAIN_TRY(check_links(reading));
    H5O_info_t about;
    if (H5Oget_info_by_name(reading->file, reading->name, &about, H5P_DEFAULT) < 0)
        return fail_hdf5(reading, "cannot be opened");
    if (about.type != H5O_TYPE_DATASET)
        return vain_fail(VAIN_ERR_INPUT, "%s: is a group; name a data set in it", reading->where);
    reading->set = H5Dopen2(reading->file, reading->name, H5P_DEFAULT);
    if (reading->set < 0)
        return fail_hdf5(reading, "cannot be opened");
    reading->type = H5Dget_type(reading->set);
    reading->space = H5Dget_space(reading->set);
    reading->creation = H5Dget_create_plist(reading->set);
    if (reading->type < 0 || reading->space < 0 || reading->creation < 0)
        return fail_hdf5(reading, "cannot be described");
    return VAIN_OK;
}

/* ---- What it is ---- */

static hid_t native_type(enum vain_array_type type)
{
    switch (type) {
    case VAIN_ARRAY_UINT8:
        return H5T_NATIVE_UINT8;
    case VAIN_ARRAY_UINT16:
        return H5T_NATIVE_UINT16;
    case VAIN_ARRAY_INT32:
        return H5T_NATIVE_INT32;
    case VAIN_ARRAY_INT64:
        return H5T_NATIVE_INT64;
    case VAIN_ARRAY_FLOAT32:
        return H5T_NATIVE_FLOAT;
    default:
        return H5T_NATIVE_DOUBLE;
    }
}

/* The element type, in either byte order; anything else is refused by its name. */
static enum vain_status find_type(const struct reading *reading, enum vain_array_type *type)
{
    const H5T_class_t class = H5Tget_class(reading->type);
    for (int t = VAIN_ARRAY_UINT8; t <= VAIN_ARRAY_FLOAT64; t++) {
        *type = (enum vain_array_type)t;
        hid_t other = H5Tcopy(native_type(*type));
        VAIN_ASSERT(other >= 0);
        const H5T_order_t order = H5Tget_order(reading->type);
        if (order == H5T_ORDER_LE || order == H5T_ORDER_BE)
            VAIN_ASSERT(H5Tset_order(other, order) >= 0);
        const bool equal = H5Tequal(reading->type, other) > 0;
        H5Tclose(other);
        if (equal)
            return VAIN_OK;
    }
    const char *kind = class == H5T_INTEGER  ? "integers"
                       : class == H5T_FLOAT  ? "floating-point numbers"
                       : class == H5T_STRING ? "texts"
                                             : "elements of another class";
    return vain_fail(VAIN_ERR_INPUT,
                     "%s: holds %s of %zu bytes%s; expected uint8, uint16, int32, int64, float32 "
                     "or float64",
                     reading->where, kind, H5Tget_size(reading->type),
                     class == H5T_INTEGER && H5Tget_sign(reading->type) == H5T_SGN_NONE
                         ? " without a sign"
                         : "");
}

static enum vain_status find_shape(const struct reading *reading, int *rank,
                                   int64_t shape[VAIN_MIN_LEN(VAIN_ARRAY_RANK_MAX)])
{
    const H5S_class_t class = H5Sget_simple_extent_type(reading->space);
    hsize_t sizes[H5S_MAX_RANK];
    *rank = 0;
    if (class != H5S_SIMPLE && class != H5S_SCALAR)
        return vain_fail(VAIN_ERR_INPUT, "%s: is empty (a null data space)", reading->where);
    *rank = H5Sget_simple_extent_dims(reading->space, sizes, NULL);
    if (*rank < 0)
        return fail_hdf5(reading, "has no shape");
    for (int i = 0; i < *rank && i < VAIN_ARRAY_RANK_MAX; i++)
        shape[i] = sizes[i] > (hsize_t)VAIN_ARRAY_BYTES_MAX ? INT64_MAX : (int64_t)sizes[i];
    return VAIN_OK;
}

static enum vain_status check_filters(const struct reading *reading)
{
    const int count = H5Pget_nfilters(reading->creation);
    for (int i = 0; i < count; i++) {
        unsigned flags, configuration;
        size_t values = 0;
        char name[64] = "";
        const H5Z_filter_t filter = H5Pget_filter2(reading->creation, (unsigned)i, &flags, &values,
                                                   NULL, sizeof name, name, &configuration);
        if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE &&
            filter != H5Z_FILTER_FLETCHER32)
            return vain_fail(VAIN_ERR_INPUT,
                             "%s: is stored with filter %d (%s); read are deflate, shuffle and "
                             "fletcher32: h5repack -f GZIP=6 makes one of them",
                             reading->where, (int)filter, name[0] != '\0' ? name : "no name");
    }
    return VAIN_OK;
}

/* Contiguous data lie in the file as a whole; a chunk is hardly larger than what it is a part of.
 */
static enum vain_status check_layout(const struct reading *reading, int64_t file_bytes,
                                     double bytes)
{
    const H5D_layout_t layout = H5Pget_layout(reading->creation);
    if (H5Pget_external_count(reading->creation) != 0 || layout == H5D_VIRTUAL)
        return vain_fail(VAIN_ERR_INPUT, "%s: lies in another file; copy it into this one",
                         reading->where);
    if (layout != H5D_CHUNKED) {
        if (bytes > (double)file_bytes)
            return vain_fail(VAIN_ERR_CORRUPT, "%s: promises %.0f bytes, and the file has %lld",
                             reading->where, bytes, (long long)file_bytes);
        return VAIN_OK;
    }
    hsize_t chunk[H5S_MAX_RANK];
    const int rank = H5Pget_chunk(reading->creation, H5S_MAX_RANK, chunk);
    if (rank < 0)
        return fail_hdf5(reading, "has chunks without a shape");
    double chunk_bytes = (double)H5Tget_size(reading->type);
    for (int i = 0; i < rank && i < H5S_MAX_RANK; i++)
        chunk_bytes *= (double)chunk[i];
    if (chunk_bytes > bytes + CHUNK_SLACK_BYTES)
        return vain_fail(VAIN_ERR_INPUT,
                         "%s: its chunks have %.0f bytes, more than its %.0f and %d; h5repack -l "
                         "CONTI rewrites it without",
                         reading->where, chunk_bytes, bytes, CHUNK_SLACK_BYTES);
    return VAIN_OK;
}

static enum vain_status read_set(struct reading *reading, int64_t file_bytes,
                                 struct vain_array *out)
{
    enum vain_array_type type;
    int rank;
    int64_t shape[VAIN_ARRAY_RANK_MAX] = {0};
    VAIN_TRY(open_set(reading));
    VAIN_TRY(find_type(reading, &type));
    VAIN_TRY(find_shape(reading, &rank, shape));
    VAIN_TRY(check_filters(reading));
    double bytes = (double)vain_array_element_bytes(type);
    for (int i = 0; i < rank && i < VAIN_ARRAY_RANK_MAX; i++)
        bytes *= (double)shape[i];
    if (rank <= VAIN_ARRAY_RANK_MAX)
        VAIN_TRY(check_layout(reading, file_bytes, bytes));
    VAIN_TRY(vain_array_take(reading->where, type, rank, shape, out));
    if (out->count > 0 &&
        H5Dread(reading->set, native_type(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, out->data) < 0)
        return fail_hdf5(reading, "cannot be read");
    return VAIN_OK;
}

static void close_all(const struct reading *reading)
{
    if (reading->creation >= 0)
        (void)H5Pclose(reading->creation);
    if (reading->space >= 0)
        (void)H5Sclose(reading->space);
    if (reading->type >= 0)
        (void)H5Tclose(reading->type);
    if (reading->set >= 0)
        (void)H5Dclose(reading->set);
    if (reading->file >= 0)
        (void)H5Fclose(reading->file);
}

enum vain_status vain_array_hdf5_read(const char *path, const char *name, int64_t file_bytes,
                                      struct vain_array *out)
{
    struct reading reading = {.path = path,
                              .name = name,
                              .file = H5I_INVALID_HID,
                              .set = H5I_INVALID_HID,
                              .type = H5I_INVALID_HID,
                              .space = H5I_INVALID_HID,
                              .creation = H5I_INVALID_HID};
    *out = (struct vain_array){0};
    if (name[0] == '\0' || strlen(name) >= VAIN_ARRAY_NAME_BYTES)
        return vain_fail(VAIN_ERR_INPUT,
                         "%s: is an HDF5 file; name one of its data sets, in at most %d bytes",
                         path, VAIN_ARRAY_NAME_BYTES - 1);
    (void)snprintf(reading.where, sizeof reading.where, "%s: data set '%s'", path, name);
    vain_library_lock();
    VAIN_ASSERT(H5Eset_auto2(H5E_DEFAULT, NULL, NULL) >= 0);
    const enum vain_status status = read_set(&reading, file_bytes, out);
    close_all(&reading);
    vain_library_unlock();
    if (status != VAIN_OK)
        vain_array_release(out);
    return status;
}

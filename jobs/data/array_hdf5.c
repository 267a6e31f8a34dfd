/* Data sets that others made, so more is accepted than of our own checkpoints (chunks, deflate, any
 * superblock) and still nothing without a bound: hard links only, known element types, the filters
 * named below, the shape checked before memory is taken. A file that decompresses to more than
 * VAIN_ARRAY_BYTES_MAX is refused by its shape; a chunk may be no larger than the array and one
 * megabyte.
 *
 * What HDF5 1.10 does with lengths in a file that lie is not relied on. Filters are undone in
 * jobs/data/chunk_filters.h. Where there are none HDF5 copies from the file to our memory, past its
 * buffers: into the chunk cache it reads as much as the file says, and gives as much as the shape
 * says. All data must be stored: those never written, for which HDF5 gives the fill value, are
 * refused, so that a small file has few chunks to look for.
 *
 * Files of superblock 0, as most tools write them, have no checksums over their headers, and data
 * have one only if fletcher32 was asked for: damage that still reads as a file comes back as other
 * numbers. */
#include "jobs/data/array_hdf5.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/library_lock.h"
#include "base/memory.h"
#include "jobs/data/chunk_filters.h"

#include <hdf5.h>

enum {
    LISTED_BYTES = 600,
    REASON_BYTES = 200,
    PLACE_BYTES = 160,           /* "chunk at (…)": VAIN_ARRAY_RANK_MAX numbers */
    CHUNK_SLACK_BYTES = 1 << 20, /* a chunk may have more than the array */
    CHUNK_COUNT_MAX = 1 << 22    /* as many as an array of the largest size has of 1 KiB */
};
/* Chunks at the edges are stored whole; bounds the time that small files can take. */
#define CHUNKS_BYTES_MAX (2 * VAIN_ARRAY_BYTES_MAX)

/* What is being read, for messages and for the one place that closes everything. */
struct reading {
    const char *path, *name;
    char where[VAIN_PATH_BYTES + VAIN_ARRAY_NAME_BYTES + 32]; /* "FILE: data set 'NAME'" */
    hid_t file, set, type, space, creation;                   /* owned; invalid until opened */
    struct vain_chunk_filters filters;
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
    VAIN_ASSERT(H5Pset_cache(access, 0, 0, 0, 0) >= 0); /* chunks: slots, bytes, preemption */
    VAIN_ASSERT(H5Pset_sieve_buf_size(access, 0) >= 0);
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

static enum vain_status add_filter(struct reading *reading, H5Z_filter_t filter, unsigned value)
{
    struct vain_chunk_filters *filters = &reading->filters;
    enum vain_chunk_filter kind = VAIN_CHUNK_FLETCHER32;
    if (filter == H5Z_FILTER_DEFLATE)
        kind = VAIN_CHUNK_DEFLATE;
    else if (filter == H5Z_FILTER_SHUFFLE)
        kind = VAIN_CHUNK_SHUFFLE;
    for (int i = 0; i < filters->count; i++) {
        if (kind == VAIN_CHUNK_DEFLATE && filters->at[i].kind == kind)
            return vain_fail(VAIN_ERR_INPUT,
                             "%s: is deflated twice; h5repack -f GZIP=6 does it once",
                             reading->where);
    }
    if (kind == VAIN_CHUNK_SHUFFLE && value == 0)
        return vain_fail(VAIN_ERR_CORRUPT, "%s: is shuffled by elements of no bytes",
                         reading->where);
    filters->at[filters->count].kind = kind;
    filters->at[filters->count++].element_bytes = value;
    return VAIN_OK;
}

static enum vain_status find_filters(struct reading *reading)
{
    const int count = H5Pget_nfilters(reading->creation);
    if (count < 0 || count > VAIN_CHUNK_FILTERS_MAX)
        return vain_fail(VAIN_ERR_CORRUPT, "%s: has %d filters, expected at most %d",
                         reading->where, count, VAIN_CHUNK_FILTERS_MAX);
    for (int i = 0; i < count; i++) {
        unsigned flags, configuration, value = 0;
        size_t values = 1;
        char name[64] = "";
        const H5Z_filter_t filter = H5Pget_filter2(reading->creation, (unsigned)i, &flags, &values,
                                                   &value, sizeof name, name, &configuration);
        if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE &&
            filter != H5Z_FILTER_FLETCHER32)
            return vain_fail(VAIN_ERR_INPUT,
                             "%s: is stored with filter %d (%s); read are deflate, shuffle and "
                             "fletcher32: h5repack -f GZIP=6 makes one of them",
                             reading->where, (int)filter, name[0] != '\0' ? name : "no name");
        VAIN_TRY(add_filter(reading, filter, values > 0 ? value : 0));
    }
    return VAIN_OK;
}

/* Data in one piece lie in the file as a whole, or in the header of their data set. */
static enum vain_status check_piece(const struct reading *reading, int64_t file_bytes, double bytes)
{
    if (bytes > (double)file_bytes)
        return vain_fail(VAIN_ERR_CORRUPT, "%s: promises %.0f bytes, and the file has %lld",
                         reading->where, bytes, (long long)file_bytes);
    const hsize_t stored = H5Dget_storage_size(reading->set);
    if (bytes > (double)stored)
        return vain_fail(VAIN_ERR_CORRUPT, "%s: %llu of its %.0f bytes are stored; write it whole",
                         reading->where, (unsigned long long)stored, bytes);
    if (H5Pget_layout(reading->creation) != H5D_CONTIGUOUS || bytes == 0)
        return VAIN_OK;
    const haddr_t offset = H5Dget_offset(reading->set);
    if (offset == HADDR_UNDEF || (double)offset + bytes > (double)file_bytes)
        return vain_fail(VAIN_ERR_CORRUPT, "%s: does not lie in the file; copy it again",
                         reading->where);
    return VAIN_OK;
}

/* A chunk is hardly larger than what it is a part of. */
static enum vain_status check_chunk(const struct reading *reading, double bytes)
{
    hsize_t chunk[H5S_MAX_RANK];
    const int rank = H5Pget_chunk(reading->creation, H5S_MAX_RANK, chunk);
    if (rank < 0)
        return fail_hdf5(reading, "has chunks without a shape");
    if (rank != H5Sget_simple_extent_ndims(reading->space))
        return vain_fail(VAIN_ERR_CORRUPT, "%s: its chunks have %d dimensions, and it has %d",
                         reading->where, rank, H5Sget_simple_extent_ndims(reading->space));
    double chunk_bytes = (double)H5Tget_size(reading->type);
    for (int i = 0; i < rank && i < H5S_MAX_RANK; i++)
        chunk_bytes *= (double)chunk[i];
    if (chunk_bytes <= 0)
        return vain_fail(VAIN_ERR_CORRUPT, "%s: its chunks have no bytes", reading->where);
    if (chunk_bytes > bytes + CHUNK_SLACK_BYTES)
        return vain_fail(VAIN_ERR_INPUT,
                         "%s: its chunks have %.0f bytes, more than its %.0f and %d; h5repack -l "
                         "CONTI rewrites it without",
                         reading->where, chunk_bytes, bytes, CHUNK_SLACK_BYTES);
    return VAIN_OK;
}

static enum vain_status check_layout(const struct reading *reading, int64_t file_bytes,
                                     double bytes)
{
    const H5D_layout_t layout = H5Pget_layout(reading->creation);
    if (H5Pget_external_count(reading->creation) != 0 || layout == H5D_VIRTUAL)
        return vain_fail(VAIN_ERR_INPUT, "%s: lies in another file; copy it into this one",
                         reading->where);
    return layout == H5D_CHUNKED ? check_chunk(reading, bytes)
                                 : check_piece(reading, file_bytes, bytes);
}

/* ---- Its chunks ---- */

/* Chunks lie on a grid; those at its edges are stored whole and reach out of the array. */
struct grid {
    int rank;
    hsize_t shape[VAIN_ARRAY_RANK_MAX], chunk[VAIN_ARRAY_RANK_MAX]; /* elements */
    hsize_t at[VAIN_ARRAY_RANK_MAX];   /* the first element of the chunk now read */
    hsize_t part[VAIN_ARRAY_RANK_MAX]; /* how much of it is inside */
    size_t element_bytes, chunk_bytes;
    bool plain_edges; /* filters leave out chunks that reach out */
};

static enum vain_status find_grid(const struct reading *reading, const struct vain_array *array,
                                  struct grid *grid)
{
    unsigned options = 0;
    if (H5Pget_chunk(reading->creation, VAIN_ARRAY_RANK_MAX, grid->chunk) != array->rank ||
        H5Pget_chunk_opts(reading->creation, &options) < 0)
        return fail_hdf5(reading, "has chunks without a shape");
    grid->rank = array->rank;
    grid->plain_edges = (options & H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS) != 0;
    grid->element_bytes = grid->chunk_bytes = vain_array_element_bytes(array->type);
    double count = 1;
    for (int i = 0; i < grid->rank; i++) {
        grid->shape[i] = (hsize_t)array->shape[i];
        grid->chunk_bytes *= (size_t)grid->chunk[i];
        const hsize_t along = (grid->shape[i] - 1) / grid->chunk[i] + 1;
        count *= (double)along;
    }
    if (count > CHUNK_COUNT_MAX || count * (double)grid->chunk_bytes > (double)CHUNKS_BYTES_MAX)
        return vain_fail(VAIN_ERR_INPUT,
                         "%s: has %.0f chunks of %zu bytes, at most %d and %lld bytes are read; "
                         "h5repack -l CONTI rewrites it without",
                         reading->where, count, grid->chunk_bytes, CHUNK_COUNT_MAX,
                         (long long)CHUNKS_BYTES_MAX);
    return VAIN_OK;
}

/* Whether there is a next chunk; the last index runs fastest. */
static bool next_chunk(struct grid *grid)
{
    for (int i = grid->rank - 1; i >= 0; i--) {
        grid->at[i] += grid->chunk[i];
        if (grid->at[i] < grid->shape[i])
            return true;
        grid->at[i] = 0;
    }
    return false;
}

/* Whether the chunk reaches out of the array. */
static bool find_part(struct grid *grid)
{
    bool edge = false;
    for (int i = 0; i < grid->rank; i++) {
        const hsize_t left = grid->shape[i] - grid->at[i];
        grid->part[i] = left < grid->chunk[i] ? left : grid->chunk[i];
        edge = edge || left < grid->chunk[i];
    }
    return edge;
}

/* The part inside, row by row; what neither chunk nor array cuts is one row. */
static void copy_part(const struct grid *grid, const uint8_t *chunk, uint8_t *array)
{
    hsize_t index[VAIN_ARRAY_RANK_MAX] = {0};
    int last = grid->rank - 1;
    size_t row_bytes = grid->element_bytes * (size_t)grid->part[last];
    while (last > 0 && grid->part[last] == grid->chunk[last] &&
           grid->part[last] == grid->shape[last])
        row_bytes *= (size_t)grid->part[--last];
    for (int i = last; i >= 0;) {
        hsize_t from = 0, to = 0;
        for (int k = 0; k < grid->rank; k++) {
            from = from * grid->chunk[k] + index[k];
            to = to * grid->shape[k] + grid->at[k] + index[k];
        }
        memcpy(array + to * grid->element_bytes, chunk + from * grid->element_bytes, row_bytes);
        for (i = last - 1; i >= 0 && ++index[i] == grid->part[i]; i--)
            index[i] = 0;
    }
}

/* "FILE: data set 'NAME': chunk at (0, 28)" */
static void name_chunk(const struct reading *reading, const struct grid *grid, char *out,
                       size_t bytes)
{
    size_t used = (size_t)snprintf(out, bytes, "%s: chunk at (", reading->where);
    for (int i = 0; i < grid->rank; i++)
        used += (size_t)snprintf(out + used, bytes - used, "%s%llu", i > 0 ? ", " : "",
                                 (unsigned long long)grid->at[i]);
    (void)snprintf(out + used, bytes - used, ")");
}

/* Without filters HDF5 copies from the file to its place; it is asked for one chunk at a time,
 * because it makes a list of all that it is asked for. */
static enum vain_status read_plain(const struct reading *reading, const struct grid *grid,
                                   struct vain_array *out)
{
    if (H5Sselect_hyperslab(reading->space, H5S_SELECT_SET, grid->at, NULL, grid->part, NULL) < 0 ||
        H5Dread(reading->set, reading->type, reading->space, reading->space, H5P_DEFAULT,
                out->data) < 0)
        return fail_hdf5(reading, "has a chunk that cannot be read");
    return VAIN_OK;
}

static enum vain_status read_chunk(const struct reading *reading, struct grid *grid,
                                   uint8_t *const rooms[2], struct vain_array *out)
{
    char where[sizeof reading->where + PLACE_BYTES];
    name_chunk(reading, grid, where, sizeof where);
    const bool edge = find_part(grid);
    const size_t most = reading->filters.count > 0
                            ? vain_chunk_stored_max(&reading->filters, grid->chunk_bytes)
                            : grid->chunk_bytes;
    hsize_t stored = 0;
    if (H5Dget_chunk_storage_size(reading->set, grid->at, &stored) < 0 || stored == 0)
        return vain_fail(VAIN_ERR_CORRUPT,
                         "%s: was never written, or its place is damaged; write the data set whole",
                         where);
    if (stored > most || (reading->filters.count == 0 && stored < most))
        return vain_fail(
            VAIN_ERR_CORRUPT, "%s: takes %llu bytes of the file, expected %s%zu; copy it again",
            where, (unsigned long long)stored, reading->filters.count > 0 ? "at most " : "", most);
    if (reading->filters.count == 0)
        return read_plain(reading, grid, out);
    struct vain_chunk chunk = {
        .where = where, .bytes = (size_t)stored, .data = rooms[0], .spare = rooms[1]};
    if (H5Dread_chunk(reading->set, H5P_DEFAULT, grid->at, &chunk.mask, chunk.data) < 0)
        return fail_hdf5(reading, "has a chunk that cannot be read");
    if (edge && grid->plain_edges)
        chunk.mask = UINT32_MAX;
    VAIN_TRY(vain_chunk_undo(&reading->filters, grid->chunk_bytes, &chunk));
    copy_part(grid, chunk.data, out->data);
    return VAIN_OK;
}

/* All chunks as they are stored, then the elements as this machine has them. */
static enum vain_status read_chunks(const struct reading *reading, struct vain_array *out)
{
    struct grid grid = {0};
    VAIN_TRY(find_grid(reading, out, &grid));
    const size_t room_bytes = vain_chunk_stored_max(&reading->filters, grid.chunk_bytes);
    void *rooms = NULL;
    if (reading->filters.count > 0)
        VAIN_TRY(vain_take_array(2, room_bytes, "chunks of a data set", &rooms));
    uint8_t *const halves[2] = {rooms, rooms != NULL ? (uint8_t *)rooms + room_bytes : NULL};
    enum vain_status status;
    do
        status = read_chunk(reading, &grid, halves, out);
    while (status == VAIN_OK && next_chunk(&grid));
    vain_release(rooms);
    if (status == VAIN_OK && H5Tconvert(reading->type, native_type(out->type), (size_t)out->count,
                                        out->data, NULL, H5P_DEFAULT) < 0)
        return fail_hdf5(reading, "has elements that cannot be converted");
    return status;
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
    VAIN_TRY(find_filters(reading));
    double bytes = (double)vain_array_element_bytes(type);
    for (int i = 0; i < rank && i < VAIN_ARRAY_RANK_MAX; i++)
        bytes *= (double)shape[i];
    if (rank <= VAIN_ARRAY_RANK_MAX)
        VAIN_TRY(check_layout(reading, file_bytes, bytes));
    VAIN_TRY(vain_array_take(reading->where, type, rank, shape, out));
    if (out->count > 0 && H5Pget_layout(reading->creation) == H5D_CHUNKED)
        return read_chunks(reading, out);
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

/* Chunks of HDF5 data sets: what was written comes back, whatever shape and filters, and a chunk
 * that holds less or more than it should is refused within bounds of memory. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/memory.h"
#include "jobs/data/array.h"
#include "tests/unit/data/maker.h"
#include "tests/unit/data/scratch.h"
#include "tests/unit/suite.h"

#include <zlib.h>

enum { RANK_MAX = 4, ELEMENTS_MAX = 4096, STORED_MAX = 1 << 20 };

/* A data set in chunks. `filters` has a letter each in the order of writing: deflate, shuffle,
 * fletcher32. */
struct chunked {
    hid_t stored;
    int rank;
    hsize_t shape[RANK_MAX], chunk[RANK_MAX];
    const char *filters;
    bool plain_edges; /* chunks that reach out have no filters */
    bool fixed;       /* can grow to whole chunks only; else without end: other indices of chunks */
};

static hid_t make_file(const char *path, bool latest)
{
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (latest) /* other indices of chunks than trees of the first kind */
        VAIN_ASSERT(H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST) >= 0);
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    VAIN_ASSERT(file >= 0);
    H5Pclose(access);
    return file;
}

static hid_t make_set(hid_t file, const char *name, const struct chunked *chunked)
{
    hsize_t room[RANK_MAX];
    for (int i = 0; i < chunked->rank; i++)
        room[i] = !chunked->fixed                         ? H5S_UNLIMITED
                  : chunked->chunk[i] > chunked->shape[i] ? chunked->chunk[i]
                                                          : chunked->shape[i];
    const hid_t space = H5Screate_simple(chunked->rank, chunked->shape, room);
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    VAIN_ASSERT(H5Pset_chunk(creation, chunked->rank, chunked->chunk) >= 0);
    if (chunked->plain_edges)
        VAIN_ASSERT(H5Pset_chunk_opts(creation, H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS) >= 0);
    for (const char *filter = chunked->filters; *filter != '\0'; filter++) {
        const herr_t status = *filter == 'd'   ? H5Pset_deflate(creation, 6)
                              : *filter == 's' ? H5Pset_shuffle(creation)
                                               : H5Pset_fletcher32(creation);
        VAIN_ASSERT(status >= 0);
    }
    const hid_t set =
        H5Dcreate2(file, name, chunked->stored, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    VAIN_ASSERT(set >= 0);
    H5Pclose(creation);
    H5Sclose(space);
    return set;
}

static void close_file(hid_t set, hid_t file)
{
    VAIN_ASSERT(H5Dclose(set) >= 0);
    VAIN_ASSERT(H5Fclose(file) >= 0);
}

/* A file with data set 'a' of `count` bytes in one chunk, for which `stored` is written to the file
 * as it is; gives its path. */
static const char *put_chunk(hsize_t count, const char *filters, uint32_t mask, const void *stored,
                             size_t stored_bytes)
{
    const struct chunked chunked = {H5T_NATIVE_UINT8, 1, {count}, {count}, filters, false, false};
    const hsize_t first = 0;
    const char *path = scratch_path("chunk.h5");
    const hid_t file = make_file(path, false);
    const hid_t set = make_set(file, "a", &chunked);
    VAIN_ASSERT(H5Dwrite_chunk(set, H5P_DEFAULT, mask, &first, stored_bytes, stored) >= 0);
    close_file(set, file);
    return path;
}

/* What HDF5 makes of a chunk of `count` bytes; gives how many bytes that are. */
static size_t store_chunk(hsize_t count, const char *filters, const void *data, uint8_t *stored)
{
    const struct chunked chunked = {H5T_NATIVE_UINT8, 1, {count}, {count}, filters, false, false};
    const hsize_t first = 0;
    hsize_t bytes = 0;
    uint32_t mask;
    const hid_t file = make_file(scratch_path("stored.h5"), false);
    const hid_t set = make_set(file, "a", &chunked);
    VAIN_ASSERT(H5Dwrite(set, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    VAIN_ASSERT(H5Fflush(file, H5F_SCOPE_GLOBAL) >= 0);
    VAIN_ASSERT(H5Dget_chunk_storage_size(set, &first, &bytes) >= 0);
    VAIN_ASSERT(bytes <= STORED_MAX);
    VAIN_ASSERT(H5Dread_chunk(set, H5P_DEFAULT, &first, &mask, stored) >= 0);
    close_file(set, file);
    return (size_t)bytes;
}

static void expect(const char *path, enum vain_status status, const char *words)
{
    struct vain_array array;
    CU_ASSERT_EQUAL(vain_array_read(path, "a", &array), status);
    CU_ASSERT_PTR_NULL(array.data);
    if (strstr(vain_fail_message(), words) == NULL)
        printf("message: %s\n", vain_fail_message());
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), words));
    vain_array_release(&array);
    CU_ASSERT_EQUAL(vain_memory_blocks(), 0);
}

static void expect_bytes(const char *path, const void *data, size_t bytes)
{
    struct vain_array array;
    CU_ASSERT_EQUAL_FATAL(vain_array_read(path, "a", &array), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(array.count, (int64_t)bytes);
    CU_ASSERT_EQUAL(memcmp(array.data, data, bytes), 0);
    vain_array_release(&array);
    CU_ASSERT_EQUAL(vain_memory_blocks(), 0);
}

static void fill(uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        data[i] = (uint8_t)(i * i / 7);
}

/* ---- What lies about its size ---- */

static void a_chunk_that_is_short_is_refused(void)
{
    enum { BYTES = 60000, SHORT = 16 };
    static uint8_t data[BYTES], stored[STORED_MAX];
    fill(data, sizeof data);
    uLongf bytes = sizeof stored;
    VAIN_ASSERT(compress2(stored, &bytes, data, SHORT, 6) == Z_OK);
    expect(put_chunk(BYTES, "d", 0, stored, bytes), VAIN_ERR_CORRUPT,
           "data set 'a': chunk at (0): ends early: inflated, 59984 bytes are missing");
    /* The last byte is missing, or the end of a stream that is whole otherwise. */
    bytes = sizeof stored;
    VAIN_ASSERT(compress2(stored, &bytes, data, BYTES - 1, 6) == Z_OK);
    expect(put_chunk(BYTES, "d", 0, stored, bytes), VAIN_ERR_CORRUPT, " 1 bytes are missing");
    bytes = sizeof stored;
    VAIN_ASSERT(compress2(stored, &bytes, data, BYTES, 6) == Z_OK);
    expect(put_chunk(BYTES, "d", 0, stored, bytes - 1), VAIN_ERR_CORRUPT, "checksum is missing");
    stored[bytes - 1] ^= 1;
    expect(put_chunk(BYTES, "d", 0, stored, bytes), VAIN_ERR_CORRUPT, "incorrect data check");
    stored[0] = 0;
    expect(put_chunk(BYTES, "d", 0, stored, bytes), VAIN_ERR_CORRUPT, "is not what deflate made");
    /* Without deflate it is only too short. */
    expect(put_chunk(BYTES, "d", 1, data, SHORT), VAIN_ERR_CORRUPT, "has 16 bytes, expected 60000");
    expect(put_chunk(BYTES, "s", 0, data, SHORT), VAIN_ERR_CORRUPT, "has 16 bytes, expected 60000");
    expect(put_chunk(BYTES, "f", 0, data, 3), VAIN_ERR_CORRUPT, "checksum is missing");
}

static long resident_kib(void)
{
    struct rusage usage;
    VAIN_ASSERT(getrusage(RUSAGE_SELF, &usage) == 0);
    return usage.ru_maxrss;
}

static void a_bomb_takes_no_more_than_its_chunk(void)
{
    enum { CHUNK = 1 << 20, BOMB_PIECES = 192, GROWTH_KIB_MAX = 32 << 10 };
    static uint8_t zeros[CHUNK], stored[STORED_MAX];
    z_stream stream = {0};
    VAIN_ASSERT(deflateInit(&stream, 9) == Z_OK);
    stream.next_out = stored;
    stream.avail_out = sizeof stored;
    for (int i = 1; i <= BOMB_PIECES; i++) {
        stream.next_in = zeros;
        stream.avail_in = sizeof zeros;
        const int code = deflate(&stream, i < BOMB_PIECES ? Z_NO_FLUSH : Z_FINISH);
        VAIN_ASSERT(code == (i < BOMB_PIECES ? Z_OK : Z_STREAM_END));
    }
    const char *path = put_chunk(CHUNK, "d", 0, stored, stream.total_out);
    (void)deflateEnd(&stream);
    const long before = resident_kib();
    expect(path, VAIN_ERR_CORRUPT, "chunk at (0): holds more than a chunk of its shape");
    CU_ASSERT(resident_kib() - before < GROWTH_KIB_MAX);
    /* One byte more, and bytes behind the stream. */
    uLongf bytes = sizeof stored;
    VAIN_ASSERT(compress2(stored, &bytes, zeros, 1001, 6) == Z_OK);
    expect(put_chunk(1000, "d", 0, stored, bytes), VAIN_ERR_CORRUPT, "holds more than a chunk");
    expect_bytes(put_chunk(1001, "d", 0, stored, bytes), zeros, 1001);
    stored[bytes] = 0;
    expect(put_chunk(1001, "d", 0, stored, bytes + 1), VAIN_ERR_CORRUPT, "holds more than a chunk");
}

static void a_stored_chunk_that_is_too_long_is_refused(void)
{
    static uint8_t stored[STORED_MAX];
    fill(stored, sizeof stored);
    expect(put_chunk(1000, "d", 0, stored, 2000), VAIN_ERR_CORRUPT,
           "chunk at (0): takes 2000 bytes of the file, expected at most 1083");
    expect(put_chunk(1000, "s", 0, stored, STORED_MAX), VAIN_ERR_CORRUPT, "takes 1048576 bytes");
    expect(put_chunk(1000, "f", 1, stored, 1004), VAIN_ERR_CORRUPT,
           "has 1004 bytes, expected 1000");
}

/* Without filters the tree of chunks has a length too, which nothing may follow: shorter than the
 * chunk it would leave foreign memory, longer it is more than there is room for. */
static void the_length_of_a_chunk_without_filters_is_its_own(void)
{
    enum { BYTES = 3000, LONG = 1 << 20 };
    static uint8_t stored[LONG];
    fill(stored, sizeof stored);
    expect(put_chunk(BYTES, "", 0, stored, 16), VAIN_ERR_CORRUPT,
           "has a chunk that cannot be read");
    expect_bytes(put_chunk(BYTES, "", 0, stored, BYTES), stored, BYTES);
    expect_bytes(put_chunk(BYTES, "", 0, stored, LONG), stored, BYTES);
}

/* ---- Filters ---- */

static void a_wrong_checksum_is_seen(void)
{
    enum { BYTES = 501 };
    static uint8_t data[BYTES], stored[STORED_MAX];
    fill(data, sizeof data);
    static const char *const filters[] = {"f", "df", "fd", "sf", "sdf"};
    for (size_t i = 0; i < VAIN_COUNT_OF(filters); i++) {
        const size_t bytes = store_chunk(BYTES, filters[i], data, stored);
        expect_bytes(put_chunk(BYTES, filters[i], 0, stored, bytes), data, BYTES);
        if (strcmp(filters[i], "fd") == 0) /* deflate has a checksum of its own behind it */
            continue;
        stored[bytes / 2] ^= 1;
        expect(put_chunk(BYTES, filters[i], 0, stored, bytes), VAIN_ERR_CORRUPT,
               "chunk at (0): its checksum (fletcher32) is ");
        stored[bytes / 2] ^= 1;
        /* As HDF5 wrote it before 1.6.3. */
        uint8_t *const sum = stored + bytes - 4;
        const uint8_t turned[4] = {sum[1], sum[0], sum[3], sum[2]};
        memcpy(sum, turned, sizeof turned);
        expect_bytes(put_chunk(BYTES, filters[i], 0, stored, bytes), data, BYTES);
        sum[0] ^= 1;
        expect(put_chunk(BYTES, filters[i], 0, stored, bytes), VAIN_ERR_CORRUPT, "fletcher32");
    }
    /* Inside deflate: the stream of the bytes and a wrong sum. */
    size_t bytes = store_chunk(BYTES, "f", data, stored);
    stored[0] ^= 1;
    uint8_t packed[2 * BYTES];
    uLongf packed_bytes = sizeof packed;
    VAIN_ASSERT(compress2(packed, &packed_bytes, stored, bytes, 6) == Z_OK);
    expect(put_chunk(BYTES, "fd", 0, packed, packed_bytes), VAIN_ERR_CORRUPT, "fletcher32");
}

/* A writer may leave out filters of a chunk: each set of them, stored by a data set that has the
 * others only. */
static void filters_that_a_chunk_leaves_out_are_not_undone(void)
{
    enum { BYTES = 1003, FILTERS = 3 };
    static uint8_t data[BYTES], stored[STORED_MAX];
    fill(data, sizeof data);
    static const char *const orders[] = {"sdf", "fsd", "dfs", "fds"};
    for (size_t i = 0; i < VAIN_COUNT_OF(orders); i++) {
        for (uint32_t mask = 0; mask < 1U << FILTERS; mask++) {
            char kept[FILTERS + 1] = "";
            for (int k = 0; k < FILTERS; k++) {
                if ((mask >> k & 1) == 0)
                    strncat(kept, orders[i] + k, 1);
            }
            const size_t bytes = store_chunk(BYTES, kept, data, stored);
            expect_bytes(put_chunk(BYTES, orders[i], mask, stored, bytes), data, BYTES);
        }
    }
}

static void filters_without_a_bound_are_refused(void)
{
    static const uint8_t data[100] = {0};
    static uint8_t stored[STORED_MAX];
    const size_t bytes = store_chunk(100, "dd", data, stored);
    expect(put_chunk(100, "dd", 0, stored, bytes), VAIN_ERR_INPUT, "is deflated twice");
}

/* ---- Shapes ---- */

static uint32_t draw(uint64_t *state, uint32_t count)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(*state >> 33) % count;
}

struct written {
    hid_t native, stored;
    size_t element_bytes;
};

static struct written draw_type(uint64_t *state)
{
    const struct written types[] = {
        {H5T_NATIVE_UINT8, H5T_STD_U8LE, 1},   {H5T_NATIVE_UINT16, H5T_STD_U16BE, 2},
        {H5T_NATIVE_INT32, H5T_STD_I32LE, 4},  {H5T_NATIVE_INT32, H5T_STD_I32BE, 4},
        {H5T_NATIVE_INT64, H5T_STD_I64BE, 8},  {H5T_NATIVE_FLOAT, H5T_IEEE_F32BE, 4},
        {H5T_NATIVE_FLOAT, H5T_IEEE_F32LE, 4}, {H5T_NATIVE_DOUBLE, H5T_IEEE_F64BE, 8}};
    return types[draw(state, VAIN_COUNT_OF(types))];
}

/* Shapes of 1 to 4 dimensions in chunks that do not divide them, or are larger. */
static struct chunked draw_chunked(uint64_t *state, bool latest)
{
    static const char *const filters[] = {"", "d", "s", "f", "sd", "sdf", "fds", "sf"};
    static const uint32_t longest[RANK_MAX] = {2000, 50, 12, 7};
    struct chunked chunked = {.rank = 1 + (int)draw(state, RANK_MAX),
                              .filters = filters[draw(state, VAIN_COUNT_OF(filters))],
                              .plain_edges = latest && draw(state, 2) == 0,
                              .fixed = draw(state, 2) == 0};
    for (int i = 0; i < chunked.rank; i++) {
        const uint32_t most = longest[chunked.rank - 1];
        chunked.shape[i] = 1 + draw(state, most);
        chunked.chunk[i] = draw(state, 4) == 0 ? chunked.shape[i] : 1 + draw(state, most + 2);
        while (chunked.shape[i] / chunked.chunk[i] >
               20) /* a file with fewer chunks is made sooner */
            chunked.chunk[i] *= 2;
    }
    return chunked;
}

/* The same elements in one piece and in chunks are the same array. */
static void compare_layouts(uint64_t seed)
{
    static uint8_t data[ELEMENTS_MAX * 8];
    uint64_t state = seed;
    const bool latest = draw(&state, 2) == 0;
    const struct written type = draw_type(&state);
    struct chunked chunked = draw_chunked(&state, latest);
    chunked.stored = type.stored;
    size_t count = 1;
    for (int i = 0; i < chunked.rank; i++)
        count *= chunked.shape[i];
    VAIN_ASSERT(count <= ELEMENTS_MAX);
    for (size_t i = 0; i < count * type.element_bytes; i++)
        data[i] = (uint8_t)(draw(&state, 120)); /* no NaN, which no comparison would mind either */
    const char *path = scratch_path("layouts.h5");
    const hid_t file = make_file(path, latest);
    hid_t set = make_set(file, "chunks", &chunked);
    VAIN_ASSERT(H5Dwrite(set, type.native, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    H5Dclose(set);
    const hid_t space = H5Screate_simple(chunked.rank, chunked.shape, NULL);
    set = H5Dcreate2(file, "piece", type.stored, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    VAIN_ASSERT(H5Dwrite(set, type.native, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    H5Sclose(space);
    close_file(set, file);
    struct vain_array chunks, piece;
    CU_ASSERT_EQUAL_FATAL(vain_array_read(path, "chunks", &chunks), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(vain_array_read(path, "piece", &piece), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(chunks.count, piece.count);
    CU_ASSERT(chunks.type == piece.type && chunks.rank == piece.rank);
    if (memcmp(chunks.data, piece.data, count * type.element_bytes) != 0)
        printf("seed %llu\n", (unsigned long long)seed);
    CU_ASSERT_EQUAL(memcmp(chunks.data, piece.data, count * type.element_bytes), 0);
    CU_ASSERT_EQUAL(memcmp(piece.data, data, count * type.element_bytes), 0);
    vain_array_release(&chunks);
    vain_array_release(&piece);
}

static void chunks_at_edges_come_back(void)
{
    for (uint64_t seed = 1; seed <= 400; seed += VAIN_TEST_STRIDE)
        compare_layouts(seed);
    CU_ASSERT_EQUAL(vain_memory_blocks(), 0);
}

static void data_never_written_are_refused(void)
{
    static const uint8_t data[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    static const char *const filters[] = {"", "sd"};
    const hsize_t second = 10, ten = 10;
    for (size_t i = 0; i < VAIN_COUNT_OF(filters); i++) {
        const struct chunked chunked = {H5T_NATIVE_UINT8, 1, {20}, {10}, filters[i], false, false};
        const char *path = scratch_path("holes.h5");
        const hid_t file = make_file(path, false);
        const hid_t set = make_set(file, "a", &chunked);
        const hid_t room = H5Screate_simple(1, &ten, NULL), space = H5Dget_space(set);
        VAIN_ASSERT(H5Sselect_hyperslab(space, H5S_SELECT_SET, &second, NULL, &ten, NULL) >= 0);
        VAIN_ASSERT(H5Dwrite(set, H5T_NATIVE_UINT8, room, space, H5P_DEFAULT, data) >= 0);
        H5Sclose(room);
        H5Sclose(space);
        close_file(set, file);
        expect(path, VAIN_ERR_CORRUPT, "chunk at (0): was never written");
    }
    const struct maker_set sets[] = {
        {"a", H5T_NATIVE_UINT8, H5T_NATIVE_UINT8, 1, {20}, 10, NULL},
        {"a", H5T_NATIVE_UINT8, H5T_NATIVE_UINT8, 1, {20}, 0, NULL},
    };
    expect(maker_hdf5("no_chunks.h5", &sets[0], 1), VAIN_ERR_CORRUPT, "was never written");
    expect(maker_hdf5("no_piece.h5", &sets[1], 1), VAIN_ERR_CORRUPT, "0 of its 20 bytes");
}

static void more_chunks_than_an_array_needs_are_refused(void)
{
    const struct chunked sets[] = {
        {H5T_NATIVE_UINT8, 1, {1 << 23}, {1}, "", false, false},
        {H5T_NATIVE_UINT8, 2, {1 << 14, 1}, {1, 1 << 20}, "d", false, false},
        {H5T_NATIVE_UINT8, 1, {100}, {1 << 21}, "d", false, false},
    };
    static const char *const words[] = {"has 8388608 chunks of 1 bytes, at most 4194304",
                                        "has 16384 chunks of 1048576 bytes",
                                        "its chunks have 2097152 bytes, more than its 100"};
    for (size_t i = 0; i < VAIN_COUNT_OF(sets); i++) {
        const char *path = scratch_path("many.h5");
        const hid_t file = make_file(path, false);
        close_file(make_set(file, "a", &sets[i]), file);
        expect(path, VAIN_ERR_INPUT, words[i]);
    }
}

static const struct vain_test tests[] = {
    {"a chunk that is short is refused", a_chunk_that_is_short_is_refused},
    {"a bomb takes no more than its chunk", a_bomb_takes_no_more_than_its_chunk},
    {"a stored chunk that is too long is refused", a_stored_chunk_that_is_too_long_is_refused},
    {"the length of a chunk without filters is its own",
     the_length_of_a_chunk_without_filters_is_its_own},
    {"a wrong checksum is seen", a_wrong_checksum_is_seen},
    {"filters that a chunk leaves out are not undone",
     filters_that_a_chunk_leaves_out_are_not_undone},
    {"filters without a bound are refused", filters_without_a_bound_are_refused},
    {"chunks at edges come back", chunks_at_edges_come_back},
    {"data never written are refused", data_never_written_are_refused},
    {"more chunks than an array needs are refused", more_chunks_than_an_array_needs_are_refused},
    {NULL, NULL}};
const struct vain_suite vain_suite_chunks = {"data: chunks", tests};

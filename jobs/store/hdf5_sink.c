/* The driver behind hdf5_sink.h (HDF5 1.10 reference manual, "Virtual File Layer").
 *
 * Large writes go out in pieces, and after each the kernel is asked to begin putting it on the disk
 * while the next one is being copied: the fsync that follows finds most of the work done. */
#define _GNU_SOURCE /* sync_file_range */
#include "jobs/store/hdf5_sink.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { PIECE_BYTES = 8 << 20 };

/* An opened file: HDF5's part first. */
struct sink_file {
    H5FD_t base;
    struct vain_h5_sink *sink;
    haddr_t end_allocated, end_written;
};

/* What an access list carries: HDF5 copies it. */
struct sink_info {
    struct vain_h5_sink *sink;
};

static H5FD_t *sink_open(const char *name, unsigned flags, hid_t access, haddr_t maxaddr)
{
    (void)name;
    (void)flags;
    (void)maxaddr;
    const struct sink_info *info = H5Pget_driver_info(access);
    void *memory;
    if (info == NULL || vain_take(sizeof(struct sink_file), "HDF5 file", &memory) != VAIN_OK)
        return NULL;
    struct sink_file *file = memory;
    file->sink = info->sink;
    return &file->base;
}

static herr_t sink_close(H5FD_t *base)
{
    vain_release(base);
    return 0;
}

static int sink_compare(const H5FD_t *a, const H5FD_t *b)
{
    const struct vain_h5_sink *left = ((const struct sink_file *)a)->sink;
    const struct vain_h5_sink *right = ((const struct sink_file *)b)->sink;
    return left < right ? -1 : left > right ? 1 : 0;
}

static herr_t sink_query(const H5FD_t *base, unsigned long *flags)
{
    (void)base;
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
             H5FD_FEAT_AGGREGATE_SMALLDATA;
    return 0;
}

static haddr_t sink_get_end_allocated(const H5FD_t *base, H5FD_mem_t type)
{
    (void)type;
    return ((const struct sink_file *)base)->end_allocated;
}

static herr_t sink_set_end_allocated(H5FD_t *base, H5FD_mem_t type, haddr_t address)
{
    (void)type;
    ((struct sink_file *)base)->end_allocated = address;
    return 0;
}

static haddr_t sink_get_end_written(const H5FD_t *base, H5FD_mem_t type)
{
    (void)type;
    return ((const struct sink_file *)base)->end_written;
}

/* What was never written reads as zeros, as in a file with holes. */
static herr_t sink_read(H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t address,
                        size_t bytes, void *out)
{
    (void)type;
    (void)transfer;
    struct vain_h5_sink *sink = ((struct sink_file *)base)->sink;
    unsigned char *at = out;
    off_t offset = (off_t)address;
    while (bytes > 0 && sink->reason == 0) {
        const ssize_t got = pread(sink->descriptor, at, bytes, offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            sink->reason = errno;
        if (got <= 0)
            break;
        at += got;
        offset += got;
        bytes -= (size_t)got;
    }
    memset(at, 0, bytes);
    return 0;
}

static void write_piece(struct vain_h5_sink *sink, const unsigned char *at, size_t bytes,
                        off_t offset)
{
    while (bytes > 0 && sink->reason == 0) {
        const ssize_t wrote = pwrite(sink->descriptor, at, bytes, offset);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0) {
            sink->reason = wrote < 0 ? errno : EIO;
            return;
        }
        at += wrote;
        offset += wrote;
        bytes -= (size_t)wrote;
    }
}

static herr_t sink_write(H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t address,
                         size_t bytes, const void *data)
{
    (void)type;
    (void)transfer;
    struct sink_file *file = (struct sink_file *)base;
    const unsigned char *at = data;
    for (size_t done = 0; done < bytes; done += PIECE_BYTES) {
        const size_t piece = bytes - done < PIECE_BYTES ? bytes - done : PIECE_BYTES;
        const off_t offset = (off_t)(address + done);
        write_piece(file->sink, at + done, piece, offset);
        /* Only a wish, so its status does not matter: fsync decides. */
        if (piece == PIECE_BYTES)
            (void)sync_file_range(file->sink->descriptor, offset, (off_t)piece,
                                  SYNC_FILE_RANGE_WRITE);
    }
    if (address + bytes > file->end_written)
        file->end_written = address + bytes;
    return 0;
}

/* The file ends where HDF5's allocation does, with zeros where nothing was written. */
static herr_t sink_truncate(H5FD_t *base, hid_t transfer, hbool_t closing)
{
    (void)transfer;
    (void)closing;
    struct sink_file *file = (struct sink_file *)base;
    if (file->end_written != file->end_allocated && file->sink->reason == 0 &&
        ftruncate(file->sink->descriptor, (off_t)file->end_allocated) != 0)
        file->sink->reason = errno;
    file->end_written = file->end_allocated;
    return 0;
}

static const H5FD_class_t sink_class = {
    .name = "vain_sink",
    .maxaddr = (haddr_t)INT64_MAX,
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(struct sink_info),
    .open = sink_open,
    .close = sink_close,
    .cmp = sink_compare,
    .query = sink_query,
    .get_eoa = sink_get_end_allocated,
    .set_eoa = sink_set_end_allocated,
    .get_eof = sink_get_end_written,
    .read = sink_read,
    .write = sink_write,
    .truncate = sink_truncate,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

void vain_h5_sink_install(hid_t access, struct vain_h5_sink *sink)
{
    const hid_t driver = H5FDregister(&sink_class);
    VAIN_ASSERT(driver >= 0);
    const struct sink_info info = {sink};
    VAIN_ASSERT(H5Pset_driver(access, driver, &info) >= 0);
    /* The list and the files hold on to it. */
    VAIN_ASSERT(H5FDunregister(driver) >= 0);
}

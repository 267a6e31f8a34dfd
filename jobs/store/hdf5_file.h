/* HDF5 as this folder uses it: a writer and a reader that keep their first failure, so that code
 * which lays out a file reads straight through and asks once at the end (like base/cursor.h).
 *
 * Inner header of jobs/store. All calls between vain_h5_lock and vain_h5_unlock only: members of
 * one process are threads, and the library is one.
 *
 * Written: format of HDF5 1.8 (superblock 2, checksums on all headers), creation order kept, no
 * times, strings of fixed length inside the checksummed headers (no global heap, so a reader never
 * follows a length it has not seen). Read: hard links only, exact types, contiguous data without
 * filters or external files, every length bounded by a limit of the caller or by the file's own
 * size before memory is taken. */
#pragma once

#include "base/limits.h"
#include "base/world.h"
#include "jobs/store/hdf5_sink.h"
#include "jobs/store/part_file.h"

#include <hdf5.h>

void vain_h5_lock(void);
void vain_h5_unlock(void);
/* HDF5's innermost error as text, or that HDF5 gave none; borrowed until the next call here on this
 * thread. */
const char *vain_h5_reason(void);

/* ---- Writer ---- */

struct vain_h5_writer {
    hid_t file;               /* owned; invalid after finish */
    int descriptor;           /* of the temporary file, owned */
    struct vain_h5_sink sink; /* what HDF5 writes through */
    const char *path;         /* final name, as messages say it; borrowed */
    char temporary[VAIN_PART_PATH_BYTES];
    enum vain_status status; /* of the first failure */
};

/* The writer must stay where it is until finish or abandon: HDF5 holds on to its sink. Make the
 * temporary file with `mode` before anything is in it. `expected_bytes`: refused early, with the
 * numbers, if the file system has less. After success the caller must call finish or abandon. */
enum vain_status vain_h5_writer_open(struct vain_h5_writer *writer, const char *path, int mode,
                                     int64_t expected_bytes) VAIN_MUST_USE;
/* Flush, then /complete = 1, close. On any failure so far the temporary is removed and the status
 * returned. */
enum vain_status vain_h5_writer_finish(struct vain_h5_writer *writer) VAIN_MUST_USE;
/* Close and remove; keeps the message of the failure. */
void vain_h5_writer_abandon(struct vain_h5_writer *writer);

/* Every call returns at once after a failure; ids are then negative, and negative ids are accepted
 * everywhere. */
hid_t vain_h5_root(struct vain_h5_writer *writer);
/* A group below `parent`; the caller closes it with vain_h5_close. */
hid_t vain_h5_make_group(struct vain_h5_writer *writer, hid_t parent, const char *name);
/* Opens the group if it is there, makes it otherwise. */
hid_t vain_h5_need_group(struct vain_h5_writer *writer, hid_t parent, const char *name);
void vain_h5_close(hid_t *id);
void vain_h5_put_text(struct vain_h5_writer *writer, hid_t object, const char *name,
                      const char *text);
void vain_h5_put_texts(struct vain_h5_writer *writer, hid_t object, const char *name,
                       const char *const *texts, int count);
void vain_h5_put_integer(struct vain_h5_writer *writer, hid_t object, const char *name,
                         int64_t value);
void vain_h5_put_number(struct vain_h5_writer *writer, hid_t object, const char *name,
                        double value);
/* Lower-case hexadecimal text of `bytes` (at most 64). */
void vain_h5_put_hex(struct vain_h5_writer *writer, hid_t object, const char *name,
                     const void *data, size_t bytes);

/* A dataset's shape, (0) dimensions for a scalar, and what its numbers mean. */
struct vain_h5_shape {
    int count;
    int64_t sizes[VAIN_SHAPE_MAX];
    const char *units, *long_name; /* attributes of those names; NULL: none */
};
/* A contiguous dataset with all its data; gives its id (vain_h5_close), for more attributes. */
hid_t vain_h5_make_dataset(struct vain_h5_writer *writer, hid_t parent, const char *name,
                           hid_t type, const struct vain_h5_shape *shape, const void *data);
/* A scalar UTF-8 text. */
void vain_h5_make_text(struct vain_h5_writer *writer, hid_t parent, const char *name,
                       const char *text, const char *long_name);
/* A column of texts of `stride` bytes each, NUL-padded; gives its id. */
hid_t vain_h5_make_texts(struct vain_h5_writer *writer, hid_t parent, const char *name,
                         const char *texts, int64_t count, size_t stride, const char *long_name);
/* Make `scale` the dimension scale of axis 0 of `datasets` (netCDF and xarray look for this; the
 * HDF5 Dimension Scale specification, 2005, by hand, since the library that does it is not
 * installed everywhere). */
void vain_h5_attach_scale(struct vain_h5_writer *writer, hid_t scale, const char *name,
                          const hid_t *datasets, int count);

/* ---- Reader ---- */

struct vain_h5_reader {
    hid_t file;       /* owned */
    const char *path; /* as messages say it; borrowed */
    int64_t file_bytes;
    enum vain_status status; /* of the first failure */
};

/* VAIN_ERR_NOT_FOUND, VAIN_ERR_REFUSED (no permission), VAIN_ERR_STORAGE (the system cannot open or
 * read it now), VAIN_ERR_CORRUPT (no HDF5 of our kind). */
enum vain_status vain_h5_reader_open(struct vain_h5_reader *reader, const char *path) VAIN_MUST_USE;
enum vain_status vain_h5_reader_open_image(struct vain_h5_reader *reader, const void *image,
                                           size_t bytes) VAIN_MUST_USE;
void vain_h5_reader_close(struct vain_h5_reader *reader);

/* Say what is wrong with the file (VAIN_ERR_CORRUPT), unless something else was first. */
void vain_h5_reject(struct vain_h5_reader *reader, const char *format, ...) VAIN_FORMAT(2, 3);
/* Whether `path` ("/run/loss") is there, by hard links all the way. A soft or external link is
 * rejected. */
bool vain_h5_has(struct vain_h5_reader *reader, const char *path);
hid_t vain_h5_open_object(struct vain_h5_reader *reader, const char *path);
/* Attributes: scalars of the class and within the bounds named, else rejected. `where` is for the
 * message. */
void vain_h5_get_text(struct vain_h5_reader *reader, hid_t object, const char *where,
                      const char *name, char *out, size_t capacity);
/* `count` texts of at most stride - 1 bytes. */
void vain_h5_get_texts(struct vain_h5_reader *reader, hid_t object, const char *where,
                       const char *name, char *out, int count, size_t stride);
int64_t vain_h5_get_integer(struct vain_h5_reader *reader, hid_t object, const char *where,
                            const char *name, int64_t minimum, int64_t maximum);
double vain_h5_get_number(struct vain_h5_reader *reader, hid_t object, const char *where,
                          const char *name);
void vain_h5_get_hex(struct vain_h5_reader *reader, hid_t object, const char *where,
                     const char *name, void *out, size_t bytes);

/* An opened dataset whose type, layout and size in the file were checked. */
struct vain_h5_dataset {
    hid_t id; /* close with vain_h5_close */
    int shape_count;
    int64_t shape[VAIN_SHAPE_MAX];
    int64_t count; /* product of the shape */
};
/* `type` is what it must be, exactly; H5I_INVALID_HID: a fixed-length string of any length. */
void vain_h5_open_dataset(struct vain_h5_reader *reader, const char *path, hid_t type,
                          struct vain_h5_dataset *out);
/* All of it into `out`, which holds `bytes`: exactly the dataset's size. */
void vain_h5_read_dataset(struct vain_h5_reader *reader, const struct vain_h5_dataset *dataset,
                          const char *path, void *out, size_t bytes);
/* One-dimensional dataset of `type` with at most `count_max` elements of `element_bytes`: takes
 * memory and reads it. Gives it (vain_release), NULL for 0 elements. */
void *vain_h5_take_column(struct vain_h5_reader *reader, const char *path, hid_t type,
                          size_t element_bytes, int64_t count_max, int64_t *count);
/* A scalar text of at most `bytes_max`: takes memory for it. Gives it (vain_release). */
char *vain_h5_take_text(struct vain_h5_reader *reader, const char *path, size_t bytes_max);
/* A column of `count` texts, each cut at its NUL and at most stride - 1 long, into out (count,
 * stride). */
void vain_h5_read_texts(struct vain_h5_reader *reader, const char *path, int64_t count, char *out,
                        size_t stride);
/* /complete is 1. */
void vain_h5_check_complete(struct vain_h5_reader *reader);

/* An array of numbers in memory, as data files hold it: images, labels, orders, groups.
 *
 * Read whole, once, at the start: the sets that members learn from here fit in memory, and what
 * draws from them then waits for nothing. Files come from outside, so nothing follows a length from
 * one before it was compared with a limit. */
#pragma once

#include "base/limits.h"
#include "base/status.h"

enum {
    VAIN_ARRAY_RANK_MAX = 5,      /* classes, examples, height, width, channels */
    VAIN_ARRAY_NAME_BYTES = 256,  /* the name of a data set with its NUL */
    VAIN_ARRAY_SHAPE_BYTES = 128, /* a shape written out with its NUL */
    VAIN_ARRAY_ELEMENT_MAX = 8    /* bytes of the widest element */
};
/* Bytes of one array: room for a million images of 64 x 64 pixels. */
#define VAIN_ARRAY_BYTES_MAX ((int64_t)4 << 30)

/* The element types that are read; all in the machine's own byte order once they are in memory. */
enum vain_array_type {
    VAIN_ARRAY_UINT8,
    VAIN_ARRAY_UINT16,
    VAIN_ARRAY_INT32,
    VAIN_ARRAY_INT64,
    VAIN_ARRAY_FLOAT32,
    VAIN_ARRAY_FLOAT64
};

struct vain_array {
    enum vain_array_type type;
    int rank; /* dimensions: 0 (a scalar) to VAIN_ARRAY_RANK_MAX */
    int64_t shape[VAIN_ARRAY_RANK_MAX];
    int64_t count; /* elements: the product of the shape */
    void *data;    /* (shape), last index fastest; owned, NULL if count is 0 */
};

/* Read one array, whole. `path` is one of
 *   an HDF5 file: `name` is the path of a data set in it, such as "train_images"; contiguous or
 *     chunked, with deflate, shuffle and checksums; written as a whole, since fill values are not
 *     read; reached by hard links only;
 *   an idx file (as MNIST is published), plain or in gzip: it holds one array, `name` is "";
 *   a folder with idx files: `name` is the file's, with or without ".gz" at its end.
 * Local; blocks on the disk only; may be called from several threads. On failure `out` is empty and
 * needs no release. Messages say file, data set, what was found and what was expected:
 * VAIN_ERR_NOT_FOUND  no such file; no such data set (with the names of those that are there)
 * VAIN_ERR_REFUSED    not readable by this user
 * VAIN_ERR_INPUT      neither HDF5 nor idx; an element type or filter that is not read; more than
 *                     VAIN_ARRAY_RANK_MAX dimensions or VAIN_ARRAY_BYTES_MAX bytes
 * VAIN_ERR_CORRUPT    the file, or a chunk in it, ends early, holds more than it says or was never
 *                     written, or its checksum is wrong
 * VAIN_ERR_STORAGE, VAIN_ERR_MEMORY */
enum vain_status vain_array_read(const char *path, const char *name,
                                 struct vain_array *out) VAIN_MUST_USE;
/* An array that is zero or released is fine. */
void vain_array_release(struct vain_array *array);

/* Bytes of an element; "uint8", "float32". */
size_t vain_array_element_bytes(enum vain_array_type type);
const char *vain_array_type_name(enum vain_array_type type);
bool vain_array_is_integer(enum vain_array_type type);
/* Element `index` of an array of integers. */
int64_t vain_array_integer(const struct vain_array *array, int64_t index);
/* Element `index` as a double: exact but for int64 beyond 2^53. */
double vain_array_number(const struct vain_array *array, int64_t index);
/* "(60000, 28, 28)"; gives `out`. */
const char *vain_array_shape_text(const struct vain_array *array,
                                  char out[VAIN_MIN_LEN(VAIN_ARRAY_SHAPE_BYTES)]);
/* Set the shape (`rank` sizes) and type of `out`, check them against the limits and take zeroed
 * memory. `where` begins the message, such as "FILE.h5: data set 'images'". VAIN_ERR_INPUT,
 * VAIN_ERR_MEMORY; on failure `out` is empty. */
enum vain_status vain_array_take(const char *where, enum vain_array_type type, int rank,
                                 const int64_t *shape, struct vain_array *out) VAIN_MUST_USE;

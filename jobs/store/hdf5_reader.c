/* Reading HDF5 files that may come from anywhere: see the header for what is accepted.
 *
 * Nothing follows a length from the file before it was compared with a limit. Paths are opened link
 * by link, so that no soft or external link is ever followed; datasets must be contiguous, so that
 * no filter runs and no memory beyond the file's own size is taken; strings of variable length are
 * refused, because their lengths stand outside any checksum. The first bytes must be a superblock
 * of version 2 or 3: older ones have no checksums. */
#include "jobs/store/hdf5_file.h"

#include "base/crypto.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SUPERBLOCK_HEAD_BYTES = 9, /* signature and version */
    ATTRIBUTE_TEXT_BYTES_MAX = 4096,
    CORE_INCREMENT_BYTES = 64 << 10
};

static bool failed(const struct vain_h5_reader *reader)
{
    return reader->status != VAIN_OK;
}

void vain_h5_reject(struct vain_h5_reader *reader, const char *format, ...)
{
    if (failed(reader))
        return;
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    VAIN_ASSERT(length >= 0);
    reader->status = vain_fail(VAIN_ERR_CORRUPT, "%s: %s", reader->path, text);
}

/* ---- File ----------------------------------------------------------------------------------- */

static enum vain_status check_head(const char *path, const void *head, size_t bytes)
{
    static const uint8_t signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    const uint8_t *at = head;
    if (bytes < SUPERBLOCK_HEAD_BYTES || memcmp(at, signature, sizeof signature) != 0)
        return vain_fail(VAIN_ERR_CORRUPT, "%s: not an HDF5 file", path);
    if (at[8] != 2 && at[8] != 3)
        return vain_fail(VAIN_ERR_CORRUPT,
                         "%s: HDF5 superblock of version %d, expected 2 or 3; h5repack -j 1 -k 1 "
                         "makes one of a file that you trust",
                         path, at[8]);
    return VAIN_OK;
}

static enum vain_status check_file(const char *path, int64_t *file_bytes)
{
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0 && (errno == ENOENT || errno == ENOTDIR))
        return vain_fail(VAIN_ERR_NOT_FOUND, "%s: there is no such file", path);
    if (descriptor < 0 && (errno == EACCES || errno == EPERM))
        return vain_fail(VAIN_ERR_REFUSED,
                         "%s: cannot be opened: %s; let the user that runs vain read it", path,
                         strerror(errno));
    if (descriptor < 0)
        return vain_fail(VAIN_ERR_STORAGE, "%s: cannot be opened: %s", path, strerror(errno));
    struct stat about;
    uint8_t head[SUPERBLOCK_HEAD_BYTES];
    ssize_t got = 0;
    const bool regular = fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode);
    if (regular)
        got = pread(descriptor, head, sizeof head, 0);
    const int reason = errno;
    (void)close(descriptor);
    if (!regular)
        return vain_fail(VAIN_ERR_CORRUPT, "%s: not a regular file%s", path,
                         S_ISDIR(about.st_mode) ? " but a folder; name a checkpoint in it ('vain "
                                                  "ckpt ls' lists them)"
                                                : "");
    if (got < 0)
        return vain_fail(VAIN_ERR_STORAGE, "%s: cannot be read: %s", path, strerror(reason));
    *file_bytes = (int64_t)about.st_size;
    return check_head(path, head, (size_t)got);
}

enum vain_status vain_h5_reader_open(struct vain_h5_reader *reader, const char *path)
{
    *reader = (struct vain_h5_reader){.file = H5I_INVALID_HID, .path = path};
    VAIN_TRY(check_file(path, &reader->file_bytes));
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    VAIN_ASSERT(access >= 0);
    VAIN_ASSERT(H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0);
    if (getenv("HDF5_USE_FILE_LOCKING") == NULL)
        VAIN_ASSERT(H5Pset_file_locking(access, true, true) >= 0);
    reader->file = H5Fopen(path, H5F_ACC_RDONLY, access);
    if (reader->file < 0)
        vain_h5_reject(reader, "HDF5 cannot open it: %s", vain_h5_reason());
    H5Pclose(access);
    return reader->status;
}

enum vain_status vain_h5_reader_open_image(struct vain_h5_reader *reader, const void *image,
                                           size_t bytes)
{
    *reader = (struct vain_h5_reader){.file = H5I_INVALID_HID, .path = "image"};
    reader->file_bytes = (int64_t)bytes;
    VAIN_TRY(check_head(reader->path, image, bytes));
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    VAIN_ASSERT(access >= 0);
    VAIN_ASSERT(H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0);
    VAIN_ASSERT(H5Pset_fapl_core(access, CORE_INCREMENT_BYTES, false) >= 0);
    /* The call wants a pointer to non-const and copies from it. */
    union {
        const void *given;
        void *taken;
    } view = {.given = image};
    if (H5Pset_file_image(access, view.taken, bytes) < 0)
        vain_h5_reject(reader, "no memory for its %zu bytes", bytes);
    else
        reader->file = H5Fopen("image", H5F_ACC_RDONLY, access);
    if (reader->file < 0)
        vain_h5_reject(reader, "HDF5 cannot open it: %s", vain_h5_reason());
    H5Pclose(access);
    return reader->status;
}

void vain_h5_reader_close(struct vain_h5_reader *reader)
{
    if (reader->file >= 0)
        (void)H5Fclose(reader->file);
    reader->file = H5I_INVALID_HID;
}

/* ---- Links ---------------------------------------------------------------------------------- */

bool vain_h5_has(struct vain_h5_reader *reader, const char *path)
{
    char prefix[VAIN_SLICE_NAME_BYTES * 3];
    const size_t length = strlen(path);
    VAIN_ASSERT(path[0] == '/');
    VAIN_ASSERT(length < sizeof prefix);
    for (size_t end = 1; end <= length && !failed(reader); end++) {
        if (path[end] != '/' && path[end] != '\0')
            continue;
        if (end == 1)
            return true; /* the root */
        memcpy(prefix, path, end);
        prefix[end] = '\0';
        H5L_info_t link;
        if (H5Lexists(reader->file, prefix, H5P_DEFAULT) <= 0 ||
            H5Lget_info(reader->file, prefix, &link, H5P_DEFAULT) < 0)
            return false;
        if (link.type != H5L_TYPE_HARD)
            vain_h5_reject(reader, "'%s' is a soft or external link; only hard ones are followed",
                           prefix);
    }
    return !failed(reader);
}

hid_t vain_h5_open_object(struct vain_h5_reader *reader, const char *path)
{
    if (!vain_h5_has(reader, path)) {
        vain_h5_reject(reader, "'%s' is missing", path);
        return H5I_INVALID_HID;
    }
    const hid_t object = H5Oopen(reader->file, path, H5P_DEFAULT);
    if (object < 0)
        vain_h5_reject(reader, "'%s' cannot be opened: %s", path, vain_h5_reason());
    return object;
}

/* ---- Attributes ----------------------------------------------------------------------------- */

struct attribute {
    hid_t id, type;
    size_t bytes;   /* of an element */
    hssize_t count; /* of elements */
    bool scalar;
};

static void close_attribute(struct attribute *attribute)
{
    vain_h5_close(&attribute->type);
    vain_h5_close(&attribute->id);
}

static bool is_fixed_text(hid_t type)
{
    return H5Tis_variable_str(type) == 0;
}

enum { TYPE_BYTES = 80 };

/* "integers of 8 bytes", for messages. */
static const char *type_text(hid_t type, char out[VAIN_MIN_LEN(TYPE_BYTES)])
{
    const H5T_class_t class = type >= 0 ? H5Tget_class(type) : H5T_NO_CLASS;
    if (class == H5T_NO_CLASS) {
        (void)snprintf(out, TYPE_BYTES, "a type that HDF5 cannot read");
    } else if (class == H5T_STRING) {
        (void)snprintf(out, TYPE_BYTES, "texts of %s length",
                       is_fixed_text(type) ? "a fixed" : "any");
    } else if (class == H5T_INTEGER || class == H5T_FLOAT) {
        const size_t bytes = H5Tget_size(type);
        const bool has_sign = class == H5T_FLOAT || H5Tget_sign(type) != H5T_SGN_NONE;
        const bool swapped = bytes > 1 && H5Tget_order(type) == H5T_ORDER_BE;
        (void)snprintf(out, TYPE_BYTES, "%s%s of %zu byte%s%s", has_sign ? "" : "unsigned ",
                       class == H5T_FLOAT ? "floating-point numbers" : "integers", bytes,
                       bytes == 1 ? "" : "s", swapped ? ", big-endian" : "");
    } else {
        (void)snprintf(out, TYPE_BYTES, "neither numbers nor texts");
    }
    return out;
}

static const char *class_text(H5T_class_t class)
{
    return class == H5T_INTEGER  ? "integers"
           : class == H5T_STRING ? "a text"
                                 : "floating-point numbers";
}

/* Opened and of `class`, or rejected. */
static struct attribute open_attribute(struct vain_h5_reader *reader, hid_t object,
                                       const char *where, const char *name, H5T_class_t class)
{
    struct attribute attribute = {H5I_INVALID_HID, H5I_INVALID_HID, 0, 0, false};
    if (failed(reader))
        return attribute;
    if (H5Aexists(object, name) > 0)
        attribute.id = H5Aopen(object, name, H5P_DEFAULT);
    if (attribute.id < 0) {
        vain_h5_reject(reader, "attribute '%s' of '%s' is missing", name, where);
        return attribute;
    }
    attribute.type = H5Aget_type(attribute.id);
    hid_t space = H5Aget_space(attribute.id);
    if (space < 0) {
        vain_h5_reject(reader, "attribute '%s' of '%s' has a shape that HDF5 cannot read", name,
                       where);
    } else if (attribute.type < 0 || H5Tget_class(attribute.type) != class) {
        char found[TYPE_BYTES];
        vain_h5_reject(reader, "attribute '%s' of '%s' holds %s; expected %s", name, where,
                       type_text(attribute.type, found), class_text(class));
    } else {
        attribute.bytes = H5Tget_size(attribute.type);
        attribute.count = H5Sget_simple_extent_npoints(space);
        attribute.scalar = H5Sget_simple_extent_type(space) == H5S_SCALAR;
    }
    vain_h5_close(&space);
    return attribute;
}

void vain_h5_get_texts(struct vain_h5_reader *reader, hid_t object, const char *where,
                       const char *name, char *out, int count, size_t stride)
{
    memset(out, 0, (size_t)count * stride);
    char raw[ATTRIBUTE_TEXT_BYTES_MAX];
    struct attribute attribute = open_attribute(reader, object, where, name, H5T_STRING);
    if (!failed(reader)) {
        if (!is_fixed_text(attribute.type) || attribute.count != count ||
            attribute.bytes > sizeof raw / (size_t)count)
            vain_h5_reject(reader, "attribute '%s' of '%s': expected %d texts of fixed length",
                           name, where, count);
        else if (H5Aread(attribute.id, attribute.type, raw) < 0)
            vain_h5_reject(reader, "attribute '%s' of '%s': %s", name, where, vain_h5_reason());
    }
    for (int i = 0; i < count && !failed(reader); i++) {
        const char *text = raw + (size_t)i * attribute.bytes;
        const size_t length = strnlen(text, attribute.bytes);
        if (length >= stride)
            vain_h5_reject(reader, "attribute '%s' of '%s' is longer than %zu bytes", name, where,
                           stride - 1);
        else
            memcpy(out + (size_t)i * stride, text, length);
    }
    close_attribute(&attribute);
}

void vain_h5_get_text(struct vain_h5_reader *reader, hid_t object, const char *where,
                      const char *name, char *out, size_t capacity)
{
    vain_h5_get_texts(reader, object, where, name, out, 1, capacity);
}

int64_t vain_h5_get_integer(struct vain_h5_reader *reader, hid_t object, const char *where,
                            const char *name, int64_t minimum, int64_t maximum)
{
    int64_t value = minimum;
    struct attribute attribute = open_attribute(reader, object, where, name, H5T_INTEGER);
    if (!failed(reader)) {
        if (!attribute.scalar || attribute.bytes > sizeof value ||
            H5Aread(attribute.id, H5T_NATIVE_INT64, &value) < 0)
            vain_h5_reject(reader, "attribute '%s' of '%s' is not one integer", name, where);
        else if (value < minimum || value > maximum)
            vain_h5_reject(reader, "attribute '%s' of '%s' is %lld, expected %lld to %lld", name,
                           where, (long long)value, (long long)minimum, (long long)maximum);
    }
    close_attribute(&attribute);
    return failed(reader) ? minimum : value;
}

double vain_h5_get_number(struct vain_h5_reader *reader, hid_t object, const char *where,
                          const char *name)
{
    double value = 0;
    struct attribute attribute = open_attribute(reader, object, where, name, H5T_FLOAT);
    if (!failed(reader) && (!attribute.scalar || attribute.bytes > sizeof value ||
                            H5Aread(attribute.id, H5T_NATIVE_DOUBLE, &value) < 0))
        vain_h5_reject(reader, "attribute '%s' of '%s' is not one number", name, where);
    close_attribute(&attribute);
    return failed(reader) ? 0 : value;
}

void vain_h5_get_hex(struct vain_h5_reader *reader, hid_t object, const char *where,
                     const char *name, void *out, size_t bytes)
{
    char text[2 * 64 + 1];
    VAIN_ASSERT(bytes <= 64);
    memset(out, 0, bytes);
    vain_h5_get_text(reader, object, where, name, text, sizeof text);
    if (!failed(reader) && !vain_from_hex(text, out, bytes))
        vain_h5_reject(reader, "attribute '%s' of '%s': expected %zu bytes in hexadecimal", name,
                       where, bytes);
}

/* ---- Datasets ------------------------------------------------------------------------------- */

/* Contiguous, in this file, without filters. */
static bool layout_is_plain(hid_t dataset)
{
    hid_t creation = H5Dget_create_plist(dataset);
    const bool plain = creation >= 0 && H5Pget_layout(creation) == H5D_CONTIGUOUS &&
                       H5Pget_nfilters(creation) == 0 && H5Pget_external_count(creation) == 0;
    vain_h5_close(&creation);
    return plain;
}

static bool type_is(hid_t dataset, hid_t expected)
{
    hid_t type = H5Dget_type(dataset);
    bool equal = false;
    if (type >= 0 && expected >= 0)
        equal = H5Tequal(type, expected) > 0;
    else if (type >= 0)
        equal = H5Tget_class(type) == H5T_STRING && is_fixed_text(type);
    vain_h5_close(&type);
    return equal;
}

static void reject_type(struct vain_h5_reader *reader, hid_t dataset, const char *path,
                        hid_t expected)
{
    char found[TYPE_BYTES], wanted[TYPE_BYTES];
    hid_t type = H5Dget_type(dataset);
    vain_h5_reject(reader, "'%s' holds %s; expected %s", path, type_text(type, found),
                   expected >= 0 ? type_text(expected, wanted) : "texts of a fixed length");
    vain_h5_close(&type);
}

/* Reads the shape; the product of the sizes is at most the bytes of the file. */
static void take_shape(struct vain_h5_reader *reader, const char *path, struct vain_h5_dataset *out)
{
    hid_t space = H5Dget_space(out->id);
    hsize_t sizes[VAIN_SHAPE_MAX];
    const H5S_class_t kind = space < 0 ? H5S_NO_CLASS : H5Sget_simple_extent_type(space);
    const int rank =
        kind == H5S_SIMPLE || kind == H5S_SCALAR ? H5Sget_simple_extent_ndims(space) : -1;
    if (rank < 0 || rank > VAIN_SHAPE_MAX ||
        (rank > 0 && H5Sget_simple_extent_dims(space, sizes, NULL) != rank)) {
        vain_h5_reject(reader, "'%s' has more than %d dimensions or none to count", path,
                       VAIN_SHAPE_MAX);
    } else {
        out->shape_count = rank;
        out->count = 1;
        for (int i = 0; i < rank; i++) {
            const hsize_t left =
                (hsize_t)reader->file_bytes / (hsize_t)(out->count > 0 ? out->count : 1);
            if (sizes[i] > left) {
                vain_h5_reject(reader, "'%s' claims more elements than the file has bytes", path);
                break;
            }
            out->shape[i] = (int64_t)sizes[i];
            out->count *= out->shape[i];
        }
    }
    vain_h5_close(&space);
}

/* Its bytes lie inside the file. */
static bool storage_is_there(const struct vain_h5_reader *reader,
                             const struct vain_h5_dataset *dataset)
{
    hid_t type = H5Dget_type(dataset->id);
    const size_t element_bytes = type < 0 ? 0 : H5Tget_size(type);
    vain_h5_close(&type);
    if (element_bytes == 0 || element_bytes > (uint64_t)reader->file_bytes)
        return false;
    if (dataset->count > reader->file_bytes / (int64_t)element_bytes)
        return false;
    const int64_t bytes = dataset->count * (int64_t)element_bytes;
    if (bytes == 0)
        return true;
    const haddr_t offset = H5Dget_offset(dataset->id);
    return H5Dget_storage_size(dataset->id) == (hsize_t)bytes && offset != HADDR_UNDEF &&
           offset <= (haddr_t)(reader->file_bytes - bytes);
}

void vain_h5_open_dataset(struct vain_h5_reader *reader, const char *path, hid_t type,
                          struct vain_h5_dataset *out)
{
    *out = (struct vain_h5_dataset){.id = H5I_INVALID_HID};
    out->id = vain_h5_open_object(reader, path);
    if (failed(reader))
        return;
    if (H5Iget_type(out->id) != H5I_DATASET)
        vain_h5_reject(reader, "'%s' is not a dataset", path);
    else if (!type_is(out->id, type))
        reject_type(reader, out->id, path, type);
    else if (!layout_is_plain(out->id))
        vain_h5_reject(reader,
                       "'%s' is chunked, filtered or lies in another file; expected "
                       "contiguous data",
                       path);
    else
        take_shape(reader, path, out);
    if (!failed(reader) && !storage_is_there(reader, out))
        vain_h5_reject(reader, "'%s' is larger than the file or was cut off", path);
    if (failed(reader))
        vain_h5_close(&out->id);
}

void vain_h5_read_dataset(struct vain_h5_reader *reader, const struct vain_h5_dataset *dataset,
                          const char *path, void *out, size_t bytes)
{
    if (failed(reader))
        return;
    hid_t type = H5Dget_type(dataset->id);
    if (type < 0 || H5Tget_size(type) * (size_t)dataset->count != bytes)
        vain_h5_reject(reader, "'%s' has %lld elements, which is not what belongs there", path,
                       (long long)dataset->count);
    else if (bytes > 0 && H5Dread(dataset->id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) < 0)
        vain_h5_reject(reader, "'%s' cannot be read: %s", path, vain_h5_reason());
    vain_h5_close(&type);
}

static void *take(struct vain_h5_reader *reader, int64_t count, size_t element_bytes,
                  const char *what)
{
    void *memory = NULL;
    if (!failed(reader))
        reader->status = vain_take_array(count, element_bytes, what, &memory);
    return memory;
}

void *vain_h5_take_column(struct vain_h5_reader *reader, const char *path, hid_t type,
                          size_t element_bytes, int64_t count_max, int64_t *count)
{
    struct vain_h5_dataset dataset;
    *count = 0;
    vain_h5_open_dataset(reader, path, type, &dataset);
    if (!failed(reader) && (dataset.shape_count != 1 || dataset.count > count_max))
        vain_h5_reject(reader, "'%s': expected one dimension of at most %lld elements", path,
                       (long long)count_max);
    void *column = take(reader, dataset.count, element_bytes, path);
    vain_h5_read_dataset(reader, &dataset, path, column, (size_t)dataset.count * element_bytes);
    vain_h5_close(&dataset.id);
    if (failed(reader)) {
        vain_release(column);
        return NULL;
    }
    *count = dataset.count;
    return column;
}

/* Bytes of an element of a checked dataset of text. */
static size_t text_bytes(const struct vain_h5_dataset *dataset)
{
    hid_t type = H5Dget_type(dataset->id);
    const size_t bytes = type < 0 ? 0 : H5Tget_size(type);
    vain_h5_close(&type);
    return bytes;
}

char *vain_h5_take_text(struct vain_h5_reader *reader, const char *path, size_t bytes_max)
{
    struct vain_h5_dataset dataset;
    size_t bytes = 0;
    vain_h5_open_dataset(reader, path, H5I_INVALID_HID, &dataset);
    if (!failed(reader)) {
        bytes = text_bytes(&dataset);
        if (dataset.shape_count != 0 || bytes > bytes_max)
            vain_h5_reject(reader, "'%s': expected one text of at most %zu bytes", path, bytes_max);
    }
    char *text = take(reader, (int64_t)bytes + 1, 1, path);
    vain_h5_read_dataset(reader, &dataset, path, text, bytes);
    vain_h5_close(&dataset.id);
    if (!failed(reader))
        return text;
    vain_release(text);
    return NULL;
}

void vain_h5_read_texts(struct vain_h5_reader *reader, const char *path, int64_t count, char *out,
                        size_t stride)
{
    struct vain_h5_dataset dataset;
    size_t bytes = 0;
    vain_h5_open_dataset(reader, path, H5I_INVALID_HID, &dataset);
    if (!failed(reader)) {
        bytes = text_bytes(&dataset);
        if (dataset.shape_count != 1 || dataset.count != count || bytes > stride)
            vain_h5_reject(reader, "'%s': expected %lld texts of at most %zu bytes", path,
                           (long long)count, stride - 1);
    }
    char *raw = take(reader, count, bytes, path);
    vain_h5_read_dataset(reader, &dataset, path, raw, (size_t)count * bytes);
    vain_h5_close(&dataset.id);
    for (int64_t i = 0; i < count && !failed(reader); i++) {
        const char *text = raw + (size_t)i * bytes;
        const size_t length = strnlen(text, bytes);
        if (length >= stride) {
            vain_h5_reject(reader, "'%s': text %lld does not end", path, (long long)i);
            break;
        }
        memset(out + (size_t)i * stride, 0, stride);
        memcpy(out + (size_t)i * stride, text, length);
    }
    vain_release(raw);
}

void vain_h5_check_complete(struct vain_h5_reader *reader)
{
    struct vain_h5_dataset dataset;
    uint8_t value = 0;
    vain_h5_open_dataset(reader, "/complete", H5T_STD_U8LE, &dataset);
    if (!failed(reader) && dataset.count != 1)
        vain_h5_reject(reader, "'/complete' is not one number");
    vain_h5_read_dataset(reader, &dataset, "/complete", &value, sizeof value);
    vain_h5_close(&dataset.id);
    if (!failed(reader) && value != 1)
        vain_h5_reject(reader, "'/complete' is %d, expected 1", value);
}

/* Writing HDF5 files of ours: see the header for the format.
 *
 * The file is made by our own open(2), so that its mode is right before anything is in it, and HDF5
 * writes through hdf5_sink.c. Large vectors go from the caller's memory to the file as they are:
 * equal types, contiguous, no fill, no buffer between. That the disk failed is noticed after each
 * part, so that a long write ends early. */
#include "jobs/store/hdf5_file.h"

#include "base/crypto.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    ALIGN_FROM_BYTES = 128 << 10, /* larger vectors begin at a page: whole pages are written once */
    ALIGN_BYTES = 4096,
    ATTRIBUTES_COMPACT_MAX = 64 /* attributes stay in the checksummed header */
};

static void note_failure(struct vain_h5_writer *writer, const char *name)
{
    if (writer->status == VAIN_OK)
        writer->status = vain_fail(VAIN_ERR_STORAGE, "%s: cannot write '%s': %s", writer->path,
                                   name, vain_h5_reason());
}

/* Whether something failed, the disk included. */
static bool failed(struct vain_h5_writer *writer)
{
    if (writer->status == VAIN_OK && writer->sink.reason != 0)
        writer->status = vain_fail(VAIN_ERR_STORAGE,
                                   "%s: cannot write it: %s; nothing was replaced, free some space "
                                   "or choose another folder and resume",
                                   writer->path, strerror(writer->sink.reason));
    return writer->status != VAIN_OK;
}

/* ---- File ----------------------------------------------------------------------------------- */

static hid_t make_access_list(struct vain_h5_sink *sink)
{
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    VAIN_ASSERT(access >= 0);
    VAIN_ASSERT(H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18) >= 0);
    VAIN_ASSERT(H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0);
    VAIN_ASSERT(H5Pset_alignment(access, ALIGN_FROM_BYTES, ALIGN_BYTES) >= 0);
    vain_h5_sink_install(access, sink);
    return access;
}

/* What holds for files, groups and datasets alike: no times, attributes in order and in the header.
 */
static hid_t make_object_list(hid_t class)
{
    const hid_t list = H5Pcreate(class);
    VAIN_ASSERT(list >= 0);
    VAIN_ASSERT(H5Pset_obj_track_times(list, false) >= 0);
    VAIN_ASSERT(H5Pset_attr_creation_order(list, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED) >=
                0);
    VAIN_ASSERT(H5Pset_attr_phase_change(list, ATTRIBUTES_COMPACT_MAX, ATTRIBUTES_COMPACT_MAX) >=
                0);
    return list;
}

static hid_t make_group_list(hid_t class)
{
    const hid_t list = make_object_list(class);
    VAIN_ASSERT(H5Pset_link_creation_order(list, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED) >=
                0);
    return list;
}

enum vain_status vain_h5_writer_open(struct vain_h5_writer *writer, const char *path, int mode,
                                     int64_t expected_bytes)
{
    *writer = (struct vain_h5_writer){.file = H5I_INVALID_HID, .descriptor = -1, .path = path};
    vain_part_path(path, writer->temporary);
    VAIN_TRY(vain_part_create(writer->temporary, path, mode, expected_bytes, &writer->descriptor));
    writer->sink.descriptor = writer->descriptor;
    const hid_t access = make_access_list(&writer->sink);
    const hid_t creation = make_group_list(H5P_FILE_CREATE);
    writer->file = H5Fcreate(writer->temporary, H5F_ACC_TRUNC, creation, access);
    if (writer->file < 0)
        note_failure(writer, "/");
    H5Pclose(creation);
    H5Pclose(access);
    if (failed(writer))
        vain_h5_writer_abandon(writer);
    return writer->status;
}

static void close_file(struct vain_h5_writer *writer)
{
    if (writer->file >= 0 && H5Fclose(writer->file) < 0)
        note_failure(writer, "/");
    writer->file = H5I_INVALID_HID;
}

void vain_h5_writer_abandon(struct vain_h5_writer *writer)
{
    close_file(writer);
    (void)close(writer->descriptor);
    writer->descriptor = -1;
    (void)unlink(writer->temporary);
}

enum vain_status vain_h5_writer_finish(struct vain_h5_writer *writer)
{
    if (!failed(writer) && H5Fflush(writer->file, H5F_SCOPE_LOCAL) < 0)
        note_failure(writer, "/");
    const uint8_t one = 1;
    const struct vain_h5_shape scalar = {0, {0}, NULL, "1: this file was written to its end"};
    hid_t complete =
        vain_h5_make_dataset(writer, vain_h5_root(writer), "complete", H5T_STD_U8LE, &scalar, &one);
    vain_h5_close(&complete);
    close_file(writer);
    if (failed(writer)) {
        vain_h5_writer_abandon(writer);
        return writer->status;
    }
    const int descriptor = writer->descriptor;
    writer->descriptor = -1;
    if (close(descriptor) == 0)
        return VAIN_OK;
    writer->status = vain_fail(VAIN_ERR_STORAGE, "%s: cannot close it", writer->path);
    (void)unlink(writer->temporary);
    return writer->status;
}

/* ---- Groups and attributes ------------------------------------------------------------------ */

hid_t vain_h5_root(struct vain_h5_writer *writer)
{
    return writer->file; /* HDF5 takes a file's id for its root group */
}

hid_t vain_h5_make_group(struct vain_h5_writer *writer, hid_t parent, const char *name)
{
    if (failed(writer))
        return H5I_INVALID_HID;
    const hid_t creation = make_group_list(H5P_GROUP_CREATE);
    const hid_t group = H5Gcreate2(parent, name, H5P_DEFAULT, creation, H5P_DEFAULT);
    if (group < 0)
        note_failure(writer, name);
    H5Pclose(creation);
    return group;
}

hid_t vain_h5_need_group(struct vain_h5_writer *writer, hid_t parent, const char *name)
{
    if (failed(writer))
        return H5I_INVALID_HID;
    const htri_t there = H5Lexists(parent, name, H5P_DEFAULT);
    if (there <= 0)
        return vain_h5_make_group(writer, parent, name);
    const hid_t group = H5Gopen2(parent, name, H5P_DEFAULT);
    if (group < 0)
        note_failure(writer, name);
    return group;
}

void vain_h5_close(hid_t *id)
{
    /* All that we hold is reference-counted by HDF5, whatever its kind. A failure here has been one
     * before. */
    if (*id >= 0)
        (void)H5Idec_ref(*id);
    *id = H5I_INVALID_HID;
}

static void put_attribute(struct vain_h5_writer *writer, hid_t object, const char *name, hid_t type,
                          int count, const void *value)
{
    if (failed(writer))
        return;
    const hsize_t size = (hsize_t)count;
    hid_t space = count < 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &size, NULL);
    hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute < 0 || H5Awrite(attribute, type, value) < 0)
        note_failure(writer, name);
    vain_h5_close(&attribute);
    vain_h5_close(&space);
}

/* Fixed-length UTF-8, NUL-ended. */
static hid_t text_type(size_t bytes)
{
    const hid_t type = H5Tcopy(H5T_C_S1);
    VAIN_ASSERT(type >= 0);
    VAIN_ASSERT(H5Tset_size(type, bytes) >= 0);
    VAIN_ASSERT(H5Tset_cset(type, H5T_CSET_UTF8) >= 0);
    return type;
}

void vain_h5_put_text(struct vain_h5_writer *writer, hid_t object, const char *name,
                      const char *text)
{
    hid_t type = text_type(strlen(text) + 1);
    put_attribute(writer, object, name, type, -1, text);
    vain_h5_close(&type);
}

void vain_h5_put_texts(struct vain_h5_writer *writer, hid_t object, const char *name,
                       const char *const *texts, int count)
{
    char padded[VAIN_SHAPE_MAX][VAIN_SLICE_NAME_BYTES] = {{0}};
    VAIN_ASSERT(count <= VAIN_SHAPE_MAX);
    for (int i = 0; i < count; i++)
        snprintf(padded[i], sizeof padded[i], "%s", texts[i]);
    hid_t type = text_type(sizeof padded[0]);
    put_attribute(writer, object, name, type, count, padded);
    vain_h5_close(&type);
}

void vain_h5_put_integer(struct vain_h5_writer *writer, hid_t object, const char *name,
                         int64_t value)
{
    put_attribute(writer, object, name, H5T_STD_I64LE, -1, &value);
}

void vain_h5_put_number(struct vain_h5_writer *writer, hid_t object, const char *name, double value)
{
    put_attribute(writer, object, name, H5T_IEEE_F64LE, -1, &value);
}

void vain_h5_put_hex(struct vain_h5_writer *writer, hid_t object, const char *name,
                     const void *data, size_t bytes)
{
    char text[2 * 64 + 1];
    VAIN_ASSERT(bytes <= 64);
    vain_to_hex(data, bytes, text);
    vain_h5_put_text(writer, object, name, text);
}

/* ---- Datasets ------------------------------------------------------------------------------- */

hid_t vain_h5_make_dataset(struct vain_h5_writer *writer, hid_t parent, const char *name,
                           hid_t type, const struct vain_h5_shape *shape, const void *data)
{
    if (failed(writer))
        return H5I_INVALID_HID;
    hsize_t sizes[VAIN_SHAPE_MAX] = {0};
    for (int i = 0; i < shape->count; i++)
        sizes[i] = (hsize_t)shape->sizes[i];
    hid_t space =
        shape->count == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(shape->count, sizes, NULL);
    hid_t creation = make_object_list(H5P_DATASET_CREATE);
    VAIN_ASSERT(H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER) >= 0);
    VAIN_ASSERT(H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY) >= 0);
    hid_t dataset = H5Dcreate2(parent, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    const bool empty = shape->count == 1 && shape->sizes[0] == 0;
    if (dataset < 0 ||
        (!empty && H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)) {
        note_failure(writer, name);
        vain_h5_close(&dataset);
    }
    vain_h5_close(&creation);
    vain_h5_close(&space);
    if (shape->units != NULL)
        vain_h5_put_text(writer, dataset, "units", shape->units);
    if (shape->long_name != NULL)
        vain_h5_put_text(writer, dataset, "long_name", shape->long_name);
    return dataset;
}

void vain_h5_make_text(struct vain_h5_writer *writer, hid_t parent, const char *name,
                       const char *text, const char *long_name)
{
    hid_t type = text_type(strlen(text) + 1);
    const struct vain_h5_shape scalar = {0, {0}, NULL, long_name};
    hid_t dataset = vain_h5_make_dataset(writer, parent, name, type, &scalar, text);
    vain_h5_close(&dataset);
    vain_h5_close(&type);
}

hid_t vain_h5_make_texts(struct vain_h5_writer *writer, hid_t parent, const char *name,
                         const char *texts, int64_t count, size_t stride, const char *long_name)
{
    hid_t type = text_type(stride);
    const struct vain_h5_shape column = {1, {count}, NULL, long_name};
    const hid_t dataset = vain_h5_make_dataset(writer, parent, name, type, &column, texts);
    vain_h5_close(&type);
    return dataset;
}

/* ---- Dimension scales ----------------------------------------------------------------------- */

/* An element of REFERENCE_LIST, as the specification lays it out. */
struct scale_user {
    hobj_ref_t dataset;
    int dimension;
};

static void attach_one(struct vain_h5_writer *writer, hid_t scale, hid_t dataset,
                       struct scale_user *user)
{
    hobj_ref_t scale_reference;
    if (H5Rcreate(&scale_reference, scale, ".", H5R_OBJECT, H5I_INVALID_HID) < 0 ||
        H5Rcreate(&user->dataset, dataset, ".", H5R_OBJECT, H5I_INVALID_HID) < 0) {
        note_failure(writer, "DIMENSION_LIST");
        return;
    }
    hvl_t axis = {.len = 1, .p = &scale_reference};
    hid_t type = H5Tvlen_create(H5T_STD_REF_OBJ);
    put_attribute(writer, dataset, "DIMENSION_LIST", type, 1, &axis);
    vain_h5_close(&type);
}

static hid_t make_user_type(void)
{
    const hid_t type = H5Tcreate(H5T_COMPOUND, sizeof(struct scale_user));
    VAIN_ASSERT(type >= 0);
    VAIN_ASSERT(H5Tinsert(type, "dataset", HOFFSET(struct scale_user, dataset), H5T_STD_REF_OBJ) >=
                0);
    VAIN_ASSERT(
        H5Tinsert(type, "dimension", HOFFSET(struct scale_user, dimension), H5T_NATIVE_INT) >= 0);
    return type;
}

void vain_h5_attach_scale(struct vain_h5_writer *writer, hid_t scale, const char *name,
                          const hid_t *datasets, int count)
{
    enum { USERS_MAX = 4 };
    VAIN_ASSERT(count <= USERS_MAX);
    if (failed(writer))
        return;
    struct scale_user users[USERS_MAX];
    memset(users, 0, sizeof users); /* the padding goes to the file too */
    for (int i = 0; i < count && !failed(writer); i++)
        attach_one(writer, scale, datasets[i], &users[i]);
    vain_h5_put_text(writer, scale, "CLASS", "DIMENSION_SCALE");
    vain_h5_put_text(writer, scale, "NAME", name);
    hid_t type = make_user_type();
    put_attribute(writer, scale, "REFERENCE_LIST", type, count, users);
    vain_h5_close(&type);
}

/* The tree of a file as `vain ckpt ls` prints it: parents first, in the order of creation. With a
 * list of what is still to be visited instead of recursion, and a ceiling on its length; links are
 * listed but never followed out of the file. */
#include "jobs/store/inspect.h"

#include "base/memory.h"
#include "jobs/store/hdf5_file.h"

#include <stdio.h>
#include <string.h>

enum { OBJECTS_MAX = 32768, PATH_BYTES = 192, FIRST_CAPACITY = 256 };

struct pending {
    struct vain_h5_reader *reader;
    char (*paths)[PATH_BYTES]; /* owned; a stack: the last is next */
    int count, capacity, seen;
    const char *parent; /* of the links being listed */
};

static void push(struct pending *pending, const char *path)
{
    struct vain_h5_reader *reader = pending->reader;
    if (++pending->seen > OBJECTS_MAX)
        vain_h5_reject(reader, "it holds more than %d objects", OBJECTS_MAX);
    if (reader->status != VAIN_OK)
        return;
    if (pending->count == pending->capacity) {
        const int capacity = pending->capacity == 0 ? FIRST_CAPACITY : 2 * pending->capacity;
        void *paths;
        reader->status = vain_take_array(capacity, PATH_BYTES, "paths", &paths);
        if (reader->status != VAIN_OK)
            return;
        if (pending->count > 0)
            memcpy(paths, pending->paths, (size_t)pending->count * PATH_BYTES);
        vain_release(pending->paths);
        pending->paths = paths;
        pending->capacity = capacity;
    }
    snprintf(pending->paths[pending->count++], PATH_BYTES, "%s", path);
}

static herr_t visit_link(hid_t group, const char *name, const H5L_info_t *link, void *context)
{
    (void)group;
    struct pending *pending = context;
    char path[PATH_BYTES];
    const int length = snprintf(path, sizeof path, "%s/%s", pending->parent, name);
    if (length < 0 || length >= PATH_BYTES)
        vain_h5_reject(pending->reader, "a name below '%s' is too long", pending->parent);
    else if (link->type != H5L_TYPE_HARD)
        vain_h5_reject(pending->reader, "'%s' is a soft or external link", path);
    else
        push(pending, path);
    return pending->reader->status == VAIN_OK ? 0 : 1;
}

/* Children in order of creation, so that the first is on top of the stack. */
static void push_children(struct pending *pending, hid_t group, const char *path)
{
    pending->parent = strcmp(path, "/") == 0 ? "" : path;
    if (H5Literate(group, H5_INDEX_CRT_ORDER, H5_ITER_DEC, NULL, visit_link, pending) < 0 &&
        H5Literate(group, H5_INDEX_NAME, H5_ITER_DEC, NULL, visit_link, pending) < 0)
        vain_h5_reject(pending->reader, "'%s' cannot be listed: %s", path, vain_h5_reason());
}

static const char *type_name(hid_t dataset)
{
    static const struct {
        H5T_class_t class;
        size_t bytes;
        bool is_signed;
        const char *name;
    } names[] = {
        {H5T_FLOAT, 4, true, "float32"},   {H5T_FLOAT, 8, true, "float64"},
        {H5T_INTEGER, 4, true, "int32"},   {H5T_INTEGER, 8, true, "int64"},
        {H5T_INTEGER, 1, false, "uint8"},  {H5T_INTEGER, 4, false, "uint32"},
        {H5T_INTEGER, 8, false, "uint64"},
    };
    hid_t type = H5Dget_type(dataset);
    const char *found = "other";
    if (type >= 0 && H5Tget_class(type) == H5T_STRING)
        found = "text";
    for (size_t i = 0; type >= 0 && i < VAIN_COUNT_OF(names); i++) {
        const bool is_signed = H5Tget_class(type) != H5T_INTEGER || H5Tget_sign(type) == H5T_SGN_2;
        if (H5Tget_class(type) == names[i].class && H5Tget_size(type) == names[i].bytes &&
            is_signed == names[i].is_signed)
            found = names[i].name;
    }
    vain_h5_close(&type);
    return found;
}

static void describe_dataset(hid_t dataset, struct vain_tree_entry *entry)
{
    entry->type = type_name(dataset);
    entry->bytes = (int64_t)H5Dget_storage_size(dataset);
    hid_t space = H5Dget_space(dataset);
    const int rank = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);
    hsize_t sizes[H5S_MAX_RANK] = {0};
    if (rank > 0 && rank <= VAIN_SHAPE_MAX && H5Sget_simple_extent_dims(space, sizes, NULL) > 0) {
        entry->shape_count = rank;
        for (int i = 0; i < rank; i++)
            entry->shape[i] = (int64_t)sizes[i];
    }
    vain_h5_close(&space);
}

static void visit_object(struct pending *pending, const char *path, vain_tree_visitor visit,
                         void *context)
{
    hid_t object = vain_h5_open_object(pending->reader, path);
    if (object < 0)
        return;
    struct vain_tree_entry entry = {.path = path, .type = "other"};
    const H5I_type_t kind = H5Iget_type(object);
    if (kind == H5I_GROUP)
        entry.type = "group";
    else if (kind == H5I_DATASET)
        describe_dataset(object, &entry);
    visit(context, &entry);
    if (kind == H5I_GROUP)
        push_children(pending, object, path);
    vain_h5_close(&object);
}

enum vain_status vain_checkpoint_tree(const char *path, vain_tree_visitor visit, void *context)
{
    struct vain_h5_reader reader;
    struct pending pending = {.reader = &reader};
    vain_h5_lock();
    enum vain_status status = vain_h5_reader_open(&reader, path);
    if (status == VAIN_OK) {
        push(&pending, "/");
        while (pending.count > 0 && reader.status == VAIN_OK) {
            char next[PATH_BYTES];
            memcpy(next, pending.paths[--pending.count], sizeof next);
            visit_object(&pending, next, visit, context);
        }
        status = reader.status;
    }
    vain_h5_reader_close(&reader);
    vain_h5_unlock();
    vain_release(pending.paths);
    return status;
}

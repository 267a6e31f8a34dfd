/* A walk over the tree of groups with a list of what is still to be visited, not by recursion: how
 * deep a foreign file is must not matter. A name is at most VAIN_SLICE_NAME_BYTES long, so circles
 * of hard links end there; the lists end at their limits. */
#include "jobs/store/slice_walk.h"

#include "base/memory.h"
#include "jobs/store/checkpoint_layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROUPS_MAX = 4 * VAIN_SLICES_MAX };

struct walk {
    struct vain_h5_reader *reader;
    const char *top;                         /* "/model" */
    char (*groups)[VAIN_SLICE_NAME_BYTES];   /* (GROUPS_MAX) dotted names; [0] is "" */
    char (*datasets)[VAIN_SLICE_NAME_BYTES]; /* (VAIN_SLICES_MAX) */
    int group_count, dataset_count;
    const char *prefix; /* of the group being listed */
};

/* One link of the group: a group is put on the list, a dataset is noted. Non-zero ends the listing.
 */
static herr_t visit_link(hid_t group, const char *name, const H5L_info_t *link, void *context)
{
    struct walk *walk = context;
    char full[VAIN_SLICE_NAME_BYTES];
    const int length = snprintf(full, sizeof full, "%s%s%s", walk->prefix,
                                walk->prefix[0] == '\0' ? "" : ".", name);
    if (length < 0 || (size_t)length >= sizeof full || strchr(name, '.') != NULL ||
        !vain_slice_name_valid(full)) {
        vain_h5_reject(walk->reader, "'%s' holds something whose name is not one of a slice",
                       walk->top);
        return 1;
    }
    H5O_info_t object;
    if (link->type != H5L_TYPE_HARD ||
        H5Oget_info_by_name2(group, name, &object, H5O_INFO_BASIC, H5P_DEFAULT) < 0) {
        vain_h5_reject(walk->reader, "'%s': %s is no hard link to an object", walk->top, full);
        return 1;
    }
    if (object.type == H5O_TYPE_GROUP && walk->group_count < GROUPS_MAX) {
        memcpy(walk->groups[walk->group_count++], full, sizeof full);
    } else if (object.type == H5O_TYPE_DATASET && walk->dataset_count < VAIN_SLICES_MAX) {
        memcpy(walk->datasets[walk->dataset_count++], full, sizeof full);
    } else {
        vain_h5_reject(walk->reader,
                       "'%s' holds more than %d slices, or something else than groups "
                       "and datasets",
                       walk->top, VAIN_SLICES_MAX);
        return 1;
    }
    return 0;
}

static void list_group(struct walk *walk, int index)
{
    char name[VAIN_SLICE_NAME_BYTES], path[VAIN_OBJECT_PATH_BYTES];
    memcpy(name, walk->groups[index], sizeof name);
    if (name[0] == '\0')
        snprintf(path, sizeof path, "%s", walk->top);
    else
        vain_slice_path(walk->top, name, path);
    hid_t group = vain_h5_open_object(walk->reader, path);
    if (group < 0)
        return;
    walk->prefix = name;
    if (H5Iget_type(group) != H5I_GROUP)
        vain_h5_reject(walk->reader, "'%s' is not a group", path);
    else if (H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, visit_link, walk) < 0)
        vain_h5_reject(walk->reader, "'%s' cannot be listed: %s", path, vain_h5_reason());
    walk->prefix = NULL;
    vain_h5_close(&group);
}

static void read_slice(struct vain_h5_reader *reader, const char *top, const char *name,
                       int64_t parameter_count, struct vain_store_slice *slice,
                       char dims[VAIN_SHAPE_MAX][VAIN_DIM_BYTES])
{
    char path[VAIN_OBJECT_PATH_BYTES];
    vain_slice_path(top, name, path);
    struct vain_h5_dataset dataset;
    vain_h5_open_dataset(reader, path, H5T_IEEE_F32LE, &dataset);
    memcpy(slice->name, name, sizeof slice->name);
    slice->count = dataset.count;
    slice->shape_count = dataset.shape_count;
    memcpy(slice->shape, dataset.shape, sizeof slice->shape);
    slice->offset =
        vain_h5_get_integer(reader, dataset.id, path, "flat_offset", 0, parameter_count);
    if (reader->status == VAIN_OK && slice->shape_count > 0)
        vain_h5_get_texts(reader, dataset.id, path, "dims", dims[0], slice->shape_count,
                          VAIN_DIM_BYTES);
    vain_h5_close(&dataset.id);
}

static int compare_offsets(const void *a, const void *b)
{
    const struct vain_store_slice *left = a, *right = b;
    return left->offset < right->offset ? -1 : left->offset > right->offset ? 1 : 0;
}

static void read_slices(struct walk *walk, int64_t parameter_count, struct vain_slice_table *out)
{
    struct vain_h5_reader *reader = walk->reader;
    void *slices = NULL, *dims = NULL;
    if (reader->status == VAIN_OK)
        reader->status =
            vain_take_array(walk->dataset_count, sizeof out->slices[0], "slices", &slices);
    if (reader->status == VAIN_OK)
        reader->status = vain_take_array(walk->dataset_count, sizeof out->dims[0], "dims", &dims);
    out->slices = slices;
    out->dims = dims;
    for (int i = 0; i < walk->dataset_count && reader->status == VAIN_OK; i++) {
        read_slice(reader, walk->top, walk->datasets[i], parameter_count, &out->slices[i],
                   out->dims[i]);
        for (int axis = 0; axis < VAIN_SHAPE_MAX; axis++)
            out->slices[i].dims[axis] = out->dims[i][axis];
    }
    if (reader->status != VAIN_OK)
        return;
    out->count = walk->dataset_count;
    if (out->count > 1)
        qsort(out->slices, (size_t)out->count, sizeof out->slices[0], compare_offsets);
    int index;
    const char *problem = vain_slices_problem(out->slices, out->count, parameter_count, &index);
    if (problem != NULL)
        vain_h5_reject(reader, "'%s': slice %s: %s", walk->top,
                       index < out->count ? out->slices[index].name : "", problem);
}

void vain_slice_table_read(struct vain_h5_reader *reader, const char *group,
                           int64_t parameter_count, struct vain_slice_table *out)
{
    *out = (struct vain_slice_table){0};
    struct walk walk = {.reader = reader, .top = group, .group_count = 1};
    if (reader->status != VAIN_OK)
        return;
    void *names;
    reader->status = vain_take_array(GROUPS_MAX + VAIN_SLICES_MAX, VAIN_SLICE_NAME_BYTES,
                                     "names of slices", &names);
    if (reader->status != VAIN_OK)
        return;
    walk.groups = names;
    walk.datasets = walk.groups + GROUPS_MAX;
    for (int i = 0; i < walk.group_count && reader->status == VAIN_OK; i++)
        list_group(&walk, i);
    read_slices(&walk, parameter_count, out);
    vain_release(names);
}

void vain_slice_table_fini(struct vain_slice_table *table)
{
    vain_release(table->slices);
    vain_release(table->dims);
    *table = (struct vain_slice_table){0};
}

/* A counting sort, stable, so rows stay in ascending order within a label. */
#include "jobs/data/label_index.h"

#include "base/memory.h"

static enum vain_status take_index(int64_t class_count, int64_t row_count,
                                   struct vain_label_index *out)
{
    void *begin, *rows;
    VAIN_TRY(vain_take_array(class_count + 1, sizeof *out->begin, "index of labels", &begin));
    out->begin = begin;
    VAIN_TRY(vain_take_array(row_count, sizeof *out->rows, "index of labels", &rows));
    out->rows = rows;
    out->class_count = class_count;
    return VAIN_OK;
}

enum vain_status vain_label_index_make(const int32_t *labels, int64_t count, int64_t class_count,
                                       const int64_t *subset, int64_t subset_count,
                                       struct vain_label_index *out)
{
    *out = (struct vain_label_index){0};
    const int64_t row_count = subset != NULL ? subset_count : count;
    const enum vain_status status = take_index(class_count, row_count, out);
    if (status != VAIN_OK) {
        vain_label_index_release(out);
        return status;
    }
    for (int64_t i = 0; i < row_count; i++) {
        const int64_t row = subset != NULL ? subset[i] : i;
        VAIN_ASSERT(row >= 0 && row < count);
        VAIN_ASSERT(labels[row] >= 0 && labels[row] < class_count);
        out->begin[labels[row] + 1]++;
    }
    for (int64_t c = 0; c < class_count; c++)
        out->begin[c + 1] += out->begin[c];
    /* Each start moves to its end while rows are put down, and back by one label afterwards. */
    for (int64_t i = 0; i < row_count; i++) {
        const int64_t row = subset != NULL ? subset[i] : i;
        out->rows[out->begin[labels[row]]++] = row;
    }
    for (int64_t c = class_count; c > 0; c--)
        out->begin[c] = out->begin[c - 1];
    out->begin[0] = 0;
    return VAIN_OK;
}

void vain_label_index_release(struct vain_label_index *index)
{
    vain_release(index->begin);
    vain_release(index->rows);
    *index = (struct vain_label_index){0};
}

int64_t vain_label_index_count(const struct vain_label_index *index, int64_t label)
{
    VAIN_ASSERT(label >= 0 && label < index->class_count);
    return index->begin[label + 1] - index->begin[label];
}

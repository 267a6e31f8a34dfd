/* Which examples have which label: the rows of each label, ascending. Groups of examples (an
 * alphabet, a site) are labels too. */
#pragma once

#include "base/status.h"

struct vain_label_index {
    int64_t class_count;
    int64_t *begin; /* (class_count + 1): rows of label c are begin[c] to begin[c + 1] - 1; owned */
    int64_t *rows;  /* (begin[class_count]); owned */
};

/* Index `labels` (count), all in [0, class_count). `subset` (subset_count, ascending) are the rows
 * that take part; NULL: all. VAIN_ERR_MEMORY; on failure `out` is empty. Local. */
enum vain_status vain_label_index_make(const int32_t *labels, int64_t count, int64_t class_count,
                                       const int64_t *subset, int64_t subset_count,
                                       struct vain_label_index *out) VAIN_MUST_USE;
/* An index that is zero or released is fine. */
void vain_label_index_release(struct vain_label_index *index);
/* How many rows label `label` has. */
int64_t vain_label_index_count(const struct vain_label_index *index, int64_t label);

#include "jobs/data/pairs.h"

#include "base/memory.h"
#include "jobs/data/draw.h"

/* List the labels that have K rows. */
static void list_labels(struct vain_pairs *pairs)
{
    for (int64_t label = 0; label < pairs->index.class_count; label++) {
        if (vain_label_index_count(&pairs->index, label) >= pairs->K)
            pairs->labels[pairs->label_count++] = (int32_t)label;
    }
}

static enum vain_status fail_few(const char *what, const struct vain_pairs *pairs)
{
    int64_t label = 0, present = 0, rare = 0;
    for (int64_t c = 0; c < pairs->index.class_count; c++) {
        const int64_t rows = vain_label_index_count(&pairs->index, c);
        present += rows > 0;
        if (rows > 0 && rows < pairs->K) {
            label = c;
            rare++;
        }
    }
    if (rare == 0)
        return vain_fail(VAIN_ERR_INPUT,
                         "%s: has %lld labels, and a batch takes %lld of them; take fewer", what,
                         (long long)present, (long long)pairs->P);
    return vain_fail(VAIN_ERR_INPUT,
                     "%s: a batch takes %lld labels with %lld examples each, but only %lld of %lld "
                     "labels have as many (label %lld has %lld); take fewer labels or examples",
                     what, (long long)pairs->P, (long long)pairs->K, (long long)pairs->label_count,
                     (long long)present, (long long)label,
                     (long long)vain_label_index_count(&pairs->index, label));
}

enum vain_status vain_pairs_open(const char *what, const int32_t *labels, int64_t count,
                                 int64_t class_count, const int64_t *subset, int64_t subset_count,
                                 int64_t P, int64_t K, struct vain_pairs *out)
{
    VAIN_ASSERT(P >= 1 && K >= 1);
    *out = (struct vain_pairs){.P = P, .K = K};
    enum vain_status status =
        vain_label_index_make(labels, count, class_count, subset, subset_count, &out->index);
    void *kept = NULL;
    if (status == VAIN_OK)
        status = vain_take_array(class_count, sizeof *out->labels, "labels of pairs", &kept);
    out->labels = kept;
    if (status == VAIN_OK) {
        list_labels(out);
        if (out->label_count < P)
            status = fail_few(what, out);
    }
    if (status != VAIN_OK)
        vain_pairs_close(out);
    return status;
}

void vain_pairs_close(struct vain_pairs *pairs)
{
    vain_label_index_release(&pairs->index);
    vain_release(pairs->labels);
    *pairs = (struct vain_pairs){0};
}

/* The labels stand in the first P places of `rows` and are used from the last to the first: the
 * rows of label p go to places p K and beyond, where only labels that are done stand. */
void vain_pairs_draw(const struct vain_pairs *pairs, struct vain_random random, int64_t position,
                     int64_t *rows)
{
    struct vain_draw draw = vain_draw_start_at(random, position);
    const int64_t P = pairs->P, K = pairs->K;
    vain_draw_subset(&draw, pairs->label_count, P, rows);
    for (int64_t p = P - 1; p >= 0; p--) {
        const int64_t label = pairs->labels[rows[p]];
        const int64_t *own = pairs->index.rows + pairs->index.begin[label];
        int64_t *out = rows + p * K;
        vain_draw_subset(&draw, vain_label_index_count(&pairs->index, label), K, out);
        for (int64_t k = 0; k < K; k++)
            out[k] = own[out[k]];
    }
}

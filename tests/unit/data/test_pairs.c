/* Batches of labels and their examples, and the index they are drawn from. */
#include "jobs/data/pairs.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "tests/unit/suite.h"

enum { ROWS = 40 };
static const struct vain_random stream = {{8, 9}};
static int32_t labels[ROWS];

/* Label 0 has rows 0, 5, 10, ...; of label 4 only rows 4 and 9 are left, the others are 0. */
static void make_labels(void)
{
    for (int i = 0; i < ROWS; i++)
        labels[i] = i % 5 == 4 && i > 9 ? 0 : i % 5;
}

static void an_index_lists_rows_by_label(void)
{
    static const int64_t subset[4] = {1, 4, 6, 9};
    make_labels();
    struct vain_label_index index;
    CU_ASSERT_EQUAL_FATAL(vain_label_index_make(labels, ROWS, 7, NULL, 0, &index), VAIN_OK);
    static const int64_t counts[7] = {14, 8, 8, 8, 2, 0, 0};
    for (int c = 0; c < 7; c++) {
        CU_ASSERT_EQUAL(vain_label_index_count(&index, c), counts[c]);
        for (int64_t k = index.begin[c]; k < index.begin[c + 1]; k++) {
            CU_ASSERT_EQUAL(labels[index.rows[k]], c);
            CU_ASSERT(k == index.begin[c] || index.rows[k] > index.rows[k - 1]);
        }
    }
    CU_ASSERT_EQUAL(index.begin[7], ROWS);
    vain_label_index_release(&index);
    CU_ASSERT_EQUAL_FATAL(vain_label_index_make(labels, ROWS, 5, subset, 4, &index), VAIN_OK);
    CU_ASSERT(vain_label_index_count(&index, 1) == 2 && vain_label_index_count(&index, 4) == 2);
    CU_ASSERT(index.rows[0] == 1 && index.rows[1] == 6 && index.rows[3] == 9);
    vain_label_index_release(&index);
    CU_ASSERT_EQUAL(vain_memory_blocks(), 0);
}

static void a_batch_has_k_different_rows_of_p_labels(void)
{
    make_labels();
    struct vain_pairs pairs;
    CU_ASSERT_EQUAL_FATAL(vain_pairs_open("x", labels, ROWS, 5, NULL, 0, 3, 4, &pairs), VAIN_OK);
    CU_ASSERT_EQUAL(pairs.label_count, 4);
    int seen[5] = {0};
    for (int64_t position = 0; position < 2000; position++) {
        int64_t rows[12], again[12];
        vain_pairs_draw(&pairs, stream, position, rows);
        vain_pairs_draw(&pairs, stream, position, again);
        CU_ASSERT_EQUAL(memcmp(rows, again, sizeof rows), 0);
        bool used[ROWS] = {false};
        for (int i = 0; i < 12; i++) {
            CU_ASSERT_EQUAL(labels[rows[i]], labels[rows[i / 4 * 4]]);
            CU_ASSERT_FALSE(used[rows[i]]);
            used[rows[i]] = true;
        }
        CU_ASSERT(labels[rows[0]] != labels[rows[4]] && labels[rows[0]] != labels[rows[8]] &&
                  labels[rows[4]] != labels[rows[8]]);
        for (int p = 0; p < 3; p++)
            seen[labels[rows[4 * p]]]++;
    }
    for (int label = 0; label < 4; label++)
        CU_ASSERT(fabs(seen[label] - 1500.0) < 5 * sqrt(2000 * 0.75 * 0.25));
    CU_ASSERT_EQUAL(seen[4], 0);
    vain_pairs_close(&pairs);
}

static void a_batch_stays_in_its_subset(void)
{
    static const int64_t subset[6] = {0, 1, 5, 6, 10, 11};
    make_labels();
    struct vain_pairs pairs;
    CU_ASSERT_EQUAL_FATAL(vain_pairs_open("x", labels, ROWS, 5, subset, 6, 2, 3, &pairs), VAIN_OK);
    for (int64_t position = 0; position < 50; position++) {
        int64_t rows[6];
        vain_pairs_draw(&pairs, stream, position, rows);
        for (int i = 0; i < 6; i++)
            CU_ASSERT(rows[i] <= 11 && rows[i] % 5 <= 1);
    }
    vain_pairs_close(&pairs);
}

static void too_few_labels_or_examples_are_refused(void)
{
    make_labels();
    struct vain_pairs pairs;
    CU_ASSERT_EQUAL(vain_pairs_open("FILE", labels, ROWS, 5, NULL, 0, 6, 2, &pairs),
                    VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "FILE: has 5 labels"));
    CU_ASSERT_EQUAL(vain_pairs_open("FILE", labels, ROWS, 5, NULL, 0, 5, 3, &pairs),
                    VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "only 4 of 5 labels have as many"));
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "(label 4 has 2)"));
    CU_ASSERT_PTR_NULL(pairs.labels);
    CU_ASSERT_EQUAL(vain_memory_blocks(), 0);
}

static const struct vain_test tests[] = {
    {"an index lists rows by label", an_index_lists_rows_by_label},
    {"a batch has K different rows of P labels", a_batch_has_k_different_rows_of_p_labels},
    {"a batch stays in its subset", a_batch_stays_in_its_subset},
    {"too few labels or examples are refused", too_few_labels_or_examples_are_refused},
    {NULL, NULL}};
const struct vain_suite vain_suite_pairs = {"data: pairs", tests};

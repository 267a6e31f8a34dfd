/* Carving, products and dropout places. */
#include "models/parts.h"

#include "tests/unit/suite.h"

static void carving_sets_disjoint_aligned_fields(void)
{
    _Alignas(64) unsigned char block[64 * 8];
    float *first, *none = (float *)block, *second;
    int32_t *third;
    const struct vain_part parts[] = {
        {(void **)&first, 1}, {(void **)&none, 0}, {(void **)&second, 17}, {(void **)&third, 16}};
    const size_t bytes = vain_parts_carve(parts, 4, NULL);
    CU_ASSERT_EQUAL(bytes, 64 + 128 + 64);
    CU_ASSERT_PTR_EQUAL(none, block); /* counting touches no field */
    CU_ASSERT_EQUAL(vain_parts_carve(parts, 4, block), bytes);
    CU_ASSERT_PTR_EQUAL(first, block);
    CU_ASSERT_PTR_NULL(none);
    CU_ASSERT_PTR_EQUAL(second, block + 64);
    CU_ASSERT_PTR_EQUAL(third, block + 192);
}

static void what_cannot_be_is_size_max(void)
{
    float *field;
    const struct vain_part one[] = {{(void **)&field, INT64_MAX}};
    CU_ASSERT_EQUAL(vain_parts_carve(one, 1, NULL), SIZE_MAX);
    struct vain_part many[16];
    for (int i = 0; i < 16; i++)
        many[i] = (struct vain_part){(void **)&field, INT64_MAX / 8};
    CU_ASSERT_EQUAL(vain_parts_carve(many, 16, NULL), SIZE_MAX);
}

static void products_saturate(void)
{
    CU_ASSERT_EQUAL(vain_parts_product(6, 7, 10), 420);
    CU_ASSERT_EQUAL(vain_parts_product(0, INT64_MAX, INT64_MAX), 0);
    CU_ASSERT_EQUAL(vain_parts_product(INT64_MAX, INT64_MAX, 0), 0);
    CU_ASSERT_EQUAL(vain_parts_product(INT64_MAX, 1, 1), INT64_MAX);
    CU_ASSERT_EQUAL(vain_parts_product(INT64_C(1) << 32, INT64_C(1) << 31, 1), INT64_MAX);
    CU_ASSERT_EQUAL(vain_parts_product(INT64_C(1) << 31, INT64_C(1) << 31, 2), INT64_MAX);
    CU_ASSERT_EQUAL(vain_parts_product(INT64_C(1) << 31, INT64_C(1) << 30, 2), INT64_C(1) << 62);
}

static void dropout_regions_never_meet(void)
{
    struct vain_batch_place place = {.dropout_random = {{1, 2}}, .round = 3, .step = 4};
    uint64_t next = 0;
    for (uint32_t micro_batch = 0; micro_batch < 5; micro_batch++)
        for (int64_t site = 0; site < 9; site++) {
            place.micro_batch = micro_batch;
            const struct vain_dropout dropout = vain_parts_dropout(0.25, &place, site, 9);
            CU_ASSERT_EQUAL(dropout.index_base, next);
            next += UINT64_C(1) << 36;
            CU_ASSERT(dropout.probability == 0.25f && dropout.round == 3 && dropout.step == 4);
            CU_ASSERT(dropout.random.key[0] == 1 && dropout.random.key[1] == 2);
        }
}

static void nothing_drops_without_place_or_probability(void)
{
    const struct vain_batch_place place = {.micro_batch = 1};
    CU_ASSERT(vain_parts_dropout(0.5, NULL, 1, 2).probability == 0);
    CU_ASSERT(vain_parts_dropout(0, &place, 1, 2).probability == 0);
}

static const struct vain_test tests[] = {
    {"carving sets disjoint, aligned fields", carving_sets_disjoint_aligned_fields},
    {"what cannot be is SIZE_MAX", what_cannot_be_is_size_max},
    {"products saturate", products_saturate},
    {"dropout regions never meet", dropout_regions_never_meet},
    {"nothing drops without a place or a probability", nothing_drops_without_place_or_probability},
    {NULL, NULL},
};
const struct vain_suite vain_suite_parts = {"models/parts", tests};

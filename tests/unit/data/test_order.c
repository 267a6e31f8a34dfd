/* Orders of examples: each once an epoch, in batches that leave none out. */
#include "jobs/data/order.h"

#include <math.h>
#include <string.h>

#include "base/status.h"
#include "tests/unit/suite.h"

static const struct vain_random stream = {{11, 22}};

static void an_epoch_has_each_example_once(void)
{
    for (int64_t count = 1; count <= 300; count++) {
        bool seen[300] = {false};
        for (int64_t place = 0; place < count; place++) {
            const int64_t at = vain_order_place(stream, count % 5, count, place);
            CU_ASSERT_FATAL(at >= 0 && at < count);
            CU_ASSERT_FALSE(seen[at]);
            seen[at] = true;
        }
    }
}

static void epochs_and_streams_have_orders_of_their_own(void)
{
    const struct vain_random other = {{11, 23}};
    int same_epoch = 0, same_stream = 0;
    for (int64_t place = 0; place < 1000; place++) {
        const int64_t at = vain_order_place(stream, 0, 1000, place);
        same_epoch += at == vain_order_place(stream, 1, 1000, place);
        same_stream += at == vain_order_place(other, 0, 1000, place);
    }
    CU_ASSERT(same_epoch < 10 && same_stream < 10);
}

/* Over many epochs each example comes first about equally often. */
static void every_example_comes_first_equally_often(void)
{
    enum { EPOCHS = 20000, EXAMPLES = 10 };
    int counts[EXAMPLES] = {0};
    for (int64_t epoch = 0; epoch < EPOCHS; epoch++)
        counts[vain_order_place(stream, epoch, EXAMPLES, 0)]++;
    for (int i = 0; i < EXAMPLES; i++)
        CU_ASSERT(fabs(counts[i] - EPOCHS / (double)EXAMPLES) < 5 * sqrt(EPOCHS / 10.0));
}

static void batches_cover_a_list_and_the_last_is_short(void)
{
    int64_t examples[23], batch[5];
    for (int64_t i = 0; i < 23; i++)
        examples[i] = 100 + 3 * i;
    CU_ASSERT_EQUAL(vain_order_batch_count(23, 5), 5);
    CU_ASSERT_EQUAL(vain_order_batch_count(25, 5), 5);
    CU_ASSERT_EQUAL(vain_order_batch_count(0, 5), 0);
    CU_ASSERT_EQUAL(vain_order_batch_count(3, 5), 1);
    bool seen[23] = {false};
    for (int64_t b = 0; b < 5; b++) {
        const int64_t size = vain_order_batch(stream, 4, b, examples, 23, 5, batch);
        CU_ASSERT_EQUAL(size, b < 4 ? 5 : 3);
        for (int64_t i = 0; i < size; i++) {
            CU_ASSERT_FATAL(batch[i] >= 100 && (batch[i] - 100) % 3 == 0 && batch[i] <= 166);
            CU_ASSERT_EQUAL(batch[i], 100 + 3 * vain_order_place(stream, 4, 23, 5 * b + i));
            CU_ASSERT_FALSE(seen[(batch[i] - 100) / 3]);
            seen[(batch[i] - 100) / 3] = true;
        }
    }
    CU_ASSERT_EQUAL(vain_order_batch(stream, 4, 4, NULL, 23, 5, batch), 3);
    CU_ASSERT_EQUAL(batch[2], vain_order_place(stream, 4, 23, 22));
}

static const struct vain_test tests[] = {
    {"an epoch has each example once", an_epoch_has_each_example_once},
    {"epochs and streams have orders of their own", epochs_and_streams_have_orders_of_their_own},
    {"every example comes first equally often", every_example_comes_first_equally_often},
    {"batches cover a list, and the last is short", batches_cover_a_list_and_the_last_is_short},
    {NULL, NULL}};
const struct vain_suite vain_suite_order = {"data: order", tests};

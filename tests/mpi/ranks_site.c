/* Gradient averaging: the bits of a sum in rank order, on every transport and at every size. */
#include <string.h>

#include "base/memory.h"
#include "collectives/site.h"
#include "tests/mpi/ranks.h"

/* Values of very different sizes, so that another order of additions gives other bits. */
static float value_of(int rank, int64_t index)
{
    const uint32_t word = ranks_word(rank, index);
    const float mantissa = (float)(int32_t)(word & 0xffffff) - 8388608.0f;
    static const float sizes[] = {1e-9f, 3e-3f, 1.0f, 7e4f};
    return mantissa * sizes[word >> 30];
}

static float mean_in_rank_order(int size, int64_t index)
{
    volatile float sum = value_of(0, index); /* every step rounded to binary32 */
    for (int rank = 1; rank < size; rank++)
        sum = sum + value_of(rank, index);
    return sum * (1.0f / (float)size);
}

static void average(struct ranks *ranks, struct vain_site *site, float *vector)
{
    int64_t wrong = 0;
    for (int64_t i = 0; i < site->count; i++)
        vector[i] = value_of(site->comm.rank, i);
    vector[site->count] = 77.0f;
    EXPECT_OK(ranks, vain_site_average(site, vector));
    for (int64_t i = 0; i < site->count; i++) {
        const float expected =
            site->comm.size == 1 ? value_of(0, i) : mean_in_rank_order(site->comm.size, i);
        wrong += memcmp(&vector[i], &expected, sizeof expected) != 0;
    }
    EXPECT(ranks, wrong == 0);
    EXPECT(ranks, vector[site->count] == 77.0f);
}

static void averages_are_in_rank_order(struct ranks *ranks)
{
    static const int64_t counts[] = {1, 2, 3, 7, 8, 9, 1000, 20011};
    for (size_t i = 0; i < VAIN_COUNT_OF(counts); i++) {
        struct vain_comm own = {0};
        struct vain_site site;
        float *vector = NULL;
        EXPECT_OK(ranks, vain_take_array(counts[i] + 1, sizeof *vector, "v", (void **)&vector));
        EXPECT_OK(ranks, ranks->comm.ops->split(&ranks->comm, 0, &own));
        EXPECT_OK(ranks, vain_site_open(own, &ranks->world, &ranks->queue, counts[i], 0, &site));
        for (int turn = 0; turn < 3; turn++)
            average(ranks, &site, vector);
        vain_site_close(&site);
        vain_release(vector);
    }
}

static void a_missing_rank_ends_the_site(struct ranks *ranks)
{
    enum { COUNT = 5000 };
    struct vain_comm own = {0};
    struct vain_site site;
    float *vector = NULL;
    EXPECT_OK(ranks, vain_take_array(COUNT, sizeof *vector, "vector", (void **)&vector));
    EXPECT_OK(ranks, ranks->comm.ops->split(&ranks->comm, 0, &own));
    ranks->clock.step_ns = 1000000;
    EXPECT_OK(ranks, vain_site_open(own, &ranks->world, &ranks->queue, COUNT, 60, &site));
    if (ranks->comm.size > 1 && ranks->comm.rank > 0) {
        const enum vain_status status = vain_site_average(&site, vector);
        EXPECT(ranks, status == VAIN_ERR_TIMEOUT || status == VAIN_ERR_PEER);
    } else if (ranks->comm.size > 1) {
        /* Comes when the others have given up: their abort ends it, its own patience does not. */
        site.deadline_ms = 0;
        EXPECT_OK(ranks, vain_comm_barrier(&ranks->comm, &ranks->world, 0));
        EXPECT_STATUS(ranks, VAIN_ERR_PEER, vain_site_average(&site, vector));
    }
    if (ranks->comm.rank > 0)
        EXPECT_OK(ranks, vain_comm_barrier(&ranks->comm, &ranks->world, 0));
    vain_site_close(&site);
    vain_release(vector);
}

const struct ranks_case site_cases[] = {
    {"site: averages have the bits of a sum in rank order", averages_are_in_rank_order},
    {"site: a missing rank ends the site", a_missing_rank_ends_the_site},
    {NULL, NULL},
};

/* The order on the circle is that of hashes over ctx and member index: a permutation without bias
 * and without a generator that every other implementation would have to repeat. */
#include "collectives/mask_graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/memory.h"
#include "collectives/quorum.h"

struct rank {
    uint8_t hash[VAIN_HASH_BYTES];
    int member;
};

struct vain_mask_graph {
    int members, reach;  /* steps to the farthest neighbour, either way */
    int *place;          /* (members) on the circle, in this block */
    struct rank ranks[]; /* (members) */
};

struct vain_mask_degree vain_mask_degree(int members)
{
    static const struct {
        int members; /* up to so many */
        struct vain_mask_degree degree;
    } table[] = {
        {80, {30, 26}},  {96, {32, 28}},  {128, {38, 32}}, {160, {44, 36}}, {192, {48, 39}},
        {256, {56, 44}}, {384, {70, 53}}, {512, {74, 56}}, {768, {82, 61}}, {1024, {86, 64}},
    };
    VAIN_ASSERT(members >= 1);
    VAIN_ASSERT(members <= VAIN_MEMBERS_MAX);
    if (members <= VAIN_MASK_COMPLETE_MAX)
        return (struct vain_mask_degree){members - 1, vain_quorum(members)};
    size_t row = 0;
    while (members > table[row].members)
        row++;
    return table[row].degree;
}

enum vain_status vain_mask_graph_open(int members, struct vain_mask_graph **out)
{
    struct vain_mask_graph *graph = NULL;
    *out = NULL;
    VAIN_ASSERT(members >= 1);
    VAIN_ASSERT(members <= VAIN_MEMBERS_MAX);
    const size_t n = (size_t)members;
    VAIN_TRY(vain_take(sizeof *graph + n * (sizeof graph->ranks[0] + sizeof *graph->place),
                       "mask graph", (void **)&graph));
    graph->members = members;
    graph->place = (int *)(void *)(graph->ranks + n);
    *out = graph;
    return VAIN_OK;
}

void vain_mask_graph_close(struct vain_mask_graph **graph)
{
    vain_release(*graph);
    *graph = NULL;
}

static int by_hash(const void *a, const void *b)
{
    const struct rank *first = a, *second = b;
    const int order = memcmp(first->hash, second->hash, VAIN_HASH_BYTES);
    return order != 0 ? order : first->member - second->member;
}

/* BLAKE2b("vain/mask/graph"; ctx, LE32 member) */
static void hash_member(struct rank *rank, uint8_t bytes[VAIN_CONTEXT_BYTES + 4], int member)
{
    struct vain_writer writer;
    vain_writer_init(&writer, bytes + VAIN_CONTEXT_BYTES, 4);
    vain_write_u32(&writer, (uint32_t)member);
    vain_hash("vain/mask/graph", bytes, VAIN_CONTEXT_BYTES + 4, rank->hash);
    rank->member = member;
}

void vain_mask_graph_draw(struct vain_mask_graph *graph, const struct vain_context *context,
                          int neighbours)
{
    uint8_t bytes[VAIN_CONTEXT_BYTES + 4];
    VAIN_ASSERT(neighbours >= graph->members - 1 || (neighbours >= 2 && neighbours % 2 == 0));
    graph->reach = neighbours >= graph->members - 1 ? graph->members : neighbours / 2;
    vain_context_encode(context, bytes);
    for (int i = 0; i < graph->members; i++)
        hash_member(&graph->ranks[i], bytes, i);
    qsort(graph->ranks, (size_t)graph->members, sizeof graph->ranks[0], by_hash);
    for (int i = 0; i < graph->members; i++)
        graph->place[graph->ranks[i].member] = i;
}

bool vain_mask_graph_joins(const struct vain_mask_graph *graph, int a, int b)
{
    VAIN_ASSERT(a >= 0 && a < graph->members);
    VAIN_ASSERT(b >= 0 && b < graph->members);
    const int one_way = abs(graph->place[a] - graph->place[b]);
    const int other_way = graph->members - one_way;
    return a != b && (one_way <= graph->reach || other_way <= graph->reach);
}

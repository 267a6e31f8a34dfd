/* Who has pair masks with whom in a large group (docs/protocol.md, "Large groups").
 *
 * Up to 64 members everybody has a mask with everybody. Beyond, a member has masks with k others
 * only, and the cost of masks stops growing with the group: members stand on a circle in an order
 * drawn from the attempt's ctx, and two are neighbours if at most k/2 steps lie between them. (The
 * graph of Harary 1962 under a random order, as Bell et al. 2020 use it.)
 *
 * Masks hide everything but the sum exactly as long as the members outside a coalition stay
 * connected (Zhao, Sun 2022). On the circle that is certain for fewer than k colluders: to part two
 * members both ways round between them must be cut, and to cut one takes k/2 colluders in a row.
 * With more of them the draw must have put two such rows on the circle, for which there are at most
 * n^2/2 pairs of places; with a third of the members colluding the chance is below 2^-40 for all k
 * of the table (tests/unit/collectives/test_mask_graph.c adds it up). Whoever can have many
 * contexts drawn, by letting attempts fail, has as many chances.
 *
 * Pair masks only: shares of own masks go to all members, with a quorum as threshold. (The other
 * number of vain_mask_degree is for sharing among neighbours too, which nothing does yet.)
 *
 * The graph is the same at all members, since it is a function of ctx, n and k. */
#pragma once

#include "base/limits.h"
#include "collectives/context.h"

enum { VAIN_MASK_COMPLETE_MAX = 64 /* members of a group in which all are neighbours */ };

/* Neighbours of a member, and how many of them must help to open its own mask. From the
 * hypergeometric distribution, with n / 3 members corrupt and 5 % lost: that any member has
 * `threshold` corrupt neighbours, has probability at most 2^-40; that any has fewer than
 * `threshold` left, at most 2^-30. Up to 64 members: all others, and a quorum. */
struct vain_mask_degree {
    int neighbours, threshold;
};
struct vain_mask_degree vain_mask_degree(int members);

struct vain_mask_graph;
/* Memory for graphs over `members` (at most VAIN_MEMBERS_MAX); none is drawn yet. Gives the graph;
 * close accepts NULL. */
enum vain_status vain_mask_graph_open(int members, struct vain_mask_graph **out) VAIN_MUST_USE;
void vain_mask_graph_close(struct vain_mask_graph **graph);
/* The graph of an attempt. neighbours: even and at least 2, or members - 1 or more for all. Takes
 * no memory. Local, deterministic. */
void vain_mask_graph_draw(struct vain_mask_graph *graph, const struct vain_context *context,
                          int neighbours);
/* Whether members a and b have a mask; nobody has one with itself. */
bool vain_mask_graph_joins(const struct vain_mask_graph *graph, int a, int b);

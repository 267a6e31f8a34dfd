#include "jobs/group_ring.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "collectives/choose.h"
#include "collectives/probe.h"
#include "collectives/ring_order.h"

/* The same answer at all members: what it asks for is agreed. */
static bool is_measured(const struct vain_run *run, int members)
{
    return run->config->on_own_host && run->algorithm == VAIN_ALGORITHM_RING &&
           members >= VAIN_GROUP_RING_MIN && members <= VAIN_GROUP_RING_MAX &&
           run->codec.word_count > VAIN_CHOOSE_TREE_WORDS;
}

void vain_group_ring_text(const char *const *names, const int *order, int members,
                          const uint32_t *cost, char *out, size_t capacity)
{
    enum { NAMED_MAX = 8 };
    const struct vain_ring_length length = vain_ring_order_length(cost, members, order);
    const int slow = length.slowest_place;
    char text[NAMED_MAX * (VAIN_NAME_BYTES + 2) + 32], more[32] = "";
    size_t used = 0;
    for (int place = 0; place < members && place < NAMED_MAX; place++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", place > 0 ? ", " : "",
                                 names[order[place]]);
    if (members > NAMED_MAX)
        snprintf(more, sizeof more, " and %d more", members - NAMED_MAX);
    snprintf(out, capacity, "ring: %s%s; slowest link %s - %s, %.*f ms for %d KiB", text, more,
             names[order[slow]], names[order[(slow + 1) % members]], length.slowest < 10000 ? 1 : 0,
             length.slowest / 1000.0, VAIN_PROBE_BYTES >> 10);
}

/* Names, since ranks are another member's when somebody has died. */
static void hash_names(const struct vain_run *run, int members, uint8_t out[VAIN_HASH_BYTES])
{
    struct vain_hash_state state;
    vain_hash_init(&state, "vain/ring/said");
    for (int place = 0; place < members; place++) {
        const char *name = run->names_by_rank[run->ring_order[place]];
        vain_hash_update(&state, name, strlen(name) + 1);
    }
    vain_hash_final(&state, out);
}

static void say(struct vain_run *run, int members, const uint32_t *cost)
{
    char text[VAIN_EVENT_TEXT_BYTES];
    uint8_t hash[VAIN_HASH_BYTES];
    hash_names(run, members, hash);
    if (memcmp(hash, run->ring_said, sizeof hash) == 0)
        return;
    memcpy(run->ring_said, hash, sizeof hash);
    vain_group_ring_text(run->names_by_rank, run->ring_order, members, cost, text, sizeof text);
    vain_event_notice(run->config->events, "%s", text);
}

static enum vain_status measure(struct vain_run *run, const struct vain_roster *roster)
{
    const int members = roster->member_count;
    uint32_t *cost = NULL;
    VAIN_TRY(
        vain_take_array((int64_t)members * members, sizeof *cost, "link costs", (void **)&cost));
    const enum vain_status status =
        vain_probe_links(roster->comm, run->config->world, run->driver.deadline_ms, cost);
    if (status == VAIN_OK) {
        vain_ring_order_find(cost, members, run->ring_order);
        say(run, members, cost);
    }
    vain_release(cost);
    return status;
}

enum vain_status vain_group_ring_open(struct vain_run *run, const struct vain_roster *roster)
{
    const int members = roster->member_count;
    for (int rank = 0; rank < members; rank++)
        run->ring_order[rank] = rank;
    if (is_measured(run, members))
        VAIN_TRY(measure(run, roster));
    vain_ring_order_hash(run->ring_order, members, run->ring_hash);
    return VAIN_OK;
}

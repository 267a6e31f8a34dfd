/* Ends of groups on wires: what of them is open or has come is dropped, wherever it lies, and
 * nothing of it is touched afterwards. A fragment that is half-way goes on as zeros or to nowhere,
 * since its stream is shared with other groups; it is not the last of its message, so that nobody
 * takes zeros for what was sent. */
#include "collectives/stream_state.h"

/* Whether it is that group or, with `parts`, was split from it. */
static bool belongs_to(const struct vain_stream_group *own, const struct vain_stream_group *group,
                       bool parts)
{
    while (parts && own != NULL && own != group)
        own = own->parent;
    return own == group;
}

static void drop_list(struct vain_stream_request **list, const struct vain_stream_group *group,
                      bool parts)
{
    while (*list != NULL) {
        struct vain_stream_request *request = *list;
        if (!belongs_to(request->group, group, parts)) {
            list = &request->next;
            continue;
        }
        *list = request->next;
        request->state = VAIN_STREAM_ABORTED;
    }
}

static void drop_half_way(struct vain_wire *wire, const struct vain_stream_group *group, bool parts)
{
    struct vain_wire_out *out = &wire->out;
    struct vain_wire_in *in = &wire->in;
    drop_list(&out->leaving, group, parts);
    if (out->request != NULL && belongs_to(out->request->group, group, parts)) {
        out->request->state = VAIN_STREAM_ABORTED;
        out->request = NULL; /* the fragment's header has left, so bytes must follow: zeros */
        out->payload = NULL;
    }
    if (in->request != NULL && belongs_to(in->request->group, group, parts)) {
        in->request->state = VAIN_STREAM_ABORTED;
        in->request = NULL;
    }
}

static void drop(struct vain_wires *wires, const struct vain_stream_group *group, bool parts)
{
    for (int rank = 0; rank < wires->size; rank++) {
        struct vain_wire_peer *peer = &wires->peers[rank];
        if (peer->wires == NULL)
            continue;
        drop_list(&peer->sends, group, parts);
        drop_list(&peer->receives, group, parts);
        peer->last_send = peer->sends;
        while (peer->last_send != NULL && peer->last_send->next != NULL)
            peer->last_send = peer->last_send->next;
        for (int c = 0; c < wires->connections; c++)
            drop_half_way(&peer->wires[c], group, parts);
        for (int i = 0; i < VAIN_WIRE_SLOTS; i++) {
            struct vain_wire_slot *slot = &peer->slots[i];
            if (slot->used && slot->whole &&
                belongs_to(vain_wires_find_group(wires, slot->frame.group), group, parts))
                slot->used = false;
        }
        for (int i = peer->ready_count - 1; i >= 0; i--) {
            if (belongs_to(vain_wires_find_group(wires, peer->ready[i].group), group, parts))
                peer->ready[i] = peer->ready[--peer->ready_count];
        }
        vain_wires_wake(wires, peer); /* what waited for a receive of this group waits no longer */
    }
}

void vain_wires_abort(struct vain_wires *wires, struct vain_stream_group *group, int rank,
                      int told_by)
{
    if (group->aborted_by >= 0)
        return;
    group->aborted_by = rank;
    group->told_by = told_by;
    for (int other = 0; other < group->size; other++)
        group->to_tell[other] = other != group->rank;
    drop(wires, group, true);
}

void vain_wires_forget(struct vain_wires *wires, const struct vain_stream_group *group)
{
    drop(wires, group, false);
}

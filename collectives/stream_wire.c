/* The connections of a rank: frames out and in.
 *
 * Out: a connection that is free takes the oldest message that may go and sends it fragment by
 * fragment; between fragments word of readiness or of an abort goes first. In: a header names its
 * message; its bytes go straight to the receive that was posted for it, those of short messages
 * that come before their receive to a slot. Long messages are sent once their receiver has said
 * that it is ready. So memory is bounded whatever a peer sends, and nothing waits behind a message
 * that nobody takes. Messages of ended groups are read and forgotten. A message that stops half-way
 * means that its sender has ended the group. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "collectives/stream_state.h"

enum { IN_TURNS_MAX = 64 /* fragments that one call takes from a connection before others */ };

/* What goes out in place of words whose request is gone, and where nobody's bytes come in. */
static const unsigned char zeros[16384];

void vain_wires_wake(const struct vain_wires *wires, struct vain_wire_peer *peer)
{
    for (int c = 0; c < wires->connections; c++) {
        if (peer->wires[c].stream != NULL)
            peer->wires[c].stream->ready = true;
    }
}

static void break_request(struct vain_stream_request **request)
{
    if (*request != NULL)
        (*request)->state = VAIN_STREAM_BROKEN;
    *request = NULL;
}

static void break_list(struct vain_stream_request **list)
{
    while (*list != NULL) {
        struct vain_stream_request *next = (*list)->next;
        break_request(list);
        *list = next;
    }
}

static void break_sends(struct vain_wire_out *out)
{
    break_request(&out->request);
    break_list(&out->leaving);
}

/* A peer that has closed its end: nothing can be sent to it, but all that it sent can be read. */
static void stop_sending(struct vain_wires *wires, struct vain_wire_peer *peer, const char *why)
{
    if (!peer->deaf)
        snprintf(peer->why, sizeof peer->why, "%s", why);
    peer->deaf = true;
    break_list(&peer->sends);
    peer->last_send = NULL;
    for (int c = 0; c < wires->connections; c++)
        break_sends(&peer->wires[c].out);
}

static void break_peer(struct vain_wires *wires, int rank, const char *why)
{
    struct vain_wire_peer *peer = &wires->peers[rank];
    if (peer->broken)
        return;
    peer->broken = true;
    snprintf(peer->why, sizeof peer->why, "%s", why);
    stop_sending(wires, peer, why);
    break_list(&peer->receives);
    for (int c = 0; c < wires->connections; c++) {
        struct vain_wire *wire = &peer->wires[c];
        break_request(&wire->in.request);
        if (wire->stream != NULL)
            wire->stream->ops->close(wire->stream);
        wire->stream = NULL;
    }
}

/* ---- out ------------------------------------------------------------------------------------- */

static void put_header(struct vain_wire_out *out, const struct vain_frame *frame)
{
    vain_frame_encode(frame, out->head);
    out->head_bytes = VAIN_FRAME_BYTES;
    out->head_written = 0;
}

static bool is_long(const struct vain_stream_request *request)
{
    return request->bytes > VAIN_WIRE_SMALL_BYTES;
}

/* A long receive that this peer has not been told of. */
static bool put_ready(struct vain_wire_peer *peer, struct vain_wire_out *out)
{
    struct vain_stream_request *receive = peer->receives;
    while (receive != NULL && (receive->ready || !is_long(receive)))
        receive = receive->next;
    if (receive == NULL)
        return false;
    receive->ready = true;
    put_header(out, &(struct vain_frame){.kind = VAIN_FRAME_READY,
                                         .tag = receive->tag,
                                         .group = receive->group->id,
                                         .index = receive->index,
                                         .message_bytes = receive->bytes});
    return true;
}

/* The oldest message that may go, taken out of the list. */
static struct vain_stream_request *take_send(struct vain_wire_peer *peer)
{
    struct vain_stream_request **at = &peer->sends, *last = NULL;
    while (*at != NULL && is_long(*at) && !(*at)->ready) {
        last = *at;
        at = &(*at)->next;
    }
    struct vain_stream_request *found = *at;
    if (found == NULL)
        return NULL;
    *at = found->next;
    if (peer->last_send == found)
        peer->last_send = last;
    return found;
}

/* Word of an abort that this peer has not been told. */
static bool put_abort(struct vain_wires *wires, int peer, struct vain_wire_out *out)
{
    for (struct vain_stream_group *group = wires->groups; group != NULL; group = group->next) {
        for (int i = 0; i < group->size; i++) {
            if (group->members[i] != peer || !group->to_tell[i])
                continue;
            group->to_tell[i] = false;
            put_header(out, &(struct vain_frame){.kind = VAIN_FRAME_ABORT,
                                                 .group = group->id,
                                                 .index = (uint64_t)group->aborted_by});
            return true;
        }
    }
    return false;
}

/* The last bytes of a message are copied and make a fragment of their own: what is given up within
 * a fragment goes on as zeros, and must never be whole to who receives it. */
static uint32_t fragment_bytes(uint64_t left)
{
    if (left <= VAIN_WIRE_SMALL_BYTES)
        return (uint32_t)left;
    left -= VAIN_WIRE_SMALL_BYTES;
    return (uint32_t)(left < VAIN_FRAGMENT_BYTES ? left : VAIN_FRAGMENT_BYTES);
}

static void put_fragment(struct vain_wire_out *out)
{
    const struct vain_stream_request *request = out->request;
    const uint64_t left = request->bytes - out->offset;
    const struct vain_frame frame = {
        .kind = VAIN_FRAME_MESSAGE,
        .tag = request->tag,
        .group = request->group->id,
        .index = request->index,
        .message_bytes = request->bytes,
        .offset = out->offset,
        .bytes = fragment_bytes(left),
    };
    put_header(out, &frame);
    if (left <= VAIN_WIRE_SMALL_BYTES) {
        if (frame.bytes > 0)
            memcpy(out->head + VAIN_FRAME_BYTES, request->buffer + out->offset, frame.bytes);
        out->head_bytes += frame.bytes;
    } else {
        out->payload = request->buffer + out->offset;
        out->payload_left = frame.bytes;
    }
    out->offset += frame.bytes;
}

/* All of the frame before has left: the next one, if there is any. */
static bool put_next(struct vain_wires *wires, int rank, struct vain_wire *wire)
{
    struct vain_wire_peer *peer = &wires->peers[rank];
    struct vain_wire_out *out = &wire->out;
    if (out->request != NULL && out->offset == out->request->bytes) {
        out->request->next = out->leaving;
        out->leaving = out->request;
        out->request = NULL;
    }
    if (wire == &peer->wires[0] && (put_abort(wires, rank, out) || put_ready(peer, out)))
        return true;
    if (out->request == NULL) {
        out->request = take_send(peer);
        out->offset = 0;
    }
    if (out->request == NULL)
        return false;
    put_fragment(out);
    return true;
}

/* The bytes that are next, NULL if the frame has left. */
static const unsigned char *next_bytes(const struct vain_wire_out *out, size_t *bytes)
{
    if (out->head_written < out->head_bytes) {
        *bytes = out->head_bytes - out->head_written;
        return out->head + out->head_written;
    }
    *bytes = out->payload_left;
    if (out->payload_left == 0)
        return NULL;
    if (out->payload != NULL)
        return out->payload;
    *bytes = out->payload_left < sizeof zeros ? out->payload_left : sizeof zeros;
    return zeros;
}

static void put_frames(struct vain_wires *wires, int rank, struct vain_wire *wire)
{
    struct vain_wire_out *out = &wire->out;
    wire->full = false;
    for (;;) {
        size_t bytes = 0, taken = 0;
        const unsigned char *data = next_bytes(out, &bytes);
        if (data == NULL) {
            if (!put_next(wires, rank, wire))
                return;
            continue;
        }
        if (wire->stream->ops->write(wire->stream, data, bytes, &taken) != VAIN_OK) {
            stop_sending(wires, &wires->peers[rank], vain_fail_message());
            return;
        }
        if (out->head_written < out->head_bytes) {
            out->head_written += taken;
        } else {
            out->payload_left -= taken;
            out->payload = out->payload != NULL ? out->payload + taken : NULL;
        }
        if (taken < bytes) {
            wire->full = true;
            return;
        }
    }
}

/* Messages that the stream has taken are done when it holds nothing back: who has no more to wait
 * for does not come back here to help the last bytes out, and the peer would wait for them for
 * ever. False: there were none, or the stream does not say now. */
static bool end_leaving(struct vain_wire *wire)
{
    const struct vain_stream *stream = wire->stream;
    short events = POLLIN;
    if (wire->out.leaving == NULL)
        return false;
    if (stream->ops->descriptor != NULL)
        (void)stream->ops->descriptor(stream, &events);
    if (events == 0 || (events & POLLOUT) != 0)
        return false;
    while (wire->out.leaving != NULL) {
        wire->out.leaving->state = VAIN_STREAM_DONE;
        wire->out.leaving = wire->out.leaving->next;
    }
    return true;
}

/* Headers and short messages leave together with what follows them. */
static void send_frames(struct vain_wires *wires, int rank, struct vain_wire *wire)
{
    struct vain_stream *stream = wire->stream;
    if (stream->ops->hold != NULL)
        stream->ops->hold(stream, true);
    put_frames(wires, rank, wire);
    if (stream->ops->hold != NULL)
        stream->ops->hold(stream, false);
    (void)end_leaving(wire);
}

/* ---- in -------------------------------------------------------------------------------------- */

static bool is_of(const struct vain_stream_request *request, const struct vain_frame *frame)
{
    return request->group->id == frame->group && request->tag == frame->tag &&
           request->index == frame->index;
}

/* The posted receive of this message, taken out of its list. */
static struct vain_stream_request *take_receive(struct vain_wire_peer *peer,
                                                const struct vain_frame *frame)
{
    struct vain_stream_request **at = &peer->receives;
    while (*at != NULL && !is_of(*at, frame))
        at = &(*at)->next;
    struct vain_stream_request *found = *at;
    if (found != NULL)
        *at = found->next;
    return found;
}

static struct vain_wire_slot *free_slot(struct vain_wire_peer *peer)
{
    for (int i = 0; i < VAIN_WIRE_SLOTS; i++) {
        if (!peer->slots[i].used)
            return &peer->slots[i];
    }
    return NULL;
}

struct vain_stream_group *vain_wires_find_group(const struct vain_wires *wires, uint64_t id)
{
    struct vain_stream_group *group = wires->groups;
    while (group != NULL && group->id != id)
        group = group->next;
    return group;
}

int vain_stream_rank_in(const struct vain_stream_group *group, int world_rank)
{
    for (int i = 0; i < group->size; i++) {
        if (group->members[i] == world_rank)
            return i;
    }
    return -1;
}

static bool has_ended(const struct vain_stream_group *group)
{
    return group->closed || vain_stream_aborted_by(group) >= 0;
}

static void give(struct vain_stream_request *receive, const struct vain_wire_slot *slot)
{
    receive->state = VAIN_STREAM_DONE;
    if (receive->bytes != slot->frame.message_bytes) {
        receive->state = VAIN_STREAM_WRONG_LENGTH;
        receive->index = slot->frame.message_bytes;
    } else if (receive->bytes > 0) {
        memcpy(receive->buffer, slot->data, receive->bytes);
    }
}

/* The message that this connection was in the middle of does not go on. */
static void cut_off(struct vain_wires *wires, int rank, struct vain_wire_in *in)
{
    in->midway = false;
    if (in->request != NULL) {
        struct vain_stream_group *group = in->request->group;
        const int sender = vain_stream_rank_in(group, rank);
        vain_wires_abort(wires, group, sender, sender);
    }
}

/* Where the bytes of a message's first fragment go. False: nowhere yet. group NULL: it will be
 * split from ours soon. */
static bool find_place(struct vain_wire_peer *peer, const struct vain_stream_group *group,
                       struct vain_wire_in *in)
{
    const struct vain_frame *frame = &in->frame;
    in->request = NULL;
    in->slot = NULL;
    if (group != NULL && has_ended(group))
        return true;
    in->request = take_receive(peer, frame);
    if (in->request != NULL) {
        if (in->request->bytes == frame->message_bytes)
            return true;
        in->request->state = VAIN_STREAM_WRONG_LENGTH;
        in->request->index = frame->message_bytes;
        in->request = NULL;
        return true;
    }
    if (frame->message_bytes <= VAIN_WIRE_SMALL_BYTES)
        in->slot = free_slot(peer);
    if (in->slot != NULL) {
        in->slot->used = true;
        in->slot->whole = false;
        in->slot->frame = *frame;
    }
    return in->slot != NULL;
}

static bool goes_on(const struct vain_wire_in *in)
{
    const struct vain_frame *next = &in->frame, *last = &in->last;
    return in->midway && next->group == last->group && next->tag == last->tag &&
           next->index == last->index && next->message_bytes == last->message_bytes &&
           next->offset == last->offset + last->bytes;
}

/* A header is whole. VAIN_ERR_CORRUPT: no honest peer sends this one now. */
static enum vain_status read_header(struct vain_wires *wires, int rank, struct vain_wire_in *in)
{
    in->placed = false;
    VAIN_TRY(vain_frame_decode(in->head, &in->frame));
    if (in->frame.kind != VAIN_FRAME_MESSAGE)
        return VAIN_OK;
    in->placed = goes_on(in);
    in->left = in->frame.bytes;
    in->last = in->frame;
    if (in->placed)
        return VAIN_OK;
    if (in->midway)
        cut_off(wires, rank, in);
    if (in->frame.offset != 0)
        return vain_fail(VAIN_ERR_CORRUPT,
                         "frame header: the middle of a message that never began");
    return VAIN_OK;
}

/* False: the fragment has to wait, in its stream. */
static bool place(struct vain_wires *wires, int rank, struct vain_wire_in *in)
{
    const struct vain_stream_group *group = vain_wires_find_group(wires, in->frame.group);
    if (group != NULL && vain_stream_rank_in(group, rank) < 0) {
        break_peer(wires, rank, "frame header: a group that its sender is not in");
        return false;
    }
    in->placed = find_place(&wires->peers[rank], group, in);
    if (!in->placed && in->frame.message_bytes > VAIN_WIRE_SMALL_BYTES)
        break_peer(wires, rank, "frame header: a long message that nobody was ready for");
    return in->placed;
}

/* The peer is ready for a long message: one that was posted, or that will be. */
static bool take_ready(struct vain_wires *wires, int rank, struct vain_wire_in *in)
{
    struct vain_wire_peer *peer = &wires->peers[rank];
    const struct vain_stream_group *group = vain_wires_find_group(wires, in->frame.group);
    in->head_read = 0;
    if (group != NULL && has_ended(group))
        return true;
    struct vain_stream_request *send = peer->sends;
    while (send != NULL && !is_of(send, &in->frame))
        send = send->next;
    if (send != NULL)
        send->ready = true;
    else if (peer->ready_count < VAIN_WIRE_READY_MAX)
        peer->ready[peer->ready_count++] = in->frame;
    else
        break_peer(wires, rank, "it is ready for more messages than anybody would post");
    vain_wires_wake(wires, peer);
    return true;
}

static bool take_abort(struct vain_wires *wires, int rank, struct vain_wire_in *in)
{
    struct vain_stream_group *group = vain_wires_find_group(wires, in->frame.group);
    if (group == NULL)
        return false;
    const int teller = vain_stream_rank_in(group, rank);
    in->head_read = 0;
    if (teller < 0 || in->frame.index >= (uint64_t)group->size)
        break_peer(wires, rank, "frame header: an abort by a rank that is not in the group");
    else
        vain_wires_abort(wires, group, (int)in->frame.index, teller);
    return true;
}

/* A message in a slot is whole: its receive may have been posted, or its group ended, meanwhile. */
static void end_slot(const struct vain_wires *wires, struct vain_wire_peer *peer,
                     struct vain_wire_slot *slot)
{
    const struct vain_stream_group *group = vain_wires_find_group(wires, slot->frame.group);
    struct vain_stream_request *receive = take_receive(peer, &slot->frame);
    slot->whole = true;
    slot->used = receive == NULL && (group == NULL || !has_ended(group));
    if (receive != NULL)
        give(receive, slot);
    if (!slot->used)
        vain_wires_wake(wires, peer); /* a message may wait for it, on any connection */
}

/* All bytes of a fragment are here. */
static void end_fragment(const struct vain_wires *wires, struct vain_wire_peer *peer,
                         struct vain_wire_in *in)
{
    const struct vain_frame *frame = &in->frame;
    in->head_read = 0;
    in->midway = frame->offset + frame->bytes < frame->message_bytes;
    if (in->midway)
        return;
    if (in->request != NULL)
        in->request->state = VAIN_STREAM_DONE;
    if (in->slot != NULL)
        end_slot(wires, peer, in->slot);
    in->request = NULL;
    in->slot = NULL;
}

/* Where the next bytes go, how many. */
static unsigned char *next_place(struct vain_wire_in *in, unsigned char *nowhere, size_t *bytes)
{
    const uint64_t done = in->frame.bytes - in->left;
    if (in->head_read < VAIN_FRAME_BYTES) {
        *bytes = VAIN_FRAME_BYTES - in->head_read;
        return in->head + in->head_read;
    }
    *bytes = in->left;
    if (in->request != NULL)
        return in->request->buffer + in->frame.offset + done;
    if (in->slot != NULL)
        return in->slot->data + in->frame.offset + done;
    *bytes = in->left < sizeof zeros ? in->left : sizeof zeros;
    return nowhere;
}

/* Reads what comes next of header or fragment. VAIN_AGAIN: nothing is here. */
static enum vain_status read_part(struct vain_wire *wire)
{
    unsigned char nowhere[sizeof zeros];
    struct vain_wire_in *in = &wire->in;
    const bool header = in->head_read < VAIN_FRAME_BYTES;
    size_t bytes = 0, got = 0;
    if (!header && in->left == 0)
        return VAIN_OK;
    unsigned char *where = next_place(in, nowhere, &bytes);
    VAIN_TRY(wire->stream->ops->read(wire->stream, where, bytes, &got));
    if (header)
        in->head_read += got;
    else
        in->left -= got;
    return got == 0 ? VAIN_AGAIN : VAIN_OK;
}

/* One of a peer's connections has ended in order: what it sent on the others still counts. */
static void end_wire(struct vain_wires *wires, int rank, struct vain_wire *wire)
{
    const struct vain_wire_peer *peer = &wires->peers[rank];
    if (wire->in.head_read > 0 || wire->in.midway) {
        break_peer(wires, rank, "it has left in the middle of a message");
        return;
    }
    bool any = false;
    wire->ended = true;
    for (int c = 0; c < wires->connections; c++)
        any |= !peer->wires[c].ended;
    if (!any)
        break_peer(wires, rank, "it has left");
}

static void read_failed(struct vain_wires *wires, int rank, struct vain_wire *wire,
                        enum vain_status status)
{
    if (status == VAIN_END)
        end_wire(wires, rank, wire);
    else
        break_peer(wires, rank, vain_fail_message());
}

/* A part of a header or fragment; false: no more for now. */
static bool take_part(struct vain_wires *wires, int rank, struct vain_wire *wire)
{
    struct vain_wire_in *in = &wire->in;
    const bool header = in->head_read < VAIN_FRAME_BYTES;
    if (header || in->placed) {
        enum vain_status status = read_part(wire);
        if (status == VAIN_AGAIN)
            return false;
        if (status == VAIN_OK && header && in->head_read == VAIN_FRAME_BYTES)
            status = read_header(wires, rank, in);
        if (status != VAIN_OK) {
            read_failed(wires, rank, wire, status);
            return false;
        }
    }
    if (in->head_read < VAIN_FRAME_BYTES)
        return true;
    if (in->frame.kind == VAIN_FRAME_ABORT)
        return take_abort(wires, rank, in) && !wires->peers[rank].broken;
    if (in->frame.kind == VAIN_FRAME_READY)
        return take_ready(wires, rank, in) && !wires->peers[rank].broken;
    if (!in->placed && !place(wires, rank, in))
        return false;
    if (in->left == 0)
        end_fragment(wires, &wires->peers[rank], in);
    return true;
}

static void receive_frames(struct vain_wires *wires, int rank, struct vain_wire *wire)
{
    for (int turn = 0; turn < IN_TURNS_MAX; turn++) {
        if (!take_part(wires, rank, wire))
            return;
    }
    wire->stream->ready = true; /* there may be more */
}

/* ---- all connections ------------------------------------------------------------------------- */

/* A whole header whose fragment has nowhere to go: more bytes would be of no use. */
static bool waits_for_receive(const struct vain_wire_in *in)
{
    return in->head_read == VAIN_FRAME_BYTES && !in->placed;
}

/* Stream `i` of (size, connections); NULL: none, or none any more. */
static struct vain_stream *stream_at(const struct vain_wires *wires, int i)
{
    const struct vain_wire_peer *peer = &wires->peers[i / wires->connections];
    return peer->wires == NULL ? NULL : peer->wires[i % wires->connections].stream;
}

/* Who has a descriptor is asked with poll(2) whether it is ready. */
static void ask(struct vain_wires *wires, int most_ms)
{
    int count = 0;
    for (int i = 0; i < wires->size * wires->connections; i++) {
        const struct vain_wire_peer *peer = &wires->peers[i / wires->connections];
        struct vain_wire *wire = peer->wires == NULL ? NULL : &peer->wires[i % wires->connections];
        wires->polls[i] = (struct pollfd){.fd = -1};
        if (wire == NULL || wire->stream == NULL || wire->ended)
            continue;
        short events = 0;
        if (wire->stream->ops->descriptor == NULL)
            continue;
        const int descriptor = wire->stream->ops->descriptor(wire->stream, &events);
        if (waits_for_receive(&wire->in))
            events &= (short)~POLLIN;
        else if (events == 0)
            wire->stream->ready = true;
        if (end_leaving(wire) || wire->stream->ready)
            most_ms = 0;
        if (wire->full && !peer->deaf)
            events |= POLLOUT;
        wires->polls[i] = (struct pollfd){.fd = events == 0 ? -1 : descriptor, .events = events};
        count++;
    }
    if (count == 0 || poll(wires->polls, (nfds_t)(wires->size * wires->connections), most_ms) <= 0)
        return;
    for (int i = 0; i < wires->size * wires->connections; i++) {
        struct vain_stream *stream = stream_at(wires, i);
        if (stream != NULL && wires->polls[i].revents != 0)
            stream->ready = true;
    }
}

static void move(struct vain_wires *wires)
{
    for (int rank = 0; rank < wires->size; rank++) {
        struct vain_wire_peer *peer = &wires->peers[rank];
        for (int c = 0; peer->wires != NULL && c < wires->connections; c++) {
            struct vain_wire *wire = &peer->wires[c];
            if (wire->stream == NULL || wire->ended || !wire->stream->ready)
                continue;
            wire->stream->ready = false;
            if (!peer->deaf)
                send_frames(wires, rank, wire);
            receive_frames(wires, rank, wire);
        }
    }
}

/* What fails here is told by test() to whoever waits for that peer; a failure that the caller is
 * about to report stays this thread's last one. */
void vain_wires_wait(struct vain_wires *wires, int most_ms)
{
    char message[VAIN_MESSAGE_BYTES];
    snprintf(message, sizeof message, "%s", vain_fail_message());
    wires->tests = 0;
    ask(wires, most_ms);
    move(wires);
    if (strcmp(message, vain_fail_message()) != 0) {
        const enum vain_status kept = vain_fail(VAIN_ERR_PEER, "%s", message);
        (void)kept;
    }
}

void vain_wires_progress(struct vain_wires *wires)
{
    vain_wires_wait(wires, 0);
}

/* ---- requests -------------------------------------------------------------------------------- */

static void add_send(struct vain_wire_peer *peer, struct vain_stream_request *request)
{
    for (int i = 0; i < peer->ready_count && !request->ready; i++) {
        if (!is_of(request, &peer->ready[i]))
            continue;
        request->ready = true;
        peer->ready[i] = peer->ready[--peer->ready_count];
    }
    if (peer->last_send != NULL)
        peer->last_send->next = request;
    else
        peer->sends = request;
    peer->last_send = request;
}

static void add_receive(struct vain_wire_peer *peer, struct vain_stream_request *request)
{
    request->next = peer->receives;
    peer->receives = request;
}

/* The message of this receive has come already. */
static bool take_slot(struct vain_wire_peer *peer, struct vain_stream_request *receive)
{
    for (int i = 0; i < VAIN_WIRE_SLOTS; i++) {
        struct vain_wire_slot *slot = &peer->slots[i];
        if (slot->used && slot->whole && is_of(receive, &slot->frame)) {
            give(receive, slot);
            slot->used = false;
            return true;
        }
    }
    return false;
}

void vain_wires_begin(struct vain_wires *wires, struct vain_stream_group *group)
{
    group->next = wires->groups;
    wires->groups = group;
    wires->references++;
    for (int rank = 0; rank < wires->size; rank++) {
        if (wires->peers[rank].wires != NULL)
            vain_wires_wake(wires, &wires->peers[rank]);
    }
}

void vain_wires_add(struct vain_wires *wires, struct vain_stream_request *request)
{
    struct vain_wire_peer *peer = &wires->peers[request->peer];
    request->next = NULL;
    if (!request->is_send && take_slot(peer, request)) {
        vain_wires_wake(wires, peer); /* a message may wait for the slot */
        return;
    }
    if (peer->broken || (peer->deaf && request->is_send)) {
        request->state = VAIN_STREAM_BROKEN;
        return;
    }
    if (request->is_send)
        add_send(peer, request);
    else
        add_receive(peer, request);
    vain_wires_wake(wires, peer);
}

int vain_stream_aborted_by(const struct vain_stream_group *group)
{
    while (group != NULL && group->aborted_by < 0)
        group = group->parent;
    return group == NULL ? -1 : group->aborted_by;
}

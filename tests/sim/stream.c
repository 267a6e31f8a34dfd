/* Streams between nodes. What is written travels in pieces, each with a time at which it arrives;
 * pieces of one direction arrive in order, those of different ones as they like. */
#include <string.h>

#include "base/memory.h"
#include "tests/sim/state.h"

enum { PIECES_A_WRITE = 8 };

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static struct vain_sim_end *end_of(const struct vain_stream *stream)
{
    return stream->state;
}

/* ---- what arrives ---------------------------------------------------------------------------- */

static void wake(struct vain_sim_end *end)
{
    if (!end->open || end->dead)
        return;
    end->stream.ready = true;
    vain_sim_wake(end->pair->sim, end->node);
}

static bool is_cut(const struct vain_sim_pair *pair, int from)
{
    const struct vain_sim *sim = pair->sim;
    return sim->cut[(int64_t)pair->ends[from].node * sim->config.nodes + pair->ends[!from].node];
}

static void schedule(struct vain_sim_pair *pair, int from)
{
    struct vain_sim_way *way = &pair->ways[from];
    if (way->coming == NULL || way->scheduled)
        return;
    way->scheduled = true;
    vain_sim_put(pair->sim, way->coming->at_ns, VAIN_SIM_ARRIVE, from, pair);
}

void vain_sim_pair_arrive(struct vain_sim_pair *pair, int from)
{
    struct vain_sim_way *way = &pair->ways[from];
    way->scheduled = false;
    if (way->coming == NULL)
        return;
    if (is_cut(pair, from)) {
        way->stuck = true;
        return;
    }
    while (way->coming != NULL && way->coming->at_ns <= pair->sim->now_ns)
        way->coming = way->coming->next;
    wake(&pair->ends[!from]);
    schedule(pair, from);
}

void vain_sim_pair_resume(struct vain_sim_pair *pair)
{
    for (int from = 0; from < 2; from++) {
        if (pair->ways[from].stuck)
            schedule(pair, from);
        pair->ways[from].stuck = false;
    }
}

/* ---- pieces ---------------------------------------------------------------------------------- */

static struct vain_sim_piece *put_piece(struct vain_sim_pair *pair, int from, const void *data,
                                        size_t bytes)
{
    struct vain_sim *sim = pair->sim;
    struct vain_sim_way *way = &pair->ways[from];
    const struct vain_sim_faults *faults = &sim->faults;
    struct vain_sim_piece *piece = NULL;
    VAIN_ASSERT(vain_take(sizeof *piece + bytes, "piece", (void **)&piece) == VAIN_OK);
    piece->bytes = bytes;
    if (bytes > 0)
        memcpy(piece->data, data, bytes);
    way->free_ns = way->free_ns > sim->now_ns ? way->free_ns : sim->now_ns;
    if (faults->bytes_a_ms > 0)
        way->free_ns += bytes * VAIN_SIM_MS / faults->bytes_a_ms;
    piece->at_ns = way->free_ns + way->latency_ns +
                   vain_sim_up_to(&sim->random, (uint64_t)faults->jitter_us * VAIN_SIM_US);
    if (vain_sim_chance(&sim->random, faults->clog_ppm))
        piece->at_ns += vain_sim_up_to(&sim->random, (uint64_t)faults->clog_ms * VAIN_SIM_MS);
    if (piece->at_ns < way->last_ns)
        piece->at_ns = way->last_ns;
    way->last_ns = piece->at_ns;
    if (way->last != NULL)
        way->last->next = piece;
    else
        way->first = piece;
    way->last = piece;
    if (way->coming == NULL)
        way->coming = piece;
    way->held += bytes;
    schedule(pair, from);
    return piece;
}

static void drop_first(struct vain_sim_way *way)
{
    struct vain_sim_piece *piece = way->first;
    way->held -= piece->bytes - piece->read;
    way->first = piece->next;
    if (way->first == NULL)
        way->last = NULL;
    vain_release(piece);
}

/* All of it, or what has not arrived. */
static void drop_pieces(struct vain_sim_way *way, bool all)
{
    struct vain_sim_piece **at = &way->first, *last = NULL;
    while (!all && *at != way->coming) {
        last = *at;
        at = &(*at)->next;
    }
    while (*at != NULL) {
        struct vain_sim_piece *piece = *at;
        *at = piece->next;
        way->held -= piece->bytes - piece->read;
        vain_release(piece);
    }
    way->last = last;
    way->coming = NULL;
}

/* ---- ends ------------------------------------------------------------------------------------ */

void vain_sim_pair_break(struct vain_sim_pair *pair)
{
    if (pair->broken)
        return;
    pair->broken = true;
    pair->sim->tally.breaks += !pair->ends[0].dead && !pair->ends[1].dead;
    for (int from = 0; from < 2; from++) {
        /* What has arrived and was not read may be gone too. */
        drop_pieces(&pair->ways[from], vain_sim_draw(&pair->sim->random, 2) == 0);
        wake(&pair->ends[!from]);
    }
}

void vain_sim_pair_break_at(struct vain_sim_pair *pair, uint64_t at_ns)
{
    vain_sim_put(pair->sim, at_ns, VAIN_SIM_BREAK, 0, pair);
}

void vain_sim_pair_free(struct vain_sim_pair *pair)
{
    drop_pieces(&pair->ways[0], true);
    drop_pieces(&pair->ways[1], true);
    if (pair->next != NULL)
        pair->next->previous = pair->previous;
    if (pair->previous != NULL)
        pair->previous->next = pair->next;
    else
        pair->sim->pairs = pair->next;
    vain_release(pair);
}

static void free_if_over(struct vain_sim_pair *pair)
{
    if (pair->events == 0 && !pair->ends[0].open && !pair->ends[1].open)
        vain_sim_pair_free(pair);
}

void vain_sim_pair_let_go(struct vain_sim_pair *pair)
{
    pair->events--;
    free_if_over(pair);
}

static void stream_close(struct vain_stream *stream)
{
    struct vain_sim_end *end = end_of(stream);
    struct vain_sim_pair *pair = end->pair;
    struct vain_sim *sim = pair->sim;
    struct vain_sim_way *out = &pair->ways[end->side];
    VAIN_ASSERT(end->open);
    end->open = false;
    drop_pieces(&pair->ways[!end->side], true); /* nobody reads it any more */
    if (end->next != NULL)
        end->next->previous = end->previous;
    if (end->previous != NULL)
        end->previous->next = end->next;
    else
        sim->nodes[end->node].ends = end->next;
    if (!end->dead && !pair->broken) {
        if (out->coming != NULL && vain_sim_chance(&sim->random, sim->faults.lose_end_ppm)) {
            drop_pieces(out, false);
            sim->tally.lost_ends++;
        }
        put_piece(pair, end->side, NULL, 0)->is_end = true;
    }
    free_if_over(pair);
}

static void link_end(struct vain_sim_end *end)
{
    struct vain_sim_node *node = &end->pair->sim->nodes[end->node];
    end->next = node->ends;
    if (node->ends != NULL)
        node->ends->previous = end;
    node->ends = end;
}

/* ---- write and read -------------------------------------------------------------------------- */

static enum vain_status broken(struct vain_sim_end *end, const char *what)
{
    return vain_fail(VAIN_ERR_PEER, "simulated stream of node %d to node %d: %s", end->node,
                     end->pair->ends[!end->side].node, what);
}

/* One bit of what was just put in, if this is where the way has it. */
static void flip(struct vain_sim *sim, struct vain_sim_way *way, struct vain_sim_piece *piece)
{
    if (way->flip < way->written || way->flip >= way->written + piece->bytes)
        return;
    piece->data[way->flip - way->written] ^= (unsigned char)(1u << vain_sim_draw(&sim->random, 8));
    sim->tally.flips++;
}

/* As many of the bytes as there is room for, in pieces. */
static size_t put_bytes(struct vain_sim_pair *pair, int from, const unsigned char *data,
                        size_t bytes)
{
    struct vain_sim *sim = pair->sim;
    struct vain_sim_way *way = &pair->ways[from];
    size_t taken = 0;
    for (int i = 0; i < PIECES_A_WRITE && taken < bytes; i++) {
        const size_t room = sim->faults.window_bytes - way->held;
        const size_t most = smaller(bytes - taken, room);
        const size_t part = smaller(most, 1 + vain_sim_draw(&sim->random, sim->faults.piece_bytes));
        if (part == 0)
            break;
        struct vain_sim_piece *piece = put_piece(pair, from, data + taken, part);
        flip(sim, way, piece);
        way->written += part;
        taken += part;
        if (way->written > way->doom) {
            way->doom = UINT64_MAX;
            vain_sim_pair_break_at(pair, piece->at_ns);
        }
    }
    way->full = way->held == sim->faults.window_bytes;
    return taken;
}

static enum vain_status stream_write(struct vain_stream *stream, const void *data, size_t bytes,
                                     size_t *taken)
{
    struct vain_sim_end *end = end_of(stream);
    struct vain_sim_pair *pair = end->pair;
    struct vain_sim *sim = pair->sim;
    VAIN_ASSERT(end->open);
    VAIN_ASSERT(bytes > 0);
    *taken = 0;
    if (end->dead || !vain_sim_acts(&sim->nodes[end->node]))
        return broken(end, "this node has crashed");
    if (pair->broken)
        return broken(end, "it broke");
    if (!pair->ends[!end->side].open && !pair->ends[!end->side].dead) {
        /* Whoever writes to an end that was closed learns of it some time after. */
        if (pair->ways[!end->side].coming == NULL)
            return broken(end, "the other end was closed");
        *taken = bytes;
        return VAIN_OK;
    }
    if (!vain_sim_chance(&sim->random, sim->faults.refuse_ppm))
        *taken = put_bytes(pair, end->side, data, bytes);
    if (*taken > 0)
        vain_sim_trace_bytes(sim, data, *taken);
    if (*taken < bytes && !pair->ways[end->side].full)
        stream->ready = true; /* there is room */
    return VAIN_OK;
}

static enum vain_status stream_read(struct vain_stream *stream, void *data, size_t bytes,
                                    size_t *got)
{
    struct vain_sim_end *end = end_of(stream);
    struct vain_sim_pair *pair = end->pair;
    struct vain_sim_way *in = &pair->ways[!end->side];
    struct vain_sim_piece *piece = in->first;
    VAIN_ASSERT(end->open);
    VAIN_ASSERT(bytes > 0);
    *got = 0;
    if (end->dead || !vain_sim_acts(&pair->sim->nodes[end->node]))
        return broken(end, "this node has crashed");
    if (piece == NULL || piece == in->coming) {
        end->over = pair->broken;
        return pair->broken ? broken(end, "it broke") : VAIN_OK;
    }
    if (piece->is_end) {
        end->over = true;
        return VAIN_END;
    }
    *got = smaller(bytes, piece->bytes - piece->read);
    memcpy(data, piece->data + piece->read, *got);
    piece->read += *got;
    in->held -= *got;
    if (piece->read == piece->bytes)
        drop_first(in);
    if (in->full)
        wake(&pair->ends[!end->side]);
    in->full = false;
    return VAIN_OK;
}

static const struct vain_stream_ops stream_ops = {
    .name = "simulated",
    .write = stream_write,
    .read = stream_read,
    .close = stream_close,
};

/* ---- start ----------------------------------------------------------------------------------- */

static void begin_way(struct vain_sim *sim, struct vain_sim_way *way)
{
    const struct vain_sim_faults *faults = &sim->faults;
    way->latency_ns = vain_sim_up_to(&sim->random, (uint64_t)faults->latency_us * VAIN_SIM_US);
    way->doom = way->flip = UINT64_MAX;
    if (vain_sim_chance(&sim->random, faults->doom_ppm))
        way->doom = vain_sim_up_to(&sim->random, faults->doom_bytes);
    if (vain_sim_chance(&sim->random, faults->flip_ppm))
        way->flip = vain_sim_up_to(&sim->random, faults->flip_bytes);
}

static void begin_pair(struct vain_sim *sim, struct vain_sim_pair *pair, int a, int b)
{
    pair->sim = sim;
    pair->id = ++sim->pair_ids;
    pair->next = sim->pairs;
    if (sim->pairs != NULL)
        sim->pairs->previous = pair;
    sim->pairs = pair;
    for (int side = 0; side < 2; side++) {
        struct vain_sim_end *end = &pair->ends[side];
        *end = (struct vain_sim_end){
            .pair = pair, .side = side, .node = side == 0 ? a : b, .open = true};
        end->stream = (struct vain_stream){.ops = &stream_ops, .state = end, .ready = true};
        begin_way(sim, &pair->ways[side]);
        link_end(end);
        vain_sim_wake(sim, end->node);
    }
}

enum vain_status vain_sim_connect(struct vain_sim *sim, int a, int b, struct vain_stream **at_a,
                                  struct vain_stream **at_b)
{
    struct vain_sim_pair *pair = NULL;
    const int64_t nodes = sim->config.nodes;
    VAIN_ASSERT(a != b);
    *at_a = *at_b = NULL;
    if (!vain_sim_is_up(sim, a) || !vain_sim_is_up(sim, b) || sim->cut[a * nodes + b] ||
        sim->cut[b * nodes + a])
        return vain_fail(VAIN_ERR_PEER, "simulated stream of node %d to node %d: no way there", a,
                         b);
    VAIN_TRY(vain_take(sizeof *pair, "simulated stream", (void **)&pair));
    begin_pair(sim, pair, a, b);
    *at_a = &pair->ends[0].stream;
    *at_b = &pair->ends[1].stream;
    return VAIN_OK;
}

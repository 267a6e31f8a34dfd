#include "tests/unit/collectives/trickle.h"

#include <string.h>

uint64_t trickle_random(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static int side_of(const struct vain_stream *stream)
{
    const struct trickle *trickle = stream->state;
    return stream == &trickle->ends[1];
}

/* How many of `bytes` this call moves: none in one of four. A call that moved less than it could
 * leaves `ready` set; who got all that it asked for has to ask again by itself. */
static size_t some(struct trickle *trickle, size_t bytes)
{
    if (bytes == 0 || trickle_random(&trickle->random) % 4 == 0)
        return 0;
    const size_t most = (size_t)(trickle_random(&trickle->random) % trickle->piece) + 1;
    return bytes < most ? bytes : most;
}

static enum vain_status trickle_write(struct vain_stream *stream, const void *data, size_t bytes,
                                      size_t *taken)
{
    struct trickle *trickle = stream->state;
    const int side = side_of(stream);
    struct trickle_way *way = &trickle->ways[side];
    *taken = 0;
    if (trickle->closed[1 - side] || way->cut == 0)
        return vain_fail(VAIN_ERR_PEER, "trickle: nobody reads");
    const size_t room = TRICKLE_ROOM - way->waiting;
    *taken = some(trickle, bytes < room ? bytes : room);
    for (size_t i = 0; i < *taken; i++)
        way->bytes[(way->first + way->waiting + i) % TRICKLE_ROOM] = ((const uint8_t *)data)[i];
    way->waiting += *taken;
    stream->ready |= *taken < bytes && *taken < room;
    trickle->ends[1 - side].ready = true;
    return VAIN_OK;
}

static enum vain_status trickle_read(struct vain_stream *stream, void *data, size_t bytes,
                                     size_t *got)
{
    struct trickle *trickle = stream->state;
    const int side = side_of(stream);
    struct trickle_way *way = &trickle->ways[1 - side];
    const uint64_t left = way->cut - way->passed;
    *got = 0;
    if (left == 0)
        return way->broken ? vain_fail(VAIN_ERR_PEER, "trickle: cut") : VAIN_END;
    if (way->waiting == 0 && trickle->closed[1 - side])
        return VAIN_END;
    size_t most = bytes < way->waiting ? bytes : way->waiting;
    most = most < left ? most : (size_t)left;
    *got = some(trickle, most);
    for (size_t i = 0; i < *got; i++)
        ((uint8_t *)data)[i] = way->bytes[(way->first + i) % TRICKLE_ROOM];
    way->first = (way->first + *got) % TRICKLE_ROOM;
    way->waiting -= *got;
    way->passed += *got;
    stream->ready |= *got < bytes && (way->waiting > 0 || way->passed == way->cut);
    trickle->ends[1 - side].ready = true;
    return VAIN_OK;
}

static void trickle_close(struct vain_stream *stream)
{
    struct trickle *trickle = stream->state;
    trickle->closed[side_of(stream)] = true;
    trickle->ends[1 - side_of(stream)].ready = true;
}

static const struct vain_stream_ops trickle_ops = {
    .name = "trickle",
    .write = trickle_write,
    .read = trickle_read,
    .close = trickle_close,
};

void trickle_open(struct trickle *trickle, uint64_t seed, size_t piece)
{
    memset(trickle, 0, sizeof *trickle);
    trickle->random = seed;
    trickle->piece = piece;
    for (int side = 0; side < 2; side++) {
        trickle->ends[side] = (struct vain_stream){.ops = &trickle_ops, .state = trickle};
        trickle->ways[side].cut = UINT64_MAX;
    }
}

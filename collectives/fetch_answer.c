/* An ask is checked twice: as itself, against the bounds of a letter, and then against the state
 * that it names, before anything of that state is touched. An ask for another state is no
 * misconduct: whoever asks may be ahead of or behind this member. */
#include "collectives/fetch_answer.h"

#include <string.h>

#include "base/cursor.h"

_Static_assert(VAIN_FETCH_ANSWER_BYTES_MAX <= (int)VAIN_LETTER_BYTES_MAX,
               "a part fits into a letter");
_Static_assert(VAIN_FETCH_LEAVES_MAX *VAIN_HASH_BYTES <= VAIN_FETCH_PART_BYTES,
               "so do hashes of leaves");

/* What no honest member asks for, whatever the state; NULL: nothing of the kind. */
static const char *wrong_part(const struct vain_fetch_ask *ask)
{
    const bool leaves = ask->kind == VAIN_LETTER_FETCH_LEAVES_ASK;
    if (ask->count == 0)
        return "for nothing";
    if (leaves && ask->offset != 0)
        return "for hashes of leaves from the middle of one";
    if (ask->count > (leaves ? VAIN_FETCH_LEAVES_MAX : VAIN_FETCH_PART_BYTES))
        return "for more than a letter holds";
    return NULL;
}

void vain_fetch_ask_encode(const struct vain_fetch_ask *ask,
                           uint8_t out[VAIN_MIN_LEN(VAIN_FETCH_ASK_BYTES)])
{
    struct vain_writer writer;
    VAIN_ASSERT(wrong_part(ask) == NULL);
    vain_writer_init(&writer, out, VAIN_FETCH_ASK_BYTES);
    vain_write_bytes(&writer, ask->root, sizeof ask->root);
    vain_write_u32(&writer, ask->number);
    vain_write_u32(&writer, ask->leaf);
    vain_write_u32(&writer, ask->offset);
    vain_write_u32(&writer, ask->count);
    VAIN_ASSERT(!writer.failed && writer.position == VAIN_FETCH_ASK_BYTES);
}

enum vain_status vain_fetch_ask_decode(uint16_t kind, const void *body, size_t bytes,
                                       struct vain_fetch_ask *out)
{
    struct vain_reader reader;
    VAIN_ASSERT(kind == VAIN_LETTER_FETCH_LEAVES_ASK || kind == VAIN_LETTER_FETCH_PART_ASK);
    vain_reader_init(&reader, body, bytes);
    out->kind = (enum vain_letter_kind)kind;
    vain_read_bytes(&reader, out->root, sizeof out->root);
    out->number = vain_read_u32(&reader);
    out->leaf = vain_read_u32(&reader);
    out->offset = vain_read_u32(&reader);
    out->count = vain_read_u32(&reader);
    const char *wrong = vain_reader_done(&reader) ? wrong_part(out) : "of another length";
    return wrong == NULL ? VAIN_OK
                         : vain_fail(VAIN_ERR_CORRUPT, "fetch of a state: an ask %s", wrong);
}

/* What was asked for, where it lies; NULL: the state has no such leaves or bytes. */
static const uint8_t *find(const struct vain_fetch_source *source, const struct vain_fetch_ask *ask,
                           size_t *bytes)
{
    const size_t leaves = vain_merkle_leaf_count(source->bytes, source->leaf_bytes);
    if (ask->leaf >= leaves)
        return NULL;
    if (ask->kind == VAIN_LETTER_FETCH_LEAVES_ASK) {
        *bytes = (size_t)ask->count * VAIN_HASH_BYTES;
        return ask->count <= leaves - ask->leaf
                   ? source->leaves + (size_t)ask->leaf * VAIN_HASH_BYTES
                   : NULL;
    }
    const size_t start = ask->leaf * source->leaf_bytes, left = source->bytes - start;
    const size_t leaf_bytes = left < source->leaf_bytes ? left : source->leaf_bytes;
    *bytes = ask->count;
    return ask->offset < leaf_bytes && ask->count <= leaf_bytes - ask->offset
               ? source->state + start + ask->offset
               : NULL;
}

enum vain_status vain_fetch_answer(const struct vain_fetch_source *source, uint16_t kind,
                                   const void *body, size_t bytes, struct vain_fetch_answer *out)
{
    struct vain_fetch_ask ask;
    out->bytes = 0;
    VAIN_TRY(vain_fetch_ask_decode(kind, body, bytes, &ask));
    out->kind =
        kind == VAIN_LETTER_FETCH_LEAVES_ASK ? VAIN_LETTER_FETCH_LEAVES : VAIN_LETTER_FETCH_PART;
    const uint8_t *found = NULL;
    size_t found_bytes = 0;
    if (source != NULL && memcmp(ask.root, source->root, VAIN_HASH_BYTES) == 0) {
        found = find(source, &ask, &found_bytes);
        if (found == NULL)
            return vain_fail(VAIN_ERR_CORRUPT,
                             "fetch of a state: an ask for what is not in it: %u from byte %u of "
                             "leaf %u, of %zu bytes in leaves of %zu",
                             ask.count, ask.offset, ask.leaf, source->bytes, source->leaf_bytes);
    }
    vain_fetch_ask_encode(&ask, out->body);
    if (found != NULL)
        memcpy(out->body + VAIN_FETCH_ASK_BYTES, found, found_bytes);
    out->bytes = VAIN_FETCH_ASK_BYTES + found_bytes;
    return VAIN_OK;
}

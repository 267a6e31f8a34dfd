/* Contexts as bytes, and the sentence that says how two of them differ. */
#include "collectives/context.h"

#include <stdio.h>
#include <string.h>

#include "base/cursor.h"

static void write_context(struct vain_writer *writer, const struct vain_context *context)
{
    vain_write_bytes(writer, context->group_id, VAIN_HASH_BYTES);
    vain_write_u64(writer, context->epoch);
    vain_write_u64(writer, context->round);
    vain_write_u32(writer, context->attempt);
    vain_write_bytes(writer, context->set_hash, VAIN_HASH_BYTES);
    vain_write_bytes(writer, context->parameters_hash, VAIN_HASH_BYTES);
}

void vain_context_encode(const struct vain_context *context, uint8_t out[VAIN_CONTEXT_BYTES])
{
    struct vain_writer writer;
    vain_writer_init(&writer, out, VAIN_CONTEXT_BYTES);
    write_context(&writer, context);
    VAIN_ASSERT(!writer.failed);
    VAIN_ASSERT(writer.position == VAIN_CONTEXT_BYTES);
}

/* What the words mean. */
static void write_meaning(struct vain_writer *writer, const struct vain_context *context,
                          const struct vain_codec *codec)
{
    const struct vain_codec_state state = vain_codec_state(codec);
    vain_write_bytes(writer, context->spec_hash, VAIN_HASH_BYTES);
    vain_write_u64(writer, (uint64_t)codec->word_count);
    vain_write_u32(writer, (uint32_t)state.range_exponent);
    vain_write_u32(writer, (uint32_t)state.bound_exponent);
    vain_write_u32(writer, context->algorithm);
    vain_write_u32(writer, context->masked);
    vain_write_bytes(writer, context->order_hash, VAIN_HASH_BYTES);
}

void vain_context_bind(struct vain_context *context, const struct vain_codec *codec)
{
    uint8_t bytes[VAIN_CONTEXT_MESSAGE_BYTES];
    struct vain_writer writer;
    vain_writer_init(&writer, bytes, sizeof bytes);
    vain_write_bytes(&writer, context->group_id, VAIN_HASH_BYTES);
    write_meaning(&writer, context, codec);
    VAIN_ASSERT(!writer.failed);
    vain_hash("vain/group/round", bytes, writer.position, context->group_id);
}

void vain_context_message(const struct vain_context *context, const struct vain_codec *codec,
                          uint8_t out[VAIN_CONTEXT_MESSAGE_BYTES])
{
    struct vain_writer writer;
    vain_writer_init(&writer, out, VAIN_CONTEXT_MESSAGE_BYTES);
    write_context(&writer, context);
    write_meaning(&writer, context, codec);
    vain_write_u32(&writer, context->dropped);
    vain_write_u32(&writer, context->wants_evidence);
    VAIN_ASSERT(!writer.failed);
    VAIN_ASSERT(writer.position == VAIN_CONTEXT_MESSAGE_BYTES);
}

uint32_t vain_context_message_dropped(const uint8_t message[VAIN_CONTEXT_MESSAGE_BYTES])
{
    struct vain_reader reader;
    vain_reader_init(&reader, message + VAIN_CONTEXT_COMPARED_BYTES, 4);
    return vain_read_u32(&reader);
}

bool vain_context_message_wants_evidence(const uint8_t message[VAIN_CONTEXT_MESSAGE_BYTES])
{
    struct vain_reader reader;
    vain_reader_init(&reader, message + VAIN_CONTEXT_COMPARED_BYTES + 4, 4);
    return vain_read_u32(&reader) != 0;
}

void vain_context_message_hash(const uint8_t message[VAIN_CONTEXT_MESSAGE_BYTES],
                               uint8_t out[VAIN_HASH_BYTES])
{
    vain_hash("vain/context/v1", message, VAIN_CONTEXT_COMPARED_BYTES, out);
}

/* The message's fields, for people. Numbers are shown. */
static const struct field {
    const char *name;
    int bytes;
    bool number;
} fields[] = {
    {"group", VAIN_HASH_BYTES, false},
    {"epoch", 8, true},
    {"round", 8, true},
    {"attempt", 4, true},
    {"member set", VAIN_HASH_BYTES, false},
    {"parameters", VAIN_HASH_BYTES, false},
    {"job spec", VAIN_HASH_BYTES, false},
    {"vector length", 8, true},
    {"value range", 4, true},
    {"clip bound", 4, true},
    {"algorithm", 4, true},
    {"masks", 4, true},
    {"ring order", VAIN_HASH_BYTES, false},
};

/* Text that grows to its capacity and then stops. */
struct text {
    char data[600];
    size_t length;
};

static void append(struct text *text, const char *piece)
{
    const int wanted =
        snprintf(text->data + text->length, sizeof text->data - text->length, "%s", piece);
    text->length += (size_t)wanted;
    if (text->length >= sizeof text->data)
        text->length = sizeof text->data - 1;
}

static long long number_at(const uint8_t *bytes, int count)
{
    struct vain_reader reader;
    vain_reader_init(&reader, bytes, (size_t)count);
    return count == 8 ? (long long)vain_read_u64(&reader)
                      : (long long)(int32_t)vain_read_u32(&reader);
}

/* " 'bob' (round 8 instead of 7, parameters)". */
static void describe_difference(const char *name, const uint8_t *mine, const uint8_t *theirs,
                                struct text *text)
{
    char piece[160];
    const char *separator = "";
    snprintf(piece, sizeof piece, " '%s' (", name);
    append(text, piece);
    for (size_t i = 0, at = 0; i < VAIN_COUNT_OF(fields); at += (size_t)fields[i].bytes, i++) {
        if (memcmp(mine + at, theirs + at, (size_t)fields[i].bytes) == 0)
            continue;
        if (fields[i].number)
            snprintf(piece, sizeof piece, "%s%s %lld instead of %lld", separator, fields[i].name,
                     number_at(theirs + at, fields[i].bytes),
                     number_at(mine + at, fields[i].bytes));
        else
            snprintf(piece, sizeof piece, "%s%s", separator, fields[i].name);
        append(text, piece);
        separator = ", ";
    }
    append(text, ")");
}

enum vain_status vain_context_compare(const struct vain_context *context, int own, int members,
                                      const char *const *names, const uint8_t *mine,
                                      const uint8_t *theirs)
{
    enum { NAMED_MAX = 3 };
    struct text text = {.length = 0};
    int differing = 0;
    for (int peer = 0; peer < members; peer++) {
        const uint8_t *other = theirs + (size_t)peer * VAIN_CONTEXT_MESSAGE_BYTES;
        if (peer == own || memcmp(mine, other, VAIN_CONTEXT_COMPARED_BYTES) == 0)
            continue;
        if (differing++ < NAMED_MAX)
            describe_difference(names[peer], mine, other, &text);
    }
    if (differing == 0)
        return VAIN_OK;
    if (differing > NAMED_MAX)
        append(&text, " and others");
    return vain_fail(VAIN_ERR_PEER,
                     "round %llu, attempt %u: %d of %d members differ from member '%s':%s; nothing "
                     "was sent. Start all of them from the same spec and checkpoint",
                     (unsigned long long)context->round, context->attempt, differing, members,
                     names[own], text.data);
}

/* The exchange's state machine.
 *
 * In CONTEXT every member sends what it is about to do to every other and compares what it gets:
 * equality is transitive, so if any two differ, everybody sees somebody who differs, and all fail
 * alike before a word has travelled. Only when all messages of a phase are done does the next one
 * start, so a failure by comparison leaves nothing under way. */
#include "collectives/exchange_state.h"

#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "base/memory.h"

/* ---- contexts -------------------------------------------------------------------------------- */

static void write_context(struct vain_writer *writer, const struct vain_context *context)
{
    vain_write_bytes(writer, context->group_id, VAIN_HASH_BYTES);
    vain_write_u64(writer, context->epoch);
    vain_write_u64(writer, context->round);
    vain_write_u32(writer, context->attempt);
    vain_write_bytes(writer, context->set_hash, VAIN_HASH_BYTES);
    vain_write_bytes(writer, context->parameters_hash, VAIN_HASH_BYTES);
    vain_write_bytes(writer, context->spec_hash, VAIN_HASH_BYTES);
}

void vain_context_hash(const struct vain_context *context, uint8_t out[VAIN_HASH_BYTES])
{
    uint8_t bytes[VAIN_CONTEXT_BYTES];
    struct vain_writer writer;
    vain_writer_init(&writer, bytes, sizeof bytes);
    write_context(&writer, context);
    VAIN_ASSERT(!writer.failed);
    VAIN_ASSERT(writer.position == sizeof bytes);
    vain_hash("vain/context/v1", bytes, sizeof bytes, out);
}

static void write_message(const struct vain_exchange *exchange,
                          uint8_t out[VAIN_CONTEXT_MESSAGE_BYTES])
{
    const struct vain_codec *codec = exchange->config.codec;
    const struct vain_codec_state state = vain_codec_state(codec);
    struct vain_writer writer;
    vain_writer_init(&writer, out, VAIN_CONTEXT_MESSAGE_BYTES);
    write_context(&writer, &exchange->context);
    vain_write_u64(&writer, (uint64_t)codec->word_count);
    vain_write_u32(&writer, (uint32_t)state.range_exponent);
    vain_write_u32(&writer, (uint32_t)state.bound_exponent);
    VAIN_ASSERT(!writer.failed);
    VAIN_ASSERT(writer.position == VAIN_CONTEXT_MESSAGE_BYTES);
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

static enum vain_status compare_contexts(const struct vain_exchange *exchange)
{
    enum { NAMED_MAX = 3 };
    const struct vain_exchange_config *config = &exchange->config;
    struct text text = {.length = 0};
    int differing = 0;
    for (int peer = 0; peer < config->member_count; peer++) {
        const uint8_t *mine = exchange->wire->mine, *theirs = exchange->wire->theirs[peer];
        if (peer == config->member_index || memcmp(mine, theirs, VAIN_CONTEXT_MESSAGE_BYTES) == 0)
            continue;
        if (differing++ < NAMED_MAX)
            describe_difference(config->member_names[peer], mine, theirs, &text);
    }
    if (differing == 0)
        return VAIN_OK;
    if (differing > NAMED_MAX)
        append(&text, " and others");
    return vain_fail(VAIN_ERR_PEER,
                     "round %llu, attempt %u: %d of %d members differ from member '%s':%s; nothing "
                     "was sent. Start all of them from the same spec and checkpoint",
                     (unsigned long long)exchange->context.round, exchange->context.attempt,
                     differing, config->member_count, config->member_names[config->member_index],
                     text.data);
}

/* ---- life ------------------------------------------------------------------------------------ */

static enum vain_status open_wire(int members, struct vain_exchange_wire **out)
{
    const size_t requests_bytes = 2 * (size_t)members * sizeof(struct vain_request);
    const size_t theirs_bytes = (size_t)members * VAIN_CONTEXT_MESSAGE_BYTES;
    VAIN_TRY(
        vain_take(sizeof **out + requests_bytes + theirs_bytes, "exchange messages", (void **)out));
    (*out)->requests = (struct vain_request *)(void *)(*out + 1);
    (*out)->theirs = (uint8_t(*)[VAIN_CONTEXT_MESSAGE_BYTES])((*out)->requests + 2 * members);
    return VAIN_OK;
}

enum vain_status vain_exchange_open(const struct vain_exchange_config *config,
                                    struct vain_exchange **out)
{
    struct vain_exchange *exchange = NULL;
    enum vain_status status;
    const int members = config->member_count;
    *out = NULL;
    VAIN_ASSERT(config->member_index >= 0);
    VAIN_ASSERT(config->member_index < members);
    VAIN_ASSERT(config->codec->members == members);
    VAIN_TRY(vain_take(sizeof *exchange, "exchange", (void **)&exchange));
    exchange->config = *config;
    VAIN_TRY_OUT(vain_take_array(2 * (int64_t)members, sizeof *exchange->actions,
                                 "exchange actions", (void **)&exchange->actions));
    VAIN_TRY_OUT(vain_take_array(2 * (int64_t)members, sizeof *exchange->pending,
                                 "exchange actions", (void **)&exchange->pending));
    VAIN_TRY_OUT(open_wire(members, &exchange->wire));
    *out = exchange;
    return VAIN_OK;
out:
    vain_exchange_close(&exchange);
    return status;
}

void vain_exchange_close(struct vain_exchange **exchange)
{
    struct vain_exchange *own = *exchange;
    if (own == NULL)
        return;
    if (own->left_on != NULL)
        vain_comm_keep(own->left_on, own->wire);
    else
        vain_release(own->wire);
    vain_release(own->actions);
    vain_release(own->pending);
    vain_release(own);
    *exchange = NULL;
}

static bool is_under_way(const struct vain_exchange *exchange)
{
    return exchange->phase == VAIN_EXCHANGE_CONTEXT || exchange->phase == VAIN_EXCHANGE_REDUCE ||
           exchange->phase == VAIN_EXCHANGE_GATHER;
}

void vain_exchange_set_round(struct vain_exchange *exchange, const struct vain_context *context,
                             struct vain_random check, uint32_t *words)
{
    VAIN_ASSERT(!is_under_way(exchange));
    VAIN_ASSERT(exchange->phase != VAIN_EXCHANGE_LEFT);
    exchange->context = *context;
    exchange->check = check;
    exchange->words = words;
    exchange->phase = VAIN_EXCHANGE_IDLE;
}

void vain_exchange_set_gather(struct vain_exchange *exchange, const void *mine, size_t bytes,
                              void *all)
{
    VAIN_ASSERT(!is_under_way(exchange));
    VAIN_ASSERT(bytes <= exchange->config.gather_bytes_max);
    exchange->block = mine;
    exchange->block_bytes = bytes;
    exchange->blocks = all;
}

enum vain_exchange_phase vain_exchange_phase(const struct vain_exchange *exchange)
{
    return exchange->phase;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void act(struct vain_exchange *exchange, struct vain_exchange_out *out,
                struct vain_exchange_action action)
{
    VAIN_ASSERT(!exchange->pending[action.id]);
    exchange->pending[action.id] = true;
    exchange->pending_count++;
    exchange->missing += action.kind == VAIN_EXCHANGE_RECEIVE;
    exchange->actions[out->action_count++] = action;
}

/* From everybody `bytes` into all[peer], to everybody `mine`: receives first, so that no message
 * comes before its place. */
static void give_to_all(struct vain_exchange *exchange, struct vain_exchange_out *out, uint32_t tag,
                        void *mine, size_t bytes, unsigned char *all)
{
    const int members = exchange->config.member_count, own = exchange->config.member_index;
    for (int step = 1; step < members; step++) {
        const int source = (own + members - step) % members;
        act(exchange, out,
            (struct vain_exchange_action){.kind = VAIN_EXCHANGE_RECEIVE,
                                          .id = vain_exchange_receive_id(source),
                                          .peer = source,
                                          .tag = tag,
                                          .buffer = all + (size_t)source * bytes,
                                          .bytes = bytes});
    }
    for (int step = 1; step < members; step++) {
        const int target = (own + step) % members;
        act(exchange, out,
            (struct vain_exchange_action){.kind = VAIN_EXCHANGE_SEND,
                                          .id = vain_exchange_send_id(target),
                                          .peer = target,
                                          .tag = tag,
                                          .buffer = mine,
                                          .bytes = bytes});
    }
}

static void fail(struct vain_exchange *exchange, struct vain_exchange_out *out,
                 enum vain_status status)
{
    exchange->phase = VAIN_EXCHANGE_FAILED;
    exchange->failure = status;
    out->status = status;
}

static void begin_reduce(struct vain_exchange *exchange, struct vain_exchange_out *out)
{
    VAIN_ASSERT(exchange->phase == VAIN_EXCHANGE_IDLE);
    VAIN_ASSERT(exchange->words != NULL);
    if (exchange->config.member_count == 1) {
        exchange->phase = VAIN_EXCHANGE_REDUCED;
        out->status = VAIN_OK;
        return;
    }
    exchange->phase = VAIN_EXCHANGE_CONTEXT;
    write_message(exchange, exchange->wire->mine);
    give_to_all(exchange, out, VAIN_TAG_CONTEXT, exchange->wire->mine, VAIN_CONTEXT_MESSAGE_BYTES,
                exchange->wire->theirs[0]);
}

static void begin_open(struct vain_exchange *exchange, struct vain_exchange_out *out)
{
    VAIN_ASSERT(exchange->phase == VAIN_EXCHANGE_REDUCED);
    const enum vain_status status = vain_codec_verify(
        exchange->config.codec, exchange->config.queue, exchange->check,
        (uint32_t)exchange->context.round, exchange->context.attempt, exchange->words);
    if (status != VAIN_OK) {
        fail(exchange, out, status);
        return;
    }
    exchange->phase = VAIN_EXCHANGE_OPENED;
    out->status = VAIN_OK;
}

static void begin_gather(struct vain_exchange *exchange, struct vain_exchange_out *out)
{
    VAIN_ASSERT(exchange->phase == VAIN_EXCHANGE_OPENED);
    VAIN_ASSERT(exchange->blocks != NULL);
    /* Sends only read it. */
    union {
        const void *borrowed;
        void *kept;
    } view = {.borrowed = exchange->block};
    unsigned char *all = exchange->blocks;
    memcpy(all + (size_t)exchange->config.member_index * exchange->block_bytes, exchange->block,
           exchange->block_bytes);
    if (exchange->config.member_count == 1) {
        out->status = VAIN_OK;
        return;
    }
    exchange->phase = VAIN_EXCHANGE_GATHER;
    give_to_all(exchange, out, VAIN_TAG_GATHER, view.kept, exchange->block_bytes, all);
}

static void contexts_came(struct vain_exchange *exchange, struct vain_exchange_out *out)
{
    const enum vain_status status = compare_contexts(exchange);
    if (status != VAIN_OK) {
        fail(exchange, out, status);
        return;
    }
    exchange->phase = VAIN_EXCHANGE_REDUCE;
    act(exchange, out,
        (struct vain_exchange_action){.kind = VAIN_EXCHANGE_ALL_REDUCE,
                                      .id = vain_exchange_receive_id(exchange->config.member_index),
                                      .peer = exchange->config.member_index,
                                      .buffer = exchange->words,
                                      .count = exchange->config.codec->word_count});
}

static void done_action(struct vain_exchange *exchange, int id, struct vain_exchange_out *out)
{
    VAIN_ASSERT(id >= 0);
    VAIN_ASSERT(id < 2 * exchange->config.member_count);
    VAIN_ASSERT(exchange->pending[id]);
    exchange->pending[id] = false;
    exchange->pending_count--;
    const bool is_reduce = exchange->phase == VAIN_EXCHANGE_REDUCE;
    if (!is_reduce && id % 2 == 0)
        exchange->missing--;
    if (exchange->pending_count > 0)
        return;
    if (exchange->phase == VAIN_EXCHANGE_CONTEXT) {
        contexts_came(exchange, out);
        return;
    }
    exchange->phase = is_reduce ? VAIN_EXCHANGE_REDUCED : VAIN_EXCHANGE_OPENED;
    out->status = VAIN_OK;
}

static void forget_actions(struct vain_exchange *exchange)
{
    memset(exchange->pending, 0, 2 * (size_t)exchange->config.member_count * sizeof(bool));
    exchange->pending_count = 0;
    exchange->missing = 0;
}

static void step_under_way(struct vain_exchange *exchange, const struct vain_exchange_event *event,
                           struct vain_exchange_out *out)
{
    switch (event->kind) {
    case VAIN_EXCHANGE_DONE_ACTION:
        done_action(exchange, event->action_id, out);
        break;
    case VAIN_EXCHANGE_LEAVE:
        if (exchange->phase == VAIN_EXCHANGE_CONTEXT && exchange->missing > 0) {
            exchange->phase = VAIN_EXCHANGE_LEFT;
            forget_actions(exchange);
            out->status = VAIN_STOPPED;
        }
        break;
    case VAIN_EXCHANGE_LOST:
        forget_actions(exchange);
        fail(exchange, out, VAIN_ERR_PEER);
        break;
    default:
        VAIN_ASSERT(!is_under_way(exchange)); /* a call began while another one was */
    }
}

void vain_exchange_step(struct vain_exchange *exchange, const struct vain_exchange_event *event,
                        struct vain_exchange_out *out)
{
    *out = (struct vain_exchange_out){.actions = exchange->actions, .status = VAIN_AGAIN};
    if (is_under_way(exchange)) {
        step_under_way(exchange, event, out);
        return;
    }
    switch (event->kind) {
    case VAIN_EXCHANGE_BEGIN_REDUCE:
        begin_reduce(exchange, out);
        break;
    case VAIN_EXCHANGE_BEGIN_OPEN:
        begin_open(exchange, out);
        break;
    case VAIN_EXCHANGE_BEGIN_GATHER:
        begin_gather(exchange, out);
        break;
    default:
        /* Late news of a call that has ended: a message that came after it was left or lost. */
        out->status = exchange->phase == VAIN_EXCHANGE_LEFT     ? VAIN_STOPPED
                      : exchange->phase == VAIN_EXCHANGE_FAILED ? exchange->failure
                                                                : VAIN_OK;
    }
}

/* The exchange's state machine. How words are summed is in native.c, ring.c and tree.c.
 *
 * In CONTEXT every member sends what it is about to do to every other and compares what it gets:
 * equality is transitive, so if any two differ, everybody sees somebody who differs, and all fail
 * alike before a word has travelled. Only when all messages of a phase are done does the next one
 * start, so a failure by comparison leaves nothing under way. */
#include "collectives/exchange_state.h"

#include <string.h>

#include "base/cursor.h"
#include "base/memory.h"
#include "collectives/ring_order.h"

static const struct vain_reduce_ops *reduce_of(enum vain_algorithm algorithm)
{
    VAIN_ASSERT(algorithm != VAIN_ALGORITHM_AUTO);
    return algorithm == VAIN_ALGORITHM_RING   ? &vain_reduce_ring
           : algorithm == VAIN_ALGORITHM_TREE ? &vain_reduce_tree
                                              : &vain_reduce_native;
}

const char *vain_algorithm_name(enum vain_algorithm algorithm)
{
    VAIN_ASSERT((int)algorithm >= 0);
    VAIN_ASSERT(algorithm < VAIN_ALGORITHMS);
    return algorithm == VAIN_ALGORITHM_AUTO ? "auto" : reduce_of(algorithm)->name;
}

/* ---- life ------------------------------------------------------------------------------------ */

static enum vain_status open_wire(int members, int action_ids, struct vain_exchange_wire **out)
{
    const size_t requests_bytes = (size_t)action_ids * sizeof(struct vain_request);
    const size_t theirs_bytes = (size_t)members * VAIN_CONTEXT_MESSAGE_BYTES;
    VAIN_TRY(
        vain_take(sizeof **out + requests_bytes + theirs_bytes, "exchange messages", (void **)out));
    (*out)->requests = (struct vain_request *)(void *)(*out + 1);
    (*out)->theirs = (uint8_t(*)[VAIN_CONTEXT_MESSAGE_BYTES])((*out)->requests + action_ids);
    return VAIN_OK;
}

/* A chunk is not longer than a member's segment of the whole vector. */
static int64_t chunk_words_of(int members, int64_t word_count, int64_t wanted)
{
    const int64_t segment = (word_count + members - 1) / members;
    const int64_t most = wanted > 0 ? wanted : VAIN_RING_CHUNK_WORDS;
    return segment < most ? segment : most;
}

static int window_of(int wanted)
{
    return wanted > 0 ? wanted : VAIN_RING_WINDOW;
}

int64_t vain_exchange_memory_bytes(int members, int64_t word_count, enum vain_algorithm algorithm,
                                   int window)
{
    const int64_t chunk_words = chunk_words_of(members, word_count, 0);
    if (members == 1)
        return 0;
    return reduce_of(algorithm)->buffer_words(members, word_count, chunk_words, window_of(window)) *
           (int64_t)sizeof(uint32_t);
}

static int greater(int a, int b)
{
    return a > b ? a : b;
}

static enum vain_status take_all(struct vain_exchange *exchange)
{
    const struct vain_exchange_config *config = &exchange->config;
    const int members = config->member_count;
    const int own_ids = exchange->reduce->action_ids(members, config->window);
    const struct vain_memory_ops *memory = &config->queue->device->ops->memory;
    const int64_t words = exchange->reduce->buffer_words(members, config->codec->word_count,
                                                         config->chunk_words, config->window);
    exchange->action_ids = greater(2 * members, own_ids);
    if (config->gives_evidence)
        exchange->action_ids = greater(exchange->action_ids,
                                       vain_ring_action_ids(config->window) + VAIN_HOPS_ACTION_IDS);
    VAIN_TRY(vain_take_array(exchange->action_ids, sizeof *exchange->actions, "exchange actions",
                             (void **)&exchange->actions));
    VAIN_TRY(vain_take_array(exchange->action_ids, sizeof *exchange->pending, "exchange actions",
                             (void **)&exchange->pending));
    VAIN_TRY(vain_take_array(exchange->action_ids, sizeof *exchange->is_pending, "exchange actions",
                             (void **)&exchange->is_pending));
    if (members > 1)
        VAIN_TRY(memory->take(config->queue->device, (size_t)words * sizeof(uint32_t),
                              "exchange buffers", (void **)&exchange->buffer));
    return open_wire(members, exchange->action_ids, &exchange->wire);
}

enum vain_status vain_exchange_open(const struct vain_exchange_config *config,
                                    struct vain_exchange **out)
{
    struct vain_exchange *exchange = NULL;
    const int members = config->member_count;
    *out = NULL;
    VAIN_ASSERT(config->member_index >= 0);
    VAIN_ASSERT(config->member_index < members);
    VAIN_ASSERT(config->codec->members == members);
    VAIN_ASSERT(config->ring_order == NULL || vain_ring_order_valid(config->ring_order, members));
    VAIN_TRY(vain_take(sizeof *exchange, "exchange", (void **)&exchange));
    VAIN_ASSERT(config->window >= 0);
    VAIN_ASSERT(config->window <= VAIN_RING_WINDOW_MAX);
    VAIN_ASSERT(!config->gives_evidence || members <= VAIN_EVIDENCE_MEMBERS_MAX);
    exchange->config = *config;
    exchange->config.window = window_of(config->window);
    exchange->config.chunk_words =
        chunk_words_of(members, config->codec->word_count, config->chunk_words);
    exchange->reduce = reduce_of(config->algorithm);
    exchange->wrong_from = -1; /* a group may fail before its first round */
    const enum vain_status status = take_all(exchange);
    if (status != VAIN_OK)
        vain_exchange_close(&exchange);
    *out = exchange;
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
    own->config.queue->device->ops->memory.release(own->config.queue->device, own->buffer);
    own->config.queue->device->ops->memory.release(own->config.queue->device, own->evidence_buffer);
    vain_release(own->actions);
    vain_release(own->pending);
    vain_release(own->is_pending);
    vain_release(own);
    *exchange = NULL;
}

static bool is_under_way(const struct vain_exchange *exchange)
{
    return exchange->phase == VAIN_EXCHANGE_CONTEXT || exchange->phase == VAIN_EXCHANGE_REDUCE ||
           exchange->phase == VAIN_EXCHANGE_GATHER;
}

void vain_exchange_set_round(struct vain_exchange *exchange, const struct vain_context *context,
                             struct vain_random check)
{
    VAIN_ASSERT(!is_under_way(exchange));
    VAIN_ASSERT(exchange->phase != VAIN_EXCHANGE_LEFT);
    exchange->context = *context;
    exchange->context.algorithm = exchange->config.algorithm;
    vain_ring_order_hash(exchange->config.ring_order, exchange->config.member_count,
                         exchange->context.order_hash);
    exchange->check = check;
    exchange->words = NULL;
    exchange->has_evidence = false;
    exchange->evidence = NULL;
    exchange->reduce = reduce_of(exchange->config.algorithm);
    exchange->wrong_from = -1;
    exchange->phase = VAIN_EXCHANGE_IDLE;
}

int vain_exchange_wrong_from(const struct vain_exchange *exchange)
{
    return exchange->wrong_from;
}

void vain_exchange_set_words(struct vain_exchange *exchange, uint32_t *words, bool masked)
{
    VAIN_ASSERT(exchange->phase == VAIN_EXCHANGE_AGREED);
    VAIN_ASSERT(masked == (exchange->context.masked != 0));
    exchange->words = words;
}

bool vain_exchange_has_evidence(const struct vain_exchange *exchange)
{
    return exchange->has_evidence;
}

static enum vain_status take_ring_buffer(struct vain_exchange *exchange)
{
    const struct vain_exchange_config *config = &exchange->config;
    const struct vain_memory_ops *memory = &config->queue->device->ops->memory;
    if (config->algorithm == VAIN_ALGORITHM_RING || exchange->evidence_buffer != NULL)
        return VAIN_OK;
    const int64_t words = vain_reduce_ring.buffer_words(
        config->member_count, config->codec->word_count, config->chunk_words, config->window);
    return memory->take(config->queue->device, (size_t)words * sizeof(uint32_t), "exchange buffers",
                        (void **)&exchange->evidence_buffer);
}

enum vain_status vain_exchange_set_evidence(struct vain_exchange *exchange,
                                            struct vain_evidence *evidence)
{
    const struct vain_context *context = &exchange->context;
    uint8_t hash[VAIN_HASH_BYTES];
    VAIN_ASSERT(exchange->phase == VAIN_EXCHANGE_AGREED);
    VAIN_ASSERT(exchange->has_evidence);
    VAIN_ASSERT(exchange->words != NULL);
    VAIN_TRY(take_ring_buffer(exchange));
    vain_context_message_hash(exchange->wire->mine, hash);
    vain_evidence_begin(
        evidence, hash,
        vain_check_key_of(exchange->check, (uint32_t)context->round, context->attempt),
        exchange->config.codec->word_count);
    exchange->evidence = evidence;
    exchange->reduce = &vain_reduce_ring;
    vain_ring_cut(exchange);
    vain_ring_state_own(exchange);
    return vain_evidence_sign_own(evidence);
}

uint32_t vain_exchange_dropped(const struct vain_exchange *exchange, int rank)
{
    return rank == exchange->config.member_index
               ? exchange->context.dropped
               : vain_context_message_dropped(exchange->wire->theirs[rank]);
}

int vain_exchange_action_ids(const struct vain_exchange *exchange)
{
    return exchange->action_ids;
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

void vain_exchange_act(struct vain_exchange *exchange, struct vain_exchange_out *out,
                       struct vain_exchange_action action)
{
    VAIN_ASSERT(action.id >= 0);
    VAIN_ASSERT(action.id < exchange->action_ids);
    VAIN_ASSERT(!exchange->is_pending[action.id]);
    exchange->is_pending[action.id] = true;
    exchange->pending[action.id] = action;
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
        vain_exchange_act(exchange, out,
                          (struct vain_exchange_action){.kind = VAIN_EXCHANGE_RECEIVE,
                                                        .id = vain_exchange_receive_id(source),
                                                        .peer = source,
                                                        .tag = tag,
                                                        .buffer = all + (size_t)source * bytes,
                                                        .bytes = bytes});
    }
    for (int step = 1; step < members; step++) {
        const int target = (own + step) % members;
        vain_exchange_act(exchange, out,
                          (struct vain_exchange_action){.kind = VAIN_EXCHANGE_SEND,
                                                        .id = vain_exchange_send_id(target),
                                                        .peer = target,
                                                        .tag = tag,
                                                        .buffer = mine,
                                                        .bytes = bytes});
    }
}

static void forget_actions(struct vain_exchange *exchange)
{
    memset(exchange->is_pending, 0, (size_t)exchange->action_ids * sizeof(bool));
    exchange->pending_count = 0;
    exchange->missing = 0;
}

void vain_exchange_fail(struct vain_exchange *exchange, struct vain_exchange_out *out,
                        enum vain_status status)
{
    forget_actions(exchange);
    exchange->phase = VAIN_EXCHANGE_FAILED;
    exchange->failure = status;
    out->status = status;
}

static void begin_agree(struct vain_exchange *exchange, struct vain_exchange_out *out)
{
    VAIN_ASSERT(exchange->phase == VAIN_EXCHANGE_IDLE);
    const struct vain_exchange_config *config = &exchange->config;
    vain_context_message(&exchange->context, config->codec, exchange->wire->mine);
    if (config->member_count == 1) {
        exchange->phase = VAIN_EXCHANGE_AGREED;
        out->status = VAIN_OK;
        return;
    }
    exchange->phase = VAIN_EXCHANGE_CONTEXT;
    give_to_all(exchange, out, VAIN_TAG_CONTEXT, exchange->wire->mine, VAIN_CONTEXT_MESSAGE_BYTES,
                exchange->wire->theirs[0]);
}

static void end_reduce(struct vain_exchange *exchange, struct vain_exchange_out *out)
{
    VAIN_ASSERT(exchange->pending_count == 0);
    VAIN_ASSERT(exchange->evidence == NULL || vain_hops_have_ended(exchange));
    exchange->phase = VAIN_EXCHANGE_REDUCED;
    out->status = VAIN_OK;
}

static void begin_reduce(struct vain_exchange *exchange, struct vain_exchange_out *out)
{
    uint8_t hash[VAIN_HASH_BYTES];
    struct vain_reader reader;
    VAIN_ASSERT(exchange->phase == VAIN_EXCHANGE_AGREED);
    VAIN_ASSERT(exchange->words != NULL);
    VAIN_ASSERT(exchange->has_evidence == (exchange->evidence != NULL));
    if (exchange->config.member_count == 1) {
        end_reduce(exchange, out);
        return;
    }
    vain_context_message_hash(exchange->wire->mine, hash);
    vain_reader_init(&reader, hash, sizeof hash);
    exchange->tag_key = vain_read_u64(&reader);
    exchange->phase = VAIN_EXCHANGE_REDUCE;
    exchange->reduce->begin(exchange, out);
}

static void begin_verify(struct vain_exchange *exchange, struct vain_exchange_out *out)
{
    VAIN_ASSERT(exchange->phase == VAIN_EXCHANGE_REDUCED);
    const enum vain_status status = vain_codec_verify(
        exchange->config.codec, exchange->config.queue, exchange->check,
        (uint32_t)exchange->context.round, exchange->context.attempt, exchange->words);
    if (status != VAIN_OK) {
        vain_exchange_fail(exchange, out, status);
        return;
    }
    exchange->phase = VAIN_EXCHANGE_VERIFIED;
    out->status = VAIN_OK;
}

static void begin_gather(struct vain_exchange *exchange, struct vain_exchange_out *out)
{
    VAIN_ASSERT(exchange->phase == VAIN_EXCHANGE_VERIFIED);
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

/* One member that wants it is enough. */
static bool is_evidence_wanted(const struct vain_exchange *exchange)
{
    const struct vain_exchange_config *config = &exchange->config;
    bool wanted = exchange->context.wants_evidence != 0;
    for (int rank = 0; rank < config->member_count; rank++)
        wanted = wanted || (rank != config->member_index &&
                            vain_context_message_wants_evidence(exchange->wire->theirs[rank]));
    return config->gives_evidence && wanted;
}

static void contexts_came(struct vain_exchange *exchange, struct vain_exchange_out *out)
{
    const struct vain_exchange_config *config = &exchange->config;
    const enum vain_status status =
        vain_context_compare(&exchange->context, config->member_index, config->member_count,
                             config->member_names, exchange->wire->mine, exchange->wire->theirs[0]);
    if (status != VAIN_OK) {
        vain_exchange_fail(exchange, out, status);
        return;
    }
    exchange->has_evidence = is_evidence_wanted(exchange);
    exchange->phase = VAIN_EXCHANGE_AGREED;
    out->status = VAIN_OK;
}

static void done_action(struct vain_exchange *exchange, int id, struct vain_exchange_out *out)
{
    VAIN_ASSERT(id >= 0);
    VAIN_ASSERT(id < exchange->action_ids);
    VAIN_ASSERT(exchange->is_pending[id]);
    exchange->is_pending[id] = false;
    exchange->pending_count--;
    exchange->missing -= exchange->pending[id].kind == VAIN_EXCHANGE_RECEIVE;
    if (exchange->phase == VAIN_EXCHANGE_REDUCE)
        exchange->reduce->done(exchange, id, out);
    if (exchange->pending_count > 0 || out->status != VAIN_AGAIN)
        return;
    if (exchange->phase == VAIN_EXCHANGE_CONTEXT) {
        contexts_came(exchange, out);
    } else if (exchange->phase == VAIN_EXCHANGE_REDUCE) {
        end_reduce(exchange, out);
    } else {
        exchange->phase = VAIN_EXCHANGE_VERIFIED;
        out->status = VAIN_OK;
    }
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
        vain_exchange_fail(exchange, out, VAIN_ERR_PEER);
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
    case VAIN_EXCHANGE_BEGIN_AGREE:
        begin_agree(exchange, out);
        break;
    case VAIN_EXCHANGE_BEGIN_REDUCE:
        begin_reduce(exchange, out);
        break;
    case VAIN_EXCHANGE_BEGIN_VERIFY:
        begin_verify(exchange, out);
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

/* Statements of one member, and the judge of all. What is signed is a label, padded with zeros to
 * 16 bytes, and a hash of what is stated and where it belongs. */
#include "collectives/evidence.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "base/memory.h"

static_assert(sizeof(struct vain_statement) == VAIN_STATEMENT_BYTES, "no bytes between its parts");
static_assert(_Alignof(struct vain_statement) == 1, "at any place");

enum { LABEL_BYTES = 16, MESSAGE_BYTES = LABEL_BYTES + VAIN_HASH_BYTES };

struct vain_evidence {
    struct vain_evidence_config config; /* keys: in keys */
    int place, before;                  /* in the ring; rank that hops come from */
    uint8_t context_hash[VAIN_HASH_BYTES];
    struct vain_forms_key key;
    struct vain_mask_stream *stream; /* owned */
    struct vain_forms_sum leaving, coming;
    struct vain_forms *heard;    /* (steps) of words that came; owned */
    struct vain_statement *hops; /* (2 steps) sent, then came; owned */
    uint8_t *own;                /* (own_bytes) owned */
    uint8_t *all;                /* (members, own_bytes) by rank, owned */
    uint8_t keys[VAIN_EVIDENCE_MEMBERS_MAX][VAIN_PUBLIC_KEY_BYTES];
};

/* ---- the ring -------------------------------------------------------------------------------- */

int vain_evidence_steps(int members)
{
    return 2 * members - 2;
}

static int wrap(int members, int place)
{
    return ((place % members) + members) % members;
}

int vain_evidence_shard(int members, int place, int step)
{
    return wrap(members, place - step);
}

static int rank_at(const int *order, int members, int place)
{
    const int wrapped = wrap(members, place);
    return order != NULL ? order[wrapped] : wrapped;
}

static int place_of(const int *order, int members, int rank)
{
    int place = 0;
    while (rank_at(order, members, place) != rank)
        place++;
    return place;
}

/* ---- what is signed -------------------------------------------------------------------------- */

static void label(const char *text, uint8_t out[MESSAGE_BYTES])
{
    memset(out, 0, LABEL_BYTES);
    for (size_t i = 0; text[i] != '\0'; i++)
        out[i] = (uint8_t)text[i];
}

static void own_message(const uint8_t *context_hash, int members, int rank, const uint8_t *forms,
                        uint8_t out[MESSAGE_BYTES])
{
    uint8_t head[VAIN_HASH_BYTES + 4];
    struct vain_hash_state state;
    struct vain_writer writer;
    vain_writer_init(&writer, head, sizeof head);
    vain_write_bytes(&writer, context_hash, VAIN_HASH_BYTES);
    vain_write_u32(&writer, (uint32_t)rank);
    label("vain/own/v1", out);
    vain_hash_init(&state, "vain/evid/own");
    vain_hash_update(&state, head, sizeof head);
    vain_hash_update(&state, forms, (size_t)members * VAIN_FORMS_BYTES);
    vain_hash_final(&state, out + LABEL_BYTES);
}

static void hop_message(const uint8_t *context_hash, int place, int step, int shard,
                        const struct vain_statement *statement, uint8_t out[MESSAGE_BYTES])
{
    uint8_t bytes[VAIN_HASH_BYTES + 3 * 4 + VAIN_FORMS_BYTES];
    struct vain_writer writer;
    vain_writer_init(&writer, bytes, sizeof bytes);
    vain_write_bytes(&writer, context_hash, VAIN_HASH_BYTES);
    vain_write_u32(&writer, (uint32_t)place);
    vain_write_u32(&writer, (uint32_t)step);
    vain_write_u32(&writer, (uint32_t)shard);
    vain_write_bytes(&writer, statement->forms, VAIN_FORMS_BYTES);
    VAIN_ASSERT(!writer.failed);
    label("vain/hop/v1", out);
    vain_hash("vain/evid/hop", bytes, sizeof bytes, out + LABEL_BYTES);
}

/* ---- life ------------------------------------------------------------------------------------ */

size_t vain_evidence_own_bytes(int members)
{
    return (size_t)members * VAIN_FORMS_BYTES + VAIN_SIGNATURE_BYTES;
}

size_t vain_evidence_hops_bytes(int members)
{
    return 2 * (size_t)vain_evidence_steps(members) * VAIN_STATEMENT_BYTES;
}

static enum vain_status take_all(struct vain_evidence *evidence)
{
    const int members = evidence->config.members, steps = vain_evidence_steps(members);
    const size_t own_bytes = vain_evidence_own_bytes(members);
    VAIN_TRY(vain_mask_stream_open(&evidence->stream));
    VAIN_TRY(
        vain_take_array(steps, sizeof *evidence->heard, "evidence", (void **)&evidence->heard));
    VAIN_TRY(
        vain_take_array(2 * steps, sizeof *evidence->hops, "evidence", (void **)&evidence->hops));
    VAIN_TRY(vain_take(own_bytes, "evidence", (void **)&evidence->own));
    return vain_take_array(members, own_bytes, "evidence", (void **)&evidence->all);
}

int64_t vain_evidence_memory_bytes(int members)
{
    const int64_t own = (int64_t)vain_evidence_own_bytes(members);
    const int64_t hops = (int64_t)vain_evidence_hops_bytes(members);
    const int64_t heard = vain_evidence_steps(members) * (int64_t)sizeof(struct vain_forms);
    return (int64_t)sizeof(struct vain_evidence) + heard + hops + own + members * (own + hops);
}

enum vain_status vain_evidence_open(const struct vain_evidence_config *config,
                                    struct vain_evidence **out)
{
    struct vain_evidence *evidence = NULL;
    *out = NULL;
    VAIN_ASSERT(config->members >= 2);
    VAIN_ASSERT(config->members <= VAIN_EVIDENCE_MEMBERS_MAX);
    VAIN_TRY(vain_take(sizeof *evidence, "evidence", (void **)&evidence));
    evidence->config = *config;
    memcpy(evidence->keys, config->keys, (size_t)config->members * VAIN_PUBLIC_KEY_BYTES);
    evidence->place = place_of(config->order, config->members, config->own);
    evidence->before = rank_at(config->order, config->members, evidence->place - 1);
    const enum vain_status status = take_all(evidence);
    if (status != VAIN_OK)
        vain_evidence_close(&evidence);
    *out = evidence;
    return status;
}

void vain_evidence_close(struct vain_evidence **evidence)
{
    struct vain_evidence *own = *evidence;
    if (own == NULL)
        return;
    vain_mask_stream_close(&own->stream);
    vain_release(own->heard);
    vain_release(own->hops);
    vain_release(own->own);
    vain_release(own->all);
    vain_release(own);
    *evidence = NULL;
}

void vain_evidence_begin(struct vain_evidence *evidence,
                         const uint8_t context_hash[VAIN_HASH_BYTES], struct vain_check_key check,
                         int64_t word_count)
{
    const int members = evidence->config.members;
    memcpy(evidence->context_hash, context_hash, VAIN_HASH_BYTES);
    evidence->key = vain_forms_key_of(context_hash, check, word_count);
    vain_forms_sum_begin(&evidence->leaving);
    vain_forms_sum_begin(&evidence->coming);
    memset(evidence->hops, 0, vain_evidence_hops_bytes(members));
    memset(evidence->own, 0, vain_evidence_own_bytes(members));
}

/* ---- a member's part ------------------------------------------------------------------------- */

void vain_evidence_leave(struct vain_evidence *evidence, int64_t first, int64_t count,
                         const uint32_t *words)
{
    vain_forms_sum_add(&evidence->leaving, &evidence->key, evidence->stream, first, count, words);
}

void vain_evidence_come(struct vain_evidence *evidence, int64_t first, int64_t count,
                        const uint32_t *words)
{
    vain_forms_sum_add(&evidence->coming, &evidence->key, evidence->stream, first, count, words);
}

static void end_sum(struct vain_forms_sum *sum, struct vain_forms *out)
{
    vain_forms_sum_end(sum, out);
    vain_forms_sum_begin(sum);
}

void vain_evidence_end_shard(struct vain_evidence *evidence, int shard)
{
    struct vain_forms forms;
    end_sum(&evidence->leaving, &forms);
    vain_forms_encode(&forms, evidence->own + (size_t)shard * VAIN_FORMS_BYTES);
}

enum vain_status vain_evidence_sign_own(struct vain_evidence *evidence)
{
    const struct vain_evidence_config *config = &evidence->config;
    uint8_t message[MESSAGE_BYTES];
    own_message(evidence->context_hash, config->members, config->own, evidence->own, message);
    return vain_signer_sign(config->signer, message, sizeof message,
                            evidence->own + (size_t)config->members * VAIN_FORMS_BYTES);
}

const uint8_t *vain_evidence_own(const struct vain_evidence *evidence)
{
    return evidence->own;
}

static bool is_signed(void *context, int rank, const void *message, size_t bytes,
                      const uint8_t signature[VAIN_SIGNATURE_BYTES])
{
    const struct vain_evidence *evidence = context;
    return vain_signature_valid(evidence->keys[rank], message, bytes, signature);
}

struct vain_statement *vain_evidence_sent(struct vain_evidence *evidence, int step)
{
    return &evidence->hops[step];
}

struct vain_statement *vain_evidence_came(struct vain_evidence *evidence, int step)
{
    return &evidence->hops[vain_evidence_steps(evidence->config.members) + step];
}

const uint8_t *vain_evidence_hops(const struct vain_evidence *evidence)
{
    return evidence->hops[0].forms;
}

enum vain_status vain_evidence_end_hop(struct vain_evidence *evidence, int step)
{
    const struct vain_evidence_config *config = &evidence->config;
    struct vain_statement *statement = vain_evidence_sent(evidence, step);
    struct vain_forms forms;
    uint8_t message[MESSAGE_BYTES];
    end_sum(&evidence->leaving, &forms);
    vain_forms_encode(&forms, statement->forms);
    hop_message(evidence->context_hash, evidence->place, step,
                vain_evidence_shard(config->members, evidence->place, step), statement, message);
    return vain_signer_sign(config->signer, message, sizeof message, statement->signature);
}

void vain_evidence_end_coming(struct vain_evidence *evidence, int step)
{
    end_sum(&evidence->coming, &evidence->heard[step]);
}

bool vain_evidence_hop_holds(struct vain_evidence *evidence, int step)
{
    const int members = evidence->config.members;
    const int place = wrap(members, evidence->place - 1);
    const struct vain_statement *statement = vain_evidence_came(evidence, step);
    struct vain_forms stated;
    uint8_t message[MESSAGE_BYTES];
    vain_forms_decode(statement->forms, &stated);
    hop_message(evidence->context_hash, place, step, vain_evidence_shard(members, place, step),
                statement, message);
    return vain_forms_equal(&stated, &evidence->heard[step]) &&
           is_signed(evidence, evidence->before, message, sizeof message, statement->signature);
}

/* ---- judging --------------------------------------------------------------------------------- */

static const struct vain_statement *hops_of(const struct vain_evidence_case *given, int rank)
{
    return (const struct vain_statement *)(const void *)(given->hops +
                                                         (size_t)rank * vain_evidence_hops_bytes(
                                                                            given->members));
}

static const uint8_t *own_of(const struct vain_evidence_case *given, int rank)
{
    return given->own + (size_t)rank * vain_evidence_own_bytes(given->members);
}

static bool own_is_signed(const struct vain_evidence_case *given, int rank)
{
    const uint8_t *own = own_of(given, rank);
    uint8_t message[MESSAGE_BYTES];
    own_message(given->context_hash, given->members, rank, own, message);
    return given->is_signed(given->context, rank, message, sizeof message,
                            own + (size_t)given->members * VAIN_FORMS_BYTES);
}

static bool own_fits_check(const struct vain_evidence_case *given, int rank)
{
    struct vain_forms sum = {{0}}, shard;
    for (int i = 0; i < given->members; i++) {
        vain_forms_decode(own_of(given, rank) + (size_t)i * VAIN_FORMS_BYTES, &shard);
        vain_forms_add(&shard, &sum);
    }
    return sum.values[VAIN_FORMS_CHECK] == 0;
}

static enum vain_evidence_fault fault_of_own(const struct vain_evidence_case *given, int rank)
{
    if (!own_is_signed(given, rank))
        return VAIN_EVIDENCE_OWN;
    return given->checks_own && !own_fits_check(given, rank) ? VAIN_EVIDENCE_CHECK
                                                             : VAIN_EVIDENCE_FINE;
}

static bool sent_is_signed(const struct vain_evidence_case *given, int place, int step,
                           const struct vain_statement *statement)
{
    const int members = given->members;
    uint8_t message[MESSAGE_BYTES];
    hop_message(given->context_hash, place, step, vain_evidence_shard(members, place, step),
                statement, message);
    return given->is_signed(given->context, rank_at(given->order, members, place), message,
                            sizeof message, statement->signature);
}

/* What the member at `place` has to have stated of the hop of `step`, from what it was told of the
 * one before and from its own words. */
static void expect_hop(const struct vain_evidence_case *given, int place, int step,
                       struct vain_forms *out)
{
    const int members = given->members;
    *out = (struct vain_forms){{0}};
    if (step > 0) {
        const int before = rank_at(given->order, members, place - 1);
        vain_forms_decode(hops_of(given, before)[step - 1].forms, out);
    }
    if (step < members) {
        const size_t shard = (size_t)vain_evidence_shard(members, place, step);
        struct vain_forms own;
        vain_forms_decode(
            own_of(given, rank_at(given->order, members, place)) + shard * VAIN_FORMS_BYTES, &own);
        vain_forms_add(&own, out);
    }
}

/* Of the hop of `step` from the member at `place`, as it and the one after it show it; all hops of
 * the steps before are fine. */
static enum vain_evidence_fault fault_of_hop(const struct vain_evidence_case *given, int place,
                                             int step)
{
    const int members = given->members;
    const struct vain_statement *sent =
        &hops_of(given, rank_at(given->order, members, place))[step];
    const struct vain_statement *came = &hops_of(
        given, rank_at(given->order, members, place + 1))[vain_evidence_steps(members) + step];
    struct vain_forms stated, expected;
    if (!sent_is_signed(given, place, step, sent))
        return VAIN_EVIDENCE_SENT;
    if (memcmp(sent, came, sizeof *sent) != 0 && !sent_is_signed(given, place, step, came))
        return VAIN_EVIDENCE_CAME;
    if (memcmp(sent->forms, came->forms, VAIN_FORMS_BYTES) != 0)
        return VAIN_EVIDENCE_TWO;
    vain_forms_decode(sent->forms, &stated);
    expect_hop(given, place, step, &expected);
    if (vain_forms_equal(&stated, &expected))
        return VAIN_EVIDENCE_FINE;
    return step < members ? VAIN_EVIDENCE_ADDED : VAIN_EVIDENCE_CHANGED;
}

static bool judge_own(const struct vain_evidence_case *given, struct vain_evidence_verdict *out)
{
    for (int rank = 0; rank < given->members && out->fault == VAIN_EVIDENCE_FINE; rank++) {
        out->fault = fault_of_own(given, rank);
        if (out->fault != VAIN_EVIDENCE_FINE)
            out->culprit = rank;
    }
    return out->fault == VAIN_EVIDENCE_FINE;
}

static void note_hop(const struct vain_evidence_case *given, int place, int step,
                     struct vain_evidence_verdict *out)
{
    const int members = given->members;
    /* Who received a hop shows what came of it. */
    const int culprit = out->fault == VAIN_EVIDENCE_CAME ? place + 1 : place;
    out->culprit = rank_at(given->order, members, culprit);
    out->before = rank_at(given->order, members, culprit - 1);
    out->after = rank_at(given->order, members, culprit + 1);
    out->step = step;
    out->shard = vain_evidence_shard(members, place, step);
}

void vain_evidence_judge(const struct vain_evidence_case *given, struct vain_evidence_verdict *out)
{
    *out = (struct vain_evidence_verdict){
        .culprit = -1, .before = -1, .after = -1, .step = -1, .shard = -1};
    if (!judge_own(given, out))
        return;
    for (int step = 0; step < vain_evidence_steps(given->members); step++)
        for (int place = 0; place < given->members; place++) {
            out->fault = fault_of_hop(given, place, step);
            if (out->fault != VAIN_EVIDENCE_FINE) {
                note_hop(given, place, step, out);
                return;
            }
        }
}

static struct vain_evidence_case case_of(struct vain_evidence *evidence)
{
    struct vain_evidence_case given = {.members = evidence->config.members,
                                       .order = evidence->config.order,
                                       .own = evidence->all,
                                       .is_signed = is_signed,
                                       .context = evidence};
    memcpy(given.context_hash, evidence->context_hash, VAIN_HASH_BYTES);
    return given;
}

int vain_evidence_take_own(struct vain_evidence *evidence, const uint8_t *all)
{
    const int members = evidence->config.members;
    const struct vain_evidence_case given = case_of(evidence);
    memcpy(evidence->all, all, (size_t)members * vain_evidence_own_bytes(members));
    for (int rank = 0; rank < members; rank++) {
        if (!own_is_signed(&given, rank))
            return rank;
    }
    return -1;
}

void vain_evidence_judge_hops(struct vain_evidence *evidence, bool checks_own, const uint8_t *hops,
                              struct vain_evidence_verdict *out)
{
    struct vain_evidence_case given = case_of(evidence);
    given.checks_own = checks_own;
    given.hops = hops;
    vain_evidence_judge(&given, out);
}

/* ---- for people ------------------------------------------------------------------------------ */

/* What was found, and how that sentence ends behind the name of the member on the other side. */
static const struct words {
    const char *head, *tail;
} texts[] = {
    [VAIN_EVIDENCE_FINE] = {"", ""},
    [VAIN_EVIDENCE_OWN] = {"has not signed what it states of its own words", ""},
    [VAIN_EVIDENCE_CHECK] = {"sent words that are not those of its check word", ""},
    [VAIN_EVIDENCE_SENT] = {"shows no signed statement of what it passed on to", ""},
    [VAIN_EVIDENCE_CAME] = {"shows no signed statement of what came from", ""},
    [VAIN_EVIDENCE_TWO] = {"has signed two statements of what it passed on to", ""},
    [VAIN_EVIDENCE_ADDED] = {"passed on to",
                             " something else than it was given and its own words together"},
    [VAIN_EVIDENCE_CHANGED] = {"passed on to", " something else than it was given"},
};

void vain_evidence_text(const struct vain_evidence_verdict *verdict, int members,
                        const char *const *names, char out[VAIN_MIN_LEN(VAIN_EVIDENCE_TEXT_BYTES)])
{
    const struct words *text = &texts[verdict->fault];
    VAIN_ASSERT(verdict->fault != VAIN_EVIDENCE_FINE);
    if (verdict->step < 0) {
        snprintf(out, VAIN_EVIDENCE_TEXT_BYTES, "%s", text->head);
        return;
    }
    const bool came = verdict->fault == VAIN_EVIDENCE_CAME;
    snprintf(out, VAIN_EVIDENCE_TEXT_BYTES, "%s '%s'%s, in step %d of the ring (%s, shard %d)",
             text->head, names[came ? verdict->before : verdict->after], text->tail, verdict->step,
             verdict->step < members - 1 ? "reduce-scatter" : "all-gather", verdict->shard);
}

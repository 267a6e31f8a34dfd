/* The end of a round on paper: every member describes the same round from what it has itself, signs
 * that, and all signatures are gathered. One that does not hold means that its member computed
 * other parameters, so a record that all have signed is the proof that nobody did. */
#include "jobs/round_record.h"

#include "base/record_extension.h"
#include "collectives/quorum.h"
#include "jobs/commitments.h"
#include "jobs/host_vector.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* A member's entry (name, certificate), the fixed part, and room for the platform: an upper bound
 * of a body. */
static size_t body_bytes_max(int members)
{
    return 1024 + VAIN_EXTENSION_NEXT_BYTES +
           (size_t)members * (2 + VAIN_NAME_BYTES + VAIN_CERTIFICATE_BYTES +
                              VAIN_EXTENSION_DROPPED_BYTES + VAIN_HASH_BYTES);
}

size_t vain_round_record_bytes(int members)
{
    const size_t signatures = (size_t)members * (2 + VAIN_SIGNATURE_BYTES);
    return 2 * body_bytes_max(members) + signatures + 64;
}

/* What the extensions point to while the record is encoded. */
struct extension_bytes {
    uint8_t privacy[VAIN_EXTENSION_PRIVACY_BYTES];
    uint8_t dropped[VAIN_MEMBERS_MAX * VAIN_EXTENSION_DROPPED_BYTES];
    uint8_t next[VAIN_EXTENSION_NEXT_BYTES];
};

/* What the next round begins with beside the parameters. */
static enum vain_status describe_next(struct vain_run *run, struct vain_record_next *out)
{
    const struct vain_codec_state codec = vain_codec_state(&run->codec);
    *out = (struct vain_record_next){.known = true,
                                     .range_exponent = codec.range_exponent,
                                     .bound_exponent = codec.bound_exponent};
    VAIN_TRY(vain_host_vector_read(run, VAIN_VECTOR_MOMENTUM));
    const float *momentum = vain_host_vector(run, VAIN_VECTOR_MOMENTUM);
    return momentum == NULL
               ? VAIN_OK
               : vain_merkle_root(momentum, (size_t)run->layout.parameter_count * sizeof(float),
                                  VAIN_MERKLE_LEAF_BYTES, run->host_queue.device->pool,
                                  out->momentum_hash);
}

static enum vain_status extend(struct vain_run *run, const struct vain_roster *roster,
                               struct extension_bytes *bytes, struct vain_record *record)
{
    struct vain_record_next next;
    uint32_t dropped[VAIN_MEMBERS_MAX];
    const bool masked = run->job->exchange.privacy == VAIN_PRIVACY_MASKED;
    VAIN_ASSERT(roster->member_count <= VAIN_MEMBERS_MAX);
    for (int i = 0; i < roster->member_count; i++)
        dropped[i] = vain_exchange_dropped(run->exchange, roster->member_rank[i]);
    vain_record_add_privacy(record, masked, roster->keys_pinned, bytes->privacy);
    vain_record_add_dropped(record, dropped, bytes->dropped);
    vain_commitments_record(run, record);
    if (run->federation->ops->fetch == NULL)
        return VAIN_OK; /* nobody ever catches up from it */
    VAIN_TRY(describe_next(run, &next));
    vain_record_add_next(record, &next, bytes->next);
    return VAIN_OK;
}

static void describe(const struct vain_run *run, const struct vain_roster *roster,
                     const struct vain_counters *sums, const uint8_t *parameters_after,
                     struct vain_record *out)
{
    memset(out, 0, sizeof *out);
    memcpy(out->previous, run->record_head, VAIN_HASH_BYTES);
    memcpy(out->run_id, run->run_id, VAIN_RUN_ID_BYTES);
    memcpy(out->group_id, roster->group_id, VAIN_HASH_BYTES);
    out->epoch = roster->epoch;
    out->round = (uint64_t)run->round + 1;
    out->attempt = roster->attempt;
    memcpy(out->spec_hash, run->config->spec_hash, VAIN_HASH_BYTES);
    memcpy(out->parameters_before, run->parameters_hash, VAIN_HASH_BYTES);
    memcpy(out->parameters_after, parameters_after, VAIN_HASH_BYTES);
    out->counters = *sums;
    snprintf(out->platform, sizeof out->platform, "%s", run->common_platform);
    out->member_count = roster->member_count;
    out->members = run->roster_members;
}

/* What every member tells all others at the end of a round: the parameters that it has now, and its
 * signature of the record. */
struct round_signature {
    uint8_t parameters_after[VAIN_HASH_BYTES];
    uint8_t signature[VAIN_SIGNATURE_BYTES];
};
static_assert(sizeof(struct round_signature) == VAIN_ROUND_SIGNATURE_BYTES,
              "no bytes between its parts");

/* Where members come and go, some may have died since the sum was agreed on, and one that computed
 * other parameters is left behind rather than ending everybody's run. While those who differ may
 * all be liars, f + 1 of one mind contain an honest one; if more differ, it takes a quorum, so that
 * no two parts go on with different parameters. */
static int signatures_needed(const struct vain_run *run, const struct vain_roster *roster,
                             int different)
{
    const int members = roster->member_count, liars_most = members - vain_quorum(members);
    if (run->federation->ops->gather == NULL)
        return members;
    return different <= liars_most ? vain_quorum_witnesses(members) : vain_quorum(members);
}

static enum vain_status say_other_parameters(const struct vain_run *run, const char *member,
                                             const struct round_signature *other,
                                             const struct round_signature *own)
{
    char mine[2 * 4 + 1], theirs[2 * 4 + 1];
    vain_to_hex(own->parameters_after, 4, mine);
    vain_to_hex(other->parameters_after, 4, theirs);
    return vain_fail(VAIN_ERR_PEER,
                     "round %lld, gather: member '%s' has other parameters after the outer "
                     "step (root %s...) than member '%s' (%s...), from the same sum; the round "
                     "is not recorded. Compare the platforms of the two (vain version) and the "
                     "memory of their machines, then resume",
                     (long long)run->round + 1, member, theirs, run->name, mine);
}

/* Parameters first: they say more than that signatures are over different records. */
static enum vain_status compare_parameters(const struct vain_run *run,
                                           const struct vain_roster *roster,
                                           const struct round_signature *own)
{
    const struct round_signature *given =
        (const struct round_signature *)(const void *)run->round_signatures;
    enum vain_status status = VAIN_OK;
    int equal = 0, different = 0;
    for (int i = 0; i < roster->member_count; i++) {
        const struct round_signature *other = &given[roster->member_rank[i]];
        if (memcmp(other->parameters_after, own->parameters_after, VAIN_HASH_BYTES) == 0) {
            equal++;
        } else if (!vain_is_zero(other, sizeof *other)) {
            status = say_other_parameters(run, roster->members[i].name, other, own);
            different++;
        }
    }
    if (equal >= signatures_needed(run, roster, different)) {
        if (status != VAIN_OK)
            vain_event_notice(run->config->events, "%s", vain_fail_message());
        return VAIN_OK;
    }
    return status != VAIN_OK
               ? status
               : vain_fail(VAIN_ERR_PEER,
                           "round %lld: only %d of %d members have signed it before they were lost",
                           (long long)run->round + 1, equal, roster->member_count);
}

/* Every member's signature over this member's own view of the round; those that are not there, or
 * not of this view where that is borne, stay zeros. Of whose parameters are others more has been
 * said. */
static enum vain_status check_signatures(const struct vain_run *run,
                                         const struct vain_roster *roster,
                                         const struct round_signature *own, const uint8_t *message)
{
    const struct round_signature *given =
        (const struct round_signature *)(const void *)run->round_signatures;
    enum vain_status status = VAIN_OK;
    const char *other = NULL;
    int valid = 0, different = 0;
    for (int i = 0; i < roster->member_count; i++) {
        const struct round_signature *one = &given[roster->member_rank[i]];
        uint8_t *kept = run->signatures + (size_t)i * VAIN_SIGNATURE_BYTES;
        const bool holds = vain_signature_valid(roster->members[i].certificate.current_key, message,
                                                VAIN_RECORD_MESSAGE_BYTES, one->signature);
        memset(kept, 0, VAIN_SIGNATURE_BYTES);
        if (holds) {
            memcpy(kept, one->signature, VAIN_SIGNATURE_BYTES);
            valid++;
        } else if (!vain_is_zero(one, sizeof *one)) {
            different++;
            status =
                vain_fail(VAIN_ERR_AUTH,
                          "round %lld: member '%s' signed another record than member '%s': its "
                          "counters or history differ; the round is not recorded. Compare the "
                          "folders and specs of the two, then resume",
                          (long long)run->round + 1, roster->members[i].name, run->name);
            if (memcmp(one->parameters_after, own->parameters_after, VAIN_HASH_BYTES) == 0)
                other = roster->members[i].name;
        }
    }
    if (valid < signatures_needed(run, roster, different))
        return status;
    if (other != NULL)
        vain_event_notice(run->config->events,
                          "round %lld: member '%s' signed another record: its counters or history "
                          "differ; %d of %d signed this one, and its signature is left out",
                          (long long)run->round + 1, other, valid, roster->member_count);
    return VAIN_OK;
}

/* Of all members, into run->round_signatures. */
static enum vain_status gather_signatures(struct vain_run *run, const struct round_signature *own)
{
    if (run->federation->ops->gather != NULL)
        return run->federation->ops->gather(run->federation, own, sizeof *own,
                                            run->round_signatures);
    vain_exchange_set_gather(run->exchange, own, sizeof *own, run->round_signatures);
    return vain_exchange_drive(run->exchange, VAIN_EXCHANGE_BEGIN_GATHER, &run->driver);
}

enum vain_status vain_round_record(struct vain_run *run, const struct vain_roster *roster,
                                   const struct vain_counters *sums)
{
    uint8_t head[VAIN_HASH_BYTES], message[VAIN_RECORD_MESSAGE_BYTES];
    const size_t capacity = vain_round_record_bytes(roster->member_count);
    uint8_t *body = run->record_buffer;
    size_t body_bytes = 0, frame_bytes = 0;
    struct extension_bytes extensions;
    struct vain_record record;
    struct round_signature own;

    VAIN_TRY(vain_merkle_root(vain_host_vector(run, VAIN_VECTOR_COMMON),
                              (size_t)run->layout.parameter_count * sizeof(float),
                              VAIN_MERKLE_LEAF_BYTES, run->host_queue.device->pool,
                              own.parameters_after));
    describe(run, roster, sums, own.parameters_after, &record);
    VAIN_TRY(extend(run, roster, &extensions, &record));
    VAIN_TRY(vain_record_encode_body(&record, body, capacity, &body_bytes));
    vain_record_hash(body, body_bytes, head);
    vain_record_message(head, message);
    VAIN_TRY(vain_signer_sign(&run->signer, message, sizeof message, own.signature));

    VAIN_TRY(gather_signatures(run, &own));
    VAIN_TRY(compare_parameters(run, roster, &own));
    VAIN_TRY(check_signatures(run, roster, &own, message));

    uint8_t *frame = body + body_bytes;
    VAIN_TRY(vain_record_encode_frame(body, body_bytes, run->signatures, roster->member_count,
                                      frame, capacity - body_bytes, &frame_bytes));
    VAIN_TRY(run->federation->ops->record(run->federation, frame, frame_bytes));
    memcpy(run->record_head, head, VAIN_HASH_BYTES);
    memcpy(run->parameters_hash, own.parameters_after, VAIN_HASH_BYTES);
    return VAIN_OK;
}

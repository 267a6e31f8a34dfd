/* Letters, one behind another, into the assembly of a member: each is 1 byte (who sends it, and
 * whether its signature is good), 1 byte (its kind), 2 bytes (its length) and its body. Whatever
 * comes, the assembly goes on; and every letter that decodes encodes to the same bytes again. */
#include "collectives/assembly.h"

#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"

enum { MEMBERS = 4, HEAD_BYTES = 4, GOOD_SIGNATURE = 128 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static bool signatures_are_good;

static void send(void *context, int member, uint16_t kind, const void *body, size_t bytes)
{
    (void)context, (void)kind, (void)body;
    if (member <= 0 || member >= MEMBERS || bytes > VAIN_ASSEMBLY_LETTER_BYTES_MAX)
        abort();
}

static enum vain_status sign(void *context, const void *message, size_t bytes,
                             uint8_t out[VAIN_SIGNATURE_BYTES])
{
    (void)context, (void)message, (void)bytes;
    memset(out, 1, VAIN_SIGNATURE_BYTES);
    return VAIN_OK;
}

static bool verify(void *context, int member, const void *message, size_t bytes,
                   const uint8_t signature[VAIN_SIGNATURE_BYTES])
{
    (void)context, (void)member, (void)message, (void)bytes, (void)signature;
    return signatures_are_good;
}

/* Decoded and encoded; 0: refused. */
static size_t go_round(uint16_t kind, const uint8_t *body, size_t bytes,
                       uint8_t again[VAIN_ASSEMBLY_LETTER_BYTES_MAX])
{
    struct vain_position position;
    struct vain_proposal proposal;
    struct vain_ack ack;
    struct vain_vote vote;
    if (kind == VAIN_LETTER_POSITION && vain_position_decode(body, bytes, &position)) {
        vain_position_encode(&position, again);
        return VAIN_POSITION_BYTES;
    }
    if (kind == VAIN_LETTER_PROPOSAL && vain_proposal_decode(body, bytes, MEMBERS, &proposal)) {
        vain_proposal_encode(&proposal, again);
        return VAIN_PROPOSAL_BYTES;
    }
    if (kind == VAIN_LETTER_ACK && vain_ack_decode(body, bytes, &ack)) {
        vain_ack_encode(&ack, again);
        return VAIN_ACK_BYTES;
    }
    if (kind == VAIN_LETTER_VOTE && vain_vote_decode(body, bytes, MEMBERS, &vote)) {
        vain_vote_encode(&vote, again);
        return VAIN_VOTE_BYTES;
    }
    return 0;
}

/* As its caller would, with exchanges that succeed. */
static void follow_news(struct vain_assembly *assembly)
{
    static const uint8_t content[VAIN_HASH_BYTES];
    struct vain_assembly_news news;
    struct vain_vote vote;
    vain_assembly_news(assembly, &news);
    switch (news.verdict) {
    case VAIN_ASSEMBLY_START:
        vain_assembly_own_vote(assembly, content, &vote);
        if (vain_assembly_vote(assembly, &vote) != VAIN_OK)
            abort();
        break;
    case VAIN_ASSEMBLY_VOTE:
        if (vain_assembly_vote(assembly, &news.vote) != VAIN_OK)
            abort();
        break;
    case VAIN_ASSEMBLY_BURNED:
        vain_assembly_begin_anew(assembly);
        vain_assembly_ready(assembly);
        break;
    case VAIN_ASSEMBLY_BEHIND:
        vain_assembly_distrust(assembly, vain_set_next(&news.holders, 0));
        break;
    case VAIN_ASSEMBLY_COMPLETE:
        if (!vain_set_has(&news.vote.set, 0))
            abort();
        break;
    default:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const struct vain_assembly_ops ops = {send, sign, verify, NULL};
    const struct vain_assembly_config config = {
        .ops = &ops, .members = MEMBERS, .start_quorum = 3, .set_min = 1, .patience_ms = 100};
    struct vain_assembly_stand stand = {.starting = true};
    struct vain_assembly *assembly;
    uint8_t again[VAIN_ASSEMBLY_LETTER_BYTES_MAX];
    if (vain_crypto_init() != VAIN_OK || vain_assembly_open(&config, &assembly) != VAIN_OK)
        abort();
    for (int member = 1; member < MEMBERS; member++)
        vain_assembly_link(assembly, member, true);
    vain_assembly_stand(assembly, &stand);
    vain_assembly_ready(assembly);
    for (uint64_t now_ms = 10; bytes >= HEAD_BYTES; now_ms += 10) {
        const int member = 1 + data[0] % (MEMBERS - 1);
        const uint16_t kind = data[1];
        size_t length = (size_t)data[2] | (size_t)data[3] << 8;
        signatures_are_good = (data[0] & GOOD_SIGNATURE) != 0;
        data += HEAD_BYTES;
        bytes -= HEAD_BYTES;
        length = length < bytes ? length : bytes;
        const size_t round_bytes = go_round(kind, data, length, again);
        if (round_bytes > 0 && (round_bytes != length || memcmp(again, data, length) != 0))
            abort();
        vain_assembly_letter(assembly, member, kind, data, length);
        data += length;
        bytes -= length;
        vain_assembly_tick(assembly, now_ms);
        follow_news(assembly);
    }
    vain_assembly_close(&assembly);
    return 0;
}

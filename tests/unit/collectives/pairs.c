/* Starts of secure aggregation in one process: every message is there to be looked at and changed.
 */
#include "tests/unit/collectives/pairs.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "tests/unit/base/helpers.h"

/* ---- golden ---------------------------------------------------------------------------------- */

static void read_context(const uint8_t *bytes, struct vain_context *context)
{
    struct vain_reader reader;
    vain_reader_init(&reader, bytes, VAIN_CONTEXT_BYTES);
    vain_read_bytes(&reader, context->group_id, VAIN_HASH_BYTES);
    context->epoch = vain_read_u64(&reader);
    context->round = vain_read_u64(&reader);
    context->attempt = vain_read_u32(&reader);
    vain_read_bytes(&reader, context->set_hash, VAIN_HASH_BYTES);
    vain_read_bytes(&reader, context->parameters_hash, VAIN_HASH_BYTES);
    CU_ASSERT_TRUE(vain_reader_done(&reader));
}

static void read_words(char *rest, int base, uint32_t *out)
{
    for (int i = 0; i < GOLDEN_WORDS; i++) {
        const char *word = strtok_r(NULL, " ", &rest);
        CU_ASSERT_PTR_NOT_NULL(word);
        if (word == NULL)
            return;
        out[i] = base == 16 ? (uint32_t)strtoul(word, NULL, 16) : (uint32_t)strtol(word, NULL, 10);
    }
}

static void read_hex(char **rest, uint8_t *out, size_t bytes)
{
    const char *text = strtok_r(NULL, " ", rest);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_EQUAL(test_hex(text, out, bytes), bytes);
}

const struct golden_secagg *golden_secagg(void)
{
    static struct golden_secagg golden;
    static bool is_read;
    if (is_read)
        return &golden;
    FILE *file = test_open_golden("secagg.txt");
    char line[600];
    int members = 0, xs = 0, ys = 0, secrets = 0, own_ys = 0, others = 0;
    while (test_next_line(file, line, sizeof line)) {
        char *rest = NULL;
        const char *kind = strtok_r(line, " ", &rest);
        CU_ASSERT_FATAL(members <= GOLDEN_MEMBERS && xs <= GOLDEN_MEMBERS && ys <= GOLDEN_MEMBERS);
        CU_ASSERT_FATAL(secrets <= GOLDEN_MEMBERS && own_ys <= GOLDEN_MEMBERS);
        if (strcmp(kind, "member") == 0) {
            read_hex(&rest, golden.ids[members], VAIN_HASH_BYTES);
            read_hex(&rest, golden.secrets[members], VAIN_X25519_BYTES);
            read_hex(&rest, golden.publics[members++], VAIN_X25519_BYTES);
        } else if (strcmp(kind, "x") == 0) {
            read_words(rest, 10, golden.x[xs++]);
        } else if (strcmp(kind, "y") == 0) {
            read_words(rest, 16, golden.y[ys++]);
        } else if (strcmp(kind, "b") == 0) {
            read_hex(&rest, golden.own_secrets[secrets++].bytes, VAIN_SCALAR_BYTES);
        } else if (strcmp(kind, "own_y") == 0) {
            read_words(rest, 16, golden.own_y[own_ys++]);
        } else if (strcmp(kind, "self_key_0") == 0) {
            read_hex(&rest, golden.own_seed_0, VAIN_MASK_SEED_BYTES);
            others++;
        } else if (strcmp(kind, "sum") == 0) {
            read_words(rest, 10, golden.sum);
            others++;
        } else if (strcmp(kind, "context") == 0) {
            read_hex(&rest, golden.context_bytes, VAIN_CONTEXT_BYTES);
            others++;
        } else {
            const bool is_seed = strcmp(kind, "seed_01") == 0;
            read_hex(&rest, is_seed ? golden.seed_01 : golden.pair_key_01, VAIN_HASH_BYTES);
            others++;
        }
    }
    CU_ASSERT_FATAL(file != NULL && members == GOLDEN_MEMBERS && xs == members && ys == members &&
                    secrets == members && own_ys == members && others == 5);
    fclose(file);
    read_context(golden.context_bytes, &golden.context);
    is_read = true;
    return &golden;
}

struct vain_masks golden_masks(int own, const struct vain_context *context, struct vain_mask *list)
{
    const struct golden_secagg *golden = golden_secagg();
    int count = 0;
    for (int peer = 0; peer < GOLDEN_MEMBERS; peer++) {
        uint8_t key[VAIN_HASH_BYTES];
        if (peer == own)
            continue;
        CU_ASSERT_EQUAL(vain_secagg_pair_key(golden->secrets[own], golden->publics[peer],
                                             golden->publics[peer < own ? peer : own],
                                             golden->publics[peer < own ? own : peer], key),
                        VAIN_OK);
        struct vain_mask *mask = &list[count++];
        mask->domain = VAIN_MASK_PAIR;
        mask->subtract = peer < own;
        vain_secagg_seed(key, context, mask->seed);
    }
    return (struct vain_masks){.count = count, .masks = list};
}

/* ---- a start --------------------------------------------------------------------------------- */

static void sort_by_id(struct vain_signer *signers, int count)
{
    for (int i = 1; i < count; i++)
        for (int j = i;
             j > 0 && memcmp(signers[j - 1].member_id, signers[j].member_id, VAIN_HASH_BYTES) > 0;
             j--) {
            const struct vain_signer kept = signers[j];
            signers[j] = signers[j - 1];
            signers[j - 1] = kept;
        }
}

void pairs_open(struct pairs *pairs, int count)
{
    const int64_t now_ms = INT64_C(1793275200000);
    memset(pairs, 0, sizeof *pairs);
    pairs->count = count;
    for (int i = 0; i < count; i++)
        CU_ASSERT_EQUAL_FATAL(vain_signer_open_throw_away(&pairs->signers[i], now_ms), VAIN_OK);
    sort_by_id(pairs->signers, count);
    for (int i = 0; i < count; i++) {
        struct vain_record_member *member = &pairs->members[i];
        snprintf(member->name, sizeof member->name, "m%d", i);
        member->certificate = pairs->signers[i].certificate;
        memcpy(member->member_id, pairs->signers[i].member_id, VAIN_HASH_BYTES);
    }
    for (int i = 0; i < count; i++)
        CU_ASSERT_EQUAL_FATAL(vain_secagg_open(pairs->members, count, i, true, &pairs->secaggs[i]),
                              VAIN_OK);
}

void pairs_close(struct pairs *pairs)
{
    for (int i = 0; i < pairs->count; i++) {
        vain_secagg_close(&pairs->secaggs[i]);
        CU_ASSERT_PTR_NULL(pairs->secaggs[i]);
        vain_signer_close(&pairs->signers[i]);
    }
}

uint8_t *pairs_announcement(struct pairs *pairs, int member)
{
    return pairs->announcements + (size_t)member * VAIN_SECAGG_ANNOUNCEMENT_BYTES;
}

uint8_t *pairs_proof(struct pairs *pairs, int from, int to)
{
    return pairs->proofs +
           ((size_t)from * (size_t)pairs->count + (size_t)to) * VAIN_SECAGG_PROOF_BYTES;
}

void pairs_set_session(struct pairs *pairs)
{
    vain_random_bytes(pairs->nonces, (size_t)pairs->count * VAIN_SECAGG_NONCE_BYTES);
    for (int i = 0; i < pairs->count; i++)
        vain_secagg_set_session(pairs->secaggs[i], pairs->nonces);
}

void pairs_announce(struct pairs *pairs)
{
    for (int i = 0; i < pairs->count; i++)
        CU_ASSERT_EQUAL(vain_secagg_announce(pairs->secaggs[i], &pairs->signers[i],
                                             pairs_announcement(pairs, i)),
                        VAIN_OK);
}

void pairs_prove(struct pairs *pairs)
{
    for (int i = 0; i < pairs->count; i++)
        vain_secagg_prove(pairs->secaggs[i], pairs_proof(pairs, i, 0));
}

void pairs_start(struct pairs *pairs, int count)
{
    pairs_open(pairs, count);
    pairs_set_session(pairs);
    pairs_announce(pairs);
    for (int i = 0; i < count; i++)
        CU_ASSERT_EQUAL_FATAL(vain_secagg_accept(pairs->secaggs[i], pairs->announcements), VAIN_OK);
    pairs_prove(pairs);
    for (int i = 0; i < count; i++)
        CU_ASSERT_EQUAL_FATAL(vain_secagg_check(pairs->secaggs[i], pairs->proofs), VAIN_OK);
}

/* Signed: "vain/secagg/key/v1" with its NUL || session || member id || key. */
void pairs_sign(struct pairs *pairs, int who, const uint8_t *session, const uint8_t *key,
                uint8_t *announcement)
{
    static const char domain[] = "vain/secagg/key/v1";
    uint8_t message[sizeof domain + 3 * 32];
    memcpy(message, domain, sizeof domain);
    memcpy(message + sizeof domain, session, 32);
    memcpy(message + sizeof domain + 32, pairs->members[who].member_id, 32);
    memcpy(message + sizeof domain + 64, key, 32);
    memmove(announcement, session, 32);
    memmove(announcement + 32, key, 32);
    CU_ASSERT_EQUAL(
        vain_signer_sign(&pairs->signers[who], message, sizeof message, announcement + 64),
        VAIN_OK);
}

/* Statements of members: the first byte says how many there are and in which order, what follows is
 * what they gave, own words and hops, filled up with zeros. A signature is good if its first byte
 * is even. Whatever comes, there is a verdict about a member that is there, the same each time; and
 * if all adds up, it does not any more when a bit of a form is another one. */
#include "collectives/evidence.h"

#include <stdlib.h>
#include <string.h>

enum {
    MEMBERS_MOST = 5,
    STEPS_MOST = 2 * MEMBERS_MOST - 2,
    OWN_MOST = MEMBERS_MOST * (MEMBERS_MOST * VAIN_FORMS_BYTES + VAIN_SIGNATURE_BYTES),
    HOPS_MOST = MEMBERS_MOST * 2 * STEPS_MOST * VAIN_STATEMENT_BYTES
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static bool is_signed(void *context, int rank, const void *message, size_t bytes,
                      const uint8_t signature[VAIN_SIGNATURE_BYTES])
{
    (void)context, (void)message, (void)bytes;
    if (rank < 0 || rank >= MEMBERS_MOST)
        abort();
    return signature[0] % 2 == 0;
}

static void check(const struct vain_evidence_case *given, const struct vain_evidence_verdict *found)
{
    static const char *const names[MEMBERS_MOST] = {"a", "b", "c", "d", "e"};
    char text[VAIN_EVIDENCE_TEXT_BYTES];
    const bool fine = found->fault == VAIN_EVIDENCE_FINE;
    if (fine != (found->culprit < 0) || found->culprit >= given->members ||
        found->step >= vain_evidence_steps(given->members) || found->shard >= given->members)
        abort();
    if (!fine)
        vain_evidence_text(found, given->members, names, text);
}

static void judge_again(const struct vain_evidence_case *given, uint8_t *changed)
{
    struct vain_evidence_verdict verdict;
    *changed ^= 1;
    vain_evidence_judge(given, &verdict);
    *changed ^= 1;
    if (verdict.culprit < 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const int order[MEMBERS_MOST] = {0, 1, 2, 3, 4}, turned[] = {1, 0, 2, 3, 4};
    static uint8_t own[OWN_MOST], hops[HOPS_MOST];
    struct vain_evidence_verdict verdict, again;
    if (bytes == 0)
        return 0;
    const struct vain_evidence_case given = {.members = 2 + data[0] % (MEMBERS_MOST - 1),
                                             .order = data[0] < 128 ? order : turned,
                                             .checks_own = data[0] % 64 < 32,
                                             .own = own,
                                             .hops = hops,
                                             .is_signed = is_signed};
    const size_t own_bytes = (size_t)given.members * vain_evidence_own_bytes(given.members);
    const size_t own_come = bytes - 1 < own_bytes ? bytes - 1 : own_bytes;
    const size_t left = bytes - 1 - own_come;
    memset(own, 0, sizeof own);
    memset(hops, 0, sizeof hops);
    memcpy(own, data + 1, own_come);
    memcpy(hops, data + 1 + own_come, left < sizeof hops ? left : sizeof hops);
    vain_evidence_judge(&given, &verdict);
    vain_evidence_judge(&given, &again);
    if (memcmp(&verdict, &again, sizeof verdict) != 0)
        abort();
    check(&given, &verdict);
    if (verdict.culprit < 0) {
        judge_again(&given, &own[VAIN_FORMS_BYTES - 1]);
        judge_again(&given, &hops[0]);
    }
    return 0;
}

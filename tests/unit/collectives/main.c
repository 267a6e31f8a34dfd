#include <stdio.h>

#include "base/crypto.h"
#include "tests/unit/suite.h"

extern const struct vain_suite vain_suite_transport_loop, vain_suite_ranks, vain_suite_codec,
    vain_suite_codec_range, vain_suite_exchange, vain_suite_stop, vain_suite_robust,
    vain_suite_secagg, vain_suite_flips, vain_suite_privacy, vain_suite_context, vain_suite_frame,
    vain_suite_stream, vain_suite_stream_groups, vain_suite_assembly, vain_suite_member_set,
    vain_suite_assembly_rules, vain_suite_assembly_votes, vain_suite_assembly_letter,
    vain_suite_letter, vain_suite_mailbox, vain_suite_fetch, vain_suite_fetch_answer,
    vain_suite_share, vain_suite_share_message, vain_suite_own_mask, vain_suite_opening,
    vain_suite_commit, vain_suite_mask_graph, vain_suite_drive, vain_suite_ring_order,
    vain_suite_suspicion, vain_suite_forms, vain_suite_evidence, vain_suite_hops;

int main(void)
{
    static const struct vain_suite *const suites[] = {
        &vain_suite_transport_loop,  &vain_suite_ranks,          &vain_suite_codec,
        &vain_suite_codec_range,     &vain_suite_exchange,       &vain_suite_stop,
        &vain_suite_robust,          &vain_suite_secagg,         &vain_suite_flips,
        &vain_suite_privacy,         &vain_suite_context,        &vain_suite_frame,
        &vain_suite_stream,          &vain_suite_stream_groups,  &vain_suite_assembly,
        &vain_suite_member_set,      &vain_suite_assembly_rules, &vain_suite_assembly_votes,
        &vain_suite_assembly_letter, &vain_suite_letter,         &vain_suite_mailbox,
        &vain_suite_fetch,           &vain_suite_fetch_answer,   &vain_suite_share,
        &vain_suite_share_message,   &vain_suite_own_mask,       &vain_suite_opening,
        &vain_suite_commit,          &vain_suite_mask_graph,     &vain_suite_drive,
        &vain_suite_ring_order,      &vain_suite_suspicion,      &vain_suite_forms,
        &vain_suite_evidence,        &vain_suite_hops,
    };
    if (vain_crypto_init() != VAIN_OK) {
        fprintf(stderr, "%s\n", vain_fail_message());
        return 1;
    }
    return vain_suites_run(suites, (int)VAIN_COUNT_OF(suites));
}

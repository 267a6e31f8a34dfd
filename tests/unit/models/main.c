/* The suites of models/, one per source file. */
#include "tests/unit/suite.h"

#include <stdio.h>

#include "base/crypto.h"

extern const struct vain_suite vain_suite_model;
extern const struct vain_suite vain_suite_normal;
extern const struct vain_suite vain_suite_parts;
extern const struct vain_suite vain_suite_transformer;
extern const struct vain_suite vain_suite_mlp;
extern const struct vain_suite vain_suite_network;
extern const struct vain_suite vain_suite_convnet;
extern const struct vain_suite vain_suite_encoder;
extern const struct vain_suite vain_suite_metrics;
extern const struct vain_suite vain_suite_memory, vain_suite_memory_ring,
    vain_suite_memory_episodes, vain_suite_memory_symbols, vain_suite_memory_gate,
    vain_suite_memory_clusters, vain_suite_memory_replay;

int main(void)
{
    if (vain_crypto_init() != VAIN_OK) {
        fprintf(stderr, "%s\n", vain_fail_message());
        return 1;
    }
    const struct vain_suite *const suites[] = {
        &vain_suite_model,          &vain_suite_normal,      &vain_suite_parts,
        &vain_suite_transformer,    &vain_suite_mlp,         &vain_suite_network,
        &vain_suite_convnet,        &vain_suite_encoder,     &vain_suite_metrics,
        &vain_suite_memory,         &vain_suite_memory_ring, &vain_suite_memory_episodes,
        &vain_suite_memory_symbols, &vain_suite_memory_gate, &vain_suite_memory_clusters,
        &vain_suite_memory_replay,
    };
    return vain_suites_run(suites, (int)VAIN_COUNT_OF(suites));
}

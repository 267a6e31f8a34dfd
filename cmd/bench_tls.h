/* The members of `vain bench exchange --transport tls`: one process each, joined by TLS links over
 * this machine's loopback. */
#pragma once

#include "cmd/bench_member.h"

struct vain_bench_tls {
    int members, connections; /* connections: of each pair */
};

/* Starts the members, waits for their end, and gives the first one's times. Blocking; no thread may
 * have been started in this process before. VAIN_ERR_PEER names a member that died; otherwise the
 * failure of the member that knows most of it. */
enum vain_status vain_bench_tls_run(const struct vain_bench_exchange *options,
                                    const struct vain_bench_tls *tls,
                                    struct vain_bench_times *out) VAIN_MUST_USE;

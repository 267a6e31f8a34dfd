/* Runs the cases on the ranks of an MPI world; prints one line a case and exits 1 if any rank saw a
 * failure. The outcome travels over the transport itself. */
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/memory.h"
#include "tests/mpi/ranks.h"

static int run_case(struct vain_comm *world_comm, const struct ranks_case *test)
{
    static struct ranks ranks;
    ranks_run(world_comm, test, &ranks);
    const int own = ranks.failure[0] != '\0';
    if (own)
        fprintf(stderr, "%s: %s\n", test->name, ranks.failure);
    int all[64] = {0}, failures = 0;
    if (vain_comm_all_gather(world_comm, &ranks.world, 0, VAIN_TAG_START, &own, sizeof own, all) !=
        VAIN_OK) {
        fprintf(stderr, "%s: %s\n", test->name, vain_fail_message());
        vain_mpi_abort(1);
    }
    for (int rank = 0; rank < world_comm->size; rank++)
        failures += all[rank];
    if (world_comm->rank == 0)
        printf("%s %s\n", failures == 0 ? "ok    " : "FAILED", test->name);
    return failures;
}

int main(void)
{
    struct vain_comm world_comm;
    int failures = 0;
    if (vain_crypto_init() != VAIN_OK || vain_mpi_init() != VAIN_OK ||
        vain_mpi_comm_open(&world_comm) != VAIN_OK || world_comm.size > 64) {
        fprintf(stderr, "start: %s\n", vain_fail_message());
        return 1;
    }
    for (int table = 0; table < ranks_table_count; table++) {
        for (const struct ranks_case *test = ranks_tables[table]; test->name != NULL; test++)
            failures += run_case(&world_comm, test);
    }
    world_comm.ops->close(&world_comm);
    if (vain_memory_blocks() != 0) {
        fprintf(stderr, "%lld blocks of memory are left over\n", (long long)vain_memory_blocks());
        failures++;
    }
    vain_mpi_finalize();
    return failures == 0 ? 0 : 1;
}

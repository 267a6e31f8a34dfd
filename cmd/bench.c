/* vain bench: the three numbers that say whether a machine, or a change of this program, is fast.
 */
#include "cmd/bench.h"

#include <stdlib.h>

#include "cmd/subverb.h"
#include "cmd/world.h"

double vain_bench_seconds(void)
{
    struct vain_world *world = vain_world_real();
    return (double)world->ops->now_ns(world) * 1e-9;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void vain_bench_sort(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare_doubles);
}

int vain_verb_bench(int argc, char **argv)
{
    static const struct vain_verb rows[] = {
        {"step", "tokens a second of a training step", vain_bench_step},
        {"checkpoint", "rate of a checkpoint beside a raw write", vain_bench_checkpoint},
        {"exchange", "time of an exchange and of its parts", vain_bench_exchange},
    };
    static const struct vain_subverbs subverbs = {
        .purpose = "Measure a training step, a checkpoint or an exchange on this machine.",
        .examples = "  vain bench step examples/shakespeare-tiny.yaml --json\n"
                    "  vain bench checkpoint --mib 500 --directory /scratch\n"
                    "  mpirun -n 4 vain bench exchange --mib 64 --privacy masked --json\n",
        .rows = rows,
        .count = VAIN_COUNT_OF(rows),
    };
    return vain_subverb_run(&subverbs, argc, argv);
}

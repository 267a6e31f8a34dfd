/* vain bench: the two numbers that say whether a machine, or a change of this program, is fast. */
#include "cmd/bench.h"
#include "cmd/subverb.h"

int vain_verb_bench(int argc, char **argv)
{
    static const struct vain_verb rows[] = {
        {"step", "tokens a second of a training step", vain_bench_step},
        {"checkpoint", "rate of a checkpoint beside a raw write", vain_bench_checkpoint},
    };
    static const struct vain_subverbs subverbs = {
        .purpose = "Measure a training step or a checkpoint on this machine.",
        .examples = "  vain bench step examples/shakespeare-tiny.yaml --json\n"
                    "  vain bench checkpoint --mib 500 --directory /scratch\n",
        .rows = rows,
        .count = VAIN_COUNT_OF(rows),
    };
    return vain_subverb_run(&subverbs, argc, argv);
}

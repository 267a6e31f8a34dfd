/* The verbs below `vain bench`. */
#pragma once

/* Tokens a second of a training step (cmd/bench_step.c). */
int vain_bench_step(int argc, char **argv);
/* Rate of a hashed checkpoint beside a raw write of as many bytes (cmd/bench_checkpoint.c). */
int vain_bench_checkpoint(int argc, char **argv);

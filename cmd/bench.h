/* The verbs below `vain bench`, and what they have in common. */
#pragma once

/* Tokens a second of a training step (cmd/bench_step.c). */
int vain_bench_step(int argc, char **argv);
/* Rate of a hashed checkpoint beside a raw write of as many bytes (cmd/bench_checkpoint.c). */
int vain_bench_checkpoint(int argc, char **argv);
/* Time of a collective exchange and of its parts (cmd/bench_exchange.c). */
int vain_bench_exchange(int argc, char **argv);

/* This machine's steady clock. Local. */
double vain_bench_seconds(void);
/* Ascending, in place. Local. */
void vain_bench_sort(double *values, int count);

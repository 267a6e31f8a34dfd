/* Verbs that have verbs of their own: `vain key new`, `vain ckpt diff`. */
#pragma once

#include "cmd/verb.h"

struct vain_subverbs {
    const char *purpose;  /* a sentence for the top of the help */
    const char *examples; /* indented lines, each with its newline */
    const struct vain_verb *rows;
    size_t count;
};

/* Run the sub-verb that argv[1] names, with argv[0] "vain key new". Help when asked for it (exit 0)
 * or when nothing is named (stderr, exit 2); a wrong name exits with 2 and a hint. Local. */
int vain_subverb_run(const struct vain_subverbs *subverbs, int argc, char **argv);

/* What `vain run` is told on its command line. */
#pragma once

#include <argp.h>
#include <stdbool.h>

#include "cmd/spec_file.h"

struct vain_run_arguments {
    const char *spec;
    const char *sets[VAIN_SETS_MAX];
    int set_count;
    int members, local; /* 0: not given */
    const char *out, *resume, *member, *listen;
    bool json, quiet, restart;
};

/* Options and help; reads into a struct vain_run_arguments whose `resume` has its default. */
extern const struct argp vain_run_argp;

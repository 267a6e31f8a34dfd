/* A table of keys like that of real jobs, for the tests and the fuzz target of the spec.
 *
 * It has a row of every type, and three required keys: two at the top level and one in a group. */
#pragma once

#include "jobs/spec/spec.h"

struct test_values {
    int64_t version;
    char name[VAIN_NAME_BYTES];
    uint64_t seed;
    int site;
    int model_kind;
    int64_t layers, heads, width, context;
    double dropout;
    struct vain_option_counts sizes;
    struct vain_option_texts network;
    char text[VAIN_PATH_BYTES], tokens[VAIN_PATH_BYTES], note[40];
    int symbols;
    double validation;
    int partition;
    int64_t batch, accumulate;
    double learning_rate, minimum_learning_rate;
    int64_t warmup;
    int schedule;
    double weight_decay, beta1, beta2, gradient_clip;
    int64_t local_steps, rounds, threads;
    bool shuffle;
    int optimizer;
    double outer_learning_rate, momentum;
    int transport, algorithm, privacy, bits;
    double clip;
    int64_t buffer, deadline_ms;
    int64_t every, keep;
    char directory[VAIN_PATH_BYTES];
};

enum { TEST_SECTIONS = 2 };
/* The sections with `values` behind them. */
void test_sections(struct test_values *values,
                   struct vain_option_section out[VAIN_MIN_LEN(TEST_SECTIONS)]);

/* A parsed text with all that belongs to it; about 60 KiB. */
struct test_spec {
    struct test_values values;
    struct vain_option_section sections[TEST_SECTIONS];
    struct vain_spec spec;
    struct vain_problems problems;
};
/* Parse a NUL-ended text as job.yaml with `sets` (NULL-ended, may be NULL). Caller calls
 * vain_spec_fini. */
enum vain_status test_parse(struct test_spec *test, const char *text, const char *const *sets);
/* What every valid test spec starts with: version, name and data.text, 4 lines. */
extern const char test_head[];
/* The same after test_head. */
enum vain_status test_parse_rest(struct test_spec *test, const char *rest);

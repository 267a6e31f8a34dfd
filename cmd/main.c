/* vain: one program, one verb a task. This file knows the verbs and nothing else. */
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/option.h"
#include "cmd/report.h"
#include "cmd/verb.h"

static const struct vain_verb verbs[] = {
    {"run", "train as this machine's or launcher's members", vain_verb_run},
    {"validate", "check a job spec: every error with its place, nothing is started",
     vain_verb_validate},
    {"explain", "what a job spec means: resolved keys, memory, bytes a round", vain_verb_explain},
    {"schema", "JSON Schema or reference table of the job spec", vain_verb_schema},
    {"ckpt", "look into checkpoints: ls, show, diff, verify, export", vain_verb_ckpt},
    {"generate", "let a checkpoint's model write text", vain_verb_generate},
    {"eval", "validation loss of a checkpoint", vain_verb_eval},
    {"record", "check the signed, hash-chained record of a run", vain_verb_record},
    {"key", "make and show a member's keys", vain_verb_key},
    {"doctor", "what this machine offers, and what is wrong with it", vain_verb_doctor},
    {"bench", "measure a training step, an exchange or a checkpoint", vain_verb_bench},
    {"version", "version and platform", vain_verb_version},
};

static void print_overview(FILE *out)
{
    fprintf(out, "vain trains one model together with others, without handing out data.\n\n"
                 "Examples:\n"
                 "  vain run job.yaml                    one member, here\n"
                 "  mpirun -n 4 vain run job.yaml        four members\n"
                 "  vain explain job.yaml                what it will take\n"
                 "  vain ckpt show runs/job/checkpoint-000100.h5\n\n"
                 "Verbs:\n");
    for (size_t i = 0; i < VAIN_COUNT_OF(verbs); i++)
        fprintf(out, "  %-10s %s\n", verbs[i].name, verbs[i].summary);
    fprintf(out, "\n'vain VERB --help' says more. The manual is vain(1).\n");
}

static const struct vain_verb *find_verb(const char *name)
{
    for (size_t i = 0; i < VAIN_COUNT_OF(verbs); i++) {
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    }
    return NULL;
}

static int refuse_verb(int argc, char **argv, const char *name)
{
    const bool json = vain_asks_json(argc, argv);
    const char *best = NULL;
    int best_distance = 3;
    for (size_t i = 0; i < VAIN_COUNT_OF(verbs); i++) {
        const int distance = vain_edit_distance(verbs[i].name, name);
        if (distance < best_distance) {
            best_distance = distance;
            best = verbs[i].name;
        }
    }
    if (best != NULL)
        return vain_report_usage(json, "vain", "'%s' is not a verb; did you mean '%s'?", name,
                                 best);
    return vain_report_usage(json, "vain", "'%s' is not a verb; 'vain help' lists them", name);
}

static int run_verb(const struct vain_verb *verb, int argc, char **argv)
{
    char title[64];
    snprintf(title, sizeof title, "vain %s", verb->name);
    argv[0] = title;
    return verb->run(argc, argv);
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "help";
    if (strcmp(name, "help") == 0 && argc > 2) {
        char help[] = "--help";
        char *arguments[] = {argv[0], help, NULL};
        const struct vain_verb *verb = find_verb(argv[2]);
        return verb != NULL ? run_verb(verb, 2, arguments) : refuse_verb(argc, argv, argv[2]);
    }
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        print_overview(argc > 1 ? stdout : stderr);
        return argc > 1 ? vain_finish_output() : 2;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        name = "version";
    const struct vain_verb *verb = find_verb(name);
    if (verb == NULL)
        return refuse_verb(argc, argv, name);
    const enum vain_status status = vain_crypto_init();
    if (status != VAIN_OK)
        return vain_report_failure(status, false);
    return run_verb(verb, argc - 1, argv + 1);
}

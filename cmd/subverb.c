#include "cmd/subverb.h"

#include <string.h>

#include "base/text.h"

static void print_help(const struct vain_subverbs *subverbs, const char *program, FILE *out)
{
    fprintf(out, "Usage: %s VERB [OPTION...]\n%s\n\nVerbs:\n", program, subverbs->purpose);
    for (size_t i = 0; i < subverbs->count; i++)
        fprintf(out, "  %-10s %s\n", subverbs->rows[i].name, subverbs->rows[i].summary);
    fprintf(out, "\nExamples:\n%s\n'%s VERB --help' says more.\n", subverbs->examples, program);
}

static const struct vain_verb *find(const struct vain_subverbs *subverbs, const char *name)
{
    for (size_t i = 0; i < subverbs->count; i++) {
        if (strcmp(subverbs->rows[i].name, name) == 0)
            return &subverbs->rows[i];
    }
    return NULL;
}

static int refuse(const struct vain_subverbs *subverbs, int argc, char **argv, const char *name)
{
    const bool json = vain_asks_json(argc, argv);
    const char *program = argv[0];
    const char *best = NULL;
    int best_distance = 3;
    if (name[0] == '-')
        return vain_report_usage(json, program, "'%s' stands before the verb; write '%s VERB %s'",
                                 name, program, name);
    for (size_t i = 0; i < subverbs->count; i++) {
        const int distance = vain_edit_distance(subverbs->rows[i].name, name);
        if (distance < best_distance) {
            best_distance = distance;
            best = subverbs->rows[i].name;
        }
    }
    if (best != NULL)
        return vain_report_usage(json, program, "'%s' is not a verb; did you mean '%s'?", name,
                                 best);
    return vain_report_usage(json, program, "'%s' is not a verb; '%s --help' lists them", name,
                             program);
}

static int run(const struct vain_verb *verb, const char *program, int argc, char **argv)
{
    char title[96];
    snprintf(title, sizeof title, "%s %s", program, verb->name);
    argv[0] = title;
    return verb->run(argc, argv);
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-?") == 0 || strcmp(word, "-h") == 0 ||
           strcmp(word, "help") == 0;
}

int vain_subverb_run(const struct vain_subverbs *subverbs, int argc, char **argv)
{
    if (argc < 2) {
        print_help(subverbs, argv[0], stderr);
        return 2;
    }
    if (strcmp(argv[1], "help") == 0 && argc > 2) {
        char help[] = "--help";
        char *arguments[] = {argv[0], help, NULL};
        const struct vain_verb *verb = find(subverbs, argv[2]);
        return verb != NULL ? run(verb, argv[0], 2, arguments)
                            : refuse(subverbs, argc, argv, argv[2]);
    }
    if (is_help(argv[1])) {
        print_help(subverbs, argv[0], stdout);
        return 0;
    }
    const struct vain_verb *verb = find(subverbs, argv[1]);
    if (verb == NULL)
        return refuse(subverbs, argc, argv, argv[1]);
    return run(verb, argv[0], argc - 1, argv + 1);
}

/* Parsing a verb's arguments with glibc's argp, with the exit codes and hints that the rest of the
 * program has. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/option.h"
#include "cmd/verb.h"

/* argp prints "unrecognized option" itself; this finds the option that was meant. */
static const char *nearest_option(const struct argp *argp, const char *word)
{
    const char *best = NULL;
    int best_distance = 4;
    if (argp->options == NULL)
        return NULL;
    for (const struct argp_option *option = argp->options; option->name != NULL || option->key != 0;
         option++) {
        const int distance = option->name != NULL ? vain_edit_distance(option->name, word) : 4;
        if (distance < best_distance) {
            best_distance = distance;
            best = option->name;
        }
    }
    return best;
}

static bool knows_option(const struct argp *argp, const char *word, size_t length)
{
    if (argp->options == NULL)
        return false;
    for (const struct argp_option *option = argp->options; option->name != NULL || option->key != 0;
         option++) {
        if (option->name != NULL && strncmp(option->name, word, length) == 0)
            return true;
    }
    return false;
}

/* An option whose value is the next word. */
static bool takes_value(const struct argp *argp, const char *word)
{
    if (argp->options == NULL || strncmp(word, "--", 2) != 0)
        return false;
    for (const struct argp_option *option = argp->options; option->name != NULL || option->key != 0;
         option++) {
        if (option->name != NULL && option->arg != NULL && strcmp(option->name, word + 2) == 0)
            return true;
    }
    return false;
}

static void hint_unknown_option(const struct argp *argp, int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strncmp(argv[i], "--", 2) != 0)
            continue;
        char word[64];
        snprintf(word, sizeof word, "%s", argv[i] + 2);
        word[strcspn(word, "=")] = '\0';
        if (strcmp(word, "help") == 0 || strcmp(word, "usage") == 0 ||
            knows_option(argp, word, strlen(word)))
            continue;
        const char *nearest = nearest_option(argp, word);
        if (nearest != NULL)
            fprintf(stderr, "%s: '--%s' is not an option; did you mean '--%s'?\n", argv[0], word,
                    nearest);
    }
}

bool vain_asks_json(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0)
            return true;
    }
    return false;
}

int vain_report_usage(bool json, const char *program, const char *format, ...)
{
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s: %s\n", program, message);
    if (json)
        vain_print_error(VAIN_ERR_INPUT, message);
    return vain_exit_code(VAIN_ERR_INPUT);
}

/* argp and getopt say what is wrong on standard error and end the process. For a program that asked
 * for JSON that has to be an object, too, so what they say goes by way of memory. */
static struct {
    FILE *standard_error; /* NULL: nothing is listened to */
    FILE *memory;
    char text[4096];
} heard;

static void listen_to_argp(void)
{
    heard.memory = fmemopen(heard.text, sizeof heard.text, "w");
    if (heard.memory == NULL)
        return;
    heard.standard_error = stderr;
    stderr = heard.memory;
}

/* Standard error is itself again, and has what was said. False: nothing was. */
static bool pass_on_heard(void)
{
    if (heard.standard_error == NULL)
        return false;
    stderr = heard.standard_error;
    heard.standard_error = NULL;
    (void)fclose(heard.memory);
    heard.text[sizeof heard.text - 1] = '\0';
    fputs(heard.text, stderr);
    return heard.text[0] != '\0';
}

/* The first line is what is wrong, behind the verb's name; the rest says where help is. */
static void end_in_argp(void)
{
    if (!pass_on_heard())
        return;
    heard.text[strcspn(heard.text, "\n")] = '\0';
    const char *colon = strstr(heard.text, ": ");
    const bool named = strncmp(heard.text, "vain ", 5) == 0 && colon != NULL;
    vain_print_error(VAIN_ERR_INPUT, named ? colon + 2 : heard.text);
}

static int parse(const struct argp *argp, int argc, char **argv, void *input)
{
    hint_unknown_option(argp, argc, argv);
    return argp_parse(argp, argc, argv, 0, NULL, input) == 0 ? 0 : 2;
}

int vain_parse_arguments(const struct argp *argp, int argc, char **argv, void *input)
{
    static char help[] = "--help";
    argp_err_exit_status = 2;
    /* argp knows --help and -?; -h is what most people type, also behind other words. */
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "-h") == 0 && !takes_value(argp, argv[i - 1]))
            argv[i] = help;
    }
    if (!vain_asks_json(argc, argv) || atexit(end_in_argp) != 0)
        return parse(argp, argc, argv, input);
    listen_to_argp();
    const int code = parse(argp, argc, argv, input);
    (void)pass_on_heard();
    return code;
}

static enum vain_status folder_of(const char *base, const char *rest, char *out, size_t bytes)
{
    const int length = snprintf(out, bytes, "%s%s", base, rest);
    if (length < 0 || (size_t)length >= bytes)
        return vain_fail(VAIN_ERR_INPUT, "the path of the key folder is too long: %s", base);
    return VAIN_OK;
}

enum vain_status vain_key_folder(char *out, size_t bytes)
{
    const char *home = getenv("VAIN_HOME");
    if (home != NULL && home[0] != '\0')
        return folder_of(home, "/keys", out, bytes);
    const char *config = getenv("XDG_CONFIG_HOME");
    if (config != NULL && config[0] != '\0')
        return folder_of(config, "/vain/keys", out, bytes);
    const char *user = getenv("HOME");
    if (user == NULL || user[0] == '\0')
        return vain_fail(VAIN_ERR_INPUT,
                         "no place for keys: set VAIN_HOME, XDG_CONFIG_HOME or HOME");
    return folder_of(user, "/.config/vain/keys", out, bytes);
}

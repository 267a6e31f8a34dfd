/* vain generate: let a checkpoint's model write text.
 *
 * Symbol i is drawn at index i of the public stream (seed, SAMPLE), so the same command writes the
 * same text, and a longer text begins with the shorter one. On a terminal the text appears as it is
 * written, without control characters; elsewhere it comes byte for byte. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "cmd/json.h"
#include "cmd/report.h"
#include "cmd/sample.h"
#include "cmd/trained.h"
#include "jobs/data/corpus.h"

enum { TOKENS_MAX = 1000000, SYMBOL_TEXT_BYTES = 16 };

/* ------------------------------------------------------------------ arguments */

struct arguments {
    const char *file, *prompt;
    char chosen[VAIN_PATH_BYTES]; /* of a folder that was given */
    int64_t tokens, top;
    double temperature;
    uint64_t seed;
    bool json;
};

enum { KEY_PROMPT = 1, KEY_TOKENS, KEY_TEMPERATURE, KEY_TOP, KEY_SEED, KEY_JSON };

static const struct argp_option option_rows[] = {
    {"prompt", KEY_PROMPT, "TEXT", 0, "What the text begins with (default: a line break)", 0},
    {"tokens", KEY_TOKENS, "N", 0, "Symbols to write (200)", 0},
    {"temperature", KEY_TEMPERATURE, "T", 0,
     "Above 1 more surprising, below 1 more likely text; 0 always takes the likeliest symbol (0.8)",
     0},
    {"top", KEY_TOP, "K", 0, "Draw among the K likeliest symbols only; 0 among all (0)", 0},
    {"seed", KEY_SEED, "N", 0, "Seed of the draw (1)", 0},
    {"json", KEY_JSON, NULL, 0, "Print one JSON object", 0},
    {0},
};

static int64_t parse_count(struct argp_state *state, const char *option, const char *text,
                           int64_t most)
{
    char *end = NULL;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || value < 0 || value > most)
        argp_error(state, "--%s %s: expected a whole number from 0 to %lld", option, text,
                   (long long)most);
    return value;
}

static double parse_temperature(struct argp_state *state, const char *text)
{
    char *end = NULL;
    const double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= 0 && value <= 100))
        argp_error(state, "--temperature %s: expected a number from 0 to 100", text);
    return value;
}

static uint64_t parse_seed(struct argp_state *state, const char *text)
{
    char *end = NULL;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0)
        argp_error(state, "--seed %s: expected a whole number from 0 to 18446744073709551615",
                   text);
    return value;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case KEY_PROMPT:
        arguments->prompt = argument;
        return 0;
    case KEY_TOKENS:
        arguments->tokens = parse_count(state, "tokens", argument, TOKENS_MAX);
        return 0;
    case KEY_TEMPERATURE:
        arguments->temperature = parse_temperature(state, argument);
        return 0;
    case KEY_TOP:
        arguments->top = parse_count(state, "top", argument, VAIN_SYMBOLS_MAX);
        return 0;
    case KEY_SEED:
        arguments->seed = parse_seed(state, argument);
        return 0;
    case KEY_JSON:
        arguments->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->file != NULL)
            argp_error(state, "'%s' is one argument too many; give the text as --prompt '%s'",
                       argument, argument);
        arguments->file = argument;
        return 0;
    case ARGP_KEY_END:
        if (arguments->file == NULL)
            argp_error(state, "CKPT is missing: a checkpoint, such as "
                              "runs/job/checkpoint-000100.h5");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp generate_argp = {
    .options = option_rows,
    .parser = parse_option,
    .args_doc = "CKPT|DIR",
    .doc =
        "Let the model of a checkpoint write text. The same command writes the same text. DIR: the "
        "newest checkpoint in it that is whole.\v"
        "Examples:\n"
        "  vain generate runs/job\n"
        "  vain generate runs/job/checkpoint-000100.h5 --prompt 'ROMEO:'\n"
        "  vain generate runs/job/checkpoint-000100.h5 --tokens 500 --temperature 0.6\n\n"
        "A model of tokens takes and writes them as numbers: --prompt '<15496><995>'.",
};

/* ------------------------------------------------------------------ the text so far */

struct writing {
    const struct arguments *arguments;
    struct vain_trained *trained;
    const struct vain_checkpoint *content;
    int32_t *symbols; /* (count of the prompt + tokens) */
    int64_t count, prompt_count;
    struct vain_random random;
    void *workspace;                   /* the three on the device */
    int32_t *window;                   /* (context) the last symbols */
    float *device_logits;              /* (V) */
    float *logits;                     /* (V) */
    struct vain_candidate *candidates; /* (V) */
    struct vain_text text;
    size_t shown; /* bytes of text that a terminal has seen */
    bool terminal;
};

/* Show what is new. A character may come in several symbols, so its first bytes wait for the rest
 * unless `last`. */
static void show(struct writing *writing, bool last)
{
    const struct vain_text *text = &writing->text;
    uint32_t code;
    while (writing->terminal && writing->shown < text->used) {
        const char *at = text->bytes + writing->shown;
        const size_t left = text->used - writing->shown;
        const int length = vain_text_character(at, left, &code);
        if (length == 0 && left < 4 && !last)
            return;
        if (length > 0 && (vain_text_printable(code) || code == '\n' || code == '\t'))
            fwrite(at, 1, (size_t)length, stdout);
        else
            fputs("\xEF\xBF\xBD", stdout);
        writing->shown += length > 0 ? (size_t)length : 1;
        fflush(stdout);
    }
}

static void add_symbol(struct writing *writing, int32_t symbol)
{
    char bytes[SYMBOL_TEXT_BYTES];
    const struct vain_checkpoint *content = writing->content;
    writing->symbols[writing->count++] = symbol;
    const size_t length =
        vain_symbols_decode(content->symbol_kind, content->symbols, content->symbol_count, &symbol,
                            1, bytes, sizeof bytes);
    vain_text_add_bytes(&writing->text, bytes, length);
    show(writing, false);
}

/* Without a prompt the text begins after a line break, or after symbol 0 where there is none. */
static enum vain_status add_prompt(struct writing *writing)
{
    const struct vain_checkpoint *content = writing->content;
    const char *prompt = writing->arguments->prompt;
    const size_t bytes = prompt != NULL ? strlen(prompt) : 1;
    int32_t *symbols = NULL;
    int64_t count = 0;
    if (bytes == 0)
        return vain_fail(VAIN_ERR_INPUT, "--prompt is empty; leave it out, or give it a character");
    if (bytes > TOKENS_MAX)
        return vain_fail(VAIN_ERR_INPUT, "--prompt has %zu bytes; at most %d are read", bytes,
                         TOKENS_MAX);
    VAIN_TRY(vain_take_array((int64_t)bytes, sizeof *symbols, "prompt", (void **)&symbols));
    enum vain_status status =
        vain_symbols_encode(content->symbol_kind, content->symbols, content->symbol_count,
                            prompt != NULL ? prompt : "\n", symbols, (int64_t)bytes, &count);
    if (status != VAIN_OK && prompt == NULL) {
        vain_fail_clear();
        status = VAIN_OK;
        symbols[0] = 0;
        count = 1;
    }
    if (status == VAIN_OK)
        status = vain_take_array(count + writing->arguments->tokens, sizeof *symbols, "text",
                                 (void **)&writing->symbols);
    for (int64_t i = 0; status == VAIN_OK && i < count; i++)
        add_symbol(writing, symbols[i]);
    writing->prompt_count = count;
    vain_release(symbols);
    return status;
}

/* What may follow the last symbols, into logits. */
static enum vain_status ask_model(struct writing *writing)
{
    struct vain_trained *trained = writing->trained;
    const struct vain_memory_ops *memory = &trained->device.ops->memory;
    const int64_t context = trained->model.context;
    const int64_t T = writing->count < context ? writing->count : context;
    memory->copy_in(&trained->queue, writing->window, writing->symbols + writing->count - T,
                    (size_t)T * sizeof(int32_t));
    trained->model_ops->next_logits(&trained->model, &trained->layout, &trained->queue,
                                    trained->parameters, writing->window, T, writing->workspace,
                                    writing->device_logits);
    memory->copy_out(&trained->queue, writing->logits, writing->device_logits,
                     (size_t)trained->model.symbols * sizeof(float));
    return vain_queue_wait(&trained->queue);
}

static enum vain_status draw_symbol(struct writing *writing)
{
    const struct arguments *arguments = writing->arguments;
    const struct vain_trained *trained = writing->trained;
    const int64_t index = writing->count - writing->prompt_count;
    uint32_t words[4];
    VAIN_TRY(ask_model(writing));
    vain_random_block(writing->random, 0, 0, (uint64_t)index, words);
    const int32_t symbol =
        vain_sample(writing->logits, trained->model.symbols, arguments->temperature, arguments->top,
                    (double)vain_random_unit(words[0]), writing->candidates);
    if (symbol < 0)
        return vain_fail(VAIN_ERR_NUMERIC,
                         "%s: the model's answer after %lld symbols is not finite; take an earlier "
                         "checkpoint",
                         arguments->file, (long long)writing->count);
    add_symbol(writing, symbol);
    return VAIN_OK;
}

static enum vain_status take_memory(struct writing *writing)
{
    struct vain_trained *trained = writing->trained;
    const struct vain_memory_ops *memory = &trained->device.ops->memory;
    const int64_t V = trained->model.symbols;
    const size_t bytes =
        trained->model_ops->workspace_bytes(&trained->model, 1, trained->model.context, false);
    VAIN_TRY(memory->take(&trained->device, bytes, "activations", &writing->workspace));
    VAIN_TRY(memory->take(&trained->device, (size_t)trained->model.context * sizeof(int32_t),
                          "window", (void **)&writing->window));
    VAIN_TRY(memory->take(&trained->device, (size_t)V * sizeof(float), "logits",
                          (void **)&writing->device_logits));
    VAIN_TRY(vain_take_array(V, sizeof(float), "logits", (void **)&writing->logits));
    return vain_take_array(V, sizeof *writing->candidates, "candidates",
                           (void **)&writing->candidates);
}

static void release_memory(struct writing *writing)
{
    if (writing->trained != NULL) {
        const struct vain_memory_ops *memory = &writing->trained->device.ops->memory;
        memory->release(&writing->trained->device, writing->workspace);
        memory->release(&writing->trained->device, writing->window);
        memory->release(&writing->trained->device, writing->device_logits);
    }
    vain_release(writing->logits);
    vain_release(writing->candidates);
    vain_release(writing->symbols);
    vain_text_fini(&writing->text);
}

static enum vain_status write_text(struct writing *writing)
{
    const struct arguments *arguments = writing->arguments;
    VAIN_TRY(vain_trained_open(arguments->file, NULL, &writing->trained));
    if (writing->trained->model_ops->next_logits == NULL)
        return vain_fail(VAIN_ERR_REFUSED,
                         "%s: its model (%s) does not go on with a text; a transformer or an mlp "
                         "would",
                         arguments->file, writing->trained->model_ops->name);
    VAIN_TRY(vain_trained_express(writing->trained));
    writing->content = writing->trained->checkpoint.content;
    writing->random = vain_random_stream(arguments->seed, VAIN_PURPOSE_SAMPLE, "");
    VAIN_TRY(take_memory(writing));
    VAIN_TRY(add_prompt(writing));
    for (int64_t i = 0; i < arguments->tokens; i++)
        VAIN_TRY(draw_symbol(writing));
    show(writing, true);
    return writing->text.status;
}

/* ------------------------------------------------------------------ the verb */

static int print_text(const struct writing *writing)
{
    if (!writing->terminal)
        fwrite(writing->text.bytes, 1, writing->text.used, stdout);
    putchar('\n');
    return vain_finish_output();
}

static int print_json(const struct writing *writing)
{
    const struct arguments *arguments = writing->arguments;
    char seed[24];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)arguments->seed);
    struct json_object *data = json_object_new_object();
    json_object_object_add(data, "text", vain_json_bytes(writing->text.bytes, writing->text.used));
    json_object_object_add(data, "prompt_symbols", json_object_new_int64(writing->prompt_count));
    json_object_object_add(data, "symbols", json_object_new_int64(writing->count));
    json_object_object_add(data, "round", json_object_new_int64(writing->content->round));
    json_object_object_add(data, "temperature", vain_json_number(arguments->temperature));
    json_object_object_add(data, "top", json_object_new_int64(arguments->top));
    json_object_object_add(data, "seed", json_object_new_string(seed));
    return vain_print_data(data);
}

int vain_verb_generate(int argc, char **argv)
{
    struct arguments arguments = {.tokens = 200, .temperature = 0.8, .seed = 1};
    const int wrong = vain_parse_arguments(&generate_argp, argc, argv, &arguments);
    if (wrong != 0)
        return wrong;
    struct writing writing = {
        .arguments = &arguments,
        .terminal = !arguments.json && isatty(STDOUT_FILENO) == 1,
    };
    enum vain_status status = vain_ckpt_choose(&arguments.file, arguments.chosen);
    if (status == VAIN_OK)
        status = write_text(&writing);
    int code;
    if (status != VAIN_OK)
        code = vain_report_failure(status, arguments.json);
    else
        code = arguments.json ? print_json(&writing) : print_text(&writing);
    release_memory(&writing);
    vain_trained_close(&writing.trained);
    return code;
}

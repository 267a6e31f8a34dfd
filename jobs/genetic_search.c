/* Values pass through the option table as texts, so a search can reach no value that a spec could
 * not hold, and what it finds can be written into one. */
#include "jobs/genetic_search.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/model_check.h"
#include "models/normal.h"

/* The job as the table sees it. Reading needs it to be writable, and writes nothing. */
struct table {
    struct vain_option_section sections[VAIN_JOB_SECTIONS];
};

/* What an individual's training knows: the model, and how it is trained; not what is the run's. */
static bool is_of_an_individual(const char *key)
{
    static const char *const of_the_run[] = {"train.rounds", "train.local_steps",
                                             "train.evaluate_every", "train.target_accuracy"};
    for (size_t i = 0; i < VAIN_COUNT_OF(of_the_run); i++) {
        if (strcmp(key, of_the_run[i]) == 0)
            return false;
    }
    return strncmp(key, "model.", 6) == 0 || strncmp(key, "train.", 6) == 0;
}

static bool is_numeric(const struct vain_option *option)
{
    return option->type == VAIN_OPTION_COUNT || option->type == VAIN_OPTION_NUMBER ||
           option->type == VAIN_OPTION_NUMBER_OR_AUTO;
}

bool vain_search_is_wanted(const struct vain_job *job)
{
    return job->train.method == VAIN_METHOD_GENETIC && job->genetic.search.count > 0;
}

struct words {
    char key[VAIN_OPTION_TEXTS_ITEM_BYTES], low[VAIN_OPTION_TEXTS_ITEM_BYTES];
    char high[VAIN_OPTION_TEXTS_ITEM_BYTES], rest[VAIN_OPTION_TEXTS_ITEM_BYTES];
};

/* The word at `*text`, which ends at a space or at `stop`; moved past. */
static void take_word(const char **text, const char *stop, char *out)
{
    const char *end = stop != NULL ? strstr(*text, stop) : NULL;
    size_t length = end != NULL ? (size_t)(end - *text) : strcspn(*text, " ");
    memcpy(out, *text, length);
    out[length] = '\0';
    *text += length + (end != NULL ? strlen(stop) : 0);
    *text += strspn(*text, " ");
}

/* "KEY LOW..HIGH [log]" into its words. */
static bool split(const char *item, struct words *out)
{
    const char *at = item;
    memset(out, 0, sizeof *out);
    take_word(&at, NULL, out->key);
    if (strstr(at, "..") == NULL)
        return false;
    take_word(&at, "..", out->low);
    take_word(&at, NULL, out->high);
    snprintf(out->rest, sizeof out->rest, "%s", at);
    return out->low[0] != '\0' && strchr(out->low, ' ') == NULL && out->high[0] != '\0' &&
           (out->rest[0] == '\0' || strcmp(out->rest, "log") == 0);
}

/* The value of a numeric row. */
static double number_of(const struct vain_option *option, const void *values)
{
    char text[64];
    vain_option_format(option, values, text, sizeof text);
    return strcmp(text, "auto") == 0 ? (double)NAN : strtod(text, NULL);
}

/* One end of the range, checked by the row itself. */
static enum vain_status read_end(const struct vain_option *option, const char *text, double *out,
                                 struct vain_search_complaint *complaint)
{
    struct vain_option alone = *option;
    int64_t value = 0;
    alone.offset = 0;
    VAIN_TRY(vain_option_parse(&alone, text, &value, complaint->message, sizeof complaint->message,
                               complaint->hint, sizeof complaint->hint));
    *out = number_of(&alone, &value);
    return VAIN_OK;
}

static enum vain_status refuse(struct vain_search_complaint *complaint, const char *text,
                               const char *key, const char *way_out)
{
    snprintf(complaint->message, sizeof complaint->message, "'%s' %s", key, text);
    snprintf(complaint->hint, sizeof complaint->hint, "%s", way_out);
    return VAIN_ERR_INPUT;
}

static enum vain_status find_row(const struct table *table, const struct vain_job *job,
                                 const char *key, const struct vain_option **option,
                                 const struct vain_option_section **section,
                                 struct vain_search_complaint *complaint)
{
    char meant[128] = "", text[128];
    *option = vain_option_find(table->sections, VAIN_JOB_SECTIONS, key, section);
    if (*option == NULL) {
        const char *nearest = vain_option_nearest(table->sections, VAIN_JOB_SECTIONS, key);
        if (nearest != NULL)
            snprintf(meant, sizeof meant, "did you mean '%s'?", nearest);
        return refuse(complaint, "is no key of a spec", key, meant);
    }
    if (!is_of_an_individual(key))
        return refuse(complaint, "belongs to the run, not to the training of an individual", key,
                      "keys of model and train can be searched");
    if (!is_numeric(*option))
        return refuse(complaint, "is no number, and only numbers have a range", key, "");
    if ((*option)->scope != VAIN_AGREED)
        return refuse(complaint, "is a member's own business: all must try the same values", key,
                      "");
    const char *ignored = vain_model_ignores(job->model.kind, key);
    if (ignored == NULL)
        return VAIN_OK;
    snprintf(text, sizeof text, "would change nothing here: %s", ignored);
    return refuse(complaint, text, key, "remove it, or use another model.kind");
}

static double share_of(const struct vain_search_key *key, double value)
{
    return key->logarithmic ? log(value / key->low) / log(key->high / key->low)
                            : (value - key->low) / (key->high - key->low);
}

/* What must hold between the ends, the spec's own value and the scale. */
static enum vain_status check_range(const struct vain_search_key *key, double own,
                                    struct vain_search_complaint *complaint)
{
    char text[128];
    if (!(key->low < key->high)) {
        snprintf(text, sizeof text, "has the range %g..%g, which is empty", key->low, key->high);
        return refuse(complaint, text, key->key, "write the lower end first");
    }
    if (key->logarithmic && !(key->low > 0)) {
        snprintf(text, sizeof text, "has the range %g..%g, and %g has no logarithm", key->low,
                 key->high, key->low);
        return refuse(complaint, text, key->key, "leave out log, or begin above 0");
    }
    if (!(own >= key->low && own <= key->high)) {
        snprintf(text, sizeof text,
                 "is %g in the spec, outside of its range %g..%g, and the search starts from it",
                 own, key->low, key->high);
        return refuse(complaint, text, key->key, "set the key, or widen the range");
    }
    if (strcmp(key->key, "model.context") == 0 && key->high > own) {
        snprintf(text, sizeof text, "may be at most the spec's own %g, for which the data are cut",
                 own);
        return refuse(complaint, text, key->key, "set model.context to the upper end");
    }
    return VAIN_OK;
}

static bool stands_before(const struct vain_job *job, int index, const char *key)
{
    for (int i = 0; i < index; i++) {
        struct words words;
        if (split(job->genetic.search.items[i], &words) && strcmp(words.key, key) == 0)
            return true;
    }
    return false;
}

enum vain_status vain_search_read(const struct vain_job *job, int index,
                                  struct vain_search_key *out,
                                  struct vain_search_complaint *complaint)
{
    struct words words;
    struct vain_job copy = *job;
    struct table table;
    const struct vain_option *option;
    const struct vain_option_section *section;
    vain_job_sections(&copy, table.sections);
    memset(complaint, 0, sizeof *complaint);
    memset(out, 0, sizeof *out);
    if (!split(job->genetic.search.items[index], &words))
        return refuse(complaint, "is no range: expected 'KEY LOW..HIGH' or 'KEY LOW..HIGH log'",
                      job->genetic.search.items[index],
                      "such as 'train.learning_rate 1e-4..1e-1 log'");
    VAIN_TRY(find_row(&table, job, words.key, &option, &section, complaint));
    if (stands_before(job, index, words.key))
        return refuse(complaint, "has two ranges", words.key, "keep one of them");
    memcpy(out->key, words.key, sizeof out->key);
    out->logarithmic = words.rest[0] != '\0';
    out->whole = option->type == VAIN_OPTION_COUNT;
    VAIN_TRY(read_end(option, words.low, &out->low, complaint));
    VAIN_TRY(read_end(option, words.high, &out->high, complaint));
    const double own = number_of(option, section->values);
    VAIN_TRY(check_range(out, own, complaint));
    out->start = share_of(out, own);
    return VAIN_OK;
}

enum vain_status vain_search_open(const struct vain_job *job, struct vain_search *out)
{
    struct vain_search_complaint complaint;
    out->count = 0;
    for (int i = 0; i < job->genetic.search.count; i++) {
        if (vain_search_read(job, i, &out->keys[i], &complaint) != VAIN_OK)
            return vain_fail(VAIN_ERR_INPUT, "genetic.search: %s", complaint.message);
        out->count++;
    }
    return VAIN_OK;
}

struct vain_random vain_search_random(uint64_t seed)
{
    return vain_random_stream(seed, VAIN_PURPOSE_MUTATION, "");
}

/* Between 0 and 1 by reflection at both ends. */
static double reflect(double share)
{
    share = fabs(share);
    share -= 2 * floor(share / 2);
    return share > 1 ? 2 - share : share;
}

/* Where a chain leads from the start: a block of the stream a seed and key. */
static double walk(const struct vain_search_key *key, int index, struct vain_random random,
                   double deviation, const struct vain_chain *chain)
{
    double share = key->start;
    for (int i = 0; i < chain->length; i++) {
        uint32_t words[4];
        vain_random_block(random, chain->seeds[i], 0, (uint64_t)index, words);
        const double step = vain_chain_step(deviation, chain->seeds[i]);
        share = reflect(share + step * vain_normal_of_words(words[0], words[1]));
    }
    return share;
}

static void print_value(const struct vain_search_key *key, double value,
                        char out[VAIN_SEARCH_VALUE_BYTES])
{
    if (key->whole) {
        snprintf(out, VAIN_SEARCH_VALUE_BYTES, "%lld", (long long)llround(value));
        return;
    }
    snprintf(out, VAIN_SEARCH_VALUE_BYTES, "%.4g", value);
    const double rounded = strtod(out, NULL);
    if (rounded < key->low || rounded > key->high) /* by rounding an end of more digits */
        snprintf(out, VAIN_SEARCH_VALUE_BYTES, "%.17g", rounded < key->low ? key->low : key->high);
}

void vain_search_values_of(const struct vain_search *search, const struct vain_job *job,
                           struct vain_random random, double deviation,
                           const struct vain_chain *chain, struct vain_search_values *out)
{
    struct vain_job copy = *job;
    struct table table;
    vain_job_sections(&copy, table.sections);
    memset(out, 0, sizeof *out);
    for (int i = 0; i < search->count; i++) {
        const struct vain_search_key *key = &search->keys[i];
        const struct vain_option_section *section;
        const struct vain_option *option =
            vain_option_find(table.sections, VAIN_JOB_SECTIONS, key->key, &section);
        VAIN_ASSERT(option != NULL);
        if (chain->length == 0) {
            vain_option_format(option, section->values, out->texts[i], VAIN_SEARCH_VALUE_BYTES);
            continue;
        }
        const double share = walk(key, i, random, deviation, chain);
        const double value = key->logarithmic ? key->low * pow(key->high / key->low, share)
                                              : key->low + share * (key->high - key->low);
        print_value(key, fmin(fmax(value, key->low), key->high), out->texts[i]);
    }
}

void vain_search_apply(const struct vain_search *search, const struct vain_search_values *values,
                       struct vain_job *job)
{
    char message[256], hint[160];
    struct table table;
    vain_job_sections(job, table.sections);
    for (int i = 0; i < search->count; i++) {
        const struct vain_option_section *section;
        const struct vain_option *option =
            vain_option_find(table.sections, VAIN_JOB_SECTIONS, search->keys[i].key, &section);
        VAIN_ASSERT(option != NULL);
        const enum vain_status status = vain_option_parse(
            option, values->texts[i], section->values, message, sizeof message, hint, sizeof hint);
        VAIN_ASSERT(status == VAIN_OK); /* both ends of the range passed the same row */
    }
}

void vain_search_print(const struct vain_search *search, const struct vain_search_values *values,
                       char *out, size_t bytes)
{
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < search->count && used < bytes; i++)
        used += (size_t)snprintf(out + used, bytes - used, "%s%s %s", i > 0 ? ", " : "",
                                 search->keys[i].key, values->texts[i]);
}

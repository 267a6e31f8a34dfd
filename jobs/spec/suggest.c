/* What somebody may have meant by a key that is not in the table.
 *
 * In the order of how sure it is: the right name with hyphens, capitals or a dot; the right name in
 * the wrong group; a word known from other programs (nanoGPT, PyTorch, Hugging Face); the nearest
 * spelling; else the list of what is there. One hint is said, none is ever applied. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "jobs/spec/parts.h"

enum { WORD_BYTES = 64 };

/* Words that people bring along. A target that this build's table lacks is passed over. */
static const struct {
    const char *word, *key;
} habits[] = {
    {"lr", "train.learning_rate"},
    {"lr", "outer.learning_rate"},
    {"min_lr", "train.minimum_learning_rate"},
    {"learning_rate_decay", "train.schedule"},
    {"lr_scheduler", "train.schedule"},
    {"lr_scheduler_type", "train.schedule"},
    {"batch_size", "train.batch"},
    {"micro_batch_size", "train.batch"},
    {"per_device_train_batch_size", "train.batch"},
    {"gradient_accumulation_steps", "train.accumulate"},
    {"grad_accum", "train.accumulate"},
    {"warmup_steps", "train.warmup"},
    {"warmup_iters", "train.warmup"},
    {"decay", "train.weight_decay"},
    {"wd", "train.weight_decay"},
    {"adam_beta1", "train.beta1"},
    {"adam_beta2", "train.beta2"},
    {"grad_clip", "train.gradient_clip"},
    {"max_grad_norm", "train.gradient_clip"},
    {"inner_steps", "train.local_steps"},
    {"steps", "train.local_steps"},
    {"max_steps", "train.rounds"},
    {"max_iters", "train.rounds"},
    {"epochs", "train.rounds"},
    {"num_threads", "train.threads"},
    {"n_layer", "model.layers"},
    {"num_layers", "model.layers"},
    {"depth", "model.layers"},
    {"n_head", "model.heads"},
    {"num_heads", "model.heads"},
    {"n_embd", "model.width"},
    {"d_model", "model.width"},
    {"hidden_size", "model.width"},
    {"dim", "model.width"},
    {"block_size", "model.context"},
    {"sequence_length", "model.context"},
    {"seq_len", "model.context"},
    {"max_length", "model.context"},
    {"hidden_sizes", "model.sizes"},
    {"type", "model.kind"},
    {"architecture", "model.kind"},
    {"arch", "model.kind"},
    {"file", "data.text"},
    {"path", "data.text"},
    {"dataset", "data.text"},
    {"corpus", "data.text"},
    {"val_split", "data.validation"},
    {"tokenizer", "data.symbols"},
    {"vocabulary", "data.symbols"},
    {"backend", "exchange.transport"},
    {"compression", "exchange.bits"},
    {"timeout", "exchange.deadline"},
    {"save_every", "checkpoint.every"},
    {"save_steps", "checkpoint.every"},
    {"interval", "checkpoint.every"},
    {"save_total_limit", "checkpoint.keep"},
    {"output_dir", "checkpoint.directory"},
    {"out_dir", "checkpoint.directory"},
    {"dir", "checkpoint.directory"},
    {"random_seed", "seed"},
    {"title", "name"},
    {"job_name", "name"},
    {"nodes", "members"},
    {"peers", "members"},
    {"clients", "members"},
};

/* learningRate, Learning-Rate and learning rate are learning_rate. */
static void normalise(const char *word, char *out)
{
    size_t used = 0;
    for (size_t i = 0; word[i] != '\0' && used + 2 < WORD_BYTES; i++) {
        const unsigned char letter = (unsigned char)word[i];
        if (isupper(letter) && i > 0 && islower((unsigned char)word[i - 1]))
            out[used++] = '_';
        out[used++] = letter == '-' || letter == ' ' ? '_' : (char)tolower(letter);
    }
    out[used] = '\0';
}

static bool is_known(const struct vain_spec *spec, const char *key)
{
    return strcmp(key, "members") == 0 || vain_spec_place_find(spec, key) != NULL;
}

/* "did you mean 'train.batch'?", or where it belongs if the name was right. */
static void mean_key(const char *key, char *hint, size_t bytes)
{
    snprintf(hint, bytes, "did you mean '%s'?", key);
}

/* The same name in the same group, but for its spelling; at the top level also the name of a group.
 */
static bool suggest_spelling(const struct vain_spec *spec, const struct vain_spec_group *group,
                             const char *name, char *hint, size_t bytes)
{
    for (int i = 0; i < spec->place_count; i++) {
        const struct vain_option *option = spec->places[i].option;
        if (vain_spec_in_group(option, group) && strcmp(vain_spec_leaf(option->key), name) == 0) {
            mean_key(option->key, hint, bytes);
            return true;
        }
    }
    const struct vain_spec_group *meant = vain_spec_group_find(spec, name, strlen(name));
    if (meant == NULL && strcmp(name, "members") != 0)
        return false;
    snprintf(hint, bytes, group == NULL ? "did you mean '%s'?" : "'%s' belongs at the top level",
             name);
    return true;
}

/* The right name in the wrong place: "'batch' belongs under 'train'". */
static bool suggest_place(const struct vain_spec *spec, const char *name, char *hint, size_t bytes)
{
    size_t used = 0;
    for (int i = 0; i < spec->place_count && used < bytes; i++) {
        const struct vain_option *option = spec->places[i].option;
        if (strcmp(vain_spec_leaf(option->key), name) != 0)
            continue;
        const struct vain_spec_group *home = vain_spec_group_of(spec, option);
        if (used == 0)
            used += (size_t)snprintf(hint, bytes, "'%s' belongs ", name);
        else
            used += (size_t)snprintf(hint + used, bytes - used, " or ");
        if (used >= bytes)
            break;
        if (home == NULL)
            used += (size_t)snprintf(hint + used, bytes - used, "at the top level");
        else
            used += (size_t)snprintf(hint + used, bytes - used, "under '%.*s'", home->name_length,
                                     home->name);
    }
    return used > 0;
}

static bool suggest_habit(const struct vain_spec *spec, const struct vain_spec_group *group,
                          const char *name, char *hint, size_t bytes)
{
    const char *best = NULL;
    for (size_t i = 0; i < VAIN_COUNT_OF(habits); i++) {
        if (strcmp(habits[i].word, name) != 0 || !is_known(spec, habits[i].key))
            continue;
        const struct vain_spec_place *place = vain_spec_place_find(spec, habits[i].key);
        const bool here =
            place != NULL && group != NULL && vain_spec_in_group(place->option, group);
        if (best == NULL || here)
            best = habits[i].key;
    }
    if (best != NULL)
        mean_key(best, hint, bytes);
    return best != NULL;
}

struct nearest {
    const char *name;
    int length, distance;
};

/* Keep `candidate` if it is nearer to `word`; `away` makes other places count as a little farther.
 */
static void consider(struct nearest *best, const char *word, const char *candidate,
                     const char *whole, int length, int away)
{
    const int distance = vain_edit_distance(word, candidate);
    if (distance > 3 || 2 * distance >= (int)strlen(word) || distance + away >= best->distance)
        return;
    *best = (struct nearest){whole, length, distance + away};
}

static bool suggest_nearest(const struct vain_spec *spec, const struct vain_spec_group *group,
                            const char *name, char *hint, size_t bytes)
{
    struct nearest best = {NULL, 0, 100};
    for (int i = 0; i < spec->place_count; i++) {
        const struct vain_option *option = spec->places[i].option;
        consider(&best, name, vain_spec_leaf(option->key), option->key, (int)strlen(option->key),
                 vain_spec_in_group(option, group) ? 0 : 1);
    }
    for (int i = 0; i < spec->group_count; i++) {
        char word[WORD_BYTES];
        snprintf(word, sizeof word, "%.*s", spec->groups[i].name_length, spec->groups[i].name);
        consider(&best, name, word, spec->groups[i].name, spec->groups[i].name_length,
                 group == NULL ? 0 : 1);
    }
    consider(&best, name, "members", "members", 7, group == NULL ? 0 : 1);
    if (best.name == NULL)
        return false;
    snprintf(hint, bytes, "did you mean '%.*s'?", best.length, best.name);
    return true;
}

void vain_spec_list_keys(const struct vain_spec *spec, const struct vain_spec_group *group,
                         char *out, size_t bytes)
{
    size_t used = 0;
    if (group == NULL)
        used += (size_t)snprintf(out, bytes, "its keys are members");
    else
        used += (size_t)snprintf(out, bytes, "keys of '%.*s' are", group->name_length, group->name);
    const size_t first = group == NULL ? 0 : used;
    for (int i = 0; i < spec->place_count && used < bytes; i++) {
        const char *key = spec->places[i].option->key;
        if (vain_spec_in_group(spec->places[i].option, group))
            used += (size_t)snprintf(out + used, bytes - used, "%s %s", used > first ? "," : "",
                                     vain_spec_leaf(key));
    }
    for (int i = 0; group == NULL && i < spec->group_count && used < bytes; i++)
        used += (size_t)snprintf(out + used, bytes - used, ", %.*s", spec->groups[i].name_length,
                                 spec->groups[i].name);
}

void vain_spec_suggest(const struct vain_spec *spec, const struct vain_spec_group *group,
                       const char *name, char *hint, size_t bytes)
{
    char word[WORD_BYTES];
    hint[0] = '\0';
    if (strlen(name) >= WORD_BYTES)
        return;
    if (strchr(name, ' ') != NULL && strchr(name, ':') != NULL) {
        snprintf(hint, bytes, "a key is followed by a colon and a space");
        return;
    }
    const char *dot = strchr(name, '.');
    if (dot != NULL && dot[1] != '\0' && is_known(spec, name)) {
        snprintf(hint, bytes, "write '%s' indented below '%.*s:'", dot + 1, (int)(dot - name),
                 name);
        return;
    }
    normalise(name, word);
    if (suggest_spelling(spec, group, word, hint, bytes) ||
        suggest_place(spec, word, hint, bytes) || suggest_habit(spec, group, word, hint, bytes) ||
        suggest_nearest(spec, group, word, hint, bytes))
        return;
    vain_spec_list_keys(spec, group, hint, bytes);
}

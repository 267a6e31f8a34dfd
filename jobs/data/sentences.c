/* The file is copied before it is looked at twice: under a mapping it may change between the two
 * looks. First all lines are parsed, then the vocabulary is learned, then sentences are encoded. */
#include "jobs/data/sentences.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "jobs/data/file.h"
#include "jobs/data/images.h"

enum { MIN_COUNT = 2, NAMES_LISTED = 12, NAME_SHOWN = 40 };

/* ---- Lines ---- */

struct line {
    int split; /* VAIN_SPLITS: another one */
    int32_t label;
    struct vain_sentence_text text;
    struct vain_sentence_text name; /* of the split */
};

struct file {
    const char *path;
    const char *bytes;
    size_t size;
    struct line *lines; /* (count); owned */
    int64_t count;
};

/* Characters from `begin` to `at`, and one: a column. All between is well-formed. */
static int64_t column_of(const char *begin, const char *at)
{
    int64_t column = 1;
    for (; begin < at; begin++)
        column += ((unsigned char)*begin & 0xc0) != 0x80;
    return column;
}

static enum vain_status check_utf8(const struct file *file, const char *begin, size_t bytes)
{
    size_t at = 0;
    while (at < bytes) {
        uint32_t code;
        const int length = vain_text_character(begin + at, bytes - at, &code);
        if (length == 0)
            return vain_fail(VAIN_ERR_INPUT,
                             "%s:%lld:%lld: byte 0x%02x begins no UTF-8 character; convert the "
                             "file, such as with iconv -f latin1 -t utf-8",
                             file->path, (long long)file->count + 1,
                             (long long)column_of(begin, begin + at), (unsigned char)begin[at]);
        at += (size_t)length;
    }
    return VAIN_OK;
}

static enum vain_status parse_label(const struct file *file, const char *begin,
                                    const struct vain_sentence_text *field, int32_t *label)
{
    int64_t value = 0;
    bool fine = field->bytes > 0;
    for (size_t i = 0; i < field->bytes && fine; i++) {
        fine = field->text[i] >= '0' && field->text[i] <= '9';
        value = 10 * value + (field->text[i] - '0');
        fine = fine && value < VAIN_CLASSES_MAX;
    }
    *label = fine ? (int32_t)value : 0;
    if (fine)
        return VAIN_OK;
    char found[VAIN_WORD_BYTES], shown[2 * VAIN_WORD_BYTES];
    (void)snprintf(found, sizeof found, "%.*s", (int)(field->bytes < 60 ? field->bytes : 60),
                   field->text);
    vain_text_excerpt(found, NAME_SHOWN, shown, sizeof shown);
    return vain_fail(VAIN_ERR_INPUT,
                     "%s:%lld:%lld: label '%s'; expected a number from 0 to %d (columns: split, "
                     "label, text; no heading)",
                     file->path, (long long)file->count + 1,
                     (long long)column_of(begin, field->text), shown, VAIN_CLASSES_MAX - 1);
}

static bool is_name(const struct vain_sentence_text *field, const char *name)
{
    return name != NULL && name[0] != '\0' && strlen(name) == field->bytes &&
           memcmp(field->text, name, field->bytes) == 0;
}

/* Cut at tabs: exactly three fields. */
static enum vain_status cut_fields(const struct file *file, const char *begin, size_t bytes,
                                   struct vain_sentence_text fields[VAIN_MIN_LEN(3)])
{
    const char *at = begin, *end = begin + bytes;
    int count = 0;
    for (;;) {
        const char *tab = memchr(at, '\t', (size_t)(end - at));
        if (count == 3)
            return vain_fail(VAIN_ERR_INPUT,
                             "%s:%lld:%lld: a third tab; expected three columns: split, label, "
                             "text",
                             file->path, (long long)file->count + 1,
                             (long long)column_of(begin, at) - 1);
        fields[count].text = at;
        fields[count++].bytes = (size_t)((tab != NULL ? tab : end) - at);
        if (tab == NULL)
            break;
        at = tab + 1;
    }
    if (count < 3)
        return vain_fail(VAIN_ERR_INPUT,
                         "%s:%lld:%lld: the line ends after %d of three columns: split, label, "
                         "text, with a tab between them",
                         file->path, (long long)file->count + 1, (long long)column_of(begin, end),
                         bytes == 0 ? 0 : count);
    return VAIN_OK;
}

static enum vain_status parse_line(const struct vain_sentence_source *source, struct file *file,
                                   const char *begin, size_t bytes)
{
    struct line *line = &file->lines[file->count];
    struct vain_sentence_text fields[3];
    if (bytes > 0 && begin[bytes - 1] == '\r')
        bytes--;
    VAIN_TRY(check_utf8(file, begin, bytes));
    VAIN_TRY(cut_fields(file, begin, bytes, fields));
    VAIN_TRY(parse_label(file, begin, &fields[1], &line->label));
    line->name = fields[0];
    line->text = fields[2];
    line->split = VAIN_SPLITS;
    for (int s = 0; s < VAIN_SPLITS; s++) {
        if (is_name(&fields[0], source->splits[s]))
            line->split = s;
    }
    file->count++;
    return VAIN_OK;
}

static enum vain_status parse_lines(const struct vain_sentence_source *source, struct file *file)
{
    int64_t most = 1;
    for (size_t i = 0; i < file->size; i++)
        most += file->bytes[i] == '\n';
    void *lines;
    VAIN_TRY(vain_take_array(most, sizeof *file->lines, "lines of sentences", &lines));
    file->lines = lines;
    const char *at = file->bytes, *end = file->bytes + file->size;
    while (at < end) {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        const char *stop = next != NULL ? next : end;
        VAIN_TRY(parse_line(source, file, at, (size_t)(stop - at)));
        at = next != NULL ? next + 1 : end;
    }
    return VAIN_OK;
}

/* ---- Splits ---- */

static enum vain_status fail_split(const struct file *file, const char *name)
{
    char names[NAMES_LISTED * (NAME_SHOWN + 2)] = "";
    size_t used = 0;
    int listed = 0;
    const struct vain_sentence_text *seen[NAMES_LISTED];
    for (int64_t i = 0; i < file->count && listed < NAMES_LISTED; i++) {
        const struct vain_sentence_text *other = &file->lines[i].name;
        bool fresh = true;
        for (int k = 0; k < listed; k++)
            fresh = fresh && (seen[k]->bytes != other->bytes ||
                              memcmp(seen[k]->text, other->text, other->bytes) != 0);
        if (!fresh)
            continue;
        seen[listed] = other;
        const int shown = (int)(other->bytes < NAME_SHOWN ? other->bytes : NAME_SHOWN);
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%.*s",
                                 listed++ > 0 ? ", " : "", shown, other->text);
    }
    return vain_fail(VAIN_ERR_INPUT, "%s: has no line of split '%s'; it has: %s", file->path, name,
                     listed > 0 ? names : "no line at all");
}

static enum vain_status count_splits(const struct vain_sentence_source *source,
                                     const struct file *file, struct vain_sentences *out)
{
    for (int64_t i = 0; i < file->count; i++) {
        const struct line *line = &file->lines[i];
        if (line->split == VAIN_SPLITS) {
            out->other_count++;
            continue;
        }
        out->splits[line->split].count++;
        if (line->label >= out->class_count)
            out->class_count = (int64_t)line->label + 1;
    }
    for (int s = 0; s < VAIN_SPLITS; s++) {
        const char *name = source->splits[s];
        if (name != NULL && name[0] != '\0' && out->splits[s].count == 0)
            return fail_split(file, name);
    }
    return VAIN_OK;
}

static enum vain_status learn(const struct vain_sentence_source *source, const struct file *file,
                              struct vain_sentences *out)
{
    void *memory;
    VAIN_TRY(vain_take_array(out->splits[VAIN_SPLIT_TRAIN].count, sizeof(struct vain_sentence_text),
                             "training sentences", &memory));
    struct vain_sentence_text *sentences = memory;
    int64_t count = 0;
    for (int64_t i = 0; i < file->count; i++) {
        if (file->lines[i].split == VAIN_SPLIT_TRAIN)
            sentences[count++] = file->lines[i].text;
    }
    const int64_t min_count = source->min_count > 0 ? source->min_count : MIN_COUNT;
    const enum vain_status status =
        vain_vocabulary_learn(file->path, sentences, count, min_count, &out->vocabulary);
    vain_release(memory);
    return status;
}

/* Every sentence has a word and fits; finds the longest, and with it T where none is given. */
static enum vain_status measure(const struct vain_sentence_source *source, const struct file *file,
                                struct vain_sentences *out)
{
    for (int64_t i = 0; i < file->count; i++) {
        const struct line *line = &file->lines[i];
        if (line->split == VAIN_SPLITS)
            continue;
        const int64_t length = vain_vocabulary_encode(&out->vocabulary, &line->text, NULL, 0);
        const int64_t most = source->context > 0 ? source->context : VAIN_CONTEXT_MAX;
        const char *begin = line->name.text;
        if (length == 0)
            return vain_fail(VAIN_ERR_INPUT,
                             "%s:%lld:%lld: the text has no word in it; leave the "
                             "line out",
                             file->path, (long long)i + 1,
                             (long long)column_of(begin, line->text.text));
        if (length > most)
            return vain_fail(VAIN_ERR_INPUT,
                             "%s:%lld:%lld: the text has %lld symbols, more than the context of "
                             "%lld; raise it or shorten the text",
                             file->path, (long long)i + 1,
                             (long long)column_of(begin, line->text.text), (long long)length,
                             (long long)most);
        out->longest = length > out->longest ? length : out->longest;
    }
    out->T = source->context > 0 ? source->context : out->longest;
    return VAIN_OK;
}

static enum vain_status take_split(const char *path, int64_t T, struct vain_sentence_split *split)
{
    if (split->count > VAIN_ARRAY_BYTES_MAX / (int64_t)sizeof *split->tokens / T)
        return vain_fail(VAIN_ERR_INPUT,
                         "%s: %lld sentences of %lld symbols are more than the %lld bytes that are "
                         "held in memory; lower the context",
                         path, (long long)split->count, (long long)T,
                         (long long)VAIN_ARRAY_BYTES_MAX);
    void *tokens, *lengths, *labels, *lines;
    VAIN_TRY(vain_take_array(split->count * T, sizeof *split->tokens, "sentences", &tokens));
    split->tokens = tokens;
    VAIN_TRY(
        vain_take_array(split->count, sizeof *split->lengths, "lengths of sentences", &lengths));
    split->lengths = lengths;
    VAIN_TRY(vain_take_array(split->count, sizeof *split->labels, "labels of sentences", &labels));
    split->labels = labels;
    VAIN_TRY(vain_take_array(split->count, sizeof *split->lines, "lines of sentences", &lines));
    split->lines = lines;
    return VAIN_OK;
}

static enum vain_status encode(const struct file *file, struct vain_sentences *out)
{
    int64_t filled[VAIN_SPLITS] = {0};
    for (int s = 0; s < VAIN_SPLITS; s++)
        VAIN_TRY(take_split(file->path, out->T, &out->splits[s]));
    for (int64_t i = 0; i < file->count; i++) {
        const struct line *line = &file->lines[i];
        if (line->split == VAIN_SPLITS)
            continue;
        struct vain_sentence_split *split = &out->splits[line->split];
        const int64_t row = filled[line->split]++;
        split->lengths[row] = (int32_t)vain_vocabulary_encode(&out->vocabulary, &line->text,
                                                              split->tokens + row * out->T, out->T);
        split->labels[row] = line->label;
        split->lines[row] = i + 1;
    }
    return VAIN_OK;
}

/* ---- Opening ---- */

static enum vain_status read_all(const struct vain_sentence_source *source, struct file *file,
                                 struct vain_sentences *out)
{
    VAIN_TRY(parse_lines(source, file));
    VAIN_TRY(count_splits(source, file, out));
    VAIN_TRY(learn(source, file, out));
    VAIN_TRY(measure(source, file, out));
    return encode(file, out);
}

enum vain_status vain_sentences_read(const struct vain_sentence_source *source, const void *data,
                                     size_t bytes, struct vain_sentences *out)
{
    *out = (struct vain_sentences){0};
    VAIN_ASSERT(source->splits[VAIN_SPLIT_TRAIN] != NULL);
    VAIN_ASSERT(source->splits[VAIN_SPLIT_TRAIN][0] != '\0');
    VAIN_ASSERT(source->context >= 0 && source->context <= VAIN_CONTEXT_MAX);
    if (bytes > VAIN_SENTENCES_BYTES_MAX)
        return vain_fail(VAIN_ERR_INPUT, "%s: has %zu bytes, sentences at most %zu", source->path,
                         bytes, VAIN_SENTENCES_BYTES_MAX);
    void *copy;
    VAIN_TRY(vain_take(bytes + 1, "file of sentences", &copy)); /* never NULL */
    if (bytes > 0)
        memcpy(copy, data, bytes);
    struct file file = {.path = source->path, .bytes = copy, .size = bytes};
    (void)snprintf(out->path, sizeof out->path, "%s", source->path);
    const enum vain_status status = read_all(source, &file, out);
    vain_release(file.lines);
    vain_release(copy);
    if (status != VAIN_OK)
        vain_sentences_close(out);
    return status;
}

enum vain_status vain_sentences_open(const struct vain_sentence_source *source,
                                     struct vain_sentences *out)
{
    void *data;
    size_t bytes;
    *out = (struct vain_sentences){0};
    VAIN_TRY(vain_file_map(source->path, &data, &bytes));
    const enum vain_status status = vain_sentences_read(source, data, bytes, out);
    vain_file_unmap(data, bytes);
    return status;
}

void vain_sentences_close(struct vain_sentences *sentences)
{
    for (int s = 0; s < VAIN_SPLITS; s++) {
        vain_release(sentences->splits[s].tokens);
        vain_release(sentences->splits[s].lengths);
        vain_release(sentences->splits[s].labels);
        vain_release(sentences->splits[s].lines);
    }
    vain_vocabulary_release(&sentences->vocabulary);
    *sentences = (struct vain_sentences){0};
}

void vain_sentences_batch(const struct vain_sentences *sentences, int split, const int64_t *rows,
                          int64_t B, int32_t *tokens, int32_t *labels)
{
    VAIN_ASSERT(split >= 0 && split < VAIN_SPLITS);
    const struct vain_sentence_split *from = &sentences->splits[split];
    const int64_t T = sentences->T;
    for (int64_t i = 0; i < B; i++) {
        VAIN_ASSERT(rows[i] >= 0 && rows[i] < from->count);
        if (tokens != NULL)
            memcpy(tokens + i * T, from->tokens + rows[i] * T, (size_t)T * sizeof *tokens);
        if (labels != NULL)
            labels[i] = from->labels[rows[i]];
    }
}

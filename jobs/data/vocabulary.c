/* Words are collected, sorted and counted as runs, so no table decides an order: the vocabulary is
 * a function of the multiset of words alone. */
#include "jobs/data/vocabulary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/memory.h"

enum { TRIGRAM = 3, CURLY_BYTES = 3 };
static const char CURLY[] = "\xe2\x80\x99"; /* U+2019 */

/* ---- Words of a sentence ---- */

struct reader {
    const char *at, *end;
};

static struct reader read_from(const struct vain_sentence_text *sentence)
{
    return (struct reader){sentence->text, sentence->text + sentence->bytes};
}

/* The next byte as words have it, 0 for one that parts words; moves on. */
static char take_byte(struct reader *reader)
{
    if (reader->end - reader->at >= CURLY_BYTES && memcmp(reader->at, CURLY, CURLY_BYTES) == 0) {
        reader->at += CURLY_BYTES;
        return '\'';
    }
    const unsigned char byte = (unsigned char)*reader->at++;
    if (byte >= 'A' && byte <= 'Z')
        return (char)(byte - 'A' + 'a');
    const bool kept = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
                      byte == '\'' || byte >= 0x80;
    return kept ? (char)byte : '\0';
}

/* Bytes of the character that begins at `at`, which is well-formed. */
static size_t character_bytes(const char *at)
{
    const unsigned char lead = (unsigned char)*at;
    return lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/* The next word, NUL-ended, without apostrophes at its ends; its bytes, 0 at the end. */
static size_t next_word(struct reader *reader, char word[VAIN_MIN_LEN(VAIN_WORD_BYTES)])
{
    size_t used = 0;
    while (reader->at < reader->end && used + character_bytes(reader->at) < VAIN_WORD_BYTES) {
        const char byte = take_byte(reader);
        if (byte != '\0' && (used > 0 || byte != '\''))
            word[used++] = byte;
        while (byte == '\0' && used > 0 && word[used - 1] == '\'')
            used--;
        if (byte == '\0' && used > 0)
            break;
    }
    while (used > 0 && word[used - 1] == '\'')
        used--;
    word[used] = '\0';
    return used;
}

/* Trigram `index` (from 0; a word of n bytes has n) of "<word>". */
static uint32_t trigram_of(const char *word, size_t bytes, size_t index)
{
    uint32_t trigram = 0;
    for (size_t i = index; i < index + TRIGRAM; i++) {
        const char byte = i == 0 ? '<' : i <= bytes ? word[i - 1] : '>';
        trigram = trigram << 8 | (unsigned char)byte;
    }
    return trigram;
}

/* ---- Learning ---- */

/* All words of the sentences, sorted; `bytes` holds them. */
struct collection {
    char *bytes;
    const char **words;
    int64_t count;
};

static int compare_words(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int compare_trigrams(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* A word of n bytes is followed by a separator, the end, or a cut after VAIN_WORD_BYTES - 4 bytes
 * at least, so room for a byte and a half of each byte, and one a sentence, holds all with their
 * NULs. */
static enum vain_status collect(const struct vain_sentence_text *sentences, int64_t count,
                                struct collection *out)
{
    int64_t total = 0;
    for (int64_t i = 0; i < count; i++)
        total += (int64_t)sentences[i].bytes + 1;
    void *bytes, *words;
    VAIN_TRY(vain_take_array(2 * total, 1, "words", &bytes));
    out->bytes = bytes;
    VAIN_TRY(vain_take_array(total, sizeof *out->words, "list of words", &words));
    out->words = words;
    char *at = out->bytes;
    for (int64_t i = 0; i < count; i++) {
        struct reader reader = read_from(&sentences[i]);
        char word[VAIN_WORD_BYTES];
        for (size_t length = next_word(&reader, word); length > 0;
             length = next_word(&reader, word)) {
            memcpy(at, word, length + 1);
            out->words[out->count++] = at;
            at += length + 1;
        }
    }
    qsort(out->words, (size_t)out->count, sizeof *out->words, compare_words);
    return VAIN_OK;
}

/* How often the word at `first` stands there. */
static int64_t run_of(const struct collection *all, int64_t first)
{
    int64_t end = first + 1;
    while (end < all->count && strcmp(all->words[end], all->words[first]) == 0)
        end++;
    return end - first;
}

struct totals {
    int64_t words, word_bytes, rare_bytes;
};

static struct totals count_words(const struct collection *all, int64_t min_count)
{
    struct totals totals = {0};
    for (int64_t i = 0, run; i < all->count; i += run) {
        run = run_of(all, i);
        const int64_t bytes = (int64_t)strlen(all->words[i]);
        if (run >= min_count) {
            totals.words++;
            totals.word_bytes += bytes + 1;
        } else {
            totals.rare_bytes += run * bytes;
        }
    }
    return totals;
}

/* Keep what is seen often enough, in order; the trigrams of all else go to `rare`. */
static void keep_words(const struct collection *all, int64_t min_count, uint32_t *rare,
                       struct vain_vocabulary *out)
{
    char *at = out->bytes;
    for (int64_t i = 0, run; i < all->count; i += run) {
        run = run_of(all, i);
        const char *word = all->words[i];
        const size_t bytes = strlen(word);
        if (run >= min_count) {
            memcpy(at, word, bytes + 1);
            out->words[out->word_count++] = at;
            at += bytes + 1;
            continue;
        }
        for (int64_t k = 0; k < run; k++) {
            for (size_t t = 0; t < bytes; t++)
                *rare++ = trigram_of(word, bytes, t);
        }
    }
}

/* Sorts `rare` (count), and moves what is seen often enough to its front; gives how many. */
static int64_t keep_trigrams(uint32_t *rare, int64_t count, int64_t min_count)
{
    int64_t kept = 0;
    if (count > 0)
        qsort(rare, (size_t)count, sizeof *rare, compare_trigrams);
    for (int64_t i = 0, end; i < count; i = end) {
        end = i + 1;
        while (end < count && rare[end] == rare[i])
            end++;
        if (end - i >= min_count)
            rare[kept++] = rare[i];
    }
    return kept;
}

static enum vain_status settle(const char *what, const struct collection *all, int64_t min_count,
                               struct vain_vocabulary *out)
{
    const struct totals totals = count_words(all, min_count);
    void *bytes, *words, *rare;
    VAIN_TRY(vain_take_array(totals.word_bytes, 1, "vocabulary", &bytes));
    out->bytes = bytes;
    VAIN_TRY(vain_take_array(totals.words, sizeof *out->words, "vocabulary", &words));
    out->words = words;
    VAIN_TRY(vain_take_array(totals.rare_bytes, sizeof *out->trigrams, "trigrams", &rare));
    out->trigrams = rare;
    keep_words(all, min_count, out->trigrams, out);
    out->trigram_count = keep_trigrams(out->trigrams, totals.rare_bytes, min_count);
    out->symbol_count = VAIN_TOKEN_FIRST_WORD + out->word_count + out->trigram_count;
    if (out->symbol_count > VAIN_SYMBOLS_MAX)
        return vain_fail(VAIN_ERR_INPUT,
                         "%s: %lld words and %lld trigrams are seen at least %lld times, at most "
                         "%d symbols fit; ask for more often",
                         what, (long long)out->word_count, (long long)out->trigram_count,
                         (long long)min_count, VAIN_SYMBOLS_MAX);
    return VAIN_OK;
}

enum vain_status vain_vocabulary_learn(const char *what, const struct vain_sentence_text *sentences,
                                       int64_t count, int64_t min_count,
                                       struct vain_vocabulary *out)
{
    *out = (struct vain_vocabulary){0};
    VAIN_ASSERT(min_count >= 1);
    struct collection all = {0};
    enum vain_status status = collect(sentences, count, &all);
    if (status == VAIN_OK)
        status = settle(what, &all, min_count, out);
    vain_release(all.words);
    vain_release(all.bytes);
    if (status != VAIN_OK)
        vain_vocabulary_release(out);
    return status;
}

void vain_vocabulary_release(struct vain_vocabulary *vocabulary)
{
    vain_release(vocabulary->bytes);
    vain_release(vocabulary->words);
    vain_release(vocabulary->trigrams);
    *vocabulary = (struct vain_vocabulary){0};
}

static void hash_u32(struct vain_hash_state *state, uint32_t value)
{
    const uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                              (uint8_t)(value >> 24)};
    vain_hash_update(state, bytes, sizeof bytes);
}

void vain_vocabulary_hash(const struct vain_vocabulary *vocabulary, uint8_t out[VAIN_MIN_LEN(32)])
{
    struct vain_hash_state state;
    vain_hash_init(&state, "vain/words");
    hash_u32(&state, (uint32_t)vocabulary->word_count);
    for (int64_t i = 0; i < vocabulary->word_count; i++)
        vain_hash_update(&state, vocabulary->words[i], strlen(vocabulary->words[i]) + 1);
    for (int64_t i = 0; i < vocabulary->trigram_count; i++)
        hash_u32(&state, vocabulary->trigrams[i]);
    vain_hash_final(&state, out);
}

/* ---- Sentences to symbols ---- */

/* -1 if the vocabulary lacks it. */
static int64_t find_word(const struct vain_vocabulary *vocabulary, const char *word)
{
    int64_t low = 0, high = vocabulary->word_count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        const int order = strcmp(vocabulary->words[middle], word);
        if (order == 0)
            return VAIN_TOKEN_FIRST_WORD + middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

static int64_t find_trigram(const struct vain_vocabulary *vocabulary, uint32_t trigram)
{
    int64_t low = 0, high = vocabulary->trigram_count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (vocabulary->trigrams[middle] == trigram)
            return VAIN_TOKEN_FIRST_WORD + vocabulary->word_count + middle;
        if (vocabulary->trigrams[middle] < trigram)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

static void put(int32_t *out, int64_t capacity, int64_t *count, int64_t symbol)
{
    if (*count < capacity)
        out[*count] = (int32_t)symbol;
    *count += 1;
}

int64_t vain_vocabulary_encode(const struct vain_vocabulary *vocabulary,
                               const struct vain_sentence_text *sentence, int32_t *out,
                               int64_t capacity)
{
    struct reader reader = read_from(sentence);
    char word[VAIN_WORD_BYTES];
    int64_t count = 0;
    for (size_t bytes = next_word(&reader, word); bytes > 0; bytes = next_word(&reader, word)) {
        const int64_t symbol = find_word(vocabulary, word), before = count;
        if (symbol >= 0) {
            put(out, capacity, &count, symbol);
            continue;
        }
        for (size_t t = 0; t < bytes; t++) {
            const int64_t piece = find_trigram(vocabulary, trigram_of(word, bytes, t));
            if (piece >= 0)
                put(out, capacity, &count, piece);
        }
        if (count == before)
            put(out, capacity, &count, VAIN_TOKEN_UNKNOWN);
    }
    return count;
}

static void name_trigram(uint32_t trigram, char out[VAIN_MIN_LEN(VAIN_WORD_BYTES)])
{
    int used = snprintf(out, VAIN_WORD_BYTES, "~");
    for (int shift = 8 * (TRIGRAM - 1); shift >= 0; shift -= 8) {
        const unsigned byte = trigram >> shift & 0xff;
        used += snprintf(out + used, (size_t)(VAIN_WORD_BYTES - used),
                         byte < 0x80 ? "%c" : "\\x%02x", byte);
    }
}

void vain_vocabulary_name(const struct vain_vocabulary *vocabulary, int64_t symbol,
                          char out[VAIN_MIN_LEN(VAIN_WORD_BYTES)])
{
    VAIN_ASSERT(symbol >= 0 && symbol < vocabulary->symbol_count);
    const int64_t word = symbol - VAIN_TOKEN_FIRST_WORD, piece = word - vocabulary->word_count;
    memset(out, 0, VAIN_WORD_BYTES);
    if (word < 0)
        (void)snprintf(out, VAIN_WORD_BYTES, "%s",
                       symbol == VAIN_TOKEN_PADDING ? "<padding>" : "<unknown>");
    else if (piece < 0)
        (void)snprintf(out, VAIN_WORD_BYTES, "%s", vocabulary->words[word]);
    else
        name_trigram(vocabulary->trigrams[piece], out);
}

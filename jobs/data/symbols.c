/* Bytes, characters, tokens.
 *
 * A character vocabulary is the set of code points of the file in ascending order, as nanoGPT's
 * sorted(set(text)) makes it, so that members who hold the same characters number them alike. UTF-8
 * is taken strictly (overlong forms, surrogates and cut sequences are refused with their place): a
 * lenient reader would give two members different vocabularies for one file.
 *
 * Wide symbols are little-endian uint16 in memory as in nanoGPT's files, whatever the machine; the
 * shifts below compile to one load where the machine agrees. */
#include "jobs/data/symbols.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

enum { CODE_POINTS = 0x110000, BYTE_VALUES = 256, REPLACEMENT = 0xfffd, WIDE_BYTES = 2 };

/* Characters are copied as indices, so a text of them is held in memory; larger ones belong in a
 * mapped file. */
#define CHARACTERS_TEXT_BYTES_MAX ((size_t)4 << 30)

int32_t vain_symbols_at(const struct vain_corpus *corpus, int64_t index)
{
    VAIN_ASSERT(index >= 0 && index < corpus->count);
    const uint8_t *bytes = corpus->symbols;
    if (!corpus->wide)
        return bytes[index];
    bytes += WIDE_BYTES * index;
    return bytes[0] | bytes[1] << 8;
}

static enum vain_status read_bytes(const void *data, size_t bytes, struct vain_corpus *out)
{
    void *vocabulary;
    VAIN_TRY(vain_take_array(BYTE_VALUES, sizeof *out->vocabulary, "byte vocabulary", &vocabulary));
    out->vocabulary = vocabulary;
    for (uint32_t i = 0; i < BYTE_VALUES; i++)
        out->vocabulary[i] = i;
    out->symbol_kind = "bytes";
    out->symbols = data;
    out->count = (int64_t)bytes;
    out->symbol_count = BYTE_VALUES;
    return VAIN_OK;
}

static enum vain_status read_tokens(const char *path, const void *data, size_t bytes,
                                    struct vain_corpus *out)
{
    if (bytes % WIDE_BYTES != 0)
        return vain_fail(
            VAIN_ERR_INPUT,
            "%s: has %zu bytes, an odd number; a token file is little-endian uint16 without a "
            "header, two bytes a token (a text file goes into data.text)",
            path, bytes);
    out->symbol_kind = "tokens";
    out->wide = true;
    out->symbols = data;
    out->count = (int64_t)(bytes / WIDE_BYTES);
    int32_t largest = 0;
    for (int64_t i = 0; i < out->count; i++) {
        const int32_t token = vain_symbols_at(out, i);
        if (token > largest)
            largest = token;
    }
    out->symbol_count = (int64_t)largest + 1;
    return VAIN_OK;
}

/* Line and column (in characters), from 1, of byte `offset`; all before it is well-formed. */
static void find_place(const uint8_t *text, size_t offset, int64_t *line, int64_t *column)
{
    *line = 1;
    *column = 1;
    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n') {
            *line += 1;
            *column = 1;
        } else if ((text[i] & 0xc0) != 0x80) {
            *column += 1;
        }
    }
}

static enum vain_status fail_utf8(const char *path, const uint8_t *text, size_t offset)
{
    int64_t line, column;
    find_place(text, offset, &line, &column);
    return vain_fail(
        VAIN_ERR_INPUT,
        "%s:%lld:%lld: byte 0x%02x (offset %zu) begins no UTF-8 character; convert the file (such "
        "as iconv -f latin1 -t utf-8) or set data.symbols: bytes",
        path, (long long)line, (long long)column, text[offset], offset);
}

/* A set of code points that also says how many of its members lie below one: its index in the
 * vocabulary. */
struct code_set {
    uint64_t bits[CODE_POINTS / 64];
    uint32_t below[CODE_POINTS / 64]; /* members before each word */
};

/* Set bits of a word (Warren, "Hacker's Delight", section 5-1). */
static uint32_t count_bits(uint64_t word)
{
    word -= word >> 1 & UINT64_C(0x5555555555555555);
    word = (word & UINT64_C(0x3333333333333333)) + (word >> 2 & UINT64_C(0x3333333333333333));
    word = (word + (word >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (uint32_t)(word * UINT64_C(0x0101010101010101) >> 56);
}

static uint32_t index_of(const struct code_set *set, uint32_t code)
{
    const uint64_t lower = ((uint64_t)1 << code % 64) - 1;
    return set->below[code / 64] + count_bits(set->bits[code / 64] & lower);
}

/* Put each code point of the text into `set` and count its characters. */
static enum vain_status survey(const char *path, const uint8_t *text, size_t bytes,
                               struct code_set *set, int64_t *count)
{
    size_t at = 0;
    while (at < bytes) {
        uint32_t code;
        const int length = vain_text_character((const char *)text + at, bytes - at, &code);
        if (length == 0)
            return fail_utf8(path, text, at);
        set->bits[code / 64] |= (uint64_t)1 << code % 64;
        at += (size_t)length;
        *count += 1;
    }
    return VAIN_OK;
}

/* Give `below` its values and list the set as a vocabulary. */
static enum vain_status list_characters(const char *path, struct code_set *set,
                                        struct vain_corpus *out)
{
    uint32_t count = 0;
    for (size_t i = 0; i < VAIN_COUNT_OF(set->bits); i++) {
        set->below[i] = count;
        count += count_bits(set->bits[i]);
    }
    if (count > VAIN_SYMBOLS_MAX)
        return vain_fail(
            VAIN_ERR_INPUT,
            "%s: has %u different characters, at most %d can be symbols; set data.symbols: bytes",
            path, count, VAIN_SYMBOLS_MAX);
    void *vocabulary;
    VAIN_TRY(vain_take_array(count, sizeof *out->vocabulary, "character vocabulary", &vocabulary));
    out->vocabulary = vocabulary;
    for (uint32_t i = 0; i < VAIN_COUNT_OF(set->bits); i++) {
        for (uint32_t bit = 0; set->bits[i] != 0 && bit < 64; bit++) {
            if ((set->bits[i] >> bit & 1) != 0)
                out->vocabulary[out->symbol_count++] = 64 * i + bit;
        }
    }
    return VAIN_OK;
}

static void write_indices(const uint8_t *text, size_t bytes, const struct code_set *set, bool wide,
                          uint8_t *out)
{
    size_t at = 0;
    while (at < bytes) {
        uint32_t code;
        at += (size_t)vain_text_character((const char *)text + at, bytes - at, &code);
        const uint32_t index = index_of(set, code);
        *out++ = (uint8_t)index;
        if (wide)
            *out++ = (uint8_t)(index >> 8);
    }
}

/* `set` is empty at the start. */
static enum vain_status index_characters(const char *path, const uint8_t *text, size_t bytes,
                                         struct code_set *set, struct vain_corpus *out)
{
    VAIN_TRY(survey(path, text, bytes, set, &out->count));
    VAIN_TRY(list_characters(path, set, out));
    out->wide = out->symbol_count > BYTE_VALUES;
    VAIN_TRY(
        vain_take_array(out->count, out->wide ? WIDE_BYTES : 1, "text as symbols", &out->owned));
    write_indices(text, bytes, set, out->wide, out->owned);
    out->symbols = out->owned;
    out->symbol_kind = "characters";
    return VAIN_OK;
}

/* The text is copied before it is looked at twice: the file under a mapping may change between the
 * two looks, and a character that the first had not seen would have no number in the second. */
static enum vain_status read_characters(const char *path, const void *data, size_t bytes,
                                        struct vain_corpus *out)
{
    if (bytes > CHARACTERS_TEXT_BYTES_MAX)
        return vain_fail(
            VAIN_ERR_INPUT,
            "%s: has %zu bytes, a text of characters at most %zu; set data.symbols: bytes or use "
            "data.tokens, which are mapped and take no memory",
            path, bytes, CHARACTERS_TEXT_BYTES_MAX);
    enum vain_status status = VAIN_OK;
    void *text = NULL, *set = NULL;
    VAIN_TRY_OUT(vain_take(bytes, "text file", &text));
    VAIN_TRY_OUT(vain_take(sizeof(struct code_set), "set of code points", &set));
    memcpy(text, data, bytes);
    status = index_characters(path, text, bytes, set, out);
out:
    vain_release(set);
    vain_release(text);
    return status;
}

enum vain_status vain_symbols_read(const char *kind, const char *path, const void *data,
                                   size_t bytes, struct vain_corpus *out)
{
    if (bytes == 0)
        return vain_fail(VAIN_ERR_INPUT, "%s: is empty; there is nothing to train on", path);
    enum vain_status status;
    if (strcmp(kind, "bytes") == 0) {
        status = read_bytes(data, bytes, out);
    } else if (strcmp(kind, "tokens") == 0) {
        status = read_tokens(path, data, bytes, out);
    } else {
        VAIN_ASSERT(strcmp(kind, "characters") == 0);
        status = read_characters(path, data, bytes, out);
    }
    if (status != VAIN_OK) {
        vain_release(out->vocabulary);
        vain_release(out->owned);
        *out = (struct vain_corpus){0};
    }
    return status;
}

/* ---- Text of people: prompts and what a model writes ---- */

static enum vain_status check_ascending(const uint32_t *vocabulary, int64_t symbol_count)
{
    for (int64_t i = 1; i < symbol_count; i++) {
        if (vocabulary[i - 1] >= vocabulary[i])
            return vain_fail(VAIN_ERR_CORRUPT,
                             "vocabulary: entry %lld (%u) does not come after %u; it must ascend",
                             (long long)i, vocabulary[i], vocabulary[i - 1]);
    }
    return VAIN_OK;
}

/* Index of `code`, -1 if the vocabulary lacks it. */
static int64_t find_code(const uint32_t *vocabulary, int64_t symbol_count, uint32_t code)
{
    int64_t low = 0, high = symbol_count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (vocabulary[middle] < code)
            low = middle + 1;
        else
            high = middle;
    }
    return low < symbol_count && vocabulary[low] == code ? low : -1;
}

/* One "<123>" at the start of `text`: its length, 0 if there is none below `symbol_count`. */
static int parse_token(const char *text, int64_t symbol_count, int64_t *token)
{
    int at = 1;
    *token = 0;
    if (text[0] != '<')
        return 0;
    for (; text[at] >= '0' && text[at] <= '9' && *token < symbol_count; at++)
        *token = 10 * *token + (text[at] - '0');
    return at > 1 && text[at] == '>' && *token < symbol_count ? at + 1 : 0;
}

/* The symbol at the start of `text`: its length in bytes, 0 if there is none. */
static int next_symbol(const char *kind, const uint32_t *vocabulary, int64_t symbol_count,
                       const char *text, size_t bytes, int64_t *symbol)
{
    if (strcmp(kind, "tokens") == 0)
        return parse_token(text, symbol_count, symbol);
    uint32_t code = (unsigned char)text[0];
    const int length = strcmp(kind, "bytes") == 0 ? 1 : vain_text_character(text, bytes, &code);
    *symbol = length == 0 ? -1 : find_code(vocabulary, symbol_count, code);
    return *symbol < 0 ? 0 : length;
}

static enum vain_status fail_symbol(const char *kind, const char *text, size_t bytes, int64_t index,
                                    int64_t symbol_count)
{
    if (strcmp(kind, "tokens") == 0)
        return vain_fail(
            VAIN_ERR_INPUT,
            "text: symbol %lld is no token; this model reads tokens written <0> to <%lld>",
            (long long)index + 1, (long long)symbol_count - 1);
    uint32_t code;
    const int length = vain_text_character(text, bytes, &code);
    if (length == 0)
        return vain_fail(VAIN_ERR_INPUT,
                         "text: byte 0x%02x after %lld characters begins no UTF-8 character",
                         (unsigned char)text[0], (long long)index);
    const bool printable = vain_text_printable(code);
    return vain_fail(
        VAIN_ERR_INPUT,
        "text: character %lld, \"%.*s\" (U+%04X), is not among the %lld symbols that this model "
        "was trained on; leave it out",
        (long long)index + 1, printable ? length : 1, printable ? text : "?", code,
        (long long)symbol_count);
}

enum vain_status vain_symbols_encode(const char *kind, const uint32_t *vocabulary,
                                     int64_t symbol_count, const char *text, int32_t *out,
                                     int64_t capacity, int64_t *count)
{
    *count = 0;
    const bool tokens = strcmp(kind, "tokens") == 0;
    VAIN_ASSERT(tokens || strcmp(kind, "bytes") == 0 || strcmp(kind, "characters") == 0);
    if (!tokens)
        VAIN_TRY(check_ascending(vocabulary, symbol_count));
    size_t left = strlen(text);
    int64_t used = 0;
    while (left > 0) {
        int64_t symbol;
        const int length = next_symbol(kind, vocabulary, symbol_count, text, left, &symbol);
        if (length == 0)
            return fail_symbol(kind, text, left, used, symbol_count);
        if (used == capacity)
            return vain_fail(VAIN_ERR_INPUT, "text: has more than %lld symbols; shorten it",
                             (long long)capacity);
        out[used++] = (int32_t)symbol;
        text += length;
        left -= (size_t)length;
    }
    *count = used;
    return VAIN_OK;
}

/* UTF-8 of `code` (U+FFFD if it is no scalar value): gives its 1 to 4 bytes. */
static size_t write_character(uint32_t code, char out[VAIN_MIN_LEN(4)])
{
    if (code >= CODE_POINTS || (code >= 0xd800 && code <= 0xdfff))
        code = REPLACEMENT;
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    const size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    const uint32_t marks[] = {0xc0, 0xe0, 0xf0};
    for (size_t i = length - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    out[0] = (char)(marks[length - 2] | code);
    return length;
}

size_t vain_symbols_decode(const char *kind, const uint32_t *vocabulary, int64_t symbol_count,
                           const int32_t *symbols, int64_t count, char *out, size_t bytes)
{
    const bool tokens = strcmp(kind, "tokens") == 0, raw = strcmp(kind, "bytes") == 0;
    VAIN_ASSERT(bytes > 0);
    size_t used = 0;
    for (int64_t i = 0; i < count; i++) {
        char piece[16];
        size_t length;
        const bool known = symbols[i] >= 0 && symbols[i] < symbol_count;
        if (!known)
            length = write_character(REPLACEMENT, piece);
        else if (tokens)
            length = (size_t)snprintf(piece, sizeof piece, "<%d>", (int)symbols[i]);
        else if (raw)
            piece[0] = (char)vocabulary[symbols[i]], length = 1;
        else
            length = write_character(vocabulary[symbols[i]], piece);
        if (length >= bytes - used)
            break;
        memcpy(out + used, piece, length);
        used += length;
    }
    out[used] = '\0';
    return used;
}

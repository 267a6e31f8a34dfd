/* Fuzz target: a data file's bytes as bytes, characters or tokens, and a checkpoint's vocabulary.
 *
 * The first byte says as what the rest is read. Beyond not crashing: what was read as text and
 * written again is the same text, every symbol lies in the vocabulary, and encoding the text gives
 * the symbols that reading it gave. */
#include <string.h>

#include "base/memory.h"
#include "jobs/data/symbols.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum { KINDS = 4, VOCABULARY = 3, TOKEN_TEXT_BYTES = 8 };
static const char *const kinds[] = {"bytes", "characters", "tokens"};

static void *take(size_t bytes)
{
    void *memory;
    VAIN_ASSERT(vain_take(bytes, "fuzzed input", &memory) == VAIN_OK);
    return memory;
}

static int32_t *symbols_of(const struct vain_corpus *corpus)
{
    int32_t *symbols = take((size_t)corpus->count * sizeof *symbols + 1);
    for (int64_t i = 0; i < corpus->count; i++) {
        symbols[i] = vain_symbols_at(corpus, i);
        VAIN_ASSERT(symbols[i] >= 0 && symbols[i] < corpus->symbol_count);
    }
    return symbols;
}

/* Encode the text up to its first NUL: the same symbols come out. */
static void check_encode(const struct vain_corpus *corpus, const char *text, const int32_t *symbols)
{
    int32_t *again = take((size_t)corpus->count * sizeof *again + 1);
    int64_t count;
    VAIN_ASSERT(vain_symbols_encode(corpus->symbol_kind, corpus->vocabulary, corpus->symbol_count,
                                    text, again, corpus->count, &count) == VAIN_OK);
    VAIN_ASSERT(count <= corpus->count);
    VAIN_ASSERT(memcmp(again, symbols, (size_t)count * sizeof *again) == 0);
    vain_release(again);
}

static void fuzz_file(const char *kind, const uint8_t *data, size_t bytes)
{
    struct vain_corpus corpus = {0};
    if (vain_symbols_read(kind, "input", data, bytes, &corpus) != VAIN_OK)
        return;
    int32_t *symbols = symbols_of(&corpus);
    const bool tokens = strcmp(kind, "tokens") == 0;
    const size_t room = (tokens ? (size_t)corpus.count * TOKEN_TEXT_BYTES : bytes) + 1;
    char *text = take(room);
    const size_t used = vain_symbols_decode(kind, corpus.vocabulary, corpus.symbol_count, symbols,
                                            corpus.count, text, room);
    VAIN_ASSERT(used < room && text[used] == '\0');
    if (!tokens)
        VAIN_ASSERT(used == bytes && (bytes == 0 || memcmp(text, data, bytes) == 0));
    check_encode(&corpus, text, symbols);
    vain_release(text);
    vain_release(symbols);
    vain_release(corpus.vocabulary);
    vain_release(corpus.owned);
}

/* The first half is a vocabulary as a checkpoint might hold it, the rest a prompt. */
static void fuzz_vocabulary(const uint8_t *data, size_t bytes)
{
    enum { CAPACITY = 64 };
    const size_t half = bytes / 2 / sizeof(uint32_t) * sizeof(uint32_t);
    uint32_t *vocabulary = take(half + 1);
    char *text = take(bytes - half + 1);
    memcpy(vocabulary, data, half);
    memcpy(text, data + half, bytes - half);
    for (size_t k = 0; k < VAIN_COUNT_OF(kinds); k++) {
        const int64_t symbol_count = (int64_t)(half / sizeof(uint32_t));
        int32_t symbols[CAPACITY];
        int64_t count;
        const enum vain_status status = vain_symbols_encode(kinds[k], vocabulary, symbol_count,
                                                            text, symbols, CAPACITY, &count);
        VAIN_ASSERT(status == VAIN_OK || count == 0);
        for (int64_t i = 0; i < count; i++)
            VAIN_ASSERT(symbols[i] >= 0 && symbols[i] < symbol_count);
        char out[CAPACITY * TOKEN_TEXT_BYTES];
        const int32_t wild[] = {0, (int32_t)bytes, -1, INT32_MAX, INT32_MIN};
        VAIN_ASSERT(vain_symbols_decode(kinds[k], vocabulary, symbol_count, wild, 5, out,
                                        sizeof out) < sizeof out);
    }
    vain_release(text);
    vain_release(vocabulary);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes == 0)
        return 0;
    const int mode = data[0] % KINDS;
    if (mode == VOCABULARY)
        fuzz_vocabulary(data + 1, bytes - 1);
    else
        fuzz_file(kinds[mode], data + 1, bytes - 1);
    VAIN_ASSERT(vain_memory_blocks() == 0);
    return 0;
}

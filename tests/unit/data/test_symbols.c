/* Bytes, characters and tokens: strict reading, ascending vocabularies, and the way back. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "jobs/data/symbols.h"
#include "tests/unit/suite.h"

static void drop(struct vain_corpus *corpus)
{
    vain_release(corpus->vocabulary);
    vain_release(corpus->owned);
    *corpus = (struct vain_corpus){0};
}

static struct vain_corpus read_text(const char *kind, const void *data, size_t bytes)
{
    struct vain_corpus corpus = {0};
    CU_ASSERT_EQUAL_FATAL(vain_symbols_read(kind, "f", data, bytes, &corpus), VAIN_OK);
    CU_ASSERT_STRING_EQUAL(corpus.symbol_kind, kind);
    return corpus;
}

/* Reading must fail at `place` ("f:line:column") and leave nothing behind. */
static void refuse(const char *text, size_t bytes, const char *place)
{
    struct vain_corpus corpus = {0};
    CU_ASSERT_EQUAL(vain_symbols_read("characters", "f", text, bytes, &corpus), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NULL(corpus.symbols);
    CU_ASSERT_PTR_NULL(corpus.owned);
    CU_ASSERT_PTR_NULL(corpus.vocabulary);
    CU_ASSERT_EQUAL(strncmp(vain_fail_message(), place, strlen(place)), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "data.symbols: bytes"));
}
#define REFUSE(text, place) refuse(text, sizeof(text) - 1, place)

static void bad_utf8_is_refused_with_its_place(void)
{
    REFUSE("\xff", "f:1:1: byte 0xff (offset 0)");
    REFUSE("ab\n\xc3\xa9x\x80",
           "f:2:3: byte 0x80 (offset 6)");              /* a continuation alone, after "éx" */
    REFUSE("\n\n\xc0\xaf", "f:3:1: byte 0xc0");         /* overlong "/" */
    REFUSE("a\xe0\x80\xaf", "f:1:2: byte 0xe0");        /* overlong in three bytes */
    REFUSE("a\xf0\x80\x80\xaf", "f:1:2: byte 0xf0");    /* overlong in four */
    REFUSE("\xed\xa0\x80", "f:1:1: byte 0xed");         /* surrogate U+D800 */
    REFUSE("\xed\xbf\xbf", "f:1:1: byte 0xed");         /* surrogate U+DFFF */
    REFUSE("\xf4\x90\x80\x80", "f:1:1: byte 0xf4");     /* U+110000 */
    REFUSE("\xf8\x88\x80\x80\x80", "f:1:1: byte 0xf8"); /* five bytes */
    REFUSE("x\xc3", "f:1:2: byte 0xc3");                /* cut after one of two */
    REFUSE("x\xe2\x82", "f:1:2: byte 0xe2");            /* cut after two of three */
    REFUSE("x\xf0\x9f\x98", "f:1:2: byte 0xf0");        /* cut after three of four */
    REFUSE("\xc3(", "f:1:1: byte 0xc3");                /* the second byte is no continuation */
}

static void the_extremes_of_utf8_are_taken(void)
{
    static const char text[] =
        "\0\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"
        "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf";
    static const uint32_t codes[] = {0,      0x7f,   0x80,   0x7ff,   0x800,
                                     0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff};
    struct vain_corpus corpus = read_text("characters", text, sizeof text - 1);
    CU_ASSERT_EQUAL_FATAL(corpus.symbol_count, 10);
    CU_ASSERT_EQUAL(corpus.count, 10);
    CU_ASSERT_EQUAL(memcmp(corpus.vocabulary, codes, sizeof codes), 0);
    for (int i = 0; i < 10; i++)
        CU_ASSERT_EQUAL(vain_symbols_at(&corpus, i), i);
    drop(&corpus);
}

static void characters_are_numbered_in_ascending_order(void)
{
    /* Python: sorted(set("zaé€a😀b")) == ['a', 'b', 'z', 'é', '€', '😀'] */
    static const char text[] = "za\xc3\xa9\xe2\x82\xac"
                               "a\xf0\x9f\x98\x80"
                               "b";
    static const int32_t expected[] = {2, 0, 3, 4, 0, 5, 1};
    static const uint32_t codes[] = {'a', 'b', 'z', 0xe9, 0x20ac, 0x1f600};
    struct vain_corpus corpus = read_text("characters", text, sizeof text - 1);
    CU_ASSERT_EQUAL(corpus.count, 7);
    CU_ASSERT_EQUAL_FATAL(corpus.symbol_count, 6);
    CU_ASSERT_EQUAL(memcmp(corpus.vocabulary, codes, sizeof codes), 0);
    CU_ASSERT(!corpus.wide);
    for (int i = 0; i < 7; i++)
        CU_ASSERT_EQUAL(vain_symbols_at(&corpus, i), expected[i]);
    drop(&corpus);
}

/* The alphabet of Tiny Shakespeare: newline, space, 11 marks and the digit 3, A-Z, a-z. */
static void shakespeares_alphabet_has_65_symbols(void)
{
    static const char alphabet[] =
        "\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    char text[65 * 40];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] =
            alphabet[i * 37 % 65]; /* 37 and 65 share no factor: each line is a shuffle of all */
    struct vain_corpus corpus = read_text("characters", text, sizeof text);
    CU_ASSERT_EQUAL_FATAL(corpus.symbol_count, 65);
    for (int i = 0; i < 65; i++)
        CU_ASSERT_EQUAL(corpus.vocabulary[i], (uint32_t)alphabet[i]);
    for (int64_t i = 0; i < corpus.count; i++)
        CU_ASSERT_EQUAL(vain_symbols_at(&corpus, i), i * 37 % 65);
    drop(&corpus);
}

/* All characters [first, first + count) of two bytes and then the first again. */
static size_t write_range(uint32_t first, uint32_t count, uint8_t *out)
{
    size_t used = 0;
    for (uint32_t i = 0; i <= count; i++) {
        const uint32_t code = first + i % count;
        out[used++] = (uint8_t)(0xc0 | code >> 6);
        out[used++] = (uint8_t)(0x80 | (code & 0x3f));
    }
    return used;
}

static void more_than_256_characters_become_wide(void)
{
    uint8_t text[2 * 300];
    struct vain_corpus corpus = read_text("characters", text, write_range(0x100, 256, text));
    CU_ASSERT(!corpus.wide);
    CU_ASSERT_EQUAL(vain_symbols_at(&corpus, 255), 255);
    drop(&corpus);
    corpus = read_text("characters", text, write_range(0x100, 257, text));
    CU_ASSERT(corpus.wide);
    CU_ASSERT_EQUAL(corpus.symbol_count, 257);
    CU_ASSERT_EQUAL(vain_symbols_at(&corpus, 256), 256);
    CU_ASSERT_EQUAL(vain_symbols_at(&corpus, 257), 0);
    drop(&corpus);
}

/* Every code point that UTF-8 may hold in four bytes: 0x10000 of them fit, one more does not. */
static void more_than_65536_characters_are_refused(void)
{
    static uint8_t text[4 * (VAIN_SYMBOLS_MAX + 1)];
    for (uint32_t i = 0; i <= VAIN_SYMBOLS_MAX; i++) {
        const uint32_t code = 0x10000 + i;
        text[4 * i] = (uint8_t)(0xf0 | code >> 18);
        text[4 * i + 1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
        text[4 * i + 2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        text[4 * i + 3] = (uint8_t)(0x80 | (code & 0x3f));
    }
    struct vain_corpus corpus = read_text("characters", text, sizeof text - 4);
    CU_ASSERT_EQUAL(corpus.symbol_count, VAIN_SYMBOLS_MAX);
    CU_ASSERT_EQUAL(vain_symbols_at(&corpus, VAIN_SYMBOLS_MAX - 1), VAIN_SYMBOLS_MAX - 1);
    drop(&corpus);
    CU_ASSERT_EQUAL(vain_symbols_read("characters", "f", text, sizeof text, &corpus),
                    VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(vain_fail_message(), "65537 different characters, at most 65536"));
}

static void bytes_are_taken_as_they_are(void)
{
    static const uint8_t data[] = {0, 0xff, 'a', 0xc3};
    struct vain_corpus corpus = read_text("bytes", data, sizeof data);
    CU_ASSERT_PTR_EQUAL(corpus.symbols, data);
    CU_ASSERT_EQUAL(corpus.symbol_count, 256);
    CU_ASSERT_EQUAL(vain_symbols_at(&corpus, 1), 255);
    for (uint32_t i = 0; i < 256; i++)
        CU_ASSERT_EQUAL(corpus.vocabulary[i], i);
    drop(&corpus);
}

static void tokens_are_little_endian_and_mapped(void)
{
    static const uint8_t data[] = {0x01, 0x02, 0xff, 0xff, 0x00, 0x00, 0x34, 0x12};
    static const int32_t expected[] = {0x0201, 0xffff, 0, 0x1234};
    struct vain_corpus corpus = read_text("tokens", data, sizeof data);
    CU_ASSERT_PTR_EQUAL(corpus.symbols, data);
    CU_ASSERT_EQUAL(corpus.symbol_count, 65536);
    CU_ASSERT_PTR_NULL(corpus.vocabulary);
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(vain_symbols_at(&corpus, i), expected[i]);
    drop(&corpus);
    corpus = read_text("tokens", data, 2);
    CU_ASSERT_EQUAL(corpus.symbol_count, 0x0202);
    drop(&corpus);
}

static void odd_token_files_are_refused(void)
{
    struct vain_corpus corpus = {0};
    CU_ASSERT_EQUAL(vain_symbols_read("tokens", "f.bin", "abc", 3, &corpus), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "f.bin: has 3 bytes, an odd number"));
}

static void an_empty_text_is_refused(void)
{
    static const char *const kinds[] = {"bytes", "characters", "tokens"};
    for (size_t i = 0; i < VAIN_COUNT_OF(kinds); i++) {
        struct vain_corpus corpus = {0};
        CU_ASSERT_EQUAL(vain_symbols_read(kinds[i], "f", NULL, 0, &corpus), VAIN_ERR_INPUT);
        CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "f: is empty"));
    }
}

static const uint32_t alphabet[] = {'a', 'b', 'z', 0xe9, 0x20ac, 0x1f600};

static void characters_round_trip(void)
{
    static const char text[] = "z\xf0\x9f\x98\x80"
                               "a\xe2\x82\xac\xc3\xa9"
                               "b";
    static const int32_t expected[] = {2, 5, 0, 4, 3, 1};
    int32_t symbols[6];
    int64_t count;
    CU_ASSERT_EQUAL(vain_symbols_encode("characters", alphabet, 6, text, symbols, 6, &count),
                    VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(count, 6);
    CU_ASSERT_EQUAL(memcmp(symbols, expected, sizeof expected), 0);
    char out[32];
    CU_ASSERT_EQUAL(vain_symbols_decode("characters", alphabet, 6, symbols, count, out, sizeof out),
                    sizeof text - 1);
    CU_ASSERT_STRING_EQUAL(out, text);
}

static void bytes_round_trip(void)
{
    char text[256], out[256];
    uint32_t vocabulary[256];
    int32_t symbols[256];
    for (int i = 0; i < 256; i++) {
        text[i] = (char)(255 - i);
        vocabulary[i] = (uint32_t)i;
    }
    int64_t count;
    CU_ASSERT_EQUAL(vain_symbols_encode("bytes", vocabulary, 256, text, symbols, 256, &count),
                    VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(count, 255);
    CU_ASSERT_EQUAL(symbols[0], 255);
    CU_ASSERT_EQUAL(vain_symbols_decode("bytes", vocabulary, 256, symbols, count, out, sizeof out),
                    255);
    CU_ASSERT_EQUAL(memcmp(out, text, 256), 0);
}

static void tokens_round_trip(void)
{
    int32_t symbols[4];
    int64_t count;
    char out[32];
    CU_ASSERT_EQUAL(vain_symbols_encode("tokens", NULL, 500, "<0><499><12>", symbols, 4, &count),
                    VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(count, 3);
    CU_ASSERT_EQUAL(symbols[1], 499);
    vain_symbols_decode("tokens", NULL, 500, symbols, count, out, sizeof out);
    CU_ASSERT_STRING_EQUAL(out, "<0><499><12>");
}

static void expect_unknown(const char *kind, const uint32_t *vocabulary, int64_t symbol_count,
                           const char *text, const char *words)
{
    int32_t symbols[16];
    int64_t count = 9;
    CU_ASSERT_EQUAL(vain_symbols_encode(kind, vocabulary, symbol_count, text, symbols, 16, &count),
                    VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(count, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), words));
}

static void unknown_characters_are_named(void)
{
    expect_unknown("characters", alphabet, 6, "az\xc3\xa8", "character 3, \"\xc3\xa8\" (U+00E8)");
    expect_unknown("characters", alphabet, 6, "a\nb", "character 2, \"?\" (U+000A)");
    expect_unknown("characters", alphabet, 6, "a\xff", "byte 0xff after 1 characters");
    expect_unknown("tokens", NULL, 500, "<1><500>", "symbol 2 is no token");
    expect_unknown("tokens", NULL, 500, "12", "written <0> to <499>");
    expect_unknown("tokens", NULL, 500, "<>", "symbol 1");
    expect_unknown("tokens", NULL, 500, "<12", "symbol 1");
    expect_unknown("tokens", NULL, 500, "<99999999999999999999999>", "symbol 1");
}

static void a_text_beyond_the_capacity_is_refused(void)
{
    int32_t symbols[3] = {-1, -1, -1};
    int64_t count = 9;
    CU_ASSERT_EQUAL(vain_symbols_encode("characters", alphabet, 6, "abz", symbols, 2, &count),
                    VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(count, 0);
    CU_ASSERT_EQUAL(symbols[2], -1);
    CU_ASSERT_EQUAL(vain_symbols_encode("characters", alphabet, 6, "", symbols, 0, &count),
                    VAIN_OK);
}

static void a_vocabulary_that_does_not_ascend_is_refused(void)
{
    static const uint32_t shuffled[] = {'b', 'a'}, doubled[] = {'a', 'a'};
    int32_t symbols[4];
    int64_t count;
    CU_ASSERT_EQUAL(vain_symbols_encode("characters", shuffled, 2, "a", symbols, 4, &count),
                    VAIN_ERR_CORRUPT);
    CU_ASSERT_EQUAL(vain_symbols_encode("characters", doubled, 2, "a", symbols, 4, &count),
                    VAIN_ERR_CORRUPT);
}

static void decoding_never_passes_its_end(void)
{
    static const int32_t symbols[] = {0, 5, 1};
    char out[8];
    memset(out, 'x', sizeof out);
    CU_ASSERT_EQUAL(vain_symbols_decode("characters", alphabet, 6, symbols, 3, out, 5), 1);
    CU_ASSERT_EQUAL(memcmp(out, "a\0xxxxxx", 8), 0);
    CU_ASSERT_EQUAL(vain_symbols_decode("characters", alphabet, 6, symbols, 3, out, 6), 5);
    CU_ASSERT_STRING_EQUAL(out, "a\xf0\x9f\x98\x80");
    CU_ASSERT_EQUAL(vain_symbols_decode("characters", alphabet, 6, symbols, 3, out, 1), 0);
    CU_ASSERT_STRING_EQUAL(out, "");
}

static void what_is_no_character_shows_as_the_replacement(void)
{
    static const uint32_t odd[] = {0xd800, 0x110000};
    static const int32_t symbols[] = {0, 1, 2, -1};
    char out[16];
    CU_ASSERT_EQUAL(vain_symbols_decode("characters", odd, 2, symbols, 4, out, sizeof out), 12);
    CU_ASSERT_STRING_EQUAL(out, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

static const struct vain_test tests[] = {
    {"bad UTF-8 is refused with line and column", bad_utf8_is_refused_with_its_place},
    {"the extremes of UTF-8 are taken", the_extremes_of_utf8_are_taken},
    {"characters are numbered in ascending order", characters_are_numbered_in_ascending_order},
    {"Shakespeare's alphabet has 65 symbols", shakespeares_alphabet_has_65_symbols},
    {"more than 256 characters become wide", more_than_256_characters_become_wide},
    {"more than 65536 characters are refused", more_than_65536_characters_are_refused},
    {"bytes are taken as they are", bytes_are_taken_as_they_are},
    {"tokens are little-endian and not copied", tokens_are_little_endian_and_mapped},
    {"token files of odd size are refused", odd_token_files_are_refused},
    {"an empty text is refused", an_empty_text_is_refused},
    {"characters round trip", characters_round_trip},
    {"bytes round trip", bytes_round_trip},
    {"tokens round trip", tokens_round_trip},
    {"unknown characters are named", unknown_characters_are_named},
    {"a text beyond the capacity is refused", a_text_beyond_the_capacity_is_refused},
    {"a vocabulary that does not ascend is refused", a_vocabulary_that_does_not_ascend_is_refused},
    {"decoding never passes its end", decoding_never_passes_its_end},
    {"what is no character shows as U+FFFD", what_is_no_character_shows_as_the_replacement},
    {NULL, NULL}};
const struct vain_suite vain_suite_symbols = {"data: symbols", tests};

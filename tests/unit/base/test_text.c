/* base/text: UTF-8 by counting, likeness against the definition, a text that grows. */
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "tests/unit/suite.h"

/* RFC 3629's encoder, the other way round from the decoder under test. */
static int encode(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    const int length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint32_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (int i = length - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    out[0] = (char)(leads[length] | code);
    return length;
}

static void test_every_code_point(void)
{
    char bytes[4];
    int wrong = 0;
    for (uint32_t code = 0; code <= 0x10ffff; code++) {
        uint32_t back;
        const int length = encode(code, bytes);
        const int got = vain_text_character(bytes, (size_t)length, &back);
        if (code >= 0xd800 && code < 0xe000)
            wrong += got != 0;
        else
            wrong += got != length || back != code;
        /* Cut short, it is none. */
        wrong += vain_text_character(bytes, (size_t)length - 1, &back) == length;
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

/* How many of all strings of `length` bytes are one character of that length. The last bytes run
 * over continuation bytes only where there are four. */
static int count_characters(int length)
{
    int count = 0;
    const int low = length == 4 ? 0x80 : 0, high = length == 4 ? 0xc0 : 0x100;
    for (int first = 0; first < 256; first++) {
        for (int second = 0; second < (length > 1 ? 256 : 1); second++) {
            for (int third = low; third < (length > 2 ? high : low + 1); third++) {
                for (int fourth = low; fourth < (length > 3 ? high : low + 1); fourth++) {
                    const char bytes[] = {(char)first, (char)second, (char)third, (char)fourth};
                    uint32_t code;
                    count += vain_text_character(bytes, (size_t)length, &code) == length;
                }
            }
        }
        if (length == 4 && first < 0xe0)
            first = 0xe0;
    }
    return count;
}

static void test_no_other_bytes(void)
{
    CU_ASSERT_EQUAL(count_characters(1), 0x80);
    CU_ASSERT_EQUAL(count_characters(2), 0x800 - 0x80);
    CU_ASSERT_EQUAL(count_characters(3), 0x10000 - 0x800 - 0x800);
    CU_ASSERT_EQUAL(count_characters(4), 0x110000 - 0x10000);
}

static void test_printable(void)
{
    static const uint32_t yes[] = {' ', 'a', '~', 0xa0, 0xe4, 0x20ac, 0xfffd, 0x1f600};
    static const uint32_t no[] = {0,    9,      10,     13,     0x1b,   0x7f,   0x85,
                                  0x9f, 0x2028, 0x2029, 0xfeff, 0xfffe, 0xffff, 0x1fffe};
    for (size_t i = 0; i < VAIN_COUNT_OF(yes); i++)
        CU_ASSERT_TRUE(vain_text_printable(yes[i]));
    for (size_t i = 0; i < VAIN_COUNT_OF(no); i++)
        CU_ASSERT_FALSE(vain_text_printable(no[i]));
    CU_ASSERT_TRUE(vain_text_is_line(""));
    CU_ASSERT_TRUE(vain_text_is_line("größer € 😀"));
    CU_ASSERT_FALSE(vain_text_is_line("two\nlines"));
    CU_ASSERT_FALSE(vain_text_is_line("cut \xc3"));
}

static void check_excerpt(const char *text, int limit, size_t bytes, const char *expected)
{
    char out[64];
    memset(out, '#', sizeof out);
    vain_text_excerpt(text, limit, out, bytes);
    CU_ASSERT_STRING_EQUAL(out, expected);
    CU_ASSERT_EQUAL(out[bytes], '#');
}

static void test_excerpt(void)
{
    check_excerpt("", 5, 4, "");
    check_excerpt("abc", 3, 8, "abc");
    check_excerpt("abcd", 3, 8, "abc...");
    check_excerpt("abc", 10, 4, "abc");
    check_excerpt("abcd", 10, 4, "...");
    check_excerpt("abcde", 10, 5, "a...");
    check_excerpt("a\x1b[0m", 10, 16, "a?[0m");
    check_excerpt("a\xff"
                  "b",
                  10, 16, "a?b");
    check_excerpt("ääää", 10, 8, "ää...");
    check_excerpt("ääää", 2, 16, "ää...");
}

/* The definition as it is written, three calls deep: slow and obviously right. */
static int distance_by_definition(const char *a, int i, const char *b, int j)
{
    if (i == 0 || j == 0)
        return i + j;
    int best = distance_by_definition(a, i - 1, b, j) + 1;
    int other = distance_by_definition(a, i, b, j - 1) + 1;
    best = other < best ? other : best;
    other = distance_by_definition(a, i - 1, b, j - 1) + (a[i - 1] != b[j - 1]);
    best = other < best ? other : best;
    if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        other = distance_by_definition(a, i - 2, b, j - 2) + 1;
        best = other < best ? other : best;
    }
    return best;
}

static void test_distance(void)
{
    CU_ASSERT_EQUAL(vain_edit_distance("", ""), 0);
    CU_ASSERT_EQUAL(vain_edit_distance("batch", "bacth"), 1);
    CU_ASSERT_EQUAL(vain_edit_distance("learnig_rate", "learning_rate"), 1);
    CU_ASSERT_EQUAL(vain_edit_distance("ca", "abc"),
                    3); /* 2 only if a transposed pair could be edited again */
    CU_ASSERT_EQUAL(vain_edit_distance("kitten", "sitting"), 3);
    uint32_t state = 1;
    for (int round = 0; round < 2000; round++) {
        char words[2][6];
        int lengths[2];
        for (int w = 0; w < 2; w++) {
            state = state * 1664525u + 1013904223u;
            lengths[w] = (int)(state >> 28) % 6;
            for (int i = 0; i < lengths[w]; i++)
                words[w][i] = (char)('a' + (int)((state >> (4 * i)) % 3));
            words[w][lengths[w]] = '\0';
        }
        CU_ASSERT_EQUAL(vain_edit_distance(words[0], words[1]),
                        distance_by_definition(words[0], lengths[0], words[1], lengths[1]));
    }
}

static void test_distance_of_long_words(void)
{
    char longest[128], longer[200];
    memset(longest, 'a', 127);
    longest[127] = '\0';
    memset(longer, 'a', 199);
    longer[199] = '\0';
    CU_ASSERT_EQUAL(vain_edit_distance(longest, longest), 0);
    CU_ASSERT_EQUAL(vain_edit_distance(longest, ""), 127);
    CU_ASSERT(vain_edit_distance(longest, longer) > 100);
    CU_ASSERT(vain_edit_distance(longer, longer) > 100);
}

static void test_growing(void)
{
    struct vain_text text = {0};
    char *out;
    for (int i = 0; i < 3000; i++) {
        vain_text_add(&text, "%d,", i % 10);
        vain_text_add_bytes(&text, "x%sy", 4);
    }
    CU_ASSERT_EQUAL_FATAL(vain_text_give(&text, &out), VAIN_OK);
    CU_ASSERT_EQUAL(strlen(out), 3000 * 6);
    for (int i = 0; i < 3000; i++)
        CU_ASSERT(out[6 * i] == '0' + i % 10 && strncmp(out + 6 * i + 1, ",x%sy", 5) == 0);
    CU_ASSERT_PTR_NULL(text.bytes);
    vain_release(out);
    CU_ASSERT_EQUAL(vain_text_give(&text, &out), VAIN_OK);
    CU_ASSERT_STRING_EQUAL(out, "");
    vain_release(out);
}

static void test_growing_after_failure(void)
{
    struct vain_text text = {0};
    char *out;
    vain_text_add(&text, "before");
    text.status = VAIN_ERR_MEMORY;
    vain_text_add(&text, "after");
    vain_text_add_bytes(&text, "after", 5);
    CU_ASSERT_EQUAL(vain_text_give(&text, &out), VAIN_ERR_MEMORY);
    CU_ASSERT_PTR_NULL(out);
}

static const struct vain_test tests[] = {
    {"every code point is read back, surrogates and cut ones are not", test_every_code_point},
    {"no other bytes are characters", test_no_other_bytes},
    {"what may stand in a line", test_printable},
    {"an excerpt fits and never cuts a character", test_excerpt},
    {"edit distance follows its definition", test_distance},
    {"long words are far apart", test_distance_of_long_words},
    {"a text grows", test_growing},
    {"a failed text stays failed", test_growing_after_failure},
    {NULL, NULL},
};
const struct vain_suite vain_suite_text = {"text", tests};

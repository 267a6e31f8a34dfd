/* base/option_value: what each type takes and refuses, and that what it prints reads back. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/option.h"
#include "tests/unit/suite.h"

static const char *const choices[] = {"16", "32", "auto", NULL};

/* One field of any type behind every option of this file. */
union value {
    int64_t whole;
    uint64_t seed;
    double number;
    bool flag;
    int index;
    char text[VAIN_PATH_BYTES];
    struct vain_option_counts counts;
    struct vain_option_texts texts;
};

static bool reads(const struct vain_option *option, const char *text, union value *value)
{
    char message[256], hint[160];
    union value before;
    memset(value, 0x5a, sizeof *value);
    memcpy(&before, value, sizeof before);
    const enum vain_status status =
        vain_option_parse(option, text, value, message, sizeof message, hint, sizeof hint);
    if (status == VAIN_OK) {
        CU_ASSERT_STRING_EQUAL(message, "");
        return true;
    }
    CU_ASSERT_EQUAL(status, VAIN_ERR_INPUT);
    CU_ASSERT(strstr(message, option->key) != NULL && strstr(message, "expects") != NULL);
    CU_ASSERT_EQUAL(memcmp(&before, value, sizeof before), 0); /* a refused value changes nothing */
    return false;
}

static void refuses(const struct vain_option *option, const char *const *texts)
{
    union value value;
    for (; *texts != NULL; texts++) {
        if (reads(option, *texts, &value)) {
            printf("\n%s takes '%s'\n", option->key, *texts);
            CU_FAIL("a value that must be refused");
        }
    }
}

static void check_count(const struct vain_option *option, const char *text, int64_t expected)
{
    union value value;
    CU_ASSERT_TRUE_FATAL(reads(option, text, &value));
    CU_ASSERT_EQUAL(value.whole, expected);
}

static void test_counts(void)
{
    const struct vain_option option = {.key = "n", .type = VAIN_OPTION_COUNT};
    check_count(&option, "0", 0);
    check_count(&option, "12", 12);
    check_count(&option, "-3", -3);
    check_count(&option, "128k", 128000);
    check_count(&option, "128 k", 128000);
    check_count(&option, "1M", 1000000);
    check_count(&option, "1.5B", 1500000000);
    check_count(&option, "0.001k", 1);
    check_count(&option, "2.0", 2);
    check_count(&option, "9223372036854775807", INT64_MAX);
    static const char *const wrong[] = {"",
                                        " ",
                                        "-",
                                        "1_000",
                                        "1,000",
                                        "08",
                                        "00",
                                        "0x10",
                                        "1e3",
                                        "2.5",
                                        "4:00",
                                        "+5",
                                        " 5",
                                        "5 ",
                                        "5K",
                                        "5kk",
                                        "0.0001k",
                                        "9223372036854775808",
                                        "10000000000B",
                                        "99999999999999999999",
                                        "1.",
                                        ".5k",
                                        "1.00000000000000000001",
                                        "no",
                                        "true",
                                        "~",
                                        "5\n",
                                        NULL};
    refuses(&option, wrong);
}

static void test_ranges(void)
{
    const struct vain_option from_to = {
        .key = "n", .type = VAIN_OPTION_COUNT, .minimum = 2, .maximum = 10};
    const struct vain_option exactly = {
        .key = "n", .type = VAIN_OPTION_COUNT, .minimum = 1, .maximum = 1};
    const struct vain_option from = {
        .key = "n", .type = VAIN_OPTION_COUNT, .minimum = 2, .maximum = INFINITY};
    const struct vain_option to = {
        .key = "n", .type = VAIN_OPTION_COUNT, .minimum = -INFINITY, .maximum = 10};
    const struct vain_option above = {
        .key = "x", .type = VAIN_OPTION_NUMBER, .above_minimum = true};
    const struct vain_option half_open = {
        .key = "x", .type = VAIN_OPTION_NUMBER, .maximum = 1, .above_minimum = true};
    check_count(&from_to, "2", 2);
    check_count(&from_to, "10", 10);
    check_count(&from, "9000000000000000000", INT64_C(9000000000000000000));
    check_count(&to, "-9000000000000000000", INT64_C(-9000000000000000000));
    refuses(&from_to, (const char *const[]){"1", "11", "-2", NULL});
    refuses(&exactly, (const char *const[]){"0", "2", NULL});
    refuses(&from, (const char *const[]){"1", NULL});
    refuses(&to, (const char *const[]){"11", NULL});
    refuses(&above, (const char *const[]){"0", "-1", "-0", NULL});
    refuses(&half_open, (const char *const[]){"0", "1.0000001", NULL});
    union value value;
    CU_ASSERT_TRUE(reads(&above, "1e300", &value));
    CU_ASSERT_TRUE(reads(&half_open, "1", &value));
}

/* A value that is well written gets no hint about its spelling. */
static void test_out_of_range_only(void)
{
    static const struct {
        enum vain_option_type type;
        const char *outside, *misspelt;
    } cases[] = {{VAIN_OPTION_DURATION, "30d", "30x"},
                 {VAIN_OPTION_BYTES, "3TiB", "3tib"},
                 {VAIN_OPTION_COUNT, "3M", "3m"},
                 {VAIN_OPTION_COUNT, "128k", "128K"}};
    for (size_t i = 0; i < VAIN_COUNT_OF(cases); i++) {
        const struct vain_option option = {
            .key = "k", .type = cases[i].type, .minimum = 1, .maximum = 9};
        union value value;
        char message[256], hint[160];
        CU_ASSERT_EQUAL(vain_option_parse(&option, cases[i].outside, &value, message,
                                          sizeof message, hint, sizeof hint),
                        VAIN_ERR_INPUT);
        CU_ASSERT_STRING_EQUAL(hint, "");
        CU_ASSERT_EQUAL(vain_option_parse(&option, cases[i].misspelt, &value, message,
                                          sizeof message, hint, sizeof hint),
                        VAIN_ERR_INPUT);
        CU_ASSERT_STRING_NOT_EQUAL(hint, "");
    }
}

static void check_number(const char *text, double expected)
{
    const struct vain_option option = {.key = "x", .type = VAIN_OPTION_NUMBER};
    union value value;
    CU_ASSERT_TRUE_FATAL(reads(&option, text, &value));
    CU_ASSERT_EQUAL(memcmp(&value.number, &expected, sizeof expected), 0);
}

static void test_numbers(void)
{
    check_number("1e-4", 1e-4);
    check_number("3E+2", 300);
    check_number("-2.5", -2.5);
    check_number(".5", 0.5);
    check_number("5.", 5);
    check_number("0", 0);
    check_number("-0", 0); /* one zero only, so that equal values hash alike */
    check_number("0.1", 0.1);
    check_number("1e08", 1e8);
    const struct vain_option option = {.key = "x", .type = VAIN_OPTION_NUMBER};
    static const char *const wrong[] = {
        "",     ".",     "-",     "e5",     "1e",   "1e+",   "0x1p3", "nan",   ".nan",
        "inf",  "-.inf", "1e999", "1e-400", "01.5", "1_0.5", "0,5",   "1.2.3", "10%",
        "4:00", "auto",  " 1",    "1 ",     "1f",   "1d",    "yes",   NULL};
    refuses(&option, wrong);
}

static void test_number_or_auto(void)
{
    const struct vain_option option = {
        .key = "x", .type = VAIN_OPTION_NUMBER_OR_AUTO, .above_minimum = true};
    union value value;
    CU_ASSERT_TRUE(reads(&option, "auto", &value));
    CU_ASSERT_TRUE(isnan(value.number));
    CU_ASSERT_TRUE(reads(&option, "0.5", &value));
    CU_ASSERT_DOUBLE_EQUAL(value.number, 0.5, 0);
    refuses(&option, (const char *const[]){"Auto", "nan", "0", "", NULL});
}

static void test_quantities(void)
{
    const struct vain_option bytes = {.key = "b", .type = VAIN_OPTION_BYTES};
    check_count(&bytes, "16MiB", 16777216);
    check_count(&bytes, "4GB", INT64_C(4000000000));
    check_count(&bytes, "1kB", 1000);
    check_count(&bytes, "1KiB", 1024);
    check_count(&bytes, "1.5KiB", 1536);
    check_count(&bytes, "1.25 GiB", 1342177280);
    check_count(&bytes, "7B", 7);
    check_count(&bytes, "8388607TiB", INT64_C(8388607) << 40);
    refuses(&bytes, (const char *const[]){"16", "0", "16mb", "16Mb", "16 M", "0.3B", "1.0001kB",
                                          "8388608TiB", "-1B", "MiB", "01B", "1  kB", NULL});
    const struct vain_option duration = {.key = "d", .type = VAIN_OPTION_DURATION};
    check_count(&duration, "250ms", 250);
    check_count(&duration, "90s", 90000);
    check_count(&duration, "30m", 1800000);
    check_count(&duration, "4h", 14400000);
    check_count(&duration, "2d", 172800000);
    check_count(&duration, "1.5h", 5400000);
    refuses(&duration, (const char *const[]){"90", "4:00", "04:00:00", "5min", "1h30m", "1w",
                                             "0.5ms", "s", NULL});
}

static void test_words(void)
{
    const struct vain_option flag = {.key = "f", .type = VAIN_OPTION_FLAG};
    const struct vain_option choice = {.key = "c", .type = VAIN_OPTION_CHOICE, .choices = choices};
    union value value;
    CU_ASSERT_TRUE(reads(&flag, "true", &value) && value.flag);
    CU_ASSERT_TRUE(reads(&flag, "false", &value) && !value.flag);
    refuses(&flag,
            (const char *const[]){"True", "yes", "no", "on", "off", "1", "0", "", "y", NULL});
    CU_ASSERT_TRUE(reads(&choice, "32", &value) && value.index == 1);
    CU_ASSERT_TRUE(reads(&choice, "auto", &value) && value.index == 2);
    refuses(&choice, (const char *const[]){"", "8", "032", "32 ", "Auto", "aut", NULL});
}

static void test_seeds(void)
{
    const struct vain_option option = {.key = "s", .type = VAIN_OPTION_SEED};
    union value value;
    CU_ASSERT_TRUE(reads(&option, "18446744073709551615", &value) && value.seed == UINT64_MAX);
    CU_ASSERT_TRUE(reads(&option, "0", &value) && value.seed == 0);
    refuses(&option, (const char *const[]){"18446744073709551616", "99999999999999999999", "-1",
                                           "007", "1k", "", "100000000000000000000", NULL});
}

static void test_texts(void)
{
    const struct vain_option text = {.key = "t", .type = VAIN_OPTION_TEXT, .text_bytes = 8};
    const struct vain_option optional = {
        .key = "t", .type = VAIN_OPTION_TEXT, .text_bytes = 8, .fallback = ""};
    const struct vain_option path = {.key = "p", .type = VAIN_OPTION_PATH};
    const struct vain_option name = {.key = "m", .type = VAIN_OPTION_NAME};
    union value value;
    char longest[VAIN_PATH_BYTES + 1];
    CU_ASSERT_TRUE(reads(&text, "no", &value));
    CU_ASSERT_STRING_EQUAL(value.text, "no");
    CU_ASSERT_EQUAL(memcmp(value.text, "no\0\0\0\0\0\0\x5a", 9),
                    0); /* the rest is cleared, the neighbour is not */
    CU_ASSERT_TRUE(reads(&text, "1234567", &value));
    CU_ASSERT_TRUE(reads(&optional, "", &value));
    refuses(&text, (const char *const[]){"", "12345678", "a\nb", "tab\t", "\xff", NULL});
    memset(longest, 'a', sizeof longest);
    longest[VAIN_PATH_BYTES - 1] = '\0';
    CU_ASSERT_TRUE(reads(&path, longest, &value));
    memset(longest, 'a', sizeof longest);
    longest[VAIN_PATH_BYTES] = '\0';
    refuses(&path, (const char *const[]){longest, "", "a\rb", NULL});
    CU_ASSERT_TRUE(reads(&name, "site-1.a_b", &value));
    refuses(&name, (const char *const[]){"", "A", "..", "-a", "a b", "a/b", "ä", NULL});
}

static void test_lists(void)
{
    const struct vain_option option = {.key = "l",
                                       .type = VAIN_OPTION_COUNTS,
                                       .minimum = 1,
                                       .maximum = 1000,
                                       .fallback = "[512, 256, 512]"};
    const struct vain_option optional = {.key = "l", .type = VAIN_OPTION_COUNTS, .fallback = "[]"};
    union value value;
    CU_ASSERT_TRUE(reads(&option, "[512, 256,512 ]", &value));
    CU_ASSERT(value.counts.count == 3 && value.counts.values[1] == 256 &&
              value.counts.values[2] == 512);
    CU_ASSERT_TRUE(reads(&option, "7", &value));
    CU_ASSERT(value.counts.count == 1 && value.counts.values[0] == 7);
    CU_ASSERT_TRUE(reads(&option, "1,2", &value) && value.counts.count == 2);
    CU_ASSERT_TRUE(reads(&option, "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", &value) &&
                   value.counts.count == 16);
    CU_ASSERT_TRUE(reads(&optional, "[]", &value) && value.counts.count == 0);
    CU_ASSERT_TRUE(reads(&optional, "", &value) && value.counts.count == 0);
    refuses(&option,
            (const char *const[]){
                "", "[]", "[1,,2]", "[1,]", "[,1]", "[1 2]", "[a]", "[0]", "[1001]", "[1", "1]",
                "[[1]]", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[ ]",
                "[1111111111111111111111111111111111111111111111111111111111111111111111]", NULL});
}

static void test_lists_of_texts(void)
{
    const struct vain_option option = {
        .key = "l", .type = VAIN_OPTION_TEXTS, .fallback = "[relu, dense 10]"};
    const struct vain_option optional = {.key = "l", .type = VAIN_OPTION_TEXTS, .fallback = "[]"};
    char many[256] = "[a";
    union value value;
    CU_ASSERT_TRUE(reads(&option, "[rate 1e-4..1e-1 log,  b ]", &value));
    CU_ASSERT(value.texts.count == 2);
    CU_ASSERT_STRING_EQUAL(value.texts.items[0], "rate 1e-4..1e-1 log");
    CU_ASSERT_STRING_EQUAL(value.texts.items[1], "b");
    CU_ASSERT_TRUE(reads(&option, "a b", &value) && value.texts.count == 1);
    CU_ASSERT_TRUE(reads(&optional, "[]", &value) && value.texts.count == 0);
    for (int i = 1; i < VAIN_OPTION_TEXTS_MAX; i++)
        memcpy(many + strlen(many), ",a", 3);
    memcpy(many + strlen(many), "]", 2);
    CU_ASSERT_TRUE(reads(&option, many, &value) && value.texts.count == VAIN_OPTION_TEXTS_MAX);
    memcpy(many + strlen(many) - 1, ",a]", 4);
    refuses(&option,
            (const char *const[]){
                "", "[]", "[a,,b]", "[a,]", "[,a]", "[a", "a]", "[[a]]", "[a #b]", "[\"a\"]",
                "[a\nb]", "[a{b]", "[a\\b]",
                "[1234567890123456789012345678901234567890123456789012345678901234]", many, NULL});
}

static void check_expected(const struct vain_option *option, const char *expected)
{
    char out[256];
    vain_option_expected(option, out, sizeof out);
    CU_ASSERT_STRING_EQUAL(out, expected);
}

static void test_expected(void)
{
    check_expected(&(struct vain_option){.type = VAIN_OPTION_COUNT}, "a whole number");
    check_expected(
        &(struct vain_option){
            .type = VAIN_OPTION_COUNT, .minimum = 1, .maximum = 9, .unit = "steps"},
        "a whole number from 1 to 9 (steps)");
    check_expected(
        &(struct vain_option){.type = VAIN_OPTION_COUNT, .minimum = 1, .maximum = INFINITY},
        "a whole number of at least 1");
    check_expected(
        &(struct vain_option){.type = VAIN_OPTION_COUNT, .minimum = -INFINITY, .maximum = 5},
        "a whole number of at most 5");
    check_expected(&(struct vain_option){.type = VAIN_OPTION_COUNT, .minimum = 1, .maximum = 1},
                   "a whole number equal to 1");
    check_expected(&(struct vain_option){.type = VAIN_OPTION_NUMBER,
                                         .maximum = 0.999999,
                                         .above_minimum = true},
                   "a number above 0 and at most 0.999999");
    check_expected(&(struct vain_option){.type = VAIN_OPTION_NUMBER, .above_minimum = true},
                   "a number above 0");
    check_expected(
        &(struct vain_option){.type = VAIN_OPTION_NUMBER_OR_AUTO, .minimum = 0.5, .maximum = 1e30},
        "auto or a number from 0.5 to 1e+30");
    check_expected(&(struct vain_option){.type = VAIN_OPTION_FLAG}, "true or false");
    check_expected(&(struct vain_option){.type = VAIN_OPTION_TEXT, .text_bytes = 40},
                   "a line of text of at most 39 bytes");
    check_expected(&(struct vain_option){.type = VAIN_OPTION_PATH}, "a path of at most 4095 bytes");
    check_expected(&(struct vain_option){.type = VAIN_OPTION_NAME},
                   "a name of 1 to 63 characters out of a-z, 0-9, '.', '_' and '-' that starts "
                   "with a letter or digit");
    check_expected(&(struct vain_option){.type = VAIN_OPTION_CHOICE, .choices = choices},
                   "16, 32 or auto");
    check_expected(
        &(struct vain_option){.type = VAIN_OPTION_BYTES, .minimum = 4096, .maximum = 1 << 30},
        "a size with its unit (such as 16MiB) from 4KiB to 1GiB");
    check_expected(
        &(struct vain_option){.type = VAIN_OPTION_DURATION, .minimum = 100, .maximum = 86400e3},
        "a duration with its unit (such as 90s or 4h) from 100ms to 1d");
    check_expected(&(struct vain_option){.type = VAIN_OPTION_SEED},
                   "a whole number from 0 to 18446744073709551615");
    check_expected(&(struct vain_option){.type = VAIN_OPTION_COUNTS, .minimum = 1, .maximum = 64},
                   "a list of at most 16 whole numbers (such as [512, 256]), each from 1 to 64");
}

static void check_format(enum vain_option_type type, const void *value, const char *expected)
{
    const struct vain_option option = {
        .key = "v", .type = type, .choices = choices, .text_bytes = 40};
    char out[VAIN_PATH_BYTES];
    vain_option_format(&option, value, out, sizeof out);
    CU_ASSERT_STRING_EQUAL(out, expected);
}

static void test_format(void)
{
    check_format(VAIN_OPTION_COUNT, &(int64_t){-12}, "-12");
    check_format(VAIN_OPTION_SEED, &(uint64_t){UINT64_MAX}, "18446744073709551615");
    check_format(VAIN_OPTION_NUMBER, &(double){0.1}, "0.1");
    check_format(VAIN_OPTION_NUMBER, &(double){1e-3}, "0.001");
    check_format(VAIN_OPTION_NUMBER, &(double){1.0 / 3}, "0.3333333333333333");
    check_format(VAIN_OPTION_NUMBER_OR_AUTO, &(double){NAN}, "auto");
    check_format(VAIN_OPTION_FLAG, &(bool){true}, "true");
    check_format(VAIN_OPTION_CHOICE, &(int){1}, "32");
    check_format(VAIN_OPTION_BYTES, &(int64_t){16777216}, "16MiB");
    check_format(VAIN_OPTION_BYTES, &(int64_t){3000000}, "3MB");
    check_format(VAIN_OPTION_BYTES, &(int64_t){1536}, "1536B");
    check_format(VAIN_OPTION_BYTES, &(int64_t){0}, "0B");
    check_format(VAIN_OPTION_DURATION, &(int64_t){86400000}, "1d");
    check_format(VAIN_OPTION_DURATION, &(int64_t){90000}, "90s");
    check_format(VAIN_OPTION_DURATION, &(int64_t){0}, "0ms");
    check_format(VAIN_OPTION_COUNTS,
                 &(struct vain_option_counts){.count = 3, .values = {512, 256, 512}},
                 "[512, 256, 512]");
    check_format(VAIN_OPTION_COUNTS, &(struct vain_option_counts){.count = 0}, "[]");
    check_format(VAIN_OPTION_TEXTS, &(struct vain_option_texts){2, {"a b", "c"}}, "[a b, c]");
    check_format(VAIN_OPTION_TEXT, "no", "no");
}

static void test_format_fits(void)
{
    const struct vain_option option = {.key = "l", .type = VAIN_OPTION_COUNTS};
    const union value value = {.counts = {.count = 3, .values = {512, 256, 512}}};
    for (size_t bytes = 1; bytes < 20; bytes++) {
        char out[24];
        memset(out, '#', sizeof out);
        vain_option_format(&option, &value, out, bytes);
        CU_ASSERT(strlen(out) < bytes && out[bytes] == '#');
    }
}

static uint64_t state = 1;
static uint64_t draw(void)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return state >> 11 ^ state << 40;
}

/* parse(format(v)) == v, bit for bit, for values of all magnitudes. */
static void test_round_trip(void)
{
    static const enum vain_option_type types[] = {VAIN_OPTION_COUNT, VAIN_OPTION_NUMBER,
                                                  VAIN_OPTION_BYTES, VAIN_OPTION_DURATION,
                                                  VAIN_OPTION_SEED,  VAIN_OPTION_NUMBER_OR_AUTO};
    for (int round = 0; round < 20000; round++) {
        const struct vain_option option = {.key = "v", .type = types[round % 6]};
        char text[64];
        union value value, back;
        memset(&value, 0, sizeof value);
        if (option.type == VAIN_OPTION_SEED)
            value.seed = draw();
        else if (option.type == VAIN_OPTION_NUMBER || option.type == VAIN_OPTION_NUMBER_OR_AUTO) {
            do {
                value.seed = draw();
            } while (!isnormal(value.number));
        } else
            value.whole = (int64_t)(draw() >> (1 + draw() % 63));
        vain_option_format(&option, &value, text, sizeof text);
        CU_ASSERT_TRUE_FATAL(reads(&option, text, &back));
        CU_ASSERT_EQUAL(memcmp(&back.seed, &value.seed, sizeof value.seed), 0);
    }
}

static const struct vain_test tests[] = {
    {"counts", test_counts},
    {"ranges", test_ranges},
    {"what is only out of range gets no hint", test_out_of_range_only},
    {"numbers", test_numbers},
    {"a number or auto", test_number_or_auto},
    {"sizes and durations need their unit", test_quantities},
    {"flags and choices are exact words", test_words},
    {"seeds take all of 64 bits", test_seeds},
    {"texts, paths and names", test_texts},
    {"lists of counts", test_lists},
    {"lists of texts", test_lists_of_texts},
    {"what is expected, for people", test_expected},
    {"values print as people write them", test_format},
    {"a print never passes its end", test_format_fits},
    {"every value reads back from its print", test_round_trip},
    {NULL, NULL},
};
const struct vain_suite vain_suite_option_value = {"option_value", tests};

/* base/option_hint: slips of real specs and what is said to them. */
#include <string.h>

#include "base/option.h"
#include "tests/unit/suite.h"

static const char *const choices[] = {"constant", "cosine", "mpi", NULL};

static void test_hints(void)
{
    static const struct {
        enum vain_option_type type;
        const char *text, *hint;
    } cases[] = {
        {VAIN_OPTION_FLAG, "Yes", "write true"},
        {VAIN_OPTION_FLAG, "1", "write true"},
        {VAIN_OPTION_FLAG, "off", "write false"},
        {VAIN_OPTION_FLAG, "maybe", ""},
        {VAIN_OPTION_CHOICE, "cosin", "did you mean 'cosine'?"},
        {VAIN_OPTION_CHOICE, "COSINE", "did you mean 'cosine'?"},
        {VAIN_OPTION_CHOICE, "mpl", "did you mean 'mpi'?"},
        {VAIN_OPTION_CHOICE, "tcp", ""},
        {VAIN_OPTION_CHOICE, "mxy", ""},
        {VAIN_OPTION_NAME, "My Job!", "'my-job' would do"},
        {VAIN_OPTION_NAME, "../x", "'x' would do"},
        {VAIN_OPTION_NAME, "///", ""},
        {VAIN_OPTION_COUNT, "1_000", "write 1000"},
        {VAIN_OPTION_COUNT, "1,000", "write 1000"},
        {VAIN_OPTION_COUNT, "0x10", "write it in decimal"},
        {VAIN_OPTION_COUNT, "010",
         "leave out the leading zeros, which other YAML readers take as octal"},
        {VAIN_OPTION_COUNT, "1e3", "large counts are written out or as 128k, 2M, 1B"},
        {VAIN_OPTION_COUNT, "5K", "large counts are written out or as 128k, 2M, 1B"},
        {VAIN_OPTION_COUNT, "five", ""},
        {VAIN_OPTION_SEED, "007",
         "leave out the leading zeros, which other YAML readers take as octal"},
        {VAIN_OPTION_NUMBER, "0,5", "the decimal sign is a point"},
        {VAIN_OPTION_NUMBER, "10%", "write the fraction: 0.1 for 10%"},
        {VAIN_OPTION_NUMBER, "abc", ""},
        {VAIN_OPTION_NUMBER_OR_AUTO, "AUTO", "write auto"},
        {VAIN_OPTION_DURATION, "4:00",
         "other YAML readers take 4:00 as 240; write 4h for hours, 4m for minutes"},
        {VAIN_OPTION_DURATION, "90", "add the unit: ms, s, m, h or d, such as 90s"},
        {VAIN_OPTION_DURATION, "5min", "units are ms, s, m, h and d"},
        {VAIN_OPTION_BYTES, "16", "add the unit, such as 16MiB"},
        {VAIN_OPTION_BYTES, "16mb",
         "units are B, kB, MB, GB, TB (powers of 1000) and KiB, MiB, GiB, TiB (of 1024)"},
        {VAIN_OPTION_TEXT, "a\nb",
         "it holds a line break, another control character or broken UTF-8"},
        {VAIN_OPTION_PATH, "", ""},
        {VAIN_OPTION_COUNTS, "x", ""},
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(cases); i++) {
        const struct vain_option option = {.key = "k", .type = cases[i].type, .choices = choices};
        char hint[160];
        vain_option_hint(&option, cases[i].text, hint, sizeof hint);
        CU_ASSERT_STRING_EQUAL(hint, cases[i].hint);
    }
}

static void test_hints_fit(void)
{
    static const char *const texts[] = {"",      "yes",  "cosin", "My Job",
                                        "1_000", "4:00", "16",    "99999999999999999999999999"};
    for (int type = 0; type <= (int)VAIN_OPTION_NAME; type++) {
        const struct vain_option option = {
            .key = "k", .type = (enum vain_option_type)type, .choices = choices};
        for (size_t i = 0; i < VAIN_COUNT_OF(texts); i++) {
            char hint[16];
            memset(hint, '#', sizeof hint);
            vain_option_hint(&option, texts[i], hint, 8);
            CU_ASSERT(strlen(hint) < 8 && hint[8] == '#');
        }
    }
}

static const struct vain_test tests[] = {
    {"each slip gets its way out", test_hints},
    {"a hint never passes its end", test_hints_fit},
    {NULL, NULL},
};
const struct vain_suite vain_suite_option_hint = {"option_hint", tests};

/* jobs/spec/schema: its shape, and that its patterns take every text that the reader takes. */
#include <json-c/json.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "jobs/spec/parts.h"
#include "tests/unit/spec/table.h"
#include "tests/unit/suite.h"

static struct test_values values;

static struct json_object *take_schema(void)
{
    struct vain_option_section sections[TEST_SECTIONS];
    char *text;
    test_sections(&values, sections);
    CU_ASSERT_EQUAL_FATAL(vain_spec_schema_json(sections, TEST_SECTIONS, &text), VAIN_OK);
    struct json_object *root = json_tokener_parse(text);
    vain_release(text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(root);
    return root;
}

/* The object at "a/b/0/c". */
static struct json_object *at(struct json_object *object, const char *path)
{
    char step[64];
    while (*path != '\0' && object != NULL) {
        const size_t length = strcspn(path, "/");
        snprintf(step, sizeof step, "%.*s", (int)length, path);
        if (json_object_is_type(object, json_type_array))
            object = json_object_array_get_idx(object, (size_t)(step[0] - '0'));
        else if (!json_object_object_get_ex(object, step, &object))
            return NULL;
        path += length + (path[length] == '/');
    }
    return object;
}

static void check_at(struct json_object *root, const char *path, const char *expected)
{
    const char *got = json_object_to_json_string_ext(at(root, path), JSON_C_TO_STRING_PLAIN);
    if (strcmp(got, expected) != 0)
        printf("\n%s: %s\n", path, got);
    CU_ASSERT_STRING_EQUAL(got, expected);
}

static void test_shape(void)
{
    struct json_object *root = take_schema();
    check_at(root, "$schema", "\"http:\\/\\/json-schema.org\\/draft-07\\/schema#\"");
    check_at(root, "required", "[\"version\",\"name\",\"data\"]");
    check_at(root, "additionalProperties", "false");
    check_at(root, "properties/train/additionalProperties", "false");
    check_at(root, "properties/data/required", "[\"text\"]");
    check_at(root, "properties/train/required", "[]");
    check_at(root, "properties/members/items/required", "[\"name\"]");
    check_at(root, "properties/members/items/additionalProperties", "false");
    check_at(root, "properties/members/maxItems", "1024");
    check_at(root, "properties/members/items/properties/addresses/anyOf/0/maxItems", "4");
    check_at(root, "properties/members/items/properties/key/pattern", "\"^[0-9a-fA-F]{64}$\"");
    check_at(root, "properties/train/properties/batch/anyOf/0",
             "{\"type\":\"integer\",\"minimum\":1,\"maximum\":65536}");
    check_at(root, "properties/train/properties/learning_rate/anyOf/0",
             "{\"type\":\"number\",\"exclusiveMinimum\":0,\"maximum\":10}");
    check_at(root, "properties/train/properties/beta1/anyOf/0/maximum", "0.999999");
    check_at(root, "properties/train/properties/warmup/anyOf/0",
             "{\"type\":\"integer\",\"minimum\":0}");
    check_at(root, "properties/train/properties/shuffle/enum", "[true,false,\"true\",\"false\"]");
    check_at(root, "properties/exchange/properties/bits/enum", "[\"16\",16,\"32\",32]");
    check_at(root, "properties/seed/anyOf/0",
             "{\"type\":\"integer\",\"minimum\":0,\"maximum\":18446744073709551615}");
    check_at(root, "properties/name/type", "[\"string\",\"number\",\"boolean\"]");
    check_at(root, "properties/site/enum", "[\"rank\",\"host\",\"world\"]");
    check_at(root, "properties/model/properties/sizes/minItems", "1");
    check_at(root, "properties/model/properties/sizes/maxItems", "16");
    check_at(root, "properties/model/properties/network/maxItems", "32");
    check_at(root, "properties/model/properties/network/items/maxLength", "63");
    check_at(root, "properties/model/properties/network/items/pattern",
             "\"^[^\\\\u0000-\\\\u001f\\\\u007f,#\\\"'\\\\\\\\{}\\\\[\\\\]]+$\"");
    check_at(root, "properties/data/properties/note/maxLength", "39");
    check_at(root, "properties/data/properties/text/minLength", "1");
    CU_ASSERT_PTR_NULL(at(root, "properties/data/properties/note/minLength"));
    json_object_put(root);
}

static void test_descriptions(void)
{
    struct json_object *root = take_schema();
    CU_ASSERT_STRING_EQUAL(
        json_object_get_string(at(root, "properties/train/properties/batch/description")),
        "Sequences a step.\nExpects a whole number from 1 to 65536 (sequences). Default: 12. "
        "All members must agree on it.");
    CU_ASSERT_STRING_EQUAL(
        json_object_get_string(at(root, "properties/data/properties/text/description")),
        "Text | file.\nExpects a path of at most 4095 bytes. Required. Each member may have its "
        "own.");
    CU_ASSERT_PTR_NOT_NULL(
        strstr(json_object_get_string(at(root, "properties/data/properties/tokens/description")),
               "Default: none."));
    json_object_put(root);
}

/* Every key of the table is in the schema. */
static void test_complete(void)
{
    struct json_object *root = take_schema();
    struct vain_option_section sections[TEST_SECTIONS];
    test_sections(&values, sections);
    for (int i = 0; i < TEST_SECTIONS; i++) {
        for (int j = 0; j < sections[i].count; j++) {
            const char *key = sections[i].options[j].key, *dot = strchr(key, '.');
            char path[128];
            if (dot == NULL)
                snprintf(path, sizeof path, "properties/%s/description", key);
            else
                snprintf(path, sizeof path, "properties/%.*s/properties/%s/description",
                         (int)(dot - key), key, dot + 1);
            CU_ASSERT_PTR_NOT_NULL(at(root, path));
        }
    }
    json_object_put(root);
}

/* Texts of few letters, so that many are right: what the reader takes, the pattern must take; what
 * the pattern takes and the reader does not may only be too large, too fine or out of range. */
static void check_pattern(enum vain_option_type type, const char *path, const char *const *pieces,
                          int piece_count)
{
    struct json_object *root = take_schema();
    const char *pattern = json_object_get_string(at(root, path));
    regex_t regex;
    int taken = 0, narrow = 0;
    uint64_t state = 1;
    CU_ASSERT_PTR_NOT_NULL_FATAL(pattern);
    CU_ASSERT_EQUAL_FATAL(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    for (int round = 0; round < 20000; round++) {
        char text[64] = "", message[256], hint[160];
        size_t used = 0;
        int64_t value[VAIN_PATH_BYTES / 8];
        const struct vain_option option = {.key = "k", .type = type};
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        for (int i = 0; i < 1 + (int)(state >> 62) + (int)(state >> 60 & 1); i++)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s",
                                     pieces[(state >> (8 + 8 * i)) % (uint64_t)piece_count]);
        const bool reads = vain_option_parse(&option, text, value, message, sizeof message, hint,
                                             sizeof hint) == VAIN_OK;
        const bool matches = regexec(&regex, text, 0, NULL, 0) == 0;
        if (reads && !matches)
            printf("\n%s refuses '%s'\n", path, text);
        CU_ASSERT_FALSE(reads && !matches);
        taken += reads;
        narrow += matches && !reads;
    }
    CU_ASSERT(taken > 500 && narrow < taken / 2);
    regfree(&regex);
    json_object_put(root);
}

static void test_patterns(void)
{
    static const char *const number[] = {"0", "1", "25", "3", ".", "e", "-", "E", "5", "+"};
    static const char *const count[] = {"0", "1", "25", "3", ".", "k", "M", "-", "B", " "};
    static const char *const size[] = {"0", "1", "25", "3", ".5", "KiB", "MiB", "GB", "B", " "};
    static const char *const time[] = {"0", "1", "25", "3", ".5", "s", "ms", "h", "d", " "};
    static const char *const name[] = {"a", "b", "0", ".", "_", "-", "A", "z", "9", " "};
    check_pattern(VAIN_OPTION_NUMBER, "properties/train/properties/beta1/anyOf/1/pattern", number,
                  10);
    check_pattern(VAIN_OPTION_COUNT, "properties/train/properties/batch/anyOf/1/pattern", count,
                  10);
    check_pattern(VAIN_OPTION_BYTES, "properties/exchange/properties/buffer/pattern", size, 10);
    check_pattern(VAIN_OPTION_DURATION, "properties/exchange/properties/deadline/pattern", time,
                  10);
    check_pattern(VAIN_OPTION_NAME, "properties/name/pattern", name, 10);
    check_pattern(VAIN_OPTION_SEED, "properties/seed/anyOf/1/pattern", number, 10);
    check_pattern(VAIN_OPTION_NUMBER_OR_AUTO, "properties/exchange/properties/clip/anyOf/1/pattern",
                  number, 10);
}

/* What the reader takes as an address, editors take too. */
static void test_address_pattern(void)
{
    static const char *const fine[] = {"node1:4000", "hpc_1.uni.example:65535", "10.0.0.1:1",
                                       "[::1]:4000", "[fe80::1%eth0]:4000"};
    static const char *const wrong[] = {"node1",       "node1:0",  "node1:040", "::1:4000",
                                        "tcp://a:400", "a b:4000", "[x]:4000",  "a:4000\n"};
    struct json_object *root = take_schema();
    regex_t regex;
    const char *pattern = json_object_get_string(
        at(root, "properties/members/items/properties/addresses/anyOf/1/pattern"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(pattern);
    CU_ASSERT_EQUAL_FATAL(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    for (size_t i = 0; i < VAIN_COUNT_OF(fine); i++) {
        CU_ASSERT_PTR_NULL(vain_spec_address_fault(fine[i]));
        CU_ASSERT_EQUAL(regexec(&regex, fine[i], 0, NULL, 0), 0);
    }
    for (size_t i = 0; i < VAIN_COUNT_OF(wrong); i++) {
        CU_ASSERT_PTR_NOT_NULL(vain_spec_address_fault(wrong[i]));
        CU_ASSERT_NOT_EQUAL(regexec(&regex, wrong[i], 0, NULL, 0), 0);
    }
    regfree(&regex);
    json_object_put(root);
}

static const struct vain_test tests[] = {
    {"the schema has the table's shape", test_shape},
    {"descriptions say range, unit, default and scope", test_descriptions},
    {"no key is missing", test_complete},
    {"patterns take what the reader takes", test_patterns},
    {"the pattern of an address is what is read", test_address_pattern},
    {NULL, NULL},
};
const struct vain_suite vain_suite_schema = {"schema", tests};

/* Split, parts and paths: everything is covered once, and by name. */
#include <stdio.h>
#include <string.h>

#include "jobs/data/partition.h"
#include "tests/unit/suite.h"

/* nanoGPT's split is int(n * 0.9) in doubles; ours is in integers and must be the same number. */
static void the_split_is_nanogpts(void)
{
    CU_ASSERT_EQUAL(vain_partition_train_count(1115394, 0.1), 1003854); /* Tiny Shakespeare */
    for (int64_t n = 0; n < 5000; n++)
        CU_ASSERT_EQUAL(vain_partition_train_count(n, 0.1), (int64_t)((double)n * 0.9));
    for (int64_t n = 999999000; n < 1000001000; n++)
        CU_ASSERT_EQUAL(vain_partition_train_count(n, 0.1), (int64_t)((double)n * 0.9));
}

static void the_split_holds_at_its_ends(void)
{
    CU_ASSERT_EQUAL(vain_partition_train_count(0, 0.1), 0);
    CU_ASSERT_EQUAL(vain_partition_train_count(1, 0.1), 0);
    CU_ASSERT_EQUAL(vain_partition_train_count(10, 0.0), 10);
    CU_ASSERT_EQUAL(vain_partition_train_count(10, 0.9), 1);
    CU_ASSERT_EQUAL(vain_partition_train_count(1000, 0.25), 750);
    /* A product of count and billionths would need 90 bits. */
    CU_ASSERT_EQUAL(vain_partition_train_count(INT64_C(1000000000000000000), 0.1),
                    INT64_C(900000000000000000));
}

static void parts_cover_everything_once(void)
{
    static const int64_t counts[] = {0, 1, 7, 64, 1003854, INT64_C(1) << 50};
    for (size_t c = 0; c < VAIN_COUNT_OF(counts); c++) {
        for (int parts = 1; parts <= 33; parts++) {
            int64_t covered = 0;
            for (int i = 0; i < parts; i++) {
                int64_t begin, end;
                vain_partition_part(counts[c], i, parts, &begin, &end);
                CU_ASSERT_EQUAL(begin, covered);
                CU_ASSERT(end - begin == counts[c] / parts || end - begin == counts[c] / parts + 1);
                covered = end;
            }
            CU_ASSERT_EQUAL(covered, counts[c]);
        }
    }
}

static void places_follow_names_not_order(void)
{
    static const char *const one[] = {"carol", "alice", "bob"};
    static const char *const other[] = {"bob", "carol", "alice"};
    static const char *const sorted[] = {"alice", "bob", "carol"};
    for (int i = 0; i < 3; i++) {
        int place;
        CU_ASSERT_EQUAL(vain_partition_place(one, 3, sorted[i], &place), VAIN_OK);
        CU_ASSERT_EQUAL(place, i);
        CU_ASSERT_EQUAL(vain_partition_place(other, 3, sorted[i], &place), VAIN_OK);
        CU_ASSERT_EQUAL(place, i);
    }
}

static void strangers_and_doubles_are_refused(void)
{
    static const char *const names[] = {"alice", "bob", "bob"};
    int place;
    CU_ASSERT_EQUAL(vain_partition_place(names, 3, "mallory", &place), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "member mallory: is not among the 3"));
    CU_ASSERT_EQUAL(vain_partition_place(names, 3, "bob", &place), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "2 members have this name"));
}

static const char *path_of(const char *text, const char *tokens, int partition, const char *folder)
{
    static char out[VAIN_PATH_BYTES];
    static struct vain_data_options options;
    options = (struct vain_data_options){.partition = partition};
    snprintf(options.text, sizeof options.text, "%s", text);
    snprintf(options.tokens, sizeof options.tokens, "%s", tokens);
    const enum vain_status status = vain_partition_path(&options, folder, "alice", out);
    CU_ASSERT(status == VAIN_OK || status == VAIN_ERR_INPUT);
    return status == VAIN_OK ? out : "refused";
}

static void paths_are_relative_to_the_specs_folder(void)
{
    CU_ASSERT_STRING_EQUAL(path_of("a.txt", "", VAIN_PARTITION_SHARED, "jobs"), "jobs/a.txt");
    CU_ASSERT_STRING_EQUAL(path_of("/a.txt", "", VAIN_PARTITION_SHARED, "jobs"), "/a.txt");
    CU_ASSERT_STRING_EQUAL(path_of("a.txt", "", VAIN_PARTITION_SHARED, ""), "a.txt");
    CU_ASSERT_STRING_EQUAL(path_of("a.txt", "", VAIN_PARTITION_SHARED, NULL), "a.txt");
    CU_ASSERT_STRING_EQUAL(path_of("", "t.bin", VAIN_PARTITION_DISJOINT, "jobs"), "jobs/t.bin");
    CU_ASSERT_STRING_EQUAL(path_of("~/a.txt", "", VAIN_PARTITION_SHARED, "jobs"), "jobs/~/a.txt");
}

static void named_paths_hold_the_members_name(void)
{
    CU_ASSERT_STRING_EQUAL(path_of("{name}.txt", "", VAIN_PARTITION_NAMED, "jobs"),
                           "jobs/alice.txt");
    CU_ASSERT_STRING_EQUAL(path_of("/d/{name}/{name}", "", VAIN_PARTITION_NAMED, "jobs"),
                           "/d/alice/alice");
    CU_ASSERT_STRING_EQUAL(path_of("{nam}{name}}", "", VAIN_PARTITION_NAMED, NULL), "{nam}alice}");
}

static void contradictions_are_refused(void)
{
    CU_ASSERT_STRING_EQUAL(path_of("", "", VAIN_PARTITION_SHARED, NULL), "refused");
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "--set data.text=FILE"));
    CU_ASSERT_STRING_EQUAL(path_of("a", "b", VAIN_PARTITION_SHARED, NULL), "refused");
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "both"));
    CU_ASSERT_STRING_EQUAL(path_of("a.txt", "", VAIN_PARTITION_NAMED, NULL), "refused");
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "no {name}"));
    CU_ASSERT_STRING_EQUAL(path_of("{name}", "", VAIN_PARTITION_DISJOINT, NULL), "refused");
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "set data.partition: named"));
}

/* The longest path that fits, and one byte more. */
static void long_paths_are_refused_not_cut(void)
{
    char text[VAIN_PATH_BYTES], folder[12] = "01234567";
    const size_t room = VAIN_PATH_BYTES - 1 - strlen(folder) - 1;
    memset(text, 'x', sizeof text);
    text[room] = '\0';
    CU_ASSERT_EQUAL(strlen(path_of(text, "", VAIN_PARTITION_SHARED, folder)), VAIN_PATH_BYTES - 1);
    CU_ASSERT_STRING_EQUAL(path_of(text, "", VAIN_PARTITION_SHARED, "012345678"), "refused");
    memcpy(text, "{name}", 6); /* "alice" is a byte shorter */
    CU_ASSERT_EQUAL(strlen(path_of(text, "", VAIN_PARTITION_NAMED, "012345678")),
                    VAIN_PATH_BYTES - 1);
    CU_ASSERT_STRING_EQUAL(path_of(text, "", VAIN_PARTITION_NAMED, "0123456789"), "refused");
}

static const struct vain_test tests[] = {
    {"the split is nanoGPT's", the_split_is_nanogpts},
    {"the split holds at its ends", the_split_holds_at_its_ends},
    {"parts cover everything once", parts_cover_everything_once},
    {"places follow names, not order", places_follow_names_not_order},
    {"strangers and doubles are refused", strangers_and_doubles_are_refused},
    {"paths are relative to the spec's folder", paths_are_relative_to_the_specs_folder},
    {"named paths hold the member's name", named_paths_hold_the_members_name},
    {"contradictions are refused", contradictions_are_refused},
    {"long paths are refused, not cut", long_paths_are_refused_not_cut},
    {NULL, NULL}};
const struct vain_suite vain_suite_partition = {"data: partition", tests};

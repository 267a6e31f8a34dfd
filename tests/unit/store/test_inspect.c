/* Statistics, verdicts, differences and the tree. */
#include "jobs/store/inspect.h"

#include "tests/unit/store/bed.h"
#include "tests/unit/suite.h"

#include "base/memory.h"
#include "cmd/world.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void test_statistics(void)
{
    /* By Python's statistics module: fmean 2.75, pstdev 2.9261749776799064. */
    const float values[] = {1.0f, -1.0f, 4.5f, 6.5f};
    struct vain_slice_statistics found = vain_slice_statistics(values, 4);
    CU_ASSERT_EQUAL(found.minimum, -1.0);
    CU_ASSERT_EQUAL(found.maximum, 6.5);
    CU_ASSERT_EQUAL(found.mean, 2.75);
    CU_ASSERT_DOUBLE_EQUAL(found.deviation, 2.9261749776799064, 1e-15);
    CU_ASSERT_EQUAL(found.not_finite, 0);
    const float some[] = {NAN, 3.0f, INFINITY, 5.0f, -INFINITY};
    found = vain_slice_statistics(some, 5);
    CU_ASSERT_EQUAL(found.not_finite, 3);
    CU_ASSERT_EQUAL(found.minimum, 3.0);
    CU_ASSERT_EQUAL(found.maximum, 5.0);
    CU_ASSERT_EQUAL(found.deviation, 1.0);
    found = vain_slice_statistics(some, 1);
    CU_ASSERT_TRUE(isnan(found.mean) && isnan(found.minimum) && isnan(found.deviation));
    found = vain_slice_statistics(values, 0);
    CU_ASSERT_TRUE(isnan(found.maximum));
    CU_ASSERT_EQUAL(found.not_finite, 0);
    /* A small spread around a large mean. */
    const float close[] = {16777216.0f, 16777218.0f};
    CU_ASSERT_EQUAL(vain_slice_statistics(close, 2).deviation, 1.0);
}

static void write_sample(const struct bed_checkpoint *sample, const char *folder,
                         char path[VAIN_PATH_BYTES])
{
    BED_OK(vain_checkpoint_write(&sample->content, folder, vain_world_real(), NULL));
    vain_checkpoint_path(folder, sample->content.round, path, VAIN_PATH_BYTES);
}

static void test_verify(void)
{
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    struct bed_checkpoint sample;
    bed_make_checkpoint(&sample);
    sample.parameters[5] = NAN;
    sample.content.hash_parameters = true;
    write_sample(&sample, folder, path);
    struct vain_checkpoint_verdict verdict;
    BED_OK(vain_checkpoint_verify(path, NULL, &verdict));
    CU_ASSERT_EQUAL(verdict.round, 7);
    CU_ASSERT_EQUAL(verdict.step, 140);
    CU_ASSERT_EQUAL(verdict.parameter_count, BED_PARAMETERS);
    CU_ASSERT_EQUAL(verdict.slice_count, BED_SLICES);
    CU_ASSERT_TRUE(verdict.has_momentum);
    CU_ASSERT_EQUAL(verdict.not_finite, 1);
    CU_ASSERT_EQUAL(memcmp(verdict.spec_hash, sample.content.spec_hash, VAIN_HASH_BYTES), 0);
    size_t bytes;
    uint8_t *image = bed_read_file(path, &bytes);
    CU_ASSERT_EQUAL(verdict.bytes, (int64_t)bytes);
    vain_release(image);
    /* A parameter, then a momentum that changed on disk. */
    static const char *const names[] = {"/model/head_bias", "/outer/momentum/head_bias"};
    for (size_t i = 0; i < VAIN_COUNT_OF(names); i++) {
        write_sample(&sample, folder, path);
        const hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
        const hid_t dataset = H5Dopen2(file, names[i], H5P_DEFAULT);
        const float other = 17.0f;
        H5Dwrite(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, &other);
        H5Dclose(dataset);
        H5Fclose(file);
        BED_FAILS(vain_checkpoint_verify(path, NULL, &verdict), VAIN_ERR_CORRUPT);
        CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "Merkle"));
        CU_ASSERT_EQUAL(verdict.parameter_count, 0);
    }
    CU_ASSERT_EQUAL(remove(path), 0);
    BED_FAILS(vain_checkpoint_verify(path, NULL, &verdict), VAIN_ERR_NOT_FOUND);
    bed_remove_folder(folder);
}

/* ---- Differences ---------------------------------------------------------------------------- */

struct list {
    int count;
    struct {
        char name[96], a[96], b[96];
        bool numbers, provenance;
        double maximum;
        int64_t differing;
    } items[64];
};
static void note(void *context, const struct vain_difference *difference)
{
    struct list *list = context;
    CU_ASSERT_FATAL(list->count < 64);
    snprintf(list->items[list->count].name, 96, "%s", difference->name);
    list->items[list->count].numbers = difference->a == NULL;
    if (difference->a != NULL) {
        snprintf(list->items[list->count].a, 96, "%s", difference->a);
        snprintf(list->items[list->count].b, 96, "%s", difference->b);
    }
    list->items[list->count].provenance = difference->provenance;
    list->items[list->count].maximum = difference->maximum;
    list->items[list->count].differing = difference->count;
    list->count++;
}

static int find(const struct list *list, const char *name)
{
    for (int i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].name, name) == 0)
            return i;
    }
    printf("\n    no difference named %s\n", name);
    CU_FAIL_FATAL("a difference is missing");
    return 0;
}

/* Write both into folders of their own and compare. */
static struct list compare(const struct bed_checkpoint *a, const struct bed_checkpoint *b)
{
    char folders[2][VAIN_PATH_BYTES], paths[2][VAIN_PATH_BYTES];
    struct list list = {0};
    for (int i = 0; i < 2; i++) {
        bed_make_folder(folders[i]);
        write_sample(i == 0 ? a : b, folders[i], paths[i]);
    }
    int64_t differences;
    BED_OK(vain_checkpoint_diff(paths[0], paths[1], NULL, note, &list, &differences));
    int64_t counted = 0;
    for (int i = 0; i < list.count; i++)
        counted += list.items[i].provenance ? 0 : 1;
    CU_ASSERT_EQUAL(differences, counted);
    for (int i = 0; i < 2; i++)
        bed_remove_folder(folders[i]);
    return list;
}

static void test_equal_checkpoints_do_not_differ(void)
{
    struct bed_checkpoint a, b;
    bed_make_checkpoint(&a);
    bed_make_checkpoint(&b);
    b.content.created_unix_ms++;
    CU_ASSERT_EQUAL(compare(&a, &b).count, 0);
}

static void test_values_differ(void)
{
    struct bed_checkpoint a, b;
    bed_make_checkpoint(&a);
    bed_make_checkpoint(&b);
    a.content.hash_parameters = b.content.hash_parameters = true;
    b.parameters[0] += 0.25f;
    b.parameters[11] -= 1.5f;
    b.parameters[46] = NAN;
    b.momentum[15] += 0.5f;
    const struct list list = compare(&a, &b);
    CU_ASSERT_EQUAL(list.count, 4);
    int at = find(&list, "model/tokens.weight");
    CU_ASSERT_TRUE(list.items[at].numbers);
    CU_ASSERT_EQUAL(list.items[at].maximum, 1.5);
    CU_ASSERT_EQUAL(list.items[at].differing, 2);
    at = find(&list, "model/head_bias");
    CU_ASSERT_TRUE(isnan(list.items[at].maximum));
    CU_ASSERT_EQUAL(list.items[at].differing, 1);
    at = find(&list, "outer/momentum/blocks.0.filter");
    CU_ASSERT_EQUAL(list.items[at].maximum, 0.5);
    find(&list, "parameters_hash");
}

static void test_everything_else_differs(void)
{
    struct bed_checkpoint a, b;
    bed_make_checkpoint(&a);
    bed_make_checkpoint(&b);
    b.content.round = 8;
    b.content.step = 160;
    b.content.job_name = "other";
    b.content.spec = "other";
    b.content.platform = "other";
    b.content.range_exponent = 1;
    b.content.outer_momentum = NULL;
    b.content.run_id[0] ^= 1;
    b.content.record_head[0] ^= 1;
    b.content.curve_count = 2;
    b.content.member_count = 1;
    b.symbols[1]++;
    struct list list = compare(&a, &b);
    static const char *const names[] = {
        "round",  "step",        "job_name",       "spec",     "platform", "codec/range_exponent",
        "run_id", "record_head", "outer/momentum", "run/loss", "peers",    "data/symbols"};
    for (size_t i = 0; i < VAIN_COUNT_OF(names); i++)
        CU_ASSERT_FALSE(list.items[find(&list, names[i])].numbers);
    CU_ASSERT_EQUAL(list.count, VAIN_COUNT_OF(names));
    CU_ASSERT_TRUE(list.items[find(&list, "run_id")].provenance);
    CU_ASSERT_TRUE(list.items[find(&list, "record_head")].provenance);
    CU_ASSERT_FALSE(list.items[find(&list, "peers")].provenance); /* another number of them */
    CU_ASSERT_FALSE(list.items[find(&list, "outer/momentum")].provenance);
    CU_ASSERT_STRING_EQUAL(list.items[find(&list, "round")].a, "7");
    CU_ASSERT_STRING_EQUAL(list.items[find(&list, "round")].b, "8");
    CU_ASSERT_STRING_EQUAL(list.items[find(&list, "outer/momentum")].b, "absent");
    bed_make_checkpoint(&b);
    /* Listed in another order, as throw-away keys do: the same members. */
    const struct vain_record_member first = b.members[0];
    b.members[0] = b.members[1];
    b.members[1] = first;
    list = compare(&a, &b);
    CU_ASSERT_EQUAL(list.count, 0);
    b.members[1].member_id[0] ^= 1;
    b.content.symbols = NULL;
    b.content.symbol_kind = "tokens";
    b.curve[1].loss = 9;
    list = compare(&a, &b);
    CU_ASSERT_EQUAL(list.count, 4);
    CU_ASSERT_TRUE(list.items[find(&list, "peers")].provenance);
    memcpy(b.members[1].name, "x", 2);
    list = compare(&a, &b);
    CU_ASSERT_FALSE(list.items[find(&list, "peers")].provenance);
}

static void test_slices_differ(void)
{
    struct bed_checkpoint a, b;
    bed_make_checkpoint(&a);
    bed_make_checkpoint(&b);
    b.slices[0].shape[0] = 4;
    b.slices[0].shape[1] = 3;
    memcpy(b.slices[4].name, "head.bias", 10);
    a.content.outer_momentum = b.content.outer_momentum = NULL;
    const struct list list = compare(&a, &b);
    CU_ASSERT_EQUAL(list.count, 3);
    CU_ASSERT_STRING_EQUAL(list.items[find(&list, "model/tokens.weight")].a, "3 x 4");
    CU_ASSERT_STRING_EQUAL(list.items[find(&list, "model/tokens.weight")].b, "4 x 3");
    CU_ASSERT_STRING_EQUAL(list.items[find(&list, "model/head_bias")].b, "absent");
    CU_ASSERT_STRING_EQUAL(list.items[find(&list, "model/head.bias")].a, "absent");
}

static void test_diff_of_what_is_not_there(void)
{
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    struct bed_checkpoint sample;
    bed_make_checkpoint(&sample);
    write_sample(&sample, folder, path);
    int64_t differences;
    BED_FAILS(vain_checkpoint_diff(path, "/nowhere", NULL, NULL, NULL, &differences),
              VAIN_ERR_NOT_FOUND);
    BED_FAILS(vain_checkpoint_diff("/nowhere", path, NULL, NULL, NULL, &differences),
              VAIN_ERR_NOT_FOUND);
    CU_ASSERT_EQUAL(differences, 0);
    BED_OK(vain_checkpoint_diff(path, path, NULL, NULL, NULL, &differences));
    CU_ASSERT_EQUAL(differences, 0);
    bed_remove_folder(folder);
}

/* ---- Tree ----------------------------------------------------------------------------------- */

static void print_entry(void *context, const struct vain_tree_entry *entry)
{
    char *text = context;
    size_t used = strlen(text);
    used += (size_t)snprintf(text + used, 8192 - used, "%s %s", entry->path, entry->type);
    for (int i = 0; i < entry->shape_count; i++)
        used += (size_t)snprintf(text + used, 8192 - used, " %lld", (long long)entry->shape[i]);
    snprintf(text + used, 8192 - used, " (%lld)\n", (long long)entry->bytes);
}

static void test_tree_of_a_member(void)
{
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES], text[8192] = "";
    bed_make_folder(folder);
    float values[6] = {0};
    const struct vain_member_state state = {
        .name = "bob",
        .parameter_count = 6,
        .memory_count = 2,
        .memories = {{"moment1", "first", values, 6}, {"moment2", "second", values, 6}},
        .residual = values};
    BED_OK(vain_member_write(&state, folder, vain_world_real()));
    vain_member_path(folder, "bob", 0, path, sizeof path);
    BED_OK(vain_checkpoint_tree(path, print_entry, text));
    CU_ASSERT_STRING_EQUAL(text, "/ group (0)\n/memory group (0)\n/memory/moment1 float32 6 (24)\n"
                                 "/memory/moment2 float32 6 (24)\n"
                                 "/residual float32 6 (24)\n/integrity group (0)\n"
                                 "/integrity/content uint8 32 (32)\n/complete uint8 (1)\n");
    bed_remove_folder(folder);
}

static void add_many(hid_t file)
{
    H5Gclose(H5Gcreate2(file, "/extra", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    for (int i = 0; i < 300; i++) {
        char name[32];
        snprintf(name, sizeof name, "/extra/%03d", i);
        const int16_t value = 1;
        bed_set_dataset(file, name, H5T_STD_I16LE, 0, NULL, &value);
    }
    const hid_t type = H5Tcopy(H5T_IEEE_F32LE);
    H5Tcommit2(file, "/type", type, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Tclose(type);
}
static void add_circle(hid_t file)
{
    H5Lcreate_hard(file, "/run", file, "/run/again", H5P_DEFAULT, H5P_DEFAULT);
}
/* A dataset with more names than a file may have objects. */
static void add_names(hid_t file)
{
    H5Gclose(H5Gcreate2(file, "/names", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    for (int i = 0; i < 32768; i++) {
        char name[32];
        snprintf(name, sizeof name, "/names/%05d", i);
        H5Lcreate_hard(file, "/complete", file, name, H5P_DEFAULT, H5P_DEFAULT);
    }
}
static void add_soft(hid_t file)
{
    H5Lcreate_soft("/model", file, "/alias", H5P_DEFAULT, H5P_DEFAULT);
}

static void count_entry(void *context, const struct vain_tree_entry *entry)
{
    int *count = context;
    *count += entry->path[0] == '/' ? 1 : 0;
}

static void test_tree_of_a_checkpoint(void)
{
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES], text[8192] = "";
    bed_make_folder(folder);
    struct bed_checkpoint sample;
    bed_make_checkpoint(&sample);
    write_sample(&sample, folder, path);
    BED_OK(vain_checkpoint_tree(path, print_entry, text));
    CU_ASSERT_EQUAL(strncmp(text, "/ group (0)\n/spec text (", 24), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "/model/blocks/0/filter float32 2 3 2 2 (96)\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "/data/symbols uint32 3 (12)\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "/run/loss/step int64 3 (24)\n/run/loss/round int64"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "/run/loss/val_loss float64 3 (24)\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "/peers/name text 2 (128)\n"));
    int before = 0, after = 0;
    BED_OK(vain_checkpoint_tree(path, count_entry, &before));
    bed_edit_file(path, add_many);
    BED_OK(vain_checkpoint_tree(path, count_entry, &after));
    CU_ASSERT_EQUAL(after, before + 302);
    bed_edit_file(path, add_soft);
    BED_FAILS(vain_checkpoint_tree(path, count_entry, &after), VAIN_ERR_CORRUPT);
    write_sample(&sample, folder, path);
    bed_edit_file(path, add_circle);
    BED_FAILS(vain_checkpoint_tree(path, count_entry, &after), VAIN_ERR_CORRUPT);
    write_sample(&sample, folder, path);
    bed_edit_file(path, add_names);
    BED_FAILS(vain_checkpoint_tree(path, count_entry, &after), VAIN_ERR_CORRUPT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "more than"));
    BED_FAILS(vain_checkpoint_tree("/nowhere", count_entry, &after), VAIN_ERR_NOT_FOUND);
    bed_remove_folder(folder);
}

static const struct vain_test tests[] = {
    {"statistics of a slice", test_statistics},
    {"a verdict, and damage that it finds", test_verify},
    {"equal checkpoints do not differ", test_equal_checkpoints_do_not_differ},
    {"values that differ", test_values_differ},
    {"attributes, texts and lists that differ", test_everything_else_differs},
    {"slices that differ", test_slices_differ},
    {"a file that is not there has no differences", test_diff_of_what_is_not_there},
    {"the tree of a member file", test_tree_of_a_member},
    {"the tree of a checkpoint, and of too much", test_tree_of_a_checkpoint},
    {NULL, NULL},
};
const struct vain_suite vain_suite_inspect = {"store/inspect", tests};

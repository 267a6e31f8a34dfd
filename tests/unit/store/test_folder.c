/* Listing, pruning and part files: checkpoint_folder.c, part_file.c. */
#include "tests/unit/store/bed.h"
#include "tests/unit/suite.h"

#include "base/memory.h"
#include "jobs/store/part_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void touch(const char *folder, const char *name)
{
    char path[VAIN_PATH_BYTES];
    bed_join(folder, name, path);
    bed_write_file(path, "x", 1);
}

static bool has(const char *folder, const char *name)
{
    char path[VAIN_PATH_BYTES];
    bed_join(folder, name, path);
    return bed_exists(path);
}

static void test_paths(void)
{
    char path[VAIN_PATH_BYTES];
    vain_checkpoint_path("/out", 0, path, sizeof path);
    CU_ASSERT_STRING_EQUAL(path, "/out/checkpoint-000000.h5");
    vain_checkpoint_path("out", 1234567, path, sizeof path);
    CU_ASSERT_STRING_EQUAL(path, "out/checkpoint-1234567.h5");
    vain_member_path("out", "alice", 12, path, sizeof path);
    CU_ASSERT_STRING_EQUAL(path, "out/member-alice-000012.h5");
}

static void test_list_takes_our_names_only(void)
{
    char folder[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    static const char *const names[] = {
        "checkpoint-000010.h5",   "checkpoint-000002.h5",
        "checkpoint-1000000.h5",  "checkpoint-000003.h5.part-host-1",
        "checkpoint-4.h5",        "checkpoint-0000005.h5",
        "checkpoint-000006.h5x",  "checkpoint-.h5",
        "checkpoint-00000a.h5",   "checkpoint-1234567890123456789.h5",
        "a-checkpoint-000007.h5", "member-a-000010.h5",
        "member-a-000009.h5",     "member-a-1-000011.h5",
        "member-b-000012.h5",     "member--000013.h5",
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(names); i++)
        touch(folder, names[i]);
    int64_t *rounds;
    int count;
    BED_OK(vain_checkpoint_list(folder, &rounds, &count));
    CU_ASSERT_EQUAL_FATAL(count, 3);
    CU_ASSERT_EQUAL(rounds[0], 2);
    CU_ASSERT_EQUAL(rounds[1], 10);
    CU_ASSERT_EQUAL(rounds[2], 1000000);
    vain_release(rounds);
    BED_OK(vain_member_list(folder, "a", &rounds, &count));
    CU_ASSERT_EQUAL_FATAL(count, 2);
    CU_ASSERT_EQUAL(rounds[0], 9);
    CU_ASSERT_EQUAL(rounds[1], 10);
    vain_release(rounds);
    BED_OK(vain_member_list(folder, "nobody", &rounds, &count));
    CU_ASSERT_EQUAL(count, 0);
    CU_ASSERT_PTR_NULL(rounds);
    bed_remove_folder(folder);
}

static void test_list_of_many_and_of_none(void)
{
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    for (int i = 199; i >= 0; i--) {
        vain_checkpoint_path(folder, i * 7 % 200, path, sizeof path);
        bed_write_file(path, "", 0);
    }
    int64_t *rounds;
    int count;
    BED_OK(vain_checkpoint_list(folder, &rounds, &count));
    CU_ASSERT_EQUAL_FATAL(count, 200);
    for (int i = 0; i < count; i++)
        CU_ASSERT_EQUAL(rounds[i], i);
    vain_release(rounds);
    BED_OK(vain_checkpoint_prune(folder, 1, NULL, 0));
    CU_ASSERT_EQUAL(bed_count_files(folder), 1);
    CU_ASSERT_TRUE(has(folder, "checkpoint-000199.h5"));
    bed_remove_folder(folder);
    BED_OK(vain_checkpoint_list(folder, &rounds, &count));
    CU_ASSERT_EQUAL(count, 0);
    CU_ASSERT_PTR_NULL(rounds);
    BED_FAILS(vain_checkpoint_list("/dev/null", &rounds, &count), VAIN_ERR_REFUSED);
    BED_FAILS(vain_checkpoint_prune("/dev/null", 1, NULL, 0), VAIN_ERR_REFUSED);
}

static void test_prune_keeps_the_newest(void)
{
    char folder[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    static const char *const names[] = {
        "checkpoint-000001.h5", "checkpoint-000002.h5", "checkpoint-000003.h5",
        "member-a-000001.h5",   "member-a-000002.h5",   "member-a-000003.h5",
        "member-b-000001.h5",   "record.bin",           "notes.txt",
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(names); i++)
        touch(folder, names[i]);
    BED_OK(vain_checkpoint_prune(folder, 0, "a", 2));
    CU_ASSERT_EQUAL(bed_count_files(folder), 8);
    CU_ASSERT_FALSE(has(folder, "member-a-000001.h5"));
    BED_OK(vain_checkpoint_prune(folder, 2, NULL, 0));
    CU_ASSERT_EQUAL(bed_count_files(folder), 7);
    CU_ASSERT_FALSE(has(folder, "checkpoint-000001.h5"));
    BED_OK(vain_checkpoint_prune(folder, 1, "b", 1));
    CU_ASSERT_EQUAL(bed_count_files(folder), 6);
    CU_ASSERT_TRUE(has(folder, "checkpoint-000003.h5"));
    CU_ASSERT_TRUE(has(folder, "member-a-000002.h5"));
    CU_ASSERT_TRUE(has(folder, "member-b-000001.h5"));
    CU_ASSERT_TRUE(has(folder, "record.bin"));
    CU_ASSERT_TRUE(has(folder, "notes.txt"));
    bed_remove_folder(folder);
}

/* Number of a process that has ended. */
static long dead_process(void)
{
    const pid_t child = fork();
    if (child == 0)
        _exit(0);
    CU_ASSERT_FATAL(child > 0);
    CU_ASSERT_EQUAL(waitpid(child, NULL, 0), child);
    return (long)child;
}

static void test_stale_parts_are_known(void)
{
    char part[VAIN_PART_PATH_BYTES], name[2 * VAIN_PART_PATH_BYTES];
    vain_part_path("checkpoint-000001.h5", part);
    CU_ASSERT_FALSE(vain_part_is_stale(part)); /* this process lives */
    char *end = strrchr(part, '-');
    CU_ASSERT_PTR_NOT_NULL_FATAL(end);
    end[1] = '\0';
    const long dead = dead_process();
    snprintf(name, sizeof name, "%s%ld", part, dead);
    CU_ASSERT_TRUE(vain_part_is_stale(name));
    snprintf(name, sizeof name, "%s%ldx", part, dead);
    CU_ASSERT_FALSE(vain_part_is_stale(name));
    CU_ASSERT_FALSE(vain_part_is_stale(part));
    snprintf(name, sizeof name, "%s0", part);
    CU_ASSERT_FALSE(vain_part_is_stale(name));
    snprintf(name, sizeof name, "checkpoint-000001.h5.part-another.host.example-%ld", dead);
    CU_ASSERT_FALSE(vain_part_is_stale(name));
    CU_ASSERT_FALSE(vain_part_is_stale("checkpoint-000001.h5"));
}

static void test_prune_removes_stale_parts_of_ours(void)
{
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES], part[VAIN_PART_PATH_BYTES];
    bed_make_folder(folder);
    bed_join(folder, "checkpoint-000001.h5", path);
    vain_part_path(path, part);
    bed_write_file(part, "x", 1); /* of a living process */
    char *end = strrchr(part, '-');
    snprintf(end + 1, 32, "%ld", dead_process());
    bed_write_file(part, "x", 1);
    bed_join(folder, "letters.txt", path);
    vain_part_path(path, part);
    end = strrchr(part, '-');
    snprintf(end + 1, 32, "%ld", dead_process());
    bed_write_file(part, "x", 1); /* no name of ours */
    CU_ASSERT_EQUAL(bed_count_files(folder), 3);
    BED_OK(vain_checkpoint_prune(folder, 1, NULL, 0));
    CU_ASSERT_EQUAL(bed_count_files(folder), 2);
    CU_ASSERT_TRUE(bed_exists(part));
    bed_remove_folder(folder);
}

static void test_part_files_are_made(void)
{
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    bed_join(folder, "file", path);
    int descriptor;
    const mode_t before = umask(0);
    BED_OK(vain_part_create(path, "shown", 0600, 1000, &descriptor));
    umask(before);
    struct stat about;
    CU_ASSERT_EQUAL(fstat(descriptor, &about), 0);
    CU_ASSERT_EQUAL(about.st_mode & 0777, 0600);
    CU_ASSERT_EQUAL(write(descriptor, "old", 3), 3);
    close(descriptor);
    /* One that an earlier process left is replaced, and a link is not followed. */
    BED_OK(vain_part_create(path, "shown", 0600, 0, &descriptor));
    CU_ASSERT_EQUAL(fstat(descriptor, &about), 0);
    CU_ASSERT_EQUAL(about.st_size, 0);
    close(descriptor);
    CU_ASSERT_EQUAL(unlink(path), 0);
    char target[VAIN_PATH_BYTES];
    bed_join(folder, "target", target);
    bed_write_file(target, "keep", 4);
    CU_ASSERT_EQUAL(symlink(target, path), 0);
    BED_OK(vain_part_create(path, "shown", 0600, 0, &descriptor));
    CU_ASSERT_EQUAL(write(descriptor, "other", 5), 5);
    close(descriptor);
    size_t bytes;
    uint8_t *content = bed_read_file(target, &bytes);
    CU_ASSERT_EQUAL(bytes, 4);
    vain_release(content);
    CU_ASSERT_EQUAL(unlink(path), 0);
    /* More than any disk has. */
    BED_FAILS(vain_part_create(path, "shown", 0600, INT64_MAX, &descriptor), VAIN_ERR_STORAGE);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "9223372036854775807 bytes are needed"));
    CU_ASSERT_FALSE(bed_exists(path));
    BED_FAILS(vain_part_create("/nowhere/at/all", "shown", 0600, 0, &descriptor), VAIN_ERR_STORAGE);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "shown"));
    bed_remove_folder(folder);
}

static const struct vain_test tests[] = {
    {"names of files", test_paths},
    {"a listing takes our names only", test_list_takes_our_names_only},
    {"a listing of many, of none, of no folder", test_list_of_many_and_of_none},
    {"pruning keeps the newest and what is not ours", test_prune_keeps_the_newest},
    {"a part file is stale when its process has ended", test_stale_parts_are_known},
    {"pruning removes stale part files of ours", test_prune_removes_stale_parts_of_ours},
    {"part files are private and replace what lies there", test_part_files_are_made},
    {NULL, NULL},
};
const struct vain_suite vain_suite_folder = {"store/folder", tests};

/* The real world (cmd/world.c): what the store relies on. */
#include "cmd/world.h"

#include "tests/unit/store/bed.h"
#include "tests/unit/suite.h"

#include "base/memory.h"
#include "jobs/store/part_file.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

static void expect(const char *path, const char *text)
{
    size_t bytes;
    uint8_t *content = bed_read_file(path, &bytes);
    CU_ASSERT_EQUAL_FATAL(bytes, strlen(text));
    CU_ASSERT_EQUAL(memcmp(content, text, bytes), 0);
    vain_release(content);
}

static void test_clocks_and_randomness(void)
{
    struct vain_world *world = vain_world_real();
    const uint64_t first = world->ops->now_ns(world);
    CU_ASSERT(world->ops->now_ns(world) >= first);
    CU_ASSERT(world->ops->unix_ms(world) > INT64_C(1700000000000));
    uint8_t a[32] = {0}, b[32] = {0};
    world->ops->random(world, a, sizeof a);
    world->ops->random(world, b, sizeof b);
    CU_ASSERT_NOT_EQUAL(memcmp(a, b, sizeof a), 0);
}

static void test_append(void)
{
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    bed_join(folder, "log", path);
    struct vain_world *world = vain_world_real();
    const mode_t before = umask(022);
    BED_OK(world->ops->append(world, path, "one ", 4));
    umask(before);
    BED_OK(world->ops->append(world, path, "two", 3));
    BED_OK(world->ops->append(world, path, NULL, 0));
    expect(path, "one two");
    struct stat about;
    CU_ASSERT_EQUAL(stat(path, &about), 0);
    CU_ASSERT_EQUAL(about.st_mode & 0777, 0644);
    BED_FAILS(world->ops->append(world, "/nowhere/log", "x", 1), VAIN_ERR_STORAGE);
    BED_FAILS(world->ops->append(world, folder, "x", 1), VAIN_ERR_STORAGE);
    BED_FAILS(world->ops->append(world, "/dev/full", "x", 1), VAIN_ERR_STORAGE);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "cannot append 1 bytes: No space left"));
    bed_remove_folder(folder);
}

static void test_replace(void)
{
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    bed_join(folder, "file", path);
    struct vain_world *world = vain_world_real();
    BED_OK(world->ops->replace(world, path, "first", 5, 0600));
    struct stat about;
    CU_ASSERT_EQUAL(stat(path, &about), 0);
    CU_ASSERT_EQUAL(about.st_mode & 0777, 0600);
    BED_OK(world->ops->replace(world, path, "second one", 10, 0600));
    expect(path, "second one");
    BED_OK(world->ops->replace(world, path, NULL, 0, 0600));
    expect(path, "");
    CU_ASSERT_EQUAL(bed_count_files(folder), 1);
    BED_FAILS(world->ops->replace(world, "/nowhere/file", "x", 1, 0644), VAIN_ERR_STORAGE);
    bed_remove_folder(folder);
}

static void test_settle(void)
{
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES], temporary[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    bed_join(folder, "file", path);
    bed_join(folder, "temporary", temporary);
    struct vain_world *world = vain_world_real();
    bed_write_file(path, "old", 3);
    bed_write_file(temporary, "new", 3);
    BED_OK(world->ops->settle(world, temporary, path));
    expect(path, "new");
    CU_ASSERT_EQUAL(bed_count_files(folder), 1);
    BED_FAILS(world->ops->settle(world, temporary, path), VAIN_ERR_STORAGE);
    expect(path, "new");
    /* A rename that cannot be: the temporary goes, what was there stays. */
    bed_write_file(temporary, "newer", 5);
    BED_FAILS(world->ops->settle(world, temporary, "/nowhere/file"), VAIN_ERR_STORAGE);
    CU_ASSERT_FALSE(bed_exists(temporary));
    bed_remove_folder(folder);
}

/* A write that the system cuts short: what was there before stays, and nothing half is left. */
static void test_limits_of_the_system(void)
{
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    bed_join(folder, "file", path);
    struct vain_world *world = vain_world_real();
    BED_OK(world->ops->append(world, path, "old", 3));
    struct rlimit before, limit;
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 1000;
    void (*const handler)(int) = signal(SIGXFSZ, SIG_IGN);
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
    static const char data[4000];
    const enum vain_status replaced = world->ops->replace(world, path, data, sizeof data, 0644);
    const enum vain_status appended = world->ops->append(world, path, data, sizeof data);
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    CU_ASSERT_EQUAL(replaced, VAIN_ERR_STORAGE);
    CU_ASSERT_EQUAL(appended, VAIN_ERR_STORAGE);
    expect(path, "old");
    CU_ASSERT_EQUAL(bed_count_files(folder), 1);
    bed_remove_folder(folder);
}

/* A path without a folder is in the current one. */
static void test_relative_paths(void)
{
    char folder[VAIN_PATH_BYTES], before[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    CU_ASSERT_PTR_NOT_NULL_FATAL(getcwd(before, sizeof before));
    CU_ASSERT_EQUAL_FATAL(chdir(folder), 0);
    struct vain_world *world = vain_world_real();
    BED_OK(world->ops->replace(world, "file", "x", 1, 0644));
    BED_OK(world->ops->append(world, "file", "y", 1));
    expect("file", "xy");
    CU_ASSERT_EQUAL(chdir(before), 0);
    bed_remove_folder(folder);
}

static const struct vain_test tests[] = {
    {"clocks and randomness", test_clocks_and_randomness},
    {"appending", test_append},
    {"replacing", test_replace},
    {"settling a file that a library wrote", test_settle},
    {"writes that the system cuts short", test_limits_of_the_system},
    {"paths without a folder", test_relative_paths},
    {NULL, NULL},
};
const struct vain_suite vain_suite_world = {"store/world", tests};

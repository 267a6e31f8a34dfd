/* salts-<name>.bin: bytes, mode, and a line that a crash cut short. */
#include "jobs/store/salt_file.h"

#include "tests/unit/store/bed.h"
#include "tests/unit/suite.h"

#include "base/cursor.h"
#include "base/limits.h"
#include "cmd/world.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];

static struct vain_salt_line line_of(uint64_t round)
{
    struct vain_salt_line line = {.epoch = 5, .round = round, .attempt = 7};
    memset(line.salt, 0x40 + (int)round, sizeof line.salt);
    memset(line.root, 0x80 + (int)round, sizeof line.root);
    return line;
}

static void append(uint64_t round)
{
    const struct vain_salt_line line = line_of(round);
    BED_OK(vain_salt_file_append(folder, "ann", vain_world_real(), &line));
}

static size_t read_all(uint8_t *out, size_t capacity)
{
    FILE *file = fopen(path, "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    const size_t got = fread(out, 1, capacity, file);
    fclose(file);
    return got;
}

/* Field by field, as the header draws them. */
static void expect_line(const uint8_t *bytes, uint64_t round)
{
    const struct vain_salt_line wanted = line_of(round);
    uint8_t hash[VAIN_HASH_BYTES];
    struct vain_reader reader;
    vain_reader_init(&reader, bytes, VAIN_SALT_LINE_BYTES);
    CU_ASSERT_EQUAL(memcmp(bytes, "VAINSALT", 8), 0);
    reader.position = 8;
    CU_ASSERT_EQUAL(vain_read_u32(&reader), 1);
    CU_ASSERT_EQUAL(vain_read_u32(&reader), 7);
    CU_ASSERT_EQUAL(vain_read_u64(&reader), 5);
    CU_ASSERT_EQUAL(vain_read_u64(&reader), round);
    CU_ASSERT_EQUAL(memcmp(bytes + 32, wanted.salt, 32), 0);
    CU_ASSERT_EQUAL(memcmp(bytes + 64, wanted.root, 32), 0);
    vain_hash("vain/saltfile", bytes, 104, hash);
    CU_ASSERT_EQUAL(memcmp(bytes + 104, hash, 16), 0);
}

static void lines_are_added_for_their_owner_alone(void)
{
    uint8_t bytes[4 * VAIN_SALT_LINE_BYTES];
    struct stat about;
    bed_make_folder(folder);
    bed_join(folder, "salts-ann.bin", path);
    for (uint64_t round = 0; round < 3; round++)
        append(round);
    CU_ASSERT_EQUAL(stat(path, &about), 0);
    CU_ASSERT_EQUAL(about.st_mode & 0777, 0600);
    CU_ASSERT_EQUAL(read_all(bytes, sizeof bytes), 3 * VAIN_SALT_LINE_BYTES);
    for (uint64_t round = 0; round < 3; round++)
        expect_line(bytes + round * VAIN_SALT_LINE_BYTES, round);
    bed_remove_folder(folder);
}

static void a_line_that_was_cut_short_is_cut_off(void)
{
    uint8_t bytes[4 * VAIN_SALT_LINE_BYTES];
    for (off_t left = 0; left <= VAIN_SALT_LINE_BYTES; left += 17) {
        bed_make_folder(folder);
        bed_join(folder, "salts-ann.bin", path);
        append(0);
        append(1);
        CU_ASSERT_EQUAL(truncate(path, VAIN_SALT_LINE_BYTES + left), 0);
        append(2);
        CU_ASSERT_EQUAL(read_all(bytes, sizeof bytes), 2 * VAIN_SALT_LINE_BYTES);
        expect_line(bytes, 0);
        expect_line(bytes + VAIN_SALT_LINE_BYTES, 2);
        bed_remove_folder(folder);
    }
}

static void what_cannot_be_kept_is_said(void)
{
    const struct vain_salt_line line = line_of(0);
    CU_ASSERT_EQUAL(vain_salt_file_append("/nowhere/at/all", "ann", vain_world_real(), &line),
                    VAIN_ERR_STORAGE);
    vain_fail_clear();
}

/* What the file system calls nothing that is known leaves earlier salts alone. */
static void a_file_that_cannot_be_looked_at_is_not_replaced(void)
{
    const struct vain_salt_line line = line_of(1);
    bed_make_folder(folder);
    bed_join(folder, "salts-ann.bin", path);
    CU_ASSERT_EQUAL_FATAL(symlink("salts-ann.bin", path), 0); /* to itself: ELOOP */
    CU_ASSERT_EQUAL(vain_salt_file_append(folder, "ann", vain_world_real(), &line),
                    VAIN_ERR_STORAGE);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "salts-ann.bin: cannot be looked at"));
    struct stat about;
    CU_ASSERT_EQUAL(lstat(path, &about), 0);
    CU_ASSERT_TRUE(S_ISLNK(about.st_mode));
    vain_fail_clear();
    bed_remove_folder(folder);
}

static const struct vain_test tests[] = {
    {"lines are added, for their owner alone", lines_are_added_for_their_owner_alone},
    {"a line that was cut short is cut off", a_line_that_was_cut_short_is_cut_off},
    {"a file that cannot be looked at is not replaced",
     a_file_that_cannot_be_looked_at_is_not_replaced},
    {"what cannot be kept is said", what_cannot_be_kept_is_said},
    {NULL, NULL},
};
const struct vain_suite vain_suite_salt_file = {"store/salt_file", tests};

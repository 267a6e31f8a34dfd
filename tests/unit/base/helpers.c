#include "tests/unit/base/helpers.h"

#include <CUnit/CUnit.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crypto.h"

FILE *test_open_golden(const char *name)
{
    char path[TEST_PATH_BYTES];
    snprintf(path, sizeof path, "%s/golden/%s", VAIN_TEST_DATA, name);
    FILE *file = fopen(path, "r");
    CU_ASSERT_PTR_NOT_NULL(file);
    return file;
}

bool test_next_line(FILE *file, char *line, size_t bytes)
{
    while (file != NULL && fgets(line, (int)bytes, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '#' && line[0] != '\0')
            return true;
    }
    return false;
}

size_t test_hex(const char *text, uint8_t *out, size_t capacity)
{
    const size_t bytes = strcmp(text, "-") == 0 ? 0 : strlen(text) / 2;
    if (bytes == 0)
        return 0;
    const bool right = bytes <= capacity && vain_from_hex(text, out, bytes);
    CU_ASSERT_TRUE(right);
    return right ? bytes : 0;
}

size_t test_read_golden_hex(const char *name, uint8_t *out, size_t capacity)
{
    static char line[8192];
    FILE *file = test_open_golden(name);
    size_t bytes = 0;
    if (test_next_line(file, line, sizeof line))
        bytes = test_hex(line, out, capacity);
    if (file != NULL)
        fclose(file);
    return bytes;
}

void test_make_folder(char path[TEST_PATH_BYTES])
{
    const char *base = getenv("TMPDIR");
    snprintf(path, TEST_PATH_BYTES, "%s/vain-test-XXXXXX", base != NULL ? base : "/tmp");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(path));
}

void test_remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        char child[2 * TEST_PATH_BYTES];
        snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            CU_ASSERT_EQUAL(remove(child), 0);
    }
    if (folder != NULL)
        closedir(folder);
    CU_ASSERT_EQUAL(rmdir(path), 0);
}

int test_count_entries(const char *path)
{
    DIR *folder = opendir(path);
    int count = 0;
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    if (folder != NULL)
        closedir(folder);
    return count;
}

void test_write_file(const char *path, const void *data, size_t bytes, int mode)
{
    const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CU_ASSERT_FATAL(file >= 0);
    CU_ASSERT_EQUAL(write(file, data, bytes), (ssize_t)bytes);
    CU_ASSERT_EQUAL(fchmod(file, (mode_t)mode), 0);
    close(file);
}

size_t test_read_file(const char *path, void *out, size_t capacity)
{
    const int file = open(path, O_RDONLY);
    CU_ASSERT_FATAL(file >= 0);
    const ssize_t bytes = read(file, out, capacity);
    close(file);
    CU_ASSERT_TRUE(bytes >= 0);
    return bytes < 0 ? 0 : (size_t)bytes;
}

int test_exit_code(void (*act)(void), char *text, size_t bytes)
{
    int ends[2];
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    const pid_t child = fork();
    CU_ASSERT_FATAL(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        act();
        _exit(0);
    }
    close(ends[1]);
    size_t used = 0;
    char rest[256];
    for (ssize_t got = 1; got > 0;) {
        const bool room = text != NULL && used + 1 < bytes;
        got = read(ends[0], room ? text + used : rest, room ? bytes - 1 - used : sizeof rest);
        if (room && got > 0)
            used += (size_t)got;
    }
    if (text != NULL)
        text[used] = '\0';
    close(ends[0]);
    int result = 0;
    CU_ASSERT_EQUAL(waitpid(child, &result, 0), child);
    return WIFEXITED(result) ? WEXITSTATUS(result) : -1;
}

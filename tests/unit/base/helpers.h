/* What several suites of base/ need: golden files, a folder of their own, children that must die.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Open tests/golden/<name> for reading; a missing file fails the test and gives NULL. */
FILE *test_open_golden(const char *name);
/* The next line that is no comment (#), without its end, in `line`; false at the end. */
bool test_next_line(FILE *file, char *line, size_t bytes);
/* Hexadecimal of any length ("-" is none) to bytes; the count. */
size_t test_hex(const char *text, uint8_t *out, size_t capacity);
/* All bytes of a golden file of one line of hexadecimal; the count. */
size_t test_read_golden_hex(const char *name, uint8_t *out, size_t capacity);

enum { TEST_PATH_BYTES = 512 };
/* An empty folder for one test, and its removal with everything in it. */
void test_make_folder(char path[TEST_PATH_BYTES]);
void test_remove_folder(const char *path);
/* Entries of a folder. */
int test_count_entries(const char *folder);
void test_write_file(const char *path, const void *data, size_t bytes, int mode);
size_t test_read_file(const char *path, void *out, size_t capacity);

/* Run `act` in a child and give its exit code; what it wrote to stderr is in `text` (may be NULL).
 */
int test_exit_code(void (*act)(void), char *text, size_t bytes);

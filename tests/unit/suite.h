/* One CUnit suite per source file; a program per folder runs its suites.
 *
 * A test source defines `const struct vain_suite vain_suite_<file>`; the folder's main.c lists
 * them. */
#pragma once

#include <CUnit/CUnit.h>

struct vain_test {
    const char *name; /* a sentence: "a reader never passes its end" */
    void (*run)(void);
};
struct vain_suite {
    const char *name;
    const struct vain_test *tests; /* ended by a row with name NULL */
};

/* Tests that try each of thousands of like cases take every so many of them. A sanitizer looks for
 * mistakes of another kind, which a few show as well, and is several times as slow. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { VAIN_TEST_STRIDE = 5 };
#else
enum { VAIN_TEST_STRIDE = 1 };
#endif

/* Runs the suites, prints CUnit's summary; the exit status of main. Fails when memory blocks are
 * left over. */
int vain_suites_run(const struct vain_suite *const *suites, int count);

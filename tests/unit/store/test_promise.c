/* promises-<name>.bin: lines that say what was written or nothing, files that a crash cut, and the
 * rule that one input goes to one set. */
#include "jobs/store/promise.h"

#include "tests/unit/store/bed.h"
#include "tests/unit/suite.h"

#include "base/memory.h"
#include "cmd/world.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINES = 5 };

static char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];

static void begin(void)
{
    bed_make_folder(folder);
    bed_join(folder, "promises-alice.bin", path);
}

static struct vain_promise promise_of(uint64_t round)
{
    struct vain_promise promise = {
        .attempt = (uint32_t)(3 * round), .round = round, .input = 1000 * round, .batches = 20};
    memset(promise.parameters_hash, (int)(round + 1), VAIN_HASH_BYTES);
    memset(promise.set_hash, 0x77, VAIN_HASH_BYTES);
    return promise;
}

static bool are_equal(const struct vain_promise *a, const struct vain_promise *b)
{
    return a->attempt == b->attempt && a->round == b->round && a->input == b->input &&
           a->batches == b->batches &&
           memcmp(a->parameters_hash, b->parameters_hash, VAIN_HASH_BYTES) == 0 &&
           memcmp(a->set_hash, b->set_hash, VAIN_HASH_BYTES) == 0;
}

/* Whether the promise of this round is held: then another set is forbidden. */
static bool is_held(const struct vain_promises *promises, uint64_t round)
{
    struct vain_promise promise = promise_of(round);
    promise.set_hash[5] ^= 1;
    return vain_promises_forbid(promises, &promise);
}

static void open_file(struct vain_promises **out)
{
    BED_OK(vain_promises_open(folder, "alice", vain_world_real(), out));
}

/* A file of promises of rounds 0 .. LINES - 1, and its bytes. */
static void make_file(uint8_t bytes[LINES * VAIN_PROMISE_BYTES])
{
    struct vain_promises *promises = NULL;
    open_file(&promises);
    for (uint64_t round = 0; round < LINES; round++) {
        const struct vain_promise promise = promise_of(round);
        BED_OK(vain_promises_make(promises, &promise));
        vain_promise_encode(&promise, bytes + round * VAIN_PROMISE_BYTES);
    }
    CU_ASSERT_EQUAL(vain_promises_count(promises), LINES);
    vain_promises_close(&promises);
    CU_ASSERT_PTR_NULL(promises);
}

static bool file_is(const uint8_t *expected, size_t bytes)
{
    size_t found_bytes;
    uint8_t *found = bed_read_file(path, &found_bytes);
    const bool same = found_bytes == bytes && memcmp(found, expected, bytes) == 0;
    vain_release(found);
    return same;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void a_line_is_the_golden_one(void)
{
    struct vain_promise promise = {
        .attempt = 2, .round = 7, .input = UINT64_C(0x0102030405060708), .batches = 60};
    uint8_t line[VAIN_PROMISE_BYTES];
    char text[2 * VAIN_PROMISE_BYTES + 1], golden[2 * VAIN_PROMISE_BYTES + 2] = "";
    memset(promise.parameters_hash, 0x11, VAIN_HASH_BYTES);
    memset(promise.set_hash, 0x22, VAIN_HASH_BYTES);
    vain_promise_encode(&promise, line);
    vain_to_hex(line, sizeof line, text);
    FILE *file = fopen(VAIN_TEST_DATA "/golden/promise.hex", "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_PTR_NOT_NULL(fgets(golden, sizeof golden, file));
    fclose(file);
    golden[strcspn(golden, "\n")] = '\0';
    CU_ASSERT_STRING_EQUAL(text, golden);
}

static void a_line_comes_back(void)
{
    const uint64_t rounds[] = {0, 1, 255, UINT64_C(1) << 40, UINT64_MAX};
    for (size_t i = 0; i < VAIN_COUNT_OF(rounds); i++) {
        const struct vain_promise promise = promise_of(rounds[i]);
        struct vain_promise back;
        uint8_t line[VAIN_PROMISE_BYTES];
        vain_promise_encode(&promise, line);
        BED_OK(vain_promise_decode(line, &back));
        CU_ASSERT_TRUE(are_equal(&promise, &back));
    }
}

static void every_flipped_bit_of_a_line_is_refused(void)
{
    static const struct vain_promise nothing;
    const struct vain_promise promise = promise_of(9);
    struct vain_promise back;
    uint8_t line[VAIN_PROMISE_BYTES];
    vain_promise_encode(&promise, line);
    for (int bit = 0; bit < 8 * VAIN_PROMISE_BYTES; bit++) {
        line[bit / 8] ^= (uint8_t)(1u << bit % 8);
        memset(&back, 0xee, sizeof back);
        BED_FAILS(vain_promise_decode(line, &back), VAIN_ERR_CORRUPT);
        CU_ASSERT_TRUE(are_equal(&back, &nothing));
        line[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/* A line of another version whose hash is right. */
static void make_newer(uint8_t line[VAIN_PROMISE_BYTES])
{
    uint8_t hash[VAIN_HASH_BYTES];
    line[8] = 2;
    vain_hash("vain/promise", line, VAIN_PROMISE_BYTES - 16, hash);
    memcpy(line + VAIN_PROMISE_BYTES - 16, hash, 16);
}

static void another_version_is_refused(void)
{
    const struct vain_promise promise = promise_of(9);
    struct vain_promise back;
    uint8_t line[VAIN_PROMISE_BYTES];
    vain_promise_encode(&promise, line);
    make_newer(line);
    BED_FAILS(vain_promise_decode(line, &back), VAIN_ERR_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "version 2, this build reads 1"));
}

/* ---- files ----------------------------------------------------------------------------------- */

static void promises_outlive_the_process(void)
{
    uint8_t bytes[LINES * VAIN_PROMISE_BYTES];
    struct vain_promises *promises = NULL;
    begin();
    make_file(bytes);
    CU_ASSERT_TRUE(file_is(bytes, sizeof bytes));
    open_file(&promises);
    CU_ASSERT_EQUAL(vain_promises_count(promises), LINES);
    for (uint64_t round = 0; round < LINES; round++)
        CU_ASSERT_TRUE(is_held(promises, round));
    CU_ASSERT_FALSE(is_held(promises, LINES));
    CU_ASSERT_TRUE(file_is(bytes, sizeof bytes));
    vain_promises_close(&promises);
    /* Others' files are not read. */
    BED_OK(vain_promises_open(folder, "bob", vain_world_real(), &promises));
    CU_ASSERT_EQUAL(vain_promises_count(promises), 0);
    vain_promises_close(&promises);
    vain_promises_close(&promises);
    bed_remove_folder(folder);
}

/* The append that a crash cut: at every length the whole lines are there, and the file goes on. */
static void a_torn_tail_is_cut_off(void)
{
    uint8_t bytes[LINES * VAIN_PROMISE_BYTES];
    begin();
    make_file(bytes);
    for (size_t length = 0; length <= sizeof bytes; length++) {
        const int64_t whole = (int64_t)(length / VAIN_PROMISE_BYTES);
        struct vain_promises *promises = NULL;
        bed_write_file(path, bytes, length);
        open_file(&promises);
        CU_ASSERT_EQUAL(vain_promises_count(promises), whole);
        CU_ASSERT_TRUE(file_is(bytes, (size_t)whole * VAIN_PROMISE_BYTES));
        if (whole < LINES) {
            const struct vain_promise next = promise_of((uint64_t)whole);
            BED_OK(vain_promises_make(promises, &next));
            CU_ASSERT_TRUE(file_is(bytes, (size_t)(whole + 1) * VAIN_PROMISE_BYTES));
        }
        vain_promises_close(&promises);
    }
    bed_remove_folder(folder);
}

/* A last line of full length whose blocks did not all come to the disk. */
static void a_last_line_of_zeros_is_cut_off(void)
{
    uint8_t bytes[LINES * VAIN_PROMISE_BYTES], torn[LINES * VAIN_PROMISE_BYTES];
    struct vain_promises *promises = NULL;
    begin();
    make_file(bytes);
    memcpy(torn, bytes, sizeof torn);
    memset(torn + (size_t)(LINES - 1) * VAIN_PROMISE_BYTES, 0, VAIN_PROMISE_BYTES);
    bed_write_file(path, torn, sizeof torn);
    vain_fail_clear();
    open_file(&promises);
    CU_ASSERT_EQUAL(vain_promises_count(promises), LINES - 1);
    CU_ASSERT_STRING_EQUAL(vain_fail_message(), ""); /* nothing went wrong */
    CU_ASSERT_TRUE(file_is(bytes, (size_t)(LINES - 1) * VAIN_PROMISE_BYTES));
    vain_promises_close(&promises);
    bed_remove_folder(folder);
}

static void damage_elsewhere_is_refused(void)
{
    uint8_t bytes[LINES * VAIN_PROMISE_BYTES];
    struct vain_promises *promises = NULL;
    begin();
    make_file(bytes);
    for (size_t at = 0; at < (size_t)LINES * VAIN_PROMISE_BYTES; at += 13) {
        bytes[at] ^= 0x10;
        bed_write_file(path, bytes, sizeof bytes);
        BED_FAILS(vain_promises_open(folder, "alice", vain_world_real(), &promises),
                  VAIN_ERR_CORRUPT);
        CU_ASSERT_PTR_NULL(promises);
        char expected[100];
        snprintf(expected, sizeof expected, "promises-alice.bin: promise %zu of %d is damaged",
                 at / VAIN_PROMISE_BYTES + 1, LINES);
        CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), expected));
        CU_ASSERT_TRUE(file_is(bytes, sizeof bytes)); /* what is damaged is kept */
        bytes[at] ^= 0x10;
    }
    /* A damaged line before a torn one is damage too, though no whole line follows it. */
    bytes[(LINES - 2) * VAIN_PROMISE_BYTES + 20] ^= 1;
    bed_write_file(path, bytes, sizeof bytes - 5);
    BED_FAILS(vain_promises_open(folder, "alice", vain_world_real(), &promises), VAIN_ERR_CORRUPT);
    bed_remove_folder(folder);
}

/* A newer program's promises are not a torn tail: they must not be lost. */
static void a_newer_line_is_never_cut_off(void)
{
    uint8_t bytes[LINES * VAIN_PROMISE_BYTES];
    struct vain_promises *promises = NULL;
    begin();
    make_file(bytes);
    make_newer(bytes + (size_t)(LINES - 1) * VAIN_PROMISE_BYTES);
    bed_write_file(path, bytes, sizeof bytes);
    BED_FAILS(vain_promises_open(folder, "alice", vain_world_real(), &promises), VAIN_ERR_REFUSED);
    CU_ASSERT_PTR_NULL(promises);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(vain_fail_message(), "promises-alice.bin: promise 5 of 5 was written by another"));
    CU_ASSERT_TRUE(file_is(bytes, sizeof bytes));
    bed_remove_folder(folder);
}

static void more_lines_than_the_first_memory_holds(void)
{
    enum { MANY = 1500 };
    uint8_t *bytes = NULL;
    struct vain_promises *promises = NULL;
    begin();
    BED_OK(vain_take((size_t)MANY * VAIN_PROMISE_BYTES, "lines", (void **)&bytes));
    for (uint64_t round = 0; round < MANY; round++) {
        const struct vain_promise promise = promise_of(round);
        vain_promise_encode(&promise, bytes + round * VAIN_PROMISE_BYTES);
    }
    bed_write_file(path, bytes, (size_t)MANY * VAIN_PROMISE_BYTES);
    open_file(&promises);
    CU_ASSERT_EQUAL(vain_promises_count(promises), MANY);
    CU_ASSERT_TRUE(is_held(promises, 0));
    CU_ASSERT_TRUE(is_held(promises, 1023));
    CU_ASSERT_TRUE(is_held(promises, 1024));
    CU_ASSERT_TRUE(is_held(promises, MANY - 1));
    vain_promises_close(&promises);
    vain_release(bytes);
    bed_remove_folder(folder);
}

static void files_that_cannot_be_read_are_refused(void)
{
    struct vain_promises *promises = NULL;
    char long_folder[VAIN_PATH_BYTES];
    begin();
    CU_ASSERT_EQUAL_FATAL(mkdir(path, 0700), 0);
    CU_ASSERT_TRUE(vain_promises_open(folder, "alice", vain_world_real(), &promises) < 0);
    CU_ASSERT_PTR_NULL(promises);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "promises-alice.bin: cannot be read"));
    CU_ASSERT_EQUAL(rmdir(path), 0);
    /* A link to itself: not "there is no file". */
    CU_ASSERT_EQUAL(symlink("promises-alice.bin", path), 0);
    BED_FAILS(vain_promises_open(folder, "alice", vain_world_real(), &promises), VAIN_ERR_REFUSED);
    CU_ASSERT_EQUAL(unlink(path), 0);
    /* A sparse file of more bytes than promises take, before memory is taken for it. */
    bed_write_file(path, "", 0);
    CU_ASSERT_EQUAL(truncate(path, ((off_t)1 << 24) * VAIN_PROMISE_BYTES + 1), 0);
    BED_FAILS(vain_promises_open(folder, "alice", vain_world_real(), &promises), VAIN_ERR_CORRUPT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "are more than promises take"));
    memset(long_folder, 'x', sizeof long_folder);
    long_folder[sizeof long_folder - 1] = '\0';
    BED_FAILS(vain_promises_open(long_folder, "alice", vain_world_real(), &promises),
              VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NULL(promises);
    bed_remove_folder(folder);
}

/* ---- the rule -------------------------------------------------------------------------------- */

static void one_input_goes_to_one_set(void)
{
    struct vain_promises *promises = NULL;
    const struct vain_promise made = promise_of(3);
    struct vain_promise asked;
    begin();
    open_file(&promises);
    asked = made;
    asked.set_hash[31] ^= 0x80;
    CU_ASSERT_FALSE(vain_promises_forbid(promises, &asked)); /* nothing is promised yet */
    BED_OK(vain_promises_make(promises, &made));
    CU_ASSERT_TRUE(vain_promises_forbid(promises, &asked));
    asked.attempt++; /* of which attempt does not matter */
    CU_ASSERT_TRUE(vain_promises_forbid(promises, &asked));
    CU_ASSERT_FALSE(vain_promises_forbid(promises, &made));
    /* Nor of which round, nor from which parameters: batches are what is promised. */
    asked.round++;
    asked.parameters_hash[0] ^= 1;
    CU_ASSERT_TRUE(vain_promises_forbid(promises, &asked));
    /* Every overlap counts, from the first batch to the last; beside them all is free. */
    for (uint64_t first = made.input - 30; first <= made.input + 30; first++) {
        asked.input = first;
        asked.batches = 7;
        const bool free = first + 7 <= made.input || first >= made.input + made.batches;
        CU_ASSERT_EQUAL(vain_promises_forbid(promises, &asked), !free);
    }
    asked.input = made.input - 100;
    asked.batches = 1000;
    CU_ASSERT_TRUE(vain_promises_forbid(promises, &asked));
    /* It does not matter how many promises came after. */
    for (uint64_t round = 10; round < 30; round++) {
        const struct vain_promise later = promise_of(round);
        BED_OK(vain_promises_make(promises, &later));
    }
    asked = made;
    asked.set_hash[0] ^= 1;
    CU_ASSERT_TRUE(vain_promises_forbid(promises, &asked));
    BED_OK(vain_promises_make(promises, &made)); /* the same again, as after a restart */
    vain_promises_close(&promises);
    bed_remove_folder(folder);
}

static void what_another_folder_holds_is_taken_over(void)
{
    uint8_t bytes[LINES * VAIN_PROMISE_BYTES];
    char other[VAIN_PATH_BYTES];
    struct vain_promises *promises = NULL;
    begin();
    make_file(bytes);
    bed_make_folder(other);
    BED_OK(vain_promises_open(other, "alice", vain_world_real(), &promises));
    const struct vain_promise one = promise_of(2), own = promise_of(70);
    BED_OK(vain_promises_make(promises, &one)); /* both hold it */
    BED_OK(vain_promises_make(promises, &own));
    BED_OK(vain_promises_adopt(promises, folder, "alice"));
    CU_ASSERT_EQUAL(vain_promises_count(promises), LINES + 1);
    vain_promises_close(&promises);
    BED_OK(vain_promises_open(other, "alice", vain_world_real(), &promises));
    for (uint64_t round = 0; round < LINES; round++)
        CU_ASSERT_TRUE(is_held(promises, round));
    CU_ASSERT_TRUE(is_held(promises, 70));
    BED_OK(vain_promises_adopt(promises, folder, "alice")); /* nothing new */
    BED_OK(vain_promises_adopt(promises, folder, "bob"));   /* no file */
    CU_ASSERT_EQUAL(vain_promises_count(promises), LINES + 1);
    vain_promises_close(&promises);
    bed_remove_folder(other);
    bed_remove_folder(folder);
}

/* ---- a disk that fails ----------------------------------------------------------------------- */

/* The real world, but calls that are counted down to 0 fail. */
static int appends_left, replaces_left;

static enum vain_status failing_append(struct vain_world *world, const char *file, const void *data,
                                       size_t bytes)
{
    (void)world;
    if (appends_left-- <= 0)
        return vain_fail(VAIN_ERR_STORAGE, "%s: the disk is full on purpose", file);
    return vain_world_real()->ops->append(vain_world_real(), file, data, bytes);
}

static enum vain_status failing_replace(struct vain_world *world, const char *file,
                                        const void *data, size_t bytes, int mode)
{
    (void)world;
    if (replaces_left-- <= 0)
        return vain_fail(VAIN_ERR_STORAGE, "%s: the disk is full on purpose", file);
    return vain_world_real()->ops->replace(vain_world_real(), file, data, bytes, mode);
}

static const struct vain_world_ops failing_ops = {.append = failing_append,
                                                  .replace = failing_replace};

static void a_promise_that_is_not_durable_is_none(void)
{
    struct vain_world world = {.ops = &failing_ops};
    struct vain_promises *promises = NULL;
    const struct vain_promise first = promise_of(0), next = promise_of(1);
    uint8_t line[VAIN_PROMISE_BYTES];
    begin();
    appends_left = 1;
    replaces_left = 0;
    BED_OK(vain_promises_open(folder, "alice", &world, &promises));
    /* The first one makes the file. */
    BED_FAILS(vain_promises_make(promises, &first), VAIN_ERR_STORAGE);
    CU_ASSERT_EQUAL(vain_promises_count(promises), 0);
    CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
    appends_left = 0;
    replaces_left = 1;
    BED_OK(vain_promises_make(promises, &first));
    BED_FAILS(vain_promises_make(promises, &next), VAIN_ERR_STORAGE);
    CU_ASSERT_EQUAL(vain_promises_count(promises), 1);
    CU_ASSERT_TRUE(is_held(promises, 0));
    CU_ASSERT_FALSE(is_held(promises, 1));
    vain_promise_encode(&first, line);
    CU_ASSERT_TRUE(file_is(line, sizeof line));
    vain_promises_close(&promises);
    bed_remove_folder(folder);
}

static void a_tail_that_cannot_be_cut_off_stops_the_start(void)
{
    uint8_t bytes[LINES * VAIN_PROMISE_BYTES];
    struct vain_world world = {.ops = &failing_ops};
    struct vain_promises *promises = NULL;
    begin();
    make_file(bytes);
    bed_write_file(path, bytes, sizeof bytes - 1);
    replaces_left = 0;
    BED_FAILS(vain_promises_open(folder, "alice", &world, &promises), VAIN_ERR_STORAGE);
    CU_ASSERT_PTR_NULL(promises);
    CU_ASSERT_TRUE(file_is(bytes, sizeof bytes - 1));
    bed_remove_folder(folder);
}

static const struct vain_test tests[] = {
    {"a line is the golden one", a_line_is_the_golden_one},
    {"a line comes back", a_line_comes_back},
    {"every flipped bit of a line is refused", every_flipped_bit_of_a_line_is_refused},
    {"another version is refused", another_version_is_refused},
    {"promises outlive the process", promises_outlive_the_process},
    {"a torn tail is cut off, at every length", a_torn_tail_is_cut_off},
    {"a last line of zeros is cut off", a_last_line_of_zeros_is_cut_off},
    {"what another folder holds is taken over", what_another_folder_holds_is_taken_over},
    {"damage elsewhere is refused", damage_elsewhere_is_refused},
    {"a newer program's line is never cut off", a_newer_line_is_never_cut_off},
    {"more lines than the first memory holds", more_lines_than_the_first_memory_holds},
    {"files that cannot be read are refused", files_that_cannot_be_read_are_refused},
    {"one input goes to one set", one_input_goes_to_one_set},
    {"a promise that is not durable is none", a_promise_that_is_not_durable_is_none},
    {"a tail that cannot be cut off stops the start",
     a_tail_that_cannot_be_cut_off_stops_the_start},
    {NULL, NULL},
};
const struct vain_suite vain_suite_promise = {"store/promise", tests};

/* Frames of record.bin for somebody who lacks them: all of them, wherever the file ends and
 * whatever the hint says. */
#include "jobs/store/record_read.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "tests/unit/store/bed.h"
#include "tests/unit/store/chain.h"
#include "tests/unit/suite.h"

enum { ROUNDS = 12 };

static char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
static uint8_t file[ROUNDS * CHAIN_FRAME_BYTES];
static size_t ends[ROUNDS + 1]; /* [r]: where the frame of round r ends */
static uint8_t *out;            /* (VAIN_RECORD_BYTES_MAX) */

static void begin(void)
{
    static const uint8_t none[VAIN_HASH_BYTES];
    struct chain_maker maker;
    uint8_t head[VAIN_HASH_BYTES];
    size_t bytes;
    bed_make_folder(folder);
    bed_join(folder, "record.bin", path);
    BED_OK(chain_open(&maker));
    memcpy(head, none, sizeof head);
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        BED_OK(chain_frame(&maker, round, head, 2, file + ends[round - 1], &bytes));
        memcpy(head, maker.head, sizeof head);
        ends[round] = ends[round - 1] + bytes;
    }
    chain_close(&maker);
    bed_write_file(path, file, ends[ROUNDS]);
    BED_OK(vain_take(VAIN_RECORD_BYTES_MAX, "frames", (void **)&out));
}

static void end(void)
{
    vain_release(out);
    bed_remove_folder(folder);
}

/* The frames of rounds after `after` to `last` come, with this hint. */
static bool come(uint64_t after, uint64_t last, int64_t *offset)
{
    size_t bytes = 1;
    const size_t from = ends[after < last ? after : last];
    const enum vain_status status =
        vain_record_read_after(path, after, out, VAIN_RECORD_BYTES_MAX, &bytes, offset);
    return status == VAIN_OK && bytes == ends[last] - from && memcmp(out, file + from, bytes) == 0;
}

static void rounds_after_one_come_whole(void)
{
    begin();
    for (uint64_t after = 0; after <= ROUNDS + 2; after++) {
        int64_t offset = 0;
        CU_ASSERT_TRUE(come(after, ROUNDS, &offset));
        CU_ASSERT_EQUAL((size_t)offset, ends[ROUNDS - 1]);
    }
    end();
}

static void of_a_cut_file_the_whole_frames_come(void)
{
    begin();
    for (size_t cut = 0; cut < ends[2]; cut++) {
        int64_t offset = 0;
        bed_write_file(path, file, cut);
        CU_ASSERT_TRUE(come(0, cut < ends[1] ? 0 : 1, &offset));
        CU_ASSERT((size_t)offset <= (cut < ends[1] ? 0 : ends[1]));
    }
    end();
}

/* Nothing is left out or comes twice, whichever place the hint names. */
static void a_wrong_hint_costs_nothing_but_time(void)
{
    begin();
    for (int64_t hint = 0; hint <= (int64_t)ends[ROUNDS] + 9; hint += 7) {
        int64_t offset = hint;
        CU_ASSERT_TRUE(come(5, ROUNDS, &offset));
    }
    for (uint64_t round = 0; round <= ROUNDS; round++) {
        int64_t offset = (int64_t)ends[round];
        CU_ASSERT_TRUE(come(5, ROUNDS, &offset));
    }
    int64_t offset = INT64_MAX;
    CU_ASSERT_TRUE(come(5, ROUNDS, &offset));
    offset = -3;
    CU_ASSERT_TRUE(come(5, ROUNDS, &offset));
    end();
}

/* A right hint is used: what lies before it is not looked at. */
static void a_right_hint_is_used(void)
{
    int64_t offset = 0;
    begin();
    bed_write_file(path, file, ends[4]);
    CU_ASSERT_TRUE(come(0, 4, &offset));
    memset(file, 0xff, ends[3]);
    bed_write_file(path, file, ends[ROUNDS]);
    CU_ASSERT_TRUE(come(4, ROUNDS, &offset));
    CU_ASSERT_EQUAL((size_t)offset, ends[ROUNDS - 1]);
    end();
}

/* Nor is it for who asks for what is not there yet, whatever the number. */
static void what_is_not_there_yet_costs_no_walk(void)
{
    int64_t offset = 0;
    begin();
    CU_ASSERT_TRUE(come(0, ROUNDS, &offset));
    memset(file, 0xff, ends[ROUNDS - 1]);
    bed_write_file(path, file, ends[ROUNDS]);
    CU_ASSERT_TRUE(come(ROUNDS, ROUNDS, &offset));
    CU_ASSERT_TRUE(come(ROUNDS + 1, ROUNDS, &offset));
    CU_ASSERT_TRUE(come(UINT64_MAX, ROUNDS, &offset));
    CU_ASSERT_EQUAL((size_t)offset, ends[ROUNDS - 1]);
    end();
}

/* As many as fit, then the rest. */
static void more_than_fits_comes_in_parts(void)
{
    uint64_t rounds = 0, many = 0;
    int64_t offset = 0;
    size_t bytes = 1, all = 0;
    begin();
    FILE *long_file = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(long_file);
    const size_t round_place = 12 + 2 + 32 + 16 + 32 + 8;
    for (many = 0; many * ends[1] < 5 * (uint64_t)VAIN_RECORD_BYTES_MAX / 2;) {
        many++;
        for (int i = 0; i < 8; i++)
            file[round_place + (size_t)i] = (uint8_t)(many >> 8 * i);
        CU_ASSERT_EQUAL(fwrite(file, 1, ends[1], long_file), ends[1]);
    }
    CU_ASSERT_EQUAL(fclose(long_file), 0);
    while (bytes > 0) {
        BED_OK(vain_record_read_after(path, rounds, out, VAIN_RECORD_BYTES_MAX, &bytes, &offset));
        CU_ASSERT_FATAL(bytes % ends[1] == 0);
        CU_ASSERT_FATAL(bytes <= VAIN_RECORD_BYTES_MAX);
        rounds += bytes / ends[1];
        all += bytes;
    }
    CU_ASSERT_EQUAL(rounds, many);
    CU_ASSERT_EQUAL(all, many * ends[1]);
    end();
}

static void what_is_no_record_is_said(void)
{
    int64_t offset = 0;
    size_t bytes = 1;
    begin();
    file[ends[2] + 3] ^= 1; /* the third frame's magic */
    bed_write_file(path, file, ends[ROUNDS]);
    BED_FAILS(vain_record_read_after(path, 0, out, VAIN_RECORD_BYTES_MAX, &bytes, &offset),
              VAIN_ERR_CORRUPT);
    file[ends[2] + 3] ^= 1;
    memset(file + ends[2] + 8, 0xff, 4); /* its length */
    bed_write_file(path, file, ends[ROUNDS]);
    offset = 0;
    BED_FAILS(vain_record_read_after(path, 0, out, VAIN_RECORD_BYTES_MAX, &bytes, &offset),
              VAIN_ERR_CORRUPT);
    CU_ASSERT_EQUAL(unlink(path), 0);
    BED_FAILS(vain_record_read_after(path, 0, out, VAIN_RECORD_BYTES_MAX, &bytes, &offset),
              VAIN_ERR_NOT_FOUND);
    CU_ASSERT_EQUAL(bytes, 0);
    vain_fail_clear();
    end();
}

static const struct vain_test tests[] = {
    {"rounds after one come whole", rounds_after_one_come_whole},
    {"of a cut file the whole frames come", of_a_cut_file_the_whole_frames_come},
    {"a wrong hint costs nothing but time", a_wrong_hint_costs_nothing_but_time},
    {"a right hint is used", a_right_hint_is_used},
    {"what is not there yet costs no walk", what_is_not_there_yet_costs_no_walk},
    {"more than fits comes in parts", more_than_fits_comes_in_parts},
    {"what is no record is said", what_is_no_record_is_said},
    {NULL, NULL},
};
const struct vain_suite vain_suite_record_read = {"record read", tests};

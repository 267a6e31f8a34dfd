/* votes-<name>.bin: what was voted for comes back, or it is said that it does not. */
#include "jobs/vote_file.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/world.h"
#include "tests/unit/base/helpers.h"
#include "tests/unit/suite.h"

enum { MEMBERS = 6, FILE_BYTES = 8 + 2 + VAIN_VOTE_BYTES + 16 };

static char folder[TEST_PATH_BYTES], path[TEST_PATH_BYTES + 32];

static struct vain_vote make_vote(uint64_t round)
{
    struct vain_vote vote = {.epoch = 3, .round = round, .attempt = 65537, .voter = 2};
    vain_set_add(&vote.set, 0);
    vain_set_add(&vote.set, 2);
    vain_set_add(&vote.set, 5);
    return vote;
}

static void begin(void)
{
    test_make_folder(folder);
    snprintf(path, sizeof path, "%s/votes-alice.bin", folder);
}

static void write_vote(uint64_t round)
{
    const struct vain_vote vote = make_vote(round);
    CU_ASSERT_EQUAL_FATAL(vain_vote_file_write(folder, "alice", vain_world_real(), &vote), VAIN_OK);
}

static enum vain_status read_vote(struct vain_vote *out)
{
    return vain_vote_file_read(folder, "alice", MEMBERS, out);
}

/* Refused, with the file's name, and nothing of it is given. */
static bool is_refused_as(enum vain_status status, const char *why)
{
    static const struct vain_vote nothing;
    struct vain_vote vote = make_vote(1);
    const bool refused = read_vote(&vote) == status && strstr(vain_fail_message(), why) != NULL &&
                         memcmp(&vote, &nothing, sizeof vote) == 0;
    vain_fail_clear();
    return refused;
}

static bool is_refused(void)
{
    return is_refused_as(VAIN_ERR_CORRUPT, "votes-alice.bin: it is not");
}

static void the_last_vote_comes_back(void)
{
    struct vain_vote back;
    struct stat about;
    begin();
    for (uint64_t round = 1; round < 4; round++) {
        const struct vain_vote vote = make_vote(round);
        write_vote(round);
        CU_ASSERT_EQUAL(read_vote(&back), VAIN_OK);
        CU_ASSERT_EQUAL(back.epoch, vote.epoch);
        CU_ASSERT_EQUAL(back.round, round);
        CU_ASSERT_EQUAL(back.attempt, vote.attempt);
        CU_ASSERT_EQUAL(back.burn, vote.burn);
        CU_ASSERT_EQUAL(back.voter, vote.voter);
        CU_ASSERT_TRUE(vain_set_equal(&back.set, &vote.set));
    }
    CU_ASSERT_EQUAL(stat(path, &about), 0);
    CU_ASSERT_EQUAL(about.st_mode & 0777, 0600);
    CU_ASSERT_EQUAL(about.st_size, FILE_BYTES);
    CU_ASSERT_EQUAL(test_count_entries(folder), 1);
    test_remove_folder(folder);
}

static void a_burn_comes_back(void)
{
    struct vain_vote burn = {.epoch = 1, .round = 7, .attempt = 3 << 16, .burn = true, .voter = 5};
    struct vain_vote back;
    begin();
    CU_ASSERT_EQUAL_FATAL(vain_vote_file_write(folder, "alice", vain_world_real(), &burn), VAIN_OK);
    CU_ASSERT_EQUAL(read_vote(&back), VAIN_OK);
    CU_ASSERT_TRUE(back.burn);
    CU_ASSERT_EQUAL(back.attempt, burn.attempt);
    CU_ASSERT_EQUAL(vain_set_count(&back.set), 0);
    test_remove_folder(folder);
}

static void no_file_is_no_vote(void)
{
    struct vain_vote vote = make_vote(1);
    begin();
    CU_ASSERT_EQUAL(read_vote(&vote), VAIN_OK);
    CU_ASSERT_EQUAL(vote.epoch, 0);
    CU_ASSERT_EQUAL(vain_set_count(&vote.set), 0);
    test_remove_folder(folder);
}

static void every_flipped_byte_is_refused(void)
{
    uint8_t whole[FILE_BYTES], harmed[FILE_BYTES];
    begin();
    write_vote(9);
    CU_ASSERT_EQUAL_FATAL(test_read_file(path, whole, sizeof whole), sizeof whole);
    for (size_t place = 0; place < sizeof whole; place++) {
        memcpy(harmed, whole, sizeof whole);
        harmed[place] ^= 0x10;
        test_write_file(path, harmed, sizeof harmed, 0600);
        CU_ASSERT_TRUE(is_refused());
    }
    test_remove_folder(folder);
}

static void every_cut_and_one_byte_more_is_refused(void)
{
    uint8_t whole[FILE_BYTES + 1] = {0};
    begin();
    write_vote(9);
    CU_ASSERT_EQUAL_FATAL(test_read_file(path, whole, sizeof whole), FILE_BYTES);
    for (size_t cut = 0; cut <= sizeof whole; cut++) {
        test_write_file(path, whole, cut, 0600);
        CU_ASSERT_EQUAL(is_refused(), cut != FILE_BYTES);
    }
    test_remove_folder(folder);
}

/* A vote of a larger federation: whole, and none of this spec's. */
static void a_vote_for_members_that_are_not_listed_is_refused(void)
{
    struct vain_vote vote = make_vote(9);
    begin();
    vain_set_add(&vote.set, MEMBERS);
    CU_ASSERT_EQUAL_FATAL(vain_vote_file_write(folder, "alice", vain_world_real(), &vote), VAIN_OK);
    CU_ASSERT_TRUE(is_refused_as(VAIN_ERR_REFUSED, "of another list than the"));
    test_remove_folder(folder);
}

static void what_cannot_be_read_is_not_taken_for_none(void)
{
    struct vain_vote vote;
    begin();
    CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
    CU_ASSERT_EQUAL(read_vote(&vote), VAIN_ERR_STORAGE);
    vain_fail_clear();
    CU_ASSERT_EQUAL(rmdir(path), 0);
    CU_ASSERT_EQUAL(symlink(path, path), 0);
    CU_ASSERT_EQUAL(read_vote(&vote), VAIN_ERR_STORAGE);
    vain_fail_clear();
    test_remove_folder(folder);
}

/* What is votes-alice.bin in another folder. */
static enum vain_status adopt(const char *from)
{
    return vain_vote_file_adopt(from, folder, "alice", vain_world_real());
}

/* ... comes along, unless something is here already, or it is not whole. */
static void votes_of_another_folder_are_adopted(void)
{
    char other[TEST_PATH_BYTES], theirs[TEST_PATH_BYTES + 32];
    uint8_t whole[FILE_BYTES + 1] = {0};
    struct vain_vote vote = make_vote(8), back;
    struct stat about;
    test_make_folder(other);
    snprintf(theirs, sizeof theirs, "%s/votes-alice.bin", other);
    begin();
    CU_ASSERT_EQUAL(adopt(other), VAIN_OK); /* there is none */
    CU_ASSERT_EQUAL(test_count_entries(folder), 0);
    CU_ASSERT_EQUAL(vain_vote_file_write(other, "alice", vain_world_real(), &vote), VAIN_OK);
    const size_t bytes = test_read_file(theirs, whole, sizeof whole);
    for (size_t place = 0; place < bytes; place++) {
        whole[place] ^= 0x10;
        test_write_file(theirs, whole, bytes, 0600);
        CU_ASSERT_EQUAL(adopt(other), VAIN_ERR_CORRUPT);
        whole[place] ^= 0x10;
    }
    whole[8] = 1; /* of before votes had ballots */
    test_write_file(theirs, whole, bytes, 0600);
    CU_ASSERT_EQUAL(adopt(other), VAIN_ERR_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "an earlier version of this program"));
    whole[8] = 2;
    CU_ASSERT_EQUAL(test_count_entries(folder), 0);
    test_write_file(theirs, whole, bytes, 0600);
    CU_ASSERT_EQUAL(adopt(other), VAIN_OK);
    CU_ASSERT_EQUAL(read_vote(&back), VAIN_OK);
    CU_ASSERT_EQUAL(back.round, vote.round);
    CU_ASSERT(vain_set_equal(&back.set, &vote.set));
    CU_ASSERT_NOT_EQUAL(memcmp(back.ballot, vote.ballot, VAIN_BALLOT_BYTES), 0);
    CU_ASSERT_EQUAL(stat(path, &about), 0);
    CU_ASSERT_EQUAL(about.st_mode & 0777, 0600);
    write_vote(9);
    CU_ASSERT_EQUAL(adopt(other), VAIN_OK);
    CU_ASSERT_EQUAL(read_vote(&vote), VAIN_OK);
    CU_ASSERT_EQUAL(vote.round, 9);
    vain_fail_clear();
    test_remove_folder(other);
    test_remove_folder(folder);
}

static void a_path_that_is_too_long_is_said(void)
{
    char long_folder[VAIN_PATH_BYTES];
    struct vain_vote vote = make_vote(1);
    memset(long_folder, 'x', sizeof long_folder - 1);
    long_folder[sizeof long_folder - 1] = '\0';
    CU_ASSERT_EQUAL(vain_vote_file_write(long_folder, "alice", vain_world_real(), &vote),
                    VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(vain_vote_file_read(long_folder, "alice", MEMBERS, &vote), VAIN_ERR_INPUT);
    vain_fail_clear();
}

static const struct vain_test tests[] = {
    {"the last vote comes back", the_last_vote_comes_back},
    {"a burn comes back", a_burn_comes_back},
    {"no file is no vote", no_file_is_no_vote},
    {"every flipped byte is refused", every_flipped_byte_is_refused},
    {"every cut, and one byte more, is refused", every_cut_and_one_byte_more_is_refused},
    {"a vote for members that are not listed is refused",
     a_vote_for_members_that_are_not_listed_is_refused},
    {"what cannot be read is not taken for none", what_cannot_be_read_is_not_taken_for_none},
    {"votes of another folder are adopted", votes_of_another_folder_are_adopted},
    {"a path that is too long is said", a_path_that_is_too_long_is_said},
    {NULL, NULL},
};
const struct vain_suite vain_suite_vote_file = {"jobs/vote file", tests};

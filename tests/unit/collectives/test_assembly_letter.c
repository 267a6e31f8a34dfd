/* The letters' bytes: version 1 is these, and nothing that is not one decodes. */
#include "collectives/assembly_letter.h"

#include <string.h>

#include "tests/unit/base/helpers.h"
#include "tests/unit/suite.h"

enum { MEMBERS = 4 };

#define EIGHT(byte)      byte byte byte byte byte byte byte byte
#define THIRTY_TWO(byte) EIGHT(byte) EIGHT(byte) EIGHT(byte) EIGHT(byte)
/* Members 0, 1 and 3. */
#define SET                                                                                        \
    "0b00000000000000" THIRTY_TWO("00") THIRTY_TWO("00") THIRTY_TWO("00") EIGHT("00") EIGHT("00")  \
        EIGHT("00")
/* Epoch, round, attempt. */
#define PLACE                                                                                      \
    "0800000000000000"                                                                             \
    "0706050403020100"                                                                             \
    "01000200"

static const struct vain_set set = {{11}};

static struct vain_position position(void)
{
    struct vain_position all = {.epoch = 8,
                                .round = 0x01020304050607,
                                .attempt = 0x020001,
                                .flags = VAIN_POSITION_READY | 8};
    memset(all.state_hash, 0xaa, VAIN_HASH_BYTES);
    memset(all.use_key, 0xbb, VAIN_HASH_BYTES);
    memset(all.ballot, 0xee, VAIN_BALLOT_BYTES);
    return all;
}

static struct vain_proposal proposal(void)
{
    struct vain_proposal all = {8, 0x01020304050607, 0x020001, {0}, {0}, set};
    memset(all.state_hash, 0xaa, VAIN_HASH_BYTES);
    memset(all.use_key, 0xbb, VAIN_HASH_BYTES);
    return all;
}

static struct vain_ack ack(void)
{
    struct vain_ack all = {8, 0x01020304050607, 0x020001, {0}, {0}};
    memset(all.proposal_hash, 0xcc, VAIN_HASH_BYTES);
    memset(all.signature, 0xdd, VAIN_SIGNATURE_BYTES);
    return all;
}

static struct vain_vote vote(void)
{
    struct vain_vote all = {
        .epoch = 8, .round = 0x01020304050607, .attempt = 0x020001, .voter = 2, .set = set};
    memset(all.ballot, 0xee, VAIN_BALLOT_BYTES);
    memset(all.content, 0xcc, VAIN_HASH_BYTES);
    memset(all.signature, 0xdd, VAIN_SIGNATURE_BYTES);
    return all;
}

static void check_bytes(const uint8_t *data, size_t bytes, const char *hex)
{
    uint8_t expected[VAIN_ASSEMBLY_LETTER_BYTES_MAX];
    CU_ASSERT_EQUAL_FATAL(test_hex(hex, expected, sizeof expected), bytes);
    CU_ASSERT_EQUAL(memcmp(data, expected, bytes), 0);
}

static void letters_are_these_bytes(void)
{
    uint8_t data[VAIN_ASSEMBLY_LETTER_BYTES_MAX];
    const struct vain_position where = position();
    const struct vain_proposal proposed = proposal();
    const struct vain_ack acked = ack();
    struct vain_vote voted = vote();
    vain_position_encode(&where, data);
    check_bytes(data, VAIN_POSITION_BYTES,
                PLACE "09000000" THIRTY_TWO("aa") THIRTY_TWO("bb") EIGHT("ee") EIGHT("ee"));
    vain_proposal_encode(&proposed, data);
    check_bytes(data, VAIN_PROPOSAL_BYTES, PLACE "00000000" THIRTY_TWO("aa") THIRTY_TWO("bb") SET);
    vain_ack_encode(&acked, data);
    check_bytes(data, VAIN_ACK_BYTES,
                PLACE "00000000" THIRTY_TWO("cc") THIRTY_TWO("dd") THIRTY_TWO("dd"));
    vain_vote_encode(&voted, data);
    check_bytes(data, VAIN_VOTE_BYTES,
                PLACE "0000"
                      "0200" SET EIGHT("ee") EIGHT("ee") THIRTY_TWO("cc") THIRTY_TWO("dd")
                          THIRTY_TWO("dd"));
    voted.burn = true;
    voted.set = (struct vain_set){{0}};
    vain_vote_encode(&voted, data);
    CU_ASSERT_EQUAL(data[20], 1);
}

/* Every byte of a letter counts: with another one it is refused or another letter. */
static void what_is_signed_covers_the_letter(void)
{
    uint8_t first[VAIN_ASSEMBLY_MESSAGE_BYTES], other[VAIN_ASSEMBLY_MESSAGE_BYTES];
    uint8_t data[VAIN_ASSEMBLY_LETTER_BYTES_MAX];
    const struct vain_vote voted = vote();
    struct vain_vote changed = voted;
    vain_vote_message(&voted, first);
    CU_ASSERT_EQUAL(memcmp(first, "vain/vote/v2\0\0\0\0", 16), 0);
    for (size_t at = 0; at < VAIN_VOTE_BYTES - VAIN_SIGNATURE_BYTES; at++) {
        vain_vote_encode(&voted, data);
        data[at] ^= 1;
        if (!vain_vote_decode(data, VAIN_VOTE_BYTES, 1024, &changed))
            continue;
        vain_vote_message(&changed, other);
        /* Whose vote it is, its signature says. */
        CU_ASSERT_EQUAL(memcmp(first, other, sizeof first) == 0, at == 22 || at == 23);
    }
    const struct vain_ack acked = ack();
    vain_ack_message(&acked, first);
    CU_ASSERT_EQUAL(memcmp(first, "vain/ack/v1\0\0\0\0\0", 16), 0);
}

static void what_is_no_letter_is_refused(void)
{
    uint8_t data[VAIN_ASSEMBLY_LETTER_BYTES_MAX + 1] = {0};
    struct vain_position where = position();
    struct vain_proposal proposed = proposal();
    struct vain_ack acked = ack();
    struct vain_vote voted = vote();
    vain_position_encode(&where, data);
    CU_ASSERT(vain_position_decode(data, VAIN_POSITION_BYTES, &where));
    CU_ASSERT(!vain_position_decode(data, VAIN_POSITION_BYTES - 1, &where));
    CU_ASSERT(!vain_position_decode(data, VAIN_POSITION_BYTES + 1, &where));
    data[20] = 16; /* a flag that is not known */
    CU_ASSERT(!vain_position_decode(data, VAIN_POSITION_BYTES, &where));
    vain_proposal_encode(&proposed, data);
    CU_ASSERT(vain_proposal_decode(data, VAIN_PROPOSAL_BYTES, MEMBERS, &proposed));
    CU_ASSERT(!vain_proposal_decode(data, VAIN_PROPOSAL_BYTES, 3, &proposed));
    CU_ASSERT(!vain_proposal_decode(data, VAIN_PROPOSAL_BYTES - 1, MEMBERS, &proposed));
    data[20] = 1;
    CU_ASSERT(!vain_proposal_decode(data, VAIN_PROPOSAL_BYTES, MEMBERS, &proposed));
    vain_ack_encode(&acked, data);
    CU_ASSERT(vain_ack_decode(data, VAIN_ACK_BYTES, &acked));
    CU_ASSERT(!vain_ack_decode(data, VAIN_ACK_BYTES + 1, &acked));
    data[20] = 1;
    CU_ASSERT(!vain_ack_decode(data, VAIN_ACK_BYTES, &acked));
    vain_vote_encode(&voted, data);
    CU_ASSERT(vain_vote_decode(data, VAIN_VOTE_BYTES, MEMBERS, &voted));
    CU_ASSERT(!vain_vote_decode(data, VAIN_VOTE_BYTES, 3, &voted));
    for (uint8_t burn = 1; burn <= 2; burn++) { /* a burn of a set, and no kind of vote */
        data[20] = burn;
        CU_ASSERT(!vain_vote_decode(data, VAIN_VOTE_BYTES, MEMBERS, &voted));
    }
    data[20] = 0;
    CU_ASSERT(vain_vote_decode(data, VAIN_VOTE_BYTES, MEMBERS, &voted));
    voted.burn = true;
    voted.set = (struct vain_set){{0}};
    vain_vote_encode(&voted, data); /* a burn has no content */
    CU_ASSERT(!vain_vote_decode(data, VAIN_VOTE_BYTES, MEMBERS, &voted));
    memset(voted.content, 0, VAIN_HASH_BYTES);
    vain_vote_encode(&voted, data);
    CU_ASSERT(vain_vote_decode(data, VAIN_VOTE_BYTES, MEMBERS, &voted));
    voted = vote();
    vain_vote_encode(&voted, data);
    data[22] = MEMBERS; /* its voter */
    CU_ASSERT(!vain_vote_decode(data, VAIN_VOTE_BYTES, MEMBERS, &voted));
}

static const struct vain_test tests[] = {
    {"letters are these bytes", letters_are_these_bytes},
    {"what is signed covers the letter", what_is_signed_covers_the_letter},
    {"what is no letter is refused", what_is_no_letter_is_refused},
    {NULL, NULL},
};
const struct vain_suite vain_suite_assembly_letter = {"assembly_letter", tests};

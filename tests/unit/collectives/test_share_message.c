/* Messages of shares: the bytes, every way in which they can be wrong, and boxes for others. */
#include "collectives/share_message.h"

#include <string.h>

#include "base/cursor.h"
#include "tests/unit/base/helpers.h"
#include "tests/unit/suite.h"

enum { MEMBERS = 5, THRESHOLD = 4, DEALER = 3, BYTES = 40 + THRESHOLD * 32 + MEMBERS * 72 };

static const struct vain_context context = {.epoch = 1, .round = 6, .attempt = 2};
static const uint8_t zeros[VAIN_SHARE_BOX_BYTES];

static void make_message(uint8_t *out)
{
    struct vain_scalar coefficients[THRESHOLD];
    struct vain_share_message message = {
        .members = MEMBERS, .threshold = THRESHOLD, .dealer = DEALER};
    vain_share_attempt(&context, message.attempt);
    CU_ASSERT_EQUAL_FATAL(vain_share_message_bytes(MEMBERS, THRESHOLD), BYTES);
    const struct vain_share_places places = vain_share_message_start(&message, out);
    vain_scalar_random(&coefficients[0]);
    vain_share_polynomial(&coefficients[0], THRESHOLD, coefficients);
    vain_share_commit(coefficients, THRESHOLD, places.commitments);
    for (int i = 0; i < MEMBERS; i++)
        if (i != DEALER)
            memset(&places.boxes[i], 0x10 + i, sizeof places.boxes[i]);
}

static enum vain_share_fault decoded(const uint8_t *data, size_t bytes)
{
    struct vain_share_message message;
    return vain_share_message_decode(data, bytes, &message);
}

static enum vain_share_fault read_as(const uint8_t *data, struct vain_share_expected expected)
{
    struct vain_share_message message;
    return vain_share_message_read(data, BYTES, &expected, &message);
}

static const struct vain_share_expected expected = {
    .members = MEMBERS, .threshold = THRESHOLD, .dealer = DEALER, .context = &context};

/* ---- bytes ----------------------------------------------------------------------------------- */

static void parts_lie_where_they_should(void)
{
    static const uint8_t head[8] = {1, 0, 5, 0, 4, 0, 3, 0};
    uint8_t data[BYTES], attempt[VAIN_HASH_BYTES];
    struct vain_share_message message;
    make_message(data);
    CU_ASSERT_EQUAL(memcmp(data, head, sizeof head), 0);
    vain_share_attempt(&context, attempt);
    CU_ASSERT_EQUAL(memcmp(data + 8, attempt, sizeof attempt), 0);
    CU_ASSERT_EQUAL(vain_share_message_decode(data, BYTES, &message), VAIN_SHARE_FINE);
    CU_ASSERT_EQUAL(message.members, MEMBERS);
    CU_ASSERT_EQUAL(message.threshold, THRESHOLD);
    CU_ASSERT_EQUAL(message.dealer, DEALER);
    CU_ASSERT_EQUAL(memcmp(message.attempt, attempt, sizeof attempt), 0);
    CU_ASSERT_PTR_EQUAL(message.commitments, data + 40);
    CU_ASSERT_PTR_EQUAL(message.boxes, data + 40 + THRESHOLD * 32);
    CU_ASSERT_EQUAL(read_as(data, expected), VAIN_SHARE_FINE);
}

static void other_lengths_are_refused(void)
{
    uint8_t data[BYTES + 1] = {0};
    make_message(data);
    for (size_t bytes = 0; bytes <= sizeof data; bytes++)
        CU_ASSERT_EQUAL(decoded(data, bytes), bytes == BYTES ? VAIN_SHARE_FINE : VAIN_SHARE_LENGTH);
}

static void set_head(uint8_t *data, int version, int members, int threshold, int dealer)
{
    const int numbers[] = {version, members, threshold, dealer};
    for (int i = 0; i < 4; i++) {
        data[2 * i] = (uint8_t)numbers[i];
        data[2 * i + 1] = (uint8_t)(numbers[i] >> 8);
    }
}

static void heads_that_cannot_be_are_refused(void)
{
    static const struct {
        int version, members, threshold, dealer;
        enum vain_share_fault fault;
    } rows[] = {
        {0, 5, 4, 3, VAIN_SHARE_VERSION},     {2, 5, 4, 3, VAIN_SHARE_VERSION},
        {257, 5, 4, 3, VAIN_SHARE_VERSION},   {1, 0, 0, 0, VAIN_SHARE_NUMBERS},
        {1, 5, 0, 3, VAIN_SHARE_NUMBERS},     {1, 5, 6, 3, VAIN_SHARE_NUMBERS},
        {1, 5, 4, 5, VAIN_SHARE_NUMBERS},     {1, 1025, 4, 3, VAIN_SHARE_NUMBERS},
        {1, 65535, 4, 3, VAIN_SHARE_NUMBERS}, {1, 5, 5, 3, VAIN_SHARE_LENGTH},
        {1, 6, 4, 3, VAIN_SHARE_LENGTH},      {1, 1024, 1024, 1023, VAIN_SHARE_LENGTH},
        {1, 5, 4, 3, VAIN_SHARE_FINE},        {1, 5, 4, 2, VAIN_SHARE_OWN_BOX},
    };
    uint8_t data[BYTES];
    make_message(data);
    for (size_t i = 0; i < VAIN_COUNT_OF(rows); i++) {
        set_head(data, rows[i].version, rows[i].members, rows[i].threshold, rows[i].dealer);
        CU_ASSERT_EQUAL(decoded(data, BYTES), rows[i].fault);
    }
}

static void the_dealers_own_box_is_zeros(void)
{
    uint8_t data[BYTES];
    make_message(data);
    uint8_t *own = data + 40 + THRESHOLD * 32 + DEALER * 72;
    for (int bit = 0; bit < 8 * 72; bit++) {
        own[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CU_ASSERT_EQUAL(decoded(data, BYTES), VAIN_SHARE_OWN_BOX);
        own[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void commitments_are_points(void)
{
    uint8_t data[BYTES];
    for (int k = 0; k < THRESHOLD; k++) {
        make_message(data);
        memset(data + 40 + 32 * k, 0xff, 32);
        CU_ASSERT_EQUAL(decoded(data, BYTES), VAIN_SHARE_COMMITMENT);
        CU_ASSERT_EQUAL(read_as(data, expected), VAIN_SHARE_COMMITMENT);
    }
}

static void another_attempts_message_is_refused(void)
{
    uint8_t data[BYTES];
    struct vain_context others[] = {context, context, context, context};
    struct vain_share_expected other = expected;
    make_message(data);
    others[0].attempt++;
    others[1].round++;
    others[2].set_hash[0] = 1;
    others[3].parameters_hash[31] = 1;
    for (size_t i = 0; i < VAIN_COUNT_OF(others); i++) {
        other.context = &others[i];
        CU_ASSERT_EQUAL(read_as(data, other), VAIN_SHARE_ATTEMPT);
    }
}

static void another_members_message_is_refused(void)
{
    uint8_t data[BYTES];
    struct vain_share_expected other[] = {expected, expected, expected};
    make_message(data);
    other[0].members++;
    other[1].threshold--;
    other[2].dealer--;
    for (size_t i = 0; i < VAIN_COUNT_OF(other); i++)
        CU_ASSERT_EQUAL(read_as(data, other[i]), VAIN_SHARE_NUMBERS);
}

static void the_hash_sees_every_bit(void)
{
    uint8_t data[BYTES], first[VAIN_HASH_BYTES], other[VAIN_HASH_BYTES];
    make_message(data);
    vain_share_message_hash(data, BYTES, first);
    for (int bit = 0; bit < 8 * BYTES; bit++) {
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        vain_share_message_hash(data, BYTES, other);
        CU_ASSERT_NOT_EQUAL(memcmp(first, other, sizeof first), 0);
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void every_fault_has_a_text(void)
{
    for (int fault = VAIN_SHARE_FINE; fault <= VAIN_SHARE_VALUE; fault++) {
        const char *text = vain_share_fault_text((enum vain_share_fault)fault);
        CU_ASSERT_PTR_NOT_NULL_FATAL(text);
        CU_ASSERT_TRUE(strlen(text) > 10);
    }
}

/* ---- boxes ----------------------------------------------------------------------------------- */

/* ctx of the golden box: the bytes 0, 1, 2, ... */
static struct vain_context counting_context(void)
{
    uint8_t bytes[VAIN_CONTEXT_BYTES];
    struct vain_context counting = {.algorithm = 0};
    struct vain_reader reader;
    for (int i = 0; i < VAIN_CONTEXT_BYTES; i++)
        bytes[i] = (uint8_t)i;
    vain_reader_init(&reader, bytes, sizeof bytes);
    vain_read_bytes(&reader, counting.group_id, VAIN_HASH_BYTES);
    counting.epoch = vain_read_u64(&reader);
    counting.round = vain_read_u64(&reader);
    counting.attempt = vain_read_u32(&reader);
    vain_read_bytes(&reader, counting.set_hash, VAIN_HASH_BYTES);
    vain_read_bytes(&reader, counting.parameters_hash, VAIN_HASH_BYTES);
    return counting;
}

static void the_golden_box_opens(void)
{
    FILE *file = test_open_golden("share_box.txt");
    char line[300], name[32], hex[200];
    uint8_t pair_key[VAIN_HASH_BYTES], attempt[VAIN_HASH_BYTES], found[VAIN_HASH_BYTES];
    struct vain_scalar share, opened;
    struct vain_sealed_share sealed;
    size_t bytes = 0;
    while (test_next_line(file, line, sizeof line)) {
        CU_ASSERT_EQUAL_FATAL(sscanf(line, "%31s %199s", name, hex), 2);
        if (strcmp(name, "pair_key") == 0)
            bytes += test_hex(hex, pair_key, sizeof pair_key);
        else if (strcmp(name, "share") == 0)
            bytes += test_hex(hex, share.bytes, sizeof share.bytes);
        else if (strcmp(name, "box") == 0)
            bytes += test_hex(hex, sealed.bytes, sizeof sealed.bytes);
        else
            bytes += test_hex(hex, attempt, sizeof attempt);
    }
    fclose(file);
    CU_ASSERT_EQUAL_FATAL(bytes, 3 * 32 + 72);
    const struct vain_context counting = counting_context();
    const struct vain_share_box box = {pair_key, &counting, 3, 1};
    CU_ASSERT_EQUAL(vain_share_open(&box, &sealed, &opened), VAIN_SHARE_FINE);
    CU_ASSERT_EQUAL(memcmp(&opened, &share, sizeof share), 0);
    vain_share_attempt(&counting, found);
    CU_ASSERT_EQUAL(memcmp(found, attempt, sizeof found), 0);
}

static enum vain_share_fault open_with(const struct vain_sealed_share *sealed,
                                       struct vain_share_box box)
{
    struct vain_scalar share;
    memset(&share, 0x77, sizeof share);
    const enum vain_share_fault fault = vain_share_open(&box, sealed, &share);
    CU_ASSERT_EQUAL(memcmp(&share, zeros, sizeof share) == 0, fault != VAIN_SHARE_FINE);
    return fault;
}

static void a_box_is_for_one_pair_way_and_attempt(void)
{
    uint8_t key[VAIN_HASH_BYTES], other_key[VAIN_HASH_BYTES];
    struct vain_context other_context = context;
    struct vain_scalar share;
    struct vain_sealed_share sealed;
    vain_random_bytes(key, sizeof key);
    memcpy(other_key, key, sizeof key);
    other_key[31] ^= 1;
    other_context.attempt++;
    vain_scalar_random(&share);
    const struct vain_share_box right = {key, &context, 1, 2};
    vain_share_seal(&right, &share, &sealed);
    CU_ASSERT_EQUAL(open_with(&sealed, right), VAIN_SHARE_FINE);
    const struct vain_share_box wrong[] = {
        {other_key, &context, 1, 2}, {key, &other_context, 1, 2}, {key, &context, 2, 1},
        {key, &context, 1, 3},       {key, &context, 3, 2},
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(wrong); i++)
        CU_ASSERT_EQUAL(open_with(&sealed, wrong[i]), VAIN_SHARE_BOX);
    for (int bit = 0; bit < 8 * VAIN_SHARE_BOX_BYTES; bit++) {
        sealed.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CU_ASSERT_EQUAL(open_with(&sealed, right), VAIN_SHARE_BOX);
        sealed.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void what_is_no_share_is_refused_when_it_is_opened(void)
{
    const uint8_t key[VAIN_HASH_BYTES] = {1};
    const struct vain_share_box box = {key, &context, 0, 1};
    struct vain_scalar share;
    struct vain_sealed_share sealed;
    memset(&share, 0xff, sizeof share);
    vain_share_seal(&box, &share, &sealed);
    CU_ASSERT_EQUAL(open_with(&sealed, box), VAIN_SHARE_VALUE);
}

static const struct vain_test tests[] = {
    {"parts lie where they should", parts_lie_where_they_should},
    {"other lengths are refused", other_lengths_are_refused},
    {"heads that cannot be are refused", heads_that_cannot_be_are_refused},
    {"the dealer's own box is zeros", the_dealers_own_box_is_zeros},
    {"commitments are points", commitments_are_points},
    {"another attempt's message is refused", another_attempts_message_is_refused},
    {"another member's message is refused", another_members_message_is_refused},
    {"the hash sees every bit", the_hash_sees_every_bit},
    {"every fault has a text", every_fault_has_a_text},
    {"the golden box opens", the_golden_box_opens},
    {"a box is for one pair, way and attempt", a_box_is_for_one_pair_way_and_attempt},
    {"what is no share is refused when it is opened",
     what_is_no_share_is_refused_when_it_is_opened},
    {NULL, NULL},
};
const struct vain_suite vain_suite_share_message = {"share message", tests};

/* What only a peer under the test's control can show of `stream`: everything that an honest one
 * never sends, and each order in which messages may come. All cases run whole and in pieces. */
#include "collectives/stream_state.h"

#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/memory.h"
#include "tests/unit/collectives/boxes.h"
#include "tests/unit/collectives/puppets.h"
#include "tests/unit/shortage.h"
#include "tests/unit/suite.h"

enum {
    WORLD = 1,
    TAG = VAIN_TAG_GATHER,
    OTHER_TAG = VAIN_TAG_SITE,
    SHORT = 100,
    LONG = 3000,
    HUGE_BYTES = 3 * VAIN_FRAGMENT_BYTES, /* more than a socket holds */
    SOON = 5                              /* messages beyond the slots */
};

static struct puppets puppets;
static size_t piece;

static void open_world(int size, int connections)
{
    puppets_open(&puppets, size, connections, piece);
}

static void from(int rank, int connection, struct vain_frame frame, unsigned seed)
{
    puppets_send(&puppets, rank, connection, &frame, seed);
}

/* ---- what no honest peer sends --------------------------------------------------------------- */

static void send_noise(void)
{
    uint8_t noise[VAIN_FRAME_BYTES];
    memset(noise, 0xff, sizeof noise);
    puppets_write(&puppets, 1, 0, noise, sizeof noise);
}

static void send_unknown_kind(void)
{
    struct vain_frame frame = frame_of_message(OTHER_TAG, 0, 1);
    frame.kind = (enum vain_frame_kind)9;
    from(1, 0, frame, 1);
}

static void send_middle(void)
{
    from(1, 0, frame_of_fragment(SHORT, 10, 10), 1);
}

static void send_unexpected_long(void)
{
    from(1, 0, frame_of_message(OTHER_TAG, 0, LONG), 1);
}

static void send_too_much_readiness(void)
{
    for (uint64_t i = 0; i <= VAIN_WIRE_READY_MAX; i++)
        from(1, 0, frame_of_ready(WORLD, i, LONG), 0);
}

static void send_abort_by_nobody(void)
{
    from(1, 0, frame_of_abort(WORLD, 3), 0); /* of 3 */
}

static void send_abort_by_nobody_at_all(void)
{
    from(1, 0, frame_of_abort(WORLD, UINT64_MAX), 0);
}

static void leave_in_header(void)
{
    const uint8_t version[2] = {1, 0};
    puppets_write(&puppets, 1, 0, version, sizeof version);
    puppets_settle(&puppets);
    puppets_hang_up(&puppets, 1, 0);
}

static void leave_in_fragment(void)
{
    uint8_t data[VAIN_FRAME_BYTES + 1] = {0};
    const struct vain_frame frame = frame_of_message(OTHER_TAG, 0, SHORT);
    vain_frame_encode(&frame, data);
    puppets_write(&puppets, 1, 0, data, sizeof data);
    puppets_settle(&puppets);
    puppets_hang_up(&puppets, 1, 0);
}

static void leave_between_fragments(void)
{
    struct vain_frame frame = frame_of_fragment(SHORT, 0, 10);
    frame.tag = OTHER_TAG;
    from(1, 0, frame, 1);
    puppets_settle(&puppets);
    puppets_hang_up(&puppets, 1, 0);
}

static void leave(void)
{
    puppets_hang_up(&puppets, 1, 0);
}

/* A receive that waits fails with the reason and is let go of, as is every later post. */
static void what_no_honest_peer_sends_ends_its_requests(void)
{
    static const struct {
        void (*send)(void);
        const char *why;
    } rows[] = {
        {send_noise, "frame header: another version"},
        {send_unknown_kind, "frame header: an unknown kind"},
        {send_middle, "frame header: the middle of a message that never began"},
        {send_unexpected_long, "frame header: a long message that nobody was ready for"},
        {send_too_much_readiness, "it is ready for more messages than anybody would post"},
        {send_abort_by_nobody, "frame header: an abort by a rank that is not in the group"},
        {send_abort_by_nobody_at_all, "frame header: an abort by a rank that is not in the group"},
        {leave_in_header, "it has left in the middle of a message"},
        {leave_in_fragment, "it has left in the middle of a message"},
        {leave_between_fragments, "it has left in the middle of a message"},
        {leave, "it has left"},
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(rows); i++) {
        struct box receive, other;
        open_world(3, 1);
        box_post_receive(&puppets.comm, 1, TAG, SHORT, &receive);
        box_post_receive(&puppets.comm, 2, TAG, SHORT, &other);
        rows[i].send();
        CU_ASSERT_TRUE(box_is_open(&other));
        CU_ASSERT_TRUE(box_is_untouched(receive.data, SHORT));
        box_check_fails(&receive, rows[i].why);
        puppets_check_post_fails(&puppets, rows[i].why);
        from(2, 0, frame_of_message(TAG, 0, SHORT), 4); /* the others go on */
        box_check_arrives(&other, 4);
        puppets_close(&puppets);
    }
}

/* The first part came, then one that does not follow: its sender ended the group, as all others are
 * told, and what it went on with never began. */
static void a_fragment_that_does_not_follow_is_refused(void)
{
    struct box receive;
    open_world(3, 1);
    box_post_receive(&puppets.comm, 1, TAG, SHORT, &receive);
    from(1, 0, frame_of_fragment(SHORT, 0, 10), 1);
    CU_ASSERT_TRUE(box_is_open(&receive));
    from(1, 0, frame_of_fragment(SHORT, 20, 10), 1);
    puppets_settle(&puppets);
    CU_ASSERT_TRUE(box_is_untouched(receive.data + 10, SHORT - 10));
    box_check_fails(&receive, "rank 1 ended the common work");
    CU_ASSERT_EQUAL(puppets_check_next(&puppets, 2, VAIN_FRAME_ABORT, 1), WORLD);
    puppets_close(&puppets);
}

/* Its sender ended the group: so it ends here, the rest of the buffer stays as it was, and whoever
 * is in the group is told. What comes behind is read and forgotten. */
static void a_message_cut_off_ends_the_group(void)
{
    struct box receive, other;
    open_world(3, 1);
    box_post_receive(&puppets.comm, 1, TAG, LONG, &receive);
    CU_ASSERT_EQUAL(puppets_check_next(&puppets, 1, VAIN_FRAME_READY, 0), WORLD);
    from(1, 0, frame_of_fragment(LONG, 0, LONG / 2), 1);
    CU_ASSERT_TRUE(box_is_open(&receive));
    box_post_receive(&puppets.comm, 2, TAG, SHORT, &other);
    from(1, 0, frame_of_message(OTHER_TAG, 0, SHORT), 2);
    box_check_fails(&other, "rank 1 ended the common work");
    CU_ASSERT_TRUE(box_is_untouched(receive.data + LONG / 2, LONG - LONG / 2));
    box_check_fails(&receive, "rank 1 ended the common work");
    from(1, 0, frame_of_message(TAG, 1, LONG), 3);
    CU_ASSERT_EQUAL(puppets_check_next(&puppets, 1, VAIN_FRAME_ABORT, 1), WORLD);
    CU_ASSERT_EQUAL(puppets_check_next(&puppets, 2, VAIN_FRAME_ABORT, 1), WORLD);
    CU_ASSERT_TRUE(puppets_are_told_nothing(&puppets, 1));
    puppets_check_post_fails(&puppets, "rank 1 ended the common work");
    puppets_close(&puppets);
}

/* The half that has not come yet goes nowhere once its receive has ended. */
static void no_buffer_is_touched_after_an_abort(void)
{
    struct box receive;
    open_world(2, 1);
    box_post_receive(&puppets.comm, 1, TAG, LONG, &receive);
    CU_ASSERT_EQUAL(puppets_check_next(&puppets, 1, VAIN_FRAME_READY, 0), WORLD);
    from(1, 0, frame_of_fragment(LONG, 0, LONG / 2), 1);
    CU_ASSERT_TRUE(box_is_open(&receive));
    puppets.comm.ops->abort(&puppets.comm);
    CU_ASSERT_EQUAL_FATAL(box_finish(&receive), VAIN_ERR_PEER);
    from(1, 0, frame_of_fragment(LONG, LONG / 2, LONG / 2), 1);
    puppets_settle(&puppets);
    CU_ASSERT_TRUE(box_is_untouched(receive.data + LONG / 2, LONG - LONG / 2));
    box_drop(&receive);
    CU_ASSERT_EQUAL(puppets_check_next(&puppets, 1, VAIN_FRAME_ABORT, 0), WORLD);
    CU_ASSERT_TRUE(puppets_are_told_nothing(&puppets, 1));
    puppets_close(&puppets);
}

static void a_short_message_may_come_in_parts(void)
{
    struct box receive;
    for (int posted_first = 0; posted_first < 2; posted_first++) {
        open_world(2, 1);
        if (posted_first)
            box_post_receive(&puppets.comm, 1, TAG, SHORT, &receive);
        from(1, 0, frame_of_fragment(SHORT, 0, 60), 1);
        from(1, 0, frame_of_fragment(SHORT, 60, 30), 1);
        puppets_settle(&puppets);
        from(1, 0, frame_of_fragment(SHORT, 90, 10), 1);
        puppets_settle(&puppets);
        if (!posted_first)
            box_post_receive(&puppets.comm, 1, TAG, SHORT, &receive);
        box_check_arrives(&receive, 1);
        puppets_close(&puppets);
    }
}

static void wrong_lengths_fail_their_receive_only(void)
{
    static const size_t expected[] = {SHORT + 1, SHORT - 1, 0, LONG};
    for (size_t i = 0; i < VAIN_COUNT_OF(expected); i++) {
        for (int posted_first = 0; posted_first < 2; posted_first++) {
            struct box receive, next;
            open_world(2, 1);
            if (posted_first)
                box_post_receive(&puppets.comm, 1, TAG, expected[i], &receive);
            from(1, 0, frame_of_message(TAG, 0, SHORT), 1);
            puppets_settle(&puppets);
            if (!posted_first)
                box_post_receive(&puppets.comm, 1, TAG, expected[i], &receive);
            puppets_settle(&puppets);
            CU_ASSERT_TRUE(box_is_untouched(receive.data, expected[i]));
            box_check_fails(&receive, "message of rank 1 has 100 bytes");
            from(1, 0, frame_of_message(TAG, 1, SHORT), 2);
            box_post_receive(&puppets.comm, 1, TAG, SHORT, &next);
            box_check_arrives(&next, 2);
            puppets_close(&puppets);
        }
    }
}

/* ---- messages that nobody has asked for yet -------------------------------------------------- */

/* Eight lie in slots, the others wait in their stream, and come in whatever order they are asked
 * for. */
static void many_short_messages_wait_for_their_receives(void)
{
    enum { MESSAGES = 40, EMPTY = 20 };
    static struct box receives[MESSAGES];
    for (int backwards = 0; backwards < 2; backwards++) {
        open_world(2, 1);
        const int64_t held_bytes = vain_memory_bytes();
        for (unsigned i = 0; i < MESSAGES; i++)
            from(1, 0, frame_of_message(TAG, i, i == EMPTY ? 0 : SHORT), i);
        puppets_settle(&puppets);
        CU_ASSERT_EQUAL(vain_memory_bytes(), held_bytes);
        for (int i = 0; i < MESSAGES; i++)
            box_post_receive(&puppets.comm, 1, TAG, i == EMPTY ? 0 : SHORT, &receives[i]);
        CU_ASSERT_EQUAL(vain_memory_bytes(), held_bytes);
        for (int i = 0; i < MESSAGES; i++) {
            const int k = backwards ? MESSAGES - 1 - i : i;
            box_check_arrives(&receives[k], (unsigned)k);
        }
        puppets_close(&puppets);
    }
}

/* A receive that finds its message in a slot makes room for one that waits in the stream, and so
 * for what is behind it, although nothing else moves. */
static void a_slot_that_empties_lets_the_stream_go_on(void)
{
    struct box first, behind;
    open_world(2, 1);
    box_post_receive(&puppets.comm, 1, OTHER_TAG, SHORT, &behind);
    for (unsigned i = 0; i < VAIN_WIRE_SLOTS + 1; i++)
        from(1, 0, frame_of_message(TAG, i, SHORT), i);
    from(1, 0, frame_of_message(OTHER_TAG, 0, SHORT), 77);
    CU_ASSERT_TRUE(box_is_open(&behind));
    box_post_receive(&puppets.comm, 1, TAG, SHORT, &first);
    box_check_arrives(&first, 0);
    box_check_arrives(&behind, 77);
    puppets_close(&puppets);
}

/* The same where the slot's message is still on its way when its receive is posted, and what waits
 * is on another connection. */
static void a_slot_that_empties_lets_other_streams_go_on(void)
{
    struct box half, behind;
    open_world(2, 2);
    box_post_receive(&puppets.comm, 1, OTHER_TAG, SHORT, &behind);
    for (unsigned i = 1; i < VAIN_WIRE_SLOTS; i++)
        from(1, 0, frame_of_message(TAG, i, SHORT), i);
    from(1, 0, frame_of_fragment(SHORT, 0, SHORT / 2), 0);
    puppets_settle(&puppets);
    from(1, 1, frame_of_message(TAG, VAIN_WIRE_SLOTS, SHORT), 8);
    from(1, 1, frame_of_message(OTHER_TAG, 0, SHORT), 77);
    box_post_receive(&puppets.comm, 1, TAG, SHORT, &half);
    CU_ASSERT_TRUE(box_is_open(&half));
    CU_ASSERT_TRUE(box_is_open(&behind));
    from(1, 0, frame_of_fragment(SHORT, SHORT / 2, SHORT / 2), 0);
    box_check_arrives(&half, 0);
    box_check_arrives(&behind, 77);
    puppets_close(&puppets);
}

/* What was sent before an end in order still counts, on each connection. */
static void messages_of_a_peer_that_left_are_delivered(void)
{
    enum { MESSAGES = VAIN_WIRE_SLOTS + SOON };
    static struct box receives[MESSAGES];
    struct box last;
    open_world(2, 2);
    for (unsigned i = 0; i < MESSAGES; i++)
        from(1, 1, frame_of_message(TAG, i, SHORT), i);
    puppets_hang_up(&puppets, 1, 0);
    puppets_hang_up(&puppets, 1, 1);
    puppets_settle(&puppets);
    for (int i = 0; i < MESSAGES; i++)
        box_post_receive(&puppets.comm, 1, TAG, SHORT, &receives[i]);
    box_post_receive(&puppets.comm, 1, OTHER_TAG, SHORT, &last);
    for (int i = 0; i < MESSAGES; i++)
        box_check_arrives(&receives[i], (unsigned)i);
    box_check_fails(&last, "it has left");
    puppets_close(&puppets);
}

/* A peer that takes nothing any more fails what is sent to it, also what waits for its readiness;
 * what it sent still comes, from slots and from its stream. */
static void a_send_to_a_peer_that_left_fails(void)
{
    enum { MESSAGES = VAIN_WIRE_SLOTS + SOON };
    struct box sent, waiting, receive;
    open_world(2, 1);
    for (unsigned i = 0; i < MESSAGES; i++)
        from(1, 0, frame_of_message(TAG, i, SHORT), i);
    puppets_settle(&puppets);
    puppets_hang_up(&puppets, 1, 0);
    box_post_send(&puppets.comm, 1, TAG, LONG, 1, &waiting);
    CU_ASSERT_TRUE(box_is_open(&waiting)); /* nothing was tried */
    box_post_send(&puppets.comm, 1, TAG, SHORT, 1, &sent);
    box_check_fails(&sent, "connection to rank 1");
    box_check_fails(&waiting, "connection to rank 1");
    for (unsigned i = 0; i < MESSAGES; i++) {
        box_post_receive(&puppets.comm, 1, TAG, SHORT, &receive);
        box_check_arrives(&receive, i);
    }
    puppets_settle(&puppets);
    puppets_check_post_fails(&puppets, "it has left");
    puppets_close(&puppets);
}

/* ---- long messages --------------------------------------------------------------------------- */

/* The last bytes, which make it whole, are a fragment that leaves as a short message does. */
static void check_long_message_comes(uint64_t index, unsigned seed)
{
    static unsigned char data[LONG];
    struct vain_frame frame = {.bytes = 0};
    int wrong = 0;
    for (size_t bytes = 0; bytes < LONG; bytes += frame.bytes) {
        CU_ASSERT_TRUE_FATAL(puppets_read_frame(&puppets, 1, 0, &frame));
        CU_ASSERT_EQUAL(frame.kind, VAIN_FRAME_MESSAGE);
        CU_ASSERT_EQUAL(frame.group, WORLD);
        CU_ASSERT_EQUAL(frame.index, index);
        CU_ASSERT_EQUAL_FATAL(frame.offset, bytes);
        CU_ASSERT_TRUE_FATAL(frame.bytes > 0 && frame.bytes <= LONG - bytes);
        CU_ASSERT_TRUE_FATAL(puppets_read(&puppets, 1, 0, data + bytes, frame.bytes));
    }
    CU_ASSERT_TRUE(frame.bytes <= VAIN_WIRE_SMALL_BYTES);
    for (size_t i = 0; i < LONG; i++)
        wrong += data[i] != puppets_byte(seed, i);
    CU_ASSERT_EQUAL(wrong, 0);
}

static void readiness_may_come_before_or_after_the_post(void)
{
    for (int before = 0; before < 2; before++) {
        struct box sent;
        open_world(2, 1);
        if (before)
            from(1, 0, frame_of_ready(WORLD, 0, LONG), 0);
        puppets_settle(&puppets);
        box_post_send(&puppets.comm, 1, TAG, LONG, 5, &sent);
        if (!before) {
            CU_ASSERT_TRUE(box_is_open(&sent));
            CU_ASSERT_TRUE(puppets_are_told_nothing(&puppets, 1));
            from(1, 0, frame_of_ready(WORLD, 0, LONG), 0);
        }
        check_long_message_comes(0, 5);
        box_check_leaves(&sent);
        puppets_close(&puppets);
    }
}

static void as_much_readiness_as_allowed_is_kept(void)
{
    static struct box sends[VAIN_WIRE_READY_MAX];
    open_world(2, 1);
    for (uint64_t i = 0; i < VAIN_WIRE_READY_MAX; i++)
        from(1, 0, frame_of_ready(WORLD, VAIN_WIRE_READY_MAX - 1 - i, LONG), 0);
    puppets_settle(&puppets);
    for (unsigned i = 0; i < VAIN_WIRE_READY_MAX; i++)
        box_post_send(&puppets.comm, 1, TAG, LONG, i, &sends[i]);
    for (unsigned i = 0; i < VAIN_WIRE_READY_MAX; i++)
        check_long_message_comes(i, i);
    for (int i = 0; i < VAIN_WIRE_READY_MAX; i++)
        box_check_leaves(&sends[i]);
    puppets_close(&puppets);
}

/* Reads all fragments of the message of HUGE_BYTES up to where it stops being itself; each is whole
 * and has zeros from there on. Gives the frame behind. */
static void read_cut_message(struct vain_frame *behind)
{
    static unsigned char data[VAIN_FRAGMENT_BYTES];
    uint64_t true_bytes = 0, offset = 0;
    while (puppets_read_frame(&puppets, 1, 0, behind) && behind->message_bytes == HUGE_BYTES) {
        uint32_t same = 0, zeros = 0;
        CU_ASSERT_EQUAL(behind->offset, offset);
        CU_ASSERT_TRUE_FATAL(puppets_read(&puppets, 1, 0, data, behind->bytes));
        while (same < behind->bytes && data[same] == puppets_byte(9, offset + same))
            same++;
        while (same + zeros < behind->bytes && data[same + zeros] == 0)
            zeros++;
        CU_ASSERT_EQUAL(same + zeros, behind->bytes);
        CU_ASSERT_TRUE(same == 0 || true_bytes == offset);
        true_bytes += same;
        offset += behind->bytes;
    }
    CU_ASSERT_TRUE(true_bytes > 0);
    CU_ASSERT_TRUE(true_bytes < offset); /* it was in the middle of a fragment */
    CU_ASSERT_TRUE(offset < HUGE_BYTES);
}

/* A fragment whose header has left must be as long as it says: zeros, then word of the abort. */
static void an_abort_half_way_sends_zeros(void)
{
    struct box sent;
    struct vain_frame behind;
    open_world(2, 1);
    box_post_send(&puppets.comm, 1, TAG, HUGE_BYTES, 9, &sent);
    from(1, 0, frame_of_ready(WORLD, 0, HUGE_BYTES), 0);
    CU_ASSERT_TRUE(box_is_open(&sent));
    puppets.comm.ops->abort(&puppets.comm);
    box_check_fails(&sent, "rank 0 ended the common work");
    read_cut_message(&behind);
    CU_ASSERT_EQUAL(behind.kind, VAIN_FRAME_ABORT);
    CU_ASSERT_EQUAL(behind.index, 0);
    CU_ASSERT_EQUAL(behind.group, WORLD);
    CU_ASSERT_TRUE(puppets_are_told_nothing(&puppets, 1));
    puppets_close(&puppets);
}

/* The same when its communicator is closed, and other messages follow. */
static void a_close_half_way_sends_zeros(void)
{
    static const int32_t colours[2] = {0, 0};
    struct vain_comm part;
    struct box sent, next;
    struct vain_frame behind;
    open_world(2, 1);
    puppets_split(&puppets, colours, &part);
    box_post_send(&part, 1, TAG, HUGE_BYTES, 9, &sent);
    from(1, 0, frame_of_ready(puppets_group(&part), 0, HUGE_BYTES), 0);
    CU_ASSERT_TRUE(box_is_open(&sent));
    part.ops->close(&part);
    box_drop(&sent);
    box_post_send(&puppets.comm, 1, TAG, SHORT, 1, &next);
    read_cut_message(&behind);
    CU_ASSERT_EQUAL(behind.kind, VAIN_FRAME_MESSAGE);
    CU_ASSERT_EQUAL(behind.group, WORLD);
    CU_ASSERT_EQUAL(behind.bytes, SHORT);
    box_check_leaves(&next);
    puppets_close(&puppets);
}

/* ---- what a stream has and holds back -------------------------------------------------------- */

/* A stream that takes all, as a link does whose peer reads slowly, and lets it go in later calls.
 */
struct miser {
    struct vain_stream stream;
    int descriptor; /* always ready to be written to */
    bool lets_go;
    size_t taken, left;
};

static enum vain_status miser_write(struct vain_stream *stream, const void *data, size_t bytes,
                                    size_t *taken)
{
    struct miser *miser = stream->state;
    (void)data;
    *taken = bytes;
    miser->taken += bytes;
    return VAIN_OK;
}

static enum vain_status miser_read(struct vain_stream *stream, void *data, size_t bytes,
                                   size_t *got)
{
    struct miser *miser = stream->state;
    (void)data;
    (void)bytes;
    *got = 0;
    if (miser->lets_go)
        miser->left = miser->taken;
    return VAIN_OK;
}

static int miser_descriptor(const struct vain_stream *stream, short *events)
{
    const struct miser *miser = stream->state;
    *events = (short)(POLLIN | (miser->left < miser->taken ? POLLOUT : 0));
    return miser->descriptor;
}

static void miser_close(struct vain_stream *stream)
{
    const struct miser *miser = stream->state;
    (void)close(miser->descriptor);
}

static const struct vain_stream_ops miser_ops = {.name = "miser",
                                                 .write = miser_write,
                                                 .read = miser_read,
                                                 .descriptor = miser_descriptor,
                                                 .close = miser_close};

static void open_miser(struct miser *miser, struct vain_comm *comm)
{
    struct vain_stream *streams[2] = {NULL, &miser->stream};
    const struct vain_stream_links links = {
        .rank = 0, .size = 2, .connections = 1, .streams = streams};
    *miser = (struct miser){.stream = {.ops = &miser_ops, .state = miser},
                            .descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    CU_ASSERT_EQUAL_FATAL(vain_stream_comm_open(&links, comm), VAIN_OK);
}

/* Whoever is told that a message is done goes away and helps its last bytes out no more. */
static void a_message_is_done_when_it_has_left(void)
{
    struct miser miser;
    struct vain_comm comm;
    struct box boxes[2];
    open_miser(&miser, &comm);
    for (unsigned i = 0; i < 2; i++)
        box_post_send(&comm, 1, TAG, SHORT, i, &boxes[i]);
    CU_ASSERT_TRUE(box_is_open(&boxes[0]));
    CU_ASSERT_TRUE(box_is_open(&boxes[1]));
    CU_ASSERT_EQUAL(miser.taken, 2 * (VAIN_FRAME_BYTES + SHORT));
    miser.lets_go = true;
    box_check_leaves(&boxes[1]);
    box_check_leaves(&boxes[0]);
    comm.ops->close(&comm);
}

static void an_abort_ends_what_has_not_left(void)
{
    struct miser miser;
    struct vain_comm comm;
    struct box box;
    open_miser(&miser, &comm);
    box_post_send(&comm, 1, TAG, SHORT, 1, &box);
    CU_ASSERT_TRUE(box_is_open(&box));
    comm.ops->abort(&comm);
    CU_ASSERT(comm.ops->test(&box.request) < 0);
    comm.ops->close(&comm);
    box_drop(&box);
}

/* ---- start ----------------------------------------------------------------------------------- */

static void a_world_that_does_not_open_leaves_the_streams(void)
{
    enum { TAKES_MAX = 100 };
    struct pipes pipes;
    struct vain_stream *streams[2];
    struct vain_comm comm;
    struct vain_stream_links links = {.rank = 0, .size = 0, .connections = 1, .streams = streams};
    CU_ASSERT_EQUAL(vain_stream_comm_open(&links, &comm), VAIN_ERR_INPUT);
    links.size = 2;
    links.connections = VAIN_CONNECTIONS_MAX + 1;
    CU_ASSERT_EQUAL(vain_stream_comm_open(&links, &comm), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NULL(comm.ops);
    links.connections = 1;
    CU_ASSERT_TRUE_FATAL(pipes_open(&pipes, 2, 1, piece));
    pipes_of(&pipes, 0, streams);
    const int64_t blocks = vain_memory_blocks();
    enum vain_status status = VAIN_ERR_MEMORY;
    int takes = 0;
    for (; takes < TAKES_MAX && status != VAIN_OK; takes++) {
        shortage_after(takes);
        status = vain_stream_comm_open(&links, &comm);
        shortage_end();
        CU_ASSERT_TRUE(status == VAIN_OK || vain_memory_blocks() == blocks);
    }
    CU_ASSERT_EQUAL_FATAL(status, VAIN_OK);
    CU_ASSERT_TRUE(takes > 5);
    comm.ops->close(&comm);
    pipes.streams[1][0][0]->ops->close(pipes.streams[1][0][0]);
}

/* ---- who waits ------------------------------------------------------------------------------- */

/* Who has waited and tests all its requests once learns of all that has moved: no test moves more
 * behind its back. Another turn does. */
static void a_turn_of_tests_moves_nothing(void)
{
    enum { BOXES = 20 };
    struct box boxes[BOXES];
    struct vain_comm *comm = &puppets.comm;
    open_world(2, 1);
    for (int i = 0; i < BOXES; i++)
        box_post_receive(comm, 1, TAG, SHORT, &boxes[i]);
    puppets_settle(&puppets);
    comm->ops->wait(comm, 0);
    from(1, 0, frame_of_message(TAG, 0, SHORT), 7);
    for (int i = 0; i < BOXES; i++)
        CU_ASSERT_EQUAL(comm->ops->test(&boxes[i].request), VAIN_AGAIN);
    CU_ASSERT_TRUE(box_is_untouched(boxes[0].data, SHORT));
    box_check_arrives(&boxes[0], 7);
    for (uint64_t i = 1; i < BOXES; i++)
        from(1, 0, frame_of_message(TAG, i, SHORT), 7);
    for (int i = BOXES - 1; i >= 1; i--)
        box_check_arrives(&boxes[i], 7); /* tests alone move things too */
    puppets_close(&puppets);
}

/* ---- all of them, whole and in pieces -------------------------------------------------------- */

IN_PIECES(what_no_honest_peer_sends_ends_its_requests)
IN_PIECES(a_fragment_that_does_not_follow_is_refused)
IN_PIECES(a_message_cut_off_ends_the_group)
IN_PIECES(no_buffer_is_touched_after_an_abort)
IN_PIECES(a_short_message_may_come_in_parts)
IN_PIECES(wrong_lengths_fail_their_receive_only)
IN_PIECES(many_short_messages_wait_for_their_receives)
IN_PIECES(a_slot_that_empties_lets_the_stream_go_on)
IN_PIECES(a_slot_that_empties_lets_other_streams_go_on)
IN_PIECES(messages_of_a_peer_that_left_are_delivered)
IN_PIECES(a_send_to_a_peer_that_left_fails)
IN_PIECES(readiness_may_come_before_or_after_the_post)
IN_PIECES(as_much_readiness_as_allowed_is_kept)
IN_PIECES(an_abort_half_way_sends_zeros)
IN_PIECES(a_close_half_way_sends_zeros)
IN_PIECES(a_turn_of_tests_moves_nothing)

static const struct vain_test tests[] = {
    {"what no honest peer sends ends its requests",
     run_what_no_honest_peer_sends_ends_its_requests},
    {"a fragment that does not follow is refused", run_a_fragment_that_does_not_follow_is_refused},
    {"a message cut off ends the group", run_a_message_cut_off_ends_the_group},
    {"no buffer is touched after an abort", run_no_buffer_is_touched_after_an_abort},
    {"a short message may come in parts", run_a_short_message_may_come_in_parts},
    {"wrong lengths fail their receive only", run_wrong_lengths_fail_their_receive_only},
    {"many short messages wait for their receives",
     run_many_short_messages_wait_for_their_receives},
    {"a slot that empties lets the stream go on", run_a_slot_that_empties_lets_the_stream_go_on},
    {"a slot that empties lets other streams go on",
     run_a_slot_that_empties_lets_other_streams_go_on},
    {"messages of a peer that left are delivered", run_messages_of_a_peer_that_left_are_delivered},
    {"a send to a peer that left fails", run_a_send_to_a_peer_that_left_fails},
    {"readiness may come before or after the post",
     run_readiness_may_come_before_or_after_the_post},
    {"as much readiness as allowed is kept", run_as_much_readiness_as_allowed_is_kept},
    {"an abort half-way sends zeros", run_an_abort_half_way_sends_zeros},
    {"a close half-way sends zeros", run_a_close_half_way_sends_zeros},
    {"a message is done when it has left", a_message_is_done_when_it_has_left},
    {"an abort ends what has not left", an_abort_ends_what_has_not_left},
    {"a turn of tests moves nothing", run_a_turn_of_tests_moves_nothing},
    {"a world that does not open leaves the streams",
     a_world_that_does_not_open_leaves_the_streams},
    {NULL, NULL},
};
const struct vain_suite vain_suite_stream = {"stream", tests};

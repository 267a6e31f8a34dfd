/* Communicators of `stream` and their ends, as a peer under the test's control can bring them
 * about: aborts, late frames of closed groups, early ones of groups to come. All cases run whole
 * and in pieces. */
#include "collectives/stream_state.h"

#include <string.h>

#include "tests/unit/collectives/boxes.h"
#include "tests/unit/collectives/puppets.h"
#include "tests/unit/suite.h"

enum {
    WORLD = 1,
    TAG = VAIN_TAG_GATHER,
    OTHER_TAG = VAIN_TAG_SITE,
    SHORT = 100,
    LONG = 3000,
    SOON = 5 /* messages beyond the slots */
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

/* Parts have the same ids in every world of this shape. */
static uint64_t id_of_first_part(void)
{
    static const int32_t colours[2] = {0, 0};
    struct vain_comm part;
    open_world(2, 1);
    puppets_split(&puppets, colours, &part);
    const uint64_t id = puppets_group(&part);
    part.ops->close(&part);
    puppets_close(&puppets);
    return id;
}

static void a_group_that_its_sender_is_not_in_is_refused(void)
{
    static const int32_t colours[3] = {0, 1, 0}; /* ranks 0 and 2 */
    for (int kind = 0; kind < 2; kind++) {
        struct vain_comm part;
        struct box receive, inside;
        open_world(3, 1);
        puppets_split(&puppets, colours, &part);
        CU_ASSERT_EQUAL(part.size, 2);
        box_post_receive(&puppets.comm, 1, TAG, SHORT, &receive);
        box_post_receive(&part, 1, TAG, SHORT, &inside);
        struct vain_frame frame =
            kind == 0 ? frame_of_message(TAG, 0, SHORT) : frame_of_abort(0, 0);
        frame.group = puppets_group(&part);
        from(1, 0, frame, 1);
        box_check_fails(&receive, kind == 0 ? "frame header: a group that its sender is not in"
                                            : "an abort by a rank that is not in the group");
        CU_ASSERT_TRUE(box_is_open(&inside));
        frame = frame_of_message(TAG, 0, SHORT);
        frame.group = puppets_group(&part);
        from(2, 0, frame, 6);
        box_check_arrives(&inside, 6);
        part.ops->close(&part);
        puppets_close(&puppets);
    }
}

static void an_abort_is_passed_on_to_everybody(void)
{
    struct box receive, sent;
    open_world(3, 1);
    box_post_receive(&puppets.comm, 2, TAG, SHORT, &receive);
    box_post_send(&puppets.comm, 2, TAG, LONG, 1, &sent);
    from(1, 0, frame_of_abort(WORLD, 1), 0);
    from(1, 0, frame_of_abort(WORLD, 2), 0); /* it was ended before */
    box_check_fails(&receive, "rank 1 ended the common work");
    box_check_fails(&sent, "rank 1 ended the common work");
    CU_ASSERT_EQUAL(puppets_check_next(&puppets, 1, VAIN_FRAME_ABORT, 1), WORLD);
    CU_ASSERT_EQUAL(puppets_check_next(&puppets, 2, VAIN_FRAME_ABORT, 1), WORLD);
    CU_ASSERT_TRUE(puppets_are_told_nothing(&puppets, 1));
    CU_ASSERT_TRUE(puppets_are_told_nothing(&puppets, 2));
    puppets_close(&puppets);
}

/* Who tells of it may lie about who it was: both are named. */
static void who_says_that_another_ended_it_is_named(void)
{
    struct box receive;
    open_world(3, 1);
    box_post_receive(&puppets.comm, 2, TAG, SHORT, &receive);
    from(1, 0, frame_of_abort(WORLD, 2), 0);
    box_check_fails(&receive, ": rank 1 says that rank 2 ended the common work");
    CU_ASSERT_EQUAL(puppets_check_next(&puppets, 2, VAIN_FRAME_ABORT, 2), WORLD);
    puppets_close(&puppets);
}

/* Of all that was split from it, here as elsewhere: nobody has to say so. */
static void an_abort_ends_the_parts_too(void)
{
    static const int32_t colours[3] = {0, 0, 1};
    for (int own = 0; own < 2; own++) {
        struct vain_comm part;
        struct box receive, sent;
        open_world(3, 1);
        puppets_split(&puppets, colours, &part);
        box_post_receive(&part, 1, TAG, SHORT, &receive);
        box_post_send(&part, 1, TAG, LONG, 1, &sent);
        if (own)
            puppets.comm.ops->abort(&puppets.comm);
        else
            from(2, 0, frame_of_abort(WORLD, 2), 0);
        const char *why = own ? "rank 0 ended the common work" : "rank 2 ended the common work";
        box_check_fails(&receive, why);
        box_check_fails(&sent, why);
        CU_ASSERT_EQUAL(puppets_check_next(&puppets, 1, VAIN_FRAME_ABORT, own ? 0 : 2), WORLD);
        CU_ASSERT_TRUE(puppets_are_told_nothing(&puppets, 1));
        part.ops->close(&part);
        puppets_close(&puppets);
    }
}

/* It may be of a group to come: it waits, and only what is behind it with it. */
static void an_unknown_group_s_abort_waits(void)
{
    struct box receive, behind;
    open_world(2, 2);
    from(1, 0, frame_of_abort(12345, 0), 0);
    from(1, 0, frame_of_message(TAG, 0, SHORT), 1);
    from(1, 1, frame_of_message(OTHER_TAG, 0, SHORT), 2);
    box_post_receive(&puppets.comm, 1, OTHER_TAG, SHORT, &receive);
    box_check_arrives(&receive, 2);
    box_post_receive(&puppets.comm, 1, TAG, SHORT, &behind);
    CU_ASSERT_TRUE(box_is_open(&behind));
    puppets.comm.ops->close(&puppets.comm);
    CU_ASSERT_TRUE(box_is_untouched(behind.data, SHORT));
    box_drop(&behind);
    puppets_close(&puppets);
}

/* All kinds of frames of a part that rank 0 splits only afterwards. */
static void frames_of_a_group_to_come_find_it(void)
{
    static const int32_t colours[2] = {0, 0};
    enum { MESSAGES = VAIN_WIRE_SLOTS - 1 /* the colour needs one */ };
    const uint64_t id = id_of_first_part();
    static struct box receives[MESSAGES];
    struct vain_comm part;
    struct box sent;
    open_world(2, 1);
    CU_ASSERT_NOT_EQUAL(id, WORLD);
    for (unsigned i = 0; i < MESSAGES; i++) {
        struct vain_frame frame = frame_of_message(TAG, i, SHORT);
        frame.group = id;
        from(1, 0, frame, i);
    }
    from(1, 0, frame_of_ready(id, 0, LONG), 0);
    puppets_settle(&puppets);
    puppets_split(&puppets, colours, &part);
    CU_ASSERT_EQUAL(puppets_group(&part), id);
    for (int i = 0; i < MESSAGES; i++)
        box_post_receive(&part, 1, TAG, SHORT, &receives[i]);
    for (int i = 0; i < MESSAGES; i++)
        box_check_arrives(&receives[i], (unsigned)i);
    box_post_send(&part, 1, TAG, LONG, 1, &sent);
    CU_ASSERT_EQUAL(box_finish(&sent), VAIN_OK);
    CU_ASSERT_EQUAL(puppets_check_next(&puppets, 1, VAIN_FRAME_MESSAGE, 0), id);
    box_drop(&sent);
    part.ops->close(&part);
    puppets_close(&puppets);
}

static void an_abort_of_a_group_to_come_ends_it_alone(void)
{
    static const int32_t colours[2] = {0, 0};
    const uint64_t id = id_of_first_part();
    struct vain_comm part;
    struct box receive, in_world;
    open_world(2, 2);
    from(1, 1, frame_of_abort(id, 1), 0);
    puppets_settle(&puppets);
    puppets_split(&puppets, colours, &part);
    puppets_settle(&puppets);
    box_make(&receive, SHORT);
    CU_ASSERT_EQUAL(part.ops->post_receive(&part, 1, TAG, receive.data, SHORT, &receive.request),
                    VAIN_ERR_PEER);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "rank 1 ended the common work"));
    box_drop(&receive);
    from(1, 0, frame_of_message(TAG, 0, SHORT), 1);
    box_post_receive(&puppets.comm, 1, TAG, SHORT, &in_world);
    box_check_arrives(&in_world, 1);
    part.ops->close(&part);
    puppets_close(&puppets);
}

/* Everything of a closed part is read and forgotten: also a message of which half has come, what
 * comes while it is being closed, and what waited in the stream. The slots are free for others,
 * whether or not word of an abort comes too. */
static void check_late_frames(bool with_abort)
{
    static const int32_t colours[2] = {0, 0};
    struct vain_comm part;
    struct box half, receive;
    struct vain_frame late = frame_of_fragment(LONG, 0, LONG / 2);
    open_world(2, 1);
    puppets_split(&puppets, colours, &part);
    const uint64_t id = late.group = puppets_group(&part);
    box_post_receive(&part, 1, TAG, LONG, &half);
    from(1, 0, late, 1);
    CU_ASSERT_TRUE(box_is_open(&half));
    late.offset = LONG / 2;
    from(1, 0, late, 1); /* nobody has looked yet */
    for (unsigned i = 0; i < VAIN_WIRE_SLOTS + SOON; i++) {
        late = frame_of_message(OTHER_TAG, i, SHORT);
        late.group = id;
        from(1, 0, late, i);
    }
    part.ops->close(&part);
    box_drop(&half);
    from(1, 0, frame_of_ready(id, 0, LONG), 0);
    late = frame_of_message(TAG, 1, LONG); /* rank 0 was ready for it, as far as its sender knows */
    late.group = id;
    from(1, 0, late, 1);
    if (with_abort)
        from(1, 0, frame_of_abort(id, 1), 0);
    for (unsigned i = 0; i < VAIN_WIRE_SLOTS; i++) /* these need all slots */
        from(1, 0, frame_of_message(TAG, i, SHORT), i);
    from(1, 0, frame_of_message(OTHER_TAG, 0, SHORT), 50);
    box_post_receive(&puppets.comm, 1, OTHER_TAG, SHORT, &receive);
    box_check_arrives(&receive, 50);
    for (unsigned i = 0; i < VAIN_WIRE_SLOTS; i++) {
        box_post_receive(&puppets.comm, 1, TAG, SHORT, &receive);
        box_check_arrives(&receive, i);
    }
    puppets_close(&puppets);
}

static void late_frames_of_a_closed_communicator_are_forgotten(void)
{
    check_late_frames(false);
    check_late_frames(true);
}

/* Closing lets go of a communicator's own requests, not of those of its parts: one that waits in
 * either direction, and a message that lies in a slot. */
static void a_part_outlives_what_it_was_split_from(void)
{
    static const int32_t colours[2] = {0, 0};
    struct vain_comm part;
    struct box receive, early, sent;
    open_world(2, 1);
    puppets_split(&puppets, colours, &part);
    const uint64_t id = puppets_group(&part);
    struct vain_frame frame = frame_of_message(OTHER_TAG, 0, SHORT);
    frame.group = id;
    from(1, 0, frame, 2);
    puppets_settle(&puppets);
    box_post_receive(&part, 1, TAG, SHORT, &receive);
    box_post_send(&part, 1, TAG, LONG, 3, &sent);
    puppets.comm.ops->close(&puppets.comm);
    frame.tag = TAG;
    from(1, 0, frame, 1);
    box_check_arrives(&receive, 1);
    box_post_receive(&part, 1, OTHER_TAG, SHORT, &early);
    box_check_arrives(&early, 2);
    from(1, 0, frame_of_ready(id, 0, LONG), 0);
    box_check_leaves(&sent);
    part.ops->close(&part);
    puppets_close(&puppets);
}

IN_PIECES(a_group_that_its_sender_is_not_in_is_refused)
IN_PIECES(an_abort_is_passed_on_to_everybody)
IN_PIECES(who_says_that_another_ended_it_is_named)
IN_PIECES(an_abort_ends_the_parts_too)
IN_PIECES(an_unknown_group_s_abort_waits)
IN_PIECES(frames_of_a_group_to_come_find_it)
IN_PIECES(an_abort_of_a_group_to_come_ends_it_alone)
IN_PIECES(late_frames_of_a_closed_communicator_are_forgotten)
IN_PIECES(a_part_outlives_what_it_was_split_from)

static const struct vain_test tests[] = {
    {"a group that its sender is not in is refused",
     run_a_group_that_its_sender_is_not_in_is_refused},
    {"an abort is passed on to everybody", run_an_abort_is_passed_on_to_everybody},
    {"who says that another ended it is named", run_who_says_that_another_ended_it_is_named},
    {"an abort ends the parts too", run_an_abort_ends_the_parts_too},
    {"an unknown group's abort waits", run_an_unknown_group_s_abort_waits},
    {"frames of a group to come find it", run_frames_of_a_group_to_come_find_it},
    {"an abort of a group to come ends it alone", run_an_abort_of_a_group_to_come_ends_it_alone},
    {"late frames of a closed communicator are forgotten",
     run_late_frames_of_a_closed_communicator_are_forgotten},
    {"a part outlives what it was split from", run_a_part_outlives_what_it_was_split_from},
    {NULL, NULL},
};
const struct vain_suite vain_suite_stream_groups = {"stream groups", tests};

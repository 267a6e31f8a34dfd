/* Streams of uses: all of them, of the right use, or a reason. */
#include "cmd/mesh.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/cmd/town.h"
#include "tests/unit/suite.h"

enum { CONNECTIONS = 2, STREAMS = 3 * CONNECTIONS };

static const int everybody[] = {0, 1, 2};

/* Every stream joins what it should: the byte says from whom, to whom, which. */
static void check_streams(struct vain_stream *streams[3][STREAMS])
{
    for (int from = 0; from < 3; from++) {
        for (int i = 0; i < STREAMS; i++) {
            const int to = i / CONNECTIONS, c = i % CONNECTIONS;
            if (from != to)
                CU_ASSERT_TRUE(town_passes(streams[from][i], streams[to][from * CONNECTIONS + c],
                                           (uint8_t)(1 + from * STREAMS + i)));
        }
    }
}

static void hang_up_all(struct vain_stream *streams[3][STREAMS])
{
    for (int i = 0; i < 3 * STREAMS; i++)
        town_hang_up(&streams[i / STREAMS][i % STREAMS]);
}

static void two_uses_one_after_the_other(void)
{
    struct town town;
    struct vain_stream *streams[3][STREAMS], *next[3][STREAMS];
    town_open(&town, 3);
    town_enter_all(&town);
    for (int i = 0; i < 3; i++)
        town_begin(&town, i, 1, everybody, 3, CONNECTIONS);
    for (int i = 0; i < 3; i++)
        town_take_all(&town, i, everybody, 3, CONNECTIONS, streams[i]);
    check_streams(streams);
    for (int i = 0; i < 3; i++) /* while those of the first are there */
        town_begin(&town, i, 2, everybody, 3, CONNECTIONS);
    for (int i = 0; i < 3; i++)
        town_take_all(&town, i, everybody, 3, CONNECTIONS, next[i]);
    check_streams(next);
    check_streams(streams);
    hang_up_all(streams);
    hang_up_all(next);
    town_close(&town);
}

/* Nobody has to be first: links of a use that is not begun here yet are kept. */
static void members_begin_when_they_like(void)
{
    struct town town;
    struct vain_stream *streams[3][STREAMS];
    town_open(&town, 3);
    town_enter_all(&town);
    town_begin(&town, 0, 1, everybody, 3, CONNECTIONS);
    town_take_all(&town, 0, everybody, 3, CONNECTIONS, streams[0]);
    for (int i = 1; i < 3; i++)
        town_begin(&town, i, 1, everybody, 3, CONNECTIONS);
    for (int i = 1; i < 3; i++)
        town_take_all(&town, i, everybody, 3, CONNECTIONS, streams[i]);
    check_streams(streams);
    hang_up_all(streams);
    town_close(&town);
}

/* What was not taken goes when the next use begins, or with one that nobody else is in. */
static void what_is_not_taken_ends(void)
{
    struct town town;
    struct vain_stream *streams[CONNECTIONS * 2];
    const int two[] = {0, 1}, itself[] = {1};
    town_open(&town, 2);
    town_enter_all(&town);
    struct vain_stream *mailboxes[] = {town_mailbox(&town, 0, 1), town_mailbox(&town, 1, 0)};
    town_begin(&town, 1, 1, two, 2, CONNECTIONS);
    town_begin(&town, 0, 1, two, 2, CONNECTIONS);
    town_take_all(&town, 0, two, 2, CONNECTIONS, streams);
    CU_ASSERT_TRUE(town_establishes(&town, 1, 1 + CONNECTIONS));
    CU_ASSERT_TRUE(town_has_news(&town, 1));
    town_begin(&town, 1, 0, itself, 1, 1);
    CU_ASSERT_FALSE(town_has_news(&town, 1));
    for (int c = 0; c < CONNECTIONS; c++) {
        CU_ASSERT_EQUAL(town_end_of(streams[CONNECTIONS + c]), VAIN_END);
        town_hang_up(&streams[CONNECTIONS + c]);
        town_hang_up(&mailboxes[c]);
    }
    town_close(&town);
}

/* The dialler has its end at once; the other keeps it for 10 s, and never gives it out. */
static void a_foreign_key_never_comes_out(void)
{
    struct town town;
    struct vain_stream *streams[4], *none;
    const int two[] = {0, 1};
    town_open(&town, 2);
    town_enter_all(&town);
    struct vain_stream *mailboxes[] = {town_mailbox(&town, 0, 1), town_mailbox(&town, 1, 0)};
    town_begin(&town, 1, 2, two, 2, CONNECTIONS);
    town_begin(&town, 0, 1, two, 2, CONNECTIONS);
    town_take_all(&town, 0, two, 2, CONNECTIONS, streams);
    struct vain_connector *second = town.members[1].connector;
    CU_ASSERT_EQUAL(second->ops->take(second, 0, 0, &none), VAIN_AGAIN);
    CU_ASSERT_FALSE(town_has_news(&town, 1));
    town_pass_ms(&town, VAIN_MESH_USE_MS + VAIN_MESH_GUEST_MS);
    CU_ASSERT_TRUE(town_refuses_in_time(&town, 1, CONNECTIONS));
    CU_ASSERT_EQUAL(town_take(&town, 1, 0, 1, &none), VAIN_ERR_PEER);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "member anna, connection 2: not there"));
    CU_ASSERT_PTR_NULL(none);
    CU_ASSERT_FALSE(town_has_news(&town, 1)); /* it was said */
    CU_ASSERT_EQUAL(town_end_of(streams[2]), VAIN_END);
    CU_ASSERT_EQUAL(town_end_of(streams[3]), VAIN_END);
    town_begin(&town, 1, 1, two, 2, CONNECTIONS); /* too late for those of before */
    CU_ASSERT_EQUAL(second->ops->take(second, 0, 0, &none), VAIN_AGAIN);
    for (int i = 0; i < 2; i++) {
        town_hang_up(&streams[2 + i]);
        town_hang_up(&mailboxes[i]);
    }
    town_close(&town);
}

/* A member that is not there: the reason is what dialling it came to. */
static void a_use_without_one_of_its_members_fails(void)
{
    struct town town;
    struct vain_stream *none;
    const int two[] = {0, 1};
    town_open(&town, 2);
    town_enter_all(&town);
    town_leave(&town, 1);
    town_begin(&town, 0, 1, two, 2, CONNECTIONS);
    town_pass_ms(&town, VAIN_MESH_USE_MS);
    CU_ASSERT_EQUAL(town_take(&town, 0, 1, 0, &none), VAIN_ERR_PEER);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "member ben, connection 1: "));
    CU_ASSERT_EQUAL(town_take(&town, 0, 1, 1, &none), VAIN_ERR_PEER);
    struct vain_connector *first = town.members[0].connector;
    const struct vain_connector_use none_at_all = {.members = two, .count = 2};
    CU_ASSERT_EQUAL(first->ops->begin_use(first, &none_at_all), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "0 connections a pair, expected 1 to 16"));
    town_close(&town);
}

/* All is there and taken: that its time is over is no news. */
static void a_use_that_came_about_is_not_late(void)
{
    struct town town;
    struct vain_stream *streams[2][4];
    const int two[] = {0, 1};
    town_open(&town, 2);
    town_enter_all(&town);
    struct vain_stream *mailboxes[] = {town_mailbox(&town, 0, 1), town_mailbox(&town, 1, 0)};
    for (int i = 0; i < 2; i++)
        town_begin(&town, i, 1, two, 2, CONNECTIONS);
    for (int i = 0; i < 2; i++)
        town_take_all(&town, i, two, 2, CONNECTIONS, streams[i]);
    town_pass_ms(&town, 2 * VAIN_MESH_USE_MS);
    town_leave(&town, 1);
    town_enter(&town, 1); /* which the thread of member 0 has seen to, after the clock */
    struct vain_connector *first = town.members[0].connector;
    first->ops->lost_mailbox(first, 1);
    struct vain_stream *again = town_mailbox(&town, 0, 1);
    CU_ASSERT_FALSE(town_has_news(&town, 0));
    CU_ASSERT_TRUE(town_passes(streams[0][2], streams[1][0], 1));
    town_hang_up(&again);
    for (int i = 0; i < 2; i++) {
        town_hang_up(&mailboxes[i]);
        for (int c = 0; c < 4; c++)
            town_hang_up(&streams[i][c]);
    }
    town_close(&town);
}

static const struct vain_test tests[] = {
    {"two uses, one after the other", two_uses_one_after_the_other},
    {"members begin when they like", members_begin_when_they_like},
    {"what is not taken ends with the next use", what_is_not_taken_ends},
    {"a foreign key never comes out", a_foreign_key_never_comes_out},
    {"a use without one of its members fails", a_use_without_one_of_its_members_fails},
    {"a use that came about is not late", a_use_that_came_about_is_not_late},
    {NULL, NULL},
};
const struct vain_suite vain_suite_mesh_use = {"cmd/mesh uses", tests};

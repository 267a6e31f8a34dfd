/* Who is refused at the door of a mesh, and that nobody else is. */
#include "cmd/mesh.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collectives/transport.h"
#include "p2p/link_state.h"
#include "tests/unit/cmd/town.h"
#include "tests/unit/suite.h"

enum { CROWD = 200 };

/* Makes the member's calls say what there is to say. */
static void look(struct town *town, int member)
{
    struct vain_connector *connector = town->members[member].connector;
    struct vain_stream *stream = NULL;
    (void)!connector->ops->take_mailbox(connector, member == 0 ? 1 : 0, &stream);
    town_hang_up(&stream);
}

/* Refused, counted, and said at most once a minute. */
static void strangers_are_refused(void)
{
    struct town town;
    struct vain_signer signer;
    struct vain_link *link;
    town_open(&town, 2);
    town_enter(&town, 1);
    CU_ASSERT_EQUAL_FATAL(
        vain_signer_open_throw_away(&signer, town.world.ops->unix_ms(&town.world)), VAIN_OK);
    struct vain_link_host *host = town_stranger(&town, &signer);
    const struct town_member *member = &town.members[1];
    for (int i = 1; i <= 3; i++) {
        CU_ASSERT_TRUE(town_dial(&town, host, 1, 0, &link) < 0);
        vain_link_close(&link);
        CU_ASSERT_TRUE(town_refuses(&town, 1, (uint64_t)i));
        look(&town, 1);
        CU_ASSERT_EQUAL(member->notices, 1);
    }
    CU_ASSERT_EQUAL(strncmp(member->notice, "1 connection refused; the last: link from 127", 45),
                    0);
    CU_ASSERT_PTR_NOT_NULL(strstr(member->notice, "is not allowed here"));
    town_pass_ms(&town, VAIN_MESH_NOTICE_MS);
    look(&town, 1);
    CU_ASSERT_EQUAL(member->notices, 2);
    CU_ASSERT_EQUAL(strncmp(member->notice, "2 connections refused; ", 23), 0);
    town_pass_ms(&town, VAIN_MESH_NOTICE_MS);
    look(&town, 1);
    CU_ASSERT_EQUAL(member->notices, 2); /* nothing new */
    CU_ASSERT_FALSE(town_has_news(&town, 1));
    vain_link_host_close(&host);
    vain_signer_close(&signer);
    town_close(&town);
}

/* Of a pair the lower one dials, never the other. */
static void nobody_comes_in_the_wrong_direction(void)
{
    struct town town;
    struct vain_link *link;
    town_open(&town, 2);
    town_enter(&town, 0);
    struct vain_link_host *host = town_stranger(&town, &town.members[1].signer);
    CU_ASSERT_TRUE(town_dial(&town, host, 0, 0, &link) < 0);
    vain_link_close(&link);
    CU_ASSERT_TRUE(town_refuses(&town, 0, 1));
    vain_link_host_close(&host);
    town_close(&town);
}

/* A member's links that are for no use: so many, and no others. */
static void guests_are_few(void)
{
    struct town town;
    struct vain_link *links[VAIN_CONNECTIONS_MAX + 1], *odd;
    static const uint8_t key[VAIN_CONNECTOR_KEY_BYTES] = {9};
    size_t taken;
    town_open(&town, 2);
    town_enter(&town, 1);
    struct vain_link_host *host = town_stranger(&town, &town.members[0].signer);
    for (int i = 0; i <= VAIN_CONNECTIONS_MAX; i++) {
        const uint16_t connection = (uint16_t)(1 + i % VAIN_CONNECTIONS_MAX);
        CU_ASSERT_EQUAL_FATAL(town_dial(&town, host, 1, connection, &links[i]), VAIN_OK);
        struct vain_stream *stream = vain_link_stream(links[i]);
        if (i % 2 == 0) /* the others say nothing */
            CU_ASSERT_EQUAL(stream->ops->write(stream, key, sizeof key, &taken), VAIN_OK);
    }
    CU_ASSERT_TRUE(town_refuses(&town, 1, 1));
    CU_ASSERT_EQUAL(town_end_of(vain_link_stream(links[0])), VAIN_END); /* the oldest */
    CU_ASSERT_EQUAL(town_dial(&town, host, 1, VAIN_CONNECTIONS_MAX + 1, &odd), VAIN_OK);
    CU_ASSERT_EQUAL(town_end_of(vain_link_stream(odd)), VAIN_END);
    CU_ASSERT_TRUE(town_refuses(&town, 1, 2));
    vain_link_close(&odd);
    vain_link_close(&links[1]); /* in the middle of its key */
    CU_ASSERT_TRUE(town_refuses(&town, 1, 3));
    CU_ASSERT_TRUE(town_refuses_in_time(&town, 1, 2 + VAIN_CONNECTIONS_MAX));
    for (int i = 0; i <= VAIN_CONNECTIONS_MAX; i++)
        vain_link_close(&links[i]);
    vain_link_host_close(&host);
    town_close(&town);
}

/* A member that dies while it says what its links are for. */
static void guests_may_die(void)
{
    struct town town;
    struct vain_link *links[2];
    town_open(&town, 2);
    town_enter(&town, 1);
    struct vain_link_host *host = town_stranger(&town, &town.members[0].signer);
    for (int i = 0; i < 2; i++)
        CU_ASSERT_EQUAL_FATAL(town_dial(&town, host, 1, (uint16_t)(1 + i), &links[i]), VAIN_OK);
    for (int i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(shutdown(links[i]->socket, SHUT_RDWR), 0); /* as the system does for it */
    CU_ASSERT_TRUE(town_refuses(&town, 1, 2));
    look(&town, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(town.members[1].notice, "it has ended before it said"));
    for (int i = 0; i < 2; i++)
        vain_link_close(&links[i]);
    vain_link_host_close(&host);
    town_close(&town);
}

/* ---- crowds ---------------------------------------------------------------------------------- */

/* A connection from 127.0.0.`from` to the member, without TLS. */
static int knock(const struct town *town, int member, int from)
{
    const char *address = vain_mesh_address(town->members[member].connector);
    struct sockaddr_in name = {.sin_family = AF_INET};
    const int knocker = socket(AF_INET, SOCK_STREAM, 0);
    CU_ASSERT_FATAL(knocker >= 0);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + (uint32_t)from);
    CU_ASSERT_EQUAL_FATAL(bind(knocker, (struct sockaddr *)&name, sizeof name), 0);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    name.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
    CU_ASSERT_EQUAL_FATAL(connect(knocker, (struct sockaddr *)&name, sizeof name), 0);
    return knocker;
}

static bool is_open(int knocker)
{
    char byte;
    return recv(knocker, &byte, 1, MSG_DONTWAIT) < 0;
}

/* Somebody opens more than there may be, and keeps at it: whoever comes from elsewhere stays, and a
 * member gets through. */
static void a_crowd_keeps_nobody_out(void)
{
    struct town town;
    int crowd[CROWD];
    town_open(&town, 2);
    town_enter(&town, 1);
    for (int i = 0; i < 10; i++)
        crowd[i] = knock(&town, 1, 2);
    const int other = knock(&town, 1, 3);
    for (int i = 10; i < CROWD; i++)
        crowd[i] = knock(&town, 1, 2);
    /* 63 stay: the one from elsewhere, and the last 62 of the crowd. */
    CU_ASSERT_TRUE(town_refuses(&town, 1, CROWD + 1 - 63));
    CU_ASSERT_TRUE(is_open(other));
    CU_ASSERT_FALSE(is_open(crowd[CROWD - 63]));
    CU_ASSERT_TRUE(is_open(crowd[CROWD - 62]));
    town_enter(&town, 0);
    struct vain_stream *one = town_mailbox(&town, 0, 1), *two = town_mailbox(&town, 1, 0);
    CU_ASSERT_TRUE(town_passes(one, two, 1));
    CU_ASSERT_TRUE(is_open(other));
    town_hang_up(&one);
    town_hang_up(&two);
    CU_ASSERT_TRUE(town_refuses_in_time(&town, 1, CROWD + 1));
    for (int i = 0; i < CROWD; i++)
        (void)close(crowd[i]);
    (void)close(other);
    town_close(&town);
}

/* The linker puts this in the way (--wrap): 127.0.0.100 and up are like addresses of one /64. */
struct vain_pace_source __real_vain_pace_source_of(const struct sockaddr_storage *name);
struct vain_pace_source __wrap_vain_pace_source_of(const struct sockaddr_storage *name);

struct vain_pace_source __wrap_vain_pace_source_of(const struct sockaddr_storage *name)
{
    struct vain_pace_source source = __real_vain_pace_source_of(name);
    if (source.bytes[15] >= 100)
        source.bytes[15] = 100;
    return source;
}

/* Somebody with many addresses is one all the same. */
static void a_crowd_of_many_addresses_keeps_nobody_out(void)
{
    struct town town;
    int crowd[CROWD], others[3];
    town_open(&town, 2);
    town_enter(&town, 1);
    for (int i = 0; i < 3; i++)
        others[i] = knock(&town, 1, 3);
    for (int i = 0; i < CROWD; i++)
        crowd[i] = knock(&town, 1, 100 + i % 150);
    CU_ASSERT_TRUE(town_refuses(&town, 1, CROWD + 3 - 63));
    for (int i = 0; i < 3; i++)
        CU_ASSERT_TRUE(is_open(others[i]));
    CU_ASSERT_FALSE(is_open(crowd[CROWD - 61]));
    CU_ASSERT_TRUE(is_open(crowd[CROWD - 60]));
    for (int i = 0; i < CROWD; i++)
        (void)close(crowd[i]);
    for (int i = 0; i < 3; i++)
        (void)close(others[i]);
    town_close(&town);
}

static const struct vain_test tests[] = {
    {"strangers are refused, counted, and told once a minute", strangers_are_refused},
    {"nobody comes in the wrong direction", nobody_comes_in_the_wrong_direction},
    {"links for no use are few, and not for long", guests_are_few},
    {"a member may die before it has said what a link is for", guests_may_die},
    {"a crowd keeps nobody out", a_crowd_keeps_nobody_out},
    {"a crowd of many addresses keeps nobody out", a_crowd_of_many_addresses_keeps_nobody_out},
    {NULL, NULL},
};
const struct vain_suite vain_suite_mesh_door = {"cmd/mesh door", tests};

#include "tests/unit/cmd/town.h"

#include <CUnit/CUnit.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/world.h"

enum { NS_PER_MS = 1000000 };

/* ---- clock ----------------------------------------------------------------------------------- */

static uint64_t now_ns(struct vain_world *world)
{
    const struct town *town = world->state;
    struct vain_world *real = vain_world_real();
    return real->ops->now_ns(real) + atomic_load(&town->ahead_ns);
}

static int64_t unix_ms(struct vain_world *world)
{
    (void)world;
    struct vain_world *real = vain_world_real();
    return real->ops->unix_ms(real);
}

static void random_bytes(struct vain_world *world, void *out, size_t bytes)
{
    (void)world;
    vain_random_bytes(out, bytes);
}

static const struct vain_world_ops town_world = {
    .now_ns = now_ns, .unix_ms = unix_ms, .random = random_bytes};

/* ---- members --------------------------------------------------------------------------------- */

static int compare_ids(const void *a, const void *b)
{
    const struct town_member *one = a, *other = b;
    return memcmp(one->signer.member_id, other->signer.member_id, VAIN_HASH_BYTES);
}

void town_open(struct town *town, int count)
{
    memset(town, 0, sizeof *town);
    town->count = count;
    town->world = (struct vain_world){.ops = &town_world, .state = town};
    for (int i = 0; i < count; i++)
        CU_ASSERT_EQUAL_FATAL(
            vain_signer_open_throw_away(&town->members[i].signer, unix_ms(&town->world)), VAIN_OK);
    qsort(town->members, (size_t)count, sizeof *town->members, compare_ids);
}

void town_close(struct town *town)
{
    for (int i = 0; i < town->count; i++) {
        town_leave(town, i);
        vain_signer_close(&town->members[i].signer);
    }
    vain_fail_clear();
}

static void note(void *context, const char *text)
{
    struct town_member *member = context;
    member->notices++;
    snprintf(member->notice, sizeof member->notice, "%s", text);
}

static void introduce(struct town *town, int member, int other)
{
    struct vain_connector *connector = town->members[member].connector;
    const struct vain_connector *there = town->members[other].connector;
    if (connector == NULL || member == other)
        return;
    const char *address = there == NULL ? NULL : vain_mesh_address(there);
    CU_ASSERT_EQUAL(vain_mesh_set_addresses(connector, other, &address, there != NULL), VAIN_OK);
}

/* Being told once more where somebody is wakes the thread. */
static void nudge(struct town *town, int member)
{
    for (int i = 0; i < town->count; i++)
        introduce(town, member, i);
}

void town_enter(struct town *town, int member)
{
    static const char *const names[TOWN_MEMBERS_MAX] = {"anna", "ben", "cleo", "dora"};
    struct vain_mesh_member list[TOWN_MEMBERS_MAX];
    struct town_member *self = &town->members[member];
    for (int i = 0; i < town->count; i++)
        list[i] =
            (struct vain_mesh_member){.name = names[i], .id = town->members[i].signer.member_id};
    const struct vain_mesh_config config = {.signer = &self->signer,
                                            .world = &town->world,
                                            .members = list,
                                            .member_count = town->count,
                                            .own = member,
                                            .listen = "127.0.0.1:0",
                                            .notice = note,
                                            .notice_context = self,
                                            .look_up = town->look_up};
    CU_ASSERT_EQUAL_FATAL(vain_mesh_open(&config, &self->connector), VAIN_OK);
    for (int i = 0; i < town->count; i++) {
        introduce(town, member, i);
        introduce(town, i, member);
    }
}

void town_enter_all(struct town *town)
{
    for (int i = 0; i < town->count; i++)
        town_enter(town, i);
}

void town_leave(struct town *town, int member)
{
    struct town_member *self = &town->members[member];
    if (self->connector != NULL)
        self->connector->ops->close(self->connector);
    self->connector = NULL;
}

void town_pass_ms(struct town *town, uint64_t ms)
{
    atomic_fetch_add(&town->ahead_ns, ms * NS_PER_MS);
    for (int i = 0; i < town->count; i++)
        nudge(town, i);
}

/* ---- waiting --------------------------------------------------------------------------------- */

static bool wait_news(const struct town *town, int member)
{
    const struct vain_connector *connector = town->members[member].connector;
    struct pollfd wait = {.fd = connector->ops->descriptor(connector), .events = POLLIN};
    return poll(&wait, 1, TOWN_PATIENCE_MS) == 1;
}

bool town_has_news(const struct town *town, int member)
{
    const struct vain_connector *connector = town->members[member].connector;
    struct pollfd wait = {.fd = connector->ops->descriptor(connector), .events = POLLIN};
    return poll(&wait, 1, 0) == 1;
}

struct vain_stream *town_mailbox(struct town *town, int member, int other)
{
    struct vain_connector *connector = town->members[member].connector;
    struct vain_stream *stream = NULL;
    while (connector->ops->take_mailbox(connector, other, &stream) == VAIN_AGAIN)
        CU_ASSERT_TRUE_FATAL(wait_news(town, member));
    CU_ASSERT_EQUAL(memcmp(stream->peer_id, town->members[other].signer.member_id, VAIN_HASH_BYTES),
                    0);
    return stream;
}

void town_begin(struct town *town, int member, uint8_t key, const int *others, int count,
                int connections)
{
    struct vain_connector *connector = town->members[member].connector;
    struct vain_connector_use use = {.members = others, .count = count, .connections = connections};
    memset(use.key, key, sizeof use.key);
    CU_ASSERT_EQUAL(connector->ops->begin_use(connector, &use), VAIN_OK);
}

enum vain_status town_take(struct town *town, int member, int other, int connection,
                           struct vain_stream **out)
{
    struct vain_connector *connector = town->members[member].connector;
    for (;;) {
        const enum vain_status status = connector->ops->take(connector, other, connection, out);
        if (status != VAIN_AGAIN)
            return status;
        CU_ASSERT_TRUE_FATAL(wait_news(town, member));
    }
}

void town_take_all(struct town *town, int member, const int *others, int count, int connections,
                   struct vain_stream **streams)
{
    struct vain_connector *connector = town->members[member].connector;
    int missing = 0;
    memset(streams, 0, (size_t)(count * connections) * sizeof *streams);
    do {
        missing = 0;
        for (int i = 0; i < count * connections; i++) {
            const int other = others[i / connections];
            if (other == member || streams[i] != NULL)
                continue;
            const enum vain_status status =
                connector->ops->take(connector, other, i % connections, &streams[i]);
            CU_ASSERT_FATAL(status == VAIN_OK || status == VAIN_AGAIN);
            missing += status == VAIN_AGAIN;
        }
        CU_ASSERT_TRUE_FATAL(missing == 0 || wait_news(town, member));
    } while (missing > 0);
}

bool town_wait(bool (*condition)(void *context), void *context)
{
    struct vain_world *real = vain_world_real();
    const uint64_t limit = real->ops->now_ns(real) + (uint64_t)TOWN_PATIENCE_MS * NS_PER_MS;
    while (!condition(context)) {
        if (real->ops->now_ns(real) >= limit)
            return false;
        sched_yield();
    }
    return true;
}

struct goal {
    struct town *town; /* whose time passes meanwhile; NULL: of nobody */
    const struct vain_connector *connector;
    uint64_t (*count)(const struct vain_connector *connector);
    uint64_t wanted;
};

static bool is_reached(void *context)
{
    const struct goal *goal = context;
    if (goal->town != NULL)
        town_pass_ms(goal->town, 1000);
    return goal->count(goal->connector) >= goal->wanted;
}

static bool reaches(struct goal goal)
{
    const bool reached = town_wait(is_reached, &goal) && goal.count(goal.connector) == goal.wanted;
    if (!reached)
        printf("[%llu, expected %llu]\n", (unsigned long long)goal.count(goal.connector),
               (unsigned long long)goal.wanted);
    return reached;
}

bool town_refuses(const struct town *town, int member, uint64_t count)
{
    return reaches((struct goal){NULL, town->members[member].connector, vain_mesh_refused, count});
}

bool town_refuses_in_time(struct town *town, int member, uint64_t count)
{
    return reaches((struct goal){town, town->members[member].connector, vain_mesh_refused, count});
}

bool town_establishes(const struct town *town, int member, uint64_t count)
{
    return reaches(
        (struct goal){NULL, town->members[member].connector, vain_mesh_established, count});
}

/* ---- streams --------------------------------------------------------------------------------- */

/* A byte, an end, or what went wrong. */
static enum vain_status read_byte(struct vain_stream *stream, uint8_t *byte)
{
    size_t got = 0;
    for (;;) {
        const enum vain_status status = stream->ops->read(stream, byte, 1, &got);
        if (status != VAIN_OK || got == 1)
            return status;
        struct pollfd wait = {.fd = -1};
        wait.fd = stream->ops->descriptor(stream, &wait.events);
        if (wait.events != 0 && poll(&wait, 1, TOWN_PATIENCE_MS) != 1)
            return VAIN_ERR_TIMEOUT;
    }
}

bool town_passes(struct vain_stream *from, struct vain_stream *to, uint8_t byte)
{
    size_t taken = 0;
    uint8_t back = (uint8_t)~byte;
    return from->ops->write(from, &byte, 1, &taken) == VAIN_OK && taken == 1 &&
           read_byte(to, &back) == VAIN_OK && back == byte;
}

enum vain_status town_end_of(struct vain_stream *stream)
{
    uint8_t byte;
    return read_byte(stream, &byte);
}

void town_hang_up(struct vain_stream **stream)
{
    if (*stream != NULL)
        (*stream)->ops->close(*stream);
    *stream = NULL;
}

/* ---- strangers ------------------------------------------------------------------------------- */

struct vain_link_host *town_stranger(struct town *town, struct vain_signer *signer)
{
    struct vain_link_host *host;
    const struct vain_link_config config = {.signer = signer, .world = &town->world};
    CU_ASSERT_EQUAL_FATAL(vain_link_host_open(&config, &host), VAIN_OK);
    return host;
}

enum vain_status town_dial(struct town *town, struct vain_link_host *host, int member,
                           uint16_t connection, struct vain_link **out)
{
    const char *address = vain_mesh_address(town->members[member].connector);
    CU_ASSERT_EQUAL_FATAL(
        vain_link_dial(host, address, town->members[member].signer.member_id, connection, out),
        VAIN_OK);
    for (;;) {
        const enum vain_status status = vain_link_step(*out);
        if (status != VAIN_AGAIN)
            return status;
        struct pollfd wait = {.fd = -1};
        wait.fd = vain_link_descriptor(*out, &wait.events);
        if (poll(&wait, 1, TOWN_PATIENCE_MS) != 1)
            return VAIN_ERR_TIMEOUT;
    }
}

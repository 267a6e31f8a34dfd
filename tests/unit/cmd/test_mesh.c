/* Mailbox streams of a mesh: who dials whom, again and again, and what the descriptor says. */
#include "cmd/mesh.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "p2p/address.h"
#include "tests/unit/cmd/town.h"
#include "tests/unit/suite.h"

static void members_meet_pairwise(void)
{
    struct town town;
    struct vain_stream *streams[3][3] = {{NULL}};
    town_open(&town, 3);
    town_enter_all(&town);
    for (int i = 0; i < 9; i++) {
        if (i / 3 != i % 3)
            streams[i / 3][i % 3] = town_mailbox(&town, i / 3, i % 3);
    }
    for (int i = 0; i < 9; i++) {
        if (i / 3 != i % 3)
            CU_ASSERT_TRUE(town_passes(streams[i / 3][i % 3], streams[i % 3][i / 3], (uint8_t)i));
    }
    for (int i = 0; i < 3; i++) {
        struct vain_stream *none;
        struct vain_connector *connector = town.members[i].connector;
        CU_ASSERT_EQUAL(connector->ops->take_mailbox(connector, (i + 1) % 3, &none), VAIN_AGAIN);
        CU_ASSERT_PTR_NULL(none);
        CU_ASSERT_FALSE(town_has_news(&town, i));
        CU_ASSERT_EQUAL(vain_mesh_established(connector), 2);
        CU_ASSERT_EQUAL(vain_mesh_refused(connector), 0);
        CU_ASSERT_STRING_EQUAL(connector->ops->trouble(connector, (i + 1) % 3), "");
    }
    for (int i = 0; i < 9; i++)
        town_hang_up(&streams[i / 3][i % 3]);
    town_close(&town);
}

/* `member` goes and comes back: the others notice, and all get new streams. */
static void come_back(int member)
{
    struct town town;
    struct vain_stream *before[3] = {NULL}, *after[3] = {NULL}, *own[3] = {NULL};
    town_open(&town, 3);
    town_enter_all(&town);
    for (int i = 0; i < 3; i++) {
        if (i == member)
            continue;
        before[i] = town_mailbox(&town, i, member);
        own[i] = town_mailbox(&town, member, i);
    }
    town_leave(&town, member);
    for (int i = 0; i < 3; i++)
        town_hang_up(&own[i]);
    for (int i = 0; i < 3; i++) {
        if (i == member)
            continue;
        struct vain_connector *connector = town.members[i].connector;
        CU_ASSERT_EQUAL(town_end_of(before[i]), VAIN_END);
        town_hang_up(&before[i]);
        connector->ops->lost_mailbox(connector, member);
    }
    town_enter(&town, member);
    for (int i = 0; i < 3; i++) {
        if (i == member)
            continue;
        after[i] = town_mailbox(&town, i, member);
        own[i] = town_mailbox(&town, member, i);
        CU_ASSERT_TRUE(town_passes(own[i], after[i], 1));
        CU_ASSERT_TRUE(town_passes(after[i], own[i], 2));
        town_hang_up(&own[i]);
        town_hang_up(&after[i]);
    }
    town_close(&town);
}

static void who_dials_comes_back(void)
{
    come_back(0);
}

static void who_is_dialled_comes_back(void)
{
    come_back(2);
}

/* Member 1 still has the old stream, and has not taken the one after it: the third counts. */
static void a_newer_one_replaces_what_was_not_taken(void)
{
    struct town town;
    town_open(&town, 2);
    town_enter_all(&town);
    struct vain_connector *first = town.members[0].connector;
    struct vain_stream *old = town_mailbox(&town, 1, 0), *own = town_mailbox(&town, 0, 1);
    for (int i = 0; i < 2; i++) {
        town_hang_up(&own);
        first->ops->lost_mailbox(first, 1);
        own = town_mailbox(&town, 0, 1);
    }
    CU_ASSERT_TRUE_FATAL(town_establishes(&town, 1, 3));
    CU_ASSERT_TRUE(town_has_news(&town, 1));
    struct vain_stream *newest = town_mailbox(&town, 1, 0);
    CU_ASSERT_TRUE(town_passes(own, newest, 7));
    CU_ASSERT_EQUAL(town_end_of(old), VAIN_END);
    CU_ASSERT_FALSE(town_has_news(&town, 1));
    town_hang_up(&old);
    town_hang_up(&own);
    town_hang_up(&newest);
    town_close(&town);
}

/* Nothing is dialled as long as the user has a stream, alive or not. */
static void nothing_is_made_before_it_is_lost(void)
{
    struct town town;
    town_open(&town, 2);
    town_enter_all(&town);
    struct vain_stream *own = town_mailbox(&town, 0, 1), *other = town_mailbox(&town, 1, 0);
    town_hang_up(&other);
    CU_ASSERT_EQUAL(town_end_of(own), VAIN_END);
    for (int i = 0; i < 3; i++)
        town_pass_ms(&town, 60000);
    CU_ASSERT_EQUAL(vain_mesh_established(town.members[0].connector), 1);
    struct vain_connector *first = town.members[0].connector;
    town_hang_up(&own);
    first->ops->lost_mailbox(first, 1);
    own = town_mailbox(&town, 0, 1);
    town_hang_up(&own);
    town_close(&town);
}

struct rumour {
    const struct vain_connector *connector;
    const char *part;
};

static bool is_told(void *context)
{
    const struct rumour *rumour = context;
    return strstr(rumour->connector->ops->trouble(rumour->connector, 1), rumour->part) != NULL;
}

/* The first address is of somebody who has left, the second is right. */
static void addresses_are_tried_in_turn(void)
{
    struct town town;
    char gone[VAIN_LINK_ADDRESS_BYTES];
    town_open(&town, 2);
    town_enter(&town, 1);
    snprintf(gone, sizeof gone, "%s", vain_mesh_address(town.members[1].connector));
    town_leave(&town, 1);
    town_enter(&town, 0);
    struct vain_connector *first = town.members[0].connector;
    CU_ASSERT_TRUE(town_wait(is_told, &(struct rumour){first, "no address of it is known"}));
    const char *const wrong[] = {gone};
    CU_ASSERT_EQUAL(vain_mesh_set_addresses(first, 1, wrong, 1), VAIN_OK);
    CU_ASSERT_TRUE(town_wait(is_told, &(struct rumour){first, gone}));
    town_enter(&town, 1);
    struct vain_connector *second = town.members[1].connector;
    CU_ASSERT_PTR_NOT_NULL(strstr(second->ops->trouble(second, 0), "it dials this member"));
    const char *const both[] = {gone, vain_mesh_address(town.members[1].connector)};
    CU_ASSERT_EQUAL(vain_mesh_set_addresses(first, 1, both, 2), VAIN_OK);
    struct vain_stream *stream = town_mailbox(&town, 0, 1);
    CU_ASSERT_STRING_EQUAL(first->ops->trouble(first, 1), "");
    town_hang_up(&stream);
    town_close(&town);
}

/* A name service that answers when it is told to. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool answers;
    int asked;
    char address[VAIN_LINK_ADDRESS_BYTES];
} service = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static enum vain_status slow_look_up(const char *text, bool names, struct vain_addresses *out)
{
    (void)text;
    (void)names;
    pthread_mutex_lock(&service.lock);
    service.asked++;
    pthread_cond_broadcast(&service.changed);
    while (!service.answers)
        pthread_cond_wait(&service.changed, &service.lock);
    const enum vain_status status = vain_address_resolve(service.address, false, out);
    pthread_mutex_unlock(&service.lock);
    return status;
}

static void let_the_service(bool answer, const char *address)
{
    pthread_mutex_lock(&service.lock);
    service.answers = answer;
    snprintf(service.address, sizeof service.address, "%s", address);
    pthread_cond_broadcast(&service.changed);
    pthread_mutex_unlock(&service.lock);
}

/* Member 0 dials both others; the name of one is not answered for. */
static void a_name_without_an_answer_holds_nobody_up(void)
{
    static const char *const name[] = {"ben.example.org:4000"};
    struct town town;
    service.asked = 0;
    let_the_service(false, "");
    town_open(&town, 3);
    town.look_up = slow_look_up;
    town_enter(&town, 0);
    struct vain_connector *first = town.members[0].connector;
    CU_ASSERT_EQUAL(vain_mesh_set_addresses(first, 1, name, 1), VAIN_OK);
    pthread_mutex_lock(&service.lock);
    while (service.asked == 0)
        pthread_cond_wait(&service.changed, &service.lock);
    pthread_mutex_unlock(&service.lock);
    town_enter(&town, 2);
    struct vain_stream *there = town_mailbox(&town, 0, 2), *back = town_mailbox(&town, 2, 0);
    CU_ASSERT_TRUE(town_passes(there, back, 5));

    town_enter(&town, 1);
    CU_ASSERT_EQUAL(vain_mesh_set_addresses(first, 1, name, 1), VAIN_OK);
    let_the_service(true, vain_mesh_address(town.members[1].connector));
    struct vain_stream *named = town_mailbox(&town, 0, 1);
    CU_ASSERT_PTR_NOT_NULL(named);
    pthread_mutex_lock(&service.lock);
    CU_ASSERT_EQUAL(service.asked, 1);
    pthread_mutex_unlock(&service.lock);
    town_hang_up(&named);
    town_hang_up(&there);
    town_hang_up(&back);
    town_close(&town);
}

static void streams_outlive_the_mesh(void)
{
    struct town town;
    town_open(&town, 2);
    town_enter_all(&town);
    struct vain_stream *one = town_mailbox(&town, 0, 1), *other = town_mailbox(&town, 1, 0);
    town_close(&town);
    CU_ASSERT_TRUE(town_passes(one, other, 3));
    CU_ASSERT_TRUE(town_passes(other, one, 4));
    town_hang_up(&one);
    CU_ASSERT_EQUAL(town_end_of(other), VAIN_END);
    town_hang_up(&other);
}

/* ---- configurations -------------------------------------------------------------------------- */

static enum vain_status open_with(struct town *town, int second, int own, const char *listen,
                                  int address_count, struct vain_connector **out)
{
    static const char *const addresses[VAIN_MESH_ADDRESSES_MAX + 1] = {"127.0.0.1:1"};
    const struct vain_mesh_member list[] = {
        {"anna", town->members[0].signer.member_id, NULL, 0},
        {"ben", town->members[second].signer.member_id, addresses, address_count}};
    const struct vain_mesh_config config = {.signer = &town->members[0].signer,
                                            .world = &town->world,
                                            .members = list,
                                            .member_count = 2,
                                            .own = own,
                                            .listen = listen};
    return vain_mesh_open(&config, out);
}

static void wrong_configurations_are_refused(void)
{
    static char longest[200];
    struct town town;
    struct vain_connector *mesh;
    town_open(&town, 2);
    CU_ASSERT_EQUAL(open_with(&town, 0, 0, NULL, 1, &mesh), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "anna and ben have one id"));
    CU_ASSERT_EQUAL(open_with(&town, 1, 1, NULL, 1, &mesh), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "not that of the key"));
    CU_ASSERT_EQUAL(open_with(&town, 1, 0, "4000", 1, &mesh), VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(open_with(&town, 1, 0, "host:65536", 1, &mesh), VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(open_with(&town, 1, 0, "192.0.2.1:0", 1, &mesh), VAIN_ERR_UNAVAILABLE);
    CU_ASSERT_EQUAL(open_with(&town, 1, 0, NULL, VAIN_MESH_ADDRESSES_MAX + 1, &mesh),
                    VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "5 addresses, expected at most 4"));
    CU_ASSERT_PTR_NULL(mesh);
    CU_ASSERT_EQUAL_FATAL(open_with(&town, 1, 0, NULL, 1, &mesh), VAIN_OK);
    CU_ASSERT_STRING_EQUAL(vain_mesh_address(mesh), "");
    memset(longest, 'a', sizeof longest - 1);
    const char *address = longest;
    CU_ASSERT_EQUAL(vain_mesh_set_addresses(mesh, 1, &address, 1), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "199 characters"));
    mesh->ops->close(mesh);
    town_close(&town);
}

/* A name is not looked up to listen: it may be another machine's. */
static void a_name_listens_everywhere(void)
{
    struct town town;
    struct vain_connector *mesh;
    town_open(&town, 2);
    CU_ASSERT_EQUAL_FATAL(open_with(&town, 1, 0, "node-1.example.org:0", 1, &mesh), VAIN_OK);
    const char *bound = vain_mesh_address(mesh);
    CU_ASSERT_TRUE(strncmp(bound, "[::]:", 5) == 0 || strncmp(bound, "0.0.0.0:", 8) == 0);
    mesh->ops->close(mesh);
    town_close(&town);
}

static const struct vain_test tests[] = {
    {"three members meet pairwise", members_meet_pairwise},
    {"who dials comes back to new streams", who_dials_comes_back},
    {"who is dialled comes back to new streams", who_is_dialled_comes_back},
    {"a newer stream replaces what was not taken", a_newer_one_replaces_what_was_not_taken},
    {"nothing is made before it is lost", nothing_is_made_before_it_is_lost},
    {"addresses are tried in turn", addresses_are_tried_in_turn},
    {"a name without an answer holds nobody up", a_name_without_an_answer_holds_nobody_up},
    {"streams outlive the mesh", streams_outlive_the_mesh},
    {"wrong configurations are refused", wrong_configurations_are_refused},
    {"a name listens everywhere", a_name_listens_everywhere},
    {NULL, NULL},
};
const struct vain_suite vain_suite_mesh = {"cmd/mesh", tests};

#include "tests/unit/p2p/pair.h"

#include <CUnit/CUnit.h>
#include <poll.h>
#include <string.h>

enum { STEPS_MAX = 100000, ENDS_MAX = 8, PATIENCE_MS = 20000 };

void side_open(struct side *side, int number, const char *allowed, int half_open_max)
{
    uint8_t ids[9][VAIN_HASH_BYTES];
    int count = 0;
    for (; allowed[count] != '\0'; count++) {
        struct vain_signer other;
        bed_signer(allowed[count] - '0', &other);
        memcpy(ids[count], other.member_id, VAIN_HASH_BYTES);
    }
    side->world = bed_world(&side->clock);
    bed_signer(number, &side->signer);
    const struct vain_link_config config = {.signer = &side->signer,
                                            .world = &side->world,
                                            .allowed = ids[0],
                                            .allowed_count = count,
                                            .half_open_max = half_open_max};
    CU_ASSERT_EQUAL_FATAL(vain_link_host_open(&config, &side->host), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(vain_link_listen(side->host, "127.0.0.1:0", side->address), VAIN_OK);
}

void side_close(struct side *side)
{
    vain_link_host_close(&side->host);
    vain_signer_close(&side->signer);
    vain_fail_clear();
}

void side_pass_ms(struct side *side, int64_t ms)
{
    side->clock.now_ns += (uint64_t)ms * 1000000;
    side->clock.unix_ms += ms;
}

uint64_t side_refused(const struct side *side, enum vain_link_refusal refusal)
{
    return vain_link_host_counts(side->host)->refused[refusal];
}

/* ---- Stepping ------------------------------------------------------------------------------- */

static enum vain_status step_link(void *context)
{
    return vain_link_step(context);
}

static int link_descriptor(void *context, short *events)
{
    return vain_link_descriptor(context, events);
}

struct end end_of_link(struct vain_link *link)
{
    return (struct end){
        .step = step_link, .descriptor = link_descriptor, .context = link, .status = VAIN_AGAIN};
}

/* Waits until one of those that go on can move; false if none can. */
static bool wait_for_any(const struct end *ends, int count)
{
    struct pollfd waits[ENDS_MAX];
    int open = 0;
    CU_ASSERT_FATAL(count <= ENDS_MAX);
    for (int i = 0; i < count; i++) {
        if (ends[i].status != VAIN_AGAIN)
            continue;
        waits[open].fd = ends[i].descriptor(ends[i].context, &waits[open].events);
        open++;
    }
    return open > 0 && poll(waits, (nfds_t)open, PATIENCE_MS) > 0;
}

void step_all(struct end *ends, int count)
{
    for (int step = 0; step < STEPS_MAX; step++) {
        for (int i = 0; i < count; i++) {
            if (ends[i].status == VAIN_AGAIN)
                ends[i].status = ends[i].step(ends[i].context);
        }
        if (!wait_for_any(ends, count))
            return;
    }
    CU_FAIL("the ends never come to rest");
}

struct vain_link *accept_one(struct side *side)
{
    struct vain_link *link = NULL;
    struct pollfd wait = {.fd = vain_link_listener(side->host), .events = POLLIN};
    CU_ASSERT_EQUAL(poll(&wait, 1, PATIENCE_MS), 1);
    CU_ASSERT_EQUAL_FATAL(vain_link_accept(side->host, &link), VAIN_OK);
    return link;
}

/* ---- Pairs ---------------------------------------------------------------------------------- */

void pair_open(struct pair *pair)
{
    *pair = (struct pair){0};
    side_open(&pair->one, 1, "23", 0);
    side_open(&pair->two, 2, "1", 0);
}

bool pair_connect(struct pair *pair, const char *address, uint16_t connection)
{
    CU_ASSERT_EQUAL_FATAL(vain_link_dial(pair->two.host,
                                         address == NULL ? pair->one.address : address,
                                         pair->one.signer.member_id, connection, &pair->dialled),
                          VAIN_OK);
    CU_ASSERT_EQUAL(vain_link_step(pair->dialled), VAIN_AGAIN);
    pair->accepted = accept_one(&pair->one);
    struct end ends[] = {end_of_link(pair->dialled), end_of_link(pair->accepted)};
    step_all(ends, 2);
    return ends[0].status == VAIN_OK && ends[1].status == VAIN_OK;
}

void pair_close(struct pair *pair)
{
    vain_link_close(&pair->dialled);
    vain_link_close(&pair->accepted);
    side_close(&pair->one);
    side_close(&pair->two);
}

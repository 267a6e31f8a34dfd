#include "tests/unit/collectives/boxes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/collectives/puppets.h"
#include "tests/unit/suite.h"

enum { GUARD_BYTES = 64, GUARD = 0xee, QUIET_TURNS = 100, TESTS_MAX = 400000 };

void box_make(struct box *box, size_t bytes)
{
    *box = (struct box){.bytes = bytes, .data = malloc(bytes + GUARD_BYTES)};
    CU_ASSERT_PTR_NOT_NULL_FATAL(box->data);
    memset(box->data, GUARD, bytes + GUARD_BYTES);
}

bool box_is_untouched(const unsigned char *data, size_t bytes)
{
    size_t same = 0;
    while (same < bytes && data[same] == GUARD)
        same++;
    return same == bytes;
}

void box_drop(struct box *box)
{
    CU_ASSERT_TRUE(box_is_untouched(box->data + box->bytes, GUARD_BYTES));
    free(box->data);
    box->data = NULL;
}

void box_post_receive(struct vain_comm *comm, int peer, uint32_t tag, size_t bytes, struct box *box)
{
    box_make(box, bytes);
    CU_ASSERT_EQUAL(comm->ops->post_receive(comm, peer, tag, box->data, bytes, &box->request),
                    VAIN_OK);
}

void box_post_send(struct vain_comm *comm, int peer, uint32_t tag, size_t bytes, unsigned seed,
                   struct box *box)
{
    box_make(box, bytes);
    for (size_t i = 0; i < bytes; i++)
        box->data[i] = puppets_byte(seed, i);
    CU_ASSERT_EQUAL(comm->ops->post_send(comm, peer, tag, box->data, bytes, &box->request),
                    VAIN_OK);
}

bool box_is_open(struct box *box)
{
    struct vain_comm *comm = box->request.comm;
    VAIN_ASSERT(comm != NULL);
    for (int i = 0; i < QUIET_TURNS; i++)
        comm->ops->wait(comm, 0);
    return comm->ops->test(&box->request) == VAIN_AGAIN;
}

enum vain_status box_finish(struct box *box)
{
    const struct vain_comm *comm = box->request.comm;
    enum vain_status status = VAIN_AGAIN;
    VAIN_ASSERT(comm != NULL);
    for (int i = 0; i < TESTS_MAX && status == VAIN_AGAIN; i++)
        status = comm->ops->test(&box->request);
    return status;
}

void box_check_arrives(struct box *box, unsigned seed)
{
    int wrong = 0;
    CU_ASSERT_EQUAL_FATAL(box_finish(box), VAIN_OK);
    for (size_t i = 0; i < box->bytes; i++)
        wrong += box->data[i] != puppets_byte(seed, i);
    CU_ASSERT_EQUAL(wrong, 0);
    box_drop(box);
}

void box_check_leaves(struct box *box)
{
    CU_ASSERT_EQUAL_FATAL(box_finish(box), VAIN_OK);
    box_drop(box);
}

void box_check_fails(struct box *box, const char *why)
{
    CU_ASSERT_EQUAL_FATAL(box_finish(box), VAIN_ERR_PEER);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), why));
    if (strstr(vain_fail_message(), why) == NULL)
        printf("\n    expected \"%s\", came \"%s\"\n", why, vain_fail_message());
    box_drop(box);
}

/* Stop requests over a transport. */
#include <sched.h>
#include <string.h>

#include "collectives/control.h"
#include "tests/mpi/ranks.h"

/* Polls until a word is heard that is at least `wanted`. */
static int32_t hear(struct ranks *ranks, struct vain_control *control,
                    enum vain_control_word wanted)
{
    enum vain_control_word word = VAIN_CONTROL_NONE;
    int32_t signal_number = 0;
    while (word < wanted) {
        EXPECT_OK(ranks, vain_control_poll(control, &word, &signal_number));
        sched_yield();
        if (ranks->failure[0] != '\0')
            break;
    }
    EXPECT(ranks, word == wanted);
    return signal_number;
}

static void everybody_hears_a_word(struct ranks *ranks)
{
    struct vain_comm *comm = &ranks->comm;
    struct vain_control *control = NULL;
    enum vain_control_word word;
    int32_t signal_number;
    const int speaker = comm->size - 1;
    EXPECT_OK(ranks, vain_control_open(comm, &control));
    for (int i = 0; i < 100; i++) {
        EXPECT_OK(ranks, vain_control_poll(control, &word, &signal_number));
        EXPECT(ranks, word == VAIN_CONTROL_NONE);
        EXPECT(ranks, signal_number == 0);
    }
    EXPECT_OK(ranks, vain_comm_barrier(comm, &ranks->world, 0));
    if (comm->rank == speaker) {
        for (int i = 0; i < 3; i++)
            EXPECT_OK(ranks, vain_control_say(control, VAIN_CONTROL_ASK, 15));
    } else {
        EXPECT(ranks, hear(ranks, control, VAIN_CONTROL_ASK) == 15);
    }
    EXPECT_OK(ranks, vain_comm_barrier(comm, &ranks->world, 0));
    if (comm->rank == speaker) {
        EXPECT_OK(ranks, vain_control_say(control, VAIN_CONTROL_OUTSIDE, 12));
        EXPECT_OK(ranks, vain_control_poll(control, &word, &signal_number));
        EXPECT(ranks, word == VAIN_CONTROL_NONE); /* nobody hears oneself */
    } else {
        EXPECT(ranks, hear(ranks, control, VAIN_CONTROL_OUTSIDE) == 15);
    }
    EXPECT_OK(ranks, vain_comm_barrier(comm, &ranks->world, 0));
    vain_control_close(&control);
    EXPECT(ranks, control == NULL);
    vain_control_close(&control);
}

/* All speak at once, and nobody waits for anybody. */
static void all_may_speak(struct ranks *ranks)
{
    struct vain_comm *comm = &ranks->comm;
    struct vain_control *control = NULL;
    EXPECT_OK(ranks, vain_control_open(comm, &control));
    EXPECT_OK(ranks, vain_control_say(control, VAIN_CONTROL_ASK, 10));
    EXPECT_OK(ranks, vain_control_say(control, VAIN_CONTROL_OUTSIDE, 10));
    if (comm->size > 1)
        EXPECT(ranks, hear(ranks, control, VAIN_CONTROL_OUTSIDE) == 10);
    EXPECT_OK(ranks, vain_comm_barrier(comm, &ranks->world, 0));
    vain_control_close(&control);
}

static void a_word_of_no_meaning_is_refused(struct ranks *ranks)
{
    struct vain_comm *comm = &ranks->comm;
    struct vain_control *control = NULL;
    struct vain_request request = {0};
    static const uint8_t nonsense[8] = {9};
    enum vain_control_word word;
    int32_t signal_number;
    if (comm->size == 1)
        return;
    EXPECT_OK(ranks, vain_control_open(comm, &control));
    if (comm->rank == 0) {
        EXPECT_OK(ranks, comm->ops->post_send(comm, 1, VAIN_TAG_CONTROL, nonsense, sizeof nonsense,
                                              &request));
        EXPECT_OK(ranks, vain_request_wait(&request, &ranks->world, 0, "nonsense"));
    } else if (comm->rank == 1) {
        enum vain_status status = VAIN_OK;
        while (status == VAIN_OK) {
            status = vain_control_poll(control, &word, &signal_number);
            sched_yield();
        }
        EXPECT(ranks, status == VAIN_ERR_PEER);
        EXPECT(ranks, strstr(vain_fail_message(), "rank 0 sent stop word 9") != NULL);
    }
    EXPECT_OK(ranks, vain_comm_barrier(comm, &ranks->world, 0));
    vain_control_close(&control);
}

static void an_abort_reaches_the_poll(struct ranks *ranks)
{
    struct vain_comm *comm = &ranks->comm;
    struct vain_control *control = NULL;
    enum vain_control_word word;
    int32_t signal_number;
    if (comm->size == 1)
        return;
    /* Rank 0 is open before it aborts; another one may find it done already. */
    enum vain_status status = vain_control_open(comm, &control);
    EXPECT(ranks, status == VAIN_OK || (status == VAIN_ERR_PEER && comm->rank > 0));
    EXPECT(ranks, (status == VAIN_OK) == (control != NULL));
    if (comm->rank == 0)
        comm->ops->abort(comm);
    while (status == VAIN_OK) {
        status = vain_control_poll(control, &word, &signal_number);
        sched_yield();
    }
    EXPECT(ranks, status == VAIN_ERR_PEER);
    vain_control_close(&control);
}

const struct ranks_case control_cases[] = {
    {"control: everybody hears a word, once", everybody_hears_a_word},
    {"control: all may speak at once", all_may_speak},
    {"control: a word of no meaning is refused", a_word_of_no_meaning_is_refused},
    {"control: an abort reaches the poll", an_abort_reaches_the_poll},
    {NULL, NULL},
};

/* Stop requests: one receive kept open to every other rank, two words at most to each.
 *
 * Messages are 8 bytes, little-endian: u32 word | i32 signal. A rank says each word at most once
 * and sends them in rising order, so two sends a peer are all that can be open; *outside* need not
 * be preceded by *ask*. What is still open when the control is closed belongs to the communicator
 * from then on. */
#include "collectives/control.h"

#include <string.h>

#include "base/cursor.h"
#include "base/memory.h"

enum { MESSAGE_BYTES = 8, WORDS = 2 };

/* One block, so that vain_comm_keep can take it whole. */
struct control_wire {
    void *kept_next; /* first: vain_comm_keep's */
    uint8_t said[WORDS][MESSAGE_BYTES];
    struct {
        struct vain_request receive, sends[WORDS];
        uint8_t heard[MESSAGE_BYTES];
        int words_heard;
    } peers[];
};

struct vain_control {
    struct vain_comm *comm;    /* borrowed */
    struct control_wire *wire; /* owned */
    bool said[WORDS];
    enum vain_control_word strongest;
    int32_t signal_number; /* of the first word heard */
};

static enum vain_status listen(struct vain_control *control, int peer)
{
    struct vain_comm *comm = control->comm;
    return comm->ops->post_receive(comm, peer, VAIN_TAG_CONTROL, control->wire->peers[peer].heard,
                                   MESSAGE_BYTES, &control->wire->peers[peer].receive);
}

enum vain_status vain_control_open(struct vain_comm *comm, struct vain_control **out)
{
    struct vain_control *control = NULL;
    enum vain_status status;
    *out = NULL;
    VAIN_TRY(vain_take(sizeof *control, "control", (void **)&control));
    control->comm = comm;
    VAIN_TRY_OUT(
        vain_take(sizeof *control->wire + (size_t)comm->size * sizeof control->wire->peers[0],
                  "control messages", (void **)&control->wire));
    for (int peer = 0; peer < comm->size; peer++) {
        if (peer != comm->rank)
            VAIN_TRY_OUT(listen(control, peer));
    }
    *out = control;
    return VAIN_OK;
out:
    vain_control_close(&control);
    return status;
}

enum vain_status vain_control_say(struct vain_control *control, enum vain_control_word word,
                                  int32_t signal_number)
{
    VAIN_ASSERT(word == VAIN_CONTROL_ASK || word == VAIN_CONTROL_OUTSIDE);
    struct vain_comm *comm = control->comm;
    const int slot = (int)word - 1;
    if (control->said[slot])
        return VAIN_OK;
    control->said[slot] = true;
    struct vain_writer writer;
    vain_writer_init(&writer, control->wire->said[slot], MESSAGE_BYTES);
    vain_write_u32(&writer, (uint32_t)word);
    vain_write_u32(&writer, (uint32_t)signal_number);
    for (int step = 1; step < comm->size; step++) {
        const int peer = (comm->rank + step) % comm->size;
        VAIN_TRY(comm->ops->post_send(comm, peer, VAIN_TAG_CONTROL, control->wire->said[slot],
                                      MESSAGE_BYTES, &control->wire->peers[peer].sends[slot]));
    }
    return VAIN_OK;
}

static enum vain_status hear(struct vain_control *control, int peer)
{
    struct vain_reader reader;
    vain_reader_init(&reader, control->wire->peers[peer].heard, MESSAGE_BYTES);
    const uint32_t word = vain_read_u32(&reader);
    const int32_t signal_number = (int32_t)vain_read_u32(&reader);
    if (word != VAIN_CONTROL_ASK && word != VAIN_CONTROL_OUTSIDE)
        return vain_fail(VAIN_ERR_PEER, "rank %d sent stop word %u, expected %d or %d", peer, word,
                         VAIN_CONTROL_ASK, VAIN_CONTROL_OUTSIDE);
    if (control->strongest == VAIN_CONTROL_NONE)
        control->signal_number = signal_number;
    if ((int)word > (int)control->strongest)
        control->strongest = (enum vain_control_word)word;
    /* Nothing follows *outside*, nor a second word: do not listen for ever. */
    if (++control->wire->peers[peer].words_heard < WORDS && word != VAIN_CONTROL_OUTSIDE)
        return listen(control, peer);
    return VAIN_OK;
}

enum vain_status vain_control_poll(struct vain_control *control, enum vain_control_word *word,
                                   int32_t *signal_number)
{
    *word = control->strongest;
    *signal_number = control->signal_number;
    for (int peer = 0; peer < control->comm->size; peer++) {
        struct vain_request *receive = &control->wire->peers[peer].receive;
        for (int slot = 0; slot < WORDS; slot++) {
            struct vain_request *send = &control->wire->peers[peer].sends[slot];
            if (send->comm != NULL && send->comm->ops->test(send) < 0)
                return VAIN_ERR_PEER;
        }
        while (receive->comm != NULL) {
            const enum vain_status status = receive->comm->ops->test(receive);
            if (status == VAIN_AGAIN)
                break;
            VAIN_TRY(status);
            VAIN_TRY(hear(control, peer));
        }
    }
    *word = control->strongest;
    *signal_number = control->signal_number;
    return VAIN_OK;
}

void vain_control_close(struct vain_control **control)
{
    if (*control == NULL)
        return;
    if ((*control)->wire != NULL)
        vain_comm_keep((*control)->comm, (*control)->wire);
    vain_release(*control);
    *control = NULL;
}

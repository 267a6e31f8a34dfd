#include "tests/unit/jobs/letter_liar.h"

#include <stdatomic.h>
#include <string.h>

#include "collectives/assembly.h"
#include "jobs/members_state.h"

enum { MEMBERS = 4 };

static _Thread_local enum letter_lie lie;
static _Thread_local int told[MEMBERS]; /* how often each was told too much */
static _Thread_local int unread;        /* letters since the last tick */
static atomic_int most_read;

void letter_liar_begin(enum letter_lie what)
{
    lie = what;
    memset(told, 0, sizeof told);
}

int letter_liar_most_read(void)
{
    return atomic_exchange(&most_read, 0);
}

/* ---- what is read, which the linker puts in the way (--wrap) --------------------------------- */

void __real_vain_assembly_letter(struct vain_assembly *assembly, int member, uint16_t kind,
                                 const uint8_t *body, size_t bytes);
void __wrap_vain_assembly_letter(struct vain_assembly *assembly, int member, uint16_t kind,
                                 const uint8_t *body, size_t bytes);
void __real_vain_assembly_tick(struct vain_assembly *assembly, uint64_t now_ms);
void __wrap_vain_assembly_tick(struct vain_assembly *assembly, uint64_t now_ms);

void __wrap_vain_assembly_letter(struct vain_assembly *assembly, int member, uint16_t kind,
                                 const uint8_t *body, size_t bytes)
{
    unread++;
    __real_vain_assembly_letter(assembly, member, kind, body, bytes);
}

void __wrap_vain_assembly_tick(struct vain_assembly *assembly, uint64_t now_ms)
{
    int most = atomic_load(&most_read);
    while (unread > most && !atomic_compare_exchange_weak(&most_read, &most, unread))
        continue;
    unread = 0;
    __real_vain_assembly_tick(assembly, now_ms);
}

/* ---- what is sent ---------------------------------------------------------------------------- */

/* Of other attempts than its position, with signatures of nobody. */
static void send_acks(struct vain_mailbox *mailbox, int member, const uint8_t *position,
                      letter_liar_send send)
{
    uint8_t ack[VAIN_ACK_BYTES] = {0};
    if (told[member]++ >= LETTER_LIAR_TIMES)
        return;
    memcpy(ack, position, 8 + 8 + 4);
    for (int i = 0; i < LETTER_LIAR_SOME; i++) {
        ack[16]++;
        (void)send(mailbox, member, VAIN_LETTER_ACK, ack, sizeof ack);
    }
}

/* As if others had cast its vote; their signatures do not fit. */
static void send_votes_of_others(struct vain_mailbox *mailbox, int member, const void *body,
                                 size_t bytes, letter_liar_send send)
{
    uint8_t other[VAIN_VOTE_BYTES];
    VAIN_ASSERT(bytes == sizeof other);
    memcpy(other, body, bytes);
    const int own = other[22];
    for (int i = 0; i < LETTER_LIAR_SOME; i++) {
        other[22] = (uint8_t)((own + 1 + i % (MEMBERS - 1)) % MEMBERS);
        (void)send(mailbox, member, VAIN_LETTER_VOTE, other, bytes);
    }
}

static void send_many(struct vain_mailbox *mailbox, int member, const void *body, size_t bytes,
                      letter_liar_send send)
{
    if (told[member]++ > 0)
        return;
    for (int i = 0; i < LETTER_LIAR_MANY; i++)
        (void)send(mailbox, member, VAIN_LETTER_POSITION, body, bytes);
}

/* Of every dealer, and of some that there are not. */
static void disclose_wrongly(struct vain_mailbox *mailbox, int member, const void *body,
                             size_t bytes, letter_liar_send send)
{
    uint8_t other[VAIN_OPEN_LETTER_BYTES];
    VAIN_ASSERT(bytes == sizeof other);
    memcpy(other, body, bytes);
    other[bytes - 2] ^= 1;
    for (int i = 0; i < LETTER_LIAR_SOME; i++) {
        other[22] = (uint8_t)(i % (2 * MEMBERS));
        (void)send(mailbox, member, VAIN_LETTER_OPEN, other, bytes);
    }
}

void letter_liar_adds(struct vain_mailbox *mailbox, int member, uint16_t kind, const void *body,
                      size_t bytes, letter_liar_send send)
{
    static const char spec[] = "train:\n  batch: 3 \x1b[2J\n";
    if (lie == LETTER_LIE_ACKS && kind == VAIN_LETTER_POSITION)
        send_acks(mailbox, member, body, send);
    if (lie == LETTER_LIE_OTHERS && kind == VAIN_LETTER_VOTE)
        send_votes_of_others(mailbox, member, body, bytes, send);
    if (lie == LETTER_LIE_MANY && kind == VAIN_LETTER_POSITION)
        send_many(mailbox, member, body, bytes, send);
    if (lie == LETTER_LIE_OPEN && kind == VAIN_LETTER_OPEN)
        disclose_wrongly(mailbox, member, body, bytes, send);
    if (lie == LETTER_LIE_SPEC && kind == VAIN_LETTER_HELLO && told[member]++ < LETTER_LIAR_TIMES)
        (void)send(mailbox, member, VAIN_LETTER_SPEC, spec, sizeof spec - 1);
}

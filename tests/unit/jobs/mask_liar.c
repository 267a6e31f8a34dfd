#include "tests/unit/jobs/mask_liar.h"

#include "collectives/mailbox.h"
#include "collectives/opening.h"
#include "collectives/own_mask.h"
#include "tests/unit/jobs/fetch_spoiler.h"
#include "tests/unit/jobs/letter_count.h"
#include "tests/unit/jobs/letter_liar.h"
#include "tests/unit/jobs/state_liar.h"

static _Thread_local bool loses;

void mask_liar_begin(void)
{
    loses = true;
}

/* The linker puts these in the way (--wrap). */
void __real_vain_own_mask_share(const struct vain_own_mask *own, int index,
                                struct vain_scalar *out);
void __wrap_vain_own_mask_share(const struct vain_own_mask *own, int index,
                                struct vain_scalar *out);
enum vain_status __real_vain_mailbox_send(struct vain_mailbox *mailbox, int member, uint16_t kind,
                                          const void *body, size_t bytes);
enum vain_status __wrap_vain_mailbox_send(struct vain_mailbox *mailbox, int member, uint16_t kind,
                                          const void *body, size_t bytes);

bool __real_vain_opening_take_secret(struct vain_opening *opening, int dealer,
                                     const uint8_t *secret);
bool __wrap_vain_opening_take_secret(struct vain_opening *opening, int dealer,
                                     const uint8_t *secret);

void __wrap_vain_own_mask_share(const struct vain_own_mask *own, int index, struct vain_scalar *out)
{
    struct vain_scalar one;
    __real_vain_own_mask_share(own, index, out);
    vain_scalar_of_number(1, &one);
    if (loses)
        vain_scalar_add(out, &one, out);
}

enum vain_status __wrap_vain_mailbox_send(struct vain_mailbox *mailbox, int member, uint16_t kind,
                                          const void *body, size_t bytes)
{
    letter_liar_adds(mailbox, member, kind, body, bytes, __real_vain_mailbox_send);
    letter_count_note(kind, bytes);
    return loses && kind == VAIN_LETTER_OPEN
               ? VAIN_OK
               : __real_vain_mailbox_send(mailbox, member, kind,
                                          state_liar_writes(member, kind, body, bytes),
                                          fetch_spoiler_writes(kind, bytes));
}

bool __wrap_vain_opening_take_secret(struct vain_opening *opening, int dealer,
                                     const uint8_t *secret)
{
    return loses || __real_vain_opening_take_secret(opening, dealer, secret);
}

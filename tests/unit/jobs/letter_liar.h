/* A member whose letters are too many, or are none: of the thread that begins it. And how many
 * letters of the assembly any member reads before its assembly is told the time. */
#pragma once

#include "collectives/mailbox.h"

enum letter_lie {
    LETTER_LIE_NONE,
    LETTER_LIE_MANY,   /* with its first position to somebody thousands of the same */
    LETTER_LIE_ACKS,   /* with its first positions acks that it has not signed */
    LETTER_LIE_OTHERS, /* with its votes those of others, which they have not signed */
    LETTER_LIE_OPEN,   /* it discloses, again and again, what was not dealt */
    LETTER_LIE_SPEC    /* on new streams it sends another spec first */
};
enum { LETTER_LIAR_MANY = 3000, LETTER_LIAR_SOME = 40, LETTER_LIAR_TIMES = 3 };

void letter_liar_begin(enum letter_lie lie);
/* What it sends beside this letter, through `send`. */
typedef enum vain_status (*letter_liar_send)(struct vain_mailbox *mailbox, int member,
                                             uint16_t kind, const void *body, size_t bytes);
void letter_liar_adds(struct vain_mailbox *mailbox, int member, uint16_t kind, const void *body,
                      size_t bytes, letter_liar_send send);
/* The most letters between two ticks of one member since the last call. */
int letter_liar_most_read(void);

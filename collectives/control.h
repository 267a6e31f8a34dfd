/* Stop requests between members: a signal at any rank stops all of them at the next step, without a
 * message in the normal case.
 *
 * Each member keeps one small receive open to every other. A member that was signalled *asks* all
 * others. A member that has stopped outside an exchange says so (*outside*): the exchange of that
 * round cannot form then, and those who wait in its first phase leave it. A member inside an
 * exchange whose members are all there finishes it first. So all members save the same round:
 *
 *     - who is outside after round r - 1 has finished it and never sends its context of round r, so
 *       nobody sees all contexts of round r, so nobody gets past its first phase;
 *     - who hears *outside* in that first phase is in round r and no other: to finish r - 1 the
 *       speaker needed everybody's words of r - 1.
 *
 * The sender of a word may be asked to say it twice (the handler is level-triggered); it travels
 * once. */
#pragma once

#include "base/limits.h"
#include "collectives/transport.h"

enum vain_control_word { VAIN_CONTROL_NONE = 0, VAIN_CONTROL_ASK = 1, VAIN_CONTROL_OUTSIDE = 2 };

struct vain_control;
/* Collective in effect: all ranks of `comm` (borrowed) open one. Gives the control. */
enum vain_status vain_control_open(struct vain_comm *comm, struct vain_control **out) VAIN_MUST_USE;
/* Local, never blocks: tell all others; saying the same word twice is silent. */
enum vain_status vain_control_say(struct vain_control *control, enum vain_control_word word,
                                  int32_t signal_number) VAIN_MUST_USE;
/* Local, never blocks: the strongest word heard so far and the signal behind the first one heard; 0
 * if there was none. VAIN_ERR_PEER if the communicator was aborted or a message made no sense. */
enum vain_status vain_control_poll(struct vain_control *control, enum vain_control_word *word,
                                   int32_t *signal_number) VAIN_MUST_USE;
/* Before `comm` is closed. */
void vain_control_close(struct vain_control **control);

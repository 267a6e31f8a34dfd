/* A member that makes sums be lost: it deals shares of its own mask that fit for nobody, and gives
 * out nothing of any mask, nor takes what others give. Of the thread that begins it, until the
 * thread ends. */
#pragma once

void mask_liar_begin(void);

/* A shortage of memory on purpose: calls of vain_take and vain_take_array in the code under test go
 * through here, by the linker's --wrap. Threads must not take memory meanwhile. */
#pragma once

/* The next `takes` succeed, all later ones fail, until shortage_end. */
void shortage_after(int takes);
void shortage_end(void);

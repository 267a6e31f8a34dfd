/* A shortage of memory on purpose: calls of vain_take and vain_take_array in the code under test go
 * through here, by the linker's --wrap. Threads must not take memory meanwhile. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The next `takes` succeed, all later ones fail, until shortage_end. */
void shortage_after(int takes);
void shortage_end(void);
/* Told of every array that was taken; NULL: nobody. Threads may take memory. */
void shortage_watch(void (*taken)(const char *what, void *memory, int64_t count,
                                  size_t element_bytes));

/* A device whose queue fails on purpose: calls of vain_queue_wait go through here, by the linker's
 * --wrap. */
#pragma once

/* The next `waits` succeed, all later ones fail with VAIN_ERR_UNAVAILABLE, until device_works. */
void device_fails_after(int waits);
void device_works(void);

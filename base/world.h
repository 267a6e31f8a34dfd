/* What the outside world gives: clock, randomness, storage.
 *
 * Parts that must run in the simulator get a `struct vain_world *` and ask it; they call no clock,
 * no random source and no file themselves. The real one is cmd/world.c; tests make their own.
 * Timers, datagrams and streams join when the first part needs them. */
#pragma once

#include "base/status.h"

struct vain_world;

struct vain_world_ops {
    /* Monotonic nanoseconds since an arbitrary start. */
    uint64_t (*now_ns)(struct vain_world *world);
    /* Milliseconds since 1970, for people, and for the validity of certificates that others made:
     * nothing else is decided by it. */
    int64_t (*unix_ms)(struct vain_world *world);
    /* Unpredictable bytes of the operating system. */
    void (*random)(struct vain_world *world, void *out, size_t bytes);
    /* Append to `path` (made with mode 0644 if missing); durable when it returns. */
    enum vain_status (*append)(struct vain_world *world, const char *path, const void *data,
                               size_t bytes);
    /* Put `data` in place of `path`'s content: temporary file, fsync, rename, fsync of the folder.
     */
    enum vain_status (*replace)(struct vain_world *world, const char *path, const void *data,
                                size_t bytes, int mode);
    /* The last part of the same ritual for a file that a library wrote: fsync `temporary`, rename
     * it to `path`, fsync the folder. */
    enum vain_status (*settle)(struct vain_world *world, const char *temporary, const char *path);
};

struct vain_world {
    const struct vain_world_ops *ops;
    void *state; /* the implementation's */
};

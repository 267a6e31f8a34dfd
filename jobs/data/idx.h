/* The idx format, in which MNIST and its kin are published: two zero bytes, a type, the number of
 * dimensions, the sizes as big-endian uint32, then the elements, big-endian, last index fastest
 * (LeCun, Cortes & Burges, "The MNIST database of handwritten digits"). Plain, or one gzip member
 * (RFC 1952). On memory only, so all of it can be fuzzed. */
#pragma once

#include "jobs/data/array.h"

/* Whether the bytes begin as an idx file or as gzip does. */
bool vain_idx_is(const void *data, size_t bytes);
/* Read the whole content of a file; `path` is for messages. The elements are uint8 (type 0x08),
 * int32 (0x0c), float32 (0x0d) or float64 (0x0e). Memory is taken only for what the bytes can hold:
 * as many as the shape says, or 1032 times as many in gzip, the most that deflate can do. Statuses
 * of vain_array_read. */
enum vain_status vain_idx_read(const char *path, const void *data, size_t bytes,
                               struct vain_array *out) VAIN_MUST_USE;

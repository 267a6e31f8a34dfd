/* The run's vectors as the host sees them.
 *
 * Files, hashes and transports read and write host memory. Where the device is the host, a vector
 * is its own view and nothing is copied. On a GPU each has a place in host memory: it is brought
 * there to be read, and sent from there after it was written. What travels between members is
 * always host memory: words leave the GPU masked. */
#pragma once

#include "jobs/run.h"

/* Take the places; none where the device is the host. After model and method are open. */
enum vain_status vain_host_vectors_take(struct vain_run *run) VAIN_MUST_USE;
void vain_host_vectors_release(struct vain_run *run);

/* Where the host reads or writes a vector; NULL if this rank has none. Borrowed. */
float *vain_host_vector(const struct vain_run *run, enum vain_vector which);
/* Bytes of a vector: N floats, or what the method says of one that it keeps. */
size_t vain_host_vector_bytes(const struct vain_run *run, enum vain_vector which);
/* Have at its place what the device holds. Blocks; local. VAIN_ERR_UNAVAILABLE: the device failed.
 */
enum vain_status vain_host_vector_read(struct vain_run *run, enum vain_vector which) VAIN_MUST_USE;
/* Have on the device what is at its place. Blocks; local. Same statuses. */
enum vain_status vain_host_vector_write(struct vain_run *run, enum vain_vector which) VAIN_MUST_USE;

/* What the method keeps, as a member's file has it: names and counts, and their places in host
 * memory. */
void vain_list_memories(const struct vain_run *run, struct vain_member_state *state);

/* The same for the words of the round: device_words -> words and back. */
enum vain_status vain_host_words_read(struct vain_run *run) VAIN_MUST_USE;
enum vain_status vain_host_words_write(struct vain_run *run) VAIN_MUST_USE;

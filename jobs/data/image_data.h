/* Labelled images of a job: a set to train on, cut among clients and so among members, and one that
 * nobody trains on. */
#pragma once

#include "jobs/data/clients.h"
#include "jobs/data/images.h"
#include "jobs/data/options.h"

struct vain_image_data {
    struct vain_images train, test;
    struct vain_clients clients;                 /* who has which examples of `train` */
    int first_client, client_step, client_count; /* a member's own: first + i * step, i < count */
};

/* Read both sets from `path` and cut the first for member `member` of `member_count` (in the order
 * of names). The cut is a pure function of options, seed and labels, so all members make the same.
 * Local; blocks on the disk. On failure `out` is empty. Statuses of vain_images_open and
 * vain_clients_split, and VAIN_ERR_INPUT: the two sets differ in shape, a label of the test set
 * that the training set has not, clients that the members cannot share evenly. */
enum vain_status vain_image_data_open(const struct vain_data_options *options, const char *path,
                                      uint64_t seed, int member, int member_count,
                                      struct vain_image_data *out) VAIN_MUST_USE;
/* Data that are zero or closed are fine. */
void vain_image_data_close(struct vain_image_data *data);
/* Examples of this member's own client `index`, 0 <= index < client_count, ascending; borrowed. */
const int64_t *vain_image_data_client(const struct vain_image_data *data, int index,
                                      int64_t *count);
/* Bytes of memory. */
int64_t vain_image_data_bytes(const struct vain_image_data *data);

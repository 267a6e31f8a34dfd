/* Few-shot tasks: classes with a few drawings each, of which a task takes `way` classes and, of
 * each, `shot` drawings to learn from and `query` others to be asked about (Vinyals et al. 2016;
 * Lake et al. 2015).
 *
 * A set holds all classes, cut once into training and test classes that have nothing in common. A
 * pool is the part of one side that tasks are drawn from: all of it, or a member's share. With
 * rotations each training class stands for four, turned by 0, 90, 180 and 270 degrees
 * (Santoro et al. 2016); test classes are never turned. A task is a pure function of (pool, shape,
 * stream, number): members with streams of their own have tasks of their own, and resuming needs
 * only the number. */
#pragma once

#include "base/philox.h"
#include "jobs/data/clients.h"
#include "jobs/data/images.h"
#include "jobs/data/label_index.h"

enum {
    VAIN_TASK_WAY_MAX = 1024,     /* classes of a task */
    VAIN_TASK_EXAMPLES_MAX = 1024 /* drawings of a class in a task */
};

struct vain_episode_source {
    const char *path;   /* HDF5 file (or folder of idx files): vain_array_read */
    const char *images; /* data set (classes, examples, H, W), or with `labels` (count, H, W) */
    bool channels;      /* one more size at the end: C */
    const char *labels; /* data set (count): the class of each image; "": none */
    const char *order;  /* data set (classes), a permutation: which come first; "": as they are */
    const char *groups; /* data set (classes): such as the alphabet; "": none */
    int64_t train_classes; /* the first so many are for training */
    int64_t test_classes;  /* the next so many for the test; 0: all others */
    bool rotations;        /* of training classes; asks for H = W */
    struct vain_pixel_options pixels;
};

struct vain_episodes {
    struct vain_images images;     /* all drawings; no labels */
    struct vain_label_index index; /* class -> rows in `images` */
    int64_t class_count;
    int64_t *order;  /* (class_count) classes, training first; owned */
    int32_t *groups; /* (class_count) by class, NULL without; owned */
    int64_t train_count, test_count;
    bool rotations;
};

/* Read and check all of it. Local; blocks on the disk. On failure `out` is empty. Statuses of
 * vain_images_open, and VAIN_ERR_INPUT with file, data set, index and value: an order that is no
 * permutation of the classes, groups that are not one a class, more training and test classes than
 * there are, rotations of images that are not square. */
enum vain_status vain_episodes_open(const struct vain_episode_source *source,
                                    struct vain_episodes *out) VAIN_MUST_USE;
/* A set that is zero or closed is fine. */
void vain_episodes_close(struct vain_episodes *episodes);

enum vain_episode_side { VAIN_EPISODES_TRAIN, VAIN_EPISODES_TEST };

/* A member's part of the classes; the members' parts have no class in common. */
struct vain_class_share {
    int kind; /* VAIN_CLIENTS_IID, or VAIN_CLIENTS_BY_GROUP: whole alphabets */
    int member, member_count;
    struct vain_random random; /* of the split; the same at all members */
};

struct vain_class_pool {
    const struct vain_episodes *episodes; /* borrowed */
    int64_t *classes;                     /* (class_count); owned */
    int64_t class_count;
    int turns; /* 4: each class stands for its four rotations; else 1 */
};
/* The classes of a side, in the set's order; with `share` (NULL: without) a member's part of them,
 * ascending. Local. VAIN_ERR_INPUT: a share by group of a set without groups, or too few classes
 * or groups for the members, with the numbers; VAIN_ERR_MEMORY. On failure `out` is empty. */
enum vain_status vain_class_pool_open(const struct vain_episodes *episodes,
                                      enum vain_episode_side side,
                                      const struct vain_class_share *share,
                                      struct vain_class_pool *out) VAIN_MUST_USE;
void vain_class_pool_close(struct vain_class_pool *pool);

struct vain_task_shape {
    int way, shot, query; /* classes; drawings of each to learn from, and to be asked; query >= 0 */
};
/* Whether every task of that shape can be drawn from the pool. VAIN_ERR_INPUT names file, data set,
 * class and numbers: more classes than there are, or a class with too few drawings. Local. */
enum vain_status vain_class_pool_check(const struct vain_class_pool *pool,
                                       const struct vain_task_shape *shape) VAIN_MUST_USE;

/* Where a task goes; borrowed. Classes stand one after the other, label 0 first; which class has
 * which label is drawn anew for each task. */
struct vain_task {
    float *support;          /* (way * shot, H, W, C) */
    int32_t *support_labels; /* (way * shot), 0 to way - 1 */
    float *query;            /* (way * query, H, W, C); NULL if query is 0 */
    int32_t *query_labels;   /* (way * query); NULL if query is 0 */
};
/* Task `number` (from 0). No class and no drawing is in it twice. The pool has passed
 * vain_class_pool_check for the shape. Local, allocates nothing. */
void vain_episodes_draw(const struct vain_class_pool *pool, const struct vain_task_shape *shape,
                        struct vain_random random, int64_t number, const struct vain_task *task);
/* Which classes (way) task `number` has, by their numbers in the file, and their quarter turns
 * (way); for messages, memories and tests. */
void vain_episodes_classes(const struct vain_class_pool *pool, const struct vain_task_shape *shape,
                           struct vain_random random, int64_t number, int64_t *classes,
                           int *quarter_turns);

/* A set of members, by their index in ascending order of ids, as a bitmap of fixed size. */
#pragma once

#include "base/cursor.h"
#include "base/limits.h"
#include "base/status.h"

enum { VAIN_SET_WORDS = VAIN_MEMBERS_MAX / 64, VAIN_SET_BYTES = VAIN_SET_WORDS * 8 };

struct vain_set {
    uint64_t words[VAIN_SET_WORDS];
};

static inline bool vain_set_has(const struct vain_set *set, int member)
{
    return (set->words[member / 64] >> (member % 64) & 1) != 0;
}
static inline void vain_set_add(struct vain_set *set, int member)
{
    set->words[member / 64] |= UINT64_C(1) << (member % 64);
}
static inline void vain_set_remove(struct vain_set *set, int member)
{
    set->words[member / 64] &= ~(UINT64_C(1) << (member % 64));
}
/* Members 0 to count - 1. */
struct vain_set vain_set_first(int count);
int vain_set_count(const struct vain_set *set);
struct vain_set vain_set_both(const struct vain_set *a, const struct vain_set *b);
bool vain_set_equal(const struct vain_set *a, const struct vain_set *b);
/* The smallest member from `from` on; -1: none. */
int vain_set_next(const struct vain_set *set, int from);
/* How many members of the set come before `member`; -1: it is not in it. */
int vain_set_place(const struct vain_set *set, int member);
/* The member at place `place` (from 0) in ascending order; the set has more than `place`. */
int vain_set_at(const struct vain_set *set, int place);

/* Its VAIN_SET_BYTES in letters. Reading: false if it holds members from `members` on, which there
 * are not; what is missing shows in the reader. */
void vain_set_write(struct vain_writer *writer, const struct vain_set *set);
bool vain_set_read(struct vain_reader *reader, int members, struct vain_set *out);

/* Sets of members. 1024 bits: cheap enough to pass around whole, so nothing here is clever. */
#include "collectives/member_set.h"

#include <string.h>

struct vain_set vain_set_first(int count)
{
    struct vain_set set = {{0}};
    for (int member = 0; member < count; member++)
        vain_set_add(&set, member);
    return set;
}

int vain_set_count(const struct vain_set *set)
{
    int count = 0;
    for (int member = vain_set_next(set, 0); member >= 0; member = vain_set_next(set, member + 1))
        count++;
    return count;
}

struct vain_set vain_set_both(const struct vain_set *a, const struct vain_set *b)
{
    struct vain_set both;
    for (int i = 0; i < VAIN_SET_WORDS; i++)
        both.words[i] = a->words[i] & b->words[i];
    return both;
}

bool vain_set_equal(const struct vain_set *a, const struct vain_set *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

int vain_set_next(const struct vain_set *set, int from)
{
    for (int member = from; member < VAIN_MEMBERS_MAX; member++) {
        if (set->words[member / 64] >> (member % 64) == 0)
            member |= 63; /* nothing is left in this word */
        else if (vain_set_has(set, member))
            return member;
    }
    return -1;
}

int vain_set_place(const struct vain_set *set, int member)
{
    int place = 0;
    if (!vain_set_has(set, member))
        return -1;
    for (int i = vain_set_next(set, 0); i < member; i = vain_set_next(set, i + 1))
        place++;
    return place;
}

int vain_set_at(const struct vain_set *set, int place)
{
    int member = vain_set_next(set, 0);
    for (; place > 0 && member >= 0; place--)
        member = vain_set_next(set, member + 1);
    VAIN_ASSERT(member >= 0);
    return member;
}

void vain_set_write(struct vain_writer *writer, const struct vain_set *set)
{
    for (int i = 0; i < VAIN_SET_WORDS; i++)
        vain_write_u64(writer, set->words[i]);
}

bool vain_set_read(struct vain_reader *reader, int members, struct vain_set *out)
{
    for (int i = 0; i < VAIN_SET_WORDS; i++)
        out->words[i] = vain_read_u64(reader);
    return vain_set_next(out, members) < 0;
}

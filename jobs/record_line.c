#include "jobs/record_line.h"

#include "collectives/quorum.h"

void vain_record_line_start(struct vain_record_line *line, int listed)
{
    *line = (struct vain_record_line){.listed = listed};
}

void vain_record_line_trust(struct vain_record_line *line, uint64_t epoch,
                            const struct vain_set *set)
{
    line->epoch = epoch;
    line->set = *set;
}

bool vain_record_line_take(struct vain_record_line *line, uint64_t epoch,
                           const struct vain_set *set, const struct vain_set *signers,
                           struct vain_record_needs *needs)
{
    const bool begins = line->epoch == 0 || epoch > line->epoch;
    const struct vain_set voters = begins ? vain_set_first(line->listed) : line->set;
    const struct vain_set took_part = vain_set_both(set, &voters);
    const struct vain_set signed_it = vain_set_both(signers, &voters);
    needs->members = vain_quorum(vain_set_count(&voters));
    needs->signatures = vain_quorum_witnesses(vain_set_count(&voters));
    if (epoch < line->epoch || vain_set_count(&took_part) < needs->members ||
        vain_set_count(&signed_it) < needs->signatures)
        return false;
    vain_record_line_trust(line, epoch, set);
    return true;
}

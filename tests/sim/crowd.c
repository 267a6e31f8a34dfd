/* What a crowd shares: its seats, the places of its attempts, and what was counted. */
#include "tests/sim/crowd.h"

#include "base/memory.h"

static enum vain_status open_seat(int members, struct crowd_seat *seat)
{
    VAIN_TRY(vain_take_array(members, sizeof *seat->shares, "crowd", (void **)&seat->shares));
    return vain_take_array(members, sizeof *seat->givers, "crowd", (void **)&seat->givers);
}

enum vain_status crowd_open(int members, struct crowd *out)
{
    *out = (struct crowd){.change_count = 0};
    VAIN_TRY(vain_take_array(members, sizeof *out->seats, "crowd", (void **)&out->seats));
    VAIN_TRY(vain_take_array(members + 1, sizeof *out->masks, "crowd", (void **)&out->masks));
    for (int i = 0; i < members; i++)
        VAIN_TRY(open_seat(members, &out->seats[i]));
    return VAIN_OK;
}

static void close_attempts(struct crowd *crowd)
{
    while (crowd->attempts != NULL) {
        struct crowd_attempt *attempt = crowd->attempts;
        crowd->attempts = attempt->next;
        vain_mask_graph_close(&attempt->graph);
        vain_release(attempt->sum);
        vain_release(attempt->secrets);
        vain_release(attempt);
    }
}

void crowd_close(struct crowd *crowd, int members)
{
    for (int i = 0; crowd->seats != NULL && i < members; i++) {
        vain_release(crowd->seats[i].shares);
        vain_release(crowd->seats[i].givers);
        vain_release(crowd->seats[i].early);
    }
    close_attempts(crowd);
    vain_release(crowd->changes);
    vain_release(crowd->masks);
    vain_release(crowd->seats);
}

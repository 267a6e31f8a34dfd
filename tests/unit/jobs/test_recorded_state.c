/* A description of a state beside the record of its round. */
#include <string.h>

#include "jobs/recorded_state.h"
#include "tests/unit/suite.h"

enum { LISTED = 5 };

/* Round 7 of epoch 3, of members 0 to 3 of five. */
static void make(struct vain_recorded_state *recorded, struct vain_state_letter *state)
{
    const struct vain_set set = vain_set_first(4);
    uint8_t extension[VAIN_EXTENSION_NEXT_BYTES];
    const struct vain_record_next next = {true, 5, -6, {4}};
    struct vain_record record = {.epoch = 3, .round = 7};
    record.run_id[0] = 1;
    record.parameters_after[0] = 2;
    vain_record_add_next(&record, &next, extension);
    vain_recorded_state_note(recorded, &record, &set);
    *state = (struct vain_state_letter){
        .epoch = 3, .round = 7, .voters = set, .codec = {5, -6}, .parameter_count = 10};
    state->run_id[0] = 1;
    state->parameters_hash[0] = 2;
    state->momentum_hash[0] = 4;
}

static void expect(const struct vain_recorded_state *recorded,
                   const struct vain_state_letter *state, const char *part)
{
    const char *found = vain_recorded_state_contradiction(recorded, state, LISTED);
    CU_ASSERT(part == NULL ? found == NULL : found != NULL && strstr(found, part) != NULL);
}

static void what_was_signed_is_fine(void)
{
    struct vain_recorded_state recorded;
    struct vain_state_letter state;
    make(&recorded, &state);
    expect(&recorded, &state, NULL);
    state.epoch = 4; /* that has ended no round yet: all decide */
    expect(&recorded, &state, "other voters");
    state.voters = vain_set_first(LISTED);
    expect(&recorded, &state, NULL);
    state.starting = true; /* nobody goes by its voters */
    state.voters = vain_set_first(2);
    expect(&recorded, &state, NULL);
    state.epoch = 2;
    expect(&recorded, &state, "earlier epoch");
}

static void each_part_that_differs_is_said(void)
{
    static const char *const parts[] = {"no record of its round",
                                        "another run",
                                        "other parameters",
                                        "another outer momentum",
                                        "another state of the codec",
                                        "another state of the codec",
                                        "other voters"};
    for (size_t i = 0; i < VAIN_COUNT_OF(parts); i++) {
        struct vain_recorded_state recorded;
        struct vain_state_letter state;
        make(&recorded, &state);
        state.round += i == 0;
        state.run_id[15] ^= i == 1;
        state.parameters_hash[31] ^= i == 2;
        state.momentum_hash[31] ^= i == 3;
        state.codec.range_exponent += i == 4;
        state.codec.bound_exponent += i == 5;
        if (i == 6)
            vain_set_add(&state.voters, 4);
        expect(&recorded, &state, parts[i]);
    }
}

static void without_a_record_nothing_is_known(void)
{
    struct vain_recorded_state recorded;
    struct vain_state_letter state;
    make(&recorded, &state);
    recorded.next.known = false; /* of an earlier version */
    expect(&recorded, &state, "does not say how");
    recorded.known = false;
    expect(&recorded, &state, "no record of its round");
}

static const struct vain_test tests[] = {
    {"what was signed is fine", what_was_signed_is_fine},
    {"each part that differs is said", each_part_that_differs_is_said},
    {"without a record nothing is known", without_a_record_nothing_is_known},
    {NULL, NULL},
};
const struct vain_suite vain_suite_recorded_state = {"jobs/recorded_state", tests};

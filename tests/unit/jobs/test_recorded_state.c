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

static void expect_says(const char *found, const char *part)
{
    CU_ASSERT(part == NULL ? found == NULL : found != NULL && strstr(found, part) != NULL);
}

static void what_was_signed_is_fine(void)
{
    struct vain_recorded_state recorded;
    struct vain_state_letter state;
    make(&recorded, &state);
    expect_says(vain_recorded_state_contradiction(&recorded, &state), NULL);
    expect_says(vain_recorded_state_epoch_contradiction(&recorded, &state, LISTED), NULL);
    CU_ASSERT_TRUE(vain_recorded_state_settles(&recorded, &state));
}

static void each_part_that_differs_is_said(void)
{
    static const char *const parts[] = {"another round",
                                        "another run",
                                        "other parameters",
                                        "another outer momentum",
                                        "another state of the codec",
                                        "another state of the codec"};
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
        expect_says(vain_recorded_state_contradiction(&recorded, &state), parts[i]);
        expect_says(vain_recorded_state_epoch_contradiction(&recorded, &state, LISTED), NULL);
    }
}

static void epochs_and_voters_are_those_of_the_record(void)
{
    static const struct {
        uint64_t epoch;
        int voters;
        bool starting, settled;
        const char *part;
    } rows[] = {
        {3, 4, false, true, NULL},
        {3, 5, false, true, "other voters"},
        {2, 4, false, false, "earlier epoch"},
        {4, 4, false, false, "other voters"},
        {4, 5, false, false, NULL}, /* it may be under way: others must say so */
        {4, 2, true, true, NULL},   /* at a start nobody goes by it */
        {2, 2, true, true, NULL},
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(rows); i++) {
        struct vain_recorded_state recorded;
        struct vain_state_letter state;
        make(&recorded, &state);
        state.epoch = rows[i].epoch;
        state.voters = vain_set_first(rows[i].voters);
        state.starting = rows[i].starting;
        expect_says(vain_recorded_state_epoch_contradiction(&recorded, &state, LISTED),
                    rows[i].part);
        CU_ASSERT_EQUAL(vain_recorded_state_settles(&recorded, &state), rows[i].settled);
    }
}

static void what_no_record_says_is_not_settled(void)
{
    struct vain_recorded_state recorded;
    struct vain_state_letter state;
    make(&recorded, &state);
    recorded.next.known = false; /* of an earlier version */
    state.codec.range_exponent++;
    expect_says(vain_recorded_state_contradiction(&recorded, &state), NULL);
    CU_ASSERT_FALSE(vain_recorded_state_settles(&recorded, &state));
    recorded.known = false;
    state.parameters_hash[0]++;
    expect_says(vain_recorded_state_contradiction(&recorded, &state), NULL);
    expect_says(vain_recorded_state_epoch_contradiction(&recorded, &state, LISTED), NULL);
    CU_ASSERT_FALSE(vain_recorded_state_settles(&recorded, &state));
}

static const struct vain_test tests[] = {
    {"what was signed is fine", what_was_signed_is_fine},
    {"each part that differs is said", each_part_that_differs_is_said},
    {"epochs and voters are those of the record", epochs_and_voters_are_those_of_the_record},
    {"what no record says is not settled", what_no_record_says_is_not_settled},
    {NULL, NULL},
};
const struct vain_suite vain_suite_recorded_state = {"jobs/recorded_state", tests};

/* In plain words, what each party of a run learns and what it does not: docs/threat-model.md in a
 * few lines, for the spec at hand. */
#include "cmd/explain_privacy.h"

#include <stdio.h>

#include <json-c/json.h>

#include "cmd/json.h"
#include "cmd/report.h"
#include "collectives/mask_graph.h"
#include "collectives/secagg.h"

struct learnt {
    const char *party, *what;
};

static const struct learnt in_the_clear[] = {
    {"members", "every member's delta in every round, tokens and loss of all together"},
    {"network", "the same: words travel as they are"},
    {"launcher", "the same, and whatever lies in the memory of machines that its owner runs"},
};
static const char members_learn[] =
    "the sum of all deltas, hence what the others' add up to; tokens and loss of all together. Not "
    "one other member's delta, unless all members but that one pool what they know";
/* Own masks come off with what a quorum knows, and large groups have pair masks with some only. */
static const char members_learn_at_level_2[] =
    "the sum of all deltas, hence what the others' add up to; tokens and loss of all together. Not "
    "one other member's delta, unless all members but that one pool what they know, or, after an "
    "exchange that failed, more than two thirds of all";
static const char large_groups_learn[] =
    "the sum of all deltas, hence what the others' add up to; tokens and loss of all together. Not "
    "one other member's delta, as long as no more than a third of all pool what they know";
static const char one_other_learns[] =
    "the sum of both deltas, hence, less its own, the other member's; tokens and loss";
static const struct learnt in_masks[] = {
    {"members", members_learn},
    {"network", "the same sum, who takes part, and when. Not one delta: what a member sends is "
                "random to whoever lacks the keys of one pair, and keys are the members' own"},
    {"launcher", "the same as the network; and everything, data and keys too, on machines that its "
                 "owner runs"},
};
static const struct learnt in_masks_not_pinned[] = {
    {"members", members_learn},
    {"network", "whoever only listens: the same sum, who takes part, and when. Whoever changes "
                "messages can put in keys of his own, and read every delta"},
    {"launcher", "every delta, if it wants: it can start programs with keys of its own; and "
                 "everything on machines that its owner runs"},
};
/* Over links, which are always encrypted and whose keys are always pinned. */
static const char links_show[] = "who takes part, when, and how many bytes: links between members "
                                 "are TLS 1.3, each end known by its pinned key";
static const char hosts_show[] =
    "everything, data and keys too, on machines that its owner runs; with a launcher a host, of "
    "that host alone";
static const struct learnt in_the_clear_by_links[] = {
    {"members", "every member's delta in every round, tokens and loss of all together"},
    {"network", links_show},
    {"launcher", hosts_show},
};
static const struct learnt in_masks_by_links[] = {
    {"members", members_learn},
    {"network", links_show},
    {"launcher", hosts_show},
};
_Static_assert(VAIN_COUNT_OF(in_the_clear) == VAIN_COUNT_OF(in_masks) &&
                   VAIN_COUNT_OF(in_masks) == VAIN_COUNT_OF(in_masks_not_pinned) &&
                   VAIN_COUNT_OF(in_masks) == VAIN_COUNT_OF(in_the_clear_by_links) &&
                   VAIN_COUNT_OF(in_masks) == VAIN_COUNT_OF(in_masks_by_links),
               "the same parties");

static const char not_pinned[] =
    "not pinned: protects against other members' programs only, not against who runs the machines "
    "or the launcher; list members: [{name, key}] for more";
static const char pinned[] =
    "pinned in the spec: nobody in between can put in keys of his own unnoticed";

static bool is_masked(const struct vain_job *job)
{
    return job->exchange.privacy == VAIN_PRIVACY_MASKED;
}

static bool keys_are_pinned(const struct vain_spec *spec)
{
    bool all = spec->member_count > 0;
    for (int i = 0; i < spec->member_count; i++)
        all = all && spec->members[i].key[0] != '\0';
    return all;
}

/* What a row says of so many members. */
static const char *what_of(const struct vain_job *job, const struct learnt *row, int members)
{
    if (row->what != members_learn)
        return row->what;
    if (members < VAIN_SECAGG_MEMBERS_MIN)
        return one_other_learns;
    if (job->exchange.level != VAIN_LEVEL_2)
        return members_learn;
    return members > VAIN_MASK_COMPLETE_MAX ? large_groups_learn : members_learn_at_level_2;
}

static const struct learnt *rows_of(const struct vain_job *job, const struct vain_spec *spec)
{
    if (job->exchange.transport == VAIN_TRANSPORT_TLS)
        return is_masked(job) ? in_masks_by_links : in_the_clear_by_links;
    if (!is_masked(job))
        return in_the_clear;
    return keys_are_pinned(spec) ? in_masks : in_masks_not_pinned;
}

void vain_explain_privacy_print(const struct vain_job *job, const struct vain_spec *spec,
                                int members)
{
    const struct learnt *rows = rows_of(job, spec);
    vain_print_wrapped("privacy",
                       is_masked(job)
                           ? "masked: members' words carry masks that only pairs of members "
                             "know, and that cancel in the sum over all. What each party learns:"
                           : "none. What each party learns:");
    for (size_t i = 0; i < VAIN_COUNT_OF(in_masks); i++) {
        char text[400];
        snprintf(text, sizeof text, "%s: %s", rows[i].party, what_of(job, &rows[i], members));
        vain_print_wrapped("", text);
    }
    if (!is_masked(job))
        return;
    vain_print_wrapped("keys", keys_are_pinned(spec) ? pinned : not_pinned);
    if (job->exchange.commitments)
        vain_print_wrapped("", "Each member commits to its words before they travel: roots in the "
                               "record, salts in its own file, for an auditor");
    vain_print_wrapped(
        "", "What a sum itself tells, and sums over changing sets: docs/threat-model.md");
    if (members < VAIN_SECAGG_MEMBERS_MIN)
        vain_print_wrapped("",
                           job->exchange.allow_small
                               ? "With fewer than 3 members the masks hide nothing from the other "
                                 "one (exchange.allow_small)"
                               : "A run with fewer than 3 members will be refused: the masks would "
                                 "hide nothing (exchange.allow_small)");
}

struct json_object *vain_explain_privacy_json(const struct vain_job *job,
                                              const struct vain_spec *spec, int members)
{
    const struct learnt *rows = rows_of(job, spec);
    struct json_object *privacy = json_object_new_object();
    struct json_object *learns = json_object_new_object();
    json_object_object_add(privacy, "masked", json_object_new_boolean(is_masked(job)));
    json_object_object_add(privacy, "keys_pinned", json_object_new_boolean(keys_are_pinned(spec)));
    json_object_object_add(privacy, "enough_members",
                           json_object_new_boolean(members >= VAIN_SECAGG_MEMBERS_MIN));
    for (size_t i = 0; i < VAIN_COUNT_OF(in_masks); i++)
        json_object_object_add(learns, rows[i].party,
                               vain_json_text(what_of(job, &rows[i], members)));
    json_object_object_add(privacy, "learns", learns);
    return privacy;
}

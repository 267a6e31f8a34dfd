/* Members on hosts of their own, in plain words: with whom a run begins, how many may be lost, and
 * what each loss costs the others. The numbers are those of jobs/plan.h. */
#include "cmd/explain_hosts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "base/memory.h"
#include "base/option.h"
#include "cmd/report.h"
#include "jobs/group_ring.h"
#include "jobs/plan.h"

static const char *plural(int64_t count)
{
    return count == 1 ? "" : "s";
}

static void print_start(const struct vain_job *job, const struct vain_plan_hosts *hosts)
{
    static const struct vain_option duration = {.key = "start.timeout",
                                                .type = VAIN_OPTION_DURATION};
    char timeout[32], text[400];
    vain_option_format(&duration, &job->start.timeout_ms, timeout, sizeof timeout);
    if (hosts->start < hosts->members)
        snprintf(text, sizeof text,
                 "%d members on hosts of their own; the run begins when %d of them have met, or "
                 "ends when that takes longer than %s",
                 hosts->members, hosts->start, timeout);
    else
        snprintf(text, sizeof text,
                 "%d members on hosts of their own; the run begins when all have met, or ends when "
                 "that takes longer than %s",
                 hosts->members, timeout);
    vain_print_wrapped("hosts", text);
}

static void print_quorum(const struct vain_plan_hosts *hosts)
{
    char text[400], gone[16] = "none";
    if (hosts->spare > 0)
        snprintf(gone, sizeof gone, "%d", hosts->spare);
    snprintf(text, sizeof text,
             "a round needs %d of %d members (2 x %d / 3, rounded down, and 1), so %s may be "
             "gone at once. With fewer, two parts that do not see each other could both go on",
             hosts->quorum, hosts->members, hosts->members, gone);
    vain_print_wrapped("", text);
}

static void print_loss(const struct vain_job *job, const struct vain_plan_hosts *hosts)
{
    const int64_t steps = job->train.local_steps, attempts = job->exchange.attempts;
    char text[500];
    if (hosts->spare == 0)
        snprintf(text, sizeof text,
                 "who is lost in a round leaves too few to end it; with 4 members one could be "
                 "gone");
    else if (hosts->burns)
        snprintf(text, sizeof text,
                 "who is lost in an exchange costs the others the round's %lld local step%s once "
                 "more: what went out under masks for one set of members never goes to another "
                 "(exchange.level: 1). A round may take %lld attempt%s",
                 (long long)steps, plural(steps), (long long)attempts, plural(attempts));
    else
        snprintf(text, sizeof text,
                 "who is lost in an exchange costs the others another exchange of the same deltas. "
                 "A round may take %lld attempt%s",
                 (long long)attempts, plural(attempts));
    vain_print_wrapped("", text);
}

/* Where there is a ring, and more than one. */
static bool measures_ring(const struct vain_job *job, const struct vain_plan_hosts *hosts)
{
    const int64_t algorithm = job->exchange.algorithm;
    return (algorithm == VAIN_ALGORITHM_AUTO || algorithm == VAIN_ALGORITHM_RING) &&
           hosts->members >= VAIN_GROUP_RING_MIN;
}

static void print_ring(const struct vain_job *job, const struct vain_plan_hosts *hosts)
{
    if (measures_ring(job, hosts))
        vain_print_wrapped("",
                           "deltas of more than 256 KiB go around in a ring, in the order whose "
                           "slowest link is fastest: links are measured at the start and after "
                           "every change of who takes part");
}

static int lower_key_first(const void *a, const void *b)
{
    const struct vain_option_member *const *left = a, *const *right = b;
    return strcmp((*left)->key, (*right)->key);
}

/* The spec's members by their ids: each dials those after it. Gives the table (members); NULL when
 * there is no memory. */
static const struct vain_option_member **dial_order(const struct vain_spec *spec)
{
    const struct vain_option_member **order = NULL;
    if (vain_take_array(spec->member_count, sizeof(const struct vain_option_member *), "members",
                        (void **)&order) != VAIN_OK)
        return NULL;
    for (int i = 0; i < spec->member_count; i++)
        order[i] = &spec->members[i];
    qsort(order, (size_t)spec->member_count, sizeof(const struct vain_option_member *),
          lower_key_first);
    return order;
}

static void print_dials(const struct vain_spec *spec)
{
    char text[800];
    const struct vain_option_member **order = dial_order(spec);
    if (order == NULL)
        return;
    size_t length = 0;
    int named = 0;
    for (; named < spec->member_count && length < sizeof text / 2; named++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%s'%s'",
                                   named == 0 ? "" : ", ", order[named]->name);
    snprintf(text + length, sizeof text - length,
             "%s: each dials those after it, so '%s' needs an address that all the others reach, "
             "and '%s' none",
             named < spec->member_count ? " and so on by their ids" : "",
             order[spec->member_count - 1]->name, order[0]->name);
    vain_print_wrapped("", text);
    vain_release((void *)order);
}

void vain_explain_hosts_print(const struct vain_job *job, const struct vain_spec *spec)
{
    const struct vain_plan_hosts hosts = vain_plan_hosts_of(job, spec);
    print_start(job, &hosts);
    print_quorum(&hosts);
    print_loss(job, &hosts);
    print_ring(job, &hosts);
    print_dials(spec);
}

struct json_object *vain_explain_hosts_json(const struct vain_job *job,
                                            const struct vain_spec *spec)
{
    const struct vain_plan_hosts hosts = vain_plan_hosts_of(job, spec);
    const char *costs = hosts.burns ? "local steps" : "exchange";
    struct json_object *object = json_object_new_object();
    json_object_object_add(object, "start", json_object_new_int(hosts.start));
    json_object_object_add(object, "quorum", json_object_new_int(hosts.quorum));
    json_object_object_add(object, "may_be_gone", json_object_new_int(hosts.spare));
    json_object_object_add(object, "a_loss_costs",
                           hosts.spare > 0 ? json_object_new_string(costs) : NULL);
    json_object_object_add(object, "ring_measured",
                           json_object_new_boolean(measures_ring(job, &hosts)));
    const struct vain_option_member **order = dial_order(spec);
    struct json_object *names = json_object_new_array();
    for (int i = 0; order != NULL && i < spec->member_count; i++)
        json_object_array_add(names, json_object_new_string(order[i]->name));
    vain_release((void *)order);
    json_object_object_add(object, "dial_order", names);
    json_object_object_add(object, "attempts", json_object_new_int64(job->exchange.attempts));
    return object;
}

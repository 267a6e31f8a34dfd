/* A group is opened in the order in which its parts need each other: who is in it, what fits into a
 * word with so many, how words are summed and in which order of members, keys, and last the memory
 * of messages. */
#include "jobs/group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "collectives/choose.h"
#include "jobs/culprit.h"
#include "jobs/group_ring.h"
#include "jobs/masks.h"
#include "jobs/own_masks.h"
#include "jobs/round_record.h"

static int compare_ids(const void *a, const void *b)
{
    const struct vain_record_member *left = a, *right = b;
    return memcmp(left->member_id, right->member_id, VAIN_HASH_BYTES);
}

/* Who comes and goes may save before it was in a round: until then it names all that are listed. */
static void list_all(struct vain_run *run, int count)
{
    const struct vain_option_member *listed = run->config->spec->members;
    for (int i = 0; i < count; i++) {
        struct vain_record_member *member = &run->roster_members[i];
        snprintf(member->name, sizeof member->name, "%s", listed[i].name);
        VAIN_ASSERT(vain_from_hex(listed[i].key, member->member_id, VAIN_HASH_BYTES));
    }
    qsort(run->roster_members, (size_t)count, sizeof *run->roster_members, compare_ids);
}

enum vain_status vain_group_take(struct vain_run *run, int members_max)
{
    VAIN_TRY(vain_take_array(members_max, sizeof *run->roster_members, "members",
                             (void **)&run->roster_members));
    if (run->config->on_own_host)
        list_all(run, members_max);
    VAIN_TRY(vain_take_array(members_max, VAIN_SIGNATURE_BYTES, "signatures",
                             (void **)&run->signatures));
    VAIN_TRY(vain_take_array(members_max, VAIN_ROUND_SIGNATURE_BYTES, "signatures",
                             (void **)&run->round_signatures));
    VAIN_TRY(vain_take(vain_round_record_bytes(members_max), "round record",
                       (void **)&run->record_buffer));
    VAIN_TRY(vain_take_array(members_max, VAIN_HASH_BYTES, "commitments",
                             (void **)&run->commitment_roots));
    VAIN_TRY(vain_take_array(members_max, sizeof *run->ring_order, "order of the ring",
                             (void **)&run->ring_order));
    return vain_take_array(members_max, sizeof *run->names_by_rank, "member names",
                           (void **)&run->names_by_rank);
}

void vain_group_release(struct vain_run *run)
{
    vain_release(run->names_by_rank);
    vain_release(run->ring_order);
    vain_release(run->commitment_roots);
    vain_release(run->record_buffer);
    vain_release(run->signatures);
    vain_release(run->round_signatures);
    vain_release(run->roster_members);
}

static void note_members(struct vain_run *run, const struct vain_roster *roster)
{
    const int count = roster->member_count;
    memcpy(run->roster_members, roster->members, (size_t)count * sizeof *run->roster_members);
    for (int i = 0; i < count; i++)
        run->names_by_rank[roster->member_rank[i]] = run->roster_members[i].name;
    run->driver.comm = roster->comm;
    if (roster->platform != NULL)
        snprintf(run->common_platform, sizeof run->common_platform, "%s", roster->platform);
}

/* The range of the integers is public and stays; how many of their bits fit is another question
 * with another number of members. */
static enum vain_status fit_codec(struct vain_run *run, int members)
{
    const struct vain_exchange_options *options = &run->job->exchange;
    const struct vain_codec_state state = vain_codec_state(&run->codec);
    VAIN_TRY(vain_codec_init(&run->codec, run->layout.parameter_count, members,
                             options->bits == VAIN_FIELD_16 ? 16 : 32, options->clip,
                             run->method_ops->step_bound(run->job)));
    run->codec.checks_masked = vain_own_masks_used(run);
    return vain_codec_restore(&run->codec, state);
}

/* By trial, where all ranks start together; where members come and go they follow one rule. */
static enum vain_status choose_algorithm(struct vain_run *run,
                                         struct vain_exchange_config *exchange)
{
    const bool free = run->job->exchange.algorithm == VAIN_ALGORITHM_AUTO;
    exchange->algorithm = (enum vain_algorithm)run->job->exchange.algorithm;
    if (free && run->config->on_own_host)
        exchange->algorithm = vain_algorithm_by_rule(run->codec.members, run->codec.word_count);
    else if (free)
        VAIN_TRY(vain_algorithm_choose(exchange, &run->driver, run->words, &exchange->algorithm));
    run->algorithm = exchange->algorithm;
    if (run->writer && free && run->codec.members > 1 && !run->config->on_own_host)
        vain_event_notice(run->config->events, "exchange.algorithm: auto took '%s', by trial",
                          vain_algorithm_name(exchange->algorithm));
    return VAIN_OK;
}

/* A use is named by all who are in it, so that nothing that was signed in another one, of this run
 * or of any other, is anything in it. A run is named by the last use before its first round. */
static enum vain_status name_use(struct vain_run *run)
{
    uint8_t mine[VAIN_RUN_ID_BYTES], *all = NULL;
    const int count = run->codec.members;
    if (!run->config->on_own_host)
        return VAIN_OK;
    VAIN_TRY(vain_take_array(count, sizeof mine, "name of the use", (void **)&all));
    run->config->world->ops->random(run->config->world, mine, sizeof mine);
    const enum vain_status status =
        vain_comm_all_gather(run->driver.comm, run->config->world, run->driver.deadline_ms,
                             VAIN_TAG_START, mine, sizeof mine, all);
    if (status == VAIN_OK)
        vain_hash("vain/use/id", all, (size_t)count * sizeof mine, run->use_id);
    if (status == VAIN_OK && run->round == 0)
        memcpy(run->run_id, run->use_id, VAIN_RUN_ID_BYTES);
    vain_release(all);
    return status;
}

static enum vain_status open_parts(struct vain_run *run, const struct vain_roster *roster)
{
    struct vain_exchange_config exchange = {
        .member_index = roster->comm->rank,
        .member_count = roster->comm->size,
        .member_names = run->names_by_rank,
        .codec = &run->codec,
        .queue = &run->host_queue,
        .gather_bytes_max = VAIN_ROUND_SIGNATURE_BYTES,
        .window = run->config->on_own_host ? VAIN_RING_WINDOW_MAX : 0,
        .gives_evidence = vain_culprit_sought(run, roster->comm->size),
    };
    note_members(run, roster);
    VAIN_TRY(fit_codec(run, roster->member_count));
    VAIN_TRY(choose_algorithm(run, &exchange));
    VAIN_TRY(vain_group_ring_open(run, roster));
    exchange.ring_order = run->ring_order;
    VAIN_TRY(name_use(run));
    VAIN_TRY(vain_masks_open(run, roster));
    VAIN_TRY(vain_own_masks_open(run, roster));
    return vain_exchange_open(&exchange, &run->exchange);
}

enum vain_status vain_group_open(struct vain_run *run, const struct vain_roster *roster)
{
    if (run->group_use == roster->use)
        return VAIN_OK;
    vain_group_close(run);
    const enum vain_status status = open_parts(run, roster);
    if (status == VAIN_OK)
        run->group_use = roster->use;
    else
        vain_group_close(run);
    return status;
}

void vain_group_id(const struct vain_run *run, const struct vain_roster *roster,
                   uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)])
{
    uint8_t both[2 * VAIN_HASH_BYTES];
    memcpy(both, roster->group_id, VAIN_HASH_BYTES);
    memcpy(both + VAIN_HASH_BYTES, run->use_id, VAIN_HASH_BYTES);
    if (run->config->on_own_host)
        vain_hash("vain/group/use", both, sizeof both, out);
    else
        memcpy(out, roster->group_id, VAIN_HASH_BYTES);
}

void vain_group_close(struct vain_run *run)
{
    vain_own_masks_close(run);
    vain_masks_close(run);
    vain_exchange_close(&run->exchange);
    vain_culprit_close(run);
    run->group_use = 0;
}

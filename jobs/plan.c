/* Arithmetic over a spec: what its keys mean together. Checks of pairs stand here and not with the
 * keys, because only here both sides are known; each says what does not go together, since whoever
 * wrote the spec must choose which side gives way. The memory plan adds up what jobs/setup.c takes:
 * change both together. */
#include "jobs/plan.h"

#include <string.h>

#include "collectives/choose.h"
#include "collectives/codec.h"
#include "collectives/evidence.h"
#include "collectives/quorum.h"
#include "collectives/secagg.h"
#include "jobs/data_check.h"
#include "jobs/fit.h"
#include "jobs/genetic_search.h"
#include "jobs/job_device.h"
#include "jobs/meta_check.h"
#include "jobs/method.h"
#include "jobs/method_check.h"
#include "jobs/model_check.h"
#include "jobs/outer.h"
#include "jobs/store/checkpoint.h"

static void check_schedule(const struct vain_job *job, const struct vain_spec *spec,
                           struct vain_problems *problems)
{
    const struct vain_train_options *train = &job->train;
    const int64_t steps = train->rounds * train->local_steps;
    if (vain_search_is_wanted(job) && train->warmup >= job->genetic.steps)
        vain_spec_problem_at(spec, problems, "train.warmup", NULL,
                             "%lld steps of warm-up, but an individual is trained for %lld "
                             "(genetic.steps)",
                             (long long)train->warmup, (long long)job->genetic.steps);
    else if (train->warmup >= steps)
        vain_spec_problem_at(spec, problems, "train.warmup", NULL,
                             "%lld steps of warm-up, but the run has only %lld steps (%lld rounds "
                             "x %lld local steps)",
                             (long long)train->warmup, (long long)steps, (long long)train->rounds,
                             (long long)train->local_steps);
    if (train->minimum_learning_rate > train->learning_rate)
        vain_spec_problem_at(spec, problems, "train.minimum_learning_rate", NULL,
                             "the schedule cannot fall to %g from a learning rate of %g",
                             train->minimum_learning_rate, train->learning_rate);
    if (train->minimum_learning_rate > 0 && train->schedule == VAIN_SCHEDULE_CONSTANT)
        vain_spec_problem_at(spec, problems, "train.minimum_learning_rate",
                             "set train.schedule: cosine",
                             "a constant schedule never falls to the minimum");
}

/* Keys of a section that would do nothing under the method that is chosen. */
static void check_memory(const struct vain_job *job, const struct vain_spec *spec,
                         struct vain_problems *problems)
{
    static const char *const keys[] = {"memory.enabled",      "memory.retrieval",
                                       "memory.agents",       "memory.budget",
                                       "memory.ring",         "memory.clusters",
                                       "memory.neighbours",   "memory.symbols",
                                       "memory.replay",       "memory.gate_rate",
                                       "memory.stream",       "memory.phase_classes",
                                       "memory.phase_rounds", NULL};
    static const char *const phases[] = {"memory.phase_classes", "memory.phase_rounds", NULL};
    const struct vain_agent_options *memory = &job->memory;
    const bool used = job->train.method == VAIN_METHOD_AGENTS;
    if (!used)
        vain_refuse_idle(spec, problems, keys, "set train.method: agents, or remove it",
                         "only method agents has memories");
    if (used && job->data.images[0] == '\0')
        vain_spec_problem_at(spec, problems, "train.method", "give data.images",
                             "agents remember labelled images");
    if (used && memory->clusters > memory->ring)
        vain_spec_problem_at(spec, problems, "memory.clusters", "lower it, or raise memory.ring",
                             "a ring of %lld experiences cannot become %lld clusters",
                             (long long)memory->ring, (long long)memory->clusters);
    if (used && memory->stream == VAIN_STREAM_ALL)
        vain_refuse_idle(spec, problems, phases, "set memory.stream: classes",
                         "all classes come at once, in one phase");
}

static void check_exchange(const struct vain_job *job, const struct vain_spec *spec,
                           struct vain_problems *problems)
{
    static const char *const of_steps[] = {"outer.learning_rate", "outer.momentum", NULL};
    struct vain_codec codec;
    const int members = spec->member_count > 0 ? spec->member_count : 1;
    const int field_bits = job->exchange.bits == VAIN_FIELD_16 ? 16 : 32;
    if (vain_codec_init(&codec, 1, members, field_bits, job->exchange.clip, 1.0) != VAIN_OK) {
        vain_spec_problem_at(spec, problems, "exchange.bits", NULL, "%s", vain_fail_message());
        vain_fail_clear();
    }
    if (job->exchange.privacy == VAIN_PRIVACY_MASKED && !job->exchange.allow_small &&
        spec->member_count > 0 && members < VAIN_SECAGG_MEMBERS_MIN)
        vain_spec_problem_at(spec, problems, "exchange.privacy",
                             "list at least 3 members, or set exchange.allow_small: true",
                             "%d members in 'members': with fewer than %d each could subtract its "
                             "own delta from the sum",
                             members, VAIN_SECAGG_MEMBERS_MIN);
    if (job->outer.optimizer == VAIN_OUTER_MEAN)
        vain_refuse_idle(spec, problems, of_steps, "set outer.optimizer: nesterov or sgd",
                         "the mean is taken as it is");
}

/* The first member without what members on their own hosts need; how many there are in `count`. */
static const struct vain_option_member *first_without(const struct vain_spec *spec, bool key,
                                                      int *count)
{
    const struct vain_option_member *first = NULL;
    *count = 0;
    for (int i = 0; i < spec->member_count; i++) {
        const struct vain_option_member *member = &spec->members[i];
        if (key ? member->key[0] != '\0' : member->address_count > 0)
            continue;
        first = first != NULL ? first : member;
        ++*count;
    }
    return first;
}

static void check_hosts(const struct vain_job *job, const struct vain_spec *spec,
                        struct vain_problems *problems)
{
    int count = 0;
    if (job->exchange.transport != VAIN_TRANSPORT_TLS)
        return;
    if (spec->member_count < 2)
        vain_spec_problem_at(spec, problems, "members",
                             "list the name, key and addresses of each, as in "
                             "examples/federation.yaml",
                             "exchange.transport: tls joins the hosts listed in 'members': 2 at "
                             "least, found %d",
                             spec->member_count);
    const struct vain_option_member *member = first_without(spec, true, &count);
    if (member != NULL)
        vain_spec_problem_at(spec, problems, "members", "'vain key new NAME' makes one",
                             "exchange.transport: tls knows members by their keys, but %d of %d "
                             "have none (the first: '%s')",
                             count, spec->member_count, member->name);
    member = first_without(spec, false, &count);
    if (member != NULL)
        vain_spec_problem_at(spec, problems, "members", "such as 'addresses: node1.example:4000'",
                             "exchange.transport: tls dials members at their addresses, but %d of "
                             "%d have none (the first: '%s')",
                             count, spec->member_count, member->name);
    if (job->exchange.algorithm == VAIN_ALGORITHM_NATIVE)
        vain_spec_problem_at(spec, problems, "exchange.algorithm", "say ring, tree or auto",
                             "native is an all-reduce of the transport's own, and tls has none");
    if (job->general.site != VAIN_SITE_RANK)
        vain_spec_problem_at(spec, problems, "site", "remove it",
                             "site: %s would do nothing: with exchange.transport: tls all ranks "
                             "that a host starts together are one member",
                             job->general.site == VAIN_SITE_HOST ? "host" : "world");
}

/* What a run may begin with is checked whatever carries it, since it is agreed and transport is
 * not. */
static void check_losses(const struct vain_job *job, const struct vain_spec *spec,
                         struct vain_problems *problems)
{
    const int64_t start = job->start.quorum;
    const int members = spec->member_count;
    if (start != 0 && members > 0 && start > members)
        vain_spec_problem_at(spec, problems, "start.quorum", "0 waits for all",
                             "%lld members are to meet, but 'members' lists %d", (long long)start,
                             members);
    if (start != 0 && members > 0 && start < vain_quorum(members))
        vain_spec_problem_at(spec, problems, "start.quorum", "0 waits for all",
                             "%lld of %d members: fewer than 2 x %d / 3 + 1 = %d (rounded down), "
                             "and two parts that do not see each other could both start",
                             (long long)start, members, members, vain_quorum(members));
    if (job->exchange.level == VAIN_LEVEL_2 && job->exchange.privacy != VAIN_PRIVACY_MASKED)
        vain_spec_problem_at(spec, problems, "exchange.level",
                             "set exchange.privacy: masked, or leave out exchange.level",
                             "level 2 gives members masks of their own, but words travel without "
                             "masks (exchange.privacy: none)");
    else if (job->exchange.commitments && job->exchange.level != VAIN_LEVEL_2)
        vain_spec_problem_at(spec, problems, "exchange.commitments",
                             "set exchange.level: 2 (with exchange.privacy: masked)",
                             "commitments are given out with the shares of own masks, which level "
                             "1 does not have");
}

struct vain_plan_hosts vain_plan_hosts_of(const struct vain_job *job, const struct vain_spec *spec)
{
    const int members = spec->member_count, start = (int)job->start.quorum;
    const int quorum = vain_quorum(members);
    return (struct vain_plan_hosts){
        .members = members,
        .start = start > 0 ? start : members,
        .quorum = quorum,
        .spare = members - quorum,
        .burns =
            job->exchange.privacy == VAIN_PRIVACY_MASKED && job->exchange.level == VAIN_LEVEL_1,
    };
}

/* Counts of symbols are 64-bit integers that travel in a sum of members. */
static void check_counts(const struct vain_job *job, const struct vain_spec *spec,
                         struct vain_problems *problems)
{
    const struct vain_train_options *train = &job->train;
    const double tokens = (double)train->batch * (double)train->accumulate *
                          (double)job->model.context * (double)train->local_steps *
                          (double)train->rounds;
    if (tokens > 1e15)
        vain_spec_problem_at(spec, problems, "train.rounds", NULL,
                             "%lld rounds x %lld steps x %lld micro-batches x %lld windows of %lld "
                             "tokens are %.2g tokens a rank, at most 1e15 can be counted",
                             (long long)train->rounds, (long long)train->local_steps,
                             (long long)train->accumulate, (long long)train->batch,
                             (long long)job->model.context, tokens);
}

void vain_plan_check(const struct vain_job *job, const struct vain_spec *spec,
                     struct vain_problems *problems)
{
    char key[128] = "", message[256] = "";
    struct vain_model_options model = job->model;
    model.symbols = model.symbols > 0 ? model.symbols : 256;
    if (vain_model_ops_of(&model)->check(&model, key, sizeof key, message, sizeof message) !=
        VAIN_OK)
        vain_spec_problem_at(spec, problems, key, NULL, "%s", message);
    if (!vain_device_name_valid(job->general.device))
        vain_spec_problem_at(spec, problems, "device", NULL,
                             "'%s' is no device; expected auto, cpu, cuda, or cuda:N with N at "
                             "most %d",
                             job->general.device, VAIN_GPU_INDEX_MAX);
    else if (strncmp(job->general.device, "cuda", 4) == 0 && !vain_job_device_has_kernels(job))
        vain_spec_problem_at(spec, problems, "device", "use device: cpu or auto",
                             "only the supervised method on a text has GPU kernels so far");
    vain_data_check(job, spec, problems);
    vain_meta_check(job, spec, problems);
    vain_method_check(job, spec, problems);
    vain_model_check(job, spec, problems);
    check_schedule(job, spec, problems);
    check_memory(job, spec, problems);
    check_exchange(job, spec, problems);
    check_hosts(job, spec, problems);
    check_losses(job, spec, problems);
    vain_genetic_check(job, spec, problems);
    check_counts(job, spec, problems);
}

static void add_item(struct vain_plan *plan, const char *what, int64_t bytes)
{
    VAIN_ASSERT(plan->item_count < VAIN_PLAN_ITEMS_MAX);
    if (bytes > 0)
        plan->items[plan->item_count++] = (struct vain_plan_item){what, bytes};
    plan->memory_bytes += bytes;
}

/* The way of summing; VAIN_ALGORITHM_AUTO: several are tried. */
static enum vain_algorithm algorithm_of(const struct vain_job *job, int members, int64_t word_count)
{
    const enum vain_algorithm wanted = (enum vain_algorithm)job->exchange.algorithm;
    return wanted == VAIN_ALGORITHM_AUTO && job->exchange.transport == VAIN_TRANSPORT_TLS
               ? vain_algorithm_by_rule(members, word_count)
               : wanted;
}

/* Ways that are tried are open side by side at the start. */
static int64_t exchange_bytes(const struct vain_job *job, int members, int64_t word_count)
{
    const int window = job->exchange.transport == VAIN_TRANSPORT_TLS ? VAIN_RING_WINDOW_MAX : 0;
    const enum vain_algorithm algorithm = algorithm_of(job, members, word_count);
    if (algorithm != VAIN_ALGORITHM_AUTO)
        return vain_exchange_memory_bytes(members, word_count, algorithm, window);
    const int64_t tried = word_count < VAIN_CHOOSE_WORDS ? word_count : VAIN_CHOOSE_WORDS;
    const int64_t tree =
        word_count <= VAIN_CHOOSE_TREE_WORDS
            ? vain_exchange_memory_bytes(members, word_count, VAIN_ALGORITHM_TREE, 0)
            : 0;
    return vain_exchange_memory_bytes(members, tried, VAIN_ALGORITHM_RING, 0) + tree;
}

/* Attempts with evidence are on a ring, whose buffer the run's own ring has already. */
static int64_t evidence_bytes(const struct vain_job *job, int members, int64_t word_count)
{
    if (job->exchange.transport != VAIN_TRANSPORT_TLS || members < 2 ||
        members > VAIN_EVIDENCE_MEMBERS_MAX)
        return 0;
    const int64_t ring = algorithm_of(job, members, word_count) != VAIN_ALGORITHM_RING
                             ? vain_exchange_memory_bytes(members, word_count, VAIN_ALGORITHM_RING,
                                                          VAIN_RING_WINDOW_MAX)
                             : 0;
    return ring + vain_evidence_memory_bytes(members);
}

static void plan_memory(struct vain_plan *plan, const struct vain_job *job,
                        const struct vain_method_config *method, const struct vain_codec *codec,
                        int64_t corpus_bytes, int64_t base_bytes)
{
    const int64_t vector = plan->parameter_count * (int64_t)sizeof(float);
    const int64_t part = plan->ranks > 1 ? (vector / plan->ranks + 1) * (plan->ranks - 1) : 0;
    add_item(plan, "the program and its libraries", base_bytes);
    add_item(plan, "method: parameters, gradients, what it keeps, activations, batch",
             vain_method_ops_of(job)->memory_bytes(method));
    add_item(plan, "common parameters", vector);
    add_item(plan, "outer momentum", vain_outer_keeps_momentum(&job->outer) ? vector : 0);
    add_item(plan, "residuals, of the last round and the one under way", 2 * vector);
    add_item(plan, "words of the exchange", codec->word_count * (int64_t)sizeof(uint32_t));
    add_item(plan, "messages under way", exchange_bytes(job, codec->members, codec->word_count));
    add_item(plan, "evidence, once a sum was spoilt",
             evidence_bytes(job, codec->members, codec->word_count));
    add_item(plan, "site: other ranks' gradients", part);
    add_item(plan, "loss curve",
             (job->train.rounds + 1) * (int64_t)sizeof(struct vain_curve_point));
    add_item(plan, "data", corpus_bytes);
}

enum vain_status vain_plan_make(const struct vain_job *job, int members, int ranks,
                                const struct vain_data *data, int64_t base_bytes,
                                struct vain_plan *out)
{
    memset(out, 0, sizeof *out);
    struct vain_model_options model = job->model;
    vain_fit_model(data, &model);
    const struct vain_model_ops *model_ops = vain_model_ops_of(&model);
    struct vain_layout layout;
    struct vain_codec codec;
    VAIN_TRY(model_ops->layout(&model, &layout));
    out->flops_per_token = vain_model_flops_per_token(&model, &layout);
    vain_layout_fini(&layout);
    VAIN_TRY(vain_method_layout(job, &model, &layout));
    const struct vain_method_config method = {
        .job = job, .model = &model, .model_ops = model_ops, .layout = &layout, .data = data};
    out->members = members;
    out->ranks = ranks;
    out->parameter_count = layout.parameter_count;
    out->slice_count = layout.slice_count;
    out->symbols = data->symbol_count;
    out->steps = job->train.rounds * job->train.local_steps;
    out->unit = vain_method_ops_of(job)->unit(job);
    out->units = out->steps * vain_method_ops_of(job)->step_size(job) * ranks;
    const enum vain_status status = vain_codec_init(
        &codec, layout.parameter_count, members, job->exchange.bits == VAIN_FIELD_16 ? 16 : 32,
        job->exchange.clip, vain_method_ops_of(job)->step_bound(job));
    if (status == VAIN_OK) {
        plan_memory(out, job, &method, &codec, data->bytes, base_bytes);
        out->together_bytes = base_bytes + members * (out->memory_bytes - base_bytes);
        out->round_bytes = members > 1 ? vain_codec_round_bytes(&codec) : 0;
        out->value_bits = codec.fixed.bits;
        const int64_t vector = layout.parameter_count * (int64_t)sizeof(float);
        out->checkpoint_bytes = vector * (vain_outer_keeps_momentum(&job->outer) ? 2 : 1);
        out->member_file_bytes = vector; /* the residual, and what the method keeps */
        if (vain_method_ops_of(job)->kept_bytes != NULL)
            out->member_file_bytes += vain_method_ops_of(job)->kept_bytes(&method);
    }
    vain_layout_fini(&layout);
    return status;
}

/* vain eval: what a run measures, for a checkpoint's model on a spec's data: mean loss over the
 * whole validation split of a text, accuracy on the test images.
 *
 * The numbers are those that a run prints: the same samples, all of them, one process with all
 * cores. The model comes from the checkpoint; the spec brings the data and is refused where it
 * describes another model, because a loss of something else than was meant is worse than none. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cmd/hosts.h"
#include "cmd/json.h"
#include "cmd/measures.h"
#include "cmd/report.h"
#include "cmd/trained.h"
#include "cmd/world.h"
#include "jobs/fit.h"
#include "jobs/method.h"
#include "jobs/store/member.h"

/* ------------------------------------------------------------------ arguments */

struct arguments {
    const char *file, *spec, *member;
    char chosen[VAIN_PATH_BYTES]; /* of a folder that was given */
    const char *sets[VAIN_SETS_MAX];
    int set_count;
    bool json;
};

enum { KEY_SET = 1, KEY_MEMBER, KEY_JSON };

static const struct argp_option option_rows[] = {
    {"set", KEY_SET, "KEY=VALUE", 0, "Override a key of the spec; may be repeated", 0},
    {"member", KEY_MEMBER, "NAME", 0,
     "Whose file, where every member has his own (default: whose key is here, else the first "
     "one's)",
     0},
    {"json", KEY_JSON, NULL, 0, "Print one JSON object", 0},
    {0},
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case KEY_SET:
        if (arguments->set_count == VAIN_SETS_MAX)
            argp_error(state, "more than %d --set", VAIN_SETS_MAX);
        arguments->sets[arguments->set_count++] = argument;
        return 0;
    case KEY_MEMBER:
        arguments->member = argument;
        return 0;
    case KEY_JSON:
        arguments->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->spec != NULL)
            argp_error(state, "'%s' is one argument too many", argument);
        *(arguments->file == NULL ? &arguments->file : &arguments->spec) = argument;
        return 0;
    case ARGP_KEY_END:
        if (arguments->spec == NULL)
            argp_error(state, "CKPT and SPEC are needed: a checkpoint, and the job spec that names "
                              "the data");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp eval_argp = {
    .options = option_rows,
    .parser = parse_option,
    .args_doc = "CKPT|DIR SPEC",
    .doc =
        "What a run of SPEC measures, for a checkpoint: mean loss in nats over all that nobody "
        "trains on, and accuracy where there are classes. DIR: the newest checkpoint in it that is "
        "whole.\v"
        "Examples:\n"
        "  vain eval runs/job job.yaml\n"
        "  vain eval runs/job/checkpoint-000100.h5 job.yaml\n"
        "  vain eval runs/job/checkpoint-000100.h5 job.yaml --set data.text=other.txt",
};

/* ------------------------------------------------------------------ does it fit */

static enum vain_status compare_count(const char *key, int64_t stored, int64_t given)
{
    if (stored == given)
        return VAIN_OK;
    return vain_fail(VAIN_ERR_REFUSED,
                     "the checkpoint was made with %s %lld, the spec says %lld; give --set "
                     "%s=%lld, or the checkpoint's own spec",
                     key, (long long)stored, (long long)given, key, (long long)stored);
}

/* Everything that changes what the parameters mean; dropout does not. */
static enum vain_status compare_model(const struct vain_model_options *stored,
                                      const struct vain_model_options *given)
{
    if (stored->kind != given->kind)
        return vain_fail(VAIN_ERR_REFUSED,
                         "the checkpoint's model is of kind %s, the spec's of kind %s; give the "
                         "checkpoint's own spec",
                         vain_model_ops_of(stored)->name, vain_model_ops_of(given)->name);
    VAIN_TRY(compare_count("model.context", stored->context, given->context));
    if (stored->kind == VAIN_MODEL_ENCODER) {
        VAIN_TRY(compare_count("model.features", stored->features, given->features));
        if (stored->loss.kind != given->loss.kind)
            return vain_fail(VAIN_ERR_REFUSED, "the checkpoint's loss.kind is not the spec's; give "
                                               "the checkpoint's own spec");
        VAIN_TRY(compare_count("loss.clusters", stored->loss.clusters, given->loss.clusters));
    }
    if (stored->kind == VAIN_MODEL_TRANSFORMER || stored->kind == VAIN_MODEL_ENCODER) {
        VAIN_TRY(compare_count("model.layers", stored->layers, given->layers));
        VAIN_TRY(compare_count("model.heads", stored->heads, given->heads));
        return compare_count("model.width", stored->width, given->width);
    }
    if (stored->kind == VAIN_MODEL_CONVNET) {
        if (stored->preset == given->preset && strcmp(stored->network, given->network) == 0)
            return VAIN_OK;
        return vain_fail(VAIN_ERR_REFUSED, "the checkpoint's model.network or model.preset is not "
                                           "the spec's; give the checkpoint's own spec");
    }
    bool equal = stored->sizes.count == given->sizes.count;
    for (int i = 0; equal && i < stored->sizes.count; i++)
        equal = stored->sizes.values[i] == given->sizes.values[i];
    if (!equal)
        return vain_fail(VAIN_ERR_REFUSED, "the checkpoint's model.sizes are not the spec's; give "
                                           "the checkpoint's own spec");
    return VAIN_OK;
}

/* What agents kept has the shape that these keys gave it. */
static enum vain_status compare_memories(const struct vain_job *stored,
                                         const struct vain_job *given)
{
    const struct vain_agent_options *a = &stored->memory, *b = &given->memory;
    if (stored->train.method != VAIN_METHOD_AGENTS || given->train.method != VAIN_METHOD_AGENTS)
        return VAIN_OK;
    if (a->enabled != b->enabled)
        return vain_fail(VAIN_ERR_REFUSED,
                         "the checkpoint's agents %s memories (memory.enabled), the spec's %s; "
                         "%s, or give the checkpoint's own spec",
                         a->enabled ? "have" : "have no", b->enabled ? "have" : "have none",
                         a->enabled ? "--set memory.retrieval=false measures the model alone"
                                    : "set memory.enabled: false");
    if (!a->enabled)
        return VAIN_OK;
    VAIN_TRY(compare_count("memory.agents", a->agents, b->agents));
    VAIN_TRY(compare_count("memory.budget", a->budget_bytes, b->budget_bytes));
    VAIN_TRY(compare_count("memory.ring", a->ring, b->ring));
    VAIN_TRY(compare_count("memory.clusters", a->clusters, b->clusters));
    return compare_count("memory.symbols", a->symbols, b->symbols);
}

/* A symbol as a message names it: the data's, or the checkpoint's where the data have fewer. */
static const char *name_symbol(const struct vain_checkpoint *content, const struct vain_data *data,
                               int64_t symbol, char out[VAIN_MIN_LEN(VAIN_WORD_BYTES)])
{
    const bool own = symbol < data->symbol_count;
    if (data->words != NULL)
        return (own ? data->words : content->words) + symbol * VAIN_WORD_BYTES;
    snprintf(out, VAIN_WORD_BYTES, "U+%04X",
             (unsigned)(own ? data->vocabulary : content->symbols)[symbol]);
    return out;
}

static enum vain_status compare_symbols(const struct vain_checkpoint *content,
                                        const struct vain_data *corpus)
{
    if (strcmp(content->symbol_kind, corpus->symbol_kind) != 0)
        return vain_fail(VAIN_ERR_REFUSED,
                         "the checkpoint was trained on %s, the spec's data are %s; see "
                         "data.symbols, data.text and data.tokens",
                         content->symbol_kind, corpus->symbol_kind);
    const bool listed = corpus->vocabulary != NULL || corpus->words != NULL;
    if (!listed)
        return corpus->symbol_count <= content->symbol_count
                   ? VAIN_OK
                   : vain_fail(VAIN_ERR_REFUSED,
                               "the data hold token %lld, but the checkpoint knows %lld tokens; "
                               "are they of another tokeniser?",
                               (long long)corpus->symbol_count - 1,
                               (long long)content->symbol_count);
    const int64_t first =
        vain_data_first_difference(corpus, content->symbol_count, content->symbols, content->words);
    char name[VAIN_WORD_BYTES];
    if (first < 0)
        return VAIN_OK;
    return vain_fail(VAIN_ERR_REFUSED,
                     "the data have %lld different %s, the checkpoint was trained with %lld; the "
                     "first difference is at number %lld (%s in the %s); use the same file%s",
                     (long long)corpus->symbol_count, corpus->symbol_kind,
                     (long long)content->symbol_count, (long long)first,
                     name_symbol(content, corpus, first, name),
                     first < corpus->symbol_count ? "data" : "checkpoint",
                     corpus->words != NULL ? "" : ", or train with data.symbols: bytes");
}

/* ------------------------------------------------------------------ the evaluation */

struct work {
    const struct arguments *arguments;
    struct vain_loaded_spec spec;
    struct vain_trained *trained;
    struct vain_data data;
    struct vain_site site;
    struct vain_method method;
    const char *member; /* whose data and file */
    struct vain_measures measures;
    double seconds;
    int64_t samples; /* that the loss is the mean of */
};

static enum vain_status open_data(struct work *work)
{
    const struct vain_spec *spec = &work->spec.spec;
    VAIN_TRY(vain_hosts_shown(spec, work->arguments->member, &work->member));
    const char *alone[] = {work->member};
    const char **names = alone;
    const int count = spec->member_count > 0 ? spec->member_count : 1;
    if (spec->member_count > 0) {
        VAIN_TRY(vain_take_array(count, sizeof *names, "member names", (void **)&names));
        for (int i = 0; i < count; i++)
            names[i] = spec->members[i].name;
    }
    const struct vain_data_place place = {.spec_folder = work->spec.folder,
                                          .names = names,
                                          .name_count = count,
                                          .own_name = work->member,
                                          .context = work->spec.job.model.context,
                                          .seed = work->spec.job.general.seed};
    const enum vain_status status = vain_data_open(&work->spec.job.data, &place, &work->data);
    if (names != alone)
        vain_release(names);
    return status;
}

/* What was exchanged means something to its own method only, with its own keys: then the job is the
 * checkpoint's, and the spec brings the data. */
static const struct vain_job *job_of(const struct work *work)
{
    const struct vain_job *stored = &work->trained->spec.job, *given = &work->spec.job;
    const bool own =
        vain_method_ops_of(stored)->layout != NULL || vain_method_ops_of(given)->layout != NULL;
    return own ? stored : given;
}

static enum vain_status open_method(struct work *work)
{
    struct vain_trained *trained = work->trained;
    work->site.comm.size = 1;
    const struct vain_method_config config = {
        .job = job_of(work),
        .model = &trained->model,
        .model_ops = trained->model_ops,
        .layout = &trained->layout,
        .data = &work->data,
        .queue = &trained->queue,
        .site = &work->site,
        .member_name = work->member,
    };
    return vain_method_ops_of(config.job)->open(&config, trained->parameters, &work->method);
}

/* What the member kept, from its file beside the checkpoint. The method runs on the CPU. */
static enum vain_status read_state(struct work *work, const char *path,
                                   struct vain_member_state *state)
{
    const int64_t N = work->trained->layout.parameter_count;
    enum vain_status status;
    state->parameter_count = N;
    state->memory_count = work->method.memory_count;
    memcpy(state->memories, work->method.memories, sizeof state->memories);
    VAIN_TRY_OUT(
        vain_take_array(N, sizeof(float), "a member's residual", (void **)&state->residual));
    VAIN_TRY_OUT(
        vain_take_array(N, sizeof(float), "a member's parameters", (void **)&state->parameters));
    VAIN_TRY_OUT(vain_member_read(path, work->trained->queue.device->pool, state));
    if (memcmp(state->parameters_hash, work->trained->checkpoint.content->parameters_hash,
               VAIN_HASH_BYTES) != 0)
        status = vain_fail(VAIN_ERR_CORRUPT, "%s belongs to other parameters than %s", path,
                           work->arguments->file);
out:
    vain_release(state->residual);
    vain_release(state->parameters);
    return status;
}

/* Where evaluation starts from what a member keeps, that is part of the measure. Without a file it
 * starts from nothing, and says so. */
static enum vain_status read_memories(struct work *work)
{
    const char *file = work->arguments->file, *slash = strrchr(file, '/');
    const char *member = work->method.config.member_name;
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    struct vain_member_state state;
    if (!vain_method_ops_of(&work->spec.job)->measures_with_memories ||
        work->method.memory_count == 0)
        return VAIN_OK;
    snprintf(folder, sizeof folder, "%.*s", slash != NULL ? (int)(slash - file) : 1,
             slash != NULL ? file : ".");
    memset(&state, 0, sizeof state);
    vain_member_path(folder, member, work->trained->checkpoint.content->round, path, sizeof path);
    const enum vain_status status = read_state(work, path, &state);
    work->method.optimiser_step = status == VAIN_OK ? state.optimiser_step : 0;
    if (status != VAIN_ERR_NOT_FOUND)
        return status;
    vain_fail_clear();
    fprintf(stderr,
            "vain: %s is not there: what is measured starts without what the member kept, so it is "
            "another accuracy than in the run; name whose file with --member\n",
            path);
    return VAIN_OK;
}

static enum vain_status evaluate(struct work *work)
{
    struct vain_world *world = vain_world_real();
    const struct vain_method_share share = {
        .share = 0, .shares = 1, .last = true, .round = work->trained->checkpoint.content->round};
    const struct vain_method_ops *ops = vain_method_ops_of(job_of(work));
    struct vain_measure_sums sums = {0};
    const uint64_t start_ns = world->ops->now_ns(world);
    VAIN_TRY(ops->evaluate(&work->method, work->trained->parameters, &share, &sums));
    work->seconds = (double)(world->ops->now_ns(world) - start_ns) * 1e-9;
    work->samples = sums.of[VAIN_MEASURE_LOSS].count;
    vain_measure_finish(&sums, &work->measures);
    if (work->samples == 0 && sums.of[VAIN_MEASURE_ACCURACY].count == 0)
        return vain_fail(VAIN_ERR_INPUT,
                         "the validation split is empty: data.validation is %g; "
                         "give it a share, such as 0.1",
                         work->spec.job.data.validation);
    if (work->samples > 0 && !isfinite(work->measures.of[VAIN_MEASURE_LOSS].mean))
        return vain_fail(VAIN_ERR_NUMERIC, "%s: the loss is not finite; take an earlier checkpoint",
                         work->arguments->file);
    return VAIN_OK;
}

static enum vain_status do_work(struct work *work, bool *reported)
{
    const struct arguments *arguments = work->arguments;
    VAIN_TRY(vain_loaded_spec_open(arguments->spec, arguments->sets, arguments->set_count,
                                   arguments->json, &work->spec, reported));
    VAIN_TRY(open_data(work));
    VAIN_TRY(vain_trained_open(arguments->file, &work->data, &work->trained));
    VAIN_TRY(compare_model(&work->trained->model, &work->spec.job.model));
    if (work->trained->model.kind == VAIN_MODEL_CONVNET)
        VAIN_TRY(vain_fit_compare_pixels(arguments->file, &work->trained->spec.job.data,
                                         &work->spec.job.data));
    VAIN_TRY(compare_memories(&work->trained->spec.job, &work->spec.job));
    VAIN_TRY(compare_symbols(work->trained->checkpoint.content, &work->data));
    VAIN_TRY(open_method(work));
    VAIN_TRY(read_memories(work));
    return evaluate(work);
}

static void release_work(struct work *work)
{
    if (work->method.config.job != NULL)
        vain_method_ops_of(job_of(work))->close(&work->method);
    vain_data_close(&work->data);
    vain_trained_close(&work->trained);
    vain_loaded_spec_fini(&work->spec);
    vain_release(work);
}

/* ------------------------------------------------------------------ the verb */

/* The split of labelled sentences that was measured; NULL for other data. */
static const char *split_of(const struct work *work)
{
    const struct vain_data_options *options = &work->spec.job.data;
    if (work->data.kind != VAIN_DATA_SENTENCES)
        return NULL;
    return vain_sentence_data_measured(&work->data.sentences, true) == VAIN_SPLIT_TEST
               ? options->test_split
               : options->validation_split;
}

static int print_result(const struct work *work)
{
    const struct vain_checkpoint *content = work->trained->checkpoint.content;
    const double loss = work->measures.of[VAIN_MEASURE_LOSS].mean;
    const bool text = work->data.kind == VAIN_DATA_TEXT;
    const char *split = split_of(work);
    char seconds[32];
    if (!work->arguments->json) {
        if (work->samples > 0)
            printf("validation loss  %.4f nats, the mean over %lld %s%s%s%s (round %lld), in %s\n",
                   loss, (long long)work->samples, text ? "symbols" : "samples",
                   split != NULL ? " of split '" : "", split != NULL ? split : "",
                   split != NULL ? "'" : "", (long long)content->round,
                   vain_format_seconds(work->seconds, seconds));
        vain_measures_print(&work->measures);
        return vain_finish_output();
    }
    struct json_object *data = json_object_new_object();
    json_object_object_add(data, "validation_loss", vain_json_number(loss));
    if (text)
        json_object_object_add(data, "perplexity", vain_json_number(exp(loss)));
    json_object_object_add(data, text ? "symbols" : "samples",
                           json_object_new_int64(work->samples));
    if (split != NULL)
        json_object_object_add(data, "measured_split", vain_json_text(split));
    vain_measures_add_json(data, &work->measures);
    json_object_object_add(data, "round", json_object_new_int64(content->round));
    json_object_object_add(data, "step", json_object_new_int64(content->step));
    json_object_object_add(data, "parameters_hash",
                           vain_json_hex(content->parameters_hash, VAIN_HASH_BYTES));
    json_object_object_add(data, "seconds", vain_json_number(work->seconds));
    return vain_print_data(data);
}

int vain_verb_eval(int argc, char **argv)
{
    struct arguments arguments = {0};
    struct work *work = NULL;
    bool reported = false;
    const int wrong = vain_parse_arguments(&eval_argp, argc, argv, &arguments);
    if (wrong != 0)
        return wrong;
    enum vain_status status = vain_take(sizeof *work, "evaluation", (void **)&work);
    if (status != VAIN_OK)
        return vain_report_failure(status, arguments.json);
    work->arguments = &arguments;
    status = vain_ckpt_choose(&arguments.file, arguments.chosen);
    if (status == VAIN_OK)
        status = do_work(work, &reported);
    int code;
    if (status == VAIN_OK)
        code = print_result(work);
    else
        code = reported ? vain_exit_code(status) : vain_report_failure(status, arguments.json);
    release_work(work);
    return code;
}

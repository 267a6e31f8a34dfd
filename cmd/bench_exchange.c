/* vain bench exchange: how long members take to sum their words, and where the time goes.
 *
 * Members are the ranks of an MPI world, threads of this process or, joined by TLS links, processes
 * that it starts (cmd/bench_tls.c). What one of them does is in cmd/bench_member.c; here are the
 * options, the ranks of this process and what is printed. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cmd/bench.h"
#include "cmd/bench_member.h"
#include "cmd/bench_tls.h"
#include "cmd/json.h"
#include "cmd/launch.h"
#include "cmd/report.h"
#include "cmd/verb.h"
#include "slurm/environment.h"

/* ------------------------------------------------------------------ arguments */

enum {
    MIB_MAX = 65536,  /* 64 GiB */
    KIB_MAX = 1 << 20 /* 1 GiB: beyond, people think in MiB */
};

struct arguments {
    struct vain_bench_exchange exchange;
    int members, connections; /* 0: not given */
    bool tls, algorithm_given, sized, json;
};

enum {
    KEY_MIB = 1,
    KEY_KIB,
    KEY_PRIVACY,
    KEY_LEVEL,
    KEY_ALGORITHM,
    KEY_MEMBERS,
    KEY_TRANSPORT,
    KEY_CONNECTIONS,
    KEY_RUNS,
    KEY_BITS,
    KEY_JSON
};

static const struct argp_option option_rows[] = {
    {"mib", KEY_MIB, "N", 0, "Size of a member's words in MiB (64)", 0},
    {"kib", KEY_KIB, "N", 0, "The same in KiB, for small vectors", 0},
    {"privacy", KEY_PRIVACY, "none|masked", 0, "Whether words carry masks (masked)", 0},
    {"level", KEY_LEVEL, "1|2", 0,
     "2: words carry a mask of the member's own too, which comes off the sum (1)", 0},
    {"algorithm", KEY_ALGORITHM, "auto|native|ring|tree", 0,
     "How words are summed; auto: what is fastest here, by trial (auto; with tls ring)", 0},
    {"members", KEY_MEMBERS, "N", 0,
     "Members as threads of this process (transport loop), or with tls as processes", 0},
    {"transport", KEY_TRANSPORT, "auto|tls", 0,
     "tls: N processes joined by TLS links over loopback; auto: mpi or loop (auto)", 0},
    {"connections", KEY_CONNECTIONS, "K", 0, "With tls: links of each pair (1)", 0},
    {"runs", KEY_RUNS, "N", 0, "Runs to measure, after one that is not (5)", 0},
    {"bits", KEY_BITS, "32|16", 0, "Bits of a value on its way (32)", 0},
    {"json", KEY_JSON, NULL, 0, "Print one JSON object", 0},
    {0}};

static int64_t read_number(struct argp_state *state, const char *option, const char *text,
                           int64_t most)
{
    char *end = NULL;
    const long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || value < 1 || value > most)
        argp_error(state, "--%s %s: expected a whole number from 1 to %lld", option, text,
                   (long long)most);
    return value;
}

static void read_size(struct argp_state *state, const char *option, const char *text, int64_t most,
                      int64_t unit)
{
    struct arguments *arguments = state->input;
    if (arguments->sized)
        argp_error(state, "--%s %s: the size was given before; give --mib or --kib, once", option,
                   text);
    arguments->sized = true;
    arguments->exchange.bytes = read_number(state, option, text, most) * unit;
}

static enum vain_algorithm read_algorithm(struct argp_state *state, const char *text)
{
    for (int a = 0; a < VAIN_ALGORITHMS; a++) {
        if (strcmp(text, vain_algorithm_name((enum vain_algorithm)a)) == 0)
            return (enum vain_algorithm)a;
    }
    argp_error(state, "--algorithm %s: expected auto, native, ring or tree", text);
    return VAIN_ALGORITHM_AUTO;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    struct vain_bench_exchange *exchange = &arguments->exchange;
    switch (key) {
    case KEY_MIB:
        read_size(state, "mib", argument, MIB_MAX, INT64_C(1) << 20);
        return 0;
    case KEY_KIB:
        read_size(state, "kib", argument, KIB_MAX, INT64_C(1) << 10);
        return 0;
    case KEY_PRIVACY:
        exchange->masked = strcmp(argument, "masked") == 0;
        if (!exchange->masked && strcmp(argument, "none") != 0)
            argp_error(state, "--privacy %s: expected none or masked", argument);
        return 0;
    case KEY_LEVEL:
        exchange->own_masks = strcmp(argument, "2") == 0;
        if (!exchange->own_masks && strcmp(argument, "1") != 0)
            argp_error(state, "--level %s: expected 1 or 2", argument);
        return 0;
    case KEY_ALGORITHM:
        exchange->algorithm = read_algorithm(state, argument);
        arguments->algorithm_given = true;
        return 0;
    case KEY_MEMBERS:
        arguments->members = (int)read_number(state, "members", argument, VAIN_MEMBERS_MAX);
        return 0;
    case KEY_TRANSPORT:
        arguments->tls = strcmp(argument, "tls") == 0;
        if (!arguments->tls && strcmp(argument, "auto") != 0)
            argp_error(state, "--transport %s: expected auto or tls", argument);
        return 0;
    case KEY_CONNECTIONS:
        arguments->connections =
            (int)read_number(state, "connections", argument, VAIN_CONNECTIONS_MAX);
        return 0;
    case KEY_RUNS:
        exchange->runs = (int)read_number(state, "runs", argument, VAIN_BENCH_RUNS_MAX);
        return 0;
    case KEY_BITS:
        exchange->bits = strcmp(argument, "16") == 0 ? 16 : 32;
        if (exchange->bits == 32 && strcmp(argument, "32") != 0)
            argp_error(state, "--bits %s: expected 32 or 16", argument);
        return 0;
    case KEY_JSON:
        arguments->json = true;
        return 0;
    case ARGP_KEY_END:
        if (exchange->own_masks && !exchange->masked)
            argp_error(state,
                       "--level 2 gives members masks of their own: leave out --privacy none");
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s' is one argument too many", argument);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp exchange_argp = {
    .options = option_rows,
    .parser = parse_option,
    .doc = "Time the collective exchange of words between members, and its parts one by one.\v"
           "Under an MPI launcher each rank is a member; --members N makes N threads members, or "
           "with --transport tls N processes. "
           "The time is the one in which ready words become their sum: with masks, making them is "
           "in it; agreeing on the round before and verifying the sum after it are not.\n"
           "Examples:\n"
           "  mpirun -n 4 vain bench exchange --mib 64 --privacy masked --json\n"
           "  vain bench exchange --members 3 --kib 4 --privacy none --algorithm tree\n"
           "  vain bench exchange --transport tls --members 4 --connections 2 --mib 64",
};

/* ------------------------------------------------------------------ the ranks of this process */

/* A thread under loop, the process under mpi. */
struct rank {
    const struct vain_bench_exchange *exchange;
    struct vain_comm *comm; /* under loop: &loop_comm */
    struct vain_comm loop_comm;
    int sharers;
    struct vain_bench_times times;
    enum vain_status status;
    char message[VAIN_MESSAGE_BYTES]; /* messages belong to threads */
    pthread_t thread;
};

static void *run_rank(void *context)
{
    struct rank *rank = context;
    rank->status = vain_bench_member_run(rank->exchange, rank->comm, rank->sharers, &rank->times);
    if (rank->status != VAIN_OK)
        snprintf(rank->message, sizeof rank->message, "%s", vain_fail_message());
    return NULL;
}

static enum vain_status open_ranks(const struct vain_bench_exchange *exchange,
                                   struct vain_loop_hub *hub, struct rank *ranks, int count)
{
    for (int i = 0; i < count; i++) {
        ranks[i].exchange = exchange;
        ranks[i].comm = &ranks[i].loop_comm;
        ranks[i].sharers = count;
        VAIN_TRY(vain_loop_comm_open(hub, i, ranks[i].comm));
    }
    return VAIN_OK;
}

/* A rank that lost a peer knows less of the cause than the peer. */
static enum vain_status worst_of(const struct rank *ranks, int count)
{
    const struct rank *worst = NULL;
    for (int i = 0; i < count; i++) {
        if (ranks[i].status != VAIN_OK &&
            (worst == NULL || (worst->status == VAIN_ERR_PEER && ranks[i].status != VAIN_ERR_PEER)))
            worst = &ranks[i];
    }
    return worst == NULL ? VAIN_OK : vain_fail(worst->status, "%s", worst->message);
}

/* All members as threads; rank 0 runs here. */
static enum vain_status run_loop(const struct arguments *arguments, struct rank *first)
{
    struct vain_loop_hub *hub = NULL;
    struct rank *ranks = NULL;
    enum vain_status status;
    const int count = arguments->members;
    int started = 1;
    VAIN_TRY_OUT(vain_loop_hub_open(count, &hub));
    VAIN_TRY_OUT(vain_take_array(count, sizeof *ranks, "ranks", (void **)&ranks));
    VAIN_TRY_OUT(open_ranks(&arguments->exchange, hub, ranks, count));
    while (started < count &&
           pthread_create(&ranks[started].thread, NULL, run_rank, &ranks[started]) == 0)
        started++;
    if (started == count)
        run_rank(&ranks[0]);
    else
        ranks[0].comm->ops->abort(ranks[0].comm);
    for (int i = 1; i < started; i++)
        pthread_join(ranks[i].thread, NULL);
    status = started == count
                 ? worst_of(ranks, count)
                 : vain_fail(VAIN_ERR_MEMORY,
                             "thread for member %d of %d could not be started; use fewer --members",
                             started + 1, count);
    *first = ranks[0];
out:
    for (int i = 0; ranks != NULL && i < count; i++) {
        if (ranks[i].loop_comm.ops != NULL)
            ranks[i].loop_comm.ops->close(&ranks[i].loop_comm);
    }
    vain_release(ranks);
    vain_loop_hub_close(&hub);
    return status;
}

static enum vain_status run_mpi(const struct arguments *arguments, struct vain_launched *launch,
                                struct rank *rank)
{
    rank->exchange = &arguments->exchange;
    rank->comm = &launch->comm;
    rank->sharers = launch->sharers;
    run_rank(rank);
    return rank->status;
}

static enum vain_status check_ranks(const struct arguments *arguments,
                                    const struct vain_launched *launch)
{
    const struct vain_exchange_options any = {.transport = VAIN_TRANSPORT_AUTO};
    VAIN_TRY(vain_launch_check(launch, &any, arguments->members));
    if (!launch->mpi && arguments->members == 0)
        return vain_fail(VAIN_ERR_INPUT,
                         "no MPI launcher started this process and --members is not given; use "
                         "'mpirun -n N vain bench exchange ...', or --members N");
    return VAIN_OK;
}

/* ------------------------------------------------------------------ output */

struct answer {
    const struct vain_bench_exchange *exchange;
    const struct vain_bench_times *times;
    int members;
    const char *transport;
    double sorted[VAIN_BENCH_PARTS][VAIN_BENCH_RUNS_MAX], median[VAIN_BENCH_PARTS];
};

static void sort_times(struct answer *answer)
{
    const int runs = answer->exchange->runs;
    memcpy(answer->sorted, answer->times->seconds, sizeof answer->sorted);
    for (int part = 0; part < VAIN_BENCH_PARTS; part++) {
        double *sorted = answer->sorted[part];
        vain_bench_sort(sorted, runs);
        answer->median[part] = (sorted[(runs - 1) / 2] + sorted[runs / 2]) / 2;
    }
}

static int print_json(const struct answer *answer)
{
    const struct vain_bench_exchange *exchange = answer->exchange;
    const double *median = answer->median;
    struct json_object *data = json_object_new_object(), *all = json_object_new_array(),
                       *phases = json_object_new_object();
    for (int run = 0; run < exchange->runs; run++)
        json_object_array_add(all,
                              vain_json_number(answer->times->seconds[VAIN_BENCH_REDUCE][run]));
    json_object_object_add(phases, "codec", vain_json_number(median[VAIN_BENCH_CODEC]));
    json_object_object_add(phases, "codec_masked",
                           vain_json_number(median[VAIN_BENCH_CODEC_MASKED]));
    json_object_object_add(phases, "masks", vain_json_number(median[VAIN_BENCH_MASKS]));
    json_object_object_add(phases, "own_masks_off", vain_json_number(median[VAIN_BENCH_OPEN]));
    json_object_object_add(phases, "transfer", vain_json_number(median[VAIN_BENCH_TRANSFER]));
    json_object_object_add(phases, "check", vain_json_number(median[VAIN_BENCH_CHECK]));
    json_object_object_add(phases, "commitment", vain_json_number(median[VAIN_BENCH_COMMITMENT]));
    json_object_object_add(phases, "hash", vain_json_number(median[VAIN_BENCH_HASH]));
    json_object_object_add(data, "seconds_median", vain_json_number(median[VAIN_BENCH_REDUCE]));
    json_object_object_add(data, "seconds", all);
    json_object_object_add(data, "algorithm",
                           json_object_new_string(vain_algorithm_name(answer->times->algorithm)));
    json_object_object_add(data, "privacy",
                           json_object_new_string(exchange->masked ? "masked" : "none"));
    json_object_object_add(data, "level", json_object_new_int(exchange->own_masks ? 2 : 1));
    json_object_object_add(data, "members", json_object_new_int(answer->members));
    json_object_object_add(data, "bytes", json_object_new_int64(exchange->bytes));
    json_object_object_add(data, "bits", json_object_new_int(exchange->bits));
    json_object_object_add(data, "parameter_count",
                           json_object_new_int64(answer->times->parameter_count));
    json_object_object_add(data, "transport", json_object_new_string(answer->transport));
    json_object_object_add(data, "threads", json_object_new_int(answer->times->threads));
    json_object_object_add(data, "phases", phases);
    json_object_object_add(data, "mask_stream_bytes_per_second",
                           vain_json_number((double)exchange->bytes / median[VAIN_BENCH_STREAM]));
    return vain_print_data(data);
}

static int print_table(const struct answer *answer)
{
    static const struct {
        enum vain_bench_part part;
        const char *label;
    } rows[] = {
        {VAIN_BENCH_REDUCE, "exchange"},
        {VAIN_BENCH_CODEC, "codec"},
        {VAIN_BENCH_CODEC_MASKED, "codec with masks"},
        {VAIN_BENCH_MASKS, "masks alone"},
        {VAIN_BENCH_OPEN, "own masks off"},
        {VAIN_BENCH_TRANSFER, "transfer"},
        {VAIN_BENCH_CHECK, "check"},
        {VAIN_BENCH_COMMITMENT, "commitment"},
        {VAIN_BENCH_HASH, "hash"},
        {VAIN_BENCH_STREAM, "one mask, a core"},
    };
    const struct vain_bench_exchange *exchange = answer->exchange;
    const int runs = exchange->runs;
    const bool short_ones = answer->median[VAIN_BENCH_REDUCE] < 1e-3;
    const double scale = short_ones ? 1e6 : 1e3;
    const char *unit = short_ones ? "us" : "ms";
    char size[32];
    printf("%s of words a member, %d member%s over %s, %s, %s; %d run%s\n\n",
           vain_format_bytes((double)exchange->bytes, size), answer->members,
           answer->members == 1 ? "" : "s", answer->transport,
           exchange->masked ? "masked" : "not masked",
           vain_algorithm_name(answer->times->algorithm), runs, runs == 1 ? "" : "s");
    printf("%-16s  %7s %s  %7s %s  %7s %s  %14s\n", "", "median", unit, "least", unit, "most", unit,
           "rate");
    for (size_t i = 0; i < VAIN_COUNT_OF(rows); i++) {
        const double median = answer->median[rows[i].part];
        const double *sorted = answer->sorted[rows[i].part];
        char rate[32];
        const bool of_masks =
            rows[i].part == VAIN_BENCH_MASKS || rows[i].part == VAIN_BENCH_CODEC_MASKED;
        const bool of_own =
            rows[i].part == VAIN_BENCH_OPEN || rows[i].part == VAIN_BENCH_COMMITMENT;
        if ((of_masks && !exchange->masked) || (of_own && !exchange->own_masks))
            continue;
        printf("%-16s  %10.3f  %10.3f  %10.3f  %12s/s\n", rows[i].label, median * scale,
               sorted[0] * scale, sorted[runs - 1] * scale,
               vain_format_bytes((double)exchange->bytes / median, rate));
    }
    return vain_finish_output();
}

static int print_answer(const struct arguments *arguments, int members, const char *transport,
                        const struct vain_bench_times *times)
{
    struct answer answer = {.exchange = &arguments->exchange,
                            .times = times,
                            .members = members,
                            .transport = transport};
    sort_times(&answer);
    return arguments->json ? print_json(&answer) : print_table(&answer);
}

/* ------------------------------------------------------------------ the verb */

static enum vain_status check_tls(struct arguments *arguments)
{
    struct vain_environment environment;
    VAIN_TRY(vain_environment_read(vain_environment_getenv, NULL, &environment));
    if (vain_environment_wants_mpi(&environment))
        return vain_fail(VAIN_ERR_INPUT, "--transport tls starts its members itself; leave out the "
                                         "launcher, or set VAIN_LAUNCH=none");
    if (arguments->members == 0)
        return vain_fail(VAIN_ERR_INPUT, "--transport tls needs --members N");
    if (arguments->exchange.algorithm == VAIN_ALGORITHM_NATIVE)
        return vain_fail(VAIN_ERR_INPUT, "--algorithm native: TLS links have no all-reduce of "
                                         "their own; use ring, tree or auto");
    if (!arguments->algorithm_given)
        arguments->exchange.algorithm = VAIN_ALGORITHM_RING;
    return VAIN_OK;
}

/* This process prints; its members are others. */
static int bench_tls(struct arguments *arguments)
{
    const struct vain_bench_tls tls = {
        .members = arguments->members,
        .connections = arguments->connections == 0 ? 1 : arguments->connections};
    struct vain_bench_times *times = NULL;
    enum vain_status status = vain_take(sizeof *times, "times", (void **)&times);
    if (status == VAIN_OK)
        status = check_tls(arguments);
    if (status == VAIN_OK)
        status = vain_bench_tls_run(&arguments->exchange, &tls, times);
    const int code = status == VAIN_OK ? print_answer(arguments, tls.members, "tls", times)
                                       : vain_report_failure(status, arguments->json);
    vain_release(times);
    return code;
}

int vain_bench_exchange(int argc, char **argv)
{
    struct arguments arguments = {
        .exchange = {.bytes = INT64_C(64) << 20, .bits = 32, .masked = true, .runs = 5}};
    struct vain_launched launch;
    struct rank *rank = NULL;
    const int wrong = vain_parse_arguments(&exchange_argp, argc, argv, &arguments);
    if (wrong != 0)
        return wrong;
    if (arguments.tls)
        return bench_tls(&arguments);
    if (arguments.connections > 0)
        return vain_report_failure(vain_fail(VAIN_ERR_INPUT,
                                             "--connections %d needs --transport tls",
                                             arguments.connections),
                                   arguments.json);
    enum vain_status status = vain_take(sizeof *rank, "rank", (void **)&rank);
    if (status != VAIN_OK)
        return vain_report_failure(status, arguments.json);
    status = vain_launch_open(&launch);
    bool in_order = !launch.mpi || launch.size == 1; /* others need not be told of a failure */
    if (status == VAIN_OK) {
        status = check_ranks(&arguments, &launch);
        in_order |= status != VAIN_OK; /* all ranks were given the same options */
    }
    if (status == VAIN_OK) {
        status = launch.mpi ? run_mpi(&arguments, &launch, rank) : run_loop(&arguments, rank);
        in_order |= rank->times.all_know;
    }
    int code = 0;
    if (status != VAIN_OK) /* one answer on standard output, whoever fails */
        code = vain_report_failure(status, arguments.json && launch.rank == 0);
    else if (launch.rank == 0)
        code = print_answer(&arguments, launch.mpi ? launch.size : arguments.members,
                            launch.mpi ? "mpi" : "loop", &rank->times);
    if (status != VAIN_OK && !in_order)
        vain_launch_abort(&launch, code);
    vain_launch_close(&launch);
    vain_release(rank);
    return code;
}

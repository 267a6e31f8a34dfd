/* What `vain run` is told on its command line, and its help. */
#include "cmd/run_arguments.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

enum {
    KEY_SET = 1,
    KEY_MEMBERS,
    KEY_LOCAL,
    KEY_RESTART,
    KEY_MEMBER,
    KEY_LISTEN,
    KEY_OUT,
    KEY_RESUME,
    KEY_JSON,
    KEY_QUIET
};

static const struct argp_option option_rows[] = {
    {"set", KEY_SET, "KEY=VALUE", 0,
     "Override a key of the spec, such as train.rounds=50; may be repeated", 0},
    {"members", KEY_MEMBERS, "N", 0, "Run N members as threads of this process (transport loop)",
     0},
    {"local", KEY_LOCAL, "N", 0,
     "Run N members as processes of this machine that find each other over TLS, in folders "
     "DIR/member-0 and on, with keys in DIR/keys: members on hosts of their own, to try out",
     0},
    {"restart", KEY_RESTART, NULL, 0, "With --local: start a member again that was killed", 0},
    {"member", KEY_MEMBER, "NAME", 0,
     "With exchange.transport: tls, which of the spec's members is started here (default: the one "
     "whose key is in the key folder)",
     0},
    {"listen", KEY_LISTEN, "HOST:PORT", 0,
     "With exchange.transport: tls, where to listen (default: the member's first address)", 0},
    {"out", KEY_OUT, "DIR", 0,
     "Folder of the run's files (default: checkpoint.directory, else runs/<name>)", 0},
    {"resume", KEY_RESUME, "auto|none|FILE", 0,
     "Go on from the newest common checkpoint (auto, the default), from FILE or what this spec has "
     "made of it in the folder since, or refuse to (none)",
     0},
    {"json", KEY_JSON, NULL, 0,
     "Print the result as one JSON object on the last line of standard output", 0},
    {"quiet", KEY_QUIET, NULL, 0, "No progress, only warnings", 0},
    {0},
};

static int parse_count(const char *argument, const char *option, struct argp_state *state)
{
    char *end = NULL;
    const long count = strtol(argument, &end, 10);
    if (end == argument || *end != '\0' || count < 1 || count > VAIN_MEMBERS_MAX)
        argp_error(state, "%s %s: expected a number from 1 to %d", option, argument,
                   VAIN_MEMBERS_MAX);
    return (int)count;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct vain_run_arguments *arguments = state->input;
    switch (key) {
    case KEY_SET:
        if (arguments->set_count == VAIN_SETS_MAX)
            argp_error(state, "more than %d --set", VAIN_SETS_MAX);
        arguments->sets[arguments->set_count++] = argument;
        return 0;
    case KEY_MEMBERS:
        arguments->members = parse_count(argument, "--members", state);
        return 0;
    case KEY_LOCAL:
        arguments->local = parse_count(argument, "--local", state);
        return 0;
    case KEY_RESTART:
        arguments->restart = true;
        return 0;
    case KEY_MEMBER:
        arguments->member = argument;
        return 0;
    case KEY_LISTEN:
        arguments->listen = argument;
        return 0;
    case KEY_OUT:
        arguments->out = argument;
        return 0;
    case KEY_RESUME:
        arguments->resume = argument;
        return 0;
    case KEY_JSON:
        arguments->json = true;
        return 0;
    case KEY_QUIET:
        arguments->quiet = true;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->spec != NULL)
            argp_error(state, "one SPEC, but '%s' and '%s' were given", arguments->spec, argument);
        arguments->spec = argument;
        return 0;
    case ARGP_KEY_END:
        if (arguments->local > 0 &&
            (arguments->members > 0 || arguments->member != NULL || arguments->listen != NULL))
            argp_error(state, "--local starts members of its own; leave out --members, --member "
                              "and --listen");
        if (arguments->restart && arguments->local == 0)
            argp_error(state, "--restart needs --local");
        if (arguments->spec == NULL)
            argp_error(state,
                       "SPEC is missing: the job spec to run, such as examples/quickstart.yaml");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp vain_run_argp = {
    .options = option_rows,
    .parser = parse_option,
    .args_doc = "SPEC",
    .doc =
        "Train the job of SPEC.\v"
        "Examples:\n"
        "  vain run job.yaml                          one member, here\n"
        "  vain run job.yaml --members 4              four members in this process\n"
        "  mpirun -n 4 vain run job.yaml              four members, one a rank\n"
        "  vain run --local 4 job.yaml                four members that live and die on their "
        "own\n"
        "  vain run federation.yaml                   one of the members that the spec lists, "
        "each at its site\n"
        "  vain run job.yaml --set train.rounds=200 --out runs/longer\n\n"
        "SIGTERM, SIGUSR1, SIGUSR2, SIGHUP (not under nohup), SIGXCPU or Ctrl-C: all ranks finish "
        "their step, write a checkpoint and exit with 75; the same command goes on from there. "
        "A second Ctrl-C ends at once.\n"
        "Exit codes: 0 done, 1 failed, 2 wrong spec or usage, 3 key or connection, 4 deadline, "
        "5 not found or refused, "
        "75 stopped and saved.",
};

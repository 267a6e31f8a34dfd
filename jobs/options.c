/* The keys of a job spec that belong to this folder, as rows of tables. A row is all there is to a
 * key: YAML, --set, help, reference and schema are made from it. Members compare a hash over the
 * rows that are VAIN_AGREED, so scope is decided by one question: would another value at one member
 * lead to other parameters? */
#include "jobs/options.h"

#include <math.h>

static const char *const method_choices[] = {"supervised", NULL};
static const char *const site_choices[] = {"rank", "host", "world", NULL};
static const char *const optimizer_choices[] = {"adamw", "sgd", NULL};
static const char *const schedule_choices[] = {"constant", "cosine", NULL};
static const char *const outer_choices[] = {"mean", "sgd", "nesterov", NULL};
static const char *const transport_choices[] = {"auto", "loop", "mpi", "tls", NULL};
static const char *const algorithm_choices[] = {"auto", "native", "ring", "tree", NULL};
static const char *const privacy_choices[] = {"none", "masked", NULL};
static const char *const level_choices[] = {"1", "2", NULL};
static const char *const bits_choices[] = {"16", "32", NULL};

#define ROW(struct_name, member) .offset = offsetof(struct struct_name, member)

static const struct vain_option general_rows[] = {
    {.key = "version",
     .type = VAIN_OPTION_COUNT,
     .scope = VAIN_AGREED,
     ROW(vain_general_options, version),
     .minimum = 1,
     .maximum = 1,
     .fallback = NULL,
     .help = "Version of the spec format; 1 is the only one."},
    {.key = "name",
     .type = VAIN_OPTION_NAME,
     .scope = VAIN_AGREED,
     ROW(vain_general_options, name),
     .text_bytes = VAIN_NAME_BYTES,
     .fallback = "job",
     .help = "Name of the job, used in files and logs."},
    {.key = "seed",
     .type = VAIN_OPTION_SEED,
     .scope = VAIN_AGREED,
     ROW(vain_general_options, seed),
     .fallback = "1",
     .help = "Seed of all public randomness: initial values, data order, dropout."},
    {.key = "site",
     .type = VAIN_OPTION_CHOICE,
     .scope = VAIN_AGREED,
     ROW(vain_general_options, site),
     .choices = site_choices,
     .fallback = "rank",
     .help = "Which ranks form one member: each rank, the ranks of a host, or all. Inside a site "
             "gradients are "
             "averaged in the clear every step; between sites only deltas travel."},
    {.key = "published",
     .type = VAIN_OPTION_TEXT,
     .scope = VAIN_LOCAL,
     ROW(vain_general_options, published),
     .text_bytes = sizeof((struct vain_general_options *)0)->published,
     .fallback = "",
     .help = "A published figure that the result is to be compared with; printed beside it."},
};

static const struct vain_option train_rows[] = {
    {.key = "train.method",
     .type = VAIN_OPTION_CHOICE,
     .scope = VAIN_AGREED,
     ROW(vain_train_options, method),
     .choices = method_choices,
     .fallback = "supervised",
     .help = "How a member improves its parameters between two exchanges: supervised is gradient "
             "steps on its data."},
    {.key = "train.batch",
     .type = VAIN_OPTION_COUNT,
     .scope = VAIN_AGREED,
     ROW(vain_train_options, batch),
     .minimum = 1,
     .maximum = 65536,
     .fallback = "12",
     .unit = "windows",
     .help = "Windows in a micro-batch of one rank."},
    {.key = "train.accumulate",
     .type = VAIN_OPTION_COUNT,
     .scope = VAIN_AGREED,
     ROW(vain_train_options, accumulate),
     .minimum = 1,
     .maximum = 4096,
     .fallback = "1",
     .unit = "micro-batches",
     .help = "Micro-batches whose gradients are added before a step."},
    {.key = "train.learning_rate",
     .type = VAIN_OPTION_NUMBER,
     .scope = VAIN_AGREED,
     ROW(vain_train_options, learning_rate),
     .minimum = 0,
     .maximum = 10,
     .above_minimum = true,
     .fallback = "1e-3",
     .help = "Highest learning rate."},
    {.key = "train.minimum_learning_rate",
     .type = VAIN_OPTION_NUMBER,
     .scope = VAIN_AGREED,
     ROW(vain_train_options, minimum_learning_rate),
     .minimum = 0,
     .maximum = 10,
     .fallback = "0",
     .help = "Where the cosine schedule ends."},
    {.key = "train.warmup",
     .type = VAIN_OPTION_COUNT,
     .scope = VAIN_AGREED,
     ROW(vain_train_options, warmup),
     .minimum = 0,
     .maximum = 1e9,
     .fallback = "0",
     .unit = "steps",
     .help = "Steps of linear warm-up."},
    {.key = "train.schedule",
     .type = VAIN_OPTION_CHOICE,
     .scope = VAIN_AGREED,
     ROW(vain_train_options, schedule),
     .choices = schedule_choices,
     .fallback = "cosine",
     .help = "Learning rate after the warm-up."},
    {.key = "train.optimizer",
     .type = VAIN_OPTION_CHOICE,
     .scope = VAIN_AGREED,
     ROW(vain_train_options, optimizer),
     .choices = optimizer_choices,
     .fallback = "adamw",
     .help = "What gradients do with parameters: AdamW, or SGD with train.momentum."},
    {.key = "train.momentum",
     .type = VAIN_OPTION_NUMBER,
     .scope = VAIN_AGREED,
     ROW(vain_train_options, momentum),
     .minimum = 0,
     .maximum = 0.999999,
     .fallback = "0",
     .help = "Momentum of sgd."},
    {.key = "train.weight_decay",
     .type = VAIN_OPTION_NUMBER,
     .scope = VAIN_AGREED,
     ROW(vain_train_options, weight_decay),
     .minimum = 0,
     .maximum = 10,
     .fallback = "0.1",
     .help = "Decoupled weight decay of matrices and tables, by AdamW."},
    {.key = "train.beta1",
     .type = VAIN_OPTION_NUMBER,
     .scope = VAIN_AGREED,
     ROW(vain_train_options, beta1),
     .minimum = 0,
     .maximum = 0.999999,
     .fallback = "0.9",
     .help = "Decay of AdamW's first moment."},
    {.key = "train.beta2",
     .type = VAIN_OPTION_NUMBER,
     .scope = VAIN_AGREED,
     ROW(vain_train_options, beta2),
     .minimum = 0,
     .maximum = 0.999999,
     .fallback = "0.99",
     .help = "Decay of AdamW's second moment."},
    {.key = "train.gradient_clip",
     .type = VAIN_OPTION_NUMBER,
     .scope = VAIN_AGREED,
     ROW(vain_train_options, gradient_clip),
     .minimum = 0,
     .maximum = 1e9,
     .fallback = "1",
     .help = "Largest L2 norm of a step's gradient; 0 does not clip."},
    {.key = "train.local_steps",
     .type = VAIN_OPTION_COUNT,
     .scope = VAIN_AGREED,
     ROW(vain_train_options, local_steps),
     .minimum = 1,
     .maximum = 1e6,
     .fallback = "20",
     .unit = "steps",
     .help = "Local steps between two exchanges."},
    {.key = "train.rounds",
     .type = VAIN_OPTION_COUNT,
     .scope = VAIN_AGREED,
     ROW(vain_train_options, rounds),
     .minimum = 1,
     .maximum = 4e6,
     .fallback = "100",
     .unit = "rounds",
     .help = "Exchanges in the whole run."},
    {.key = "train.evaluate_every",
     .type = VAIN_OPTION_COUNT,
     .scope = VAIN_AGREED,
     ROW(vain_train_options, evaluate_every),
     .minimum = 0,
     .maximum = 4e6,
     .fallback = "0",
     .unit = "rounds",
     .help = "The common parameters are measured after so many rounds; 0: with each checkpoint."},
    {.key = "train.target_accuracy",
     .type = VAIN_OPTION_NUMBER,
     .scope = VAIN_LOCAL,
     ROW(vain_train_options, target_accuracy),
     .minimum = 0,
     .maximum = 1,
     .fallback = "0",
     .help = "The first round that reaches this accuracy is told; 0: none is looked for."},
    {.key = "train.threads",
     .type = VAIN_OPTION_COUNT,
     .scope = VAIN_LOCAL,
     ROW(vain_train_options, threads),
     .minimum = 0,
     .maximum = VAIN_THREADS_MAX,
     .fallback = "0",
     .unit = "threads",
     .help = "Worker threads of a rank; 0 takes the cores of the process over the ranks that share "
             "them."},
};

static const struct vain_option outer_rows[] = {
    {.key = "outer.optimizer",
     .type = VAIN_OPTION_CHOICE,
     .scope = VAIN_AGREED,
     ROW(vain_outer_options, optimizer),
     .choices = outer_choices,
     .fallback = "mean",
     .help = "What is done with the mean delta: taken as it is, SGD with momentum, or Nesterov's "
             "(DiLoCo)."},
    {.key = "outer.learning_rate",
     .type = VAIN_OPTION_NUMBER,
     .scope = VAIN_AGREED,
     ROW(vain_outer_options, learning_rate),
     .minimum = 0,
     .maximum = 10,
     .above_minimum = true,
     .fallback = "0.7",
     .help = "Rate of sgd and nesterov."},
    {.key = "outer.momentum",
     .type = VAIN_OPTION_NUMBER,
     .scope = VAIN_AGREED,
     ROW(vain_outer_options, momentum),
     .minimum = 0,
     .maximum = 0.999999,
     .fallback = "0.9",
     .help = "Momentum of sgd and nesterov."},
};

static const struct vain_option start_rows[] = {
    {.key = "start.quorum",
     .type = VAIN_OPTION_COUNT,
     .scope = VAIN_AGREED,
     ROW(vain_start_options, quorum),
     .minimum = 0,
     .maximum = VAIN_MEMBERS_MAX,
     .fallback = "0",
     .unit = "members",
     .help = "With tls: how many members must have met before the first round; 0 waits for all."},
    {.key = "start.timeout",
     .type = VAIN_OPTION_DURATION,
     .scope = VAIN_LOCAL,
     ROW(vain_start_options, timeout_ms),
     .minimum = 1e3,
     .maximum = 7 * 24 * 3600e3,
     .fallback = "10m",
     .help = "With tls: how long a member waits for the others to arrive before it gives up."},
};

static const struct vain_option exchange_rows[] = {
    {.key = "exchange.transport",
     .type = VAIN_OPTION_CHOICE,
     .scope = VAIN_LOCAL,
     ROW(vain_exchange_options, transport),
     .choices = transport_choices,
     .fallback = "auto",
     .help = "What carries the words: loop (members in one process), mpi, tls (members on hosts of "
             "their own, who dial the addresses in 'members'), or what the launcher offers."},
    {.key = "exchange.algorithm",
     .type = VAIN_OPTION_CHOICE,
     .scope = VAIN_AGREED,
     ROW(vain_exchange_options, algorithm),
     .choices = algorithm_choices,
     .fallback = "auto",
     .help = "How words are summed: native is the transport's own all-reduce, ring and tree are "
             "ours and tag every message; auto tries them at the start and takes the fastest."},
    {.key = "exchange.privacy",
     .type = VAIN_OPTION_CHOICE,
     .scope = VAIN_AGREED,
     ROW(vain_exchange_options, privacy),
     .choices = privacy_choices,
     .fallback = "none",
     .help = "What others learn of a member's words; masked: nothing but the sum over all members; "
             "none: they travel in the clear."},
    {.key = "exchange.allow_small",
     .type = VAIN_OPTION_FLAG,
     .scope = VAIN_AGREED,
     ROW(vain_exchange_options, allow_small),
     .fallback = "false",
     .help = "Let fewer than 3 members mask, although each can then work out the other's delta."},
    {.key = "exchange.bits",
     .type = VAIN_OPTION_CHOICE,
     .scope = VAIN_AGREED,
     ROW(vain_exchange_options, bits),
     .choices = bits_choices,
     .fallback = "32",
     .help = "Bits of a value on the wire: a word of 32, or two packed fields of 16."},
    {.key = "exchange.clip",
     .type = VAIN_OPTION_NUMBER_OR_AUTO,
     .scope = VAIN_AGREED,
     ROW(vain_exchange_options, clip),
     .minimum = 0,
     .maximum = 1e30,
     .above_minimum = true,
     .fallback = "auto",
     .help = "Largest L2 norm of a member's delta; auto follows the last aggregate."},
    {.key = "exchange.level",
     .type = VAIN_OPTION_CHOICE,
     .scope = VAIN_AGREED,
     ROW(vain_exchange_options, level),
     .choices = level_choices,
     .fallback = "1",
     .help = "What it costs under masks when a member is lost within an exchange: 1 burns the "
             "round's inputs, so its local steps run once more; 2 (masks of a member's own) keeps "
             "them."},
    {.key = "exchange.attempts",
     .type = VAIN_OPTION_COUNT,
     .scope = VAIN_LOCAL,
     ROW(vain_exchange_options, attempts),
     .minimum = 1,
     .maximum = 1000,
     .fallback = "32",
     .unit = "attempts",
     .help = "With tls: exchanges that a round may take, each with the members that are left, "
             "before a member gives up."},
    {.key = "exchange.deadline",
     .type = VAIN_OPTION_DURATION,
     .scope = VAIN_LOCAL,
     ROW(vain_exchange_options, deadline_ms),
     .minimum = 100,
     .maximum = 7 * 24 * 3600e3,
     .fallback = "30m",
     .help = "How long a member waits for the others in an exchange."},
    {.key = "exchange.linger",
     .type = VAIN_OPTION_DURATION,
     .scope = VAIN_LOCAL,
     ROW(vain_exchange_options, linger_ms),
     .minimum = 0,
     .maximum = 7 * 24 * 3600e3,
     .fallback = "30s",
     .help = "With tls: how long after the loss of a member one that has done all rounds stays, so "
             "that it can come back for the result."},
    {.key = "exchange.connections",
     .type = VAIN_OPTION_COUNT,
     .scope = VAIN_AGREED,
     ROW(vain_exchange_options, connections),
     .minimum = 1,
     .maximum = 16,
     .fallback = "1",
     .unit = "connections",
     .help = "With tls: TCP connections of a pair of members, the same at both ends; several fill "
             "a long fat link."},
};

static const struct vain_option checkpoint_rows[] = {
    {.key = "checkpoint.every",
     .type = VAIN_OPTION_COUNT,
     .scope = VAIN_AGREED,
     ROW(vain_checkpoint_options, every),
     .minimum = 1,
     .maximum = 1e9,
     .fallback = "10",
     .unit = "rounds",
     .help = "Rounds between checkpoints; the last round always writes one."},
    {.key = "checkpoint.keep",
     .type = VAIN_OPTION_COUNT,
     .scope = VAIN_LOCAL,
     ROW(vain_checkpoint_options, keep),
     .minimum = 2,
     .maximum = 1e6,
     .fallback = "3",
     .unit = "files",
     .help = "Newest checkpoints kept; two at least, so that every member holds a common one at "
             "any moment."},
    {.key = "checkpoint.directory",
     .type = VAIN_OPTION_PATH,
     .scope = VAIN_LOCAL,
     ROW(vain_checkpoint_options, directory),
     .text_bytes = VAIN_PATH_BYTES,
     .fallback = "",
     .help = "Folder of the run's files; empty: runs/<name> in the current folder."},
};

void vain_job_sections(struct vain_job *job,
                       struct vain_option_section out[VAIN_MIN_LEN(VAIN_JOB_SECTIONS)])
{
    out[0] = (struct vain_option_section){general_rows, VAIN_COUNT_OF(general_rows), &job->general};
    out[1] =
        (struct vain_option_section){vain_model_option_rows, vain_model_option_count, &job->model};
    out[2] =
        (struct vain_option_section){vain_data_option_rows, vain_data_option_count, &job->data};
    out[3] = (struct vain_option_section){train_rows, VAIN_COUNT_OF(train_rows), &job->train};
    out[4] = (struct vain_option_section){outer_rows, VAIN_COUNT_OF(outer_rows), &job->outer};
    out[5] = (struct vain_option_section){start_rows, VAIN_COUNT_OF(start_rows), &job->start};
    out[6] =
        (struct vain_option_section){exchange_rows, VAIN_COUNT_OF(exchange_rows), &job->exchange};
    out[7] = (struct vain_option_section){checkpoint_rows, VAIN_COUNT_OF(checkpoint_rows),
                                          &job->checkpoint};
}

double vain_learning_rate(const struct vain_train_options *train, int64_t step)
{
    if (step < train->warmup)
        return train->learning_rate * (double)(step + 1) / (double)(train->warmup + 1);
    if (train->schedule == VAIN_SCHEDULE_CONSTANT)
        return train->learning_rate;
    const int64_t steps = train->rounds * train->local_steps;
    const double span = (double)(steps - train->warmup);
    const double progress = span > 0 ? fmin(1.0, (double)(step - train->warmup) / span) : 1.0;
    const double low = fmin(train->minimum_learning_rate, train->learning_rate);
    return low +
           0.5 * (1.0 + cos(3.14159265358979323846 * progress)) * (train->learning_rate - low);
}

double vain_round_step_bound(const struct vain_train_options *train)
{
    return (double)train->local_steps * train->learning_rate;
}

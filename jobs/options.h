/* Everything that a job spec can say, as one struct, and the option rows of jobs/ itself.
 *
 * models/ and jobs/data/ bring their own rows; vain_job_sections lists all of them in the order in
 * which help, schema and reference print them. */
#pragma once

#include "base/option.h"
#include "jobs/data/data.h"
#include "models/model.h"

enum vain_method_kind {
    VAIN_METHOD_SUPERVISED,
    VAIN_METHOD_FEDAVG,
    VAIN_METHOD_GENETIC,
    VAIN_METHOD_REPTILE,
    VAIN_METHOD_MAML,
    VAIN_METHOD_AGENTS
};
/* How the classes of labelled images come: all at once, or a few a phase. */
enum vain_stream_kind { VAIN_STREAM_ALL, VAIN_STREAM_CLASSES };
enum vain_site_kind { VAIN_SITE_RANK, VAIN_SITE_HOST, VAIN_SITE_WORLD };
enum vain_optimiser_kind { VAIN_OPTIMISER_ADAMW, VAIN_OPTIMISER_SGD };
enum vain_schedule { VAIN_SCHEDULE_CONSTANT, VAIN_SCHEDULE_COSINE };
enum vain_outer_kind { VAIN_OUTER_MEAN, VAIN_OUTER_SGD, VAIN_OUTER_NESTEROV };
enum vain_transport_kind {
    VAIN_TRANSPORT_AUTO,
    VAIN_TRANSPORT_LOOP,
    VAIN_TRANSPORT_MPI,
    VAIN_TRANSPORT_TLS /* members on hosts of their own, joined by p2p links */
};
enum vain_privacy { VAIN_PRIVACY_NONE, VAIN_PRIVACY_MASKED };
enum vain_field_bits { VAIN_FIELD_16, VAIN_FIELD_32 };
/* What a member that is lost within an exchange under masks costs the others. */
enum vain_exchange_level {
    VAIN_LEVEL_1, /* the inputs of the round are burnt: its local steps run once more */
    VAIN_LEVEL_2  /* masks of a member's own: the inputs are kept */
};

enum {
    VAIN_DEVICE_NAME_BYTES = 16, /* "cuda:1023" */
    VAIN_PUBLISHED_BYTES = 160
};

struct vain_general_options {
    int64_t version;
    char name[VAIN_NAME_BYTES];
    uint64_t seed;
    int site; /* enum vain_site_kind */
    char device[VAIN_DEVICE_NAME_BYTES];
    bool device_shared;                   /* ranks may share a GPU */
    int precision;                        /* enum vain_precision */
    char published[VAIN_PUBLISHED_BYTES]; /* figure to compare the result with; "" if none */
};

struct vain_train_options {
    int method;                /* enum vain_method_kind */
    int64_t batch, accumulate; /* windows a micro-batch; micro-batches a step */
    double learning_rate, minimum_learning_rate;
    int64_t warmup;  /* steps */
    int schedule;    /* enum vain_schedule */
    int optimizer;   /* enum vain_optimiser_kind */
    double momentum; /* SGD's */
    double weight_decay, beta1, beta2, gradient_clip;
    int64_t local_steps, rounds;
    int64_t evaluate_every; /* rounds; 0: with each checkpoint */
    double target_accuracy; /* 0: none */
    int64_t threads;        /* 0: cores over local ranks */
};

/* Of method fedavg (jobs/fedavg.c). */
struct vain_fedavg_options {
    int64_t epochs;          /* over a client's examples in a round */
    int64_t client_examples; /* what deltas are weighed in; 0: an equal share of the data */
};

/* Of distillation (jobs/teacher.h). */
struct vain_teacher_options {
    char checkpoint[VAIN_PATH_BYTES]; /* "" if nobody teaches */
    double weight, temperature;
};

/* Spec keys genetic.*; rows in vain_genetic_option_rows. */
struct vain_genetic_options {
    int64_t population, elite, tournament; /* individuals */
    double crossover, mutation;            /* probabilities */
    double deviation;                      /* NaN: vain_genetic_deviation */
    int64_t chain;                         /* seeds */
    struct vain_option_texts search;       /* ranges of keys; none: weights are evolved */
    int64_t steps;                         /* that an individual of a search is trained for */
};
extern const struct vain_option vain_genetic_option_rows[];
extern const int vain_genetic_option_count;

enum vain_inner_kind { VAIN_INNER_ADAM, VAIN_INNER_SGD };
enum { VAIN_META_BATCH_MAX = 1024, VAIN_META_TASKS_MAX = 1000000 };
/* Of methods that learn to learn: reptile, maml. Rows in jobs/meta_options.c. */
struct vain_meta_options {
    int64_t batch;           /* tasks a meta-iteration */
    double step, step_final; /* reptile's outer move */
    int64_t train_shots;     /* examples of a class in a training task; 0: data.shot */
    int inner_optimizer;     /* enum vain_inner_kind */
    double inner_learning_rate, inner_beta2;
    int64_t inner_batch, inner_iterations;           /* examples (0: all), steps; in training */
    int64_t evaluation_batch, evaluation_iterations; /* the same in a test */
    int64_t evaluation_tasks, final_tasks;           /* tests during the run, and at its end */
};
extern const struct vain_option vain_meta_option_rows[];
extern const int vain_meta_option_count;

/* Keys memory.*, of method agents (jobs/agents.c). */
struct vain_agent_options {
    bool enabled;         /* false: the same run without memories */
    bool retrieval;       /* false: predictions are the model's alone */
    int64_t agents;       /* of a member */
    int64_t budget_bytes; /* of an agent */
    int64_t ring, clusters, neighbours, symbols;
    double replay; /* share of a batch */
    double gate_rate;
    int stream;                          /* enum vain_stream_kind */
    int64_t phase_classes, phase_rounds; /* of a stream of classes */
};

struct vain_outer_options {
    int optimizer; /* enum vain_outer_kind */
    double learning_rate, momentum;
};

/* Of members on their own hosts (exchange.transport: tls). */
struct vain_start_options {
    int64_t quorum; /* members with whom a run begins; 0: all */
    int64_t timeout_ms;
};

struct vain_exchange_options {
    int transport; /* enum vain_transport_kind */
    int algorithm; /* enum vain_algorithm */
    int level;     /* enum vain_exchange_level */
    int privacy, bits;
    bool allow_small; /* masks with fewer than 3 members */
    bool commitments; /* level 2: members commit to their words */
    double clip;      /* NaN: from the last aggregate */
    int64_t attempts; /* exchanges that a round may take */
    int64_t deadline_ms;
    int64_t linger_ms;   /* who has done all rounds stays, after a loss */
    int64_t connections; /* TCP connections of a pair of members */
};

struct vain_checkpoint_options {
    int64_t every, keep; /* rounds; files */
    char directory[VAIN_PATH_BYTES];
};

struct vain_job {
    struct vain_general_options general;
    struct vain_model_options model;
    struct vain_data_options data;
    struct vain_train_options train;
    struct vain_fedavg_options fedavg;
    struct vain_teacher_options teacher;
    struct vain_genetic_options genetic;
    struct vain_meta_options meta;
    struct vain_agent_options memory;
    struct vain_outer_options outer;
    struct vain_start_options start;
    struct vain_exchange_options exchange;
    struct vain_checkpoint_options checkpoint;
};

enum { VAIN_JOB_SECTIONS = 14 };
/* The sections of `job`, which is borrowed and receives the values. */
void vain_job_sections(struct vain_job *job,
                       struct vain_option_section out[VAIN_MIN_LEN(VAIN_JOB_SECTIONS)]);

/* Learning rate of local step `step` (from 0) of the whole run: linear warm-up, then constant or a
 * cosine down to the minimum at the last step. Local, deterministic. */
double vain_learning_rate(const struct vain_train_options *train, int64_t step);
/* Upper bound of how far one parameter moves in a round: the local steps times the highest learning
 * rate. One multiplication, correctly rounded, so it is equal at all members; the sum of the rates
 * themselves would not be, since the cosine of two C libraries may differ. */
double vain_round_step_bound(const struct vain_train_options *train);
/* Standard deviation of a mutation: the job's, or what auto stands for. */
double vain_genetic_deviation(const struct vain_job *job);

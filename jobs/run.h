/* One rank's part in a job, from start to end: set up, resume, rounds, save, report.
 *
 * struct vain_run is everything that a rank holds. jobs/round.c moves it one round forward,
 * jobs/save.c writes it, jobs/resume.c restores it, jobs/evaluate.c measures it, jobs/run.c puts
 * that in order. The vectors are taken in the set-up; the plan (jobs/plan.h) says how much they
 * take. A group of members takes the memory of its messages when it is opened, an attempt what its
 * own masks and its evidence need. */
#pragma once

#include "base/event.h"
#include "collectives/exchange.h"
#include "collectives/opening.h"
#include "collectives/robust.h"
#include "collectives/secagg.h"
#include "collectives/site.h"
#include "jobs/connector.h"
#include "jobs/federation.h"
#include "jobs/method.h"
#include "jobs/options.h"
#include "jobs/spec/spec.h"
#include "jobs/store/checkpoint.h"
#include "jobs/store/promise.h"

/* What the caller (cmd/) brings. Everything is borrowed except world_comm, which is taken. */
struct vain_run_config {
    const struct vain_job *job;
    const struct vain_spec *spec;
    const uint8_t *spec_hash; /* (32) of the agreed keys */
    const char *spec_resolved;
    struct vain_world *world;
    struct vain_event_log *events;    /* only the writer's readers print */
    struct vain_comm world_comm;      /* all ranks; with a connector those of this member's site */
    bool on_own_host;                 /* world_comm is one member, others are elsewhere */
    struct vain_connector *connector; /* to them, taken, at rank 0; else NULL */
    int own_member;             /* with a connector: which of the spec's members this is ... */
    struct vain_signer *signer; /* ... and its key, copied */
    const char *directory;      /* of the run's files; exists */
    const char *resume;         /* "auto", "none" or a checkpoint's path */
    const char *key_folder;     /* where NAME.key files lie */
    const char *spec_folder;    /* relative data paths start here */
    atomic_int *signal;         /* set by the signal handler */
    int threads;                /* workers of this rank */
    int local_rank;             /* of this rank among those of the run on this host */
    /* Told of a failure while vain_fail_message still holds it, before the other ranks are torn
     * down; may be NULL. */
    void (*failed)(void *context, enum vain_status status);
    void *failed_context;
};

enum { VAIN_RUN_DEVICE_BYTES = 400 };

struct vain_run_result {
    double final_loss, first_validation_loss; /* nats a symbol or example; NaN if not known */
    struct vain_measures measures;            /* of the last evaluation, */
    int64_t measured_round;                   /* which was after so many rounds; -1: none was */
    bool recalled; /* from the curve of a checkpoint, which keeps no intervals */
    /* Names of the splits that the first and the last evaluation measured on; "" where both measure
     * the same. Copies, as of all texts of the job: a result goes from process to process. */
    char first_split[VAIN_DATASET_NAME_BYTES], measured_split[VAIN_DATASET_NAME_BYTES];
    struct vain_found found;  /* by a search over keys */
    int64_t rounds, steps;    /* finished, counted from the very start */
    int64_t rounds_to_target; /* first round of train.target_accuracy; -1: not reached */
    double seconds;           /* of this start's training */
    double units_per_second;  /* all members; of what the method counts: */
    const char *unit;         /* "tokens"; borrowed for ever */
    int64_t parameter_count;
    int member_count;
    uint8_t parameters_hash[VAIN_HASH_BYTES];
    char platform[VAIN_PLATFORM_BYTES];
    char device[VAIN_RUN_DEVICE_BYTES]; /* for people: which, and why */
    char checkpoint[VAIN_PATH_BYTES], record[VAIN_PATH_BYTES], curve[VAIN_PATH_BYTES];
    char published[VAIN_PUBLISHED_BYTES]; /* the spec's */
    struct vain_federation_counts counts; /* of members that come and go */
    int signal;                           /* that stopped the run; 0: it is done */
    bool stopped;                         /* by a signal, or since too few others were there */
};

/* Vectors of the device that files and other ranks see: jobs/host_vector.h. */
enum vain_vector {
    VAIN_VECTOR_COMMON,
    VAIN_VECTOR_MOMENTUM,
    VAIN_VECTOR_RESIDUAL,
    VAIN_VECTOR_LOCAL,
    VAIN_VECTOR_MEMORIES, /* and on: what the method keeps, as many as it says */
    VAIN_VECTOR_COUNT = VAIN_VECTOR_MEMORIES + VAIN_MEMORIES_MAX
};

struct vain_run {
    const struct vain_run_config *config;
    const struct vain_job *job;

    /* Who we are. */
    char name[VAIN_NAME_BYTES];
    char platform[VAIN_PLATFORM_BYTES];        /* of this rank */
    char common_platform[VAIN_PLATFORM_BYTES]; /* of all members; "" if they differ */
    bool leader;                               /* of the site: takes part in exchanges */
    bool writer;                   /* the first member's leader: writes what is common */
    struct vain_comm world_comm;   /* owned */
    struct vain_comm members_comm; /* leaders only, owned */
    struct vain_site site;         /* owned */
    struct vain_signer signer;
    struct vain_federation *federation; /* leaders only */
    struct vain_holding holding;        /* what is lent to it */
    struct vain_exchange_driver driver; /* comm: of the group that is open */

    /* What depends on who takes part (jobs/group.h); leaders only. */
    uint64_t group_use;             /* the roster's; 0: no group is open */
    struct vain_exchange *exchange; /* owned */
    struct vain_secagg *secagg;     /* with masks; owned */
    struct vain_opening *opening;   /* with own masks; owned */
    struct vain_evidence *evidence; /* once an attempt is with it (jobs/culprit.h); owned */
    /* With commitments (jobs/commitments.h): the own one, and the roots of all. */
    struct vain_codec_commitment commitment;
    uint8_t *commitment_roots; /* (members, 32) by member index, owned */

    /* Who receives from whom in it: jobs/group_ring.h. */
    int *ring_order;                    /* (members) rank at each place, owned */
    uint8_t ring_hash[VAIN_HASH_BYTES]; /* of the order, for contexts */
    uint8_t ring_said[VAIN_HASH_BYTES]; /* of the names in the order that was said last */

    /* What is trained. */
    struct vain_device device;               /* what computes */
    char device_told[VAIN_RUN_DEVICE_BYTES]; /* its name, and why it was chosen */
    struct vain_queue queue;                 /* on it */
    struct vain_device host_device; /* beside a GPU: the CPU, for what travels; else not open */
    struct vain_queue host_queue;   /* on that, or on the device where it is the host */
    float *host_vectors[VAIN_VECTOR_COUNT]; /* (N) owned; NULL where the device is the host */
    const struct vain_method_ops *method_ops;
    struct vain_method method;
    struct vain_data data;
    struct vain_model_options model; /* with the data's symbols */
    const struct vain_model_ops *model_ops;
    char teacher[VAIN_PATH_BYTES]; /* checkpoint of the model that teaches; "": none */
    struct vain_layout layout;
    struct vain_store_slice *slices; /* the same table as files need it */

    /* What is exchanged. */
    struct vain_codec codec;
    struct vain_random check_random;
    struct vain_promises *promises;  /* leaders; owned */
    bool sent;                       /* words of this round's input have left, or may have ... */
    bool disclosed;                  /* ... and something that opens a sum with them */
    int evidence_rounds;             /* good ones until attempts may be without it again */
    bool keeps_promises;             /* words are masked, or were: see jobs/masks.h */
    enum vain_algorithm algorithm;   /* of the exchange: the spec's, or what the trial chose */
    uint32_t dropped_inputs;         /* of this round: promised to another set (jobs/masks.h) */
    uint8_t use_id[VAIN_HASH_BYTES]; /* of the group, of all its members' making; jobs/group.h */
    uint8_t deals_hash[VAIN_HASH_BYTES]; /* of the attempt; zeros without own masks */
    const struct vain_robust_rule *rule;
    uint32_t *words;        /* (codec.word_count) in host memory: what travels */
    uint32_t *device_words; /* the same in the device's memory; equal to words on the CPU */
    struct vain_record_file *record; /* writer only, owned */
    uint8_t *record_buffer;          /* body, then frame */
    uint8_t *signatures;             /* (members, 64) by member index */
    uint8_t *round_signatures;  /* (members, VAIN_ROUND_SIGNATURE_BYTES) by rank, as gathered */
    const char **names_by_rank; /* (members) for messages; point into roster_members */
    struct vain_record_member *roster_members; /* (members) by id, a copy that records point to */
    float *common;        /* (N) parameters after the last outer step, equal at all members */
    float *momentum;      /* (N) outer momentum; NULL for mean */
    float *residual;      /* (N) what the codec left over in the last round that went through */
    float *next_residual; /* (N) what it left over in the round under way */

    /* Where we are. */
    int64_t round; /* rounds finished */
    uint8_t run_id[VAIN_RUN_ID_BYTES];
    uint8_t parameters_hash[VAIN_HASH_BYTES]; /* of common */
    uint8_t record_head[VAIN_HASH_BYTES];
    struct vain_curve_point *curve; /* (rounds + 1) */
    int64_t curve_count;
    uint64_t start_ns;
    int64_t steps_done;  /* local steps of this start */
    int64_t saved_round; /* newest round written by this start, -1: none */
    bool unsaved;        /* what is common came from others, and is not written yet */
    int signal;          /* that stopped the run; 0: none */
    double round_loss;
    double first_validation_loss;
    struct vain_measures measures; /* of the last evaluation, */
    int64_t measured_round;        /* after so many rounds; -1: none */
    bool recalled;                 /* they come from the curve of a checkpoint */
    bool measured_as_last;         /* they are those of the end of a run */
    bool resumed_measured;         /* the checkpoint of the start has measures of its round */
    int64_t rounds_to_target;      /* -1: train.target_accuracy is not reached yet */
};

/* Notes the first round whose accuracy reaches train.target_accuracy. Local. */
void vain_note_target(struct vain_run *run, int64_t round, double accuracy);

/* Take part in the job until it is done or stopped. Collective over the world; blocks. VAIN_OK,
 * VAIN_STOPPED (state is saved, exit 75), or a failure that vain_fail described. */
enum vain_status vain_run_job(const struct vain_run_config *config,
                              struct vain_run_result *result) VAIN_MUST_USE;

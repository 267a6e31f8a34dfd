#include "tests/unit/jobs/bed.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "cmd/world.h"

#define SPEC_TEXT                                                                                  \
    "version: 1\n"                                                                                 \
    "name: bed\n"                                                                                  \
    "seed: 7\n"                                                                                    \
    "model: {%s}\n"                                                                                \
    "data: {text: corpus.txt}\n"                                                                   \
    "train: {batch: 2, rounds: 4, local_steps: 3%s}\n"                                             \
    "checkpoint: {every: 2}\n"                                                                     \
    "%s"

/* A text that can be learned: words of a small set in a pseudo-random order. */
static bool write_corpus(const char *folder)
{
    static const char *const words[] = {"ring ",  "tree ",   "sum ",   "mask ",
                                        "round ", "member ", "site.\n"};
    char path[200];
    snprintf(path, sizeof path, "%s/corpus.txt", folder);
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return false;
    uint32_t state = 12345;
    for (int i = 0; i < 1500; i++) {
        state = state * 1664525u + 1013904223u;
        fputs(words[(state >> 16) % VAIN_COUNT_OF(words)], file);
    }
    return fclose(file) == 0;
}

bool bed_open(struct bed *bed)
{
    memset(bed, 0, sizeof *bed);
    const char *parent = getenv("TMPDIR");
    snprintf(bed->folder, sizeof bed->folder, "%.80s/vain-jobs-XXXXXX",
             parent != NULL ? parent : "/tmp");
    if (mkdtemp(bed->folder) == NULL)
        return false;
    snprintf(bed->output, sizeof bed->output, "%s/out", bed->folder);
    return mkdir(bed->output, 0755) == 0 && write_corpus(bed->folder);
}

static void remove_files(const char *folder)
{
    DIR *directory = opendir(folder);
    if (directory == NULL)
        return;
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.')
            unlink(path);
    }
    closedir(directory);
}

void bed_clear_output(struct bed *bed)
{
    remove_files(bed->output);
}

static void forget_spec(struct bed *bed)
{
    vain_spec_fini(&bed->spec);
    vain_release(bed->resolved);
    bed->resolved = NULL;
}

void bed_close(struct bed *bed)
{
    forget_spec(bed);
    remove_files(bed->output);
    rmdir(bed->output);
    remove_files(bed->folder);
    rmdir(bed->folder);
}

/* The keys that the last model.kind among the sets looks at: others would be refused. */
static const char *model_of(const char *const *sets)
{
    static const char mlp[] = "model.kind=mlp", convnet[] = "model.kind=convnet";
    const char *keys = "layers: 1, heads: 2, width: 16, context: 8";
    for (int i = 0; sets != NULL && sets[i] != NULL; i++) {
        if (strcmp(sets[i], mlp) == 0)
            keys = "context: 8";
        else if (strcmp(sets[i], convnet) == 0)
            keys = "";
    }
    return keys;
}

enum vain_status bed_spec(struct bed *bed, const char *const *sets, const char *members)
{
    char text[2048];
    int set_count = 0;
    forget_spec(bed);
    while (sets != NULL && sets[set_count] != NULL)
        set_count++;
    snprintf(bed->spec_path, sizeof bed->spec_path, "%s/job.yaml", bed->folder);
    snprintf(text, sizeof text, SPEC_TEXT, model_of(sets),
             bed->without_gradients ? "" : ", learning_rate: 1e-2, warmup: 2",
             members != NULL ? members : "");
    vain_job_sections(&bed->job, bed->sections);
    const struct vain_spec_source source = {bed->spec_path, sets, set_count, bed->sections,
                                            VAIN_JOB_SECTIONS};
    VAIN_TRY(vain_spec_parse(&source, text, strlen(text), &bed->spec, &bed->problems));
    vain_option_agreed_hash(bed->sections, VAIN_JOB_SECTIONS, bed->spec.members,
                            bed->spec.member_count, bed->hash);
    return vain_spec_resolved_yaml(&bed->spec, &bed->resolved);
}

struct rank {
    struct bed *bed;
    const struct bed_options *options;
    struct bed_outcome *out;
    struct vain_comm comm;
    int number;
    atomic_int *signal; /* one a rank: each is a process of its own in earnest */
    int64_t steps;
    struct vain_event_log events;
    pthread_t thread;
};

static pthread_mutex_t notice_lock = PTHREAD_MUTEX_INITIALIZER;

static void watch(void *context, const struct vain_event *event)
{
    struct rank *rank = context;
    if (event->type == VAIN_EVENT_NOTICE) {
        pthread_mutex_lock(&notice_lock);
        VAIN_ASSERT(rank->out->notices < BED_NOTICES_MAX);
        memcpy(rank->out->notice[rank->out->notices++], event->text, sizeof event->text);
        pthread_mutex_unlock(&notice_lock);
    }
    if (event->type == VAIN_EVENT_CHECKPOINT && rank->number == 0) {
        const double bytes = event->values[3];
        if (rank->out->checkpoints++ == 0 || bytes < rank->out->bytes)
            rank->out->bytes = bytes;
    }
    if (event->type == VAIN_EVENT_ROUND && rank->number == rank->options->signal_rank &&
        (int64_t)event->values[0] == rank->options->signal_round)
        atomic_store(rank->signal, 15);
    if (event->type != VAIN_EVENT_STEP)
        return;
    rank->steps++;
    if (rank->number == 0 && rank->steps == 1) {
        rank->out->first_loss = event->values[2];
        rank->out->first_step = (int64_t)event->values[1];
    }
    if (rank->number == 0 && rank->steps <= BED_LOSSES_MAX)
        rank->out->losses[rank->steps - 1] = event->values[2];
    if (rank->options->signal_step > 0 && rank->number == rank->options->signal_rank &&
        (int64_t)event->values[1] == rank->options->signal_step)
        atomic_store(rank->signal, 15);
}

int bed_count_notices(const struct bed_outcome *out, const char *part)
{
    int count = 0;
    for (int i = 0; i < out->notices; i++)
        count += strstr(out->notice[i], part) != NULL ? 1 : 0;
    return count;
}

static void keep_message(void *context, enum vain_status status)
{
    struct rank *rank = context;
    (void)status;
    snprintf(rank->out->message[rank->number], sizeof rank->out->message[0], "%s",
             vain_fail_message());
}

static void *run_rank(void *context)
{
    struct rank *rank = context;
    struct bed *bed = rank->bed;
    struct vain_world *own = rank->options->world[rank->number];
    struct vain_world *world = own != NULL ? own : vain_world_real();
    vain_event_log_init(&rank->events, world);
    vain_event_subscribe(&rank->events, watch, rank);
    const struct vain_run_config config = {
        .job = &bed->job,
        .spec = &bed->spec,
        .spec_hash = bed->hash,
        .spec_resolved = bed->resolved,
        .world = world,
        .events = &rank->events,
        .world_comm = rank->comm,
        .directory = rank->options->output != NULL ? rank->options->output : bed->output,
        .resume = rank->options->resume != NULL ? rank->options->resume : "auto",
        .key_folder = rank->options->key_folder != NULL ? rank->options->key_folder : bed->folder,
        .spec_folder = bed->folder,
        .signal = rank->signal,
        .threads = rank->options->threads > 0 ? rank->options->threads : 1,
        .failed = keep_message,
        .failed_context = rank,
    };
    rank->out->status[rank->number] = vain_run_job(&config, &rank->out->result[rank->number]);
    return NULL;
}

/* A transport that flips one bit of the first message of a tag, of some length, that it receives.
 * One rank's, so one thread's. */
static struct {
    struct vain_transport_ops ops;
    const struct vain_transport_ops *honest;
    uint32_t tag;
    size_t bytes_least;
    struct vain_request *request;
    unsigned char *buffer;
    void *heard; /* NULL: spoil it */
} spoiler;

static enum vain_status spoilt_post_receive(struct vain_comm *comm, int peer, uint32_t tag,
                                            void *buffer, size_t bytes,
                                            struct vain_request *request)
{
    if (spoiler.buffer == NULL && tag == spoiler.tag && bytes >= spoiler.bytes_least) {
        spoiler.request = request;
        spoiler.buffer = buffer;
    }
    return spoiler.honest->post_receive(comm, peer, tag, buffer, bytes, request);
}

static enum vain_status spoilt_test(struct vain_request *request)
{
    const enum vain_status status = spoiler.honest->test(request);
    if (status == VAIN_OK && request == spoiler.request) {
        if (spoiler.heard != NULL)
            memcpy(spoiler.heard, spoiler.buffer, spoiler.bytes_least);
        else
            spoiler.buffer[5] ^= 1;
        spoiler.request = NULL;
    }
    return status;
}

static enum vain_status spoilt_split(struct vain_comm *comm, int colour, struct vain_comm *out)
{
    const enum vain_status status = spoiler.honest->split(comm, colour, out);
    out->ops = &spoiler.ops;
    return status;
}

static void spoil(struct vain_comm *comm, uint32_t tag, size_t bytes_least, void *heard)
{
    memset(&spoiler, 0, sizeof spoiler);
    spoiler.honest = comm->ops;
    spoiler.ops = *comm->ops;
    spoiler.ops.post_receive = spoilt_post_receive;
    spoiler.ops.test = spoilt_test;
    spoiler.ops.split = spoilt_split;
    spoiler.tag = tag;
    spoiler.bytes_least = bytes_least;
    spoiler.heard = heard;
    comm->ops = &spoiler.ops;
}

void bed_run(struct bed *bed, const struct bed_options *options, struct bed_outcome *out)
{
    struct vain_loop_hub *hub = NULL;
    struct rank ranks[BED_RANKS_MAX];
    atomic_int signals[BED_RANKS_MAX];
    memset(out, 0, sizeof *out);
    memset(ranks, 0, sizeof ranks);
    VAIN_ASSERT(options->ranks >= 1 && options->ranks <= BED_RANKS_MAX);
    VAIN_ASSERT(vain_loop_hub_open(options->ranks, &hub) == VAIN_OK);
    for (int i = 0; i < options->ranks; i++) {
        atomic_init(&signals[i], 0);
        ranks[i] = (struct rank){
            .bed = bed, .options = options, .out = out, .number = i, .signal = &signals[i]};
        VAIN_ASSERT(vain_loop_comm_open(hub, i, &ranks[i].comm) == VAIN_OK);
        if (i > 0 && i == options->spoilt_rank)
            spoil(&ranks[i].comm, options->spoilt_tag, options->spoilt_bytes, options->heard);
    }
    for (int i = 1; i < options->ranks; i++)
        VAIN_ASSERT(pthread_create(&ranks[i].thread, NULL, run_rank, &ranks[i]) == 0);
    run_rank(&ranks[0]);
    for (int i = 1; i < options->ranks; i++)
        pthread_join(ranks[i].thread, NULL);
    vain_loop_hub_close(&hub);
}

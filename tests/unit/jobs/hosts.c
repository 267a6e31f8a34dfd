#include "tests/unit/jobs/hosts.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/world.h"
#include "jobs/store/record_file.h"
#include "tests/unit/jobs/mask_liar.h"
#include "tests/unit/jobs/mishearing.h"
#include "tests/unit/jobs/ring_spoiler.h"
#include "tests/unit/suite.h"

/* One start of a member. */
struct life {
    struct hosts *hosts;
    struct host *host;
    int number;
    pthread_t thread;
    struct vain_world world; /* the real one, until it dies */
    struct vain_world_ops ops;
    struct vain_event_log events;
    atomic_int signal;
    int64_t steps;
    bool dead;
};

/* How far members are, for those that wait for them. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int64_t finished[HOSTS_MAX]; /* rounds */
    int starts[HOSTS_MAX];
    bool ended[HOSTS_MAX];
} progress = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void note_round(int member, int64_t finished)
{
    pthread_mutex_lock(&progress.lock);
    progress.finished[member] = finished;
    pthread_cond_broadcast(&progress.changed);
    pthread_mutex_unlock(&progress.lock);
}

static void note_start(int member)
{
    pthread_mutex_lock(&progress.lock);
    progress.starts[member]++;
    pthread_cond_broadcast(&progress.changed);
    pthread_mutex_unlock(&progress.lock);
}

static void note_end(int member)
{
    pthread_mutex_lock(&progress.lock);
    progress.ended[member] = true;
    pthread_cond_broadcast(&progress.changed);
    pthread_mutex_unlock(&progress.lock);
}

static void wait_for_start(int member, int starts)
{
    pthread_mutex_lock(&progress.lock);
    while (progress.starts[member] < starts && !progress.ended[member])
        pthread_cond_wait(&progress.changed, &progress.lock);
    pthread_mutex_unlock(&progress.lock);
}

static void wait_until_finished(int member, int64_t round)
{
    pthread_mutex_lock(&progress.lock);
    while (progress.finished[member] < round && !progress.ended[member])
        pthread_cond_wait(&progress.changed, &progress.lock);
    pthread_mutex_unlock(&progress.lock);
}

/* ---- death ----------------------------------------------------------------------------------- */

/* As a process that was killed looks to the others and on disk: no stream, no write any more. The
 * thread runs on until it notices. */
static void die(struct life *life)
{
    if (life->dead)
        return;
    life->dead = true;
    switchboard_cut(life->hosts->board, life->number);
    atomic_store(&life->signal, 9);
}

/* Only the network is gone: it runs on, alone. */
static void part(struct life *life)
{
    life->host->parted = true;
    switchboard_part(life->hosts->board, life->number);
}

/* VAIN_ERR_STORAGE once it is dead. */
static enum vain_status before_write(struct vain_world *world)
{
    struct life *life = world->state;
    life->host->writes++;
    if (life->host->fate.dies_before_write == life->host->writes)
        die(life);
    if (life->host->fate.parts_before_write == life->host->writes)
        part(life);
    return life->dead ? vain_fail(VAIN_ERR_STORAGE, "killed") : VAIN_OK;
}

static uint64_t now_ns(struct vain_world *world)
{
    const struct life *life = world->state;
    const uint64_t real_ns = vain_world_real()->ops->now_ns(vain_world_real());
    return life->hosts->speed > 0 ? real_ns * (uint64_t)life->hosts->speed : real_ns;
}

static enum vain_status mortal_append(struct vain_world *world, const char *path, const void *data,
                                      size_t bytes)
{
    const struct life *life = world->state;
    VAIN_TRY(before_write(world));
    if (life->host->fate.disk_is_full && strstr(path, "/record.bin") != NULL)
        return vain_fail(VAIN_ERR_STORAGE, "%s: no space left", path);
    return vain_world_real()->ops->append(vain_world_real(), path, data, bytes);
}

static enum vain_status mortal_replace(struct vain_world *world, const char *path, const void *data,
                                       size_t bytes, int mode)
{
    VAIN_TRY(before_write(world));
    return vain_world_real()->ops->replace(vain_world_real(), path, data, bytes, mode);
}

static enum vain_status mortal_settle(struct vain_world *world, const char *temporary,
                                      const char *path)
{
    VAIN_TRY(before_write(world));
    return vain_world_real()->ops->settle(vain_world_real(), temporary, path);
}

/* ---- lies ------------------------------------------------------------------------------------ */

/* Of the member whose thread this is. */
static _Thread_local bool lies;

enum vain_status __real_vain_codec_encode(const struct vain_codec *codec, struct vain_queue *queue,
                                          const float *delta, const struct vain_counters *mine,
                                          const struct vain_codec_attempt *attempt, uint32_t *words,
                                          float *residual, struct vain_codec_report *report);
enum vain_status __wrap_vain_codec_encode(const struct vain_codec *codec, struct vain_queue *queue,
                                          const float *delta, const struct vain_counters *mine,
                                          const struct vain_codec_attempt *attempt, uint32_t *words,
                                          float *residual, struct vain_codec_report *report);

enum vain_status __wrap_vain_codec_encode(const struct vain_codec *codec, struct vain_queue *queue,
                                          const float *delta, const struct vain_counters *mine,
                                          const struct vain_codec_attempt *attempt, uint32_t *words,
                                          float *residual, struct vain_codec_report *report)
{
    const enum vain_status status =
        __real_vain_codec_encode(codec, queue, delta, mine, attempt, words, residual, report);
    if (lies)
        words[0] += 12345;
    return status;
}

/* ---- links ----------------------------------------------------------------------------------- */

/* Of the thread's member; rounds until then. */
static _Thread_local struct life *flapping;
static _Thread_local int flaps_after;

void __real_vain_outer_apply(const struct vain_outer_options *options, struct vain_queue *queue,
                             int64_t N, const float *mean, float *momentum, float *common);
void __wrap_vain_outer_apply(const struct vain_outer_options *options, struct vain_queue *queue,
                             int64_t N, const float *mean, float *momentum, float *common);

void __wrap_vain_outer_apply(const struct vain_outer_options *options, struct vain_queue *queue,
                             int64_t N, const float *mean, float *momentum, float *common)
{
    __real_vain_outer_apply(options, queue, N, mean, momentum, common);
    if (flaps_after == 0 || --flaps_after > 0)
        return;
    switchboard_part(flapping->hosts->board, flapping->number);
    switchboard_heal(flapping->hosts->board, flapping->number);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void watch(void *context, const struct vain_event *event)
{
    struct life *life = context;
    struct host *host = life->host;
    const struct host_fate *fate = &host->fate;
    const int64_t round = (int64_t)event->values[0];
    if (event->type == VAIN_EVENT_NOTICE && host->notices < BED_NOTICES_MAX)
        memcpy(host->notice[host->notices++], event->text, sizeof event->text);
    if (event->type == VAIN_EVENT_RUN_START)
        note_start(life->number);
    if (event->type == VAIN_EVENT_ROUND) {
        note_round(life->number, round);
        if (fate->waits_after_round > 0 && fate->waits_after_round == round)
            wait_for_start(fate->waits_for,
                           fate->waits_for_starts > 1 ? fate->waits_for_starts : 1);
    }
    if (event->type != VAIN_EVENT_STEP)
        return;
    life->steps++;
    if (life->steps == fate->dies_after_step)
        die(life);
    if (life->steps == fate->spoils_after_step)
        switchboard_spoil(life->hosts->board, life->number, true);
    lies = lies || life->steps == fate->lies_after_step;
    if (life->steps == fate->corrupts_after_step)
        ring_spoiler_begin(fate->is_shy);
    if (life->steps == fate->mishears_after_step)
        mishearing_begin(life->hosts->count, fate->mishears_late);
    if (life->steps == fate->claims_after_step)
        state_liar_begin(fate->claim, fate->claims_to);
    if (life->steps == fate->writes_after_step)
        letter_liar_begin(fate->letters);
    if (life->steps == fate->loses_after_step)
        mask_liar_begin();
    if (life->steps == fate->parts_after_step)
        part(life);
    if (life->steps == fate->stops_after_step)
        atomic_store(&life->signal, 15);
}

static void keep_message(void *context, enum vain_status status)
{
    struct life *life = context;
    (void)status;
    snprintf(life->host->message, sizeof life->host->message, "%s", vain_fail_message());
}

static void begin(struct life *life)
{
    life->dead = false;
    life->ops = *vain_world_real()->ops;
    life->ops.now_ns = now_ns;
    life->ops.append = mortal_append;
    life->ops.replace = mortal_replace;
    life->ops.settle = mortal_settle;
    life->world = (struct vain_world){.ops = &life->ops, .state = life};
    atomic_init(&life->signal, 0);
    vain_event_log_init(&life->events, &life->world);
    vain_event_subscribe(&life->events, watch, life);
}

/* The other rank of the site. */
struct helper {
    struct vain_run_config config;
    struct vain_event_log events;
    atomic_int signal;
    pthread_t thread;
    enum vain_status *status;
};

static void *help(void *context)
{
    struct helper *helper = context;
    struct vain_run_result result;
    *helper->status = vain_run_job(&helper->config, &result);
    return NULL;
}

static void begin_helper(struct helper *helper, const struct vain_run_config *config,
                         struct vain_loop_hub *hub, struct host *host)
{
    helper->config = *config;
    helper->status = &host->site_status;
    atomic_init(&helper->signal, 0);
    vain_event_log_init(&helper->events, vain_world_real());
    helper->config.world = vain_world_real();
    helper->config.events = &helper->events;
    helper->config.connector = NULL;
    helper->config.signal = &helper->signal;
    helper->config.failed = NULL;
    VAIN_ASSERT(vain_loop_comm_open(hub, 1, &helper->config.world_comm) == VAIN_OK);
    VAIN_ASSERT(pthread_create(&helper->thread, NULL, help, helper) == 0);
}

static void live_once(struct life *life)
{
    struct host *host = life->host;
    struct bed *bed = &host->bed;
    struct vain_loop_hub *hub = NULL;
    struct helper helper;
    const int ranks = host->fate.has_site ? 2 : 1;
    begin(life);
    fetch_spoiler_begin(host->fate.fetch_trouble, host->fate.fetch_number,
                        host->fate.stops_in_fetch ? &life->signal : NULL);
    flapping = life;
    flaps_after = host->fate.flaps_in_round;
    fetch_spoiler_withhold(host->fate.withholds_records);
    struct vain_run_config config = {
        .job = &bed->job,
        .spec = &bed->spec,
        .spec_hash = bed->hash,
        .spec_resolved = bed->resolved,
        .world = &life->world,
        .events = &life->events,
        .on_own_host = true,
        .connector = switchboard_plug(life->hosts->board, life->number),
        .own_member = life->number,
        .signer = &host->signer,
        .directory = bed->output,
        .resume = host->fate.resume != NULL ? host->fate.resume : "auto",
        .key_folder = bed->folder,
        .spec_folder = bed->folder,
        .signal = &life->signal,
        .threads = 1,
        .failed = keep_message,
        .failed_context = life,
    };
    VAIN_ASSERT(vain_loop_hub_open(ranks, &hub) == VAIN_OK);
    VAIN_ASSERT(vain_loop_comm_open(hub, 0, &config.world_comm) == VAIN_OK);
    if (ranks > 1)
        begin_helper(&helper, &config, hub, host);
    host->status = vain_run_job(&config, &host->result);
    if (ranks > 1)
        pthread_join(helper.thread, NULL);
    vain_loop_hub_close(&hub);
}

static void *live(void *context)
{
    struct life *life = context;
    const struct host_fate *fate = &life->host->fate;
    if (fate->starts_after_round > 0)
        wait_until_finished(0, fate->starts_after_round);
    live_once(life);
    if (life->dead && fate->comes_back_after > 0) {
        wait_until_finished(0, fate->comes_back_after);
        live_once(life);
    }
    life->host->parted_status = life->host->status;
    switchboard_heal(life->hosts->board, life->number);
    if (life->host->parted && fate->heals)
        live_once(life);
    note_end(life->number);
    return NULL;
}

/* ---- all of them ----------------------------------------------------------------------------- */

bool hosts_open(struct hosts *hosts, int count)
{
    memset(hosts, 0, sizeof *hosts);
    VAIN_ASSERT(count <= HOSTS_MAX);
    hosts->count = count;
    for (int i = 0; i < count; i++) {
        const int64_t now_ms = vain_world_real()->ops->unix_ms(vain_world_real());
        if (!bed_open(&hosts->hosts[i].bed) ||
            vain_signer_open_throw_away(&hosts->hosts[i].signer, now_ms) != VAIN_OK)
            return false;
    }
    hosts->board = switchboard_open(count);
    return hosts->board != NULL;
}

void hosts_close(struct hosts *hosts)
{
    for (int i = 0; i < hosts->count; i++) {
        bed_close(&hosts->hosts[i].bed);
        vain_signer_close(&hosts->hosts[i].signer);
    }
    switchboard_close(hosts->board);
}

/* The members list of a spec: with keys and addresses, which nobody dials. */
static void list_members(const struct hosts *hosts, char *out, size_t bytes)
{
    size_t length = (size_t)snprintf(out, bytes, "members:\n");
    for (int i = 0; i < hosts->count; i++) {
        char id[2 * VAIN_HASH_BYTES + 1];
        vain_to_hex(hosts->hosts[i].signer.member_id, VAIN_HASH_BYTES, id);
        length += (size_t)snprintf(out + length, bytes - length,
                                   "  - {name: m%d, key: %s, addresses: 'm%d:4000'}\n", i, id, i);
    }
}

static void read_spec(struct host *host, const char *const *sets, const char *members)
{
    const char *all[24] = {"exchange.transport=tls", "exchange.deadline=20s", "exchange.linger=0s",
                           "start.timeout=30s"};
    int count = 4;
    for (; sets != NULL && *sets != NULL; sets++)
        all[count++] = *sets;
    for (const char *const *extra = host->fate.extra; extra != NULL && *extra != NULL; extra++)
        all[count++] = *extra;
    VAIN_ASSERT(count < (int)VAIN_COUNT_OF(all));
    const enum vain_status status = bed_spec(&host->bed, all, members);
    if (status != VAIN_OK)
        printf("spec: %s\n", host->bed.problems.items[0].message);
    VAIN_ASSERT(status == VAIN_OK);
}

void hosts_run(struct hosts *hosts, const char *const *sets)
{
    struct life lives[HOSTS_MAX];
    char members[1024];
    memset(lives, 0, sizeof lives);
    list_members(hosts, members, sizeof members);
    for (int i = 0; i < hosts->count; i++) {
        struct host *host = &hosts->hosts[i];
        switchboard_spoil(hosts->board, i, false);
        host->notices = host->writes = 0;
        host->parted = false;
        host->message[0] = '\0';
        host->status = VAIN_OK;
        memset(&host->result, 0, sizeof host->result);
        progress.finished[i] = 0;
        progress.starts[i] = 0;
        progress.ended[i] = host->fate.absent;
        read_spec(host, sets, members);
    }
    for (int i = 0; i < hosts->count; i++) {
        lives[i].hosts = hosts;
        lives[i].host = &hosts->hosts[i];
        lives[i].number = i;
        if (!hosts->hosts[i].fate.absent)
            VAIN_ASSERT(pthread_create(&lives[i].thread, NULL, live, &lives[i]) == 0);
    }
    for (int i = 0; i < hosts->count; i++) {
        if (!hosts->hosts[i].fate.absent)
            pthread_join(lives[i].thread, NULL);
        memset(&hosts->hosts[i].fate, 0, sizeof hosts->hosts[i].fate);
    }
}

void hosts_run_over_loop(int count, const char *const *sets, uint8_t hash[VAIN_HASH_BYTES])
{
    struct bed bed;
    struct bed_outcome out;
    char members[200] = "members: [";
    size_t length = strlen(members);
    for (int i = 0; i < count; i++)
        length += (size_t)snprintf(members + length, sizeof members - length, "{name: m%d}%s", i,
                                   i + 1 < count ? ", " : "]\n");
    memset(hash, 0, VAIN_HASH_BYTES);
    if (!bed_open(&bed) || bed_spec(&bed, sets, members) != VAIN_OK)
        return;
    bed_run(&bed, &(struct bed_options){.ranks = count}, &out);
    memcpy(hash, out.result[0].parameters_hash, VAIN_HASH_BYTES);
    bed_close(&bed);
}

int hosts_place_of(const struct hosts *hosts, int number)
{
    int place = 0;
    for (int i = 0; i < hosts->count; i++)
        place += memcmp(hosts->hosts[i].signer.member_id, hosts->hosts[number].signer.member_id,
                        VAIN_HASH_BYTES) < 0;
    return place;
}

int hosts_count_notices(const struct host *host, const char *part)
{
    int count = 0;
    for (int i = 0; i < host->notices; i++)
        count += strstr(host->notice[i], part) != NULL ? 1 : 0;
    return count;
}

/* ---- what is expected ------------------------------------------------------------------------ */

void hosts_tell(const struct host *host, int number)
{
    printf("m%d: %s: %s\n", number, vain_status_name(host->status), host->message);
    for (int i = 0; i < host->notices; i++)
        printf("    %s\n", host->notice[i]);
}

static bool same_parameters(const struct host *a, const struct host *b)
{
    return memcmp(a->result.parameters_hash, b->result.parameters_hash, VAIN_HASH_BYTES) == 0;
}

/* Every round is in this member's own record, and all that must have signed have. */
static void expect_whole_record(const struct host *host, int64_t rounds)
{
    struct vain_record_summary summary;
    char path[256];
    snprintf(path, sizeof path, "%s/record.bin", host->bed.output);
    const enum vain_status status = vain_record_file_verify(path, &summary, NULL, NULL);
    if (status != VAIN_OK)
        printf("%s: %s\n", path, vain_fail_message());
    CU_ASSERT_EQUAL(status, VAIN_OK);
    snprintf(path, sizeof path, "%s/checkpoint-%06d.h5", host->bed.output, (int)rounds);
    CU_ASSERT_EQUAL(access(path, F_OK), 0);
    CU_ASSERT_EQUAL(summary.first_round, 1);
    CU_ASSERT_EQUAL(summary.records, rounds);
    CU_ASSERT_EQUAL(summary.last_round, (uint64_t)rounds);
    CU_ASSERT_EQUAL(summary.missing_signatures, 0);
    CU_ASSERT_FALSE(summary.torn_tail);
}

void hosts_expect_end(const struct hosts *hosts, unsigned who, int64_t rounds)
{
    const struct host *first = NULL;
    for (int i = 0; i < hosts->count; i++) {
        const struct host *host = &hosts->hosts[i];
        if ((who >> i & 1) == 0)
            continue;
        first = first == NULL ? host : first;
        const bool good = host->status == VAIN_OK && host->result.rounds == rounds &&
                          same_parameters(first, host);
        if (!good)
            hosts_tell(host, i);
        CU_ASSERT_TRUE(good);
        expect_whole_record(host, rounds);
    }
}

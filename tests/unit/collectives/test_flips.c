/* Words that change on their way through a ring or a tree: whoever receives them says so, with
 * round, phase, sender and receiver, and nobody ends with a sum that is not the sum.
 *
 * Every message of a reduce is spoiled in turn: a bit of its words or of its tag is flipped, or
 * what its sender sent before comes in its place. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/device.h"
#include "kernels/mix.h"
#include "tests/unit/collectives/courier.h"
#include "tests/unit/collectives/failing_device.h"
#include "tests/unit/suite.h"

enum { WORDS_MAX = 4000, MEMBERS_MAX = COURIER_MEMBERS_MAX, ROUND = 12, ATTEMPT = 2 };

static const char *const names[MEMBERS_MAX] = {"ada",  "bob",   "carol", "dave",
                                               "erin", "frank", "grace", "hugo"};

/* A ring or tree of members whose words are known. */
struct scene {
    enum vain_algorithm algorithm;
    int members;
    int64_t parameters, chunk_words;
    bool masked;
};

static struct vain_device device;
static struct vain_queue queue;
static struct vain_codec codec;
static struct courier courier;
static struct vain_mask mask_lists[MEMBERS_MAX][MEMBERS_MAX];
static struct vain_masks masks[MEMBERS_MAX];
static const int *ring_order; /* of scenes that are opened; NULL: by rank */
static uint64_t round_now = ROUND;
static uint32_t words[MEMBERS_MAX][WORDS_MAX], expected[WORDS_MAX];

/* A seed for each pair, added by the lower one. */
static void set_masks(int members, int own)
{
    int count = 0;
    for (int peer = 0; peer < members; peer++) {
        if (peer == own)
            continue;
        struct vain_mask *mask = &mask_lists[own][count++];
        *mask = (struct vain_mask){.domain = VAIN_MASK_PAIR, .subtract = peer < own};
        mask->seed[0] = (uint8_t)(peer < own ? peer : own);
        mask->seed[1] = (uint8_t)(peer < own ? own : peer);
    }
    masks[own] = (struct vain_masks){.count = count, .masks = mask_lists[own]};
}

static void open_scene(const struct scene *scene)
{
    CU_ASSERT_EQUAL_FATAL(vain_device_open_cpu(1, NULL, &device), VAIN_OK);
    queue = (struct vain_queue){.device = &device};
    CU_ASSERT_EQUAL_FATAL(vain_codec_init(&codec, scene->parameters, scene->members, 32, NAN, 1.0),
                          VAIN_OK);
    CU_ASSERT_FATAL(codec.word_count <= WORDS_MAX);
    courier_init(&courier, scene->members, 1);
    for (int member = 0; member < scene->members; member++) {
        const struct vain_exchange_config config = {.member_index = member,
                                                    .member_count = scene->members,
                                                    .member_names = names,
                                                    .codec = &codec,
                                                    .queue = &queue,
                                                    .algorithm = scene->algorithm,
                                                    .chunk_words = scene->chunk_words,
                                                    .ring_order = ring_order};
        CU_ASSERT_EQUAL_FATAL(vain_exchange_open(&config, &courier.exchanges[member]), VAIN_OK);
        set_masks(scene->members, member);
    }
}

static void close_scene(void)
{
    CU_ASSERT_EQUAL(courier.overlaps, 0);
    for (int member = 0; member < courier.size; member++)
        vain_exchange_close(&courier.exchanges[member]);
    vain_device_close(&device);
}

/* ---- spoiling -------------------------------------------------------------------------------- */

/* PARCEL: both messages of a parcel, words and tag, are others that were sent together. */
enum spoil { SPOIL_FLIP, SPOIL_REPLAY, SPOIL_PARCEL, SPOIL_NOTHING };

enum { KEPT_MESSAGES = 200, KEPT_BYTES = 256 };

static struct spoiler {
    enum spoil spoil;
    int target; /* index of the message */
    uint32_t bit;
    struct courier_message done; /* what was spoiled; bytes 0: nothing yet */
    bool same;                   /* a replay of equal bytes: nothing was spoiled after all */
    /* The last message of each link's tags. */
    size_t last_bytes[MEMBERS_MAX][VAIN_TAG_END];
    unsigned char last[MEMBERS_MAX][VAIN_TAG_END][WORDS_MAX * 4];
    /* Of PARCEL: words message `number` of the link and its tag become kept ones. */
    int from, to, number, put_number;
    uint32_t tag;
    /* All messages of a round that is kept, as they were sent. */
    bool keep;
    int kept_count;
    struct kept {
        struct courier_message about;
        unsigned char data[KEPT_BYTES];
    } kept[KEPT_MESSAGES];
} spoiler;

static const struct kept *find_kept(const struct spoiler *own, uint32_t tag)
{
    for (int i = 0; i < own->kept_count; i++) {
        const struct courier_message *about = &own->kept[i].about;
        if (about->from == own->from && about->to == own->to && about->tag == tag &&
            about->number == own->put_number)
            return &own->kept[i];
    }
    return NULL;
}

static void keep(struct spoiler *own, const struct courier_message *message)
{
    VAIN_ASSERT(own->kept_count < KEPT_MESSAGES);
    VAIN_ASSERT(message->bytes <= KEPT_BYTES);
    struct kept *kept = &own->kept[own->kept_count++];
    kept->about = *message;
    memcpy(kept->data, message->sent, message->bytes);
}

/* One message of the parcel, if this is one: the kept one in its place. */
static void put_parcel(struct spoiler *own, const struct courier_message *message)
{
    if (message->from != own->from || message->to != own->to || message->number != own->number ||
        (message->tag != own->tag && message->tag != own->tag + 1))
        return;
    const struct kept *kept = find_kept(own, message->tag);
    if (kept == NULL || kept->about.bytes != message->bytes)
        return;
    memcpy(message->received, kept->data, message->bytes);
    own->done = *message;
}

static void spoil(void *context, const struct courier_message *message)
{
    struct spoiler *own = context;
    unsigned char *last = own->last[message->from][message->tag];
    size_t *last_bytes = &own->last_bytes[message->from][message->tag];
    VAIN_ASSERT(message->bytes <= sizeof own->last[0][0]);
    if (message->index == own->target && own->spoil == SPOIL_FLIP) {
        const uint32_t bit = own->bit % (uint32_t)(8 * message->bytes);
        message->received[bit / 8] ^= (unsigned char)(1u << bit % 8);
        own->done = *message;
    } else if (message->index == own->target && own->spoil == SPOIL_REPLAY &&
               *last_bytes == message->bytes) {
        own->same = memcmp(message->sent, last, message->bytes) == 0;
        memcpy(message->received, last, message->bytes);
        own->done = *message;
    } else if (own->spoil == SPOIL_PARCEL) {
        put_parcel(own, message);
    }
    if (own->keep)
        keep(own, message);
    memcpy(last, message->sent, message->bytes);
    *last_bytes = message->bytes;
}

/* A round, its messages in an order of its seed, in which message `target` is spoiled; true if all
 * members ended with VAIN_OK. */
static bool run_round(const struct scene *scene, uint64_t order, enum spoil how, int target,
                      uint32_t bit)
{
    const struct vain_context context = {
        .round = round_now, .attempt = ATTEMPT, .masked = scene->masked};
    const struct vain_random check = {{3, 4}};
    courier_lose(&courier); /* of the round before */
    memset(expected, 0, sizeof expected);
    for (int member = 0; member < scene->members; member++) {
        for (int64_t i = 0; i < codec.word_count; i++) {
            words[member][i] = vain_mix((uint32_t)(member * WORDS_MAX) + (uint32_t)i + 1);
            expected[i] += words[member][i];
        }
        vain_exchange_set_round(courier.exchanges[member], &context, check);
    }
    courier.hook = NULL;
    CU_ASSERT_TRUE_FATAL(courier_run(&courier, VAIN_EXCHANGE_BEGIN_AGREE));
    for (int member = 0; member < scene->members; member++) {
        if (scene->masked)
            device.ops->codec.add_masks(&queue, &masks[member], 0, codec.word_count, words[member]);
        vain_exchange_set_words(courier.exchanges[member], words[member], scene->masked);
    }
    spoiler.spoil = how;
    spoiler.target = target;
    spoiler.bit = bit;
    spoiler.same = false;
    memset(&spoiler.done, 0, sizeof spoiler.done);
    memset(spoiler.last_bytes, 0, sizeof spoiler.last_bytes);
    courier_seed(&courier, order);
    courier.hook = spoil;
    courier.context = &spoiler;
    return courier_run(&courier, VAIN_EXCHANGE_BEGIN_REDUCE);
}

/* ---- what must hold -------------------------------------------------------------------------- */

static const char *phase_of(uint32_t tag)
{
    switch (tag) {
    case VAIN_TAG_RING:
    case VAIN_TAG_RING + 1:
        return "ring, reduce-scatter";
    case VAIN_TAG_RING_GATHER:
    case VAIN_TAG_RING_GATHER + 1:
        return "ring, all-gather";
    case VAIN_TAG_TREE:
    case VAIN_TAG_TREE + 1:
        return "tree, reduce";
    default:
        return "tree, broadcast";
    }
}

/* Nobody who ended well has another sum than the right one. */
static bool who_is_done_has_the_sum(void)
{
    for (int member = 0; member < courier.size; member++) {
        if (courier.status[member] == VAIN_OK &&
            memcmp(words[member], expected, (size_t)codec.word_count * 4) != 0)
            return false;
    }
    return true;
}

/* The receiver, and nobody else, failed, and named what it got from whom. */
static bool only_the_receiver_fails(const struct courier_message *message)
{
    char expected_text[200];
    snprintf(expected_text, sizeof expected_text,
             "round %d, attempt %d, %s: message %d from member '%s' to '%s' is not what was sent",
             ROUND, ATTEMPT, phase_of(message->tag), message->number, names[message->from],
             names[message->to]);
    /* Ring messages are numbered through both phases, trees' links have one each way. */
    char *number = strstr(expected_text, ": message ");
    const size_t head = (size_t)(number - expected_text);
    const char *tail = strstr(number, " from member");
    for (int member = 0; member < courier.size; member++) {
        const char *failure = courier.failure[member];
        if (member != message->to) {
            if (courier.status[member] < 0)
                return false;
        } else if (courier.status[member] != VAIN_ERR_PEER ||
                   strncmp(failure, expected_text, head) != 0 || strstr(failure, tail) == NULL ||
                   vain_exchange_phase(courier.exchanges[member]) != VAIN_EXCHANGE_FAILED) {
            printf("\n    found: %s\n    expected: %s\n", failure, expected_text);
            return false;
        }
    }
    return true;
}

/* Spoil each message of the scene in turn; gives the number of replays. */
static int check_scene(const struct scene *scene)
{
    open_scene(scene);
    CU_ASSERT_TRUE(run_round(scene, 1, SPOIL_NOTHING, -1, 0));
    CU_ASSERT_TRUE(who_is_done_has_the_sum());
    const int messages = courier.message_count;
    int replays = 0, wrong = 0;
    CU_ASSERT_TRUE(messages > 0);
    for (int target = 0; target < messages && wrong < 3; target += VAIN_TEST_STRIDE)
        for (int turn = 0; turn < 3 && wrong < 3; turn++) {
            const bool is_replay = turn == 2;
            const bool all_done = run_round(scene, 1, is_replay ? SPOIL_REPLAY : SPOIL_FLIP, target,
                                            vain_mix((uint32_t)(target * 2 + turn)));
            const bool spoiled = spoiler.done.bytes > 0 && !spoiler.same;
            replays += spoiled && is_replay;
            wrong += !who_is_done_has_the_sum();
            wrong += spoiled ? !only_the_receiver_fails(&spoiler.done) : !all_done;
            wrong += !is_replay && !spoiled;
        }
    CU_ASSERT_EQUAL(wrong, 0);
    close_scene();
    return replays;
}

/* Sizes: some segments are empty, one chunk and many, chunks that a block of a tag cuts. */
static void a_ring_sees_every_spoiled_message(void)
{
    static const struct scene scenes[] = {
        {VAIN_ALGORITHM_RING, 2, 1, 0, false},   {VAIN_ALGORITHM_RING, 2, 40, 3, true},
        {VAIN_ALGORITHM_RING, 3, 100, 0, true},  {VAIN_ALGORITHM_RING, 3, 100, 7, false},
        {VAIN_ALGORITHM_RING, 4, 59, 5, true},   {VAIN_ALGORITHM_RING, 5, 1, 1, true},
        {VAIN_ALGORITHM_RING, 8, 1, 0, false},   {VAIN_ALGORITHM_RING, 8, 200, 0, true},
        {VAIN_ALGORITHM_RING, 2, 3900, 0, true}, {VAIN_ALGORITHM_RING, 3, 3900, 1100, false},
    };
    int replays = 0;
    for (size_t i = 0; i < VAIN_COUNT_OF(scenes); i++)
        replays += check_scene(&scenes[i]);
    CU_ASSERT_TRUE(replays > 100 / VAIN_TEST_STRIDE);
}

/* The hop that is named is that of the order. */
static void a_ring_in_another_order_sees_them_too(void)
{
    static const int backwards[] = {4, 3, 2, 1, 0}, mixed[] = {2, 0, 3, 1, 4};
    static const struct scene scenes[] = {{VAIN_ALGORITHM_RING, 5, 200, 7, true},
                                          {VAIN_ALGORITHM_RING, 5, 3, 0, false}};
    int replays = 0;
    for (size_t i = 0; i < VAIN_COUNT_OF(scenes); i++) {
        ring_order = backwards;
        replays += check_scene(&scenes[i]);
        ring_order = mixed;
        replays += check_scene(&scenes[i]);
    }
    ring_order = NULL;
    CU_ASSERT_TRUE(replays > 100 / VAIN_TEST_STRIDE);
}

/* Whoever stands where: the words that all end with are the plain sum. */
static void every_order_of_members_gives_the_sum(void)
{
    int order[MEMBERS_MAX], wrong = 0;
    for (int members = 3; members <= MEMBERS_MAX; members++)
        for (uint32_t seed = 0; seed < 10; seed++) {
            const struct scene scene = {VAIN_ALGORITHM_RING, members, 17 * members + (int)seed, 5,
                                        seed % 2 == 0};
            for (int place = 0; place < members; place++)
                order[place] = seed == 0 ? members - 1 - place : place;
            for (int i = members - 1; i > 0 && seed > 0; i--) {
                const int at = (int)(vain_mix(100 * seed + (uint32_t)i) % (uint32_t)(i + 1));
                const int moved = order[i];
                order[i] = order[at];
                order[at] = moved;
            }
            ring_order = order;
            open_scene(&scene);
            wrong += !run_round(&scene, seed + 1, SPOIL_NOTHING, -1, 0);
            wrong += !who_is_done_has_the_sum();
            close_scene();
        }
    ring_order = NULL;
    CU_ASSERT_EQUAL(wrong, 0);
}

static void a_tree_sees_every_spoiled_message(void)
{
    static const int64_t sizes[] = {1, 33, 3900};
    int replays = 0;
    for (int members = 2; members <= MEMBERS_MAX; members++)
        for (size_t i = 0; i < VAIN_COUNT_OF(sizes); i++) {
            const struct scene scene = {VAIN_ALGORITHM_TREE, members, sizes[i], 0,
                                        (members + (int)i) % 2 == 0};
            replays += check_scene(&scene);
        }
    CU_ASSERT_TRUE(replays > 0); /* what a parent sent to another child */
}

/* Each bit of one message's words and tag, in both phases of both ways. */
static void every_bit_counts(void)
{
    static const struct scene scenes[] = {{VAIN_ALGORITHM_RING, 3, 16, 4, true},
                                          {VAIN_ALGORITHM_TREE, 3, 4, 0, true}};
    for (size_t s = 0; s < VAIN_COUNT_OF(scenes); s++) {
        int phases[4] = {0}, unseen = 0;
        open_scene(&scenes[s]);
        CU_ASSERT_TRUE(run_round(&scenes[s], 1, SPOIL_NOTHING, -1, 0));
        for (int target = 0, count = courier.message_count; target < count; target++) {
            uint32_t bits = 1;
            for (uint32_t bit = 0; bit < bits; bit += VAIN_TEST_STRIDE) {
                unseen += run_round(&scenes[s], 1, SPOIL_FLIP, target, bit);
                unseen += !who_is_done_has_the_sum();
                unseen += !only_the_receiver_fails(&spoiler.done);
                bits = 8 * (uint32_t)spoiler.done.bytes;
            }
            phases[spoiler.done.tag - (s == 0 ? VAIN_TAG_RING : VAIN_TAG_TREE)]++;
        }
        CU_ASSERT_EQUAL(unseen, 0);
        for (int phase = 0; phase < 4; phase++)
            CU_ASSERT_TRUE(phases[phase] > 0); /* words and tags of both phases */
        close_scene();
    }
}

/* Messages are carried in hundreds of orders: the sum is always the sum. */
static void any_order_gives_the_sum(void)
{
    static const struct scene scenes[] = {{VAIN_ALGORITHM_RING, 4, 200, 3, true},
                                          {VAIN_ALGORITHM_RING, 3, 90, 1, false},
                                          {VAIN_ALGORITHM_RING, 7, 300, 11, true},
                                          {VAIN_ALGORITHM_TREE, 7, 30, 0, true}};
    for (size_t s = 0; s < VAIN_COUNT_OF(scenes); s++) {
        int wrong = 0;
        open_scene(&scenes[s]);
        for (uint64_t order = 1; order <= 100; order++) {
            wrong += !run_round(&scenes[s], order, SPOIL_NOTHING, -1, 0);
            wrong += !who_is_done_has_the_sum();
        }
        CU_ASSERT_EQUAL(wrong, 0);
        close_scene();
    }
}

/* Keep what is sent in a round, then put it into the places of another one (with the same words),
 * or into the next place of the same one. */
static int put_parcels(const struct scene *scene, uint64_t kept_round, int shift)
{
    int put = 0, wrong = 0;
    open_scene(scene);
    spoiler.kept_count = 0;
    spoiler.keep = true;
    round_now = kept_round;
    CU_ASSERT_TRUE(run_round(scene, 1, SPOIL_NOTHING, -1, 0));
    spoiler.keep = false;
    round_now = ROUND;
    for (int i = 0; i < spoiler.kept_count; i++) {
        const struct courier_message *about = &spoiler.kept[i].about;
        if (about->tag % 2 != 0)
            continue; /* tags go with their words */
        spoiler.from = about->from;
        spoiler.to = about->to;
        spoiler.tag = about->tag;
        spoiler.put_number = about->number;
        spoiler.number = about->number + shift;
        const bool all_done = run_round(scene, 1, SPOIL_PARCEL, -1, 0);
        wrong += !who_is_done_has_the_sum();
        if (spoiler.done.bytes == 0)
            continue; /* another length: the transport would refuse it */
        put++;
        wrong += all_done || !only_the_receiver_fails(&spoiler.done);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    close_scene();
    return put;
}

static void parcels_of_other_rounds_and_places_are_seen(void)
{
    static const struct scene ring = {VAIN_ALGORITHM_RING, 3, 100, 7, false};
    static const struct scene tree = {VAIN_ALGORITHM_TREE, 3, 30, 0, false};
    CU_ASSERT_TRUE(put_parcels(&ring, ROUND - 1, 0) > 50);
    CU_ASSERT_TRUE(put_parcels(&ring, ROUND, 1) > 20);
    CU_ASSERT_TRUE(put_parcels(&tree, ROUND - 1, 0) > 0);
}

/* A device that is gone at any wait of a reduce: whoever waited fails, and nobody has a wrong sum.
 */
static void a_device_that_fails_is_no_sum(void)
{
    static const struct scene scenes[] = {{VAIN_ALGORITHM_RING, 3, 40, 4, true},
                                          {VAIN_ALGORITHM_TREE, 5, 10, 0, true}};
    for (size_t s = 0; s < VAIN_COUNT_OF(scenes); s++) {
        int waits = 0, wrong = 0;
        open_scene(&scenes[s]);
        for (bool all_done = false; !all_done && waits < 1000; waits++) {
            device_fails_after(waits);
            all_done = run_round(&scenes[s], 1, SPOIL_NOTHING, -1, 0);
            device_works();
            int failed = 0;
            for (int member = 0; member < courier.size; member++)
                failed += courier.status[member] == VAIN_ERR_UNAVAILABLE;
            wrong += failed == 0 && !all_done;
            wrong += !who_is_done_has_the_sum();
        }
        CU_ASSERT_EQUAL(wrong, 0);
        CU_ASSERT_TRUE(waits > 10 && waits < 1000);
        close_scene();
    }
}

static const struct vain_test tests[] = {
    {"any order of messages gives the sum", any_order_gives_the_sum},
    {"a ring sees every spoiled message", a_ring_sees_every_spoiled_message},
    {"a ring in another order sees them too", a_ring_in_another_order_sees_them_too},
    {"every order of members gives the sum", every_order_of_members_gives_the_sum},
    {"a tree sees every spoiled message", a_tree_sees_every_spoiled_message},
    {"every bit of words and tags counts", every_bit_counts},
    {"parcels of other rounds and places are seen", parcels_of_other_rounds_and_places_are_seen},
    {"a device that fails is no sum", a_device_that_fails_is_no_sum},
    {NULL, NULL},
};
const struct vain_suite vain_suite_flips = {"flips", tests};

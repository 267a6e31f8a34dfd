/* Rings with evidence, carried by hand: the same sums, whatever the way of summing is otherwise;
 * every spoiled message named by its receiver; and a member whose memory changes named by all. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/device.h"
#include "tests/unit/collectives/courier.h"
#include "tests/unit/suite.h"

enum { WORDS_MAX = 600, MEMBERS_MAX = COURIER_MEMBERS_MAX };

static const char *const names[MEMBERS_MAX] = {"ada",  "bob",   "carol", "dave",
                                               "erin", "frank", "grace", "hugo"};
static const struct vain_random check = {{3, 4}};

struct scene {
    enum vain_algorithm algorithm;
    int members;
    int64_t parameters, chunk_words;
};
static const struct scene scenes[] = {
    {VAIN_ALGORITHM_RING, 2, 1, 0},   {VAIN_ALGORITHM_TREE, 2, 90, 5},
    {VAIN_ALGORITHM_RING, 3, 100, 7}, {VAIN_ALGORITHM_TREE, 3, 1, 1},
    {VAIN_ALGORITHM_TREE, 4, 200, 0}, {VAIN_ALGORITHM_RING, 4, 59, 5},
    {VAIN_ALGORITHM_RING, 5, 300, 9}, {VAIN_ALGORITHM_TREE, 5, 30, 0},
    {VAIN_ALGORITHM_RING, 8, 1, 1},   {VAIN_ALGORITHM_TREE, 8, 500, 11},
};

static struct vain_device device;
static struct vain_queue queue = {.device = &device};
static struct vain_codec codec;
static struct courier courier;
static struct vain_signer signers[MEMBERS_MAX];
static struct vain_evidence *evidence[MEMBERS_MAX];
static uint8_t keys[MEMBERS_MAX][VAIN_PUBLIC_KEY_BYTES];
static int order[MEMBERS_MAX]; /* rank at each place */
static uint64_t round_now;
static uint32_t words[MEMBERS_MAX][WORDS_MAX], expected[WORDS_MAX];

static void open_member(const struct scene *scene, int rank)
{
    const struct vain_exchange_config config = {.member_index = rank,
                                                .member_count = scene->members,
                                                .member_names = names,
                                                .codec = &codec,
                                                .queue = &queue,
                                                .algorithm = scene->algorithm,
                                                .chunk_words = scene->chunk_words,
                                                .ring_order = order,
                                                .gives_evidence = true};
    const struct vain_evidence_config statements = {.members = scene->members,
                                                    .own = rank,
                                                    .order = order,
                                                    .keys = keys[0],
                                                    .signer = &signers[rank]};
    CU_ASSERT_EQUAL_FATAL(vain_exchange_open(&config, &courier.exchanges[rank]), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(vain_evidence_open(&statements, &evidence[rank]), VAIN_OK);
}

static void open_scene(const struct scene *scene)
{
    CU_ASSERT_EQUAL_FATAL(vain_device_open_cpu(1, NULL, &device), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(vain_codec_init(&codec, scene->parameters, scene->members, 32, NAN, 1.0),
                          VAIN_OK);
    CU_ASSERT_FATAL(codec.word_count <= WORDS_MAX);
    courier_init(&courier, scene->members, 1);
    for (int rank = 0; rank < scene->members; rank++) {
        order[rank] = (scene->members + 1 - rank) % scene->members;
        CU_ASSERT_EQUAL_FATAL(vain_signer_open_throw_away(&signers[rank], 1000), VAIN_OK);
        memcpy(keys[rank], signers[rank].certificate.current_key, VAIN_PUBLIC_KEY_BYTES);
    }
    for (int rank = 0; rank < scene->members; rank++)
        open_member(scene, rank);
}

static void close_scene(void)
{
    CU_ASSERT_EQUAL(courier.overlaps, 0);
    for (int rank = 0; rank < courier.size; rank++) {
        vain_exchange_close(&courier.exchanges[rank]);
        vain_evidence_close(&evidence[rank]);
        vain_signer_close(&signers[rank]);
    }
    vain_device_close(&device);
}

/* Contexts are compared; member `wants` wants evidence, -1: nobody. */
static void agree(int wants)
{
    struct vain_context context = {.round = ++round_now, .attempt = 1};
    courier_lose(&courier);
    memset(expected, 0, sizeof expected);
    for (int rank = 0; rank < courier.size; rank++) {
        for (int64_t i = 0; i < codec.word_count; i++) {
            words[rank][i] = vain_mix((uint32_t)(rank * WORDS_MAX) + (uint32_t)i + 1);
            expected[i] += words[rank][i];
        }
        context.wants_evidence = rank == wants;
        vain_exchange_set_round(courier.exchanges[rank], &context, check);
    }
    courier.hook = NULL;
    CU_ASSERT_TRUE_FATAL(courier_run(&courier, VAIN_EXCHANGE_BEGIN_AGREE));
    for (int rank = 0; rank < courier.size; rank++) {
        CU_ASSERT_EQUAL(vain_exchange_has_evidence(courier.exchanges[rank]), wants >= 0);
        vain_exchange_set_words(courier.exchanges[rank], words[rank], false);
    }
}

/* A reduce with evidence, its messages in an order of its seed. */
static bool reduce(uint64_t seed, void (*hook)(void *context, const struct courier_message *),
                   void *context)
{
    for (int rank = 0; rank < courier.size; rank++)
        CU_ASSERT_EQUAL(vain_exchange_set_evidence(courier.exchanges[rank], evidence[rank]),
                        VAIN_OK);
    courier_seed(&courier, seed);
    courier.hook = hook;
    courier.context = context;
    return courier_run(&courier, VAIN_EXCHANGE_BEGIN_REDUCE);
}

static bool all_have_the_sum(void)
{
    bool all = true;
    for (int rank = 0; rank < courier.size; rank++)
        all = all && courier.status[rank] == VAIN_OK &&
              memcmp(words[rank], expected, (size_t)codec.word_count * sizeof **words) == 0;
    return all;
}

/* What all gave each other, as the member `rank` judges it. */
static struct vain_evidence_verdict judge(int rank)
{
    static uint8_t own[1 << 16], hops[1 << 17];
    const size_t own_bytes = vain_evidence_own_bytes(courier.size);
    const size_t hops_bytes = vain_evidence_hops_bytes(courier.size);
    struct vain_evidence_verdict verdict;
    for (int from = 0; from < courier.size; from++) {
        memcpy(own + (size_t)from * own_bytes, vain_evidence_own(evidence[from]), own_bytes);
        memcpy(hops + (size_t)from * hops_bytes, vain_evidence_hops(evidence[from]), hops_bytes);
    }
    CU_ASSERT_EQUAL(vain_evidence_take_own(evidence[rank], own), -1);
    vain_evidence_judge_hops(evidence[rank], false, hops, &verdict);
    return verdict;
}

/* ---- the sum --------------------------------------------------------------------------------- */

struct tags {
    int count[VAIN_TAG_END];
};

static void count_tags(void *context, const struct courier_message *message)
{
    struct tags *tags = context;
    tags->count[message->tag]++;
}

/* Whoever wants it, and however words are summed without: the same bits, by a ring, with a
 * statement a step; and the next round is as it was. */
static void sums_are_the_same(void)
{
    for (size_t i = 0; i < VAIN_COUNT_OF(scenes); i++) {
        const struct scene *scene = &scenes[i];
        open_scene(scene);
        for (int turn = 0; turn < 6; turn++) {
            struct tags tags = {{0}};
            agree(turn % scene->members);
            CU_ASSERT_TRUE(reduce((uint64_t)turn, count_tags, &tags));
            CU_ASSERT_TRUE(all_have_the_sum());
            CU_ASSERT_EQUAL(tags.count[VAIN_TAG_HOP],
                            scene->members * vain_evidence_steps(scene->members));
            CU_ASSERT_EQUAL(tags.count[VAIN_TAG_TREE], 0);
            CU_ASSERT_EQUAL(judge(turn % scene->members).fault, VAIN_EVIDENCE_FINE);
            agree(-1);
            memset(&tags, 0, sizeof tags);
            courier.hook = count_tags;
            CU_ASSERT_TRUE(courier_run(&courier, VAIN_EXCHANGE_BEGIN_REDUCE));
            CU_ASSERT_TRUE(all_have_the_sum());
            CU_ASSERT_EQUAL(tags.count[VAIN_TAG_HOP], 0);
            CU_ASSERT_EQUAL(tags.count[VAIN_TAG_TREE] > 0, scene->algorithm == VAIN_ALGORITHM_TREE);
        }
        close_scene();
    }
}

/* Where attempts are never with evidence, nobody's wish counts. */
static void not_all_exchanges_give_evidence(void)
{
    const struct scene scene = {VAIN_ALGORITHM_RING, 3, 40, 0};
    open_scene(&scene);
    for (int rank = 0; rank < 3; rank++) {
        const struct vain_exchange_config config = {.member_index = rank,
                                                    .member_count = 3,
                                                    .member_names = names,
                                                    .codec = &codec,
                                                    .queue = &queue,
                                                    .algorithm = VAIN_ALGORITHM_RING};
        const struct vain_context context = {.round = 5, .wants_evidence = 1};
        vain_exchange_close(&courier.exchanges[rank]);
        CU_ASSERT_EQUAL_FATAL(vain_exchange_open(&config, &courier.exchanges[rank]), VAIN_OK);
        vain_exchange_set_round(courier.exchanges[rank], &context, check);
    }
    CU_ASSERT_TRUE(courier_run(&courier, VAIN_EXCHANGE_BEGIN_AGREE));
    for (int rank = 0; rank < 3; rank++)
        CU_ASSERT_FALSE(vain_exchange_has_evidence(courier.exchanges[rank]));
    close_scene();
}

/* ---- spoiled messages ------------------------------------------------------------------------ */

struct spoiler {
    int target;
    uint32_t bit;
    struct courier_message done;
    int last_stated[MEMBERS_MAX]; /* step, by who states it */
};

static void flip(void *context, const struct courier_message *message)
{
    struct spoiler *spoiler = context;
    const uint32_t bit = spoiler->bit % (uint32_t)(8 * message->bytes);
    if (message->tag == VAIN_TAG_HOP)
        spoiler->last_stated[message->from] = message->number;
    if (message->index != spoiler->target)
        return;
    message->received[bit / 8] ^= (unsigned char)(1u << bit % 8);
    spoiler->done = *message;
}

/* The receiver, and nobody else, fails and knows from whom it came. Of what follows from a hop
 * whose statement does not hold it has stated nothing. */
static bool only_the_receiver_fails(const struct spoiler *spoiler)
{
    const struct courier_message *message = &spoiler->done;
    for (int rank = 0; rank < courier.size; rank++) {
        const bool is_receiver = rank == message->to;
        if ((courier.status[rank] < 0) != is_receiver ||
            vain_exchange_wrong_from(courier.exchanges[rank]) != (is_receiver ? message->from : -1))
            return false;
    }
    return message->tag != VAIN_TAG_HOP ||
           (spoiler->last_stated[message->to] <= message->number &&
            strstr(courier.failure[message->to], "is not signed by it, or not of the words"));
}

static void every_spoiled_message_is_seen(void)
{
    int wrong = 0;
    for (size_t i = 0; i < VAIN_COUNT_OF(scenes); i++) {
        open_scene(&scenes[i]);
        agree(0);
        CU_ASSERT_TRUE(reduce(1, NULL, NULL));
        const int messages = courier.message_count;
        for (int target = 0; target < messages; target += VAIN_TEST_STRIDE * (1 + messages / 64)) {
            struct spoiler spoiler = {.target = target, .bit = vain_mix((uint32_t)target)};
            agree(0);
            wrong += reduce(1, flip, &spoiler);
            wrong += !only_the_receiver_fails(&spoiler);
        }
        close_scene();
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

/* ---- a member whose memory changes ----------------------------------------------------------- */

struct decay {
    int rank, segment;
    bool done;
};

/* When the first partial sum has come: a word of the own ones that is still to be added. */
static void change_memory(void *context, const struct courier_message *message)
{
    struct decay *decay = context;
    const int64_t part = codec.word_count / courier.size, longer = codec.word_count % courier.size;
    const int64_t first =
        decay->segment * part + (decay->segment < longer ? decay->segment : longer);
    if (decay->done || message->to != decay->rank || message->tag != VAIN_TAG_RING)
        return;
    words[decay->rank][first] ^= 0x100;
    decay->done = true;
}

static int place_of_rank(int rank)
{
    int place = 0;
    while (order[place] != rank)
        place++;
    return place;
}

/* At all its hops but the first, which has left already: all come to the same. */
static bool is_named_by_all(const struct decay *decay)
{
    const int place = place_of_rank(decay->rank);
    bool all = true;
    for (int rank = 0; rank < courier.size; rank++) {
        const struct vain_evidence_verdict verdict = judge(rank);
        all = all && verdict.fault == VAIN_EVIDENCE_ADDED && verdict.culprit == decay->rank &&
              verdict.shard == decay->segment &&
              verdict.step == (place - decay->segment + courier.size) % courier.size;
    }
    return all;
}

static void who_adds_something_else_is_named_by_all(void)
{
    int wrong = 0;
    for (int members = 3; members <= MEMBERS_MAX; members++) {
        const struct scene scene = {members % 2 == 0 ? VAIN_ALGORITHM_RING : VAIN_ALGORITHM_TREE,
                                    members, 100, 0};
        open_scene(&scene);
        for (int turn = 0; turn < members * members; turn++) {
            struct decay decay = {.rank = turn / members, .segment = turn % members};
            if (decay.segment == place_of_rank(decay.rank))
                continue;
            agree(turn % members);
            wrong += !reduce((uint64_t)turn, change_memory, &decay);
            wrong += all_have_the_sum() || !is_named_by_all(&decay);
        }
        close_scene();
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

static const struct vain_test tests[] = {
    {"sums are the same", sums_are_the_same},
    {"not all exchanges give evidence", not_all_exchanges_give_evidence},
    {"every spoiled message is seen", every_spoiled_message_is_seen},
    {"who adds something else is named by all", who_adds_something_else_is_named_by_all},
    {NULL, NULL},
};
const struct vain_suite vain_suite_hops = {"hops", tests};

/* What others learn from the words that a member sends in a reduce.
 *
 * Of four members two collude: they see every word that the victim sends them, and know the masks
 * that they share with it. What is left is its words under the one mask that it shares with the
 * other honest member, which must look like nothing at all: bytes are counted, and Pearson's
 * statistic of each of a word's four bytes against the uniform distribution stays below a bound.
 *
 * With 255 degrees of freedom the statistic has mean 255; it is above 377 once in 10^6 times
 * (Wilson, Hilferty 1931). Keys are fixed, so the test gives the same numbers everywhere. That it
 * can see something is tested as well: words without that mask, and a seed that is used twice. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/device.h"
#include "kernels/mix.h"
#include "tests/unit/collectives/courier.h"
#include "tests/unit/collectives/pairs.h"
#include "tests/unit/suite.h"

enum {
    MEMBERS = GOLDEN_MEMBERS,
    WORDS = 1 << 20,
    ROUNDS = 14, /* a ring's victim shows three quarters of its words: 11 million in all */
    PIECES_MAX = 64
};
static const double uniform_below = 377;

static const char *const names[MEMBERS] = {"ada", "bob", "carol", "dave"};

struct way {
    enum vain_algorithm algorithm;
    int victim, honest; /* the others collude */
};
static const struct way ring = {VAIN_ALGORITHM_RING, 0, 2}; /* between the two that collude */
static const struct way tree = {VAIN_ALGORITHM_TREE, 1, 2}; /* a leaf below one of them */

/* Words of messages that colluders hold, by where they lie in the victim's vector. */
struct piece {
    int64_t first, count;
};
struct view {
    int piece_count;
    struct piece pieces[PIECES_MAX];
    uint32_t *words; /* (WORDS) */
};

static struct vain_device device;
static struct vain_queue queue;
static struct vain_codec codec;
static struct courier courier;
static struct way way;
static uint32_t *words[MEMBERS];
static uint32_t *partials[PIECES_MAX]; /* what came in, by number */
static struct view *watched;

/* ---- a round that is watched ----------------------------------------------------------------- */

/* The victim's own part of what it sends: a ring adds it to what came in as many messages before as
 * a step has, and colluders sent that themselves. */
static void watch(void *context, const struct courier_message *message)
{
    const int64_t count = (int64_t)(message->bytes / sizeof(uint32_t));
    const int stripes = WORDS / MEMBERS / VAIN_RING_CHUNK_WORDS;
    (void)context;
    if (message->to == way.victim && message->tag == VAIN_TAG_RING) {
        CU_ASSERT_FATAL(message->number < PIECES_MAX);
        memcpy(partials[message->number], message->sent, message->bytes);
    }
    if (message->from != way.victim ||
        (message->tag != VAIN_TAG_RING && message->tag != VAIN_TAG_TREE))
        return;
    const int64_t first = (const uint32_t *)message->sent - words[way.victim];
    CU_ASSERT_FATAL(first >= 0 && first + count <= WORDS && watched->piece_count < PIECES_MAX);
    watched->pieces[watched->piece_count++] = (struct piece){first, count};
    memcpy(watched->words + first, message->sent, message->bytes);
    if (message->tag != VAIN_TAG_RING || message->number < stripes)
        return;
    const uint32_t *partial = partials[message->number - stripes];
    for (int64_t i = 0; i < count; i++)
        watched->words[first + i] -= partial[i];
}

/* Take off the masks that colluders know, and the honest one's too if it were known. */
static void take_off_masks(struct view *view, const struct vain_context *context,
                           bool honest_mask_too)
{
    struct vain_mask all[MEMBERS], known[MEMBERS];
    const struct vain_masks masks = golden_masks(way.victim, context, all);
    int count = 0;
    for (int k = 0; k < masks.count; k++) {
        const int peer = k < way.victim ? k : k + 1;
        if (peer == way.honest && !honest_mask_too)
            continue;
        known[count] = all[k];
        known[count++].subtract = !all[k].subtract;
    }
    const struct vain_masks off = {.count = count, .masks = known};
    for (int p = 0; p < view->piece_count; p++)
        device.ops->codec.add_masks(&queue, &off, (uint64_t)view->pieces[p].first,
                                    view->pieces[p].count, view->words + view->pieces[p].first);
}

/* Integers as a codec makes them: small ones of both signs. */
static uint32_t delta_word(uint32_t seed, int64_t i)
{
    return vain_mix(seed * 0x9e3779b9u + (uint32_t)i) % 2001 - 1000;
}

/* A round of the golden members, seen by those who collude. */
static void run_round(uint64_t round, uint32_t delta_seed, bool honest_mask_too, struct view *view)
{
    const struct vain_context context = {.round = round, .masked = 1};
    const struct vain_random check = {{3, 4}};
    struct vain_mask lists[MEMBERS][MEMBERS];
    struct vain_masks masks[MEMBERS];
    view->piece_count = 0;
    watched = view;
    for (int member = 0; member < MEMBERS; member++)
        vain_exchange_set_round(courier.exchanges[member], &context, check);
    courier.hook = NULL;
    CU_ASSERT_TRUE_FATAL(courier_run(&courier, VAIN_EXCHANGE_BEGIN_AGREE));
    for (int member = 0; member < MEMBERS; member++) {
        masks[member] = golden_masks(member, &context, lists[member]);
        for (int64_t i = 0; i < WORDS; i++)
            words[member][i] = delta_word(delta_seed + (uint32_t)member, i);
        vain_exchange_set_words(courier.exchanges[member], words[member], &masks[member]);
    }
    courier.hook = watch;
    CU_ASSERT_TRUE_FATAL(courier_run(&courier, VAIN_EXCHANGE_BEGIN_REDUCE));
    take_off_masks(view, &context, honest_mask_too);
}

static void open_way(const struct way *wanted)
{
    way = *wanted;
    CU_ASSERT_EQUAL_FATAL(vain_device_open_cpu(1, NULL, &device), VAIN_OK);
    queue = (struct vain_queue){.device = &device};
    CU_ASSERT_EQUAL_FATAL(
        vain_codec_init(&codec, WORDS - VAIN_COUNTER_WORDS - 1, MEMBERS, 32, NAN, 1.0), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(codec.word_count, WORDS);
    courier_init(&courier, MEMBERS, 1);
    for (int i = 0; i < PIECES_MAX; i++)
        CU_ASSERT_EQUAL_FATAL(vain_take_array(VAIN_RING_CHUNK_WORDS, sizeof(uint32_t), "partial",
                                              (void **)&partials[i]),
                              VAIN_OK);
    for (int member = 0; member < MEMBERS; member++) {
        const struct vain_exchange_config config = {.member_index = member,
                                                    .member_count = MEMBERS,
                                                    .member_names = names,
                                                    .codec = &codec,
                                                    .queue = &queue,
                                                    .algorithm = way.algorithm};
        CU_ASSERT_EQUAL_FATAL(vain_exchange_open(&config, &courier.exchanges[member]), VAIN_OK);
        CU_ASSERT_EQUAL_FATAL(
            vain_take_array(WORDS, sizeof(uint32_t), "words", (void **)&words[member]), VAIN_OK);
    }
}

static void close_way(void)
{
    for (int member = 0; member < MEMBERS; member++) {
        vain_exchange_close(&courier.exchanges[member]);
        vain_release(words[member]);
    }
    for (int i = 0; i < PIECES_MAX; i++)
        vain_release(partials[i]);
    vain_device_close(&device);
}

static void open_view(struct view *view)
{
    CU_ASSERT_EQUAL_FATAL(vain_take_array(WORDS, sizeof(uint32_t), "view", (void **)&view->words),
                          VAIN_OK);
}

/* ---- the statistic --------------------------------------------------------------------------- */

struct counts {
    int64_t words, of[4][256];
};

/* The words of a view, minus those of another (NULL: nothing) of the same pieces. */
static void count_bytes(struct counts *counts, const struct view *view, const struct view *minus)
{
    for (int p = 0; p < view->piece_count; p++) {
        const struct piece *piece = &view->pieces[p];
        for (int64_t i = piece->first; i < piece->first + piece->count; i++) {
            const uint32_t word = view->words[i] - (minus == NULL ? 0 : minus->words[i]);
            for (int byte = 0; byte < 4; byte++)
                counts->of[byte][word >> 8 * byte & 0xff]++;
        }
        counts->words += piece->count;
    }
}

/* Pearson's statistic of the byte that is farthest from uniform. */
static double largest_statistic(const struct counts *counts)
{
    const double expected = (double)counts->words / 256;
    double largest = 0;
    for (int byte = 0; byte < 4; byte++) {
        double sum = 0;
        for (int value = 0; value < 256; value++) {
            const double distance = (double)counts->of[byte][value] - expected;
            sum += distance * distance / expected;
        }
        largest = sum > largest ? sum : largest;
    }
    return largest;
}

/* ---- tests ----------------------------------------------------------------------------------- */

/* The members' deltas are the same in all rounds. */
static void watch_rounds(const struct way *wanted, struct counts *single,
                         struct counts *differences)
{
    struct view views[2];
    memset(views, 0, sizeof views);
    memset(single, 0, sizeof *single);
    memset(differences, 0, sizeof *differences);
    open_way(wanted);
    open_view(&views[0]);
    open_view(&views[1]);
    for (int round = 0; round < ROUNDS; round++) {
        struct view *now = &views[round % 2], *before = &views[1 - round % 2];
        run_round((uint64_t)round, 5, false, now);
        count_bytes(single, now, NULL);
        /* A tree's pieces, and a ring's, come in an order of their own, but are the same. */
        if (round > 0)
            count_bytes(differences, now, before);
    }
    vain_release(views[0].words);
    vain_release(views[1].words);
    close_way();
}

static void words_sent_look_like_nothing(void)
{
    static const struct way *const all[] = {&ring, &tree};
    for (size_t i = 0; i < VAIN_COUNT_OF(all); i++) {
        struct counts single, differences;
        watch_rounds(all[i], &single, &differences);
        CU_ASSERT_TRUE(single.words >= 10000000);
        CU_ASSERT_TRUE(largest_statistic(&single) < uniform_below);
        /* Equal deltas in two rounds: nobody sees that they are. */
        CU_ASSERT_TRUE(differences.words >= 10000000);
        CU_ASSERT_TRUE(largest_statistic(&differences) < uniform_below);
    }
}

/* Words of a view that are not the victim's delta of `delta_seed`, minus that of `minus_seed`. */
static int64_t count_wrong(const struct view *view, const struct view *minus, uint32_t delta_seed,
                           uint32_t minus_seed)
{
    const uint32_t victim = (uint32_t)way.victim;
    int64_t wrong = 0;
    for (int p = 0; p < view->piece_count; p++)
        for (int64_t k = 0; k < view->pieces[p].count; k++) {
            const int64_t i = view->pieces[p].first + k;
            const uint32_t found = view->words[i] - (minus == NULL ? 0 : minus->words[i]);
            const uint32_t taken = minus == NULL ? 0 : delta_word(minus_seed + victim, i);
            wrong += found != delta_word(delta_seed + victim, i) - taken;
        }
    return wrong;
}

/* With the one mask that colluders do not have, their view is the delta itself: every word was
 * masked at its own place, and nothing else hides it. */
static void the_statistic_sees_bare_words(void)
{
    static const struct way *const all[] = {&ring, &tree};
    for (size_t i = 0; i < VAIN_COUNT_OF(all); i++) {
        struct view view = {0};
        struct counts counts;
        memset(&counts, 0, sizeof counts);
        open_way(all[i]);
        open_view(&view);
        run_round(4, 70, true, &view);
        count_bytes(&counts, &view, NULL);
        CU_ASSERT_TRUE(counts.words >= WORDS / 4 * 3);
        CU_ASSERT_EQUAL(count_wrong(&view, NULL, 70, 0), 0);
        CU_ASSERT_TRUE(largest_statistic(&counts) > 100 * uniform_below);
        vain_release(view.words);
        close_way();
    }
}

/* The same seeds for two deltas: the difference is that of the deltas, a few thousand wide. */
static void the_statistic_sees_a_seed_used_twice(void)
{
    struct view views[2];
    struct counts single, differences;
    memset(views, 0, sizeof views);
    memset(&single, 0, sizeof single);
    memset(&differences, 0, sizeof differences);
    open_way(&ring);
    for (int i = 0; i < 2; i++) {
        open_view(&views[i]);
        run_round(8, 50 + 10 * (uint32_t)i, false, &views[i]); /* one context */
        count_bytes(&single, &views[i], NULL);
    }
    count_bytes(&differences, &views[1], &views[0]);
    CU_ASSERT_TRUE(largest_statistic(&differences) > 100 * uniform_below);
    CU_ASSERT_EQUAL(count_wrong(&views[1], &views[0], 60, 50), 0);
    for (int i = 0; i < 2; i++)
        vain_release(views[i].words);
    close_way();
}

/* The transport's own all-reduce gets masked words as well. */
static void a_native_reduce_is_masked_too(void)
{
    const struct way native = {VAIN_ALGORITHM_NATIVE, 0, 2};
    const struct vain_context context = {.round = 1, .masked = 1};
    const struct vain_random check = {{3, 4}};
    struct vain_exchange_out out;
    struct vain_mask list[MEMBERS];
    open_way(&native);
    for (int member = 0; member < MEMBERS; member++)
        vain_exchange_set_round(courier.exchanges[member], &context, check);
    CU_ASSERT_TRUE_FATAL(courier_run(&courier, VAIN_EXCHANGE_BEGIN_AGREE));
    const struct vain_masks masks = golden_masks(0, &context, list);
    vain_exchange_set_words(courier.exchanges[0], words[0], &masks); /* zeros */
    vain_exchange_step(courier.exchanges[0],
                       &(struct vain_exchange_event){VAIN_EXCHANGE_BEGIN_REDUCE, 0}, &out);
    CU_ASSERT_EQUAL_FATAL(out.action_count, 1);
    CU_ASSERT_PTR_EQUAL(out.actions[0].buffer, words[0]);
    struct view view = {.piece_count = 1, .pieces = {{0, WORDS}}, .words = words[0]};
    struct counts counts;
    memset(&counts, 0, sizeof counts);
    count_bytes(&counts, &view, NULL);
    CU_ASSERT_TRUE(largest_statistic(&counts) < uniform_below);
    take_off_masks(&view, &context, true);
    int64_t left = 0;
    for (int64_t i = 0; i < WORDS; i++)
        left += words[0][i] != 0;
    CU_ASSERT_EQUAL(left, 0);
    close_way();
}

static const struct vain_test tests[] = {
    {"words that a member sends look like nothing", words_sent_look_like_nothing},
    {"the statistic sees bare words", the_statistic_sees_bare_words},
    {"the statistic sees a seed that is used twice", the_statistic_sees_a_seed_used_twice},
    {"a native reduce is masked too", a_native_reduce_is_masked_too},
    {NULL, NULL},
};
const struct vain_suite vain_suite_privacy = {"privacy", tests};

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
static float *delta, *residual;          /* of one member at a time */
static uint32_t *words[MEMBERS], *plain; /* what leaves; the victim's without masks */
static uint32_t *partials[PIECES_MAX];   /* what came in, by number */
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

/* The words of member `who` for the deltas of a seed: small integers of both signs. */
static void encode(int who, uint32_t delta_seed, const struct vain_context *context,
                   const struct vain_masks *masks, uint32_t *out)
{
    const struct vain_codec_attempt attempt = {
        .check = {{3, 4}}, .round = (uint32_t)context->round, .masks = masks};
    const struct vain_counters mine = {.weight = 1000, .loss_micro = 2500000};
    struct vain_codec_report report;
    for (int64_t i = 0; i < codec.parameter_count; i++) {
        const uint32_t mixed = vain_mix((delta_seed + (uint32_t)who) * 0x9e3779b9u + (uint32_t)i);
        delta[i] = ldexpf((float)(int32_t)(mixed % 2001) - 1000, -codec.fixed.scale_exponent);
    }
    CU_ASSERT_EQUAL_FATAL(
        vain_codec_encode(&codec, &queue, delta, &mine, &attempt, out, residual, &report), VAIN_OK);
    CU_ASSERT_FALSE_FATAL(report.clipped);
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
        encode(member, delta_seed, &context, &masks[member], words[member]);
        vain_exchange_set_words(courier.exchanges[member], words[member], true);
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
    CU_ASSERT_EQUAL_FATAL(vain_take_array(WORDS, sizeof *delta, "delta", (void **)&delta), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(vain_take_array(WORDS, sizeof *residual, "residual", (void **)&residual),
                          VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(vain_take_array(WORDS, sizeof *plain, "words", (void **)&plain), VAIN_OK);
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
    vain_release(plain);
    vain_release(residual);
    vain_release(delta);
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

/* Words of a view, minus those of another (NULL: nothing), that are not in `expected`. */
static int64_t count_wrong(const struct view *view, const struct view *minus,
                           const uint32_t *expected)
{
    int64_t wrong = 0;
    for (int p = 0; p < view->piece_count; p++)
        for (int64_t k = 0; k < view->pieces[p].count; k++) {
            const int64_t i = view->pieces[p].first + k;
            wrong += view->words[i] - (minus == NULL ? 0 : minus->words[i]) != expected[i];
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
        encode(way.victim, 70, &(struct vain_context){.round = 4}, NULL, plain);
        CU_ASSERT_EQUAL(count_wrong(&view, NULL, plain), 0);
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
    encode(way.victim, 50, &(struct vain_context){.round = 8}, NULL, words[0]);
    encode(way.victim, 60, &(struct vain_context){.round = 8}, NULL, plain);
    for (int64_t i = 0; i < WORDS; i++)
        plain[i] -= words[0][i];
    CU_ASSERT_EQUAL(count_wrong(&views[1], &views[0], plain), 0);
    for (int i = 0; i < 2; i++)
        vain_release(views[i].words);
    close_way();
}

/* Whatever sums them: words are masked before the exchange gets them, counters and check word
 * included, and without their masks they are the bare ones. */
static void words_are_masked_when_they_are_made(void)
{
    const struct way native = {VAIN_ALGORITHM_NATIVE, 0, 2};
    const struct vain_context context = {.round = 1, .masked = 1};
    struct vain_mask list[MEMBERS];
    struct counts counts;
    open_way(&native);
    const struct vain_masks masks = golden_masks(0, &context, list);
    encode(0, 30, &context, &masks, words[0]);
    encode(0, 30, &context, NULL, plain);
    struct view view = {.piece_count = 1, .pieces = {{0, WORDS}}, .words = words[0]};
    memset(&counts, 0, sizeof counts);
    count_bytes(&counts, &view, NULL);
    CU_ASSERT_TRUE(largest_statistic(&counts) < uniform_below);
    for (int64_t i = WORDS - VAIN_COUNTER_WORDS - 1; i < WORDS; i++)
        CU_ASSERT_NOT_EQUAL(words[0][i], plain[i]);
    take_off_masks(&view, &context, true);
    CU_ASSERT_EQUAL(count_wrong(&view, NULL, plain), 0);
    close_way();
}

static const struct vain_test tests[] = {
    {"words that a member sends look like nothing", words_sent_look_like_nothing},
    {"the statistic sees bare words", the_statistic_sees_bare_words},
    {"the statistic sees a seed that is used twice", the_statistic_sees_a_seed_used_twice},
    {"words are masked when they are made", words_are_masked_when_they_are_made},
    {NULL, NULL},
};
const struct vain_suite vain_suite_privacy = {"privacy", tests};

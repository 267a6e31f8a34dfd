/* The episodic store: the nearest against a search in double, eviction against a list that knows
 * the rule and nothing else. */
#include "models/memory_episodes.h"

#include <string.h>

#include "models/memory_integer.h"
#include "tests/unit/models/memory_bed.h"
#include "tests/unit/suite.h"

enum { WIDTH = 4, PIXELS = 6, LOW = 20, HIGH = 33, QUERIES = 16, NEIGHBOURS = 5 };

static const struct vain_memory_shape shape = {PIXELS, WIDTH, 50};

struct store {
    float block[2 + HIGH * (3 + WIDTH + PIXELS)];
    struct vain_memory_episodes episodes;
};

static void open_store(struct store *store)
{
    memset(store, 0, sizeof *store);
    CU_ASSERT_EQUAL(2 + HIGH * vain_memory_episode_floats(&shape),
                    (int64_t)VAIN_COUNT_OF(store->block));
    vain_memory_episodes_bind(&shape, LOW, HIGH, store->block, &store->episodes);
}

static void add(struct store *store, int64_t now, int64_t number)
{
    float key[WIDTH], example[PIXELS];
    memory_bed_experience(number, (int32_t)(number % 50), key, example);
    (void)vain_memory_episodes_add(&store->episodes, now, (int32_t)(number % 50), key, example);
}

/* How near in double, with the products in another order. */
static double cosine(const float *a, const float *b)
{
    double sum = 0;
    for (int w = WIDTH - 1; w >= 0; w--)
        sum += (double)a[w] * (double)b[w];
    return sum;
}

/* The found ones of a query are `expected` many, in falling order, none twice, none skipped, and
 * nothing that was left out is nearer than the last of them. */
static void check_found(const struct vain_memory_episodes *episodes, const float *query,
                        int64_t skip, const struct vain_memory_neighbour *found)
{
    const int64_t count = vain_memory_episodes_count(episodes);
    const int64_t others = count - (skip >= 0),
                  expected = others < NEIGHBOURS ? others : NEIGHBOURS;
    bool chosen[HIGH] = {false};
    double last = 2;
    for (int64_t n = 0; n < expected; n++) {
        CU_ASSERT_FATAL(found[n].index >= 0 && found[n].index < count && found[n].index != skip);
        CU_ASSERT(!chosen[found[n].index]);
        chosen[found[n].index] = true;
        const double own = cosine(query, episodes->keys + found[n].index * WIDTH);
        CU_ASSERT_DOUBLE_EQUAL((double)found[n].similarity, own, 1e-6);
        CU_ASSERT(own <= last + 1e-6);
        last = own;
    }
    for (int64_t i = 0; i < count; i++)
        if (!chosen[i] && i != skip)
            CU_ASSERT(cosine(query, episodes->keys + i * WIDTH) <= last + 1e-6);
    for (int64_t n = expected; n < NEIGHBOURS; n++)
        CU_ASSERT_EQUAL(found[n].index, -1);
}

static void the_nearest_are_those_of_brute_force(void)
{
    struct store store;
    struct vain_device device;
    CU_ASSERT_FATAL(vain_device_open_cpu(2, NULL, &device) == VAIN_OK);
    struct vain_queue queue = {.device = &device};
    open_store(&store);
    for (int64_t count = 0; count < HIGH; count++) {
        float queries[QUERIES * WIDTH], scores[QUERIES * HIGH], example[PIXELS];
        int64_t skip[QUERIES];
        struct vain_memory_neighbour found[QUERIES * NEIGHBOURS];
        for (int q = 0; q < QUERIES; q++) {
            memory_bed_experience(1000 + q, q, queries + q * WIDTH, example);
            skip[q] = q % 3 == 0 && count > 0 ? q % count : -1;
        }
        const struct vain_memory_search search = {QUERIES,    queries, skip,
                                                  NEIGHBOURS, scores,  found};
        vain_memory_episodes_search(&store.episodes, &queue, &search);
        for (int q = 0; q < QUERIES; q++)
            check_found(&store.episodes, queries + q * WIDTH, skip[q], found + q * NEIGHBOURS);
        if (count + 1 < HIGH)
            add(&store, count + 1, count);
    }
    vain_device_close(&device);
}

static void equally_near_ones_come_by_index(void)
{
    struct store store;
    struct vain_device device;
    const float key[WIDTH] = {1, 0, 0, 0}, example[PIXELS] = {0};
    float scores[HIGH];
    struct vain_memory_neighbour found[NEIGHBOURS];
    CU_ASSERT_FATAL(vain_device_open_cpu(1, NULL, &device) == VAIN_OK);
    struct vain_queue queue = {.device = &device};
    open_store(&store);
    for (int i = 0; i < 9; i++)
        (void)vain_memory_episodes_add(&store.episodes, i + 1, i, key, example);
    const struct vain_memory_search search = {1, key, NULL, NEIGHBOURS, scores, found};
    vain_memory_episodes_search(&store.episodes, &queue, &search);
    for (int n = 0; n < NEIGHBOURS; n++)
        CU_ASSERT_EQUAL(found[n].index, n);
    vain_device_close(&device);
}

/* The rule on a list in the order of use: who is used goes to the end; at HIGH the first ones go.
 */
struct model {
    int64_t numbers[HIGH];
    int count;
};

static void model_use(struct model *model, int place)
{
    const int64_t number = model->numbers[place];
    memmove(model->numbers + place, model->numbers + place + 1,
            (size_t)(model->count - place - 1) * sizeof number);
    model->numbers[model->count - 1] = number;
}

static void model_add(struct model *model, int64_t number)
{
    model->numbers[model->count++] = number;
    if (model->count < HIGH)
        return;
    memmove(model->numbers, model->numbers + HIGH - LOW, LOW * sizeof model->numbers[0]);
    model->count = LOW;
}

static int64_t find(const struct vain_memory_episodes *episodes, int64_t number)
{
    for (int64_t i = 0; i < vain_memory_episodes_count(episodes); i++)
        if (episodes->examples[i * PIXELS] == (float)number)
            return i;
    return -1;
}

static void eviction_follows_the_rule(void)
{
    struct store store;
    struct model model = {.count = 0};
    int64_t now = 0, evictions = 0;
    open_store(&store);
    for (int64_t step = 0; step < 3000; step++) {
        const double choice = memory_bed_normal(9, step);
        if (choice > 0 && model.count > 0) {
            const int place = (int)(choice * 1e6) % model.count;
            const int64_t index = find(&store.episodes, model.numbers[place]);
            CU_ASSERT_FATAL(index >= 0);
            vain_memory_episodes_touch(&store.episodes, index, ++now);
            model_use(&model, place);
        } else {
            evictions += model.count + 1 == HIGH;
            add(&store, ++now, step);
            model_add(&model, step);
        }
        CU_ASSERT_EQUAL_FATAL(vain_memory_episodes_count(&store.episodes), model.count);
        for (int i = 0; i < model.count; i++) {
            const int64_t index = find(&store.episodes, model.numbers[i]);
            float key[WIDTH], example[PIXELS];
            memory_bed_experience(model.numbers[i], (int32_t)(model.numbers[i] % 50), key, example);
            CU_ASSERT_FATAL(index >= 0);
            CU_ASSERT_EQUAL(vain_memory_episodes_label(&store.episodes, index),
                            model.numbers[i] % 50);
            CU_ASSERT_EQUAL(memcmp(store.episodes.keys + index * WIDTH, key, sizeof key), 0);
            CU_ASSERT_EQUAL(
                memcmp(store.episodes.examples + index * PIXELS, example, sizeof example), 0);
        }
    }
    CU_ASSERT(evictions > 50);
    CU_ASSERT(vain_memory_episodes_are_sound(&store.episodes));
}

static void what_no_store_holds_is_seen(void)
{
    struct store store;
    open_store(&store);
    for (int i = 0; i < 4; i++)
        add(&store, i + 1, i);
    CU_ASSERT(vain_memory_episodes_are_sound(&store.episodes));
    store.episodes.labels[3] = 50;
    CU_ASSERT(!vain_memory_episodes_are_sound(&store.episodes));
    store.episodes.labels[3] = 3;
    store.episodes.used[1] = -1;
    CU_ASSERT(!vain_memory_episodes_are_sound(&store.episodes));
    store.episodes.used[1] = 1;
    vain_memory_put_integer(store.episodes.count, HIGH);
    CU_ASSERT(!vain_memory_episodes_are_sound(&store.episodes));
}

static const struct vain_test tests[] = {
    {"the nearest are those of brute force", the_nearest_are_those_of_brute_force},
    {"equally near ones come by index", equally_near_ones_come_by_index},
    {"eviction follows the rule", eviction_follows_the_rule},
    {"what no store holds is seen", what_no_store_holds_is_seen},
    {NULL, NULL},
};
const struct vain_suite vain_suite_memory_episodes = {"memory_episodes", tests};

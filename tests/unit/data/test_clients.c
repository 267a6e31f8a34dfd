/* Splits over clients: always a partition, and each kind what its name says. */
#include "jobs/data/clients.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "tests/unit/suite.h"

enum { EXAMPLES = 6000, CLASSES = 10, CLIENTS = 100 };
static const struct vain_random stream = {{5, 6}}, other_stream = {{5, 7}};
static int32_t labels[EXAMPLES], groups[EXAMPLES];

/* Labels 0 to 9 in a scattered order, equally many; 50 groups of different sizes. */
static void make_examples(void)
{
    for (int i = 0; i < EXAMPLES; i++) {
        labels[i] = i * 7 % CLASSES;
        groups[i] = 100 + (int32_t)sqrt(i * 2500.0 / EXAMPLES);
    }
}

static struct vain_client_options options_of(int kind, int clients)
{
    make_examples();
    struct vain_client_options options = {.kind = kind,
                                          .client_count = clients,
                                          .alpha = 0.5,
                                          .what = "FILE: data set 'labels'",
                                          .count = EXAMPLES};
    if (kind == VAIN_CLIENTS_BY_GROUP)
        options.groups = groups;
    else if (kind != VAIN_CLIENTS_IID)
        options.labels = labels, options.class_count = CLASSES;
    return options;
}

static struct vain_clients split(const struct vain_client_options *options,
                                 struct vain_random random)
{
    struct vain_clients clients;
    const enum vain_status status = vain_clients_split(options, random, &clients);
    if (status != VAIN_OK)
        printf("message: %s\n", vain_fail_message());
    CU_ASSERT_EQUAL_FATAL(status, VAIN_OK);
    return clients;
}

static void expect(const struct vain_client_options *options, const char *words)
{
    struct vain_clients clients;
    CU_ASSERT_EQUAL(vain_clients_split(options, stream, &clients), VAIN_ERR_INPUT);
    CU_ASSERT(clients.begin == NULL && clients.indices == NULL);
    if (strstr(vain_fail_message(), words) == NULL)
        printf("message: %s\n", vain_fail_message());
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), words));
    CU_ASSERT_EQUAL(vain_memory_blocks(), 0);
}

static bool is_partition(const struct vain_clients *clients, int64_t count)
{
    bool seen[EXAMPLES] = {false};
    int64_t total = 0;
    for (int i = 0; i < clients->client_count; i++) {
        int64_t own;
        const int64_t *examples = vain_clients_examples(clients, i, &own);
        if (own < 1)
            return false;
        for (int64_t k = 0; k < own; k++) {
            if (examples[k] < 0 || examples[k] >= count || seen[examples[k]] ||
                (k > 0 && examples[k] <= examples[k - 1]))
                return false;
            seen[examples[k]] = true;
        }
        total += own;
    }
    return total == count;
}

static void every_split_is_a_partition_and_repeats(void)
{
    static const int counts[] = {1, 2, 7, 23};
    for (int kind = VAIN_CLIENTS_IID; kind <= VAIN_CLIENTS_BY_GROUP; kind++) {
        for (size_t c = 0; c < VAIN_COUNT_OF(counts); c++) {
            const struct vain_client_options options = options_of(kind, counts[c]);
            struct vain_clients clients = split(&options, stream);
            struct vain_clients again = split(&options, stream);
            struct vain_clients other = split(&options, other_stream);
            CU_ASSERT(is_partition(&clients, EXAMPLES) && is_partition(&other, EXAMPLES));
            CU_ASSERT_EQUAL(memcmp(clients.indices, again.indices, EXAMPLES * sizeof(int64_t)), 0);
            if (counts[c] > 2) /* two clients have few splits to choose from */
                CU_ASSERT_NOT_EQUAL(
                    memcmp(clients.indices, other.indices, EXAMPLES * sizeof(int64_t)), 0);
            vain_clients_release(&clients);
            vain_clients_release(&again);
            vain_clients_release(&other);
        }
    }
    CU_ASSERT_EQUAL(vain_memory_blocks(), 0);
}

static int labels_of(const struct vain_clients *clients, int client, int counts[CLASSES])
{
    int64_t own;
    int distinct = 0;
    const int64_t *examples = vain_clients_examples(clients, client, &own);
    memset(counts, 0, CLASSES * sizeof *counts);
    for (int64_t k = 0; k < own; k++)
        distinct += counts[labels[examples[k]]]++ == 0;
    return distinct;
}

static void iid_parts_are_equal_and_alike(void)
{
    const struct vain_client_options options = options_of(VAIN_CLIENTS_IID, CLIENTS);
    struct vain_clients clients = split(&options, stream);
    for (int i = 0; i < CLIENTS; i++) {
        int counts[CLASSES];
        CU_ASSERT_EQUAL(clients.begin[i + 1] - clients.begin[i], EXAMPLES / CLIENTS);
        CU_ASSERT(labels_of(&clients, i, counts) >= 7); /* 60 examples of ten labels */
    }
    vain_clients_release(&clients);
}

/* 200 shards of 30 never straddle two labels of 600, so two labels a client at most, and most
 * clients do have two. */
static void by_label_gives_two_labels_a_client(void)
{
    const struct vain_client_options options = options_of(VAIN_CLIENTS_BY_LABEL, CLIENTS);
    struct vain_clients clients = split(&options, stream);
    int two = 0;
    for (int i = 0; i < CLIENTS; i++) {
        int counts[CLASSES];
        const int distinct = labels_of(&clients, i, counts);
        CU_ASSERT_EQUAL(clients.begin[i + 1] - clients.begin[i], EXAMPLES / CLIENTS);
        CU_ASSERT(distinct == 1 || distinct == 2);
        two += distinct == 2;
    }
    CU_ASSERT(two >= 75 && two < CLIENTS);
    vain_clients_release(&clients);
}

/* The largest share that one label has in a client's examples, averaged over clients. */
static double mean_largest_share(double alpha)
{
    struct vain_client_options options = options_of(VAIN_CLIENTS_DIRICHLET, 20);
    options.alpha = alpha;
    struct vain_clients clients = split(&options, stream);
    CU_ASSERT(is_partition(&clients, EXAMPLES));
    double sum = 0;
    for (int i = 0; i < 20; i++) {
        int counts[CLASSES], largest = 0;
        (void)labels_of(&clients, i, counts);
        for (int c = 0; c < CLASSES; c++)
            largest = counts[c] > largest ? counts[c] : largest;
        sum += largest / (double)(clients.begin[i + 1] - clients.begin[i]);
    }
    vain_clients_release(&clients);
    return sum / 20;
}

static void alpha_says_how_alike_clients_are(void)
{
    CU_ASSERT(mean_largest_share(1e5) < 0.11);
    CU_ASSERT(mean_largest_share(0.1) > 0.45);
    CU_ASSERT(mean_largest_share(0.1) > mean_largest_share(1));
    CU_ASSERT(mean_largest_share(1) > mean_largest_share(10));
    struct vain_client_options options = options_of(VAIN_CLIENTS_DIRICHLET, 20);
    options.alpha = 1e5;
    struct vain_clients clients = split(&options, stream);
    for (int i = 0; i < 20; i++)
        CU_ASSERT(fabs((double)(clients.begin[i + 1] - clients.begin[i]) - 300.0) <= 20.0);
    vain_clients_release(&clients);
}

/* With two clients and one label the share of the first is Beta(alpha, alpha): mean 1/2 and
 * variance 1 / (4 (2 alpha + 1)). */
static void dirichlet_shares_have_their_moments(void)
{
    static const int32_t one_label[1000] = {0};
    enum { SPLITS = 2000 };
    const struct vain_client_options options = {.kind = VAIN_CLIENTS_DIRICHLET,
                                                .client_count = 2,
                                                .alpha = 2,
                                                .what = "x",
                                                .count = 1000,
                                                .labels = one_label,
                                                .class_count = 1};
    double sum = 0, squares = 0;
    for (uint32_t seed = 0; seed < SPLITS; seed++) {
        struct vain_clients clients = split(&options, (struct vain_random){{seed, 99}});
        const double share = (double)clients.begin[1] / 1000 - 0.5;
        sum += share;
        squares += share * share;
        vain_clients_release(&clients);
    }
    CU_ASSERT(fabs(sum / SPLITS) < 5 * sqrt(0.05 / SPLITS));
    CU_ASSERT(fabs(squares / SPLITS - 0.05) < 0.006);
}

static void groups_stay_whole(void)
{
    const struct vain_client_options options = options_of(VAIN_CLIENTS_BY_GROUP, 7);
    struct vain_clients clients = split(&options, stream);
    int owner[200];
    memset(owner, 0xff, sizeof owner);
    for (int i = 0; i < 7; i++) {
        int64_t own;
        const int64_t *examples = vain_clients_examples(&clients, i, &own);
        CU_ASSERT(own > 500 && own < 1300);
        for (int64_t k = 0; k < own; k++) {
            const int32_t group = groups[examples[k]];
            CU_ASSERT(owner[group] == -1 || owner[group] == i);
            owner[group] = i;
        }
    }
    vain_clients_release(&clients);
}

static void splits_that_cannot_be_are_refused_with_numbers(void)
{
    struct vain_client_options options = options_of(VAIN_CLIENTS_IID, EXAMPLES);
    struct vain_clients clients = split(&options, stream);
    CU_ASSERT(is_partition(&clients, EXAMPLES));
    vain_clients_release(&clients);
    options.client_count++;
    expect(&options, "6000 examples are too few for 6001 clients of at least 1");
    options = options_of(VAIN_CLIENTS_BY_LABEL, EXAMPLES / 2 + 1);
    expect(&options, "6000 examples are too few for 3001 clients of at least 2");
    options = options_of(VAIN_CLIENTS_BY_GROUP, 51);
    expect(&options, "has 50 groups, and each of 51 clients");
    groups[17] = -3;
    options.client_count = 2;
    expect(&options, "group of example 17 is -3; expected 0 to 65535");
    options = options_of(VAIN_CLIENTS_DIRICHLET, 2);
    options.alpha = 0;
    expect(&options, "dirichlet: 0; expected 0.001");
    options.alpha = NAN;
    expect(&options, "dirichlet: nan");
    options = options_of(VAIN_CLIENTS_DIRICHLET, 1000);
    options.alpha = 0.001;
    expect(&options, "of 1000 clients without any, after 100 draws");
}

static const struct vain_test tests[] = {
    {"every split is a partition and repeats", every_split_is_a_partition_and_repeats},
    {"iid parts are equal and alike", iid_parts_are_equal_and_alike},
    {"by-label gives two labels a client", by_label_gives_two_labels_a_client},
    {"alpha says how alike clients are", alpha_says_how_alike_clients_are},
    {"Dirichlet shares have their moments", dirichlet_shares_have_their_moments},
    {"groups stay whole", groups_stay_whole},
    {"splits that cannot be are refused with numbers",
     splits_that_cannot_be_are_refused_with_numbers},
    {NULL, NULL}};
const struct vain_suite vain_suite_clients = {"data: clients", tests};

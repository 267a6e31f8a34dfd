/* Keys that do not fit each other are named at their place; the numbers are those one counts by
 * hand. */
#include <stdio.h>
#include <string.h>

#include "collectives/quorum.h"
#include "collectives/evidence.h"
#include "jobs/plan.h"
#include "tests/unit/jobs/bed.h"
#include "tests/unit/suite.h"

/* How many problems the plan finds, the first one in bed->problems. */
static int problems_of(struct bed *bed, const char *const *sets, const char *members)
{
    if (bed_spec(bed, sets, members) != VAIN_OK)
        return -1;
    memset(&bed->problems, 0, sizeof bed->problems);
    vain_plan_check(&bed->job, &bed->spec, &bed->problems);
    return bed->problems.total;
}

static void test_pairs_that_do_not_fit(void)
{
    static const struct {
        const char *set[4];
        const char *key, *piece;
    } cases[] = {
        {{"model.width=18", "model.heads=4"}, "model.heads", "4"},
        {{"data.text="}, "data.text", "nothing to train on"},
        {{"data.tokens=a.bin"}, "data.tokens", "one source"},
        {{"data.partition=named"}, "data.partition", "{name}"},
        {{"data.text={name}.txt"}, "data.text", "partition"},
        {{"data.vocabulary=300"}, "data.vocabulary", "300 tokens"},
        {{"train.warmup=12"}, "train.warmup", "12 steps"},
        {{"train.minimum_learning_rate=0.1"}, "train.minimum_learning_rate", "cannot fall"},
        {{"train.minimum_learning_rate=1e-3", "train.schedule=constant"},
         "train.minimum_learning_rate",
         "constant"},
        {{"outer.momentum=0.5"}, "outer.momentum", "mean is taken as it is"},
        {{"fedavg.epochs=2"}, "fedavg.epochs", "federated averaging"},
        {{"data.clients=4"}, "data.clients", "first of its clients"},
        {{"train.momentum=0.5"}, "train.momentum", "sgd's"},
        {{"exchange.commitments=true"}, "exchange.commitments", "own masks"},
        {{"exchange.commitments=true", "exchange.privacy=masked"},
         "exchange.commitments",
         "level 1"},
        {{"memory.ring=9"}, "memory.ring", "only method agents"},
        {{"data.query=2"}, "data.query", "few-shot tasks"},
        {{"data.classes=9"}, "data.classes", "labelled images"},
        {{"data.train_split=a"}, "data.train_split", "labelled sentences"},
        {{"data.invert=true"}, "data.invert", "of images"},
        {{"data.dirichlet_alpha=1"}, "data.dirichlet_alpha", "labelled data"},
        {{"data.partition=by-group"}, "data.partition", "no labels"},
        {{"teacher.checkpoint=a.h5"}, "teacher.checkpoint", "labelled images"},
        {{"train.method=agents"}, "train.method", "labelled images"},
    };
    struct bed bed;
    CU_ASSERT_FATAL(bed_open(&bed));
    for (size_t i = 0; i < VAIN_COUNT_OF(cases); i++) {
        CU_ASSERT_EQUAL(problems_of(&bed, cases[i].set, NULL), 1);
        CU_ASSERT_STRING_EQUAL(bed.problems.items[0].key, cases[i].key);
        CU_ASSERT_PTR_NOT_NULL(strstr(bed.problems.items[0].message, cases[i].piece));
    }
    CU_ASSERT_EQUAL(problems_of(&bed, NULL, NULL), 0);
    bed_close(&bed);
}

static void test_memories_that_do_not_fit(void)
{
    static const char *const fine[] = {"train.method=agents",
                                       "data.text=",
                                       "data.images=a.h5",
                                       "model.kind=convnet",
                                       "model.preset=mlp-200",
                                       NULL,
                                       NULL};
    static const struct {
        const char *set, *key, *piece;
    } cases[] = {
        {"memory.clusters=65", "memory.clusters", "64 experiences cannot become 65"},
        {"memory.phase_rounds=3", "memory.phase_rounds", "in one phase"},
        {"data.validation=0.2", "data.validation", "of texts"},
        {"data.way=3", "data.way", "few-shot tasks"},
        {"data.partition=by-group", "data.partition", "no groups"},
        {"data.dirichlet_alpha=1", "data.dirichlet_alpha", "another"},
        {"device=cuda", "device", "GPU kernels"},
        {"teacher.checkpoint=a.h5", "teacher.checkpoint", "no teacher"},
    };
    struct bed bed;
    CU_ASSERT_FATAL(bed_open(&bed));
    CU_ASSERT_EQUAL(problems_of(&bed, fine, NULL), 0);
    for (size_t i = 0; i < VAIN_COUNT_OF(cases); i++) {
        const char *sets[VAIN_COUNT_OF(fine)];
        memcpy(sets, fine, sizeof sets);
        sets[5] = cases[i].set;
        CU_ASSERT_EQUAL(problems_of(&bed, sets, NULL), 1);
        CU_ASSERT_STRING_EQUAL(bed.problems.items[0].key, cases[i].key);
        CU_ASSERT_PTR_NOT_NULL(strstr(bed.problems.items[0].message, cases[i].piece));
    }
    bed_close(&bed);
}

enum { SETS = 6 };
/* Keys beside the choices of a model, and what is said of them. */
static const char *const transformer[SETS] = {"model.kind=transformer"},
                         *const mlp[SETS] = {"model.kind=mlp", "model.sizes=[16]"},
                         *const convnet[SETS] = {"model.kind=convnet",
                                                 "data.text=", "data.images=a.h5",
                                                 "model.preset=mlp-200"},
                         *const labels[SETS] = {"model.kind=encoder",
                                                "data.text=", "data.pairs=a.tsv"},
                         *const pairs[SETS] = {"model.kind=encoder",
                                               "data.text=", "data.pairs=a.tsv", "train.batch=8",
                                               "loss.kind=contrastive"},
                         *const views[SETS] = {"model.kind=encoder",
                                               "data.text=", "data.pairs=a.tsv",
                                               "loss.kind=clustering"};
static const struct {
    const char *const *model, *set, *message; /* NULL: it is looked at */
} keys_of_models[] = {
    {transformer, "model.sizes=[16, 8]",
     "[16, 8] would do nothing: it is of an mlp, and model.kind is transformer"},
    {transformer, "model.features=4",
     "4 would do nothing: it is of an encoder, and model.kind is transformer"},
    {transformer, "model.preset=mlp-200",
     "mlp-200 would do nothing: it is of a convnet, and model.kind is transformer"},
    {transformer, "model.network=dense",
     "dense would do nothing: it is of a convnet, and model.kind is transformer"},
    {transformer, "loss.kind=clustering",
     "clustering would do nothing: only an encoder has a choice of losses, and model.kind is "
     "transformer"},
    {transformer, "loss.neighbours=3",
     "3 would do nothing: only an encoder's features vote, and model.kind is transformer"},
    {transformer, "model.network=", NULL},
    {transformer, "model.preset=none", NULL},
    {transformer, "model.dropout=0", NULL},
    {mlp, "model.layers=2",
     "2 would do nothing: it is of transformers and encoders, and model.kind is mlp"},
    {mlp, "model.dropout=0.5", NULL},
    {convnet, "model.layers=2",
     "2 would do nothing: it is of transformers and encoders, and model.kind is convnet"},
    {convnet, "model.heads=2",
     "2 would do nothing: it is of transformers and encoders, and model.kind is convnet"},
    {convnet, "model.width=16",
     "16 would do nothing: it is of transformers and encoders, and model.kind is convnet"},
    {convnet, "model.context=16",
     "16 would do nothing: it is of models that read tokens, and model.kind is convnet"},
    {convnet, "model.dropout=0", "0 would do nothing: a convnet drops where model.network says so"},
    {convnet, "loss.clusters=4",
     "4 would do nothing: only an encoder has a choice of losses, and model.kind is convnet"},
    {labels, "loss.temperature=0.2", NULL},
    {labels, "loss.labels_a_batch=2",
     "2 would do nothing: it is of the contrastive loss, and loss.kind is cross-entropy"},
    {labels, "loss.balance=0.1",
     "0.1 would do nothing: it is of the clustering loss, and loss.kind is cross-entropy"},
    {labels, "loss.dropped_words=0.1", NULL},
    {labels, "loss.clusters=4", NULL},
    {labels, "loss.neighbours=3", NULL},
    {labels, "model.features=4", NULL},
    {pairs, "loss.balance=0.1",
     "0.1 would do nothing: it is of the clustering loss, and loss.kind is contrastive"},
    {pairs, "loss.labels_a_batch=4", NULL},
    {pairs, "loss.temperature=0.2", NULL},
    {views, "loss.labels_a_batch=1",
     "1 would do nothing: it is of the contrastive loss, and loss.kind is clustering"},
    {views, "loss.balance=0.1", NULL},
};

static void test_keys_of_another_model(void)
{
    struct bed bed;
    CU_ASSERT_FATAL(bed_open(&bed));
    for (size_t i = 0; i < VAIN_COUNT_OF(keys_of_models); i++) {
        const char *sets[SETS + 1] = {NULL};
        int count = 0;
        for (; keys_of_models[i].model[count] != NULL; count++)
            sets[count] = keys_of_models[i].model[count];
        sets[count] = keys_of_models[i].set;
        const int problems = problems_of(&bed, sets, NULL);
        CU_ASSERT_EQUAL(problems, keys_of_models[i].message != NULL ? 1 : 0);
        if (keys_of_models[i].message == NULL || problems != 1)
            continue;
        const char *key = bed.problems.items[0].key;
        char wanted[300];
        CU_ASSERT(strncmp(keys_of_models[i].set, key, strlen(key)) == 0);
        (void)snprintf(wanted, sizeof wanted, "%s: %s", key, keys_of_models[i].message);
        CU_ASSERT_STRING_EQUAL(bed.problems.items[0].message, wanted);
    }
    bed_close(&bed);
}

enum { LACKS_KEYS = 1, LACKS_ADDRESSES = 2 };

/* A list of `count` members m1, m2, ...; the last one lacks something. */
static void write_members(char *out, size_t bytes, int count, int lacks)
{
    snprintf(out, bytes, "members:\n");
    for (int i = 1; i <= count; i++) {
        const bool last = i == count;
        size_t used = strlen(out);
        snprintf(out + used, bytes - used, "  - {name: m%d", i);
        used = strlen(out);
        if (!last || (lacks & LACKS_KEYS) == 0)
            snprintf(out + used, bytes - used, ", key: \"%064d\"", i);
        used = strlen(out);
        if (!last || (lacks & LACKS_ADDRESSES) == 0)
            snprintf(out + used, bytes - used, ", addresses: node%d:4000", i);
        used = strlen(out);
        snprintf(out + used, bytes - used, "}\n");
    }
}

/* Problems of a spec with tls and `count` members. */
static int problems_of_hosts(struct bed *bed, int count, int lacks, const char *set)
{
    char members[1600];
    const char *const sets[] = {"exchange.transport=tls", set, NULL};
    write_members(members, sizeof members, count, lacks);
    return problems_of(bed, sets, count > 0 ? members : NULL);
}

static void check_first(const struct bed *bed, const char *key, const char *piece)
{
    CU_ASSERT_STRING_EQUAL(bed->problems.items[0].key, key);
    CU_ASSERT_PTR_NOT_NULL(strstr(bed->problems.items[0].message, piece));
}

static void test_hosts_need_keys_and_addresses(void)
{
    struct bed bed;
    CU_ASSERT_FATAL(bed_open(&bed));
    for (int members = 2; members <= 8; members++)
        CU_ASSERT_EQUAL(problems_of_hosts(&bed, members, 0, NULL), 0);
    CU_ASSERT_EQUAL(problems_of_hosts(&bed, 0, 0, NULL), 1);
    check_first(&bed, "members", "2 at least, found 0");
    CU_ASSERT_EQUAL(problems_of_hosts(&bed, 1, 0, NULL), 1);
    check_first(&bed, "members", "2 at least, found 1");
    CU_ASSERT_EQUAL(problems_of_hosts(&bed, 4, LACKS_KEYS, NULL), 1);
    check_first(&bed, "members", "1 of 4 have none (the first: 'm4')");
    CU_ASSERT_PTR_NOT_NULL(strstr(bed.problems.items[0].message, "keys"));
    CU_ASSERT_EQUAL(problems_of_hosts(&bed, 4, LACKS_ADDRESSES, NULL), 1);
    check_first(&bed, "members", "1 of 4 have none (the first: 'm4')");
    CU_ASSERT_PTR_NOT_NULL(strstr(bed.problems.items[0].message, "dials"));
    CU_ASSERT_EQUAL(problems_of_hosts(&bed, 4, LACKS_KEYS | LACKS_ADDRESSES, NULL), 2);
    /* The problem stands where the list does, not at the file's first line. */
    CU_ASSERT_EQUAL(bed.problems.items[0].line, bed.spec.members_mark.line);
    /* The same list is fine for a launcher, which needs neither. */
    char members[1600];
    write_members(members, sizeof members, 4, LACKS_KEYS | LACKS_ADDRESSES);
    CU_ASSERT_EQUAL(problems_of(&bed, NULL, members), 0);
    bed_close(&bed);
}

static void test_tls_has_one_member_a_start(void)
{
    static const char *const world[] = {"site=world", NULL};
    struct bed bed;
    CU_ASSERT_FATAL(bed_open(&bed));
    CU_ASSERT_EQUAL(problems_of_hosts(&bed, 4, 0, "site=host"), 1);
    check_first(&bed, "site", "site: host would do nothing: with exchange.transport: tls all");
    CU_ASSERT_EQUAL(problems_of_hosts(&bed, 4, 0, "site=world"), 1);
    check_first(&bed, "site", "site: world would do nothing");
    CU_ASSERT_EQUAL(problems_of_hosts(&bed, 4, 0, "site=rank"), 0);
    CU_ASSERT_EQUAL(problems_of(&bed, world, NULL), 0);
    bed_close(&bed);
}

static void test_tls_has_no_sum_of_its_own(void)
{
    struct bed bed;
    CU_ASSERT_FATAL(bed_open(&bed));
    CU_ASSERT_EQUAL(problems_of_hosts(&bed, 4, 0, "exchange.algorithm=native"), 1);
    check_first(&bed, "exchange.algorithm", "tls has none");
    CU_ASSERT_EQUAL(problems_of_hosts(&bed, 4, 0, "exchange.algorithm=ring"), 0);
    CU_ASSERT_EQUAL(problems_of_hosts(&bed, 4, 0, "exchange.algorithm=tree"), 0);
    static const char *const native[] = {"exchange.algorithm=native", NULL};
    CU_ASSERT_EQUAL(problems_of(&bed, native, NULL), 0);
    bed_close(&bed);
}

/* Every quorum of every size: none where two disjoint sets could both have it. */
static void test_start_needs_a_quorum(void)
{
    struct bed bed;
    char set[40];
    CU_ASSERT_FATAL(bed_open(&bed));
    for (int members = 2; members <= 8; members++) {
        for (int start = 0; start <= members + 1; start++) {
            const bool fine = start == 0 || (start >= vain_quorum(members) && start <= members);
            snprintf(set, sizeof set, "start.quorum=%d", start);
            CU_ASSERT_EQUAL(problems_of_hosts(&bed, members, 0, set), fine ? 0 : 1);
            if (!fine)
                CU_ASSERT_STRING_EQUAL(bed.problems.items[0].key, "start.quorum");
        }
    }
    CU_ASSERT_EQUAL(problems_of_hosts(&bed, 4, 0, "start.quorum=2"), 1);
    check_first(&bed, "start.quorum", "2 of 4 members: fewer than 2 x 4 / 3 + 1 = 3");
    CU_ASSERT_EQUAL(problems_of_hosts(&bed, 4, 0, "start.quorum=5"), 1);
    check_first(&bed, "start.quorum", "5 members are to meet, but 'members' lists 4");
    /* Agreed, so refused at a member that runs it over another transport as well. */
    char members[1600];
    static const char *const two[] = {"start.quorum=2", NULL};
    write_members(members, sizeof members, 4, 0);
    CU_ASSERT_EQUAL(problems_of(&bed, two, members), 1);
    CU_ASSERT_EQUAL(problems_of(&bed, two, NULL), 0);
    bed_close(&bed);
}

static void test_level_two_needs_masks(void)
{
    struct bed bed;
    CU_ASSERT_FATAL(bed_open(&bed));
    CU_ASSERT_EQUAL(problems_of_hosts(&bed, 4, 0, "exchange.level=1"), 0);
    CU_ASSERT_EQUAL(problems_of_hosts(&bed, 4, 0, "exchange.level=2"), 1);
    check_first(&bed, "exchange.level", "without masks");
    bed_close(&bed);
}

static void check_hosts_of(struct bed *bed, int members, const char *set, int start, int quorum,
                           bool burns)
{
    CU_ASSERT_EQUAL_FATAL(problems_of_hosts(bed, members, 0, set), 0);
    const struct vain_plan_hosts hosts = vain_plan_hosts_of(&bed->job, &bed->spec);
    CU_ASSERT_EQUAL(hosts.members, members);
    CU_ASSERT_EQUAL(hosts.start, start);
    CU_ASSERT_EQUAL(hosts.quorum, quorum);
    CU_ASSERT_EQUAL(hosts.spare, members - quorum);
    CU_ASSERT_EQUAL(hosts.burns, burns);
}

static void test_what_a_loss_costs(void)
{
    struct bed bed;
    CU_ASSERT_FATAL(bed_open(&bed));
    check_hosts_of(&bed, 2, NULL, 2, 2, false);
    check_hosts_of(&bed, 3, NULL, 3, 3, false);
    check_hosts_of(&bed, 4, NULL, 4, 3, false);
    check_hosts_of(&bed, 7, "start.quorum=5", 5, 5, false);
    check_hosts_of(&bed, 3, "exchange.privacy=masked", 3, 3, true);
    check_hosts_of(&bed, 8, "exchange.privacy=masked", 8, 6, true);
    bed_close(&bed);
}

/* 1 layer, width 16, context 8, 19 symbols: tables (19 + 8) 16, block 12 16^2 + 13 16, final norm
 * 2 16. */
static void test_numbers(void)
{
    struct bed bed;
    struct vain_plan plan;
    static const char *const sets[] = {"outer.optimizer=nesterov", NULL};
    const struct vain_data data = {.symbol_count = 19, .bytes = 1000};
    CU_ASSERT_FATAL(bed_open(&bed));
    CU_ASSERT_EQUAL_FATAL(bed_spec(&bed, sets, NULL), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(vain_plan_make(&bed.job, 4, 1, &data, 5000, &plan), VAIN_OK);
    const int64_t N = (19 + 8) * 16 + 12 * 16 * 16 + 13 * 16 + 2 * 16;
    CU_ASSERT_EQUAL(plan.parameter_count, N);
    CU_ASSERT_EQUAL(plan.steps, 12);
    CU_ASSERT_EQUAL(plan.units, 12 * 2 * 8);
    CU_ASSERT_EQUAL(plan.value_bits, 30);
    CU_ASSERT_EQUAL(plan.checkpoint_bytes, 2 * 4 * N);
    CU_ASSERT_EQUAL(plan.member_file_bytes, 3 * 4 * N);
    int64_t sum = 0;
    for (int i = 0; i < plan.item_count; i++)
        sum += plan.items[i].bytes;
    CU_ASSERT_EQUAL(sum, plan.memory_bytes);
    CU_ASSERT_EQUAL(plan.together_bytes, 5000 + 4 * (plan.memory_bytes - 5000));
    /* Seven vectors, the words, data and base at least; activations on top. */
    CU_ASSERT(plan.memory_bytes > 8 * 4 * N + 6000);
    CU_ASSERT_EQUAL_FATAL(vain_plan_make(&bed.job, 1, 1, &data, 0, &plan), VAIN_OK);
    CU_ASSERT_EQUAL(plan.round_bytes, 0);
    bed_close(&bed);
}

static int64_t bytes_of(const struct vain_plan *plan, const char *what)
{
    for (int i = 0; i < plan->item_count; i++) {
        if (strstr(plan->items[i].what, what) != NULL)
            return plan->items[i].bytes;
    }
    return 0;
}

/* Members on their own hosts may once need the ring's buffer, whatever way they reduce, and what
 * evidence takes; a ring of theirs has more messages under way. */
static void test_memory_of_hosts(void)
{
    struct bed bed;
    struct vain_plan plan, hosts;
    static const char *const tree[] = {"exchange.algorithm=tree", NULL};
    static const char *const ring[] = {"exchange.algorithm=ring", NULL};
    const struct vain_data data = {.symbol_count = 19};
    CU_ASSERT_FATAL(bed_open(&bed));
    for (int is_ring = 0; is_ring < 2; is_ring++) {
        CU_ASSERT_EQUAL_FATAL(bed_spec(&bed, is_ring ? ring : tree, NULL), VAIN_OK);
        CU_ASSERT_EQUAL_FATAL(vain_plan_make(&bed.job, 4, 1, &data, 0, &plan), VAIN_OK);
        CU_ASSERT_EQUAL(bytes_of(&plan, "evidence"), 0);
        bed.job.exchange.transport = VAIN_TRANSPORT_TLS;
        CU_ASSERT_EQUAL_FATAL(vain_plan_make(&bed.job, 4, 1, &data, 0, &hosts), VAIN_OK);
        const int64_t own = vain_evidence_memory_bytes(4), part = (3792 + 19 + 3) / 4;
        const int64_t messages = bytes_of(&plan, "messages"), under_way = is_ring ? 12 : 0;
        CU_ASSERT(bytes_of(&hosts, "evidence") >= own + (is_ring ? 0 : 16 * 4 * 900));
        CU_ASSERT(bytes_of(&hosts, "evidence") <= own + (is_ring ? 0 : 16 * 4 * 1100));
        CU_ASSERT(bytes_of(&hosts, "messages") >= messages + under_way * 4 * 900);
        CU_ASSERT(bytes_of(&hosts, "messages") <= messages + under_way * 4 * 1100);
        CU_ASSERT(part > 900 && part < 1100);
        CU_ASSERT_EQUAL_FATAL(vain_plan_make(&bed.job, 100, 1, &data, 0, &hosts), VAIN_OK);
        CU_ASSERT_EQUAL(bytes_of(&hosts, "evidence"), 0);
    }
    /* Auto is a tree for so few words, and of two members a ring. */
    CU_ASSERT_EQUAL_FATAL(bed_spec(&bed, tree, NULL), VAIN_OK);
    bed.job.exchange.transport = VAIN_TRANSPORT_TLS;
    for (int members = 2; members <= 4; members += 2) {
        bed.job.exchange.algorithm = members == 2 ? VAIN_ALGORITHM_RING : VAIN_ALGORITHM_TREE;
        CU_ASSERT_EQUAL_FATAL(vain_plan_make(&bed.job, members, 1, &data, 0, &plan), VAIN_OK);
        bed.job.exchange.algorithm = VAIN_ALGORITHM_AUTO;
        CU_ASSERT_EQUAL_FATAL(vain_plan_make(&bed.job, members, 1, &data, 0, &hosts), VAIN_OK);
        CU_ASSERT_EQUAL(bytes_of(&hosts, "evidence"), bytes_of(&plan, "evidence"));
        CU_ASSERT_EQUAL(bytes_of(&hosts, "messages"), bytes_of(&plan, "messages"));
    }
    bed_close(&bed);
}

static const struct vain_test tests[] = {
    {"pairs of keys that do not fit are named", test_pairs_that_do_not_fit},
    {"memories that do not fit are named", test_memories_that_do_not_fit},
    {"keys of another model or loss are named", test_keys_of_another_model},
    {"hosts need keys and addresses", test_hosts_need_keys_and_addresses},
    {"tls has one member a start, whatever its ranks", test_tls_has_one_member_a_start},
    {"tls has no sum of its own", test_tls_has_no_sum_of_its_own},
    {"a start needs a quorum", test_start_needs_a_quorum},
    {"level 2 needs masks", test_level_two_needs_masks},
    {"the memory of hosts has evidence in it", test_memory_of_hosts},
    {"what a loss costs", test_what_a_loss_costs},
    {"the numbers are those counted by hand", test_numbers},
    {NULL, NULL},
};
const struct vain_suite vain_suite_plan = {"jobs/plan", tests};

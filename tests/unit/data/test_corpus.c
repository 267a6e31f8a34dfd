/* A member's corpus: windows that are uniform, repeatable and inside their part; validation that
 * misses nothing. */
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "jobs/data/corpus.h"
#include "jobs/data/order.h"
#include "tests/unit/data/scratch.h"
#include "tests/unit/suite.h"

static const char *const one_name[] = {"alice"};
static const char *const three_names[] = {"carol", "alice", "bob"};
static const char *const sorted_names[] = {"alice", "bob", "carol"};

/* A token file 0, 1, 2, ... count - 1: a token says where it stands. */
static struct vain_data_options counting_file(const char *name, int64_t count, double validation,
                                              int partition)
{
    static uint8_t data[2 * 4000];
    VAIN_ASSERT(count <= 4000);
    for (int64_t i = 0; i < count; i++) {
        data[2 * i] = (uint8_t)i;
        data[2 * i + 1] = (uint8_t)(i >> 8);
    }
    scratch_write(name, data, (size_t)(2 * count));
    struct vain_data_options options = {.validation = validation, .partition = partition};
    snprintf(options.tokens, sizeof options.tokens, "%s", name);
    return options;
}

static struct vain_data_options text_file(const char *name, const char *text, int symbols,
                                          double validation)
{
    scratch_write(name, text, strlen(text));
    struct vain_data_options options = {
        .symbols = symbols, .validation = validation, .partition = VAIN_PARTITION_SHARED};
    snprintf(options.text, sizeof options.text, "%s", name);
    return options;
}

static struct vain_corpus open_for(const struct vain_data_options *options,
                                   const char *const *names, int count, const char *own,
                                   int64_t context)
{
    struct vain_corpus corpus;
    CU_ASSERT_EQUAL_FATAL(
        vain_corpus_open(options, scratch_folder(), names, count, own, context, &corpus), VAIN_OK);
    return corpus;
}

static void a_corpus_knows_its_numbers(void)
{
    const struct vain_data_options options =
        counting_file("n.bin", 1000, 0.1, VAIN_PARTITION_SHARED);
    struct vain_corpus corpus = open_for(&options, one_name, 1, "alice", 9);
    CU_ASSERT_EQUAL(corpus.count, 1000);
    CU_ASSERT_EQUAL(corpus.train_count, 900);
    CU_ASSERT_EQUAL(corpus.part_begin, 0);
    CU_ASSERT_EQUAL(corpus.part_end, 900);
    CU_ASSERT_EQUAL(corpus.symbol_count, 1000);
    CU_ASSERT_PTR_NOT_NULL(corpus.mapping);
    CU_ASSERT_PTR_NULL(corpus.owned);
    vain_corpus_close(&corpus);
    CU_ASSERT_PTR_NULL(corpus.mapping);
    vain_corpus_close(&corpus);
}

/* Only the copy of the symbols stays, not the file. */
static void characters_do_not_keep_the_file_mapped(void)
{
    const struct vain_data_options options =
        text_file("c.txt", "hello world", VAIN_SYMBOLS_CHARACTERS, 0);
    struct vain_corpus corpus = open_for(&options, one_name, 1, "alice", 4);
    CU_ASSERT_PTR_NULL(corpus.mapping);
    CU_ASSERT_PTR_NOT_NULL(corpus.owned);
    CU_ASSERT_EQUAL(corpus.symbol_count, 8);
    vain_corpus_close(&corpus);
}

static void parts_follow_sorted_names(void)
{
    const struct vain_data_options options =
        counting_file("p.bin", 1001, 0.1, VAIN_PARTITION_DISJOINT);
    int64_t covered = 0;
    for (int i = 0; i < 3; i++) {
        struct vain_corpus corpus = open_for(&options, three_names, 3, sorted_names[i], 9);
        CU_ASSERT_EQUAL(corpus.part_begin, covered);
        CU_ASSERT_EQUAL(corpus.part_end - corpus.part_begin, 300);
        covered = corpus.part_end;
        struct vain_corpus other = open_for(&options, sorted_names, 3, sorted_names[i], 9);
        CU_ASSERT_EQUAL(other.part_begin, corpus.part_begin);
        vain_corpus_close(&other);
        vain_corpus_close(&corpus);
    }
    CU_ASSERT_EQUAL(covered, 900);
}

static void a_named_file_is_the_members_own(void)
{
    struct vain_data_options options = text_file("alice.txt", "aaaaaaaaaa", VAIN_SYMBOLS_BYTES, 0);
    scratch_write("bob.txt", "bbbbbbbbbbbbbbb", 15);
    options.partition = VAIN_PARTITION_NAMED;
    snprintf(options.text, sizeof options.text, "{name}.txt");
    struct vain_corpus alice = open_for(&options, three_names, 3, "alice", 4);
    struct vain_corpus bob = open_for(&options, three_names, 3, "bob", 4);
    CU_ASSERT_EQUAL(alice.part_end, 10);
    CU_ASSERT_EQUAL(bob.part_end, 15);
    struct vain_corpus carol;
    CU_ASSERT_EQUAL(
        vain_corpus_open(&options, scratch_folder(), three_names, 3, "carol", 4, &carol),
        VAIN_ERR_NOT_FOUND);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "carol.txt"));
    vain_corpus_close(&alice);
    vain_corpus_close(&bob);
}

/* Opening must fail with these words and leave `out` empty. */
static void expect(const struct vain_data_options *options, int names, int64_t context,
                   const char *words)
{
    struct vain_corpus corpus;
    CU_ASSERT_EQUAL(
        vain_corpus_open(options, scratch_folder(), three_names, names, "carol", context, &corpus),
        VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NULL(corpus.symbols);
    CU_ASSERT_PTR_NULL(corpus.mapping);
    if (strstr(vain_fail_message(), words) == NULL)
        printf("message: %s\n", vain_fail_message());
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), words));
}

static void a_text_too_short_is_refused_with_the_arithmetic(void)
{
    struct vain_data_options options = counting_file("s.bin", 100, 0.1, VAIN_PARTITION_DISJOINT);
    struct vain_corpus corpus = open_for(&options, three_names, 3, "carol", 29);
    vain_corpus_close(&corpus);
    expect(&options, 3, 30,
           "s.bin: too short: 100 symbols, of which 90 are for training (data.validation is 0.1), "
           "for 3 parts of "
           "30; a window of model.context + 1 takes 31. Use a longer text, model.context of at "
           "most 29, fewer "
           "members or data.partition: shared");
    options.partition = VAIN_PARTITION_SHARED;
    expect(&options, 3, 90,
           "for 1 part of 90; a window of model.context + 1 takes 91. Use a longer text, "
           "model.context of at most 89");
    expect(&options, 3, 1000, "takes 1001");
    options = counting_file("s.bin", 2, 0, VAIN_PARTITION_DISJOINT);
    expect(&options, 3, 1,
           "parts of 0; a window of model.context + 1 takes 2. Use a longer text, fewer members");
}

static void a_split_too_short_to_validate_is_refused(void)
{
    struct vain_data_options options = counting_file("v.bin", 10, 0.1, VAIN_PARTITION_SHARED);
    expect(&options, 1, 4, "10 symbols, of which data.validation 0.1 leaves 1, and a loss takes 2");
    options.validation = 0;
    struct vain_corpus corpus = open_for(&options, one_name, 1, "alice", 4);
    CU_ASSERT_EQUAL(vain_corpus_validation_windows(&corpus, 4), 0);
    vain_corpus_close(&corpus);
}

static void bad_files_are_refused(void)
{
    struct vain_data_options options =
        text_file("bad.txt", "fine\nbad \xe9t\xe9\n", VAIN_SYMBOLS_CHARACTERS, 0);
    expect(&options, 1, 4, "bad.txt:2:5: byte 0xe9");
    snprintf(options.text, sizeof options.text, ".");
    expect(&options, 1, 4, "is a folder");
    scratch_write("odd.bin", "123", 3);
    options = counting_file("even.bin", 10, 0, VAIN_PARTITION_SHARED);
    snprintf(options.tokens, sizeof options.tokens, "odd.bin");
    expect(&options, 1, 4, "an odd number");
}

/* Offsets computed by an independent model in Python: Philox4x32-10 (checked against Random123's
 * known answers) as the round function of the order's Feistel permutation, 1000 symbols, T = 9. */
static void offsets_are_the_golden_ones(void)
{
    static const struct {
        int64_t position;
        int rank;
        int32_t offsets[3];
    } golden[] = {{0, 0, {238, 868, 337}}, {0, 1, {906, 897, 537}},
                  {1, 0, {418, 697, 400}}, {77, 3, {238, 256, 760}},
                  {5, 0, {463, 931, 49}},  {INT64_C(4294967301), 0, {10, 1, 703}}};
    const struct vain_random random = {{0x243f6a88, 0x85a308d3}};
    const struct vain_data_options options = counting_file("g.bin", 1000, 0, VAIN_PARTITION_SHARED);
    struct vain_corpus corpus = open_for(&options, one_name, 1, "alice", 9);
    for (size_t i = 0; i < VAIN_COUNT_OF(golden); i++) {
        int32_t tokens[3 * 9], targets[3 * 9];
        CU_ASSERT_EQUAL(vain_corpus_batch(&corpus, random, golden[i].position, golden[i].rank, 3, 9,
                                          tokens, targets),
                        VAIN_OK);
        for (int b = 0; b < 3; b++)
            CU_ASSERT_EQUAL(tokens[9 * b], golden[i].offsets[b]);
    }
    vain_corpus_close(&corpus);
}

static void windows_stay_in_their_part_and_targets_are_one_further(void)
{
    const struct vain_data_options options =
        counting_file("w.bin", 400, 0.1, VAIN_PARTITION_DISJOINT);
    for (int i = 0; i < 3; i++) {
        struct vain_corpus corpus = open_for(&options, three_names, 3, sorted_names[i], 20);
        const struct vain_random random = vain_random_stream(7, VAIN_PURPOSE_DATA, sorted_names[i]);
        int32_t tokens[8 * 20], targets[8 * 20];
        for (int64_t position = 0; position < 200; position++) {
            CU_ASSERT_EQUAL(vain_corpus_batch(&corpus, random, position, 0, 8, 20, tokens, targets),
                            VAIN_OK);
            for (int b = 0; b < 8; b++) {
                CU_ASSERT(tokens[20 * b] >= corpus.part_begin);
                CU_ASSERT(targets[20 * b + 19] < corpus.part_end);
            }
            for (int k = 0; k < 8 * 20; k++) {
                CU_ASSERT_EQUAL(targets[k], tokens[k] + 1);
                CU_ASSERT(k % 20 == 0 || tokens[k] == tokens[k - 1] + 1);
            }
        }
        vain_corpus_close(&corpus);
    }
}

static void batches_depend_on_their_arguments_only(void)
{
    const struct vain_data_options options = counting_file("b.bin", 4000, 0, VAIN_PARTITION_SHARED);
    struct vain_corpus corpus = open_for(&options, three_names, 3, "alice", 8);
    const struct vain_random alice = vain_random_stream(1, VAIN_PURPOSE_DATA, "alice");
    const struct vain_random bob = vain_random_stream(1, VAIN_PURPOSE_DATA, "bob");
    int32_t first[32], again[32], targets[32];
    CU_ASSERT_EQUAL(vain_corpus_batch(&corpus, alice, 41, 2, 4, 8, first, targets), VAIN_OK);
    CU_ASSERT_EQUAL(vain_corpus_batch(&corpus, alice, 42, 2, 4, 8, again, targets), VAIN_OK);
    CU_ASSERT_NOT_EQUAL(memcmp(first, again, sizeof first), 0);
    CU_ASSERT_EQUAL(vain_corpus_batch(&corpus, alice, 41, 3, 4, 8, again, targets), VAIN_OK);
    CU_ASSERT_NOT_EQUAL(memcmp(first, again, sizeof first), 0);
    CU_ASSERT_EQUAL(vain_corpus_batch(&corpus, bob, 41, 2, 4, 8, again, targets), VAIN_OK);
    CU_ASSERT_NOT_EQUAL(memcmp(first, again, sizeof first), 0);
    CU_ASSERT_EQUAL(vain_corpus_batch(&corpus, alice, 41, 2, 4, 8, again, targets), VAIN_OK);
    CU_ASSERT_EQUAL(memcmp(first, again, sizeof first), 0);
    vain_corpus_close(&corpus);
}

/* In every epoch each window is drawn once, whatever the part's length; epochs differ in order and
 * shift, so that over many of them every place is a beginning. */
static void an_epoch_draws_every_window_once(void)
{
    enum { T = 4, EPOCHS = 200, SYMBOLS_MAX = 300 };
    for (int64_t symbols = T + 1; symbols < SYMBOLS_MAX; symbols += 7) {
        const int64_t windows = vain_order_windows(symbols, T);
        const struct vain_random random = vain_random_stream(3, VAIN_PURPOSE_DATA, "alice");
        int64_t begun[SYMBOLS_MAX] = {0}, same_order = 0;
        for (int64_t epoch = 0; epoch < EPOCHS; epoch++) {
            int64_t covered[SYMBOLS_MAX] = {0};
            for (int64_t place = 0; place < windows; place++) {
                const int64_t sample = epoch * windows + place;
                const int64_t offset = vain_order_offset(random, 0, sample, symbols, T);
                CU_ASSERT_FATAL(offset >= 0 && offset + T < symbols);
                begun[offset] += 1;
                for (int64_t t = 0; t < T; t++)
                    covered[offset + t] += 1;
                same_order += offset / T == place;
            }
            int64_t once = 0;
            for (int64_t k = 0; k < symbols; k++)
                once += covered[k] == 1;
            CU_ASSERT_EQUAL(once, windows * T);
        }
        int64_t never = 0;
        for (int64_t k = 0; k + T < symbols; k++)
            never += begun[k] == 0;
        CU_ASSERT(windows == 1 || never <= symbols - T - (windows - 1) * T);
        CU_ASSERT(windows < 8 || same_order < EPOCHS * windows / 2);
    }
}

static void the_shortest_part_has_one_window(void)
{
    const struct vain_data_options options = counting_file("o.bin", 5, 0, VAIN_PARTITION_SHARED);
    struct vain_corpus corpus = open_for(&options, one_name, 1, "alice", 4);
    int32_t tokens[4], targets[4];
    CU_ASSERT_EQUAL(vain_corpus_batch(&corpus, vain_random_stream(1, VAIN_PURPOSE_DATA, "alice"), 3,
                                      0, 1, 4, tokens, targets),
                    VAIN_OK);
    CU_ASSERT_EQUAL(tokens[0], 0);
    CU_ASSERT_EQUAL(targets[3], 4);
    vain_corpus_close(&corpus);
}

static void a_vocabulary_is_agreed_or_the_files_own(void)
{
    struct vain_data_options options = counting_file("v.bin", 300, 0.1, VAIN_PARTITION_SHARED);
    static const struct {
        int64_t vocabulary, symbols;
    } good[] = {{0, 300}, {300, 300}, {301, 301}, {VAIN_SYMBOLS_MAX, VAIN_SYMBOLS_MAX}};
    for (size_t i = 0; i < VAIN_COUNT_OF(good); i++) {
        options.vocabulary = good[i].vocabulary;
        struct vain_corpus corpus = open_for(&options, one_name, 1, "alice", 9);
        CU_ASSERT_EQUAL(corpus.symbol_count, good[i].symbols);
        vain_corpus_close(&corpus);
    }
    options.vocabulary = 299;
    expect(&options, 3, 9, "v.bin: token 300 (offset 598) is 299, but data.vocabulary is 299");
    options.vocabulary = 256;
    expect(&options, 3, 9, "v.bin: token 257 (offset 512) is 256, but data.vocabulary is 256");
    options = text_file("v.txt", "hello world", VAIN_SYMBOLS_BYTES, 0);
    options.vocabulary = 256;
    expect(&options, 3, 2, "only the tokens of data.tokens");
}

/* Mapped files show what somebody writes into them. */
static void a_token_that_was_not_there_is_named(void)
{
    const struct vain_data_options options =
        counting_file("changed.bin", 10, 0.5, VAIN_PARTITION_SHARED);
    const char *path = scratch_path("changed.bin");
    struct vain_corpus corpus = open_for(&options, one_name, 1, "alice", 4);
    const struct vain_random random = vain_random_stream(1, VAIN_PURPOSE_DATA, "alice");
    for (int place = 4; place <= 9; place += 5) {
        static const uint8_t large[2] = {10, 0}, small[2] = {9, 0};
        int32_t tokens[4], targets[4];
        int64_t length;
        char part[80];
        FILE *file = fopen(path, "r+b");
        CU_ASSERT_PTR_NOT_NULL_FATAL(file);
        CU_ASSERT_EQUAL(fseek(file, 2 * place, SEEK_SET), 0);
        CU_ASSERT_EQUAL(fwrite(large, 1, 2, file), 2);
        fflush(file);
        const enum vain_status status =
            place < 5 ? vain_corpus_batch(&corpus, random, 0, 0, 1, 4, tokens, targets)
                      : vain_corpus_validation_window(&corpus, 0, 4, tokens, targets, &length);
        CU_ASSERT_EQUAL(status, VAIN_ERR_INPUT);
        snprintf(part, sizeof part, "token %d (offset %d) is 10 now, outside the vocabulary of 10",
                 place + 1, 2 * place);
        CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), part));
        CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), path));
        CU_ASSERT_EQUAL(fseek(file, 2 * place, SEEK_SET), 0);
        CU_ASSERT_EQUAL(fwrite(small, 1, 2, file), 2);
        fclose(file);
        CU_ASSERT_EQUAL(vain_corpus_batch(&corpus, random, 0, 0, 1, 4, tokens, targets), VAIN_OK);
    }
    vain_corpus_close(&corpus);
}

static void validation_covers_every_target_once(void)
{
    const struct vain_data_options options =
        counting_file("a.bin", 1000, 0.1, VAIN_PARTITION_SHARED);
    struct vain_corpus corpus = open_for(&options, one_name, 1, "alice", 9);
    static const int64_t lengths[] = {1, 2, 7, 33, 98, 99, 100, 1000};
    for (size_t i = 0; i < VAIN_COUNT_OF(lengths); i++) {
        const int64_t T = lengths[i], windows = vain_corpus_validation_windows(&corpus, T);
        int32_t tokens[1000], targets[1000];
        int32_t next = 901; /* the split is [900, 1000); its first symbol has nothing before it */
        for (int64_t w = 0; w < windows; w++) {
            int64_t length;
            CU_ASSERT_EQUAL(vain_corpus_validation_window(&corpus, w, T, tokens, targets, &length),
                            VAIN_OK);
            CU_ASSERT(length == T || (w == windows - 1 && length > 0 && length < T));
            for (int64_t t = 0; t < length; t++, next++) {
                CU_ASSERT_EQUAL(targets[t], next);
                CU_ASSERT_EQUAL(tokens[t], next - 1);
            }
        }
        CU_ASSERT_EQUAL(next, 1000);
    }
    vain_corpus_close(&corpus);
}

static void hash_of(const struct vain_data_options *options, uint8_t out[32])
{
    struct vain_corpus corpus = open_for(options, one_name, 1, "alice", 4);
    vain_corpus_hash(&corpus, out);
    vain_corpus_close(&corpus);
}

static void hashes_tell_vocabularies_apart(void)
{
    uint8_t first[32], second[32];
    struct vain_data_options options = text_file("h1.txt", "abcabcabc", VAIN_SYMBOLS_CHARACTERS, 0);
    hash_of(&options, first);
    options = text_file("h2.txt", "cccccbbbbbbbba", VAIN_SYMBOLS_CHARACTERS, 0);
    hash_of(&options, second);
    CU_ASSERT_EQUAL(memcmp(first, second, 32), 0);
    options = text_file("h3.txt", "abdabdabd", VAIN_SYMBOLS_CHARACTERS, 0);
    hash_of(&options, second);
    CU_ASSERT_NOT_EQUAL(memcmp(first, second, 32), 0);
    options = text_file("h1.txt", "abcabcabc", VAIN_SYMBOLS_BYTES, 0);
    hash_of(&options, first);
    options = text_file("h3.txt", "abdabdabd", VAIN_SYMBOLS_BYTES, 0);
    hash_of(&options, second);
    CU_ASSERT_EQUAL(memcmp(first, second, 32), 0);
    options = counting_file("h.bin", 256, 0, VAIN_PARTITION_SHARED);
    hash_of(&options, second);
    CU_ASSERT_NOT_EQUAL(memcmp(first, second, 32), 0);
}

static const struct vain_test tests[] = {
    {"a corpus knows its numbers", a_corpus_knows_its_numbers},
    {"characters do not keep the file mapped", characters_do_not_keep_the_file_mapped},
    {"parts follow the sorted names", parts_follow_sorted_names},
    {"a named file is the member's own", a_named_file_is_the_members_own},
    {"a text too short is refused with the arithmetic",
     a_text_too_short_is_refused_with_the_arithmetic},
    {"a split too short to validate is refused", a_split_too_short_to_validate_is_refused},
    {"bad files are refused", bad_files_are_refused},
    {"offsets are the golden ones", offsets_are_the_golden_ones},
    {"windows stay in their part, targets one further",
     windows_stay_in_their_part_and_targets_are_one_further},
    {"batches depend on their arguments only", batches_depend_on_their_arguments_only},
    {"an epoch draws every window once", an_epoch_draws_every_window_once},
    {"the shortest part has one window", the_shortest_part_has_one_window},
    {"a vocabulary is agreed, or the file's own", a_vocabulary_is_agreed_or_the_files_own},
    {"a token that was not there is named", a_token_that_was_not_there_is_named},
    {"validation covers every target once", validation_covers_every_target_once},
    {"hashes tell vocabularies apart", hashes_tell_vocabularies_apart},
    {NULL, NULL}};
const struct vain_suite vain_suite_corpus = {"data: corpus", tests};

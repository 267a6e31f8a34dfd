/* Sentences and their vocabulary: hand-made cases, and mistakes named by line and column. */
#include "jobs/data/sentences.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "tests/unit/data/scratch.h"
#include "tests/unit/suite.h"

static struct vain_sentence_text text_of(const char *text)
{
    return (struct vain_sentence_text){text, strlen(text)};
}

/* Symbols of a sentence by their names, with blanks between. */
static const char *spell(const struct vain_vocabulary *vocabulary, const char *text)
{
    static char out[1024];
    int32_t symbols[64];
    const struct vain_sentence_text sentence = text_of(text);
    const int64_t count = vain_vocabulary_encode(vocabulary, &sentence, symbols, 64);
    size_t used = 0;
    out[0] = '\0';
    for (int64_t i = 0; i < count; i++) {
        char name[VAIN_WORD_BYTES];
        vain_vocabulary_name(vocabulary, symbols[i], name);
        used += (size_t)snprintf(out + used, sizeof out - used, "%s%s", i > 0 ? " " : "", name);
    }
    return out;
}

static struct vain_vocabulary learn(const char *const *texts, int count, int64_t min_count)
{
    struct vain_sentence_text sentences[16];
    struct vain_vocabulary vocabulary;
    for (int i = 0; i < count; i++)
        sentences[i] = text_of(texts[i]);
    CU_ASSERT_EQUAL_FATAL(vain_vocabulary_learn("x", sentences, count, min_count, &vocabulary),
                          VAIN_OK);
    return vocabulary;
}

static void words_are_cut_as_documented(void)
{
    static const char *const texts[] = {"Don't 'stop' -- it\xe2\x80\x99s $5,000.50!",
                                        "caf\xc3\xa9 '' ' O'CLOCK' x1", "\xe2\x80\x99tis''"};
    struct vain_vocabulary vocabulary = learn(texts, 3, 1);
    CU_ASSERT_STRING_EQUAL(spell(&vocabulary, texts[0]), "don't stop it's 5 000 50");
    CU_ASSERT_STRING_EQUAL(spell(&vocabulary, texts[1]), "caf\xc3\xa9 o'clock x1");
    CU_ASSERT_STRING_EQUAL(spell(&vocabulary, texts[2]), "tis");
    CU_ASSERT_EQUAL(vocabulary.word_count, 10);
    CU_ASSERT_EQUAL(vocabulary.trigram_count, 0);
    for (int64_t i = 1; i < vocabulary.word_count; i++)
        CU_ASSERT(strcmp(vocabulary.words[i - 1], vocabulary.words[i]) < 0);
    CU_ASSERT_STRING_EQUAL(spell(&vocabulary, "STOP 5 <unseen>"), "stop 5 <unknown>");
    vain_vocabulary_release(&vocabulary);
}

/* "<pla", "play" are in two rare words each: "plays" and "played" share "<pl", "pla", "lay". */
static void rare_words_are_spelled(void)
{
    static const char *const texts[] = {"the cat plays the cat", "the dog played a"};
    struct vain_vocabulary vocabulary = learn(texts, 2, 2);
    CU_ASSERT_EQUAL(vocabulary.word_count, 2); /* cat, the */
    CU_ASSERT_EQUAL(vocabulary.trigram_count, 3);
    CU_ASSERT_EQUAL(vocabulary.symbol_count, 7);
    CU_ASSERT_STRING_EQUAL(spell(&vocabulary, "the player"), "the ~<pl ~pla ~lay");
    CU_ASSERT_STRING_EQUAL(spell(&vocabulary, "a cat"), "<unknown> cat");
    CU_ASSERT_STRING_EQUAL(spell(&vocabulary, "delay"), "~lay");
    vain_vocabulary_release(&vocabulary);
    CU_ASSERT_EQUAL(vain_memory_blocks(), 0);
}

static void a_vocabulary_does_not_depend_on_order(void)
{
    static const char *const one[] = {"b a c", "a b z", "zz zy"};
    static const char *const other[] = {"zy a zz", "z b", "c b a"};
    static const char *const more[] = {"zy a zz", "z b", "c c b a"};
    uint8_t hashes[3][32];
    const char *const *const sets[] = {one, other, more};
    for (int i = 0; i < 3; i++) {
        struct vain_vocabulary vocabulary = learn(sets[i], 3, 2);
        vain_vocabulary_hash(&vocabulary, hashes[i]);
        vain_vocabulary_release(&vocabulary);
    }
    CU_ASSERT_EQUAL(memcmp(hashes[0], hashes[1], 32), 0);
    CU_ASSERT_NOT_EQUAL(memcmp(hashes[0], hashes[2], 32), 0);
}

static void long_runs_are_several_words(void)
{
    char run[200];
    memset(run, 'q', sizeof run);
    run[199] = '\0';
    const char *const texts[] = {run};
    struct vain_vocabulary vocabulary = learn(texts, 1, 3);
    CU_ASSERT_EQUAL(vocabulary.word_count, 1);
    CU_ASSERT_EQUAL(strlen(vocabulary.words[0]), VAIN_WORD_BYTES - 1);
    vain_vocabulary_release(&vocabulary);
}

/* Names are well-formed UTF-8, whole words or not, and no two symbols have one. */
static void names_are_utf8_and_tell_symbols_apart(void)
{
    char run[200] = "ab"; /* so that the longest word would end inside a character */
    for (size_t used = 2; used < 90;)
        used += (size_t)snprintf(run + used, sizeof run - used, "\xc3\xa9q");
    const char *const texts[] = {run, run, "caf\xc3\xa9s caf\xc3\xa9r caf\xc3\xa9n"};
    struct vain_vocabulary vocabulary = learn(texts, 3, 2);
    char last[VAIN_WORD_BYTES] = "", name[VAIN_WORD_BYTES];
    bool escaped = false;
    CU_ASSERT_TRUE(vocabulary.word_count > 0 && vocabulary.trigram_count > 0);
    for (int64_t i = 0; i < vocabulary.symbol_count; i++) {
        vain_vocabulary_name(&vocabulary, i, name);
        CU_ASSERT_EQUAL(name[VAIN_WORD_BYTES - 1], '\0');
        CU_ASSERT_TRUE(strlen(name) > 0 && strcmp(name, last) != 0);
        CU_ASSERT_NOT_EQUAL((unsigned char)name[0] & 0xc0, 0x80);
        CU_ASSERT_TRUE((unsigned char)name[strlen(name) - 1] != 0xc3);
        if (name[0] == '~')
            for (size_t b = 0; b < strlen(name); b++)
                CU_ASSERT_TRUE((unsigned char)name[b] < 0x80);
        escaped = escaped || strcmp(name, "~\\xc3\\xa9s") == 0 || strstr(name, "\\xa9") != NULL;
        memcpy(last, name, sizeof last);
    }
    CU_ASSERT_TRUE(escaped);
    vain_vocabulary_release(&vocabulary);
}

static const char *const good = "train\t3\tbook a flight\n"
                                "val\t0\tflight to rome\r\n"
                                "train\t0\ta hotel, please\n"
                                "oos_test\t150\twho knows\n"
                                "test\t4\tbook a hotel";

static struct vain_sentence_source source_of(void)
{
    return (struct vain_sentence_source){
        .path = "s.tsv", .splits = {"train", "val", "test"}, .min_count = 1};
}

static void splits_labels_and_padding(void)
{
    struct vain_sentence_source source = source_of();
    source.path = scratch_write("good.tsv", good, strlen(good));
    source.context = 5;
    struct vain_sentences sentences;
    CU_ASSERT_EQUAL_FATAL(vain_sentences_open(&source, &sentences), VAIN_OK);
    CU_ASSERT(sentences.T == 5 && sentences.longest == 3 && sentences.class_count == 5);
    CU_ASSERT_EQUAL(sentences.other_count, 1);
    CU_ASSERT_EQUAL(sentences.splits[VAIN_SPLIT_TRAIN].count, 2);
    CU_ASSERT_EQUAL(sentences.splits[VAIN_SPLIT_VALIDATION].count, 1);
    CU_ASSERT_EQUAL(sentences.splits[VAIN_SPLIT_TEST].count, 1);
    CU_ASSERT_EQUAL(sentences.splits[VAIN_SPLIT_TRAIN].lines[1], 3);
    /* Words: a book flight hotel please = 2 to 6. "rome" and "to" are none of training. */
    static const int32_t expected[3][5] = {{3, 2, 4, 0, 0}, {2, 5, 6, 0, 0}, {4, 1, 1, 0, 0}};
    int32_t tokens[10], labels[2];
    static const int64_t both[2] = {1, 0}, first[1] = {0};
    vain_sentences_batch(&sentences, VAIN_SPLIT_TRAIN, both, 2, tokens, labels);
    CU_ASSERT_EQUAL(memcmp(tokens, expected[1], sizeof expected[1]), 0);
    CU_ASSERT_EQUAL(memcmp(tokens + 5, expected[0], sizeof expected[0]), 0);
    CU_ASSERT(labels[0] == 0 && labels[1] == 3);
    vain_sentences_batch(&sentences, VAIN_SPLIT_VALIDATION, first, 1, tokens, NULL);
    CU_ASSERT_EQUAL(memcmp(tokens, expected[2], sizeof expected[2]), 0);
    vain_sentences_close(&sentences);
    vain_sentences_close(&sentences);
    source.context = 0;
    source.splits[VAIN_SPLIT_VALIDATION] = "";
    CU_ASSERT_EQUAL_FATAL(vain_sentences_open(&source, &sentences), VAIN_OK);
    CU_ASSERT(sentences.T == 3 && sentences.other_count == 2);
    vain_sentences_close(&sentences);
    CU_ASSERT_EQUAL(vain_memory_blocks(), 0);
}

static void expect(const struct vain_sentence_source *source, const char *text, const char *words)
{
    struct vain_sentences sentences;
    CU_ASSERT_EQUAL(vain_sentences_read(source, text, strlen(text), &sentences), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NULL(sentences.vocabulary.bytes);
    if (strstr(vain_fail_message(), words) == NULL)
        printf("message: %s\n", vain_fail_message());
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), words));
    CU_ASSERT_EQUAL(vain_memory_blocks(), 0);
}

static void mistakes_are_named_by_line_and_column(void)
{
    struct vain_sentence_source source = source_of();
    source.splits[VAIN_SPLIT_VALIDATION] = source.splits[VAIN_SPLIT_TEST] = NULL;
    expect(&source, "train\t1\ta\ntrain\t1\n", "s.tsv:2:8: the line ends after 2 of three columns");
    expect(&source, "train\t1\ta\n\n", "s.tsv:2:1: the line ends after 0 of three columns");
    expect(&source, "train\t1\t\xc3\xa9t\xc3\xa9\tb\n", "s.tsv:1:12: a third tab");
    expect(&source, "split\tlabel\ttext\n", "s.tsv:1:7: label 'label'; expected a number");
    expect(&source, "train\t-1\ta\n", "s.tsv:1:7: label '-1'");
    expect(&source, "train\t65536\ta\n", "label '65536'; expected a number from 0 to 65535");
    expect(&source, "train\t99999999999999999999\ta\n", "label '9999");
    expect(&source, "train\t\ta\n", "s.tsv:1:7: label ''");
    expect(&source, "train\t1\ta\xff\n", "s.tsv:1:10: byte 0xff begins no UTF-8");
    expect(&source, "train\t1\t?!\n", "s.tsv:1:9: the text has no word in it");
    source.context = 3;
    expect(&source, "train\t1\ta b c\ntrain\t10\ta b c d\n",
           "s.tsv:2:10: the text has 4 symbols, more than the context of 3");
    source.splits[VAIN_SPLIT_TEST] = "test";
    expect(&source, "train\t1\ta\ntrain\t2\tb\ndev\t2\tb",
           "s.tsv: has no line of split 'test'; it has: train, dev");
    expect(&source, "", "has no line of split 'train'; it has: no line at all");
}

/* A hundred thousand short lines and the longest context would be 26 GB. */
static void padding_beyond_memory_is_refused(void)
{
    static char text[100000 * 10 + 1];
    for (size_t i = 0; i < sizeof text - 1; i++)
        text[i] = "train\t1\ta\n"[i % 10];
    struct vain_sentence_source source = source_of();
    source.splits[VAIN_SPLIT_VALIDATION] = source.splits[VAIN_SPLIT_TEST] = NULL;
    source.context = VAIN_CONTEXT_MAX;
    expect(&source, text, "100000 sentences of 65536 symbols are more than");
}

static const struct vain_test tests[] = {
    {"words are cut as documented", words_are_cut_as_documented},
    {"rare words are spelled", rare_words_are_spelled},
    {"a vocabulary does not depend on order", a_vocabulary_does_not_depend_on_order},
    {"long runs are several words", long_runs_are_several_words},
    {"names are UTF-8 and tell symbols apart", names_are_utf8_and_tell_symbols_apart},
    {"splits, labels and padding", splits_labels_and_padding},
    {"mistakes are named by line and column", mistakes_are_named_by_line_and_column},
    {"padding beyond memory is refused", padding_beyond_memory_is_refused},
    {NULL, NULL}};
const struct vain_suite vain_suite_sentences = {"data: sentences", tests};

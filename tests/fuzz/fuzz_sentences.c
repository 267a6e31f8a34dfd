/* Fuzz target: the content of a file of labelled sentences.
 *
 * Beyond not crashing: every symbol lies in the vocabulary, padding stands only at the ends, labels
 * lie below the number of classes, and every word of training is known. */
#include "base/crypto.h"
#include "base/memory.h"
#include "jobs/data/sentences.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check_split(const struct vain_sentences *sentences, int split)
{
    const struct vain_sentence_split *rows = &sentences->splits[split];
    for (int64_t i = 0; i < rows->count; i++) {
        VAIN_ASSERT(rows->lengths[i] >= 1 && rows->lengths[i] <= sentences->T);
        VAIN_ASSERT(rows->labels[i] >= 0 && rows->labels[i] < sentences->class_count);
        for (int64_t t = 0; t < sentences->T; t++) {
            const int32_t symbol = rows->tokens[i * sentences->T + t];
            VAIN_ASSERT(symbol >= 0 && symbol < sentences->vocabulary.symbol_count);
            VAIN_ASSERT((symbol == VAIN_TOKEN_PADDING) == (t >= rows->lengths[i]));
            if (split == VAIN_SPLIT_TRAIN)
                VAIN_ASSERT(symbol != VAIN_TOKEN_UNKNOWN);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    const struct vain_sentence_source source = {
        .path = "input", .splits = {"train", "", "test"}, .min_count = 1};
    struct vain_sentences sentences;
    VAIN_ASSERT(vain_crypto_init() == VAIN_OK);
    if (vain_sentences_read(&source, data, bytes, &sentences) == VAIN_OK) {
        uint8_t hash[32];
        check_split(&sentences, VAIN_SPLIT_TRAIN);
        check_split(&sentences, VAIN_SPLIT_TEST);
        vain_vocabulary_hash(&sentences.vocabulary, hash);
    }
    vain_sentences_close(&sentences);
    VAIN_ASSERT(vain_memory_blocks() == 0);
    return 0;
}

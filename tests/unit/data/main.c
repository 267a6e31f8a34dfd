/* The suites of jobs/data. */
#include "base/crypto.h"
#include "tests/unit/data/scratch.h"
#include "tests/unit/suite.h"

extern const struct vain_suite vain_suite_options, vain_suite_file, vain_suite_partition,
    vain_suite_symbols, vain_suite_corpus, vain_suite_array, vain_suite_chunks, vain_suite_images,
    vain_suite_draw, vain_suite_order, vain_suite_clients, vain_suite_pairs, vain_suite_episodes,
    vain_suite_sentences, vain_suite_data, vain_suite_scarcity;

int main(void)
{
    static const struct vain_suite *const suites[] = {
        &vain_suite_options,  &vain_suite_file,      &vain_suite_partition, &vain_suite_symbols,
        &vain_suite_corpus,   &vain_suite_array,     &vain_suite_chunks,    &vain_suite_images,
        &vain_suite_draw,     &vain_suite_order,     &vain_suite_clients,   &vain_suite_pairs,
        &vain_suite_episodes, &vain_suite_sentences, &vain_suite_data,      &vain_suite_scarcity};
    if (vain_crypto_init() != VAIN_OK || !scratch_open())
        return 1;
    const int failed = vain_suites_run(suites, (int)VAIN_COUNT_OF(suites));
    scratch_close();
    return failed;
}

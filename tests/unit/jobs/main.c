/* The suites of jobs. */
#include "base/crypto.h"
#include "tests/unit/suite.h"

extern const struct vain_suite vain_suite_job_options, vain_suite_plan, vain_suite_round,
    vain_suite_run, vain_suite_masks, vain_suite_member_letter, vain_suite_member_card,
    vain_suite_vote_file, vain_suite_counted_stream, vain_suite_hosts, vain_suite_catch_up,
    vain_suite_group_ring, vain_suite_record_line, vain_suite_recorded_state, vain_suite_measures,
    vain_suite_genetic_population, vain_suite_genetic_search, vain_suite_genetic,
    vain_suite_gpu_run, vain_suite_reptile, vain_suite_maml, vain_suite_meta_run,
    vain_suite_sentence_batches, vain_suite_task_stream, vain_suite_agents, vain_suite_fedavg,
    vain_suite_teacher, vain_suite_example_specs, vain_suite_split_sums, vain_suite_hosts_letters,
    vain_suite_content;

int main(void)
{
    static const struct vain_suite *const suites[] = {&vain_suite_job_options,
                                                      &vain_suite_plan,
                                                      &vain_suite_round,
                                                      &vain_suite_run,
                                                      &vain_suite_masks,
                                                      &vain_suite_member_letter,
                                                      &vain_suite_member_card,
                                                      &vain_suite_vote_file,
                                                      &vain_suite_counted_stream,
                                                      &vain_suite_hosts,
                                                      &vain_suite_split_sums,
                                                      &vain_suite_content,
                                                      &vain_suite_catch_up,
                                                      &vain_suite_hosts_letters,
                                                      &vain_suite_group_ring,
                                                      &vain_suite_record_line,
                                                      &vain_suite_recorded_state,
                                                      &vain_suite_measures,
                                                      &vain_suite_genetic_population,
                                                      &vain_suite_genetic_search,
                                                      &vain_suite_genetic,
                                                      &vain_suite_gpu_run,
                                                      &vain_suite_reptile,
                                                      &vain_suite_maml,
                                                      &vain_suite_meta_run,
                                                      &vain_suite_sentence_batches,
                                                      &vain_suite_task_stream,
                                                      &vain_suite_agents,
                                                      &vain_suite_fedavg,
                                                      &vain_suite_teacher,
                                                      &vain_suite_example_specs};
    if (vain_crypto_init() != VAIN_OK)
        return 1;
    return vain_suites_run(suites, (int)VAIN_COUNT_OF(suites));
}

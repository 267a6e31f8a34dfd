/* What keys of learning to learn mean together. Keys that a method does not look at are refused
 * where they are given: whoever wrote them expects something of them. */
#include "jobs/meta_check.h"

#include "jobs/learner.h"
#include "jobs/method_check.h"

static bool learns_to_learn(const struct vain_job *job)
{
    return job->train.method == VAIN_METHOD_REPTILE || job->train.method == VAIN_METHOD_MAML;
}

static void check_source(const struct vain_job *job, const struct vain_spec *spec,
                         struct vain_problems *problems)
{
    const bool episodes = job->data.episodes[0] != '\0';
    const char *method = job->train.method == VAIN_METHOD_MAML ? "maml" : "reptile";
    if (learns_to_learn(job) && !episodes)
        vain_spec_problem_at(spec, problems, "train.method",
                             "give data.episodes, or use another method",
                             "%s learns from few-shot tasks, and data.episodes names none", method);
    if (!learns_to_learn(job) && episodes)
        vain_spec_problem_at(spec, problems, "data.episodes", "use train.method: reptile or maml",
                             "only methods that learn to learn take few-shot tasks");
}

static void check_examples(const struct vain_job *job, const struct vain_spec *spec,
                           struct vain_problems *problems)
{
    const struct vain_inner training = vain_inner_of_training(job), test = vain_inner_of_test(job);
    if (training.shot + training.query > VAIN_TASK_EXAMPLES_MAX)
        vain_spec_problem_at(spec, problems, "meta.train_shots", NULL,
                             "%lld examples of a class to learn from and %lld to ask about: a "
                             "task has at most %d of a class",
                             (long long)training.shot, (long long)training.query,
                             VAIN_TASK_EXAMPLES_MAX);
    if (test.shot + test.query > VAIN_TASK_EXAMPLES_MAX)
        vain_spec_problem_at(spec, problems, "data.shot", NULL,
                             "%lld examples of a class to learn from and %lld to ask about: a "
                             "task has at most %d of a class",
                             (long long)test.shot, (long long)test.query, VAIN_TASK_EXAMPLES_MAX);
}

static void check_steps(const struct vain_job *job, const struct vain_spec *spec,
                        struct vain_problems *problems)
{
    if (job->train.accumulate != 1)
        vain_spec_problem_at(spec, problems, "train.accumulate", "raise meta.batch instead",
                             "a local step is one meta-iteration of meta.batch tasks, so there is "
                             "nothing to accumulate; found %lld, expected 1",
                             (long long)job->train.accumulate);
    if (job->train.method == VAIN_METHOD_MAML && job->meta.inner_optimizer != VAIN_INNER_SGD)
        vain_spec_problem_at(spec, problems, "meta.inner_optimizer",
                             "set meta.inner_optimizer: sgd",
                             "maml adapts to a task by plain gradient steps");
}

static void check_idle(const struct vain_job *job, const struct vain_spec *spec,
                       struct vain_problems *problems)
{
    static const char *const of_reptile[] = {"meta.step", "meta.step_final", NULL};
    static const char *const of_adam[] = {"meta.inner_beta2", NULL};
    static const char *const of_batches[] = {"train.batch", NULL};
    if (job->train.method == VAIN_METHOD_REPTILE)
        vain_refuse_gradient_keys(spec, problems, "see meta.step and meta.inner_learning_rate",
                                  "reptile takes no gradient steps of its own");
    else
        vain_refuse_idle(spec, problems, of_reptile, "see train.learning_rate",
                         "maml steps as train.learning_rate says");
    if (job->meta.inner_optimizer == VAIN_INNER_SGD)
        vain_refuse_idle(spec, problems, of_adam, "set meta.inner_optimizer: adam",
                         "sgd has no moments");
    vain_refuse_idle(spec, problems, of_batches, "see meta.inner_batch and meta.batch",
                     "batches are drawn within tasks");
}

/* Everything of meta.* in a job that does not learn to learn. */
static void check_other_methods(const struct vain_spec *spec, struct vain_problems *problems)
{
    for (int i = 0; i < vain_meta_option_count; i++) {
        const char *const keys[] = {vain_meta_option_rows[i].key, NULL};
        vain_refuse_idle(spec, problems, keys, "use train.method: reptile or maml",
                         "train.method does not learn to learn");
    }
}

void vain_meta_check(const struct vain_job *job, const struct vain_spec *spec,
                     struct vain_problems *problems)
{
    check_source(job, spec, problems);
    if (!learns_to_learn(job)) {
        check_other_methods(spec, problems);
        return;
    }
    check_examples(job, spec, problems);
    check_steps(job, spec, problems);
    check_idle(job, spec, problems);
}

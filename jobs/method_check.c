/* Keys that a method does not look at are refused where they are given: whoever wrote them expects
 * something of them. */
#include "jobs/method_check.h"

#include <string.h>

enum { VALUE_BYTES = 100 }; /* as much of a value as a message shows */

void vain_refuse_idle(const struct vain_spec *spec, struct vain_problems *problems,
                      const char *const *keys, const char *hint, const char *why)
{
    for (int i = 0; keys[i] != NULL; i++) {
        char value[VALUE_BYTES];
        vain_spec_note_idle(spec, keys[i]);
        if (!vain_spec_is_set(spec, keys[i]))
            continue;
        const struct vain_spec_place *place = vain_spec_place(spec, keys[i]);
        vain_option_format(place->option, place->section->values, value, sizeof value);
        if (value[0] != '\0' && strcmp(value, "none") != 0)
            vain_spec_problem_at(spec, problems, keys[i], hint, "%s: %s would do nothing: %s",
                                 keys[i], value, why);
    }
}

void vain_refuse_gradient_keys(const struct vain_spec *spec, struct vain_problems *problems,
                               const char *hint, const char *why)
{
    static const char *const keys[] = {"train.learning_rate",
                                       "train.minimum_learning_rate",
                                       "train.warmup",
                                       "train.schedule",
                                       "train.optimizer",
                                       "train.momentum",
                                       "train.weight_decay",
                                       "train.beta1",
                                       "train.beta2",
                                       "train.gradient_clip",
                                       NULL};
    vain_refuse_idle(spec, problems, keys, hint, why);
}

static void check_clients(const struct vain_job *job, const struct vain_spec *spec,
                          struct vain_problems *problems)
{
    static const char *const of_fedavg[] = {"fedavg.epochs", "fedavg.client_examples", NULL};
    const int method = job->train.method;
    if (method != VAIN_METHOD_FEDAVG)
        vain_refuse_idle(spec, problems, of_fedavg, "use train.method: fedavg",
                         "clients are those of federated averaging");
    if (method != VAIN_METHOD_FEDAVG && method != VAIN_METHOD_AGENTS && job->data.clients > 0)
        vain_spec_problem_at(spec, problems, "data.clients", "remove it, or use method fedavg",
                             "%lld clients are played by method fedavg; with this one a member "
                             "would train on the first of its clients only",
                             (long long)job->data.clients);
}

static void check_fedavg(const struct vain_job *job, const struct vain_spec *spec,
                         struct vain_problems *problems)
{
    static const char *const of_steps[] = {"train.gradient_clip", "train.accumulate", NULL};
    if (job->train.method != VAIN_METHOD_FEDAVG)
        return;
    if (job->data.images[0] == '\0')
        vain_spec_problem_at(spec, problems, "train.method", "give data.images",
                             "fedavg trains on labelled images");
    if (job->train.optimizer != VAIN_OPTIMISER_SGD)
        vain_spec_problem_at(spec, problems, "train.optimizer", "set train.optimizer: sgd",
                             "clients of federated averaging take steps of SGD");
    if (job->data.partition == VAIN_PARTITION_NAMED && job->fedavg.client_examples == 0)
        vain_spec_problem_at(spec, problems, "fedavg.client_examples",
                             "give about how many examples a client has",
                             "members have files of their own, so deltas cannot be weighed in an "
                             "equal share of one");
    vain_refuse_idle(spec, problems, of_steps, "remove it", "a client takes plain steps of SGD");
}

static void check_optimiser(const struct vain_job *job, const struct vain_spec *spec,
                            struct vain_problems *problems)
{
    static const char *const of_adamw[] = {"train.weight_decay", "train.beta1", "train.beta2",
                                           NULL};
    static const char *const of_sgd[] = {"train.momentum", NULL};
    if (job->train.optimizer == VAIN_OPTIMISER_SGD)
        vain_refuse_idle(spec, problems, of_adamw, "remove it",
                         "it is AdamW's, and the optimizer is sgd");
    else
        vain_refuse_idle(spec, problems, of_sgd, "set train.optimizer: sgd", "it is sgd's");
}

/* Who teaches, whom, and what of. */
static void check_teacher(const struct vain_job *job, const struct vain_spec *spec,
                          struct vain_problems *problems)
{
    static const char *const teacher[] = {"teacher.checkpoint", NULL};
    const int method = job->train.method;
    if (job->teacher.checkpoint[0] == '\0')
        return; /* weight and temperature are agreed: others may have a teacher */
    if (method != VAIN_METHOD_SUPERVISED && method != VAIN_METHOD_FEDAVG)
        vain_refuse_idle(spec, problems, teacher, "use train.method: supervised or fedavg",
                         "this method has no teacher");
    else if (job->data.images[0] == '\0')
        vain_refuse_idle(spec, problems, teacher, "give data.images",
                         "a teacher answers for labelled images");
}

void vain_method_check(const struct vain_job *job, const struct vain_spec *spec,
                       struct vain_problems *problems)
{
    check_clients(job, spec, problems);
    check_fedavg(job, spec, problems);
    check_teacher(job, spec, problems);
    if (job->train.method == VAIN_METHOD_SUPERVISED || job->train.method == VAIN_METHOD_FEDAVG ||
        job->train.method == VAIN_METHOD_AGENTS)
        check_optimiser(job, spec, problems);
}

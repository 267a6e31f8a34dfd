/* Part of jobs/plan.h: keys of methods that learn to learn, against each other. */
#pragma once

#include "jobs/options.h"
#include "jobs/spec/spec.h"

/* As vain_plan_check. */
void vain_meta_check(const struct vain_job *job, const struct vain_spec *spec,
                     struct vain_problems *problems);

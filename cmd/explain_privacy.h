/* What vain explain says about who learns what. */
#pragma once

#include "jobs/options.h"
#include "jobs/spec/spec.h"

struct json_object;

/* Lines for people, for `members` members. */
void vain_explain_privacy_print(const struct vain_job *job, const struct vain_spec *spec,
                                int members);
/* The same as an object: masked, keys_pinned, and what each party learns. Gives it. */
struct json_object *vain_explain_privacy_json(const struct vain_job *job,
                                              const struct vain_spec *spec, int members);

/* What vain explain says about members on hosts of their own. */
#pragma once

#include "jobs/options.h"
#include "jobs/spec/spec.h"

struct json_object;

/* Lines for people, of a valid spec with exchange.transport tls. */
void vain_explain_hosts_print(const struct vain_job *job, const struct vain_spec *spec);
/* The same as an object: how many members must be there, how many may be lost at once, what a loss
 * costs (null where none may be lost), and who dials whom: each of dial_order those after it. Gives
 * it. */
struct json_object *vain_explain_hosts_json(const struct vain_job *job,
                                            const struct vain_spec *spec);

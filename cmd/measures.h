/* What a task measures, for people and for programs. */
#pragma once

#include <json-c/json.h>

#include "jobs/measures.h"

/* One line a measure beside the loss, each with its 95 % interval. */
void vain_measures_print(const struct vain_measures *measures);
/* The same as fields of `data`: "accuracy", "accuracy_interval". */
void vain_measures_add_json(struct json_object *data, const struct vain_measures *measures);

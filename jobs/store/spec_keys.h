/* Resolved specs as lists of keys, to tell what differs between two. Inner header of jobs/store. */
#pragma once

#include "base/status.h"

enum { VAIN_SPEC_KEY_BYTES = 96, VAIN_SPEC_VALUE_BYTES = 400 };

typedef void (*vain_spec_key_visitor)(void *context, const char *key, const char *a, const char *b);
/* Visit each key ("train.batch") whose value is not the same in two texts of resolved specs, or
 * that one of them lacks ("absent"); of `members` only that it differs. Values longer than
 * VAIN_SPEC_VALUE_BYTES are shown cut. Local. */
void vain_spec_key_differences(const char *a, const char *b, vain_spec_key_visitor visit,
                               void *context);

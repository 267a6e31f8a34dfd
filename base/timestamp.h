/* Times for people: ISO 8601 in UTC with milliseconds, "2026-10-29T12:00:00.123Z". */
#pragma once

#include "base/status.h"

enum { VAIN_TIMESTAMP_BYTES = 25 };

/* Years 1970 to 9999; anything else is shown as the nearest end of that. */
void vain_timestamp_format(int64_t unix_ms, char out[VAIN_MIN_LEN(VAIN_TIMESTAMP_BYTES)]);
/* Exactly what format writes; false otherwise. */
bool vain_timestamp_parse(const char *text, int64_t *unix_ms);

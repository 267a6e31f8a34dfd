/* JSON values as every verb writes them: valid whatever was in a file name, a checkpoint or a sum.
 */
#pragma once

#include <json-c/json.h>
#include <stddef.h>
#include <stdint.h>

/* All give a reference. Local. */

/* A number in as few digits as read back to the same one; NaN and infinity, which JSON has not, are
 * null. */
struct json_object *vain_json_number(double value);
/* Bytes that may not be UTF-8: what is not shows as U+FFFD. NULL is "". */
struct json_object *vain_json_text(const char *text);
/* The same for `count` bytes, among which NUL is one like any other. */
struct json_object *vain_json_bytes(const char *bytes, size_t count);
struct json_object *vain_json_hex(const void *data, size_t bytes);
/* ISO 8601 in UTC. */
struct json_object *vain_json_time(int64_t unix_ms);
struct json_object *vain_json_shape(const int64_t *shape, int count);

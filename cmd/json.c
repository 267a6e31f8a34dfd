#include "cmd/json.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/text.h"
#include "base/timestamp.h"

struct json_object *vain_json_number(double value)
{
    char text[40];
    if (!isfinite(value))
        return NULL;
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    return json_object_new_double_s(value, text);
}

struct json_object *vain_json_bytes(const char *bytes, size_t count)
{
    struct vain_text clean = {0};
    uint32_t code;
    for (size_t at = 0; at < count;) {
        const int length = vain_text_character(bytes + at, count - at, &code);
        if (length > 0)
            vain_text_add_bytes(&clean, bytes + at, (size_t)length);
        else
            vain_text_add_bytes(&clean, "\xEF\xBF\xBD", 3);
        at += length > 0 ? (size_t)length : 1;
    }
    /* Without memory for a text there is none for anything else either: an empty one will do. */
    struct json_object *string = clean.status == VAIN_OK && clean.used > 0 && clean.used <= INT_MAX
                                     ? json_object_new_string_len(clean.bytes, (int)clean.used)
                                     : json_object_new_string("");
    vain_text_fini(&clean);
    return string;
}

struct json_object *vain_json_text(const char *text)
{
    return vain_json_bytes(text, text != NULL ? strlen(text) : 0);
}

struct json_object *vain_json_hex(const void *data, size_t bytes)
{
    char text[2 * 64 + 1];
    VAIN_ASSERT(bytes <= 64);
    vain_to_hex(data, bytes, text);
    return json_object_new_string(text);
}

struct json_object *vain_json_time(int64_t unix_ms)
{
    char text[VAIN_TIMESTAMP_BYTES];
    vain_timestamp_format(unix_ms, text);
    return json_object_new_string(text);
}

struct json_object *vain_json_shape(const int64_t *shape, int count)
{
    struct json_object *array = json_object_new_array();
    for (int i = 0; i < count; i++)
        json_object_array_add(array, json_object_new_int64(shape[i]));
    return array;
}

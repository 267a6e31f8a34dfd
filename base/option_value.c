/* Option values: reading, printing and describing one value by its row.
 *
 * The grammar of numbers is narrow on purpose and written out here rather than left to strtod: what
 * other YAML readers take differently (leading zeros as octal, 1_000, 4:00 as base 60, hexadecimal)
 * is refused with the spelling to use instead, so that a spec means one thing everywhere.
 * Quantities are read in integers (mantissa, power of ten, unit) and must come out whole: 1.5KiB is
 * 1536 bytes, 0.3kB is 300, 0.3B is refused.
 *
 * Every value prints in a form that reads back as the same value. */
#include "base/option.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/identity.h"

enum { EXPECTED_BYTES = 192, FOUND_CHARACTERS = 40, NUMBER_BYTES = 64 };

struct unit {
    const char *name;
    int64_t scale;
};
/* Decimal first for counts; for sizes and durations in the order in which a printed value tries
 * them. */
static const struct unit count_units[] = {
    {"B", 1000000000}, {"M", 1000000}, {"k", 1000}, {"", 1}, {NULL, 0}};
static const struct unit byte_units[] = {{"TiB", INT64_C(1) << 40},
                                         {"GiB", INT64_C(1) << 30},
                                         {"MiB", INT64_C(1) << 20},
                                         {"KiB", INT64_C(1) << 10},
                                         {"TB", INT64_C(1000000000000)},
                                         {"GB", 1000000000},
                                         {"MB", 1000000},
                                         {"kB", 1000},
                                         {"B", 1},
                                         {NULL, 0}};
static const struct unit duration_units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000},
                                             {"s", 1000},     {"ms", 1},      {NULL, 0}};

/* ---- values in their structs ---------------------------------------------------------------- */

size_t vain_option_value_bytes(const struct vain_option *option)
{
    switch (option->type) {
    case VAIN_OPTION_FLAG:
        return sizeof(bool);
    case VAIN_OPTION_CHOICE:
        return sizeof(int);
    case VAIN_OPTION_TEXT:
        return option->text_bytes;
    case VAIN_OPTION_PATH:
        return VAIN_PATH_BYTES;
    case VAIN_OPTION_NAME:
        return VAIN_NAME_BYTES;
    case VAIN_OPTION_COUNTS:
        return sizeof(struct vain_option_counts);
    case VAIN_OPTION_TEXTS:
        return sizeof(struct vain_option_texts);
    default:
        return sizeof(int64_t);
    }
}

static void value_put(const struct vain_option *option, void *values, const void *value)
{
    static_assert(sizeof(double) == sizeof(int64_t), "counts, numbers and seeds take 8 bytes");
    memcpy((char *)values + option->offset, value, vain_option_value_bytes(option));
}

static const void *value_at(const struct vain_option *option, const void *values)
{
    return (const char *)values + option->offset;
}

/* ---- ranges --------------------------------------------------------------------------------- */

static bool is_unbounded(const struct vain_option *option)
{
    return !(option->minimum < 0) && !(option->minimum > 0) && !(option->maximum < 0) &&
           !(option->maximum > 0);
}

bool vain_option_has_minimum(const struct vain_option *option)
{
    return isfinite(option->minimum) && (!is_unbounded(option) || option->above_minimum);
}

bool vain_option_has_maximum(const struct vain_option *option)
{
    return isfinite(option->maximum) && !is_unbounded(option);
}

static bool in_range(const struct vain_option *option, double value)
{
    if (vain_option_has_minimum(option)) {
        if (value < option->minimum || (option->above_minimum && value <= option->minimum))
            return false;
    }
    return !vain_option_has_maximum(option) || value <= option->maximum;
}

/* ---- printing ------------------------------------------------------------------------------- */

/* The fewest digits that read back as the same number. */
static void format_number(double value, char *out, size_t bytes)
{
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(out, bytes, "%.*g", digits, value);
        const double back = strtod(out, NULL);
        if (memcmp(&back, &value, sizeof value) == 0)
            return;
    }
}

static void format_quantity(int64_t value, const struct unit *units, char *out, size_t bytes)
{
    while (units[1].name != NULL && (value == 0 || value % units->scale != 0))
        units++;
    snprintf(out, bytes, "%" PRId64 "%s", value / units->scale, units->name);
}

static void format_counts(const struct vain_option_counts *counts, char *out, size_t bytes)
{
    size_t used = (size_t)snprintf(out, bytes, "[");
    for (int i = 0; i < counts->count && used < bytes; i++)
        used += (size_t)snprintf(out + used, bytes - used, "%s%" PRId64, i > 0 ? ", " : "",
                                 counts->values[i]);
    if (used < bytes)
        snprintf(out + used, bytes - used, "]");
}

static void format_texts(const struct vain_option_texts *texts, char *out, size_t bytes)
{
    size_t used = (size_t)snprintf(out, bytes, "[");
    for (int i = 0; i < texts->count && used < bytes; i++)
        used +=
            (size_t)snprintf(out + used, bytes - used, "%s%s", i > 0 ? ", " : "", texts->items[i]);
    if (used < bytes)
        snprintf(out + used, bytes - used, "]");
}

void vain_option_format(const struct vain_option *option, const void *values, char *out,
                        size_t bytes)
{
    const void *at = value_at(option, values);
    int64_t whole = 0;
    double number = 0;
    if (vain_option_value_bytes(option) == sizeof whole) {
        memcpy(&whole, at, sizeof whole);
        memcpy(&number, at, sizeof number);
    }
    switch (option->type) {
    case VAIN_OPTION_COUNT:
        snprintf(out, bytes, "%" PRId64, whole);
        break;
    case VAIN_OPTION_SEED:
        snprintf(out, bytes, "%" PRIu64, (uint64_t)whole);
        break;
    case VAIN_OPTION_NUMBER_OR_AUTO:
    case VAIN_OPTION_NUMBER:
        if (isnan(number))
            snprintf(out, bytes, "auto");
        else
            format_number(number, out, bytes);
        break;
    case VAIN_OPTION_BYTES:
        format_quantity(whole, byte_units, out, bytes);
        break;
    case VAIN_OPTION_DURATION:
        format_quantity(whole, duration_units, out, bytes);
        break;
    case VAIN_OPTION_FLAG:
        snprintf(out, bytes, "%s", *(const bool *)at ? "true" : "false");
        break;
    case VAIN_OPTION_CHOICE:
        snprintf(out, bytes, "%s", option->choices[*(const int *)at]);
        break;
    case VAIN_OPTION_COUNTS:
        format_counts(at, out, bytes);
        break;
    case VAIN_OPTION_TEXTS:
        format_texts(at, out, bytes);
        break;
    case VAIN_OPTION_TEXT:
    case VAIN_OPTION_PATH:
    case VAIN_OPTION_NAME:
        snprintf(out, bytes, "%s", (const char *)at);
        break;
    }
}

/* ---- describing ----------------------------------------------------------------------------- */

static void format_bound(const struct vain_option *option, double bound, char *out, size_t bytes)
{
    if (option->type == VAIN_OPTION_BYTES)
        format_quantity((int64_t)bound, byte_units, out, bytes);
    else if (option->type == VAIN_OPTION_DURATION)
        format_quantity((int64_t)bound, duration_units, out, bytes);
    else if (fabs(bound) < 1e15 && fabs(bound - nearbyint(bound)) <= 0)
        snprintf(out, bytes, "%.0f", bound);
    else
        format_number(bound, out, bytes);
}

/* " from 1 to 256", " above 0", "" and so on. */
static void describe_range(const struct vain_option *option, char *out, size_t bytes)
{
    char low[NUMBER_BYTES], high[NUMBER_BYTES];
    const bool has_low = vain_option_has_minimum(option);
    const bool has_high = vain_option_has_maximum(option);
    if (has_low)
        format_bound(option, option->minimum, low, sizeof low);
    if (has_high)
        format_bound(option, option->maximum, high, sizeof high);
    out[0] = '\0';
    if (has_low && has_high && option->above_minimum)
        snprintf(out, bytes, " above %s and at most %s", low, high);
    else if (has_low && has_high && strcmp(low, high) == 0)
        snprintf(out, bytes, " equal to %s", low);
    else if (has_low && has_high)
        snprintf(out, bytes, " from %s to %s", low, high);
    else if (has_low)
        snprintf(out, bytes, option->above_minimum ? " above %s" : " of at least %s", low);
    else if (has_high)
        snprintf(out, bytes, " of at most %s", high);
}

/* "bytes or characters", "auto, loop or mpi". */
static void describe_choices(const struct vain_option *option, char *out, size_t bytes)
{
    size_t used = 0;
    for (int i = 0; option->choices[i] != NULL && used < bytes; i++) {
        const char *joint = i == 0 ? "" : option->choices[i + 1] == NULL ? " or " : ", ";
        used += (size_t)snprintf(out + used, bytes - used, "%s%s", joint, option->choices[i]);
    }
}

void vain_option_expected(const struct vain_option *option, char *out, size_t bytes)
{
    char range[2 * NUMBER_BYTES + 32];
    describe_range(option, range, sizeof range);
    switch (option->type) {
    case VAIN_OPTION_COUNT:
        snprintf(out, bytes, "a whole number%s", range);
        break;
    case VAIN_OPTION_NUMBER:
        snprintf(out, bytes, "a number%s", range);
        break;
    case VAIN_OPTION_NUMBER_OR_AUTO:
        snprintf(out, bytes, "auto or a number%s", range);
        break;
    case VAIN_OPTION_FLAG:
        snprintf(out, bytes, "true or false");
        break;
    case VAIN_OPTION_TEXT:
        snprintf(out, bytes, "a line of text of at most %zu bytes", option->text_bytes - 1);
        break;
    case VAIN_OPTION_PATH:
        snprintf(out, bytes, "a path of at most %d bytes", VAIN_PATH_BYTES - 1);
        break;
    case VAIN_OPTION_NAME:
        snprintf(out, bytes,
                 "a name of 1 to %d characters out of a-z, 0-9, '.', '_' and '-' that starts with "
                 "a letter or digit",
                 VAIN_NAME_BYTES - 1);
        break;
    case VAIN_OPTION_CHOICE:
        describe_choices(option, out, bytes);
        break;
    case VAIN_OPTION_BYTES:
        snprintf(out, bytes, "a size with its unit (such as 16MiB)%s", range);
        break;
    case VAIN_OPTION_DURATION:
        snprintf(out, bytes, "a duration with its unit (such as 90s or 4h)%s", range);
        break;
    case VAIN_OPTION_SEED:
        snprintf(out, bytes, "a whole number from 0 to %" PRIu64, UINT64_MAX);
        break;
    case VAIN_OPTION_COUNTS:
        snprintf(out, bytes, "a list of at most %d whole numbers (such as [512, 256])%s%s",
                 VAIN_OPTION_COUNTS_MAX, range[0] != '\0' ? ", each" : "", range);
        break;
    case VAIN_OPTION_TEXTS:
        snprintf(out, bytes,
                 "a list of at most %d texts (such as [one, and another]) of at most %d bytes",
                 VAIN_OPTION_TEXTS_MAX, VAIN_OPTION_TEXTS_ITEM_BYTES - 1);
        break;
    }
    if (option->unit != NULL) {
        const size_t used = strlen(out);
        snprintf(out + used, bytes - used, " (%s)", option->unit);
    }
}

/* ---- reading -------------------------------------------------------------------------------- */

static bool is_digit(char letter)
{
    return letter >= '0' && letter <= '9';
}

/* Digits at `*text`, moved past; false if there are none or a zero stands before another digit. */
static bool skip_digits(const char **text, bool leading_zeros)
{
    const char *start = *text;
    while (is_digit(**text))
        (*text)++;
    return *text > start && (leading_zeros || *start != '0' || *text == start + 1);
}

/* The digits of [text, end) without their point as one number, and 10 to the power of the digits
 * behind it. */
static bool read_mantissa(const char *text, const char *end, int64_t *mantissa, int64_t *divisor)
{
    bool fraction = false;
    *mantissa = 0;
    *divisor = 1;
    for (; text < end; text++) {
        if (*text == '.') {
            fraction = true;
            continue;
        }
        const int64_t digit = *text - '0';
        if (*mantissa > (INT64_MAX - digit) / 10 || (fraction && *divisor > INT64_MAX / 10))
            return false;
        *mantissa = *mantissa * 10 + digit;
        *divisor *= fraction ? 10 : 1;
    }
    return true;
}

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* A quantity in integers: digits, perhaps a fraction, perhaps a space, a unit of `units`. The
 * product must be whole and fit, so nothing is rounded. */
static bool read_quantity(const char *text, const struct unit *units, int64_t *value)
{
    const char *end = text;
    if (!skip_digits(&end, false))
        return false;
    if (*end == '.') {
        end++;
        if (!skip_digits(&end, true))
            return false;
    }
    const char *name = *end == ' ' ? end + 1 : end;
    while (units->name != NULL && strcmp(units->name, name) != 0)
        units++;
    if (units->name == NULL || (*end == ' ' && *name == '\0'))
        return false;
    int64_t mantissa, divisor;
    if (!read_mantissa(text, end, &mantissa, &divisor))
        return false;
    const int64_t common = common_divisor(units->scale, divisor);
    const int64_t scale = units->scale / common;
    divisor /= common;
    if (mantissa % divisor != 0 || mantissa / divisor > INT64_MAX / scale)
        return false;
    *value = mantissa / divisor * scale;
    return true;
}

static bool read_count(const char *text, int64_t *value)
{
    const bool negative = *text == '-';
    if (!read_quantity(text + negative, count_units, value))
        return false;
    if (negative)
        *value = -*value;
    return true;
}

static bool read_seed(const char *text, uint64_t *value)
{
    const char *end = text;
    if (!skip_digits(&end, false) || *end != '\0' || end - text > 20)
        return false;
    errno = 0;
    *value = strtoull(text, NULL, 10);
    return errno == 0;
}

/* -1.5, 3e-4, .5, 5. as in C, without hexadecimal, infinity, NaN or leading zeros. */
static bool read_number(const char *text, double *value)
{
    const char *at = text + (*text == '-');
    const bool whole = is_digit(*at);
    if (whole && !skip_digits(&at, false))
        return false;
    bool fraction = false;
    if (*at == '.') {
        at++;
        fraction = skip_digits(&at, true);
    }
    if (!whole && !fraction)
        return false;
    if (*at == 'e' || *at == 'E') {
        at += at[1] == '-' || at[1] == '+' ? 2 : 1;
        if (!skip_digits(&at, true))
            return false;
    }
    if (*at != '\0')
        return false;
    errno = 0;
    const double number = strtod(text, NULL);
    /* Also what vanishes below the smallest normal number is refused: it would change its value
     * silently. */
    if (errno == ERANGE || !isfinite(number))
        return false;
    *value = number + 0.0; /* -0 becomes 0, so that equal values print and hash alike */
    return true;
}

/* A list under reading: what is left of "[1, 2]" or "1, 2". */
struct list {
    const char *text, *end;
    bool comma; /* the last item was followed by one */
};

static struct list list_of(const char *text)
{
    size_t left = strlen(text);
    if (left >= 2 && text[0] == '[' && text[left - 1] == ']') {
        text++;
        left -= 2;
    }
    while (left > 0 && text[left - 1] == ' ')
        left--;
    return (struct list){text, text + left, false};
}

/* The next item without the spaces around it, NUL-ended; false if it is empty or too long. */
static bool next_item(struct list *list, char *item, size_t item_bytes)
{
    const char *text = list->text + strspn(list->text, " ");
    text = text < list->end ? text : list->end;
    const char *stop = memchr(text, ',', (size_t)(list->end - text));
    size_t length = (size_t)((stop != NULL ? stop : list->end) - text);
    while (length > 0 && text[length - 1] == ' ')
        length--;
    list->comma = stop != NULL;
    list->text = stop != NULL ? stop + 1 : list->end;
    if (length == 0 || length >= item_bytes)
        return false;
    memcpy(item, text, length);
    item[length] = '\0';
    return true;
}

static bool may_be_empty_list(const struct vain_option *option)
{
    return option->fallback != NULL && strcmp(option->fallback, "[]") == 0;
}

/* Each a count in range. */
static bool read_counts(const struct vain_option *option, const char *text,
                        struct vain_option_counts *counts)
{
    char item[NUMBER_BYTES];
    struct list list = list_of(text);
    *counts = (struct vain_option_counts){0};
    while (list.text < list.end || list.comma) {
        if (counts->count == VAIN_OPTION_COUNTS_MAX || !next_item(&list, item, sizeof item))
            return false;
        int64_t *value = &counts->values[counts->count++];
        if (!read_count(item, value) || !in_range(option, (double)*value))
            return false;
    }
    return counts->count > 0 || may_be_empty_list(option);
}

bool vain_option_is_item(const char *text)
{
    const size_t length = strlen(text);
    return length > 0 && length < VAIN_OPTION_TEXTS_ITEM_BYTES && text[0] != ' ' &&
           text[length - 1] != ' ' && strpbrk(text, ",[]{}\"'#\\") == NULL &&
           vain_text_is_line(text);
}

static bool read_texts(const struct vain_option *option, const char *text,
                       struct vain_option_texts *texts)
{
    struct list list = list_of(text);
    *texts = (struct vain_option_texts){0};
    while (list.text < list.end || list.comma) {
        if (texts->count == VAIN_OPTION_TEXTS_MAX ||
            !next_item(&list, texts->items[texts->count], VAIN_OPTION_TEXTS_ITEM_BYTES) ||
            !vain_option_is_item(texts->items[texts->count]))
            return false;
        texts->count++;
    }
    return texts->count > 0 || may_be_empty_list(option);
}

static bool read_choice(const struct vain_option *option, const char *text, int *index)
{
    for (*index = 0; option->choices[*index] != NULL; (*index)++) {
        if (strcmp(option->choices[*index], text) == 0)
            return true;
    }
    return false;
}

static bool read_text(const struct vain_option *option, const char *text)
{
    if (option->type == VAIN_OPTION_NAME)
        return vain_name_valid(text);
    if (*text == '\0' && !option->may_be_empty &&
        (option->fallback == NULL || *option->fallback != '\0'))
        return false;
    return strlen(text) < vain_option_value_bytes(option) && vain_text_is_line(text);
}

static bool read_value(const struct vain_option *option, const char *text, void *values)
{
    union {
        int64_t whole;
        uint64_t seed;
        double number;
        bool flag;
        int index;
        struct vain_option_counts counts;
        struct vain_option_texts texts;
    } value = {0};
    bool ok = false;
    switch (option->type) {
    case VAIN_OPTION_COUNT:
        ok = read_count(text, &value.whole) && in_range(option, (double)value.whole);
        break;
    case VAIN_OPTION_BYTES:
        ok = read_quantity(text, byte_units, &value.whole) && in_range(option, (double)value.whole);
        break;
    case VAIN_OPTION_DURATION:
        ok = read_quantity(text, duration_units, &value.whole) &&
             in_range(option, (double)value.whole);
        break;
    case VAIN_OPTION_NUMBER_OR_AUTO:
        if (strcmp(text, "auto") == 0) {
            value.number = NAN;
            ok = true;
            break;
        } /* fall through */
    case VAIN_OPTION_NUMBER:
        ok = read_number(text, &value.number) && in_range(option, value.number);
        break;
    case VAIN_OPTION_SEED:
        ok = read_seed(text, &value.seed);
        break;
    case VAIN_OPTION_FLAG:
        value.flag = strcmp(text, "true") == 0;
        ok = value.flag || strcmp(text, "false") == 0;
        break;
    case VAIN_OPTION_CHOICE:
        ok = read_choice(option, text, &value.index);
        break;
    case VAIN_OPTION_COUNTS:
        ok = read_counts(option, text, &value.counts);
        break;
    case VAIN_OPTION_TEXTS:
        ok = read_texts(option, text, &value.texts);
        break;
    case VAIN_OPTION_TEXT:
    case VAIN_OPTION_PATH:
    case VAIN_OPTION_NAME:
        if (!read_text(option, text))
            return false;
        /* The rest of the field is cleared, so that equal values are equal bytes. */
        memset((char *)values + option->offset, 0, vain_option_value_bytes(option));
        memcpy((char *)values + option->offset, text, strlen(text));
        return true;
    }
    if (ok)
        value_put(option, values, &value);
    return ok;
}

/* Whether `text` is well written and only out of range: then no spelling needs a hint. */
static bool is_only_out_of_range(const struct vain_option *option, const char *text)
{
    struct vain_option unbounded = *option;
    struct vain_option_counts scratch;
    unbounded.offset = 0;
    unbounded.minimum = unbounded.maximum = 0;
    unbounded.above_minimum = false;
    return vain_option_value_bytes(option) <= sizeof scratch &&
           read_value(&unbounded, text, &scratch);
}

enum vain_status vain_option_parse(const struct vain_option *option, const char *text, void *values,
                                   char *message, size_t message_bytes, char *hint,
                                   size_t hint_bytes)
{
    VAIN_ASSERT(message_bytes > 0);
    VAIN_ASSERT(hint_bytes > 0);
    message[0] = '\0';
    hint[0] = '\0';
    if (read_value(option, text, values))
        return VAIN_OK;
    char expected[EXPECTED_BYTES], found[4 * FOUND_CHARACTERS + 4];
    vain_option_expected(option, expected, sizeof expected);
    vain_text_excerpt(text, FOUND_CHARACTERS, found, sizeof found);
    snprintf(message, message_bytes, "'%s' expects %s, found '%s'", option->key, expected, found);
    if (!is_only_out_of_range(option, text))
        vain_option_hint(option, text, hint, hint_bytes);
    return VAIN_ERR_INPUT;
}

/* Days to dates and back by arithmetic (the proleptic Gregorian calendar, after Hinnant,
 * "chrono-compatible low-level date algorithms"): no time zone, no locale, no library state, the
 * same text everywhere. */
#include "base/timestamp.h"

#include <stdio.h>
#include <string.h>

#define DAY_MS       INT64_C(86400000)
#define LAST_MS      INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */
#define CYCLE_DAYS   146097                   /* 400 years */
#define EPOCH_OFFSET 719468                   /* days from 0000-03-01 to 1970-01-01 */

/* A year is taken to begin in March, so that the leap day is its last. */
static void date_of_days(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
    const int64_t z = days + EPOCH_OFFSET;
    const int64_t cycle = z / CYCLE_DAYS;
    const int64_t day_of_cycle = z - cycle * CYCLE_DAYS;
    const int64_t year_of_cycle =
        (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36524 - day_of_cycle / 146096) / 365;
    const int64_t day_of_year =
        day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    const int64_t month_from_march = (5 * day_of_year + 2) / 153;
    *day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    *month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    *year = year_of_cycle + cycle * 400 + (*month <= 2 ? 1 : 0);
}

static int64_t days_of_date(int64_t year, int64_t month, int64_t day)
{
    const int64_t y = month <= 2 ? year - 1 : year;
    const int64_t cycle = y / 400;
    const int64_t year_of_cycle = y - cycle * 400;
    const int64_t month_from_march = month > 2 ? month - 3 : month + 9;
    const int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    const int64_t day_of_cycle =
        year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year;
    return cycle * CYCLE_DAYS + day_of_cycle - EPOCH_OFFSET;
}

void vain_timestamp_format(int64_t unix_ms, char out[VAIN_MIN_LEN(VAIN_TIMESTAMP_BYTES)])
{
    if (unix_ms < 0)
        unix_ms = 0;
    if (unix_ms > LAST_MS)
        unix_ms = LAST_MS;
    int64_t year, month, day;
    date_of_days(unix_ms / DAY_MS, &year, &month, &day);
    const int64_t ms = unix_ms % DAY_MS;
    /* Through a larger buffer, because the compiler cannot know how small these numbers are. */
    char text[160];
    snprintf(text, sizeof text, "%04lld-%02lld-%02lldT%02lld:%02lld:%02lld.%03lldZ",
             (long long)year, (long long)month, (long long)day, (long long)(ms / 3600000),
             (long long)(ms / 60000 % 60), (long long)(ms / 1000 % 60), (long long)(ms % 1000));
    memcpy(out, text, VAIN_TIMESTAMP_BYTES - 1);
    out[VAIN_TIMESTAMP_BYTES - 1] = '\0';
}

static bool digits(const char *text, int count, int64_t *out)
{
    *out = 0;
    for (int i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *out = *out * 10 + (text[i] - '0');
    }
    return true;
}

bool vain_timestamp_parse(const char *text, int64_t *unix_ms)
{
    *unix_ms = 0;
    if (strlen(text) != VAIN_TIMESTAMP_BYTES - 1)
        return false;
    int64_t year, month, day, hour, minute, second, ms;
    if (!digits(text, 4, &year) || !digits(text + 5, 2, &month) || !digits(text + 8, 2, &day) ||
        !digits(text + 11, 2, &hour) || !digits(text + 14, 2, &minute) ||
        !digits(text + 17, 2, &second) || !digits(text + 20, 3, &ms))
        return false;
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31)
        return false;
    const int64_t value = days_of_date(year, month, day) * DAY_MS + hour * 3600000 +
                          minute * 60000 + second * 1000 + ms;
    /* Printing it again settles separators, the length of the month and hours past 23 in one go. */
    char again[VAIN_TIMESTAMP_BYTES];
    vain_timestamp_format(value, again);
    if (strcmp(again, text) != 0)
        return false;
    *unix_ms = value;
    return true;
}

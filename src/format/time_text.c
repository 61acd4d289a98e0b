#include "format/time_text.h"

#define SECOND_US INT64_C(1000000)
#define DAY_SECONDS INT64_C(86400)

int64_t kn_days_from_civil(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2 ? 1 : 0;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    unsigned of_era = (unsigned)(year - era * 400);
    unsigned of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    unsigned day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    return era * 146097 + (int64_t)day_of_era - 719468;
}

void kn_civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned of_era = (unsigned)(days - era * 146097);
    unsigned y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * y + y / 4 - y / 100);
    unsigned m = (5 * of_year + 2) / 153;
    *day = of_year - (153 * m + 2) / 5 + 1;
    *month = m < 10 ? m + 3 : m - 9;
    *year = (int64_t)y + era * 400 + (*month <= 2 ? 1 : 0);
}

/* Up to `most` digits at *at, at least one. */
static bool number(struct kn_str s, size_t *at, size_t most, unsigned *ret)
{
    size_t from = *at;
    unsigned value = 0;
    while (*at < s.len && *at - from < most && s.p[*at] >= '0' && s.p[*at] <= '9') {
        value = value * 10 + (unsigned)(s.p[(*at)++] - '0');
    }
    *ret = value;
    return *at > from;
}

static bool take(struct kn_str s, size_t *at, char c)
{
    if (*at < s.len && s.p[*at] == c) {
        (*at)++;
        return true;
    }
    return false;
}

static bool fraction(struct kn_str s, size_t *at, int64_t *us)
{
    int64_t value = 0;
    size_t digits = 0;
    while (*at < s.len && s.p[*at] >= '0' && s.p[*at] <= '9') {
        if (digits < 6) {
            value = value * 10 + (s.p[*at] - '0');
        }
        digits++;
        (*at)++;
    }
    for (size_t i = digits; i < 6; i++) {
        value *= 10;
    }
    *us = value;
    return digits > 0;
}

/* Z, +01, +0100, +01:00 or nothing; to the end of the text. */
static bool offset_minutes(struct kn_str s, size_t *at, int *ret)
{
    unsigned hours;
    unsigned minutes = 0;
    *ret = 0;
    if (*at == s.len || ((take(s, at, 'Z') || take(s, at, 'z')) && *at == s.len)) {
        return true;
    }
    int sign = take(s, at, '-') ? -1 : take(s, at, '+') ? 1 : 0;
    if (sign == 0 || !number(s, at, 2, &hours)) {
        return false;
    }
    if (*at < s.len) {
        (void)take(s, at, ':');
        if (!number(s, at, 2, &minutes)) {
            return false;
        }
    }
    *ret = sign * (int)(hours * 60 + minutes);
    return *at == s.len && hours < 24 && minutes < 60;
}

static bool clock_part(struct kn_str s, size_t *at, int64_t *ret_us)
{
    unsigned hour;
    unsigned minute;
    unsigned second = 0;
    int64_t part = 0;
    if (!number(s, at, 2, &hour) || !take(s, at, ':') || !number(s, at, 2, &minute)) {
        return false;
    }
    if (take(s, at, ':') && !number(s, at, 2, &second)) {
        return false;
    }
    if ((take(s, at, '.') || take(s, at, ',')) && !fraction(s, at, &part)) {
        return false;
    }
    if (hour > 23 || minute > 59 || second > 60) {
        return false;
    }
    if (second == 60) {
        second = 59;
        part = SECOND_US - 1;
    }
    *ret_us = (int64_t)(hour * 3600 + minute * 60 + second) * SECOND_US + part;
    return true;
}

static bool in_range(int64_t us)
{
    return us >= kn_days_from_civil(1900, 1, 1) * DAY_SECONDS * SECOND_US &&
           us < kn_days_from_civil(2200, 1, 1) * DAY_SECONDS * SECOND_US;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap ? 1U : 0U);
}

/* 9 to 11 digits are seconds, 12 to 14 milliseconds; a fraction of them counts to the microsecond.
 */
static bool epoch_digits(struct kn_str s, int64_t *ret)
{
    uint64_t value;
    int64_t part = 0;
    size_t dot = kn_str_find(s, KN_STR("."));
    struct kn_str whole = kn_str_sub(s, 0, dot);
    if (whole.len < 9 || whole.len > 14 || !kn_str_u64(whole, &value)) {
        return false;
    }
    bool milliseconds = whole.len >= 12;
    if (dot != SIZE_MAX) {
        size_t at = dot + 1;
        if (!fraction(s, &at, &part) || at != s.len) {
            return false;
        }
        part /= milliseconds ? 1000 : 1;
    }
    int64_t us = (int64_t)value * (milliseconds ? 1000 : SECOND_US) + part;
    if (!in_range(us)) {
        return false;
    }
    *ret = us;
    return true;
}

bool kn_time_parse(struct kn_str s, int64_t *ret_us)
{
    size_t at = 0;
    unsigned year;
    unsigned month;
    unsigned day;
    int64_t clock_us = 0;
    int minutes = 0;
    s = kn_str_trim(s);
    if (epoch_digits(s, ret_us)) {
        return true;
    }
    if (!number(s, &at, 4, &year) || at != 4 || !take(s, &at, '-') || !number(s, &at, 2, &month) ||
        !take(s, &at, '-') || !number(s, &at, 2, &day)) {
        return false;
    }
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) {
        return false;
    }
    if (at < s.len) {
        if (!(take(s, &at, 'T') || take(s, &at, 't') || take(s, &at, ' ')) ||
            !clock_part(s, &at, &clock_us) || !offset_minutes(s, &at, &minutes)) {
            return false;
        }
    }
    int64_t us = kn_days_from_civil(year, month, day) * DAY_SECONDS * SECOND_US + clock_us -
                 (int64_t)minutes * 60 * SECOND_US;
    if (!in_range(us)) {
        return false;
    }
    *ret_us = us;
    return true;
}

/* `digits` decimal digits of value at to. */
static char *put(char *to, unsigned value, unsigned digits)
{
    for (unsigned i = digits; i > 0; i--) {
        to[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    return to + digits;
}

struct kn_str kn_time_format(int64_t wall_us, char text[KN_TIME_TEXT_MAX])
{
    int64_t seconds = wall_us / SECOND_US - (wall_us % SECOND_US < 0 ? 1 : 0);
    unsigned part =
        (unsigned)(wall_us % SECOND_US < 0 ? wall_us % SECOND_US + SECOND_US : wall_us % SECOND_US);
    int64_t days = seconds / DAY_SECONDS - (seconds % DAY_SECONDS < 0 ? 1 : 0);
    unsigned of_day = (unsigned)(seconds - days * DAY_SECONDS);
    int64_t year;
    unsigned month;
    unsigned day;
    char *to = text;
    kn_civil_from_days(days, &year, &month, &day);
    if (year < 0) {
        *to++ = '-';
        year = -year;
    }
    to = put(to, (unsigned)year, year > 9999 ? 6 : 4);
    *to++ = '-';
    to = put(to, month, 2);
    *to++ = '-';
    to = put(to, day, 2);
    *to++ = 'T';
    to = put(to, of_day / 3600, 2);
    *to++ = ':';
    to = put(to, of_day / 60 % 60, 2);
    *to++ = ':';
    to = put(to, of_day % 60, 2);
    if (part != 0) {
        *to++ = '.';
        to = part % 1000 != 0 ? put(to, part, 6) : put(to, part / 1000, 3);
    }
    *to++ = 'Z';
    *to = '\0';
    return kn_str(text, (size_t)(to - text));
}

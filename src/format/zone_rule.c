/* POSIX TZ strings (IEEE 1003.1 section 8.3, with RFC 9636's longer hours). */
#include "format/time_text.h"
#include "format/zone_internal.h"

enum { DAY_SECONDS = 86400, HOURS_MAX = 167 };

int64_t kn_floor_div(int64_t value, int64_t by)
{
    int64_t q = value / by;
    return value % by < 0 ? q - 1 : q;
}

unsigned kn_month_days(int64_t year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : days[(month - 1) % 12];
}

/* ---- reading ---- */

static bool take(struct kn_str *s, char c)
{
    if (s->len == 0 || s->p[0] != c) {
        return false;
    }
    *s = kn_str_sub(*s, 1, s->len);
    return true;
}

static bool number(struct kn_str *s, unsigned most, unsigned *ret)
{
    unsigned value = 0;
    size_t digits = 0;
    while (s->len > 0 && s->p[0] >= '0' && s->p[0] <= '9' && digits < 4) {
        value = value * 10 + (unsigned)(s->p[0] - '0');
        *s = kn_str_sub(*s, 1, s->len);
        digits++;
    }
    *ret = value;
    return digits > 0 && value <= most;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* "CET" or "<+03>". */
static bool name(struct kn_str *s)
{
    size_t len = 0;
    if (take(s, '<')) {
        while (len < s->len && s->p[len] != '>') {
            len++;
        }
        bool closed = len > 0 && len < s->len;
        *s = kn_str_sub(*s, closed ? len + 1 : s->len, s->len);
        return closed;
    }
    while (len < s->len && is_letter(s->p[len])) {
        len++;
    }
    *s = kn_str_sub(*s, len, s->len);
    return len >= 3;
}

/* [+-]hh[:mm[:ss]] */
static bool clock_time(struct kn_str *s, int32_t *ret)
{
    unsigned hours;
    unsigned minutes = 0;
    unsigned seconds = 0;
    int32_t sign = take(s, '-') ? -1 : 1;
    if (sign == 1) {
        (void)take(s, '+');
    }
    if (!number(s, HOURS_MAX, &hours)) {
        return false;
    }
    if (take(s, ':') && !number(s, 59, &minutes)) {
        return false;
    }
    if (s->len > 0 && s->p[0] == ':' && take(s, ':') && !number(s, 59, &seconds)) {
        return false;
    }
    *ret = sign * (int32_t)(hours * 3600 + minutes * 60 + seconds);
    return true;
}

static bool date(struct kn_str *s, struct kn_zone_date *ret)
{
    *ret = (struct kn_zone_date){.kind = KN_ZONE_DAY_OF_YEAR, .at = 7200};
    if (take(s, 'M')) {
        ret->kind = KN_ZONE_MONTH_WEEK_DAY;
        if (!number(s, 12, &ret->month) || ret->month == 0 || !take(s, '.') ||
            !number(s, 5, &ret->week) || ret->week == 0 || !take(s, '.') ||
            !number(s, 6, &ret->day)) {
            return false;
        }
    } else if (take(s, 'J')) {
        ret->kind = KN_ZONE_JULIAN;
        if (!number(s, 365, &ret->day) || ret->day == 0) {
            return false;
        }
    } else if (!number(s, 365, &ret->day)) {
        return false;
    }
    return !take(s, '/') || clock_time(s, &ret->at);
}

bool kn_zone_rule_parse(struct kn_str text, struct kn_zone_rule *ret)
{
    struct kn_zone_rule rule = {0};
    if (!name(&text) || !clock_time(&text, &rule.standard)) {
        return false;
    }
    rule.standard = -rule.standard;
    rule.summer = rule.standard + 3600;
    if (text.len > 0) {
        rule.has_summer = true;
        if (!name(&text)) {
            return false;
        }
        if (text.len > 0 && text.p[0] != ',') {
            if (!clock_time(&text, &rule.summer)) {
                return false;
            }
            rule.summer = -rule.summer;
        }
        if (!take(&text, ',') || !date(&text, &rule.start) || !take(&text, ',') ||
            !date(&text, &rule.end)) {
            return false;
        }
    }
    *ret = rule;
    return text.len == 0;
}

/* ---- using ---- */

/* Local seconds since 1970 of the change in that year. */
static int64_t date_in(const struct kn_zone_date *d, int64_t year)
{
    int64_t day = kn_days_from_civil(year, 1, 1);
    if (d->kind == KN_ZONE_MONTH_WEEK_DAY) {
        day = kn_days_from_civil(year, d->month, 1);
        int64_t weekday = day - kn_floor_div(day + 4, 7) * 7 + 4; /* 1970-01-01 was a Thursday */
        day += ((int64_t)d->day - weekday + 7) % 7 + 7 * ((int64_t)d->week - 1);
        int64_t last = kn_days_from_civil(year, d->month, kn_month_days(year, d->month));
        day = day > last ? day - 7 : day;
    } else if (d->kind == KN_ZONE_JULIAN) {
        day += d->day - 1 + (d->day >= 60 && kn_month_days(year, 2) == 29 ? 1 : 0);
    } else {
        day += d->day;
    }
    return day * DAY_SECONDS + d->at;
}

int32_t kn_zone_rule_offset(const struct kn_zone_rule *rule, int64_t utc)
{
    int64_t year;
    unsigned month;
    unsigned day;
    if (!rule->has_summer) {
        return rule->standard;
    }
    kn_civil_from_days(kn_floor_div(utc + rule->standard, DAY_SECONDS), &year, &month, &day);
    int64_t start = date_in(&rule->start, year) - rule->standard;
    int64_t end = date_in(&rule->end, year) - rule->summer;
    bool summer = start < end ? utc >= start && utc < end : utc >= start || utc < end;
    return summer ? rule->summer : rule->standard;
}

void kn_zone_rule_moments(const struct kn_zone_rule *rule, int64_t year, int64_t ret[3])
{
    ret[0] = kn_days_from_civil(year, 1, 1) * DAY_SECONDS - rule->standard;
    ret[1] = date_in(&rule->start, year) - rule->standard;
    ret[2] = date_in(&rule->end, year) - rule->summer;
}

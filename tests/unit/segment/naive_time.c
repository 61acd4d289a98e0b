/* The judge's calendar. */
#include "tests/unit/segment/naive.h"

#define SECOND_US INT64_C(1000000)

static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in(int year, int month)
{
    return month_days[month - 1] + (month == 2 && is_leap(year));
}

int64_t naive_day_number(int year, int month, int day)
{
    int64_t number = 0;
    for (int y = 1970; y < year; y++) {
        number += is_leap(y) ? 366 : 365;
    }
    for (int y = year; y < 1970; y++) {
        number -= is_leap(y) ? 366 : 365;
    }
    for (int m = 1; m < month; m++) {
        number += days_in(year, m);
    }
    return number + day - 1;
}

struct naive_civil naive_civil(int64_t day)
{
    struct naive_civil c = {1970, 1, 1};
    while (day < 0) {
        c.year--;
        day += is_leap(c.year) ? 366 : 365;
    }
    while (day >= (is_leap(c.year) ? 366 : 365)) {
        day -= is_leap(c.year) ? 366 : 365;
        c.year++;
    }
    while (day >= days_in(c.year, c.month)) {
        day -= days_in(c.year, c.month++);
    }
    c.day += (int)day;
    return c;
}

static int64_t offset_us(const struct zones *zones, int64_t us)
{
    int32_t offset = zones->first_offset_s;
    for (size_t i = 0; i < zones->count && zones->at_us[i] <= us; i++) {
        offset = zones->offset_s[i];
    }
    return offset * SECOND_US;
}

int64_t naive_local(const struct zones *zones, int64_t us)
{
    return us + offset_us(zones, us);
}

static int64_t day_of(int64_t us)
{
    return us >= 0 ? us / ZONES_DAY_US : -((-us + ZONES_DAY_US - 1) / ZONES_DAY_US);
}

int64_t naive_local_day(const struct zones *zones, int64_t us)
{
    return day_of(naive_local(zones, us));
}

/* The first moment with that local time; in a gap, with the offset from before it. */
int64_t naive_utc(const struct zones *zones, int64_t local_us)
{
    int64_t before = zones->first_offset_s * SECOND_US;
    for (size_t i = 0; i < zones->count; i++) {
        int64_t after = zones->offset_s[i] * SECOND_US;
        if (local_us - before < zones->at_us[i] || local_us - after < zones->at_us[i]) {
            return local_us - before;
        }
        before = after;
    }
    return local_us - before;
}

int64_t naive_shift(const struct zones *zones, int64_t us, struct kn_period period, int sign)
{
    static const int64_t seconds[] = {1, 60, 3600, 86400, 604800};
    if (period.unit < KN_MONTH) {
        return us + sign * (int64_t)period.count * seconds[period.unit] * SECOND_US;
    }
    int64_t local = naive_local(zones, us);
    struct naive_civil c = naive_civil(day_of(local));
    int64_t time = local - day_of(local) * ZONES_DAY_US;
    for (uint32_t i = 0; i < period.count * (period.unit == KN_YEAR ? 12U : 1U); i++) {
        c.month += sign;
        if (c.month == 0 || c.month == 13) {
            c.year += sign;
            c.month = c.month == 0 ? 12 : 1;
        }
    }
    int last = days_in(c.year, c.month);
    c.day = c.day > last ? last : c.day;
    return naive_utc(zones, naive_day_number(c.year, c.month, c.day) * ZONES_DAY_US + time);
}

/* ---- ISO dates ---- */

/* `form`: 9 is a digit, everything else itself. */
static bool looks_like(struct kn_str text, const char *form)
{
    if (text.len != strlen(form)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        bool digit = text.p[i] >= '0' && text.p[i] <= '9';
        if (form[i] == '9' ? !digit : text.p[i] != form[i]) {
            return false;
        }
    }
    return true;
}

static int number(struct kn_str text, size_t at, size_t digits)
{
    int value = 0;
    for (size_t i = at; i < at + digits; i++) {
        value = value * 10 + text.p[i] - '0';
    }
    return value;
}

/* Takes the offset off the end. */
static bool split_offset(struct kn_str *text, bool *has, int64_t *us)
{
    static const char *const forms[] = {"99:99", "9999"};
    *has = false;
    *us = 0;
    if (text->len > 11 && text->p[text->len - 1] == 'Z') {
        text->len--;
        *has = true;
        return true;
    }
    for (int i = 0; i < 2; i++) {
        size_t len = strlen(forms[i]);
        if (text->len < 12 + len) {
            continue;
        }
        struct kn_str tail = kn_str_sub(*text, text->len - len, text->len);
        char sign = text->p[text->len - len - 1];
        if (looks_like(tail, forms[i]) && (sign == '+' || sign == '-')) {
            int hours = number(tail, 0, 2), minutes = number(tail, len - 2, 2);
            *us = (hours * 3600 + minutes * 60) * SECOND_US * (sign == '+' ? 1 : -1);
            *has = true;
            text->len -= len + 1;
            return hours < 24 && minutes < 60;
        }
    }
    return true;
}

static bool time_of_day(struct kn_str text, int64_t *us)
{
    int64_t part = SECOND_US / 10;
    size_t dot = kn_str_find(text, KN_STR("."));
    struct kn_str clock = kn_str_sub(text, 0, dot);
    if (!looks_like(clock, "99:99") && !looks_like(clock, "99:99:99")) {
        return false;
    }
    int seconds = clock.len == 8 ? number(clock, 6, 2) : 0;
    if (number(clock, 0, 2) > 23 || number(clock, 3, 2) > 59 || seconds > 59) {
        return false;
    }
    *us = (number(clock, 0, 2) * 3600 + number(clock, 3, 2) * 60 + seconds) * SECOND_US;
    if (dot == SIZE_MAX) {
        return true;
    }
    if (clock.len != 8 || dot + 1 == text.len) {
        return false;
    }
    for (size_t i = dot + 1; i < text.len; i++, part /= 10) {
        if (text.p[i] < '0' || text.p[i] > '9') {
            return false;
        }
        *us += (text.p[i] - '0') * part;
    }
    return true;
}

bool naive_date(const struct zones *zones, struct kn_str text, int64_t *ret_us,
                int64_t *ret_local_day)
{
    bool has_offset;
    int64_t offset, time = 0;
    if (!split_offset(&text, &has_offset, &offset) ||
        !looks_like(kn_str_sub(text, 0, 10), "9999-99-99")) {
        return false;
    }
    int year = number(text, 0, 4), month = number(text, 5, 2), day = number(text, 8, 2);
    if (year < 1900 || year > 2199 || month < 1 || month > 12 || day < 1 ||
        day > days_in(year, month)) {
        return false;
    }
    if (text.len > 10 && ((text.p[10] != 'T' && text.p[10] != ' ') ||
                          !time_of_day(kn_str_sub(text, 11, text.len), &time))) {
        return false;
    }
    int64_t local = naive_day_number(year, month, day) * ZONES_DAY_US + time;
    *ret_us = has_offset ? local - offset : naive_utc(zones, local);
    *ret_local_day = has_offset ? naive_local_day(zones, *ret_us) : day_of(local);
    return true;
}

/* ---- calendar periods ---- */

static int64_t month_index(int64_t day)
{
    struct naive_civil c = naive_civil(day);
    return c.year * 12 + c.month - 1;
}

/* Weeks from Monday: 1970-01-05 was one. */
static int64_t week_index(int64_t day)
{
    int64_t from = day - 4 + 7 * 100000;
    return from / 7;
}

bool naive_during(const struct zones *zones, int64_t now, enum kn_during during, int64_t us)
{
    int64_t today = naive_local_day(zones, now), day = naive_local_day(zones, us);
    int64_t this_month = month_index(today), month = month_index(day);
    switch (during) {
    case KN_TODAY: return day == today;
    case KN_YESTERDAY: return day == today - 1;
    case KN_THIS_WEEK: return week_index(day) == week_index(today);
    case KN_LAST_WEEK: return week_index(day) == week_index(today) - 1;
    case KN_THIS_MONTH: return month == this_month;
    case KN_LAST_MONTH: return month == this_month - 1;
    case KN_THIS_QUARTER: return month / 3 == this_month / 3;
    case KN_LAST_QUARTER: return month / 3 == this_month / 3 - 1;
    case KN_THIS_YEAR: return month / 12 == this_month / 12;
    default: return month / 12 == this_month / 12 - 1;
    }
}

bool naive_anniversary(const struct zones *zones, int64_t now, int64_t local_day,
                       struct kn_period period)
{
    struct naive_civil born = naive_civil(local_day);
    int this_year = naive_civil(naive_local_day(zones, now)).year;
    int64_t limit = naive_shift(zones, now, period, 1);
    for (int year = this_year - 1; year <= this_year + 1; year++) {
        int last = days_in(year, born.month);
        int64_t day = naive_day_number(year, born.month, born.day > last ? last : born.day);
        if (naive_utc(zones, day * ZONES_DAY_US) <= limit &&
            naive_utc(zones, (day + 1) * ZONES_DAY_US) > now) {
            return true;
        }
    }
    return false;
}

#include "segment/date.h"

#include "format/time_text.h"

#define SECOND_US INT64_C(1000000)
#define DAY_US (INT64_C(86400) * SECOND_US)

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static bool number_at(struct kn_str text, size_t at, size_t digits, unsigned *ret)
{
    unsigned value = 0;
    if (at + digits > text.len) {
        return false;
    }
    for (size_t i = at; i < at + digits; i++) {
        if (text.p[i] < '0' || text.p[i] > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(text.p[i] - '0');
    }
    *ret = value;
    return true;
}

static bool char_at(struct kn_str text, size_t at, char c)
{
    return at < text.len && text.p[at] == c;
}

/* [:SS[.f{1,9}]] at *at. */
static bool parse_seconds(struct kn_str text, size_t *at, int64_t *us)
{
    unsigned seconds;
    if (!char_at(text, *at, ':')) {
        return true;
    }
    if (!number_at(text, *at + 1, 2, &seconds) || seconds > 59) {
        return false;
    }
    *at += 3;
    *us += seconds * SECOND_US;
    if (char_at(text, *at, '.')) {
        int64_t unit = SECOND_US / 10;
        size_t start = ++*at;
        unsigned digit;
        for (; number_at(text, *at, 1, &digit); ++*at, unit /= 10) {
            *us += digit * unit;
        }
        return *at > start;
    }
    return true;
}

/* Z, +HH:MM, +HHMM or nothing, up to the end. */
static bool parse_offset(struct kn_str text, size_t at, struct kn_date *ret)
{
    unsigned hours, minutes;
    if (at == text.len) {
        return true;
    }
    ret->has_offset = true;
    if (char_at(text, at, 'Z')) {
        return at + 1 == text.len;
    }
    if (!char_at(text, at, '+') && !char_at(text, at, '-')) {
        return false;
    }
    size_t colon = char_at(text, at + 3, ':');
    if (!number_at(text, at + 1, 2, &hours) || !number_at(text, at + 3 + colon, 2, &minutes) ||
        at + 5 + colon != text.len || hours > 23 || minutes > 59) {
        return false;
    }
    int64_t offset = (int64_t)(hours * 60U + minutes) * 60 * SECOND_US;
    ret->local_us += text.p[at] == '+' ? -offset : offset;
    return true;
}

bool kn_date_parse(struct kn_str text, struct kn_date *ret)
{
    unsigned year, month, day, hour, minute;
    if (!number_at(text, 0, 4, &year) || !char_at(text, 4, '-') || !number_at(text, 5, 2, &month) ||
        !char_at(text, 7, '-') || !number_at(text, 8, 2, &day) || year < 1900 || year > 2199 ||
        month < 1 || month > 12 || day < 1 || day > kn_month_days(year, month)) {
        return false;
    }
    struct kn_date date = {kn_days_from_civil(year, month, day) * DAY_US, false};
    if (text.len > 10) {
        size_t at = 16;
        if ((text.p[10] != 'T' && text.p[10] != ' ') || !number_at(text, 11, 2, &hour) ||
            !char_at(text, 13, ':') || !number_at(text, 14, 2, &minute) || hour > 23 ||
            minute > 59) {
            return false;
        }
        date.local_us += (int64_t)(hour * 60 + minute) * 60 * SECOND_US;
        if (!parse_seconds(text, &at, &date.local_us) || !parse_offset(text, at, &date)) {
            return false;
        }
    }
    *ret = date;
    return true;
}

int64_t kn_date_utc(const struct kn_zone *zone, const struct kn_date *date)
{
    struct kn_local local = {0};
    if (date->has_offset) {
        return date->local_us;
    }
    int64_t day = floor_div(date->local_us, DAY_US), rest = date->local_us - day * DAY_US;
    kn_civil_from_days(day, &local.year, &local.month, &local.day);
    local.second = (unsigned)(rest / SECOND_US);
    local.microsecond = (unsigned)(rest % SECOND_US);
    return kn_zone_utc(zone, &local);
}

int64_t kn_date_local_day(const struct kn_date *date)
{
    return floor_div(date->local_us, DAY_US);
}

bool kn_period_is_fixed(struct kn_period period)
{
    return period.unit < KN_MONTH;
}

int64_t kn_period_fixed_us(struct kn_period period)
{
    static const int32_t seconds[] = {1, 60, 3600, 86400, 7 * 86400};
    return (int64_t)period.count * seconds[period.unit] * SECOND_US;
}

static int64_t shift(const struct kn_zone *zone, int64_t us, struct kn_period period, int sign)
{
    if (kn_period_is_fixed(period)) {
        return us + sign * kn_period_fixed_us(period);
    }
    int64_t months = (int64_t)period.count * (period.unit == KN_YEAR ? 12 : 1);
    return kn_zone_add_months(zone, us, sign * months);
}

int64_t kn_period_before(const struct kn_zone *zone, int64_t us, struct kn_period period)
{
    return shift(zone, us, period, -1);
}

int64_t kn_period_after(const struct kn_zone *zone, int64_t us, struct kn_period period)
{
    return shift(zone, us, period, 1);
}

int64_t kn_bound_at(const struct kn_zone *zone, int64_t now, const struct kn_bound *bound)
{
    return bound->direction == 0 ? now : shift(zone, now, bound->period, bound->direction);
}

/* After `us`, within 32 days: the first change of the zone's offset, or the edges of the local
 * times it skips or repeats; INT64_MAX when there is none. */
static int64_t next_change(const struct kn_zone *zone, int64_t us)
{
    int64_t change = us - DAY_US, best = INT64_MAX;
    while (best == INT64_MAX) {
        change = kn_zone_next_change(zone, change);
        if (change > us + 33 * DAY_US) {
            return INT64_MAX;
        }
        int64_t size = kn_zone_offset(zone, change) - kn_zone_offset(zone, change - 1);
        for (int k = -1; k <= 1; k++) {
            int64_t edge = change + k * size * SECOND_US;
            best = edge > us && edge < best ? edge : best;
        }
    }
    return best;
}

/* Where a calendar bound may jump next: a month begins, its days 29 to 31 (which shorter months
 * clamp), or the clock changes here or there. Before that it runs as fast as the clock. */
static int64_t next_jump(const struct kn_zone *zone, int64_t now, int64_t bound)
{
    int64_t year;
    unsigned month, day;
    int64_t today = kn_zone_day(zone, now);
    kn_civil_from_days(today, &year, &month, &day);
    int64_t jump_day = day < 28 ? today + (int64_t)(28 - day) : today + 1;
    int64_t best = kn_zone_day_start(zone, jump_day);
    int64_t here = next_change(zone, now);
    int64_t there = next_change(zone, bound);
    best = here < best ? here : best;
    if (there != INT64_MAX && there - bound + now < best) {
        best = there - bound + now;
    }
    return best > now ? best : now + 1;
}

int64_t kn_bound_next(const struct kn_zone *zone, int64_t now, const struct kn_bound *bound,
                      int64_t t)
{
    int64_t b = kn_bound_at(zone, now, bound);
    if (bound->direction == 0 || kn_period_is_fixed(bound->period)) {
        return t > b ? now + (t - b) : INT64_MAX;
    }
    const int64_t jump = KN_BOUND_JUMP_DAYS * DAY_US;
    if (t <= b - jump) {
        return INT64_MAX;
    }
    if (t > b + 2 * jump) {
        return now + (t - b) - jump;
    }
    int64_t edge = next_jump(zone, now, b);
    return t > b && now + (t - b) < edge ? now + (t - b) : edge;
}

static int64_t month_start(const struct kn_zone *zone, int64_t index)
{
    int64_t year = floor_div(index, 12);
    return kn_zone_day_start(zone, kn_days_from_civil(year, (unsigned)(index - year * 12) + 1, 1));
}

void kn_during_range(const struct kn_zone *zone, int64_t now, uint32_t during, int64_t *ret_start,
                     int64_t *ret_end)
{
    int64_t year;
    unsigned month, day;
    int64_t today = kn_zone_day(zone, now);
    int64_t last = during == KN_YESTERDAY || during == KN_LAST_WEEK || during == KN_LAST_MONTH ||
                   during == KN_LAST_QUARTER || during == KN_LAST_YEAR;
    if (during <= KN_LAST_WEEK) {
        int64_t size = during <= KN_YESTERDAY ? 1 : 7;
        /* 1970-01-01 was a Thursday: day 4 - 7 was a Monday. */
        int64_t start = size == 1 ? today : floor_div(today + 3, 7) * 7 - 3;
        start -= last * size;
        *ret_start = kn_zone_day_start(zone, start);
        *ret_end = kn_zone_day_start(zone, start + size);
        return;
    }
    kn_civil_from_days(today, &year, &month, &day);
    int64_t size = during <= KN_LAST_MONTH ? 1 : during <= KN_LAST_QUARTER ? 3 : 12;
    int64_t index = floor_div(year * 12 + (int64_t)month - 1, size) * size - last * size;
    *ret_start = month_start(zone, index);
    *ret_end = month_start(zone, index + size);
}

int64_t kn_during_next(const struct kn_zone *zone, int64_t now, uint32_t during)
{
    static const uint32_t current[KN_DURING_COUNT] = {
        KN_TODAY,      KN_TODAY,        KN_THIS_WEEK,    KN_THIS_WEEK, KN_THIS_MONTH,
        KN_THIS_MONTH, KN_THIS_QUARTER, KN_THIS_QUARTER, KN_THIS_YEAR, KN_THIS_YEAR};
    int64_t start, end;
    kn_during_range(zone, now, current[during], &start, &end);
    if (end <= now) {
        /* An hour that comes twice across midnight: the old day is back for a while. */
        return now + 60 * SECOND_US;
    }
    int64_t change = kn_zone_next_change(zone, now);
    return change < end ? change : end;
}

void kn_anniversary(const struct kn_zone *zone, int64_t now, unsigned month, unsigned day,
                    int64_t *ret_start, int64_t *ret_end)
{
    int64_t year;
    unsigned now_month, now_day;
    kn_civil_from_days(kn_zone_day(zone, now), &year, &now_month, &now_day);
    for (year--;; year++) {
        unsigned last = kn_month_days(year, month);
        int64_t of = kn_days_from_civil(year, month, day < last ? day : last);
        *ret_end = kn_zone_day_start(zone, of + 1);
        if (*ret_end > now) {
            *ret_start = kn_zone_day_start(zone, of);
            return;
        }
    }
}

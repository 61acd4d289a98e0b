/* Zones: TZif files and the arithmetic of local time. */
#include "format/zone.h"

#include "base/mem.h"
#include "format/time_text.h"
#include "format/zone_internal.h"

enum {
    HEADER_BYTES = 44,
    TRANSITIONS_MAX = 2000,
    OFFSET_MAX = 26 * 3600, /* RFC 9636: offsets stay within a day or so */
    TABLE_FIRST = 1900,     /* a rule is written out for these years, which is faster */
    TABLE_END = 2200,
};
#define SECOND_US INT64_C(1000000)
#define DAY_SECONDS INT64_C(86400)

struct change {
    int64_t at; /* UTC seconds */
    int32_t offset;
};

struct kn_zone {
    struct change *changes; /* in order of time */
    size_t count;
    int32_t before; /* the offset before the first change */
    bool has_rule;  /* before `table_from` and from `table_to` on */
    struct kn_zone_rule rule;
    int64_t table_from, table_to; /* UTC seconds */
};

/* ---- TZif ---- */

struct counts {
    uint32_t utc, standard, leap, times, types, chars;
};

static uint64_t big_endian(struct kn_str s, size_t at, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | (unsigned char)s.p[at + i];
    }
    return value;
}

static bool read_counts(struct kn_str s, size_t at, struct counts *c)
{
    uint32_t *all[] = {&c->utc, &c->standard, &c->leap, &c->times, &c->types, &c->chars};
    if (s.len < at + HEADER_BYTES || memcmp(s.p + at, "TZif", 4) != 0) {
        return false;
    }
    for (size_t i = 0; i < 6; i++) {
        *all[i] = (uint32_t)big_endian(s, at + 20 + 4 * i, 4);
    }
    return c->times <= TRANSITIONS_MAX && c->types >= 1 && c->types <= 256 && c->chars <= 4096 &&
           c->leap <= 4096 && c->utc <= 256 && c->standard <= 256;
}

static size_t block_bytes(const struct counts *c, size_t time_bytes)
{
    return c->times * (time_bytes + 1) + c->types * (size_t)6 + c->chars +
           c->leap * (time_bytes + 4) + c->standard + c->utc;
}

static bool type_offset(struct kn_str s, size_t types_at, const struct counts *c, size_t type,
                        int32_t *ret)
{
    if (type >= c->types) {
        return false;
    }
    *ret = (int32_t)(uint32_t)big_endian(s, types_at + 6 * type, 4);
    return *ret > -OFFSET_MAX && *ret < OFFSET_MAX;
}

static enum kn_rc read_changes(struct kn_zone *z, struct kn_str s, size_t at,
                               const struct counts *c, size_t time_bytes, struct kn_err *err)
{
    size_t indexes_at = at + c->times * time_bytes;
    size_t types_at = indexes_at + c->times;
    z->changes = kn_calloc(c->times + 1, sizeof *z->changes);
    if (!z->changes) {
        return kn_fail(err, KN_E_NOMEM, "out of memory for a time zone");
    }
    bool good = type_offset(s, types_at, c, 0, &z->before);
    for (size_t i = 0; good && i < c->times; i++) {
        uint64_t raw = big_endian(s, at + i * time_bytes, time_bytes);
        z->changes[i].at = time_bytes == 4 ? (int32_t)(uint32_t)raw : (int64_t)raw;
        good = type_offset(s, types_at, c, (unsigned char)s.p[indexes_at + i],
                           &z->changes[i].offset) &&
               (i == 0 || z->changes[i].at > z->changes[i - 1].at);
    }
    z->count = c->times;
    return good ? KN_OK : kn_fail(err, KN_E_INVALID, "the time zone file contradicts itself");
}

static enum kn_rc read_footer(struct kn_zone *z, struct kn_str s, size_t at, struct kn_err *err)
{
    struct kn_str footer = kn_str_sub(s, at, s.len);
    if (footer.len < 2 || footer.p[0] != '\n' || footer.p[footer.len - 1] != '\n') {
        return kn_fail(err, KN_E_INVALID, "the time zone file has no proper end");
    }
    footer = kn_str_sub(footer, 1, footer.len - 1);
    if (footer.len == 0) {
        return KN_OK; /* the last offset stays */
    }
    z->has_rule = kn_zone_rule_parse(footer, &z->rule);
    return z->has_rule ? KN_OK
                       : kn_fail(err, KN_E_INVALID, "the rule of the time zone does not read");
}

static enum kn_rc read_file(struct kn_zone *z, struct kn_str s, struct kn_err *err)
{
    struct counts c;
    size_t at = 0;
    size_t time_bytes = 4;
    if (!read_counts(s, 0, &c)) {
        return kn_fail(err, KN_E_INVALID, "the header of the time zone file does not read");
    }
    if (s.p[4] >= '2') { /* the first block is for old readers */
        at = HEADER_BYTES + block_bytes(&c, 4);
        time_bytes = 8;
        if (!read_counts(s, at, &c)) {
            return kn_fail(err, KN_E_INVALID,
                           "the second header of the time zone file does not read");
        }
    }
    at += HEADER_BYTES;
    if (c.leap > 0) {
        return kn_fail(err, KN_E_INVALID, "zones with leap seconds are not supported");
    }
    if (s.len < at + block_bytes(&c, time_bytes)) {
        return kn_fail(err, KN_E_INVALID, "the time zone file is cut short");
    }
    KN_TRY(read_changes(z, s, at, &c, time_bytes, err));
    return time_bytes == 8 ? read_footer(z, s, at + block_bytes(&c, time_bytes), err) : KN_OK;
}

static void write_year(struct kn_zone *z, int64_t year, int64_t from)
{
    int64_t at[3], next[3];
    kn_zone_rule_moments(&z->rule, year, at);
    kn_zone_rule_moments(&z->rule, year + 1, next);
    bool swap = at[1] > at[2];
    int64_t order[3] = {at[0], swap ? at[2] : at[1], swap ? at[1] : at[2]};
    for (int i = 0; i < 3; i++) {
        if (order[i] < at[0] || order[i] >= next[0] || order[i] <= from) {
            continue;
        }
        int32_t offset = kn_zone_rule_offset(&z->rule, order[i]);
        if (z->count == 0 || z->changes[z->count - 1].offset != offset) {
            z->changes[z->count++] = (struct change){order[i], offset};
        }
    }
    z->table_to = next[0] > from ? next[0] : from;
}

/* Writes the rule out as changes, from the last one of the file on (of which only the time counts).
 */
static enum kn_rc write_out(struct kn_zone *z, struct kn_err *err)
{
    int64_t first[3], from = INT64_MIN;
    kn_zone_rule_moments(&z->rule, TABLE_FIRST, first);
    if (z->count > 0) {
        struct change *last = &z->changes[z->count - 1];
        from = z->table_to = last->at;
        if (from < first[0]) {
            return KN_OK; /* the rule is asked itself */
        }
        last->offset = kn_zone_rule_offset(&z->rule, from);
    } else {
        z->table_from = first[0];
    }
    size_t room = z->count + (size_t)3 * (TABLE_END - TABLE_FIRST);
    struct change *changes = kn_realloc(z->changes, room * sizeof *changes);
    if (!changes) {
        return kn_fail(err, KN_E_NOMEM, "out of memory for a time zone");
    }
    z->changes = changes;
    for (int64_t year = TABLE_FIRST; year < TABLE_END; year++) {
        write_year(z, year, from);
    }
    return KN_OK;
}

enum kn_rc kn_zone_parse(struct kn_str rules, struct kn_zone **ret, struct kn_err *err)
{
    struct kn_zone *z = kn_calloc(1, sizeof *z);
    enum kn_rc rc = KN_OK;
    if (!z) {
        return kn_fail(err, KN_E_NOMEM, "out of memory for a time zone");
    }
    z->table_from = INT64_MIN;
    if (kn_str_starts(rules, KN_STR("TZif"))) {
        rc = read_file(z, rules, err);
    } else {
        z->has_rule = kn_zone_rule_parse(rules, &z->rule);
        rc = z->has_rule ? KN_OK : kn_fail(err, KN_E_INVALID, "this is no time zone rule");
    }
    if (rc == KN_OK && z->has_rule) {
        rc = write_out(z, err);
    }
    if (rc != KN_OK) {
        kn_zone_free(z);
        return rc;
    }
    *ret = z;
    return KN_OK;
}

void kn_zone_free(struct kn_zone *z)
{
    if (z) {
        kn_free(z->changes);
        kn_free(z);
    }
}

/* ---- local time ---- */

/* How many changes are not after utc. */
static size_t changes_until(const struct kn_zone *z, int64_t utc)
{
    size_t low = 0;
    size_t high = z->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (z->changes[middle].at <= utc) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int32_t offset_at(const struct kn_zone *z, int64_t utc)
{
    if (z->has_rule && (utc < z->table_from || utc >= z->table_to)) {
        return kn_zone_rule_offset(&z->rule, utc);
    }
    size_t count = changes_until(z, utc);
    return count == 0 ? z->before : z->changes[count - 1].offset;
}

/* By the rule itself: a change within the next day, or the end of that day. */
static int64_t change_within_a_day(const struct kn_zone *z, int64_t utc)
{
    int64_t low = utc, high = utc + DAY_SECONDS;
    int32_t offset = offset_at(z, utc);
    while (high - low > 1 && offset_at(z, high) != offset) {
        int64_t middle = low + (high - low) / 2;
        if (offset_at(z, middle) == offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return high;
}

int64_t kn_zone_next_change(const struct kn_zone *z, int64_t utc_us)
{
    int64_t utc = kn_floor_div(utc_us, SECOND_US);
    if (z->has_rule && z->rule.has_summer && (utc < z->table_from || utc >= z->table_to)) {
        return change_within_a_day(z, utc) * SECOND_US;
    }
    for (size_t i = changes_until(z, utc); i < z->count; i++) {
        if (z->changes[i].offset != (i == 0 ? z->before : z->changes[i - 1].offset)) {
            return z->changes[i].at * SECOND_US;
        }
    }
    return z->has_rule && z->rule.has_summer ? z->table_to * SECOND_US : INT64_MAX;
}

int32_t kn_zone_offset(const struct kn_zone *z, int64_t utc_us)
{
    return offset_at(z, kn_floor_div(utc_us, SECOND_US));
}

void kn_zone_local(const struct kn_zone *z, int64_t utc_us, struct kn_local *ret)
{
    int64_t utc = kn_floor_div(utc_us, SECOND_US);
    int64_t local = utc + offset_at(z, utc);
    int64_t days = kn_floor_div(local, DAY_SECONDS);
    unsigned of_day = (unsigned)(local - days * DAY_SECONDS);
    kn_civil_from_days(days, &ret->year, &ret->month, &ret->day);
    ret->hour = of_day / 3600;
    ret->minute = of_day / 60 % 60;
    ret->second = of_day % 60;
    ret->microsecond = (unsigned)(utc_us - utc * SECOND_US);
    ret->weekday = (unsigned)(days + 4 - kn_floor_div(days + 4, 7) * 7);
}

/* The first UTC second whose local time that is; in a gap, by the offset from before. */
static int64_t utc_of(const struct kn_zone *z, int64_t local)
{
    int32_t before = offset_at(z, local - DAY_SECONDS - OFFSET_MAX / 2);
    int32_t after = offset_at(z, local + DAY_SECONDS + OFFSET_MAX / 2);
    int64_t best = INT64_MAX;
    int32_t tried[6] = {before, after};
    size_t count = 2;
    /* Two changes may lie close together: what holds around the first guesses counts too. */
    for (size_t i = 0; i < 2; i++) {
        tried[count++] = offset_at(z, local - tried[i]);
        tried[count++] = offset_at(z, local - tried[i] - 1);
    }
    for (size_t i = 0; i < count; i++) {
        int64_t utc = local - tried[i];
        if (offset_at(z, utc) == tried[i] && utc < best) {
            best = utc;
        }
    }
    if (best != INT64_MAX) {
        return best;
    }
    /* A gap: the offset that held just before it is the smallest that answers a moment before. */
    int32_t earlier = tried[0];
    for (size_t i = 1; i < count; i++) {
        earlier = tried[i] < earlier ? tried[i] : earlier;
    }
    return local - earlier;
}

int64_t kn_zone_utc(const struct kn_zone *z, const struct kn_local *l)
{
    int64_t days = kn_days_from_civil(l->year, l->month, 1) + (int64_t)l->day - 1;
    int64_t local =
        days * DAY_SECONDS + (int64_t)l->hour * 3600 + (int64_t)l->minute * 60 + l->second;
    return utc_of(z, local) * SECOND_US + l->microsecond;
}

int64_t kn_zone_day(const struct kn_zone *z, int64_t utc_us)
{
    int64_t utc = kn_floor_div(utc_us, SECOND_US);
    return kn_floor_div(utc + offset_at(z, utc), DAY_SECONDS);
}

int64_t kn_zone_day_start(const struct kn_zone *z, int64_t day)
{
    return utc_of(z, day * DAY_SECONDS) * SECOND_US;
}

int64_t kn_zone_add_months(const struct kn_zone *z, int64_t utc_us, int64_t months)
{
    struct kn_local l;
    kn_zone_local(z, utc_us, &l);
    int64_t month = l.year * 12 + l.month - 1 + months;
    l.year = kn_floor_div(month, 12);
    l.month = (unsigned)(month - l.year * 12) + 1;
    unsigned last = kn_month_days(l.year, l.month);
    l.day = l.day > last ? last : l.day;
    return kn_zone_utc(z, &l);
}

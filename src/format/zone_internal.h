/* What the two halves of a zone share: transitions from the file, and the rule that goes on for
 * ever. */
#ifndef KN_FORMAT_ZONE_INTERNAL_H
#define KN_FORMAT_ZONE_INTERNAL_H

#include "format/zone.h"

/* The day of a clock change. */
struct kn_zone_date {
    enum { KN_ZONE_MONTH_WEEK_DAY, KN_ZONE_JULIAN, KN_ZONE_DAY_OF_YEAR } kind;
    unsigned month, week, day; /* Mm.w.d; Jn: day 1 to 365 without 29 February; n: 0 to 365 */
    int32_t at;                /* seconds after local midnight; may be negative or over a day */
};

/* A POSIX TZ string. */
struct kn_zone_rule {
    bool has_summer;
    int32_t standard, summer; /* seconds east of UTC */
    struct kn_zone_date start, end;
};

/* All of the text must be a rule. */
bool kn_zone_rule_parse(struct kn_str text, struct kn_zone_rule *ret);
int32_t kn_zone_rule_offset(const struct kn_zone_rule *rule, int64_t utc_seconds);
/* Within one year (of standard time) the offset changes at these at most, and where it begins: UTC
 * seconds. */
void kn_zone_rule_moments(const struct kn_zone_rule *rule, int64_t year, int64_t ret[3]);
int64_t kn_floor_div(int64_t value, int64_t by);

#endif

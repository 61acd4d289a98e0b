/* The judge as its files share it: judge.c who is who and what they are, judge_rows.c what they
 * did. */
#ifndef KN_SIM_JUDGE_INTERNAL_H
#define KN_SIM_JUDGE_INTERNAL_H

#include "sim/judge.h"

struct judge {
    struct world *w;
    struct oracle *o;
    char *text;
    size_t text_len;
    char ids[SIM_IDS][32]; /* public id of the owner of each identifier; "" = none */
};

/* false, with the first thing that differs; about: a person's public id, a message, ... */
bool judge_differs(struct judge *j, const char *about, const char *what, struct kn_str got,
                   struct kn_str wanted);
bool judge_number(struct judge *j, const char *about, const char *what, int64_t got,
                  int64_t wanted);
/* The member's text; numbers and raw values as they stand. */
struct kn_str judge_raw(const struct judge *j, uint32_t object, const char *key);
struct kn_str judge_string(const struct judge *j, uint32_t object, const char *key);

/* The timeline of a person, page by page. */
bool judge_timeline(struct judge *j, int person, const char *id);
bool judge_sources(struct judge *j);

#endif

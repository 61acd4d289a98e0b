#include "segment/words.h"

const struct kn_op_word kn_op_words[KN_OP_COUNT] = {
    [KN_OP_MEMBER] = {"member", NULL, KN_ARGS_NONE},
    [KN_OP_EQUALS] = {"equals", "=", KN_ARGS_ONE},
    [KN_OP_DIFFERS] = {"differs", "!=", KN_ARGS_ONE},
    [KN_OP_ABOVE] = {"greater_than", ">", KN_ARGS_ORDERED},
    [KN_OP_AT_LEAST] = {"at_least", ">=", KN_ARGS_ORDERED},
    [KN_OP_BELOW] = {"less_than", "<", KN_ARGS_ORDERED},
    [KN_OP_AT_MOST] = {"at_most", "<=", KN_ARGS_ORDERED},
    [KN_OP_EXISTS] = {"exists", NULL, KN_ARGS_NONE},
    [KN_OP_ABSENT] = {"absent", NULL, KN_ARGS_NONE},
    [KN_OP_CONTAINS] = {"contains", NULL, KN_ARGS_STRINGS},
    [KN_OP_OMITS] = {"omits", NULL, KN_ARGS_STRINGS},
    [KN_OP_STARTS_WITH] = {"starts_with", NULL, KN_ARGS_STRINGS},
    [KN_OP_ENDS_WITH] = {"ends_with", NULL, KN_ARGS_STRINGS},
    [KN_OP_ONE_OF] = {"one_of", NULL, KN_ARGS_LIST},
    [KN_OP_NONE_OF] = {"none_of", NULL, KN_ARGS_LIST},
    [KN_OP_BEFORE_DATE] = {"before_date", NULL, KN_ARGS_DATE},
    [KN_OP_AFTER_DATE] = {"after_date", NULL, KN_ARGS_DATE},
    [KN_OP_WITHIN_LAST] = {"within_last", NULL, KN_ARGS_PERIOD},
    [KN_OP_WITHIN_NEXT] = {"within_next", NULL, KN_ARGS_PERIOD},
    [KN_OP_ANNIVERSARY_WITHIN] = {"anniversary_within", NULL, KN_ARGS_PERIOD},
};

const char *const kn_unit_words[KN_UNIT_COUNT] = {"second", "minute", "hour", "day",
                                                  "week",   "month",  "year"};

const char *const kn_during_words[KN_DURING_COUNT] = {
    "today",      "yesterday",    "this week",    "last week", "this month",
    "last month", "this quarter", "last quarter", "this year", "last year"};

const char *const kn_reducer_words[KN_REDUCER_COUNT] = {
    [KN_REDUCE_NONE] = "",
    [KN_REDUCE_COUNT] = "count",
    [KN_REDUCE_DAYS] = "days",
    [KN_REDUCE_SUM] = "sum",
    [KN_REDUCE_AVG] = "avg",
    [KN_REDUCE_MIN] = "min",
    [KN_REDUCE_MAX] = "max",
    [KN_REDUCE_FIRST] = "first",
    [KN_REDUCE_LAST] = "last",
    [KN_REDUCE_MODE] = "mode",
    [KN_REDUCE_UNIQUE] = "unique",
    [KN_REDUCE_UNIQUE_COUNT] = "unique_count",
    [KN_REDUCE_MAX_COUNT_BY] = "max_count_by",
};

const char *const kn_from_words[KN_FROM_COUNT] = {
    [KN_FROM_EVENT] = "event",     [KN_FROM_ORDER] = "order",
    [KN_FROM_TRAIT] = "trait",     [KN_FROM_PROPERTY] = "property",
    [KN_FROM_CONTEXT] = "context", [KN_FROM_SEGMENT] = "segment",
    [KN_FROM_CONSENT] = "consent", [KN_FROM_IDENTIFIER] = "identifier",
};

const char *const kn_consent_words[4] = {"unknown", "granted", "denied", "conflict"};

int kn_word_find(const char *const *words, size_t count, struct kn_str word)
{
    for (size_t i = 0; i < count; i++) {
        if (word.len > 0 && kn_str_eq(word, kn_str_c(words[i]))) {
            return (int)i;
        }
    }
    return -1;
}

int kn_word_op(struct kn_str word)
{
    for (int i = KN_OP_EQUALS; i < KN_OP_COUNT; i++) {
        if (kn_str_eq(word, kn_str_c(kn_op_words[i].name))) {
            return i;
        }
    }
    return -1;
}

int kn_word_unit(struct kn_str word)
{
    if (word.len > 1 && word.p[word.len - 1] == 's') {
        word.len--;
    }
    return kn_word_find(kn_unit_words, KN_UNIT_COUNT, word);
}

bool kn_reducer_has_field(uint32_t reducer)
{
    return reducer != KN_REDUCE_NONE && reducer != KN_REDUCE_COUNT && reducer != KN_REDUCE_DAYS;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Optimal string alignment, three rows. Words over 64 bytes are not compared. */
unsigned kn_word_distance(struct kn_str a, struct kn_str b, unsigned most)
{
    enum { LONG = 64 };
    unsigned rows[3][LONG + 1];
    if (a.len > LONG || b.len > LONG || (a.len > b.len ? a.len - b.len : b.len - a.len) >= most) {
        return most;
    }
    for (unsigned j = 0; j <= b.len; j++) {
        rows[0][j] = j;
    }
    for (unsigned i = 1; i <= a.len; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *two = rows[(i + 1) % 3];
        row[0] = i;
        for (unsigned j = 1; j <= b.len; j++) {
            unsigned change = lower(a.p[i - 1]) != lower(b.p[j - 1]);
            row[j] = least(above[j - 1] + change, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && lower(a.p[i - 1]) == lower(b.p[j - 2]) &&
                lower(a.p[i - 2]) == lower(b.p[j - 1])) {
                row[j] = least(row[j], two[j - 2] + 1);
            }
        }
    }
    return least(rows[a.len % 3][b.len], most);
}

struct kn_nearest kn_nearest(struct kn_str word)
{
    return (struct kn_nearest){word, KN_STR_EMPTY, (unsigned)(word.len / 3 + 2)};
}

void kn_nearest_try(struct kn_nearest *nearest, struct kn_str candidate)
{
    unsigned distance = kn_word_distance(nearest->word, candidate, nearest->distance + 1);
    if (distance < nearest->distance || (distance == nearest->distance && nearest->best.p &&
                                         kn_str_cmp(candidate, nearest->best) < 0)) {
        nearest->distance = distance;
        nearest->best = candidate;
    }
}

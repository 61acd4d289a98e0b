/* A web shop's events for the segment benchmarks: the same ones for Kern and its peers, from a
 * seed.
 *
 * Profiles have Zipf(0.9)-distributed numbers of events (of 100M events over 4M profiles the first
 * has 2.7M), in visits: more in the evening and at weekends, with log-normal gaps within a visit.
 * 24 kinds of event, each four fifths as frequent as the one before; 40 countries, 4 devices, 2,000
 * pages, an amount on orders. 90 days that end on Monday 2026-11-23, UTC.
 */
#ifndef KN_BENCH_SEGMENTS_DATA_H
#define KN_BENCH_SEGMENTS_DATA_H

#include <stddef.h>
#include <stdint.h>

enum {
    SHOP_KINDS = 24,
    SHOP_COUNTRIES = 40,
    SHOP_DEVICES = 4,
    SHOP_PAGES = 2000,
    SHOP_DAYS = 90,
    SHOP_ORDER = 8,            /* the kind with amounts */
    SHOP_AMOUNT_MAX = 1000000, /* cents */
};

#define SHOP_DAY_US INT64_C(86400000000)
#define SHOP_END_US INT64_C(1795392000000000)
#define SHOP_START_US (SHOP_END_US - SHOP_DAYS * SHOP_DAY_US)

extern const char *const shop_kinds[SHOP_KINDS];
extern const char *const shop_countries[SHOP_COUNTRIES];
extern const char *const shop_devices[SHOP_DEVICES];

struct shop {
    uint64_t seed;
    uint64_t events; /* about */
    uint32_t profiles;
    uint64_t step; /* of the permutation of ranks */
    double scale;
    uint64_t kind_ends[SHOP_KINDS]; /* shares of 2^32, summed */
};

struct shop_row {
    int64_t us;
    uint32_t amount; /* cents, 0 = none */
    uint16_t page;
    uint8_t kind, country, device;
};

struct shop shop_open(uint64_t seed, uint64_t events, uint32_t profiles);
uint32_t shop_home(const struct shop *shop, uint32_t profile); /* country */
/* Rows of one profile in order of time; grows *rows. Answers how many. */
size_t shop_profile(const struct shop *shop, uint32_t profile, struct shop_row **rows,
                    size_t *room);

#endif

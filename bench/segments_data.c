#include "bench/segments_data.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rand.h"

const char *const shop_kinds[SHOP_KINDS] = {
    "Page Viewed",          "Product Viewed",   "Product List Viewed", "Product Added",
    "Cart Viewed",          "Product Clicked",  "Products Searched",   "Checkout Started",
    "Order Completed",      "Email Opened",     "Promotion Viewed",    "Product Removed",
    "Coupon Entered",       "Wishlist Added",   "Email Link Clicked",  "Signed In",
    "Product Shared",       "Product Reviewed", "Checkout Completed",  "Newsletter Joined",
    "Payment Info Entered", "Order Refunded",   "Signed Up",           "Order Cancelled"};

const char *const shop_countries[SHOP_COUNTRIES] = {
    "NL", "BE", "DE", "FR", "GB", "ES", "IT", "PL", "AT", "DK", "SE", "NO", "FI", "IE",
    "PT", "CH", "CZ", "HU", "RO", "GR", "US", "CA", "LU", "SK", "SI", "HR", "BG", "EE",
    "LV", "LT", "TR", "MA", "SR", "AU", "NZ", "JP", "ZA", "BR", "MX", "IN"};

const char *const shop_devices[SHOP_DEVICES] = {"mobile", "desktop", "tablet", "tv"};

static const unsigned hours[24] = {14, 8,  5,  4,  4,  6,  12, 24, 34, 40, 44, 46,
                                   50, 46, 44, 44, 46, 50, 56, 68, 80, 82, 62, 32};
static const unsigned weekdays[7] = {12, 10, 10, 10, 11, 13, 14}; /* from Sunday */

/* The sum of i^-0.9 for i = 1 to n: the first million, and an integral for the rest. */
static double zipf_sum(uint32_t n)
{
    double sum = 0;
    uint32_t exact = n < 1000000 ? n : 1000000;
    for (uint32_t i = 1; i <= exact; i++) {
        sum += pow(i, -0.9);
    }
    return sum + 10 * (pow(n + 0.5, 0.1) - pow(exact + 0.5, 0.1));
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

struct shop shop_open(uint64_t seed, uint64_t events, uint32_t profiles)
{
    struct shop shop = {.seed = seed, .events = events, .profiles = profiles};
    double share = 1, sum = 0, all = (1 - pow(0.8, SHOP_KINDS)) / 0.2;
    shop.scale = (double)events / zipf_sum(profiles);
    shop.step = 2654435761 % profiles;
    while (common_divisor(shop.step, profiles) != 1) {
        shop.step++;
    }
    for (int i = 0; i < SHOP_KINDS; i++, share *= 0.8) {
        sum += share / all;
        shop.kind_ends[i] = (uint64_t)(sum * 4294967296.0);
    }
    return shop;
}

static struct kn_rand profile_rand(const struct shop *shop, uint32_t profile)
{
    return kn_rand_seed(shop->seed * UINT64_C(0x9e3779b97f4a7c15) + profile);
}

static unsigned weighted(struct kn_rand *r, const unsigned *weights, unsigned count)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < count; i++) {
        sum += weights[i];
    }
    uint64_t at = kn_rand_below(r, sum);
    for (unsigned i = 0; i < count; i++) {
        if (at < weights[i]) {
            return i;
        }
        at -= weights[i];
    }
    return count - 1;
}

uint32_t shop_home(const struct shop *shop, uint32_t profile)
{
    struct kn_rand r = profile_rand(shop, profile);
    double u = kn_rand_unit(&r);
    return (uint32_t)(u * u * u * SHOP_COUNTRIES);
}

static double normal(struct kn_rand *r)
{
    double u = 1 - kn_rand_unit(r), v = kn_rand_unit(r);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

static int64_t visit_start(struct kn_rand *r)
{
    /* 2026-08-25, the first day, is a Tuesday. */
    uint64_t day = kn_rand_below(r, SHOP_DAYS);
    while (kn_rand_below(r, 14) >= weekdays[(day + 2) % 7]) {
        day = kn_rand_below(r, SHOP_DAYS);
    }
    int64_t hour = weighted(r, hours, 24);
    return SHOP_START_US + (int64_t)day * SHOP_DAY_US + hour * INT64_C(3600000000) +
           (int64_t)kn_rand_below(r, UINT64_C(3600000000));
}

static void fill_row(const struct shop *shop, struct kn_rand *r, struct shop_row *row)
{
    uint64_t at = kn_rand_below(r, UINT64_C(1) << 32);
    double u = kn_rand_unit(r);
    row->kind = 0;
    while (row->kind < SHOP_KINDS - 1 && at >= shop->kind_ends[row->kind]) {
        row->kind++;
    }
    row->page = (uint16_t)(u * u * u * SHOP_PAGES);
    row->amount = 0;
    if (row->kind == SHOP_ORDER) {
        double amount = exp(8.2 + 0.8 * normal(r));
        row->amount = amount < 100               ? 100
                      : amount > SHOP_AMOUNT_MAX ? SHOP_AMOUNT_MAX
                                                 : (uint32_t)amount;
    }
}

static int by_time(const void *a, const void *b)
{
    int64_t x = ((const struct shop_row *)a)->us, y = ((const struct shop_row *)b)->us;
    return (x > y) - (x < y);
}

static size_t event_count(const struct shop *shop, struct kn_rand *r, uint32_t profile)
{
    uint64_t rank = profile * shop->step % shop->profiles;
    return (size_t)(shop->scale * pow((double)rank + 1, -0.9) + kn_rand_unit(r));
}

size_t shop_profile(const struct shop *shop, uint32_t profile, struct shop_row **rows, size_t *room)
{
    struct kn_rand r = profile_rand(shop, profile);
    uint8_t home = (uint8_t)shop_home(shop, profile), device = 0;
    (void)kn_rand_u64(&r); /* of the home */
    size_t count = event_count(shop, &r, profile), left = 0;
    int64_t us = 0;
    if (count > *room) {
        *room = count + count / 2;
        *rows = kn_must_realloc(*rows, *room * sizeof **rows);
    }
    for (size_t i = 0; i < count; i++, left--) {
        if (left == 0) {
            us = visit_start(&r);
            device = (uint8_t)(kn_rand_chance(&r, 6, 10) ? 0 : kn_rand_below(&r, SHOP_DEVICES));
            left = 1 + (size_t)(-8 * log(1 - kn_rand_unit(&r)));
        } else {
            us += 1 + (int64_t)(exp(3.4 + 1.2 * normal(&r)) * 1e6);
        }
        struct shop_row *row = &(*rows)[i];
        fill_row(shop, &r, row);
        row->us = us < SHOP_END_US ? us : SHOP_END_US - 1 - (int64_t)kn_rand_below(&r, 3600000000);
        row->country =
            kn_rand_chance(&r, 19, 20) ? home : (uint8_t)kn_rand_below(&r, SHOP_COUNTRIES);
        row->device = device;
    }
    qsort(*rows, count, sizeof **rows, by_time);
    return count;
}

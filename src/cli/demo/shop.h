/* A believable Dutch web shop, from a seed: its catalogue, its visitors and what they do.
 *
 * Everything is drawn from the seed and the end of the simulated time (a whole hour), so that the
 * same arguments give the same shop. Names, brands and products are invented; addresses use
 * reserved domains.
 */
#ifndef KN_CLI_DEMO_SHOP_H
#define KN_CLI_DEMO_SHOP_H

#include "base/buf.h"
#include "base/rand.h"
#include "format/zone.h"

enum { KN_DEMO_PRODUCTS = 1200 };

struct kn_demo_product {
    char id[16], name[64];
    const char *brand, *category, *department;
    int64_t price; /* cents */
};

struct kn_demo_person {
    char anonymous[2][37]; /* two devices */
    char email[80], first[24], last[40], city[24], postcode[8];
    uint32_t number;   /* customer number, 0 = never known */
    uint8_t device[2]; /* index of the user agent */
    bool known, buyer, newsletter, consent_asked, consents;
    uint32_t visits;
};

/* What happens by itself at its moment: a newsletter goes out, is opened; an order comes back. */
struct kn_demo_later {
    int64_t at_us;
    enum { KN_DEMO_ISSUE, KN_DEMO_OPENED, KN_DEMO_REFUNDED, KN_DEMO_CANCELLED } kind;
    uint32_t person, order;
    const struct kn_demo_product *basket[4];
    uint32_t basket_count;
};

struct kn_demo_shop {
    struct kn_demo_product products[KN_DEMO_PRODUCTS];
    struct kn_demo_person *people;
    uint32_t person_count, next_customer, next_order;
    uint64_t next_message;
    struct kn_rand rand;
    struct kn_demo_later *later; /* a heap: the earliest first */
    size_t later_count, later_room;
    struct kn_zone *zone; /* local time: Europe/Amsterdam */
};

/* One message for the collect path. */
typedef void (*kn_demo_emit_fn)(void *context, int64_t at_us, struct kn_str json);

struct kn_demo_shop *kn_demo_shop_new(uint64_t seed, uint32_t people);
void kn_demo_shop_free(struct kn_demo_shop *shop);
/* One visit of a person that begins at `at_us`; emits its messages in order of time. */
void kn_demo_visit(struct kn_demo_shop *shop, uint32_t person, int64_t at_us, kn_demo_emit_fn emit,
                   void *context);
/* When the next thing happens by itself; INT64_MAX = nothing. do_later makes it happen. */
int64_t kn_demo_next_later(const struct kn_demo_shop *shop);
void kn_demo_do_later(struct kn_demo_shop *shop, kn_demo_emit_fn emit, void *context);
/* A newsletter every Thursday morning between the two moments. */
void kn_demo_plan_issues(struct kn_demo_shop *shop, int64_t from_us, int64_t to_us);
/* How much busier than the quietest hour this moment is: 0 to 1000 (hour of the day, day of the
 * week, season, campaigns), in Dutch local time. */
unsigned kn_demo_busyness(const struct kn_demo_shop *shop, int64_t at_us);

#endif

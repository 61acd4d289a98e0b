/* What the behaviour store costs: nanoseconds per event to build columns, bytes per event of the
 * runs, nanoseconds per row of a merge.
 *
 * usage: bench_columns [events] [profiles] [dir]   (dir is made; the files in it are removed) */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/rand.h"
#include "behaviour/columns.h"
#include "format/item.h"

enum { VARIANTS = 20000, CHECKPOINT = 400000, PRODUCTS = 5000, PAGES = 2000 };

static const char *const names[24] = {
    "Page Viewed",          "Product Viewed",   "Product List Viewed", "Product Added",
    "Cart Viewed",          "Product Clicked",  "Products Searched",   "Checkout Started",
    "Order Completed",      "Email Opened",     "Promotion Viewed",    "Product Removed",
    "Coupon Entered",       "Wishlist Added",   "Email Link Clicked",  "Signed In",
    "Product Shared",       "Product Reviewed", "Checkout Completed",  "Newsletter Joined",
    "Payment Info Entered", "Order Refunded",   "Signed Up",           "Order Cancelled"};

static const char *const agents[6] = {
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 "
    "Mobile",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.4 Safari/605",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/125.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Mozilla/5.0 (Linux; Android 13; SM-A536B) AppleWebKit/537.36 Chrome/124.0 Mobile "
    "Safari/537.36"};

static unsigned kind_of(struct kn_rand *r)
{
    unsigned kind = 0;
    while (kind < 23 && kn_rand_chance(r, 1, 2)) {
        kind++;
    }
    return kind;
}

static void body(struct kn_rand *r, unsigned kind, struct kn_buf *out)
{
    unsigned product =
        (unsigned)(kn_rand_below(r, PRODUCTS) * kn_rand_below(r, PRODUCTS) / PRODUCTS);
    unsigned page = (unsigned)(kn_rand_below(r, PAGES) * kn_rand_below(r, PAGES) / PAGES);
    kn_buf_c(out, "{\"properties\":{");
    if (kind > 0) {
        kn_buf_printf(out,
                      "\"product_id\":\"p-%u\",\"sku\":\"SKU-%05u\",\"name\":\"Product number %u\","
                      "\"category\":\"category-%u\",\"brand\":\"Brand %u\",\"price\":%u.%02u,"
                      "\"currency\":\"EUR\",\"quantity\":%u",
                      product, product, product, product % 40, product % 70, product % 150,
                      product % 99 + 1, (unsigned)kn_rand_below(r, 3) + 1);
    }
    if (kind == 8) {
        kn_buf_printf(out, ",\"order_id\":\"o-%llu\",\"revenue\":%u.%02u,\"products\":[",
                      (unsigned long long)kn_rand_u64(r), product % 300 + 5, product % 99 + 1);
        for (unsigned i = 0; i <= product % 3; i++) {
            kn_buf_printf(out, "%s{\"sku\":\"SKU-%05u\",\"price\":%u.5,\"quantity\":1}",
                          i > 0 ? "," : "", product + i, product % 150);
        }
        kn_buf_char(out, ']');
    }
    kn_buf_printf(
        out,
        "%s\"path\":\"/c/%u\",\"title\":\"Title of page %u\"},\"context\":{\"library\":{"
        "\"name\":\"analytics.js\",\"version\":\"4.1.0\"},\"locale\":\"nl-NL\","
        "\"page\":{\"path\":\"/c/%u\",\"referrer\":\"https://www.example.com/\",\"search\":\"\","
        "\"title\":\"Title of page %u\",\"url\":\"https://shop.example.com/c/%u\"},"
        "\"userAgent\":\"%s\",\"timezone\":\"Europe/Amsterdam\"}}",
        kind > 0 ? "," : "", page, page, page, page, page, agents[page % 6]);
}

struct events {
    struct kn_str items[VARIANTS];
    size_t bytes;
};

static void make_items(struct events *e, struct kn_rand *r)
{
    struct kn_buf out;
    struct kn_buf text;
    kn_buf_init(&out, SIZE_MAX / 2);
    kn_buf_init(&text, SIZE_MAX / 2);
    for (size_t i = 0; i < VARIANTS; i++) {
        unsigned kind = kind_of(r);
        char id[40];
        kn_buf_clear(&out);
        kn_buf_clear(&text);
        body(r, kind, &text);
        (void)snprintf(id, sizeof id, "4f2d7c1e-%016llx", (unsigned long long)kn_rand_u64(r));
        struct kn_item_id ids[2] = {{.type = KN_ID_ANONYMOUS_ID, .value = kn_str_c(id)},
                                    {.type = KN_ID_USER_ID, .value = KN_STR("user-123456")}};
        struct kn_item item = {.kind = KN_ITEM_EVENT,
                               .type = KN_EVENT_TRACK,
                               .source = 1,
                               .name = kn_str_c(names[kind]),
                               .message_id = kn_str_c(id),
                               .ids = ids,
                               .id_count = 2,
                               .body = kn_buf_view(&text)};
        item.visit.present = true;
        item.device.present = true;
        item.device.device = KN_STR("mobile");
        item.device.browser = KN_STR("Chrome");
        item.device.platform = KN_STR("Android");
        item.device.country = KN_STR("NL");
        kn_item_encode(&item, &out);
        char *copy = kn_must_alloc(out.len);
        memcpy(copy, out.p, out.len);
        e->items[i] = kn_str(copy, out.len);
        e->bytes += out.len;
    }
    kn_buf_deinit(&out);
    kn_buf_deinit(&text);
}

/* Of the processor, not of the wall: the machine may have other work. */
static uint64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void fail(const char *what, const struct kn_err *err)
{
    (void)fprintf(stderr, "%s: %s\n", what, err->text);
    exit(1);
}

static double build_all(struct kn_columns *c, uint64_t *ret_count)
{
    struct kn_err err = {0};
    uint64_t begin = now_ns();
    bool more = true;
    while (more) {
        if (kn_columns_build(c, 0, &more, &err) != KN_OK) {
            fail("build", &err);
        }
        ++*ret_count;
    }
    return (double)(now_ns() - begin);
}

int main(int argc, char **argv)
{
    uint64_t events = 1000000;
    uint64_t profiles = 40000;
    struct kn_rand r = kn_rand_seed(4);
    static struct events e;
    struct kn_err err = {0};
    struct kn_columns *c;
    if (argc > 1) {
        (void)kn_str_u64(kn_str_c(argv[1]), &events);
    }
    if (argc > 2) {
        (void)kn_str_u64(kn_str_c(argv[2]), &profiles);
    }
    make_items(&e, &r);
    (void)printf("%.0f bytes per event\n", (double)e.bytes / VARIANTS);
    struct kn_columns_options options = {0};
    if (kn_columns_open((struct kn_disk){0}, &options, KN_STR_EMPTY, false, &c, &err) != KN_OK) {
        fail("open", &err);
    }
    double ns = 0;
    double feed_ns = 0;
    uint64_t builds = 0;
    for (uint64_t i = 0; i < events;) {
        uint64_t begin = now_ns();
        for (uint64_t k = 0; k < 65536 && i < events; k++, i++) {
            uint64_t a = kn_rand_below(&r, profiles);
            kn_columns_event(c, (uint32_t)(a * kn_rand_below(&r, profiles) / profiles),
                             INT64_C(1760000000000000) + (int64_t)(i * 77760), i << 16,
                             e.items[kn_rand_below(&r, VARIANTS)]);
        }
        feed_ns += (double)(now_ns() - begin);
        ns += build_all(c, &builds);
    }
    struct kn_columns_usage u;
    kn_columns_usage(c, &u);
    (void)printf(
        "%llu events: feed %.0f ns, build %.0f ns per event, %.1f bytes per event in memory\n",
        (unsigned long long)events, feed_ns / (double)events, ns / (double)events,
        (double)u.memory_bytes / (double)events);
    kn_columns_close(c);
    return 0;
}

/* What the behaviour store costs: nanoseconds per event to build columns, bytes per event of the
 * runs, nanoseconds per row of a merge.
 *
 * usage: bench_columns [events] [profiles] [dir]   (dir: for files; without it everything stays in
 * memory) */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/rand.h"
#include "behaviour/columns.h"
#include "format/item.h"

enum { VARIANTS = 20000, STEP = 40000, CHECKPOINT = 400000, PRODUCTS = 5000, PAGES = 2000 };

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

struct run {
    struct kn_columns *c;
    struct kn_rand r;
    uint64_t profiles, fed;
    double feed_ns, build_ns, write_ns, merge_ns, pin_ns;
    uint64_t pins;
};

/* A skewed choice of profiles over 90 days, in the order of time. */
static void feed(struct run *b, const struct events *e, uint64_t count, uint64_t of)
{
    uint64_t begin = now_ns();
    for (uint64_t i = 0; i < count; i++, b->fed++) {
        uint64_t a = kn_rand_below(&b->r, b->profiles);
        kn_columns_event(
            b->c, (uint32_t)(a * kn_rand_below(&b->r, b->profiles) / b->profiles),
            INT64_C(1760000000000000) + (int64_t)(b->fed * (UINT64_C(90) * 86400000000 / of)),
            (b->fed / 100) << 16 | b->fed % 100, e->items[kn_rand_below(&b->r, VARIANTS)]);
    }
    b->feed_ns += (double)(now_ns() - begin);
}

static void build(struct run *b)
{
    struct kn_err err = {0};
    uint64_t begin = now_ns();
    bool more = true;
    while (more) {
        if (kn_columns_build(b->c, 0, &more, &err) != KN_OK) {
            fail("build", &err);
        }
    }
    b->build_ns += (double)(now_ns() - begin);
}

static void pin(struct run *b)
{
    struct kn_err err = {0};
    struct kn_columns_pin *p;
    uint64_t begin = now_ns();
    if (kn_columns_pin(b->c, &p, &err) != KN_OK) {
        fail("pin", &err);
    }
    kn_columns_unpin(p);
    b->pin_ns += (double)(now_ns() - begin);
    b->pins++;
}

static void merge(struct run *b)
{
    struct kn_err err = {0};
    uint64_t begin = now_ns();
    bool more = true;
    while (more) {
        if (kn_columns_merge_step(b->c, 8U << 20, &more, &err) != KN_OK) {
            fail("merge", &err);
        }
    }
    b->merge_ns += (double)(now_ns() - begin);
}

static void checkpoint(struct run *b)
{
    struct kn_err err = {0};
    struct kn_buf manifest;
    uint64_t begin = now_ns();
    kn_buf_init(&manifest, 1U << 20);
    kn_columns_freeze(b->c);
    if (kn_columns_write(b->c, &err) != KN_OK) {
        fail("write", &err);
    }
    kn_columns_manifest(b->c, &manifest);
    kn_columns_install(b->c);
    kn_buf_deinit(&manifest);
    b->write_ns += (double)(now_ns() - begin);
}

static void report(const struct run *b)
{
    struct kn_columns_usage u;
    double n = (double)b->fed;
    kn_columns_usage(b->c, &u);
    (void)printf(
        "%9llu events, ns each: feed %.0f, build %.0f, write %.0f, merge %.0f; pin %.2f ms\n",
        (unsigned long long)b->fed, b->feed_ns / n, b->build_ns / n, b->write_ns / n,
        b->merge_ns / n, b->pins > 0 ? b->pin_ns / 1e6 / (double)b->pins : 0.0);
    if (u.run_bytes > 0) {
        (void)printf(
            "%9s %llu files, bytes per event: %.1f, of which profile, time and kind %.2f\n", "",
            (unsigned long long)u.runs, (double)u.run_bytes / (double)u.event_rows,
            (double)u.time_and_key_bytes / (double)u.event_rows);
    } else {
        (void)printf("%9s bytes per event in memory: %.1f\n", "", (double)u.memory_bytes / n);
    }
}

int main(int argc, char **argv)
{
    static struct events e;
    struct run b = {.r = kn_rand_seed(4), .profiles = 40000};
    uint64_t events = 1000000;
    struct kn_err err = {0};
    struct kn_disk disk = {0};
    struct kn_columns_options options = {0};
    if ((argc > 1 && !kn_str_u64(kn_str_c(argv[1]), &events)) ||
        (argc > 2 && !kn_str_u64(kn_str_c(argv[2]), &b.profiles))) {
        (void)fprintf(stderr, "usage: bench_columns [events] [profiles] [dir]\n");
        return 2;
    }
    make_items(&e, &b.r);
    (void)printf("%.0f bytes per event\n", (double)e.bytes / VARIANTS);
    if (argc > 3) {
        options.dir = "runs";
        if (kn_disk_posix_open(argv[3], &disk, &err) != KN_OK) {
            fail("disk", &err);
        }
    }
    if (kn_columns_open(disk, &options, KN_STR_EMPTY, false, &b.c, &err) != KN_OK) {
        fail("open", &err);
    }
    while (b.fed < events) {
        uint64_t left = events - b.fed;
        feed(&b, &e, left < STEP ? left : STEP, events);
        build(&b);
        pin(&b);
        if (options.dir && (b.fed % CHECKPOINT == 0 || b.fed == events)) {
            checkpoint(&b);
            merge(&b);
        }
        if (b.fed % (events / 4) < STEP) {
            report(&b);
        }
    }
    for (int i = 0; i < 3 && options.dir;
         i++) { /* what a merge leaves takes part at the next checkpoint */
        checkpoint(&b);
        merge(&b);
    }
    report(&b);
    kn_columns_close(b.c);
    if (argc > 3) {
        kn_disk_posix_close(disk);
    }
    return 0;
}

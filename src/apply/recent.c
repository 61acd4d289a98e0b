#include "apply/recent.h"

#include "apply/workspace_internal.h"
#include "base/mem.h"

enum { ITEM_BYTES_MAX = 64 << 10 };

struct entry {
    uint64_t arrival;
    uint32_t offset, len; /* into bytes; len 0 = too large */
    enum kn_arrival_outcome outcome;
};

/* A ring of entries over a ring of bytes: an item stands in one piece, and the place it needs is
 * taken from the oldest entries. */
struct ring {
    uint32_t source; /* 0 = free */
    uint64_t used;   /* tick of the last note */
    char *bytes;     /* [KN_RECENT_BYTES] */
    uint32_t head;   /* where the next item goes */
    uint32_t first, count;
    struct entry entries[KN_RECENT_ITEMS];
};

struct kn_recent {
    uint64_t tick;
    struct ring *last; /* noted into last */
    struct ring rings[KN_RECENT_SOURCES];
};

struct kn_recent *kn_recent_new(void)
{
    return kn_must_calloc(1, sizeof(struct kn_recent));
}

void kn_recent_free(struct kn_recent *recent)
{
    for (size_t i = 0; recent && i < KN_RECENT_SOURCES; i++) {
        kn_free(recent->rings[i].bytes);
    }
    kn_free(recent);
}

/* The source's ring; made from a free one or the one that rested longest. NULL: no memory. */
static struct ring *ring_for(struct kn_recent *recent, uint32_t source)
{
    struct ring *oldest = &recent->rings[0];
    if (recent->last && recent->last->source == source) {
        return recent->last;
    }
    for (size_t i = 0; i < KN_RECENT_SOURCES; i++) {
        struct ring *r = &recent->rings[i];
        if (r->source == source) {
            return r;
        }
        oldest = r->used < oldest->used ? r : oldest;
    }
    char *bytes = oldest->bytes ? oldest->bytes : kn_alloc(KN_RECENT_BYTES);
    if (!bytes) {
        return NULL;
    }
    *oldest = (struct ring){.source = source, .bytes = bytes};
    return oldest;
}

static struct entry *entry_at(struct ring *r, uint32_t index)
{
    return &r->entries[(r->first + index) % KN_RECENT_ITEMS];
}

static void drop_oldest(struct ring *r)
{
    r->first = (r->first + 1) % KN_RECENT_ITEMS;
    r->count--;
}

static bool overlaps(const struct entry *e, uint32_t offset, uint32_t len)
{
    return e->len > 0 && e->offset < offset + len && offset < e->offset + e->len;
}

/* Room for `len` bytes in one piece. */
static uint32_t make_room(struct ring *r, uint32_t len)
{
    uint32_t offset = r->head + len <= KN_RECENT_BYTES ? r->head : 0;
    while (offset < r->head && r->count > 0 && entry_at(r, 0)->offset >= r->head) {
        drop_oldest(r); /* it stands behind the place that the ring turns at */
    }
    while (r->count > 0 && (entry_at(r, 0)->len == 0 || overlaps(entry_at(r, 0), offset, len))) {
        drop_oldest(r);
    }
    r->head = offset + len;
    return offset;
}

void kn_recent_note(struct kn_recent *recent, uint32_t source, uint64_t arrival,
                    enum kn_arrival_outcome outcome, struct kn_str bytes)
{
    struct ring *r = source > 0 ? ring_for(recent, source) : NULL;
    if (!r) {
        return;
    }
    recent->last = r;
    r->used = ++recent->tick;
    if (r->count == KN_RECENT_ITEMS) {
        drop_oldest(r);
    }
    uint32_t len = bytes.len <= ITEM_BYTES_MAX ? (uint32_t)bytes.len : 0;
    uint32_t offset = make_room(r, len);
    if (len > 0) {
        memcpy(r->bytes + offset, bytes.p, len);
    }
    r->count++;
    *entry_at(r, r->count - 1) = (struct entry){arrival, offset, len, outcome};
}

static enum kn_rc take(struct kn_workspace *ws, const struct ring *r, const struct entry *e,
                       struct kn_arena *arena, struct kn_arrival *ret)
{
    *ret =
        (struct kn_arrival){.arrival = e->arrival, .outcome = e->outcome, .too_large = e->len == 0};
    if (e->len == 0) {
        return KN_OK;
    }
    struct kn_str bytes = kn_arena_str(arena, kn_str(r->bytes + e->offset, e->len));
    if (!bytes.p) {
        return KN_E_NOMEM;
    }
    struct kn_cursor c = kn_cursor(bytes);
    return kn_item_decode(&c, &ws->fold.key, arena, &ret->item, NULL);
}

enum kn_rc kn_read_recent(struct kn_workspace *ws, uint32_t source, uint64_t after, size_t limit,
                          struct kn_arena *arena, struct kn_arrival **ret, size_t *ret_count)
{
    struct kn_arrival *list =
        kn_arena_zero(arena, limit < KN_RECENT_ITEMS ? limit : KN_RECENT_ITEMS, sizeof *list);
    enum kn_rc rc = list ? KN_OK : KN_E_NOMEM;
    size_t count = 0;
    kn_rwlock_read(&ws->lock);
    struct ring *r = NULL;
    for (size_t i = 0; i < KN_RECENT_SOURCES; i++) {
        struct ring *one = &ws->fold.recent->rings[i];
        r = one->source == source ? one : r;
    }
    for (uint32_t i = r ? r->count : 0; i > 0 && count < limit && rc == KN_OK; i--) {
        const struct entry *e = entry_at(r, i - 1);
        if (e->arrival <= after) {
            break;
        }
        rc = take(ws, r, e, arena, &list[count++]);
    }
    kn_rwlock_unlock(&ws->lock);
    *ret = list;
    *ret_count = count;
    return rc;
}

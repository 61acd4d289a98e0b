#include "apply/delivery_code.h"

#include "format/item.h"

enum { VERSION = 1, CURSORS_MAX = 1000, ENTRIES_MAX = 100000 };

void kn_delivery_counts_add(struct kn_delivery_counts *to, const struct kn_delivery_counts *more)
{
    to->delivered += more->delivered;
    to->failed += more->failed;
    to->died += more->died;
    to->withheld += more->withheld;
    to->missed += more->missed;
}

/* ---- out ---- */

static void put_time(struct kn_buf *out, int64_t us)
{
    kn_buf_varint(out, kn_zigzag(us));
}

static void put_entry(const struct kn_delivery_entry *e, struct kn_buf *out)
{
    kn_buf_varint(out, e->id.series);
    kn_buf_varint(out, e->id.number);
    kn_buf_lstr(out, e->segment);
    kn_buf_char(out, (char)((unsigned)e->kind | (unsigned)e->cause << 4));
    put_time(out, e->at_us);
    kn_buf_varint(out, e->ordinal);
    kn_buf_varint(out, e->position);
    kn_buf_varint(out, (uint32_t)(e->index + 1));
    kn_buf_lstr(out, e->message_id);
    kn_buf_varint(out, e->tries);
    kn_buf_varint(out, e->status);
    put_time(out, e->tried_us);
    put_time(out, e->next_us);
    kn_buf_lstr(out, e->error);
}

static void put_entries(const struct kn_delivery_entry *all, size_t count, struct kn_buf *out)
{
    kn_buf_varint(out, count);
    for (size_t i = 0; i < count; i++) {
        put_entry(&all[i], out);
    }
}

void kn_delivery_encode(const struct kn_delivery *d, struct kn_buf *out)
{
    const struct kn_delivery_counts *n = &d->counts;
    const uint64_t counts[] = {n->delivered, n->failed,   n->died,
                               n->dropped,   n->withheld, n->missed};
    kn_buf_varint(out, VERSION);
    kn_buf_varint(out, d->revision);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        kn_buf_varint(out, counts[i]);
    }
    kn_buf_char(out, (char)d->stop);
    kn_buf_varint(out, d->stop_version);
    put_time(out, d->delivered_us);
    put_time(out, d->failed_us);
    kn_buf_varint(out, d->status);
    kn_buf_lstr(out, d->error);
    kn_buf_varint(out, d->cursor_count);
    for (size_t i = 0; i < d->cursor_count; i++) {
        kn_buf_varint(out, d->cursors[i].series);
        kn_buf_varint(out, d->cursors[i].next);
    }
    put_entries(d->waiting, d->waiting_count, out);
    put_entries(d->dead, d->dead_count, out);
}

void kn_delivery_ids_encode(const struct kn_delivery_id *ids, size_t count, struct kn_buf *out)
{
    kn_buf_varint(out, count);
    for (size_t i = 0; i < count; i++) {
        kn_buf_varint(out, ids[i].series);
        kn_buf_varint(out, ids[i].number);
    }
}

static void put_item(struct kn_str id, const struct kn_buf *body, int64_t now_us,
                     struct kn_buf *out)
{
    struct kn_item item = {
        .kind = KN_ITEM_DELIVERY,
        .event_us = now_us,
        .received_us = now_us,
        .message_id = KN_STR("-"),
        .name = id,
        .body = kn_buf_view(body),
    };
    if (body->rc != KN_OK) {
        out->rc = body->rc;
        return;
    }
    kn_item_encode(&item, out);
}

void kn_delivery_record_item(struct kn_str id, const struct kn_delivery_record *record,
                             int64_t now_us, struct kn_buf *out)
{
    struct kn_buf body;
    kn_buf_init(&body, 16 << 20);
    kn_buf_char(&body, KN_DELIVERY_OUTCOMES);
    kn_delivery_encode(&record->change, &body);
    kn_delivery_ids_encode(record->done, record->done_count, &body);
    put_item(id, &body, now_us, out);
    kn_buf_deinit(&body);
}

void kn_delivery_resend_item(struct kn_str id, const struct kn_delivery_id *ids, size_t count,
                             int64_t now_us, struct kn_buf *out)
{
    struct kn_buf body;
    kn_buf_init(&body, 1 << 20);
    kn_buf_char(&body, KN_DELIVERY_RESEND);
    kn_delivery_ids_encode(ids, count, &body);
    put_item(id, &body, now_us, out);
    kn_buf_deinit(&body);
}

/* ---- in ---- */

static int64_t take_time(struct kn_cursor *c)
{
    return kn_unzigzag(kn_take_varint(c));
}

static void take_entry(struct kn_cursor *c, struct kn_delivery_entry *e)
{
    e->id.series = (uint32_t)kn_take_varint(c);
    e->id.number = kn_take_varint(c);
    e->segment = kn_take_lstr(c);
    unsigned first = kn_take_u8(c);
    e->kind = (enum kn_change_kind)(first & 15);
    e->cause = (enum kn_cause)(first >> 4);
    e->at_us = take_time(c);
    e->ordinal = (uint32_t)kn_take_varint(c);
    e->position = kn_take_varint(c);
    e->index = (uint32_t)kn_take_varint(c) - 1;
    e->message_id = kn_take_lstr(c);
    e->tries = (uint32_t)kn_take_varint(c);
    e->status = (uint32_t)kn_take_varint(c);
    e->tried_us = take_time(c);
    e->next_us = take_time(c);
    e->error = kn_take_lstr(c);
}

static enum kn_rc take_entries(struct kn_cursor *c, struct kn_arena *arena,
                               struct kn_delivery_entry **ret, size_t *ret_count)
{
    uint64_t count = kn_take_varint(c);
    if (c->bad || count > ENTRIES_MAX) {
        return KN_E_CORRUPT;
    }
    struct kn_delivery_entry *all = kn_arena_zero(arena, (size_t)count + 1, sizeof *all);
    for (size_t i = 0; all && i < count; i++) {
        take_entry(c, &all[i]);
    }
    *ret = all;
    *ret_count = (size_t)count;
    return !all ? KN_E_NOMEM : c->bad ? KN_E_CORRUPT : KN_OK;
}

static enum kn_rc take_cursors(struct kn_cursor *c, struct kn_arena *arena, struct kn_delivery *d)
{
    uint64_t count = kn_take_varint(c);
    if (c->bad || count > CURSORS_MAX) {
        return KN_E_CORRUPT;
    }
    d->cursors = kn_arena_zero(arena, (size_t)count + 1, sizeof *d->cursors);
    d->cursor_count = (size_t)count;
    for (size_t i = 0; d->cursors && i < count; i++) {
        d->cursors[i].series = (uint32_t)kn_take_varint(c);
        d->cursors[i].next = kn_take_varint(c);
    }
    return d->cursors ? KN_OK : KN_E_NOMEM;
}

enum kn_rc kn_delivery_decode(struct kn_cursor *c, struct kn_arena *arena, struct kn_delivery *ret)
{
    struct kn_delivery_counts *n = &ret->counts;
    uint64_t *counts[] = {&n->delivered, &n->failed,   &n->died,
                          &n->dropped,   &n->withheld, &n->missed};
    *ret = (struct kn_delivery){0};
    if (c->p == c->end) {
        return KN_OK;
    }
    bool known = kn_take_varint(c) == VERSION;
    ret->revision = kn_take_varint(c);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        *counts[i] = kn_take_varint(c);
    }
    unsigned stop = kn_take_u8(c);
    ret->stop_version = kn_take_varint(c);
    ret->delivered_us = take_time(c);
    ret->failed_us = take_time(c);
    ret->status = (uint32_t)kn_take_varint(c);
    ret->error = kn_take_lstr(c);
    if (!known || c->bad || stop > KN_STOP_REFUSED) {
        return KN_E_CORRUPT;
    }
    ret->stop = (enum kn_delivery_stop)stop;
    KN_TRY(take_cursors(c, arena, ret));
    KN_TRY(take_entries(c, arena, &ret->waiting, &ret->waiting_count));
    return take_entries(c, arena, &ret->dead, &ret->dead_count);
}

uint64_t kn_delivery_decode_revision(struct kn_str bytes)
{
    struct kn_cursor c = kn_cursor(bytes);
    return bytes.len > 0 && kn_take_varint(&c) == VERSION ? kn_take_varint(&c) : 0;
}

enum kn_rc kn_delivery_ids_decode(struct kn_cursor *c, struct kn_arena *arena,
                                  struct kn_delivery_id **ret, size_t *ret_count)
{
    uint64_t count = kn_take_varint(c);
    if (c->bad || count > ENTRIES_MAX) {
        return KN_E_CORRUPT;
    }
    struct kn_delivery_id *all = kn_arena_zero(arena, (size_t)count + 1, sizeof *all);
    for (size_t i = 0; all && i < count; i++) {
        all[i].series = (uint32_t)kn_take_varint(c);
        all[i].number = kn_take_varint(c);
    }
    *ret = all;
    *ret_count = (size_t)count;
    return !all ? KN_E_NOMEM : c->bad || c->p != c->end ? KN_E_CORRUPT : KN_OK;
}

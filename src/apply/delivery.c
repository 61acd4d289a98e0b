/* The fold's side of destinations: what a DELIVERY item makes of the state. */
#include "apply/delivery_code.h"
#include "apply/fold.h"
#include "base/assert.h"

static bool same(struct kn_delivery_id a, struct kn_delivery_id b)
{
    return a.series == b.series && a.number == b.number;
}

/* A list with room for `more` further entries. */
static struct kn_delivery_entry *with_room(struct kn_fold *f, const struct kn_delivery_entry *all,
                                           size_t count, size_t more)
{
    struct kn_delivery_entry *room = kn_arena_zero(&f->arena, count + more + 1, sizeof *room);
    kn_assert(room != NULL);
    if (count > 0) {
        memcpy(room, all, count * sizeof *room);
    }
    return room;
}

/* The order of those that stay does not matter: each has its own moment. */
static void drop_waiting(struct kn_delivery *d, struct kn_delivery_id id)
{
    for (size_t i = 0; i < d->waiting_count; i++) {
        if (same(d->waiting[i].id, id)) {
            d->waiting[i] = d->waiting[--d->waiting_count];
            return;
        }
    }
}

static void trim_dead(struct kn_delivery *d)
{
    if (d->dead_count > KN_DELIVERY_DEAD_MAX) {
        size_t over = d->dead_count - KN_DELIVERY_DEAD_MAX;
        d->dead += over;
        d->dead_count -= over;
        d->counts.dropped += over;
    }
}

static void note_tries(struct kn_delivery *d, const struct kn_delivery *change)
{
    d->delivered_us = change->delivered_us ? change->delivered_us : d->delivered_us;
    d->failed_us = change->failed_us ? change->failed_us : d->failed_us;
    if (change->delivered_us || change->failed_us) {
        d->status = change->status;
        d->error = change->error;
    }
    if (change->stop != KN_STOP_NONE) {
        d->stop = change->stop;
        d->stop_version = change->stop_version;
    }
}

static void take_outcomes(struct kn_fold *f, struct kn_delivery *d,
                          const struct kn_delivery_record *r)
{
    const struct kn_delivery *change = &r->change;
    d->waiting = with_room(f, d->waiting, d->waiting_count, change->waiting_count);
    d->dead = with_room(f, d->dead, d->dead_count, change->dead_count);
    for (size_t i = 0; i < r->done_count; i++) {
        drop_waiting(d, r->done[i]);
    }
    for (size_t i = 0; i < change->waiting_count; i++) {
        drop_waiting(d, change->waiting[i].id);
        d->waiting[d->waiting_count++] = change->waiting[i];
    }
    for (size_t i = 0; i < change->dead_count; i++) {
        drop_waiting(d, change->dead[i].id);
        d->dead[d->dead_count++] = change->dead[i];
    }
    d->cursors = change->cursors;
    d->cursor_count = change->cursor_count;
    kn_delivery_counts_add(&d->counts, &change->counts);
    note_tries(d, change);
    trim_dead(d);
}

static bool is_among(struct kn_delivery_id id, const struct kn_delivery_id *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (same(ids[i], id)) {
            return true;
        }
    }
    return count == 0;
}

static void resend(struct kn_fold *f, struct kn_delivery *d, const struct kn_delivery_id *ids,
                   size_t count)
{
    size_t kept = 0;
    d->waiting = with_room(f, d->waiting, d->waiting_count, d->dead_count);
    for (size_t i = 0; i < d->dead_count; i++) {
        if (!is_among(d->dead[i].id, ids, count)) {
            d->dead[kept++] = d->dead[i];
            continue;
        }
        struct kn_delivery_entry again = d->dead[i];
        again.tries = 0;
        again.next_us = 0;
        d->waiting[d->waiting_count++] = again;
    }
    d->dead_count = kept;
}

static enum kn_rc change(struct kn_fold *f, struct kn_delivery *d, struct kn_str body)
{
    struct kn_cursor c = kn_cursor(body);
    struct kn_delivery_record r = {0};
    unsigned op = kn_take_u8(&c);
    if (op == KN_DELIVERY_OUTCOMES) {
        KN_TRY(kn_delivery_decode(&c, &f->arena, &r.change));
    }
    KN_TRY(kn_delivery_ids_decode(&c, &f->arena, &r.done, &r.done_count));
    if (op == KN_DELIVERY_OUTCOMES) {
        take_outcomes(f, d, &r);
    } else {
        resend(f, d, r.done, r.done_count);
    }
    return KN_OK;
}

/* One for a destination that has been taken away says nothing any more. */
void kn_fold_delivery(struct kn_fold *f, const struct kn_item *item)
{
    struct kn_delivery d;
    struct kn_key key = kn_key_bytes(item->name);
    if (!kn_settings_destination(f->settings, item->name)) {
        return;
    }
    struct kn_cursor c = kn_cursor(kn_fold_get(f, KN_T_DELIVERY, key));
    enum kn_rc rc = kn_delivery_decode(&c, &f->arena, &d);
    if (rc == KN_OK) {
        rc = change(f, &d, item->body);
    }
    if (rc != KN_OK) {
        kn_panic("delivery state of \"%.*s\" does not decode", KN_STR_ARG(item->name));
    }
    d.revision++;
    kn_delivery_encode(&d, &f->scratch);
    kn_assert(f->scratch.rc == KN_OK);
    kn_fold_put(f, KN_T_DELIVERY, key, kn_buf_view(&f->scratch));
    kn_buf_clear(&f->scratch);
}

void kn_fold_delivery_forget(struct kn_fold *f, struct kn_str id)
{
    struct kn_key key = kn_key_bytes(id);
    if (kn_fold_get(f, KN_T_DELIVERY, key).p) {
        kn_fold_remove(f, KN_T_DELIVERY, key);
    }
}

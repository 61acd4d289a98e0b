/* Records of what became of parcels. */
#include "base/mem.h"
#include "deliver/outbox.h"

enum { RECORD_MS = 100, TOUCHED_MAX = 64, RECORD_BYTES = 1 << 20 };

/* ---- the one on its way ---- */

static void applied(struct kn_outbox *o)
{
    for (size_t i = o->count; i > 0; i--) {
        struct kn_parcel *p = o->parcels[i - 1];
        enum kn_parcel_mark mark = p->mark;
        p->mark = KN_MARK_NONE;
        if (mark == KN_MARK_PUT) {
            p->kept = true;
        } else if (mark != KN_MARK_NONE) {
            kn_outbox_remove(o, i - 1);
        }
    }
}

static void lost(struct kn_deliver *deliver, struct kn_outbox *o)
{
    for (size_t i = 0; i < o->count; i++) {
        struct kn_parcel *p = o->parcels[i];
        p->touched = p->touched || p->mark != KN_MARK_NONE;
        p->mark = KN_MARK_NONE;
    }
    kn_delivery_counts_add(&o->change.counts, &o->recording);
    if (o->stop != KN_STOP_NONE) {
        o->change.stop = o->stop;
        o->change.stop_version = o->stop_version;
    }
    kn_outbox_soil(deliver, o);
}

void kn_outbox_settle(struct kn_deliver *deliver, struct kn_outbox *o)
{
    struct kn_position position;
    if (!o->outstanding) {
        return;
    }
    kn_workspace_position(o->ws, &position);
    if (position.applied >= o->seq) {
        o->outstanding = false;
        applied(o);
    } else if (kn_workspace_is_lost(o->ws, o->seq)) {
        o->outstanding = false;
        lost(deliver, o);
    } else if (deliver->wait_ms > 20) {
        deliver->wait_ms = 20;
    }
}

/* ---- the next one ---- */

static bool is_behind_start(const struct kn_outbox *o, const struct kn_parcel *p)
{
    for (size_t i = 0; i < o->started_count; i++) {
        if (o->started[i].series == p->entry.id.series) {
            return p->entry.id.number < o->started[i].next;
        }
    }
    return false;
}

/* What the record will say of a parcel. One that was taken up but not started stays in the outbox,
 * unless later ones of its series were started. */
static enum kn_parcel_mark mark_of(const struct kn_outbox *o, const struct kn_parcel *p)
{
    switch (p->state) {
    case KN_PARCEL_DONE: return KN_MARK_DONE;
    case KN_PARCEL_DEAD: return KN_MARK_DEAD;
    case KN_PARCEL_READY:
    case KN_PARCEL_FLYING: break;
    }
    bool news = p->kept ? p->touched : is_behind_start(o, p);
    return news ? KN_MARK_PUT : KN_MARK_NONE;
}

static bool fill(struct kn_deliver *deliver, struct kn_outbox *o, struct kn_delivery_record *r)
{
    size_t room = o->count + 1;
    r->change = o->change;
    r->change.cursors = o->started;
    r->change.cursor_count = o->started_count;
    r->change.waiting = kn_arena_zero(&deliver->arena, room, sizeof *r->change.waiting);
    r->change.dead = kn_arena_zero(&deliver->arena, room, sizeof *r->change.dead);
    r->done = kn_arena_zero(&deliver->arena, room, sizeof *r->done);
    if (!r->change.waiting || !r->change.dead || !r->done) {
        return false;
    }
    for (size_t i = 0; i < o->count; i++) {
        const struct kn_parcel *p = o->parcels[i];
        enum kn_parcel_mark mark = mark_of(o, p);
        if (mark == KN_MARK_PUT) {
            r->change.waiting[r->change.waiting_count++] = p->entry;
        } else if (mark == KN_MARK_DEAD) {
            r->change.dead[r->change.dead_count++] = p->entry;
        } else if (mark == KN_MARK_DONE && p->kept) {
            r->done[r->done_count++] = p->entry.id;
        }
    }
    return true;
}

static void note_staged(struct kn_outbox *o, uint64_t seq)
{
    for (size_t i = 0; i < o->count; i++) {
        struct kn_parcel *p = o->parcels[i];
        p->mark = mark_of(o, p);
        p->touched = false;
    }
    o->recording = o->change.counts;
    o->change = (struct kn_delivery){0};
    o->outstanding = true;
    o->seq = seq;
    o->dirty = false;
}

/* A full log or disk: it is tried again in the next turns. */
static void stage(struct kn_deliver *deliver, struct kn_outbox *o)
{
    struct kn_delivery_record r = {0};
    struct kn_buf item;
    struct kn_err err;
    uint64_t seq;
    bool full;
    if (!fill(deliver, o, &r)) {
        return;
    }
    kn_buf_init(&item, RECORD_BYTES);
    kn_delivery_record_item(kn_str_c(o->id), &r, kn_clock_wall_us(deliver->env.clock), &item);
    if (item.rc == KN_OK &&
        kn_workspace_stage(o->ws, kn_buf_view(&item), 1, 0, &seq, &full, &err) == KN_OK) {
        note_staged(o, seq);
        deliver->env.staged(deliver->env.context);
    }
    kn_buf_deinit(&item);
}

void kn_outbox_record(struct kn_deliver *deliver, struct kn_outbox *o)
{
    size_t touched = 0;
    if (!o->dirty || o->outstanding) {
        return;
    }
    for (size_t i = 0; i < o->count; i++) {
        touched += o->parcels[i]->touched ? 1 : 0;
    }
    int64_t age = (int64_t)(kn_clock_mono_ns(deliver->env.clock) / 1000000) - o->dirty_ms;
    if (o->flying == 0 || touched >= TOUCHED_MAX || age >= RECORD_MS || deliver->draining) {
        stage(deliver, o);
    }
    if (o->dirty && deliver->wait_ms > RECORD_MS) {
        deliver->wait_ms = RECORD_MS;
    }
    if (o->outstanding && deliver->wait_ms > 20) {
        deliver->wait_ms = 20;
    }
}

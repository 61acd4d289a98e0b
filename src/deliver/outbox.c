#include "deliver/outbox.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "deliver/retry.h"

enum { DOWN = 10, TEXTS_MAX = 8192 };

static char *copy_text(struct kn_str s)
{
    char *copy = kn_alloc(s.len + 1);
    if (copy) {
        memcpy(copy, s.p ? s.p : "", s.len);
        copy[s.len] = '\0';
    }
    return copy;
}

struct kn_outbox *kn_outbox_new(struct kn_workspace *ws, struct kn_str id)
{
    struct kn_outbox *o = kn_calloc(1, sizeof *o);
    char *copy = copy_text(id);
    if (!o || !copy) {
        kn_free(o);
        kn_free(copy);
        return NULL;
    }
    o->ws = ws;
    o->id = copy;
    return o;
}

static void land_message(struct kn_parcel *p)
{
    if (p->message) {
        kn_message_deinit(p->message);
    }
    kn_free(p->message);
    kn_free(p->url);
    p->message = NULL;
    p->url = NULL;
}

static void parcel_free(struct kn_parcel *p)
{
    land_message(p);
    kn_arena_deinit(&p->texts);
    kn_free(p);
}

void kn_outbox_free(struct kn_outbox *o)
{
    for (size_t i = 0; i < o->count; i++) {
        parcel_free(o->parcels[i]);
    }
    kn_free(o->parcels);
    kn_free(o->id);
    kn_free(o);
}

void kn_outbox_remove(struct kn_outbox *o, size_t at)
{
    parcel_free(o->parcels[at]);
    o->count--;
    memmove(o->parcels + at, o->parcels + at + 1, (o->count - at) * sizeof(struct kn_parcel *));
}

void kn_outbox_soil(struct kn_deliver *deliver, struct kn_outbox *o)
{
    if (!o->dirty) {
        o->dirty = true;
        o->dirty_ms = (int64_t)(kn_clock_mono_ns(deliver->env.clock) / 1000000);
    }
}

/* ---- taking up ---- */

static struct kn_parcel *find(const struct kn_outbox *o, struct kn_delivery_id id)
{
    for (size_t i = 0; i < o->count; i++) {
        const struct kn_delivery_id at = o->parcels[i]->entry.id;
        if (at.series == id.series && at.number == id.number) {
            return o->parcels[i];
        }
    }
    return NULL;
}

static bool make_room(struct kn_outbox *o)
{
    if (o->count < o->room) {
        return true;
    }
    size_t room = o->room ? o->room * 2 : 64;
    struct kn_parcel **longer = kn_realloc(o->parcels, room * sizeof(struct kn_parcel *));
    if (!longer) {
        return false;
    }
    o->parcels = longer;
    o->room = room;
    return true;
}

static bool add(struct kn_outbox *o, const struct kn_delivery_entry *entry, bool kept)
{
    struct kn_parcel *p = make_room(o) ? kn_calloc(1, sizeof *p) : NULL;
    if (!p) {
        return false;
    }
    kn_arena_init(&p->texts, TEXTS_MAX);
    p->outbox = o;
    p->entry = *entry;
    p->kept = kept;
    p->entry.segment = kn_arena_str(&p->texts, entry->segment);
    p->entry.message_id = kn_arena_str(&p->texts, entry->message_id);
    (void)snprintf(p->error, sizeof p->error, "%.*s", KN_STR_ARG(entry->error));
    p->entry.error = kn_str_c(p->error);
    if (!p->entry.segment.p) {
        parcel_free(p);
        return false;
    }
    size_t at = o->count++;
    while (at > 0 && kn_delivery_order(&o->parcels[at - 1]->entry, &p->entry) > 0) {
        o->parcels[at] = o->parcels[at - 1];
        at--;
    }
    o->parcels[at] = p;
    return true;
}

static void load(struct kn_outbox *o, const struct kn_delivery *state)
{
    if (!o->loaded) {
        for (size_t i = 0; i < state->cursor_count && i < KN_DESTINATION_SEGMENTS_MAX; i++) {
            o->taken[o->taken_count++] = state->cursors[i];
            o->started[o->started_count++] = state->cursors[i];
        }
    }
    bool all = true;
    for (size_t i = 0; i < state->waiting_count; i++) {
        if (!find(o, state->waiting[i].id)) {
            all = add(o, &state->waiting[i], true) && all;
        }
    }
    o->loaded = true;
    o->stop = state->stop;
    o->stop_version = state->stop_version;
    o->revision = all ? state->revision : o->revision; /* without memory: again next time */
}

/* False: the state could not be read. */
static bool refresh(struct kn_deliver *deliver, struct kn_outbox *o)
{
    struct kn_delivery state;
    uint64_t revision;
    struct kn_str id = kn_str_c(o->id);
    if (kn_delivery_revision(o->ws, id, &deliver->arena, &revision) != KN_OK) {
        return false;
    }
    if (o->loaded && revision == o->revision) {
        return true;
    }
    if (kn_delivery_read(o->ws, id, &deliver->arena, &state) != KN_OK) {
        return false;
    }
    load(o, &state);
    return true;
}

static size_t fresh_count(const struct kn_outbox *o)
{
    size_t count = 0;
    for (size_t i = 0; i < o->count; i++) {
        count += !o->parcels[i]->kept && o->parcels[i]->state == KN_PARCEL_READY ? 1 : 0;
    }
    return count;
}

/* The place of a series in the list of those a record may speak of. */
static struct kn_delivery_cursor *started_of(struct kn_outbox *o, uint32_t series)
{
    for (size_t i = 0; i < o->started_count; i++) {
        if (o->started[i].series == series) {
            return &o->started[i];
        }
    }
    return NULL;
}

/* Series that are no more go, new ones come. */
static void follow_series(struct kn_outbox *o)
{
    struct kn_delivery_cursor next[KN_DESTINATION_SEGMENTS_MAX];
    for (size_t i = 0; i < o->taken_count; i++) {
        const struct kn_delivery_cursor *old = started_of(o, o->taken[i].series);
        next[i] = (struct kn_delivery_cursor){o->taken[i].series, old ? old->next : 0};
    }
    memcpy(o->started, next, o->taken_count * sizeof *next);
    o->started_count = o->taken_count;
}

/* Up to KN_TAKE_MAX changes are ready; nothing more is taken up while too many wait. */
static void take(struct kn_deliver *deliver, struct kn_outbox *o)
{
    struct kn_delivery_entry *all;
    size_t count;
    uint64_t missed;
    struct kn_delivery_cursor before[KN_DESTINATION_SEGMENTS_MAX];
    size_t before_count = o->taken_count;
    size_t fresh = fresh_count(o);
    memcpy(before, o->taken, sizeof before);
    if (fresh >= KN_TAKE_MAX / 2 || o->count >= KN_DELIVERY_WAITING_MAX ||
        kn_delivery_take(o->ws, kn_str_c(o->id), o->taken, &o->taken_count, KN_TAKE_MAX - fresh,
                         &deliver->arena, &all, &count, &missed) != KN_OK) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!add(o, &all[i], false)) { /* the whole piece again, later */
            memcpy(o->taken, before, sizeof before);
            o->taken_count = before_count;
            return;
        }
    }
    follow_series(o);
    if (missed > 0) {
        o->change.counts.missed += missed;
        kn_outbox_soil(deliver, o);
    }
}

/* ---- sending ---- */

/* An earlier change of the same profile is not done yet. */
static bool is_held(const struct kn_outbox *o, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        const struct kn_parcel *p = o->parcels[i];
        if (p->entry.ordinal == o->parcels[at]->entry.ordinal &&
            (p->state == KN_PARCEL_READY || p->state == KN_PARCEL_FLYING)) {
            return true;
        }
    }
    return false;
}

static void note_started(struct kn_outbox *o, const struct kn_parcel *p)
{
    struct kn_delivery_cursor *at = started_of(o, p->entry.id.series);
    if (at && !p->kept && at->next <= p->entry.id.number) {
        at->next = p->entry.id.number + 1;
    }
}

static void withhold(struct kn_deliver *deliver, struct kn_parcel *p)
{
    p->state = KN_PARCEL_DONE;
    p->touched = true;
    p->outbox->change.counts.withheld++;
    note_started(p->outbox, p);
    kn_outbox_soil(deliver, p->outbox);
}

/* False: nothing can be started now. */
static bool start(struct kn_deliver *deliver, struct kn_parcel *p, const struct kn_destination *d)
{
    char id[KN_MESSAGE_ID_MAX];
    bool withheld = false;
    struct kn_err err;
    p->message = kn_alloc(sizeof *p->message);
    p->url = copy_text(d->url);
    if (!p->message || !p->url) {
        land_message(p);
        return false;
    }
    kn_message_init(p->message);
    kn_message_id(d, &p->entry, id);
    enum kn_rc rc =
        kn_message_make(p->message, p->outbox->ws, d, &p->entry, &deliver->arena, &withheld);
    if (rc == KN_OK && !withheld) {
        kn_message_sign(p->message, deliver->env.key, p->outbox->ws, d, kn_str_c(id),
                        kn_clock_wall_us(deliver->env.clock), kn_clock_wall_us(kn_clock_posix()));
        p->job = (struct kn_http_job){.url = p->url,
                                      .headers = p->message->headers,
                                      .header_count = KN_MESSAGE_HEADERS,
                                      .body = kn_buf_view(&p->message->body),
                                      .context = p};
        rc = kn_http_client_begin(deliver->client, &p->job, &err);
    }
    if (rc != KN_OK || withheld) {
        land_message(p);
        if (withheld && rc == KN_OK) {
            withhold(deliver, p);
        }
        return rc == KN_OK;
    }
    p->state = KN_PARCEL_FLYING;
    p->doc_version = d->version;
    p->outbox->flying++;
    note_started(p->outbox, p);
    return true;
}

static void launch(struct kn_deliver *deliver, struct kn_outbox *o, const struct kn_destination *d)
{
    int64_t now = kn_clock_wall_us(deliver->env.clock);
    size_t most = o->failures > 0 ? 1 : KN_FLYING_MAX;
    for (size_t i = 0; i < o->count && o->flying < most; i++) {
        struct kn_parcel *p = o->parcels[i];
        if (p->state != KN_PARCEL_READY || is_held(o, i)) {
            continue;
        }
        if (p->entry.next_us > now) {
            int64_t wait_ms = (p->entry.next_us - now) / 1000 + 1;
            deliver->wait_ms = wait_ms < deliver->wait_ms ? wait_ms : deliver->wait_ms;
        } else if (!start(deliver, p, d)) {
            return;
        }
    }
}

/* Those that wait are tried at once: the receiver is back, or a person changed the destination. */
static void try_all_now(struct kn_outbox *o)
{
    for (size_t i = 0; i < o->count; i++) {
        o->parcels[i]->entry.next_us = 0;
    }
}

void kn_outbox_turn(struct kn_deliver *deliver, struct kn_outbox *o, const struct kn_destination *d)
{
    kn_arena_clear(&deliver->arena);
    kn_outbox_settle(deliver, o);
    if (!d || (!o->outstanding && !refresh(deliver, o)) || !o->loaded) {
        return;
    }
    if (o->doc_version != d->version) {
        o->failures = o->refusals = 0;
        if (o->doc_version != 0) {
            try_all_now(o);
        }
        o->doc_version = d->version;
    }
    bool stopped = o->stop != KN_STOP_NONE && o->stop_version == d->version;
    if (d->enabled && !stopped && !deliver->draining) {
        take(deliver, o);
        launch(deliver, o, d);
    }
    kn_outbox_record(deliver, o);
}

/* ---- landing ---- */

static void note_failure(struct kn_deliver *deliver, struct kn_parcel *p)
{
    struct kn_outbox *o = p->outbox;
    o->change.counts.failed++;
    o->change.failed_us = kn_clock_wall_us(deliver->env.clock);
    o->failures++;
}

static void stop_with(struct kn_outbox *o, const struct kn_parcel *p, enum kn_delivery_stop stop)
{
    o->stop = o->change.stop = stop;
    o->stop_version = o->change.stop_version = p->doc_version;
}

static void note_death(struct kn_parcel *p)
{
    struct kn_outbox *o = p->outbox;
    p->state = KN_PARCEL_DEAD;
    o->change.counts.died++;
    o->refusals++;
    if (o->refusals >= KN_REFUSALS_MAX) {
        stop_with(o, p, KN_STOP_REFUSED);
    }
}

static void note_delivery(struct kn_deliver *deliver, struct kn_parcel *p)
{
    struct kn_outbox *o = p->outbox;
    p->state = KN_PARCEL_DONE;
    o->change.counts.delivered++;
    o->change.delivered_us = kn_clock_wall_us(deliver->env.clock);
    if (o->failures >= DOWN) {
        try_all_now(o);
    }
    o->failures = o->refusals = 0;
}

static void judge(struct kn_deliver *deliver, struct kn_parcel *p)
{
    int64_t wait_us = 0;
    uint64_t spread = 0;
    int64_t now = kn_clock_wall_us(deliver->env.clock);
    kn_random_fill(deliver->env.random, &spread, sizeof spread);
    enum kn_verdict verdict =
        kn_retry(p->entry.tries, p->job.status, p->job.retry_after_s, spread, &wait_us);
    if (verdict == KN_DELIVERED) {
        note_delivery(deliver, p);
        return;
    }
    note_failure(deliver, p);
    if (p->job.status == 410) { /* it waits: who switches the destination on again loses nothing */
        p->state = KN_PARCEL_READY;
        stop_with(p->outbox, p, KN_STOP_GONE);
    } else if (verdict == KN_RETRY) {
        p->state = KN_PARCEL_READY;
        p->entry.next_us = now + wait_us;
    } else {
        note_death(p);
    }
}

void kn_outbox_landed(struct kn_deliver *deliver, struct kn_parcel *p)
{
    struct kn_outbox *o = p->outbox;
    o->flying--;
    p->touched = true;
    p->entry.tries++;
    p->entry.status = (uint32_t)p->job.status;
    p->entry.tried_us = kn_clock_wall_us(deliver->env.clock);
    (void)snprintf(p->error, sizeof p->error, "%s", p->job.error);
    p->entry.error = kn_str_c(p->error);
    memcpy(o->error, p->error, sizeof o->error);
    o->change.status = p->entry.status;
    o->change.error = kn_str_c(o->error);
    judge(deliver, p);
    land_message(p);
    kn_outbox_soil(deliver, o);
}

/* Frames and the items that are no person's: settings, rejects, ticks; source counters. */
#include "apply/destinations.h"
#include "apply/fold.h"
#include "apply/ledger.h"
#include "apply/live.h"
#include "apply/recent.h"
#include "base/assert.h"
#include "base/mem.h"
#include "format/json.h"

enum {
    FRAME_ARENA_MAX = 256 * 1024 * 1024,
    ITEM_ARENA_MAX = 1024 * 1024 * 1024,
    SCRATCH_MAX = 256 * 1024 * 1024,
    HISTORY_BYTES = 256 * 1024 * 1024,
    SOURCE_BYTES = 48,
};
#define HOUR_US (INT64_C(3600) * 1000000)

void kn_fold_init(struct kn_fold *f, struct kn_state *state, struct kn_dedupe *dedupe,
                  struct kn_archive *archive, struct kn_columns *columns)
{
    *f = (struct kn_fold){.state = state, .dedupe = dedupe, .archive = archive, .columns = columns};
    f->counters.next_ordinal = 1;
    f->counters.next_segment = 1;
    f->counters.reject_due_us = INT64_MAX;
    kn_arena_init(&f->frame_arena, FRAME_ARENA_MAX);
    kn_arena_init(&f->arena, ITEM_ARENA_MAX);
    kn_arena_init(&f->kept, SIZE_MAX / 4);
    kn_arena_init(&f->kept_frozen, SIZE_MAX / 4);
    kn_buf_init(&f->scratch, SCRATCH_MAX);
    kn_buf_init(&f->row, SCRATCH_MAX);
    f->recent = kn_recent_new();
    f->live = kn_must_calloc(1, sizeof *f->live);
    kn_live_init(f->live, HISTORY_BYTES);
    f->ledger = kn_must_calloc(1, sizeof *f->ledger);
    kn_ledger_init(f->ledger);
}

void kn_fold_deinit(struct kn_fold *f)
{
    for (size_t i = 0; i < f->doc_count; i++) {
        kn_free(f->docs[i].key);
        kn_free(f->docs[i].json);
    }
    kn_free(f->docs);
    kn_settings_unref(f->settings);
    kn_live_deinit(f->live);
    kn_free(f->live);
    kn_ledger_deinit(f->ledger);
    kn_free(f->ledger);
    kn_erasures_deinit(&f->erasures);
    kn_recent_free(f->recent);
    kn_buf_deinit(&f->row);
    kn_buf_deinit(&f->scratch);
    kn_touched_deinit(&f->touched);
    kn_arena_deinit(&f->kept_frozen);
    kn_arena_deinit(&f->kept);
    kn_arena_deinit(&f->arena);
    kn_arena_deinit(&f->frame_arena);
    *f = (struct kn_fold){0};
}

/* ---- source counters ---- */

void kn_source_counters_decode(struct kn_str value, struct kn_source_counters *ret)
{
    *ret = (struct kn_source_counters){.oldest_reject = 1};
    if (!value.p) {
        return;
    }
    struct kn_cursor c = kn_cursor(value);
    ret->events = kn_take_le64(&c);
    ret->duplicates = kn_take_le64(&c);
    ret->rejects = kn_take_le64(&c);
    ret->oldest_reject = kn_take_le64(&c);
    ret->first_us = (int64_t)kn_take_le64(&c);
    ret->last_us = (int64_t)kn_take_le64(&c);
    kn_assert(!c.bad);
}

static void put_counters(struct kn_fold *f, uint32_t source, const struct kn_source_counters *s)
{
    struct kn_buf *out = &f->scratch;
    kn_buf_le64(out, s->events);
    kn_buf_le64(out, s->duplicates);
    kn_buf_le64(out, s->rejects);
    kn_buf_le64(out, s->oldest_reject);
    kn_buf_le64(out, (uint64_t)s->first_us);
    kn_buf_le64(out, (uint64_t)s->last_us);
    kn_assert(out->rc == KN_OK && out->len == SOURCE_BYTES);
    kn_fold_put(f, KN_T_SOURCE, kn_key_u32(source), kn_buf_view(out));
    kn_buf_clear(out);
}

void kn_fold_count_source(struct kn_fold *f, uint32_t source, uint64_t events, uint64_t duplicates,
                          int64_t at_us)
{
    struct kn_source_counters s;
    kn_source_counters_decode(kn_fold_get(f, KN_T_SOURCE, kn_key_u32(source)), &s);
    s.events += events;
    s.duplicates += duplicates;
    if (events > 0) {
        s.first_us = s.first_us == 0 ? at_us : s.first_us;
        s.last_us = at_us;
    }
    put_counters(f, source, &s);
}

/* ---- rejects ---- */

void kn_reject_key(uint32_t source, uint64_t number, char bytes[12])
{
    for (unsigned i = 0; i < 4; i++) {
        bytes[i] = (char)(unsigned char)(source >> (8 * (3 - i)));
    }
    for (unsigned i = 0; i < 8; i++) {
        bytes[4 + i] = (char)(unsigned char)(number >> (8 * (7 - i)));
    }
}

static void remove_reject(struct kn_fold *f, uint32_t source, uint64_t number)
{
    char key[12];
    kn_reject_key(source, number, key);
    kn_fold_remove(f, KN_T_REJECT, kn_key_bytes(kn_str(key, sizeof key)));
}

void kn_fold_reject(struct kn_fold *f, const struct kn_item *item)
{
    struct kn_source_counters s;
    char key[12];
    kn_source_counters_decode(kn_fold_get(f, KN_T_SOURCE, kn_key_u32(item->source)), &s);
    s.rejects++;
    kn_reject_key(item->source, s.rejects, key);
    kn_buf_le64(&f->scratch, (uint64_t)item->received_us);
    kn_buf_lstr(&f->scratch, item->name);
    kn_buf_lstr(&f->scratch, item->body);
    kn_fold_put(f, KN_T_REJECT, kn_key_bytes(kn_str(key, sizeof key)), kn_buf_view(&f->scratch));
    kn_buf_clear(&f->scratch);
    while (s.rejects - s.oldest_reject >= KN_REJECTS_KEPT) {
        remove_reject(f, item->source, s.oldest_reject++);
    }
    put_counters(f, item->source, &s);
    f->counters.rejects++;
    if (item->received_us + KN_REJECT_LIFE_US < f->counters.reject_due_us) {
        f->counters.reject_due_us = item->received_us + KN_REJECT_LIFE_US;
    }
}

static int64_t reject_time(struct kn_fold *f, uint32_t source, uint64_t number)
{
    char key[12];
    kn_reject_key(source, number, key);
    struct kn_str value = kn_fold_get(f, KN_T_REJECT, kn_key_bytes(kn_str(key, sizeof key)));
    if (!value.p) {
        return INT64_MIN;
    }
    struct kn_cursor c = kn_cursor(value);
    return (int64_t)kn_take_le64(&c);
}

void kn_fold_expire_rejects(struct kn_fold *f)
{
    int64_t next = INT64_MAX;
    for (uint32_t source = 0; source <= f->settings->source_count; source++) {
        struct kn_source_counters s;
        kn_source_counters_decode(kn_fold_get(f, KN_T_SOURCE, kn_key_u32(source)), &s);
        uint64_t oldest = s.oldest_reject;
        int64_t due = INT64_MAX;
        while (s.oldest_reject <= s.rejects) {
            int64_t at = reject_time(f, source, s.oldest_reject);
            if (at != INT64_MIN && at + KN_REJECT_LIFE_US > f->now_us) {
                due = at + KN_REJECT_LIFE_US;
                break;
            }
            remove_reject(f, source, s.oldest_reject++);
        }
        if (s.oldest_reject != oldest) {
            put_counters(f, source, &s);
        }
        next = due < next ? due : next;
    }
    f->counters.reject_due_us = next;
}

/* ---- items ---- */

static void archive(struct kn_fold *f, uint32_t ordinal, const struct kn_item *item,
                    uint64_t arrival, struct kn_str bytes)
{
    struct kn_archive_row row = {
        .ordinal = ordinal,
        .event_us = item->event_us,
        .arrival = arrival,
        .item = bytes,
    };
    struct kn_str kept = kn_archive_append(f->archive, &row);
    kn_feed_event(f, ordinal, item, arrival, kept);
    if (ordinal > 0) {
        kn_touch_item(f, ordinal, item, arrival);
    }
}

static void apply_event(struct kn_fold *f, const struct kn_item *item, uint64_t arrival,
                        struct kn_str bytes, uint64_t *events, uint64_t *duplicates)
{
    if (kn_dedupe_seen(f->dedupe, item->message_hash, f->now_us / HOUR_US)) {
        f->counters.duplicates++;
        (*duplicates)++;
        kn_recent_note(f->recent, item->source, arrival, KN_ARRIVAL_DUPLICATE, bytes);
        return;
    }
    uint32_t ordinal = item->flags & KN_ITEM_NO_PROFILE ? 0 : kn_fold_person_item(f, item, arrival);
    archive(f, ordinal, item, arrival, bytes);
    f->counters.events++;
    (*events)++;
    kn_recent_note(f->recent, item->source, arrival, KN_ARRIVAL_ACCEPTED, bytes);
}

static void apply_merge(struct kn_fold *f, const struct kn_item *item, uint64_t arrival,
                        struct kn_str bytes)
{
    if (kn_fold_check_merge(f, item, NULL) == KN_OK) {
        archive(f, kn_fold_person_item(f, item, arrival), item, arrival, bytes);
    }
}

static void apply_genesis(struct kn_fold *f, const struct kn_item *item)
{
    kn_fold_setting(f, KN_STR("genesis"), item->body);
}

/* What is summed up over the items of one source in a frame. */
struct tally {
    uint32_t source;
    uint64_t events, duplicates;
};

static void flush(struct kn_fold *f, struct tally *t, int64_t at_us)
{
    if (t->events + t->duplicates > 0) {
        kn_fold_count_source(f, t->source, t->events, t->duplicates, at_us);
    }
    *t = (struct tally){0};
}

static void apply_item(struct kn_fold *f, const struct kn_item *item, uint64_t arrival,
                       struct kn_str bytes, struct tally *tally)
{
    uint32_t kept;
    uint32_t split;
    if (item->source != tally->source) {
        flush(f, tally, f->now_us);
        tally->source = item->source;
    }
    if (kn_fold_is_erased(f, item)) {
        return; /* as if it were void, which it will be */
    }
    switch (item->kind) {
    case KN_ITEM_EVENT:
        apply_event(f, item, arrival, bytes, &tally->events, &tally->duplicates);
        break;
    case KN_ITEM_CONSENT:
    case KN_ITEM_NOTE:
        archive(f, kn_fold_person_item(f, item, arrival), item, arrival, bytes);
        break;
    case KN_ITEM_MERGE: apply_merge(f, item, arrival, bytes); break;
    case KN_ITEM_UNMERGE:
        (void)!kn_fold_unmerge(f, item, arrival, bytes, &kept, &split); /* no longer possible */
        break;
    case KN_ITEM_REJECT:
        kn_fold_reject(f, item);
        kn_recent_note(f->recent, item->source, arrival, KN_ARRIVAL_REFUSED, bytes);
        break;
    case KN_ITEM_SETTING: kn_fold_setting(f, item->name, item->body); break;
    case KN_ITEM_GENESIS: apply_genesis(f, item); break;
    case KN_ITEM_BUILT: kn_live_built(f, item); break;
    case KN_ITEM_LIST: kn_fold_list(f, item); break;
    case KN_ITEM_DELIVERY: kn_fold_delivery(f, item); break;
    case KN_ITEM_ERASE: kn_fold_erase(f, item); break;
    case KN_ITEM_ERASED: kn_fold_erased(f, item); break;
    case KN_ITEM_TICK:
    case KN_ITEM_VOID: break;
    }
    kn_arena_clear(&f->arena);
}

struct decoded {
    uint32_t person; /* a guess, for prefetching only */
    struct kn_item item;
    struct kn_str bytes;
};

static enum kn_rc decode_all(struct kn_fold *f, const struct kn_frame *frame, struct decoded *items,
                             struct kn_err *err)
{
    struct kn_cursor c = kn_cursor(frame->body);
    for (uint32_t i = 0; i < frame->item_count; i++) {
        struct kn_cursor skip = c;
        items[i].bytes = kn_item_skip(&skip);
        enum kn_rc rc = kn_item_decode(&c, &f->key, &f->frame_arena, &items[i].item, err);
        if (rc == KN_E_NOMEM) {
            return kn_fail(err, rc, "record %llu: out of memory", (unsigned long long)frame->seq);
        }
        if (rc != KN_OK) {
            return kn_fail(err, KN_E_CORRUPT, "record %llu, item %u does not decode",
                           (unsigned long long)frame->seq, i);
        }
    }
    return c.p == c.end ? KN_OK
                        : kn_fail(err, KN_E_CORRUPT, "record %llu has bytes left over",
                                  (unsigned long long)frame->seq);
}

/* ---- memory latency: what the items will look up is fetched for all of them at once ---- */

static void prefetch_ids(struct kn_fold *f, const struct kn_item *item, int step)
{
    for (size_t k = 0; k < item->id_count; k++) {
        kn_state_prefetch(f->state, KN_T_IDENTIFIER, kn_key_h128(item->ids[k].hash), step);
    }
}

/* Who the item's first known identifier belongs to, as far as memory knows; 0 = nobody. */
static uint32_t peek_person(const struct kn_fold *f, const struct kn_item *item)
{
    for (size_t k = 0; k < item->id_count; k++) {
        uint32_t ordinal;
        uint32_t slot;
        bool guarded;
        struct kn_str value =
            kn_state_peek(f->state, KN_T_IDENTIFIER, kn_key_h128(item->ids[k].hash));
        if (kn_identifier_decode(value, &ordinal, &slot, &guarded)) {
            return ordinal;
        }
    }
    return 0;
}

static void prefetch_all(struct kn_fold *f, struct decoded *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        prefetch_ids(f, &items[i].item, 0);
        kn_dedupe_prefetch(f->dedupe, items[i].item.message_hash);
    }
    for (uint32_t i = 0; i < count; i++) {
        prefetch_ids(f, &items[i].item, 1);
    }
    for (uint32_t i = 0; i < count; i++) {
        items[i].person = peek_person(f, &items[i].item);
    }
    for (int step = 0; step < 3; step++) {
        for (uint32_t i = 0; i < count; i++) {
            kn_state_prefetch(f->state, KN_T_HOT, kn_key_u32(items[i].person), step);
        }
    }
}

enum kn_rc kn_fold_frame(struct kn_fold *f, const struct kn_frame *frame, struct kn_err *err)
{
    kn_arena_clear(&f->frame_arena);
    struct decoded *items =
        kn_arena_alloc(&f->frame_arena, (frame->item_count + 1) * sizeof *items);
    if (!items) {
        kn_panic("out of memory: record of %u items", frame->item_count);
    }
    KN_TRY(decode_all(f, frame, items, err));
    if (frame->item_count > 1) {
        prefetch_all(f, items, frame->item_count);
    }
    f->now_us = frame->record_us;
    f->seq = frame->seq;
    if (f->counters.derived_seq != frame->seq) { /* else moments before it fired already */
        f->counters.derived_seq = frame->seq;
        f->counters.derived_index = 0;
    }
    if (f->now_us >= f->counters.reject_due_us) {
        kn_fold_expire_rejects(f);
    }
    struct tally tally = {0};
    for (uint32_t i = 0; i < frame->item_count; i++) {
        f->arrival = (frame->seq << 16) | i;
        apply_item(f, &items[i].item, f->arrival, items[i].bytes, &tally);
    }
    flush(f, &tally, f->now_us);
    bool is_tick = frame->item_count == 1 && items[0].item.kind == KN_ITEM_TICK;
    kn_live_record(f, is_tick);
    kn_fold_redact(f, is_tick);
    f->frozen_list = NULL;
    return KN_OK;
}

#include "apply/due.h"

#include "apply/fold.h"
#include "base/assert.h"
#include "base/mem.h"

enum { KIDS = 4 };

static bool before(struct kn_due_entry a, struct kn_due_entry b)
{
    return a.us < b.us || (a.us == b.us && a.ordinal < b.ordinal);
}

static void put_at(struct kn_due *due, uint32_t at, struct kn_due_entry entry)
{
    due->heap[at] = entry;
    due->places[entry.ordinal] = at + 1;
}

static void rise(struct kn_due *due, uint32_t at, struct kn_due_entry entry)
{
    while (at > 0 && before(entry, due->heap[(at - 1) / KIDS])) {
        put_at(due, at, due->heap[(at - 1) / KIDS]);
        at = (at - 1) / KIDS;
    }
    put_at(due, at, entry);
}

static void sink(struct kn_due *due, uint32_t at, struct kn_due_entry entry)
{
    for (;;) {
        uint32_t first = at * KIDS + 1;
        uint32_t end = first + KIDS < due->count ? first + KIDS : due->count;
        uint32_t best = at;
        for (uint32_t i = first; i < end; i++) {
            if (before(due->heap[i], best == at ? entry : due->heap[best])) {
                best = i;
            }
        }
        if (best == at) {
            break;
        }
        put_at(due, at, due->heap[best]);
        at = best;
    }
    put_at(due, at, entry);
}

static void make_room(struct kn_due *due, uint32_t ordinal)
{
    if (ordinal >= due->place_count) {
        uint32_t count = due->place_count ? due->place_count : 1024;
        while (count <= ordinal) {
            count *= 2;
        }
        due->places = kn_must_realloc(due->places, count * sizeof *due->places);
        memset(due->places + due->place_count, 0, (count - due->place_count) * sizeof *due->places);
        due->place_count = count;
    }
    if (due->count == due->room) {
        due->room = due->room ? due->room * 2 : 1024;
        due->heap = kn_must_realloc(due->heap, due->room * sizeof *due->heap);
    }
}

static void place(struct kn_due *due, uint32_t ordinal, int64_t us)
{
    struct kn_due_entry entry = {us, ordinal};
    make_room(due, ordinal);
    uint32_t at = due->places[ordinal];
    if (at == 0) {
        rise(due, due->count++, entry);
    } else if (before(entry, due->heap[at - 1])) {
        rise(due, at - 1, entry);
    } else {
        sink(due, at - 1, entry);
    }
}

static void take_out(struct kn_due *due, uint32_t ordinal)
{
    uint32_t at = ordinal < due->place_count ? due->places[ordinal] : 0;
    if (at == 0) {
        return;
    }
    due->places[ordinal] = 0;
    struct kn_due_entry last = due->heap[--due->count];
    if (last.ordinal == ordinal) {
        return;
    }
    at--;
    if (at > 0 && before(last, due->heap[(at - 1) / KIDS])) {
        rise(due, at, last);
    } else {
        sink(due, at, last);
    }
}

int64_t kn_due_of(const struct kn_due *due, uint32_t ordinal)
{
    uint32_t at = ordinal < due->place_count ? due->places[ordinal] : 0;
    return at == 0 ? INT64_MAX : due->heap[at - 1].us;
}

bool kn_due_first(const struct kn_due *due, struct kn_due_entry *ret)
{
    if (due->count > 0) {
        *ret = due->heap[0];
    }
    return due->count > 0;
}

static void write_down(struct kn_fold *f, uint32_t ordinal, int64_t us)
{
    struct kn_key key = kn_key_u32(ordinal / KN_DUE_SPAN);
    size_t len;
    if (!kn_fold_get(f, KN_T_DUE, key).p) {
        int64_t none[KN_DUE_SPAN];
        for (size_t i = 0; i < KN_DUE_SPAN; i++) {
            none[i] = INT64_MAX;
        }
        kn_fold_put(f, KN_T_DUE, key, kn_str(none, sizeof none));
    }
    char *moments = kn_fold_edit(f, KN_T_DUE, key, &len);
    kn_assert(moments != NULL && len == KN_DUE_SPAN * sizeof us);
    memcpy(moments + (ordinal % KN_DUE_SPAN) * sizeof us, &us, sizeof us);
}

void kn_due_file(struct kn_fold *f, struct kn_due *due, uint32_t ordinal, int64_t us)
{
    if (kn_due_of(due, ordinal) == us) {
        return;
    }
    write_down(f, ordinal, us);
    if (us == INT64_MAX) {
        take_out(due, ordinal);
    } else {
        place(due, ordinal, us);
    }
}

static enum kn_rc load_span(void *context, struct kn_key key, struct kn_str value,
                            struct kn_err *err)
{
    struct kn_due *due = context;
    if (value.len != KN_DUE_SPAN * sizeof(int64_t)) {
        return kn_fail(err, KN_E_CORRUPT, "moments of profiles %u ...: wrong length",
                       key.number * KN_DUE_SPAN);
    }
    for (uint32_t i = 0; i < KN_DUE_SPAN; i++) {
        int64_t us;
        memcpy(&us, value.p + i * sizeof us, sizeof us);
        if (us != INT64_MAX) {
            place(due, key.number * KN_DUE_SPAN + i, us);
        }
    }
    return KN_OK;
}

enum kn_rc kn_due_load(struct kn_fold *f, struct kn_due *due, struct kn_err *err)
{
    return kn_state_scan(f->state, KN_T_DUE, load_span, due, err);
}

void kn_due_deinit(struct kn_due *due)
{
    kn_free(due->heap);
    kn_free(due->places);
    *due = (struct kn_due){0};
}

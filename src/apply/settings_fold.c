/* The fold's side of the settings: documents become snapshots. */
#include "apply/destinations.h"
#include "apply/fold.h"
#include "apply/live.h"
#include "apply/settings.h"
#include "base/assert.h"
#include "base/mem.h"
#include "format/json.h"

static char *text_copy(struct kn_str s)
{
    char *copy = kn_must_alloc(s.len + 1);
    if (s.len > 0) {
        memcpy(copy, s.p, s.len);
    }
    copy[s.len] = '\0';
    return copy;
}

/* Where a key is among the documents, or would be: they are in order. */
static size_t doc_place(const struct kn_fold *f, struct kn_str key)
{
    size_t low = 0;
    size_t high = f->doc_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (kn_str_cmp(kn_str_c(f->docs[middle].key), key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* NULL: there is none. */
static struct kn_setting_doc *find_doc(const struct kn_fold *f, struct kn_str key)
{
    size_t at = doc_place(f, key);
    return at < f->doc_count && kn_str_eq(kn_str_c(f->docs[at].key), key) ? &f->docs[at] : NULL;
}

static void remove_doc(struct kn_fold *f, struct kn_str key)
{
    struct kn_setting_doc *doc = find_doc(f, key);
    if (doc) {
        kn_free(doc->key);
        kn_free(doc->json);
        f->doc_count--;
        memmove(doc, doc + 1, (size_t)(f->docs + f->doc_count - doc) * sizeof *doc);
    }
}

static void set_doc(struct kn_fold *f, struct kn_str key, struct kn_str json)
{
    struct kn_setting_doc *doc = find_doc(f, key);
    if (doc) {
        kn_free(doc->json);
        doc->json = text_copy(json);
        return;
    }
    size_t at = doc_place(f, key);
    if (f->doc_count == f->doc_room) {
        f->doc_room = f->doc_room ? f->doc_room * 2 : 16;
        f->docs = kn_must_realloc(f->docs, f->doc_room * sizeof *f->docs);
    }
    memmove(f->docs + at + 1, f->docs + at, (f->doc_count - at) * sizeof *f->docs);
    f->docs[at] = (struct kn_setting_doc){text_copy(key), text_copy(json)};
    f->doc_count++;
}

/* The genesis document holds the seed of every hash of the workspace. */
static void read_seed(struct kn_fold *f)
{
    const struct kn_setting_doc *genesis = find_doc(f, KN_STR("genesis"));
    size_t offset = 0;
    struct kn_str key;
    struct kn_str value;
    while (genesis && kn_json_walk(kn_str_c(genesis->json), &offset, &key, &value)) {
        if (kn_str_eq(key, KN_STR("seed"))) {
            f->key = kn_hash_key_from(value);
        }
    }
}

static void take_settings(struct kn_fold *f, struct kn_settings *next)
{
    kn_settings_unref(f->settings);
    f->settings = next;
    f->settings_changed = true;
}

/* A document that does not read leaves the snapshot as it was (the API refuses such a document
 * before it becomes a record). */
static void publish(struct kn_fold *f)
{
    struct kn_settings *next = NULL;
    struct kn_err err;
    uint64_t version = f->settings ? f->settings->version + 1 : 1;
    read_seed(f);
    if (kn_settings_build(f->docs, f->doc_count, version, &f->key, f->settings, &next, &err) ==
        KN_OK) {
        take_settings(f, next);
    } else if (!f->settings) {
        kn_panic("settings cannot be read: %s", err.text);
    }
}

/* The rest stays as it is, so that a definition costs the same however many there are. */
static void publish_definition(struct kn_fold *f, struct kn_str key, struct kn_str json)
{
    struct kn_settings *next = NULL;
    struct kn_err err;
    if (kn_settings_with(f->settings, key, json, &next, &err) == KN_OK) {
        take_settings(f, next);
    }
}

/* An empty document takes a key away. */
static void take_doc(struct kn_fold *f, struct kn_str key, struct kn_str json)
{
    struct kn_str name;
    bool computed;
    if (json.len == 0) {
        remove_doc(f, key);
    } else {
        set_doc(f, key, json);
    }
    if (f->settings && kn_settings_split_key(key, &name, &computed)) {
        publish_definition(f, key, json);
    } else {
        publish(f);
    }
}

/* There is one beginning. */
static bool is_second_genesis(const struct kn_fold *f, struct kn_str key)
{
    return kn_str_eq(key, KN_STR("genesis")) && find_doc(f, key) != NULL;
}

void kn_fold_setting(struct kn_fold *f, struct kn_str key, struct kn_str json)
{
    kn_assert(key.len > 0 && key.len <= KN_STATE_KEY_MAX);
    if (is_second_genesis(f, key)) {
        return;
    }
    if (json.len == 0) {
        kn_fold_remove(f, KN_T_SETTING, kn_key_bytes(key));
        if (kn_str_starts(key, KN_STR("destination/"))) {
            kn_fold_delivery_forget(f, kn_str_sub(key, strlen("destination/"), key.len));
        }
    } else {
        kn_fold_put(f, KN_T_SETTING, kn_key_bytes(key), json);
    }
    take_doc(f, key, json);
}

/* ---- ahead of the fold ---- */

void kn_fold_ahead_init(const struct kn_fold *f, struct kn_fold *ahead)
{
    kn_fold_init(ahead, NULL, NULL, NULL, NULL);
    for (size_t i = 0; i < f->doc_count; i++) {
        set_doc(ahead, kn_str_c(f->docs[i].key), kn_str_c(f->docs[i].json));
    }
    ahead->key = f->key;
    ahead->settings = f->settings ? kn_settings_ref(f->settings) : NULL;
}

enum kn_rc kn_fold_ahead_frame(struct kn_fold *ahead, const struct kn_frame *frame,
                               struct kn_err *err)
{
    struct kn_cursor c = kn_cursor(frame->body);
    struct kn_item item;
    for (uint32_t i = 0; i < frame->item_count; i++) {
        kn_arena_clear(&ahead->frame_arena);
        enum kn_rc rc = kn_item_decode(&c, &ahead->key, &ahead->frame_arena, &item, err);
        if (rc != KN_OK) {
            return kn_fail_wrap(err, rc, "record %llu, item %u", (unsigned long long)frame->seq, i);
        }
        if (item.kind != KN_ITEM_SETTING && item.kind != KN_ITEM_GENESIS) {
            continue;
        }
        struct kn_str key = item.kind == KN_ITEM_GENESIS ? KN_STR("genesis") : item.name;
        if (!is_second_genesis(ahead, key)) {
            take_doc(ahead, key, item.body);
        }
    }
    return KN_OK;
}

/* ---- at start ---- */

static enum kn_rc load_doc(void *context, struct kn_key key, struct kn_str value,
                           struct kn_err *err)
{
    (void)err;
    set_doc(context, key.bytes, value);
    return KN_OK;
}

enum kn_rc kn_fold_load(struct kn_fold *f, struct kn_err *err)
{
    KN_TRY(kn_state_scan(f->state, KN_T_SETTING, load_doc, f, err));
    publish(f);
    KN_TRY(kn_erasures_load(f, err));
    return f->settings ? kn_live_load(f, err) : KN_OK;
}

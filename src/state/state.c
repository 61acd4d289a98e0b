#include "state/state.h"

#include "base/assert.h"
#include "base/mem.h"
#include "state/state_internal.h"

enum { TRIM_LOOKS = 6, TRIM_RUN = 32 };

/* About what the allocator takes for a block: it rounds up to 16 bytes, then to an eighth. */
static size_t footprint(size_t bytes)
{
    return bytes <= 128 ? (bytes + 15) & ~(size_t)15 : bytes + bytes / 16;
}

/* What an entry takes without its value: itself, and the pointer to it. */
static size_t entry_footprint(size_t key_bytes)
{
    return footprint(sizeof(struct kn_state_entry) + key_bytes) + sizeof(void *);
}

static size_t hash_of(const struct kn_state_map *map, struct kn_key key)
{
    return (size_t)(map->kind == KN_KEY_H128 ? key.hash.lo : kn_checksum64(key.bytes));
}

static bool is_key(const struct kn_state_map *map, const struct kn_state_entry *e,
                   struct kn_key key)
{
    if (map->kind == KN_KEY_H128) {
        return memcmp(e->key, &key.hash, sizeof key.hash) == 0;
    }
    return kn_str_eq(kn_str(e->key, e->key_len), key.bytes);
}

/* Where the map keeps the pointer to the key's entry (or to the first of its bucket); NULL =
 * nowhere. */
static struct kn_state_entry **place_of(const struct kn_state_map *map, struct kn_key key)
{
    if (map->kind == KN_KEY_U32) {
        size_t page = key.number / KN_STATE_PAGE;
        return page < map->page_count && map->pages[page]
                   ? &map->pages[page][key.number % KN_STATE_PAGE]
                   : NULL;
    }
    return map->bucket_count == 0 ? NULL
                                  : &map->buckets[hash_of(map, key) & (map->bucket_count - 1)];
}

static struct kn_state_entry *find(const struct kn_state_map *map, struct kn_key key)
{
    struct kn_state_entry **place = place_of(map, key);
    struct kn_state_entry *e = place ? *place : NULL;
    while (e && map->kind != KN_KEY_U32 && !is_key(map, e, key)) {
        e = e->next;
    }
    return e;
}

struct kn_key kn_state__entry_key(const struct kn_state_map *map, const struct kn_state_entry *e)
{
    struct kn_key key = {.number = e->number};
    if (map->kind == KN_KEY_H128) {
        memcpy(&key.hash, e->key, sizeof key.hash);
    } else if (map->kind == KN_KEY_BYTES) {
        key.bytes = kn_str(e->key, e->key_len);
    }
    return key;
}

static void grow_buckets(struct kn_state_map *map)
{
    size_t count = map->bucket_count ? map->bucket_count * 2 : 1024;
    struct kn_state_entry **buckets = kn_must_table(count, sizeof(struct kn_state_entry *));
    for (size_t i = 0; i < map->bucket_count; i++) {
        struct kn_state_entry *e = map->buckets[i];
        while (e) {
            struct kn_state_entry *next = e->next;
            size_t at = hash_of(map, kn_state__entry_key(map, e)) & (count - 1);
            e->next = buckets[at];
            buckets[at] = e;
            e = next;
        }
    }
    kn_free(map->buckets);
    map->buckets = buckets;
    map->bucket_count = count;
}

static void place_numbered(struct kn_state_map *map, struct kn_state_entry *e)
{
    size_t page = e->number / KN_STATE_PAGE;
    if (page >= map->page_count) {
        size_t count = map->page_count ? map->page_count : 16;
        while (count <= page) {
            count *= 2;
        }
        map->pages = kn_must_realloc(map->pages, count * sizeof *map->pages);
        memset(map->pages + map->page_count, 0, (count - map->page_count) * sizeof *map->pages);
        map->page_count = count;
    }
    if (!map->pages[page]) {
        map->pages[page] = kn_must_calloc(KN_STATE_PAGE, sizeof **map->pages);
    }
    map->pages[page][e->number % KN_STATE_PAGE] = e;
}

static struct kn_state_entry *add(struct kn_state *s, unsigned table, struct kn_key key)
{
    struct kn_state_map *map = &s->maps[table];
    size_t key_bytes = map->kind == KN_KEY_H128 ? sizeof key.hash : key.bytes.len;
    kn_assert(key.bytes.len <= KN_STATE_KEY_MAX);
    struct kn_state_entry *e = kn_must_alloc(sizeof *e + key_bytes);
    *e = (struct kn_state_entry){.table = (uint8_t)table, .number = key.number};
    if (map->kind == KN_KEY_U32) {
        place_numbered(map, e);
    } else {
        if (map->kind == KN_KEY_H128) {
            memcpy(e->key, &key.hash, sizeof key.hash);
        } else {
            memcpy(e->key, key.bytes.p, key.bytes.len);
            e->key_len = (uint8_t)key.bytes.len;
        }
        if (map->count >= map->bucket_count) {
            grow_buckets(map);
        }
        size_t at = hash_of(map, key) & (map->bucket_count - 1);
        e->next = map->buckets[at];
        map->buckets[at] = e;
    }
    map->count++;
    s->added++;
    s->entries++;
    s->entry_bytes += entry_footprint(key_bytes);
    return e;
}

static void free_value(struct kn_state *s, struct kn_state_value *v)
{
    if (v->len > KN_STATE_INLINE) {
        s->entry_bytes -= footprint(v->len);
        kn_free(v->p);
    }
    v->len = 0;
}

static void set_value(struct kn_state *s, struct kn_state_value *v, struct kn_str text)
{
    v->len = (uint32_t)text.len;
    v->present = true;
    if (text.len > KN_STATE_INLINE) {
        v->p = kn_must_alloc(text.len);
        s->entry_bytes += footprint(text.len);
        memcpy(v->p, text.p, text.len);
    } else if (text.len > 0) {
        memcpy(v->bytes, text.p, text.len);
    }
}

/* The entry of a key, read in from LMDB when it is not in memory; NULL: nowhere. */
static struct kn_state_entry *fetch(struct kn_state *s, unsigned table, struct kn_key key)
{
    kn_assert(table < s->table_count);
    struct kn_state_entry *e = find(&s->maps[table], key);
    struct kn_str text;
    if (e) {
        s->hits++;
        e->used = true;
        return e;
    }
    if (!s->maps[table].on_disk) {
        return NULL;
    }
    s->misses++;
    if (!kn_state__db_get(s, s->txn, table, key, &text)) {
        return NULL;
    }
    e = add(s, table, key);
    set_value(s, &e->value, text);
    e->used = true;
    return e;
}

struct kn_str kn_state_get(struct kn_state *s, unsigned table, struct kn_key key)
{
    struct kn_state_entry *e = fetch(s, table, key);
    return e && e->value.present ? kn_state__text(&e->value) : KN_STR_EMPTY;
}

static void mark_dirty(struct kn_state *s, struct kn_state_entry *e)
{
    if (e->dirty) {
        return;
    }
    e->dirty = true;
    if (s->dirty_count == s->dirty_room) {
        s->dirty_room = s->dirty_room ? s->dirty_room * 2 : 1024;
        s->dirty = kn_must_realloc(s->dirty, s->dirty_room * sizeof *s->dirty);
    }
    s->dirty[s->dirty_count++] = e;
    s->dirty_bytes += sizeof *e + e->value.len;
}

/* Takes the old value out of the entry; it is freed unless a checkpoint owns it. */
static void replace(struct kn_state *s, struct kn_state_entry *e, struct kn_str text, bool present)
{
    struct kn_state_value old = e->value;
    uint32_t old_len = old.len;
    e->value = (struct kn_state_value){.present = present};
    if (present) {
        set_value(s, &e->value, text); /* before the old one goes: text may stand in it */
    }
    if (!e->frozen) {
        free_value(s, &old);
    }
    e->frozen = false;
    if (e->dirty) {
        s->dirty_bytes += e->value.len;
        s->dirty_bytes -= old_len < s->dirty_bytes ? old_len : s->dirty_bytes;
    }
}

void kn_state_put(struct kn_state *s, unsigned table, struct kn_key key, struct kn_str value)
{
    char inlined[KN_STATE_INLINE];
    kn_assert(table < s->table_count && value.len <= UINT32_MAX);
    struct kn_state_entry *e = find(&s->maps[table], key);
    if (!e) {
        e = add(s, table, key);
    }
    if (value.len > 0 && value.len <= KN_STATE_INLINE) {
        memcpy(inlined, value.p, value.len);
        value.p = inlined;
    }
    replace(s, e, value, true);
    mark_dirty(s, e);
    e->used = true;
}

char *kn_state_edit(struct kn_state *s, unsigned table, struct kn_key key, size_t *ret_len)
{
    struct kn_state_entry *e = fetch(s, table, key);
    if (!e || !e->value.present) {
        return NULL;
    }
    if (e->frozen) {
        struct kn_state_value old = e->value;
        replace(s, e, kn_state__text(&old), true);
    }
    mark_dirty(s, e);
    *ret_len = e->value.len;
    return e->value.len <= KN_STATE_INLINE ? e->value.bytes : e->value.p;
}

void kn_state_remove(struct kn_state *s, unsigned table, struct kn_key key)
{
    struct kn_state_entry *e = find(&s->maps[table], key);
    if (!e) {
        if (!s->maps[table].on_disk) {
            return;
        }
        e = add(s, table, key);
    }
    replace(s, e, KN_STR_EMPTY, false);
    mark_dirty(s, e);
}

void kn_state_prefetch(const struct kn_state *s, unsigned table, struct kn_key key, int step)
{
    struct kn_state_entry **place = place_of(&s->maps[table], key);
    if (!place) {
        return;
    }
    if (step == 0) {
        __builtin_prefetch(place);
    } else if (*place && step == 1) {
        __builtin_prefetch(*place);
    } else if (*place && (*place)->value.len > KN_STATE_INLINE) {
        __builtin_prefetch((*place)->value.p);
        __builtin_prefetch((*place)->value.p + 64);
    }
}

struct kn_str kn_state_peek(const struct kn_state *s, unsigned table, struct kn_key key)
{
    const struct kn_state_entry *e = find(&s->maps[table], key);
    return e && e->value.present ? kn_state__text(&e->value) : KN_STR_EMPTY;
}

/* ---- readers ---- */

static MDB_txn *borrow(struct kn_state *s)
{
    MDB_txn *txn = NULL;
    kn_mutex_lock(&s->pool_mutex);
    if (s->pool_count > 0) {
        txn = s->pool[--s->pool_count];
    }
    kn_mutex_unlock(&s->pool_mutex);
    if (txn ? mdb_txn_renew(txn) != 0 : mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn) != 0) {
        kn_panic("a read transaction could not begin");
    }
    return txn;
}

static void give_back(struct kn_state *s, MDB_txn *txn)
{
    mdb_txn_reset(txn);
    kn_mutex_lock(&s->pool_mutex);
    bool kept = s->pool_count < sizeof s->pool / sizeof s->pool[0];
    if (kept) {
        s->pool[s->pool_count++] = txn;
    }
    kn_mutex_unlock(&s->pool_mutex);
    if (!kept) {
        mdb_txn_abort(txn);
    }
}

static struct kn_str copy_out(struct kn_str text, struct kn_arena *arena, bool *ret_full)
{
    struct kn_str copy = kn_arena_str(arena, text);
    if (!copy.p && ret_full) {
        *ret_full = true;
    }
    return copy;
}

void kn_state_reader_end(struct kn_state_reader *reader)
{
    if (reader->txn) {
        give_back(reader->state, reader->txn);
        reader->txn = NULL;
    }
}

struct kn_str kn_state_read(struct kn_state_reader *reader, unsigned table, struct kn_key key,
                            struct kn_arena *arena, bool *ret_full)
{
    struct kn_state *s = reader->state;
    const struct kn_state_entry *e = find(&s->maps[table], key);
    struct kn_str text;
    if (e) {
        return e->value.present ? copy_out(kn_state__text(&e->value), arena, ret_full)
                                : KN_STR_EMPTY;
    }
    if (!s->maps[table].on_disk) {
        return KN_STR_EMPTY;
    }
    reader->txn = reader->txn ? reader->txn : borrow(s);
    return kn_state__db_get(s, reader->txn, table, key, &text) ? copy_out(text, arena, ret_full)
                                                               : KN_STR_EMPTY;
}

/* ---- checkpoint ---- */

void kn_state_freeze(struct kn_state *s)
{
    kn_assert(!s->frozen);
    s->frozen = kn_must_alloc((s->dirty_count + 1) * sizeof *s->frozen);
    for (size_t i = 0; i < s->dirty_count; i++) {
        struct kn_state_entry *e = s->dirty[i];
        /* An entry may still be frozen from nothing: only one freeze is under way. */
        kn_assert(!e->frozen);
        e->dirty = false;
        e->frozen = true;
        s->frozen[i] = (struct kn_frozen){.entry = e, .value = e->value};
    }
    s->frozen_count = s->dirty_count;
    s->dirty_count = 0;
    s->frozen_bytes = s->dirty_bytes;
    s->dirty_bytes = 0;
}

void kn_state_thaw(struct kn_state *s)
{
    for (size_t i = 0; i < s->frozen_count; i++) {
        struct kn_frozen *item = &s->frozen[i];
        s->maps[item->entry->table].on_disk = true;
        if (item->entry->frozen) {
            item->entry->frozen = false;
        } else {
            free_value(s, &item->value);
        }
    }
    kn_free(s->frozen);
    s->frozen = NULL;
    s->frozen_count = 0;
    s->frozen_bytes = 0;
    kn_state__renew(s);
}

/* ---- eviction ---- */

static void forget(struct kn_state *s, struct kn_state_map *map, struct kn_state_entry *e)
{
    size_t key_bytes = map->kind == KN_KEY_H128 ? sizeof(struct kn_h128) : e->key_len;
    free_value(s, &e->value);
    s->entry_bytes -= entry_footprint(key_bytes);
    s->entries--;
    map->count--;
    kn_free(e);
}

static bool is_spare(struct kn_state_entry *e)
{
    if (e->dirty || e->frozen) {
        return false;
    }
    bool used = e->used;
    e->used = false;
    return !used;
}

/* Looks at the place under the hand; how many entries went. */
static size_t sweep(struct kn_state *s, struct kn_state_map *map)
{
    size_t gone = 0;
    if (map->kind == KN_KEY_U32) {
        size_t places = map->page_count * KN_STATE_PAGE;
        struct kn_state_entry **page =
            places ? map->pages[map->hand % places / KN_STATE_PAGE] : NULL;
        if (!page) {
            map->hand += KN_STATE_PAGE;
            return 0;
        }
        struct kn_state_entry **place = &page[map->hand++ % KN_STATE_PAGE];
        if (*place && is_spare(*place)) {
            forget(s, map, *place);
            *place = NULL;
            gone++;
        }
        return gone;
    }
    if (map->bucket_count == 0) {
        return 0;
    }
    struct kn_state_entry **link = &map->buckets[map->hand++ & (map->bucket_count - 1)];
    while (*link) {
        struct kn_state_entry *e = *link;
        if (is_spare(e)) {
            *link = e->next;
            forget(s, map, e);
            gone++;
        } else {
            link = &e->next;
        }
    }
    return gone;
}

bool kn_state_trim(struct kn_state *s, size_t entries_max)
{
    uint64_t before = s->entries;
    /* What comes in must be able to go: several looks for every entry added since the last time. */
    size_t looks = (entries_max + s->added) * TRIM_LOOKS;
    s->added = 0;
    while (s->entry_bytes > s->cache_bytes && looks > 0) {
        struct kn_state_map *map = &s->maps[s->trim_table];
        for (size_t i = 0; i < TRIM_RUN && map->count > 0 && looks > 0; i++, looks--) {
            (void)sweep(s, map);
        }
        s->trim_table = (s->trim_table + 1) % s->table_count;
        looks -= looks > 0 ? 1 : 0;
    }
    return s->entries < before && s->entry_bytes > s->cache_bytes;
}

void kn_state_usage(const struct kn_state *s, struct kn_state_usage *ret)
{
    MDB_envinfo info;
    MDB_stat stat;
    *ret = (struct kn_state_usage){
        .dirty_entries = s->dirty_count + s->frozen_count,
        .dirty_bytes = s->dirty_bytes + s->frozen_bytes,
        .cached_entries = s->entries,
        .cached_bytes = s->entry_bytes,
        .hits = s->hits,
        .misses = s->misses,
    };
    if (mdb_env_info(s->env, &info) == 0 && mdb_env_stat(s->env, &stat) == 0) {
        ret->disk_bytes = (uint64_t)(info.me_last_pgno + 1) * stat.ms_psize;
    }
}

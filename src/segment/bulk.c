/* The bulk driver: chunks, and the tree over them. */
#include "segment/bulk.h"

#include "base/assert.h"
#include "segment/bulk_internal.h"

size_t kn_bulk_words(const struct kn_columns_pin *pin)
{
    return kn_bits_words(pin->ordinal_end);
}

/* ---- one chunk ---- */

static void eval_node(struct kn_bulk_chunk *chunk, const struct kn_bulk_node *node,
                      const uint64_t *candidates, uint64_t *out);

enum { TERMS = 8 }; /* sets that are joined at a time */

/* Those of `candidates` for which the set, or all of the first `count` kids, say yes. */
static void keep_sets(const struct kn_bulk_chunk *chunk, const struct kn_bulk_node *node,
                      uint32_t count, const uint64_t *candidates, uint64_t *out)
{
    const struct kn_bits_ops *bits = chunk->plan->bits;
    struct kn_bits_term terms[TERMS];
    const uint64_t *from = candidates;
    size_t words = kn_bits_words(chunk->end - chunk->first);
    size_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct kn_bulk_node *s = node->kind == KN_BULK_SET ? node : node->kids[i];
        bool inside = s->members && s->inside;
        if (!inside && !s->outside) {
            words = 0;
        } else if (s->members && s->inside != s->outside) {
            terms[n++] = (struct kn_bits_term){s->members + chunk->first / 64, s->outside};
        }
        if (n == TERMS) {
            bits->meet(out, from, terms, n, words);
            from = out;
            n = 0;
        }
    }
    bits->meet(out, from, terms, n, words);
    memset(out + words, 0, (KN_BULK_WORDS - words) * sizeof *out);
}

/* The sets among the first kids; they cost least, so that all sets are. */
static uint32_t leading_sets(const struct kn_bulk_node *node)
{
    uint32_t n = 0;
    while (n < node->kid_count && node->kids[n]->kind == KN_BULK_SET) {
        n++;
    }
    return n;
}

/* Goes on with those for which all held so far. */
static void eval_and(struct kn_bulk_chunk *chunk, const struct kn_bulk_node *node,
                     const uint64_t *candidates, uint64_t *out)
{
    uint64_t open[KN_BULK_WORDS];
    uint32_t sets = leading_sets(node);
    keep_sets(chunk, node, sets, candidates, out);
    for (uint32_t i = sets; i < node->kid_count && !kn_bits_none(out, KN_BULK_WORDS); i++) {
        memcpy(open, out, sizeof open);
        eval_node(chunk, node->kids[i], open, out);
    }
}

/* Goes on with those for which none did. */
static void eval_or(struct kn_bulk_chunk *chunk, const struct kn_bulk_node *node,
                    const uint64_t *candidates, uint64_t *out)
{
    const struct kn_bits_ops *bits = chunk->plan->bits;
    uint64_t open[KN_BULK_WORDS], found[KN_BULK_WORDS];
    memcpy(open, candidates, sizeof open);
    memset(out, 0, sizeof open);
    for (uint32_t i = 0; i < node->kid_count && !kn_bits_none(open, KN_BULK_WORDS); i++) {
        eval_node(chunk, node->kids[i], open, found);
        bits->either(out, found, KN_BULK_WORDS);
        bits->without(open, found, KN_BULK_WORDS);
    }
}

static void eval_node(struct kn_bulk_chunk *chunk, const struct kn_bulk_node *node,
                      const uint64_t *candidates, uint64_t *out)
{
    switch (node->kind) {
    case KN_BULK_AND: eval_and(chunk, node, candidates, out); break;
    case KN_BULK_OR: eval_or(chunk, node, candidates, out); break;
    case KN_BULK_NOT:
        eval_node(chunk, node->kids[0], candidates, out);
        for (size_t i = 0; i < KN_BULK_WORDS; i++) {
            out[i] = candidates[i] & ~out[i];
        }
        break;
    case KN_BULK_SET: keep_sets(chunk, node, 1, candidates, out); break;
    default:
        if (kn_bits_none(candidates, KN_BULK_WORDS)) {
            memset(out, 0, KN_BULK_WORDS * sizeof *out);
        } else {
            kn_bulk_fold(chunk, node->cond, candidates, out);
        }
    }
}

struct run {
    const struct kn_bulk_plan *plan;
    uint64_t *members;
    int64_t *next;
    atomic_bool failed;
};

/* The last chunk may be shorter than the arrays that conditions work on. */
static void eval_short(struct kn_bulk_chunk *chunk, const uint64_t *live, uint64_t *members)
{
    uint64_t candidates[KN_BULK_WORDS] = {0}, out[KN_BULK_WORDS];
    size_t words = kn_bits_words(chunk->end - chunk->first);
    memcpy(candidates, live, words * sizeof *live);
    eval_node(chunk, chunk->plan->root, candidates, out);
    memcpy(members, out, words * sizeof *out);
}

static void run_chunk(void *arg, uint32_t index)
{
    struct run *run = arg;
    const struct kn_bulk_plan *plan = run->plan;
    uint32_t first = index * KN_BULK_CHUNK, left = plan->pin->ordinal_end - first;
    struct kn_bulk_chunk chunk = {
        .plan = plan,
        .index = index,
        .first = first,
        .end = first + (left < KN_BULK_CHUNK ? left : KN_BULK_CHUNK),
        .next = run->next ? run->next + first : NULL,
        .lane = {.lanes = plan->lanes},
    };
    if (atomic_load(&run->failed)) {
        return;
    }
    kn_arena_init(&chunk.lane.scratch, SIZE_MAX);
    for (uint32_t i = 0; chunk.next && i < chunk.end - first; i++) {
        chunk.next[i] = INT64_MAX;
    }
    if (left >= KN_BULK_CHUNK) {
        eval_node(&chunk, plan->root, plan->pin->live + first / 64, run->members + first / 64);
    } else {
        eval_short(&chunk, plan->pin->live + first / 64, run->members + first / 64);
    }
    kn_arena_deinit(&chunk.lane.scratch);
    if (chunk.rc != KN_OK) {
        atomic_store(&run->failed, true);
    }
}

/* ---- all of them ---- */

void kn_bulk_run_jobs(const struct kn_bulk_jobs *jobs, uint32_t count,
                      void (*job)(void *arg, uint32_t index), void *arg)
{
    if (jobs->run) {
        jobs->run(jobs->context, count, job, arg);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        job(arg, i);
    }
}

struct pieces {
    void (*each)(void *arg, uint32_t first, uint32_t end);
    void *arg;
    uint32_t entries;
};

static void run_piece(void *arg, uint32_t index)
{
    const struct pieces *p = arg;
    uint32_t first = index * KN_BULK_PIECE, left = p->entries - first;
    p->each(p->arg, first, first + (left < KN_BULK_PIECE ? left : KN_BULK_PIECE));
}

void kn_bulk_entries(const struct kn_bulk_plan *plan, uint32_t entries,
                     void (*each)(void *arg, uint32_t first, uint32_t end), void *arg)
{
    struct pieces pieces = {each, arg, entries};
    uint32_t count = entries / KN_BULK_PIECE + (entries % KN_BULK_PIECE > 0);
    if (count <= 1) {
        each(arg, 0, entries);
    } else {
        kn_bulk_run_jobs(&plan->options->jobs, count, run_piece, &pieces);
    }
}

enum kn_rc kn_bulk(const struct kn_definition *definition, const struct kn_bulk_options *options,
                   uint64_t *members, int64_t *next_us, struct kn_err *err)
{
    struct kn_arena arena;
    kn_assert(definition->root);
    kn_arena_init(&arena, SIZE_MAX);
    struct kn_bulk_plan plan = {
        .options = options,
        .definition = definition,
        .pin = options->pin,
        .arena = &arena,
        .err = err,
        .has_next = next_us != NULL,
        .bits = options->plain ? &kn_bits_plain : kn_bits_best(),
        .lanes = options->plain ? &kn_lanes_plain : kn_lanes_best(),
    };
    struct run run = {&plan, members, next_us, false};
    enum kn_rc rc = kn_bulk_plan_make(&plan);
    if (rc == KN_OK) {
        /* What only combines sets is done before another thread has woken up. */
        static const struct kn_bulk_jobs alone = {NULL, NULL, 0};
        kn_bulk_run_jobs(plan.root->cost == 0 ? &alone : &options->jobs, plan.chunks, run_chunk,
                         &run);
        if (atomic_load(&run.failed)) {
            rc = kn_bulk_nomem(&plan);
        }
    }
    kn_arena_deinit(&arena);
    return rc;
}

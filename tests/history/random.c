/* Histories by chance. */
#include "random.h"

#include <stdlib.h>
#include <string.h>

uint64_t
random_next(random_state *r)
{
    uint64_t n = (r->n += UINT64_C(0x9e3779b97f4a7c15));

    n = (n ^ (n >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    n = (n ^ (n >> 27)) * UINT64_C(0x94d049bb133111eb);
    return n ^ (n >> 31);
}

uint32_t
random_below(random_state *r, uint32_t bound)
{
    return (uint32_t)(random_next(r) % bound);
}

/* ---- A serial execution ---- */

#define RANDOM_KEYS 64    /* in use at once, at most */
#define RANDOM_LONGEST 48 /* elements of a list: then its key is left for a new one */

/* A transaction before it runs. */
typedef struct random_plan {
    uint32_t process;
    history_outcome outcome;
    bool happens;
    int64_t begin, end, moment;
} random_plan;

/* The keys that are in use: those from `base` on. */
typedef struct random_store {
    history *h;
    int64_t (*lists)[RANDOM_LONGEST + 8];
    uint32_t *counts;
    uint32_t keys, base, all;
    int64_t element;
} random_store;

static int
random_compare_moments(const void *a, const void *b)
{
    const random_plan *x = (const random_plan *)a, *y = (const random_plan *)b;

    return x->moment < y->moment ? -1 : x->moment > y->moment;
}

/* When each of them runs; each process one after the other. */
static void
random_plans(random_state *r, const random_shape *shape, random_plan *plans, int64_t *clocks)
{
    for (uint32_t i = 0; i < shape->txns; i++) {
        random_plan *p = &plans[i];
        const uint32_t chance = shape->outcomes ? random_below(r, 20) : 19;

        p->process = random_below(r, shape->processes);
        p->begin = clocks[p->process] + 1 + random_below(r, 20);
        p->moment = p->begin + 1 + random_below(r, 100);
        p->end = p->moment + 1 + random_below(r, 100);
        p->outcome = chance == 0 ? HISTORY_UNKNOWN : chance < 3 ? HISTORY_FAILED : HISTORY_OK;
        p->happens = p->outcome == HISTORY_OK;
        clocks[p->process] = p->end;
        if (p->outcome != HISTORY_UNKNOWN)
            continue;
        p->happens = random_below(r, 2) == 0;
        p->moment += random_below(r, 2) == 0 ? random_below(r, 2000) : 0;
    }
    qsort(plans, shape->txns, sizeof *plans, random_compare_moments);
}

static void
random_append(random_store *s, uint32_t key)
{
    const int64_t element = ++s->element;

    history_append(s->h, key, element);
    s->lists[key][s->counts[key]++] = element;
}

static void
random_read(random_store *s, uint32_t key)
{
    history_read(s->h, key, s->lists[key], s->counts[key]);
}

static void
random_scan(random_store *s)
{
    history_scan(s->h, s->base, (int64_t)s->base + s->keys - 1);
    for (uint32_t k = s->base; k < s->base + s->keys; k++)
        if (s->counts[k] > 0)
            history_found(s->h, k, s->lists[k], s->counts[k]);
}

static void
random_txn(random_state *r, random_store *s, const random_plan *p)
{
    const uint32_t ops = 1 + random_below(r, 5);
    uint32_t before[RANDOM_KEYS];

    while (s->counts[s->base] + 8 > RANDOM_LONGEST && s->base + s->keys < s->all)
        s->base++;
    memcpy(before, s->counts + s->base, s->keys * sizeof *before);
    history_begin(s->h, p->process, p->begin);
    for (uint32_t i = 0; i < ops; i++) {
        const uint32_t key = s->base + random_below(r, s->keys);
        const uint32_t what = random_below(r, 10);

        if (what < 4 || s->counts[key] >= RANDOM_LONGEST)
            random_read(s, key);
        else if (what < 5)
            random_scan(s);
        else
            random_append(s, key);
    }
    history_end(s->h, p->outcome, p->end);
    if (!p->happens) /* what it has put on the lists is gone */
        memcpy(s->counts + s->base, before, s->keys * sizeof *before);
}

/* All keys are read, when all has happened. */
static void
random_last(random_store *s, const random_shape *shape, int64_t now)
{
    history_begin(s->h, shape->processes, now);
    for (uint32_t k = 0; k < s->base + s->keys; k++)
        random_read(s, k);
    history_end(s->h, HISTORY_OK, now + 1);
}

history *
random_history(random_state *r, const random_shape *shape)
{
    random_store s = { .h = history_new(), .keys = shape->keys };
    random_plan *plans = (random_plan *)calloc(shape->txns, sizeof *plans);
    int64_t *clocks = (int64_t *)calloc(shape->processes, sizeof *clocks), now = 0;

    s.all = shape->keys + shape->txns / 8 + 1;
    s.lists = (int64_t(*)[RANDOM_LONGEST + 8]) calloc(s.all, sizeof *s.lists);
    s.counts = (uint32_t *)calloc(s.all, sizeof *s.counts);
    if (s.h != NULL && plans != NULL && clocks != NULL && s.lists != NULL && s.counts != NULL) {
        random_plans(r, shape, plans, clocks);
        for (uint32_t i = 0; i < shape->txns; i++) {
            random_txn(r, &s, &plans[i]);
            now = plans[i].end > now ? plans[i].end : now;
            now = plans[i].moment > now ? plans[i].moment : now;
        }
        random_last(&s, shape, now + 1);
        history_sort(s.h);
    }
    free(plans);
    free(clocks);
    free(s.lists);
    free(s.counts);
    return s.h;
}

/* ---- Changes ---- */

/* A committed read by chance, with at least so many elements; NULL: none was met. */
static history_op *
random_pick(random_state *r, const history *h, uint32_t least)
{
    for (int tries = 0; tries < 1000; tries++) {
        const history_txn *txn = &h->txns[random_below(r, (uint32_t)h->txn_count)];
        history_op *op;

        if (txn->outcome != HISTORY_OK || txn->op_count == 0)
            continue;
        op = &h->ops[txn->first_op + random_below(r, txn->op_count)];
        if (op->kind == HISTORY_READ && op->count >= least)
            return op;
    }
    return NULL;
}

static bool
random_same_list(const history *h, const history_op *a, const history_op *b)
{
    return a->count == b->count &&
           (a->count == 0 ||
            memcmp(h->values + a->first, h->values + b->first, a->count * sizeof *h->values) == 0);
}

static bool
random_exchange(random_state *r, const history *h)
{
    for (int tries = 0; tries < 1000; tries++) {
        history_op *a = random_pick(r, h, 0), *b = random_pick(r, h, 0);
        history_op kept;

        if (a == NULL || b == NULL || a->key != b->key || random_same_list(h, a, b))
            continue;
        kept = *a;
        a->first = b->first;
        a->count = b->count;
        b->first = kept.first;
        b->count = kept.count;
        return true;
    }
    return false;
}

/* Take an element out of all lists of its key. */
static void
random_remove(const history *h, int64_t key, int64_t element)
{
    for (size_t i = 0; i < h->op_count; i++) {
        history_op *op = &h->ops[i];
        int64_t *list = h->values + op->first;
        uint32_t kept = 0;

        if (op->kind != HISTORY_READ || op->key != key)
            continue;
        for (uint32_t e = 0; e < op->count; e++)
            if (list[e] != element)
                list[kept++] = list[e];
        op->count = kept;
    }
}

/* The transaction that appended the last element of a list, if it says that it was committed. */
static history_txn *
random_writer(const history *h, const history_op *read)
{
    for (size_t t = 0; t < h->txn_count; t++)
        for (uint32_t o = 0; o < h->txns[t].op_count; o++) {
            const history_op *op = &h->ops[h->txns[t].first_op + o];

            if (op->kind == HISTORY_APPEND && op->key == read->key &&
                op->value == h->values[read->first + read->count - 1])
                return h->txns[t].outcome == HISTORY_OK ? &h->txns[t] : NULL;
        }
    return NULL;
}

bool
random_spoil(random_state *r, history *h, random_change change)
{
    history_op *op = change == RANDOM_OTHERS_LISTS
                         ? NULL
                         : random_pick(r, h, change == RANDOM_SWAPPED ? 2 : 1);
    uint32_t at;
    int64_t *list;

    if (change == RANDOM_OTHERS_LISTS)
        return random_exchange(r, h);
    if (op == NULL)
        return false;
    list = h->values + op->first;
    at = random_below(r, op->count);
    if (change == RANDOM_STALE_READ) {
        op->count = at;
    } else if (change == RANDOM_SWAPPED) {
        const int64_t first = list[at];

        list[at] = list[(at + 1) % op->count];
        list[(at + 1) % op->count] = first;
    } else if (change == RANDOM_LOST_APPEND) {
        random_remove(h, op->key, list[at]);
    } else {
        history_txn *writer = random_writer(h, op);

        if (writer == NULL)
            return false;
        writer->outcome = HISTORY_FAILED;
    }
    return true;
}

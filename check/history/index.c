/* A history by keys. */
#include "check/history/index.h"

#include <stdlib.h>
#include <string.h>

const int64_t *
index_list(const history_index *x, size_t op)
{
    return x->h->values + x->h->ops[op].first;
}

/* ---- Keys ---- */

static bool
index_has_key(const history_op *op)
{
    return op->kind == HISTORY_APPEND || op->kind == HISTORY_READ;
}

static int
index_compare_ints(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

size_t
index_key_from(const history_index *x, int64_t key)
{
    size_t low = 0, high = x->key_count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (x->keys[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void
index_number_keys(history_index *x)
{
    const history *h = x->h;
    size_t count = 0, unique = 0;

    for (size_t i = 0; i < h->op_count; i++)
        if (index_has_key(&h->ops[i]))
            x->keys[count++] = h->ops[i].key;
    qsort(x->keys, count, sizeof *x->keys, index_compare_ints);
    for (size_t i = 0; i < count; i++)
        if (unique == 0 || x->keys[unique - 1] != x->keys[i])
            x->keys[unique++] = x->keys[i];
    x->key_count = unique;
    for (size_t i = 0; i < h->op_count; i++)
        x->op_key[i] = index_has_key(&h->ops[i]) ? index_key_from(x, h->ops[i].key) : INDEX_NONE;
}

/* ---- Elements ---- */

static size_t
index_hash(size_t key, int64_t element)
{
    uint64_t n = (uint64_t)element * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)key;

    n = (n ^ (n >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    n = (n ^ (n >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (size_t)(n ^ (n >> 31));
}

/* Where the element is, or would be. */
static size_t
index_slot(const history_index *x, size_t key, int64_t element)
{
    size_t slot = index_hash(key, element) & x->slot_mask;

    while (x->slots[slot] != INDEX_NONE &&
           (x->op_key[x->slots[slot]] != key || x->h->ops[x->slots[slot]].value != element))
        slot = (slot + 1) & x->slot_mask;
    return slot;
}

size_t
index_appender(const history_index *x, size_t key, int64_t element)
{
    return x->slots[index_slot(x, key, element)];
}

static bool
index_add_elements(history_index *x, char message[HISTORY_MESSAGE_BYTES])
{
    for (size_t i = 0; i < x->h->op_count; i++) {
        const history_op *op = &x->h->ops[i];
        size_t slot;

        if (op->kind != HISTORY_APPEND)
            continue;
        x->writes[x->op_txn[i]] = true;
        slot = index_slot(x, x->op_key[i], op->value);
        if (x->slots[slot] != INDEX_NONE) {
            (void)snprintf(message, HISTORY_MESSAGE_BYTES,
                           "T%zu and T%zu both append %lld to key %lld: each element must be new",
                           x->op_txn[x->slots[slot]] + 1, x->op_txn[i] + 1, (long long)op->value,
                           (long long)op->key);
            return false;
        }
        x->slots[slot] = i;
    }
    return true;
}

/* ---- What came before, in the same transaction ---- */

bool
index_own_before(const history_index *x, size_t op)
{
    const size_t txn = x->op_txn[op];

    if (!x->writes[txn])
        return false;
    for (size_t i = x->h->txns[txn].first_op; i < op; i++)
        if (x->h->ops[i].kind == HISTORY_APPEND && x->op_key[i] == x->op_key[op])
            return true;
    return false;
}

size_t
index_append_before(const history_index *x, size_t op)
{
    for (size_t i = op; i-- > x->h->txns[x->op_txn[op]].first_op;)
        if (x->h->ops[i].kind == HISTORY_APPEND && x->op_key[i] == x->op_key[op])
            return i;
    return INDEX_NONE;
}

size_t
index_read_before(const history_index *x, size_t op)
{
    size_t found = INDEX_NONE;

    for (size_t i = x->h->txns[x->op_txn[op]].first_op; i < op; i++) {
        if (x->op_key[i] != x->op_key[op])
            continue;
        if (x->h->ops[i].kind == HISTORY_APPEND)
            return INDEX_NONE;
        found = i;
    }
    return found;
}

/* Whether a scan before the APPEND covers its key. */
static bool
index_scanned_before(const history_index *x, size_t op)
{
    const history_op *append = &x->h->ops[op];

    for (size_t i = x->h->txns[x->op_txn[op]].first_op; i < op; i++)
        if (x->h->ops[i].kind == HISTORY_SCAN && x->h->ops[i].key <= append->key &&
            append->key <= x->h->ops[i].to)
            return true;
    return false;
}

/* ---- What has happened ---- */

/* Go through what a committed transaction has read: what it has seen was committed too. */
static void
index_see(history_index *x, size_t txn, size_t *queue, size_t *queued)
{
    const history_txn *t = &x->h->txns[txn];

    for (size_t i = t->first_op; i < t->first_op + t->op_count; i++) {
        if (x->h->ops[i].kind != HISTORY_READ)
            continue;
        for (uint32_t e = 0; e < x->h->ops[i].count; e++) {
            const size_t op = index_appender(x, x->op_key[i], index_list(x, i)[e]);
            const size_t writer = op == INDEX_NONE ? txn : x->op_txn[op];

            if (x->committed[writer] || x->h->txns[writer].outcome != HISTORY_UNKNOWN)
                continue;
            x->committed[writer] = true;
            queue[(*queued)++] = writer;
        }
    }
}

static bool
index_find_committed(history_index *x)
{
    size_t *queue = (size_t *)malloc((x->h->txn_count + 1) * sizeof *queue);
    size_t queued = 0;
    bool unknown = false;

    if (queue == NULL)
        return false;
    for (size_t i = 0; i < x->h->txn_count; i++) {
        unknown |= x->h->txns[i].outcome == HISTORY_UNKNOWN;
        x->committed[i] = x->h->txns[i].outcome == HISTORY_OK;
        if (x->committed[i])
            queue[queued++] = i;
    }
    for (size_t at = 0; unknown && at < queued; at++)
        index_see(x, queue[at], queue, &queued);
    free(queue);
    return true;
}

/* ---- Buckets ---- */

static bool
index_bucket(history_index *x, index_buckets *b, history_kind kind)
{
    size_t total = 0;

    b->first = (size_t *)calloc(x->key_count + 2, sizeof *b->first);
    if (b->first == NULL)
        return false;
    /* Counted two places up, so that each place is its bucket's beginning while it is filled. */
    for (size_t i = 0; i < x->h->op_count; i++)
        if (x->h->ops[i].kind == kind && x->committed[x->op_txn[i]]) {
            b->first[x->op_key[i] + 2]++;
            total++;
        }
    b->list = (size_t *)malloc((total + 1) * sizeof *b->list);
    if (b->list == NULL)
        return false;
    for (size_t k = 1; k < x->key_count + 2; k++)
        b->first[k] += b->first[k - 1];
    for (size_t i = 0; i < x->h->op_count; i++)
        if (x->h->ops[i].kind == kind && x->committed[x->op_txn[i]])
            b->list[b->first[x->op_key[i] + 1]++] = i;
    return true;
}

size_t
index_version(const history_index *x, size_t read)
{
    const size_t trunk = x->trunk[x->op_key[read]];
    const uint32_t count = x->h->ops[read].count;

    if (count == 0)
        return 0;
    return memcmp(index_list(x, read), index_list(x, trunk), count * sizeof(int64_t)) == 0
               ? count
               : INDEX_NONE;
}

static void
index_find_trunks(history_index *x)
{
    for (size_t k = 0; k < x->key_count; k++) {
        size_t best = INDEX_NONE;

        x->plain[k] = true;
        for (size_t i = x->reads.first[k]; i < x->reads.first[k + 1]; i++) {
            const size_t read = x->reads.list[i];

            if (best == INDEX_NONE || x->h->ops[read].count > x->h->ops[best].count)
                best = read;
        }
        x->trunk[k] = best;
        for (size_t i = x->appends.first[k]; i < x->appends.first[k + 1] && x->plain[k]; i++)
            x->plain[k] = index_read_before(x, x->appends.list[i]) == INDEX_NONE &&
                          !index_scanned_before(x, x->appends.list[i]);
    }
}

/* ---- All of it ---- */

static int
index_compare_txns(const void *a, const void *b)
{
    const history_txn *x = *(const history_txn *const *)a, *y = *(const history_txn *const *)b;

    if (x->process != y->process)
        return x->process < y->process ? -1 : 1;
    if (x->begin_ns != y->begin_ns)
        return x->begin_ns < y->begin_ns ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* A process does one thing after the other; after an unknown outcome, it goes on. */
static bool
index_check_processes(const history *h, char message[HISTORY_MESSAGE_BYTES])
{
    const history_txn **order = (const history_txn **)malloc((h->txn_count + 1) * sizeof *order);
    bool ok = order != NULL;

    for (size_t i = 0; ok && i < h->txn_count; i++)
        order[i] = &h->txns[i];
    if (ok)
        qsort(order, h->txn_count, sizeof *order, index_compare_txns);
    for (size_t i = 1; ok && i < h->txn_count; i++) {
        const history_txn *before = order[i - 1], *after = order[i];

        if (before->process != after->process || before->outcome == HISTORY_UNKNOWN ||
            before->end_ns <= after->begin_ns)
            continue;
        (void)snprintf(message, HISTORY_MESSAGE_BYTES,
                       "T%zu of process %lu begins before its T%zu ends",
                       (size_t)(after - h->txns) + 1, (unsigned long)after->process,
                       (size_t)(before - h->txns) + 1);
        ok = false;
    }
    free(order);
    return ok;
}

/* What does not fit the arrays and numbers of the checker. */
static bool
index_check_sizes(const history *h, char message[HISTORY_MESSAGE_BYTES])
{
    if (h->txn_count > UINT32_MAX / 8 || h->op_count >= UINT32_MAX) {
        (void)snprintf(message, HISTORY_MESSAGE_BYTES, "%zu transactions are too many",
                       h->txn_count);
        return false;
    }
    for (size_t i = 0; i < h->txn_count; i++) {
        const history_txn *txn = &h->txns[i];
        size_t appends = 0;

        for (uint32_t o = 0; o < txn->op_count; o++) {
            const history_op *op = &h->ops[txn->first_op + o];

            appends += op->kind == HISTORY_APPEND;
            if (op->kind != HISTORY_SCAN || op->count < txn->op_count - o)
                continue;
            (void)snprintf(message, HISTORY_MESSAGE_BYTES,
                           "T%zu: what a scan found does not follow it", i + 1);
            return false;
        }
        if (appends > HISTORY_MAX_APPENDS) {
            (void)snprintf(message, HISTORY_MESSAGE_BYTES, "T%zu appends %zu times; %d are allowed",
                           i + 1, appends, HISTORY_MAX_APPENDS);
            return false;
        }
    }
    return true;
}

static bool
index_allocate(history_index *x)
{
    const size_t ops = x->h->op_count + 1, txns = x->h->txn_count + 1;

    for (x->slot_mask = 63; x->slot_mask < 2 * ops; x->slot_mask = x->slot_mask * 2 + 1)
        ;
    x->keys = (int64_t *)malloc(ops * sizeof *x->keys);
    x->op_txn = (size_t *)calloc(ops, sizeof *x->op_txn);
    x->op_key = (size_t *)malloc(ops * sizeof *x->op_key);
    x->committed = (bool *)calloc(txns, sizeof *x->committed);
    x->writes = (bool *)calloc(txns, sizeof *x->writes);
    x->slots = (size_t *)malloc((x->slot_mask + 1) * sizeof *x->slots);
    x->trunk = (size_t *)malloc(ops * sizeof *x->trunk);
    x->plain = (bool *)malloc(ops * sizeof *x->plain);
    return x->keys != NULL && x->op_txn != NULL && x->op_key != NULL && x->committed != NULL &&
           x->writes != NULL && x->slots != NULL && x->trunk != NULL && x->plain != NULL;
}

bool
index_init(history_index *x, const history *h, char message[HISTORY_MESSAGE_BYTES])
{
    *x = (history_index){ .h = h };
    (void)snprintf(message, HISTORY_MESSAGE_BYTES, "out of memory");
    if (h->out_of_memory || !index_check_processes(h, message) || !index_check_sizes(h, message) ||
        !index_allocate(x))
        return false;
    for (size_t i = 0; i < h->txn_count; i++)
        for (uint32_t o = 0; o < h->txns[i].op_count; o++)
            x->op_txn[h->txns[i].first_op + o] = i;
    for (size_t i = 0; i <= x->slot_mask; i++)
        x->slots[i] = INDEX_NONE;
    index_number_keys(x);
    if (!index_add_elements(x, message) || !index_find_committed(x) ||
        !index_bucket(x, &x->reads, HISTORY_READ) || !index_bucket(x, &x->appends, HISTORY_APPEND))
        return false;
    index_find_trunks(x);
    return true;
}

void
index_fini(history_index *x)
{
    free(x->keys);
    free(x->op_txn);
    free(x->op_key);
    free(x->committed);
    free(x->writes);
    free(x->slots);
    free(x->reads.first);
    free(x->reads.list);
    free(x->appends.first);
    free(x->appends.list);
    free(x->trunk);
    free(x->plain);
}

/* From versions to dependencies between transactions. */
#include <stdlib.h>

#include "check/history/graph.h"

/* One key, while its edges are made. */
typedef struct edges_key {
    finder *f;
    graph *g;
    size_t key;
    size_t *trunk;       /* APPENDs of the longest list: INDEX_NONE where one is not committed */
    uint32_t *next;      /* by place in the list: the next one that is committed, or `count` */
    size_t count, room;  /* elements of the longest list */
    const size_t *later; /* APPENDs that nobody has seen, and that come after the list */
    size_t later_count;
    uint32_t joint; /* from the end of the list to those; GRAPH_NONE: not made */
} edges_key;

static uint32_t
edges_txn(const edges_key *k, size_t op)
{
    return (uint32_t)k->f->x->op_txn[op];
}

static void
edges_add(const edges_key *k, uint8_t kind, size_t from_op, size_t to_op)
{
    if (edges_txn(k, from_op) != edges_txn(k, to_op))
        graph_add(k->g, (graph_edge){ .kind = kind,
                                      .from = edges_txn(k, from_op),
                                      .to = edges_txn(k, to_op),
                                      .from_op = (uint32_t)from_op,
                                      .to_op = (uint32_t)to_op });
}

/* ---- The list of a key ---- */

/* The elements of the longest list, up to one that it holds twice. */
static bool
edges_load_trunk(edges_key *k)
{
    const history_index *x = k->f->x;
    const size_t read = x->trunk[k->key];
    const size_t count = read == INDEX_NONE ? 0 : x->h->ops[read].count;

    if (count >= k->room) {
        free(k->trunk);
        free(k->next);
        k->room = 2 * count + 1;
        k->trunk = (size_t *)malloc(k->room * sizeof *k->trunk);
        k->next = (uint32_t *)malloc(k->room * sizeof *k->next);
        if (k->trunk == NULL || k->next == NULL)
            return false;
    }
    for (k->count = 0; k->count < count; k->count++) {
        const size_t op = index_appender(x, k->key, index_list(x, read)[k->count]);
        const bool ok = op != INDEX_NONE && x->committed[x->op_txn[op]];

        k->trunk[k->count] = ok ? op : INDEX_NONE;
    }
    k->next[k->count] = (uint32_t)k->count;
    for (size_t i = k->count; i-- > 0;)
        k->next[i] = k->trunk[i] != INDEX_NONE ? (uint32_t)i : k->next[i + 1];
    return true;
}

/* What was committed and nobody has seen comes after all that were seen: a list keeps what was put
 * on it. What got lost because two wrote after the same version is found as that. */
static void
edges_load_later(edges_key *k, size_t *room)
{
    const history_index *x = k->f->x;
    const size_t last = k->count > 0 ? k->trunk[k->count - 1] : INDEX_NONE;

    k->later_count = 0;
    for (size_t i = x->appends.first[k->key]; i < x->appends.first[k->key + 1]; i++) {
        const size_t append = x->appends.list[i];

        /* Who made the list's end and has not done with it then is found as G1b. */
        if (last != INDEX_NONE && x->op_txn[last] == x->op_txn[append])
            continue;
        if (!k->f->seen[append] && !k->f->lost[append])
            room[k->later_count++] = append;
    }
    k->later = room;
}

static void
edges_overwrites(const edges_key *k)
{
    size_t last = INDEX_NONE;

    for (size_t i = k->next[0]; i < k->count; i = k->next[i + 1]) {
        if (last != INDEX_NONE)
            edges_add(k, GRAPH_WW, last, k->trunk[i]);
        last = k->trunk[i];
    }
    /* Who reads a list and writes it anew may overwrite what was put there in between: then the
     * order of writes is another one. */
    for (size_t i = 0; last != INDEX_NONE && k->f->x->plain[k->key] && i < k->later_count; i++)
        edges_add(k, GRAPH_WW, last, k->later[i]);
}

/* ---- Reads ---- */

/* Whether the operation's transaction is one of those that nobody has seen. */
static bool
edges_is_later(const edges_key *k, size_t op)
{
    const history_index *x = k->f->x;
    const history_txn *txn = &x->h->txns[x->op_txn[op]];

    if (!x->writes[x->op_txn[op]])
        return false;
    for (size_t i = txn->first_op; i < txn->first_op + txn->op_count; i++)
        if (x->op_key[i] == k->key && x->h->ops[i].kind == HISTORY_APPEND && !k->f->seen[i])
            return true;
    return false;
}

/* The operation, a READ or a SCAN, has seen the end of the list. */
static void
edges_before_later(edges_key *k, uint8_t kind, size_t op)
{
    if (k->later_count == 0 || edges_is_later(k, op))
        return;
    if (k->joint == GRAPH_NONE) {
        k->joint = graph_joint(k->g);
        for (size_t i = 0; i < k->later_count; i++)
            graph_add(k->g, (graph_edge){ .kind = GRAPH_AFTER,
                                          .from = k->joint,
                                          .to = edges_txn(k, k->later[i]),
                                          .from_op = GRAPH_NONE,
                                          .to_op = (uint32_t)k->later[i] });
    }
    graph_add(k->g, (graph_edge){ .kind = kind,
                                  .from = edges_txn(k, op),
                                  .to = k->joint,
                                  .from_op = (uint32_t)op,
                                  .to_op = GRAPH_NONE });
}

/* Whether the transaction of the READ has appended to its key, and read it not again before. */
static size_t
edges_written_after(const edges_key *k, size_t read)
{
    const history_index *x = k->f->x;
    const history_txn *txn = &x->h->txns[x->op_txn[read]];

    if (!x->writes[x->op_txn[read]])
        return INDEX_NONE;
    for (size_t i = read + 1; i < txn->first_op + txn->op_count; i++)
        if (x->op_key[i] == k->key)
            return x->h->ops[i].kind == HISTORY_APPEND ? i : INDEX_NONE;
    return INDEX_NONE;
}

/* The READ's transaction wrote after a version that was not the one it had read: `other` was there.
 */
static void
edges_lost_update(const edges_key *k, size_t read, size_t append, size_t other)
{
    const history *h = k->f->x->h;
    const size_t txns[] = { edges_txn(k, read), edges_txn(k, other) };
    FILE *out;

    if (index_read_before(k->f->x, other) != INDEX_NONE &&
        index_version(k->f->x, index_read_before(k->f->x, other)) == index_version(k->f->x, read))
        return; /* found before, as two that wrote after the same version */
    out = finder_begin(k->f, HISTORY_LOST_UPDATE, txns, 2);
    if (out != NULL) {
        (void)fprintf(out, "T%zu read key %lld as ", txns[0] + 1, (long long)h->ops[read].key);
        finder_list(k->f, out, read);
        (void)fprintf(out, " and appended %lld, but T%zu had appended %lld in between\n",
                      (long long)h->ops[append].value, txns[1] + 1, (long long)h->ops[other].value);
    }
    finder_end(k->f, HISTORY_LOST_UPDATE, out);
}

static void
edges_read(edges_key *k, size_t read)
{
    const history_index *x = k->f->x;
    const uint32_t count = x->h->ops[read].count;
    const size_t version = index_version(x, read);
    size_t append, writer, next;

    if (index_own_before(x, read))
        return; /* what it sees is in the order of versions already */
    writer = count > 0 ? index_appender(x, k->key, index_list(x, read)[count - 1]) : INDEX_NONE;
    if (writer != INDEX_NONE && x->committed[x->op_txn[writer]])
        edges_add(k, GRAPH_WR, writer, read);
    if (version == INDEX_NONE)
        return;
    next = k->next[version < k->count ? version : k->count];
    /* After a version that was not to be seen, found as G1b, come others of the same writer. */
    while (writer != INDEX_NONE && next < k->count &&
           edges_txn(k, k->trunk[next]) == edges_txn(k, writer))
        next = k->next[next + 1];
    if (next == k->count) {
        edges_before_later(k, GRAPH_RW, read);
        return;
    }
    writer = k->trunk[next];
    append = edges_written_after(k, read);
    if (append != INDEX_NONE && edges_txn(k, writer) != edges_txn(k, read))
        edges_lost_update(k, read, append, writer);
    else
        edges_add(k, GRAPH_RW, read, writer);
}

/* ---- Scans: a key that was not found had no element ---- */

/* Whether the transaction of the SCAN had appended to the key: then it should have been found. */
static bool
edges_own_before_scan(const edges_key *k, size_t scan)
{
    const history_index *x = k->f->x;

    if (!x->writes[x->op_txn[scan]])
        return false;
    for (size_t i = x->h->txns[x->op_txn[scan]].first_op; i < scan; i++)
        if (x->op_key[i] == k->key && x->h->ops[i].kind == HISTORY_APPEND)
            return true;
    return false;
}

static void
edges_scan(edges_key *k, size_t scan)
{
    const history_op *op = &k->f->x->h->ops[scan];

    for (uint32_t i = 1; i <= op->count; i++)
        if (k->f->x->op_key[scan + i] == k->key)
            return;
    if (edges_own_before_scan(k, scan))
        return;
    if (k->next[0] < k->count)
        edges_add(k, GRAPH_PRW, scan, k->trunk[k->next[0]]);
    else
        edges_before_later(k, GRAPH_PRW, scan);
}

/* Scans by the keys that they cover. */
static bool
edges_bucket_scans(const history_index *x, index_buckets *b)
{
    size_t total = 0;

    b->first = (size_t *)calloc(x->key_count + 2, sizeof *b->first);
    for (int pass = 0; pass < 2 && b->first != NULL; pass++) {
        for (size_t i = 0; i < x->h->op_count; i++) {
            const history_op *op = &x->h->ops[i];

            if (op->kind != HISTORY_SCAN || !x->committed[x->op_txn[i]])
                continue;
            for (size_t k = index_key_from(x, op->key); k < x->key_count && x->keys[k] <= op->to;
                 k++) {
                if (pass == 0)
                    b->first[k + 2]++, total++;
                else
                    b->list[b->first[k + 1]++] = i;
            }
        }
        if (pass == 1)
            return true;
        for (size_t k = 1; k < x->key_count + 2; k++)
            b->first[k] += b->first[k - 1];
        b->list = (size_t *)malloc((total + 1) * sizeof *b->list);
        if (b->list == NULL)
            break;
    }
    return false;
}

/* ---- All keys ---- */

static bool
edges_keys(finder *f, graph *g)
{
    const history_index *x = f->x;
    edges_key k = { .f = f, .g = g };
    size_t *later = (size_t *)malloc((x->h->op_count + 1) * sizeof *later);
    index_buckets scans = { 0 };
    bool ok = later != NULL && edges_bucket_scans(x, &scans);

    for (k.key = 0; ok && k.key < x->key_count; k.key++) {
        ok = edges_load_trunk(&k);
        if (!ok)
            break;
        k.joint = GRAPH_NONE;
        edges_load_later(&k, later);
        edges_overwrites(&k);
        for (size_t i = x->reads.first[k.key]; i < x->reads.first[k.key + 1]; i++)
            edges_read(&k, x->reads.list[i]);
        for (size_t i = scans.first[k.key]; i < scans.first[k.key + 1]; i++)
            edges_scan(&k, scans.list[i]);
    }
    free(later);
    free(scans.first);
    free(scans.list);
    free(k.trunk);
    free(k.next);
    return ok;
}

/* ---- Time ---- */

/* The begin or the end of a committed transaction. */
typedef struct edges_moment {
    int64_t at_ns;
    uint32_t txn;
    bool is_end;
} edges_moment;

/* By time; a begin before an end of the same moment, so that the two are side by side. */
static int
edges_compare_moments(const void *a, const void *b)
{
    const edges_moment *x = (const edges_moment *)a, *y = (const edges_moment *)b;

    if (x->at_ns != y->at_ns)
        return x->at_ns < y->at_ns ? -1 : 1;
    if (x->is_end != y->is_end)
        return x->is_end ? 1 : -1;
    return x->txn < y->txn ? -1 : x->txn > y->txn;
}

/* A chain of joints, one for each begin that has ends before it: from each end into the next one,
 * from each to the begins after it. */
static void
edges_time(graph *g, const edges_moment *moments, size_t count)
{
    uint32_t now = GRAPH_NONE, next = GRAPH_NONE;

    for (size_t i = 0; i < count; i++) {
        graph_edge edge = { .from_op = GRAPH_NONE, .to_op = GRAPH_NONE };

        if (moments[i].is_end) {
            edge.kind = GRAPH_WHEN;
            if (next == GRAPH_NONE) {
                next = graph_joint(g);
                edge.from = now;
                edge.to = next;
                if (now != GRAPH_NONE)
                    graph_add(g, edge);
            }
            edge.from = moments[i].txn;
            edge.to = next;
            graph_add(g, edge);
            continue;
        }
        if (next != GRAPH_NONE)
            now = next;
        next = GRAPH_NONE;
        edge.kind = GRAPH_REALTIME;
        edge.from = now;
        edge.to = moments[i].txn;
        if (now != GRAPH_NONE)
            graph_add(g, edge);
    }
}

static int
edges_compare_sessions(const void *a, const void *b)
{
    const history_txn *x = *(const history_txn *const *)a, *y = *(const history_txn *const *)b;

    if (x->process != y->process)
        return x->process < y->process ? -1 : 1;
    if (x->begin_ns != y->begin_ns)
        return x->begin_ns < y->begin_ns ? -1 : 1;
    return x < y ? -1 : x > y;
}

static void
edges_sessions(graph *g, const history *h, const history_txn **order, size_t count)
{
    const history_txn *last = NULL;

    qsort(order, count, sizeof *order, edges_compare_sessions);
    for (size_t i = 0; i < count; i++) {
        if (last != NULL && last->process == order[i]->process)
            graph_add(g, (graph_edge){ .kind = GRAPH_SESSION,
                                       .from = (uint32_t)(last - h->txns),
                                       .to = (uint32_t)(order[i] - h->txns),
                                       .from_op = GRAPH_NONE,
                                       .to_op = GRAPH_NONE });
        if (order[i]->outcome != HISTORY_UNKNOWN) /* else it may have happened later */
            last = order[i];
    }
}

static bool
edges_order(finder *f, graph *g)
{
    const history *h = f->x->h;
    edges_moment *moments = (edges_moment *)malloc((2 * h->txn_count + 1) * sizeof *moments);
    const history_txn **order = (const history_txn **)malloc((h->txn_count + 1) * sizeof *order);
    const bool ok = moments != NULL && order != NULL;
    size_t count = 0, committed = 0;

    for (size_t i = 0; ok && i < h->txn_count; i++) {
        const history_txn *txn = &h->txns[i];

        if (!f->x->committed[i])
            continue;
        order[committed++] = txn;
        moments[count++] = (edges_moment){ .at_ns = txn->begin_ns, .txn = (uint32_t)i };
        if (txn->outcome != HISTORY_UNKNOWN)
            moments[count++] = (edges_moment){ .at_ns = txn->end_ns,
                                               .txn = (uint32_t)i,
                                               .is_end = true };
    }
    if (ok) {
        qsort(moments, count, sizeof *moments, edges_compare_moments);
        edges_time(g, moments, count);
        edges_sessions(g, h, order, committed);
    }
    free(moments);
    free(order);
    return ok;
}

bool
edges_build(finder *f, graph *g)
{
    g->txn_count = g->node_count = (uint32_t)f->x->h->txn_count;
    return edges_keys(f, g) && edges_order(f, g) && graph_sort(g);
}

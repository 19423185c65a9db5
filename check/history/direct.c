/* What each list shows by itself, or beside another one of its key. */
#include "check/history/finder.h"

#include <stdlib.h>

/* What is wrong with one list. */
typedef struct direct_look {
    finder *f;
    size_t *last_list; /* by operation: the READ, + 1, that an APPEND's element was last seen in */
} direct_look;

/* An anomaly of a READ, and of the transaction of the operation `other` (INDEX_NONE: of nobody). */
static FILE *
direct_begin(finder *f, history_anomaly anomaly, size_t read, size_t other)
{
    const size_t reader = f->x->op_txn[read];
    const size_t writer = other == INDEX_NONE ? reader : f->x->op_txn[other];
    const size_t txns[] = { writer, reader };

    return writer == reader ? finder_begin(f, anomaly, &reader, 1)
                            : finder_begin(f, anomaly, txns, 2);
}

/* "T2 read key 1 as [3 4]" */
static void
direct_say_read(const finder *f, FILE *out, size_t read)
{
    (void)fprintf(out, "T%zu read key %lld as ", f->x->op_txn[read] + 1,
                  (long long)f->x->h->ops[read].key);
    finder_list(f, out, read);
}

/* ---- Elements ---- */

/* An element comes after those that its transaction has put there before. @return whether it does
 */
static bool
direct_whole(const direct_look *look, size_t read, size_t append)
{
    finder *f = look->f;
    const size_t before = index_append_before(f->x, append);
    FILE *out;

    if (before == INDEX_NONE || look->last_list[before] == read + 1 ||
        f->x->op_txn[append] == f->x->op_txn[read]) /* found as internal */
        return true;
    out = direct_begin(f, HISTORY_TORN, read, append);
    if (out != NULL) {
        direct_say_read(f, out, read);
        (void)fprintf(out, ": T%zu appended %lld before %lld, which does not stand before it\n",
                      f->x->op_txn[append] + 1, (long long)f->x->h->ops[before].value,
                      (long long)f->x->h->ops[append].value);
    }
    finder_end(f, HISTORY_TORN, out);
    return false;
}

/* @return whether the element may stand where it does */
static bool
direct_element(const direct_look *look, size_t read, int64_t element)
{
    finder *f = look->f;
    const size_t op = index_appender(f->x, f->x->op_key[read], element);
    FILE *out;

    if (op == INDEX_NONE) {
        out = direct_begin(f, HISTORY_GARBAGE, read, INDEX_NONE);
        if (out != NULL) {
            direct_say_read(f, out, read);
            (void)fprintf(out, ", and nobody appended %lld to it\n", (long long)element);
        }
        finder_end(f, HISTORY_GARBAGE, out);
        return false;
    }
    f->seen[op] = true;
    if (look->last_list[op] == read + 1) {
        out = direct_begin(f, HISTORY_DUPLICATE, read, op);
        if (out != NULL) {
            direct_say_read(f, out, read);
            (void)fprintf(out, ": %lld is in it twice, and T%zu appended it once\n",
                          (long long)element, f->x->op_txn[op] + 1);
        }
        finder_end(f, HISTORY_DUPLICATE, out);
        return false;
    }
    look->last_list[op] = read + 1;
    if (f->x->committed[f->x->op_txn[op]])
        return direct_whole(look, read, op);
    out = direct_begin(f, HISTORY_G1A, read, op);
    if (out != NULL) {
        (void)fprintf(out, "T%zu appended %lld to key %lld and has failed, but ",
                      f->x->op_txn[op] + 1, (long long)element, (long long)f->x->h->ops[op].key);
        direct_say_read(f, out, read);
        (void)fputc('\n', out);
    }
    finder_end(f, HISTORY_G1A, out);
    return false;
}

/* @return whether all of the list may be there */
static bool
direct_elements(const direct_look *look, size_t read)
{
    bool ok = true;

    for (uint32_t i = 0; i < look->f->x->h->ops[read].count; i++)
        ok &= direct_element(look, read, index_list(look->f->x, read)[i]);
    return ok;
}

/* ---- Own writes ---- */

/* How many elements its own transaction has appended before the READ; those must be its last ones.
 */
static uint32_t
direct_own(finder *f, size_t read)
{
    const history *h = f->x->h;
    const history_op *op = &h->ops[read];
    uint32_t own = 0, at = 0;
    bool ok = true;

    if (!f->x->writes[f->x->op_txn[read]])
        return 0;
    for (size_t i = h->txns[f->x->op_txn[read]].first_op; i < read; i++)
        own += h->ops[i].kind == HISTORY_APPEND && h->ops[i].key == op->key;
    for (size_t i = h->txns[f->x->op_txn[read]].first_op; own > 0 && i < read; i++) {
        if (h->ops[i].kind != HISTORY_APPEND || h->ops[i].key != op->key)
            continue;
        ok &= own <= op->count && index_list(f->x, read)[op->count - own + at] == h->ops[i].value;
        at++;
    }
    if (!ok) {
        FILE *out = direct_begin(f, HISTORY_INTERNAL, read, INDEX_NONE);

        if (out != NULL) {
            direct_say_read(f, out, read);
            (void)fprintf(out, ", which does not end with the %lu that it had appended itself\n",
                          (unsigned long)own);
        }
        finder_end(f, HISTORY_INTERNAL, out);
    }
    return own;
}

static bool
direct_holds(const finder *f, size_t read, int64_t element)
{
    for (uint32_t i = 0; i < f->x->h->ops[read].count; i++)
        if (index_list(f->x, read)[i] == element)
            return true;
    return false;
}

/* Nobody sees what he is going to append. */
static void
direct_own_later(finder *f, size_t read)
{
    const history *h = f->x->h;
    const history_op *op = &h->ops[read];
    const history_txn *txn = &h->txns[f->x->op_txn[read]];
    FILE *out;

    for (size_t i = read + 1; i < txn->first_op + txn->op_count; i++) {
        if (h->ops[i].kind != HISTORY_APPEND || h->ops[i].key != op->key ||
            !direct_holds(f, read, h->ops[i].value))
            continue;
        out = direct_begin(f, HISTORY_INTERNAL, read, INDEX_NONE);
        if (out != NULL) {
            direct_say_read(f, out, read);
            (void)fprintf(out, ", and appended %lld itself only after that\n",
                          (long long)h->ops[i].value);
        }
        finder_end(f, HISTORY_INTERNAL, out);
    }
}

/* What a transaction has appended before it reads a range is found there. */
static void
direct_own_scan(finder *f, size_t scan)
{
    const history *h = f->x->h;
    const history_op *op = &h->ops[scan];
    FILE *out;

    for (size_t i = h->txns[f->x->op_txn[scan]].first_op; i < scan; i++) {
        bool found = false;

        if (h->ops[i].kind != HISTORY_APPEND || h->ops[i].key < op->key || h->ops[i].key > op->to)
            continue;
        for (uint32_t r = 1; r <= op->count; r++)
            found |= h->ops[scan + r].key == h->ops[i].key;
        if (found)
            continue;
        out = direct_begin(f, HISTORY_INTERNAL, scan, INDEX_NONE);
        if (out != NULL)
            (void)fprintf(out,
                          "T%zu read keys %lld to %lld and did not find key %lld, to which it had "
                          "appended %lld itself\n",
                          f->x->op_txn[scan] + 1, (long long)op->key, (long long)op->to,
                          (long long)h->ops[i].key, (long long)h->ops[i].value);
        finder_end(f, HISTORY_INTERNAL, out);
    }
}

/* ---- Versions that were not to be seen ---- */

/* A version is what a transaction leaves; the ones on the way there are its own. */
static void
direct_intermediate(finder *f, size_t read, uint32_t own)
{
    const history *h = f->x->h;
    const history_op *op = &h->ops[read];
    size_t last, writer;
    FILE *out;

    if (op->count <= own)
        return;
    last = index_appender(f->x, f->x->op_key[read], index_list(f->x, read)[op->count - own - 1]);
    if (last == INDEX_NONE || f->x->op_txn[last] == f->x->op_txn[read])
        return;
    writer = f->x->op_txn[last];
    for (size_t i = last + 1; i < h->txns[writer].first_op + h->txns[writer].op_count; i++) {
        if (h->ops[i].kind != HISTORY_APPEND || h->ops[i].key != op->key ||
            direct_holds(f, read, h->ops[i].value)) /* in another order: torn */
            continue;
        out = direct_begin(f, HISTORY_G1B, read, last);
        if (out != NULL) {
            direct_say_read(f, out, read);
            (void)fprintf(out, ", and T%zu appended %lld to it after %lld\n", writer + 1,
                          (long long)h->ops[i].value, (long long)h->ops[last].value);
        }
        finder_end(f, HISTORY_G1B, out);
        return;
    }
}

/* Whether the APPEND's transaction read just the first `count` elements of `read` before it. */
static bool
direct_wrote_after(const history_index *x, size_t append, size_t read, uint32_t count)
{
    const size_t before = append == INDEX_NONE ? INDEX_NONE : index_read_before(x, append);

    if (before == INDEX_NONE || x->h->ops[before].count != count)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (index_list(x, before)[i] != index_list(x, read)[i])
            return false;
    return true;
}

/* Two lists of a key part where two transactions have written after the same version, which is a
 * lost update and found as such; or for no reason. */
static void
direct_parting(finder *f, size_t read)
{
    const history_index *x = f->x;
    const size_t key = x->op_key[read], trunk = x->trunk[key];
    uint32_t at = 0;
    size_t a, b;
    FILE *out;

    while (index_list(x, read)[at] == index_list(x, trunk)[at])
        at++;
    a = index_appender(x, key, index_list(x, read)[at]);
    b = index_appender(x, key, index_list(x, trunk)[at]);
    if (direct_wrote_after(x, a, read, at) && direct_wrote_after(x, b, read, at))
        return;
    out = direct_begin(f, HISTORY_INCOMPATIBLE_ORDER, read, trunk);
    if (out != NULL) {
        direct_say_read(f, out, read);
        (void)fputs(", but ", out);
        direct_say_read(f, out, trunk);
        (void)fputc('\n', out);
    }
    finder_end(f, HISTORY_INCOMPATIBLE_ORDER, out);
}

static void
direct_key(const direct_look *look, size_t key)
{
    finder *f = look->f;
    const history_index *x = f->x;
    const size_t trunk = x->trunk[key];
    bool trunk_ok;

    if (trunk == INDEX_NONE)
        return;
    trunk_ok = direct_elements(look, trunk);
    for (size_t i = x->reads.first[key]; i < x->reads.first[key + 1]; i++) {
        const size_t read = x->reads.list[i];

        if (index_version(x, read) == INDEX_NONE && direct_elements(look, read) && trunk_ok)
            direct_parting(f, read);
        direct_intermediate(f, read, direct_own(f, read));
        if (x->writes[x->op_txn[read]])
            direct_own_later(f, read);
    }
}

/* ---- Lost updates ---- */

static void
direct_lost(finder *f, size_t first, size_t second)
{
    const history_index *x = f->x;
    const size_t txns[] = { x->op_txn[first], x->op_txn[second] };
    FILE *out = finder_begin(f, HISTORY_LOST_UPDATE, txns, 2);

    f->lost[first] = f->lost[second] = true;
    if (out != NULL) {
        direct_say_read(f, out, index_read_before(x, first));
        (void)fprintf(out, " and appended %lld\n", (long long)x->h->ops[first].value);
        direct_say_read(f, out, index_read_before(x, second));
        (void)fprintf(out, " and appended %lld: one of them does not count\n",
                      (long long)x->h->ops[second].value);
    }
    finder_end(f, HISTORY_LOST_UPDATE, out);
}

/* Two transactions that read the same version of a key and appended to it. `after`: by operation,
 * the first APPEND + 1 that came after the version that this one made. */
static void
direct_lost_updates(finder *f, size_t *after)
{
    const history_index *x = f->x;

    for (size_t k = 0; k < x->key_count; k++) {
        size_t after_empty = 0;

        for (size_t i = x->appends.first[k]; i < x->appends.first[k + 1]; i++) {
            const size_t append = x->appends.list[i], read = index_read_before(x, append);
            const uint32_t count = read == INDEX_NONE ? 0 : x->h->ops[read].count;
            size_t *first = &after_empty, version;

            if (read == INDEX_NONE)
                continue;
            if (count > 0) {
                version = index_appender(x, k, index_list(x, read)[count - 1]);
                if (version == INDEX_NONE)
                    continue;
                first = &after[version];
            }
            if (*first == 0)
                *first = append + 1;
            else
                direct_lost(f, *first - 1, append);
        }
    }
}

void
direct_find(finder *f)
{
    direct_look look = { .f = f };
    const size_t count = f->x->h->op_count + 1;
    size_t *after = (size_t *)calloc(count, sizeof *after);

    look.last_list = (size_t *)calloc(count, sizeof *look.last_list);
    if (after == NULL || look.last_list == NULL) {
        f->out_of_memory = true;
        goto done;
    }
    for (size_t k = 0; k < f->x->key_count; k++)
        direct_key(&look, k);
    for (size_t i = 0; i < f->x->h->op_count; i++)
        if (f->x->h->ops[i].kind == HISTORY_SCAN && f->x->committed[f->x->op_txn[i]])
            direct_own_scan(f, i);
    direct_lost_updates(f, after);

done:
    free(after);
    free(look.last_list);
}

/* An edge in words. */
#include "check/history/graph.h"

static void
say_realtime(const finder *f, FILE *out, uint32_t a, uint32_t b)
{
    (void)fprintf(out, "T%lu was done at %lld, before T%lu began at %lld", (unsigned long)a + 1,
                  (long long)f->x->h->txns[a].end_ns, (unsigned long)b + 1,
                  (long long)f->x->h->txns[b].begin_ns);
}

/* "before T2 appended 5 to it" */
static void
say_before(const finder *f, FILE *out, uint32_t b, uint32_t append)
{
    (void)fprintf(out, "before T%lu appended %lld to it", (unsigned long)b + 1,
                  (long long)f->x->h->ops[append].value);
}

void
edge_say(const finder *f, FILE *out, unsigned kind, const graph_edge *first, const graph_edge *last)
{
    const history_op *ops = f->x->h->ops;
    const unsigned long a = (unsigned long)first->from + 1, b = (unsigned long)last->to + 1;

    if (kind == GRAPH_WW || kind == GRAPH_WR)
        (void)fprintf(out, "T%lu appended %lld to key %lld, ", a,
                      (long long)ops[first->from_op].value, (long long)ops[first->from_op].key);
    if (kind == GRAPH_WW)
        say_before(f, out, last->to, last->to_op);
    if (kind == GRAPH_WR) {
        (void)fprintf(out, "which T%lu read in ", b);
        finder_list(f, out, last->to_op);
    }
    if (kind == GRAPH_RW) {
        (void)fprintf(out, "T%lu read key %lld as ", a, (long long)ops[first->from_op].key);
        finder_list(f, out, first->from_op);
        (void)fputs(", ", out);
        say_before(f, out, last->to, last->to_op);
    }
    if (kind == GRAPH_PRW) {
        (void)fprintf(out, "T%lu read keys %lld to %lld and did not find key %lld, ", a,
                      (long long)ops[first->from_op].key, (long long)ops[first->from_op].to,
                      (long long)ops[last->to_op].key);
        say_before(f, out, last->to, last->to_op);
    }
    if (kind == GRAPH_SESSION)
        (void)fprintf(out, "T%lu came before T%lu in process %lu", a, b,
                      (unsigned long)f->x->h->txns[first->from].process);
    if (kind == GRAPH_REALTIME)
        say_realtime(f, out, first->from, last->to);
    (void)fprintf(out, " (%s)\n",
                  kind == GRAPH_WW        ? "ww"
                  : kind == GRAPH_WR      ? "wr"
                  : kind == GRAPH_RW      ? "rw"
                  : kind == GRAPH_PRW     ? "rw by a predicate"
                  : kind == GRAPH_SESSION ? "session"
                                          : "real time");
}

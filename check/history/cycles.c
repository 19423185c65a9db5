/* Cycles, and their names. */
#include <stdlib.h>
#include <string.h>

#include "check/history/graph.h"

#define CYCLES_MOST 64u /* of one stage are told */
#define CYCLES_VISITS                                                                              \
    UINT64_C(4000000) /* places that a stage looks at before it leaves the rest                    \
                       */

enum { CYCLES_FAMILIES = 3 };

/* How the search goes on. */
typedef struct cycles {
    finder *f;
    const graph *g;
    graph_search search;
    uint32_t *component; /* by place, of the stage's walk */
    uint32_t *plain;     /* the same with anti-dependencies after one another */
    size_t room;         /* longest path */
    uint32_t *path, *turned;
    size_t *txns; /* those of the path */
} cycles;

/* A search: for cycles through an edge of one kind. */
typedef struct cycles_stage {
    unsigned kinds;  /* of the graph */
    unsigned pivots; /* one of these is in the cycle */
    unsigned back;   /* the rest is of these */
    bool apart;      /* in components without an anti-dependency after another */
    history_anomaly names[2];
} cycles_stage;

/* ---- Names ---- */

/* By what closes them: versions, also sessions, also time. */
static const history_anomaly cycles_names[CYCLES_FAMILIES][6] = {
    { HISTORY_G0, HISTORY_G1C, HISTORY_G_SINGLE, HISTORY_G_NONADJACENT, HISTORY_G2_ITEM,
      HISTORY_G2 },
    { HISTORY_G0_SESSION, HISTORY_G1C_SESSION, HISTORY_G_SINGLE_SESSION,
      HISTORY_G_NONADJACENT_SESSION, HISTORY_G2_ITEM_SESSION, HISTORY_G2_SESSION },
    { HISTORY_G0_REALTIME, HISTORY_G1C_REALTIME, HISTORY_G_SINGLE_REALTIME,
      HISTORY_G_NONADJACENT_REALTIME, HISTORY_G2_ITEM_REALTIME, HISTORY_G2_REALTIME },
};

/* The kind of the edge between two transactions that begins with path[at]; *len parts. */
static unsigned
cycles_edge(const cycles *c, size_t at, size_t path_len, size_t *len)
{
    unsigned kind = 0;

    *len = 0;
    do {
        const graph_edge *part = &c->g->edges[c->path[at + *len]];

        kind |= part->kind & ~(unsigned)GRAPH_LINKS;
        (*len)++;
        if (part->to < c->g->txn_count)
            break;
    } while (at + *len < path_len);
    return kind;
}

/* The name of the cycle in c->path, and its transactions in c->txns. */
static history_anomaly
cycles_name(cycles *c, size_t path_len, size_t *txn_count)
{
    size_t anti = 0, len;
    unsigned all = 0, first = 0, last = 0;
    bool adjacent = false;
    size_t shape;

    *txn_count = 0;
    for (size_t at = 0; at < path_len; at += len) {
        const unsigned kind = cycles_edge(c, at, path_len, &len);

        c->txns[(*txn_count)++] = c->g->edges[c->path[at]].from;
        adjacent |= (kind & GRAPH_ANTI) != 0 && (last & GRAPH_ANTI) != 0;
        anti += (kind & GRAPH_ANTI) != 0;
        all |= kind;
        last = kind;
        if (at == 0)
            first = kind;
    }
    adjacent |= (first & GRAPH_ANTI) != 0 && (last & GRAPH_ANTI) != 0;
    shape = anti == 0 ? (all & GRAPH_WR) != 0 : anti == 1 ? 2 : !adjacent ? 3 : 4;
    if (shape == 4 && (all & GRAPH_PRW) != 0)
        shape = 5;
    return cycles_names[(all & GRAPH_REALTIME) != 0  ? 2
                        : (all & GRAPH_SESSION) != 0 ? 1
                                                     : 0][shape];
}

/* Tell of the cycle in c->path, if it is what the stage looks for. @return whether it is */
static bool
cycles_tell(cycles *c, const cycles_stage *stage, size_t path_len)
{
    size_t txn_count, len, shown = 0;
    const history_anomaly name = cycles_name(c, path_len, &txn_count);
    FILE *out;

    if (name != stage->names[0] && name != stage->names[1])
        return false;
    out = finder_begin(c->f, name, c->txns, txn_count);
    for (size_t at = 0; out != NULL && at < path_len; at += len) {
        const unsigned kind = cycles_edge(c, at, path_len, &len);

        if (shown++ < FINDER_LINES)
            edge_say(c->f, out, kind, &c->g->edges[c->path[at]],
                     &c->g->edges[c->path[at + len - 1]]);
    }
    if (out != NULL && txn_count > FINDER_LINES)
        (void)fprintf(out, "and so on, back to T%zu\n", c->txns[0] + 1);
    finder_end(c->f, name, out);
    return true;
}

/* ---- Searches ---- */

/* Close the cycle of an edge. @return edges of c->path; 0: there is none */
static size_t
cycles_close(cycles *c, const graph_edge *edge, const graph_walk *back, const uint32_t *component,
             size_t from)
{
    const size_t to = graph_place(edge->from);
    const size_t len = graph_path(&c->search, back, component, from, to, c->path + 1, c->room - 1);

    c->path[0] = (uint32_t)(edge - c->g->edges);
    return len == 0 ? 0 : len + 1;
}

/* Turn the cycle in c->path so that it begins at a transaction. */
static void
cycles_turn(cycles *c, size_t len)
{
    size_t at = 0;

    while (at < len && c->g->edges[c->path[at]].from >= c->g->txn_count)
        at++;
    for (size_t i = 0; i < len; i++)
        c->turned[i] = c->path[(at + i) % len];
    memcpy(c->path, c->turned, len * sizeof *c->path);
}

/* The shortest cycle through one edge. */
static size_t
cycles_through(cycles *c, const cycles_stage *stage, const graph_edge *edge)
{
    const graph_walk walk = { .g = c->g, .kinds = stage->kinds, .apart = stage->apart };
    const graph_walk back = { .g = c->g, .kinds = stage->back };
    const size_t from = graph_place(edge->from);
    const size_t to = graph_step(&walk, from, edge);
    size_t len;

    if (to == SIZE_MAX || c->component[from] == 0 || c->component[from] != c->component[to])
        return 0;
    if (!stage->apart)
        return cycles_close(c, edge, &back, c->component, to);
    /* With no other anti-dependency, if there is such a way back. */
    len = cycles_close(c, edge, &back, c->plain, graph_place(edge->to));
    return len > 0 ? len : cycles_close(c, edge, &walk, c->component, to);
}

static bool
cycles_run(cycles *c, const cycles_stage *stage)
{
    graph_walk walk = { .g = c->g, .kinds = stage->kinds };
    size_t told = 0;

    if (stage->apart && !graph_components(&walk, c->plain))
        return false;
    walk.apart = stage->apart;
    if (!graph_components(&walk, c->component))
        return false;
    c->search.visited = 0;
    for (size_t i = 0; i < c->g->edge_count; i++) {
        const graph_edge *edge = &c->g->edges[i];
        size_t len;

        if ((edge->kind & stage->pivots) == 0)
            continue;
        len = cycles_through(c, stage, edge);
        if (len == 0)
            continue;
        cycles_turn(c, len);
        told += cycles_tell(c, stage, len);
        if (told == CYCLES_MOST || c->search.visited > CYCLES_VISITS)
            break;
    }
    return true;
}

/* Each shape of a cycle; `order`: the edges of session and time that may help to close it. */
static bool
cycles_family(cycles *c, unsigned order, const history_anomaly *names)
{
    const unsigned ww = GRAPH_WW | GRAPH_AFTER | order;
    const unsigned wr = ww | GRAPH_WR;
    const cycles_stage stages[] = {
        { .kinds = ww, .pivots = GRAPH_WW, .back = ww, .names = { names[0], names[0] } },
        { .kinds = wr, .pivots = GRAPH_WR, .back = wr, .names = { names[1], names[1] } },
        { .kinds = wr | GRAPH_ANTI,
          .pivots = GRAPH_ANTI,
          .back = wr,
          .apart = true,
          .names = { names[2], names[3] } },
        { .kinds = wr | GRAPH_RW,
          .pivots = GRAPH_RW,
          .back = wr | GRAPH_RW,
          .names = { names[4], names[4] } },
        { .kinds = wr | GRAPH_ANTI,
          .pivots = GRAPH_PRW,
          .back = wr | GRAPH_ANTI,
          .names = { names[5], names[5] } },
    };

    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++)
        if (!cycles_run(c, &stages[i]))
            return false;
    return true;
}

static bool
cycles_allocate(cycles *c)
{
    const size_t places = 2 * (size_t)c->g->node_count + 2;

    c->room = places;
    c->component = (uint32_t *)malloc(places * sizeof *c->component);
    c->plain = (uint32_t *)malloc(places * sizeof *c->plain);
    c->path = (uint32_t *)malloc(places * sizeof *c->path);
    c->turned = (uint32_t *)malloc(places * sizeof *c->turned);
    c->txns = (size_t *)malloc(places * sizeof *c->txns);
    return graph_search_init(&c->search, c->g) && c->component != NULL && c->plain != NULL &&
           c->path != NULL && c->turned != NULL && c->txns != NULL;
}

void
cycles_find(finder *f)
{
    static const unsigned orders[CYCLES_FAMILIES] = { 0, GRAPH_SESSION,
                                                      GRAPH_SESSION | GRAPH_REALTIME | GRAPH_WHEN };
    graph g = { 0 };
    cycles c = { .f = f, .g = &g };
    bool ok = edges_build(f, &g) && cycles_allocate(&c);

    for (int i = 0; ok && i < CYCLES_FAMILIES; i++)
        ok = cycles_family(&c, orders[i], cycles_names[i]);
    if (!ok)
        f->out_of_memory = true;
    graph_search_fini(&c.search);
    free(c.component);
    free(c.plain);
    free(c.path);
    free(c.turned);
    free(c.txns);
    graph_fini(&g);
}

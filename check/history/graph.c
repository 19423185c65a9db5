/* A graph, its components, paths in it. Places are 2 * node, + 1 where an anti-dependency led
 * there.
 */
#include "check/history/graph.h"

#include <stdlib.h>
#include <string.h>

void
graph_add(graph *g, graph_edge edge)
{
    if (g->edge_count == g->edge_room) {
        const size_t room = g->edge_room == 0 ? 1024 : 2 * g->edge_room;
        graph_edge *grown = room < UINT32_MAX
                                ? (graph_edge *)realloc(g->edges, room * sizeof *grown)
                                : NULL;

        if (grown == NULL) {
            g->out_of_memory = true;
            return;
        }
        g->edges = grown;
        g->edge_room = room;
    }
    g->edges[g->edge_count++] = edge;
}

uint32_t
graph_joint(graph *g)
{
    return g->node_count++;
}

bool
graph_sort(graph *g)
{
    graph_edge *sorted = (graph_edge *)malloc((g->edge_count + 1) * sizeof *sorted);
    size_t *next = (size_t *)calloc((size_t)g->node_count + 2, sizeof *next);

    if (sorted == NULL || next == NULL || g->out_of_memory) {
        free(sorted);
        free(next);
        return false;
    }
    /* Counted two places up: each place is its node's beginning while it is filled. */
    for (size_t i = 0; i < g->edge_count; i++)
        next[g->edges[i].from + 2]++;
    for (uint32_t n = 1; n < g->node_count + 2; n++)
        next[n] += next[n - 1];
    for (size_t i = 0; i < g->edge_count; i++)
        sorted[next[g->edges[i].from + 1]++] = g->edges[i];
    free(g->edges);
    g->edges = sorted;
    g->first = next;
    return true;
}

void
graph_fini(graph *g)
{
    free(g->edges);
    free(g->first);
}

/* ---- Walks ---- */

size_t
graph_places(const graph_walk *w)
{
    return 2 * (size_t)w->g->node_count;
}

size_t
graph_place(uint32_t node)
{
    return 2 * (size_t)node;
}

uint32_t
graph_node(size_t place)
{
    return (uint32_t)(place / 2);
}

size_t
graph_step(const graph_walk *w, size_t place, const graph_edge *edge)
{
    const size_t to = graph_place(edge->to);

    if ((edge->kind & w->kinds) == 0)
        return SIZE_MAX;
    if (!w->apart)
        return to;
    if ((edge->kind & GRAPH_ANTI) != 0)
        return place % 2 == 0 ? to + 1 : SIZE_MAX;
    return edge->kind == GRAPH_AFTER ? to + place % 2 : to;
}

/* ---- Components ---- */

/* Tarjan's algorithm with a stack of its own. */
typedef struct graph_tarjan {
    const graph_walk *w;
    uint32_t *component;
    uint32_t *index, *low;  /* by place; index 0: not seen */
    size_t *edge;           /* by place: the next edge to look at */
    uint32_t *path, *stack; /* places */
    bool *on_stack, *loops;
    size_t path_count, stack_count;
    uint32_t next_index, next_component;
} graph_tarjan;

static void
graph_enter(graph_tarjan *t, size_t place)
{
    t->index[place] = t->low[place] = ++t->next_index;
    t->edge[place] = t->w->g->first[graph_node(place)];
    t->path[t->path_count++] = (uint32_t)place;
    t->stack[t->stack_count++] = (uint32_t)place;
    t->on_stack[place] = true;
}

/* The place has been looked through: it and those above it on the stack may be a component. */
static void
graph_leave(graph_tarjan *t, size_t place)
{
    size_t member;
    bool alone;

    t->path_count--;
    if (t->path_count > 0) {
        const size_t before = t->path[t->path_count - 1];

        if (t->low[place] < t->low[before])
            t->low[before] = t->low[place];
    }
    if (t->low[place] != t->index[place])
        return;
    alone = t->stack[t->stack_count - 1] == place && !t->loops[place];
    if (!alone)
        t->next_component++;
    do {
        member = t->stack[--t->stack_count];
        t->on_stack[member] = false;
        t->component[member] = alone ? 0 : t->next_component;
    } while (member != place);
}

static void
graph_advance(graph_tarjan *t)
{
    const size_t place = t->path[t->path_count - 1];
    const graph *g = t->w->g;
    size_t to;

    if (t->edge[place] == g->first[graph_node(place) + 1]) {
        graph_leave(t, place);
        return;
    }
    to = graph_step(t->w, place, &g->edges[t->edge[place]++]);
    if (to == SIZE_MAX)
        return;
    t->loops[place] |= to == place;
    if (t->index[to] == 0)
        graph_enter(t, to);
    else if (t->on_stack[to] && t->index[to] < t->low[place])
        t->low[place] = t->index[to];
}

bool
graph_components(const graph_walk *w, uint32_t *component)
{
    const size_t places = graph_places(w) + 1;
    graph_tarjan t = { .w = w, .component = component };
    bool ok;

    t.index = (uint32_t *)calloc(places, sizeof *t.index);
    t.low = (uint32_t *)malloc(places * sizeof *t.low);
    t.edge = (size_t *)malloc(places * sizeof *t.edge);
    t.path = (uint32_t *)malloc(places * sizeof *t.path);
    t.stack = (uint32_t *)malloc(places * sizeof *t.stack);
    t.on_stack = (bool *)calloc(places, sizeof *t.on_stack);
    t.loops = (bool *)calloc(places, sizeof *t.loops);
    ok = t.index != NULL && t.low != NULL && t.edge != NULL && t.path != NULL && t.stack != NULL &&
         t.on_stack != NULL && t.loops != NULL;
    memset(component, 0, (places - 1) * sizeof *component);
    for (uint32_t node = 0; ok && node < w->g->node_count; node++) {
        if (t.index[graph_place(node)] == 0)
            graph_enter(&t, graph_place(node));
        while (t.path_count > 0)
            graph_advance(&t);
    }
    free(t.index);
    free(t.low);
    free(t.edge);
    free(t.path);
    free(t.stack);
    free(t.on_stack);
    free(t.loops);
    return ok;
}

/* ---- Paths ---- */

bool
graph_search_init(graph_search *s, const graph *g)
{
    const size_t places = 2 * (size_t)g->node_count + 1;

    *s = (graph_search){ 0 };
    s->came_by = (uint32_t *)malloc(places * sizeof *s->came_by);
    s->came_from = (uint32_t *)malloc(places * sizeof *s->came_from);
    s->stamp = (uint32_t *)calloc(places, sizeof *s->stamp);
    s->queue = (uint32_t *)malloc(places * sizeof *s->queue);
    return s->came_by != NULL && s->came_from != NULL && s->stamp != NULL && s->queue != NULL;
}

void
graph_search_fini(graph_search *s)
{
    free(s->came_by);
    free(s->came_from);
    free(s->stamp);
    free(s->queue);
}

/* Queue the places of the component that links, or other edges, lead to from `place`. */
static size_t
graph_expand(graph_search *s, const graph_walk *w, const uint32_t *component, size_t place,
             bool links, size_t end)
{
    const graph *g = w->g;

    for (size_t e = g->first[graph_node(place)]; e < g->first[graph_node(place) + 1]; e++) {
        const size_t to = ((g->edges[e].kind & GRAPH_LINKS) != 0) == links
                              ? graph_step(w, place, &g->edges[e])
                              : SIZE_MAX;

        if (to == SIZE_MAX || s->stamp[to] == s->search || component[to] != component[place])
            continue;
        s->stamp[to] = s->search;
        s->came_by[to] = (uint32_t)e;
        s->came_from[to] = (uint32_t)place;
        s->queue[end++] = (uint32_t)to;
    }
    return end;
}

static size_t
graph_trace(const graph_search *s, size_t from, size_t to, uint32_t *path, size_t room)
{
    size_t len = 0;

    for (size_t at = to; at != from; at = s->came_from[at]) {
        if (len == room)
            return 0;
        path[len++] = s->came_by[at];
    }
    for (size_t i = 0; i < len / 2; i++) {
        const uint32_t edge = path[i];

        path[i] = path[len - 1 - i];
        path[len - 1 - i] = edge;
    }
    return len;
}

size_t
graph_path(graph_search *s, const graph_walk *w, const uint32_t *component, size_t from, size_t to,
           uint32_t *path, size_t room)
{
    size_t begin = 0, end = 1;

    s->search++;
    s->stamp[from] = s->search;
    s->queue[0] = (uint32_t)from;
    /* Level by level; what links lead to is on the same one. */
    while (begin < end && s->stamp[to] != s->search) {
        size_t next;

        for (size_t i = begin; i < end; i++)
            end = graph_expand(s, w, component, s->queue[i], true, end);
        next = end;
        for (size_t i = begin; i < end; i++)
            next = graph_expand(s, w, component, s->queue[i], false, next);
        begin = end;
        end = next;
    }
    s->visited += end;
    return s->stamp[to] == s->search ? graph_trace(s, from, to, path, room) : 0;
}

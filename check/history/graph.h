/**
 * @file graph.h Dependencies between transactions. For the checker's own files.
 *
 * Nodes are transactions, and behind them joints: an edge from each of n readers to each of m later
 * writers takes n + m edges through a joint instead of n * m. A link, into or out of a joint, is a
 * part of an edge.
 */
#ifndef TENON_CHECK_HISTORY_GRAPH_H
#define TENON_CHECK_HISTORY_GRAPH_H

#include "check/history/finder.h"

/** Kinds of edges, as bits. */
enum {
    GRAPH_WW = 1,       /**< Overwrites a version. */
    GRAPH_WR = 2,       /**< Reads a version. */
    GRAPH_RW = 4,       /**< Overwrites a version that was read. */
    GRAPH_PRW = 8,      /**< Makes a key that a scan had not found. */
    GRAPH_SESSION = 16, /**< Comes later in its process. */
    GRAPH_REALTIME = 32,
    GRAPH_AFTER = 64, /**< Link from a joint that stands for the end of a list. */
    GRAPH_WHEN = 128  /**< Link into a joint that stands for a point in time. */
};

/** Anti-dependencies. */
#define GRAPH_ANTI (GRAPH_RW | GRAPH_PRW)
#define GRAPH_LINKS (GRAPH_AFTER | GRAPH_WHEN)

#define GRAPH_NONE UINT32_MAX

typedef struct graph_edge {
    uint32_t from, to; /**< Nodes. */
    uint32_t from_op;  /**< Operation by which; GRAPH_NONE: none, or not known in this part. */
    uint32_t to_op;
    uint8_t kind;
} graph_edge;

typedef struct graph {
    uint32_t node_count, txn_count;
    graph_edge *edges; /**< After graph_sort in the order of `from`. */
    size_t edge_count, edge_room;
    size_t *first; /**< By node: its first edge; one more at the end. */
    bool out_of_memory;
} graph;

void graph_add(graph *g, graph_edge edge);
/** A further joint. */
uint32_t graph_joint(graph *g);
/** No edge is added any more. @return false: there is no memory */
bool graph_sort(graph *g);
void graph_fini(graph *g);

/**
 * Put in all edges that the history shows; lost updates found on the way are told to `f`, and are
 * no edges: what they close is named by them.
 */
bool edges_build(finder *f, graph *g);

/**
 * A walk: the edges of a set of kinds. Where `apart` is set, no anti-dependency follows another;
 * a place is then a node and whether an anti-dependency led there.
 */
typedef struct graph_walk {
    const graph *g;
    unsigned kinds;
    bool apart;
} graph_walk;

/** Places of a walk, 0 … */
size_t graph_places(const graph_walk *w);
/** The place where no anti-dependency has led to the node. */
size_t graph_place(uint32_t node);
/** The node of a place. */
uint32_t graph_node(size_t place);
/** Where the edge leads to from a place at its `from`; SIZE_MAX: it does not belong to the walk. */
size_t graph_step(const graph_walk *w, size_t place, const graph_edge *edge);

/**
 * Strongly connected components, by Tarjan's algorithm without recursion.
 *
 * @param[out] component by place: its number; 0 where it is alone and in no cycle
 * @return false: there is no memory
 */
bool graph_components(const graph_walk *w, uint32_t *component);

/** What graph_path needs; used again by each call. */
typedef struct graph_search {
    uint32_t *came_by;   /**< By place: the edge. */
    uint32_t *came_from; /**< By place: the place before it. */
    uint32_t *stamp;     /**< By place: the search that saw it last. */
    uint32_t *queue;
    uint32_t search;
    uint64_t visited; /**< Places, by all searches. */
} graph_search;

bool graph_search_init(graph_search *s, const graph *g);
void graph_search_fini(graph_search *s);

/**
 * The shortest path inside a component; links count nothing.
 *
 * @param[out] path edges in their order, room for `room`
 * @return edges, 0: there is none, or it has more than `room`
 */
size_t graph_path(graph_search *s, const graph_walk *w, const uint32_t *component, size_t from,
                  size_t to, uint32_t *path, size_t room);

/** Find the cycles, and name them. */
void cycles_find(finder *f);
/** Say in words why one transaction comes before another. @param[in] first, last the parts of the
 * edge at its ends; the same where it has no links */
void edge_say(const finder *f, FILE *out, unsigned kind, const graph_edge *first,
              const graph_edge *last);

#endif

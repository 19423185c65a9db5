/** @file recorded.h What trace+URL has recorded as JSON: tables, queries and values again. */
#ifndef TENON_TOOLS_RECORDED_H
#define TENON_TOOLS_RECORDED_H

#include <jansson.h>

#include "tenon/txn.h"

/** Most parameters of a query. */
#define RECORDED_MOST_PARAMS 1024

/** Where all that was made lives. Zeroed before. */
typedef struct recorded {
    struct recorded_block *blocks;
    json_t *kept;    /**< What texts point into. */
    const char *why; /**< What was wrong; NULL: nothing was. Static. */
} recorded;

/** A query, and which of the recorded parameters it takes. */
typedef struct recorded_query {
    tenon_query query;
    uint32_t param_count;
    uint16_t params[RECORDED_MOST_PARAMS];
} recorded_query;

/** A table of what "table_is" says. @return NULL: `r->why` */
const tenon_table *recorded_table(recorded *r, json_t *is);

/** The query of a line that says "query_is". @return NULL: `r->why` */
const recorded_query *recorded_query_new(recorded *r, json_t *line, const tenon_table *table);

/**
 * Values of an array. Texts point into it, bytes live until recorded_rewind.
 *
 * @param[in] which numbers of those wanted; NULL: all `count` in order
 * @return false: `r->why`
 */
bool recorded_values(recorded *r, const json_t *array, const uint16_t *which, uint32_t count,
                     tenon_value *out);

/** Forget what was made since the blocks were `mark`, and `why`. */
void recorded_rewind(recorded *r, struct recorded_block *mark);

/** Free all. */
void recorded_fini(recorded *r);

#endif

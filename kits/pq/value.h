/** @file value.h Values in PostgreSQL's binary format, and what its SQL looks like. */
#ifndef TENON_KITS_PQ_VALUE_H
#define TENON_KITS_PQ_VALUE_H

#include "tenon/kit/pq.h"

/** Before a statement that is to be explained. */
#define PQ_EXPLAIN "EXPLAIN "

/** The OID of each TENON_ type. */
extern const Oid pq_types[TENON_TIME + 1];

extern const tenon_sql_dialect pq_dialect;

/** Write a value that is no bytes in network order. @return its length */
int pq_put_value(const tenon_value *value, uint64_t *number);

/** Read a value; bytes are borrowed from the result. Of a type that Tenon has not: its bytes, as
 * text. */
void pq_get_value(const PGresult *result, int row, int column, tenon_value *out);

#endif

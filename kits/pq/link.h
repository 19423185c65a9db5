/** @file link.h What of a link the files of the kit share. */
#ifndef TENON_KITS_PQ_LINK_H
#define TENON_KITS_PQ_LINK_H

#include "tenon/kit/pq.h"

/** After the deadline, how long an answer to a cancel is waited for. */
#define PQ_GRACE_NS UINT64_C(30000000)

/** Take over a connection that is open. @return false: no memory, or no pipe */
bool pq_init(tenon_pq_link *link, PGconn *pg);
void pq_fini(tenon_pq_link *link);

/** Send a statement that has a name. */
tenon_status pq_send_named(tenon_pq_link *link, tenon_pq_item item, const char *name,
                           const tenon_pq_params *params, tenon_error *err);

/** Give a text a name. */
tenon_status pq_parse(tenon_pq_link *link, tenon_pq_item item, const char *name, const char *sql,
                      const tenon_pq_params *params, tenon_error *err);

/** The next result of the statement that is streaming; NULL: all were read. */
tenon_status pq_next(tenon_pq_link *link, PGresult **out, tenon_error *err);

/** Wait for the socket. @param[in] for_write also until it can be written @return false: dead */
bool pq_wait(tenon_pq_link *link, bool for_write);

/** Fill `err` from a result. */
tenon_status pq_error(const tenon_pq_link *link, const PGresult *result, const tenon_pq_item *item,
                      tenon_error *err);

/** Take a statement out of the pipeline: nobody wants its results. */
void pq_forget(tenon_pq_link *link, const tenon_pq_stmt *stmt);

/** Keep what an error will show of parameters until the answer has come. */
const tenon_value *pq_keep(tenon_pq_link *link, const tenon_value *params, uint32_t count);

/** In stmt.c: a result of a statement. The statement owns it from here on. */
void pq_stmt_take(tenon_pq_stmt *stmt, PGresult *result);
/** The same of a name that could not be given. */
void pq_stmt_unparsed(tenon_pq_stmt *stmt, const tenon_pq_link *link);

#endif

/** @file link.h What of a link the files of the kit share. */
#ifndef TENON_KITS_PQ_LINK_H
#define TENON_KITS_PQ_LINK_H

#include "tenon/kit/pq.h"

/** After the deadline, how long an answer to a cancel is waited for. */
#define PQ_GRACE_NS UINT64_C(20000000)

/** In wake.c: by which another thread stops a call that waits. @return NULL: no memory, or no pipe
 */
tenon_pq_wake *pq_wake_new(void);
void pq_wake_free(tenon_pq_wake *wake);
/** Readable after pq_wake_up; -1 for NULL. */
int pq_wake_fd(const tenon_pq_wake *wake);
void pq_wake_up(tenon_pq_wake *wake);
/** Whether somebody has called pq_wake_up since this or pq_wake_forget was called. */
bool pq_wake_take(tenon_pq_wake *wake);
/** What was meant for an earlier call. */
void pq_wake_forget(tenon_pq_wake *wake);

/** Numbers of the kit's own lasting texts. */
enum {
    PQ_BEGIN = TENON_PQ_OWN, /**< Twice the level, and one more for readers: up to 7 more. */
    PQ_COMMIT = TENON_PQ_OWN + 8,
    PQ_ROLLBACK,
    PQ_GUARD,
    PQ_GUARD_RELEASE,
    PQ_GUARD_ROLLBACK,
    PQ_ASK_XID
};

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

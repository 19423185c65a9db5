/* Cursors: handles that are used again, so that reading allocates nothing once warm. */
#include <stdlib.h>
#include <string.h>

#include "core/db.h"
#include "core/error.h"

/* ---- Copies of values ---- */

static void
values_free(tni_values *v)
{
    free(v->values);
    free(v->bytes);
    memset(v, 0, sizeof *v);
}

static bool
values_has_bytes(const tenon_value *v)
{
    return v->len > 0 && (v->type == TENON_TEXT || v->type == TENON_BLOB || v->type == TENON_UUID);
}

static bool
values_reserve(tni_values *v, uint32_t count, size_t bytes)
{
    void *grown;

    if (count > v->capacity) {
        grown = realloc(v->values, count * sizeof *v->values);
        if (grown == NULL)
            return false;
        v->values = grown;
        v->capacity = count;
    }
    if (bytes > v->bytes_capacity) {
        grown = realloc(v->bytes, bytes);
        if (grown == NULL)
            return false;
        v->bytes = grown;
        v->bytes_capacity = bytes;
    }
    return true;
}

bool
tni_values_copy(tni_values *into, const tenon_value *values, uint32_t count)
{
    unsigned char *at;
    size_t bytes = 0;

    if (count == 0)
        return true;
    for (uint32_t i = 0; i < count; i++)
        bytes += values_has_bytes(&values[i]) ? values[i].len : 0;
    if (!values_reserve(into, count, bytes))
        return false;
    memcpy(into->values, values, count * sizeof *values);
    at = into->bytes;
    for (uint32_t i = 0; i < count; i++) {
        if (!values_has_bytes(&values[i]))
            continue;
        memcpy(at, values[i].as.data, values[i].len);
        into->values[i].as.data = at;
        at += values[i].len;
    }
    return true;
}

/* ---- Handles ---- */

static tenon_cursor *
cursor_take(tenon_txn *txn)
{
    tenon_cursor *cursor = txn->conn->free_cursors;

    if (cursor != NULL) {
        txn->conn->free_cursors = cursor->next;
    } else {
        cursor = calloc(1, sizeof *cursor);
        if (cursor == NULL)
            return NULL;
    }
    cursor->txn = txn;
    cursor->drv = NULL;
    cursor->row_count = 0;
    cursor->at_end = false;
    cursor->undone = false;
    cursor->lent = false;
    cursor->prev = NULL;
    cursor->next = txn->cursors;
    if (cursor->next != NULL)
        cursor->next->prev = cursor;
    txn->cursors = cursor;
    return cursor;
}

/* Close what the driver holds. */
static void
cursor_stop(tenon_cursor *cursor)
{
    cursor->txn->ops->close(cursor->drv);
    cursor->drv = NULL;
    cursor->lent = false;
}

/* Take a handle out of its transaction, to be used again. */
static void
cursor_recycle(tenon_cursor *cursor)
{
    tenon_txn *txn = cursor->txn;

    cursor_stop(cursor);
    if (cursor->prev != NULL)
        cursor->prev->next = cursor->next;
    else
        txn->cursors = cursor->next;
    if (cursor->next != NULL)
        cursor->next->prev = cursor->prev;
    cursor->txn = NULL;
    cursor->next = txn->conn->free_cursors;
    txn->conn->free_cursors = cursor;
}

void
tni_cursors_drop_fetched(tenon_txn *txn)
{
    txn->lent = false;
    if (txn->fetch_cursor != NULL) {
        cursor_recycle(txn->fetch_cursor);
        txn->fetch_cursor = NULL;
    }
}

void
tni_cursors_undo(tenon_txn *txn)
{
    tni_cursors_drop_fetched(txn);
    for (tenon_cursor *cursor = txn->cursors; cursor != NULL; cursor = cursor->next) {
        cursor_stop(cursor);
        cursor->undone = true;
    }
}

void
tni_cursors_end(tenon_txn *txn)
{
    txn->lent = false;
    txn->fetch_cursor = NULL;
    while (txn->cursors != NULL)
        cursor_recycle(txn->cursors);
}

bool
tni_txn_has_lent(const tenon_txn *txn)
{
    for (const tenon_cursor *cursor = txn->cursors; cursor != NULL; cursor = cursor->next) {
        if (cursor->lent)
            return true;
    }
    return txn->lent;
}

void
tni_cursors_free(tni_conn *conn)
{
    while (conn->free_cursors != NULL) {
        tenon_cursor *cursor = conn->free_cursors;

        conn->free_cursors = cursor->next;
        values_free(&cursor->params);
        values_free(&cursor->row);
        free(cursor);
    }
    values_free(&conn->fetched);
}

/* ---- Reading ---- */

/* A handle with its parameters, still without rows. */
static tenon_status
cursor_new(tenon_txn *txn, const tenon_value *params, uint32_t count, tenon_cursor **out,
           tenon_error *err)
{
    tenon_cursor *cursor = cursor_take(txn);

    *out = NULL;
    if (cursor == NULL)
        return tni_no_memory(err, "a cursor");
    if (!tni_values_copy(&cursor->params, params, count)) {
        cursor_recycle(cursor);
        return tni_no_memory(err, "the parameters of a cursor");
    }
    *out = cursor;
    return TENON_OK;
}

/* What the driver said to the opening of `*out`, which is gone where that failed. */
static tenon_status
cursor_opened(tenon_txn *txn, tenon_status st, tenon_cursor **out, tenon_error *err)
{
    if (st == TENON_OK)
        return st;
    (*out)->drv = NULL;
    cursor_recycle(*out);
    *out = NULL;
    return tni_txn_driver_failed(txn, st, err);
}

tenon_status
tni_cursor_open(tenon_txn *txn, const tni_query *query, tenon_drv_plan *plan,
                const tenon_value *params, tenon_cursor **out, tenon_error *err)
{
    tenon_status st = cursor_new(txn, params, query->param_count, out, err);

    if (st != TENON_OK)
        return st;
    (*out)->column_count = query->drv.kind == TENON_COUNT ? 1 : query->drv.column_count;
    st = txn->ops->open(plan, (*out)->params.values, &(*out)->drv, tni_txn_err(txn));
    return cursor_opened(txn, st, out, err);
}

tenon_status
tni_cursor_sql(tenon_txn *txn, const char *sql, const tenon_value *params, uint32_t param_count,
               tenon_cursor **out, tenon_error *err)
{
    tenon_status st = cursor_new(txn, params, param_count, out, err);

    if (st != TENON_OK)
        return st;
    st = txn->ops->sql(txn->conn->drv, sql, (*out)->params.values, param_count, &(*out)->drv,
                       &(*out)->column_count, tni_txn_err(txn));
    return cursor_opened(txn, st, out, err);
}

static tenon_status
cursor_next(tenon_cursor *cursor, const tenon_value **row, tenon_error *err)
{
    tenon_txn *txn = cursor->txn;
    tenon_status st;

    cursor->lent = false;
    if (cursor->undone)
        return tni_fail(err, TENON_MISUSE, NULL, "a rollback to a savepoint has closed the cursor");
    if (cursor->at_end)
        return tni_txn_no_row(err);
    st = txn->ops->next(cursor->drv, row, tni_txn_err(txn));
    if (st == TENON_OK && tni_txn_copies_rows(txn)) {
        if (!tni_values_copy(&cursor->row, *row, cursor->column_count))
            st = tni_no_memory(&txn->last, "a row");
        else if (cursor->column_count > 0)
            *row = cursor->row.values;
    }
    cursor->lent = st == TENON_OK;
    if (st == TENON_OK)
        return st;
    *row = NULL;
    if (st != TENON_NOT_FOUND)
        return tni_txn_driver_failed(txn, st, err);
    cursor->at_end = true;
    cursor_stop(cursor); /* what the engine holds for it is of no further use */
    return tni_txn_no_row(err);
}

tenon_status
tenon_next(tenon_cursor *cursor, const tenon_value **row, tenon_error *err)
{
    tenon_status st;
    tenon_txn *txn;

    *row = NULL;
    if (cursor == NULL || cursor->txn == NULL)
        return tni_fail(err, TENON_MISUSE, NULL, "the cursor is closed");
    txn = cursor->txn;
    st = tni_txn_enter_row(txn, &cursor->row_count, err);
    if (st != TENON_OK)
        return st;
    st = cursor_next(cursor, row, err);
    tni_txn_leave(txn);
    return st;
}

void
tenon_cursor_close(tenon_cursor *cursor)
{
    tenon_txn *txn = cursor == NULL ? NULL : cursor->txn;

    if (txn == NULL || !tni_txn_hold(txn))
        return; /* what the reaper has rolled back ends with its handle */
    cursor_recycle(cursor);
    tni_txn_leave(txn);
}

/* Reading the audit, and checking that nobody has changed it. */
#include <stdio.h>
#include <string.h>

#include "core/audit_chain.h"
#include "core/db.h"
#include "core/error.h"

#define AUDIT_TEXT_BYTES (TENON_MAX_DETAILS_BYTES + 1)

static const tenon_txn_options audit_reading = {
    .size = sizeof audit_reading, .name = "tenon audit", .timeout_ms = UINT32_MAX, .read_only = true
};

/* ---- For the application ---- */

typedef struct audit_reader {
    tenon_audit_fn row;
    tenon_audit_chain_fn chain;
    void *arg;
} audit_reader;

static const char *
audit_text(const tenon_value *v, char *out)
{
    const size_t len = v->type == TENON_NULL || v->len >= AUDIT_TEXT_BYTES ? 0 : v->len;

    if (len > 0)
        memcpy(out, v->as.data, len);
    out[len] = '\0';
    return out;
}

static void
audit_tell_row(const audit_reader *r, const tenon_value *v)
{
    char texts[4][AUDIT_TEXT_BYTES];
    tenon_audit_row row = {
        .number = (uint64_t)v[AUDIT_NUMBER].as.i,
        .at_us = v[AUDIT_AT].as.i,
        .actor = audit_text(&v[AUDIT_ACTOR], texts[0]),
        .action = audit_text(&v[AUDIT_ACTION], texts[1]),
        .object = audit_text(&v[AUDIT_OBJECT], texts[2]),
        .details = audit_text(&v[AUDIT_DETAILS], texts[3]),
    };

    memcpy(row.chain.bytes, v[AUDIT_CHAIN].as.data, sizeof row.chain.bytes);
    memcpy(row.txn.bytes, v[AUDIT_TXN].as.data, sizeof row.txn.bytes);
    r->row(r->arg, &row);
}

static void
audit_tell_chain(const audit_reader *r, const tenon_value *v)
{
    tenon_audit_chain chain = { .length = (uint64_t)v[CHAIN_LENGTH].as.i };

    memcpy(chain.chain.bytes, v[CHAIN_ID].as.data, sizeof chain.chain.bytes);
    if (v[CHAIN_HEAD].len == sizeof chain.head)
        memcpy(chain.head, v[CHAIN_HEAD].as.data, sizeof chain.head);
    r->chain(r->arg, &chain);
}

static tenon_status
audit_read(tenon_txn *txn, void *arg, tenon_error *err)
{
    const audit_reader *r = arg;
    const tenon_value *row;
    tenon_cursor *cursor;
    tenon_status st = tenon_select(txn, r->row != NULL ? &tni_audit_rows : &tni_audit_chains, NULL,
                                   &cursor, err);

    while (st == TENON_OK && (st = tenon_next(cursor, &row, err)) == TENON_OK) {
        if (r->row != NULL)
            audit_tell_row(r, row);
        else
            audit_tell_chain(r, row);
    }
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

static tenon_status
audit_read_all(tenon_db *db, audit_reader *reader, tenon_error *err)
{
    uint32_t version = 0;
    tenon_status st = tenon_db_schema_version(db, "tenon_audit", &version, err);

    if (st != TENON_OK || version == 0)
        return st;
    return tni_run_own(db, &audit_reading, audit_read, reader, err);
}

tenon_status
tenon_db_audit(tenon_db *db, tenon_audit_fn fn, void *arg, tenon_error *err)
{
    audit_reader reader = { .row = fn, .arg = arg };

    return audit_read_all(db, &reader, err);
}

tenon_status
tenon_db_audit_chains(tenon_db *db, tenon_audit_chain_fn fn, void *arg, tenon_error *err)
{
    audit_reader reader = { .chain = fn, .arg = arg };

    return audit_read_all(db, &reader, err);
}

/* ---- The check ---- */

/* Where the check is. Chains and rows come in the same order, so that one walk does for both. */
typedef struct audit_check {
    const tni_audit *audit;
    tenon_problem_fn fn;
    void *arg;
    tenon_cursor *chains, *rows;
    const tenon_value *row; /* the next one; NULL: none is left */
    tenon_uuid chain;
    int64_t length;
    bool keyed;
    uint8_t head[TENON_AUDIT_HASH_BYTES], seal[TENON_AUDIT_HASH_BYTES];
} audit_check;

static void
audit_problem(const audit_check *c, const tenon_uuid *chain, int64_t number, const char *what)
{
    char id[TENON_UUID_TEXT_BYTES], where[128];

    tenon_uuid_text(chain, id);
    (void)snprintf(where, sizeof where, "audit chain %s, row %lld", id, (long long)number);
    c->fn(c->arg, where, what);
}

static tenon_status
audit_next_row(audit_check *c, tenon_error *err)
{
    tenon_status st = tenon_next(c->rows, &c->row, err);

    if (st == TENON_NOT_FOUND) {
        c->row = NULL;
        st = TENON_OK;
    }
    return st;
}

static tenon_uuid
audit_row_chain(const audit_check *c)
{
    tenon_uuid id;

    memcpy(id.bytes, c->row[AUDIT_CHAIN].as.data, sizeof id.bytes);
    return id;
}

/* Rows of chains that nothing is known of, up to the chain that the check is at. */
static tenon_status
audit_check_strays(audit_check *c, bool all, tenon_error *err)
{
    tenon_status st = TENON_OK;

    while (st == TENON_OK && c->row != NULL) {
        const tenon_uuid id = audit_row_chain(c);

        if (!all && memcmp(id.bytes, c->chain.bytes, sizeof id.bytes) >= 0)
            break;
        audit_problem(c, &id, c->row[AUDIT_NUMBER].as.i, "its chain has been taken away");
        st = audit_next_row(c, err);
    }
    return st;
}

static void
audit_check_row(audit_check *c, int64_t expected, uint8_t *before)
{
    uint8_t hash[TENON_AUDIT_HASH_BYTES];
    const tenon_value *stored = &c->row[AUDIT_HASH];
    const int64_t number = c->row[AUDIT_NUMBER].as.i;

    tni_audit_hash_row(c->audit, c->keyed, before, c->row, hash);
    if (number > expected)
        audit_problem(c, &c->chain, expected, "has been taken away");
    else if (stored->len != sizeof hash || memcmp(stored->as.data, hash, sizeof hash) != 0)
        audit_problem(c, &c->chain, number, "has been changed, or the one before it has");
    if (stored->len == sizeof hash)
        memcpy(before, stored->as.data, sizeof hash);
}

/* The rows of one chain. */
static tenon_status
audit_check_chain(audit_check *c, tenon_error *err)
{
    uint8_t before[TENON_AUDIT_HASH_BYTES] = { 0 }, seal[TENON_AUDIT_HASH_BYTES];
    int64_t expected = 1;
    tenon_status st = audit_check_strays(c, false, err);

    tni_audit_hash_chain(c->audit, c->keyed, &c->chain, c->length, c->head, seal);
    if (memcmp(seal, c->seal, sizeof seal) != 0)
        audit_problem(c, &c->chain, c->length, "is not the end that the chain was sealed with");
    while (st == TENON_OK && c->row != NULL) {
        const tenon_uuid id = audit_row_chain(c);

        if (memcmp(id.bytes, c->chain.bytes, sizeof id.bytes) != 0)
            break;
        audit_check_row(c, expected, before);
        expected = c->row[AUDIT_NUMBER].as.i + 1;
        st = audit_next_row(c, err);
    }
    if (st == TENON_OK && expected <= c->length)
        audit_problem(c, &c->chain, expected, "and what followed have been taken away");
    else if (st == TENON_OK &&
             (expected - 1 != c->length || memcmp(before, c->head, sizeof before) != 0))
        audit_problem(c, &c->chain, expected - 1, "is not what the chain ends with");
    return st;
}

static void
audit_copy_hash(const tenon_value *v, uint8_t *out)
{
    memset(out, 0, TENON_AUDIT_HASH_BYTES);
    if (v->len == TENON_AUDIT_HASH_BYTES)
        memcpy(out, v->as.data, TENON_AUDIT_HASH_BYTES);
}

/* The rows of a chain that needs a key, which was not given. */
static tenon_status
audit_pass_over(audit_check *c, tenon_error *err)
{
    tenon_status st = audit_check_strays(c, false, err);

    audit_problem(c, &c->chain, c->length,
                  "can't be checked: its chain has a key, and none was given");
    while (st == TENON_OK && c->row != NULL) {
        const tenon_uuid id = audit_row_chain(c);

        if (memcmp(id.bytes, c->chain.bytes, sizeof id.bytes) != 0)
            break;
        st = audit_next_row(c, err);
    }
    return st;
}

static tenon_status
audit_check_all(audit_check *c, tenon_error *err)
{
    const tenon_value *chain;
    tenon_status st = audit_next_row(c, err);

    while (st == TENON_OK && (st = tenon_next(c->chains, &chain, err)) == TENON_OK) {
        memcpy(c->chain.bytes, chain[CHAIN_ID].as.data, sizeof c->chain.bytes);
        c->length = chain[CHAIN_LENGTH].as.i;
        c->keyed = chain[CHAIN_KEYED].as.i != 0;
        audit_copy_hash(&chain[CHAIN_HEAD], c->head);
        audit_copy_hash(&chain[CHAIN_SEAL], c->seal);
        st = c->keyed && c->audit->key_bytes == 0 ? audit_pass_over(c, err)
                                                  : audit_check_chain(c, err);
    }
    return st == TENON_NOT_FOUND ? audit_check_strays(c, true, err) : st;
}

tenon_status
tni_audit_verify(tenon_txn *txn, tenon_problem_fn fn, void *arg, tenon_error *err)
{
    audit_check c = { .audit = &txn->db->audit, .fn = fn, .arg = arg };
    tenon_status st = tenon_select(txn, &tni_audit_chains, NULL, &c.chains, err);

    if (st == TENON_OK)
        st = tenon_select(txn, &tni_audit_rows, NULL, &c.rows, err);
    if (st == TENON_OK)
        st = audit_check_all(&c, err);
    tenon_cursor_close(c.rows);
    tenon_cursor_close(c.chains);
    return st;
}

/* Rows of the audit: written, chained, read. */
#include "core/audit.h"

#include <sodium.h>
#include <string.h>

#include "core/audit_chain.h"
#include "core/db.h"
#include "core/error.h"
#include "core/migrate.h"

/* ---- Tables ---- */

static const tenon_column audit_columns[] = {
    [AUDIT_CHAIN] = { .name = "chain", .type = TENON_UUID, .not_null = true },
    [AUDIT_NUMBER] = { .name = "number", .type = TENON_INT, .not_null = true },
    [AUDIT_AT] = { .name = "at", .type = TENON_TIME, .not_null = true },
    [AUDIT_TXN] = { .name = "txn", .type = TENON_UUID, .not_null = true },
    [AUDIT_ACTOR] = { .name = "actor", .type = TENON_TEXT, .max_bytes = TENON_MAX_ACTOR_BYTES },
    [AUDIT_ACTION] = { .name = "action", .type = TENON_TEXT, .max_bytes = TENON_MAX_OBJECT_BYTES },
    [AUDIT_OBJECT] = { .name = "object", .type = TENON_TEXT, .max_bytes = TENON_MAX_OBJECT_BYTES },
    [AUDIT_DETAILS] = { .name = "details",
                        .type = TENON_TEXT,
                        .max_bytes = TENON_MAX_DETAILS_BYTES },
    [AUDIT_HASH] = { .name = "hash",
                     .type = TENON_BLOB,
                     .not_null = true,
                     .max_bytes = TENON_AUDIT_HASH_BYTES },
};

static const tenon_table audit_table = {
    .name = "tenon_audit",
    .columns = audit_columns,
    .column_count = AUDIT_COLUMNS,
    .primary_key = TENON_COLUMNS(AUDIT_CHAIN, AUDIT_NUMBER),
};

static const tenon_column chain_columns[] = {
    [CHAIN_ID] = { .name = "chain", .type = TENON_UUID, .not_null = true },
    [CHAIN_LENGTH] = { .name = "length", .type = TENON_INT, .not_null = true },
    [CHAIN_HEAD] = { .name = "head",
                     .type = TENON_BLOB,
                     .not_null = true,
                     .max_bytes = TENON_AUDIT_HASH_BYTES },
    [CHAIN_SEAL] = { .name = "seal",
                     .type = TENON_BLOB,
                     .not_null = true,
                     .max_bytes = TENON_AUDIT_HASH_BYTES },
    [CHAIN_KEYED] = { .name = "keyed", .type = TENON_BOOL, .not_null = true },
};

static const tenon_table chain_table = {
    .name = "tenon_audit_chain",
    .columns = chain_columns,
    .column_count = CHAIN_COLUMNS,
    .primary_key = TENON_COLUMNS(CHAIN_ID),
};

static const tenon_table *const audit_tables[] = { &audit_table, &chain_table };

static const tenon_schema audit_schema = {
    .name = "tenon_audit",
    .version = 1,
    .tables = audit_tables,
    .table_count = 2,
};

/* ---- Queries ---- */

static const tenon_query audit_insert = {
    .name = "tenon_audit_insert",
    .kind = TENON_INSERT,
    .table = &audit_table,
    .columns = TENON_COLUMNS(AUDIT_CHAIN, AUDIT_NUMBER, AUDIT_AT, AUDIT_TXN, AUDIT_ACTOR,
                             AUDIT_ACTION, AUDIT_OBJECT, AUDIT_DETAILS, AUDIT_HASH),
};

const tenon_query tni_audit_rows = {
    .name = "tenon_audit_rows",
    .kind = TENON_SELECT,
    .table = &audit_table,
    .columns = TENON_COLUMNS(AUDIT_CHAIN, AUDIT_NUMBER, AUDIT_AT, AUDIT_TXN, AUDIT_ACTOR,
                             AUDIT_ACTION, AUDIT_OBJECT, AUDIT_DETAILS, AUDIT_HASH),
    .order = TENON_ORDER(TENON_ASC(AUDIT_CHAIN), TENON_ASC(AUDIT_NUMBER)),
};

const tenon_query tni_audit_chains = {
    .name = "tenon_audit_chains",
    .kind = TENON_SELECT,
    .table = &chain_table,
    .columns = TENON_COLUMNS(CHAIN_ID, CHAIN_LENGTH, CHAIN_HEAD, CHAIN_SEAL, CHAIN_KEYED),
    .order = TENON_ORDER(TENON_ASC(CHAIN_ID)),
};

static const tenon_query chain_find = {
    .name = "tenon_audit_chain_find",
    .kind = TENON_SELECT,
    .table = &chain_table,
    .columns = TENON_COLUMNS(CHAIN_LENGTH, CHAIN_HEAD, CHAIN_KEYED),
    .where = TENON_WHERE(TENON_EQ(CHAIN_ID, 0)),
};

static const tenon_query chain_insert = {
    .name = "tenon_audit_chain_insert",
    .kind = TENON_INSERT,
    .table = &chain_table,
    .columns = TENON_COLUMNS(CHAIN_ID, CHAIN_LENGTH, CHAIN_HEAD, CHAIN_SEAL, CHAIN_KEYED),
};

static const tenon_query chain_update = {
    .name = "tenon_audit_chain_update",
    .kind = TENON_UPDATE,
    .table = &chain_table,
    .set = TENON_SET(TENON_TO(CHAIN_LENGTH, 1), TENON_TO(CHAIN_HEAD, 2), TENON_TO(CHAIN_SEAL, 3)),
    .where = TENON_WHERE(TENON_EQ(CHAIN_ID, 0)),
};

_Static_assert(TENON_AUDIT_KEY_MIN_BYTES == crypto_generichash_KEYBYTES_MIN &&
                   TENON_AUDIT_KEY_MAX_BYTES == crypto_generichash_KEYBYTES_MAX,
               "the lengths of keys that the hash takes");

/* ---- Setting up ---- */

tenon_status
tni_audit_init(tni_audit *audit, const tenon_open_options *options, tenon_error *err)
{
    audit->on = options->audit;
    if (options->audit_key_bytes == 0)
        return TENON_OK;
    if (options->audit_key == NULL || options->audit_key_bytes < TENON_AUDIT_KEY_MIN_BYTES ||
        options->audit_key_bytes > TENON_AUDIT_KEY_MAX_BYTES)
        return tni_fail(err, TENON_CONFIG, "audit_key", "an audit key has %d to %d bytes",
                        TENON_AUDIT_KEY_MIN_BYTES, TENON_AUDIT_KEY_MAX_BYTES);
    memcpy(audit->key, options->audit_key, options->audit_key_bytes);
    audit->key_bytes = options->audit_key_bytes;
    return TENON_OK;
}

void
tni_audit_fini(tni_audit *audit)
{
    sodium_memzero(audit->key, sizeof audit->key);
}

tenon_status
tni_audit_prepare(tenon_db *db, tenon_error *err)
{
    tenon_status st;

    if (sodium_init() < 0)
        return tni_fail(err, TENON_INTERNAL, NULL, "libsodium can't be used here");
    st = tni_migrate_own(db, &audit_schema, err);
    db->audit.ready = st == TENON_OK;
    return st;
}

/* ---- Hashes ---- */

static void
audit_hash_text(crypto_generichash_state *h, const tenon_value *text)
{
    const uint32_t len = text->type == TENON_NULL ? UINT32_MAX : text->len;
    const uint8_t prefix[4] = { (uint8_t)len, (uint8_t)(len >> 8), (uint8_t)(len >> 16),
                                (uint8_t)(len >> 24) };

    (void)crypto_generichash_update(h, prefix, sizeof prefix);
    if (text->type != TENON_NULL && text->len > 0)
        (void)crypto_generichash_update(h, text->as.data, text->len);
}

static void
audit_hash_int(crypto_generichash_state *h, int64_t n)
{
    uint8_t bytes[8];

    for (uint32_t i = 0; i < 8; i++)
        bytes[i] = (uint8_t)((uint64_t)n >> (8 * i));
    (void)crypto_generichash_update(h, bytes, sizeof bytes);
}

static void
audit_hash_begin(const tni_audit *audit, bool keyed, crypto_generichash_state *h)
{
    (void)crypto_generichash_init(h, keyed ? audit->key : NULL, keyed ? audit->key_bytes : 0,
                                  TENON_AUDIT_HASH_BYTES);
}

void
tni_audit_hash_row(const tni_audit *audit, bool keyed, const uint8_t *before,
                   const tenon_value *row, uint8_t *out)
{
    crypto_generichash_state h;

    audit_hash_begin(audit, keyed, &h);
    (void)crypto_generichash_update(&h, before, TENON_AUDIT_HASH_BYTES);
    (void)crypto_generichash_update(&h, row[AUDIT_CHAIN].as.data, sizeof(tenon_uuid));
    audit_hash_int(&h, row[AUDIT_NUMBER].as.i);
    audit_hash_int(&h, row[AUDIT_AT].as.i);
    (void)crypto_generichash_update(&h, row[AUDIT_TXN].as.data, sizeof(tenon_uuid));
    for (uint32_t i = AUDIT_ACTOR; i <= AUDIT_DETAILS; i++)
        audit_hash_text(&h, &row[i]);
    (void)crypto_generichash_final(&h, out, TENON_AUDIT_HASH_BYTES);
}

void
tni_audit_hash_chain(const tni_audit *audit, bool keyed, const tenon_uuid *chain, int64_t length,
                     const uint8_t *head, uint8_t *out)
{
    static const uint8_t purpose[] = "tenon audit chain";
    crypto_generichash_state h;

    audit_hash_begin(audit, keyed, &h);
    (void)crypto_generichash_update(&h, purpose, sizeof purpose);
    (void)crypto_generichash_update(&h, chain->bytes, sizeof chain->bytes);
    audit_hash_int(&h, length);
    (void)crypto_generichash_update(&h, head, TENON_AUDIT_HASH_BYTES);
    (void)crypto_generichash_final(&h, out, TENON_AUDIT_HASH_BYTES);
}

/* ---- Writing ---- */

/* The end of the chain that a row is to be added to. */
typedef struct audit_end {
    tenon_uuid chain;
    int64_t length; /* 0: there is no chain yet */
    uint8_t head[TENON_AUDIT_HASH_BYTES];
    bool keyed;
} audit_end;

/* One chain where writers take turns, one for each connection where they do not. */
static tenon_status
audit_find_end(tenon_txn *txn, audit_end *end, tenon_error *err)
{
    const tni_audit *audit = &txn->db->audit;
    tni_conn *conn = txn->conn;
    const tenon_value *row;
    tenon_value id;
    tenon_status st;

    memset(end, 0, sizeof *end);
    if (!txn->db->pool.limits.single_writer) {
        if (!conn->has_chain) {
            conn->chain = tenon_uuid_new();
            conn->has_chain = true;
        }
        end->chain = conn->chain;
    }
    id = tenon_id(&end->chain);
    end->keyed = audit->key_bytes > 0;
    st = tenon_fetch(txn, &chain_find, &id, &row, err);
    if (st == TENON_NOT_FOUND)
        return TENON_OK;
    if (st != TENON_OK)
        return st;
    if (row[1].len != TENON_AUDIT_HASH_BYTES || row[0].as.i < 1)
        return tni_fail(err, TENON_CORRUPT, chain_table.name,
                        "the head of an audit chain is damaged");
    if ((row[2].as.i != 0) != end->keyed)
        return tni_fail(err, TENON_CONFIG, "audit_key",
                        end->keyed
                            ? "this database's audit has been written without a key"
                            : "this database's audit is written with a key, and none is given");
    end->length = row[0].as.i;
    memcpy(end->head, row[1].as.data, TENON_AUDIT_HASH_BYTES);
    return TENON_OK;
}

static tenon_status
audit_move_end(tenon_txn *txn, const audit_end *end, const uint8_t *hash, tenon_error *err)
{
    uint8_t seal[TENON_AUDIT_HASH_BYTES];
    const tenon_value params[] = { tenon_id(&end->chain), tenon_int(end->length + 1),
                                   tenon_blob(hash, TENON_AUDIT_HASH_BYTES),
                                   tenon_blob(seal, sizeof seal), tenon_bool(end->keyed) };

    tni_audit_hash_chain(&txn->db->audit, end->keyed, &end->chain, end->length + 1, hash, seal);
    return tenon_exec(txn, end->length == 0 ? &chain_insert : &chain_update, params, NULL, err);
}

static tenon_status
audit_write(tenon_txn *txn, const tenon_audit_entry *entry, tenon_error *err)
{
    uint8_t hash[TENON_AUDIT_HASH_BYTES];
    tenon_uuid id = tenon_txn_id(txn);
    tenon_value row[AUDIT_COLUMNS];
    audit_end end;
    tenon_status st = audit_find_end(txn, &end, err);

    if (st != TENON_OK)
        return st;
    row[AUDIT_CHAIN] = tenon_id(&end.chain);
    row[AUDIT_NUMBER] = tenon_int(end.length + 1);
    row[AUDIT_AT] = tenon_time(tni_wall_us());
    row[AUDIT_TXN] = tenon_id(&id);
    row[AUDIT_ACTOR] = tenon_text(entry->actor != NULL ? entry->actor : txn->actor);
    row[AUDIT_ACTION] = tenon_text(entry->action != NULL ? entry->action
                                                         : atomic_load(&txn->op)->name);
    row[AUDIT_OBJECT] = tenon_text(entry->object);
    row[AUDIT_DETAILS] = tenon_text(entry->details != NULL ? entry->details : txn->details);
    tni_audit_hash_row(&txn->db->audit, end.keyed, end.head, row, hash);
    row[AUDIT_HASH] = tenon_blob(hash, sizeof hash);
    st = tenon_exec(txn, &audit_insert, row, NULL, err);
    if (st == TENON_OK)
        st = audit_move_end(txn, &end, hash, err);
    if (st == TENON_OK)
        txn->audited = true;
    return st;
}

tenon_status
tenon_audit(tenon_txn *txn, const tenon_audit_entry *entry, tenon_error *err)
{
    tenon_audit_entry e = { .size = sizeof e };

    if (entry == NULL || entry->size < sizeof entry->size)
        return tni_fail(err, TENON_MISUSE, NULL, "size of tenon_audit_entry is not set");
    memcpy(&e, entry, entry->size < sizeof e ? entry->size : sizeof e);
    if (txn == NULL || atomic_load(&txn->word) == TNI_FREE)
        return tni_fail(err, TENON_MISUSE, NULL, "the transaction has ended");
    if (txn->read_only)
        return tni_fail(err, TENON_READ_ONLY, NULL, "the transaction is read-only");
    if (!txn->db->audit.ready)
        return tni_fail(err, TENON_MISUSE, NULL,
                        "the database was not opened with `audit` or `audit_by_hand`");
    return audit_write(txn, &e, err);
}

tenon_status
tni_audit_commit(tenon_txn *txn, tenon_error *err)
{
    static const tenon_audit_entry plain = { .size = sizeof plain };

    return audit_write(txn, &plain, err);
}

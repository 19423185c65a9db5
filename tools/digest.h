/** @file digest.h A hash of all that a database holds, the same on every engine. */
#ifndef TENON_TOOLS_DIGEST_H
#define TENON_TOOLS_DIGEST_H

#include "tenon/db.h"

/** Bytes of a digest as text, its NUL included. */
#define DIGEST_TEXT_BYTES 65

/** A table that went into a digest. */
typedef struct digest_table digest_table;

/** A digest. */
typedef struct digest {
    char text[DIGEST_TEXT_BYTES]; /**< BLAKE2b-256 in lower-case hexadecimal. */
    uint64_t row_count;           /**< Of all tables. */
    uint32_t table_count;
    digest_table *tables; /**< Sorted by name. */
} digest;

/**
 * Read every row of every table, those whose name begins with `tenon_` apart, in one transaction
 * that only reads.
 *
 * What is hashed. For each table, sorted by name: its name and the names of its columns, sorted;
 * for each row, in the order of the primary key: 1, then the values of those columns; after the
 * last row 0. A text is its length and its bytes, a value is its type (1 byte), its length and its
 * bytes; lengths are 4 bytes, numbers 8 bytes, the highest first; REAL as IEEE 754 has it.
 *
 * @param[out] out owned by the caller until digest_free, also after a failure
 * @retval TENON_OK, and those of tenon_db_tables and tenon_run
 */
tenon_status digest_database(tenon_db *db, digest *out, tenon_error *err);

/** Free. Only after tenon_close, for the database knows the queries by their address. */
void digest_free(digest *d);

/** Name and rows of table `i`. */
const char *digest_table_name(const digest *d, uint32_t i);
uint64_t digest_table_rows(const digest *d, uint32_t i);

#endif

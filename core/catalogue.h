/**
 * @file catalogue.h What a database says about its own tables: entries in memory, and where they
 * are stored.
 *
 * Each table, column, index and foreign key is one entry with a definition in one line of text,
 * such as `type=text notnull max=64`. Two schemas agree where their entries do. Columns are named,
 * never numbered, in a definition: a table whose columns were added one by one agrees with one that
 * was created whole, whatever the order in which its program lists them.
 */
#ifndef TENON_CORE_CATALOGUE_H
#define TENON_CORE_CATALOGUE_H

#include "tenon/txn.h"

/** What an entry is about, in the order in which entries of a table are sorted. */
enum {
    TNI_ENTRY_TABLE = 0, /**< Its `name` is that of the table. */
    TNI_ENTRY_COLUMN = 1,
    TNI_ENTRY_INDEX = 2,
    TNI_ENTRY_FOREIGN_KEY = 3,
    TNI_ENTRY_KINDS = 4
};

/** One entry. */
typedef struct tni_entry {
    char table[TENON_MAX_NAME_BYTES + 1];
    char name[TENON_MAX_NAME_BYTES + 1];
    uint8_t kind;
    uint32_t position; /**< Its place among those of its kind; no part of the comparison. */
    char *definition;  /**< Owned by the list. */
} tni_entry;

/** Entries, sorted by table, kind and name. All zero = empty. */
typedef struct tni_entries {
    tni_entry *list;
    uint32_t count, room;
} tni_entries;

/** Word for a kind ("foreign_key"), as stored. `kind` is one of the four. */
const char *tni_entry_kind(uint8_t kind);

/** Free what is in the list. */
void tni_entries_fini(tni_entries *entries);

/** Order of two entries: table, kind, name. */
int tni_entry_compare(const tni_entry *a, const tni_entry *b);

/** The entry, or NULL. Borrowed until the list changes. */
const tni_entry *tni_entries_find(const tni_entries *entries, const char *table, uint8_t kind,
                                  const char *name);

/** Add one entry in its place. The names are at most TENON_MAX_NAME_BYTES long. */
tenon_status tni_entries_put(tni_entries *entries, const tni_entry *entry, tenon_error *err);

/** Remove an entry of the list. */
void tni_entries_remove(tni_entries *entries, const tni_entry *entry);

/** Remove all entries of a table. */
void tni_entries_remove_table(tni_entries *entries, const char *table);

/** Copy all entries of `from` into the empty list `to`. */
tenon_status tni_entries_copy(const tni_entries *from, tni_entries *to, tenon_error *err);

/** Add a checked table with everything in it. */
tenon_status tni_entries_add_table(tni_entries *entries, const tenon_table *table,
                                   tenon_error *err);

/** Add a checked column, the table's last. */
tenon_status tni_entries_add_column(tni_entries *entries, const char *table,
                                    const tenon_column *column, tenon_error *err);

/** Add a checked index of `table`, the last of the table of that name in the list. */
tenon_status tni_entries_add_index(tni_entries *entries, const tenon_table *table,
                                   const tenon_index *index, tenon_error *err);

/**
 * The tables that the entries describe, in one block, sorted by name.
 *
 * @param[out] out   owned by the caller until free(); NULL on failure
 * @retval TENON_OK, TENON_NO_MEMORY, TENON_CORRUPT: an entry that can't be read, named in `err`
 */
tenon_status tni_entries_tables(const tni_entries *entries, const tenon_table ***out,
                                uint32_t *count, tenon_error *err);

/** As tni_entries_tables, for the table `name` alone. TENON_CORRUPT where there is none. */
tenon_status tni_entries_table(const tni_entries *entries, const char *name,
                               const tenon_table ***out, tenon_error *err);

/** How far a stored schema is. */
typedef struct tni_progress {
    uint32_t version; /**< All of its steps are done; 0: the schema is not stored. */
    uint32_t done;    /**< Steps of later versions that are done. */
} tni_progress;

/** Whether the database has a catalogue. */
tenon_status tni_catalogue_exists(tenon_txn *txn, bool *out, tenon_error *err);

/** Make the tables of the catalogue, where they are missing. */
tenon_status tni_catalogue_create(tenon_txn *txn, tenon_error *err);

/** Read how far a schema is; all zero where there is no catalogue. */
tenon_status tni_catalogue_progress(tenon_txn *txn, const char *schema, tni_progress *out,
                                    tenon_error *err);

/** Write how far a schema is. */
tenon_status tni_catalogue_set_progress(tenon_txn *txn, const char *schema, tni_progress progress,
                                        tenon_error *err);

/** Read the entries of one schema, or of all (NULL), into an empty list. */
tenon_status tni_catalogue_read(tenon_txn *txn, const char *schema, tni_entries *out,
                                tenon_error *err);

/** Store the difference between two states of a schema's entries. */
tenon_status tni_catalogue_write(tenon_txn *txn, const char *schema, const tni_entries *before,
                                 const tni_entries *after, tenon_error *err);

#endif

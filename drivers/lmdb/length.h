/** @file length.h Files that are shorter than their own meta page says: read past their end, they
 * would be a SIGBUS. */
#ifndef TENON_LMDB_LENGTH_H
#define TENON_LMDB_LENGTH_H

#include <lmdb.h>
#include <stdbool.h>

/**
 * Whether the file has the length that its newest meta page speaks of. Never wrongly false because
 * another process is writing.
 *
 * @param[out] rc 0, or an errno
 */
bool lmdb_length_fits(MDB_env *env, int *rc);

/**
 * Whether nothing is lost, though the file is too short: what is missing may be pages that a
 * transaction took and gave back. LMDB does not write those, and a kill may come before anybody
 * else does. All of them are in its list of free pages then. The map is not touched.
 *
 * @param[in] state  the transaction that made the state to look at; one that is open, of this
 *                   thread or another, keeps its pages from being used again
 * @param[out] bytes how long the file should be for it
 * @return 0; MDB_CORRUPTED; MDB_BAD_TXN, where the meta page of `state` has been replaced by now;
 *         or an errno
 */
int lmdb_length_check(MDB_env *env, size_t state, size_t *bytes);

#endif

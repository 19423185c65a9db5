/**
 * @file chat.h The storage of a chat server, written once over include/tenon: `#include
 * <tenon/chat.h>`, link libtenon-chat.
 *
 * chat/tables.h   the seven tables, for tools and for an application's own queries
 * chat/types.h    who acts and when (chat_context), users, rooms, memberships, sessions, passwords
 * chat/atomic.h   the six atomic operations
 * chat/service.h  messages, log-in, lists, clean-up, counts
 *
 * Two forms. An operation inside a caller's transaction takes a `tenon_txn *`; the same on its own
 * takes a `tenon_db *`, ends in `_atomically`, and is run with tenon_run: again as a whole after a
 * conflict. Inside a caller's transaction an operation that writes sets a savepoint, so that one
 * that fails has left nothing behind, and the transaction goes on unless the engine doomed it.
 * (What a driver that sends late reports only at commit fails the transaction as a whole.)
 *
 * Failures. The checks are made in the order in which the documentation of each operation gives
 * them; the first that fails decides. `err->object` names what it is about, the words stand there
 * too:
 *   TENON_INVALID     an input breaks a rule ("username"); found before the transaction begins
 *   TENON_NOT_FOUND   a row that the input names is not there ("room")
 *   TENON_EXISTS      a row that would be new is there already ("username", "membership")
 *   TENON_DENIED      the actor may not do that ("sender")
 *   TENON_CONSTRAINT  the state of a row forbids it ("invitation.status")
 *   TENON_MISUSE      `size` of the context is not set, or an input is a null pointer
 * All others come from the engine: see tenon_run and tenon_exec.
 *
 * Outputs are the caller's own, need no release, and are all zero unless the call returned
 * TENON_OK. Requests and results are frozen within one SOVERSION. Text goes in as UTF-8 ended by
 * NUL. Any thread may call anything.
 */
#ifndef TENON_CHAT_H
#define TENON_CHAT_H

#include "tenon/chat/atomic.h"
#include "tenon/chat/service.h"
#include "tenon/chat/tables.h"
#include "tenon/chat/types.h"

#endif

/**
 * @file chat/service.h Messages, log-in and sessions, lists, renaming, clean-up, counts.
 *
 * Audit rows are written by log-in, log-out, rename, by the deletion of a message, and by a
 * clean-up that removed something; not by post and edit, for a message is its own record.
 */
#ifndef TENON_CHAT_SERVICE_H
#define TENON_CHAT_SERVICE_H

#include "tenon/chat/atomic.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Messages ---- */

/** A new message. Its author is the context's actor. */
typedef struct chat_new_message {
    tenon_uuid room;
    const char *content; /**< 1-16,384 bytes. */
    /** Length of `content`, which need not end with NUL then; 0 = up to its NUL. */
    uint32_t content_bytes;
    uint32_t reserved;
    const char *message_type; /**< NULL = "text"; else 1-32 of a-z, 0-9 and `_`. */
} chat_new_message;

/** A message, without its content. */
typedef struct chat_message {
    tenon_uuid id;
    tenon_uuid room_id;
    tenon_uuid user_id;
    int64_t created_at_us;
    int64_t edited_at_us; /**< 0 = never. */
    bool is_deleted;
} chat_message;

/**
 * Post a message.
 *
 * Checks: "content", "message_type" INVALID; "room" NOT_FOUND; "room.is_active" CONSTRAINT; "actor"
 * DENIED unless an active member of the room.
 * Reads: the room, the actor's membership. Writes: the message.
 */
TENON_API tenon_status chat_post_message(tenon_txn *txn, const chat_context *ctx,
                                         const chat_new_message *in, chat_message *out,
                                         tenon_error *err);
/** chat_post_message in a transaction of its own. */
TENON_API tenon_status chat_post_message_atomically(tenon_db *db, const chat_context *ctx,
                                                    const chat_new_message *in, chat_message *out,
                                                    tenon_error *err);

/** A new text for a message. */
typedef struct chat_message_edit {
    tenon_uuid message;
    const char *content; /**< As in chat_new_message. */
    uint32_t content_bytes;
    uint32_t reserved;
} chat_message_edit;

/**
 * Change the text of a message.
 *
 * Checks: "content" INVALID; "message" NOT_FOUND; "actor" DENIED unless its author and still an
 * active member of the room; "message.is_deleted" CONSTRAINT.
 */
TENON_API tenon_status chat_edit_message(tenon_txn *txn, const chat_context *ctx,
                                         const chat_message_edit *in, chat_message *out,
                                         tenon_error *err);
/** chat_edit_message in a transaction of its own. */
TENON_API tenon_status chat_edit_message_atomically(tenon_db *db, const chat_context *ctx,
                                                    const chat_message_edit *in, chat_message *out,
                                                    tenon_error *err);

/**
 * Delete a message: its row stays, marked, without its text.
 *
 * Checks: "message" NOT_FOUND; "actor" DENIED unless its author, an active owner or admin of the
 * room, or the system; "message.is_deleted" CONSTRAINT (deleted before).
 */
TENON_API tenon_status chat_delete_message(tenon_txn *txn, const chat_context *ctx,
                                           const tenon_uuid *message, chat_message *out,
                                           tenon_error *err);
/** chat_delete_message in a transaction of its own. */
TENON_API tenon_status chat_delete_message_atomically(tenon_db *db, const chat_context *ctx,
                                                      const tenon_uuid *message, chat_message *out,
                                                      tenon_error *err);

/** Where a page ends. All zero = before the newest message. */
typedef struct chat_position {
    int64_t created_at_us;
    tenon_uuid id;
} chat_position;

/** Which messages to read. */
typedef struct chat_page {
    tenon_uuid room;
    chat_position after; /**< The `next` of the page before; all zero = the first page. */
    uint32_t limit;      /**< 1 … 1,000. */
    uint32_t reserved;
} chat_page;

/** A message as it is read. The texts are borrowed for the call, not ended by NUL. */
typedef struct chat_message_row {
    chat_message message;
    const char *content;
    const char *message_type;
    uint32_t content_bytes;
    uint32_t message_type_bytes;
} chat_message_row;

/**
 * Told of one message. It calls nothing on the transaction.
 *
 * @return TENON_OK to go on; any other stops, and is what the operation returns
 */
typedef tenon_status (*chat_message_fn)(void *arg, const chat_message_row *row);

/**
 * Read messages of a room, newest first; deleted ones too, without their text. Whoever pages on
 * from `next` misses none and sees none twice, whatever is posted meanwhile.
 *
 * `_atomically` reads in a transaction of its own; `fn` may then be called for the same page again
 * after a conflict (engines with snapshots for readers have none).
 *
 * Checks: "limit" INVALID; "room" NOT_FOUND; "actor" DENIED unless an active member of the room,
 * the system, or the room is public.
 *
 * @param[out] next position of the last message told of; all zero where there was none
 */
TENON_API tenon_status chat_page_messages(tenon_txn *txn, const chat_context *ctx,
                                          const chat_page *in, chat_message_fn fn, void *arg,
                                          chat_position *next, tenon_error *err);
TENON_API tenon_status chat_page_messages_atomically(tenon_db *db, const chat_context *ctx,
                                                     const chat_page *in, chat_message_fn fn,
                                                     void *arg, chat_position *next,
                                                     tenon_error *err);

/* ---- Log-in and sessions ---- */

/** Who logs in. */
typedef struct chat_log_in {
    const char *username;
    const char *password;
    int64_t session_expires_at_us; /**< 0 = now + CHAT_SESSION_LIFETIME_US. */
} chat_log_in;

/**
 * Verify a password and open a session: read the hash in one transaction, verify it outside of any,
 * and open the session in a second one, which looks whether hash and user are still the same. A
 * wrong password, a user that does not exist and one that is not active give the same answer after
 * the same work, "password" DENIED. The context may be NULL.
 *
 * Checks: "username", "password", "session_expires_at" INVALID; "password" DENIED.
 * Reads and writes: the user, its new session.
 */
TENON_API tenon_status chat_log_in_atomically(tenon_db *db, const chat_context *ctx,
                                              const chat_log_in *in, chat_registered *out,
                                              tenon_error *err);

/** What is known of a user who wants to log in. Secret: sodium_memzero it, or overwrite it. */
typedef struct chat_credentials {
    tenon_uuid user; /**< All zero where there is no such user. */
    bool is_active;
    char password_hash[CHAT_MAX_HASH_BYTES + 1];
} chat_credentials;

/** The parts of a log-in, for a caller's own transactions. First: read. A user that does not exist
 * is no failure here. @retval "username" INVALID */
TENON_API tenon_status chat_log_in_read(tenon_txn *txn, const char *username, chat_credentials *out,
                                        tenon_error *err);
/** Second: verify; in no transaction, for it takes tens of milliseconds. @retval "password" INVALID
 * (length), DENIED */
TENON_API tenon_status chat_log_in_verify(const chat_context *ctx,
                                          const chat_credentials *credentials, const char *password,
                                          tenon_error *err);
/** Third: open the session. @param[in] expires_at_us 0 = default @retval "session_expires_at"
 * INVALID; "password" DENIED where user or hash are no longer the same */
TENON_API tenon_status chat_log_in_open(tenon_txn *txn, const chat_context *ctx,
                                        const chat_credentials *credentials, int64_t expires_at_us,
                                        chat_registered *out, tenon_error *err);

/**
 * End the session of a token. The context may be NULL.
 *
 * Checks: "token" INVALID (no token); "session" NOT_FOUND (none such, expired, ended).
 */
TENON_API tenon_status chat_log_out(tenon_txn *txn, const chat_context *ctx, const char *token,
                                    tenon_error *err);
/** chat_log_out in a transaction of its own. */
TENON_API tenon_status chat_log_out_atomically(tenon_db *db, const chat_context *ctx,
                                               const char *token, tenon_error *err);

/**
 * The session and the user of a token. Reads only: `last_activity` is that of the log-in. The
 * context may be NULL. The hash found is compared in constant time.
 *
 * Checks: "token" INVALID (no token); "session" NOT_FOUND (none such, expired, ended, or its user
 * is not active).
 *
 * @param[out] user may be NULL
 */
TENON_API tenon_status chat_find_session(tenon_txn *txn, const chat_context *ctx, const char *token,
                                         chat_session *session, chat_user *user, tenon_error *err);
TENON_API tenon_status chat_find_session_atomically(tenon_db *db, const chat_context *ctx,
                                                    const char *token, chat_session *session,
                                                    chat_user *user, tenon_error *err);

/* ---- Users and rooms ---- */

/** A user by id, by name (without regard to ASCII case); a room by id, by name; a membership. No
 * permissions are looked at. @retval "username", "name" INVALID; "user", "room", "membership"
 * NOT_FOUND */
TENON_API tenon_status chat_find_user(tenon_txn *txn, const tenon_uuid *id, chat_user *out,
                                      tenon_error *err);
TENON_API tenon_status chat_find_user_by_name(tenon_txn *txn, const char *username, chat_user *out,
                                              tenon_error *err);
TENON_API tenon_status chat_find_room(tenon_txn *txn, const tenon_uuid *id, chat_room *out,
                                      tenon_error *err);
TENON_API tenon_status chat_find_room_by_name(tenon_txn *txn, const char *name, chat_room *out,
                                              tenon_error *err);
TENON_API tenon_status chat_find_membership(tenon_txn *txn, const tenon_uuid *room,
                                            const tenon_uuid *user, chat_membership *out,
                                            tenon_error *err);
/** chat_find_user_by_name, chat_find_room_by_name in a transaction of their own. */
TENON_API tenon_status chat_find_user_by_name_atomically(tenon_db *db, const char *username,
                                                         chat_user *out, tenon_error *err);
TENON_API tenon_status chat_find_room_by_name_atomically(tenon_db *db, const char *name,
                                                         chat_room *out, tenon_error *err);

/** Told of one room, with the user's membership in it; borrowed for the call. As chat_message_fn.
 */
typedef tenon_status (*chat_room_fn)(void *arg, const chat_room *room,
                                     const chat_membership *membership);

/**
 * The rooms of a user, pending memberships included, in the order of the memberships' ids.
 * `_atomically` may begin anew after a conflict.
 *
 * Checks: "actor" DENIED unless the user, an active administrator or the system; "user" NOT_FOUND.
 */
TENON_API tenon_status chat_list_rooms(tenon_txn *txn, const chat_context *ctx,
                                       const tenon_uuid *user, chat_room_fn fn, void *arg,
                                       tenon_error *err);
TENON_API tenon_status chat_list_rooms_atomically(tenon_db *db, const chat_context *ctx,
                                                  const tenon_uuid *user, chat_room_fn fn,
                                                  void *arg, tenon_error *err);

/** Told of one member, pending ones included; borrowed for the call. As chat_message_fn. */
typedef tenon_status (*chat_member_fn)(void *arg, const chat_user *user,
                                       const chat_membership *membership);

/**
 * The members of a room, in the order of the users' ids. `_atomically` may begin anew after a
 * conflict.
 *
 * Checks: "room" NOT_FOUND; "actor" DENIED, as chat_page_messages.
 */
TENON_API tenon_status chat_list_members(tenon_txn *txn, const chat_context *ctx,
                                         const tenon_uuid *room, chat_member_fn fn, void *arg,
                                         tenon_error *err);
TENON_API tenon_status chat_list_members_atomically(tenon_db *db, const chat_context *ctx,
                                                    const tenon_uuid *room, chat_member_fn fn,
                                                    void *arg, tenon_error *err);

/** A new name for a user. */
typedef struct chat_rename {
    tenon_uuid user;
    const char *username;
} chat_rename;

/**
 * Rename a user; to the same name in other capitals too.
 *
 * Checks: "username" INVALID; "actor" DENIED unless the user, an active administrator or the
 * system; "user" NOT_FOUND; "username" EXISTS.
 * Reads and writes: the user (by both names).
 */
TENON_API tenon_status chat_rename_user(tenon_txn *txn, const chat_context *ctx,
                                        const chat_rename *in, chat_user *out, tenon_error *err);
/** chat_rename_user in a transaction of its own. */
TENON_API tenon_status chat_rename_user_atomically(tenon_db *db, const chat_context *ctx,
                                                   const chat_rename *in, chat_user *out,
                                                   tenon_error *err);

/* ---- Upkeep ---- */

/** What a clean-up did. */
typedef struct chat_cleaned {
    uint64_t sessions_count;    /**< Expired sessions removed. */
    uint64_t invitations_count; /**< Overdue invitations set to expired. */
} chat_cleaned;

/**
 * Remove expired sessions; let overdue invitations expire, as chat_update_invitation_and_membership
 * would, but with one audit row for all.
 *
 * @param[in] limit most sessions, and most invitations; 0 = all. Both counts below the limit: done.
 *
 * Checks: "actor" DENIED unless an active administrator or the system.
 */
TENON_API tenon_status chat_clean_up(tenon_txn *txn, const chat_context *ctx, uint32_t limit,
                                     chat_cleaned *out, tenon_error *err);
/** chat_clean_up in a transaction of its own. */
TENON_API tenon_status chat_clean_up_atomically(tenon_db *db, const chat_context *ctx,
                                                uint32_t limit, chat_cleaned *out,
                                                tenon_error *err);

/** Rows of each table. */
typedef struct chat_counts {
    uint64_t users_count;
    uint64_t sessions_count;
    uint64_t rooms_count;
    uint64_t memberships_count;
    uint64_t invitations_count;
    uint64_t messages_count;
    uint64_t audit_logs_count;
} chat_counts;

/** Count the rows of each table. No permissions are looked at. */
TENON_API tenon_status chat_count(tenon_txn *txn, chat_counts *out, tenon_error *err);
/** chat_count in a transaction of its own. */
TENON_API tenon_status chat_count_atomically(tenon_db *db, chat_counts *out, tenon_error *err);

#ifdef __cplusplus
}
#endif
#endif

/** @file chat/tables.h The tables of the chat server. */
#ifndef TENON_CHAT_TABLES_H
#define TENON_CHAT_TABLES_H

#include "tenon/schema.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Columns of chat_users. */
enum {
    CHAT_USERS_ID,
    CHAT_USERS_USERNAME, /**< As it was given. */
    /**
     * The user name with ASCII capitals made small. The unique index is on this column: indexes
     * compare bytes, and names are unique without regard to ASCII case.
     */
    CHAT_USERS_USERNAME_KEY,
    CHAT_USERS_EMAIL,         /**< Or NULL; unique where present. */
    CHAT_USERS_PASSWORD_HASH, /**< In libsodium's text form, or the ready hash that was given. */
    CHAT_USERS_ROLE,          /**< "admin", "moderator", "user", "guest". */
    CHAT_USERS_CREATED_AT,
    CHAT_USERS_UPDATED_AT,
    CHAT_USERS_LAST_SEEN, /**< Of the last registration, log-in or log-out; or NULL. */
    CHAT_USERS_IS_ACTIVE,
    CHAT_USERS_COLUMNS
};

/** Columns of chat_sessions. */
enum {
    CHAT_SESSIONS_ID,
    CHAT_SESSIONS_USER_ID,
    CHAT_SESSIONS_TOKEN_HASH, /**< BLAKE2b-256 of the token's 32 bytes; the token is not stored. */
    CHAT_SESSIONS_CREATED_AT,
    CHAT_SESSIONS_EXPIRES_AT,
    CHAT_SESSIONS_LAST_ACTIVITY,
    CHAT_SESSIONS_IS_ACTIVE, /**< False after log-out. */
    CHAT_SESSIONS_COLUMNS
};

/** Columns of chat_rooms. */
enum {
    CHAT_ROOMS_ID,
    CHAT_ROOMS_NAME, /**< Unique, byte by byte; taken as long as the row is there. */
    CHAT_ROOMS_DESCRIPTION,
    CHAT_ROOMS_IS_PUBLIC,
    CHAT_ROOMS_CREATED_BY,
    CHAT_ROOMS_CREATED_AT,
    CHAT_ROOMS_UPDATED_AT,
    CHAT_ROOMS_IS_ACTIVE, /**< False: archived; nobody joins, nobody posts. */
    CHAT_ROOMS_COLUMNS
};

/** Columns of chat_room_memberships. */
enum {
    CHAT_MEMBERSHIPS_ID,
    CHAT_MEMBERSHIPS_ROOM_ID,
    CHAT_MEMBERSHIPS_USER_ID,
    CHAT_MEMBERSHIPS_ROLE,      /**< "owner", "admin", "member". A room has one owner, always. */
    CHAT_MEMBERSHIPS_STATUS,    /**< "pending", "active". Pending: there is a pending invitation. */
    CHAT_MEMBERSHIPS_JOINED_AT, /**< When it was made, then when the invitation was accepted. */
    CHAT_MEMBERSHIPS_COLUMNS
};

/** Columns of chat_invitations. */
enum {
    CHAT_INVITATIONS_ID,
    CHAT_INVITATIONS_ROOM_ID,
    CHAT_INVITATIONS_SENDER_USER_ID,
    CHAT_INVITATIONS_RECIPIENT_USER_ID,
    CHAT_INVITATIONS_STATUS, /**< "pending", "accepted", "declined", "expired", "revoked". */
    CHAT_INVITATIONS_MESSAGE,
    CHAT_INVITATIONS_CREATED_AT,
    CHAT_INVITATIONS_EXPIRES_AT,
    CHAT_INVITATIONS_RESPONDED_AT, /**< When it stopped being pending; NULL before. */
    CHAT_INVITATIONS_COLUMNS
};

/** Columns of chat_messages. */
enum {
    CHAT_MESSAGES_ID,
    CHAT_MESSAGES_ROOM_ID,
    CHAT_MESSAGES_USER_ID,
    CHAT_MESSAGES_CONTENT, /**< Empty once deleted. */
    CHAT_MESSAGES_MESSAGE_TYPE,
    CHAT_MESSAGES_CREATED_AT,
    CHAT_MESSAGES_EDITED_AT,
    CHAT_MESSAGES_IS_DELETED,
    CHAT_MESSAGES_COLUMNS
};

/** Columns of chat_audit_logs. No foreign keys: its rows outlive what they tell of. */
enum {
    CHAT_AUDIT_ID,
    CHAT_AUDIT_TXN_ID,   /**< tenon_txn_id, or derived from the context's `event`. */
    CHAT_AUDIT_ACTOR_ID, /**< NULL: the system, or a user that was deleted. */
    CHAT_AUDIT_ACTION,   /**< "user.register", "room.remove_member", … */
    CHAT_AUDIT_TARGET_TYPE,
    CHAT_AUDIT_TARGET_ID,
    CHAT_AUDIT_DETAILS,
    CHAT_AUDIT_CREATED_AT,
    CHAT_AUDIT_COLUMNS
};

/**
 * The tables. Beyond domain.md: users.username_key (above), and an index on invitations.room_id,
 * without which removing a room would read every invitation there is. The index on
 * invitations.expires_at covers pending ones only: those are what clean-up looks for.
 */
TENON_API extern const tenon_table chat_users;
TENON_API extern const tenon_table chat_sessions;
TENON_API extern const tenon_table chat_rooms;
TENON_API extern const tenon_table chat_room_memberships;
TENON_API extern const tenon_table chat_invitations;
TENON_API extern const tenon_table chat_messages;
TENON_API extern const tenon_table chat_audit_logs;

/** The schema "chat", version 1: the seven tables above, in that order. Static. */
TENON_API const tenon_schema *chat_schema(void);

#ifdef __cplusplus
}
#endif
#endif

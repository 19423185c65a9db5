/** @file tables.c The schema. */
#include "tenon/chat/tables.h"

#define CHAT_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define CHAT_COLUMN(n, t)                                                                          \
    {                                                                                              \
        .name = (n), .type = (t), .not_null = true                                                 \
    }
#define CHAT_NULLABLE(n, t)                                                                        \
    {                                                                                              \
        .name = (n), .type = (t)                                                                   \
    }
#define CHAT_BYTES(n, t, bytes)                                                                    \
    {                                                                                              \
        .name = (n), .type = (t), .not_null = true, .max_bytes = (bytes)                           \
    }
#define CHAT_NULLABLE_BYTES(n, t, bytes)                                                           \
    {                                                                                              \
        .name = (n), .type = (t), .max_bytes = (bytes)                                             \
    }

/* Users. */

static const tenon_column user_columns[] = {
    [CHAT_USERS_ID] = CHAT_COLUMN("id", TENON_UUID),
    [CHAT_USERS_USERNAME] = CHAT_BYTES("username", TENON_TEXT, 64),
    [CHAT_USERS_USERNAME_KEY] = CHAT_BYTES("username_key", TENON_TEXT, 64),
    [CHAT_USERS_EMAIL] = CHAT_NULLABLE_BYTES("email", TENON_TEXT, 254),
    [CHAT_USERS_PASSWORD_HASH] = CHAT_BYTES("password_hash", TENON_TEXT, 255),
    [CHAT_USERS_ROLE] = CHAT_BYTES("role", TENON_TEXT, 16),
    [CHAT_USERS_CREATED_AT] = CHAT_COLUMN("created_at", TENON_TIME),
    [CHAT_USERS_UPDATED_AT] = CHAT_COLUMN("updated_at", TENON_TIME),
    [CHAT_USERS_LAST_SEEN] = CHAT_NULLABLE("last_seen", TENON_TIME),
    [CHAT_USERS_IS_ACTIVE] = CHAT_COLUMN("is_active", TENON_BOOL),
};
static const tenon_index user_indexes[] = {
    { .name = "user_by_username",
      .columns = TENON_COLUMNS(CHAT_USERS_USERNAME_KEY),
      .unique = true },
    { .name = "user_by_email",
      .columns = TENON_COLUMNS(CHAT_USERS_EMAIL),
      .unique = true,
      .where = TENON_WHERE(TENON_NOT_NULL(CHAT_USERS_EMAIL)) },
};
const tenon_table chat_users = {
    .name = "users",
    .columns = user_columns,
    .column_count = CHAT_USERS_COLUMNS,
    .primary_key = TENON_COLUMNS(CHAT_USERS_ID),
    .indexes = user_indexes,
    .index_count = CHAT_COUNT(user_indexes),
};

/* Sessions. */

static const tenon_column session_columns[] = {
    [CHAT_SESSIONS_ID] = CHAT_COLUMN("id", TENON_UUID),
    [CHAT_SESSIONS_USER_ID] = CHAT_COLUMN("user_id", TENON_UUID),
    [CHAT_SESSIONS_TOKEN_HASH] = CHAT_BYTES("token_hash", TENON_BLOB, 32),
    [CHAT_SESSIONS_CREATED_AT] = CHAT_COLUMN("created_at", TENON_TIME),
    [CHAT_SESSIONS_EXPIRES_AT] = CHAT_COLUMN("expires_at", TENON_TIME),
    [CHAT_SESSIONS_LAST_ACTIVITY] = CHAT_COLUMN("last_activity", TENON_TIME),
    [CHAT_SESSIONS_IS_ACTIVE] = CHAT_COLUMN("is_active", TENON_BOOL),
};
static const tenon_index session_indexes[] = {
    { .name = "session_by_token",
      .columns = TENON_COLUMNS(CHAT_SESSIONS_TOKEN_HASH),
      .unique = true },
    { .name = "session_by_user", .columns = TENON_COLUMNS(CHAT_SESSIONS_USER_ID) },
    { .name = "session_by_expiry", .columns = TENON_COLUMNS(CHAT_SESSIONS_EXPIRES_AT) },
};
static const tenon_foreign_key session_keys[] = {
    { "session_user", TENON_COLUMNS(CHAT_SESSIONS_USER_ID), "users", TENON_CASCADE },
};
const tenon_table chat_sessions = {
    .name = "sessions",
    .columns = session_columns,
    .column_count = CHAT_SESSIONS_COLUMNS,
    .primary_key = TENON_COLUMNS(CHAT_SESSIONS_ID),
    .indexes = session_indexes,
    .index_count = CHAT_COUNT(session_indexes),
    .foreign_keys = session_keys,
    .foreign_key_count = CHAT_COUNT(session_keys),
};

/* Rooms. */

static const tenon_column room_columns[] = {
    [CHAT_ROOMS_ID] = CHAT_COLUMN("id", TENON_UUID),
    [CHAT_ROOMS_NAME] = CHAT_BYTES("name", TENON_TEXT, 128),
    [CHAT_ROOMS_DESCRIPTION] = CHAT_NULLABLE_BYTES("description", TENON_TEXT, 1024),
    [CHAT_ROOMS_IS_PUBLIC] = CHAT_COLUMN("is_public", TENON_BOOL),
    [CHAT_ROOMS_CREATED_BY] = CHAT_COLUMN("created_by", TENON_UUID),
    [CHAT_ROOMS_CREATED_AT] = CHAT_COLUMN("created_at", TENON_TIME),
    [CHAT_ROOMS_UPDATED_AT] = CHAT_COLUMN("updated_at", TENON_TIME),
    [CHAT_ROOMS_IS_ACTIVE] = CHAT_COLUMN("is_active", TENON_BOOL),
};
static const tenon_index room_indexes[] = {
    { .name = "room_by_name", .columns = TENON_COLUMNS(CHAT_ROOMS_NAME), .unique = true },
    { .name = "room_by_creator", .columns = TENON_COLUMNS(CHAT_ROOMS_CREATED_BY) },
};
static const tenon_foreign_key room_keys[] = {
    { "room_creator", TENON_COLUMNS(CHAT_ROOMS_CREATED_BY), "users", TENON_RESTRICT },
};
const tenon_table chat_rooms = {
    .name = "rooms",
    .columns = room_columns,
    .column_count = CHAT_ROOMS_COLUMNS,
    .primary_key = TENON_COLUMNS(CHAT_ROOMS_ID),
    .indexes = room_indexes,
    .index_count = CHAT_COUNT(room_indexes),
    .foreign_keys = room_keys,
    .foreign_key_count = CHAT_COUNT(room_keys),
};

/* Memberships. */

static const tenon_column membership_columns[] = {
    [CHAT_MEMBERSHIPS_ID] = CHAT_COLUMN("id", TENON_UUID),
    [CHAT_MEMBERSHIPS_ROOM_ID] = CHAT_COLUMN("room_id", TENON_UUID),
    [CHAT_MEMBERSHIPS_USER_ID] = CHAT_COLUMN("user_id", TENON_UUID),
    [CHAT_MEMBERSHIPS_ROLE] = CHAT_BYTES("role", TENON_TEXT, 16),
    [CHAT_MEMBERSHIPS_STATUS] = CHAT_BYTES("status", TENON_TEXT, 16),
    [CHAT_MEMBERSHIPS_JOINED_AT] = CHAT_COLUMN("joined_at", TENON_TIME),
};
static const tenon_index membership_indexes[] = {
    { .name = "membership_by_room",
      .columns = TENON_COLUMNS(CHAT_MEMBERSHIPS_ROOM_ID, CHAT_MEMBERSHIPS_USER_ID),
      .unique = true },
    { .name = "membership_by_user", .columns = TENON_COLUMNS(CHAT_MEMBERSHIPS_USER_ID) },
};
static const tenon_foreign_key membership_keys[] = {
    { "membership_room", TENON_COLUMNS(CHAT_MEMBERSHIPS_ROOM_ID), "rooms", TENON_CASCADE },
    { "membership_user", TENON_COLUMNS(CHAT_MEMBERSHIPS_USER_ID), "users", TENON_CASCADE },
};
const tenon_table chat_room_memberships = {
    .name = "room_memberships",
    .columns = membership_columns,
    .column_count = CHAT_MEMBERSHIPS_COLUMNS,
    .primary_key = TENON_COLUMNS(CHAT_MEMBERSHIPS_ID),
    .indexes = membership_indexes,
    .index_count = CHAT_COUNT(membership_indexes),
    .foreign_keys = membership_keys,
    .foreign_key_count = CHAT_COUNT(membership_keys),
};

/* Invitations. */

static const tenon_column invitation_columns[] = {
    [CHAT_INVITATIONS_ID] = CHAT_COLUMN("id", TENON_UUID),
    [CHAT_INVITATIONS_ROOM_ID] = CHAT_COLUMN("room_id", TENON_UUID),
    [CHAT_INVITATIONS_SENDER_USER_ID] = CHAT_COLUMN("sender_user_id", TENON_UUID),
    [CHAT_INVITATIONS_RECIPIENT_USER_ID] = CHAT_COLUMN("recipient_user_id", TENON_UUID),
    [CHAT_INVITATIONS_STATUS] = CHAT_BYTES("status", TENON_TEXT, 16),
    [CHAT_INVITATIONS_MESSAGE] = CHAT_NULLABLE_BYTES("message", TENON_TEXT, 1024),
    [CHAT_INVITATIONS_CREATED_AT] = CHAT_COLUMN("created_at", TENON_TIME),
    [CHAT_INVITATIONS_EXPIRES_AT] = CHAT_COLUMN("expires_at", TENON_TIME),
    [CHAT_INVITATIONS_RESPONDED_AT] = CHAT_NULLABLE("responded_at", TENON_TIME),
};
static const tenon_index invitation_indexes[] = {
    { .name = "invitation_pending",
      .columns = TENON_COLUMNS(CHAT_INVITATIONS_ROOM_ID, CHAT_INVITATIONS_RECIPIENT_USER_ID),
      .unique = true,
      .where = TENON_WHERE(TENON_EQ_TEXT(CHAT_INVITATIONS_STATUS, "pending")) },
    { .name = "invitation_by_room", .columns = TENON_COLUMNS(CHAT_INVITATIONS_ROOM_ID) },
    { .name = "invitation_by_recipient",
      .columns = TENON_COLUMNS(CHAT_INVITATIONS_RECIPIENT_USER_ID) },
    { .name = "invitation_by_sender", .columns = TENON_COLUMNS(CHAT_INVITATIONS_SENDER_USER_ID) },
    { .name = "invitation_by_expiry",
      .columns = TENON_COLUMNS(CHAT_INVITATIONS_EXPIRES_AT),
      .where = TENON_WHERE(TENON_EQ_TEXT(CHAT_INVITATIONS_STATUS, "pending")) },
};
static const tenon_foreign_key invitation_keys[] = {
    { "invitation_room", TENON_COLUMNS(CHAT_INVITATIONS_ROOM_ID), "rooms", TENON_CASCADE },
    { "invitation_sender", TENON_COLUMNS(CHAT_INVITATIONS_SENDER_USER_ID), "users", TENON_CASCADE },
    { "invitation_recipient", TENON_COLUMNS(CHAT_INVITATIONS_RECIPIENT_USER_ID), "users",
      TENON_CASCADE },
};
const tenon_table chat_invitations = {
    .name = "invitations",
    .columns = invitation_columns,
    .column_count = CHAT_INVITATIONS_COLUMNS,
    .primary_key = TENON_COLUMNS(CHAT_INVITATIONS_ID),
    .indexes = invitation_indexes,
    .index_count = CHAT_COUNT(invitation_indexes),
    .foreign_keys = invitation_keys,
    .foreign_key_count = CHAT_COUNT(invitation_keys),
};

/* Messages. */

static const tenon_column message_columns[] = {
    [CHAT_MESSAGES_ID] = CHAT_COLUMN("id", TENON_UUID),
    [CHAT_MESSAGES_ROOM_ID] = CHAT_COLUMN("room_id", TENON_UUID),
    [CHAT_MESSAGES_USER_ID] = CHAT_COLUMN("user_id", TENON_UUID),
    [CHAT_MESSAGES_CONTENT] = CHAT_BYTES("content", TENON_TEXT, 16384),
    [CHAT_MESSAGES_MESSAGE_TYPE] = CHAT_BYTES("message_type", TENON_TEXT, 32),
    [CHAT_MESSAGES_CREATED_AT] = CHAT_COLUMN("created_at", TENON_TIME),
    [CHAT_MESSAGES_EDITED_AT] = CHAT_NULLABLE("edited_at", TENON_TIME),
    [CHAT_MESSAGES_IS_DELETED] = CHAT_COLUMN("is_deleted", TENON_BOOL),
};
static const tenon_index message_indexes[] = {
    { .name = "message_by_room",
      .columns = TENON_COLUMNS(CHAT_MESSAGES_ROOM_ID, CHAT_MESSAGES_CREATED_AT, CHAT_MESSAGES_ID) },
    { .name = "message_by_user", .columns = TENON_COLUMNS(CHAT_MESSAGES_USER_ID) },
};
static const tenon_foreign_key message_keys[] = {
    { "message_room", TENON_COLUMNS(CHAT_MESSAGES_ROOM_ID), "rooms", TENON_CASCADE },
    { "message_user", TENON_COLUMNS(CHAT_MESSAGES_USER_ID), "users", TENON_CASCADE },
};
const tenon_table chat_messages = {
    .name = "messages",
    .columns = message_columns,
    .column_count = CHAT_MESSAGES_COLUMNS,
    .primary_key = TENON_COLUMNS(CHAT_MESSAGES_ID),
    .indexes = message_indexes,
    .index_count = CHAT_COUNT(message_indexes),
    .foreign_keys = message_keys,
    .foreign_key_count = CHAT_COUNT(message_keys),
};

/* Audit. */

static const tenon_column audit_columns[] = {
    [CHAT_AUDIT_ID] = CHAT_COLUMN("id", TENON_UUID),
    [CHAT_AUDIT_TXN_ID] = CHAT_COLUMN("txn_id", TENON_UUID),
    [CHAT_AUDIT_ACTOR_ID] = CHAT_NULLABLE("actor_id", TENON_UUID),
    [CHAT_AUDIT_ACTION] = CHAT_BYTES("action", TENON_TEXT, 32),
    [CHAT_AUDIT_TARGET_TYPE] = CHAT_BYTES("target_type", TENON_TEXT, 16),
    [CHAT_AUDIT_TARGET_ID] = CHAT_NULLABLE("target_id", TENON_UUID),
    [CHAT_AUDIT_DETAILS] = CHAT_NULLABLE_BYTES("details", TENON_TEXT, 1024),
    [CHAT_AUDIT_CREATED_AT] = CHAT_COLUMN("created_at", TENON_TIME),
};
static const tenon_index audit_indexes[] = {
    { .name = "audit_by_actor", .columns = TENON_COLUMNS(CHAT_AUDIT_ACTOR_ID) },
    { .name = "audit_by_target",
      .columns = TENON_COLUMNS(CHAT_AUDIT_TARGET_ID, CHAT_AUDIT_CREATED_AT) },
};
const tenon_table chat_audit_logs = {
    .name = "audit_logs",
    .columns = audit_columns,
    .column_count = CHAT_AUDIT_COLUMNS,
    .primary_key = TENON_COLUMNS(CHAT_AUDIT_ID),
    .indexes = audit_indexes,
    .index_count = CHAT_COUNT(audit_indexes),
};

static const tenon_table *const schema_tables[] = {
    &chat_users,       &chat_sessions, &chat_rooms,      &chat_room_memberships,
    &chat_invitations, &chat_messages, &chat_audit_logs,
};

static const tenon_schema schema = {
    .name = "chat",
    .version = 1,
    .tables = schema_tables,
    .table_count = CHAT_COUNT(schema_tables),
};

const tenon_schema *
chat_schema(void)
{
    return &schema;
}

/* Tables, as one would describe them to PostgreSQL by hand, and statements on them. */
#include "postgres_conn.h"

#define PG_TEXT "text COLLATE \"C\""

const char pg_schema[] =
    "CREATE TABLE users ("
    " id uuid PRIMARY KEY, username " PG_TEXT " NOT NULL, username_key " PG_TEXT " NOT NULL,"
    " email " PG_TEXT ", password_hash " PG_TEXT " NOT NULL, role " PG_TEXT " NOT NULL,"
    " created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL, last_seen timestamptz,"
    " is_active boolean NOT NULL);"
    "CREATE UNIQUE INDEX user_by_username ON users (username_key);"
    "CREATE UNIQUE INDEX user_by_email ON users (email) WHERE email IS NOT NULL;"

    "CREATE TABLE sessions ("
    " id uuid PRIMARY KEY,"
    " user_id uuid NOT NULL CONSTRAINT session_owner REFERENCES users ON DELETE CASCADE,"
    " token_hash bytea NOT NULL, created_at timestamptz NOT NULL, expires_at timestamptz NOT NULL,"
    " last_activity timestamptz NOT NULL, is_active boolean NOT NULL);"
    "CREATE UNIQUE INDEX session_by_token ON sessions (token_hash);"
    "CREATE INDEX session_by_user ON sessions (user_id);"
    "CREATE INDEX session_by_expiry ON sessions (expires_at);"

    "CREATE TABLE rooms ("
    " id uuid PRIMARY KEY, name " PG_TEXT " NOT NULL, description " PG_TEXT ","
    " is_public boolean NOT NULL,"
    " created_by uuid NOT NULL CONSTRAINT room_creator REFERENCES users,"
    " created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL,"
    " is_active boolean NOT NULL);"
    "CREATE UNIQUE INDEX room_by_name ON rooms (name);"
    "CREATE INDEX room_by_creator ON rooms (created_by);"

    "CREATE TABLE room_memberships ("
    " id uuid PRIMARY KEY,"
    " room_id uuid NOT NULL CONSTRAINT membership_room REFERENCES rooms ON DELETE CASCADE,"
    " user_id uuid NOT NULL CONSTRAINT membership_user REFERENCES users ON DELETE CASCADE,"
    " role " PG_TEXT " NOT NULL, status " PG_TEXT " NOT NULL, joined_at timestamptz NOT NULL);"
    "CREATE UNIQUE INDEX membership_by_room ON room_memberships (room_id, user_id);"
    "CREATE INDEX membership_by_user ON room_memberships (user_id);"

    "CREATE TABLE invitations ("
    " id uuid PRIMARY KEY,"
    " room_id uuid NOT NULL CONSTRAINT invitation_room REFERENCES rooms ON DELETE CASCADE,"
    " sender_user_id uuid NOT NULL"
    "  CONSTRAINT invitation_sender REFERENCES users ON DELETE CASCADE,"
    " recipient_user_id uuid NOT NULL"
    "  CONSTRAINT invitation_recipient REFERENCES users ON DELETE CASCADE,"
    " status " PG_TEXT " NOT NULL, message " PG_TEXT ", created_at timestamptz NOT NULL,"
    " expires_at timestamptz NOT NULL, responded_at timestamptz);"
    "CREATE UNIQUE INDEX invitation_pending ON invitations (room_id, recipient_user_id)"
    " WHERE status = 'pending';"
    "CREATE INDEX invitation_by_room ON invitations (room_id);"
    "CREATE INDEX invitation_by_recipient ON invitations (recipient_user_id);"
    "CREATE INDEX invitation_by_sender ON invitations (sender_user_id);"
    "CREATE INDEX invitation_by_expiry ON invitations (expires_at) WHERE status = 'pending';"

    "CREATE TABLE messages ("
    " id uuid PRIMARY KEY,"
    " room_id uuid NOT NULL CONSTRAINT message_room REFERENCES rooms ON DELETE CASCADE,"
    " user_id uuid NOT NULL CONSTRAINT message_user REFERENCES users ON DELETE CASCADE,"
    " content " PG_TEXT " NOT NULL, message_type " PG_TEXT " NOT NULL,"
    " created_at timestamptz NOT NULL, edited_at timestamptz, is_deleted boolean NOT NULL);"
    "CREATE INDEX message_by_room ON messages (room_id, created_at, id);"
    "CREATE INDEX message_by_user ON messages (user_id);"

    "CREATE TABLE audit_logs ("
    " id uuid PRIMARY KEY, txn_id uuid NOT NULL, actor_id uuid, action " PG_TEXT " NOT NULL,"
    " target_type " PG_TEXT " NOT NULL, target_id uuid, details " PG_TEXT ","
    " created_at timestamptz NOT NULL);"
    "CREATE INDEX audit_by_actor ON audit_logs (actor_id);"
    "CREATE INDEX audit_by_target ON audit_logs (target_id, created_at)";

#define PG_PAGE                                                                                    \
    "SELECT id, user_id, created_at, edited_at, is_deleted, message_type, content FROM messages"   \
    " WHERE room_id = $1"
#define PG_PAGE_ORDER " ORDER BY created_at DESC, id DESC LIMIT $2"

const char *const pg_texts[PG_STATEMENTS] = {
    [PG_ADD_USER] = "INSERT INTO users (id, username, username_key, password_hash, role,"
                    " created_at, updated_at, last_seen, is_active)"
                    " VALUES ($1, $2, $3, $4, 'user', $5, $5, $5, true)",
    [PG_ADD_SESSION] = "INSERT INTO sessions (id, user_id, token_hash, created_at, expires_at,"
                       " last_activity, is_active) VALUES ($1, $2, $3, $4, $5, $4, true)",
    [PG_ADD_AUDIT] = "INSERT INTO audit_logs (id, txn_id, actor_id, action, target_type,"
                     " target_id, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    [PG_ADD_ROOM] = "INSERT INTO rooms (id, name, is_public, created_by, created_at, updated_at,"
                    " is_active) VALUES ($1, $2, false, $3, $4, $4, true)",
    [PG_ADD_MEMBERSHIP] = "INSERT INTO room_memberships (id, room_id, user_id, role, status,"
                          " joined_at) VALUES ($1, $2, $3, $4, $5, $6)",
    [PG_ADD_INVITATION] = "INSERT INTO invitations (id, room_id, sender_user_id,"
                          " recipient_user_id, status, created_at, expires_at)"
                          " VALUES ($1, $2, $3, $4, 'pending', $5, $6)",
    [PG_ADD_MESSAGE] = "INSERT INTO messages (id, room_id, user_id, content, message_type,"
                       " created_at, is_deleted) VALUES ($1, $2, $3, $4, 'text', $5, false)",
    [PG_FIND_ROOM] = "SELECT is_active FROM rooms WHERE id = $1",
    [PG_FIND_MEMBERSHIP] = "SELECT role, status FROM room_memberships"
                           " WHERE room_id = $1 AND user_id = $2",
    [PG_FIND_USER] = "SELECT is_active FROM users WHERE id = $1",
    [PG_FIND_INVITATION] = "SELECT room_id, recipient_user_id, status, expires_at"
                           " FROM invitations WHERE id = $1",
    [PG_ANSWER_INVITATION] =
        "UPDATE invitations SET status = 'accepted', responded_at = $2 WHERE id = $1",
    [PG_JOIN] = "UPDATE room_memberships SET status = 'active', joined_at = $3"
                " WHERE room_id = $1 AND user_id = $2",
    [PG_FIND_SESSION] = "SELECT s.id, s.user_id, s.created_at, s.expires_at, s.last_activity"
                        " FROM sessions s JOIN users u ON u.id = s.user_id"
                        " WHERE s.token_hash = $1 AND s.is_active AND s.expires_at > $2"
                        " AND u.is_active",
    [PG_FIRST_PAGE] = PG_PAGE PG_PAGE_ORDER,
    [PG_NEXT_PAGE] = PG_PAGE " AND (created_at, id) < ($3, $4)" PG_PAGE_ORDER,
    [PG_COUNT_ROWS] = "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM sessions),"
                      " (SELECT count(*) FROM rooms), (SELECT count(*) FROM room_memberships),"
                      " (SELECT count(*) FROM invitations), (SELECT count(*) FROM messages),"
                      " (SELECT count(*) FROM audit_logs)",
};

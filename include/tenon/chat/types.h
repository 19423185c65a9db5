/** @file chat/types.h Who acts and when; users, rooms, memberships, sessions; passwords. */
#ifndef TENON_CHAT_TYPES_H
#define TENON_CHAT_TYPES_H

#include "tenon/txn.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Limits of inputs, in bytes of UTF-8, and of a batch. */
enum {
    CHAT_MAX_USERNAME_BYTES = 64,
    CHAT_MIN_EMAIL_BYTES = 3,
    CHAT_MAX_EMAIL_BYTES = 254,
    CHAT_MIN_PASSWORD_BYTES = 8,
    CHAT_MAX_PASSWORD_BYTES = 128,
    CHAT_MAX_HASH_BYTES = 255, /**< A ready password hash: `$`, then printable ASCII. */
    CHAT_MAX_ROOM_NAME_BYTES = 128,
    CHAT_MAX_DESCRIPTION_BYTES = 1024, /**< Of a room. */
    CHAT_MAX_NOTE_BYTES = 1024,        /**< Of the message that goes with an invitation. */
    CHAT_MAX_MESSAGE_BYTES = 16384,
    CHAT_MAX_MESSAGE_TYPE_BYTES = 32, /**< Lower-case letters, digits and `_`. */
    CHAT_MAX_BATCH = 1000,            /**< Operations of chat_batch_room_operations. */
    CHAT_TOKEN_TEXT_BYTES = 44,       /**< A token: 43 characters of base64url, and a NUL. */
    CHAT_HASH_TEXT_BYTES = 128        /**< A hash made by chat_password_hash, and a NUL. */
};

/** Lifetime of a session and of an invitation where the request gives none: 30 days, 7 days. */
#define CHAT_SESSION_LIFETIME_US (INT64_C(30) * 86400 * 1000000)
#define CHAT_INVITATION_LIFETIME_US (INT64_C(7) * 86400 * 1000000)

/** Roles of a user. 0 is none of them. */
enum { CHAT_USER_ADMIN = 1, CHAT_USER_MODERATOR = 2, CHAT_USER_USER = 3, CHAT_USER_GUEST = 4 };

/** Roles in a room. */
enum { CHAT_ROOM_OWNER = 1, CHAT_ROOM_ADMIN = 2, CHAT_ROOM_MEMBER = 3 };

/** Status of a membership. CHAT_MEMBERSHIP_REMOVED is told in results, never stored. */
enum { CHAT_MEMBERSHIP_PENDING = 1, CHAT_MEMBERSHIP_ACTIVE = 2, CHAT_MEMBERSHIP_REMOVED = 3 };

/** Status of an invitation. */
enum {
    CHAT_INVITATION_PENDING = 1,
    CHAT_INVITATION_ACCEPTED = 2,
    CHAT_INVITATION_DECLINED = 3,
    CHAT_INVITATION_EXPIRED = 4,
    CHAT_INVITATION_REVOKED = 5
};

/** The stored text of the numbers above ("owner"); "?" for any other. Never NULL, static. */
TENON_API const char *chat_user_role_name(uint32_t role);
TENON_API const char *chat_room_role_name(uint32_t role);
TENON_API const char *chat_membership_status_name(uint32_t status);
TENON_API const char *chat_invitation_status_name(uint32_t status);

/**
 * Who acts, when, and where ids come from. Set `size` to sizeof(chat_context); zero in any other
 * field means its default. Borrowed for the call. An operation that says so accepts NULL.
 *
 * Replay. With `event` set, all that an operation writes depends on its request and this context
 * only: the i-th id that it makes is a UUIDv7 with the milliseconds of `now_us` and the bits of
 * (event, part, i), begun anew at each attempt; tokens are a hash of the session's id, so that
 * anyone can compute them (never set `event` outside a replay). `now_us` must be set too. Ids are
 * distinct as long as no two transactions have the same (event, part): an event that is two
 * transactions (invite, accept) gives them part 0 and 1.
 *
 * Events that may run side by side without a trace in the final state, or in what any of them
 * returns, are those that share no user, no user name (compared by chat_username_key; a rename
 * has two), no e-mail address, no room, no room name, and of which none deletes a user. A
 * deletion reads and changes every room in which the user is or that it has created: let all
 * events before it end first, and none after it begin before it has ended. Lists, counts and
 * clean-up read everything.
 */
typedef struct chat_context {
    uint32_t size;
    uint32_t part;         /**< 0 … 255. */
    uint64_t event;        /**< Below 2^48; 0 = random ids and tokens. */
    int64_t now_us;        /**< 0 = the wall clock. */
    tenon_uuid actor;      /**< The user who acts; all zero = nobody. */
    bool system;           /**< Acts for the server itself; has an administrator's permissions. */
    uint8_t reserved[3];   /**< 0. */
    uint32_t timeout_ms;   /**< `_atomically`: as in tenon_txn_options. */
    uint64_t pwhash_ops;   /**< Argon2id passes; 0 = libsodium's INTERACTIVE. */
    uint64_t pwhash_bytes; /**< Argon2id memory in bytes; 0 = INTERACTIVE (64 MiB). */
} chat_context;

/** A user, without the password's hash. */
typedef struct chat_user {
    tenon_uuid id;
    uint32_t role; /**< CHAT_USER_ADMIN … */
    bool is_active;
    char username[CHAT_MAX_USERNAME_BYTES + 1];
    char email[CHAT_MAX_EMAIL_BYTES + 1]; /**< Empty where there is none. */
    int64_t created_at_us;
    int64_t updated_at_us;
    int64_t last_seen_us; /**< 0 = never. */
} chat_user;

/** A session. */
typedef struct chat_session {
    tenon_uuid id;
    tenon_uuid user_id;
    int64_t created_at_us;
    int64_t expires_at_us;
    int64_t last_activity_us;
    bool is_active;
} chat_session;

/** A room. */
typedef struct chat_room {
    tenon_uuid id;
    tenon_uuid created_by;
    bool is_public;
    bool is_active;
    char name[CHAT_MAX_ROOM_NAME_BYTES + 1];
    char description[CHAT_MAX_DESCRIPTION_BYTES + 1]; /**< Empty where there is none. */
    int64_t created_at_us;
    int64_t updated_at_us;
} chat_room;

/** A membership. */
typedef struct chat_membership {
    tenon_uuid id;
    tenon_uuid room_id;
    tenon_uuid user_id;
    uint32_t role;   /**< CHAT_ROOM_OWNER … */
    uint32_t status; /**< CHAT_MEMBERSHIP_PENDING … */
    int64_t joined_at_us;
} chat_membership;

/** An invitation. */
typedef struct chat_invitation {
    tenon_uuid id;
    tenon_uuid room_id;
    tenon_uuid sender_user_id;
    tenon_uuid recipient_user_id;
    uint32_t status; /**< CHAT_INVITATION_PENDING … */
    int64_t created_at_us;
    int64_t expires_at_us;
    int64_t responded_at_us; /**< 0 = not yet. */
} chat_invitation;

/**
 * What user names are compared by: ASCII capitals made small, other bytes as they are.
 *
 * @param[out] out the key and a NUL
 * @retval TENON_OK, TENON_INVALID (no valid user name; `out` is empty)
 */
TENON_API tenon_status chat_username_key(const char *username,
                                         char out[CHAT_MAX_USERNAME_BYTES + 1]);

/**
 * Hash a password with Argon2id at the limits of `ctx` (NULL = defaults). Takes tens of
 * milliseconds and the memory of the limits: call it outside of transactions.
 *
 * @param[out] out the hash in libsodium's text form and a NUL; empty on failure
 * @retval TENON_OK, TENON_INVALID ("password"), TENON_NO_MEMORY, TENON_CONFIG (limits that
 *         libsodium refuses)
 */
TENON_API tenon_status chat_password_hash(const chat_context *ctx, const char *password,
                                          char out[CHAT_HASH_TEXT_BYTES], tenon_error *err);

#ifdef __cplusplus
}
#endif
#endif

/**
 * @file chat/atomic.h The six atomic operations, each inside a caller's transaction and on its own.
 *
 * Each checks its input first, then permissions inside the transaction, writes one audit row, and
 * leaves nothing behind where it fails (chat.h). "Reads" and "writes" below name every row that an
 * operation depends on, for those who run several side by side.
 */
#ifndef TENON_CHAT_ATOMIC_H
#define TENON_CHAT_ATOMIC_H

#include "tenon/chat/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Registration ---- */

/** A new user. Exactly one of `password` and `password_hash` is set. */
typedef struct chat_registration {
    const char *username;      /**< 1-64 bytes, without blanks and control characters. */
    const char *email;         /**< NULL, or 3-254 bytes with one `@`, neither first nor last. */
    const char *password;      /**< 8-128 bytes; hashed before the transaction begins. */
    const char *password_hash; /**< A ready hash, stored as it is: chat_password_hash. */
    uint32_t role; /**< 0 = CHAT_USER_USER; any other needs a context with `system` set. */
    uint32_t reserved;
    int64_t session_expires_at_us; /**< 0 = now + CHAT_SESSION_LIFETIME_US. */
} chat_registration;

/** What a registration or a log-in gives. */
typedef struct chat_registered {
    chat_user user;
    chat_session session;
    char token[CHAT_TOKEN_TEXT_BYTES]; /**< Shown this once: only its hash is stored. */
} chat_registered;

/**
 * Register a user and open its first session.
 *
 * Checks: "username", "email", "password" (or "password_hash"), "role", "session_expires_at" in the
 * future, all INVALID; "role" DENIED; "username" EXISTS; "email" EXISTS.
 * Reads and writes: the user (by name and e-mail), its session. The context may be NULL; its actor
 * is not looked at, the new user is the actor of the audit row.
 *
 * Inside a caller's transaction a `password` is hashed there and then, which holds its locks for
 * that long: give a `password_hash` instead.
 */
TENON_API tenon_status chat_user_registration_transaction(tenon_txn *txn, const chat_context *ctx,
                                                          const chat_registration *in,
                                                          chat_registered *out, tenon_error *err);
/** chat_user_registration_transaction in a transaction of its own. */
TENON_API tenon_status chat_register_user_atomically(tenon_db *db, const chat_context *ctx,
                                                     const chat_registration *in,
                                                     chat_registered *out, tenon_error *err);

/* ---- Deletion ---- */

/** Whom to remove. */
typedef struct chat_deletion {
    tenon_uuid user;
    tenon_uuid transfer_to; /**< New owner of the rooms that others are in; all zero = none. */
} chat_deletion;

/** Rows removed, of whomever they were, and rows changed. */
typedef struct chat_deleted {
    uint64_t sessions_count;
    uint64_t messages_count;             /**< The user's, and all of the rooms removed. */
    uint64_t memberships_count;          /**< The same, and those that waited for an answer. */
    uint64_t invitations_sent_count;     /**< By the user. */
    uint64_t invitations_received_count; /**< By the user. */
    uint64_t invitations_other_count;    /**< Others' invitations to the rooms removed. */
    uint64_t rooms_removed_count;
    uint64_t rooms_transferred_count;
    uint64_t audit_logs_count; /**< Audit rows that have lost their actor. */
} chat_deleted;

/**
 * Remove a user with all that belongs to it. A room that it owns and that no one else is an active
 * member of is removed; the others pass to `transfer_to`, who must be an active member of each of
 * them. Rooms that it once created and others own now name their owner as creator. People invited
 * by it who have not answered are no longer invited.
 *
 * Checks: "user" and "transfer_to" (not the user itself) INVALID; "actor" DENIED unless it is the
 * user, an active administrator or the system; "user" NOT_FOUND; "transfer_to" NOT_FOUND where it
 * is given and is no user; "room" CONSTRAINT where others are in a room of the user's and no one
 * takes it over; "transfer_to" CONSTRAINT where it is not an active member of such a room.
 * Reads and writes: the user, all that names it, all of every room it owns or has created.
 */
TENON_API tenon_status chat_user_deletion_transaction(tenon_txn *txn, const chat_context *ctx,
                                                      const chat_deletion *in, chat_deleted *out,
                                                      tenon_error *err);
/** chat_user_deletion_transaction in a transaction of its own. */
TENON_API tenon_status chat_delete_user_atomically(tenon_db *db, const chat_context *ctx,
                                                   const chat_deletion *in, chat_deleted *out,
                                                   tenon_error *err);

/* ---- A room ---- */

/** A new room. Its creator is the context's actor. */
typedef struct chat_new_room {
    const char *name;        /**< 1-128 bytes without control characters. */
    const char *description; /**< NULL or empty = none; up to 1,024 bytes. */
    bool is_public;
} chat_new_room;

/** What came of it. */
typedef struct chat_created_room {
    chat_room room;
    chat_membership membership; /**< The creator's, as owner. */
} chat_created_room;

/**
 * Create a room, owned by the actor.
 *
 * Checks: "name", "description" INVALID; "creator" NOT_FOUND; "creator.is_active", "creator.role"
 * (a guest) DENIED; "name" EXISTS.
 * Reads: the actor. Writes: the room (by name), the membership.
 */
TENON_API tenon_status chat_create_room_with_membership(tenon_txn *txn, const chat_context *ctx,
                                                        const chat_new_room *in,
                                                        chat_created_room *out, tenon_error *err);
/** chat_create_room_with_membership in a transaction of its own. */
TENON_API tenon_status chat_create_room_atomically(tenon_db *db, const chat_context *ctx,
                                                   const chat_new_room *in, chat_created_room *out,
                                                   tenon_error *err);

/* ---- An invitation ---- */

/** A new invitation. Its sender is the context's actor. */
typedef struct chat_new_invitation {
    tenon_uuid room;
    tenon_uuid recipient;
    const char *message;   /**< NULL, or 1-1,024 bytes. */
    int64_t expires_at_us; /**< 0 = now + CHAT_INVITATION_LIFETIME_US. */
} chat_new_invitation;

/** An invitation and the membership that belongs to it. */
typedef struct chat_invited {
    chat_invitation invitation;
    chat_membership membership;
} chat_invited;

/**
 * Invite a user to a room: an invitation and a membership, both pending.
 *
 * Checks: "message" INVALID; "room" NOT_FOUND; "room.is_active" CONSTRAINT; "sender" DENIED unless
 * an active owner or admin of the room; "recipient" NOT_FOUND; "recipient.is_active" CONSTRAINT;
 * "membership" EXISTS; "invitation" EXISTS (a pending one, overdue or not: revoke it, or clean up);
 * "expires_at" INVALID unless in the future.
 * Reads: the room, the sender's membership, the recipient. Writes: invitation and membership of the
 * recipient in the room.
 */
TENON_API tenon_status chat_create_invitation_with_membership(tenon_txn *txn,
                                                              const chat_context *ctx,
                                                              const chat_new_invitation *in,
                                                              chat_invited *out, tenon_error *err);
/** chat_create_invitation_with_membership in a transaction of its own. */
TENON_API tenon_status chat_create_invitation_atomically(tenon_db *db, const chat_context *ctx,
                                                         const chat_new_invitation *in,
                                                         chat_invited *out, tenon_error *err);

/** The answer to an invitation. */
typedef struct chat_invitation_update {
    tenon_uuid invitation;
    uint32_t status; /**< CHAT_INVITATION_ACCEPTED, _DECLINED, _EXPIRED or _REVOKED. */
    uint32_t reserved;
} chat_invitation_update;

/**
 * Accept, decline, revoke an invitation, or let it expire. Accepted: the membership is active from
 * now on (`joined_at`). Otherwise it is removed (its status in `out` is CHAT_MEMBERSHIP_REMOVED),
 * and the user may be invited again.
 *
 * Checks: "status" INVALID; "invitation" NOT_FOUND; "actor" DENIED unless it is the recipient
 * (accept, decline), the sender or an active owner or admin of the room (revoke), the system
 * (expire); "invitation.status" CONSTRAINT unless pending; "invitation.expires_at" CONSTRAINT where
 * one that is overdue is accepted, or one that is not overdue expires.
 * Reads: the invitation, to revoke also the actor's membership. Writes: the invitation, the
 * recipient's membership.
 */
TENON_API tenon_status chat_update_invitation_and_membership(tenon_txn *txn,
                                                             const chat_context *ctx,
                                                             const chat_invitation_update *in,
                                                             chat_invited *out, tenon_error *err);
/** chat_update_invitation_and_membership in a transaction of its own. */
TENON_API tenon_status chat_update_invitation_atomically(tenon_db *db, const chat_context *ctx,
                                                         const chat_invitation_update *in,
                                                         chat_invited *out, tenon_error *err);

/* ---- A batch ---- */

/** Kinds of operations in a batch. */
enum {
    CHAT_CREATE_ROOM = 1,
    CHAT_UPDATE_ROOM = 2,
    CHAT_DELETE_ROOM = 3,
    CHAT_ADD_MEMBER = 4,
    CHAT_REMOVE_MEMBER = 5,
    CHAT_UPDATE_ROLE = 6
};

/** What CHAT_UPDATE_ROOM changes; the other fields are not looked at. */
enum {
    CHAT_SET_NAME = 1,
    CHAT_SET_DESCRIPTION = 2, /**< NULL takes it away. */
    CHAT_SET_PUBLIC = 4,
    CHAT_SET_ACTIVE = 8
};

/** One operation of a batch. */
typedef struct chat_room_operation {
    uint32_t kind; /**< CHAT_CREATE_ROOM … */
    /** All but create: 0 = `room`; n = the room that operation n - 1 of this batch creates. */
    uint32_t room_of;
    tenon_uuid room;
    tenon_uuid user;         /**< Members and roles: whom it concerns. */
    uint32_t role;           /**< Members and roles: CHAT_ROOM_OWNER …; add: 0 = member. */
    uint32_t set;            /**< Update: CHAT_SET_ bits. */
    const char *name;        /**< Create, update. */
    const char *description; /**< Create, update. */
    bool is_public;          /**< Create, update. */
    bool is_active;          /**< Update. */
} chat_room_operation;

/** A batch: done in order, each seeing what those before it did. */
typedef struct chat_room_batch {
    const chat_room_operation *operations;
    uint32_t count; /**< 1 … CHAT_MAX_BATCH. */
    uint32_t reserved;
} chat_room_batch;

/** What one operation came to. */
typedef struct chat_room_result {
    tenon_uuid room;
    /** Create: the owner's; add, remove, role: the one concerned. All zero otherwise. */
    tenon_uuid membership;
    uint32_t role;   /**< Of that membership, afterwards (remove: before). 0 = none. */
    uint32_t status; /**< Of that membership: CHAT_MEMBERSHIP_ACTIVE or _REMOVED. 0 = none. */
} chat_room_result;

/**
 * Run the operations of a batch, all or none. One audit row for the whole.
 *
 * What the actor must be, as an active member of the room:
 *   update room     owner or admin; CHAT_SET_ACTIVE: owner
 *   delete room     owner
 *   add member      owner or admin; with role admin: owner. Added at once, without invitation.
 *   remove member   owner; admin, if it concerns a plain member or someone invited; oneself,
 *                   unless owner. Of someone invited the invitation is revoked (removes oneself:
 *                   declined).
 *   update role     owner; admin, to become a member, or to leave a plain member a member. With
 *                   role owner, ownership is passed on: who had it is an admin from then on.
 * Checks of each, in order; `err->object` has "operations[INDEX]." before:
 *   all      "kind", "room_of", "name", "description", "set", "role" INVALID (for all operations
 *            first, before the transaction begins)
 *   create   as chat_create_room_with_membership
 *   others   "room" NOT_FOUND; "actor" DENIED
 *   update   "name" EXISTS
 *   add      "room.is_active" CONSTRAINT; "user" NOT_FOUND; "user.is_active" CONSTRAINT;
 *            "membership" EXISTS; "invitation" EXISTS (a pending one)
 *   remove   "membership" NOT_FOUND; then "actor" DENIED; "membership.role" CONSTRAINT (the owner:
 *            pass ownership on, or delete the room). Oneself: whoever is not in the room is not
 *            DENIED, "membership" is NOT_FOUND.
 *   role     "membership" NOT_FOUND; then "actor" DENIED; "membership.status" CONSTRAINT (pending);
 *            "membership.role" CONSTRAINT (the owner's own, unless it stays owner)
 * Reads and writes: the rooms, their memberships; delete: all of the room; add: the user.
 *
 * @param[out] results `in->count` of them, all zero on failure
 */
TENON_API tenon_status chat_batch_room_operations(tenon_txn *txn, const chat_context *ctx,
                                                  const chat_room_batch *in,
                                                  chat_room_result *results, tenon_error *err);
/** chat_batch_room_operations in a transaction of its own. */
TENON_API tenon_status chat_batch_room_operations_atomically(tenon_db *db, const chat_context *ctx,
                                                             const chat_room_batch *in,
                                                             chat_room_result *results,
                                                             tenon_error *err);

#ifdef __cplusplus
}
#endif
#endif

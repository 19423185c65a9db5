/** @file internal.h What the files of the chat share. */
#ifndef TENON_CHAT_INTERNAL_H
#define TENON_CHAT_INTERNAL_H

#include "tenon/chat.h"

/** Bytes of a token, and of its hash. */
enum { TNI_TOKEN_BYTES = 32 };

/** One run of an operation inside a transaction. */
typedef struct tni_call {
    tenon_txn *txn;
    const chat_context *ctx; /**< Complete: `now_us` is set. */
    uint32_t id_count;       /**< Ids derived from `event` so far. */
    tenon_status refused;    /**< To be diagnosed: what the engine has said. */
} tni_call;

/** An operation: its checks of the input, and its body. */
typedef struct tni_operation {
    const char *name;
    /** Input only; runs once, before the transaction. May be NULL. */
    tenon_status (*check)(const chat_context *ctx, const void *in, tenon_error *err);
    /** May run several times; `out` is all zero each time. */
    tenon_status (*run)(tni_call *call, const void *in, void *out, tenon_error *err);
    /**
     * For a `run` that reads nothing, so that all of it travels at once: it requires rows and
     * relies on unique indexes. Says why it was refused (TENON_NOT_FOUND, TENON_EXISTS,
     * TENON_CONSTRAINT), in the order that the rules have; reads only. TENON_OK: nothing is in the
     * way any more. NULL: `run` says it itself.
     */
    tenon_status (*diagnose)(tni_call *call, const void *in, tenon_error *err);
    bool read_only;
    bool anonymous; /**< The context may be NULL. */
    bool blind;     /**< Reads nothing, so that any isolation level is as good as another. */
} tni_operation;

/* ---- call.c ---- */

/** Run an operation in `txn`, behind a savepoint if it writes. `out` has `out_bytes`, may be NULL
 * with 0. */
tenon_status tni_chat_within(tenon_txn *txn, const tni_operation *op, const chat_context *ctx,
                             const void *in, void *out, size_t out_bytes, tenon_error *err);

/** Run the body of an operation in the transaction of another one: as above, without the checks of
 * the input. */
tenon_status tni_chat_part(tni_call *call, const tni_operation *op, const void *in, void *out,
                           tenon_error *err);

/** Run an operation in a transaction of its own. */
tenon_status tni_chat_run(tenon_db *db, const tni_operation *op, const chat_context *ctx,
                          const void *in, void *out, size_t out_bytes, tenon_error *err);

/** Check and complete a context. @param[out] out owned by the caller */
tenon_status tni_chat_context(const chat_context *ctx, bool anonymous, chat_context *out,
                              tenon_error *err);

/** Fill `err` (may be NULL) and return `status`. */
__attribute__((cold, format(printf, 4, 5))) tenon_status
tni_chat_fail(tenon_error *err, tenon_status status, const char *object, const char *format, ...);

/** The next id of this run. */
tenon_uuid tni_chat_id(tni_call *call);

/** Write the audit row. @param[in] actor, target, details may be NULL */
tenon_status tni_chat_audit(tni_call *call, const tenon_uuid *actor, const char *action,
                            const char *target_type, const tenon_uuid *target, const char *details,
                            tenon_error *err);

/** To be diagnosed: whether a row of this event is there already, since nothing else is. */
bool tni_chat_is_repeated(const tni_call *call);

/** The context's actor; NULL where there is none. */
const tenon_uuid *tni_chat_actor(const tni_call *call);

bool tni_chat_same_id(const tenon_uuid *a, const tenon_uuid *b);
bool tni_chat_no_id(const tenon_uuid *id);

/* ---- check.c: TENON_INVALID with `field` as the object, or TENON_OK ---- */

tenon_status tni_chat_check_username(const char *text, const char *field, tenon_error *err);
tenon_status tni_chat_check_email(const char *text, const char *field, tenon_error *err);
tenon_status tni_chat_check_password(const char *text, const char *field, tenon_error *err);
tenon_status tni_chat_check_hash(const char *text, const char *field, tenon_error *err);
tenon_status tni_chat_check_room_name(const char *text, const char *field, tenon_error *err);
/** `text` may be NULL. */
tenon_status tni_chat_check_description(const char *text, const char *field, tenon_error *err);
/** `text` may be NULL. */
tenon_status tni_chat_check_note(const char *text, const char *field, tenon_error *err);
/** `bytes` 0 = up to the NUL. */
tenon_status tni_chat_check_message(const char *text, size_t bytes, const char *field,
                                    tenon_error *err);
/** `text` may be NULL. */
tenon_status tni_chat_check_message_type(const char *text, const char *field, tenon_error *err);

/** The key of a user name that was checked. */
void tni_chat_make_key(const char *username, char out[CHAT_MAX_USERNAME_BYTES + 1]);

/* ---- secret.c ---- */

/** A token and its hash; derived from `session` where the context has an event. */
tenon_status tni_chat_token(const chat_context *ctx, const tenon_uuid *session,
                            char text[CHAT_TOKEN_TEXT_BYTES], uint8_t hash[TNI_TOKEN_BYTES],
                            tenon_error *err);

/** The hash of a token given as text. @retval TENON_OK, TENON_INVALID ("token") */
tenon_status tni_chat_token_hash(const char *text, uint8_t hash[TNI_TOKEN_BYTES], tenon_error *err);

/**
 * Whether `password` is that of `hash`. The same work is done where it is not, and where `hash` is
 * empty or none that libsodium can verify.
 */
tenon_status tni_chat_password_is(const chat_context *ctx, const char *hash, const char *password,
                                  bool *out, tenon_error *err);

/** Compare in a time that depends on the length only. */
bool tni_chat_same_secret(const void *a, const void *b, size_t bytes);

/** Overwrite. */
void tni_chat_forget(void *secret, size_t bytes);

/* ---- rows.c: rows as structs, and the reads that several operations make ---- */

void tni_chat_copy_text(char *out, size_t out_bytes, const tenon_value *text);
/** NULL where there is no text, or an empty one. */
tenon_value tni_chat_optional_text(const char *text);
uint32_t tni_chat_room_role_number(const tenon_value *text);
uint32_t tni_chat_invitation_status_number(const tenon_value *text);
tenon_value tni_chat_user_role(uint32_t role);
tenon_value tni_chat_room_role(uint32_t role);
tenon_value tni_chat_membership_status(uint32_t status);
tenon_value tni_chat_invitation_status(uint32_t status);

/** Columns of a user, a room, a membership as the three functions below expect them. */
#define TNI_USER_COLUMNS                                                                           \
    TENON_COLUMNS(CHAT_USERS_ID, CHAT_USERS_USERNAME, CHAT_USERS_EMAIL, CHAT_USERS_ROLE,           \
                  CHAT_USERS_CREATED_AT, CHAT_USERS_UPDATED_AT, CHAT_USERS_LAST_SEEN,              \
                  CHAT_USERS_IS_ACTIVE)
#define TNI_ROOM_COLUMNS                                                                           \
    TENON_COLUMNS(CHAT_ROOMS_ID, CHAT_ROOMS_NAME, CHAT_ROOMS_DESCRIPTION, CHAT_ROOMS_IS_PUBLIC,    \
                  CHAT_ROOMS_CREATED_BY, CHAT_ROOMS_CREATED_AT, CHAT_ROOMS_UPDATED_AT,             \
                  CHAT_ROOMS_IS_ACTIVE)
#define TNI_MEMBERSHIP_COLUMNS                                                                     \
    TENON_COLUMNS(CHAT_MEMBERSHIPS_ID, CHAT_MEMBERSHIPS_ROOM_ID, CHAT_MEMBERSHIPS_USER_ID,         \
                  CHAT_MEMBERSHIPS_ROLE, CHAT_MEMBERSHIPS_STATUS, CHAT_MEMBERSHIPS_JOINED_AT)
void tni_chat_user_of(const tenon_value *row, chat_user *out);
void tni_chat_room_of(const tenon_value *row, chat_room *out);
void tni_chat_membership_of(const tenon_value *row, chat_membership *out);

/** By id; TENON_NOT_FOUND names `object`. */
tenon_status tni_chat_user(tenon_txn *txn, const tenon_uuid *id, const char *object, chat_user *out,
                           tenon_error *err);
tenon_status tni_chat_room(tenon_txn *txn, const tenon_uuid *id, const char *object, chat_room *out,
                           tenon_error *err);

/** What most operations need of a user and of a room. */
typedef struct tni_user_state {
    bool is_active;
    uint32_t role;
} tni_user_state;
typedef struct tni_room_state {
    bool is_active;
    bool is_public;
} tni_room_state;
tenon_status tni_chat_user_state(tenon_txn *txn, const tenon_uuid *id, const char *object,
                                 tni_user_state *out, tenon_error *err);
tenon_status tni_chat_room_state(tenon_txn *txn, const tenon_uuid *id, const char *object,
                                 tni_room_state *out, tenon_error *err);

/** The membership of a user in a room. Where there is none: TENON_OK, and all zero. */
tenon_status tni_chat_membership(tenon_txn *txn, const tenon_uuid *room, const tenon_uuid *user,
                                 chat_membership *out, tenon_error *err);

/** TENON_DENIED ("actor") unless the actor is `user` (may be NULL), the system or an active
 * administrator. */
tenon_status tni_chat_may_act_for(const tni_call *call, const tenon_uuid *user, tenon_error *err);

/** TENON_DENIED ("actor") unless the actor may read the room; TENON_NOT_FOUND ("room"). */
tenon_status tni_chat_may_read(const tni_call *call, const tenon_uuid *room, tenon_error *err);

/* ---- Bodies that several operations share ---- */

/** session.c: a new session. Checks nothing. @param[out] token may not be NULL */
tenon_status tni_chat_open_session(tni_call *call, const tenon_uuid *user, int64_t expires_at_us,
                                   chat_session *out, char token[CHAT_TOKEN_TEXT_BYTES],
                                   tenon_error *err);
/** session.c: TENON_INVALID ("session_expires_at") unless 0 or in the future. */
tenon_status tni_chat_check_expiry(const chat_context *ctx, int64_t expires_at_us,
                                   tenon_error *err);

/** room.c: create a room, without its audit row: chat_new_room, chat_created_room. */
extern const tni_operation tni_chat_room_part;

/** invite.c: insert a membership, without waiting. */
tenon_status tni_chat_put_membership(tni_call *call, const chat_membership *membership,
                                     tenon_error *err);
/** The same, and wait. Where there is one: TENON_EXISTS, "membership" or "invitation". */
tenon_status tni_chat_add_membership(tni_call *call, const chat_membership *membership,
                                     tenon_error *err);
/** invite.c: remove a membership by its id. @param[out] removed rows; may be NULL */
tenon_status tni_chat_remove_membership(tenon_txn *txn, const tenon_uuid *id, uint64_t *removed,
                                        tenon_error *err);
/** invite.c: end an invitation, by its id. */
tenon_status tni_chat_end_invitation(const tni_call *call, const tenon_uuid *id, uint32_t status,
                                     tenon_error *err);
/** invite.c: remove the pending membership of a user in a room. */
tenon_status tni_chat_remove_pending(tenon_txn *txn, const tenon_uuid *room, const tenon_uuid *user,
                                     uint64_t *removed, tenon_error *err);

#endif

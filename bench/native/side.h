/** @file side.h One side of the comparison: the same operations, through Tenon or by hand. */
#ifndef BENCH_NATIVE_SIDE_H
#define BENCH_NATIVE_SIDE_H

#include <tenon/chat.h>

/** The ready password hash of every user: Argon2 would hide all else. */
#define SIDE_PASSWORD_HASH "$argon2id$v=19$m=65536,t=2,p=1$bench$bench"

enum {
    SIDE_HASH_BYTES = 32, /**< Of a token. */
    SIDE_PAGE = 50        /**< Messages of a page. */
};

/** A user to register. */
typedef struct side_user {
    char name[40];
    tenon_uuid id;                     /**< Set by the registration. */
    char token[CHAT_TOKEN_TEXT_BYTES]; /**< Set by the registration. */
} side_user;

/** What a page held. */
typedef struct side_page {
    chat_position last; /**< Of the last message; where the next page begins. */
    uint32_t count;
    uint64_t sum; /**< Of all bytes of the texts, and so on: whoever reads has to look at them. */
} side_page;

/** Rows of each table. */
typedef struct side_counts {
    uint64_t users, sessions, rooms, memberships, invitations, messages, audit_logs;
} side_counts;

/** A database that is one side's alone. */
typedef struct side_place {
    const char *where; /**< A file, or the URL of a server's database. */
    uint32_t durability;
    uint32_t threads; /**< That will connect. */
    bool is_new;      /**< Its tables are to be made. */
} side_place;

/**
 * A side. Operations are called by as many threads as have connected, each with a connection of its
 * own, and are one transaction each, but for `invite`, which is two: the invitation and its
 * acceptance. Whatever returns false has said why on stderr. An operation that a side lacks is
 * NULL.
 */
typedef struct side {
    const char *name;
    /** Open, and make the tables where the place is new. */
    bool (*open)(const side_place *place, void **out);
    void (*close)(void *db); /**< NULL is accepted. */
    bool (*connect)(void *db, void **out);
    void (*disconnect)(void *conn); /**< NULL is accepted. */

    bool (*register_user)(void *conn, side_user *user);
    bool (*create_room)(void *conn, const side_user *owner, const char *name, tenon_uuid *room);
    bool (*invite)(void *conn, const tenon_uuid *room, const side_user *sender,
                   const side_user *recipient);
    bool (*say)(void *conn, const tenon_uuid *room, const side_user *author, const char *text);
    /** The session of a token, all of it, if it is good and its user active; read only. */
    bool (*find_session)(void *conn, const char *token, chat_session *out);
    /** The messages after a position, newest first, at most SIDE_PAGE; read only. Each is handed to
     * side_take with all that chat_message_row promises. */
    bool (*read_page)(void *conn, const tenon_uuid *room, const side_user *reader,
                      const chat_position *after, side_page *out);
    /** Begin a transaction that may write, read one row by its key, commit. */
    bool (*empty)(void *conn, const tenon_uuid *user);
    /** Rows of each table. */
    bool (*count)(void *conn, side_counts *out);
} side;

extern const side side_tenon_sqlite, side_tenon_lmdb, side_tenon_postgres;
extern const side side_sqlite, side_lmdb, side_postgres;
/** Both know `empty` only, on a table of numbers: memory has no other way in. */
extern const side side_tenon_memory, side_memory;

/** For sides by hand: a new session's token as its user keeps it, and what is stored of it. */
void side_new_token(char token[CHAT_TOKEN_TEXT_BYTES], uint8_t hash[SIDE_HASH_BYTES]);
/** What is stored of a token. @return false: this is none */
bool side_hash_token(const char *token, uint8_t hash[SIDE_HASH_BYTES]);

/** Count one message of a page, and look at it. */
void side_take(side_page *page, const chat_message_row *row);

#endif

/** @file side.h One side of the comparison: the same operations, through Tenon or by hand. */
#ifndef BENCH_NATIVE_SIDE_H
#define BENCH_NATIVE_SIDE_H

#include <tenon/chat.h>

/** The ready password hash of every user: Argon2 would hide all else. */
#define SIDE_PASSWORD_HASH "$argon2id$v=19$m=65536,t=2,p=1$bench$bench"

/** A user to register. */
typedef struct side_user {
    char name[24];
    tenon_uuid id; /**< Set by the registration. */
} side_user;

/** Rows of each table. */
typedef struct side_counts {
    uint64_t users, sessions, rooms, memberships, invitations, messages, audit_logs;
} side_counts;

/**
 * A side. Every call is one transaction, except invite_and_accept, which is two; all return
 * false, after a line on stderr, where anything fails.
 */
typedef struct side {
    const char *name;
    bool (*open)(const char *path, uint32_t durability, void **out);
    void (*close)(void *db);
    bool (*register_user)(void *db, side_user *user);
    bool (*create_room)(void *db, const side_user *owner, const char *name, tenon_uuid *room);
    bool (*invite_and_accept)(void *db, const tenon_uuid *room, const side_user *sender,
                              const side_user *recipient);
    bool (*post)(void *db, const tenon_uuid *room, const side_user *author, const char *text);
    bool (*count)(void *db, side_counts *out);
} side;

extern const side side_tenon_sqlite, side_tenon_lmdb, side_sqlite, side_lmdb;

#endif

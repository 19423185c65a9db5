/** @file status.h What calls return, and the detail that they leave behind. */
#ifndef TENON_STATUS_H
#define TENON_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#if defined(_WIN32) || !defined(__GNUC__)
#define TENON_API
#else
#define TENON_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Every status: symbol, number, whether running the whole transaction again may help, text.
 * Numbers are part of the ABI: they are never reused, new ones are appended.
 */
#define TENON_STATUS_MAP(X)                                                                        \
    X(OK, 0, false, "success")                                                                     \
    X(NOT_FOUND, 1, false, "no such row or object")                                                \
    X(EXISTS, 2, false, "a row with that unique key exists already")                               \
    X(CONSTRAINT, 3, false, "a constraint forbids it")                                             \
    X(INVALID, 4, false, "an input is not valid")                                                  \
    X(DENIED, 5, false, "the caller may not do that")                                              \
    X(CONFLICT, 6, true, "another transaction was in the way; the whole may be run again")         \
    X(BUSY, 7, true, "the engine is busy; nothing was done")                                       \
    X(TIMEOUT, 8, false, "the deadline has passed")                                                \
    X(CANCELLED, 9, false, "cancelled on request")                                                 \
    X(UNKNOWN_OUTCOME, 10, false, "it is not known whether the transaction was committed")         \
    X(UNAVAILABLE, 11, false, "the engine can't be reached")                                       \
    X(READ_ONLY, 12, false, "the transaction or the database is read-only")                        \
    X(FULL, 13, false, "no space left")                                                            \
    X(IO, 14, false, "input or output failed")                                                     \
    X(CORRUPT, 15, false, "stored data is damaged or is no database")                              \
    X(NO_MEMORY, 16, false, "out of memory")                                                       \
    X(UNSUPPORTED, 17, false, "this engine does not offer it")                                     \
    X(CONFIG, 18, false, "a setting is wrong")                                                     \
    X(ABI, 19, false, "the plugin does not fit this library")                                      \
    X(MISUSE, 20, false, "the call is not allowed in this state")                                  \
    X(SCHEMA, 21, false, "the stored schema is not the one that was asked for")                    \
    X(INTERNAL, 22, false, "a defect in Tenon or a driver")

/** A status. Fixed width, since it crosses the driver's ABI. */
typedef int32_t tenon_status;

enum {
#define TENON_STATUS_ENUM(symbol, number, retryable, text) TENON_##symbol = (number),
    TENON_STATUS_MAP(TENON_STATUS_ENUM)
#undef TENON_STATUS_ENUM
};

/** What a failure has done to the transaction around it; filled by drivers, never guessed. */
enum {
    TENON_EFFECT_OPEN = 0,           /**< The statement was undone, the transaction goes on. */
    TENON_EFFECT_MUST_ROLL_BACK = 1, /**< Only a rollback (whole, or to a savepoint) is possible. */
    TENON_EFFECT_ROLLED_BACK = 2,    /**< The engine has rolled the transaction back already. */
    TENON_EFFECT_UNKNOWN = 3         /**< COMMIT was sent, and its outcome is not known. */
};

/**
 * The detail of a failure. The caller's own, of fixed size: nothing in it is ever to be freed,
 * and it outlives the transaction, the database and the driver. A call that succeeds leaves it
 * alone.
 */
typedef struct tenon_error {
    tenon_status status; /**< The status that the call returned. */
    int32_t native;      /**< The engine's own code, 0 where there is none. */
    uint8_t effect;      /**< A TENON_EFFECT_ value. */
    char sqlstate[6];    /**< SQLSTATE, or empty. */
    char driver[17];     /**< The driver concerned, or empty. */
    char object[80];     /**< The constraint, index, column or table concerned, or empty. */
    char message[288];   /**< One sentence in English, without secrets. */
} tenon_error;

/** The symbol of a status without its prefix ("NOT_FOUND"); "?" for an unknown number. Never NULL,
 * static. */
TENON_API const char *tenon_status_name(tenon_status status);

/** The text of a status; a constant string for an unknown number too. Never NULL, static. */
TENON_API const char *tenon_status_text(tenon_status status);

/** Whether running the whole transaction again may help. False for an unknown number. */
TENON_API bool tenon_status_retryable(tenon_status status);

#ifdef __cplusplus
}
#endif
#endif

/**
 * @file check.h Finds what a history shows to be wrong: which anomaly, in which transactions, and
 * whether a level of isolation forbids it.
 *
 * The order of a key's versions is that of its longest list that a committed transaction has read.
 * From it follow dependencies between transactions, with the names of Adya's thesis (1999): one
 * overwrites another's version (ww), reads it (wr), or reads one that another overwrites (rw, an
 * anti-dependency). A cycle of them is an order that no serial execution has. What is reported has
 * happened; what leaves no trace in the lists that were read is not found.
 */
#ifndef TENON_CHECK_HISTORY_CHECK_H
#define TENON_CHECK_HISTORY_CHECK_H

#include <jansson.h>

#include "check/history/history.h"

/** What a history is judged by, each with all that the one before forbids. */
typedef enum history_level {
    HISTORY_READ_COMMITTED,
    HISTORY_SNAPSHOT, /**< Also the REPEATABLE READ of engines that give a snapshot. */
    HISTORY_SERIALIZABLE,
    HISTORY_STRICT, /**< Serializable, in an order that agrees with time and with each process. */
    HISTORY_NO_LEVEL
} history_level;

/**
 * Anomalies: symbol, name, the weakest level that forbids it, what it is.
 *
 * Those with -session and -realtime need the order of one process, or that one transaction was done
 * before another began, to close the cycle.
 */
#define HISTORY_ANOMALY_MAP(X)                                                                     \
    X(GARBAGE, "garbage-read", READ_COMMITTED, "an element was read that nobody appended")         \
    X(DUPLICATE, "duplicate-elements", READ_COMMITTED, "a list holds an element twice")            \
    X(INTERNAL, "internal", READ_COMMITTED, "a transaction does not see its own writes")           \
    X(TORN, "torn-append", READ_COMMITTED,                                                         \
      "a list holds a transaction's elements not all, or not in their order")                      \
    X(INCOMPATIBLE_ORDER, "incompatible-order", READ_COMMITTED,                                    \
      "two lists of a key are in no common order")                                                 \
    X(G1A, "G1a", READ_COMMITTED, "aborted read")                                                  \
    X(G1B, "G1b", READ_COMMITTED, "intermediate read")                                             \
    X(G0, "G0", READ_COMMITTED, "dirty write: a cycle of ww")                                      \
    X(G1C, "G1c", READ_COMMITTED, "circular information flow: a cycle of ww and wr")               \
    X(LOST_UPDATE, "lost-update", SNAPSHOT, "lost update (P4): two wrote after the same version")  \
    X(G_SINGLE, "G-single", SNAPSHOT, "read skew: a cycle with one rw")                            \
    X(G_NONADJACENT, "G-nonadjacent", SNAPSHOT,                                                    \
      "a cycle with several rw, none of which follows another")                                    \
    X(WRONG_TOTAL, "wrong-total", SNAPSHOT, "the accounts do not add up")                          \
    X(G2_ITEM, "G2-item", SERIALIZABLE, "write skew: a cycle with several rw")                     \
    X(G2, "G2", SERIALIZABLE, "write skew by a predicate: a cycle with several rw")                \
    X(OVERDRAWN, "overdrawn", SERIALIZABLE, "a customer owes more than he has: write skew")        \
    X(G0_SESSION, "G0-session", STRICT, "a cycle of ww and session order")                         \
    X(G1C_SESSION, "G1c-session", STRICT, "a process reads what it writes later")                  \
    X(G_SINGLE_SESSION, "G-single-session", STRICT,                                                \
      "a process does not see what it saw or wrote before")                                        \
    X(G_NONADJACENT_SESSION, "G-nonadjacent-session", STRICT, "the same through several rw")       \
    X(G2_ITEM_SESSION, "G2-item-session", STRICT, "write skew against session order")              \
    X(G2_SESSION, "G2-session", STRICT, "the same by a predicate")                                 \
    X(G0_REALTIME, "G0-realtime", STRICT, "writes in another order than in time")                  \
    X(G1C_REALTIME, "G1c-realtime", STRICT, "what is read is written later")                       \
    X(G_SINGLE_REALTIME, "G-single-realtime", STRICT,                                              \
      "stale read: what was committed before is not seen")                                         \
    X(G_NONADJACENT_REALTIME, "G-nonadjacent-realtime", STRICT, "stale reads, through several rw") \
    X(G2_ITEM_REALTIME, "G2-item-realtime", STRICT, "write skew against the order in time")        \
    X(G2_REALTIME, "G2-realtime", STRICT, "the same by a predicate")

typedef enum history_anomaly {
#define HISTORY_ANOMALY_ENUM(symbol, name, level, text) HISTORY_##symbol,
    HISTORY_ANOMALY_MAP(HISTORY_ANOMALY_ENUM)
#undef HISTORY_ANOMALY_ENUM
        HISTORY_ANOMALY_COUNT
} history_anomaly;

/** One kind of anomaly in a history. */
typedef struct history_finding {
    uint64_t count; /**< Times that it was seen before the search went on; 0 = not found. */
    size_t *txns;   /**< Numbers of the transactions of the shortest one, from 0 on. */
    size_t txn_count;
    char *text; /**< The same in words: a line for each transaction, then one for each edge. */
    size_t why; /**< Where in `text` the edges begin. */
} history_finding;

typedef struct history_report {
    size_t txn_count, ok_count, failed_count;
    size_t unknown_count; /**< Of unknown outcome, and nobody has seen what they wrote. */
    size_t seen_count;    /**< Of unknown outcome, but seen: they count as committed. */
    history_finding found[HISTORY_ANOMALY_COUNT];
} history_report;

/**
 * Check a history. Takes about a second for 100,000 transactions; its stack does not grow with
 * them.
 *
 * @param[out] out     owned by the caller until history_report_free; NULL on failure
 * @param[out] message why it can't be checked: an element that is appended twice, a process that
 *                     does two things at once, no memory
 * @return whether it was checked
 */
bool history_check(const history *h, history_report **out, char message[HISTORY_MESSAGE_BYTES]);

/** NULL is accepted. */
void history_report_free(history_report *report);

/** Whether the level forbids it. */
bool history_prohibits(history_level level, history_anomaly anomaly);

/** The first anomaly that was found and that the level forbids; HISTORY_ANOMALY_COUNT: none. */
history_anomaly history_convicted(const history_report *report, history_level level);

/** The first anomaly found that a snapshot of the newest state forbids: one that is closed by the
 * order in a process or in time, and has no two rw after one another. HISTORY_ANOMALY_COUNT: none.
 */
history_anomaly history_stale(const history_report *report);

/** "G1a". Static. */
const char *history_anomaly_name(history_anomaly anomaly);
/** "aborted read". Static. */
const char *history_anomaly_text(history_anomaly anomaly);
/** "read-committed". Static. */
const char *history_level_name(history_level level);
/** The level of that name; HISTORY_NO_LEVEL: there is none. */
history_level history_level_named(const char *name);

/** For people: what was found, what of it the level forbids, and a cycle of each in words. */
void history_report_print(const history_report *report, history_level level, FILE *out);
/** The same for programs. @return NULL: there is no memory */
json_t *history_report_json(const history_report *report, history_level level);

#endif

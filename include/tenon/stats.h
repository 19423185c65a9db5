/** @file stats.h What a database has done and is doing: counts, durations, live transactions. */
#ifndef TENON_STATS_H
#define TENON_STATS_H

#include "tenon/txn.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Durations of one phase, in nanoseconds, each known to within 1/16 and rounded up. */
typedef struct tenon_durations {
    uint64_t count;
    uint64_t sum_ns;
    uint64_t p50_ns, p90_ns, p99_ns, p99_9_ns, p99_99_ns; /**< 0 where there were too few: a
                                        percentile needs ten values beyond it. */
    uint64_t max_ns;                                      /**< Exact. */
} tenon_durations;

/** Counts and durations, of one operation or of all. Each transaction that has begun ends in
 * exactly one way: begun = committed + rolled_back + failed + timed_out + unknown + active. */
typedef struct tenon_counts {
    uint64_t begun;  /**< Transactions that got a connection, each attempt of a retry. */
    uint64_t active; /**< Begun and not ended. */
    uint64_t committed;
    uint64_t rolled_back;     /**< By the wish of their owners. */
    uint64_t failed;          /**< By a failure of the engine, conflicts included. */
    uint64_t timed_out;       /**< By their deadline. */
    uint64_t unknown;         /**< With an outcome that was not known when they ended. */
    uint64_t retried;         /**< Of those begun: attempts of tenon_run after the first. */
    uint64_t exhausted;       /**< Calls of tenon_run whose retries were used up. */
    uint64_t refused_late;    /**< Calls that got no connection before their deadline. */
    uint64_t refused_rate;    /**< Calls over a rate limit. */
    uint64_t refused_circuit; /**< Calls while the circuit breaker was open. */
    uint64_t refused_other;   /**< Calls refused for another reason, such as misuse. */
    uint64_t round_trips;     /**< Waits for an answer of the engine's server; 0 where there is
                                 none. */
    tenon_durations wait;     /**< For admission, the writer's turn and a connection. */
    tenon_durations run;      /**< From begin to the call that ends it. */
    tenon_durations commit;   /**< Commits that succeeded, but for readers below SERIALIZABLE. */
    tenon_durations rollback;
} tenon_counts;

/** Statistics of a database. Set `size` to sizeof(tenon_db_stats). */
typedef struct tenon_db_stats {
    uint32_t size;
    uint32_t reserved;
    tenon_counts all;
    uint64_t connections;      /**< Open now. */
    uint64_t connections_idle; /**< Of these, in no transaction. */
    uint64_t admitted;         /**< Calls that are in now, with or without a connection. */
    uint64_t waiting_admission, waiting_turn, waiting_connection;
    uint64_t parted;       /**< Transactions that were rolled back at their deadline and that their
                              owners have not ended yet. */
    uint32_t circuit;      /**< A TENON_CIRCUIT_ value. */
    uint32_t group_commit; /**< 1: where many wait to write, one commit serves them. */
    uint64_t groups;       /**< Commits that served those who waited. */
    uint64_t grouped;      /**< Transactions in them, those that were rolled back included. */
    uint64_t group_reruns; /**< Bodies that were run again since their group could not commit. */
    uint64_t group_p50, group_max; /**< Transactions in a group; 0 where there were too few. */
} tenon_db_stats;

/** States of the circuit breaker. */
enum {
    TENON_CIRCUIT_CLOSED = 0,   /**< Calls go through. */
    TENON_CIRCUIT_OPENED = 1,   /**< Calls are refused. */
    TENON_CIRCUIT_HALF_OPEN = 2 /**< A few calls go through, to see whether they succeed. */
};

/** Fill what `stats->size` has room for. Any thread; never blocks those who are counted. @retval
 * TENON_OK, TENON_MISUSE (`size` unset), TENON_NO_MEMORY */
TENON_API tenon_status tenon_db_get_stats(tenon_db *db, tenon_db_stats *stats, tenon_error *err);

/** Told of one operation. @param[in] name borrowed for the call */
typedef void (*tenon_operation_fn)(void *arg, const char *name, const tenon_counts *counts);

/** Tell `fn` of each operation by the name of its transactions; those without a name are
 * "(unnamed)", those after the first 254 names "(others)". @retval TENON_OK, TENON_NO_MEMORY */
TENON_API tenon_status tenon_db_operations(tenon_db *db, tenon_operation_fn fn, void *arg,
                                           tenon_error *err);

/** What a live transaction is doing. */
enum {
    TENON_DOING_ADMISSION = 0,  /**< Waits to be admitted. */
    TENON_DOING_TURN = 1,       /**< Waits for the writer's turn. */
    TENON_DOING_CONNECTION = 2, /**< Waits for a connection. */
    TENON_DOING_NOTHING = 3,    /**< Is between two calls of its owner. */
    TENON_DOING_STATEMENT = 4,  /**< Is in a call. */
    TENON_DOING_ENDING = 5,     /**< Is in a commit or a rollback. */
    TENON_DOING_OVERDUE = 6 /**< Was rolled back at its deadline; its owner has yet to end it. */
};

/** A live transaction, or a call that waits to begin one. Pointers are borrowed for the call. */
typedef struct tenon_live {
    const char *name;
    const char *where; /**< "file:line" where it was begun; NULL where that is not known. */
    const char *last_statement; /**< Name of the query; NULL: none yet, or it has no name. */
    uint64_t age_us;            /**< Since the call that asked for it. */
    uint64_t left_us;           /**< Until its deadline; 0: passed. */
    uint32_t doing;             /**< A TENON_DOING_ value. */
    uint32_t attempt;
    uint64_t statement_count;
} tenon_live;

/** Told of one. Must not call Tenon. */
typedef void (*tenon_live_fn)(void *arg, const tenon_live *live);

/** Tell `fn` of each. What ends meanwhile may be told of or not. Any thread. */
TENON_API void tenon_db_transactions(tenon_db *db, tenon_live_fn fn, void *arg);

/** A query and how often a transaction has run it. */
typedef struct tenon_statement_count {
    const char *name;
    uint64_t count;
} tenon_statement_count;

/** Most statements that a report names. */
#define TENON_REPORT_STATEMENTS 16
/** Last statements that a report keeps in their order. */
#define TENON_REPORT_LAST 8

/** A transaction that took long. Names of queries live as long as the database, `where` as long as
 * the program. */
struct tenon_slow {
    const char *name; /**< Borrowed for the call. */
    const char *where;
    tenon_uuid id;
    tenon_status status; /**< TENON_OK: committed; else why it was not. */
    uint32_t attempt;
    uint64_t wait_ns, run_ns, end_ns; /**< Until it could run; until its end began; of commit or
                                         rollback. */
    uint64_t statement_count;
    uint32_t statements_len, last_len;
    tenon_statement_count statements[TENON_REPORT_STATEMENTS]; /**< By name, in no order. */
    const char *last[TENON_REPORT_LAST];                       /**< The last ones, oldest first. */
};

/** How a database answers. */
typedef struct tenon_health {
    uint32_t size; /**< Set to sizeof(tenon_health). */
    uint32_t circuit;
    uint64_t answer_ns; /**< What the engine took to answer. */
} tenon_health;

/**
 * Ask the engine itself: a read transaction that looks for a table, on a connection of its own.
 * Returns when the time is over, even where the engine hangs.
 *
 * @param[in]  timeout_ms 0 = 1,000
 * @param[out] health may be NULL
 * @retval TENON_OK it answers; TENON_TIMEOUT not in time; else what it answered
 */
TENON_API tenon_status tenon_db_health(tenon_db *db, uint32_t timeout_ms, tenon_health *health,
                                       tenon_error *err);

#ifdef __cplusplus
}
#endif
#endif

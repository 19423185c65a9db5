/**
 * @file page.h The memory that a campaign shares with the processes that it starts. It is outside
 * of any file system, and outlives whoever is killed: what stands in it was so at that moment.
 */
#ifndef TENON_TESTS_POWER_PAGE_H
#define TENON_TESTS_POWER_PAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { POWER_MOST_THREADS = 64, POWER_TEXT_BYTES = 512 };

/** What a writer does in one call. */
enum {
    POWER_KEPT,    /**< Writes, and is acknowledged. */
    POWER_UNDONE,  /**< Writes more, takes that back to a savepoint, then as KEPT. */
    POWER_STUMBLE, /**< A statement fails, the body goes on as KEPT. */
    POWER_REFUSED, /**< Writes everything, then the body returns an error. */
    POWER_BROKEN,  /**< Writes everything, then a constraint forbids the last statement. */
    POWER_KINDS
};

/** What a writer has told. Serials of a writer go up by one; a call begins when the one before it
 * has ended. */
typedef struct power_writer {
    _Alignas(64) atomic_uint_fast64_t attempted; /**< The serial that it is about to write. */
    atomic_uint_fast64_t written;                /**< The body that writes it has ended. */
    atomic_uint_fast64_t acked;                  /**< tenon_run has returned TENON_OK. */
    uint64_t present; /**< How many there are, as the last check found. */
    uint64_t owed;    /**< How many must be there now: acknowledged before the fault began. */
} power_writer;

/** How the worker is to do it. Set before it is started. */
typedef struct power_manner {
    uint32_t writers, readers;
    uint64_t seed;
    uint32_t flush_us; /**< Each flush takes so much longer. */
    bool no_flush;     /**< Defect: flushes do nothing. */
    bool ack_early;    /**< Defect: acknowledges at the end of the body. */
    bool torn;         /**< Defect: one call is two transactions. */
} power_manner;

/** What a check found. */
typedef struct power_verdict {
    bool done;        /**< The check came to its end. */
    uint64_t lost;    /**< Operations that are owed and are not there. */
    uint64_t partial; /**< Signs of operations that are there in part, or should never have been. */
    char text[POWER_TEXT_BYTES]; /**< The first of these. */
} power_verdict;

typedef struct power_page {
    power_writer writers[POWER_MOST_THREADS + 1]; /**< From 1 on. */
    power_manner manner;
    atomic_bool cut; /**< The power is about to fail: from here on errors are to be expected. */
    atomic_uint_fast64_t calls[POWER_KINDS], reads, flushes;
    atomic_bool failed; /**< The worker saw what must not be; `text` says what. */
    bool verify;        /**< The check looks at every row, index and page. */
    char text[POWER_TEXT_BYTES];
    power_verdict verdict;
} power_page;

#endif

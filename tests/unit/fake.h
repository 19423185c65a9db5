/**
 * @file fake.h A driver that does what a test says: for the core's own behaviour when an engine
 * fails, which no real engine can be made to do at will. What engines do is tested with engines.
 */
#ifndef TENON_TESTS_UNIT_FAKE_H
#define TENON_TESTS_UNIT_FAKE_H

#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>

#include "tenon/driver.h"
#include "tenon/tenon.h"

/** Slots that can be told to fail, or are counted. */
enum {
    FAKE_CONN_OPEN,
    FAKE_CONN_CLOSE,
    FAKE_RESET,
    FAKE_CHECK,
    FAKE_BEGIN,
    FAKE_COMMIT,
    FAKE_ROLLBACK,
    FAKE_SAVEPOINT,
    FAKE_RELEASE,
    FAKE_ROLLBACK_TO,
    FAKE_PREPARE,
    FAKE_FREE,
    FAKE_EXEC,
    FAKE_OPEN,
    FAKE_NEXT,
    FAKE_CLOSE,
    FAKE_SQL,
    FAKE_SLOTS
};

/** What a slot does next. */
typedef struct fake_answer {
    tenon_status status;
    uint8_t effect;
    uint32_t times; /**< So often; then it succeeds again. UINT32_MAX = always. */
} fake_answer;

/** The one engine. fake_reset before each test. */
typedef struct fake_engine {
    fake_answer answers[FAKE_SLOTS];
    uint32_t calls[FAKE_SLOTS];
    uint64_t capabilities;    /**< Of the next database that is opened. */
    uint32_t max_connections; /**< Of the next database; 0 = no limit. */
    bool plans_left;          /**< A connection was closed before all plans were freed. */
    char driver_path[32]; /**< Where a filter would look for others, as the database was opened. */
    uint32_t isolation;   /**< As the last begin was asked for. */
    uint32_t read_only;
    uint64_t deadline_ns;
    uint64_t open_until_ns;  /**< As the last connection of "far:" was asked for. */
    uint64_t check_until_ns; /**< As the last check was asked for. */
    uint32_t depth;          /**< Of the last savepoint call. */
    uint32_t open_cursors;
    uint32_t row_count;   /**< Rows of every query: 0, 1, … in their only column. */
    const char *sqlstate; /**< Of failures; NULL: none. */
    bool hangs;           /**< The next exec of "far:" returns when it is interrupted. */
    atomic_bool interrupted;
    bool mute;            /**< Failures say nothing but their status. */
    bool after;           /**< The plan last read from has the keyset's condition. */
    char text[16];        /**< First parameter of the cursor last read from, where it is a TEXT. */
    uint32_t param_count; /**< Of the SQL text last run. */
    pthread_t begun_by;   /**< The thread of the last begin. */
    bool strayed;         /**< A transaction was ended by another thread than the last begin's. */
} fake_engine;

extern fake_engine fake;

/** All slots succeed; nothing is counted. */
void fake_reset(void);

/** Let a slot fail. */
void fake_fail(int slot, tenon_status status, uint8_t effect, uint32_t times);

/** Open a database: "fake:", "bound:" (writers belong to their thread), "bare:" (no optional slot),
 * "nofetch:", "far:" (its connections may be lost).
 * @param[in] options may be NULL */
tenon_db *fake_open(const char *url, const tenon_open_options *options);

/** Begin, or fail the test. */
tenon_txn *fake_begin(tenon_db *db, const tenon_txn_options *options);

extern const tenon_query fake_insert; /**< One parameter, an INT. */
extern const tenon_query fake_select; /**< One column, an INT. */
extern const tenon_query fake_number; /**< A COUNT. */
extern const tenon_query fake_page;   /**< By keyset; one parameter, an INT. */
extern const tenon_query fake_named;  /**< Rows of one name: one parameter, a TEXT. */

/** A test with a fresh engine. */
int fake_setup(void **state);
#define FAKE_CASE(test) cmocka_unit_test_setup(test, fake_setup)

#endif

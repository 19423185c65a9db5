/* A SQLite file that another program holds locked. */
#include "library.h"

#include <sqlite3.h>
#include <time.h>

const char *const library_driver = "sqlite";

#define HELD_MOST_S 10 /* opening is to give up after 5 */

static sqlite3 *held_raw;

/* As a program without Tenon does it, that keeps no write-ahead log and is in the midst of a write.
 */
static void
hold(void)
{
    assert_int_equal(sqlite3_open(library_path, &held_raw), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(held_raw, "PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE", NULL, NULL, NULL),
        SQLITE_OK);
}

static void
let_go(void)
{
    assert_int_equal(sqlite3_close(held_raw), SQLITE_OK);
}

static void
check_gives_up(bool read_only)
{
    const tenon_open_options o = { .size = sizeof o, .read_only = read_only };
    char url[80];
    const time_t from = time(NULL);
    tenon_error err = { 0 };
    tenon_db *db;

    (void)snprintf(url, sizeof url, "sqlite:%s", library_path);
    hold();
    assert_int_equal(tenon_open(url, &o, &db, &err), TENON_TIMEOUT);
    assert_true(time(NULL) - from <= HELD_MOST_S);
    assert_non_null(strstr(err.message, library_path));
    let_go();
    assert_int_equal(tenon_open(url, &o, &db, &err), TENON_OK);
    tenon_close(db);
}

static void
opening_gives_up_and_names_the_file(void **state)
{
    (void)state;
    check_gives_up(false);
}

static void
opening_for_reading_gives_up_too(void **state)
{
    (void)state;
    check_gives_up(true);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        LIBRARY_CASE(opening_gives_up_and_names_the_file),
        LIBRARY_CASE(opening_for_reading_gives_up_too),
    };

    return cmocka_run_group_tests_name("damage.held", tests, NULL, NULL);
}

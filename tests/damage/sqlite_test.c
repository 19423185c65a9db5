/* A SQLite file, damaged with SQLite. */
#include "library.h"

#include <sqlite3.h>

const char *const library_driver = "sqlite";

/* Run SQL on the file, past foreign keys, and with the schema open to writing. */
static void
damage(const char *sql)
{
    sqlite3 *raw = NULL;

    assert_int_equal(sqlite3_open(library_path, &raw), SQLITE_OK);
    assert_int_equal(sqlite3_exec(raw, "PRAGMA writable_schema = 1", NULL, NULL, NULL), SQLITE_OK);
    if (sqlite3_exec(raw, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(raw));
    assert_int_equal(sqlite3_close(raw), SQLITE_OK);
}

/* Make a table's text say something else while `sql` runs. */
static void
damage_unchecked(const char *words, const char *sql)
{
    char text[400];

    (void)snprintf(text, sizeof text,
                   "CREATE TABLE kept AS SELECT sql FROM sqlite_schema WHERE name = 'books';"
                   "UPDATE sqlite_schema SET sql = replace(sql, '%s', '') WHERE name = 'books'",
                   words);
    damage(text);
    damage(sql);
    damage("UPDATE sqlite_schema SET sql = (SELECT sql FROM kept) WHERE name = 'books';"
           "DROP TABLE kept");
}

static void
a_row_without_its_parent_is_found(void **state)
{
    (void)state;
    damage("DELETE FROM shelves");
    library_expect("books.book_shelf: a row refers to no row of shelves");
    library_expect("a row without its parent in: books");
}

static void
values_that_no_column_allows_are_found(void **state)
{
    (void)state;
    damage("UPDATE books SET isbn = 'thirteen byte' WHERE id = 1");
    library_expect("books.isbn: 13 bytes, 12 is the most");
    damage("UPDATE books SET isbn = 'twelve bytes' WHERE id = 1");
    library_expect_none();
    damage("UPDATE books SET title = CAST(x'ff41' AS TEXT) WHERE id = 2");
    library_expect("books.title: text that is not UTF-8");
    damage("UPDATE books SET title = 'x', shelf = x'0707' WHERE id = 2");
    library_expect("books: can't be read: stored data is damaged: books.shelf holds what is no "
                   "value of its type");
}

static void
a_null_is_found_where_there_must_be_a_value(void **state)
{
    (void)state;
    damage_unchecked("NOT NULL", "UPDATE books SET isbn = NULL WHERE id = 2");
    library_expect("books.isbn: NULL where there must be a value");
}

static void
a_value_of_another_type_is_found(void **state)
{
    (void)state;
    damage_unchecked(" STRICT,", "UPDATE books SET lent = 'text' WHERE id = 2");
    library_expect("books: can't be read: stored data is damaged: books.lent holds what is no "
                   "value of its type");
}

static void
a_row_that_an_index_lacks_is_found(void **state)
{
    (void)state;
    damage("CREATE TABLE kept AS SELECT * FROM sqlite_schema WHERE name = 'by_title';"
           "DELETE FROM sqlite_schema WHERE name = 'by_title'");
    damage("DELETE FROM books WHERE id = 1");
    damage("INSERT INTO sqlite_schema SELECT * FROM kept; DROP TABLE kept");
    library_expect("books.by_title: 4 rows by the index, 3 by the table");
    library_expect("integrity_check: wrong # of entries in index by_title");
}

static void
a_unique_key_that_is_there_twice_is_found(void **state)
{
    (void)state;
    damage("DROP INDEX by_isbn; UPDATE books SET isbn = 'same';"
           "CREATE INDEX by_isbn ON books (isbn)");
    library_expect("books.by_isbn: a unique key is there twice");
}

/* Page on which a table begins. */
static int
page_of(const char *table)
{
    sqlite3_stmt *stmt = NULL;
    sqlite3 *raw = NULL;
    int page;

    assert_int_equal(sqlite3_open(library_path, &raw), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(raw, "SELECT rootpage FROM sqlite_schema WHERE name = ?1",
                                        -1, &stmt, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_bind_text(stmt, 1, table, -1, SQLITE_STATIC), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    page = sqlite3_column_int(stmt, 0);
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
    assert_int_equal(sqlite3_close(raw), SQLITE_OK);
    return page;
}

static void
overwrite_page(int number)
{
    unsigned char garbage[4096];
    FILE *file;

    memset(garbage, 0xAA, sizeof garbage);
    file = fopen(library_path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, (number - 1L) * (long)sizeof garbage, SEEK_SET), 0);
    assert_int_equal(fwrite(garbage, sizeof garbage, 1, file), 1);
    assert_int_equal(fclose(file), 0);
}

static void
a_table_that_can_not_be_read_does_not_end_the_check(void **state)
{
    (void)state;
    damage("UPDATE books SET isbn = 'thirteen byte' WHERE id = 4");
    overwrite_page(page_of("shelves"));
    library_expect("shelves: can't be read: verify rows: database disk image is malformed");
    library_expect("shelves: can't be read: verify parents: database disk image is malformed");
    library_expect("books.isbn: 13 bytes, 12 is the most");
}

static void
an_index_that_can_not_be_read_does_not_end_the_check(void **state)
{
    (void)state;
    damage("DROP INDEX at_home; UPDATE books SET title = 'same';"
           "CREATE INDEX at_home ON books (title) WHERE lent IS NULL");
    overwrite_page(page_of("by_title"));
    library_expect("books: can't be read: verify index: database disk image is malformed");
    library_expect("books.at_home: a unique key is there twice");
}

static void
a_table_that_the_catalogue_lacks_is_found(void **state)
{
    (void)state;
    damage("DELETE FROM tenon_schema WHERE table_name = 'shelves'");
    library_expect("books.book_shelf: the catalogue has no table shelves");
}

static void
a_catalogue_that_can_not_be_read_ends_the_check(void **state)
{
    (void)state;
    overwrite_page(page_of("tenon_schema"));
    library_expect_unreadable();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        LIBRARY_CASE(a_row_without_its_parent_is_found),
        LIBRARY_CASE(values_that_no_column_allows_are_found),
        LIBRARY_CASE(a_null_is_found_where_there_must_be_a_value),
        LIBRARY_CASE(a_value_of_another_type_is_found),
        LIBRARY_CASE(a_row_that_an_index_lacks_is_found),
        LIBRARY_CASE(a_unique_key_that_is_there_twice_is_found),
        LIBRARY_CASE(a_table_that_can_not_be_read_does_not_end_the_check),
        LIBRARY_CASE(an_index_that_can_not_be_read_does_not_end_the_check),
        LIBRARY_CASE(a_table_that_the_catalogue_lacks_is_found),
        LIBRARY_CASE(a_catalogue_that_can_not_be_read_ends_the_check),
    };

    return cmocka_run_group_tests_name("damage.sqlite", tests, NULL, NULL);
}

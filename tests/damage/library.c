#include "library.h"

#include <unistd.h>

enum { SHELF_ID };
enum { BOOK_ISBN, BOOK_SHELF, BOOK_TITLE, BOOK_LENT, BOOK_ID };

static const tenon_column shelf_columns[] = {
    [SHELF_ID] = { .name = "id", .type = TENON_UUID, .not_null = true },
};
static const tenon_table shelves = {
    .name = "shelves",
    .columns = shelf_columns,
    .column_count = 1,
    .primary_key = TENON_COLUMNS(SHELF_ID),
};

/* The key is at the end: there SQLite's own check sees NULLs that are none. */
static const tenon_column book_columns[] = {
    [BOOK_ISBN] = { .name = "isbn", .type = TENON_TEXT, .not_null = true, .max_bytes = 12 },
    [BOOK_SHELF] = { .name = "shelf", .type = TENON_UUID },
    [BOOK_TITLE] = { .name = "title", .type = TENON_TEXT },
    [BOOK_LENT] = { .name = "lent", .type = TENON_INT },
    [BOOK_ID] = { .name = "id", .type = TENON_INT, .not_null = true },
};
static const tenon_index book_indexes[] = {
    { .name = "by_isbn", .columns = TENON_COLUMNS(BOOK_ISBN), .unique = true },
    { .name = "by_title", .columns = TENON_COLUMNS(BOOK_TITLE) },
    { .name = "at_home",
      .columns = TENON_COLUMNS(BOOK_TITLE),
      .where = TENON_WHERE(TENON_IS_NULL(BOOK_LENT)),
      .unique = true },
};
static const tenon_foreign_key book_keys[] = {
    { .name = "book_shelf", .columns = TENON_COLUMNS(BOOK_SHELF), .references = "shelves" },
};
static const tenon_table books = {
    .name = "books",
    .columns = book_columns,
    .column_count = 5,
    .primary_key = TENON_COLUMNS(BOOK_ID),
    .indexes = book_indexes,
    .index_count = 3,
    .foreign_keys = book_keys,
    .foreign_key_count = 1,
};

static const tenon_schema library_schema = {
    .name = "library",
    .version = 1,
    .tables = (const tenon_table *const[]){ &shelves, &books },
    .table_count = 2,
};

static const tenon_query add_shelf = {
    .kind = TENON_INSERT,
    .table = &shelves,
    .columns = TENON_COLUMNS(SHELF_ID),
};
static const tenon_query add_book = {
    .kind = TENON_INSERT,
    .table = &books,
    .columns = TENON_COLUMNS(BOOK_ISBN, BOOK_SHELF, BOOK_TITLE, BOOK_LENT, BOOK_ID),
};

char library_path[64];
static char library_folder[32];

static tenon_db *
library_open(bool read_only)
{
    const tenon_open_options options = {
        .size = sizeof options,
        .schema = read_only ? NULL : &library_schema,
        .read_only = read_only,
    };
    tenon_error err = { 0 };
    tenon_db *db = NULL;
    char url[96];

    (void)snprintf(url, sizeof url, "%s:%s?durability=none", library_driver, library_path);
    if (tenon_open(url, &options, &db, &err) != TENON_OK)
        fail_msg("%s", err.message);
    return db;
}

static tenon_status
library_fill(tenon_txn *txn, void *arg, tenon_error *err)
{
    static const char *const isbns[] = { "isbn-1", "isbn-2", "isbn-3", "isbn-4" };
    static const char *const titles[] = { LIBRARY_FIRST, LIBRARY_SECOND, NULL, NULL };
    tenon_uuid shelf;
    tenon_value id = tenon_id(&shelf);
    tenon_status st;

    (void)arg;
    memset(&shelf, 7, sizeof shelf);
    st = tenon_exec(txn, &add_shelf, &id, NULL, err);
    for (int i = 0; i < 4 && st == TENON_OK; i++) {
        const tenon_value book[] = {
            [BOOK_ID] = tenon_int(i + 1),       [BOOK_SHELF] = id,
            [BOOK_ISBN] = tenon_text(isbns[i]), [BOOK_TITLE] = tenon_text(titles[i]),
            [BOOK_LENT] = tenon_null(),
        };

        st = tenon_exec(txn, &add_book, book, NULL, err);
    }
    return st;
}

int
library_setup(void **state)
{
    tenon_error err = { 0 };
    tenon_db *db;

    (void)state;
    (void)snprintf(library_folder, sizeof library_folder, "/tmp/tenon-damage-XXXXXX");
    assert_non_null(mkdtemp(library_folder));
    (void)snprintf(library_path, sizeof library_path, "%s/library", library_folder);
    db = library_open(false);
    if (tenon_run(db, NULL, library_fill, NULL, &err) != TENON_OK)
        fail_msg("%s", err.message);
    tenon_close(db);
    library_expect_none();
    return 0;
}

int
library_teardown(void **state)
{
    static const char *const suffixes[] = { "", "-wal", "-shm", "-lock" };
    char path[96];

    (void)state;
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        (void)snprintf(path, sizeof path, "%s%s", library_path, suffixes[i]);
        (void)unlink(path);
    }
    return rmdir(library_folder);
}

/* ---- What verify says ---- */

typedef struct library_search {
    const char *wanted;
    bool found;
    char all[2000];
} library_search;

static void
library_problem(void *arg, const char *where, const char *what)
{
    library_search *s = (library_search *)arg;
    const size_t len = strlen(s->all);
    char problem[400];

    (void)snprintf(problem, sizeof problem, "%s: %s", where, what);
    s->found = s->found || (s->wanted != NULL && strcmp(problem, s->wanted) == 0);
    (void)snprintf(s->all + len, sizeof s->all - len, "%s\n", problem);
}

static uint64_t
library_verify(library_search *s)
{
    tenon_db *db = library_open(true);
    tenon_error err = { 0 };
    uint64_t count = 0;

    if (tenon_db_verify(db, library_problem, s, &count, &err) != TENON_OK)
        fail_msg("%s", err.message);
    tenon_close(db);
    return count;
}

void
library_expect(const char *problem)
{
    library_search s = { .wanted = problem };
    const uint64_t count = library_verify(&s);

    if (!s.found)
        fail_msg("not found: %s\n%llu problems:\n%s", problem, (unsigned long long)count, s.all);
    assert_true(count > 0);
}

void
library_expect_unreadable(void)
{
    tenon_db *db = library_open(true);
    tenon_error err = { 0 };
    uint64_t count = 0;

    assert_int_equal(tenon_db_verify(db, NULL, NULL, &count, &err), TENON_CORRUPT);
    tenon_close(db);
}

void
library_expect_none(void)
{
    library_search s = { 0 };

    if (library_verify(&s) != 0)
        fail_msg("there should be no problem:\n%s", s.all);
}

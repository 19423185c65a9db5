/* An LMDB file, damaged with LMDB: rows and entries are found by what they hold. */
#include "library.h"

#include <lmdb.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const library_driver = "lmdb";

/* An open file, and one entry of it. */
typedef struct raw_file {
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    unsigned char key[600], value[600];
    MDB_val k, v; /* of those two */
} raw_file;

static void
raw_open(raw_file *f)
{
    memset(f, 0, sizeof *f);
    assert_int_equal(mdb_env_create(&f->env), 0);
    assert_int_equal(
        mdb_env_open(f->env, library_path, MDB_NOSUBDIR | MDB_NOTLS | MDB_NOSYNC, 0600), 0);
    assert_int_equal(mdb_txn_begin(f->env, NULL, 0, &f->txn), 0);
    assert_int_equal(mdb_dbi_open(f->txn, NULL, 0, &f->dbi), 0);
}

static void
raw_close(raw_file *f)
{
    assert_int_equal(mdb_txn_commit(f->txn), 0);
    mdb_env_close(f->env);
}

static bool
raw_holds(const MDB_val *in, const char *text)
{
    const size_t len = strlen(text);

    for (size_t at = 0; at + len <= in->mv_size; at++) {
        if (memcmp((const char *)in->mv_data + at, text, len) == 0)
            return true;
    }
    return false;
}

/* Copy the `number`th entry, from 0 on, whose key (or else whose value) holds the text. */
static void
raw_find(raw_file *f, bool in_key, const char *text, int number)
{
    MDB_cursor *cursor = NULL;
    MDB_val k, v;

    assert_int_equal(mdb_cursor_open(f->txn, f->dbi, &cursor), 0);
    for (;;) {
        if (mdb_cursor_get(cursor, &k, &v, MDB_NEXT) != 0)
            fail_msg("no entry %d holds %s", number, text);
        if (raw_holds(in_key ? &k : &v, text) && number-- == 0)
            break;
    }
    assert_true(k.mv_size <= sizeof f->key && v.mv_size <= sizeof f->value);
    memcpy(f->key, k.mv_data, k.mv_size);
    memcpy(f->value, v.mv_data, v.mv_size);
    f->k = (MDB_val){ .mv_size = k.mv_size, .mv_data = f->key };
    f->v = (MDB_val){ .mv_size = v.mv_size, .mv_data = f->value };
    mdb_cursor_close(cursor);
}

static void
raw_put(raw_file *f)
{
    assert_int_equal(mdb_put(f->txn, f->dbi, &f->k, &f->v, 0), 0);
}

static void
raw_remove(raw_file *f)
{
    assert_int_equal(mdb_del(f->txn, f->dbi, &f->k, NULL), 0);
}

static void
a_row_without_its_parent_is_found(void **state)
{
    static const char shelf[] = { 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 0 };
    raw_file f;

    (void)state;
    raw_open(&f);
    raw_find(&f, true, shelf, 0);
    raw_remove(&f);
    raw_close(&f);
    library_expect("books.book_shelf: a row refers to no row of shelves");
}

static void
a_row_that_an_index_lacks_is_found(void **state)
{
    raw_file f;

    (void)state;
    raw_open(&f);
    raw_find(&f, true, "isbn-2", 0);
    raw_remove(&f);
    raw_close(&f);
    library_expect("books.by_isbn: a row has no entry");
    library_expect("books.by_isbn: there are more or fewer entries than rows");
}

static void
an_entry_without_a_row_is_found(void **state)
{
    raw_file f;

    (void)state;
    raw_open(&f);
    raw_find(&f, true, LIBRARY_SECOND, 0); /* by_title */
    f.key[4] ^= 1;                         /* of the title, behind the number of the tree */
    raw_put(&f);
    raw_close(&f);
    library_expect("books.by_title: there are more or fewer entries than rows");
}

static void
an_entry_that_leads_to_another_row_is_found(void **state)
{
    unsigned char value[600];
    raw_file f;

    (void)state;
    raw_open(&f);
    raw_find(&f, true, "isbn-1", 0);
    memcpy(value, f.value, f.v.mv_size);
    raw_find(&f, true, "isbn-2", 0);
    assert_memory_not_equal(value, f.value, f.v.mv_size);
    memcpy(f.value, value, f.v.mv_size);
    raw_put(&f);
    raw_close(&f);
    library_expect("books.by_isbn: an entry is of another row");
}

static void
a_row_under_the_key_of_another_is_found(void **state)
{
    raw_file f;

    (void)state;
    raw_open(&f);
    raw_find(&f, false, LIBRARY_SECOND, 0);
    f.key[f.k.mv_size - 1]++; /* of the number 2 */
    raw_put(&f);
    raw_close(&f);
    library_expect("books.primary: a row is stored under another key than its own");
    library_expect("books.primary: a key is there twice, or out of order");
}

static void
a_row_that_was_cut_is_found(void **state)
{
    raw_file f;

    (void)state;
    raw_open(&f);
    raw_find(&f, false, LIBRARY_SECOND, 0);
    f.v.mv_size /= 2;
    raw_put(&f);
    raw_close(&f);
    library_expect("books: a row is not whole");
    library_expect("books: can't be read: stored data is damaged: a row is not whole");
}

static void
text_that_is_not_utf_8_is_found(void **state)
{
    raw_file f;

    (void)state;
    raw_open(&f);
    raw_find(&f, false, LIBRARY_SECOND, 0);
    for (size_t at = 0; at < f.v.mv_size; at++) {
        if (f.value[at] == 's')
            f.value[at] = 0xFF;
    }
    raw_put(&f);
    raw_close(&f);
    library_expect("books.title: text that is not UTF-8");
}

/* ---- Files that are shorter than their meta page says ---- */

/* Bytes that the file has, and the least that its meta page speaks of. */
static off_t
file_bytes(void)
{
    struct stat st;

    assert_int_equal(stat(library_path, &st), 0);
    return st.st_size;
}

static off_t
meta_bytes(void)
{
    MDB_envinfo info;
    MDB_stat tree;
    raw_file f;

    raw_open(&f);
    mdb_env_info(f.env, &info);
    mdb_env_stat(f.env, &tree);
    mdb_txn_abort(f.txn);
    mdb_env_close(f.env);
    return (off_t)((info.me_last_pgno + 1) * tree.ms_psize);
}

/* Values that take a page each. */
static void
put_pages(raw_file *f, int pages)
{
    static char page[3000];

    f->v = (MDB_val){ .mv_size = sizeof page, .mv_data = page };
    for (int i = 0; i < pages; i++) {
        f->k = (MDB_val){ .mv_size = (size_t)snprintf((char *)f->key, 32, "zzz%04d", i),
                          .mv_data = f->key };
        raw_put(f);
    }
}

/* What a transaction takes and gives back: LMDB counts these pages, and does not write them. */
static void
take_and_give_back(raw_file *f, int pages)
{
    put_pages(f, pages);
    for (int i = 0; i < pages; i++) {
        f->k.mv_size = (size_t)snprintf((char *)f->key, 32, "zzz%04d", i);
        raw_remove(f);
    }
}

/* Transactions whose pages a reader keeps from being used: each is a list of its own. After it,
 * some that use the oldest of these pages, so that the last ones of the file are free. */
static void
free_in_many_lists(raw_file *f)
{
    MDB_txn *reader = NULL;

    mdb_txn_abort(f->txn);
    assert_int_equal(mdb_txn_begin(f->env, NULL, MDB_RDONLY, &reader), 0);
    for (int i = 0; i < 610; i++) {
        if (i == 600)
            mdb_txn_abort(reader);
        assert_int_equal(mdb_txn_begin(f->env, NULL, 0, &f->txn), 0);
        take_and_give_back(f, 1);
        assert_int_equal(mdb_txn_commit(f->txn), 0);
    }
    assert_int_equal(mdb_txn_begin(f->env, NULL, 0, &f->txn), 0);
}

static tenon_status
open_file(bool read_only)
{
    const tenon_open_options options = { .size = sizeof options, .read_only = read_only };
    tenon_db *db = NULL;
    char url[96];
    tenon_status st;

    (void)snprintf(url, sizeof url, "lmdb:%s", library_path);
    st = tenon_open(url, &options, &db, NULL);
    tenon_close(db);
    return st;
}

static void
expect_free_pages_to_lack(void)
{
    const off_t bytes = file_bytes();

    assert_true(bytes < meta_bytes());
    assert_int_equal(open_file(true), TENON_OK);
    assert_int_equal(file_bytes(), bytes);
    assert_int_equal(open_file(false), TENON_OK);
    assert_int_equal(file_bytes(), meta_bytes());
    library_expect_none();
}

static void
a_file_that_lacks_free_pages_only_is_whole(void **state)
{
    static const int pages[] = { 40, 3000 }; /* the list of so many stands on pages of its own */
    raw_file f;

    (void)state;
    for (int i = 0; i < 2; i++) {
        raw_open(&f);
        take_and_give_back(&f, pages[i]);
        raw_close(&f);
        expect_free_pages_to_lack();
    }
}

static void
a_file_that_lacks_free_pages_of_many_lists_is_whole(void **state)
{
    MDB_stat lists;
    raw_file f;

    (void)state;
    raw_open(&f);
    free_in_many_lists(&f);
    assert_int_equal(mdb_stat(f.txn, 0, &lists), 0);
    assert_true(lists.ms_depth > 1);
    raw_close(&f);
    assert_int_equal(truncate(library_path, meta_bytes() - 4096), 0);
    expect_free_pages_to_lack();
}

static void
a_file_that_lacks_others_is_refused_and_left_as_it_is(void **state)
{
    raw_file f;

    (void)state;
    for (int i = 0; i < 30; i++) { /* the list moves before rows; 22 pages at the end get free */
        raw_open(&f);
        if (i == 0)
            put_pages(&f, 100);
        else if (i == 1)
            take_and_give_back(&f, 20);
        raw_find(&f, false, LIBRARY_FIRST, 0);
        raw_put(&f);
        raw_close(&f);
    }
    for (off_t bytes = file_bytes() - 26 * 4096; bytes >= 3 * 4096; bytes -= 4096) {
        assert_int_equal(truncate(library_path, bytes), 0);
        assert_int_equal(open_file(false), TENON_CORRUPT);
        assert_int_equal(file_bytes(), bytes);
        assert_int_equal(open_file(true), TENON_CORRUPT);
        assert_int_equal(file_bytes(), bytes);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        LIBRARY_CASE(a_row_without_its_parent_is_found),
        LIBRARY_CASE(a_row_that_an_index_lacks_is_found),
        LIBRARY_CASE(an_entry_without_a_row_is_found),
        LIBRARY_CASE(an_entry_that_leads_to_another_row_is_found),
        LIBRARY_CASE(a_row_under_the_key_of_another_is_found),
        LIBRARY_CASE(a_row_that_was_cut_is_found),
        LIBRARY_CASE(text_that_is_not_utf_8_is_found),
        LIBRARY_CASE(a_file_that_lacks_free_pages_only_is_whole),
        LIBRARY_CASE(a_file_that_lacks_free_pages_of_many_lists_is_whole),
        LIBRARY_CASE(a_file_that_lacks_others_is_refused_and_left_as_it_is),
    };

    return cmocka_run_group_tests_name("damage.lmdb", tests, NULL, NULL);
}

/* Folders of databases are marked, others' are left alone; a store is opened once per process, and
 * by one process where that is asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tenon/kit/posix.h"

static char folder[] = "/tmp/tenon-shared-XXXXXX";

typedef struct box {
    tenon_posix_shared shared;
    int opened;
} box;

static int boxes_open, boxes_new;
static tenon_status boxes_answer;

static tenon_status
box_open(tenon_posix_shared *shared, const tenon_drv_open *options, bool is_new, tenon_error *err)
{
    (void)options;
    assert_int_equal(((box *)shared)->opened, 0);
    ((box *)shared)->opened = 1;
    boxes_new += is_new ? 1 : 0;
    if (boxes_answer != TENON_OK)
        *err = (tenon_error){ .status = boxes_answer };
    else
        boxes_open++;
    return boxes_answer;
}

static void
box_close(tenon_posix_shared *shared)
{
    assert_int_equal(((box *)shared)->opened, 1);
    boxes_open--;
}

static tenon_posix_registry boxes = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .store_bytes = sizeof(box),
    .in_folder = true,
    .one_process = true,
    .open = box_open,
    .close = box_close,
};

static tenon_drv_open
place_of(char room[96], const char *name, bool create)
{
    (void)snprintf(room, 96, "%s/%s", folder, name);
    return (tenon_drv_open){ .size = sizeof(tenon_drv_open), .place = room, .create = create };
}

static void
touch(const char *path, const char *name)
{
    char whole[160];
    FILE *file;

    (void)snprintf(whole, sizeof whole, "%s/%s", path, name);
    file = fopen(whole, "w");
    assert_non_null(file);
    assert_int_equal(fputs("something", file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
}

static void
a_new_folder_is_its_owners_only_and_marked(void **state)
{
    char place[96], mark[128], *path;
    tenon_drv_open o = place_of(place, "new", true);
    tenon_error err = { 0 };
    struct stat st;
    bool is_new;

    (void)state;
    (void)umask(0);
    assert_int_equal(tenon_posix_find_folder(&o, &path, &st, &is_new, &err), TENON_OK);
    assert_true(is_new);
    assert_string_equal(path, place);
    assert_int_equal(st.st_mode & 0777, 0700);
    (void)snprintf(mark, sizeof mark, "%s/" TENON_POSIX_MARK, path);
    assert_int_equal(access(mark, F_OK), 0);
    free(path);
    touch(place, "data");
    o.create = false;
    assert_int_equal(tenon_posix_find_folder(&o, &path, &st, &is_new, &err), TENON_OK);
    assert_false(is_new);
    assert_true(tenon_posix_folder_bytes(path) > 0);
    free(path);
}

static void
what_is_no_folder_of_a_database_is_refused_and_left_alone(void **state)
{
    char place[96], *path;
    tenon_drv_open o = place_of(place, "theirs", true);
    tenon_error err = { 0 };
    struct stat st;
    bool is_new;

    (void)state;
    assert_int_equal(mkdir(place, 0700), 0);
    touch(place, "letter");
    assert_int_equal(tenon_posix_find_folder(&o, &path, &st, &is_new, &err), TENON_CORRUPT);
    assert_non_null(strstr(err.message, place));
    assert_null(path);
    o = place_of(place, "theirs/" TENON_POSIX_MARK, false);
    assert_int_not_equal(access(place, F_OK), 0);
    o = place_of(place, "theirs/letter", true); /* a file */
    assert_int_equal(tenon_posix_find_folder(&o, &path, &st, &is_new, &err), TENON_CORRUPT);
    o = place_of(place, "missing", false);
    assert_int_equal(tenon_posix_find_folder(&o, &path, &st, &is_new, &err), TENON_NOT_FOUND);
    assert_int_not_equal(access(place, F_OK), 0);
    o.place = "";
    assert_int_equal(tenon_posix_find_folder(&o, &path, &st, &is_new, &err), TENON_CONFIG);
}

static void
a_store_is_opened_once_and_closed_by_its_last_user(void **state)
{
    char place[96], again[96];
    tenon_drv_open o = place_of(place, "shared", true), same = place_of(again, "./shared", true);
    tenon_posix_shared *a, *b, *c;
    tenon_error err = { 0 };

    (void)state;
    boxes_new = 0;
    assert_int_equal(tenon_posix_share(&boxes, &o, &a, &err), TENON_OK);
    assert_int_equal(tenon_posix_share(&boxes, &same, &b, &err), TENON_OK);
    assert_ptr_equal(a, b);
    assert_int_equal(boxes_open, 1);
    assert_int_equal(boxes_new, 1);
    same.durability = TENON_DURABLE_NONE;
    assert_int_equal(tenon_posix_share(&boxes, &same, &c, &err), TENON_CONFIG);
    assert_null(c);
    tenon_posix_unshare(&boxes, a);
    assert_int_equal(boxes_open, 1);
    tenon_posix_unshare(&boxes, b);
    assert_int_equal(boxes_open, 0);
    tenon_posix_unshare(&boxes, NULL);
    assert_int_equal(tenon_posix_share(&boxes, &same, &c, &err), TENON_OK); /* it is free again */
    tenon_posix_unshare(&boxes, c);
}

static void
a_store_that_can_not_be_opened_is_not_kept(void **state)
{
    char place[96];
    tenon_drv_open o = place_of(place, "broken", true);
    tenon_posix_shared *store;
    tenon_error err = { 0 };

    (void)state;
    boxes_answer = TENON_CORRUPT;
    assert_int_equal(tenon_posix_share(&boxes, &o, &store, &err), TENON_CORRUPT);
    assert_null(store);
    boxes_answer = TENON_OK;
    assert_int_equal(tenon_posix_share(&boxes, &o, &store, &err), TENON_OK);
    tenon_posix_unshare(&boxes, store);
}

/* In another process: what opening says there. */
static int
status_elsewhere(const tenon_drv_open *options)
{
    pid_t child = fork();
    int status = 0;

    assert_true(child >= 0);
    if (child == 0) {
        tenon_posix_registry fresh = boxes; /* it has nothing open there */
        tenon_posix_shared *store;
        tenon_error err = { 0 };

        fresh.first = NULL;
        _exit((int)tenon_posix_share(&fresh, options, &store, &err));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void
one_process_writes_or_several_read(void **state)
{
    char place[96];
    tenon_drv_open o = place_of(place, "alone", true);
    tenon_posix_shared *store;
    tenon_error err = { 0 };

    (void)state;
    assert_int_equal(tenon_posix_share(&boxes, &o, &store, &err), TENON_OK);
    touch(place, "data");
    assert_int_equal(status_elsewhere(&o), TENON_BUSY);
    tenon_posix_unshare(&boxes, store);
    assert_int_equal(status_elsewhere(&o), TENON_OK);
    o.create = false;
    o.read_only = true;
    assert_int_equal(tenon_posix_share(&boxes, &o, &store, &err), TENON_OK);
    assert_int_equal(status_elsewhere(&o), TENON_OK);
    o.read_only = false;
    assert_int_equal(status_elsewhere(&o), TENON_BUSY);
    tenon_posix_unshare(&boxes, store);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_folder_is_its_owners_only_and_marked),
        cmocka_unit_test(what_is_no_folder_of_a_database_is_refused_and_left_alone),
        cmocka_unit_test(a_store_is_opened_once_and_closed_by_its_last_user),
        cmocka_unit_test(a_store_that_can_not_be_opened_is_not_kept),
        cmocka_unit_test(one_process_writes_or_several_read),
    };
    char command[64];
    int failed;

    if (mkdtemp(folder) == NULL)
        return EXIT_FAILURE;
    failed = cmocka_run_group_tests_name("posix.shared", tests, NULL, NULL);
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) == 0 ? failed : EXIT_FAILURE;
}

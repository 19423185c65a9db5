/* Files of databases are private, found or refused by name, and a gate lets one in alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tenon/kit/posix.h"

static char folder[] = "/tmp/tenon-posix-XXXXXX";

static tenon_drv_open
options_of(const char *place, bool create)
{
    return (tenon_drv_open){ .size = sizeof(tenon_drv_open), .place = place, .create = create };
}

static void
a_new_file_is_its_owners_only(void **state)
{
    char place[64];
    tenon_drv_open o;
    tenon_error err = { 0 };
    struct stat st;
    char *path;

    (void)state;
    (void)umask(0);
    (void)snprintf(place, sizeof place, "%s/new", folder);
    o = options_of(place, true);
    assert_int_equal(tenon_posix_find_file(&o, &path, &st, &err), TENON_OK);
    assert_string_equal(path, place);
    assert_int_equal(st.st_mode & 0777, 0600);
    free(path);
    o = options_of(place, false); /* it is there now */
    assert_int_equal(tenon_posix_find_file(&o, &path, &st, &err), TENON_OK);
    free(path);
}

static void
what_is_no_file_is_refused_by_name(void **state)
{
    char place[64];
    tenon_drv_open o;
    tenon_error err = { 0 };
    struct stat st;
    char *path;

    (void)state;
    (void)snprintf(place, sizeof place, "%s/missing", folder);
    o = options_of(place, false);
    assert_int_equal(tenon_posix_find_file(&o, &path, &st, &err), TENON_NOT_FOUND);
    assert_non_null(strstr(err.message, place));
    assert_int_equal(err.native, ENOENT);
    assert_null(path);
    o = options_of(folder, true);
    assert_int_equal(tenon_posix_find_file(&o, &path, &st, &err), TENON_CORRUPT);
    assert_non_null(strstr(err.message, folder));
    o = options_of("", true);
    assert_int_equal(tenon_posix_find_file(&o, &path, &st, &err), TENON_CONFIG);
    o = options_of("/nowhere/at/all", true);
    assert_int_equal(tenon_posix_find_file(&o, &path, &st, &err), TENON_NOT_FOUND);
}

/* To close a descriptor of a file gives up the process's locks on it. */
static void
finding_a_file_keeps_the_locks_on_it(void **state)
{
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET }, seen = whole;
    char place[64];
    tenon_error err = { 0 };
    tenon_drv_open o;
    struct stat st;
    char *path;
    int fd, pipes[2];
    pid_t child;

    (void)state;
    (void)snprintf(place, sizeof place, "%s/locked", folder);
    fd = open(place, O_RDWR | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_SETLK, &whole), 0);
    o = options_of(place, true);
    assert_int_equal(tenon_posix_find_file(&o, &path, &st, &err), TENON_OK);
    free(path);
    assert_int_equal(pipe(pipes), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) { /* another process must still meet the lock */
        (void)fcntl(fd, F_GETLK, &seen);
        _exit(write(pipes[1], &seen.l_type, sizeof seen.l_type) > 0 ? 0 : 1);
    }
    assert_int_equal(read(pipes[0], &seen.l_type, sizeof seen.l_type), sizeof seen.l_type);
    assert_int_equal(seen.l_type, F_WRLCK);
    close(pipes[0]);
    close(pipes[1]);
    close(fd);
}

static void
parameters_are_numbers_within_their_limits(void **state)
{
    static const char *const wrong[] = { "", "-1", "x", "5x", "4", "101", "99999999999999999999" };
    uint64_t number = 1;
    const tenon_posix_param known = { "n", &number, 5, 100 };
    tenon_drv_param given = { "n", "77" };
    tenon_drv_open o = options_of("x", false);
    tenon_error err = { 0 };

    (void)state;
    o.params = &given;
    o.param_count = 1;
    assert_int_equal(tenon_posix_read_params(&o, &known, 1, &err), TENON_OK);
    assert_int_equal(number, 77);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        given.value = wrong[i];
        assert_int_equal(tenon_posix_read_params(&o, &known, 1, &err), TENON_CONFIG);
        assert_string_equal(err.object, "n");
        assert_int_equal(number, 77);
    }
    given.key = "m";
    assert_int_equal(tenon_posix_read_params(&o, &known, 1, &err), TENON_CONFIG);
    assert_string_equal(err.object, "m");
}

static void
sizes_are_of_blocks(void **state)
{
    char place[64];
    FILE *file;

    (void)state;
    (void)snprintf(place, sizeof place, "%s/size", folder);
    assert_int_equal(tenon_posix_disk_bytes(place, "-log"), 0);
    (void)snprintf(place, sizeof place, "%s/size-log", folder);
    file = fopen(place, "w");
    assert_non_null(file);
    for (int i = 0; i < 10000; i++)
        (void)fputs("0123456789", file);
    (void)fclose(file);
    (void)snprintf(place, sizeof place, "%s/size", folder);
    assert_true(tenon_posix_disk_bytes(place, "-log") >= 100000);
    assert_int_equal(tenon_posix_disk_bytes(place, "-log") % 512, 0);
}

/* ---- The gate ---- */

typedef struct visitors {
    tenon_gate gate;
    atomic_int inside, alone, seen_together;
} visitors;

static void *
visit(void *arg)
{
    visitors *v = arg;

    for (int i = 0; i < 2000; i++) {
        assert_true(tenon_gate_enter(&v->gate, UINT64_MAX));
        atomic_fetch_add(&v->inside, 1);
        if (atomic_load(&v->alone) > 0)
            atomic_store(&v->seen_together, 1);
        atomic_fetch_sub(&v->inside, 1);
        tenon_gate_leave(&v->gate);
    }
    return NULL;
}

static void *
visit_alone(void *arg)
{
    visitors *v = arg;

    for (int i = 0; i < 500; i++) {
        assert_true(tenon_gate_close(&v->gate, UINT64_MAX));
        if (atomic_fetch_add(&v->alone, 1) != 0 || atomic_load(&v->inside) != 0)
            atomic_store(&v->seen_together, 1);
        atomic_fetch_sub(&v->alone, 1);
        tenon_gate_open(&v->gate);
    }
    return NULL;
}

static void
who_has_the_gate_alone_meets_nobody(void **state)
{
    visitors v = { .inside = 0 };
    pthread_t threads[5];

    (void)state;
    tenon_gate_init(&v.gate);
    for (int i = 0; i < 5; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i < 3 ? visit : visit_alone, &v), 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(v.seen_together, 0);
    tenon_gate_fini(&v.gate);
}

static void
who_waits_at_the_gate_gives_up_at_the_deadline(void **state)
{
    struct timespec now;
    uint64_t soon_ns;
    tenon_gate gate;

    (void)state;
    tenon_gate_init(&gate);
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    soon_ns = (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec + 1000000U;
    assert_true(tenon_gate_enter(&gate, UINT64_MAX));
    assert_false(tenon_gate_close(&gate, soon_ns)); /* somebody is inside */
    assert_true(tenon_gate_enter(&gate, soon_ns));  /* and the gate is open again */
    tenon_gate_leave(&gate);
    tenon_gate_leave(&gate);
    assert_true(tenon_gate_close(&gate, UINT64_MAX));
    assert_false(tenon_gate_enter(&gate, soon_ns));
    assert_false(tenon_gate_close(&gate, soon_ns));
    tenon_gate_open(&gate);
    assert_true(tenon_gate_enter(&gate, soon_ns));
    tenon_gate_leave(&gate);
    tenon_gate_fini(&gate);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_file_is_its_owners_only),
        cmocka_unit_test(what_is_no_file_is_refused_by_name),
        cmocka_unit_test(finding_a_file_keeps_the_locks_on_it),
        cmocka_unit_test(parameters_are_numbers_within_their_limits),
        cmocka_unit_test(sizes_are_of_blocks),
        cmocka_unit_test(who_has_the_gate_alone_meets_nobody),
        cmocka_unit_test(who_waits_at_the_gate_gives_up_at_the_deadline),
    };
    char command[64];
    int failed;

    if (mkdtemp(folder) == NULL)
        return EXIT_FAILURE;
    failed = cmocka_run_group_tests_name("posix", tests, NULL, NULL);
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) == 0 ? failed : EXIT_FAILURE;
}

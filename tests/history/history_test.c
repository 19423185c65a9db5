/* history_test FOLDER: each history in the folder holds the anomalies that its name says, and no
 * others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "check/history/check.h"

#define TEST_NAMES 256

static const char *test_folder;

/* The anomalies of a report as a name of a file says them: "wrong-total+overdrawn". */
static void
test_name(const history_report *report, char *out, size_t out_bytes)
{
    size_t len = 0;

    (void)snprintf(out, out_bytes, "none");
    for (int i = 0; i < HISTORY_ANOMALY_COUNT; i++)
        if (report->found[i].count > 0)
            len += (size_t)snprintf(out + len, out_bytes - len, "%s%s", len > 0 ? "+" : "",
                                    history_anomaly_name((history_anomaly)i));
}

static history *
test_load(const char *path)
{
    char message[HISTORY_MESSAGE_BYTES];
    FILE *in = fopen(path, "r");
    history *h = history_new();

    assert_non_null(in);
    assert_non_null(h);
    if (!history_load(in, h, message))
        fail_msg("%s: %s", path, message);
    (void)fclose(in);
    return h;
}

static history_report *
test_check(const history *h, const char *what)
{
    char message[HISTORY_MESSAGE_BYTES];
    history_report *report = NULL;

    if (!history_check(h, &report, message))
        fail_msg("%s: %s", what, message);
    return report;
}

/* @return 0, or 1 where something else was found */
static int
test_seeded(const char *name)
{
    const size_t wanted = strcspn(name, ".");
    char path[1024], found[512];
    history *h;
    history_report *report;
    int wrong;

    (void)snprintf(path, sizeof path, "%s/%s", test_folder, name);
    h = test_load(path);
    report = test_check(h, name);
    test_name(report, found, sizeof found);
    wrong = strlen(found) != wanted || memcmp(found, name, wanted) != 0;
    if (wrong) {
        print_error("%s: found %s\n", name, found);
        history_report_print(report, HISTORY_STRICT, stderr);
    }
    history_report_free(report);
    history_free(h);
    return wrong;
}

static void
each_seeded_anomaly_is_found_by_name(void **state)
{
    DIR *dir = opendir(test_folder);
    struct dirent *entry;
    int wrong = 0, count = 0;

    (void)state;
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (strstr(entry->d_name, ".jsonl") == NULL)
            continue;
        wrong += test_seeded(entry->d_name);
        count++;
    }
    (void)closedir(dir);
    print_message("%d histories\n", count);
    assert_true(count > 0);
    assert_int_equal(wrong, 0);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_seeded_anomaly_is_found_by_name),
    };

    if (argc != 2)
        return 2;
    test_folder = argv[1];
    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}

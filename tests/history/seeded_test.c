/* seeded_test FOLDER: each history in the folder holds the anomalies that its name says, and no
 * others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "random.h"

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

/* ---- Files that are none ---- */

/* Read a text as a file. @return what history_load said, "" where it took it; static */
static const char *
test_refusal(const char *text)
{
    static char message[HISTORY_MESSAGE_BYTES];
    history *h = history_new();
    FILE *file = tmpfile();

    assert_non_null(h);
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    rewind(file);
    message[0] = '\0';
    (void)history_load(file, h, message);
    (void)fclose(file);
    history_free(h);
    return message;
}

#define HEAD "{\"tenon_history\":1}\n"
#define TXN(ops) HEAD "{\"process\":0,\"begin\":1,\"end\":2,\"outcome\":\"ok\",\"ops\":[" ops "]}\n"

static void
what_is_no_history_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *text, *refusal;
    } files[] = {
        { HEAD, "" },
        { "", "line 1: no history: the file is empty" },
        { "{}\n", "line 1: no history: " },
        { "[]\n", "line 1: no history: " },
        { "{\"tenon_history\":2}\n", "line 1: a history of version 2" },
        { "{\"tenon_history\":1,\"colour\":1}\n", "line 1: no history: " },
        { "{\"tenon_history\":1,\"level\":\"none\"}\n", "line 1: there is no level \"none\"" },
        { "{\"tenon_history\":1,\"accounts\":3}\n", "line 1: \"accounts\" is an even number" },
        { HEAD "{\"process\":0", "line 2: no JSON: " },
        { HEAD "{\"process\":0}\n", "line 2: no transaction: " },
        { HEAD "{\"process\":0,\"begin\":1,\"outcome\":\"ok\",\"ops\":[]}",
          "line 2: \"end\" is missing" },
        { HEAD "{\"process\":0,\"begin\":1,\"outcome\":\"unknown\",\"ops\":[]}", "" },
        { HEAD "{\"process\":0,\"begin\":3,\"end\":2,\"outcome\":\"ok\",\"ops\":[]}",
          "line 2: the transaction ends before it begins" },
        { HEAD "{\"process\":-1,\"begin\":1,\"end\":2,\"outcome\":\"ok\",\"ops\":[]}",
          "line 2: the process is a number" },
        { HEAD "{\"process\":0,\"begin\":1,\"end\":2,\"outcome\":\"good\",\"ops\":[]}",
          "line 2: the outcome is \"ok\", \"failed\" or \"unknown\", not \"good\"" },
        { HEAD "{\"process\":0,\"begin\":1,\"end\":2,\"outcome\":\"ok\",\"ops\":{}}",
          "line 2: \"ops\" is no array" },
        { TXN("7"), "line 2: an operation is an array" },
        { TXN("[]"), "line 2: an operation is an array" },
        { TXN("[\"drop\",1]"), "line 2: there is no operation \"drop\"" },
        { TXN("[\"append\",1]"), "line 2: \"append\" has 2 parts, not 3" },
        { TXN("[\"append\",1,\"x\"]"), "line 2: part 3 of \"append\" is no integer" },
        { TXN("[\"append\",1,99999999999999999999]"), "line 2: no JSON: too big integer" },
        { TXN("[\"read\",1,null]"), "line 2: what was read is no array" },
        { TXN("[\"read\",1,[1,2.5]]"), "line 2: element 2 of what was read is no integer" },
        { TXN("[\"scan\",1,0,[]]"), "line 2: the range of a \"scan\" ends before" },
        { TXN("[\"scan\",1,2,[[3,[]]]]"), "line 2: a \"scan\" found key 3, which is not" },
        { TXN("[\"scan\",1,2,[[1]]]"), "line 2: what a \"scan\" found is no list" },
        { TXN("[\"transfer\",0,1,5]"), "line 2: there is no account 0" },
        { TXN("[\"balances\",[]]"), "line 2: \"balances\" of 0 accounts" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        const char *refusal = test_refusal(files[i].text);

        if (strncmp(refusal, files[i].refusal, strlen(files[i].refusal)) != 0 ||
            (files[i].refusal[0] == '\0') != (refusal[0] == '\0'))
            fail_msg("%s: '%s', not '%s'", files[i].text, refusal, files[i].refusal);
    }
}

/* What can't be a record of what happened. */
static void
what_contradicts_itself_is_not_checked(void **state)
{
    char message[HISTORY_MESSAGE_BYTES];
    history_report *report = NULL;
    history *h = history_new();

    (void)state;
    assert_non_null(h);
    history_begin(h, 0, 0);
    history_append(h, 1, 5);
    history_end(h, HISTORY_OK, 10);
    history_begin(h, 0, 9);
    history_end(h, HISTORY_OK, 20);
    assert_false(history_check(h, &report, message));
    assert_null(report);
    assert_string_equal(message, "T2 of process 0 begins before its T1 ends");
    h->txns[1].begin_ns = 10;
    history_append(h, 1, 5);
    assert_false(history_check(h, &report, message));
    assert_string_equal(message, "T1 and T2 both append 5 to key 1: each element must be new");
    h->ops[1] = (history_op){ .kind = HISTORY_SCAN, .key = 0, .to = 9, .count = 1 };
    assert_false(history_check(h, &report, message));
    assert_string_equal(message, "T2: what a scan found does not follow it");
    history_free(h);
}

/* Write a seeded history, and read it again: nothing is lost. */
static void
what_is_written_is_read_again(void **state)
{
    static const char *const names[] = { "none.scan.jsonl", "none.bank.jsonl",
                                         "G-single.unknown-seen.jsonl" };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[1024], message[HISTORY_MESSAGE_BYTES];
        char *texts[2] = { NULL, NULL };
        size_t bytes[2];
        history *h;

        (void)snprintf(path, sizeof path, "%s/%s", test_folder, names[i]);
        h = test_load(path);
        for (int round = 0; round < 2; round++) {
            FILE *file = open_memstream(&texts[round], &bytes[round]);

            assert_non_null(file);
            assert_true(history_save(h, file));
            (void)fclose(file);
            history_free(h);
            h = history_new();
            file = fmemopen(texts[round], bytes[round], "r");
            assert_non_null(file);
            if (!history_load(file, h, message))
                fail_msg("%s", message);
            (void)fclose(file);
        }
        assert_true(h->op_count > 0);
        assert_string_equal(texts[0], texts[1]);
        history_free(h);
        free(texts[0]);
        free(texts[1]);
    }
}

/* ---- Damage ---- */

#define DAMAGES 100 /* of each file */

/* Change a byte, or take some away. @return bytes left */
static size_t
test_damage(random_state *r, char *text, size_t bytes)
{
    static const char likely[] = "0123456789-,:[]{}\"\n e";
    const size_t at = random_below(r, (uint32_t)bytes);
    size_t gone;

    switch (random_below(r, 3)) {
    case 0:
        text[at] = (char)random_below(r, 256);
        return bytes;
    case 1:
        text[at] = likely[random_below(r, sizeof likely - 1)];
        return bytes;
    default:
        gone = 1 + random_below(r, 20);
        gone = gone < bytes - at ? gone : bytes - at;
        memmove(text + at, text + at + gone, bytes - at - gone);
        return bytes - gone;
    }
}

/* Read and check what may be nothing of the kind. */
static void
test_take(char *text, size_t bytes)
{
    char message[HISTORY_MESSAGE_BYTES];
    FILE *in = fmemopen(text, bytes, "r"), *out = fopen("/dev/null", "w");
    history *h = history_new();
    history_report *report = NULL;

    assert_non_null(in);
    assert_non_null(out);
    assert_non_null(h);
    if (history_load(in, h, message) && history_check(h, &report, message))
        history_report_print(report, HISTORY_STRICT, out);
    history_report_free(report);
    history_free(h);
    (void)fclose(in);
    (void)fclose(out);
}

static void
test_damage_file(random_state *r, const char *name)
{
    char path[1024], text[4096], copy[4096];
    size_t bytes;
    FILE *in;

    (void)snprintf(path, sizeof path, "%s/%s", test_folder, name);
    in = fopen(path, "r");
    assert_non_null(in);
    bytes = fread(text, 1, sizeof text, in);
    (void)fclose(in);
    assert_true(bytes < sizeof text);
    for (int i = 0; i < DAMAGES; i++) {
        size_t left = bytes;

        memcpy(copy, text, bytes);
        for (uint32_t n = 1 + random_below(r, 3); n > 0 && left > 1; n--)
            left = test_damage(r, copy, left);
        if (left > 0)
            test_take(copy, left);
    }
}

static void
damaged_files_do_no_harm(void **state)
{
    random_state r = { .n = (uint64_t)time(NULL) };
    DIR *dir = opendir(test_folder);
    struct dirent *entry;

    (void)state;
    assert_non_null(dir);
    print_message("seed %llu\n", (unsigned long long)r.n);
    while ((entry = readdir(dir)) != NULL)
        if (strstr(entry->d_name, ".jsonl") != NULL)
            test_damage_file(&r, entry->d_name);
    (void)closedir(dir);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_seeded_anomaly_is_found_by_name),
        cmocka_unit_test(what_is_no_history_is_refused_with_its_line),
        cmocka_unit_test(what_contradicts_itself_is_not_checked),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(damaged_files_do_no_harm),
    };

    if (argc != 2)
        return 2;
    test_folder = argv[1];
    return cmocka_run_group_tests_name("history.seeded", tests, NULL, NULL);
}

/*
 * The truth after a fault: faults SHIM URL ROUNDS.
 *
 * A child commits a transaction with an idempotency key while one of its system calls is spoilt;
 * each call of the commit in turn, in each of several ways. Afterwards, in another process, the key
 * must tell what became of the transaction, all of it or nothing of it must be there, and what the
 * child was told must be so.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim.h"
#include "tenon/tenon.h"

#define FAULTS_MOST_CALLS 200
#define FAULTS_ROUNDS 10 /* on one database: what is stored makes each check longer */
#define FAULTS_BODY_BYTES 30000

enum { DOC_ID, DOC_N, DOC_BODY };

static const tenon_column doc_columns[] = {
    [DOC_ID] = { .name = "id", .type = TENON_INT, .not_null = true },
    [DOC_N] = { .name = "n", .type = TENON_INT, .not_null = true },
    [DOC_BODY] = { .name = "body", .type = TENON_BLOB },
};
static const tenon_index doc_indexes[] = { { .name = "doc_by_n",
                                             .columns = TENON_COLUMNS(DOC_N) } };
static const tenon_table doc_table = { .name = "doc",
                                       .columns = doc_columns,
                                       .column_count = 3,
                                       .primary_key = TENON_COLUMNS(DOC_ID),
                                       .indexes = doc_indexes,
                                       .index_count = 1 };
static const tenon_table *const doc_tables[] = { &doc_table };
static const tenon_schema doc_schema = {
    .name = "docs", .version = 1, .tables = doc_tables, .table_count = 1
};
static const tenon_query doc_insert = { .name = "insert",
                                        .kind = TENON_INSERT,
                                        .table = &doc_table,
                                        .columns = TENON_COLUMNS(DOC_ID, DOC_N, DOC_BODY) };
static const tenon_query doc_add = { .name = "add",
                                     .kind = TENON_UPDATE,
                                     .table = &doc_table,
                                     .set = TENON_SET(TENON_PLUS(DOC_N, 1)),
                                     .where = TENON_WHERE(TENON_EQ(DOC_ID, 0)) };
static const tenon_query doc_get = { .name = "get",
                                     .kind = TENON_SELECT,
                                     .table = &doc_table,
                                     .columns = TENON_COLUMNS(DOC_N, DOC_BODY),
                                     .where = TENON_WHERE(TENON_EQ(DOC_ID, 0)) };

static unsigned char faults_body[FAULTS_BODY_BYTES];

__attribute__((noreturn)) static void
faults_fail(const char *what, tenon_status st, const tenon_error *err)
{
    (void)fprintf(stderr, "faults: %s: %s: %s\n", what, tenon_status_name(st), err->message);
    exit(1);
}

static tenon_db *
faults_open(const char *url)
{
    const tenon_open_options o = { .size = sizeof o,
                                   .schema = &doc_schema,
                                   .min_connections = UINT32_MAX,
                                   .breaker_failures = UINT32_MAX };
    tenon_error err = { 0 };
    tenon_db *db;
    tenon_status st = tenon_open(url, &o, &db, &err);

    if (st != TENON_OK)
        faults_fail("open", st, &err);
    return db;
}

static void
faults_key(char out[32], long run)
{
    (void)snprintf(out, 32, "run %ld", run);
}

/* Two rows and a counter: all of it or nothing. */
static tenon_status
faults_work(tenon_txn *txn, void *arg, tenon_error *err)
{
    const long run = *(const long *)arg;
    const tenon_value row[] = { tenon_int(run), tenon_int(run),
                                tenon_blob(faults_body, sizeof faults_body) };
    const tenon_value counter[] = { tenon_int(0), tenon_int(1) };
    uint64_t affected;
    tenon_status st = tenon_exec(txn, &doc_insert, row, &affected, err);

    if (st == TENON_OK)
        st = tenon_exec(txn, &doc_add, counter, &affected, err);
    return st;
}

/* ---- The child ---- */

typedef struct faults_answer {
    int32_t status;
    int32_t fired;
} faults_answer;

static int
faults_child(const char *url, int what, int n, long run)
{
    void (*arm)(int, int);
    int (*has_fired)(void);
    void *arm_symbol = dlsym(NULL, "shim_arm"), *fired_symbol = dlsym(NULL, "shim_has_fired");
    tenon_txn_options keyed = { .size = sizeof keyed, .timeout_ms = 5000 };
    faults_answer answer;
    tenon_error err = { 0 };
    uint32_t state;
    char key[32];
    tenon_db *db;

    if (arm_symbol == NULL || fired_symbol == NULL)
        return 3;
    memcpy(&arm, &arm_symbol, sizeof arm);
    memcpy(&has_fired, &fired_symbol, sizeof has_fired);
    faults_key(key, run);
    keyed.idempotency_key = key;
    db = faults_open(url);
    if (tenon_txn_resolve(db, key, 0, &state, &err) != TENON_OK) /* warm: what a first call makes */
        return 3;
    arm(n, what);
    answer.status = tenon_run(db, &keyed, faults_work, &run, &err);
    answer.fired = has_fired();
    arm(0, SHIM_NOTHING);
    if (write(STDOUT_FILENO, &answer, sizeof answer) != (ssize_t)sizeof answer)
        return 3;
    tenon_close(db);
    return 0;
}

/* ---- The parent ---- */

typedef struct faults_counts {
    int runs, committed, rolled_back, told_ok, told_failure, told_unknown, told_nothing;
} faults_counts;

static faults_counts faults_seen[SHIM_WHATS];

static bool
faults_spawn(const char *self, const char *shim, const char *url, int what, int n, long run,
             faults_answer *answer)
{
    char what_text[16], n_text[16], run_text[24];
    int pipes[2], status = 0;
    size_t got = 0;
    ssize_t more;
    pid_t pid;

    (void)snprintf(what_text, sizeof what_text, "%d", what);
    (void)snprintf(n_text, sizeof n_text, "%d", n);
    (void)snprintf(run_text, sizeof run_text, "%ld", run);
    if (pipe(pipes) != 0)
        exit(2);
    pid = fork();
    if (pid == 0) {
        (void)setenv("LD_PRELOAD", shim, 1);
        (void)dup2(pipes[1], STDOUT_FILENO);
        (void)close(pipes[0]);
        (void)close(pipes[1]);
        (void)execl(self, self, "--child", url, what_text, n_text, run_text, (char *)NULL);
        _exit(127);
    }
    (void)close(pipes[1]);
    while (got < sizeof *answer &&
           (more = read(pipes[0], (char *)answer + got, sizeof *answer - got)) > 0)
        got += (size_t)more;
    (void)close(pipes[0]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0) {
        (void)fprintf(stderr, "faults: the child ended with %d\n", WEXITSTATUS(status));
        exit(1);
    }
    return got == sizeof *answer;
}

static tenon_status
faults_look(tenon_txn *txn, void *arg, tenon_error *err)
{
    long *run = arg;
    const tenon_value id[] = { tenon_int(*run) }, zero[] = { tenon_int(0) };
    const tenon_value *row;
    tenon_status st = tenon_fetch(txn, &doc_get, id, &row, err);

    if (st != TENON_OK && st != TENON_NOT_FOUND)
        return st;
    run[1] = st == TENON_OK;
    if (run[1] != 0 && (row[1].len != FAULTS_BODY_BYTES || row[0].as.i != *run))
        run[1] = -1;
    st = tenon_fetch(txn, &doc_get, zero, &row, err);
    if (st == TENON_OK)
        run[2] = (long)row[0].as.i;
    return st;
}

/* What is there after run `run` of which `before` were committed. @return whether it is */
static bool
faults_check(const char *url, long run, long before, const char *what)
{
    const tenon_txn_options reading = { .size = sizeof reading, .read_only = true };
    tenon_db *db = faults_open(url);
    long seen[3] = { run, 0, 0 };
    tenon_error err = { 0 };
    uint64_t problems = 0;
    uint32_t state;
    char key[32];
    tenon_status st;

    faults_key(key, run);
    st = tenon_txn_resolve(db, key, 0, &state, &err);
    if (st == TENON_OK)
        st = tenon_run(db, &reading, faults_look, seen, &err);
    if (st == TENON_OK)
        st = tenon_db_verify(db, NULL, NULL, &problems, &err);
    if (st != TENON_OK)
        faults_fail(what, st, &err);
    if (problems != 0 || seen[1] != (state == TENON_TXN_COMMITTED) ||
        seen[2] != before + (state == TENON_TXN_COMMITTED)) {
        (void)fprintf(
            stderr,
            "faults: %s: the key says %u, the row %ld, the counter %ld of %ld, %llu problems\n",
            what, state, seen[1], seen[2], before, (unsigned long long)problems);
        exit(1);
    }
    tenon_close(db);
    return state == TENON_TXN_COMMITTED;
}

/* One run. @return whether a call was spoilt */
static bool
faults_once(const char *self, const char *shim, const char *url, int what, int n, long run,
            long *committed)
{
    faults_counts *seen = &faults_seen[what];
    faults_answer answer = { .fired = 1 };
    const bool answered = faults_spawn(self, shim, url, what, n, run, &answer);
    char text[64];
    bool there;

    (void)snprintf(text, sizeof text, "run %ld, way %d, call %d", run, what, n);
    there = faults_check(url, run, *committed, text);
    *committed += there;
    if (answered && answer.fired == 0) {
        if (answer.status != TENON_OK || !there)
            faults_fail(text, answer.status, &(tenon_error){ .message = "without any fault" });
        return false;
    }
    seen->runs++;
    seen->committed += there;
    seen->rolled_back += !there;
    seen->told_nothing += !answered;
    seen->told_ok += answered && answer.status == TENON_OK;
    seen->told_unknown += answered && answer.status == TENON_UNKNOWN_OUTCOME;
    seen->told_failure += answered && answer.status != TENON_OK &&
                          answer.status != TENON_UNKNOWN_OUTCOME;
    if (answered && answer.status == TENON_OK && !there)
        faults_fail(text, answer.status,
                    &(tenon_error){ .message = "an acknowledged commit is lost" });
    if (answered && answer.status != TENON_OK && answer.status != TENON_UNKNOWN_OUTCOME && there)
        faults_fail(text, answer.status,
                    &(tenon_error){ .message = "told a failure, and committed" });
    return true;
}

static tenon_status
faults_zero(tenon_txn *txn, void *arg, tenon_error *err)
{
    const tenon_value row[] = { tenon_int(0), tenon_int(0), tenon_null() };

    (void)arg;
    return tenon_exec(txn, &doc_insert, row, NULL, err);
}

static void
faults_show(const char *url)
{
    static const char *const names[] = { "",
                                         "killed before",
                                         "killed inside",
                                         "killed after",
                                         "failed with EIO",
                                         "failed with ENOSPC" };

    for (int what = 1; what < SHIM_WHATS; what++) {
        const faults_counts *c = &faults_seen[what];

        (void)printf(
            "%.6s: %-18s %4d runs: %d committed, %d rolled back; told OK %d, a failure %d, "
            "unknown %d, nothing %d\n",
            url, names[what], c->runs, c->committed, c->rolled_back, c->told_ok, c->told_failure,
            c->told_unknown, c->told_nothing);
    }
}

static void
faults_begin(const char *url)
{
    tenon_db *db = faults_open(url);
    tenon_error err = { 0 };

    if (tenon_run(db, NULL, faults_zero, NULL, &err) != TENON_OK)
        faults_fail("set up", err.status, &err);
    tenon_close(db);
}

/* Each kind of fault at each call of a commit. */
static void
faults_round(const char *self, const char *shim, const char *url, long *run, long *committed)
{
    for (int what = 1; what < SHIM_WHATS; what++) {
        int n = 1;

        while (faults_once(self, shim, url, what, n, (*run)++, committed)) {
            if (++n > FAULTS_MOST_CALLS) {
                (void)fprintf(stderr, "faults: a commit of %d calls\n", n);
                exit(1);
            }
        }
    }
}

int
main(int argc, char **argv)
{
    char folder[] = "/tmp/tenon-faults-XXXXXX", url[256], command[64];
    const char *at;
    long run = 1, committed = 0;

    if (argc == 6 && strcmp(argv[1], "--child") == 0)
        return faults_child(argv[2], atoi(argv[3]), atoi(argv[4]), atol(argv[5]));
    if (argc != 4 || (at = strstr(argv[2], "@DIR@")) == NULL) {
        (void)fprintf(stderr, "usage: %s SHIM URL-WITH-@DIR@ ROUNDS\n", argv[0]);
        return 2;
    }
    if (mkdtemp(folder) == NULL)
        return 2;
    (void)snprintf(url, sizeof url, "%.*s%s%s", (int)(at - argv[2]), argv[2], folder, at + 5);
    for (int round = 0; round < atoi(argv[3]); round++) {
        if (round % FAULTS_ROUNDS == 0) {
            (void)snprintf(command, sizeof command, "rm -rf %s/*", folder);
            if (system(command) != 0)
                return 1;
            faults_begin(url);
            committed = 0;
        }
        faults_round(argv[0], argv[1], url, &run, &committed);
    }
    faults_show(url);
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) == 0 ? 0 : 1;
}

/* What durability=power means, seen by the flushes that the engine asks the system for. */
#include "check/conf.h"

#include <pthread.h>

#include "flushes.h"

#define COMMITS 20
#define THREADS 4

static void
durability_open(conf *c)
{
    const tenon_open_options options = { .size = sizeof options, .schema = &item_schema };

    NEEDS(TENON_CAP_PERSISTENT);
    NEEDS(TENON_CAP_DURABLE_POWER);
    if (!conf_has_files())
        SKIP("its files, and so its flushes, are a server's");
    if (strstr(c->url, "durability=") != NULL)
        SKIP("the URL says which durability");
    OK(c, conf_try_open(c, "durability=power", &options));
    CHECK_INT(tenon_db_durability(c->db), TENON_DURABLE_POWER);
}

/* Between a commit's call and its answer something is flushed. */
static void
durability_each_commit(conf *c)
{
    durability_open(c);
    for (int64_t id = 1; id <= COMMITS; id++) {
        uint64_t before;

        BEGIN(c);
        ITEM(c, id, id);
        before = flushes();
        COMMIT(c);
        if (flushes() == before)
            conf_failed(CONF_HERE, "commit flushes before it answers (durability=power)",
                        "no fsync, fdatasync, msync or O_DSYNC write in commit %lld",
                        (long long)id);
    }
}

/* A member of a group: its commit is another one's, but lies between its call and its answer, too.
 */
typedef struct durability_job {
    tenon_db *db;
    pthread_t thread;
    int64_t id;
    tenon_status status;
    int unflushed;
} durability_job;

static tenon_status
durability_insert(tenon_txn *txn, void *arg, tenon_error *err)
{
    const durability_job *job = arg;

    return tenon_exec(txn, &item_insert, P(I(job->id), I(0), NIL), NULL, err);
}

static void *
durability_body(void *arg)
{
    static const tenon_txn_options patient = { .size = sizeof patient, .timeout_ms = 60000 };
    durability_job *job = arg;

    for (int i = 0; i < COMMITS && job->status == TENON_OK; i++, job->id++) {
        const uint64_t before = flushes();

        do
            job->status = tenon_run(job->db, &patient, durability_insert, job, NULL);
        while (tenon_status_retryable(job->status));
        job->unflushed += flushes() == before;
    }
    return NULL;
}

static void
durability_of_many_writers(conf *c)
{
    durability_job jobs[THREADS];

    durability_open(c);
    for (int i = 0; i < THREADS; i++) {
        jobs[i] = (durability_job){ .db = c->db, .id = INT64_C(1000) * (i + 1) };
        CHECK_INT(pthread_create(&jobs[i].thread, NULL, durability_body, &jobs[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK_INT(pthread_join(jobs[i].thread, NULL), 0);
        CHECK_STATUS(jobs[i].status, TENON_OK);
        if (jobs[i].unflushed > 0)
            conf_failed(CONF_HERE, "each commit is flushed before it is answered",
                        "%d of %d were answered without a flush", jobs[i].unflushed, COMMITS);
    }
}

static const conf_case durability_cases[] = {
    CASE(durability_each_commit, "at durability=power a commit is flushed before it is answered"),
    CASE(durability_of_many_writers,
         "at durability=power the commits of many writers are flushed before they are answered"),
};

CONF_GROUP(durability, "durability",
           "TENON_CAP_DURABLE_POWER promises that a commit survives a power cut: the engine must "
           "flush its log, or its data, before transaction.commit returns.");

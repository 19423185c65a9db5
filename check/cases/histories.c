/* Many threads on few rows: what they have read and written, together, must be what the level
 * allows. */
#include <stdlib.h>

#include "check/conf.h"
#include "check/history/check.h"
#include "check/history/workload.h"

/* Milliseconds of a run, by the effort. */
static uint32_t
histories_time_ms(void)
{
    return conf_effort() == CONF_FULL ? 20000 : conf_effort() == CONF_NORMAL ? 2000 : 400;
}

/* Why it is an anomaly, as the text of a failure: a line for each edge, with "; " between. What
 * does not fit is left out. */
static void
histories_text(const history_report *report, history_anomaly anomaly, char *out, size_t out_bytes)
{
    const history_finding *found = &report->found[anomaly];
    size_t len = (size_t)snprintf(out, out_bytes, "%s (seed %llu): ", history_anomaly_name(anomaly),
                                  (unsigned long long)conf_seed());

    for (const char *at = found->text + found->why; *at != '\0' && len + 3 < out_bytes; at++) {
        if (*at != '\n') {
            out[len++] = *at;
        } else if (at[1] != '\0') {
            out[len++] = ';';
            out[len++] = ' ';
        }
    }
    out[len] = '\0';
}

/* @return the report of a history, which the case frees at its end: it is a process */
static history_report *
histories_run(conf *c, uint32_t isolation)
{
    const workload w = {
        .db = c->db, .isolation = isolation, .time_ms = histories_time_ms(), .seed = conf_seed()
    };
    char message[HISTORY_MESSAGE_BYTES];
    history *h = history_new();
    history_report *report = NULL;

    CHECK(h != NULL);
    OK(c, workload_run(&w, h, &c->err));
    if (!history_check(h, &report, message))
        conf_failed(CONF_HERE, "a history that can be checked", "%s", message);
    history_free(h);
    return report;
}

/* The case has failed where there is an anomaly. */
static void
histories_expect(const history_report *report, history_anomaly anomaly, const char *expected)
{
    char seen[900];

    if (anomaly == HISTORY_ANOMALY_COUNT)
        return;
    histories_text(report, anomaly, seen, sizeof seen);
    conf_failed(CONF_HERE, expected, "%s", seen);
}

/* Run at a level: what `judge` forbids must not show. */
static void
histories_try(conf *c, uint32_t isolation, uint64_t capability, history_level judge,
              const char *expected)
{
    history_report *report;

    NEEDS(capability);
    conf_open(c, &workload_schema);
    report = histories_run(c, isolation);
    histories_expect(report, history_convicted(report, judge), expected);
    if (judge >= HISTORY_SNAPSHOT)
        histories_expect(report, history_stale(report),
                         "a transaction sees what was committed before it began");
    CHECK(report->ok_count > 0);
    history_report_free(report);
}

static void
histories_read_committed(conf *c)
{
    histories_try(c, TENON_READ_COMMITTED, TENON_CAP_READ_COMMITTED, HISTORY_READ_COMMITTED,
                  "no anomaly that READ COMMITTED forbids");
}

static void
histories_snapshot(conf *c)
{
    histories_try(c, TENON_SNAPSHOT, TENON_CAP_SNAPSHOT, HISTORY_SNAPSHOT,
                  "reads of one moment, no lost update");
}

static void
histories_serializable(conf *c)
{
    histories_try(c, TENON_SERIALIZABLE, TENON_CAP_SERIALIZABLE, HISTORY_SERIALIZABLE,
                  "an order in which the transactions could have run one by one");
}

static const conf_case histories_cases[] = {
    SLOW_CASE(histories_read_committed,
              "what threads see at READ COMMITTED was committed, and all of it"),
    SLOW_CASE(histories_snapshot, "what threads see at SNAPSHOT is of one moment"),
    SLOW_CASE(histories_serializable, "threads at SERIALIZABLE could have run one by one"),
};

CONF_GROUP(histories, "histories of many threads",
           "Each T is a transaction; the last lines say why each must come before the next, in a "
           "circle. Look at what lets the last of them commit.");

/* A history checked, and what is told of it. */
#include "check/history/check.h"

#include <stdlib.h>
#include <string.h>

#include "check/history/graph.h"

static const struct {
    const char *name, *text;
    history_level level;
} check_anomalies[HISTORY_ANOMALY_COUNT] = {
#define CHECK_ROW(symbol, name, level, text) [HISTORY_##symbol] = { name, text, HISTORY_##level },
    HISTORY_ANOMALY_MAP(CHECK_ROW)
#undef CHECK_ROW
};

static const char *const check_levels[HISTORY_NO_LEVEL] = {
    [HISTORY_READ_COMMITTED] = "read-committed",
    [HISTORY_SNAPSHOT] = "snapshot",
    [HISTORY_SERIALIZABLE] = "serializable",
    [HISTORY_STRICT] = "strict",
};

const char *
history_anomaly_name(history_anomaly anomaly)
{
    return check_anomalies[anomaly].name;
}

const char *
history_anomaly_text(history_anomaly anomaly)
{
    return check_anomalies[anomaly].text;
}

const char *
history_level_name(history_level level)
{
    return check_levels[level];
}

history_level
history_level_named(const char *name)
{
    for (int i = 0; i < HISTORY_NO_LEVEL; i++)
        if (strcmp(check_levels[i], name) == 0)
            return (history_level)i;
    return HISTORY_NO_LEVEL;
}

bool
history_prohibits(history_level level, history_anomaly anomaly)
{
    return level >= check_anomalies[anomaly].level;
}

history_anomaly
history_convicted(const history_report *report, history_level level)
{
    for (int i = 0; i < HISTORY_ANOMALY_COUNT; i++)
        if (report->found[i].count > 0 && history_prohibits(level, (history_anomaly)i))
            return (history_anomaly)i;
    return HISTORY_ANOMALY_COUNT;
}

history_anomaly
history_stale(const history_report *report)
{
    static const history_anomaly stale[] = {
        HISTORY_G0_SESSION,
        HISTORY_G1C_SESSION,
        HISTORY_G_SINGLE_SESSION,
        HISTORY_G0_REALTIME,
        HISTORY_G1C_REALTIME,
        HISTORY_G_SINGLE_REALTIME,
        HISTORY_G_NONADJACENT_SESSION,
        HISTORY_G_NONADJACENT_REALTIME,
    };

    for (size_t i = 0; i < sizeof stale / sizeof stale[0]; i++)
        if (report->found[stale[i]].count > 0)
            return stale[i];
    return HISTORY_ANOMALY_COUNT;
}

static void
check_count(history_report *report, const history_index *x)
{
    report->txn_count = x->h->txn_count;
    for (size_t i = 0; i < x->h->txn_count; i++) {
        report->ok_count += x->h->txns[i].outcome == HISTORY_OK;
        report->failed_count += x->h->txns[i].outcome == HISTORY_FAILED;
        if (x->h->txns[i].outcome != HISTORY_UNKNOWN)
            continue;
        report->seen_count += x->committed[i];
        report->unknown_count += !x->committed[i];
    }
}

bool
history_check(const history *h, history_report **out, char message[HISTORY_MESSAGE_BYTES])
{
    history_report *report = (history_report *)calloc(1, sizeof *report);
    history_index x;
    finder f = { .x = &x, .report = report };
    bool ok = index_init(&x, h, message);

    *out = NULL;
    if (ok) {
        f.seen = (bool *)calloc(h->op_count + 1, sizeof *f.seen);
        f.lost = (bool *)calloc(h->op_count + 1, sizeof *f.lost);
        f.out_of_memory = report == NULL || f.seen == NULL || f.lost == NULL;
        (void)snprintf(message, HISTORY_MESSAGE_BYTES, "out of memory");
        if (!f.out_of_memory) {
            check_count(report, &x);
            direct_find(&f);
            bank_find(&f);
            cycles_find(&f);
        }
        ok = !f.out_of_memory;
    }
    free(f.seen);
    free(f.lost);
    index_fini(&x);
    if (ok)
        *out = report;
    else
        history_report_free(report);
    return ok;
}

void
history_report_free(history_report *report)
{
    if (report == NULL)
        return;
    for (int i = 0; i < HISTORY_ANOMALY_COUNT; i++) {
        free(report->found[i].txns);
        free(report->found[i].text);
    }
    free(report);
}

/* ---- For people ---- */

static void
check_print_finding(const history_report *report, history_anomaly anomaly, history_level level,
                    FILE *out)
{
    const history_finding *found = &report->found[anomaly];
    const char *line = found->text;

    (void)fprintf(out, "\n%s: %s%s\n", history_anomaly_name(anomaly), history_anomaly_text(anomaly),
                  history_prohibits(level, anomaly) ? "" : " (allowed at this level)");
    while (line != NULL && *line != '\0') {
        const int len = (int)strcspn(line, "\n");

        (void)fprintf(out, "  %.*s\n", len, line);
        line += len + (line[len] == '\n');
    }
    if (found->count > 1)
        (void)fprintf(out, "  and %llu more\n", (unsigned long long)found->count - 1);
}

void
history_report_print(const history_report *report, history_level level, FILE *out)
{
    const history_anomaly convicted = history_convicted(report, level);

    (void)fprintf(out, "%zu transactions: %zu committed, %zu failed, %zu of unknown outcome",
                  report->txn_count, report->ok_count, report->failed_count,
                  report->unknown_count + report->seen_count);
    if (report->seen_count > 0)
        (void)fprintf(out, " (%zu of them were seen)", report->seen_count);
    if (convicted == HISTORY_ANOMALY_COUNT)
        (void)fprintf(out, "\nnothing that %s forbids\n", history_level_name(level));
    else
        (void)fprintf(out, "\nnot %s: %s\n", history_level_name(level),
                      history_anomaly_name(convicted));
    for (int i = 0; i < HISTORY_ANOMALY_COUNT; i++)
        if (report->found[i].count > 0)
            check_print_finding(report, (history_anomaly)i, level, out);
}

/* ---- For programs ---- */

static json_t *
check_json_finding(const history_finding *found, history_anomaly anomaly, history_level level)
{
    json_t *txns = json_array(), *lines = json_array();

    for (size_t i = 0; i < found->txn_count; i++)
        (void)json_array_append_new(txns, json_integer((json_int_t)found->txns[i] + 1));
    for (const char *line = found->text; line != NULL && *line != '\0';) {
        const size_t len = strcspn(line, "\n");

        (void)json_array_append_new(lines, json_stringn(line, len));
        line += len + (line[len] == '\n');
    }
    return json_pack("{s:s, s:s, s:b, s:I, s:o, s:o}", "name", history_anomaly_name(anomaly),
                     "text", history_anomaly_text(anomaly), "prohibited",
                     (int)history_prohibits(level, anomaly), "count", (json_int_t)found->count,
                     "transactions", txns, "explanation", lines);
}

json_t *
history_report_json(const history_report *report, history_level level)
{
    json_t *anomalies = json_array();

    for (int i = 0; i < HISTORY_ANOMALY_COUNT; i++)
        if (report->found[i].count > 0)
            (void)json_array_append_new(
                anomalies, check_json_finding(&report->found[i], (history_anomaly)i, level));
    return json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:o}", "level", history_level_name(level),
                     "valid", (int)(history_convicted(report, level) == HISTORY_ANOMALY_COUNT),
                     "transaction_count", (json_int_t)report->txn_count, "committed_count",
                     (json_int_t)report->ok_count, "failed_count", (json_int_t)report->failed_count,
                     "unknown_count", (json_int_t)report->unknown_count, "seen_count",
                     (json_int_t)report->seen_count, "anomalies", anomalies);
}

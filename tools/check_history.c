/* tenon check-history: which anomalies a recorded history shows. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check/history/check.h"
#include "tool.h"

static int
check_history_load(const char *path, history *h)
{
    const bool is_stdin = strcmp(path, "-") == 0;
    FILE *in = is_stdin ? stdin : fopen(path, "r");
    char message[HISTORY_MESSAGE_BYTES];
    bool ok;

    if (in == NULL) {
        tool_error(path, "can't be read: %s", strerror(errno));
        return TOOL_USAGE;
    }
    ok = history_load(in, h, message);
    if (!ok)
        tool_error(is_stdin ? "stdin" : path, "%s", message);
    if (!is_stdin)
        (void)fclose(in);
    return ok ? TOOL_GO_ON : TOOL_USAGE;
}

/* What the history is judged by: the option, else its own first line, else serializable. */
static int
check_history_level(const char *option, const history *h, history_level *level)
{
    *level = HISTORY_SERIALIZABLE;
    if (h->level[0] != '\0')
        *level = history_level_named(h->level);
    if (option == NULL)
        return TOOL_GO_ON;
    *level = history_level_named(option);
    if (*level != HISTORY_NO_LEVEL)
        return TOOL_GO_ON;
    tool_error("--level", "must be serializable, snapshot, read-committed or strict, not '%s'",
               option);
    return TOOL_USAGE;
}

static int
check_history_report(const history_report *report, history_level level, FILE *json,
                     const char *json_path)
{
    int rc = TOOL_GO_ON;

    history_report_print(report, level, stdout);
    if (json != NULL)
        rc = tool_print_json(history_report_json(report, level), json, json_path);
    if (rc != TOOL_GO_ON)
        return rc;
    return tool_flush(history_convicted(report, level) == HISTORY_ANOMALY_COUNT ? TOOL_DONE
                                                                                : TOOL_FAILED);
}

static int
check_history_run(const char *path, const char *level_name, FILE *json, const char *json_path)
{
    history *h = history_new();
    history_report *report = NULL;
    char message[HISTORY_MESSAGE_BYTES];
    history_level level = HISTORY_SERIALIZABLE;
    int rc;

    if (h == NULL) {
        tool_error(path, "out of memory");
        return TOOL_FAILED;
    }
    rc = check_history_load(path, h);
    if (rc == TOOL_GO_ON)
        rc = check_history_level(level_name, h, &level);
    if (rc == TOOL_GO_ON && !history_check(h, &report, message)) {
        tool_error(path, "can't be checked: %s", message);
        rc = TOOL_USAGE;
    }
    if (rc == TOOL_GO_ON)
        rc = check_history_report(report, level, json, json_path);
    history_report_free(report);
    history_free(h);
    return rc;
}

static int
check_history_command(const tool_command *command, int argc, char **argv)
{
    const char *arguments[TOOL_MAX_ARGUMENTS];
    const char *level = NULL, *json_path = NULL;
    const tool_option choices[] = {
        { "--level", TOOL_TEXT, &level, 0, 0, "LEVEL", "what it is to be judged by" },
        { "--json", TOOL_TEXT, &json_path, 0, 0, "FILE", "write the result as JSON, too" },
    };
    FILE *json = NULL;
    int rc = tool_parse(command, choices, 2, argc, argv, arguments);

    if (rc == TOOL_GO_ON && json_path != NULL) {
        json = fopen(json_path, "w");
        if (json == NULL) {
            tool_error(json_path, "can't be written: %s", strerror(errno));
            return TOOL_USAGE;
        }
    }
    if (rc == TOOL_GO_ON)
        rc = check_history_run(arguments[0], level, json, json_path);
    if (json != NULL && fclose(json) != 0) {
        tool_error(json_path, "was not written whole");
        rc = TOOL_FAILED;
    }
    return rc;
}

const tool_command tool_check_history = {
    .name = "check-history",
    .summary = "Find the anomalies that a recorded history of transactions shows.",
    .arguments = { "FILE" },
    .details = "FILE is JSON Lines (docs/cli.md); - is standard input. LEVEL is read-committed,\n"
               "snapshot, serializable or strict; without one it is the file's own, else\n"
               "serializable. Each anomaly is printed with its transactions, and with why each\n"
               "of them must come before the next. Exit status 1: the level forbids one of them.\n",
    .run = check_history_command,
};

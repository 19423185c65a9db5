/* tenon verify */
#include <stdio.h>

#include "tool.h"

/* Problems as they are told of: printed at once, or gathered for JSON. */
typedef struct verify_report {
    json_t *list; /* NULL: print */
    bool out_of_memory;
} verify_report;

static void
verify_tell(void *arg, const char *where, const char *what)
{
    verify_report *report = (verify_report *)arg;

    if (report->list == NULL)
        (void)printf("%s: %s\n", where, what);
    else if (json_array_append_new(report->list,
                                   json_pack("{s:s, s:s}", "where", where, "what", what)) != 0)
        report->out_of_memory = true;
}

static int
verify_database(tenon_db *db, bool as_json)
{
    verify_report report = { .list = as_json ? json_array() : NULL };
    uint64_t problem_count = 0;
    tenon_error err = { 0 };
    tenon_status status = tenon_db_verify(db, verify_tell, &report, &problem_count, &err);
    int rc = problem_count > 0 ? TOOL_FAILED : TOOL_DONE;

    if (status != TENON_OK) {
        json_decref(report.list);
        (void)tool_failed(tenon_db_url(db), status, &err);
        return tool_flush(TOOL_FAILED);
    }
    if (!as_json) {
        (void)printf("%llu problems\n", (unsigned long long)problem_count);
        return tool_flush(rc);
    }
    if (report.out_of_memory) {
        json_decref(report.list);
        tool_error("stdout", "out of memory");
        return TOOL_FAILED;
    }
    return tool_print_json(json_pack("{s:s, s:s, s:I, s:o}", "url", tenon_db_url(db), "driver",
                                     tenon_db_driver(db), "problem_count",
                                     (json_int_t)problem_count, "problems", report.list),
                           stdout, "stdout") == TOOL_GO_ON
               ? rc
               : TOOL_FAILED;
}

static int
verify_command(const tool_command *command, int argc, char **argv)
{
    tenon_open_options options = { .read_only = true };
    const char *arguments[TOOL_MAX_ARGUMENTS];
    bool as_json = false;
    const tool_option choices[] = {
        { "--json", TOOL_FLAG, &as_json, 0, 0, NULL, "print as JSON" },
    };
    tenon_db *db = NULL;
    int rc = tool_parse(command, choices, 1, argc, argv, arguments);

    if (rc == TOOL_GO_ON)
        rc = tool_open(arguments[0], &options, &db);
    if (rc != TOOL_GO_ON)
        return rc;
    rc = verify_database(db, as_json);
    tenon_close(db);
    return rc;
}

const tool_command tool_verify = {
    .name = "verify",
    .summary = "Check all that is stored: every constraint, every index against its rows.",
    .arguments = { "URL" },
    .details = "Prints each problem as PLACE: WHAT. The database is not changed.\n",
    .run = verify_command,
};

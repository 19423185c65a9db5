/* tenon verify */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tool.h"

/* Problems as they are told of: printed at once, or gathered for JSON. */
typedef struct verify_report {
    FILE *out;    /* NULL: gather */
    json_t *list; /* NULL: print */
    bool out_of_memory;
} verify_report;

static void
verify_tell(void *arg, const char *where, const char *what)
{
    verify_report *report = (verify_report *)arg;

    if (report->out != NULL)
        (void)fprintf(report->out, "%s: %s\n", where, what);
    else if (json_array_append_new(report->list,
                                   json_pack("{s:s, s:s}", "where", where, "what", what)) != 0)
        report->out_of_memory = true;
}

/* @return TOOL_GO_ON: all was looked at */
static int
verify_run(tenon_db *db, verify_report *report, uint64_t *problem_count)
{
    tenon_error err = { 0 };
    const tenon_status status = tenon_db_verify(db, verify_tell, report, problem_count, &err);

    if (status == TENON_OK)
        return TOOL_GO_ON;
    (void)tool_failed(tenon_db_url(db), status, &err);
    return TOOL_FAILED;
}

int
tool_verify_database(tenon_db *db, FILE *out)
{
    verify_report report = { .out = out };
    uint64_t problem_count = 0;
    const int rc = verify_run(db, &report, &problem_count);

    if (rc != TOOL_GO_ON)
        return rc;
    (void)fprintf(out, "%llu problem%s\n", (unsigned long long)problem_count,
                  problem_count == 1 ? "" : "s");
    return problem_count > 0 ? TOOL_FAILED : TOOL_DONE;
}

static int
verify_json(tenon_db *db)
{
    verify_report report = { .list = json_array() };
    uint64_t problem_count = 0;
    int rc = verify_run(db, &report, &problem_count);

    if (rc == TOOL_GO_ON && report.out_of_memory) {
        tool_error("stdout", "out of memory");
        rc = TOOL_FAILED;
    }
    if (rc != TOOL_GO_ON) {
        json_decref(report.list);
        return rc;
    }
    rc = tool_print_json(json_pack("{s:s, s:s, s:I, s:o}", "url", tenon_db_url(db), "driver",
                                   tenon_db_driver(db), "problem_count", (json_int_t)problem_count,
                                   "problems", report.list),
                         stdout, "stdout");
    return rc != TOOL_GO_ON ? rc : problem_count > 0 ? TOOL_FAILED : TOOL_DONE;
}

/* Read the key of the audit; one byte more than the longest is room enough to see that it is too
 * long. */
static int
verify_read_key(const char *path, unsigned char key[TENON_AUDIT_KEY_MAX_BYTES + 1],
                tenon_open_options *options)
{
    FILE *file;
    size_t bytes = 0;
    bool ok = false;

    errno = 0;
    file = fopen(path, "rb");
    if (file != NULL) {
        bytes = fread(key, 1, TENON_AUDIT_KEY_MAX_BYTES + 1, file);
        ok = ferror(file) == 0;
    }
    if (!ok)
        tool_error(path, "can't be read: %s", strerror(errno));
    else if (bytes < TENON_AUDIT_KEY_MIN_BYTES || bytes > TENON_AUDIT_KEY_MAX_BYTES)
        tool_error(path, "a key of an audit has %d to %d bytes", TENON_AUDIT_KEY_MIN_BYTES,
                   TENON_AUDIT_KEY_MAX_BYTES);
    if (file != NULL)
        (void)fclose(file);
    options->audit_key = key;
    options->audit_key_bytes = (uint32_t)bytes;
    return ok && bytes >= TENON_AUDIT_KEY_MIN_BYTES && bytes <= TENON_AUDIT_KEY_MAX_BYTES
               ? TOOL_GO_ON
               : TOOL_USAGE;
}

static int
verify_command(const tool_command *command, int argc, char **argv)
{
    tenon_open_options options = { .read_only = true };
    const char *arguments[TOOL_MAX_ARGUMENTS];
    unsigned char key[TENON_AUDIT_KEY_MAX_BYTES + 1];
    const char *key_path = NULL;
    bool as_json = false;
    const tool_option choices[] = {
        { "--audit-key", TOOL_TEXT, &key_path, 0, 0, "FILE",
          "the key that the audit's chains were made with" },
        { "--json", TOOL_FLAG, &as_json, 0, 0, NULL, "print as JSON" },
    };
    tenon_db *db = NULL;
    int rc = tool_parse(command, choices, 2, argc, argv, arguments);

    if (rc == TOOL_GO_ON && key_path != NULL)
        rc = verify_read_key(key_path, key, &options);
    if (rc == TOOL_GO_ON)
        rc = tool_open(arguments[0], &options, &db);
    if (rc != TOOL_GO_ON)
        return rc;
    rc = as_json ? verify_json(db) : tool_flush(tool_verify_database(db, stdout));
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

/* tenon migrate */
#include <stdio.h>

#include "tenon/chat/tables.h"
#include "tool.h"

/* What was found, and what came of it. */
typedef struct migrate_versions {
    uint32_t before, after; /* 0 = not there */
    uint32_t wanted;
} migrate_versions;

/* The stored version; 0 where there is no database yet. What is to be changed is opened for
 * writing, as an engine may have to that must recover first. @return TOOL_GO_ON or the exit status
 */
static int
migrate_read_version(const char *url, bool check, uint32_t *out)
{
    tenon_open_options options = { .read_only = check, .no_auto_migrate = true };
    tenon_error err = { 0 };
    tenon_db *db = NULL;
    int rc = tool_open_existing(url, &options, &db);
    tenon_status status;

    *out = 0;
    if (rc != TOOL_GO_ON || db == NULL)
        return rc;
    status = tenon_db_schema_version(db, chat_schema()->name, out, &err);
    if (status != TENON_OK)
        rc = tool_failed(url, status, &err);
    tenon_close(db);
    return rc;
}

/* Open with the schema, which migrates it, or with `check` only compares it with what is stored. */
static int
migrate_open(const char *url, bool check, uint32_t *version)
{
    tenon_open_options options = { .schema = chat_schema(),
                                   .read_only = check,
                                   .no_auto_migrate = check };
    tenon_error err = { 0 };
    tenon_db *db = NULL;
    int rc = tool_open(url, &options, &db);
    tenon_status status;

    if (rc != TOOL_GO_ON)
        return rc;
    status = tenon_db_schema_version(db, chat_schema()->name, version, &err);
    if (status != TENON_OK)
        rc = tool_failed(url, status, &err);
    tenon_close(db);
    return rc;
}

static int
migrate_print(const migrate_versions *v, bool check, bool as_json)
{
    const char *name = chat_schema()->name;
    const bool pending = v->after != v->wanted;
    int rc = TOOL_GO_ON;

    if (as_json)
        rc = tool_print_json(json_pack("{s:s, s:I, s:I, s:I, s:b}", "schema", name, "before",
                                       (json_int_t)v->before, "after", (json_int_t)v->after,
                                       "wanted", (json_int_t)v->wanted, "pending", pending),
                             stdout, "stdout");
    else if (check)
        (void)printf("schema %s: version %u, %s%u\n", name, v->before,
                     pending ? "would become " : "as it should be: ", v->wanted);
    else
        (void)printf("schema %s: version %u before, %u after\n", name, v->before, v->after);
    if (rc == TOOL_GO_ON)
        rc = pending ? TOOL_FAILED : TOOL_DONE;
    return tool_flush(rc);
}

static int
migrate_command(const tool_command *command, int argc, char **argv)
{
    const char *arguments[TOOL_MAX_ARGUMENTS];
    bool as_json = false, check = false;
    const tool_option choices[] = {
        { "--check", TOOL_FLAG, &check, 0, 0, NULL,
          "change nothing; exit status 1 where a migration would" },
        { "--json", TOOL_FLAG, &as_json, 0, 0, NULL, "print as JSON" },
    };
    migrate_versions v = { .wanted = chat_schema()->version };
    int rc = tool_parse(command, choices, sizeof choices / sizeof choices[0], argc, argv,
                        arguments);

    if (rc == TOOL_GO_ON)
        rc = migrate_read_version(arguments[0], check, &v.before);
    v.after = v.before;
    /* What --check need not compare: an older version, or none, is what it is to tell of. */
    if (rc == TOOL_GO_ON && (!check || v.before >= v.wanted))
        rc = migrate_open(arguments[0], check, &v.after);
    return rc == TOOL_GO_ON ? migrate_print(&v, check, as_json) : rc;
}

const tool_command tool_migrate = {
    .name = "migrate",
    .summary = "Create the chat server's tables, or bring them to this version.",
    .arguments = { "URL" },
    .details =
        "Prints the version before and after; 0 = there were none. A newer version, or other\n"
        "tables of the same version, are refused.\n",
    .run = migrate_command,
};

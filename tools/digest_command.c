/* tenon digest */
#include <stdio.h>

#include "digest.h"
#include "tool.h"

static int
digest_print(const digest *d)
{
    (void)printf("%s\n", d->text);
    for (uint32_t i = 0; i < d->table_count; i++)
        (void)printf("%-20s %12llu\n", digest_table_name(d, i),
                     (unsigned long long)digest_table_rows(d, i));
    (void)printf("%-20s %12llu\n", "rows", (unsigned long long)d->row_count);
    return tool_flush(TOOL_DONE);
}

static int
digest_print_json(const digest *d, const tenon_db *db)
{
    json_t *tables = json_object();
    int rc;

    for (uint32_t i = 0; i < d->table_count; i++)
        (void)json_object_set_new(tables, digest_table_name(d, i),
                                  json_integer((json_int_t)digest_table_rows(d, i)));
    rc = tool_print_json(json_pack("{s:s, s:s, s:s, s:o, s:I}", "url", tenon_db_url(db), "driver",
                                   tenon_db_driver(db), "digest", d->text, "tables", tables, "rows",
                                   (json_int_t)d->row_count),
                         stdout, "stdout");
    return rc == TOOL_GO_ON ? TOOL_DONE : rc;
}

static int
digest_command(const tool_command *command, int argc, char **argv)
{
    tenon_open_options options = { .read_only = true };
    const char *arguments[TOOL_MAX_ARGUMENTS];
    bool as_json = false;
    const tool_option choices[] = {
        { "--json", TOOL_FLAG, &as_json, 0, 0, NULL, "print as JSON" },
    };
    digest d = { .tables = NULL };
    tenon_error err = { 0 };
    tenon_db *db = NULL;
    tenon_status status;
    int rc = tool_parse(command, choices, 1, argc, argv, arguments);

    if (rc == TOOL_GO_ON)
        rc = tool_open(arguments[0], &options, &db);
    if (rc != TOOL_GO_ON)
        return rc;
    status = digest_database(db, &d, &err);
    if (status != TENON_OK)
        rc = tool_failed(arguments[0], status, &err);
    else
        rc = as_json ? digest_print_json(&d, db) : digest_print(&d);
    tenon_close(db);
    digest_free(&d);
    return rc;
}

const tool_command tool_digest = {
    .name = "digest",
    .summary = "Print a hash of all rows, the same on every engine, and how many rows there are.",
    .arguments = { "URL" },
    .details = "BLAKE2b-256 over the tables by name, their rows by primary key, their columns by\n"
               "name. The tables that Tenon keeps for itself (tenon_...) are left out.\n",
    .run = digest_command,
};

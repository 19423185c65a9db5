/* other_schema KIND URL: a database whose schema is not the chat server's.
 *   newer    its name, a later version
 *   tables   its name and version, other tables
 *   foreign  another name, with a table that is called as one of the chat server's */
#include <stdio.h>
#include <string.h>

#include "tenon/db.h"

static const tenon_column columns[] = {
    { .name = "id", .type = TENON_INT, .not_null = true },
    { .name = "colour", .type = TENON_TEXT, .not_null = true },
};
static const tenon_table users = {
    .name = "users",
    .columns = columns,
    .column_count = 2,
    .primary_key = TENON_COLUMNS(0),
};
static const tenon_table *const tables[] = { &users };

static const tenon_schema newer = {
    .name = "chat", .version = 99, .tables = tables, .table_count = 1
};
static const tenon_schema same = {
    .name = "chat", .version = 1, .tables = tables, .table_count = 1
};
static const tenon_schema foreign = {
    .name = "paint", .version = 1, .tables = tables, .table_count = 1
};

int
main(int argc, char **argv)
{
    tenon_open_options options = { .size = sizeof options };
    tenon_error err = { 0 };
    tenon_db *db = NULL;

    if (argc == 3 && strcmp(argv[1], "newer") == 0)
        options.schema = &newer;
    else if (argc == 3 && strcmp(argv[1], "tables") == 0)
        options.schema = &same;
    else if (argc == 3 && strcmp(argv[1], "foreign") == 0)
        options.schema = &foreign;
    else
        return 2;
    if (tenon_open(argv[2], &options, &db, &err) != TENON_OK) {
        (void)fprintf(stderr, "%s: %s\n", tenon_status_name(err.status), err.message);
        return 1;
    }
    tenon_close(db);
    return 0;
}

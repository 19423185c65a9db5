/* tenon replay of what trace+URL has recorded. */
#include "repeat.h"

#include <stdio.h>
#include <string.h>

#include "digest.h"
#include "repeat_inside.h"
#include "replay.h"
#include "stop.h"
#include "tool.h"

/* ---- Opening: its tables are there, or none is ---- */

static uint32_t
repeat_count_there(const repeat *r, const tenon_table *const *there, uint32_t count)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < r->table_count; k++)
            found += strcmp(there[i]->name, r->tables[k]->name) == 0;
    return found;
}

static int
repeat_open(repeat *r)
{
    const tenon_schema schema = {
        .name = "replay", .version = 1, .tables = r->tables, .table_count = r->table_count
    };
    tenon_open_options options = { .schema = NULL };
    const tenon_table *const *there = NULL;
    tenon_error err = { 0 };
    uint32_t count = 0, found;
    tenon_status st;
    int rc = tool_open_existing(r->options->url, &options, &r->db);

    if (rc != TOOL_GO_ON)
        return rc;
    st = r->db == NULL ? TENON_OK : tenon_db_tables(r->db, &there, &count, &err);
    if (st != TENON_OK)
        return tool_failed(r->options->url, st, &err);
    found = repeat_count_there(r, there, count);
    if (found == r->table_count && r->db != NULL)
        return TOOL_GO_ON;
    if (found > 0) {
        tool_error(r->options->url, "it has some of the recorded tables, not all");
        return TOOL_USAGE;
    }
    tenon_close(r->db);
    r->db = NULL;
    options.schema = &schema;
    return tool_open(r->options->url, &options, &r->db);
}

/* ---- What came of it ---- */

static void
repeat_print(const repeat *r, const digest *d)
{
    const double seconds = (double)(r->end_ns - r->start_ns) / 1e9;
    const struct {
        const char *what;
        uint64_t number;
    } lines[] = {
        { "transactions", r->commit_count + r->rollback_count },
        { "rolled back", r->rollback_count },
        { "statements", r->statement_count },
        { "rows", r->row_count },
        { "answers compared", r->compared_count },
        { "differences", r->difference_count },
        { "left out", r->left_out_count },
    };

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        (void)printf("%-20s %12llu\n", lines[i].what, (unsigned long long)lines[i].number);
    (void)printf("%-20s %12.3f\n", "seconds", seconds);
    (void)printf("%-20s %12s\n", "durability", tool_durability(tenon_db_durability(r->db)));
    (void)printf("digest           %s\n", d->text);
}

static int
repeat_print_json(const repeat *r, const digest *d)
{
    const char *path = r->options->json_path;
    FILE *out = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");
    json_t *root = json_pack(
        "{ss, ss, ss, ss, sI, sI, sI, sI, sI, sI, sI, sf, ss}", "trace", r->options->path, "url",
        tenon_db_url(r->db), "driver", tenon_db_driver(r->db), "durability",
        tool_durability(tenon_db_durability(r->db)), "transactions",
        (json_int_t)r->commit_count + (json_int_t)r->rollback_count, "rolled_back",
        (json_int_t)r->rollback_count, "statements", (json_int_t)r->statement_count, "rows",
        (json_int_t)r->row_count, "compared", (json_int_t)r->compared_count, "differences",
        (json_int_t)r->difference_count, "left_out", (json_int_t)r->left_out_count, "seconds",
        (double)(r->end_ns - r->start_ns) / 1e9, "digest", d->text);
    int rc;

    if (out == NULL) {
        json_decref(root);
        tool_error(path, "can't be written");
        return TOOL_USAGE;
    }
    rc = tool_print_json(root, out, path);
    if (out != stdout && fclose(out) != 0)
        rc = TOOL_FAILED;
    return rc;
}

static int
repeat_report(repeat *r, digest *d)
{
    const bool only_json = r->options->json_path != NULL && strcmp(r->options->json_path, "-") == 0;
    tenon_error err = { 0 };
    const tenon_status st = digest_database(r->db, d, &err);
    int rc = r->difference_count > 0 ? TOOL_FAILED : TOOL_DONE;

    if (st != TENON_OK)
        return tool_failed(tenon_db_url(r->db), st, &err);
    if (!r->options->quiet && !only_json)
        repeat_print(r, d);
    if (r->options->json_path != NULL && repeat_print_json(r, d) != TOOL_GO_ON)
        rc = TOOL_FAILED;
    if (r->options->verify && tool_verify_database(r->db, stderr) != TOOL_DONE)
        rc = TOOL_FAILED;
    return tool_flush(rc);
}

/* All of it, or up to the limit. */
static int
repeat_all(repeat *r)
{
    int rc = TOOL_GO_ON;

    r->start_ns = replay_now_ns();
    while (rc == TOOL_GO_ON && (rc = repeat_advance(r)) == TOOL_GO_ON && r->ready != NULL) {
        if (r->commit_count + r->rollback_count >= r->options->limit)
            break;
        rc = repeat_do(r);
    }
    r->end_ns = replay_now_ns();
    return rc;
}

int
repeat_run(const repeat_options *options)
{
    repeat r = { .options = options, .path = options->path, .stop_fd = stop_install() };
    digest d = { .tables = NULL };
    int rc = r.stop_fd < 0 ? TOOL_USAGE : repeat_learn(&r);

    if (rc == TOOL_GO_ON)
        rc = repeat_open(&r);
    if (rc == TOOL_GO_ON)
        rc = repeat_all(&r);
    if (rc == TOOL_GO_ON)
        rc = repeat_report(&r, &d);
    tenon_close(r.db);
    digest_free(&d);
    repeat_fini(&r);
    return rc;
}

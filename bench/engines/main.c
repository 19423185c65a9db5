/* tenon-bench-engines: `tenon bench` runs it. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "compare.h"
#include "crash.h"
#include "csv.h"
#include "expect.h"
#include "group.h"
#include "html.h"
#include "live.h"
#include "pace.h"
#include "playback.h"
#include "result.h"
#include "size.h"
#include "stop.h"
#include "table.h"
#include "tool.h"

/* All that has to be released. */
typedef struct bench {
    plan plan;
    char made[64]; /* folder that was made here; empty: it was given */
    const char *folder;
    probe_maker maker;
    crew *crew;
    live *live;
    json_t *result;
    group group;
    pace pace;
    bool has_failed;
} bench;

static bool
main_folder(bench *b)
{
    b->folder = b->plan.folder;
    if (b->folder != NULL)
        return true;
    (void)snprintf(b->made, sizeof b->made, "/tmp/tenon-bench-XXXXXX");
    b->folder = mkdtemp(b->made);
    if (b->folder != NULL)
        return true;
    tool_error(b->made, "can't be made: %s", strerror(errno));
    b->made[0] = '\0';
    return false;
}

static bool
main_workloads(bench *b)
{
    const plan *p = &b->plan;
    bool ok = true;

    for (uint32_t i = 0; i < p->workload_count && ok && !stop_requested(); i++) {
        ok = group_run(p, b->crew, p->has_proof ? &b->maker : NULL, b->live, &b->pace, b->folder,
                       &p->workloads[i], i * GROUP_PLACES, &b->group) &&
             result_add(b->result, p, &b->group);
        b->has_failed = b->has_failed || b->group.has_failed;
        group_free(&b->group);
    }
    if (!ok)
        tool_error("bench", "out of memory");
    return ok;
}

static int
main_report(bench *b)
{
    const plan *p = &b->plan;
    int rc = TOOL_GO_ON;

    result_end(b->result, b->pace.announced, pace_elapsed(&b->pace), stop_requested());
    if ((p->json == NULL || strcmp(p->json, "-") != 0) &&
        (p->csv == NULL || strcmp(p->csv, "-") != 0))
        table_print(b->result);
    if (p->json != NULL)
        rc = result_write(b->result, p->json);
    if (rc == TOOL_GO_ON && p->csv != NULL)
        rc = csv_write(b->result, p->csv);
    if (rc == TOOL_GO_ON && p->html != NULL)
        rc = html_write(b->result, p->html);
    if (rc != TOOL_GO_ON)
        return rc;
    if (stop_requested())
        return TOOL_INTERRUPTED;
    if (p->expect != NULL && !expect_hold(p->expect, b->result))
        return TOOL_FAILED;
    return b->has_failed ? TOOL_FAILED : TOOL_DONE;
}

static int
main_run(bench *b)
{
    const plan *p = &b->plan;

    pace_start(&b->pace, p);
    if (sodium_init() < 0 || !main_folder(b))
        return TOOL_FAILED;
    if (!size_has_room(p, b->folder))
        return TOOL_FAILED;
    if (p->crash)
        return crash_run(p, b->folder);
    if (p->has_proof && !probe_start(&b->maker, p, b->folder))
        return TOOL_FAILED;
    if (stop_install() < 0)
        return TOOL_FAILED;
    b->crew = crew_new(p->threads[p->thread_count - 1]);
    b->result = result_new(p, b->folder);
    if (b->crew == NULL || b->result == NULL)
        return TOOL_FAILED;
    if (p->live || isatty(STDERR_FILENO))
        b->live = live_start();
    if (!main_workloads(b))
        return TOOL_FAILED;
    live_stop(b->live);
    b->live = NULL;
    return main_report(b);
}

int
main(int argc, char **argv)
{
    static bench b;
    int rc;

    if (argc > 1 && strcmp(argv[1], "compare") == 0)
        return compare_command(argc - 2, argv + 2);
    if (argc > 1 && strcmp(argv[1], "report") == 0)
        return html_command(argc - 2, argv + 2);
    rc = arguments_read(argc, argv, &b.plan);

    if (rc != TOOL_GO_ON)
        return rc;
    rc = main_run(&b);
    live_stop(b.live);
    group_free(&b.group);
    json_decref(b.result);
    crew_free(b.crew);
    probe_stop(&b.maker);
    playback_forget();
    if (b.made[0] != '\0')
        (void)rmdir(b.made);
    return tool_flush(rc);
}

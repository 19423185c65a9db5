/* tenon check: every promise of the API, tried on one driver. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check/suite.h"
#include "check_report.h"
#include "stop.h"
#include "tool.h"

#define CHECK_LIMIT_S 120

/* Options as they are given. */
typedef struct check_given {
    const char *json, *only, *fresh;
    bool quick, full, list, stop, brief;
    uint64_t seed, limit_s;
} check_given;

/* Where the driver's part of a URL ends: its ':'. */
static const char *
check_driver_end(const char *url)
{
    const char *end = url[0] == '/' ? strstr(url, ".so:") : NULL;

    return end != NULL ? end + strlen(".so") : strchr(url, ':');
}

/* The URL with the plugin of the command line for its driver, where that is a path. A filter in it
 * is found by its own name. @return false: it is none */
static bool
check_url(const char *driver, const char *url, char out[CONF_URL_BYTES])
{
    const char *rest = url != NULL ? check_driver_end(url) : "";
    int len;

    if (rest == NULL)
        return false;
    if (url == NULL)
        len = snprintf(out, CONF_URL_BYTES, "%s:@DIR@/check.db", driver);
    else if (driver[0] == '/' && memchr(url, '+', (size_t)(rest - url)) == NULL)
        len = snprintf(out, CONF_URL_BYTES, "%s%s", driver, rest);
    else
        len = snprintf(out, CONF_URL_BYTES, "%s", url);
    return len > 0 && len < CONF_URL_BYTES;
}

static int
check_list(void)
{
    char id[SUITE_ID_BYTES];

    for (size_t g = 0; suite_groups[g] != NULL; g++) {
        for (size_t i = 0; i < suite_groups[g]->count; i++) {
            suite_id(suite_groups[g], &suite_groups[g]->cases[i], id);
            (void)printf("%-48s %s\n", id, suite_groups[g]->cases[i].title);
        }
    }
    return tool_flush(TOOL_DONE);
}

/* ---- A driver whose database can't be opened, such as one that is not written yet ---- */

/* What a plugin announces. */
typedef struct check_search {
    const char *driver; /* name, or path */
    suite_driver about;
    bool found, refused;
} check_search;

static void
check_match(void *arg, const tenon_driver_info *info)
{
    check_search *search = arg;

    if (search->found ||
        strcmp(search->driver[0] == '/' ? info->path : info->name, search->driver) != 0)
        return;
    search->refused = info->refused != NULL; /* of a name: unless a later folder has another one */
    search->found = info->refused == NULL;
    (void)snprintf(search->about.name, sizeof search->about.name, "%s", info->name);
    search->about.capabilities = info->capabilities;
}

static check_search
check_announced(const char *driver)
{
    check_search search = { .driver = driver };
    char folder[CONF_URL_BYTES];
    tenon_error err = { 0 };

    (void)snprintf(folder, sizeof folder, "%s", driver);
    if (driver[0] == '/')
        *strrchr(folder, '/') = '\0';
    (void)tenon_drivers(driver[0] == '/' ? folder : tool_driver_path(), check_match, &search, &err);
    return search;
}

/* The cases that may pass all the same, so that its author sees what there is already. */
static int
check_unopened(const suite_options *options, const char *driver, const check_given *given,
               const char *why)
{
    static const char *const groups[] = { "abi", "open" };
    const check_search search = check_announced(driver);
    suite_options some = *options;
    check_report report;
    bool told = false;
    int rc = TOOL_FAILED;

    if (!search.found && (search.refused || strpbrk(driver, "/+") == NULL)) {
        tool_error(driver, "%s: %s",
                   search.refused ? "the plugin can't be used" : "there is no driver of that name",
                   why);
        return TOOL_FAILED;
    }
    if (options->only == NULL && search.found) {
        check_report_begin(&report, driver, options, &search.about, given->brief);
        for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
            some.only = groups[i];
            if (!options->stop_at_failure || report.counts[SUITE_FAILED] == 0)
                (void)suite_run(&some, &search.about, stop_requested, check_report_case, &report);
        }
        rc = check_report_end(&report, given->json, stop_requested());
        told = report.unwritten[0] != '\0';
    }
    tool_error(driver, "its database can't be opened, which all other cases need%s%s",
               told ? "" : ": ", told ? "" : why);
    return rc == TOOL_DONE ? TOOL_FAILED : rc;
}

/* A plugin that is not there is no fault of its database. */
static int
check_driver(const char *driver)
{
    const size_t len = strlen(driver);
    const char *slash = strchr(driver, '/');
    const bool is_file = slash != NULL || (len > 3 && strcmp(driver + len - 3, ".so") == 0);

    if (is_file && slash != driver && (slash == NULL || slash[-1] != '+')) {
        tool_error("check", "DRIVER must be a name or an absolute path, not '%s'", driver);
        return TOOL_USAGE;
    }
    if (driver[0] == '/' && access(driver, F_OK) != 0 && errno == ENOENT) {
        tool_error("check", "there is no plugin %s (did the build fail?)", driver);
        return TOOL_FAILED;
    }
    return TOOL_GO_ON;
}

static int
check_run(const suite_options *options, const char *driver, const check_given *given)
{
    char why[SUITE_TEXT_BYTES];
    check_report report;
    suite_driver about;

    if (!suite_probe(options, &about, why))
        return check_unopened(options, driver, given, why);
    if (stop_install() < 0)
        return TOOL_FAILED;
    check_report_begin(&report, driver, options, &about, given->brief);
    if (suite_run(options, &about, stop_requested, check_report_case, &report) == 0 &&
        !stop_requested()) {
        check_report_free(&report);
        tool_error("--only", "no case has the id '%s'; see tenon check --list",
                   options->only != NULL ? options->only : "*");
        return TOOL_USAGE;
    }
    return check_report_end(&report, given->json, stop_requested());
}

static suite_options
check_options(const check_given *given, const char *url)
{
    return (suite_options){
        .url = url,
        .driver_path = tool_driver_path(),
        .fresh = given->fresh,
        .only = given->only,
        .effort = given->quick  ? CONF_QUICK
                  : given->full ? CONF_FULL
                                : CONF_NORMAL,
        .limit_s = (uint32_t)given->limit_s,
        .stop_at_failure = given->stop,
        .seed = given->seed,
    };
}

static int
check_command(const tool_command *command, int argc, char **argv)
{
    const char *arguments[TOOL_MAX_ARGUMENTS];
    check_given given = { .seed = (uint64_t)time(NULL), .limit_s = CHECK_LIMIT_S };
    const tool_option choices[] = {
        { "--quick", TOOL_FLAG, &given.quick, 0, 0, NULL, "only what takes no second each" },
        { "--full", TOOL_FLAG, &given.full, 0, 0, NULL, "more random cases, longer histories" },
        { "--only", TOOL_TEXT, &given.only, 0, 0, "ID", "one case, a group, or ID*" },
        { "--stop", TOOL_FLAG, &given.stop, 0, 0, NULL, "end with the first case that fails" },
        { "--brief", TOOL_FLAG, &given.brief, 0, 0, NULL, "say no more of what passes" },
        { "--json", TOOL_TEXT, &given.json, 0, 0, "FILE", "write the results as JSON, too" },
        { "--seed", TOOL_NUMBER, &given.seed, 0, INT64_MAX, "N", "of random cases" },
        { "--fresh", TOOL_TEXT, &given.fresh, 0, 0, "COMMAND", "empties a server's database" },
        { "--limit", TOOL_NUMBER, &given.limit_s, 1, 86400, "S", "seconds until a case hangs" },
        { "--list", TOOL_FLAG, &given.list, 0, 0, NULL, "name the cases, and run none" },
    };
    suite_options options;
    char url[CONF_URL_BYTES];
    int rc;

    if (argc == 3 && strcmp(argv[0], "--child") == 0)
        return suite_role(argv[1], argv[2]);
    if (argc == 1 && strcmp(argv[0], "--list") == 0)
        return check_list();
    rc = tool_parse(command, choices, sizeof choices / sizeof choices[0], argc, argv, arguments);
    if (rc != TOOL_GO_ON)
        return rc;
    if (given.list)
        return check_list();
    if (given.quick && given.full) {
        tool_error("usage", "--quick and --full exclude each other");
        return TOOL_USAGE;
    }
    rc = check_driver(arguments[0]);
    if (rc != TOOL_GO_ON)
        return rc;
    if (!check_url(arguments[0], arguments[1], url)) {
        tool_error("--db", "this is no URL, or one of more than %d bytes", CONF_URL_BYTES - 1);
        return TOOL_USAGE;
    }
    options = check_options(&given, url);
    return check_run(&options, arguments[0], &given);
}

const tool_command tool_check = {
    .name = "check",
    .summary = "Try every promise of the API on one driver, and tell what is wrong with it.",
    .arguments = { "DRIVER", "[URL]" },
    .details =
        "DRIVER is a name, or the absolute path of a plugin; --db URL is the same as URL. In\n"
        "URL, @DIR@ stands for a folder that is made for each case and removed after it;\n"
        "without a URL it is DRIVER:@DIR@/check.db. Where the data is a server's, --fresh must\n"
        "leave an empty database behind; it is run before each case.\n"
        "Each case runs in a process of its own. A capability that is claimed and fails is a\n"
        "failure, and so is one that works and is not claimed.\n",
    .run = check_command,
};

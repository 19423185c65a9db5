/* conformance PLUGIN URL [PATTERN]: every promise of the API, tried on one driver. */
#include "conf.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Nothing here takes minutes: what does, hangs. */
#define CONF_LONGEST_S 900

static struct {
    char url[CONF_URL_BYTES]; /* with the plugin as its driver and @DIR@ still in it */
    char root[64];
    uint64_t capabilities;
    unsigned made; /* folders so far */
} conf_run;

static const struct {
    const char *name;
    conf_role_fn run;
} conf_roles[] = {
    { "crash", conf_role_crash },
    { "migrate", conf_role_migrate },
    { "neighbour", conf_role_neighbour },
    { "holder", conf_role_holder },
};

uint64_t
conf_capabilities(void)
{
    return conf_run.capabilities;
}

bool
conf_can(uint64_t capability)
{
    return (conf_run.capabilities & capability) != 0;
}

bool
conf_has_files(void)
{
    return strstr(conf_run.url, "@DIR@") != NULL;
}

/* ---- Folders and URLs ---- */

/* Remove a folder with all that is in it. */
static void
conf_remove(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    char path[1024];

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (unlink(path) != 0 && (errno == EISDIR || errno == EPERM))
            conf_remove(path);
    }
    if (dir != NULL)
        (void)closedir(dir);
    (void)rmdir(folder);
}

/* The URL with `folder` for every @DIR@. */
static void
conf_expand(const char *folder, char out[CONF_URL_BYTES])
{
    const char *at = conf_run.url, *mark;
    size_t len = 0;

    out[0] = '\0';
    while ((mark = strstr(at, "@DIR@")) != NULL) {
        len += (size_t)snprintf(out + len, CONF_URL_BYTES - len, "%.*s%s", (int)(mark - at), at,
                                folder);
        at = mark + strlen("@DIR@");
    }
    (void)snprintf(out + len, CONF_URL_BYTES - len, "%s", at);
}

/* Where the driver's part of a URL ends: its ':'. */
static const char *
conf_driver_end(const char *url)
{
    const char *end = url[0] == '/' ? strstr(url, ".so:") : NULL;

    return end != NULL ? end + strlen(".so") : strchr(url, ':');
}

/* The URL of the command line with the plugin's path for the driver's name; a filter is found by
 * its own. */
static bool
conf_set_url(const char *plugin, const char *url)
{
    const char *rest = conf_driver_end(url);
    int len;

    if (rest == NULL)
        return false;
    if (plugin[0] == '/' && memchr(url, '+', (size_t)(rest - url)) == NULL)
        len = snprintf(conf_run.url, sizeof conf_run.url, "%s%s", plugin, rest);
    else
        len = snprintf(conf_run.url, sizeof conf_run.url, "%s", url);
    return len > 0 && (size_t)len < sizeof conf_run.url;
}

void
conf_url(const conf *c, const char *param, char out[CONF_URL_BYTES])
{
    const char *mark = strchr(c->url, '?') != NULL ? "&" : "?";
    const int len = snprintf(out, CONF_URL_BYTES, "%s%s%s", c->url, param != NULL ? mark : "",
                             param != NULL ? param : "");

    assert_true(len > 0 && len < CONF_URL_BYTES);
}

void
conf_path(const conf *c, char *out, size_t out_bytes)
{
    const char *place = conf_driver_end(c->url) + 1;

    (void)snprintf(out, out_bytes, "%.*s", (int)strcspn(place, "?"), place);
}

/* ---- A test's life ---- */

/* Where the data is a server's, each test begins with an empty database: by the command of this
 * variable. */
static bool
conf_refresh(void)
{
    const char *command = getenv("TENON_CONFORMANCE_FRESH");

    return command == NULL || system(command) == 0;
}

int
conf_setup(void **state)
{
    conf *c = (conf *)calloc(1, sizeof *c);

    *state = c;
    if (c == NULL)
        return -1;
    (void)snprintf(c->folder, sizeof c->folder, "%s/%u", conf_run.root, ++conf_run.made);
    if (mkdir(c->folder, 0700) != 0 || !conf_refresh())
        return -1;
    conf_expand(c->folder, c->url);
    return 0;
}

int
conf_teardown(void **state)
{
    conf *c = (conf *)*state;

    if (c == NULL)
        return 0;
    conf_close(c);
    conf_remove(c->folder);
    free(c);
    return 0;
}

tenon_status
conf_try_open(conf *c, const char *param, const tenon_open_options *options)
{
    char url[CONF_URL_BYTES];

    conf_url(c, param, url);
    memset(&c->err, 0, sizeof c->err);
    return tenon_open(url, options, &c->db, &c->err);
}

void
conf_open(conf *c, const tenon_schema *schema)
{
    tenon_open_options options = { .size = sizeof options, .schema = schema };
    const bool light = strstr(c->url, "durability=") == NULL && conf_can(TENON_CAP_DURABLE_PROCESS);

    /* What a power cut leaves is nothing that a test can see; a flush at each commit costs time. */
    OK(c, conf_try_open(c, light ? "durability=process" : NULL, &options));
    assert_non_null(c->db);
}

void
conf_close(conf *c)
{
    tenon_rollback(c->txn);
    tenon_rollback(c->other);
    c->txn = NULL;
    c->other = NULL;
    tenon_close(c->db);
    c->db = NULL;
}

/* ---- The program ---- */

/* Ask the driver what it can do. @return 0, or the exit status of the program */
static int
conf_probe(void)
{
    char folder[128], url[CONF_URL_BYTES];
    tenon_error err = { 0 };
    tenon_db *db = NULL;
    tenon_status st;

    (void)snprintf(folder, sizeof folder, "%s/probe", conf_run.root);
    if (mkdir(folder, 0700) != 0)
        return 2;
    conf_expand(folder, url);
    st = tenon_open(url, NULL, &db, &err);
    if (st == TENON_OK)
        conf_run.capabilities = tenon_db_capabilities(db);
    tenon_close(db);
    conf_remove(folder);
    if (st == TENON_OK)
        return 0;
    (void)printf("%s: %s: %s\n", st == TENON_UNAVAILABLE ? "SKIPPED" : "FAILED",
                 tenon_status_name(st), err.message);
    return st == TENON_UNAVAILABLE ? 77 : 1;
}

static int
conf_run_groups(void)
{
    static const conf_group *const groups[] = {
        &conf_open_group,         &conf_types_group,     &conf_order_group,
        &conf_schema_group,       &conf_keys_group,      &conf_statements_group,
        &conf_paging_group,       &conf_cursors_group,   &conf_savepoints_group,
        &conf_transactions_group, &conf_threads_group,   &conf_migrations_group,
        &conf_interrupted_group,  &conf_abilities_group, &conf_crash_group,
        &conf_deadlines_group,    &conf_outcomes_group,  &conf_audit_group,
        &conf_groups_group,
    };
    int failed = 0;

    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        failed += _cmocka_run_group_tests(groups[i]->name, groups[i]->tests, groups[i]->count, NULL,
                                          NULL) != 0;
    return failed == 0 ? 0 : 1;
}

/* What a child of conf_spawn is called with: --child ROLE URL */
static int
conf_child_main(const char *role, const char *url)
{
    for (size_t i = 0; i < sizeof conf_roles / sizeof conf_roles[0]; i++) {
        if (strcmp(conf_roles[i].name, role) == 0)
            return conf_roles[i].run(url);
    }
    return 2;
}

int
main(int argc, char **argv)
{
    const char *folder = getenv("TMPDIR");
    int status;

    if (argc == 4 && strcmp(argv[1], "--child") == 0)
        return conf_child_main(argv[2], argv[3]);
    if ((argc != 3 && argc != 4) || !conf_set_url(argv[1], argv[2])) {
        (void)fprintf(stderr, "usage: %s PLUGIN URL [PATTERN]\n", argv[0]);
        return 2;
    }
    if (argc == 4)
        cmocka_set_test_filter(argv[3]);
    (void)alarm(CONF_LONGEST_S);
    (void)snprintf(conf_run.root, sizeof conf_run.root, "%s/tenon-conformance-XXXXXX",
                   folder != NULL && strlen(folder) < 32 ? folder : "/tmp");
    if (mkdtemp(conf_run.root) == NULL) {
        perror(conf_run.root);
        return 2;
    }
    status = conf_probe();
    if (status == 0)
        status = conf_run_groups();
    conf_remove(conf_run.root);
    return status;
}

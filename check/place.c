/* A case's place: folders, URLs, its database. */
#include "check/inside.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

bool
conf_has_files(void)
{
    return strstr(run.url, "@DIR@") != NULL;
}

/* ---- Folders and URLs ---- */

void
place_remove(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    char path[1024];

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (unlink(path) != 0 && (errno == EISDIR || errno == EPERM))
            place_remove(path);
    }
    if (dir != NULL)
        (void)closedir(dir);
    (void)rmdir(folder);
}

void
place_expand(const char *url, const char *folder, char out[CONF_URL_BYTES])
{
    const char *at = url, *mark;
    size_t len = 0;

    out[0] = '\0';
    while ((mark = strstr(at, "@DIR@")) != NULL && len < CONF_URL_BYTES) {
        len += (size_t)snprintf(out + len, CONF_URL_BYTES - len, "%.*s%s", (int)(mark - at), at,
                                folder);
        at = mark + strlen("@DIR@");
    }
    if (len < CONF_URL_BYTES)
        (void)snprintf(out + len, CONF_URL_BYTES - len, "%s", at);
}

void
conf_url(const conf *c, const char *param, char out[CONF_URL_BYTES])
{
    const char *mark = strchr(c->url, '?') != NULL ? "&" : "?";
    const int len = snprintf(out, CONF_URL_BYTES, "%s%s%s", c->url, param != NULL ? mark : "",
                             param != NULL ? param : "");

    CHECK(len > 0 && len < CONF_URL_BYTES);
}

/* What stands between the driver, whose name may be a path, and the parameters. */
void
conf_path(const conf *c, char *out, size_t out_bytes)
{
    const char *path = strchr(c->url, '/');
    const char *plugin = path != NULL ? strstr(path, ".so:") : NULL;
    const char *place = plugin != NULL && strchr(c->url, ':') == plugin + strlen(".so")
                            ? plugin + strlen(".so:")
                            : strchr(c->url, ':') + 1;

    (void)snprintf(out, out_bytes, "%.*s", (int)strcspn(place, "?"), place);
}

/* ---- Life ---- */

/* Where the data is a server's, a case begins with an empty database by a command of the user's. */
bool
place_make(conf *c, const char *folder)
{
    memset(c, 0, sizeof *c);
    (void)snprintf(c->folder, sizeof c->folder, "%s", folder);
    if (mkdir(folder, 0700) != 0 || (run.fresh != NULL && system(run.fresh) != 0))
        return false;
    place_expand(run.url, folder, c->url);
    return true;
}

void
place_leave(conf *c)
{
    conf_close(c);
    place_remove(c->folder);
}

void
conf_renew(conf *c)
{
    char folder[sizeof c->folder];

    memcpy(folder, c->folder, sizeof folder);
    place_leave(c);
    CHECK(place_make(c, folder));
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

    /* What a power cut leaves is nothing that a case can see; a flush at each commit costs time. */
    OK(c, conf_try_open(c, light ? "durability=process" : NULL, &options));
    CHECK(c->db != NULL);
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

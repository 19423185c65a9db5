/* Finding drivers, and the plugins of a process. */
#include "core/loader.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/filter.h"
#include "core/host.h"
#include "core/plugin.h"
#include "core/url.h"

/* Name of the environment variable with further folders. */
#define LOADER_PATH_VARIABLE "TENON_DRIVER_PATH"

/* A plugin of this process, or a driver that is part of the program (`real` is then NULL). Never
 * unloaded: its code may be on some thread's stack, and unloading is where such libraries crash. */
typedef struct loader_entry {
    struct loader_entry *next;
    char *real;
    tni_reason refused; /* status TENON_OK: it can be used */
    tni_plugin plugin;
} loader_entry;

static pthread_mutex_t loader_lock = PTHREAD_MUTEX_INITIALIZER;
static loader_entry *loader_entries;
static _Thread_local const char *loader_path;

void
tni_loader_set_path(const char *driver_path)
{
    loader_path = driver_path;
}

const char *
tni_loader_path(void)
{
    return loader_path;
}

/* ---- The account of a search ---- */

#define LOADER_TEXT_BYTES 4096

/* What was tried and refused. `best` is the refusal that says most: of the first file that was
 * there, else of a place that was not even looked at. */
typedef struct loader_account {
    char text[LOADER_TEXT_BYTES]; /* the others */
    size_t len;
    char best_path[96]; /* its end, which tells files apart */
    tni_reason best;
} loader_account;

/* The end of a long path, marked as such. */
static void
loader_short_path(const char *path, char *out, size_t out_bytes)
{
    const size_t len = strlen(path);
    size_t skip;

    if (len < out_bytes) {
        memcpy(out, path, len + 1);
        return;
    }
    skip = len - (out_bytes - 4); /* room for "…" (3 bytes) and the NUL */
    while (((unsigned char)path[skip] & 0xc0) == 0x80)
        skip++;
    (void)snprintf(out, out_bytes, "…%s", path + skip);
}

static void
loader_tell(loader_account *a, const char *path, const char *why)
{
    char shortened[sizeof a->best_path];
    int len;

    loader_short_path(path, shortened, sizeof shortened);
    len = snprintf(a->text + a->len, sizeof a->text - a->len, "%s%s: %s", a->len > 0 ? "; " : "",
                   shortened, why);
    if (len > 0)
        a->len += (size_t)len < sizeof a->text - a->len ? (size_t)len : sizeof a->text - a->len - 1;
}

/* Note a refusal. */
static void
loader_note(loader_account *a, const char *path, const tni_reason *reason)
{
    const bool weightier = a->best.status == TENON_OK ||
                           (a->best.status == TENON_NOT_FOUND && reason->status != TENON_NOT_FOUND);

    if (!weightier) {
        loader_tell(a, path, reason->text);
        return;
    }
    if (a->best.status != TENON_OK)
        loader_tell(a, a->best_path, a->best.text);
    a->best = *reason;
    loader_short_path(path, a->best_path, sizeof a->best_path);
}

/* Turn the account into an error. The weightiest refusal comes first, since the message is short.
 */
static tenon_status
loader_fail(const loader_account *a, const char *name, tenon_error *err)
{
    char message[LOADER_TEXT_BYTES + 512];
    size_t len;

    if (err == NULL)
        return a->best.status;
    (void)snprintf(message, sizeof message, "driver %.*s: %s: %s%s%s", TNI_DRIVER_NAME_BYTES, name,
                   a->best_path, a->best.text, a->len > 0 ? "; also tried " : "", a->text);
    tni_log(TENON_LOG_INFO, "loader", message);
    (void)tni_fail(err, a->best.status, a->best.object, "%s", message);
    if (strlen(message) >= sizeof err->message) { /* show that it was cut */
        len = sizeof err->message - 4;
        while (((unsigned char)err->message[len] & 0xc0) == 0x80)
            len--;
        memcpy(err->message + len, "…", sizeof "…");
    }
    if (tni_is_driver_name(name))
        memcpy(err->driver, name, strlen(name) + 1);
    return err->status;
}

/* ---- Loading ---- */

/* Ask a library for its descriptor, once. The lock is held. */
static void
loader_ask(void *library, loader_entry *entry)
{
    typedef const tenon_driver *(*entry_fn)(const tenon_host *host);
    void *symbol = dlsym(library, TENON_DRIVER_ENTRY);
    entry_fn fn = NULL;

    if (symbol == NULL) {
        (void)tni_refuse(&entry->refused, TENON_ABI, "has no symbol %s", TENON_DRIVER_ENTRY);
        return;
    }
    memcpy(&fn, &symbol, sizeof fn); /* C has no conversion from a data to a function pointer */
    (void)tni_plugin_normalise(fn(&tni_host), &entry->plugin, &entry->refused);
}

/* Load a checked file and make its entry, which remembers a refusal too: the entry point is called
 * once in the life of the process. The lock is held. */
static tenon_status
loader_load(const char *real, loader_entry **out, tni_reason *reason)
{
    loader_entry *entry = calloc(1, sizeof *entry);
    tenon_status st = TENON_OK;
    void *library;

    if (entry != NULL)
        entry->real = strdup(real);
    if (entry == NULL || entry->real == NULL) {
        st = tni_refuse(reason, TENON_NO_MEMORY, "no memory");
        goto done;
    }
    library = dlopen(real, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        const char *why = dlerror();

        st = tni_refuse(reason, TENON_ABI, "can't be loaded: %s", why != NULL ? why : "unknown");
        goto done;
    }
    loader_ask(library, entry);
    entry->next = loader_entries;
    loader_entries = entry;
    *out = entry;
    entry = NULL;

done:
    if (entry != NULL)
        free(entry->real);
    free(entry);
    return st;
}

/* The entry of a checked file, loaded if it is new. The lock is held. */
static tenon_status
loader_enter(const char *real, const char *name, loader_entry **out, tni_reason *reason)
{
    loader_entry *entry = loader_entries;
    tenon_status st = TENON_OK;

    while (entry != NULL && (entry->real == NULL || strcmp(entry->real, real) != 0))
        entry = entry->next;
    if (entry == NULL)
        st = loader_load(real, &entry, reason);
    if (st != TENON_OK)
        return st;
    if (entry->refused.status != TENON_OK) {
        *reason = entry->refused;
        return reason->status;
    }
    if (name != NULL && strcmp(name, entry->plugin.driver.name) != 0)
        return tni_refuse(reason, TENON_ABI, "its name is \"%s\", not \"%s\"",
                          entry->plugin.driver.name, name);
    *out = entry;
    return TENON_OK;
}

/* Try one file. */
static tenon_status
loader_try(const char *path, const char *name, const tenon_driver **out, loader_account *account)
{
    loader_entry *entry = NULL;
    tni_reason reason;
    char *real = NULL;
    tenon_status st;

    st = tni_plugin_file_check(path, &real, &reason);
    if (st == TENON_OK) {
        (void)pthread_mutex_lock(&loader_lock);
        st = loader_enter(real, name, &entry, &reason);
        (void)pthread_mutex_unlock(&loader_lock);
    }
    if (st == TENON_OK)
        *out = &entry->plugin.driver;
    else
        loader_note(account, path, &reason);
    free(real);
    return st;
}

/* ---- The search path ---- */

/* Told of each folder; `refused` is NULL or why it is not looked at. @return true: go no further */
typedef bool (*loader_folder_fn)(void *arg, const char *folder, const char *refused);

/* The folders of one list. */
static bool
loader_each_of(const char *list, const char *refused, loader_folder_fn fn, void *arg)
{
    bool stop = false;
    char *copy, *rest;

    if (list == NULL || list[0] == '\0')
        return false;
    copy = strdup(list);
    if (copy == NULL)
        return fn(arg, list, "no memory");
    rest = copy;
    while (!stop && rest != NULL) {
        char *folder = rest;

        rest = strchr(folder, ':');
        if (rest != NULL)
            *rest++ = '\0';
        if (folder[0] == '\0')
            continue;
        stop = fn(arg, folder,
                  refused != NULL    ? refused
                  : folder[0] == '/' ? NULL
                                     : "a relative path");
    }
    free(copy);
    return stop;
}

/* The folders of the search path, in order. */
static void
loader_each_folder(const char *driver_path, loader_folder_fn fn, void *arg)
{
    const char *refused = tni_process_is_elevated() ? "ignored in a set-uid or set-gid process"
                                                    : NULL;

    if (!loader_each_of(driver_path, NULL, fn, arg) &&
        !loader_each_of(getenv(LOADER_PATH_VARIABLE), refused, fn, arg))
        (void)loader_each_of(TENON_INSTALLED_DRIVERS, NULL, fn, arg);
}

/* A search for one name. */
typedef struct loader_search {
    const char *name;
    const tenon_driver *found;
    loader_account account;
} loader_search;

static bool
loader_search_folder(void *arg, const char *folder, const char *refused)
{
    loader_search *search = arg;
    tni_reason reason;
    tenon_status st;
    char *path;
    size_t bytes;

    if (refused != NULL) {
        (void)tni_refuse(&reason, TENON_DENIED, "%s", refused);
        loader_note(&search->account, folder, &reason);
        return false;
    }
    bytes = strlen(folder) + strlen(search->name) + sizeof "/.so";
    path = malloc(bytes);
    if (path == NULL) {
        (void)tni_refuse(&reason, TENON_NO_MEMORY, "no memory");
        loader_note(&search->account, folder, &reason);
        return false;
    }
    (void)snprintf(path, bytes, "%s/%s.so", folder, search->name);
    st = loader_try(path, search->name, &search->found, &search->account);
    free(path);
    return st == TENON_OK;
}

/* A driver that is part of the program; NULL: none of that name. */
static const tenon_driver *
loader_find_registered(const char *name)
{
    const tenon_driver *found = NULL;

    (void)pthread_mutex_lock(&loader_lock);
    for (loader_entry *e = loader_entries; e != NULL && found == NULL; e = e->next) {
        if (e->real == NULL && strcmp(e->plugin.driver.name, name) == 0)
            found = &e->plugin.driver;
    }
    (void)pthread_mutex_unlock(&loader_lock);
    return found;
}

tenon_status
tni_driver_find_by_name(const char *name, const char *driver_path, const tenon_driver **out,
                        tenon_error *err)
{
    loader_search *search;
    tenon_status st;

    *out = NULL;
    if (name != NULL && strchr(name, '+') != NULL)
        return tni_filter_find(name, driver_path, out, err);
    if (!tni_is_driver_name(name))
        return tni_fail(err, TENON_CONFIG, NULL, "this is not the name of a driver");
    *out = loader_find_registered(name);
    if (*out != NULL)
        return TENON_OK;
    search = calloc(1, sizeof *search);
    if (search == NULL)
        return tni_no_memory(err, "the search for a driver");
    search->name = name;
    loader_each_folder(driver_path, loader_search_folder, search);
    *out = search->found;
    st = search->found != NULL ? TENON_OK : loader_fail(&search->account, name, err);
    free(search);
    return st;
}

tenon_status
tni_driver_find_by_path(const char *path, const tenon_driver **out, tenon_error *err)
{
    loader_account *account;
    tenon_status st;

    *out = NULL;
    account = calloc(1, sizeof *account);
    if (account == NULL)
        return tni_no_memory(err, "the search for a driver");
    st = loader_try(path, NULL, out, account);
    if (st != TENON_OK)
        st = loader_fail(account, "given by path", err);
    free(account);
    return st;
}

tenon_status
tni_driver_register(const tenon_driver *descriptor, tenon_error *err)
{
    tenon_status st = TENON_OK;
    loader_entry *entry;
    tni_reason reason;

    entry = calloc(1, sizeof *entry);
    if (entry == NULL)
        return tni_no_memory(err, "a driver");
    if (tni_plugin_normalise(descriptor, &entry->plugin, &reason) != TENON_OK) {
        st = tni_fail(err, reason.status, reason.object, "%s", reason.text);
        goto done;
    }
    (void)pthread_mutex_lock(&loader_lock);
    for (loader_entry *e = loader_entries; e != NULL && st == TENON_OK; e = e->next) {
        if (e->real == NULL && strcmp(e->plugin.driver.name, entry->plugin.driver.name) == 0)
            st = TENON_EXISTS;
    }
    if (st == TENON_OK) {
        entry->next = loader_entries;
        loader_entries = entry;
        entry = NULL;
    }
    (void)pthread_mutex_unlock(&loader_lock);
    if (st != TENON_OK)
        st = tni_fail(err, st, entry->plugin.driver.name, "a driver of that name is registered");

done:
    free(entry);
    return st;
}

/* ---- All plugins of the search path ---- */

typedef struct loader_listing {
    tenon_driver_fn fn;
    void *arg;
} loader_listing;

static void
loader_list_one(const loader_listing *listing, const char *path, const char *refused,
                const tenon_driver *driver)
{
    const char *base = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
    char name[64];
    tenon_driver_info info = { .name = name, .path = path, .refused = refused };

    (void)snprintf(name, sizeof name, "%s", base);
    if (strlen(name) > 3 && strcmp(name + strlen(name) - 3, ".so") == 0)
        name[strlen(name) - 3] = '\0';
    if (driver != NULL) {
        info.name = driver->name;
        info.version = driver->version;
        info.capabilities = driver->capabilities;
        info.abi_major = driver->abi_major;
        info.abi_minor = driver->abi_minor;
    }
    listing->fn(listing->arg, &info);
}

/* Look at one file of a folder as a search for its name would. */
static void
loader_list_file(const loader_listing *listing, const char *folder, const char *file)
{
    const size_t len = strlen(file), bytes = strlen(folder) + len + 2;
    const tenon_driver *driver = NULL;
    loader_account *account = calloc(1, sizeof *account);
    char *path = malloc(bytes), *name = strdup(file);

    if (account == NULL || path == NULL || name == NULL) {
        loader_list_one(listing, folder, "no memory", NULL);
        goto done;
    }
    (void)snprintf(path, bytes, "%s/%s", folder, file);
    name[len - 3] = '\0';
    if (loader_try(path, name, &driver, account) == TENON_OK)
        loader_list_one(listing, path, NULL, driver);
    else
        loader_list_one(listing, path, account->best.text, NULL);

done:
    free(account);
    free(path);
    free(name);
}

static int
loader_only_so(const struct dirent *entry)
{
    const size_t len = strlen(entry->d_name);

    return len > 3 && entry->d_name[0] != '.' && strcmp(entry->d_name + len - 3, ".so") == 0;
}

static bool
loader_list_folder(void *arg, const char *folder, const char *refused)
{
    const loader_listing *listing = arg;
    struct dirent **files = NULL;
    int count;

    if (refused != NULL) {
        loader_list_one(listing, folder, refused, NULL);
        return false;
    }
    count = scandir(folder, &files, loader_only_so, alphasort);
    if (count < 0 && errno != ENOENT && errno != ENOTDIR)
        loader_list_one(listing, folder, strerror(errno), NULL);
    for (int i = 0; i < count; i++) {
        loader_list_file(listing, folder, files[i]->d_name);
        free(files[i]);
    }
    free(files);
    return false;
}

tenon_status
tenon_drivers(const char *driver_path, tenon_driver_fn fn, void *arg, tenon_error *err)
{
    loader_listing listing = { .fn = fn, .arg = arg };

    if (fn == NULL)
        return tni_fail(err, TENON_MISUSE, NULL, "tenon_drivers needs a function to tell");
    loader_each_folder(driver_path, loader_list_folder, &listing);
    return TENON_OK;
}

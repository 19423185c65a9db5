/* Filters over drivers. Each pair is made once, and stays as long as the process, as drivers do. */
#include "core/filter.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/loader.h"
#include "core/plugin.h"
#include "core/url.h"

#define FILTER_MOST 8 /* one over the other */

typedef struct filter_pair {
    struct filter_pair *next;
    const tenon_driver *filter, *inner;
    tni_plugin plugin;
} filter_pair;

static pthread_mutex_t filter_lock = PTHREAD_MUTEX_INITIALIZER;
static filter_pair *filter_pairs;

/* A normalised driver is the first member of the core's copy. */
static const tni_plugin *
filter_plugin(const tenon_driver *driver)
{
    return (const tni_plugin *)(const void *)driver;
}

static tenon_status
filter_over(const tenon_driver *filter, const tenon_driver *inner, const tenon_driver **out,
            tenon_error *err)
{
    filter_pair *pair;

    (void)pthread_mutex_lock(&filter_lock);
    pair = filter_pairs;
    while (pair != NULL && (pair->filter != filter || pair->inner != inner))
        pair = pair->next;
    if (pair == NULL && (pair = calloc(1, sizeof *pair)) != NULL) {
        pair->filter = filter;
        pair->inner = inner;
        tni_plugin_over(filter_plugin(filter), filter_plugin(inner), &pair->plugin);
        pair->next = filter_pairs;
        filter_pairs = pair;
    }
    (void)pthread_mutex_unlock(&filter_lock);
    if (pair == NULL)
        return tni_no_memory(err, "a filter");
    *out = &pair->plugin.driver;
    return TENON_OK;
}

/* The name before '+'. */
static tenon_status
filter_find_first(const char *name, size_t len, const char *driver_path, const tenon_driver **out,
                  tenon_error *err)
{
    char first[TNI_DRIVER_NAME_BYTES + 1];
    tenon_status st;

    if (len >= sizeof first)
        return tni_fail(err, TENON_CONFIG, NULL, "this is not the name of a filter");
    memcpy(first, name, len);
    first[len] = '\0';
    st = tni_driver_find_by_name(first, driver_path, out, err);
    if (st == TENON_OK && ((*out)->flags & TENON_DRV_FILTER) == 0)
        st = tni_fail(err, TENON_CONFIG, (*out)->name,
                      "%s is no filter: nothing can stand behind "
                      "it and '+'",
                      first);
    return st;
}

tenon_status
tni_filter_find(const char *name, const char *driver_path, const tenon_driver **out,
                tenon_error *err)
{
    const char *inner_name = strrchr(name, '/') != NULL ? strchr(name, '/') : name + strlen(name);
    const tenon_driver *driver = NULL, *filter = NULL;
    tenon_status st;
    size_t count = 0;

    while (inner_name > name && inner_name[-1] != '+')
        inner_name--;
    if (inner_name == name)
        return tni_fail(err, TENON_CONFIG, NULL, "this is not the name of a driver");
    st = inner_name[0] == '/' ? tni_driver_find_by_path(inner_name, &driver, err)
                              : tni_driver_find_by_name(inner_name, driver_path, &driver, err);
    while (st == TENON_OK && inner_name > name) { /* from the innermost filter outwards */
        const char *first = inner_name - 1;

        while (first > name && first[-1] != '+')
            first--;
        if (++count > FILTER_MOST)
            return tni_fail(err, TENON_CONFIG, NULL, "more than %d filters", FILTER_MOST);
        st = filter_find_first(first, (size_t)(inner_name - 1 - first), driver_path, &filter, err);
        if (st == TENON_OK)
            st = filter_over(filter, driver, &driver, err);
        inner_name = first;
    }
    if (st == TENON_OK)
        *out = driver;
    return st;
}

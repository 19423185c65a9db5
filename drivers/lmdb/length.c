/*
 * Reads the list of free pages, LMDB's table 0, from the file and not through the map: pages of
 * that list may be among those that are missing. LMDB has no function for it, so that this is the
 * one place that knows how a file of its data version 1 is laid out, which is all of 0.9.
 */
#include "length.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LENGTH_MAGIC UINT32_C(0xBEEFC0DE)
#define LENGTH_VERSION 1
#define LENGTH_DEPTH 32 /* no tree of LMDB is deeper */

enum { LENGTH_BRANCH = 1, LENGTH_LEAF = 2 };
enum { LENGTH_BIG = 1 }; /* the value stands on pages of its own */

/* A page begins with it; then come the places of its nodes. */
typedef struct length_page {
    size_t number;
    uint16_t pad, flags;
    uint16_t lower, upper;
} length_page;

typedef struct length_tree {
    uint32_t pad;
    uint16_t flags, depth;
    size_t branch_pages, leaf_pages, overflow_pages, entries;
    size_t root;
} length_tree;

typedef struct length_meta {
    length_page page;
    uint32_t magic, version;
    void *address;
    size_t map_bytes;
    length_tree trees[2];
    size_t last_page;
    size_t state;
} length_meta;

typedef struct length_node {
    uint16_t low, high, flags, key_bytes;
} length_node;

typedef struct length_walk {
    int fd;
    size_t page_bytes;
    size_t there;      /* Pages that the file has. */
    size_t missing;    /* That have not been found in the list yet. */
    size_t pages_left; /* That the tree may still have: a damaged one may go in circles. */
} length_walk;

static size_t
length_page_bytes(MDB_env *env)
{
    MDB_stat tree;

    (void)mdb_env_stat(env, &tree);
    return tree.ms_psize;
}

/* Bytes from a page on, all of which must be there. */
static int
length_read(const length_walk *w, size_t page, size_t at, void *out, size_t bytes)
{
    char *to = out;

    if (page >= w->there || (w->there - page) * w->page_bytes < at + bytes)
        return MDB_CORRUPTED;
    for (size_t done = 0; done < bytes;) {
        const ssize_t got = pread(w->fd, to + done, bytes - done,
                                  (off_t)(page * w->page_bytes + at + done));

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? errno : MDB_CORRUPTED;
        done += (size_t)got;
    }
    return 0;
}

/* A list: how many, and then their numbers. */
static int
length_count(length_walk *w, const unsigned char *list, size_t bytes)
{
    size_t count, page;

    if (bytes < sizeof count)
        return MDB_CORRUPTED;
    memcpy(&count, list, sizeof count);
    if (count > bytes / sizeof page - 1)
        return MDB_CORRUPTED;
    for (size_t i = 1; i <= count; i++) {
        memcpy(&page, list + i * sizeof page, sizeof page);
        w->missing -= page >= w->there;
    }
    return 0;
}

/* A list that stands on pages of its own. */
static int
length_count_big(length_walk *w, size_t page, size_t bytes)
{
    unsigned char *list;
    int rc;

    if (bytes > w->there * w->page_bytes)
        return MDB_CORRUPTED;
    list = malloc(bytes);
    if (list == NULL)
        return ENOMEM;
    rc = length_read(w, page, sizeof(length_page), list, bytes);
    if (rc == 0)
        rc = length_count(w, list, bytes);
    free(list);
    return rc;
}

/* The node at a place of a page, which is whole. @return what follows it; NULL: it is not */
static const unsigned char *
length_node_at(const length_walk *w, const unsigned char *page, size_t index, length_node *out)
{
    uint16_t at;

    memcpy(&at, page + sizeof(length_page) + index * sizeof at, sizeof at);
    if (at > w->page_bytes - sizeof *out)
        return NULL;
    memcpy(out, page + at, sizeof *out);
    return page + at + sizeof *out;
}

static int
length_leaf(length_walk *w, const unsigned char *page, const unsigned char *data,
            const length_node *node)
{
    const size_t bytes = (size_t)node->low | (size_t)node->high << 16;
    const size_t room = (size_t)(page + w->page_bytes - data);
    size_t big;

    if (node->key_bytes > room)
        return MDB_CORRUPTED;
    if ((node->flags & LENGTH_BIG) == 0)
        return bytes > room - node->key_bytes ? MDB_CORRUPTED
                                              : length_count(w, data + node->key_bytes, bytes);
    if (room - node->key_bytes < sizeof big)
        return MDB_CORRUPTED;
    memcpy(&big, data + node->key_bytes, sizeof big);
    return length_count_big(w, big, bytes);
}

static int length_walk_page(length_walk *w, size_t number, size_t depth);

static int
length_walk_nodes(length_walk *w, const unsigned char *page, size_t depth)
{
    length_page head;
    int rc = 0;

    memcpy(&head, page, sizeof head);
    if (head.lower < sizeof head || head.lower > w->page_bytes ||
        (head.flags & (LENGTH_BRANCH | LENGTH_LEAF)) != (depth == 1 ? LENGTH_LEAF : LENGTH_BRANCH))
        return MDB_CORRUPTED;
    for (size_t i = 0; i < (head.lower - sizeof head) / sizeof(uint16_t) && rc == 0; i++) {
        length_node node;
        const unsigned char *data = length_node_at(w, page, i, &node);

        if (data == NULL)
            rc = MDB_CORRUPTED;
        else if (depth == 1)
            rc = length_leaf(w, page, data, &node);
        else
            rc = length_walk_page(w,
                                  (size_t)((uint64_t)node.low | (uint64_t)node.high << 16 |
                                           (uint64_t)node.flags << 32),
                                  depth - 1);
    }
    return rc;
}

static int
length_walk_page(length_walk *w, size_t number, size_t depth)
{
    unsigned char *page;
    int rc;

    if (w->pages_left-- == 0)
        return MDB_CORRUPTED;
    page = malloc(w->page_bytes);
    if (page == NULL)
        return ENOMEM;
    rc = length_read(w, number, 0, page, w->page_bytes);
    if (rc == 0)
        rc = length_walk_nodes(w, page, depth);
    free(page);
    return rc;
}

static int
length_find_meta(const length_walk *w, size_t state, length_meta *out)
{
    for (size_t page = 0; page < 2; page++) {
        const int rc = length_read(w, page, 0, out, sizeof *out);

        if (rc != 0)
            return rc;
        if (out->magic != LENGTH_MAGIC || out->version != LENGTH_VERSION)
            return MDB_VERSION_MISMATCH;
        if (out->state == state)
            return 0;
    }
    return MDB_BAD_TXN;
}

int
lmdb_length_check(MDB_env *env, size_t state, size_t *bytes)
{
    length_walk w = { .page_bytes = length_page_bytes(env) };
    const length_tree *list;
    length_meta meta;
    struct stat st;
    int rc = mdb_env_get_fd(env, &w.fd);

    if (rc == 0)
        rc = fstat(w.fd, &st) == 0 ? 0 : errno;
    if (rc != 0)
        return rc;
    w.there = (size_t)st.st_size / w.page_bytes;
    rc = length_find_meta(&w, state, &meta);
    if (rc != 0)
        return rc;
    *bytes = (meta.last_page + 1) * w.page_bytes;
    if (meta.last_page < w.there)
        return 0;
    w.missing = meta.last_page + 1 - w.there;
    w.pages_left = w.there;
    list = &meta.trees[0];
    if (list->depth > LENGTH_DEPTH)
        return MDB_CORRUPTED;
    if (list->depth > 0)
        rc = length_walk_page(&w, list->root, list->depth);
    return rc == 0 && w.missing != 0 ? MDB_CORRUPTED : rc;
}

bool
lmdb_length_fits(MDB_env *env, int *rc)
{
    MDB_envinfo info;
    struct stat st;
    int fd = -1;

    /* First, since another process writes pages before the meta page that tells of them. In the
     * other order a file seems too short where that process is quick. */
    (void)mdb_env_info(env, &info);
    *rc = mdb_env_get_fd(env, &fd);
    if (*rc == 0)
        *rc = fstat(fd, &st) == 0 ? 0 : errno;
    return *rc == 0 && (info.me_last_txnid == 0 ||
                        (size_t)st.st_size / length_page_bytes(env) > info.me_last_pgno);
}

/**
 * @file tree.h A balanced tree from bytes to bytes whose older states stay readable. A change
 * copies the way from the root to the place; what the writer has copied or made itself, which its
 * `owner` number tells, is changed in place. Nodes are counted by those that point to them.
 */
#ifndef TENON_MEMORY_TREE_H
#define TENON_MEMORY_TREE_H

#include <stdatomic.h>

#include "tenon/kit/kv.h"

/** More than the height of any tree that fits into memory. */
enum { TREE_MOST_HEIGHT = 64 };

/** A key with its value. Never changed; shared by the copies of a node. */
typedef struct tree_item {
    atomic_uint use_count;
    uint32_t value_len;
    uint64_t key_len;
    unsigned char bytes[]; /**< Key, then value. */
} tree_item;

/** A node. NULL is the empty tree. */
typedef struct tree_node {
    atomic_uint use_count;
    int height;
    uint64_t owner;
    tree_item *item;
    struct tree_node *child[2]; /**< Smaller keys, greater keys. */
} tree_node;

/** Take part in a tree. @return `root` */
tree_node *tree_hold(tree_node *root);

/** Give it up; the last one frees it. */
void tree_release(tree_node *root);

/** The item of a key, or NULL. */
const tree_item *tree_find(const tree_node *root, tenon_kv_bytes key);

/** Set the value of a key. False: no memory; the tree is then to be given up. */
bool tree_put(tree_node **root, uint64_t owner, tenon_kv_bytes key, tenon_kv_bytes value);

/** Remove a key that is there. False: no memory. */
bool tree_remove(tree_node **root, uint64_t owner, tenon_kv_bytes key);

/** A place in a tree: the nodes from the root down to it. */
typedef struct tree_place {
    const tree_node *path[TREE_MOST_HEIGHT];
    int depth; /**< 0: nowhere. */
} tree_place;

/** Go to the first key that is `key` or greater. */
void tree_seek(tree_place *place, const tree_node *root, tenon_kv_bytes key);

/** Go to the last key that is less than `key`. */
void tree_seek_before(tree_place *place, const tree_node *root, tenon_kv_bytes key);

/** Go to the next key (`side` 1) or the one before (0). */
void tree_step(tree_place *place, int side);

/** The item there, or NULL. */
const tree_item *tree_at(const tree_place *place);

#endif

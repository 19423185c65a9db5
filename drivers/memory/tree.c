/* An AVL tree with copied paths. */
#include "tree.h"

#include <stdlib.h>

/* ---- Items ---- */

static tree_item *
item_new(tenon_kv_bytes key, tenon_kv_bytes value)
{
    tree_item *item = malloc(sizeof *item + (size_t)key.len + (size_t)value.len);

    if (item == NULL)
        return NULL;
    atomic_init(&item->use_count, 1);
    item->key_len = key.len;
    item->value_len = (uint32_t)value.len;
    memcpy(item->bytes, key.data, (size_t)key.len);
    if (value.len > 0)
        memcpy(item->bytes + key.len, value.data, (size_t)value.len);
    return item;
}

static void
item_release(tree_item *item)
{
    if (atomic_fetch_sub_explicit(&item->use_count, 1, memory_order_acq_rel) == 1)
        free(item);
}

static int
item_compare(tenon_kv_bytes key, const tree_item *item)
{
    const uint64_t len = key.len < item->key_len ? key.len : item->key_len;
    const int order = memcmp(key.data, item->bytes, (size_t)len);

    return order != 0 ? order : (key.len > item->key_len) - (key.len < item->key_len);
}

/* ---- Nodes ---- */

tree_node *
tree_hold(tree_node *root)
{
    if (root != NULL)
        (void)atomic_fetch_add_explicit(&root->use_count, 1, memory_order_relaxed);
    return root;
}

void
tree_release(tree_node *root)
{
    while (root != NULL &&
           atomic_fetch_sub_explicit(&root->use_count, 1, memory_order_acq_rel) == 1) {
        tree_node *greater = root->child[1];

        tree_release(root->child[0]); /* as deep as the tree is high */
        item_release(root->item);
        free(root);
        root = greater;
    }
}

static tree_node *
node_new(uint64_t owner, tree_item *item)
{
    tree_node *node = malloc(sizeof *node);

    if (node == NULL)
        return NULL;
    atomic_init(&node->use_count, 1);
    node->height = 1;
    node->owner = owner;
    node->item = item;
    node->child[0] = NULL;
    node->child[1] = NULL;
    return node;
}

/* Make the node in a slot the writer's own. */
static bool
node_own(tree_node **slot, uint64_t owner)
{
    tree_node *node = *slot, *copy;

    if (node->owner == owner)
        return true;
    copy = node_new(owner, node->item);
    if (copy == NULL)
        return false;
    (void)atomic_fetch_add_explicit(&node->item->use_count, 1, memory_order_relaxed);
    copy->height = node->height;
    copy->child[0] = tree_hold(node->child[0]);
    copy->child[1] = tree_hold(node->child[1]);
    *slot = copy;
    tree_release(node);
    return true;
}

static int
node_height(const tree_node *node)
{
    return node == NULL ? 0 : node->height;
}

static void
node_measure(tree_node *node)
{
    const int a = node_height(node->child[0]), b = node_height(node->child[1]);

    node->height = 1 + (a > b ? a : b);
}

/* Bring the child on `side` up; both nodes are the writer's own. */
static void
node_rotate(tree_node **slot, int side)
{
    tree_node *node = *slot, *up = node->child[side];

    node->child[side] = up->child[!side];
    up->child[!side] = node;
    node_measure(node);
    node_measure(up);
    *slot = up;
}

/* Let the heights of a node's children differ by one at most. The node is the writer's own. */
static bool
node_balance(tree_node **slot, uint64_t owner)
{
    tree_node *node = *slot;
    const int lean = node_height(node->child[1]) - node_height(node->child[0]);
    const int side = lean > 0;
    tree_node *high;

    node_measure(node);
    if (lean >= -1 && lean <= 1)
        return true;
    if (!node_own(&node->child[side], owner))
        return false;
    high = node->child[side];
    if (node_height(high->child[!side]) > node_height(high->child[side])) {
        if (!node_own(&high->child[!side], owner))
            return false;
        node_rotate(&node->child[side], !side);
    }
    node_rotate(slot, side);
    return true;
}

/* ---- Changes ---- */

const tree_item *
tree_find(const tree_node *root, tenon_kv_bytes key)
{
    while (root != NULL) {
        const int order = item_compare(key, root->item);

        if (order == 0)
            return root->item;
        root = root->child[order > 0];
    }
    return NULL;
}

/* Takes over `item`, also on failure. */
static bool
put_item(tree_node **slot, uint64_t owner, tenon_kv_bytes key, tree_item *item)
{
    int order;

    if (*slot == NULL) {
        *slot = node_new(owner, item);
        if (*slot == NULL)
            item_release(item);
        return *slot != NULL;
    }
    if (!node_own(slot, owner)) {
        item_release(item);
        return false;
    }
    order = item_compare(key, (*slot)->item);
    if (order == 0) {
        item_release((*slot)->item);
        (*slot)->item = item;
        return true;
    }
    return put_item(&(*slot)->child[order > 0], owner, key, item) && node_balance(slot, owner);
}

bool
tree_put(tree_node **root, uint64_t owner, tenon_kv_bytes key, tenon_kv_bytes value)
{
    tree_item *item = item_new(key, value);

    return item != NULL && put_item(root, owner, key, item);
}

/* Take the smallest node out of a tree. */
static bool
remove_first(tree_node **slot, uint64_t owner, tree_item **out)
{
    tree_node *node;

    if (!node_own(slot, owner))
        return false;
    node = *slot;
    if (node->child[0] != NULL)
        return remove_first(&node->child[0], owner, out) && node_balance(slot, owner);
    *out = node->item;
    *slot = node->child[1];
    free(node); /* the writer's own: nobody else points to it */
    return true;
}

static bool
remove_here(tree_node **slot, uint64_t owner)
{
    tree_node *node = *slot;
    tree_item *next = NULL;

    if (node->child[0] == NULL || node->child[1] == NULL) {
        *slot = node->child[node->child[0] == NULL];
        item_release(node->item);
        free(node);
        return true;
    }
    if (!remove_first(&node->child[1], owner, &next))
        return false;
    item_release(node->item);
    node->item = next;
    return node_balance(slot, owner);
}

bool
tree_remove(tree_node **root, uint64_t owner, tenon_kv_bytes key)
{
    int order;

    if (!node_own(root, owner))
        return false;
    order = item_compare(key, (*root)->item);
    if (order == 0)
        return remove_here(root, owner);
    return tree_remove(&(*root)->child[order > 0], owner, key) && node_balance(root, owner);
}

/* ---- Places ---- */

const tree_item *
tree_at(const tree_place *place)
{
    return place->depth == 0 ? NULL : place->path[place->depth - 1]->item;
}

/* Down to where a key is or would be; then back to the last node on the wanted side of it. */
static void
seek(tree_place *place, const tree_node *root, tenon_kv_bytes key, bool before)
{
    int wanted = 0;

    place->depth = 0;
    while (root != NULL) {
        const int order = item_compare(key, root->item);

        place->path[place->depth++] = root;
        if (before ? order > 0 : order <= 0)
            wanted = place->depth;
        root = root->child[order > 0];
    }
    place->depth = wanted;
}

void
tree_seek(tree_place *place, const tree_node *root, tenon_kv_bytes key)
{
    seek(place, root, key, false);
}

void
tree_seek_before(tree_place *place, const tree_node *root, tenon_kv_bytes key)
{
    seek(place, root, key, true);
}

void
tree_step(tree_place *place, int side)
{
    const tree_node *node = place->path[place->depth - 1];

    if (node->child[side] != NULL) {
        for (node = node->child[side]; node != NULL; node = node->child[!side])
            place->path[place->depth++] = node;
        return;
    }
    do {
        node = place->path[--place->depth];
    } while (place->depth > 0 && place->path[place->depth - 1]->child[side] == node);
}

/* The tree of the driver memory: balanced, in order, and older states stay as they were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "drivers/memory/tree.h"

enum { MOST_KEYS = 500, STATES = 8 };

static uint64_t
tree_random(void)
{
    static uint64_t state = 88172645463325252U;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static tenon_kv_bytes
tree_key(uint32_t number, char text[16])
{
    return (tenon_kv_bytes){ .data = text,
                             .len = (uint64_t)snprintf(text, 16, "k%05u", (unsigned)number) };
}

/* What the tree should hold: a value for each number, 0 = none. */
typedef struct model {
    uint32_t values[MOST_KEYS];
} model;

static int
check_heights(const tree_node *node)
{
    int a, b;

    if (node == NULL)
        return 0;
    a = check_heights(node->child[0]);
    b = check_heights(node->child[1]);
    assert_true(a - b >= -1 && a - b <= 1);
    assert_int_equal(node->height, 1 + (a > b ? a : b));
    return node->height;
}

static void
check_item(const tree_item *item, uint32_t number, uint32_t value)
{
    char text[16];
    const tenon_kv_bytes key = tree_key(number, text);
    uint32_t stored;

    assert_non_null(item);
    assert_int_equal(item->key_len, key.len);
    assert_memory_equal(item->bytes, key.data, key.len);
    memcpy(&stored, item->bytes + item->key_len, sizeof stored);
    assert_int_equal(stored, value);
}

/* Forwards, backwards, and by each key. */
static void
check_tree(const tree_node *root, const model *m)
{
    tree_place place;
    char text[16];

    (void)check_heights(root);
    tree_seek(&place, root, (tenon_kv_bytes){ .data = "", .len = 0 });
    for (uint32_t i = 0; i < MOST_KEYS; i++) {
        if (m->values[i] == 0) {
            assert_null(tree_find(root, tree_key(i, text)));
            continue;
        }
        check_item(tree_find(root, tree_key(i, text)), i, m->values[i]);
        check_item(tree_at(&place), i, m->values[i]);
        tree_step(&place, 1);
    }
    assert_null(tree_at(&place));
    tree_seek_before(&place, root, (tenon_kv_bytes){ .data = "z", .len = 1 });
    for (uint32_t i = MOST_KEYS; i > 0; i--) {
        if (m->values[i - 1] == 0)
            continue;
        check_item(tree_at(&place), i - 1, m->values[i - 1]);
        tree_step(&place, 0);
    }
    assert_null(tree_at(&place));
}

static void
change(tree_node **root, uint64_t owner, model *m)
{
    const uint32_t number = (uint32_t)(tree_random() % MOST_KEYS);
    const uint32_t value = (uint32_t)tree_random() | 1;
    char text[16];
    const tenon_kv_bytes key = tree_key(number, text);

    if (m->values[number] != 0 && tree_random() % 2 == 0) {
        assert_true(tree_remove(root, owner, key));
        m->values[number] = 0;
    } else {
        assert_true(
            tree_put(root, owner, key, (tenon_kv_bytes){ .data = &value, .len = sizeof value }));
        m->values[number] = value;
    }
}

static void
older_states_stay_as_they_were(void **state)
{
    tree_node *roots[STATES] = { NULL };
    static model models[STATES];
    uint64_t owner = 1;

    (void)state;
    for (int round = 0; round < 400; round++) {
        const int from = (int)(tree_random() % STATES), to = (int)(tree_random() % STATES);
        tree_node *root = tree_hold(roots[from]);
        model m = models[from];

        owner++;
        for (uint64_t n = tree_random() % 60; n > 0; n--)
            change(&root, owner, &m);
        tree_release(roots[to]);
        roots[to] = root;
        models[to] = m;
        for (int i = 0; i < STATES; i++)
            check_tree(roots[i], &models[i]);
    }
    for (int i = 0; i < STATES; i++)
        tree_release(roots[i]); /* a leak, or a node freed twice, is the sanitizer's to find */
}

static void
seeking_finds_the_neighbours(void **state)
{
    tree_node *root = NULL;
    tree_place place;
    model m = { { 0 } };
    char text[16];

    (void)state;
    for (int i = 0; i < 200; i++)
        change(&root, 1, &m);
    for (uint32_t i = 0; i < MOST_KEYS; i++) {
        uint32_t above = i, below = i;

        while (above < MOST_KEYS && m.values[above] == 0)
            above++;
        while (below > 0 && m.values[below - 1] == 0)
            below--;
        tree_seek(&place, root, tree_key(i, text));
        if (above < MOST_KEYS)
            check_item(tree_at(&place), above, m.values[above]);
        else
            assert_null(tree_at(&place));
        tree_seek_before(&place, root, tree_key(i, text));
        if (below > 0)
            check_item(tree_at(&place), below - 1, m.values[below - 1]);
        else
            assert_null(tree_at(&place));
    }
    tree_release(root);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(older_states_stay_as_they_were),
        cmocka_unit_test(seeking_finds_the_neighbours),
    };

    return cmocka_run_group_tests_name("kv.tree", tests, NULL, NULL);
}

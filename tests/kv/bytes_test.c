/* Keys sort as their values do, rows come back as they went in, and damage is noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kits/kv/kv.h"

/* A generator with a fixed seed: the same values each time. */
static uint64_t
bytes_random(void)
{
    static uint64_t state = 88172645463325252U;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static const double reals[] = { -1e308, -2.5, -1e-300, 0.0, 1e-300, 0.5, 2.5, 1e308 };

/* A value of a type; often one of the extremes, and texts that share beginnings and have zeros. */
static tenon_value
bytes_value(tenon_type type, unsigned char room[64])
{
    static const int64_t ints[] = { INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX };
    tenon_value v = tenon_null();

    if (bytes_random() % 12 == 0)
        return v;
    switch (type) {
    case TENON_BOOL:
        return tenon_bool(bytes_random() % 2 != 0);
    case TENON_REAL:
        return tenon_real(reals[bytes_random() % 8]);
    case TENON_TEXT:
    case TENON_BLOB:
        for (int i = 0; i < 64; i++)
            room[i] = (unsigned char)(type == TENON_TEXT ? 'a' + bytes_random() % 3
                                                         : (bytes_random() % 3) * 0x7F + i % 2);
        v = tenon_blob(room, bytes_random() % 6);
        v.type = type;
        return v;
    case TENON_UUID:
        for (int i = 0; i < 16; i++)
            room[i] = (unsigned char)(bytes_random() % 2 * 0xFF);
        v = tenon_blob(room, 16);
        v.type = TENON_UUID;
        return v;
    default:
        v = tenon_int(bytes_random() % 2 == 0 ? ints[bytes_random() % 6] : (int64_t)bytes_random());
        v.type = type;
        return v;
    }
}

static int
sign(int n)
{
    return (n > 0) - (n < 0);
}

static int
bytes_order(const kv_buffer *a, const kv_buffer *b)
{
    const int order = memcmp(a->data, b->data, a->len < b->len ? a->len : b->len);

    return order != 0 ? sign(order) : (a->len > b->len) - (a->len < b->len);
}

static void
keys_of_pairs_sort_as_their_values(void **state)
{
    kv_buffer a = { 0 }, b = { 0 };

    (void)state;
    for (int i = 0; i < 200000; i++) {
        const tenon_type first = (tenon_type)(1 + bytes_random() % 7);
        const tenon_type second = (tenon_type)(1 + bytes_random() % 7);
        unsigned char room[4][64];
        const tenon_value va = bytes_value(first, room[0]), vb = bytes_value(first, room[1]);
        const tenon_value wa = bytes_value(second, room[2]), wb = bytes_value(second, room[3]);
        int expected = sign(tenon_value_compare(&va, &vb));

        if (expected == 0)
            expected = sign(tenon_value_compare(&wa, &wb));
        a.len = b.len = 0;
        assert_true(kv_key_value(&a, &va) && kv_key_value(&a, &wa));
        assert_true(kv_key_value(&b, &vb) && kv_key_value(&b, &wb));
        assert_int_equal(bytes_order(&a, &b), expected);
    }
    kv_buffer_free(&a);
    kv_buffer_free(&b);
}

static void
a_value_of_a_key_can_be_passed_over(void **state)
{
    kv_buffer b = { 0 };

    (void)state;
    for (int i = 0; i < 20000; i++) {
        const tenon_type type = (tenon_type)(1 + bytes_random() % 7);
        unsigned char room[64];
        const tenon_value v = bytes_value(type, room), behind = tenon_int(7);
        size_t len;

        b.len = 0;
        assert_true(kv_key_value(&b, &v));
        len = b.len;
        assert_true(kv_key_value(&b, &behind));
        assert_int_equal(kv_key_skip((tenon_kv_bytes){ .data = b.data, .len = b.len }, type), len);
        if (v.type != TENON_NULL) /* cut short: never read beyond the end */
            assert_int_equal(kv_key_skip((tenon_kv_bytes){ .data = b.data, .len = len - 1 }, type),
                             0);
    }
    assert_int_equal(kv_key_skip((tenon_kv_bytes){ .data = "", .len = 0 }, TENON_INT), 0);
    kv_buffer_free(&b);
}

static void
the_key_after_is_above_all_that_begin_with_a_key(void **state)
{
    kv_buffer b = { 0 };

    (void)state;
    assert_true(kv_append(&b, "a\xff\xff", 3));
    assert_true(kv_key_after(&b));
    assert_int_equal(b.len, 1);
    assert_int_equal(b.data[0], 'b');
    b.len = 0;
    assert_true(kv_append(&b, "\xff\xff", 2));
    assert_false(kv_key_after(&b));
    kv_buffer_free(&b);
}

/* A table of all types, whose second column came later than the rest. */
static kv_column columns[] = {
    { .name = "i", .type = TENON_INT, .field = 0 },
    { .name = "late", .type = TENON_INT, .field = 7 },
    { .name = "r", .type = TENON_REAL, .field = 1 },
    { .name = "b", .type = TENON_BOOL, .field = 2 },
    { .name = "t", .type = TENON_TEXT, .field = 3 },
    { .name = "x", .type = TENON_BLOB, .field = 5 },
    { .name = "u", .type = TENON_UUID, .field = 6 },
};

static const kv_table every_type = {
    .name = "every_type", .columns = columns, .column_count = 7, .field_count = 8
};

static void
rows_come_back_as_they_went_in(void **state)
{
    kv_buffer b = { 0 };
    tenon_error err;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        unsigned char room[7][64];
        tenon_value in[7], out[7];

        for (int c = 0; c < 7; c++)
            in[c] = bytes_value(columns[c].type, room[c]);
        assert_true(kv_row_encode(&every_type, in, &b));
        assert_int_equal(
            kv_row_values(&every_type, (tenon_kv_bytes){ .data = b.data, .len = b.len }, out, &err),
            TENON_OK);
        for (int c = 0; c < 7; c++)
            assert_int_equal(tenon_value_compare(&in[c], &out[c]), 0);
    }
    kv_buffer_free(&b);
}

static void
long_rows_come_back_too(void **state)
{
    char *text = malloc(100000);
    tenon_value in[7] = { { .type = TENON_NULL } }, out[7];
    kv_buffer b = { 0 };
    tenon_error err;

    (void)state;
    assert_non_null(text);
    memset(text, 'x', 100000);
    in[4] = tenon_text_n(text, 100000);
    in[5] = tenon_blob(text, 65535);
    assert_true(kv_row_encode(&every_type, in, &b));
    assert_int_equal(
        kv_row_values(&every_type, (tenon_kv_bytes){ .data = b.data, .len = b.len }, out, &err),
        TENON_OK);
    assert_int_equal(tenon_value_compare(&in[4], &out[4]), 0);
    assert_int_equal(tenon_value_compare(&in[5], &out[5]), 0);
    kv_buffer_free(&b);
    free(text);
}

static void
rows_older_than_a_column_have_its_default(void **state)
{
    static kv_column old_columns[] = { { .name = "i", .type = TENON_INT, .field = 0 } };
    static const kv_table old_table = {
        .name = "old", .columns = old_columns, .column_count = 1, .field_count = 1
    };
    const tenon_value in = tenon_int(5);
    tenon_value out[7];
    kv_buffer b = { 0 };
    tenon_error err;

    (void)state;
    columns[1].default_value = tenon_int(42);
    assert_true(kv_row_encode(&old_table, &in, &b));
    assert_int_equal(
        kv_row_values(&every_type, (tenon_kv_bytes){ .data = b.data, .len = b.len }, out, &err),
        TENON_OK);
    assert_int_equal(out[0].as.i, 5);
    assert_int_equal(out[1].as.i, 42);
    assert_int_equal(out[4].type, TENON_NULL);
    columns[1].default_value = tenon_null();
    kv_buffer_free(&b);
}

/* Whatever the bytes are, reading them says CORRUPT or gives values; it never reads beyond them. */
static void
damaged_rows_are_refused_or_read_within_their_bytes(void **state)
{
    tenon_value in[7], out[7];
    kv_buffer b = { 0 };
    tenon_error err;
    uint32_t refused = 0;

    (void)state;
    for (int i = 0; i < 50000; i++) {
        unsigned char room[7][64];
        unsigned char *copy;
        size_t len;

        for (int c = 0; c < 7; c++)
            in[c] = bytes_value(columns[c].type, room[c]);
        assert_true(kv_row_encode(&every_type, in, &b));
        len = bytes_random() % 3 == 0 ? bytes_random() % (b.len + 1) : b.len;
        copy = malloc(len > 0 ? len : 1); /* of its own size: a sanitizer sees the end */
        assert_non_null(copy);
        memcpy(copy, b.data, len);
        if (len > 0)
            copy[bytes_random() % (bytes_random() % 2 == 0 ? len
                                   : len < 24              ? len
                                              : 24)] ^= (unsigned char)(1U << bytes_random() % 8);
        if (kv_row_values(&every_type, (tenon_kv_bytes){ .data = copy, .len = len }, out, &err) !=
            TENON_OK) {
            assert_int_equal(err.status, TENON_CORRUPT);
            refused++;
        } else {
            for (int c = 0; c < 7; c++)
                assert_true(out[c].len <= len);
        }
        free(copy);
    }
    assert_true(refused > 10000);
    kv_buffer_free(&b);
}

/* The same for what the catalogue says about a table. */
static void
damaged_tables_are_refused_or_sound(void **state)
{
    static kv_predicate where[] = { { .column = 0, .op = TENON_OP_NOT_NULL } };
    static kv_index indexes[] = { { .name = "by_i",
                                    .where = where,
                                    .tree = 2,
                                    .column_count = 1,
                                    .where_count = 1,
                                    .columns = { 0 } } };
    static kv_foreign_key keys[] = {
        { .name = "k", .references = "every_type", .column_count = 1, .index = 0 }
    };
    kv_table table = every_type;
    kv_buffer b = { 0 };
    kv_arena arena = { 0 };
    uint32_t refused = 0;
    tenon_error err;
    kv_table *read;

    (void)state;
    table.indexes = indexes;
    table.index_count = 1;
    table.foreign_keys = keys;
    table.foreign_key_count = 1;
    table.key_column_count = 1;
    assert_true(kv_table_write(&b, &table));
    assert_int_equal(kv_table_read(&arena, "every_type",
                                   (tenon_kv_bytes){ .data = b.data, .len = b.len }, &read, &err),
                     TENON_OK);
    assert_int_equal(read->column_count, 7);
    assert_string_equal(read->indexes[0].name, "by_i");
    assert_int_equal(read->indexes[0].where[0].op, TENON_OP_NOT_NULL);
    assert_string_equal(read->foreign_keys[0].references, "every_type");
    for (int i = 0; i < 20000; i++) {
        const size_t len = bytes_random() % 3 == 0 ? bytes_random() % b.len : b.len;
        unsigned char *copy = malloc(len > 0 ? len : 1);

        assert_non_null(copy);
        memcpy(copy, b.data, len);
        if (len > 0)
            copy[bytes_random() % len] ^= (unsigned char)(1U << bytes_random() % 8);
        kv_arena_reset(&arena);
        if (kv_table_read(&arena, "every_type", (tenon_kv_bytes){ .data = copy, .len = len }, &read,
                          &err) != TENON_OK) {
            refused++;
        } else {
            assert_true(read->column_count <= TENON_MAX_COLUMNS);
            for (uint32_t c = 0; c < read->column_count; c++)
                assert_true(read->columns[c].field < read->field_count);
        }
        free(copy);
    }
    assert_true(refused > 5000);
    kv_arena_free(&arena);
    kv_buffer_free(&b);
}

static void
an_arena_gives_what_was_asked_for(void **state)
{
    kv_arena arena = { 0 };
    unsigned char *big = kv_take(&arena, 100000), *small = kv_take(&arena, 3);

    (void)state;
    assert_non_null(big);
    assert_non_null(small);
    memset(big, 1, 100000);
    memset(small, 2, 3);
    assert_int_equal(big[99999], 1);
    assert_int_equal((uintptr_t)kv_take(&arena, 1) % 8, 0);
    kv_arena_reset(&arena);
    assert_non_null(kv_take(&arena, 8));
    kv_arena_free(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_pairs_sort_as_their_values),
        cmocka_unit_test(a_value_of_a_key_can_be_passed_over),
        cmocka_unit_test(the_key_after_is_above_all_that_begin_with_a_key),
        cmocka_unit_test(rows_come_back_as_they_went_in),
        cmocka_unit_test(long_rows_come_back_too),
        cmocka_unit_test(rows_older_than_a_column_have_its_default),
        cmocka_unit_test(damaged_rows_are_refused_or_read_within_their_bytes),
        cmocka_unit_test(damaged_tables_are_refused_or_sound),
        cmocka_unit_test(an_arena_gives_what_was_asked_for),
    };

    return cmocka_run_group_tests_name("kv.bytes", tests, NULL, NULL);
}

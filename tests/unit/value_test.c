/* Values: order, names of types, UUIDs; and the time and chance that ids are made of. */
#include "unit.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/env.h"
#include "tenon/value.h"

static void
values_of_one_type_are_ordered_as_every_engine_sorts_them(void **state)
{
    static const tenon_uuid low = { .bytes = { 1 } }, high = { .bytes = { 2 } };
    const struct {
        tenon_value a, b;
        int order;
    } cases[] = {
        { tenon_null(), tenon_null(), 0 },
        { tenon_null(), tenon_int(INT64_MIN), -1 },
        { tenon_null(), tenon_text(""), -1 },
        { tenon_int(-1), tenon_int(1), -1 },
        { tenon_int(INT64_MIN), tenon_int(INT64_MAX), -1 },
        { tenon_int(5), tenon_int(5), 0 },
        { tenon_real(-0.5), tenon_real(0.25), -1 },
        { tenon_real(-0.0), tenon_real(0.0), 0 },
        { tenon_bool(false), tenon_bool(true), -1 },
        { tenon_time(-5), tenon_time(4), -1 },
        { tenon_text("a"), tenon_text("b"), -1 },
        { tenon_text("a"), tenon_text("aa"), -1 },
        { tenon_text(""), tenon_text("a"), -1 },
        { tenon_text("z"), tenon_text("\xc3\xa4"), -1 }, /* bytes are unsigned */
        { tenon_text("same"), tenon_text("same"), 0 },
        { tenon_blob(NULL, 0), tenon_blob("", 0), 0 },
        { tenon_blob("\x00\x01", 2), tenon_blob("\x00\x02", 2), -1 },
        { tenon_id(&low), tenon_id(&high), -1 },
        { tenon_int(9), tenon_text("1"), -1 }, /* two types: by type */
    };
    uint32_t i;

    (void)state;
    for (i = 0; i < UNIT_COUNT(cases); i++) {
        const int ab = tenon_value_compare(&cases[i].a, &cases[i].b);
        const int ba = tenon_value_compare(&cases[i].b, &cases[i].a);

        assert_int_equal((ab > 0) - (ab < 0), cases[i].order);
        assert_int_equal((ba > 0) - (ba < 0), -cases[i].order);
    }
}

static void
types_have_names_and_unknown_ones_a_question_mark(void **state)
{
    (void)state;
    assert_string_equal(tenon_type_name(TENON_NULL), "null");
    assert_string_equal(tenon_type_name(TENON_INT), "int");
    assert_string_equal(tenon_type_name(TENON_REAL), "real");
    assert_string_equal(tenon_type_name(TENON_BOOL), "bool");
    assert_string_equal(tenon_type_name(TENON_TEXT), "text");
    assert_string_equal(tenon_type_name(TENON_BLOB), "blob");
    assert_string_equal(tenon_type_name(TENON_UUID), "uuid");
    assert_string_equal(tenon_type_name(TENON_TIME), "time");
    assert_string_equal(tenon_type_name(8), "?");
    assert_string_equal(tenon_type_name(255), "?");
}

static void
a_uuid_is_of_version_7_and_holds_the_time(void **state)
{
    const int64_t before = tenon_now_us() / 1000;
    const tenon_uuid id = tenon_uuid_new();
    const int64_t after = tenon_now_us() / 1000;
    int64_t ms = 0;
    uint32_t i;

    (void)state;
    for (i = 0; i < 6; i++)
        ms = ms << 8 | id.bytes[i];
    assert_true(ms >= before && ms <= after);
    assert_int_equal(id.bytes[6] >> 4, 7);
    assert_int_equal(id.bytes[8] >> 6, 2);
}

static void
uuids_of_one_thread_ascend_however_fast_they_are_made(void **state)
{
    tenon_uuid last = tenon_uuid_new();
    uint32_t i;

    (void)state;
    for (i = 0; i < 300000; i++) { /* several counters full within their ms */
        const tenon_uuid id = tenon_uuid_new();

        assert_true(memcmp(&last, &id, sizeof id) < 0);
        last = id;
    }
}

#define VALUE_THREADS 4
#define VALUE_IDS 20000

static void *
value_make(void *arg)
{
    tenon_uuid *ids = arg;
    uint32_t i;

    for (i = 0; i < VALUE_IDS; i++)
        ids[i] = tenon_uuid_new();
    return NULL;
}

static int
value_order(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(tenon_uuid));
}

static void
uuids_of_several_threads_differ(void **state)
{
    tenon_uuid *ids = calloc(VALUE_THREADS * VALUE_IDS, sizeof *ids);
    pthread_t threads[VALUE_THREADS];
    uint32_t i;

    (void)state;
    assert_non_null(ids);
    for (i = 0; i < VALUE_THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, value_make, ids + i * VALUE_IDS), 0);
    for (i = 0; i < VALUE_THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    qsort(ids, VALUE_THREADS * VALUE_IDS, sizeof *ids, value_order);
    for (i = 1; i < VALUE_THREADS * VALUE_IDS; i++)
        assert_true(memcmp(&ids[i - 1], &ids[i], sizeof *ids) < 0);
    free(ids);
}

/* The random parts of ids, and a number of the generator, as a process makes them. */
typedef struct value_sample {
    tenon_uuid ids[8];
    uint64_t number;
} value_sample;

static value_sample
value_sample_make(void)
{
    value_sample sample;
    uint32_t i;

    for (i = 0; i < UNIT_COUNT(sample.ids); i++)
        sample.ids[i] = tenon_uuid_new();
    sample.number = tni_random_below(UINT64_MAX);
    return sample;
}

static void
a_forked_child_makes_other_ids_than_its_parent(void **state)
{
    value_sample own, other;
    int ends[2], status;
    uint32_t i;
    pid_t child;

    (void)state;
    (void)value_sample_make(); /* the pool is filled, the generator seeded */
    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        own = value_sample_make();
        _exit(write(ends[1], &own, sizeof own) == (ssize_t)sizeof own ? 0 : 1);
    }
    own = value_sample_make();
    assert_int_equal(read(ends[0], &other, sizeof other), sizeof other);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    for (i = 0; i < UNIT_COUNT(own.ids); i++)
        assert_memory_not_equal(own.ids[i].bytes + 9, other.ids[i].bytes + 9, 7);
    assert_true(own.number != other.number);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void
a_uuid_is_read_back_from_its_text(void **state)
{
    static const tenon_uuid id = { .bytes = { 0x01, 0x8f, 0xab, 0xcd, 0xef, 0x00, 0x71, 0x23, 0x84,
                                              0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 0xff } };
    char text[TENON_UUID_TEXT_BYTES];
    tenon_uuid back;

    (void)state;
    tenon_uuid_text(&id, text);
    assert_string_equal(text, "018fabcd-ef00-7123-8456-789abcdef0ff");
    assert_int_equal(tenon_uuid_parse(text, &back), TENON_OK);
    assert_memory_equal(&back, &id, sizeof id);
    assert_int_equal(tenon_uuid_parse("018FABCD-EF00-7123-8456-789ABCDEF0FF", &back), TENON_OK);
    assert_memory_equal(&back, &id, sizeof id);
}

static void
what_is_no_uuid_is_refused_and_leaves_zero(void **state)
{
    static const char *const texts[] = {
        "",
        "0",
        "018fabcd-ef00-7123-8456-789abcdef0f",
        "018fabcd-ef00-7123-8456-789abcdef0fff",
        "018fabcd-ef00-7123-8456-789abcdef0f ",
        "018fabcdef0071238456789abcdef0ff",
        "018fabcd-ef00-7123-8456-789abcdef0fg",
        "018fabcd:ef00-7123-8456-789abcdef0ff",
        "018fabcd-ef00-7123-8456_789abcdef0ff",
        "{18fabcd-ef00-7123-8456-789abcdef0ff}",
    };
    static const tenon_uuid zero;
    uint32_t i;

    (void)state;
    for (i = 0; i < UNIT_COUNT(texts); i++) {
        tenon_uuid id;

        memset(&id, 0xff, sizeof id);
        assert_int_equal(tenon_uuid_parse(texts[i], &id), TENON_INVALID);
        assert_memory_equal(&id, &zero, sizeof id);
    }
}

static void
chance_stays_below_its_limit_and_reaches_everything(void **state)
{
    uint32_t counts[6] = { 0 };
    uint32_t i;

    (void)state;
    for (i = 0; i < 60000; i++) {
        const uint64_t x = tni_random_below(UNIT_COUNT(counts));

        assert_true(x < UNIT_COUNT(counts));
        counts[x]++;
    }
    for (i = 0; i < UNIT_COUNT(counts); i++) /* 10,000 each; 9 standard deviations */
        assert_true(counts[i] > 9180 && counts[i] < 10820);
    assert_int_equal(tni_random_below(0), 0);
    assert_int_equal(tni_random_below(1), 0);
}

static void
random_bytes_fill_the_whole_room_and_nothing_more(void **state)
{
    unsigned char bytes[1002], any[1002] = { 0 };
    uint32_t round, i;

    (void)state;
    for (round = 0; round < 16; round++) {
        memset(bytes, 0, sizeof bytes);
        tni_random(bytes + 1, sizeof bytes - 2);
        assert_int_equal(bytes[0], 0);
        assert_int_equal(bytes[sizeof bytes - 1], 0);
        for (i = 0; i < sizeof bytes; i++)
            any[i] |= bytes[i];
    }
    for (i = 1; i < sizeof any - 1; i++)
        assert_int_not_equal(any[i], 0);
}

static void
sleep_ends_when_the_clock_says_so(void **state)
{
    const uint64_t until = tni_monotonic_ns() + 3000000;

    (void)state;
    tni_sleep_until_ns(until);
    assert_true(tni_monotonic_ns() >= until);
    tni_sleep_until_ns(0); /* long past */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_one_type_are_ordered_as_every_engine_sorts_them),
        cmocka_unit_test(types_have_names_and_unknown_ones_a_question_mark),
        cmocka_unit_test(a_uuid_is_of_version_7_and_holds_the_time),
        cmocka_unit_test(uuids_of_one_thread_ascend_however_fast_they_are_made),
        cmocka_unit_test(uuids_of_several_threads_differ),
        cmocka_unit_test(a_forked_child_makes_other_ids_than_its_parent),
        cmocka_unit_test(a_uuid_is_read_back_from_its_text),
        cmocka_unit_test(what_is_no_uuid_is_refused_and_leaves_zero),
        cmocka_unit_test(chance_stays_below_its_limit_and_reaches_everything),
        cmocka_unit_test(random_bytes_fill_the_whole_room_and_nothing_more),
        cmocka_unit_test(sleep_ends_when_the_clock_says_so),
    };

    return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}

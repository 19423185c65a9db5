/* Queries found by their address: normalised once per database, compiled once per connection. */
#include "people.h"

#include <pthread.h>

#include "core/plan.h"

#define MANY 700

static tenon_query many[MANY];

static const tenon_query all_people = {
    .name = "all people",
    .kind = TENON_SELECT,
    .table = &people,
    .columns = TENON_COLUMNS(P_ID, P_NAME),
};

static const tenon_query person_count = {
    .name = "person count",
    .kind = TENON_COUNT,
    .table = &people,
};

static const tenon_query no_table = { .name = "nowhere", .kind = TENON_COUNT };
static const tenon_query bad = {
    .name = "bad",
    .kind = TENON_SELECT,
    .table = &people,
    .columns = TENON_COLUMNS(99),
};
static const tenon_table broken = { .name = "broken" };
static const tenon_query of_broken = { .kind = TENON_COUNT, .table = &broken };

static const tni_query *
found(tni_models *models, const tenon_query *query)
{
    const tni_query *out = NULL;
    tenon_error err = { 0 };

    if (tni_models_query(models, query, &out, &err) != TENON_OK)
        fail_msg("%s", err.message);
    assert_non_null(out);
    assert_ptr_equal(out->source, query);
    return out;
}

static void
fill_many(void)
{
    uint32_t i;

    for (i = 0; i < MANY; i++)
        many[i] = i % 2 == 0 ? all_people : person_count;
}

/* ---- Of a database ---- */

static void
a_query_is_normalised_once(void **state)
{
    const tni_query *first, *second;
    tni_models models;

    (void)state;
    tni_models_init(&models);
    first = found(&models, &all_people);
    assert_ptr_equal(found(&models, &all_people), first);
    second = found(&models, &person_count);
    assert_ptr_not_equal(second, first);
    assert_ptr_equal(found(&models, &all_people), first);
    assert_int_equal(first->drv.kind, TENON_SELECT);
    assert_int_equal(second->drv.kind, TENON_COUNT);
    tni_models_fini(&models);
}

static void
queries_of_one_table_share_it(void **state)
{
    tenon_table twin = people; /* another address is another table */
    tenon_query query = person_count;
    tni_models models;

    (void)state;
    query.table = &twin;
    tni_models_init(&models);
    assert_ptr_equal(found(&models, &all_people)->drv.table,
                     found(&models, &person_count)->drv.table);
    assert_ptr_not_equal(found(&models, &query)->drv.table,
                         found(&models, &person_count)->drv.table);
    assert_int_equal(models.tables.count, 2);
    tni_models_fini(&models);
}

static void
every_query_is_found_however_many_there_are(void **state)
{
    const tni_query *made[MANY];
    tni_models models;
    uint32_t i;

    (void)state;
    fill_many();
    tni_models_init(&models);
    for (i = 0; i < MANY; i++)
        made[i] = found(&models, &many[i]);
    for (i = 0; i < MANY; i++)
        assert_ptr_equal(found(&models, &many[i]), made[i]);
    assert_int_equal(models.queries.count, MANY);
    assert_int_equal(models.tables.count, 1);
    assert_true(models.queries.capacity >= 2 * MANY);
    tni_models_fini(&models);
}

static void
a_query_that_breaks_a_rule_is_refused_each_time(void **state)
{
    const tenon_query *const queries[] = { &no_table, &bad, &of_broken };
    const tni_query *out;
    tni_models models;
    tenon_error err;
    uint32_t i;

    (void)state;
    tni_models_init(&models);
    for (i = 0; i < 2 * UNIT_COUNT(queries); i++) {
        memset(&err, 0, sizeof err);
        out = (const tni_query *)(const void *)&err;
        assert_int_equal(tni_models_query(&models, queries[i / 2], &out, &err), TENON_INVALID);
        assert_null(out);
        assert_int_equal(err.status, TENON_INVALID);
        assert_string_not_equal(err.message, "");
    }
    assert_int_equal(models.queries.count, 0);
    assert_int_equal(found(&models, &all_people)->drv.kind, TENON_SELECT);
    tni_models_fini(&models);
}

static tni_models shared;
static pthread_barrier_t start;
static const tni_query *seen[4][MANY];

static void *
look_up(void *arg)
{
    const uintptr_t who = (uintptr_t)arg;

    (void)pthread_barrier_wait(&start);
    for (uint32_t i = 0; i < MANY; i++)
        seen[who][i] = found(&shared, &many[i]);
    return NULL;
}

static void
threads_see_the_same(void **state)
{
    pthread_t threads[UNIT_COUNT(seen)];
    uintptr_t i;

    (void)state;
    fill_many();
    assert_int_equal(pthread_barrier_init(&start, NULL, UNIT_COUNT(seen)), 0);
    for (int round = 0; round < 20; round++) {
        tni_models_init(&shared);
        for (i = 0; i < UNIT_COUNT(seen); i++)
            assert_int_equal(pthread_create(&threads[i], NULL, look_up, (void *)i), 0);
        for (i = 0; i < UNIT_COUNT(seen); i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        for (i = 1; i < UNIT_COUNT(seen); i++)
            assert_memory_equal(seen[i], seen[0], sizeof seen[0]);
        assert_int_equal(shared.queries.count, MANY);
        tni_models_fini(&shared);
    }
    (void)pthread_barrier_destroy(&start);
}

/* ---- Of a connection ---- */

static uint32_t free_count, free_null_count;

static void
free_plan(tenon_drv_plan *plan)
{
    if (plan == NULL)
        free_null_count++;
    else
        free_count++;
    free(plan);
}

static const tenon_drv_query_ops ops = { .size = sizeof ops, .free = free_plan };

static tenon_drv_plan *
compiled(void)
{
    tenon_drv_plan *plan = malloc(1);

    assert_non_null(plan);
    return plan;
}

static void
a_plan_is_found_once_it_was_added(void **state)
{
    tni_plans plans = { 0 };
    tni_models models;
    tni_plan *plan;

    (void)state;
    tni_models_init(&models);
    assert_null(tni_plans_find(&plans, &all_people));
    plan = tni_plans_add(&plans, found(&models, &all_people));
    assert_non_null(plan);
    assert_null(plan->first);
    assert_null(plan->after);
    assert_ptr_equal(plan->query, found(&models, &all_people));
    assert_ptr_equal(tni_plans_find(&plans, &all_people), plan);
    assert_null(tni_plans_find(&plans, &person_count));
    tni_plans_fini(&plans, &ops);
    assert_null(tni_plans_find(&plans, &all_people));
    tni_models_fini(&models);
}

static void
plans_keep_what_was_compiled_while_they_grow(void **state)
{
    tenon_drv_plan *first[MANY];
    tni_plans plans = { 0 };
    tni_models models;
    tni_plan *plan;
    uint32_t i;

    (void)state;
    fill_many();
    tni_models_init(&models);
    free_count = free_null_count = 0;
    for (i = 0; i < MANY; i++) {
        plan = tni_plans_add(&plans, found(&models, &many[i]));
        assert_non_null(plan);
        plan->first = first[i] = compiled();
    }
    for (i = 0; i < MANY; i++) {
        plan = tni_plans_find(&plans, &many[i]);
        assert_non_null(plan);
        assert_ptr_equal(plan->source, &many[i]);
        assert_ptr_equal(plan->first, first[i]);
    }
    assert_int_equal(plans.count, MANY);
    assert_int_equal(free_count, 0);
    tni_plans_fini(&plans, &ops);
    assert_int_equal(free_count, MANY);
    tni_models_fini(&models);
}

static void
clearing_frees_both_forms_and_keeps_the_room(void **state)
{
    tni_plans plans = { 0 };
    tni_models models;
    uint32_t capacity;
    tni_plan *plan;

    (void)state;
    tni_models_init(&models);
    plan = tni_plans_add(&plans, found(&models, &all_people));
    assert_non_null(plan);
    plan->first = compiled();
    plan->after = compiled();
    plan = tni_plans_add(&plans, found(&models, &person_count));
    assert_non_null(plan);
    plan->after = compiled();
    capacity = plans.capacity;
    free_count = 0;
    tni_plans_clear(&plans, &ops);
    assert_int_equal(free_count, 3);
    assert_int_equal(plans.count, 0);
    assert_int_equal(plans.capacity, capacity);
    assert_null(tni_plans_find(&plans, &all_people));
    plan = tni_plans_add(&plans, found(&models, &all_people));
    assert_non_null(plan);
    assert_null(plan->first);
    assert_null(plan->after);
    tni_plans_fini(&plans, &ops);
    assert_int_equal(free_count, 3);
    assert_null(plans.slots);
    tni_plans_clear(&plans, &ops); /* of what is empty */
    tni_models_fini(&models);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_query_is_normalised_once),
        cmocka_unit_test(queries_of_one_table_share_it),
        cmocka_unit_test(every_query_is_found_however_many_there_are),
        cmocka_unit_test(a_query_that_breaks_a_rule_is_refused_each_time),
        cmocka_unit_test(threads_see_the_same),
        cmocka_unit_test(a_plan_is_found_once_it_was_added),
        cmocka_unit_test(plans_keep_what_was_compiled_while_they_grow),
        cmocka_unit_test(clearing_frees_both_forms_and_keeps_the_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "result_latency.h"

#include <stdlib.h>

/* Below so many samples above it a percentile is noise. */
#define LATENCY_LEAST_ABOVE 10

const result_percentile result_percentiles[RESULT_PERCENTILES] = {
    { "p50_us", "p50", 50, 100 },           { "p90_us", "p90", 90, 100 },
    { "p99_us", "p99", 99, 100 },           { "p99_9_us", "p99.9", 999, 1000 },
    { "p99_99_us", "p99.99", 9999, 10000 },
};

json_t *
result_histogram(const histogram *h)
{
    json_t *out = json_array();

    for (unsigned i = 0; i < HISTOGRAM_PLACES; i++)
        if (h->places[i] > 0)
            (void)json_array_append_new(out, json_pack("[I, I]", (json_int_t)histogram_largest(i),
                                                       (json_int_t)h->places[i]));
    return out;
}

bool
result_histogram_read(const json_t *from, histogram *into)
{
    const json_t *pair;
    size_t i;

    json_array_foreach(from, i, pair)
    {
        const json_int_t value = json_integer_value(json_array_get(pair, 0));
        const json_int_t count = json_integer_value(json_array_get(pair, 1));

        if (value < 0 || count < 0)
            return false;
        histogram_add_many(into, (uint64_t)value, (uint64_t)count);
    }
    return json_is_array(from);
}

json_t *
result_percentiles_of(const char *name, const histogram *h)
{
    json_t *out = json_pack("{s:s, s:I}", "operation", name, "count", (json_int_t)h->count);

    for (int i = 0; i < RESULT_PERCENTILES; i++) {
        const result_percentile *p = &result_percentiles[i];
        const uint64_t above = h->count / p->of * (p->of - p->part) +
                               h->count % p->of * (p->of - p->part) / p->of;

        (void)json_object_set_new(
            out, p->key,
            above < LATENCY_LEAST_ABOVE
                ? json_null()
                : json_real((double)histogram_value(h, p->part, p->of) / 1e3));
    }
    (void)json_object_set_new(out, "max_us",
                              h->count > 0 ? json_real((double)h->max / 1e3) : json_null());
    return out;
}

static json_t *
latency_one(const char *name, const histogram *h)
{
    json_t *out = result_percentiles_of(name, h);

    (void)json_object_set_new(out, "histogram_ns", result_histogram(h));
    return out;
}

json_t *
result_latency(histogram *const of[OPERATIONS])
{
    histogram *all = calloc(1, sizeof *all);
    json_t *out = json_array();

    for (int op = 0; op < OPERATIONS && all != NULL; op++)
        if (of[op] != NULL)
            histogram_merge(all, of[op]);
    if (all != NULL && all->count > 0)
        (void)json_array_append_new(out, latency_one("all", all));
    for (int op = 0; op < OPERATIONS; op++)
        if (of[op] != NULL && of[op]->count > 0)
            (void)json_array_append_new(out, latency_one(operation_name((operation)op), of[op]));
    free(all);
    return out;
}

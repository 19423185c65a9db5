/* The load generator alone: what it costs is printed beside what it measures. */
#include <stdlib.h>

#include "rows.h"

enum { ROWS_SAMPLE_USES = 32 };

/* A row as an engine would give it. A new one now and then, so that all sizes come. */
typedef struct rows_sample {
    uint64_t record;
    uint32_t uses;
    tenon_value row[ROWS_COLUMNS];
    uint8_t key[WORKLOAD_MOST_KEY_BYTES];
    uint8_t value[]; /* in whole words */
} rows_sample;

bool
rows_sample_make(rows_worker *r, const target *t)
{
    r->sample = calloc(1, sizeof *r->sample + t->workload->value_bytes.max + 8);
    return r->sample != NULL;
}

void
rows_sample_free(rows_worker *r)
{
    free(r->sample);
    r->sample = NULL;
}

static const rows_sample *
rows_sample_next(rows_worker *r)
{
    rows_sample *s = r->sample;

    if (s->uses++ % ROWS_SAMPLE_USES != 0)
        return s;
    s->record = r->records[0];
    s->row[ROWS_KEY] = tenon_blob(s->key, rows_key(r->model, s->record, s->key));
    s->row[ROWS_VERSION] = tenon_int(INT64_MAX);
    s->row[ROWS_NONCE] = tenon_int((int64_t)r->nonces[0]);
    s->row[ROWS_VALUE] = tenon_blob(s->value,
                                    rows_value(r->model, s->record, r->nonces[0], s->value));
    return s;
}

void
rows_generate(rows_worker *r, uint32_t made, uint32_t read, bool in_order)
{
    rows_last last;

    for (uint32_t i = 0; i < made; i++) {
        (void)rows_key(r->model, r->records[i], r->key);
        (void)rows_value(r->model, r->records[i], r->nonces[i], r->value);
    }
    for (uint32_t i = 0; i < read; i++) {
        const rows_sample *s = rows_sample_next(r);

        if (in_order) {
            last.bytes = 0; /* the same row again would be out of order */
            rows_look_in_order(r, s->row, &last);
            continue;
        }
        (void)rows_key(r->model, r->records[i], r->key);
        r->wrong = r->wrong || !rows_is_right(r->model, s->row, s->record, 0);
    }
}

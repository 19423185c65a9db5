/* Numbers, memory, values. */
#include "check/model/model.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* splitmix64 */
uint64_t
eq_next(eq_random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint32_t
eq_below(eq_random *random, uint32_t n)
{
    return (uint32_t)(eq_next(random) % n);
}

bool
eq_chance(eq_random *random, uint32_t percent)
{
    return eq_below(random, 100) < percent;
}

/* ---- Memory ---- */

typedef struct eq_block {
    struct eq_block *next;
    max_align_t data[];
} eq_block;

void *
eq_take(eq_arena *arena, size_t bytes)
{
    eq_block *block = (eq_block *)calloc(1, sizeof *block + bytes);

    if (block == NULL) {
        (void)fprintf(stderr, "equality: no memory\n");
        abort();
    }
    block->next = arena->blocks;
    arena->blocks = block;
    return block->data;
}

char *
eq_name(eq_arena *arena, const char *kind, uint32_t number)
{
    char *name = (char *)eq_take(arena, 32);

    (void)snprintf(name, 32, "%s%u", kind, number);
    return name;
}

void
eq_arena_free(eq_arena *arena)
{
    while (arena->blocks != NULL) {
        eq_block *block = arena->blocks;

        arena->blocks = block->next;
        free(block);
    }
}

/* ---- Values ---- */

static tenon_value
eq_value_bytes(eq_random *random, tenon_type type, uint32_t max_bytes)
{
    static const struct {
        const char *bytes;
        uint32_t len;
    } texts[] = { { "", 0 },
                  { "a", 1 },
                  { "ab", 2 },
                  { "abc", 3 },
                  { "b", 1 },
                  { "A", 1 },
                  { "a%", 2 },
                  { "\x7f", 1 },
                  { "\xc3\xa9", 2 },
                  { "z'z", 3 },
                  { "\xf0\x9f\x98\x80", 4 },
                  { "aa", 2 } },
      blobs[] = { { "", 0 },       { "\0", 1 },       { "\0\0", 2 },         { "\0\377", 2 },
                  { "a", 1 },      { "ab", 2 },       { "\177", 1 },         { "\377", 1 },
                  { "\377\0", 2 }, { "\377\377", 2 }, { "\377\377\377", 3 }, { "\1\2\3\4", 4 } };
    const uint32_t count = sizeof texts / sizeof texts[0];
    uint32_t which = eq_below(random, count);

    while (max_bytes > 0 && (type == TENON_TEXT ? texts : blobs)[which].len > max_bytes)
        which = eq_below(random, count);
    if (type == TENON_TEXT)
        return tenon_text_n(texts[which].bytes, texts[which].len);
    return tenon_blob(blobs[which].bytes, blobs[which].len);
}

/* The least number is no time. */
static int64_t
eq_time(int64_t number)
{
    return number < TENON_MIN_TIME_US ? TENON_MIN_TIME_US : number;
}

tenon_value
eq_value(eq_random *random, tenon_type type, uint32_t max_bytes)
{
    static const int64_t ints[] = { 0,        1, 2, 3, 4, 5, -1, -2, 256, INT64_MAX, INT64_MAX - 1,
                                    INT64_MIN };
    static const double reals[] = { 0.0, -0.0,  1.0,     0.5,      -0.5,      -1.5,   2.0,
                                    0.1, 1e300, DBL_MAX, INFINITY, -INFINITY, 5e-324, -5e-324 };
    static const tenon_uuid ids[] = { { { 0 } },       { { 0, 1 } }, { { 1 } },
                                      { { 0x7f, 9 } }, { { 0x80 } }, { { 0xff, 0xff } } };
    const uint32_t few = eq_chance(random, 85) ? 6 : sizeof ints / sizeof ints[0];

    switch (type) {
    case TENON_INT:
        return tenon_int(ints[eq_below(random, few)]);
    case TENON_TIME:
        return tenon_time(eq_time(ints[eq_below(random, few)]));
    case TENON_REAL:
        return tenon_real(reals[eq_below(random, sizeof reals / sizeof reals[0])]);
    case TENON_BOOL:
        return tenon_bool(eq_chance(random, 50));
    case TENON_UUID:
        return tenon_id(&ids[eq_below(random, sizeof ids / sizeof ids[0])]);
    default:
        return eq_value_bytes(random, type, max_bytes);
    }
}

/* A value that the column must not take, or NULL, which it may. */
static tenon_value
eq_value_bad(eq_random *random, const tenon_column *column)
{
    tenon_value v = eq_value(random, column->type, column->max_bytes);

    switch (eq_below(random, 5)) {
    case 0:
        return column->type == TENON_REAL ? tenon_real(NAN) : v;
    case 1:
        return eq_value(random, (tenon_type)(TENON_INT + eq_below(random, 7)), 0);
    case 2:
        return column->type == TENON_TEXT ? tenon_text_n("\xff\xfe", 2) : v;
    case 3:
        if (column->type == TENON_TEXT || column->type == TENON_BLOB)
            v = tenon_text_n("much longer than allowed", 24);
        v.type = column->type;
        return v;
    default:
        return tenon_null();
    }
}

void
eq_params_make(eq_world *world, const eq_query *query, tenon_value *out)
{
    eq_random *random = &world->random;
    const bool at_start = eq_chance(random, 25), bad = eq_chance(random, 5);

    for (uint32_t i = 0; i < query->param_count; i++) {
        const eq_param *param = &query->params[i];
        const tenon_column *column = &query->query.table->columns[param->column];

        if (param->limit)
            out[i] = tenon_int(bad ? -1 : (int64_t)eq_below(random, 6));
        else if (param->keyset && at_start)
            out[i] = tenon_null();
        else if (bad && eq_chance(random, 30))
            out[i] = eq_value_bad(random, column);
        else if (!column->not_null && !param->keyset && eq_chance(random, 15))
            out[i] = tenon_null();
        else
            out[i] = eq_value(random, column->type, column->max_bytes);
        if (world->modest && param->addend && out[i].type == TENON_REAL && isfinite(out[i].as.d) &&
            fabs(out[i].as.d) > 1e200)
            out[i].as.d = 1;
    }
}

/* Values: their order, the names of their types, UUIDs. */
#include "tenon/value.h"

#include <stdatomic.h>

#include "core/env.h"

/* Random bytes fetched ahead, so that an id costs no system call. */
typedef struct value_pool {
    uint64_t words[32];
    uint32_t left;
    uint32_t epoch; /* of the process that fetched them */
} value_pool;

static _Thread_local value_pool value_own;

/* Clock and counter of the last id: 48 bits of ms, 16 of counter. */
static _Atomic uint64_t value_last;

static int
value_compare_bytes(const tenon_value *a, const tenon_value *b)
{
    const uint32_t len = a->len < b->len ? a->len : b->len;
    const int order = len == 0 ? 0 : memcmp(a->as.data, b->as.data, len);

    if (order != 0)
        return order;
    return (a->len > b->len) - (a->len < b->len);
}

int
tenon_value_compare(const tenon_value *a, const tenon_value *b)
{
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    switch (a->type) {
    case TENON_INT:
    case TENON_BOOL:
    case TENON_TIME:
        return (a->as.i > b->as.i) - (a->as.i < b->as.i);
    case TENON_REAL:
        return (a->as.d > b->as.d) - (a->as.d < b->as.d);
    case TENON_TEXT:
    case TENON_BLOB:
    case TENON_UUID:
        return value_compare_bytes(a, b);
    default:
        return 0;
    }
}

const char *
tenon_type_name(tenon_type type)
{
    static const char *const names[] = {
        [TENON_NULL] = "null", [TENON_INT] = "int",   [TENON_REAL] = "real", [TENON_BOOL] = "bool",
        [TENON_TEXT] = "text", [TENON_BLOB] = "blob", [TENON_UUID] = "uuid", [TENON_TIME] = "time",
    };

    return type < sizeof names / sizeof names[0] ? names[type] : "?";
}

static uint64_t
value_random(void)
{
    const uint32_t epoch = tni_process_epoch();
    value_pool *pool = &value_own;

    if (pool->left == 0 || pool->epoch != epoch) {
        tni_random(pool->words, sizeof pool->words);
        pool->left = sizeof pool->words / sizeof pool->words[0];
        pool->epoch = epoch;
    }
    return pool->words[--pool->left];
}

static void
value_put_bytes(uint8_t *out, uint64_t x, uint32_t bytes)
{
    while (bytes > 0) {
        out[--bytes] = (uint8_t)x;
        x >>= 8;
    }
}

tenon_uuid
tenon_uuid_new(void)
{
    const uint64_t now = ((uint64_t)(tni_wall_us() / 1000) & UINT64_C(0xffffffffffff)) << 16;
    uint64_t last = atomic_load(&value_last);
    uint64_t stamp;
    tenon_uuid id;

    /* Where the counter is used up within a ms, or the clock is set back, ids go on from the last
     * one, ahead of the clock (RFC 9562, section 6.2). */
    do {
        stamp = now > last ? now : last + 1;
    } while (!atomic_compare_exchange_weak(&value_last, &last, stamp));

    /* 48 bits of ms, version, 12 bits of counter; variant, 4 bits of counter, 58 of chance. */
    value_put_bytes(id.bytes, stamp >> 16, 6);
    value_put_bytes(id.bytes + 6, UINT64_C(0x7000) | ((stamp >> 4) & 0xfff), 2);
    value_put_bytes(id.bytes + 8,
                    (UINT64_C(2) << 62) | ((stamp & 0xf) << 58) | (value_random() >> 6), 8);
    return id;
}

void
tenon_uuid_text(const tenon_uuid *id, char out[TENON_UUID_TEXT_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    uint32_t i;

    for (i = 0; i < sizeof id->bytes; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = digits[id->bytes[i] >> 4];
        *out++ = digits[id->bytes[i] & 0xf];
    }
    *out = '\0';
}

/* Value of a hexadecimal digit, 16 for anything else. */
static uint32_t
value_digit(char c)
{
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (uint32_t)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (uint32_t)(c - 'A') + 10;
    return 16;
}

tenon_status
tenon_uuid_parse(const char *text, tenon_uuid *out)
{
    tenon_uuid id;
    uint32_t i;

    memset(out, 0, sizeof *out);
    for (i = 0; i < sizeof id.bytes; i++) {
        uint32_t high, low;

        if ((i == 4 || i == 6 || i == 8 || i == 10) && *text++ != '-')
            return TENON_INVALID;
        high = value_digit(text[0]);
        if (high > 15)
            return TENON_INVALID;
        low = value_digit(text[1]);
        if (low > 15)
            return TENON_INVALID;
        id.bytes[i] = (uint8_t)(high << 4 | low);
        text += 2;
    }
    if (*text != '\0')
        return TENON_INVALID;
    *out = id;
    return TENON_OK;
}

int64_t
tenon_now_us(void)
{
    return tni_wall_us();
}

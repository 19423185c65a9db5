/* Keys and values: functions of a record and a number. */
#include <string.h>

#include "rows.h"

/* Odd, so that it has an inverse: each record has another number, in no order. */
#define ROWS_SCATTER UINT64_C(0x9e3779b97f4a7c15)
#define ROWS_GATHER UINT64_C(0xf1de83e19937733d)

uint32_t
rows_key(const rows_model *m, uint64_t record, uint8_t out[WORKLOAD_MOST_KEY_BYTES])
{
    const uint32_t bytes = draw_size(&m->workload->key_bytes, draw_hash(record));
    const uint64_t first = m->workload->hashed ? record * ROWS_SCATTER : record;
    const uint64_t rest = draw_hash(~record);

    for (uint32_t i = 0; i < 8; i++)
        out[i] = (uint8_t)(first >> (56 - 8 * i));
    for (uint32_t i = 8; i < bytes; i += sizeof rest) /* there is room for whole words */
        memcpy(out + i, &rest, sizeof rest);
    return bytes;
}

uint64_t
rows_record(const rows_model *m, const uint8_t *key)
{
    uint64_t first = 0;

    for (uint32_t i = 0; i < 8; i++)
        first = first << 8 | key[i];
    return m->workload->hashed ? first * ROWS_GATHER : first;
}

uint64_t
rows_seed(uint64_t record, uint64_t nonce)
{
    return draw_hash(record * ROWS_SCATTER ^ nonce);
}

/* Words of a value, one by one. */
static uint64_t
rows_word(uint64_t seed, uint32_t at)
{
    const uint64_t z = seed + at * ROWS_SCATTER;

    return z ^ z >> 29;
}

uint32_t
rows_value_bytes(const rows_model *m, uint64_t seed)
{
    return draw_size(&m->workload->value_bytes, seed);
}

uint32_t
rows_value(const rows_model *m, uint64_t record, uint64_t nonce, uint8_t *out)
{
    const uint64_t seed = rows_seed(record, nonce);
    const uint32_t bytes = rows_value_bytes(m, seed);

    for (uint32_t i = 0; i * 8 < bytes; i++) {
        const uint64_t word = rows_word(seed, i);

        memcpy(out + (size_t)i * 8, &word, sizeof word);
    }
    return bytes;
}

static bool
rows_value_is_right(const rows_model *m, uint64_t seed, const tenon_value *value)
{
    const uint8_t *bytes = value->as.data;
    const uint32_t len = value->len;
    uint64_t differ = 0, last;

    if (value->type != TENON_BLOB || len != rows_value_bytes(m, seed))
        return false;
    for (uint32_t i = 0; i < len / 8; i++) {
        uint64_t read;

        memcpy(&read, bytes + (size_t)i * 8, sizeof read);
        differ |= rows_word(seed, i) ^ read;
    }
    last = rows_word(seed, len / 8);
    return differ == 0 && (len % 8 == 0 || memcmp(&last, bytes + len / 8 * 8, len % 8) == 0);
}

bool
rows_is_right(const rows_model *m, const tenon_value *row, uint64_t record, uint32_t least)
{
    uint8_t key[WORKLOAD_MOST_KEY_BYTES];
    const uint32_t bytes = rows_key(m, record, key);

    return row[ROWS_KEY].len == bytes && memcmp(row[ROWS_KEY].as.data, key, bytes) == 0 &&
           row[ROWS_VERSION].as.i >= (int64_t)least &&
           rows_value_is_right(m, rows_seed(record, (uint64_t)row[ROWS_NONCE].as.i),
                               &row[ROWS_VALUE]);
}

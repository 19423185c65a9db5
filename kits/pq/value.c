/* Values in PostgreSQL's binary format, and what its SQL looks like. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "value.h"

#define PQ_EPOCH_US INT64_C(946684800000000) /* 2000-01-01, in microseconds since 1970 */

/* OIDs of the types, from pg_type.dat: they are the same on every server. */
enum { OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_TEXT = 25 };
enum { OID_OID = 26, OID_FLOAT4 = 700, OID_FLOAT8 = 701, OID_TIMESTAMP = 1114 };
enum { OID_TIMESTAMPTZ = 1184, OID_NUMERIC = 1700, OID_UUID = 2950 };

const Oid pq_types[] = {
    [TENON_NULL] = 0,        [TENON_INT] = OID_INT8,         [TENON_REAL] = OID_FLOAT8,
    [TENON_BOOL] = OID_BOOL, [TENON_TEXT] = OID_TEXT,        [TENON_BLOB] = OID_BYTEA,
    [TENON_UUID] = OID_UUID, [TENON_TIME] = OID_TIMESTAMPTZ,
};

static void
pq_put_big(void *out, uint64_t number)
{
    unsigned char *bytes = out;

    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(number >> (56 - 8 * i));
}

static uint64_t
pq_get_big(const void *from, int bytes)
{
    const unsigned char *b = from;
    uint64_t number = 0;

    for (int i = 0; i < bytes; i++)
        number = number << 8 | b[i];
    return number;
}

int
pq_put_value(const tenon_value *value, uint64_t *number)
{
    uint64_t bits = (uint64_t)value->as.i;

    switch (value->type) {
    case TENON_BOOL:
        *(unsigned char *)number = value->as.i != 0;
        return 1;
    case TENON_REAL: {
        const double real = value->as.d + 0.0; /* -0.0 becomes 0.0 */

        memcpy(&bits, &real, sizeof bits);
        break;
    }
    case TENON_TIME:
        bits -= (uint64_t)PQ_EPOCH_US;
        break;
    default:
        break;
    }
    pq_put_big(number, bits);
    return 8;
}

/* A numeric: an INT where it is one, else the nearest REAL. */
static void
pq_get_numeric(const char *data, tenon_value *out)
{
    const int digits = (int)pq_get_big(data, 2), weight = (int16_t)pq_get_big(data + 2, 2);
    const uint64_t sign = pq_get_big(data + 4, 2), scale = pq_get_big(data + 6, 2);
    double sum = 0;
    int64_t whole = 0;

    for (int i = 0; i < digits; i++)
        sum += (double)pq_get_big(data + 8 + 2 * (ptrdiff_t)i, 2) * pow(10000, weight - i);
    out->type = TENON_REAL;
    out->as.d = sign == 0xC000 ? NAN : sign == 0x4000 ? -sum : sum;
    if (scale != 0 || sign == 0xC000 || sum > 9e18)
        return;
    for (int i = 0; i <= weight; i++)
        whole = whole * 10000 +
                (i < digits ? (int64_t)pq_get_big(data + 8 + 2 * (ptrdiff_t)i, 2) : 0);
    out->type = TENON_INT;
    out->as.i = sign == 0x4000 ? -whole : whole;
}

static void
pq_get_number(Oid oid, const char *data, int len, tenon_value *out)
{
    const uint64_t bits = pq_get_big(data, len < 8 ? len : 8);
    const uint32_t half = (uint32_t)bits;
    float single;

    out->type = TENON_INT;
    out->as.i = (int64_t)bits;
    switch (oid) {
    case OID_INT2:
        out->as.i = (int16_t)bits;
        break;
    case OID_INT4:
        out->as.i = (int32_t)bits;
        break;
    case OID_FLOAT4:
        memcpy(&single, &half, sizeof single);
        out->type = TENON_REAL;
        out->as.d = (double)single;
        break;
    case OID_FLOAT8:
        out->type = TENON_REAL;
        memcpy(&out->as.d, &bits, sizeof bits);
        break;
    case OID_TIMESTAMP:
    case OID_TIMESTAMPTZ:
        out->type = TENON_TIME;
        out->as.i += out->as.i > INT64_MAX - PQ_EPOCH_US ? 0 : PQ_EPOCH_US; /* infinity stays */
        break;
    default:
        break;
    }
}

void
pq_get_value(const PGresult *result, int row, int column, tenon_value *out)
{
    const char *data = PQgetvalue(result, row, column);
    const int len = PQgetlength(result, row, column);
    const Oid oid = PQftype(result, column);

    *out = tenon_null();
    if (PQgetisnull(result, row, column))
        return;
    switch (oid) {
    case OID_BOOL:
        *out = tenon_bool(data[0] != 0);
        break;
    case OID_NUMERIC:
        pq_get_numeric(data, out);
        break;
    case OID_INT2:
    case OID_INT4:
    case OID_INT8:
    case OID_OID:
    case OID_FLOAT4:
    case OID_FLOAT8:
    case OID_TIMESTAMP:
    case OID_TIMESTAMPTZ:
        pq_get_number(oid, data, len, out);
        break;
    default:
        out->type = oid == OID_UUID ? TENON_UUID : oid == OID_BYTEA ? TENON_BLOB : TENON_TEXT;
        out->as.data = data;
        out->len = (uint32_t)len;
        break;
    }
}

/* ---- The dialect ---- */

/* Days since 1970 as a date, in the calendar that PostgreSQL knows. */
static int
pq_put_time(int64_t us, char *out, size_t out_bytes)
{
    const int64_t day_us = INT64_C(86400000000);
    int64_t days = us / day_us, rest = us % day_us, era, doe, yoe, doy, mp, year;

    if (rest < 0) {
        rest += day_us;
        days--;
    }
    days += 719468;
    era = (days >= 0 ? days : days - 146096) / 146097;
    doe = days - era * 146097;
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;
    year = yoe + era * 400 + (mp >= 10);
    return snprintf(out, out_bytes,
                    "'%04" PRId64 "-%02" PRId64 "-%02" PRId64 " %02" PRId64 ":%02" PRId64
                    ":%02" PRId64 ".%06" PRId64 "+00%s'",
                    year > 0 ? year : 1 - year, mp < 10 ? mp + 3 : mp - 9,
                    doy - (153 * mp + 2) / 5 + 1, rest / 3600000000, rest / 60000000 % 60,
                    rest / 1000000 % 60, rest % 1000000, year > 0 ? "" : " BC");
}

static int
pq_literal(const tenon_value *value, char *out, size_t out_bytes)
{
    const unsigned char *b = value->as.data;

    switch (value->type) {
    case TENON_TIME:
        return pq_put_time(value->as.i, out, out_bytes);
    case TENON_REAL:
        return isinf(value->as.d)
                   ? snprintf(out, out_bytes, "'%sInfinity'", value->as.d < 0 ? "-" : "")
                   : snprintf(out, out_bytes, "'%.17g'", value->as.d + 0.0);
    case TENON_UUID:
        return snprintf(out, out_bytes,
                        "'%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x'", b[0],
                        b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
                        b[13], b[14], b[15]);
    default:
        return 0;
    }
}

const tenon_sql_dialect pq_dialect = {
    .size = sizeof pq_dialect,
    .types = { "", "bigint", "double precision", "boolean", "text COLLATE \"C\"", "bytea", "uuid",
               "timestamptz" },
    .true_text = "true",
    .false_text = "false",
    .blob_prefix = "'\\x",
    .blob_suffix = "'::bytea",
    .restrict_text = "NO ACTION", /* RESTRICT would refuse before the statement's end */
    .table_suffix = "",
    .table_query = "SELECT 1 FROM pg_class WHERE relkind IN ('r', 'p') AND relname = $1::name "
                   "AND pg_table_is_visible(oid)",
    .index_query = "SELECT 1 FROM pg_class WHERE relkind = 'i' AND relname = $1::name "
                   "AND pg_table_is_visible(oid)",
    .explain_prefix = PQ_EXPLAIN,
    .placeholder = '$',
    .nulls_first = " NULLS FIRST",
    .nulls_last = " NULLS LAST",
    .require_prefix = "SELECT 1 / EXISTS (",
    .require_suffix = ")::int",
    .length_suffix = "::int",
    .literal = pq_literal,
    .keys_last = 1,
    .valid_text = 1,
};

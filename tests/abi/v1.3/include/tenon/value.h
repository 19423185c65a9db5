/** @file value.h Values: what goes in as a parameter and comes out in a row. */
#ifndef TENON_VALUE_H
#define TENON_VALUE_H

#include <stddef.h>
#include <string.h>

#include "tenon/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Types of columns and values. Numbers are part of the ABI and of stored rows. */
enum {
    TENON_NULL = 0, /**< No value; not a type of a column. */
    TENON_INT = 1,  /**< 64-bit signed integer. */
    TENON_REAL =
        2, /**< IEEE 754 double. NaN is refused (engines disagree); -0.0 is stored as 0.0. */
    TENON_BOOL = 3, /**< True or false. */
    TENON_TEXT = 4, /**< UTF-8 without NUL bytes; compared byte by byte. */
    TENON_BLOB = 5, /**< Bytes; compared byte by byte. */
    TENON_UUID = 6, /**< 16 bytes; compared byte by byte. */
    TENON_TIME = 7  /**< Microseconds since the epoch, UTC; not before TENON_MIN_TIME_US. */
};

/** The earliest TIME, 4714-11-24 BC: day 0 of the Julian Period, where calendars of engines begin.
 */
#define TENON_MIN_TIME_US INT64_C(-210866803200000000)

/** A TENON_INT … TENON_TIME number. */
typedef uint8_t tenon_type;

/** An id. */
typedef struct tenon_uuid {
    uint8_t bytes[16];
} tenon_uuid;

/**
 * A value of 16 bytes. TEXT, BLOB and UUID are borrowed: `as.data` must live as long as the call
 * that it is given to, and in a row until the next call on the same transaction or cursor.
 */
typedef struct tenon_value {
    tenon_type type;
    uint8_t reserved[3];
    uint32_t len; /**< Bytes at `as.data` (TEXT, BLOB, UUID), else 0. */
    union {
        int64_t i;        /**< INT, TIME (microseconds), BOOL (0 or 1). */
        double d;         /**< REAL. */
        const void *data; /**< TEXT (not terminated by NUL), BLOB, UUID. */
    } as;
} tenon_value;

/** For the functions below: field by field, which compilers turn into plain stores, where they
 * would copy what has an initialiser. */
static inline tenon_value
tenon_value_of_bytes(tenon_type type, const void *data, size_t len)
{
    tenon_value v;

    v.type = type;
    v.reserved[0] = v.reserved[1] = v.reserved[2] = 0;
    v.len = (uint32_t)len;
    v.as.data = data;
    return v;
}

/** The same of a number. */
static inline tenon_value
tenon_value_of_number(tenon_type type, int64_t i)
{
    tenon_value v;

    v.type = type;
    v.reserved[0] = v.reserved[1] = v.reserved[2] = 0;
    v.len = 0;
    v.as.i = i;
    return v;
}

/** NULL. */
static inline tenon_value
tenon_null(void)
{
    return tenon_value_of_number(TENON_NULL, 0);
}

/** An INT. */
static inline tenon_value
tenon_int(int64_t i)
{
    return tenon_value_of_number(TENON_INT, i);
}

/** A REAL. */
static inline tenon_value
tenon_real(double d)
{
    tenon_value v = tenon_value_of_number(TENON_REAL, 0);

    v.as.d = d;
    return v;
}

/** A BOOL. */
static inline tenon_value
tenon_bool(bool b)
{
    return tenon_value_of_number(TENON_BOOL, b ? 1 : 0);
}

/** A TIME, in microseconds since the epoch. */
static inline tenon_value
tenon_time(int64_t epoch_us)
{
    return tenon_value_of_number(TENON_TIME, epoch_us);
}

/** A TEXT of `len` bytes, borrowed. */
static inline tenon_value
tenon_text_n(const char *text, size_t len)
{
    return tenon_value_of_bytes(TENON_TEXT, text, len);
}

/** A TEXT up to its NUL, borrowed; NULL where `text` is NULL. */
static inline tenon_value
tenon_text(const char *text)
{
    return text == NULL ? tenon_null() : tenon_text_n(text, strlen(text));
}

/** A BLOB of `len` bytes, borrowed. */
static inline tenon_value
tenon_blob(const void *data, size_t len)
{
    return tenon_value_of_bytes(TENON_BLOB, data, len);
}

/** A UUID, borrowed; NULL where `id` is NULL. */
static inline tenon_value
tenon_id(const tenon_uuid *id)
{
    return id == NULL ? tenon_null() : tenon_value_of_bytes(TENON_UUID, id, sizeof *id);
}

/** The id in a UUID value, copied; all zero for any other type. */
static inline tenon_uuid
tenon_value_id(const tenon_value *v)
{
    tenon_uuid id;

    memset(&id, 0, sizeof id);
    if (v->type == TENON_UUID)
        memcpy(&id, v->as.data, sizeof id);
    return id;
}

/**
 * Order of two values of one type, as every engine sorts them: NULL first, numbers by value, bytes
 * by memcmp then length. Values of two types are ordered by type.
 *
 * @return below 0, 0, above 0
 */
TENON_API int tenon_value_compare(const tenon_value *a, const tenon_value *b);

/** Name of a type in lower case ("uuid"); "?" for an unknown number. Never NULL, static. */
TENON_API const char *tenon_type_name(tenon_type type);

/**
 * Make a UUID of version 7: 48 bits of the wall clock in ms, then a counter that keeps ids of one
 * process in the order in which they were made, then random bits. Any thread; never fails, never
 * blocks.
 */
TENON_API tenon_uuid tenon_uuid_new(void);

/** Bytes of a UUID as text, its NUL included. */
#define TENON_UUID_TEXT_BYTES 37

/** Write the id as 36 lower-case characters and a NUL. */
TENON_API void tenon_uuid_text(const tenon_uuid *id, char out[TENON_UUID_TEXT_BYTES]);

/**
 * Read 36 characters as an id.
 *
 * @retval TENON_OK      `*out` is set
 * @retval TENON_INVALID `text` is no UUID; `*out` is all zero
 */
TENON_API tenon_status tenon_uuid_parse(const char *text, tenon_uuid *out);

/** Wall clock, in microseconds since the epoch. Never fails. */
TENON_API int64_t tenon_now_us(void);

#ifdef __cplusplus
}
#endif
#endif

/** @file table.h A result as text. */
#ifndef BENCH_ENGINES_TABLE_H
#define BENCH_ENGINES_TABLE_H

#include <jansson.h>
#include <stddef.h>

/** Print all of a result to stdout. */
void table_print(const json_t *result);

/** A number with as many digits as say something: "12.3k", "4.56", "789"; "n/a" for none. */
void table_number(const json_t *value, char *out, size_t out_bytes);

/** A time of so many microseconds: "12.3 us", "4.56 ms". */
void table_time(const json_t *us, char *out, size_t out_bytes);

/** Bytes: "1.2 MB". */
void table_bytes(const json_t *value, char *out, size_t out_bytes);

#endif

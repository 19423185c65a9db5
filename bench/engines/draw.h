/** @file draw.h Which key is next, how large a value is, how long until the next arrival. Nothing
 * here allocates or locks. */
#ifndef BENCH_ENGINES_DRAW_H
#define BENCH_ENGINES_DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** How keys are chosen. */
typedef enum draw_kind {
    DRAW_UNIFORM,
    DRAW_ZIPFIAN,    /**< Few are popular; which ones, is scattered over all. */
    DRAW_LATEST,     /**< Few are popular: the newest. */
    DRAW_HOTSPOT,    /**< 80 of 100 go to the first fifth. */
    DRAW_SEQUENTIAL, /**< One after the other, and again. */
    DRAW_KINDS
} draw_kind;

/** A distribution of keys; shared by threads once it is prepared. */
typedef struct draw_keys {
    draw_kind kind;
    double theta;   /**< Skew of zipfian and latest, above 0, below 1. */
    uint64_t count; /**< Keys that it was prepared for. */
    double zeta, alpha, eta, second;
} draw_keys;

/** One thread's stream of chance. */
typedef struct draw_stream {
    uint64_t random;
    uint64_t serial; /**< Of DRAW_SEQUENTIAL. */
} draw_stream;

extern const char draw_keys_known[]; /**< The names, for a message. */

/** Read "uniform", "zipfian", "zipfian:0.8", "latest", "hotspot", "sequential". */
bool draw_keys_parse(const char *text, draw_keys *out);

/** Name, with its skew where it has one. */
void draw_keys_text(const draw_keys *keys, char *out, size_t out_bytes);

/** Make it ready for so many keys. Takes up to 50 ms. */
void draw_keys_prepare(draw_keys *keys, uint64_t count);

/** A key of `from` … `to` - 1; there is at least one. */
uint64_t draw_key(const draw_keys *keys, draw_stream *stream, uint64_t from, uint64_t to);

/** A number that 64 bits of input scatter over all. */
uint64_t draw_hash(uint64_t value);

/** From 0 to below `bound`, which is not 0. */
uint64_t draw_below(draw_stream *stream, uint64_t bound);

/** Nanoseconds until the next of arrivals that come at random, so many apart on average. */
double draw_gap_ns(draw_stream *stream, double mean_ns);

/** Sizes from `min` to `max`. */
typedef struct draw_sizes {
    uint32_t min, max;
    bool logarithmic; /**< As many from 10 to 100 as from 100 to 1,000. */
} draw_sizes;

/** Read "100", "50-150" (all alike) or "log:16-4096"; at most `most`. */
bool draw_sizes_parse(const char *text, uint32_t most, draw_sizes *out);
void draw_sizes_text(const draw_sizes *sizes, char *out, size_t out_bytes);

/** The size that a random number stands for. */
uint32_t draw_size(const draw_sizes *sizes, uint64_t random);

/** The size on average. */
double draw_sizes_mean(const draw_sizes *sizes);

#endif

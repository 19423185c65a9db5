/* The Zipfian draw is the one of Gray et al., "Quickly generating billion-record synthetic
 * databases", 1994: the first two ranks exactly, the others by one power. */
#include "draw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "numbers.h"

#define DRAW_THETA 0.99

/* Ranks whose share is added up one by one; further ones as an integral. */
#define DRAW_EXACT UINT64_C(1000000)

enum { DRAW_HOT_PERCENT = 80, DRAW_HOT_PART = 5 };

static const char *const draw_names[DRAW_KINDS] = {
    [DRAW_UNIFORM] = "uniform", [DRAW_ZIPFIAN] = "zipfian",       [DRAW_LATEST] = "latest",
    [DRAW_HOTSPOT] = "hotspot", [DRAW_SEQUENTIAL] = "sequential",
};

const char draw_keys_known[] =
    "uniform, zipfian, latest, hotspot or sequential (zipfian:0.8 has another skew)";

static bool
draw_is_skewed(draw_kind kind)
{
    return kind == DRAW_ZIPFIAN || kind == DRAW_LATEST;
}

bool
draw_keys_parse(const char *text, draw_keys *out)
{
    const size_t len = strcspn(text, ":");
    int kind = 0;
    char *end;

    memset(out, 0, sizeof *out);
    while (kind < DRAW_KINDS &&
           (strlen(draw_names[kind]) != len || memcmp(draw_names[kind], text, len) != 0))
        kind++;
    if (kind == DRAW_KINDS)
        return false;
    out->kind = (draw_kind)kind;
    out->theta = DRAW_THETA;
    if (text[len] == '\0')
        return true;
    out->theta = strtod(text + len + 1, &end);
    return draw_is_skewed(out->kind) && end != text + len + 1 && *end == '\0' && out->theta > 0.0 &&
           out->theta < 1.0;
}

void
draw_keys_text(const draw_keys *keys, char *out, size_t out_bytes)
{
    if (draw_is_skewed(keys->kind) && keys->theta != DRAW_THETA)
        (void)snprintf(out, out_bytes, "%s:%g", draw_names[keys->kind], keys->theta);
    else
        (void)snprintf(out, out_bytes, "%s", draw_names[keys->kind]);
}

static double
draw_zeta(uint64_t count, double theta)
{
    const uint64_t exact = count < DRAW_EXACT ? count : DRAW_EXACT;
    double sum = 0;

    for (uint64_t i = 1; i <= exact; i++)
        sum += pow((double)i, -theta);
    if (count > exact)
        sum += (pow((double)count, 1 - theta) - pow((double)exact, 1 - theta)) / (1 - theta);
    return sum;
}

void
draw_keys_prepare(draw_keys *keys, uint64_t count)
{
    const double theta = keys->theta;

    keys->count = count;
    if (!draw_is_skewed(keys->kind))
        return;
    keys->zeta = draw_zeta(count, theta);
    keys->alpha = 1 / (1 - theta);
    keys->second = pow(0.5, theta);
    keys->eta = (1 - pow(2.0 / (double)count, 1 - theta)) / (1 - (1 + keys->second) / keys->zeta);
}

uint64_t
draw_hash(uint64_t value)
{
    return numbers_random(&value);
}

uint64_t
draw_below(draw_stream *stream, uint64_t bound)
{
    return numbers_random(&stream->random) % bound;
}

/* From 0 to below 1. */
static double
draw_part(draw_stream *stream)
{
    return (double)(numbers_random(&stream->random) >> 11) * 0x1p-53;
}

static uint64_t
draw_rank(const draw_keys *keys, draw_stream *stream)
{
    const double u = draw_part(stream), scaled = u * keys->zeta;
    uint64_t rank;

    if (scaled < 1 || keys->count < 3)
        return 0;
    if (scaled < 1 + keys->second)
        return 1;
    rank = (uint64_t)((double)keys->count * pow(keys->eta * u - keys->eta + 1, keys->alpha));
    return rank < keys->count ? rank : keys->count - 1;
}

uint64_t
draw_key(const draw_keys *keys, draw_stream *stream, uint64_t from, uint64_t to)
{
    const uint64_t count = to - from, hot = count / DRAW_HOT_PART;

    switch (keys->kind) {
    case DRAW_ZIPFIAN:
        return from + draw_hash(draw_rank(keys, stream)) % count;
    case DRAW_LATEST:
        return to - 1 - draw_rank(keys, stream) % count;
    case DRAW_HOTSPOT:
        if (hot > 0 && draw_below(stream, 100) < DRAW_HOT_PERCENT)
            return from + draw_below(stream, hot);
        return from + hot + draw_below(stream, count - hot);
    case DRAW_SEQUENTIAL:
        return from + stream->serial++ % count;
    default:
        return from + draw_below(stream, count);
    }
}

double
draw_gap_ns(draw_stream *stream, double mean_ns)
{
    return -log(1 - draw_part(stream)) * mean_ns;
}

/* ---- Sizes ---- */

bool
draw_sizes_parse(const char *text, uint32_t most, draw_sizes *out)
{
    unsigned long min, max;
    char *end;

    memset(out, 0, sizeof *out);
    if (strncmp(text, "log:", 4) == 0) {
        out->logarithmic = true;
        text += 4;
    }
    if (*text < '0' || *text > '9')
        return false;
    min = max = strtoul(text, &end, 10);
    if (*end == '-' && end[1] >= '0' && end[1] <= '9')
        max = strtoul(end + 1, &end, 10);
    if (*end != '\0' || min > max || max > most || (out->logarithmic && min == 0))
        return false;
    out->min = (uint32_t)min;
    out->max = (uint32_t)max;
    return true;
}

void
draw_sizes_text(const draw_sizes *sizes, char *out, size_t out_bytes)
{
    if (sizes->min == sizes->max)
        (void)snprintf(out, out_bytes, "%u", (unsigned)sizes->min);
    else
        (void)snprintf(out, out_bytes, "%s%u-%u", sizes->logarithmic ? "log:" : "",
                       (unsigned)sizes->min, (unsigned)sizes->max);
}

uint32_t
draw_size(const draw_sizes *sizes, uint64_t random)
{
    const uint32_t span = sizes->max - sizes->min;
    const double part = (double)(random >> 11) * 0x1p-53;

    if (span == 0)
        return sizes->min;
    if (sizes->logarithmic)
        return (uint32_t)((double)sizes->min *
                          pow(((double)sizes->max + 1) / (double)sizes->min, part));
    return sizes->min + (uint32_t)(part * ((double)span + 1));
}

double
draw_sizes_mean(const draw_sizes *sizes)
{
    const double min = sizes->min, max = sizes->max;

    if (sizes->logarithmic && max > min)
        return (max - min) / log(max / min);
    return (min + max) / 2;
}

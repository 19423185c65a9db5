#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "html.h"
#include "result_latency.h"
#include "result_read.h"
#include "svg.h"
#include "table.h"

enum {
    PLOT_SERIES = 8, /* colours */
    PLOT_MOST_POINTS = 120,
    PLOT_WIDE = 540,
    PLOT_NARROW = 350,
    PLOT_HEIGHT = 290
};

/* ---- Series ---- */

uint32_t
html_series(const json_t *load, const char *driver)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(json_object_get(load, "drivers"), i, entry)
    {
        if (strcmp(result_text(entry, "driver"), driver) == 0)
            return (uint32_t)(i % PLOT_SERIES);
    }
    return 0;
}

void
html_legend(FILE *out, const json_t *load)
{
    const json_t *driver;
    size_t i;

    (void)fputs("<div class=legend>", out);
    json_array_foreach(json_object_get(load, "drivers"), i, driver)
    {
        if (json_is_true(json_object_get(driver, "control")) ||
            strcmp(result_text(driver, "state"), "absent") == 0)
            continue;
        (void)fprintf(out, "<span><i class=s%u></i>", (unsigned)(i % PLOT_SERIES));
        svg_text(out, result_text(driver, "driver"));
        (void)fputs("</span>", out);
    }
    (void)fputs("</div>\n", out);
}

/* The control is no driver, and figures that do not hold are not drawn beside those that do. */
static bool
plot_leaves_out(const json_t *load, const json_t *result)
{
    const json_t *driver = result_find(json_object_get(load, "drivers"), "driver",
                                       result_text(result, "driver"));

    return json_is_true(json_object_get(result, "control")) ||
           strcmp(result_text(driver, "state"), "fine") != 0;
}

static void
plot_format(double value, char *out, size_t out_bytes)
{
    json_t *number = json_real(value);

    table_number(number, out, out_bytes);
    json_decref(number);
}

static void
plot_format_whole(double value, char *out, size_t out_bytes)
{
    (void)snprintf(out, out_bytes, "%.0f", value);
}

static void
plot_format_us(double us, char *out, size_t out_bytes)
{
    if (us < 1)
        (void)snprintf(out, out_bytes, "%.0f ns", us * 1e3);
    else if (us < 1000)
        (void)snprintf(out, out_bytes, "%.0f µs", us);
    else if (us < 1e6)
        (void)snprintf(out, out_bytes, "%.0f ms", us / 1e3);
    else
        (void)snprintf(out, out_bytes, "%.0f s", us / 1e6);
}

/* A plot is drawn twice, for each width of the window: letters keep their size. */
typedef void plot_draw(svg_plot *p, const json_t *load, const json_t *run, const char *kind);

static void
plot_card(FILE *out, const char *title, const svg_plot *axes, plot_draw *draw, const json_t *load,
          const json_t *run, const char *kind)
{
    static const struct {
        double width;
        const char *name;
    } sizes[] = { { PLOT_WIDE, "wide" }, { PLOT_NARROW, "narrow" } };

    (void)fputs("<div class=card><h4>", out);
    svg_text(out, title);
    (void)fputs("</h4>", out);
    for (int i = 0; i < 2; i++) {
        svg_plot p = *axes;

        svg_begin(&p, out, sizes[i].width, PLOT_HEIGHT, sizes[i].name, title);
        draw(&p, load, run, kind);
        svg_end(&p);
    }
    (void)fputs("</div>\n", out);
}

/* ---- Latencies ---- */

/* The x axis is how rare a latency is: 1/(1-p). */
static void
plot_latency_of(svg_plot *p, const json_t *of, uint32_t series)
{
    const json_t *pairs = json_object_get(of, "histogram_ns"), *pair;
    const double count = json_number_value(json_object_get(of, "count"));
    const size_t places = json_array_size(pairs);
    double *x = calloc(places + 1, sizeof *x), *y = calloc(places + 1, sizeof *y);
    double before = 0;
    size_t i, points = 0;

    json_array_foreach(pairs, i, pair)
    {
        const double us = json_number_value(json_array_get(pair, 0)) / 1e3;
        const double left = count - before; /* not faster than this */
        double rare;

        before += json_number_value(json_array_get(pair, 1));
        if (x == NULL || y == NULL || left < 1)
            continue;
        rare = count / left;
        if (points > 0 && rare < x[points - 1] * 1.02 && i + 1 < places)
            continue; /* closer than can be seen */
        x[points] = rare;
        y[points++] = us;
    }
    if (points > 0)
        svg_line(p, x, y, points, series, false);
    free(x);
    free(y);
}

static void
plot_latency_draw(svg_plot *p, const json_t *load, const json_t *run, const char *kind)
{
    static const struct {
        double rare;
        const char *text;
    } ticks[] = { { 1, "p0" },       { 2, "p50" },        { 10, "p90" },       { 100, "p99" },
                  { 1000, "p99.9" }, { 10000, "p99.99" }, { 100000, "99.999" } };
    const json_t *result;
    size_t i;

    for (size_t t = 0; t < sizeof ticks / sizeof ticks[0]; t++)
        if (ticks[t].rare <= p->x.max && !(p->width < 400 && ticks[t].rare == 2))
            svg_tick(p, ticks[t].rare, ticks[t].text);
    json_array_foreach(json_object_get(run, "results"), i, result)
    {
        if (!plot_leaves_out(load, result))
            plot_latency_of(p, json_array_get(json_object_get(result, kind), 0),
                            html_series(load, result_text(result, "driver")));
    }
}

void
html_plot_latency(FILE *out, const json_t *load, const json_t *run, const char *kind)
{
    svg_plot p = { .x = { 1, 10, true, "share of operations that are not slower", NULL },
                   .y = { 1e9, 0, true, "latency", plot_format_us } };
    const json_t *result;
    size_t i;

    json_array_foreach(json_object_get(run, "results"), i, result)
    {
        const json_t *of = json_array_get(json_object_get(result, kind), 0);
        const json_t *pairs = json_object_get(of, "histogram_ns");
        const double count = json_number_value(json_object_get(of, "count"));
        const double least = json_number_value(json_array_get(json_array_get(pairs, 0), 0)) / 1e3;
        const double most = json_number_value(json_object_get(of, "max_us"));

        if (plot_leaves_out(load, result) || count <= 0)
            continue;
        p.x.max = fmax(p.x.max, fmin(count, 100000));
        p.y.min = fmin(p.y.min, fmax(least, 0.01));
        p.y.max = fmax(p.y.max, most);
    }
    if (p.y.max <= 0)
        return;
    svg_fit(&p.y);
    plot_card(out,
              strcmp(kind, "response") == 0 ? "Response time, from when it was due"
                                            : "Latency, from the start of each operation",
              &p, plot_latency_draw, load, run, kind);
}

/* ---- Over time ---- */

/* Slices, some together where they are many. @return points */
static size_t
plot_slices(const json_t *result, double x[PLOT_MOST_POINTS], double y[PLOT_MOST_POINTS])
{
    const json_t *slices = json_object_get(result, "slices");
    const size_t count = json_array_size(slices);
    const size_t each = count / PLOT_MOST_POINTS + 1;
    size_t points = 0;

    for (size_t at = 0; at < count && points < PLOT_MOST_POINTS; at += each) {
        double done = 0, seconds = 0;

        for (size_t i = at; i < at + each && i < count; i++) {
            const json_t *slice = json_array_get(slices, i);

            done += json_number_value(json_array_get(slice, 0));
            seconds += json_number_value(json_array_get(slice, 1));
        }
        x[points] = (double)at;
        y[points++] = seconds > 0 ? done / seconds : 0;
    }
    return points;
}

static void
plot_time_draw(svg_plot *p, const json_t *load, const json_t *run, const char *kind)
{
    double x[PLOT_MOST_POINTS], y[PLOT_MOST_POINTS];
    const json_t *result;
    size_t i;

    (void)kind;
    json_array_foreach(json_object_get(run, "results"), i, result)
    {
        if (!plot_leaves_out(load, result))
            svg_line(p, x, y, plot_slices(result, x, y),
                     html_series(load, result_text(result, "driver")), false);
    }
}

void
html_plot_time(FILE *out, const json_t *load, const json_t *run)
{
    double x[PLOT_MOST_POINTS], y[PLOT_MOST_POINTS];
    svg_plot p = { .x = { 0, 1, false, "round", plot_format_whole },
                   .y = { 0, 0, false, "operations/s", plot_format } };
    const json_t *result;
    size_t i;

    json_array_foreach(json_object_get(run, "results"), i, result)
    {
        const size_t points = plot_leaves_out(load, result) ? 0 : plot_slices(result, x, y);

        for (size_t k = 0; k < points; k++) {
            p.x.max = fmax(p.x.max, x[k]);
            p.y.max = fmax(p.y.max, y[k]);
        }
    }
    if (p.y.max <= 0 || p.x.max < 2)
        return;
    svg_fit(&p.y);
    plot_card(out, "Rate over time", &p, plot_time_draw, load, run, NULL);
}

/* ---- Sweep ---- */

static double
plot_rate(const json_t *run, const char *driver)
{
    return json_number_value(json_object_get(result_find_driver(run, driver), "rate"));
}

static bool
plot_is_of(const json_t *run, const char *phase)
{
    return strcmp(result_text(run, "phase"), phase) == 0;
}

static void
plot_sweep_line(svg_plot *p, const json_t *load, const json_t *knee)
{
    const char *driver = result_text(knee, "driver");
    const double at = json_number_value(json_object_get(knee, "threads"));
    const uint32_t series = html_series(load, driver);
    double x[PLOT_MOST_POINTS], y[PLOT_MOST_POINTS];
    const json_t *one;
    size_t points = 0, k;

    json_array_foreach(json_object_get(load, "runs"), k, one)
    {
        if (!plot_is_of(one, result_text(knee, "phase")) || points == PLOT_MOST_POINTS)
            continue;
        x[points] = json_number_value(json_object_get(one, "threads"));
        y[points++] = plot_rate(one, driver);
        if (x[points - 1] == at)
            svg_ring(p, at, y[points - 1], series, "knee");
    }
    svg_line(p, x, y, points, series, true);
}

/* @param[in] phase of a workload without phases: "" */
static void
plot_sweep_draw(svg_plot *p, const json_t *load, const json_t *run, const char *phase)
{
    const json_t *knee, *one;
    size_t i, k;

    (void)run;
    json_array_foreach(json_object_get(load, "runs"), k, one)
    {
        const double threads = json_number_value(json_object_get(one, "threads"));
        char text[16];

        (void)snprintf(text, sizeof text, "%.0f", threads);
        if (plot_is_of(one, phase))
            svg_tick(p, threads, text);
    }
    json_array_foreach(json_object_get(load, "knees"), i, knee)
    {
        if (plot_is_of(knee, phase))
            plot_sweep_line(p, load, knee);
    }
}

void
html_plot_sweep(FILE *out, const json_t *load, const char *phase)
{
    svg_plot p = { .x = { 1, 1, true, "threads (ring: the knee)", NULL },
                   .y = { 0, 0, false, "operations/s", plot_format } };
    const json_t *runs = json_object_get(load, "runs"), *run, *knee;
    char title[80];
    size_t i, k;

    json_array_foreach(runs, k, run)
    {
        const double threads = json_number_value(json_object_get(run, "threads"));

        if (!plot_is_of(run, phase))
            continue;
        p.x.max = fmax(p.x.max, threads);
        if (k == 0)
            p.x.min = fmax(threads, 1);
        json_array_foreach(json_object_get(load, "knees"), i, knee)
            p.y.max = fmax(p.y.max, plot_rate(run, result_text(knee, "driver")));
    }
    if (p.y.max <= 0 || p.x.max <= p.x.min)
        return;
    svg_fit(&p.y);
    (void)snprintf(title, sizeof title, "Threads%s%s", phase[0] != '\0' ? ", " : "", phase);
    plot_card(out, title, &p, plot_sweep_draw, load, NULL, phase);
}

/* ---- Bars ---- */

typedef const json_t *plot_value(const json_t *load, const json_t *result, const char *key);

static const json_t *
plot_of_result(const json_t *load, const json_t *result, const char *key)
{
    (void)load;
    return json_object_get(result, key);
}

static const json_t *
plot_of_driver(const json_t *load, const json_t *result, const char *key)
{
    const json_t *driver = result_find(json_object_get(load, "drivers"), "driver",
                                       result_text(result, "driver"));
    const json_t *value = json_object_get(driver, key);

    return value != NULL ? value : json_object_get(json_object_get(driver, "alone"), key);
}

/* How a value is written: bytes are not numbers. */
typedef void plot_write(const json_t *value, char *out, size_t out_bytes);

static void
plot_bars(FILE *out, const json_t *load, const json_t *run, const char *title, const char *key,
          plot_value *of, plot_write *write_it)
{
    const json_t *results = json_object_get(run, "results"), *result;
    double most = 0;
    size_t i;

    json_array_foreach(results, i, result)
    {
        if (!plot_leaves_out(load, result))
            most = fmax(most, json_number_value(of(load, result, key)));
    }
    if (most <= 0)
        return;
    (void)fputs("<div class=card><h4>", out);
    svg_text(out, title);
    (void)fputs("</h4><div class=bars>", out);
    json_array_foreach(results, i, result)
    {
        const json_t *value = of(load, result, key);
        char text[40];

        if (plot_leaves_out(load, result))
            continue;
        write_it(value, text, sizeof text);
        (void)fputs("<span>", out);
        svg_text(out, result_text(result, "driver"));
        (void)fputs("</span>", out);
        svg_bar(out, json_number_value(value) / most,
                html_series(load, result_text(result, "driver")));
        (void)fputs("<b>", out);
        svg_text(out, text);
        (void)fputs("</b>", out);
    }
    (void)fputs("</div></div>\n", out);
}

void
html_plot_rates(FILE *out, const json_t *load, const json_t *run)
{
    const char *phase = result_text(run, "phase");
    char title[120];

    (void)snprintf(title, sizeof title, "%s%s%s", result_text(load, "name"),
                   phase[0] != '\0' ? ", " : "", phase);
    plot_bars(out, load, run, title, "rate", plot_of_result, table_number);
}

void
html_plot_cost(FILE *out, const json_t *load, const json_t *run)
{
    plot_bars(out, load, run, "CPU of this process for each operation", "client_cpu_us",
              plot_of_result, table_time);
    plot_bars(out, load, run, "CPU of the server for each operation", "server_cpu_us",
              plot_of_result, table_time);
    plot_bars(out, load, run, "Flushes for each commit, one client", "flushes_per_commit",
              plot_of_driver, table_number);
    plot_bars(out, load, run, "Bytes written for each byte of data", "write_amplification",
              plot_of_driver, table_number);
    plot_bars(out, load, run, "On disk", "disk_bytes", plot_of_driver, table_bytes);
    plot_bars(out, load, run, "Memory that the process grew by", "memory_bytes", plot_of_driver,
              table_bytes);
}

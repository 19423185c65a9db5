/**
 * @file svg.h Plots as inline SVG. Colours and fonts come from the page's style sheet: series
 * number i is drawn in the class "s" followed by i.
 */
#ifndef BENCH_ENGINES_SVG_H
#define BENCH_ENGINES_SVG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** Text of a number on an axis. */
typedef void svg_format(double value, char *out, size_t out_bytes);

/** An axis: where its data lie. */
typedef struct svg_axis {
    double min, max;
    bool logarithmic;
    const char *label;
    svg_format *format; /**< NULL: no text at its lines. */
} svg_axis;

/** A plot of lines. */
typedef struct svg_plot {
    FILE *out;
    double width, height; /**< In units of about a pixel. */
    double left, right, top, bottom;
    svg_axis x, y;
} svg_plot;

/** Begin with frame, grid and labels. @param[in] kind class of the element; title says what it
 * shows
 */
void svg_begin(svg_plot *p, FILE *out, double width, double height, const char *kind,
               const char *title);
void svg_end(svg_plot *p);

/** A line through points, and a dot at each where `dots` says so. */
void svg_line(svg_plot *p, const double *x, const double *y, size_t count, uint32_t series,
              bool dots);

/** A tick with a text below the x axis. */
void svg_tick(svg_plot *p, double x, const char *text);

/** A ring around a point. @param[in] text told of it where a pointer rests */
void svg_ring(svg_plot *p, double x, double y, uint32_t series, const char *text);

/** A bar of a list of bars: its own element, `part` of its room wide. */
void svg_bar(FILE *out, double part, uint32_t series);

/** Text with what HTML would obey made harmless. */
void svg_text(FILE *out, const char *text);

/** Round outwards to where a line of the grid would be. */
void svg_fit(svg_axis *axis);

#endif

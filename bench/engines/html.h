/** @file html.h A result as a page that needs nothing else: no network, no scripts. */
#ifndef BENCH_ENGINES_HTML_H
#define BENCH_ENGINES_HTML_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

/** Write to a file, or to stdout where it is "-". @return TOOL_GO_ON or TOOL_FAILED */
int html_write(const json_t *result, const char *path);

/** `tenon bench report RESULT.json PAGE.html`. @param[in] argv from the first argument on */
int html_command(int argc, char **argv);

/* html_style.c */
extern const char html_style[];

/* html_plots.c: each draws nothing where there is nothing to draw. */

/** A driver's place among those of a workload: its colour. */
uint32_t html_series(const json_t *load, const char *driver);

/** Latencies by percentile. @param[in] kind "service" or "response" */
void html_plot_latency(FILE *out, const json_t *load, const json_t *run, const char *kind);
/** Rates of the slices, one after the other. */
void html_plot_time(FILE *out, const json_t *load, const json_t *run);
/** Rates by threads, with the knees, of a phase, or of a workload without phases: "". */
void html_plot_sweep(FILE *out, const json_t *load, const char *phase);
/** What operations cost, as bars. */
void html_plot_cost(FILE *out, const json_t *load, const json_t *run);
/** Rates, as bars, under the workload's name, and the phase's. */
void html_plot_rates(FILE *out, const json_t *load, const json_t *run);
/** Colours and names. */
void html_legend(FILE *out, const json_t *load);

#endif

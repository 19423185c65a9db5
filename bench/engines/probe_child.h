/** @file probe_child.h What the process of a probe does. */
#ifndef BENCH_ENGINES_PROBE_CHILD_H
#define BENCH_ENGINES_PROBE_CHILD_H

#include "probe.h"

/** Probe on a new database, and remove it. */
void probe_child(const plan *p, const workload *w, const place_driver *driver, const char *folder,
                 uint32_t number, probe_result *out);

#endif

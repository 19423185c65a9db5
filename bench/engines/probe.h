/**
 * @file probe.h One driver alone in a process of its own: are commits flushed as its durability
 * asks for, and what does it cost in memory and bytes. In the process where drivers take turns,
 * nobody could tell whose memory it is.
 */
#ifndef BENCH_ENGINES_PROBE_H
#define BENCH_ENGINES_PROBE_H

#include "plan.h"

enum { PROBE_TEXT_BYTES = 240 };

/** What was found. A figure below 0 is not known. */
typedef struct probe_result {
    bool done;
    char why[PROBE_TEXT_BYTES]; /**< Why not. */
    double proof_commits;       /**< By one client, one after the other. */
    double proof_flushes;       /**< In the time of these. */
    double operations;          /**< Of the workload, by one client. */
    double user_bytes;          /**< Of keys and values that these wrote. */
    double written_bytes;       /**< That the kernel was given, what closing writes included. */
    double memory_bytes; /**< By which this process has grown; the engine's cache is in it. */
} probe_result;

/** Processes to probe in, made while this one has no threads. */
typedef struct probe_maker {
    int pid, ask, answer;
} probe_maker;

/** @param[in] p, folder as they are now: later changes are not seen. @return false: said on stderr
 */
bool probe_start(probe_maker *m, const plan *p, const char *folder);
void probe_stop(probe_maker *m); /**< Also where it was not started. */

/**
 * Probe. Takes a few seconds.
 *
 * @param[in] load, driver their places in the plan
 * @param[in] number      of a place that nobody else uses
 */
void probe_run(const probe_maker *m, uint32_t load, uint32_t driver, uint32_t number,
               probe_result *out);

/**
 * Whether the flushes are those of a durability.
 *
 * @param[out] why what is wrong
 */
bool probe_is_kept(const probe_result *r, uint32_t durability, char *why, size_t why_bytes);

#endif

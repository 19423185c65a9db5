/** @file campaign.h Cycles of work, fault and check, and what they add up to. */
#ifndef TENON_TESTS_POWER_CAMPAIGN_H
#define TENON_TESTS_POWER_CAMPAIGN_H

#include "disk.h"
#include "page.h"

/** What a campaign is to show. */
enum {
    CAMPAIGN_NOTHING, /**< Nothing is lost, and nothing is there in part. */
    CAMPAIGN_LOST,    /**< Control: operations are lost. */
    CAMPAIGN_PARTIAL, /**< Control: operations are there in part. */
    CAMPAIGN_SEEN     /**< Control: the worker's own threads see it. */
};

typedef struct campaign {
    const char *url; /**< @DIR@ stands for the folder of the database. */
    bool cuts;       /**< Power cuts; else the process is killed. */
    uint32_t cut_how;
    uint32_t cycles, middle; /**< Go on until so many faults, so many in the middle of a group. */
    uint32_t expect;
    power_manner manner;
    uint64_t seed;

    power_page *page; /**< Shared memory. */
    disk disk;
    char folder[DISK_PATH_BYTES], place[DISK_PATH_BYTES + 16];
    uint32_t generation, age; /**< Databases made; cycles of this one. */
    uint64_t random;

    uint32_t done, middles, interrupted, convicted, unreadable, seen;
    uint64_t acked, unacked, lost, partial, calls[POWER_KINDS], reads, flushes;
} campaign;

/** Run it. @return exit code: 0 = it has shown what it was to show, 77 = it can't be done here */
int campaign_run(campaign *c);

#endif

/** @file worker.h The processes of a campaign: the one that works until it is killed, the one that
 * looks at what it left. Each is a fork of a process that has no threads and has opened nothing. */
#ifndef TENON_TESTS_POWER_WORKER_H
#define TENON_TESTS_POWER_WORKER_H

#include "page.h"

/** Open the database and work on it as page->manner says. Returns where the page says that the
 * power was cut, or where something is wrong. @return exit code */
int worker_main(const char *url, power_page *page);

/** Open the database, and fill page->verdict. @return exit code */
int checker_main(const char *url, power_page *page);

#endif

/** @file stop.h SIGINT and SIGTERM as a request to stop. */
#ifndef TENON_TOOLS_STOP_H
#define TENON_TOOLS_STOP_H

#include <stdbool.h>

/** From now on both signals only ask to stop. @return a descriptor that becomes readable then; -1
 * where there is none, which was told on stderr */
int stop_install(void);

/** Whether a signal has asked to stop. */
bool stop_requested(void);

#endif

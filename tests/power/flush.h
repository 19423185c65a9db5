/** @file flush.h The flushes of this process, which it does by functions of its own that go before
 * those of libc: counted, made to last longer, or, as a defect that a campaign has to find, left
 * out. Not with sanitizers, which go before them too. */
#ifndef TENON_TESTS_POWER_FLUSH_H
#define TENON_TESTS_POWER_FLUSH_H

#include "page.h"

/** From here on flushes are done as page->manner says. */
void flush_begin(power_page *page);

#endif

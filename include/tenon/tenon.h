/** @file tenon.h Everything that an application needs: `#include <tenon/tenon.h>`. */
#ifndef TENON_TENON_H
#define TENON_TENON_H

#include "tenon/audit.h"
#include "tenon/db.h"
#include "tenon/query.h"
#include "tenon/schema.h"
#include "tenon/settings.h"
#include "tenon/stats.h"
#include "tenon/status.h"
#include "tenon/txn.h"
#include "tenon/value.h"

#endif

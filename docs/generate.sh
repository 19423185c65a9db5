#!/bin/sh
# ./dev docs, or generate.sh FOLDER: make the pages that are made from headers, into docs/ or FOLDER.
set -eu

cd "$(dirname "$0")/.."
out=${1:-docs}

page() { # FILE HEADER...: with what comes before the reference on the standard input
    file=$1
    shift
    {
        cat
        awk -f docs/reference.awk "$@"
    } | cat -s | sed '$ { /^$/d; }' >"$out/$file"
}

page driver-abi.md include/tenon/driver.h <<'TEXT'
# The driver's ABI

What crosses between the core and a driver: each table, each slot, what it may return, who owns what, which threads call
it. Made by `./dev docs` from the comments of `include/tenon/driver.h`: edit those, not this page.

Values, statuses and the numbers of operators are in `tenon/value.h`, `tenon/status.h`, `tenon/schema.h` and
`tenon/query.h`; capabilities (`TENON_CAP_`) and durabilities in `tenon/db.h`. How to write a driver, and what the kits
do for it: [Drivers](drivers.md), [the kits](kits.md).

What is here is only added to. Each published minor is kept in `tests/abi/`, its headers and a driver that was written
against them, and tests see to it that every later core works with it, and every earlier core with a later driver.

TEXT
page kits.md include/tenon/kit/kv.h include/tenon/kit/sql.h include/tenon/kit/pq.h include/tenon/kit/posix.h \
    include/tenon/kit/filter.h <<'TEXT'
# The kits

What drivers share: static libraries that a plugin links, so that they are no part of [the ABI](driver-abi.md). Made by
`./dev docs` from the comments of `include/tenon/kit/`: edit those, not this page.

TEXT

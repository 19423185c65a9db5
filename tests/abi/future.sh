#!/bin/sh
# future.sh INCLUDE OUT: the headers of INCLUDE as a later version may have them: each struct of
# driver.h that grows (it begins with `size` and `reserved`) has one more member, `future`, and the
# minor is higher.
set -eu

rm -rf "$2"
mkdir -p "$2"
cp -R "$1/tenon" "$2/"
awk '
    /^#define TENON_DRIVER_ABI_MINOR / { $3 = $3 + 1 }
    /^(typedef )?struct [a-z_]+ \{$/ { grows = 0; first = 1; ops = /_ops \{$/ || /tenon_host \{$/; print; next }
    first { grows = /^    uint32_t size, reserved;$/; first = 0 }
    /^\}/ && grows { print ops ? "    tenon_status (*future)(void);" : "    uint64_t future;"; grown++; grows = 0 }
    { print }
    END { if (grown < 14) { print "only " grown " structs that grow" >"/dev/stderr"; exit 1 } }
' "$1/tenon/driver.h" >"$2/tenon/driver.h.new"
mv "$2/tenon/driver.h.new" "$2/tenon/driver.h"

#!/bin/sh
# What drivers of a published version of the ABI were compiled with, kept in vMAJOR.MINOR/:
#   include/tenon/  the headers as they were        layout.inc  what a driver counts on in them
#   *.c, *.h        a driver written against them   sums      of all of these
#
# frozen.sh check CC INCLUDE FOLDER   nothing of it has been changed, and drivers made with it go on
#                                     to work with the headers of INCLUDE
# frozen.sh whole CC INCLUDE FOLDER…  no struct of INCLUDE has padding where a member could be
#                                     hidden; what was appended since the newest FOLDER has a higher minor
# frozen.sh freeze CC INCLUDE FOLDER  once, when a minor is published: headers, layout.inc, sums; a
#                                     driver is written beside them before, and added to CMakeLists.txt
set -eu

here=$(cd "$(dirname "$0")" && pwd)
headers="status value schema query db txn driver"
flags="-std=c17 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Wpedantic -Werror"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
what=$1 cc=$2 include=$3
shift 3

layout() { # INCLUDE
    for header in $headers; do
        printf '%s/tenon/%s.h\n' "$1" "$header"
    done | xargs awk -f "$here/layout.awk" >"$work/layout.c"
    # shellcheck disable=SC2086
    "$cc" $flags -I"$1" "$work/layout.c" -o "$work/layout"
    "$work/layout"
}

holds() { # LAYOUT INCLUDE [OPTION]
    # shellcheck disable=SC2086
    "$cc" $flags ${3:-} -I"$2" -I"$1" -fsyntax-only "$here/layout.c" 2>"$work/errors" && return
    grep -o 'static assertion failed.*' "$work/errors" || cat "$work/errors"
    return 1
} >&2

files() {
    (cd "$1" && find . -type f ! -name sums | LC_ALL=C sort)
}

minor() { # INCLUDE
    awk '/^#define TENON_DRIVER_ABI_MINOR / { print $3 }' "$1/tenon/driver.h"
}

check() { # FOLDER
    name=$(basename "$1")
    if ! (cd "$1" && sha256sum --check --quiet --strict sums) ||
        [ "$(files "$1")" != "$(awk '{ print $2 }' "$1/sums")" ]; then
        echo "tests/abi/$name is what drivers of that version were compiled with, and is never changed: put it
back (git checkout tests/abi/$name). What is to change goes into include/tenon/: appended to a struct that
grows, or a new constant, with a higher TENON_DRIVER_ABI_MINOR. Once that is published it gets a folder
of its own, by tests/abi/frozen.sh freeze." >&2
        return 1
    fi
    holds "$1" "$1/include" -DEXACT || return 1
    if ! holds "$1" "$include"; then
        echo "include/tenon breaks the ABI $name: drivers compiled with it would fail. Members are only appended,
values never changed; what needs more is a new major, with another entry point." >&2
        return 1
    fi
}

# Members follow each other without a gap, up to the end.
padding() { # LAYOUT
    awk -F'[(,] *' '
        function close_last() { if (type != "" && at != size) { print type ": ends in padding"; bad = 1 } }
        /^ABI_(GROWS|FROZEN)/ { close_last(); type = $2; size = $3 + 0; at = 0 }
        /^ABI_MEMBER/ && $3 ~ /\./ { at = at > $4 + $5 ? at : $4 + $5; next }
        /^ABI_MEMBER/ { if ($4 + 0 != at) { print type ": padding before " $3; bad = 1 } at = $4 + $5 }
        /^ABI_VALUE/ && type != "" { close_last(); type = "" }
        END { exit bad }' "$1" >&2
}

whole() { # FOLDER...
    layout "$include" >"$work/today.h"
    padding "$work/today.h" || return 1
    for newest; do :; done
    [ "$(minor "$include")" -le "$(minor "$newest/include")" ] || return 0
    diff "$newest/layout.inc" "$work/today.h" >&2 && return
    echo "driver.h differs from $(basename "$newest"), which is published: raise TENON_DRIVER_ABI_MINOR." >&2
    return 1
}

freeze() { # FOLDER
    if [ -e "$1/sums" ]; then
        echo "$1 is frozen" >&2
        return 1
    fi
    mkdir -p "$1/include/tenon"
    for header in $headers; do
        cp "$include/tenon/$header.h" "$1/include/tenon/"
    done
    layout "$1/include" >"$1/layout.inc"
    (cd "$1" && files . | xargs sha256sum >"$work/sums" && cp "$work/sums" sums)
}

"$what" "$@"

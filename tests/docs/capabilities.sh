#!/bin/sh
# capabilities.sh SOURCE BUILD [--write]: the table of capabilities in docs/drivers.md is what `tenon check` says of
# the drivers of this build; --write makes it so. With postgres where TENON_POSTGRES_URL names a server.
set -eu

source=$(cd "$1" && pwd)
build=$(cd "$2" && pwd)
page=$source/docs/drivers.md
tenon=$build/bin/tenon
write=${3:-}
TENON_DRIVER_PATH=$build/lib/tenon/drivers
export TENON_DRIVER_PATH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -z "${TENON_POSTGRES_URL:-}" ]; then
    echo "SKIPPED: no PostgreSQL"
    exit 77
fi

# The line of capabilities of a driver, tried as far as a moment allows; conformance.* tries the rest.
ask() { # DRIVER URL [OPTION...]
    asked=$1
    url=$2
    shift 2
    "$tenon" check "$asked" --db "$url" --only abi --seed 1 "$@" >"$work/$asked.out" || {
        cat "$work/$asked.out"
        exit 1
    }
    sed -n 's/^capabilities: //p' "$work/$asked.out" | tr ' ' '\n' >"$work/$asked"
}

ask sqlite sqlite:@DIR@/x
ask lmdb lmdb:@DIR@/x
ask postgres "$TENON_POSTGRES_URL" --fresh "$source/tests/postgres/empty.sh"
ask memory memory:

{
    echo '| capability | sqlite | lmdb | postgres | memory |'
    echo '|---|---|---|---|---|'
    sed -n 's/^#define TENON_CAP_\([A-Z_]*\).*/\1/p' "$source/include/tenon/db.h" | while read -r capability; do
        line="| \`$capability\` |"
        for driver in sqlite lmdb postgres memory; do
            if grep -qx "$capability" "$work/$driver"; then line="$line yes |"; else line="$line |"; fi
        done
        echo "$line"
    done
} >"$work/table"

awk -v table="$work/table" '
    /^<!-- capabilities: / { print; while ((getline row < table) > 0) print row; inside = 1; next }
    /^<!-- end -->/ { inside = 0 }
    !inside { print }' "$page" >"$work/page"
if [ "$write" = --write ]; then
    cat "$work/page" >"$page"
elif ! cmp -s "$work/page" "$page"; then
    diff "$page" "$work/page" || true
    echo "docs/drivers.md is not what tenon check says: build/bin/with-postgres -- tests/docs/capabilities.sh . build --write"
    exit 1
fi
echo "the table of capabilities is what the drivers say"

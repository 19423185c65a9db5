#!/bin/sh
# agree.sh pgbench BIN_FOLDER PGBENCH URL [ROUNDS [SECONDS]]
# agree.sh loops BIN_FOLDER [ROUNDS [SECONDS]]
#
# Do the figures of `tenon bench` agree with those of outside tools? Both run in turn, ROUNDS times; prints
# the medians of their rates, the median of the ratios of a round, and the range of these.
#
# pgbench: on the same server, which has to be empty, with as many accounts, tellers and branches,
# prepared statements and READ COMMITTED. `tpcb-like` waits for the answer to each of its seven
# statements; `two-trips` is the same sent as Tenon sends it: it waits for the account's balance, and
# for the end. `select` (pgbench -S) is a statement without a transaction; `one-trip` has one around
# it, as Tenon's, without waiting for its begin and end.
#   build/bin/with-postgres -- bench/outside/agree.sh pgbench build/bin /usr/lib/postgresql/15/bin/pgbench @URL@
#
# loops: loops.c, on SQLite and LMDB, with the same rows and durability.
#   bench/outside/agree.sh loops build/bin
set -u
what=$1
bin=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail()
{
    cat "$work/out" >&2
    exit 1
}

# ours FIGURE ARGUMENTS...: a rate of `tenon bench`
ours()
{
    figure=$1
    shift
    "$bin/tenon" bench "$@" --seconds "$seconds" --no-control --no-proof --csv "$work/csv" >"$work/out" 2>&1 ||
        fail
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "rate") at = i } NR == 2 { print $at }' \
        "$work/csv" >>"$work/$figure"
}

median()
{
    sort -g | awk '{ v[NR] = $1 } END { printf "%.2f (%.2f - %.2f)", v[int((NR + 1) / 2)], v[1], v[NR] }'
}

# agree OURS OUTSIDE
agree()
{
    printf '%-16s %s a second, %-12s %s a second: ' "$1" "$(median <"$work/$1" | cut -d. -f1)" \
        "$2" "$(median <"$work/$2" | cut -d. -f1)"
    paste "$work/$1" "$work/$2" | awk '{ print $1 / $2 }' | median
    echo
}

# pgbench FIGURE CLIENTS ARGUMENTS...
pgbench()
{
    figure=$1
    clients=$2
    shift 2
    "$pgbench" -n -M prepared -c "$clients" -j "$clients" -T "$seconds" "$@" "$url" >"$work/out" 2>&1 || fail
    sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$work/out" >>"$work/$figure"
}

beside_pgbench()
{
    cat >"$work/two-trips" <<'SQL'
\set aid random(1, 100000)
\set tid random(1, 10)
\set delta random(-5000, 5000)
\startpipeline
BEGIN;
UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
\endpipeline
\startpipeline
UPDATE pgbench_tellers SET tbalance = tbalance + :delta WHERE tid = :tid;
UPDATE pgbench_branches SET bbalance = bbalance + :delta WHERE bid = 1;
INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (:tid, 1, :aid, :delta, CURRENT_TIMESTAMP);
END;
\endpipeline
SQL
    cat >"$work/one-trip" <<'SQL'
\set aid random(1, 100000)
\startpipeline
BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
END;
\endpipeline
SQL
    "$pgbench" -i -q -s 1 "$url" >"$work/out" 2>&1 || fail
    while [ "$rounds" -gt 0 ]; do
        rounds=$((rounds - 1))
        for clients in 1 2; do
            set -- --drivers postgres --server "$url" --records 100000 --threads $clients --warm-up 1 \
                --isolation read-committed
            pgbench "select-$clients" $clients -S
            pgbench "one-trip-$clients" $clients -f "$work/one-trip"
            ours "balance-$clients" --workload balance "$@"
            pgbench "tpcb-like-$clients" $clients -b tpcb-like
            ours "transfer-$clients" --workload transfer "$@"
            pgbench "two-trips-$clients" $clients -f "$work/two-trips"
        done
    done
    for clients in 1 2; do
        agree "balance-$clients" "select-$clients"
        agree "balance-$clients" "one-trip-$clients"
        agree "transfer-$clients" "tpcb-like-$clients"
        agree "transfer-$clients" "two-trips-$clients"
    done
}

# loops ENGINE OPERATION
loops()
{
    rm -rf "$work/place"
    mkdir "$work/place"
    "$bin/bench-loops" "$1" "$2" "$work/place" process $records "$seconds" >>"$work/loops-$1-$2" 2>"$work/out" ||
        fail
}

beside_loops()
{
    records=100000
    while [ "$rounds" -gt 0 ]; do
        rounds=$((rounds - 1))
        for engine in sqlite lmdb; do
            for operation in read update insert; do
                loops $engine $operation
                ours $engine-$operation --drivers $engine --workload $operation --records $records \
                    --warm-up 1 --durability process
            done
        done
    done
    for engine in sqlite lmdb; do
        for operation in read update insert; do
            agree $engine-$operation loops-$engine-$operation
        done
    done
}

case $what in
pgbench)
    pgbench=$1
    url=$2
    rounds=${3:-5}
    seconds=${4:-5}
    beside_pgbench
    ;;
loops)
    rounds=${1:-5}
    seconds=${2:-3}
    beside_loops
    ;;
*)
    echo "agree.sh: neither pgbench nor loops: $what" >&2
    exit 2
    ;;
esac

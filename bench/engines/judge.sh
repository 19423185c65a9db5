#!/bin/sh
# judge.sh TENON [TRIES]: does `tenon bench` tell two of the same from a driver that is 5 % slower? Runs
# SQLite beside itself, then beside itself behind a filter that spins for a twentieth of an operation;
# prints how often each verdict came, and fails where one of twenty is wrong more often than once.
# Takes about ten minutes on a quiet machine.
set -u
tenon=$1
tries=${2:-20}
filter='fault+sqlite?fault_kind=spin&fault_slot=transaction.commit&fault_at=1&fault_times=1000000000000'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# judge WANTED MICROSECONDS
judge()
{
    right=0
    try=0
    while [ $try -lt "$tries" ]; do
        try=$((try + 1))
        "$tenon" bench --drivers "$filter&fault_delay_us=0,$filter&fault_delay_us=$2" \
            --durability process --workload multi --batch 14 --abort-percent 0 --records 2000 --seconds 3 \
            --no-proof >"$work/out" || { cat "$work/out"; exit 1; }
        line=$(grep -m 1 'fault+sqlite#2' "$work/out")
        echo "$2 us: $line"
        case $line in *"$1"*) right=$((right + 1)) ;; esac
    done
    echo "$1: $right of $tries"
    [ $((right * 20)) -ge $((tries * 19)) ] || failed=1
}

# A twentieth of an operation, in whole microseconds, upwards.
"$tenon" bench --drivers "$filter&fault_delay_us=0" --durability process --workload multi --batch 14 \
    --abort-percent 0 --records 2000 --seconds 3 --no-proof --no-control --csv "$work/csv" >"$work/out" || exit 1
delay=$(awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "p50_us") at = i }
                 NR == 2 { us = $at / 20; print us == int(us) ? us : int(us) + 1 }' "$work/csv")

failed=0
judge 'no difference' 0
judge 'slower' "$delay"
exit $failed

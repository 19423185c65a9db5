# Open loop: a stall of one second is seen by those who were due meanwhile. The time from the start of
# each operation hides it, and stands beside.
. "$TEST_LIB"
[ -f "$TENON_DRIVER_PATH/sqlite.so" ] && [ -f "$TENON_DRIVER_PATH/fault.so" ] ||
    skip 'sqlite or fault is not built'

# above KIND BOUND: whether the 99th percentile is, in us.
above()
{
    above_value=$(field "$folder/r.json" workloads.0.runs.0.results.0."$1".0.p99_us) || exit 1
    awk "BEGIN { exit !($above_value > $2) }"
}

# stalls FAULT...
stalls()
{
    run 0 bench --drivers "fault+sqlite?fault_kind=delay&fault_delay_us=1000000&$1" \
        --durability process --rate 500 --arrivals "$2" --seconds 8 --slice-ms 8000 --warm-up 0 \
        --workload update --no-control --no-proof --json "$folder/r.json"
    same false "$(field "$folder/r.json" workloads.0.runs.0.results.0.saturated)" 'saturated'
}

for arrivals in poisson constant; do # 520 commits before, 4,000 due
    stalls 'fault_slot=transaction.commit&fault_at=2000' $arrivals
    above response 500000 || fail 'the stall is not in the time from when they were due'
    above service 500000 && fail 'the stall is in the time from the start'
done
stalls 'fault_slot=transaction.commit&fault_at=100000000' poisson # the control
above response 500000 && fail 'a stall is seen where there was none'

# More than it can do: all of the time that was offered is used, and it is said.
run 0 bench --drivers sqlite --durability process --rate 10000000 --seconds 1 --slice-ms 1000 \
    --warm-up 0 --workload update --no-control --no-proof --json "$folder/r.json"
same true "$(field "$folder/r.json" workloads.0.runs.0.results.0.saturated)" 'saturated'
grep -q 'SATURATED' "$out" || fail 'the table does not tell that it is saturated'
exit 0

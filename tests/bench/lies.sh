# An engine that acknowledges a commit and forgets it is found, and its figures are called invalid.
. "$TEST_LIB"
[ -f "$TENON_DRIVER_PATH/sqlite.so" ] && [ -f "$TENON_DRIVER_PATH/fault.so" ] ||
    skip 'sqlite or fault is not built'

# lies WORKLOAD AT: the commit of that number.
lies()
{
    run "$3" bench --drivers "fault+sqlite?fault_kind=lie&fault_slot=transaction.commit&fault_at=$2" \
        --durability process --operations 500 --warm-up 0 --records 500 --workload "$1" \
        --no-control --json "$folder/r.json"
}

lies update 100 1
same invalid "$(field "$folder/r.json" workloads.0.drivers.0.state)" 'a lost update'
grep -q 'has not as many updates as were acknowledged\|answers were wrong' "$out" ||
    fail 'it is not told what is wrong'
lies insert 100 1
same invalid "$(field "$folder/r.json" workloads.0.drivers.0.state)" 'a lost insert'
grep -q 'not the .* that were acknowledged' "$out" || fail 'it is not told what is wrong'
lies transfer 100 1
same invalid "$(field "$folder/r.json" workloads.0.drivers.0.state)" 'a lost transfer'
lies update 100000000 0 # the control: a lie that is never told
same fine "$(field "$folder/r.json" workloads.0.drivers.0.state)" 'no lie'
exit 0

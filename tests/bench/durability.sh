# An engine whose durability is lowered behind the tool's back is found by its flushes, and its
# figures are called invalid.
. "$TEST_LIB"

# bench STATUS
bench()
{
    run "$1" bench --drivers "$driver" --operations 300 --warm-up 0 --records 300 --workload "$2" \
        --no-control --json "$folder/r.json"
}

bench 0 update # the control
same fine "$(field "$folder/r.json" workloads.0.drivers.0.state)" 'as it is'
case $(field "$folder/r.json" workloads.0.drivers.0.alone.flushes_per_commit) in
0 | 0.*) fail 'fewer flushes than commits' ;;
esac

LD_PRELOAD=$TEST_LOWER
export LD_PRELOAD
for workload in update read; do # what only reads is no excuse
    bench 1 $workload
    same invalid "$(field "$folder/r.json" workloads.0.drivers.0.state)" "lowered, $workload"
    same power "$(field "$folder/r.json" workloads.0.drivers.0.settings.durability)" 'what it says of itself'
    grep -q 'durability=power is not kept: 300 commits' "$out" || fail 'it is not told what is wrong'
done
exit 0

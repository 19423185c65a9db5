# Phases of a workload file: one after the other on the same rows, each with figures of its own, all
# drivers in the same one, the end checked as ever. What is wrong with one is refused with its place.
. "$TEST_LIB"
[ -f "$TENON_DRIVER_PATH/memory.so" ] && [ -f "$TENON_DRIVER_PATH/fault.so" ] ||
    skip 'memory or fault is not built'

# at KEY: of the result.
at()
{
    field "$folder/r.json" "workloads.0.$1"
}

run 0 bench --drivers memory,memory --durability none --seconds 2 --warm-up 0 --records 300 \
    --no-proof --workload "$TEST_FOLDER/day.toml" --json "$folder/r.json" --csv "$folder/r.csv" \
    --html "$folder/r.html"
number=0
for name in deliveries visitors sale; do
    same $name "$(at phases.$number.name)" 'phase'
    same $name "$(at runs.$number.phase)" 'run of a phase'
    same 0 "$(at runs.$number.results.0.tally.errors)" "$name errors"
    grep -q "^phase: $name; threads: 1" "$out" || fail "the table has no figures of $name"
    grep -q "^day,$name,1,memory,0,fine," "$folder/r.csv" || fail "the CSV has none of $name"
    grep -q "<summary>$name; threads: 1" "$folder/r.html" || fail "the page has none of $name"
    number=$((number + 1))
done
grep -q "^day,,1," "$folder/r.csv" && fail 'the CSV has figures of no phase'

# Each does what is its own, in its own loop; nobody is in another phase in the same round.
same closed "$(at runs.1.loop)" 'loop'
same open "$(at runs.2.loop)" 'loop of the sale'
same 400 "$(at runs.2.offered_rate | cut -d. -f1)" 'rate of the sale'
same hotspot "$(at phases.2.keys)" 'keys of the sale'
same zipfian:0.9 "$(at phases.1.keys)" 'keys of the whole'
same 5 "$(at phases.1.weights.update)" 'weight'
[ "$(at runs.0.results.0.operations)" -ge 2000 ] || fail 'deliveries are short'
for run in 0 1 2; do
    operations=$(at runs.$run.results.0.service | tr '{' '\n' | sed -n 's/.*"operation": *"\([^"]*\)".*/\1/p' |
        LC_ALL=C sort | tr '\n' ' ')
    case $run in
    0) same 'all batch update ' "$operations" 'operations of deliveries' ;;
    1) same 'all read update ' "$operations" 'operations of visitors' ;;
    2) same 'all modify read ' "$operations" 'operations of the sale' ;;
    esac
done
for side in 0 1 2; do # the control too
    same true "$(at drivers.$side.verified)" 'verified'
    same fine "$(at drivers.$side.state)" 'state'
done
same "$(at drivers.0.digest_after_the_same_operations)" \
    "$(at drivers.2.digest_after_the_same_operations)" 'digests'

# Shares of a count, one thread: all hold the same in the end. Phases by threads have a knee each.
printf 'name = "two"\n[operations]\nupdate = 1\n[[phase]]\nname = "a"\nshare = 3\n[[phase]]\nname = "b"\n[phase.operations]\ninsert = 1\n' \
    >"$folder/two.toml"
run 0 bench --drivers memory,memory --durability none --operations 4000 --warm-up 0 --no-proof \
    --workload "$folder/two.toml" --threads 1,2 --json "$folder/r.json"
same b "$(at runs.3.phase)" 'last run'
same 2 "$(at runs.3.threads)" 'threads of the last run'
same a "$(at knees.0.phase)" 'phase of a knee'
same b "$(at knees.2.phase)" 'phase of another knee'
grep -q '^  b, operations/s, threads: ' "$out" || fail 'there is no sweep of b'
run 0 bench compare "$folder/r.json" "$folder/r.json"
grep -q '^two/b  *2 ' "$out" || fail 'the phases are not compared apart'
sed 's/"share":3/"share":2/' "$folder/r.json" >"$folder/other.json"
run 2 bench compare "$folder/r.json" "$folder/other.json"
says 'two.phases is'

# A commit that is lied about in the last phase makes the run invalid; the control is not.
run 1 bench --drivers 'fault+memory?fault_kind=lie&fault_slot=transaction.commit&fault_at=2500' \
    --durability none --operations 4000 --warm-up 0 --no-proof --no-control \
    --workload "$folder/two.toml" --json "$folder/r.json"
same invalid "$(at drivers.0.state)" 'state of a liar'
run 1 bench --drivers memory --durability none --operations 4000 --warm-up 0 --no-proof \
    --workload "$folder/two.toml" --expect 'rate<1'
says 'two/b, threads: 1'

# refused TEXT WHY: TEXT follows on a workload without phases.
refused()
{
    printf 'name = "a"\n[operations]\nread = 1\n%b' "$1" >"$folder/w.toml"
    run 2 bench --drivers memory --workload "$folder/w.toml" ${3:-} # words
    says "$2"
}

refused '[phase]\nname = "p"\n' 'w.toml:4:1: [[phase]] stands 1 to 16 times'
refused '[[phase]]\nshare = 1\n' "w.toml:4:1: the phase's name is missing"
refused '[[phase]]\nname = "p"\nspeed = 1\n' 'w.toml:6:1: there is no setting speed of a phase'
refused '[[phase]]\nname = "p"\nvalue_bytes = 9\n' 'w.toml:6:1: there is no setting value_bytes of a phase'
refused '[[phase]]\nname = "p"\nshare = 0\n' 'w.toml:6:9: share is a whole number from 1'
refused '[[phase]]\nname = "p"\nshare = 1\ncount = 9\n' 'w.toml:4:1: a phase has one of share, seconds and count'
refused '[[phase]]\nname = "p"\nrate = 9\ncount = 9\n' 'w.toml:4:1: a phase with a rate goes by time'
refused '[[phase]]\nname = "p"\narrivals = "poisson"\n' 'w.toml:4:1: a phase with arrivals has a rate'
refused '[[phase]]\nname = "p"\nrate = 9\narrivals = "often"\n' 'w.toml:7:12: arrivals is constant or poisson'
refused '[[phase]]\nname = "p"\nkeys = "normal"\n' 'w.toml:6:8: keys is uniform'
refused '[[phase]]\nname = "p"\n[[phase]]\nname = "p"\n' 'w.toml:6:1: there are two phases p'
refused '[[phase]]\nname = "p"\n[phase.operations]\nfly = 1\n' 'w.toml:7:1: there is no operation fly'
refused '[[phase]]\nname = "p"\n[phase.operations]\nsay = 1\n[[phase]]\nname = "q"\n' \
    "the phases' operations belong to different tables"
refused '[[phase]]\nname = "p"\nrate = 9\n' 'workload a: --rate is given, and a phase has' '--rate 9'
refused '[[phase]]\nname = "p"\nrate = 9\n' 'workload a: a phase has a rate and a count' '--operations 9'
refused '[[phase]]\nname = "p"\n[phase.operations]\nupdate = 1\n' 'and has no phases' '--crash'
printf 'name = "a"\n[[phase]]\nname = "p"\n' >"$folder/w.toml"
run 2 bench --drivers memory --workload "$folder/w.toml"
says 'w.toml:2:1: [phase.operations] is missing, and so is [operations]'
exit 0

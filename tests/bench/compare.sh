# Two results: alike within the noise, slower beyond it, refused where they can't be compared.
. "$TEST_LIB"
[ -f "$TENON_DRIVER_PATH/memory.so" ] && [ -f "$TENON_DRIVER_PATH/fault.so" ] ||
    skip 'memory or fault is not built'

# bench NAME DRIVER ARGUMENT...
bench()
{
    bench_name=$1; bench_driver=$2; shift 2
    run 0 bench --drivers "$bench_driver" --durability none --seconds 1 --workload update \
        --no-control --no-proof --json "$folder/$bench_name" "$@"
}

# Each commit waits, so that both take a time that the machine has little to do with.
slow='fault+memory?fault_kind=delay&fault_slot=transaction.commit&fault_at=1&fault_times=100000000'
bench a "$slow&fault_delay_us=1000"
bench b "$slow&fault_delay_us=1000"
bench c "$slow&fault_delay_us=3000"
run 0 bench compare "$folder/a" "$folder/b" --tolerance 40
grep -q 'no difference' "$out" || fail 'two of the same differ'
run 1 bench compare "$folder/a" "$folder/c" --tolerance 40
grep -q 'SLOWER' "$out" || fail 'three times as slow, and it is not told'
run 0 bench compare "$folder/c" "$folder/a" --tolerance 40
grep -q 'faster' "$out" || fail 'three times as fast, and it is not told'

bench d memory --value-bytes 50
run 2 bench compare "$folder/a" "$folder/d"
says 'update.value_bytes is "100" and "50"'
sed 's/"kernel":"[^"]*"/"kernel":"other"/' "$folder/a" >"$folder/e"
run 2 bench compare "$folder/a" "$folder/e"
says 'environment.kernel is'
sed 's/"schema_version":1/"schema_version":2/' "$folder/a" >"$folder/f"
run 2 bench compare "$folder/a" "$folder/f"
says 'its form is of version 2'
echo '{}' >"$folder/g"
run 2 bench compare "$folder/a" "$folder/g"
says 'it is no result of tenon bench'
run 2 bench compare "$folder/a" "$folder/absent"
for part in 100 1000 3000; do # a file that was cut off
    head -c $part "$folder/a" >"$folder/cut"
    run 2 bench compare "$folder/a" "$folder/cut"
done
for key in workloads runs results slices service; do # and one whose parts are something else
    sed "s/\"$key\":\[/\"$key\":{\"x\":[/; s/\]}\$/]}/" "$folder/a" >"$folder/odd"
    run 2 bench compare "$folder/a" "$folder/odd"
    sed "s/\"$key\":/\"other_$key\":/g" "$folder/a" >"$folder/odd"
    "$TENON" bench compare "$folder/odd" "$folder/a" >"$out" 2>"$err"
    [ $? -le 2 ] || fail "a crash without $key"
done

# In an open loop it is the 99th percentile; how far chance moves it is told from whole slices, and from
# too few of them it is not.
for wait in 500 4000; do # the second can't do what is due
    bench o$wait "$slow&fault_delay_us=$wait" --rate 400 --seconds 5 --warm-up 0
done
run 0 bench compare "$folder/o500" "$folder/o500"
awk '/fault.memory/ && /no difference/ { split($0, p, /[][]/); split(p[2], b, " - "); n = b[1] <= 1 && b[2] >= 1 }
     END { exit !n }' "$out" || fail 'one with itself has no interval around 1'
run 1 bench compare "$folder/o500" "$folder/o4000"
grep -q 'SLOWER' "$out" || fail 'one that is saturated is not told'
run 0 bench compare "$folder/o4000" "$folder/o500"
grep -q 'faster' "$out" || fail 'one that is not saturated any more is not told'
bench few "$slow&fault_delay_us=4000" --rate 400 --seconds 5 --slice-ms 1000 --warm-up 0
run 0 bench compare "$folder/o500" "$folder/few"
grep -q 'n/a: fewer than 8 slices' "$out" || fail 'an interval was made from five slices'

# Expectations.
run 0 bench --drivers memory --durability none --operations 2000 --workload read --no-proof \
    --expect 'p50<1s,rate>1,errors<1' --csv "$folder/r.csv"
run 1 bench --drivers memory --durability none --operations 2000 --workload read --no-proof \
    --expect 'p50<1ns,rate>1'
says 'expected p50<1ns: memory, read, threads: 1: it is'
run 1 bench --drivers memory --durability none --operations 200 --workload read --no-proof \
    --expect 'p99.99<1s'
says 'it is not known'
run 2 bench --drivers memory --expect 'p99<2'
says "--expect: 'p99<2' is not such as"
run 2 bench --drivers memory --expect 'speed>2'

# CSV: each line has as many fields as the first, and there is one for the operation and for all.
awk -F, 'NR == 1 { n = NF } NF != n { exit 1 } END { exit NR < 3 }' "$folder/r.csv" ||
    fail 'the CSV is no table'
exit 0

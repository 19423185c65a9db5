# A database that --db names: it has to be empty, several workloads take turns in it, its flushes are
# counted, and it is empty again afterwards. What is somebody's is refused and left as it was.
. "$TEST_LIB"
url="$driver:$folder/mine"

run 0 bench --db "$url" --durability process --workload read,update,transfer,chat --operations 300 \
    --records 500 --json "$folder/r.json"
for number in 0 1 2 3; do
    same fine "$(field "$folder/r.json" workloads.$number.drivers.0.state)" "workload $number"
    same true "$(field "$folder/r.json" workloads.$number.drivers.0.verified)" "workload $number"
    [ "$(field "$folder/r.json" workloads.$number.drivers.0.alone.commits)" = 300 ] ||
        [ "$(field "$folder/r.json" workloads.$number.drivers.0.alone.commits)" = 300.0 ] ||
        fail 'no flushes were counted'
done
same 'of a database that --db names there is no second one' \
    "$(field "$folder/r.json" workloads.0.control_why_not)" 'control'
grep -q '^no control: of a database that --db names' "$out" || fail 'the table does not tell'

# One whose rows are not the run's: refused, and left.
run 1 bench --db "fault+$driver:$folder/mine?fault_kind=lie&fault_slot=transaction.commit&fault_at=100" \
    --durability process --workload update --operations 300 --records 500 --no-proof
grep -q 'invalid$' "$out" || fail 'a lie was not found'
run 1 bench --db "$url" --durability process --workload update --operations 300 --records 500
grep -q 'it is not empty: its table bench_rows has 500 rows' "$out" || fail 'it is not refused'
run 1 bench --db "$url" --durability process --workload update --operations 300 --records 500
grep -q 'its table bench_rows has 500 rows' "$out" || fail 'rows that may be somebody'"'"'s are gone'
run 0 bench --db "$url" --durability process --workload transfer --operations 300 --records 500 --no-proof

run 2 bench --crash --db "$url"
says '--crash makes a database for each case'
exit 0

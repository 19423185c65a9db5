# A process that is killed while it works leaves all that was acknowledged; an engine that lies about
# it is found.
. "$TEST_LIB"

run 0 bench --crash --drivers "$driver" --records 500 --threads 2
for tier in power os process none; do
    grep -q "$driver *$tier .* 0  all there" "$out" || fail "durability=$tier"
done
[ -f "$TENON_DRIVER_PATH/fault.so" ] || exit 0
run 1 bench --crash --records 500 \
    --drivers "fault+$driver?fault_kind=lie&fault_slot=transaction.commit&fault_at=10&fault_times=3"
grep -q 'process .* 3        0  LOST' "$out" || fail 'three lost commits are not found'
run 2 bench --crash --drivers "$driver" --workload delete
says '--crash takes a workload that inserts or updates rows'
exit 0

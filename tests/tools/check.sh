# tenon check: what it says of a driver that works, and of one that does not.
. "$(dirname "$0")/lib.sh"

# Each case has an id and a promise, once.
run 0 check --list
[ "$(wc -l <"$out")" -ge 150 ] || fail "fewer cases than there were"
[ -z "$(cut -d' ' -f1 "$out" | sort | uniq -d)" ] || fail "an id stands there twice"
! awk 'NF < 4 { bad = 1 } END { exit !bad }' "$out" || fail "a case has no promise"

run 0 check memory --db memory: --only savepoints --json "$folder/good.json"
grep -q '^passed  savepoints.roll_back  ' "$out" || fail "a case that passed is not named"
grep -q '^skipped savepoints.not_offered .*it has TENON_CAP_SAVEPOINTS$' "$out" || fail "the capability is not named"
same "$(field "$folder/good.json" failed)" 0 "failures"
run 0 check memory --db memory: --only 'savepoints.ro*'
grep -q '^1 passed, 0 failed, 0 skipped' "$out" || fail "not the one case"
run 0 check "$TENON_DRIVER_PATH/memory.so" --db memory: --only savepoints.release
run 0 check memory --db memory: --only savepoints --brief
! grep -q '^passed\|^skipped' "$out" || fail "brief, but it names what has not failed"
grep -q '^[0-9]* passed, 0 failed, [1-9][0-9]* skipped' "$out" || fail "brief, and without the counts"

# A case that has little time has failed where it fails three times, others once. One more is the probe
# before all cases, and one the run whose calls are recorded.
tries()
{
    : >"$folder/tries"
    run 1 check fault --db "fault+memory:?fault_at=1&fault_times=100000&$2" --only "$1" --fresh "echo >>'$folder/tries'"
    grep -q "^FAILED  $1 " "$out" || fail "$1 does not fail"
    same "$(wc -l <"$folder/tries")" "$3" "tries of $1"
}
tries transactions.deadline 'fault_slot=transaction.begin&fault_kind=delay&fault_delay_us=60000' 5
tries transactions.atomic 'fault_slot=transaction.commit&fault_kind=lie' 3

# A commit that is acknowledged and rolled back: what was promised, expected, seen, the calls, a hint, how to
# repeat it.
lie='fault+sqlite:@DIR@/c.db?fault_slot=transaction.commit&fault_kind=lie&fault_at=3'
run 1 check fault --db "$lie" --only savepoints --seed 5 --brief --json "$folder/bad.json"
grep -q '^FAILED  savepoints.roll_back .*rolling back to a savepoint undoes' "$out" || fail "it is not convicted"
for text in "expected  items of table item gives '1 10;2 21'" "seen      ''" 'at        check/cases/savepoints.c:' \
    'calls     conn ' 'transaction.commit -> OK' 'hint      transaction.savepoint' \
    "again     tenon check fault --db '$lie' --seed 5 --only savepoints.roll_back"; do
    grep -qF -e "$text" "$out" || fail "it does not say: $text"
done
[ "$(field "$folder/bad.json" failed)" -gt 0 ] || fail "the JSON counts no failure"
! grep -q 'still in' "$out" || fail "a call is said not to have come back"

# A driver that ends its process, and one that hangs, are cases that failed; the next ones go on.
run 1 check fault --db 'fault+sqlite:@DIR@/c.db?fault_slot=query.exec&fault_kind=kill&fault_at=2' --only 'savepoints.re*'
grep -q 'seen      the process was ended by signal 9' "$out" || fail "the signal is not named"
grep -q '^0 passed, 1 failed' "$out" || fail "it is not counted"
grep -q '^    still in  conn ' "$out" && grep -q '^ .* conn [0-9]* query.exec insert tenon_schema ([^>]*$' "$out" ||
    fail "the call that has ended it is not named"
run 1 check fault --limit 1 --only 'savepoints.r*' \
    --db 'fault+sqlite:@DIR@/c.db?fault_slot=query.exec&fault_kind=delay&fault_delay_us=9000000&fault_at=2'
grep -q 'seen      it hangs: killed after 1 second' "$out" || fail "it is not said that it hangs"
# The call that has not come back is named, and none that has.
grep -q '^    still in  conn [0-9]* query.exec insert tenon_schema (.*), for [1-9] s$' "$out" || fail "the call that hangs is not named"
[ "$(grep -c '^    still in' "$out")" -eq 2 ] && [ "$(grep -c ', for [1-9] s$' "$out")" -eq 2 ] ||
     fail "calls that have come back are said to hang"
grep -q '^0 passed, 2 failed' "$out" || fail "the next one was not run"

# So has one that has passed, and whose process does not end; it is in no call.
plugins=$TENON_DRIVER_PATH
TENON_DRIVER_PATH=$plugins:$TEST_DRIVERS
run 1 check lingers --limit 1 --only savepoints.release --db 'lingers+sqlite:@DIR@/c.db'
grep -q 'seen      it hangs: killed after 1 seconds, at the exit of its process' "$out" || fail "an exit that hangs is not named"
TENON_DRIVER_PATH=$plugins
! grep -q 'still in' "$out" || fail "a call is said not to have come back"

# A stop ends the case that runs, which would take a minute.
timeout --preserve-status 1 "$TENON" check fault --only 'savepoints.r*' >"$out" 2>"$err" \
    --db 'fault+sqlite:@DIR@/c.db?fault_slot=query.exec&fault_kind=delay&fault_delay_us=60000000&fault_at=2'
same "$?" 130 "exit status of one that is stopped"
grep -q 'STOPPED before the end' "$out" || fail "it is not said that it was stopped"

# What can't be tried
run 1 check sqlite --db "sqlite:$folder/none/@DIR@/x"
says "tenon: sqlite: its database can't be opened"
run 1 check nosuch
says "tenon: nosuch: there is no driver of that name: NOT_FOUND: "
run 1 check "$folder/nosuch.so" --db 'nosuch:@DIR@/x'
same "$(cat "$err")" "tenon: check: there is no plugin $folder/nosuch.so (did the build fail?)" "a plugin that is not there"
for relative in build/nosuch.so ./nosuch nosuch.so; do
    run 2 check "$relative" --db 'nosuch:@DIR@/x'
    says "DRIVER must be a name or an absolute path, not '$relative'"
done
echo 'no plugin' >"$folder/text.so"
run 1 check "$folder/text.so" --db 'text:@DIR@/x'
says "tenon: $folder/text.so: the plugin can't be used: ABI: "
run 0 check "trace+$TENON_DRIVER_PATH/sqlite.so" --only savepoints.release \
    --db "trace+$TENON_DRIVER_PATH/sqlite.so:@DIR@/x?trace_file=$folder/calls"
run 2 check memory --db memory: --only savepoints.none
says "no case has the id 'savepoints.none'; see tenon check --list"
run 2 check memory --db memory: --quick --full
says '--quick and --full exclude each other'
run 2 check
says 'tenon: check: DRIVER is missing'
run 2 check memory --db memory: --limit 0
says '--limit must be a number from 1 to 86400'
run 1 check memory --db memory: --only savepoints.release --json "$folder/none/x"
says "tenon: $folder/none/x: can't be written"
run 1 check nosuch --db 'nosuch://someone:geheim@host/db'
! grep -q geheim "$err" "$out" || fail 'a password is shown'
exit 0

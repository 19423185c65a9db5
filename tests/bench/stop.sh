# Ctrl-C in the middle: a partial result that is valid, verified, and called partial.
. "$TEST_LIB"
[ -f "$TENON_DRIVER_PATH/sqlite.so" ] || skip 'sqlite is not built'

"$TENON" bench --drivers sqlite --durability process --seconds 60 --warm-up 1 --workload update,read \
    --json "$folder/r.json" --live >"$out" 2>"$err" &
background=$!
tries=0
until [ "$(grep -c 'update  sqlite [1-9]' "$err")" -ge 2 ]; do # the line of each second
    tries=$((tries + 1))
    [ $tries -lt 600 ] || fail 'no line tells what is going on'
    sleep 0.05
done
kill -INT $background
wait $background
same 130 $? 'exit status'
background=
same true "$(field "$folder/r.json" partial)" 'partial'
same fine "$(field "$folder/r.json" workloads.0.drivers.0.state)" 'state'
same true "$(field "$folder/r.json" workloads.0.drivers.0.verified)" 'verified'
"$TEST_JSON" "$folder/r.json" workloads.1 2>/dev/null && fail 'a workload that was not run is in the result'
grep -q 'stopped early' "$out" || fail 'the table does not tell that it was stopped'
exit 0

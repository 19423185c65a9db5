# --json: valid JSON, with the fields that are promised.
. "$(dirname "$0")/lib.sh"

"$TENON" generate --events 300 >"$folder/trace"

# check FILE: the JSON of a replay.
check()
{
    "$TEST_JSON" "$1" 2>"$err" || fail "$1 is no JSON"
    for key in events applied refused transactions seconds events_per_s latency_us.p50 \
        latency_us.p90 latency_us.p99 latency_us.p99_9 latency_us.max digest url driver durability \
        threads disk_bytes interrupted trace; do
        field "$1" $key >/dev/null || exit 1
    done
    same 300 "$(field "$1" events)" events
    same "$driver" "$(field "$1" driver)" driver
    same "$folder/trace" "$(field "$1" trace)" trace
    same false "$(field "$1" interrupted)" interrupted
    refused=0
    for status in NOT_FOUND EXISTS CONSTRAINT INVALID DENIED; do
        count=$("$TEST_JSON" "$1" refused.$status 2>/dev/null) && refused=$((refused + count))
    done
    same 300 $((refused + $(field "$1" applied))) 'applied and refused'
    [ "$refused" -gt 0 ] || fail 'no event was refused'
    field "$1" digest | grep -Eqx '[0-9a-f]{64}' || fail 'the digest is no digest'
}

run 0 replay "$folder/trace" "$(url a.db)" --json "$folder/report.json"
check "$folder/report.json"
grep -q "^digest  *$(field "$folder/report.json" digest)" "$out" || fail 'no table beside the JSON'
run 0 replay "$folder/trace" "$(url b.db)" --json - --threads 2
check "$out"
same 2 "$(field "$out" threads)" threads
[ "$driver" = memory ] || same process "$(field "$out" durability)" durability
run 0 replay "$folder/trace" "$(url c.db)" --quiet
[ ! -s "$out" ] || fail '--quiet prints something'

run 0 drivers --json
"$TEST_JSON" "$out" drivers >/dev/null || fail 'drivers --json'
grep -q "\"name\": \"$driver\"" "$out" || fail "drivers --json does not name $driver"
[ "$driver" = memory ] && exit 0
run 0 digest "$(url a.db)" --json
same "$(field "$folder/report.json" digest)" "$(field "$out" digest)" 'digest --json'
run 0 verify "$(url a.db)" --json
same 0 "$(field "$out" problem_count)" problem_count
exit 0

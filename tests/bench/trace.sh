# A recorded history at its pace, faster, or flat out: each event at its time, what waits is seen in the
# time from when it was due, and all drivers end with the same rows, those of tenon replay.
. "$TEST_LIB"
for needed in memory sqlite fault trace; do
    [ -f "$TENON_DRIVER_PATH/$needed.so" ] || skip "$needed is not built"
done

# history EVENTS: one a second; the third and the fourth are refused.
history()
{
    awk -v count="$1" 'BEGIN {
        for (i = 0; i < count; i++) {
            what = "\"op\": \"say\", \"room\": \"#r\", \"user\": \"ann\", \"text\": \"word " i "\""
            if (i == 0 || i == 2) what = "\"op\": \"register\", \"user\": \"ann\""
            if (i == 1) what = "\"op\": \"create_room\", \"room\": \"#r\", \"user\": \"ann\""
            if (i == 3) what = "\"op\": \"leave\", \"room\": \"#r\", \"user\": \"bob\""
            printf "{\"at\": %d, %s}\n", 1000000000 + i, what
        } }'
}
history 401 >"$folder/h.jsonl"

# play STATUS DRIVERS ARGUMENT...
play()
{
    play_status=$1 play_drivers=$2; shift 2
    run "$play_status" bench --drivers "$play_drivers" --durability none --no-proof \
        --json "$folder/r.json" "$@"
}

# at KEY: of the result; of the first driver's figures where it begins with a point.
at()
{
    case $1 in
    .*) field "$folder/r.json" "workloads.0.runs.0.results.0$1" ;;
    *) field "$folder/r.json" "workloads.0.$1" ;;
    esac
}

# holds EXPRESSION: an awk condition.
holds()
{
    awk "BEGIN { exit !($1) }" || fail "it is not so: $1"
}

# ---- What proves the durability writes rows that are there ----

run 0 bench --drivers lmdb --durability power --no-control --trace "$folder/h.jsonl" --json "$folder/r.json"
same fine "$(at drivers.0.state)" 'a history at durability=power'
flushed=$(at drivers.0.alone.flushes_per_commit)
holds "$flushed >= 1"

# ---- Flat out: the same rows as elsewhere, refusals counted ----

run 0 replay "$folder/h.jsonl" memory: --json "$folder/replay.json" --quiet
digest=$(field "$folder/replay.json" digest) || exit 1
play 0 memory,sqlite --trace "$folder/h.jsonl" --csv "$folder/r.csv" --html "$folder/r.html"
says '401 events of 6.7 min; 3 databases take them as fast as they can'
for side in 0 1 2; do # the control too
    same "$digest" "$(at drivers.$side.trace.digest)" 'digest'
    same 401 "$(at drivers.$side.trace.events)" 'events'
    same 399 "$(at drivers.$side.trace.applied)" 'applied'
    same 1 "$(at drivers.$side.trace.refused.EXISTS)" 'refused: a name that is taken'
    same 1 "$(at drivers.$side.trace.refused.NOT_FOUND)" 'refused: nobody of that name'
    same fine "$(at drivers.$side.state)" 'state'
    same null "$(at drivers.$side.trace.most_lag_us)" 'no event has a time'
done
same closed "$(at runs.0.loop)" 'loop'
[ -n "$(at runs.0.results.1.verdict)" ] || fail 'there is no verdict'
grep -q "^  memory  *401  *2  *399 .* ${digest%"${digest#????????????????}"}$" "$out" ||
    fail 'the table does not tell what came of it'
grep -q 'Recorded events' "$folder/r.html" || fail 'the page does not tell what came of it'
grep -q '^h.jsonl,,1,memory,1,.*,399,2,0,,$' "$folder/r.csv" || fail 'the CSV does not'
play 0 memory --trace "$folder/h.jsonl" --operations 3 --no-control
same 3 "$(at .operations)" 'the first three'

# ---- At a pace: as long as was recorded, and late by what is told ----

# paced PACE SECONDS: every event takes part, none before its time; what it takes longer is the last
# one's delay and itself.
paced()
{
    play 0 memory --trace "$folder/h.jsonl" --pace "$1"
    says "at pace $1 they take $2 s on each of 2 databases"
    same open "$(at runs.0.loop)" 'loop'
    same 401 "$(at .response.0.count)" 'responses'
    holds "$(at .seconds) >= $2"
    holds "$(at .seconds) - $2 <= ($(at drivers.0.trace.last_lag_us) + $(at .service.0.max_us)) / 1e6 + 0.5"
    holds "$(at .response.0.max_us) >= $(at drivers.0.trace.most_lag_us)"
    same "$digest" "$(at drivers.0.trace.digest)" 'digest'
}
paced 400 1
paced 200 2

# A stall of one second is seen by the 200 that were due meanwhile, and in one service time only.
stalls()
{
    play 0 "fault+memory?fault_kind=delay&fault_delay_us=1000000&fault_slot=transaction.commit&$1" \
        --trace "$folder/h.jsonl" --pace 200 --no-control
}
stalls fault_at=100
holds "$(at .response.0.p90_us) > 500000"
holds "$(at .service.0.p90_us) < 500000"
holds "$(at drivers.0.trace.most_lag_us) > 900000"
holds "$(at .tally.late) >= 100"
same false "$(at .saturated)" 'it keeps up in the end'
stalls fault_at=100000 # the control
holds "$(at .response.0.p90_us) < 500000"

# Faster than it can: all is done, and it is said that it was late.
play 0 memory --trace "$folder/h.jsonl" --pace 1e9 --no-control
same true "$(at .saturated)" 'saturated'
same 401 "$(at .operations)" 'events'
holds "$(at drivers.0.trace.last_lag_us) > 0"
grep -q SATURATED "$out" || fail 'the table does not tell that it is late'

# ---- Calls, from one engine to others ----

run 0 replay "$folder/h.jsonl" \
    "trace+sqlite:$folder/made?durability=process&trace_file=$folder/calls&trace_values=1" --quiet
for pace in max 1 3; do
    play 0 memory,sqlite --trace "$folder/calls" --pace $pace
    for side in 0 1 2; do
        same "$digest" "$(at drivers.$side.trace.digest)" "digest of calls at pace $pace"
        same 0 "$(at drivers.$side.trace.differences)" 'differences'
        same fine "$(at drivers.$side.state)" 'state'
    done
    [ "$(at drivers.0.trace.compared)" -ge 400 ] || fail 'few answers were compared'
done
sed '/"query":"message_insert"/s/{"text":"/{"text":"x/' "$folder/calls" >"$folder/changed"
cmp -s "$folder/calls" "$folder/changed" && fail 'nothing was changed'
play 1 memory --trace "$folder/changed" --no-control # its last read finds it
same invalid "$(at drivers.0.state)" 'state with another answer'
[ "$(at drivers.0.trace.digest)" != "$digest" ] || fail 'other calls end with the same rows'

# ---- What must be found ----

play 1 'memory,fault+memory?fault_kind=lie&fault_slot=transaction.commit&fault_at=200' \
    --trace "$folder/h.jsonl" --no-control
same invalid "$(at drivers.1.state)" 'state of a liar'
same 'in the end it holds other rows than memory' "$(at drivers.1.why)" 'why'
play 1 'fault+memory?fault_kind=io&fault_slot=transaction.commit&fault_at=200' \
    --trace "$folder/h.jsonl" --no-control
same broken "$(at drivers.0.state)" 'state of an engine that fails'
grep -q '^  fault+memory: line 2[0-9]*: .*\[IO'  "$out" || fail 'it is not told at which line'

# refused STATUS TEXT ARGUMENT...
refused()
{
    refused_status=$1 refused_text=$2; shift 2
    run "$refused_status" bench --drivers memory --durability none "$@"
    says "$refused_text"
}
{ cat "$folder/h.jsonl"; echo '{"at": 1, "op": "fly"}'; } >"$folder/bad"
refused 1 "bad:402: " --trace "$folder/bad"
: >"$folder/empty"
refused 2 'empty: nothing is in it' --trace "$folder/empty"
refused 2 'it must be a file' --trace -
refused 2 'absent: can' --trace "$folder/absent"
refused 2 '--pace must be max, 1, or' --trace "$folder/h.jsonl" --pace 0
refused 2 '--pace must be max, 1, or' --trace "$folder/h.jsonl" --pace fast
refused 2 '--pace is that of a --trace' --pace 2
refused 2 '--workload does not go with it' --trace "$folder/h.jsonl" --workload read
refused 2 '--threads does not go with it' --trace "$folder/h.jsonl" --threads 2
refused 2 '--rate does not go with it' --trace "$folder/h.jsonl" --rate 9
head -1 "$folder/h.jsonl" >"$folder/one"
refused 2 'all of the trace was at one time' --trace "$folder/one" --pace 1

# ---- A stop, hours before the next event ----

{ head -2 "$folder/h.jsonl"; echo '{"at": 1000099999, "op": "say", "room": "#r", "user": "ann", "text": "x"}'; } \
    >"$folder/long"
"$TENON" bench --drivers memory --durability none --no-proof --no-control --trace "$folder/long" \
    --pace 1 --live --json "$folder/r.json" >"$out" 2>"$err" &
background=$!
until grep -q 'memory 0$' "$err"; do # it has begun, and waits
    kill -0 $background || fail 'it has ended'
    sleep 0.05
done
says 'at pace 1 they take 27.8 hours on each of 1 databases'
kill -INT $background
wait $background
same 130 $? 'exit status'
background=
same 2 "$(at .operations)" 'events until then'
exit 0

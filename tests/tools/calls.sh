# What trace+URL records, and what tenon trace makes of it.
. "$(dirname "$0")/lib.sh"

cat >"$folder/trace" <<'EOT'
{"at": 1370564846, "op": "register", "user": "ada"}
{"at": 1370564847, "op": "create_room", "room": "#engines", "user": "ada"}
{"at": 1370564852, "op": "say", "room": "#engines", "user": "ada", "text": "weaving patterns"}
EOT
calls=$folder/calls.jsonl

# Through the filter the result is that of the driver alone.
run 0 replay "$folder/trace" "$driver:$folder/plain" --quiet --json "$folder/plain.json"
run 0 replay "$folder/trace" "trace+$driver:$folder/traced?trace_file=$calls" --quiet --json "$folder/traced.json"
run 0 compare "$folder/plain.json" "$folder/traced.json"

# Its owner alone may read it, and no value is in it.
[ "$(stat -c %a "$calls")" = 600 ] || fail "others may read the trace"
! grep -q "weaving patterns" "$calls" || fail "a value is in the trace"
run 0 replay "$folder/trace" "trace+$driver:$folder/valued?trace_file=$folder/values.jsonl&trace_values=1" --quiet
grep -q '"text":"weaving patterns"' "$folder/values.jsonl" || fail "no value is in the trace"

# Three events are three commits, further ones are of opening.
run 0 trace "$calls"
grep -q "^query.* message_insert  *1  *0 " "$out" || fail "the message is not counted"
run 0 trace "$calls" --json
commits=$(field "$out" committed_count)
[ "$commits" -ge 3 ] || fail "$commits commits"
gzip -c "$calls" >"$calls.gz"
run 0 trace "$calls.gz" --json
same "$(field "$out" committed_count)" "$commits" "commits"

# A fault under the trace is recorded as what it was.
run 1 replay "$folder/trace" "trace+fault+$driver:$folder/failed?trace_file=$folder/failed.jsonl&fault_kind=corrupt&fault_slot=transaction.commit&fault_at=3" --quiet
run 0 trace "$folder/failed.jsonl"
grep -q "^transaction.commit  *[0-9]*  *1 " "$out" || fail "the commit's failure is not counted"

# With each line at once a call has one before it, too; it is counted, and done again, once.
run 0 replay "$folder/trace" "trace+$driver:$folder/flushed?trace_file=$folder/flushed.jsonl&trace_flush=1&trace_values=1" --quiet
grep -q '"begun":"transaction.commit"' "$folder/flushed.jsonl" || fail "the begin of a call is not in the trace"
run 0 trace "$folder/flushed.jsonl" --json
same "$(field "$out" call_count)" "$(grep -c '"begun"' "$folder/flushed.jsonl")" "calls"
run 0 replay "$folder/flushed.jsonl" "$driver:$folder/again"
run 0 digest "$driver:$folder/again"

# What is no such trace
run 2 trace "$folder/none"
run 1 trace "$folder/trace"
says "trace:1: this is no call"
head -c 300 "$calls" >"$folder/torn.jsonl"
run 1 trace "$folder/torn.jsonl"
says "torn.jsonl:"
run 2 replay "$folder/trace" "trace+$driver:$folder/a"
says "trace_file"
run 2 replay "$folder/trace" "trace+$driver:$folder/a?trace_file=$folder/none/x"
says "trace_file"
run 2 replay "$folder/trace" "trace+$driver:$folder/a?trace_file=$folder/x&trace_color=red"
says "trace_color"
exit 0

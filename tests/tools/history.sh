# tenon check-history: exit statuses, levels, JSON, and what is no history.
. "$(dirname "$0")/lib.sh"
seeded=$(dirname "$0")/../history/seeded

run 0 check-history "$seeded/none.serial.jsonl"
grep -q '^nothing that serializable forbids$' "$out" || fail 'a serial history is not said to be fine'
run 1 check-history "$seeded/G2-item.jsonl"
grep -q '^not serializable: G2-item$' "$out" || fail 'a write skew is not named'
grep -q 'T1 read key 2 as \[\], before T2 appended 2 to it (rw)' "$out" || fail 'the cycle is not told'
run 0 check-history "$seeded/G2-item.jsonl" --level snapshot
grep -q '^G2-item: .*(allowed at this level)$' "$out" || fail 'what is allowed is not shown'
run 1 check-history "$seeded/G-single-realtime.jsonl" --level strict
run 0 check-history "$seeded/G-single-realtime.jsonl"
run 1 check-history "$seeded/lost-update.jsonl" --level snapshot
run 0 check-history "$seeded/lost-update.jsonl" --level read-committed
run 1 check-history "$seeded/G1a.jsonl" --level read-committed

# The file's own level.
sed '1s/}/, "level": "snapshot"}/' "$seeded/G2-item.jsonl" >"$folder/own.jsonl"
run 0 check-history "$folder/own.jsonl"
run 1 check-history "$folder/own.jsonl" --level serializable

"$TENON" check-history - --level serializable <"$seeded/G0.jsonl" >"$out" 2>"$err"
same 1 $? 'exit status with standard input'

run 1 check-history "$seeded/G1c.jsonl" --json "$folder/report.json"
same serializable "$(field "$folder/report.json" level)" 'level'
same 2 "$(field "$folder/report.json" committed_count)" 'committed'
grep -q '"name": "G1c"' "$folder/report.json" || fail 'the anomaly is not in the JSON'
grep -q '"valid": false' "$folder/report.json" || fail 'the verdict is not in the JSON'

run 2 check-history
says 'tenon: check-history: FILE is missing'
run 2 check-history "$folder/none"
says "tenon: $folder/none: can't be read: No such file"
run 2 check-history "$folder"
says "tenon: $folder: line 1: can't be read: Is a directory"
run 2 check-history "$seeded/G0.jsonl" --level best
says "--level: must be serializable, snapshot, read-committed or strict, not 'best'"
run 2 check-history "$seeded/G0.jsonl" --json "$folder/none/report"
says "can't be written"
echo 'no history' >"$folder/bad.jsonl"
run 2 check-history "$folder/bad.jsonl"
says "tenon: $folder/bad.jsonl: line 1: no JSON"
exit 0

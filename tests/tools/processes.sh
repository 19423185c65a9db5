# Two processes replay different traces into one database at once: nothing is lost, nothing is mixed.
. "$(dirname "$0")/lib.sh"

for seed in 1 2; do
    "$TENON" generate --events 4000 --seed $seed >"$folder/trace$seed"
    run 0 replay "$folder/trace$seed" "$(url alone$seed.db)" --json "$folder/alone$seed.json"
    run 0 digest "$(url alone$seed.db)" --json
    cp "$out" "$folder/rows$seed.json"
done

"$TENON" replay "$folder/trace1" "$(url both.db)" --json "$folder/both1.json" >"$out" 2>"$err" &
background=$!
"$TENON" replay "$folder/trace2" "$(url both.db)" --json "$folder/both2.json" >"$folder/out2" \
    2>"$folder/err2"
status=$?
wait $background || fail 'the first process'
background=
[ $status -eq 0 ] || { cat "$folder/err2" >&2; fail 'the second process'; }

for seed in 1 2; do
    for key in events applied transactions refused; do
        same "$(field "$folder/alone$seed.json" $key)" "$(field "$folder/both$seed.json" $key)" \
            "$key of trace $seed"
    done
done
run 0 digest "$(url both.db)" --json
cp "$out" "$folder/rows.json"
for table in users sessions rooms room_memberships invitations messages audit_logs; do
    one=$(field "$folder/rows1.json" tables.$table) || exit 1
    two=$(field "$folder/rows2.json" tables.$table) || exit 1
    same $((one + two)) "$(field "$folder/rows.json" tables.$table)" "rows of $table"
done
[ "$one" -gt 100 ] || fail "only $one audit rows"
run 0 verify "$(url both.db)"
exit 0

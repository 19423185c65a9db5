# What verify and replay --verify say of a file with damage in it: a text that is no text any more.
. "$(dirname "$0")/lib.sh"

cat >"$folder/trace" <<'EOT'
{"at": 1370564846, "op": "register", "user": "ada"}
{"at": 1370564847, "op": "create_room", "room": "#engines", "user": "ada"}
{"at": 1370564852, "op": "say", "room": "#engines", "user": "ada", "text": "weaving patterns"}
EOT
run 0 replay "$folder/trace" "$(url a.db)" --verify
says "0 problems"
run 0 verify "$(url a.db)"

LC_ALL=C sed "s/weaving/weav$(printf '\377')ng/g" "$folder/a.db" >"$folder/b.db"
cmp -s "$folder/a.db" "$folder/b.db" && fail "the text is not in the file"
run 1 verify "$(url b.db)"
grep -qx "messages.content: text that is not UTF-8" "$out" || fail "the problem is not told"
grep -qx "1 problem" "$out" || fail "the number of problems is not told"
run 1 verify "$(url b.db)" --json
same "$(field "$out" problem_count)" 1 "problem_count"
run 1 replay "$folder/trace" "$(url b.db)" --limit 0 --verify --quiet
says "messages.content: text that is not UTF-8"

# What verify and replay --verify say of a database with damage in it.
. "$(dirname "$0")/lib.sh"

cat >"$folder/trace" <<'EOT'
{"at": 1370564846, "op": "register", "user": "ada"}
{"at": 1370564847, "op": "create_room", "room": "#engines", "user": "ada"}
{"at": 1370564852, "op": "say", "room": "#engines", "user": "ada", "text": "weaving patterns"}
EOT
run 0 replay "$folder/trace" "$(url a.db)" --verify
says "0 problems"
run 0 verify "$(url a.db)"

# A server knows no such text: there a message is left without its author.
problem="messages.content: text that is not UTF-8"
[ "$driver" != postgres ] || problem="messages.message_user: a row refers to no row of users"
spoil a.db weaving "weav$(printf '\377')ng" \
    "SET session_replication_role = replica; UPDATE messages SET user_id = gen_random_uuid()"
run 1 verify "$(url a.db)"
grep -qx "$problem" "$out" || fail "the problem is not told"
grep -qx "1 problem" "$out" || fail "the number of problems is not told"
run 1 verify "$(url a.db)" --json
same "$(field "$out" problem_count)" 1 "problem_count"
run 1 replay "$folder/trace" "$(url a.db)" --limit 0 --verify --quiet
says "$problem"

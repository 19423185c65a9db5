# What verify says of an audit whose file somebody has changed.
. "$(dirname "$0")/lib.sh"

cat >"$folder/trace" <<'EOT'
{"at": 1370564846, "op": "register", "user": "ada"}
{"at": 1370564847, "op": "create_room", "room": "#engines", "user": "ada"}
{"at": 1370564852, "op": "say", "room": "#engines", "user": "ada", "text": "weaving patterns"}
EOT
run 0 replay "$folder/trace" "$(url a.db)&audit=true" --verify
run 0 verify "$(url a.db)"

spoil a.db 'chat\.register' 'chat.REGISTER' \
    "UPDATE tenon_audit SET action = replace(action, 'chat.register', 'chat.REGISTER')"
run 1 verify "$(url a.db)"
grep -q "^audit chain [-0-9a-f]*, row 1: has been changed" "$out" || fail "the problem is not told"
grep -qx "1 problem" "$out" || fail "the number of problems is not told"

# A chain with a key
key=0123456789abcdef
printf %s "$key" >"$folder/key"
"$TEST_KEYED" "$(url k.db)" "$key" >"$out" 2>"$err" || fail "no keyed audit"
run 0 verify "$(url k.db)" --audit-key "$folder/key"
run 1 verify "$(url k.db)"
grep -q "its chain has a key, and none was given" "$out" || fail "the key is not asked for"
printf %s "another key, 16B" >"$folder/other"
run 1 verify "$(url k.db)" --audit-key "$folder/other"
spoil k.db weave WEAVE "UPDATE tenon_audit SET action = replace(action, 'weave', 'WEAVE')"
run 1 verify "$(url k.db)" --audit-key "$folder/key"
grep -qx "1 problem" "$out" || fail "the number of problems is not told"

run 2 verify "$(url k.db)" --audit-key "$folder/none"
says "$folder/none: "
printf %s short >"$folder/short"
run 2 verify "$(url k.db)" --audit-key "$folder/short"
says "16 to 64 bytes"
run 2 verify "$(url k.db)" --audit-key "$folder/trace"
says "16 to 64 bytes"
run 2 verify "$(url k.db)" --audit-key "$folder"
says "$folder: "

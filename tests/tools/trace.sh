# What is wrong in a trace: exit status 1 with file and line, and what came before it stays.
. "$(dirname "$0")/lib.sh"

"$TENON" generate --events 20 >"$folder/good"
"$TENON" generate --events 3000 >"$folder/many"

# holds NAME COUNT TRACE: the replay into NAME, whose JSON is report.json, has left what the first
# COUNT events of TRACE leave.
holds()
{
    found=$(field "$folder/report.json" digest) || exit 1
    same "$2" "$(field "$folder/report.json" events)" "events of $1"
    run 0 replay "$3" "$(url "$1-wanted")" --limit "$2" --verify --json "$folder/wanted.json"
    says "0 problems"
    same "$(field "$folder/wanted.json" digest)" "$found" "digest after $1"
    [ "$driver" = memory ] && return
    same "$(digest_of "$1")" "$found" "digest of $1, read again"
    run 0 verify "$(url "$1")"
}

# bad NAME MESSAGE: the 21st line of the trace NAME is refused like that.
bad()
{
    for threads in 1 4; do
        remove "$1.db"
        run 1 replay "$folder/$1" "$(url "$1.db")" --threads $threads --json "$folder/report.json"
        says "tenon: $folder/$1:21: $2"
        holds "$1.db" 20 "$folder/good"
    done
}

# line NAME MESSAGE LINE
line()
{
    { cat "$folder/good"; printf '%s\n' "$3"; cat "$folder/good"; } >"$folder/$1"
    bad "$1" "$2"
}

line unknown "unknown event 'dance'" '{"at": 1, "op": "dance", "user": "a"}'
# How lines are read is no matter of the engine, and a server's databases take their time.
[ "$driver" != postgres ] || exit 0
line malformed 'malformed line: ' '{"at": 1, "op": "say"'
line no-json 'malformed line: ' 'hello'
line no-object 'malformed line: it must be an object' '["say"]'
line empty 'malformed line: ' ''
line twice 'malformed line: duplicate' '{"at": 1, "op": "register", "user": "a", "user": "b"}'
line two 'malformed line: ' '{"at": 1, "op": "register", "user": "a"} {}'
line no-op "field 'op' is missing" '{"at": 1, "user": "a"}'
line no-at "field 'at' is missing" '{"op": "register", "user": "a"}'
line no-user "field 'user' is missing" '{"at": 1, "op": "register"}'
line no-text "field 'text' is missing" '{"at": 1, "op": "say", "room": "#a", "user": "a"}'
line no-by "field 'by' is missing" '{"at": 1, "op": "join", "room": "#a", "user": "a"}'
line no-to "field 'to' is missing" '{"at": 1, "op": "rename", "user": "a"}'
line at-text "field 'at' must be a whole number" '{"at": "1", "op": "register", "user": "a"}'
line at-real "field 'at' must be a whole number" '{"at": 1.5, "op": "register", "user": "a"}'
line at-early "field 'at' must be seconds" '{"at": 0, "op": "register", "user": "a"}'
line user-number "field 'user' must be a text" '{"at": 1, "op": "register", "user": 1}'
line user-null "field 'user' must be a text" '{"at": 1, "op": "register", "user": null}'
line role "field 'role' must be admin or member" \
    '{"at": 1, "op": "role", "room": "#a", "user": "a", "by": "b", "role": "king"}'

{ cat "$folder/good"; printf '{"at": 1, "op": "register", "user": "\377"}\n'; } >"$folder/utf8"
bad utf8 'malformed line: '
{ cat "$folder/good"; printf '{"at": 1, "op": "register", "user": "a\0b"}\n'; } >"$folder/nul"
bad nul 'malformed line: '
{ cat "$folder/good"; head -c 1048577 /dev/zero | tr '\0' x; echo; } >"$folder/long"
bad long 'the line is longer than 1048576 bytes'
{ cat "$folder/good"; head -c 3000000 /dev/zero | tr '\0' x; } >"$folder/longer"
bad longer 'the line is longer than 1048576 bytes'

# As long as allowed: an event like others, which a rule refuses. Without a newline at the end too.
say='{"at": 1, "op": "say", "room": "#a", "user": "a", "text": "'
{ cat "$folder/good"; printf '%s' "$say"
  head -c $((1048576 - ${#say} - 2)) /dev/zero | tr '\0' x; printf '"}'; } >"$folder/full-line"
run 0 replay "$folder/full-line" "$(url full-line.db)" --json "$folder/report.json"
same 21 "$(field "$folder/report.json" events)" 'events with a line as long as allowed'

# gzip: whole, in two members, by standard input; cut off, damaged, with something behind it.
gzip -c "$folder/many" >"$folder/many.gz"
{ head -n 1000 "$folder/many" | gzip -c; tail -n +1001 "$folder/many" | gzip -c; } >"$folder/two.gz"
run 0 replay "$folder/many.gz" "$(url gz.db)" --json "$folder/report.json"
holds gz.db 3000 "$folder/many"
run 0 replay "$folder/two.gz" "$(url two.db)" --json "$folder/report.json"
holds two.db 3000 "$folder/many"
"$TENON" replay - "$(url stdin.db)" --json "$folder/report.json" <"$folder/many.gz" >"$out" 2>"$err" ||
    fail 'a trace from standard input'
holds stdin.db 3000 "$folder/many"

# broken NAME MESSAGE: it is refused at some line, and all lines before it were applied.
broken()
{
    run 1 replay "$folder/$1" "$(url "$1.db")" --json "$folder/report.json"
    says "$2"
    events=$(field "$folder/report.json" events) || exit 1
    says "tenon: $folder/$1:$((events + 1)): "
    holds "$1.db" "$events" "$folder/many"
}
size=$(wc -c <"$folder/many.gz")
head -c $((size / 2)) "$folder/many.gz" >"$folder/cut.gz"
broken cut.gz 'the file is truncated'
[ "$events" -gt 100 ] || fail "only $events events of half a file"
head -c $((size - 4)) "$folder/many.gz" >"$folder/cut-end.gz"
broken cut-end.gz 'the file is truncated'
head -c 5 "$folder/many.gz" >"$folder/cut-begin.gz"
broken cut-begin.gz 'the file is truncated'
{ head -c $((size / 2)) "$folder/many.gz"; printf 'damage!!'
  tail -c +$((size / 2 + 9)) "$folder/many.gz"; } >"$folder/damaged.gz"
run 1 replay "$folder/damaged.gz" "$(url damaged.db)"
says "tenon: $folder/damaged.gz:"
{ cat "$folder/many.gz"; echo 'something else'; } >"$folder/behind.gz"
broken behind.gz 'the gzip data is damaged'
same 3000 "$events" 'events before what is behind the gzip data'
exit 0

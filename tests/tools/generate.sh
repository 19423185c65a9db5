# The made-up history: the same bytes for the same arguments, in about the real mix.
. "$(dirname "$0")/lib.sh"

run 0 generate --events 20000 --seed 7
cp "$out" "$folder/a"
run 0 generate --seed=7 --events=20000
cmp -s "$out" "$folder/a" || fail 'the same arguments give two histories'
run 0 generate --events 20000 --seed 8
cmp -s "$out" "$folder/a" && fail 'two seeds give one history'
same 20000 "$(wc -l <"$folder/a" | tr -d ' ')" 'lines'

# Everywhere and always: a change of it makes recorded results worthless.
run 0 generate --events 2000 --seed 7
same "$(cat "$(dirname "$0")/generate.cksum")" "$(cksum <"$out")" 'checksum of 2,000 events, seed 7'

# between OP LOW HIGH
between()
{
    count=$(grep -c "\"op\": \"$1\"" "$folder/a")
    [ "$count" -ge "$2" ] && [ "$count" -le "$3" ] || fail "$count events are $1, not $2 to $3"
}
sed -n 1p "$folder/a" | grep -q '"op": "register"' || fail 'the first event is no register'
sed -n 2p "$folder/a" | grep -q '"op": "create_room"' || fail 'the second event is no create_room'
between say 14000 15600
between join 1400 2000
between register 1400 1900
between delete_user 1200 1800
between leave 80 300
between rename 20 120
between role 1 80
between kick 1 80
exit 0

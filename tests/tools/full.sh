# A disk that fills up: exit status 1 with the event's line, and every event acknowledged before it
# is there, no other. The disk is a tmpfs of 1 MiB in a mount namespace of this test's own.
. "$(dirname "$0")/lib.sh"

disk=$folder/disk
mkdir "$disk" "$folder/saved"
"$TENON" generate --events 20000 --seed 4 >"$folder/trace"

# Inside the namespace: replay until it is full, verify where it happened, save what is there.
cat >"$folder/inside.sh" <<'INSIDE'
mount -t tmpfs -o size=1m none "$disk" || exit 77
"$TENON" replay "$folder/trace" "$driver:$disk/db?durability=process" --threads "$threads" \
    --json "$folder/report.json" >"$out" 2>"$err"
status=$?
cp "$disk"/* "$folder/saved" || exit 99
exit $status
INSIDE
export disk folder driver out err TENON

if unshare -m sh -c 'mount -t tmpfs -o size=1m none "$disk"' 2>/dev/null; then
    flags=-m
elif unshare -rm sh -c 'mount -t tmpfs -o size=1m none "$disk"' 2>/dev/null; then
    flags=-rm
else
    skip 'mounting a tmpfs in a namespace is not permitted here'
fi

for threads in 1 4; do
    export threads
    rm -f "$folder/saved/"*
    unshare $flags sh "$folder/inside.sh"
    same 1 $? "exit status with a full disk, $threads threads"
    line=$(field "$folder/report.json" failure.line) || exit 1
    says "tenon: $folder/trace:$line: "
    says '[FULL'
    same FULL "$(field "$folder/report.json" failure.status)" 'status in the JSON'
    events=$(field "$folder/report.json" events) || exit 1
    [ "$events" -gt 10 ] || fail "it was full after $events events already"
    [ ! -e "$disk/db" ] || fail 'the disk was not one of its own'

    run 0 verify "$driver:$folder/saved/db"
    saved=$(run 0 digest "$driver:$folder/saved/db" --json && field "$out" digest) || exit 1
    [ $threads -eq 1 ] || continue # with several, events after the line may have been done too
    same $((line - 1)) "$events" 'events before the line'
    rm -f "$folder/prefix"*
    run 0 replay "$folder/trace" "$(url prefix)" --limit "$events" --json "$folder/prefix.json"
    same "$(field "$folder/prefix.json" digest)" "$saved" 'digest of what is on the full disk'
done

# With room again, the replay goes on where it had ended; behind a join, of whose two transactions
# the first may have been acknowledged.
rm -f "$folder/saved/"*
threads=1 unshare $flags sh "$folder/inside.sh"
line=$(field "$folder/report.json" failure.line) || exit 1
sed -n "${line}p" "$folder/trace" | grep -q '"op": "join"' && exit 0
run 0 replay "$folder/trace" "$driver:$folder/saved/db?durability=process" --skip $((line - 1)) \
    --json "$folder/rest.json"
run 0 replay "$folder/trace" "$(url whole)" --json "$folder/whole.json"
same "$(field "$folder/whole.json" digest)" "$(field "$folder/rest.json" digest)" \
    'digest after the rest'
exit 0

# SIGINT and SIGTERM stop at the end of an event: the state is valid, and --skip goes on from there.
. "$(dirname "$0")/lib.sh"

events=20000
[ "$driver" != postgres ] || events=2000 # takes as long there
"$TENON" generate --events $events --seed 3 >"$folder/trace"
run 0 replay "$folder/trace" "$(url whole.db)" --json "$folder/whole.json"
wanted=$(field "$folder/whole.json" digest) || exit 1

# wait_for COMMAND...: until it succeeds.
wait_for()
{
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ $tries -lt 600 ] || fail "waited too long for: $*"
        sleep 0.05
    done
}

# begun NAME: something is in the database.
begun()
{
    if [ "$driver" = postgres ]; then
        [ "$(sql "SELECT to_regclass('$(place "$1").audit_logs') IS NOT NULL")" = t ]
    else
        test -s "$folder/$1"
    fi
}

# stop SIGNAL: the process in the background, and its report is there soon.
stop()
{
    kill -"$1" $background
    wait_for test -s "$folder/report.json"
    wait $background
    same 130 $? "exit status after $1"
    background=
}

# goes_on NAME: what was stopped is valid, and the rest of the trace completes it.
goes_on()
{
    same true "$(field "$folder/report.json" interrupted)" 'interrupted'
    last=$(field "$folder/report.json" last_line) || exit 1
    says "$last: stopped by a signal; --skip $last goes on after it"
    same "$last" "$(field "$folder/report.json" events)" "events of $1"
    run 0 verify "$(url "$1")"
    run 0 replay "$folder/trace" "$(url "$1-prefix")" --limit "$last" --json "$folder/prefix.json"
    same "$(field "$folder/prefix.json" digest)" "$(digest_of "$1")" "digest of $1 when stopped"
    run 0 replay "$folder/trace" "$(url "$1")" --skip "$last" --json "$folder/report.json"
    same "$((events - last))" "$(field "$folder/report.json" events)" "events of the rest of $1"
    same "$wanted" "$(field "$folder/report.json" digest)" "digest of $1 after the rest"
}

# In the middle of its work.
for threads in 1 4; do
    for signal in INT TERM; do
        name=$signal$threads.db
        rm -f "$folder/report.json"
        "$TENON" replay "$folder/trace" "$(url $name)" --threads $threads \
            --json "$folder/report.json" >"$out" 2>"$err" &
        background=$!
        wait_for begun "$name"
        sleep 0.2
        stop $signal
        goes_on $name
        [ "$last" -gt 0 ] || fail 'it was stopped before the first event'
    done
done

# While it waits for input: those events that it was given are done, no more.
rm -f "$folder/report.json"
mkfifo "$folder/fifo"
"$TENON" replay - "$(url fifo.db)" --json "$folder/report.json" <"$folder/fifo" >"$out" 2>"$err" &
background=$!
exec 3>"$folder/fifo"
head -n 1000 "$folder/trace" >&3
done_all()
{
    [ "$("$TENON" digest "$(url fifo.db)" 2>/dev/null | head -n 1)" = "$thousand" ]
}
run 0 replay "$folder/trace" "$(url thousand.db)" --limit 1000 --json "$folder/thousand.json"
thousand=$(field "$folder/thousand.json" digest) || exit 1
wait_for done_all
stop INT
exec 3>&-
goes_on fifo.db
same 1000 "$last" 'last line before the signal'
exit 0

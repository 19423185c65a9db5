# What trace+URL has recorded on one engine, tenon replay does again on another.
. "$(dirname "$0")/lib.sh"

case $driver in
sqlite) other=lmdb ;;
*) other=sqlite ;;
esac
[ -f "$TENON_DRIVER_PATH/$other.so" ] || skip "the driver $other is not built"
there() { printf '%s:%s?durability=process\n' "$other" "$folder/there.$1"; }

"$TENON" generate --events 300 >"$folder/history"

# record NAME MORE ARGUMENT...: calls of a replay of the history, in NAME.calls, and its digest
record()
{
    name=$1 more=$2; shift 2
    run 0 replay "$folder/history" \
        "trace+$more$(url "$name")&trace_file=$folder/$name.calls&trace_values=1$fault" --quiet "$@"
}

fault=
record one '' --json "$folder/one.json"
digest=$(field "$folder/one.json" digest)

# again NAME URL WHAT [TRANSACTIONS]: nothing is another than it was
again()
{
    run 0 replay "$folder/$1.calls" "$2" --json "$folder/again.json" --quiet --verify
    same "$(field "$folder/again.json" digest)" "$digest" "digest $3"
    same "$(field "$folder/again.json" differences)" 0 "differences $3"
    [ "$(field "$folder/again.json" transactions)" -ge "${4:-250}" ] || fail "few transactions $3"
    [ "$(field "$folder/again.json" compared)" -ge 1000 ] || fail "few answers were compared $3"
}
again one "$(there one)" "on $other"
again one memory: "in memory"
again one "$(url again)" "on $driver, where it was recorded"
gzip -c "$folder/one.calls" >"$folder/packed.calls"
again packed memory: "of a packed trace"

# Recorded by several threads, with conflicts on the way: what was tried in vain is repeated too.
fault='&fault_kind=conflict&fault_ppm=4000&fault_times=40&fault_seed=5'
record many fault+ --threads 4
again many "$(there many)" "of threads with conflicts" 50
[ "$(field "$folder/again.json" left_out)" -gt 0 ] || fail "no conflict was recorded"
[ "$(field "$folder/again.json" rolled_back)" -gt 0 ] || fail "nothing was rolled back"
fault=

# A part of it.
run 0 replay "$folder/one.calls" memory: --limit 100 --json "$folder/again.json" --quiet
same "$(field "$folder/again.json" transactions)" 100 "transactions of a part"

# What is another is found: rows that are there already, a value that was changed, a row that was.
run 1 replay "$folder/one.calls" "$(there one)" --json "$folder/again.json" --quiet
says "OK when it was recorded, EXISTS now"
[ "$(field "$folder/again.json" differences)" -gt 50 ] || fail "few differences on a database that is not empty"
same "$(digest_there() { run 0 digest "$(there one)" --json; field "$out" digest; }; digest_there)" "$digest" \
    "digest of what was there already"
sed '/"query":"message_insert"/s/{"text":"/{"text":"x/' "$folder/one.calls" >"$folder/changed.calls"
run 1 replay "$folder/changed.calls" memory: --json "$folder/again.json" --quiet
says "other rows than when it was recorded"
[ "$(field "$folder/again.json" digest)" != "$digest" ] || fail "another value is the same digest"
sed '/"call":"query.fetch"/s/\(.*"row":\[.*\){"time":[0-9]*}/\1{"time":1}/' "$folder/one.calls" >"$folder/row.calls"
run 1 replay "$folder/row.calls" memory: --quiet
says "another row than when it was recorded"

# Rows that end too early, without an error, are found too: in what is read by cursors, and in single rows.
for slot in query.next query.fetch; do
    run 1 replay "$folder/one.calls" "fault+memory:?fault_kind=end&fault_slot=$slot&fault_at=40&fault_times=20" --quiet
    grep -q "OK when it was recorded, [A-Z_]* now" "$err" || fail "missing rows were not found: $slot"
done

# refused NAME MESSAGE: and no database is made.
refused()
{
    run 2 replay "$folder/$1.calls" "$(there "$1")" --quiet
    says "$2"
    [ ! -e "$folder/there.$1" ] || fail "a database was made of what was refused"
}
run 0 replay "$folder/history" "trace+memory:?trace_file=$folder/novalues.calls" --quiet
refused novalues "$folder/novalues.calls:1: it was recorded without values, which are needed to repeat it"
# line NAME LINE MESSAGE
line()
{
    { cat "$folder/one.calls"; printf '%s\n' "$2"; } >"$folder/$1.calls"
    refused "$1" "$3"
}
line sql '{"at_ns":1,"took_ns":1,"conn":1,"call":"query.sql","status":0,"text":"DELETE FROM users"}' 'SQL text is of one engine'
line schema '{"at_ns":1,"took_ns":1,"conn":1,"call":"schema.drop_table","status":0,"text":"users"}' 'the schema is changed'
line phases '{"at_ns":1,"took_ns":1,"conn":1,"call":"two_phase.prepare","status":0,"text":"x"}' 'two-phase commits'
line unknown '{"at_ns":1,"took_ns":1,"conn":1,"call":"transaction.commit","status":10}' 'is not known'
sed '0,/"max_bytes":64/s//"max_bytes":65/' "$folder/one.calls" >"$folder/other.calls"
refused other 'a table is another one than before'
run 2 replay "$folder/one.calls" memory: --threads 2
says "repeated as a whole"
run 2 replay "$folder/one.calls" memory: --skip 2
says "repeated as a whole"

# Damage is found by the first reading.
{ cat "$folder/one.calls"; printf '{"at_ns":1,"took'; } >"$folder/cut.calls"
run 1 replay "$folder/cut.calls" "$(there cut)" --quiet
says "this is no call that trace+URL has recorded"
[ ! -e "$folder/there.cut" ] || fail "a database was made of what is damaged"

# Numbers that mean nothing are refused, wherever they stand.
spoilt() # CHANGE STATUS...: one of them, and no crash
{
    sed "$1" "$folder/one.calls" >"$folder/spoilt.calls"
    cmp -s "$folder/one.calls" "$folder/spoilt.calls" && fail "nothing is changed by $1"
    "$TENON" replay "$folder/spoilt.calls" memory: --quiet >"$out" 2>"$err"
    status=$?
    change=$1; shift
    case " $* " in *" $status "*) ;; *) fail "exit status $status, not $*: $change" ;; esac
}
for change in 's/"column":0/"column":700/' 's/"param":0/"param":70000/' 's/"kind":2,/"kind":77,/' 's/"uuid":"../"uuid":"/' \
    's/"uuid":"../"uuid":"xy/' 's/"type":6/"type":66/' 's/"op":1/"op":99/' 's/"columns":\[[0-9]/"columns":[63/' \
    's/"conn":1,/"conn":99999999999,/' 's/"order":\[{/"order":[{},{/' 's/"key":\[0/"key":[99/' \
    's/"params":\[[^]]*\]/"params":[]/'; do
    spoilt "$change" 1 2
done
for change in 's/"plan":[0-9]*/"plan":-1/' 's/"int":[0-9]*/"int":"x"/' 's/"cursor":1,/"cursor":0,/' 's/"cursor":[0-9]*/"cursor":5/' \
    's/"status":0/"status":-7/' 's/"number":[0-9]*/"number":-9999/' 's/"at_ns":[0-9]*/"at_ns":"x"/' 's/"line"/"linn"/;s/"call"/"line":7,"call"/' \
    's/"isolation":[0-9]/"isolation":77/'; do
    spoilt "$change" 0 1 2
done

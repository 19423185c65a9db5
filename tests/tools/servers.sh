# A server: what is not there, what is of another schema, what is made, passwords that nobody sees.
. "$(dirname "$0")/lib.sh"

"$TENON" generate --events 50 >"$folder/trace"

# refused URL WORDS: by every command that opens it; exit status 1, in a moment.
refused()
{
    for command in "replay $folder/trace" digest verify migrate; do
        # shellcheck disable=SC2086  # the trace is an argument of its own
        run 1 $command "$1"
        says "$2"
    done
}

refused "$(printf %s "$TENON_POSTGRES_URL" | sed 's|///[^?]*|///none|')" '[NOT_FOUND'
run 1 digest "postgres:///none?host=$folder&connect_timeout=1"
says '[UNAVAILABLE'
run 1 digest "postgres://someone:geheim@127.0.0.1:1/db?connect_timeout=1"
says '[UNAVAILABLE'
grep -q geheim "$err" && fail 'a password is shown'
run 2 digest "$TENON_POSTGRES_URL&nonsense=1"
run 2 digest "$TENON_POSTGRES_URL&durability=power" # this server does not flush
says 'durability'
run 2 digest "$TENON_POSTGRES_URL&durability=process&pooler=transaction"
run 2 digest "$TENON_POSTGRES_URL&durability=process&replica=perhaps"
says 'replica'

# Those who only read make nothing: an empty database is one.
for command in digest verify; do
    run 0 $command "$(url absent)"
done
run 1 migrate --check "$(url absent)"
same 0 "$(sql "SELECT count(*) FROM pg_tables WHERE schemaname = '$(place absent)'")" \
    'tables that readers have made'

# A database of another schema.
for kind in newer tables foreign; do
    "$TEST_SCHEMA" $kind "$(url $kind)" 2>"$err" || fail "no database of another schema: $kind"
    before=$(digest_of $kind) || exit 1
    run 1 replay "$folder/trace" "$(url $kind)"
    [ $kind = foreign ] || says '[SCHEMA'
    run 1 migrate "$(url $kind)"
    run 1 migrate --check "$(url $kind)"
    same "$before" "$(digest_of $kind)" "digest of the database of another schema ($kind)"
    run 0 verify "$(url $kind)"
done

run 1 migrate --check "$(url empty)"
run 0 migrate "$(url empty)"
grep -q 'version 0 before, 1 after' "$out" || fail 'migrate does not tell of the versions'
run 0 migrate --check "$(url empty)"
run 0 migrate --json "$(url empty)"
same 1 "$(field "$out" before)" 'version before'
same false "$(field "$out" pending)" 'pending'
exit 0

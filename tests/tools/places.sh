# Places that are no database for a replay: exit status 1, named, and left as they were.
. "$(dirname "$0")/lib.sh"

"$TENON" generate --events 50 >"$folder/trace"

# refused URL STATUS: by every command that opens it.
refused()
{
    for command in "replay $folder/trace" digest verify migrate; do
        # shellcheck disable=SC2086  # the trace is an argument of its own
        run 1 $command "$1"
        says "tenon: $1: "
        says "[$2"
    done
}

# Paths that can't be written, not by root either.
run 1 replay "$folder/trace" "$driver:$folder/none/db"
says "tenon: $driver:$folder/none/db: "
run 1 replay "$folder/trace" "$driver:/dev/null/db"
says "tenon: $driver:/dev/null/db: "
if [ -w /proc/version ] || [ -d /proc/self ]; then
    run 1 replay "$folder/trace" "$driver:/proc/tenon.db"
    says "tenon: $driver:/proc/tenon.db: "
fi
if [ "$(id -u)" -ne 0 ]; then
    mkdir "$folder/closed"
    chmod 555 "$folder/closed"
    run 1 replay "$folder/trace" "$driver:$folder/closed/db"
    says "tenon: $driver:$folder/closed/db: "
fi

# A file that is no database.
{ echo 'This is no database.'; head -c 20000 /dev/zero | tr '\0' x; } >"$folder/text"
cp "$folder/text" "$folder/text.before"
refused "$driver:$folder/text" CORRUPT
cmp -s "$folder/text" "$folder/text.before" || fail 'a file that is no database was written to'

# A database that is not there is not made by those who only read.
for command in digest verify 'migrate --check'; do
    # shellcheck disable=SC2086
    run 1 $command "$driver:$folder/absent"
    [ ! -e "$folder/absent" ] || fail "tenon $command has made a database"
done

# A database of another schema.
for kind in newer tables foreign; do
    "$TEST_SCHEMA" $kind "$(url $kind.db)" 2>"$err" || fail "no database of another schema: $kind"
    before=$(digest_of $kind.db) || exit 1
    run 1 replay "$folder/trace" "$(url $kind.db)"
    says "tenon: $(url $kind.db): "
    [ $kind = foreign ] || says '[SCHEMA'
    run 1 migrate "$(url $kind.db)"
    run 1 migrate --check "$(url $kind.db)"
    same "$before" "$(digest_of $kind.db)" "digest of the database of another schema ($kind)"
    run 0 verify "$(url $kind.db)"
done

# Migration: what it would do, what it does.
run 1 migrate --check "$(url empty.db)"
run 0 migrate "$(url empty.db)"
grep -q 'version 0 before, 1 after' "$out" || fail 'migrate does not tell of the versions'
run 0 migrate --check "$(url empty.db)"
run 0 migrate --json "$(url empty.db)"
same 1 "$(field "$out" before)" 'version before'
same false "$(field "$out" pending)" 'pending'
exit 0

# What the tests of the command line share. Sourced with the driver as $1 ("none" = needs none).
# TENON, TEST_JSON, TEST_SCHEMA and TEST_KEYED name the programs, TENON_DRIVER_PATH the plugins, TEST_DRIVERS
# the folder of those that are made for a test.
set -u
driver=${1:-none}
folder=$(mktemp -d "${TMPDIR:-/tmp}/tenon-test.XXXXXX") || exit 1
background= # a process that is not to outlive the test
trap '[ -z "$background" ] || kill -9 $background 2>/dev/null; rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
out=$folder/out
err=$folder/err

fail()
{
    echo "FAILED: $*" >&2
    echo "--- stdout" >&2; tail -n 20 "$out" >&2
    echo "--- stderr" >&2; tail -n 20 "$err" >&2
    exit 1
}

skip()
{
    echo "SKIPPED: $*" >&2
    exit 77
}

: >"$out"; : >"$err"
if [ "$driver" != none ]; then
    [ -f "$TENON_DRIVER_PATH/$driver.so" ] || skip "the driver $driver is not built"
fi

# run STATUS ARGUMENT...: tenon ends with that exit status.
run()
{
    run_wanted=$1; shift
    "$TENON" "$@" >"$out" 2>"$err"
    run_status=$?
    [ $run_status -eq "$run_wanted" ] || fail "exit status $run_status, not $run_wanted: tenon $*"
}

# says TEXT: stderr holds that text.
says()
{
    grep -qF -e "$1" "$err" || fail "stderr does not say: $1"
}

# The schema that a database's name stands for where all are in one database of a server.
place()
{
    printf 'tool_%s' "$1" | LC_ALL=C tr 'A-Z' 'a-z' | LC_ALL=C tr -c 'a-z0-9' '_'
}

# sql COMMAND...: on the server.
for psql in psql /usr/lib/postgresql/*/bin/psql; do :; done # the newest: without Debian's wrapper
[ -x "$psql" ] || psql=psql
sql()
{
    for sql_command in "$@"; do
        set -- "$@" -c "$sql_command"
        shift
    done
    "$psql" -qXAt "$TENON_POSTGRES_URL" -v ON_ERROR_STOP=1 -c 'SET client_min_messages = error' "$@"
}

# url NAME: of a database of that name.
url()
{
    case $driver in
    memory) echo "memory:" ;;
    postgres)
        if [ ! -e "$folder/made.$(place "$1")" ]; then
            sql "CREATE SCHEMA $(place "$1")" && : >"$folder/made.$(place "$1")"
        fi
        echo "$TENON_POSTGRES_URL&options=-csearch_path%3D$(place "$1")&durability=process"
        ;;
    *) echo "$driver:$folder/$1?durability=process" ;;
    esac
}

# remove NAME: the database of that name, so that it is a new one next time.
remove()
{
    if [ -e "$folder/made.$(place "$1")" ]; then
        sql "DROP SCHEMA $(place "$1") CASCADE"
        rm "$folder/made.$(place "$1")"
    fi
    rm -f "$folder/$1"*
}

# spoil NAME OLD NEW SQL: behind Tenon's back, in the file's bytes or, on a server, by SQL.
spoil()
{
    if [ "$driver" = postgres ]; then
        sql "SET search_path = $(place "$1")" "$4" || fail "the SQL is refused: $4"
        return
    fi
    LC_ALL=C sed "s/$2/$3/g" "$folder/$1" >"$folder/spoilt"
    cmp -s "$folder/$1" "$folder/spoilt" && fail "$2 is not in the file"
    cat "$folder/spoilt" >"$folder/$1"
}

# field FILE KEY: of a JSON file.
field()
{
    "$TEST_JSON" "$1" "$2" 2>>"$err" || fail "$1 has no $2"
}

# digest_of NAME: of the database's content.
digest_of()
{
    run 0 digest "$(url "$1")" --json
    field "$out" digest
}

# same A B WHAT
same()
{
    [ -n "$1" ] && [ "$1" = "$2" ] || fail "$3: '$1' is not '$2'"
}

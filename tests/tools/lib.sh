# What the tests of the command line share. Sourced with the driver as $1 ("none" = needs none).
# TENON, TEST_JSON, TEST_SCHEMA and TEST_KEYED name the programs, TENON_DRIVER_PATH the plugins.
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

# url NAME: of a database of that name.
url()
{
    case $driver in
    memory) echo "memory:" ;;
    *) echo "$driver:$folder/$1?durability=process" ;;
    esac
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

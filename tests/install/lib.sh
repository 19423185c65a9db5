# What the tests of an installation share. SOURCE is this tree, PREFIX and LIBDIR where Tenon is
# installed, CC, CFLAGS and LDFLAGS how it was compiled. Nothing of the build is in reach.
set -u
unset TENON_DRIVER_PATH
export CC CFLAGS LDFLAGS
tenon=$PREFIX/bin/tenon
folder=$(mktemp -d "${TMPDIR:-/tmp}/tenon-install.XXXXXX") || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
out=$folder/out
: >"$out"

fail()
{
    echo "FAILED: $*" >&2
    tail -n 40 "$out" >&2
    exit 1
}

skip()
{
    echo "SKIPPED: $*" >&2
    exit 77
}

# run STATUS COMMAND...: it ends with that exit status; what it prints is in $out.
run()
{
    run_wanted=$1
    shift
    "$@" >"$out" 2>&1
    run_status=$?
    [ $run_status -eq "$run_wanted" ] || fail "exit status $run_status, not $run_wanted: $*"
}

# says TEXT: $out holds that text.
says()
{
    grep -qF -e "$1" "$out" || fail "not said: $1"
}

# build SOURCE BUILD [OPTION]...: as the README of each example says.
build()
{
    build_from=$1 build_to=$2
    shift 2
    run 0 cmake -S "$build_from" -B "$build_to" -DCMAKE_PREFIX_PATH="$PREFIX" "$@"
    run 0 cmake --build "$build_to"
}

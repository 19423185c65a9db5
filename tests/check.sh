#!/bin/sh
# ./dev check [STEP]...: what takes too long for every test run. Ends with one line for each step.
set -u

cd "$(dirname "$0")/.." || exit 1
root=$PWD
history=$root/../shared/data/ubuntu-irc.jsonl.gz
jobs=$(getconf _NPROCESSORS_ONLN)
steps="format length layers clang tidy asan tsan valgrind replays mutants servers"
if [ "${1:-}" != one-replay ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
fi

sources() {
    git ls-files '*.c' '*.h'
}

step_format() {
    sources | xargs clang-format --dry-run -Werror
}

# Files below 600 lines.
step_length() {
    sources | xargs wc -l | awk '$2 != "total" && $1 >= 600 { print; bad = 1 } END { exit bad }'
}

# Who may include whom; the core names no engine and no domain.
step_layers() {
    ! grep -rniE '\b(sqlite|lmdb|postgres|chat)' core include/tenon/tenon.h include/tenon/status.h \
        include/tenon/value.h include/tenon/schema.h include/tenon/query.h &&
        ! grep -rnE '#include "(core|kits|drivers)/' chat tools bench examples drivers include
}

preset() { # NAME
    cmake --preset "$1" >/dev/null && cmake --build --preset "$1" --parallel "$jobs"
}

step_clang() {
    preset clang && ctest --test-dir build/clang --output-on-failure --parallel "$jobs"
}

step_tidy() {
    preset clang && # some headers are made by the build
        git ls-files 'core/*.c' 'kits/*.c' 'drivers/*.c' 'chat/*.c' 'tools/*.c' 'check/*.c' |
        xargs -P "$jobs" -n 4 clang-tidy -p build/clang --quiet --warnings-as-errors='*'
}

# What of engines that Debian has built without sanitizers tells nothing of ours: of whole runs, for
# which RocksDB takes an hour, and WiredTiger frees nothing after a full disk; and of any under TSan,
# which does not see their locks.
asan_foreign='^install[.](rocksdb|tutorial)[.]whole$'
tsan_foreign='^install[.](rocksdb|tutorial)'

step_asan() {
    preset asan && TENON_TEST_SLOW=1 UBSAN_OPTIONS=print_stacktrace=1 \
        ctest --test-dir build/asan --exclude-regex "$asan_foreign" --output-on-failure --parallel "$jobs" --timeout 1200
}

step_tsan() {
    preset tsan && TENON_TEST_SLOW=1 TSAN_OPTIONS="halt_on_error=1 second_deadlock_stack=1" \
        ctest --test-dir build/tsan --exclude-regex "$tsan_foreign" --output-on-failure --parallel "$jobs" --timeout 1200
}

# Under the sanitizers and valgrind everything takes longer: tests that measure time allow for it
# with TENON_TEST_SLOW.
valgrind_run() {
    TENON_TEST_SLOW=1 TENON_DRIVER_PATH=$root/build/lib/tenon/drivers valgrind --quiet --error-exitcode=99 \
        --leak-check=full --errors-for-leak-kinds=definite,indirect,possible "$@" >"$work/valgrind" 2>&1
    rc=$?
    [ "$rc" -eq 0 ] || [ "$rc" -eq 77 ] || { tail -n 40 "$work/valgrind"; return 1; }
}

step_valgrind() {
    preset release || return 1
    for test in build/tests/test_unit_*; do
        valgrind_run "$test" || { echo "$test"; return 1; }
    done
    for driver in memory sqlite lmdb; do
        build/bin/tenon generate --events 1500 >"$work/trace"
        place=
        [ "$driver" = memory ] || place=$work/valgrind.$driver
        valgrind_run build/bin/tenon replay "$work/trace" "$driver:$place" --quiet || return 1
        for group in users rooms messages; do
            valgrind_run "build/tests/test_chat_$group" "$driver" || { echo "$group $driver"; return 1; }
        done
    done
}

# A replay beside the first one: replays_one NAME URL THREADS
replays_one() {
    build/bin/tenon replay "$trace" "$2" --quiet --verify --threads "$3" \
        --json "$work/$1-$3.json" >/dev/null || return 1
    case $2 in
    memory:*) ;;
    *) build/bin/tenon verify "$2" || return 1 ;;
    esac
    build/bin/tenon compare "$work/sqlite-1.json" "$work/$1-$3.json"
}

# On a server of its own. Whether a replay loses nothing in a power cut is not asked here.
replays_postgres() { # THREADS
    # shellcheck disable=SC2016
    trace=$trace work=$work build/bin/with-postgres --setting shared_buffers=256MB \
        --setting max_wal_size=4GB -- sh "$root/tests/check.sh" one-replay postgres \
        "@URL@&durability=none" "$1"
    rc=$?
    [ $rc -ne 77 ] || echo "POSTGRESQL IS LEFT OUT: it is not installed"
    [ $rc -eq 0 ] || [ $rc -eq 77 ]
}

# Eight replays of the whole history: one digest, the same refusals, nothing wrong in what is stored.
step_replays() {
    preset release || return 1
    trace=$history
    if [ ! -r "$trace" ]; then
        trace=$work/trace.jsonl
        build/bin/tenon generate --events 300000 >"$trace"
        echo "the real history is not here: a generated one"
    fi
    for driver in sqlite lmdb memory; do
        for threads in 1 4; do
            place=
            [ "$driver" = memory ] || place=$work/$driver-$threads
            replays_one $driver "$driver:$place${place:+?durability=process}" $threads || return 1
            rm -f "$work/$driver-$threads" "$work/$driver-$threads"-*
        done
    done
    replays_postgres 1 && replays_postgres 8
}

# Drivers that are broken by one small change each: tenon check convicts every one, and not the others.
step_mutants() {
    preset release && tests/mutants/run.sh build
}

if [ "${1:-}" = one-replay ]; then # by replays_postgres, beside its server
    shift
    replays_one "$@"
    exit
fi
# Servers that are full, start, fail over, lose their clients: minutes together.
step_servers() {
    preset release && ctest --test-dir build --label-regex campaign --output-on-failure
}

[ $# -gt 0 ] || set -- $steps
if [ "$1" = list ]; then
    echo "$steps"
    exit 0
fi
failed=0
for step in "$@"; do
    case " $steps " in
    *" $step "*) ;;
    *)
        echo "./dev check: no such step: $step (there are: $steps)" >&2
        exit 2
        ;;
    esac
    echo "==== $step"
    begun=$(date +%s)
    if "step_$step"; then verdict=passed; else verdict=FAILED failed=1; fi
    printf '%-10s %s, %s s\n' "$step" "$verdict" "$(($(date +%s) - begun))" >>"$work/summary"
done
echo "===="
cat "$work/summary"
exit "$failed"

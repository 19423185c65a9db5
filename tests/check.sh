#!/bin/sh
# ./dev check [STEP]...: what takes too long for every test run. Ends with one line for each step.
set -u

cd "$(dirname "$0")/.." || exit 1
root=$PWD
history=$root/../shared/data/ubuntu-irc.jsonl.gz
jobs=$(getconf _NPROCESSORS_ONLN)
steps="format length layers clang tidy asan tsan valgrind replays"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

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
    cmake --preset clang >/dev/null &&
        git ls-files 'core/*.c' 'kits/*.c' 'drivers/*.c' 'chat/*.c' 'tools/*.c' |
        xargs -P "$jobs" -n 4 clang-tidy -p build/clang --quiet --warnings-as-errors='*'
}

step_asan() {
    preset asan && TENON_TEST_SLOW=1 UBSAN_OPTIONS=print_stacktrace=1 \
        ctest --test-dir build/asan --output-on-failure --parallel "$jobs" --timeout 1200
}

step_tsan() {
    preset tsan && TENON_TEST_SLOW=1 TSAN_OPTIONS="halt_on_error=1 second_deadlock_stack=1" \
        ctest --test-dir build/tsan --output-on-failure --parallel "$jobs" --timeout 1200
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

# On a server of its own, with its own URL: `check.sh replay-postgres TRACE THREADS JSON`. What is
# flushed when is not what is checked here.
replay_postgres() {
    case $TENON_POSTGRES_URL in
    *\?*) url="$TENON_POSTGRES_URL&durability=process" ;;
    *) url="$TENON_POSTGRES_URL?durability=process" ;;
    esac
    build/bin/tenon replay "$1" "$url" --quiet --verify --threads "$2" --json "$3" >/dev/null &&
        build/bin/tenon verify "$url"
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
            build/bin/tenon replay "$trace" "$driver:$place${place:+?durability=process}" --quiet \
                --verify --threads "$threads" --json "$work/$driver-$threads.json" >/dev/null || return 1
            [ -z "$place" ] || build/bin/tenon verify "$driver:$place" || return 1
            rm -f "$work/$driver-$threads" "$work/$driver-$threads"-*
            build/bin/tenon compare "$work/sqlite-1.json" "$work/$driver-$threads.json" || return 1
        done
    done
    for threads in 1 8; do
        build/bin/with-postgres --setting fsync=off -- \
            tests/check.sh replay-postgres "$trace" "$threads" "$work/postgres-$threads.json" || return 1
        build/bin/tenon compare "$work/sqlite-1.json" "$work/postgres-$threads.json" || return 1
    done
}

if [ "${1:-}" = replay-postgres ]; then
    shift
    replay_postgres "$@"
    exit
fi
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

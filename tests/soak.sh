#!/bin/sh
# ./dev soak [STEP]...: what takes minutes for each step. Ends with one line for each.
set -u

cd "$(dirname "$0")/.." || exit 1
export TENON_DRIVER_PATH="$PWD/build/lib/tenon/drivers"
steps="load.sqlite load.lmdb load.memory load.tsan faults.sqlite faults.checkpoint faults.lmdb simulation
kill.sqlite kill.lmdb kill.control cut.sqlite cut.lmdb cut.control
points.sqlite points.lmdb points.postgres manager.sqlite manager.lmdb manager.postgres
isolation.sqlite isolation.lmdb isolation.memory isolation.postgres"
shim=$PWD/build/tests/shim.so

power() { # kill|cut URL COUNT
    build/tests/test_power "$1" "$2" "$3" --middle "$((${POWER_GROUPS:-0} * $3))"
}

power_control() {
    build/tests/test_power "$@"
}

step() {
    case $1 in
    load.tsan)
        cmake --preset tsan >/dev/null && cmake --build --preset tsan --parallel 2 >/dev/null &&
            for driver in sqlite lmdb; do
                TENON_DRIVER_PATH=$PWD/build/tsan/lib/tenon/drivers TENON_TEST_SLOW=1 \
                    TSAN_OPTIONS=halt_on_error=1 build/tsan/tests/test_soak "$driver" 200 60 || return 1
            done
        ;;
    load.*) build/tests/test_soak "${1#load.}" 200 60 ;;
    faults.sqlite) build/tests/test_faults "$shim" 'sqlite:@DIR@/db' 100 ;;
    faults.checkpoint) build/tests/test_faults "$shim" 'sqlite:@DIR@/db?wal_autocheckpoint=1' 100 ;;
    faults.lmdb) build/tests/test_faults "$shim" 'lmdb:@DIR@/db' 100 ;;
    # Every kind of fault at every call of a driver, those of opening too.
    points.sqlite) build/tests/test_points 'sqlite:@DIR@/db?durability=process' --long ;;
    points.lmdb) build/tests/test_points 'lmdb:@DIR@/db?durability=process' --long ;;
    points.postgres)
        build/bin/with-postgres --setting fsync=off -- build/tests/test_points '@URL@&durability=none' --long
        ;;
    # Ten minutes at each level, in histories of five seconds.
    isolation.postgres)
        build/bin/with-postgres --setting deadlock_timeout=10ms --setting fsync=off -- \
            build/tests/test_isolation '@URL@&durability=process' 600000
        ;;
    isolation.memory) build/tests/test_isolation memory: 600000 ;;
    isolation.*) build/tests/test_isolation "${1#isolation.}:@DIR@/db?durability=process" 600000 ;;
    manager.sqlite) build/tests/test_manager_points 'sqlite:@DIR@/db?durability=process' --long ;;
    manager.lmdb) build/tests/test_manager_points 'lmdb:@DIR@/db?durability=process' --long ;;
    manager.postgres)
        build/bin/with-postgres --setting fsync=off -- build/tests/test_manager_points '@URL@&durability=none' --long
        ;;
    simulation) build/tests/test_simulation 1 1000000 ;;
    # 500 kills and 50 power cuts on each engine; with POWER_GROUPS=1 so many in the middle of a group.
    kill.sqlite) power kill 'sqlite:@DIR@/db?wal_autocheckpoint=100' 500 ;;
    kill.lmdb) power kill 'lmdb:@DIR@/db' 500 ;;
    cut.sqlite) power cut 'sqlite:@DIR@/db?durability=power&wal_autocheckpoint=100' 50 ;;
    cut.lmdb) power cut 'lmdb:@DIR@/db?durability=power' 50 ;;
    # What is done wrongly must be found.
    kill.control)
        for driver in sqlite lmdb; do
            power_control kill "$driver:@DIR@/db" 200 --ack-early --readers 0 --expect lost &&
                power_control kill "$driver:@DIR@/db" 200 --ack-early --expect seen &&
                power_control kill "$driver:@DIR@/db" 200 --torn --writers 1 --readers 0 --expect partial ||
                return 1
        done
        ;;
    cut.control)
        for driver in sqlite lmdb; do
            power_control cut "$driver:@DIR@/db?durability=process" 50 --expect lost &&
                power_control cut "$driver:@DIR@/db?durability=power" 50 --no-flush --expect lost || return 1
        done
        ;;
    *)
        echo "no such step: $1"
        return 1
        ;;
    esac
}

[ "${1:-}" != list ] || { echo "$steps"; exit 0; }
[ $# -gt 0 ] || set -- $steps
bad=0
lines=
for name in "$@"; do
    echo "==== $name"
    from=$(date +%s)
    if step "$name"; then result=passed; else result=FAILED bad=1; fi
    lines="$lines$(printf '%-18s %s, %s s' "$name" "$result" "$(($(date +%s) - from))")
"
done
echo "===="
printf '%s' "$lines"
exit $bad

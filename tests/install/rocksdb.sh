# rocksdb.sh quick|whole: the driver of examples/driver-rocksdb, built outside of the tree, keeps what it
# claims, and a replayed history ends in the same state as on a driver of ours. `whole` tries all cases
# and the whole history, which takes minutes.
. "$(dirname "$0")/lib.sh"
# RocksDB's threads live as long as the process, and the leak sanitizer falls over them now and then.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
pkg-config --exists rocksdb || skip 'RocksDB is not installed (Debian: librocksdb-dev)'

build "$SOURCE/examples/driver-rocksdb" "$folder/build" -DCMAKE_BUILD_TYPE=RelWithDebInfo
plugin=$folder/build/rocksdb.so

check()
{
    run 0 "$tenon" check "$plugin" --db 'rocksdb:@DIR@/db?buffer_kib=64' --seed 1 "$@"
    tail -n 1 "$out"
}

same_state() # TRACE THREADS
{
    run 0 "$tenon" replay "$1" memory: --quiet --json "$folder/memory.json"
    rm -rf "$folder/db"
    run 0 "$tenon" replay "$1" "$plugin:$folder/db?durability=process" --threads "$2" --quiet --verify \
        --json "$folder/rocksdb.json"
    run 0 "$tenon" verify "$plugin:$folder/db"
    run 0 "$tenon" compare "$folder/memory.json" "$folder/rocksdb.json"
    says 'end in the same state, with the same refusals.'
    grep digest "$out"
}

if [ "$1" = quick ]; then
    check --quick
    "$tenon" generate --events 2000 >"$folder/trace" || fail 'no trace'
    same_state "$folder/trace" 1
    exit 0
fi
check --full
history=$SOURCE/../shared/data/ubuntu-irc.jsonl.gz
if [ ! -r "$history" ]; then
    echo 'the real history is not here: a generated one'
    history=$folder/trace
    "$tenon" generate --events 300000 >"$history" || fail 'no trace'
fi
same_state "$history" 1
same_state "$history" 4

# Data as large as a part of the memory: so many records as that takes, and the part that was reached
# on disk is told. What the disk has no room for is refused before anything is made.
. "$TEST_LIB"
[ -f "$TENON_DRIVER_PATH/sqlite.so" ] || skip 'sqlite is not built'

# sized SIZE MEMORY ARGUMENT...
sized()
{
    sized_size=$1; sized_memory=$2; shift 2
    run 0 bench --drivers sqlite --durability none --operations 100 --warm-up 0 --no-control --no-proof \
        --data-size "$sized_size" --memory "$sized_memory" --json "$folder/r.json" "$@"
}

# about WANTED FOUND: within a hundredth.
about()
{
    awk "BEGIN { exit !($2 > $1 * 0.99 && $2 < $1 * 1.01) }" || fail "$2, not about $1"
}

for size in cache:0.1 memory:1 beyond:2 0.5:0.5; do
    sized ${size%:*} 2000000 --workload read,balance
    about ${size#*:} "$(field "$folder/r.json" workloads.0.data_to_memory)"
    about "$(awk "BEGIN { print ${size#*:} * 2000000 / 116 }")" "$(field "$folder/r.json" workloads.0.records)"
    about ${size#*:} "$(field "$folder/r.json" workloads.1.data_to_memory)"
    awk "BEGIN { exit !($(field "$folder/r.json" workloads.0.drivers.0.disk_to_memory) > ${size#*:}) }" ||
        fail 'less is on disk than the data are'
done
same 2000000 "$(field "$folder/r.json" plan.memory_bytes)" 'memory'
grep -q '(0.5 of the memory that was named)' "$out" || fail 'the table does not tell the part'

run 2 bench --drivers sqlite --data-size much
says '--data-size must be cache, memory, beyond'
run 2 bench --drivers sqlite --data-size 1 --workload chat
says 'chat makes data of its own'
run 2 bench --drivers sqlite --data-size 100 --memory 100000000000000 --workload read
says 'records of read, more than'
mkdir "$folder/places"
run 1 bench --drivers sqlite --data-size memory --memory 1000000000000000 --value-bytes 1000000 \
    --workload read --dir "$folder/places"
says 'has room for'
[ -z "$(ls "$folder/places")" ] || fail 'files were made'
exit 0

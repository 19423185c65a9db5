# Workloads from files: run as they say, refused with the place of what is wrong.
. "$TEST_LIB"
[ -f "$TENON_DRIVER_PATH/memory.so" ] || skip 'memory is not built'

run 0 bench --drivers memory --durability none --operations 1000 --records 300 --no-proof \
    --workload "$TEST_FOLDER/orders.toml" --json "$folder/r.json"
same orders "$(field "$folder/r.json" workloads.0.name)" 'name'
same zipfian:0.9 "$(field "$folder/r.json" workloads.0.keys)" 'keys'
same log:100-4000 "$(field "$folder/r.json" workloads.0.value_bytes)" 'sizes'
same 15 "$(field "$folder/r.json" workloads.0.weights.update)" 'weight'
same fine "$(field "$folder/r.json" workloads.0.drivers.0.state)" 'state'

# refused TEXT WHY
refused()
{
    printf "$1" >"$folder/w.toml"
    run 2 bench --drivers memory --workload "$folder/w.toml"
    says "$2"
}

refused 'name = "a"\n' 'w.toml:1:1: [operations] is missing'
refused '[operations]\nread = 1\n' 'name is missing'
refused 'name = "a"\n[operations]\nfly = 1\n' 'w.toml:3:1: there is no operation fly'
refused 'name = "a"\n[operations]\nread = -1\n' 'w.toml:3:8: read is a whole number'
refused 'name = "a"\n[operations]\nread = 1\nsay = 1\n' 'belong to different tables'
refused 'name = "a"\n[operations]\n' 'its operations are none'
refused 'name = "a"\nvalue_bytes = "9-8"\n' 'w.toml:2:15: value_bytes is N'
refused 'name = "a"\nkeys = "normal"\n' 'w.toml:2:8: keys is uniform'
refused 'name = "a"\nspeed = 9\n' 'w.toml:2:1: there is no setting speed'
refused 'name = \n' 'w.toml:1:'
refused 'name = "a\\u0001"\n' 'holds a control character'
run 2 bench --drivers memory --workload "$folder/absent.toml"
says 'absent.toml: can'
exit 0

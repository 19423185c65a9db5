# A short run: figures for each workload, every row verified, nothing left behind.
. "$TEST_LIB"

server=
[ "$driver" != postgres ] || server="--server $TENON_POSTGRES_URL"
tier=process
[ "$driver" != memory ] || tier=none
mkdir "$folder/places"

workloads='read update insert delete scan modify batch multi mixed transfer balance chat'
[ "$driver" != postgres ] || workloads='read delete scan multi mixed transfer chat' # it makes databases slowly

# shellcheck disable=SC2086
run 0 bench --drivers "$driver" $server --durability $tier --operations 600 --warm-up 0 \
    --records 500 --value-bytes log:10-300 --dir "$folder/places" --threads 2 --json "$folder/r.json" \
    --workload "$(echo $workloads | tr ' ' ,)"
grep -q '^again: tenon bench --drivers' "$out" || fail 'the command is not told'
[ -z "$(ls "$folder/places")" ] || fail 'files are left'

number=0
for name in $workloads; do
    at=workloads.$number
    same $name "$(field "$folder/r.json" $at.name)" 'workload'
    same fine "$(field "$folder/r.json" $at.drivers.0.state)" "$name"
    same true "$(field "$folder/r.json" $at.drivers.0.verified)" "$name verified"
    [ $name = chat ] || # its ids are made by chance
        same "$(field "$folder/r.json" $at.drivers.0.digest_after_the_same_operations)" \
            "$(field "$folder/r.json" $at.drivers.1.digest_after_the_same_operations)" "$name digests"
    for key in errors wrong_answers unknown_outcomes; do
        same 0 "$(field "$folder/r.json" $at.runs.0.results.0.tally.$key)" "$name $key"
    done
    [ "$(field "$folder/r.json" $at.runs.0.results.0.operations)" -ge 600 ] || fail "$name is short"
    [ $name != multi ] || [ "$(field "$folder/r.json" $at.runs.0.results.0.tally.aborts)" -gt 0 ] ||
        fail 'nothing was rolled back'
    number=$((number + 1))
done

# Rows that are written twice are written again in whole pages, but not in hundreds of them: of a file in
# large folios Linux says so, if it is asked what a process has sent to disks.
if [ "$driver" != memory ]; then
    # shellcheck disable=SC2086
    run 0 bench --drivers "$driver" $server --durability $tier --seconds 1 --records 20000 --value-bytes 1000 \
        --workload update --no-control --json "$folder/written.json"
    written=$(field "$folder/written.json" workloads.0.drivers.0.alone.write_amplification)
    case $written in
    null | 0.*) fail "written bytes are not known: $written" ;;
    esac
    [ "${written%.*}" -lt 100 ] || fail "for each byte $written were written"
fi
same $tier "$(field "$folder/r.json" workloads.0.drivers.0.settings.durability)" 'durability read back'

# With one thread and a count each database holds the same rows in the end.
# shellcheck disable=SC2086
run 0 bench --drivers "$driver" $server --durability $tier --operations 300 --warm-up 0 --records 500 \
    --workload transfer,mixed,delete --json "$folder/r.json"
same fine "$(field "$folder/r.json" workloads.2.drivers.1.state)" 'the same rows in the end'
exit 0

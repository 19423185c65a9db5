# It takes the time that it announced, whatever filling, checks, closing and probes take, and says so
# where it can't.
. "$TEST_LIB"
for needed in sqlite lmdb memory fault; do
    [ -f "$TENON_DRIVER_PATH/$needed.so" ] || skip "$needed is not built"
done

# within PERCENT: of what was announced.
within()
{
    announced=$(field "$folder/r.json" announced_seconds) && took=$(field "$folder/r.json" seconds) || exit 1
    awk "BEGIN { d = $took / $announced - 1; print \"announced $announced, took $took\"; exit !(d < $1 / 100 && d > -$1 / 100) }"
}

# A sweep: the first workload tells little of the others, which fill in other ways and grow.
run 0 bench --drivers sqlite,lmdb,memory --durability none --workload read,chat,insert,transfer \
    --threads 1,2 --seconds 1 --records 5000 --json "$folder/r.json"
grep -q '^announced [0-9]* s, took [0-9]* s$' "$out" || fail 'the table does not tell'
within 20 || fail 'it took another time than it announced'

# Where what is not timed takes as long as all was to take, it is said on the way.
run 0 bench --drivers 'fault+memory?fault_kind=delay&fault_slot=transaction.commit&fault_at=800&fault_times=150&fault_delay_us=100000' \
    --durability none --workload read,update --seconds 1 --records 1000 --no-control --no-proof \
    --json "$folder/r.json"
says 's that were announced'
exit 0

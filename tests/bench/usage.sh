# What the command line refuses, and how it says so.
. "$TEST_LIB"

# refuses TEXT ARGUMENT...
refuses()
{
    refuses_text=$1; shift
    run 2 bench "$@"
    says "$refuses_text"
}

run 0 bench --help
grep -q '^  ycsb-a  *50 reads' "$out" || fail 'the help does not list the workloads'
refuses '--drivers or --db is missing' --seconds 1
refuses "there is no workload 'nothing'" --drivers memory --workload read,nothing
refuses '--threads must be a list of rising numbers' --drivers memory --threads 2,2
refuses '--threads must be a list of rising numbers' --drivers memory --threads 0
refuses '--durability must be' --drivers memory --durability some
refuses '--keys must be' --drivers memory --keys normal
refuses '--value-bytes must be N, N-M or log:N-M' --drivers memory --value-bytes 9-8
refuses '--key-bytes must be' --drivers memory --key-bytes 4
refuses 'it needs a server: --server' --drivers postgres
refuses 'it is no URL' --db memory

# A tier that a driver lacks is n/a, and no figure stands in its place.
run 0 bench --drivers memory --seconds 1 --workload read --no-control
grep -q 'memory .*n/a$' "$out" || fail 'memory at durability=power is not n/a'
grep -q 'it does not offer durability=power' "$out" || fail 'the reason is not told'

# A driver that is not there, a place that can't be used.
run 1 bench --drivers nothing --seconds 1 --workload read
grep -q 'nothing .*broken$' "$out" || fail 'a driver that is not there is not called broken'
run 1 bench --drivers sqlite --seconds 1 --workload read --dir "$folder/absent"
says "$folder/absent"
exit 0

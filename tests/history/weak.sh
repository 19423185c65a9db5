# weak.sh TENON DRIVER: what `tenon check` says of the driver behind the filter weak (weak.c): which
# cases of isolation.* and histories.snapshot fail. On PostgreSQL each level is READ COMMITTED; elsewhere
# readers have no snapshot.
set -u
tenon=$1
driver=$2
empty=$(dirname "$0")/../postgres/empty.sh

case $driver in
postgres)
    url="weak+$TENON_POSTGRES_URL&weak_kind=level"
    set -- --fresh "$empty"
    wanted='histories.snapshot isolation.g2 isolation.g2_item isolation.g2_read_only isolation.g_single isolation.g_single_predicate isolation.g_single_write isolation.p4 isolation.pmp isolation.pmp_write'
    ;;
*)
    url="weak+$driver:@DIR@/db?durability=process&weak_kind=split"
    [ "$driver" != memory ] || url='weak+memory:?weak_kind=split'
    set --
    wanted='histories.snapshot isolation.g_single isolation.g_single_predicate isolation.pmp'
    ;;
esac
out=$("$tenon" check weak --db "$url" --seed 1 --only 'isolation*' "$@"
    "$tenon" check weak --db "$url" --seed 1 --only histories.snapshot "$@")
failed=$(printf '%s\n' "$out" | sed -n 's/^FAILED *\([^ ]*\).*/\1/p' | LC_ALL=C sort | tr '\n' ' ')
[ "$failed" = "$wanted " ] && exit 0
printf '%s\n' "$out"
echo "FAILED: the cases that fail are $failed, not $wanted"
exit 1

# new_driver.sh KIT: the folder that `tenon new-driver` makes builds as it is, loads, passes what needs
# no engine, and is told by name which functions to write.
. "$(dirname "$0")/lib.sh"
kit=$1

cd "$folder" || exit 1
run 0 "$tenon" new-driver mine --kit "$kit"
says 'mine/mine.c'
says 'Next, as in docs/writing-a-driver.md:'
says "$tenon check \"\$PWD/build/mine.so\" --db 'mine:@DIR@/db' --stop"
run 2 "$tenon" new-driver mine --kit "$kit"
says 'mine: can'"'"'t be made: File exists'
for name in Mine 1st 'a b' ../x '' averylongnameindeed tenon; do
    run 2 "$tenon" new-driver "$name" --kit "$kit" --directory "$folder/never"
    [ ! -e "$folder/never" ] || fail "a folder is made for '$name'"
done
run 2 "$tenon" new-driver other --kit abacus
says '--kit must be kv or sql, not abacus'
run 2 "$tenon" new-driver other
says '--kit is missing: kv for an ordered key-value engine, sql for an SQL engine'
for name in sqlite lmdb memory postgres; do
    run 2 "$tenon" new-driver "$name" --kit "$kit"
    says "there is a driver named '$name' already: see tenon drivers"
    [ ! -e "$name" ] || fail "a folder is made for '$name'"
done
run 1 "$tenon" new-driver other --kit "$kit" --directory "$folder/none/other"
grep -rq yourname mine && fail 'the name of the template is left'

build mine mine/build
run 0 env TENON_DRIVER_PATH="$folder/mine/build" "$tenon" drivers
grep -q "^mine .*$folder/mine/build/mine.so" "$out" || fail 'the plugin is not accepted'
nm -D --defined-only mine/build/mine.so | awk '{ print $3 }' | grep -v '^__' >"$folder/exports"
[ "$(cat "$folder/exports")" = tenon_driver_v1 ] || fail "exported: $(cat "$folder/exports")"

# The test that the folder comes with says which function is the next.
run 8 ctest --test-dir mine/build --output-on-failure
says "mine.c: $(case $kit in kv) echo mine_open_store ;; sql) echo mine_open ;; esac) is not written yet: see docs/writing-a-driver.md"
grep -q '^passed  open.missing ' "$out" || fail 'the first cases do not pass'
grep -q '^FAILED  open.keeps_what_it_says ' "$out" || fail 'a driver that is not written passes'
[ "$(grep -c '^FAILED' "$out")" -gt 3 ] || fail 'some cases pass that need a database'
[ "$(grep -c '^ *seen .*is not written yet' "$out")" -eq 1 ] || fail 'what is not written is said more than once'
! grep -q '^ *hint' "$out" || fail 'where to look is guessed, though it is known'

# Function after function: what is not written says so, as soon as what it needs is there.
next=$(sed -n 's/.*mine.c: \(mine_[a-z_]*\) is not written yet.*/\1/p' "$out" | head -n 1)
for expected in $(case $kit in
    kv) echo mine_open_store mine_begin ;;
    sql) echo mine_open mine_connect ;;
    esac); do
    [ "$next" = "$expected" ] || fail "$next is the next one, not $expected"
    awk -v name="$next" '$0 ~ "^" name "\\(" { inside = 1 }
        inside && /mine_unwritten/ { sub(/mine_unwritten\([^;]*\)/, "TENON_OK"); inside = 0 }
        { print }' mine/mine.c >"$folder/written.c"
    cmp -s mine/mine.c "$folder/written.c" && fail "$next is not marked"
    cp "$folder/written.c" mine/mine.c
    run 0 cmake --build mine/build
    run 1 "$tenon" check "$folder/mine/build/mine.so" --db 'mine:@DIR@/db' --quick
    next=$(sed -n 's/.*mine.c: \(mine_[a-z_]*\) is not written yet.*/\1/p' "$out" | head -n 1)
done
[ -n "$next" ] || fail 'nothing is left to be written'
echo "the next one would be $next"

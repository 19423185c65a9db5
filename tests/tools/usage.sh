# Wrong usage and configuration: exit status 2, and a message that names the place.
. "$(dirname "$0")/lib.sh"

run 0 generate --events 10
cp "$out" "$folder/trace"

run 0 --help
for command in drivers check new-driver replay digest verify migrate generate compare bench check-history; do
    grep -q "^  $command " "$out" || fail "--help does not name $command"
done
for command in drivers check new-driver replay digest verify migrate generate compare bench check-history; do
    run 0 $command --help
    grep -q '^exit status:' "$out" || fail "$command --help does not tell of exit statuses"
done

run 2
says 'COMMAND is missing'
run 2 nonsense
says "unknown command 'nonsense'"
run 2 replay --nonsense a b
says "tenon: replay: unknown option '--nonsense'"
run 2 replay "$folder/trace"
says 'tenon: replay: URL is missing'
run 2 digest
says 'tenon: digest: URL is missing'
run 2 verify a b
says "tenon: verify: too many arguments: 'b'"
run 2 verify a --db b
says 'tenon: verify: too many arguments'
run 2 replay "$folder/trace" memory: --threads 0
says '--threads must be a number from 1 to 256'
run 2 replay "$folder/trace" memory: --limit=-1
says '--limit must be a number'
run 2 replay "$folder/trace" memory: --limit 99999999999999999999
says '--limit must be a number'
run 2 replay "$folder/trace" memory: --skip
says '--skip needs N'
run 2 digest memory: --json=x
says '--json takes no value'

run 2 replay "$folder/none.jsonl" memory:
says "tenon: $folder/none.jsonl: can't be read: No such file"
run 2 replay "$folder" memory:
says "tenon: $folder: can't be read: Is a directory"
run 2 replay "$folder/trace" memory: --json "$folder/none/report"
says "tenon: $folder/none/report: can't be written"

run 2 replay "$folder/trace" "nosuch:$folder/db"
says "tenon: nosuch:$folder/db: driver nosuch"
for command in digest verify migrate; do
    run 2 $command "nosuch:$folder/db"
    says "tenon: nosuch:$folder/db: driver nosuch"
done
run 2 digest 'no url'
run 2 digest ''
run 2 replay "$folder/trace" 'nosuch://someone:geheim@host/db?password=geheim'
says 'tenon: nosuch://someone:***@host/db?password=***: '
grep -q geheim "$err" && fail 'a password is shown'

for known in sqlite lmdb; do
    [ -f "$TENON_DRIVER_PATH/$known.so" ] || continue
    run 2 digest "$known:$folder/db?nonsense=1"
    says "tenon: $known:$folder/db?nonsense=1: "
    run 2 digest "$known:$folder/db?durability=much"
    run 0 drivers
    grep -q "^$known .*$TENON_DRIVER_PATH/$known.so" "$out" || fail "drivers does not show $known"
done

# What is no plugin is shown with the reason.
mkdir "$folder/plugins"
echo 'no plugin' >"$folder/plugins/bad.so"
TENON_DRIVER_PATH=$folder/plugins run 0 drivers
grep -q "^bad .*refused: " "$out" || fail 'drivers does not show what was refused'

# What can't be written is no success.
if [ -w /dev/full ]; then
    "$TENON" generate --events 100 >/dev/full 2>"$err"
    same 1 $? 'exit status with stdout full'
    says 'tenon: stdout: '
fi
exit 0

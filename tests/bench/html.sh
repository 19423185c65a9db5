# The page stands alone, holds its plots, and shows no figure of what is invalid. What a result says is
# shown, never obeyed. Where Chromium is installed the page is rendered, and the console stays empty.
. "$TEST_LIB"
[ -f "$TENON_DRIVER_PATH/memory.so" ] && [ -f "$TENON_DRIVER_PATH/fault.so" ] ||
    skip 'memory or fault is not built'

run 0 bench --drivers memory,memory --durability none --operations 6000 --threads 1,2 --no-proof \
    --workload mixed --json "$folder/r.json" --html "$folder/r.html"
run 0 bench report "$folder/r.json" "$folder/again.html"
cmp "$folder/r.html" "$folder/again.html" || fail 'a page from the file is another one'
grep -qi '<script\|http:\|https:\|@import\|src=' "$folder/r.html" && fail 'it needs something else'
for what in 'Threads' 'Latency, from the start' 'Rate over time' 'CPU of this process'; do
    grep -q "<h4>$what" "$folder/r.html" || fail "there is no plot: $what"
done
for width in wide narrow; do # sweep, and two plots for each of two numbers of threads
    same 5 "$(grep -o "svg class=\"$width\"" "$folder/r.html" | wc -l)" "plots of the kind $width"
done

sed 's/"driver":"memory"/"driver":"<script>x<\/script>\\"\&"/g' "$folder/r.json" >"$folder/odd.json"
run 0 bench report "$folder/odd.json" "$folder/odd.html"
grep -q '<script' "$folder/odd.html" && fail 'what a result says is obeyed'
grep -q '&lt;script&gt;x&lt;/script&gt;&quot;&amp;' "$folder/odd.html" || fail 'it is not shown'

run 1 bench --drivers 'fault+memory?fault_kind=lie&fault_slot=transaction.commit&fault_at=100' \
    --durability none --operations 500 --workload update --no-proof --html "$folder/lie.html"
grep -q 'invalid.</b>' "$folder/lie.html" || fail 'it is not called invalid'
grep -q 'svg class=bar' "$folder/lie.html" && fail 'a figure that does not hold is drawn'

command -v chromium >/dev/null || exit 0
HOME=$folder timeout 100 chromium --headless --no-sandbox --disable-gpu --enable-logging=stderr \
    --screenshot="$folder/page.png" --window-size=400,2000 "file://$folder/r.html" \
    >"$out" 2>"$err"
[ -s "$folder/page.png" ] || fail 'Chromium has drawn nothing'
grep -q 'CONSOLE' "$err" && fail 'the console is not empty'
exit 0

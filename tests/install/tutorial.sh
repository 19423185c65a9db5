# tutorial.sh [whole]: docs/writing-a-driver.md, followed word by word in an empty folder, with an installed
# Tenon. Blocks are done in their order:
#   ```sh tutorial run         runs; it may fail, as what follows says
#   ```sh tutorial run whole   the same, only in a campaign: it takes minutes
#   ```text tutorial says      the last that ran has printed each of these lines, blanks and times aside
#   ```c tiger.c step          goes into that file, see merge.awk
#   ```cmake CMakeLists.txt step   is that file
. "$(dirname "$0")/lib.sh"
pkg-config --exists wiredtiger || skip 'WiredTiger is not installed (Debian: libwiredtiger-dev)'

page=$SOURCE/docs/writing-a-driver.md
export PATH="$PREFIX/bin:$PATH" CMAKE_PREFIX_PATH="$PREFIX"
mkdir "$folder/blocks" "$folder/work"
awk -v out="$folder/blocks" '
    /^```/ && !inside { inside = 1; kept = NF >= 3
        if (kept) { n = sprintf("%03d", ++count); print $0 > (out "/" n ".info"); printf "" > (out "/" n) }
        next }
    /^```/ { inside = 0; if (kept) { close(out "/" n ".info"); close(out "/" n) }; next }
    inside && kept { print > (out "/" n) }' "$page"

cd "$folder/work" || exit 1
done_count=0
left_out=
for info in "$folder"/blocks/*.info; do
    block=${info%.info}
    read -r language file what how <"$info"
    [ "$language" != '```sh' ] || left_out=
    [ -d tiger ] && cd tiger
    case $language:$file:$what:$how in
    '```sh:tutorial:run:whole')
        if [ "${1:-}" = whole ]; then sh -u "$block" >"$out" 2>&1; else left_out=1; fi
        ;;
    '```sh:tutorial:run:') sh -u "$block" >"$out" 2>&1 ;;
    '```text:tutorial:says:')
        [ -n "$left_out" ] || while read -r line; do
            tr -s ' ' <"$out" | sed 's/ [0-9.]* s / /' | grep -qF -e "$(printf '%s' "$line" | tr -s ' ')" ||
                fail "the page promises: $line"
        done <"$block"
        ;;
    '```c:'*':step:')
        awk -f "$SOURCE/tests/install/merge.awk" "$block" "$file" >"$folder/merged" || fail "a block does not fit: $(head -n 1 "$block")"
        cp "$folder/merged" "$file"
        ;;
    '```cmake:'*':step:') cp "$block" "$file" ;;
    *) fail "what is this block: $(cat "$info")" ;;
    esac
    cd "$folder/work" || exit 1
    done_count=$((done_count + 1))
done
[ "$done_count" -gt 10 ] || fail "$done_count blocks were found"
! grep -q 'unwritten(err, __func__' tiger/tiger.c || fail 'a function is left unwritten'
echo "$done_count blocks done"

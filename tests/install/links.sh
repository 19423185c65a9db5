# What the installed pages link to is installed.
. "$(dirname "$0")/lib.sh"

# dead_links FOLDER: `PAGE: LINK` for each that leads nowhere.
dead_links()
{
    find "$1" -name '*.md' | while read -r page; do
        grep -o '](\([^)#]*\)' "$page" | sed 's/^](//' | grep -v '^[a-z]*://' | while read -r link; do
            [ -z "$link" ] || [ -e "$(dirname "$page")/$link" ] || echo "$page: $link"
        done
    done
}

pages=$(find "$PREFIX/share/doc" -name writing-a-driver.md)
[ -n "$pages" ] || fail 'no pages are installed'
pages=$(dirname "$(dirname "$pages")")
[ "$(find "$pages" -name '*.md' | wc -l)" -gt 15 ] || fail 'pages are missing'
dead_links "$pages" >"$out"
[ ! -s "$out" ] || fail 'links lead nowhere'

# One that does is found.
cp -R "$pages" "$folder/pages"
rm "$folder/pages/drivers/sqlite/sqlite.c"
dead_links "$folder/pages" >"$out"
says 'docs/writing-a-driver.md: ../drivers/sqlite/sqlite.c'

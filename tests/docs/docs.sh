#!/bin/sh
# docs.sh SOURCE BUILD: checks README.md, CONTRIBUTING.md, docs/ and the drivers' pages.
#   ```c FILE    the block stands in FILE, line by line; so does ```toml FILE
#   ```sh run    the block runs, from SOURCE, with the programs of BUILD
#   [x](y)       y exists
set -eu

source=$1
build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

complain() {
    printf '%s\n' "$*" >&2
    failed=1
}

# Each block with an info string of two words becomes a file N.block, its info N.info.
take_blocks() { # PAGE
    awk -v out="$work" '
        /^```/ && !inside { inside = 1; kept = NF == 2; if (kept) { n++; print $1, $2 > (out "/" n ".info") }
                            if (kept) printf "" > (out "/" n ".block"); next }
        /^```/ { inside = 0; if (kept) { close(out "/" n ".info"); close(out "/" n ".block") }; next }
        inside && kept { print > (out "/" n ".block") }' "$1"
}

# Is BLOCK, line by line, a part of FILE?
is_part() { # BLOCK FILE
    awk 'NR == FNR { block[++n] = $0; next } { line[++m] = $0 }
         END { if (n == 0) exit 1
               for (i = 1; i + n - 1 <= m; i++) {
                   for (k = 1; k <= n && line[i + k - 1] == block[k]; k++);
                   if (k > n) exit 0
               }
               exit 1 }' "$1" "$2"
}

check_page() { # PAGE
    rm -f "$work"/*.info "$work"/*.block
    take_blocks "$1"
    for info in "$work"/*.info; do
        [ -e "$info" ] || break
        block=${info%.info}.block
        read -r language what <"$info"
        case $language in
        '```c' | '```toml')
            is_part "$block" "$source/$what" || complain "$1: a block is not in $what: $(head -n 1 "$block")"
            ;;
        '```sh')
            sed "s|build/|$build/|g; s|\$PWD/$build/|$build/|g" "$block" >"$work/run.sh"
            (cd "$source" && sh -eu "$work/run.sh") >"$work/output" 2>&1 || {
                complain "$1: a block fails: $(head -n 1 "$block")"
                cat "$work/output" >&2
            }
            ;;
        esac
    done
    folder=$(dirname "$1")
    grep -o '](\([^)#]*\)' "$1" | sed 's/^](//' | grep -v '^[a-z]*://' | while read -r link; do
        [ -z "$link" ] || [ -e "$folder/$link" ] || printf '%s: no such file: %s\n' "$1" "$link"
    done >"$work/links" || true
    if [ -s "$work/links" ]; then
        cat "$work/links" >&2
        failed=1
    fi
}

for page in "$source"/*.md "$source"/docs/*.md "$source"/drivers/*/README.md; do
    check_page "$page"
done
[ "$failed" -eq 0 ] && echo "every block and every link is right"
exit "$failed"

#!/bin/sh
# generated.sh SOURCE: the pages of docs/ that are made from headers are what ./dev docs makes now.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$1/docs/generate.sh" "$work"
for page in "$work"/*.md; do
    name=$(basename "$page")
    diff -u "$1/docs/$name" "$page" || {
        echo "docs/$name is not what the headers say: run ./dev docs" >&2
        exit 1
    }
done
# Nothing of the headers is left out: each name stands in a page.
cd "$1/include/tenon"
grep -ohE '\b(tenon|TENON)_[A-Za-z0-9_]*[A-Za-z0-9]\b|\(\*[a-z0-9_]+\)\(' driver.h kit/*.h | tr -d '()*' |
    grep -vE '^TENON_(DRIVER|KIT_[A-Z]+)_H$|^TENON_API$|_SYMBOL$' | sort -u >"$work/names"
while read -r name; do
    grep -qw -- "$name" "$work"/*.md || echo "$name is in no page"
done <"$work/names" >"$work/missing"
cat "$work/missing" >&2
[ ! -s "$work/missing" ]

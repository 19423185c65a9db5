#!/bin/sh
# What run.sh must not let pass: runner_test.sh BUILD
set -u

here=$(cd "$(dirname "$0")" && pwd)
build=$1
MUTANTS=$(mktemp -d "${TMPDIR:-/tmp}/tenon-runner.XXXXXX") || exit 1
CHECK_OPTIONS=--quick # a run to its end is not what is tried here
export MUTANTS CHECK_OPTIONS
trap 'rm -rf "$MUTANTS"' EXIT
trap 'exit 1' HUP INT TERM
failed=0

# change HEAD-EXPRESSION NAME: a mutant of the tree with another head.
change()
{
    sed "1,/^---/{$1}" "$here/memory-in-duplicates.patch" >"$MUTANTS/$2.patch"
}

# expect STATUS WORD NAME: run.sh ends so, and says that of it.
expect()
{
    JOBS=1 sh "$here/run.sh" "$build" "$3" >"$MUTANTS/said" 2>&1
    status=$?
    if [ $status -ne "$1" ] || ! grep -q "^| $3 | .* | $2 | " "$MUTANTS/said"; then
        echo "FAILED: $3: exit status $status instead of $1, or it is not $2:" >&2
        cat "$MUTANTS/said" >&2
        failed=1
    fi
}

# A change of nothing is convicted by nobody.
cat >"$MUTANTS/memory-as-it-is.patch" <<'PATCH'
Nothing is broken. Convicted by: statements.in
Says: .
--- a/drivers/memory/README.md
+++ b/drivers/memory/README.md
@@ -0,0 +1 @@
+A line.
PATCH
expect 1 SURVIVED memory-as-it-is
sed 's/^Says.*/&\nWaits for: nothing_of_that_name/' "$MUTANTS/memory-as-it-is.patch" >"$MUTANTS/memory-early.patch"
expect 0 waits memory-early
change '1s/Convicted by: .*/Convicted by: statements.update/' memory-elsewhere
expect 1 ELSEWHERE memory-elsewhere
change 's/^Says: .*/Says: another cause/' memory-unnamed
expect 1 UNNAMED memory-unnamed
change '/^Says: /d' memory-headless
expect 1 HEADLESS memory-headless
sed 's/^-  *if .*/&!/' "$here/memory-in-duplicates.patch" >"$MUTANTS/memory-stale.patch"
expect 1 STALE memory-stale
sed '/^--- /,$d' "$here/memory-in-duplicates.patch" >"$MUTANTS/memory-broken.patch"
cat >>"$MUTANTS/memory-broken.patch" <<'PATCH'
--- a/drivers/memory/broken.c
+++ b/drivers/memory/broken.c
@@ -0,0 +1 @@
+this is not C
PATCH
expect 1 BROKEN memory-broken
sh "$here/run.sh" "$build" nothing_of_that_name 2>"$MUTANTS/said"
[ $? -eq 2 ] || { echo 'FAILED: a mutant that is not there is no wrong usage' >&2; failed=1; }
exit $failed

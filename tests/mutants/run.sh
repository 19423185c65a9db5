#!/bin/sh
# Broken drivers, and whether `tenon check` convicts them: run.sh BUILD [NAME]...
#
#   BUILD   folder of a build, whose bin/tenon judges
#   NAME    of a mutant (NAME.patch beside this script), or `memory` or `sqlite` for the driver as
#           it is, which must pass; without one: everything
#
# A mutant is a driver with one small change. The head of its patch says
#
#   What is broken, in a sentence. Convicted by: ID...
#   Says: an extended regular expression
#   Waits for: GROUP (may be left out)
#
# It is convicted where a whole run fails, each case of the head fails, and what that case expected,
# saw, or hints at meets the expression: so that its author is told the cause. The ID `opening`
# stands for a driver that is not even opened. One that waits for a group of cases counts once
# `tenon check --list` has that group.
#
# Ends with a table. Exit status 0: every mutant is convicted, no driver as it is; 1: not so; 2: usage.
# MUTANTS names another folder of patches, CHECK_OPTIONS further options of tenon check.
set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$(dirname "$here")")
: "${CC:=cc}" "${MUTANTS:=$here}" "${CHECK_OPTIONS:=}"
flags='-std=c17 -D_POSIX_C_SOURCE=200809L -O2 -fPIC -fvisibility=hidden -pthread -w'

# ---- Building ----

# The folders that a driver is made of.
folders()
{
    case $1 in
    memory) echo drivers/memory kits/kv ;;
    sqlite) echo drivers/sqlite kits/sql kits/posix ;;
    *) return 1 ;;
    esac
}

# compile DRIVER NAME: what is as in the driver as it is is taken from there.
compile()
{
    tree=$work/$2/tree kept=$work/$1/tree
    for folder in $(folders "$1"); do
        for source in "$tree/$folder"/*.c; do
            object=${source#"$tree/"}.o
            if [ "$tree" = "$kept" ] || [ -e "$work/$2/headers" ] ||
                ! cmp -s "$source" "$kept/${object%.o}"; then
                # shellcheck disable=SC2086
                "$CC" $flags -I"$tree/include" -c "$source" -o "$tree/$object" || return 1
                echo "$tree/$object"
            else
                echo "$kept/$object"
            fi
        done
    done
}

# make DRIVER NAME [PATCH]: the plugin in $work/NAME/plugins, beside the filter that records calls
# and the driver that it is compared with.
make()
{
    tree=$work/$2/tree library=c other=sqlite
    [ "$1" = memory ] || library=sqlite3 other=memory
    mkdir -p "$tree" "$work/$2/plugins"
    cp -R "$root/drivers" "$root/kits" "$root/include" "$tree"
    cp "$build/lib/tenon/drivers/trace.so" "$build/lib/tenon/drivers/$other.so" "$work/$2/plugins"
    if [ $# -gt 2 ]; then
        patch -p1 -s -d "$tree" -i "$3" >"$work/$2/log" 2>&1 || { echo STALE; return 1; }
        grep -q '^+++ .*\.h$' "$3" && : >"$work/$2/headers"
    fi
    compile "$1" "$2" >"$work/$2/objects" 2>"$work/$2/log" || { echo BROKEN; return 1; }
    # shellcheck disable=SC2046
    "$CC" -shared -pthread -Wl,-z,now -o "$work/$2/plugins/$1.so" $(cat "$work/$2/objects") \
        -l"$library" 2>"$work/$2/log" || { echo BROKEN; return 1; }
}

# judge DRIVER NAME OPTION...: what tenon check says of it, in $work/NAME/said.
judge()
{
    driver=$1 name=$2
    shift 2
    url=$driver:
    [ "$driver" = memory ] || url=$driver:@DIR@/check.db
    # shellcheck disable=SC2086
    TENON_DRIVER_PATH=$work/$name/plugins TMPDIR=$work/$name "$build/bin/tenon" check \
        "$work/$name/plugins/$driver.so" --db "$url" --seed 1 --limit 60 $CHECK_OPTIONS "$@" \
        >"$work/$name/said" 2>&1
}

# ---- One driver ----

unopened="its database can't be opened\|the plugin can't be used"

# accused NAME: the cases that failed.
accused()
{
    awk '$1 == "FAILED" { print $2 }' "$work/$1/said"
    ! grep -q "$unopened" "$work/$1/said" || echo opening
}

# reason NAME ID: what a failed case expected and saw, and its hint.
reason()
{
    [ "$2" != opening ] || grep "$unopened" "$work/$1/said"
    awk -v id="$2" '$1 == "FAILED" { on = $2 == id; next } !/^    / { on = 0 }
        on && ($1 == "expected" || $1 == "seen" || $1 == "hint") { sub(/^ +/, ""); print }' \
        "$work/$1/said"
}

# verdict NAME WORD WHO MESSAGE: a line of the table.
verdict()
{
    printf '| %s | %s | %s | %s | %s |\n' "$1" "$sentence" "$2" "$3" "$4" >"$work/verdicts/$1"
    printf '%-9s %s\n' "$2" "$1" >&2
}

last_line()
{
    tail -n 1 "$1" | tr '|' ' '
}

# The driver as it is must pass.
control()
{
    sentence='the driver as it is'
    if judge "$1" "$1"; then
        verdict "$1" passed - "$(last_line "$work/$1/said")"
    else
        verdict "$1" ACCUSED "$(accused "$1" | xargs)" "$(last_line "$work/$1/said")"
    fi
}

mutant()
{
    name=$1 driver=${1%%-*} file=$MUTANTS/$1.patch
    sentence=$(sed -n '1s/ Convicted by:.*//p' "$file")
    ids=$(sed -n '1s/.* Convicted by: *//p' "$file")
    says=$(sed -n '1,/^---/s/^Says: *//p' "$file")
    waits=$(sed -n '1,/^---/s/^Waits for: *//p' "$file")
    if ! folders "$driver" >/dev/null || [ -z "$sentence" ] || [ -z "$ids" ] || [ -z "$says" ]; then
        verdict "$name" HEADLESS - ''
        return
    fi
    why=$(make "$driver" "$name" "$file") ||
        { verdict "$name" "$why" - "$(last_line "$work/$name/log")"; return; }
    judge "$driver" "$name" --stop
    rc=$?
    first=$(accused "$name" | xargs)
    if [ "$rc" -ne 1 ] || [ -z "$first" ]; then
        if [ -n "$waits" ] && ! grep -q "^$waits\\." "$work/list"; then
            verdict "$name" waits "for $waits" ''
        else
            verdict "$name" SURVIVED - "exit status $rc: $(last_line "$work/$name/said")"
        fi
        return
    fi
    for id in $ids; do
        [ -n "$(reason "$name" "$id")" ] || [ "$id" = opening ] || judge "$driver" "$name" --only "$id"
        message=$(reason "$name" "$id" | sed 's/  */ /' | tr '\n|' '; ')
        [ -n "$message" ] || { verdict "$name" ELSEWHERE "$first" "not by $id"; return; }
        printf '%s' "$message" | grep -Eq -e "$says" ||
            { verdict "$name" UNNAMED "$id" "$message"; return; }
    done
    verdict "$name" convicted "$ids" "$message"
}

# ---- All ----

if [ "${1:-}" = --one ]; then # by xargs below
    case $2 in
    memory | sqlite) control "$2" ;;
    *) mutant "$2" && rm -rf "$work/${2:?}" ;;
    esac
    exit 0
fi

build=${1:-}
[ -x "$build/bin/tenon" ] || { echo 'usage: run.sh BUILD [NAME]...' >&2; exit 2; }
build=$(cd "$build" && pwd)
shift
# shellcheck disable=SC2046
[ $# -gt 0 ] || set -- memory sqlite $(cd "$MUTANTS" && for file in *.patch; do echo "${file%.patch}"; done)
for name in "$@"; do
    [ "$name" = memory ] || [ "$name" = sqlite ] || [ -f "$MUTANTS/$name.patch" ] ||
        { echo "run.sh: there is no mutant $name" >&2; exit 2; }
done
work=$(mktemp -d "${TMPDIR:-/tmp}/tenon-mutants.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
export work build CC MUTANTS CHECK_OPTIONS
mkdir "$work/verdicts"
"$build/bin/tenon" check --list >"$work/list"
for driver in $(printf '%s\n' "$@" | sed 's/-.*//' | sort -u); do # as it is
    make "$driver" "$driver" || { cat "$work/$driver/log" >&2; exit 1; }
done
printf '%s\n' "$@" | xargs -n 1 -P "${JOBS:-2}" sh "$0" --one
echo '| mutant | what is broken | verdict | by | message |'
echo '|---|---|---|---|---|'
for name in "$@"; do
    cat "$work/verdicts/$name" || echo "| $name | | LOST | | |"
done >"$work/table"
cat "$work/table"
awk -F '|' '{ count[$4]++ } END { for (word in count) printf "%d%s", count[word], word; print "" }' \
    "$work/table"
! grep -Eqv '^\| [^|]* \| [^|]* \| (convicted|passed|waits) \|' "$work/table"

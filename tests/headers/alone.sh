#!/bin/sh
# alone.sh CC CXX INCLUDE HEADER [FLAG]...: the header compiles by itself, twice included, without a
# warning. FLAGs say where the headers of an engine are.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf '#include "%s"\n#include "%s"\nint alone(void);\nint alone(void) { return 0; }\n' "$4" "$4" >"$work/alone.c"
cp "$work/alone.c" "$work/alone.cc"
cc=$1 cxx=$2 include=$3
shift 4
warnings="-Wall -Wextra -Wpedantic -Wundef -Werror -D_POSIX_C_SOURCE=200809L"
# shellcheck disable=SC2086
"$cc" -std=c17 $warnings -Wstrict-prototypes -I"$include" "$@" -c "$work/alone.c" -o "$work/alone.o"
[ -x "$cxx" ] || { echo "no C++ compiler: compiled as C only"; exit 77; }
# shellcheck disable=SC2086
"$cxx" -std=c++17 $warnings -I"$include" "$@" -c "$work/alone.cc" -o "$work/alone.o"

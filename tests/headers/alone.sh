#!/bin/sh
# alone.sh CC CXX INCLUDE HEADER: the header compiles by itself, twice included, without a warning.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf '#include "%s"\n#include "%s"\nint alone(void);\nint alone(void) { return 0; }\n' "$4" "$4" >"$work/alone.c"
cp "$work/alone.c" "$work/alone.cc"
warnings="-Wall -Wextra -Wpedantic -Wundef -Werror -D_POSIX_C_SOURCE=200809L"
# shellcheck disable=SC2086
"$1" -std=c17 $warnings -Wstrict-prototypes -I"$3" -c "$work/alone.c" -o "$work/alone.o"
[ -x "$2" ] || { echo "no C++ compiler: compiled as C only"; exit 77; }
# shellcheck disable=SC2086
"$2" -std=c++17 $warnings -I"$3" -c "$work/alone.cc" -o "$work/alone.o"

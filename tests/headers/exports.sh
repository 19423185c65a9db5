#!/bin/sh
# exports.sh LIBRARY PATTERN: every symbol that the library exports matches, and there is one.
set -eu

# Sanitizers and coverage add symbols of their own.
symbols=$(nm -D --defined-only "$1" | awk '{ print $3 }' | grep -vE '^(__?asan|__?ubsan|__?sanitizer|__?tsan|__start_|__stop_)' || true)
[ -n "$symbols" ] || { echo "$1 exports nothing"; exit 1; }
if printf '%s\n' "$symbols" | grep -vE "$2"; then
    echo "$1 exports more than $2"
    exit 1
fi

# tenon bench: dispatched to a program beside this one, or where that is installed.
. "$(dirname "$0")/lib.sh"

run 0 bench --help
grep -q 'tenon bench native' "$out" || fail 'bench --help does not tell of native'
run 2 bench
says 'tenon: bench: --drivers or --db is missing'
run 2 bench nothing
says "tenon: bench: there is no benchmark 'nothing'"
run 2 bench ../native
says "tenon: bench: there is no benchmark '../native'"

run 0 bench native --help
grep -q '^usage: tenon bench native' "$out" || fail 'bench native --help'
run 2 bench native --engine nothing
says 'tenon: bench native: --engine must be'
run 2 bench native --engine memory --operation empty --delay-us 5
says 'memory has no server to delay'
run 0 bench native --engine memory --check

# Without the program, and as it is installed: links do, but for tenon itself, which looks from where
# its file is.
mkdir -p "$folder/bin" "$folder/libexec/tenon"
cp "$TENON" "$folder/bin/tenon"
TENON=$folder/bin/tenon
run 2 bench --help
says 'tenon-bench-engines is neither in '
run 2 bench native --help
says 'tenon-bench-native is neither in '
says "$folder/bin/../libexec/tenon/: install it, or build bench-native"
printf '#!/bin/sh\necho "$TENON_DRIVER_PATH" "$@"\nexit 7\n' >"$folder/libexec/tenon/tenon-bench-native"
chmod 755 "$folder/libexec/tenon/tenon-bench-native"
run 7 bench native --some 'thing else'
grep -qx "$TENON_DRIVER_PATH --some thing else" "$out" || fail 'arguments are not passed on'
exit 0

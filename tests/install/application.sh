# An application outside of this tree, by find_package and by pkg-config, with plugins that are found
# by themselves or where the package says they are.
. "$(dirname "$0")/lib.sh"

expect_transfer()
{
    says 'alice 60'
    says 'bob 40'
    says 'refused: CONSTRAINT account.balance'
}

cp "$SOURCE/tests/install/application/CMakeLists.txt" "$SOURCE/examples/first-operation/main.c" "$folder"
build "$folder" "$folder/build"
run 0 ctest --test-dir "$folder/build" --output-on-failure

# A version that is not compatible, and a component that there is not, are refused by name.
run 1 cmake -S "$folder" -B "$folder/other" -DCMAKE_PREFIX_PATH="$PREFIX" -DTENON_VERSION=0.2
says 'requested version "0.2"'
run 1 cmake -S "$folder" -B "$folder/third" -DCMAKE_PREFIX_PATH="$PREFIX" -DTENON_COMPONENTS=kit_abacus
says 'kit_abacus'

export PKG_CONFIG_PATH="$PREFIX/$LIBDIR/pkgconfig"
for library in tenon tenon-chat tenon-config tenon-kit-kv tenon-kit-sql tenon-kit-pq tenon-kit-filter tenon-kit-posix; do
    run 0 pkg-config --print-errors --exists "$library = 0.1.0"
done
# shellcheck disable=SC2046
run 0 $CC -std=c17 $CFLAGS $(pkg-config --cflags tenon) -o "$folder/plain" "$folder/main.c" \
    $(pkg-config --libs tenon) -Wl,-rpath,"$(pkg-config --variable=libdir tenon)"
export TENON_DRIVER_PATH
TENON_DRIVER_PATH=$(pkg-config --variable=driverdir tenon)
for url in memory: "sqlite:$folder/a.db" "lmdb:$folder/a.mdb"; do
    run 0 "$folder/plain" "$url"
    expect_transfer
done
unset TENON_DRIVER_PATH

# The tool finds the plugins that were installed with it.
run 0 "$tenon" drivers
for driver in sqlite lmdb memory postgres fault trace; do
    grep -q "^$driver .*$PREFIX/$LIBDIR/tenon/drivers/$driver.so" "$out" || fail "no driver $driver"
done
run 0 "$tenon" verify "sqlite:$folder/a.db"

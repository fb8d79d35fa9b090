#!/usr/bin/env bash
# Tests a package that uses AssayTesting without Assay's traits, where the system libraries' headers
# and their pkg-config files are hidden, as on a machine that never installed them.
# Usage: run.sh FOLDER (needs root, for a mount namespace of its own)
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(realpath -m "$1")

if [ -z "${ASSAY_HIDDEN:-}" ]; then
  ASSAY_HIDDEN=1 exec unshare -m "$0" "$folder"
fi

mount -t tmpfs none /usr/share/pkgconfig
for place in /usr/lib/*/pkgconfig /usr/include/hdf5 /usr/include/openssl \
  /usr/include/*/openblas* /usr/lib/*/hdf5; do
  [ ! -d "$place" ] || mount -t tmpfs none "$place"
done
for header in /usr/include/libdeflate.h /usr/include/cblas.h /usr/include/*/cblas.h; do
  [ ! -f "$header" ] || mount --bind /dev/null "$header"
done

rm -rf "$folder/package"
mkdir -p "$folder/package"
tar -C "$root/Examples/SwiftPort" -c --exclude=.build --exclude=Package.resolved . |
  tar -C "$folder/package" -x
sed -i 's/path: \$0)/path: $0, traits: [])/' "$folder/package/Package.swift"
grep -q 'traits: \[\]' "$folder/package/Package.swift"
export ASSAY_PATH=$root ASSAY_RECORD=never
unset PLANTED_BUG GITHUB_ACTIONS GITHUB_STEP_SUMMARY

output=$folder/output.txt
fail() {
  tail -n 60 "$output"
  echo "run.sh: $*" >&2
  exit 1
}
tests() {
  "${SWIFT:-swift}" test --package-path "$folder/package" --scratch-path "$folder/build" "$@" \
    >"$output" 2>&1
}
expect() { grep -qE -- "$1" "$output" || fail "the output of ${2:?} lacks: $1"; }

started=$SECONDS
tests || fail "the tests fail"
expect 'Executed 3 tests, with 0 failures' "the green run"
expect 'Test run with 5 tests in 1 suite passed' "the green run"
echo "green without system libraries, in $((SECONDS - started)) s"

binary=$(find "$folder/build/debug/" -maxdepth 1 -name '*.xctest' | head -n 1)
ldd "$binary" >"$output"
! grep -E 'hdf5|deflate|libcrypto|openblas' "$output" || fail "a system library is linked"

status=0
PLANTED_BUG=gelu tests --skip-build || status=$?
[ "$status" = 1 ] || fail "exit status $status with a planted bug, not 1"
expect 'blocks\.0\.mlp\.act' "the planted bug"
echo "red: gelu is found in blocks.0.mlp.act"

# What is not there says what it needs.
find "$folder/package/Golden" -name "*.h5" -delete
status=0
ASSAY_RECORD=missing tests --skip-build || status=$?
[ "$status" = 1 ] || fail "exit status $status where a golden cannot be written, not 1"
expect "the package's trait SystemLibraries" "a golden that cannot be written"
echo "red: recording a golden says what it needs"
echo "1 passed, 0 failed"

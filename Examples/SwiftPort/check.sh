#!/usr/bin/env bash
# Shows the example's tests green, then red with each planted bug, and checks that the failures name
# the module where the bug is. Usage: check.sh [options of swift build, such as --scratch-path DIR]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
output=$(mktemp)
trap 'rm -f "$output"' EXIT
export ASSAY_RECORD=never
unset PLANTED_BUG GITHUB_ACTIONS GITHUB_STEP_SUMMARY

tests() { "${SWIFT:-swift}" test --package-path "$here" "$@" >"$output" 2>&1; }
fail() {
  tail -n 100 "$output"
  echo "check.sh: $*" >&2
  exit 1
}
expect() { grep -qE -- "$1" "$output" || fail "the output of ${2:?} lacks: $1"; }

# A copy elsewhere is whole: it needs nothing of the repository around it.
copy=$(mktemp -d)
trap 'rm -rf "$output" "$copy"' EXIT
tar -C "$here" -c --exclude=.build . | tar -C "$copy" -x
"${SWIFT:-swift}" package --package-path "$copy" dump-package >"$output"
expect '"https://github.com/assay/assay' "the copy's manifest"

tests "$@" || fail "the tests fail without a bug"
expect 'Executed 3 tests, with 0 failures' "the green run"
expect 'Test run with 5 tests in 1 suite passed' "the green run"
echo "green: the port matches PyTorch"

while read -r bug module; do
  status=0
  PLANTED_BUG=$bug tests --skip-build "$@" || status=$?
  [ "$status" = 1 ] || fail "exit status $status with the bug $bug, not 1"
  pattern=${module//./\\.}
  # Replays of the whole model, plain and isolated, in both frameworks.
  for test in wholeModel eachModuleByItself; do
    expect "Test $test\\(\\) recorded an issue" "bug $bug"
  done
  for test in testWholeModel testEachModuleByItself; do
    expect "error: DigitReaderXCTests.$test : .*$pattern" "bug $bug"
  done
  # By itself every other module passes: one tensor differs for each of the two images.
  [ "$(grep -c 'of 96 tensors 94 match, 2 differ' "$output")" = 2 ] ||
    fail "with the bug $bug not just one tensor differs where modules run by themselves"
  echo "red: $bug is found in $module"
done <<'BUGS'
gelu blocks.0.mlp.act
epsilon blocks.1.norm1
weight blocks.1.mlp.fc2
heads blocks.0.attn
BUGS

# The command plugin works in the directory of the package that calls it, and says what the tool says.
assay() {
  status=0
  ASSAY_PATH=$here/../.. "${SWIFT:-swift}" package --package-path "$copy" "${options[@]}" \
    --allow-writing-to-package-directory assay "$@" >"$output" 2>&1 || status=$?
}
options=("$@")
assay approve Golden/digit-reader/float32.h5 Golden/new.h5 --yes --message "a first golden"
[ "$status" = 0 ] || fail "exit status $status of swift package assay approve"
expect 'approved Golden/new.h5' "assay approve"
assay log Golden/new.h5
expect 'a first golden' "assay log"
assay compare Golden/new.h5 Golden/digit-reader/float32.h5
[ "$status" = 0 ] || fail "exit status $status of swift package assay compare"
expect '96 tensors .* compared, all within the tolerance' "assay compare"
assay compare Golden/new.h5 Golden/none.h5
[ "$status" = 1 ] || fail "exit status $status for a golden that is not there, not 1"
expect 'Golden/none.h5: no such file' "assay compare"
expect 'exit code 2' "assay compare"
echo "swift package assay: approves, logs and compares"

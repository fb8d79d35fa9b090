#!/usr/bin/env bash
# Checks that failures inside tests, detached tasks and dispatch queues fail the tests: every test
# here must be red, and its golden's name must stand in a failure.
# Usage: run.sh debug|parallel|release [options of swift test, such as --scratch-path DIR]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mode=${1:?usage: run.sh debug|parallel|release [options of swift test]}
shift
case $mode in
  debug) ;;
  parallel) set -- --parallel "$@" ;;
  release) set -- -c release "$@" ;;
  *) echo "run.sh: unknown mode $mode: debug, parallel or release" >&2; exit 2 ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export ASSAY_GOLDEN_DIR=$work/goldens ASSAY_ARTIFACTS=$work/reports ASSAY_RECORD=never
unset GITHUB_ACTIONS GITHUB_STEP_SUMMARY
mkdir "$ASSAY_GOLDEN_DIR" "$ASSAY_ARTIFACTS"
names=$(grep -rhoE '"(st|xc)-[a-z-]+"' "$here/Tests" | tr -d '"' | sort)
for name in $names; do cp "$here/doubled.h5" "$ASSAY_GOLDEN_DIR/$name.h5"; done

tests() { # FACTOR OPTION…
  local factor=$1
  shift
  status=0
  FACTOR=$factor "${SWIFT:-swift}" test --package-path "$here" "$@" >"$work/output" 2>&1 || status=$?
}
fail() {
  cat "$work/output"
  echo "run.sh: $mode: $*" >&2
  exit 1
}
# A failure is told apart from a mere mention of the golden by what only a failure says of it.
expect_failures() { # NAME…
  [ "$status" != 0 ] || fail "the tests passed"
  for name; do
    case $name in
      *throwing*) pattern="$name.*ModelError" ;;
      *late) pattern="the tests ended before the replay of $name did" ;;
      *) pattern="$name.*double" ;;
    esac
    grep -qE "$pattern" "$work/output" || fail "no failure of $name"
  done
}

# The control: with the right factor all tests are green, so what fails below fails for its reason.
tests 2 --skip hrowing --skip Late "$@"
[ "$status" = 0 ] || fail "the tests fail with the right model"
count=$(grep '^st-' <<<"$names" | grep -cvE -e '-late|throwing')
grep -q "Test run with $count tests .*passed" "$work/output" || fail "not $count tests ran"

tests 3 --skip Late "$@"
expect_failures $(grep -v -e '-late' <<<"$names")
! grep -q 'unexpected signal' "$work/output" || fail "the tests crashed"

# Failures that no test can take any more.
tests 3 --filter LateCases "$@"
expect_failures st-late
tests 3 --filter LateReplayCase "$@"
expect_failures xc-late
tests 3 --filter LateTearDownCase "$@"
expect_failures xc-late-teardown

echo "run.sh: $mode: all $(wc -w <<<"$names") cases failed, as they must"

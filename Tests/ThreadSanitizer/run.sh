#!/usr/bin/env bash
# Runs the tests of what works at once under ThreadSanitizer.
# Usage: run.sh SCRATCH [STRESS]   SCRATCH is where it builds; STRESS multiplies the work.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
scratch=${1:?usage: run.sh SCRATCH [STRESS]}
swift=${SWIFT:-swift}
cd "$here/../.."
"$swift" build --build-tests --sanitize thread --scratch-path "$scratch"
preload=
if [ "$(uname)" = Linux ]; then
  # The toolchain's own compiler, which knows Swift's calling convention.
  clang=$(dirname "$(readlink -f "$(command -v "$swift")")")/clang
  preload=$scratch/mutex.so
  "$clang" -Wall -Werror -shared -fPIC -O1 -o "$preload" "$here/mutex.c"
fi
LD_PRELOAD=$preload ASSAY_STRESS=${2:-4} \
  TSAN_OPTIONS="suppressions=$here/suppressions.txt halt_on_error=0 exitcode=66 second_deadlock_stack=1" \
  "$swift" test --skip-build --sanitize thread --scratch-path "$scratch" \
  --filter 'AssayBaseTests|AssayCaptureTests|AssayReplayTests|AssayTestingTests|HDF5Run|LiveComparison'

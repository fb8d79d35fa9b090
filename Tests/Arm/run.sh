#!/usr/bin/env bash
# Holds the kernels to the same bits under every instruction set of this x86-64 and under AArch64.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
clang=${CLANG:-$(dirname "$(readlink -f "$(command -v swift)")")/clang}
flags=(-O2 -std=c11 -ISources/CAssayKernels/include Tests/Arm/kernels.c Sources/CAssayKernels/*.c)
"$clang" "${flags[@]}" -lm -o "$work/x86"
"$clang" --target=aarch64-linux-gnu -fuse-ld=lld -static "${flags[@]}" -lm -o "$work/arm"

"$work/x86" 0 >"$work/baseline"
lines=$(wc -l <"$work/baseline")
((lines > 1000)) || { echo "only $lines results"; exit 1; }
for isa in 1 2; do
  code=0
  "$work/x86" $isa >"$work/wider" || code=$?
  if ((code == 3)); then echo "instruction set $isa: this machine does not have it"; continue; fi
  ((code == 0)) || exit "$code"
  diff "$work/baseline" "$work/wider" >"$work/differences" || {
    head -20 "$work/differences"; echo "instruction set $isa differs from the baseline"; exit 1; }
  echo "instruction set $isa: $lines results equal"
done
qemu-aarch64 "$work/arm" 0 >"$work/wider"
diff "$work/baseline" "$work/wider" >"$work/differences" || {
  head -20 "$work/differences"; echo "AArch64 differs from x86-64"; exit 1; }
echo "AArch64: $lines results equal"

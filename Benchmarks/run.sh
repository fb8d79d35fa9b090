#!/bin/sh
# Measures the comparison kernels against numpy and torch on the same data in one run.
# PYTHON names an interpreter with numpy and, for its row, torch.
set -e
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
"$python" -c 'import numpy' 2>/dev/null || {
  echo "bench: $python has no numpy; set PYTHON to an interpreter that has it" >&2
  exit 1
}
swift build --package-path "$here" -c release --product AssayBench
exec "$python" "$here/run.py" "$(swift build --package-path "$here" -c release --show-bin-path)/AssayBench"

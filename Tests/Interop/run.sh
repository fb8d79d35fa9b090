#!/usr/bin/env bash
# Checks Assay's files against PyTorch, numpy, h5py, h5dump and safetensors, in both directions.
# Usage: run.sh VENV [ASSAY]   VENV is made where it is missing; without ASSAY it is built.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
venv=$(realpath -m "${1:?usage: run.sh VENV [ASSAY]}")
assay=${2:-}
python=$venv/bin/python

if ! cmp -s "$here/requirements.txt" "$venv/requirements.txt"; then
  rm -rf "$venv"
  "${PYTHON:-python3}" -m venv "$venv" || {
    echo "cannot make a Python environment: install python3-venv" >&2
    exit 1
  }
  torch=$(grep '^torch==' "$here/requirements.txt")
  # The CPU build is a tenth of the download, where the package index has it.
  "$python" -m pip install --quiet "$torch+cpu" 2>/dev/null ||
    "$python" -m pip install --quiet "$torch"
  "$python" -m pip install --quiet -r "$here/requirements.txt"
  cp "$here/requirements.txt" "$venv/requirements.txt"
fi

if [ -z "$assay" ]; then
  (cd "$root" && "${SWIFT:-swift}" build -c release --product assay)
  assay=$(cd "$root" && "${SWIFT:-swift}" build -c release --show-bin-path)/assay
fi
export PYTHONDONTWRITEBYTECODE=1
exec "$python" "$here/interop.py" "$(realpath "$assay")"

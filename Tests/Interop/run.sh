#!/usr/bin/env bash
# Checks Assay's files against PyTorch, numpy, h5py, h5dump and safetensors, in both directions.
# Usage: run.sh VENV [ASSAY]   VENV is made where it is missing; without ASSAY it is built.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
venv=$(realpath -m "${1:?usage: run.sh VENV [ASSAY]}")
assay=${2:-}
python=$venv/bin/python

"$here/environment.sh" "$venv"

if [ -z "$assay" ]; then
  (cd "$root" && "${SWIFT:-swift}" build -c release --product assay)
  assay=$(cd "$root" && "${SWIFT:-swift}" build -c release --show-bin-path)/assay
fi
export PYTHONDONTWRITEBYTECODE=1
assay=$(realpath "$assay")
# Once as where Assay is installed, which then converts what was recorded, and once as where it is not.
ASSAY=$assay "$python" -m pytest -q -p no:cacheprovider "$root/Python"
ASSAY= "$python" -m pytest -q -p no:cacheprovider "$root/Python"
exec "$python" "$here/interop.py" "$assay"

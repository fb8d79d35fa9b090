#!/usr/bin/env bash
# Makes the Python environment with the programs that Assay is checked and measured against.
# Usage: environment.sh VENV
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
venv=$(realpath -m "${1:?usage: environment.sh VENV}")
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

#!/usr/bin/env bash
# Records an unmodified vLLM on the CPU and compares it with transformers, and its ranks with one.
# Usage: run.sh VENV ASSAY [SMOLLM2]   VENV is made where it is missing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
venv=$(realpath -m "${1:?usage: run.sh VENV ASSAY [SMOLLM2]}")
assay=$(realpath "${2:?usage: run.sh VENV ASSAY [SMOLLM2]}")

if ! cmp -s "$here/requirements.txt" "$venv/requirements.txt"; then
  rm -rf "$venv"
  "${PYTHON:-python3}" -m venv "$venv"
  torch=$(grep '^torch==' "$here/requirements.txt")
  # The CPU build is a tenth of the download, where the package index has it.
  "$venv/bin/python" -m pip install --quiet --no-deps "$torch" 2>/dev/null ||
    "$venv/bin/python" -m pip install --quiet "${torch%+cpu}"
  # Without what vLLM asks for and does not use here, such as Triton.
  grep -v '^torch==' "$here/requirements.txt" |
    "$venv/bin/python" -m pip install --quiet --no-deps -r /dev/stdin
  cp "$here/requirements.txt" "$venv/requirements.txt"
fi
"$venv/bin/python" -m pip install --quiet --no-deps "$root/Python[vllm]"
export PYTHONDONTWRITEBYTECODE=1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$venv/bin/python" "$here/check.py" "$assay" "$folder" "${@:3}"
mkdir "$folder/ranks"
"$venv/bin/python" "$here/ranks.py" "$assay" "$folder/ranks" "${@:3}"

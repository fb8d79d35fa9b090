"""Records the original: `Golden/digit-reader/float32.h5`, what PyTorch computed in every module.

Needs safetensors and assay_torch (`pip install "PATH_OF_ASSAY/Python[torch]"`). Each image is one forward pass,
so one step. A golden that exists changes by `assay approve` only:

    python Python/record.py new.h5
"""

import os
import sys

import assay_torch
import torch
from safetensors.torch import load_file

import digits
from digit_reader import DigitReader

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "../Golden/digit-reader")

LABELS = [7, 2]


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    checkpoint = os.path.join(GOLDEN, "checkpoint")
    model = DigitReader().eval()
    model.load_state_dict(load_file(os.path.join(checkpoint, "model.safetensors")))
    generator = torch.Generator().manual_seed(2)
    identity = assay_torch.model_hash(checkpoint)
    path = sys.argv[1] if len(sys.argv) > 1 else \
        os.path.normpath(os.path.join(GOLDEN, "float32.h5"))
    with assay_torch.record(
            model, golden=path, recipe={"model": "checkpoint", "model_hash": identity},
            provenance={"model_hash": identity}, strict=True), torch.no_grad():
        for label in LABELS:
            logits = model(digits.image(label, generator)[None])
            assert int(logits.argmax()) == label
    print(f"{os.path.relpath(path)}: {len(LABELS)} steps, {os.path.getsize(path)} bytes")


if __name__ == "__main__":
    main()

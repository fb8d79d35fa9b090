"""Records the original: `Golden/digit-reader/float32.h5`, what PyTorch computed in every module.

Needs torch, h5py, numpy and safetensors. Each image is one forward pass, so one step.

    python Python/record.py
"""

import datetime
import hashlib
import os
import platform
import sys
import uuid

import h5py
import torch
from safetensors.torch import load_file

import digits
from digit_reader import DigitReader

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "../Golden/digit-reader")
# What writes Assay's layouts lies with the repository's own goldens.
sys.path.append(os.path.join(HERE, "../../../Golden/tiny-llama"))
import layouts  # noqa: E402

LABELS = [7, 2]
NAMESPACE = uuid.UUID("0d5c3b86-93cf-5b64-8d6b-4f0f0d3a6c11")


class Recorder:
    """Hooks on every module but the root."""

    def __init__(self, model):
        self.steps, self.open = [], []
        for name, module in model.named_modules():
            if name:
                module.register_forward_pre_hook(lambda _, x, name=name: self.begin(name, x))
                module.register_forward_hook(lambda _, x, output: self.end(output))

    def begin_step(self):
        self.steps.append(layouts.Step())
        self.counts = {}

    def begin(self, name, inputs):
        step = self.steps[-1]
        call = self.counts[name] = self.counts.get(name, -1) + 1
        self.open.append(len(step.calls))
        step.calls.append(layouts.Call(name, call, tuple(x.clone() for x in inputs), {}))

    def end(self, output):
        position = self.open.pop()
        self.steps[-1].calls[position].outputs = output.clone()
        self.steps[-1].completion_order.append(position)


def model_hash(checkpoint):
    total = hashlib.sha256()
    for name in sorted(os.listdir(checkpoint)):
        if name == "config.json" or name.endswith(".safetensors"):
            with open(os.path.join(checkpoint, name), "rb") as file:
                total.update(f"{name}\n{hashlib.sha256(file.read()).hexdigest()}\n".encode())
    return "sha256:" + total.hexdigest()


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    checkpoint = os.path.join(GOLDEN, "checkpoint")
    model = DigitReader().eval()
    model.load_state_dict(load_file(os.path.join(checkpoint, "model.safetensors")))
    recorder = Recorder(model)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for label in LABELS:
            recorder.begin_step()
            logits = model(digits.image(label, generator)[None])
            assert int(logits.argmax()) == label
    hash_ = model_hash(checkpoint)
    manifest = layouts.Manifest(
        str(uuid.uuid5(NAMESPACE, "float32")),
        {"tool": "record.py", "tool_version": "1",
         "created": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
         "os": f"{platform.system()} {platform.machine()}",
         "framework": "pytorch", "framework_version": torch.__version__,
         "libraries": {"h5py": h5py.__version__},
         "model_hash": hash_, "dtype": "float32", "seed": 0, "threads": 1},
        {"model": "checkpoint", "model_hash": hash_, "token_ids": [], "steps": len(LABELS),
         "dtype": "float32", "devices": ["cpu"]},
        {"enabled": True, "formats": ["hdf5"], "log_step_ids": []})
    path = os.path.join(GOLDEN, "float32.h5")
    layouts.write_hdf5(path, manifest, recorder.steps)
    layouts.check_hdf5(path, recorder.steps)
    calls = sum(len(step.calls) for step in recorder.steps)
    print(f"{os.path.relpath(path)}: {len(LABELS)} steps, {calls} module calls, "
          f"{os.path.getsize(path)} bytes")


if __name__ == "__main__":
    main()

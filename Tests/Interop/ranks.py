"""What `assay record --ranks` writes, against PyTorch on each rank's slices of the checkpoint, and the
virtual datasets that `assay convert --virtual` makes of it, against numpy's joins of the ranks' files."""

import json
import os

import h5py
import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from checks import GOLDEN, PROMPT, ROOT

FIXTURE = os.path.join(ROOT, "Tests/AssayLlamaTests/Fixtures/biased-sharded")
COLUMN = ("self_attn.q_proj", "mlp.gate_proj", "mlp.up_proj")
KEYS = ("self_attn.k_proj", "self_attn.v_proj")
ROW = ("self_attn.o_proj", "mlp.down_proj")


class Ranks:
    """The runs of all ranks, and what each rank holds of the checkpoint."""

    def __init__(self, checks, folder, checkpoint, dtype, count, prompt):
        self.checks, self.count, self.dtype = checks, count, getattr(torch, dtype)
        self.runs = os.path.join(folder, f"{dtype}-{count}")
        configuration = {"enabled": True, "output_dir": self.runs, "log_step_ids": [],
                         "formats": ["pt"]}
        checks.assay(
            "record", "--model", checkpoint, *prompt, "--max-tokens", "3", "--dtype", dtype,
            "--ranks", str(count), "--intermediate-log-config", json.dumps(configuration))
        self.id = os.listdir(self.runs)[0].rsplit("-rank", 1)[0]
        checks.equal(sorted(os.listdir(self.runs)),
                     [f"{self.id}-rank{rank}" for rank in range(count)], "directories")
        self.steps = sum(name.startswith("step_") for name in
                         os.listdir(os.path.join(self.runs, f"{self.id}-rank0")))
        with open(os.path.join(checkpoint, "config.json"), encoding="utf-8") as file:
            self.config = json.load(file)
        self.weights = {
            name: weight.to(self.dtype) for file in sorted(os.listdir(checkpoint))
            if file.endswith(".safetensors")
            for name, weight in load_file(os.path.join(checkpoint, file)).items()}

    def tensor(self, rank, step, module, slot):
        return torch.load(os.path.join(
            self.runs, f"{self.id}-rank{rank}", f"step_{step}", module, f"{slot}_cpu.pt"),
            weights_only=True)

    def close(self, found, expected, what):
        """The order of a sum is free: a few units in the last place of the largest element."""
        self.checks.equal((found.dtype, found.shape), (expected.dtype, expected.shape), what)
        error = (found.double() - expected.double()).abs().max()
        bound = expected.double().abs().max() * torch.finfo(self.dtype).eps * 8
        self.checks.equal(bool(error <= bound), True, f"{what}: {error} is within {bound}")

    def linear(self, rank, step, module, weight, bias=None):
        given = self.tensor(rank, step, module, "inputs_0")
        self.close(self.tensor(rank, step, module, "outputs"), F.linear(given, weight, bias),
                   f"rank {rank} step {step} {module}")

    def check_layer(self, rank, step, layer):
        heads = min(self.count, self.config["num_key_value_heads"])
        for module in COLUMN + KEYS + ROW:
            name = layer + module
            parts, part = self.count, rank
            if module in KEYS:
                parts, part = heads, rank * heads // self.count
            axis = 1 if module in ROW else 0
            bias = self.weights.get(name + ".bias")
            if bias is not None and module in ROW:
                bias = bias if rank == 0 else None
            elif bias is not None:
                bias = bias.chunk(parts)[part]
            self.linear(rank, step, name, self.weights[name + ".weight"].chunk(parts, axis)[part],
                        bias)

    def check_vocabulary(self, rank, step):
        embedding, head = (self.weights[name + ".weight"] for name in
                           ("model.embed_tokens", "lm_head"))
        size = len(embedding)
        height = -(-size // self.count)
        first = rank * height
        padding = (0, 0, 0, height * self.count - size)
        ids = self.tensor(rank, step, "model.embed_tokens", "inputs_0")
        local = F.pad(embedding, padding)[first:first + height]
        own = (ids >= first) & (ids < first + height)
        expected = F.embedding(torch.where(own, ids - first, 0), local) * own[..., None]
        found = self.tensor(rank, step, "model.embed_tokens", "outputs")
        self.checks.equal(torch.equal(found, expected), True, f"rank {rank} embed_tokens")
        self.linear(rank, step, "lm_head", F.pad(head, padding)[first:first + height])

    def check_sums(self, step, layer):
        for part, whole, slot in (("self_attn.o_proj", "self_attn", "outputs_0"),
                                  ("mlp.down_proj", "mlp", "outputs")):
            expected = sum(self.tensor(rank, step, layer + part, "outputs").double()
                           for rank in range(self.count)).to(self.dtype)
            for rank in range(self.count):
                self.close(self.tensor(rank, step, layer + whole, slot), expected,
                           f"rank {rank} step {step} {layer}{whole}")


def test_local_tensors(checks, folder):
    text = ("--prompt", PROMPT)
    ids = ("--prompt-token-ids", "3,14,15,9,26,5,35,8,9")
    for checkpoint, prompt, dtype, count in (
            (os.path.join(GOLDEN, "checkpoint"), text, "float32", 2),
            (os.path.join(GOLDEN, "checkpoint"), text, "bfloat16", 4),
            (FIXTURE, ids, "float32", 4)):
        ranks = Ranks(checks, os.path.join(folder, os.path.basename(checkpoint)), checkpoint,
                      dtype, count, prompt)
        for step in range(ranks.steps):
            for rank in range(count):
                ranks.check_vocabulary(rank, step)
            for index in range(ranks.config["num_hidden_layers"]):
                layer = f"model.layers.{index}."
                for rank in range(count):
                    ranks.check_layer(rank, step, layer)
                ranks.check_sums(step, layer)


SUMS = ("o_proj/call_0/cpu/outputs", "down_proj/call_0/cpu/outputs",
        "embed_tokens/call_0/cpu/outputs")


def check_virtual(checks, path, runs):
    """h5py's own reading of the virtual datasets, and how many of them there were of each kind."""
    kinds = {"sum": 0, "joined": 0, "replica": 0}

    def visit(name, dataset):
        if not isinstance(dataset, h5py.Dataset) or "dtype" not in dataset.attrs:
            return
        parts = [run[name][()] for run in runs]
        found = dataset[()]
        if name.endswith(SUMS):
            kind, expected = "sum", np.sum(parts, axis=0, dtype=np.float64).astype(found.dtype)
        elif found.shape != parts[0].shape:
            axis = next(axis for axis, size in enumerate(found.shape)
                        if size != parts[0].shape[axis])
            kind, expected = "joined", np.concatenate(parts, axis)
        else:
            kind, expected = "replica", parts[0]
        kinds[kind] += 1
        checks.equal((found.dtype, found.shape), (expected.dtype, expected.shape), name)
        checks.equal(np.array_equal(found, expected), True, f"{name}, {kind}")
        checks.equal(dataset.is_virtual, kind != "sum" and found.ndim > 0, f"{name} is virtual")

    with h5py.File(path) as file:
        file.visititems(visit)
    checks.equal(all(kinds.values()), True, f"every kind is there: {kinds}")


def test_virtual_datasets(checks, folder):
    place = os.path.join(folder, "first")
    os.makedirs(place)
    checks.assay(
        "record", "--model", os.path.join(GOLDEN, "checkpoint"), "--prompt", PROMPT,
        "--max-tokens", "2", "--ranks", "2", "--golden", os.path.join(place, "runs", "tp.h5"))
    checks.assay("convert", os.path.join(place, "runs"), os.path.join(place, "one.h5"), "--virtual")
    moved = os.path.join(folder, "moved")
    for at in (place, moved):
        if at == moved:
            os.rename(place, moved)
        names = [os.path.join(at, "runs", f"tp.rank{rank}.h5") for rank in range(2)]
        runs = [h5py.File(name) for name in names]
        check_virtual(checks, os.path.join(at, "one.h5"), runs)
        for run in runs:
            run.close()

"""Runs of sizes that nobody meets by design: what they come to is an answer, or a sentence.

ASSAY_SIZES=full takes 100,000 modules and 10,000 steps instead of a twentieth of them.
"""

import json
import os
import shutil
import struct
import warnings

import h5py
import numpy as np
import torch
from torch import nn

from assay_torch import record
from checks import GOLDEN, PROMPT

SHARE = 1 if os.environ.get("ASSAY_SIZES") == "full" else 20
CLAIM = 1 << 40


def write_run(folder, steps, modules):
    """A plain vLLM directory; its files are few that have many names."""
    torch.save(torch.arange(6.0).reshape(2, 3), os.path.join(folder, "first.pt"))
    source, links = os.path.join(folder, "first.pt"), 0
    run = os.path.join(folder, "run")
    for step in range(steps):
        at = os.path.join(run, f"step_{step}")
        os.makedirs(at)
        for module in modules:
            if links == 30_000:  # ext4 allows 65,000
                source, links = shutil.copy(source, source + "x"), 0
            links += 1
            os.mkdir(os.path.join(at, module))
            os.link(source, os.path.join(at, module, "outputs_cpu.pt"))
        with open(os.path.join(at, "module_calls.txt"), "w", encoding="utf-8") as file:
            file.write("\n".join(modules) + "\n")
    return run


def whole_way(checks, folder, run, count):
    """Converts, lists, compares in both directions, checks; then one tensor changes."""
    whole = os.path.join(folder, "whole.h5")
    checks.assay("convert", run, whole)
    listed = json.loads(checks.assay("inspect", whole, "--format", "json"))["tensors"]
    checks.equal(len(listed), count, "tensors")
    report = json.loads(checks.assay("compare", whole, run, "--format", "json"))
    checks.equal(report["summary"]["tensors"]["matched"], count, "matched tensors")
    checks.assay("check", whole)
    last = listed[-1]
    changed = os.path.join(run, f"step_{last['step']}", last["module"], "outputs_cpu.pt")
    os.remove(changed)
    torch.save(torch.arange(6.0).reshape(2, 3) + 1, changed)
    report = json.loads(checks.assay("compare", run, whole, "--format", "json", status=1))
    checks.equal(report["summary"]["tensors"]["mismatched"], 1, "changed tensors")
    first = report["first_divergence"]
    checks.equal((first["step"], first["module"]), (last["step"], last["module"]), "the changed one")


def test_modules(checks, folder):
    names = [f"model.layers.{i}" for i in range(100_000 // SHARE)]
    whole_way(checks, folder, write_run(folder, 1, names), len(names))


def test_steps(checks, folder):
    whole_way(checks, folder, write_run(folder, 10_000 // SHARE, ["m"]), 10_000 // SHARE)


class Named(nn.Module):
    def __init__(self, name):
        super().__init__()
        self.name = name
        self.add_module(name, nn.Linear(2, 2))

    def forward(self, x):
        return getattr(self, self.name)(x)


class Nested(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(2, 2)

    def forward(self, x):
        x = self.inner(x)
        for _ in range(1000):
            x = [x]
        return x


def recorded(model, folder, formats):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what lies too deep
        with record(model, {"enabled": True, "output_dir": folder, "formats": [formats]}) as found:
            model(torch.ones(1, 2))
    return found.paths[0]


def test_long_names(checks, folder):
    name = "n" * 10_000
    torch.manual_seed(0)
    model = Named(name)
    runs = [recorded(model, os.path.join(folder, kind), kind) for kind in ("pt", "hdf5", "spool")]
    runs.append(os.path.join(folder, "converted"))
    checks.assay("convert", runs[1], runs[3])
    for run in runs:
        listed = json.loads(checks.assay("inspect", run, "--format", "json"))["tensors"]
        checks.equal([tensor["module"] for tensor in listed], [name] * 2, run)
        for form in ("md", "json", "html", "text"):
            checks.assay("compare", run, runs[0], "--format", form, "--output",
                         os.path.join(folder, "report"))
    checks.assay("compare", *runs[:2], "--modules", "^n*$")
    told = checks.assay("compare", *runs[:2], "--modules", "(n+)+x,n", status=1)
    checks.equal('"(n+)+x" takes too long on "nnnn' in told, True, "a pattern without an end")


def test_nesting(checks, folder):
    model = nn.Sequential(Nested())
    runs = [recorded(model, os.path.join(folder, kind), kind) for kind in ("pt", "hdf5")]
    told = checks.assay("compare", *runs, status=1)
    checks.equal("it lies more than 25 containers deep" in told, True, "what lies too deep")
    deep = os.path.join(folder, "deep.json")
    with open(deep, "w", encoding="utf-8") as file:
        file.write("[" * 1000 + "]" * 1000)
    rules = os.path.join(folder, "deep.yml")
    with open(rules, "w", encoding="utf-8") as file:
        file.write("rules: " + "[" * 1000 + "]" * 1000)
    checks.assay("record", "--model", GOLDEN, "--prompt", PROMPT, "--golden",
                 os.path.join(folder, "none.h5"), "--intermediate-log-config-path", deep, status=2)
    for option in ("--tolerances", "--mapping", "--placements"):
        checks.assay("compare", *runs, option, rules, status=2)
    path = os.path.join(folder, "groups.h5")
    with h5py.File(path, "w") as file:
        group = file
        for _ in range(1000):
            group = group.create_group("g")
        group["x"] = np.zeros(2, "f4")
    checks.assay("inspect", path, status=2)


def test_claims(checks, folder):
    """Files of a few hundred bytes that speak of 2^40 elements."""
    header = json.dumps({"x": {"dtype": "F32", "shape": [CLAIM], "data_offsets": [0, 4 * CLAIM]}})
    path = os.path.join(folder, "x.safetensors")
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header.encode() + b"\0" * 64)
    checks.assay("inspect", path, status=2)
    path = os.path.join(folder, "x.h5")
    with h5py.File(path, "w") as file:
        # Of chunks that were never written: HDF5 says that they are zeros.
        file.create_dataset("step_0/m/call_0/cpu/outputs", (CLAIM,), "f4", chunks=(1 << 20,))
    checks.assay("inspect", path, status=2)
    path = os.path.join(folder, "x.pt")
    torch.save(torch.zeros(1).expand(CLAIM), path)
    checks.assay("inspect", path, status=2)
    run = os.path.join(folder, "run")
    at = os.path.join(run, "step_0", "m")
    os.makedirs(at)
    shutil.copy(path, os.path.join(at, "outputs_cpu.pt"))
    checks.assay("compare", run, run, status=2)

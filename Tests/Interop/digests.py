"""Digests by the recorder for PyTorch against Assay's own, and as h5py and h5dump read them."""

import json
import math
import os
import subprocess
import sys

import h5py
import numpy as np
import torch

from checks import DTYPES, PACKED, ROOT, facts, key, listed, random
from recording import datasets

sys.path.insert(0, os.path.join(ROOT, "Python"))

import assay_torch  # noqa: E402

SAME = ["--rtol", "0", "--atol", "0", "--equal-nan"]


class Every(torch.nn.Module):
    """Returns tensors of every dtype: any bits, so mostly NaN too, and of floats ordinary ones."""

    def forward(self):
        outputs = {}
        for dtype in DTYPES:
            name = str(dtype).removeprefix("torch.")
            outputs[name] = random(dtype, 7, 90, seed=1)
            if (dtype.is_floating_point or dtype.is_complex) and dtype != PACKED:
                part = torch.linspace(-3, 2, 700, dtype=torch.float64)
                part = torch.complex(part, part.flip(0)) if dtype.is_complex else part
                outputs[name + "_plain"] = part.to(dtype).reshape(2, 350)
            outputs[name + "_small"] = random(dtype, 12, seed=2)
        return outputs


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.every = Every()

    def forward(self):
        return self.every()


def record(path, keep):
    torch.manual_seed(0)
    model = Model()
    with assay_torch.record(model, golden=path, keep=keep):
        model()
    return path


def attributes(path):
    with h5py.File(path, "r") as file:
        return {item.name: {name: item.attrs[name] for name in item.attrs}
                for item in datasets(file)}


def near(ours, theirs, size):
    if isinstance(ours, float) or isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=1e-12, abs_tol=1e-13 * size)
    return ours == theirs


def check_digest(checks, name, found, wanted):
    checks.equal(sorted(found), sorted(wanted), f"{name}: attributes")
    for text in ("dtype", "skipped"):
        checks.equal(found.get(text), wanted.get(text), f"{name}@{text}")
    if "digest" not in wanted:
        return
    ours, theirs = (json.loads(attributes["digest"]) for attributes in (found, wanted))
    checks.equal(sorted(ours), sorted(theirs), f"{name}: figures")
    size = theirs["l2"] if isinstance(theirs["l2"], float) else 0
    for figure, value in theirs.items():
        checks.equal(near(ours[figure], value, size), True,
                     f"{name} {figure}: {ours[figure]} and {value}")
    if "projection" in wanted:
        a, b = found["projection"], wanted["projection"]
        checks.equal((a.dtype, a.shape), (np.dtype("<f4"), (128,)), f"{name}@projection")
        # The order of the sums is free.
        close = np.abs(a - b) <= np.spacing(np.maximum(np.abs(a), np.abs(b))) + 1e-7 * size
        checks.equal(bool(close.all()), True, f"{name}: {a} and {b}")
    if "sample" in wanted:
        checks.equal(found["sample"].tobytes(), wanted["sample"].tobytes(), f"{name}@sample")


def test_both_recorders_digest_alike(checks, folder):
    whole = record(os.path.join(folder, "full.h5"), "full")
    elements = {key(entry): listed(entry) for entry in checks.inspect(whole)}
    model = Every()()
    checks.equal({name[-1] for name in elements}, {f"outputs_{name}" for name in model}, "slots")
    for keep in ("digest", "sample"):
        python = record(os.path.join(folder, f"{keep}.h5"), keep)
        assay = os.path.join(folder, f"{keep}-assay.h5")
        checks.assay("convert", whole, assay, "--keep", keep)
        found, wanted = attributes(python), attributes(assay)
        checks.equal(sorted(found), sorted(wanted), keep)
        # Small ones are kept, and pairs of four bits.
        checks.equal(sum("digest" in item for item in wanted.values()),
                     len(model) - len(DTYPES) - 1, f"{keep}: digests")
        for name, attribute in wanted.items():
            check_digest(checks, f"{keep} {name}", found[name], attribute)
        for path in (python, assay):
            checks.equal({key(entry): listed(entry) for entry in checks.inspect(path)}, elements,
                         f"{keep}: hashes")
            checks.assay("compare", "--dir1", whole, "--dir2", path, *SAME)
        checks.assay("compare", "--dir1", python, "--dir2", assay, *SAME)
    for name, tensor in model.items():
        checks.equal(elements[0, "every", 0, "cpu", f"outputs_{name}"], facts(tensor), name)


def test_directories_hold_the_same(checks, folder):
    """A Python run of digests as a directory, through Assay's HDF5 and back, loses nothing."""
    configuration = {"output_dir": folder, "log_step_ids": [], "keep": "sample",
                     "formats": ["pt"]}
    model = Model()
    with assay_torch.record(model, configuration) as run:
        model()
    file, back = os.path.join(folder, "run.h5"), os.path.join(folder, "back")
    checks.assay("convert", run.paths[0], file)
    checks.assay("convert", file, back)
    notes = os.path.join("step_0", "every")
    names = [name for name in os.listdir(os.path.join(run.paths[0], notes))
             if name.endswith("_cpu.json")]
    checks.equal(len(names) > len(DTYPES), True, "notes")
    for name in names:
        with open(os.path.join(run.paths[0], notes, name)) as one:
            with open(os.path.join(back, notes, name)) as other:
                checks.equal(json.load(other), json.load(one), name)


def test_h5dump_shows_a_digest(checks, folder):
    path = record(os.path.join(folder, "digest.h5"), "digest")
    name = "/step_0/every/call_0/cpu/outputs_float32_plain"
    done = subprocess.run(["h5dump", "-d", name, path], capture_output=True, text=True)
    checks.equal(done.returncode, 0, done.stderr)
    for text in ("DATASPACE  NULL", 'ATTRIBUTE "projection"', "only a digest was kept"):
        checks.equal(text in done.stdout, True, text)

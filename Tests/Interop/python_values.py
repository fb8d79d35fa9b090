"""Values, names and dtypes that the recorder for PyTorch meets, as Assay reads and compares them."""

import collections
import dataclasses
import json
import os
import sys
import types
import warnings

import torch

from checks import ROOT, facts, key, listed
from python_recorder import files, read

sys.path.insert(0, os.path.join(ROOT, "Python"))

import assay_torch  # noqa: E402


@dataclasses.dataclass
class Output:
    logits: torch.Tensor


class Fields:
    def __init__(self, logits):
        self.logits = logits


KINDS = {
    "dataclass": Output, "object": Fields, "set": lambda tensor: {tensor},
    "mapping": lambda tensor: collections.UserDict(logits=tensor),
    "proxy": lambda tensor: types.MappingProxyType({"logits": tensor}),
    "deque": lambda tensor: collections.deque([tensor]), "array": torch.Tensor.numpy}
OPAQUE = {"generator": lambda tensor: (one for one in [tensor]),
          "closure": lambda tensor: lambda: tensor, "sparse": torch.Tensor.to_sparse,
          "meta": lambda tensor: tensor.to("meta")}


class Head(torch.nn.Module):
    def __init__(self, make, error):
        super().__init__()
        self.make, self.error = make, error

    def forward(self, x):
        return x.clone(), self.make(x + self.error)


def recorded(folder, name, model, *arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with assay_torch.record(model, {"output_dir": folder}, run_id=name) as run:
            model(*arguments)
    return run.paths


def head(folder, name, make, error=0.0):
    return recorded(folder, name, torch.nn.Sequential(Head(make, error)), torch.ones(2, 3))


def verdicts(checks, actual, expected, status):
    document = json.loads(checks.assay(
        "compare", "--dir1", actual, "--dir2", expected, "--format", "json", status=status))
    return {tensor["slot"]: tensor["verdict"] for step in document["steps"]
            for module in step["modules"] for tensor in module["tensors"]}


def test_an_error_in_an_object_is_found(checks, folder):
    for kind, make in KINDS.items():
        good, bad = head(folder, kind, make), head(folder, kind + "-bad", make, 0.5)
        for expected, actual in zip(good, bad):
            found = verdicts(checks, actual, expected, 1)
            failing = [slot for slot, verdict in found.items() if verdict == "values"]
            checks.equal(len(failing), 1, f"{kind}: {found}")
            checks.equal(failing[0].startswith("outputs_1"), True, f"{kind}: {failing}")
            checks.equal(set(verdicts(checks, expected, expected, 0).values()), {"match"}, kind)


def test_what_is_not_recorded_fails(checks, folder):
    for kind, make in OPAQUE.items():
        for path in head(folder, kind, make):
            found = verdicts(checks, path, path, 1)
            checks.equal(found, {"inputs_0": "match", "outputs_0": "match",
                                 "outputs_1": "not_recorded"}, kind)


class Names(torch.nn.Module):
    NAMES = ["m" * 300, "M" * 300, "con", "Con", "trailing ", "module_calls", "step", "é" * 130,
             "a/b", "a:b", "e\u0301", "é", "A", "a", "a_1", "line\nbreak"]

    def __init__(self):
        super().__init__()
        for name in self.NAMES:
            self.add_module(name, Keys())

    def forward(self, x):
        for index, module in enumerate(self.children()):
            module(x + index), module(x - index)


class Keys(torch.nn.Module):
    KEYS = ["k" * 300, "K" * 300, "k" * 240, "con", "A.", "a.", "b ", "é", "e\u0301", "1", "a:b"]

    def forward(self, x):
        return {key: x * index for index, key in enumerate(self.KEYS)} | {1: x + 100}


def test_odd_names_are_the_same_on_disk(checks, folder):
    python, file = recorded(folder, "names", Names(), torch.ones(2))
    back = os.path.join(folder, "back")
    checks.assay("convert", file, back)
    wanted = [name for name in files(python) if name != "run.h5"]
    checks.equal(files(back), wanted, "files")
    for name in wanted:
        checks.equal(read(back, name), read(python, name), name)
    calls = 2 * len(Names.NAMES)
    entries = {key(entry): listed(entry) for entry in checks.inspect(python)}
    checks.equal(len(entries), calls * (2 + len(Keys.KEYS)), "tensors")
    checks.equal({key(entry): listed(entry) for entry in checks.inspect(file)}, entries, "run.h5")


def test_every_dtype_is_read(checks, folder):
    raw = torch.arange(256, dtype=torch.int64).to(torch.uint8)
    values = {name: (raw > 9) if dtype == torch.bool else raw.view(dtype)
              for dtype, name in assay_torch.tensors.DTYPES.items()}
    model = torch.nn.Sequential(torch.nn.Identity())
    paths = recorded(folder, "dtypes", model, values)
    for path in paths:
        found = {entry["slot"]: listed(entry) for entry in checks.inspect(path)}
        wanted = {f"{side}_{name}": facts(value) for name, value in values.items()
                  for side in ("inputs_0", "outputs")}
        checks.equal(found, wanted, path)
    checks.assay("compare", "--dir1", paths[0], "--dir2", paths[1], "--rtol", "0", "--atol", "0",
                 "--equal-nan")

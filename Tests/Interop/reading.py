"""Single files that PyTorch and safetensors write, as `assay inspect` reads them."""

import collections
import os

import safetensors.torch
import torch

from checks import DTYPES, PACKED, facts, listed, random


def views(dtype):
    """The shapes of storage that occur: whole, empty, strided, transposed, a part of a larger one."""
    base = random(dtype, 6, 8, seed=1)
    yield "whole", base
    yield "scalar", random(dtype, seed=2)
    yield "empty", random(dtype, 3, 0, 2)
    yield "transposed", base.t()
    yield "strided", base[::2, 1::3]
    yield "offset", base[4, 3:7]
    yield "expanded", base[:1, :1].expand(5, 4)
    yield "permuted", random(dtype, 2, 3, 4, seed=3).permute(2, 0, 1)
    if dtype.is_floating_point or dtype.is_complex:
        yield "parameter", torch.nn.Parameter(base.clone(), requires_grad=True)
    if dtype.is_complex:
        yield "conjugate", base.conj()


def check_file(checks, path, tensors):
    found = collections.Counter(listed(entry) for entry in checks.inspect(path))
    checks.equal(found, collections.Counter(map(facts, tensors)), path)


def test_zip_format(checks, folder):
    for dtype in DTYPES:
        for name, tensor in views(dtype):
            path = os.path.join(folder, f"{str(dtype)[6:]}-{name}.pt")
            torch.save(tensor, path)
            check_file(checks, path, [tensor])


def test_legacy_format(checks, folder):
    for dtype in DTYPES:
        for name, tensor in views(dtype):
            path = os.path.join(folder, f"{str(dtype)[6:]}-{name}.pt")
            try:
                torch.save(tensor, path, _use_new_zipfile_serialization=False)
            except (KeyError, AttributeError, RuntimeError, TypeError):
                continue  # newer dtypes cannot be written so
            check_file(checks, path, [tensor])


def test_containers(checks, folder):
    shared = random(torch.float32, 10, 10)
    values = {
        "list": [random(dtype, 3, 2) for dtype in DTYPES],
        "tuple": (shared, shared[2:4], shared.t()),
        "dict": {"a": shared, "b": {"c": [shared[0], (shared[1],)]}, "é/": random(torch.int8, 2)},
        "ordered": collections.OrderedDict(one=shared, two=torch.nn.Parameter(shared.clone())),
        "mixed": {"step": 3, "name": "x", "none": None, "rate": 0.5, "t": shared},
        "state": torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3)).state_dict(),
    }
    for name, value in values.items():
        for zipped in (True, False):
            if name == "list" and not zipped:
                continue
            path = os.path.join(folder, f"{name}-{zipped}.pt")
            torch.save(value, path, _use_new_zipfile_serialization=zipped)
            check_file(checks, path, list(tensors(value)))


def tensors(value):
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from tensors(item)


def test_refuses_code(checks, folder):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (os.path.join(folder, "made"),)

    path = os.path.join(folder, "evil.pt")
    torch.save([random(torch.float32, 2), Evil()], path)
    checks.assay("inspect", path, status=2)
    checks.equal(os.path.exists(os.path.join(folder, "made")), False, "code was run")


def test_safetensors(checks, folder):
    tensors = {}
    for dtype in DTYPES:
        if dtype.is_complex or dtype == PACKED:
            continue  # safetensors 0.8 has complex64 only, and Assay's checkpoints need none
        tensors[f"{dtype}.whole"] = random(dtype, 4, 3)
        tensors[f"{dtype}.scalar"] = random(dtype, seed=5)
        tensors[f"{dtype}.empty"] = random(dtype, 0, 3)
    path = os.path.join(folder, "all.safetensors")
    safetensors.torch.save_file(tensors, path, metadata={"format": "pt"})
    check_file(checks, path, tensors.values())

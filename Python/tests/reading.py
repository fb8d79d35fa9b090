"""What a run holds, read by h5py, torch and json alone."""

import json
import os

import h5py
import torch

BYTES = ("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu",
         "float4_e2m1fn_x2")


def read_json(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as file:
        return json.load(file)


def read_lines(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as file:
        return file.read().splitlines()


def load(*parts):
    return torch.load(os.path.join(*parts), weights_only=True)


def in_directory(root, module, call=0, step=0):
    """Each slot of a call: its tensor, the note of a skipped one, or why it was not recorded."""
    for listed in read_json(root, "run.json")["steps"][step]["calls"]:
        if (listed["module"], listed["call"]) == (module, call):
            folder = os.path.join(root, f"step_{step}", listed["directory"])
            slots = [one["slot"] for one in listed["tensors"]]
            assert len(set(slots)) == len(slots)
            return {one["slot"]: one.get("not_recorded") or (
                read_json if one.get("skipped") else load)(folder, one["file"])
                for one in listed["tensors"]}
    raise KeyError((module, call))


def in_file(path, module, call=0, step=0):
    """The same of an HDF5 file, and what `.calls` says of the call."""
    with h5py.File(path) as file:
        group = file[f"step_{step}"]
        for listed in json.loads(group[".calls"][()])["calls"]:
            if (listed["module"], listed["call"]) == (module, call):
                found = {}
                for one in listed["tensors"]:
                    name = f"{link(module)}/call_{call}/{one['device'].replace(':', '_')}/" \
                        + link(one["slot"])
                    assert (name in group) != ("not_recorded" in one)
                    found[one["slot"]] = one.get("not_recorded") or tensor(group[name])
                return found, listed
    raise KeyError((module, call))


def spool_lines(root):
    """What `steps.jsonl` says, without a line that has no end."""
    with open(os.path.join(root, "steps.jsonl"), encoding="utf-8") as file:
        return [json.loads(line) for line in file.read().split("\n")[:-1]]


def in_spool(root, module, call=0, step=0):
    """The same of a spool, and what its line says of the call."""
    for line in spool_lines(root):
        if line.get("step") == step:
            for listed in line["calls"]:
                if (listed["module"], listed["call"]) == (module, call):
                    return {one["slot"]: spooled(root, one) for one in listed["tensors"]}, listed
    raise KeyError((step, module, call))


def spooled(root, entry):
    if "offset" not in entry:
        return entry.get("not_recorded") or entry
    with open(os.path.join(root, "tensors.bin"), "rb") as file:
        file.seek(entry["offset"])
        data = bytearray(file.read(entry["bytes"]))
    assert len(data) == entry["bytes"] and entry["offset"] % 64 == 0
    dtype = getattr(torch, entry["dtype"].removeprefix("torch."))
    raw = torch.frombuffer(data, dtype=torch.uint8) if data else torch.empty(0, dtype=torch.uint8)
    return raw.view(dtype).reshape(entry["shape"])


def link(name):
    name = name.replace("%", "%25").replace("/", "%2F").replace("\0", "%00")
    return "%2E" + name[1:] if name.startswith(".") else name


def tensor(dataset):
    dtype = getattr(torch, dataset.attrs["dtype"].decode().removeprefix("torch."))
    if dataset.shape is None:
        return dict(dataset.attrs)
    raw = torch.empty(dataset.size * dtype.itemsize, dtype=torch.uint8)
    if dataset.size:
        dataset.id.read(h5py.h5s.ALL, h5py.h5s.ALL, raw.numpy(), mtype=dataset.id.get_type())
    return raw.view(dtype).reshape(dataset.shape)


def same(found, expected):
    """Whether two tensors have one dtype, one shape and the same bits."""
    return found.dtype == expected.dtype and found.shape == expected.shape and torch.equal(
        found.contiguous().reshape(-1).view(torch.uint8),
        expected.detach().resolve_conj().resolve_neg().clone(
            memory_format=torch.contiguous_format).reshape(-1).view(torch.uint8))

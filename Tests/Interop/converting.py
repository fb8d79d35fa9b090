"""Runs that PyTorch and h5py write, through `assay convert` and back."""

import json
import os

import h5py
import torch

from checks import DTYPES, GOLDEN, bits, facts, layouts, listed, random


def step():
    """Calls with every dtype, a second call, awkward names, shared and odd storages."""
    calls, outputs = [], {}
    base = random(torch.float32, 8, 8)
    for dtype in DTYPES:
        name = f"model.layers.0.{str(dtype)[6:]}"
        outputs[name, 0] = ((random(dtype, 2, 3, seed=7), {"whole": base, "rest": None}),
                            random(dtype, 4, 5, seed=8))
    outputs["model.twice", 0] = ((base,), random(torch.bfloat16, seed=9))
    outputs["model.twice", 1] = ((base + 1,), random(torch.bfloat16, 3, 0))
    outputs["model.name_1", 0] = ((), (random(torch.int64, 20), random(torch.int64, 3)))
    outputs["model.é%20 x", 0] = ((1, 2.5, "text", True, None), {"k": random(torch.bool, 3)})
    for (name, call), (arguments, output) in outputs.items():
        calls.append(layouts.Call(name, call, arguments, {"keyword": base.clone()}, output))
    return layouts.Step(calls, list(range(len(calls))))


MANIFEST = layouts.Manifest(
    "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    {"tool": "interop", "tool_version": "1", "created": "2026-01-02T03:04:05Z"},
    {"token_ids": [1, 2], "steps": 2, "dtype": "float32", "devices": ["cpu"]},
    {"enabled": True})


def expected(steps):
    return {(number, call.module, call.call, str(tensor.device), slot): facts(tensor)
            for number, step_ in enumerate(steps) for call in step_.calls
            for slot, tensor in call.tensors()}


def check_inspection(checks, path, steps):
    found = {(entry["step"], entry["module"], entry["call"], entry["device"], entry["slot"]):
             listed(entry) for entry in checks.inspect(path)}
    wanted = expected(steps)
    checks.equal(sorted(found), sorted(wanted), path)
    for name, fact in wanted.items():
        checks.equal(found.get(name), fact, f"{path} {name}")


def check_hdf5(checks, path, steps):
    with h5py.File(path, "r") as file:
        for number, step_ in enumerate(steps):
            for call in step_.calls:
                for slot, tensor in call.tensors():
                    name = "/".join((f"step_{number}", layouts.escaped(call.module),
                                     f"call_{call.call}", "cpu", layouts.escaped(slot)))
                    checks.equal(file[name].shape, tuple(tensor.shape), name)
                    checks.equal(layouts.read_bits(file[name]), bits(tensor), name)


def check_directory(checks, path, steps):
    for number, step_ in enumerate(steps):
        for call in step_.calls:
            for slot, tensor in call.tensors():
                file = os.path.join(path, f"step_{number}", call.directory,
                                    f"{layouts.escaped(slot)}_cpu.pt")
                read = torch.load(file, weights_only=True)
                checks.equal((read.dtype, read.shape), (tensor.dtype, tensor.shape), file)
                checks.equal(bits(read), bits(tensor), file)


def texts(path):
    """All text files of a directory run: descriptions, order and manifest, JSON decoded."""
    found = {}
    for folder, _, names in os.walk(path):
        for name in names:
            if not name.endswith(".pt"):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    text = json.loads(file.read()) if name.endswith(".json") else file.read()
                    found[os.path.relpath(os.path.join(folder, name), path)] = text
    return found


def check_texts(checks, found, wanted):
    found, wanted = texts(found), texts(wanted)
    checks.equal(sorted(found), sorted(wanted), "files")
    for manifest in (found["run.json"], wanted["run.json"]):
        for step_ in manifest["steps"]:  # HDF5 does not keep the order of a call's tensors
            for call in step_["calls"]:
                call["tensors"].sort(key=lambda tensor: tensor["slot"])
    for name, text in wanted.items():
        checks.equal(found.get(name), text, name)


def check_same_bytes(checks, found, wanted):
    """What Assay writes is what torch.save writes, to the last byte."""
    for folder, _, names in os.walk(wanted):
        for name in names:
            if name.endswith(".pt"):
                path = os.path.join(folder, name)
                with open(path, "rb") as a, \
                        open(os.path.join(found, os.path.relpath(path, wanted)), "rb") as b:
                    checks.equal(b.read(), a.read(), path)


def test_directory_to_hdf5_and_back(checks, folder):
    steps = [step(), step()]
    source = os.path.join(folder, "source")
    middle, end = os.path.join(folder, "middle.h5"), os.path.join(folder, "end")
    layouts.write_directory(source, MANIFEST, steps)
    check_inspection(checks, source, steps)
    checks.assay("convert", source, middle)
    check_hdf5(checks, middle, steps)
    check_inspection(checks, middle, steps)
    checks.assay("convert", middle, end)
    check_directory(checks, end, steps)
    check_texts(checks, end, source)
    check_same_bytes(checks, end, source)
    checks.assay("compare", "--dir1", end, "--dir2", source, "--rtol", "0", "--atol", "0",
                 "--equal-nan")


def test_hdf5_to_directory_and_back(checks, folder):
    steps = [step(), step()]
    source, end = os.path.join(folder, "source.h5"), os.path.join(folder, "end.h5")
    middle = os.path.join(folder, "middle")
    layouts.write_hdf5(source, MANIFEST, steps)
    check_inspection(checks, source, steps)
    checks.assay("convert", source, middle)
    check_directory(checks, middle, steps)
    checks.assay("convert", middle, end)
    check_hdf5(checks, end, steps)
    with h5py.File(source, "r") as a, h5py.File(end, "r") as b:
        for name in ("assay_schema", "id", "provenance", "recipe", "configuration"):
            checks.equal(b.attrs[name], a.attrs[name], name)


def test_goldens_are_the_same_run_in_both_layouts(checks, folder):
    for dtype in ("float32", "bfloat16"):
        directory = os.path.join(folder, dtype)
        checks.assay("convert", os.path.join(GOLDEN, dtype + ".h5"), directory)
        check_texts(checks, directory, os.path.join(GOLDEN, dtype))


def test_plain_dump(checks, folder):
    """What vLLM's hooks write: no run.json, live views, devices of another machine."""
    base = random(torch.float32, 16, 16)
    source = os.path.join(folder, "4be0643f-1d98-473b-97cd-ca98a65347dd")
    tensors = {"inputs_0": base[3:5], "outputs": base.t()}
    for module in ("model", "model.norm", "model.norm_1"):
        os.makedirs(os.path.join(source, "step_0", module))
        for slot, tensor in tensors.items():
            torch.save(tensor, os.path.join(source, "step_0", module, f"{slot}_cuda_0.pt"))
    with open(os.path.join(source, "step_0", "module_calls.txt"), "w") as file:
        file.write("model\nmodel.norm\nmodel.norm_1\n")
    target = os.path.join(folder, "run.h5")
    checks.assay("convert", source, target)
    with h5py.File(target, "r") as file:
        for name in ("model/call_0", "model.norm/call_0", "model.norm/call_1"):
            for slot, tensor in tensors.items():
                stored = file[f"step_0/{name}/cuda_0/{slot}"]
                checks.equal(layouts.read_bits(stored), bits(tensor), f"{name}/{slot}")

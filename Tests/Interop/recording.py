"""What `assay record` writes, as PyTorch, h5py and h5dump read it."""

import json
import os
import re
import subprocess

import h5py
import numpy as np
import torch

from checks import GOLDEN, PROMPT, bits, facts, key, layouts, listed


def record(checks, folder, dtype):
    configuration = {"enabled": True, "output_dir": os.path.join(folder, "runs"),
                     "log_step_ids": [], "formats": ["pt", "hdf5"]}
    checks.assay(
        "record", "--model", os.path.join(GOLDEN, "checkpoint"), "--prompt", PROMPT,
        "--max-tokens", "4", "--dtype", dtype, "--enforce-eager",
        "--intermediate-log-config", json.dumps(configuration))
    runs = os.listdir(configuration["output_dir"])
    checks.equal(len(runs), 1, "runs")
    return os.path.join(configuration["output_dir"], runs[0])


def tensor_files(run):
    """Each tensor's key, its .pt and its dataset, as run.json and the schemas say."""
    with open(os.path.join(run, "run.json"), encoding="utf-8") as file:
        for step in json.load(file)["steps"]:
            for call in step["calls"]:
                for tensor in call["tensors"]:
                    device = tensor["device"].replace(":", "_")
                    yield (
                        (step["step"], call["module"], call["call"], tensor["device"],
                         tensor["slot"]),
                        os.path.join(run, f"step_{step['step']}", call["directory"],
                                     tensor["file"]),
                        "/".join((f"/step_{step['step']}", layouts.escaped(call["module"]),
                                  f"call_{call['call']}", device,
                                  layouts.escaped(tensor["slot"]))))


def datasets(group):
    for name, item in group.items():
        if isinstance(item, h5py.Group):
            yield from datasets(item)
        elif not name.startswith("."):
            yield item


def check_run(checks, folder, dtype):
    run = record(checks, folder, dtype)
    file = os.path.join(run, "run.h5")
    in_directory = {key(entry): listed(entry) for entry in checks.inspect(run)}
    in_file = {key(entry): listed(entry) for entry in checks.inspect(file)}
    seen = []
    with h5py.File(file, "r") as opened:
        checks.equal(opened.attrs["complete"], 1, "complete")
        for name, path, dataset in tensor_files(run):
            tensor = torch.load(path, weights_only=True)
            stored = opened[dataset]
            checks.equal(stored.shape, tuple(tensor.shape), dataset)
            checks.equal(stored.attrs["dtype"].decode(), str(tensor.dtype), dataset)
            checks.equal(layouts.read_bits(stored), bits(tensor), dataset)
            checks.equal(in_directory.get(name), facts(tensor), f"{name} in the directory")
            checks.equal(in_file.get(name), facts(tensor), f"{name} in the file")
            seen.append(dataset)
        checks.equal(len(seen), len(in_directory), "tensors in the directory")
        checks.equal(len(seen), len(in_file), "tensors in the file")
        checks.equal(len(list(datasets(opened))), len(seen), "datasets in the file")
    check_h5dump(checks, folder, file, seen)
    return run


def check_h5dump(checks, folder, file, names):
    """A sample of the datasets, as text and as bytes."""
    header = subprocess.run(["h5dump", "-H", file], capture_output=True)
    checks.equal(header.returncode, 0, "h5dump -H")
    raw = os.path.join(folder, "h5dump.bin")
    for name in names[:: max(1, len(names) // 12)]:
        with h5py.File(file, "r") as opened:
            expected = layouts.read_bits(opened[name])
            values = np.asarray(opened[name][()]).ravel()
        subprocess.run(["h5dump", "-d", name, "-b", "FILE", "-o", raw, file],
                       check=True, capture_output=True)
        with open(raw, "rb") as dumped:
            checks.equal(dumped.read(), expected, f"h5dump -b {name}")
        text = subprocess.run(["h5dump", "-y", "-w", "0", "-m", "%.9g", "-d", name, file],
                              check=True, capture_output=True, text=True).stdout
        inside = re.search(r"DATA \{(.*?)\}", text, re.DOTALL).group(1)
        numbers = np.array([float(word) for word in inside.replace(",", " ").split()])
        checks.equal(numbers.astype(values.dtype).tolist(), values.tolist(), f"h5dump {name}")


def test_float32(checks, folder):
    run = check_run(checks, folder, "float32")
    golden = os.path.join(GOLDEN, "float32.h5")
    with open(os.path.join(run, "run.json"), encoding="utf-8") as file:
        recipe = json.load(file)["recipe"]
    with h5py.File(golden, "r") as opened:
        expected = json.loads(opened.attrs["recipe"])
    checks.equal(recipe["token_ids"], expected["token_ids"], "token ids")
    checks.equal(recipe["generated_token_ids"], expected["generated_token_ids"], "tokens")
    for path in (run, os.path.join(run, "run.h5")):
        checks.assay("compare", "--dir1", path, "--dir2", golden, "--rtol", "1e-4",
                     "--atol", "1e-5", "--format", "json")


def test_bfloat16(checks, folder):
    check_run(checks, folder, "bfloat16")

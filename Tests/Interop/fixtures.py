"""Files of named tensors as people have them, by numpy and safetensors: what these say, Assay says.

ASSAY_CASES is the number of files of each kind, ASSAY_SEED the first seed.
"""

import hashlib
import io
import json
import os
import random as chance
import subprocess
import warnings
import zipfile

import h5py
import numpy as np
import safetensors.torch
import torch

from checks import GOLDEN, PACKED, PROMPT, facts, listed
from odd import CASES, SEED, view

KINDS = ("bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64 "
         "complex128").split()
STRANGE = [np.array([{}], object), np.array(["ä"]), np.array([b"x"]), np.zeros(2, "V2"), np.zeros(2, "V1"),
           np.zeros(2, [("a", "f4")]), np.array(["2026-01-01"], "M8[s]"), np.zeros(1, np.longdouble)]


def array(draw):
    """Any bits at all, in any order of bytes and axes."""
    kind = np.dtype(draw.choice(KINDS))
    shape = [draw.randrange(0, 5) for _ in range(draw.randrange(5))]
    count = int(np.prod(shape, dtype=int))
    data = bytes(draw.randrange(2) for _ in range(count)) if kind == bool else draw.randbytes(
        count * kind.itemsize)
    if draw.random() < 0.3:
        data = bytes(len(data))  # which packs well
    made = np.frombuffer(data, kind).reshape(shape)
    if draw.random() < 0.3:
        made = made.astype(kind.newbyteorder(">"), copy=False) if kind == bool else made.view(
            kind.newbyteorder(">"))
    return np.asfortranarray(made) if draw.random() < 0.3 else made


def said(made):
    """What `assay inspect` must say of an array."""
    # By bytes: a conversion may make a NaN quiet.
    size = made.dtype.itemsize // (2 if made.dtype.kind == "c" else 1)
    data = np.ascontiguousarray(made).tobytes()
    if made.dtype.byteorder == ">":
        data = np.frombuffer(data, f"V{size}").tobytes() if size == 1 else b"".join(
            data[at:at + size][::-1] for at in range(0, len(data), size))
    return (made.dtype.newbyteorder("=").name, made.shape, hashlib.sha256(data).hexdigest())


def npy(draw, made):
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.lib.format.write_array(file, made, version=draw.choice([None, (1, 0), (2, 0), (3, 0)]))
    return file.getvalue()


def archive(draw, members):
    """As numpy writes it, or as others may."""
    made = io.BytesIO()
    if draw.random() < 0.3:
        made.seekable = lambda: False  # sizes stand behind the data
    with zipfile.ZipFile(made, "w") as file:
        for name, data in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = draw.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
            with file.open(info, "w", force_zip64=draw.random() < 0.7) as member:
                member.write(data)
    return made.getvalue()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def inspected(checks, path):
    """The tensors of a file by module, and whether all could be read; `None` for one that is refused."""
    done = checks.run("inspect", path, "--format", "json")
    checks.equal(done.returncode in (0, 2), True, f"{path}: status {done.returncode}")
    if done.returncode:
        checks.equal(done.stderr.startswith(b"Error: "), True, f"{path}: a sentence")
    if not done.stdout:
        return None
    entries = json.loads(done.stdout)["tensors"]
    lost = sum("unreadable" in entry for entry in entries)
    checks.equal(done.returncode, 2 if lost else 0, f"{path}: {lost} lost")
    return {entry["module"]: entry for entry in entries}


def test_numpy(checks, folder):
    for case in range(SEED, SEED + 4 * CASES):
        draw = chance.Random(case)
        arrays = {f"stage_{number}": array(draw) for number in range(draw.randrange(1, 6))}
        strange = {"strange": draw.choice(STRANGE)} if draw.random() < 0.3 else {}
        path = os.path.join(folder, f"{case}.npz")
        if draw.random() < 0.5:
            draw.choice([np.savez, np.savez_compressed])(path, **arrays, **strange)
        else:
            write(path, archive(draw, [
                (name + ".npy", npy(draw, made)) for name, made in (arrays | strange).items()]))
        found = inspected(checks, path)
        checks.equal(list(found), list(arrays | strange), f"names and order, ASSAY_SEED={case}")
        for name, made in arrays.items():
            checks.equal(listed(found[name]), said(made), f"{name}, ASSAY_SEED={case}")
        for name in strange:
            checks.equal("unreadable" in found[name], True, f"{name}, ASSAY_SEED={case}")
        alone = next(iter(arrays.values()))
        write(os.path.join(folder, "alone.npy"), npy(draw, alone))
        found = inspected(checks, os.path.join(folder, "alone.npy"))
        checks.equal(listed(found["alone"]), said(alone), f"alone, ASSAY_SEED={case}")


def test_damaged(checks, folder):
    """What is damaged is refused, or holds what it held; nothing ever crashes."""
    read = 0
    for case in range(SEED, SEED + 8 * CASES):
        draw = chance.Random(case)
        arrays = {f"stage_{number}": array(draw) for number in range(draw.randrange(1, 4))}
        data = bytearray(archive(draw, [
            (name + ".npy", npy(draw, made)) for name, made in arrays.items()]))
        if draw.random() < 0.3:
            del data[draw.randrange(len(data)):]
        for _ in range(draw.randrange(3)):
            if data:
                data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        path = os.path.join(folder, f"{case}.npz")
        write(path, data)
        for name, entry in (inspected(checks, path) or {}).items():
            if "unreadable" not in entry:
                read += 1
                checks.equal(name in arrays and listed(entry) == said(arrays[name]), True,
                             f"{name}, ASSAY_SEED={case}")
    checks.equal(read > CASES, True, f"{read} arrays were read")


def test_memory(checks, folder):
    """What unpacks to four times the file and 48 MiB is read, and what to more is not."""
    path = os.path.join(folder, "zeros.npz")
    for mebibytes, order, is_read in [(47, "<", True), (49, "<", False), (23, ">", True), (25, ">", False)]:
        np.savez_compressed(path, zeros=np.zeros((mebibytes << 17,), order + "f8"))
        entry = inspected(checks, path)["zeros"]
        checks.equal("unreadable" not in entry, is_read, f"{mebibytes} MiB of {order}f8")
        if not is_read:
            checks.equal("numpy.savez" in entry["unreadable"], True, entry["unreadable"])
    np.savez(path, zeros=np.zeros((49 << 17,), ">f8"))
    checks.equal("sha256" in inspected(checks, path)["zeros"], True, "unpacked")


def test_safetensors(checks, folder):
    """As a run: each key is a module, in natural order."""
    for case in range(SEED, SEED + CASES):
        draw = chance.Random(case)
        tensors = {f"layers.{number}": view(draw).clone(memory_format=torch.contiguous_format)
                   for number in range(draw.randrange(1, 15))}
        tensors = {name: tensor for name, tensor in tensors.items()
                   if tensor.dtype not in (torch.complex32, torch.complex128, PACKED)}
        if not tensors:
            continue
        path = os.path.join(folder, f"{case}.safetensors")
        safetensors.torch.save_file(tensors, path)
        copy = os.path.join(folder, f"{case}.h5")
        checks.assay("convert", path, copy)
        found = {entry["module"]: entry for entry in checks.inspect(copy)}
        checks.equal(list(found), list(tensors), f"names, ASSAY_SEED={case}")
        for name, tensor in tensors.items():
            checks.equal(listed(found[name]), facts(tensor), f"{name}, ASSAY_SEED={case}")


def test_comparisons(checks, folder):
    """The same numbers in two kinds of files match, and one number that differs is found."""
    draw = np.random.default_rng(SEED)
    stages = {f"layers.{number}": draw.standard_normal((3, 5), np.float32) for number in range(12)}
    mine, theirs = os.path.join(folder, "mine.safetensors"), os.path.join(folder, "theirs.npz")
    safetensors.torch.save_file({name: torch.from_numpy(one) for name, one in stages.items()}, mine)
    np.savez(theirs, **stages)
    checks.assay("compare", mine, theirs)
    stages["layers.7"][2, 4] *= 1.01
    np.savez(theirs, **stages)
    report = json.loads(checks.assay("compare", mine, theirs, "--format", "json", status=1))
    checks.equal(report["first_divergence"]["module"], "layers.7", "the stage")
    checks.equal(report["first_divergence"]["cause"], "unknown", "the cause")
    checks.equal(report["summary"]["tensors"]["mismatched"], 1, "one stage differs")
    np.savez(theirs, **{name: one for name, one in stages.items() if name != "layers.7"})
    checks.assay("compare", mine, theirs, status=1)  # two fixtures: a key of one of them


def test_stages_of_a_model(checks, folder):
    """A port under a fixture of PyTorch's layers: by the same names, and by a mapping."""
    golden = os.path.join(GOLDEN, "float32.h5")
    stages = {}
    with h5py.File(golden) as file:
        for layer in range(4):
            stages[layer] = file[f"step_0/model.layers.{layer}/call_0/cpu/outputs"][()]
    same = os.path.join(folder, "same.npz")
    np.savez(same, **{f"model.layers.{layer}": one for layer, one in stages.items()})
    report = json.loads(checks.assay("compare", golden, same, "--format", "json"))
    checks.equal(report["summary"]["tensors"]["compared"], 4, "all stages")
    checks.equal(any("556 of the 560 tensors" in note for note in report["notes"]), True, report["notes"])
    other = os.path.join(folder, "other.safetensors")
    safetensors.torch.save_file(
        {f"block_{layer}": torch.from_numpy(one) for layer, one in stages.items()}, other)
    checks.assay("compare", golden, other, status=1)
    mapping = os.path.join(folder, "names.yml")
    write(mapping, rb"""version: 1
rules:
  - actual: 'model\.layers\.(\d+)'
    expected: 'block_\1'
""")
    checks.assay("compare", golden, other, "--mapping", mapping)
    done = subprocess.run(
        [checks.program, "replay", same, "--rtol", "1e-4", "--atol", "1e-5", "--", checks.program, "record",
         "--model", os.path.join(GOLDEN, "checkpoint"), "--prompt", PROMPT, "--max-tokens", "4"],
        capture_output=True)
    checks.equal((done.returncode, b"Match" in done.stdout), (0, True), done.stderr[-300:])

"""Files as odd as chance makes them: PyTorch and safetensors say what they hold.

What they read, Assay reads to the bit or refuses with a sentence; what holds no plain tensor is never
taken for one. ASSAY_CASES is the number of files of each kind, ASSAY_SEED the first seed.
"""

import io
import json
import os
import random as chance
import struct
import warnings
import zipfile

import safetensors
import torch

from checks import DTYPES, PACKED, facts, listed, random

CASES = int(os.environ.get("ASSAY_CASES", 60))
SEED = int(os.environ.get("ASSAY_SEED", 1))
PARTS = {torch.complex64: 4, torch.complex128: 8}  # what is swapped of a complex number


def view(draw):
    """A tensor that is somewhere in a storage, in any order."""
    dtype = draw.choice([one for one in DTYPES if one != PACKED])
    base = random(dtype, draw.randrange(1, 200), seed=draw.randrange(1 << 20))
    shape = [draw.randrange(0, 4) for _ in range(draw.randrange(4))]
    strides = [draw.randrange(0, 9) for _ in shape]
    reach = sum((extent - 1) * stride for extent, stride in zip(shape, strides)) if 0 not in shape else -1
    if reach >= len(base):
        return base
    return base.as_strided(shape, strides, draw.randrange(len(base) - max(reach, 0)))


def rebuilt(draw):
    """A value that torch.save writes by one of its rebuilding functions, and whether it is dense."""
    tensor = view(draw)
    floats = tensor.is_floating_point() and tensor.element_size() > 1
    kind = draw.choice(["view", "parameter", "graph", "conj", "neg", "hooked", "shared", "coo", "csr",
                        "quantized", "meta", "nested"])
    if kind == "parameter" and (tensor.is_floating_point() or tensor.is_complex()):
        return torch.nn.Parameter(tensor, requires_grad=draw.random() < 0.5), True
    if kind == "graph" and floats:
        return tensor.clone().requires_grad_(), True
    if kind == "conj" and tensor.is_complex():
        return tensor.conj(), True
    # torch negates a half by way of a float, which makes a NaN quiet.
    if kind == "neg" and tensor.dtype in (torch.complex64, torch.complex128):
        return tensor.conj().imag, True
    if kind == "hooked":
        tensor = tensor.clone()
        tensor._backward_hooks = None
        return tensor, True
    if kind == "coo":
        return torch.eye(draw.randrange(1, 4)).to_sparse(), False
    if kind == "csr":
        return torch.eye(draw.randrange(1, 4)).to_sparse_csr(), False
    if kind == "quantized":
        return torch.quantize_per_tensor(torch.ones(3), 0.5, 1, torch.qint8), False
    if kind == "meta":
        return torch.empty(draw.randrange(1, 1 << 40), device="meta"), False
    if kind == "nested":
        return torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]), False
    return tensor, True


def known(tensor):
    """What `assay inspect` must say of it, whatever its strides."""
    return facts(tensor.detach().resolve_conj().resolve_neg().clone(
        memory_format=torch.contiguous_format))


def test_rebuilt_tensors(checks, folder):
    for case in range(SEED, SEED + CASES):
        draw = chance.Random(case)
        value, dense = {}, {}
        for number in range(draw.randrange(1, 6)):
            name = f"t{number}"
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                value[name], dense[name] = rebuilt(draw)
            if dense[name] and draw.random() < 0.3:  # the same storage twice
                value[f"again{number}"], dense[f"again{number}"] = value[name], True
        path = os.path.join(folder, f"{case}.pt")
        # A quantized tensor's storage has an unknown size, which the legacy format needs.
        zipped = draw.random() < 0.7 or any(one.is_quantized for one in value.values())
        try:
            torch.save(value, path, pickle_protocol=draw.choice([2, 3, 4, 5]),
                       _use_new_zipfile_serialization=zipped)
        except (KeyError, AttributeError, RuntimeError, TypeError):
            torch.save(value, path)  # newer dtypes have no legacy form
        entries = {entry["slot"]: entry for entry in checks.inspect(path)}
        checks.equal(sorted(entries), sorted(value), f"names, ASSAY_SEED={case}")
        for name, entry in entries.items():
            if "unreadable" in entry:
                checks.equal(dense[name], False, f"{name} is refused, ASSAY_SEED={case}: {entry}")
            else:
                checks.equal(listed(entry), known(value[name]), f"{name}, ASSAY_SEED={case}")


def rezipped(draw, data):
    """The same members in another archive: what zip files may have, and what they must not."""
    made = io.BytesIO()
    old = zipfile.ZipFile(io.BytesIO(data))
    items = [(item.filename, old.read(item)) for item in old.infolist()]
    root = items[0][0].split("/")[0]
    if draw.random() < 0.3:
        items.sort(key=lambda _: draw.random())
    if draw.random() < 0.3:
        other = draw.choice(["archive", "x", "a b", "ü", root * 20])
        items = [(other + name[len(root):], content) for name, content in items]
    if draw.random() < 0.2:
        items = [(name, content) for name, content in items if not name.endswith(
            draw.choice(["/version", "/byteorder", ".data/serialization_id", "/.format_version"]))]
    if draw.random() < 0.2:
        items.append((items[0][0].split("/")[0] + draw.choice(["/extra/x", "/code/m.py", "/dir/"]),
                      b"" if draw.random() < 0.5 else b"extra"))
    if draw.random() < 0.1:
        items.append(draw.choice(items))  # a name twice
    # Of a dtype without a storage class of its own torch swaps no bytes, though they were swapped.
    if draw.random() < 0.15 and not any(b"_rebuild_tensor_v3" in content for _, content in items):
        items = [(name, b"big" if name.endswith("/byteorder") else content) for name, content in items]
    if draw.random() < 0.15:
        made.write(draw.randbytes(draw.randrange(1, 200)))  # as a program that unpacks itself has
    streamed = draw.random() < 0.2
    if streamed:  # sizes stand behind the data
        made.seekable = lambda: False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(made, "w") as new:
            for name, content in items:
                info = zipfile.ZipInfo(name, (draw.randrange(1980, 2108), 1, 1, 0, 0, 0))
                info.compress_type = zipfile.ZIP_DEFLATED if draw.random() < 0.2 else zipfile.ZIP_STORED
                info.create_system = draw.choice([0, 3])
                if draw.random() < 0.3:
                    extra = draw.randbytes(draw.randrange(0, 40))
                    info.extra = struct.pack("<HH", draw.choice([0x4246, 0x7075, 0x9999]),
                                             len(extra)) + extra
                if draw.random() < 0.2:
                    info.comment = draw.randbytes(draw.randrange(30))
                with new.open(info, "w", force_zip64=draw.random() < 0.2) as file:
                    file.write(content)
            if draw.random() < 0.2:
                new.comment = draw.randbytes(draw.randrange(300))
    data = bytearray(made.getvalue())
    if draw.random() < 0.1:
        data += draw.randbytes(draw.randrange(1, 60))
    if draw.random() < 0.2:
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    return bytes(data)


def test_archives(checks, folder):
    """Wherever Assay reads one, it reads what torch reads; of what torch reads it refuses little."""
    read = refused = 0
    for case in range(SEED, SEED + 4 * CASES):
        draw = chance.Random(case)
        tensor = view(draw)
        whole = io.BytesIO()
        torch.save(tensor, whole)
        data = rezipped(draw, whole.getvalue())
        path = os.path.join(folder, f"{case}.pt")
        with open(path, "wb") as file:
            file.write(data)
        try:
            value = torch.load(path, weights_only=True)
        except Exception:
            value = None
        entry = inspected(checks, path)
        if entry is None:
            refused += value is not None
            continue
        if value is None:
            # The member's checksum is right, or Assay would not have read it; "big" swaps its bytes.
            swapped = tensor.clone(memory_format=torch.contiguous_format).reshape(-1).view(torch.uint8).reshape(
                -1, PARTS.get(tensor.dtype, tensor.element_size())).flip(-1).reshape(-1)
            checks.equal(entry in (known(tensor), known(
                swapped.view(tensor.dtype).reshape(tensor.shape))), True,
                f"ASSAY_SEED={case}, which torch refuses")
            continue
        read += 1
        checks.equal(entry, known(value), f"ASSAY_SEED={case}")
    checks.equal(read > 4 * refused, True, f"{read} read, {refused} refused that torch reads")


def inspected(checks, path):
    """What Assay says of the one tensor of a file; `None` for a file that it refuses."""
    done = checks.run("inspect", path, "--format", "json")
    checks.equal(done.returncode in (0, 2), True, f"{path}: status {done.returncode}")
    if done.returncode:
        checks.equal(done.stderr.startswith(b"Error: "), True, f"{path}: a sentence")
        return None
    entries = json.loads(done.stdout)["tensors"]
    checks.equal(len(entries), 1, path)
    return listed(entries[0])


def test_safetensors_headers(checks, folder):
    """Whatever the official reader takes Assay reads as it does, and takes nothing else."""
    codes = {"C64": torch.complex64, "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
             "I64": torch.int64, "I32": torch.int32, "I8": torch.int8, "U8": torch.uint8,
             "BOOL": torch.bool, "F8_E4M3": torch.float8_e4m3fn, "U16": torch.uint16}
    taken = 0
    for case in range(SEED, SEED + 4 * CASES):
        draw = chance.Random(case)
        entries, tensors, at = {}, [], 0
        for number in range(draw.randrange(1, 4)):
            code = draw.choice(list(codes))
            tensor = random(codes[code], *[draw.randrange(0, 4) for _ in range(draw.randrange(3))],
                            seed=draw.randrange(1 << 20))
            size = tensor.numel() * tensor.element_size()
            entries[draw.choice(["a", "ä", "x.y", "", "é", "e\u0301"]) + str(number)] = {
                "dtype": code, "shape": list(tensor.shape), "data_offsets": [at, at + size]}
            tensors.append(tensor)
            at += size
        content = b"".join(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
                           for tensor in tensors)
        items = list(entries.items())
        if draw.random() < 0.4:
            draw.shuffle(items)
        if draw.random() < 0.3:
            items.insert(draw.randrange(len(items) + 1), ("__metadata__", draw.choice(
                [{}, {"format": "pt"}, {"k": 1}, None, {"ü": "\n"}])))
        entry = items[-1][1]
        if draw.random() < 0.3 and isinstance(entry, dict) and "shape" in entry:
            change = draw.randrange(7)
            if change == 0:
                entry["data_offsets"][1] += draw.choice([-1, 1, 8, 1 << 40, 1 << 63])
            elif change == 1:
                entry["data_offsets"][0] -= draw.choice([-1, 1, 8])
            elif change == 2:
                entry["shape"].append(draw.choice([1, 0, 2, 1 << 40, 1 << 62, -1, 1.0, None]))
            elif change == 3:
                entry["dtype"] = draw.choice(["f32", "F4", "C64", "", 3, None])
            elif change == 4:
                entry.pop(draw.choice(["shape", "dtype", "data_offsets"]))
            elif change == 5:
                content += draw.randbytes(draw.randrange(1, 9))
            else:
                content = content[:-draw.randrange(1, 4)]
        header = json.dumps(dict(items), ensure_ascii=draw.random() < 0.5,
                            indent=draw.choice([None, None, 1]))
        if draw.random() < 0.2:
            header = header.replace('"shape"', draw.choice(['"shape"', '"\\u0073hape"']))
        if draw.random() < 0.1:
            header = draw.choice([" ", "\n", "\t", "\0"]) + header
        header = header.encode() + draw.choice([b"", b"", b" " * draw.randrange(9), b"\0"])
        length = len(header) + (draw.choice([-1, 1, 1 << 40]) if draw.random() < 0.05 else 0)
        data = struct.pack("<Q", length) + header + content
        path = os.path.join(folder, f"{case}.safetensors")
        with open(path, "wb") as file:
            file.write(data)
        try:
            found = dict(safetensors.deserialize(data))
        except safetensors.SafetensorError:
            done = checks.run("inspect", path, "--format", "json")
            # A dtype that Assay does not know either is told of its tensor alone.
            lost = done.returncode == 0 and any(
                "unreadable" in entry for entry in json.loads(done.stdout)["tensors"])
            checks.equal(done.returncode == 2 or lost, True, f"is refused, ASSAY_SEED={case}")
            continue
        done = checks.run("inspect", path, "--format", "json")
        if done.returncode:  # a dtype that torch has and checkpoints do not
            checks.equal(b"C64" in data or b"F4" in data, True, f"ASSAY_SEED={case}: {done.stderr[:200]}")
            continue
        taken += 1
        listing = {entry["slot"]: entry for entry in json.loads(done.stdout)["tensors"]}
        checks.equal(sorted(listing), sorted(found), f"names, ASSAY_SEED={case}")
        for name, entry in listing.items():
            raw = torch.frombuffer(bytearray(found[name]["data"]), dtype=torch.uint8) \
                if found[name]["data"] else torch.empty(0, dtype=torch.uint8)
            if found[name]["dtype"] not in codes:
                continue  # one that a changed entry named, whose elements are counted in bits
            expected = raw.view(codes[found[name]["dtype"]]).reshape(found[name]["shape"])
            checks.equal(listed(entry), known(expected), f"{name}, ASSAY_SEED={case}")
    checks.equal(taken > CASES, True, f"{taken} of {4 * CASES} were read")

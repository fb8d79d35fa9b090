"""Single files that PyTorch and safetensors write, as `assay inspect` reads them."""

import collections
import io
import json
import os
import struct

import numpy
import safetensors.torch
import torch
import torch.distributed.tensor

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


def check_file(checks, path, tensors, device=None, unreadable=()):
    entries = checks.inspect(path)
    readable = [entry for entry in entries if "unreadable" not in entry]
    found = collections.Counter(map(listed, readable))
    checks.equal(found, collections.Counter(map(facts, tensors)), path)
    checks.equal({entry["slot"] for entry in entries if "unreadable" in entry}, set(unreadable), path)
    if device:
        checks.equal({entry["device"] for entry in readable}, {device}, path)


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


def test_plain_values(checks, folder):
    shared = random(torch.float32, 3)
    values = {
        "a": shared, "complex": 1 - 2j, "set": {1, "x"}, "frozen": frozenset([2]), 2**70: -2**300,
        "default": collections.defaultdict(list, b=shared[1:]), "count": collections.Counter("aab"),
    }
    for protocol in (2, 3, 4, 5):
        for zipped in (True, False):
            path = os.path.join(folder, f"{protocol}-{zipped}.pt")
            torch.save(values, path, pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
            check_file(checks, path, list(tensors(values)))


def test_odd_members(checks, folder):
    """What Assay cannot read stands beside what it can."""
    plain = random(torch.float32, 4)
    ones = torch.ones(3)
    odd = {
        "coo": ones.to_sparse(), "csr": torch.eye(2).to_sparse_csr(), "csc": torch.eye(2).to_sparse_csc(),
        "bsr": torch.eye(2).to_sparse_bsr((1, 1)), "meta": torch.ones(3, device="meta"),
        "nested": torch.nested.nested_tensor([ones, ones]),
        "jagged": torch.nested.nested_tensor([ones, ones], layout=torch.jagged),
        "tensor": torch.quantize_per_tensor(ones, 0.1, 0, torch.qint8),
        "channel": torch.quantize_per_channel(
            torch.eye(2), torch.ones(2), torch.zeros(2, dtype=torch.int64), 0, torch.quint8),
        "bits": torch.zeros(2, dtype=torch.uint8).view(torch.bits8), "storage": ones.untyped_storage(),
        "array": numpy.arange(3), "scalar": numpy.float32(2), "type": int, "scheme": torch.per_tensor_affine,
    }
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    mesh = torch.distributed.device_mesh.init_device_mesh("cpu", (1,))
    for placement in ("Replicate", "Shard", "Partial"):
        kind = getattr(torch.distributed.tensor, placement)
        placed = kind(0) if placement == "Shard" else kind()
        odd[placement] = torch.distributed.tensor.DTensor.from_local(ones, mesh, [placed])
    for name, value in odd.items():
        for protocol in (2, 4):
            path = os.path.join(folder, f"{name}-{protocol}.pt")
            torch.save({"before": plain, name: value, "after": plain[1:]}, path, pickle_protocol=protocol)
            check_file(checks, path, [plain, plain[1:]], unreadable=[name])
    torch.distributed.destroy_process_group()


class Rebuilt:
    """A tensor of a backend that is not here, saved as torch saves it there."""

    def __init__(self, function, data, dtype, device):
        self.reduced = function, (data, dtype, device, False)

    def __reduce__(self):
        return self.reduced


def test_other_backends(checks, folder):
    for protocol in (2, 5):
        for dtype in DTYPES:
            for name, tensor in views(dtype):
                path = os.path.join(folder, f"{protocol}-{str(dtype)[6:]}-{name}.pt")
                torch.save(Rebuilt(torch._utils._rebuild_device_tensor_from_cpu_tensor, tensor, dtype,
                                   "mtia:2"), path, pickle_protocol=protocol)
                check_file(checks, path, [tensor], "mtia:2")
                try:
                    array = tensor.detach().resolve_conj().numpy()
                except TypeError:
                    continue  # numpy knows fewer dtypes
                torch.save(Rebuilt(torch._utils._rebuild_device_tensor_from_numpy, array, dtype, "xla:0"),
                           path, pickle_protocol=protocol)
                check_file(checks, path, [tensor], "xla:0")
        bits = torch.arange(65536).to(torch.uint16).view(torch.bfloat16)
        path = os.path.join(folder, f"{protocol}-widened.pt")
        torch.save(Rebuilt(torch._utils._rebuild_device_tensor_from_numpy, bits.float().numpy(),
                           torch.bfloat16, "xla:0"), path, pickle_protocol=protocol)
        check_file(checks, path, [bits], "xla:0")


def test_what_follows(checks, folder):
    """Several objects in one stream, and bytes behind an archive: as torch reads them."""
    def saved(value, zipped=True):
        stream = io.BytesIO()
        torch.save(value, stream, _use_new_zipfile_serialization=zipped)
        return stream.getvalue()

    first, second = random(torch.float32, 3, seed=1), random(torch.float32, 3, seed=2)
    many = {str(index): random(torch.int8, 100, seed=index) for index in range(5)}
    parts = {"zip": saved(first), "alike": saved(second), "more": saved(many),
             "legacy": saved(second, False), "byte": b"\n", "zeros": bytes(3000)}
    for one in ("zip", "more", "legacy"):
        for other in parts:
            path = os.path.join(folder, f"{one}-{other}.pt")
            with open(path, "wb") as file:
                file.write(parts[one] + parts[other])
            try:
                value = torch.load(path)
            except RuntimeError:
                checks.assay("inspect", path, status=2)
                continue
            check_file(checks, path, list(tensors(value)))


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


def test_safetensors_headers(checks, folder):
    """What the official reader accepts and refuses around the entries."""
    entry = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    text = json.dumps(entry)[:-1]
    headers = [json.dumps(header) for header in (
        {"a": entry}, {"__metadata__": None, "a": entry}, {"__metadata__": {}, "a": entry},
        {"__metadata__": {"k": "v"}, "a": entry}, {"__metadata__": {"k": 1}, "a": entry},
        {"__metadata__": {"k": None}, "a": entry}, {"__metadata__": [], "a": entry},
        {"__metadata__": "x", "a": entry}, {"a": None}, {"a": {**entry, "shape": None}},
        {"a": {**entry, "shape": [2.0]}}, {"a": {**entry, "data_offsets": [0, 8, 9]}},
        {"a": {"dtype": "F32", "shape": [2]}}, {"a": {**entry, "later": {"x": [1, None, "y"]}}})]
    headers += [f'{{"a":{text},"x":{value}}}}}' for value in (
        "NaN", "-0", "01", "1.", ".5", "1e5", "1E+5", "+1", "tru", "true", "True", "-Infinity", "[1,]",
        "{}", "[" * 125 + "]" * 125, "[" * 126 + "]" * 126, '"\\ud800"', '"\\ud83d\\ude00"')]
    whole = headers[0]
    headers += [" \n" + whole, whole + "\t ", whole + "\0", "\0" + whole, whole + "x", "[]", ""]
    for index, header in enumerate(headers):
        data = struct.pack("<Q", len(header)) + header.encode() + bytes(8)
        path = os.path.join(folder, f"{index}.safetensors")
        with open(path, "wb") as file:
            file.write(data)
        try:
            safetensors.deserialize(data)
        except safetensors.SafetensorError:
            checks.assay("inspect", path, status=2)
        else:
            check_file(checks, path, [torch.zeros(2)])

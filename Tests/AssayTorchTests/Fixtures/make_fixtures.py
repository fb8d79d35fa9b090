"""Writes the .pt fixtures and expected.json with torch 2.13: python make_fixtures.py"""

import collections
import io
import json
import os
import pathlib
import sys
import types
import warnings
import zipfile

import numpy
import torch

warnings.simplefilter("ignore")
torch.manual_seed(20260)
HERE = pathlib.Path(__file__).parent
GENERATOR = torch.Generator().manual_seed(20260)
DTYPES = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn,
    torch.float8_e5m2, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8,
    torch.uint16, torch.uint32, torch.uint64, torch.bool, torch.complex64, torch.complex128,
]
# With random numbers of their own, so that no other fixture changes.
LATER = [
    torch.float8_e4m3fnuz, torch.float8_e5m2fnuz, torch.float8_e8m0fnu, torch.float4_e2m1fn_x2,
    torch.complex32,
]
LATER_GENERATOR = torch.Generator().manual_seed(20261)
DTYPES += LATER
files, refused, pickles = {}, {}, {}


def random(dtype, *shape):
    """Random bits, so that NaN payloads, infinities and subnormal numbers occur."""
    count = 1
    for extent in shape:
        count *= extent
    generator = LATER_GENERATOR if dtype in LATER else GENERATOR
    bits = torch.randint(0, 256, (count * dtype.itemsize,), dtype=torch.uint8, generator=generator)
    return (bits % 2 if dtype == torch.bool else bits).view(dtype).reshape(shape)


def raw(tensor):
    if tensor.dtype.itemsize == 1 and tensor.dtype.is_floating_point:
        tensor = tensor.view(torch.uint8)  # not all of these can be copied
    tensor = tensor.detach().resolve_conj().resolve_neg().contiguous()
    if tensor.numel() == 0:
        return b""
    return tensor.reshape(-1).view(torch.uint8).numpy().tobytes()


def is_odd(value):
    """What Assay lists as unreadable."""
    if isinstance(value, torch.Tensor):
        return (value.layout != torch.strided or value.is_quantized or value.is_meta
                or value.is_nested or value.dtype == torch.bits8)
    return (isinstance(value, (torch.UntypedStorage, numpy.ndarray, numpy.generic, type))
            or isinstance(value, int) and abs(value).bit_length() > 8192)


def walk(value, path=()):
    if is_odd(value):
        return
    if isinstance(value, torch.Tensor):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from walk(item, path + (str(key),))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from walk(item, path + (str(index),))


def render(value):
    if is_odd(value):
        return "unreadable"
    if isinstance(value, torch.Tensor):
        return "tensor"
    if isinstance(value, (set, frozenset)):
        return "set(" + ", ".join(map(render, value)) + ")"
    if isinstance(value, complex):
        return f"complex({value.real}, {value.imag})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{render(k)}: {render(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(render, value)) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(render, value)) + ")"
    if isinstance(value, (bytes, bytearray)):
        return "b" + value.hex()
    if isinstance(value, str):
        return '"' + value + '"'
    return str(value)


def expect(name, value, device="cpu", unreadable=()):
    files[name] = {
        "unreadable": [list(pair) for pair in unreadable],
        "value": render(value),
        "tensors": [
            {
                "path": list(path),
                "dtype": str(tensor.dtype)[6:],
                "shape": list(tensor.shape),
                "device": device,
                "hex": raw(tensor).hex(),
            }
            for path, tensor in walk(value)
        ],
    }


def save(name, value, expected=None, **options):
    torch.save(value, HERE / name, **options)
    expect(name, value if expected is None else expected)


def refuse(name, value, error, mention, **options):
    if value is not None:
        torch.save(value, HERE / name, **options)
    refused[name] = {"error": error, "mentions": mention}


def rewrite(name, source, change=lambda name, data: data, method=zipfile.ZIP_STORED):
    """Copies a zip; change(name below the root, data) gives the new data, None drops it."""
    with zipfile.ZipFile(HERE / source) as old, zipfile.ZipFile(HERE / name, "w", method) as new:
        for info in old.infolist():
            data = change(info.filename.split("/", 1)[1], old.read(info.filename))
            if data is not None:
                entry = zipfile.ZipInfo(info.filename)
                entry.compress_type = method
                new.writestr(entry, data)


def every_dtype():
    tensors = {}
    for dtype in DTYPES:
        name = str(dtype)[6:]
        matrix = random(dtype, 4, 5)
        tensors |= {
            f"{name} scalar": random(dtype), f"{name} empty": random(dtype, 2, 0, 3),
            f"{name} matrix": matrix, f"{name} transposed": matrix.t(),
            f"{name} offset": matrix[1:3, 1:4:2], f"{name} row": matrix[2],
        }
        for kind, tensor in (("scalar", random(dtype)), ("deep", random(dtype, 1, 2, 1, 300))):
            stream = io.BytesIO()
            torch.save(tensor, stream)
            with zipfile.ZipFile(stream) as archive:
                pickles[f"{name} {kind}"] = archive.read("archive/data.pkl").hex()
    return tensors


dtypes = every_dtype()
save("dtypes.pt", dtypes)
save("legacy_dtypes.pt", {k: v for k, v in dtypes.items() if "offset" in k or "scalar" in k},
     _use_new_zipfile_serialization=False)
small = random(torch.float32, 2, 3)
save("small.pt", small)
save("view.pt", random(torch.bfloat16, 8, 16)[3:5, 4:12:2])
save("expanded.pt", random(torch.int32, 1, 3).expand(4, 3))
save("parameter.pt", torch.nn.Parameter(random(torch.float16, 3)))
stateful = torch.nn.Parameter(random(torch.float32, 3))
stateful.note = {"a": [1, 2]}
save("parameter_with_state.pt", stateful)
attributed = random(torch.float32, 2)
attributed.note = "hello"
save("tensor_with_state.pt", attributed)
save("buffer.pt", torch.nn.Buffer(random(torch.float64, 2)))
save("conjugated.pt", random(torch.complex64, 2, 3).conj().t())
save("conjugated_wide.pt", random(torch.complex128, 2).conj())
save("negative.pt", random(torch.complex64, 4).conj().imag)
save("nested.pt", {
    "list": [small, (small[1], None, True, False)], 7: {"deep": [[], (), {}]}, "text": "größe ∞",
    "numbers": [0, 255, 65535, -1, 2**31, -2**63, 2**63 - 1, 1.5, -2.25], "bytes": b"\x00\x7f\x80\xff",
    "none": None, "size": torch.Size([2, 3]),
})
save("state_dict.pt", torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.BatchNorm1d(1)).state_dict())
for protocol in (3, 4, 5):
    save(f"protocol{protocol}.pt", [small, {"x": small.t(), "b": b"\x80\x01"}, "é"],
         pickle_protocol=protocol)
save("legacy.pt", [small, small.t(), random(torch.bfloat16, 3)],
     _use_new_zipfile_serialization=False)
save("legacy_protocol4.pt", {"a": small}, _use_new_zipfile_serialization=False, pickle_protocol=4)
torch.serialization.set_crc32_options(False)
save("without_checksums.pt", small)
torch.serialization.set_crc32_options(True)

legacy = (HERE / "legacy.pt").read_bytes()
flag = b"little_endianq\x02"
(HERE / "legacy_big_flag.pt").write_bytes(legacy.replace(flag + b"\x88", flag + b"\x89"))
expect("legacy_big_flag.pt", torch.load(HERE / "legacy_big_flag.pt", weights_only=True))

rewrite("deflated.pt", "small.pt", method=zipfile.ZIP_DEFLATED)
expect("deflated.pt", torch.load(HERE / "deflated.pt", weights_only=True))
rewrite("torch_1_13.pt", "small.pt", lambda name, data:
        data if name in ("data.pkl", "data/0", "version") else None)
expect("torch_1_13.pt", torch.load(HERE / "torch_1_13.pt", weights_only=True))
for tag in ("cuda:7", "mps", "npu:3"):
    name = tag.replace(":", "_") + ".pt"
    old, new = b"X\x03\0\0\0cpu", b"X" + len(tag).to_bytes(4, "little") + tag.encode()
    rewrite(name, "small.pt", lambda name, data: data.replace(old, new))
    expect(name, small, tag)


def swapped(name, data):
    if name == "byteorder":
        return b"big"
    if name.startswith("data/"):
        width = units[int(name[5:])]
        return b"".join(data[i:i + width][::-1] for i in range(0, len(data), width))
    return data


wide = [random(dtype, 3) for dtype in DTYPES]
units = [t.dtype.itemsize // (2 if t.is_complex() else 1) for t in wide]
torch.save(wide, HERE / "source.tmp")
rewrite("big_endian.pt", "source.tmp", swapped)
expect("big_endian.pt", wide)
os.remove(HERE / "source.tmp")


class Command:
    def __reduce__(self):
        return os.system, ("echo a tensor file must not run this",)


recursive = [1]
recursive.append(recursive)
values = torch.ones(3)
refuse("os_system.pt", Command(), "forbiddenGlobal", "posix.system")
refuse("os_system_legacy.pt", Command(), "forbiddenGlobal", "posix.system",
       _use_new_zipfile_serialization=False)
refuse("os_system_protocol4.pt", [small, Command()], "forbiddenGlobal", "posix.system",
       pickle_protocol=4)
refuse("module.pt", torch.nn.Linear(1, 1), "forbiddenGlobal", "torch.nn.modules.linear.Linear")
refuse("sparse.pt", values.to_sparse(), "unsupported", "sparse")
refuse("sparse_csr.pt", torch.eye(2).to_sparse_csr(), "unsupported", "sparse")
refuse("quantized.pt", torch.quantize_per_tensor(values, 0.1, 0, torch.qint8), "unsupported",
       "quantized")
refuse("meta.pt", torch.ones(3, device="meta"), "unsupported", "meta")
refuse("nested_tensor.pt", torch.nested.nested_tensor([values, values]), "unsupported", "nested")
refuse("bits8.pt", torch.zeros(2, dtype=torch.uint8).view(torch.bits8), "unsupported", "torch.bits8")
refuse("storage.pt", values.untyped_storage(), "unsupported", "storage")
torch.jit.script(torch.nn.Identity()).save(HERE / "script.pt")
refuse("script.pt", None, "unsupported", "TorchScript")


class Doubling(torch.nn.Module):
    def forward(self, x):
        return x * 2


program = torch.export.export(Doubling(), (torch.ones(3),))
torch.export.save(program, HERE / "program.pt2")
with zipfile.ZipFile(HERE / "program.pt2") as made:
    members = [(item, made.read(item)) for item in made.infolist()]
with zipfile.ZipFile(HERE / "program.pt2", "w") as made:
    for item, data in members:  # stack traces hold where this script stood
        made.writestr(item, data.replace(str(HERE).encode() + b"/", b""))
refuse("program.pt2", None, "unsupported", "torch.export.load(path).state_dict")
with torch.package.PackageExporter(HERE / "package.pt") as exporter:
    exporter.extern("**")
    exporter.save_pickle("model", "model.pkl", {"a": values})
refuse("package.pt", None, "unsupported", "torch.package")

# What torch reads in spite of what follows it, and what it does not.
saved, long_saved = (HERE / "small.pt").read_bytes(), (HERE / "nested.pt").read_bytes()
for name, parts in {
    "one_byte_more.pt": [saved, b"\n"], "much_more.pt": [saved, bytes(3000)],
    "legacy_one_byte_more.pt": [legacy, b"\n"], "two_legacy.pt": [legacy, legacy],
    "legacy_and_zip.pt": [legacy, saved], "zip_and_legacy.pt": [saved, legacy],
    "two_alike.pt": [saved, saved.replace(raw(small), bytes(24))],
}.items():
    (HERE / name).write_bytes(b"".join(parts))
    expect(name, torch.load(HERE / name, weights_only=True))
for name, parts in {"small_and_nested.pt": [saved, long_saved], "nested_and_small.pt": [long_saved, saved]}.items():
    (HERE / name).write_bytes(b"".join(parts))
    try:
        torch.load(HERE / name)
        sys.exit(f"torch reads {name}")
    except RuntimeError:
        refuse(name, None, "malformed", "more than once")
with zipfile.ZipFile(HERE / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as bomb:
    bomb.writestr(zipfile.ZipInfo("bomb/data.pkl"), zipfile.ZipFile(HERE / "small.pt").read("small/data.pkl"))
    entry = zipfile.ZipInfo("bomb/data/0")
    entry.compress_type = zipfile.ZIP_DEFLATED
    bomb.writestr(entry, bytes(10 << 20))
refuse("bomb.pt", None, "malformed", "not 24")


# Plain Python values of more kinds; both protocols write them differently.
plain = {
    "complex": [1 + 2j, complex(-0.0, float("inf"))], "set": {1, 2}, "frozen": frozenset(["a"]),
    "default": collections.defaultdict(list, {1: small}), "integers": [2**63, 2**64, -2**63 - 1, 10**18, -10**27, 2**70, -(2**64), -(2**96), 10**36 - 1, -(10**36)],
    "counter": collections.Counter("aab"), "counts": collections.defaultdict(int, {"x": 2}),
    frozenset([1]): 2**2100, 2**65: -(2**2100) - 1,
}
for protocol in (2, 4, 5):
    save(f"plain_protocol{protocol}.pt", plain, pickle_protocol=protocol)

# One odd member does not take the others with it.
deep = [1]
deep.append({"again": deep})
odd = {
    "before": small, "sparse": values.to_sparse(), "csr": torch.eye(2).to_sparse_csr(),
    "quantized": torch.quantize_per_tensor(values, 0.1, 0, torch.qint8),
    "channels": torch.quantize_per_channel(torch.eye(2), torch.tensor([0.1, 0.2]), torch.tensor([0, 1]), 0, torch.quint8),
    "meta": torch.ones(3, device="meta"), "nested": torch.nested.nested_tensor([values, values]),
    "bits": torch.zeros(2, dtype=torch.uint8).view(torch.bits8), "storage": values.untyped_storage(),
    "array": numpy.arange(3), "scalar": numpy.float64(1.5), "huge": 2**10000, "class": int,
    "list": [torch.eye(2).to_sparse(), small[0]], "after": small.t(),
}
mentions = [
    ("sparse", "a sparse tensor"), ("csr", "a sparse tensor"), ("quantized", "a quantized tensor"),
    ("channels", "a quantized tensor"), ("meta", "meta device"), ("nested", "a nested tensor"),
    ("bits", "torch.bits8"), ("storage", "a storage that is not a tensor's"), ("array", "a NumPy array"),
    ("scalar", "a NumPy scalar"), ("huge", "an integer of 1251 bytes"), ("class", "a class or a function"),
    ("list/0", "a sparse tensor"),
]
for protocol in (2, 4):
    torch.save(odd, HERE / f"odd_protocol{protocol}.pt", pickle_protocol=protocol)
    expect(f"odd_protocol{protocol}.pt", odd, unreadable=mentions)
torch.save(deep, HERE / "recursive.pt")
files["recursive.pt"] = {"value": '[1, {"again": unreadable}]', "tensors": [],
                         "unreadable": [["1/again", "contains itself"]]}


# Tensors of other backends, as these write them. torch loads those to the CPU; the stand-in for
# torch_npu does what torch_npu's function does without a device.
class Reduced:
    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


def module(name, **members):
    made = types.ModuleType(name)
    for key, member in members.items():
        member.__module__, member.__qualname__ = name, key
        setattr(made, key, member)
    sys.modules[name] = made


def rebuild_npu_tensor(*arguments):
    return torch._utils._rebuild_tensor_v2(*arguments[:6])


module("torch_npu")
module("torch_npu.utils")
module("torch_npu.utils.storage", _rebuild_npu_tensor=rebuild_npu_tensor)
module("torch_npu.npu")
module("torch_npu.npu._format", Format=type("Format", (int,), {"__reduce__": lambda self: (type(self), (int(self),))}))
Format = sys.modules["torch_npu.npu._format"].Format


def npu(tensor, form):
    return Reduced(rebuild_npu_tensor, tensor._typed_storage(), tensor.storage_offset(), tuple(tensor.size()),
                   tensor.stride(), False, collections.OrderedDict(), form)


def from_cpu(tensor, device, dtype=None):
    return Reduced(torch._utils._rebuild_device_tensor_from_cpu_tensor, tensor, dtype or tensor.dtype, device, False)


def from_numpy(array, device, dtype=None):
    array = numpy.asarray(array)
    return Reduced(torch._utils._rebuild_device_tensor_from_numpy, array,
                   dtype or torch.from_numpy(array).dtype, device, False)


NUMPY = [numpy._core.multiarray._reconstruct, numpy._core.numeric._frombuffer, numpy.ndarray, numpy.dtype,
         bytes, rebuild_npu_tensor, Format, *(type(numpy.dtype(code)) for code in "efdbhilBHIL?FD")]


def backend(name, device, value, **options):
    torch.save(value, HERE / name, **options)
    with torch.serialization.safe_globals(NUMPY):
        expect(name, torch.load(HERE / name, map_location="cpu", weights_only="protocol" not in name), device)


grid = numpy.arange(12, dtype=numpy.float32).reshape(3, 4) - 5.5
wide = random(torch.bfloat16, 64)
wide = wide[~wide.isnan()]
backend("npu_rebuilt.pt", "npu", [npu(small.t(), 2), npu(small[1], True), npu(small, Format(29))])
backend("npu_rebuilt_legacy.pt", "npu", [npu(small, 2)], _use_new_zipfile_serialization=False)
backend("mtia.pt", "mtia:1", {"whole": from_cpu(small, "mtia:1"), "view": from_cpu(small.t()[1:], "mtia:1"),
                              "parameter": from_cpu(torch.nn.Parameter(small), "mtia:1")})
arrays = [from_numpy(array, "xla:0") for array in (
    grid, grid.T, grid[1:, ::2], grid.reshape(3, 2, 2).transpose(1, 0, 2), numpy.float32(2.5), numpy.zeros((2, 0, 3)), numpy.array([1.5 + 2j, -1j]),
    *(numpy.array([0, 1, 100]).astype(code) for code in "efdbhilBHIL?F"))]
arrays.append(from_numpy(wide.float().numpy(), "xla:0", torch.bfloat16))
backend("xla.pt", "xla:0", arrays)
backend("xla_protocol5.pt", "xla:0", arrays, pickle_protocol=5)
rewrite("xla_old_names.pt", "xla.pt", lambda name, data:
        data.replace(b"numpy._core.", b"numpy.core.").replace(b"_rebuild_device_tensor_from_numpy", b"_rebuild_xla_tensor"))
expect("xla_old_names.pt", torch.load(HERE / "xla.pt", map_location="cpu", weights_only=False), "xla:0")
# torch knows no array of the other byte order, numpy does.
torch.save([Reduced(torch._utils._rebuild_device_tensor_from_numpy, grid.astype(">f4"), torch.float32, "xla:0", False)],
           HERE / "xla_big_endian.pt")
expect("xla_big_endian.pt", [torch.from_numpy(grid)], "xla:0")
refuse("xla_other_dtype.pt", from_numpy(grid, "xla:0", torch.float16), "unsupported", "stored as torch.float32")
refuse("xla_dates.pt", Reduced(torch._utils._rebuild_device_tensor_from_numpy, numpy.array(["2020"], "M8[Y]"), torch.int64, "xla:0", False),
       "unsupported", "a numpy array of dtype")
refuse("npu_format.pt", npu(small, "ND"), "malformed", "do not fit")

(HERE / "expected.json").write_text(json.dumps(
    {"torch": torch.__version__, "files": files, "refused": refused, "pickles": pickles},
    sort_keys=True, indent=0) + "\n")

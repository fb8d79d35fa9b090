"""Writes the HDF5 fixtures of AssayRunsTests with h5py, and what PyTorch says they hold.

Run it with h5py, numpy and torch installed: python make_h5_fixtures.py
"""

import json
import pathlib

import h5py
import numpy as np
import torch
from h5py import h5d, h5p, h5s, h5t, h5z

FOLDER = pathlib.Path(__file__).parent / "hdf5"

DTYPES = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn,
    torch.float8_e5m2, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8,
    torch.uint16, torch.uint32, torch.uint64, torch.bool, torch.complex64, torch.complex128,
    torch.float8_e4m3fnuz, torch.float8_e5m2fnuz, torch.float8_e8m0fnu, torch.float4_e2m1fn_x2,
    torch.complex32,
]
BYTES = [torch.float8_e4m3fn, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz, torch.float8_e8m0fnu,
         torch.float4_e2m1fn_x2]


def custom_float(size, sign, exponent, exponent_bits, fraction_bits, bias):
    kind = h5t.IEEE_F32LE.copy()
    kind.set_fields(sign, exponent, exponent_bits, 0, fraction_bits)
    kind.set_size(size)
    kind.set_ebias(bias)
    return kind


def compound_of_halves():
    kind = h5t.create(h5t.COMPOUND, 4)
    kind.insert(b"r", 0, h5t.IEEE_F16LE)
    kind.insert(b"i", 2, h5t.IEEE_F16LE)
    return kind


CUSTOM = {
    torch.bfloat16: custom_float(2, 15, 7, 8, 7, 127),
    torch.float8_e5m2: custom_float(1, 7, 2, 5, 2, 15),
    torch.complex32: compound_of_halves(),
    **dict.fromkeys(BYTES, h5t.STD_U8LE),
}


def example(dtype):
    """Six elements of each dtype, the awkward ones among them."""
    if dtype in (torch.float8_e8m0fnu, torch.float4_e2m1fn_x2):
        return torch.tensor([0, 255, 0x7F, 0x21, 0xE8, 1], dtype=torch.uint8).view(dtype)
    if dtype.is_complex:
        return torch.tensor([1.5 - 2j, float("inf") + 0j, -0.0 + 1j, 3, 4, 5j]).to(dtype)
    if dtype.is_floating_point:
        return torch.tensor([1.5, -0.0, 448.0, float("nan"), 0.0078125, -3.0]).to(dtype)
    if dtype == torch.bool:
        return torch.tensor([True, False, True, True, False, False])
    info = torch.iinfo(dtype)
    return torch.tensor([info.min, info.max, 0, 1, 2, 3], dtype=dtype)


def raw(tensor):
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def stored_type(dtype):
    if dtype in CUSTOM:
        return CUSTOM[dtype]
    return h5t.py_create(example(dtype).numpy().dtype)


def put(group, name, tensor, shape=None):
    """A contiguous dataset in the file's own type."""
    shape = tensor.shape if shape is None else shape
    space = h5s.create_simple(tuple(shape)) if len(shape) else h5s.create(h5s.SCALAR)
    kind = stored_type(tensor.dtype)
    dataset = h5d.create(group.id, name.encode(), kind, space)
    if tensor.numel():
        dataset.write(h5s.ALL, h5s.ALL, np.frombuffer(raw(tensor), np.uint8), mtype=kind)
    dataset = h5py.Dataset(dataset)
    fixed(dataset, "dtype", str(tensor.dtype))
    return dataset


def fixed(owner, name, text):
    """A fixed-length attribute: that is what h5py makes of bytes."""
    owner.attrs[name] = np.bytes_(text.encode())


def create(name, complete=1):
    file = h5py.File(FOLDER / name, "w", libver=("v110", "v110"))
    fixed(file, "assay_schema", "assay.hdf5/1")
    fixed(file, "id", name)
    file.attrs["complete"] = np.int8(complete)
    return file


def described(tensor):
    return {"type": "tensor", "shape": list(tensor.shape), "dtype": str(tensor.dtype),
            "numel": tensor.numel()}


def calls(step, entries, order=None):
    text = json.dumps({"completion_order": order or list(range(len(entries)))[::-1],
                       "calls": entries}).encode()
    step.create_dataset(".calls", data=np.bytes_(text))


def device(step, module, call=0, name="cpu"):
    group = step.require_group(module).create_group(f"call_{call}").create_group(
        name.replace(":", "_"))
    fixed(group, "device", name)
    return group


def dtypes():
    expected = {}
    with create("dtypes.h5") as file:
        fixed(file, "provenance", json.dumps(
            {"tool": "h5py", "tool_version": "3", "created": "2026-01-01T00:00:00Z"}))
        step = file.create_group("step_0")
        entries = []
        for dtype in DTYPES:
            tensor, name = example(dtype), str(dtype).removeprefix("torch.")
            group = device(step, name, name="cuda:0")
            put(group, "inputs_0", tensor.reshape(2, 3))
            group["outputs"] = put(group, "inputs_1", tensor[0])  # a hard link
            entries.append({"module": name, "call": 0,
                            "inputs": {"type": "tuple", "items": [
                                described(tensor.reshape(2, 3)), described(tensor[0])]},
                            "outputs": described(tensor[0])})
            expected[name] = raw(tensor).hex()
        calls(step, entries)
    (FOLDER / "dtypes.json").write_text(json.dumps(expected, indent=1) + "\n")


def layouts():
    """Other ways to keep 1,000 float32 numbers, among them what h5repack makes."""
    values = np.arange(1000, dtype=np.float32)
    with create("layouts.h5") as file:
        step = file.create_group("step_10")
        group = device(step, "m")
        made = [
            group.create_dataset("outputs_0", data=values, chunks=(300,), compression="gzip",
                                 shuffle=True, fletcher32=True),
            group.create_dataset("outputs_1", data=values.astype(">f4")),
            group.create_dataset("outputs_2", data=values.astype(">f4"), chunks=(300,)),
        ]
        compact = h5p.create(h5p.DATASET_CREATE)
        compact.set_layout(h5d.COMPACT)
        identifier = h5d.create(group.id, b"outputs_10", h5t.IEEE_F32LE,
                                h5s.create_simple((1000,)), compact)
        identifier.write(h5s.ALL, h5s.ALL, values)
        for dataset in made + [h5py.Dataset(identifier)]:
            fixed(dataset, "dtype", "torch.float32")
        calls(step, [{"module": "m", "call": 0}])
        cut = device(file.create_group("step_11"), "m")  # no .calls: it was cut
        put(cut, "outputs", example(torch.float32))
        calls(file.create_group("step_9"), [{"module": "m", "call": 0, "outputs": None}])


def one(name, change):
    """A good run of one tensor, changed in one way."""
    with create(name) as file:
        step = file.create_group("step_0")
        group = device(step, "m")
        tensor = example(torch.float32)
        put(group, "outputs", tensor)
        calls(step, [{"module": "m", "call": 0, "outputs": described(tensor)}])
        change(file, step, group)


def replaced(make):
    def change(file, step, group):
        del group["outputs"]
        make(group)
    return change


def tagged(group, name="outputs", dtype="torch.float32", **arguments):
    dataset = group.create_dataset(name, **arguments)
    fixed(dataset, "dtype", dtype)


def untyped(group):
    group.create_dataset("outputs", data=np.zeros(6, np.float32))


def virtual(group):
    layout = h5py.VirtualLayout((6,), "f4")
    layout[:] = h5py.VirtualSource("dtypes.h5", "/step_0/float32/call_0/cuda_0/inputs_0", (6,))
    fixed(group.create_virtual_dataset("outputs", layout), "dtype", "torch.float32")


def damaged():
    """Files that must be refused, each with one thing wrong."""
    one("soft-link.h5", replaced(
        lambda group: group.__setitem__("outputs", h5py.SoftLink("/step_0"))))
    one("external-link.h5", replaced(lambda group: group.__setitem__(
        "outputs", h5py.ExternalLink("dtypes.h5", "/step_0/float32/call_0/cuda_0/inputs_0"))))
    one("external-step.h5", lambda file, step, group: file.__setitem__(
        "step_1", h5py.ExternalLink("dtypes.h5", "/step_0")))
    one("cycle.h5", lambda file, step, group: file.__setitem__("step_1", step))
    one("stray-module.h5", lambda file, step, group: step.create_group("other"))
    one("stray-call.h5", lambda file, step, group: device(step, "m", 1))
    one("stray-object.h5", lambda file, step, group: file.create_group("notes"))
    one("missing-tensor.h5", replaced(lambda group: None))
    one("missing-device.h5", lambda file, step, group: group.attrs.__delitem__("device"))
    one("variable-string.h5", lambda file, step, group: file.attrs.__setitem__("id", "variable"))
    one("not-json.h5", lambda file, step, group: fixed(file, "recipe", "{"))
    with h5py.File(FOLDER / "foreign.h5", "w") as file:
        file["data"] = np.arange(4)
    with create("other-schema.h5") as file:
        fixed(file, "assay_schema", "assay.hdf5/2")


def unreadable():
    """Runs that open, but whose one tensor must be refused."""
    one("virtual.h5", replaced(virtual))
    one("external-storage.h5", replaced(lambda group: fixed(
        group.create_dataset("outputs", shape=(6,), dtype="f4",
                             external=[("dtypes.h5", 0, 24)]), "dtype", "torch.float32")))
    one("wrong-dtype.h5", replaced(
        lambda group: tagged(group, dtype="torch.float16", data=np.zeros(6, np.float32))))
    one("no-dtype.h5", replaced(untyped))
    one("unknown-type.h5", replaced(
        lambda group: tagged(group, data=np.array([b"ab", b"cd"]))))
    one("huge.h5", replaced(lambda group: fixed(
        group.create_dataset("outputs", shape=(1 << 38,), dtype="f4", chunks=(1 << 20,),
                             compression="gzip"), "dtype", "torch.float32")))
    one("unwritten.h5", replaced(lambda group: fixed(
        group.create_dataset("outputs", shape=(6,), dtype="f4"), "dtype", "torch.float32")))
    one("filter.h5", replaced(lambda group: fixed(
        group.create_dataset("outputs", data=np.zeros(600, np.int32), chunks=(600,),
                             scaleoffset=0), "dtype", "torch.int32")))


def repacked():
    """What people make of a run with h5py: LZF, soft links, filters that few have."""
    def soft(file, step, group):
        del group["outputs"]
        put(group, "inputs_0", example(torch.float32))
        group["outputs_0"] = h5py.SoftLink("inputs_0")
        group["outputs_1"] = h5py.SoftLink("/step_0/m/./call_0/cpu/outputs_0")
        described_tensor = described(example(torch.float32))
        del step[".calls"]
        calls(step, [{"module": "m", "call": 0,
                      "inputs": {"type": "tuple", "items": [described_tensor]},
                      "outputs": {"type": "tuple", "items": [described_tensor] * 2}}])
    one("soft-tensors.h5", soft)
    one("soft-nothing.h5", replaced(
        lambda group: group.__setitem__("outputs", h5py.SoftLink("/step_0/gone"))))
    one("soft-circle.h5", replaced(
        lambda group: group.__setitem__("outputs", h5py.SoftLink("outputs"))))

    values = np.arange(1000, dtype=np.float32)
    noise = np.random.default_rng(1).standard_normal(1000).astype(np.float16)
    with create("lzf.h5") as file:
        step = file.create_group("step_0")
        group = device(step, "m")
        packed = dict(chunks=(300,), compression="lzf")
        tagged(group, "outputs_0", data=values, shuffle=True, **packed)
        tagged(group, "outputs_1", data=values, shuffle=True, fletcher32=True, **packed)
        tagged(group, "outputs_2", dtype="torch.float16", data=noise, **packed)
        tagged(group, "outputs_3", dtype="torch.int64", data=np.zeros(100_000, np.int64),
               chunks=(50_000,), compression="lzf")
        calls(step, [{"module": "m", "call": 0}])
    (FOLDER / "lzf-noise.bin").write_bytes(noise.tobytes())

    def damaged_lzf(group):
        dataset = group.create_dataset("outputs", shape=(600,), dtype="f4", chunks=(600,),
                                       compression="lzf")
        fixed(dataset, "dtype", "torch.float32")
        dataset.id.write_direct_chunk((0,), b"\x05abcd\xe0\xff\xff" * 20)
    one("lzf-damaged.h5", replaced(damaged_lzf))

    def zstandard(group):
        """Zstandard by its registered number, which neither h5py nor libhdf5 brings along."""
        creation = h5p.create(h5p.DATASET_CREATE)
        creation.set_chunk((600,))
        creation.set_filter(32015, h5z.FLAG_OPTIONAL, (3,))
        dataset = h5py.Dataset(h5d.create(
            group.id, b"outputs", h5t.IEEE_F32LE, h5s.create_simple((600,)), creation))
        dataset.id.write_direct_chunk((0,), b"compressed")
        fixed(dataset, "dtype", "torch.float32")
    one("zstandard.h5", replaced(zstandard))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    dtypes()
    layouts()
    damaged()
    unreadable()
    repacked()

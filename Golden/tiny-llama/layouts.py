"""Writes a recorded run in Assay's two layouts, and reads it back to prove it.

The schemas are described in `Golden/README.md`.
"""

import dataclasses
import json
import os
import shutil
import typing

import h5py
import numpy as np
import torch
from h5py import h5a, h5d, h5f, h5g, h5p, h5s, h5t


@dataclasses.dataclass
class Other:
    """A value that is only described."""
    type: str
    text: str


@dataclasses.dataclass
class Call:
    module: str
    call: int
    arguments: tuple
    keywords: dict
    outputs: typing.Any = None

    @property
    def directory(self):
        return escaped(self.module) + (f"_{self.call}" if self.call else "")

    def descriptions(self):
        inputs = described(self.arguments)
        if self.keywords:
            inputs["kwargs"] = {key: described(value) for key, value in self.keywords.items()}
        return {"inputs": inputs, "outputs": described(self.outputs)}

    def tensors(self):
        yield from tensors("inputs", self.arguments)
        yield from tensors("inputs", self.keywords)
        yield from tensors("outputs", self.outputs)


@dataclasses.dataclass
class Step:
    calls: list = dataclasses.field(default_factory=list)
    completion_order: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Manifest:
    id: str
    provenance: dict
    recipe: dict
    configuration: dict


def escaped(name):
    return name.replace("%", "%25").replace("/", "%2F").replace("\0", "%00")


def tensors(slot, value):
    """Each tensor inside a value, with its slot."""
    if isinstance(value, torch.Tensor):
        yield slot, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from tensors(f"{slot}_{key}", item)
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from tensors(f"{slot}_{index}", item)


def number(value):
    """What JSON can hold of an element."""
    if isinstance(value, complex):
        return [number(value.real), number(value.imag)]
    if isinstance(value, float) and not np.isfinite(value):
        return "nan" if np.isnan(value) else "inf" if value > 0 else "-inf"
    if isinstance(value, int) and value >= 1 << 63:
        return str(value)  # many readers know no such integer
    return value


def described(value):
    if isinstance(value, torch.Tensor):
        text = {"type": "tensor", "shape": list(value.shape), "dtype": str(value.dtype),
                "numel": value.numel()}
        if value.numel() <= 16 and value.dtype != torch.float4_e2m1fn_x2:
            text["values"] = [number(element) for element in value.flatten().tolist()]
        return text
    if isinstance(value, dict):
        return {"type": "dict", "items": {key: described(item) for key, item in value.items()}}
    if isinstance(value, tuple):
        if len(value) > 20:
            return {"type": "tuple", "length": len(value),
                    "sample": [described(item) for item in value[:20]],
                    "note": f"the first 20 of {len(value)} items"}
        return {"type": "tuple", "items": [described(item) for item in value]}
    if isinstance(value, Other):
        return {"type": value.type, "string_repr": value.text}
    return number(value)


def json_text(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def device_on_disk(tensor):
    return str(tensor.device).replace(":", "_")


def bits(tensor):
    """The row-major little-endian bytes of a contiguous tensor."""
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


# The directory layout


def write_directory(path, manifest, steps):
    temporary = path + ".tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    listed = []
    for number_, step in enumerate(steps):
        calls = []
        for call in step.calls:
            directory = os.path.join(temporary, f"step_{number_}", call.directory)
            os.makedirs(directory)
            for side, description in call.descriptions().items():
                write_text(os.path.join(directory, side + ".json"), json_text(description) + "\n")
            files = []
            for slot, tensor in call.tensors():
                file = f"{escaped(slot)}_{device_on_disk(tensor)}.pt"
                torch.save(tensor, os.path.join(directory, file))
                files.append({"slot": slot, "device": str(tensor.device), "file": file})
            calls.append({"module": call.module, "call": call.call,
                          "directory": call.directory, "tensors": files})
        names = "".join(call.directory + "\n" for call in step.calls)
        write_text(os.path.join(temporary, f"step_{number_}", "module_calls.txt"), names)
        listed.append({"step": number_, "completion_order": step.completion_order, "calls": calls})
    run = {"schema": "assay.run/1", "id": manifest.id, "complete": True,
           "provenance": manifest.provenance, "recipe": manifest.recipe,
           "configuration": manifest.configuration, "steps": listed}
    write_text(os.path.join(temporary, "run.json"), json_text(run) + "\n")
    os.rename(temporary, path)


def write_text(path, text):
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)


def check_directory(path, steps):
    for step_number, step in enumerate(steps):
        for call in step.calls:
            directory = os.path.join(path, f"step_{step_number}", call.directory)
            for slot, tensor in call.tensors():
                file = os.path.join(directory, f"{escaped(slot)}_{device_on_disk(tensor)}.pt")
                read = torch.load(file, weights_only=True)
                assert read.dtype == tensor.dtype and read.shape == tensor.shape, file
                assert bits(read) == bits(tensor), file


# HDF5


def custom_float(size, sign, exponent, exponent_bits, mantissa, mantissa_bits, bias):
    kind = h5t.IEEE_F32LE.copy()
    kind.set_fields(sign, exponent, exponent_bits, mantissa, mantissa_bits)
    kind.set_size(size)
    kind.set_ebias(bias)
    return kind


def boolean():
    kind = h5t.enum_create(h5t.STD_I8LE)
    kind.enum_insert(b"FALSE", 0)
    kind.enum_insert(b"TRUE", 1)
    return kind


def complex_number(part):
    kind = h5t.create(h5t.COMPOUND, 2 * part.get_size())
    kind.insert(b"r", 0, part)
    kind.insert(b"i", part.get_size(), part)
    return kind


TYPES = {
    torch.float64: h5t.IEEE_F64LE, torch.float32: h5t.IEEE_F32LE,
    torch.float16: custom_float(2, 15, 10, 5, 0, 10, 15),
    torch.bfloat16: custom_float(2, 15, 7, 8, 0, 7, 127),
    torch.float8_e5m2: custom_float(1, 7, 2, 5, 0, 2, 15),
    torch.float8_e4m3fn: h5t.STD_U8LE,  # libhdf5 would read 448 as NaN
    torch.float8_e4m3fnuz: h5t.STD_U8LE, torch.float8_e5m2fnuz: h5t.STD_U8LE,
    torch.float8_e8m0fnu: h5t.STD_U8LE, torch.float4_e2m1fn_x2: h5t.STD_U8LE,
    torch.int8: h5t.STD_I8LE, torch.int16: h5t.STD_I16LE,
    torch.int32: h5t.STD_I32LE, torch.int64: h5t.STD_I64LE,
    torch.uint8: h5t.STD_U8LE, torch.uint16: h5t.STD_U16LE,
    torch.uint32: h5t.STD_U32LE, torch.uint64: h5t.STD_U64LE,
    torch.bool: boolean(),
    torch.complex32: complex_number(custom_float(2, 15, 10, 5, 0, 10, 15)),
    torch.complex64: complex_number(h5t.IEEE_F32LE),
    torch.complex128: complex_number(h5t.IEEE_F64LE),
}


def string_type(data):
    kind = h5t.C_S1.copy()
    kind.set_size(max(len(data), 1))
    kind.set_cset(h5t.CSET_UTF8)
    kind.set_strpad(h5t.STR_NULLPAD)
    return kind


def write_attribute(owner, name, text):
    data = text.encode()
    kind = string_type(data)
    attribute = h5a.create(owner, name.encode(), kind, h5s.create(h5s.SCALAR))
    attribute.write(np.array(data, dtype=f"S{max(len(data), 1)}"), mtype=kind)


def write_string(owner, name, text):
    data = text.encode()
    kind = string_type(data)
    dataset = h5d.create(owner, name.encode(), kind, h5s.create(h5s.SCALAR), dcpl=untimed(True))
    dataset.write(h5s.ALL, h5s.ALL, np.array(data, dtype=f"S{max(len(data), 1)}"), mtype=kind)


def untimed(is_dataset):
    """No times inside, so that the same run makes the same bytes."""
    properties = h5p.create(h5p.DATASET_CREATE if is_dataset else h5p.GROUP_CREATE)
    properties.set_obj_track_times(False)
    if is_dataset:
        properties.set_layout(h5d.CONTIGUOUS)
    return properties


def group(owner, name):
    data = name.encode()
    return h5g.open(owner, data) if data in owner else h5g.create(owner, data, gcpl=untimed(False))


def write_hdf5(path, manifest, steps):
    temporary = path + ".tmp"
    access = h5p.create(h5p.FILE_ACCESS)
    access.set_libver_bounds(h5f.LIBVER_V110, h5f.LIBVER_V110)
    creation = h5p.create(h5p.FILE_CREATE)
    creation.set_obj_track_times(False)
    file = h5f.create(temporary.encode(), h5f.ACC_TRUNC, fcpl=creation, fapl=access)
    root = h5g.open(file, b"/")
    texts = {"provenance": manifest.provenance, "recipe": manifest.recipe,
             "configuration": manifest.configuration}
    write_attribute(root, "assay_schema", "assay.hdf5/1")
    write_attribute(root, "id", manifest.id)
    for name, value in texts.items():
        text = json_text(value)
        if len(text.encode()) > 32768:
            write_string(root, "." + name, text)
        else:
            write_attribute(root, name, text)
    complete = h5a.create(root, b"complete", h5t.STD_I8LE, h5s.create(h5s.SCALAR))
    complete.write(np.array(1, dtype=np.int8))
    written = {}
    for number_, step in enumerate(steps):
        step_group = group(root, f"step_{number_}")
        for call in step.calls:
            call_group = group(group(step_group, escaped(call.module)), f"call_{call.call}")
            for slot, tensor in call.tensors():
                device = group(call_group, device_on_disk(tensor))
                if not h5a.exists(device, b"device"):
                    write_attribute(device, "device", str(tensor.device))
                write_tensor(root, device, slot, tensor, written)
        calls = [{"module": call.module, "call": call.call, **call.descriptions()}
                 for call in step.calls]
        write_string(step_group, ".calls", json_text(
            {"completion_order": step.completion_order, "calls": calls}))
    file.close()
    with open(temporary, "rb+") as raw:
        os.fsync(raw.fileno())
    os.rename(temporary, path)


def write_tensor(root, device, slot, tensor, written):
    data = bits(tensor)
    key = (tensor.dtype, tuple(tensor.shape), data)
    name = escaped(slot).encode()
    if key in written:  # the same bytes again: a hard link
        device.links.create_hard(name, root, written[key])
        return
    kind = TYPES[tensor.dtype]
    shape = tuple(tensor.shape)
    space = h5s.create_simple(shape) if shape else h5s.create(h5s.SCALAR)
    dataset = h5d.create(device, name, kind, space, dcpl=untimed(True))
    if data:
        dataset.write(h5s.ALL, h5s.ALL, np.frombuffer(data, np.uint8), mtype=kind)
    write_attribute(dataset, "dtype", str(tensor.dtype))
    written[key] = h5py.h5i.get_name(dataset)


def read_bits(dataset):
    """A dataset's bytes as they stand in the file, without any conversion."""
    kind = dataset.id.get_type()
    buffer = np.zeros(dataset.size * kind.get_size(), np.uint8)
    if dataset.size:
        dataset.id.read(h5s.ALL, h5s.ALL, buffer, mtype=kind)
    return buffer.tobytes()


def check_hdf5(path, steps):
    with h5py.File(path, "r") as file:
        assert file.attrs["assay_schema"] == b"assay.hdf5/1"
        for number_, step in enumerate(steps):
            for call in step.calls:
                for slot, tensor in call.tensors():
                    name = "/".join((f"step_{number_}", escaped(call.module), f"call_{call.call}",
                                     device_on_disk(tensor), escaped(slot)))
                    dataset = file[name]
                    assert dataset.shape == tuple(tensor.shape), name
                    assert dataset.attrs["dtype"].decode() == str(tensor.dtype), name
                    assert read_bits(dataset) == bits(tensor), name
                    if tensor.dtype in (torch.float32, torch.bfloat16):  # and as h5py means it
                        values = torch.from_numpy(np.asarray(dataset[()], dtype=np.float32))
                        assert torch.equal(values, tensor.float()), name

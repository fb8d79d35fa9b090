"""One HDF5 file of the schema ``assay.hdf5/1``, which ``Golden/README.md`` describes.

h5py's low-level interface is used throughout: the schema wants fixed-length texts, types that
numpy does not have, and no times inside, so that the same run makes the same bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TYPE_CHECKING

import numpy as np
import torch
from h5py import h5a, h5d, h5f, h5g, h5p, h5s, h5t

from assay_torch.digest import Digested
from assay_torch.errors import RecordError
from assay_torch.tensors import DTYPES, bits
from assay_torch.text import device_on_disk, escaped, json_text
from assay_torch.values import Found, NotRecorded, Skipped

if TYPE_CHECKING:
    from assay_torch.conversion import Call

ATTRIBUTE_LIMIT = 32768  # a longer text is a dataset


def custom_float(size: int, exponent_bits: int, mantissa_bits: int, bias: int) -> h5t.TypeID:
    """A floating-point type that libhdf5 has no name for."""
    kind = h5t.IEEE_F32LE.copy()
    kind.set_fields(mantissa_bits + exponent_bits, mantissa_bits, exponent_bits, 0, mantissa_bits)
    kind.set_size(size)
    kind.set_ebias(bias)
    return kind


def boolean() -> h5t.TypeID:
    """The enumeration of ``FALSE`` and ``TRUE``."""
    kind = h5t.enum_create(h5t.STD_I8LE)
    kind.enum_insert(b"FALSE", 0)
    kind.enum_insert(b"TRUE", 1)
    return kind


def complex_number(part: h5t.TypeID) -> h5t.TypeID:
    """The compound of two floats."""
    kind = h5t.create(h5t.COMPOUND, 2 * part.get_size())
    kind.insert(b"r", 0, part)
    kind.insert(b"i", part.get_size(), part)
    return kind


def types() -> dict[torch.dtype, h5t.TypeID]:
    """The type in the file of each dtype."""
    half = custom_float(2, 5, 10, 15)
    kinds = {
        "float64": h5t.IEEE_F64LE, "float32": h5t.IEEE_F32LE,
        "float16": half, "bfloat16": custom_float(2, 8, 7, 127),
        "float8_e5m2": custom_float(1, 5, 2, 15),
        # As a float, libhdf5 would read 448 as NaN; the others are no floats of its kind either.
        "float8_e4m3fn": h5t.STD_U8LE, "float8_e4m3fnuz": h5t.STD_U8LE,
        "float8_e5m2fnuz": h5t.STD_U8LE, "float8_e8m0fnu": h5t.STD_U8LE,
        "float4_e2m1fn_x2": h5t.STD_U8LE,
        "int8": h5t.STD_I8LE, "int16": h5t.STD_I16LE, "int32": h5t.STD_I32LE,
        "int64": h5t.STD_I64LE, "uint8": h5t.STD_U8LE, "uint16": h5t.STD_U16LE,
        "uint32": h5t.STD_U32LE, "uint64": h5t.STD_U64LE, "bool": boolean(),
        "complex32": complex_number(half), "complex64": complex_number(h5t.IEEE_F32LE),
        "complex128": complex_number(h5t.IEEE_F64LE)}
    return {dtype: kinds[name] for dtype, name in DTYPES.items()}


TYPES = types()


def type_of(note: Skipped) -> h5t.TypeID:
    """The type in the file of a tensor that is not there."""
    return TYPES[getattr(torch, note.dtype.removeprefix("torch."))]


def text_type(data: bytes) -> h5t.TypeID:
    """The type of a text of fixed length."""
    kind = h5t.C_S1.copy()
    kind.set_size(max(len(data), 1))
    kind.set_cset(h5t.CSET_UTF8)
    kind.set_strpad(h5t.STR_NULLPAD)
    return kind


def text_array(data: bytes) -> np.ndarray:
    """A text as the array that is written."""
    return np.array(data, dtype=f"S{max(len(data), 1)}")


def set_text(owner: Any, name: str, text: str) -> None:
    """Adds a text as an attribute."""
    data = text.encode()
    kind = text_type(data)
    attribute = h5a.create(owner, name.encode(), kind, h5s.create(h5s.SCALAR))
    attribute.write(text_array(data), mtype=kind)


def set_integers(owner: Any, name: str, values: Sequence[int]) -> None:
    """Adds a list of numbers as an attribute."""
    space = h5s.create_simple((len(values),)) if values else h5s.create(h5s.NULL)
    attribute = h5a.create(owner, name.encode(), h5t.STD_I64LE, space)
    if values:
        attribute.write(np.array(values, dtype=np.int64))


def set_array(owner: Any, name: str, values: np.ndarray, kind: h5t.TypeID) -> None:
    """Adds a list of elements, whose bytes are those of their type in the file."""
    space = h5s.create_simple((values.nbytes // kind.get_size(),))
    attribute = h5a.create(owner, name.encode(), kind, space)
    attribute.write(values, mtype=kind)


def file_access() -> h5p.PropFAID:
    """How files are opened: aligned, in the format of 1.10."""
    access = h5p.create(h5p.FILE_ACCESS)
    access.set_libver_bounds(h5f.LIBVER_V110, h5f.LIBVER_V110)
    access.set_sieve_buf_size(0)
    access.set_alignment(1 << 20, 64)
    access.set_fclose_degree(h5f.CLOSE_STRONG)
    return access


def dataset_properties() -> h5p.PropDCID:
    """How datasets are made: contiguous, without times."""
    properties = h5p.create(h5p.DATASET_CREATE)
    properties.set_layout(h5d.CONTIGUOUS)
    properties.set_alloc_time(h5d.ALLOC_TIME_EARLY)
    properties.set_fill_time(h5d.FILL_TIME_NEVER)
    properties.set_obj_track_times(False)
    return properties


def group_properties(is_ordered: bool = False) -> h5p.PropGCID:
    """How groups are made: small, or ordered as their links were made."""
    properties = h5p.create(h5p.GROUP_CREATE)
    properties.set_obj_track_times(False)
    if is_ordered:
        properties.set_link_creation_order(h5p.CRT_ORDER_TRACKED | h5p.CRT_ORDER_INDEXED)
    return properties


def write_text(owner: Any, name: str, text: str) -> None:
    """Writes a text as a dataset."""
    data = text.encode()
    kind = text_type(data)
    dataset = h5d.create(owner, name.encode(), kind, h5s.create(h5s.SCALAR),
                         dcpl=dataset_properties())
    dataset.write(h5s.ALL, h5s.ALL, text_array(data), mtype=kind)


class HDF5Writer:
    """Writes a new file in the format of 1.10, whose metadata carry checksums."""

    def __init__(self, path: str, manifest: dict[str, Any]) -> None:
        self.path, self.manifest = path, manifest
        self.written = {}  # what each dataset holds: the same bytes again are a hard link
        with self.writing():
            creation = h5p.create(h5p.FILE_CREATE)
            creation.set_obj_track_times(False)
            self.file = h5f.create(os.fsencode(path), h5f.ACC_EXCL, fcpl=creation,
                                   fapl=file_access())
            self.root = h5g.open(self.file, b"/")

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Names the file in what libhdf5 raises."""
        try:
            yield
        except (OSError, RuntimeError, ValueError) as error:
            raise RecordError(f"cannot write {self.path}: {error}") from error

    def write_manifest(self, is_complete: bool) -> None:
        """Writes what the run says of itself."""
        texts = {"assay_schema": "assay.hdf5/1"} | {
            key: value if key == "id" else json_text(value) for key, value in self.manifest.items()}
        for name, text in texts.items():
            if len(text.encode()) > ATTRIBUTE_LIMIT:
                write_text(self.root, "." + name, text)
            else:
                set_text(self.root, name, text)
        attribute = h5a.create(self.root, b"complete", h5t.STD_I8LE, h5s.create(h5s.SCALAR))
        attribute.write(np.array(int(is_complete), dtype=np.int8))

    def begin_step(self, step: int) -> None:
        """Makes the group of a step."""
        with self.writing():
            self.step, self.groups, self.entries = step, {}, {}
            self.step_group = h5g.create(self.root, f"step_{step}".encode(),
                                         gcpl=group_properties(is_ordered=True))

    def write(self, call: Call, side: str, description: Any, tensors: Iterable[Found]) -> None:
        """Writes one side of a call."""
        entry = self.entries.setdefault(
            call, {"module": call.module, "call": call.index, "tensors": []})
        entry[side] = description
        with self.writing():
            for slot, device, value in tensors:
                listed = {"slot": slot, "device": device}
                entry["tensors"].append(listed)
                if isinstance(value, NotRecorded):
                    listed["not_recorded"] = value.reason
                    continue
                names = (escaped(call.module), f"call_{call.index}",
                         escaped(device_on_disk(device)))
                group = self.group(names)
                if not h5a.exists(group, b"device"):
                    set_text(group, "device", device)
                if isinstance(value, Digested):
                    self.write_digest(group, names + (escaped(slot),), value)
                elif isinstance(value, Skipped):
                    self.write_skipped(group, escaped(slot), value)
                else:
                    self.write_tensor(group, names + (escaped(slot),), value)

    def group(self, names: tuple[str, ...]) -> h5g.GroupID:
        """The group of these names below the step's, made on first use."""
        if not names:
            return self.step_group
        if names not in self.groups:
            self.groups[names] = h5g.create(
                self.group(names[:-1]), names[-1].encode(), gcpl=group_properties())
        return self.groups[names]

    def write_tensor(self, group: h5g.GroupID, names: tuple[str, ...],
                     tensor: torch.Tensor) -> None:
        """Writes a tensor, or links to the same one."""
        kind = TYPES[tensor.dtype]
        data, name = bits(tensor), names[-1].encode()
        key = (tensor.dtype, tuple(tensor.shape), hashlib.sha256(data).digest())
        if self.is_linked(group, name, key):
            return
        shape = tuple(tensor.shape)
        space = h5s.create_simple(shape) if shape else h5s.create(h5s.SCALAR)
        dataset = h5d.create(group, name, kind, space, dcpl=dataset_properties())
        set_text(dataset, "dtype", str(tensor.dtype))
        if data.size:
            dataset.write(h5s.ALL, h5s.ALL, data, mtype=kind)
        self.remember(key, names)

    def remember(self, key: tuple[Any, ...], names: tuple[str, ...]) -> None:
        """Keeps where a content was written."""
        self.written[key] = (self.step, "/".join(names))

    def is_linked(self, group: h5g.GroupID, name: bytes, key: tuple[Any, ...]) -> bool:
        """Makes a link to the dataset that has this content, if there is one."""
        if key not in self.written:
            return False
        step, target = self.written[key]
        is_here = step == self.step
        start = self.step_group if is_here else self.root
        if not is_here:
            target = f"step_{step}/{target}"
        group.links.create_hard(name, start, target.encode())
        return True

    def write_digest(self, group: h5g.GroupID, names: tuple[str, ...], digest: Digested) -> None:
        """Writes what stands for a tensor."""
        key = (digest.dtype, digest.shape, digest.reason, digest.figures["sha256"])
        if self.is_linked(group, names[-1].encode(), key):
            return
        dataset = self.write_skipped(group, names[-1], digest)
        set_text(dataset, "digest", json_text(digest.figures))
        if digest.projection is not None:
            set_array(dataset, "projection", digest.projection.astype("<f4"), h5t.IEEE_F32LE)
        if digest.sample is not None:
            kind = type_of(digest)
            set_array(dataset, "sample", digest.sample, kind)
        self.remember(key, names)

    def write_skipped(self, group: h5g.GroupID, name: str, note: Skipped) -> h5d.DatasetID:
        """Writes a dataset without elements, which says why it has none."""
        dataset = h5d.create(group, name.encode(), type_of(note), h5s.create(h5s.NULL),
                             dcpl=dataset_properties())
        set_text(dataset, "dtype", note.dtype)
        set_integers(dataset, "shape", note.shape)
        set_text(dataset, "skipped", note.reason)
        return dataset

    def end_step(self, calls: list[Call], completion_order: list[int], rows: Any) -> None:
        """Writes ``.calls``, the last of a step."""
        entries = [self.entries.get(call, {"module": call.module, "call": call.index,
                                           "tensors": []}) for call in calls]
        index = {"completion_order": completion_order, "calls": entries}
        with self.writing():
            write_text(self.step_group, ".calls",
                       json_text(index if rows is None else index | {"rows": rows}))

    def finish(self, is_complete: bool) -> None:
        """Completes the file, and waits until it is on the disk."""
        with self.writing():
            self.write_manifest(is_complete)
            h5f.flush(self.file)
            self.file.close()
            with open(self.path, "rb+") as file:
                os.fsync(file.fileno())
